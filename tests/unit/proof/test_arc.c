// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_arc.c: chains that we seal and validate ourselves, as long as they may be,
// and what breaks them. The public suites fix the rest (tests/conformance).
#include "signing_fixture.h"

#include "proof/authres.h"

static void check_told(struct world *w, const struct arc_answer *chain, const char *want);

static struct arc_answer validate(struct world *w, struct str message)
{
    struct arc_rules rules = arc_rules_default(NOW_S);
    return validate_by(w, &rules, message);
}

// One more set on top.
static struct str seal(struct world *w, struct str selector, struct str message)
{
    struct dkim_signer signer = signer_of(w, selector);
    struct arc_answer chain = validate(w, message);
    struct proof_head head;
    struct arc_fields fields;
    size_t at = proof_head_bytes(message);
    assert_true(arc_may_seal(&chain));
    assert_false(failed(proof_head_read(&w->arena, str_upto(message, at), &head)));
    struct arc_seal what = {.chain = &chain,
            .signer = &signer,
            .results = S("mx.example; spf=pass smtp.mailfrom=a.example"),
            .body_hash = digest_body(w, &signer, str_from(message, at)),
            .now_s = NOW_S};
    struct err e = arc_seal_make(&w->arena, &head, &what, &fields);
    if (failed(e))
        check_failed("sealing: %.*s", ARG(err_text(e)));
    return arena_fmt(&w->arena, "%.*s%.*s%.*s%.*s", ARG(fields.seal), ARG(fields.message),
            ARG(fields.results), ARG(message));
}

static void check_chain(const char *name, const struct arc_answer *got, enum arc_result want)
{
    if (got->result != want)
        check_failed("%s: %.*s (%.*s), want %.*s", name, ARG(arc_result_name(got->result)),
                ARG(got->reason), ARG(arc_result_name(want)));
}

static void grow(struct world *w)
{
    struct str message = S(HEAD "\r\n" BODY);
    struct arc_answer chain = validate(w, message);
    check_chain("no set", &chain, ARC_NONE);
    for (size_t i = 1; i <= ARC_INSTANCE_MAX; i++) {
        message = seal(w, i % 10 == 0 ? S("rsa") : S("ed"), message);
        chain = validate(w, message);
        check_chain("grown", &chain, ARC_PASS);
        check_u64("sets", chain.count, i);
        check_u64("unchanged from the beginning", chain.oldest_pass, 0);
        check_str("cv", chain.sets[i - 1].cv, i == 1 ? S("none") : S("pass"));
        check_u64("may go on", arc_may_seal(&chain), i < ARC_INSTANCE_MAX);
    }
    struct str more = replaced(w, message, "i=50;", "i=51;");
    chain = validate(w, more);
    check_chain("51", &chain, ARC_FAIL);
}

static void test_grow(void **state UNUSED)
{
    in_world(grow);
}

static void changed_on_the_way(struct world *w)
{
    struct str two = seal(w, S("ed"), seal(w, S("ed"), S(HEAD "\r\n" BODY)));
    // A list changes the body, and seals what it sends.
    struct str other = replaced(w, two, "Hello", "Hallo");
    struct arc_answer chain = validate(w, other);
    check_chain("changed and not sealed", &chain, ARC_FAIL);
    check_u64("the newest is bad", chain.sets[1].message_check, ARC_BAD);
    check_u64("its seal was not looked at", chain.sets[1].seal_check, ARC_UNCHECKED);
    struct dkim_signer signer = signer_of(w, S("ed"));
    struct proof_head head;
    struct arc_fields fields;
    size_t at = proof_head_bytes(other);
    assert_false(failed(proof_head_read(&w->arena, str_upto(other, at), &head)));
    struct arc_answer good = validate(w, two); // as it came
    struct arc_seal what = {.chain = &good,
            .signer = &signer,
            .results = S("list.example; none"),
            .body_hash = digest_body(w, &signer, str_from(other, at)),
            .now_s = NOW_S};
    assert_false(failed(arc_seal_make(&w->arena, &head, &what, &fields)));
    struct str third = arena_fmt(&w->arena, "%.*s%.*s%.*s%.*s", ARG(fields.seal),
            ARG(fields.message), ARG(fields.results), ARG(other));
    chain = validate(w, third);
    check_chain("changed and sealed", &chain, ARC_PASS);
    check_u64("unchanged since the third", chain.oldest_pass, 3);
    check_true("which was found out", chain.has_oldest_pass);
    check_told(w, &chain, "arc=pass smtp.remote-ip=192.0.2.1 header.oldest-pass=3\r\n");
    struct arc_rules rules = arc_rules_default(NOW_S);
    rules.oldest_pass = false;
    chain = validate_by(w, &rules, third);
    check_chain("nobody wants to know since when", &chain, ARC_PASS);
    check_told(w, &chain, "arc=pass smtp.remote-ip=192.0.2.1\r\n");
    chain = validate_by(w, &rules, seal(w, S("ed"), S(HEAD "\r\n" BODY)));
    check_told(w, &chain, "arc=pass smtp.remote-ip=192.0.2.1 header.oldest-pass=0\r\n");
}

