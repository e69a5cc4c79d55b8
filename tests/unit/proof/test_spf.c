// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_spf.c: evaluations beyond the public suite: limits to the last look-up,
// what decides and what is said of it, trouble of the DNS, what an evil domain can make us spend.
#include "zone_fixture.h"

#include "proof/proof.h"
#include "rt/rt.h"

#define TEN(x) x x x x x x x x x x

// clang-format off
static const char zone[] = "{'zone': 1, 'names': {"
    "'two.example': {'TXT': ['v=spf1 -all', 'v=spf1 +all']},"
    "'other.example': {'TXT': ['v=spf10 -all', 'spf2.0/pra -all', 'hello']},"
    "'good.example': {'TXT': ['v=spf1 ip4:192.0.2.0/24 -all exp=why.good.example']},"
    "'why.good.example': {'TXT': ['%{i} is not for %{d}, says %{r}']},"
    "'soft.example': {'TXT': ['v=spf1 ~all']},"
    "'open.example': {'TXT': ['v=spf1 a ?all']},"
    "'empty.example': {'TXT': ['v=spf1']},"
    "'includes.example': {'TXT': ['v=spf1 include:fails.example ~include:good.example -all"
        " exp=why.includes.example']},"
    "'fails.example': {'TXT': ['v=spf1 -all exp=inner.fails.example']},"
    "'inner.fails.example': {'TXT': ['the inner words']},"
    "'why.includes.example': {'TXT': ['the outer words']},"
    "'away.example': {'TXT': ['v=spf1 redirect=good.example exp=why.away.example']},"
    "'why.away.example': {'TXT': ['never shown']},"
    "'nowhere.example': {'TXT': ['v=spf1 redirect=none.example']},"
    "'needs.example': {'TXT': ['v=spf1 include:none.example -all']},"
    "'none.example': {'A': ['192.0.2.1']},"
    "'void2.example': {'TXT': ['v=spf1 a:v1.example a:v2.example -all']},"
    "'void3.example': {'TXT': ['v=spf1 a:v1.example exists:v2.example mx:v3.example -all']},"
    "'mx4.example': {'TXT': ['v=spf1 mx -all'], 'MX': [[4, 'm4.example'], [1, 'm1.example'],"
        " [2, 'm2.example'], [3, 'm3.example']]},"
    "'m1.example': {'A': ['198.51.100.1']}, 'm2.example': {'A': ['198.51.100.2']},"
    "'m3.example': {'A': ['198.51.100.3']}, 'm4.example': {'A': ['198.51.100.4']},"
    "'order.example': {'TXT': ['v=spf1 mx -all'], 'MX': [[20, 'slow.example'], [10, "
        "'m1.example']]},"
    "'order2.example': {'TXT': ['v=spf1 mx -all'], 'MX': [[10, 'slow.example'], [20, "
        "'m1.example']]},"
    "'slow.example': 'TIMEOUT',"
    "'nullmx.example': {'TXT': ['v=spf1 mx -all'], 'MX': [[0, '']]},"
    "'mx11.example': {'TXT': ['v=spf1 mx -all'], 'MX': ["
        "[1, 'a1.example'], [2, 'a2.example'], [3, 'a3.example'], [4, 'a4.example'],"
        "[5, 'a5.example'], [6, 'a6.example'], [7, 'a7.example'], [8, 'a8.example'],"
        "[9, 'a9.example'], [10, 'a10.example'], [11, 'a11.example']]},"
    "'ten.example': {'TXT': ['v=spf1 " TEN("a:none.example ") "-all']},"
    "'eleven.example': {'TXT': ['v=spf1 " TEN("a:none.example ") "exists:none.example -all']},"
    "'loop.example': {'TXT': ['v=spf1 include:loop.example -all']},"
    "'pool.example': {'TXT': ['v=spf1 include:loop2.example -all']},"
    "'loop2.example': {'TXT': ['v=spf1 redirect=pool.example']},"
    "'ptr.example': {'TXT': ['v=spf1 ptr -all']},"
    "'3.2.0.192.in-addr.arpa': {'PTR': ['bad.ptr.example', 'host.ptr.example']},"
    "'host.ptr.example': {'A': ['192.0.2.3']}, 'bad.ptr.example': {'A': ['192.0.2.4']},"
    "'p.example': {'TXT': ['v=spf1 exists:%{p}.x.example -all']},"
    "'host.ptr.example.x.example': {'A': ['127.0.0.2']},"
    "'local.example': {'TXT': ['v=spf1 exists:%{l}.x.example include:%{l}.x.example -all']},"
    "'report.example': {'TXT': ['v=spf1 -all ra=abuse rp=25 rr=e:f']},"
    "'report2.example': {'TXT': ['v=spf1 -all ra=abuse rp=101 rr=zzz']},"
    "'slash.example': {'TXT': ['v=spf1 exists:%{l}.s.example -all']},"
    "'a\\\\\\\\b.s.example': {'A': ['127.0.0.2']},"
    "'xn--bcher-kva.example': {'TXT': ['v=spf1 ip4:192.0.2.1 -all']},"
    "'servfail.example': 'SERVFAIL',"
    "'expfail.example': {'TXT': ['v=spf1 -all exp=servfail.example']},"
    "'extwo.example': {'TXT': ['v=spf1 -all exp=two.example']}"
    "}}";
