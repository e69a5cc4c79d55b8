// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_health.c: cool-downs, probes and lessons, on a clock of the test's own.
#include "../base/check.h"

#include "deliver/answer.h"
#include "deliver/hosts/health.h"
#include "rt/sim/sim.h"

static const struct host_settings usual = {.failures_max = 3,
        .cooldown_ms = 30 * SECOND_MS,
        .cooldown_max_ms = 100 * SECOND_MS,
        .remember_tls_ms = HOUR_MS,
        .learn = true};
static const struct ip no_source = {0}, some_source = {IP_V4, {198, 51, 100, 1}};
static const struct endpoint mx = {.ip = {IP_V4, {192, 0, 2, 1}}, .port = 25};
static const struct endpoint other_port = {.ip = {IP_V4, {192, 0, 2, 1}}, .port = 26};
static const struct endpoint socket_at = {.unix_path = S_INIT("/run/lmtp")};

// A script: what happens at a moment (in seconds), and what is said to the one who asks.
enum step_kind { ASK, GOOD, BAD, UNKNOWN };
static const struct {
    const char *name;
    int64_t at_s;
    enum step_kind kind;
    const struct endpoint *address;
    const struct ip *source;
    enum health_word word;
    int64_t until_s;
} steps[] = {
        {"nobody knows it", 0, ASK, &mx, &no_source, HEALTH_GO, 0},
        {"1st", 1, BAD, &mx, &no_source, 0, 0},
        {"2nd", 2, BAD, &mx, &no_source, 0, 0},
        {"two are not enough", 3, ASK, &mx, &no_source, HEALTH_GO, 0},
        {"it was good", 3, GOOD, &mx, &no_source, 0, 0},
        {"1st in a row", 4, BAD, &mx, &no_source, 0, 0},
        {"2nd in a row", 5, BAD, &mx, &no_source, 0, 0},
        {"still going", 6, ASK, &mx, &no_source, HEALTH_GO, 0},
        {"3rd in a row", 10, BAD, &mx, &no_source, 0, 0},
        {"it cools down", 11, ASK, &mx, &no_source, HEALTH_WAIT, 40},
        {"not for another source", 11, ASK, &mx, &some_source, HEALTH_GO, 0},
        {"nor another port", 11, ASK, &other_port, &no_source, HEALTH_GO, 0},
        {"who began before changes nothing", 12, BAD, &mx, &no_source, 0, 0},
        {"it still does", 39, ASK, &mx, &no_source, HEALTH_WAIT, 40},
        {"one may probe", 40, ASK, &mx, &no_source, HEALTH_PROBE, 0},
        {"the others wait", 41, ASK, &mx, &no_source, HEALTH_WAIT, 71},
        {"the probe fails: twice as long", 42, BAD, &mx, &no_source, 0, 0},
        {"until then", 43, ASK, &mx, &no_source, HEALTH_WAIT, 102},
        {"the next probe", 102, ASK, &mx, &no_source, HEALTH_PROBE, 0},
        {"fails: not longer than the longest", 103, BAD, &mx, &no_source, 0, 0},
        {"that is", 104, ASK, &mx, &no_source, HEALTH_WAIT, 203},
        {"the next probe", 203, ASK, &mx, &no_source, HEALTH_PROBE, 0},
        {"says nothing", 204, UNKNOWN, &mx, &no_source, 0, 0},
        {"so the next one probes", 205, ASK, &mx, &no_source, HEALTH_PROBE, 0},
        {"and is never seen again", 804, ASK, &mx, &no_source, HEALTH_WAIT, 834},
        {"so there is another", 805, ASK, &mx, &no_source, HEALTH_PROBE, 0},
        {"which succeeds", 806, GOOD, &mx, &no_source, 0, 0},
        {"all is forgotten", 807, ASK, &mx, &no_source, HEALTH_GO, 0},
        {"unknown to nobody", 807, UNKNOWN, &mx, &no_source, 0, 0},
        {"sockets, too", 900, BAD, &socket_at, &no_source, 0, 0},
        {"sockets, too", 900, BAD, &socket_at, &no_source, 0, 0},
        {"sockets, too", 900, BAD, &socket_at, &no_source, 0, 0},
        {"sockets cool down", 901, ASK, &socket_at, &no_source, HEALTH_WAIT, 930},
};

static void in_a_world(task_main *main)
{
    struct sim *sim = sim_new(3);
    assert_non_null(sim);
    struct err e = sim_run(sim, main, NULL);
    check_str("the task", err_text(e), S(""));
    sim_free(sim);
}

static struct client_answer refused(void)
{
    return answer_temporary(CLIENT_CONNECT, FAILURE_CONNECTION, S("mx.example"), S("4.4.1"),
            S("connection refused"));
}

