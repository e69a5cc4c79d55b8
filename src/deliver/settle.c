// SPDX-License-Identifier: Apache-2.0
// deliver/settle.c: what a job came to becomes what the store says, in one commit: statuses and
// next times, reports of delivery that are owed, messages for those whose address has moved on, or
// the message's end. A peer that has said 250 has the message, so this goes on until it is written
// down or the worker ends; then the attempt is made again by whoever comes next (queue.md 1.4).
#include "deliver/forward.h"
#include "deliver/measured.h"
#include "deliver/returned.h"
#include "deliver/sign.h"

#include "queue/queued.h"
#include "queue/store/body.h"

#define AGAIN_FIRST_MS (SECOND_MS)
#define AGAIN_MOST_MS (30 * SECOND_MS)

struct settling {
    struct job *j;
    VEC(struct message) news;  // reports, and messages that go on to others
    VEC(struct body *) bodies; // of the latter
    bool ends;                 // nobody of the message is pending any more
};

static struct err write_all(struct settling *s) suspends MUST_USE;
static struct err apply(struct job *j) suspends MUST_USE;
static void complete(struct job *j);
static struct err owe(struct settling *s) suspends MUST_USE;
static struct err report(
        struct settling *s, const struct dsn_rcpt *rcpts, size_t count) suspends MUST_USE;
static struct err compose(struct settling *s, const struct dsn_words *words,
        const struct dsn_rcpt *rcpts, size_t count, struct str to,
        bool last_resort) suspends MUST_USE;
static struct err enqueue(struct job *j, struct message *m) suspends MUST_USE;
static struct err send_on(struct settling *s) suspends MUST_USE;
static void forget_news(struct settling *s);
static struct err write_once(struct settling *s) suspends MUST_USE;
static struct err read_again(struct job *j, bool *out_gone) MUST_USE;
static bool others_are_final(const struct job *j);
static void remove_if_done(struct job *j) suspends;
static void tell(const struct settling *s);
static void take_stored(struct recipient *stored, struct tried *t);
static void tell_hold(const struct job *j);
static void tell_arrivals(const struct job *j);
static void tell_rcpt(const struct job *j, size_t place);

int64_t job_write_down(struct job *j)
{
    struct settling s = {.j = j};
    int64_t pause_ms = AGAIN_FIRST_MS;
    struct err e = write_all(&s);
    while (failed(e) && e.kind != ERR_CANCELLED && e.kind != ERR_LIMIT) {
        bool gone = false;
        event(j->d->in.log, EV_STORE_ERROR, F_ERR(reason, e));
        e = task_sleep_ms(pause_ms);
        pause_ms = pause_ms * 2 > AGAIN_MOST_MS ? AGAIN_MOST_MS : pause_ms * 2;
        forget_news(&s);
        if (!failed(e))
            e = read_again(j, &gone);
        if (gone) {
            tell_arrivals(j);
            e = fail(ERR_CANCELLED, "somebody has removed the message");
        }
        if (!failed(e))
            e = write_all(&s);
    }
    if (!failed(e))
        tell(&s);
    forget_news(&s);
    if (failed(e))
        return JOB_UNSETTLED;
    if (j->d->in.quota != NULL)
        quota_release(j->d->in.quota, &j->before, s.ends ? NULL : &j->m);
    if (s.ends)
        return NEVER_MS;
    remove_if_done(j);
    return j->u->due_ms;
}

static struct err write_all(struct settling *s)
{
    TRY(apply(s->j));
    TRY(owe(s));
    TRY(send_on(s));
    return write_once(s);
}

// --- The recipients ------------------------------------------------------------------------------

static struct err apply(struct job *j)
{
    struct unit *u = j->u;
    struct schedule_verdict *verdicts =
            arena_array(&j->arena, u->rcpt_count, struct schedule_verdict);
    struct schedule_job job = {.settings = j->d->in.schedules,
            .message = &j->m,
            .wall_now_ms = wall_ms(),
            .doubted_until_ms = clocked_look(j->d),
            .random = random_u64(),
            .outside = &j->outside,
            .arena = &j->arena};
    if (verdicts == NULL)
        return fail(ERR_LIMIT, "no memory to settle a delivery");
    for (size_t i = 0; i < u->rcpt_count; i++)
        if (j->tried[i].is_settled)
            verdicts[i] = j->tried[i].verdict;
    complete(j);
    TRY(schedule_after(&job, u, verdicts));
    job_classify(j);
    if (!str_is_null(job.unknown))
        event(j->d->in.log, EV_SMTP_ID_NOT_FOUND, F_STR(id, job.unknown),
                F_STR(details, S("queue.schedule")));
    if (j->is_held) {
        const struct hold hold = {.reason = HOLD_ROUTE,
                .text = S("the route holds what comes"),
                .by = S("queue.route"),
                .since_ms = job.wall_now_ms};
        unit_hold(u, &hold, j->m.created_ms);
    }
    if (j->hold.reason != HOLD_NONE)
        unit_hold(u, &j->hold, j->m.created_ms);
    return OK;
}

