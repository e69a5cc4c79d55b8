// SPDX-License-Identifier: Apache-2.0
// queue/schedule/schedule_after.c: what an attempt makes of its recipients (queue.md 2.5, 8.1, 8.3,
// 8.4).
#include "queue/schedule/schedule_parts.h"

#define LIMITED_JITTER_MS 2000            // so that not all that waited come at once, queue.md 2.5
#define SUSPENDED_MAX_MS (15 * MINUTE_MS) // a suspension is looked at again, queue.md 2.5
#define HINT_LEAST_MS (30 * SECOND_MS)    // queue.md 8.1
#define HINT_MAX_S (DAY_MS / SECOND_MS)   // what says more is no time to wait

struct settling { // of one recipient
    struct schedule_job *job;
    struct unit *unit;
    struct recipient *rcpt;
    const struct schedule_verdict *verdict;
    const struct schedule *chosen; // of the first that failed temporarily; NULL: nobody yet
};

static struct err settle(struct settling *w) suspends MUST_USE;
static struct err settle_temporary(struct settling *w) suspends MUST_USE;
static struct err postpone(struct settling *w, int64_t until_ms) MUST_USE;
static void fail_for_now(struct settling *w);
static int64_t interval_after(
        const struct settling *w, const struct schedule *s, uint32_t failures_before);
static int64_t aligned(const struct schedule *s, int64_t at_ms);
static int64_t jittered(const struct schedule *s, int64_t interval_ms, uint64_t random);
static bool number_at(struct scan *in, uint64_t *out);
static int64_t unit_at(struct scan *in);

struct err schedule_after(
        struct schedule_job *job, struct unit *u, const struct schedule_verdict *verdicts)
{
    struct settling w = {.job = job, .unit = u};
    for (size_t i = 0; i < u->rcpt_count; i++) {
        w.rcpt = &u->rcpts[i];
        w.verdict = &verdicts[i];
        if (!rcpt_is_final(w.rcpt))
            TRY(settle(&w));
    }
    if (w.chosen != NULL) {
        u->schedule = w.chosen->id;
        u->queue = w.chosen->queue->id;
    }
    u->due_ms = unit_next_due_after(u, job->message->created_ms, job->doubted_until_ms);
    return OK;
}

static struct err settle(struct settling *w)
{
    struct recipient *r = w->rcpt;
    const struct schedule_verdict *v = w->verdict;
    int64_t now_ms = w->job->wall_now_ms;
    switch (v->verdict) {
    case VERDICT_NONE:
        break;
    case VERDICT_GOOD:
    case VERDICT_PERMANENT:
        r->status = v->verdict == VERDICT_GOOD ? RCPT_COMPLETED : RCPT_PERM_FAILED;
        r->last = v->outcome;
        if (r->last.at_ms == 0)
            r->last.at_ms = now_ms;
        break;
    case VERDICT_TEMPORARY:
        return settle_temporary(w);
    case VERDICT_LIMITED:
        fail_for_now(w);
        return postpone(w, v->until_ms + (int64_t)(w->job->random % (LIMITED_JITTER_MS + 1)));
    case VERDICT_SUSPENDED:
        if (r->status != RCPT_TEMP_FAILED)
            fail_for_now(w);
        return postpone(w,
                v->until_ms < now_ms + SUSPENDED_MAX_MS ? v->until_ms : now_ms + SUSPENDED_MAX_MS);
    case VERDICT_LATER:
        r->retry_at_ms = now_ms;
        break;
    }
    return OK;
}

// queue.md 8.4: the schedule may be another one now. The place in its list of waits is the number
// of failures, whatever list they were counted in.
static struct err settle_temporary(struct settling *w)
{
    struct schedule_job *job = w->job;
    struct recipient *r = w->rcpt;
    const struct schedule *present = schedule_of_unit(job->settings, w->unit);
    uint32_t before = r->retry_count;
    fail_for_now(w);
    r->retry_count++;
    const struct schedule *s = schedule_choose(job, w->unit, r, present);
    if (w->chosen == NULL)
        w->chosen = s;
    schedule_set_expiry(s, r);
    if (s != present)
        r->notify_at_ms = schedule_mark_at_ms(s, job->message, r, r->notify_count);
    if (r->expiry == EXPIRY_ATTEMPTS && r->retry_count >= r->expiry_attempts)
        return schedule_expire(job->arena, job->message, r, job->wall_now_ms);
    int64_t until_ms = w->verdict->until_ms;
    if (until_ms == 0)
        until_ms = aligned(s, job->wall_now_ms + interval_after(w, s, before));
    return postpone(w, until_ms);
}

