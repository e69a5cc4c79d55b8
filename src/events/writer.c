// SPDX-License-Identifier: Apache-2.0
// events/writer.c: records in, lines out. Workers talk to strangers, so what comes from one is
// taken apart with distrust: a packet that is no record is counted and forgotten.
#include "events/writer.h"

#include "base/id.h"
#include "events/outlet.h"
#include "events/pack.h"

#define TICK_MS SECOND_MS
#define TICK_SOON_MS 20        // while a file is being compressed, or a journal is busy
#define TICK_IDLE_MS MINUTE_MS // without files to look after
#define TELL_EVERY_MS MINUTE_MS
#define STDOUT 1
#define STDERR 2

struct writer {
    const struct telemetry *telemetry;
    struct outside outside;
    struct outlet *outlets;
    size_t outlet_count;
    uint64_t bad_records;
    uint32_t sequence;
};

static bool outlet_begin(struct outlet *o, const struct tracer *t, const struct outside *outside);
static void outlet_end(struct outlet *o);
static void connect_journals(struct writer *w, int64_t now_ms);
static void give(struct writer *w, const struct record *r, const struct outlet *but);
static bool outlet_takes(struct outlet *o, const struct record *r);
static void outlet_add(struct outlet *o, const struct record *r);
static void outlet_add_entry(struct outlet *o, const struct record *r);
static void make_room(struct outlet *o, size_t bytes);
static void drop_oldest(struct outlet *o);
static void count_dropped(struct outlet *o);
static void write_unbuffered(struct writer *w, int64_t now_ms);
static void write_all(struct writer *w, int64_t now_ms);
static void outlet_flush(struct writer *w, struct outlet *o, int64_t now_ms);
static struct err outlet_write(struct outlet *o, int64_t now_ms);
static void tell_failure(struct writer *w, struct outlet *o, struct err e, int64_t now_ms);
static bool has_other_outlet(const struct writer *w, const struct outlet *but);

struct writer *writer_new(const struct telemetry *telemetry, struct outside outside,
        struct metrics_column *metrics, int64_t now_ms)
{
    struct writer *w = mem_new(struct writer);
    if (w == NULL)
        return NULL;
    w->telemetry = telemetry;
    w->outside = outside;
    w->outlets = mem_bytes(sizeof(struct outlet) * (telemetry->tracer_count + 1));
    bool made = w->outlets != NULL;
    for (size_t i = 0; made && i < telemetry->tracer_count; i++) {
        made = outlet_begin(&w->outlets[i], &telemetry->tracers[i], &w->outside);
        w->outlet_count += made;
        w->outlets[i].metrics = metrics;
        if (metrics != NULL)
            w->outlets[i].label =
                    metrics_label_add(metrics->all, LABEL_TRACER, telemetry->tracers[i].id);
    }
    if (!made) {
        writer_free(w, now_ms);
        return NULL;
    }
    connect_journals(w, now_ms);
    return w;
}

void writer_free(struct writer *w, int64_t now_ms)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < w->outlet_count; i++) {
        (void)outlet_write(&w->outlets[i], now_ms); // the last try: there is nobody to tell
        outlet_end(&w->outlets[i]);
    }
    mem_free(w->outlets);
    mem_free(w);
}

static bool outlet_begin(struct outlet *o, const struct tracer *t, const struct outside *outside)
{
    *o = (struct outlet){
            .tracer = t, .type = t->type, .outside = outside, .file = {.fd = -1}, .journal_fd = -1};
    arena_init(&o->scratch, OUTLET_ARENA_BYTES_MAX);
    buf_init(&o->pending, OUTLET_BYTES_MAX + 2 * OUTLET_LINE_BYTES_MAX);
    buf_init(&o->path, 8 * KIB);
    o->seen = mem_bytes(sizeof(uint32_t) * EVENT_COUNT);
    return o->seen != NULL;
}

static void outlet_end(struct outlet *o)
{
    logfile_close(o);
    pack_free(o->pack);
    if (o->journal_fd >= 0)
        o->outside->close(o->outside->self, o->journal_fd);
    buf_done(&o->pending);
    buf_done(&o->path);
    arena_done(&o->scratch);
    mem_free(o->seen);
}