// clang-format on

struct spf_case {
    const char *name, *ip, *sender;
    enum spf_result result;
    const char *mechanism, *explanation, *problem; // NULL: none
    uint32_t lookups, voids;
    const char *helo; // NULL: mx.example.org
};

static const struct spf_case cases[] = {
        {"two records", "192.0.2.1", "a@two.example", SPF_PERMERROR, NULL, NULL,
                "two.example has more than one SPF record", 0, 0, NULL},
        {"none of the records is one", "192.0.2.1", "a@other.example", SPF_NONE, NULL, NULL,
                "other.example has no SPF record", 0, 0, NULL},
        {"one label", "192.0.2.1", "a@localhost", SPF_NONE, NULL, NULL,
                "the name is no domain of two labels or more", 0, 0, NULL},
        {"an address literal", "192.0.2.1", "a@[192.0.2.1]", SPF_NONE, NULL, NULL,
                "the name is no domain of two labels or more", 0, 0, NULL},
        {"a dot too many", "192.0.2.1", "a@good..example", SPF_NONE, NULL, NULL,
                "the name is no domain of two labels or more", 0, 0, NULL},
        {"a dot at the end", "192.0.2.1", "a@good.example.", SPF_PASS, "ip4:192.0.2.0/24", NULL,
                NULL, 0, 0, NULL},
        {"a backslash", "192.0.2.1", "a@go\\od.example", SPF_NONE, NULL, NULL,
                "the name is no domain of two labels or more", 0, 0, NULL},
        {"pass", "192.0.2.1", "a@GOOD.example", SPF_PASS, "ip4:192.0.2.0/24", NULL, NULL, 0, 0,
                NULL},
        {"a mapped address", "::ffff:192.0.2.1", "a@good.example", SPF_PASS, "ip4:192.0.2.0/24",
                NULL, NULL, 0, 0, NULL},
        {"fail, and why", "198.51.100.1", "a@good.example", SPF_FAIL, "-all",
                "198.51.100.1 is not for good.example, says mx.here.example", NULL, 0, 0, NULL},
        {"softfail", "192.0.2.1", "a@soft.example", SPF_SOFTFAIL, "~all", NULL, NULL, 0, 0, NULL},
        {"neutral", "192.0.2.1", "a@open.example", SPF_NEUTRAL, "?all", NULL, NULL, 1, 1, NULL},
        {"nothing matches", "192.0.2.1", "a@empty.example", SPF_NEUTRAL, NULL, NULL, NULL, 0, 0,
                NULL},
        {"a match within", "192.0.2.1", "a@includes.example", SPF_SOFTFAIL, "~include:good.example",
                NULL, NULL, 2, 0, NULL},
        {"the words of an included record are never shown", "198.51.100.1", "a@includes.example",
                SPF_FAIL, "-all", "the outer words", NULL, 2, 0, NULL},
        {"a redirect takes its words along", "198.51.100.1", "a@away.example", SPF_FAIL, "-all",
                "198.51.100.1 is not for good.example, says mx.here.example", NULL, 1, 0, NULL},
        {"a redirect to nowhere", "192.0.2.1", "a@nowhere.example", SPF_PERMERROR, NULL, NULL,
                "none.example has no SPF record", 1, 1, NULL},
        {"an include of nothing", "192.0.2.1", "a@needs.example", SPF_PERMERROR, NULL, NULL,
                "none.example has no SPF record", 1, 1, NULL},
        {"two void look-ups", "192.0.2.1", "a@void2.example", SPF_FAIL, "-all", NULL, NULL, 2, 2,
                NULL},
        {"a third one", "192.0.2.1", "a@void3.example", SPF_PERMERROR, NULL, NULL,
                "more than 2 look-ups found nothing", 3, 3, NULL},
        {"IPv6 against exchanges of IPv4", "2001:db8::1", "a@mx4.example", SPF_FAIL, "-all", NULL,
                NULL, 1, 0, NULL},
        {"the last of the exchanges", "198.51.100.4", "a@mx4.example", SPF_PASS, "mx", NULL, NULL,
                1, 0, NULL},
        {"a match before trouble", "198.51.100.1", "a@order.example", SPF_PASS, "mx", NULL, NULL, 1,
                0, NULL},
        {"trouble before a match", "198.51.100.1", "a@order2.example", SPF_TEMPERROR, NULL, NULL,
                "addresses of slow.example: TIMEOUT", 1, 0, NULL},
        {"a null MX", "192.0.2.1", "a@nullmx.example", SPF_FAIL, "-all", NULL, NULL, 1, 0, NULL},
        {"eleven exchanges", "192.0.2.1", "a@mx11.example", SPF_PERMERROR, NULL, NULL,
                "mx11.example has more than 10 exchanges", 1, 0, NULL},
        {"ten look-ups", "192.0.2.9", "a@ten.example", SPF_FAIL, "-all", NULL, NULL, 10, 0, NULL},
        {"eleven look-ups", "192.0.2.9", "a@eleven.example", SPF_PERMERROR, NULL, NULL,
                "more than 10 terms want look-ups", 10, 0, NULL},
        {"a record that includes itself", "192.0.2.1", "a@loop.example", SPF_PERMERROR, NULL, NULL,
                "more than 10 terms want look-ups", 10, 0, NULL},
        {"two that lead to each other", "192.0.2.1", "a@pool.example", SPF_PERMERROR, NULL, NULL,
                "more than 10 terms want look-ups", 10, 0, NULL},
        {"a validated name", "192.0.2.3", "a@ptr.example", SPF_PASS, "ptr", NULL, NULL, 1, 0, NULL},
        {"no name at all", "192.0.2.5", "a@ptr.example", SPF_FAIL, "-all", NULL, NULL, 1, 1, NULL},
        {"%{p} counts, and is the validated name", "192.0.2.3", "a@p.example", SPF_PASS,
                "exists:%{p}.x.example", NULL, NULL, 2, 0, NULL},
        {"a local part beyond ASCII does not match", "192.0.2.3", "\303\244@local.example",
                SPF_FAIL, "-all", NULL, NULL, 2, 0, NULL},
        {"a backslash in a local part", "192.0.2.3", "a\\b@slash.example", SPF_PASS,
                "exists:%{l}.s.example", NULL, NULL, 1, 0, NULL},
        {"a name beyond ASCII", "192.0.2.1", "a@b\303\274cher.example", SPF_PASS, "ip4:192.0.2.1",
                NULL, NULL, 0, 0, NULL},
        {"the servers fail", "192.0.2.1", "a@servfail.example", SPF_TEMPERROR, NULL, NULL,
                "TXT of servfail.example: SERVFAIL", 0, 0, NULL},
        {"the explanation's servers fail", "192.0.2.1", "a@expfail.example", SPF_FAIL, "-all", NULL,
                NULL, 0, 0, NULL},
        {"two explanations", "192.0.2.1", "a@extwo.example", SPF_FAIL, "-all", NULL, NULL, 0, 0,
                NULL},
        {"the null sender", "192.0.2.1", "", SPF_PASS, "ip4:192.0.2.0/24", NULL, NULL, 0, 0,
                "good.example"},
        {"the null sender of a literal", "192.0.2.1", "", SPF_NONE, NULL, NULL,
                "the name is no domain of two labels or more", 0, 0, "[192.0.2.1]"},
        {"a HELO name that would be a sender", "192.0.2.1", "", SPF_NONE, NULL, NULL,
                "the name is no domain of two labels or more", 0, 0, "a@good.example"},
        {"a sender without local part", "192.0.2.1", "good.example", SPF_PASS, "ip4:192.0.2.0/24",
                NULL, NULL, 0, 0, NULL},
};

