// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_source.c: from which address, under which name; and what is remembered
// of addresses that cannot be used.
#include "../base/check.h"

#include "deliver/shape/source.h"
#include "rt/rt.h"
#include "rt/sim/sim.h"

#define ROUNDS 300
#define IP4(last) ((struct ip){IP_V4, {192, 0, 2, last}})
#define IP6(last) ((struct ip){IP_V6, {0x20, 1, 0xd, 0xb8, [15] = last}})

static const struct source_address mixed[] = {
        {.ip = {IP_V4, {192, 0, 2, 1}}},
        {.ip = {IP_V6, {0x20, 1, 0xd, 0xb8, [15] = 1}}, .ehlo_name = S_INIT("six.example")},
        {.ip = {IP_V4, {192, 0, 2, 2}}, .ehlo_name = S_INIT("two.example")},
        {.ip = {IP_V4, {192, 0, 2, 3}}},
};
static const struct connection_strategy none = {.ehlo_name = S_INIT("out.example")};
static const struct connection_strategy plain = {0};
static const struct connection_strategy only6 = {.sources = &mixed[1], .source_count = 1};
static const struct connection_strategy in_turn = {.ehlo_name = S_INIT("out.example"),
        .sources = mixed,
        .source_count = COUNT_OF(mixed),
        .select = SOURCE_ROUND_ROBIN};

static const struct {
    const char *name;
    const struct connection_strategy *strategy;
    const char *host;
    enum ip_family family;
    uint64_t turn;
    const char *chosen; // address, name
} cases[] = {
        {"nothing configured", &plain, "mx.example", IP_V4, 0, "unknown mx.example"},
        {"a name of the strategy", &none, "mx.example", IP_V4, 0, "unknown out.example"},
        {"a bare host name is no name", &plain, "localhost", IP_V4, 0, "unknown -"},
        {"no host name", &plain, "", IP_V4, 0, "unknown -"},
        {"a Unix socket", &in_turn, "mx.example", IP_NONE, 0, "unknown out.example"},
        {"the first", &in_turn, "mx.example", IP_V4, 0, "192.0.2.1 out.example"},
        {"the next has its own name", &in_turn, "mx.example", IP_V4, 1, "192.0.2.2 two.example"},
        {"the last", &in_turn, "mx.example", IP_V4, 2, "192.0.2.3 out.example"},
        {"and again", &in_turn, "mx.example", IP_V4, 3, "192.0.2.1 out.example"},
        {"the other family", &in_turn, "mx.example", IP_V6, 7, "2001:db8::1 six.example"},
        {"none of this family", &only6, "mx.example", IP_V4, 0, "unknown mx.example"},
};

static struct str shown(struct arena *a, const struct source *source)
{
    struct str ip = source->ip.family == IP_NONE ? S("unknown") : ip_text(a, &source->ip);
    struct str name = str_is_null(source->ehlo_name) ? S("-") : source->ehlo_name;
    return arena_fmt(a, "%.*s %.*s", ARG(ip), ARG(name));
}

static void sources_are_chosen(void **state)
{
    struct arena a AUTO(arena_done);
    struct sources s = {0};
    (void)state;
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct source_inputs in = {.strategy = cases[i].strategy,
                .host = str_from_c(cases[i].host),
                .family = cases[i].family,
                .turn = cases[i].turn};
        struct source source;
        struct source_refusal why;
        assert_true(source_choose(&s, &in, &a, 0, &source, &why));
        check_str(cases[i].name, shown(&a, &source), str_from_c(cases[i].chosen));
    }
}

static void a_missing_family_is_told_once(void **state)
{
    struct arena a AUTO(arena_done);
    struct sources s = {0};
    struct source source;
    struct source_refusal why;
    struct source_inputs in = {.strategy = &only6, .host = S("mx.example"), .family = IP_V4};
    (void)state;
    arena_init(&a, MIB);
    assert_true(source_choose(&s, &in, &a, 0, &source, &why));
    assert_true(source.warn_no_family);
    assert_true(source_choose(&s, &in, &a, 0, &source, &why));
    assert_false(source.warn_no_family);
    in.strategy = &none; // nobody has asked for a source there
    in.family = IP_V6;
    assert_true(source_choose(&s, &in, &a, 0, &source, &why));
    assert_false(source.warn_no_family);
}

// --- Modes ---------------------------------------------------------------------------------------

