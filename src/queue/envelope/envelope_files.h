// SPDX-License-Identifier: Apache-2.0
// queue/envelope/envelope_files.h: a message outside of any queue (queue.md 13.11): two files of a
// folder, ID.eml, the message as it would be sent, and ID.json, its envelope. The envelope is
// written last, so a message is there when its envelope is.
//
// A message that leaves its queue for good has, until it is gone from there, the envelope
// ID.json.leaving, which nobody imports: so it is never in two queues, whatever is interrupted.
// Who exports again ends what is left like that (envelope_settle).
//
// Blocking calls of a tool, in a task; bodies are streamed, whatever their size.
#pragma once

#include "queue/envelope/envelope.h"

#define ENVELOPE_SUFFIX S(".json")
#define ENVELOPE_LEAVING_SUFFIX S(".json.leaving")

// The message was read with STORE_WITH_BODY. Both files are on disk when it returns; older ones of
// the same message are replaced. It has not left the queue: who takes it out calls envelope_leave
// when that is committed.
enum envelope_stay { ENVELOPE_STAYS, ENVELOPE_LEAVES };
struct err envelope_export(struct store *store, struct arena *a, const struct message *m,
        struct str folder, enum envelope_stay stay) suspends MUST_USE;
struct err envelope_leave(struct arena *a, struct str folder, uint64_t id) MUST_USE;
// What an export was interrupted at: of messages that are not in the queue any more.
struct err envelope_settle(
        struct store *store, struct arena *a, struct str folder, size_t *out_settled) MUST_USE;

// One message into the queue, by its envelope's file. A message is taken once: of the same origin,
// or, where the envelope names none, the same envelope with the same message.
struct envelope_taken {
    uint64_t id;         // here
    bool is_here_before; // it was taken earlier, as that
    struct store_origin origin;
};
struct err envelope_import(struct store *store, struct arena *a, struct str path,
        int64_t wall_now_ms, struct envelope_taken *out) suspends MUST_USE;
