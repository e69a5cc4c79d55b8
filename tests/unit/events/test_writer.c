// SPDX-License-Identifier: Apache-2.0
// tests/unit/events/test_writer.c: the log writer on disks that fill up, folders that go away,
// journals that are restarted, and clocks that jump.
#include "world.h"

#include "events/pack.h"

#include <zlib.h>

struct fixture {
    struct world *world;
    struct telemetry telemetry;
    struct tracer tracers[2];
    struct writer *writer;
    struct arena scratch;
};

static void start(struct fixture *f)
{
    f->writer = writer_new(&f->telemetry, world_outside(f->world), NULL, f->world->now_ms);
    assert_non_null(f->writer);
}

static void end(struct fixture *f)
{
    writer_free(f->writer, f->world->now_ms);
    world_free(f->world);
}

static struct fixture *fixture_new(void)
{
    struct fixture *f = mem_new(struct fixture);
    assert_non_null(f);
    f->world = world_new();
    f->telemetry.tracers = f->tracers;
    return f;
}

static void fixture_free(struct fixture **f)
{
    mem_free(*f);
}

static struct tracer *tracer_add(struct fixture *f, enum tracer_type type, struct str id)
{
    struct tracer *t = &f->tracers[f->telemetry.tracer_count++];
    tracer_init(t, type, id);
    return t;
}

static void say(struct fixture *f, enum event_id id, struct str details)
{
    struct bytes *b AUTO(bytes_free) = bytes_new();
    struct field fields[] = {F_STR(details, details)};
    writer_feed(f->writer, record_bytes(b, id, 0, fields, 1), f->world->now_ms);
}

#define LINE(text)                                                                                 \
    "2025-03-01T10:00:00Z INFO SMTP EHLO command (smtp.ehlo) details = \"" text "\"\n"

static void check_text(struct fixture *f, const char *path, struct str want)
{
    check_str(path, world_text(f->world, str_from_c(path)), want);
}

static void each_period_has_its_file(void **unused UNUSED)
{
    static const struct {
        enum tracer_rotate rotate;
        const char *first, *second;
        int64_t later_ms;
    } cases[] = {
            {ROTATE_DAILY, "/log/posthaste.2025-03-01", "/log/posthaste.2025-03-02", DAY_MS},
            {ROTATE_HOURLY, "/log/posthaste.2025-03-01T10", "/log/posthaste.2025-03-01T11",
                    HOUR_MS},
            {ROTATE_MINUTELY, "/log/posthaste.2025-03-01T10:00", "/log/posthaste.2025-03-01T10:01",
                    MINUTE_MS},
            {ROTATE_NEVER, "/log/posthaste", "/log/posthaste", 100 * (int64_t)DAY_MS},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture *f AUTO(fixture_free) = fixture_new();
        struct tracer *t = tracer_add(f, TRACER_LOG, S("log"));
        t->rotate = cases[i].rotate;
        start(f);
        say(f, EV_SMTP_EHLO, S("1"));
        f->world->now_ms += cases[i].later_ms;
        say(f, EV_SMTP_EHLO, S("2"));
        bool same = t->rotate == ROTATE_NEVER;
        check_text(f, cases[i].first, same ? S(LINE("1") LINE("2")) : S(LINE("1")));
        check_text(f, cases[i].second, same ? S(LINE("1") LINE("2")) : S(LINE("2")));
        f->world->now_ms -= cases[i].later_ms; // the clock is set back
        say(f, EV_SMTP_EHLO, S("3"));
        check_text(f, cases[i].first,
                same ? S(LINE("1") LINE("2") LINE("3")) : S(LINE("1") LINE("3")));
        check_true("the link",
                str_starts(buf_str(&f->world->link), S("/log/posthaste.current -> posthaste")));
        end(f);
    }
}

static void the_boundary_is_exact(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    tracer_add(f, TRACER_LOG, S("log"));
    start(f);
    f->world->now_ms = NOON - NOON % DAY_MS + DAY_MS - 1;
    say(f, EV_SMTP_EHLO, S("last"));
    f->world->now_ms += 1;
    say(f, EV_SMTP_EHLO, S("first"));
    check_text(f, "/log/posthaste.2025-03-01", S(LINE("last")));
    check_text(f, "/log/posthaste.2025-03-02", S(LINE("first")));
    end(f);
}

