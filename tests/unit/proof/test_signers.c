// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_signers.c: signatures as they are configured (authentication.md 6.2, 15):
// what they become, what is wrong and where it is said.
#include "../base/check.h"

#include "../conf/conf_of.h"
#include "proof/signers.h"

#define SEED "private-key = 'nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A='\n"
#define OTHER_SEED "private-key = 'AWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A='\n"
#define KIND "algorithm = 'ed25519-sha256'\n"
#define PLACE "domain = 'A.example'\nselector = 'S1'\n"
#define ONE "[signature.one]\n" KIND PLACE SEED

struct fixture {
    struct arena arena;
    struct findings findings;
    struct conf *conf;
    struct signers signers;
};

static void fixture_init(struct fixture *f, struct str config)
{
    *f = (struct fixture){0};
    arena_init(&f->arena, 64 * MIB);
    f->findings = findings_make(&f->arena);
    struct str text = arena_fmt(&f->arena, SMTP "%.*s", ARG(config));
    f->conf = conf_of(text, &f->findings);
    assert_false(failed(signers_make(&f->arena, f->conf, &f->findings, &f->signers)));
}

static void fixture_done(struct fixture *f)
{
    signers_done(&f->signers);
    conf_free(f->conf);
    arena_done(&f->arena);
}

// "key: code" of each finding but that nothing uses the setting yet.
static struct str findings_of(struct fixture *f)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 64 * KIB);
    each_in_vec (found, &f->findings.all) {
        if (!str_starts(found->key, S("signature.")) || str_eq(found->code, S("no-effect")))
            continue;
        buf_fmt(&text, "%.*s %.*s\n", ARG(str_from(found->key, sizeof("signature.") - 1)),
                ARG(found->code));
    }
    return arena_str(&f->arena, buf_str(&text));
}

static const struct signer_case {
    const char *name, *config;
    bool signs; // the first one
    const char *found;
} cases[] = {
        {"all that is needed", ONE, true, ""},
        {"switched off", ONE "enable = false\n", false, ""},
        {"not yet", ONE "stage = 'pending'\n", false, ""},
        {"no longer", ONE "stage = 'retiring'\n", false, ""},
        {"no key", "[signature.one]\n" KIND PLACE, false, "one.private-key missing\n"},
        {"a key that is none", "[signature.one]\n" KIND PLACE "private-key = 'x'\n", false,
                "one.private-key bad-key\n"},
        {"a key of another kind", "[signature.one]\nalgorithm = 'rsa-sha256'\n" PLACE SEED, false,
                "one.private-key bad-key\n"},
        {"SHA-1", "[signature.one]\nalgorithm = 'rsa-sha1'\n" PLACE SEED, false,
                "one.algorithm bad-word\n"},
        {"an unknown algorithm", "[signature.one]\nalgorithm = 'rsa-sha512'\n" PLACE SEED, false,
                "one.algorithm bad-word\n"},
        {"one label", "[signature.one]\n" KIND "domain = 'com'\nselector = 's'\n" SEED, false,
                "one.domain bad-name\n"},
        {"a selector with a blank",
                "[signature.one]\n" KIND "domain = 'a.example'\nselector = 's 1'\n" SEED, false,
                "one.selector bad-name\n"},
        {"a selector of two labels",
                "[signature.one]\n" KIND "domain = 'a.example'\nselector = 's.t'\n" SEED, true, ""},
        {"From is not signed", ONE "headers = ['To', 'Subject']\n", false, "one.headers no-from\n"},
        {"no fields at all", ONE "headers = []\n", true, "one.headers empty\n"},
        {"a field that changes", ONE "headers = ['from', 'Received']\n", true,
                "one.headers unfit\n"},
        {"an identity below", ONE "auid = 'x@sub.a.example'\n", true, ""},
        {"an identity elsewhere", ONE "auid = '@b.example'\n", false, "one.auid elsewhere\n"},
        {"an identity that is none", ONE "auid = 'a.example'\n", false, "one.auid bad-name\n"},
        {"a short life", ONE "expire = '59m'\n", false, "one.expire too-short\n"},
        {"a life shorter than the queue's", ONE "expire = '6d'\n", true, "one.expire short\n"},
        {"a length", ONE "set-body-length = true\n", true, "one.set-body-length ignored\n"},
        {"a hash of nobody", ONE "third-party-algo = 'sha256'\n", false,
                "one.third-party-algo alone\n"},
        {"the same key twice", ONE "[signature.two]\n" KIND PLACE SEED, true, ""},
        {"two keys in one place", ONE "[signature.two]\n" KIND PLACE OTHER_SEED, true,
                "two.private-key two-keys\n"},
};

