// SPDX-License-Identifier: Apache-2.0
// queue/quota/quota_count.c: from the store to the counters, and back to nothing. A charge for a
// recipient or a domain holds as long as somebody of it is pending, whichever unit he is in.
#include "base/id.h"
#include "base/map.h"
#include "queue/quota/quota_table.h"
#include "rt/clock.h"

#include <stdatomic.h>

#define PAGE_MESSAGES 50 // so that the worker is not kept from its sessions
#define PAGE_REST_MS 1   // nor from deliveries: a page takes some tenths of it
#define PAGE_BYTES_MAX (64 * MIB)
#define QUIET_MS MINUTE_MS

struct pending_set {
    struct arena arena;
    struct map subjects; // addresses, and domains in lower case behind '@'
};

// Of a recount: what the counters should be, by place.
struct sums {
    struct quota_sum {
        int64_t messages, bytes;
    } at[QUOTA_PLACES];
};

static bool pending_make(struct pending_set *set, const struct message *m);
static void pending_done(struct pending_set *set);
static bool ref_holds(const struct pending_set *set, const struct quota_ref *ref);
static struct str domain_entry(struct arena *a, struct str domain);
static struct err walk(struct quota_meter *meter, struct store *store, struct arena *a,
        struct sums *sums) suspends;
static void count_message(struct quota_meter *meter, const struct message *m, struct sums *sums);
static void count_ref(struct quota_meter *meter, const struct message *m,
        const struct quota_ref *ref, struct sums *sums);
static void correct(struct quota_shared *s, const struct sums *sums, int64_t quiet_since_ms);

void quota_release(
        struct quota_meter *meter, const struct message *before, const struct message *after)
{
    struct quota_shared *s = meter->shared;
    struct pending_set was, is;
    bool counted =
            id_made_at_ms(before->id) >= s->made_at_ms || before->id <= atomic_load(&s->counted_to);
    if (before->quota_ref_count == 0 || !counted)
        return; // a count that comes by will not find it any more
    bool known = pending_make(&was, before);
    if (after != NULL)
        known &= pending_make(&is, after);
    for (size_t i = 0; i < before->quota_ref_count && known; i++) {
        const struct quota_ref *ref = &before->quota_refs[i];
        bool stays = after != NULL && (ref->scope == QUOTA_OF_MESSAGE || ref_holds(&is, ref));
        if (!stays && ref_holds(&was, ref))
            quota_place_take(s, ref->key, 1, before->quota_bytes, wall_ms());
    }
    pending_done(&was);
    if (after != NULL)
        pending_done(&is);
}

static bool pending_make(struct pending_set *set, const struct message *m)
{
    bool fits = true;
    arena_init(&set->arena, RECORD_BYTES_MAX);
    map_init(&set->subjects, 0, 0);
    for (size_t i = 0; i < m->unit_count; i++)
        for (size_t j = 0; j < m->units[i].rcpt_count && fits; j++) {
            const struct recipient *r = &m->units[i].rcpts[j];
            if (rcpt_is_final(r))
                continue;
            struct str domain = domain_entry(&set->arena, address_domain(r->address));
            fits = map_put(&set->subjects, r->address, set) && !str_is_null(domain) &&
                   map_put(&set->subjects, domain, set);
        }
    return fits;
}

static void pending_done(struct pending_set *set)
{
    map_done(&set->subjects);
    arena_done(&set->arena);
}

static bool ref_holds(const struct pending_set *set, const struct quota_ref *ref)
{
    switch (ref->scope) {
    case QUOTA_OF_MESSAGE:
        return true;
    case QUOTA_OF_RCPT:
        return map_has(&set->subjects, ref->subject);
    case QUOTA_OF_DOMAIN:
        break;
    }
    struct arena scratch;
    arena_init(&scratch, 4 * KIB);
    bool holds = map_has(&set->subjects, domain_entry(&scratch, ref->subject));
    arena_done(&scratch);
    return holds;
}

// An address has something before its '@', so none is mistaken for a domain.
static struct str domain_entry(struct arena *a, struct str domain)
{
    return arena_join(a, S("@"), arena_str_lower(a, domain));
}

