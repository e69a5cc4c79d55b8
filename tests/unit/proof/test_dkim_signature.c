// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_dkim_signature.c: what signature fields and key records say, and which of
// them decide by themselves.
#include "../base/check.h"
#include "proof/dkim.h"
#include "proof/tags.h"

#include "base/encode.h"
#include "proof/key_cache.h"
#include "proof/private_key.h"

#define BH "bh=LjkN2rUhrS3zKXfH2vNgUzz5ERRJkgP9CURXBX0JP0Q="
#define REST "; d=mox.example; s=test; h=from; b=dGVzdAo=; " BH
#define ED "v=1; a=ed25519-sha256"
#define TEN(x) x x x x x x x x x x

static const struct field_case {
    const char *name, *text;
    enum dkim_reason reason;
    const char *detail; // NULL: any
} fields[] = {
        {"all there is", ED REST, DKIM_FINE, NULL},
        {"nothing", "", DKIM_TAG_SYNTAX, NULL},
        {"a semicolon alone", ";", DKIM_TAG_SYNTAX, NULL},
        {"a semicolon and a fold at the end", ED REST " ;\r\n ", DKIM_FINE, NULL},
        {"an empty element at the end", ED REST ";;", DKIM_TAG_SYNTAX, NULL},
        {"an empty element in between", ED ";" REST, DKIM_TAG_SYNTAX, NULL},
        {"no equals sign", ED REST "; q", DKIM_TAG_SYNTAX, NULL},
        {"a name that begins with a digit", ED REST "; 1=2", DKIM_TAG_SYNTAX, NULL},
        {"a control", ED REST "; n=\x01", DKIM_TAG_SYNTAX, NULL},
        {"a tag twice", ED REST "; x1=2; x1=2", DKIM_DUPLICATE_TAG, NULL},
        {"names have case", ED REST "; D=2; d1=3", DKIM_FINE, NULL},
        {"unknown tags", ED REST "; zz=\xc3\xa4; y_1= a  b ", DKIM_FINE, NULL},
        {"no version", "a=ed25519-sha256" REST, DKIM_MISSING_TAG, "there is no v="},
        {"another version", "v=2; a=ed25519-sha256" REST, DKIM_VERSION, NULL},
        {"a version with a zero", "v=01; a=ed25519-sha256" REST, DKIM_VERSION, NULL},
        {"no algorithm", "v=1" REST, DKIM_MISSING_TAG, "there is no a="},
        {"another algorithm", "v=1; a=rsa-sha512" REST, DKIM_ALGORITHM, NULL},
        {"values have case", "v=1; a=RSA-SHA256" REST, DKIM_ALGORITHM, NULL},
        {"sha1 with a hash of sha256", "v=1; a=rsa-sha1" REST, DKIM_TAG_SYNTAX, NULL},
        {"no domain", ED "; s=t; h=from; b=dGVzdAo=; " BH, DKIM_MISSING_TAG, "there is no d="},
        {"a domain of one label", ED "; d=com; s=t; h=from; b=dGVzdAo=; " BH, DKIM_TAG_SYNTAX,
                "d= makes no sense"},
        {"a domain with a line end in it", ED "; d=a.b\r\n c.d; s=t; h=from; b=dGVzdAo=; " BH,
                DKIM_TAG_SYNTAX, "d= makes no sense"},
        {"a domain with quotes", ED "; d=a\".b; s=t; h=from; b=dGVzdAo=; " BH, DKIM_TAG_SYNTAX,
                "d= makes no sense"},
        {"a dot at the end", ED "; d=a.b.; s=t; h=from; b=dGVzdAo=; " BH, DKIM_TAG_SYNTAX,
                "d= makes no sense"},
        {"a selector of two labels", ED "; d=a.b; s=t.u; h=from; b=dGVzdAo=; " BH, DKIM_FINE, NULL},
        {"an empty selector", ED "; d=a.b; s=; h=from; b=dGVzdAo=; " BH, DKIM_TAG_SYNTAX,
                "s= makes no sense"},
        {"folds in base64", ED "; d=a.b; s=t; h=from; b=dGV\r\n\tzdA \r\n o=; " BH, DKIM_FINE,
                NULL},
        {"no padding", ED "; d=a.b; s=t; h=from; b=dGVzdAo; " BH, DKIM_FINE, NULL},
        {"no base64", ED "; d=a.b; s=t; h=from; b=dGV*dAo=; " BH, DKIM_BASE64, "b= makes no sense"},
        {"nothing in b", ED "; d=a.b; s=t; h=from; b=; " BH, DKIM_BASE64, "b= makes no sense"},
        {"a short body hash", ED "; d=a.b; s=t; h=from; b=dGVzdAo=; bh=dGVzdAo=", DKIM_TAG_SYNTAX,
                "bh= makes no sense"},
        {"no names", ED "; d=a.b; s=t; h=; b=dGVzdAo=; " BH, DKIM_TAG_SYNTAX, "h= makes no sense"},
        {"From is not signed", ED "; d=a.b; s=t; h=to:x-from; b=dGVzdAo=; " BH,
                DKIM_FROM_NOT_SIGNED, NULL},
        {"From among folds", ED "; d=a.b; s=t; h=to : \r\n FROM :to; b=dGVzdAo=; " BH, DKIM_FINE,
                NULL},
        {"one word of canonicalization", ED REST "; c=relaxed", DKIM_FINE, NULL},
        {"two words", ED REST "; c=simple/relaxed", DKIM_FINE, NULL},
        {"three words", ED REST "; c=simple/relaxed/simple", DKIM_CANONICALIZATION, NULL},
        {"an unknown word", ED REST "; c=nowsp", DKIM_CANONICALIZATION, NULL},
        {"a query among others", ED REST "; q=x/y : dns/txt", DKIM_FINE, NULL},
        {"another query", ED REST "; q=dns/special", DKIM_QUERY, NULL},
        {"an identity below", ED REST "; i=a=40b@sub.MOX.example", DKIM_FINE, NULL},
        {"an identity elsewhere", ED REST "; i=@notmox.example", DKIM_IDENTITY, NULL},
        {"an identity above", ED REST "; i=@example", DKIM_IDENTITY, NULL},
        {"an identity without @", ED REST "; i=mox.example", DKIM_TAG_SYNTAX, NULL},
        {"half an escape", ED REST "; i=a=4@mox.example", DKIM_TAG_SYNTAX, NULL},
        {"a length", ED REST "; l=0", DKIM_FINE, NULL},
        {"a length of 76 digits", ED REST "; l=" TEN("1234567") "123456", DKIM_FINE, NULL},
        {"a length of 77 digits", ED REST "; l=" TEN("1234567") "1234567", DKIM_TAG_SYNTAX, NULL},
        {"a length below nothing", ED REST "; l=-1", DKIM_TAG_SYNTAX, NULL},
        {"times", ED REST "; t=10; x=11", DKIM_FINE, NULL},
        {"expires when it was made", ED REST "; t=10; x=10", DKIM_TIMES, NULL},
        {"far in the future", ED REST "; t=1; x=" TEN("1234567890"), DKIM_FINE, NULL},
        {"no time", ED REST "; x=soon", DKIM_TAG_SYNTAX, "x= makes no sense"},
        {"an empty time", ED REST "; t=", DKIM_TAG_SYNTAX, "t= makes no sense"},
};

