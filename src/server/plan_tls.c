// SPDX-License-Identifier: Apache-2.0
// server/plan_tls.c: a listener's TLS context: its certificate, or one made on the spot, and
// tickets that every worker of every generation can read.
#include "server/plan.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <time.h>

#define TICKET_EPOCH_S (12 * 3600)
#define SELF_SIGNED_S (397L * 86400)
#define SECRET_BYTES 32

static struct str tls_key(struct plan *plan, struct plan_listener *l, struct str member);
static bool certificate_use(struct plan *plan, struct findings *f, struct plan_listener *l);
static bool certificate_load(
        struct plan *plan, struct findings *f, struct plan_listener *l, struct str id);
static bool self_signed_use(struct plan *plan, struct plan_listener *l);
static X509 *self_signed_make(struct plan *plan, struct plan_listener *l, EVP_PKEY *key);
static bool extension_add(X509 *x, int nid, const char *value);
static int ticket_keys(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
        EVP_MAC_CTX *mac, int encrypt);
static bool ticket_derive(const uint8_t *secret, uint64_t epoch, uint8_t out[80]);

bool plan_tls_make(struct plan *plan, struct findings *f, const uint8_t ticket_secret[32],
        struct plan_listener *l)
{
    bool enable = conf_bool(plan->conf, tls_key(plan, l, S("tls.enable")));
    if (!enable && !l->tls_implicit)
        return true;
    if (!enable) {
        conf_error(plan->conf, f, tls_key(plan, l, S("tls.implicit")), -1, S("tls-conflict"),
                "TLS from the first byte needs tls.enable = true");
        return false;
    }
    if (l->protocol == PLAN_HTTP && !l->tls_implicit)
        return true; // HTTP has no STARTTLS
    l->tls = SSL_CTX_new(TLS_server_method());
    struct str secret = arena_str(&plan->arena, str_of((const char *)ticket_secret, SECRET_BYTES));
    if (l->tls == NULL || str_is_null(secret))
        return false;
    SSL_CTX_set_min_proto_version(l->tls, TLS1_2_VERSION);
    SSL_CTX_set_security_level(l->tls, 2);
    SSL_CTX_set_options(l->tls,
            SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(l->tls, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_id_context(
            l->tls, (const unsigned char *)l->id.ptr, (unsigned)(l->id.len > 32 ? 32 : l->id.len));
    SSL_CTX_set_session_cache_mode(
            l->tls, SSL_SESS_CACHE_OFF); // tickets only: they cost us nothing
    SSL_CTX_set_app_data(l->tls, (void *)(uintptr_t)secret.ptr);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(l->tls, ticket_keys);
    return certificate_use(plan, f, l);
}

static struct str tls_key(struct plan *plan, struct plan_listener *l, struct str member)
{
    return conf_item(plan->conf, S("server.listener"), l->id, member);
}

static bool certificate_use(struct plan *plan, struct findings *f, struct plan_listener *l)
{
    struct str named = conf_str(plan->conf, tls_key(plan, l, S("tls.certificate")));
    struct conf_ids ids = conf_ids(plan->conf, S("certificate"));
    struct str chosen = named;
    for (size_t i = 0; str_is_empty(chosen) && i < ids.count; i++)
        if (ids.count == 1 || conf_bool(plan->conf, conf_item(plan->conf, S("certificate"),
                                                            ids.at[i], S("default"))))
            chosen = ids.at[i];
    if (str_is_empty(chosen) && ids.count > 0)
        chosen = ids.at[0];
    if (str_is_empty(chosen))
        return self_signed_use(plan, l);
    if (!conf_has_id(plan->conf, S("certificate"), chosen)) {
        conf_error(plan->conf, f, tls_key(plan, l, S("tls.certificate")), -1, S("undefined"),
                "certificate '%.*s' is not defined; add [certificate.\"%.*s\"]", ARG(chosen),
                ARG(chosen));
        return false;
    }
    return certificate_load(plan, f, l, chosen);
}

static bool certificate_load(
        struct plan *plan, struct findings *f, struct plan_listener *l, struct str id)
{
    struct str cert_key = conf_item(plan->conf, S("certificate"), id, S("cert"));
    struct str key_key = conf_item(plan->conf, S("certificate"), id, S("private-key"));
    struct str cert = conf_str(plan->conf, cert_key), key = conf_str(plan->conf, key_key);
    BIO *bio = BIO_new_mem_buf(cert.ptr, (int)cert.len);
    X509 *leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    bool ok = leaf != NULL && SSL_CTX_use_certificate(l->tls, leaf) == 1;
    for (X509 *next; ok && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL;)
        ok = SSL_CTX_add0_chain_cert(l->tls, next) == 1;
    ERR_clear_error();
    X509_free(leaf);
    BIO_free(bio);
    if (!ok) {
        conf_error(plan->conf, f, cert_key, -1, S("bad-certificate"),
                "no certificate that can be used was found here (PEM, leaf first)");
        return false;
    }
    struct str key_text = str_is_empty(key) ? cert : key;
    bio = BIO_new_mem_buf(key_text.ptr, (int)key_text.len);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    ok = pkey != NULL && SSL_CTX_use_PrivateKey(l->tls, pkey) == 1 &&
         SSL_CTX_check_private_key(l->tls) == 1;
    ERR_clear_error();
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    if (!ok)
        conf_error(plan->conf, f, key_key, -1, S("bad-private-key"),
                "no private key that fits the certificate was found here");
    return ok;
}

// listeners.md 9.5: P-256, 397 days, in memory only.
static bool self_signed_use(struct plan *plan, struct plan_listener *l)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *x = key == NULL ? NULL : self_signed_make(plan, l, key);
    bool ok = x != NULL && SSL_CTX_use_certificate(l->tls, x) == 1 &&
              SSL_CTX_use_PrivateKey(l->tls, key) == 1;
    X509_free(x);
    EVP_PKEY_free(key);
    return ok;
}

static X509 *self_signed_make(struct plan *plan, struct plan_listener *l, EVP_PKEY *key)
{
    X509 *x = X509_new();
    uint64_t serial = 0;
    RAND_bytes((unsigned char *)&serial, 7); // positive, as RFC 5280 4.1.2.2 wants it
    const char *name = arena_c_str(&plan->arena, l->host);
    struct str san = arena_fmt(&plan->arena, "DNS:%.*s", ARG(l->host));
    bool ok = x != NULL && name != NULL && !str_is_null(san) && X509_set_version(x, 2) == 1 &&
              ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial) == 1 &&
              X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
              X509_gmtime_adj(X509_getm_notAfter(x), SELF_SIGNED_S) != NULL &&
              X509_set_pubkey(x, key) == 1 &&
              X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                      (const unsigned char *)name, -1, -1, 0) == 1 &&
              X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 &&
              extension_add(x, NID_subject_alt_name, san.ptr) &&
              extension_add(x, NID_basic_constraints, "critical,CA:FALSE") &&
              X509_sign(x, key, EVP_sha256()) > 0;
    if (ok)
        return x;
    X509_free(x);
    return NULL;
}

