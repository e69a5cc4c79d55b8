// SPDX-License-Identifier: Apache-2.0
// queue/store/summary_row.c: making and reading the rows of summaries. A row is numbers, little-
// endian:
//
//     created 8, due 8, message's bytes 8, hashes of domain, sender and queue 8 each,
//     last failure 8, format 1, hold 1, parts 2, zeros 4
//     each part: error's hash 8, status 1, kind 1, recipients 2
//
// A unit has at most UNIT_RCPTS_MAX recipients, so a row is below 1.3 KiB, and mostly 72 bytes.
#include "queue/store/summary_row.h"

#include "base/hash.h"
#include "queue/store/record.h"
#include "queue/store/store_kept.h"
#include "queue/store/summary.h"

#include <errno.h>

#define ROW_FORMAT 1
#define HEAD_BYTES 64
#define PART_BYTES 12
#define ROW_BYTES_MAX (HEAD_BYTES + UNIT_RCPTS_MAX * PART_BYTES)
#define HASH_KEY UINT64_C(0x73756d6d61727920)

static bool know_message(struct summary_maker *m, uint64_t id);
static void add_head(struct summary_maker *m, const struct unit *u);
static void add_parts(struct summary_maker *m, const struct unit *u);
static struct summary_part part_of(const struct store *store, const struct recipient *r);
static int64_t error_at(const struct unit *u);
static void add_le(struct buf *out, uint64_t value, size_t bytes);
static inline uint64_t get_le64(const char *at);

// --- Reading -------------------------------------------------------------------------------------

struct summary_row summary_row_read(struct str value)
{
    const char *at = value.ptr;
    struct summary_row row = {0};
    if (value.len < HEAD_BYTES || at[56] != ROW_FORMAT)
        return row;
    row = (struct summary_row){.created_ms = (int64_t)get_le64(at),
            .due_ms = (int64_t)get_le64(at + 8),
            .bytes = get_le64(at + 16),
            .domain = get_le64(at + 24),
            .sender = get_le64(at + 32),
            .queue = get_le64(at + 40),
            .error_at_ms = (int64_t)get_le64(at + 48),
            .hold = (enum hold_reason)(uint8_t)at[57],
            .part_count = (size_t)((uint8_t)at[58] | (uint8_t)at[59] << 8)};
    if (value.len != HEAD_BYTES + row.part_count * PART_BYTES)
        row.part_count = 0;
    return row;
}

struct summary_part summary_part_read(struct str value, size_t i)
{
    const char *at = value.ptr + HEAD_BYTES + i * PART_BYTES;
    uint8_t status = (uint8_t)at[8], kind = (uint8_t)at[9];
    return (struct summary_part){.error = get_le64(at),
            .status = status <= RCPT_PERM_FAILED ? (enum rcpt_status)status : RCPT_SCHEDULED,
            .kind = kind < SUMMARY_KINDS ? (enum failure_kind)kind : FAILURE_NONE,
            .count = (uint64_t)((uint8_t)at[10] | (uint8_t)at[11] << 8)};
}

