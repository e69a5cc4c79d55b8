// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_dkim.c: what we sign verifies, what was changed does not, and what keys and
// policy make of it. Keys are made here, the DNS is a zone, the clock the simulator's.
#include "signing_fixture.h"

#include "proof/authres.h"

static void check_reason(const char *name, const struct dkim_verdict *v, enum dkim_reason want)
{
    if (v->reason != want)
        check_failed("%s: \"%.*s\", want \"%.*s\"", name, ARG(dkim_reason_word(v->reason)),
                ARG(dkim_reason_word(want)));
}

// --- Round trips ---------------------------------------------------------------------------------

static const struct change {
    const char *name, *from, *to;
    enum dkim_reason relaxed, simple;
} changes[] = {
        {"nothing", "From:", "From:", DKIM_FINE, DKIM_FINE},
        {"a word of the body", "Hello", "Hallo", DKIM_BODY_HASH, DKIM_BODY_HASH},
        {"blanks in the body", "Hello \t there  \r\n", "Hello there\r\n", DKIM_FINE,
                DKIM_BODY_HASH},
        {"more empty lines", "indented\r\n\r\n", "indented\r\n\r\n\r\n\r\n\r\n", DKIM_FINE,
                DKIM_FINE},
        {"a word of the subject", "two  words", "two  swords", DKIM_SIGNATURE, DKIM_SIGNATURE},
        {"blanks of the subject", "two  words ", "two words", DKIM_FINE, DKIM_SIGNATURE},
        {"another fold", "example,\r\n\tc@", "example,\r\n \r\n  c@", DKIM_FINE, DKIM_SIGNATURE},
        {"case of a name", "Subject:", "SUBJECT :", DKIM_FINE, DKIM_SIGNATURE},
        {"a second author on top", "From:", "From: x@x.example\r\nFrom:", DKIM_SIGNATURE,
                DKIM_SIGNATURE},
        {"a second author below", "Date:", "From: x@x.example\r\nDate:", DKIM_SIGNATURE,
                DKIM_SIGNATURE},
        {"another subject on top", "Subject:", "Subject: x\r\nSubject:", DKIM_FINE, DKIM_FINE},
        {"an unsigned field", "Date:", "X-Other: x\r\nDate:", DKIM_FINE, DKIM_FINE},
        {"a missing field", "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n", "", DKIM_SIGNATURE,
                DKIM_SIGNATURE},
};

static void all_changes(struct world *w)
{
    for (int pair = 0; pair < 8; pair++) {
        struct dkim_signer signer = signer_of(w, (pair & 4) != 0 ? S("rsa") : S("ed"));
        signer.head_canon = (enum canon)(pair & 1);
        signer.body_canon = (enum canon)(pair >> 1 & 1);
        struct str message = sign(w, &signer, S(HEAD "\r\n" BODY));
        for (size_t i = 0; i < COUNT_OF(changes); i++) {
            const struct change *t = &changes[i];
            struct str head = str_upto(message, str_find(message, S("From: Ann")));
            struct str changed = replaced(w, str_from(message, head.len), t->from, t->to);
            struct dkim_answer answer = verify(w, arena_join(&w->arena, head, changed));
            bool body = t->simple == DKIM_BODY_HASH;
            enum canon canon = body ? signer.body_canon : signer.head_canon;
            check_u64("signatures", answer.count, 1);
            check_reason(t->name, &answer.at[0], canon == CANON_RELAXED ? t->relaxed : t->simple);
        }
    }
}

static void test_changes(void **state UNUSED)
{
    in_world(all_changes);
}

// authentication.md 17: a signature that others made with this key.
static void known_vector(struct world *w)
{
    struct str message = S("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; "
                           "d=example.org; s=k1; t=1700000000; h=From:To:Subject:Date:From; "
                           "bh=9TxR/gigf+zCKrJly8Cn9qEbj1k7B6a9g+nWvg50E3Q=; "
                           "b=oJ87IUqDyU1gL5mzNP2UM/GEhobAK0rrUXuWgPQdmCKreuSeK+4mxu+ch7VhtIB04RB"
                           "oN7f9RT3zEN2f29b/DQ==\r\n"
                           "From: A <a@example.org>\r\nTo: b@example.net\r\n"
                           "Subject: Hello there\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\n"
                           "Line one \t end\r\n\r\n  \r\n");
    struct dkim_answer answer = verify(w, message);
    check_reason("the vector", &answer.at[0], DKIM_FINE);
}

