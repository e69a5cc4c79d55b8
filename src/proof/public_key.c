// SPDX-License-Identifier: Apache-2.0
// proof/public_key.c: keys are given to OpenSSL as numbers: its own reader of DER takes four times
// as long as the verification itself. Its queue of errors is emptied afterwards, for TLS reads it.
#include "proof/public_key.h"

#include "rt/rt.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

struct rsa_parts {
    BIGNUM *modulus, *exponent;
    OSSL_PARAM_BLD *build;
    OSSL_PARAM *params;
    EVP_PKEY_CTX *ctx;
};

struct making {
    const struct dkim_key *key;
    EVP_PKEY *pkey;
};

static void make(void *arg);
static EVP_PKEY *rsa_make(const struct dkim_key *key);
static bool rsa_parts_make(const struct dkim_key *key, struct rsa_parts *p);
static void rsa_parts_done(struct rsa_parts *p);
static void make_ready(void *arg);
static void verify(void *arg);
static bool rsa_verify(const struct public_key_check *c);
static EVP_PKEY_CTX *rsa_ready(EVP_PKEY *pkey, const EVP_MD *md);
static bool ed25519_verify(const struct public_key_check *c);
static const unsigned char *octets(struct str s);

struct evp_pkey_st *public_key_make(const struct dkim_key *key)
{
    struct making m = {.key = key};
    deep_call(make, &m);
    return m.pkey;
}

static void make(void *arg)
{
    struct making *m = arg;
    struct str bare = m->key->public_key;
    if (m->key->type == DKIM_KEY_RSA)
        m->pkey = rsa_make(m->key);
    else
        m->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, octets(bare), bare.len);
    ERR_clear_error();
}

static EVP_PKEY *rsa_make(const struct dkim_key *key)
{
    EVP_PKEY *out = NULL;
    struct rsa_parts p AUTO(rsa_parts_done) = {0};
    if (!rsa_parts_make(key, &p) || EVP_PKEY_fromdata_init(p.ctx) != 1 ||
            EVP_PKEY_fromdata(p.ctx, &out, EVP_PKEY_PUBLIC_KEY, p.params) != 1)
        return NULL;
    return out;
}

static bool rsa_parts_make(const struct dkim_key *key, struct rsa_parts *p)
{
    p->modulus = BN_bin2bn(octets(key->modulus), (int)key->modulus.len, NULL);
    p->exponent = BN_bin2bn(octets(key->exponent), (int)key->exponent.len, NULL);
    p->build = OSSL_PARAM_BLD_new();
    p->ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (p->modulus == NULL || p->exponent == NULL || p->build == NULL || p->ctx == NULL ||
            OSSL_PARAM_BLD_push_BN(p->build, OSSL_PKEY_PARAM_RSA_N, p->modulus) != 1 ||
            OSSL_PARAM_BLD_push_BN(p->build, OSSL_PKEY_PARAM_RSA_E, p->exponent) != 1)
        return false;
    p->params = OSSL_PARAM_BLD_to_param(p->build);
    return p->params != NULL;
}

static void rsa_parts_done(struct rsa_parts *p)
{
    OSSL_PARAM_free(p->params);
    OSSL_PARAM_BLD_free(p->build);
    EVP_PKEY_CTX_free(p->ctx);
    BN_free(p->modulus);
    BN_free(p->exponent);
}

void public_key_free(struct evp_pkey_st *pkey)
{
    EVP_PKEY_free(pkey);
}

struct readying {
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *ctx;
};

// Making one takes a fifth of the time of a verification.
struct evp_pkey_ctx_st *public_key_ready(const struct dkim_key *key, struct evp_pkey_st *pkey)
{
    struct readying r = {.pkey = pkey};
    if (pkey != NULL && key->type == DKIM_KEY_RSA && key->bits <= PUBLIC_KEY_INLINE_BITS_MAX)
        deep_call(make_ready, &r);
    return r.ctx;
}

static void make_ready(void *arg)
{
    struct readying *r = arg;
    r->ctx = rsa_ready(r->pkey, EVP_sha256());
    ERR_clear_error();
}

void public_key_ready_free(struct evp_pkey_ctx_st *ready)
{
    EVP_PKEY_CTX_free(ready);
}

struct err public_key_verify(struct public_key_check *check)
{
    check->good = false;
    if (check->pkey != NULL && check->type == DKIM_KEY_RSA &&
            check->bits > PUBLIC_KEY_INLINE_BITS_MAX)
        return offload(verify, check);
    public_key_verify_here(check);
    return OK;
}

void public_key_verify_here(struct public_key_check *check)
{
    check->good = false;
    if (check->pkey != NULL)
        deep_call(verify, check);
}

static void verify(void *arg)
{
    struct public_key_check *c = arg;
    c->good = c->type == DKIM_KEY_RSA ? rsa_verify(c) : ed25519_verify(c);
    ERR_clear_error();
}

// RSASSA-PKCS1-v1_5, RFC 8017 8.2.2
static bool rsa_verify(const struct public_key_check *c)
{
    bool is_ready = c->ready != NULL && c->hash == PROOF_SHA256;
    const EVP_MD *md = c->hash == PROOF_SHA1 ? EVP_sha1() : EVP_sha256();
    EVP_PKEY_CTX *ctx = is_ready ? c->ready : rsa_ready(c->pkey, md);
    bool good = ctx != NULL && EVP_PKEY_verify(ctx, octets(c->signature), c->signature.len,
                                       octets(c->digest), c->digest.len) == 1;
    if (!is_ready)
        EVP_PKEY_CTX_free(ctx);
    return good;
}

static EVP_PKEY_CTX *rsa_ready(EVP_PKEY *pkey, const EVP_MD *md)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
            EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
            EVP_PKEY_CTX_set_signature_md(ctx, md) == 1)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static bool ed25519_verify(const struct public_key_check *c)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, c->pkey) == 1 &&
                EVP_DigestVerify(ctx, octets(c->signature), c->signature.len, octets(c->digest),
                        c->digest.len) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

static const unsigned char *octets(struct str s)
{
    return (const unsigned char *)s.ptr;
}
