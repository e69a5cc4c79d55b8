// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_tls_plan.c: what is demanded of TLS with a host, by everybody who has a
// say (outbound.md 14.2, 15.7, 16.5, 17), and what follows when it does not come about (14.3).
#include "../base/check.h"

#include "deliver/security/tls.h"

static const struct dns_tlsa records[] = {
        {3, 1, 1, S_INIT("0123456789abcdef0123456789abcdef")},
        {3, 1, 1, S_INIT("fedcba9876543210fedcba9876543210")},
        {2, 1, 1, S_INIT("fedcba9876543210fedcba9876543210")},
};

static struct dane dane_of(enum dane_state state)
{
    struct dane d = {.state = state, .why = S("why")};
    if (state == DANE_USABLE || state == DANE_UNUSABLE) {
        d.base = S("mx.example.net");
        d.found = d.usable = records;
        d.found_count = 1;
        d.usable_count = state == DANE_USABLE ? 1 : 0;
    }
    return d;
}

static const struct tls_plan *plan_of(struct arena *a, const struct tls_wishes *w)
{
    struct tls_plan *plan = arena_make(a, struct tls_plan);
    assert_non_null(plan);
    struct err e = tls_plan_make(a, w, plan);
    if (failed(e))
        check_failed("%.*s", ARG(err_text(e)));
    return plan;
}

// --- Everything against everything ---------------------------------------------------------------

struct mix {
    struct tls_strategy strategy;
    struct route route;
    struct dane dane;
    struct tls_wishes wishes;
};

// Every combination has a number.
static size_t digit(size_t *number, size_t base)
{
    size_t value = *number % base;
    *number /= base;
    return value;
}

static const enum tls_wish all_wishes[] = {TLS_OPTIONAL, TLS_REQUIRE, TLS_DISABLE};

static bool mix_make(size_t number, struct mix *m)
{
    *m = (struct mix){0};
    m->strategy = (struct tls_strategy){.id = S("t"),
            .starttls = all_wishes[digit(&number, 3)],
            .dane = all_wishes[digit(&number, 3)],
            .mta_sts = all_wishes[digit(&number, 3)],
            .allow_invalid = digit(&number, 2) == 1,
            .plaintext_on_failure = digit(&number, 2) == 1,
            .accept_on_invalid = true,
            .honor_tls_required_no = true};
    m->route = (struct route){.id = S("mx"), .type = ROUTE_MX, .protocol = CLIENT_SMTP};
    m->dane = dane_of((enum dane_state)digit(&number, DANE_AVOID_MUTE + 1));
    size_t message = digit(&number, 3);
    m->wishes = (struct tls_wishes){.strategy = &m->strategy,
            .route = &m->route,
            .host = S("mx.example.net"),
            .next_hop = S("example.net"),
            .mx_is_secure = digit(&number, 2) == 1,
            .requiretls = message == 1,
            .tls_is_optional = message == 2,
            .sts = (enum tls_sts)digit(&number, TLS_STS_ENFORCE + 1),
            .sts_matches = digit(&number, 2) == 1,
            .dane = &m->dane};
    return number == 0;
}

// The rules once more, in the words of the specification and not of the code.
static bool plaintext_is_forbidden(const struct mix *m)
{
    const struct tls_strategy *s = &m->strategy;
    bool waived = m->wishes.tls_is_optional;
    bool published = m->dane.state == DANE_USABLE || m->dane.state == DANE_UNUSABLE;
    if (s->starttls == TLS_REQUIRE || s->dane == TLS_REQUIRE || s->mta_sts == TLS_REQUIRE)
        return true;
    if (m->wishes.requiretls)
        return true;
    if (s->dane != TLS_DISABLE && published && !waived)
        return true;
    return s->mta_sts != TLS_DISABLE && m->wishes.sts == TLS_STS_ENFORCE && !waived;
}