static void a_full_file_makes_room(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    struct tracer *t = tracer_add(f, TRACER_LOG, S("log"));
    t->rotate_bytes = 2 * (sizeof(LINE("1")) - 1);
    t->keep_count = 2;
    start(f);
    static const char *texts[] = {"1", "2", "3", "4", "5", "6", "7"};
    for (size_t i = 0; i < 5; i++)
        say(f, EV_SMTP_EHLO, str_from_c(texts[i]));
    check_text(f, "/log/posthaste.2025-03-01.1", S(LINE("1") LINE("2")));
    check_text(f, "/log/posthaste.2025-03-01.2", S(LINE("3") LINE("4")));
    check_text(f, "/log/posthaste.2025-03-01", S(LINE("5")));
    for (size_t i = 5; i < 7; i++)
        say(f, EV_SMTP_EHLO, str_from_c(texts[i]));
    writer_tick(f->writer, f->world->now_ms);
    check_text(f, "/log/posthaste.2025-03-01.1", S("(no such file)"));
    check_text(f, "/log/posthaste.2025-03-01.3", S(LINE("5") LINE("6")));
    check_text(f, "/log/posthaste.2025-03-01", S(LINE("7")));
    end(f);
}

static void only_old_files_of_ours_are_removed(void **unused UNUSED)
{
    static const struct {
        const char *path;
        int64_t age_days;
        bool stays;
    } files[] = {
            {"/log/posthaste.2025-01-01", 31, false},
            {"/log/posthaste.2025-01-01.3.gz", 31, false},
            {"/log/posthaste.2025-02-20T23", 31, false},
            {"/log/posthaste.2025-02-20T23:59.gz", 31, false},
            {"/log/posthaste.2025-02-21", 30, true},
            {"/log/posthaste", 400, true},     // of a tracer that never rotates
            {"/log/posthaste.err", 400, true}, // somebody else's
            {"/log/posthaste.2025-01-01.bak", 400, true},
            {"/log/posthaste-2025-01-01", 400, true},
            {"/log/posthaste2.2025-01-01", 400, true}, // another prefix
            {"/log/posthaste.25-01-01", 400, true},
            {"/other/posthaste.2025-01-01", 400, true},
    };
    struct fixture *f AUTO(fixture_free) = fixture_new();
    tracer_add(f, TRACER_LOG, S("log"));
    start(f);
    for (size_t i = 0; i < COUNT_OF(files); i++)
        world_make(f->world, str_from_c(files[i].path))->modified_ms =
                NOON - files[i].age_days * DAY_MS;
    say(f, EV_SMTP_EHLO, S("1"));
    writer_tick(f->writer, f->world->now_ms);
    for (size_t i = 0; i < COUNT_OF(files); i++)
        check_u64(files[i].path, world_find(f->world, str_from_c(files[i].path)) != NULL,
                files[i].stays);
    end(f);
}

static void gunzip(struct buf *out, struct str packed)
{
    z_stream z = {0};
    unsigned char piece[1000];
    check_true("begin", inflateInit2(&z, 15 + 16) == Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)packed.ptr;
    z.avail_in = (unsigned)packed.len;
    int state = Z_OK;
    while (state == Z_OK) {
        z.next_out = piece;
        z.avail_out = sizeof(piece);
        state = inflate(&z, Z_NO_FLUSH);
        buf_add(out, str_of((char *)piece, sizeof(piece) - z.avail_out));
    }
    check_true("whole", state == Z_STREAM_END);
    inflateEnd(&z);
}

