// SPDX-License-Identifier: Apache-2.0
// server/logs_worker.c: what the supervisor does for one worker's voice: memory and channels before
// it is born, and when it has died, looking after what it left unsaid.
#include "server/logs_state.h"

#include "rt/appendfile.h"
#include "rt/capture.h"
#include "rt/process.h"
#include "server/plan.h"

#include <sys/wait.h>

#define ERRORS_PIECE_BYTES 4096
#define LAST_WORDS_WAIT_MS SECOND_MS // its end of the wire closes when it dies
#define SALVAGE_WAIT_MS 100          // for the log writer to make room
#define CRASH_FOLDER "crash"
#define CRASH_BYTES_MAX MIB
#define CRASH_REPORTS_KEPT 20

static struct err open_wires(struct worker_log *w);
static struct err read_errors(void *worker_log) suspends;
static void keep_words(struct worker_log *w, struct str text);
static struct str first_line_of_words(const struct worker_log *w);
static void salvage(struct worker_log *w);
static void send_on(struct logs *l, struct buf *batch);
static void close_all(struct worker_log *w);
static void remove_old_reports(struct str folder, struct arena *a);

struct err logs_worker_open(
        struct logs *l, size_t column, size_t slot, struct logging_start *out, int *keep)
{
    struct worker_log *w = &l->workers[column];
    assert(column < COLUMNS_MAX && w->read < 0);
    buf_done(&w->said);
    *w = (struct worker_log){.logs = l, .slot = slot, .read = -1, .write = -1, .errors_write = -1};
    buf_init(&w->said, LAST_WORDS_BYTES_MAX);
    group_begin(&w->reader);
    w->ring = logs_ring(l, column);
    struct err e = w->ring == NULL ? fail(ERR_LIMIT, "no shared memory for a worker's events")
                                   : open_wires(w);
    if (failed(e)) {
        close_all(w);
        return e;
    }
    if (l->writer != 0 && packet_send_with(l->control, ORDER_CHANNEL, w->read) != PACKET_DONE)
        process_signal(l->writer, SIGKILL); // the next one is born with all channels
    *out = (struct logging_start){.ring = w->ring,
            .wants = l->wants,
            .metrics = l->metrics,
            .column = (uint32_t)(METRICS_FIRST_WORKER + column),
            .channel = w->write,
            .errors = w->errors_write,
            .node = l->node,
            .slot = (uint8_t)(column % ID_SLOT_OUTSIDE),
            .lossless = l->telemetry != NULL && l->telemetry->lossless};
    keep[0] = w->write;
    keep[1] = w->errors_write;
    return OK;
}

static struct err open_wires(struct worker_log *w)
{
    int channel[2], errors[2];
    TRY(packet_pair(channel));
    w->write = channel[0];
    w->read = channel[1];
    TRY(wire_make(errors));
    w->errors_write = errors[1];
    return wire_adopt(errors[0], &w->errors);
}

void logs_worker_forked(struct logs *l, size_t column, pid_t pid)
{
    struct worker_log *w = &l->workers[column];
    w->pid = pid;
    descriptor_close(w->write);
    descriptor_close(w->errors_write);
    w->write = w->errors_write = -1;
    // Without a reader its words are only not heard.
    if (pid == 0 || failed(group_spawn(&w->reader, read_errors, w)))
        close_all(w);
}

// Until the worker is gone. What it says is shown at once as well: a sanitizer's report is longer
// than a field.
static struct err read_errors(void *arg)
{
    struct worker_log *w = arg;
    struct str text;
    task_describe("a worker's errors", w);
    for (;;) {
        TRY(stream_read(w->errors, ERRORS_PIECE_BYTES, &text));
        capture_pass_on(text);
        keep_words(w, text);
    }
}

static void keep_words(struct worker_log *w, struct str text)
{
    buf_add(&w->said, str_upto(text, LAST_WORDS_BYTES_MAX - w->said.len));
}

struct str logs_worker_ended(struct logs *l, size_t column)
{
    struct worker_log *w = &l->workers[column];
    if (w->read < 0)
        return STR_NULL;
    {
        within_ms(LAST_WORDS_WAIT_MS);
        struct err ignored = group_wait_below(&w->reader, 1);
        (void)ignored;
    }
    group_end(&w->reader);
    salvage(w);
    close_all(w);
    w->pid = 0;
    (void)metrics_column_begin(l->metrics, (uint32_t)(METRICS_FIRST_WORKER + column));
    return first_line_of_words(w);
}

