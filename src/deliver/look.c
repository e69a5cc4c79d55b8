// SPDX-License-Identifier: Apache-2.0
// deliver/look.c: finding in the store what is due (queue.md 6.2). Of each slot of ids a place is
// remembered that moves on over the index of what is due: what lies before it has been looked at.
// There is not room for everything at once. What is left is not lost: its virtual queue, or its
// destination when that has its share already, remembers where its first one lies, and when there
// is room again it is filled from there. So a backlog is read about once, however long it is, and
// that of a destination which takes nothing is in nobody's way.
//
// What becomes due before a place, as when a person gives it another time, is told of; for what
// nobody tells of the places go back to the beginning from time to time.
#include "deliver/deliver_state.h"

#define LOOK_PAGE 256
#define LOOK_MOST 2048  // entries of a look
#define READY_LEAST 128 // of a virtual queue, however few its slots
#define SHARE_LEAST 8   // of a destination
#define NEWS_FACTOR 2   // so much more room there is for what has just been accepted

enum offered { OFFER_PASSED, OFFER_TAKEN, OFFER_NO_ROOM };

// Who is looked for: NULL is anybody.
struct wanted {
    struct virtual_state *virtual;
    struct destination *destination;
    bool is_new; // accepted a moment ago: it need not stand behind a backlog
};

static struct err go_on(
        struct deliverer *d, struct arena *a, uint8_t slot, size_t *examined) MUST_USE;
static struct err fill_those_with_room(
        struct deliverer *d, struct arena *a, size_t *examined) MUST_USE;
static struct err fill(struct deliverer *d, struct arena *a, struct left *left,
        const struct wanted *who, size_t *examined) MUST_USE;
static enum offered offer(struct deliverer *d, struct arena *a, uint8_t slot, const struct due *due,
        const struct wanted *who);
static bool is_wanted(const struct wanted *who, const struct virtual_state *v, struct str domain);
static enum offered leave(
        struct deliverer *d, struct left *left, uint8_t slot, const struct due *due);
static void go_back(struct deliverer *d);
static enum offered leave_for(
        struct deliverer *d, struct destination *to, uint8_t slot, const struct due *due);
static bool takes_place(struct deliverer *d, struct virtual_state *v, const struct unit *u,
        const struct due *due, const char key[UNIT_KEY_BYTES]);
static enum priority_band band_of(int priority, int64_t due_ms, int64_t wall_now_ms);
static bool add_ready(struct deliverer *d, struct destination *to, const struct unit *u,
        const struct due *due, const char key[UNIT_KEY_BYTES]);
static bool comes_before(const struct due *a, const struct due *b);
static struct due before(struct due due);
static size_t ready_of(const struct virtual_state *v);
static size_t room_of(const struct virtual_state *v);
static size_t share_of(const struct destination *to, size_t factor);
static void make_key(char key[UNIT_KEY_BYTES], uint64_t id, uint16_t number);

struct err look_at_store(struct deliverer *d, struct arena *a)
{
    size_t examined = 0;
    if (now_ms() - d->began_again_ms >= d->in.schedules->scan_horizon_ms / 2)
        look_begin_again(d);
    if (now_ms() >= d->again_at_ms)
        go_back(d);
    TRY(fill_those_with_room(d, a, &examined));
    for (size_t slot = 0; slot < SLOTS; slot++)
        if (slot == store_slot(d->in.store) || d->locks[slot] >= 0)
            TRY(go_on(d, a, (uint8_t)slot, &examined));
    return OK;
}

void look_begin_again(struct deliverer *d)
{
    d->began_again_ms = now_ms();
    d->again_at_ms = INT64_MAX;
    for (size_t slot = 0; slot < SLOTS; slot++) {
        d->look_from[slot] = (struct due){.at_ms = INT64_MIN};
        d->again_from[slot] = (struct due){.at_ms = INT64_MAX};
    }
}

