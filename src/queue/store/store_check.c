// SPDX-License-Identifier: Apache-2.0
// queue/store/store_check.c: does the store hold together (queue.md 3.1, I1 to I4)? Four passes,
// each over one database, and one over the files of large bodies. What is wrong is first noted as a
// fix; the fixes are made afterwards, each after asking again whether it is still needed, because
// the server may be running meanwhile.
#include "queue/store/store_kept.h"
#include "queue/store/summary_row.h"

#include "base/encode.h"
#include "queue/store/record.h"
#include "rt/blobfile.h"

#define FIXES_MAX 100000
#define FIXES_A_TRANSACTION 500
#define UNUSED_FILE_AGE_MS HOUR_MS
#define KEPT_PREFIX_BYTES 5 // slot and name

enum fix_kind {
    FIX_QUARANTINE_MESSAGE, // its record is damaged
    FIX_QUARANTINE_UNIT,
    FIX_DROP_MESSAGE, // it has no unit left
    FIX_DROP_UNIT,    // it has no message
    FIX_ADD_DUE,
    FIX_DROP_DUE,
    FIX_ADD_LINK,
    FIX_DROP_LINK,
    FIX_DROP_FILE,
    FIX_DROP_KEPT, // nobody wants what is left in this segment
    FIX_TIDY,      // nothing is left in it
    FIX_RECOVER,   // entries of a journal that nobody owns
    FIX_SUMMARY,   // rows that do not say what their units do
    FIX_NONE,      // nothing can be done, but it is to be known
};

struct fix {
    enum fix_kind kind;
    struct key key;
    struct str path;
};

struct checker {
    struct store *store;
    struct arena *a, scratch;
    MDB_txn *txn;
    const struct store_check_options *options;
    struct store_check *seen;
    VEC(struct fix) fixes;
};

static struct err look(struct checker *c);
static struct err check_kept(struct checker *c);
static bool kept_is_right(struct checker *c, MDB_txn *txn, const struct key *key);
static struct err check_kept_files(struct checker *c);
static struct err check_journals(struct checker *c);
static struct err check_slot(struct checker *c, uint8_t slot);
static struct err check_messages(struct checker *c);
static struct err check_message(struct checker *c, uint64_t id, const MDB_val *value);
static struct err check_body(struct checker *c, const struct message *m);
static struct err check_units(struct checker *c);
static struct err check_unit(
        struct checker *c, const MDB_val *at, uint64_t id, uint16_t number, const MDB_val *value);
static struct err check_due(struct checker *c);
static struct err check_summary(struct checker *c);
static struct err check_links(struct checker *c);
static struct err check_files(struct checker *c);
static struct err check_folder(struct checker *c, struct str first, struct str second);
static bool is_hex_folder(const struct blob_entry *entry);
static bool due_is_right(struct checker *c, MDB_txn *txn, const struct key *key, struct due *out);
static struct key digest_key(struct str name);
static bool file_is_used(struct checker *c, MDB_txn *txn, const struct key *key);
static bool has(struct checker *c, enum store_db db, const struct key *key);
static struct err found(struct checker *c, enum fix_kind kind, const struct key *key,
        struct str path, const char *fmt, ...) PRINTF_LIKE(5, 6);
static struct key key_copy(const MDB_val *at);
static struct err repair_all(struct checker *c);
static void tidy(struct checker *c, const struct fix *fix);
static int repair_one(struct checker *c, MDB_txn *txn, const struct fix *fix);
static int quarantine(struct checker *c, MDB_txn *txn, enum store_db db, const struct fix *fix);
static int add_due(struct checker *c, MDB_txn *txn, const struct fix *fix);

struct err store_check(struct store *store, struct arena *a,
        const struct store_check_options *options, struct store_check *out)
{
    struct view view;
    struct checker c = {.store = store, .a = a, .options = options, .seen = out};
    *out = (struct store_check){0};
    TRY(view_begin(store, a, &view));
    c.txn = view.txn;
    arena_init(&c.scratch, 2 * RECORD_BYTES_MAX);
    struct err e = look(&c);
    view_end(&view);
    if (!failed(e) && options->repair)
        e = repair_all(&c);
    arena_done(&c.scratch);
    return e;
}

