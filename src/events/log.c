// SPDX-License-Identifier: Apache-2.0
// events/log.c: producing an event: decide, count, write the record into the ring, hand over.
//
// The ring is two arrays: bytes, in which records lie one behind the other, and places, which say
// where each begins. Offsets only grow; modulo the size they are positions. A record never wraps:
// what is too long for the rest of the array begins at its front. Handing over moves `sent` along
// and leaves the bytes where they are, so that the last events can be told after a crash.
#include "events/log.h"

#include "base/id.h"
#include "events/text.h"

#define LOST_EVERY_MS MINUTE_MS // telemetry.lost

struct event_place {
    uint64_t offset;
    uint32_t len;
};

struct event_ring {
    uint64_t made, sent; // records
    uint64_t end, begin; // bytes: behind the newest, of the oldest not sent
    struct event_place places[EVENT_RING_COUNT];
    char bytes[EVENT_RING_BYTES];
};

struct event_log {
    struct event_log_head head; // first: the macros look at it
    struct event_ring *ring;
    struct event_sink sink;
    int64_t (*now_ms)(void);
    struct metrics_column *metrics;
    struct waitq *wake;
    struct id_maker ids;
    uint32_t sequence;
    bool lossless;
    bool waited;   // in this round
    uint64_t lost; // since the start
    uint64_t lost_untold;
    int64_t lost_since_ms; // of those untold
    int64_t lost_told_ms;  // when the last telemetry.lost was said; 0: never
};

static void log_record(struct event_log *log, const struct span *span, enum event_id id,
        enum event_level level, const struct field *fields, size_t count);
static bool ring_admits(const struct event_ring *ring, enum event_level level);
static void wait_for_writer(struct event_log *log);
static void note_lost(struct event_log *log);
static bool hand_over(struct event_log *log);
static void tell_lost(struct event_log *log);
static char *ring_room(struct event_ring *ring, size_t *out_skip);
static struct str ring_run(const struct event_ring *ring, uint64_t *out_count);
static void ring_advance(struct event_ring *ring, uint64_t count);
static bool ring_record(const struct event_ring *ring, uint64_t number, struct str *out);

size_t event_ring_bytes(void)
{
    return sizeof(struct event_ring);
}

struct event_ring *event_ring_at(void *memory)
{
    struct event_ring *ring = memory;
    ring->made = ring->sent = ring->end = ring->begin = 0;
    return ring;
}

struct event_log *event_log_new(const struct event_log_options *options)
{
    struct event_log *log = mem_new(struct event_log);
    if (log == NULL)
        return NULL;
    assert(options->wants != NULL && options->ring != NULL && options->now_ms != NULL);
    log->head.wants = options->wants;
    log->ring = options->ring;
    log->sink = options->sink;
    log->now_ms = options->now_ms;
    log->metrics = options->metrics;
    log->wake = options->wake;
    log->ids = id_maker_for(options->node, options->slot);
    log->lossless = options->lossless;
    return log;
}

void event_log_free(struct event_log *log)
{
    mem_free(log);
}

uint64_t event_log_lost(const struct event_log *log)
{
    return log->lost;
}

uint64_t event_log_new_id(struct event_log *log)
{
    return id_make(&log->ids, log->now_ms());
}

bool event_is_wanted(const struct event_log *log, enum event_id id)
{
    return event_wants_fast_(log, id);
}

void event_produce(struct event_log *log, const struct span *span, enum event_id id,
        const struct field *fields, size_t count)
{
    uint8_t wanted = __atomic_load_n(&log->head.wants->of[id], __ATOMIC_RELAXED);
    if ((wanted & WANT_COUNT) != 0)
        metric_event(log->metrics, id);
    enum event_level level = (enum event_level)(wanted & WANT_LEVEL_MASK);
    if ((wanted & WANT_RECORD) == 0 || level == LEVEL_DISABLE || level > LEVEL_TRACE)
        return;
    if (log->lost_untold > 0 && log->now_ms() >= log->lost_since_ms + LOST_EVERY_MS)
        tell_lost(log);
    log_record(log, span, id, level, fields, count);
}

