// SPDX-License-Identifier: Apache-2.0
// deliver/tlsrpt/tlsrpt_store.c: see deliver/tlsrpt/tlsrpt_store.h.
#include "deliver/tlsrpt/tlsrpt_store.h"

#include "base/fields.h"
#include "rt/lmdb_store.h"

#include <openssl/evp.h>

#define MAP_BYTES_MAX ((uint64_t)1024 * MIB)
#define RECORD_BYTES_MAX (128 * KIB) // a TXT record, and little more
#define HASH_BYTES 8
#define ROW_DIGEST_BYTES 16

enum { DB_WINDOW, DB_OBJECT, DB_ROW, DB_META, DB_COUNT };
enum { TAG_DOMAIN = 1, TAG_RECORD = 2, TAG_BEGIN = 3, TAG_END = 4, TAG_ROWS = 5 };

static const char *const db_names[DB_COUNT] = {
        [DB_WINDOW] = "window",
        [DB_OBJECT] = "object",
        [DB_ROW] = "row",
        [DB_META] = "meta",
};

struct report_store {
    struct lmdb_store store;
};

static struct err add_one(struct lmdb_txn *t, const struct report_limits *limits,
        const struct report_addition *one, uint64_t *dropped) MUST_USE;
static struct err object_for(struct lmdb_txn *t, const struct report_limits *limits,
        const struct report_window *window, uint64_t *out_number) MUST_USE;
static struct err count_row(struct lmdb_txn *t, uint64_t number, const struct report_addition *one,
        uint64_t *dropped) MUST_USE;
static struct err object_put(struct lmdb_txn *t, const struct report_object *object) MUST_USE;
static struct err object_get(
        struct lmdb_txn *t, uint64_t number, struct report_object *out) MUST_USE;
static struct err object_read(
        struct arena *a, uint64_t number, struct str bytes, struct report_object *out) MUST_USE;
static struct err objects_each(struct lmdb_txn *t, struct str domain_part,
        struct report_object **out, size_t *out_count) MUST_USE;
static struct err remove_object(struct lmdb_txn *t, uint64_t number) MUST_USE;
static struct err change_total(
        struct lmdb_txn *t, const struct report_window *window, int change, uint64_t *out) MUST_USE;
static struct str window_key(struct arena *a, const struct report_window *window);
static struct str number_key(struct arena *a, uint64_t number);
static uint64_t number_of(struct str bytes);
static uint64_t record_hash(struct str record);
static void be64(uint8_t out[8], uint64_t value);
static int by_due(const void *x, const void *y);
static struct err no_memory(void);

struct str report_folder(struct arena *a, struct str state_folder)
{
    return arena_join(a, state_folder, S("/reports"));
}

struct err report_store_open(
        struct arena *a, struct str folder, enum report_use use, struct report_store **out)
{
    const struct lmdb_options options = {.folder = folder,
            .what = "the counts of reports",
            .advice = ": remove the folder, and they begin anew",
            .names = db_names,
            .count = DB_COUNT,
            .map_bytes_max = MAP_BYTES_MAX,
            .readers_max = LMDB_READERS_MAX,
            .format_major = 1,
            .format_minor = 0,
            .read_only = use == REPORT_LOOK};
    struct lmdb_store *store;
    TRY(lmdb_store_new(a, &options, sizeof(struct report_store), &store));
    *out = CONTAINER_OF(store, struct report_store, store);
    return OK;
}

void report_store_close(struct report_store *s)
{
    lmdb_store_free(s == NULL ? NULL : &s->store);
}

// --- Adding --------------------------------------------------------------------------------------

struct err report_store_add(struct report_store *s, struct arena *a,
        const struct report_limits *limits, const struct report_addition *additions, size_t count,
        uint64_t *out_dropped)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    uint64_t dropped = 0;
    TRY(lmdb_txn_begin(&s->store, a, LMDB_CHANGE, &t));
    for (size_t i = 0; i < count; i++)
        TRY(add_one(&t, limits, &additions[i], &dropped));
    TRY(lmdb_txn_commit(&t));
    *out_dropped = dropped;
    return OK;
}

static struct err add_one(struct lmdb_txn *t, const struct report_limits *limits,
        const struct report_addition *one, uint64_t *dropped)
{
    uint64_t number;
    TRY(object_for(t, limits, &one->window, &number));
    if (number == 0) {
        *dropped += one->count;
        return OK;
    }
    return count_row(t, number, one, dropped);
}

