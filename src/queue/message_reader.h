// SPDX-License-Identifier: Apache-2.0
// queue/message_reader.h: a message piece by piece, as it will be sent: the lines that only these
// recipients get, the lines on top, and the bytes as they came without what is cut out. Large
// bodies come from their file, so memory is bounded whatever the size.
//
//     struct message_reader *reader AUTO(message_auto_close) = NULL;
//     const struct message_reading how = {.prefix = u->prefix_headers};
//     TRY(message_open(store, a, &m, &how, &reader));
//     for (;;) {
//         struct str piece;
//         TRY(message_next(reader, a, &piece));
//         if (str_is_null(piece))
//             break;
//         ...
//     }
#pragma once

#include "queue/store/body.h"
#include "queue/store/store.h"

#include "mail/downgrade.h"
#include "mail/long_lines.h"

struct message_reader;

struct message_reading {
    struct str prefix; // of a unit; null: none
    struct str top;    // in place of the message's own lines; null: these
    bool as_received;  // neither prefix nor top, and nothing is cut out
    enum body_state body;
    // Converted; by reference, from message_downgrade_plan. NULL: as it is.
    const struct mime_downgrade_plan *downgrade;
    size_t line_bytes_max; // longer lines are folded (mail/long_lines.h); 0: no line is
};

// An inline body must have been read with the message (STORE_WITH_BODY). The message stays until
// the reader is closed.
struct err message_open(struct store *store, struct arena *a, const struct message *m,
        const struct message_reading *how, struct message_reader **out) suspends MUST_USE;
// The next piece, never empty, null at the end; good until the next call. ERR_IO when the body's
// checksum is wrong, which shows with its last piece: nothing that came may be trusted then.
struct err message_next(
        struct message_reader *reader, struct arena *a, struct str *out) suspends MUST_USE;
void message_close(struct message_reader *reader); // NULL is fine
static inline void message_auto_close(struct message_reader **reader)
{
    message_close(*reader);
}

// What becomes of the message, read in this way, when it is converted by these wishes (enum
// mime_wish) for a host without 8BITMIME or SMTPUTF8: reads it once. plan.bytes is what a reader
// gives that is opened with the plan; if the plan says that it is not possible, it must not be
// used.
struct err message_downgrade_plan(struct store *store, struct arena *a, const struct message *m,
        const struct message_reading *how, uint32_t wishes,
        struct mime_downgrade_plan *out) suspends MUST_USE;
// How long it is, read in this way: reads it once.
struct err message_measure(struct store *store, struct arena *a, const struct message *m,
        const struct message_reading *how, uint64_t *out_bytes) suspends MUST_USE;