// Written out, because a million of them are read at once.
static inline uint64_t get_le64(const char *at)
{
    const uint8_t *b = (const uint8_t *)at;
    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
           (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
           (uint64_t)b[7] << 56;
}

// --- Making --------------------------------------------------------------------------------------

void summary_maker_begin(struct summary_maker *m, struct store *store, MDB_txn *txn)
{
    *m = (struct summary_maker){.store = store, .txn = txn};
    arena_init(&m->scratch, RECORD_BYTES_MAX);
    buf_init(&m->row, ROW_BYTES_MAX);
}

void summary_maker_end(struct summary_maker *m)
{
    arena_done(&m->scratch);
    buf_done(&m->row);
}

struct str summary_row_make(struct summary_maker *m, struct str key, struct str unit)
{
    struct unit u;
    uint64_t id = 0;
    uint16_t number = 0;
    buf_clear(&m->row);
    arena_reset(&m->scratch);
    if (!key_is_unit(key, &id, &number) || !know_message(m, id) ||
            failed(unit_decode(&m->scratch, id, number, unit, &u)) ||
            u.rcpt_count > UNIT_RCPTS_MAX) {
        buf_add_repeat(&m->row, '\0', HEAD_BYTES);
    } else {
        add_head(m, &u);
        add_parts(m, &u);
    }
    return m->row.overflow ? STR_NULL : buf_str(&m->row);
}

// Lists make many units of one message, which is read once.
static bool know_message(struct summary_maker *m, uint64_t id)
{
    struct message message;
    struct key key = key_message(id);
    MDB_val at = key_val(&key), value;
    if (m->knows && m->id == id)
        return true;
    m->knows = false;
    if (mdb_get(m->txn, m->store->db[DB_MESSAGE], &at, &value) != 0 ||
            failed(stored_message(
                    m->store, &m->scratch, id, val_str(&value), STORE_WITHOUT_BODY, &message)))
        return false;
    m->knows = true;
    m->id = id;
    m->created_ms = message.created_ms;
    m->bytes = message_bytes(&message);
    m->sender = summary_hash(m->store, message.sender);
    return true;
}

static void add_head(struct summary_maker *m, const struct unit *u)
{
    struct buf *out = &m->row;
    add_le(out, (uint64_t)m->created_ms, 8);
    add_le(out, (uint64_t)u->due_ms, 8);
    add_le(out, m->bytes, 8);
    add_le(out, summary_hash(m->store, u->domain), 8);
    add_le(out, m->sender, 8);
    add_le(out, summary_hash(m->store, u->queue), 8);
    add_le(out, (uint64_t)error_at(u), 8);
    add_le(out, ROW_FORMAT, 1);
    add_le(out, (uint64_t)u->hold.reason, 1);
    add_le(out, 0, 2 + 4); // the parts are not counted yet
}

static void add_parts(struct summary_maker *m, const struct unit *u)
{
    size_t count = 0;
    for (size_t i = 0; i < u->rcpt_count; i++) {
        struct summary_part part = part_of(m->store, &u->rcpts[i]);
        size_t same = 0;
        for (; same < count; same++) {
            struct summary_part other = summary_part_read(buf_str(&m->row), same);
            if (other.error == part.error && other.status == part.status && other.kind == part.kind)
                break;
        }
        if (same == count) {
            add_le(&m->row, part.error, 8);
            add_le(&m->row, part.status, 1);
            add_le(&m->row, part.kind, 1);
            add_le(&m->row, 0, 2);
            count++;
        }
        if (!m->row.overflow) // at most UNIT_RCPTS_MAX, so a byte is enough
            m->row.ptr[HEAD_BYTES + same * PART_BYTES + 10]++;
    }
    m->row.ptr[58] = (char)count;
}

// An attempt that succeeded has a reply, too, whose text is no error.
static struct summary_part part_of(const struct store *store, const struct recipient *r)
{
    struct summary_part part = {.status = r->status, .kind = r->last.kind};
    part.error = summary_error_hash(store, r->last.text);
    return part;
}

static int64_t error_at(const struct unit *u)
{
    int64_t last_ms = 0;
    for (size_t i = 0; i < u->rcpt_count; i++)
        if (u->rcpts[i].last.kind != FAILURE_NONE && u->rcpts[i].last.at_ms > last_ms)
            last_ms = u->rcpts[i].last.at_ms;
    return last_ms;
}

uint64_t summary_hash(const struct store *store, struct str text)
{
    return hash_sip24(store->identity, HASH_KEY, text);
}

uint64_t summary_error_hash(const struct store *store, struct str text)
{
    return summary_hash(store, str_upto(text, SUMMARY_TEXT_MAX));
}

static void add_le(struct buf *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        buf_add_byte(out, (char)(value >> (8 * i)));
}

int summary_put(struct summary_maker *m, MDB_cursor *rows, struct str key, struct str unit)
{
    struct str row = summary_row_make(m, key, unit);
    MDB_val at = val_of(key), value = val_of(row);
    return str_is_null(row) ? ENOMEM : mdb_cursor_put(rows, &at, &value, 0);
}

int summary_gone(MDB_cursor *rows, struct str key)
{
    MDB_val at = val_of(key), value;
    int rc = mdb_cursor_get(rows, &at, &value, MDB_SET_KEY);
    if (rc == 0)
        rc = mdb_cursor_del(rows, 0);
    return rc == MDB_NOTFOUND ? 0 : rc;
}
