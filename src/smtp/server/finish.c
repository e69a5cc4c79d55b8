// SPDX-License-Identifier: Apache-2.0
// smtp/server/finish.c: from the end of data to the final reply (inbound.md 7). Nothing is answered
// 2yz before the commit has succeeded; what happens to the client meanwhile changes nothing: a
// message that is committed stays.
#include "smtp/server/finish.h"

#include "base/id.h"
#include "queue/queued.h"
#include "queue/unit.h"
#include "rt/rt.h"
#include "smtp/limits.h"
#include "smtp/server/stages.h"

#define SPARED_RCPTS_MAX 200 // of a message in LMTP whose recipients are judged one by one

static struct err decide(struct finishing *f) suspends MUST_USE;
static struct err spare_others(struct finishing *f) suspends MUST_USE;
static struct err address_anew(struct finishing *f) suspends MUST_USE;
static struct err try_quotas(struct finishing *f, bool *out_fits) suspends MUST_USE;
static struct err keep(struct finishing *f) suspends MUST_USE;
static struct err charge(struct finishing *f) suspends MUST_USE;
static void settle(struct finishing *f, size_t count, enum quota_fate fate);
static struct err commit(struct finishing *f) suspends MUST_USE;
static enum reply_id trouble_of(struct err e);
static struct err answer(struct finishing *f) suspends MUST_USE;
static struct err answer_refused(
        struct smtp_session *s, enum reply_id id, struct str words) suspends MUST_USE;
static struct err answer_queued(struct finishing *f) suspends MUST_USE;
static struct err answer_each(struct finishing *f, enum reply_id good) suspends MUST_USE;
static struct err refuse_one(
        struct smtp_session *s, const struct transaction_rcpt *rcpt) suspends MUST_USE;
static void tell_queued(struct finishing *f);

struct err message_finish(struct smtp_session *s)
{
    struct finishing f = {.s = s, .t = s->transaction, .refusal = REPLY_OK};
    arena_init(&f.arena, FINISH_BYTES_MAX);
    f.wall_now_ms = wall_ms();
    f.words = S("");
    struct err e = decide(&f);
    if (e.kind == ERR_LIMIT) {
        f.refusal = REPLY_NOT_ACCEPTED;
        e = OK;
    }
    if (!failed(e) && !f.s->over)
        e = answer(&f);
    arena_done(&f.arena);
    return e;
}

static struct err decide(struct finishing *f)
{
    TRY(finish_inspect(f));
    if (f->refusal == REPLY_OK)
        TRY(finish_address(f));
    if (f->refusal == REPLY_OK && session_is_lmtp(f->s))
        TRY(spare_others(f));
    return f->refusal == REPLY_OK && f->message_count > 0 ? keep(f) : OK;
}

// inbound.md 12: in LMTP a quota that one recipient has used up is no matter of the others. Who of
// them that is, is found by trying: each joins those before who fit, or is refused.
static struct err spare_others(struct finishing *f)
{
    struct transaction *t = f->t;
    struct transaction_rcpt *rcpts = t->rcpts.at;
    bool fits = true;
    TRY(try_quotas(f, &fits));
    if (fits)
        return OK;
    if (t->rcpts.count == 1 || t->rcpts.count > SPARED_RCPTS_MAX) {
        f->refusal = REPLY_QUOTA;
        return OK;
    }
    bool was_refused[SPARED_RCPTS_MAX];
    for (size_t i = 0; i < t->rcpts.count; i++) {
        was_refused[i] = rcpts[i].is_refused;
        rcpts[i].is_refused = true;
    }
    for (size_t i = 0; i < t->rcpts.count; i++) {
        if (was_refused[i])
            continue;
        rcpts[i].is_refused = false;
        TRY(address_anew(f));
        TRY(try_quotas(f, &fits));
        if (fits)
            continue;
        rcpts[i].is_refused = true;
        rcpts[i].refusal = REPLY_QUOTA;
        rcpts[i].words = f->words;
    }
    f->words = S("");
    return address_anew(f);
}