// 0: the window has all the objects that it may have.
static struct err object_for(struct lmdb_txn *t, const struct report_limits *limits,
        const struct report_window *window, uint64_t *out_number)
{
    struct str key = window_key(t->arena, window), found, next;
    uint64_t total;
    if (str_is_null(key))
        return no_memory();
    TRY(lmdb_get(t, DB_WINDOW, key, &found));
    *out_number = number_of(found);
    if (*out_number != 0)
        return OK;
    TRY(change_total(t, window, 0, &total));
    if (total >= limits->domains_max)
        return OK;
    TRY(change_total(t, window, 1, &total));
    TRY(lmdb_get(t, DB_META, S("next"), &next));
    struct report_object object = {.number = number_of(next) + 1, .window = *window};
    struct str number = number_key(t->arena, object.number);
    if (str_is_null(number))
        return no_memory();
    TRY(lmdb_put(t, DB_META, S("next"), number));
    TRY(lmdb_put(t, DB_WINDOW, key, number));
    *out_number = object.number;
    return object_put(t, &object);
}

static struct err count_row(
        struct lmdb_txn *t, uint64_t number, const struct report_addition *one, uint64_t *dropped)
{
    unsigned char digest[32];
    struct buf key AUTO(buf_done), value AUTO(buf_done);
    struct str found;
    uint8_t total[8];
    buf_init(&key, KIB);
    buf_init(&value, RECORD_BYTES_MAX);
    be64(total, number);
    buf_add(&key, str_of((const char *)total, sizeof(total)));
    if (EVP_Digest(one->row.ptr, one->row.len, digest, NULL, EVP_sha256(), NULL) != 1)
        return no_memory();
    buf_add(&key, str_of((const char *)digest, ROW_DIGEST_BYTES));
    TRY(lmdb_get(t, DB_ROW, buf_str(&key), &found));
    if (str_is_empty(found)) {
        struct report_object object;
        TRY(object_get(t, number, &object));
        if (object.row_count >= REPORT_ROWS_MAX) {
            *dropped += one->count;
            return OK;
        }
        object.row_count++;
        TRY(object_put(t, &object));
    }
    be64(total, number_of(found) + one->count);
    buf_add(&value, str_of((const char *)total, sizeof(total)));
    buf_add(&value, one->row);
    if (key.overflow || value.overflow)
        return no_memory();
    return lmdb_put(t, DB_ROW, buf_str(&key), buf_str(&value));
}

// How many objects a window has.
static struct err change_total(
        struct lmdb_txn *t, const struct report_window *window, int change, uint64_t *out)
{
    uint8_t key[17] = {'w'}, value[8];
    struct str found, name = str_of((const char *)key, sizeof(key));
    be64(key + 1, (uint64_t)window->begin_ms);
    be64(key + 9, (uint64_t)window->end_ms);
    TRY(lmdb_get(t, DB_META, name, &found));
    *out = number_of(found);
    if (change == 0)
        return OK;
    *out += change > 0 ? 1 : (uint64_t) - (*out > 0);
    be64(value, *out);
    return *out == 0 ? lmdb_remove(t, DB_META, name)
                     : lmdb_put(t, DB_META, name, str_of((const char *)value, sizeof(value)));
}

// --- Looking -------------------------------------------------------------------------------------

struct err report_store_list(struct report_store *s, struct arena *a, struct str domain_part,
        struct report_object **out, size_t *out_count)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    TRY(lmdb_txn_begin(&s->store, a, LMDB_READ, &t));
    TRY(objects_each(&t, domain_part, out, out_count));
    if (*out_count > 1)
        qsort(*out, *out_count, sizeof(**out), by_due);
    return OK;
}

static struct err objects_each(
        struct lmdb_txn *t, struct str domain_part, struct report_object **out, size_t *out_count)
{
    VEC(struct report_object) all = {0};
    MDB_cursor *cursor;
    MDB_val k, v;
    struct err e = OK;
    int rc;
    TRY(lmdb_cursor(t, DB_OBJECT, &cursor));
    for (rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST); rc == 0 && !failed(e);
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        struct report_object object;
        e = object_read(t->arena, number_of(lmdb_str(&k)), lmdb_str(&v), &object);
        if (failed(e) || !str_contains(object.window.domain, domain_part))
            continue;
        struct report_object *added = vec_add(t->arena, &all);
        if (added == NULL)
            e = no_memory();
        else
            *added = object;
    }
    mdb_cursor_close(cursor);
    if (!failed(e) && rc != MDB_NOTFOUND)
        e = lmdb_txn_trouble(t, rc, "reading");
    *out = all.at;
    *out_count = all.count;
    return e;
}

