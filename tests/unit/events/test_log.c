// SPDX-License-Identifier: Apache-2.0
// tests/unit/events/test_log.c: producing: what is wanted, spans, and a writer that is too slow.
#include "made.h"

#include "base/id.h"
#include "events/log.h"

struct taker { // a sink that takes as long as `open`
    bool open;
    int waits;
    bool opens_when_waited;
    size_t writes, count_by_level[LEVEL_TRACE + 1];
    struct buf lines;
};

struct fixture {
    struct event_wants wants;
    struct event_ring *ring;
    struct event_log *log;
    struct taker taker;
};

static int64_t at_noon(void)
{
    return NOON;
}

static bool taker_write(void *self, struct str records)
{
    struct taker *t = self;
    struct record r;
    if (!t->open)
        return false;
    check_true("a batch has its limit", records.len <= SINK_BATCH_BYTES_MAX);
    t->writes++;
    while (records.len > 0) {
        check_true("whole records", record_take(&records, &r));
        t->count_by_level[r.head.level]++;
        if (t->lines.len < 32 * KIB)
            text_add_line(&t->lines, &r, &(struct text_style){.precision = DATE_MS});
    }
    return true;
}

static bool taker_wait(void *self, int64_t most_ms)
{
    struct taker *t = self;
    check_u64("patience", (uint64_t)most_ms, EVENT_PATIENCE_MS);
    t->waits++;
    t->open = t->open || t->opens_when_waited;
    return t->open;
}

static void begin(struct fixture *f, bool lossless)
{
    *f = (struct fixture){.taker = {.open = true}};
    for (size_t id = 0; id < EVENT_COUNT; id++)
        f->wants.of[id] = (uint8_t)(event_row((enum event_id)id)->level | WANT_RECORD);
    void *memory = mem_bytes(event_ring_bytes());
    assert_non_null(memory);
    buf_init(&f->taker.lines, MIB);
    f->ring = event_ring_at(memory);
    f->log = event_log_new(&(struct event_log_options){.wants = &f->wants,
            .ring = f->ring,
            .sink = {&f->taker, taker_write, taker_wait},
            .now_ms = at_noon,
            .node = 1,
            .slot = 3,
            .lossless = lossless});
    assert_non_null(f->log);
}

static void end(struct fixture *f)
{
    event_log_free(f->log);
    mem_free(f->ring);
    buf_done(&f->taker.lines);
}

static struct str count_calls(int *calls)
{
    (*calls)++;
    return S("x");
}

static void a_disabled_event_costs_nothing(void **unused UNUSED)
{
    struct fixture f;
    int calls = 0;
    begin(&f, false);
    f.wants.of[EV_SMTP_EHLO] = 0;
    event(f.log, EV_SMTP_EHLO, F_STR(domain, count_calls(&calls)));
    check_u64("arguments are not evaluated", (uint64_t)calls, 0);
    event(NULL, EV_SMTP_EHLO, F_STR(domain, count_calls(&calls)));
    check_u64("nor without a log", (uint64_t)calls, 0);
    f.wants.of[EV_SMTP_EHLO] = LEVEL_WARN | WANT_RECORD; // a reload, while we run
    event(f.log, EV_SMTP_EHLO, F_STR(domain, count_calls(&calls)));
    check_u64("wanted", (uint64_t)calls, 1);
    check_true("handed over", event_log_flush(f.log));
    check_str("at the level of the table", buf_str(&f.taker.lines),
            S("2025-03-01T10:00:00.123Z WARN SMTP EHLO command (smtp.ehlo) domain = \"x\"\n"));
    end(&f);
}

