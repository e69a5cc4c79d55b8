// SPDX-License-Identifier: Apache-2.0
// queue/control/edit.h: what a person may change of a message that waits (queue.md 13.6, 13.7). On
// values, as all of queue/unit.h; whoever calls commits the units.
//
// A message never changes once it is stored. What is changed of its envelope stands in its units,
// the same in all of them, and whoever reads the message sees it as the message's own.
#pragma once

#include "queue/message.h"

#define ENV_ID_BYTES_MAX 100 // RFC 3461 4.4, decoded
#define ORCPT_BYTES_MAX 500  // RFC 3461 4.2
#define TAG_NAME_BYTES_MAX 64
#define TAG_VALUE_BYTES_MAX 256
#define PRIORITY_MOST 9

// What a recipient gets; of what is not set nothing changes.
struct rcpt_edit {
    const struct str *only; // addresses; of none: all recipients
    size_t only_count;
    bool sets_orcpt, sets_retry, sets_notify, sets_expiry;
    struct str orcpt_type, orcpt; // empty: no longer one
    int64_t retry_at_ms, notify_at_ms;
    enum expiry_kind expiry;
    int64_t expires_at_ms; // of EXPIRY_TTL
    uint32_t expiry_attempts;
    bool drops;    // cancelled
    bool requeues; // who has failed for good is tried anew
};

struct message_edit {
    struct envelope_edits envelope; // with the tags as they shall be
    struct rcpt_edit rcpts;
    int64_t wall_now_ms;
};

// Is everybody there whom it names? ERR_REFUSED: "Recipient '<x>' does not exist".
struct err message_edit_check(
        struct arena *a, const struct message_edit *edit, const struct message *m) MUST_USE;
// False: the unit was like that already. The edit must outlive the unit. NULL arena memory is
// ERR_LIMIT.
struct err message_edit_unit(struct arena *a, const struct message_edit *edit,
        const struct message *m, struct unit *u, bool *out_changed) MUST_USE;

// For who reads a message: what its units have of the envelope becomes its own.
void message_take_edits(struct message *m);
