// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_pools.c: pools of source addresses as they are read, with everything that
// may be wrong about them; warm-ups by the calendar; and who takes over when an address is out.
#include "settings_fixture.h"

#include "deliver/shape/source.h"

#define USE "[queue.connection.default]\npool='p'\n"
#define POOL "[queue.pool.p]\n"
#define DAY(n) ((n) * (int64_t)DAY_MS)

static const struct {
    const char *name, *config;
    const char *found;
} mistakes[] = {
        {"a good one", USE POOL "sources=[{ip='192.0.2.1'},{ip='2001:db8::1',weight=3}]\n", ""},
        {"unknown pool", "[queue.connection.default]\npool='bulk'\n",
                "4:6: error: queue.connection.default.pool: queue.pool 'bulk' is not defined; add "
                "[queue.pool.\"bulk\"]\n"},
        {"unknown pool behind", USE POOL "sources=[{ip='192.0.2.1'}]\nfallback='q'\n",
                "7:10: error: queue.pool.p.fallback: queue.pool 'q' is not defined; add "
                "[queue.pool.\"q\"]; defined: p\n"},
        {"nobody uses it", POOL "sources=[{ip='192.0.2.1'}]\n",
                "4:10: warning: queue.pool.p.sources: no connection strategy uses this pool\n"},
        {"no sources", USE POOL "description='x'\n",
                "5:13: error: queue.pool.p.sources: this must be set\n"},
        {"empty", USE POOL "sources=[]\n",
                "6:9: error: queue.pool.p.sources: no address: { ip = \"192.0.2.1\" }\n"},
        {"no address", USE POOL "sources=[{weight=2}]\n",
                "6:10: error: queue.pool.p.sources: element 1 has no 'ip'\n"},
        {"not an address", USE POOL "sources=[{ip='mx.example'}]\n",
                "6:10: error: queue.pool.p.sources: element 1: invalid IP address \"mx.example\" "
                "(expected an IPv4 or IPv6 address)\n"},
        {"any address", USE POOL "sources=[{ip='0.0.0.0'}]\n",
                "6:10: error: queue.pool.p.sources: 0.0.0.0 is not usable as a source\n"},
        {"twice", USE POOL "sources=[{ip='192.0.2.1'},{ip='::ffff:192.0.2.1'}]\n",
                "6:27: error: queue.pool.p.sources: duplicate: 192.0.2.1\n"},
        {"on no interface", USE POOL "sources=[{ip='192.0.2.1'},{ip='192.0.2.9'}]\n",
                "6:27: warning: queue.pool.p.sources: no interface of this machine has "
                "192.0.2.9\n"},
        {"on no interface, which is meant",
                "[queue.connection.default]\npool='p'\nfreebind=true\n" POOL
                "sources=[{ip='192.0.2.9'}]\n",
                ""},
        {"no weight", USE POOL "sources=[{ip='192.0.2.1',weight=0}]\n",
                "6:10: error: queue.pool.p.sources: element 1: \"0\" is out of range: 1 to "
                "1000\n"},
        {"a name with a space", USE POOL "sources=[{ip='192.0.2.1',ehlo='bad host'}]\n",
                "6:10: error: queue.pool.p.sources: element 1: invalid host name \"bad host\" "
                "(labels are letters, digits and inner hyphens)\n"},
        {"unknown plan",
                USE POOL "sources=[{ip='192.0.2.1',warmup-start='2026-03-01',warmup-plan='isp'}]\n",
                "6:10: error: queue.pool.p.sources: queue.warmup 'isp' is not defined; add "
                "[queue.warmup.\"isp\"]\n"},
        {"no day",
                USE POOL "sources=[{ip='192.0.2.1',warmup-start='1.3.2026',warmup-plan='w'}]\n"
                         "[queue.warmup.w]\ndays=[50]\n",
                "6:10: error: queue.pool.p.sources: invalid warmup-start \"1.3.2026\" (expected a "
                "day such as \"2026-03-01\")\n"},
        {"no such day",
                USE POOL "sources=[{ip='192.0.2.1',warmup-start='2026-02-30',warmup-plan='w'}]\n"
                         "[queue.warmup.w]\ndays=[50]\n",
                "6:10: error: queue.pool.p.sources: invalid warmup-start \"2026-02-30\" (expected "
                "a day such as \"2026-03-01\")\n"},
        {"no plan", USE POOL "sources=[{ip='192.0.2.1',warmup-start='2026-03-01'}]\n",
                "6:10: error: queue.pool.p.sources: 192.0.2.1 has a warmup-start and no "
                "warmup-plan: a warm-up needs both\n"},
        {"no start",
                USE POOL "sources=[{ip='192.0.2.1',warmup-plan='w'}]\n[queue.warmup.w]\n"
                         "days=[50]\n",
                "6:10: error: queue.pool.p.sources: 192.0.2.1 has a warmup-plan and no "
                "warmup-start: a warm-up needs both\n"},
        {"a plan without days", "[queue.warmup.w]\ndays=[]\n",
                "4:6: error: queue.warmup.w.days: no day: how many messages may go to one provider "
                "on the first, the second, ...\n"},
        {"a day of less than none", "[queue.warmup.w]\ndays=[5,-1]\n",
                "4:9: error: queue.warmup.w.days: element 2: \"-1\" is out of range: 0 to "
                "1000000000\n"},
        {"behind itself", USE POOL "sources=[{ip='192.0.2.1'}]\nfallback='p'\n",
                "7:10: error: queue.pool.p.fallback: 'p' comes back to this pool\n"},
        {"in a circle, and one that leads there",
                USE POOL "sources=[{ip='192.0.2.1'}]\nfallback='q'\n"
                         "[queue.pool.q]\nsources=[{ip='192.0.2.1'}]\nfallback='r'\n"
                         "[queue.pool.r]\nsources=[{ip='192.0.2.1'}]\nfallback='q'\n",
                "10:10: error: queue.pool.q.fallback: 'r' comes back to this pool\n"
                "13:10: error: queue.pool.r.fallback: 'q' comes back to this pool\n"},
        {"both ways",
                "[queue.connection.default]\npool='p'\nsource-ips=['192.0.2.1']\n" POOL
                "sources=[{ip='192.0.2.1'}]\n",
                "5:13: error: queue.connection.default.source-ips: its addresses are those of the "
                "pool 'p': one of the two is too much\n"},
        {"warmed up here, and not there",
                USE POOL "sources=[{ip='192.0.2.1'}]\nfallback='q'\n"
                         "[queue.pool.q]\n"
                         "sources=[{ip='192.0.2.1',warmup-start='2026-03-01',warmup-plan='w'}]\n"
                         "[queue.warmup.w]\ndays=[1]\n",
                "9:10: warning: queue.pool.q.sources: 192.0.2.1 is warmed up in another way in "
                "queue.pool.p: what goes from here counts there\n"},
        {"options out of range",
                "[queue.connection.default]\ntos=256\nmss=20\nkeepalive='1s'\nfwmark=-1\n",
                "4:5: error: queue.connection.default.tos: \"256\" is out of range: 1 to 255\n"
                "5:5: error: queue.connection.default.mss: \"20\" is out of range: 88 to 32767\n"
                "6:11: error: queue.connection.default.keepalive: \"1s\" is out of range: 10000 "
                "to 2147483000 ms\n"
                "7:8: error: queue.connection.default.fwmark: \"-1\" is out of range: 1 to "
                "4294967295\n"},
        {"no such interface", "[queue.connection.default]\nbind-device='nosuch0'\n",
                "4:13: warning: queue.connection.default.bind-device: this machine has no "
                "interface \"nosuch0\"\n"},
};

