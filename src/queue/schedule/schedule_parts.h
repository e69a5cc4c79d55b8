// SPDX-License-Identifier: Apache-2.0
// queue/schedule/schedule_parts.h: what the files of schedules share: where a recipient's marks and
// end are, and giving it up. Private to them.
#pragma once

#include "queue/schedule/schedule.h"

// The mark with that number, by the recipient's clock; NEVER_MS: there is none.
int64_t schedule_mark_at_ms(const struct schedule *s, const struct message *m,
        const struct recipient *r, size_t number);
// Is that mark DELIVERBY's?
bool schedule_mark_is_by(const struct message *m, const struct recipient *r, size_t number);
// The end as the schedule says, unless it is fixed.
void schedule_set_expiry(const struct schedule *s, struct recipient *r);
// The recipient's deadline by DELIVERBY, by its clock: holds have moved it like all else.
int64_t schedule_by_at_ms(const struct message *m, const struct recipient *r);
// It fails for good because its time is over.
struct err schedule_expire(struct arena *a, const struct message *m, struct recipient *r,
        int64_t wall_now_ms) MUST_USE;
