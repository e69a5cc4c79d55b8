// SPDX-License-Identifier: Apache-2.0
// queue/store/store_keys.h: the databases of the store and their keys. `message` id -> record and
// inline body; `unit` id, number -> record; `due` slot, due, id, number -> nothing; `link` digest,
// id -> nothing, for bodies that are files; `meta` name -> text; `kept` slot, segment's name, id ->
// bytes, for bodies that stay where the journal has them; `summary` id, number -> what is counted
// of a unit (queue/store/summary.h); `imported` identity of another store, id there -> id here, for
// ever. Keys are big-endian: byte order is the order of numbers.
#pragma once

#include "base/id.h"
#include "queue/store/store.h"

#define DIGEST_LINK_BYTES (BODY_DIGEST_BYTES + 8)
#define KEY_BYTES_MAX 48

// The journal tells of those before DB_META.
enum store_db {
    DB_MESSAGE,
    DB_UNIT,
    DB_DUE,
    DB_LINK,
    DB_META,
    DB_KEPT,
    DB_SUMMARY,
    DB_IMPORTED,
    DB_COUNT
};

struct key {
    uint8_t bytes[KEY_BYTES_MAX];
    size_t len;
};
struct key key_message(uint64_t id);
struct key key_unit(uint64_t id, uint16_t number);
struct key key_due(uint8_t slot, int64_t at_ms, uint64_t id, uint16_t number);
struct key key_link(const uint8_t digest[BODY_DIGEST_BYTES], uint64_t id);
struct key key_kept(uint8_t slot, uint32_t name, uint64_t id);
struct key key_imported(const struct store_origin *origin);
struct str key_str(const struct key *key); // as long as the key stays
uint64_t key_u64(const void *at);
bool key_is_unit(struct str key, uint64_t *out_id, uint16_t *out_number);
bool key_is_due(struct str key, uint8_t *out_slot, struct due *out);
bool key_is_kept(struct str key, uint8_t *out_slot, uint32_t *out_name, uint64_t *out_id);