static void mistakes_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(mistakes); i++)
        check_findings(mistakes[i].name, mistakes[i].config, mistakes[i].found);
}

static void pools_are_read(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f,
            USE "tos=32\nfwmark=7\nmss=1200\nkeepalive=false\nnodelay=false\n"
                "[queue.source-ip.\"192.0.2.1\"]\nehlo-hostname='one.example.org'\n" POOL
                "sources=[{ip='192.0.2.1'},"
                "{ip='2001:db8::1',ehlo='six.example.org',weight=5,warmup-start='1970-01-11',"
                "warmup-plan='w'}]\nfallback='q'\n"
                "[queue.pool.q]\nsources=[{ip='192.0.2.1',weight=2}]\n"
                "[queue.warmup.w]\ndays=[10,0,30]\n");
    check_u64("findings", f.findings.all.count, 0);
    const struct connection_strategy *c = connection_named(&f.settings, S("default"));
    assert_non_null(c->pool);
    check_str("pool", c->pool->id, S("p"));
    check_str("behind it", c->pool->fallback->id, S("q"));
    assert_null(c->pool->fallback->fallback);
    check_u64("addresses", c->source_count, 2);
    check_str("a name by address", c->sources[0].ehlo_name, S("one.example.org"));
    check_str("a name of its own", c->sources[1].ehlo_name, S("six.example.org"));
    check_u64("weight", c->sources[0].weight, 1);
    check_u64("weight", c->sources[1].weight, 5);
    check_u64("start", (uint64_t)c->sources[1].warmup_from_ms, (uint64_t)DAY(10));
    check_u64("days", c->sources[1].warmup->day_count, 3);
    check_u64("tos", (uint64_t)c->stream.tos4, 32);
    check_u64("tos", (uint64_t)c->stream.tos6, 32);
    check_u64("fwmark", c->fwmark, 7);
    check_u64("mss", (uint64_t)c->mss, 1200);
    assert_int_equal(c->stream.keepalive_ms, 0);
    assert_false(c->stream.nodelay);
    fixture_done(&f);
}