static void check_events(size_t number, const struct tls_plan *plan, bool forbidden)
{
    static const enum tls_event events[] = {TLS_NOT_OFFERED, TLS_REFUSED, TLS_HANDSHAKE_FAILED,
            TLS_CONNECTION_LOST, TLS_PROOF_FAILED, TLS_NO_REQUIRETLS, TLS_LOCAL_TROUBLE};
    struct arena a AUTO(arena_done);
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        struct tls_step step;
        assert_false(failed(tls_after(plan, events[i], &a, S("said"), &step)));
        bool plain = step.course == TLS_GO_ON_PLAIN || step.course == TLS_RECONNECT_PLAIN;
        if (plain && forbidden)
            check_failed("mix %zu, event %zu: plaintext", number, i);
        bool insecure = step.course == TLS_GO_ON && !plan->forgives;
        if (insecure && (forbidden || plan->level != TLS_LEVEL_PKIX))
            check_failed("mix %zu, event %zu: a certificate that proves nothing", number, i);
    }
}

static void check_level(size_t number, const struct mix *m, const struct tls_plan *plan)
{
    bool dane = m->strategy.dane != TLS_DISABLE && m->dane.state == DANE_USABLE;
    bool sts = m->strategy.mta_sts != TLS_DISABLE &&
               (m->wishes.sts == TLS_STS_ENFORCE ||
                       (m->wishes.sts == TLS_STS_TESTING && m->strategy.mta_sts == TLS_REQUIRE));
    if (dane && plan->level != TLS_LEVEL_DANE)
        check_failed("mix %zu: DANE is not heeded", number);
    if (!dane && sts && plan->level != TLS_LEVEL_STS)
        check_failed("mix %zu: MTA-STS is not heeded", number);
    if (m->wishes.requiretls && (plan->level == TLS_LEVEL_NONE || plan->forgives))
        check_failed("mix %zu: REQUIRETLS without a proof", number);
    if (plan->forgives && !m->wishes.tls_is_optional)
        check_failed("mix %zu: forgives, and nobody asked for it", number);
}

static void check_refusal(size_t number, const struct mix *m, const struct tls_plan *plan)
{
    const struct outcome *said = &plan->answer.outcome;
    bool is_final = plan->answer.verdict == CLIENT_PERMANENT;
    if (!str_starts(said->enhanced, is_final ? S("5.7.") : S("4.")) || str_is_empty(said->text) ||
            said->kind == FAILURE_NONE)
        check_failed("mix %zu: refused with %.*s", number, ARG(said->enhanced));
    if (is_final && m->strategy.dane != TLS_REQUIRE && m->strategy.mta_sts != TLS_REQUIRE)
        check_failed("mix %zu: only our own demands are final", number);
}

static void everything_against_everything(void **state)
{
    struct mix m;
    struct arena a AUTO(arena_done);
    size_t refused = 0, plain = 0;
    (void)state;
    arena_init(&a, MIB);
    size_t number = 0;
    for (; mix_make(number, &m); number++) {
        bool forbidden = plaintext_is_forbidden(&m);
        const struct tls_plan *plan = plan_of(&a, &m.wishes);
        if (plan->refused) {
            check_refusal(number, &m, plan);
            refused++;
        } else {
            plain += plan->use == TLS_USE_NONE;
            if (plan->use == TLS_USE_NONE && forbidden)
                check_failed("mix %zu: plaintext is the plan", number);
            if (plan->mandatory != forbidden)
                check_failed("mix %zu: mandatory is %d", number, plan->mandatory);
            if (plan->use != TLS_USE_NONE)
                check_level(number, &m, plan);
            check_events(number, plan, forbidden);
        }
        arena_reset(&a);
    }
    check_u64("all of them", number, 27 * 4 * 7 * 3 * 2 * 4 * 2);
    check_true("some are refused", refused > 1000);
    check_true("some go in plaintext", plain > 100);
}

// An order to do without TLS is followed where nobody has asked for TLS, and nowhere else: it makes
// no host fit that was not, and takes nothing away that a domain has published.
static void switched_off(void **state)
{
    struct mix m;
    struct arena a AUTO(arena_done);
    size_t followed = 0, overruled = 0;
    (void)state;
    arena_init(&a, MIB);
    for (size_t number = 0; mix_make(number, &m); number++) {
        const struct tls_plan *before = plan_of(&a, &m.wishes);
        m.wishes.is_switched_off = true;
        const struct tls_plan *plan = plan_of(&a, &m.wishes);
        m.wishes.tls_is_optional = false; // what a sender waives is published all the same
        bool is_published = plaintext_is_forbidden(&m);
        if (plan->refused != before->refused || plan->mandatory != before->mandatory)
            check_failed("mix %zu: an order changes what is demanded", number);
        if (plan->refused || before->use == TLS_USE_NONE)
            continue;
        if (is_published ? plan->use != before->use || plan->level != before->level
                         : plan->use != TLS_USE_NONE || plan->level != TLS_LEVEL_NONE)
            check_failed("mix %zu: TLS is %d", number, plan->use);
        if (!is_published && str_eq(plan->identity, before->identity))
            check_failed("mix %zu: one connection is taken for the other", number);
        followed += !is_published;
        overruled += is_published;
        arena_reset(&a);
    }
    check_true("some are followed", followed > 100);
    check_true("and some are not", overruled > 1000);
}

