// SPDX-License-Identifier: Apache-2.0
// queue/store/store_entry.c: from words of mail to puts and deletes of keys. An entry is built in a
// block of memory, in the form in which the journal will have it, and noted in the overlay
// `pending`, whose values point into the block: so bodies are copied once, and each change sees
// what those before it did. Checking comes first for the whole of a request, so that one that does
// not fit leaves nothing in the entry of others.
//
// When a block is full, what there is of the entry moves to the start of a larger one.
#include "queue/store/store_kept.h"

#include "base/hash.h"
#include "queue/store/body.h"
#include "queue/store/record.h"
#include "rt/blobfile.h"

#include <errno.h>

#define BLOCK_BYTES (4 * MIB)
#define FREE_BLOCKS_MAX 4
#define FREE_BLOCKS_IDLE 2
#define LEFT_OVER_BYTES (256 * KIB) // of a block: room for what nobody has foreseen
#define UNIT_ARENA_BYTES MIB

static struct err check_accept(struct entry *e, const struct store_change *c);
static struct err check_origin(struct entry *e, const struct store_origin *origin);
static struct err check_update(struct entry *e, const struct unit *u);
static struct err check_clean(struct entry *e, const struct due *due);
static void add_accept(struct entry *e, const struct message *m);
static void add_origin(struct entry *e, const struct store_change *c);
static void add_link(struct entry *e, const struct message *m);
static void add_unit(struct entry *e, const struct unit *u, bool fresh);
static void add_update(struct entry *e, const struct unit *u);
static void add_clean(struct entry *e, const struct due *due);
static bool unit_is_of_use(struct entry *e, const struct due *due, struct unit *out);
static int remove_units(struct entry *e, uint64_t id, struct arena *scratch);
static void put(struct entry *e, const struct overlay_change *change);
static void gone(struct entry *e, enum store_db db, const struct key *key);
static void gone_due(struct entry *e, int64_t at_ms, uint64_t id, uint16_t number);
static char *change_room(struct entry *e, const struct overlay_change *change, size_t value_bytes);
static bool reserve(struct entry *e, size_t more);
static bool block_begin(struct store *store, size_t bytes);

bool entry_begin(struct store *store, struct arena *a, size_t bytes, struct entry *out)
{
    *out = (struct entry){.store = store, .arena = a, .bytes = JOURNAL_HEAD_BYTES};
    size_t need = bytes + LEFT_OVER_BYTES;
    bool full = store->block == NULL || store->block->room.size - store->block->used < need;
    bool has_block = !full || block_begin(store, need > BLOCK_BYTES ? need : BLOCK_BYTES);
    if (store->block != NULL) // also of no use: entry_forget leaves what others have there
        out->start = store->block->used;
    return has_block && reserve(out, 0);
}

struct err entry_trouble(const struct entry *e)
{
    if (e->no_memory)
        return fail(ERR_LIMIT, "no memory for a change of the queue");
    return OK;
}

struct str entry_finish(struct entry *e, const struct journal_head *numbers)
{
    struct block *block = e->store->block;
    char *at = block->room.bytes + e->start;
    struct journal_head head = *numbers;
    struct str payload = str_of(at + JOURNAL_HEAD_BYTES, e->bytes - JOURNAL_HEAD_BYTES);
    head.payload_bytes = (uint32_t)payload.len;
    head.change_count = e->changes;
    head.payload_crc = hash_crc32c(0, payload);
    journal_head_put(&head, at);
    size_t padded = (size_t)journal_entry_bytes(&head);
    memset(at + e->bytes, 0, padded - e->bytes);
    block->used = e->start + padded;
    return str_of(at, padded);
}

void entry_forget(struct entry *e)
{
    e->store->block->used = e->start;
    overlay_forget(&e->store->pending);
}

// --- Does it fit? --------------------------------------------------------------------------------

struct err entry_check(struct entry *e, const struct store_change *c)
{
    struct str found;
    struct key key = key_message(c->id);
    switch (c->kind) {
    case STORE_ACCEPT:
        return check_accept(e, c);
    case STORE_UPDATE:
        return check_update(e, c->unit);
    case STORE_REMOVE:
        if (view_get(&e->view, DB_MESSAGE, key_str(&key), &found) != 0)
            return fail(ERR_NOT_FOUND, "there is no such message in the queue");
        return OK;
    case STORE_CLEAN:
        return check_clean(e, &c->due);
    }
    return OK;
}