static void finished_files_are_compressed(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    struct tracer *t = tracer_add(f, TRACER_LOG, S("log"));
    struct buf text, back;
    t->compress = COMPRESS_GZIP;
    buf_init(&text, 4 * MIB);
    buf_init(&back, 4 * MIB);
    for (size_t i = 0; text.len < 3 * PACK_STEP_BYTES; i++)
        buf_fmt(&text, "line %zu\n", i * 7919);
    buf_add(&world_make(f->world, S("/log/posthaste.2025-02-28"))->text, buf_str(&text));
    world_make(f->world, S("/log/posthaste.2025-02-27.gz"));
    world_make(f->world, S("/log/posthaste.2025-02-28.gz.part")); // of a crash
    start(f);
    say(f, EV_SMTP_EHLO, S("1"));
    f->world->now_ms = writer_tick(f->writer, f->world->now_ms);
    f->world->now_ms = writer_tick(f->writer, f->world->now_ms);
    check_text(f, "/log/posthaste.2025-02-28", buf_str(&text)); // it has just been written to
    for (int i = 0; i < 10; i++)
        f->world->now_ms = writer_tick(f->writer, f->world->now_ms);
    check_text(f, "/log/posthaste.2025-02-28", S("(no such file)"));
    check_text(f, "/log/posthaste.2025-02-28.gz.part", S("(no such file)"));
    gunzip(&back, world_text(f->world, S("/log/posthaste.2025-02-28.gz")));
    check_true("the same text", str_eq(buf_str(&back), buf_str(&text)));
    check_text(f, "/log/posthaste.2025-03-01", S(LINE("1"))); // the open one is left alone
    buf_done(&text);
    buf_done(&back);
    end(f);
}

static void compressing_on_a_full_disk_keeps_the_log(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    struct tracer *t = tracer_add(f, TRACER_LOG, S("log"));
    t->compress = COMPRESS_GZIP;
    buf_add(&world_make(f->world, S("/log/posthaste.2025-02-28"))->text, S("precious\n"));
    start(f);
    f->world->disk_room = 5;
    for (int i = 0; i < 10; i++)
        f->world->now_ms = writer_tick(f->writer, f->world->now_ms);
    check_text(f, "/log/posthaste.2025-02-28", S("precious\n"));
    check_text(f, "/log/posthaste.2025-02-28.gz", S("(no such file)"));
    end(f);
}

static void a_full_disk_is_survived(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    tracer_add(f, TRACER_LOG, S("log"));
    struct tracer *con = tracer_add(f, TRACER_CONSOLE, S("con"));
    con->takes[EV_SMTP_EHLO] = false;
    start(f);
    say(f, EV_SMTP_EHLO, S("1"));
    f->world->disk_room = 20; // a line is written in part
    say(f, EV_SMTP_EHLO, S("2"));
    say(f, EV_SMTP_EHLO, S("3"));
    check_str("the other tracer is told once", buf_str(&f->world->console),
            S("2025-03-01T10:00:00Z WARN Log writer error (telemetry.log-error) id = \"log\", "
              "path = \"/log\", reason = \"writing the log: No space left on device\", "
              "total = 0\n"));
    f->world->disk_room = UINT64_MAX;
    say(f, EV_SMTP_EHLO, S("4"));
    check_true("not tried again at once",
            !str_contains(world_text(f->world, S("/log/posthaste.2025-03-01")), S("\"4\"")));
    f->world->now_ms += SECOND_MS;
    writer_tick(f->writer, f->world->now_ms);
    check_text(f, "/log/posthaste.2025-03-01", S(LINE("1") LINE("2") LINE("3") LINE("4")));
    check_u64("nothing was dropped", writer_dropped(f->writer, 0), 0);
    end(f);
}

static void a_disk_full_for_long_drops_the_oldest(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    tracer_add(f, TRACER_LOG, S("log"));
    struct tracer *con = tracer_add(f, TRACER_CONSOLE, S("con"));
    struct buf text;
    con->takes[EV_SMTP_EHLO] = false;
    start(f);
    buf_init(&text, 2 * KIB);
    f->world->disk_room = 0;
    for (int i = 0; i < 6000; i++) { // 6 MiB
        buf_clear(&text);
        buf_fmt(&text, "%05d ", i);
        buf_add_repeat(&text, 'x', 1000);
        say(f, EV_SMTP_EHLO, buf_str(&text));
        f->world->now_ms += 10;
    }
    check_u64("told at once, and after a minute lost",
            writer_dropped(f->writer, 0) > 1500 && writer_dropped(f->writer, 0) < 2200, 1);
    f->world->disk_room = UINT64_MAX;
    f->world->now_ms += MINUTE_MS;
    writer_tick(f->writer, f->world->now_ms);
    struct str got = world_text(f->world, S("/log/posthaste.2025-03-01"));
    check_true("at most 4 MiB", got.len <= OUTLET_BYTES_MAX && got.len > 3 * MIB);
    check_true("begins with a whole line", str_starts(got, S("2025-03-01T")));
    check_true("ends with the newest", str_contains(str_from(got, got.len - 1100), S("05999 ")));
    buf_done(&text);
    end(f);
}

