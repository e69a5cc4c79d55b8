// SPDX-License-Identifier: Apache-2.0
// deliver/dispatch.c: who is due, and who may go (queue.md 6). One task, asleep until the store
// tells of new mail, something becomes due, a courier comes back, or some seconds have passed
// (other processes change the queue, too).
//
// Only so many units of a virtual queue are taken from the store ahead of their couriers, and of
// these at most half for one destination, so that a backlog costs neither memory nor others' turns.
// What is left in the store is found again when there is room: a look goes on where the last one
// had to stop, and examines no more than LOOK_MOST entries.
#include "deliver/deliver_state.h"

#include "events/event.h"

#define LOOK_EVERY_MS (5 * SECOND_MS)
#define LOOK_PAUSE_MS 100 // between two looks at a backlog
#define LOOK_PAGE 256
#define LOOK_MOST 4096
#define ADOPT_EVERY_MS (30 * SECOND_MS)
#define SCRATCH_BYTES_MAX (16 * MIB)
#define READY_LEAST 128  // of a virtual queue, however few its slots
#define COURIERS_FIRST 5 // of a destination that nobody knows yet
#define TURNS_MAX 20     // units in a row for one destination while others wait
#define BACK_PRESSURE_MS (60 * SECOND_MS)
#define DELIVERER_BYTES_MAX (8 * MIB)
#define PAUSES_BYTES_MAX (512 * KIB)

static void take_news(struct deliverer *d, struct arena *a);
static struct err look(struct deliverer *d, struct arena *a) MUST_USE;
static struct err look_at_slot(
        struct deliverer *d, struct arena *a, uint8_t slot, size_t *examined) MUST_USE;
static void adopt(struct deliverer *d, struct arena *a);
static bool offer(struct deliverer *d, struct arena *a, const struct due *due);
static bool add_ready(struct deliverer *d, struct destination *to, const struct due *due,
        const char key[UNIT_KEY_BYTES]);
static void forget_if_idle(struct deliverer *d, struct destination *to);
static bool must_look(const struct deliverer *d);
static struct virtual_state *virtual_of(struct deliverer *d, const struct unit *u);
static struct destination *destination_of(
        struct deliverer *d, struct virtual_state *v, struct str domain);
static size_t room_of(const struct deliverer *d, const struct virtual_state *v);
static void send_couriers(struct deliverer *d);
static void tell_back_pressure(struct deliverer *d, struct virtual_state *v);
static bool send_courier(struct deliverer *d, struct destination *to);
static struct ready *take(struct destination *to);
static struct err sleep_until_needed(struct deliverer *d) suspends MUST_USE;
static void wake_no_later(struct deliverer *d, int64_t at_ms);
static void note_ready(struct destination *to, int change);
static void make_key(char key[UNIT_KEY_BYTES], uint64_t id, uint16_t number);

struct err deliverer_run(void *arg)
{
    struct deliverer *d = arg;
    struct arena a AUTO(arena_done);
    struct err e = OK;
    arena_init(&a, SCRATCH_BYTES_MAX);
    task_describe("deliveries", d);
    group_begin(&d->couriers);
    store_tell_news(d->in.store, &d->news);
    while (!failed(e) && !d->stopping) {
        take_news(d, &a);
        if (must_look(d))
            e = look(d, &a);
        arena_reset(&a);
        if (failed(e) && e.kind != ERR_CANCELLED) { // the store's trouble is told by who tends it
            d->look_wanted = true;
            e = OK;
        }
        send_couriers(d);
        courier_close_idle(d);
        if (!failed(e))
            e = sleep_until_needed(d);
    }
    store_tell_news(d->in.store, NULL);
    d->pool.closes = true;
    if (!failed(e))
        courier_close_idle(d); // couriers that are still out end their own (RFC 5321 4.1.1.10)
    struct err waited = failed(e) ? OK : group_wait_all(&d->couriers);
    (void)waited; // a courier's trouble is that of its units
    group_end(&d->couriers);
    return e;
}

void deliverer_stop(struct deliverer *d)
{
    d->stopping = true;
    waitq_wake_all(&d->news.come);
}

