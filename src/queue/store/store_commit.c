// SPDX-License-Identifier: Apache-2.0
// queue/store/store_commit.c: group commit. A task that has changes puts a request into the line.
// If nobody commits, it leads: it takes what stands in line, as much as an entry should hold, and
// has a helper thread write and sync it. Then it wakes all, and one of those whose turn has not
// come leads next. So there is no task that only commits, and none that waits for others' replies.
//
// With a journal the entry is built here, on the loop, against what all layers say, and appended to
// the journal; when it is on disk its overlay becomes a part of what is committed. Until then
// nobody sees it, and after an error nobody ever will.
//
// Without one, for tools, the same entry is built inside a transaction of LMDB and applied there.
// What happens when the disk fails:
//   a write or the sync of the data   the transaction is as if it had never been; all get the error
//   the write of the meta page        nobody knows whether it is on disk. LMDB refuses this handle
//                                     from then on; it is opened again, and what those requests
//                                     accepted is removed before anybody hears of the error, or, if
//                                     that fails too, before anything else is ever written.
#include "queue/store/store_lmdb.h"

#include "events/metrics.h"
#include "queue/store/body.h"
#include "queue/store/record.h"
#include "rt/clock.h"
#include "rt/offload.h"

#include <errno.h>

#define COMMIT_ARENA_BYTES (1 * MIB)

struct request {
    struct link in_line;
    const struct store_change *changes;
    size_t count;
    struct arena *arena; // of who waits; his error's text goes there
    struct err result;
    bool done;
};

struct batch {
    struct store *store;
    struct arena arena;
    struct list requests;
    size_t bytes;     // of bodies
    struct err error; // of the whole batch
};

static void lead(struct store *store) suspends;
static void batch_take(struct store *store, struct batch *b);
static size_t request_bytes(const struct request *r);
static void batch_tell(struct batch *b);
static void accepted(struct store *store, const struct message *m);
static struct err build(struct batch *b, struct entry *e);
static struct err journal_batch(struct batch *b) suspends;
static struct err make_room(struct batch *b) suspends;
static struct err build_for_journal(struct batch *b, struct entry *e);
static void grow(struct store *store, struct str entry);
static struct err direct_batch(struct batch *b) suspends;
static void direct_work(void *arg);
static struct err direct_write(struct batch *b);
static void doubt(struct batch *b);
static struct err remove_doubtful(struct store *store, struct arena *a);

struct err store_commit(
        struct store *store, struct arena *a, const struct store_change *changes, size_t count)
{
    struct request *r = arena_make(a, struct request);
    if (r == NULL)
        return fail(ERR_LIMIT, "no memory for a change of the queue");
    *r = (struct request){.changes = changes, .count = count, .arena = a};
    list_append(&store->waiting, &r->in_line);
    while (!r->done) {
        if (store->committing)
            waitq_wait_firmly(&store->moved, "the store's commit");
        else
            lead(store);
    }
    return r->result;
}

static void lead(struct store *store)
{
    struct batch b = {.store = store};
    arena_init(&b.arena, COMMIT_ARENA_BYTES);
    list_init(&b.requests);
    store->committing = true;
    int64_t began_ms = now_ms();
    b.error = store->journal != NULL ? make_room(&b) : OK; // more may come meanwhile
    batch_take(store, &b);
    if (!failed(b.error))
        b.error = store->journal != NULL ? journal_batch(&b) : direct_batch(&b);
    metric_observe(store->options.metrics, METRIC_QUEUE_COMMIT_TIME, NO_LABELS,
            (uint64_t)(now_ms() - began_ms));
    batch_tell(&b);
    store->committing = false;
    waitq_wake_all(&store->moved);
    arena_done(&b.arena);
}

static void batch_take(struct store *store, struct batch *b)
{
    size_t changes = 0, bytes = 0,
           most = store->journal != NULL ? GROUP_BYTES_MAX : BATCH_BYTES_MAX;
    each_safe_in_list (r, &store->waiting, struct request, in_line) {
        changes += r->count;
        bytes += request_bytes(r);
        if (!list_is_empty(&b->requests) && (changes > store->options.batch_max || bytes > most))
            return;
        link_remove(&r->in_line);
        list_append(&b->requests, &r->in_line);
        b->bytes = bytes;
    }
}