static void check_text(const char *name, struct str got, const char *want)
{
    if (want == NULL ? !str_is_null(got) : !str_eq(got, str_from_c(want)))
        check_failed("%s: \"%.*s\" instead of \"%s\"", name, ARG(got), want != NULL ? want : "");
}

static struct err check_case(struct resolver *r, const struct spf_case *c, struct spf_answer *out,
        struct arena *a) suspends
{
    struct spf_settings settings = spf_settings_default();
    struct spf_question q = {.sender = str_from_c(c->sender), .receiver = S("mx.here.example")};
    q.helo = c->helo != NULL ? str_from_c(c->helo) : S("mx.example.org");
    assert_true(ip_parse(str_from_c(c->ip), &q.ip));
    return spf_check(r, a, &settings, &q, out);
}

static struct err run_cases(struct resolver *r, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct spf_case *c = &cases[i];
        struct arena a AUTO(arena_done);
        struct spf_answer answer;
        arena_init(&a, MIB);
        TRY(check_case(r, c, &answer, &a));
        check_str(c->name, spf_result_name(answer.result), spf_result_name(c->result));
        check_text(c->name, answer.mechanism, c->mechanism);
        check_text(c->name, answer.explanation, c->explanation);
        check_text(c->name, answer.problem, c->problem);
        check_u64(c->name, answer.lookups, c->lookups);
        check_u64(c->name, answer.voids, c->voids);
    }
    return OK;
}

