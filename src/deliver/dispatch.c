// SPDX-License-Identifier: Apache-2.0
// deliver/dispatch.c: who is due, and who may go (queue.md 6). One task, asleep until the store
// tells of new mail, something becomes due, a courier comes back, or some seconds have passed
// (other processes change the queue, too).
//
// Only so many units of a virtual queue are taken from the store ahead of their couriers, and of
// these at most half for one destination, so that a backlog costs neither memory nor others' turns.
// How they are found is told in look.c.
#include "deliver/deliver_state.h"
#include "deliver/measured.h"

#include "events/event.h"

#define LOOK_PAUSE_MS 100     // between two looks at a backlog
#define NEWS_AGE_MS MINUTE_MS // a message is older by so much at most when it is told of
#define ADOPT_EVERY_MS (30 * SECOND_MS)
#define SCRATCH_BYTES_MAX (16 * MIB)
#define COURIERS_FIRST 5  // of a destination that nobody knows yet
#define TURNS_MAX 20      // units in a row for one destination while others wait
#define TURN_MS SECOND_MS // and this long, where each of them takes its time
#define GREED 4           // couriers of a destination for each slot that is left to others
#define REST_MS 50        // of a destination whose hosts make trouble, between its units
#define BACK_PRESSURE_MS (60 * SECOND_MS)
#define DESTINATION_KEY_BYTES 512
#define DELIVERER_BYTES_MAX (8 * MIB)

static void take_news(struct deliverer *d, struct arena *a);
static struct err look(struct deliverer *d, struct arena *a) MUST_USE;
static void adopt(struct deliverer *d, struct arena *a);
static void adopt_slot(struct deliverer *d, struct arena *a, uint8_t slot, const struct due *first);
static bool must_look(const struct deliverer *d);
static bool destination_key(const struct virtual_state *v, struct str domain, struct buf *out);
static void send_couriers(struct deliverer *d);
static bool send_one(struct deliverer *d, struct virtual_state *v);
static bool rests_still(struct destination *to);
static void tell_back_pressure(struct deliverer *d, struct virtual_state *v);
static bool send_courier(struct deliverer *d, struct destination *to);
static struct ready *take(struct destination *to);
static struct err sleep_until_needed(struct deliverer *d) suspends MUST_USE;
static void wake_no_later(struct deliverer *d, int64_t at_ms);
static bool may_send(const struct destination *to);
static size_t free_slots(const struct virtual_state *v);
static uint32_t slots_of_all(const struct deliverer *d);
static int64_t see_to_unsettled(struct deliverer *d, const struct ready *r);

struct err deliverer_run(void *arg)
{
    struct deliverer *d = arg;
    struct arena a AUTO(arena_done);
    struct err e = OK;
    arena_init(&a, SCRATCH_BYTES_MAX);
    task_describe("deliveries", d);
    group_begin(&d->couriers);
    warming_begin(d);
    store_tell_news(d->in.store, &d->news);
    while (!failed(e) && !d->stopping) {
        (void)clocked_look(d);
        take_news(d, &a);
        if (must_look(d))
            e = look(d, &a);
        arena_reset(&a);
        if (failed(e) && e.kind != ERR_CANCELLED) { // the store's trouble is told by who tends it
            d->look_wanted = true;
            e = OK;
        }
        blocked_look(d);
        send_couriers(d);
        courier_close_idle(d);
        warming_tend(d);
        dispatch_clean(d, &a);
        if (!failed(e))
            e = sleep_until_needed(d);
    }
    store_tell_news(d->in.store, NULL);
    d->pool.closes = true;
    if (!failed(e))
        courier_close_idle(d); // couriers that are still out end their own (RFC 5321 4.1.1.10)
    struct err waited = failed(e) ? OK : group_wait_all(&d->couriers);
    (void)waited; // a courier's trouble is that of its units
    warming_end(d);
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
    look_begin_again(d);
    d->adopted_at_ms = now_ms() - ADOPT_EVERY_MS; // what a tool brings is nobody's yet
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
    int64_t horizon_ms = d->in.schedules->scan_horizon_ms;
    int64_t look_every_ms = horizon_ms < LOOK_EVERY_MS ? horizon_ms : LOOK_EVERY_MS;
    if (wait_ms > look_every_ms)
        wait_ms = look_every_ms;
    if (d->somebody_rests && wait_ms > REST_MS)
        wait_ms = REST_MS;
    if (d->blocked_count > 0 && wait_ms > BLOCKED_LOOK_MS)
        wait_ms = BLOCKED_LOOK_MS;
    if (d->stopping || d->news.count > 0 || d->lost_count > 0 || wait_ms <= 0)
        return OK;
    within_ms(wait_ms);
    struct err e = waitq_wait(&d->news.come, "mail to deliver");
    if (e.kind != ERR_TIMEOUT)
        return e;
    d->look_wanted |= now_ms() - d->looked_at_ms >= look_every_ms;
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
    if (d->news.missed)
        look_no_later(d, store_slot(d->in.store), d->news_until_ms - NEWS_AGE_MS);
    d->look_wanted |= d->news.missed;
    d->news.missed = false;
    while (store_news_take(&d->news, &due)) {
        if (due.at_ms > now)
            wake_no_later(d, due.at_ms);
        else
            look_take_new(d, a, &due);
        arena_reset(a);
    }
    d->news_until_ms = now;
}