static void test_fields(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        const struct field_case *t = &fields[i];
        struct arena a AUTO(arena_done);
        struct dkim_signature s;
        arena_init(&a, MIB);
        assert_false(failed(dkim_signature_parse(&a, DKIM_FIELD, str_from_c(t->text), &s)));
        if (s.reason != t->reason)
            check_failed(
                    "%s: %.*s (%.*s)", t->name, ARG(dkim_reason_word(s.reason)), ARG(s.detail));
        if (t->detail != NULL)
            check_str(t->name, s.detail, str_from_c(t->detail));
    }
}

static void test_values(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct dkim_signature s;
    struct str text = S(" v=1 ; a=rsa-sha256; c = relaxed/simple; d=M\xc3\xb6X.example; s=Te_St;"
                        " i=\"a=20b\"@x.m\xc3\xb6x.example; h=from: To :from;l=12;t=5;r=y;" BH
                        "; b =\r\n dGV\r\n zdAo= \r\n\t; x=7");
    arena_init(&a, MIB);
    assert_false(failed(dkim_signature_parse(&a, DKIM_FIELD, text, &s)));
    check_u64("reason", s.reason, DKIM_FINE);
    check_u64("algorithm", s.algorithm, DKIM_RSA_SHA256);
    check_u64("head", s.head_canon, CANON_RELAXED);
    check_u64("body", s.body_canon, CANON_SIMPLE);
    check_str("domain", s.domain, S("xn--mx-fka.example"));
    check_str("selector", s.selector, S("te_st"));
    check_str("identity", s.identity, S("\"a b\"@x.m\xc3\xb6x.example"));
    check_str("bytes", s.bytes, S("test\n"));
    check_str("hole", s.hole, S("\r\n dGV\r\n zdAo= \r\n\t"));
    check_u64("names", s.name_count, 3);
    check_str("the second name", s.names[1], S("To"));
    check_u64("length", s.body_bytes_max, 12);
    check_u64("made", s.signed_at_s, 5);
    check_u64("expires", s.expires_at_s, 7);
    check_true("reports", s.wants_reports);
    check_true("limited", s.limited);
}

