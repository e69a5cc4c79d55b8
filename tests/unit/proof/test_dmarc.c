// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_dmarc.c: records, walks and answers of DMARC beyond the public suite.
#include "zone_fixture.h"

#include "mail/suffix.h"
#include "proof/evidence.h"
#include "proof/proof.h"
#include "rt/rt.h"

// --- Records -------------------------------------------------------------------------------------

struct record_case {
    const char *name, *text;
    const char *seen; // NULL: it is no record
};

static const struct record_case records[] = {
        {"no version", "p=none", NULL},
        {"another version", "v=DMARC12; p=none", NULL},
        {"in lower case", "v=dmarc1; p=none", NULL},
        {"not first", "p=none; v=DMARC1", NULL},
        {"a blank instead of the semicolon", "v=DMARC1 p=none", NULL},
        {"nothing else", "v=DMARC1", "- - - rr 100%0 no policy"},
        {"white space", " V\t=\tDMARC1 ; P = Reject \t;", "reject reject reject rr 100%0"},
        {"sp and np follow", "v=DMARC1;p=reject;sp=none", "reject none none rr 100%0"},
        {"np alone", "v=DMARC1;p=none;np=reject", "none none reject rr 100%0"},
        {"all of it",
                "v=DMARC1; p=quarantine; sp=reject; np=none; adkim=S; aspf=s; psd=Y; t=y; fo=1:d; "
                "pct=7; rua=mailto:a@x.example!10m , https://x.example/; ruf=mailto:b@x.example",
                "quarantine reject none ss 7%2 mailto:a@x.example https://x.example/ test"},
        {"a bad sp without rua", "v=DMARC1;p=reject;sp=bad",
                "- - - rr 100%0 no policy: sp= is not valid"},
        {"a bad sp with rua", "v=DMARC1;p=reject;sp=bad;rua=mailto:a@x.example",
                "none none none rr 100%0 mailto:a@x.example: sp= is not valid"},
        {"a rua that is no URI", "v=DMARC1;rua=a@x.example",
                "- - - rr 100%0 no policy: rua= is not valid"},
        {"p twice: the first counts", "v=DMARC1;p=none;p=reject",
                "none none none rr 100%0: p= is given more than once"},
        {"defaults for nonsense", "v=DMARC1;p=none;adkim=x;aspf=;pct=101;psd=?;t=1;fo=7",
                "none none none rr 100%0: adkim= is not valid"},
        {"sizes of reports",
                "v=DMARC1;p=none;rua=mailto:a@x.example!,mailto:b@x.example!10p,"
                "mailto:c@x.example!5,mailto:d@x.example!0G",
                "none none none rr 100%0 mailto:c@x.example mailto:d@x.example: rua= is not valid"},
        {"something unknown", "v=DMARC1;p=none;x;y=;=z;;", "none none none rr 100%0"},
};

static void describe(struct buf *out, const struct dmarc_record *r)
{
    const enum dmarc_policy policies[] = {r->p, r->sp, r->np};
    for (size_t i = 0; i < COUNT_OF(policies); i++) {
        struct str name = dmarc_policy_name(policies[i]);
        buf_fmt(out, "%.*s ", ARG(str_is_null(name) ? S("-") : name));
    }
    buf_add_byte(out, r->strict_dkim ? 's' : 'r');
    buf_add_byte(out, r->strict_spf ? 's' : 'r');
    buf_fmt(out, " %u%%%u", r->percent, (unsigned)r->fo_any + r->fo_dkim);
    for (size_t i = 0; i < r->rua.count; i++)
        buf_fmt(out, " %.*s", ARG(r->rua.at[i]));
    buf_add(out, r->test_mode ? S(" test") : S(""));
    buf_add(out, r->no_policy ? S(" no policy") : S(""));
    if (!str_is_null(r->oddity))
        buf_fmt(out, ": %.*s", ARG(r->oddity));
}

static void reads_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        struct arena a AUTO(arena_done);
        struct buf seen AUTO(buf_done);
        struct dmarc_record record;
        arena_init(&a, MIB);
        buf_init(&seen, KIB);
        struct err e = dmarc_record_parse(&a, str_from_c(records[i].text), &record);
        if (failed(e) != (records[i].seen == NULL))
            check_failed("%s: %.*s", records[i].name, ARG(err_text(e)));
        if (failed(e))
            continue;
        describe(&seen, &record);
        check_str(records[i].name, buf_str(&seen), str_from_c(records[i].seen));
    }
}

