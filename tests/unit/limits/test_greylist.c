// SPDX-License-Identifier: Apache-2.0
// tests/unit/limits/test_greylist.c: who has to come twice (inbound.md 10.5), at moments set by
// hand: a case is a list of attempts, each with what becomes of it.
#include "fixture.h"

#include "limits/greylist.h"

#define ON "[spam-filter.grey-list]\nduration = '10h'\n"
#define STEPS_MAX 10
#define MIN_MS 60000

struct attempt {
    int64_t at_ms;
    const char *ip, *helo, *sender, *rcpt; // NULL: the same as always
    bool logged_in, allowed, trusted;
    bool waits;
};

static const struct {
    const char *name, *config;
    struct attempt attempts[STEPS_MAX];
} cases[] = {
        {"off unless it has a duration", "", {{.at_ms = 1}}},
        {"never the null sender", ON, {{.sender = ""}}},
        {"never to the postmaster", ON,
                {{.rcpt = "postmaster@b.example"}, {.rcpt = "POSTMASTER"},
                        {.rcpt = "Abuse@b.example"}, {.rcpt = "abuser@b.example", .waits = true},
                        {.rcpt = "x@postmaster", .waits = true}}},
        {"never those who are known", ON,
                {{.logged_in = true}, {.allowed = true}, {.trusted = true}, {.waits = true}}},
        {"the second attempt passes, at once", ON,
                {{.at_ms = 5, .waits = true}, {.at_ms = 5}, {.at_ms = 6}}},
        {"any address may come back, with any name", ON,
                {{.waits = true}, {.ip = "2001:db8::1", .helo = "x"}}},
        {"but not another sender or recipient", ON,
                {{.waits = true}, {.sender = "x@a.example", .waits = true},
                        {.rcpt = "x@b.example", .waits = true}, {.at_ms = 1}}},
        {"a delay, and the first attempt counts", ON "delay = '5m'\n",
                {{.waits = true}, {.at_ms = 4 * MIN_MS, .waits = true},
                        {.at_ms = 5 * MIN_MS - 1, .waits = true}, {.at_ms = 5 * MIN_MS}}},
        {"a clock that is put back", ON,
                {{.at_ms = HOUR_MS, .waits = true}, {.at_ms = 1}, {.at_ms = HOUR_MS}}},
        {"a clock that is put back, and a delay", ON "delay = '5m'\n",
                {{.at_ms = HOUR_MS, .waits = true}, {.at_ms = 1, .waits = true},
                        {.at_ms = 5 * MIN_MS, .waits = true}, {.at_ms = 5 * MIN_MS + 1}}},
        {"a first attempt is forgotten", ON "retry-window = '1h'\n",
                {{.waits = true}, {.at_ms = HOUR_MS, .waits = true}, {.at_ms = 2 * HOUR_MS - 1}}},
        {"an entry lives on while it is used", ON,
                {{.waits = true}, {.at_ms = 1}, {.at_ms = 10 * HOUR_MS},
                        {.at_ms = 20 * HOUR_MS - 1}, {.at_ms = 30 * HOUR_MS - 1, .waits = true}}},
        {"who has passed and was forgotten waits again", ON,
                {{.waits = true}, {.at_ms = MIN_MS},
                        {.at_ms = MIN_MS + 10 * HOUR_MS, .waits = true},
                        {.at_ms = 2 * MIN_MS + 10 * HOUR_MS}}},
        {"other keys", ON "key = ['remote_net', 'helo_domain']\n",
                {{.waits = true}, {.sender = "x@x", .rcpt = "y@y", .ip = "192.0.2.200"},
                        {.ip = "192.0.3.1", .waits = true}, {.helo = "x", .waits = true}}},
        {"the address itself", ON "key = 'remote_ip'\n",
                {{.waits = true}, {.ip = "192.0.2.2", .waits = true}, {.ip = "192.0.2.2"},
                        {.ip = "::ffff:192.0.2.1"}}},
        {"an expression skips it", ON "skip = 'sender == \"ann@a.example\"'\n",
                {{.at_ms = 1}, {.sender = "x@a.example", .waits = true}}},
        {"a network may pass after two came back", ON "auto-allow = 2\n",
                {{.waits = true}, {.at_ms = 1}, {.at_ms = 2}, {.at_ms = 3}, // one entry, one pass
                        {.sender = "b@b", .at_ms = 4, .waits = true}, {.sender = "b@b", .at_ms = 5},
                        {.sender = "c@c", .at_ms = 6, .ip = "192.0.2.77"},
                        {.sender = "c@c", .at_ms = 7, .ip = "192.0.3.1", .waits = true}}},
        {"and begins anew when it was not seen for so long", ON "auto-allow = 1\n",
                {{.waits = true}, {.at_ms = 1}, {.sender = "b@b", .at_ms = 10 * HOUR_MS},
                        {.sender = "c@c", .at_ms = 20 * HOUR_MS, .waits = true}}},
        {"passes are forgotten, too", ON "auto-allow = 2\n",
                {{.waits = true}, {.at_ms = 1},
                        {.sender = "b@b", .at_ms = 11 * HOUR_MS, .waits = true},
                        {.sender = "b@b", .at_ms = 11 * HOUR_MS},
                        {.sender = "c@c", .at_ms = 11 * HOUR_MS, .waits = true}}},
};

