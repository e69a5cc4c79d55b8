// SPDX-License-Identifier: Apache-2.0
// deliver/limited.c: where an attempt meets queue.limiter.outbound (outbound.md 20): once for its
// sender, once for the recipients' domain before the DNS is asked, and for each address before a
// connection is used. Who is refused for want of tokens is put off, which is no attempt; who is for
// want of a permit waits in memory (blocked.c), and is put off only after a minute. To what is
// configured comes what the provider takes (deliver/shape/shaping.h) and what was ordered at run
// time. Tokens go back when nothing was sent; only connections that were tried stay counted.
#include "deliver/limited.h"

#define PERMIT_AGAIN_MS (5 * SECOND_MS)
#define SPREAD_MS (2 * SECOND_MS)
#define SPREAD_FULL_MS MINUTE_MS // where too many wait in memory already

static struct outbound_values values_of(const struct job *j, size_t place);
static struct err begin(struct job *j, struct asking *a, enum outbound_stage stage) MUST_USE;
static struct err ask_remote(struct remote *r, struct approach *p, struct outbound_permits *permits,
        bool connects, struct asking *a) suspends MUST_USE;
static struct err permits_for(struct remote *r, struct outbound_permits **permits) MUST_USE;
static void part(struct asking *a, bool *out_goes_on);
static void put_off(struct asking *a, const struct outbound_refusal *why, size_t place);
static void wait_for_permit(struct asking *a, const struct outbound_refusal *why, size_t place);
static void end(struct job *j, struct outbound_check **check, bool was_sent);
static void tell(const struct asking *a, const struct outbound_refusal *why, int64_t until_ms);

struct err limit_sender(struct job *j, bool *out_goes_on)
{
    struct asking a = {.orders_to = SUSPEND_AT_UNIT, .values = values_of(j, 0)};
    TRY(begin(j, &a, OUTBOUND_OF_SENDER));
    a.check->amounts = (struct outbound_amounts){
            .messages = 1, .recipients = j->look.try_count, .bytes = message_bytes(&j->m)};
    TRY(limited_ask(&a));
    *out_goes_on = a.refused.by == NULL;
    for (size_t i = 0; a.refused.by != NULL && i < j->u->rcpt_count; i++)
        if (j->tried[i].is_due)
            put_off(&a, &a.refused, i);
    j->of_sender = a.refused.by == NULL ? a.check : NULL;
    return OK;
}

struct err limit_rcpts(struct remote *r, bool *out_goes_on)
{
    struct job *j = r->j;
    struct queue_host host = {.route = r->route->id};
    struct asking a = {.values = values_of(j, r->rcpts[0].place),
            .host = &host,
            .orders_from = SUSPEND_AT_ROUTE,
            .orders_to = SUSPEND_AT_ROUTE,
            .remote = r};
    a.values.route = r->route->id;
    TRY(begin(j, &a, OUTBOUND_OF_RCPT));
    a.check->amounts = (struct outbound_amounts){.messages = 1, .bytes = message_bytes(&j->m)};
    TRY(limited_ask(&a));
    part(&a, out_goes_on);
    r->of_rcpts = a.refused.by == NULL ? a.check : NULL;
    return OK;
}

struct err limit_remote(
        struct remote *r, struct approach *p, struct connection *c, bool *out_goes_on)
{
    struct asking a = {0};
    struct outbound_permits **permits = c != NULL ? &c->permits : &p->permits;
    limit_remote_end(r, p); // of an earlier connection to it, which was dead or is used up
    r->transactions_before = r->transactions;
    TRY(permits_for(r, permits));
    TRY(ask_remote(r, p, *permits, c == NULL, &a));
    part(&a, out_goes_on);
    r->of_host = a.refused.by == NULL ? a.check : NULL;
    return OK;
}

struct err limit_beside(struct remote *r, struct approach *p, struct outbound_check **out)
{
    struct asking a = {.at_once = true};
    bool goes = true;
    TRY(permits_for(r, &p->permits));
    TRY(ask_remote(r, p, p->permits, true, &a));
    for (size_t i = 0; i < r->count; i++)
        goes &= a.of_each == NULL || a.of_each[i].by == NULL;
    *out = a.refused.by == NULL ? a.check : NULL;
    if (!goes || *out == NULL)
        limit_beside_end(r, p, out);
    return OK;
}

void limit_beside_end(struct remote *r, struct approach *p, struct outbound_check **check)
{
    outbound_permits_free(p->permits);
    p->permits = NULL;
    end(r->j, check, false);
}

// What the first of them took went back when it was dismissed.
void limit_beside_won(struct remote *r, struct outbound_check *check)
{
    r->of_host = check;
}

// One object for each connection, which goes along with it.
static struct err permits_for(struct remote *r, struct outbound_permits **permits)
{
    if (*permits == NULL && r->j->probe == NULL)
        *permits = outbound_permits_new(r->j->d->limits);
    return *permits == NULL && r->j->probe == NULL
                   ? fail(ERR_LIMIT, "no memory for another connection")
                   : OK;
}

