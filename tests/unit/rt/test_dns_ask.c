// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_dns_ask.c: questions under way, patience, cancellation, trouble on purpose,
// and the cache: what it keeps, how long, and what leaves it.
#include "dns_fixture.h"

#define ZONE                                                                                       \
    "{\"zone\": 1, \"names\": {\"a.example\": {\"A\": [\"192.0.2.1\"], \"MX\": [[1, "              \
    "\"m.example\"]]},"                                                                            \
    "\"broken.example\": \"SERVFAIL\", \"alias.example\": {\"CNAME\": [\"a.example\"]}}}"

struct asker {
    struct resolver *resolver;
    struct str name;
    struct err error;
    struct dns_answer answer;
    int64_t at_ms;
    int64_t patience_ms; // 0: none of its own
    struct arena arena;
};

static struct err ask_main(void *arg)
{
    struct asker *q = arg;
    within_ms(q->patience_ms > 0 ? q->patience_ms : DAY_MS);
    q->error = dns_ask(q->resolver, &q->arena,
            &(struct dns_question){.name = q->name, .type = DNS_A}, &q->answer);
    q->at_ms = now_ms();
    return OK;
}

#define ASKERS 10

struct crowd {
    struct asker askers[ASKERS];
    struct group group;
};

static struct err crowd_begin(struct resolver *r, const char *name, struct crowd **out)
{
    struct crowd *crowd = *out = mem_new(struct crowd);
    assert_non_null(crowd);
    group_begin(&crowd->group);
    for (size_t i = 0; i < ASKERS; i++) {
        crowd->askers[i] = (struct asker){.resolver = r, .name = str_from_c(name)};
        arena_init(&crowd->askers[i].arena, 64 * KIB);
        TRY(group_spawn(&crowd->group, ask_main, &crowd->askers[i]));
    }
    return OK;
}

static void crowd_end(struct crowd *crowd)
{
    group_end(&crowd->group);
    for (size_t i = 0; i < ASKERS; i++)
        arena_done(&crowd->askers[i].arena);
    mem_free(crowd);
}

static struct dns_fault slow = {.delay_ms = 1000};

static struct err share_one(struct resolver *r)
{
    struct crowd *crowd;
    int64_t began_ms = now_ms();
    TRY(crowd_begin(r, "A.example", &crowd));
    TRY(group_wait_all(&crowd->group));
    for (size_t i = 0; i < ASKERS; i++) {
        assert_int_equal(crowd->askers[i].error.kind, ERR_NONE);
        assert_int_equal(crowd->askers[i].answer.outcome, DNS_ANSWER);
        assert_int_equal(crowd->askers[i].at_ms - began_ms, 1000);
        assert_true(str_eq(crowd->askers[i].answer.name, S("a.example")));
    }
    struct dns_figures f = resolver_figures(r);
    assert_int_equal(f.sent, 1);
    assert_int_equal(f.shared, ASKERS - 1);
    assert_int_equal(f.inflight, 0);
    crowd_end(crowd);
    return OK;
}

static void sharing(void **state UNUSED)
{
    struct list faults;
    list_init(&faults);
    list_append(&faults, &slow.link);
    with_zone(ZONE, &(struct dns_zone_options){.faults = &faults}, share_one);
    link_remove(&slow.link);
}

