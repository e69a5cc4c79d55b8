// SPDX-License-Identifier: Apache-2.0
// rt/sim/faults.c: misfortune, from the seed: crashes, cuts, resets, refusals.
// Resets and refusals are asked for where segments and connections arrive; crashes and cuts have a
// task of their own here.
#include "rt/sim/world.h"

static struct err crash_now_and_then(void *arg) suspends;
static struct err cut_now_and_then(void *arg) suspends;
static int64_t about(struct sim *sim, int64_t mean_ms);
static struct node *some_node(struct sim *sim, bool with_ip);
static void start_again(struct node *n);

void sim_faults(struct sim *sim, struct faults faults)
{
    group_cancel(&sim->fault_tasks);
    sim->faults = faults;
    sim->fault_tasks.cancelled = false; // for those that are spawned now
    struct err e = OK;
    if (faults.crash_mean_ms > 0)
        e = group_spawn(&sim->fault_tasks, crash_now_and_then, sim);
    if (!failed(e) && faults.cut_mean_ms > 0)
        e = group_spawn(&sim->fault_tasks, cut_now_and_then, sim);
    assert(!failed(e));
}

void sim_heal(struct sim *sim)
{
    sim->faults = (struct faults){0};
    group_end(&sim->fault_tasks);
    sim->cuts.count = 0;
    network_release(sim);
    journal_add(sim, NOTE_HEAL, NULL, S("everything"));
    each_in_list (n, &sim->nodes, struct node, in_sim)
        if (n->is_down_by_fault)
            start_again(n);
}

static struct err crash_now_and_then(void *arg)
{
    struct sim *sim = arg;
    for (;;) {
        TRY(task_sleep_ms(about(sim, sim->faults.crash_mean_ms)));
        struct node *n = some_node(sim, false);
        if (n == NULL)
            continue;
        bool is_silent = sim_happens(sim, sim->faults.silent_permille);
        sim_node_crash(n, is_silent ? SIM_CRASH_SILENT : SIM_CRASH_RESET);
        n->is_down_by_fault = true;
        TRY(task_sleep_ms(about(sim, sim->faults.down_mean_ms)));
        if (n->is_down_by_fault)
            start_again(n);
    }
}

static void start_again(struct node *n)
{
    struct err e = sim_node_start(n);
    assert(!failed(e));
}

static struct err cut_now_and_then(void *arg)
{
    struct sim *sim = arg;
    for (;;) {
        TRY(task_sleep_ms(about(sim, sim->faults.cut_mean_ms)));
        struct node *n = some_node(sim, true);
        if (n == NULL)
            continue;
        struct ip ip = n->is.ips[sim_below(sim, n->is.ip_count)];
        sim_cut(sim, &ip);
        TRY(task_sleep_ms(about(sim, sim->faults.cut_for_ms)));
        sim_cut_heal(sim, &ip);
    }
}

static int64_t about(struct sim *sim, int64_t mean_ms)
{
    return mean_ms <= 0 ? 0 : (int64_t)sim_below(sim, (uint64_t)mean_ms * 2 + 1);
}

static struct node *some_node(struct sim *sim, bool with_ip)
{
    size_t count = 0;
    each_in_list (n, &sim->nodes, struct node, in_sim)
        count += n->is_up && (!with_ip || n->is.ip_count > 0);
    if (count == 0)
        return NULL;
    size_t pick = sim_below(sim, count);
    each_in_list (n, &sim->nodes, struct node, in_sim) {
        if (!n->is_up || (with_ip && n->is.ip_count == 0))
            continue;
        if (pick-- == 0)
            return n;
    }
    return NULL;
}

// --- Cuts ----------------------------------------------------------------------------------------

void sim_cut(struct sim *sim, const struct ip *ip)
{
    struct ip *cut = vec_add(&sim->arena, &sim->cuts);
    assert(cut != NULL);
    *cut = *ip;
    struct str text = ip_text(&sim->arena, ip);
    journal_add(sim, NOTE_CUT, NULL, text);
}

void sim_cut_heal(struct sim *sim, const struct ip *ip)
{
    for (size_t i = 0; i < sim->cuts.count;)
        if (ip_eq(&sim->cuts.at[i], ip))
            sim->cuts.at[i] = sim->cuts.at[--sim->cuts.count];
        else
            i++;
    struct str text = ip_text(&sim->arena, ip);
    journal_add(sim, NOTE_HEAL, NULL, text);
    network_release(sim);
}

// What is still cut is held again when it comes.
void network_release(struct sim *sim)
{
    each_in_list (c, &sim->conns, struct conn, in_sim) {
        int64_t at_ns = sim->now_ns + c->wire.latency_us * 1000;
        if (c->syn_held)
            agenda_add(sim, at_ns, DUE_SYN, c, 1, 0);
        c->syn_held = false;
        end_release(&c->ends[0], at_ns);
        end_release(&c->ends[1], at_ns);
    }
}
