// SPDX-License-Identifier: Apache-2.0
// server/supervisor.c: start, signals, reload and stop (listeners.md 15, configuration.md 12).
#include "server/supervisor.h"

#include "rt/pid1.h"
#include "server/confine.h"
#include "server/names.h"

#define FINDINGS_BYTES_MAX (4 * MIB)
#define REPORT_BYTES_MAX (4 * MIB)
#define START_BYTES_MAX (4 * MIB)

struct server_process {
    const struct server_options *options;
    int follow_fd; // to process 1
};

static int run_process(void *server_process);
static struct err supervise(void *arg) suspends;
static struct err be_born(struct supervisor *sup, struct arena *a) suspends;
static struct err act(struct supervisor *sup) suspends;
static struct err hear_signals(void *sup) suspends;
static void reap(struct supervisor *sup);
static struct err start(struct supervisor *sup) suspends;
static void begin_control(
        struct supervisor *sup, const struct plan *plan, struct arena *a) suspends;
static struct err next_generation(struct supervisor *sup, struct generation **out) suspends;
static struct err prepare(struct supervisor *sup, struct plan *plan, struct findings *findings,
        struct arena *a) suspends;
static void report(struct supervisor *sup, const struct findings *findings, struct err e);
static void reload(struct supervisor *sup) suspends;
static void renew(struct supervisor *sup) suspends;
static void settle(struct supervisor *sup, struct generation *now) suspends;
static struct err retire(void *retirement) suspends;
static void replace(struct supervisor *sup) suspends;
static void say(struct supervisor *sup, struct arena *a, struct str text);

struct retirement {
    struct supervisor *sup;
    struct generation *generation;
};

int server_run(const struct server_options *options)
{
    struct server_process process = {.options = options, .follow_fd = -1};
    if (process_id() == 1)
        return pid1_run(run_process, &process, &process.follow_fd);
    return run_process(&process);
}

static int run_process(void *arg)
{
    struct server_process *process = arg;
    struct supervisor sup = {
            .options = process->options, .lock_fd = -1, .follow_fd = process->follow_fd};
    struct loop *loop = loop_new_real();
    sup.shared = shared_bytes(sizeof(struct server_shared));
    sup.sockets = sockets_new();
    sup.logs = logs_new();
    if (loop == NULL || sup.shared == NULL || sup.sockets == NULL || sup.logs == NULL)
        return 1;
    buf_init(&sup.report, REPORT_BYTES_MAX);
    buf_init(&sup.carried, REPORT_BYTES_MAX);
    sup.kept.descriptors_max = descriptors_raise();
    struct err e = loop_run(loop, supervise, &sup);
    sockets_free(sup.sockets);
    listen_kept_done(&sup.kept);
    buf_done(&sup.report);
    buf_done(&sup.carried);
    loop_free(loop);
    return failed(e) ? 1 : 0;
}

static struct err supervise(void *arg)
{
    struct supervisor *sup = arg;
    static const int signos[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD, SIGUSR1, SIGUSR2};
    struct arena a AUTO(arena_done);
    struct group tasks AUTO(group_end);
    arena_init(&a, START_BYTES_MAX);
    list_init(&sup->generations);
    waitq_init(&sup->changed);
    waitq_init(&sup->reloaded);
    waitq_init(&sup->settled);
    group_begin(&sup->retirements);
    group_begin(&tasks);
    sup->started_ms = now_ms();
    service_begin(&sup->service, sup->options->conf.env);
    TRY(signals_begin(signos, COUNT_OF(signos), &sup->signals));
    struct err e = group_spawn(&tasks, hear_signals, sup);
    if (!failed(e))
        e = be_born(sup, &a);
    if (!failed(e))
        e = start(sup);
    bool is_called_off = failed(e) && sup->stop_count > 0; // somebody stopped us while we started
    if (failed(e) && !is_called_off)
        service_tell(&sup->service, "ERRNO=%d\nEXIT_STATUS=1\nSTATUS=the start failed",
                sockets_errno(sup->sockets));
    if (!failed(e))
        e = group_spawn(&tasks, tend, sup);
    if (!failed(e))
        e = group_spawn(&tasks, watch_configuration, sup);
    if (!failed(e))
        e = group_spawn(&tasks, watch_names, sup);
    while (!failed(e) && sup->stop_count == 0 && !sup->replaced)
        e = act(sup);
    if (!failed(e))
        supervisor_end(sup);
    control_free(sup->control);
    group_end(&sup->retirements);
    sup->log = NULL;
    logs_end(sup->logs);
    sup->logs = NULL;
    instance_leave(sup, INSTANCE_ENDS);
    group_end(&tasks);
    signals_end(sup->signals);
    return is_called_off ? OK : e;
}