static const struct {
    const char *name;
    enum source_select select;
    bool by_sender, by_sender_domain, by_rcpt; // it spreads when these differ
    bool by_chance;
} modes[] = {
        {"random", SOURCE_RANDOM, true, true, true, true},
        {"by sender", SOURCE_HASH_SENDER, true, true, false, false},
        {"by the sender's domain", SOURCE_HASH_SENDER_DOMAIN, false, true, false, false},
        {"by the recipient's domain", SOURCE_HASH_RCPT_DOMAIN, false, false, true, false},
};

// Which sources are taken for many senders, or recipients; each name is asked for twice.
static void count(const struct connection_strategy *strategy, const char *sender_fmt,
        const char *rcpt_fmt, bool by_chance, size_t taken[3])
{
    struct arena a AUTO(arena_done);
    struct sources s = {0};
    arena_init(&a, 4 * MIB);
    for (size_t i = 0; i < ROUNDS; i++) {
        struct source first, second;
        struct source_refusal why;
        struct source_inputs in = {.strategy = strategy, .host = S("mx.example"), .family = IP_V4};
        in.sender = sender_fmt[0] == 'd' ? arena_fmt(&a, "a@d%zu.example", i)
                                         : arena_fmt(&a, "a%zu@same.example", i);
        in.rcpt_domain = rcpt_fmt[0] == 'd' ? arena_fmt(&a, "d%zu.example", i) : S("same.example");
        if (sender_fmt[0] == 's')
            in.sender = S("a@same.example");
        assert_true(source_choose(&s, &in, &a, 0, &first, &why));
        assert_true(source_choose(&s, &in, &a, 0, &second, &why));
        assert_true(by_chance || ip_eq(&first.ip, &second.ip));
        taken[first.ip.bytes[3] - 1]++;
    }
}

static void check_spread(const char *name, const size_t taken[3], bool spreads)
{
    size_t most = taken[0];
    for (size_t i = 1; i < 3; i++)
        most = taken[i] > most ? taken[i] : most;
    if (spreads ? most > ROUNDS / 2 : most != ROUNDS)
        check_failed("%s: %zu %zu %zu", name, taken[0], taken[1], taken[2]);
}

static struct err try_modes(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        struct connection_strategy strategy = in_turn;
        size_t by_sender[3] = {0}, by_domain[3] = {0}, by_rcpt[3] = {0};
        strategy.select = modes[i].select;
        count(&strategy, "local", "same", modes[i].by_chance, by_sender);
        count(&strategy, "domain", "same", modes[i].by_chance, by_domain);
        count(&strategy, "same", "domain", modes[i].by_chance, by_rcpt);
        check_spread(modes[i].name, by_sender, modes[i].by_sender);
        check_spread(modes[i].name, by_domain, modes[i].by_sender_domain);
        check_spread(modes[i].name, by_rcpt, modes[i].by_rcpt);
    }
    return OK;
}

static void in_a_world(task_main *main, void *arg)
{
    struct sim *sim = sim_new(3);
    assert_non_null(sim);
    struct err e = sim_run(sim, main, arg);
    check_str("the task", err_text(e), S(""));
    sim_free(sim);
}

static void modes_spread_by_what_they_say(void **state)
{
    (void)state;
    in_a_world(try_modes, NULL);
}

// outbound.md 28.3: mail of a tenant, or of a campaign, always comes from the same address, whoever
// its sender is; mail without the label goes by the domain of the sender.
static const struct {
    const char *name;
    enum source_select select;
    bool is_labelled, labels_differ; // by which it is spread
    bool other_label;                // which says nothing
    bool spreads;
} labels[] = {
        {"a tenant of many senders", SOURCE_HASH_TENANT, true, false, false, false},
        {"many tenants", SOURCE_HASH_TENANT, true, true, false, true},
        {"no tenant", SOURCE_HASH_TENANT, false, false, false, true},
        {"no tenant, and one campaign", SOURCE_HASH_TENANT, false, false, true, true},
        {"a campaign of many senders", SOURCE_HASH_CAMPAIGN, true, false, false, false},
        {"many campaigns", SOURCE_HASH_CAMPAIGN, true, true, false, true},
        {"no campaign, and one tenant", SOURCE_HASH_CAMPAIGN, false, false, true, true},
};

