// SPDX-License-Identifier: Apache-2.0
// queue/unit.c: see unit.h.
#include "queue/unit.h"

static int64_t rcpt_ages(const struct recipient *r, int64_t created_ms, int64_t aging_from_ms);
static int64_t held_due(const struct unit *u, int64_t created_ms, int64_t aging_from_ms);
static int64_t stopped_ms(
        const struct unit *u, const struct recipient *r, int64_t created_ms, int64_t wall_now_ms);
static int64_t earlier(int64_t a, int64_t b);
static int64_t later(int64_t a, int64_t b);
static void rcpt_resume(
        struct recipient *r, int64_t stopped, int64_t created_ms, int64_t wall_now_ms);
static void hold_for_release(struct unit *u, int64_t created_ms, int64_t wall_now_ms);

static const struct str status_words[] = {[RCPT_SCHEDULED] = S_INIT("scheduled"),
        [RCPT_COMPLETED] = S_INIT("delivered"),
        [RCPT_TEMP_FAILED] = S_INIT("tempfail"),
        [RCPT_PERM_FAILED] = S_INIT("permfail")};

static const struct str reason_words[] = {[HOLD_NONE] = S_INIT(""),
        [HOLD_FUTURE_RELEASE] = S_INIT("future-release"),
        [HOLD_ROUTE] = S_INIT("route"),
        [HOLD_ADMIN] = S_INIT("admin"),
        [HOLD_CRASH] = S_INIT("crash"),
        [HOLD_QUARANTINE] = S_INIT("quarantine")};

int64_t unit_next_due(const struct unit *u, int64_t created_ms)
{
    return unit_next_due_after(u, created_ms, 0);
}

int64_t unit_next_due_after(const struct unit *u, int64_t created_ms, int64_t aging_from_ms)
{
    int64_t due = NEVER_MS;
    if (u->hold.reason != HOLD_NONE)
        return unit_is_final(u) ? NEVER_MS : held_due(u, created_ms, aging_from_ms);
    for (size_t i = 0; i < u->rcpt_count; i++) {
        const struct recipient *r = &u->rcpts[i];
        if (!rcpt_is_final(r))
            due = earlier(due, earlier(r->retry_at_ms, rcpt_ages(r, created_ms, aging_from_ms)));
    }
    return due;
}

// The next mark, or its end.
static int64_t rcpt_ages(const struct recipient *r, int64_t created_ms, int64_t aging_from_ms)
{
    return later(earlier(r->notify_at_ms, rcpt_expires_at_ms(r, created_ms)), aging_from_ms);
}

// When the hold ends, or, once the clocks run on in it, at the first mark or expiry.
static int64_t held_due(const struct unit *u, int64_t created_ms, int64_t aging_from_ms)
{
    int64_t due = u->hold.until_ms > 0 ? u->hold.until_ms : NEVER_MS;
    if (u->hold.reason == HOLD_QUARANTINE) // whose end is one for the message, too
        due = later(due, aging_from_ms);
    for (size_t i = 0; u->hold.clocks_at_ms != 0 && i < u->rcpt_count; i++) {
        const struct recipient *r = &u->rcpts[i];
        int64_t next = rcpt_ages(r, created_ms, 0);
        if (rcpt_is_final(r) || next == NEVER_MS)
            continue;
        next += stopped_ms(u, r, created_ms, u->hold.clocks_at_ms);
        due = earlier(due, later(later(next, u->hold.clocks_at_ms), aging_from_ms));
    }
    return due;
}

int64_t rcpt_expires_at_ms(const struct recipient *r, int64_t created_ms)
{
    if (r->expiry == EXPIRY_ATTEMPTS && r->expiry_ms == 0)
        return NEVER_MS;
    return created_ms + r->expiry_ms;
}

int64_t rcpt_clock_ms(
        const struct unit *u, const struct recipient *r, int64_t created_ms, int64_t wall_now_ms)
{
    return wall_now_ms - stopped_ms(u, r, created_ms, wall_now_ms);
}