static struct err address_anew(struct finishing *f)
{
    f->messages = NULL;
    f->message_count = 0;
    return finish_address(f);
}

// Nothing stays charged. With *out_fits false, the words of the quota's refusal are in `words`.
static struct err try_quotas(struct finishing *f, bool *out_fits)
{
    *out_fits = true;
    if (f->refusal != REPLY_OK || f->message_count == 0)
        return OK;
    TRY(charge(f));
    *out_fits = f->refusal == REPLY_OK;
    if (*out_fits)
        settle(f, f->message_count, QUOTA_GIVEN_BACK);
    f->charges = NULL;
    f->refusal = REPLY_OK;
    return OK;
}

// All messages made of this one share the body and what stands above it.
static struct err keep(struct finishing *f)
{
    struct str top;
    struct body_ref body;
    TRY(finish_adorn(f, &top));
    struct cut *cuts = arena_array(&f->arena, f->cuts.count + 1, struct cut);
    if (cuts == NULL)
        return fail(ERR_LIMIT, "no memory for a message");
    for (size_t i = 0; i < f->cuts.count; i++)
        cuts[i] = (struct cut){
                .at = (uint32_t)f->cuts.at[i].at, .bytes = (uint32_t)f->cuts.at[i].bytes};
    struct err e = body_finish(f->t->body, &f->arena, &body);
    if (failed(e)) {
        f->refusal = trouble_of(e);
        return OK;
    }
    uint32_t fields = finish_delivery_fields(f);
    for (size_t i = 0; i < f->message_count; i++) {
        f->messages[i].flags |= fields;
        f->messages[i].top = top;
        f->messages[i].cuts = cuts;
        f->messages[i].cut_count = f->cuts.count;
        f->messages[i].body = body;
    }
    TRY(finish_sign(f, f->t->proof));
    if (f->refusal == REPLY_OK)
        TRY(charge(f));
    if (f->refusal != REPLY_OK)
        return OK;
    e = commit(f);
    settle(f, f->message_count,
            f->refusal == REPLY_OK && !failed(e) ? QUOTA_KEPT : QUOTA_GIVEN_BACK);
    return e;
}

// Step 14. What was charged for some of the messages is given back when another one is too much.
static struct err charge(struct finishing *f)
{
    struct quota_meter *meter = f->s->service->quota;
    const struct quota *exceeded = NULL;
    struct err e = OK;
    size_t done = 0;
    if (meter == NULL || meter->settings->quota_count == 0)
        return OK;
    f->charges = arena_array(&f->arena, f->message_count, struct quota_charge);
    if (f->charges == NULL)
        return fail(ERR_LIMIT, "no memory for a message");
    for (; !failed(e) && exceeded == NULL && done < f->message_count; done++)
        e = quota_charge(meter, &f->arena, &f->messages[done], &f->charges[done], &exceeded);
    if (exceeded == NULL && !failed(e))
        return OK;
    settle(f, done - 1, QUOTA_GIVEN_BACK);
    f->charges = NULL;
    if (failed(e))
        return e;
    f->refusal = REPLY_QUOTA;
    f->words =
            arena_fmt(&f->arena, "%u %.*s", (unsigned)exceeded->reply_code, ARG(exceeded->reply));
    return OK;
}

static void settle(struct finishing *f, size_t count, enum quota_fate fate)
{
    for (size_t i = 0; f->charges != NULL && i < count; i++)
        quota_settle(f->s->service->quota, &f->charges[i], fate);
}

static struct err commit(struct finishing *f)
{
    flushing(NULL); // it is soon done: the replies of a group leave together
    struct store_change *changes = arena_array(&f->arena, f->message_count, struct store_change);
    if (changes == NULL)
        return fail(ERR_LIMIT, "no memory for a message");
    for (size_t i = 0; i < f->message_count; i++)
        changes[i] = (struct store_change){.kind = STORE_ACCEPT, .message = &f->messages[i]};
    struct err e = store_commit(f->s->service->store, &f->arena, changes, f->message_count);
    if (e.kind == ERR_RESET) { // nobody knows what was kept, so yes and no would both be guesses
        f->s->over = true;
        f->s->result.end = SMTP_END_TROUBLE;
    } else if (failed(e)) {
        f->refusal = trouble_of(e);
    }
    return OK;
}

