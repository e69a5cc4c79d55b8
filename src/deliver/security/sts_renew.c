// SPDX-License-Identifier: Apache-2.0
// deliver/security/sts_renew.c: when a policy is fetched, who fetches it, and what is kept of it
// (outbound.md 16.2, 16.4). An entry's policy may be replaced whenever a task waits, so nobody
// looks at it across a wait.
#include "deliver/security/sts_cache.h"

#include "events/event.h"
#include "rt/clock.h"

#define FETCH_BYTES_MAX (2 * MIB) // DNS, head and text of an answer, and a reading of it
#define TURN_MS 250               // between looks whether another worker has brought it
#define USE_NOTED_MS (DAY_MS / 2) // so old may be what the disk says of the last use

static struct err wait_for_others(struct sts_entry *entry, int64_t ends_ms) suspends;
static struct err fetch_once(const struct sts_inputs *in, struct sts_entry *entry, struct str id,
        enum sts_renewal when, int64_t ends_ms) suspends;
static struct err await_turn(struct sts_entry *entry, struct str id, int64_t ends_ms,
        struct sts_turn *turn, struct arena *a, bool *out_taken) suspends;
static struct err fetch_now(const struct sts_inputs *in, struct sts_entry *entry, struct str id,
        enum sts_renewal when, int64_t ends_ms) suspends;
static struct err fetch_within(const struct sts_inputs *in, struct arena *a, struct str domain,
        int64_t ends_ms, struct sts_fetched *out) suspends;
static struct err learn(
        struct sts_entry *entry, struct arena *scratch, struct str id, struct sts_fetched *fetched);
static void tell(const struct sts_inputs *in, const struct sts_entry *entry,
        const struct sts_fetched *fetched, int64_t elapsed_ms);
static struct err recall(struct sts_entry *entry, struct arena *scratch) suspends;
static struct err save(
        const struct sts_inputs *in, struct sts_entry *entry, struct arena *scratch) suspends;
static bool is_current(const struct sts_entry *entry, struct str id);

int64_t sts_left_ms(int64_t ends_ms)
{
    int64_t left_ms = ends_ms - now_ms();
    return left_ms > 0 ? left_ms : 0;
}

struct err sts_renew(const struct sts_inputs *in, struct sts_entry *entry, struct str id,
        enum sts_renewal when, int64_t ends_ms, bool *out_is_new)
{
    uint64_t before = entry->fetches;
    TRY(wait_for_others(entry, ends_ms));
    *out_is_new = entry->fetches != before; // what is new for them is new for us
    if (*out_is_new || entry->busy || now_ms() < entry->retry_at_ms ||
            (when == STS_IF_CHANGED && is_current(entry, id)))
        return OK;
    entry->busy = true;
    struct err e = fetch_once(in, entry, id, when, ends_ms);
    entry->busy = false;
    waitq_wake_all(&entry->done); // after a cancellation one of them takes over
    *out_is_new = entry->fetches != before;
    return e;
}

// Until it ends, or our time: what was known before counts then.
static struct err wait_for_others(struct sts_entry *entry, int64_t ends_ms)
{
    struct err e = OK;
    while (entry->busy && !failed(e)) {
        within_ms(sts_left_ms(ends_ms));
        e = waitq_wait(&entry->done, "somebody else's fetch of an MTA-STS policy");
    }
    return e.kind == ERR_TIMEOUT && deadline_left_ms() > 0 ? OK : e;
}

static bool is_current(const struct sts_entry *entry, struct str id)
{
    return sts_entry_is_live(entry, wall_ms()) && str_eq(entry->known->id, id);
}

static struct err fetch_once(const struct sts_inputs *in, struct sts_entry *entry, struct str id,
        enum sts_renewal when, int64_t ends_ms)
{
    struct arena a AUTO(arena_done);
    struct sts_turn turn = {0};
    bool is_mine = true;
    arena_init(&a, FETCH_BYTES_MAX);
    struct err e = OK;
    if (when == STS_IF_CHANGED)
        e = await_turn(entry, id, ends_ms, &turn, &a, &is_mine);
    bool is_done = !is_mine || (when == STS_IF_CHANGED && is_current(entry, id));
    if (!failed(e) && !is_done)
        e = fetch_now(in, entry, id, when, ends_ms);
    sts_turn_give(&turn);
    return e;
}

// Other workers may be at it, or have done it. Those who wait look at the disk now and then.
static struct err await_turn(struct sts_entry *entry, struct str id, int64_t ends_ms,
        struct sts_turn *turn, struct arena *a, bool *out_taken)
{
    for (;;) {
        struct arena scratch AUTO(arena_done);
        arena_init(&scratch, FETCH_BYTES_MAX);
        TRY(sts_turn_take(entry->cache, a, entry->domain, turn, out_taken));
        TRY(recall(entry, &scratch)); // behind the one who had the turn before
        if (*out_taken || is_current(entry, id) || sts_left_ms(ends_ms) == 0)
            return OK;
        TRY(task_sleep_ms(TURN_MS));
    }
}

