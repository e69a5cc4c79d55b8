// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_dns_zone.c: a fake zone is read, or refused with its place; and every question
// about a name that is in it gets an answer whose parts agree.
#include "rt/dns_zone.h"

#define QUESTIONS_MAX 200 // a chain of CNAMEs is walked for each

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask_all(const struct dns_zone *zone);
static void ask_one(const struct dns_zone *zone, struct str name, uint16_t type);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct dns_zone *zone = NULL;
    uint64_t line;
    arena_init(&a, MIB);
    struct err e = dns_zone_read(&a, str_of((const char *)data, size), &zone);
    if (failed(e)) {
        struct scan in = scan_over(err_text(e));
        assert(e.kind == ERR_SYNTAX || e.kind == ERR_LIMIT);
        assert(e.kind == ERR_LIMIT || (scan_u64(&in, UINT32_MAX, &line) && line > 0));
    } else {
        ask_all(zone);
        dns_zone_free(zone);
    }
    arena_done(&a);
    return 0;
}

static void ask_all(const struct dns_zone *zone)
{
    static const uint16_t types[] = {DNS_A, DNS_CNAME, DNS_MX, DNS_TXT, 65};
    struct str name;
    void *entry;
    size_t count = 0;
    for (size_t at = 0; map_next(&zone->names, &at, &name, &entry) && count++ < QUESTIONS_MAX;)
        for (size_t i = 0; i < COUNT_OF(types); i++)
            ask_one(zone, name, types[i]);
    ask_one(zone, S("no.such.name"), DNS_A);
}

static void ask_one(const struct dns_zone *zone, struct str name, uint16_t type)
{
    struct arena a;
    struct dns_answer answer = {.name = name, .type = type};
    arena_init(&a, 64 * KIB);
    struct err e = zone_answer(zone, &a, &answer);
    if (failed(e)) {
        assert(e.kind == ERR_DNS || e.kind == ERR_LIMIT);
    } else {
        assert((answer.outcome == DNS_ANSWER) == (answer.count > 0));
        assert(answer.chain_count <= DNS_CHAIN_MAX);
        assert(answer.outcome != DNS_BOGUS);
    }
    arena_done(&a);
}
