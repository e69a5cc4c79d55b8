// SPDX-License-Identifier: Apache-2.0
// server/logging.c: one process's voice: a ring, a channel, and the task that carries events from
// the one to the other. It gathers for a moment, so that a busy worker makes a system call for
// some hundred events and not for each.
#include "server/logging.h"

#include "rt/capture.h"
#include "rt/packet.h"
#include "rt/process.h"

#define GATHER_MS 5
#define FULL_PAUSE_MS 10
#define END_WAIT_MS SECOND_MS

static struct err hand_over(void *log) suspends;

struct err logging_begin(struct logging *l, const struct logging_start *start)
{
    *l = (struct logging){.channel = {.fd = start->channel}};
    capture_errors(start->errors);
    waitq_init(&l->made);
    group_begin(&l->tasks);
    l->metrics = metrics_column_begin(start->metrics, start->column);
    l->log = event_log_new(&(struct event_log_options){.wants = start->wants,
            .ring = start->ring,
            .sink = start->sink.write != NULL ? start->sink : sink_over_channel(&l->channel),
            .now_ms = wall_ms,
            .metrics = &l->metrics,
            .wake = &l->made,
            .node = start->node,
            .slot = start->slot,
            .lossless = start->lossless});
    if (l->log == NULL)
        return fail(ERR_LIMIT, "no memory for events");
    return group_spawn(&l->tasks, hand_over, l);
}

static struct err hand_over(void *arg)
{
    struct logging *l = arg;
    task_describe("events", l);
    for (;;) {
        if (event_log_flush(l->log)) {
            TRY(waitq_wait(&l->made, "events"));
            TRY(task_sleep_ms(GATHER_MS));
        } else {
            TRY(task_sleep_ms(FULL_PAUSE_MS));
        }
    }
}

void logging_end(struct logging *l)
{
    if (l->log == NULL)
        return;
    group_end(&l->tasks);
    int64_t end_ms = wall_ms() + END_WAIT_MS;
    while (!event_log_flush(l->log) && wall_ms() < end_ms)
        (void)packet_wait_room(l->channel.fd, END_WAIT_MS / 10); // nothing else is left to do
    event_log_free(l->log);
    l->log = NULL;
    descriptor_close(l->channel.fd);
}