static void test_limits(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct buf text AUTO(buf_done);
    struct dkim_signature s;
    arena_init(&a, 4 * MIB);
    buf_init(&text, MIB);
    buf_add(&text, S(ED REST "; n="));
    buf_add_repeat(&text, 'x', DKIM_FIELD_BYTES_MAX - text.len);
    assert_false(failed(dkim_signature_parse(&a, DKIM_FIELD, buf_str(&text), &s)));
    check_u64("as long as may be", s.reason, DKIM_FINE);
    buf_add(&text, S("x"));
    assert_false(failed(dkim_signature_parse(&a, DKIM_FIELD, buf_str(&text), &s)));
    check_u64("a byte longer", s.reason, DKIM_TAG_SYNTAX);
    for (size_t names = DKIM_NAMES_MAX; names <= DKIM_NAMES_MAX + 1; names++) {
        buf_clear(&text);
        buf_add(&text, S(ED "; d=a.b; s=t; b=dGVzdAo=; " BH "; h=From"));
        for (size_t i = 1; i < names; i++)
            buf_add(&text, S(":From"));
        assert_false(failed(dkim_signature_parse(&a, DKIM_FIELD, buf_str(&text), &s)));
        check_u64("names", s.reason, names > DKIM_NAMES_MAX ? DKIM_TAG_SYNTAX : DKIM_FINE);
    }
    buf_clear(&text);
    buf_add(&text, S("a=1"));
    for (int i = 0; i < TAGS_MAX; i++)
        buf_fmt(&text, "; t%d=1", i);
    struct tags tags;
    enum tags_fault fault;
    assert_false(failed(tags_parse(&a, buf_str(&text), &tags, &fault)));
    check_u64("too many tags", fault, TAGS_SYNTAX);
}

// --- Key records ---------------------------------------------------------------------------------

#define ED_KEY "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA_512                                                                                    \
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALgSoqXVSEmfcIsOzw7oRuCCOwsmtX/SJnTWxYyj2leFxfS/"             \
    "AVJ+dYfY+hXqMsT7l+MZvvh/R1WzN4MO/kI/7XsCAwEAAQ=="

static const struct key_case {
    const char *name, *text;
    enum dkim_reason reason;
    uint32_t bits;
} keys[] = {
        {"nothing", "", DKIM_KEY_SYNTAX, 0},
        {"no key", "v=DKIM1; k=rsa", DKIM_KEY_SYNTAX, 0},
        {"revoked", "v=DKIM1; p=", DKIM_KEY_REVOKED, 0},
        {"revoked, with blanks", "p= \t ;", DKIM_KEY_REVOKED, 0},
        {"revoked, of an unknown type", "k=x; p=", DKIM_KEY_UNKNOWN, 0},
        {"Ed25519", "v=DKIM1; k=ed25519; " ED_KEY, DKIM_FINE, 256},
        {"Ed25519 with its algorithm",
                "k=ed25519; "
                "p=MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
                DKIM_FINE, 256},
        {"Ed25519 said to be RSA", "v=DKIM1; " ED_KEY, DKIM_KEY_SYNTAX, 0},
        {"RSA said to be Ed25519", "k=ed25519; p=" RSA_512, DKIM_KEY_SYNTAX, 0},
        {"RSA", "p=" RSA_512, DKIM_FINE, 512},
        {"RSA with blanks and line ends",
                "p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALgSoqXVSEmfcIsOzw7o\n"
                "RuCCOwsmtX/SJnTWxYyj2leFxfS/ AVJ+dYfY+hXqMsT7l+MZvvh/R1WzN4MO/kI/7XsCAwEAAQ==",
                DKIM_FINE, 512},
        {"RSA without its algorithm",
                "p=MEgCQQC4EqKl1UhJn3CLDs8O6Ebggjs"
                "LJrV/0iZ01sWMo9pXhcX0vwFSfnWH2PoV6jLE+5fjGb74f0dVszeDDv5CP+17AgMBAAE=",
                DKIM_FINE, 512},
        {"RSA with something behind it",
                "p=MEgCQQC4EqKl1UhJn3CLDs8O6Ebggjs"
                "LJrV/0iZ01sWMo9pXhcX0vwFSfnWH2PoV6jLE+5fjGb74f0dVszeDDv5CP+17AgMBAAEA",
                DKIM_KEY_SYNTAX, 0},
        {"an even exponent",
                "p=MEgCQQC4EqKl1UhJn3CLDs8O6Ebggjs"
                "LJrV/0iZ01sWMo9pXhcX0vwFSfnWH2PoV6jLE+5fjGb74f0dVszeDDv5CP+17AgMBAAI=",
                DKIM_KEY_SYNTAX, 0},
        {"cut", "p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALgSoqXV", DKIM_KEY_SYNTAX, 0},
        {"no base64", "p=!!!!", DKIM_KEY_SYNTAX, 0},
        {"another version", "v=DKIM2; " ED_KEY, DKIM_KEY_SYNTAX, 0},
        {"a version in small letters", "v=dkim1; " ED_KEY, DKIM_KEY_SYNTAX, 0},
        {"the version is not first", "k=ed25519; v=DKIM1; " ED_KEY, DKIM_KEY_SYNTAX, 0},
        {"the version alone first", " v = DKIM1 ;k=ed25519;" ED_KEY, DKIM_FINE, 256},
        {"a tag twice", "k=ed25519; " ED_KEY "; n=1; n=2", DKIM_KEY_SYNTAX, 0},
        {"8-bit in a note", "n=\xff\xfe; k=ed25519; " ED_KEY, DKIM_FINE, 256},
        {"a flag without a value", "k=rsa; t; p=" RSA_512, DKIM_KEY_SYNTAX, 0},
};

