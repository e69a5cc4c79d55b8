// SPDX-License-Identifier: Apache-2.0
// deliver/limited_ask.c: see deliver/limited.h. Who wants a permit that a connection holds which is
// idle gets it: that connection is closed first, so that nobody waits for one that does nothing.
#include "deliver/limited.h"

#define TRIES_MAX 3
#define GOODBYE_MS (2 * SECOND_MS) // a host that does not answer QUIT keeps nobody else waiting

static bool gather(struct asking *a);
static bool is_nothing_to_ask(const struct asking *a);
static struct err ask_in_time(struct asking *a, struct queue_env *self) suspends MUST_USE;
static void ask_once(struct asking *a, struct queue_env *self) suspends;
static struct err make_room(struct asking *a, bool *out_again) suspends MUST_USE;
static void look_at(struct asking *a, const struct outbound_refusal *why, int64_t *sleep_ms,
        bool *out_again) suspends;
static void take_turns(struct asking *a);

struct err limited_ask(struct asking *a)
{
    struct job *j = a->j;
    const struct remote *r = a->remote;
    a->check->values = &a->values;
    if (!gather(a))
        return fail(ERR_LIMIT, "no memory for an attempt");
    if (is_nothing_to_ask(a))
        return OK;
    struct queue_env self = {.message = &j->m,
            .unit = j->u,
            .rcpt = &j->u->rcpts[r == NULL ? 0 : r->rcpts[0].place],
            .host = a->host,
            .wall_now_ms = j->wall_now_ms,
            .outside = &j->outside};
    const struct expr_env env = queue_expr_env(&self);
    a->check->env = &env;
    if (j->probe != NULL) // outbound.md 25
        return tell_limiters(j, r, a->approach, a->check);
    TRY(ask_in_time(a, &self));
    for (size_t i = 0; i < a->check->faults.count; i++)
        event_in(&j->span, EV_EVAL_ERROR, F_STR(key, S("queue.limiter.outbound")),
                F_STR(reason, a->check->faults.at[i].fault.cause));
    if (a->refused.by == NULL)
        outbound_permits_settle(a->check->permits);
    else
        outbound_undo(j->d->limits, a->check);
    if (!a->at_once)
        take_turns(a);
    return OK;
}

// What holds for this attempt alone.
static bool gather(struct asking *a)
{
    struct job *j = a->j;
    const struct approach *p = a->approach;
    const struct outbound_limiter *of_provider[SHAPING_LIMITS];
    const struct suspend_values values =
            suspend_values_of(j, a->remote == NULL ? 0 : a->remote->rcpts[0].place, a->remote,
                    p == NULL ? NULL : p->host, p == NULL ? NULL : &p->from.ip);
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

static bool is_nothing_to_ask(const struct asking *a)
{
    const struct outbound_limits *limits = a->j->d->limits;
    return !outbound_has(limits, a->check->stage) && a->check->more_count == 0 &&
           (a->check->permits == NULL || !outbound_has_permits(limits));
}

static struct err ask_in_time(struct asking *a, struct queue_env *self)
{
    struct remote *r = a->remote;
    bool again = true;
    if (r != NULL && outbound_asks_each(a->j->d->limits, a->check)) {
        a->of_each = arena_array(&a->j->arena, r->count, struct outbound_refusal);
        if (a->of_each == NULL)
            return fail(ERR_LIMIT, "no memory for an attempt");
    }
    for (int tries = 0; again && tries < TRIES_MAX; tries++) {
        if (tries > 0)
            outbound_undo(a->j->d->limits, a->check);
        ask_once(a, self);
        if (task_cancelled()) {
            outbound_undo(a->j->d->limits, a->check);
            return fail(ERR_CANCELLED, "the delivery is given up");
        }
        again = false;
        if (!a->at_once && tries + 1 < TRIES_MAX)
            TRY(make_room(a, &again));
    }
    return OK;
}

static void ask_once(struct asking *a, struct queue_env *self)
{
    struct outbound_limits *limits = a->j->d->limits;
    struct outbound_check *check = a->check;
    struct remote *r = a->remote;
    size_t left = r == NULL ? 1 : r->count;
    check->wall_now_ms = wall_ms();
    check->of_each_rcpt = true;
    a->refused = (struct outbound_refusal){0};
    for (size_t i = 0; a->of_each != NULL && i < r->count; i++) {
        self->rcpt = &a->j->u->rcpts[r->rcpts[i].place];
        a->values.rcpt = self->rcpt->address;
        check->amounts.recipients = 1;
        left -= outbound_take(limits, check) != NULL;
        a->of_each[i] = check->why;
    }
    check->of_each_rcpt = false;
    if (r != NULL) {
        self->rcpt = &a->j->u->rcpts[r->rcpts[0].place];
        a->values.rcpt = self->rcpt->address;
        check->amounts.recipients = left;
    }
    if (left > 0 && outbound_take(limits, check) != NULL)
        a->refused = check->why;
}

// Again: after a short wait, or when an idle connection has given its permits back.
static struct err make_room(struct asking *a, bool *out_again)
{
    int64_t sleep_ms = 0;
    if (a->refused.by != NULL)
        look_at(a, &a->refused, &sleep_ms, out_again);
    for (size_t i = 0; a->refused.by == NULL && a->of_each != NULL && i < a->remote->count; i++)
        if (a->of_each[i].by != NULL)
            look_at(a, &a->of_each[i], &sleep_ms, out_again);
    if (sleep_ms <= 0)
        return OK;
    outbound_undo(a->j->d->limits, a->check);
    return task_sleep_ms(sleep_ms);
}

static void look_at(
        struct asking *a, const struct outbound_refusal *why, int64_t *sleep_ms, bool *out_again)
{
    int64_t wait_ms = why->until_ms - a->check->wall_now_ms;
    if (why->by_concurrency) {
        struct connection *idle = pool_take_holder(&a->j->d->pool, why->counter);
        if (idle == NULL)
            return;
        within_ms(GOODBYE_MS);
        connection_end(idle);
        *out_again = true;
    } else if (wait_ms < OUTBOUND_SLEEP_MAX_MS) {
        *sleep_ms = wait_ms > *sleep_ms ? wait_ms : *sleep_ms;
        *out_again = true;
    }
}

// Behind all who were put off before for want of the same tokens.
static void take_turns(struct asking *a)
{
    struct outbound_limits *limits = a->j->d->limits;
    if (a->refused.by != NULL && !a->refused.by_concurrency)
        a->refused.until_ms = outbound_turn(limits, &a->refused, a->check->wall_now_ms);
    for (size_t i = 0; a->of_each != NULL && i < a->remote->count; i++)
        if (a->of_each[i].by != NULL && !a->of_each[i].by_concurrency)
            a->of_each[i].until_ms = outbound_turn(limits, &a->of_each[i], a->check->wall_now_ms);
}
