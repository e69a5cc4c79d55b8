// SPDX-License-Identifier: Apache-2.0
// queue/store/journal_record.c: entries of the journal as bytes. Numbers are little-endian. The
// head has a checksum of its own, and one over what follows it, so that a torn head and a torn rest
// are told from an entry that is whole.
//
//     head    magic 4, version 1, kind 1, slot 1, 0 1, identity 8, segment 8, sequence 8,
//             last id 8, payload bytes 4, changes 4, payload checksum 4, 0 8, head checksum 4
//     change  kind and flags 1, database 1, key bytes 1, 0 1, value bytes 4, key, value
#include "queue/store/journal.h"

#include "base/hash.h"

#define MAGIC "PhJ1"
#define VERSION 1
#define HEAD_SUM_AT (JOURNAL_HEAD_BYTES - 4)

enum change_bits { CHANGE_PUT = 1, CHANGE_GONE = 2, CHANGE_FRESH = 16, CHANGE_BY_UPDATE = 32 };

static char *put_le(char *out, uint64_t value, size_t bytes);
static uint64_t get_le(const char *at, size_t bytes);

void journal_head_put(const struct journal_head *head, char out[JOURNAL_HEAD_BYTES])
{
    char *at = out;
    memset(out, 0, JOURNAL_HEAD_BYTES);
    memcpy(at, MAGIC, 4);
    at = put_le(at + 4, VERSION, 1);
    at = put_le(at, (uint64_t)head->kind, 1);
    at = put_le(at, head->slot, 2);
    at = put_le(at, head->identity, 8);
    at = put_le(at, head->segment, 8);
    at = put_le(at, head->sequence, 8);
    at = put_le(at, head->last_id, 8);
    at = put_le(at, head->payload_bytes, 4);
    at = put_le(at, head->change_count, 4);
    put_le(at, head->payload_crc, 4);
    put_le(out + HEAD_SUM_AT, hash_crc32c(0, str_of(out, HEAD_SUM_AT)), 4);
}

bool journal_head_read(struct str bytes, struct journal_head *out)
{
    const char *at = bytes.ptr;
    if (bytes.len < JOURNAL_HEAD_BYTES || !str_starts(bytes, S(MAGIC)) || at[4] != VERSION ||
            get_le(at + HEAD_SUM_AT, 4) != hash_crc32c(0, str_of(at, HEAD_SUM_AT)) ||
            (at[5] != JOURNAL_CHANGES && at[5] != JOURNAL_VOID))
        return false;
    *out = (struct journal_head){.kind = at[5] == JOURNAL_VOID ? JOURNAL_VOID : JOURNAL_CHANGES,
            .slot = (uint8_t)at[6],
            .identity = get_le(at + 8, 8),
            .segment = get_le(at + 16, 8),
            .sequence = get_le(at + 24, 8),
            .last_id = get_le(at + 32, 8),
            .payload_bytes = (uint32_t)get_le(at + 40, 4),
            .change_count = (uint32_t)get_le(at + 44, 4),
            .payload_crc = (uint32_t)get_le(at + 48, 4)};
    return true;
}

uint64_t journal_entry_bytes(const struct journal_head *head)
{
    uint64_t bytes = JOURNAL_HEAD_BYTES + (uint64_t)head->payload_bytes;
    return (bytes + SEGMENT_BLOCK_BYTES - 1) / SEGMENT_BLOCK_BYTES * SEGMENT_BLOCK_BYTES;
}

void journal_change_put(const struct overlay_change *change, size_t value_bytes, char *out)
{
    int bits = change->gone ? CHANGE_GONE : CHANGE_PUT;
    bits |= (change->fresh ? CHANGE_FRESH : 0) | (change->changed ? CHANGE_BY_UPDATE : 0);
    assert(change->key.len <= KEY_BYTES_MAX && value_bytes <= UINT32_MAX);
    put_le(out, (uint64_t)bits, 1);
    put_le(out + 1, (uint64_t)change->db, 1);
    put_le(out + 2, change->key.len, 2);
    put_le(out + 4, value_bytes, 4);
    memcpy(out + JOURNAL_CHANGE_HEAD_BYTES, change->key.ptr, change->key.len);
}

bool journal_change_read(struct scan *in, struct overlay_change *out)
{
    struct scan at = *in;
    struct str head, key, value;
    if (!scan_take(&at, JOURNAL_CHANGE_HEAD_BYTES, &head))
        return false;
    uint8_t bits = (uint8_t)head.ptr[0], db = (uint8_t)head.ptr[1], key_len = (uint8_t)head.ptr[2];
    bool put = (bits & CHANGE_PUT) != 0, gone = (bits & CHANGE_GONE) != 0;
    if (put == gone || db >= DB_META || key_len == 0 || key_len > KEY_BYTES_MAX ||
            !scan_take(&at, key_len, &key) || !scan_take(&at, get_le(head.ptr + 4, 4), &value))
        return false;
    *out = (struct overlay_change){.db = (enum store_db)db,
            .key = key,
            .value = value,
            .gone = gone,
            .fresh = (bits & CHANGE_FRESH) != 0,
            .changed = (bits & CHANGE_BY_UPDATE) != 0};
    *in = at;
    return true;
}

static char *put_le(char *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (char)(value >> (8 * i) & 0xff);
    return out + bytes;
}

static uint64_t get_le(const char *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)(uint8_t)at[i] << (8 * i);
    return value;
}
