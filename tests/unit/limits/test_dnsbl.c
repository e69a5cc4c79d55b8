// SPDX-License-Identifier: Apache-2.0
// tests/unit/limits/test_dnsbl.c: block lists as zones of a file, judged under a clock that stands
// still unless all wait (inbound.md 10.7).
#include "../rt/dns_fixture.h"

#include "../conf/conf_of.h"
#include "limits/dnsbl.h"

#define ZONE(id, rest) "[auth.dnsbl.zone." id "]\nzone = '" id ".example'\n" rest "\n"
#define NIBBLES "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"

// "bad" lists 192.0.2.7, "worse" does so by two codes, "good" is an allow list of 192.0.2.8,
// "names" lists spam.example; the others are in trouble.
#define NAMES                                                                                      \
    "{\"zone\": 1, \"names\": {"                                                                   \
    "\"7.2.0.192.bad.example\": {\"A\": [\"127.0.0.2\"], \"TXT\": [[\"see \", \"http://x/\\u0007"  \
    "\\u00e4\"]]},"                                                                                \
    "\"8.2.0.192.bad.example\": {\"A\": [\"127.0.0.3\"]},"                                         \
    "\"9.2.0.192.bad.example\": {\"A\": [\"127.0.0.1\"]},"                                         \
    "\"" NIBBLES ".bad.example\": {\"A\": [\"127.0.0.2\"]},"                                       \
    "\"7.2.0.192.worse.example\": {\"A\": [\"127.0.0.4\", \"127.0.0.10\"], \"TXT\": "              \
    "[\"worse\"]},"                                                                                \
    "\"8.2.0.192.good.example\": {\"A\": [\"127.0.0.2\"]},"                                        \
    "\"7.2.0.192.blind.example\": {\"A\": [\"127.0.0.2\", \"127.255.255.254\"]},"                  \
    "\"7.2.0.192.parked.example\": {\"A\": [\"203.0.113.9\"]},"                                    \
    "\"7.2.0.192.broken.example\": \"SERVFAIL\","                                                  \
    "\"spam.example.names.example\": {\"A\": [\"127.0.1.2\"], \"TXT\": [\"bad name\"]},"           \
    "\"xn--bcher-kva.example.names.example\": {\"A\": [\"127.0.1.2\"]}}}"

struct world {
    struct arena arena, session_arena;
    struct findings findings;
    struct conf *conf;
    struct dnsbl_settings settings;
    struct dnsbl_service *service;
};

static void world_init(struct world *w, const char *config)
{
    *w = (struct world){0};
    arena_init(&w->arena, 64 * MIB);
    arena_init(&w->session_arena, MIB);
    w->findings = findings_make(&w->arena);
    struct str text = arena_fmt(&w->arena, "%s" SMTP, config);
    w->conf = conf_of(text, &w->findings);
    struct err bad = dnsbl_settings_make(&w->arena, w->conf, &w->findings, &w->settings);
    check_str("settings", err_text(bad), S(""));
}

static void world_serve(struct world *w, struct resolver *r)
{
    assert_false(failed(dnsbl_service_make(&w->arena, &w->settings, r, &w->service)));
}

static void world_done(struct world *w)
{
    conf_free(w->conf);
    arena_done(&w->session_arena);
    arena_done(&w->arena);
}

static void want(struct world *w, struct dnsbl *d, const char *words)
{
    VEC(struct str) list = {0};
    struct str rest = str_from_c(words), word;
    while (str_split(&rest, ' ', &word))
        *vec_add(&w->arena, &list) = word;
    struct expr_result result = {.outcome = EXPR_VALUE, .list = list.at, .list_count = list.count};
    dnsbl_want(d, &result);
}

// "WEIGHT REPLY; ZONE: TROUBLE; ..."
static struct err judged(struct world *w, struct dnsbl *d, struct str *out)
{
    struct dnsbl_verdict v;
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * KIB);
    TRY(dnsbl_judge(d, &w->session_arena, &v));
    buf_fmt(&text, "%lld", (long long)v.weight);
    if (v.refused)
        buf_fmt(&text, " %.*s", ARG(v.reply));
    assert_int_equal(v.refused, v.why != NULL);
    for (size_t i = 0; i < v.trouble_count; i++)
        buf_fmt(&text, "; %.*s: %.*s", ARG(v.troubles[i].zone->id), ARG(v.troubles[i].why));
    *out = arena_str(&w->session_arena, buf_str(&text));
    return OK;
}