void deliverer_look(struct deliverer *d)
{
    d->look_wanted = d->is_hungry = true;
    waitq_wake_all(&d->news.come);
}

// Looks at a backlog have a pause between them, unless couriers run short of units meanwhile.
static bool must_look(const struct deliverer *d)
{
    bool rested = now_ms() - d->looked_at_ms >= LOOK_PAUSE_MS;
    return d->wake_at_ms <= wall_ms() || (d->look_wanted && (d->is_hungry || rested));
}

static struct err sleep_until_needed(struct deliverer *d)
{
    int64_t wait_ms = d->wake_at_ms - wall_ms();
    if (d->look_wanted)
        wait_ms = LOOK_PAUSE_MS - (now_ms() - d->looked_at_ms);
    if (wait_ms > LOOK_EVERY_MS)
        wait_ms = LOOK_EVERY_MS;
    if (d->stopping || d->news.count > 0 || wait_ms <= 0)
        return OK;
    within_ms(wait_ms);
    struct err e = waitq_wait(&d->news.come, "mail to deliver");
    if (e.kind != ERR_TIMEOUT)
        return e;
    d->look_wanted = true;
    return OK;
}

static void wake_no_later(struct deliverer *d, int64_t at_ms)
{
    if (at_ms < d->wake_at_ms)
        d->wake_at_ms = at_ms;
}

// --- Finding what is due -------------------------------------------------------------------------

static void take_news(struct deliverer *d, struct arena *a)
{
    struct due due;
    int64_t now = wall_ms();
    d->look_wanted |= d->news.missed;
    d->news.missed = false;
    while (store_news_take(&d->news, &due)) {
        if (due.at_ms > now)
            wake_no_later(d, due.at_ms);
        else
            d->look_wanted |= !offer(d, a, &due);
        arena_reset(a);
    }
}

static struct err look(struct deliverer *d, struct arena *a)
{
    dispatch_read_rules(d);
    size_t examined = 0;
    d->in_haste = d->is_hungry;
    d->look_wanted = d->is_hungry = d->is_full = false;
    d->looked_at_ms = now_ms();
    d->wake_at_ms = NEVER_MS;
    dispatch_read_pauses(d);
    dispatch_read_suspensions(d);
    if (d->in.adopts && now_ms() - d->adopted_at_ms >= ADOPT_EVERY_MS)
        adopt(d, a);
    for (size_t slot = 0; slot < SLOTS; slot++)
        if (slot == store_slot(d->in.store) || d->locks[slot] >= 0)
            TRY(look_at_slot(d, a, (uint8_t)slot, &examined));
    return OK;
}

static struct err look_at_slot(struct deliverer *d, struct arena *a, uint8_t slot, size_t *examined)
{
    int64_t now = wall_ms();
    struct due *page, from = d->look_from[slot];
    size_t count = LOOK_PAGE;
    bool goes_on = d->look_goes_on[slot], left_some = false;
    for (bool on = true; on && count == LOOK_PAGE && *examined < LOOK_MOST;) {
        TRY(store_due(d->in.store, a, slot, now, goes_on ? &from : NULL, LOOK_PAGE, &page, &count));
        size_t before = d->figures.ready;
        for (size_t i = 0; i < count; i++)
            left_some |= !offer(d, a, &page[i]);
        if (count > 0)
            from = page[count - 1];
        goes_on = true;
        *examined += count;
        // In haste a page of which nothing could be taken is the last.
        on = !d->is_full && !(d->in_haste && d->figures.ready == before);
        arena_reset(a);
    }
    // What was left on the way is looked for when the round is over.
    bool ends = count < LOOK_PAGE;
    d->look_left_some[slot] |= left_some;
    d->look_wanted |= !ends || d->look_left_some[slot];
    d->look_left_some[slot] &= !ends;
    d->look_goes_on[slot] = !ends;
    d->look_from[slot] = from;
    struct due next_from = {.at_ms = now, .id = UINT64_MAX, .number = UINT16_MAX};
    TRY(store_due(d->in.store, a, slot, INT64_MAX, &next_from, 1, &page, &count));
    if (count > 0)
        wake_no_later(d, page[0].at_ms);
    return OK;
}

