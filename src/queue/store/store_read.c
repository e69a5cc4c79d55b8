// SPDX-License-Identifier: Apache-2.0
// queue/store/store_read.c: reading what is committed. Each call sees one moment of the store,
// copies what it gives, and never suspends while it looks: pages that somebody reads cannot be used
// again.
#include "queue/store/store_kept.h"

#include "queue/control/edit.h"
#include "queue/store/record.h"

#define DUE_MOST 100000
#define READ_TRIES 2

static struct err read_message(struct arena *a, const struct view *view, uint64_t id,
        enum store_body body, struct message *out);
static struct err units_of(struct arena *a, const struct view *view, struct message *m);
static struct err list_with(struct arena *a, const struct view *view,
        const struct store_query *query, struct store_page *out);
static int page_first(struct view_cursor *c, const struct store_query *query);
static struct err due_with(struct arena *a, const struct view *view, uint8_t slot, int64_t until_ms,
        const struct due *after, size_t limit, struct due *all, size_t *count);

// Between our look at LMDB and at a segment the message may have been removed, or its body brought
// to another place: who looks again sees what is true now.
struct err store_read(struct store *store, struct arena *a, uint64_t id, enum store_body body,
        struct message *out)
{
    struct err e = OK;
    for (int tries = 0; tries < READ_TRIES; tries++) {
        struct view view;
        TRY(view_begin(store, a, &view));
        e = read_message(a, &view, id, body, out);
        view_end(&view);
        if (!failed(e) || body == STORE_WITHOUT_BODY || e.kind == ERR_LIMIT)
            return e;
    }
    return e;
}

static struct err read_message(struct arena *a, const struct view *view, uint64_t id,
        enum store_body body, struct message *out)
{
    struct key key = key_message(id);
    struct str value;
    int rc = view_get(view, DB_MESSAGE, key_str(&key), &value);
    if (rc != 0)
        return store_trouble(a, rc, "reading a message");
    TRY(stored_message(view->store, a, id, value, body, out));
    return units_of(a, view, out);
}

static struct err units_of(struct arena *a, const struct view *view, struct message *m)
{
    struct view_cursor c;
    struct key key = key_unit(m->id, 0);
    VEC(struct unit) units = {0};
    int rc = view_open(view, DB_UNIT, &c);
    struct err e = rc == 0 ? OK : store_trouble(a, rc, "reading a message");
    for (rc = rc == 0 ? view_seek(&c, key_str(&key), false) : rc; rc == 0 && !failed(e);
            rc = view_next(&c)) {
        uint64_t id;
        uint16_t number;
        if (!key_is_unit(c.key, &id, &number) || id != m->id)
            break;
        struct str copy = arena_str(a, c.value);
        struct unit *u = vec_add(a, &units);
        if (u == NULL || str_is_null(copy))
            e = fail(ERR_LIMIT, "no memory to read a message");
        else
            e = unit_decode(a, id, number, copy, u);
    }
    view_close(&c);
    m->units = units.at;
    m->unit_count = units.count;
    message_take_edits(m);
    return e;
}

struct err store_read_unit(
        struct store *store, struct arena *a, uint64_t id, uint16_t number, struct unit *out)
{
    struct view view;
    struct str value;
    struct key key = key_unit(id, number);
    TRY(view_begin(store, a, &view));
    int rc = view_get(&view, DB_UNIT, key_str(&key), &value);
    struct str copy = rc == 0 ? arena_str(a, value) : STR_NULL;
    view_end(&view);
    if (rc != 0)
        return store_trouble(a, rc, "reading a unit");
    if (str_is_null(copy))
        return fail(ERR_LIMIT, "no memory to read a unit");
    return unit_decode(a, id, number, copy, out);
}

struct err store_find_imported(
        struct store *store, struct arena *a, const struct store_origin *origin, uint64_t *out_id)
{
    struct view view;
    TRY(view_begin(store, a, &view));
    int rc = view_imported(&view, origin, out_id);
    view_end(&view);
    if (rc == MDB_NOTFOUND)
        *out_id = 0;
    return rc == 0 || rc == MDB_NOTFOUND ? OK : store_trouble(a, rc, "reading the queue");
}

struct err store_list(struct store *store, struct arena *a, const struct store_query *query,
        struct store_page *out)
{
    struct view view;
    *out = (struct store_page){0};
    TRY(view_begin(store, a, &view));
    struct err e = list_with(a, &view, query, out);
    view_end(&view);
    return e;
}