// operations.md 6.3: without a journal, the tracer writes to the console instead.
static void connect_journals(struct writer *w, int64_t now_ms)
{
    for (size_t i = 0; i < w->outlet_count; i++) {
        struct outlet *o = &w->outlets[i];
        if (o->type != TRACER_JOURNAL)
            continue;
        struct err e = w->outside.journal_connect(
                w->outside.self, &o->scratch, S(JOURNAL_PATH), &o->journal_fd);
        if (failed(e)) {
            o->journal_fd = -1;
            o->type = TRACER_CONSOLE;
            tell_failure(w, o, e, now_ms);
        }
        arena_reset(&o->scratch);
    }
}

void writer_feed(struct writer *w, struct str records, int64_t now_ms)
{
    struct record r;
    while (records.len > 0) {
        if (!record_take(&records, &r)) {
            w->bad_records++;
            break;
        }
        give(w, &r, NULL);
        write_unbuffered(w, now_ms);
    }
    write_all(w, now_ms);
}

static void give(struct writer *w, const struct record *r, const struct outlet *but)
{
    for (size_t i = 0; i < w->outlet_count; i++)
        if (&w->outlets[i] != but && outlet_takes(&w->outlets[i], r))
            outlet_add(&w->outlets[i], r);
}

static bool outlet_takes(struct outlet *o, const struct record *r)
{
    enum event_id id = r->head.id;
    if (!o->tracer->takes[id])
        return false;
    uint32_t one_of = o->tracer->sample[id];
    return one_of <= 1 || o->seen[id]++ % one_of == 0;
}

static void outlet_add(struct outlet *o, const struct record *r)
{
    make_room(o, OUTLET_LINE_BYTES_MAX);
    if (o->type == TRACER_JOURNAL)
        outlet_add_entry(o, r);
    else
        text_add_line(&o->pending, r, &o->tracer->style);
}

static void outlet_add_entry(struct outlet *o, const struct record *r)
{
    size_t mark = o->pending.len;
    uint32_t len = 0;
    buf_add(&o->pending, str_of((const char *)&len, sizeof(len)));
    journal_add_entry(&o->pending, r);
    if (o->pending.overflow) {
        o->pending.len = mark;
        o->pending.overflow = false;
        count_dropped(o);
        return;
    }
    len = (uint32_t)(o->pending.len - mark - sizeof(len));
    memcpy(o->pending.ptr + mark, &len, sizeof(len));
}

static void make_room(struct outlet *o, size_t bytes)
{
    while (outlet_waiting(o).len > 0 && outlet_waiting(o).len + bytes > OUTLET_BYTES_MAX)
        drop_oldest(o);
    if (o->begin > 0 && o->pending.len + bytes > OUTLET_BYTES_MAX) {
        buf_take_front(&o->pending, o->begin);
        o->begin = 0;
    }
}

static void drop_oldest(struct outlet *o)
{
    struct str waiting = outlet_waiting(o);
    size_t end = str_find_byte(waiting, '\n');
    size_t len = end == STR_NOT_FOUND ? waiting.len : end + 1;
    if (o->type == TRACER_JOURNAL)
        len = journald_entry_bytes(waiting);
    o->begin += len;
    count_dropped(o);
}

static void count_dropped(struct outlet *o)
{
    o->dropped++;
    metric_add(o->metrics, METRIC_TELEMETRY_LOST, LABELS(o->label), 1);
}

void outlet_advance(struct outlet *o, size_t count)
{
    o->begin += count;
    assert(o->begin <= o->pending.len);
    if (o->begin == o->pending.len) {
        buf_clear(&o->pending);
        o->begin = 0;
    }
}

// tracer.<id>.buffered = false: a line is out before the next event is looked at.
static void write_unbuffered(struct writer *w, int64_t now_ms)
{
    for (size_t i = 0; i < w->outlet_count; i++)
        if (w->outlets[i].type == TRACER_CONSOLE && !w->outlets[i].tracer->buffered)
            outlet_flush(w, &w->outlets[i], now_ms);
}

static void write_all(struct writer *w, int64_t now_ms)
{
    for (size_t i = 0; i < w->outlet_count; i++)
        outlet_flush(w, &w->outlets[i], now_ms);
}

static void outlet_flush(struct writer *w, struct outlet *o, int64_t now_ms)
{
    if (outlet_waiting(o).len == 0 || (o->failing && now_ms < o->retry_at_ms))
        return;
    struct err e = outlet_write(o, now_ms);
    o->failing = failed(e);
    o->busy = o->type == TRACER_JOURNAL && e.kind == ERR_LIMIT;
    if (o->failing) {
        o->retry_at_ms = now_ms + (o->busy ? TICK_SOON_MS : OUTLET_RETRY_MS);
        if (!o->busy || outlet_waiting(o).len > OUTLET_BYTES_MAX / 2)
            tell_failure(w, o, e, now_ms);
    } else {
        o->told_at_ms = 0;
    }
    arena_reset(&o->scratch);
}

