// SPDX-License-Identifier: Apache-2.0
// server/tend.c: what the supervisor does all the time, beside waiting: it pings the workers, ends
// one that does not answer, tells the service manager that all is well, and tries again to bind
// what could not be bound.
//
// A worker hangs when it has left HANG_TICKS pings unanswered and stood still meanwhile, that is,
// after HANG_MS, or after half of the service manager's own patience (server/patience.h).
#include "server/supervisor.h"

#include <stdatomic.h>

#define HANG_TICKS 4
#define HANG_MS (20 * SECOND_MS)
#define TICK_MS_MIN 100
#define START_TICKS (3 * HANG_TICKS) // for one that is not ready yet
#define RETRY_MS (10 * SECOND_MS)    // listeners.md 3.5

static void ping_all(struct supervisor *sup, int64_t tick_ms) suspends;
static void ping(struct supervisor *sup, struct slot *s, int64_t tick_ms) suspends;
static bool all_answered(const struct supervisor *sup);
static void renew_certificates(struct supervisor *sup);
static void retry_sockets(struct supervisor *sup) suspends;

struct err tend(void *arg)
{
    struct supervisor *sup = arg;
    int64_t patience_ms = sup->service.watchdog_ms / 2, hang_ms = HANG_MS;
    if (patience_ms > 0 && patience_ms < hang_ms)
        hang_ms = patience_ms;
    int64_t tick_ms = hang_ms / HANG_TICKS < TICK_MS_MIN ? TICK_MS_MIN : hang_ms / HANG_TICKS;
    int64_t retry_at_ms = now_ms() + RETRY_MS;
    task_describe("tending", sup);
    for (;;) {
        TRY(task_sleep_ms(tick_ms));
        // The answers to the last ping are here by now, or their worker is slow.
        if (sup->service.watchdog_ms > 0 && all_answered(sup))
            service_tell(&sup->service, "WATCHDOG=1");
        ping_all(sup, tick_ms);
        if (now_ms() >= retry_at_ms) {
            retry_sockets(sup);
            retry_at_ms = now_ms() + RETRY_MS;
        }
        renew_certificates(sup);
    }
}

static void ping_all(struct supervisor *sup, int64_t tick_ms)
{
    each_in_list (g, &sup->generations, struct generation, in_supervisor)
        for (size_t i = 0; i < g->worker_count; i++)
            if (g->slots[i].pid != 0)
                ping(sup, &g->slots[i], tick_ms);
}

// A new ping only behind an answer, so that the wire to one that hangs does not fill up.
static void ping(struct supervisor *sup, struct slot *s, int64_t tick_ms)
{
    size_t most = s->ready ? HANG_TICKS : START_TICKS;
    uint64_t beats = atomic_load(&sup->shared->beats[s->column].count);
    switch (patience_tick(&s->patience, beats, most)) {
    case PATIENCE_ASK:
        if (s->ready)
            slot_tell(s, S("ping\n"));
        break;
    case PATIENCE_WAIT:
        break;
    case PATIENCE_HANGS:
        s->hung = true;
        event(sup->log, EV_SERVER_WORKER_HUNG, F_U64(slot, s->number),
                F_MS(elapsed, (int64_t)(most + s->patience.spared) * tick_ms));
        process_signal(s->pid, SIGABRT);
        process_signal(s->pid, SIGCONT); // one that was stopped would not hear of it
        break;
    case PATIENCE_EXHAUSTED:
        process_signal(s->pid, SIGKILL);
        break;
    }
}

// One that is being restarted after a crash is not waited for: the back-off is the answer to that.
static bool all_answered(const struct supervisor *sup)
{
    each_in_list (g, &sup->generations, struct generation, in_supervisor)
        for (size_t i = 0; i < g->worker_count; i++)
            if (g->slots[i].ready && g->slots[i].patience.unanswered > 1)
                return false;
    return true;
}

// Workers look after theirs themselves; this is for those that will be born, and for the metrics.
static void renew_certificates(struct supervisor *sup)
{
    struct plan *plan = sup->current == NULL ? NULL : sup->current->plan;
    if (plan != NULL && plan_renew(plan))
        logs_certificates(sup->logs, plan);
}

static void retry_sockets(struct supervisor *sup)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, MIB);
    if (sup->current == NULL || sup->current->plan == NULL || sup->renew_wanted ||
            str_is_empty(sockets_waiting(sup->sockets, &a)))
        return;
    struct sockets_wish wish = {.plan = sup->current->plan, .log = sup->log};
    if (sockets_retry(sup->sockets, &wish, &a) == 0)
        return;
    sup->renew_wanted = true; // workers are born with their sockets
    waitq_wake_all(&sup->changed);
}
