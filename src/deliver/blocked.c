// SPDX-License-Identifier: Apache-2.0
// deliver/blocked.c: units that were refused for want of a permit (outbound.md 20). They stay in
// memory, in one line for the whole worker, and nothing is written of them for a minute; no courier
// waits with them. When permits of their counter are free again, given back here or by another
// worker, as many of them are ready again as can go: first those of the destination whose last turn
// was longest ago, among equals who has waited for longest.
//
// A destination whose next one would be refused, too, rests meanwhile: one courier a second finds
// out whether that still holds, for the limiter may be about some of its mail only. What is counted
// by message (its sender, its account) bars nobody else's mail.
//
// A courier whose turn is over gives his connection to whoever waits for a permit that it holds: as
// it is, if it is the connection that he would use; else it is closed, and the permit is free.
#include "deliver/deliver_state.h"

#define BARRED_MS SECOND_MS
#define BARRING_MOST 16   // units of a destination that wait, before nobody else of it tries
#define WAITING_MOST 256  // those that are counted by message, too
#define BLOCKED_MOST 2048 // of a worker: who comes then is put off in the store
#define COUNTERS 32
#define RELEASES_MOST 32 // in one look

// What is known in one look. Counters that fall together have their turn in another one.
struct places {
    uint64_t counter[COUNTERS];
    uint64_t free[COUNTERS];
    bool is_known[COUNTERS];
    uint64_t none; // 0
};

static uint64_t *places_of(struct deliverer *d, struct places *p, const struct ready *r);
static bool goes_before(const struct ready *later, const struct ready *first);
static void release(struct deliverer *d, struct ready *r);
static void take_out(struct deliverer *d, struct ready *r);
static bool has_permit_for(const struct connection *c, const struct ready *r);

void blocked_add(struct courier *c)
{
    struct deliverer *d = c->deliverer;
    struct destination *to = c->destination;
    struct ready *r = c->carries;
    struct link *where = &d->blocked.head;
    c->carries = NULL;
    r->wants = c->refused.counter;
    r->wants_most = c->refused.most;
    r->way = c->refused_way;
    r->bars_others = !c->refused.by->is_of_message;
    if (!r->was_blocked)
        r->blocked_since_ms = now_ms();
    r->was_blocked = true;
    while (where->prev != &d->blocked.head &&
            CONTAINER_OF(where->prev, struct ready, in_line)->blocked_since_ms >
                    r->blocked_since_ms)
        where = where->prev;
    link_insert_before(where, &r->in_line);
    d->blocked_count++;
    to->blocked_count++;
    to->barring_count += r->bars_others;
    if (r->bars_others)
        to->barred_until_ms = now_ms() + BARRED_MS;
    dispatch_note_stuck(to);
    waitq_wake_all(&d->news.come); // who looks for permits from now on
}

bool blocked_bars(const struct destination *to)
{
    return to->barring_count >= BARRING_MOST || to->blocked_count >= WAITING_MOST ||
           now_ms() < to->barred_until_ms;
}

bool blocked_is_full(const struct deliverer *d)
{
    return d->blocked_count >= BLOCKED_MOST;
}

int64_t blocked_left_ms(const struct ready *r)
{
    int64_t waited_ms = r->was_blocked ? now_ms() - r->blocked_since_ms : 0;
    return waited_ms < BLOCKED_UNTOLD_MS ? BLOCKED_UNTOLD_MS - waited_ms : 0;
}

bool blocked_is_to_be_told(const struct deliverer *d, const struct ready *r)
{
    return blocked_is_full(d) || blocked_left_ms(r) == 0;
}

uint64_t blocked_way(const struct deliverer *d, struct str identity)
{
    const struct limits_shared *s = d->in.limits;
    return limits_hash_text(s, limits_hash(s, LIMITS_OUTBOUND, 0), identity);
}

// --- Who goes on ---------------------------------------------------------------------------------

void blocked_look(struct deliverer *d)
{
    struct places places = {0};
    bool has_freed = outbound_has_freed(d->limits), goes_on = true;
    if (list_is_empty(&d->blocked) ||
            (!has_freed && now_ms() - d->blocked_looked_at_ms < BLOCKED_LOOK_MS))
        return;
    d->blocked_looked_at_ms = now_ms();
    each_safe_in_list (r, &d->blocked, struct ready, in_line)
        if (blocked_left_ms(r) == 0)
            release(d, r); // it is told of then
    for (size_t i = 0; goes_on && i < RELEASES_MOST; i++) {
        struct ready *next = NULL;
        each_in_list (r, &d->blocked, struct ready, in_line)
            if (*places_of(d, &places, r) > 0 && goes_before(r, next))
                next = r;
        goes_on = next != NULL;
        if (next != NULL) {
            --*places_of(d, &places, next);
            release(d, next);
        }
    }
}

static uint64_t *places_of(struct deliverer *d, struct places *p, const struct ready *r)
{
    size_t at = r->wants % COUNTERS;
    if (!p->is_known[at]) {
        p->is_known[at] = true;
        p->counter[at] = r->wants;
        p->free[at] = outbound_free_places(d->limits, r->wants, r->wants_most);
    }
    return p->counter[at] == r->wants ? &p->free[at] : &p->none;
}

// Of two who stand in this order in the line.
static bool goes_before(const struct ready *later, const struct ready *first)
{
    return first == NULL || later->destination->had_permit_ms < first->destination->had_permit_ms;
}

static void release(struct deliverer *d, struct ready *r)
{
    struct destination *to = r->destination;
    take_out(d, r);
    to->had_permit_ms = now_ms();
    ready_line_add(&to->ready, r);
    dispatch_note_ready(to, 1);
}

static void take_out(struct deliverer *d, struct ready *r)
{
    struct destination *to = r->destination;
    link_remove(&r->in_line);
    d->blocked_count--;
    to->blocked_count--;
    to->barring_count -= r->bars_others;
    to->barred_until_ms = 0;
}

// --- Couriers who hold what is waited for --------------------------------------------------------

struct ready *blocked_take(struct courier *c)
{
    struct deliverer *d = c->deliverer;
    if (c->destination->blocked_count == 0)
        return NULL;
    each_in_list (r, &d->blocked, struct ready, in_line)
        if (r->destination == c->destination && has_permit_for(c->connection, r)) {
            take_out(d, r);
            dispatch_note_stuck(c->destination);
            return r;
        }
    return NULL;
}

bool blocked_elsewhere(const struct courier *c)
{
    each_in_list (r, &c->deliverer->blocked, struct ready, in_line)
        if (r->destination != c->destination && has_permit_for(c->connection, r))
            return true;
    return false;
}

void blocked_hand_over(struct courier *c)
{
    struct deliverer *d = c->deliverer;
    struct connection *held = c->connection;
    struct ready *next = NULL;
    c->connection = NULL;
    c->destination->had_permit_ms = now_ms();
    each_in_list (r, &d->blocked, struct ready, in_line)
        if (has_permit_for(held, r) && goes_before(r, next))
            next = r;
    if (next != NULL && next->destination != c->destination &&
            next->way != blocked_way(d, held->identity)) {
        pool_dismiss(&d->pool, held);
        return;
    }
    if (next != NULL)
        release(d, next);
    pool_park(&d->pool, held);
}

static bool has_permit_for(const struct connection *c, const struct ready *r)
{
    return c != NULL && outbound_permits_have(c->permits, r->wants);
}
