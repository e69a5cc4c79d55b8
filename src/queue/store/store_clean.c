// SPDX-License-Identifier: Apache-2.0
// queue/store/store_clean.c: what the server meets in its own store and cannot use (queue.md 3.5):
// an entry of what is due whose unit is gone or due at another time, a unit without a message, a
// record that cannot be read. None of them may keep other mail waiting, or be met again and again.
// What could still tell a person something is first kept as a file; only then the record goes.
// posthaste queue check --repair (store_check.c) does the same for what nobody has met.
#include "queue/store/store_kept.h"

#include "base/encode.h"
#include "queue/store/record.h"
#include "rt/blobfile.h"
#include "rt/offload.h"

struct remains { // of a record
    enum store_db db;
    struct key key;
    struct str value;
};

struct cleaning {
    struct store *store;
    struct arena *arena;
    const struct due *due;
    enum store_cleaned what;
    VEC(struct remains) keep;
    struct err error; // of who keeps them
};

static struct err find_remains(struct cleaning *c, const struct view *view);
static struct err units_of(struct cleaning *c, const struct view *view, size_t *out_others);
static struct err note(struct cleaning *c, enum store_db db, struct key key, struct str value);
static struct str whole_value(struct cleaning *c, struct str value);
static void keep_all(void *arg);

struct err store_clean(
        struct store *store, struct arena *a, const struct due *due, enum store_cleaned *out)
{
    struct cleaning c = {.store = store, .arena = a, .due = due};
    struct view view;
    TRY(view_begin(store, a, &view));
    struct err e = find_remains(&c, &view);
    view_end(&view);
    TRY(e);
    *out = c.what;
    if (c.what == CLEANED_NOTHING)
        return OK;
    TRY(offload(keep_all, &c));
    TRY(c.error);
    const struct store_change all = {.kind = STORE_REMOVE, .id = due->id};
    const struct store_change entry = {.kind = STORE_CLEAN, .due = *due};
    if (c.what == CLEANED_MESSAGE) // its own entries go with it, as far as they can be read
        TRY(store_commit(store, a, &all, 1));
    return store_commit(store, a, &entry, 1);
}

// A unit without a message has only been left over. A message whose last unit is lost is of no use
// to the queue: both are kept.
static struct err find_remains(struct cleaning *c, const struct view *view)
{
    struct key message = key_message(c->due->id), unit = key_unit(c->due->id, c->due->number);
    struct str message_value, unit_value;
    struct message m;
    struct unit u = {0};
    bool has_message = view_get(view, DB_MESSAGE, key_str(&message), &message_value) == 0;
    bool has_unit = view_get(view, DB_UNIT, key_str(&unit), &unit_value) == 0;
    struct err read = OK, decoded = OK;
    if (has_message)
        read = stored_message(
                c->store, c->arena, c->due->id, message_value, STORE_WITHOUT_BODY, &m);
    if (has_unit)
        decoded = unit_decode(c->arena, c->due->id, c->due->number, unit_value, &u);
    if (read.kind == ERR_LIMIT || decoded.kind == ERR_LIMIT)
        return fail(ERR_LIMIT, "no memory to clean the queue");
    // What a newer version wrote is not damaged.
    bool unit_is_lost = has_message && decoded.kind == ERR_SYNTAX;
    bool message_is_lost = read.kind == ERR_SYNTAX;
    size_t others = 0;
    if ((failed(read) && !message_is_lost) || (failed(decoded) && decoded.kind != ERR_SYNTAX))
        return OK;
    bool is_left_over = !has_unit || !has_message || u.due_ms != c->due->at_ms;
    c->what = is_left_over ? CLEANED_ENTRY : CLEANED_NOTHING;
    if (message_is_lost || unit_is_lost)
        TRY(units_of(c, view, &others));
    if (message_is_lost || (unit_is_lost && others == 0)) {
        c->what = CLEANED_MESSAGE;
        return note(c, DB_MESSAGE, message, whole_value(c, message_value));
    }
    if (unit_is_lost)
        c->what = CLEANED_UNIT;
    return OK;
}

// What stays in the queue is kept as well: it tells of the others.
static struct err units_of(struct cleaning *c, const struct view *view, size_t *out_others)
{
    struct view_cursor at;
    struct key key = key_unit(c->due->id, 0);
    struct err e = OK;
    if (view_open(view, DB_UNIT, &at) != 0)
        return fail(ERR_IO, "the queue cannot be read");
    for (int rc = view_seek(&at, key_str(&key), false); rc == 0 && !failed(e);
            rc = view_next(&at)) {
        uint64_t id;
        uint16_t number;
        if (!key_is_unit(at.key, &id, &number) || id != c->due->id)
            break;
        *out_others += number != c->due->number;
        e = note(c, DB_UNIT, key_unit(id, number), at.value);
    }
    view_close(&at);
    return e;
}

static struct err note(struct cleaning *c, enum store_db db, struct key key, struct str value)
{
    struct remains *r = vec_add(c->arena, &c->keep);
    struct str copy = arena_str(c->arena, value);
    if (r == NULL || str_is_null(copy))
        return fail(ERR_LIMIT, "no memory to clean the queue");
    *r = (struct remains){.db = db, .key = key, .value = copy};
    return OK;
}

// Also the body, when it can be had.
static struct str whole_value(struct cleaning *c, struct str value)
{
    struct kept kept;
    struct str whole = value;
    if (kept_read(value, &kept) && failed(kept_value(c->store, c->arena, &kept, true, &whole)))
        whole = value;
    return whole;
}

static void keep_all(void *arg)
{
    struct cleaning *c = arg;
    for (size_t i = 0; i < c->keep.count && !failed(c->error); i++) {
        const struct remains *r = &c->keep.at[i];
        c->error = quarantine_keep(c->store, c->arena, r->db, key_str(&r->key), r->value);
    }
}

struct err quarantine_keep(
        struct store *store, struct arena *a, enum store_db db, struct str key, struct str value)
{
    struct buf name AUTO(buf_done);
    buf_init(&name, KIB);
    encode_hex(&name, key);
    struct str folder = arena_join(a, store->options.blob_folder, S("/quarantine"));
    struct str path = arena_fmt(a, "%.*s/%s-%.*s", ARG(folder),
            db == DB_MESSAGE ? "message" : "unit", ARG(buf_str(&name)));
    int fd = -1;
    if (str_is_null(folder) || str_is_null(path))
        return fail(ERR_LIMIT, "no memory to clean the queue");
    TRY(folder_make(a, folder));
    TRY(blob_remove(a, path)); // of one that did not come to its end
    TRY(blob_create(a, path, &fd));
    struct err e = blob_write_at(a, fd, value, 0);
    if (!failed(e))
        e = blob_sync(a, fd);
    blob_close(fd);
    return failed(e) ? e : folder_sync_of(a, path);
}
