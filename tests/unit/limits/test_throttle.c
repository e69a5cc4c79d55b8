// SPDX-License-Identifier: Apache-2.0
// tests/unit/limits/test_throttle.c: rates and concurrency by client, sender and recipient
// (inbound.md 10.4), at moments set by hand. A case is a list of checks: who asks, when, and which
// limiter refuses.
#include "fixture.h"

#include "limits/throttle.h"

#define ONE "[[queue.limiter.inbound]]\n"
#define STEPS_MAX 10

struct step {
    // "connect", "mail", "rcpt", "end" (of the transaction), "quit"; of one who is allowed:
    // "allowed connect", "allowed mail"
    const char *what;
    const char *ip, *sender, *rcpt; // NULL: 192.0.2.1, ann@a.example, bob@b.example
    int64_t at_ms;
    const char *refused; // id; NULL: it may pass
};

struct throttle_case {
    const char *name, *config;
    struct step steps[STEPS_MAX];
};

static const struct throttle_case cases[] = {
        {"the null sender is a sender", ONE "rate = '1/1h'\nkey = 'sender'\n",
                {{.what = "mail", .sender = ""}, {.what = "mail"},
                        {.what = "mail", .sender = "", .refused = "0"}}},
        {"empty and absent keys do not run together",
                ONE "rate = '1/1h'\nkey = ['sender', 'rcpt']\n",
                {{.what = "rcpt", .sender = "", .rcpt = "a@b"},
                        {.what = "rcpt", .sender = "a@b", .rcpt = ""},
                        {.what = "rcpt", .sender = "a@b", .rcpt = "a@b"},
                        {.what = "rcpt", .sender = "", .rcpt = "a@b", .refused = "0"}}},
        {"mapped addresses are IPv4", ONE "rate = '1/1h'\nkey = 'remote_ip'\n",
                {{.what = "connect"}, {.what = "connect", .ip = "::ffff:192.0.2.1", .refused = "0"},
                        {.what = "connect", .ip = "::c000:201"}}},
        {"networks", ONE "rate = '1/1h'\nkey = 'remote_net'\n",
                {{.what = "connect"}, {.what = "connect", .ip = "192.0.2.255", .refused = "0"},
                        {.what = "connect", .ip = "192.0.3.0"},
                        {.what = "connect", .ip = "2001:db8::1"},
                        {.what = "connect", .ip = "2001:db8::ffff:0:0:1", .refused = "0"},
                        {.what = "connect", .ip = "2001:db8:0:1::1"}}},
        {"2 tokens a second, and after 1.1 s one more", ONE "rate = '2/1s'\nkey = 'remote_ip'\n",
                {{.what = "connect"}, {.what = "connect"}, {.what = "connect", .refused = "0"},
                        {.what = "connect", .at_ms = 1100}, {.what = "connect", .at_ms = 1100},
                        {.what = "connect", .at_ms = 1100, .refused = "0"}}},
        {"a refusal takes nothing", ONE "rate = '1/1s'\n",
                {{.what = "connect"}, {.what = "connect", .at_ms = 999, .refused = "0"},
                        {.what = "connect", .at_ms = 1000}}},
        {"no key: one for all", ONE "rate = '2/1h'\n",
                {{.what = "connect"}, {.what = "connect", .ip = "192.0.2.2"},
                        {.what = "connect", .ip = "192.0.2.3", .refused = "0"}}},
        {"the allowed are not counted at connect", ONE "rate = '1/1h'\n",
                {{.what = "allowed connect"}, {.what = "allowed connect"}, {.what = "connect"},
                        {.what = "connect", .refused = "0"}, {.what = "allowed connect"}}},
        {"but elsewhere they are", ONE "rate = '1/1h'\nkey = 'sender'\n",
                {{.what = "mail"}, {.what = "mail", .refused = "0"},
                        {.what = "allowed mail", .refused = "0"}}},
        {"one class at a time",
                ONE "rate = '1/1h'\nkey = 'rcpt_domain'\n" ONE
                    "rate = '1/1h'\nkey = 'sender_domain'\n" ONE
                    "rate = '1/1h'\nkey = 'local_ip'\n",
                {{.what = "connect"}, {.what = "mail"}, {.what = "rcpt"},
                        {.what = "connect", .refused = "2"}, {.what = "mail", .refused = "1"}}},
        {"in the order of the file, and what was taken comes back",
                ONE "rate = '2/1h'\nkey = 'remote_ip'\n" ONE "rate = '1/1h'\n",
                {{.what = "connect"}, {.what = "connect", .ip = "192.0.2.2", .refused = "1"},
                        {.what = "connect", .ip = "192.0.2.2", .refused = "1"},
                        {.what = "connect", .ip = "192.0.2.2", .refused = "1"},
                        {.what = "connect", .refused = "1"}, {.what = "connect", .at_ms = HOUR_MS},
                        {.what = "connect", .at_ms = HOUR_MS, .refused = "1"}}},
        {"only those that match", ONE "rate = '1/1h'\nmatch = 'remote_ip == \"192.0.2.2\"'\n",
                {{.what = "connect"}, {.what = "connect"}, {.what = "connect", .ip = "192.0.2.2"},
                        {.what = "connect", .ip = "192.0.2.2", .refused = "0"},
                        {.what = "connect"}}},
        {"none that never match", ONE "rate = '1/1h'\nmatch = false\n",
                {{.what = "connect"}, {.what = "connect"}}},
        {"recipients of one domain count once a transaction",
                ONE "rate = '2/1h'\nkey = 'rcpt_domain'\n",
                {{.what = "rcpt"}, {.what = "rcpt", .rcpt = "eve@b.example"},
                        {.what = "rcpt", .rcpt = "carl@c.example"}, {.what = "end"},
                        {.what = "rcpt"}, {.what = "rcpt", .rcpt = "eve@b.example"},
                        {.what = "end"}, {.what = "rcpt", .refused = "0"},
                        {.what = "rcpt", .rcpt = "eve@b.example", .refused = "0"},
                        {.what = "rcpt", .rcpt = "carl@c.example"}}},
        {"each of them, when they are told apart",
                ONE "rate = '1/1h'\nkey = ['rcpt_domain', 'rcpt']\n",
                {{.what = "rcpt"}, {.what = "rcpt", .rcpt = "eve@b.example"},
                        {.what = "rcpt", .refused = "0"}}},
        {"slots of a session", ONE "concurrency = 1\nkey = 'remote_ip'\n",
                {{.what = "connect"}, {.what = "end"}, {.what = "connect", .ip = "192.0.2.2"},
                        {.what = "quit"}, {.what = "connect"}}},
        {"slots of a transaction, once a counter",
                ONE "concurrency = 1\nkey = 'sender'\n"
                    "match = 'rcpt_domain == \"b.example\"'\n",
                {{.what = "rcpt"}, {.what = "rcpt", .rcpt = "eve@b.example"},
                        {.what = "rcpt", .sender = "x@a.example"}, {.what = "end"},
                        {.what = "rcpt"}}},
        {"both: the slot is taken once, a token each time",
                ONE "concurrency = 5\nrate = '2/1h'\nkey = 'sender'\nmatch = 'rcpt != \"\"'\n",
                {{.what = "rcpt"}, {.what = "rcpt"}, {.what = "rcpt", .refused = "0"},
                        {.what = "end"}, {.what = "rcpt", .refused = "0"}}},
        {"the defaults", "",
                {{.what = "connect"}, {.what = "connect"}, {.what = "connect"}, {.what = "connect"},
                        {.what = "connect"}, {.what = "connect", .refused = "default-connections"},
                        {.what = "connect", .ip = "192.0.2.2"}, {.what = "connect", .at_ms = 200},
                        {.what = "mail"}, {.what = "rcpt"}}},
};

