// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_limit.c: queue.limiter.outbound (outbound.md 20), at moments set by hand.
// A case is a list of attempts: what each costs, when, and which limiter refuses until when.
#include "settings_fixture.h"

#include "deliver/shape/limit.h"
#include "rt/sim/sim.h"

#define NOW_MS (1700000000 * (int64_t)SECOND_MS)
#define ONE "[[queue.limiter.outbound]]\n"
#define STEPS_MAX 8
#define PERMITS -1 // instead of a moment: refused for want of a permit

struct step {
    // "rcpt", "remote", "sender": a check of that stage; "undo": of the last check;
    // "close", "rest": the connection does; "settle": all of its message is asked;
    // "other ...": of another connection
    const char *what;
    const char *mx, *sender, *rcpt_domain; // NULL: mx.example, ann@a.example, b.example
    const char *remote_ip;                 // NULL: 192.0.2.1
    struct outbound_amounts amounts;       // all 0: one of each
    int64_t at_ms;
    const char *refused; // id; NULL: it may go
    int64_t until_ms;
};

static const struct {
    const char *name, *config;
    struct step steps[STEPS_MAX];
} cases[] = {
        {"a rate, and when there is a token again", ONE "rate = '2/10s'\nkey = 'rcpt_domain'\n",
                {{.what = "rcpt"}, {.what = "rcpt", .at_ms = 1000},
                        {.what = "rcpt", .at_ms = 2000, .refused = "0", .until_ms = 5000},
                        {.what = "rcpt", .at_ms = 2000, .rcpt_domain = "c.example"},
                        {.what = "rcpt", .at_ms = 5000}}},
        {"another stage is not asked", ONE "rate = '1/1h'\nkey = 'mx'\n",
                {{.what = "rcpt"}, {.what = "sender"}, {.what = "rcpt"}, {.what = "remote"},
                        {.what = "remote", .refused = "0", .until_ms = HOUR_MS}}},
        {"the null sender is one", ONE "rate = '1/1h'\nkey = 'sender'\n",
                {{.what = "sender", .sender = ""}, {.what = "sender"},
                        {.what = "sender", .sender = "", .refused = "0", .until_ms = HOUR_MS}}},
        {"all or nothing",
                ONE "rate = '2/1h'\nkey = 'mx'\n" ONE "rate = '1/10s'\nkey = 'remote_ip'\n",
                {{.what = "remote"}, {.what = "remote", .refused = "1", .until_ms = 10000},
                        {.what = "remote", .refused = "1", .until_ms = 10000},
                        {.what = "remote", .at_ms = 10000},
                        {.what = "remote",
                                .at_ms = 20000,
                                .refused = "0",
                                .until_ms = HOUR_MS / 2}}},
        {"an attempt that came to nothing", ONE "rate = '1/1h'\nkey = 'mx'\n",
                {{.what = "remote"}, {.what = "undo"}, {.what = "remote"},
                        {.what = "remote", .refused = "0", .until_ms = HOUR_MS}}},
        {"recipients, several at once",
                ONE "rate = '10/10s'\nkey = 'rcpt_domain'\nunit = 'recipients'\n",
                {{.what = "rcpt", .amounts = {.recipients = 7}},
                        {.what = "rcpt",
                                .amounts = {.recipients = 4},
                                .refused = "0",
                                .until_ms = 1000},
                        {.what = "rcpt", .amounts = {.recipients = 3}},
                        {.what = "rcpt", .amounts = {.messages = 1}}}},
        {"more than fits take a full bucket", ONE "rate = '1000/10s'\nkey = 'mx'\nunit = 'bytes'\n",
                {{.what = "remote", .amounts = {.bytes = 50000}},
                        {.what = "remote",
                                .amounts = {.bytes = 500},
                                .refused = "0",
                                .until_ms = 5000},
                        {.what = "remote",
                                .amounts = {.bytes = 50000},
                                .at_ms = 9999,
                                .refused = "0",
                                .until_ms = 10000},
                        {.what = "remote", .amounts = {.bytes = 50000}, .at_ms = 10000}}},
        {"a connection that is there costs none",
                ONE "rate = '1/1h'\nkey = 'mx'\nunit = 'connections'\n",
                {{.what = "remote"}, {.what = "remote", .amounts = {.messages = 1}},
                        {.what = "remote", .refused = "0", .until_ms = HOUR_MS}}},
        {"a burst", ONE "rate = '1/10s'\nburst = 3\nkey = 'mx'\n",
                {{.what = "remote"}, {.what = "remote"}, {.what = "remote"},
                        {.what = "remote", .refused = "0", .until_ms = 10000}}},
        {"permits are held by connections", ONE "concurrency = 1\nkey = 'mx'\n",
                {{.what = "remote"}, {.what = "remote"},
                        {.what = "other remote", .refused = "0", .until_ms = PERMITS},
                        {.what = "other remote", .mx = "mx2.example"}, {.what = "close"},
                        {.what = "other remote"},
                        {.what = "remote", .refused = "0", .until_ms = PERMITS},
                        {.what = "remote", .mx = "mx3.example"}}},
        {"a permit is the connection's, whatever came of the message",
                ONE "concurrency = 1\nkey = 'mx'\n",
                {{.what = "remote"}, {.what = "undo"},
                        {.what = "other remote", .refused = "0", .until_ms = PERMITS}}},
        {"permits are asked for with the connection, whatever the stage",
                ONE "concurrency = 1\nkey = 'rcpt_domain'\n",
                {{.what = "rcpt"}, {.what = "rcpt"}, {.what = "remote"},
                        {.what = "other remote", .refused = "0", .until_ms = PERMITS},
                        {.what = "other remote", .rcpt_domain = "c.example"}}},
        {"an idle connection keeps its permits",
                ONE "concurrency = 1\nkey = 'mx'\n" ONE "concurrency = 1\n",
                {{.what = "remote"}, {.what = "settle"}, {.what = "rest"},
                        {.what = "other remote", .refused = "0", .until_ms = PERMITS},
                        {.what = "other remote",
                                .mx = "mx2.example",
                                .refused = "1",
                                .until_ms = PERMITS},
                        {.what = "close"}, {.what = "other remote"}}},
        {"but not those of its message", ONE "concurrency = 1\nkey = ['sender', 'mx']\n",
                {{.what = "remote"}, {.what = "settle"},
                        {.what = "other remote", .refused = "0", .until_ms = PERMITS},
                        {.what = "rest"}, {.what = "other remote"},
                        {.what = "remote", .refused = "0", .until_ms = PERMITS}}},
        {"nor those of an earlier message",
                ONE "concurrency = 1\nmatch = \"rcpt_domain == 'b.example'\"\n",
                {{.what = "remote"}, {.what = "settle"}, {.what = "rest"},
                        {.what = "other remote", .refused = "0", .until_ms = PERMITS},
                        {.what = "remote", .rcpt_domain = "c.example"}, {.what = "settle"},
                        {.what = "other remote"}}},
        {"a refusal keeps what was held before it",
                ONE "concurrency = 1\nkey = 'mx'\n" ONE "concurrency = 1\nkey = 'sender'\n",
                {{.what = "remote"}, {.what = "settle"},
                        {.what = "other remote",
                                .mx = "mx2.example",
                                .refused = "1",
                                .until_ms = PERMITS},
                        {.what = "other remote", .mx = "mx2.example", .sender = "b@a.example"},
                        {.what = "remote",
                                .sender = "b@a.example",
                                .refused = "1",
                                .until_ms = PERMITS},
                        {.what = "other remote",
                                .sender = "c@a.example",
                                .refused = "0",
                                .until_ms = PERMITS}}},
        {"no permit: the token goes back",
                ONE "rate = '2/1h'\nkey = 'mx'\n" ONE "concurrency = 1\nkey = 'mx'\n",
                {{.what = "remote"}, {.what = "other remote", .refused = "1", .until_ms = PERMITS},
                        {.what = "close"}, {.what = "other remote"},
                        {.what = "other remote", .refused = "0", .until_ms = HOUR_MS / 2}}},
        {"no token: the permit goes back",
                ONE "concurrency = 1\nkey = 'mx'\n" ONE "rate = '1/1h'\nkey = 'remote_ip'\n",
                {{.what = "remote"}, {.what = "close"},
                        {.what = "remote", .refused = "1", .until_ms = HOUR_MS},
                        {.what = "other remote", .remote_ip = "192.0.2.2"}}},
        {"whom it is about", ONE "rate = '1/1h'\nmatch = \"rcpt_domain == 'b.example'\"\n",
                {{.what = "rcpt"}, {.what = "rcpt", .rcpt_domain = "c.example"},
                        {.what = "rcpt", .rcpt_domain = "c.example"},
                        {.what = "rcpt", .refused = "0", .until_ms = HOUR_MS}}},
};