// Which report a success owes is known now, and stays in the recipient's flags.
static void complete(struct job *j)
{
    for (size_t i = 0; i < j->u->rcpt_count; i++) {
        const struct tried *t = &j->tried[i];
        if (!t->is_settled || t->verdict.verdict != VERDICT_GOOD)
            continue;
        struct recipient as_completed = j->u->rcpts[i];
        as_completed.status = RCPT_COMPLETED;
        dsn_completed(&as_completed, t->hop, t->by_owed);
        j->u->rcpts[i].flags = as_completed.flags;
    }
}

// --- Reports of delivery -------------------------------------------------------------------------

static struct err owe(struct settling *s)
{
    struct job *j = s->j;
    struct dsn_rcpt *owed = arena_array(&j->arena, j->u->rcpt_count, struct dsn_rcpt);
    size_t count = 0;
    if (owed == NULL)
        return fail(ERR_LIMIT, "no memory for a report of delivery");
    for (size_t i = 0; i < j->u->rcpt_count; i++) {
        struct recipient *r = &j->u->rcpts[i];
        bool mark = (j->look.of_rcpt[i] & (LOOK_DELAY_NOTICE | LOOK_BY_NOTICE)) != 0;
        enum dsn_action action = dsn_due(r, mark);
        if (j->tried[i].is_silent && rcpt_is_final(r))
            r->flags |= RCPT_SILENT; // nor later, when others of the unit are looked at
        if (action == DSN_NONE || j->tried[i].is_silent)
            continue;
        owed[count++] = (struct dsn_rcpt){.rcpt = r, .action = action};
        dsn_mark(r, action);
    }
    if (count > 0)
        TRY(report(s, owed, count));
    return OK;
}

static struct err report(struct settling *s, const struct dsn_rcpt *rcpts, size_t count)
{
    struct job *j = s->j;
    struct dsn_words words;
    struct queue_env env = {.message = &j->m, .wall_now_ms = wall_ms(), .outside = &j->outside};
    TRY(dsn_words_make(j->d->in.dsn, &j->arena, &env, &j->span, &words));
    for (size_t i = 0; i < count; i++)
        dsn_tell(&j->span, &j->m, &rcpts[i]);
    switch (dsn_fate_of(j->d->in.dsn, j->d->dsn_rates, &j->m, &words, wall_ms())) {
    case DSN_FATE_SEND:
        TRY(compose(s, &words, rcpts, count, j->m.sender, false));
        for (size_t i = 0; dsn_any_failed(rcpts, count) && i < words.copy_count; i++)
            TRY(compose(s, &words, rcpts, count, words.copies[i], false));
        break;
    case DSN_FATE_DOUBLE_BOUNCE:
        if (!dsn_any_failed(rcpts, count))
            break;
        dsn_tell_double_bounce(&j->span, &j->m, rcpts, count);
        if (!str_is_empty(words.double_bounce_to))
            TRY(compose(s, &words, rcpts, count, words.double_bounce_to, true));
        break;
    case DSN_FATE_NEVER:
    case DSN_FATE_OFF:
        break;
    case DSN_FATE_RATE: {
        uint64_t suppressed = dsn_rates_suppressed(j->d->dsn_rates, wall_ms());
        if (suppressed > 0)
            event_in(&j->span, EV_DELIVERY_DSN_SUPPRESSED, F_STR(to, j->m.sender),
                    F_U64(total, suppressed));
        break;
    }
    }
    return OK;
}

static struct err compose(struct settling *s, const struct dsn_words *words,
        const struct dsn_rcpt *rcpts, size_t count, struct str to, bool last_resort)
{
    struct job *j = s->j;
    struct message_reader *original AUTO(message_auto_close) = NULL;
    const struct message_reading how = {0};
    struct message *notice = vec_add(&j->arena, &s->news);
    if (notice == NULL)
        return fail(ERR_LIMIT, "no memory for a report of delivery");
    struct err e = j->has_no_body ? fail(ERR_IO, "the message cannot be returned without its body")
                                  : message_open(j->d->in.store, &j->arena, &j->m, &how, &original);
    if (e.kind == ERR_CANCELLED)
        return e;
    const struct dsn_report report = {.about = &j->m,
            .rcpts = rcpts,
            .rcpt_count = count,
            .to = to,
            .last_resort = last_resort,
            .id = store_new_id(j->d->in.store),
            .random = {random_u64(), random_u64()},
            .wall_now_ms = wall_ms(),
            .offset_min = local_offset_min(wall_ms())};
    TRY(dsn_compose(&j->arena, j->d->in.dsn, words, &report, failed(e) ? NULL : original, notice));
    TRY(job_sign_notice(j, notice));
    return enqueue(j, notice);
}

