// SPDX-License-Identifier: Apache-2.0
// tests/support/authority.c: keys and certificates for names, signed by one key of this run.
#include "authority.h"

#include "rt/sim/sim.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define AUTHORITY_BYTES_MAX (4 * MIB)
#define VALID_DAYS 3650 // before and after the simulated now

struct identity {
    struct str name, certificate, key;
    EVP_PKEY *pkey;
    X509 *x509;
};

struct authority {
    struct arena arena;
    struct identity ca;
    VEC(struct identity) names;
    long serial;
};

static bool identity_make(struct authority *a, struct identity *issuer, struct identity *out);
static bool extension_add(X509 *x, X509 *issuer, int nid, struct str text, struct arena *a);
static struct identity *identity_of(struct authority *a, struct str name);
static struct str taken(struct arena *a, BIO *bio);

struct authority *authority_new(void)
{
    struct authority *a = mem_new(struct authority);
    if (a == NULL)
        return NULL;
    arena_init(&a->arena, AUTHORITY_BYTES_MAX);
    a->ca.name = S("Test CA");
    if (!identity_make(a, NULL, &a->ca)) {
        authority_free(a);
        return NULL;
    }
    return a;
}

void authority_free(struct authority *a)
{
    if (a == NULL)
        return;
    each_in_vec (i, &a->names) {
        EVP_PKEY_free(i->pkey);
        X509_free(i->x509);
    }
    EVP_PKEY_free(a->ca.pkey);
    X509_free(a->ca.x509);
    arena_done(&a->arena);
    mem_free(a);
}

struct str authority_file(struct authority *a, struct str path)
{
    if (!str_starts(path, S("/test-ca/")))
        return STR_NULL;
    struct str file = str_from(path, S("/test-ca/").len), name, ending;
    if (str_eq(file, S("ca.pem")))
        return a->ca.certificate;
    if (!str_rcut(file, '.', &name, &ending))
        return STR_NULL;
    struct identity *i = NULL;
    if (str_eq(ending, S("pem")) || str_eq(ending, S("key")))
        i = identity_of(a, name);
    if (i == NULL)
        return STR_NULL;
    return str_eq(ending, S("pem")) ? i->certificate : i->key;
}

SSL_CTX *authority_client(struct authority *a, int64_t wall_ms)
{
    SSL_CTX *c = SSL_CTX_new(TLS_client_method());
    if (c == NULL)
        return NULL;
    X509_STORE_add_cert(SSL_CTX_get_cert_store(c), a->ca.x509);
    X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(c), (time_t)(wall_ms / 1000));
    return c;
}

SSL_CTX *authority_server(struct authority *a, struct str name)
{
    struct identity *i = identity_of(a, name);
    SSL_CTX *c = i == NULL ? NULL : SSL_CTX_new(TLS_server_method());
    if (c == NULL)
        return NULL;
    if (SSL_CTX_use_certificate(c, i->x509) == 1 && SSL_CTX_use_PrivateKey(c, i->pkey) == 1)
        return c;
    SSL_CTX_free(c);
    return NULL;
}

static struct identity *identity_of(struct authority *a, struct str name)
{
    each_in_vec (i, &a->names) {
        if (str_eq(i->name, name))
            return i;
    }
    struct identity *i = vec_add(&a->arena, &a->names);
    if (i == NULL)
        return NULL;
    i->name = arena_str(&a->arena, name);
    return !str_is_null(i->name) && identity_make(a, &a->ca, i) ? i : NULL;
}

static bool identity_make(struct authority *a, struct identity *issuer, struct identity *i)
{
    bool is_authority = issuer == NULL;
    i->pkey = EVP_EC_gen("P-256");
    X509 *x = i->x509 = X509_new();
    if (i->pkey == NULL || x == NULL)
        return false;
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++a->serial);
    ASN1_TIME_set(X509_getm_notBefore(x), SIM_WALL_MS / 1000 - (time_t)VALID_DAYS * 86400);
    ASN1_TIME_set(X509_getm_notAfter(x), SIM_WALL_MS / 1000 + (time_t)VALID_DAYS * 86400);
    X509_set_pubkey(x, i->pkey);
    X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_UTF8,
            (const unsigned char *)i->name.ptr, (int)i->name.len, -1, 0);
    struct identity *by = is_authority ? i : issuer;
    X509_set_issuer_name(x, X509_get_subject_name(by->x509));
    if (is_authority &&
            !extension_add(x, x, NID_basic_constraints, S("critical,CA:TRUE"), &a->arena))
        return false;
    struct str names = arena_fmt(&a->arena, "DNS:%.*s", ARG(i->name));
    if (!is_authority && !extension_add(x, by->x509, NID_subject_alt_name, names, &a->arena))
        return false;
    if (X509_sign(x, by->pkey, EVP_sha256()) <= 0)
        return false;
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, x);
    i->certificate = taken(&a->arena, bio);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, i->pkey, NULL, NULL, 0, NULL, NULL);
    i->key = taken(&a->arena, bio);
    return !str_is_null(i->certificate) && !str_is_null(i->key);
}

static bool extension_add(X509 *x, X509 *issuer, int nid, struct str text, struct arena *a)
{
    X509V3_CTX context;
    const char *value = arena_c_str(a, text);
    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *extension =
            value == NULL ? NULL : X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool done = extension != NULL && X509_add_ext(x, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

static struct str taken(struct arena *a, BIO *bio)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    struct str copy = arena_str(a, str_of(text, (size_t)len));
    BIO_free(bio);
    return copy;
}
