// SPDX-License-Identifier: Apache-2.0
// rt/sim/node.c: machines: adding, starting, crashing. A crash takes the node's sockets out of the
// world first; then its tasks are cancelled until none is left, and whatever they still say goes
// nowhere.
#include "rt/sim/world.h"

#define UNWIND_ROUNDS_MAX 100000 // a task that never ends although every wait of it fails is a bug

static struct err node_main(void *arg) suspends;
static void sockets_vanish(struct node *n, enum sim_crash how);
static bool tasks_cancel(struct node *n);

struct err sim_node_add(struct sim *sim, const struct sim_node *what, struct node **out)
{
    struct node *n = mem_new(struct node);
    if (n == NULL)
        return fail(ERR_LIMIT, "no memory for a node");
    assert(what->ip_count <= SIM_IPS_MAX);
    n->sim = sim;
    n->is = *what;
    group_begin(&n->group);
    list_append(&sim->nodes, &n->in_sim);
    *out = n;
    return OK;
}

struct err sim_node_start(struct node *n)
{
    assert(!n->is_up);
    group_begin(&n->group);
    TRY(loop_spawn_on(n->sim->loop, n, &n->group, node_main, n));
    n->is_up = true;
    n->is_down_by_fault = n->silent = false;
    n->starts++;
    n->result = OK;
    journal_add(n->sim, NOTE_START, NULL, n->is.name);
    network_release(n->sim);
    return OK;
}

static struct err node_main(void *arg)
{
    struct node *n = arg;
    struct err e = n->is.main(n->is.arg);
    if (!task_cancelled()) {
        n->result = e;
        n->is_up = false;
    }
    return OK;
}

void sim_node_crash(struct node *n, enum sim_crash how)
{
    if (!n->is_up)
        return;
    journal_add(n->sim, NOTE_CRASH, NULL, n->is.name);
    n->is_up = false;
    n->silent = how == SIM_CRASH_SILENT;
    sockets_vanish(n, how);
    node_end(n);
}

static void sockets_vanish(struct node *n, enum sim_crash how)
{
    each_in_list (c, &n->sim->conns, struct conn, in_sim)
        for (int side = 0; side < 2; side++) {
            struct end *e = &c->ends[side];
            if (e->node != n || e->is_dead)
                continue;
            e->is_dead = true;
            bool is_known = e->is_open || link_is_in(&c->in_queue);
            if (is_known && !e->is_broken && how == SIM_CRASH_RESET)
                conn_reset_peer(e);
            if (!e->is_broken)
                end_break(e, fail(ERR_RESET, "this machine has crashed"), false);
        }
    listeners_of_node_close(n);
}

void node_end(struct node *n)
{
    for (int rounds = 0; tasks_cancel(n); rounds++) {
        assert(rounds < UNWIND_ROUNDS_MAX);
        task_yield();
    }
}

static bool tasks_cancel(struct node *n)
{
    bool some = false;
    each_in_list (t, &n->sim->loop->all, struct task, all_link) {
        if (t->node != n || t->finished)
            continue;
        some = true;
        t->cancelled = true;
        task_make_ready(t, WAKE_CANCELLED);
    }
    return some;
}

bool sim_node_is_up(const struct node *n)
{
    return n->is_up;
}

uint64_t sim_node_starts(const struct node *n)
{
    return n->starts;
}