#define each_record(c, database, at, value, rc)                                                    \
    MDB_cursor *cursor = NULL;                                                                     \
    int rc = mdb_cursor_open((c)->txn, (c)->store->db[database], &cursor);                         \
    if (rc != 0)                                                                                   \
        return store_trouble((c)->a, rc, "checking the queue");                                    \
    for (rc = mdb_cursor_get(cursor, &at, &value, MDB_FIRST); rc == 0 && !failed(e);               \
            rc = mdb_cursor_get(cursor, &at, &value, MDB_NEXT))

static struct err look(struct checker *c)
{
    TRY(check_messages(c));
    TRY(check_units(c));
    TRY(check_due(c));
    TRY(check_summary(c));
    TRY(check_links(c));
    TRY(check_files(c));
    TRY(check_kept(c));
    TRY(check_kept_files(c));
    return check_journals(c);
}

static struct err check_kept(struct checker *c)
{
    struct err e = OK;
    MDB_val at, value;
    each_record(c, DB_KEPT, at, value, rc)
    {
        struct key key = key_copy(&at);
        if (!kept_is_right(c, c->txn, &key))
            e = found(c, FIX_DROP_KEPT, &key, STR_NULL,
                    "a segment is kept for a message that has nothing in it");
    }
    mdb_cursor_close(cursor);
    return e;
}

static bool kept_is_right(struct checker *c, MDB_txn *txn, const struct key *key)
{
    uint8_t slot = 0;
    uint32_t name = 0;
    uint64_t id = 0;
    struct kept kept;
    MDB_val value;
    if (!key_is_kept(key_str(key), &slot, &name, &id))
        return false;
    struct key message = key_message(id);
    MDB_val at = key_val(&message);
    return mdb_get(txn, c->store->db[DB_MESSAGE], &at, &value) == 0 &&
           kept_read(val_str(&value), &kept) && kept.slot == slot && kept.name == name;
}

static struct err check_kept_files(struct checker *c)
{
    struct blob_entry *entries = NULL;
    size_t count = 0;
    struct str folder = kept_folder(c->a, c->store->options.folder);
    if (!blob_exists(c->a, folder))
        return OK;
    TRY(folder_list(c->a, folder, &entries, &count));
    for (size_t i = 0; i < count; i++) {
        uint8_t slot = 0;
        uint32_t name = 0;
        MDB_val value;
        MDB_cursor *cursor = NULL;
        if (!segment_name_read(entries[i].name, &slot, &name) ||
                mdb_cursor_open(c->txn, c->store->db[DB_KEPT], &cursor) != 0)
            continue;
        struct key key = key_kept(slot, name, 0);
        MDB_val at = key_val(&key);
        bool wanted = mdb_cursor_get(cursor, &at, &value, MDB_SET_RANGE) == 0 &&
                      memcmp(at.mv_data, key.bytes, KEPT_PREFIX_BYTES) == 0;
        mdb_cursor_close(cursor);
        if (!wanted && entries[i].modified_ms < c->options->wall_now_ms - UNUSED_FILE_AGE_MS)
            TRY(found(c, FIX_TIDY, &key, STR_NULL, "%.*s/%.*s holds nothing any more", ARG(folder),
                    ARG(entries[i].name)));
    }
    return OK;
}

// What an owner that lives has not moved yet is his business.
static struct err check_journals(struct checker *c)
{
    struct blob_entry *entries = NULL;
    size_t count = 0;
    bool seen[JOURNAL_SLOTS] = {0};
    struct str folder = journal_folder(c->a, c->store->options.folder);
    if (!blob_exists(c->a, folder))
        return OK;
    TRY(folder_list(c->a, folder, &entries, &count));
    for (size_t i = 0; i < count; i++) {
        uint64_t slot = 0;
        struct key none = {0};
        if (str_ends(entries[i].name, S(".damaged")))
            TRY(found(c, FIX_NONE, &none, STR_NULL,
                    "%.*s/%.*s: a journal with a gap; something that was accepted may be lost",
                    ARG(folder), ARG(entries[i].name)));
        if (!str_to_u64(str_upto(entries[i].name, 3), JOURNAL_SLOTS - 1, &slot) || seen[slot])
            continue;
        seen[slot] = true;
        TRY(check_slot(c, (uint8_t)slot));
    }
    return OK;
}

