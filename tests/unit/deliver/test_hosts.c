// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_hosts.c: the hosts of domains and relays, from a zone file.
#include "hosts_fixture.h"

#define ROUNDS 200

static const struct route plain = {
        .id = S_INIT("mx"), .type = ROUTE_MX, .hosts_max = 5, .implicit_mx = true, .port = 25};
static const struct route two = {.type = ROUTE_MX, .hosts_max = 2, .implicit_mx = true, .port = 25};
static const struct route no_implicit = {.type = ROUTE_MX, .hosts_max = 5, .port = 25};
static const struct route literals = {
        .type = ROUTE_MX, .hosts_max = 5, .allow_literals = true, .accept_mx_ip = true, .port = 25};
static const struct route gateway = {
        .type = ROUTE_MX, .hosts_max = 5, .mx_domain = S_INIT("down.example"), .port = 25};
static const struct route other_port = {
        .type = ROUTE_MX, .hosts_max = 5, .implicit_mx = true, .port = 2525};

static const char zone[] =
        "{'zone': 1, 'names': {"
        "'up.example': {'MX': [[10, 'a.up.example'], [20, 'b.up.example'], [30, 'c.up.example']]},"
        "'down.example': {'MX': [[30, 'C.Up.example.'], [20, 'b.up.example'], [10, "
        "'a.up.example']], '@ad': true},"
        "'twice.example': {'MX': [[30, 'a.up.example'], [20, 'b.up.example'], [10, "
        "'A.up.example']]},"
        "'null.example': {'MX': [[0, '']]},"
        "'null7.example': {'MX': [[7, '']]},"
        "'nullandmore.example': {'MX': [[0, ''], [10, 'a.up.example']]},"
        "'nomx.example': {'A': ['192.0.2.9'], '@ad': true},"
        "'broken.example': {'MX': 'SERVFAIL', 'A': ['192.0.2.9']},"
        "'mute.example': {'MX': 'TIMEOUT', 'A': ['192.0.2.9']},"
        "'forged.example': {'MX': [[10, 'a.up.example']], '@ad': true},"
        "'alias.example': {'CNAME': ['alias2.example']},"
        "'alias2.example': {'CNAME': ['up.example']},"
        "'aliasnomx.example': {'CNAME': ['nomx.example']},"
        "'l0.example': {'CNAME': ['l1.example']}, 'l1.example': {'CNAME': ['l2.example']},"
        "'l2.example': {'CNAME': ['l3.example']}, 'l3.example': {'CNAME': ['l4.example']},"
        "'l4.example': {'CNAME': ['l5.example']}, 'l5.example': {'CNAME': ['l6.example']},"
        "'l6.example': {'CNAME': ['l7.example']}, 'l7.example': {'CNAME': ['l8.example']},"
        "'l8.example': {'CNAME': ['up.example']},"
        "'ip.example': {'MX': [[10, '192.0.2.77'], [20, 'a.up.example']]},"
        "'odd.example': {'MX': [[5, 'a b.example'], [6, 'under_score.example']]},"
        "'allodd.example': {'MX': [[5, 'a b.example'], [6, 'a\\\\\\\\b.example']]},"
        "'xn--bcher-kva.example': {'MX': [[10, 'xn--mx-eka.example']]},"
        "'xn--junk.example': {'MX': [[10, 'a.up.example']]},"
        "'own.example': {'MX': [[10, 'Us.example'], [10, 'a.up.example'], [20, 'b.up.example']]},"
        "'backup.example': {'MX': [[10, 'a.up.example'], [20, 'us.example'], [20, 'b.up.example'],"
        " [30, 'c.up.example']]},"
        "'us.example': {'A': ['203.0.113.1']},"
        "'byaddress.example': {'MX': [[10, 'a.up.example'], [20, 'hidden.example'], [20, "
        "'b.up.example']]},"
        "'byaddress6.example': {'MX': [[10, 'hidden6.example']]},"
        "'bynat.example': {'MX': [[10, 'nat.example']]},"
        "'byother.example': {'MX': [[10, 'other.example']]},"
        "'cutandus.example': {'MX': [[10, 'a.up.example'], [20, 'b.up.example'], [20, "
        "'hidden.example'], [20, 'c.up.example']]},"
        "'beyondcut.example': {'MX': [[10, 'a.up.example'], [20, 'b.up.example'], [30, "
        "'hidden.example']]},"
        "'sleepy.example': {'MX': [[10, 'a.up.example'], [20, 'sleepy-mx.example']]},"
        "'hidden.example': {'A': ['198.51.100.3', '203.0.113.1']},"
        "'hidden6.example': {'AAAA': ['2001:db8::99']},"
        "'nat.example': {'A': ['203.0.113.9']},"
        "'other.example': {'A': ['203.0.113.2']},"
        "'a.up.example': {'A': ['192.0.2.1']}, 'b.up.example': {'A': ['192.0.2.2']},"
        "'c.up.example': {'A': ['192.0.2.3']}, 'sleepy-mx.example': {'A': ['203.0.113.1']}}}";