static struct err play(void *arg)
{
    struct health *h;
    struct client_answer why = refused();
    (void)arg;
    TRY(health_new(&usual, &h));
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        int64_t now = steps[i].at_s * SECOND_MS;
        struct health_trouble trouble = {0};
        switch (steps[i].kind) {
        case GOOD:
            health_good(h, steps[i].address, steps[i].source);
            continue;
        case BAD:
            health_bad(h, steps[i].address, steps[i].source, &why, now);
            continue;
        case UNKNOWN:
            health_unknown(h, steps[i].address, steps[i].source);
            continue;
        case ASK:
            break;
        }
        enum health_word word = health_ask(h, steps[i].address, steps[i].source, now, &trouble);
        check_u64(steps[i].name, word, steps[i].word);
        check_u64(steps[i].name, (uint64_t)trouble.until_ms,
                (uint64_t)(steps[i].until_s * SECOND_MS));
        if (word == HEALTH_WAIT)
            check_str(steps[i].name, trouble.why.outcome.text, S("connection refused"));
    }
    health_free(h);
    return OK;
}

static void addresses_cool_down(void **state)
{
    (void)state;
    in_a_world(play);
}

static struct err play_without(void *arg)
{
    static const struct host_settings off = {
            .cooldown_ms = 30 * SECOND_MS, .cooldown_max_ms = HOUR_MS};
    struct health *h;
    struct health_trouble trouble;
    struct client_answer why = refused();
    (void)arg;
    TRY(health_new(&off, &h));
    for (int i = 0; i < 20; i++)
        health_bad(h, &mx, &no_source, &why, i);
    assert_int_equal(health_ask(h, &mx, &no_source, 20, &trouble), HEALTH_GO);
    health_learn(h, S("mx.example"), LESSON_RCPTS_MAX, 10, 0);
    health_learn(h, S("mx.example"), LESSON_NO_TLS, 1, 0);
    check_u64("nothing is remembered", health_count(h), 0);
    health_free(h);
    return OK;
}

static void cool_downs_can_be_off(void **state)
{
    (void)state;
    in_a_world(play_without);
}

// The one who told us goes away, and his words with him.
static struct err keep_words(void *arg)
{
    struct health *h;
    struct health_trouble trouble;
    char text[] = "554 no", status[] = "5.7.1";
    struct client_answer why = answer_permanent(CLIENT_GREETING, FAILURE_UNEXPECTED_REPLY,
            S("mx.example"), str_of(status, 5), str_of(text, 6));
    (void)arg;
    TRY(health_new(&usual, &h));
    for (int i = 0; i < 3; i++)
        health_bad(h, &mx, &no_source, &why, 0);
    memset(text, 'x', sizeof(text));
    assert_int_equal(health_ask(h, &mx, &no_source, 1, &trouble), HEALTH_WAIT);
    check_str("text", trouble.why.outcome.text, S("554 no"));
    check_str("entity", trouble.why.outcome.entity, S("mx.example"));
    check_str("a status that may pass", trouble.why.outcome.enhanced, S("4.4.1"));
    assert_int_equal(trouble.why.verdict, CLIENT_TEMPORARY);
    assert_int_equal(trouble.why.outcome.kind, FAILURE_CONNECTION);
    for (int i = 0; i < 50; i++) {
        trouble.until_ms = i * SECOND_MS;
        int64_t delay = health_delay_ms(&trouble, 0),
                least = i > 30 ? i * SECOND_MS : 30 * SECOND_MS;
        assert_in_range(delay, least, least + least / 5);
    }
    health_free(h);
    return OK;
}

static void reasons_are_kept(void **state)
{
    (void)state;
    in_a_world(keep_words);
}