// Whoever asked first is given up; the others do not notice. Then all are given up.
static struct err cancel_some(struct resolver *r)
{
    struct crowd *crowd, *other;
    int64_t began_ms = now_ms();
    struct group first;
    struct asker impatient = {.resolver = r, .name = S("a.example")};
    arena_init(&impatient.arena, 64 * KIB);
    group_begin(&first);
    TRY(group_spawn(&first, ask_main, &impatient));
    TRY(task_sleep_ms(300));
    TRY(crowd_begin(r, "a.example", &crowd));
    TRY(task_sleep_ms(300));
    group_end(&first);
    assert_int_equal(impatient.error.kind, ERR_CANCELLED);
    assert_int_equal(resolver_figures(r).inflight, 1);
    TRY(group_wait_all(&crowd->group));
    assert_int_equal(crowd->askers[ASKERS - 1].answer.count, 1);
    assert_int_equal(crowd->askers[ASKERS - 1].at_ms - began_ms, 1000);
    assert_int_equal(resolver_figures(r).sent, 1);
    crowd_end(crowd);
    TRY(crowd_begin(r, "a.example", &other));
    TRY(task_sleep_ms(300));
    group_end(&other->group);
    assert_int_equal(other->askers[0].error.kind, ERR_CANCELLED);
    crowd_end(other);
    assert_int_equal(resolver_figures(r).inflight, 0);
    assert_int_equal(resolver_figures(r).sent, 2);
    arena_done(&impatient.arena);
    return OK;
}

static void cancellation(void **state UNUSED)
{
    struct list faults;
    list_init(&faults);
    list_append(&faults, &slow.link);
    with_zone(ZONE, &(struct dns_zone_options){.faults = &faults}, cancel_some);
    link_remove(&slow.link);
}

// The resolver's patience is an outcome; the asker's own deadline is an error; and one may run out
// while another goes on.
static struct err run_out_of_patience(struct resolver *r)
{
    struct asker patient = {.resolver = r, .name = S("a.example")},
                 hurried = {.resolver = r, .name = S("a.example"), .patience_ms = 2000};
    struct group g;
    int64_t began_ms = now_ms();
    arena_init(&patient.arena, 64 * KIB);
    arena_init(&hurried.arena, 64 * KIB);
    group_begin(&g);
    TRY(group_spawn(&g, ask_main, &patient));
    TRY(group_spawn(&g, ask_main, &hurried));
    TRY(group_wait_all(&g));
    assert_int_equal(hurried.error.kind, ERR_TIMEOUT);
    assert_int_equal(hurried.at_ms - began_ms, 2000);
    assert_int_equal(patient.error.kind, ERR_NONE);
    assert_int_equal(patient.answer.outcome, DNS_TIMEOUT);
    assert_int_equal(patient.at_ms - began_ms, 15000);
    assert_true(failed(dns_trouble(&patient.arena, &patient.answer)));
    arena_done(&patient.arena);
    arena_done(&hurried.arena);
    return OK;
}

static void patience(void **state UNUSED)
{
    struct list faults;
    struct dns_fault stuck = {.delay_ms = HOUR_MS};
    list_init(&faults);
    list_append(&faults, &stuck.link);
    with_zone(ZONE, &(struct dns_zone_options){.faults = &faults}, run_out_of_patience);
}

static struct err ask_too_much(struct resolver *r)
{
    struct crowd *crowd;
    struct dns_answer answer;
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    TRY(crowd_begin(r, "a.example", &crowd));
    task_yield();
    struct err e =
            dns_ask(r, &a, &(struct dns_question){.name = S("b.example"), .type = DNS_A}, &answer);
    assert_int_equal(e.kind, ERR_LIMIT);
    TRY(group_wait_all(&crowd->group)); // that one was shared, so it fits
    assert_int_equal(crowd->askers[0].answer.outcome, DNS_ANSWER);
    check_answer(r, "now there is room", "b.example", DNS_A, "NXDOMAIN insecure");
    crowd_end(crowd);
    return OK;
}

static void limit_of_questions(void **state UNUSED)
{
    struct list faults;
    struct dns_settings settings = dns_settings_default();
    settings.inflight_max = 1;
    list_init(&faults);
    list_append(&faults, &slow.link);
    with_zone(ZONE, &(struct dns_zone_options){.faults = &faults, .settings = &settings},
            ask_too_much);
    link_remove(&slow.link);
}

struct faulty {
    struct list faults;
    struct dns_fault bogus, timeout, late;
};