static void test_cases(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        fixture_init(&f, str_from_c(cases[i].config));
        check_str(cases[i].name, findings_of(&f), str_from_c(cases[i].found));
        check_u64(cases[i].name, f.signers.at[0].signs, cases[i].signs);
        fixture_done(&f);
    }
}

static void test_values(void **state UNUSED)
{
    struct fixture f;
    fixture_init(&f, S(ONE "canonicalization = 'simple/relaxed'\nexpire = '10d'\nreport = true\n"
                           "oversign = 'recommended'\nheaders = ['From', 'To']\n"
                           "third-party = 'b.example'\nthird-party-algo = 'sha-256'\n"
                           "[signature.two]\n" KIND "domain = 'b.example'\nselector = 's'\n" SEED
                           "canonicalization = 'simple'\n"));
    const struct signer_entry *one = signers_find(&f.signers, S("one"));
    const struct signer_entry *two = signers_find(&f.signers, S("two"));
    assert_non_null(one);
    assert_non_null(two);
    check_true("no such thing", signers_find(&f.signers, S("three")) == NULL);
    check_str("domain", one->signer.domain, S("a.example"));
    check_str("selector", one->signer.selector, S("s1"));
    check_u64("head", one->signer.head_canon, CANON_SIMPLE);
    check_u64("body", one->signer.body_canon, CANON_RELAXED);
    check_u64("expires", one->signer.expire_s, 10 * 86400);
    check_true("reports", one->signer.wants_reports);
    check_true("absent names are listed", one->signer.names_absent);
    check_u64("names", one->signer.name_count, 2);
    check_u64("oversigned", one->signer.oversigned_count, dkim_oversigned_recommended_count);
    check_str("third party", one->signer.third_party, S("b.example"));
    check_str("its hash", one->signer.third_party_hash, S("sha256"));
    check_str("record", one->record,
            S("v=DKIM1; k=ed25519; h=sha256; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="));
    check_u64("one word is both", two->signer.head_canon, CANON_SIMPLE);
    check_u64("one word is both", two->signer.body_canon, CANON_SIMPLE);
    check_u64("recommended", two->signer.name_count, dkim_names_recommended_count);
    check_true("of which absent ones are not listed", !two->signer.names_absent);
    check_u64("From alone", two->signer.oversigned_count, 1);
    fixture_done(&f);
}

static void test_keys(void **state UNUSED)
{
    struct fixture f;
    struct private_key *key = NULL;
    struct buf text AUTO(buf_done);
    buf_init(&text, 64 * KIB);
    assert_false(failed(private_key_generate(DKIM_KEY_RSA, 1024, &key)));
    buf_add(&text, S("[signature.one]\nalgorithm = 'rsa-sha256'\n" PLACE "private-key = '''\n"));
    assert_false(failed(private_key_pem(key, &text)));
    buf_add(&text, S("'''\n"));
    private_key_free(key);
    fixture_init(&f, buf_str(&text));
    check_str("a short one", findings_of(&f), S("one.private-key short-key\n"));
    check_true("signs", f.signers.at[0].signs);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(test_cases),
            TEST(test_values),
            TEST(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
