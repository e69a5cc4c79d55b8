// SPDX-License-Identifier: Apache-2.0
// base/id.c: making and reading ids. A maker belongs to one worker and is never shared, which is
// what makes its ids unique without a lock.
#define POSTHASTE_BASE_ROOM
#include "base/id.h"

#define TIME_BITS 42
#define NODE_SHIFT 14
#define SLOT_SHIFT 7
#define TIME_SHIFT 22
#define SEQUENCE_MAX 127

static void write_digits(uint64_t id, char out[ID_DIGITS]);

struct id_maker id_maker_for(uint8_t node, uint8_t slot)
{
    assert(slot <= ID_SLOT_OUTSIDE);
    return (struct id_maker){.node = node, .slot = slot, .last_ms = -1};
}

uint64_t id_make(struct id_maker *maker, int64_t wall_ms)
{
    int64_t ms = wall_ms > ID_EPOCH_MS ? wall_ms - ID_EPOCH_MS : 0;
    if (ms > maker->last_ms) {
        maker->last_ms = ms;
        maker->sequence = 0;
    } else if (maker->sequence < SEQUENCE_MAX) {
        maker->sequence++;
    } else {
        maker->last_ms++;
        maker->sequence = 0;
    }
    uint64_t time = (uint64_t)maker->last_ms & ((UINT64_C(1) << TIME_BITS) - 1);
    return time << TIME_SHIFT | (uint64_t)maker->node << NODE_SHIFT |
           (uint64_t)maker->slot << SLOT_SHIFT | maker->sequence;
}

void id_maker_follow(struct id_maker *maker, uint64_t id)
{
    int64_t ms = (int64_t)(id >> TIME_SHIFT);
    if (ms < maker->last_ms)
        return;
    uint8_t sequence = (uint8_t)(id & SEQUENCE_MAX);
    if (ms > maker->last_ms || sequence > maker->sequence)
        maker->sequence = sequence;
    maker->last_ms = ms;
}

int64_t id_made_at_ms(uint64_t id)
{
    return (int64_t)(id >> TIME_SHIFT) + ID_EPOCH_MS;
}

uint8_t id_node(uint64_t id)
{
    return (uint8_t)(id >> NODE_SHIFT);
}

uint8_t id_slot(uint64_t id)
{
    return (uint8_t)(id >> SLOT_SHIFT) & 127;
}

void id_add(struct buf *out, uint64_t id)
{
    char digits[ID_DIGITS];
    write_digits(id, digits);
    buf_add(out, str_of(digits, ID_DIGITS));
}

struct str id_text(struct arena *a, uint64_t id)
{
    char digits[ID_DIGITS];
    write_digits(id, digits);
    return arena_str(a, str_of(digits, ID_DIGITS));
}

static void write_digits(uint64_t id, char out[ID_DIGITS])
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < ID_DIGITS; i++)
        out[i] = hex[id >> (60 - 4 * i) & 15];
}

bool id_parse(struct str text, uint64_t *out)
{
    struct scan in = scan_over(text);
    uint64_t id = 0;
    if (text.len != ID_DIGITS || !scan_hex_u64(&in, ID_DIGITS, &id) || !scan_end(&in))
        return false;
    *out = id;
    return true;
}