void look_again_at(struct deliverer *d, const struct due *due)
{
    uint8_t slot = id_slot(due->id);
    if (comes_before(due, &d->again_from[slot]))
        d->again_from[slot] = *due;
    if (d->again_at_ms == INT64_MAX)
        d->again_at_ms = now_ms() + LOOK_EVERY_MS;
}

static void go_back(struct deliverer *d)
{
    d->again_at_ms = INT64_MAX;
    for (size_t slot = 0; slot < SLOTS; slot++) {
        if (comes_before(&d->again_from[slot], &d->look_from[slot]))
            d->look_from[slot] = before(d->again_from[slot]);
        d->again_from[slot] = (struct due){.at_ms = INT64_MAX};
    }
}

void look_no_later(struct deliverer *d, uint8_t slot, int64_t at_ms)
{
    if (at_ms <= d->look_from[slot].at_ms)
        d->look_from[slot] = before((struct due){.at_ms = at_ms});
}

void look_take_new(struct deliverer *d, struct arena *a, const struct due *due)
{
    const struct wanted anybody = {.is_new = true};
    (void)offer(d, a, store_slot(d->in.store), due, &anybody); // else it is found in the store
}

bool look_is_short(const struct destination *to)
{
    const struct virtual_state *v = to->virtual;
    return (v->left.is_any && ready_of(v) < room_of(v) / 4) ||
           (to->left.is_any && to->ready_count < share_of(to, 1) / 4);
}

// From the remembered place on, until now.
static struct err go_on(struct deliverer *d, struct arena *a, uint8_t slot, size_t *examined)
{
    const struct wanted anybody = {0};
    int64_t now = wall_ms();
    struct due *page, *from = &d->look_from[slot];
    size_t count = LOOK_PAGE, taken = 1;
    if (from->at_ms > now) // the clock has gone back
        *from = (struct due){.at_ms = INT64_MIN};
    // In haste a page of which nothing could be taken is the last.
    while (count == LOOK_PAGE && *examined < LOOK_MOST && (taken > 0 || !d->in_haste)) {
        TRY(store_due(d->in.store, a, slot, now, from, LOOK_PAGE, &page, &count));
        taken = 0;
        for (size_t i = 0; i < count; i++)
            taken += offer(d, a, slot, &page[i], &anybody) == OFFER_TAKEN;
        if (count > 0)
            *from = page[count - 1];
        *examined += count;
        arena_reset(a);
    }
    d->look_wanted |= count == LOOK_PAGE;
    struct due next_from = {.at_ms = now, .id = UINT64_MAX, .number = UINT16_MAX};
    TRY(store_due(d->in.store, a, slot, INT64_MAX, &next_from, 1, &page, &count));
    if (count > 0 && page[0].at_ms < d->wake_at_ms)
        d->wake_at_ms = page[0].at_ms;
    return OK;
}

// --- Those that had no room ----------------------------------------------------------------------

static struct err fill_those_with_room(struct deliverer *d, struct arena *a, size_t *examined)
{
    struct str id;
    void *each;
    each_safe_in_list (to, &d->left_some, struct destination, in_left) {
        if (to->ready_count < share_of(to, 1) / 2 && ready_of(to->virtual) < room_of(to->virtual))
            TRY(fill(d, a, &to->left, &(struct wanted){.destination = to}, examined));
        if (!to->left.is_any)
            link_remove(&to->in_left);
        dispatch_forget_if_idle(d, to);
    }
    for (size_t i = 0; map_next(&d->virtuals, &i, &id, &each);) {
        struct virtual_state *v = each;
        if (v->left.is_any && ready_of(v) < room_of(v) / 2)
            TRY(fill(d, a, &v->left, &(struct wanted){.virtual = v}, examined));
    }
    return OK;
}