static struct err look(struct deliverer *d, struct arena *a)
{
    d->in_haste = d->is_hungry;
    d->look_wanted = d->is_hungry = false;
    d->looked_at_ms = now_ms();
    d->wake_at_ms = NEVER_MS;
    dispatch_read_pauses(d);
    dispatch_read_suspensions(d);
    dispatch_read_rules(d);
    if (d->in.adopts && now_ms() - d->adopted_at_ms >= ADOPT_EVERY_MS)
        adopt(d, a);
    int64_t began_ns = now_ns();
    struct err e = look_at_store(d, a);
    measure_look(d, began_ns);
    return e;
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
            adopt_slot(d, a, (uint8_t)slot, any);
        else if (count == 0 && d->locks[slot] >= 0)
            store_slot_give(&d->locks[slot]);
    }
}

// Mail that has been due for some time, and that nobody else delivers, is worth a word.
static void adopt_slot(struct deliverer *d, struct arena *a, uint8_t slot, const struct due *first)
{
    d->locks[slot] = store_slot_take(d->in.store, a, slot);
    if (d->locks[slot] < 0 && first->at_ms <= wall_ms() - ADOPT_EVERY_MS)
        event(d->in.log, EV_QUEUE_LOCKED, F_ID(queueId, first->id), F_U64(slot, slot),
                F_TIME(due, first->at_ms));
}

void dispatch_forget_if_idle(struct deliverer *d, struct destination *to)
{
    if (to->couriers > 0 || to->ready_count > 0 || to->blocked_count > 0 || to->left.is_any)
        return;
    link_remove(&to->in_left);
    map_remove(&d->destinations, to->key);
    mem_free(to);
}

void dispatch_note_ready(struct destination *to, int change)
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
    dispatch_note_stuck(to);
}

// Those that must wait for a courier of their destination. One that has no courier at all waits for
// a slot, as everybody does.
void dispatch_note_stuck(struct destination *to)
{
    bool is_stuck = to->rests || blocked_bars(to) || (to->couriers > 0 && !may_send(to));
    size_t stuck = is_stuck ? to->ready_count : 0;
    to->virtual->stuck_count += stuck - to->stuck_count;
    to->stuck_count = stuck;
}

// However well it goes there, one destination leaves slots to the others: who is slow, or hangs
// from one moment to the next, would have all of them for as long as that takes.
static bool may_send(const struct destination *to)
{
    size_t most = GREED * free_slots(to->virtual);
    return !blocked_bars(to) && to->couriers < to->couriers_max &&
           (to->couriers == 0 || to->couriers < most);
}

static size_t free_slots(const struct virtual_state *v)
{
    const struct deliverer *d = v->owner;
    uint32_t most = slots_of_all(d);
    size_t here = v->in_flight < v->slots ? v->slots - v->in_flight : 0;
    size_t of_all = d->figures.couriers < most ? most - d->figures.couriers : 0;
    return most > 0 && of_all < here ? of_all : here;
}

// Of this worker; 0: as many as the virtual queues have.
static uint32_t slots_of_all(const struct deliverer *d)
{
    return (d->in.schedules->slots_max + d->in.workers - 1) / d->in.workers;
}

// queue.md 4.1: of a virtual queue that is not configured any more, those of `default`.
struct virtual_state *dispatch_virtual_of(struct deliverer *d, const struct unit *u)
{
    const struct virtual_queue *q = virtual_queue_of_unit(d->in.schedules, u);
    if (!str_eq(q->id, u->queue))
        dispatch_tell_unknown(d, u->queue);
    struct virtual_state *v = map_get(&d->virtuals, q->id);
    if (v != NULL)
        return v;
    v = arena_make(&d->arena, struct virtual_state);
    if (v == NULL)
        return &d->fallback;
    *v = (struct virtual_state){.id = q->id,
            .owner = d,
            .slots = (q->slots + d->in.workers - 1) / d->in.workers,
            .weight = q->weight,
            .paused = pauses_stop(&d->pauses, q)};
    list_init(&v->waiting);
    return map_put(&d->virtuals, v->id, v) ? v : &d->fallback;
}

