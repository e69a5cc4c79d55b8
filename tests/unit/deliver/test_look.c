// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_look.c: what is due is found in the store, nothing twice and nothing
// never, however long a backlog is (queue.md 6.2).
#include "../queue/place.h"
#include "../queue/schedule_world.h"

#include "deliver/deliver_state.h"
#include "queue/store/store_lmdb.h"

#define SHARE 20      // of a destination that nobody knows yet: five couriers, ready-factor 4
#define HORIZON_S 300 // queue.manager.scan-horizon
#define LOOKS_MAX 200

struct looking {
    struct place place;
    struct schedules schedules;
    struct deliverer *d;
    struct arena scratch;
    int64_t now_ms; // on the calendar, at the beginning
};

static void looking_begin(struct looking *w)
{
    struct deliverer *d = mem_new(struct deliverer);
    assert_non_null(d);
    schedules_load(&w->schedules, "");
    arena_init(&w->scratch, 16 * MIB);
    w->now_ms = wall_ms();
    w->d = d;
    d->in = (struct deliver_inputs){
            .store = w->place.store, .schedules = &w->schedules.settings, .workers = 1};
    d->fallback = (struct virtual_state){.owner = d, .slots = 1, .weight = 1};
    list_init(&d->fallback.waiting);
    list_init(&d->left_some);
    arena_init(&d->arena, MIB);
    arena_init(&d->scratch, MIB);
    map_init(&d->known, 0, 0);
    map_init(&d->destinations, 0, 0);
    map_init(&d->virtuals, 0, 0);
    for (size_t i = 0; i < SLOTS; i++)
        d->locks[i] = -1;
    look_begin_again(d);
}

static void looking_end(struct looking *w)
{
    struct str key;
    void *each;
    struct deliverer *d = w->d;
    for (size_t i = 0; map_next(&d->known, &i, &key, &each);)
        mem_free(each);
    for (size_t i = 0; map_next(&d->destinations, &i, &key, &each);)
        mem_free(each);
    map_done(&d->known);
    map_done(&d->destinations);
    map_done(&d->virtuals);
    arena_done(&d->arena);
    arena_done(&d->scratch);
    mem_free(d);
    arena_done(&w->scratch);
    schedules_unload(&w->schedules);
}

// Many messages to a domain, due so long ago, each a millisecond after the other.
static struct err post(
        struct looking *w, const char *domain, size_t count, int64_t ago_ms, int priority) suspends;
static struct err post(
        struct looking *w, const char *domain, size_t count, int64_t ago_ms, int priority)
{
    for (size_t i = 0; i < count; i++) {
        struct message m = made_message(&w->place, store_new_id(w->place.store), S("x"), 1);
        m.units[0].domain = str_from_c(domain);
        m.units[0].queue = S("remote");
        m.units[0].due_ms = w->now_ms - ago_ms + (int64_t)i;
        m.units[0].priority = priority;
        TRY(accept_message(&w->place, &m));
    }
    return OK;
}

static struct err look(struct looking *w) MUST_USE;
static struct err look(struct looking *w)
{
    w->d->wake_at_ms = NEVER_MS;
    w->d->look_wanted = false;
    return look_at_store(w->d, &w->scratch);
}

static struct destination *destination(struct looking *w, const char *domain)
{
    struct virtual_state *v = map_get(&w->d->virtuals, S("remote"));
    return v == NULL ? NULL : dispatch_destination_known(w->d, v, str_from_c(domain));
}

static size_t ready_for(struct looking *w, const char *domain)
{
    const struct destination *to = destination(w, domain);
    return to == NULL ? 0 : to->ready_count;
}

// All that waits is carried away and gone.
static struct err drain(struct looking *w, const char *domain, size_t *sum) suspends;
static struct err drain(struct looking *w, const char *domain, size_t *sum)
{
    struct destination *to = destination(w, domain);
    struct ready *r = to == NULL ? NULL : ready_line_first(&to->ready, w->now_ms);
    for (; r != NULL; r = ready_line_first(&to->ready, w->now_ms)) {
        const struct store_change gone = {.kind = STORE_REMOVE, .id = r->id};
        ready_line_remove(r);
        dispatch_note_ready(to, -1);
        map_remove(&w->d->known, str_of(r->key, sizeof(r->key)));
        mem_free(r);
        TRY(store_commit(w->place.store, &w->scratch, &gone, 1)); // not there: it was found twice
        ++*sum;
    }
    if (to != NULL)
        dispatch_forget_if_idle(w->d, to);
    return OK;
}

static struct err drain_all(struct looking *w, const char *domain, size_t *sum) suspends;
static struct err drain_all(struct looking *w, const char *domain, size_t *sum)
{
    for (size_t i = 0; i < LOOKS_MAX; i++) {
        TRY(drain(w, domain, sum));
        TRY(look(w));
    }
    return OK;
}

// --- What is found -------------------------------------------------------------------------------

static struct err what_is_due(void *arg)
{
    struct looking *w = arg;
    TRY(post(w, "a.example", 2, MINUTE_MS, 0));
    TRY(post(w, "b.example", 1, HOUR_MS, 0));
    TRY(post(w, "a.example", 1, -HOUR_MS, 0));
    TRY(look(w));
    check_u64("of one", ready_for(w, "a.example"), 2);
    check_u64("of the other", ready_for(w, "b.example"), 1);
    check_u64("the next one", (uint64_t)w->d->wake_at_ms, (uint64_t)w->now_ms + HOUR_MS);
    TRY(look(w));
    check_u64("nothing twice", w->d->figures.ready, 3);
    return OK;
}