// What was left to us by the service manager, or by the supervisor before us.
static struct err be_born(struct supervisor *sup, struct arena *a)
{
    struct birth *b = &sup->birth;
    struct err e = birth_read(a, sup->options->conf.env, b);
    if (!failed(e))
        e = sockets_inherit(sup->sockets, a, b->from, b->sockets, b->socket_count);
    if (!failed(e))
        e = birth_hear(b);
    sup->service.silent = b->wire_fd >= 0; // until the one before us has told of us
    sup->generation_number = b->generation_number;
    sup->lock_fd = b->lock_fd;
    if (b->follow_fd >= 0)
        sup->follow_fd = b->follow_fd;
    random_bytes(sup->kept.ticket_secret, sizeof(sup->kept.ticket_secret));
    if (b->has_secret) // so that TLS sessions of its clients resume with us
        memcpy(sup->kept.ticket_secret, b->secret, sizeof(b->secret));
    sup->kept.seed = random_u64();
    listen_shared_init(&sup->shared->listen, random_u64());
    limits_shared_init(&sup->shared->limits, random_u64());
    sup->shared->quota = quota_shared_new(wall_ms());
    random_bytes(sup->shared->pepper, sizeof(sup->shared->pepper));
    if (failed(e))
        say(sup, a, err_text(e));
    return e;
}

static struct err act(struct supervisor *sup)
{
    if (sup->reload_wanted) // any number of requests meanwhile are one
        reload(sup);
    else if (sup->renew_wanted)
        renew(sup);
    else if (sup->replace_wanted)
        replace(sup);
    else
        return waitq_wait(&sup->changed, "a signal");
    return OK;
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
        case SIGUSR2:
            sup->replace_wanted = true;
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
    struct arena a AUTO(arena_done);
    arena_init(&a, START_BYTES_MAX);
    TRY(confine_supervisor(sup));
    TRY(next_generation(sup, &sup->current));
    struct err e = birth_announce(&sup->birth);
    if (failed(e)) {
        generation_finish(sup, sup->current, GENERATION_STOP);
        return e;
    }
    settle(sup, NULL);
    instance_sign(sup);
    struct str unclaimed = sockets_drop_unclaimed(sup->sockets, &a);
    if (!str_is_empty(unclaimed))
        say(sup, &a,
                arena_fmt(&a, "no listener wants these sockets that were passed: %.*s",
                        ARG(unclaimed)));
    begin_control(sup, sup->current->plan, &a);
    event(sup->log, EV_SERVER_STARTUP, F_STR(version, S(POSTHASTE_VERSION)));
    sup->service.silent = false;
    service_tell(&sup->service, "READY=1");
    status_tell(sup);
    say(sup, &a, STR_NULL);
    return OK;
}

// Before the first worker serves, so that whoever sees it serve can ask; a successor takes it over
// from the one before it, when that has stepped back.
static void begin_control(struct supervisor *sup, const struct plan *plan, struct arena *a)
{
    if (sup->control != NULL || sup->birth.wire != NULL)
        return;
    struct err e =
            control_begin(sup, control_path(a, plan->conf), sup->birth.control_fd, &sup->control);
    if (failed(e))
        say(sup, a,
                arena_fmt(a, "no control socket, so `posthaste server` cannot reach us: %.*s",
                        ARG(err_text(e))));
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
    sup->reload_errors = findings.error_count + (failed(e) && findings.error_count == 0 ? 1 : 0);
    if (!failed(e)) {
        sup->generation_number++;
        return OK;
    }
    sockets_undo(sup->sockets);
    return fail(e.kind, "there is no new generation of workers");
}