static void labels_keep_their_address(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(labels); i++) {
        struct arena a AUTO(arena_done);
        struct connection_strategy strategy = in_turn;
        struct sources s = {0};
        size_t taken[3] = {0};
        arena_init(&a, 4 * MIB);
        strategy.select = labels[i].select;
        bool by_tenant = labels[i].select == SOURCE_HASH_TENANT;
        for (size_t k = 0; k < ROUNDS; k++) {
            struct source source;
            struct source_refusal why;
            struct source_inputs in = {
                    .strategy = &strategy, .host = S("mx.example"), .family = IP_V4};
            struct str label = arena_fmt(&a, "l%zu", labels[i].labels_differ ? k : 1);
            in.sender = arena_fmt(&a, "a@d%zu.example", labels[i].labels_differ ? 1 : k);
            if (labels[i].is_labelled)
                *(by_tenant ? &in.tenant : &in.campaign) = label;
            if (labels[i].other_label)
                *(by_tenant ? &in.campaign : &in.tenant) = label;
            assert_true(source_choose(&s, &in, &a, 0, &source, &why));
            taken[source.ip.bytes[3] - 1]++;
        }
        check_spread(labels[i].name, taken, labels[i].spreads);
    }
}

// --- What is remembered --------------------------------------------------------------------------

static void bad_sources_rest(void **state)
{
    struct arena a AUTO(arena_done);
    struct sources s = {0};
    struct source first, other;
    struct source_refusal why;
    struct source_inputs in = {.strategy = &in_turn, .host = S("mx.example"), .family = IP_V4};
    struct err gone = fail(ERR_NOT_FOUND, "the source address cannot be used");
    (void)state;
    arena_init(&a, MIB);
    for (size_t i = 0; i < 3; i++) {
        assert_true(source_choose(&s, &in, &a, 1000, &first, &why));
        check_u64("another one", first.ip.bytes[3], i + 1);
        assert_true(source_note(&s, &first, &IP4(9), gone, 1000));
    }
    assert_false(source_choose(&s, &in, &a, 1000, &other, &why));
    assert_int_equal(why.answer.verdict, CLIENT_TEMPORARY);
    check_u64("an attempt", (uint64_t)why.until_ms, 0);
    assert_int_equal(why.answer.outcome.kind, FAILURE_IO);
    check_str("why", why.answer.outcome.text, S("source address 192.0.2.1 not available"));
    in.family = IP_V6;
    assert_true(source_choose(&s, &in, &a, 1000, &other, &why));
    in.family = IP_V4;
    assert_false(source_choose(&s, &in, &a, 1000 + SOURCE_BAD_MS - 1, &other, &why));
    assert_true(source_choose(&s, &in, &a, 1000 + SOURCE_BAD_MS, &other, &why));
}

// outbound.md 7.3. Whatever the turns say; but there may be no other.
static void a_retry_comes_from_another_one(void **state)
{
    struct arena a AUTO(arena_done);
    struct sources s = {0};
    struct source source;
    struct source_refusal why;
    struct source_inputs in = {
            .strategy = &in_turn, .host = S("mx.example"), .family = IP_V4, .before = IP4(2)};
    struct err gone = fail(ERR_NOT_FOUND, "the source address cannot be used");
    (void)state;
    arena_init(&a, MIB);
    for (in.turn = 0; in.turn < 6; in.turn++) {
        assert_true(source_choose(&s, &in, &a, 1000, &source, &why));
        assert_int_not_equal(source.ip.bytes[3], 2);
    }
    source_note(&s, &(struct source){.ip = IP4(1)}, &IP4(9), gone, 1000);
    source_note(&s, &(struct source){.ip = IP4(3)}, &IP4(9), gone, 1000);
    assert_true(source_choose(&s, &in, &a, 1000, &source, &why));
    check_u64("the only one", source.ip.bytes[3], 2);
}

static void bad_sources_have_a_bound(void **state)
{
    struct sources s = {0};
    struct err gone = fail(ERR_NOT_FOUND, "the source address cannot be used");
    (void)state;
    for (uint8_t i = 0; i <= SOURCES_BAD_MAX; i++) {
        source_note(&s, &(struct source){.ip = IP6(i)}, &IP6(200), gone, i);
        source_note(&s, &(struct source){.ip = IP6(i)}, &IP6(200), gone, i);
    }
    check_u64("count", s.bad_count, SOURCES_BAD_MAX);
    for (size_t i = 0; i < s.bad_count; i++) // the oldest has gone
        assert_int_not_equal(s.bad[i].ip.bytes[15], 0);
}

static const struct {
    const char *name;
    struct err end;
    bool ours;
    int64_t paused_until_ms, no_ip6_until_ms;
} ends[] = {
        {"connected", {0}, false, 0, 0},
        {"refused", fail(ERR_UNREACHABLE, "x"), false, 0, 0},
        {"too slow", fail(ERR_TIMEOUT, "x"), false, 0, 0},
        {"no descriptors", fail(ERR_LIMIT, "x"), true, 100 + SOURCE_PAUSE_MS, 0},
        {"no such device", fail(ERR_NOT_FOUND, "x"), true, 0, 0},
        {"no IPv6", fail(ERR_UNSUPPORTED, "x"), true, 0, 100 + SOURCE_BAD_MS},
};