static struct err learn(void *arg)
{
    struct health *h;
    struct str host = S("mx.example");
    (void)arg;
    TRY(health_new(&usual, &h));
    health_learn(h, host, LESSON_RCPTS_MAX, 10, 0);
    health_learn(h, host, LESSON_MESSAGES_MAX, 1, HOUR_MS);
    health_learn(h, host, LESSON_EXTENSIONS, CLIENT_EXT_SIZE, HOUR_MS);
    health_learn(h, host, LESSON_EXTENSIONS, CLIENT_EXT_DSN, HOUR_MS);
    health_learn(h, host, LESSON_NO_EHLO, 1, HOUR_MS);
    health_learn(h, host, LESSON_NO_TLS, 1, HOUR_MS);
    health_learn(h, host, LESSON_FAMILY, IP_V6, HOUR_MS);
    struct host_facts facts = health_facts(h, host, HOUR_MS);
    check_u64("recipients", facts.rcpts_max, 10);
    check_u64("messages", facts.messages_max, 1);
    check_u64("extensions add up", facts.extensions_off, CLIENT_EXT_SIZE | CLIENT_EXT_DSN);
    check_true("EHLO", facts.no_ehlo);
    check_true("TLS", facts.no_tls);
    check_u64("family", facts.worked_last, IP_V6);
    check_u64("of another host", health_facts(h, S("mx2.example"), HOUR_MS).rcpts_max, 0);
    facts = health_facts(h, host, 2 * HOUR_MS);
    check_true("TLS is forgotten sooner", !facts.no_tls && facts.no_ehlo);
    check_u64("not after a day less 1 ms", health_facts(h, host, DAY_MS - 1).rcpts_max, 10);
    facts = health_facts(h, host, DAY_MS);
    check_u64("after a day", facts.rcpts_max, 0);
    check_u64("the later one stays", facts.messages_max, 1);
    check_u64("one host", health_count(h), 1);
    health_facts(h, host, DAY_MS + HOUR_MS);
    check_u64("nothing is left", health_count(h), 0);
    health_free(h);
    return OK;
}

static void hosts_teach_us(void **state)
{
    (void)state;
    in_a_world(learn);
}

static struct err fill(void *arg)
{
    struct health *h;
    struct arena a AUTO(arena_done);
    (void)arg;
    arena_init(&a, 16 * MIB);
    TRY(health_new(&usual, &h));
    health_learn(h, S("asked"), LESSON_RCPTS_MAX, 7, 0);
    health_learn(h, S("not asked"), LESSON_RCPTS_MAX, 7, 0);
    for (size_t i = 0; i < HEALTH_ENTRIES_MAX - 1; i++) {
        if (i == HEALTH_ENTRIES_MAX - 2)
            check_u64("full", health_facts(h, S("asked"), 0).rcpts_max, 7);
        health_learn(h, arena_fmt(&a, "h%zu", i), LESSON_RCPTS_MAX, 7, 0);
    }
    check_u64("no more than that", health_count(h), HEALTH_ENTRIES_MAX);
    check_u64("who was asked about", health_facts(h, S("asked"), 0).rcpts_max, 7);
    check_u64("who was not", health_facts(h, S("not asked"), 0).rcpts_max, 0);
    health_free(h);
    return OK;
}

static void the_oldest_goes(void **state)
{
    (void)state;
    in_a_world(fill);
}

// outbound.md 13: for a minute after the first, up to a quarter of an hour.
static struct err log_in(void *arg)
{
    struct health *h;
    struct health_trouble trouble;
    const struct str route = S("gw");
    const struct client_answer why = answer_temporary(
            CLIENT_AUTH, FAILURE_CONNECTION, S("mx"), S("4.7.8"), S("535 wrong password"));
    (void)arg;
    TRY(health_new(&usual, &h));
    assert_int_equal(health_ask_login(h, route, 1000, &trouble), HEALTH_GO);
    assert_true(health_bad_login(h, route, &why, 1000));
    assert_false(health_bad_login(h, route, &why, 1001)); // began before: it is no news
    assert_int_equal(health_ask_login(h, route, 60999, &trouble), HEALTH_WAIT);
    check_u64("a minute", (uint64_t)trouble.until_ms, 61000);
    check_str("why", trouble.why.outcome.text, S("535 wrong password"));
    check_str("status", trouble.why.outcome.enhanced, S("4.7.8"));
    assert_int_equal(health_ask_login(h, S("other"), 60999, &trouble), HEALTH_GO);
    int64_t now = 61000;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(health_ask_login(h, route, now, &trouble), HEALTH_PROBE);
        assert_true(health_bad_login(h, route, &why, now));
        assert_int_equal(health_ask_login(h, route, now, &trouble), HEALTH_WAIT);
        now = trouble.until_ms;
    }
    check_u64("at most", (uint64_t)now, 61000 + (2 + 4 + 8 + 15 * 3) * (uint64_t)MINUTE_MS);
    assert_int_equal(health_ask_login(h, route, now, &trouble), HEALTH_PROBE);
    health_unknown_login(h, route);
    assert_int_equal(health_ask_login(h, route, now, &trouble), HEALTH_PROBE);
    health_good_login(h, route);
    assert_int_equal(health_ask_login(h, route, now, &trouble), HEALTH_GO);
    health_free(h);
    return OK;
}

static void logins(void **state)
{
    (void)state;
    in_a_world(log_in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(logins),
            TEST(addresses_cool_down),
            TEST(cool_downs_can_be_off),
            TEST(reasons_are_kept),
            TEST(hosts_teach_us),
            TEST(the_oldest_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
