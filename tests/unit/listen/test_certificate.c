// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/test_certificate.c: loading a certificate: faults with their block and line,
// order of chains, kinds of keys, dates, names (listeners.md 9.2, 9.3, 9.6, 17 row 13).
#include "../base/check.h"
#include "listen/certificates.h"

#include "made.h"

struct world {
    struct arena arena;
    EVP_PKEY *ec, *rsa, *ed, *short_rsa, *odd_curve, *other, *authority_key, *middle_key;
    X509 *authority, *middle, *leaf;
    struct str leaf_pem, middle_pem, root_pem, ec_pem;
};

static int begin(void **state)
{
    struct world *w = mem_new(struct world);
    arena_init(&w->arena, 4 * MIB);
    w->ec = made_key("P-256");
    w->rsa = made_key("RSA-2048");
    w->ed = made_key("ED25519");
    w->short_rsa = made_key("RSA-1024");
    w->odd_curve = made_key("secp256k1");
    w->other = made_key("P-384");
    w->authority_key = made_key("P-256");
    w->middle_key = made_key("P-384");
    w->authority = made_certificate(&(struct made_wish){.cn = "Test Root",
            .key = w->authority_key,
            .from_days = -9,
            .to_days = 900,
            .is_authority = true});
    w->middle = made_certificate(&(struct made_wish){.cn = "Test Middle",
            .key = w->middle_key,
            .issuer = w->authority,
            .issuer_key = w->authority_key,
            .from_days = -9,
            .to_days = 900,
            .is_authority = true});
    w->leaf = made_certificate(&(struct made_wish){.cn = "Mail Server",
            .names = "DNS:MX.example.org,DNS:*.example.org,DNS:mx.example.org,IP:192.0.2.1,IP:2001:"
                     "db8::1,"
                     "email:ann@example.org",
            .key = w->ec,
            .issuer = w->middle,
            .issuer_key = w->middle_key,
            .from_days = -9,
            .to_days = 90});
    w->leaf_pem = made_pem(&w->arena, w->leaf);
    w->middle_pem = made_pem(&w->arena, w->middle);
    w->root_pem = made_pem(&w->arena, w->authority);
    w->ec_pem = made_key_pem(&w->arena, w->ec);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    EVP_PKEY *keys[] = {w->ec, w->rsa, w->ed, w->short_rsa, w->odd_curve, w->other,
            w->authority_key, w->middle_key};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        EVP_PKEY_free(keys[i]);
    X509_free(w->authority);
    X509_free(w->middle);
    X509_free(w->leaf);
    arena_done(&w->arena);
    mem_free(w);
    return 0;
}

struct loaded {
    struct certificates *all;
    struct certificate_reports reports;
};

static struct loaded load(struct world *w, struct str cert, struct str key, struct str password)
{
    struct loaded l = {.reports.arena = &w->arena};
    struct certificate_source source = {
            .id = S("default"), .cert = cert, .key = key, .password = password};
    l.all = certificates_make(&source, 1, NULL, MADE_NOW_MS, &l.reports);
    assert_non_null(l.all);
    return l;
}

// The one report expected, an error or a warning, or none.
static void expect_report(
        struct loaded *l, enum report_kind kind, const char *member, const char *part)
{
    if (part == NULL) {
        if (l->reports.all.count != 0)
            check_failed("unexpected: %.*s", ARG(l->reports.all.at[0].message));
        return;
    }
    if (l->reports.all.count != 1)
        check_failed("%zu reports instead of one: %s", l->reports.all.count, part);
    struct certificate_report *r = &l->reports.all.at[0];
    if (r->kind != kind || !str_eq(r->member, str_from_c(member)) ||
            !str_contains(r->message, str_from_c(part)))
        check_failed("got %.*s: %.*s", ARG(r->member), ARG(r->message));
}

static void expect_error(struct world *w, const char *name, struct str cert, struct str key,
        const char *member, const char *part)
{
    struct loaded l = load(w, cert, key, STR_NULL);
    print_message("%s\n", name);
    expect_report(&l, REPORT_ERROR, member, part);
    assert_int_equal(certificates_count(l.all), 0);
    certificates_unref(l.all);
}