struct session {
    struct throttle_values values;
    struct str remote_ip;
};

static bool variable(void *self, struct arena *scratch, enum expr_variable id, struct str rest,
        struct expr_value *out)
{
    struct session *s = self;
    (void)scratch, (void)rest;
    if (id == EXPR_VAR_REMOTE_IP)
        *out = expr_text(s->remote_ip);
    else if (id == EXPR_VAR_RCPT)
        *out = expr_text(s->values.rcpt);
    else if (id == EXPR_VAR_RCPT_DOMAIN)
        *out = expr_text(s->values.rcpt_domain);
    else
        return false;
    return true;
}

static const struct expr_env_ops session_ops = {.variable = variable};

static struct str domain_of(struct str address)
{
    struct str local, domain;
    return str_cut(address, '@', &local, &domain) ? domain : S("");
}

static struct str or (const char *text, const char *instead)
{
    return str_from_c(text != NULL ? text : instead);
}

static struct throttle_values values_of(const struct step *step)
{
    struct throttle_values v = {.listener = S("smtp"), .helo_domain = S("client.example")};
    v.remote_ip = ip_of(step->ip != NULL ? step->ip : "192.0.2.1");
    v.local_ip = ip_of("203.0.113.1");
    v.sender = or (step->sender, "ann@a.example");
    v.sender_domain = domain_of(v.sender);
    v.rcpt = or (step->rcpt, "bob@b.example");
    v.rcpt_domain = domain_of(v.rcpt);
    return v;
}

