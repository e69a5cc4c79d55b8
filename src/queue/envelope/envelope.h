// SPDX-License-Identifier: Apache-2.0
// queue/envelope/envelope.h: the envelope of a message as JSON, beside the message itself as an RFC
// 5322 file: the form in which mail goes from one queue into another (queue.md 13.11), and in which
// a person may write an envelope. docs/queue.md says which members there are.
//
// All that is known of the message stands in it, so that what is read is what was written: who
// reads a document, writes it and reads that, has the same. Text that is no UTF-8 stands as
// {"base64": "..."}. What the counters of quotas were charged is the queue's own business.
#pragma once

#include "queue/message.h"
#include "queue/store/store.h"

#define ENVELOPE_BYTES_MAX (64 * (size_t)MIB)         // of the text: 10000 recipients and more
#define ENVELOPE_ARENA_BYTES_MAX (1024 * (size_t)MIB) // of who reads it, as it grows

struct envelope {
    struct message message; // without id, body and lines on top
    bool has_origin;
    struct store_origin origin;
    // Of the file beside it.
    bool has_content;
    uint64_t bytes, top_bytes; // those in front that are the lines on top (message.top)
    uint8_t sha256[BODY_DIGEST_BYTES];
};

// Adds the document, with a newline behind it.
void envelope_write(const struct envelope *e, struct buf *out);

// Into the arena; slices of the text. What may be left out has the value that a fresh message would
// have: created and due now, source unauthenticated, reports of failure and delay, given up after
// five days. ERR_SYNTAX says what is wrong and where. ERR_UNSUPPORTED: of a newer version.
struct err envelope_read(
        struct arena *a, struct str text, int64_t wall_now_ms, struct envelope *out) MUST_USE;
