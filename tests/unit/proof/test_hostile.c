// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_hostile.c: what a zone or a message made by an enemy can cost. Each case is
// asked twice, once with a DNS that answers at once and once with one that takes three seconds for
// each question: the questions are counted, the time is that of the simulator, and the memory is
// that of the caller, who has no more to give than is said here.
#include "signing_fixture.h"

#include "proof/dmarc.h"
#include "proof/spf.h"

#define DELAY_MS (3 * SECOND_MS)
#define TEXT_BYTES_MAX (16 * MIB)
#define HEAD_FIELDS 60000
#define ED_KEY "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
// Of a body without any octets, relaxed.
#define BODY_HASH "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

enum subject { OF_SPF, OF_DKIM, OF_ARC, OF_DMARC };

struct hostile_case {
    const char *name;
    enum subject subject;
    // Names of the zone, as members of a JSON object behind that of another; NULL: none.
    void (*zone)(struct buf *out);
    void (*message)(struct buf *out); // of DKIM and ARC
    const char *who;                  // sender of SPF, author of DMARC
    const char *want;                 // the result
    uint64_t asked_max;               // questions that it takes when all are answered
    size_t memory_bytes;              // of the caller's that are enough
};

static void member(struct buf *out, const char *name, const char *type, const char *records)
{
    buf_fmt(out, ", '%s': {'%s': [%s]}", name, type, records);
}

// --- Zones ---------------------------------------------------------------------------------------

static void zone_chain_of_includes(struct buf *out)
{
    for (int i = 0; i < 100; i++)
        buf_fmt(out, ", 'd%d.example': {'TXT': ['v=spf1 include:d%d.example ?all']}", i, i + 1);
}

static void zone_include_of_itself(struct buf *out)
{
    member(out, "d0.example", "TXT", "'v=spf1 include:d0.example include:d0.example -all'");
}

static void zone_redirects(struct buf *out)
{
    member(out, "d0.example", "TXT", "'v=spf1 redirect=d1.example'");
    member(out, "d1.example", "TXT", "'v=spf1 redirect=d0.example'");
}

// Each includes all others: a tree of a hundred to the hundredth.
static void zone_bush(struct buf *out)
{
    for (int i = 0; i < 30; i++) {
        buf_fmt(out, ", 'd%d.example': {'TXT': ['v=spf1", i);
        for (int j = 29; j >= 0; j--)
            buf_fmt(out, " include:d%d.example", j);
        buf_add(out, S(" ?all']}"));
    }
}

static void zone_voids(struct buf *out)
{
    buf_add(out, S(", 'd0.example': {'TXT': ['v=spf1"));
    for (int i = 0; i < 100; i++)
        buf_fmt(out, " exists:v%d.d0.example", i);
    buf_add(out, S(" -all']}"));
}

static void zone_long_text(struct buf *out)
{
    buf_add(out, S(", 'd0.example': {'TXT': ['v=spf1"));
    for (int i = 0; i < 6000; i++)
        buf_add(out, S(" a:x.x.x"));
    buf_add(out, S("']}"));
}

// As long as a record may be, and nothing in it that is asked.
static void zone_many_terms(struct buf *out)
{
    buf_add(out, S(", 'd0.example': {'TXT': ['v=spf1"));
    for (int i = 0; i < 450; i++)
        buf_add(out, S(" ip4:1.1."));
    buf_add(out, S("']}"));
}

static void zone_many_networks(struct buf *out)
{
    buf_add(out, S(", 'd0.example': {'TXT': ['v=spf1"));
    for (int i = 0; i < 310; i++)
        buf_add(out, S(" ip4:10.1.1.1"));
    buf_add(out, S("']}"));
}

static void zone_exchanges(struct buf *out, int count)
{
    buf_add(out, S(", 'd0.example': {'TXT': ['v=spf1 mx ?all'], 'MX': ["));
    for (int i = 0; i < count; i++)
        buf_fmt(out, "%s[%d, 'm%d.example']", i > 0 ? ", " : "", i, i);
    buf_add(out, S("]}"));
    for (int i = 0; i < count; i++) {
        buf_fmt(out, ", 'm%d.example': {'A': ['10.0.0.1'", i);
        for (int j = 0; j < 1000; j++)
            buf_fmt(out, ", '10.1.%d.%d'", j / 250, j % 250);
        buf_add(out, S("]}"));
    }
}

