// SPDX-License-Identifier: Apache-2.0
// queue/store/store_kept.c: bodies that stay where the journal has them. A body of some size is
// written once: when its message is moved, LMDB gets the head and the place of the rest in the
// segment. The database `kept` says which messages have something in a segment. A segment that is
// wanted when all its entries are moved is given to the folder `kept`, under the same name, instead
// of being written again; who removes the last message of it removes the file. What is left in a
// segment that is mostly empty goes into LMDB after all, so that no disk is filled by the few that
// stay.
//
//     value of such a message   4 bytes: length of the head, with the highest bit set; the head;
//                               slot 1, 0 3, name 4, bytes 4, offset 8 (little-endian)
//
// Segments are given away, and files removed, only by who holds LMDB's lock for writing and has
// looked under it whether the segment is wanted. A reader may come late: he finds the file under
// its second name, or the message elsewhere when he looks again.
#include "queue/store/store_kept.h"

#include "queue/store/record.h"
#include "rt/blobfile.h"

#include <errno.h>

#define REF_BYTES 20
#define HEAD_LENGTH_BYTES 4
#define KEPT_BIT 0x80
#define ROOM_LEFT 4 // a segment less than a fourth of which is wanted is emptied

static bool find_extent(const struct overlay *o, struct str bytes, struct kept *out);
static void put_ref(char out[REF_BYTES], const struct kept *kept);
static int wanted_bytes(
        struct store *store, MDB_txn *txn, uint8_t slot, uint32_t name, uint64_t *out);
static int empty_segment(struct store *store, MDB_txn *txn, uint8_t slot, uint32_t name);
static int bring_home(struct store *store, MDB_txn *txn, uint64_t id);
static uint64_t get_le(const char *at, size_t bytes);

struct str kept_folder(struct arena *a, struct str store_folder)
{
    return arena_join(a, journal_folder(a, store_folder), S("/kept"));
}

bool kept_read(struct str value, struct kept *out)
{
    if (value.len < HEAD_LENGTH_BYTES + REF_BYTES ||
            ((uint8_t)value.ptr[HEAD_LENGTH_BYTES - 1] & KEPT_BIT) == 0)
        return false;
    const char *ref = value.ptr + value.len - REF_BYTES;
    *out = (struct kept){.head = str_upto(value, value.len - REF_BYTES),
            .slot = (uint8_t)ref[0],
            .name = (uint32_t)get_le(ref + 4, 4),
            .bytes = get_le(ref + 8, 4),
            .at = get_le(ref + 12, 8)};
    return true;
}

// --- Reading -------------------------------------------------------------------------------------

struct err kept_value(struct store *store, struct arena *a, const struct kept *kept, bool with_body,
        struct str *out)
{
    size_t bytes = kept->head.len + (with_body ? kept->bytes : 0);
    char *copy = arena_bytes(a, bytes + 1);
    int fd = -1;
    uint64_t file_bytes = 0;
    if (copy == NULL)
        return fail(ERR_LIMIT, "no memory to read a message");
    memcpy(copy, kept->head.ptr, kept->head.len);
    copy[HEAD_LENGTH_BYTES - 1] = (char)((uint8_t)copy[HEAD_LENGTH_BYTES - 1] & ~KEPT_BIT);
    *out = str_of(copy, bytes);
    if (!with_body)
        return OK;
    struct str folder = journal_folder(a, store->options.folder);
    struct err e = blob_open(a, segment_path(a, folder, kept->slot, kept->name), &fd, &file_bytes);
    if (failed(e)) {
        folder = kept_folder(a, store->options.folder);
        e = blob_open(a, segment_path(a, folder, kept->slot, kept->name), &fd, &file_bytes);
    }
    if (!failed(e))
        e = blob_read_at(a, fd, copy + kept->head.len, kept->bytes, kept->at);
    blob_close(fd);
    return e;
}

// The copy comes first: what is decoded points into it.
struct err stored_message(struct store *store, struct arena *a, uint64_t id, struct str value,
        enum store_body body, struct message *out)
{
    struct message m;
    struct kept kept;
    bool with_body = body == STORE_WITH_BODY;
    struct str copy = STR_NULL, whole = value;
    if (kept_read(value, &kept)) {
        TRY(kept_value(store, a, &kept, with_body, &copy));
        whole = copy;
        if (!with_body)
            return message_decode_head(a, id, copy, out);
    }
    TRY(message_decode(a, id, whole, &m));
    size_t tail = message_tail_bytes(&m);
    if (with_body)
        TRY(message_check_body(whole, &m));
    if (str_is_null(copy))
        copy = arena_str(a, str_upto(whole, whole.len - (with_body ? 0 : tail)));
    if (str_is_null(copy))
        return fail(ERR_LIMIT, "no memory to read a message");
    TRY(message_decode_head(a, id, copy, &m));
    if (with_body && m.body.place == BODY_INLINE)
        m.body.inline_bytes = str_part(copy, whole.len - tail, m.body.bytes);
    *out = m;
    return OK;
}