// --- By name -------------------------------------------------------------------------------------

static const struct {
    const char *name;
    enum tls_wish starttls, dane, mta_sts;
    bool allow_invalid;
    enum dane_state state;
    enum tls_sts sts;
    bool sts_matches, requiretls, waived, mx_is_secure;
    const char *enhanced; // of a refusal; NULL: none
    const char *result_type;
    bool mandatory;
    enum tls_level level;
} cases[] = {
        {"nobody wants anything", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL,
                .level = TLS_LEVEL_PKIX},
        {"any certificate", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL, .allow_invalid = true,
                .level = TLS_LEVEL_NONE},
        {"the settings insist", TLS_REQUIRE, TLS_OPTIONAL, TLS_OPTIONAL, .mandatory = true,
                .level = TLS_LEVEL_PKIX},
        {"records", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL, .allow_invalid = true,
                .state = DANE_USABLE, .mandatory = true, .level = TLS_LEVEL_DANE},
        {"records that nobody asked for", TLS_OPTIONAL, TLS_DISABLE, TLS_OPTIONAL,
                .state = DANE_USABLE, .level = TLS_LEVEL_PKIX},
        {"records that cannot be used: TLS, any certificate", TLS_OPTIONAL, TLS_OPTIONAL,
                TLS_OPTIONAL, .state = DANE_UNUSABLE, .result_type = "tlsa-invalid",
                .mandatory = true, .level = TLS_LEVEL_NONE},
        {"the same, and a policy", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL, .state = DANE_UNUSABLE,
                .sts = TLS_STS_ENFORCE, .sts_matches = true, .result_type = "tlsa-invalid",
                .mandatory = true, .level = TLS_LEVEL_STS},
        {"bogus", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL, .state = DANE_AVOID_BOGUS,
                .enhanced = "4.7.5", .result_type = "dnssec-invalid"},
        {"no answer", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL, .state = DANE_AVOID_MUTE,
                .enhanced = "4.4.3"},
        {"bogus, and nobody asked", TLS_OPTIONAL, TLS_DISABLE, TLS_OPTIONAL,
                .state = DANE_AVOID_BOGUS, .level = TLS_LEVEL_PKIX},
        {"bogus, waived", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL, .state = DANE_AVOID_BOGUS,
                .waived = true, .result_type = "dnssec-invalid", .level = TLS_LEVEL_PKIX},
        {"DANE is required: none", TLS_OPTIONAL, TLS_REQUIRE, TLS_OPTIONAL, .state = DANE_ABSENT,
                .enhanced = "5.7.5", .result_type = "dane-required"},
        {"DANE is required: cannot be used", TLS_OPTIONAL, TLS_REQUIRE, TLS_OPTIONAL,
                .state = DANE_UNUSABLE, .enhanced = "5.7.5", .result_type = "tlsa-invalid"},
        {"DANE is required: cannot be known", TLS_OPTIONAL, TLS_REQUIRE, TLS_OPTIONAL,
                .state = DANE_NO_DNSSEC, .enhanced = "4.7.5"},
        {"DANE is required: bogus", TLS_OPTIONAL, TLS_REQUIRE, TLS_OPTIONAL,
                .state = DANE_AVOID_BOGUS, .enhanced = "4.7.5", .result_type = "dnssec-invalid"},
        {"DANE is required, which no sender waives", TLS_OPTIONAL, TLS_REQUIRE, TLS_OPTIONAL,
                .state = DANE_ABSENT, .waived = true, .enhanced = "5.7.5",
                .result_type = "dane-required"},
        {"a policy", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL, .allow_invalid = true,
                .sts = TLS_STS_ENFORCE, .sts_matches = true, .mandatory = true,
                .level = TLS_LEVEL_STS},
        {"a policy that has another host", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL,
                .sts = TLS_STS_ENFORCE, .enhanced = "4.7.5", .result_type = "validation-failure"},
        {"the same, waived", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL, .sts = TLS_STS_ENFORCE,
                .waived = true, .level = TLS_LEVEL_STS},
        {"the same, and records that are good", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL,
                .state = DANE_USABLE, .sts = TLS_STS_ENFORCE, .enhanced = "4.7.5",
                .result_type = "validation-failure"},
        {"both", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL, .state = DANE_USABLE,
                .sts = TLS_STS_ENFORCE, .sts_matches = true, .mandatory = true,
                .level = TLS_LEVEL_DANE},
        {"a policy under test", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL, .sts = TLS_STS_TESTING,
                .level = TLS_LEVEL_PKIX},
        {"a policy under test, and policies are required", TLS_OPTIONAL, TLS_OPTIONAL, TLS_REQUIRE,
                .sts = TLS_STS_TESTING, .sts_matches = true, .mandatory = true,
                .level = TLS_LEVEL_STS},
        {"a policy is required: none", TLS_OPTIONAL, TLS_OPTIONAL, TLS_REQUIRE,
                .enhanced = "5.7.5"},
        {"a policy is required: unknown", TLS_OPTIONAL, TLS_OPTIONAL, TLS_REQUIRE,
                .sts = TLS_STS_UNKNOWN, .enhanced = "4.7.5"},
        {"REQUIRETLS, unsigned MX", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL, .requiretls = true,
                .enhanced = "4.7.5"},
        {"REQUIRETLS, signed MX", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL, .allow_invalid = true,
                .requiretls = true, .mx_is_secure = true, .mandatory = true,
                .level = TLS_LEVEL_PKIX},
        {"REQUIRETLS, a policy under test will do", TLS_OPTIONAL, TLS_OPTIONAL, TLS_OPTIONAL,
                .sts = TLS_STS_TESTING, .sts_matches = true, .requiretls = true, .mandatory = true,
                .level = TLS_LEVEL_PKIX},
        {"REQUIRETLS, TLS is switched off", TLS_DISABLE, TLS_OPTIONAL, TLS_OPTIONAL,
                .requiretls = true, .mx_is_secure = true, .enhanced = "4.7.4"},
        {"records, TLS is switched off", TLS_DISABLE, TLS_OPTIONAL, TLS_OPTIONAL,
                .state = DANE_USABLE, .enhanced = "4.7.4"},
        {"a policy, TLS is switched off", TLS_DISABLE, TLS_OPTIONAL, TLS_OPTIONAL,
                .sts = TLS_STS_ENFORCE, .sts_matches = true, .enhanced = "4.7.4"},
        {"a policy, waived, TLS is switched off", TLS_DISABLE, TLS_OPTIONAL, TLS_OPTIONAL,
                .sts = TLS_STS_ENFORCE, .sts_matches = true, .waived = true,
                .level = TLS_LEVEL_NONE},
};

