// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/dns_fixture.h: a resolver over a zone, under a clock that stands still unless all
// wait; and answers as one line of text: "OUTCOME STATUS > ALIAS > ALIAS: RECORD | RECORD; WHY".
#pragma once

#include "../base/check.h"
#include "rt/clock.h"
#include "rt/dns.h"
#include "rt/rt.h"
#include "rt/sim/sim.h"

#define LABEL_16 "abcdefghijklmnop"
#define LABEL_63 LABEL_16 LABEL_16 LABEL_16 "abcdefghijklmno"
#define LABEL_64 LABEL_16 LABEL_16 LABEL_16 LABEL_16

typedef struct err zone_test(struct resolver *r);

struct zone_run {
    struct dns_zone *zone;
    const struct dns_zone_options *options;
    zone_test *test;
};

static inline struct err zone_run_main(void *arg)
{
    struct zone_run *run = arg;
    struct resolver *r;
    TRY(resolver_new_zone(run->zone, run->options, &r));
    struct err e = run->test(r);
    resolver_free(r);
    return e;
}

static inline void with_made_zone(
        struct dns_zone *zone, const struct dns_zone_options *options, zone_test *test)
{
    struct zone_run run = {.zone = zone, .options = options, .test = test};
    struct sim *sim = sim_new(1);
    assert_non_null(sim);
    struct err e = sim_run(sim, zone_run_main, &run);
    if (failed(e))
        check_failed("%.*s", ARG(err_text(e)));
    sim_free(sim);
}

static inline void with_zone(
        const char *json, const struct dns_zone_options *options, zone_test *test)
{
    struct arena a AUTO(arena_done);
    struct dns_zone *zone;
    arena_init(&a, MIB);
    struct err e = dns_zone_read(&a, str_from_c(json), &zone);
    if (failed(e))
        check_failed("%.*s", ARG(err_text(e)));
    with_made_zone(zone, options, test);
    dns_zone_free(zone);
}

// A name that reaches its address over so many CNAMEs.
static inline struct dns_zone *chain_of(size_t length)
{
    struct arena a AUTO(arena_done);
    struct dns_zone *zone = dns_zone_new();
    arena_init(&a, MIB);
    for (size_t i = 0; i < length; i++) {
        char rdata[] = {2, 'n', (char)('b' + i), 0};
        struct str name = arena_fmt(&a, "n%c", (char)('a' + i));
        assert_false(failed(dns_zone_add(zone, name, DNS_CNAME, str_of(rdata, sizeof(rdata)))));
    }
    struct str last = arena_fmt(&a, "n%c", (char)('a' + length));
    assert_false(failed(dns_zone_add(zone, last, DNS_A, S("\300\0\2\1"))));
    return zone;
}

static inline void answer_text(struct buf *out, const struct dns_answer *answer)
{
    struct str outcome = dns_outcome_name(answer->outcome), status = dnssec_name(answer->dnssec);
    buf_fmt(out, "%.*s %.*s", ARG(outcome), ARG(status));
    if (answer->chain_count > 2)
        buf_fmt(out, " > %zu names", answer->chain_count);
    else
        for (size_t i = 0; i < answer->chain_count; i++)
            buf_fmt(out, " > %.*s", ARG(answer->chain[i]));
    for (size_t i = 0; i < answer->count; i++) {
        buf_add(out, i == 0 ? S(": ") : S(" | "));
        dns_record_add(out, answer->type, answer->records[i].rdata);
    }
    if (!str_is_empty(answer->why))
        buf_fmt(out, "; %.*s", ARG(answer->why));
}

static inline void check_answer(struct resolver *r, const char *name, const char *question,
        uint16_t type, const char *expected)
{
    struct arena a AUTO(arena_done);
    struct buf text AUTO(buf_done);
    struct dns_answer answer;
    arena_init(&a, MIB);
    buf_init(&text, MIB);
    struct err e = dns_ask(
            r, &a, &(struct dns_question){.name = str_from_c(question), .type = type}, &answer);
    if (failed(e))
        check_failed("%s: %.*s", name, ARG(err_text(e)));
    answer_text(&text, &answer);
    if (!str_eq(buf_str(&text), str_from_c(expected)))
        check_failed("%s: \"%.*s\" instead of \"%s\"", name, ARG(buf_str(&text)), expected);
    assert_int_equal(answer.type, type);
    assert_false(str_is_null(answer.name));
}