// --- Warm-ups ------------------------------------------------------------------------------------

static const struct {
    const char *name;
    int64_t wall_ms;
    uint32_t allowance;
} days[] = {
        {"the last moment before", DAY(10) - 1, 0},
        {"the first moment", DAY(10), 10},
        {"the last one of day 1", DAY(11) - 1, 10},
        {"a day of rest", DAY(11), 0},
        {"the last day", DAY(12), 30},
        {"it is over", DAY(13), WARMUP_NO_LIMIT},
};

static void days_have_their_allowance(void **state)
{
    static const uint32_t of_plan[] = {10, 0, 30};
    static const struct warmup_plan plan = {.days = of_plan, .day_count = 3};
    const struct source_address one = {.warmup = &plan, .warmup_from_ms = DAY(10)};
    const struct source_address old = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(days); i++)
        check_u64(days[i].name, warmup_allowance(&one, days[i].wall_ms), days[i].allowance);
    check_u64("no plan", warmup_allowance(&old, 0), WARMUP_NO_LIMIT);
}

static void places_are_counted_by_provider_and_day(void **state)
{
    static const uint32_t of_plan[] = {2, 3};
    static const struct warmup_plan plan = {.days = of_plan, .day_count = 2};
    const struct source_address one = {
            .ip = {IP_V4, {192, 0, 2, 1}}, .warmup = &plan, .warmup_from_ms = DAY(10)};
    struct limits_shared *s = mem_new(struct limits_shared);
    struct warmup_place place, other;
    (void)state;
    assert_non_null(s);
    limits_shared_init(s, 7);
    assert_true(warmup_take(s, &one, S("gmail"), DAY(10), &place));
    assert_true(warmup_take(s, &one, S("gmail"), DAY(10) + 1, &other));
    assert_false(warmup_has_room(s, &one, S("gmail"), DAY(10)));
    assert_false(warmup_take(s, &one, S("gmail"), DAY(10), &other));
    assert_true(warmup_has_room(s, &one, S("yahoo"), DAY(10)));
    warmup_give(s, &place);
    warmup_give(s, &place); // once is enough
    assert_true(warmup_take(s, &one, S("gmail"), DAY(10), &place));
    assert_false(warmup_take(s, &one, S("gmail"), DAY(11) - 1, &other));
    for (size_t i = 0; i < 3; i++)
        assert_true(warmup_take(s, &one, S("gmail"), DAY(11), &other));
    assert_false(warmup_take(s, &one, S("gmail"), DAY(11), &other));
    warmup_give(s, &place); // of yesterday: nobody's today
    assert_false(warmup_take(s, &one, S("gmail"), DAY(11), &other));
    assert_true(warmup_take(s, &one, S("gmail"), DAY(12), &other));
    assert_false(other.is_counted);
    mem_free(s);
}