#define LOOP(domain)                                                                               \
    "permanent connection 5.4.6 " domain ": mail for " domain " loops back to this server"

static const struct {
    const char *name, *domain;
    const struct route *route;
    const char *hosts;
} cases[] = {
        {"in the order of preference", "up.example", &plain,
                "10 a.up.example, 20 b.up.example, 30 c.up.example"},
        {"whatever the order of the answer", "Down.Example", &plain,
                "10 a.up.example, 20 b.up.example, 30 c.up.example"},
        {"twice in the list: once, with the best preference", "twice.example", &plain,
                "10 a.up.example, 20 b.up.example"},
        {"cut to the limit", "down.example", &two, "10 a.up.example, 20 b.up.example"},
        {"another domain's MX", "up.example", &gateway,
                "10 a.up.example, 20 b.up.example, 30 c.up.example"},
        {"null MX", "null.example", &plain,
                "permanent dns 5.1.10 null.example: domain does not accept mail (null MX)"},
        {"null MX of another preference", "null7.example", &plain,
                "permanent dns 5.1.10 null7.example: domain does not accept mail (null MX)"},
        {"null MX beside others", "nullandmore.example", &plain, "10 a.up.example"},
        {"implicit MX", "nomx.example", &plain, "0 nomx.example implicit"},
        {"implicit MX switched off", "nomx.example", &no_implicit,
                "permanent dns 5.4.4 nomx.example: the domain has no MX"},
        {"no such domain: no implicit MX", "nowhere.example", &plain,
                "permanent dns 5.1.2 nowhere.example: the domain does not exist"},
        {"SERVFAIL is never an implicit MX", "broken.example", &plain,
                "temporary dns 4.4.3 broken.example: asking for MX of broken.example: SERVFAIL: "
                "the fake DNS says so"},
        {"nor a timeout", "mute.example", &plain,
                "temporary dns 4.4.3 mute.example: asking for MX of mute.example: TIMEOUT: the "
                "fake DNS says so"},
        {"CNAMEs at the domain", "alias.example", &plain,
                "10 a.up.example, 20 b.up.example, 30 c.up.example"},
        {"CNAME and no MX", "aliasnomx.example", &plain, "0 aliasnomx.example implicit"},
        {"eight CNAMEs", "l1.example", &plain, "10 a.up.example, 20 b.up.example, 30 c.up.example"},
        {"nine", "l0.example", &plain, "temporary dns 4.4.3 l0.example: too many CNAMEs in a row"},
        {"an MX that looks like an address is a name", "ip.example", &plain,
                "10 192.0.2.77, 20 a.up.example"},
        {"unless it is wanted", "ip.example", &literals, "10 192.0.2.77:25, 20 a.up.example"},
        {"names that are none are left out", "odd.example", &plain, "6 under_score.example"},
        {"and if there are no others", "allodd.example", &plain,
                "permanent dns 5.4.4 allodd.example: no MX of the domain can be a host"},
        {"a name beyond ASCII; the MX as published",
                "B\xc3\x9c"
                "cher.example",
                &plain, "10 xn--mx-eka.example"},
        {"what only looks like an A-label", "xn--junk.example", &plain, "10 a.up.example"},
        {"what no mapping allows",
                "a\xe2\x80\x80"
                "b.example",
                &plain,
                "permanent dns 5.1.2 a\xe2\x80\x80"
                "b.example: this can be no domain"},
        {"no UTF-8", "a\xff.example", &plain,
                "permanent dns 5.1.2 a\xff.example: this can be no domain"},
        {"no domain", "", &plain, "permanent dns 5.1.2 : this can be no domain"},
        {"the root", ".", &plain, "permanent dns 5.1.2 .: this can be no domain"},
        {"an empty label", "a..example", &plain,
                "permanent dns 5.1.2 a..example: this can be no domain"},
        {"a blank", "a b.example", &plain,
                "permanent dns 5.1.2 a b.example: this can be no domain"},
        {"a label of 64",
                "0123456789012345678901234567890123456789012345678901234567890123.example", &plain,
                "permanent dns 5.1.2 "
                "0123456789012345678901234567890123456789012345678901234567890123.example: this "
                "can be no domain"},
        {"a literal", "[192.0.2.5]", &literals, "0 192.0.2.5:25"},
        {"a literal of IPv6", "[IPv6:2001:db8::5]", &literals, "0 [2001:db8::5]:25"},
        {"a literal that is none", "[192.0.2]", &literals,
                "permanent dns 5.1.2 [192.0.2]: mail to address literals is not sent"},
        {"literals are not allowed", "[192.0.2.5]", &plain,
                "permanent dns 5.1.2 [192.0.2.5]: mail to address literals is not sent"},
        {"a literal that is us", "[203.0.113.1]", &literals, LOOP("[203.0.113.1]")},
        {"we are the best", "own.example", &plain, LOOP("own.example")},
        {"we are a backup: better ones only", "backup.example", &plain, "10 a.up.example"},
        {"we are the implicit MX", "us.example", &plain, LOOP("us.example")},
        {"we by address", "byaddress.example", &plain, "10 a.up.example"},
        {"we by an address of IPv6", "byaddress6.example", &plain, LOOP("byaddress6.example")},
        {"we behind a NAT", "bynat.example", &plain, LOOP("bynat.example")},
        {"our address, another port", "byother.example", &plain, "10 other.example"},
        {"our address, that port", "byother.example", &other_port, LOOP("byother.example")},
        {"we, among the equals of the last that fits", "cutandus.example", &two, "10 a.up.example"},
        {"we, worse than all that fit", "beyondcut.example", &two,
                "10 a.up.example, 20 b.up.example"},
        {"we, but slow to be found out: found out later", "sleepy.example", &plain,
                "10 a.up.example, 20 sleepy-mx.example"},
};