// The first line with a letter in it: a sanitizer begins with a rule. All of it is in the report.
static struct str first_line_of_words(const struct worker_log *w)
{
    struct scan in = scan_over(buf_str(&w->said));
    struct str line;
    while (scan_line(&in, &line))
        for (size_t i = 0; i < line.len; i++)
            if (byte_is_alpha((uint8_t)line.ptr[i]))
                return line;
    return STR_NULL;
}

// It goes the same way as the supervisor's own events, and before those that tell of the death.
static void salvage(struct worker_log *w)
{
    struct buf batch AUTO(buf_done);
    struct str record;
    buf_init(&batch, SINK_BATCH_BYTES_MAX);
    // No more than a ring holds: another worker, if it is an enemy, can write there too.
    for (size_t i = 0; i < EVENT_RING_COUNT && event_ring_take(w->ring, &record); i++) {
        if (batch.len + record.len > SINK_BATCH_BYTES_MAX)
            send_on(w->logs, &batch);
        buf_add(&batch, record);
    }
    send_on(w->logs, &batch);
}

static void send_on(struct logs *l, struct buf *batch)
{
    int fd = l->own.channel.fd;
    if (batch->len == 0)
        return;
    if (packet_send(fd, buf_str(batch)) == PACKET_FULL && packet_wait_room(fd, SALVAGE_WAIT_MS) &&
            packet_send(fd, buf_str(batch)) == PACKET_FULL)
        metric_add(&l->own.metrics, METRIC_TELEMETRY_LOST, LABELS(TRACER_ALL), 1);
    buf_clear(batch);
}

// Nobody reads any more, or has begun to.
static void close_all(struct worker_log *w)
{
    assert(w->reader.count == 0);
    stream_close(w->errors);
    descriptor_close(w->read);
    descriptor_close(w->write);
    descriptor_close(w->errors_write);
    w->errors = NULL;
    w->read = w->write = w->errors_write = -1;
}

// operations.md 10.5: crash/<time>-<slot>.txt with the signal, the last words and the last events.
struct str logs_crash_report(
        struct logs *l, const struct plan *plan, size_t column, int status, struct arena *a)
{
    struct worker_log *w = &l->workers[column];
    struct buf text AUTO(buf_done) = {0};
    struct append_file file;
    size_t written;
    struct str folder =
            arena_fmt(a, "%.*s/" CRASH_FOLDER, ARG(conf_str(plan->conf, S("global.state-dir"))));
    struct str path = arena_fmt(a, "%.*s/%lld-%zu.txt", ARG(folder), (long long)wall_ms(), w->slot);
    if (w->ring == NULL || str_is_null(path))
        return STR_NULL;
    buf_init(&text, CRASH_BYTES_MAX);
    buf_fmt(&text, "posthaste " POSTHASTE_VERSION "\nworker slot: %zu\n", w->slot);
    if (WIFSIGNALED(status))
        buf_fmt(&text, "signal: %d\n", WTERMSIG(status));
    else
        buf_fmt(&text, "exit status: %d\n", WEXITSTATUS(status));
    buf_fmt(&text, "last events:\n");
    event_ring_recent(w->ring, EVENT_RECENT_COUNT, &text);
    buf_fmt(&text, "last words:\n%.*s\n", ARG(buf_str(&w->said)));
    if (failed(append_open(a, path, &file)))
        return STR_NULL; // a state folder that is not there yet, or full: the event itself is said
    struct err e = append_write(a, file.fd, buf_str(&text), &written);
    append_close(file.fd);
    remove_old_reports(folder, a);
    return failed(e) ? STR_NULL : path;
}

static void remove_old_reports(struct str folder, struct arena *a)
{
    struct log_entry *entries;
    size_t count = 0;
    if (failed(log_list(a, folder, S("1"), &entries, &count)))
        return;
    while (count > CRASH_REPORTS_KEPT) {
        size_t oldest = 0;
        for (size_t i = 1; i < count; i++)
            if (entries[i].modified_ms < entries[oldest].modified_ms)
                oldest = i;
        struct err ignored =
                log_remove(a, arena_fmt(a, "%.*s/%.*s", ARG(folder), ARG(entries[oldest].name)));
        (void)ignored;
        entries[oldest] = entries[--count];
    }
}
