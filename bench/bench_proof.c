// SPDX-License-Identifier: Apache-2.0
// bench/bench_proof.c: what the questions about a sender cost once the DNS has answered: reading an
// SPF record, whole evaluations of SPF and DMARC over kept answers, and the fields that tell of
// them. CPU time of this process per operation: the median of many short rounds, and the least.
#define POSTHASTE_BASE_ROOM
#include "proof/proof.h"
#include "rt/dns.h"
#include "rt/rt.h"

#include <time.h>

#define ROUNDS 101
#define EACH 400

// A large provider's record, one include deep; a company that lists its exchanges; a look at three
// includes, of which the last one matches.
static const char zone_json[] =
        "{\"zone\": 1, \"names\": {"
        "\"plain.example\": {\"TXT\": [\"v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/24 -all\"]},"
        "\"typical.example\": {\"TXT\": [\"other=text\", \"v=spf1 ip4:203.0.113.7 "
        "include:_spf.mail.example ip4:192.0.2.128/25 ~all\"]},"
        "\"_spf.mail.example\": {\"TXT\": [\"v=spf1 ip4:198.51.100.0/28 ip4:198.51.100.64/27 "
        "ip6:2001:db8:1::/48 ip6:2001:db8:2::/48 ip4:192.0.2.0/25 ~all\"]},"
        "\"mx.example\": {\"TXT\": [\"v=spf1 a mx -all\"], \"A\": [\"203.0.113.1\"], \"MX\": "
        "[[10, \"m1.mx.example\"], [20, \"m2.mx.example\"]]},"
        "\"m1.mx.example\": {\"A\": [\"203.0.113.2\"]}, \"m2.mx.example\": {\"A\": "
        "[\"192.0.2.1\"]},"
        "\"three.example\": {\"TXT\": [\"v=spf1 include:a.three.example include:b.three.example "
        "include:_spf.mail.example -all\"]},"
        "\"a.three.example\": {\"TXT\": [\"v=spf1 ip4:203.0.113.0/24 ~all\"]},"
        "\"b.three.example\": {\"TXT\": [\"v=spf1 ip4:203.0.113.0/24 ~all\"]},"
        "\"_dmarc.typical.example\": {\"TXT\": [\"v=DMARC1; p=reject; "
        "rua=mailto:d@typical.example\"]}"
        "}}";

struct bench {
    struct resolver *r;
    struct arena arena;
    double us[ROUNDS];
};

typedef struct err operation(struct bench *b);

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct err measure(struct bench *b, const char *name, operation *run)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        double start = cpu_us();
        for (size_t i = 0; i < EACH; i++) {
            TRY(run(b));
            arena_reset(&b->arena);
        }
        b->us[round] = (cpu_us() - start) / EACH;
    }
    qsort(b->us, ROUNDS, sizeof(b->us[0]), compare);
    printf("%-44s %6.2f us, least %6.2f\n", name, b->us[ROUNDS / 2], b->us[0]);
    return OK;
}

static struct err parse_spf(struct bench *b)
{
    struct spf_record record;
    return spf_record_parse(&b->arena,
            S("v=spf1 ip4:198.51.100.0/28 ip4:198.51.100.64/27 ip6:2001:db8:1::/48 "
              "ip6:2001:db8:2::/48 include:_spf.mail.example ip4:192.0.2.0/25 ~all"),
            &record);
}

static struct err check_spf(struct bench *b, struct str sender)
{
    struct spf_settings settings = spf_settings_default();
    struct spf_answer answer;
    struct spf_question q = {.sender = sender,
            .helo = S("out.example.com"),
            .ip = {.family = IP_V4, .bytes = {192, 0, 2, 1}}};
    TRY(spf_check(b->r, &b->arena, &settings, &q, &answer));
    assert(answer.result == SPF_PASS);
    return OK;
}

static struct err check_plain(struct bench *b)
{
    return check_spf(b, S("ann@plain.example"));
}

