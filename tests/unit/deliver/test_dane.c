// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_dane.c: what the DNS says of a host's TLSA records (outbound.md 15.2 to
// 15.4): may they be asked for, under which name, and what is an answer worth?
#include "../proof/zone_fixture.h"

#include "deliver/security/dane.h"

#define D "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"

// Names under unsigned. are not authenticated; the others are.
static const char zone[] =
        "{'zone': 1, 'ad': true, 'names': {"
        " '_25._tcp.good.example': {'TLSA': [[3, 1, 1, '" D "']]},"
        " '_26._tcp.good.example': {'TLSA': [[2, 1, 1, '" D "']]},"
        " '_25._tcp.unusable.example': {'TLSA': [[1, 1, 1, '" D "'], [3, 1, 1, 'abcd']]},"
        " '_25._tcp.half.example': {'TLSA': [[1, 1, 1, '" D "'], [3, 1, 1, '" D "']]},"
        " 'nothing.example': {'A': ['192.0.2.1']},"
        " '_25._tcp.unsigned.example': {'TLSA': [[3, 1, 1, '" D "']], '@ad': false},"
        " '_25._tcp.fails.example': 'SERVFAIL',"
        " '_25._tcp.silent.example': 'TIMEOUT',"
        " '_25._tcp.alias.example': {'CNAME': ['_dane.good.example']},"
        " '_dane.good.example': {'TLSA': [[3, 1, 1, '" D "']]},"
        " '_25._tcp.both.example': {'TLSA': [[3, 0, 1, '" D "']]},"
        " '_25._tcp.end.example': {'TLSA': [[3, 1, 1, '" D "']]}}}";

#define SIGNED DNSSEC_SECURE, DNSSEC_SECURE

static const struct {
    const char *name, *host;
    uint16_t port;
    enum dnssec mx, addresses;
    const char *canonical;
    enum dnssec canonical_dnssec, alias_dnssec;
    enum dane_state state;
    const char *base;
    size_t usable;
} cases[] = {
        {"a record", "good.example", 25, SIGNED, NULL, 0, 0, DANE_USABLE, "good.example", 1},
        {"of the port", "good.example", 26, SIGNED, NULL, 0, 0, DANE_USABLE, "good.example", 1},
        {"of another port", "good.example", 24, SIGNED, NULL, 0, 0, DANE_ABSENT, NULL, 0},
        {"the name is not the name of its canonical one", "good.example", 25, SIGNED,
                "good.example", DNSSEC_SECURE, DNSSEC_SECURE, DANE_USABLE, "good.example", 1},
        {"unsigned MX", "good.example", 25, DNSSEC_INSECURE, DNSSEC_SECURE, NULL, 0, 0, DANE_ABSENT,
                NULL, 0},
        {"bogus MX", "good.example", 25, DNSSEC_BOGUS, DNSSEC_SECURE, NULL, 0, 0, DANE_AVOID_BOGUS,
                NULL, 0},
        {"unsigned address", "good.example", 25, DNSSEC_SECURE, DNSSEC_INSECURE, NULL, 0, 0,
                DANE_ABSENT, NULL, 0},
        {"unsigned address: its TLSA records are not even asked for", "fails.example", 25,
                DNSSEC_SECURE, DNSSEC_INSECURE, NULL, 0, 0, DANE_ABSENT, NULL, 0},
        {"bogus address", "good.example", 25, DNSSEC_SECURE, DNSSEC_BOGUS, NULL, 0, 0,
                DANE_AVOID_BOGUS, NULL, 0},
        {"a secure denial", "nothing.example", 25, SIGNED, NULL, 0, 0, DANE_ABSENT, NULL, 0},
        {"unsigned records", "unsigned.example", 25, SIGNED, NULL, 0, 0, DANE_ABSENT, NULL, 0},
        {"none can be used", "unusable.example", 25, SIGNED, NULL, 0, 0, DANE_UNUSABLE,
                "unusable.example", 0},
        {"some can be used", "half.example", 25, SIGNED, NULL, 0, 0, DANE_USABLE, "half.example",
                1},
        {"SERVFAIL", "fails.example", 25, SIGNED, NULL, 0, 0, DANE_AVOID_MUTE, NULL, 0},
        {"no answer", "silent.example", 25, SIGNED, NULL, 0, 0, DANE_AVOID_MUTE, NULL, 0},
        {"bogus records", "bogus.example", 25, SIGNED, NULL, 0, 0, DANE_AVOID_BOGUS, NULL, 0},
        {"a TLSA name that is an alias", "alias.example", 25, SIGNED, NULL, 0, 0, DANE_USABLE,
                "alias.example", 1},
        {"where the aliases lead comes first", "both.example", 25, SIGNED, "end.example",
                DNSSEC_SECURE, DNSSEC_SECURE, DANE_USABLE, "end.example", 1},
        {"nothing there: the name itself", "both.example", 25, SIGNED, "nothing.example",
                DNSSEC_SECURE, DNSSEC_SECURE, DANE_USABLE, "both.example", 1},
        {"unsigned there: the name itself", "both.example", 25, SIGNED, "unsigned.example",
                DNSSEC_SECURE, DNSSEC_SECURE, DANE_USABLE, "both.example", 1},
        {"trouble there is trouble", "both.example", 25, SIGNED, "fails.example", DNSSEC_SECURE,
                DNSSEC_SECURE, DANE_AVOID_MUTE, NULL, 0},
        {"only the first alias is signed", "both.example", 25, DNSSEC_SECURE, DNSSEC_INSECURE,
                "end.example", DNSSEC_INSECURE, DNSSEC_SECURE, DANE_USABLE, "both.example", 1},
        {"not even the first alias is signed", "both.example", 25, DNSSEC_SECURE, DNSSEC_INSECURE,
                "end.example", DNSSEC_INSECURE, DNSSEC_INSECURE, DANE_ABSENT, NULL, 0},
        {"an address has no records", NULL, 25, SIGNED, NULL, 0, 0, DANE_ABSENT, NULL, 0},
};