static void test_vector(void **state UNUSED)
{
    in_world(known_vector);
}

static void written(struct world *w)
{
    struct dkim_signer signer = signer_of(w, S("ed"));
    signer.expire_s = 1000;
    signer.identity = S("a b=c;d@sub.a.example");
    signer.wants_reports = true;
    struct str message = sign(w, &signer, S(HEAD "\r\n" BODY));
    struct str tags = S("DKIM-Signature: v=1; a=ed25519-sha256; s=ed; d=a.example; "
                        "c=relaxed/relaxed;\r\n"
                        "\tr=y; h=Date:Subject:To:From:From; i=a=20b=3Dc=3Bd@sub.a.example;\r\n"
                        "\tt=1700000000; x=1700001000; bh=");
    check_str("tags", str_upto(message, tags.len), tags);
    for (struct str rest = str_upto(message, proof_head_bytes(message)), line;
            str_split(&rest, '\n', &line);)
        check_true("short lines", line.len <= 79);
    struct dkim_answer answer = verify(w, message);
    check_reason("it verifies", &answer.at[0], DKIM_FINE);
    check_str("identity", answer.at[0].signature->identity, signer.identity);
}

static void test_written(void **state UNUSED)
{
    in_world(written);
}

static void names_of(struct world *w)
{
    // authentication.md 6.3
    static const struct str list[] = {
            S_INIT("From"), S_INIT("To"), S_INIT("Date"), S_INIT("Subject"), S_INIT("Message-ID")};
    static const struct str twice[] = {S_INIT("From"), S_INIT("Subject"), S_INIT("subject")};
    struct dkim_signer s = signer_of(w, S("ed"));
    s.names = list;
    s.name_count = COUNT_OF(list);
    s.names_absent = true;
    struct str message = S("From: a@a.example\r\nTo: b@b.example\r\nTo: c@c.example\r\n"
                           "Subject: x\r\n\r\n");
    struct str signed_message = sign(w, &s, message);
    check_true("bottom up, absent ones, one more From",
            str_contains(signed_message, S("h=Subject:To:To:From:Date:Message-ID:From;")));
    s.names = twice;
    s.name_count = COUNT_OF(twice);
    s.names_absent = false;
    signed_message = sign(w, &s, message);
    check_true("a name twice", str_contains(signed_message, S("h=Subject:From:subject:From;")));
    s = signer_of(w, S("ed"));
    s.oversigned = dkim_oversigned_recommended;
    s.oversigned_count = dkim_oversigned_recommended_count;
    struct dkim_answer answer = verify(w, sign(w, &s, message));
    check_reason("all oversigned", &answer.at[0], DKIM_FINE);
    struct proof_head head;
    struct str field;
    struct str none = S("To: b@b.example\r\nFrom: \r\n\r\n");
    assert_false(failed(proof_head_read(&w->arena, none, &head)));
    struct err e = dkim_sign_make(&w->arena, &s, &head, S(""), NOW_S, &field);
    check_u64("nobody's message", e.kind, ERR_REFUSED);
}

static void test_names(void **state UNUSED)
{
    in_world(names_of);
}

// --- Keys and policy -----------------------------------------------------------------------------