static void ends_have_consequences(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct sources s = {0};
        bool ours = source_note(&s, &(struct source){0}, &IP6(1), ends[i].end, 100);
        assert_int_equal(ours, ends[i].ours);
        check_u64(ends[i].name, s.bad_count, 0); // where the system chooses there is no other
        check_u64(ends[i].name, (uint64_t)s.paused_until_ms, (uint64_t)ends[i].paused_until_ms);
        check_u64(ends[i].name, (uint64_t)s.no_ip6_until_ms, (uint64_t)ends[i].no_ip6_until_ms);
        assert_true(source_has_family(&s, &IP4(1), 100));
        assert_int_equal(source_has_family(&s, &IP6(1), 100), ends[i].no_ip6_until_ms == 0);
        assert_true(source_has_family(&s, &IP6(1), 100 + SOURCE_BAD_MS));
        source_note(&s, &(struct source){0}, &IP6(1), OK, 100); // somebody got through
        assert_true(source_has_family(&s, &IP6(1), 100));
    }
}

// --- Names ---------------------------------------------------------------------------------------

static void names_are_never_missing(void **state)
{
    struct arena a AUTO(arena_done);
    struct source named = {.ehlo_name = S("mx.example")}, unnamed = {0};
    struct ip six = IP6(1), four = IP4(1), nothing = {0};
    (void)state;
    arena_init(&a, MIB);
    check_str("a name", source_ehlo_name(&a, &named, &four), S("mx.example"));
    check_str("IPv4", source_ehlo_name(&a, &unnamed, &four), S("[192.0.2.1]"));
    check_str("IPv6", source_ehlo_name(&a, &unnamed, &six), S("[IPv6:2001:db8::1]"));
    check_str("a Unix socket", source_ehlo_name(&a, &unnamed, &nothing), S("localhost"));
}

// --- The machine has not got it ------------------------------------------------------------------

static struct err connect_from_elsewhere(void *arg)
{
    struct endpoint to = {.ip = {IP_V4, {127, 0, 0, 1}}, .port = 1};
    struct stream *stream;
    const struct ip *mine =
            arg; // TEST-NET-1 is on no machine; nor in the simulator's, but as given
    struct connect_options options = {.from = IP4(77)};
    struct err e = net_connect(&to, &options, &stream);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    options.from = *mine;
    e = net_connect(&to, &options, &stream);
    assert_int_equal(e.kind, ERR_UNREACHABLE);
    check_str("refused", err_text(e), S("connection refused"));
    return OK;
}

// A server behind a Unix socket that is not up is like any host that is not: tried again later.
static struct err connect_to_no_socket(void *arg)
{
    struct endpoint to = {.unix_path = S("/no/such/socket")};
    struct connect_options options = {0};
    struct stream *stream;
    (void)arg;
    struct err e = net_connect(&to, &options, &stream);
    assert_int_equal(e.kind, ERR_UNREACHABLE);
    check_str("missing", err_text(e), S("there is no such socket"));
    return OK;
}

static struct err run_node(void *sim)
{
    static const struct ip mine = {IP_V4, {192, 0, 2, 7}};
    struct node *n;
    struct sim_node what = {.name = S("us"),
            .ips = {mine},
            .ip_count = 1,
            .main = connect_from_elsewhere,
            .arg = (void *)(uintptr_t)&mine};
    TRY(sim_node_add(sim, &what, &n));
    TRY(sim_node_start(n));
    return sim_run_ms(sim, 1000);
}

static void foreign_addresses_are_not_found(void **state)
{
    struct sim *sim = sim_new(1);
    struct ip mine = {IP_V4, {127, 0, 0, 1}};
    (void)state;
    assert_false(failed(sim_run(sim, run_node, sim)));
    sim_free(sim);
    struct loop *loop = loop_new_real();
    assert_non_null(loop);
    assert_false(failed(loop_run(loop, connect_from_elsewhere, &mine)));
    assert_false(failed(loop_run(loop, connect_to_no_socket, NULL)));
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(sources_are_chosen),
            TEST(a_missing_family_is_told_once),
            TEST(modes_spread_by_what_they_say),
            TEST(labels_keep_their_address),
            TEST(bad_sources_rest),
            TEST(a_retry_comes_from_another_one),
            TEST(bad_sources_have_a_bound),
            TEST(ends_have_consequences),
            TEST(names_are_never_missing),
            TEST(foreign_addresses_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