static const struct throttle *check(struct fixture *f, const struct step *step,
        enum throttle_class class, struct limits_held *held)
{
    struct session s = {.values = values_of(step), .remote_ip = or (step->ip, "192.0.2.1")};
    struct expr_env env = {.self = &s, .ops = &session_ops};
    struct throttle_check c = {.class = class,
            .is_allowed = step->what[0] == 'a',
            .values = &s.values,
            .env = &env,
            .held = held,
            .scratch = &f->scratch,
            .wall_now_ms = NOW_MS + step->at_ms};
    const struct throttle *refused = throttles_take(&f->limits, &c);
    assert_int_equal(c.faults.count, 0);
    arena_reset(&f->scratch);
    return refused;
}

static void run_step(struct fixture *f, const struct throttle_case *c, const struct step *step,
        struct limits_held *session, struct limits_held *transaction)
{
    struct str what = str_from_c(step->what), refused = S("");
    const struct throttle *t = NULL;
    if (str_eq(what, S("end")) || str_eq(what, S("quit")))
        throttle_release(&f->limits, transaction);
    if (str_eq(what, S("quit")))
        throttle_release(&f->limits, session);
    if (str_ends(what, S("connect")))
        t = check(f, step, THROTTLES_REMOTE, session);
    if (str_ends(what, S("mail")))
        t = check(f, step, THROTTLES_SENDER, transaction);
    if (str_eq(what, S("rcpt")))
        t = check(f, step, THROTTLES_RCPT, transaction);
    if (t != NULL)
        refused = t->id;
    if (!str_eq(refused, str_from_c(step->refused)))
        check_failed("%s: step %td: \"%.*s\" refused", c->name, step - c->steps + 1, ARG(refused));
}

static void limiters(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        fixture_init(&f, cases[i].config);
        struct limits_held session = {.arena = &f.arena}, transaction = {.arena = &f.arena};
        for (size_t s = 0; s < STEPS_MAX && cases[i].steps[s].what != NULL; s++)
            run_step(&f, &cases[i], &cases[i].steps[s], &session, &transaction);
        fixture_done(&f);
    }
}

static uint64_t slots_in_use(const struct fixture *f)
{
    uint64_t count = 0;
    for (size_t i = 0; i < CLIENTS_SLOTS; i++)
        count += f->shared->slots.held[f->limits.column][i];
    return count;
}