static void faults_are_told(void **state)
{
    struct world *w = *state;
    struct arena *a = &w->arena;
    struct str elided = S("-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n");
    struct str second = arena_join(a, w->leaf_pem, arena_join(a, S("text between\n"), elided));
    struct str flipped = arena_str(a, w->leaf_pem);
    ((char *)(uintptr_t)flipped.ptr)[40] = '!';
    struct str trailing = S("-----BEGIN CERTIFICATE-----\nMAAAAA==\n-----END CERTIFICATE-----\n");
    expect_error(w, "nothing", S(""), w->ec_pem, "cert", "no certificate found");
    expect_error(w, "a key alone", w->ec_pem, w->ec_pem, "cert", "no certificate found");
    expect_error(w, "elided", elided, w->ec_pem, "cert",
            "cannot decode PEM block 1, which begins in line 1");
    expect_error(w, "second elided", second, w->ec_pem, "cert", "cannot decode PEM block 2");
    expect_error(w, "a byte is wrong", flipped, w->ec_pem, "cert", "cannot decode PEM block 1");
    expect_error(w, "base64 of no certificate", trailing, w->ec_pem, "cert",
            "cannot decode PEM block 1");
    expect_error(w, "cut off", str_upto(w->leaf_pem, w->leaf_pem.len - 30), w->ec_pem, "cert",
            "cannot decode PEM block 1");
    expect_error(
            w, "no key anywhere", w->leaf_pem, STR_NULL, "private-key", "no private key found");
    expect_error(w, "a certificate for a key", w->leaf_pem, w->leaf_pem, "private-key",
            "no private key found");
    expect_error(w, "an elided key", w->leaf_pem,
            S("\n-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n"), "private-key",
            "cannot decode PEM block 1, which begins in line 2");
    expect_error(w, "another's key", w->leaf_pem, made_key_pem(a, w->other), "private-key",
            "does not belong");
    expect_error(w, "encrypted, no password", w->leaf_pem, made_encrypted_pem(a, w->ec, "secret"),
            "private-key", "set private-key-password");
    expect_error(w, "encrypted as of old", w->leaf_pem,
            S("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nAAAA\n"
              "-----END EC PRIVATE KEY-----\n"),
            "private-key", "outdated form");
}

