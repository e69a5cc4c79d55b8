// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_schedule_rules.c: single rules of schedules: what each outcome does, waits
// with jitter and hints, the choice of the schedule, holds, DELIVERBY at the next hop.
#include "schedule_world.h"

#include "queue/store/record.h"

#define CONFIG                                                                                     \
    "[queue]\nstrategy.schedule = [ { if = \"retry_num > 1\", then = \"'slow'\" },\n"              \
    "  { if = \"rcpt == 'err@far.example'\", then = \"1 / retry_num\" },\n"                        \
    "  { if = \"rcpt == 'odd@far.example'\", then = \"'no' + 'where'\" },\n"                       \
    "  { else = \"'quick'\" } ]\n"                                                                 \
    "[queue.schedule.quick]\nretry = ['1m', '10m']\nnotify = '1h'\nexpire = '1d'\n"                \
    "[queue.schedule.slow]\nqueue-name = 'report'\nretry = ['1h', '2h', '3h']\nnotify = '2h'\n"    \
    "max-attempts = 5\n[queue.schedule.shy]\njitter = 25\nhonor-retry-hint = true\n"               \
    "retry = ['10m', '20m']\n"

static int64_t at_s(int64_t seconds)
{
    return CREATED_MS + seconds * SECOND_MS;
}

static void check_at(const char *name, int64_t got_ms, int64_t want_s)
{
    check_u64(name, (uint64_t)(got_ms - CREATED_MS), (uint64_t)(want_s * SECOND_MS));
}

// An attempt 100 s after the acceptance.
static void outcomes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum rcpt_status before;
        enum verdict verdict;
        int64_t until_s, expire_s; // expire 0: as scheduled
        enum rcpt_status after;
        uint32_t count;
        int64_t retry_s;
    } cases[] = {
            {"delivered", RCPT_SCHEDULED, VERDICT_GOOD, 0, 0, RCPT_COMPLETED, 0, 0},
            {"for good", RCPT_TEMP_FAILED, VERDICT_PERMANENT, 0, 0, RCPT_PERM_FAILED, 0, 0},
            {"temporary", RCPT_SCHEDULED, VERDICT_TEMPORARY, 0, 0, RCPT_TEMP_FAILED, 1, 160},
            {"a rule's time", RCPT_SCHEDULED, VERDICT_TEMPORARY, 500, 0, RCPT_TEMP_FAILED, 1, 500},
            {"not beyond the end", RCPT_SCHEDULED, VERDICT_TEMPORARY, 0, 130, RCPT_TEMP_FAILED, 1,
                    130},
            {"at the end", RCPT_SCHEDULED, VERDICT_TEMPORARY, 0, 100, RCPT_PERM_FAILED, 1, 0},
            {"limited", RCPT_SCHEDULED, VERDICT_LIMITED, 700, 0, RCPT_TEMP_FAILED, 0, 701},
            {"limited beyond the end", RCPT_SCHEDULED, VERDICT_LIMITED, 700, 300, RCPT_TEMP_FAILED,
                    0, 300},
            {"limited after the end", RCPT_SCHEDULED, VERDICT_LIMITED, 700, 50, RCPT_PERM_FAILED, 0,
                    0},
            {"suspended", RCPT_SCHEDULED, VERDICT_SUSPENDED, 150, 0, RCPT_TEMP_FAILED, 0, 150},
            {"suspended for long", RCPT_TEMP_FAILED, VERDICT_SUSPENDED, 99999, 0, RCPT_TEMP_FAILED,
                    0, 1000},
            {"for the next transaction", RCPT_SCHEDULED, VERDICT_LATER, 0, 0, RCPT_SCHEDULED, 0,
                    100},
            {"broken off", RCPT_SCHEDULED, VERDICT_NONE, 0, 0, RCPT_SCHEDULED, 0, 0},
    };
    struct schedules l;
    schedules_load(&l, CONFIG);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct waiting w = waiting_made();
        waiting_begin(&w, &l, "quick");
        struct schedule_job job = waiting_job(&w, &l, at_s(100));
        struct schedule_verdict v = temporary();
        v.verdict = cases[i].verdict;
        v.until_ms = cases[i].until_s > 0 ? at_s(cases[i].until_s) : 0;
        w.rcpt.status = cases[i].before;
        w.rcpt.last.text = S("before");
        if (cases[i].expire_s > 0) {
            w.rcpt.flags |= RCPT_EXPIRY_FIXED;
            w.rcpt.expiry_ms = cases[i].expire_s * SECOND_MS;
        }
        job.random = 1000;
        struct err e = schedule_after(&job, &w.unit, &v);
        check_str(cases[i].name, err_text(e), S(""));
        check_u64(cases[i].name, w.rcpt.status, cases[i].after);
        check_u64(cases[i].name, w.rcpt.retry_count, cases[i].count);
        if (!rcpt_is_final(&w.rcpt))
            check_at(cases[i].name, w.rcpt.retry_at_ms, cases[i].retry_s);
        bool kept = cases[i].after == RCPT_SCHEDULED || cases[i].verdict == VERDICT_SUSPENDED;
        check_str(cases[i].name, w.rcpt.last.text,
                kept && cases[i].before == cases[i].after ? S("before") : S("no answer"));
        check_true(cases[i].name, w.unit.due_ms == unit_next_due(&w.unit, CREATED_MS));
    }
    schedules_unload(&l);
}