// The mail of workers that are gone, and of tools. Who holds the lock of a slot delivers its mail,
// so two never do; it is given back when nothing is left, for a worker to come.
static void adopt(struct deliverer *d, struct arena *a)
{
    d->adopted_at_ms = now_ms();
    struct err ignored = store_recover(d->in.store, a); // who opens the store next tries again
    (void)ignored;
    for (size_t slot = 0; slot < SLOTS; slot++) {
        struct due *any;
        size_t count = 0;
        if (slot == store_slot(d->in.store) ||
                failed(store_due(d->in.store, a, (uint8_t)slot, INT64_MAX, NULL, 1, &any, &count)))
            continue;
        if (count > 0 && d->locks[slot] < 0)
            d->locks[slot] = store_slot_take(d->in.store, a, (uint8_t)slot);
        else if (count == 0 && d->locks[slot] >= 0)
            store_slot_give(&d->locks[slot]);
    }
}

// False: there is no room for it now.
static bool offer(struct deliverer *d, struct arena *a, const struct due *due)
{
    char key[UNIT_KEY_BYTES];
    struct unit u;
    make_key(key, due->id, due->number);
    if (map_has(&d->known, str_of(key, sizeof(key))))
        return true;
    if (failed(store_read_unit(d->in.store, a, due->id, due->number, &u)))
        return true; // gone meanwhile, or damaged, which is the check's business
    struct virtual_state *v = virtual_of(d, &u);
    size_t room = room_of(d, v);
    if (v->paused)
        return true;
    if (v->ready_count >= room) {
        v->leaves_some = d->is_full = true;
        return false;
    }
    struct destination *to = destination_of(d, v, u.domain);
    if (to == NULL)
        return false;
    bool taken = to->ready_count < room / 2 && add_ready(d, to, due, key);
    v->leaves_some |= !taken;
    forget_if_idle(d, to);
    return taken;
}

static bool add_ready(struct deliverer *d, struct destination *to, const struct due *due,
        const char key[UNIT_KEY_BYTES])
{
    struct ready *r = mem_new(struct ready);
    if (r == NULL)
        return false;
    *r = (struct ready){
            .destination = to, .due_ms = due->at_ms, .id = due->id, .number = due->number};
    memcpy(r->key, key, sizeof(r->key));
    if (!map_put(&d->known, str_of(r->key, sizeof(r->key)), r)) {
        mem_free(r);
        return false;
    }
    list_append(&to->ready, &r->in_destination);
    note_ready(to, 1);
    return true;
}

static void forget_if_idle(struct deliverer *d, struct destination *to)
{
    if (to->couriers > 0 || to->ready_count > 0)
        return;
    map_remove(&d->destinations, to->key);
    mem_free(to);
}

static size_t room_of(const struct deliverer *d, const struct virtual_state *v)
{
    size_t room = (size_t)v->slots * d->in.schedules->ready_factor;
    return room < READY_LEAST ? READY_LEAST : room;
}

static void note_ready(struct destination *to, int change)
{
    to->ready_count += (size_t)change;
    to->virtual->ready_count += (size_t)change;
    to->virtual->owner->figures.ready += (size_t)change;
    if (to->ready_count > 0 && !link_is_in(&to->in_virtual)) {
        list_append(&to->virtual->waiting, &to->in_virtual);
        to->virtual->waiting_count++;
    } else if (to->ready_count == 0) {
        link_remove(&to->in_virtual);
        to->virtual->waiting_count--;
    }
}

static void make_key(char key[UNIT_KEY_BYTES], uint64_t id, uint16_t number)
{
    memcpy(key, &id, sizeof(id));
    memcpy(key + sizeof(id), &number, sizeof(number));
}

