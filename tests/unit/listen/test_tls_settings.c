// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/test_tls_settings.c: versions, suites in all their spellings, groups, and what
// OpenSSL says to the strings (listeners.md 8.1, 8.5, 17 rows 12 and 21, 18).
#include "../base/check.h"
#include "listen/tls_settings.h"

#include <openssl/ssl.h>

struct offer_case {
    const char *name;
    struct tls_words words;
    const char *error;
    enum tls_key key;
    int element;
    const char *suites_13, *ciphers_12, *warning;
};

#define WORDS(...)                                                                                 \
    {                                                                                              \
        (const struct str[]){__VA_ARGS__},                                                         \
                sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str)                     \
    }
#define ALL_13 "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
#define ALL_12                                                                                     \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"   \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305"

static const struct offer_case CASES[] = {
        {.name = "nothing said", .suites_13 = ALL_13, .ciphers_12 = ALL_12},
        {.name = "both switched off",
                .words.disable_protocols = WORDS(S_INIT("tls12"), S_INIT("tls13")),
                .error = "no TLS version left",
                .key = TLS_KEY_DISABLE_PROTOCOLS,
                .element = -1},
        {.name = "the one allowed switched off",
                .words.protocols = WORDS(S_INIT("TLSv1.3")),
                .words.disable_protocols = WORDS(S_INIT("0x0304")),
                .error = "no TLS version left",
                .key = TLS_KEY_DISABLE_PROTOCOLS,
                .element = -1},
        {.name = "all suites switched off",
                .words.ciphers = WORDS(S_INIT("0x1301")),
                .words.disable_ciphers = WORDS(S_INIT("0x1301")),
                .error = "no TLS version left",
                .key = TLS_KEY_CIPHERS,
                .element = -1},
        {.name = "TLS 1.2 with suites of 1.3 only",
                .words.protocols = WORDS(S_INIT("TLSv1.2")),
                .words.ciphers = WORDS(S_INIT("TLS13_AES_128_GCM_SHA256")),
                .error = "no TLS version left",
                .key = TLS_KEY_CIPHERS,
                .element = -1},
        {.name = "no suite of 1.2 left",
                .words.ciphers = WORDS(S_INIT("TLS13_AES_128_GCM_SHA256")),
                .suites_13 = "TLS_AES_128_GCM_SHA256",
                .ciphers_12 = "",
                .warning = "TLS 1.2 is off"},
        {.name = "no suite of 1.3 left",
                .words.ciphers = WORDS(S_INIT("ECDHE-RSA-AES128-GCM-SHA256")),
                .suites_13 = "",
                .ciphers_12 = "ECDHE-RSA-AES128-GCM-SHA256",
                .warning = "TLS 1.3 is off"},
        {.name = "the example of 8.5",
                .words.protocols = WORDS(S_INIT("TLSv1.2"), S_INIT("TLSv1.3")),
                .words.ciphers = WORDS(S_INIT("TLS13_CHACHA20_POLY1305_SHA256"),
                        S_INIT("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256")),
                .suites_13 = "TLS_CHACHA20_POLY1305_SHA256",
                .ciphers_12 = "ECDHE-RSA-CHACHA20-POLY1305"},
        {.name = "row 21: 1.3 alone, two JSON words away",
                .words.disable_protocols = WORDS(S_INIT("tls12")),
                .words.disable_ciphers = WORDS(S_INIT("tls13-aes-256-gcm-sha384"),
                        S_INIT("tls-ecdhe-rsa-with-aes-128-gcm-sha256")),
                .suites_13 = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256",
                .ciphers_12 = ""},
        {.name = "own order, one twice",
                .words.ciphers = WORDS(S_INIT("0x1301"), S_INIT("0xcca8"), S_INIT("0X1302"),
                        S_INIT("tls_aes_128_gcm_sha256")),
                .suites_13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384",
                .ciphers_12 = "ECDHE-RSA-CHACHA20-POLY1305"},
        {.name = "CBC",
                .words.ciphers = WORDS(S_INIT("0x1301"), S_INIT("ECDHE-RSA-AES128-SHA256")),
                .error = "unsupported TLS cipher suite \"ECDHE-RSA-AES128-SHA256\"",
                .key = TLS_KEY_CIPHERS,
                .element = 1},
        {.name = "an unknown code to be switched off",
                .words.disable_ciphers = WORDS(S_INIT("0x1304")),
                .error = "unsupported TLS cipher suite",
                .key = TLS_KEY_DISABLE_CIPHERS,
                .element = 0},
        {.name = "OpenSSL's language is not spoken",
                .words.ciphers = WORDS(S_INIT("HIGH:!aNULL")),
                .error = "unsupported",
                .key = TLS_KEY_CIPHERS},
        {.name = "TLS 1.1",
                .words.protocols = WORDS(S_INIT("TLSv1.2"), S_INIT("TLSv1.1")),
                .error = "RFC 8996",
                .key = TLS_KEY_PROTOCOLS,
                .element = 1},
        {.name = "SSL 3 to be switched off",
                .words.disable_protocols = WORDS(S_INIT("sslv3")),
                .error = "RFC 8996",
                .key = TLS_KEY_DISABLE_PROTOCOLS},
        {.name = "TLS 1.4",
                .words.protocols = WORDS(S_INIT("TLSv1.4")),
                .error = "unknown TLS version \"TLSv1.4\"",
                .key = TLS_KEY_PROTOCOLS},
        {.name = "groups of one's own",
                .words.groups = WORDS(S_INIT("secp384r1"), S_INIT("x25519")),
                .suites_13 = ALL_13,
                .ciphers_12 = ALL_12},
        {.name = "an unknown group",
                .words.groups = WORDS(S_INIT("X25519"), S_INIT("brainpool")),
                .error = "unknown key exchange group \"brainpool\"",
                .key = TLS_KEY_GROUPS,
                .element = 1},
};