// A body that has just arrived brings its file along; one that is said to be there must be.
static struct err check_accept(struct entry *e, const struct store_change *c)
{
    struct str found;
    const struct message *m = c->message;
    if (c->origin != NULL)
        TRY(check_origin(e, c->origin));
    struct key key = key_message(m->id);
    if (view_get(&e->view, DB_MESSAGE, key_str(&key), &found) == 0)
        return fail(ERR_EXISTS, "a message of this id is in the queue already");
    if (m->body.place == BODY_FILE && m->body.arriving == NULL &&
            !blob_exists(e->arena, blob_path(e->store, e->arena, m->body.digest)))
        return fail(ERR_NOT_FOUND, "the message's body was removed meanwhile");
    return OK;
}

static struct err check_origin(struct entry *e, const struct store_origin *origin)
{
    uint64_t id;
    int rc = view_imported(&e->view, origin, &id);
    if (rc == MDB_NOTFOUND)
        return OK;
    if (rc != 0)
        return store_trouble(e->arena, rc, "writing the queue");
    return fail_fmt(e->arena, ERR_EXISTS, "the message was taken before, as %016llx",
            (unsigned long long)id);
}

static struct err check_update(struct entry *e, const struct unit *u)
{
    struct unit before;
    struct str found;
    struct key key = key_unit(u->message_id, u->number);
    if (view_get(&e->view, DB_UNIT, key_str(&key), &found) != 0)
        return fail(ERR_NOT_FOUND, "there is no such unit in the queue");
    struct arena scratch;
    arena_init(&scratch, UNIT_ARENA_BYTES);
    struct err err = unit_decode(&scratch, u->message_id, u->number, found, &before);
    if (failed(err))
        err = fail(err.kind, "the unit in the queue is damaged");
    else if (before.version != u->version)
        err = fail(ERR_EXISTS, "the unit was changed by somebody else meanwhile");
    arena_done(&scratch);
    return err;
}

// Somebody may have mended it meanwhile.
static struct err check_clean(struct entry *e, const struct due *due)
{
    struct unit u;
    if (unit_is_of_use(e, due, &u) && u.due_ms == due->at_ms)
        return fail(ERR_EXISTS, "the unit is due at that moment");
    return OK;
}

// --- What it puts and deletes --------------------------------------------------------------------

void entry_add(struct entry *e, const struct store_change *c)
{
    switch (c->kind) {
    case STORE_ACCEPT:
        add_accept(e, c->message);
        if (c->origin != NULL)
            add_origin(e, c);
        return;
    case STORE_UPDATE:
        add_update(e, c->unit);
        return;
    case STORE_REMOVE:
        e->no_memory |= entry_remove(e, c->id) == ENOMEM;
        return;
    case STORE_CLEAN:
        add_clean(e, &c->due);
        return;
    }
}

static void add_accept(struct entry *e, const struct message *m)
{
    struct buf *scratch = &e->store->scratch;
    struct key key = key_message(m->id);
    buf_clear(scratch);
    message_encode_head(m, scratch);
    e->no_memory |= scratch->overflow;
    struct overlay_change change = {.db = DB_MESSAGE, .key = key_str(&key), .fresh = true};
    struct str head = buf_str(scratch);
    size_t tail = message_tail_bytes(m);
    char *at = change_room(e, &change, head.len + tail);
    if (at == NULL)
        return;
    memcpy(at, head.ptr, head.len);
    message_put_tail(m, at + head.len);
    change.value = str_of(at, head.len + tail);
    put(e, &change);
    e->store->pending.more[DB_MESSAGE]++;
    add_link(e, m);
    for (size_t i = 0; i < m->unit_count; i++)
        add_unit(e, &m->units[i], true);
    e->store->pending.more[DB_UNIT] += (int64_t)m->unit_count;
}

// A journal has no words for it: only tools take such messages.
static void add_origin(struct entry *e, const struct store_change *c)
{
    struct key key = key_imported(c->origin), id = key_message(c->message->id);
    struct overlay_change change = {.db = DB_IMPORTED, .key = key_str(&key), .fresh = true};
    assert(e->store->journal == NULL);
    char *at = change_room(e, &change, id.len);
    if (at == NULL)
        return;
    memcpy(at, id.bytes, id.len);
    change.value = str_of(at, id.len);
    put(e, &change);
}

// Until it is moved the link tells under which name the file arrived.
static void add_link(struct entry *e, const struct message *m)
{
    if (m->body.place != BODY_FILE)
        return;
    struct key key = key_link(m->body.digest, m->id);
    struct key claim = {0};
    if (m->body.arriving != NULL)
        claim = key_message(body_claim(m->body.arriving));
    struct overlay_change change = {.db = DB_LINK, .key = key_str(&key), .fresh = true};
    char *at = change_room(e, &change, claim.len);
    if (at == NULL)
        return;
    memcpy(at, claim.bytes, claim.len);
    change.value = str_of(at, claim.len);
    put(e, &change);
    e->store->pending.more[DB_LINK]++;
}