// --- What lists say ------------------------------------------------------------------------------

static const struct {
    const char *name, *config, *wanted, *ip, *ehlo, *sender, *verdict;
} cases[] = {
        {"nothing wanted", ZONE("bad", ""), "", "192.0.2.7", "spam.example", NULL, "0"},
        {"not listed", ZONE("bad", ""), "ip", "192.0.2.1", NULL, NULL, "0"},
        {"listed; the text made printable", ZONE("bad", ""), "ip", "192.0.2.7", NULL, NULL,
                "1 Service unavailable; 192.0.2.7 listed by bad.example: see http://x/???"},
        {"listed without a text", ZONE("bad", ""), "ip", "192.0.2.8", NULL, NULL,
                "1 Service unavailable; 192.0.2.8 listed by bad.example"},
        {"mapped", ZONE("bad", ""), "ip", "::ffff:192.0.2.8", NULL, NULL,
                "1 Service unavailable; 192.0.2.8 listed by bad.example"},
        {"IPv6 by nibbles", ZONE("bad", ""), "ip", "2001:db8::1", NULL, NULL,
                "1 Service unavailable; 2001:db8::1 listed by bad.example"},
        {"127.0.0.1 is no listing", ZONE("bad", ""), "ip", "192.0.2.9", NULL, NULL, "0"},
        {"127.0.0.1 is, if it is asked for", ZONE("bad", "match = '127.0.0.1'"), "ip", "192.0.2.9",
                NULL, NULL, "1 Service unavailable; 192.0.2.9 listed by bad.example"},
        {"a range that does not match", ZONE("bad", "match = ['127.0.0.3-127.0.0.9']"), "ip",
                "192.0.2.7", NULL, NULL, "0"},
        {"a range that does", ZONE("worse", "match = ['127.0.0.9-127.0.0.10', '127.0.9.0/24']"),
                "ip", "192.0.2.7", NULL, NULL,
                "1 Service unavailable; 192.0.2.7 listed by worse.example: worse"},
        {"below the threshold", "auth.dnsbl.threshold = 3\n" ZONE("bad", "weight = 2"), "ip",
                "192.0.2.7", NULL, NULL, "2"},
        {"at the threshold; the heaviest is named",
                "auth.dnsbl.threshold = 3\n" ZONE("bad", "") ZONE("worse", "weight = 2"), "ip",
                "192.0.2.7", NULL, NULL,
                "3 Service unavailable; 192.0.2.7 listed by worse.example: worse"},
        {"an allow list", ZONE("bad", "") ZONE("good", "weight = -1"), "ip", "192.0.2.8", NULL,
                NULL, "0"},
        {"a reply of one's own", ZONE("bad", "reply = 'go away'"), "ip", "192.0.2.7", NULL, NULL,
                "1 go away"},
        {"the short form has the weight of the threshold",
                "[auth.dnsbl]\nthreshold = 7\nlookup.ip = ['Bad.example']\n"
                "lookup.domain = 'names.example'\n",
                "ip ehlo", "192.0.2.8", "ok.example", NULL,
                "7 Service unavailable; 192.0.2.8 listed by bad.example"},
        {"a code of error counts nothing", ZONE("blind", "match = '127.0.0.0/8'"), "ip",
                "192.0.2.7", NULL, NULL, "0; blind: answers 127.255.255.254, a code of error"},
        {"a list whose domain was sold", ZONE("parked", ""), "ip", "192.0.2.7", NULL, NULL,
                "0; parked: answers 203.0.113.9, as no list does"},
        {"broken", ZONE("bad", "") ZONE("broken", ""), "ip", "192.0.2.7", NULL, NULL,
                "1 Service unavailable; 192.0.2.7 listed by bad.example: see http://x/???"
                "; broken: SERVFAIL"},
        {"names", ZONE("bad", "") ZONE("names", "scope = 'domain'"), "ehlo return-path",
                "192.0.2.7", "Spam.example.", NULL,
                "1 Service unavailable; spam.example listed by names.example: bad name"},
        {"a zone counts once", ZONE("names", "scope = 'domain'"), "ehlo return-path", NULL,
                "spam.example", "spam.example",
                "1 Service unavailable; spam.example listed by names.example: bad name"},
        {"only what is wanted", ZONE("names", "scope = 'domain'"), "ehlo", NULL, "ok.example",
                "spam.example", "0"},
        {"beyond ASCII", ZONE("names", "scope = 'domain'"), "return-path", NULL, NULL,
                "b\xc3\xbc"
                "cher.example",
                "1 Service unavailable; xn--bcher-kva.example listed by names.example"},
        {"an address is no name", ZONE("names", "scope = 'domain'"), "ehlo", NULL, "[192.0.2.7]",
                NULL, "0"},
        {"nor in disguise", ZONE("names", "scope = 'domain'"), "ehlo", NULL, "192.0.2.7", NULL,
                "0"},
        {"a name without dots", ZONE("names", "scope = 'domain'"), "ehlo", NULL, "spam", NULL, "0"},
        {"empty labels", ZONE("names", "scope = 'domain'"), "ehlo", NULL, "spam..example", NULL,
                "0"},
        {"nonsense", ZONE("names", "scope = 'domain'"), "ehlo", NULL, "spam example.", NULL, "0"},
        {"a long name", ZONE("names", "scope = 'domain'"), "ehlo", NULL,
                LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_16 LABEL_16 LABEL_16, NULL, "0"},
};