static int by_due(const void *x, const void *y)
{
    const struct report_object *a = x, *b = y;
    if (a->due_ms != b->due_ms)
        return a->due_ms < b->due_ms ? -1 : 1;
    int names = str_compare(a->window.domain, b->window.domain);
    return names != 0 ? names : (a->number > b->number) - (a->number < b->number);
}

// The number in it leads there; the rest must fit, for an id is good for one object only.
struct err report_store_find(
        struct report_store *s, struct arena *a, struct str id, struct report_object *out)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    struct str front, due, rest, digits;
    uint64_t number;
    TRY(lmdb_txn_begin(&s->store, a, LMDB_READ, &t));
    if (!str_rcut(id, '!', &front, &due) || !str_rcut(front, '!', &rest, &digits) ||
            !str_to_u64(digits, UINT64_MAX, &number))
        return fail(ERR_NOT_FOUND, "this is no id of a report");
    TRY(object_get(&t, number, out));
    return str_eq(out->id, id) ? OK : fail(ERR_NOT_FOUND, "there is no such report");
}

struct err report_store_rows(struct report_store *s, struct arena *a, uint64_t number,
        struct report_row **out, size_t *out_count)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    VEC(struct report_row) all = {0};
    struct str key = number_key(a, number);
    MDB_cursor *cursor;
    if (str_is_null(key))
        return no_memory();
    TRY(lmdb_txn_begin(&s->store, a, LMDB_READ, &t));
    TRY(lmdb_cursor(&t, DB_ROW, &cursor));
    MDB_val k = lmdb_val(key), v;
    bool fits = true;
    int rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    for (; fits && rc == 0 && str_starts(lmdb_str(&k), key);
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        struct report_row *row = vec_add(a, &all);
        fits = row != NULL;
        if (fits)
            *row = (struct report_row){.bytes = arena_str(a, str_from(lmdb_str(&v), 8)),
                    .count = number_of(lmdb_str(&v))};
        fits = fits && !str_is_null(row->bytes);
    }
    mdb_cursor_close(cursor);
    *out = all.at;
    *out_count = all.count;
    if (!fits)
        return no_memory();
    return rc == 0 || rc == MDB_NOTFOUND ? OK : lmdb_txn_trouble(&t, rc, "reading");
}

// --- Going ---------------------------------------------------------------------------------------

struct err report_store_remove(struct report_store *s, struct arena *a, uint64_t number)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    TRY(lmdb_txn_begin(&s->store, a, LMDB_CHANGE, &t));
    TRY(remove_object(&t, number));
    return lmdb_txn_commit(&t);
}

struct err report_store_expire(
        struct report_store *s, struct arena *a, int64_t wall_now_ms, size_t *out_removed)
{
    struct report_object *all;
    size_t count;
    *out_removed = 0;
    TRY(report_store_list(s, a, S(""), &all, &count));
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    for (size_t i = 0; i < count && all[i].due_ms <= wall_now_ms - REPORT_KEPT_MS; i++) {
        if (t.txn == NULL)
            TRY(lmdb_txn_begin(&s->store, a, LMDB_CHANGE, &t));
        TRY(remove_object(&t, all[i].number));
        ++*out_removed;
    }
    return t.txn == NULL ? OK : lmdb_txn_commit(&t);
}