// --- Who takes over ------------------------------------------------------------------------------

static const uint32_t one_a_day[] = {1, 1};
static const struct warmup_plan slow = {.days = one_a_day, .day_count = 2};
static const struct source_address behind_at[] = {
        {.ip = {IP_V4, {192, 0, 2, 9}}}, {.ip = {IP_V6, {0x20, 1, 0xd, 0xb8, [15] = 9}}}};
static const struct source_pool behind = {
        .id = S_INIT("old"), .sources = behind_at, .source_count = 2};
static const struct source_address front_at[] = {
        {.ip = {IP_V4, {192, 0, 2, 1}}, .warmup = &slow, .warmup_from_ms = DAY(10)},
        {.ip = {IP_V4, {192, 0, 2, 2}}, .warmup = &slow, .warmup_from_ms = DAY(10)}};
static const struct source_pool front = {
        .id = S_INIT("new"), .sources = front_at, .source_count = 2, .fallback = &behind};
static const struct source_pool alone = {
        .id = S_INIT("alone"), .sources = front_at, .source_count = 2};

struct choosing_world {
    struct arena arena;
    struct limits_shared *shared;
    struct sources sources;
    struct connection_strategy strategy;
    struct source_inputs in;
    struct suspensions suspended;
    struct suspend_values known;
};

static void world_init(struct choosing_world *w, const struct source_pool *pool)
{
    *w = (struct choosing_world){.shared = mem_new(struct limits_shared)};
    assert_non_null(w->shared);
    limits_shared_init(w->shared, 7);
    arena_init(&w->arena, MIB);
    w->strategy = (struct connection_strategy){.pool = pool,
            .sources = pool->sources,
            .source_count = pool->source_count,
            .select = SOURCE_ROUND_ROBIN};
    w->in = (struct source_inputs){.strategy = &w->strategy,
            .host = S("mx.example"),
            .family = IP_V4,
            .provider = S("gmail"),
            .wall_now_ms = DAY(10) + HOUR_MS,
            .shared = w->shared,
            .suspended = &w->suspended,
            .known = &w->known};
}

static void world_done(struct choosing_world *w)
{
    mem_free(w->shared);
    arena_done(&w->arena);
}

// "pool address", or the end of a wait in hours from midnight of day 10, or "bad".
static struct str chosen(struct choosing_world *w, struct source *source)
{
    struct source_refusal why;
    struct arena *a = &w->arena;
    if (source_choose(&w->sources, &w->in, a, 1000, source, &why))
        return arena_fmt(a, "%.*s %.*s", ARG(source->pool),
                ARG(source->ip.family == IP_NONE ? S("any") : ip_text(a, &source->ip)));
    if (why.until_ms == 0)
        return S("bad");
    check_str("not our fault", why.answer.outcome.enhanced, S("4.4.5"));
    return arena_fmt(a, "%lld h", (long long)((why.until_ms - DAY(10)) / HOUR_MS));
}

static void what_is_too_much_goes_to_the_next(void **state)
{
    struct choosing_world w;
    struct source source, first;
    (void)state;
    world_init(&w, &front);
    check_str("the first", chosen(&w, &first), S("new 192.0.2.1"));
    check_str("the next", chosen(&w, &source), S("new 192.0.2.2"));
    check_str("the pool behind", chosen(&w, &source), S("old 192.0.2.9"));
    check_str("as often as it takes", chosen(&w, &source), S("old 192.0.2.9"));
    source_unused(w.shared, &first);
    check_str("given back", chosen(&w, &source), S("new 192.0.2.1"));
    w.in.provider = S("yahoo");
    check_str("another provider", chosen(&w, &source), S("new 192.0.2.1"));
    w.in.family = IP_V6;
    check_str("a family only behind", chosen(&w, &source), S("old 2001:db8::9"));
    w.in.family = IP_V4;
    w.in.provider = S("gmail");
    w.in.wall_now_ms = DAY(11);
    check_str("the next day", chosen(&w, &source), S("new 192.0.2.1"));
    world_done(&w);
}

