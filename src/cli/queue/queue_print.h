// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_print.h: messages of the queue for programs, in the form of the API
// (management.md 4.1), and for people. Private to the commands of `posthaste queue`.
#pragma once

#include "base/json.h"
#include "queue/message.h"

// Is it being delivered at this moment? Who lists many does not ask the server.
enum queue_flight { FLIGHT_NOT_ASKED, FLIGHT_NO, FLIGHT_YES };
void queue_message_json(struct json_out *o, const struct message *m, enum queue_flight flight);
// All that is known, a line a thing, for `queue status`.
void queue_message_text(struct buf *out, const struct message *m, int64_t now_ms);
// "tempfail", or of one that is pending "held" in a unit that is held, "suspended".
struct str queue_rcpt_word(const struct unit *u, const struct recipient *r);
// queue.md 14.1: "Code: 250, Enhanced code: 2.1.5, Message: OK", "Error for ...: ..."
void queue_outcome_add(struct buf *out, const struct recipient *r);
int64_t queue_message_due(const struct message *m); // the earliest of its units
// Anything from outside, at most so many bytes.
void text_add(struct buf *out, struct str text, size_t bytes_max);
