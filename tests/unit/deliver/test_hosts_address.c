// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_hosts_address.c: the addresses of a host, and who we are.
#include "hosts_fixture.h"

#include "listen/settings.h"

#define ROUNDS 200

static const char zone[] =
        "{'zone': 1, 'names': {"
        "'both.example': {'A': ['192.0.2.1'], 'AAAA': ['2001:db8::1'], '@ad': true},"
        "'four.example': {'A': ['192.0.2.1', '192.0.2.2', '192.0.2.1']},"
        "'six.example': {'AAAA': ['2001:db8::1']},"
        "'none.example': {'TXT': ['x']},"
        "'half.example': {'A': ['192.0.2.1'], 'AAAA': 'SERVFAIL'},"
        "'half6.example': {'A': 'TIMEOUT', 'AAAA': ['2001:db8::1']},"
        "'quarter.example': {'AAAA': 'SERVFAIL'},"
        "'quarter4.example': {'A': 'TIMEOUT'},"
        "'broken.example': 'SERVFAIL',"
        "'loopback.example': {'A': ['127.0.0.1', '192.0.2.1'], 'AAAA': ['::ffff:127.0.0.2', "
        "'::1']},"
        "'allloop.example': {'A': ['127.0.0.1']},"
        "'loopandmute.example': {'A': ['127.0.0.1'], 'AAAA': 'TIMEOUT'},"
        "'mapped.example': {'AAAA': ['::ffff:192.0.2.7']},"
        "'ours.example': {'A': ['203.0.113.1', '192.0.2.1']},"
        "'allours.example': {'A': ['203.0.113.1']},"
        "'alias.example': {'CNAME': ['alias2.example']},"
        "'alias2.example': {'CNAME': ['both.example']},"
        "'mixed.example': {'A': ['192.0.2.1'], 'AAAA': ['2001:db8::1']},"
        "'many.example': {'A': ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'], 'AAAA': "
        "['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8::4']}}}";

#define IMPLICIT 1
#define RELAY 2
#define WORKED6 4