static void by_name(void **state)
{
    struct arena a AUTO(arena_done);
    (void)state;
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tls_strategy strategy = {.id = S("t"),
                .starttls = cases[i].starttls,
                .dane = cases[i].dane,
                .mta_sts = cases[i].mta_sts,
                .allow_invalid = cases[i].allow_invalid,
                .honor_tls_required_no = true};
        struct route route = {.id = S("mx")};
        struct dane dane = dane_of(cases[i].state);
        const struct tls_plan *plan = plan_of(&a, &(struct tls_wishes){.strategy = &strategy,
                                                          .route = &route,
                                                          .host = S("mx.example.net"),
                                                          .next_hop = S("example.net"),
                                                          .mx_is_secure = cases[i].mx_is_secure,
                                                          .requiretls = cases[i].requiretls,
                                                          .tls_is_optional = cases[i].waived,
                                                          .sts = cases[i].sts,
                                                          .sts_matches = cases[i].sts_matches,
                                                          .dane = &dane});
        check_str(cases[i].name, str_from_c(plan->result_type), str_from_c(cases[i].result_type));
        check_str(cases[i].name, plan->answer.outcome.enhanced, str_from_c(cases[i].enhanced));
        check_u64(cases[i].name, plan->refused, cases[i].enhanced != NULL);
        if (plan->refused)
            continue;
        check_u64(cases[i].name, plan->mandatory, cases[i].mandatory);
        check_str(cases[i].name, tls_level_name(plan->level), tls_level_name(cases[i].level));
    }
}