static void zone_ten_exchanges(struct buf *out)
{
    zone_exchanges(out, 10);
}

static void zone_eleven_exchanges(struct buf *out)
{
    zone_exchanges(out, 11);
}

static void zone_many_pointers(struct buf *out)
{
    member(out, "d0.example", "TXT",
            "'v=spf1 ptr:%{p}.x ptr exists:%{p}.%{p}.%{p}.d0.example -all'");
    buf_add(out, S(", '1.2.0.192.in-addr.arpa': {'PTR': ['h.d0.example'"));
    for (int i = 0; i < 500; i++)
        buf_fmt(out, ", 'h%d.d0.example'", i);
    buf_add(out, S("]}"));
}

static void zone_macro_grows(struct buf *out)
{
    buf_add(out, S(", 'd0.example': {'TXT': ['v=spf1 exists:"));
    for (int i = 0; i < 800; i++)
        buf_add(out, S("%{S}"));
    buf_add(out, S(".d0.example -all']}"));
}

// Longer with each step, and cut to what can be asked for.
static void zone_name_grows(struct buf *out)
{
    member(out, "d0.example", "TXT", "'v=spf1 include:%{d}.%{d}.%{d}.%{d}.%{d}.d0.example -all'");
}

static void zone_long_label(struct buf *out)
{
    buf_add(out, S(", 'd0.example': {'TXT': ['v=spf1 include:"));
    buf_add_repeat(out, 'x', 450);
    buf_add(out, S(".example -all']}"));
}

static void zone_octets(struct buf *out)
{
    member(out, "d0.example", "TXT",
            "{'hex': '763d73706631202d616c6c00'}, "
            "{'hex': '763d73706631ff'}");
}

static void zone_aliases(struct buf *out)
{
    for (int i = 0; i < 100; i++)
        buf_fmt(out, ", 'd%d.example': {'CNAME': ['d%d.example']}", i, i + 1);
    member(out, "s._domainkey.d.example", "CNAME", "'d0.example'");
    member(out, "_dmarc.d.example", "CNAME", "'loop.example'");
    member(out, "loop.example", "CNAME", "'loop.example'");
}

static void zone_explanation(struct buf *out)
{
    member(out, "d0.example", "TXT", "'v=spf1 -all exp=e.example'");
    buf_add(out, S(", 'e.example': {'TXT': ['"));
    for (int i = 0; i < 15000; i++)
        buf_add(out, S("%{s}"));
    buf_add(out, S("']}"));
}

static void zone_keys(struct buf *out)
{
    member(out, "s._domainkey.d.example", "TXT", "'" ED_KEY "'");
    for (int i = 0; i < 1000; i++)
        buf_fmt(out, ", 's%03d._domainkey.d.example': {'TXT': ['" ED_KEY "']}", i);
}

// Records that could be keys, and would each be tried.
static void zone_many_records(struct buf *out)
{
    buf_add(out, S(", 's._domainkey.d.example': {'TXT': ['" ED_KEY "'"));
    for (int i = 0; i < 1000; i++)
        buf_fmt(out, ", 'n=%d; " ED_KEY "'", i);
    buf_add(out, S("]}"));
}

static void zone_large_key(struct buf *out)
{
    buf_add(out, S(", 's._domainkey.d.example': {'TXT': ['v=DKIM1; p="));
    buf_add_repeat(out, 'A', 60000);
    buf_add(out, S("']}"));
}

static void zone_policies(struct buf *out)
{
    buf_add(out, S(", '_dmarc.d.example': {'TXT': ['v=DMARC1; p=reject'"));
    for (int i = 0; i < 900; i++)
        buf_fmt(out, ", 'v=DMARC1; p=none; n=%d'", i);
    buf_add(out, S("]}"));
}

