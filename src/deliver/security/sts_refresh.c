// SPDX-License-Identifier: Apache-2.0
// deliver/security/sts_refresh.c: policies are fetched anew while they still hold (RFC 8461 10.2),
// so that nobody can wait for one to expire and be in the way of the next fetch just then.
#include "deliver/security/sts_cache.h"

#include "rt/clock.h"
#include "rt/task.h"

#define LOOK_MS HOUR_MS           // between looks at what is due, or refresh_ms if that is less
#define USED_MS (7 * DAY_MS)      // outbound.md 16.4
#define LIST_BYTES_MAX (64 * MIB) // a quarter of a million domains and their files' names
#define ONE_BYTES_MAX MIB

static struct err refresh_due(const struct sts_inputs *in) suspends;
static struct err refresh(const struct sts_inputs *in, const struct sts_listed *one) suspends;

struct err sts_refresh_main(void *inputs)
{
    const struct sts_inputs *in = inputs;
    int64_t refresh_ms = in->cache->options.refresh_ms;
    while (!task_cancelled()) {
        TRY(task_sleep_ms(refresh_ms < LOOK_MS ? refresh_ms : LOOK_MS));
        struct err e = refresh_due(in);
        if (e.kind == ERR_CANCELLED)
            return e;
    }
    return OK;
}

// One after the other: there is no hurry. What fails is tried again at the next look, or later when
// it fails repeatedly; until then the policy of before holds.
static struct err refresh_due(const struct sts_inputs *in)
{
    struct sts_listed *all;
    size_t count;
    struct arena a AUTO(arena_done);
    arena_init(&a, LIST_BYTES_MAX);
    int64_t now = wall_ms();
    TRY(sts_file_list(in->cache, &a, now, &all, &count));
    for (size_t i = 0; i < count; i++) {
        bool is_due = all[i].fetched_ms <= now - in->cache->options.refresh_ms;
        if (!is_due || all[i].used_ms <= now - USED_MS)
            continue;
        struct err e = refresh(in, &all[i]);
        if (e.kind == ERR_CANCELLED)
            return e;
    }
    return OK;
}

// A domain that has taken its record back is left alone: its policy holds until it expires, and is
// not prolonged.
static struct err refresh(const struct sts_inputs *in, const struct sts_listed *one)
{
    struct sts_discovery record;
    struct arena a AUTO(arena_done);
    bool is_new;
    arena_init(&a, ONE_BYTES_MAX);
    struct sts_entry *entry AUTO(sts_entry_let_go_auto) = NULL;
    int64_t ends_ms = now_ms() + in->timeout_ms;
    TRY(sts_entry_hold(in->cache, one->domain, &entry));
    TRY(sts_recall(entry));
    TRY(sts_discover(in, &a, one->domain, ends_ms, &record));
    if (one->used_ms > entry->used_saved_ms) // by another worker
        entry->used_saved_ms = one->used_ms;
    if (record.found != STS_RECORD_FOUND && record.found != STS_RECORD_UNKNOWN)
        return OK;
    struct str id = record.found == STS_RECORD_FOUND ? record.id : one->id;
    return sts_renew(in, entry, id, STS_IN_ANY_CASE, ends_ms, &is_new);
}