static void honour_is_a_setting(void **state)
{
    struct arena a AUTO(arena_done);
    struct tls_strategy strategy = {.dane = TLS_OPTIONAL};
    struct route route = {0};
    struct dane dane = dane_of(DANE_USABLE);
    struct tls_wishes w = {
            .strategy = &strategy, .route = &route, .tls_is_optional = true, .dane = &dane};
    (void)state;
    arena_init(&a, MIB);
    check_true("off", plan_of(&a, &w)->mandatory);
    strategy.honor_tls_required_no = true;
    check_true("on", !plan_of(&a, &w)->mandatory && plan_of(&a, &w)->forgives);
    w.requiretls = true; // RFC 8689 4.2: then the header does not count
    w.mx_is_secure = true;
    check_true("with REQUIRETLS", plan_of(&a, &w)->mandatory && !plan_of(&a, &w)->forgives);
}

// --- Relays --------------------------------------------------------------------------------------

static const struct {
    const char *name;
    struct route route;
    const char *host, *ip;
    bool is_local, requiretls;
    enum tls_wish starttls;
    enum tls_use use;
    enum tls_level level;
    const char *sni, *reference;
    bool by_address;
} relays[] = {
        {"implicit TLS, though the strategy has none", {.type = ROUTE_RELAY, .tls_implicit = true},
                "smtp.example.org", NULL, false, false, TLS_DISABLE, TLS_USE_IMPLICIT,
                TLS_LEVEL_PKIX, "smtp.example.org", "smtp.example.org", false},
        {"its own wish wins", {.type = ROUTE_RELAY, .starttls = TLS_DISABLE}, "smtp.example.org",
                NULL, false, false, TLS_REQUIRE, TLS_USE_NONE, TLS_LEVEL_NONE, "smtp.example.org",
                "smtp.example.org", false},
        {"its own name wins", {.type = ROUTE_RELAY, .tls_name = S_INIT("Other.example")},
                "smtp.example.org", NULL, false, false, TLS_REQUIRE, TLS_USE_STARTTLS,
                TLS_LEVEL_PKIX, "Other.example", "other.example", false},
        {"it may be lenient", {.type = ROUTE_RELAY, .tls_allow_invalid = true}, "smtp.example.org",
                NULL, false, false, TLS_REQUIRE, TLS_USE_STARTTLS, TLS_LEVEL_NONE,
                "smtp.example.org", "smtp.example.org", false},
        {"it may be lenient, but not with REQUIRETLS",
                {.type = ROUTE_RELAY, .tls_allow_invalid = true}, "smtp.example.org", NULL, false,
                true, TLS_OPTIONAL, TLS_USE_STARTTLS, TLS_LEVEL_PKIX, "smtp.example.org",
                "smtp.example.org", false},
        {"an address has no SNI", {.type = ROUTE_RELAY}, NULL, "192.0.2.1", false, false,
                TLS_REQUIRE, TLS_USE_STARTTLS, TLS_LEVEL_PKIX, NULL, NULL, true},
        {"an address with a name", {.type = ROUTE_RELAY, .tls_name = S_INIT("smtp.example.org")},
                NULL, "192.0.2.1", false, false, TLS_REQUIRE, TLS_USE_STARTTLS, TLS_LEVEL_PKIX,
                "smtp.example.org", "smtp.example.org", false},
        {"a name that is an address", {.type = ROUTE_RELAY, .tls_name = S_INIT("2001:db8::1")},
                "smtp.example.org", NULL, false, false, TLS_REQUIRE, TLS_USE_STARTTLS,
                TLS_LEVEL_PKIX, NULL, NULL, true},
        {"a Unix socket", {.type = ROUTE_RELAY, .protocol = CLIENT_LMTP}, NULL, NULL, true, true,
                TLS_OPTIONAL, TLS_USE_STARTTLS, TLS_LEVEL_NONE, NULL, NULL, false},
        {"LMTP over a network, with REQUIRETLS", {.type = ROUTE_RELAY, .protocol = CLIENT_LMTP},
                "lmtp.example.org", NULL, false, true, TLS_OPTIONAL, TLS_USE_STARTTLS,
                TLS_LEVEL_PKIX, "lmtp.example.org", "lmtp.example.org", false},
};