struct world {
    struct fixture f;
    struct limits_shared *shared;
    struct outbound_limits *limits;
    struct outbound_permits *connection, *other;
    struct arena scratch;
    struct outbound_check last;
};

static void world_init(struct world *w, const char *config)
{
    *w = (struct world){0};
    fixture_init(&w->f, config);
    assert_int_equal(w->f.findings.error_count, 0);
    w->shared = mem_new(struct limits_shared);
    assert_non_null(w->shared);
    limits_shared_init(w->shared, 7);
    arena_init(&w->scratch, MIB);
    assert_false(failed(outbound_limits_new(&w->f.settings, w->shared, 3, &w->limits)));
    w->connection = outbound_permits_new(w->limits);
    w->other = outbound_permits_new(w->limits);
    assert_true(w->connection != NULL && w->other != NULL);
}

static void world_done(struct world *w)
{
    outbound_permits_free(w->connection);
    outbound_permits_free(w->other);
    outbound_limits_free(w->limits);
    mem_free(w->shared);
    arena_done(&w->scratch);
    fixture_done(&w->f);
}

static struct str or (const char *text, const char *usual)
{
    return str_from_c(text != NULL ? text : usual);
}

struct attempt { // for the expressions
    const struct outbound_values *values;
};

static bool variable(void *self, struct arena *scratch, enum expr_variable id, struct str rest,
        struct expr_value *out)
{
    const struct attempt *a = self;
    (void)scratch, (void)rest;
    if (id == EXPR_VAR_RCPT_DOMAIN)
        *out = expr_text(a->values->rcpt_domain);
    if (id == EXPR_VAR_RCPT)
        *out = expr_text(a->values->rcpt);
    return id == EXPR_VAR_RCPT_DOMAIN || id == EXPR_VAR_RCPT;
}

