// SPDX-License-Identifier: Apache-2.0
// smtp/server/author.c: DMARC at the end of data (authentication.md 9): does what was proved belong
// to the author, what does his domain want done otherwise, and who may overrule that: sealers of
// ARC chains that we trust, forwarders that we trust, and the administrator.
#include "smtp/server/verify.h"

#include "listen/nets.h"
#include "proof/arc_trust.h"
#include "proof/evidence.h"
#include "rt/rt.h"

#define FROMS_MAX 2 // more than one is wrong already
#define PERCENT 100

static struct err check(struct finishing *f, struct message_check *c) suspends MUST_USE;
static void author_fields(const struct message_check *c, struct str *froms, size_t *out_count);
static struct err spare(struct finishing *f, struct message_check *c) suspends MUST_USE;
static struct err sealers_vouch(
        struct finishing *f, struct message_check *c, bool *out) suspends MUST_USE;
static bool is_forwarder(const struct smtp_session *s);
static void apply(struct finishing *f, struct message_check *c);
static struct str detail(struct arena *a, const struct message_proof *p);

struct err verify_author(struct finishing *f)
{
    struct message_check *c = f->t->check;
    int64_t began_ms = now_ms();
    TRY(check(f, c));
    c->proof.has_dmarc = true;
    tell_author(f->s, c, began_ms);
    if (c->proof.dmarc.result == DMARC_FAIL && dmarc_marks(&c->proof.dmarc))
        TRY(spare(f, c));
    apply(f, c);
    return OK;
}

static struct err check(struct finishing *f, struct message_check *c)
{
    struct arena *a = &c->arena;
    struct message_proof *p = &c->proof;
    struct dmarc_question q = {.sample = 0};
    struct dmarc_authors authors;
    struct str froms[FROMS_MAX];
    size_t count;
    const struct dmarc_settings *settings = &f->s->service->proof->dmarc;
    if (settings->suffixes != NULL) // only there is pct= looked at
        q.sample = (uint8_t)(1 + random_u64() % PERCENT);
    author_fields(c, froms, &count);
    TRY(dmarc_evidence(a, p->spf, p->has_dkim ? &p->dkim : NULL, &q));
    TRY(dmarc_authors_read(a, froms, count, &authors));
    return dmarc_check_authors(c->resolver, a, settings, &authors, &q, &p->dmarc);
}

static void author_fields(const struct message_check *c, struct str *froms, size_t *out_count)
{
    size_t count = 0;
    for (size_t i = 0; i < c->head.count && count < FROMS_MAX; i++)
        if (str_eq_nocase(c->head.fields[i].name, S("From")))
            froms[count++] = c->head.fields[i].body;
    *out_count = count;
}

// authentication.md 8.3 and 9.6. What would have been done is still written down.
static struct err spare(struct finishing *f, struct message_check *c)
{
    struct smtp_session *s = f->s;
    struct message_proof *p = &c->proof;
    struct str by = S("");
    bool vouched = false;
    f->t->proof = p; // dmarc_result and the like are known from here on
    TRY(sealers_vouch(f, c, &vouched));
    if (vouched)
        by = S("arc");
    else if (is_forwarder(s))
        by = S("trusted forwarder");
    else if (rule_bool(s, RULE_DMARC_EXEMPT))
        by = S("local policy");
    if (str_is_empty(by))
        return OK;
    struct str why = str_is_null(p->dmarc.comment) ? S("") : p->dmarc.comment;
    p->dmarc.comment = arena_fmt(
            &c->arena, "%.*s%soverridden: %.*s", ARG(why), why.len > 0 ? "; " : "", ARG(by));
    if (str_is_null(p->dmarc.comment))
        return fail(ERR_LIMIT, "no memory for a DMARC result");
    p->overridden = true;
    return OK;
}

static struct err sealers_vouch(struct finishing *f, struct message_check *c, bool *out)
{
    const struct smtp_proof_settings *settings = f->s->service->proof;
    struct message_proof *p = &c->proof;
    struct arc_witness seen;
    *out = false;
    if (!p->has_chain || !arc_witness_read(&c->arena, &p->chain, &seen))
        return OK;
    for (size_t i = 0; i < seen.sealer_count; i++)
        if (!proof_names_have(&settings->sealers, seen.sealers[i]))
            return OK;
    if (str_eq(seen.author_passed, p->dmarc.author)) {
        *out = true;
        return OK;
    }
    struct dmarc_answer told;
    struct dmarc_question q = {.author = p->dmarc.author,
            .spf = seen.has_spf ? &seen.spf : NULL,
            .dkim = seen.dkim,
            .dkim_count = seen.dkim_count};
    TRY(dmarc_check(c->resolver, &c->arena, &settings->dmarc, &q, &told));
    *out = told.result == DMARC_PASS;
    return OK;
}

static bool is_forwarder(const struct smtp_session *s)
{
    const struct smtp_proof_settings *settings = s->service->proof;
    if (settings->forwarders != NULL &&
            nets_contains(settings->forwarders, &s->client.ip, wall_ms()))
        return true;
    return s->iprev == IPREV_PASS && !str_is_null(s->ptr_name) &&
           proof_names_have(&settings->forwarder_names, s->ptr_name);
}

// authentication.md 9.6
static void apply(struct finishing *f, struct message_check *c)
{
    const struct smtp_proof_settings *settings = f->s->service->proof;
    struct message_proof *p = &c->proof;
    struct proof_refusal no;
    bool refuses = !p->overridden && dmarc_refuses(&p->dmarc, c->dmarc, &no);
    p->quarantined = !p->overridden && dmarc_marks(&p->dmarc);
    bool acts = c->dmarc == PROOF_STRICT || c->dmarc == PROOF_ENFORCE;
    bool by_quarantine = acts && p->quarantined && p->dmarc.disposition == DMARC_QUARANTINE &&
                         settings->quarantine == QUARANTINE_REJECT;
    if (!refuses && !by_quarantine)
        return;
    if (!refuses)
        no = (struct proof_refusal){
                .code = 550, .status = S("5.7.1"), .text = S("Email rejected per DMARC policy.")};
    if (settings->dmarc_reply_detail)
        no.detail = detail(&c->arena, p);
    refusal_note(c, CHECKED_DMARC, &no, REPLY_DMARC_FAILED, REPLY_DMARC_TROUBLE);
}

// For a sender who is honest and has made a mistake.
static struct str detail(struct arena *a, const struct message_proof *p)
{
    struct str spf = p->spf != NULL ? spf_result_name(p->spf->result) : S("none");
    struct str dkim = p->has_dkim ? dkim_result_name(p->dkim.result) : S("none");
    struct str author = str_is_null(p->dmarc.author) ? S("") : p->dmarc.author;
    return arena_fmt(a,
            "See Authentication-Results: dmarc=%.*s header.from=%.*s spf=%.*s dkim=%.*s",
            ARG(dmarc_result_name(p->dmarc.result)), ARG(author), ARG(spf), ARG(dkim));
}
