// SPDX-License-Identifier: Apache-2.0
// deliver/limited.c: where an attempt meets queue.limiter.outbound (outbound.md 20): once for its
// sender, once for the recipients' domain before the DNS is asked, and for each address before a
// connection is used. A short wait is slept out; for a longer one the recipients are put off, which
// is no attempt. To what is configured comes what the provider takes (deliver/shape/shaping.h) and
// what was ordered at run time. Permits go back as soon as what they are for has ended, and so do
// tokens when nothing was sent; only connections that were tried stay counted.
#include "deliver/told.h"

#define PERMIT_WAIT_MS (2 * SECOND_MS)
#define PERMIT_AGAIN_MS (5 * SECOND_MS)
#define SPREAD_MS (2 * SECOND_MS)

struct asking {
    struct job *j;
    size_t place; // of the recipient whose variables the expressions see
    const struct queue_host *host;
    enum suspend_stage orders_from, orders_to; // throttles of these stages are asked, too
    struct limiters more;
    const struct approach *approach; // NULL: not there yet
    struct remote *remote;           // the same
    struct limits_held *held;        // where permits are kept; NULL: with the job
    bool at_once;                    // or not at all, and nobody is told
    struct outbound_check *check;
    const struct outbound_limiter *refused; // NULL: it goes on
    int64_t until_ms;                       // wall; when those who were refused come again
};

static struct outbound_values values_of(const struct job *j, size_t place);
static struct err begin(struct job *j, struct asking *a, enum outbound_stage stage,
        const struct outbound_values *values) MUST_USE;
static struct err ask(struct asking *a) suspends MUST_USE;
static struct err ask_remote(
        struct remote *r, struct approach *p, bool connects, struct asking *a) suspends MUST_USE;
static void put_off_all(struct remote *r, struct asking *a, bool *out_goes_on);
static bool gather(struct asking *a);
static void end(struct job *j, struct outbound_check **check, bool was_sent);
static void put_off(struct asking *a, size_t place);
static void tell(const struct asking *a);

struct err limit_sender(struct job *j, bool *out_goes_on)
{
    struct outbound_values values = values_of(j, 0);
    struct asking a = {.orders_to = SUSPEND_AT_UNIT};
    TRY(begin(j, &a, OUTBOUND_OF_SENDER, &values));
    a.check->amounts = (struct outbound_amounts){
            .messages = 1, .recipients = j->look.try_count, .bytes = message_bytes(&j->m)};
    TRY(ask(&a));
    *out_goes_on = a.refused == NULL;
    for (size_t i = 0; a.refused != NULL && i < j->u->rcpt_count; i++)
        if (j->tried[i].is_due)
            put_off(&a, i);
    j->of_sender = a.refused == NULL ? a.check : NULL;
    return OK;
}

struct err limit_rcpts(struct remote *r, bool *out_goes_on)
{
    struct job *j = r->j;
    struct outbound_values values = values_of(j, r->rcpts[0].place);
    struct queue_host host = {.route = r->route->id};
    struct asking a = {.place = r->rcpts[0].place,
            .host = &host,
            .orders_from = SUSPEND_AT_ROUTE,
            .orders_to = SUSPEND_AT_ROUTE,
            .remote = r};
    values.route = r->route->id;
    TRY(begin(j, &a, OUTBOUND_OF_RCPT, &values));
    a.check->amounts = (struct outbound_amounts){
            .messages = 1, .recipients = r->count, .bytes = message_bytes(&j->m)};
    TRY(ask(&a));
    put_off_all(r, &a, out_goes_on);
    r->of_rcpts = *out_goes_on ? a.check : NULL;
    return OK;
}

struct err limit_remote(struct remote *r, struct approach *p, bool connects, bool *out_goes_on)
{
    struct asking a = {0};
    limit_remote_end(r); // of an earlier connection to it, which was dead or is used up
    r->transactions_before = r->transactions;
    TRY(ask_remote(r, p, connects, &a));
    put_off_all(r, &a, out_goes_on);
    r->of_host = *out_goes_on ? a.check : NULL;
    return OK;
}

