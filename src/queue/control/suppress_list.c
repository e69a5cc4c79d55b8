// SPDX-License-Identifier: Apache-2.0
// queue/control/suppress_list.c: the list on disk. Databases: `entry` domain, NUL, local part ->
// record (suppress_record.c), so that the addresses of a domain stand together; `meta` the format.
#include "queue/control/suppress_parts.h"

#include "conf/conf.h"
#include "rt/lmdb_store.h"

#define MAP_BYTES_MAX ((uint64_t)16 * 1024 * MIB) // 20 million entries and more
#define SWEEP_ENTRIES 20000                       // looked at in one transaction: some 10 ms

enum { DB_ENTRY, DB_META, DB_COUNT };

static const char *const db_names[DB_COUNT] = {[DB_ENTRY] = "entry", [DB_META] = "meta"};

struct suppress_list {
    struct lmdb_store store;
};

static struct err get(struct lmdb_txn *t, struct str address, struct suppress_entry *out) MUST_USE;
static struct err put(struct lmdb_txn *t, const struct suppress_entry *entry) MUST_USE;
static struct err drop(struct lmdb_txn *t, struct str address) MUST_USE;
static struct str key_of(struct arena *a, struct str address);
static struct err count_one(struct lmdb_txn *t, const struct suppress_counting *how,
        const struct suppress_bounce *b, bool *out_new) MUST_USE;
static struct err fill_page(struct lmdb_txn *t, MDB_cursor *cursor,
        const struct suppress_query *query, struct suppress_page *out) MUST_USE;
static struct err sweep_from(struct lmdb_txn *t, MDB_cursor *cursor, int64_t wall_now_ms,
        struct str *from, size_t *removed) MUST_USE;
static struct err no_memory(void);

struct str suppress_folder(struct arena *a, const struct conf *conf)
{
    return arena_join(a, conf_str(conf, S("global.state-dir")), S("/suppressed"));
}

struct err suppress_open(
        struct arena *a, struct str folder, enum suppress_use use, struct suppress_list **out)
{
    const struct lmdb_options options = {.folder = folder,
            .what = "the suppression list",
            .advice = ": restore a backup",
            .names = db_names,
            .count = DB_COUNT,
            .map_bytes_max = MAP_BYTES_MAX,
            .readers_max = LMDB_READERS_MAX,
            .format_major = 1,
            .format_minor = 0,
            .read_only = use == SUPPRESS_LOOK};
    struct lmdb_store *store;
    TRY(lmdb_store_new(a, &options, sizeof(struct suppress_list), &store));
    *out = CONTAINER_OF(store, struct suppress_list, store);
    return OK;
}

void suppress_close(struct suppress_list *list)
{
    lmdb_store_free(list == NULL ? NULL : &list->store);
}

struct err suppress_find(
        struct suppress_list *list, struct arena *a, struct str address, struct suppress_entry *out)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    TRY(lmdb_txn_begin(&list->store, a, LMDB_READ, &t));
    return get(&t, address, out);
}

struct err suppress_put(struct suppress_list *list, struct arena *a,
        const struct suppress_entry *entries, size_t count)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    TRY(lmdb_txn_begin(&list->store, a, LMDB_CHANGE, &t));
    for (size_t i = 0; i < count; i++)
        TRY(put(&t, &entries[i]));
    return lmdb_txn_commit(&t);
}

struct err suppress_remove(struct suppress_list *list, struct arena *a, struct str address)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    TRY(lmdb_txn_begin(&list->store, a, LMDB_CHANGE, &t));
    TRY(drop(&t, address));
    return lmdb_txn_commit(&t);
}

// --- Counting ------------------------------------------------------------------------------------