static struct err remove_object(struct lmdb_txn *t, uint64_t number)
{
    struct report_object object;
    uint64_t total;
    struct str key = number_key(t->arena, number);
    struct err e = object_get(t, number, &object);
    if (e.kind == ERR_NOT_FOUND) // somebody else was quicker
        return OK;
    TRY(e);
    struct str window = window_key(t->arena, &object.window);
    if (str_is_null(key) || str_is_null(window))
        return no_memory();
    MDB_cursor *cursor;
    TRY(lmdb_cursor(t, DB_ROW, &cursor));
    MDB_val k = lmdb_val(key), v;
    int rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    while (rc == 0 && str_starts(lmdb_str(&k), key)) {
        rc = mdb_cursor_del(cursor, 0);
        if (rc == 0)
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return lmdb_txn_trouble(t, rc, "changing");
    TRY(lmdb_remove(t, DB_WINDOW, window));
    TRY(change_total(t, &object.window, -1, &total));
    return lmdb_remove(t, DB_OBJECT, key);
}

// --- Records -------------------------------------------------------------------------------------

static struct err object_put(struct lmdb_txn *t, const struct report_object *object)
{
    struct buf bytes AUTO(buf_done);
    buf_init(&bytes, RECORD_BYTES_MAX);
    struct str key = number_key(t->arena, object->number);
    struct fields_out out = fields_begin(&bytes);
    field_str(&out, TAG_DOMAIN, object->window.domain);
    field_str(&out, TAG_RECORD, object->window.record);
    field_i64(&out, TAG_BEGIN, object->window.begin_ms);
    field_i64(&out, TAG_END, object->window.end_ms);
    field_u64(&out, TAG_ROWS, object->row_count);
    fields_end(&out);
    if (bytes.overflow || str_is_null(key))
        return no_memory();
    return lmdb_put(t, DB_OBJECT, key, buf_str(&bytes));
}

static struct err object_get(struct lmdb_txn *t, uint64_t number, struct report_object *out)
{
    struct str key = number_key(t->arena, number), bytes;
    if (str_is_null(key))
        return no_memory();
    TRY(lmdb_get(t, DB_OBJECT, key, &bytes));
    if (str_is_empty(bytes))
        return fail(ERR_NOT_FOUND, "there is no such report");
    return object_read(t->arena, number, bytes, out);
}

static struct err object_read(
        struct arena *a, uint64_t number, struct str bytes, struct report_object *out)
{
    struct report_object o = {.number = number};
    struct fields_in in;
    TRY(fields_open(bytes, &in));
    for (struct field f; field_next(&in, &f);) {
        if (f.tag == TAG_DOMAIN)
            o.window.domain = arena_str(a, f.bytes);
        else if (f.tag == TAG_RECORD)
            o.window.record = arena_str(a, f.bytes);
        else if (f.tag == TAG_BEGIN)
            o.window.begin_ms = field_signed(&f);
        else if (f.tag == TAG_END)
            o.window.end_ms = field_signed(&f);
        else if (f.tag == TAG_ROWS)
            o.row_count = (size_t)f.number;
    }
    if (in.broken || str_is_null(o.window.domain) || str_is_null(o.window.record))
        return fail(ERR_SYNTAX, "a record of the reports is damaged");
    o.due_ms = o.window.end_ms;
    o.id = arena_fmt(a, "t!%.*s!%llu!%llu!%lld", ARG(o.window.domain),
            (unsigned long long)(record_hash(o.window.record) >> 32), (unsigned long long)number,
            (long long)(o.due_ms / SECOND_MS));
    if (str_is_null(o.id))
        return no_memory();
    *out = o;
    return OK;
}

static struct str window_key(struct arena *a, const struct report_window *window)
{
    uint8_t front[3 * 8];
    be64(front, (uint64_t)window->begin_ms);
    be64(front + 8, (uint64_t)window->end_ms);
    be64(front + 16, record_hash(window->record));
    return arena_join(a, str_of((const char *)front, sizeof(front)), window->domain);
}

static struct str number_key(struct arena *a, uint64_t number)
{
    uint8_t bytes[8];
    be64(bytes, number);
    return arena_str(a, str_of((const char *)bytes, sizeof(bytes)));
}

static void be64(uint8_t out[8], uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t number_of(struct str bytes) // 0: there is none
{
    uint64_t number = 0;
    for (size_t i = 0; i < 8 && bytes.len >= 8; i++)
        number = number << 8 | (uint8_t)bytes.ptr[i];
    return number;
}

static uint64_t record_hash(struct str record)
{
    unsigned char digest[32] = {0};
    if (EVP_Digest(record.ptr, record.len, digest, NULL, EVP_sha256(), NULL) != 1)
        return 0;
    return number_of(str_of((const char *)digest, HASH_BYTES));
}

static struct err no_memory(void)
{
    return fail(ERR_LIMIT, "no memory for the counts of reports");
}
