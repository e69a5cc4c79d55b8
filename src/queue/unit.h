// SPDX-License-Identifier: Apache-2.0
// queue/unit.h: what is done to a unit by people and by time (queue.md 2.10, 13): when it is to be
// looked at next, holding and releasing, trying earlier, giving recipients up. On values; whoever
// calls commits the unit (STORE_UPDATE), and comes again with a fresh one when somebody else was
// faster.
#pragma once

#include "queue/message.h"

// The earliest of what is still to come for its recipients (queue.md 3.1, I1): attempt, mark,
// expiry; NEVER_MS when it is held for an open time, or all are final.
int64_t unit_next_due(const struct unit *u, int64_t created_ms);
// The same when no mark and no expiry counts before a moment (queue.md 17.3); 0: all do.
int64_t unit_next_due_after(const struct unit *u, int64_t created_ms, int64_t aging_from_ms);
bool unit_is_final(const struct unit *u);
// Of its message, as it was accepted or as a person has set it since (RFC 6710).
#define UNIT_PRIORITY_MOST 9 // and that much below zero
int unit_priority(const struct unit *u);

// What the recipient's own clock shows: it stands while the unit is held (queue.md 2.10), from its
// base on, until the hold's clocks_at_ms.
int64_t rcpt_clock_ms(
        const struct unit *u, const struct recipient *r, int64_t created_ms, int64_t wall_now_ms);
// When it is given up, by its own clock, whatever happens; NEVER_MS: only attempts count.
int64_t rcpt_expires_at_ms(const struct recipient *r, int64_t created_ms);

// False: a stronger reason holds it already, or nothing is pending; it is unchanged.
bool unit_hold(struct unit *u, const struct hold *hold, int64_t created_ms);
// Ends any hold but that of FUTURERELEASE, which goes on when its time has not come. The clocks of
// the pending recipients go on where they stood: what they had left when the hold began, they have
// again (of a quarantine: all of it).
bool unit_release(struct unit *u, int64_t created_ms, int64_t wall_now_ms);
// Pending recipients are due at that moment; one that would have expired by then gets one attempt
// more, unless DELIVERBY or a person has fixed its end. Ends a FUTURERELEASE. False: it is held
// otherwise, or nobody is pending.
bool unit_retry(struct unit *u, int64_t created_ms, int64_t at_ms);
// The recipient fails for good, by a person's decision, and its sender is told (by who delivers,
// when the unit is due the next time), or not.
enum cancel_way { CANCEL_SILENTLY, CANCEL_AND_TELL };
void rcpt_cancel(struct recipient *r, enum cancel_way way, int64_t wall_now_ms);

struct str rcpt_status_word(enum rcpt_status status); // "scheduled", "delivered", ...
struct str hold_reason_word(enum hold_reason reason); // "admin", ...; empty for none
bool hold_reason_find(struct str word, enum hold_reason *out);