static void wrong_keys_are_refused(void **state)
{
    struct world *w = *state;
    const struct {
        const char *name;
        EVP_PKEY *key;
        const char *error;
    } cases[] = {
            {"RSA of 1024 bits", w->short_rsa, "1024 bits is too short: at least 2048"},
            {"secp256k1", w->odd_curve, "curve secp256k1 is not supported"},
            {"RSA of 2048 bits", w->rsa, NULL},
            {"P-384", w->other, NULL},
            {"Ed25519", w->ed, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        X509 *x = made_certificate(
                &(struct made_wish){.names = "DNS:a.example", .key = cases[i].key, .to_days = 90});
        struct loaded l =
                load(w, made_pem(&w->arena, x), made_key_pem(&w->arena, cases[i].key), STR_NULL);
        print_message("%s\n", cases[i].name);
        expect_report(&l, REPORT_ERROR, "private-key", cases[i].error);
        certificates_unref(l.all);
        X509_free(x);
    }
}

static void forms_of_keys(void **state)
{
    struct world *w = *state;
    struct arena *a = &w->arena;
    struct str both = arena_join(a, w->leaf_pem, w->ec_pem);
    struct str encrypted = made_encrypted_pem(a, w->ec, "s3cret");
    struct str parameters =
            S("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
    struct str behind =
            arena_join(a, w->root_pem, arena_join(a, parameters, made_traditional_pem(a, w->ec)));
    struct str indented = S("");
    struct str rest = w->leaf_pem, line;
    while (str_split(&rest, '\n', &line))
        indented = made_text(
                a, arena_c_str(a, indented), "\t  ", arena_c_str(a, line), "\r\n\n", NULL);
    const struct {
        const char *name;
        struct str cert, key, password;
    } cases[] = {
            {"key in cert", both, STR_NULL, STR_NULL},
            {"encrypted", w->leaf_pem, encrypted, S("s3cret")},
            {"traditional, behind parameters and a certificate", w->leaf_pem, behind, STR_NULL},
            {"indented, CRLF, blank lines", indented, w->ec_pem, STR_NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct loaded l = load(w, cases[i].cert, cases[i].key, cases[i].password);
        print_message("%s\n", cases[i].name);
        expect_report(&l, REPORT_ERROR, "", NULL);
        assert_int_equal(certificates_count(l.all), 1);
        certificates_unref(l.all);
    }
    struct loaded wrong = load(w, w->leaf_pem, encrypted, S("secret"));
    expect_report(&wrong, REPORT_ERROR, "private-key", "cannot be decrypted");
    certificates_unref(wrong.all);
}

static void chains_are_put_in_order(void **state)
{
    struct world *w = *state;
    struct arena *a = &w->arena;
    const char *leaf = w->leaf_pem.ptr, *middle = w->middle_pem.ptr, *root = w->root_pem.ptr;
    X509 *stranger_x =
            made_certificate(&(struct made_wish){.cn = "Stranger", .key = w->other, .to_days = 90});
    const char *stranger = made_pem(a, stranger_x).ptr;
    const struct {
        const char *name;
        struct str cert;
        const char *warning;
        int chain;
    } cases[] = {
            {"in order", made_text(a, leaf, middle, root, NULL), NULL, 2},
            {"without the root", made_text(a, leaf, middle, NULL), NULL, 1},
            {"leaf alone", w->leaf_pem, NULL, 0},
            {"leaf last", made_text(a, root, middle, leaf, NULL), "not in order", 2},
            {"root before middle", made_text(a, leaf, root, middle, NULL), "not in order", 2},
            {"a stranger behind", made_text(a, leaf, middle, stranger, NULL), "1 of 3 certificates",
                    1},
            {"the leaf twice", made_text(a, leaf, leaf, NULL), "1 of 2 certificates", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct loaded l = load(w, cases[i].cert, w->ec_pem, STR_NULL);
        print_message("%s\n", cases[i].name);
        expect_report(&l, REPORT_WARNING, "cert", cases[i].warning);
        const struct certificate *c = certificates_at(l.all, 0);
        assert_int_equal(X509_cmp(c->leaf, w->leaf), 0);
        assert_int_equal(sk_X509_num(c->chain), cases[i].chain);
        if (cases[i].chain > 0)
            assert_int_equal(X509_cmp(sk_X509_value(c->chain, 0), w->middle), 0);
        certificates_unref(l.all);
    }
    X509_free(stranger_x);
}

static void dates_and_digests_are_judged(void **state)
{
    struct world *w = *state;
    const struct {
        const char *name;
        int64_t from_days, to_days;
        const EVP_MD *digest;
        const char *warning;
    } cases[] = {
            {"ends before it begins", 20, 10, NULL, "before it begins"},
            {"expired", -20, -1, NULL, "has expired on"},
            {"not yet", 5, 90, NULL, "is not valid before"},
            {"13 days left", -20, 13, NULL, "expires on"},
            {"15 days left", -20, 15, NULL, NULL},
            {"SHA-1", -1, 90, EVP_sha1(), "SHA-1 or MD5"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        X509 *x = made_certificate(&(struct made_wish){.names = "DNS:a.example",
                .key = w->ec,
                .issuer = w->middle,
                .issuer_key = w->middle_key,
                .from_days = cases[i].from_days,
                .to_days = cases[i].to_days,
                .digest = cases[i].digest});
        struct loaded l = load(w, made_pem(&w->arena, x), w->ec_pem, STR_NULL);
        print_message("%s\n", cases[i].name);
        expect_report(&l, REPORT_WARNING, "cert", cases[i].warning);
        certificates_unref(l.all);
        X509_free(x);
    }
}

static void names_are_collected(void **state)
{
    struct world *w = *state;
    static const char *const expected[] = {
            "mx.example.org", "*.example.org", "192.0.2.1", "2001:db8::1", "mail.example.net"};
    struct certificate_reports reports = {.arena = &w->arena};
    struct str subjects[] = {S("mail.example.net"), S("mx.example.org")};
    struct certificate_source source = {
            .id = S("x"), .cert = w->leaf_pem, .key = w->ec_pem, .subjects = {subjects, 2}};
    struct certificates *all = certificates_make(&source, 1, NULL, MADE_NOW_MS, &reports);
    const struct certificate *c = certificates_at(all, 0);
    assert_int_equal(c->names.count, COUNT_OF(expected)); // the CN "Mail Server" is none
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_true(str_eq(c->names.at[i], str_from_c(expected[i])));
    assert_true(certificate_covers(c, S("mx.example.org")));
    assert_true(certificate_covers(c, S("other.example.org")));
    assert_false(certificate_covers(c, S("example.org")));
    assert_false(certificate_covers(c, S("a.b.example.org")));
    assert_false(certificate_covers(c, S(".example.org")));
    certificates_unref(all);
}

static void common_names_count(void **state)
{
    struct world *w = *state;
    X509 *x = made_certificate(
            &(struct made_wish){.cn = "Old.Example.ORG", .key = w->ec, .to_days = 90});
    struct loaded l = load(w, made_pem(&w->arena, x), w->ec_pem, STR_NULL);
    assert_true(certificate_covers(certificates_at(l.all, 0), S("old.example.org")));
    certificates_unref(l.all);
    X509_free(x);
    x = made_certificate(&(struct made_wish){.cn = "Nobody at all", .key = w->ec, .to_days = 90});
    l = load(w, made_pem(&w->arena, x), w->ec_pem, STR_NULL);
    expect_report(&l, REPORT_WARNING, "cert", "names no host");
    certificates_unref(l.all);
    X509_free(x);
}

// A pair that does not fit at a reload: the old one stays, and the error is told (9.6, 18).
static void the_old_one_stays(void **state)
{
    struct world *w = *state;
    struct loaded before = load(w, w->leaf_pem, w->ec_pem, STR_NULL);
    struct certificate_reports reports = {.arena = &w->arena};
    struct certificate_source sources[] = {
            {.id = S("default"), .cert = w->leaf_pem, .key = made_key_pem(&w->arena, w->other)},
            {.id = S("new"), .cert = w->leaf_pem, .key = w->ec_pem},
            {.id = S("broken"), .cert = S(""), .key = w->ec_pem},
    };
    struct certificates *now =
            certificates_make(sources, COUNT_OF(sources), before.all, MADE_NOW_MS, &reports);
    certificates_unref(before.all);
    assert_int_equal(reports.error_count, 2);
    assert_int_equal(certificates_count(now), 2);
    assert_true(certificates_by_id(now, S("default"))->is_kept);
    assert_true(certificate_covers(certificates_by_id(now, S("default")), S("mx.example.org")));
    assert_false(certificates_by_id(now, S("new"))->is_kept);
    certificates_unref(now);
}

static void one_default_only(void **state)
{
    struct world *w = *state;
    struct certificate_reports reports = {.arena = &w->arena};
    struct certificate_source sources[] = {
            {.id = S("a"), .cert = w->leaf_pem, .key = w->ec_pem, .is_default = true},
            {.id = S("b"), .cert = w->leaf_pem, .key = w->ec_pem, .is_default = true},
    };
    certificates_unref(certificates_make(sources, 2, NULL, MADE_NOW_MS, &reports));
    assert_int_equal(reports.error_count, 1);
    assert_true(str_eq(reports.all.at[0].id, S("b")));
    assert_true(str_contains(reports.all.at[0].message, S("'a' is the default already")));
}

static void self_signed_is_fit(void **state)
{
    struct world *w = *state;
    struct str names[] = {S("MX.example.org"), S("192.0.2.1"), S("2001:db8::1")};
    struct certificate *c = self_signed_make(names, 3, MADE_NOW_MS);
    assert_non_null(c);
    struct loaded l =
            load(w, made_pem(&w->arena, c->leaf), made_key_pem(&w->arena, c->key), STR_NULL);
    expect_report(&l, REPORT_ERROR, "", NULL);
    const struct certificate *again = certificates_at(l.all, 0);
    assert_int_equal(again->names.count, 3);
    assert_true(certificate_covers(again, S("mx.example.org")));
    assert_true(certificate_covers(again, S("2001:db8::1")));
    assert_int_equal(again->not_after_ms - again->not_before_ms, 397LL * DAY_MS);
    assert_int_equal(X509_verify(c->leaf, c->key), 1);
    certificates_unref(l.all);
    self_signed_free(c);
    c = self_signed_make(NULL, 0, MADE_NOW_MS); // a machine without any name
    assert_non_null(c);
    self_signed_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(faults_are_told),
            cmocka_unit_test(wrong_keys_are_refused),
            cmocka_unit_test(forms_of_keys),
            cmocka_unit_test(chains_are_put_in_order),
            cmocka_unit_test(dates_and_digests_are_judged),
            cmocka_unit_test(names_are_collected),
            cmocka_unit_test(common_names_count),
            cmocka_unit_test(the_old_one_stays),
            cmocka_unit_test(one_default_only),
            cmocka_unit_test(self_signed_is_fit),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
