// SPDX-License-Identifier: Apache-2.0
// server/logs.c: the supervisor's end of the logs: memory that all share, channels, and the log
// writer's life. The writer knows the tracers that it was born with: at a reload it is told to end,
// and the next one is born with the new ones; what is sent meanwhile waits in the channels.
#include "server/logging.h"

#include "events/record.h"
#include "rt/packet.h"
#include "rt/process.h"
#include "rt/shared.h"
#include "server/logs_state.h"
#include "server/plan.h"

#define WRITER_RESTART_MS SECOND_MS // one that dies at once must not become a storm of forks
#define WRITER_END_MS (5 * SECOND_MS)

static bool make_shared(struct logs *l);
static struct err begin_own(struct logs *l, const struct plan *plan);
static void show_wants(struct logs *l, const struct telemetry *telemetry);
static struct err tend_writer(void *logs) suspends;
static struct err start_writer(struct logs *l);
static void end_writer(struct logs *l) suspends;

struct logs *logs_new(void)
{
    struct logs *l = mem_new(struct logs);
    if (l == NULL || !make_shared(l)) {
        mem_free(l);
        return NULL;
    }
    l->control = -1;
    l->own_read = -1;
    for (size_t i = 0; i < COUNT_OF(l->workers); i++)
        l->workers[i] = (struct worker_log){.read = -1, .write = -1, .errors_write = -1};
    return l;
}

static bool make_shared(struct logs *l)
{
    void *metrics = shared_bytes(metrics_bytes_needed(METRICS_COLUMNS));
    l->wants = shared_bytes(sizeof(struct event_wants));
    if (metrics == NULL || l->wants == NULL)
        return false;
    l->metrics = metrics_at(metrics, METRICS_COLUMNS);
    return true;
}

struct event_log *logs_log(struct logs *l)
{
    return l->own.log;
}

void logs_name_labels(struct metrics *m, const struct plan *plan)
{
    for (size_t i = 0; i < plan->listener_count; i++)
        (void)metrics_label_add(m, LABEL_LISTENER, plan->listeners[i].id);
    for (size_t i = 0; i < plan->schedules.queue_count; i++)
        (void)metrics_label_add(m, LABEL_QUEUE, plan->schedules.queues[i].id);
    for (size_t i = 0; i < plan->limits.throttles.count; i++)
        (void)metrics_label_add(m, LABEL_LIMITER, plan->limits.throttles.all[i].id);
}

struct err logs_prepare(struct logs *l, const struct plan *plan)
{
    logs_name_labels(l->metrics, plan);
    if (l->begun)
        return OK;
    l->telemetry = plan->telemetry;
    l->certificates = plan->listen.certificates;
    show_wants(l, plan->telemetry);
    TRY(begin_own(l, plan));
    TRY(group_spawn(&l->tasks, logs_take_figures, l));
    return group_spawn(&l->tasks, tend_writer, l);
}

static struct err begin_own(struct logs *l, const struct plan *plan)
{
    int channel[2];
    waitq_init(&l->changed);
    group_begin(&l->tasks);
    struct event_ring *ring = logs_ring(l, COLUMNS_MAX);
    if (ring == NULL)
        return fail(ERR_LIMIT, "no shared memory for events");
    TRY(packet_pair(channel));
    l->begun = true;
    l->own_read = channel[1];
    l->node = (uint8_t)conf_u64(plan->conf, S("cluster.node-id"));
    return logging_begin(&l->own, &(struct logging_start){.ring = ring,
                                          .wants = l->wants,
                                          .metrics = l->metrics,
                                          .channel = channel[0],
                                          .errors = -1,
                                          .node = l->node,
                                          .slot = ID_SLOT_OUTSIDE,
                                          .lossless = plan->telemetry->lossless});
}

struct event_ring *logs_ring(struct logs *l, size_t place)
{
    if (l->rings[place] == NULL)
        l->rings[place] = shared_bytes(event_ring_bytes());
    return l->rings[place] == NULL ? NULL : event_ring_at(l->rings[place]);
}