static struct err check_slot(struct checker *c, uint8_t slot)
{
    size_t waiting = 0;
    struct key none = {0};
    if (store_slot_is_owned(c->store, c->a, slot))
        return OK;
    TRY(journal_waiting(c->store, c->a, slot, &waiting));
    if (waiting == 0)
        return OK;
    return found(c, FIX_RECOVER, &none, STR_NULL,
            "slot %u: %zu groups of changes wait in the journal of a process that is gone", slot,
            waiting);
}

static struct err check_messages(struct checker *c)
{
    struct err e = OK;
    MDB_val at, value;
    each_record(c, DB_MESSAGE, at, value, rc)
    {
        c->seen->messages++;
        arena_reset(&c->scratch);
        e = check_message(c, at.mv_size == 8 ? key_u64(at.mv_data) : 0, &value);
    }
    mdb_cursor_close(cursor);
    return e;
}

static struct err check_message(struct checker *c, uint64_t id, const MDB_val *value)
{
    struct message m;
    struct key key = key_message(id);
    struct str bytes = val_str(value);
    struct err e = stored_message(c->store, &c->scratch, id, bytes, STORE_WITH_BODY, &m);
    if (failed(e))
        return found(c, e.kind == ERR_SYNTAX ? FIX_QUARANTINE_MESSAGE : FIX_NONE, &key, STR_NULL,
                "message %016llx: %.*s", (unsigned long long)id, ARG(err_text(e)));
    size_t units = 0;
    for (size_t i = 0; i < m.unit_count; i++) {
        struct key unit = key_unit(id, (uint16_t)i);
        units += has(c, DB_UNIT, &unit);
    }
    // Units go one by one as they are finished; the message goes with the last.
    if (units == 0)
        TRY(found(c, FIX_DROP_MESSAGE, &key, STR_NULL, "message %016llx: has no unit left",
                (unsigned long long)id));
    return check_body(c, &m);
}

static struct err check_body(struct checker *c, const struct message *m)
{
    if (m->body.place == BODY_INLINE)
        return OK;
    struct key link = key_link(m->body.digest, m->id);
    struct str path = blob_path(c->store, &c->scratch, m->body.digest);
    if (!has(c, DB_LINK, &link))
        TRY(found(c, FIX_ADD_LINK, &link, STR_NULL, "message %016llx: no link to its body",
                (unsigned long long)m->id));
    if (!blob_exists(&c->scratch, path))
        TRY(found(c, FIX_NONE, &link, STR_NULL, "message %016llx: its body %.*s is missing",
                (unsigned long long)m->id, ARG(path)));
    return OK;
}

static struct err check_units(struct checker *c)
{
    struct err e = OK;
    MDB_val at, value;
    each_record(c, DB_UNIT, at, value, rc)
    {
        uint64_t id = 0;
        uint16_t number = 0;
        c->seen->units++;
        arena_reset(&c->scratch);
        key_is_unit(val_str(&at), &id, &number);
        e = check_unit(c, &at, id, number, &value);
    }
    mdb_cursor_close(cursor);
    return e;
}

static struct err check_unit(
        struct checker *c, const MDB_val *at, uint64_t id, uint16_t number, const MDB_val *value)
{
    struct unit u;
    struct key key = key_copy(at), message = key_message(id);
    struct err e = unit_decode(&c->scratch, id, number, val_str(value), &u);
    if (failed(e))
        return found(c, FIX_QUARANTINE_UNIT, &key, STR_NULL, "message %016llx, unit %u: %.*s",
                (unsigned long long)id, number, ARG(err_text(e)));
    if (!has(c, DB_MESSAGE, &message))
        return found(c, FIX_DROP_UNIT, &key, STR_NULL, "message %016llx, unit %u: has no message",
                (unsigned long long)id, number);
    struct key due = key_due(id_slot(id), u.due_ms, id, number);
    if (u.due_ms != NEVER_MS && !has(c, DB_DUE, &due))
        return found(c, FIX_ADD_DUE, &key, STR_NULL,
                "message %016llx, unit %u: would never be tried again", (unsigned long long)id,
                number);
    return OK;
}