#define FAULT(of, does, after_ms)                                                                  \
    (struct dns_fault)                                                                             \
    {                                                                                              \
        .name = S(of), .kind = does, .delay_ms = after_ms                                          \
    }

static struct err find_all(struct resolver *r, void *arg)
{
    struct arena a AUTO(arena_done);
    struct buf got AUTO(buf_done);
    (void)arg;
    arena_init(&a, 4 * MIB);
    buf_init(&got, 16 * KIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct hosts_inputs in = {.resolver = r,
                .settings = &watchful,
                .self = &us,
                .route = cases[i].route,
                .domain = str_from_c(cases[i].domain)};
        struct host_list list;
        buf_clear(&got);
        TRY(hosts_find(&in, &a, &list));
        add_hosts(&got, &list);
        check_str(cases[i].name, buf_str(&got), str_from_c(cases[i].hosts));
        arena_reset(&a);
    }
    return OK;
}

static void domains_have_hosts(void **state)
{
    struct list faults;
    struct dns_fault sleepy = FAULT("sleepy-mx.example", DNS_FAULT_DELAY_ONLY, 20 * SECOND_MS);
    (void)state;
    list_init(&faults);
    list_append(&faults, &sleepy.link);
    with_zone(zone, &faults, find_all, NULL);
}

// --- What the list says beside its hosts ---------------------------------------------------------

static struct err look_at_status(struct resolver *r, void *arg)
{
    struct arena a AUTO(arena_done);
    struct hosts_inputs in = {.resolver = r,
            .settings = &trusting,
            .self = &us,
            .route = &plain,
            .domain = S("down.example")};
    struct host_list list;
    (void)arg;
    arena_init(&a, 4 * MIB);
    TRY(hosts_find(&in, &a, &list));
    assert_int_equal(list.dnssec, DNSSEC_SECURE);
    assert_int_equal(list.at[0].mx_dnssec, DNSSEC_SECURE);
    assert_int_equal(list.at[0].port, 25);
    assert_false(list.at[0].is_exempt);
    in.domain = S("up.example");
    TRY(hosts_find(&in, &a, &list));
    assert_int_equal(list.dnssec, DNSSEC_INSECURE);
    in.domain = S("nomx.example"); // securely denied
    TRY(hosts_find(&in, &a, &list));
    assert_int_equal(list.at[0].mx_dnssec, DNSSEC_SECURE);
    in.domain = S("forged.example");
    TRY(hosts_find(&in, &a, &list));
    assert_int_equal(list.count, 0);
    assert_int_equal(list.dnssec, DNSSEC_BOGUS);
    check_str("bogus", list.trouble.outcome.enhanced, S("4.4.3"));
    in.domain = S("nullandmore.example");
    TRY(hosts_find(&in, &a, &list));
    assert_true(list.null_mx_ignored);
    in.domain = S("null.example");
    TRY(hosts_find(&in, &a, &list));
    assert_false(list.null_mx_ignored);
    in.domain = S("Alias.example");
    TRY(hosts_find(&in, &a, &list));
    check_str("domain", list.domain, S("alias.example"));
    assert_int_equal(list.alias_count, 2);
    check_str("alias", list.aliases[1], S("up.example"));
    in.domain = S("own.example"); // nobody wants to know
    TRY(hosts_find(&in, &a, &list));
    assert_int_equal(list.count, 3);
    return OK;
}

