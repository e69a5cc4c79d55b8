// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_schedule_settings.c: virtual queues and schedules as written, those that
// are there without it, and what is wrong, at its place.
#include "schedule_world.h"

static void check_findings(const char *name, const struct schedules *l, const char *want)
{
    struct buf got AUTO(buf_done);
    buf_init(&got, 64 * KIB);
    each_in_vec (f, &l->findings.all)
        if (str_starts(f->key, S("queue")))
            buf_fmt(&got, "%u %s %.*s: %.*s\n", f->line,
                    f->severity == FINDING_ERROR ? "error" : "warning", ARG(f->key),
                    ARG(f->message));
    check_str(name, buf_str(&got), str_from_c(want));
}

#define STRATEGY "strategy.schedule = \"'s'\"\n"
#define S_IS(lines) "[queue]\n" STRATEGY "[queue.schedule.s]\n" lines "\n"
// Without errors elsewhere: what else is missing is told only then.
#define LISTENER "[server.listener.l]\nbind = '127.0.0.1:25'\nprotocol = 'smtp'\n"
#define LONG_33 "123456789012345678901234567890123"

static const struct {
    const char *name, *text, *found;
} cases[] = {
        {"nothing", "", ""},
        {"one that is used", S_IS("retry = ['1m', '5m']"), ""},
        {"a single text is a list", S_IS("retry = '1m'\nnotify = '1h'"), ""},
        {"33 bytes", "[queue.virtual." LONG_33 "]\n",
                "1 error queue.virtual." LONG_33
                ".threads-per-node: Invalid virtual queue name \"" LONG_33
                "\": must be 1-32 bytes long\n"},
        {"32 bytes", "[queue.virtual.12345678901234567890123456789012]\n", ""},
        {"no slots", "[queue.virtual.q]\nthreads-per-node = 0\n",
                "2 error queue.virtual.q.threads-per-node: \"0\" is out of range: 1 to 100000\n"},
        {"fewer than none", "[queue.virtual.q]\nthreads-per-node = -1\n",
                "2 error queue.virtual.q.threads-per-node: \"-1\" is out of range: 1 to 100000\n"},
        {"slots in words", "[queue.virtual.q]\nthreads-per-node = 'ten'\n",
                "2 error queue.virtual.q.threads-per-node: invalid integer \"ten\" (expected a "
                "whole number)\n"},
        {"too many slots", "[queue.virtual.q]\nthreads-per-node = 1000000000\n",
                "2 error queue.virtual.q.threads-per-node: \"1000000000\" is out of range: 1 to "
                "100000\n"},
        {"too heavy", "[queue.virtual.q]\nweight = 101\n",
                "2 error queue.virtual.q.weight: \"101\" is out of range: 1 to 100\n"},
        {"a queue that is not there", S_IS("queue-name = 'nowhere'"),
                "4 error queue.schedule.s.queue-name: Virtual queue 'nowhere' does not exist.\n"},
        {"a queue that is built in", S_IS("queue-name = 'dsn'"), ""},
        {"both ends", S_IS("expire = '1d'\nmax-attempts = 3"),
                "5 error queue.schedule.s.max-attempts: Cannot specify both 'expire' and "
                "'max-attempts'.\n"},
        {"no waits", S_IS("retry = []"),
                "4 error queue.schedule.s.retry: invalid duration: at least one wait is needed\n"},
        {"no time", S_IS("retry = ['0s']"),
                "4 error queue.schedule.s.retry: element 1: invalid duration \"0s\" (expected a "
                "number and one of ms, s, m, h, d, w)\n"},
        {"two units", S_IS("retry = ['1h30m']"),
                "4 error queue.schedule.s.retry: element 1: invalid duration \"1h30m\" (expected a "
                "number and one of ms, s, m, h, d, w)\n"},
        {"words", S_IS("retry = ['5 hours']"),
                "4 error queue.schedule.s.retry: element 1: invalid duration \"5 hours\" (expected "
                "a number and one of ms, s, m, h, d, w)\n"},
        {"a number", S_IS("retry = [5]"),
                "4 warning queue.schedule.s.retry: 5 ms, taken for one second; did you mean 5m?\n"},
        {"less than a second", S_IS("retry = ['2m', '500ms']"),
                "4 warning queue.schedule.s.retry: 500 ms, taken for one second\n"},
        {"more than a year", S_IS("notify = ['366d']"),
                "4 error queue.schedule.s.notify: element 1: \"366d\" is out of range: 0 to "
                "31536000000 ms\n"},
        {"no attempt", S_IS("max-attempts = 0"),
                "4 error queue.schedule.s.max-attempts: \"0\" is out of range: 1 to 100000\n"},
        {"marks from each other", S_IS("notify = ['1d', '12h']"),
                "4 warning queue.schedule.s.notify: marks count from the message's beginning, not "
                "from each other: this one does not come after the one before it\n"},
        {"the type agrees", S_IS("expire-type = 'attempts'\nmax-attempts = 3"), ""},
        {"the type contradicts", S_IS("expire-type = 'attempts'\nexpire = '3d'"),
                "4 error queue.schedule.s.expire-type: 'expire' says something else\n"},
        {"the type contradicts attempts", S_IS("expire-type = 'ttl'\nmax-attempts = 3"),
                "4 error queue.schedule.s.expire-type: 'max-attempts' says something else\n"},
        {"the type alone", S_IS("expire-type = 'attempts'"),
                "4 error queue.schedule.s.expire-type: 'max-attempts' is not set\n"},
        {"a hard end of an age", S_IS("max-expire = '3d'"),
                "4 error queue.schedule.s.max-expire: this goes with 'max-attempts'; without it "
                "'expire' says when to give up\n"},
        {"too much jitter", S_IS("jitter = 51"),
                "4 error queue.schedule.s.jitter: \"51\" is out of range: 0 to 50\n"},
        {"a wide grid", S_IS("align = '2h'"),
                "4 error queue.schedule.s.align: \"2h\" is out of range: 0 to 3600000 ms\n"},
        {"an unknown key", S_IS("retri = '30s'"),
                "4 error queue.schedule.s.retri: unknown key; did you mean "
                "queue.schedule.s.retry?\n"},
        {"a schedule that is not there", "[queue.strategy]\nschedule = \"'remot'\"\n",
                "2 error queue.strategy.schedule: unknown schedule 'remot'; did you mean "
                "'remote'?\n"},
        {"nothing is near", "[queue.strategy]\nschedule = \"'xyzzy'\"\n",
                "2 error queue.strategy.schedule: unknown schedule 'xyzzy'\n"},
        {"in a condition",
                "[queue.strategy]\nschedule = [ { if = \"source == 'dsn'\", then = \"'dns'\" },\n"
                "  { else = \"'remote'\" } ]\n",
                "2 error queue.strategy.schedule: condition 1, 'then': unknown schedule 'dns'; did "
                "you mean 'dsn'?\n"},
        {"a variable of later", "[queue.strategy]\nschedule = \"mx\"\n",
                "2 error queue.strategy.schedule: column 1: variable 'mx' is not available here "
                "(context: QRCPT)\n"},
        {"never chosen", "[queue.schedule.s]\nretry = '1m'\n" LISTENER,
                "1 warning queue.schedule.s.queue-name: queue.strategy.schedule never chooses this "
                "schedule\n"},
        {"computed names may be any",
                "[queue.schedule.s]\nretry = '1m'\n[queue.strategy]\nschedule = \"source\"\n", ""},
        {"built-in ones are not missed", "[queue.strategy]\nschedule = \"'remote'\"\n", ""},
        {"a built-in one that nothing chooses any more",
                "[queue.strategy]\nschedule = \"'remote'\"\n[queue.schedule.dsn]\nretry = "
                "'1m'\n" LISTENER,
                "3 warning queue.schedule.dsn.queue-name: queue.strategy.schedule never chooses "
                "this schedule\n"},
        {"a lease", "[queue.manager]\nlease = '10m'\n",
                "2 error queue.manager.lease: this build does not have a queue shared by several "
                "nodes yet\n"},
        {"taken too far in advance", "[queue.manager]\nready-factor = 65\n",
                "2 error queue.manager.ready-factor: \"65\" is out of range: 1 to 64\n"},
        {"the manager",
                "[queue.manager]\nmax-slots = 0\nscan-horizon = '1m'\nready-factor = 64\n"
                "max-recipients-per-message = 500\ndrain-timeout = '5s'\n[queue.hold]\nmax = "
                "'1d'\n",
                ""},
};

