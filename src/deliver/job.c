// SPDX-License-Identifier: Apache-2.0
// deliver/job.c: what is to be done about a unit that is due (queue.md 7): end its hold, give up
// who has expired, count the marks for notices, and try those whose turn it is, by the route that
// each of them has. What came of it settle.c writes down.
#include "deliver/forward.h"

#include "deliver/local/local_answer.h"
#include "deliver/measured.h"
#include "deliver/probe.h"
#include "deliver/returned.h"

#define JOB_BYTES_MAX (64 * MIB)

static void begin_span(struct job *j);
static bool anything_changed(const struct job *j);
static bool begin(struct job *j) suspends;
static bool read_message(struct job *j) suspends;
static bool copy_before(struct job *j);
static void settle_without_body(struct job *j);
static struct err choose_routes(struct job *j) suspends MUST_USE;
static struct err choose_route(struct job *j, size_t place) suspends MUST_USE;
static struct err go(struct job *j, const struct route *route) suspends MUST_USE;
static struct err go_local(struct job *j, const struct route *route, struct carried *rcpts,
        size_t count) suspends MUST_USE;
static struct err resolve(struct job *j, const struct local_inputs *in, struct carried *rcpts,
        size_t *count) suspends MUST_USE;
static const struct carried *carried_to(
        const struct carried *rcpts, size_t count, struct str address);
static void settle_twins(struct job *j);
static void take_local(struct job *j, size_t place, const struct local_result *result);
static const struct passage *passage_of(struct job *j, const struct client_answer *answer);

int64_t job_run(struct courier *c)
{
    struct job j = {.courier = c, .d = c->deliverer};
    int64_t due_ms = JOB_UNSETTLED;
    arena_init(&j.arena, JOB_BYTES_MAX);
    c->went_well = true;
    c->refused = (struct outbound_refusal){0};
    if (begin(&j)) {
        measure_begin(&j);
        struct err e = OK;
        if (j.look.try_count > 0)
            e = job_attempt(&j);
        else
            begin_span(&j);
        // Given up in the middle: who has an answer has it, the others are found again.
        if (anything_changed(&j))
            due_ms = job_write_down(&j);
        else if (c->refused.by != NULL && !failed(e))
            due_ms = JOB_WAITS;
        c->went_well = !j.met_trouble && !failed(e);
    }
    if (c->connection != NULL)
        client_tell_to(c->connection->client, NULL);
    arena_done(&j.arena);
    return due_ms;
}

// Of what is told of recipients that are given up, or are owed a notice, without an attempt.
static void begin_span(struct job *j)
{
    span_begin(&j->span, j->d->in.log, EV_QUEUE_LOOK, F_ID(queueId, j->m.id),
            F_STR(queueName, j->u->queue), F_STR(domain, j->u->domain),
            F_STR(from, str_is_empty(j->m.sender) ? S("<>") : j->m.sender),
            F_U64(total, j->look.expired_count), F_U64(count, j->look.notice_count));
}

static bool anything_changed(const struct job *j)
{
    for (size_t i = 0; i < j->u->rcpt_count; i++)
        if (j->tried[i].is_settled)
            return true;
    return j->look.changed || j->is_held || j->hold.reason != HOLD_NONE || unit_is_final(j->u) ||
           dsn_is_owed(j->u);
}

static bool begin(struct job *j)
{
    struct deliverer *d = j->d;
    j->began_ms = now_ms();
    j->wall_now_ms = wall_ms();
    if (!read_message(j) || !copy_before(j))
        return false;
    job_look_around(j);
    j->tried = arena_array(&j->arena, j->u->rcpt_count, struct tried);
    const struct schedule_job job = {.settings = d->in.schedules,
            .message = &j->m,
            .wall_now_ms = j->wall_now_ms,
            .doubted_until_ms = clocked_look(d),
            .arena = &j->arena};
    if (j->tried == NULL || failed(schedule_look(&job, j->u, &j->look)))
        return false;
    for (size_t i = 0; i < j->u->rcpt_count; i++)
        j->tried[i].is_due = (j->look.of_rcpt[i] & LOOK_TRY) != 0;
    return true;
}

void job_look_around(struct job *j)
{
    const struct deliver_inputs *in = &j->d->in;
    j->around = (struct surroundings){.conf = in->settings->conf,
            .directories = in->directories,
            .resolver = in->resolver,
            .host = in->settings->host,
            .node = in->node};
    j->outside = surroundings_env(&j->around, in->settings->expression_wait_ms);
}