struct err limit_beside(struct remote *r, struct approach *p, struct outbound_check **out)
{
    struct asking a = {.at_once = true, .held = arena_make(&r->j->arena, struct limits_held)};
    if (a.held == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    a.held->arena = &r->j->arena;
    TRY(ask_remote(r, p, true, &a));
    *out = a.refused == NULL ? a.check : NULL;
    return OK;
}

void limit_beside_end(struct remote *r, struct outbound_check **check)
{
    end(r->j, check, false);
}

void limit_beside_won(struct remote *r, struct outbound_check *check)
{
    limit_remote_end(r);
    r->of_host = check;
}

static struct err ask_remote(struct remote *r, struct approach *p, bool connects, struct asking *a)
{
    struct job *j = r->j;
    struct outbound_values values = values_of(j, r->rcpts[0].place);
    const struct queue_host host = {.mx = p->host->name,
            .mx_site = r->site,
            .route = r->route->id,
            .remote_ip = p->address->at.ip,
            .local_ip = p->from.ip};
    a->place = r->rcpts[0].place;
    a->host = &host;
    a->orders_from = SUSPEND_AT_SITE;
    a->orders_to = SUSPEND_AT_SOURCE;
    a->remote = r;
    a->approach = p;
    values.route = r->route->id;
    values.mx = p->host->name;
    values.mx_site = r->site;
    values.remote_ip = p->address->at.ip;
    values.local_ip = p->from.ip;
    values.pool = str_is_null(p->from.pool) ? S("") : p->from.pool;
    TRY(begin(j, a, OUTBOUND_OF_REMOTE, &values));
    a->check->amounts = (struct outbound_amounts){.messages = 1,
            .recipients = r->count,
            .connections = connects ? 1 : 0,
            .bytes = message_bytes(&j->m)};
    return ask(a);
}

void limit_remote_end(struct remote *r)
{
    end(r->j, &r->of_host, r->transactions > r->transactions_before);
}

void limit_rcpts_end(struct remote *r)
{
    end(r->j, &r->of_rcpts, r->transactions > 0);
}

void limit_sender_end(struct job *j)
{
    end(j, &j->of_sender, j->was_sent);
    outbound_release(j->d->limits, &j->held);
}

// What was taken last goes back first.
static void end(struct job *j, struct outbound_check **check, bool was_sent)
{
    if (*check == NULL)
        return;
    if (was_sent)
        (*check)->taken.count = 0;
    outbound_not_sent(j->d->limits, *check);
    *check = NULL;
}

static struct err begin(struct job *j, struct asking *a, enum outbound_stage stage,
        const struct outbound_values *values)
{
    a->j = j;
    a->check = arena_make(&j->arena, struct outbound_check);
    if (a->check == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    *a->check = (struct outbound_check){.stage = stage,
            .values = values,
            .held = a->held != NULL ? a->held : &j->held,
            .scratch = &j->arena};
    return OK;
}

// Refused, all that are left are put off.
static void put_off_all(struct remote *r, struct asking *a, bool *out_goes_on)
{
    *out_goes_on = a->refused == NULL;
    for (size_t i = 0; a->refused != NULL && i < r->count; i++)
        put_off(a, r->rcpts[i].place);
    if (a->refused != NULL)
        r->count = 0;
}

static struct outbound_values values_of(const struct job *j, size_t place)
{
    struct str sender = j->m.sender, rcpt = j->u->rcpts[place].address;
    return (struct outbound_values){.sender = sender,
            .sender_domain = address_domain(sender),
            .rcpt = rcpt,
            .rcpt_domain = j->u->domain,
            .queue = j->u->queue,
            .message = &j->m,
            .account = str_is_null(j->m.account) ? S("") : j->m.account};
}

static struct err ask(struct asking *a)
{
    struct job *j = a->j;
    struct outbound_limits *limits = j->d->limits;
    if (!gather(a))
        return fail(ERR_LIMIT, "no memory for an attempt");
    if (!outbound_has(limits, a->check->stage) && a->check->more_count == 0)
        return OK;
    struct queue_env self = {.message = &j->m,
            .unit = j->u,
            .rcpt = &j->u->rcpts[a->place],
            .host = a->host,
            .wall_now_ms = j->wall_now_ms,
            .outside = &j->outside};
    const struct expr_env env = queue_expr_env(&self);
    a->check->env = &env;
    if (j->probe != NULL) // outbound.md 25
        return tell_limiters(j, a->remote, a->approach, a->check);
    for (int tries = 0; tries < 3; tries++) {
        a->check->wall_now_ms = wall_ms();
        a->refused = outbound_take(limits, a->check);
        if (task_cancelled())
            return fail(ERR_CANCELLED, "the delivery is given up");
        int64_t wait_ms = a->check->until_ms - a->check->wall_now_ms;
        if (a->refused == NULL || a->at_once ||
                (!a->check->by_concurrency && wait_ms >= OUTBOUND_SLEEP_MAX_MS))
            break;
        TRY(a->check->by_concurrency ? outbound_wait(limits, PERMIT_WAIT_MS)
                                     : task_sleep_ms(wait_ms));
    }
    for (size_t i = 0; i < a->check->faults.count; i++)
        event_in(&j->span, EV_EVAL_ERROR, F_STR(key, S("queue.limiter.outbound")),
                F_STR(reason, a->check->faults.at[i].fault.cause));
    if (a->refused == NULL || a->at_once)
        return OK;
    a->until_ms = a->check->by_concurrency
                          ? wall_ms() + PERMIT_AGAIN_MS + (int64_t)(random_u64() % SPREAD_MS)
                          : outbound_turn(limits, a->check);
    if (outbound_may_tell(limits, a->refused, now_ms()))
        tell(a);
    return OK;
}

// What holds for this attempt alone.
static bool gather(struct asking *a)
{
    struct job *j = a->j;
    const struct approach *p = a->approach;
    const struct outbound_limiter *of_provider[SHAPING_LIMITS];
    const struct suspend_values values = suspend_values_of(
            j, a->place, a->remote, p == NULL ? NULL : p->host, p == NULL ? NULL : &p->from.ip);
    size_t count = p == NULL ? 0 : shaped_limiters(&a->remote->shaped, of_provider);
    for (size_t i = 0; i < count; i++) {
        const struct outbound_limiter **place = vec_add(&j->arena, &a->more.all);
        if (place == NULL)
            return false;
        *place = of_provider[i];
    }
    for (enum suspend_stage stage = a->orders_from; stage <= a->orders_to; stage++)
        if (!suspended_throttles(j, stage, &values, &a->more))
            return false;
    a->check->more = a->more.all.at;
    a->check->more_count = a->more.all.count;
    return true;
}

static void put_off(struct asking *a, size_t place)
{
    enum failure_kind kind = a->check->by_concurrency ? FAILURE_CONCURRENCY : FAILURE_RATE;
    struct client_answer why = answer_temporary(CLIENT_CONNECT, kind, a->j->u->domain, S("4.4.5"),
            kind == FAILURE_RATE ? S("Rate limited")
                                 : S("Too many concurrent connections to remote server"));
    job_put_off(a->j, place, &why, a->until_ms);
    a->j->tried[place].verdict.verdict = VERDICT_LIMITED;
}

static void tell(const struct asking *a)
{
    enum event_id id = a->check->by_concurrency ? EV_DELIVERY_CONCURRENCY_LIMIT_EXCEEDED
                                                : EV_DELIVERY_RATE_LIMIT_EXCEEDED;
    enum event_id of_queue = a->check->by_concurrency ? EV_QUEUE_CONCURRENCY_LIMIT_EXCEEDED
                                                      : EV_QUEUE_RATE_LIMIT_EXCEEDED;
    event_in(&a->j->span, id, F_STR(id, a->refused->id), F_STR(domain, a->j->u->domain),
            F_TIME(nextRetry, a->until_ms));
    event_in(&a->j->span, of_queue, F_STR(id, a->refused->id), F_STR(domain, a->j->u->domain),
            F_TIME(nextRetry, a->until_ms));
}