static struct err a_backlog(void *arg)
{
    struct looking *w = arg;
    size_t slow = 0, other = 0;
    TRY(post(w, "slow.example", 300, HOUR_MS, 0));
    TRY(post(w, "b.example", 1, SECOND_MS, 0));
    TRY(look(w));
    check_u64("its share", ready_for(w, "slow.example"), SHARE);
    check_u64("is in nobody's way", ready_for(w, "b.example"), 1);
    TRY(drain_all(w, "slow.example", &slow));
    TRY(drain(w, "b.example", &other));
    check_u64("all of it in the end", slow, 300);
    check_u64("and the other", other, 1);
    check_u64("nothing is left", w->d->figures.ready, 0);
    return OK;
}

static struct err urgent_mail(void *arg)
{
    struct looking *w = arg;
    size_t sum = 0;
    TRY(post(w, "slow.example", 60, MINUTE_MS, 0));
    TRY(look(w));
    TRY(post(w, "slow.example", 3, SECOND_MS, 3));
    TRY(look(w));
    struct destination *to = destination(w, "slow.example");
    check_u64("of the same band: none", ready_line_first(&to->ready, w->now_ms)->priority, 0);
    TRY(post(w, "slow.example", 3, SECOND_MS / 2, 9));
    TRY(look(w));
    check_u64("first", ready_line_first(&to->ready, w->now_ms)->priority, 9);
    check_u64("nobody more", to->ready_count, SHARE);
    TRY(drain_all(w, "slow.example", &sum));
    check_u64("who made room is not lost", sum, 66);
    return OK;
}

static struct err as_a_provider_likes_it(void *arg)
{
    struct looking *w = arg;
    size_t sum = 0;
    TRY(post(w, "slow.example", 1, HOUR_MS, 0));
    TRY(look(w));
    destination(w, "slow.example")->ready_max = 3; // queue.shaping.<id>.max-ready
    TRY(post(w, "slow.example", 10, MINUTE_MS, 0));
    TRY(look(w));
    check_u64("no more", ready_for(w, "slow.example"), 3);
    TRY(drain_all(w, "slow.example", &sum));
    check_u64("and all", sum, 11);
    return OK;
}

// --- Where it goes on ----------------------------------------------------------------------------

static struct err behind_the_place(void *arg)
{
    struct looking *w = arg;
    struct deliverer *d = w->d;
    uint8_t slot = store_slot(w->place.store);
    TRY(post(w, "a.example", 1, MINUTE_MS, 0));
    TRY(look(w));
    TRY(post(w, "b.example", 1, HOUR_MS, 0));
    TRY(look(w));
    check_u64("what nobody tells of", ready_for(w, "b.example"), 0);
    look_no_later(d, slot, w->now_ms - HOUR_MS);
    TRY(look(w));
    check_u64("what is told of", ready_for(w, "b.example"), 1);
    TRY(post(w, "c.example", 1, HOUR_MS, 0));
    d->began_again_ms = now_ms() - HORIZON_S * SECOND_MS / 2 + MINUTE_MS;
    TRY(look(w));
    check_u64("not before half of the horizon", ready_for(w, "c.example"), 0);
    d->began_again_ms = now_ms() - HORIZON_S * SECOND_MS / 2;
    TRY(look(w));
    check_u64("all of it is looked through", ready_for(w, "c.example"), 1);
    TRY(post(w, "d.example", 1, HOUR_MS, 0));
    d->look_from[slot].at_ms = wall_ms() + DAY_MS;
    TRY(look(w));
    check_u64("the clock has gone back", ready_for(w, "d.example"), 1);
    return OK;
}

// It is noted for who cleans, and keeps nothing else from being found.
static struct err what_cannot_be_read(void *arg)
{
    struct looking *w = arg;
    TRY(post(w, "a.example", 2, MINUTE_MS, 0));
    struct due *all;
    size_t count;
    TRY(store_due(w->place.store, &w->scratch, store_slot(w->place.store), w->now_ms, NULL, 1, &all,
            &count));
    const struct due first = all[0];
    struct key key = key_unit(first.id, first.number);
    MDB_txn *txn = NULL;
    MDB_val at = key_val(&key), rubbish = {.mv_size = 1, .mv_data = &key};
    assert_int_equal(mdb_txn_begin(w->place.store->env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_put(txn, w->place.store->db[DB_UNIT], &at, &rubbish, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    TRY(look(w));
    check_u64("the other", ready_for(w, "a.example"), 1);
    check_u64("this one is noted", w->d->lost_count, 1);
    check_u64("this one", w->d->lost[0].id, first.id);
    check_u64("and not looked at again", (uint64_t)w->d->again_at_ms, (uint64_t)INT64_MAX);
    return OK;
}

static struct err run(void *arg)
{
    struct looking w = {0};
    task_main *story = *(task_main **)arg;
    place_begin(&w.place);
    looking_begin(&w);
    struct err e = story(&w);
    looking_end(&w);
    place_end(&w.place);
    return e;
}

static void in_a_world(task_main *story)
{
    in_loop(run, &story);
}

#define STORY(name)                                                                                \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        in_a_world(name);                                                                          \
    }
STORY(what_is_due)
STORY(a_backlog)
STORY(urgent_mail)
STORY(as_a_provider_likes_it)
STORY(behind_the_place)
STORY(what_cannot_be_read)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_what_is_due), TEST(test_a_backlog),
            TEST(test_urgent_mail), TEST(test_as_a_provider_likes_it), TEST(test_behind_the_place),
            TEST(test_what_cannot_be_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