// For how long the present hold has stopped its clock, which begins at its base.
static int64_t stopped_ms(
        const struct unit *u, const struct recipient *r, int64_t created_ms, int64_t wall_now_ms)
{
    int64_t since_ms = u->hold.since_ms, until_ms = wall_now_ms;
    switch (u->hold.reason) {
    case HOLD_NONE:
    case HOLD_FUTURE_RELEASE:
        return 0;
    case HOLD_QUARANTINE:
        since_ms = created_ms;
        break;
    case HOLD_ROUTE:
    case HOLD_ADMIN:
    case HOLD_CRASH:
        break;
    }
    if (u->hold.clocks_at_ms != 0)
        until_ms = earlier(until_ms, u->hold.clocks_at_ms);
    return later(0, until_ms - later(since_ms, created_ms + r->base_ms));
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

bool unit_is_final(const struct unit *u)
{
    for (size_t i = 0; i < u->rcpt_count; i++)
        if (!rcpt_is_final(&u->rcpts[i]))
            return false;
    return true;
}

int unit_priority(const struct unit *u)
{
    bool is_edited = u->edits != NULL && u->edits->has_priority;
    int priority = is_edited ? u->edits->priority : u->priority;
    if (priority > UNIT_PRIORITY_MOST) // records are bytes of a disk
        return UNIT_PRIORITY_MOST;
    return priority < -UNIT_PRIORITY_MOST ? -UNIT_PRIORITY_MOST : priority;
}

bool unit_hold(struct unit *u, const struct hold *hold, int64_t created_ms)
{
    if (unit_is_final(u) || u->hold.reason >= hold->reason)
        return false;
    u->hold = *hold;
    u->due_ms = unit_next_due(u, created_ms);
    return true;
}

bool unit_release(struct unit *u, int64_t created_ms, int64_t wall_now_ms)
{
    if (u->hold.reason == HOLD_NONE || u->hold.reason == HOLD_FUTURE_RELEASE)
        return false;
    for (size_t i = 0; i < u->rcpt_count; i++) {
        struct recipient *r = &u->rcpts[i];
        if (!rcpt_is_final(r))
            rcpt_resume(r, stopped_ms(u, r, created_ms, wall_now_ms), created_ms, wall_now_ms);
    }
    u->hold = (struct hold){0};
    hold_for_release(u, created_ms, wall_now_ms);
    u->due_ms = unit_next_due(u, created_ms);
    return true;
}

// The next attempt was waited for long enough, but for one that FUTURERELEASE keeps back.
static void rcpt_resume(
        struct recipient *r, int64_t stopped, int64_t created_ms, int64_t wall_now_ms)
{
    r->base_ms += stopped;
    r->retry_at_ms = earlier(r->retry_at_ms, later(wall_now_ms, created_ms + r->base_ms));
    if (r->notify_at_ms != NEVER_MS)
        r->notify_at_ms += stopped;
    if (r->expiry == EXPIRY_TTL || r->expiry_ms != 0)
        r->expiry_ms += stopped;
}

static void hold_for_release(struct unit *u, int64_t created_ms, int64_t wall_now_ms)
{
    int64_t until_ms = NEVER_MS;
    for (size_t i = 0; i < u->rcpt_count; i++)
        if (!rcpt_is_final(&u->rcpts[i]))
            until_ms = earlier(until_ms, created_ms + u->rcpts[i].base_ms);
    if (until_ms > wall_now_ms && until_ms != NEVER_MS)
        u->hold = (struct hold){
                .reason = HOLD_FUTURE_RELEASE, .since_ms = created_ms, .until_ms = until_ms};
}

bool unit_retry(struct unit *u, int64_t created_ms, int64_t at_ms)
{
    if (unit_is_final(u) || u->hold.reason > HOLD_FUTURE_RELEASE)
        return false;
    u->hold = (struct hold){0};
    for (size_t i = 0; i < u->rcpt_count; i++) {
        struct recipient *r = &u->rcpts[i];
        if (rcpt_is_final(r))
            continue;
        r->retry_at_ms = at_ms;
        bool fixed = (r->flags & RCPT_EXPIRY_FIXED) != 0;
        if (!fixed && rcpt_expires_at_ms(r, created_ms) <= at_ms) {
            r->expiry = EXPIRY_ATTEMPTS;
            r->expiry_ms = 0;
            r->expiry_attempts = r->retry_count + 1;
            r->flags |= RCPT_EXPIRY_FIXED;
        }
    }
    u->due_ms = unit_next_due(u, created_ms);
    return true;
}

// queue.md 2.4: cancelled is kind io, 5.7.0.
void rcpt_cancel(struct recipient *r, enum cancel_way way, int64_t wall_now_ms)
{
    r->status = RCPT_PERM_FAILED;
    r->flags |= way == CANCEL_SILENTLY ? RCPT_SILENT : 0;
    r->last = (struct outcome){.kind = FAILURE_IO,
            .entity = S("localhost"),
            .enhanced = S("5.7.0"),
            .text = S("Delivery canceled."),
            .at_ms = wall_now_ms};
}

struct str rcpt_status_word(enum rcpt_status status)
{
    return status_words[status];
}

struct str hold_reason_word(enum hold_reason reason)
{
    return reason_words[reason];
}

bool hold_reason_find(struct str word, enum hold_reason *out)
{
    for (size_t i = HOLD_FUTURE_RELEASE; i < COUNT_OF(reason_words); i++)
        if (str_eq(reason_words[i], word)) {
            *out = (enum hold_reason)i;
            return true;
        }
    return false;
}
