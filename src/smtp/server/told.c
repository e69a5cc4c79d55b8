// SPDX-License-Identifier: Apache-2.0
// smtp/server/told.c: what the log is told of a refusal (inbound.md 16). Where the cause has an
// event of its own, that one tells it; whatever else a client is refused by policy, or for want of
// something of ours, is smtp.message-rejected.
#include "rt/rt.h"
#include "smtp/server/stages.h"
#include "smtp/server/transaction.h"

#define CAUSE_BYTES_MAX 32

static void tell(struct smtp_session *s, enum reply_id id, struct field to);
static struct str sender_of(const struct transaction *t);
static struct field recipients_of(struct smtp_session *s, const struct transaction *t);
static struct str cause_of(struct arena *a, enum reply_id id);

static const struct str causes[] = {
#define REPLY(id, code, enhanced, text, when) S_INIT(#id),
#include "smtp/replies.def"
};

struct err reply_rejected(struct smtp_session *s, enum reply_id id, struct str words)
{
    TRY(reply_words(s, id, words));
    told_rejected(s, id);
    return OK;
}

void told_rejected(struct smtp_session *s, enum reply_id id)
{
    const struct transaction *t = s->transaction;
    struct field to = F_NULL(to);
    if (t != NULL && s->stage == STAGE_RCPT)
        to = (struct field)F_STR(to, t->current.normal);
    else if (t != NULL && s->stage == STAGE_DATA)
        to = recipients_of(s, t);
    tell(s, id, to);
}

void told_rejected_rcpt(struct smtp_session *s, enum reply_id id, struct str rcpt)
{
    tell(s, id, (struct field)F_STR(to, rcpt));
}

// In the words that the client got: after the reply.
static void tell(struct smtp_session *s, enum reply_id id, struct field to)
{
    const struct transaction *t = s->transaction;
    struct field queue_id = F_NULL(queueId), from = F_NULL(from);
    if (t != NULL && t->id != 0)
        queue_id = (struct field)F_ID(queueId, t->id);
    if (t != NULL)
        from = (struct field)F_STR(from, sender_of(t));
    event_in(s->options->span, EV_SMTP_MESSAGE_REJECTED, queue_id,
            F_STR(stage, metric_label_word(LABEL_STAGE, s->stage)),
            F_STR(details, cause_of(&s->scratch, id)), F_U64(code, (uint64_t)s->said.code),
            F_STR(enhanced, s->said.enhanced), F_STR(reason, s->said.text), from, to);
}

static struct str sender_of(const struct transaction *t)
{
    return str_is_empty(t->sender.normal) ? S("<>") : t->sender.normal;
}

static struct field recipients_of(struct smtp_session *s, const struct transaction *t)
{
    struct str *all = arena_array(&s->scratch, t->rcpts.count + 1, struct str);
    for (size_t i = 0; all != NULL && i < t->rcpts.count; i++)
        all[i] = t->rcpts.at[i].address.normal;
    return (struct field)F_LIST(to, all, all == NULL ? 0 : t->rcpts.count);
}

// TOO_BIG is told as too-big.
static struct str cause_of(struct arena *a, enum reply_id id)
{
    char *copy = arena_bytes(a, CAUSE_BYTES_MAX);
    struct str name = str_upto(causes[id], CAUSE_BYTES_MAX);
    for (size_t i = 0; copy != NULL && i < name.len; i++)
        copy[i] = name.ptr[i] == '_' ? '-' : (char)byte_to_lower((uint8_t)name.ptr[i]);
    return copy == NULL ? S("") : str_of(copy, name.len);
}

void told_unsupported(struct smtp_session *s, struct str parameter)
{
    struct span *span = s->options->span;
    if (str_eq_nocase(parameter, S("BY")))
        event_in(span, EV_SMTP_DELIVER_BY_DISABLED);
    else if (str_eq_nocase(parameter, S("HOLDFOR")) || str_eq_nocase(parameter, S("HOLDUNTIL")))
        event_in(span, EV_SMTP_FUTURE_RELEASE_DISABLED);
    else if (str_eq_nocase(parameter, S("MT-PRIORITY")))
        event_in(span, EV_SMTP_MT_PRIORITY_DISABLED);
    else if (str_eq_nocase(parameter, S("REQUIRETLS")))
        event_in(span, EV_SMTP_REQUIRE_TLS_DISABLED);
    else if (str_eq_nocase(parameter, S("RET")) || str_eq_nocase(parameter, S("ENVID")) ||
             str_eq_nocase(parameter, S("NOTIFY")) || str_eq_nocase(parameter, S("ORCPT")))
        event_in(span, EV_SMTP_DSN_DISABLED);
    else
        event_in(span, EV_SMTP_UNSUPPORTED_PARAMETER, F_STR(details, parameter));
}

void told_invalid(struct smtp_session *s, struct str parameter)
{
    struct span *span = s->options->span;
    if (str_eq_nocase(parameter, S("BY")))
        event_in(span, EV_SMTP_DELIVER_BY_INVALID);
    else if (str_eq_nocase(parameter, S("HOLDFOR")) || str_eq_nocase(parameter, S("HOLDUNTIL")))
        event_in(span, EV_SMTP_FUTURE_RELEASE_INVALID);
    else if (str_eq_nocase(parameter, S("MT-PRIORITY")))
        event_in(span, EV_SMTP_MT_PRIORITY_INVALID);
    else
        event_in(span, EV_SMTP_INVALID_PARAMETER, F_STR(details, parameter));
}
