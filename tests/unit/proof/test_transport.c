// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_transport.c: records and policies of MTA-STS, TLS reporting and BIMI,
// beyond the public suite; words of strategies.
#include "../base/check.h"
#include "conf/expr.h"
#include "proof/bimi.h"
#include "proof/strategy.h"
#include "proof/transport.h"

struct text_case {
    const char *name, *text, *error; // NULL: fine
};

static const struct text_case sts_records[] = {
        {"all", "v=STSv1; id=20160831085700Z; x=y", NULL},
        {"32 octets", "v=STSv1;id=abcdefghijklmnopqrstuvwxyz012345", NULL},
        {"33 octets", "v=STSv1;id=abcdefghijklmnopqrstuvwxyz0123456", "id= is not 1 to 32"},
        {"another version", "v=STSv10; id=a", "it does not begin with v=STSv1"},
        {"the version in another case", "v=stsv1; id=a", "it does not begin with v=STSv1"},
        {"no id", "v=STSv1", "id= is missing"},
        {"no tags", "v=STSv1; id", "malformed tags"},
        {"the end of the list", "v=STSv1 ;\tid=a ; ", NULL},
        {"an empty field", "v=STSv1; id=a;; x=y", "malformed tags"},
        {"no semicolon", "v=STSv1 id=a", "malformed tags"},
        {"an extension of all that names may have", "v=STSv1; 1x_-.=\"<y>\"; id=a", NULL},
        {"an extension that begins with a hyphen", "v=STSv1; -x=y; id=a", "malformed tags"},
        {"an extension without a value", "v=STSv1; id=a; x=", "x= has no value"},
        {"an extension of two words", "v=STSv1; id=a; x=y z", "x= has no value"},
        {"an extension with its sign twice", "v=STSv1; id=a; x==", "x= has no value"},
        {"an extension that is not ASCII", "v=STSv1; id=a; x=\xc3\xa9", "x= has no value"},
};

static const struct text_case tlsrpt_records[] = {
        {"mail", "v=TLSRPTv1;rua=mailto:a@example.com", NULL},
        {"another scheme", "v=TLSRPTv1;rua=ftp:a@example.com", "rua= names no place for reports"},
        {"a URI has what extensions have not", "v=TLSRPTv1;rua=https://x.example/?a=b", NULL},
        {"an extension", "v=TLSRPTv1; 1-ext=yes; rua=mailto:a@example.com;", NULL},
        {"an extension without a value", "v=TLSRPTv1; rua=mailto:a@b.example; e=", "e= has no"},
        {"one of them serves", "v=TLSRPTv1;rua=ftp:a,https://x.example/", NULL},
        {"none", "v=TLSRPTv1", "rua= is missing"},
};

#define POLICY "version: STSv1\nmode: enforce\nmax_age: 86400\n"

static const struct text_case policies[] = {
        {"all", POLICY "mx: a.example\nmx: *.b.example\n", NULL},
        {"no mx", POLICY, "mx is missing"},
        {"no mx for none", "version: STSv1\nmode: none\nmax_age: 0", NULL},
        {"keys in another case are others", "Version: STSv1\nmode: none\nmax_age: 0",
                "version, mode or max_age is missing"},
        {"the first counts", POLICY "mode: sideways\nmax_age: x\nmx: a.example", NULL},
        {"lines that are none", "hello\n\n" POLICY "mx:a.example", NULL},
        {"the largest age", "version:STSv1\nmode:none\nmax_age:31557600", NULL},
        {"one more", "version:STSv1\nmode:none\nmax_age:31557601", "max_age is no number"},
        {"a wildcard within", POLICY "mx: a.*.example", ""},
        {"a bare wildcard", POLICY "mx: *", ""},
        {"a mode in another case", "version:STSv1\nmode:NONE\nmax_age:1", "mode is not"},
};