static struct faulty faulty; // the tests change it while they run

static struct err ask_with_faults(struct resolver *r)
{
    check_answer(r, "bogus for one type", "a.example", DNS_A, "BOGUS bogus; the fake DNS says so");
    check_answer(r, "not for the other", "a.example", DNS_MX, "NOERROR insecure: 1 m.example.");
    check_answer(r, "the name asked for counts", "alias.example", DNS_A,
            "NOERROR insecure > a.example: 192.0.2.1");
    int64_t began_ms = now_ms();
    check_answer(
            r, "late trouble", "gone.example", DNS_A, "SERVFAIL insecure; the fake DNS says so");
    assert_int_equal(now_ms() - began_ms, 700);
    check_answer(r, "every other name", "x.example", DNS_A, "NXDOMAIN insecure");
    list_append(&faulty.faults, &faulty.timeout.link);
    check_answer(
            r, "changed meanwhile", "x.example", DNS_A, "TIMEOUT insecure; the fake DNS says so");
    link_remove(&faulty.bogus.link);
    link_remove(&faulty.timeout.link);
    check_answer(r, "healed", "a.example", DNS_A, "NOERROR insecure: 192.0.2.1");
    return OK;
}

static void faults(void **state UNUSED)
{
    faulty = (struct faulty){
            .bogus = {.name = S("A.Example."), .type = DNS_A, .kind = DNS_FAULT_BOGUS},
            .late = {.name = S("gone.example"), .kind = DNS_FAULT_SERVFAIL, .delay_ms = 700},
            .timeout = {.kind = DNS_FAULT_TIMEOUT},
    };
    list_init(&faulty.faults);
    list_append(&faulty.faults, &faulty.bogus.link);
    list_append(&faulty.faults, &faulty.late.link);
    with_zone(ZONE, &(struct dns_zone_options){.faults = &faulty.faults}, ask_with_faults);
}

// --- The cache -----------------------------------------------------------------------------------

static struct dns_answer asked(struct resolver *r, struct arena *a, const char *name, uint16_t type)
{
    struct dns_answer answer;
    arena_reset(a);
    struct err e =
            dns_ask(r, a, &(struct dns_question){.name = str_from_c(name), .type = type}, &answer);
    assert_int_equal(e.kind, ERR_NONE);
    return answer;
}

static struct err keep_for_its_time(struct resolver *r)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    assert_false(asked(r, &a, "a.example", DNS_A).cached);
    TRY(task_sleep_ms(100 * SECOND_MS));
    struct dns_answer again = asked(r, &a, "A.EXAMPLE.", DNS_A);
    assert_true(again.cached);
    assert_int_equal(again.ttl_s, 200);
    assert_int_equal(again.records[0].ttl_s, 200);
    assert_true(str_eq(again.name, S("a.example")));
    assert_false(asked(r, &a, "a.example", DNS_MX).cached); // another question
    struct dns_answer alias = asked(r, &a, "alias.example", DNS_A);
    alias = asked(r, &a, "alias.example", DNS_A);
    assert_true(alias.cached);
    assert_true(str_eq(dns_owner(&alias), S("a.example")));
    TRY(task_sleep_ms(200 * SECOND_MS));
    assert_false(asked(r, &a, "a.example", DNS_A).cached);
    // That a server failed is known for five seconds, so that a crowd does not ask again and again.
    assert_int_equal(asked(r, &a, "broken.example", DNS_A).outcome, DNS_SERVFAIL);
    assert_true(asked(r, &a, "broken.example", DNS_A).cached);
    TRY(task_sleep_ms(5 * SECOND_MS));
    assert_false(asked(r, &a, "broken.example", DNS_A).cached);
    // That there is nothing, for ttl_negative_max_s.
    assert_false(asked(r, &a, "no.example", DNS_A).cached);
    TRY(task_sleep_ms(59 * SECOND_MS));
    assert_true(asked(r, &a, "no.example", DNS_A).cached);
    TRY(task_sleep_ms(1 * SECOND_MS));
    assert_false(asked(r, &a, "no.example", DNS_A).cached);
    return OK;
}