static const struct expr_env_ops attempt_ops = {.variable = variable};

static enum outbound_stage stage_of(struct str what)
{
    if (str_ends(what, S("rcpt")))
        return OUTBOUND_OF_RCPT;
    return str_ends(what, S("sender")) ? OUTBOUND_OF_SENDER : OUTBOUND_OF_REMOTE;
}

static const struct outbound_limiter *attempt(
        struct world *w, const struct step *step, struct outbound_permits *permits)
{
    struct outbound_values v = {.mx = or (step->mx, "mx.example"),
            .sender = or (step->sender, "ann@a.example"),
            .rcpt_domain = or (step->rcpt_domain, "b.example")};
    struct attempt a = {.values = &v};
    struct expr_env env = {.self = &a, .ops = &attempt_ops};
    assert_true(ip_parse(or (step->remote_ip, "192.0.2.1"), &v.remote_ip));
    w->last = (struct outbound_check){.stage = stage_of(str_from_c(step->what)),
            .values = &v,
            .env = &env,
            .amounts = step->amounts,
            .scratch = &w->scratch,
            .wall_now_ms = NOW_MS + step->at_ms};
    if (w->last.stage == OUTBOUND_OF_REMOTE)
        w->last.permits = permits;
    if (step->amounts.messages + step->amounts.recipients + step->amounts.bytes == 0)
        w->last.amounts = (struct outbound_amounts){1, 1, 1, 1};
    const struct outbound_limiter *refused = outbound_take(w->limits, &w->last);
    assert_int_equal(w->last.faults.count, 0);
    return refused;
}

