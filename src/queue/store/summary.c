// SPDX-License-Identifier: Apache-2.0
// queue/store/summary.c: counting rows into groups. A table from hashes to groups; a walk that can
// be left and taken up again behind the last unit; and in the end the names, read from one record
// of each group that is asked for.
//
// Where an older version has left units without rows, rows are made for the occasion from all
// records, which takes as long as reading the queue does.
#include "queue/store/summary.h"

#include "queue/store/record.h"
#include "queue/store/store_kept.h"
#include "queue/store/summary_row.h"
#include "queue/unit.h"
#include "rt/lmdb_env.h"

#define GROUPS_MOST (2 * 1024 * 1024) // half a GiB
#define GROUPS_FIRST 1024
#define BATCH 32 // rows whose groups are sent for together
#define FEW_GROUPS 1000
#define CACHE_LINE_BYTES 64
#define HELD_STATUS UINT64_C(100) // the hash of a group of SUMMARY_BY_STATUS is its status

// A row, and whose it is.
struct unit_row {
    uint64_t id;
    uint16_t number;
    struct summary_row head;
    struct str value;
};

struct summary {
    struct summary_options options;
    struct summary_group *groups;
    uint32_t *slots; // index + 1 into groups, 0: free; a power of two, twice as many as groups
    size_t count, room;
    struct summary_group all;
    struct key at; // the last unit that was counted; empty: none
    struct unit_row batch[BATCH];
};

struct rank {
    uint64_t messages, hash;
    size_t group;
};

static struct err walk(struct summary *s, const struct view *view, struct arena *a,
        size_t units_max, bool *out_end);
static int first_behind(const struct summary *s, MDB_cursor *cursor, MDB_val *key, MDB_val *value);
static struct err count_batch(struct summary *s, size_t *count) MUST_USE;
static uint64_t batch_hash(const struct summary *s, size_t i);
static struct err count_row(struct summary *s, const struct unit_row *row);
static uint64_t part_hash(
        const struct summary *s, const struct unit_row *row, const struct summary_part *part);
static struct summary_group *group_of(struct summary *s, uint64_t hash);
static struct summary_group *find(const struct summary *s, uint64_t hash, size_t *out_slot);
static size_t slot_of(const struct summary *s, uint64_t hash);
static bool grow(struct summary *s);
static void count_message(
        const struct summary *s, struct summary_group *g, const struct unit_row *row);
static void count_part(const struct summary *s, struct summary_group *g, const struct unit_row *row,
        const struct summary_part *part);
static size_t age_of(int64_t age_ms);
static void sum_up(struct summary *s);
static struct err result(struct summary *s, const struct view *view, struct arena *a, size_t top,
        struct summary_result *out);
static int larger_first(const void *a, const void *b);
static struct str key_text(const struct summary *s, const struct view *view, struct arena *a,
        const struct summary_group *g);
static void add_error(const struct view *view, struct arena *a, struct summary_group *g);
static struct err read_unit(const struct view *view, struct arena *a, uint64_t id, uint16_t number,
        struct unit *out) MUST_USE;
static struct str sender_of(const struct view *view, struct arena *a, uint64_t id);
static struct str error_of_hash(const struct store *store, const struct unit *u, uint64_t hash);
static struct str last_error(const struct unit *u, int64_t at_ms);

struct err summary_make(struct store *store, struct arena *a, const struct summary_options *options,
        size_t top, struct summary_result *out)
{
    struct summary *s AUTO(summary_auto_free) = NULL;
    struct view view;
    bool end = false;
    TRY(summary_new(options, &s));
    TRY(view_begin(store, a, &view));
    struct err e = walk(s, &view, a, SIZE_MAX, &end);
    if (!failed(e))
        e = result(s, &view, a, top, out);
    view_end(&view);
    return e;
}

struct err summary_new(const struct summary_options *options, struct summary **out)
{
    struct summary *s = mem_new(struct summary);
    if (s == NULL)
        return fail(ERR_LIMIT, "no memory to count the queue");
    s->options = *options;
    s->all = (struct summary_group){.oldest_ms = INT64_MAX, .next_ms = NEVER_MS};
    *out = s;
    return OK;
}

void summary_free(struct summary *s)
{
    if (s == NULL)
        return;
    mem_free(s->groups);
    mem_free(s->slots);
    mem_free(s);
}

struct err summary_step(
        struct summary *s, struct store *store, struct arena *a, size_t units_max, bool *out_end)
{
    struct view view;
    TRY(view_begin(store, a, &view));
    struct err e = walk(s, &view, a, units_max, out_end);
    view_end(&view);
    return e;
}