static struct err fetch_now(const struct sts_inputs *in, struct sts_entry *entry, struct str id,
        enum sts_renewal when, int64_t ends_ms)
{
    struct sts_fetched fetched;
    struct arena scratch AUTO(arena_done);
    int64_t since_ms = now_ms();
    arena_init(&scratch, FETCH_BYTES_MAX);
    TRY(fetch_within(in, &scratch, entry->domain, ends_ms, &fetched));
    if (fetched.fault == STS_FAULT_NONE)
        TRY(learn(entry, &scratch, id, &fetched));
    entry->fetches++;
    tell(in, entry, &fetched, now_ms() - since_ms);
    if (fetched.fault != STS_FAULT_NONE) {
        sts_entry_failed(entry, fetched.fault, fetched.why);
        return OK;
    }
    if (when == STS_IF_CHANGED)
        entry->used_saved_ms = wall_ms();
    return save(in, entry, &scratch);
}

static struct err fetch_within(const struct sts_inputs *in, struct arena *a, struct str domain,
        int64_t ends_ms, struct sts_fetched *out)
{
    struct err e;
    {
        within_ms(sts_left_ms(ends_ms));
        e = sts_fetch(in, a, domain, out);
    }
    if (e.kind != ERR_TIMEOUT || deadline_left_ms() == 0)
        return e;
    *out = (struct sts_fetched){.fault = STS_FAULT_FETCH,
            .why = S("the policy could not be fetched within the time for it")};
    return OK;
}

static struct err learn(
        struct sts_entry *entry, struct arena *scratch, struct str id, struct sts_fetched *fetched)
{
    struct sts_known known = {
            .domain = entry->domain, .id = id, .text = fetched->text, .fetched_ms = wall_ms()};
    struct err e = sts_entry_learn(entry, scratch, &known);
    if (e.kind != ERR_SYNTAX)
        return e;
    fetched->fault = STS_FAULT_POLICY;
    fetched->why = err_text(e);
    return OK;
}

static void tell(const struct sts_inputs *in, const struct sts_entry *entry,
        const struct sts_fetched *fetched, int64_t elapsed_ms)
{
    if (in->span == NULL)
        return;
    if (fetched->fault == STS_FAULT_NONE)
        event_in(in->span, EV_MTA_STS_POLICY_FETCH, F_STR(domain, entry->domain),
                F_STR(details, sts_mode_name(entry->known->policy.mode)),
                F_STR(reason, fetched->why), F_MS(elapsed, elapsed_ms));
    else if (fetched->fault == STS_FAULT_POLICY)
        event_in(in->span, EV_MTA_STS_INVALID_POLICY, F_STR(domain, entry->domain),
                F_STR(reason, fetched->why), F_MS(elapsed, elapsed_ms));
    else
        event_in(in->span, EV_MTA_STS_POLICY_FETCH_ERROR, F_STR(domain, entry->domain),
                F_STR(reason, fetched->why), F_MS(elapsed, elapsed_ms));
}

// --- The disk ------------------------------------------------------------------------------------

struct err sts_recall(struct sts_entry *entry)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, FETCH_BYTES_MAX);
    return entry->was_read ? OK : recall(entry, &scratch);
}

// The disk may have something newer than we, from another worker or an earlier life.
static struct err recall(struct sts_entry *entry, struct arena *scratch)
{
    struct sts_saved saved;
    struct err e = sts_file_read(entry->cache, scratch, entry->domain, &saved);
    if (failed(e) && e.kind != ERR_NOT_FOUND)
        return e;
    entry->was_read = true;
    if (failed(e))
        return OK;
    if (saved.used_ms > entry->used_saved_ms)
        entry->used_saved_ms = saved.used_ms;
    if (saved.known.fetched_ms > wall_ms()) // the clock was wrong: it must not hold for ever
        saved.known.fetched_ms = wall_ms();
    const struct sts_known *mine = entry->known;
    if (mine != NULL && (mine->fetched_ms > saved.known.fetched_ms ||
                                (mine->fetched_ms == saved.known.fetched_ms &&
                                        str_eq(mine->id, saved.known.id))))
        return OK; // the clock may stand still between two of them
    return sts_entry_learn(entry, scratch, &saved.known);
}

struct err sts_note_use(const struct sts_inputs *in, struct sts_entry *entry)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, FETCH_BYTES_MAX);
    if (wall_ms() - entry->used_saved_ms < USE_NOTED_MS)
        return OK;
    entry->used_saved_ms = wall_ms();
    return save(in, entry, &scratch);
}

// A disk that fails costs a fetch after the next start; mail goes on.
static struct err save(const struct sts_inputs *in, struct sts_entry *entry, struct arena *scratch)
{
    if (!sts_entry_is_live(entry, wall_ms()))
        return OK;
    struct sts_saved saved = {.known = *entry->known, .used_ms = entry->used_saved_ms};
    struct err e = sts_file_write(entry->cache, scratch, &saved);
    if (failed(e) && e.kind != ERR_CANCELLED && in->span != NULL)
        event_in(in->span, EV_STORE_ERROR, F_STR(path, entry->cache->options.folder),
                F_ERR(reason, e));
    return e.kind == ERR_CANCELLED ? e : OK;
}