// A unit that is gone needs nothing; one that cannot be read is looked for again in some seconds,
// or leaves the queue, if its record is damaged. Without its body a message can still expire.
static bool read_message(struct job *j)
{
    const struct ready *r = j->courier->carries;
    struct store *store = j->d->in.store;
    struct err e = store_read(store, &j->arena, r->id, STORE_WITH_BODY, &j->m);
    if (failed(e)) {
        struct err head = store_read(store, &j->arena, r->id, STORE_WITHOUT_BODY, &j->m);
        j->has_no_body = !failed(head);
        if (j->has_no_body || head.kind != ERR_NOT_FOUND)
            event(j->d->in.log, EV_QUEUE_BLOB_NOT_FOUND, F_ID(queueId, r->id), F_ERR(reason, e));
        if (head.kind == ERR_SYNTAX || head.kind == ERR_NOT_FOUND)
            dispatch_note_lost(
                    j->d, &(struct due){.at_ms = r->due_ms, .id = r->id, .number = r->number});
        if (failed(head))
            return false;
    }
    for (size_t i = 0; i < j->m.unit_count && j->u == NULL; i++)
        if (j->m.units[i].number == r->number)
            j->u = &j->m.units[i];
    return j->u != NULL && j->u->due_ms <= j->wall_now_ms;
}

static bool copy_before(struct job *j)
{
    j->before = j->m;
    j->before.units = arena_array(&j->arena, j->m.unit_count, struct unit);
    struct recipient *rcpts = arena_array(&j->arena, j->u->rcpt_count, struct recipient);
    if (j->before.units == NULL || rcpts == NULL)
        return false;
    memcpy(j->before.units, j->m.units, j->m.unit_count * sizeof(struct unit));
    memcpy(rcpts, j->u->rcpts, j->u->rcpt_count * sizeof(struct recipient));
    j->before.units[j->u - j->m.units].rcpts = rcpts;
    return true;
}

// --- An attempt ----------------------------------------------------------------------------------

struct err job_attempt(struct job *j)
{
    struct deliverer *d = j->d;
    d->figures.attempts++;
    span_begin(&j->span, d->in.log, EV_DELIVERY_ATTEMPT_START, F_ID(queueId, j->m.id),
            F_STR(queueName, j->u->queue), F_STR(domain, j->u->domain),
            F_STR(from, str_is_empty(j->m.sender) ? S("<>") : j->m.sender),
            F_U64(total, j->look.try_count), F_U64(size, message_bytes(&j->m)),
            F_U64(attempt, j->u->rcpts[0].retry_count + 1));
    bool goes_on;
    if (ruled_unit(j) || suspended_unit(j))
        return OK;
    if (j->has_no_body) {
        settle_without_body(j);
        return OK;
    }
    struct err e = limit_sender(j, &goes_on);
    if (!failed(e) && goes_on)
        e = choose_routes(j);
    // One route after another: units whose recipients go different ways are few.
    for (size_t i = 0; i < j->u->rcpt_count && !failed(e); i++)
        if (j->tried[i].is_due && !j->tried[i].is_settled && !j->tried[i].waits &&
                j->tried[i].route != NULL && !job_is_to_end(j))
            e = go(j, j->tried[i].route);
    limit_sender_end(j);
    size_t good = 0, bad = 0;
    for (size_t i = 0; i < j->u->rcpt_count; i++) {
        good += j->tried[i].is_settled && j->tried[i].verdict.verdict == VERDICT_GOOD;
        bad += j->tried[i].is_settled && j->tried[i].verdict.verdict != VERDICT_GOOD;
    }
    measure_attempt(j);
    event_in(&j->span, EV_DELIVERY_ATTEMPT_END, F_MS(elapsed, now_ms() - j->began_ms),
            F_U64(totalSuccesses, good), F_U64(totalFailures, bad));
    return e;
}

// queue.md 3.5. It counts as an attempt: the disk may come back, and in the end it expires.
static void settle_without_body(struct job *j)
{
    struct client_answer why = answer_no_body();
    for (size_t i = 0; i < j->u->rcpt_count; i++)
        if (j->tried[i].is_due)
            job_settle(j, i, &why);
}

static struct err choose_routes(struct job *j)
{
    for (size_t i = 0; i < j->u->rcpt_count; i++)
        if (j->tried[i].is_due)
            TRY(choose_route(j, i));
    return OK;
}

static struct err choose_route(struct job *j, size_t place)
{
    const struct deliver_settings *s = j->d->in.settings;
    struct str name = j->u->route_override;
    if (str_is_empty(name)) {
        struct err e = job_strategy(j, S("queue.strategy.route"), s->route_of, place, NULL, &name);
        if (e.kind == ERR_CONFIG) {
            struct client_answer why = answer_temporary(CLIENT_CONNECT, FAILURE_IO, s->host,
                    S("4.3.5"), arena_str(&j->arena, err_text(e)));
            job_put_off(j, place, &why, j->wall_now_ms + JOB_LATER_MS);
            return OK;
        }
        TRY(e);
    }
    j->tried[place].route = route_named(s, name);
    if (j->tried[place].route != NULL)
        return OK;
    struct client_answer why = answer_temporary(CLIENT_CONNECT, FAILURE_IO, s->host, S("4.3.5"),
            arena_fmt(&j->arena, "route '%.*s' is not configured", ARG(name)));
    event_in(&j->span, EV_SMTP_ID_NOT_FOUND, F_STR(id, name), F_STR(details, S("queue.route")));
    job_settle(j, place, &why);
    return OK;
}