static void time_in_the_cache(void **state UNUSED)
{
    struct dns_settings settings = dns_settings_default();
    settings.ttl_negative_max_s = 60;
    with_zone(ZONE, &(struct dns_zone_options){.settings = &settings}, keep_for_its_time);
}

static struct err keep_within_bounds(struct resolver *r)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    assert_int_equal(asked(r, &a, "a.example", DNS_A).ttl_s, 400);
    TRY(task_sleep_ms(399 * SECOND_MS));
    assert_true(asked(r, &a, "a.example", DNS_A).cached);
    assert_int_equal(asked(r, &a, "no.example", DNS_A).ttl_s, 30); // the smaller bound wins
    return OK;
}

static void bounds_of_time(void **state UNUSED)
{
    struct dns_settings settings = dns_settings_default();
    settings.ttl_min_s = 400;
    settings.ttl_negative_max_s = 30;
    with_zone(ZONE, &(struct dns_zone_options){.settings = &settings}, keep_within_bounds);
}

#define BOUND_BYTES ((size_t)32 * KIB)

// A name in daily use stays while thousands that are asked for once pass through.
static struct err scan_through(struct resolver *r)
{
    struct arena a AUTO(arena_done);
    char name[] = "n0000.example";
    arena_init(&a, 64 * KIB);
    (void)asked(r, &a, "a.example", DNS_A);
    (void)asked(r, &a, "a.example", DNS_A);
    for (size_t i = 0; i < 5000; i++) {
        for (size_t k = 0, rest = i; k < 4; k++, rest /= 10)
            name[4 - k] = (char)('0' + rest % 10);
        assert_false(asked(r, &a, name, DNS_A).cached);
        if (i % 500 == 0)
            assert_true(asked(r, &a, "a.example", DNS_A).cached);
    }
    struct dns_figures f = resolver_figures(r);
    assert_true(f.kept_bytes <= BOUND_BYTES);
    assert_true(f.kept_count > 50 && f.kept_count < 200);
    assert_int_equal(f.kept_count + f.evicted, 5001);
    assert_true(asked(r, &a, "a.example", DNS_A).cached);
    assert_false(asked(r, &a, "n0000.example", DNS_A).cached);
    // Names come and go by kind: the MX of the name has room of its own.
    assert_false(asked(r, &a, "a.example", DNS_MX).cached);
    assert_true(asked(r, &a, "a.example", DNS_MX).cached);
    return OK;
}

static void bounds_of_memory(void **state UNUSED)
{
    struct dns_settings settings = dns_settings_default();
    settings.kept_bytes[DNS_KEPT_IPV4] = BOUND_BYTES;
    with_zone(ZONE, &(struct dns_zone_options){.settings = &settings}, scan_through);
}

// An answer that alone is larger than its room is not kept, and pushes nothing out.
static struct err keep_nothing(struct resolver *r)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    for (size_t i = 0; i < 3; i++)
        assert_false(asked(r, &a, "a.example", DNS_A).cached);
    assert_int_equal(resolver_figures(r).kept_bytes, 0);
    return OK;
}

static void no_room(void **state UNUSED)
{
    struct dns_settings settings = dns_settings_default();
    settings.kept_bytes[DNS_KEPT_IPV4] = 100;
    with_zone(ZONE, &(struct dns_zone_options){.settings = &settings}, keep_nothing);
    with_zone(ZONE, NULL, keep_nothing);
}

// --- Beyond their time, RFC 8767 -----------------------------------------------------------------

static struct dns_fault dead = {.kind = DNS_FAULT_SERVFAIL};

