// SPDX-License-Identifier: Apache-2.0
// deliver/suspended.c: see deliver/suspended.h.
#include "deliver/remote.h"

#include "rt/offload.h"

#define ORDER_BYTES_MAX (8 * MIB)
#define TELL_EVERY_MS MINUTE_MS
#define SPREAD_MS (30 * SECOND_MS) // so that not all come back in one moment

static const struct suspension *ask(struct job *j, enum suspend_kind kind, enum suspend_stage stage,
        const struct suspend_values *values);
static bool holds_at_any(struct job *j, enum suspend_kind kind, enum suspend_stage last,
        const struct suspend_values *values);
static bool is_of_message(const struct suspension *s);
static struct client_answer answer_of(struct job *j, const struct suspension *s);
static int64_t until_of(const struct suspension *s);
static void tell(struct job *j, const struct suspension *s, struct str host);
static struct str id_of(struct arena *a, const struct suspension *s);
static struct err change_orders(
        struct deliverer *d, const struct suspension *order, bool is_lifted) suspends MUST_USE;
static void order_work(void *arg);

void suspended_init(struct suspended *s, struct str path)
{
    statewatch_init(&s->watch, path, STATEWATCH_BYTES_MAX);
}

void suspended_done(struct suspended *s)
{
    statewatch_done(&s->watch);
}

void dispatch_read_suspensions(struct deliverer *d)
{
    struct suspended *s = &d->suspended;
    struct suspensions now;
    struct arena *a = statewatch_changed(&s->watch);
    if (a == NULL)
        return;
    struct err e = suspensions_read(a, d->in.suspensions_path, &now);
    if (!statewatch_take(&s->watch, d->in.log, e))
        return;
    s->now = now;
    s->told_at_ms = arena_array(a, now.all.count + 1, int64_t);
}

// --- Where an attempt asks -----------------------------------------------------------------------

bool suspended_unit(struct job *j)
{
    const struct suspend_values values = suspend_values_of(j, 0, NULL, NULL, NULL);
    const struct suspension *s = ask(j, SUSPEND_STOP, SUSPEND_AT_UNIT, &values);
    if (s == NULL)
        return false;
    struct client_answer why = answer_of(j, s);
    for (size_t i = 0; i < j->u->rcpt_count; i++)
        if (j->tried[i].is_due)
            job_put_off(j, i, &why, until_of(s));
    return true;
}

bool suspended_route(
        struct job *j, const struct route *route, const struct carried *rcpts, size_t count)
{
    struct suspend_values values = suspend_values_of(j, rcpts[0].place, NULL, NULL, NULL);
    values.scope[SUSPEND_ROUTE] = route->id;
    const struct suspension *s = ask(j, SUSPEND_STOP, SUSPEND_AT_ROUTE, &values);
    if (s == NULL)
        return false;
    struct client_answer why = answer_of(j, s);
    for (size_t i = 0; i < count; i++)
        job_put_off(j, rcpts[i].place, &why, until_of(s));
    return true;
}

bool suspended_site(struct remote *r)
{
    struct job *j = r->j;
    const struct suspend_values values = suspend_values_of(j, r->rcpts[0].place, r, NULL, NULL);
    const struct suspension *s = ask(j, SUSPEND_STOP, SUSPEND_AT_SITE, &values);
    if (s == NULL)
        return false;
    struct client_answer why = answer_of(j, s);
    for (size_t i = 0; i < r->count; i++)
        job_put_off(j, r->rcpts[i].place, &why, until_of(s));
    r->count = 0;
    return true;
}

bool suspended_host(struct remote *r, const struct host *host)
{
    struct job *j = r->j;
    const struct suspend_values values = suspend_values_of(j, r->rcpts[0].place, r, host, NULL);
    const struct suspension *s = ask(j, SUSPEND_STOP, SUSPEND_AT_HOST, &values);
    if (s == NULL)
        return false;
    struct client_answer why = answer_of(j, s);
    int64_t rests_ms = until_of(s) - j->wall_now_ms;
    if (r->rests_ms == 0 || rests_ms < r->rests_ms)
        r->rests_ms = rests_ms > 0 ? rests_ms : SECOND_MS;
    remote_note(r, arena_answer(&j->arena, &why));
    return true;
}

