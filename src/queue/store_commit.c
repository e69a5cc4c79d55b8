// SPDX-License-Identifier: Apache-2.0
// queue/store_commit.c: group commit. A task that has changes puts a request into the line. If
// nobody commits, it leads: it takes what stands in line, as much as a transaction should hold, and
// has a helper thread write and sync it. Then it wakes all, and one of those whose turn has not
// come leads next. So there is no task that only commits, and none that waits for others' replies.
//
// What happens when the disk fails:
//   a write or the sync of the data   the transaction is as if it had never been; all get the error
//   the write of the meta page        nobody knows whether it is on disk. LMDB refuses this handle
//                                     from then on; it is opened again, and what those requests
//                                     accepted is removed before anybody hears of the error, or, if
//                                     that fails too, before anything else is ever written.
#include "queue/store_lmdb.h"

#include "queue/record.h"
#include "rt/blobfile.h"
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
    struct err error; // of the whole batch
};

static void lead(struct store *store) suspends;
static void batch_take(struct store *store, struct batch *b);
static size_t request_bytes(const struct request *r);
static void batch_tell(struct batch *b);
static void batch_write(void *batch);
static struct err write_all(struct batch *b);
static int write_requests(struct batch *b, MDB_txn *txn);
static struct err request_check(struct batch *b, MDB_txn *txn, const struct request *r);
static struct err change_check(struct batch *b, MDB_txn *txn, const struct store_change *c);
static struct err update_check(struct batch *b, MDB_txn *txn, const struct unit *u);
static int change_write(struct batch *b, MDB_txn *txn, const struct store_change *c);
static int write_accept(struct store *store, MDB_txn *txn, const struct message *m);
static int write_update(struct batch *b, MDB_txn *txn, const struct unit *u);
static int delete_due(struct store *store, MDB_txn *txn, int64_t at_ms, uint64_t id, uint16_t n);
static int delete_units(struct store *store, MDB_txn *txn, uint64_t id, struct arena *scratch);
static int delete_link(struct store *store, struct arena *a, MDB_txn *txn, const struct message *m);
static int commit(struct batch *b, MDB_txn *txn);
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
    batch_take(store, &b);
    if (store->broken)
        b.error = store_mend(store, &b.arena);
    if (!failed(b.error)) {
        struct err no_thread = offload(batch_write, &b);
        if (failed(no_thread))
            b.error = no_thread;
    }
    if (store->broken && !failed(store_mend(store, &b.arena))) {
        struct err again = remove_doubtful(store, &b.arena); // so that the error is the truth
        (void)again;                                         // if not now, then before the next
    }
    batch_tell(&b);
    store->committing = false;
    waitq_wake_all(&store->moved);
    arena_done(&b.arena);
}