static void the_final_are_left_alone(void **state)
{
    (void)state;
    struct schedules l;
    schedules_load(&l, CONFIG);
    struct waiting w = waiting_made();
    waiting_begin(&w, &l, "quick");
    w.rcpt.status = RCPT_COMPLETED;
    waiting_after(&w, &l, at_s(5), temporary());
    check_u64("delivered once", w.rcpt.status, RCPT_COMPLETED);
    check_u64("nothing to look for", waiting_look(&w, &l, at_s(999999)), 0);
    check_true("never again", w.unit.due_ms == NEVER_MS);
    schedules_unload(&l);
}

// queue.md 8.4. After the second failure another schedule is chosen: third wait of the new list,
// its mark, its end.
static void another_schedule(void **state)
{
    (void)state;
    struct schedules l;
    schedules_load(&l, CONFIG);
    struct waiting w = waiting_made();
    waiting_begin(&w, &l, "quick");
    waiting_after(&w, &l, at_s(0), temporary());
    check_str("the same", w.unit.schedule, S("quick"));
    waiting_after(&w, &l, at_s(60), temporary());
    check_str("the other", w.unit.schedule, S("slow"));
    check_str("its queue", w.unit.queue, S("report"));
    check_at("the place in the list stays", w.rcpt.retry_at_ms, 60 + 7200);
    check_at("its mark", w.rcpt.notify_at_ms, 7200);
    check_u64("its end", w.rcpt.expiry, EXPIRY_ATTEMPTS);
    check_u64("attempts", w.rcpt.expiry_attempts, 5);
    check_u64("no time", (uint64_t)w.rcpt.expiry_ms, 0);

    schedules_unload(&l);
}

static void a_deadline_stays_with_another_schedule(void **state)
{
    (void)state;
    struct schedules l;
    schedules_load(&l, CONFIG);
    struct waiting fixed = waiting_made();
    fixed.message.by_ms = at_s(600);
    fixed.message.flags = MESSAGE_BY_RETURN;
    waiting_begin(&fixed, &l, "quick");
    waiting_after(&fixed, &l, at_s(0), temporary());
    waiting_after(&fixed, &l, at_s(60), temporary());
    check_str("the other, too", fixed.unit.schedule, S("slow"));
    check_u64("but the deadline stays", fixed.rcpt.expiry, EXPIRY_TTL);
    check_at("at its time", fixed.unit.due_ms, 600);
    schedules_unload(&l);
}