// --- When a message is moved ---------------------------------------------------------------------

bool kept_fits(const struct overlay *o, struct str value, struct kept *out)
{
    size_t head = message_head_bytes(value);
    if (o->is_doubted || head == 0 || value.len - head < KEPT_BODY_BYTES_MIN ||
            !find_extent(o, str_from(value, head), out))
        return false;
    out->head = str_upto(value, head);
    return true;
}

// Extents follow each other as they were committed, not as they lie in memory.
static bool find_extent(const struct overlay *o, struct str bytes, struct kept *out)
{
    for (size_t i = 0; i < o->extents.count; i++) {
        const struct extent *x = &o->extents.at[i];
        if (bytes.ptr < x->from || bytes.ptr >= x->from + x->bytes)
            continue;
        *out = (struct kept){.slot = x->slot,
                .name = x->segment_name,
                .bytes = bytes.len,
                .at = x->at + (uint64_t)(bytes.ptr - x->from)};
        return true;
    }
    return false;
}

int kept_put(struct store *store, MDB_txn *txn, MDB_cursor *cursor, struct str id,
        const struct kept *kept)
{
    MDB_val at = val_of(id), value = {.mv_size = kept->head.len + REF_BYTES};
    int rc = mdb_cursor_put(cursor, &at, &value, MDB_RESERVE);
    if (rc != 0)
        return rc;
    char *out = value.mv_data;
    memcpy(out, kept->head.ptr, kept->head.len);
    out[HEAD_LENGTH_BYTES - 1] = (char)((uint8_t)out[HEAD_LENGTH_BYTES - 1] | KEPT_BIT);
    put_ref(out + kept->head.len, kept);
    char count[4];
    for (size_t i = 0; i < sizeof(count); i++)
        count[i] = (char)(kept->bytes >> (8 * i) & 0xff);
    struct key key = key_kept(kept->slot, kept->name, key_u64(id.ptr));
    at = key_val(&key);
    value = val_of(str_of(count, sizeof(count)));
    return mdb_put(txn, store->db[DB_KEPT], &at, &value, 0);
}

static void put_ref(char out[REF_BYTES], const struct kept *kept)
{
    memset(out, 0, REF_BYTES);
    out[0] = (char)kept->slot;
    for (size_t i = 0; i < 4; i++) {
        out[4 + i] = (char)(kept->name >> (8 * i) & 0xff);
        out[8 + i] = (char)(kept->bytes >> (8 * i) & 0xff);
    }
    for (size_t i = 0; i < 8; i++)
        out[12 + i] = (char)(kept->at >> (8 * i) & 0xff);
}