static void a_span_and_its_events(void **unused UNUSED)
{
    struct fixture f;
    struct span span, other;
    struct ip ip = {.family = IP_V4, .bytes = {192, 0, 2, 7}};
    begin(&f, false);
    f.wants.of[EV_SMTP_CONNECTION_START] = 0; // the fields are kept all the same
    span_begin(&span, f.log, EV_SMTP_CONNECTION_START, F_STR(listenerId, S("smtp")),
            F_IP(remoteIp, &ip));
    span_begin(&other, f.log, EV_SMTP_CONNECTION_START);
    check_true("ids differ", span.id != other.id);
    check_u64("made by this slot", id_slot(span.id), 3);
    check_u64("now", (uint64_t)id_made_at_ms(span.id), (uint64_t)NOON);
    event_in(&span, EV_SMTP_EHLO, F_STR(domain, S("d")));
    event_in(&other, EV_SMTP_NOOP);
    event_log_flush(f.log);
    struct buf want;
    buf_init(&want, 1 * KIB);
    buf_fmt(&want,
            "2025-03-01T10:00:00.123Z INFO SMTP EHLO command (smtp.ehlo) spanId = %016llx, "
            "listenerId = \"smtp\", remoteIp = 192.0.2.7, domain = \"d\"\n"
            "2025-03-01T10:00:00.123Z DEBUG SMTP NOOP command (smtp.noop) spanId = %016llx\n",
            (unsigned long long)span.id, (unsigned long long)other.id);
    check_str("lines", buf_str(&f.taker.lines), buf_str(&want));
    buf_done(&want);
    struct span silent;
    span_begin(&silent, NULL, EV_SMTP_CONNECTION_START);
    event_in(&silent, EV_SMTP_NOOP); // says nothing, and does not crash
    end(&f);
}

static void low_levels_are_lost_first(void **unused UNUSED)
{
    struct fixture f;
    begin(&f, false);
    f.taker.open = false;
    for (int i = 0; i < 2 * EVENT_RING_COUNT; i++)
        event(f.log, EV_SMTP_RAW_INPUT, F_U64(size, (uint64_t)i)); // trace
    uint64_t traces_lost = event_log_lost(f.log);
    check_u64("trace may fill half", 2 * EVENT_RING_COUNT - traces_lost, EVENT_RING_COUNT / 2);
    for (int i = 0; i < 2 * EVENT_RING_COUNT; i++)
        event(f.log, EV_SMTP_EHLO); // info
    for (int i = 0; i < 100; i++)
        event(f.log, EV_NETWORK_BIND_ERROR, F_U64(localPort, (uint64_t)i)); // error
    check_true("still closed", !event_log_flush(f.log));
    f.taker.open = true;
    check_true("open again", event_log_flush(f.log));
    check_u64("no error was lost", f.taker.count_by_level[LEVEL_ERROR], 100);
    check_true("info had more room than trace",
            f.taker.count_by_level[LEVEL_INFO] > EVENT_RING_COUNT / 4);
    check_u64("all others are counted",
            f.taker.count_by_level[LEVEL_INFO] + f.taker.count_by_level[LEVEL_TRACE] +
                    event_log_lost(f.log),
            4 * EVENT_RING_COUNT);
    end(&f);
}

static void errors_have_the_last_room(void **unused UNUSED)
{
    struct fixture f;
    begin(&f, false);
    f.taker.open = false;
    for (int i = 0; i < 3 * EVENT_RING_COUNT; i++)
        event(f.log, EV_NETWORK_BIND_ERROR);
    f.taker.open = true;
    event_log_flush(f.log);
    check_u64("as many as the ring holds", f.taker.count_by_level[LEVEL_ERROR], EVENT_RING_COUNT);
    end(&f);
}

static void the_loss_is_told_once_a_minute(void **unused UNUSED)
{
    struct fixture f;
    begin(&f, false);
    f.taker.open = false;
    for (int i = 0; i < EVENT_RING_COUNT; i++)
        event(f.log, EV_SMTP_EHLO);
    uint64_t lost = event_log_lost(f.log);
    f.taker.open = true;
    event_log_flush(f.log);
    event_log_flush(f.log);
    check_u64("one warning", f.taker.count_by_level[LEVEL_WARN], 1);
    struct buf told, want;
    buf_init(&told, 4 * KIB);
    buf_init(&want, 4 * KIB);
    event_ring_recent(f.ring, 1, &told);
    buf_fmt(&want,
            "2025-03-01T10:00:00.123Z WARN Events lost (telemetry.lost) tracer = \"all\", "
            "count = %llu\n",
            (unsigned long long)lost);
    check_true("some were lost", lost > 0);
    check_str("how many", buf_str(&told), buf_str(&want));
    buf_done(&told);
    buf_done(&want);
    f.taker.open = false;
    for (int i = 0; i < EVENT_RING_COUNT; i++)
        event(f.log, EV_SMTP_EHLO);
    f.taker.open = true;
    event_log_flush(f.log);
    check_u64("not again in the same minute", f.taker.count_by_level[LEVEL_WARN], 1);
    end(&f);
}