// Byte by byte, as the processes that look at it meanwhile read it.
static void show_wants(struct logs *l, const struct telemetry *telemetry)
{
    for (size_t id = 0; id < EVENT_COUNT; id++)
        __atomic_store_n(&l->wants->of[id], telemetry->wants.of[id], __ATOMIC_RELAXED);
}

void logs_apply(struct logs *l, const struct plan *plan)
{
    if (l->telemetry == plan->telemetry)
        return;
    l->telemetry = plan->telemetry;
    l->certificates = plan->listen.certificates;
    show_wants(l, plan->telemetry);
    end_writer(l);
}

void logs_certificates(struct logs *l, const struct plan *plan)
{
    if (l->telemetry == plan->telemetry)
        l->certificates = plan->listen.certificates;
}

void logs_forget(struct logs *l, const struct plan *plan)
{
    if (l->telemetry != plan->telemetry)
        return;
    l->telemetry = NULL;
    l->certificates = NULL;
}

void logs_reopen(struct logs *l)
{
    if (l->writer != 0)
        (void)packet_send(l->control, ORDER_REOPEN);
}

bool logs_note_exit(struct logs *l, pid_t pid)
{
    if (l->writer == 0 || pid != l->writer)
        return false;
    l->writer = 0;
    descriptor_close(l->control);
    l->control = -1;
    waitq_wake_all(&l->changed);
    return true;
}

// Sees to it that there is a writer while there are tracers.
static struct err tend_writer(void *arg)
{
    struct logs *l = arg;
    task_describe("log writer", l);
    for (;;) {
        while (l->telemetry == NULL)
            TRY(waitq_wait(&l->changed, "tracers"));
        int64_t began_ms = now_ms();
        l->ended_wanted = false;
        struct err e = start_writer(l);
        while (!failed(e) && l->writer != 0)
            TRY(waitq_wait(&l->changed, "the log writer to end"));
        if (l->ended_wanted)
            continue;
        event(l->own.log, EV_TELEMETRY_LOG_ERROR,
                F_STR(reason, S("the log writer died and is started again")));
        if (now_ms() - began_ms < WRITER_RESTART_MS)
            TRY(task_sleep_ms(WRITER_RESTART_MS));
    }
}

static struct err start_writer(struct logs *l)
{
    int control[2];
    int keep[LOG_CHANNELS_MAX + 1];
    struct log_writer_start *start = mem_new(struct log_writer_start);
    struct err e =
            start == NULL ? fail(ERR_LIMIT, "no memory for the log writer") : packet_pair(control);
    if (failed(e)) {
        mem_free(start);
        return e;
    }
    start->telemetry = l->telemetry;
    start->metrics = l->metrics;
    start->control = control[1];
    start->channels[start->channel_count++] = l->own_read;
    for (size_t i = 0; i < COUNT_OF(l->workers); i++)
        if (l->workers[i].read >= 0)
            start->channels[start->channel_count++] = l->workers[i].read;
    for (size_t i = 0; i < start->channel_count; i++)
        keep[i] = start->channels[i];
    keep[start->channel_count] = control[1];
    e = process_fork(log_writer_main, start, keep, start->channel_count + 1, &l->writer);
    descriptor_close(control[1]);
    l->control = control[0];
    if (failed(e)) {
        l->writer = 0;
        descriptor_close(control[0]);
        l->control = -1;
    }
    mem_free(start);
    return e;
}

// In order, or, when a disk holds it up for too long, not.
static void end_writer(struct logs *l)
{
    pid_t pid = l->writer;
    if (pid == 0)
        return;
    l->ended_wanted = true;
    (void)packet_send(l->control, ORDER_END);
    {
        within_ms(WRITER_END_MS);
        struct err e = OK;
        while (l->writer == pid && !failed(e))
            e = waitq_wait(&l->changed, "the log writer to end");
    }
    if (l->writer == pid)
        process_signal(pid, SIGKILL);
}

void logs_end(struct logs *l)
{
    if (l == NULL)
        return;
    if (l->begun) {
        logging_end(&l->own);
        l->telemetry = NULL;
        end_writer(l);
        group_end(&l->tasks);
        descriptor_close(l->own_read);
    }
    for (size_t i = 0; i < COUNT_OF(l->workers); i++)
        buf_done(&l->workers[i].said);
    mem_free(l);
}
