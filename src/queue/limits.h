// SPDX-License-Identifier: Apache-2.0
// queue/limits.h: the bounds of the queue room, with their reasons.
#pragma once

#include "base/base.h"

enum {
    UNIT_RCPTS_MAX = 100,              // DESIGN 4; also what most next hops take in a transaction
    MESSAGE_RCPTS_MAX = 10000,         // queue.md 15
    MESSAGE_UNITS_MAX = 10000,         // one recipient each, at the worst
    MESSAGE_TAGS_MAX = 16,             // queue.md 2.1
    MESSAGE_CUTS_MAX = 1000,           // fields of a header block, inbound.md 7
    MESSAGE_QUOTA_REFS_MAX = 40000,    // a few for each recipient
    QUEUE_NAME_BYTES_MAX = 32,         // of a virtual queue, queue.md 15
    SCHEDULE_INTERVALS_MAX = 64,       // of retry and notify, queue.md 15
    QUOTAS_MAX = 256,                  // queue.md 15
    REPLY_BYTES_MAX = 500,             // of a quota; a reply line has 512, RFC 5321 4.5.3.1.5
    RECORD_BYTES_MAX = 16 * MIB,       // queue.md 15
    BODY_INLINE_BYTES_MAX = 128 * KIB, // larger ones are files: measured, see docs/architecture.md
    BATCH_CHANGES_MAX = 512,           // of a group commit: store.<id>.group-commit.max-batch
    BATCH_BYTES_MAX = 32 * MIB,        // bounds the dirty pages of a transaction
    LIST_PAGE_MAX = 1000,
    JOURNAL_SLOTS = 127,       // queue.md 2.1: 0 .. 126, of workers
    SEGMENT_BYTES = 8 * MIB,   // of a file of the journal; larger groups have one of their own
    SEGMENTS_SPARE = 2,        // made before they are needed
    SEGMENTS_KEPT = 4,         // free ones that wait to be written again
    GROUP_BYTES_MAX = 3 * MIB, // of the journal: two milliseconds of a fast disk
    MOVE_BYTES = 8 * MIB,      // so much committed is moved into LMDB at once,
    MOVE_AFTER_MS = 500,       // or what was committed so long ago: a move costs two syncs of LMDB
    KEPT_BODY_BYTES_MIN = 2 * KIB, // what LMDB would give pages of its own: see store_kept.c
    KEPT_SEGMENTS_MAX = 512,       // of a node: 4 GiB
    UNMOVED_BYTES_MAX = 32 * MIB,  // in memory; who commits waits then
    FULL_BYTES = 16 * MIB,         // with less free a move may find no room: two of MOVE_BYTES
};