static void key_cases(struct world *w)
{
    static const struct {
        const char *selector;
        enum dkim_reason reason;
        bool identity, testing;
    } t[] = {
            {"ed", DKIM_FINE, false, false},
            {"absent", DKIM_KEY_MISSING, false, false},
            {"many", DKIM_FINE, false, false},        // one of the first three that can be read
            {"late", DKIM_KEY_REVOKED, false, false}, // the fourth
            {"none2", DKIM_KEY_SYNTAX, false, false},
            {"revoked", DKIM_KEY_REVOKED, false, false},
            {"test", DKIM_FINE, false, true},
            {"exact", DKIM_FINE, false, false},
            {"exact", DKIM_IDENTITY, true, false},
            {"ed", DKIM_FINE, true, false},
            {"other", DKIM_KEY_SERVICE, false, false},
            {"sha1", DKIM_KEY_HASH, false, false},
            {"slow", DKIM_DNS, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct dkim_signer s = signer_of(w, str_from_c(t[i].selector));
        s.identity = t[i].identity ? S("@sub.a.example") : STR_NULL;
        struct dkim_answer answer = verify(w, sign(w, &s, S(HEAD "\r\n" BODY)));
        check_reason(t[i].selector, &answer.at[0], t[i].reason);
        check_u64("testing", answer.at[0].testing, t[i].testing);
    }
    struct dkim_signer s = signer_of(w, S("rsa"));
    s.selector = S("ed");
    struct dkim_answer answer = verify(w, sign(w, &s, S(HEAD "\r\n" BODY)));
    check_reason("another kind of key", &answer.at[0], DKIM_KEY_OTHER);
    struct dkim_rules rules = dkim_rules_default(NOW_S);
    rules.rsa_bits_min = 1025;
    s.selector = S("rsa");
    answer = verify_by(w, &rules, sign(w, &s, S(HEAD "\r\n" BODY)));
    check_reason("a short key", &answer.at[0], DKIM_KEY_TOO_SHORT);
    check_u64("its bits", answer.at[0].key_bits, 1024);
}

static void test_keys(void **state UNUSED)
{
    in_world(key_cases);
}

static void policy_cases(struct world *w)
{
    struct dkim_signer s = signer_of(w, S("ed"));
    s.expire_s = 100;
    struct str message = sign(w, &s, S(HEAD "\r\n" BODY));
    struct dkim_rules rules = dkim_rules_default(NOW_S + 100 + 299);
    struct dkim_answer answer = verify_by(w, &rules, message);
    check_reason("a second before", &answer.at[0], DKIM_FINE);
    rules.now_s++;
    answer = verify_by(w, &rules, message);
    check_reason("expired", &answer.at[0], DKIM_EXPIRED);
    struct str limited = replaced(w, message, "t=17", "l=2; t=17");
    answer = verify(w, limited);
    check_reason("a length", &answer.at[0], DKIM_LENGTH);
    rules = dkim_rules_default(NOW_S);
    rules.allow_body_length = true;
    answer = verify_by(w, &rules, replaced(w, message, "t=17", "l=100000; t=17"));
    check_reason("more than there is", &answer.at[0], DKIM_BODY_HASH);
    answer = verify(w, S("DKIM-Signature: v=1; a=rsa-sha1; d=a.example; s=rsa; h=From;\r\n"
                         " bh=uoq1oCgLlTqpdDX/iUbLy7J1Wic=; b=AAAA\r\n" HEAD "\r\n" BODY));
    check_reason("sha1", &answer.at[0], DKIM_SHA1);
}

static void test_policy(void **state UNUSED)
{
    in_world(policy_cases);
}

static void crowd(struct world *w)
{
    struct dkim_signer s = signer_of(w, S("ed")), own = s;
    struct str message = S(HEAD "\r\n" BODY);
    s.domain = S("b.example");
    message = sign(w, &own, message); // the author's, at the bottom
    for (int i = 0; i < 11; i++)
        message = sign(w, &s, message);
    struct dkim_answer answer = verify(w, message);
    check_u64("signatures", answer.count, 12);
    for (size_t i = 0; i < 12; i++)
        check_reason("of 12", &answer.at[i], i == 9 || i == 10 ? DKIM_TOO_MANY : DKIM_FINE);
    struct str field = S("DKIM-Signature: v=1; a=x\r\n");
    struct buf many AUTO(buf_done);
    buf_init(&many, MIB);
    for (size_t i = 0; i < 1000; i++)
        buf_add(&many, field);
    buf_add(&many, S(HEAD "\r\n" BODY));
    answer = verify(w, buf_str(&many));
    check_u64("all are counted", answer.count, 1000);
    check_reason("the last", &answer.at[999], DKIM_TOO_MANY);
    check_u64("the best", answer.result, DKIM_POLICY);
    check_u64("none", verify(w, S(HEAD "\r\n" BODY)).result, DKIM_NONE);
}

static void test_crowd(void **state UNUSED)
{
    in_world(crowd);
}

static void told(struct world *w)
{
    struct dkim_signer s = signer_of(w, S("ed")), test = signer_of(w, S("test"));
    s.identity = S("a;b@a.example");
    struct str message = sign(w, &s, sign(w, &test, S(HEAD "\r\n" BODY)));
    struct dkim_answer answer = verify(w, message);
    struct authres list = {.authserv_id = S("mx.example")};
    struct str b = str_from(message, str_find(message, S("\r\n\tb=")) + 5);
    if (!str_contains(message, S("\r\n\tb=")))
        b = str_from(message, str_find(message, S(" b=")) + 3);
    check_true("results", authres_add_dkim(&w->arena, &list, &answer));
    struct str field = authres_field(&w->arena, &list);
    struct str want = arena_fmt(&w->arena,
            "dkim=pass header.d=a.example header.s=ed header.a=ed25519-sha256 "
            "header.b=\"%.*s\" header.i=\"a;b@a.example\";",
            ARG(str_upto(b, 8)));
    struct str bare = arena_fmt(&w->arena,
            "dkim=pass header.d=a.example header.s=ed header.a=ed25519-sha256 "
            "header.b=%.*s header.i=\"a;b@a.example\";",
            ARG(str_upto(b, 8)));
    if (!str_contains(field, want) && !str_contains(field, bare))
        check_failed("%.*s", ARG(field));
    check_true("test mode", str_contains(field, S("dkim=pass (test mode) header.d=a.example")));
    struct proof_refusal no;
    check_true("no refusal", !dkim_refuses(&answer, PROOF_STRICT, S("a.example"), &no));
    answer.at++; // the one in test mode alone is as good as none
    answer.count--;
    check_true("refused", dkim_refuses(&answer, PROOF_STRICT, S("a.example"), &no));
    check_u64("code", no.code, 550);
    check_true("nobody asked", !dkim_refuses(&answer, PROOF_ENFORCE, S("a.example"), &no));
    struct dkim_signer slow = signer_of(w, S("slow"));
    answer = verify(w, sign(w, &slow, S(HEAD "\r\n" BODY)));
    check_true("later", dkim_refuses(&answer, PROOF_ENFORCE, S("mail.a.example"), &no));
    check_u64("code", no.code, 451);
    check_true("of another", !dkim_refuses(&answer, PROOF_ENFORCE, S("b.example"), &no));
}

static void test_told(void **state UNUSED)
{
    in_world(told);
}

static void third_parties(struct world *w)
{
    static const struct {
        const char *domain, *party, *hash;
        enum dkim_result result;
    } t[] = {
            {"b.example", NULL, NULL, DKIM_NONE},
            {"b.example", "a.example", NULL, DKIM_PASS},
            {"b.example", "A.example", "sha256", DKIM_PASS},
            {"b.example", "a.example", "sha1", DKIM_PERMERROR}, // no record
            {"b.example", "a.example", "md5", DKIM_NONE},
            {"b.example", "b.example", NULL, DKIM_NONE}, // is not the author
            {"a.example", "a.example", NULL, DKIM_PERMERROR},
    };
    static const char second[] = "From: x@c.example, ann@a.example\r\n";
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct dkim_signer s = signer_of(w, S("ed"));
        s.domain = str_from_c(t[i].domain);
        s.third_party = t[i].party != NULL ? str_from_c(t[i].party) : STR_NULL;
        s.third_party_hash = t[i].hash != NULL ? str_from_c(t[i].hash) : STR_NULL;
        struct dkim_answer answer = verify(w, sign(w, &s, S(HEAD "\r\n" BODY)));
        check_reason("it passes in any case", &answer.at[0], DKIM_FINE);
        if (answer.at[0].atps != t[i].result)
            check_failed("case %zu: %.*s", i, ARG(dkim_result_name(answer.at[0].atps)));
        struct authres list = {.authserv_id = S("mx.example")};
        check_true("told", authres_add_dkim(&w->arena, &list, &answer));
        check_u64("a result of its own", list.results.count, t[i].result == DKIM_NONE ? 1 : 2);
        answer = verify(w, sign(w, &s, arena_fmt(&w->arena, "%s\r\n" BODY, second)));
        check_u64("any author of several will do", answer.at[0].atps, t[i].result);
    }
}

static void test_third_parties(void **state UNUSED)
{
    in_world(third_parties);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(test_changes),
            TEST(test_vector),
            TEST(test_written),
            TEST(test_names),
            TEST(test_keys),
            TEST(test_policy),
            TEST(test_crowd),
            TEST(test_told),
            TEST(test_third_parties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