static void add_unit(struct entry *e, const struct unit *u, bool fresh)
{
    struct buf *scratch = &e->store->scratch;
    struct key key = key_unit(u->message_id, u->number);
    buf_clear(scratch);
    unit_encode(u, scratch);
    e->no_memory |= scratch->overflow;
    struct overlay_change change = {
            .db = DB_UNIT, .key = key_str(&key), .fresh = fresh, .changed = !fresh};
    struct str record = buf_str(scratch);
    char *at = change_room(e, &change, record.len);
    if (at == NULL)
        return;
    memcpy(at, record.ptr, record.len);
    change.value = str_of(at, record.len);
    put(e, &change);
    if (u->due_ms == NEVER_MS)
        return;
    key = key_due(id_slot(u->message_id), u->due_ms, u->message_id, u->number);
    change = (struct overlay_change){
            .db = DB_DUE, .key = key_str(&key), .fresh = fresh, .changed = !fresh};
    at = change_room(e, &change, 0);
    if (at == NULL)
        return;
    change.value = str_of(at, 0);
    put(e, &change);
}

// entry_check has read the unit a moment ago; what is gone since then was removed by this request.
static void add_update(struct entry *e, const struct unit *u)
{
    struct str found;
    struct unit before, now = *u;
    struct key key = key_unit(u->message_id, u->number);
    struct arena scratch;
    if (view_get(&e->view, DB_UNIT, key_str(&key), &found) != 0)
        return;
    arena_init(&scratch, UNIT_ARENA_BYTES);
    bool readable = !failed(unit_decode(&scratch, u->message_id, u->number, found, &before));
    int64_t due_before_ms = readable ? before.due_ms : NEVER_MS;
    arena_done(&scratch);
    if (due_before_ms != u->due_ms)
        gone_due(e, due_before_ms, u->message_id, u->number);
    now.version++;
    add_unit(e, &now, false);
}

static void add_clean(struct entry *e, const struct due *due)
{
    struct unit u;
    struct str found;
    struct key key = key_unit(due->id, due->number);
    bool is_of_use = unit_is_of_use(e, due, &u);
    gone_due(e, due->at_ms, due->id, due->number);
    if (is_of_use || view_get(&e->view, DB_UNIT, key_str(&key), &found) != 0)
        return;
    gone(e, DB_UNIT, &key);
    e->store->pending.more[DB_UNIT]--;
}

// It can be read, and so has it a message. Of `out` only the times are good.
static bool unit_is_of_use(struct entry *e, const struct due *due, struct unit *out)
{
    struct str found;
    struct key key = key_unit(due->id, due->number), message = key_message(due->id);
    if (view_get(&e->view, DB_UNIT, key_str(&key), &found) != 0)
        return false;
    struct arena scratch;
    arena_init(&scratch, UNIT_ARENA_BYTES);
    struct err read = unit_decode(&scratch, due->id, due->number, found, out);
    arena_done(&scratch);
    if (failed(read) && read.kind != ERR_SYNTAX) // of a newer version, or there is no memory
        out->due_ms = due->at_ms;
    return read.kind != ERR_SYNTAX &&
           view_get(&e->view, DB_MESSAGE, key_str(&message), &found) == 0;
}

// queue.md 3.4. What is damaged is removed as far as it can be read; its due entries are then
// garbage, which whoever meets them removes.
int entry_remove(struct entry *e, uint64_t id)
{
    struct key key = key_message(id);
    struct str found;
    struct arena scratch;
    struct message m;
    int rc = view_get(&e->view, DB_MESSAGE, key_str(&key), &found);
    if (rc != 0)
        return rc;
    arena_init(&scratch, RECORD_BYTES_MAX);
    if (!failed(stored_message(e->store, &scratch, id, found, STORE_WITHOUT_BODY, &m)) &&
            m.body.place == BODY_FILE) {
        struct key link = key_link(m.body.digest, id);
        gone(e, DB_LINK, &link);
        e->store->pending.more[DB_LINK]--;
    }
    gone(e, DB_MESSAGE, &key);
    e->store->pending.more[DB_MESSAGE]--;
    rc = remove_units(e, id, &scratch);
    arena_done(&scratch);
    return rc;
}

void entry_remove_origin(struct entry *e, const struct store_origin *origin)
{
    struct key key = key_imported(origin);
    gone(e, DB_IMPORTED, &key);
}