struct err suppress_count(struct suppress_list *list, struct arena *a,
        const struct suppress_counting *how, const struct suppress_bounce *all, size_t count,
        bool *out_news)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    TRY(lmdb_txn_begin(&list->store, a, LMDB_CHANGE, &t));
    for (size_t i = 0; i < count; i++)
        TRY(count_one(&t, how, &all[i], &out_news[i]));
    return lmdb_txn_commit(&t);
}

// Who is on the list stays on it as he is: what a person has said, and since when, is not to be
// changed by mail that was on its way meanwhile.
static struct err count_one(struct lmdb_txn *t, const struct suppress_counting *how,
        const struct suppress_bounce *b, bool *out_new)
{
    struct suppress_entry e = {0};
    *out_new = false;
    struct err found = get(t, b->address, &e);
    if (failed(found) && found.kind != ERR_NOT_FOUND)
        return found;
    if (!failed(found) && suppress_holds(&e, b->at_ms))
        return OK;
    if (b->is_good)
        return failed(found) ? OK : drop(t, b->address);
    uint32_t before = failed(found) || suppress_is_over(&e, b->at_ms) ? 0 : e.bounces;
    e = (struct suppress_entry){.address = b->address,
            .reason = SUPPRESS_BOUNCE,
            .bounce_class = b->bounce_class,
            .text = b->text,
            .by = b->by,
            .bounces = before + 1,
            .until_ms = how->keep_ms > 0 ? b->at_ms + how->keep_ms : 0};
    *out_new = e.bounces >= how->after;
    e.since_ms = *out_new ? b->at_ms : 0;
    return put(t, &e);
}

// --- Pages ---------------------------------------------------------------------------------------

struct err suppress_list_page(struct suppress_list *list, struct arena *a,
        const struct suppress_query *query, struct suppress_page *out)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    MDB_cursor *cursor;
    *out = (struct suppress_page){0};
    TRY(lmdb_txn_begin(&list->store, a, LMDB_READ, &t));
    TRY(lmdb_cursor(&t, DB_ENTRY, &cursor));
    struct err e = fill_page(&t, cursor, query, out);
    mdb_cursor_close(cursor);
    return e;
}

static struct err fill_page(struct lmdb_txn *t, MDB_cursor *cursor,
        const struct suppress_query *query, struct suppress_page *out)
{
    bool has_after = !str_is_null(query->after);
    struct str after = has_after ? key_of(t->arena, query->after) : S("");
    struct str prefix = str_is_null(query->domain)
                                ? S("")
                                : arena_fmt(t->arena, "%.*s%c", ARG(query->domain), '\0');
    if (str_is_null(after) || str_is_null(prefix))
        return no_memory();
    struct str first = str_compare(after, prefix) > 0 ? after : prefix;
    MDB_val k = lmdb_val(first), v;
    int rc = mdb_cursor_get(cursor, &k, &v, first.len > 0 ? MDB_SET_RANGE : MDB_FIRST);
    for (; rc == 0 && str_starts(lmdb_str(&k), prefix);
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        if (has_after && str_eq(lmdb_str(&k), after))
            continue;
        if (out->entries.count == query->limit)
            return OK;
        struct suppress_entry *entry = vec_add(t->arena, &out->entries);
        if (entry == NULL)
            return no_memory();
        TRY(suppress_record_read(t->arena, lmdb_str(&v), entry));
    }
    out->end = true;
    return rc == 0 || rc == MDB_NOTFOUND ? OK : lmdb_txn_trouble(t, rc, "reading");
}

struct err suppress_total(struct suppress_list *list, struct arena *a, uint64_t *out)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    MDB_stat stat;
    TRY(lmdb_txn_begin(&list->store, a, LMDB_READ, &t));
    TRY(lmdb_txn_trouble(&t, mdb_stat(t.txn, list->store.db[DB_ENTRY], &stat), "reading"));
    *out = stat.ms_entries;
    return OK;
}

// --- What is over --------------------------------------------------------------------------------