static struct err outlet_write(struct outlet *o, int64_t now_ms)
{
    size_t written = 0;
    int fd = o->tracer->type == TRACER_CONSOLE && o->tracer->target == TARGET_STDOUT ? STDOUT
                                                                                     : STDERR;
    switch (o->type) {
    case TRACER_LOG:
        return logfile_write(o, now_ms);
    case TRACER_JOURNAL:
        return journal_write(o);
    case TRACER_CONSOLE:
        TRY(o->outside->console(o->outside->self, &o->scratch, fd, outlet_waiting(o), &written));
        outlet_advance(o, written);
        return OK;
    }
    return OK;
}

// The failure is told when it begins, and once a minute while it lasts; to the other tracers, since
// the failing one would only add to its trouble, and to standard error when there is no other.
static void tell_failure(struct writer *w, struct outlet *o, struct err e, int64_t now_ms)
{
    bool due = o->told_at_ms == 0 || now_ms >= o->told_at_ms + TELL_EVERY_MS;
    if (!due)
        return;
    char bytes[RECORD_HEAD_BYTES + 900];
    enum event_id id =
            o->tracer->type == TRACER_JOURNAL ? EV_TELEMETRY_JOURNAL_ERROR : EV_TELEMETRY_LOG_ERROR;
    struct record_head head = {.id = id,
            .level = event_row(id)->level,
            .slot = ID_SLOT_OUTSIDE,
            .sequence = w->sequence++,
            .at_ms = now_ms};
    struct field fields[] = {F_STR(id, o->tracer->id), F_STR(path, o->tracer->path),
            F_STR(reason, str_upto(err_text(e), 400)), F_U64(total, o->dropped)};
    size_t len = record_write(bytes, sizeof(bytes), &head, NULL, fields, COUNT_OF(fields));
    struct str one = str_of(bytes, len);
    struct record r;
    bool good = record_take(&one, &r);
    assert(good);
    o->told_at_ms = now_ms;
    if (has_other_outlet(w, o) || o->type == TRACER_CONSOLE) {
        bool console_again = o->type == TRACER_CONSOLE && o->tracer->type == TRACER_JOURNAL;
        give(w, &r, console_again ? NULL : o);
        return;
    }
    size_t written = 0;
    struct buf line;
    buf_init(&line, 32 * KIB);
    text_add_line(&line, &r, &(struct text_style){.precision = DATE_MS});
    (void)w->outside.console(w->outside.self, &o->scratch, STDERR, buf_str(&line), &written);
    buf_done(&line);
}

static bool has_other_outlet(const struct writer *w, const struct outlet *but)
{
    for (size_t i = 0; i < w->outlet_count; i++)
        if (&w->outlets[i] != but && !w->outlets[i].failing)
            return true;
    return false;
}

int64_t writer_tick(struct writer *w, int64_t now_ms)
{
    for (size_t i = 0; i < w->outlet_count; i++) {
        struct outlet *o = &w->outlets[i];
        if (o->type == TRACER_LOG)
            logfile_check(o, now_ms);
        arena_reset(&o->scratch);
    }
    write_all(w, now_ms);
    return now_ms + writer_patience_ms(w);
}

int64_t writer_patience_ms(const struct writer *w)
{
    int64_t patience_ms = TICK_IDLE_MS;
    for (size_t i = 0; i < w->outlet_count; i++) {
        const struct outlet *o = &w->outlets[i];
        bool looked_after = o->type == TRACER_LOG || outlet_waiting(o).len > 0;
        if (o->busy || o->pack != NULL)
            return TICK_SOON_MS;
        if (looked_after)
            patience_ms = TICK_MS;
    }
    return patience_ms;
}

void writer_reopen(struct writer *w)
{
    for (size_t i = 0; i < w->outlet_count; i++)
        logfile_close(&w->outlets[i]);
}

uint64_t writer_dropped(const struct writer *w, size_t tracer)
{
    assert(tracer < w->outlet_count);
    return w->outlets[tracer].dropped;
}

uint64_t writer_bad_records(const struct writer *w)
{
    return w->bad_records;
}