// --- Answers -------------------------------------------------------------------------------------

// clang-format off
static const char zone[] = "{'zone': 1, 'names': {"
    ""
        "'_dmarc.example.com': {'TXT': ['v=DMARC1; p=reject; sp=quarantine; "
        "np=reject; rua=mailto:d@example.com']},"
    "'sub.example.com': {'AAAA': ['2001:db8::1']},"
    "'broken.example.com': 'SERVFAIL',"
    "'_dmarc.psd.example': {'TXT': ['v=DMARC1; p=reject; psd=y; np=quarantine']},"
    "'_dmarc.low.example.net': {'TXT': ['v=DMARC1; p=quarantine; psd=n']},"
    "'_dmarc.example.net': {'TXT': ['v=DMARC1; p=reject']},"
    "'_dmarc.test.example': {'TXT': ['v=DMARC1; p=reject; t=y']},"
    "'_dmarc.pct.example': {'TXT': ['v=DMARC1; p=reject; pct=0']},"
    "'_dmarc.pctn.example': {'TXT': ['v=DMARC1; p=reject; pct=0; t=n']},"
    "'_dmarc.void.example': {'TXT': ['v=DMARC1; p=perhaps']},"
    "'_dmarc.two.example': {'TXT': ['v=DMARC1; p=none', 'v=DMARC1; p=none', 'other']},"
    "'_dmarc.one.example': {'TXT': ['other', 'v=DMARC1; p=quarantine', 'v=DMARC12; p=none']},"
    "'_dmarc.up.example': 'TIMEOUT',"
    "'_dmarc.down.example': {'TXT': ['v=DMARC1; p=reject']}, '_dmarc.example': {'*': 'NODATA'},"
    "'_dmarc.strict.example': {'TXT': ['v=DMARC1; p=reject; aspf=s; adkim=s']},"
    "'_dmarc.xn--bcher-kva.example': {'TXT': ['v=DMARC1; p=quarantine']},"
    "'_dmarc.shaky.test': {'TXT': ['v=DMARC1; p=reject']}, '_dmarc.test': 'SERVFAIL',"
    "'_dmarc.co.uk': {'TXT': ['v=DMARC1; p=reject; psd=y']}, "
        "'_dmarc.uk': {'TXT': ['v=DMARC1; p=reject']},"
    "'_dmarc.quiet.example': {'TXT': ['v=DMARC1; p=none']}"
    "}}";
// clang-format on

struct dmarc_case {
    const char *name, *author;
    const char *spf, *dkim; // "domain", "?domain" for trouble, "!domain" for a failure; NULL: none
    const char *expected;   // result policy>disposition domain org [spf] [dkim]: comment
    const char *strict;     // the refusal, NULL: none
};