// families: of each address. addresses: NULL where chance decides.
static const struct {
    const char *name, *host;
    enum ip_order order;
    uint32_t most;
    int flags;
    const char *families, *addresses;
} cases[] = {
        {"IPv4 first", "both.example", IP4_THEN_IP6, 2, 0, "46", "192.0.2.1:25 [2001:db8::1]:25"},
        {"IPv6 first", "both.example", IP6_THEN_IP4, 2, 0, "64", "[2001:db8::1]:25 192.0.2.1:25"},
        {"IPv4 only", "both.example", IP4_ONLY, 2, 0, "4", "192.0.2.1:25"},
        {"IPv6 only", "both.example", IP6_ONLY, 2, 0, "6", "[2001:db8::1]:25"},
        {"only one may be tried", "both.example", IP6_THEN_IP4, 1, 0, "6", "[2001:db8::1]:25"},
        {"one of the second family stays", "many.example", IP4_THEN_IP6, 3, 0, "446", NULL},
        {"also of IPv4", "many.example", IP6_THEN_IP4, 4, 0, "6664", NULL},
        {"not if only one may be tried", "many.example", IP4_THEN_IP6, 1, 0, "4", NULL},
        {"all, if so many may be tried", "many.example", IP4_THEN_IP6, 9, 0, "44446666", NULL},
        {"no limit in the route: ten", "many.example", IP6_THEN_IP4, 0, 0, "66664444", NULL},
        {"in turn", "many.example", IP_ALTERNATE, 5, 0, "46464", NULL},
        {"in turn, IPv6 worked last", "many.example", IP_ALTERNATE, 3, WORKED6, "646", NULL},
        {"in turn, and one family only", "six.example", IP_ALTERNATE, 3, 0, "6",
                "[2001:db8::1]:25"},
        {"no IPv4, nothing lost", "six.example", IP4_THEN_IP6, 2, 0, "6", "[2001:db8::1]:25"},
        {"an address twice counts once", "four.example", IP4_THEN_IP6, 9, 0, "44", NULL},
        {"neither", "none.example", IP4_THEN_IP6, 2, 0, "",
                "permanent dns 5.4.4 none.example: MX host has no address"},
        {"no such name", "nowhere.example", IP4_THEN_IP6, 2, 0, "",
                "permanent dns 5.4.4 nowhere.example: MX host has no address"},
        {"neither, implicit MX", "none.example", IP4_THEN_IP6, 2, IMPLICIT, "",
                "permanent dns 5.1.2 none.example: the domain has neither an MX nor an address"},
        {"neither, a relay: mail waits", "none.example", IP4_THEN_IP6, 2, RELAY, "",
                "temporary dns 4.4.3 none.example: the relay has no address in the DNS"},
        {"IPv6 only, and there is none", "four.example", IP6_ONLY, 2, 0, "",
                "permanent dns 5.4.4 four.example: host has no IPv6 address"},
        {"IPv4 only, and there is none", "six.example", IP4_ONLY, 2, 0, "",
                "permanent dns 5.4.4 six.example: host has no IPv4 address"},
        {"IPv4 only, and IPv6 is broken", "quarter.example", IP4_ONLY, 2, 0, "",
                "permanent dns 5.4.4 quarter.example: host has no IPv4 address"},
        {"one family broken, the other there", "half.example", IP6_THEN_IP4, 2, 0, "4",
                "192.0.2.1:25"},
        {"the other way round", "half6.example", IP4_THEN_IP6, 2, 0, "6", "[2001:db8::1]:25"},
        {"one family broken, the other not there", "quarter.example", IP4_THEN_IP6, 2, 0, "",
                "temporary dns 4.4.3 quarter.example: asking for AAAA of quarter.example: "
                "SERVFAIL: the fake DNS says so"},
        {"the other way round", "quarter4.example", IP4_THEN_IP6, 2, 0, "",
                "temporary dns 4.4.3 quarter4.example: asking for A of quarter4.example: TIMEOUT: "
                "the fake DNS says so"},
        {"both broken", "broken.example", IP4_THEN_IP6, 2, 0, "",
                "temporary dns 4.4.3 broken.example: asking for A of broken.example: SERVFAIL: the "
                "fake DNS says so"},
        {"loopback is left out, mapped as well", "loopback.example", IP6_THEN_IP4, 9, 0, "4",
                "192.0.2.1:25"},
        {"nothing but loopback", "allloop.example", IP4_THEN_IP6, 9, 0, "",
                "permanent dns 5.4.4 allloop.example: host address not usable"},
        {"a relay may be there", "allloop.example", IP4_THEN_IP6, 9, RELAY, "4", "127.0.0.1:25"},
        {"loopback, and the other family mute", "loopandmute.example", IP4_THEN_IP6, 9, 0, "",
                "temporary dns 4.4.3 loopandmute.example: asking for AAAA of loopandmute.example: "
                "TIMEOUT: the fake DNS says so"},
        {"mapped addresses are IPv4", "mapped.example", IP6_ONLY, 9, 0, "4", "192.0.2.7:25"},
        {"our own are left out", "ours.example", IP4_THEN_IP6, 9, 0, "4", "192.0.2.1:25"},
        {"nothing but our own", "allours.example", IP4_THEN_IP6, 9, 0, "",
                "temporary connection 4.4.6 allours.example: the host is this server itself"},
        {"a relay may be us", "allours.example", IP4_THEN_IP6, 9, RELAY, "4", "203.0.113.1:25"},
};

static struct nets *loopback_nets(void)
{
    static const char *const texts[] = {"127.0.0.0/8", "::1/128"};
    struct nets *nets = nets_new(1);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct ip_net net;
        bool cleared;
        assert_true(ip_net_parse(str_from_c(texts[i]), &net, &cleared));
        assert_true(nets_add(nets, &net, NETS_FOREVER));
    }
    return nets;
}

static void check_families(const char *name, const struct host_addresses *found, struct str want)
{
    assert_int_equal(found->count, want.len);
    for (size_t i = 0; i < found->count; i++)
        if (found->at[i].at.ip.family != want.ptr[i] - '0')
            check_failed("%s: address %zu is of the other family", name, i);
    for (size_t i = 0; i < found->count; i++)
        for (size_t k = 0; k < i; k++)
            assert_false(endpoint_eq(&found->at[i].at, &found->at[k].at));
}