void span_begin_with(struct span *span, struct event_log *log, enum event_id id,
        const struct field *fields, size_t count)
{
    *span = (struct span){.log = log};
    if (log == NULL)
        return;
    span->id = event_log_new_id(log);
    span->start_bytes =
            (uint16_t)record_write_fields((char *)span->start, sizeof(span->start), fields, count);
    if (event_wants_fast_(log, id))
        event_produce(log, span, id, fields, count);
}

static void log_record(struct event_log *log, const struct span *span, enum event_id id,
        enum event_level level, const struct field *fields, size_t count)
{
    struct event_ring *ring = log->ring;
    if (!ring_admits(ring, level) && log->lossless)
        wait_for_writer(log);
    if (!ring_admits(ring, level)) {
        note_lost(log);
        return;
    }
    struct record_head head = {.id = id,
            .level = level,
            .node = log->ids.node,
            .slot = log->ids.slot,
            .sequence = log->sequence++,
            .at_ms = log->now_ms(),
            .span_id = span != NULL ? span->id : 0};
    size_t skip = 0;
    char *room = ring_room(ring, &skip);
    size_t len = record_write(room, EVENT_RECORD_BYTES_MAX, &head, span, fields, count);
    ring->places[ring->made % EVENT_RING_COUNT] =
            (struct event_place){ring->end + skip, (uint32_t)len};
    ring->end += skip + len;
    ring->made++;
    if (log->wake != NULL && ring->made - ring->sent == 1)
        waitq_wake_one(log->wake);
}

// The least important lose first: each level may fill the ring only so far. Two records' length
// stays free beyond that, for the one to come and for the bytes skipped at the end of the array.
static bool ring_admits(const struct event_ring *ring, enum event_level level)
{
    static const uint8_t percent[] = {[LEVEL_DISABLE] = 0,
            [LEVEL_ERROR] = 100,
            [LEVEL_WARN] = 95,
            [LEVEL_INFO] = 85,
            [LEVEL_DEBUG] = 65,
            [LEVEL_TRACE] = 50};
    uint64_t bytes_max = (EVENT_RING_BYTES - 2 * EVENT_RECORD_BYTES_MAX) / 100 * percent[level];
    uint64_t count_max = EVENT_RING_COUNT * (uint64_t)percent[level] / 100;
    return ring->end - ring->begin < bytes_max && ring->made - ring->sent < count_max;
}

// operations.md 6.1, `lossy = false`: the writer may delay its worker, once a round and not for
// long, so that a reply is never later than that.
static void wait_for_writer(struct event_log *log)
{
    if (log->waited || log->sink.wait == NULL)
        return;
    log->waited = true;
    if (log->sink.wait(log->sink.self, EVENT_PATIENCE_MS)) {
        event_log_flush(log);
        log->waited = true;
    }
}

static void note_lost(struct event_log *log)
{
    if (log->lost_untold == 0)
        log->lost_since_ms = log->now_ms();
    log->lost++;
    log->lost_untold++;
    metric_add(log->metrics, METRIC_TELEMETRY_LOST, LABELS(TRACER_ALL), 1);
}

// When the ring has drained, so that one event tells of the whole jam; at the latest after a
// minute.
static void tell_lost(struct event_log *log)
{
    int64_t now = log->now_ms();
    bool due = log->lost_told_ms == 0 || now >= log->lost_told_ms + LOST_EVERY_MS ||
               now < log->lost_told_ms;
    if (!due || !ring_admits(log->ring, LEVEL_WARN))
        return;
    uint8_t wanted = __atomic_load_n(&log->head.wants->of[EV_TELEMETRY_LOST], __ATOMIC_RELAXED);
    uint64_t count = log->lost_untold;
    log->lost_untold = 0;
    log->lost_told_ms = now;
    if ((wanted & WANT_RECORD) != 0)
        log_record(log, NULL, EV_TELEMETRY_LOST, LEVEL_WARN,
                (const struct field[]){F_STR(tracer, S("all")), F_U64(count, count)}, 2);
}