struct destination *dispatch_destination_known(
        struct deliverer *d, struct virtual_state *v, struct str domain)
{
    struct buf key AUTO(buf_done);
    buf_init(&key, DESTINATION_KEY_BYTES);
    return destination_key(v, domain, &key) ? map_get(&d->destinations, buf_str(&key)) : NULL;
}

static bool destination_key(const struct virtual_state *v, struct str domain, struct buf *out)
{
    buf_add(out, v->id);
    buf_add_byte(out, '\0');
    buf_add(out, domain);
    return !out->overflow;
}

struct destination *dispatch_destination_of(
        struct deliverer *d, struct virtual_state *v, struct str domain)
{
    struct buf key AUTO(buf_done);
    buf_init(&key, DESTINATION_KEY_BYTES);
    if (!destination_key(v, domain, &key))
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
    ready_line_init(&to->ready);
    if (map_put(&d->destinations, to->key, to))
        return to;
    mem_free(room);
    return NULL;
}

// --- Who goes ------------------------------------------------------------------------------------

// Where max-slots lets fewer go than there are slots, virtual queues take turns by their weights:
// each that could go gains its weight, and the richest goes and pays for all.
static void send_couriers(struct deliverer *d)
{
    void *each;
    struct str id;
    d->somebody_rests = false;
    uint32_t most = slots_of_all(d);
    for (bool sent = true; sent && !d->stopping;) {
        struct virtual_state *next = NULL;
        int64_t weights = 0;
        sent = false;
        if (most > 0 && d->figures.couriers >= most)
            break; // before anybody gains: a turn that nobody has costs nobody anything
        for (size_t i = 0; map_next(&d->virtuals, &i, &id, &each);) {
            struct virtual_state *v = each;
            if (v->paused || v->has_nobody || v->in_flight >= v->slots || v->waiting_count == 0)
                continue;
            v->credit += v->weight;
            weights += v->weight;
            if (next == NULL || v->credit > next->credit)
                next = v;
        }
        if (next == NULL)
            break;
        sent = true;
        next->credit -= weights;
        next->has_nobody = !send_one(d, next);
    }
    for (size_t i = 0; map_next(&d->virtuals, &i, &id, &each);) {
        struct virtual_state *v = each;
        v->has_nobody = false;
        tell_back_pressure(d, v);
    }
}

// The slots of a virtual queue go round among its destinations. False: none of them can go.
static bool send_one(struct deliverer *d, struct virtual_state *v)
{
    for (size_t passed = 0; passed < v->waiting_count; passed++) {
        struct destination *to =
                CONTAINER_OF(list_first(&v->waiting), struct destination, in_virtual);
        link_remove(&to->in_virtual);
        list_append(&v->waiting, &to->in_virtual);
        if (!rests_still(to) && may_send(to) && send_courier(d, to))
            return true;
        dispatch_note_stuck(to);
    }
    return false;
}

// Who has a long backlog for hosts that are down spends no more on it than a little.
static bool rests_still(struct destination *to)
{
    if (to->rests && now_ms() >= to->rests_until_ms) {
        to->rests = false;
        dispatch_note_stuck(to);
    }
    to->virtual->owner->somebody_rests |= to->rests;
    return to->rests;
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
    *c = (struct courier){.deliverer = d, .destination = to, .began_ms = now_ms()};
    if (failed(group_spawn(&d->couriers, courier_run, c))) {
        mem_free(c);
        return false;
    }
    to->couriers++;
    to->virtual->in_flight++;
    d->figures.couriers++;
    dispatch_note_stuck(to);
    c->carries = take(to);
    return true;
}

static struct ready *take(struct destination *to)
{
    struct ready *first = ready_line_first(&to->ready, wall_ms());
    if (first == NULL)
        return NULL;
    ready_line_remove(first);
    dispatch_note_ready(to, -1);
    return first;
}

bool dispatch_take_next(struct courier *c, size_t taken_already)
{
    struct destination *to = c->destination;
    struct virtual_state *v = to->virtual;
    bool others_wait = v->waiting_count > (link_is_in(&to->in_virtual) ? 1 : 0);
    bool has_had_its_turn = taken_already >= TURNS_MAX || now_ms() - c->began_ms >= TURN_MS;
    if (c->deliverer->stopping || v->paused || to->rests || to->couriers > to->couriers_max ||
            (has_had_its_turn && (others_wait || blocked_elsewhere(c))))
        return false;
    bool has_a_way = c->connection != NULL && c->refused.by == NULL;
    c->carries = blocked_take(c);
    if (c->carries == NULL && (has_a_way || !blocked_bars(to)))
        c->carries = take(to);
    return c->carries != NULL;
}