static struct err find_all(struct resolver *r, void *nets)
{
    struct arena a AUTO(arena_done);
    struct buf got AUTO(buf_done);
    arena_init(&a, 4 * MIB);
    buf_init(&got, 16 * KIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct route route = {.type = ROUTE_MX,
                .addresses_max = cases[i].most,
                .ip_order = cases[i].order,
                .prohibited = nets};
        struct hosts_inputs in = {
                .resolver = r, .settings = &watchful, .self = &us, .route = &route};
        struct host host = {.name = str_from_c(cases[i].host),
                .port = 25,
                .is_implicit = (cases[i].flags & IMPLICIT) != 0,
                .is_exempt = (cases[i].flags & RELAY) != 0,
                .worked_last = (cases[i].flags & WORKED6) != 0 ? IP_V6 : IP_NONE};
        struct host_addresses found;
        buf_clear(&got);
        TRY(host_addresses_find(&in, &host, &a, &found));
        check_families(cases[i].name, &found, str_from_c(cases[i].families));
        add_addresses(&got, &found);
        if (cases[i].addresses != NULL)
            check_str(cases[i].name, buf_str(&got), str_from_c(cases[i].addresses));
        arena_reset(&a);
    }
    return OK;
}

static void hosts_have_addresses(void **state)
{
    struct nets *nets AUTO(nets_free_auto) = loopback_nets();
    (void)state;
    with_zone(zone, NULL, find_all, nets);
}

// --- Hosts that are addresses --------------------------------------------------------------------

static struct err find_places(struct resolver *r, void *nets)
{
    struct arena a AUTO(arena_done);
    struct buf got AUTO(buf_done);
    struct route route = {.type = ROUTE_MX, .prohibited = nets};
    struct hosts_inputs in = {.resolver = r, .settings = &watchful, .self = &us, .route = &route};
    struct host host = {.port = 25, .at = {.ip = {IP_V4, {127, 0, 0, 1}}, .port = 25}};
    struct host_addresses found;
    arena_init(&a, 4 * MIB);
    buf_init(&got, 16 * KIB);
    TRY(host_addresses_find(&in, &host, &a, &found));
    add_addresses(&got, &found);
    check_str("prohibited", buf_str(&got),
            S("permanent dns 5.4.4 127.0.0.1:25: host address not usable"));
    buf_clear(&got);
    host.is_exempt = true;
    TRY(host_addresses_find(&in, &host, &a, &found));
    add_addresses(&got, &found);
    check_str("of a relay", buf_str(&got), S("127.0.0.1:25"));
    buf_clear(&got);
    host.at = (struct endpoint){.unix_path = S("/run/lmtp")};
    TRY(host_addresses_find(&in, &host, &a, &found));
    add_addresses(&got, &found);
    check_str("a socket", buf_str(&got), S("unix:/run/lmtp"));
    return OK;
}

static void places_are_their_own_address(void **state)
{
    struct nets *nets AUTO(nets_free_auto) = loopback_nets();
    (void)state;
    with_zone(zone, NULL, find_places, nets);
}

// --- What DANE wants to know ---------------------------------------------------------------------

static const struct ip one4 = {IP_V4, {192, 0, 2, 1}};
static const struct ip one6 = {IP_V6, {0x20, 1, 0xd, 0xb8, [15] = 1}};
static const struct dns_addresses half_signed = {
        .ipv4 = {.answer = {.outcome = DNS_ANSWER, .dnssec = DNSSEC_INSECURE},
                .at = &one4,
                .count = 1},
        .ipv6 = {.answer = {.outcome = DNS_ANSWER, .dnssec = DNSSEC_SECURE},
                .at = &one6,
                .count = 1},
};

static struct err look_at_status(struct resolver *r, void *arg)
{
    struct arena a AUTO(arena_done);
    struct route route = {.type = ROUTE_MX};
    struct hosts_inputs in = {.resolver = r, .settings = &watchful, .self = &us, .route = &route};
    struct host host = {.name = S("both.example"), .port = 25};
    struct host_addresses found;
    (void)arg;
    arena_init(&a, 4 * MIB);
    TRY(host_addresses_find(&in, &host, &a, &found));
    assert_int_equal(found.dnssec, DNSSEC_SECURE);
    assert_int_equal(found.chain_count, 0);
    host.name = S("alias.example");
    TRY(host_addresses_find(&in, &host, &a, &found));
    assert_int_equal(found.chain_count, 2);
    check_str("chain", found.chain[1], S("both.example"));
    host.name = S("four.example");
    TRY(host_addresses_find(&in, &host, &a, &found));
    assert_int_equal(found.dnssec, DNSSEC_INSECURE);
    assert_int_equal(found.at[0].dnssec, DNSSEC_INSECURE);
    host.name = S("mixed.example"); // AAAA of it is forged: the other family counts
    TRY(host_addresses_find(&in, &host, &a, &found));
    assert_int_equal(found.count, 1);
    assert_int_equal(found.dnssec, DNSSEC_INSECURE);
    host.looked_up = &half_signed;
    TRY(host_addresses_find(&in, &host, &a, &found));
    assert_int_equal(found.dnssec, DNSSEC_SECURE);
    assert_int_equal(found.at[0].dnssec, DNSSEC_INSECURE);
    assert_int_equal(found.at[1].dnssec, DNSSEC_SECURE);
    host.looked_up = NULL;
    host.name = S("many.example"); // all of it is forged
    TRY(host_addresses_find(&in, &host, &a, &found));
    assert_int_equal(found.count, 0);
    assert_int_equal(found.dnssec, DNSSEC_BOGUS);
    assert_int_equal(found.trouble.verdict, CLIENT_TEMPORARY);
    return OK;
}

