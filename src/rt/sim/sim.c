// SPDX-License-Identifier: Apache-2.0
// rt/sim/sim.c: the simulated backend: a clock that jumps, chance from the seed, helper threads
// that are none; and the life of a sim.
//
// The network does one thing at a time, and only when no task is ready: so a reader sees each
// segment by itself, whatever the order of tasks.
#include "rt/sim/sim.h"

#include "rt/sim/world.h"

#define ARENA_BYTES_MAX (16 * MIB)
#define PORT_FIRST 40000

static int64_t sim_now_ns(struct loop *loop);
static int64_t sim_wall_ms(struct loop *loop);
static int16_t sim_offset_min(struct loop *loop, int64_t at_ms);
static void sim_random(struct loop *loop, void *out, size_t count);
static void sim_poll(struct loop *loop, int64_t until_ns);
static struct err sim_offload(struct loop *loop, offload_fn *fn, void *arg) suspends;
static void sim_backend_free(struct loop *loop);
static struct err sim_main(void *arg) suspends;
static void come_to_an_end(struct sim *sim) suspends;

static const struct backend backend_sim = {
        .now_ns = sim_now_ns,
        .wall_ms = sim_wall_ms,
        .offset_min = sim_offset_min,
        .random = sim_random,
        .poll = sim_poll,
        .listen = sim_backend_listen,
        .connect = sim_backend_connect,
        .pair = sim_backend_pair,
        .own_ips = sim_backend_own_ips,
        .resolver = sim_backend_resolver,
        .offload = sim_offload,
        .free = sim_backend_free,
};

struct sim *sim_new(uint64_t seed)
{
    struct sim *sim = mem_new(struct sim);
    if (sim == NULL)
        return NULL;
    sim->seed = seed;
    prng_seed(&sim->chance, seed);
    prng_seed(&sim->bytes, ~seed);
    sim->wall_shift_ms = SIM_WALL_MS;
    sim->next_port = PORT_FIRST;
    list_init(&sim->listeners);
    list_init(&sim->conns);
    list_init(&sim->nodes);
    list_init(&sim->dns_faults);
    arena_init(&sim->arena, ARENA_BYTES_MAX);
    waitq_init(&sim->settled);
    group_begin(&sim->tasks);
    group_begin(&sim->fault_tasks);
    sim->loop = loop_new(&backend_sim, sim);
    if (sim->loop == NULL) {
        mem_free(sim);
        return NULL;
    }
    return sim;
}

void sim_free(struct sim *sim)
{
    if (sim != NULL)
        loop_free(sim->loop); // frees the rest by sim_backend_free
}

static void sim_backend_free(struct loop *loop)
{
    struct sim *sim = sim_of_loop(loop);
    agenda_free(&sim->agenda);
    assert(list_is_empty(&sim->conns));     // whoever made a stream closes it
    assert(list_is_empty(&sim->listeners)); // and frees an acceptor
    for (struct link *k; (k = list_take_first(&sim->nodes)) != NULL;)
        mem_free(CONTAINER_OF(k, struct node, in_sim));
    dns_zone_free(sim->dns);
    arena_done(&sim->arena);
    mem_free(sim);
}

struct director {
    struct sim *sim;
    task_main *main;
    void *arg;
};

struct err sim_run(struct sim *sim, task_main *main, void *arg)
{
    return loop_run(sim->loop, sim_main, &(struct director){sim, main, arg});
}

static struct err sim_main(void *arg)
{
    struct director *d = arg;
    d->sim->director = task_running();
    struct err e = d->main(d->arg);
    struct err ended = d->sim->was_stuck ? fail(ERR_INTERNAL, "every task waits, for nothing") : e;
    come_to_an_end(d->sim);
    return ended;
}

static void come_to_an_end(struct sim *sim)
{
    sim->director->cancelled = false;
    sim->faults = (struct faults){0};
    group_end(&sim->fault_tasks);
    group_end(&sim->tasks);
    each_in_list (n, &sim->nodes, struct node, in_sim)
        node_end(n);
}

struct sim *sim_of_loop(struct loop *loop)
{
    assert(loop->backend == &backend_sim);
    return loop->backend_state;
}

struct err sim_spawn(struct sim *sim, task_main *main, void *arg)
{
    return loop_spawn_on(sim->loop, NULL, &sim->tasks, main, arg);
}

struct err sim_run_ms(struct sim *sim UNUSED, int64_t ms)
{
    return task_sleep_ms(ms);
}

struct err sim_settle(struct sim *sim)
{
    return waitq_wait(&sim->settled, "the world to settle");
}

uint64_t sim_below(struct sim *sim, uint64_t bound)
{
    return prng_below(&sim->chance, bound);
}

bool sim_happens(struct sim *sim, uint32_t permille)
{
    return permille > 0 && prng_below(&sim->chance, 1000) < permille;
}

uint64_t sim_seed(const struct sim *sim)
{
    return sim->seed;
}

void sim_wall_set(struct sim *sim, int64_t wall_ms)
{
    sim->wall_shift_ms = wall_ms - sim->now_ns / 1000000;
}

void sim_wire_set(struct sim *sim, const struct sim_wire *wire)
{
    sim->wire = *wire;
}

// --- The backend ---------------------------------------------------------------------------------

static int64_t sim_now_ns(struct loop *loop)
{
    return sim_of_loop(loop)->now_ns;
}

static int64_t sim_wall_ms(struct loop *loop)
{
    struct sim *sim = sim_of_loop(loop);
    return sim->wall_shift_ms + sim->now_ns / 1000000;
}

static int16_t sim_offset_min(struct loop *loop UNUSED, int64_t at_ms UNUSED)
{
    return 0; // the machines of a simulation keep UTC
}

static void sim_random(struct loop *loop, void *out, size_t count)
{
    struct sim *sim = sim_of_loop(loop);
    for (size_t at = 0; at < count; at += sizeof(uint64_t)) {
        uint64_t value = prng_u64(&sim->bytes);
        memcpy((char *)out + at, &value, count - at < sizeof(value) ? count - at : sizeof(value));
    }
}

static void sim_poll(struct loop *loop, int64_t until_ns)
{
    struct sim *sim = sim_of_loop(loop);
    struct due due;
    if (until_ns == 0)
        return; // tasks are ready: the network waits until they are not
    bool some = agenda_first(&sim->agenda, &due);
    bool is_settled = (!some || due.at_ns > sim->now_ns) && until_ns > sim->now_ns;
    if (is_settled && !list_is_empty(&sim->settled.tasks)) {
        waitq_wake_all(&sim->settled);
        return;
    }
    if (some && due.at_ns <= until_ns) {
        agenda_take_first(&sim->agenda);
        if (due.at_ns > sim->now_ns)
            sim->now_ns = due.at_ns;
        conn_due(sim, &due);
        conn_unref(due.conn);
        return;
    }
    if (until_ns != NO_DEADLINE) {
        if (until_ns > sim->now_ns)
            sim->now_ns = until_ns;
        return;
    }
    assert(!sim->was_stuck); // the director was told, and waits for ever again
    sim->was_stuck = true;
    sim->director->cancelled = true;
    task_make_ready(sim->director, WAKE_CANCELLED);
}

// At once, on the large stack that helper threads have, and others run before it returns.
static struct err sim_offload(struct loop *loop UNUSED, offload_fn *fn, void *arg)
{
    deep_call(fn, arg);
    task_yield();
    return OK;
}