struct err job_strategy(struct job *j, struct str key, const struct expr_setting *setting,
        size_t place, const struct queue_host *host, struct str *out)
{
    struct queue_env self = {.message = &j->m,
            .unit = j->u,
            .rcpt = &j->u->rcpts[place],
            .host = host,
            .wall_now_ms = j->wall_now_ms,
            .outside = &j->outside};
    struct expr_env env = queue_expr_env(&self);
    struct expr_result r = expr_eval(setting, &env, &j->arena);
    if (task_cancelled())
        return fail(ERR_CANCELLED, "the delivery is given up");
    if (r.outcome == EXPR_FAILED) {
        event_in(&j->span, EV_EVAL_ERROR, F_STR(key, key), F_STR(reason, r.fault.cause));
        return fail_fmt(&j->arena, ERR_CONFIG, "%.*s cannot be evaluated: %.*s", ARG(key),
                ARG(r.fault.cause));
    }
    *out = r.outcome == EXPR_VALUE ? r.text : S("");
    return OK;
}

// All that are due and have this route.
static struct err go(struct job *j, const struct route *route)
{
    struct carried *rcpts = arena_array(&j->arena, j->u->rcpt_count, struct carried);
    size_t count = 0;
    if (rcpts == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    for (size_t i = 0; i < j->u->rcpt_count; i++)
        if (j->tried[i].is_due && !j->tried[i].is_settled && !j->tried[i].waits &&
                j->tried[i].route == route)
            rcpts[count++] = (struct carried){.place = i, .address = j->u->rcpts[i].address};
    if (suspended_route(j, route, rcpts, count))
        return OK;
    suppressed_leave(j, route, rcpts, &count);
    TRY(returned_read(j, rcpts, &count));
    if (count == 0)
        return OK;
    if (route->type == ROUTE_LOCAL && j->probe != NULL)
        return probe_local(j, rcpts, count);
    if (route->type == ROUTE_LOCAL)
        return go_local(j, route, rcpts, count);
    return remote_carry(j, route, rcpts, count);
}

// --- Those who stay ------------------------------------------------------------------------------

static struct err go_local(
        struct job *j, const struct route *route, struct carried *rcpts, size_t count)
{
    const struct local_inputs in = {.directories = j->d->in.directories,
            .rules = j->d->in.rules,
            .route = route,
            .store = j->d->in.store,
            .host = j->d->in.settings->host};
    if (route->store == LOCAL_LMTP) {
        TRY(resolve(j, &in, rcpts, &count));
        struct err e = count > 0 ? remote_carry(j, route, rcpts, count) : OK;
        settle_twins(j);
        return e;
    }
    size_t *places = arena_array(&j->arena, count, size_t);
    struct local_result *results = arena_array(&j->arena, count, struct local_result);
    if (places == NULL || results == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    for (size_t i = 0; i < count; i++)
        places[i] = rcpts[i].place;
    TRY(local_deliver(&in, &j->arena, &j->m, j->u, places, count, results));
    for (size_t i = 0; i < count; i++)
        take_local(j, places[i], &results[i]);
    return OK;
}

// Leaves those that go to the backend, with the addresses it knows.
static struct err resolve(
        struct job *j, const struct local_inputs *in, struct carried *rcpts, size_t *count)
{
    size_t left = 0;
    for (size_t i = 0; i < *count; i++) {
        struct local_result result;
        TRY(local_resolve(in, &j->arena, &j->u->rcpts[rcpts[i].place], &result));
        const struct carried *twin = carried_to(rcpts, left, result.lmtp);
        if (result.fate == LOCAL_FATE_MAILBOX && twin != NULL)
            j->tried[rcpts[i].place].twin_of = twin->place + 1;
        else if (result.fate == LOCAL_FATE_MAILBOX)
            rcpts[left++] = (struct carried){.place = rcpts[i].place, .address = result.lmtp};
        else
            take_local(j, rcpts[i].place, &result);
    }
    *count = left;
    return OK;
}

static const struct carried *carried_to(
        const struct carried *rcpts, size_t count, struct str address)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(rcpts[i].address, address))
            return &rcpts[i];
    return NULL;
}