struct err suppress_sweep(struct suppress_list *list, struct arena *a, int64_t wall_now_ms,
        struct str *from, size_t *out_removed)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    MDB_cursor *cursor;
    *out_removed = 0;
    TRY(lmdb_txn_begin(&list->store, a, LMDB_CHANGE, &t));
    TRY(lmdb_cursor(&t, DB_ENTRY, &cursor));
    struct err e = sweep_from(&t, cursor, wall_now_ms, from, out_removed);
    mdb_cursor_close(cursor);
    if (failed(e) || *out_removed == 0)
        return e;
    return lmdb_txn_commit(&t);
}

// A record that cannot be read stays: it suppresses nobody, and a person may want to know of it.
static struct err sweep_from(struct lmdb_txn *t, MDB_cursor *cursor, int64_t wall_now_ms,
        struct str *from, size_t *removed)
{
    MDB_val k = lmdb_val(*from), v;
    int rc = mdb_cursor_get(cursor, &k, &v, from->len > 0 ? MDB_SET_RANGE : MDB_FIRST);
    for (size_t seen = 0; rc == 0 && seen < SWEEP_ENTRIES; seen++) {
        struct suppress_entry e;
        struct arena scratch AUTO(arena_done);
        arena_init(&scratch, SUPPRESS_RECORD_BYTES_MAX);
        if (!failed(suppress_record_read(&scratch, lmdb_str(&v), &e)) &&
                suppress_is_over(&e, wall_now_ms)) {
            TRY(lmdb_txn_trouble(t, mdb_cursor_del(cursor, 0), "changing"));
            ++*removed;
        }
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    *from = rc == 0 ? arena_str(t->arena, lmdb_str(&k)) : S("");
    if (str_is_null(*from))
        return no_memory();
    return rc == 0 || rc == MDB_NOTFOUND ? OK : lmdb_txn_trouble(t, rc, "reading");
}

// --- Records -------------------------------------------------------------------------------------

static struct err get(struct lmdb_txn *t, struct str address, struct suppress_entry *out)
{
    struct str key = key_of(t->arena, address), record;
    if (str_is_null(key))
        return no_memory();
    TRY(lmdb_get(t, DB_ENTRY, key, &record));
    if (str_is_null(record))
        return fail(ERR_NOT_FOUND, "this address is not on the suppression list");
    return suppress_record_read(t->arena, record, out);
}

static struct err put(struct lmdb_txn *t, const struct suppress_entry *entry)
{
    struct buf record AUTO(buf_done);
    struct str key = key_of(t->arena, entry->address);
    buf_init(&record, SUPPRESS_RECORD_BYTES_MAX);
    suppress_record_add(&record, entry);
    if (str_is_null(key) || record.overflow)
        return no_memory();
    if (key.len > SUPPRESS_ADDRESS_BYTES_MAX)
        return fail(ERR_SYNTAX, "the address is too long for the suppression list");
    return lmdb_put(t, DB_ENTRY, key, buf_str(&record));
}

static struct err drop(struct lmdb_txn *t, struct str address)
{
    struct str key = key_of(t->arena, address);
    MDB_val k = lmdb_val(key);
    if (str_is_null(key))
        return no_memory();
    int rc = key.len > SUPPRESS_ADDRESS_BYTES_MAX
                     ? MDB_NOTFOUND
                     : mdb_del(t->txn, t->store->db[DB_ENTRY], &k, NULL);
    if (rc == MDB_NOTFOUND)
        return fail(ERR_NOT_FOUND, "this address is not on the suppression list");
    return lmdb_txn_trouble(t, rc, "changing");
}

static struct str key_of(struct arena *a, struct str address)
{
    struct str local = address, domain = S("");
    (void)str_rcut(address, '@', &local, &domain);
    return arena_fmt(a, "%.*s%c%.*s", ARG(domain), '\0', ARG(local));
}

static struct err no_memory(void)
{
    return fail(ERR_LIMIT, "no memory for the suppression list");
}
