// SPDX-License-Identifier: Apache-2.0
// smtp/server/sign.c: our seal and our signatures on a message that is about to be queued, behind
// all other lines of ours (inbound.md 7, step 15; authentication.md 6.1, 8.4). Lists make several
// messages of one; they share body and lines, so they share signatures.
#include "smtp/server/finish.h"

#include "queue/signing/signing.h"
#include "rt/rt.h"
#include "smtp/proof.h"

static void choose(struct finishing *f, struct signing_choice *by) suspends;
static void choose_sealer(
        struct finishing *f, const struct message_proof *proof, struct signing_choice *by) suspends;
static bool may_be_sealed(const struct finishing *f, const struct message_proof *proof);
static bool looks_at_recipients(const struct expr_setting *setting);
static bool leaves(const struct transaction *t);

struct err finish_sign(struct finishing *f, const struct message_proof *proof)
{
    struct signing_desk *desk = f->s->service->signing;
    struct signing_choice by AUTO(signing_choice_done) = {0};
    struct str fields;
    if (desk == NULL)
        return OK;
    choose(f, &by);
    choose_sealer(f, proof, &by);
    if (by.count == 0 && by.sealer == NULL && !by.is_lost)
        return OK;
    struct signing_work work = {.by = &by, .span = f->s->options->span};
    if (proof != NULL) {
        work.body_hash[CANON_SIMPLE] = message_proof_body_hash(proof, CANON_SIMPLE);
        work.body_hash[CANON_RELAXED] = message_proof_body_hash(proof, CANON_RELAXED);
        work.chain = &proof->chain;
        work.results = proof->results;
    }
    struct err e =
            message_sign(desk, f->s->service->store, &f->arena, &f->messages[0], &work, &fields);
    if (e.kind == ERR_REFUSED) {
        f->refusal = REPLY_NOT_ACCEPTED;
        return OK;
    }
    TRY(e);
    struct str top = arena_join(&f->arena, fields, f->messages[0].top);
    if (str_is_null(top))
        return fail(ERR_LIMIT, "no memory for signatures");
    for (size_t i = 0; i < f->message_count; i++)
        f->messages[i].top = top;
    return OK;
}

// The default of auth.dkim.sign is off where somebody has written auth.dkim.sign-domain alone.
static void choose(struct finishing *f, struct signing_choice *by)
{
    struct smtp_session *s = f->s;
    const struct rule *rules = s->service->settings->rules;
    const struct signing_desk *desk = s->service->signing;
    struct span *span = s->options->span;
    bool by_default = rules[RULE_DKIM_SIGN].is_default;
    if (!by_default || rules[RULE_DKIM_SIGN_DOMAIN].is_default) {
        struct expr_result ids = rule_ask(s, RULE_DKIM_SIGN);
        if (ids.outcome == EXPR_VALUE)
            signing_choose(desk, span, ids.list, ids.list_count,
                    by_default ? SIGNING_BY_DEFAULT : SIGNING_NAMED, by);
    }
    struct expr_result domain = rule_ask(s, RULE_DKIM_SIGN_DOMAIN);
    if (domain.outcome == EXPR_VALUE && !str_is_empty(domain.text))
        signing_choose_domain(desk, span, domain.text, by);
}

static void choose_sealer(
        struct finishing *f, const struct message_proof *proof, struct signing_choice *by)
{
    struct smtp_session *s = f->s;
    if (!may_be_sealed(f, proof))
        return;
    struct expr_result id = rule_ask(s, RULE_ARC_SEAL);
    if (id.outcome == EXPR_VALUE && !str_is_empty(id.text))
        signing_choose_sealer(s->service->signing, s->options->span, id.text, by);
}

// What was submitted has no results worth passing on. What stays here is sealed only where the
// setting itself looks at recipients, and so knows of them.
static bool may_be_sealed(const struct finishing *f, const struct message_proof *proof)
{
    const struct rule *rule = &f->s->service->settings->rules[RULE_ARC_SEAL];
    if (f->s->account != NULL || proof == NULL || !proof->has_chain ||
            str_is_empty(proof->results) || !arc_may_seal(&proof->chain))
        return false;
    return leaves(f->t) || looks_at_recipients(rule->setting);
}

static bool looks_at_recipients(const struct expr_setting *setting)
{
    return expr_uses(setting, EXPR_VAR_RCPT) || expr_uses(setting, EXPR_VAR_RCPT_DOMAIN) ||
           expr_uses(setting, EXPR_VAR_RECIPIENTS);
}

static bool leaves(const struct transaction *t)
{
    for (size_t i = 0; i < t->rcpts.count; i++)
        if (t->rcpts.at[i].account == NULL || t->rcpts.at[i].is_list)
            return true;
    return false;
}