static struct err run_cases(struct resolver *r)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        struct str got;
        world_init(&w, cases[i].config);
        check_u64(cases[i].name, w.findings.all.count, 0);
        world_serve(&w, r);
        struct dnsbl d AUTO(dnsbl_end) = {0};
        dnsbl_begin(&d, w.service);
        want(&w, &d, cases[i].wanted);
        if (cases[i].ip != NULL) {
            struct ip ip;
            assert_true(ip_parse(str_from_c(cases[i].ip), &ip));
            dnsbl_ask_ip(&d, &ip);
        }
        dnsbl_ask_name(&d, DNSBL_EHLO, str_from_c(cases[i].ehlo));
        dnsbl_ask_name(&d, DNSBL_RETURN_PATH, str_from_c(cases[i].sender));
        TRY(judged(&w, &d, &got));
        check_str(cases[i].name, got, str_from_c(cases[i].verdict));
        dnsbl_end(&d);
        world_done(&w);
    }
    return OK;
}

static void lists(void **unused UNUSED)
{
    with_zone(NAMES, &(struct dns_zone_options){0}, run_cases);
}

// --- Time ----------------------------------------------------------------------------------------

static struct dns_fault slow = {.delay_ms = 2000};
static struct dns_fault silent = {
        .name = {"7.2.0.192.worse.example", 23}, .kind = DNS_FAULT_TIMEOUT, .delay_ms = 60000};

static struct err at_the_same_time(struct resolver *r)
{
    struct world w;
    struct ip ip = {.family = IP_V4, .bytes = {192, 0, 2, 8}};
    struct str got;
    world_init(&w, ZONE("bad", "reply = 'bad'") ZONE("good", "weight = -1") ZONE("worse", ""));
    world_serve(&w, r);
    struct dnsbl d AUTO(dnsbl_end) = {0};
    dnsbl_begin(&d, w.service);
    want(&w, &d, "ip");
    int64_t began_ms = now_ms();
    dnsbl_ask_ip(&d, &ip);
    assert_int_equal(now_ms(), began_ms); // nobody waits to ask
    dnsbl_ask_ip(&d, &ip);                // nor asks twice
    TRY(judged(&w, &d, &got));
    assert_int_equal(now_ms() - began_ms, 2000);
    check_str("parallel", got, S("0"));
    TRY(judged(&w, &d, &got)); // as often as one likes
    assert_int_equal(now_ms() - began_ms, 2000);
    assert_int_equal(resolver_figures(r).asked, 3);
    dnsbl_end(&d);
    world_done(&w);
    return OK;
}

