// SPDX-License-Identifier: Apache-2.0
// deliver/sign.c: signatures on what leaves and was not queued by a session: our own reports, and
// messages that are converted on their way, for which what we signed is no longer what is sent.
#include "deliver/sign.h"

#include "queue/signing/signing.h"

static void choose(struct job *j, struct signing_choice *by) suspends;
static struct err sign(struct job *j, const struct message *m, const struct signing_work *work,
        struct str *out) suspends MUST_USE;

struct err job_sign_notice(struct job *j, struct message *notice)
{
    struct signing_choice by AUTO(signing_choice_done) = {0};
    struct str fields;
    if (j->d->in.signing == NULL)
        return OK;
    choose(j, &by);
    const struct signing_work work = {.by = &by, .span = &j->span};
    TRY(sign(j, notice, &work, &fields));
    notice->top = fields;
    return OK;
}

static void choose(struct job *j, struct signing_choice *by)
{
    struct signing_desk *desk = j->d->in.signing;
    const struct signing_settings *settings = desk->settings;
    struct queue_env self = {.message = &j->m, .wall_now_ms = wall_ms(), .outside = &j->outside};
    struct expr_env env = queue_expr_env(&self);
    struct expr_result ids = expr_eval(settings->dsn, &env, &j->arena);
    if (ids.outcome == EXPR_FAILED)
        event_in(&j->span, EV_EVAL_ERROR, F_STR(key, S("report.dsn.sign")),
                F_STR(reason, ids.fault.cause));
    if (ids.outcome != EXPR_VALUE)
        return;
    bool tells = !settings->dsn_is_default && !desk->dsn_was_chosen;
    desk->dsn_was_chosen = true;
    signing_choose(desk, &j->span, ids.list, ids.list_count,
            tells ? SIGNING_NAMED : SIGNING_BY_DEFAULT, by);
    by->is_lost = false; // queue.md 12.3: none left, sent unsigned
}

// Our own signatures and seals come off, and those who signed do it again. The seal does not come
// back: the chain it ended was about another message.
struct err job_sign_converted(
        struct job *j, const struct message *m, struct message_reading *how, uint64_t *bytes)
{
    struct signing_choice by AUTO(signing_choice_done) = {0};
    struct str bare, fields;
    if (j->d->in.signing == NULL)
        return OK;
    TRY(signing_top_without(&j->arena, m, &bare));
    if (bare.len == m->top.len)
        return OK;
    signing_choose_again(j->d->in.signing, &j->arena, m, &by);
    struct signing_work work = {.by = &by, .how = *how, .span = &j->span};
    work.how.prefix = STR_NULL;
    work.how.top = bare;
    TRY(sign(j, m, &work, &fields));
    how->top = arena_join(&j->arena, fields, bare);
    if (str_is_null(how->top))
        return fail(ERR_LIMIT, "no memory for signatures");
    *bytes = *bytes - m->top.len + how->top.len;
    return OK;
}

// At this point nobody is left who could be told to come again: tempfail is for sessions.
static struct err sign(
        struct job *j, const struct message *m, const struct signing_work *work, struct str *out)
{
    struct err e = message_sign(j->d->in.signing, j->d->in.store, &j->arena, m, work, out);
    return e.kind == ERR_REFUSED ? OK : e;
}