static const struct text_case bimi_records[] = {
        {"a picture and its evidence",
                "v=BIMI1; l=https://x.example/a.svg; a=https://x.example/a.pem", NULL},
        {"declined", "v=BIMI1; l=; a=;", NULL},
        {"no location", "v=BIMI1; a=https://x.example/a.pem", "l= is missing"},
        {"not first", "l=https://x.example/a.svg; v=BIMI1", "it does not begin with v=BIMI1"},
        {"in lower case", "v=bimi1; l=", "it does not begin with v=BIMI1"},
        {"without TLS", "v=BIMI1; l=http://x.example/a.svg", "l= is no https URI"},
        {"two pictures", "v=BIMI1; l=https://x.example/a,https://x.example/b", "l= is no https"},
        {"twice", "v=BIMI1; l=; l=", "malformed or repeated tags"},
        {"nothing", "", "malformed or repeated tags"},
};

static void check_texts(const struct text_case *cases, size_t count,
        struct err (*parse)(struct arena *, struct str))
{
    for (size_t i = 0; i < count; i++) {
        struct arena a AUTO(arena_done);
        arena_init(&a, MIB);
        struct err e = parse(&a, str_from_c(cases[i].text));
        bool as_wanted = cases[i].error == NULL
                                 ? !failed(e)
                                 : failed(e) && str_starts(err_text(e), str_from_c(cases[i].error));
        if (!as_wanted)
            check_failed("%s: \"%.*s\"", cases[i].name, ARG(err_text(e)));
    }
}

static struct err parse_sts(struct arena *a, struct str text)
{
    struct sts_record record;
    return sts_record_parse(a, text, &record);
}

static struct err parse_tlsrpt(struct arena *a, struct str text)
{
    struct tlsrpt_record record;
    return tlsrpt_record_parse(a, text, &record);
}

static struct err parse_policy(struct arena *a, struct str text)
{
    struct sts_policy policy;
    return sts_policy_parse(a, text, &policy);
}

static struct err parse_bimi(struct arena *a, struct str text)
{
    struct bimi_record record;
    TRY(bimi_record_parse(a, text, &record));
    assert_true(record.declined == str_is_null(record.location));
    return OK;
}

static void reads_texts(void **state)
{
    (void)state;
    check_texts(sts_records, COUNT_OF(sts_records), parse_sts);
    check_texts(tlsrpt_records, COUNT_OF(tlsrpt_records), parse_tlsrpt);
    check_texts(policies, COUNT_OF(policies), parse_policy);
    check_texts(bimi_records, COUNT_OF(bimi_records), parse_bimi);
}

static void lists_exchanges(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    struct sts_policy policy;
    arena_init(&a, MIB);
    struct str text = S(POLICY "mx: A.example.\r\nmx: *.b.example\nmx: *.b\303\274cher.example");
    assert_int_equal(sts_policy_parse(&a, text, &policy).kind, ERR_NONE);
    assert_int_equal(policy.mode, STS_ENFORCE);
    assert_int_equal(policy.age_max_s, 86400);
    check_true("equal", sts_policy_lists(&policy, S("a.example")));
    check_true("one label more", sts_policy_lists(&policy, S("mx.b.example")));
    check_true("beyond ASCII", sts_policy_lists(&policy, S("mx.xn--bcher-kva.example")));
    check_true("no label more", !sts_policy_lists(&policy, S("b.example")));
    check_true("two labels more", !sts_policy_lists(&policy, S("x.mx.b.example")));
    check_true("the pattern", !sts_policy_lists(&policy, S("*.a.example")));
    check_true("no dots", !sts_policy_lists(&policy, S("example")));
}

static void reads_strategies(void **state)
{
    (void)state;
    enum proof_strategy s;
    assert_true(proof_strategy_read(S("enforce"), &s) && s == PROOF_ENFORCE);
    assert_true(proof_strategy_read(S("never"), &s) && s == PROOF_DISABLE);
    assert_false(proof_strategy_read(S("maybe"), &s));
    assert_false(proof_strategy_read(S(""), &s));
    struct expr_result failed_one = {.outcome = EXPR_FAILED};
    struct expr_result strict = {.outcome = EXPR_VALUE, .text = S("strict")};
    assert_int_equal(proof_strategy_of(&failed_one), PROOF_RELAXED);
    assert_int_equal(proof_strategy_of(&strict), PROOF_STRICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(reads_texts), TEST(lists_exchanges), TEST(reads_strategies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