static void expect(struct str is, const char *text)
{
    if (!str_eq(is, str_from_c(text)))
        check_failed("got \"%.*s\", expected \"%s\"", ARG(is), text);
}

// Every string must be one that OpenSSL takes whole.
static void openssl_agrees(const struct tls_offer *o)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if ((o->versions & TLS_1_3) != 0)
        assert_int_equal(SSL_CTX_set_ciphersuites(context, o->suites_13.ptr), 1);
    if ((o->versions & TLS_1_2) != 0)
        assert_int_equal(SSL_CTX_set_cipher_list(context, o->ciphers_12.ptr), 1);
    void *groups = (void *)(uintptr_t)o->groups.ptr; // the macro of OpenSSL casts const away
    assert_int_equal(SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0, groups), 1);
    SSL_CTX_free(context);
}

static void offers_are_made(void **unused UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        const struct offer_case *c = &CASES[i];
        struct arena a;
        struct tls_offer o = {0};
        struct tls_trouble trouble;
        arena_init(&a, 64 * KIB);
        print_message("%s\n", c->name);
        struct err e = tls_offer_make(&a, &c->words, &o, &trouble);
        assert_int_equal(failed(e), c->error != NULL);
        if (c->error != NULL) {
            assert_true(str_contains(err_text(e), str_from_c(c->error)));
            assert_int_equal(trouble.key, c->key);
            assert_int_equal(trouble.element, c->element);
        } else {
            expect(o.suites_13, c->suites_13);
            expect(o.ciphers_12, c->ciphers_12);
            assert_int_equal((o.versions & TLS_1_3) != 0, o.suites_13.len > 0);
            assert_int_equal((o.versions & TLS_1_2) != 0, o.ciphers_12.len > 0);
            assert_true(c->warning == NULL ? str_is_null(o.warning)
                                           : str_starts(o.warning, str_from_c(c->warning)));
            openssl_agrees(&o);
        }
        arena_done(&a);
    }
}

// Codes and names of OpenSSL's own table.
static void suites_are_what_they_say(void **unused UNUSED)
{
    static const struct {
        enum tls_suite suite;
        struct str openssl;
        unsigned code;
    } rows[] = {
#define CIPHER(id, name, json, openssl, iana, code, version, needs)                                \
    {SUITE_##id, S_INIT(openssl), code},
#include "listen/ciphers.def"
    };
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL *ssl = SSL_new(context);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned char code[] = {(unsigned char)(rows[i].code >> 8), (unsigned char)rows[i].code};
        const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, code);
        enum tls_suite found;
        assert_non_null(cipher);
        expect(rows[i].openssl, SSL_CIPHER_get_name(cipher));
        assert_true(tls_suite_find(str_from_c(SSL_CIPHER_standard_name(cipher)), &found));
        assert_int_equal(found, rows[i].suite);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
}

static void keys_fit_or_not(void **unused UNUSED)
{
    struct arena a;
    struct tls_offer o;
    struct tls_trouble trouble;
    struct tls_words words = {.ciphers = WORDS(S_INIT("0x1301"), S_INIT("0xC02F"))};
    arena_init(&a, 64 * KIB);
    assert_false(failed(tls_offer_make(&a, &words, &o, &trouble)));
    assert_true(tls_offer_fits(&o, KEY_RSA));
    assert_false(tls_offer_fits(&o, KEY_EC));
    assert_false(tls_offer_fits(&o, KEY_ED25519));
    words.disable_protocols = (struct str_list)WORDS(S_INIT("TLSv1.2"));
    assert_false(failed(tls_offer_make(&a, &words, &o, &trouble)));
    assert_true(tls_offer_fits(&o, KEY_EC)); // without TLS 1.2 there is nothing to miss
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(offers_are_made),
            cmocka_unit_test(suites_are_what_they_say),
            cmocka_unit_test(keys_fit_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
