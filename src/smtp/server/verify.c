// SPDX-License-Identifier: Apache-2.0
// smtp/server/verify.c: the signatures of a message (authentication.md 1.1, 5.7, 8.2). Keys, and
// the policy of the author's domain, are asked for when the header is there, all at once; the body
// passes once through all hashes while it comes; the end of data decides.
#include "smtp/server/verify.h"

#include "rt/dns.h"
#include "rt/rt.h"
#include "smtp/limits.h"

static enum proof_strategy strategy_now(struct smtp_session *s, enum rule_id id) suspends;
static bool is_worth_reading(struct smtp_session *s, const struct transaction *t) suspends;
static struct err read_head(struct smtp_session *s, struct message_check *c) MUST_USE;
static struct err want_own_hashes(struct smtp_session *s, struct message_check *c) MUST_USE;
static void ask_ahead(struct message_check *c);
static struct err ask_policy(void *check) suspends;
static struct err check_all(struct finishing *f) suspends MUST_USE;
static struct err end_signatures(struct finishing *f) suspends MUST_USE;

struct err verify_begin(struct smtp_session *s)
{
    struct transaction *t = s->transaction;
    if (s->service->proof == NULL || s->service->resolver == NULL)
        return OK;
    struct message_check *c = t->check = mem_new(struct message_check);
    if (c == NULL)
        return fail(ERR_LIMIT, "no memory to verify a message");
    arena_init(&c->arena, VERIFY_BYTES_MAX);
    key_ring_begin(&c->keys, s->service->resolver, &c->arena);
    c->keys.cache = s->service->keys;
    group_begin(&c->ahead);
    c->resolver = s->service->resolver;
    c->dkim = strategy_now(s, RULE_DKIM);
    c->arc = strategy_now(s, RULE_ARC);
    c->dmarc = strategy_now(s, RULE_DMARC);
    return OK;
}

static enum proof_strategy strategy_now(struct smtp_session *s, enum rule_id id)
{
    struct expr_result mode = rule_ask(s, id);
    return proof_strategy_of(&mode);
}

struct err verify_head(struct smtp_session *s)
{
    struct transaction *t = s->transaction;
    struct message_check *c = t->check;
    if (c == NULL || c->is_read || c->is_over)
        return OK;
    c->is_over = !is_worth_reading(s, t);
    if (c->is_over)
        return OK;
    struct str octets = buf_str(&t->head);
    size_t head_bytes = proof_head_bytes(octets);
    TRY(proof_head_read(&c->arena, str_upto(octets, head_bytes), &c->head));
    int64_t hops_max = rule_number(s, RULE_RECEIVED_HEADERS);
    c->is_over = hops_max > 0 && proof_head_count(&c->head, S("Received")) > (uint64_t)hops_max;
    if (c->is_over) // authentication.md 1.1: a loop is not worth a question
        return OK;
    TRY(read_head(s, c));
    body_hashes_add(c->bodies, str_from(octets, head_bytes));
    return OK;
}

// What is refused anyway, or wanted by nobody.
static bool is_worth_reading(struct smtp_session *s, const struct transaction *t)
{
    const struct message_check *c = t->check;
    const bool *own = s->service->proof->own_hash;
    bool wanted = c->dkim != PROOF_DISABLE || c->arc != PROOF_DISABLE ||
                  c->dmarc != PROOF_DISABLE || own[CANON_SIMPLE] || own[CANON_RELAXED];
    return wanted && !t->data.nul_in_header && t->head.len <= t->head_bytes_max;
}

static struct err read_head(struct smtp_session *s, struct message_check *c)
{
    const struct smtp_proof_settings *settings = s->service->proof;
    struct dkim_rules dkim = settings->dkim;
    struct arc_rules arc = settings->arc;
    dkim.now_s = arc.dkim.now_s = wall_ms() / SECOND_MS;
    c->bodies = body_hashes_new();
    if (c->bodies == NULL)
        return fail(ERR_LIMIT, "no memory for hashes");
    TRY(want_own_hashes(s, c));
    if (c->dkim != PROOF_DISABLE || c->dmarc != PROOF_DISABLE)
        TRY(dkim_verify_begin(&c->arena, &dkim, &c->head, c->bodies, &c->keys, &c->dkim_verifier));
    if (c->arc != PROOF_DISABLE)
        TRY(arc_verify_begin(&c->arena, &arc, &c->head, c->bodies, &c->keys, &c->arc_verifier));
    c->is_read = true;
    c->proof.author_domain = proof_head_author_domain(&c->arena, &c->head);
    if (c->dmarc != PROOF_DISABLE)
        ask_ahead(c);
    return OK;
}

