// SPDX-License-Identifier: Apache-2.0
// queue/space.c: looking at the disks, and judging what was seen.
#include "queue/space.h"

#include "rt/clock.h"
#include "rt/offload.h"

#define LOOK_AGAIN_MS SECOND_MS
#define TELL_AGAIN_MS MINUTE_MS
#define PLACES 2
#define ARENA_BYTES (16 * KIB)
#define NEVER INT64_MIN

struct place {
    struct str path, store_id;
    struct space_limits least;
    struct disk_space seen;
    bool known, low;
    int64_t told_at_ms; // that it is low
};

struct space_guard {
    struct place places[PLACES];
    const struct space_faults *faults;
    struct event_log *log;
    int64_t looked_at_ms;
    bool looking;
};

// What the helper thread fills in.
struct look {
    struct str paths[PLACES];
    struct disk_space seen[PLACES];
    bool known[PLACES];
};

static void look(struct space_guard *g) suspends;
static void look_work(void *arg);
static void judge(struct space_guard *g, struct place *p);
static uint64_t least_bytes(const struct place *p);
static bool is_below(uint64_t free, uint64_t least, bool low);

struct space_guard *space_guard_new(const struct queue_settings *settings, struct event_log *log,
        const struct space_faults *faults)
{
    struct space_guard *g = mem_new(struct space_guard);
    if (g == NULL)
        return NULL;
    const struct queue_folder *folders[PLACES] = {&settings->records, &settings->bodies};
    *g = (struct space_guard){.faults = faults, .log = log, .looked_at_ms = NEVER};
    for (size_t i = 0; i < PLACES; i++)
        g->places[i] = (struct place){.path = folders[i]->path,
                .store_id = folders[i]->store_id,
                .least = folders[i]->space,
                .told_at_ms = NEVER};
    return g;
}

void space_guard_free(struct space_guard *g)
{
    assert(g == NULL || !g->looking);
    mem_free(g);
}

bool space_fits(struct space_guard *g, uint64_t bytes)
{
    if (g->faults != NULL && g->faults->full)
        return false;
    if (!g->looking && (g->looked_at_ms == NEVER || now_ms() - g->looked_at_ms >= LOOK_AGAIN_MS))
        look(g);
    for (size_t i = 0; i < PLACES; i++) {
        const struct place *p = &g->places[i];
        if (p->low)
            return false;
        if (p->known && p->seen.free_bytes - least_bytes(p) < bytes && least_bytes(p) > 0)
            return false;
    }
    return true;
}

bool space_is_low(const struct space_guard *g)
{
    bool low = g->faults != NULL && g->faults->full;
    for (size_t i = 0; i < PLACES; i++)
        low |= g->places[i].low;
    return low;
}

// Others may ask while the thread looks: they find the places as they were.
static void look(struct space_guard *g)
{
    struct look l = {0};
    for (size_t i = 0; i < PLACES; i++)
        l.paths[i] = g->places[i].path;
    g->looking = true;
    struct err e = OK;
    if (g->faults != NULL && g->faults->instead != NULL)
        for (size_t i = 0; i < PLACES; i++) {
            l.seen[i] = *g->faults->instead;
            l.known[i] = true;
        }
    else
        e = offload(look_work, &l);
    g->looking = false;
    g->looked_at_ms = now_ms();
    for (size_t i = 0; i < PLACES && !failed(e); i++) {
        g->places[i].seen = l.seen[i];
        g->places[i].known = l.known[i];
        judge(g, &g->places[i]);
    }
}

static void look_work(void *arg)
{
    struct look *l = arg;
    for (size_t i = 0; i < PLACES; i++) {
        struct arena a;
        arena_init(&a, ARENA_BYTES);
        l->known[i] = !failed(disk_space(&a, l->paths[i], &l->seen[i]));
        arena_done(&a);
    }
}

static void judge(struct space_guard *g, struct place *p)
{
    bool was_low = p->low;
    uint64_t least = least_bytes(p);
    bool few_inodes = p->seen.total_inodes > 0 &&
                      is_below(p->seen.free_inodes, p->least.free_inodes_min, was_low);
    p->low = p->known && (is_below(p->seen.free_bytes, least, was_low) || few_inodes);
    if (p->low && (!was_low || g->looked_at_ms - p->told_at_ms >= TELL_AGAIN_MS)) {
        p->told_at_ms = g->looked_at_ms;
        if (g->log != NULL)
            event(g->log, EV_STORE_LOW_SPACE, F_STR(id, p->store_id), F_STR(path, p->path),
                    F_U64(size, p->seen.free_bytes), F_U64(limit, least),
                    F_U64(total, p->seen.free_inodes));
    }
    if (was_low && !p->low && g->log != NULL)
        event(g->log, EV_STORE_SPACE_BACK, F_STR(id, p->store_id), F_STR(path, p->path),
                F_U64(size, p->seen.free_bytes), F_U64(limit, least));
}

static uint64_t least_bytes(const struct place *p)
{
    uint64_t part = p->seen.total_bytes / 100 * p->least.free_percent_min;
    return part > p->least.free_bytes_min ? part : p->least.free_bytes_min;
}

// Once it was too little it must be a tenth more, so that it does not go to and fro.
static bool is_below(uint64_t free, uint64_t least, bool low)
{
    return free < least + (low ? least / 10 : 0);
}