// queue.md 4.1: of a virtual queue that is not configured any more, those of `default`.
static struct virtual_state *virtual_of(struct deliverer *d, const struct unit *u)
{
    const struct virtual_queue *q = virtual_queue_of_unit(d->in.schedules, u);
    struct virtual_state *v = map_get(&d->virtuals, q->id);
    if (v != NULL)
        return v;
    v = arena_make(&d->arena, struct virtual_state);
    if (v == NULL)
        return &d->fallback;
    *v = (struct virtual_state){.id = q->id,
            .owner = d,
            .slots = (q->slots + d->in.workers - 1) / d->in.workers,
            .paused = pauses_stop(&d->pauses, q)};
    list_init(&v->waiting);
    return map_put(&d->virtuals, v->id, v) ? v : &d->fallback;
}

static struct destination *destination_of(
        struct deliverer *d, struct virtual_state *v, struct str domain)
{
    struct buf key AUTO(buf_done);
    buf_init(&key, 512);
    buf_add(&key, v->id);
    buf_add_byte(&key, '\0');
    buf_add(&key, domain);
    if (key.overflow)
        return NULL;
    struct destination *to = map_get(&d->destinations, buf_str(&key));
    if (to != NULL)
        return to;
    size_t head = sizeof(struct destination);
    char *room = mem_bytes(head + key.len);
    if (room == NULL)
        return NULL;
    to = (struct destination *)(void *)room;
    memcpy(room + head, buf_str(&key).ptr, key.len);
    *to = (struct destination){.virtual = v,
            .couriers_max = COURIERS_FIRST,
            .key = str_of(room + head, key.len),
            .domain = str_of(room + head + v->id.len + 1, domain.len)};
    list_init(&to->ready);
    if (map_put(&d->destinations, to->key, to))
        return to;
    mem_free(room);
    return NULL;
}

// --- Who goes ------------------------------------------------------------------------------------

// The slots of a virtual queue go round among its destinations.
static void send_couriers(struct deliverer *d)
{
    void *each;
    struct str id;
    for (size_t i = 0; !d->stopping && map_next(&d->virtuals, &i, &id, &each);) {
        struct virtual_state *v = each;
        for (size_t passed = 0; !v->paused && v->in_flight < v->slots && passed < v->waiting_count;
                passed++) {
            struct destination *to =
                    CONTAINER_OF(list_first(&v->waiting), struct destination, in_virtual);
            link_remove(&to->in_virtual);
            list_append(&v->waiting, &to->in_virtual);
            if (to->couriers < to->couriers_max && send_courier(d, to))
                passed = SIZE_MAX; // all have another turn
        }
        tell_back_pressure(d, v);
    }
}

static void tell_back_pressure(struct deliverer *d, struct virtual_state *v)
{
    if (v->leaves_some && v->in_flight >= v->slots && now_ms() >= v->told_at_ms) {
        v->told_at_ms = now_ms() + BACK_PRESSURE_MS;
        event(d->in.log, EV_QUEUE_BACK_PRESSURE, F_STR(id, v->id), F_U64(limit, v->slots));
    }
    v->leaves_some = false;
}

static bool send_courier(struct deliverer *d, struct destination *to)
{
    struct courier *c = mem_new(struct courier);
    if (c == NULL)
        return false;
    *c = (struct courier){.deliverer = d, .destination = to};
    if (failed(group_spawn(&d->couriers, courier_run, c))) {
        mem_free(c);
        return false;
    }
    to->couriers++;
    to->virtual->in_flight++;
    d->figures.couriers++;
    c->carries = take(to);
    return true;
}

static struct ready *take(struct destination *to)
{
    struct link *first = list_take_first(&to->ready);
    if (first == NULL)
        return NULL;
    note_ready(to, -1);
    return CONTAINER_OF(first, struct ready, in_destination);
}

bool dispatch_take_next(struct courier *c, size_t taken_already)
{
    struct destination *to = c->destination;
    struct virtual_state *v = to->virtual;
    bool others_wait = v->waiting_count > (link_is_in(&to->in_virtual) ? 1 : 0);
    if (c->deliverer->stopping || v->paused || to->couriers > to->couriers_max ||
            (others_wait && taken_already >= TURNS_MAX))
        return false;
    c->carries = take(to);
    return c->carries != NULL;
}