// Where not all are wanted, each is read into scratch first: most must not fill the arena.
static struct err list_with(struct arena *a, const struct view *view,
        const struct store_query *query, struct store_page *out)
{
    struct view_cursor c;
    size_t seen = 0,
           limit = query->limit == 0 || query->limit > LIST_PAGE_MAX ? LIST_PAGE_MAX : query->limit;
    struct arena scratch;
    out->messages = arena_array(a, limit, struct message);
    if (out->messages == NULL)
        return fail(ERR_LIMIT, "no memory to list the queue");
    int rc = view_open(view, DB_MESSAGE, &c);
    if (rc != 0)
        return store_trouble(a, rc, "listing the queue");
    arena_init(&scratch, RECORD_BYTES_MAX);
    struct err e = OK;
    rc = page_first(&c, query);
    while (rc == 0 && !failed(e) && out->count < limit &&
            (query->scan_max == 0 || seen < query->scan_max)) {
        struct message m;
        uint64_t id = c.key.len == 8 ? key_u64(c.key.ptr) : 0;
        seen++;
        arena_reset(&scratch);
        if (query->wanted != NULL)
            e = read_message(&scratch, view, id, STORE_WITHOUT_BODY, &m);
        if (!failed(e) && (query->wanted == NULL || query->wanted(query->filter, &m))) {
            e = read_message(a, view, id, STORE_WITHOUT_BODY, &out->messages[out->count]);
            out->count += !failed(e);
        }
        if (failed(e) && e.kind != ERR_LIMIT) {
            out->damaged++;
            e = OK;
        }
        out->next = id;
        rc = view_next(&c);
    }
    out->end = rc != 0;
    arena_done(&scratch);
    view_close(&c);
    return e;
}

static int page_first(struct view_cursor *c, const struct store_query *query)
{
    struct key key = key_message(query->after);
    struct str from = query->after == 0 ? STR_NULL : key_str(&key);
    int rc = view_seek(c, from, query->downwards);
    if (rc == 0 && query->after != 0 && str_eq(c->key, from))
        rc = view_next(c);
    return rc;
}

struct err store_due(struct store *store, struct arena *a, uint8_t slot, int64_t until_ms,
        const struct due *after, size_t limit, struct due **out, size_t *out_count)
{
    struct view view;
    size_t most = limit == 0 || limit > DUE_MOST ? DUE_MOST : limit;
    struct due *all = arena_array(a, most, struct due);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory to read what is due");
    TRY(view_begin(store, a, &view));
    size_t count = 0;
    struct err e = due_with(a, &view, slot, until_ms, after, most, all, &count);
    view_end(&view);
    TRY(e);
    *out = all;
    *out_count = count;
    return OK;
}

static struct err due_with(struct arena *a, const struct view *view, uint8_t slot, int64_t until_ms,
        const struct due *after, size_t limit, struct due *all, size_t *count)
{
    struct view_cursor c;
    struct key key = after == NULL ? key_due(slot, INT64_MIN, 0, 0)
                                   : key_due(slot, after->at_ms, after->id, after->number);
    int rc = view_open(view, DB_DUE, &c);
    if (rc != 0)
        return store_trouble(a, rc, "reading what is due");
    rc = view_seek(&c, key_str(&key), false);
    if (rc == 0 && after != NULL && str_eq(c.key, key_str(&key)))
        rc = view_next(&c);
    while (rc == 0 && *count < limit) {
        uint8_t of_slot;
        struct due due;
        if (key_is_due(c.key, &of_slot, &due)) { // others are the check's business
            if (of_slot != slot || due.at_ms > until_ms)
                break;
            all[(*count)++] = due;
        }
        rc = view_next(&c);
    }
    view_close(&c);
    return OK;
}

struct err store_figures(struct store *store, struct store_figures *out)
{
    struct view view;
    struct arena scratch;
    MDB_envinfo info = {0};
    uint64_t counts[DB_COUNT] = {0}, page_bytes = 0;
    arena_init(&scratch, 4 * KIB);
    struct err e = view_begin(store, &scratch, &view);
    int rc = 0;
    for (size_t i = 0; i < DB_COUNT && !failed(e) && rc == 0; i++) {
        MDB_stat stat = {0};
        if (i >= DB_SUMMARY)
            continue; // as many as units; and what is no mail of ours
        rc = mdb_stat(view.txn, store->db[i], &stat);
        page_bytes = stat.ms_psize;
        counts[i] = stat.ms_entries;
        for (size_t j = 0; j < view.layer_count; j++)
            counts[i] += (uint64_t)view.layers[j]->more[i];
    }
    if (!failed(e)) {
        view_end(&view);
        mdb_env_info(store->env, &info);
    }
    arena_done(&scratch);
    if (failed(e) || rc != 0)
        return fail(ERR_IO, "the queue cannot be read");
    *out = (struct store_figures){.messages = counts[DB_MESSAGE],
            .units = counts[DB_UNIT],
            .large_bodies = counts[DB_LINK],
            .used_bytes = (uint64_t)(info.me_last_pgno + 1) * page_bytes};
    return OK;
}