static void relay_keys(void **state)
{
    struct arena a AUTO(arena_done);
    (void)state;
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(relays); i++) {
        struct tls_strategy strategy = {
                .starttls = relays[i].starttls, .dane = TLS_OPTIONAL, .mta_sts = TLS_OPTIONAL};
        struct tls_wishes w = {.strategy = &strategy,
                .route = &relays[i].route,
                .host = str_from_c(relays[i].host),
                .is_local = relays[i].is_local,
                .requiretls = relays[i].requiretls};
        if (relays[i].ip != NULL)
            assert_true(ip_parse(str_from_c(relays[i].ip), &w.ip));
        const struct tls_plan *plan = plan_of(&a, &w);
        check_u64(relays[i].name, plan->refused, false);
        check_u64(relays[i].name, plan->use, relays[i].use);
        check_u64(relays[i].name, plan->level, relays[i].level);
        check_str(relays[i].name, plan->sni, str_from_c(relays[i].sni));
        check_u64(relays[i].name, plan->name_count, relays[i].reference != NULL);
        if (plan->name_count > 0)
            check_str(relays[i].name, plan->names[0], str_from_c(relays[i].reference));
        check_u64(relays[i].name, plan->ip.family != IP_NONE, relays[i].by_address);
        check_u64(relays[i].name, plan->needs_requiretls,
                relays[i].requiretls && relays[i].route.protocol == CLIENT_SMTP);
    }
}

static void names_of_dane(void **state)
{
    struct arena a AUTO(arena_done);
    struct tls_strategy strategy = {.dane = TLS_OPTIONAL};
    struct route route = {0};
    struct dane dane = dane_of(DANE_USABLE);
    const struct str aliases[] = {S("example.com"), S("Example.net")};
    dane.base = S("end.example");
    (void)state;
    arena_init(&a, MIB);
    const struct tls_plan *plan = plan_of(&a, &(struct tls_wishes){.strategy = &strategy,
                                                      .route = &route,
                                                      .host = S("mx.example.net"),
                                                      .next_hop = S("example.net"),
                                                      .aliases = aliases,
                                                      .alias_count = 2,
                                                      .dane = &dane});
    static const char *const want[] = {
            "end.example", "mx.example.net", "example.net", "example.com"};
    check_str("SNI", plan->sni, S("end.example"));
    check_u64("each once", plan->name_count, COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++)
        check_str("in order", plan->names[i], str_from_c(want[i]));
}

// --- Which connections are as good as others -----------------------------------------------------

static void identities(void **state)
{
    struct arena a AUTO(arena_done);
    struct tls_strategy strategy = {.id = S("t"), .dane = TLS_OPTIONAL, .mta_sts = TLS_OPTIONAL};
    struct route route = {.id = S("mx")};
    struct dane dane = dane_of(DANE_USABLE);
    struct tls_wishes w = {.strategy = &strategy,
            .route = &route,
            .host = S("mx.example.net"),
            .next_hop = S("example.net"),
            .dane = &dane};
    (void)state;
    arena_init(&a, MIB);
    dane.usable_count = 2;
    struct str first = plan_of(&a, &w)->identity;
    const struct dns_tlsa turned[] = {records[1], records[0], records[1]};
    dane.usable = turned;
    check_str("the order of records does not count", plan_of(&a, &w)->identity, first);
    dane.usable_count = 3;
    check_str("nor does a record that is there twice", plan_of(&a, &w)->identity, first);
    w.next_hop = S("example.com");
    check_str("usage 3 asks for no name", plan_of(&a, &w)->identity, first);
    dane.usable = records;
    struct str with_authority = plan_of(&a, &w)->identity;
    check_true("another record", !str_eq(with_authority, first));
    w.next_hop = S("example.net");
    check_true("usage 2 asks for a name", !str_eq(plan_of(&a, &w)->identity, with_authority));
    w.dane = NULL;
    struct str plain = plan_of(&a, &w)->identity;
    check_true("another level", !str_eq(plain, first));
    w.sts = TLS_STS_ENFORCE;
    w.sts_matches = true;
    w.sts_id = S("1");
    struct str sts = plan_of(&a, &w)->identity;
    w.sts_id = S("2");
    check_true("another policy", !str_eq(plan_of(&a, &w)->identity, sts));
    w.sts = TLS_STS_NONE;
    strategy.ca_file = S("/ca.pem");
    check_true("other authorities", !str_eq(plan_of(&a, &w)->identity, plain));
    strategy.ca_file = STR_NULL;
    check_str("as before", plan_of(&a, &w)->identity, plain);
    strategy.starttls = TLS_REQUIRE;
    check_true("now it is a must", !str_eq(plan_of(&a, &w)->identity, plain));
}