static void test_keys(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct arena a AUTO(arena_done);
        struct dkim_key key;
        enum dkim_reason reason;
        arena_init(&a, MIB);
        assert_false(failed(dkim_key_parse(&a, str_from_c(keys[i].text), &key, &reason)));
        if (reason != keys[i].reason)
            check_failed("%s: %.*s", keys[i].name, ARG(dkim_reason_word(reason)));
        if (reason == DKIM_FINE)
            check_u64(keys[i].name, key.bits, keys[i].bits);
    }
}

static void test_key_flags(void **state UNUSED)
{
    static const struct {
        const char *text;
        bool sha256, sha1, email, testing, exact;
    } t[] = {
            {"k=ed25519; " ED_KEY, true, true, true, false, false},
            {"k=ed25519; h=sha1 ; " ED_KEY, false, true, true, false, false},
            {"k=ed25519; h=x : SHA256 ; " ED_KEY, true, false, true, false, false},
            {"k=ed25519; h=; " ED_KEY, false, false, true, false, false},
            {"k=ed25519; s=tlsrpt; " ED_KEY, true, true, false, false, false},
            {"k=ed25519; s=tlsrpt : email; " ED_KEY, true, true, true, false, false},
            {"k=ed25519; s=x:*; " ED_KEY, true, true, true, false, false},
            {"k=ed25519; t=z : y; " ED_KEY, true, true, true, true, false},
            {"k=ed25519; t=s:y; " ED_KEY, true, true, true, true, true},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct arena a AUTO(arena_done);
        struct dkim_key key;
        enum dkim_reason reason;
        arena_init(&a, MIB);
        assert_false(failed(dkim_key_parse(&a, str_from_c(t[i].text), &key, &reason)));
        check_u64(t[i].text, reason, DKIM_FINE);
        check_u64(t[i].text, key.sha256, t[i].sha256);
        check_u64(t[i].text, key.sha1, t[i].sha1);
        check_u64(t[i].text, key.email, t[i].email);
        check_u64(t[i].text, key.testing, t[i].testing);
        check_u64(t[i].text, key.exact_domain, t[i].exact);
    }
}