static void evaluates(void **state)
{
    (void)state;
    with_zone(zone, NULL, run_cases, NULL);
}

static struct err run_reporting(struct resolver *r, void *arg)
{
    (void)arg;
    struct arena a AUTO(arena_done);
    struct spf_answer answer;
    arena_init(&a, MIB);
    TRY(check_case(
            r, &(struct spf_case){.ip = "192.0.2.1", .sender = "a@report.example"}, &answer, &a));
    check_str("ra", answer.reporting.address, S("abuse"));
    assert_int_equal(answer.reporting.percent, 25);
    assert_true(answer.reporting.error && answer.reporting.fail);
    assert_false(answer.reporting.softfail || answer.reporting.neutral);
    TRY(check_case(
            r, &(struct spf_case){.ip = "192.0.2.1", .sender = "a@report2.example"}, &answer, &a));
    assert_int_equal(answer.reporting.percent, 100);
    assert_true(answer.reporting.softfail && answer.reporting.neutral);
    return OK;
}

static struct err run_exempt(struct resolver *r, void *arg)
{
    (void)arg;
    struct arena a AUTO(arena_done);
    struct spf_settings settings = spf_settings_default();
    struct spf_answer answer;
    struct proof_refusal no;
    arena_init(&a, MIB);
    struct spf_question q = {.sender = S("a@good.example"), .exempt = true};
    assert_true(ip_parse(S("198.51.100.1"), &q.ip));
    TRY(spf_check(r, &a, &settings, &q, &answer));
    check_str("result", spf_result_name(answer.result), S("none"));
    assert_false(spf_refuses(&a, &answer, PROOF_STRICT, &no));
    assert_int_equal(resolver_figures(r).asked, 0);
    struct str field = authres_received_spf(&a, &answer, S("mx.here.example"), false);
    check_true("field", str_contains(field, S("none (mx.here.example: local policy)")));
    return OK;
}