static struct err prepare(
        struct supervisor *sup, struct plan *plan, struct findings *findings, struct arena *a)
{
    struct sockets_wish wish = {
            .plan = plan, .findings = findings, .at_start = sup->current == NULL};
    struct err e = logs_prepare(sup->logs, plan);
    if (!failed(e))
        e = instance_claim(sup, plan->conf, a);
    wish.log = sup->log = logs_log(sup->logs);
    plan->number = sup->generation_number + 1;
    if (!failed(e))
        e = confine_check(sup->log, plan, findings);
    if (!failed(e))
        e = sockets_want(sup->sockets, &wish, a);
    if (!failed(e))
        e = sockets_activate(sup->sockets, a);
    if (!failed(e) && sup->current == NULL)
        begin_control(sup, plan, a);
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

bool supervisor_check(struct supervisor *sup, struct buf *out)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, FINDINGS_BYTES_MAX);
    struct findings findings = findings_make(&a);
    struct plan_inputs in = {.kept = &sup->kept,
            .before = sup->current != NULL ? sup->current->plan : NULL,
            .wall_now_ms = wall_ms()};
    struct plan *plan = plan_make(&sup->options->conf, &in, &findings);
    findings_print(out, &findings, FINDINGS_PLAIN);
    plan_free(plan);
    return plan != NULL;
}

static void reload(struct supervisor *sup)
{
    struct generation *now = NULL;
    sup->reload_wanted = false;
    sup->reloads_begun++;
    service_tell_reloading(&sup->service);
    struct err e = next_generation(sup, &now);
    sup->reload_failed = failed(e);
    if (!failed(e))
        settle(sup, now);
    event(sup->log, EV_SERVER_RELOAD, F_STR(result, failed(e) ? S("failed") : S("done")),
            F_STR(details, failed(e) ? buf_str(&sup->report) : STR_NULL));
    service_tell(&sup->service, "READY=1");
    status_tell(sup);
    sup->reloads_done++;
    waitq_wake_all(&sup->reloaded);
}

// The same configuration for new workers, which are born with sockets that are there now.
static void renew(struct supervisor *sup)
{
    struct generation *before = sup->current, *now = NULL;
    struct plan *plan = before->plan;
    sup->renew_wanted = false;
    before->plan = NULL;
    struct err e = generation_start(sup, plan, &now);
    if (failed(e)) { // the plan has gone with it: read it again
        sup->reload_wanted = true;
        return;
    }
    settle(sup, now);
    status_tell(sup);
}

// The generation serves; the one before it, if there is one, finishes its sessions.
static void settle(struct supervisor *sup, struct generation *now)
{
    struct generation *before = now == NULL ? NULL : sup->current;
    if (now != NULL)
        sup->current = now;
    sup->generation_since_ms = now_ms();
    const struct plan *plan = sup->current->plan;
    sockets_settle(sup->sockets, plan);
    if (before == NULL || before->plan != NULL)
        logs_tell_listeners(sup->log, before == NULL ? NULL : before->plan, plan);
    if (before == NULL)
        return;
    logs_apply(sup->logs, plan);
    supervisor_let_finish(sup, before);
}

void supervisor_let_finish(struct supervisor *sup, struct generation *g)
{
    struct retirement *r = mem_new(struct retirement);
    if (r != NULL)
        *r = (struct retirement){sup, g};
    if (r == NULL || failed(group_spawn(&sup->retirements, retire, r))) {
        mem_free(r);
        generation_finish(sup, g, GENERATION_STOP);
    }
}

static struct err retire(void *arg)
{
    struct retirement *r = arg;
    generation_finish(r->sup, r->generation, GENERATION_RETIRE);
    mem_free(r);
    return OK;
}

static void replace(struct supervisor *sup)
{
    sup->replace_wanted = false;
    sup->replaced = handover(sup);
    if (!sup->replaced)
        status_tell(sup);
    // What was asked of us meanwhile was meant for the server.
    if (sup->replaced && sup->reload_wanted)
        process_signal(sup->successor, SIGHUP);
    if (sup->replaced && sup->stop_count > 0)
        process_signal(sup->successor, SIGTERM);
    sup->handovers_done++;
    waitq_wake_all(&sup->reloaded);
}

static void say(struct supervisor *sup, struct arena *a, struct str text)
{
    const char *c_text = str_is_null(text) ? NULL : arena_c_str(a, text);
    if (sup->options->started != NULL)
        sup->options->started(c_text);
}