static const struct dmarc_case cases[] = {
        {"no proof", "example.com", NULL, NULL,
                "fail reject>reject example.com example.com: no passing identifiers", "550 5.7.1"},
        {"somebody else's", "example.com", "other.example", NULL,
                "fail reject>reject example.com example.com: policy not aligned", "550 5.7.1"},
        {"SPF", "example.com", "bounce.example.com", NULL,
                "pass reject>reject example.com example.com spf=bounce.example.com", NULL},
        {"in any case, with a dot", "EXAMPLE.com.", "Example.COM", NULL,
                "pass reject>reject example.com example.com spf=example.com", NULL},
        {"DKIM beside a failing SPF", "example.com", "!example.com", "a.b.example.com",
                "pass reject>reject example.com example.com dkim=a.b.example.com", NULL},
        {"a name that ends alike", "example.com", "notexample.com", NULL,
                "fail reject>reject example.com example.com: policy not aligned", "550 5.7.1"},
        {"sp of a name that exists without A", "sub.example.com", NULL, NULL,
                "fail quarantine>quarantine example.com example.com: no passing identifiers", NULL},
        {"np of one that does not", "nope.example.com", NULL, NULL,
                "fail reject>reject example.com example.com: no passing identifiers", "550 5.7.1"},
        {"one that cannot be asked for exists", "broken.example.com", NULL, NULL,
                "fail quarantine>quarantine example.com example.com: no passing identifiers", NULL},
        {"a name of eight labels", "a.b.c.d.e.f.example.com", "example.com", NULL,
                "pass reject>reject example.com example.com spf=example.com", NULL},
        {"an underscore does not hide", "a_b.example.com", NULL, NULL,
                "fail reject>reject example.com example.com: no passing identifiers", "550 5.7.1"},
        {"below a public suffix", "shop.psd.example", "mail.shop.psd.example", NULL,
                "pass quarantine>quarantine psd.example shop.psd.example spf=mail.shop.psd.example",
                NULL},
        {"its neighbour", "shop.psd.example", "other.psd.example", NULL,
                "fail quarantine>quarantine psd.example shop.psd.example: policy not aligned",
                NULL},
        {"the suffix itself", "psd.example", "psd.example", NULL,
                "pass reject>reject psd.example psd.example spf=psd.example", NULL},
        {"psd=n in the middle", "low.example.net", "example.net", NULL,
                "fail quarantine>quarantine low.example.net low.example.net: policy not aligned",
                NULL},
        {"and within", "low.example.net", "x.low.example.net", NULL,
                "pass quarantine>quarantine low.example.net low.example.net spf=x.low.example.net",
                NULL},
        {"psd=n above the identifier", "example.net", "x.low.example.net", NULL,
                "fail reject>reject example.net example.net: policy not aligned", "550 5.7.1"},
        {"test mode", "test.example", NULL, NULL,
                "fail reject>quarantine test.example test.example test: no passing identifiers",
                NULL},
        {"pct=0 is test mode", "pct.example", NULL, NULL,
                "fail reject>quarantine pct.example pct.example test: no passing identifiers",
                NULL},
        {"unless t= says no", "pctn.example", NULL, NULL,
                "fail reject>reject pctn.example pctn.example: no passing identifiers",
                "550 5.7.1"},
        {"no valid policy", "void.example", "void.example", NULL,
                "none -:-> - void.example: no valid policy", NULL},
        {"two records", "two.example", "two.example", NULL,
                "none -:-> - two.example: more than one policy record", NULL},
        {"one among others", "one.example", NULL, NULL,
                "fail quarantine>quarantine one.example one.example: no passing identifiers", NULL},
        {"nobody has a policy", "plain.test.invalid", "plain.test.invalid", NULL,
                "none -:-> - plain.test.invalid", NULL},
        {"no answer", "up.example", "up.example", NULL,
                "temperror -:-> - -: TXT of _dmarc.up.example: TIMEOUT", "451 4.7.1"},
        {"no answer further up does not matter to equals", "shaky.test", "shaky.test", NULL,
                "pass reject>reject shaky.test - spf=shaky.test", NULL},
        {"but to others", "shaky.test", "mx.shaky.test", NULL,
                "temperror reject>reject shaky.test -", "451 4.7.1"},
        {"and not to those who never could", "shaky.test", "other.example", NULL,
                "fail reject>reject shaky.test -: policy not aligned", "550 5.7.1"},
        {"an SPF that could not be asked", "example.com", "?example.com", NULL,
                "temperror reject>reject example.com example.com", "451 4.7.1"},
        {"that of a stranger", "example.com", "?other.example", NULL,
                "fail reject>reject example.com example.com: no passing identifiers", "550 5.7.1"},
        {"a DKIM that could not be asked, p=none", "quiet.example", NULL, "?x.quiet.example",
                "temperror none>none quiet.example quiet.example", NULL},
        {"trouble beside a pass", "example.com", "?example.com", "example.com",
                "pass reject>reject example.com example.com dkim=example.com", NULL},
        {"strict", "strict.example", "mx.strict.example", "mx.strict.example",
                "fail reject>reject strict.example strict.example: policy not aligned",
                "550 5.7.1"},
        {"strict, and equal", "strict.example", NULL, "strict.example",
                "pass reject>reject strict.example strict.example dkim=strict.example", NULL},
        {"strict, and trouble below", "strict.example", "?mx.strict.example", NULL,
                "fail reject>reject strict.example strict.example: no passing identifiers",
                "550 5.7.1"},
        {"beyond ASCII", "b\303\274cher.example", "xn--bcher-kva.example", NULL,
                "pass quarantine>quarantine xn--bcher-kva.example xn--bcher-kva.example "
                "spf=xn--bcher-kva.example",
                NULL},
        {"one label", "localhost", "localhost", NULL, "none -:-> - -: no author domain", NULL},
        {"a literal", "[192.0.2.1]", NULL, NULL, "none -:-> - -: no author domain", NULL},
        {"an empty label", "a..example.com", NULL, NULL, "none -:-> - -: no author domain", NULL},
};

