// SPDX-License-Identifier: Apache-2.0
// queue/space.h: the space guard (operations.md 1.2, queue.md 17.2). While there is room, mail is
// accepted; below the least of a store's disk it is not, until there is a tenth more than that:
// what is in the queue already can then be delivered and written about. One guard a worker.
//
//     if (!space_fits(guard, declared_size))
//         return reply(s, REPLY_NO_SPACE);                  // 452 4.3.1
//
// The disk is looked at by a helper thread, at most once a second, and only when somebody asks.
// Only who asks first waits for it; the others take what was seen last.
#pragma once

#include "events/event.h"
#include "queue/settings.h"
#include "rt/diskspace.h"

struct space_guard;

// For tests: what shall be seen instead of the disk. May be changed at any time.
struct space_faults {
    bool full;
    const struct disk_space *instead; // NULL: the disk
};

// The settings must outlive it. `log` may be NULL.
struct space_guard *space_guard_new(const struct queue_settings *settings, struct event_log *log,
        const struct space_faults *faults);       // faults may be NULL; NULL: no memory
void space_guard_free(struct space_guard *guard); // NULL is fine

// May a message of so many bytes (0: not known) be accepted? What cannot be looked at is taken for
// large enough: the commit will tell.
bool space_fits(struct space_guard *guard, uint64_t bytes) suspends;
// What was seen last, for those who must not wait: is any disk below its least?
bool space_is_low(const struct space_guard *guard);