static void spares_the_exempt(void **state)
{
    (void)state;
    with_zone(zone, NULL, run_exempt, NULL);
}

// A session's own deadline is the session's: it is handed up, and no result.
static struct err run_hurried(struct resolver *r, void *arg)
{
    (void)arg;
    struct arena a AUTO(arena_done);
    struct spf_answer answer;
    within_ms(5 * SECOND_MS);
    arena_init(&a, MIB);
    struct err e = check_case(
            r, &(struct spf_case){.ip = "192.0.2.1", .sender = "a@evil.example"}, &answer, &a);
    assert_int_equal(e.kind, ERR_TIMEOUT);
    return OK;
}

static void reads_who_wants_reports(void **state)
{
    (void)state;
    with_zone(zone, NULL, run_reporting, NULL);
}

// --- Costs ---------------------------------------------------------------------------------------

// A domain whose every term wants as much as a term can: ten exchanges each, and nothing cached.
static void evil_zone(struct buf *out)
{
    buf_add(out, S("{'zone': 1, 'names': {'evil.example': {'TXT': ['v=spf1"));
    for (int i = 0; i < 100; i++)
        buf_fmt(out, " mx:m%d.example", i);
    buf_add(out, S(" -all']}"));
    for (int i = 0; i < 100; i++) {
        buf_fmt(out, ",'m%d.example': {'MX': [", i);
        for (int j = 0; j < 10; j++)
            buf_fmt(out, "%s[%d, 'x%d-%d.example']", j > 0 ? "," : "", j, i, j);
        buf_add(out, S("]}"));
    }
    buf_add(out, S("}}"));
    buf_add_byte(out, '\0');
}

static struct err run_evil_at_once(struct resolver *r, void *arg)
{
    (void)arg;
    struct arena a AUTO(arena_done);
    struct spf_answer answer;
    arena_init(&a, MIB);
    TRY(check_case(
            r, &(struct spf_case){.ip = "192.0.2.1", .sender = "a@evil.example"}, &answer, &a));
    check_text("problem", answer.problem, "more than 10 terms want look-ups");
    check_u64("questions", resolver_figures(r).asked, 1 + 10 + 10 * 10);
    return OK;
}

static struct err run_slow(struct resolver *r, void *arg)
{
    (void)arg;
    struct arena a AUTO(arena_done);
    struct spf_answer answer;
    int64_t began_ms = now_ms();
    arena_init(&a, MIB);
    TRY(check_case(
            r, &(struct spf_case){.ip = "192.0.2.1", .sender = "a@evil.example"}, &answer, &a));
    check_str("result", spf_result_name(answer.result), S("temperror"));
    check_u64("time", (uint64_t)(now_ms() - began_ms), 20 * SECOND_MS);
    check_true("questions", resolver_figures(r).asked <= 1 + 10 + 10 * 10);
    return OK;
}

static void bounds_what_a_domain_costs(void **state)
{
    (void)state;
    struct buf text AUTO(buf_done);
    struct list faults;
    struct dns_fault slow = {.kind = DNS_FAULT_DELAY_ONLY, .delay_ms = 3 * SECOND_MS};
    buf_init(&text, MIB);
    evil_zone(&text);
    with_zone(text.ptr, NULL, run_evil_at_once, NULL);
    list_init(&faults);
    list_append(&faults, &slow.link);
    with_zone(text.ptr, &faults, run_slow, NULL);
    with_zone(text.ptr, &faults, run_hurried, NULL);
}