static struct dmarc_identifier identifier(const char *text)
{
    struct dmarc_identifier id = {.domain = str_from_c(text), .result = DMARC_PROOF_PASS};
    if (str_starts(id.domain, S("?")))
        id.result = DMARC_PROOF_TEMPERROR;
    if (str_starts(id.domain, S("!")))
        id.result = DMARC_PROOF_OTHER;
    id.domain = str_from(id.domain, id.result == DMARC_PROOF_PASS ? 0 : 1);
    return id;
}

static struct str or_dash(struct str text)
{
    return str_is_null(text) ? S("-") : text;
}

static void summarize(struct buf *out, const struct dmarc_answer *answer)
{
    struct str result = dmarc_result_name(answer->result);
    buf_add(out, result);
    if (answer->policy == DMARC_UNSPECIFIED) {
        buf_add(out, S(" -:->"));
    } else {
        struct str policy = dmarc_policy_name(answer->policy);
        struct str disposition = dmarc_policy_name(answer->disposition);
        buf_fmt(out, " %.*s>%.*s", ARG(policy), ARG(disposition));
    }
    buf_fmt(out, " %.*s %.*s", ARG(or_dash(answer->policy_domain)),
            ARG(or_dash(answer->org_domain)));
    if (!str_is_null(answer->spf_aligned))
        buf_fmt(out, " spf=%.*s", ARG(answer->spf_aligned));
    if (!str_is_null(answer->dkim_aligned))
        buf_fmt(out, " dkim=%.*s", ARG(answer->dkim_aligned));
    buf_add(out, answer->test_mode ? S(" test") : S(""));
    if (!str_is_null(answer->comment))
        buf_fmt(out, ": %.*s", ARG(answer->comment));
}

static void check_refusal(const struct dmarc_case *c, const struct dmarc_answer *answer)
{
    struct arena a AUTO(arena_done);
    struct proof_refusal no = {0};
    arena_init(&a, KIB);
    check_true(c->name, !dmarc_refuses(answer, PROOF_RELAXED, &no));
    bool refused = dmarc_refuses(answer, PROOF_STRICT, &no);
    struct str said = refused ? arena_fmt(&a, "%u %.*s", no.code, ARG(no.status)) : S("");
    check_str(c->name, said, c->strict != NULL ? str_from_c(c->strict) : S(""));
    check_true(c->name, dmarc_refuses(answer, PROOF_ENFORCE, &no) == refused);
}

static struct err run_cases(struct resolver *r, void *arg)
{
    (void)arg;
    struct dmarc_settings settings = dmarc_settings_default();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct dmarc_case *c = &cases[i];
        struct arena a AUTO(arena_done);
        struct buf seen AUTO(buf_done);
        struct dmarc_identifier spf = {0}, dkim = {0};
        struct dmarc_question q = {.author = str_from_c(c->author)};
        struct dmarc_answer answer;
        arena_init(&a, MIB);
        buf_init(&seen, KIB);
        if (c->spf != NULL)
            spf = identifier(c->spf);
        if (c->dkim != NULL)
            dkim = identifier(c->dkim);
        q.spf = c->spf != NULL ? &spf : NULL;
        q.dkim = &dkim;
        q.dkim_count = c->dkim != NULL ? 1 : 0;
        TRY(dmarc_check(r, &a, &settings, &q, &answer));
        summarize(&seen, &answer);
        check_str(c->name, buf_str(&seen), str_from_c(c->expected));
        check_refusal(c, &answer);
        check_true(c->name, answer.query_count <= DMARC_QUERIES_MAX);
    }
    return OK;
}

static void judges(void **state)
{
    (void)state;
    with_zone(zone, NULL, run_cases, NULL);
}

// --- Which names are asked -----------------------------------------------------------------------

struct walk_case {
    const char *author, *queries;
};

static const struct walk_case walks[] = {
        {"x.example", "x.example example"},
        {"b.c.d.e.f.g.h.example",
                "b.c.d.e.f.g.h.example c.d.e.f.g.h.example d.e.f.g.h.example e.f.g.h.example "
                "f.g.h.example g.h.example h.example example"},
        {"a.b.c.d.e.f.g.h.example",
                "a.b.c.d.e.f.g.h.example c.d.e.f.g.h.example d.e.f.g.h.example e.f.g.h.example "
                "f.g.h.example g.h.example h.example example"},
        {"a.low.example.net", "a.low.example.net low.example.net"},
        {"a.b.psd.example", "a.b.psd.example b.psd.example psd.example"},
};