static int remove_units(struct entry *e, uint64_t id, struct arena *scratch)
{
    struct view_cursor c;
    struct key key = key_unit(id, 0);
    int rc = view_open(&e->view, DB_UNIT, &c);
    if (rc != 0)
        return rc;
    for (rc = view_seek(&c, key_str(&key), false); rc == 0;) {
        uint64_t of;
        uint16_t number;
        struct unit u;
        if (!key_is_unit(c.key, &of, &number) || of != id)
            break;
        arena_reset(scratch);
        if (!failed(unit_decode(scratch, id, number, c.value, &u)))
            gone_due(e, u.due_ms, id, number);
        key = key_unit(id, number);
        gone(e, DB_UNIT, &key);
        e->store->pending.more[DB_UNIT]--;
        rc = view_seek(&c, key_str(&key), false); // it changed under the cursor
    }
    view_close(&c);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static void gone_due(struct entry *e, int64_t at_ms, uint64_t id, uint16_t number)
{
    struct key key = key_due(id_slot(id), at_ms, id, number);
    if (at_ms != NEVER_MS)
        gone(e, DB_DUE, &key);
}

static void gone(struct entry *e, enum store_db db, const struct key *key)
{
    struct overlay_change change = {.db = db, .key = key_str(key), .gone = true};
    if (change_room(e, &change, 0) != NULL)
        put(e, &change);
}

static void put(struct entry *e, const struct overlay_change *change)
{
    e->no_memory |= !overlay_put(&e->store->pending, change);
}

// --- Room in the block ---------------------------------------------------------------------------

// Writes the change's head and key; the value's bytes are for the caller to fill in.
static char *change_room(struct entry *e, const struct overlay_change *change, size_t value_bytes)
{
    size_t head = JOURNAL_CHANGE_HEAD_BYTES + change->key.len;
    if (e->no_memory || !reserve(e, head + value_bytes)) {
        e->no_memory = true;
        return NULL;
    }
    char *at = e->store->block->room.bytes + e->start + e->bytes;
    journal_change_put(change, value_bytes, at);
    e->bytes += head + value_bytes;
    e->changes++;
    return at + head;
}

// Room for so many bytes more, and for the padding behind them.
static bool reserve(struct entry *e, size_t more)
{
    struct store *store = e->store;
    struct block *block = store->block;
    size_t need = e->bytes + more + SEGMENT_BLOCK_BYTES;
    if (need <= block->room.size - e->start)
        return true;
    struct str old = str_of(block->room.bytes + e->start, e->bytes);
    if (need > UINT32_MAX || !block_begin(store, need > BLOCK_BYTES / 2 ? need * 2 : BLOCK_BYTES))
        return false;
    memcpy(store->block->room.bytes, old.ptr, old.len);
    overlay_rebase(&store->pending, old, store->block->room.bytes);
    e->start = 0;
    return true;
}

// The block before is kept by the generation whose values are in it.
static bool block_begin(struct store *store, size_t bytes)
{
    struct block *block = NULL;
    if (bytes <= BLOCK_BYTES && !list_is_empty(&store->free_blocks)) {
        block = CONTAINER_OF(list_take_first(&store->free_blocks), struct block, in_list);
        store->free_block_count--;
    } else {
        block = mem_new(struct block);
        if (block != NULL && !io_room_new(bytes, &block->room)) {
            mem_free(block);
            block = NULL;
        }
    }
    if (block == NULL)
        return false;
    block->used = 0;
    list_append(&store->committed->overlay.blocks, &block->in_list);
    store->block = block;
    return true;
}

// A store that has little to do keeps a few, for memory that is fresh from the system is slow.
void blocks_give_back(struct store *store, struct list *blocks)
{
    bool busy = store->committed->overlay.last_sequence != 0;
    size_t most = busy ? FREE_BLOCKS_MAX : FREE_BLOCKS_IDLE;
    while (store->free_block_count > most) {
        list_prepend(blocks, list_take_first(&store->free_blocks));
        store->free_block_count--;
    }
    for (struct link *k; (k = list_take_first(blocks)) != NULL;) {
        struct block *block = CONTAINER_OF(k, struct block, in_list);
        if (block->room.size == BLOCK_BYTES && store->free_block_count < most) {
            list_append(&store->free_blocks, k);
            store->free_block_count++;
            continue;
        }
        io_room_free(&block->room);
        mem_free(block);
    }
}

void blocks_free(struct list *blocks)
{
    for (struct link *k; (k = list_take_first(blocks)) != NULL;) {
        struct block *block = CONTAINER_OF(k, struct block, in_list);
        io_room_free(&block->room);
        mem_free(block);
    }
}