// Up to the remembered place of the slot: what lies behind is found anyway.
static struct err fill(struct deliverer *d, struct arena *a, struct left *left,
        const struct wanted *who, size_t *examined)
{
    uint8_t slot = left->slot;
    int64_t until_ms = d->look_from[slot].at_ms;
    struct due *page, from = left->first;
    bool on = *examined < LOOK_MOST;
    d->look_wanted |= !on;
    while (on) {
        struct due behind = before(from);
        size_t count;
        *left = (struct left){.is_any = true, .slot = slot, .first = from};
        TRY(store_due(d->in.store, a, slot, until_ms, &behind, LOOK_PAGE, &page, &count));
        left->is_any = false; // until somebody is left again
        for (size_t i = 0; i < count && !left->is_any; i++, ++*examined) {
            (void)offer(d, a, slot, &page[i], who);
            from = page[i];
        }
        on = count == LOOK_PAGE && !left->is_any;
        if (on && *examined >= LOOK_MOST) { // the last one is known by now, or is not wanted
            *left = (struct left){.is_any = true, .slot = slot, .first = from};
            d->look_wanted = true;
            on = false;
        }
        arena_reset(a);
    }
    return OK;
}

static enum offered offer(struct deliverer *d, struct arena *a, uint8_t slot, const struct due *due,
        const struct wanted *who)
{
    char key[UNIT_KEY_BYTES];
    struct unit u;
    make_key(key, due->id, due->number);
    if (map_has(&d->known, str_of(key, sizeof(key))))
        return OFFER_PASSED;
    struct err e = store_read_unit(d->in.store, a, due->id, due->number, &u);
    if (e.kind == ERR_NOT_FOUND || e.kind == ERR_SYNTAX)
        dispatch_note_lost(d, due);
    else if (failed(e))
        look_again_at(d, due); // the store cannot be read now
    if (failed(e))
        return OFFER_PASSED;
    struct virtual_state *v = dispatch_virtual_of(d, &u);
    if (v->paused || !is_wanted(who, v, u.domain))
        return OFFER_PASSED;
    size_t factor = who->is_new ? NEWS_FACTOR : 1;
    if (ready_of(v) >= factor * room_of(v)) {
        v->leaves_some = true;
        if (takes_place(d, v, &u, due, key))
            return OFFER_TAKEN;
        return who->destination == NULL ? leave(d, &v->left, slot, due)
                                        : leave(d, &who->destination->left, slot, due);
    }
    struct destination *to = dispatch_destination_of(d, v, u.domain);
    if (to == NULL)
        return leave(d, &v->left, slot, due);
    enum offered offered = OFFER_TAKEN;
    bool has_room = to->ready_count < share_of(to, factor);
    if (has_room ? !add_ready(d, to, &u, due, key) : !takes_place(d, v, &u, due, key))
        offered = leave_for(d, to, slot, due);
    dispatch_forget_if_idle(d, to);
    return offered;
}

// Urgent mail has the place of what is less so by a band (queue.md 6.2, 9.3), of its destination.
static bool takes_place(struct deliverer *d, struct virtual_state *v, const struct unit *u,
        const struct due *due, const char key[UNIT_KEY_BYTES])
{
    int64_t now = wall_ms();
    struct destination *to = dispatch_destination_known(d, v, u->domain);
    struct ready *last = to != NULL ? ready_line_last(&to->ready, now) : NULL;
    if (last == NULL || band_of(unit_priority(u), due->at_ms, now) <=
                                band_of(last->priority, last->due_ms, now))
        return false;
    const struct due is_left = {.at_ms = last->due_ms, .id = last->id, .number = last->number};
    if (!add_ready(d, to, u, due, key))
        return false;
    ready_line_remove(last);
    dispatch_note_ready(to, -1);
    map_remove(&d->known, str_of(last->key, sizeof(last->key)));
    mem_free(last);
    (void)leave_for(d, to, id_slot(is_left.id), &is_left);
    return true;
}