// Answers that are much larger than anybody needs use up the evaluation's memory, not the
// caller's.
static struct err run_large(struct resolver *r, void *arg)
{
    (void)arg;
    struct arena a AUTO(arena_done);
    struct spf_answer answer;
    arena_init(&a, 2 * KIB);
    TRY(check_case(
            r, &(struct spf_case){.ip = "192.0.2.1", .sender = "a@large.example"}, &answer, &a));
    check_str("result", spf_result_name(answer.result), S("temperror"));
    check_text("problem", answer.problem, "no memory for records of the DNS");
    return OK;
}

static void bounds_memory(void **state)
{
    (void)state;
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * MIB);
    buf_add(&text, S("{'zone': 1, 'names': {'large.example': {'TXT': ['v=spf1 -all'"));
    for (int i = 0; i < 1000; i++) {
        buf_add(&text, S(", '"));
        buf_add_repeat(&text, 'x', 2000);
        buf_add_byte(&text, '\'');
    }
    buf_add(&text, S("]}}}"));
    buf_add_byte(&text, '\0');
    with_zone(text.ptr, NULL, run_large, NULL);
}

// Whatever ten domains publish about each other, an evaluation ends, and asks no more than this: a
// record and ten terms with ten addresses each, the names of the peer once, and an explanation.
#define QUESTIONS_MAX (1 + 10 * (1 + SPF_EXCHANGES_MAX) + 1 + SPF_POINTERS_MAX + 1)
#define NAMES 10
#define WORLDS 300

static const char *const term_pool[] = {"include:d%u.example", "redirect=d%u.example",
        "mx:d%u.example", "a:d%u.example/24", "?ptr:d%u.example", "exists:%%{ir}.d%u.example",
        "include:%%{p}", "-exists:%%{p2}.d%u.example", "~include:d%u.example", "mx/24//64",
        "include:%%{d}", "exists:%%{l}.%%{h}.%%{o}.d%u.example", "exp=d%u.example", "moo=%%{s}",
        "-ip4:192.0.2.%u", "include:%%{d1r}.d%u.example"};

static void random_name(struct buf *out, uint64_t *seed, unsigned name)
{
    buf_fmt(out, "%s'd%u.example': {'A': ['192.0.2.%u'], 'TXT': ['v=spf1", name > 0 ? "," : "",
            name, name);
    for (unsigned terms = 5; terms > 0; terms--) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        size_t pick = (*seed >> 33) % COUNT_OF(term_pool);
        unsigned other = (unsigned)((*seed >> 45) % NAMES);
        struct str term = str_from_c(term_pool[pick]), before, behind;
        buf_add_byte(out, ' ');
        for (; str_cut(term, '%', &before, &behind); term = str_from(behind, 1)) {
            buf_add(out, before);
            if (str_starts(behind, S("u")))
                buf_fmt(out, "%u", other);
            else
                buf_add_byte(out, '%');
        }
        buf_add(out, term);
    }
    buf_add(out, S("'], 'MX': ["));
    for (unsigned i = 0; i < NAMES; i++)
        buf_fmt(out, "%s[%u, 'd%u.example']", i > 0 ? "," : "", i, i);
    buf_add(out, S("]}"));
}

static struct err run_world(struct resolver *r, void *arg)
{
    size_t *decided = arg;
    for (unsigned name = 0; name < NAMES; name++) {
        struct arena a AUTO(arena_done);
        struct spf_answer answer;
        uint64_t before = resolver_figures(r).asked;
        char sender[] = "a@d0.example";
        sender[3] = (char)('0' + name);
        arena_init(&a, MIB);
        TRY(check_case(r, &(struct spf_case){.ip = "192.0.2.3", .sender = sender}, &answer, &a));
        check_true("questions", resolver_figures(r).asked - before <= QUESTIONS_MAX);
        check_true("look-ups", answer.lookups <= 10 && answer.voids <= 3);
        check_true("problem", (answer.result == SPF_PERMERROR) == !str_is_null(answer.problem));
        *decided += answer.result != SPF_PERMERROR;
    }
    return OK;
}

