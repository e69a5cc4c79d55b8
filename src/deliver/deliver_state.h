// SPDX-License-Identifier: Apache-2.0
// deliver/deliver_state.h: what the files of the deliverer share. All of it belongs to one worker,
// and is only touched on its loop.
#pragma once

#include "base/id.h"
#include "base/map.h"
#include "deliver/bounced.h"
#include "deliver/clock.h"
#include "deliver/deliver.h"
#include "deliver/doubt.h"
#include "deliver/hosts/health.h"
#include "deliver/ruled.h"
#include "deliver/shape/limit.h"
#include "deliver/shape/pool.h"
#include "deliver/shape/ready.h"
#include "deliver/shape/recovery.h"
#include "deliver/shape/source.h"
#include "deliver/shape/warmed.h"
#include "deliver/suspended.h"
#include "rt/rt.h"

#define SLOTS (ID_SLOT_OUTSIDE + 1)
#define LOOK_EVERY_MS (5 * SECOND_MS)
#define LOST_MAX 64 // at a time; others are met again

// Units that were left in the store for want of room: where the first one lies. See look.c.
struct left {
    bool is_any;
    uint8_t slot;
    struct due first;
};

// Units for one domain in one virtual queue.
struct destination {
    struct link in_virtual; // while it has units that no courier carries
    struct link in_left;    // while some are left
    struct left left;
    bool rests; // for a moment, after trouble with its hosts
    int64_t rests_until_ms;
    struct virtual_state *virtual;
    struct ready_line ready;
    size_t ready_count, stuck_count;
    size_t blocked_count;          // units that wait for a permit: see blocked.c
    size_t barring_count;          // of these, those for one that the others want, too
    int64_t had_permit_ms;         // the last of its turns, where others wait for permits, too
    int64_t barred_until_ms;       // nobody else sets out: there was none a moment ago
    size_t couriers, couriers_max; // learned: outbound.md 28.2
    uint32_t ready_max;            // as queue.shaping says of its hosts; 0: it does not, or not yet
    struct str key;                // virtual queue, NUL, domain
    struct str domain;
};

struct virtual_state {
    struct str id;
    uint32_t slots;
    size_t in_flight; // couriers
    size_t ready_count;
    size_t stuck_count; // of these, whose destination has all its couriers on the way
    bool paused;
    bool leaves_some;       // due units were left in the store for want of room
    bool has_nobody;        // who could go, at this moment
    int64_t weight, credit; // of its turns, where all together may have too few slots
    struct left left;
    int64_t told_at_ms;
    struct list waiting; // destinations, the next first
    size_t waiting_count;
    struct deliverer *owner;
};

struct deliverer {
    struct deliver_inputs in;
    struct arena arena;
    struct self self;
    struct store_news news;  // its waitq wakes the dispatcher, whatever for
    struct map known;        // key -> struct ready
    struct map destinations; // key -> struct destination
    struct map virtuals;     // id -> struct virtual_state
    struct map unknown;      // id -> struct unknown_queue
    struct list blocked;     // struct ready, who has waited for longest first
    size_t blocked_count;
    int64_t blocked_looked_at_ms;
    struct virtual_state fallback; // for want of memory
    struct group couriers;
    struct arena scratch; // of a moment in which nobody suspends
    struct dsn_rates *dsn_rates;
    struct pool pool;
    struct health *health;
    struct sources sources;
    struct doubts doubts;
    struct clock_watch clock;
    struct recoveries recoveries;
    struct warmed warmed;
    struct outbound_limits *limits;
    int64_t wake_at_ms;  // of the calendar: something becomes due
    bool look_wanted;    // what is due is to be looked for in the store
    bool is_hungry;      // at once: couriers run short of units
    bool in_haste;       // the look is for couriers that run short
    bool somebody_rests; // a destination that would have its turn otherwise
    int64_t looked_at_ms;
    struct due look_from[SLOTS];  // all before it were looked at
    struct list left_some;        // destinations
    int64_t began_again_ms;       // at the beginning of all slots
    struct due again_from[SLOTS]; // from there again, in some seconds
    int64_t again_at_ms;
    int64_t news_until_ms; // on the wall's clock: all that was told until then is known
    int64_t adopted_at_ms;
    int locks[SLOTS]; // of slots whose mail is ours; -1: it is not
    struct statewatch pauses_watch;
    struct pauses pauses;
    int64_t pauses_told_at_ms;
    struct suspended suspended;
    struct ruled ruled;
    struct due lost[LOST_MAX]; // entries that led to nothing: see cleaned.c
    size_t lost_count;
    struct bounces_known bounces;
    bool stopping;
    size_t connections; // that are open
    uint64_t turn;      // counts attempts
    struct deliver_figures figures;
};