static struct err ask_remote(struct remote *r, struct approach *p, struct outbound_permits *permits,
        bool connects, struct asking *a)
{
    struct job *j = r->j;
    const struct queue_host host = {.mx = p->host->name,
            .mx_site = r->site,
            .route = r->route->id,
            .remote_ip = p->address->at.ip,
            .local_ip = p->from.ip};
    a->values = values_of(j, r->rcpts[0].place);
    a->host = &host;
    a->orders_from = permits != NULL ? SUSPEND_AT_UNIT : SUSPEND_AT_SITE;
    a->orders_to = SUSPEND_AT_SOURCE;
    a->remote = r;
    a->approach = p;
    a->values.route = r->route->id;
    a->values.mx = p->host->name;
    a->values.mx_site = r->site;
    a->values.remote_ip = p->address->at.ip;
    a->values.local_ip = p->from.ip;
    a->values.pool = str_is_null(p->from.pool) ? S("") : p->from.pool;
    TRY(begin(j, a, OUTBOUND_OF_REMOTE));
    a->check->permits = permits;
    a->check->amounts = (struct outbound_amounts){
            .messages = 1, .connections = connects ? 1 : 0, .bytes = message_bytes(&j->m)};
    struct err e = limited_ask(a);
    a->host = NULL;
    return e;
}

void limit_remote_end(struct remote *r, struct approach *p)
{
    const struct connection *c = r->j->courier->connection;
    outbound_permits_free(p->permits);
    p->permits = NULL;
    if (c != NULL)
        outbound_permits_rest(c->permits);
    end(r->j, &r->of_host, r->transactions > r->transactions_before);
}

void limit_rcpts_end(struct remote *r)
{
    end(r->j, &r->of_rcpts, r->transactions > 0);
}

void limit_sender_end(struct job *j)
{
    end(j, &j->of_sender, j->was_sent);
}

static void end(struct job *j, struct outbound_check **check, bool was_sent)
{
    if (*check == NULL)
        return;
    if (was_sent)
        (*check)->taken.count = 0;
    outbound_not_sent(j->d->limits, *check);
    *check = NULL;
}

static struct err begin(struct job *j, struct asking *a, enum outbound_stage stage)
{
    a->j = j;
    a->check = arena_make(&j->arena, struct outbound_check);
    if (a->check == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    *a->check = (struct outbound_check){.stage = stage, .scratch = &j->arena};
    return OK;
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

// --- Those who were refused ----------------------------------------------------------------------

// Leaves those who go on. Who has failed at another host a moment ago, and finds no permit for this
// one, has had his attempt.
static void part(struct asking *a, bool *out_goes_on)
{
    struct remote *r = a->remote;
    size_t left = 0;
    if (a->refused.by_concurrency && r->tries > 0 && r->best != NULL) {
        r->ends_here = true;
        *out_goes_on = false;
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        bool by_itself = a->of_each != NULL && a->of_each[i].by != NULL;
        const struct outbound_refusal *why = by_itself ? &a->of_each[i] : &a->refused;
        if (why->by == NULL)
            r->rcpts[left++] = r->rcpts[i];
        else if (why->by_concurrency && !blocked_is_to_be_told(a->j->d, a->j->courier->carries))
            wait_for_permit(a, why, r->rcpts[i].place);
        else
            put_off(a, why, r->rcpts[i].place);
    }
    r->count = left;
    *out_goes_on = left > 0;
}

static void wait_for_permit(struct asking *a, const struct outbound_refusal *why, size_t place)
{
    struct courier *courier = a->j->courier;
    a->j->tried[place].waits = true;
    courier->refused = *why;
    courier->refused_way = a->approach == NULL ? 0 : blocked_way(a->j->d, a->approach->identity);
    tell(a, why, wall_ms() + blocked_left_ms(courier->carries));
}

static void put_off(struct asking *a, const struct outbound_refusal *why, size_t place)
{
    struct job *j = a->j;
    enum failure_kind kind = why->by_concurrency ? FAILURE_CONCURRENCY : FAILURE_RATE;
    struct client_answer answer = answer_temporary(CLIENT_CONNECT, kind, j->u->domain, S("4.4.5"),
            kind == FAILURE_RATE ? S("Rate limited")
                                 : S("Too many concurrent connections to remote server"));
    int64_t until_ms = why->until_ms; // of one recipient of several: its turn was given to it
    uint64_t spread_ms = blocked_is_full(j->d) ? SPREAD_FULL_MS : SPREAD_MS;
    if (why->by_concurrency)
        until_ms = wall_ms() + PERMIT_AGAIN_MS + (int64_t)(random_u64() % spread_ms);
    job_put_off(j, place, &answer, until_ms);
    j->tried[place].verdict.verdict = VERDICT_LIMITED;
    tell(a, why, until_ms);
}

// Whoever waits in memory goes when there is a permit: the moment is the last one.
static void tell(const struct asking *a, const struct outbound_refusal *why, int64_t until_ms)
{
    struct job *j = a->j;
    enum event_id id = why->by_concurrency ? EV_DELIVERY_CONCURRENCY_LIMIT_EXCEEDED
                                           : EV_DELIVERY_RATE_LIMIT_EXCEEDED;
    enum event_id of_queue = why->by_concurrency ? EV_QUEUE_CONCURRENCY_LIMIT_EXCEEDED
                                                 : EV_QUEUE_RATE_LIMIT_EXCEEDED;
    if (!outbound_may_tell(j->d->limits, why->by, now_ms()))
        return;
    event_in(&j->span, id, F_STR(id, why->by->id), F_STR(domain, j->u->domain),
            F_TIME(nextRetry, until_ms));
    event_in(&j->span, of_queue, F_STR(id, why->by->id), F_STR(domain, j->u->domain),
            F_TIME(nextRetry, until_ms));
}