// To those who have taken the place of a recipient.
static struct err send_on(struct settling *s)
{
    struct job *j = s->j;
    for (size_t i = 0; i < j->u->rcpt_count; i++) {
        struct forward f = {.was = &j->before.units[j->u - j->m.units].rcpts[i],
                .at = j->tried[i].forward_to,
                .count = j->tried[i].forward_count};
        for (size_t taken = 0; f.count > 0; f.at += taken, f.count -= taken) {
            struct message *m = vec_add(&j->arena, &s->news);
            struct body **body = vec_add(&j->arena, &s->bodies);
            if (m == NULL || body == NULL)
                return fail(ERR_LIMIT, "no memory to forward a message");
            TRY(forward_compose(j, &f, m, body, &taken));
            TRY(enqueue(j, m));
        }
    }
    return OK;
}

// Bodies that were committed belong to the store, and stay.
static void forget_news(struct settling *s)
{
    each_in_vec (body, &s->bodies)
        body_free(*body);
    s->bodies.count = s->news.count = 0;
}

// The times of a message of our own.
static struct err enqueue(struct job *j, struct message *m)
{
    struct schedule_job job = {.settings = j->d->in.schedules,
            .message = m,
            .wall_now_ms = m->created_ms,
            .random = random_u64(),
            .outside = &j->outside,
            .arena = &j->arena};
    for (size_t i = 0; i < m->unit_count; i++) {
        struct unit *u = &m->units[i];
        const struct schedule *schedule = NULL;
        for (size_t k = 0; k < u->rcpt_count; k++) {
            schedule = schedule_choose(&job, u, &u->rcpts[k], NULL);
            schedule_begin(schedule, m, &u->rcpts[k]);
        }
        schedule_begin_unit(schedule, m, u);
    }
    return OK;
}

// --- The commit ----------------------------------------------------------------------------------

static struct err write_once(struct settling *s)
{
    struct job *j = s->j;
    struct store_change *changes = arena_array(&j->arena, s->news.count + 1, struct store_change);
    size_t count = 0;
    if (changes == NULL)
        return fail(ERR_LIMIT, "no memory to settle a delivery");
    s->ends = unit_is_final(j->u) && others_are_final(j);
    changes[count++] = s->ends ? (struct store_change){.kind = STORE_REMOVE, .id = j->m.id}
                               : (struct store_change){.kind = STORE_UPDATE, .unit = j->u};
    each_in_vec (m, &s->news)
        changes[count++] = (struct store_change){.kind = STORE_ACCEPT, .message = m};
    struct err e = store_commit(j->d->in.store, &j->arena, changes, count);
    if (!failed(e) && !s->ends)
        j->u->version++;
    return e;
}

static bool others_are_final(const struct job *j)
{
    struct arena *scratch = &j->d->scratch;
    arena_reset(scratch);
    for (size_t i = 0; i < j->m.unit_count; i++) {
        struct unit now;
        const struct unit *u = &j->m.units[i];
        if (u == j->u)
            continue;
        if (failed(store_read_unit(j->d->in.store, scratch, j->m.id, u->number, &now)) ||
                !unit_is_final(&now))
            return false;
    }
    return true;
}

// Two units of a message may have ended at the same moment, each seeing the other pending: then
// whoever looks last finds that nobody is.
static void remove_if_done(struct job *j)
{
    if (!unit_is_final(j->u) || !others_are_final(j))
        return;
    const struct store_change removal = {.kind = STORE_REMOVE, .id = j->m.id};
    struct err e = store_commit(j->d->in.store, &j->arena, &removal, 1);
    if (failed(e))
        return; // the other one did it
    measure_done(j);
    event(j->d->in.log, EV_DELIVERY_COMPLETED, F_ID(queueId, j->m.id),
            F_MS(elapsed, wall_ms() - j->m.created_ms));
    if (j->d->in.quota != NULL)
        quota_release(j->d->in.quota, &j->m, NULL);
}