static enum reply_id trouble_of(struct err e)
{
    return e.kind == ERR_NO_SPACE ? REPLY_NO_STORAGE : REPLY_NOT_ACCEPTED;
}

static struct err answer(struct finishing *f)
{
    struct smtp_session *s = f->s;
    if (f->refusal != REPLY_OK) {
        TRY(answer_refused(s, f->refusal, f->words));
        if (f->refusal == REPLY_BARE_NEWLINE) // it may be smuggling: inbound.md 3.2
            reply_and_leave(s, REPLY_SMUGGLING, SMTP_END_SMUGGLING);
        return OK;
    }
    s->counts.messages++;
    s->counts.junk = 0;
    if (f->message_count == 0) // all went to lists without members
        return session_is_lmtp(s) ? answer_each(f, REPLY_ACCEPTED) : reply(s, REPLY_ACCEPTED);
    metric_observe(s->service->metrics,
            s->account != NULL ? METRIC_MESSAGE_AUTHENTICATED_SIZE : METRIC_MESSAGE_SIZE, NO_LABELS,
            message_bytes(&f->messages[0]));
    tell_queued(f);
    return answer_queued(f);
}

static struct err answer_queued(struct finishing *f)
{
    if (session_is_lmtp(f->s))
        return answer_each(f, REPLY_QUEUED_RCPT);
    struct str id = id_text(&f->arena, f->t->id);
    return reply_about(f->s, REPLY_QUEUED, id);
}

// LMTP: a reply to each RCPT that was accepted, in their order.
static struct err answer_each(struct finishing *f, enum reply_id good)
{
    struct smtp_session *s = f->s;
    const struct transaction *t = f->t;
    struct str id = id_text(&f->arena, t->id);
    for (size_t i = 0; i < t->answers.count; i++) {
        const struct transaction_rcpt *rcpt = &t->rcpts.at[t->answers.at[i].rcpt];
        arena_reset(&s->scratch);
        if (rcpt->is_refused)
            TRY(refuse_one(s, rcpt));
        else if (good == REPLY_QUEUED_RCPT)
            TRY(reply_about_two(s, good, t->answers.at[i].given, id));
        else
            TRY(reply(s, good));
    }
    return OK;
}

static struct err refuse_one(struct smtp_session *s, const struct transaction_rcpt *rcpt)
{
    TRY(reply_words(s, rcpt->refusal, rcpt->words));
    told_rejected_rcpt(s, rcpt->refusal, rcpt->address.normal);
    return OK;
}

struct err message_answer(struct smtp_session *s, enum reply_id id)
{
    return answer_refused(s, id, S(""));
}

static struct err answer_refused(struct smtp_session *s, enum reply_id id, struct str words)
{
    size_t times = session_is_lmtp(s) ? s->transaction->answers.count : 1;
    for (size_t i = 0; i < times; i++) {
        arena_reset(&s->scratch);
        TRY(reply_words(s, id, words));
    }
    if (reply_code(id) >= 400)
        told_rejected(s, id);
    return OK;
}

static void tell_queued(struct finishing *f)
{
    struct smtp_session *s = f->s;
    struct span *span = s->options->span;
    const struct message *m = &f->messages[0];
    event_in(span, EV_SMTP_MESSAGE_ACCEPTED, F_ID(queueId, m->id), F_U64(size, message_bytes(m)),
            F_U64(total, f->t->rcpts.count), F_MS(elapsed, now_ms() - f->t->began_ms));
    for (size_t i = 0; i < f->message_count; i++)
        message_tell_queued(span, &f->messages[i]);
}
