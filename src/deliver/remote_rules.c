// SPDX-License-Identifier: Apache-2.0
// deliver/remote_rules.c: where the rules about replies (deliver/reply/response.h) are asked: for
// what a host says before a transaction, which is about all recipients, and for the answer of each.
#include "deliver/remote.h"

#define REASON_BYTES_MAX 200

static struct err apply(struct remote *r, const struct approach *p, size_t place,
        struct client_answer *answer, struct response_effect *out) suspends MUST_USE;
static struct err follow(struct remote *r, const struct approach *p, size_t place,
        const struct client_answer *answer, const struct response_effect *effect) suspends MUST_USE;
static struct err give_order(struct remote *r, const struct approach *p, size_t place,
        const struct client_answer *answer, const struct response_rule *rule) suspends MUST_USE;
static enum suspend_kind kind_of(enum response_action action);

struct err remote_judge_host(
        struct remote *r, const struct approach *p, struct client_answer *why, enum reach *reach)
{
    struct response_effect effect;
    TRY(apply(r, p, r->rcpts[0].place, why, &effect));
    TRY(follow(r, p, r->rcpts[0].place, why, &effect));
    if (effect.asks_next_host) {
        *reach = REACH_NEXT_HOST;
        r->ends_here = false;
    }
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
        TRY(follow(r, p, sent[i].place, &t->rcpts[i].answer, &sent[i].effect));
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
    const struct response_inputs in = {.settings = j->d->in.settings,
            .automation = r->shaped.by[SHAPING_AUTOMATION],
            .shared = j->d->in.limits,
            .site = r->site,
            .wall_now_ms = wall_ms()};
    TRY(response_apply(&in, &env, &j->arena, answer, out));
    if (!str_is_null(out->failed_id))
        event_in(&j->span, EV_EVAL_ERROR, F_STR(key, S("queue.response")),
                F_STR(reason, out->fault.cause));
    if (out->rule != NULL)
        event_in(&j->span, EV_DELIVERY_RESPONSE_RULE, F_STR(id, out->rule->id),
                F_STR(hostname, p->name), F_U64(code, answer->outcome.code),
                F_STR(details, answer->outcome.text));
    return OK;
}

// What a rule does beyond the answer. A route is that of the whole unit: they are for one domain.
static struct err follow(struct remote *r, const struct approach *p, size_t place,
        const struct client_answer *answer, const struct response_effect *effect)
{
    if (r->j->probe != NULL || effect->rule == NULL)
        return OK;
    if (!str_is_null(effect->route))
        r->j->u->route_override = effect->route;
    return effect->gives_order ? give_order(r, p, place, answer, effect->rule) : OK;
}

// About what the rule names, as it is for this recipient. What nobody knows (an address of ours
// that the system chooses) is left out; when nothing is left it is about the site.
static struct err give_order(struct remote *r, const struct approach *p, size_t place,
        const struct client_answer *answer, const struct response_rule *rule)
{
    struct job *j = r->j;
    const struct suspend_values values = suspend_values_of(j, place, r, p->host, &p->from.ip);
    int64_t lasts_ms = rule->duration_ms > 0 ? rule->duration_ms : shaped_backoff_ms(&r->shaped);
    struct str reason = arena_fmt(&j->arena, "%u %.*s %.*s", answer->outcome.code,
            ARG(answer->outcome.enhanced), ARG(answer->outcome.text));
    struct suspension order = {.kind = kind_of(rule->action),
            .rate = rule->rate,
            .concurrency = rule->concurrency,
            .since_ms = wall_ms(),
            .until_ms = wall_ms() + lasts_ms,
            .reason = str_upto(reason, REASON_BYTES_MAX),
            .by = arena_join(&j->arena, S("queue.response."), rule->id),
            .is_automatic = true};
    uint32_t named = 0;
    r->shaped.backs_off |= rule->action == RESPONSE_BACKOFF;
    for (size_t i = 0; i < SUSPEND_SCOPES; i++) {
        if ((rule->scope >> i & 1) == 0 || str_is_empty(values.scope[i]))
            continue;
        order.scope[i] = values.scope[i];
        named |= 1U << i;
    }
    if (named == 0)
        order.scope[SUSPEND_MX_SITE] = r->site;
    return suspended_order(j->d, &order);
}

static enum suspend_kind kind_of(enum response_action action)
{
    switch (action) {
    case RESPONSE_THROTTLE:
        return SUSPEND_THROTTLE;
    case RESPONSE_BACKOFF:
        return SUSPEND_BACKOFF;
    case RESPONSE_DISABLE_TLS:
        return SUSPEND_TLS;
    case RESPONSE_SUSPEND:
    case RESPONSE_LOG:
    case RESPONSE_DEFER:
    case RESPONSE_BOUNCE:
    case RESPONSE_NEXT_HOST:
    case RESPONSE_DROP_CONNECTION:
    case RESPONSE_ROUTE:
        break;
    }
    return SUSPEND_STOP;
}