static void run_step(struct world *w, const char *name, const struct step *step)
{
    struct str what = str_from_c(step->what), refused = S("");
    if (str_eq(what, S("undo"))) {
        outbound_undo(w->limits, &w->last);
        return;
    }
    if (str_eq(what, S("close"))) {
        outbound_permits_free(w->connection);
        w->connection = outbound_permits_new(w->limits);
        return;
    }
    if (str_eq(what, S("rest"))) {
        outbound_permits_rest(w->connection);
        return;
    }
    if (str_eq(what, S("settle"))) {
        outbound_permits_settle(w->connection);
        return;
    }
    bool is_other = str_starts(what, S("other"));
    const struct outbound_limiter *l = attempt(w, step, is_other ? w->other : w->connection);
    if (l != NULL)
        refused = l->id;
    if (!str_eq(refused, str_from_c(step->refused)))
        check_failed("%s: %s at %lld: \"%.*s\" refused", name, step->what, (long long)step->at_ms,
                ARG(refused));
    if (l == NULL)
        return;
    assert_int_equal(w->last.why.by_concurrency, step->until_ms == PERMITS);
    if (step->until_ms != PERMITS)
        check_u64(name, (uint64_t)(w->last.why.until_ms - NOW_MS), (uint64_t)step->until_ms);
}

static void limiters(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world *w = mem_new(struct world);
        world_init(w, cases[i].config);
        for (size_t s = 0; s < STEPS_MAX && cases[i].steps[s].what != NULL; s++)
            run_step(w, cases[i].name, &cases[i].steps[s]);
        world_done(w);
        mem_free(w);
    }
}

static void a_match_that_fails_applies(void **state)
{
    struct world *w = mem_new(struct world);
    struct outbound_values v = {0};
    struct expr_env env = {0};
    (void)state;
    world_init(w, ONE "rate = '1/1h'\nmatch = \"1 / len(rcpt_domain) > 0\"\n");
    struct outbound_check c = {.stage = OUTBOUND_OF_RCPT,
            .values = &v,
            .env = &env,
            .amounts = {.messages = 1},
            .scratch = &w->scratch,
            .wall_now_ms = NOW_MS};
    assert_null(outbound_take(w->limits, &c));
    assert_int_equal(c.faults.count, 1);
    check_str("key", c.faults.at[0].key, S("queue.limiter.outbound.0.match"));
    c.taken.count = 0; // of another message
    assert_non_null(outbound_take(w->limits, &c));
    world_done(w);
    mem_free(w);
}

static void is_there_anything_to_ask(void **state)
{
    struct world *w = mem_new(struct world);
    (void)state;
    world_init(w, ONE "rate = '1/1h'\nkey = 'mx'\n");
    assert_true(outbound_has(w->limits, OUTBOUND_OF_REMOTE));
    assert_false(outbound_has(w->limits, OUTBOUND_OF_RCPT));
    assert_false(outbound_has(w->limits, OUTBOUND_OF_SENDER));
    world_done(w);
    mem_free(w);
}

// A worker that died held what is nobody's now.
static void permits_of_the_dead_come_back(void **state)
{
    struct world *w = mem_new(struct world);
    struct step step = {.what = "remote"};
    (void)state;
    world_init(w, ONE "concurrency = 1\nkey = 'mx'\n");
    assert_null(attempt(w, &step, w->connection));
    assert_non_null(attempt(w, &step, w->other));
    limits_shared_forget(w->shared, 3);
    w->connection->held.all.count = 0;
    assert_null(attempt(w, &step, w->other));
    world_done(w);
    mem_free(w);
}

static void what_is_refused_is_not_held(void **state)
{
    struct world *w = mem_new(struct world);
    (void)state;
    world_init(w, "");
    assert_true(limits_hold(w->shared, 3, &w->connection->held, 77, 1));
    assert_false(limits_hold(w->shared, 3, &w->other->held, 77, 1));
    assert_false(outbound_permits_have(w->other, 77));
    assert_true(outbound_permits_have(w->connection, 77));
    world_done(w);
    mem_free(w);
}

static int64_t turn(struct world *w)
{
    return outbound_turn(w->limits, &w->last.why, w->last.wall_now_ms);
}