static void findings_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct schedules l;
        schedules_load(&l, cases[i].text);
        check_findings(cases[i].name, &l, cases[i].found);
        schedules_unload(&l);
    }
}

static void check_list(const char *name, const int64_t *got, size_t count, const char *want)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 64 * KIB);
    for (size_t i = 0; i < count; i++)
        buf_fmt(&text, "%s%lld", i > 0 ? " " : "", (long long)(got[i] / SECOND_MS));
    check_str(name, buf_str(&text), str_from_c(want));
}

static void there_without_being_written(void **state)
{
    (void)state;
    static const struct {
        const char *id, *queue, *retry, *notify;
        uint32_t slots, attempts;
        int64_t expire_s;
    } wanted[] = {
            {"local", "local", "120 300 600 900 1800 3600 7200", "86400 259200", 25, 0, 432000},
            {"remote", "remote", "120 300 600 900 1800 3600 7200", "86400 259200", 50, 0, 432000},
            {"dsn", "dsn", "900 1800 3600 7200", "", 5, 10, 0},
            {"report", "report", "1800 3600 7200", "", 5, 8, 0},
            {"default", "default", "120 300 600 900 1800 3600 7200", "86400 259200", 25, 0, 432000},
    };
    struct schedules l;
    schedules_load(&l, "");
    check_u64("as many", l.settings.schedule_count, COUNT_OF(wanted));
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        const char *name = wanted[i].id;
        const struct schedule *s = schedule_named(&l.settings, str_from_c(name));
        assert_non_null(s);
        check_str(name, s->queue->id, str_from_c(wanted[i].queue));
        check_list(name, s->retry_ms, s->retry_count, wanted[i].retry);
        check_list(name, s->notify_ms, s->notify_count, wanted[i].notify);
        check_u64(name, s->queue->slots, wanted[i].slots);
        check_u64(name, s->attempts_max, wanted[i].attempts);
        check_u64(name, s->expiry, wanted[i].attempts > 0 ? EXPIRY_ATTEMPTS : EXPIRY_TTL);
        check_u64(name, (uint64_t)s->expire_ms, (uint64_t)(wanted[i].expire_s * SECOND_MS));
    }
    check_u64("slots", l.settings.slots_max, 2000);
    check_u64("horizon", (uint64_t)l.settings.scan_horizon_ms, 5 * MINUTE_MS);
    check_u64("recipients", l.settings.rcpts_max, 10000);
    check_u64("a stop", (uint64_t)l.settings.drain_timeout_ms, 30 * SECOND_MS);
    schedules_unload(&l);
}

