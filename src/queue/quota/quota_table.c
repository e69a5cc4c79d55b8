// SPDX-License-Identifier: Apache-2.0
// queue/quota/quota_table.c: finding, adding and taking by compare-and-swap.
#include "queue/quota/quota_table.h"

#include <stdatomic.h>

#define TRIES 8
#define KEY_LEAVING 1 // the place is being taken back; hashes are never 0 or 1
#define PENDING_WINDOW 16

static bool add_bounded(_Atomic int64_t *at, uint64_t more, uint64_t max, uint64_t *out_before);
static void take_bounded(_Atomic int64_t *at, uint64_t less);
static struct quota_pending *pending_at(
        struct quota_shared *s, size_t column, uint64_t key, size_t step);

static uint64_t key_at(struct quota_shared *s, size_t place)
{
    return atomic_load_explicit(&s->places[place].key, memory_order_acquire);
}

static size_t place_of(uint64_t key, size_t step)
{
    return (size_t)((key + step) % QUOTA_PLACES);
}

size_t quota_place_find(struct quota_shared *s, uint64_t key)
{
    assert(key > KEY_LEAVING);
    for (size_t step = 0; step < QUOTA_WINDOW; step++)
        if (key_at(s, place_of(key, step)) == key)
            return place_of(key, step);
    return QUOTA_NO_PLACE;
}

size_t quota_place_claim(struct quota_shared *s, uint64_t key)
{
    size_t found = quota_place_find(s, key);
    for (size_t step = 0; step < QUOTA_WINDOW && found == QUOTA_NO_PLACE; step++) {
        uint64_t now = 0;
        size_t place = place_of(key, step);
        if (atomic_compare_exchange_strong(&s->places[place].key, &now, key) || now == key)
            found = place;
    }
    return found;
}

enum quota_limit quota_place_add(struct quota_shared *s, uint64_t key,
        const struct quota_amount *amount, int64_t wall_now_ms, struct quota_level *out_before)
{
    for (size_t i = 0; i < TRIES; i++) {
        size_t place = quota_place_claim(s, key);
        if (place == QUOTA_NO_PLACE)
            return QUOTA_UNCOUNTED;
        struct quota_place *p = &s->places[place];
        atomic_store(&p->touched_at_ms, wall_now_ms);
        if (!add_bounded(
                    &p->messages, amount->messages, amount->messages_max, &out_before->messages))
            return QUOTA_EXCEEDED;
        if (!add_bounded(&p->bytes, amount->bytes, amount->bytes_max, &out_before->bytes)) {
            take_bounded(&p->messages, amount->messages);
            return QUOTA_EXCEEDED;
        }
        if (key_at(s, place) == key)
            return QUOTA_FITS;
        atomic_fetch_sub(&p->messages, (int64_t)amount->messages); // it is another one's now
        atomic_fetch_sub(&p->bytes, (int64_t)amount->bytes);
    }
    return QUOTA_UNCOUNTED;
}

static bool add_bounded(_Atomic int64_t *at, uint64_t more, uint64_t max, uint64_t *out_before)
{
    int64_t now = atomic_load(at);
    do {
        *out_before = now > 0 ? (uint64_t)now : 0;
        if (max > 0 && (more > max || *out_before > max - more))
            return false;
    } while (!atomic_compare_exchange_weak(at, &now, now + (int64_t)more));
    return true;
}

static void take_bounded(_Atomic int64_t *at, uint64_t less)
{
    int64_t now = atomic_load(at), left;
    do
        left = now > (int64_t)less ? now - (int64_t)less : 0;
    while (!atomic_compare_exchange_weak(at, &now, left));
}

void quota_place_take(
        struct quota_shared *s, uint64_t key, uint64_t messages, uint64_t bytes, int64_t now_ms)
{
    size_t place = quota_place_find(s, key);
    if (place == QUOTA_NO_PLACE)
        return;
    atomic_store(&s->places[place].touched_at_ms, now_ms);
    take_bounded(&s->places[place].messages, messages);
    take_bounded(&s->places[place].bytes, bytes);
}

// By differences, so that what is added at this moment by others stays right.
bool quota_place_set(struct quota_shared *s, size_t place, int64_t messages, int64_t bytes)
{
    struct quota_place *p = &s->places[place];
    uint64_t key = key_at(s, place);
    int64_t messages_now = atomic_load(&p->messages), bytes_now = atomic_load(&p->bytes);
    bool leaves = messages == 0 && bytes == 0;
    if (leaves && !atomic_compare_exchange_strong(&p->key, &key, KEY_LEAVING))
        return false;
    atomic_fetch_add(&p->messages, messages - messages_now);
    atomic_fetch_add(&p->bytes, bytes - bytes_now);
    if (leaves)
        atomic_store_explicit(&p->key, 0, memory_order_release);
    return true;
}

struct quota_level quota_level(struct quota_shared *s, uint64_t key)
{
    size_t place = quota_place_find(s, key);
    if (place == QUOTA_NO_PLACE)
        return (struct quota_level){0};
    return (struct quota_level){.messages = (uint64_t)atomic_load(&s->places[place].messages),
            .bytes = (uint64_t)atomic_load(&s->places[place].bytes)};
}

// --- What a process has charged and not settled --------------------------------------------------

void quota_pending_add(struct quota_shared *s, size_t column, uint64_t key, uint64_t bytes)
{
    for (size_t step = 0; step < PENDING_WINDOW; step++) {
        struct quota_pending *p = pending_at(s, column, key, step);
        if (atomic_load(&p->key) != 0)
            continue;
        atomic_store(&p->bytes, (int64_t)bytes);
        atomic_store(&p->key, key);
        return;
    }
}

void quota_pending_end(struct quota_shared *s, size_t column, uint64_t key, uint64_t bytes)
{
    for (size_t step = 0; step < PENDING_WINDOW; step++) {
        struct quota_pending *p = pending_at(s, column, key, step);
        if (atomic_load(&p->key) != key || atomic_load(&p->bytes) != (int64_t)bytes)
            continue;
        atomic_store(&p->key, 0);
        return;
    }
}

static struct quota_pending *pending_at(
        struct quota_shared *s, size_t column, uint64_t key, size_t step)
{
    assert(column < COLUMNS_MAX);
    return &s->pending[column][(size_t)((key + step) % QUOTA_PENDING_MAX)];
}

void quota_forget(struct quota_shared *s, size_t column)
{
    assert(column < COLUMNS_MAX);
    for (size_t i = 0; i < QUOTA_PENDING_MAX; i++) {
        struct quota_pending *p = &s->pending[column][i];
        uint64_t key = atomic_exchange(&p->key, 0);
        if (key != 0)
            quota_place_take(s, key, 1, (uint64_t)atomic_load(&p->bytes), s->made_at_ms);
    }
    uint32_t counting = (uint32_t)column + 1;
    atomic_compare_exchange_strong(&s->counting, &counting, 0);
}