bool suspended_backs_off(struct remote *r)
{
    const struct suspend_values values = suspend_values_of(r->j, r->rcpts[0].place, r, NULL, NULL);
    return holds_at_any(r->j, SUSPEND_BACKOFF, SUSPEND_AT_SITE, &values);
}

bool suspended_tls(struct remote *r, const struct host *host, const struct ip *from)
{
    const struct suspend_values values = suspend_values_of(r->j, r->rcpts[0].place, r, host, from);
    return holds_at_any(r->j, SUSPEND_TLS, SUSPEND_AT_SOURCE, &values);
}

static bool holds_at_any(struct job *j, enum suspend_kind kind, enum suspend_stage last,
        const struct suspend_values *values)
{
    const struct suspensions *all = &j->d->suspended.now;
    for (enum suspend_stage stage = SUSPEND_AT_UNIT; stage <= last; stage++)
        if (suspensions_find(all, kind, stage, values, wall_ms()) != NULL)
            return true;
    return false;
}

static bool is_of_message(const struct suspension *s)
{
    return !str_is_null(s->scope[SUSPEND_SENDER]) ||
           !str_is_null(s->scope[SUSPEND_SENDER_DOMAIN]) || !str_is_null(s->scope[SUSPEND_QUEUE]) ||
           !str_is_null(s->scope[SUSPEND_TAG]);
}

// A throttle is counted under what it is about.
bool suspended_throttles(struct job *j, enum suspend_stage stage,
        const struct suspend_values *values, struct limiters *out)
{
    static const enum outbound_stage limiter_stages[] = {[SUSPEND_AT_UNIT] = OUTBOUND_OF_SENDER,
            [SUSPEND_AT_ROUTE] = OUTBOUND_OF_RCPT,
            [SUSPEND_AT_SITE] = OUTBOUND_OF_REMOTE,
            [SUSPEND_AT_HOST] = OUTBOUND_OF_REMOTE,
            [SUSPEND_AT_SOURCE] = OUTBOUND_OF_REMOTE};
    const struct suspensions *all = &j->d->suspended.now;
    size_t at = 0;
    const struct suspension *s =
            suspensions_next(all, SUSPEND_THROTTLE, stage, values, wall_ms(), &at);
    while (s != NULL) {
        struct outbound_limiter *l = arena_make(&j->arena, struct outbound_limiter);
        const struct outbound_limiter **place = vec_add(&j->arena, &out->all);
        if (l == NULL || place == NULL)
            return false;
        *l = (struct outbound_limiter){
                .id = arena_join(&j->arena, S("throttle "), id_of(&j->arena, s)),
                .rate = s->rate,
                .burst = s->rate.count,
                .concurrency = s->concurrency,
                .stage = limiter_stages[stage],
                .is_of_message = is_of_message(s)};
        *place = l;
        s = suspensions_next(all, SUSPEND_THROTTLE, stage, values, wall_ms(), &at);
    }
    return true;
}

struct suspend_values suspend_values_of(struct job *j, size_t place, const struct remote *r,
        const struct host *host, const struct ip *from)
{
    struct suspend_values values = {.tags = j->m.tags, .tag_count = j->m.tag_count};
    values.scope[SUSPEND_RCPT_DOMAIN] = address_domain(j->u->rcpts[place].address);
    values.scope[SUSPEND_SENDER] = str_is_empty(j->m.sender) ? S("<>") : j->m.sender;
    values.scope[SUSPEND_SENDER_DOMAIN] = address_domain(j->m.sender);
    values.scope[SUSPEND_QUEUE] = j->u->queue;
    if (r != NULL) {
        values.scope[SUSPEND_ROUTE] = r->route->id;
        values.scope[SUSPEND_MX_SITE] = r->site;
    }
    if (host != NULL)
        values.scope[SUSPEND_MX] = host->name;
    if (from != NULL && from->family != IP_NONE)
        values.scope[SUSPEND_SOURCE_IP] = ip_text(&j->arena, from);
    return values;
}

