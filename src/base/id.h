// SPDX-License-Identifier: Apache-2.0
// base/id.h: the 64-bit ids of messages, spans and reports: ordered by time, unique over all nodes
// and workers without asking anybody, and no secret. From the top: 42 bits of milliseconds since
// 2020-01-01T00:00Z, 8 of node (1-255), 7 of worker slot, 7 of sequence.
//
//     struct id_maker ids = id_maker_for(1, 0);
//     uint64_t id = id_make(&ids, wall_ms());
#pragma once

#include "base/base.h"

#define ID_EPOCH_MS INT64_C(1577836800000) // 2020-01-01T00:00:00Z
#define ID_SLOT_OUTSIDE 127                // made outside a worker: supervisor, import, tools
#define ID_DIGITS 16

struct id_maker {
    uint8_t node, slot;
    uint8_t sequence;
    int64_t last_ms; // since ID_EPOCH_MS; -1: none was made
};

struct id_maker id_maker_for(uint8_t node, uint8_t slot); // slot 0 .. 127
// Larger than all that this maker made before: when the clock went back, or 128 ids were made in
// a millisecond, the time in the id is the last one's, or one more.
uint64_t id_make(struct id_maker *maker, int64_t wall_ms);

// From here on larger than this id, too, which another maker made for the same slot.
void id_maker_follow(struct id_maker *maker, uint64_t id);

int64_t id_made_at_ms(uint64_t id); // since 1970
uint8_t id_node(uint64_t id);
uint8_t id_slot(uint64_t id);

void id_add(struct buf *out, uint64_t id); // 16 lower-case hex digits
struct str id_text(struct arena *a, uint64_t id) MUST_USE;
bool id_parse(struct str text, uint64_t *out);