// queue.md 18, 9: so that those who wait for one host become due together.
static int64_t aligned(const struct schedule *s, int64_t at_ms)
{
    int64_t beyond_ms = s->align_ms > 0 ? at_ms % s->align_ms : 0;
    return beyond_ms > 0 ? at_ms + s->align_ms - beyond_ms : at_ms;
}

static void fail_for_now(struct settling *w)
{
    w->rcpt->status = RCPT_TEMP_FAILED;
    w->rcpt->last = w->verdict->outcome;
    if (w->rcpt->last.at_ms == 0)
        w->rcpt->last.at_ms = w->job->wall_now_ms;
}

// Never beyond its end. Who had one attempt left after it is given up now (queue.md 8.3).
static struct err postpone(struct settling *w, int64_t until_ms)
{
    const struct message *m = w->job->message;
    struct recipient *r = w->rcpt;
    int64_t end_ms = rcpt_expires_at_ms(r, m->created_ms), now_ms = w->job->wall_now_ms;
    bool is_over = now_ms >= end_ms;
    if (is_over && w->job->doubted_until_ms <= now_ms)
        return schedule_expire(w->job->arena, m, r, now_ms);
    r->retry_at_ms = is_over || until_ms < end_ms ? until_ms : end_ms;
    return OK;
}

static int64_t interval_after(
        const struct settling *w, const struct schedule *s, uint32_t failures_before)
{
    size_t place = failures_before < s->retry_count ? failures_before : s->retry_count - 1;
    int64_t interval_ms = s->retry_ms[place];
    const struct outcome *o = &w->rcpt->last;
    uint64_t random = w->job->random;
    int64_t hint_ms = s->honor_retry_hint && failures_before == 0 && o->code / 100 == 4
                              ? retry_hint_ms(o->text)
                              : 0;
    if (hint_ms == 0)
        return jittered(s, interval_ms, random);
    hint_ms += SECOND_MS + (int64_t)(random % (9 * SECOND_MS + 1));
    if (hint_ms < HINT_LEAST_MS)
        hint_ms = HINT_LEAST_MS;
    return hint_ms < interval_ms ? hint_ms : interval_ms;
}

// The same for all recipients of a unit, so that they stay together.
static int64_t jittered(const struct schedule *s, int64_t interval_ms, uint64_t random)
{
    int64_t most_ms = interval_ms * s->jitter_percent / 100;
    if (most_ms == 0)
        return interval_ms;
    return interval_ms - most_ms + (int64_t)(random % (uint64_t)(2 * most_ms + 1));
}

// hint = ( "in" / "for" / "after" ) 1*SP 1*DIGIT *SP ( "s" / "min" / "hour" ... )
int64_t retry_hint_ms(struct str text)
{
    struct scan in = scan_over(text);
    struct str word;
    while (!scan_end(&in)) {
        scan_blanks(&in);
        if (!scan_while(&in, byte_is_alpha, &word)) {
            (void)scan_skip(&in, 1);
            continue;
        }
        bool leads = str_eq_nocase(word, S("in")) || str_eq_nocase(word, S("for")) ||
                     str_eq_nocase(word, S("after"));
        uint64_t number;
        struct scan ahead = in;
        if (!leads || !number_at(&ahead, &number))
            continue;
        int64_t unit_ms = unit_at(&ahead);
        if (unit_ms > 0 && (int64_t)number <= HINT_MAX_S * SECOND_MS / unit_ms)
            return (int64_t)number * unit_ms;
    }
    return 0;
}

static bool number_at(struct scan *in, uint64_t *out)
{
    return scan_blanks(in) > 0 && scan_u64(in, HINT_MAX_S, out) && *out > 0;
}

static int64_t unit_at(struct scan *in)
{
    static const struct {
        struct str word;
        int64_t ms;
    } units[] = {{S_INIT("s"), SECOND_MS}, {S_INIT("sec"), SECOND_MS}, {S_INIT("secs"), SECOND_MS},
            {S_INIT("second"), SECOND_MS}, {S_INIT("seconds"), SECOND_MS},
            {S_INIT("min"), MINUTE_MS}, {S_INIT("mins"), MINUTE_MS}, {S_INIT("minute"), MINUTE_MS},
            {S_INIT("minutes"), MINUTE_MS}, {S_INIT("hour"), HOUR_MS}, {S_INIT("hours"), HOUR_MS}};
    struct str word;
    scan_blanks(in);
    if (!scan_while(in, byte_is_alpha, &word))
        return 0;
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (str_eq_nocase(units[i].word, word))
            return units[i].ms;
    return 0;
}