// --- What follows --------------------------------------------------------------------------------

static void what_follows(void **state)
{
    static const struct {
        const char *name;
        enum tls_event event;
        struct tls_plan plan;
        enum tls_course course;
        const char *enhanced, *result_type;
        enum failure_kind kind;
    } rows[] = {
            {"not offered", TLS_NOT_OFFERED, {0}, TLS_GO_ON_PLAIN, "4.7.4",
                    "starttls-not-supported", FAILURE_TLS},
            {"not offered, a must", TLS_NOT_OFFERED, {.mandatory = true}, TLS_NEXT_HOST, "4.7.4",
                    "starttls-not-supported", FAILURE_TLS},
            {"refused", TLS_REFUSED, {0}, TLS_GO_ON_PLAIN, "4.7.4", "starttls-not-supported",
                    FAILURE_TLS},
            {"handshake", TLS_HANDSHAKE_FAILED, {0}, TLS_NEXT_HOST, "4.7.5", "validation-failure",
                    FAILURE_TLS},
            {"handshake, plaintext is allowed", TLS_HANDSHAKE_FAILED, {.plaintext_after = true},
                    TLS_RECONNECT_PLAIN, "4.7.5", "validation-failure", FAILURE_TLS},
            {"lost", TLS_CONNECTION_LOST, {.mandatory = true}, TLS_NEXT_ADDRESS, "4.7.5",
                    "validation-failure", FAILURE_TLS},
            {"proof of DANE", TLS_PROOF_FAILED, {.level = TLS_LEVEL_DANE}, TLS_NEXT_HOST, "4.7.5",
                    "validation-failure", FAILURE_DANE},
            {"proof of DANE, waived", TLS_PROOF_FAILED, {.level = TLS_LEVEL_DANE, .forgives = true},
                    TLS_GO_ON, "4.7.5", "validation-failure", FAILURE_DANE},
            {"proof of MTA-STS", TLS_PROOF_FAILED, {.level = TLS_LEVEL_STS}, TLS_NEXT_HOST, "4.7.5",
                    "validation-failure", FAILURE_MTA_STS},
            {"proof, nobody minds", TLS_PROOF_FAILED,
                    {.level = TLS_LEVEL_PKIX, .accepts_invalid = true}, TLS_GO_ON, "4.7.5",
                    "validation-failure", FAILURE_TLS},
            {"REQUIRETLS is not offered", TLS_NO_REQUIRETLS, {0}, TLS_NEXT_HOST, "5.7.30", NULL,
                    FAILURE_TLS},
            {"our own fault", TLS_LOCAL_TROUBLE, {0}, TLS_NEXT_HOST, "4.3.5", NULL, FAILURE_TLS},
    };
    struct arena a AUTO(arena_done);
    (void)state;
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_step step;
        assert_false(failed(tls_after(&rows[i].plan, rows[i].event, &a, S("why"), &step)));
        check_u64(rows[i].name, step.course, rows[i].course);
        check_str(rows[i].name, str_from_c(step.result_type), str_from_c(rows[i].result_type));
        check_str(rows[i].name, step.answer.outcome.enhanced, str_from_c(rows[i].enhanced));
        check_u64(rows[i].name, step.answer.outcome.kind, rows[i].kind);
        check_u64(rows[i].name, step.answer.verdict == CLIENT_PERMANENT,
                str_starts(str_from_c(rows[i].enhanced), S("5")));
        check_true(rows[i].name, str_ends(step.answer.outcome.text, S(": why")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(everything_against_everything), TEST(switched_off),
            TEST(by_name), TEST(honour_is_a_setting), TEST(relay_keys), TEST(names_of_dane),
            TEST(identities), TEST(what_follows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
