// SPDX-License-Identifier: Apache-2.0
// server/supervisor.c: start, signals, reload and stop (listeners.md 15, configuration.md 12).
#include "server/supervisor.h"

#include "server/confine.h"

#include <stdatomic.h>

#define FINDINGS_BYTES_MAX (4 * MIB)
#define REPORT_BYTES_MAX (4 * MIB)

static struct err supervise(void *arg) suspends;
static struct err start(struct supervisor *sup) suspends;
static struct err hear_signals(void *sup) suspends;
static void reload(struct supervisor *sup) suspends;
static void succeed(struct supervisor *sup, struct generation *now) suspends;
static struct err retire(void *generation_and_supervisor) suspends;
static struct err next_generation(struct supervisor *sup, struct generation **out) suspends;
static struct err prepare(struct supervisor *sup, struct plan *plan, struct findings *findings,
        struct arena *a) suspends;
static void report(struct supervisor *sup, const struct findings *findings, struct err e);
static void stop(struct supervisor *sup) suspends;
static void reap(struct supervisor *sup);
static void say(struct supervisor *sup, const char *text);
static void notify(struct supervisor *sup, struct str text);

struct retirement {
    struct supervisor *sup;
    struct generation *generation;
};

int server_run(const struct server_options *options)
{
    struct supervisor sup = {.options = options};
    struct loop *loop = loop_new_real();
    sup.shared = shared_bytes(sizeof(struct server_shared));
    sup.sockets = sockets_new();
    sup.logs = logs_new();
    if (loop == NULL || sup.shared == NULL || sup.sockets == NULL || sup.logs == NULL)
        return 1;
    buf_init(&sup.report, REPORT_BYTES_MAX);
    descriptors_raise();
    struct err e = loop_run(loop, supervise, &sup);
    sockets_free(sup.sockets);
    listen_kept_done(&sup.kept);
    buf_done(&sup.report);
    loop_free(loop);
    return failed(e) ? 1 : 0;
}

static struct err supervise(void *arg)
{
    struct supervisor *sup = arg;
    static const int signos[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD, SIGUSR1};
    list_init(&sup->generations);
    waitq_init(&sup->changed);
    group_begin(&sup->retirements);
    struct group listeners AUTO(group_end);
    group_begin(&listeners);
    random_bytes(sup->kept.ticket_secret, sizeof(sup->kept.ticket_secret));
    sup->kept.seed = random_u64();
    listen_shared_init(&sup->shared->listen, random_u64());
    TRY(signals_begin(signos, COUNT_OF(signos), &sup->signals));
    struct err e = group_spawn(&listeners, hear_signals, sup);
    if (!failed(e))
        e = start(sup);
    while (!failed(e) && sup->stop_count == 0) {
        if (sup->reload_wanted) // any number of requests meanwhile are one
            reload(sup);
        else
            e = waitq_wait(&sup->changed, "a signal");
    }
    if (!failed(e) && !sup->stop_at_once)
        stop(sup);
    group_end(&sup->retirements);
    sup->log = NULL;
    logs_end(sup->logs);
    sup->logs = NULL;
    group_end(&listeners);
    signals_end(sup->signals);
    return e;
}

// Its own task, so that children are reaped whatever the supervisor waits for.
static struct err hear_signals(void *arg)
{
    struct supervisor *sup = arg;
    for (;;) {
        int signo;
        TRY(signals_wait(sup->signals, &signo));
        switch (signo) {
        case SIGCHLD:
            reap(sup);
            break;
        case SIGHUP:
            sup->reload_wanted = true;
            break;
        case SIGUSR1:
            logs_reopen(sup->logs);
            break;
        case SIGQUIT: // the workers die with us; what was acknowledged is on disk
            sup->stop_at_once = true;
            sup->stop_count++;
            break;
        case SIGTERM:
        case SIGINT:
            sup->stop_count++;
            break;
        default:
            break;
        }
        if (sup->stop_count > 1 || sup->stop_at_once)
            each_in_list (g, &sup->generations, struct generation, in_supervisor)
                group_cancel(&g->watchers);
        waitq_wake_all(&sup->changed);
    }
}

static void reap(struct supervisor *sup)
{
    int status;
    for (pid_t pid; (pid = process_reap(&status)) > 0;)
        if (!logs_note_exit(sup->logs, pid))
            supervisor_note_exit(sup, pid, status);
}

static struct err start(struct supervisor *sup)
{
    TRY(confine_supervisor(sup));
    TRY(next_generation(sup, &sup->current));
    sockets_settle(sup->sockets, sup->current->plan);
    logs_tell_listeners(sup->log, NULL, sup->current->plan);
    event(sup->log, EV_SERVER_STARTUP, F_STR(version, S(POSTHASTE_VERSION)));
    notify(sup, S("READY=1\nSTATUS=serving\n"));
    say(sup, NULL);
    return OK;
}

