// SPDX-License-Identifier: Apache-2.0
// proof/dkim_verify.c: the signatures of a message, each judged by itself, in this order: syntax,
// what policy forbids, expiry, the key's record, the body, the signature. The first that decides is
// the result, so what is dear comes last. Nobody is asked for the key of a signature that is lost
// already when the header is there. The key comes before the body, as in RFC 6376 6.1 (and unlike
// authentication.md 5.6): the answer is there by then, and a key that was revoked or cannot be had
// says more about the signer than a body that a list has changed. The public test data has it so,
// too (dkim-mail-dkim, badkey_15 and badkey4_ed25519).
#include "proof/dkim.h"

#include "proof/atps.h"
#include "proof/signature_check.h"
#include "proof/tags.h"

#define SKEW_S 300
#define SIGNATURES_MAX 10
#define WAIT_MS (30 * SECOND_MS)
#define RSA_BITS_MIN 1024 // RFC 8301 3.2

struct checking { // one signature
    const struct mail_field *field;
    struct dkim_signature signature;
    size_t body; // its hash
    struct key_entry *key;
    struct dkim_verdict *verdict;
};

struct dkim_verifier {
    struct arena *arena;
    struct dkim_rules rules;
    struct proof_head *head;
    struct body_hashes *bodies;
    struct key_ring *keys;
    VEC(struct checking) all;
    size_t count; // of fields, also of those beyond DKIM_FIELDS_READ_MAX
};

static struct err collect(struct dkim_verifier *v);
static void choose(struct dkim_verifier *v);
static struct err begin_one(struct dkim_verifier *v, struct checking *c);
static struct err end_one(struct dkim_verifier *v, struct checking *c) suspends;
static bool body_is_same(const struct dkim_verifier *v, struct checking *c);
static struct err head_digest(
        struct dkim_verifier *v, const struct checking *c, uint8_t *room, struct str *out);
static enum dkim_result best(const struct dkim_verdict *at, size_t count);

struct dkim_rules dkim_rules_default(int64_t now_s)
{
    return (struct dkim_rules){.now_s = now_s,
            .skew_s = SKEW_S,
            .signatures_max = SIGNATURES_MAX,
            .wait_ms = WAIT_MS,
            .rsa_bits_min = RSA_BITS_MIN,
            .atps = true};
}

struct err dkim_verify_begin(struct arena *a, const struct dkim_rules *rules,
        struct proof_head *head, struct body_hashes *bodies, struct key_ring *keys,
        struct dkim_verifier **out)
{
    struct dkim_verifier *v = arena_make(a, struct dkim_verifier);
    if (v == NULL)
        return fail(ERR_LIMIT, "no memory to verify signatures");
    *v = (struct dkim_verifier){
            .arena = a, .rules = *rules, .head = head, .bodies = bodies, .keys = keys};
    TRY(collect(v));
    choose(v);
    each_in_vec (c, &v->all) {
        if (c->signature.reason == DKIM_FINE)
            TRY(begin_one(v, c));
    }
    *out = v;
    return OK;
}

static struct err collect(struct dkim_verifier *v)
{
    for (size_t i = 0; i < v->head->count; i++) {
        const struct mail_field *field = &v->head->fields[i];
        if (!str_eq_nocase(field->name, S("DKIM-Signature")))
            continue;
        if (v->count++ >= DKIM_FIELDS_READ_MAX)
            continue;
        struct checking *c = vec_add(v->arena, &v->all);
        if (c == NULL)
            return fail(ERR_LIMIT, "no memory for the signatures of a message");
        c->field = field;
        TRY(dkim_signature_parse(v->arena, DKIM_FIELD, field->body, &c->signature));
    }
    return OK;
}

// authentication.md 5.1: those of the author's domain first, then from the top.
static void choose(struct dkim_verifier *v)
{
    size_t room = v->rules.signatures_max;
    if (v->all.count <= room)
        return;
    struct str author = proof_head_author_domain(v->arena, v->head);
    bool chosen[DKIM_FIELDS_READ_MAX] = {false};
    for (int aligned = 1; aligned >= 0; aligned--) {
        for (size_t i = 0; i < v->all.count && room > 0; i++) {
            struct str domain = v->all.at[i].signature.domain;
            bool related = !str_is_null(author) && !str_is_null(domain) &&
                           (domain_is_within(domain, author) || domain_is_within(author, domain));
            if (chosen[i] || (aligned == 1 && !related))
                continue;
            chosen[i] = true;
            room--;
        }
    }
    for (size_t i = 0; i < v->all.count; i++) {
        if (!chosen[i])
            v->all.at[i].signature.reason = DKIM_TOO_MANY;
    }
}