static void written_ones_replace(void **state)
{
    (void)state;
    struct schedules l;
    schedules_load(&l,
            "[queue.virtual.bulk]\nthreads-per-node = 200\npaused = true\n"
            "[queue.virtual.remote]\nthreads-per-node = 7\n"
            "[queue.schedule.remote]\nqueue-name = 'bulk'\nnotify = ['1d', '4h', '1d']\njitter = "
            "10\n"
            "[queue.schedule.dsn]\nmax-attempts = 3\nmax-expire = '2d'\nhonor-retry-hint = true\n"
            "[queue.manager]\nmax-slots = 0\n[server.shutdown]\ngrace = '9s'\n");
    const struct schedule *s = schedule_named(&l.settings, S("remote"));
    check_str("its queue", s->queue->id, S("bulk"));
    check_u64("slots", s->queue->slots, 200);
    check_true("paused", s->queue->paused);
    check_list("marks in order", s->notify_ms, s->notify_count, "14400 86400 86400");
    check_list("usual waits", s->retry_ms, s->retry_count, "120 300 600 900 1800 3600 7200");
    check_u64("usual end", (uint64_t)s->expire_ms, 5 * (uint64_t)DAY_MS);
    check_u64("jitter", s->jitter_percent, 10);
    s = schedule_named(&l.settings, S("dsn"));
    check_str("the queue of who names none", s->queue->id, S("default"));
    check_u64("attempts", s->attempts_max, 3);
    check_u64("hard end", (uint64_t)s->expire_max_ms, 2 * (uint64_t)DAY_MS);
    check_true("hints", s->honor_retry_hint);
    check_u64("a queue of the built-in name", virtual_queue_named(&l.settings, S("remote"))->slots,
            7);
    check_true("no limit", l.settings.slots_max == 0);
    check_u64("as long as the server", (uint64_t)l.settings.drain_timeout_ms, 9 * SECOND_MS);
    const struct unit gone = {.queue = S("was"), .schedule = S("was")};
    check_str("a schedule that is gone", schedule_of_unit(&l.settings, &gone)->id, S("default"));
    check_str("a queue that is gone", virtual_queue_of_unit(&l.settings, &gone)->id, S("default"));
    schedules_unload(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(findings_are_told), TEST(there_without_being_written), TEST(written_ones_replace)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