// Loads the configuration, binds what is new, and starts workers. Nothing has changed on failure,
// and what there is to say about the configuration is in sup->report.
static struct err next_generation(struct supervisor *sup, struct generation **out)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, FINDINGS_BYTES_MAX);
    struct findings findings = findings_make(&a);
    struct plan_inputs in = {.kept = &sup->kept,
            .before = sup->current != NULL ? sup->current->plan : NULL,
            .wall_now_ms = wall_ms()};
    struct plan *plan = plan_make(&sup->options->conf, &in, &findings);
    struct err e = plan == NULL ? fail(ERR_CONFIG, "the configuration has errors")
                                : prepare(sup, plan, &findings, &a);
    if (!failed(e))
        e = generation_start(sup, plan, out);
    report(sup, &findings, e);
    if (!failed(e))
        return OK;
    sockets_undo(sup->sockets);
    return fail(e.kind, "there is no new generation of workers");
}

static struct err prepare(
        struct supervisor *sup, struct plan *plan, struct findings *findings, struct arena *a)
{
    struct sockets_wish wish = {
            .plan = plan, .findings = findings, .at_start = sup->current == NULL};
    struct err e = logs_prepare(sup->logs, plan);
    wish.log = sup->log = logs_log(sup->logs);
    plan->number = ++sup->generation_number;
    if (!failed(e))
        e = confine_check(sup->log, plan, findings);
    if (!failed(e))
        e = sockets_want(sup->sockets, &wish, a);
    if (!failed(e))
        e = sockets_activate(sup->sockets, a);
    if (failed(e)) {
        logs_forget(sup->logs, plan);
        plan_free(plan);
    }
    return e;
}

static void report(struct supervisor *sup, const struct findings *findings, struct err e)
{
    buf_clear(&sup->report);
    findings_print(&sup->report, findings, FINDINGS_PLAIN);
    if (failed(e))
        buf_fmt(&sup->report, "posthaste: %.*s\n", ARG(err_text(e)));
    if (sup->options->trouble != NULL && sup->report.len > 0)
        sup->options->trouble(buf_str(&sup->report));
    logs_tell_findings(sup->log, findings);
}

static void reload(struct supervisor *sup)
{
    struct generation *now = NULL;
    sup->reload_wanted = false;
    notify(sup, S("RELOADING=1\n"));
    struct err e = next_generation(sup, &now);
    event(sup->log, EV_SERVER_RELOAD, F_STR(result, failed(e) ? S("failed") : S("done")));
    if (failed(e)) {
        notify(sup, S("READY=1\nSTATUS=reload failed, the former configuration goes on\n"));
        return;
    }
    succeed(sup, now);
    notify(sup, S("READY=1\nSTATUS=serving\n"));
}

static void succeed(struct supervisor *sup, struct generation *now)
{
    struct generation *before = sup->current;
    sup->current = now;
    logs_tell_listeners(sup->log, before->plan, now->plan);
    logs_apply(sup->logs, now->plan);
    struct retirement *r = mem_new(struct retirement);
    if (r != NULL)
        *r = (struct retirement){sup, before};
    if (r == NULL || failed(group_spawn(&sup->retirements, retire, r))) {
        mem_free(r);
        generation_finish(sup, before, GENERATION_STOP);
    }
    sockets_settle(sup->sockets, now->plan);
}

static struct err retire(void *arg)
{
    struct retirement *r = arg;
    generation_finish(r->sup, r->generation, GENERATION_RETIRE);
    mem_free(r);
    return OK;
}

// listeners.md 15.5. A second signal ends the wait.
static void stop(struct supervisor *sup)
{
    atomic_store(&sup->shared->draining, 1);
    notify(sup, S("STOPPING=1\n"));
    event(sup->log, EV_SERVER_SHUTDOWN, F_STR(version, S(POSTHASTE_VERSION)));
    logs_tell_listeners(sup->log, sup->current->plan, NULL);
    each_in_list (g, &sup->generations, struct generation, in_supervisor) {
        g->retiring = true;
        generation_tell(g, S("stop\n"));
    }
    sockets_close(sup->sockets, SOCKETS_REMOVE_FILES); // the workers' copies are the last ones
    within_ms(sup->current->grace_ms + SECOND_MS);
    generation_finish(sup, sup->current, GENERATION_STOP);
    struct err ignored = group_wait_below(&sup->retirements, 1);
    (void)ignored; // workers that are left die with us
}

static void say(struct supervisor *sup, const char *text)
{
    if (sup->options->started != NULL)
        sup->options->started(text);
}

static void notify(struct supervisor *sup, struct str text)
{
    service_notify(sup->options->notify_socket, text);
}