static void lists_say_what_they_rest_on(void **state)
{
    struct list faults;
    struct dns_fault forged = FAULT("forged.example", DNS_FAULT_BOGUS, 0);
    (void)state;
    list_init(&faults);
    list_append(&faults, &forged.link);
    with_zone(zone, &faults, look_at_status, NULL);
}

// --- Chance --------------------------------------------------------------------------------------

static const char equals_zone[] =
        "{'zone': 1, 'names': {'many.example': {'MX': [[10, 'a.example'], [20, 'b.example'], [20, "
        "'c.example'], [20, 'd.example'], [30, 'e.example']]}}}";

static struct err count_orders(struct resolver *r, void *arg)
{
    struct hosts_inputs in = {.resolver = r,
            .settings = &trusting,
            .self = &us,
            .route = &plain,
            .domain = S("many.example")};
    struct arena a AUTO(arena_done);
    size_t second[3] = {0};
    (void)arg;
    arena_init(&a, 4 * MIB);
    for (size_t i = 0; i < ROUNDS; i++) {
        struct host_list list;
        arena_reset(&a);
        TRY(hosts_find(&in, &a, &list));
        assert_int_equal(list.count, 5);
        check_str("best", list.at[0].name, S("a.example"));
        check_str("worst", list.at[4].name, S("e.example"));
        assert_true(!str_eq(list.at[1].name, list.at[2].name));
        assert_true(!str_eq(list.at[3].name, list.at[2].name));
        second[list.at[1].name.ptr[0] - 'b']++;
    }
    for (size_t i = 0; i < COUNT_OF(second); i++)
        assert_in_range(second[i], ROUNDS / 5, ROUNDS / 2);
    return OK;
}

static void equals_are_shuffled(void **state)
{
    (void)state;
    with_zone(equals_zone, NULL, count_orders, NULL);
}

// --- Too many ------------------------------------------------------------------------------------

static struct err count_records(struct resolver *r, void *arg)
{
    static const struct route all = {.type = ROUTE_MX, .hosts_max = 1000, .port = 25};
    const bool *too_many = arg;
    struct arena a AUTO(arena_done);
    struct hosts_inputs in = {.resolver = r,
            .settings = &watchful,
            .self = &us,
            .route = &all,
            .domain = S("x.example")};
    struct host_list list;
    arena_init(&a, 4 * MIB);
    TRY(hosts_find(&in, &a, &list));
    assert_int_equal(list.count, MX_RECORDS_MAX);
    assert_int_equal(list.was_cut, *too_many);
    return OK;
}

static void records_have_a_bound(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct buf json AUTO(buf_done);
        buf_init(&json, MIB);
        buf_fmt(&json, "{'zone': 1, 'names': {'x.example': {'MX': [");
        for (int i = 0; i < MX_RECORDS_MAX + more; i++)
            buf_fmt(&json, "%s[%d, 'h%d.example']", i > 0 ? "," : "", i, i);
        buf_fmt(&json, "]}}}");
        buf_add_byte(&json, '\0');
        with_zone(json.ptr, NULL, count_records, &(bool){more == 1});
    }
}

// --- Relays --------------------------------------------------------------------------------------

#define PLACE4(last, at_port)                                                                      \
    {                                                                                              \
        .at = {.ip = {IP_V4, {192, 0, 2, last}}, .port = at_port }                                 \
    }

static const struct relay_target three[] = {PLACE4(1, 25), PLACE4(2, 26), PLACE4(3, 27)};
static const struct relay_target mixed[] = {
        {.name = S_INIT("B\xc3\xbc"
                        "cher.example"),
                .at = {.port = 587}},
        {.at = {.unix_path = S_INIT("/run/lmtp")}},
        {.name = S_INIT("backup.example"), .is_mx = true, .at = {.port = 26}},
        {.name = S_INIT("us.example"), .at = {.port = 25}},
};
static const struct relay_target no_mx[] = {
        {.name = S_INIT("nowhere.example"), .is_mx = true, .at = {.port = 25}}};