// Keys that would cost more than they may, made of numbers: SEQUENCE { modulus, exponent }.
static void test_key_sizes(void **state UNUSED)
{
    static const struct {
        size_t modulus_bytes, exponent_bytes;
        enum dkim_reason reason;
    } t[] = {
            {1024, 3, DKIM_FINE},
            {1025, 3, DKIM_KEY_SYNTAX},
            {256, 8, DKIM_FINE},
            {256, 9, DKIM_KEY_SYNTAX},
            {256, 256, DKIM_KEY_SYNTAX},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct arena a AUTO(arena_done);
        struct buf der AUTO(buf_done), text AUTO(buf_done);
        struct dkim_key key;
        enum dkim_reason reason;
        arena_init(&a, MIB);
        buf_init(&der, 8 * KIB);
        buf_init(&text, 16 * KIB);
        size_t e = t[i].exponent_bytes, n = t[i].modulus_bytes, all = n + 5 + e + 4;
        char head[] = {0x30, (char)0x82, (char)(all >> 8), (char)all, 0x02, (char)0x82,
                (char)((n + 1) >> 8), (char)(n + 1), 0};
        char middle[] = {0x02, (char)0x82, (char)(e >> 8), (char)e};
        buf_add(&der, str_of(head, sizeof(head)));
        buf_add_repeat(&der, (char)0xff, n);
        buf_add(&der, str_of(middle, sizeof(middle)));
        buf_add_repeat(&der, 0x55, e);
        buf_add(&text, S("p="));
        encode_base64(&text, buf_str(&der));
        assert_false(failed(dkim_key_parse(&a, buf_str(&text), &key, &reason)));
        if (reason != t[i].reason)
            check_failed("case %zu: %.*s", i, ARG(dkim_reason_word(reason)));
    }
}

static void test_private_keys(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct private_key *key = NULL;
    struct str record;
    arena_init(&a, MIB);
    struct str seed = S(" nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n"); // RFC 8463 A.2
    assert_false(failed(private_key_read(&a, seed, 2048, &key)));
    assert_false(failed(private_key_record(&a, key, &record)));
    check_str("record", record, S("v=DKIM1; k=ed25519; h=sha256; " ED_KEY));
    private_key_free(key);
    static const char *const bad[] = {"", "hello", "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2==",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct err e = private_key_read(&a, str_from_c(bad[i]), 2048, &key);
        check_u64(bad[i], e.kind, ERR_CONFIG);
    }
}

static void test_private_rsa(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct buf pem AUTO(buf_done);
    struct private_key *key = NULL, *again = NULL;
    struct str record, same;
    struct dkim_key public_half;
    enum dkim_reason reason;
    arena_init(&a, MIB);
    buf_init(&pem, 16 * KIB);
    assert_false(failed(private_key_generate(DKIM_KEY_RSA, 1024, &key)));
    assert_false(failed(private_key_pem(key, &pem)));
    check_true("PKCS#1", str_starts(buf_str(&pem), S("-----BEGIN RSA PRIVATE KEY-----\n")));
    check_u64("too short", private_key_read(&a, buf_str(&pem), 1025, &again).kind, ERR_CONFIG);
    assert_false(failed(private_key_read(&a, buf_str(&pem), 1024, &again)));
    assert_false(failed(private_key_record(&a, key, &record)));
    assert_false(failed(private_key_record(&a, again, &same)));
    check_str("the same key", same, record);
    assert_false(failed(dkim_key_parse(&a, record, &public_half, &reason)));
    check_u64("its record", reason, DKIM_FINE);
    check_u64("its length", public_half.bits, 1024);
    private_key_free(key);
    private_key_free(again);
}

static void test_key_cache(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct key_cache *cache = key_cache_new(1, 2, 2);
    struct str texts[] = {S("k=ed25519; " ED_KEY), S("k=ed25519; t=y; " ED_KEY), S("p="),
            S("k=ed25519; " ED_KEY)};
    struct known_key first = {0};
    arena_init(&a, MIB);
    assert_false(failed(known_key_find(cache, &a, texts[0], &first)));
    assert_non_null(first.pkey);
    for (size_t i = 0; i < COUNT_OF(texts); i++) { // the third drives out the first
        struct known_key known = {0}, again = {0}, apart = {0};
        assert_false(failed(known_key_find(cache, &a, texts[i], &known)));
        assert_false(failed(known_key_find(cache, &a, texts[i], &again)));
        assert_false(failed(known_key_find(NULL, &a, texts[i], &apart)));
        check_true("the same key", known.pkey == again.pkey);
        check_true("a key of its own", apart.pkey == NULL || apart.pkey != known.pkey);
        check_u64("kept or dropped", known.pkey == first.pkey, i == 0);
        check_u64("reason", again.reason, i == 2 ? DKIM_KEY_REVOKED : DKIM_FINE);
        check_u64("flags", again.key.testing, i == 1);
        check_u64("bits", again.key.bits, i == 2 ? 0 : 256);
        known_key_done(&known);
        known_key_done(&again);
        known_key_done(&apart);
    }
    key_cache_free(cache);
    known_key_done(&first); // outlives the cache
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(test_fields),
            TEST(test_values),
            TEST(test_limits),
            TEST(test_keys),
            TEST(test_key_flags),
            TEST(test_key_sizes),
            TEST(test_key_cache),
            TEST(test_private_keys),
            TEST(test_private_rsa),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
