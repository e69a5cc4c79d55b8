// SPDX-License-Identifier: Apache-2.0
// smtp/server/env.c: what expressions may know of a session (configuration.md 9.6, the contexts
// CONN to DATA). Values are made when they are asked for.
#include "smtp/server/session.h"

#include "smtp/proof.h"
#include "smtp/server/transaction.h"

#define PORT_OF_MX 25
#define PORT_OF_OTHERS 587 // any but 25: see local_port

static bool variable(void *self, struct arena *scratch, enum expr_variable id, struct str rest,
        struct expr_value *out);
static bool of_transaction(const struct smtp_session *s, struct arena *scratch,
        enum expr_variable id, struct expr_value *out);
static bool of_proof(const struct message_proof *p, struct arena *scratch, enum expr_variable id,
        struct expr_value *out);
static struct expr_value domains_proved(const struct message_proof *p, struct arena *scratch);
static int64_t local_port(const struct session_env *e);
static struct expr_value recipients(const struct transaction *t, struct arena *scratch);

struct expr_env session_env(struct smtp_session *s, struct session_env *self)
{
    static const struct expr_env_ops ops = {.variable = variable};
    const struct smtp_service *service = s->service;
    *self = (struct session_env){.session = s,
            .around = {.conf = service->settings->conf,
                    .directories = service->directories,
                    .resolver = service->resolver,
                    .host = s->visit->listener->host,
                    .node = service->node}};
    self->outside = surroundings_env(&self->around, service->settings->expression_wait_ms);
    return expr_env_inside(&self->outside, &ops, self);
}

void session_tell_fault(struct smtp_session *s, struct str key, const struct expr_fault *fault)
{
    struct str where = str_is_empty(fault->entry) ? S("") : S(": ");
    event_in(s->options->span, EV_EVAL_ERROR, F_STR(key, key),
            F_STR(reason, arena_fmt(&s->scratch, "%.*s%.*s%.*s", ARG(fault->entry), ARG(where),
                                  ARG(fault->cause))));
}

static bool variable(void *self, struct arena *scratch, enum expr_variable id,
        struct str rest UNUSED, struct expr_value *out)
{
    const struct session_env *e = self;
    const struct smtp_session *s = e->session;
    switch ((int)id) { // those of the sessions' contexts
    case EXPR_VAR_LOCAL_PORT:
        *out = expr_integer(local_port(e));
        return true;
    case EXPR_VAR_IS_TLS:
        *out = expr_bool(s->tls_on);
        return true;
    case EXPR_VAR_AUTHENTICATED_AS:
        *out = expr_text(s->account_name);
        return true;
    case EXPR_VAR_REMOTE_IP:
        *out = expr_text(ip_text(scratch, &s->client.ip));
        return true;
    case EXPR_VAR_HELO_DOMAIN:
        *out = expr_text(session_helo(s));
        return true;
    case EXPR_VAR_REMOTE_PORT:
        *out = expr_integer(s->client.port);
        return true;
    case EXPR_VAR_LOCAL_IP:
        *out = expr_text(ip_text(scratch, &s->local.ip));
        return true;
    case EXPR_VAR_PROTOCOL:
        *out = expr_text(session_is_lmtp(s) ? S("lmtp") : S("smtp"));
        return true;
    default:
        return of_transaction(s, scratch, id, out) || visit_variable(s->visit, scratch, id, out);
    }
}

// configuration.md 9.6: where a default says local_port == 25, a role that the administrator wrote
// decides instead.
static int64_t local_port(const struct session_env *e)
{
    const struct listener *l = e->session->visit->listener;
    if (!e->is_default || !l->role_is_own)
        return e->session->local.port;
    return l->role == ROLE_MX ? PORT_OF_MX : PORT_OF_OTHERS;
}

static bool of_transaction(const struct smtp_session *s, struct arena *scratch,
        enum expr_variable id, struct expr_value *out)
{
    const struct transaction *t = s->transaction;
    if (t == NULL)
        return false;
    switch ((int)id) {
    case EXPR_VAR_SENDER:
        *out = expr_text(t->sender.normal);
        return true;
    case EXPR_VAR_SENDER_DOMAIN:
        *out = expr_text(t->sender.domain);
        return true;
    case EXPR_VAR_RCPT:
        *out = expr_text(t->current.normal);
        return true;
    case EXPR_VAR_RCPT_DOMAIN:
        *out = expr_text(t->current.domain);
        return true;
    case EXPR_VAR_RECIPIENTS:
        *out = recipients(t, scratch);
        return true;
    case EXPR_VAR_PRIORITY:
        *out = expr_integer(t->priority);
        return true;
    case EXPR_VAR_HEADER_FROM_DOMAIN:
        *out = expr_text(t->from_domain);
        return true;
    default:
        return t->proof != NULL && of_proof(t->proof, scratch, id, out);
    }
}

// Nothing of this is known before the end of data.
static bool of_proof(const struct message_proof *p, struct arena *scratch, enum expr_variable id,
        struct expr_value *out)
{
    switch ((int)id) {
    case EXPR_VAR_SPF_RESULT:
        *out = expr_text(p->spf != NULL ? spf_result_name(p->spf->result) : S(""));
        return true;
    case EXPR_VAR_DKIM_DOMAINS:
        *out = domains_proved(p, scratch);
        return true;
    case EXPR_VAR_DMARC_RESULT:
        *out = expr_text(p->has_dmarc ? dmarc_result_name(p->dmarc.result) : S(""));
        return true;
    default:
        return false;
    }
}

static struct expr_value domains_proved(const struct message_proof *p, struct arena *scratch)
{
    struct expr_value *all = arena_array(scratch, p->dkim.count + 1, struct expr_value);
    size_t count = 0;
    for (size_t i = 0; all != NULL && i < p->dkim.count; i++)
        if (p->dkim.at[i].result == DKIM_PASS)
            all[count++] = expr_text(p->dkim.at[i].signature->domain);
    return expr_array(all, count);
}

static struct expr_value recipients(const struct transaction *t, struct arena *scratch)
{
    struct expr_value *all = arena_array(scratch, t->rcpts.count + 1, struct expr_value);
    if (all == NULL)
        return expr_array(NULL, 0);
    for (size_t i = 0; i < t->rcpts.count; i++)
        all[i] = expr_text(t->rcpts.at[i].address.normal);
    return expr_array(all, t->rcpts.count);
}
