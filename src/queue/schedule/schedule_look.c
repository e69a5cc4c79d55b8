// SPDX-License-Identifier: Apache-2.0
// queue/schedule/schedule_look.c: a unit is due: whose time is over, which delay marks have passed,
// who is to be tried (queue.md 7, steps 2 to 5; 8.2; 8.3).
#include "queue/schedule/schedule_parts.h"

#define MARK_BEFORE_END_MS MINUTE_MS // a mark so near to the end is skipped, queue.md 8.2

static void end_hold(const struct schedule_job *job, struct unit *u, struct schedule_look *out);
static void discard(const struct schedule_job *job, struct unit *u);
static struct err look_at(
        const struct schedule_job *job, struct unit *u, size_t place, uint8_t *out) MUST_USE;
static bool is_over(const struct recipient *r, int64_t created_ms, int64_t clock_ms);
static bool deserves_attempt(
        const struct message *m, const struct unit *u, const struct recipient *r);
static uint8_t pass_marks(
        const struct schedule *s, const struct message *m, struct recipient *r, int64_t clock_ms);

struct err schedule_look(const struct schedule_job *job, struct unit *u, struct schedule_look *out)
{
    *out = (struct schedule_look){.of_rcpt = arena_array(job->arena, u->rcpt_count + 1, uint8_t)};
    if (out->of_rcpt == NULL)
        return fail(ERR_LIMIT, "no memory to look at a unit");
    end_hold(job, u, out);
    out->is_held = u->hold.reason != HOLD_NONE;
    for (size_t i = 0; i < u->rcpt_count; i++) {
        struct recipient before = u->rcpts[i];
        if (rcpt_is_final(&before))
            continue;
        TRY(look_at(job, u, i, &out->of_rcpt[i]));
        out->expired_count += (out->of_rcpt[i] & LOOK_EXPIRED) != 0;
        out->notice_count += (out->of_rcpt[i] & LOOK_DELAY_NOTICE) != 0;
        out->try_count += (out->of_rcpt[i] & LOOK_TRY) != 0;
        out->changed |= u->rcpts[i].status != before.status ||
                        u->rcpts[i].notify_count != before.notify_count;
    }
    int64_t due_ms = unit_next_due_after(u, job->message->created_ms, job->doubted_until_ms);
    out->changed |= due_ms != u->due_ms;
    u->due_ms = due_ms;
    return OK;
}

static void end_hold(const struct schedule_job *job, struct unit *u, struct schedule_look *out)
{
    int64_t until_ms = u->hold.until_ms;
    bool is_doubted = job->doubted_until_ms > job->wall_now_ms;
    if (until_ms == 0 || until_ms > job->wall_now_ms ||
            (u->hold.reason == HOLD_QUARANTINE && is_doubted))
        return;
    out->changed = true;
    if (u->hold.reason == HOLD_QUARANTINE) {
        discard(job, u);
        out->discarded = true;
        return;
    }
    if (u->hold.reason == HOLD_FUTURE_RELEASE)
        u->hold = (struct hold){0};
    else
        (void)unit_release(u, job->message->created_ms, until_ms);
    out->released = u->hold.reason == HOLD_NONE;
}

// queue.md 2.10: nobody has wanted it, and nobody is told.
static void discard(const struct schedule_job *job, struct unit *u)
{
    for (size_t i = 0; i < u->rcpt_count; i++) {
        if (rcpt_is_final(&u->rcpts[i]))
            continue;
        rcpt_cancel(&u->rcpts[i], CANCEL_SILENTLY, job->wall_now_ms);
        u->rcpts[i].last.text = S("the time in quarantine is over");
    }
}