void dispatch_settled(struct courier *c, int64_t due_ms)
{
    struct deliverer *d = c->deliverer;
    struct destination *to = c->destination;
    struct ready *r = c->carries;
    if (due_ms == JOB_WAITS) {
        blocked_add(c);
        return;
    }
    c->carries = NULL;
    map_remove(&d->known, str_of(r->key, sizeof(r->key)));
    if (due_ms == JOB_UNSETTLED)
        due_ms = see_to_unsettled(d, r);
    look_no_later(d, id_slot(r->id), due_ms);
    mem_free(r);
    wake_no_later(d, due_ms);
    // Positive feedback as long as it goes well, half of it when it does not (outbound.md 28.2).
    if (c->went_well && to->couriers_max < to->virtual->slots)
        to->couriers_max++;
    else if (!c->went_well && to->couriers_max > 1)
        to->couriers_max /= 2;
    to->rests = !c->went_well;
    to->rests_until_ms = now_ms() + REST_MS;
    dispatch_note_stuck(to);
    if (look_is_short(to)) {
        d->look_wanted = d->is_hungry = true;
        waitq_wake_all(&d->news.come);
    }
}

// A job that could not be done has left its unit as it was: it is looked at again in some seconds,
// unless it is gone, or somebody else has put it off.
static int64_t see_to_unsettled(struct deliverer *d, const struct ready *r)
{
    struct unit u = {.due_ms = r->due_ms};
    arena_reset(&d->scratch);
    struct err e = store_read_unit(d->in.store, &d->scratch, r->id, r->number, &u);
    if (e.kind == ERR_NOT_FOUND || (!failed(e) && u.due_ms > wall_ms()))
        return failed(e) ? NEVER_MS : u.due_ms;
    look_again_at(d, &(struct due){.at_ms = u.due_ms, .id = r->id, .number = r->number});
    return NEVER_MS;
}

void dispatch_came_back(struct courier *c)
{
    struct deliverer *d = c->deliverer;
    struct destination *to = c->destination;
    to->couriers--;
    dispatch_note_stuck(to);
    to->virtual->in_flight--;
    d->figures.couriers--;
    dispatch_forget_if_idle(d, to);
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
            .fallback = {.owner = d, .slots = 1, .weight = 1}};
    list_init(&d->fallback.waiting);
    list_init(&d->left_some);
    list_init(&d->blocked);
    look_begin_again(d);
    arena_init(&d->arena, DELIVERER_BYTES_MAX);
    waitq_init(&d->news.come);
    map_init(&d->known, random_u64(), random_u64());
    map_init(&d->destinations, random_u64(), random_u64());
    map_init(&d->virtuals, 0, 0);
    map_init(&d->unknown, 0, 0);
    d->adopted_at_ms = -ADOPT_EVERY_MS;
    for (size_t i = 0; i < SLOTS; i++)
        d->locks[i] = -1;
    pool_init(&d->pool, &d->news.come);
    sources_init(&d->sources, &d->arena, in->settings);
    warmed_init(&d->warmed, in->warmed_path, in->limits);
    arena_init(&d->scratch, SCRATCH_BYTES_MAX);
    statewatch_init(&d->pauses_watch, in->pauses_path, STATEWATCH_BYTES_MAX);
    suspended_init(&d->suspended, in->suspensions_path);
    ruled_init(&d->ruled, in->standing_path);
    d->dsn_rates = dsn_rates_new(in->limits);
    struct err e = d->dsn_rates == NULL ? fail(ERR_LIMIT, "no memory to deliver mail") : OK;
    if (!failed(e))
        e = health_new(&in->settings->hosts, &d->health);
    if (!failed(e))
        e = outbound_limits_new(in->settings, in->limits, in->column, &d->limits);
    if (!failed(e))
        outbound_tell_freed(d->limits, &d->news.come);
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
    map_done(&d->unknown);
    pool_done(&d->pool);
    health_free(d->health);
    outbound_limits_free(d->limits);
    dsn_rates_free(d->dsn_rates);
    arena_done(&d->scratch);
    warmed_done(&d->warmed);
    statewatch_done(&d->pauses_watch);
    suspended_done(&d->suspended);
    ruled_done(&d->ruled);
    arena_done(&d->arena);
    mem_free(d);
}

size_t deliverer_carries(const struct deliverer *d, struct arena *a, uint64_t **out_ids)
{
    struct str key;
    void *each;
    VEC(uint64_t) ids = {0};
    for (size_t i = 0; map_next(&d->known, &i, &key, &each);) {
        const struct ready *r = each;
        uint64_t *id = link_is_in(&r->in_line) ? NULL : vec_add(a, &ids);
        if (id != NULL)
            *id = r->id;
    }
    *out_ids = ids.at;
    return ids.count;
}

struct deliver_figures deliverer_figures(const struct deliverer *d)
{
    return d->figures;
}