// Whoever signs below x.d.example is another organization, which is only found out at its top.
static void zone_organization_within(struct buf *out)
{
    member(out, "_dmarc.d.example", "TXT", "'v=DMARC1; p=reject'");
    member(out, "_dmarc.x.d.example", "TXT", "'v=DMARC1; p=none; psd=n'");
}

static void zone_policy_of_addresses(struct buf *out)
{
    buf_add(out, S(", '_dmarc.d.example': {'TXT': ['v=DMARC1; p=reject; rua="));
    for (int i = 0; i < 2500; i++)
        buf_fmt(out, "%smailto:a%d@d.example", i > 0 ? "," : "", i);
    buf_add(out, S("']}"));
}

// --- Messages ------------------------------------------------------------------------------------

static void signature(struct buf *out, const char *selector, const char *names)
{
    buf_fmt(out,
            "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=d.example; s=%s;\r\n"
            " h=From%s; bh=" BODY_HASH ";\r\n b=AAAA\r\n",
            selector, names);
}

static void signatures_by_each_other(struct buf *out, int count)
{
    for (int i = 0; i < count; i++) {
        char selector[] = "s000";
        selector[1] = (char)('0' + i / 100 % 10);
        selector[2] = (char)('0' + i / 10 % 10);
        selector[3] = (char)('0' + i % 10);
        signature(out, selector, "");
    }
    buf_add(out, S("From: a@d.example\r\n\r\n"));
}

static void message_fifty(struct buf *out)
{
    signatures_by_each_other(out, 50);
}

static void message_thousand(struct buf *out)
{
    signatures_by_each_other(out, 1000);
}

static void message_one(struct buf *out)
{
    signature(out, "s", "");
    buf_add(out, S("From: a@d.example\r\n\r\n"));
}

// Ten signatures that name a field a thousand times, and the field a great many times.
static void message_names(struct buf *out)
{
    struct buf names AUTO(buf_done);
    buf_init(&names, 4 * KIB);
    for (int i = 0; i < DKIM_NAMES_MAX - 1; i++)
        buf_add(&names, S(":y"));
    buf_add_byte(&names, '\0');
    for (int i = 0; i < 10; i++)
        signature(out, "s", names.ptr);
    for (int i = 0; i < HEAD_FIELDS; i++)
        buf_add(out, S("y:\r\n"));
    buf_add(out, S("From: a@d.example\r\n\r\n"));
}

static void message_names_too_many(struct buf *out)
{
    struct buf names AUTO(buf_done);
    buf_init(&names, 128 * KIB);
    for (int i = 0; i < 10000; i++)
        buf_add(&names, i < 9000 ? S(":From") : S(":y"));
    buf_add_byte(&names, '\0');
    signature(out, "s", names.ptr);
    buf_add(out, S("From: a@d.example\r\n\r\n"));
}

static void set(struct buf *out, int instance)
{
    buf_fmt(out,
            "ARC-Seal: i=%d; a=ed25519-sha256; cv=%s; d=d.example; s=s%03d; b=AAAA\r\n"
            "ARC-Message-Signature: i=%d; a=ed25519-sha256; c=relaxed/relaxed; d=d.example;\r\n"
            " s=s%03d; h=From; bh=" BODY_HASH "; b=AAAA\r\n"
            "ARC-Authentication-Results: i=%d; d.example; none\r\n",
            instance, instance == 1 ? "none" : "pass", instance, instance, instance + 500,
            instance);
}

static void chain(struct buf *out, int first, int last)
{
    for (int i = last; i >= first; i--)
        set(out, i);
    buf_add(out, S("From: a@d.example\r\n\r\n"));
}

static void message_fifty_sets(struct buf *out)
{
    chain(out, 1, 50);
}

static void message_many_sets(struct buf *out)
{
    chain(out, 1, 60);
}

static void message_sets_without_end(struct buf *out)
{
    chain(out, 2, 50);
}

static void message_same_set(struct buf *out)
{
    for (int i = 0; i < 400; i++)
        set(out, 1);
    buf_add(out, S("From: a@d.example\r\n\r\n"));
}