void dispatch_settled(struct courier *c, int64_t due_ms)
{
    struct deliverer *d = c->deliverer;
    struct destination *to = c->destination;
    struct ready *r = c->carries;
    c->carries = NULL;
    map_remove(&d->known, str_of(r->key, sizeof(r->key)));
    mem_free(r);
    wake_no_later(d, due_ms);
    // Positive feedback as long as it goes well, half of it when it does not (outbound.md 28.2).
    if (c->went_well && to->couriers_max < to->virtual->slots)
        to->couriers_max++;
    else if (!c->went_well && to->couriers_max > 1)
        to->couriers_max /= 2;
    if (d->look_wanted && to->virtual->ready_count < room_of(d, to->virtual) / 4) {
        d->is_hungry = true;
        waitq_wake_all(&d->news.come);
    }
}
    ruled_init(&d->ruled);

void dispatch_came_back(struct courier *c)
{
    struct deliverer *d = c->deliverer;
    struct destination *to = c->destination;
    to->couriers--;
    to->virtual->in_flight--;
    d->figures.couriers--;
    forget_if_idle(d, to);
    mem_free(c);
    waitq_wake_all(&d->news.come);
}

// --- Making and freeing --------------------------------------------------------------------------

struct err deliverer_new(struct arena *a, const struct deliver_inputs *in, struct deliverer **out)
{
    struct deliverer *d = mem_new(struct deliverer);
    if (d == NULL)
        return fail(ERR_LIMIT, "no memory to deliver mail");
    *d = (struct deliverer){.in = *in,
            .look_wanted = true,
            .is_hungry = true,
            .wake_at_ms = NEVER_MS,
            .fallback = {.owner = d, .slots = 1}};
    list_init(&d->fallback.waiting);
    arena_init(&d->arena, DELIVERER_BYTES_MAX);
    waitq_init(&d->news.come);
    map_init(&d->known, random_u64(), random_u64());
    map_init(&d->destinations, random_u64(), random_u64());
    map_init(&d->virtuals, 0, 0);
    d->adopted_at_ms = -ADOPT_EVERY_MS;
    for (size_t i = 0; i < SLOTS; i++)
        d->locks[i] = -1;
    pool_init(&d->pool);
    arena_init(&d->scratch, SCRATCH_BYTES_MAX);
    for (size_t i = 0; i < COUNT_OF(d->pauses_arenas); i++)
        arena_init(&d->pauses_arenas[i], PAUSES_BYTES_MAX);
    suspended_init(&d->suspended);
    d->dsn_rates = dsn_rates_new(random_u64());
    ruled_done(&d->ruled);
    sources_init(&d->sources, &d->arena, in->settings);
    struct err e = d->dsn_rates == NULL ? fail(ERR_LIMIT, "no memory to deliver mail") : OK;
    if (!failed(e))
        e = health_new(&in->settings->hosts, &d->health);
    if (!failed(e))
        e = outbound_limits_new(in->settings, in->limits, in->column, &d->limits);
    if (!failed(e))
        e = self_make(&d->arena, in->listen, in->settings, &d->self);
    if (!failed(e))
        *out = d;
    else
        deliverer_free(d);
    (void)a;
    return e;
}

void deliverer_free(struct deliverer *d)
{
    struct str key;
    void *each;
    if (d == NULL)
        return;
    for (size_t i = 0; map_next(&d->known, &i, &key, &each);)
        mem_free(each);
    for (size_t i = 0; map_next(&d->destinations, &i, &key, &each);)
        mem_free(each);
    for (size_t i = 0; i < SLOTS; i++)
        if (d->locks[i] >= 0)
            store_slot_give(&d->locks[i]);
    map_done(&d->known);
    map_done(&d->destinations);
    map_done(&d->virtuals);
    pool_done(&d->pool);
    health_free(d->health);
    outbound_limits_free(d->limits);
    dsn_rates_free(d->dsn_rates);
    arena_done(&d->scratch);
    for (size_t i = 0; i < COUNT_OF(d->pauses_arenas); i++)
        arena_done(&d->pauses_arenas[i]);
    suspended_done(&d->suspended);
    arena_done(&d->arena);
    mem_free(d);
}

struct deliver_figures deliverer_figures(const struct deliverer *d)
{
    return d->figures;
}
