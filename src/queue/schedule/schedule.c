// SPDX-License-Identifier: Apache-2.0
// queue/schedule/schedule.c: which schedule a recipient has, and what it begins with (queue.md 4.3,
// 8, 9): its base, the first attempt, the first delay mark and its end. What time makes of it then
// stands in schedule_look.c, what an attempt makes of it in schedule_after.c.
#include "queue/schedule/schedule_parts.h"

static int64_t base_of_message(const struct message *m);
static bool has_by_mark(const struct message *m, const struct recipient *r);

const struct schedule *schedule_choose(struct schedule_job *job, const struct unit *u,
        const struct recipient *r, const struct schedule *present)
{
    static const struct unit none = {0};
    const struct schedule_settings *s = job->settings;
    struct queue_env inside = {.message = job->message,
            .unit = u != NULL ? u : &none,
            .rcpt = r,
            .wall_now_ms = job->wall_now_ms,
            .outside = job->outside};
    struct expr_env env = queue_expr_env(&inside);
    if (env.timeout_ms == 0)
        env.timeout_ms = s->expression_wait_ms;
    struct expr_result result = expr_eval(s->schedule_of, &env, job->arena);
    const struct schedule *fallback = schedule_named(s, S("default")), *found = NULL;
    switch (result.outcome) {
    case EXPR_FAILED:
        job->fault = result.fault;
        return present != NULL ? present : fallback;
    case EXPR_VALUE:
        found = schedule_named(s, result.text);
        break;
    case EXPR_NONE:
        result.text = S("");
        break;
    }
    if (found == NULL)
        job->unknown = result.text;
    return found != NULL ? found : fallback;
}

void schedule_begin(const struct schedule *s, const struct message *m, struct recipient *r)
{
    r->status = RCPT_SCHEDULED;
    r->retry_count = r->notify_count = 0;
    r->base_ms = base_of_message(m);
    r->retry_at_ms = m->created_ms + r->base_ms;
    if (m->by_ms != 0 && (m->flags & MESSAGE_BY_RETURN) != 0) { // RFC 2852 4.1.5
        r->expiry = EXPIRY_TTL;
        r->expiry_ms = m->by_ms - m->created_ms;
        r->expiry_attempts = 0;
        r->flags |= RCPT_EXPIRY_FIXED;
    }
    schedule_set_expiry(s, r);
    r->notify_at_ms = schedule_mark_at_ms(s, m, r, 0);
}

// queue.md 9.1: retry, marks and expiry count from the release.
static int64_t base_of_message(const struct message *m)
{
    return m->hold_until_ms > m->created_ms ? m->hold_until_ms - m->created_ms : 0;
}

void schedule_begin_unit(const struct schedule *s, const struct message *m, struct unit *u)
{
    u->schedule = s->id;
    u->queue = s->queue->id;
    u->priority = m->priority;
    u->hold = (struct hold){0};
    if (m->hold_until_ms > m->created_ms)
        u->hold = (struct hold){.reason = HOLD_FUTURE_RELEASE,
                .since_ms = m->created_ms,
                .until_ms = m->hold_until_ms};
    u->due_ms = unit_next_due(u, m->created_ms);
}

void schedule_rebind_unit(const struct schedule *s, const struct message *m, struct unit *u)
{
    u->schedule = s->id;
    u->queue = s->queue->id;
    for (size_t i = 0; i < u->rcpt_count; i++) {
        struct recipient *r = &u->rcpts[i];
        if (rcpt_is_final(r))
            continue;
        schedule_set_expiry(s, r);
        r->notify_at_ms = schedule_mark_at_ms(s, m, r, r->notify_count);
    }
    u->due_ms = unit_next_due(u, m->created_ms);
}

void schedule_set_expiry(const struct schedule *s, struct recipient *r)
{
    if ((r->flags & RCPT_EXPIRY_FIXED) != 0)
        return;
    r->expiry = s->expiry;
    switch (s->expiry) {
    case EXPIRY_TTL:
        r->expiry_ms = r->base_ms + s->expire_ms;
        r->expiry_attempts = 0;
        break;
    case EXPIRY_ATTEMPTS:
        r->expiry_ms = s->expire_max_ms > 0 ? r->base_ms + s->expire_max_ms : 0;
        r->expiry_attempts = s->attempts_max;
        break;
    }
}

int64_t schedule_mark_at_ms(
        const struct schedule *s, const struct message *m, const struct recipient *r, size_t number)
{
    int64_t base_at_ms = m->created_ms + r->base_ms;
    if (m->by_ms == 0 || (m->flags & MESSAGE_BY_NOTIFY) == 0 || !has_by_mark(m, r)) {
        bool only_first = m->by_ms != 0 && (m->flags & MESSAGE_BY_NOTIFY) != 0;
        size_t count = only_first && s->notify_count > 1 ? 1 : s->notify_count;
        return number < count ? base_at_ms + s->notify_ms[number] : NEVER_MS;
    }
    int64_t by_at_ms = schedule_by_at_ms(m, r), end_ms = rcpt_expires_at_ms(r, m->created_ms);
    if (number > 0)
        return NEVER_MS;
    if (by_at_ms > base_at_ms)
        return by_at_ms;
    return end_ms == NEVER_MS ? NEVER_MS : end_ms - (base_at_ms - by_at_ms);
}

bool schedule_mark_is_by(const struct message *m, const struct recipient *r, size_t number)
{
    return m->by_ms != 0 && (m->flags & MESSAGE_BY_NOTIFY) != 0 && number == 0 && has_by_mark(m, r);
}

// queue.md 9.2, of mode N: a time beyond the recipient's end never comes.
static bool has_by_mark(const struct message *m, const struct recipient *r)
{
    return schedule_by_at_ms(m, r) < rcpt_expires_at_ms(r, m->created_ms);
}

int64_t schedule_by_at_ms(const struct message *m, const struct recipient *r)
{
    return m->by_ms + (r->base_ms - base_of_message(m));
}

enum priority_band priority_band(int priority)
{
    if (priority >= 4)
        return PRIORITY_HIGH;
    return priority <= -4 ? PRIORITY_LOW : PRIORITY_NORMAL;
}