static size_t request_bytes(const struct request *r)
{
    size_t bytes = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->changes[i].kind == STORE_ACCEPT)
            bytes += message_tail_bytes(r->changes[i].message);
    return bytes;
}

// A request that did not fit has its own error already; the others share the batch's fate. The
// file of a body that was accepted belongs to the store from now on.
static void batch_tell(struct batch *b)
{
    for (struct link *k; (k = list_take_first(&b->requests)) != NULL;) {
        struct request *r = CONTAINER_OF(k, struct request, in_line);
        struct err e = failed(r->result) ? r->result : b->error;
        r->result = OK;
        if (failed(e))
            r->result = fail_fmt(r->arena, e.kind, "%.*s", ARG(err_text(e)));
        for (size_t i = 0; i < r->count && !failed(e); i++)
            if (r->changes[i].kind == STORE_ACCEPT)
                accepted(b->store, r->changes[i].message);
        r->done = true;
    }
}

static void accepted(struct store *store, const struct message *m)
{
    if (m->body.arriving != NULL)
        body_keep(m->body.arriving);
    struct store_news *news = store->news;
    if (news == NULL)
        return;
    for (size_t i = 0; i < m->unit_count; i++) {
        if (news->count == STORE_NEWS_MAX) {
            news->missed = true;
            break;
        }
        news->at[(news->first + news->count++) % STORE_NEWS_MAX] = (struct due){
                .at_ms = m->units[i].due_ms, .id = m->id, .number = m->units[i].number};
    }
    waitq_wake_all(&news->come);
}

void store_tell_news(struct store *store, struct store_news *news)
{
    store->news = news;
}

bool store_news_take(struct store_news *news, struct due *out)
{
    if (news->count == 0)
        return false;
    *out = news->at[news->first];
    news->first = (news->first + 1) % STORE_NEWS_MAX;
    news->count--;
    return true;
}

static struct err build(struct batch *b, struct entry *e)
{
    each_in_list (r, &b->requests, struct request, in_line) {
        r->result = OK;
        for (size_t i = 0; i < r->count && !failed(r->result); i++)
            r->result = entry_check(e, &r->changes[i]);
        for (size_t i = 0; i < r->count && !failed(r->result); i++)
            entry_add(e, &r->changes[i]);
    }
    return entry_trouble(e);
}

// --- With a journal ------------------------------------------------------------------------------

// What is not moved yet is bounded: who comes too fast helps moving, or waits for who does.
static struct err make_room(struct batch *b)
{
    while (unmoved_bytes(b->store) >= UNMOVED_BYTES_MAX)
        TRY(move_some(b->store, &b->arena));
    return OK;
}

static struct err journal_batch(struct batch *b)
{
    struct store *store = b->store;
    struct entry entry;
    store->entry_open = true;
    struct err e = build_for_journal(b, &entry);
    if (!failed(e) && entry.changes > 0) {
        struct journal_head head = journal_next(store->journal, entry.bytes);
        head.last_id = store->last_id;
        struct str bytes = entry_finish(&entry, &head);
        e = journal_append(store->journal, &b->arena, bytes);
        if (!failed(e))
            overlay_merge(&store->committed->overlay, &store->pending);
        else
            entry_forget(&entry);
        grow(store, failed(e) ? S("") : bytes);
        store->committed->overlay.is_doubted |= failed(e);
    } else if (store->block != NULL) {
        entry_forget(&entry);
    }
    store->entry_open = false;
    if (store->generation_wanted && store->moving == NULL)
        generation_begin(store);
    return e;
}

static struct err build_for_journal(struct batch *b, struct entry *e)
{
    struct view view;
    if (!entry_begin(b->store, &b->arena, b->bytes, e))
        return fail(ERR_LIMIT, "no memory for a change of the queue");
    TRY(view_begin(b->store, &b->arena, &view));
    view_add_pending(&view);
    e->view = view;
    struct err error = build(b, e);
    view_end(&view);
    return error;
}