static struct err check_due(struct checker *c)
{
    struct err e = OK;
    MDB_val at, value;
    each_record(c, DB_DUE, at, value, rc)
    {
        struct due due = {0};
        struct key key = key_copy(&at);
        c->seen->due++;
        if (!due_is_right(c, c->txn, &key, &due))
            e = found(c, FIX_DROP_DUE, &key, STR_NULL,
                    "message %016llx, unit %u: an entry of the schedule is left over",
                    (unsigned long long)due.id, due.number);
    }
    mdb_cursor_close(cursor);
    return e;
}

// Of rows that are wrong one is as telling as a thousand.
static struct err check_summary(struct checker *c)
{
    uint64_t wrong = 0;
    struct key none = {0};
    int rc = summary_wrong(c->store, c->txn, &wrong);
    if (rc != 0)
        return store_trouble(c->a, rc, "checking the queue");
    return wrong == 0 ? OK
                      : found(c, FIX_SUMMARY, &none, STR_NULL,
                                "what summaries count does not fit %llu units",
                                (unsigned long long)wrong);
}

static struct err check_links(struct checker *c)
{
    struct err e = OK;
    MDB_val at, value;
    each_record(c, DB_LINK, at, value, rc)
    {
        struct key key = key_copy(&at);
        c->seen->links++;
        uint64_t id = at.mv_size == DIGEST_LINK_BYTES
                              ? key_u64((uint8_t *)at.mv_data + BODY_DIGEST_BYTES)
                              : 0;
        struct key message = key_message(id);
        if (!has(c, DB_MESSAGE, &message))
            e = found(c, FIX_DROP_LINK, &key, STR_NULL, "a body belongs to %016llx, which is gone",
                    (unsigned long long)id);
    }
    mdb_cursor_close(cursor);
    return e;
}

static bool due_is_right(struct checker *c, MDB_txn *txn, const struct key *key, struct due *out)
{
    uint8_t slot = 0;
    struct unit u;
    MDB_val at = key_val(key), value;
    if (!key_is_due(val_str(&at), &slot, out))
        return false;
    struct key unit = key_unit(out->id, out->number);
    at = key_val(&unit);
    if (mdb_get(txn, c->store->db[DB_UNIT], &at, &value) != 0)
        return false;
    arena_reset(&c->scratch);
    if (failed(unit_decode(&c->scratch, out->id, out->number, val_str(&value), &u)))
        return true; // the unit's own trouble, which is dealt with first
    return u.due_ms == out->at_ms && slot == id_slot(out->id);
}

// Files that no link names.
static struct err check_files(struct checker *c)
{
    struct blob_entry *outer = NULL, *inner = NULL;
    size_t outer_count = 0, inner_count = 0;
    struct str root = c->store->options.blob_folder;
    if (failed(folder_list(c->a, root, &outer, &outer_count)))
        return OK; // there was never a large body
    for (size_t i = 0; i < outer_count; i++) {
        if (!is_hex_folder(&outer[i]))
            continue;
        TRY(folder_list(c->a, arena_fmt(c->a, "%.*s/%.*s", ARG(root), ARG(outer[i].name)), &inner,
                &inner_count));
        for (size_t j = 0; j < inner_count; j++)
            if (is_hex_folder(&inner[j]))
                TRY(check_folder(c, outer[i].name, inner[j].name));
    }
    return OK;
}

static bool is_hex_folder(const struct blob_entry *entry)
{
    return entry->is_folder && entry->name.len == 2 && byte_is_hex((uint8_t)entry->name.ptr[0]) &&
           byte_is_hex((uint8_t)entry->name.ptr[1]);
}