// --- The table -----------------------------------------------------------------------------------

#define LABELS_20 "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t."
#define SPF_CALLER (16 * KIB)
#define MESSAGE_CALLER (16 * MIB) // that of a session: header, signatures and keys

static const struct hostile_case cases[] = {
        {"a chain of includes", OF_SPF, zone_chain_of_includes, NULL, "a@d0.example", "permerror",
                1 + 10, SPF_CALLER},
        {"an include of itself", OF_SPF, zone_include_of_itself, NULL, "a@d0.example", "permerror",
                1 + 10, SPF_CALLER},
        {"redirects to each other", OF_SPF, zone_redirects, NULL, "a@d0.example", "permerror",
                1 + 10, SPF_CALLER},
        {"all include all", OF_SPF, zone_bush, NULL, "a@d0.example", "permerror", 1 + 10,
                SPF_CALLER},
        {"look-ups that lead nowhere", OF_SPF, zone_voids, NULL, "a@d0.example", "permerror", 1 + 3,
                SPF_CALLER},
        {"a record of 48 KiB", OF_SPF, zone_long_text, NULL, "a@d0.example", "permerror", 1,
                SPF_CALLER},
        {"hundreds of terms, all wrong", OF_SPF, zone_many_terms, NULL, "a@d0.example", "permerror",
                1, SPF_CALLER},
        {"hundreds of networks", OF_SPF, zone_many_networks, NULL, "a@d0.example", "neutral", 1,
                SPF_CALLER},
        {"ten exchanges, a thousand addresses each", OF_SPF, zone_ten_exchanges, NULL,
                "a@d0.example", "neutral", 1 + 1 + 10, SPF_CALLER},
        {"eleven exchanges", OF_SPF, zone_eleven_exchanges, NULL, "a@d0.example", "permerror",
                1 + 1, SPF_CALLER},
        {"five hundred names of an address, asked for six times", OF_SPF, zone_many_pointers, NULL,
                "a@d0.example", "fail", 1 + 1 + 10 + 1, SPF_CALLER},
        {"a macro that grows", OF_SPF, zone_macro_grows, NULL,
                "a-sender-whose-name-is-longer-than-it-has-to-be-and-goes-on-and-on@d0.example",
                "fail", 1, SPF_CALLER},
        {"a name that grows", OF_SPF, zone_name_grows, NULL, "a@d0.example", "permerror", 1 + 1,
                SPF_CALLER},
        {"a label of 450 octets", OF_SPF, zone_long_label, NULL, "a@d0.example", "permerror", 1,
                SPF_CALLER},
        {"octets that are no text", OF_SPF, zone_octets, NULL, "a@d0.example", "permerror", 1,
                SPF_CALLER},
        {"a hundred aliases", OF_SPF, zone_aliases, NULL, "a@d0.example", "temperror", 1,
                SPF_CALLER},
        {"an alias of itself", OF_SPF, zone_aliases, NULL, "a@loop.example", "temperror", 1,
                SPF_CALLER},
        {"an explanation that grows", OF_SPF, zone_explanation, NULL, "a@d0.example", "fail", 1 + 1,
                SPF_CALLER},

        {"fifty signatures", OF_DKIM, zone_keys, message_fifty, NULL, "fail", 10, MESSAGE_CALLER},
        {"a thousand signatures", OF_DKIM, zone_keys, message_thousand, NULL, "fail", 10,
                MESSAGE_CALLER},
        {"a thousand records of one key", OF_DKIM, zone_many_records, message_one, NULL, "fail", 1,
                MESSAGE_CALLER},
        {"a key of 60 KB", OF_DKIM, zone_large_key, message_one, NULL, "permerror", 1,
                MESSAGE_CALLER},
        {"a key behind a hundred aliases", OF_DKIM, zone_aliases, message_one, NULL, "temperror", 1,
                MESSAGE_CALLER},
        {"a thousand names, found in sixty thousand fields", OF_DKIM, zone_keys, message_names,
                NULL, "fail", 1, MESSAGE_CALLER},
        {"ten thousand names", OF_DKIM, zone_keys, message_names_too_many, NULL, "neutral", 0,
                MESSAGE_CALLER},

        {"fifty sets of a hundred keys", OF_ARC, zone_keys, message_fifty_sets, NULL, "fail", 100,
                MESSAGE_CALLER},
        {"sixty sets", OF_ARC, zone_keys, message_many_sets, NULL, "fail", 0, MESSAGE_CALLER},
        {"a chain without its beginning", OF_ARC, zone_keys, message_sets_without_end, NULL, "fail",
                0, MESSAGE_CALLER},
        {"four hundred times the same set", OF_ARC, zone_keys, message_same_set, NULL, "fail", 0,
                MESSAGE_CALLER},

        {"an author of a hundred labels", OF_DMARC, NULL, NULL,
                LABELS_20 LABELS_20 LABELS_20 LABELS_20 LABELS_20 "d.example", "none", 8,
                SPF_CALLER},
        {"nine hundred policies", OF_DMARC, zone_policies, NULL, "d.example", "none", 2,
                SPF_CALLER},
        {"2500 addresses for reports", OF_DMARC, zone_policy_of_addresses, NULL, "d.example",
                "fail", 2, MIB},
        {"an alias of itself", OF_DMARC, zone_aliases, NULL, "d.example", "temperror", 1,
                SPF_CALLER},
        {"ten signers of forty labels", OF_DMARC, zone_organization_within, NULL, "d.example",
                "fail", 2 + 10 * 5 + 1, SPF_CALLER},
};

