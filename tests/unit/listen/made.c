// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/made.c: making keys and certificates.
#define POSTHASTE_BASE_ROOM
#include "made.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static struct str taken(struct arena *a, BIO *bio)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    struct str copy = arena_str(a, str_of(text, (size_t)len));
    BIO_free(bio);
    return copy;
}

EVP_PKEY *made_key(const char *kind)
{
    struct str word = str_from_c(kind);
    uint64_t bits;
    if (str_eq(word, S("ED25519")))
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (str_starts(word, S("RSA-")) && str_to_u64(str_from(word, 4), 16384, &bits))
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
    return EVP_EC_gen(kind);
}

static void extension_add(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert(extension != NULL);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
}

X509 *made_certificate(const struct made_wish *wish)
{
    X509 *x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), (uint64_t)(uintptr_t)x >> 4);
    ASN1_TIME_set(X509_getm_notBefore(x), (MADE_NOW_MS + wish->from_days * DAY_MS) / 1000);
    ASN1_TIME_set(X509_getm_notAfter(x), (MADE_NOW_MS + wish->to_days * DAY_MS) / 1000);
    X509_set_pubkey(x, wish->key);
    X509_NAME *subject = X509_get_subject_name(x);
    if (wish->cn != NULL)
        X509_NAME_add_entry_by_NID(
                subject, NID_commonName, MBSTRING_UTF8, (const unsigned char *)wish->cn, -1, -1, 0);
    X509 *issuer = wish->issuer != NULL ? wish->issuer : x;
    X509_set_issuer_name(x, X509_get_subject_name(issuer));
    if (wish->names != NULL)
        extension_add(x, issuer, NID_subject_alt_name, wish->names);
    if (wish->is_authority)
        extension_add(x, issuer, NID_basic_constraints, "critical,CA:TRUE");
    EVP_PKEY *signer = wish->issuer_key != NULL ? wish->issuer_key : wish->key;
    const EVP_MD *digest = wish->digest != NULL ? wish->digest : EVP_sha256();
    if (EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519)
        digest = NULL;
    int signed_bytes = X509_sign(x, signer, digest);
    assert(signed_bytes > 0);
    return x;
}

struct str made_pem(struct arena *a, X509 *x)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, x);
    return taken(a, bio);
}

struct str made_key_pem(struct arena *a, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    return taken(a, bio);
}

struct str made_traditional_pem(struct arena *a, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
    return taken(a, bio);
}

struct str made_encrypted_pem(struct arena *a, EVP_PKEY *key, const char *password)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(
            bio, key, EVP_aes_128_cbc(), password, (int)strlen(password), NULL, NULL);
    return taken(a, bio);
}

struct str made_text(struct arena *a, const char *first, ...)
{
    va_list rest;
    struct str all = S("");
    va_start(rest, first);
    for (const char *part = first; part != NULL; part = va_arg(rest, const char *))
        all = arena_join(a, all, str_from_c(part));
    va_end(rest);
    return all;
}
