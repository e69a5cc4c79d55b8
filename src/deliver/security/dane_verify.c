// SPDX-License-Identifier: Apache-2.0
// deliver/security/dane_verify.c: is this chain the one that the records name? One record that is
// met is enough (outbound.md 15.5). Usage 3 names the leaf, and nothing else in it counts (RFC 7671
// 5.1); usage 2 names an authority, so the way to it and the name in the leaf must be right; usages
// 0 and 1 do the same below public authorities.
#include "deliver/security/tls_chain.h"

#include "deliver/security/dane.h"
#include "rt/task.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

// Authorities that only the DNS knows, tried for one chain: each costs signatures to be verified.
#define BARE_ANCHORS_MAX 8

enum usage { USAGE_PKIX_TA, USAGE_PKIX_EE, USAGE_DANE_TA, USAGE_DANE_EE }; // RFC 7218

struct checking { // for deep_call
    const struct dane_question *q;
    struct dane_match *out;
    X509 *leaf;
    STACK_OF(X509) * known;        // what the peer sent, and the certificates in the records
    STACK_OF(X509) * below_public; // from the leaf to a public authority; NULL: no way
    int public_error;
    size_t bare_anchors;
};

static void check(void *arg);
static STACK_OF(X509) * all_known(const struct dane_question *q);
static bool meets(struct checking *c, const struct dns_tlsa *r);
static bool meets_leaf(struct checking *c, const struct dns_tlsa *r);
static bool meets_anchor(struct checking *c, const struct dns_tlsa *r);
static bool meets_sent_anchor(struct checking *c, const struct dns_tlsa *r, bool *out_sent);
static bool meets_bare_anchor(struct checking *c, const struct dns_tlsa *r);
static bool meets_public(struct checking *c, const struct dns_tlsa *r);
static bool may_vouch(const struct checking *c, X509 *anchor);
static bool leads_to(struct checking *c, const struct dns_tlsa *r, X509 *anchor);
static int place_in(STACK_OF(X509) * built, X509 *anchor);
static bool has_name(struct checking *c);
static bool fits(const struct dns_tlsa *r, X509 *x);
static bool fits_digest(const struct dns_tlsa *r, struct str der);
static bool accept(struct checking *c, const struct dns_tlsa *r, size_t depth);
static void note(struct checking *c, int error);

void dane_verify(const struct dane_question *question, struct dane_match *out)
{
    struct checking c = {.q = question, .out = out};
    *out = (struct dane_match){
            .result_type = "validation-failure", .why = S("No matching certificates found.")};
    deep_call(check, &c);
    if (out->matched) {
        out->result_type = NULL;
        out->why = STR_NULL;
    }
}

static void check(void *arg)
{
    static const enum usage order[] = {USAGE_DANE_EE, USAGE_PKIX_EE, USAGE_DANE_TA, USAGE_PKIX_TA};
    struct checking *c = arg;
    int count = sk_X509_num(c->q->chain);
    if (count <= 0 || count > TLS_CHAIN_MAX) {
        c->out->no_certificate = count <= 0;
        c->out->why = count <= 0 ? S("the peer showed no certificate")
                                 : S("the peer showed more than 16 certificates");
        return;
    }
    c->leaf = sk_X509_value(c->q->chain, 0);
    c->public_error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT;
    c->known = all_known(c->q);
    if (c->q->anchors != NULL)
        c->public_error = tls_chain_verify(&(struct tls_chain){.sent = c->q->chain,
                                                   .known = c->known,
                                                   .store = c->q->anchors,
                                                   .now_ms = c->q->now_ms},
                &c->below_public);
    for (size_t i = 0; i < COUNT_OF(order) && !c->out->matched; i++)
        for (size_t k = 0; k < c->q->record_count && !c->out->matched; k++)
            if (c->q->records[k].usage == (uint8_t)order[i])
                c->out->matched = meets(c, &c->q->records[k]);
    tls_chain_free(c->below_public);
    tls_chain_free(c->known);
    ERR_clear_error();
}

// Who publishes an authority's certificate need not send it (RFC 7671 5.2.2). NULL (no memory) does
// not harm: only what was sent is known then.
static STACK_OF(X509) * all_known(const struct dane_question *q)
{
    STACK_OF(X509) *all = X509_chain_up_ref(q->chain);
    for (size_t i = 0, added = 0; i < q->record_count && added < BARE_ANCHORS_MAX; i++) {
        const struct dns_tlsa *r = &q->records[i];
        const unsigned char *at = (const unsigned char *)r->data.ptr;
        bool is_authority = r->usage == USAGE_DANE_TA || r->usage == USAGE_PKIX_TA;
        if (!is_authority || r->selector != 0 || r->matching != 0)
            continue;
        X509 *x = d2i_X509(NULL, &at, (long)r->data.len);
        if (all == NULL || x == NULL || sk_X509_push(all, x) <= 0)
            X509_free(x);
        added++;
    }
    return all;
}

static bool meets(struct checking *c, const struct dns_tlsa *r)
{
    switch ((enum usage)r->usage) {
    case USAGE_DANE_EE:
        return meets_leaf(c, r);
    case USAGE_DANE_TA:
        return meets_anchor(c, r);
    case USAGE_PKIX_TA:
    case USAGE_PKIX_EE:
        return meets_public(c, r);
    }
    return false;
}