static const struct relay_target no_name[] = {{.name = S_INIT("a b"), .at = {.port = 25}}};

#define RELAY(which, order)                                                                        \
    {                                                                                              \
        .id = S_INIT("r"), .type = ROUTE_RELAY, .targets = which, .target_count = COUNT_OF(which), \
        .balance = order                                                                           \
    }

static const struct {
    const char *name;
    struct route route;
    const char *sender, *domain;
    uint64_t turn;
    const char *hosts;
} relays[] = {
        {"in order", RELAY(three, BALANCE_FAILOVER), "", "a.example", 5,
                "0 192.0.2.1:25, 1 192.0.2.2:26, 2 192.0.2.3:27"},
        {"in turn", RELAY(three, BALANCE_ROUND_ROBIN), "", "a.example", 5,
                "0 192.0.2.3:27, 1 192.0.2.1:25, 2 192.0.2.2:26"},
        {"names, a socket, the MX of a domain without us; ourselves if it is written",
                RELAY(mixed, BALANCE_FAILOVER), "", "a.example", 0,
                "0 xn--bcher-kva.example, 1 unix:/run/lmtp, 2 a.up.example, 3 us.example"},
        {"no such MX: a mistake of ours, mail waits", RELAY(no_mx, BALANCE_FAILOVER), "",
                "a.example", 0, "temporary dns 4.4.3 nowhere.example: the domain does not exist"},
        {"no name", RELAY(no_name, BALANCE_FAILOVER), "", "a.example", 0,
                "temporary io 4.3.5 a b: the relay's name cannot be one"},
};

static struct err find_relays(struct resolver *r, void *arg)
{
    struct arena a AUTO(arena_done);
    struct buf got AUTO(buf_done);
    (void)arg;
    arena_init(&a, 4 * MIB);
    buf_init(&got, 16 * KIB);
    for (size_t i = 0; i < COUNT_OF(relays); i++) {
        struct hosts_inputs in = {.resolver = r,
                .settings = &watchful,
                .self = &us,
                .route = &relays[i].route,
                .domain = str_from_c(relays[i].domain),
                .sender = str_from_c(relays[i].sender),
                .turn = relays[i].turn};
        struct host_list list;
        buf_clear(&got);
        TRY(hosts_find(&in, &a, &list));
        add_hosts(&got, &list);
        check_str(relays[i].name, buf_str(&got), str_from_c(relays[i].hosts));
        for (size_t k = 0; k < list.count; k++)
            assert_true(list.at[k].is_exempt);
    }
    return OK;
}

static void relays_have_hosts(void **state)
{
    (void)state;
    with_zone(zone, NULL, find_relays, NULL);
}

static struct err count_firsts(struct resolver *r, void *arg)
{
    static const enum relay_balance balances[] = {
            BALANCE_RANDOM, BALANCE_HASH_SENDER, BALANCE_HASH_RCPT_DOMAIN};
    struct arena a AUTO(arena_done);
    (void)arg;
    arena_init(&a, 16 * MIB);
    for (size_t b = 0; b < COUNT_OF(balances); b++) {
        struct route route = RELAY(three, balances[b]);
        size_t first[3] = {0};
        for (size_t i = 0; i < ROUNDS; i++) {
            struct str text = arena_fmt(&a, "who%zu.example", i);
            struct hosts_inputs in = {
                    .resolver = r, .settings = &watchful, .self = &us, .route = &route};
            struct host_list list, again;
            in.domain = balances[b] == BALANCE_HASH_RCPT_DOMAIN ? text : S("same.example");
            in.sender = balances[b] == BALANCE_HASH_SENDER ? text : S("same@example");
            TRY(hosts_find(&in, &a, &list));
            TRY(hosts_find(&in, &a, &again));
            first[list.at[0].at.ip.bytes[3] - 1]++;
            if (balances[b] != BALANCE_RANDOM)
                assert_true(endpoint_eq(&list.at[0].at, &again.at[0].at));
        }
        for (size_t i = 0; i < COUNT_OF(first); i++)
            assert_in_range(first[i], ROUNDS / 5, ROUNDS / 2);
    }
    return OK;
}

static void relays_are_balanced(void **state)
{
    (void)state;
    with_zone(zone, NULL, count_firsts, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(domains_have_hosts),
            TEST(lists_say_what_they_rest_on),
            TEST(equals_are_shuffled),
            TEST(records_have_a_bound),
            TEST(relays_have_hosts),
            TEST(relays_are_balanced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