// --- Playing it ----------------------------------------------------------------------------------

struct playing {
    const struct hostile_case *c;
    bool is_slow;
    struct str message;
    struct str result;
    uint64_t steps;
};

static struct err play(struct resolver *r, void *arg);
static struct err ask_spf(struct resolver *r, struct arena *a, struct playing *p) suspends;
static struct err ask_dkim(struct resolver *r, struct arena *a, struct playing *p) suspends;
static struct err ask_arc(struct resolver *r, struct arena *a, struct playing *p) suspends;
static struct err ask_dmarc(struct resolver *r, struct arena *a, struct playing *p) suspends;

static void play_case(const struct hostile_case *c, bool is_slow)
{
    struct buf zone AUTO(buf_done), message AUTO(buf_done);
    struct playing p = {.c = c, .is_slow = is_slow};
    struct list faults;
    struct dns_fault slow = {.kind = DNS_FAULT_DELAY_ONLY, .delay_ms = DELAY_MS};
    buf_init(&zone, TEXT_BYTES_MAX);
    buf_init(&message, TEXT_BYTES_MAX);
    buf_add(&zone, S("{'zone': 1, 'names': {'x.example': {'A': ['192.0.2.99']}"));
    if (c->zone != NULL)
        c->zone(&zone);
    buf_add(&zone, S("}}"));
    buf_add_byte(&zone, '\0');
    if (c->message != NULL)
        c->message(&message);
    p.message = buf_str(&message);
    list_init(&faults);
    list_append(&faults, &slow.link);
    with_zone(zone.ptr, is_slow ? &faults : NULL, play, &p);
}

static struct err play(struct resolver *r, void *arg)
{
    struct playing *p = arg;
    const struct hostile_case *c = p->c;
    int64_t began_ms = now_ms();
    struct arena a AUTO(arena_done);
    arena_init(&a, c->memory_bytes);
    switch (c->subject) {
    case OF_SPF:
        TRY(ask_spf(r, &a, p));
        break;
    case OF_DKIM:
        TRY(ask_dkim(r, &a, p));
        break;
    case OF_ARC:
        TRY(ask_arc(r, &a, p));
        break;
    case OF_DMARC:
        TRY(ask_dmarc(r, &a, p));
        break;
    }
    uint64_t asked = resolver_figures(r).asked;
    int64_t limit_ms =
            c->subject == OF_SPF || c->subject == OF_DMARC ? 20 * SECOND_MS : 30 * SECOND_MS;
    if (asked > c->asked_max || (!p->is_slow && asked != c->asked_max))
        check_failed("%s: %llu questions, want %llu", c->name, (unsigned long long)asked,
                (unsigned long long)c->asked_max);
    if (now_ms() - began_ms > limit_ms)
        check_failed("%s: %lld ms", c->name, (long long)(now_ms() - began_ms));
    if (!p->is_slow)
        check_str(c->name, p->result, str_from_c(c->want));
    check_true(c->name, p->steps <= PROOF_HEAD_STEPS_MAX);
    return OK;
}