// Where the next record goes, with room for the longest one; bytes to skip when the array's end is
// too near.
static char *ring_room(struct event_ring *ring, size_t *out_skip)
{
    size_t at = (size_t)(ring->end % EVENT_RING_BYTES);
    *out_skip = EVENT_RING_BYTES - at < EVENT_RECORD_BYTES_MAX ? EVENT_RING_BYTES - at : 0;
    return ring->bytes + (at + *out_skip) % EVENT_RING_BYTES;
}

bool event_log_flush(struct event_log *log)
{
    log->waited = false;
    if (!hand_over(log))
        return false;
    if (log->lost_untold > 0)
        tell_lost(log);
    return hand_over(log);
}

static bool hand_over(struct event_log *log)
{
    struct event_ring *ring = log->ring;
    while (ring->sent < ring->made) {
        uint64_t count = 0;
        struct str run = ring_run(ring, &count);
        if (log->sink.write == NULL || !log->sink.write(log->sink.self, run))
            return false;
        ring_advance(ring, count);
    }
    return true;
}

// The oldest records that lie behind each other, as many as one write takes.
static struct str ring_run(const struct event_ring *ring, uint64_t *out_count)
{
    struct event_place first = ring->places[ring->sent % EVENT_RING_COUNT];
    size_t len = 0;
    uint64_t n = ring->sent;
    for (; n < ring->made; n++) {
        struct event_place next = ring->places[n % EVENT_RING_COUNT];
        bool adjoins = next.offset == first.offset + len;
        if (!adjoins || len + next.len > SINK_BATCH_BYTES_MAX)
            break;
        len += next.len;
    }
    *out_count = n - ring->sent;
    return str_of(ring->bytes + first.offset % EVENT_RING_BYTES, len);
}

static void ring_advance(struct event_ring *ring, uint64_t count)
{
    ring->sent += count;
    ring->begin = ring->sent < ring->made ? ring->places[ring->sent % EVENT_RING_COUNT].offset
                                          : ring->end;
}

bool event_ring_take(struct event_ring *ring, struct str *out_record)
{
    if (ring->sent >= ring->made || !ring_record(ring, ring->sent, out_record))
        return false;
    ring_advance(ring, 1);
    return true;
}

void event_ring_recent(const struct event_ring *ring, size_t most, struct buf *out)
{
    uint64_t count = most < EVENT_RECENT_COUNT ? most : EVENT_RECENT_COUNT;
    uint64_t from = ring->made > count ? ring->made - count : 0;
    for (uint64_t n = from; n < ring->made; n++) {
        struct str bytes;
        struct record r;
        if (ring_record(ring, n, &bytes) && record_take(&bytes, &r))
            text_add_line(out, &r, &(struct text_style){.precision = DATE_MS});
    }
}

// What a dead worker left is looked at with distrust: it may have died of writing anywhere.
static bool ring_record(const struct event_ring *ring, uint64_t number, struct str *out)
{
    struct event_place place = ring->places[number % EVENT_RING_COUNT];
    size_t at = (size_t)(place.offset % EVENT_RING_BYTES);
    bool overwritten = ring->end - place.offset > EVENT_RING_BYTES;
    if (ring->made - number > EVENT_RING_COUNT || overwritten || place.len < RECORD_HEAD_BYTES ||
            place.len > EVENT_RECORD_BYTES_MAX || place.len > EVENT_RING_BYTES - at)
        return false;
    *out = str_of(ring->bytes + at, place.len);
    return true;
}