static struct err run_walks(struct resolver *r, void *arg)
{
    (void)arg;
    struct dmarc_settings settings = dmarc_settings_default();
    for (size_t i = 0; i < COUNT_OF(walks); i++) {
        struct arena a AUTO(arena_done);
        struct buf seen AUTO(buf_done);
        struct dmarc_answer answer;
        arena_init(&a, MIB);
        buf_init(&seen, 4 * KIB);
        struct dmarc_question q = {.author = str_from_c(walks[i].author)};
        TRY(dmarc_check(r, &a, &settings, &q, &answer));
        for (size_t j = 0; j < answer.query_count; j++) {
            check_true("prefix", str_starts(answer.queries[j], S("_dmarc.")));
            buf_fmt(&seen, "%s%.*s", j > 0 ? " " : "", ARG(str_from(answer.queries[j], 7)));
        }
        check_str(walks[i].author, buf_str(&seen), str_from_c(walks[i].queries));
    }
    return OK;
}

static struct err run_hundred_labels(struct resolver *r, void *arg)
{
    (void)arg;
    struct arena a AUTO(arena_done);
    struct buf name AUTO(buf_done);
    struct dmarc_settings settings = dmarc_settings_default();
    struct dmarc_answer answer;
    arena_init(&a, MIB);
    buf_init(&name, KIB);
    for (int i = 0; i < 99; i++)
        buf_add(&name, S("a."));
    buf_add(&name, S("example"));
    struct dmarc_question q = {.author = buf_str(&name)};
    TRY(dmarc_check(r, &a, &settings, &q, &answer));
    assert_int_equal(answer.query_count, DMARC_QUERIES_MAX);
    assert_int_equal(resolver_figures(r).asked, DMARC_QUERIES_MAX);
    return OK;
}

static void walks_up(void **state)
{
    (void)state;
    with_zone(zone, NULL, run_walks, NULL);
    with_zone(zone, NULL, run_hundred_labels, NULL);
}

// A hundred signatures of as many names in the author's organization: each name is asked for once,
// and not for more than the first of them.
static struct err run_many_identifiers(struct resolver *r, void *arg)
{
    (void)arg;
    struct arena a AUTO(arena_done);
    struct dmarc_settings settings = dmarc_settings_default();
    struct dmarc_answer answer;
    arena_init(&a, MIB);
    struct dmarc_identifier *ids = arena_array(&a, 100, struct dmarc_identifier);
    assert_non_null(ids);
    for (size_t i = 0; i < 100; i++) {
        ids[i].domain = arena_fmt(&a, "n%zu.low.example.net", i);
        ids[i].result = DMARC_PROOF_PASS;
    }
    struct dmarc_question q = {.author = S("example.net"), .dkim = ids, .dkim_count = 100};
    TRY(dmarc_check(r, &a, &settings, &q, &answer));
    check_str("result", dmarc_result_name(answer.result), S("fail"));
    // example.net, net; n0 to n63; low.example.net, where all of these walks end.
    assert_int_equal(resolver_figures(r).asked, 2 + DMARC_IDENTIFIERS_MAX + 1);
    return OK;
}

static struct err run_slow(struct resolver *r, void *arg)
{
    (void)arg;
    struct arena a AUTO(arena_done);
    struct dmarc_settings settings = dmarc_settings_default();
    struct dmarc_answer answer;
    int64_t began_ms = now_ms();
    arena_init(&a, MIB);
    struct dmarc_question q = {.author = S("a.b.c.d.e.f.g.h.example")};
    TRY(dmarc_check(r, &a, &settings, &q, &answer));
    check_str("result", dmarc_result_name(answer.result), S("temperror"));
    check_true("unknown", answer.discovery_failed);
    assert_int_equal(now_ms() - began_ms, 20 * SECOND_MS);
    return OK;
}

static void bounds_what_a_message_costs(void **state)
{
    (void)state;
    struct list faults;
    struct dns_fault slow = {.kind = DNS_FAULT_DELAY_ONLY, .delay_ms = 4 * SECOND_MS};
    with_zone(zone, NULL, run_many_identifiers, NULL);
    list_init(&faults);
    list_append(&faults, &slow.link);
    with_zone(zone, &faults, run_slow, NULL);
}