// Two sessions of one client, and a limiter behind that refuses: its slot comes back as well.
static void slots_come_back(void **state)
{
    (void)state;
    struct fixture f;
    struct step step = {.what = "connect"}, other = {.what = "connect", .ip = "192.0.2.2"};
    fixture_init(&f, ONE "concurrency = 2\nkey = 'remote_ip'\n" ONE "concurrency = 3\n");
    struct limits_held held[5];
    for (size_t i = 0; i < COUNT_OF(held); i++)
        held[i] = (struct limits_held){.arena = &f.arena};
    assert_null(check(&f, &step, THROTTLES_REMOTE, &held[0]));
    assert_null(check(&f, &step, THROTTLES_REMOTE, &held[1]));
    check_str("own", check(&f, &step, THROTTLES_REMOTE, &held[2])->id, S("0"));
    assert_null(check(&f, &other, THROTTLES_REMOTE, &held[2]));
    check_str("all", check(&f, &other, THROTTLES_REMOTE, &held[3])->id, S("1"));
    assert_int_equal(held[3].all.count, 0);
    assert_int_equal(slots_in_use(&f), 6);
    throttle_release(&f.limits, &held[0]);
    throttle_release(&f.limits, &held[0]); // twice is once
    assert_null(check(&f, &other, THROTTLES_REMOTE, &held[3]));
    check_str("own", check(&f, &other, THROTTLES_REMOTE, &held[4])->id, S("0"));
    for (size_t i = 0; i < COUNT_OF(held); i++)
        throttle_release(&f.limits, &held[i]);
    assert_int_equal(slots_in_use(&f), 0);
    fixture_done(&f);
}

// inbound.md 10.4: what fails counts as true, and is told.
static void a_match_that_fails(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, ONE "rate = '1/1h'\nmatch = '1 / local_port > 0'\n" ONE
                         "rate = '5/1h'\nmatch = '[1] > 2 / local_port'\n");
    struct limits_held held = {.arena = &f.arena};
    struct throttle_values values = {.remote_ip = ip_of("192.0.2.1")};
    struct expr_env env = {0};
    struct throttle_check c = {.values = &values,
            .env = &env,
            .held = &held,
            .scratch = &f.scratch,
            .wall_now_ms = NOW_MS};
    assert_null(throttles_take(&f.limits, &c));
    assert_int_equal(c.faults.count, 2);
    check_str("key", c.faults.at[0].key, S("queue.limiter.inbound.0.match"));
    check_str("key", c.faults.at[1].key, S("queue.limiter.inbound.1.match"));
    assert_true(str_contains(c.faults.at[0].fault.cause, S("zero")));
    assert_non_null(throttles_take(&f.limits, &c));
    fixture_done(&f);
}

// A session without memory is refused, and nothing is lost.
static void no_memory_for_what_is_held(void **state)
{
    (void)state;
    struct fixture f;
    struct arena small;
    struct step step = {.what = "connect"};
    fixture_init(&f, ONE "concurrency = 1\n");
    arena_init(&small, 1);
    struct limits_held poor = {.arena = &small}, rich = {.arena = &f.arena};
    assert_non_null(check(&f, &step, THROTTLES_REMOTE, &poor));
    assert_null(check(&f, &step, THROTTLES_REMOTE, &rich));
    arena_done(&small);
    fixture_done(&f);
}

// A reload that changes a rate begins a new bucket; what is held is still held.
static void a_reload(void **state)
{
    (void)state;
    struct fixture before, after;
    struct step step = {.what = "connect"};
    fixture_init(&before, "[queue.limiter.inbound.a]\nrate = '1/1h'\nconcurrency = 2\n");
    fixture_init(&after, "[queue.limiter.inbound.a]\nrate = '2/1h'\nconcurrency = 1\n");
    struct limits_held held = {.arena = &before.arena}, more = {.arena = &after.arena};
    struct limits_shared *own = after.shared;
    after.limits.shared = before.shared;
    assert_null(check(&before, &step, THROTTLES_REMOTE, &held));
    assert_non_null(check(&after, &step, THROTTLES_REMOTE, &more)); // one is there already
    throttle_release(&before.limits, &held);
    assert_non_null(check(&before, &step, THROTTLES_REMOTE, &held)); // no token is left
    assert_null(check(&after, &step, THROTTLES_REMOTE, &more));
    after.limits.shared = own;
    fixture_done(&before);
    fixture_done(&after);
}

static void is_there_anything_to_ask(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, ONE "concurrency = 1\nkey = 'helo_domain'\n");
    assert_false(throttles_has(&f.limits, THROTTLES_REMOTE));
    assert_true(throttles_has(&f.limits, THROTTLES_SENDER));
    assert_false(throttles_has(&f.limits, THROTTLES_RCPT));
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(limiters), TEST(slots_come_back),
            TEST(a_match_that_fails), TEST(no_memory_for_what_is_held), TEST(a_reload),
            TEST(is_there_anything_to_ask)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