static void addresses_say_what_they_rest_on(void **state)
{
    struct list faults;
    struct dns_fault some = {.name = S("mixed.example"), .type = DNS_AAAA, .kind = DNS_FAULT_BOGUS};
    struct dns_fault all = {.name = S("many.example"), .kind = DNS_FAULT_BOGUS};
    (void)state;
    list_init(&faults);
    list_append(&faults, &some.link);
    list_append(&faults, &all.link);
    with_zone(zone, &faults, look_at_status, NULL);
}

static struct err count_firsts(struct resolver *r, void *arg)
{
    struct arena a AUTO(arena_done);
    struct route route = {.type = ROUTE_MX, .addresses_max = 2};
    struct hosts_inputs in = {.resolver = r, .settings = &watchful, .self = &us, .route = &route};
    struct host host = {.name = S("many.example"), .port = 25};
    size_t first[4] = {0}, second[4] = {0};
    (void)arg;
    arena_init(&a, 4 * MIB);
    for (size_t i = 0; i < ROUNDS; i++) {
        struct host_addresses found;
        arena_reset(&a);
        TRY(host_addresses_find(&in, &host, &a, &found));
        first[found.at[0].at.ip.bytes[3] - 1]++;
        second[found.at[1].at.ip.bytes[15] - 1]++;
    }
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        assert_in_range(first[i], ROUNDS / 8, ROUNDS / 2);
        assert_in_range(second[i], ROUNDS / 8, ROUNDS / 2);
    }
    return OK;
}

static void addresses_are_shuffled(void **state)
{
    (void)state;
    with_zone(zone, NULL, count_firsts, NULL);
}

static struct err look_at_time(struct resolver *r, void *arg)
{
    struct arena a AUTO(arena_done);
    struct route route = {.type = ROUTE_MX};
    struct hosts_inputs in = {.resolver = r, .settings = &watchful, .self = &us, .route = &route};
    struct host host = {.name = S("both.example"), .port = 25};
    struct host_addresses found;
    int64_t began_ms = now_ms();
    (void)arg;
    arena_init(&a, 4 * MIB);
    TRY(host_addresses_find(&in, &host, &a, &found));
    check_u64("both at once", (uint64_t)(now_ms() - began_ms), 3 * SECOND_MS);
    within_ms(1 * SECOND_MS);
    struct err late = host_addresses_find(&in, &host, &a, &found);
    assert_int_equal(late.kind, ERR_TIMEOUT);
    return OK;
}

static void families_are_asked_at_once(void **state)
{
    struct list faults;
    struct dns_fault slow = {.kind = DNS_FAULT_DELAY_ONLY, .delay_ms = 3 * SECOND_MS};
    (void)state;
    list_init(&faults);
    list_append(&faults, &slow.link);
    with_zone(zone, &faults, look_at_time, NULL);
}

// --- What lists of nothing come to ---------------------------------------------------------------

static void trouble_of_one_is_trouble_of_all(void **state)
{
    struct client_answer late = {.verdict = CLIENT_TEMPORARY, .outcome.text = S("late")};
    struct client_answer gone = {.verdict = CLIENT_PERMANENT, .outcome.text = S("gone")};
    struct client_answer so_far = {0};
    (void)state;
    hosts_note_unusable(&so_far, &gone);
    check_str("the first", so_far.outcome.text, S("gone"));
    hosts_note_unusable(&so_far, &late);
    check_str("temporary counts more", so_far.outcome.text, S("late"));
    hosts_note_unusable(&so_far, &gone);
    check_str("and stays", so_far.outcome.text, S("late"));
}

// --- Who we are ----------------------------------------------------------------------------------

#define BIND4(a, b, c, d, at_port)                                                                 \
    {                                                                                              \
        .bind.at = {.ip = {IP_V4, {a, b, c, d}}, .port = at_port }                                 \
    }
