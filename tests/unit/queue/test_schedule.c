// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_schedule.c: the lives of recipients whose host never answers, from the
// acceptance to the end, on a clock that jumps from one due time to the next.
#include "schedule_world.h"

#define STEPS_MAX 2000

#define STRATEGY "[queue.strategy]\nschedule = \"'s'\"\n"
#define SCHEDULE(lines) STRATEGY "[queue.schedule.s]\n" lines "\n"
#define BY_N MESSAGE_BY_NOTIFY
#define BY_R MESSAGE_BY_RETURN

// Times in seconds after the acceptance. Of the attempts the first twelve are told, and how many
// there were.
static const struct life {
    const char *name, *config, *schedule;
    const char *tries, *rest;
    uint32_t flags;            // of the message, further ones
    int64_t by_s, hold_s;      // DELIVERBY and FUTURERELEASE, after the acceptance; 0: none
    int64_t down_from_s, up_s; // nobody looks in between
    uint32_t rcpt_flags_off;
    bool null_sender;
} lives[] = {
        {.name = "queue.md 8.5",
                .config = "[queue.strategy]\nschedule = \"'remote'\"\n",
                .schedule = "remote",
                .tries = "0 120 420 1020 1920 3720 7320 14520 21720 28920 36120 43320 (65)",
                .rest = "notice 86400, notice 259200, expired 432000 4.4.1"},
        {.name = "the last wait repeats",
                .config = SCHEDULE("retry = ['1m', '10m']\nexpire = '45m'"),
                .schedule = "s",
                .tries = "0 60 660 1260 1860 2460 (6)",
                .rest = "expired 2700 4.4.1"},
        {.name = "attempts end directly after the last one",
                .config = SCHEDULE("retry = '1m'\nmax-attempts = 3"),
                .schedule = "s",
                .tries = "0 60 120 (3)",
                .rest = "failed 120 4.4.1"},
        {.name = "one attempt only",
                .config = SCHEDULE("max-attempts = 1"),
                .schedule = "s",
                .tries = "0 (1)",
                .rest = "failed 0 4.4.1"},
        {.name = "attempts with a hard end",
                .config = SCHEDULE("retry = '1h'\nmax-attempts = 9\nmax-expire = '150m'"),
                .schedule = "s",
                .tries = "0 3600 7200 (3)",
                .rest = "expired 9000 4.4.1"},
        {.name = "BY=60;R after a first failure",
                .config = STRATEGY "[queue.schedule.s]\nretry = '2m'\nnotify = '30s'\n",
                .schedule = "s",
                .flags = BY_R,
                .by_s = 60,
                .tries = "0 (1)",
                .rest = "expired 60 5.4.7"},
        {.name = "BY=300;R keeps the schedule's marks",
                .config = SCHEDULE("retry = '1m'\nnotify = '2m'"),
                .schedule = "s",
                .flags = BY_R,
                .by_s = 300,
                .tries = "0 60 120 180 240 (5)",
                .rest = "notice 120, expired 300 5.4.7"},
        {.name = "BY=R is not tried too late",
                .config = SCHEDULE("retry = '1m'"),
                .schedule = "s",
                .flags = BY_R,
                .by_s = 60,
                .down_from_s = 0,
                .up_s = 600,
                .tries = " (0)",
                .rest = "expired 600 5.4.7"},
        {.name = "BY=3600;N replaces the marks",
                .config = SCHEDULE("retry = '2h'\nnotify = ['4h', '6h']\nexpire = '10h'"),
                .schedule = "s",
                .flags = BY_N,
                .by_s = 3600,
                .tries = "0 7200 14400 21600 28800 (5)",
                .rest = "by 3600, expired 36000 4.4.1"},
        {.name = "BY=N without marks of the schedule",
                .config = SCHEDULE("retry = '2h'\nexpire = '3h'"),
                .schedule = "s",
                .flags = BY_N,
                .by_s = 600,
                .tries = "0 7200 (2)",
                .rest = "by 600, expired 10800 4.4.1"},
        {.name = "BY=N with attempts that are counted",
                .config = SCHEDULE("retry = '1h'\nmax-attempts = 4"),
                .schedule = "s",
                .flags = BY_N,
                .by_s = 600,
                .tries = "0 3600 7200 10800 (4)",
                .rest = "by 600, failed 10800 4.4.1"},
        {.name = "BY=N beyond the end keeps the first mark",
                .config = SCHEDULE("retry = '2h'\nnotify = ['1h', '2h']\nexpire = '3h'"),
                .schedule = "s",
                .flags = BY_N,
                .by_s = 99999,
                .tries = "0 7200 (2)",
                .rest = "notice 3600, expired 10800 4.4.1"},
        {.name = "BY=-3600;N is a mark before the end",
                .config = SCHEDULE("retry = '2h'\nnotify = '30m'\nexpire = '3h'"),
                .schedule = "s",
                .flags = BY_N,
                .by_s = -3600,
                .tries = "0 7200 (2)",
                .rest = "by 7200, expired 10800 4.4.1"},
        {.name = "BY=-99999;N is at once",
                .config = SCHEDULE("retry = '2h'\nexpire = '3h'"),
                .schedule = "s",
                .flags = BY_N,
                .by_s = -99999,
                .tries = "0 7200 (2)",
                .rest = "by 0, expired 10800 4.4.1"},
        {.name = "no notice was asked for",
                .config = SCHEDULE("retry = '2h'\nnotify = '1h'\nexpire = '3h'"),
                .schedule = "s",
                .flags = BY_N,
                .by_s = 600,
                .rcpt_flags_off = RCPT_NOTIFY_DELAY,
                .tries = "0 7200 (2)",
                .rest = "expired 10800 4.4.1"},
        {.name = "nobody to tell",
                .config = SCHEDULE("retry = '2h'\nnotify = '1h'\nexpire = '3h'"),
                .schedule = "s",
                .null_sender = true,
                .tries = "0 7200 (2)",
                .rest = "expired 10800 4.4.1"},
        {.name = "HOLDFOR=60 moves all",
                .config = SCHEDULE("retry = '1h'\nnotify = '90m'\nexpire = '3h'"),
                .schedule = "s",
                .hold_s = 60,
                .tries = "60 3660 7260 (3)",
                .rest = "notice 5460, expired 10860 4.4.1"},
        {.name = "marks missed are one",
                .config =
                        SCHEDULE("retry = '1h'\nnotify = ['2h', '3h', '4h', '9h']\nexpire = '10h'"),
                .schedule = "s",
                .down_from_s = 4000,
                .up_s = 18000,
                .tries = "0 3600 18000 21600 25200 28800 32400 (7)",
                .rest = "notice 18000, notice 32400, expired 36000 4.4.1"},
        {.name = "a mark just before the end",
                .config = SCHEDULE("retry = '2h'\nnotify = ['1h', '179m']\nexpire = '3h'"),
                .schedule = "s",
                .tries = "0 7200 (2)",
                .rest = "notice 3600, expired 10800 4.4.1"},
        {.name = "a mark a minute and a second before the end",
                .config = SCHEDULE("retry = '2h'\nnotify = '10739s'\nexpire = '3h'"),
                .schedule = "s",
                .tries = "0 7200 (2)",
                .rest = "notice 10739, expired 10800 4.4.1"},
        {.name = "one attempt although the time is over",
                .config = SCHEDULE("retry = '1h'\nnotify = '2h'\nexpire = '3h'"),
                .schedule = "s",
                .down_from_s = 0,
                .up_s = 50000,
                .tries = "50000 (1)",
                .rest = "failed 50000 4.4.1"},
};