// The last line of Authentication-Results.
static void check_told(struct world *w, const struct arc_answer *chain, const char *want)
{
    struct authres list = {.authserv_id = S("mx.example")};
    struct ip ip;
    assert_true(ip_parse(S("192.0.2.1"), &ip));
    assert_true(authres_add_arc(&w->arena, &list, chain, &ip));
    struct str field = authres_field(&w->arena, &list);
    check_str("told", str_from(field, str_find(field, S("arc="))), str_from_c(want));
}

static void test_changed(void **state UNUSED)
{
    in_world(changed_on_the_way);
}

static void broken(struct world *w)
{
    static const struct {
        const char *name, *from, *to;
        enum arc_result result;
    } t[] = {
            {"a set is missing", "ARC-Seal: i=1;", "X-Seal: i=1;", ARC_FAIL},
            {"a set twice", "ARC-Authentication-Results: i=2; mx",
                    "ARC-Authentication-Results: i=2; x\r\nARC-Authentication-Results: i=2; mx",
                    ARC_FAIL},
            {"instance 0", "ARC-Seal: i=2;", "ARC-Seal: i=0;", ARC_FAIL},
            {"a leading zero", "ARC-Seal: i=2;", "ARC-Seal: i=02;", ARC_FAIL},
            {"another cv", "cv=pass", "cv=none", ARC_FAIL},
            {"sealed as failed", "cv=pass", "cv=fail", ARC_FAIL},
            {"results changed", "i=1; mx.example; spf=pass", "i=1; mx.example; spf=fail", ARC_FAIL},
            {"results refolded", "i=1; mx.example; spf=pass", "i=1;\r\n\tmx.example;  spf=pass",
                    ARC_PASS},
            {"a comment before the instance", "ARC-Authentication-Results: i=1;",
                    "ARC-Authentication-Results: (i=3;) i=1;", ARC_FAIL},
            {"another key", "s=ed; b=", "s=late; b=", ARC_FAIL},
            {"no answer", "s=ed; b=", "s=slow; b=", ARC_TEMPERROR},
            {"a field of ARC between", "From: Ann", "X-ARC-Seal: i=9\r\nFrom: Ann", ARC_PASS},
            {"the subject", "two  words", "three words", ARC_FAIL},
    };
    struct str two = seal(w, S("ed"), seal(w, S("ed"), S(HEAD "\r\n" BODY)));
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct arc_answer chain = validate(w, replaced(w, two, t[i].from, t[i].to));
        check_chain(t[i].name, &chain, t[i].result);
    }
    struct arc_answer chain = validate(w, replaced(w, two, "cv=pass", "cv=fail"));
    check_true("it ends there", !arc_may_seal(&chain));
}

static void test_broken(void **state UNUSED)
{
    in_world(broken);
}

// A broken chain is sealed once more, as failed, and never after that.
static void sealed_as_failed(struct world *w)
{
    struct str one = seal(w, S("ed"), S(HEAD "\r\n" BODY));
    struct str other = replaced(w, one, "Hello", "Hallo");
    struct str two = seal(w, S("ed"), other);
    check_true("says so", str_contains(two, S("cv=fail")));
    struct arc_answer chain = validate(w, two);
    check_chain("failed", &chain, ARC_FAIL);
    check_u64("two sets", chain.count, 2);
    check_true("no third", !arc_may_seal(&chain));
    struct proof_refusal no;
    check_true("strict", arc_refuses(&chain, PROOF_STRICT, &no));
    check_u64("code", no.code, 550);
    check_true("relaxed", !arc_refuses(&chain, PROOF_RELAXED, &no));
    struct arc_answer good = validate(w, one);
    check_told(w, &good, "arc=pass smtp.remote-ip=192.0.2.1 header.oldest-pass=0\r\n");
}

static void test_sealed_as_failed(void **state UNUSED)
{
    in_world(sealed_as_failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(test_grow),
            TEST(test_changed),
            TEST(test_broken),
            TEST(test_sealed_as_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