// First of all, so that no message can take their place.
static struct err want_own_hashes(struct smtp_session *s, struct message_check *c)
{
    const struct smtp_proof_settings *settings = s->service->proof;
    c->proof.own_hash_wanted = settings->own_hash;
    for (size_t i = 0; i < COUNT_OF(settings->own_hash); i++) {
        struct body_hash_kind kind = {.canon = (enum canon)i, .bytes_max = CANON_WHOLE};
        if (settings->own_hash[i])
            TRY(body_hashes_want(c->bodies, &kind, &c->proof.own_hash[i]));
    }
    return OK;
}

// The answer is in the resolver's cache by the time at which it is needed. That it could not be
// asked for now is no trouble.
static void ask_ahead(struct message_check *c)
{
    if (str_is_null(c->proof.author_domain))
        return;
    c->policy_name = arena_fmt(&c->arena, "_dmarc.%.*s", ARG(c->proof.author_domain));
    if (!str_is_null(c->policy_name)) {
        struct err ignored = group_spawn(&c->ahead, ask_policy, c);
        (void)ignored;
    }
}

static struct err ask_policy(void *arg)
{
    struct message_check *c = arg;
    struct dns_txt_answer ignored;
    task_describe("asking for a policy", NULL);
    (void)failed(dns_txt(c->resolver, &c->arena, c->policy_name, &ignored));
    return OK;
}

void verify_body(struct transaction *t, struct str piece)
{
    if (t->check != NULL && t->check->is_read)
        body_hashes_add(t->check->bodies, piece);
}

// Our own troubles may pass: the message is to come again.
struct err verify_end(struct finishing *f)
{
    if (f->t->check == NULL)
        return OK;
    struct err e = check_all(f);
    if (e.kind != ERR_LIMIT && e.kind != ERR_INTERNAL)
        return e;
    tell_trouble(f->s, e);
    f->refusal = REPLY_NOT_ACCEPTED;
    return OK;
}

static struct err check_all(struct finishing *f)
{
    struct message_check *c = f->t->check;
    TRY(verify_head(f->s)); // of a message that ends within its header
    c->proof.authenticated = f->s->account != NULL;
    c->proof.iprev = f->s->iprev;
    if (c->is_read)
        TRY(end_signatures(f));
    TRY(spf_await(f->s->spf_helo, &c->proof.spf_helo));
    TRY(spf_await(f->s->spf_mail, &c->proof.spf));
    if (!refusal_is_settled(f) && c->is_read && c->dmarc != PROOF_DISABLE)
        TRY(verify_author(f));
    f->t->proof = &c->proof;
    return refusal_decide(f);
}

static struct err end_signatures(struct finishing *f)
{
    struct message_check *c = f->t->check;
    struct message_proof *p = &c->proof;
    struct proof_refusal no;
    TRY(body_hashes_end(c->bodies));
    p->has_head = true;
    p->bodies = c->bodies;
    int64_t began_ms = now_ms();
    if (c->dkim_verifier != NULL)
        TRY(dkim_verify_end(c->dkim_verifier, &p->dkim));
    c->dkim_ms = now_ms() - began_ms;
    if (c->arc_verifier != NULL)
        TRY(arc_verify_end(c->arc_verifier, &p->chain));
    c->arc_ms = now_ms() - began_ms - c->dkim_ms;
    p->has_dkim = c->dkim_verifier != NULL;
    p->has_chain = c->arc_verifier != NULL;
    tell_signatures(f->s, c);
    if (p->has_dkim && dkim_refuses(&p->dkim, c->dkim, p->author_domain, &no))
        refusal_note(c, CHECKED_DKIM, &no, REPLY_DKIM_FAILED, REPLY_DKIM_TROUBLE);
    if (!refusal_is_settled(f) && p->has_chain && arc_refuses(&p->chain, c->arc, &no))
        refusal_note(c, CHECKED_ARC, &no, REPLY_ARC_FAILED, REPLY_ARC_TROUBLE);
    return OK;
}

void message_check_free(struct message_check *c)
{
    if (c == NULL)
        return;
    group_end(&c->ahead);
    key_ring_end(&c->keys);
    body_hashes_free(c->bodies);
    arena_done(&c->arena);
    mem_free(c);
}

struct str message_proof_body_hash(const struct message_proof *p, enum canon canon)
{
    if (!p->has_head || !p->own_hash_wanted[canon])
        return STR_NULL;
    return body_hashes_digest(p->bodies, p->own_hash[canon]);
}