static struct err begin_one(struct dkim_verifier *v, struct checking *c)
{
    struct dkim_signature *s = &c->signature;
    s->reason = dkim_forbidden(&v->rules, s);
    if (s->reason != DKIM_FINE)
        return OK;
    struct body_hash_kind kind = {.canon = s->body_canon,
            .hash = dkim_algorithm_hash(s->algorithm),
            .bytes_max = s->body_bytes_max};
    struct err bad = body_hashes_want(v->bodies, &kind, &c->body);
    if (failed(bad)) { // so many lengths: a signer who wants us to work
        s->reason = DKIM_TOO_MANY;
        s->detail = err_text(bad);
        return OK;
    }
    return key_ring_want(v->keys, s->selector, s->domain, &c->key);
}

enum dkim_reason dkim_forbidden(const struct dkim_rules *rules, const struct dkim_signature *s)
{
    if (s->algorithm == DKIM_RSA_SHA1 && !rules->allow_sha1)
        return DKIM_SHA1;
    if (s->limited && !rules->allow_body_length)
        return DKIM_LENGTH;
    uint64_t now_s = rules->now_s > 0 ? (uint64_t)rules->now_s : 0;
    bool expired = s->expires_at_given && s->expires_at_s < UINT64_MAX - rules->skew_s &&
                   s->expires_at_s + rules->skew_s <= now_s;
    return expired ? DKIM_EXPIRED : DKIM_FINE;
}

struct err dkim_verify_end(struct dkim_verifier *v, struct dkim_answer *out)
{
    within_ms(v->rules.wait_ms);
    struct dkim_verdict *verdicts = arena_array(v->arena, v->count + 1, struct dkim_verdict);
    if (verdicts == NULL)
        return fail(ERR_LIMIT, "no memory for the signatures of a message");
    for (size_t i = 0; i < v->count; i++) {
        static const struct dkim_signature unread = {.reason = DKIM_TOO_MANY};
        bool read = i < v->all.count;
        verdicts[i].signature = read ? &v->all.at[i].signature : &unread;
        verdicts[i].reason = verdicts[i].signature->reason;
        verdicts[i].detail = verdicts[i].signature->detail;
        if (read && verdicts[i].reason == DKIM_FINE) {
            v->all.at[i].verdict = &verdicts[i];
            TRY(end_one(v, &v->all.at[i]));
        }
        verdicts[i].result = dkim_reason_result(verdicts[i].reason);
    }
    *out = (struct dkim_answer){
            .result = best(verdicts, v->count), .at = verdicts, .count = v->count};
    return OK;
}

static struct err end_one(struct dkim_verifier *v, struct checking *c)
{
    const struct dkim_signature *s = &c->signature;
    uint8_t room[PROOF_DIGEST_BYTES_MAX];
    struct signature_check check = {.key = c->key,
            .algorithm = s->algorithm,
            .bytes = s->bytes,
            .domain = s->domain,
            .identity_domain = s->identity_domain,
            .rsa_bits_min = v->rules.rsa_bits_min,
            .body_differs = !body_is_same(v, c)};
    if (!check.body_differs)
        TRY(head_digest(v, c, room, &check.digest));
    if (!check.body_differs && str_is_null(check.digest)) {
        c->verdict->reason = DKIM_TOO_MANY;
        c->verdict->detail = S("to find the fields that it names takes too long");
        return OK;
    }
    TRY(signature_check(v->arena, &check));
    c->verdict->reason = check.reason;
    c->verdict->detail = check.detail;
    c->verdict->key_bits = check.key_bits;
    c->verdict->testing = check.testing;
    if (check.reason == DKIM_FINE && v->rules.atps && !str_is_null(s->third_party))
        TRY(atps_check(v->keys->resolver, v->arena, s, v->head, &c->verdict->atps));
    if (check.reason == DKIM_BODY_HASH && body_hashes_short(v->bodies, c->body))
        c->verdict->detail = S("the body is shorter than l= says");
    return OK;
}

static bool body_is_same(const struct dkim_verifier *v, struct checking *c)
{
    uint64_t bytes = body_hashes_bytes(v->bodies, c->body);
    if (c->signature.limited && bytes > c->signature.body_bytes_max)
        c->verdict->body_bytes = bytes;
    return !body_hashes_short(v->bodies, c->body) &&
           str_eq(body_hashes_digest(v->bodies, c->body), c->signature.body_hash);
}

static struct err head_digest(
        struct dkim_verifier *v, const struct checking *c, uint8_t *room, struct str *out)
{
    const struct dkim_signature *s = &c->signature;
    struct signed_head what = {.head = v->head,
            .field = c->field,
            .canon = s->head_canon,
            .hole = s->hole,
            .names = s->names,
            .name_count = s->name_count};
    return signed_head_digest(&what, dkim_algorithm_hash(s->algorithm), room, out);
}

static enum dkim_result best(const struct dkim_verdict *at, size_t count)
{
    enum dkim_result result = DKIM_NONE;
    for (size_t i = 0; i < count; i++)
        result = dkim_result_better(result, at[i].result);
    return result;
}