static void batch_take(struct store *store, struct batch *b)
{
    size_t changes = 0, bytes = 0;
    each_safe_in_list (r, &store->waiting, struct request, in_line) {
        changes += r->count;
        bytes += request_bytes(r);
        if (!list_is_empty(&b->requests) &&
                (changes > store->options.batch_max || bytes > BATCH_BYTES_MAX))
            return;
        link_remove(&r->in_line);
        list_append(&b->requests, &r->in_line);
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

// A request that did not fit has its own error already; the others share the batch's fate.
static void batch_tell(struct batch *b)
{
    for (struct link *k; (k = list_take_first(&b->requests)) != NULL;) {
        struct request *r = CONTAINER_OF(k, struct request, in_line);
        struct err e = failed(r->result) ? r->result : b->error;
        r->result = OK;
        if (failed(e))
            r->result = fail_fmt(r->arena, e.kind, "%.*s", ARG(err_text(e)));
        r->done = true;
    }
}

// --- On the helper thread -----------------------------------------------------------------------

static void batch_write(void *arg)
{
    struct batch *b = arg;
    b->error = write_all(b);
}

static struct err write_all(struct batch *b)
{
    struct store *store = b->store;
    MDB_txn *txn = NULL;
    TRY(remove_doubtful(store, &b->arena));
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (rc == 0)
        rc = write_requests(b, txn);
    if (rc != 0) {
        mdb_txn_abort(txn);
        store->broken |= rc == MDB_PANIC;
        return store_trouble(&b->arena, rc, "writing the queue");
    }
    rc = commit(b, txn);
    if (rc == MDB_PANIC || rc == EIO) // EIO: whether of the data or of the meta page is not said
        doubt(b);
    return rc == 0 ? OK : store_trouble(&b->arena, rc, "committing to the queue");
}

static int write_requests(struct batch *b, MDB_txn *txn)
{
    each_in_list (r, &b->requests, struct request, in_line) {
        r->result = request_check(b, txn, r);
        int rc = 0;
        for (size_t i = 0; i < r->count && rc == 0 && !failed(r->result); i++)
            rc = change_write(b, txn, &r->changes[i]);
        if (rc != 0)
            return rc;
    }
    return 0;
}

// Before anything of it is written, so that one request that does not fit spoils no other.
static struct err request_check(struct batch *b, MDB_txn *txn, const struct request *r)
{
    for (size_t i = 0; i < r->count; i++)
        TRY(change_check(b, txn, &r->changes[i]));
    return OK;
}

static struct err change_check(struct batch *b, MDB_txn *txn, const struct store_change *c)
{
    struct store *store = b->store;
    MDB_val found;
    struct key key = key_message(c->kind == STORE_ACCEPT ? c->message->id : c->id);
    MDB_val at = key_val(&key);
    switch (c->kind) {
    case STORE_ACCEPT:
        if (mdb_get(txn, store->db[DB_MESSAGE], &at, &found) == 0)
            return fail(ERR_EXISTS, "a message of this id is in the queue already");
        if (c->message->body.place == BODY_FILE &&
                !blob_exists(&b->arena, blob_path(store, &b->arena, c->message->body.digest)))
            return fail(ERR_NOT_FOUND, "the message's body was removed meanwhile");
        return OK;
    case STORE_UPDATE:
        return update_check(b, txn, c->unit);
    case STORE_REMOVE:
        if (mdb_get(txn, store->db[DB_MESSAGE], &at, &found) != 0)
            return fail(ERR_NOT_FOUND, "there is no such message in the queue");
        return OK;
    }
    return OK;
}

static struct err update_check(struct batch *b, MDB_txn *txn, const struct unit *u)
{
    struct unit before;
    MDB_val found;
    struct key key = key_unit(u->message_id, u->number);
    MDB_val at = key_val(&key);
    if (mdb_get(txn, b->store->db[DB_UNIT], &at, &found) != 0)
        return fail(ERR_NOT_FOUND, "there is no such unit in the queue");
    struct arena scratch;
    arena_init(&scratch, MIB);
    struct err e = unit_decode(&scratch, u->message_id, u->number, val_str(&found), &before);
    if (failed(e))
        e = fail(e.kind, "the unit in the queue is damaged");
    else if (before.version != u->version)
        e = fail(ERR_EXISTS, "the unit was changed by somebody else meanwhile");
    arena_done(&scratch);
    return e;
}

static int change_write(struct batch *b, MDB_txn *txn, const struct store_change *c)
{
    switch (c->kind) {
    case STORE_ACCEPT:
        return write_accept(b->store, txn, c->message);
    case STORE_UPDATE:
        return write_update(b, txn, c->unit);
    case STORE_REMOVE:
        return write_remove(b->store, &b->arena, txn, c->id);
    }
    return 0;
}

static int write_accept(struct store *store, MDB_txn *txn, const struct message *m)
{
    buf_clear(&store->scratch);
    message_encode_head(m, &store->scratch);
    if (store->scratch.overflow)
        return ENOMEM;
    struct str head = buf_str(&store->scratch);
    struct key key = key_message(m->id);
    MDB_val at = key_val(&key), value = {.mv_size = head.len + message_tail_bytes(m)};
    int rc = mdb_put(txn, store->db[DB_MESSAGE], &at, &value, MDB_RESERVE | MDB_NOOVERWRITE);
    if (rc != 0)
        return rc;
    memcpy(value.mv_data, head.ptr, head.len);
    message_put_tail(m, (char *)value.mv_data + head.len);
    if (m->body.place == BODY_FILE) {
        MDB_val nothing = {0};
        key = key_link(m->body.digest, m->id);
        at = key_val(&key);
        rc = mdb_put(txn, store->db[DB_LINK], &at, &nothing, 0);
    }
    for (size_t i = 0; i < m->unit_count && rc == 0; i++)
        rc = write_unit(store, txn, &m->units[i], &store->scratch);
    return rc;
}

int write_unit(struct store *store, MDB_txn *txn, const struct unit *u, struct buf *scratch)
{
    buf_clear(scratch);
    unit_encode(u, scratch);
    if (scratch->overflow)
        return ENOMEM;
    struct str record = buf_str(scratch);
    struct key key = key_unit(u->message_id, u->number);
    MDB_val at = key_val(&key);
    MDB_val value = {.mv_size = record.len, .mv_data = (void *)(uintptr_t)record.ptr};
    int rc = mdb_put(txn, store->db[DB_UNIT], &at, &value, 0);
    if (rc != 0 || u->due_ms == NEVER_MS)
        return rc;
    MDB_val nothing = {0};
    key = key_due(id_slot(u->message_id), u->due_ms, u->message_id, u->number);
    at = key_val(&key);
    return mdb_put(txn, store->db[DB_DUE], &at, &nothing, 0);
}

static int write_update(struct batch *b, MDB_txn *txn, const struct unit *u)
{
    struct store *store = b->store;
    struct key key = key_unit(u->message_id, u->number);
    MDB_val at = key_val(&key), found;
    struct unit before, now = *u;
    int rc = mdb_get(txn, store->db[DB_UNIT], &at, &found);
    if (rc != 0)
        return rc;
    struct arena scratch;
    arena_init(&scratch, MIB);
    if (failed(unit_decode(&scratch, u->message_id, u->number, val_str(&found), &before)))
        rc = MDB_CORRUPTED; // request_check has read it a moment ago
    int64_t due_before_ms = before.due_ms;
    arena_done(&scratch);
    if (rc == 0 && due_before_ms != u->due_ms)
        rc = delete_due(store, txn, due_before_ms, u->message_id, u->number);
    now.version++;
    return rc == 0 ? write_unit(store, txn, &now, &store->scratch) : rc;
}

static int delete_due(struct store *store, MDB_txn *txn, int64_t at_ms, uint64_t id, uint16_t n)
{
    if (at_ms == NEVER_MS)
        return 0;
    struct key key = key_due(id_slot(id), at_ms, id, n);
    MDB_val at = key_val(&key);
    int rc = mdb_del(txn, store->db[DB_DUE], &at, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

// queue.md 3.4. What is damaged is removed as far as it can be read; its due entries are then
// garbage, which whoever meets them removes.
int write_remove(struct store *store, struct arena *a, MDB_txn *txn, uint64_t id)
{
    struct key key = key_message(id);
    MDB_val at = key_val(&key), found;
    struct arena scratch;
    struct message m;
    int rc = mdb_get(txn, store->db[DB_MESSAGE], &at, &found);
    if (rc != 0)
        return rc;
    arena_init(&scratch, RECORD_BYTES_MAX);
    if (!failed(message_decode(&scratch, id, val_str(&found), &m)) && m.body.place == BODY_FILE)
        rc = delete_link(store, a, txn, &m);
    if (rc == 0)
        rc = mdb_del(txn, store->db[DB_MESSAGE], &at, NULL);
    if (rc == 0)
        rc = delete_units(store, txn, id, &scratch);
    arena_done(&scratch);
    return rc;
}

static int delete_units(struct store *store, MDB_txn *txn, uint64_t id, struct arena *scratch)
{
    MDB_cursor *cursor = NULL;
    MDB_val found;
    struct key key = key_unit(id, 0);
    MDB_val at = key_val(&key);
    int rc = mdb_cursor_open(txn, store->db[DB_UNIT], &cursor);
    if (rc != 0)
        return rc;
    for (int step = mdb_cursor_get(cursor, &at, &found, MDB_SET_RANGE); step == 0 && rc == 0;
            step = mdb_cursor_get(cursor, &at, &found, MDB_NEXT)) {
        uint64_t of;
        uint16_t number;
        struct unit u;
        if (!key_is_unit(&at, &of, &number) || of != id)
            break;
        arena_reset(scratch);
        if (!failed(unit_decode(scratch, id, number, val_str(&found), &u)))
            rc = delete_due(store, txn, u.due_ms, id, number);
        if (rc == 0)
            rc = mdb_cursor_del(cursor, 0);
    }
    mdb_cursor_close(cursor);
    return rc;
}

// The file goes with its last link, inside the transaction: who publishes the same body asks in its
// own transaction whether the file is still there, and no two transactions run at once.
static int delete_link(struct store *store, struct arena *a, MDB_txn *txn, const struct message *m)
{
    struct key key = key_link(m->body.digest, m->id);
    MDB_val at = key_val(&key), found;
    MDB_cursor *cursor = NULL;
    int rc = mdb_del(txn, store->db[DB_LINK], &at, NULL);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;
    rc = mdb_cursor_open(txn, store->db[DB_LINK], &cursor);
    if (rc != 0)
        return rc;
    key = key_link(m->body.digest, 0);
    at = key_val(&key);
    int step = mdb_cursor_get(cursor, &at, &found, MDB_SET_RANGE);
    bool used = step == 0 && at.mv_size == DIGEST_LINK_BYTES &&
                memcmp(at.mv_data, m->body.digest, BODY_DIGEST_BYTES) == 0;
    mdb_cursor_close(cursor);
    if (!used) {
        struct err ignored = blob_remove(a, blob_path(store, a, m->body.digest));
        (void)ignored; // a file without link is found by the check and costs only its room
    }
    return 0;
}

static int commit(struct batch *b, MDB_txn *txn)
{
    struct store_faults *fault = b->store->options.fail;
    bool fails = fault != NULL && fault->commit_fails_in > 0 && --fault->commit_fails_in == 0;
    if (fails && !fault->after_commit) {
        mdb_txn_abort(txn);
        return fault->errno_value;
    }
    int rc = mdb_txn_commit(txn);
    if (!fails || rc != 0)
        return rc;
    return fault->errno_value;
}

// --- What may or may not be on disk --------------------------------------------------------------

static void doubt(struct batch *b)
{
    struct store *store = b->store;
    store->broken = true;
    each_in_list (r, &b->requests, struct request, in_line)
        for (size_t i = 0; i < r->count; i++) {
            if (r->changes[i].kind != STORE_ACCEPT || failed(r->result))
                continue;
            uint64_t *id = vec_add(&store->arena, &store->doubtful);
            if (id != NULL)
                *id = r->changes[i].message->id;
        }
}

static struct err remove_doubtful(struct store *store, struct arena *a)
{
    MDB_txn *txn = NULL;
    if (store->doubtful.count == 0)
        return OK;
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn);
    for (size_t i = 0; i < store->doubtful.count && rc == 0; i++) {
        rc = write_remove(store, a, txn, store->doubtful.at[i]);
        if (rc == MDB_NOTFOUND)
            rc = 0; // it was not on disk
    }
    if (rc == 0)
        rc = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    if (rc != 0) {
        store->broken |= rc == MDB_PANIC || rc == EIO;
        return store_trouble(a, rc, "taking back what was not acknowledged");
    }
    store->doubtful.count = 0;
    return OK;
}