// outbound.md 29, 9: no thundering herd.
static struct err be_refused(void *arg)
{
    struct world *w = arg;
    struct step step = {.what = "remote"};
    const struct outbound_limiter *refused;
    assert_null(attempt(w, &step, w->connection));
    for (int64_t i = 1; i <= 3; i++) {
        refused = attempt(w, &step, w->connection);
        assert_non_null(refused);
        check_u64("in turn", (uint64_t)(turn(w) - NOW_MS), (uint64_t)(10000 * i));
        assert_int_equal(outbound_may_tell(w->limits, refused, NOW_MS + i), i == 1);
    }
    assert_true(outbound_may_tell(w->limits, refused, NOW_MS + 1 + SECOND_MS));
    step.mx = "mx2.example";
    assert_null(attempt(w, &step, w->connection));
    assert_non_null(attempt(w, &step, w->connection));
    check_u64("others have theirs", (uint64_t)(turn(w) - NOW_MS), 10000);
    step = (struct step){.what = "remote", .at_ms = HOUR_MS};
    assert_null(attempt(w, &step, w->connection));
    assert_non_null(attempt(w, &step, w->connection));
    check_u64("nobody waits any more", (uint64_t)(turn(w) - NOW_MS), HOUR_MS + 10000);
    for (size_t i = 0; i < 1000; i++) {
        assert_non_null(attempt(w, &step, w->connection));
        int64_t wait_ms = turn(w) - NOW_MS - HOUR_MS;
        assert_true(wait_ms > 0 && wait_ms <= HOUR_MS);
    }
    return OK;
}

static void who_is_refused_has_a_turn(void **state)
{
    struct world *w = mem_new(struct world);
    (void)state;
    world_init(w, ONE "rate = '6/1m'\nburst = 1\nkey = 'mx'\n");
    struct sim *sim = sim_new(1);
    assert_false(failed(sim_run(sim, be_refused, w)));
    sim_free(sim);
    world_done(w);
    mem_free(w);
}

static void tags_are_keys(void **state)
{
    static const char *const values[] = {"acme", "acme", "other", NULL, NULL};
    static const bool goes[] = {true, false, true, true, false};
    struct world *w = mem_new(struct world);
    (void)state;
    world_init(w, ONE "rate = '1/1h'\nkey = ['sender', 'tag.tenant']\n");
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct message_tag tag = {.name = S("tenant")};
        const struct message m = {.tags = &tag, .tag_count = values[i] != NULL};
        struct outbound_values v = {.sender = S("ann@a.example"), .message = &m};
        struct expr_env env = {0};
        if (values[i] != NULL)
            tag.value = str_from_c(values[i]);
        struct outbound_check c = {.stage = OUTBOUND_OF_SENDER,
                .values = &v,
                .env = &env,
                .amounts = {.messages = 1},
                .scratch = &w->scratch,
                .wall_now_ms = NOW_MS};
        assert_int_equal(outbound_take(w->limits, &c) == NULL, goes[i]);
    }
    world_done(w);
    mem_free(w);
}

// The route is known only when the recipients have one.
static void a_route_is_the_recipients(void **state)
{
    struct world *w = mem_new(struct world);
    (void)state;
    world_init(w,
            ONE "rate = '1/1h'\nkey = 'route'\n" ONE "rate = '1/1h'\nmatch = \"route == 'gw'\"\n");
    assert_true(outbound_has(w->limits, OUTBOUND_OF_RCPT));
    assert_false(outbound_has(w->limits, OUTBOUND_OF_SENDER));
    world_done(w);
    mem_free(w);
}

// --- Waiting -------------------------------------------------------------------------------------

static struct err close_later(void *arg)
{
    struct world *w = arg;
    TRY(task_sleep_ms(700));
    outbound_permits_free(w->connection);
    w->connection = NULL;
    return OK;
}

static struct err wait_for_permit(void *arg)
{
    struct world *w = arg;
    struct step step = {.what = "remote"};
    struct waitq freed;
    struct group g AUTO(group_end);
    int64_t began_ms = now_ms();
    group_begin(&g);
    waitq_init(&freed);
    outbound_tell_freed(w->limits, &freed);
    assert_null(attempt(w, &step, w->connection));
    assert_non_null(attempt(w, &step, w->other));
    const struct outbound_refusal why = w->last.why;
    assert_int_equal(why.most, 1);
    assert_int_equal(outbound_free_places(w->limits, why.counter, why.most), 0);
    assert_int_equal(outbound_free_places(w->limits, why.counter, 3), 2);
    assert_false(outbound_has_freed(w->limits));
    TRY(group_spawn(&g, close_later, w));
    TRY(waitq_wait(&freed, "a permit"));
    check_u64("as soon as it is free", (uint64_t)(now_ms() - began_ms), 700);
    assert_int_equal(outbound_free_places(w->limits, why.counter, why.most), 1);
    assert_true(outbound_has_freed(w->limits));
    assert_false(outbound_has_freed(w->limits));
    assert_null(attempt(w, &step, w->other));
    outbound_tell_freed(w->limits, NULL);
    return group_wait_all(&g);
}

