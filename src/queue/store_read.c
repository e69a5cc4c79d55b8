// SPDX-License-Identifier: Apache-2.0
// queue/store_read.c: reading what is committed. Each call sees one moment of the store, copies
// what it gives, and never suspends while it looks: pages that somebody reads cannot be used again.
#include "queue/store_lmdb.h"

#include "queue/record.h"

#define DUE_MOST 100000

static struct err read_message(struct store *store, struct arena *a, MDB_txn *txn, uint64_t id,
        enum store_body body, struct message *out);
static struct err message_of(struct arena *a, uint64_t id, const MDB_val *value,
        enum store_body body, struct message *out);
static struct err units_of(struct store *store, struct arena *a, MDB_txn *txn, struct message *m);
static struct err list_with(struct store *store, struct arena *a, MDB_txn *txn,
        const struct store_query *query, struct store_page *out);
static int page_first(MDB_cursor *cursor, const struct store_query *query, MDB_val *at, MDB_val *v);
static struct err due_with(struct store *store, struct arena *a, MDB_txn *txn, uint8_t slot,
        int64_t until_ms, const struct due *after, size_t limit, struct due *all, size_t *count);

struct err store_read(struct store *store, struct arena *a, uint64_t id, enum store_body body,
        struct message *out)
{
    struct reading r;
    TRY(reading_begin(store, a, &r));
    struct err e = read_message(store, a, r.txn, id, body, out);
    reading_end(&r);
    return e;
}

static struct err read_message(struct store *store, struct arena *a, MDB_txn *txn, uint64_t id,
        enum store_body body, struct message *out)
{
    struct key key = key_message(id);
    MDB_val at = key_val(&key), value;
    int rc = mdb_get(txn, store->db[DB_MESSAGE], &at, &value);
    if (rc != 0)
        return store_trouble(a, rc, "reading a message");
    TRY(message_of(a, id, &value, body, out));
    return units_of(store, a, txn, out);
}

// The copy comes first: what is decoded points into it.
static struct err message_of(struct arena *a, uint64_t id, const MDB_val *value,
        enum store_body body, struct message *out)
{
    struct message m;
    struct str whole = val_str(value);
    TRY(message_decode(a, id, whole, &m));
    size_t tail = message_tail_bytes(&m);
    if (body == STORE_WITH_BODY)
        TRY(message_check_body(whole, &m));
    struct str copy =
            arena_str(a, str_upto(whole, whole.len - (body == STORE_WITH_BODY ? 0 : tail)));
    if (str_is_null(copy))
        return fail(ERR_LIMIT, "no memory to read a message");
    TRY(message_decode_head(a, id, copy, &m));
    if (body == STORE_WITH_BODY && m.body.place == BODY_INLINE)
        m.body.inline_bytes = str_part(copy, whole.len - tail, m.body.bytes);
    *out = m;
    return OK;
}