#define BIND_ALL6(at_port, only)                                                                   \
    {                                                                                              \
        .bind.at = {.ip = {IP_V6, {0}}, .port = at_port}, .v6only = only                           \
    }

static const struct listen_address of_mx[] = {BIND_ALL6(25, false), BIND4(198, 51, 100, 1, 587)};
static const struct listen_address of_old[] = {BIND4(0, 0, 0, 0, 24), BIND_ALL6(2525, true),
        {.bind = {.form = BIND_UNIX, .at.unix_path = S_INIT("/run/x")}}};
static const struct listener listeners[] = {
        {.host = S_INIT("MX.us.example"), .addresses = of_mx, .address_count = COUNT_OF(of_mx)},
        {.host = S_INIT("us.example"), .addresses = of_old, .address_count = COUNT_OF(of_old)},
};
static const struct listen_settings listening = {.host = S_INIT("us.example"),
        .listeners = listeners,
        .listener_count = COUNT_OF(listeners)};
static const struct source_address source = {.ehlo_name = S_INIT("out1.us.example")};
static const struct connection_strategy strategy = {.ehlo_name = S_INIT("out.B\xc3\xbc"
                                                                        "cher.example"),
        .sources = &source,
        .source_count = 1};
static const struct str self_name = S_INIT("old.example");
static const struct ip self_ip = {IP_V4, {203, 0, 113, 77}};
static const struct deliver_settings delivering = {.host = S_INIT("us.example"),
        .connections = &strategy,
        .connection_count = 1,
        .self_names = {&self_name, 1},
        .self_ips = &self_ip,
        .self_ip_count = 1};

static void add_self(struct buf *out, const struct self *self)
{
    for (size_t i = 0; i < self->names.count; i++)
        buf_fmt(out, "%.*s ", ARG(self->names.at[i]));
    for (size_t i = 0; i < self->count; i++) {
        endpoint_add(out, &self->at[i]);
        buf_add_byte(out, ' ');
    }
}

static struct err node_main(void *text)
{
    struct arena a AUTO(arena_done);
    struct self self;
    arena_init(&a, MIB);
    TRY(self_make(&a, &listening, &delivering, &self));
    add_self(text, &self);
    return OK;
}

static struct err run_node(void *arg)
{
    void **args = arg;
    struct node *n;
    struct sim_node what = {.name = S("us"),
            .ips = {{IP_V4, {192, 0, 2, 7}}, {IP_V6, {0x20, 1, 0xd, 0xb8, [15] = 7}}},
            .ip_count = 2,
            .main = node_main,
            .arg = args[1]};
    TRY(sim_node_add(args[0], &what, &n));
    TRY(sim_node_start(n));
    return sim_run_ms(args[0], 10);
}

static void we_are_names_and_places(void **state)
{
    struct buf got AUTO(buf_done);
    struct sim *sim = sim_new(1);
    (void)state;
    buf_init(&got, 16 * KIB);
    assert_false(failed(sim_run(sim, run_node, (void *[]){sim, &got})));
    sim_free(sim);
    check_str("self", buf_str(&got),
            S("us.example mx.us.example out.xn--bcher-kva.example out1.us.example old.example "
              "192.0.2.7:25 [2001:db8::7]:25 198.51.100.1:587 192.0.2.7:24 [2001:db8::7]:2525 "
              "203.0.113.77:0 "));
}

// Of the real machine we only know that it has no address twice.
static struct err ask_machine(void *arg)
{
    struct arena a AUTO(arena_done);
    const struct ip *ips;
    size_t count;
    (void)arg;
    arena_init(&a, MIB);
    TRY(net_own_ips(&a, &ips, &count));
    for (size_t i = 0; i < count; i++) {
        assert_true(ips[i].family == IP_V4 || ips[i].family == IP_V6);
        for (size_t k = 0; k < i; k++)
            assert_false(ip_eq(&ips[i], &ips[k]));
    }
    return OK;
}

static void machines_have_addresses(void **state)
{
    struct loop *loop = loop_new_real();
    (void)state;
    assert_non_null(loop);
    assert_false(failed(loop_run(loop, ask_machine, NULL)));
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(hosts_have_addresses),
            TEST(places_are_their_own_address),
            TEST(addresses_say_what_they_rest_on),
            TEST(addresses_are_shuffled),
            TEST(families_are_asked_at_once),
            TEST(trouble_of_one_is_trouble_of_all),
            TEST(we_are_names_and_places),
            TEST(machines_have_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