struct courier {
    struct deliverer *deliverer;
    struct destination *destination;
    struct ready *carries;
    int64_t began_ms;
    struct connection *connection; // NULL: none is open
    bool went_well;                // the last unit
    // The last unit waits for a permit, as somebody of it does; `by` NULL: it does not.
    struct outbound_refusal refused;
    uint64_t refused_way; // of the connection that it wanted
};

// --- dispatch.c ---

// The next unit of the courier's destination, which it carries then; false: none, or others wait.
bool dispatch_take_next(struct courier *c, size_t taken_already);
// What came of it: what job_run says.
void dispatch_settled(struct courier *c, int64_t due_ms);
void dispatch_came_back(struct courier *c); // and is gone

// For look.c.
struct virtual_state *dispatch_virtual_of(struct deliverer *d, const struct unit *u);
struct destination *dispatch_destination_of( // NULL: no memory
        struct deliverer *d, struct virtual_state *v, struct str domain);
struct destination *dispatch_destination_known( // NULL: nothing of it waits, or is on its way
        struct deliverer *d, struct virtual_state *v, struct str domain);
void dispatch_note_ready(struct destination *to, int change);
void dispatch_forget_if_idle(struct deliverer *d, struct destination *to);

void dispatch_note_stuck(struct destination *to);

// --- blocked.c: units that wait for a permit (outbound.md 20) ---

#define BLOCKED_UNTOLD_MS (60 * SECOND_MS) // then it is written down
#define BLOCKED_LOOK_MS (SECOND_MS / 4)    // for permits that other workers have given back

// The courier's unit waits from now on, or again.
void blocked_add(struct courier *c);
bool blocked_bars(const struct destination *to); // others of it from setting out
bool blocked_is_full(const struct deliverer *d);
int64_t blocked_left_ms(const struct ready *r); // until it has waited for too long
// Has the unit waited for so long that it is to be told of, or is there no room for it?
bool blocked_is_to_be_told(const struct deliverer *d, const struct ready *r);
// A number for all that makes two connections the same.
uint64_t blocked_way(const struct deliverer *d, struct str identity);
// Those who could have a permit now are ready again.
void blocked_look(struct deliverer *d);
// A unit of the courier's destination whose permit his connection holds; NULL: none.
struct ready *blocked_take(struct courier *c);
// Does somebody of another destination wait for what his connection holds?
bool blocked_elsewhere(const struct courier *c);
// His connection goes to the pool, or is closed for whoever has waited for its permit for longest.
void blocked_hand_over(struct courier *c) suspends;

// --- look.c ---

struct err look_at_store(struct deliverer *d, struct arena *a) MUST_USE;
void look_begin_again(struct deliverer *d);
// Something of the slot is due at that moment, which may lie before the place it has reached.
void look_no_later(struct deliverer *d, uint8_t slot, int64_t at_ms);
// It could not be read or written; it is looked at again in some seconds.
void look_again_at(struct deliverer *d, const struct due *due);
void look_take_new(struct deliverer *d, struct arena *a, const struct due *due);
// The destination, or its virtual queue, has room for units that were left in the store.
bool look_is_short(const struct destination *to);

// warming.c: counts of warm-ups on disk: as they were, as they are now and then, and at the end.
void warming_begin(struct deliverer *d) suspends;
void warming_tend(struct deliverer *d);
void warming_end(struct deliverer *d) suspends;

// clocked.c: has the calendar stepped? Until when its word does not count (schedule_job); 0: it
// does.
int64_t clocked_look(struct deliverer *d);

// cleaned.c: an entry of what is due led to nothing that can be delivered. It is seen to by the
// dispatcher, who has the time.
void dispatch_note_lost(struct deliverer *d, const struct due *due);
void dispatch_clean(struct deliverer *d, struct arena *a) suspends;

// unknown.c: the virtual queue of a unit is not configured (any more); told once an hour for each.
struct unknown_queue {
    int64_t told_at_ms;
};
#define UNKNOWN_QUEUES_MAX 100 // of others nobody is told
void dispatch_tell_unknown(struct deliverer *d, struct str id);

// paused.c: what is paused now.
void dispatch_read_pauses(struct deliverer *d);

struct err courier_run(void *courier) suspends MUST_USE; // courier.c, a task_main
// Connections that have been idle for too long get their QUIT.
void courier_close_idle(struct deliverer *d);

// job.c: everything that is to be done now about the unit that the courier carries. The moment at
// which it is due next, NEVER_MS: it is done; or JOB_UNSETTLED: nothing was written.
#define JOB_UNSETTLED INT64_MIN
#define JOB_WAITS (INT64_MIN + 1) // nor was it, for want of a permit: `refused` of the courier
int64_t job_run(struct courier *c) suspends;
