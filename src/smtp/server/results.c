// SPDX-License-Identifier: Apache-2.0
// smtp/server/results.c: Authentication-Results and Received-SPF (authentication.md 10): what was
// checked, for filters and readers behind us, and whose such fields are taken out before that.
#include "smtp/server/verify.h"

#include "listen/nets.h"
#include "rt/rt.h"

static bool is_wanted(struct finishing *f, bool *out_field) suspends;
static bool seals(const struct smtp_session *s);
static bool add_all(struct finishing *f, const struct message_check *c, struct authres *list);
static bool add_spf(struct arena *a, const struct spf_answer *spf, struct authres *list);
static bool add_iprev(const struct smtp_session *s, struct arena *a, struct authres *list);
static bool add_login(const struct smtp_session *s, struct arena *a, struct authres *list);
static struct err add_received_spf(struct finishing *f, struct buf *top) suspends MUST_USE;
static struct str authserv_id(const struct smtp_session *s);

struct err results_make(struct finishing *f, struct buf *top)
{
    struct message_check *c = f->t->check;
    bool field = false;
    if (c == NULL || !is_wanted(f, &field))
        return OK;
    struct authres list = {.authserv_id = authserv_id(f->s), .smtputf8 = f->t->mail.smtputf8};
    c->proof.authserv_id = list.authserv_id;
    if (!add_all(f, c, &list))
        return fail(ERR_LIMIT, "no memory for what was found");
    c->proof.results = seals(f->s) ? authres_value(&c->arena, &list) : S("");
    struct str text = field ? authres_field(&f->arena, &list) : S("");
    if (str_is_null(c->proof.results) || str_is_null(text))
        return fail(ERR_LIMIT, "no memory for what was found");
    buf_add(top, text);
    return add_received_spf(f, top);
}

// The value is wanted by those who seal, too.
static bool is_wanted(struct finishing *f, bool *out_field)
{
    *out_field = rule_bool(f->s, RULE_ADD_AUTH_RESULTS);
    return *out_field || seals(f->s) ||
           (f->t->check->proof.spf != NULL && rule_bool(f->s, RULE_ADD_RECEIVED_SPF));
}

// Is there anybody who could?
static bool seals(const struct smtp_session *s)
{
    const bool *own = s->service->proof->own_hash;
    return own[CANON_SIMPLE] || own[CANON_RELAXED];
}

// What was checked for the sake of another check only is not written down.
static bool add_all(struct finishing *f, const struct message_check *c, struct authres *list)
{
    struct arena *a = &f->arena;
    const struct message_proof *p = &c->proof;
    bool good = true;
    if (p->has_dkim && c->dkim != PROOF_DISABLE)
        good = authres_add_dkim(a, list, &p->dkim);
    if (good && p->has_chain)
        good = authres_add_arc(a, list, &p->chain, &f->s->client.ip);
    good = good && add_spf(a, p->spf_helo, list) && add_spf(a, p->spf, list);
    good = good && add_iprev(f->s, a, list);
    if (good && p->has_dmarc)
        good = authres_add_dmarc(a, list, &p->dmarc);
    return good && add_login(f->s, a, list);
}

static bool add_spf(struct arena *a, const struct spf_answer *spf, struct authres *list)
{
    return spf == NULL || authres_add_spf(a, list, spf);
}

static bool add_iprev(const struct smtp_session *s, struct arena *a, struct authres *list)
{
    if (s->iprev == IPREV_NONE)
        return true;
    return authres_add_iprev(a, list, iprev_result_name(s->iprev), s->iprev_comment, &s->client.ip);
}

// RFC 8601 2.7.4. Who submits need not be told to everybody who receives.
static bool add_login(const struct smtp_session *s, struct arena *a, struct authres *list)
{
    if (s->account == NULL || !s->service->proof->tell_login)
        return true;
    struct authres_result *r = authres_add(a, list, S("auth"), S("pass"));
    return authres_prop(a, r, S("smtp"), S("auth"), s->account_name) != NULL;
}

static struct err add_received_spf(struct finishing *f, struct buf *top)
{
    const struct spf_answer *spf = f->t->check->proof.spf;
    if (spf == NULL || !rule_bool(f->s, RULE_ADD_RECEIVED_SPF))
        return OK;
    struct str field = authres_received_spf(&f->arena, spf, f->s->host, f->t->mail.smtputf8);
    if (str_is_null(field))
        return fail(ERR_LIMIT, "no memory for what was found");
    buf_add(top, field);
    return OK;
}

static struct str authserv_id(const struct smtp_session *s)
{
    const struct smtp_proof_settings *settings = s->service->proof;
    return settings == NULL || str_is_null(settings->authserv_id) ? s->host : settings->authserv_id;
}

// RFC 8601 5: what claims to be ours and comes from outside is not.
struct err results_forged(struct finishing *f, struct strs *out)
{
    const struct smtp_session *s = f->s;
    const struct smtp_proof_settings *settings = s->service->proof;
    size_t count = 0, others = settings != NULL ? settings->forged.count : 0;
    *out = (struct strs){0};
    if (settings != NULL && settings->trusted != NULL &&
            nets_contains(settings->trusted, &s->client.ip, wall_ms()))
        return OK;
    struct str *names = arena_array(&f->arena, others + 2, struct str);
    if (names == NULL)
        return fail(ERR_LIMIT, "no memory for names of servers");
    names[count++] = s->host;
    names[count++] = authserv_id(s);
    for (size_t i = 0; i < others; i++)
        names[count++] = settings->forged.at[i];
    *out = (struct strs){names, count};
    return OK;
}