int kept_remove(struct store *store, MDB_txn *txn, uint64_t id, const struct kept *kept)
{
    struct key key = key_kept(kept->slot, kept->name, id);
    MDB_val at = key_val(&key);
    int rc = mdb_del(txn, store->db[DB_KEPT], &at, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

// --- Segments that are given away, and their end -------------------------------------------------

bool kept_has_room(struct store *store, struct arena *a)
{
    struct blob_entry *entries = NULL;
    size_t count = 0;
    struct err e = folder_list(a, kept_folder(a, store->options.folder), &entries, &count);
    return failed(e) || count < KEPT_SEGMENTS_MAX;
}

struct err kept_give(
        struct store *store, struct arena *a, uint8_t slot, uint32_t name, bool *out_given)
{
    MDB_txn *txn = NULL;
    uint64_t bytes = 0;
    struct str folder = kept_folder(a, store->options.folder);
    struct str from = segment_path(a, journal_folder(a, store->options.folder), slot, name);
    *out_given = false;
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (rc == 0)
        rc = wanted_bytes(store, txn, slot, name, &bytes);
    struct err e = rc == 0 ? OK : store_trouble(a, rc, "looking after the journal");
    if (!failed(e) && bytes > 0)
        e = folder_make(a, folder);
    if (!failed(e) && bytes > 0)
        e = blob_rename(a, from, segment_path(a, folder, slot, name));
    if (txn != NULL)
        mdb_txn_abort(txn);
    *out_given = !failed(e) && bytes > 0;
    return e;
}

static int wanted_bytes(
        struct store *store, MDB_txn *txn, uint8_t slot, uint32_t name, uint64_t *out)
{
    MDB_cursor *cursor = NULL;
    struct key key = key_kept(slot, name, 0);
    MDB_val at = key_val(&key), value;
    int rc = mdb_cursor_open(txn, store->db[DB_KEPT], &cursor);
    if (rc != 0)
        return rc;
    for (rc = mdb_cursor_get(cursor, &at, &value, MDB_SET_RANGE); rc == 0;
            rc = mdb_cursor_get(cursor, &at, &value, MDB_NEXT)) {
        uint8_t of_slot;
        uint32_t of_name;
        uint64_t id;
        if (!key_is_kept(val_str(&at), &of_slot, &of_name, &id) || of_slot != slot ||
                of_name != name)
            break;
        *out += value.mv_size == 4 ? get_le(value.mv_data, 4) : 1;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

// Only files in the folder of those given away: the others are their owners'.
void kept_tidy(struct store *store, struct arena *a, uint8_t slot, uint32_t name)
{
    MDB_txn *txn = NULL;
    uint64_t bytes = 0, file_bytes = 0;
    int fd = -1;
    struct str path = segment_path(a, kept_folder(a, store->options.folder), slot, name);
    struct err e = blob_open(a, path, &fd, &file_bytes);
    blob_close(fd);
    if (failed(e) || mdb_txn_begin(store->env, NULL, 0, &txn) != 0)
        return;
    int rc = wanted_bytes(store, txn, slot, name, &bytes);
    if (rc == 0 && bytes > 0 && bytes < file_bytes / ROOM_LEFT) {
        rc = empty_segment(store, txn, slot, name);
        bool commits = rc == 0;
        if (commits)
            rc = mdb_txn_commit(txn);
        else
            mdb_txn_abort(txn);
        if (rc == MDB_PANIC || (commits && rc > 0)) // as in overlay_apply
            store_break(store, rc);
        txn = NULL;
        bytes = 0;
    }
    // With nothing in it no message can come to want it again: names are given once.
    if (rc == 0 && bytes == 0) {
        struct err ignored = blob_remove(a, path); // else it is left over, which the check finds
        (void)ignored;
    }
    if (txn != NULL)
        mdb_txn_abort(txn);
}

static int empty_segment(struct store *store, MDB_txn *txn, uint8_t slot, uint32_t name)
{
    for (;;) {
        MDB_cursor *cursor = NULL;
        struct key key = key_kept(slot, name, 0);
        MDB_val at = key_val(&key), value;
        uint8_t of_slot = 0;
        uint32_t of_name = 0;
        uint64_t id = 0;
        int rc = mdb_cursor_open(txn, store->db[DB_KEPT], &cursor);
        if (rc != 0)
            return rc;
        rc = mdb_cursor_get(cursor, &at, &value, MDB_SET_RANGE);
        bool more = rc == 0 && key_is_kept(val_str(&at), &of_slot, &of_name, &id) &&
                    of_slot == slot && of_name == name;
        if (more)
            rc = mdb_cursor_del(cursor, 0);
        mdb_cursor_close(cursor);
        if (!more)
            return rc == MDB_NOTFOUND ? 0 : rc;
        if (rc == 0)
            rc = bring_home(store, txn, id);
        if (rc != 0)
            return rc;
    }
}

// What cannot be read stays as it is, and its segment with it.
static int bring_home(struct store *store, MDB_txn *txn, uint64_t id)
{
    struct key key = key_message(id);
    MDB_val at = key_val(&key), value;
    struct kept kept;
    struct str whole;
    struct arena scratch;
    int rc = mdb_get(txn, store->db[DB_MESSAGE], &at, &value);
    if (rc == MDB_NOTFOUND || (rc == 0 && !kept_read(val_str(&value), &kept)))
        return 0;
    if (rc != 0)
        return rc;
    arena_init(&scratch, 2 * RECORD_BYTES_MAX);
    if (failed(kept_value(store, &scratch, &kept, true, &whole))) {
        rc = EIO;
    } else {
        value = val_of(whole);
        rc = mdb_put(txn, store->db[DB_MESSAGE], &at, &value, 0);
    }
    arena_done(&scratch);
    return rc;
}

static uint64_t get_le(const char *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)(uint8_t)at[i] << (8 * i);
    return value;
}
