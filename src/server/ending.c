// SPDX-License-Identifier: Apache-2.0
// server/ending.c: how a server ends. A stop (listeners.md 15.5): not ready any more, for a while;
// no more connections; a polite word to sessions; after the grace, whoever is left is cut off. A
// server that was replaced (15.7) has no connections to refuse, and lets its sessions end by
// themselves for ten times the grace before it does the same.
#include "server/supervisor.h"

#include <stdatomic.h>

#define REPLACED_GRACES 10
#define TELL_EVERY_MS (5 * SECOND_MS)
#define EXTEND_US 15000000 // three times as long as until we tell the next time

static void stay_unready(struct supervisor *sup) suspends;
static void leave_the_stage(struct supervisor *sup);
static void let_sessions_end(struct supervisor *sup, int64_t most_ms) suspends;
static void stop_workers(struct supervisor *sup, int64_t grace_ms) suspends;
static void cut_off(struct supervisor *sup) suspends;
static void tell_draining(struct supervisor *sup, struct str details);
static uint64_t open_connections(const struct supervisor *sup);
static void wait_while(
        struct supervisor *sup, size_t signals, int64_t most_ms, bool until_empty) suspends;

void supervisor_end(struct supervisor *sup)
{
    int64_t grace_ms = sup->current->grace_ms;
    atomic_store(&sup->shared->draining, 1);
    if (sup->replaced) {
        leave_the_stage(sup);
        let_sessions_end(sup, REPLACED_GRACES * grace_ms);
    } else {
        service_tell(&sup->service, "STOPPING=1\nSTATUS=stopping");
        event(sup->log, EV_SERVER_SHUTDOWN, F_STR(version, S(POSTHASTE_VERSION)));
        stay_unready(sup);
        control_close(sup->control, CONTROL_REMOVE_FILE);
        if (sup->current->plan != NULL)
            logs_tell_listeners(sup->log, sup->current->plan, NULL);
    }
    stop_workers(sup, grace_ms);
    cut_off(sup);
}

// A load balancer sees it and sends nobody any more; who comes all the same is served.
static void stay_unready(struct supervisor *sup)
{
    const struct plan *plan = sup->current->plan;
    int64_t delay_ms = plan == NULL ? 0 : conf_duration_ms(plan->conf, S("server.shutdown.delay"));
    generation_tell(sup->current, S("unready\n"));
    if (delay_ms > 0)
        wait_while(sup, 1, delay_ms, false);
}

// The successor speaks for the service; lock, control socket and listening sockets are its own.
static void leave_the_stage(struct supervisor *sup)
{
    sup->service.silent = true;
    instance_leave(sup, INSTANCE_IS_REPLACED);
    control_close(sup->control, CONTROL_LEAVE_FILE);
    sockets_close(sup->sockets, SOCKETS_KEEP_FILES);
}

static void let_sessions_end(struct supervisor *sup, int64_t most_ms)
{
    tell_draining(sup, S("the successor takes all new connections"));
    supervisor_let_finish(sup, sup->current);
    wait_while(sup, 0, most_ms, true);
}

static void stop_workers(struct supervisor *sup, int64_t grace_ms)
{
    if (list_is_empty(&sup->generations))
        return;
    tell_draining(sup, S("sessions are told that the server shuts down"));
    bool finishing = sup->current == NULL || sup->current->retiring;
    each_in_list (g, &sup->generations, struct generation, in_supervisor) {
        g->retiring = true;
        generation_tell(g, S("stop\n"));
    }
    // The workers' copies are the last ones: they accept what is queued before they close them.
    sockets_close(sup->sockets, SOCKETS_REMOVE_FILES);
    if (!finishing)
        supervisor_let_finish(sup, sup->current);
    wait_while(sup, 1, grace_ms + SECOND_MS, true);
}

static void cut_off(struct supervisor *sup)
{
    if (list_is_empty(&sup->generations))
        return;
    tell_draining(sup, S("the grace is over, or a second signal came: sessions are cut off"));
    each_in_list (g, &sup->generations, struct generation, in_supervisor)
        group_cancel(&g->watchers);
    struct err ignored = group_wait_below(&sup->retirements, 1);
    (void)ignored; // nobody cancels the supervisor itself
}

// No longer than so many signals to stop allow. The service manager is told that we are at it.
static void wait_while(struct supervisor *sup, size_t signals, int64_t most_ms, bool until_empty)
{
    int64_t until_ms = now_ms() + most_ms;
    while (sup->stop_count <= signals && !sup->stop_at_once && now_ms() < until_ms &&
            !(until_empty && list_is_empty(&sup->generations))) {
        int64_t left_ms = until_ms - now_ms();
        within_ms(left_ms < TELL_EVERY_MS ? left_ms : TELL_EVERY_MS);
        struct err e = waitq_wait(&sup->changed, "sessions to end");
        if (e.kind == ERR_TIMEOUT)
            service_tell(&sup->service,
                    "EXTEND_TIMEOUT_USEC=%d\nSTATUS=stopping: %llu connections are left", EXTEND_US,
                    (unsigned long long)open_connections(sup));
    }
}

static void tell_draining(struct supervisor *sup, struct str details)
{
    event(sup->log, EV_SERVER_DRAIN, F_U64(total, open_connections(sup)), F_STR(details, details));
}

static uint64_t open_connections(const struct supervisor *sup)
{
    return shared_count_total(&sup->shared->listen.connections);
}