static struct err units_of(struct store *store, struct arena *a, MDB_txn *txn, struct message *m)
{
    MDB_cursor *cursor = NULL;
    MDB_val value;
    struct key key = key_unit(m->id, 0);
    MDB_val at = key_val(&key);
    VEC(struct unit) units = {0};
    int rc = mdb_cursor_open(txn, store->db[DB_UNIT], &cursor);
    struct err e = rc == 0 ? OK : store_trouble(a, rc, "reading a message");
    for (int step = rc == 0 ? mdb_cursor_get(cursor, &at, &value, MDB_SET_RANGE) : MDB_NOTFOUND;
            step == 0 && !failed(e); step = mdb_cursor_get(cursor, &at, &value, MDB_NEXT)) {
        uint64_t id;
        uint16_t number;
        if (!key_is_unit(&at, &id, &number) || id != m->id)
            break;
        struct str copy = arena_str(a, val_str(&value));
        struct unit *u = vec_add(a, &units);
        if (u == NULL || str_is_null(copy))
            e = fail(ERR_LIMIT, "no memory to read a message");
        else
            e = unit_decode(a, id, number, copy, u);
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    m->units = units.at;
    m->unit_count = units.count;
    return e;
}

struct err store_read_unit(
        struct store *store, struct arena *a, uint64_t id, uint16_t number, struct unit *out)
{
    struct reading r;
    TRY(reading_begin(store, a, &r));
    struct key key = key_unit(id, number);
    MDB_val at = key_val(&key), value;
    int rc = mdb_get(r.txn, store->db[DB_UNIT], &at, &value);
    struct str copy = rc == 0 ? arena_str(a, val_str(&value)) : STR_NULL;
    reading_end(&r);
    if (rc != 0)
        return store_trouble(a, rc, "reading a unit");
    if (str_is_null(copy))
        return fail(ERR_LIMIT, "no memory to read a unit");
    return unit_decode(a, id, number, copy, out);
}

struct err store_list(struct store *store, struct arena *a, const struct store_query *query,
        struct store_page *out)
{
    struct reading r;
    *out = (struct store_page){0};
    TRY(reading_begin(store, a, &r));
    struct err e = list_with(store, a, r.txn, query, out);
    reading_end(&r);
    return e;
}

// Each candidate is read into scratch first: most are not wanted, and must not fill the arena.
static struct err list_with(struct store *store, struct arena *a, MDB_txn *txn,
        const struct store_query *query, struct store_page *out)
{
    MDB_cursor *cursor = NULL;
    MDB_val at, value;
    size_t seen = 0,
           limit = query->limit == 0 || query->limit > LIST_PAGE_MAX ? LIST_PAGE_MAX : query->limit;
    struct arena scratch;
    out->messages = arena_array(a, limit, struct message);
    if (out->messages == NULL)
        return fail(ERR_LIMIT, "no memory to list the queue");
    int rc = mdb_cursor_open(txn, store->db[DB_MESSAGE], &cursor);
    if (rc != 0)
        return store_trouble(a, rc, "listing the queue");
    arena_init(&scratch, RECORD_BYTES_MAX);
    struct err e = OK;
    rc = page_first(cursor, query, &at, &value);
    while (rc == 0 && !failed(e) && out->count < limit &&
            (query->scan_max == 0 || seen < query->scan_max)) {
        struct message m;
        uint64_t id = at.mv_size == 8 ? key_u64(at.mv_data) : 0;
        seen++;
        arena_reset(&scratch);
        e = read_message(store, &scratch, txn, id, STORE_WITHOUT_BODY, &m);
        if (failed(e) && e.kind != ERR_LIMIT) {
            out->damaged++;
            e = OK;
        } else if (!failed(e) && (query->wanted == NULL || query->wanted(query->filter, &m))) {
            e = read_message(store, a, txn, id, STORE_WITHOUT_BODY, &out->messages[out->count]);
            out->count += !failed(e);
        }
        out->next = id;
        rc = mdb_cursor_get(cursor, &at, &value, query->downwards ? MDB_PREV : MDB_NEXT);
    }
    out->end = rc != 0;
    arena_done(&scratch);
    mdb_cursor_close(cursor);
    return e;
}

static int page_first(MDB_cursor *cursor, const struct store_query *query, MDB_val *at, MDB_val *v)
{
    struct key key = key_message(query->after);
    uint64_t after = query->after;
    *at = key_val(&key);
    if (!query->downwards) {
        int rc = mdb_cursor_get(cursor, at, v, after == 0 ? MDB_FIRST : MDB_SET_RANGE);
        if (rc == 0 && after != 0 && key_u64(at->mv_data) == after)
            rc = mdb_cursor_get(cursor, at, v, MDB_NEXT);
        return rc;
    }
    if (after == 0 || mdb_cursor_get(cursor, at, v, MDB_SET_RANGE) != 0)
        return mdb_cursor_get(cursor, at, v, MDB_LAST);
    return mdb_cursor_get(cursor, at, v, MDB_PREV);
}

struct err store_due(struct store *store, struct arena *a, uint8_t slot, int64_t until_ms,
        const struct due *after, size_t limit, struct due **out, size_t *out_count)
{
    struct reading r;
    size_t most = limit == 0 || limit > DUE_MOST ? DUE_MOST : limit;
    struct due *all = arena_array(a, most, struct due);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory to read what is due");
    TRY(reading_begin(store, a, &r));
    size_t count = 0;
    struct err e = due_with(store, a, r.txn, slot, until_ms, after, most, all, &count);
    reading_end(&r);
    TRY(e);
    *out = all;
    *out_count = count;
    return OK;
}

static struct err due_with(struct store *store, struct arena *a, MDB_txn *txn, uint8_t slot,
        int64_t until_ms, const struct due *after, size_t limit, struct due *all, size_t *count)
{
    MDB_cursor *cursor = NULL;
    MDB_val value;
    struct key key = after == NULL ? key_due(slot, INT64_MIN, 0, 0)
                                   : key_due(slot, after->at_ms, after->id, after->number);
    MDB_val at = key_val(&key);
    int rc = mdb_cursor_open(txn, store->db[DB_DUE], &cursor);
    if (rc != 0)
        return store_trouble(a, rc, "reading what is due");
    rc = mdb_cursor_get(cursor, &at, &value, MDB_SET_RANGE);
    if (rc == 0 && after != NULL && at.mv_size == key.len &&
            memcmp(at.mv_data, key.bytes, key.len) == 0)
        rc = mdb_cursor_get(cursor, &at, &value, MDB_NEXT);
    while (rc == 0 && *count < limit) {
        uint8_t of_slot;
        struct due due;
        if (key_is_due(&at, &of_slot, &due)) { // others are the check's business
            if (of_slot != slot || due.at_ms > until_ms)
                break;
            all[(*count)++] = due;
        }
        rc = mdb_cursor_get(cursor, &at, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return OK;
}

struct err store_figures(struct store *store, struct store_figures *out)
{
    struct reading r;
    struct arena scratch;
    MDB_stat stat[DB_COUNT] = {0};
    MDB_envinfo info = {0};
    arena_init(&scratch, 4 * KIB);
    struct err e = reading_begin(store, &scratch, &r);
    int rc = 0;
    for (size_t i = 0; i < DB_COUNT && !failed(e) && rc == 0; i++)
        rc = mdb_stat(r.txn, store->db[i], &stat[i]);
    if (!failed(e)) {
        reading_end(&r);
        mdb_env_info(store->env, &info);
    }
    arena_done(&scratch);
    if (failed(e) || rc != 0)
        return fail(ERR_IO, "the queue cannot be read");
    *out = (struct store_figures){.messages = stat[DB_MESSAGE].ms_entries,
            .units = stat[DB_UNIT].ms_entries,
            .large_bodies = stat[DB_LINK].ms_entries,
            .used_bytes = (uint64_t)(info.me_last_pgno + 1) * stat[DB_MESSAGE].ms_psize};
    return OK;
}