static void add_event(struct buf *out, const char *what, int64_t at_ms, struct str more)
{
    buf_fmt(out, "%s%s %lld%s%.*s", out->len > 0 ? ", " : "", what,
            (long long)((at_ms - CREATED_MS) / SECOND_MS), more.len > 0 ? " " : "", ARG(more));
}

static void live(const struct life *c, struct schedules *l, struct waiting *w, struct buf *tries,
        struct buf *rest)
{
    size_t count = 0;
    for (size_t i = 0; i < STEPS_MAX && !unit_is_final(&w->unit); i++) {
        int64_t now_ms = w->unit.due_ms, up_ms = CREATED_MS + c->up_s * SECOND_MS;
        if (now_ms >= CREATED_MS + c->down_from_s * SECOND_MS && now_ms < up_ms)
            now_ms = up_ms;
        if (now_ms < CREATED_MS)
            now_ms = CREATED_MS;
        uint8_t look = waiting_look(w, l, now_ms);
        if ((look & LOOK_DELAY_NOTICE) != 0)
            add_event(rest, (look & LOOK_BY_NOTICE) != 0 ? "by" : "notice", now_ms, S(""));
        if ((look & LOOK_EXPIRED) != 0)
            add_event(rest, "expired", now_ms, w->rcpt.last.enhanced);
        if ((look & LOOK_TRY) == 0)
            continue;
        if (count++ < 12)
            buf_fmt(tries, "%s%lld", count > 1 ? " " : "",
                    (long long)((now_ms - CREATED_MS) / SECOND_MS));
        waiting_after(w, l, now_ms, temporary());
        if (w->rcpt.status == RCPT_PERM_FAILED)
            add_event(rest, "failed", now_ms, w->rcpt.last.enhanced);
    }
    buf_fmt(tries, " (%zu)", count);
}

static void lives_are_lived(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lives); i++) {
        const struct life *c = &lives[i];
        struct schedules l;
        struct buf tries AUTO(buf_done), rest AUTO(buf_done);
        struct waiting w = waiting_made();
        schedules_load(&l, c->config);
        buf_init(&tries, 64 * KIB);
        buf_init(&rest, 64 * KIB);
        w.message.flags |= c->flags;
        w.message.by_ms = c->by_s != 0 ? CREATED_MS + c->by_s * SECOND_MS : 0;
        w.message.hold_until_ms = c->hold_s != 0 ? CREATED_MS + c->hold_s * SECOND_MS : 0;
        w.message.sender = c->null_sender ? S("") : w.message.sender;
        w.rcpt.flags &= ~c->rcpt_flags_off;
        waiting_begin(&w, &l, c->schedule);
        check_true(c->name, w.unit.due_ms >= CREATED_MS || c->by_s < 0);
        live(c, &l, &w, &tries, &rest);
        check_str(c->name, buf_str(&tries), str_from_c(c->tries));
        check_str(c->name, buf_str(&rest), str_from_c(c->rest));
        schedules_unload(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(lives_are_lived)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