static bool meets_leaf(struct checking *c, const struct dns_tlsa *r)
{
    return fits(r, c->leaf) && (!c->q->names_for_ee || has_name(c)) && accept(c, r, 0);
}

static bool meets_anchor(struct checking *c, const struct dns_tlsa *r)
{
    bool sent = false;
    if (meets_sent_anchor(c, r, &sent))
        return true;
    return !sent && r->matching == 0 && c->bare_anchors++ < BARE_ANCHORS_MAX &&
           meets_bare_anchor(c, r);
}

static bool meets_sent_anchor(struct checking *c, const struct dns_tlsa *r, bool *out_sent)
{
    for (int i = 0; i < sk_X509_num(c->q->chain); i++) {
        X509 *x = sk_X509_value(c->q->chain, i);
        if (!may_vouch(c, x) || !fits(r, x))
            continue;
        *out_sent = true;
        if (leads_to(c, r, x))
            return true;
    }
    return false;
}

// The leaf vouches for itself only as a self-signed authority; else that is what usage 3 is for.
static bool may_vouch(const struct checking *c, X509 *anchor)
{
    return X509_cmp(anchor, c->leaf) != 0 ||
           (X509_check_ca(anchor) != 0 && X509_self_signed(anchor, 1) == 1);
}

// A whole certificate, or a whole key, that is only in the record (RFC 7671 5.2.2). The key has no
// name, so all it can do is to have signed the last certificate that was shown.
static bool meets_bare_anchor(struct checking *c, const struct dns_tlsa *r)
{
    const unsigned char *at = (const unsigned char *)r->data.ptr;
    bool met;
    if (r->selector == 0) {
        X509 *x = d2i_X509(NULL, &at, (long)r->data.len);
        met = x != NULL && may_vouch(c, x) && leads_to(c, r, x);
        X509_free(x);
    } else {
        X509 *top = sk_X509_value(c->q->chain, sk_X509_num(c->q->chain) - 1);
        EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)r->data.len);
        met = key != NULL && X509_verify(top, key) == 1 && leads_to(c, r, top);
        EVP_PKEY_free(key);
    }
    return met;
}

static bool leads_to(struct checking *c, const struct dns_tlsa *r, X509 *anchor)
{
    STACK_OF(X509) *built = NULL;
    X509_STORE *store = X509_STORE_new();
    int error = X509_V_ERR_OUT_OF_MEM;
    if (store != NULL && X509_STORE_add_cert(store, anchor) == 1)
        error = tls_chain_verify(&(struct tls_chain){.sent = c->q->chain,
                                         .known = c->known,
                                         .store = store,
                                         .ends_anywhere = true,
                                         .now_ms = c->q->now_ms},
                &built);
    if (error != X509_V_OK)
        note(c, error);
    int depth = error == X509_V_OK ? place_in(built, anchor) : -1;
    bool met = depth >= 0 && has_name(c) && accept(c, r, (size_t)depth);
    tls_chain_free(built);
    X509_STORE_free(store);
    return met;
}

// -1: the way that was found goes by it.
static int place_in(STACK_OF(X509) * built, X509 *anchor)
{
    for (int i = 0; i < sk_X509_num(built); i++)
        if (X509_cmp(sk_X509_value(built, i), anchor) == 0)
            return i;
    return -1;
}

static bool meets_public(struct checking *c, const struct dns_tlsa *r)
{
    if (c->public_error != X509_V_OK) {
        note(c, c->public_error);
        return false;
    }
    int first = r->usage == USAGE_PKIX_EE ? 0 : 1;
    int end = r->usage == USAGE_PKIX_EE ? 1 : sk_X509_num(c->below_public);
    for (int i = first; i < end; i++)
        if (fits(r, sk_X509_value(c->below_public, i)))
            return has_name(c) && accept(c, r, (size_t)i);
    return false;
}

static bool has_name(struct checking *c)
{
    struct tls_reference reference = {.names = c->q->names, .count = c->q->name_count};
    if (tls_chain_names(c->leaf, &reference, &c->out->name))
        return true;
    note(c, X509_V_ERR_HOSTNAME_MISMATCH);
    return false;
}

static bool fits(const struct dns_tlsa *r, X509 *x)
{
    unsigned char *der = NULL;
    int len = r->selector == 0 ? i2d_X509(x, &der) : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
    if (len <= 0)
        return false;
    struct str text = str_of((const char *)der, (size_t)len);
    bool same = r->matching == 0 ? str_eq(text, r->data) : fits_digest(r, text);
    OPENSSL_free(der);
    return same;
}

static bool fits_digest(const struct dns_tlsa *r, struct str der)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const EVP_MD *md = r->matching == 2 ? EVP_sha512() : EVP_sha256();
    return EVP_Digest(der.ptr, der.len, digest, &len, md, NULL) == 1 &&
           str_eq(str_of((const char *)digest, len), r->data);
}

static bool accept(struct checking *c, const struct dns_tlsa *r, size_t depth)
{
    c->out->record = *r;
    c->out->depth = depth;
    return true;
}

// A record that fits, and a chain that is wrong all the same, says more than "nothing fits".
static void note(struct checking *c, int error)
{
    c->out->result_type = tls_chain_result_type(error);
    c->out->why = tls_chain_text(error);
}
