// SPDX-License-Identifier: Apache-2.0
// server/log_writer.c: the loop of the log writer. It has nothing to do but this, so it waits in
// poll and writes by blocking calls; a disk that is slow makes it late, and the workers' rings take
// the difference.
#include "server/log_writer.h"

#include "events/writer.h"
#include "rt/capture.h"
#include "rt/identity.h"
#include "rt/process.h"
#include "rt/rt.h"

#define PACKETS_A_TURN 16 // of one channel, so that one worker's noise does not silence the others
#define ORDER_BYTES_MAX 16

struct log_writer {
    const struct log_writer_start *start;
    struct writer *writer;
    struct metrics_column metrics;
    int fds[1 + LOG_CHANNELS_MAX]; // the control channel, then the others
    size_t count;
    char *packet;
    int64_t ticked_at_ms;
    bool ending;
};

static struct err write_logs(void *arg) suspends;
static void turn(struct log_writer *w);
static void hear_orders(struct log_writer *w);
static struct err give_up_rights(void);
static void add_channel(struct log_writer *w, int fd);
static bool take_from(struct log_writer *w, size_t place);
static bool take_all(struct log_writer *w);

int log_writer_main(void *start)
{
    process_show_as("posthaste-log");
    struct log_writer *w = mem_new(struct log_writer);
    struct loop *loop = loop_new_real(); // for its clock; there is one task
    struct err e = fail(ERR_LIMIT, "no memory for the log writer");
    if (w != NULL && loop != NULL) {
        w->start = start;
        e = loop_run(loop, write_logs, w);
    }
    return failed(e) ? 1 : 0;
}

static struct err write_logs(void *arg)
{
    struct log_writer *w = arg;
    TRY(give_up_rights());
    w->packet = mem_bytes(PACKET_BYTES_MAX);
    w->metrics = metrics_column_begin(w->start->metrics, LOG_WRITER_COLUMN);
    w->writer = writer_new(w->start->telemetry, outside_real(), &w->metrics, wall_ms());
    if (w->packet == NULL || w->writer == NULL)
        return fail(ERR_LIMIT, "no memory for the log writer");
    w->fds[w->count++] = w->start->control;
    for (size_t i = 0; i < w->start->channel_count; i++)
        add_channel(w, w->start->channels[i]);
    while (!w->ending)
        turn(w);
    while (take_all(w))
        continue; // what was sent before the end
    writer_free(w->writer, wall_ms());
    return OK;
}

static void turn(struct log_writer *w)
{
    int64_t patience_ms = writer_patience_ms(w->writer);
    int64_t left_ms = w->ticked_at_ms + patience_ms - wall_ms();
    if (left_ms < 0 || left_ms > patience_ms)
        left_ms = 0; // also when the clock was set back
    packet_wait_any(w->fds, w->count, left_ms);
    hear_orders(w);
    (void)take_all(w);
    int64_t now = wall_ms(), since_ms = now - w->ticked_at_ms;
    if (since_ms >= 0 && since_ms < writer_patience_ms(w->writer))
        return;
    writer_tick(w->writer, now);
    w->ticked_at_ms = now;
}

// Ports are not its business. Root keeps what lets it write into another user's folder.
static struct err give_up_rights(void)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 4 * KIB);
    if (identity_is_root() || !identity_can_drop_capabilities())
        return OK;
    return failed(identity_drop_capabilities(&a))
                   ? fail(ERR_REFUSED, "the log writer could not give up its capabilities")
                   : OK;
}

static void hear_orders(struct log_writer *w)
{
    char text[ORDER_BYTES_MAX];
    size_t len = 0;
    int fd = -1;
    enum packet_result got = PACKET_DONE;
    while (got == PACKET_DONE && !w->ending) {
        got = packet_receive_with(w->fds[0], text, sizeof(text), &len, &fd);
        struct str order = got == PACKET_DONE ? str_of(text, len) : S("");
        if (fd >= 0)
            add_channel(w, fd);
        if (str_eq(order, ORDER_REOPEN))
            writer_reopen(w->writer);
        w->ending = got == PACKET_GONE || str_eq(order, ORDER_END);
    }
}

// One too many is closed: that worker's events are dropped by its sink.
static void add_channel(struct log_writer *w, int fd)
{
    if (w->count < COUNT_OF(w->fds))
        w->fds[w->count++] = fd;
    else
        descriptor_close(fd);
}

// Did anything come?
static bool take_all(struct log_writer *w)
{
    bool any = false;
    for (size_t i = w->count; i-- > 1;)
        any |= take_from(w, i);
    return any;
}

static bool take_from(struct log_writer *w, size_t place)
{
    size_t len = 0, taken = 0;
    enum packet_result got = PACKET_DONE;
    while (got == PACKET_DONE && taken < PACKETS_A_TURN) {
        got = packet_receive(w->fds[place], w->packet, PACKET_BYTES_MAX, &len);
        if (got != PACKET_DONE)
            break;
        taken++;
        writer_feed(w->writer, str_of(w->packet, len), wall_ms());
    }
    if (got == PACKET_GONE) {
        descriptor_close(w->fds[place]);
        w->fds[place] = w->fds[--w->count];
    }
    return taken > 0;
}