static struct err check_folder(struct checker *c, struct str first, struct str second)
{
    struct blob_entry *files = NULL;
    size_t count = 0;
    arena_reset(&c->scratch);
    struct str folder = arena_fmt(&c->scratch, "%.*s/%.*s/%.*s", ARG(c->store->options.blob_folder),
            ARG(first), ARG(second));
    TRY(folder_list(&c->scratch, folder, &files, &count));
    for (size_t i = 0; i < count; i++) {
        struct key key = digest_key(files[i].name);
        bool used = file_is_used(c, c->txn, &key);
        struct str path = arena_fmt(c->a, "%.*s/%.*s", ARG(folder), ARG(files[i].name));
        if (!used && files[i].modified_ms < c->options->wall_now_ms - UNUSED_FILE_AGE_MS)
            TRY(found(c, FIX_DROP_FILE, &key, path, "%.*s belongs to no message", ARG(path)));
    }
    return OK;
}

// The first key that a link to this file could have; empty for a name that is no digest.
static struct key digest_key(struct str name)
{
    struct key key = {0};
    struct buf digest;
    buf_init(&digest, BODY_DIGEST_BYTES);
    if (decode_hex(&digest, name) && digest.len == BODY_DIGEST_BYTES)
        key = key_link((const uint8_t *)digest.ptr, 0);
    buf_done(&digest);
    return key;
}

static bool file_is_used(struct checker *c, MDB_txn *txn, const struct key *key)
{
    MDB_cursor *cursor = NULL;
    MDB_val at = key_val(key), value;
    if (key->len == 0)
        return false;
    if (mdb_cursor_open(txn, c->store->db[DB_LINK], &cursor) != 0)
        return true; // better a file too many
    bool used = mdb_cursor_get(cursor, &at, &value, MDB_SET_RANGE) == 0 &&
                at.mv_size == DIGEST_LINK_BYTES &&
                memcmp(at.mv_data, key->bytes, BODY_DIGEST_BYTES) == 0;
    mdb_cursor_close(cursor);
    return used;
}

static bool has(struct checker *c, enum store_db db, const struct key *key)
{
    MDB_val at = key_val(key), value;
    return mdb_get(c->txn, c->store->db[db], &at, &value) == 0;
}

static struct err found(struct checker *c, enum fix_kind kind, const struct key *key,
        struct str path, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str text = arena_vfmt(&c->scratch, fmt, args);
    va_end(args);
    c->seen->findings++;
    if (c->options->say != NULL)
        c->options->say(c->options->ctx, text);
    if (kind == FIX_NONE || c->fixes.count == FIXES_MAX)
        return OK; // the rest is for the next run
    struct fix *fix = vec_add(c->a, &c->fixes);
    if (fix == NULL)
        return fail(ERR_LIMIT, "too much is wrong to be noted at once: repair, and check again");
    *fix = (struct fix){.kind = kind, .key = *key, .path = path};
    return OK;
}

static struct key key_copy(const MDB_val *at)
{
    struct key key = {.len = at->mv_size};
    if (key.len > sizeof(key.bytes)) // no key of ours, and none that could be mended
        key.len = sizeof(key.bytes);
    memcpy(key.bytes, at->mv_data, key.len);
    return key;
}

static struct err repair_all(struct checker *c)
{
    TRY(store_recover(c->store, c->a));
    each_in_vec (fix, &c->fixes)
        tidy(c, fix);
    for (size_t done = 0; done < c->fixes.count;) {
        MDB_txn *txn = NULL;
        int rc = mdb_txn_begin(c->store->env, NULL, 0, &txn);
        size_t end = done + FIXES_A_TRANSACTION;
        for (; rc == 0 && done < c->fixes.count && done < end; done++) {
            arena_reset(&c->scratch);
            rc = repair_one(c, txn, &c->fixes.at[done]);
            c->seen->repaired += rc == 0;
            rc = rc == MDB_NOTFOUND ? 0 : rc; // it has gone meanwhile
        }
        if (rc == 0)
            rc = mdb_txn_commit(txn);
        else
            mdb_txn_abort(txn);
        if (rc != 0)
            return store_trouble(c->a, rc, "repairing the queue");
    }
    uint64_t ignored = 0; // rows of units that went are no findings
    return c->fixes.count == 0 ? OK : summary_rebuild(c->store, c->a, &ignored);
}