// --- The list of suffixes ------------------------------------------------------------------------

static struct err run_suffixes(struct resolver *r, void *list)
{
    static const struct dmarc_case by_list[] = {
            {"the organization's policy", "a.b.example.com", "c.example.com", NULL,
                    "pass reject>reject example.com example.com spf=c.example.com", NULL},
            {"psd=n means nothing", "x.low.example.net", "example.net", NULL,
                    "pass reject>reject example.net example.net spf=example.net", NULL},
            {"a suffix that publishes", "shop.co.uk", NULL, NULL,
                    "fail reject>reject co.uk shop.co.uk: no passing identifiers", "550 5.7.1"},
            {"one that does not say that it is one", "shop.uk", NULL, NULL, "none -:-> - shop.uk",
                    NULL},
    };
    struct dmarc_settings settings = dmarc_settings_default();
    settings.suffixes = list;
    for (size_t i = 0; i < COUNT_OF(by_list); i++) {
        struct arena a AUTO(arena_done);
        struct buf seen AUTO(buf_done);
        struct dmarc_identifier spf = {0};
        struct dmarc_answer answer;
        struct dmarc_question q = {.author = str_from_c(by_list[i].author)};
        arena_init(&a, MIB);
        buf_init(&seen, KIB);
        if (by_list[i].spf != NULL) {
            spf = identifier(by_list[i].spf);
            q.spf = &spf;
        }
        TRY(dmarc_check(r, &a, &settings, &q, &answer));
        summarize(&seen, &answer);
        check_str(by_list[i].name, buf_str(&seen), str_from_c(by_list[i].expected));
    }
    struct arena a AUTO(arena_done);
    struct dmarc_answer answer;
    arena_init(&a, MIB);
    struct dmarc_question q = {.author = S("pct.example"), .sample = 1};
    TRY(dmarc_check(r, &a, &settings, &q, &answer));
    check_true("sampled out", answer.sampled_out && answer.disposition == DMARC_QUARANTINE);
    return OK;
}

static void goes_by_the_list(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    struct suffix_list *list;
    arena_init(&a, MIB);
    assert_int_equal(suffix_list_open(&a, S(SUFFIXES), &list).kind, ERR_NONE);
    with_zone(zone, NULL, run_suffixes, list);
    suffix_list_close(list);
}

// --- Authors -------------------------------------------------------------------------------------

struct author_case {
    const char *name;
    const char *froms[2];
    const char *domains;
    bool many_fields;
};

static const struct author_case authors[] = {
        {"nobody", {NULL, NULL}, "", false},
        {"one", {"Ann <ann@Example.COM>", NULL}, "example.com", false},
        {"two of one domain", {"a@example.com, B <b@EXAMPLE.com.>", NULL}, "example.com", false},
        {"two domains", {"a@example.com, b@example.net", NULL}, "example.com example.net", false},
        {"a group", {"all: a@example.com, b@example.com;", NULL}, "example.com", false},
        {"a literal", {"a@[192.0.2.1]", NULL}, "", false},
        {"one label", {"root@localhost", NULL}, "", false},
        {"a name only", {"Ann", NULL}, "", false},
        {"quotes", {"\"a@fake.example\" <a@example.com>", NULL}, "example.com", false},
        {"folded", {"Ann\r\n <ann@example.com>", NULL}, "example.com", false},
        {"two fields", {"a@example.com", "b@example.net"}, "", true},
};

static void finds_authors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(authors); i++) {
        struct arena a AUTO(arena_done);
        struct buf seen AUTO(buf_done);
        struct str froms[2];
        struct dmarc_authors found;
        size_t count = 0;
        arena_init(&a, MIB);
        buf_init(&seen, KIB);
        for (size_t j = 0; j < 2 && authors[i].froms[j] != NULL; j++)
            froms[count++] = str_from_c(authors[i].froms[j]);
        assert_int_equal(dmarc_authors_read(&a, froms, count, &found).kind, ERR_NONE);
        for (size_t j = 0; j < found.count; j++)
            buf_fmt(&seen, "%s%.*s", j > 0 ? " " : "", ARG(found.domains[j]));
        check_str(authors[i].name, buf_str(&seen), str_from_c(authors[i].domains));
        check_true(authors[i].name, found.many_fields == authors[i].many_fields);
    }
}