static void permits_are_waited_for(void **state)
{
    struct world *w = mem_new(struct world);
    (void)state;
    world_init(w, ONE "concurrency = 1\nkey = 'mx'\n");
    struct sim *sim = sim_new(1);
    assert_false(failed(sim_run(sim, wait_for_permit, w)));
    sim_free(sim);
    world_done(w);
    mem_free(w);
}

// --- Recipients ----------------------------------------------------------------------------------

struct rcpt_world {
    struct world *w;
    struct outbound_check check;
    struct outbound_values values;
    struct attempt self;
    struct expr_env env;
};

static void rcpts_begin(struct rcpt_world *r, struct world *w)
{
    *r = (struct rcpt_world){.w = w, .values = {.rcpt_domain = S("b.example")}};
    r->self.values = &r->values;
    r->env = (struct expr_env){.self = &r->self, .ops = &attempt_ops};
    r->check = (struct outbound_check){.stage = OUTBOUND_OF_RCPT,
            .values = &r->values,
            .env = &r->env,
            .amounts = {.messages = 1, .recipients = 1, .bytes = 100},
            .of_each_rcpt = true,
            .scratch = &w->scratch,
            .wall_now_ms = NOW_MS};
}

static bool goes(struct rcpt_world *r, const char *rcpt)
{
    r->values.rcpt = str_from_c(rcpt);
    return outbound_take(r->w->limits, &r->check) == NULL;
}

static void each_recipient_has_an_answer(void **state)
{
    struct world *w = mem_new(struct world);
    struct rcpt_world first, second;
    (void)state;
    world_init(w, ONE "rate = '1/1h'\nkey = 'rcpt'\n" ONE "rate = '9/1h'\nkey = 'rcpt_domain'\n");
    rcpts_begin(&first, w);
    assert_true(outbound_asks_each(w->limits, &first.check));
    assert_true(goes(&first, "a@b.example"));
    assert_true(goes(&first, "b@b.example"));
    assert_int_equal(first.check.taken.count, 2); // the domain is not asked here
    rcpts_begin(&second, w);
    assert_false(goes(&second, "a@b.example"));
    assert_true(goes(&second, "c@b.example"));
    outbound_undo(w->limits, &first.check);
    assert_true(goes(&second, "a@b.example"));
    world_done(w);
    mem_free(w);
}

// Those who have a bucket in common pay for one message, and for each recipient.
static void a_message_is_paid_for_once(void **state)
{
    static const char *const units[] = {"messages", "bytes", "recipients"};
    static const int rates[] = {1, 100, 2};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        struct world *w = mem_new(struct world);
        struct rcpt_world first, second;
        struct arena a AUTO(arena_done);
        arena_init(&a, KIB);
        world_init(w, arena_c_str(&a, arena_fmt(&a,
                                              ONE "rate = '%d/1h'\nunit = '%s'\nmatch = "
                                                  "\"ends_with(rcpt, '@b.example')\"\n",
                                              rates[i], units[i])));
        rcpts_begin(&first, w);
        assert_true(goes(&first, "a@b.example"));
        assert_true(goes(&first, "b@b.example"));
        assert_int_equal(goes(&first, "c@b.example"), i < 2);
        rcpts_begin(&second, w);
        assert_false(goes(&second, "d@b.example"));
        outbound_undo(w->limits, &first.check);
        assert_true(goes(&second, "d@b.example"));
        world_done(w);
        mem_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(limiters),
            TEST(a_match_that_fails_applies),
            TEST(is_there_anything_to_ask),
            TEST(permits_of_the_dead_come_back),
            TEST(what_is_refused_is_not_held),
            TEST(who_is_refused_has_a_turn),
            TEST(tags_are_keys),
            TEST(a_route_is_the_recipients),
            TEST(permits_are_waited_for),
            TEST(each_recipient_has_an_answer),
            TEST(a_message_is_paid_for_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