static bool extension_add(X509 *x, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

// The keys of a ticket follow from the shared secret and the twelve hours it was made in, so
// workers and generations agree on them without a word. The epoch before is still accepted (and
// answered with a fresh ticket). OpenSSL: 1 use it, 2 renew it, 0 do a full handshake, -1 error.
static int ticket_keys(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
        EVP_MAC_CTX *mac, int encrypt)
{
    const uint8_t *secret = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    uint64_t epoch = (uint64_t)time(NULL) / TICKET_EPOCH_S;
    uint8_t keys[80]; // name, AES-256 key, HMAC key
    int result = 1;
    if (!ticket_derive(secret, epoch, keys))
        return -1;
    if (encrypt) {
        memcpy(name, keys, 16);
        if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
            return -1;
    } else if (CRYPTO_memcmp(name, keys, 16) != 0) {
        if (!ticket_derive(secret, epoch - 1, keys))
            return -1;
        if (CRYPTO_memcmp(name, keys, 16) != 0)
            return 0;
        result = 2;
    }
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
            OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, keys + 48, 32),
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
            OSSL_PARAM_construct_end(),
    };
    bool ok = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, keys + 16, iv, encrypt) == 1 &&
              EVP_MAC_CTX_set_params(mac, params) == 1;
    OPENSSL_cleanse(keys, sizeof(keys));
    return ok ? result : -1;
}

static bool ticket_derive(const uint8_t *secret, uint64_t epoch, uint8_t out[80])
{
    uint8_t block[32], input[9];
    for (size_t made = 0, i = 0; made < 80; i++) {
        memcpy(input, &epoch, 8);
        input[8] = (uint8_t)i;
        if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret, SECRET_BYTES, input,
                    sizeof(input), block, sizeof(block), NULL) == NULL)
            return false;
        size_t part = 80 - made < sizeof(block) ? 80 - made : sizeof(block);
        memcpy(out + made, block, part);
        made += part;
    }
    return true;
}