// What is known goes on for the hour that the settings allow, and no moment longer.
static struct err go_on_while_servers_fail(struct resolver *r)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    (void)asked(r, &a, "a.example", DNS_A);
    (void)asked(r, &a, "no.example", DNS_A);
    (void)asked(r, &a, "a.example", DNS_TXT);
    TRY(task_sleep_ms(300 * SECOND_MS));
    list_append(&faulty.faults, &dead.link);
    struct dns_answer stale = asked(r, &a, "a.example", DNS_A);
    assert_int_equal(stale.outcome, DNS_ANSWER);
    assert_true(stale.stale);
    assert_int_equal(stale.ttl_s, 30);
    assert_int_equal(stale.records[0].ttl_s, 30);
    uint64_t sent = resolver_figures(r).sent;
    TRY(task_sleep_ms(29 * SECOND_MS));
    assert_true(asked(r, &a, "a.example", DNS_A).stale);
    assert_int_equal(resolver_figures(r).sent, sent); // nobody is asked for half a minute
    TRY(task_sleep_ms(SECOND_MS));
    assert_true(asked(r, &a, "a.example", DNS_A).stale);
    assert_int_equal(resolver_figures(r).sent, sent + 1);
    // That something does not exist is not believed longer, nor what nobody has asked for before.
    assert_int_equal(asked(r, &a, "no.example", DNS_A).outcome, DNS_SERVFAIL);
    assert_int_equal(asked(r, &a, "a.example", DNS_MX).outcome, DNS_SERVFAIL);
    assert_int_equal(asked(r, &a, "a.example", DNS_TXT).outcome, DNS_SERVFAIL);
    TRY(task_sleep_ms(3600 * SECOND_MS - 30 * SECOND_MS - 1));
    assert_true(asked(r, &a, "a.example", DNS_A).stale);
    TRY(task_sleep_ms(1));
    assert_int_equal(asked(r, &a, "a.example", DNS_A).outcome, DNS_SERVFAIL);
    link_remove(&dead.link);
    TRY(task_sleep_ms(5 * SECOND_MS));
    assert_false(asked(r, &a, "a.example", DNS_A).stale);
    return OK;
}

// Servers that say nothing are no better, and what cannot be believed is not replaced by what was
// believed before.
static struct err go_on_while_servers_are_silent(struct resolver *r)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    struct dns_fault silent = {.kind = DNS_FAULT_DELAY_ONLY, .delay_ms = HOUR_MS};
    (void)asked(r, &a, "a.example", DNS_A);
    TRY(task_sleep_ms(300 * SECOND_MS));
    list_append(&faulty.faults, &faulty.bogus.link);
    assert_int_equal(asked(r, &a, "a.example", DNS_A).outcome, DNS_BOGUS);
    link_remove(&faulty.bogus.link);
    TRY(task_sleep_ms(5 * SECOND_MS));
    (void)asked(r, &a, "a.example", DNS_A);
    TRY(task_sleep_ms(300 * SECOND_MS));
    list_append(&faulty.faults, &silent.link);
    int64_t began_ms = now_ms();
    assert_true(asked(r, &a, "a.example", DNS_A).stale);
    assert_int_equal(now_ms() - began_ms, 15 * SECOND_MS);
    assert_true(asked(r, &a, "a.example", DNS_A).stale);
    assert_int_equal(now_ms() - began_ms, 15 * SECOND_MS);
    link_remove(&silent.link);
    return OK;
}

static struct err forget_in_time(struct resolver *r)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    (void)asked(r, &a, "a.example", DNS_A);
    TRY(task_sleep_ms(300 * SECOND_MS));
    list_append(&faulty.faults, &dead.link);
    assert_int_equal(asked(r, &a, "a.example", DNS_A).outcome, DNS_SERVFAIL);
    link_remove(&dead.link);
    return OK;
}

