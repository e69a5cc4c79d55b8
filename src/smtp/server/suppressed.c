// SPDX-License-Identifier: Apache-2.0
// smtp/server/suppressed.c: the suppression list (queue/control/suppress.h) at RCPT. Only
// recipients who are not ours are asked about, and only where a refusal is wanted and can be
// decided: mail that goes by the list for what is in the message, or that is to be dropped, is
// accepted, and the attempt sees to it. No refusal of this kind counts against the client: he could
// not know.
#include "smtp/server/client.h"

#include "queue/control/suppress.h"
#include "queue/env.h"
#include "rt/rt.h"
#include "smtp/server/transaction.h"

static struct message message_so_far(const struct smtp_session *s);

bool client_rcpt_is_suppressed(struct smtp_session *s)
{
    struct suppress_service *list = s->service->suppressed;
    const struct transaction *t = s->transaction;
    struct suppress_entry entry;
    if (list == NULL)
        return false;
    const struct suppress_settings *settings = suppress_service_settings(list);
    if (settings->action == SUPPRESS_DISCARD || settings->asks_message)
        return false;
    if (!suppress_has(list, &s->scratch, t->current.normal, &entry))
        return false;
    const struct message m = message_so_far(s);
    const struct recipient rcpt = {.address = t->current.text};
    struct session_env self;
    struct expr_env outside = session_env(s, &self);
    struct queue_env env = {
            .message = &m, .rcpt = &rcpt, .wall_now_ms = m.created_ms, .outside = &outside};
    if (!suppress_applies(list, &env, &s->scratch))
        return false;
    event_in(s->options->span, EV_SMTP_RCPT_TO_SUPPRESSED, F_STR(to, t->current.normal),
            F_STR(reason, suppress_reason_word(entry.reason)),
            F_STR(bounceClass, entry.bounce_class), F_STR(details, entry.text));
    return true;
}

// As much of it as an expression may ask for here.
static struct message message_so_far(const struct smtp_session *s)
{
    const struct transaction *t = s->transaction;
    uint32_t flags = t->mail.smtputf8 ? MESSAGE_SMTPUTF8 : 0;
    if (t->mail.requiretls)
        flags |= MESSAGE_REQUIRETLS;
    return (struct message){.created_ms = wall_ms(),
            .sender = t->sender.text,
            .flags = flags,
            .priority = t->priority,
            .env_id = t->mail.env_id,
            .from_ip = s->client.ip,
            .via_port = s->local.port,
            .account = s->account != NULL ? s->account_name : STR_NULL,
            .helo = session_helo(s)};
}