// After a commit that did not succeed: what is stored now, which may be somebody else's version of
// the unit, gets what happened to the recipients.
static struct err read_again(struct job *j, bool *out_gone)
{
    struct unit now;
    struct err e =
            store_read_unit(j->d->in.store, &j->arena, j->m.id, j->courier->carries->number, &now);
    *out_gone = e.kind == ERR_NOT_FOUND || (!failed(e) && now.rcpt_count != j->u->rcpt_count);
    TRY(e);
    const struct schedule_job job = {.settings = j->d->in.schedules,
            .message = &j->m,
            .wall_now_ms = j->wall_now_ms,
            .doubted_until_ms = clocked_look(j->d),
            .arena = &j->arena};
    *j->u = now;
    for (size_t i = 0; i < now.rcpt_count; i++)
        take_stored(&now.rcpts[i], &j->tried[i]);
    return schedule_look(&job, j->u, &j->look);
}

// Who has a final status in the store: it was written down, and nobody knew; or somebody has given
// him up while a host was taking the message. What really happened wins (queue.md 13.8).
static void take_stored(struct recipient *stored, struct tried *t)
{
    bool has_arrived = t->is_settled && t->verdict.verdict == VERDICT_GOOD;
    if (!rcpt_is_final(stored))
        return;
    if (has_arrived && stored->status == RCPT_PERM_FAILED) {
        stored->status = RCPT_SCHEDULED;
        stored->flags &= ~(uint32_t)RCPT_SILENT;
        return;
    }
    t->is_settled = false;
    t->forward_count = 0;
}

// --- What there is to tell -----------------------------------------------------------------------

static void tell(const struct settling *s)
{
    const struct job *j = s->j;
    for (size_t i = 0; i < j->u->rcpt_count; i++)
        if (j->tried[i].is_settled || (j->look.of_rcpt[i] & LOOK_EXPIRED) != 0)
            tell_rcpt(j, i);
    tell_hold(j);
    for (size_t i = 0; i < s->news.count; i++)
        message_tell_queued(&j->span, &s->news.at[i]);
    if (s->ends)
        measure_done(j);
    if (s->ends)
        event(j->d->in.log, EV_DELIVERY_COMPLETED, F_ID(queueId, j->m.id),
                F_MS(elapsed, wall_ms() - j->m.created_ms));
    else if (!unit_is_final(j->u))
        event(j->d->in.log, EV_QUEUE_RESCHEDULED, F_ID(queueId, j->m.id),
                F_STR(domain, j->u->domain), F_TIME(due, j->u->due_ms));
}

// A hold that has ended by itself.
static void tell_hold(const struct job *j)
{
    const struct unit *before = &j->before.units[j->u - j->m.units];
    struct str from = str_is_empty(j->m.sender) ? S("<>") : j->m.sender;
    if (j->look.released)
        event_in(&j->span, EV_QUEUE_RELEASED, F_ID(queueId, j->m.id), F_STR(domain, j->u->domain),
                F_STR(from, from));
    if (j->look.discarded)
        event_in(&j->span, EV_QUEUE_QUARANTINE_EXPIRED, F_ID(queueId, j->m.id),
                F_STR(domain, j->u->domain), F_STR(from, from), F_U64(total, before->rcpt_count),
                F_STR(reason, before->hold.text));
}

// Of a message that was removed while it was sent.
static void tell_arrivals(const struct job *j)
{
    for (size_t i = 0; i < j->u->rcpt_count; i++)
        if (j->tried[i].is_settled && j->u->rcpts[i].status == RCPT_COMPLETED)
            tell_rcpt(j, i);
}

static void tell_rcpt(const struct job *j, size_t place)
{
    const struct recipient *r = &j->u->rcpts[place];
    const struct outcome *o = &r->last;
    struct deliver_figures *figures = &j->d->figures;
    measure_settled(j, place);
    if (rcpt_is_final(r)) {
        suppressed_note(j, place);
        returned_note(j, place);
    }
    if (r->status == RCPT_COMPLETED) {
        figures->delivered++;
        event_in(&j->span, EV_DELIVERY_DELIVERED, F_STR(to, r->address), F_STR(hostname, o->host),
                F_U64(code, o->code), F_STR(details, o->text),
                F_MS(elapsed, wall_ms() - j->m.created_ms), F_U64(attempt, r->retry_count + 1),
                F_STR(policy, j->tried[place].tls));
        return;
    }
    bool is_final = r->status == RCPT_PERM_FAILED;
    figures->failed += is_final;
    if (is_final)
        job_bounced(j, place);
    figures->deferred += !is_final;
    event_in(&j->span, EV_DELIVERY_FAILED, F_STR(to, r->address), F_STR(hostname, o->entity),
            F_U64(code, o->code), F_STR(details, o->text), F_STR(bounceClass, o->bounce_class),
            F_STR(reason, is_final ? S("permanent") : S("temporary")),
            F_TIME(nextRetry, is_final ? 0 : r->retry_at_ms), F_U64(attempt, r->retry_count));
}