static void tidy(struct checker *c, const struct fix *fix)
{
    uint8_t slot = 0;
    uint32_t name = 0;
    uint64_t id = 0;
    if (fix->kind == FIX_TIDY && key_is_kept(key_str(&fix->key), &slot, &name, &id))
        kept_tidy(c->store, c->a, slot, name);
}

static int repair_one(struct checker *c, MDB_txn *txn, const struct fix *fix)
{
    struct store *store = c->store;
    MDB_val at = key_val(&fix->key), nothing = {0};
    struct due due;
    switch (fix->kind) {
    case FIX_QUARANTINE_MESSAGE:
        return quarantine(c, txn, DB_MESSAGE, fix);
    case FIX_QUARANTINE_UNIT:
        return quarantine(c, txn, DB_UNIT, fix);
    case FIX_DROP_MESSAGE: // what hangs on it is found by the next check
        return mdb_del(txn, store->db[DB_MESSAGE], &at, NULL);
    case FIX_DROP_UNIT:
        return mdb_del(txn, store->db[DB_UNIT], &at, NULL);
    case FIX_ADD_DUE:
        return add_due(c, txn, fix);
    case FIX_DROP_DUE:
        if (due_is_right(c, txn, &fix->key, &due))
            return MDB_NOTFOUND;
        return mdb_del(txn, store->db[DB_DUE], &at, NULL);
    case FIX_ADD_LINK:
        return mdb_put(txn, store->db[DB_LINK], &at, &nothing, 0);
    case FIX_DROP_LINK:
        return mdb_del(txn, store->db[DB_LINK], &at, NULL);
    case FIX_DROP_FILE: // perhaps it got its link back a moment ago
        if (file_is_used(c, txn, &fix->key))
            return MDB_NOTFOUND;
        return failed(blob_remove(&c->scratch, fix->path)) ? MDB_NOTFOUND : 0;
    case FIX_DROP_KEPT:
        if (kept_is_right(c, txn, &fix->key))
            return MDB_NOTFOUND;
        return mdb_del(txn, store->db[DB_KEPT], &at, NULL);
    case FIX_TIDY:    // done already, in transactions of their own
    case FIX_RECOVER: // the same
    case FIX_SUMMARY: // last of all
    case FIX_NONE:
        break;
    }
    return 0;
}

// The bytes are kept for a person to look at; only when they are safe the record goes.
static int quarantine(struct checker *c, MDB_txn *txn, enum store_db db, const struct fix *fix)
{
    MDB_val at = key_val(&fix->key), value;
    int rc = mdb_get(txn, c->store->db[db], &at, &value);
    if (rc != 0)
        return rc;
    struct err e = quarantine_keep(c->store, &c->scratch, db, key_str(&fix->key), val_str(&value));
    return failed(e) ? MDB_NOTFOUND : mdb_del(txn, c->store->db[db], &at, NULL);
}

static int add_due(struct checker *c, MDB_txn *txn, const struct fix *fix)
{
    struct unit u;
    uint64_t id;
    uint16_t number;
    MDB_val at = key_val(&fix->key), value;
    int rc = mdb_get(txn, c->store->db[DB_UNIT], &at, &value);
    if (rc != 0)
        return rc;
    if (!key_is_unit(val_str(&at), &id, &number) ||
            failed(unit_decode(&c->scratch, id, number, val_str(&value), &u)))
        return MDB_NOTFOUND;
    struct key due = key_due(id_slot(id), u.due_ms, id, number);
    MDB_val due_at = key_val(&due), nothing = {0};
    return mdb_put(txn, c->store->db[DB_DUE], &due_at, &nothing, 0);
}