static struct err ask_spf(struct resolver *r, struct arena *a, struct playing *p)
{
    struct spf_settings settings = spf_settings_default();
    struct spf_answer answer;
    struct spf_question q = {.helo = S("mx.example"), .sender = str_from_c(p->c->who)};
    assert_true(ip_parse(S("192.0.2.1"), &q.ip));
    TRY(spf_check(r, a, &settings, &q, &answer));
    p->result = spf_result_name(answer.result);
    check_true("look-ups", answer.lookups <= 10 && answer.voids <= 3);
    return OK;
}

static struct err ask_dkim(struct resolver *r, struct arena *a, struct playing *p)
{
    struct body_hashes *bodies AUTO(body_hashes_free_auto) = body_hashes_new();
    struct key_ring keys AUTO(key_ring_end);
    struct dkim_rules rules = dkim_rules_default(NOW_S);
    struct proof_head head;
    struct dkim_verifier *v;
    struct dkim_answer answer;
    key_ring_begin(&keys, r, a);
    TRY(proof_head_read(a, p->message, &head));
    TRY(dkim_verify_begin(a, &rules, &head, bodies, &keys, &v));
    TRY(body_hashes_end(bodies));
    TRY(dkim_verify_end(v, &answer));
    p->result = dkim_result_name(answer.result);
    p->steps = head.step_count;
    size_t looked_at = 0;
    for (size_t i = 0; i < answer.count; i++)
        looked_at += answer.at[i].reason != DKIM_TOO_MANY;
    check_true("signatures", looked_at <= 10);
    return OK;
}

static struct err ask_arc(struct resolver *r, struct arena *a, struct playing *p)
{
    struct body_hashes *bodies AUTO(body_hashes_free_auto) = body_hashes_new();
    struct key_ring keys AUTO(key_ring_end);
    struct arc_rules rules = arc_rules_default(NOW_S);
    struct proof_head head;
    struct arc_verifier *v;
    struct arc_answer answer;
    key_ring_begin(&keys, r, a);
    TRY(proof_head_read(a, p->message, &head));
    TRY(arc_verify_begin(a, &rules, &head, bodies, &keys, &v));
    TRY(body_hashes_end(bodies));
    TRY(arc_verify_end(v, &answer));
    p->result = arc_result_name(answer.result);
    p->steps = head.step_count;
    return OK;
}

// Ten signers, each below the author in a way of its own.
static struct err ask_dmarc(struct resolver *r, struct arena *a, struct playing *p)
{
    struct dmarc_settings settings = dmarc_settings_default();
    struct dmarc_identifier signers[10];
    struct dmarc_answer answer;
    bool by_signers = p->c->asked_max > 8;
    struct arena names AUTO(arena_done);
    arena_init(&names, MIB);
    for (size_t i = 0; i < COUNT_OF(signers); i++)
        signers[i] = (struct dmarc_identifier){.result = DMARC_PROOF_PASS,
                .domain = arena_fmt(&names, "%s%ss%zu.x.d.example", LABELS_20, LABELS_20, i)};
    struct dmarc_question q = {.author = str_from_c(p->c->who),
            .dkim = signers,
            .dkim_count = by_signers ? COUNT_OF(signers) : 0};
    TRY(dmarc_check(r, a, &settings, &q, &answer));
    p->result = dmarc_result_name(answer.result);
    return OK;
}

static void test_cases(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        play_case(&cases[i], false);
        play_case(&cases[i], true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