static struct err trouble_once_an_hour(struct resolver *r)
{
    struct world w;
    struct ip ip = {.family = IP_V4, .bytes = {192, 0, 2, 7}};
    struct str got;
    static const struct {
        int64_t later_ms;
        const char *verdict;
    } turns[] = {{0, "1 bad; worse: no answer in time"}, {MINUTE_MS, "1 bad"},
            {HOUR_MS - MINUTE_MS - 10000, "1 bad"}, {5000, "1 bad; worse: no answer in time"}};
    world_init(&w, "auth.dnsbl.timeout = '3s'\n" ZONE("bad", "reply = 'bad'") ZONE("worse", ""));
    world_serve(&w, r);
    for (size_t i = 0; i < COUNT_OF(turns); i++) {
        TRY(task_sleep_ms(turns[i].later_ms));
        struct dnsbl d AUTO(dnsbl_end) = {0};
        int64_t began_ms = now_ms();
        dnsbl_begin(&d, w.service);
        want(&w, &d, "ip");
        dnsbl_ask_ip(&d, &ip);
        TRY(judged(&w, &d, &got));
        check_str("trouble", got, str_from_c(turns[i].verdict));
        assert_int_equal(now_ms() - began_ms, 3000);
        dnsbl_end(&d);
    }
    world_done(&w);
    return OK;
}

static struct err another_name(struct resolver *r)
{
    struct world w;
    struct str got;
    world_init(&w, ZONE("names", "scope = 'domain'\nreply = 'bad name'"));
    world_serve(&w, r);
    struct dnsbl d AUTO(dnsbl_end) = {0};
    dnsbl_begin(&d, w.service);
    want(&w, &d, "return-path");
    int64_t began_ms = now_ms();
    dnsbl_ask_name(&d, DNSBL_RETURN_PATH, S("ok.example"));
    TRY(task_sleep_ms(1000));
    dnsbl_ask_name(&d, DNSBL_RETURN_PATH, S("spam.example")); // gives the first one up
    TRY(judged(&w, &d, &got));
    assert_int_equal(now_ms() - began_ms, 3000);
    check_str("the second", got, S("1 bad name"));
    dnsbl_ask_name(&d, DNSBL_RETURN_PATH, S("")); // the null sender
    TRY(judged(&w, &d, &got));
    check_str("none", got, S("0"));
    dnsbl_ask_name(&d, DNSBL_RETURN_PATH, S("spam.example"));
    TRY(task_sleep_ms(500));
    dnsbl_end(&d); // while it is asked
    world_done(&w);
    return OK;
}

static struct err not_beyond_the_callers_time(struct resolver *r)
{
    struct world w;
    struct ip ip = {.family = IP_V4, .bytes = {192, 0, 2, 8}};
    struct str got;
    world_init(&w, ZONE("bad", ""));
    world_serve(&w, r);
    struct dnsbl d AUTO(dnsbl_end) = {0};
    dnsbl_begin(&d, w.service);
    want(&w, &d, "ip");
    dnsbl_ask_ip(&d, &ip);
    {
        within_ms(700);
        assert_int_equal(judged(&w, &d, &got).kind, ERR_TIMEOUT);
    }
    TRY(judged(&w, &d, &got));
    check_str("later", got, S("1 Service unavailable; 192.0.2.8 listed by bad.example"));
    dnsbl_end(&d);
    world_done(&w);
    return OK;
}

static void time_passes(void **unused UNUSED)
{
    struct list faults;
    list_init(&faults);
    struct dns_zone_options options = {.faults = &faults};
    list_append(&faults, &slow.link);
    with_zone(NAMES, &options, at_the_same_time);
    with_zone(NAMES, &options, another_name);
    with_zone(NAMES, &options, not_beyond_the_callers_time);
    link_remove(&slow.link);
    list_append(&faults, &silent.link);
    with_zone(NAMES, &options, trouble_once_an_hour);
    link_remove(&silent.link);
}