// A failed entry may have left one behind that takes it back: that is moved, too.
static void grow(struct store *store, struct str entry)
{
    struct overlay *to = &store->committed->overlay;
    bool first = to->last_sequence == 0;
    if (first)
        to->since_ms = now_ms();
    to->last_sequence = store->journal->sequence;
    to->bytes += entry.len;
    struct extent *extent = entry.len > 0 ? vec_add(to->arena, &to->extents) : NULL;
    if (extent != NULL) {
        const struct segment *segment = store->journal->current;
        *extent = (struct extent){.from = entry.ptr,
                .bytes = entry.len,
                .slot = store->journal->slot,
                .segment_name = segment->name,
                .at = segment->used - entry.len};
    }
    if (first || generation_bytes(store->committed) >= MOVE_BYTES)
        waitq_wake_all(&store->work);
    if (store->journal->free_count < SEGMENTS_SPARE)
        waitq_wake_all(&store->segments_used);
}

// --- Without -------------------------------------------------------------------------------------

static struct err direct_batch(struct batch *b)
{
    struct store *store = b->store;
    struct err e = store->broken ? store_mend(store, &b->arena) : OK;
    if (!failed(e))
        e = offload(direct_work, b);
    if (!failed(e))
        e = b->error;
    if (store->broken && !failed(store_mend(store, &b->arena))) {
        struct err again = remove_doubtful(store, &b->arena); // so that the error is the truth
        (void)again;                                          // if not now, then before the next
    }
    return e;
}

static void direct_work(void *arg)
{
    struct batch *b = arg;
    b->error = direct_write(b);
}

static struct err direct_write(struct batch *b)
{
    struct store *store = b->store;
    struct entry entry;
    MDB_txn *txn = NULL;
    TRY(remove_doubtful(store, &b->arena));
    if (!entry_begin(store, &b->arena, b->bytes, &entry))
        return fail(ERR_LIMIT, "no memory for a change of the queue");
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (rc != 0) {
        if (rc == MDB_PANIC)
            store_break(store, rc);
        return store_trouble(&b->arena, rc, "writing the queue");
    }
    entry.view = view_of(store, txn);
    struct err e = build(b, &entry);
    if (failed(e))
        mdb_txn_abort(txn);
    else
        e = overlay_apply(store, &b->arena, txn, &store->pending, NULL);
    if (failed(e) && store->broken) // what broke after the commit puts nothing in doubt
        doubt(b);
    entry_forget(&entry);
    arena_reset(&store->committed->arena);
    return e;
}

// --- What may or may not be on disk --------------------------------------------------------------

static void doubt(struct batch *b)
{
    struct store *store = b->store;
    each_in_list (r, &b->requests, struct request, in_line)
        for (size_t i = 0; i < r->count; i++) {
            if (r->changes[i].kind != STORE_ACCEPT || failed(r->result))
                continue;
            struct doubtful *d = vec_add(&store->arena, &store->doubtful);
            if (d == NULL)
                continue;
            d->id = r->changes[i].message->id;
            d->is_imported = r->changes[i].origin != NULL;
            if (d->is_imported)
                d->origin = *r->changes[i].origin;
        }
}

static struct err remove_doubtful(struct store *store, struct arena *a)
{
    struct entry entry;
    MDB_txn *txn = NULL;
    if (store->doubtful.count == 0)
        return OK;
    if (!entry_begin(store, a, 0, &entry))
        return fail(ERR_LIMIT, "no memory to take back what was not acknowledged");
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (rc != 0)
        return store_trouble(a, rc, "taking back what was not acknowledged");
    entry.view = view_of(store, txn);
    for (size_t i = 0; i < store->doubtful.count && rc == 0; i++) {
        const struct doubtful *d = &store->doubtful.at[i];
        rc = entry_remove(&entry, d->id);
        if (rc == MDB_NOTFOUND)
            rc = 0; // it was not on disk
        if (d->is_imported)
            entry_remove_origin(&entry, &d->origin);
    }
    struct err e = rc == 0 ? entry_trouble(&entry)
                           : store_trouble(a, rc, "taking back what was not acknowledged");
    if (failed(e))
        mdb_txn_abort(txn);
    else
        e = overlay_apply(store, a, txn, &store->pending, NULL);
    entry_forget(&entry);
    if (!failed(e))
        store->doubtful.count = 0;
    return e;
}