static void without_a_pool_behind_mail_waits(void **state)
{
    struct choosing_world w;
    struct source source;
    (void)state;
    world_init(&w, &alone);
    check_str("the first", chosen(&w, &source), S("alone 192.0.2.1"));
    check_str("the next", chosen(&w, &source), S("alone 192.0.2.2"));
    check_str("until tomorrow", chosen(&w, &source), S("24 h"));
    w.in.wall_now_ms = DAY(9);
    check_str("before it begins", chosen(&w, &source), S("0 h"));
    w.in.wall_now_ms = DAY(10) + HOUR_MS;
    source_note(&w.sources, &(struct source){.ip = front_at[0].ip}, &front_at[0].ip,
            fail(ERR_NOT_FOUND, "x"), 1000);
    check_str("one may be back in a minute", chosen(&w, &source), S("1 h"));
    w.in.family = IP_V6;
    check_str("a family that nobody has", chosen(&w, &source), S(" any"));
    world_done(&w);
}

static void suspended_addresses_leave_the_rotation(void **state)
{
    struct choosing_world w;
    struct source source;
    (void)state;
    world_init(&w, &front);
    struct suspension *one = vec_add(&w.arena, &w.suspended.all);
    assert_non_null(one);
    *one = (struct suspension){.kind = SUSPEND_STOP,
            .scope = {[SUSPEND_SOURCE_IP] = S("192.0.2.1")},
            .until_ms = DAY(10) + 2 * HOUR_MS};
    check_str("the other one", chosen(&w, &source), S("new 192.0.2.2"));
    check_str("the pool behind", chosen(&w, &source), S("old 192.0.2.9"));
    one->scope[SUSPEND_SOURCE_IP] = S("192.0.2.9");
    check_str("not any more", chosen(&w, &source), S("new 192.0.2.1"));
    check_str("all are out: looked at again in a quarter", chosen(&w, &source), S("1 h"));
    one->until_ms = NEVER_MS;
    check_str("for good: the same", chosen(&w, &source), S("1 h"));
    one->scope[SUSPEND_MX_SITE] = S("yahoo");
    w.known.scope[SUSPEND_MX_SITE] = S("gmail");
    check_str("only towards another provider", chosen(&w, &source), S("old 192.0.2.9"));
    world_done(&w);
}

static void turns_are_an_attempts(void **state)
{
    struct connection_strategy both[2] = {{.select = SOURCE_ROUND_ROBIN}};
    const struct deliver_settings settings = {.connections = both, .connection_count = 2};
    struct arena a AUTO(arena_done);
    struct sources s;
    (void)state;
    arena_init(&a, MIB);
    sources_init(&s, &a, &settings);
    for (uint64_t i = 0; i < 3; i++) {
        struct source_turn attempt = {0};
        check_u64("its turn", source_turn(&s, &settings, &both[0], &attempt), i);
        check_u64(
                "the same for the next address", source_turn(&s, &settings, &both[0], &attempt), i);
    }
    struct source_turn attempt = {0};
    check_u64("another strategy counts its own", source_turn(&s, &settings, &both[1], &attempt), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(mistakes_are_told),
            TEST(pools_are_read),
            TEST(days_have_their_allowance),
            TEST(places_are_counted_by_provider_and_day),
            TEST(what_is_too_much_goes_to_the_next),
            TEST(without_a_pool_behind_mail_waits),
            TEST(suspended_addresses_leave_the_rotation),
            TEST(turns_are_an_attempts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