static void big_records_wrap_around(void **unused UNUSED)
{
    struct fixture f;
    struct buf text;
    begin(&f, false);
    buf_init(&text, 2 * KIB);
    buf_add_repeat(&text, 'x', 1000);
    for (int i = 0; i < 5000; i++) { // several times the ring's bytes
        event(f.log, EV_SMTP_EHLO, F_STR(domain, str_upto(buf_str(&text), (size_t)i % 1000)),
                F_STR(details, buf_str(&text)));
        if (i % 37 == 0)
            event_log_flush(f.log);
    }
    event_log_flush(f.log);
    check_u64("all arrived", f.taker.count_by_level[LEVEL_INFO], 5000);
    check_u64("none was lost", event_log_lost(f.log), 0);
    check_true("in batches", f.taker.writes < 5000 / 10);
    buf_done(&text);
    end(&f);
}

static void a_lossless_worker_waits_once_a_round(void **unused UNUSED)
{
    struct fixture f;
    begin(&f, true);
    f.taker.open = false;
    for (int i = 0; i < 2 * EVENT_RING_COUNT; i++)
        event(f.log, EV_SMTP_EHLO);
    check_u64("one wait in the round", (uint64_t)f.taker.waits, 1);
    check_true("then it loses", event_log_lost(f.log) > 0);
    event_log_flush(f.log); // the next round
    uint64_t lost = event_log_lost(f.log);
    f.taker.opens_when_waited = true;
    event(f.log, EV_SMTP_EHLO);
    check_u64("waited again", (uint64_t)f.taker.waits, 2);
    check_u64("and lost nothing", event_log_lost(f.log), lost);
    end(&f);
}

static void a_dead_workers_ring_tells_its_end(void **unused UNUSED)
{
    struct fixture f;
    struct buf out;
    struct str record;
    struct record r;
    begin(&f, false);
    buf_init(&out, 64 * KIB);
    for (uint64_t i = 0; i < 100; i++)
        event(f.log, EV_SMTP_EHLO, F_U64(size, i));
    event_log_flush(f.log);
    event(f.log, EV_SMTP_QUIT, F_U64(size, 100)); // died before this was handed over
    event_ring_recent(f.ring, EVENT_RECENT_COUNT, &out);
    check_true("the oldest of 64",
            str_starts(buf_str(&out), S("2025-03-01T10:00:00.123Z INFO SMTP EHLO command "
                                        "(smtp.ehlo) size = 37\n")));
    check_true("the newest", str_ends(buf_str(&out), S("(smtp.quit) size = 100\n")));
    check_true("what was not sent", event_ring_take(f.ring, &record) && record_take(&record, &r));
    check_u64("is this one", r.head.id, EV_SMTP_QUIT);
    check_true("and no more", !event_ring_take(f.ring, &record));
    memset(f.ring, 0xff, event_ring_bytes()); // died while writing nonsense
    buf_clear(&out);
    event_ring_recent(f.ring, EVENT_RECENT_COUNT, &out);
    check_u64("nonsense is not told", out.len, 0);
    check_true("nor taken", !event_ring_take(f.ring, &record));
    buf_done(&out);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(a_disabled_event_costs_nothing),
            TEST(a_span_and_its_events),
            TEST(low_levels_are_lost_first),
            TEST(errors_have_the_last_room),
            TEST(the_loss_is_told_once_a_minute),
            TEST(big_records_wrap_around),
            TEST(a_lossless_worker_waits_once_a_round),
            TEST(a_dead_workers_ring_tells_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