static const struct suspension *ask(struct job *j, enum suspend_kind kind, enum suspend_stage stage,
        const struct suspend_values *values)
{
    const struct suspension *s =
            suspensions_find(&j->d->suspended.now, kind, stage, values, wall_ms());
    if (s != NULL)
        tell(j, s, values->scope[SUSPEND_MX]);
    return s;
}

static struct client_answer answer_of(struct job *j, const struct suspension *s)
{
    struct str scope = id_of(&j->arena, s);
    struct str text = arena_fmt(&j->arena, OUTCOME_SUSPENDED ": %.*s%s%.*s%s", ARG(s->reason),
            str_is_empty(s->reason) ? "" : " (", ARG(scope), str_is_empty(s->reason) ? "" : ")");
    return answer_temporary(CLIENT_CONNECT, FAILURE_CONNECTION, j->u->domain, S("4.4.1"), text);
}

// queue.md 13.3: it is looked at again, for somebody may lift it.
static int64_t until_of(const struct suspension *s)
{
    int64_t again = wall_ms() + SUSPEND_RECHECK_MS - (int64_t)(random_u64() % SPREAD_MS);
    return s->until_ms < again ? s->until_ms : again;
}

static void tell(struct job *j, const struct suspension *s, struct str host)
{
    struct suspended *all = &j->d->suspended;
    size_t place = (size_t)(s - all->now.all.at);
    if (all->told_at_ms == NULL ||
            (all->told_at_ms[place] != 0 && now_ms() < all->told_at_ms[place] + TELL_EVERY_MS))
        return;
    all->told_at_ms[place] = now_ms();
    event_in(&j->span, EV_DELIVERY_SUSPENDED, F_STR(id, id_of(&j->arena, s)),
            F_STR(domain, j->u->domain), F_STR(hostname, host), F_STR(reason, s->reason),
            F_TIME(due, until_of(s)));
}

// "domain=b.example mx-site=gmail": what an order is about names it.
static struct str id_of(struct arena *a, const struct suspension *s)
{
    struct str id = S("");
    for (size_t i = 0; i < SUSPEND_SCOPES; i++)
        if (!str_is_null(s->scope[i]))
            id = arena_fmt(a, "%.*s%s%.*s=%.*s", ARG(id), str_is_empty(id) ? "" : " ",
                    ARG(suspend_scope_name((enum suspend_scope)i)), ARG(s->scope[i]));
    return id;
}

// --- Orders of rules -----------------------------------------------------------------------------

struct order_task {
    struct arena arena;
    struct str path;
    const struct suspension *order;
    bool is_lifted;
    int64_t wall_now_ms;
    struct err result;
};

struct err suspended_order(struct deliverer *d, const struct suspension *order)
{
    return change_orders(d, order, false);
}

struct err suspended_lift(struct deliverer *d, const struct suspension *like)
{
    return change_orders(d, like, true);
}

static struct err change_orders(struct deliverer *d, const struct suspension *order, bool is_lifted)
{
    struct order_task task = {.path = d->in.suspensions_path,
            .order = order,
            .is_lifted = is_lifted,
            .wall_now_ms = wall_ms()};
    if (str_is_null(task.path))
        return OK;
    arena_init(&task.arena, ORDER_BYTES_MAX);
    struct err e = offload(order_work, &task);
    if (!failed(e) && failed(task.result))
        event(d->in.log, EV_STORE_ERROR, F_STR(path, task.path), F_ERR(reason, task.result));
    arena_done(&task.arena);
    TRY(e);
    dispatch_read_suspensions(d);
    return OK;
}

static void order_work(void *arg)
{
    struct order_task *task = arg;
    size_t count;
    if (task->is_lifted)
        task->result =
                suspensions_lift(&task->arena, task->path, task->order, task->wall_now_ms, &count);
    else
        task->result = suspensions_add(&task->arena, task->path, task->order, task->wall_now_ms);
}