static struct err check_typical(struct bench *b)
{
    return check_spf(b, S("ann@typical.example"));
}

static struct err check_mx(struct bench *b)
{
    return check_spf(b, S("ann@mx.example"));
}

static struct err check_three(struct bench *b)
{
    return check_spf(b, S("ann@three.example"));
}

static struct err check_dmarc(struct bench *b)
{
    struct dmarc_settings settings = dmarc_settings_default();
    struct dmarc_identifier spf = {.domain = S("typical.example")};
    struct dmarc_question q = {.author = S("typical.example"), .spf = &spf};
    struct dmarc_answer answer;
    TRY(dmarc_check(b->r, &b->arena, &settings, &q, &answer));
    assert(answer.result == DMARC_PASS);
    return OK;
}

static struct err check_dmarc_below(struct bench *b)
{
    struct dmarc_settings settings = dmarc_settings_default();
    struct dmarc_identifier spf = {.domain = S("bounce.typical.example")};
    struct dmarc_question q = {.author = S("news.typical.example"), .spf = &spf};
    struct dmarc_answer answer;
    TRY(dmarc_check(b->r, &b->arena, &settings, &q, &answer));
    assert(answer.result == DMARC_PASS);
    return OK;
}

static struct err write_fields(struct bench *b)
{
    struct arena *a = &b->arena;
    struct authres list = {.authserv_id = S("mx.example.net")};
    struct spf_answer spf = {.result = SPF_PASS,
            .sender = S("ann@typical.example"),
            .helo = S("out.example.com"),
            .ip = {.family = IP_V4, .bytes = {192, 0, 2, 1}}};
    struct dmarc_answer dmarc = {.result = DMARC_PASS, .author = S("typical.example")};
    bool added = authres_add_spf(a, &list, &spf) && authres_add_dmarc(a, &list, &dmarc);
    assert(added);
    bool written = !str_is_null(authres_field(a, &list)) &&
                   !str_is_null(authres_received_spf(a, &spf, S("mx.example.net"), false));
    assert(written);
    return OK;
}

static struct err run_all(void *bench)
{
    struct bench *b = bench;
    TRY(measure(b, "an SPF record read", parse_spf));
    TRY(measure(b, "SPF, two networks", check_plain));
    TRY(measure(b, "SPF, an include of a provider", check_typical));
    TRY(measure(b, "SPF, a and mx with two exchanges", check_mx));
    TRY(measure(b, "SPF, the third of three includes", check_three));
    TRY(measure(b, "DMARC, equal domains", check_dmarc));
    TRY(measure(b, "DMARC, two names below the organization", check_dmarc_below));
    return measure(b, "Authentication-Results and Received-SPF", write_fields);
}

static struct err run(void *bench)
{
    struct bench *b = bench;
    struct arena a AUTO(arena_done);
    struct dns_zone *zone;
    struct dns_settings settings = dns_settings_default();
    arena_init(&a, MIB);
    settings.ttl_min_s = 3600; // records of a zone file hold for no time at all
    TRY(dns_zone_read(&a, str_from_c(zone_json), &zone));
    TRY(resolver_new_zone(zone, &(struct dns_zone_options){.settings = &settings}, &b->r));
    struct err e = run_all(b);
    struct dns_figures f = resolver_figures(b->r);
    printf("(of %llu questions %llu were answered by what was kept)\n", (unsigned long long)f.asked,
            (unsigned long long)f.from_cache);
    resolver_free(b->r);
    dns_zone_free(zone);
    return e;
}

int main(void)
{
    struct bench b = {0};
    struct loop *loop = loop_new_real();
    if (loop == NULL)
        return 1;
    arena_init(&b.arena, 16 * MIB);
    struct err e = loop_run(loop, run, &b);
    loop_free(loop);
    arena_done(&b.arena);
    if (failed(e))
        printf("%.*s\n", ARG(err_text(e)));
    return failed(e);
}