// What is read of the map is given back: a worker that counts must not seem to grow.
static struct err walk(struct summary *s, const struct view *view, struct arena *a,
        size_t units_max, bool *out_end)
{
    struct store *store = view->store;
    struct err e = OK;
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    struct summary_maker maker;
    bool whole = summary_is_whole(store, view->txn);
    int rc = mdb_cursor_open(view->txn, store->db[whole ? DB_SUMMARY : DB_UNIT], &cursor);
    if (rc != 0)
        return store_trouble(a, rc, "counting the queue");
    summary_maker_begin(&maker, store, view->txn);
    rc = first_behind(s, cursor, &key, &value);
    const char *from = rc == 0 ? key.mv_data : NULL, *to = from;
    size_t waiting = 0, most = whole ? BATCH : 1; // a row that is made lasts until the next
    for (size_t i = 0; rc == 0 && !failed(e) && i < units_max; i++) {
        struct unit_row *row = &s->batch[waiting++];
        row->value = val_str(&value);
        if (!whole)
            row->value = summary_row_make(&maker, val_str(&key), val_str(&value));
        row->head = summary_row_read(row->value);
        if (!key_is_unit(val_str(&key), &row->id, &row->number))
            waiting--;
        from = (const char *)key.mv_data < from ? key.mv_data : from;
        to = (const char *)value.mv_data > to ? value.mv_data : to;
        s->at = key_unit(row->id, row->number);
        if (waiting == most)
            e = count_batch(s, &waiting);
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (!failed(e))
        e = count_batch(s, &waiting);
    *out_end = rc == MDB_NOTFOUND;
    if (*out_end)
        sum_up(s);
    mdb_cursor_close(cursor);
    summary_maker_end(&maker);
    lmdb_give_back(from, to);
    return rc == 0 || rc == MDB_NOTFOUND ? e : store_trouble(a, rc, "counting the queue");
}

static int first_behind(const struct summary *s, MDB_cursor *cursor, MDB_val *key, MDB_val *value)
{
    if (s->at.len == 0)
        return mdb_cursor_get(cursor, key, value, MDB_FIRST);
    *key = key_val(&s->at);
    int rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    if (rc == 0 && str_eq(val_str(key), key_str(&s->at)))
        rc = mdb_cursor_get(cursor, key, value, MDB_NEXT);
    return rc;
}

// --- Counting ------------------------------------------------------------------------------------

// Many groups are more than the processor keeps at hand, and each row is about another one: waiting
// for them one by one takes longer than all else.
static struct err count_batch(struct summary *s, size_t *count)
{
    size_t rows = *count;
    *count = 0;
    for (size_t i = 0; i < rows && s->count > FEW_GROUPS; i++)
        __builtin_prefetch(&s->slots[slot_of(s, batch_hash(s, i))]);
    for (size_t i = 0; i < rows && s->count > FEW_GROUPS; i++) {
        uint32_t at = s->slots[slot_of(s, batch_hash(s, i))];
        const char *group = (const char *)&s->groups[at > 0 ? at - 1 : 0];
        __builtin_prefetch(group, 1);
        __builtin_prefetch(group + CACHE_LINE_BYTES, 1);
    }
    for (size_t i = 0; i < rows; i++)
        TRY(count_row(s, &s->batch[i]));
    return OK;
}

static uint64_t batch_hash(const struct summary *s, size_t i)
{
    const struct unit_row *row = &s->batch[i];
    if (row->head.part_count == 0)
        return 0;
    struct summary_part part = summary_part_read(row->value, 0);
    return part_hash(s, row, &part);
}

static struct err count_row(struct summary *s, const struct unit_row *row)
{
    if (row->head.part_count > 0)
        count_message(s, &s->all, row);
    for (size_t i = 0; i < row->head.part_count; i++) {
        struct summary_part part = summary_part_read(row->value, i);
        struct summary_group *g = group_of(s, part_hash(s, row, &part));
        if (g == NULL)
            return fail(ERR_LIMIT, "too many groups");
        count_message(s, g, row);
        count_part(s, g, row, &part);
    }
    return OK;
}

static uint64_t part_hash(
        const struct summary *s, const struct unit_row *row, const struct summary_part *part)
{
    bool pending = part->status == RCPT_SCHEDULED || part->status == RCPT_TEMP_FAILED;
    switch (s->options.by) {
    case SUMMARY_BY_DOMAIN:
        return row->head.domain;
    case SUMMARY_BY_SENDER:
        return row->head.sender;
    case SUMMARY_BY_ERROR:
        return part->error;
    case SUMMARY_BY_QUEUE:
        return row->head.queue;
    case SUMMARY_BY_STATUS:
        return pending && row->head.hold != HOLD_NONE ? HELD_STATUS : (uint64_t)part->status;
    }
    return 0;
}

static struct summary_group *group_of(struct summary *s, uint64_t hash)
{
    size_t slot = 0;
    if (s->count == s->room && !grow(s))
        return NULL;
    struct summary_group *g = find(s, hash, &slot);
    if (g != NULL)
        return g;
    g = &s->groups[s->count++];
    *g = (struct summary_group){.hash = hash, .oldest_ms = INT64_MAX, .next_ms = NEVER_MS};
    s->slots[slot] = (uint32_t)s->count;
    return g;
}

// NULL: the slot is where it would be.
static struct summary_group *find(const struct summary *s, uint64_t hash, size_t *out_slot)
{
    size_t mask = 2 * s->room - 1, slot = slot_of(s, hash);
    for (; s->slots[slot] != 0; slot = (slot + 1) & mask)
        if (s->groups[s->slots[slot] - 1].hash == hash)
            return &s->groups[s->slots[slot] - 1];
    *out_slot = slot;
    return NULL;
}

static size_t slot_of(const struct summary *s, uint64_t hash)
{
    return (size_t)(hash >> 32 ^ hash) & (2 * s->room - 1);
}

static bool grow(struct summary *s)
{
    size_t room = s->room == 0 ? GROUPS_FIRST : 2 * s->room;
    if (room > GROUPS_MOST)
        return false;
    struct summary_group *groups = mem_resize(s->groups, room * sizeof(*groups));
    if (groups == NULL)
        return false;
    s->groups = groups;
    uint32_t *slots = mem_resize(s->slots, 2 * room * sizeof(*slots));
    if (slots == NULL)
        return false;
    memset(slots, 0, 2 * room * sizeof(*slots));
    s->slots = slots;
    s->room = room;
    for (size_t i = 0; i < s->count; i++) {
        size_t slot = 0;
        if (find(s, groups[i].hash, &slot) == NULL)
            slots[slot] = (uint32_t)(i + 1);
    }
    return true;
}

// Units of a message follow each other.
static void count_message(
        const struct summary *s, struct summary_group *g, const struct unit_row *row)
{
    const struct summary_row *head = &row->head;
    if (head->due_ms < g->next_ms)
        g->next_ms = head->due_ms;
    if (head->error_at_ms > g->error_at_ms) {
        g->error_at_ms = head->error_at_ms;
        g->error_id = row->id;
        g->error_number = row->number;
    }
    if (g->messages > 0 && g->last_id == row->id)
        return;
    g->last_id = row->id;
    g->last_number = row->number;
    g->messages++;
    g->bytes += head->bytes;
    g->ages[age_of(s->options.now_ms - head->created_ms)]++;
    if (head->created_ms < g->oldest_ms)
        g->oldest_ms = head->created_ms;
}

static void count_part(const struct summary *s, struct summary_group *g, const struct unit_row *row,
        const struct summary_part *part)
{
    g->rcpts += part->count;
    if (part->status != RCPT_COMPLETED && part->kind != FAILURE_NONE)
        g->kinds[part->kind] += (uint32_t)part->count;
    if (part->status == RCPT_COMPLETED || part->status == RCPT_PERM_FAILED)
        return;
    g->pending += part->count;
    if (row->head.hold != HOLD_NONE)
        g->held += part->count;
    else if (row->head.due_ms <= s->options.now_ms)
        g->due += part->count;
    else if (part->status == RCPT_TEMP_FAILED)
        g->deferred += part->count;
    else
        g->waiting += part->count;
}

// The columns of qshape: up to 5 minutes, 10, 20, ... 1280, and more.
static size_t age_of(int64_t age_ms)
{
    size_t i = 0;
    for (int64_t end_ms = 5 * MINUTE_MS; i + 1 < SUMMARY_AGES && age_ms > end_ms; end_ms *= 2)
        i++;
    return i;
}

// Each recipient is in one group.
static void sum_up(struct summary *s)
{
    struct summary_group *all = &s->all;
    for (size_t at = 0; at < s->count; at++) {
        const struct summary_group *g = &s->groups[at];
        all->rcpts += g->rcpts;
        all->pending += g->pending;
        all->due += g->due;
        all->deferred += g->deferred;
        all->waiting += g->waiting;
        all->held += g->held;
        for (size_t i = 0; i < SUMMARY_KINDS; i++)
            all->kinds[i] += g->kinds[i];
    }
}

// --- The result ----------------------------------------------------------------------------------

const struct summary_group *summary_find(
        const struct summary *s, const struct store *store, struct str key)
{
    size_t slot;
    return s->count == 0 ? NULL : find(s, summary_hash(store, key), &slot);
}

const struct summary_group *summary_all(const struct summary *s)
{
    return &s->all;
}

static struct err result(struct summary *s, const struct view *view, struct arena *a, size_t top,
        struct summary_result *out)
{
    size_t count = s->count < top ? s->count : top;
    struct summary_group *groups = arena_array(a, count + 1, struct summary_group);
    struct rank *ranks = arena_array(a, s->count + 1, struct rank);
    if (groups == NULL || ranks == NULL)
        return fail(ERR_LIMIT, "no memory to count the queue");
    for (size_t i = 0; i < s->count; i++)
        ranks[i] = (struct rank){s->groups[i].messages, s->groups[i].hash, i};
    qsort(ranks, s->count, sizeof(*ranks), larger_first);
    for (size_t i = 0; i < count; i++) {
        groups[i] = s->groups[ranks[i].group];
        groups[i].key = key_text(s, view, a, &groups[i]);
        add_error(view, a, &groups[i]);
    }
    *out = (struct summary_result){
            .groups = groups, .count = count, .all_count = s->count, .all = s->all};
    add_error(view, a, &out->all);
    return OK;
}

static int larger_first(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->messages != y->messages)
        return x->messages < y->messages ? 1 : -1;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

// Of the group's last unit: it is in this moment of the store, where it was counted.
static struct str key_text(const struct summary *s, const struct view *view, struct arena *a,
        const struct summary_group *g)
{
    struct unit u;
    if (s->options.by == SUMMARY_BY_STATUS)
        return g->hash == HELD_STATUS ? S("held") : rcpt_status_word((enum rcpt_status)g->hash);
    if (s->options.by == SUMMARY_BY_SENDER)
        return sender_of(view, a, g->last_id);
    if (failed(read_unit(view, a, g->last_id, g->last_number, &u)))
        return S("");
    switch (s->options.by) {
    case SUMMARY_BY_DOMAIN:
        return u.domain;
    case SUMMARY_BY_QUEUE:
        return u.queue;
    case SUMMARY_BY_ERROR:
        return error_of_hash(view->store, &u, g->hash);
    case SUMMARY_BY_SENDER:
    case SUMMARY_BY_STATUS:
        break;
    }
    return S("");
}

static void add_error(const struct view *view, struct arena *a, struct summary_group *g)
{
    struct unit u;
    if (g->error_at_ms != 0 && !failed(read_unit(view, a, g->error_id, g->error_number, &u)))
        g->error = last_error(&u, g->error_at_ms);
}

static struct err read_unit(
        const struct view *view, struct arena *a, uint64_t id, uint16_t number, struct unit *out)
{
    struct key key = key_unit(id, number);
    MDB_val at = key_val(&key), value;
    if (mdb_get(view->txn, view->store->db[DB_UNIT], &at, &value) != 0)
        return fail(ERR_NOT_FOUND, "there is no such unit in the queue");
    struct str copy = arena_str(a, val_str(&value));
    if (str_is_null(copy))
        return fail(ERR_LIMIT, "no memory to read a unit");
    return unit_decode(a, id, number, copy, out);
}

static struct str sender_of(const struct view *view, struct arena *a, uint64_t id)
{
    struct message m;
    struct key key = key_message(id);
    MDB_val at = key_val(&key), value;
    if (mdb_get(view->txn, view->store->db[DB_MESSAGE], &at, &value) != 0 ||
            failed(stored_message(view->store, a, id, val_str(&value), STORE_WITHOUT_BODY, &m)))
        return S("");
    return m.sender;
}

static struct str error_of_hash(const struct store *store, const struct unit *u, uint64_t hash)
{
    for (size_t i = 0; i < u->rcpt_count; i++) {
        struct str text = str_upto(u->rcpts[i].last.text, SUMMARY_TEXT_MAX);
        if (summary_hash(store, text) == hash)
            return text;
    }
    return S("");
}

static struct str last_error(const struct unit *u, int64_t at_ms)
{
    for (size_t i = 0; i < u->rcpt_count; i++)
        if (u->rcpts[i].last.kind != FAILURE_NONE && u->rcpts[i].last.at_ms == at_ms)
            return u->rcpts[i].last.text;
    return S("");
}