static enum priority_band band_of(int priority, int64_t due_ms, int64_t wall_now_ms)
{
    return priority_band(ready_urgency(priority, due_ms, wall_now_ms));
}

static bool is_wanted(const struct wanted *who, const struct virtual_state *v, struct str domain)
{
    const struct destination *to = who->destination;
    return (who->virtual == NULL || who->virtual == v) &&
           (to == NULL || (to->virtual == v && str_eq(to->domain, domain)));
}

static enum offered leave_for(
        struct deliverer *d, struct destination *to, uint8_t slot, const struct due *due)
{
    if (!link_is_in(&to->in_left))
        list_append(&d->left_some, &to->in_left);
    return leave(d, &to->left, slot, due);
}

// Those of one slot are remembered; of others it is found when all begins again.
static enum offered leave(
        struct deliverer *d, struct left *left, uint8_t slot, const struct due *due)
{
    if (left->is_any && left->slot != slot) {
        int64_t soon_ms = now_ms() - d->in.schedules->scan_horizon_ms / 2 + LOOK_EVERY_MS;
        if (d->began_again_ms > soon_ms)
            d->began_again_ms = soon_ms;
    } else if (!left->is_any || comes_before(due, &left->first)) {
        *left = (struct left){.is_any = true, .slot = slot, .first = *due};
    }
    return OFFER_NO_ROOM;
}

static bool add_ready(struct deliverer *d, struct destination *to, const struct unit *u,
        const struct due *due, const char key[UNIT_KEY_BYTES])
{
    struct ready *r = mem_new(struct ready);
    if (r == NULL)
        return false;
    *r = (struct ready){.destination = to,
            .due_ms = due->at_ms,
            .id = due->id,
            .number = due->number,
            .priority = (int8_t)unit_priority(u)};
    memcpy(r->key, key, sizeof(r->key));
    if (!map_put(&d->known, str_of(r->key, sizeof(r->key)), r)) {
        mem_free(r);
        return false;
    }
    ready_line_add(&to->ready, r);
    dispatch_note_ready(to, 1);
    return true;
}

// --- Room ----------------------------------------------------------------------------------------

// Those whose destination has all its couriers on the way keep nobody from coming.
static size_t ready_of(const struct virtual_state *v)
{
    return v->ready_count - v->stuck_count;
}

static size_t room_of(const struct virtual_state *v)
{
    size_t room = (size_t)v->slots * v->owner->in.schedules->ready_factor;
    return room < READY_LEAST ? READY_LEAST : room;
}

// By how well it goes there, and at most half of the room (queue.md 6.2), for news more of it; and
// never more than queue.shaping says.
static size_t share_of(const struct destination *to, size_t factor)
{
    size_t most = room_of(to->virtual) / 2;
    size_t share = to->couriers_max * to->virtual->owner->in.schedules->ready_factor;
    if (share < SHARE_LEAST)
        share = SHARE_LEAST;
    share = factor * (share < most ? share : most);
    return to->ready_max > 0 && to->ready_max < share ? to->ready_max : share;
}

// --- Places in the index -------------------------------------------------------------------------

static bool comes_before(const struct due *a, const struct due *b)
{
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms;
    return a->id != b->id ? a->id < b->id : a->number < b->number;
}

// The place right before an entry.
static struct due before(struct due due)
{
    if (due.number > 0)
        due.number--;
    else if (due.id > 0)
        due = (struct due){.at_ms = due.at_ms, .id = due.id - 1, .number = UINT16_MAX};
    else if (due.at_ms > INT64_MIN)
        due = (struct due){.at_ms = due.at_ms - 1, .id = UINT64_MAX, .number = UINT16_MAX};
    return due;
}

static void make_key(char key[UNIT_KEY_BYTES], uint64_t id, uint16_t number)
{
    memcpy(key, &id, sizeof(id));
    memcpy(key + sizeof(id), &number, sizeof(number));
}