static struct err look_at(
        const struct schedule_job *job, struct unit *u, size_t place, uint8_t *out)
{
    const struct message *m = job->message;
    struct recipient *r = &u->rcpts[place];
    int64_t clock_ms = rcpt_clock_ms(u, r, m->created_ms, job->wall_now_ms);
    bool held = u->hold.reason != HOLD_NONE, doubted = job->doubted_until_ms > job->wall_now_ms;
    if (is_over(r, m->created_ms, doubted ? INT64_MIN : clock_ms)) {
        *out = deserves_attempt(m, u, r) ? LOOK_TRY : LOOK_EXPIRED;
        return *out == LOOK_TRY ? OK : schedule_expire(job->arena, m, r, job->wall_now_ms);
    }
    if (!doubted)
        *out = pass_marks(schedule_of_unit(job->settings, u), m, r, clock_ms);
    if (!held && r->retry_at_ms <= job->wall_now_ms)
        *out |= LOOK_TRY;
    return OK;
}

static bool is_over(const struct recipient *r, int64_t created_ms, int64_t clock_ms)
{
    bool enough = r->expiry == EXPIRY_ATTEMPTS && r->retry_count >= r->expiry_attempts;
    return enough || clock_ms >= rcpt_expires_at_ms(r, created_ms);
}

// queue.md 8.3: a long outage is not the sender's fault. What only limits of ours have kept back
// was never tried.
static bool deserves_attempt(
        const struct message *m, const struct unit *u, const struct recipient *r)
{
    bool tried =
            r->retry_count > 0 || (r->status == RCPT_TEMP_FAILED && r->last.kind != FAILURE_RATE &&
                                          r->last.kind != FAILURE_CONCURRENCY);
    return !tried && u->hold.reason == HOLD_NONE && (m->flags & MESSAGE_BY_RETURN) == 0;
}

// queue.md 8.2. Those missed while nobody looked are one; the next mark is the first that has not
// come yet.
static uint8_t pass_marks(
        const struct schedule *s, const struct message *m, struct recipient *r, int64_t clock_ms)
{
    int64_t end_ms = rcpt_expires_at_ms(r, m->created_ms), mark_ms = r->notify_at_ms;
    if (mark_ms > clock_ms)
        return 0;
    bool is_by = schedule_mark_is_by(m, r, r->notify_count);
    int64_t next_ms = schedule_mark_at_ms(s, m, r, ++r->notify_count);
    while (next_ms <= clock_ms) {
        mark_ms = next_ms;
        next_ms = schedule_mark_at_ms(s, m, r, ++r->notify_count);
    }
    r->notify_at_ms = next_ms;
    bool wanted = (r->flags & RCPT_NOTIFY_DELAY) != 0 && (r->flags & RCPT_NOTIFY_NEVER) == 0 &&
                  m->sender.len > 0;
    if (!wanted || (end_ms != NEVER_MS && mark_ms >= end_ms - MARK_BEFORE_END_MS))
        return 0;
    return (uint8_t)(LOOK_DELAY_NOTICE | (is_by ? LOOK_BY_NOTICE : 0));
}

// The last error tells more than that the time is over; DELIVERBY has a status of its own (RFC 2852
// 4.2, queue.md 9.2), which a reply's code must not contradict.
struct err schedule_expire(
        struct arena *a, const struct message *m, struct recipient *r, int64_t wall_now_ms)
{
    bool by_return = m->by_ms != 0 && (m->flags & MESSAGE_BY_RETURN) != 0;
    bool failed_before = r->status == RCPT_TEMP_FAILED && r->last.text.len > 0;
    struct outcome o = {.kind = FAILURE_IO,
            .entity = address_domain(r->address),
            .enhanced = by_return ? S("5.4.7") : S("4.4.7"),
            .text = S("expired before a delivery attempt could be made"),
            .at_ms = wall_now_ms};
    if (by_return) {
        o.text = S("the time that the sender has set for delivery is over");
        o.entity = failed_before ? r->last.entity : o.entity;
        if (failed_before)
            o.text = arena_fmt(a, "%.*s; last error: %.*s", ARG(o.text), ARG(r->last.text));
    }
    if (str_is_null(o.text))
        return fail(ERR_LIMIT, "no memory for an expired recipient");
    if (by_return || !failed_before)
        r->last = o;
    r->status = RCPT_PERM_FAILED;
    return OK;
}