static struct err ask_all(struct resolver *r, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a AUTO(arena_done);
        struct dane dane;
        arena_init(&a, MIB);
        struct dane_host host = {.name = str_from_c(cases[i].host),
                .port = cases[i].port,
                .mx = cases[i].mx,
                .addresses = cases[i].addresses,
                .canonical = str_from_c(cases[i].canonical),
                .canonical_dnssec = cases[i].canonical_dnssec,
                .alias_dnssec = cases[i].alias_dnssec};
        TRY(dane_lookup(r, &a, &host, &dane));
        check_u64(cases[i].name, dane.state, cases[i].state);
        check_str(cases[i].name, dane.base, str_from_c(cases[i].base));
        check_u64(cases[i].name, dane.usable_count, cases[i].usable);
        if (dane.state != DANE_USABLE && str_is_empty(dane.why))
            check_failed("%s: nobody is told why", cases[i].name);
    }
    return OK;
}

static void what_the_dns_says(void **state)
{
    (void)state;
    struct list faults;
    struct dns_fault bogus = {
            .name = S("_25._tcp.bogus.example"), .type = DNS_TLSA, .kind = DNS_FAULT_BOGUS};
    list_init(&faults);
    list_append(&faults, &bogus.link);
    with_zone(zone, &faults, ask_all, NULL);
}

static struct err ask_too_many(struct resolver *r, void *arg)
{
    struct arena a AUTO(arena_done);
    struct dane dane;
    (void)arg;
    arena_init(&a, MIB);
    struct dane_host host = {
            .name = S("many.example"), .port = 25, .mx = DNSSEC_SECURE, .addresses = DNSSEC_SECURE};
    TRY(dane_lookup(r, &a, &host, &dane));
    check_u64("state", dane.state, DANE_USABLE);
    check_u64("of 100 records", dane.found_count, DANE_RECORDS_MAX);
    check_u64("of 100 records", dane.usable_count, DANE_RECORDS_MAX);
    struct str longest = arena_fmt(&a, "%.*s.%.*s.%.*s.%.*s", 63, D D, 63, D D, 63, D D, 61, D D);
    host.name = longest; // itself a name, but not with two labels more before it
    TRY(dane_lookup(r, &a, &host, &dane));
    check_u64("a name too long for records", dane.state, DANE_ABSENT);
    return OK;
}

static void too_many(void **state)
{
    (void)state;
    struct buf text AUTO(buf_done);
    buf_init(&text, MIB);
    buf_add(&text, S("{'zone': 1, 'ad': true, 'names': {'_25._tcp.many.example': {'TLSA': ["));
    for (unsigned i = 0; i < 100; i++)
        buf_fmt(&text, "%s[3, 1, 1, '%02x%.62s']", i > 0 ? ", " : "", i, D);
    buf_add(&text, S("]}}}"));
    buf_add_byte(&text, '\0');
    with_zone(text.ptr, NULL, ask_too_many, NULL);
}

static struct err ask_without_dnssec(struct resolver *r, void *arg)
{
    struct arena a AUTO(arena_done);
    struct dane dane;
    struct dns_settings settings = dns_settings_default();
    struct resolver *blind;
    struct dns_zone *nothing = dns_zone_new();
    (void)r;
    (void)arg;
    arena_init(&a, MIB);
    settings.validation = DNS_VALIDATE_OFF;
    TRY(resolver_new_zone(nothing, &(struct dns_zone_options){.settings = &settings}, &blind));
    struct dane_host host = {
            .name = S("good.example"), .port = 25, .mx = DNSSEC_SECURE, .addresses = DNSSEC_SECURE};
    TRY(dane_lookup(blind, &a, &host, &dane));
    resolver_free(blind);
    dns_zone_free(nothing);
    check_u64("nothing is known", dane.state, DANE_NO_DNSSEC);
    return OK;
}

static void without_dnssec(void **state)
{
    (void)state;
    with_zone(zone, NULL, ask_without_dnssec, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(what_the_dns_says), TEST(too_many), TEST(without_dnssec)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