static void choices(void **state)
{
    (void)state;
    struct schedules l;
    schedules_load(&l, CONFIG);
    static const struct {
        const char *name, *rcpt, *chosen, *at_retry, *unknown;
        bool fails;
    } cases[] = {
            {"by the strategy", "bob@far.example", "quick", "quick", "", false},
            {"an unknown name", "odd@far.example", "default", "default", "nowhere", false},
            {"no choice", "err@far.example", "default", "shy", "", true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct waiting w = waiting_made();
        waiting_begin(&w, &l, "shy");
        w.rcpt.address = str_from_c(cases[i].rcpt);
        struct schedule_job job = waiting_job(&w, &l, at_s(0));
        check_str(cases[i].name, schedule_choose(&job, NULL, &w.rcpt, NULL)->id,
                str_from_c(cases[i].chosen));
        check_str(cases[i].name, job.unknown, str_from_c(cases[i].unknown));
        check_true(cases[i].name, (job.fault.cause.len > 0) == cases[i].fails);
        const struct schedule *present = schedule_named(&l.settings, S("shy"));
        check_str(cases[i].name, schedule_choose(&job, &w.unit, &w.rcpt, present)->id,
                str_from_c(cases[i].at_retry));
    }
    schedules_unload(&l);
}

static int64_t wait_with(struct schedules *l, uint64_t random, struct str text, uint32_t failures)
{
    struct waiting w = waiting_made();
    waiting_begin(&w, l, "shy");
    w.rcpt.retry_count = failures;
    w.rcpt.address = S("err@far.example"); // stays with its schedule
    struct schedule_job job = waiting_job(&w, l, at_s(0));
    struct schedule_verdict v = temporary();
    v.outcome.code = 451;
    v.outcome.text = text;
    job.random = random;
    struct err e = schedule_after(&job, &w.unit, &v);
    check_str("after", err_text(e), S(""));
    return w.rcpt.retry_at_ms - CREATED_MS;
}

static void jitter(void **state)
{
    (void)state;
    struct schedules l;
    schedules_load(&l, "[queue.strategy]\nschedule = \"'shy'\"\n[queue.schedule.shy]\njitter = 25\n"
                       "retry = ['10m', '20m']\n");
    uint64_t random = 42, least = UINT64_MAX, most = 0;
    for (size_t i = 0; i < 2000; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        uint64_t wait = (uint64_t)wait_with(&l, random >> 20, S(""), 0);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    check_true("never earlier", least >= 450 * SECOND_MS);
    check_true("never later", most <= 750 * SECOND_MS);
    check_true("all of the room is used", least < 455 * SECOND_MS && most > 745 * SECOND_MS);
    check_u64("the earliest", (uint64_t)wait_with(&l, 0, S(""), 0), 450 * SECOND_MS);
    check_u64("the latest", (uint64_t)wait_with(&l, 300 * SECOND_MS, S(""), 0), 750 * SECOND_MS);
    check_u64("of a later wait", (uint64_t)wait_with(&l, 0, S(""), 9), 900 * SECOND_MS);
    schedules_unload(&l);
}

// Those that failed at different moments are tried at the same one (queue.md 18, 9).
static void alignment(void **state)
{
    (void)state;
    struct schedules l;
    int64_t grid_ms = 7 * SECOND_MS;
    schedules_load(&l,
            "[queue.strategy]\nschedule = \"'shy'\"\n[queue.schedule.shy]\nalign = '7s'\n"
            "retry = ['10m', '20m']\n");
    int64_t at_ms = CREATED_MS + wait_with(&l, 0, S(""), 0);
    check_true("not before its time", at_ms >= CREATED_MS + 10 * MINUTE_MS);
    check_true("on the grid", at_ms % grid_ms == 0);
    check_true("no later than that", at_ms < CREATED_MS + 10 * MINUTE_MS + grid_ms);
    schedules_unload(&l);
}

static void hints(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t hint_s;
    } cases[] = {
            {"try again in 300 seconds", 300},
            {"Greylisted, please try again in 5 minutes.", 300},
            {"retry after 90s", 90},
            {"Greylisting in effect for 1 hour", 3600},
            {"IN 10 MIN", 600},
            {"in a moment, then in 7 sec", 7},
            {"451 4.7.1 try again later", 0},
            {"in 300 parts", 0},
            {"again 300 seconds", 0},
            {"in 0 seconds", 0},
            {"in 99999 seconds", 0},
            {"in 25 hours", 0},
            {"in 24 hours", 86400},
            {"in 99999999999999999999 s", 0},
            {"in", 0},
            {"in 5", 0},
            {"", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_u64(cases[i].text, (uint64_t)retry_hint_ms(str_from_c(cases[i].text)),
                (uint64_t)(cases[i].hint_s * SECOND_MS));
    struct schedules l;
    schedules_load(&l,
            "[queue.strategy]\nschedule = \"'shy'\"\n[queue.schedule.shy]\nretry = ['10m', '20m']\n"
            "honor-retry-hint = true\n");
    check_u64("shorter", (uint64_t)wait_with(&l, 0, S("in 300 s"), 0), 301 * SECOND_MS);
    check_u64("a little later", (uint64_t)wait_with(&l, 9000, S("in 300 s"), 0), 310 * SECOND_MS);
    check_u64("not at once", (uint64_t)wait_with(&l, 0, S("in 5 s"), 0), 30 * SECOND_MS);
    check_u64("never longer", (uint64_t)wait_with(&l, 0, S("in 2 hours"), 0), 600 * SECOND_MS);
    check_u64("the first only", (uint64_t)wait_with(&l, 0, S("in 300 s"), 1), 1200 * SECOND_MS);
    schedules_unload(&l);
    schedules_load(
            &l, "[queue.strategy]\nschedule = \"'shy'\"\n[queue.schedule.shy]\nretry = '10m'\n");
    check_u64("not asked for", (uint64_t)wait_with(&l, 0, S("in 300 s"), 0), 600 * SECOND_MS);
    schedules_unload(&l);
}

// queue.md 2.10: the clocks stand, and run on after queue.hold.max.
static void holds(void **state)
{
    (void)state;
    struct schedules l;
    schedules_load(&l, CONFIG);
    struct waiting w = waiting_made();
    const struct hold admin = {
            .reason = HOLD_ADMIN, .since_ms = at_s(1000), .clocks_at_ms = at_s(11000)};
    waiting_begin(&w, &l, "quick");
    waiting_after(&w, &l, at_s(0), temporary());
    check_true("held", unit_hold(&w.unit, &admin, CREATED_MS));
    check_at("its mark, by a clock that stood", w.unit.due_ms, 13600);
    check_u64("no attempt, no mark", waiting_look(&w, &l, at_s(10000)), 0);
    check_u64("the mark", waiting_look(&w, &l, at_s(13600)), LOOK_DELAY_NOTICE);
    check_at("then its end", w.unit.due_ms, 96400);
    check_true("released", unit_release(&w.unit, CREATED_MS, at_s(20000)));
    check_at("its end is later by what it stood", rcpt_expires_at_ms(&w.rcpt, CREATED_MS), 96400);
    check_u64("tried", waiting_look(&w, &l, at_s(20000)), LOOK_TRY);
    check_true("held again", unit_hold(&w.unit, &admin, CREATED_MS));
    check_u64("its end comes without an attempt", waiting_look(&w, &l, at_s(200000)), LOOK_EXPIRED);
    schedules_unload(&l);
}

static void holds_for_a_while(void **state)
{
    (void)state;
    struct schedules l;
    schedules_load(&l, CONFIG);
    struct waiting until = waiting_made();
    waiting_begin(&until, &l, "quick");
    const struct hold for_a_while = {
            .reason = HOLD_ADMIN, .since_ms = at_s(0), .until_ms = at_s(500)};
    check_true("held", unit_hold(&until.unit, &for_a_while, CREATED_MS));
    check_at("until then", until.unit.due_ms, 500);
    check_u64("over", waiting_look(&until, &l, at_s(500)), LOOK_TRY);
    check_at("all of its time", rcpt_expires_at_ms(&until.rcpt, CREATED_MS), 500 + 86400);
    schedules_unload(&l);
}

// queue.md 2.10: in the end it goes, and nobody is told; not by a clock that is in doubt.
static void quarantine_ends(void **state)
{
    (void)state;
    struct schedules l;
    schedules_load(&l, CONFIG);
    struct waiting w = waiting_made();
    struct schedule_look look;
    const struct hold suspect = {
            .reason = HOLD_QUARANTINE, .since_ms = at_s(0), .until_ms = at_s(500)};
    waiting_begin(&w, &l, "quick");
    check_true("held", unit_hold(&w.unit, &suspect, CREATED_MS));
    check_at("until then", w.unit.due_ms, 500);
    check_u64("it stays", waiting_look(&w, &l, at_s(499)), 0);
    struct schedule_job job = waiting_job(&w, &l, at_s(500));
    job.doubted_until_ms = at_s(1100);
    assert_false(failed(schedule_look(&job, &w.unit, &look)));
    check_true("a clock that is in doubt", !look.discarded && !unit_is_final(&w.unit));
    check_at("again then", w.unit.due_ms, 1100);
    job.wall_now_ms = at_s(1100);
    assert_false(failed(schedule_look(&job, &w.unit, &look)));
    check_true("it goes", look.discarded && look.changed && unit_is_final(&w.unit));
    check_true("in silence", (w.rcpt.flags & RCPT_SILENT) != 0);
    check_u64("and is no expiry", look.expired_count, 0);
    schedules_unload(&l);
}

// queue.md 17.3: the clock has stepped by years, and nobody is told or given up before the doubt is
// over; what is due is tried, and has its next attempt as always.
static void nobody_ages_by_a_doubted_clock(void **state)
{
    const int64_t now_ms = at_s(90000000), until_ms = now_ms + 10 * MINUTE_MS;
    (void)state;
    struct schedules l;
    schedules_load(&l, CONFIG);
    struct waiting w = waiting_made();
    struct schedule_look look;
    struct schedule_verdict again = temporary();
    waiting_begin(&w, &l, "quick");
    struct schedule_job job = waiting_job(&w, &l, now_ms);
    job.doubted_until_ms = until_ms;
    assert_false(failed(schedule_look(&job, &w.unit, &look)));
    check_u64("tried, not told, not given up", look.of_rcpt[0], LOOK_TRY);
    assert_false(failed(schedule_after(&job, &w.unit, &again)));
    check_u64("fails for now", w.rcpt.status, RCPT_TEMP_FAILED);
    check_u64("the next attempt", (uint64_t)w.rcpt.retry_at_ms, (uint64_t)now_ms + MINUTE_MS);
    w.rcpt.retry_at_ms = until_ms + HOUR_MS;
    assert_false(failed(schedule_look(&job, &w.unit, &look)));
    check_u64("nothing to do", look.of_rcpt[0], 0);
    check_u64("until the doubt is over", (uint64_t)w.unit.due_ms, (uint64_t)until_ms);
    check_u64("then its time is, too", waiting_look(&w, &l, until_ms), LOOK_EXPIRED);
    schedules_unload(&l);
}

// The other hold costs nothing before the release, and the release is still waited for.
static void holds_before_a_release(void **state)
{
    (void)state;
    struct schedules l;
    schedules_load(&l, CONFIG);
    const struct hold admin = {.reason = HOLD_ADMIN, .since_ms = at_s(100)};
    for (int64_t released_s = 200; released_s <= 1200; released_s += 1000) {
        struct waiting w = waiting_made();
        w.message.hold_until_ms = at_s(1000);
        waiting_begin(&w, &l, "quick");
        check_u64("held by itself", w.unit.hold.reason, HOLD_FUTURE_RELEASE);
        check_at("until its release", w.unit.due_ms, 1000);
        check_true("held", unit_hold(&w.unit, &admin, CREATED_MS));
        check_true("released", unit_release(&w.unit, CREATED_MS, at_s(released_s)));
        bool early = released_s < 1000;
        check_u64("it waits on", w.unit.hold.reason, early ? HOLD_FUTURE_RELEASE : HOLD_NONE);
        check_at("for its release, or is late", w.unit.due_ms, 1000);
        check_at("with all of its time", rcpt_expires_at_ms(&w.rcpt, CREATED_MS),
                (early ? 1000 : 1200) + 86400);
        check_u64("tried", waiting_look(&w, &l, at_s(1200)), LOOK_TRY);
    }
    schedules_unload(&l);
}

static void fixed_ends_are_kept(void **state)
{
    (void)state;
    struct schedules l;
    schedules_load(&l, CONFIG);
    struct waiting w = waiting_made();
    w.message.by_ms = at_s(600);
    w.message.flags = MESSAGE_BY_RETURN;
    waiting_begin(&w, &l, "quick");
    check_true("later", unit_retry(&w.unit, CREATED_MS, at_s(900)));
    check_at("the deadline", w.unit.due_ms, 600);
    check_u64("is the end", waiting_look(&w, &l, at_s(600)), LOOK_EXPIRED);
    check_str("with its status", w.rcpt.last.enhanced, S("5.4.7"));
    schedules_unload(&l);
}

static void deliver_by_at_the_next_hop(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t flags;
        int64_t by_s, now_s, least_s;
        bool offered;
        enum by_relay relay;
        int64_t seconds;
        bool owes;
    } cases[] = {
            {"not asked for", 0, 0, 10, 0, true, BY_RELAY_PLAIN, 0, false},
            {"passed on", MESSAGE_BY_RETURN, 60, 10, 0, true, BY_RELAY_PASS, 50, false},
            {"rounded down", MESSAGE_BY_RETURN, 60, 60, 0, true, BY_RELAY_LATE, 0, false},
            {"as little as may be", MESSAGE_BY_RETURN, 60, 30, 30, true, BY_RELAY_PASS, 30, false},
            {"too little", MESSAGE_BY_RETURN, 60, 31, 30, true, BY_RELAY_LATE, 29, false},
            {"not known there", MESSAGE_BY_RETURN, 60, 10, 0, false, BY_RELAY_UNSUPPORTED, 50,
                    false},
            {"late, and not known", MESSAGE_BY_RETURN, 60, 70, 0, false, BY_RELAY_LATE, -10, false},
            {"a notice", MESSAGE_BY_NOTIFY, 60, 10, 30, true, BY_RELAY_PASS, 50, false},
            {"a notice that is late", MESSAGE_BY_NOTIFY, 60, 100, 30, true, BY_RELAY_PASS, -40,
                    false},
            {"a notice, not known", MESSAGE_BY_NOTIFY, 60, 10, 0, false, BY_RELAY_REPORT, 50, true},
            {"traced", MESSAGE_BY_RETURN | MESSAGE_BY_TRACE, 60, 10, 0, true, BY_RELAY_PASS, 50,
                    true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct waiting w = waiting_made();
        w.message.flags = cases[i].flags;
        w.message.by_ms = cases[i].by_s != 0 ? at_s(cases[i].by_s) : 0;
        struct by_relay_wish wish = schedule_by_relay(
                &w.message, &w.rcpt, at_s(cases[i].now_s), cases[i].offered, cases[i].least_s);
        check_u64(cases[i].name, wish.relay, cases[i].relay);
        check_u64(cases[i].name, (uint64_t)wish.seconds, (uint64_t)cases[i].seconds);
        check_true(cases[i].name, wish.owes_relayed == cases[i].owes);
    }
    struct waiting w = waiting_made();
    w.message.flags = MESSAGE_BY_NOTIFY;
    w.message.by_ms = at_s(60);
    struct by_relay_wish wish = schedule_by_relay(&w.message, &w.rcpt, at_s(10) - 1, true, 0);
    check_u64("not more than there is", (uint64_t)wish.seconds, 50);
    w.rcpt.base_ms = 100 * SECOND_MS;
    wish = schedule_by_relay(&w.message, &w.rcpt, at_s(200), true, 0);
    check_u64("later by a hold", (uint64_t)wish.seconds, (uint64_t)-40);
}

static void bands(void **state)
{
    (void)state;
    check_u64("-9", priority_band(-9), PRIORITY_LOW);
    check_u64("-4", priority_band(-4), PRIORITY_LOW);
    check_u64("-3", priority_band(-3), PRIORITY_NORMAL);
    check_u64("3", priority_band(3), PRIORITY_NORMAL);
    check_u64("4", priority_band(4), PRIORITY_HIGH);
}

// What a schedule needs of a unit survives the store.
static void records(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    struct buf buf AUTO(buf_done);
    struct unit got;
    struct waiting w = waiting_made();
    arena_init(&a, MIB);
    buf_init(&buf, MIB);
    w.rcpt.base_ms = 77;
    w.rcpt.expiry_ms = 99;
    w.rcpt.last = (struct outcome){.kind = FAILURE_IO, .at_ms = 5, .text = S("t")};
    w.unit = (struct unit){.rcpts = &w.rcpt,
            .rcpt_count = 1,
            .hold = {.reason = HOLD_ADMIN, .since_ms = 3, .clocks_at_ms = 11}};
    unit_encode(&w.unit, &buf);
    struct err e = unit_decode(&a, 1, 0, buf_str(&buf), &got);
    check_str("read", err_text(e), S(""));
    check_u64("base", (uint64_t)got.rcpts[0].base_ms, 77);
    check_u64("expiry", (uint64_t)got.rcpts[0].expiry_ms, 99);
    check_u64("clocks", (uint64_t)got.hold.clocks_at_ms, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(outcomes), TEST(the_final_are_left_alone),
            TEST(another_schedule), TEST(a_deadline_stays_with_another_schedule), TEST(choices),
            TEST(jitter), TEST(alignment), TEST(hints), TEST(holds), TEST(holds_for_a_while),
            TEST(quarantine_ends), TEST(nobody_ages_by_a_doubted_clock),
            TEST(holds_before_a_release), TEST(fixed_ends_are_kept),
            TEST(deliver_by_at_the_next_hop), TEST(bands), TEST(records)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