// outbound.md 24: several addresses of a mailbox have one copy, and one answer.
static void settle_twins(struct job *j)
{
    for (size_t i = 0; i < j->u->rcpt_count; i++) {
        if (j->tried[i].twin_of == 0)
            continue;
        const struct tried *twin = &j->tried[j->tried[i].twin_of - 1];
        j->tried[i].is_settled = twin->is_settled;
        j->tried[i].waits = twin->waits;
        j->tried[i].verdict = twin->verdict;
        j->tried[i].hop = twin->hop;
        j->tried[i].tls = twin->tls;
    }
}

static void take_local(struct job *j, size_t place, const struct local_result *result)
{
    struct tried *t = &j->tried[place];
    switch (result->fate) {
    case LOCAL_FATE_ANSWERED:
    case LOCAL_FATE_MAILBOX:
        job_settle(j, place, &result->answer);
        t->hop = DSN_HOP_FINAL;
        break;
    case LOCAL_FATE_FORWARD:
        t->hop = DSN_HOP_FINAL;
        if (forward_is_loop(&j->m)) {
            struct client_answer why = local_answer_permanent(
                    CLIENT_EOD, S("5.4.6"), S("mail loops: it has been sent on too often"));
            job_settle(j, place, &why);
            break;
        }
        t->forward_to = result->targets;
        t->forward_count = result->target_count;
        job_settle(j, place, &result->answer);
        break;
    case LOCAL_FATE_HOLD:
        j->is_held = true;
        break;
    }
    if (result->is_our_fault)
        event_in(&j->span, EV_STORE_ERROR, F_STR(reason, result->answer.outcome.text));
}

// --- What became of a recipient ------------------------------------------------------------------

void job_settle(struct job *j, size_t place, const struct client_answer *answer)
{
    static const enum verdict verdicts[] = {[CLIENT_GOOD] = VERDICT_GOOD,
            [CLIENT_TEMPORARY] = VERDICT_TEMPORARY,
            [CLIENT_PERMANENT] = VERDICT_PERMANENT,
            [CLIENT_LOST] = VERDICT_TEMPORARY};
    struct tried *t = &j->tried[place];
    t->is_settled = true;
    t->verdict = (struct schedule_verdict){
            .verdict = verdicts[answer->verdict], .outcome = answer->outcome};
    t->verdict.outcome.at_ms = wall_ms();
    t->verdict.outcome.passage = passage_of(j, answer);
    bool is_final = t->verdict.verdict != VERDICT_TEMPORARY;
    if (is_final && j->settled_at_ms == 0)
        j->settled_at_ms = now_ms();
}

// NULL: no memory for it, which is nobody's loss.
static const struct passage *passage_of(struct job *j, const struct client_answer *answer)
{
    static const struct str stages[] = {[CLIENT_CONNECT] = S_INIT("connect"),
            [CLIENT_GREETING] = S_INIT("greeting"),
            [CLIENT_EHLO] = S_INIT("ehlo"),
            [CLIENT_TLS] = S_INIT("tls"),
            [CLIENT_AUTH] = S_INIT("auth"),
            [CLIENT_MAIL] = S_INIT("mail"),
            [CLIENT_RCPT] = S_INIT("rcpt"),
            [CLIENT_DATA] = S_INIT("data"),
            [CLIENT_EOD] = S_INIT("eod")};
    struct passage *p = arena_make(&j->arena, struct passage);
    if (p == NULL)
        return NULL;
    if (answer->outcome.passage != NULL)
        *p = *answer->outcome.passage;
    p->stage = stages[answer->stage];
    p->elapsed_ms = now_ms() - j->began_ms;
    return p;
}

// A transaction that was slow will not be the last such one.
bool job_is_to_end(const struct job *j)
{
    int64_t now = now_ms();
    return j->settled_at_ms != 0 &&
           (now - j->settled_at_ms >= JOB_TELLS_MS || now - j->sent_at_ms >= JOB_TELLS_MS);
}

void job_settle_after(
        struct job *j, size_t place, const struct client_answer *answer, int64_t retry_after_ms)
{
    job_settle(j, place, answer);
    if (retry_after_ms > 0 && j->tried[place].verdict.verdict == VERDICT_TEMPORARY)
        j->tried[place].verdict.until_ms = wall_ms() + retry_after_ms;
}

void job_settle_all(
        struct job *j, const struct carried *rcpts, size_t count, const struct client_answer *why)
{
    for (size_t i = 0; i < count; i++)
        job_settle(j, rcpts[i].place, why);
}

void job_put_off(struct job *j, size_t place, const struct client_answer *why, int64_t until_ms)
{
    job_settle(j, place, why);
    j->tried[place].verdict.verdict = VERDICT_SUSPENDED;
    j->tried[place].verdict.until_ms = until_ms;
}
