// SPDX-License-Identifier: Apache-2.0
// proof/signature_check.c: RFC 6376 6.1.2 and 6.1.3. A name may have several records: the first of
// those that can be read are tried until one verifies (authentication.md 5.5).
#include "proof/signature_check.h"

#include "proof/key_cache.h"
#include "proof/public_key.h"

#include <openssl/evp.h>

#define SIGNED_BYTES_MAX ((size_t)256 * MIB) // the header's own limit comes first

static struct err try_records(struct arena *a, struct signature_check *c) suspends;
static struct err try_key(
        struct signature_check *c, const struct known_key *known, enum dkim_reason *out) suspends;
static enum dkim_reason suits(const struct signature_check *c, const struct dkim_key *key);

struct err signature_check(struct arena *a, struct signature_check *c)
{
    TRY(key_ring_wait(c->key));
    switch (c->key->state) {
    case KEY_ASKING:
    case KEY_TROUBLE:
        c->reason = DKIM_DNS;
        c->detail = c->key->trouble;
        return OK;
    case KEY_NOT_FOUND:
        c->reason = DKIM_KEY_MISSING;
        return OK;
    case KEY_FOUND:
        return try_records(a, c);
    }
    return OK;
}

static struct err try_records(struct arena *a, struct signature_check *c)
{
    size_t tried = 0;
    c->reason = DKIM_KEY_SYNTAX;
    for (size_t i = 0; i < c->key->count && tried < DKIM_RECORDS_MAX; i++) {
        struct known_key known AUTO(known_key_done) = {0};
        TRY(known_key_find(c->key->ring->cache, a, c->key->records[i], &known));
        enum dkim_reason reason = known.reason;
        if (reason == DKIM_KEY_SYNTAX)
            continue;
        if (reason == DKIM_FINE)
            TRY(try_key(c, &known, &reason));
        tried++;
        if (tried > 1 && reason != DKIM_FINE)
            continue; // the first one that could be read tells why
        c->reason = reason;
        c->key_bits = known.key.bits;
        c->testing = known.key.testing;
        if (reason == DKIM_FINE)
            break;
    }
    return OK;
}

static struct err try_key(
        struct signature_check *c, const struct known_key *known, enum dkim_reason *out)
{
    struct public_key_check check = {.pkey = known->pkey,
            .ready = known->ready,
            .type = known->key.type,
            .bits = known->key.bits,
            .hash = dkim_algorithm_hash(c->algorithm),
            .digest = c->digest,
            .signature = c->bytes};
    *out = suits(c, &known->key);
    if (*out == DKIM_FINE && c->body_differs)
        *out = DKIM_BODY_HASH;
    if (*out != DKIM_FINE)
        return OK;
    TRY(public_key_verify(&check));
    *out = check.good ? DKIM_FINE : DKIM_SIGNATURE;
    return OK;
}

static enum dkim_reason suits(const struct signature_check *c, const struct dkim_key *key)
{
    bool ed25519 = c->algorithm == DKIM_ED25519_SHA256;
    if (!key->email)
        return DKIM_KEY_SERVICE;
    if (ed25519 != (key->type == DKIM_KEY_ED25519))
        return DKIM_KEY_OTHER;
    if (c->algorithm == DKIM_RSA_SHA1 ? !key->sha1 : !key->sha256)
        return DKIM_KEY_HASH;
    if (key->type == DKIM_KEY_RSA && key->bits < c->rsa_bits_min)
        return DKIM_KEY_TOO_SHORT;
    bool other = !str_is_null(c->identity_domain) && !str_eq(c->identity_domain, c->domain);
    return key->exact_domain && other ? DKIM_IDENTITY : DKIM_FINE;
}

struct err signed_head_digest(
        const struct signed_head *what, enum proof_hash hash, uint8_t *room, struct str *out)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, SIGNED_BYTES_MAX);
    proof_head_begin(what->head);
    proof_head_leave_out(what->head, what->field);
    proof_head_add(what->head, &text, what->canon, what->names, what->name_count);
    *out = STR_NULL;
    if (proof_head_is_spent(what->head))
        return OK;
    canon_signature_add(&text, what->canon, what->field->all, what->hole);
    if (text.overflow)
        return fail(ERR_LIMIT, "no memory for the header of a message");
    return proof_digest(hash, buf_str(&text), room, out);
}

struct err proof_digest(enum proof_hash hash, struct str text, uint8_t *out, struct str *out_digest)
{
    unsigned bytes = 0;
    const EVP_MD *md = hash == PROOF_SHA1 ? EVP_sha1() : EVP_sha256();
    if (EVP_Digest(text.ptr, text.len, out, &bytes, md, NULL) != 1)
        return fail(ERR_INTERNAL, "the library could not hash a header");
    *out_digest = str_of((const char *)out, bytes);
    return OK;
}