// --- Settings ------------------------------------------------------------------------------------

static const struct {
    const char *name, *config, *found; // first message; "": none
    size_t zones;
} settings_cases[] = {
        {"none", "", "", 0},
        {"no range", ZONE("a", "match = ['127.0.0.x']"),
                "expected ADDRESS, ADDRESS-ADDRESS or ADDRESS/PREFIX of IPv4", 1},
        {"a range from behind", ZONE("a", "match = ['127.0.0.9-127.0.0.2']"),
                "expected ADDRESS, ADDRESS-ADDRESS or ADDRESS/PREFIX of IPv4", 1},
        {"IPv6", ZONE("a", "match = ['::1']"),
                "expected ADDRESS, ADDRESS-ADDRESS or ADDRESS/PREFIX of IPv4", 1},
        {"twice", ZONE("a", "") "[auth.dnsbl]\nlookup.ip = 'a.example'\n",
                "a.example is asked twice, and counts twice", 2},
        {"of addresses and of names", ZONE("a", "") "[auth.dnsbl]\nlookup.domain = 'a.example'\n",
                "", 2},
        {"no zone", "[auth.dnsbl.zone.a]\nweight = 1\n", NULL, 0},
        {"threshold 0", "auth.dnsbl.threshold = 0\n", NULL, 0},
        {"verify of something else", "auth.dnsbl.verify = \"['ip', 'helo']\"\n", NULL, 0},
};

static void settings(void **unused UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(settings_cases); i++) {
        struct world w;
        world_init(&w, settings_cases[i].config);
        check_u64(settings_cases[i].name, w.settings.zone_count, settings_cases[i].zones);
        if (settings_cases[i].found == NULL)
            check_u64(settings_cases[i].name, w.findings.all.count, 1);
        else if (settings_cases[i].found[0] == '\0')
            check_u64(settings_cases[i].name, w.findings.all.count, 0);
        else
            check_str(settings_cases[i].name, w.findings.all.at[0].message,
                    str_from_c(settings_cases[i].found));
        world_done(&w);
    }
}

static void most_zones(void **unused UNUSED)
{
    struct arena a;
    arena_init(&a, MIB);
    for (size_t count = DNSBL_ZONES_MAX; count <= DNSBL_ZONES_MAX + 1; count++) {
        struct world w;
        struct buf text AUTO(buf_done);
        buf_init(&text, 8 * KIB);
        buf_add(&text, S("auth.dnsbl.lookup.ip = ["));
        for (size_t i = 0; i < count; i++)
            buf_fmt(&text, "'z%zu.example', ", i);
        buf_add(&text, S("]\n"));
        world_init(&w, arena_c_str(&a, buf_str(&text)));
        assert_int_equal(w.settings.zone_count, DNSBL_ZONES_MAX);
        assert_int_equal(w.findings.all.count, count - DNSBL_ZONES_MAX);
        world_done(&w);
    }
    arena_done(&a);
}

static void defaults(void **unused UNUSED)
{
    struct world w;
    world_init(&w, "auth.dnsbl.verify = \"['ip', 'return-path', 'from']\"\n");
    check_u64("findings", w.findings.all.count, 0);
    const struct expr_result *r = expr_constant(w.settings.verify);
    assert_non_null(r);
    check_u64("words", r->list_count, 3);
    check_str("word", r->list[1], dnsbl_what_name(DNSBL_RETURN_PATH));
    assert_int_equal(w.settings.threshold, 1);
    assert_int_equal(w.settings.wait_ms, 5000);
    assert_int_equal(w.settings.stage, DNSBL_AT_RCPT);
    world_done(&w);
    world_init(&w, "auth.dnsbl.stage = 'connect'\n");
    assert_int_equal(w.settings.stage, DNSBL_AT_CONNECT);
    assert_int_equal(expr_constant(w.settings.verify)->outcome, EXPR_NONE);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(lists),
            TEST(time_passes),
            TEST(settings),
            TEST(most_zones),
            TEST(defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