static void without_another_tracer_stderr_is_told(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    tracer_add(f, TRACER_LOG, S("log"));
    start(f);
    f->world->folder_gone = true;
    say(f, EV_SMTP_EHLO, S("1"));
    check_true("told", str_contains(buf_str(&f->world->console), S("(telemetry.log-error)")));
    f->world->folder_gone = false;
    f->world->now_ms += SECOND_MS;
    writer_tick(f->writer, f->world->now_ms);
    check_text(f, "/log/posthaste.2025-03-01", S(LINE("1")));
    end(f);
}

static void a_file_moved_away_is_made_anew(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    tracer_add(f, TRACER_LOG, S("log"));
    start(f);
    say(f, EV_SMTP_EHLO, S("1"));
    assert_false(failed(
            world_rename(f->world, &f->scratch, S("/log/posthaste.2025-03-01"), S("/log/old"))));
    f->world->now_ms += SECOND_MS;
    writer_tick(f->writer, f->world->now_ms); // sees that the inode changed
    say(f, EV_SMTP_EHLO, S("2"));
    check_text(f, "/log/old", S(LINE("1")));
    check_text(f, "/log/posthaste.2025-03-01", S(LINE("2")));
    assert_false(failed(
            world_rename(f->world, &f->scratch, S("/log/posthaste.2025-03-01"), S("/log/b"))));
    writer_reopen(f->writer); // SIGUSR1: at once
    say(f, EV_SMTP_EHLO, S("3"));
    check_text(f, "/log/b", S(LINE("2")));
    check_text(f, "/log/posthaste.2025-03-01", S(LINE("3")));
    end(f);
}

static void a_console_that_does_not_read_delays_nobody(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    tracer_add(f, TRACER_LOG, S("log"));
    struct tracer *con = tracer_add(f, TRACER_CONSOLE, S("con"));
    con->target = TARGET_STDOUT;
    start(f);
    f->world->console_stuck = true;
    say(f, EV_SMTP_EHLO, S("1"));
    check_text(f, "/log/posthaste.2025-03-01", S(LINE("1")));
    f->world->console_stuck = false;
    writer_tick(f->writer, f->world->now_ms);
    check_str("it comes later", buf_str(&f->world->console_out), S(LINE("1")));
    check_str("to stdout", buf_str(&f->world->console), S(""));
    end(f);
}

static void samples_and_choices(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    struct tracer *con = tracer_add(f, TRACER_CONSOLE, S("con"));
    con->sample[EV_SMTP_EHLO] = 3;
    con->takes[EV_SMTP_QUIT] = false;
    con->buffered = false;
    start(f);
    static const char *texts[] = {"1", "2", "3", "4"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        say(f, EV_SMTP_EHLO, str_from_c(texts[i]));
        say(f, EV_SMTP_QUIT, str_from_c(texts[i]));
    }
    check_str("one of three", buf_str(&f->world->console), S(LINE("1") LINE("4")));
    end(f);
}

static void bad_packets_are_counted(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    tracer_add(f, TRACER_CONSOLE, S("con"));
    struct bytes *b AUTO(bytes_free) = bytes_new();
    struct field fields[] = {F_STR(details, S("1"))};
    start(f);
    size_t len = record_bytes(b, EV_SMTP_EHLO, 0, fields, 1).len;
    memcpy(b->at + len, "nonsense", 8);
    writer_feed(f->writer, str_of(b->at, len + 8), NOON);
    check_str("what is good is written", buf_str(&f->world->console), S(LINE("1")));
    check_u64("what is not is counted", writer_bad_records(f->writer), 1);
    end(f);
}

#define FIELD_BYTES(name, len, value) name "\n" len "\0\0\0\0\0\0\0" value "\n"