static void beyond_their_time(void **state UNUSED)
{
    struct dns_settings settings = dns_settings_default();
    struct dns_zone_options options = {.faults = &faulty.faults, .settings = &settings};
    faulty = (struct faulty){
            .bogus = {.name = S("a.example"), .type = DNS_A, .kind = DNS_FAULT_BOGUS}};
    list_init(&faulty.faults);
    with_zone(ZONE, &options, forget_in_time);
    settings.stale_max_s = 3600;
    with_zone(ZONE, &options, go_on_while_servers_fail);
    with_zone(ZONE, &options, go_on_while_servers_are_silent);
}

static struct err forget(struct resolver *r)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    (void)asked(r, &a, "a.example", DNS_A);
    (void)asked(r, &a, "a.example", DNS_MX);
    (void)asked(r, &a, "x.example", DNS_A);
    assert_int_equal(resolver_flush(r, S("A.example.")), 2);
    assert_int_equal(resolver_flush(r, S("..")), 0);
    assert_false(asked(r, &a, "a.example", DNS_A).cached);
    assert_true(asked(r, &a, "x.example", DNS_A).cached);
    assert_int_equal(resolver_flush(r, STR_NULL), 2);
    assert_int_equal(resolver_figures(r).kept_count, 0);
    return OK;
}

static void forgetting(void **state UNUSED)
{
    struct dns_settings settings = dns_settings_default();
    with_zone(ZONE, &(struct dns_zone_options){.settings = &settings}, forget);
}

// However small the arena is: an answer or ERR_LIMIT, never half of one. An empty host would be a
// null MX, which refuses mail for good.
static struct err ask_in_small_arenas(struct resolver *r)
{
    size_t answers = 0, refusals = 0;
    for (size_t limit = 0; limit < 12 * KIB; limit += 64) {
        struct arena a AUTO(arena_done);
        struct dns_mx_answer mx;
        arena_init(&a, limit);
        struct err e = dns_mx(r, &a, S("a.example"), &mx);
        if (failed(e)) {
            assert_int_equal(e.kind, ERR_LIMIT);
            refusals++;
            continue;
        }
        answers++;
        assert_int_equal(mx.count, 1);
        assert_true(str_eq(mx.at[0].host, S("m.example")));
    }
    assert_true(answers > 0 && refusals > 0);
    return OK;
}

static void small_arenas(void **state UNUSED)
{
    struct dns_settings settings = dns_settings_default();
    with_zone(ZONE, NULL, ask_in_small_arenas);
    with_zone(ZONE, &(struct dns_zone_options){.settings = &settings}, ask_in_small_arenas);
}

static struct err ask_badly(struct resolver *r)
{
    struct arena a AUTO(arena_done);
    struct dns_answer answer;
    arena_init(&a, 64 * KIB);
    struct err e = dns_ask(r, &a, &(struct dns_question){.name = S(""), .type = DNS_A}, &answer);
    assert_int_equal(e.kind, ERR_SYNTAX);
    e = dns_ask(r, &a, &(struct dns_question){.name = S(LABEL_64), .type = DNS_A}, &answer);
    assert_int_equal(e.kind, ERR_SYNTAX);
    assert_int_equal(resolver_figures(r).asked, 0);
    return OK;
}

static void bad_names(void **state UNUSED)
{
    with_zone(ZONE, NULL, ask_badly);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(bad_names),
            cmocka_unit_test(small_arenas),
            cmocka_unit_test(sharing),
            cmocka_unit_test(cancellation),
            cmocka_unit_test(patience),
            cmocka_unit_test(limit_of_questions),
            cmocka_unit_test(faults),
            cmocka_unit_test(time_in_the_cache),
            cmocka_unit_test(bounds_of_time),
            cmocka_unit_test(bounds_of_memory),
            cmocka_unit_test(no_room),
            cmocka_unit_test(beyond_their_time),
            cmocka_unit_test(forgetting),
    };
    return cmocka_run_group_tests_name("rt/dns ask", tests, NULL, NULL);
}