// --- Counting ------------------------------------------------------------------------------------

struct err quota_count(struct quota_meter *meter, struct store *store, struct arena *a)
{
    struct quota_shared *s = meter->shared;
    uint32_t nobody = 0;
    if (!atomic_compare_exchange_strong(&s->counting, &nobody, (uint32_t)meter->column + 1))
        return OK;
    struct err e = OK;
    if (atomic_load(&s->counted_to) != UINT64_MAX)
        e = walk(meter, store, a, NULL);
    atomic_store(&s->counting, 0);
    return e;
}

struct err quota_recount(struct quota_meter *meter, struct store *store, struct arena *a)
{
    struct quota_shared *s = meter->shared;
    uint32_t nobody = 0;
    int64_t quiet_since_ms = wall_ms() - QUIET_MS;
    if (atomic_load(&s->counted_to) != UINT64_MAX ||
            !atomic_compare_exchange_strong(&s->counting, &nobody, (uint32_t)meter->column + 1))
        return OK;
    struct sums *sums = mem_new(struct sums);
    struct err e = sums == NULL ? fail(ERR_LIMIT, "no memory to count the queue anew")
                                : walk(meter, store, a, sums);
    if (!failed(e))
        correct(s, sums, quiet_since_ms);
    mem_free(sums);
    atomic_store(&s->counting, 0);
    return e;
}

// In pages, with others running between them. Sums NULL: the first count, which ends at the first
// message that was charged by a worker.
static struct err walk(
        struct quota_meter *meter, struct store *store, struct arena *a, struct sums *sums)
{
    struct quota_shared *s = meter->shared;
    struct store_query query = {
            .limit = PAGE_MESSAGES, .after = sums == NULL ? atomic_load(&s->counted_to) : 0};
    for (bool end = false; !end;) {
        struct arena page_arena;
        struct store_page page;
        arena_init(&page_arena, PAGE_BYTES_MAX);
        struct err e = store_list(store, &page_arena, &query, &page);
        for (size_t i = 0; i < page.count && !failed(e) && !end; i++) {
            end = sums == NULL && id_made_at_ms(page.messages[i].id) >= s->made_at_ms;
            if (!end)
                count_message(meter, &page.messages[i], sums);
        }
        end |= page.end;
        query.after = page.next;
        arena_done(&page_arena);
        if (failed(e))
            return fail_fmt(a, e.kind, "counting for the quotas: %.*s", ARG(err_text(e)));
        if (sums == NULL)
            atomic_store(&s->counted_to, end ? UINT64_MAX : query.after);
        TRY(task_sleep_ms(PAGE_REST_MS));
    }
    return OK;
}

static void count_message(struct quota_meter *meter, const struct message *m, struct sums *sums)
{
    struct pending_set set;
    if (m->quota_ref_count == 0)
        return;
    if (pending_make(&set, m))
        for (size_t i = 0; i < m->quota_ref_count; i++)
            if (ref_holds(&set, &m->quota_refs[i]))
                count_ref(meter, m, &m->quota_refs[i], sums);
    pending_done(&set);
}

static void count_ref(struct quota_meter *meter, const struct message *m,
        const struct quota_ref *ref, struct sums *sums)
{
    struct quota_level before;
    const struct quota_amount amount = {.messages = 1, .bytes = m->quota_bytes};
    if (sums == NULL) {
        (void)quota_place_add(meter->shared, ref->key, &amount, wall_ms(), &before);
        return;
    }
    size_t place = quota_place_claim(meter->shared, ref->key);
    if (place == QUOTA_NO_PLACE)
        return;
    sums->at[place].messages++;
    sums->at[place].bytes += (int64_t)m->quota_bytes;
}

static void correct(struct quota_shared *s, const struct sums *sums, int64_t quiet_since_ms)
{
    for (size_t place = 0; place < QUOTA_PLACES; place++) {
        const struct quota_place *p = &s->places[place];
        const struct quota_sum *sum = &sums->at[place];
        if (atomic_load(&p->key) != 0 && atomic_load(&p->touched_at_ms) < quiet_since_ms)
            (void)quota_place_set(s, place, sum->messages, sum->bytes);
    }
}