static void always_ends(void **state)
{
    (void)state;
    size_t decided = 0;
    uint64_t seed = 7208;
    for (size_t world = 0; world < WORLDS; world++) {
        struct buf text AUTO(buf_done);
        buf_init(&text, MIB);
        buf_add(&text, S("{'zone': 1, 'names': {'3.2.0.192.in-addr.arpa': {'PTR': ["));
        for (unsigned i = 0; i < NAMES; i++)
            buf_fmt(&text, "%s'd%u.example'", i > 0 ? "," : "", i);
        buf_add(&text, S("]},"));
        for (unsigned name = 0; name < NAMES; name++)
            random_name(&text, &seed, name);
        buf_add(&text, S("}}"));
        buf_add_byte(&text, '\0');
        with_zone(text.ptr, NULL, run_world, &decided);
    }
    check_true("some of them mean something", decided > 0 && decided < WORLDS * NAMES);
}

// --- What is refused -----------------------------------------------------------------------------

struct refusal_case {
    enum spf_result result;
    const char *strict, *enforce; // NULL: accepted
};

static const struct refusal_case refusals[] = {
        {SPF_PASS, NULL, NULL},
        {SPF_NONE, "550 5.7.23 SPF validation failed, status: None.", NULL},
        {SPF_NEUTRAL, "550 5.7.23 SPF validation failed, status: Neutral.", NULL},
        {SPF_SOFTFAIL, "550 5.7.23 SPF validation failed, status: SoftFail.", NULL},
        {SPF_FAIL, "550 5.7.23 SPF validation failed, status: Fail.",
                "550 5.7.23 SPF validation failed, status: Fail."},
        {SPF_PERMERROR, "550 5.7.24 SPF validation error, status: PermError.", NULL},
        {SPF_TEMPERROR, "451 4.7.24 Temporary SPF validation error.",
                "451 4.7.24 Temporary SPF validation error."},
};

static void check_refusal(
        const struct spf_answer *answer, enum proof_strategy strategy, const char *want)
{
    struct arena a AUTO(arena_done);
    struct proof_refusal no;
    arena_init(&a, KIB);
    bool refused = spf_refuses(&a, answer, strategy, &no);
    assert_int_equal(refused, want != NULL);
    if (refused) {
        struct str said = arena_fmt(&a, "%u %.*s %.*s", no.code, ARG(no.status), ARG(no.text));
        check_str(want, said, str_from_c(want));
    }
}

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct spf_answer answer = {.result = refusals[i].result};
        check_refusal(&answer, PROOF_DISABLE, NULL);
        check_refusal(&answer, PROOF_RELAXED, NULL);
        check_refusal(&answer, PROOF_STRICT, refusals[i].strict);
        check_refusal(&answer, PROOF_ENFORCE, refusals[i].enforce);
    }
}

static void quotes_the_domain(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    struct buf words AUTO(buf_done);
    struct proof_refusal no;
    struct spf_answer answer = {.result = SPF_FAIL, .domain = S("example.com")};
    arena_init(&a, 4 * KIB);
    buf_init(&words, 4 * KIB);
    answer.explanation = S("See\r\n250 https://why.example.com/\x7f");
    assert_true(spf_refuses(&a, &answer, PROOF_STRICT, &no));
    check_str("controls", no.detail, S("example.com explains: See250 https://why.example.com/"));
    buf_add_repeat(&words, 'x', 1000);
    answer.explanation = buf_str(&words);
    assert_true(spf_refuses(&a, &answer, PROOF_STRICT, &no));
    check_u64("long words", no.detail.len, sizeof("example.com explains: ") - 1 + 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(evaluates), TEST(spares_the_exempt),
            TEST(reads_who_wants_reports), TEST(bounds_what_a_domain_costs), TEST(bounds_memory),
            TEST(always_ends), TEST(refuses), TEST(quotes_the_domain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