static void the_journals_protocol(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    tracer_add(f, TRACER_JOURNAL, S("j"));
    start(f);
    say(f, EV_SMTP_EHLO, S("a\nPRIORITY=0"));
    check_str("entry", buf_str(&f->world->journal),
            S(FIELD_BYTES("MESSAGE", "\x37",
                    "SMTP EHLO command (smtp.ehlo) "
                    "details = \"a\\nPRIORITY=0\"") FIELD_BYTES("PRIORITY", "\x01",
                    "6") FIELD_BYTES("SYSLOG_IDENTIFIER", "\x09", "posthaste") FIELD_BYTES("EVENT",
                    "\x09", "smtp.ehlo") FIELD_BYTES("DETAILS", "\x0c", "a\nPRIORITY=0") "\n--\n"));
    end(f);
}

static void a_journal_comes_and_goes(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    tracer_add(f, TRACER_JOURNAL, S("j"));
    start(f);
    say(f, EV_SMTP_EHLO, S("1"));
    f->world->journal_broken = true; // restarted: a new socket behind the path
    say(f, EV_SMTP_EHLO, S("2"));
    check_u64("connected again", f->world->journal_connects, 2);
    check_true("and written", str_contains(buf_str(&f->world->journal), S("\"2\"")));
    f->world->journal_broken = f->world->no_journal = true;
    say(f, EV_SMTP_EHLO, S("3"));
    check_true("told on stderr",
            str_contains(buf_str(&f->world->console), S("(telemetry.journal-error) id = \"j\"")));
    f->world->no_journal = false;
    f->world->now_ms += SECOND_MS;
    writer_tick(f->writer, f->world->now_ms);
    check_true("kept meanwhile", str_contains(buf_str(&f->world->journal), S("\"3\"")));
    size_t told = f->world->console.len;
    f->world->journal_busy = true;
    say(f, EV_SMTP_EHLO, S("4"));
    int64_t soon_ms = writer_patience_ms(f->writer);
    check_true("behind", soon_ms < SECOND_MS);
    check_u64("which is no failure", f->world->console.len, told);
    f->world->journal_busy = false;
    f->world->now_ms += soon_ms;
    writer_tick(f->writer, f->world->now_ms);
    check_true("busy is no end", str_contains(buf_str(&f->world->journal), S("\"4\"")));
    end(f);
}

static void without_a_journal_the_console(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    tracer_add(f, TRACER_JOURNAL, S("j"));
    f->world->no_journal = true;
    start(f);
    say(f, EV_SMTP_EHLO, S("1"));
    check_true("says why", str_contains(buf_str(&f->world->console),
                                   S("WARN Journal error (telemetry.journal-error) id = \"j\"")));
    check_true("and goes on", str_ends(buf_str(&f->world->console), S(LINE("1"))));
    end(f);
}

static void what_waits_is_written_at_the_end(void **unused UNUSED)
{
    struct fixture *f AUTO(fixture_free) = fixture_new();
    tracer_add(f, TRACER_CONSOLE, S("con"));
    start(f);
    f->world->console_stuck = true;
    say(f, EV_SMTP_EHLO, S("1"));
    f->world->console_stuck = false;
    writer_free(f->writer, f->world->now_ms);
    check_str("written", buf_str(&f->world->console), S(LINE("1")));
    world_free(f->world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(each_period_has_its_file),
            TEST(the_boundary_is_exact),
            TEST(a_full_file_makes_room),
            TEST(only_old_files_of_ours_are_removed),
            TEST(finished_files_are_compressed),
            TEST(compressing_on_a_full_disk_keeps_the_log),
            TEST(a_full_disk_is_survived),
            TEST(a_disk_full_for_long_drops_the_oldest),
            TEST(without_another_tracer_stderr_is_told),
            TEST(a_file_moved_away_is_made_anew),
            TEST(a_console_that_does_not_read_delays_nobody),
            TEST(samples_and_choices),
            TEST(bad_packets_are_counted),
            TEST(the_journals_protocol),
            TEST(a_journal_comes_and_goes),
            TEST(without_a_journal_the_console),
            TEST(what_waits_is_written_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
