// SPDX-License-Identifier: Apache-2.0
// queue/store/store_keys.c: keys of the store, big-endian. A moment in a key has its sign flipped,
// so that times before 1970 (a clock that was wrong) come first and not last.
#include "queue/store/store_keys.h"

#define KEY_UNIT_BYTES 10
#define KEY_DUE_BYTES 19
#define KEY_KEPT_BYTES 13

static void put(struct key *key, uint64_t value, size_t bytes);

struct key key_message(uint64_t id)
{
    struct key key = {0};
    put(&key, id, 8);
    return key;
}

struct key key_unit(uint64_t id, uint16_t number)
{
    struct key key = key_message(id);
    put(&key, number, 2);
    return key;
}

struct key key_due(uint8_t slot, int64_t at_ms, uint64_t id, uint16_t number)
{
    struct key key = {0};
    put(&key, slot, 1);
    put(&key, (uint64_t)at_ms ^ UINT64_C(1) << 63, 8);
    put(&key, id, 8);
    put(&key, number, 2);
    return key;
}

struct key key_link(const uint8_t digest[BODY_DIGEST_BYTES], uint64_t id)
{
    struct key key = {.len = BODY_DIGEST_BYTES};
    memcpy(key.bytes, digest, BODY_DIGEST_BYTES);
    put(&key, id, 8);
    return key;
}

struct key key_kept(uint8_t slot, uint32_t name, uint64_t id)
{
    struct key key = {0};
    put(&key, slot, 1);
    put(&key, name, 4);
    put(&key, id, 8);
    return key;
}

struct key key_imported(const struct store_origin *origin)
{
    struct key key = key_message(origin->store);
    put(&key, origin->id, 8);
    return key;
}

static void put(struct key *key, uint64_t value, size_t bytes)
{
    assert(key->len + bytes <= sizeof(key->bytes));
    for (size_t i = bytes; i-- > 0;)
        key->bytes[key->len++] = (uint8_t)(value >> (8 * i));
}

struct str key_str(const struct key *key)
{
    return str_of((const char *)key->bytes, key->len);
}

uint64_t key_u64(const void *at)
{
    const uint8_t *bytes = at;
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

bool key_is_unit(struct str key, uint64_t *out_id, uint16_t *out_number)
{
    const uint8_t *bytes = (const uint8_t *)key.ptr;
    if (key.len != KEY_UNIT_BYTES)
        return false;
    *out_id = key_u64(bytes);
    *out_number = (uint16_t)(bytes[8] << 8 | bytes[9]);
    return true;
}

bool key_is_due(struct str key, uint8_t *out_slot, struct due *out)
{
    const uint8_t *bytes = (const uint8_t *)key.ptr;
    if (key.len != KEY_DUE_BYTES)
        return false;
    *out_slot = bytes[0];
    *out = (struct due){.at_ms = (int64_t)(key_u64(bytes + 1) ^ UINT64_C(1) << 63),
            .id = key_u64(bytes + 9),
            .number = (uint16_t)(bytes[17] << 8 | bytes[18])};
    return true;
}

bool key_is_kept(struct str key, uint8_t *out_slot, uint32_t *out_name, uint64_t *out_id)
{
    const uint8_t *bytes = (const uint8_t *)key.ptr;
    if (key.len != KEY_KEPT_BYTES)
        return false;
    *out_slot = bytes[0];
    *out_name = (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 |
                bytes[4];
    *out_id = key_u64(bytes + 5);
    return true;
}