static struct err answer_of(struct resolver *r, struct arena *a, enum dmarc_several several,
        const char *from, struct dmarc_answer *out) suspends
{
    struct dmarc_settings settings = dmarc_settings_default();
    struct str body = str_from_c(from);
    struct dmarc_identifier spf = {.domain = S("example.com"), .result = DMARC_PROOF_PASS};
    struct dmarc_question q = {.spf = &spf};
    struct dmarc_authors found;
    settings.several = several;
    TRY(dmarc_authors_read(a, &body, 1, &found));
    return dmarc_check_authors(r, a, &settings, &found, &q, out);
}

static struct err run_several(struct resolver *r, void *arg)
{
    (void)arg;
    struct arena a AUTO(arena_done);
    struct dmarc_answer answer;
    struct proof_refusal no;
    const char *two = "a@example.com, b@one.example, c@quiet.example";
    arena_init(&a, MIB);
    TRY(answer_of(r, &a, DMARC_SEVERAL_EXEMPT, two, &answer));
    check_str("exempt", dmarc_result_name(answer.result), S("none"));
    check_str("exempt", answer.comment, S("multiple author domains"));
    check_true("exempt", !dmarc_refuses(&answer, PROOF_STRICT, &no));
    TRY(answer_of(r, &a, DMARC_SEVERAL_REJECT, two, &answer));
    check_true("reject", dmarc_refuses(&answer, PROOF_STRICT, &no));
    check_str("reject", no.text, S("Message has more than one From header field."));
    TRY(answer_of(r, &a, DMARC_SEVERAL_STRICTEST, two, &answer));
    check_str("strictest", answer.policy_domain, S("one.example"));
    check_true("strictest", answer.result == DMARC_FAIL && dmarc_marks(&answer));
    TRY(answer_of(r, &a, DMARC_SEVERAL_STRICTEST, "a@example.com, b@sub.example.com", &answer));
    check_true("all pass", answer.result == DMARC_PASS);
    TRY(answer_of(r, &a, DMARC_SEVERAL_STRICTEST,
            "a@a.test, a@b.test, a@c.test, a@d.test, a@e.test, a@f.test", &answer));
    check_true("too many", answer.result == DMARC_PERMERROR);
    return OK;
}

static void takes_the_strictest(void **state)
{
    (void)state;
    with_zone(zone, NULL, run_several, NULL);
}

// --- Evidence ------------------------------------------------------------------------------------

static void gathers_evidence(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    const struct dkim_signature signatures[] = {{.domain = S("a.example")}, {.domain = STR_NULL},
            {.domain = S("b.example")}, {.domain = S("c.example")}};
    const struct dkim_verdict verdicts[] = {{.signature = &signatures[0], .result = DKIM_PASS},
            {.signature = &signatures[1], .result = DKIM_NEUTRAL},
            {.signature = &signatures[2], .result = DKIM_TEMPERROR},
            {.signature = &signatures[3], .result = DKIM_FAIL}};
    const struct dkim_answer dkim = {.at = verdicts, .count = COUNT_OF(verdicts)};
    const struct spf_answer spf = {.domain = S("d.example"), .result = SPF_SOFTFAIL};
    struct dmarc_question q = {.author = S("a.example")};
    arena_init(&a, MIB);
    assert_int_equal(dmarc_evidence(&a, NULL, NULL, &q).kind, ERR_NONE);
    assert_true(q.spf == NULL && q.dkim_count == 0);
    assert_int_equal(dmarc_evidence(&a, &spf, &dkim, &q).kind, ERR_NONE);
    assert_int_equal(q.dkim_count, 3);
    check_str("first", q.dkim[0].domain, S("a.example"));
    assert_int_equal(q.dkim[0].result, DMARC_PROOF_PASS);
    assert_int_equal(q.dkim[1].result, DMARC_PROOF_TEMPERROR);
    assert_int_equal(q.dkim[2].result, DMARC_PROOF_OTHER);
    check_str("spf", q.spf->domain, S("d.example"));
    assert_int_equal(q.spf->result, DMARC_PROOF_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(reads_records), TEST(judges), TEST(walks_up),
            TEST(bounds_what_a_message_costs), TEST(goes_by_the_list), TEST(finds_authors),
            TEST(takes_the_strictest), TEST(gathers_evidence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
