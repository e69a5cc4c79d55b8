// SPDX-License-Identifier: Apache-2.0
// deliver/remote_rules.c: where the rules about replies (deliver/response.h) are asked: for what a
// host says before a transaction, which is about all recipients, and for the answer of each.
#include "deliver/remote.h"

static struct err apply(struct remote *r, const struct approach *p, size_t place,
        struct client_answer *answer, struct response_effect *out) suspends MUST_USE;

struct err remote_judge_host(
        struct remote *r, const struct approach *p, struct client_answer *why, enum reach *reach)
{
    struct response_effect effect;
    TRY(apply(r, p, r->rcpts[0].place, why, &effect));
    if (effect.asks_next_host)
        *reach = REACH_NEXT_HOST;
    if (!effect.stays_here)
        return OK;
    for (size_t i = 0; i < r->count; i++)
        job_settle_after(r->j, r->rcpts[i].place, why, effect.retry_after_ms);
    r->count = 0;
    *reach = REACH_DONE;
    return OK;
}

struct err remote_judge_rcpts(struct remote *r, const struct approach *p, struct connection *c,
        struct client_transaction *t, struct carried *sent)
{
    for (size_t i = 0; i < t->rcpt_count; i++) {
        if (!t->rcpts[i].was_tried)
            continue;
        TRY(apply(r, p, sent[i].place, &t->rcpts[i].answer, &sent[i].effect));
        c->is_spent |= sent[i].effect.drops_connection;
    }
    return OK;
}

static struct err apply(struct remote *r, const struct approach *p, size_t place,
        struct client_answer *answer, struct response_effect *out)
{
    struct job *j = r->j;
    const struct queue_host host = {.mx = p->host->name,
            .mx_site = r->site,
            .route = r->route->id,
            .remote_ip = p->address->at.ip,
            .local_ip = p->from.ip,
            .attempt = j->u->rcpts[place].retry_count + 1};
    const struct queue_env env = {.message = &j->m,
            .unit = j->u,
            .rcpt = &j->u->rcpts[place],
            .host = &host,
            .wall_now_ms = j->wall_now_ms,
            .outside = &j->outside};
    TRY(response_apply(j->d->in.settings, &env, &j->arena, answer, out));
    if (!str_is_null(out->failed_id))
        event_in(&j->span, EV_EVAL_ERROR, F_STR(key, S("queue.response")),
                F_STR(reason, out->fault.cause));
    if (out->rule != NULL)
        event_in(&j->span, EV_DELIVERY_RESPONSE_RULE, F_STR(id, out->rule->id),
                F_STR(hostname, p->name), F_U64(code, answer->outcome.code),
                F_STR(details, answer->outcome.text));
    return OK;
}