static bool variable(void *self, struct arena *scratch, enum expr_variable id, struct str rest,
        struct expr_value *out)
{
    const struct greylist_ask *ask = self;
    (void)scratch, (void)rest;
    if (id != EXPR_VAR_SENDER)
        return false;
    *out = expr_text(ask->sender);
    return true;
}

static const struct expr_env_ops ops = {.variable = variable};

static struct str or_else(const char *text, const char *instead)
{
    return str_from_c(text != NULL ? text : instead);
}

static enum greylist_answer ask_for(
        struct fixture *f, const struct attempt *a, struct limits_fault *out_fault)
{
    struct greylist_ask ask = {
            .remote_ip = ip_of(a->ip != NULL ? a->ip : "192.0.2.1"),
            .helo_domain = or_else(a->helo, "client.example"),
            .sender = or_else(a->sender, "ann@a.example"),
            .rcpt = or_else(a->rcpt, "bob@b.example"),
            .is_authenticated = a->logged_in,
            .is_allowed = a->allowed,
            .is_trusted = a->trusted,
            .scratch = &f->scratch,
            .wall_now_ms = NOW_MS + a->at_ms,
    };
    struct expr_env env = {.self = &ask, .ops = &ops};
    ask.env = &env;
    enum greylist_answer answer = greylist_ask(&f->limits, &ask);
    *out_fault = ask.fault;
    return answer;
}

static void attempts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        struct limits_fault fault;
        fixture_init(&f, cases[i].config);
        assert_int_equal(f.findings.all.count, 0);
        for (size_t n = 0; n < STEPS_MAX; n++) {
            const struct attempt *a = &cases[i].attempts[n];
            if (memcmp(a, &(struct attempt){0}, sizeof(*a)) == 0)
                break;
            bool waits = ask_for(&f, a, &fault) == GREYLIST_WAIT;
            if (waits != a->waits)
                check_failed(
                        "%s: attempt %zu %s", cases[i].name, n + 1, waits ? "waits" : "passes");
            assert_true(str_is_null(fault.key));
        }
        fixture_done(&f);
    }
}

static void a_skip_that_fails(void **state)
{
    (void)state;
    struct fixture f;
    struct limits_fault fault;
    struct attempt a = {0};
    fixture_init(&f, ON "skip = '1 / local_port > 0'\n");
    assert_int_equal(ask_for(&f, &a, &fault), GREYLIST_WAIT);
    check_str("key", fault.key, S("spam-filter.grey-list.skip"));
    assert_true(str_contains(fault.fault.cause, S("zero")));
    fixture_done(&f);
}

// Far more first attempts than there is room for: nobody who has passed is pushed out by them, and
// the newest of them are remembered.
static void a_flood(void **state)
{
    (void)state;
    struct fixture f;
    struct limits_fault fault;
    char sender[64];
    size_t forgotten = 0, flood = 2 * (size_t)GREYLIST_TABLES * MOMENTS_SLOTS;
    fixture_init(&f, ON);
    struct attempt known = {0};
    assert_int_equal(ask_for(&f, &known, &fault), GREYLIST_WAIT);
    assert_int_equal(ask_for(&f, &known, &fault), GREYLIST_PASS);
    for (size_t i = 0; i < flood + 100; i++) {
        struct attempt a = {.sender = sender, .at_ms = (int64_t)i / 100};
        bool again = i >= flood; // the last hundred once more
        snprintf(sender, sizeof(sender), "%zu@flood.example", again ? i - 100 : i);
        enum greylist_answer answer = ask_for(&f, &a, &fault);
        arena_reset(&f.scratch);
        forgotten += again && answer == GREYLIST_WAIT;
    }
    known.at_ms = HOUR_MS;
    assert_int_equal(ask_for(&f, &known, &fault), GREYLIST_PASS);
    assert_in_range(forgotten, 0, 2);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(attempts), TEST(a_skip_that_fails), TEST(a_flood)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
