// SPDX-License-Identifier: Apache-2.0
// queue/schedule/schedule.h: when a recipient is tried, told of and given up (queue.md 4, 8 and 9).
// Virtual queues and schedules as configured, and what they make of recipients: when a message is
// accepted, when its unit is looked at, after an attempt. On values: nothing here reads the clock,
// waits for the network or writes; only the expression that chooses the schedule may suspend.
//
// All moments of a recipient count from its base: when the message was accepted, or when it was to
// be released (FUTURERELEASE), later by all the time for which it was held (queue/unit.h). So a
// recipient never needs its message's history to know its clock.
//
// A unit is looked at when it is due:
//
//     struct schedule_job job = {.settings = ..., .message = &m, .wall_now_ms = wall_ms(),
//             .random = random_u64(), .outside = &env, .arena = &attempt_arena};
//     struct schedule_look look;
//     TRY(schedule_look(&job, &unit, &look));       // expires and counts marks; DSNs are owed now
//     ... look.of_rcpt[i] & LOOK_TRY: is to be tried ...
//     struct schedule_verdict verdicts[...];        // one for each recipient of the unit
//     TRY(schedule_after(&job, &unit, verdicts));   // statuses, next times, unit.due_ms
//     ... commit; recipients that are final now and were not: DSNs are owed ...
//
// Slices that are put into recipients and units belong to the settings or to the job's arena.
#pragma once

#include "conf/conf.h"
#include "queue/env.h"
#include "queue/unit.h"

// --- Settings ------------------------------------------------------------------------------------

struct virtual_queue { // a pool of slots; of each worker its share
    struct str id;
    uint32_t slots;  // delivery units in progress at once, of this node
    uint32_t weight; // its share of max-slots, against the others'
    bool paused;     // from the start
};

struct schedule {
    struct str id;
    const struct virtual_queue *queue;
    const int64_t *retry_ms; // at least one; the last one repeats
    size_t retry_count;
    const int64_t *notify_ms; // from the base, ascending
    size_t notify_count;
    enum expiry_kind expiry;
    int64_t expire_ms;       // of EXPIRY_TTL
    uint32_t attempts_max;   // of EXPIRY_ATTEMPTS
    int64_t expire_max_ms;   // with EXPIRY_ATTEMPTS: a hard end as well; 0: none
    uint32_t jitter_percent; // of an interval, either way
    int64_t align_ms;        // next attempts are at multiples of it; 0: at any time
    bool honor_retry_hint;
};

struct schedule_settings {
    const struct conf *conf;
    const struct virtual_queue *queues; // `default` among them, whether written or not
    size_t queue_count;
    const struct schedule *schedules; // `default` among them, whether written or not
    size_t schedule_count;
    const struct expr_setting *schedule_of; // gives a schedule's name for a recipient
    int64_t expression_wait_ms;
    // queue.manager
    uint32_t slots_max;      // of all virtual queues together; 0: no limit
    int64_t scan_horizon_ms; // longest sleep without a look at the index
    uint32_t ready_factor;   // units taken in advance for each free slot
    uint32_t rcpts_max;      // of a message
    int64_t drain_timeout_ms;
    int64_t quarantine_ms; // queue.quarantine.expire
};

// What is wrong becomes a finding; the error is for lack of memory only.
struct err schedule_settings_make(struct arena *a, const struct conf *conf,
        struct findings *findings, struct schedule_settings *out) MUST_USE;

// NULL: nothing of that name.
const struct schedule *schedule_named(const struct schedule_settings *s, struct str id);
const struct virtual_queue *virtual_queue_named(const struct schedule_settings *s, struct str id);
// Of a unit: by its name, or `default` when it is not configured any more. Never NULL.
const struct schedule *schedule_of_unit(const struct schedule_settings *s, const struct unit *u);
const struct virtual_queue *virtual_queue_of_unit(
        const struct schedule_settings *s, const struct unit *u);

// --- Choosing and beginning ----------------------------------------------------------------------

struct schedule_job {
    const struct schedule_settings *settings;
    const struct message *message;
    int64_t wall_now_ms;
    int64_t doubted_until_ms; // nobody grows old before, for the clock stepped (17.3); 0: all do
    uint64_t random;          // anything; the same number gives the same jitter
    const struct expr_env *outside; // what else the expression may ask; NULL: nothing
    struct arena *arena;            // for results and as scratch
    // Out, when the choice went wrong, for an event by the caller: the name that is no schedule's
    // (smtp.id-not-found; null: none), the expression's fault (eval.error; cause empty: none).
    struct str unknown;
    struct expr_fault fault;
};

// By queue.strategy.schedule; `u` is the unit it stands in, NULL at enqueue. `present`: what it
// stays with when the evaluation fails; NULL: the schedule `default`, which is also the answer to
// an unknown name. Never NULL.
const struct schedule *schedule_choose(struct schedule_job *job, const struct unit *u,
        const struct recipient *r, const struct schedule *present) suspends;
// A recipient whose address, orcpt and flags are set gets its times: base, first attempt, first
// mark, expiry; with DELIVERBY and FUTURERELEASE of the message.
void schedule_begin(const struct schedule *s, const struct message *m, struct recipient *r);
// A unit whose recipients have begun: names, hold until the release, due time.
void schedule_begin_unit(const struct schedule *s, const struct message *m, struct unit *u);

// A person moves a unit to another schedule (queue.md 13.5): its pending recipients get its end and
// its marks, unless their end is fixed; waits are its own from the next failure on, and so is what
// the strategy then chooses.
void schedule_rebind_unit(const struct schedule *s, const struct message *m, struct unit *u);

// --- Looking -------------------------------------------------------------------------------------

enum look_flag {
    LOOK_EXPIRED = 1 << 0,      // it is RCPT_PERM_FAILED from now on
    LOOK_DELAY_NOTICE = 1 << 1, // a delay mark has passed, and a DSN is wanted
    LOOK_BY_NOTICE = 1 << 2,    // that mark is DELIVERBY's: Status 4.4.7
    LOOK_TRY = 1 << 3,          // is to be tried now
};

struct schedule_look {
    uint8_t *of_rcpt; // enum look_flag, one for each recipient of the unit
    size_t expired_count, notice_count, try_count;
    bool is_held;   // nobody is tried
    bool released;  // its hold has come to its end just now
    bool discarded; // so has its quarantine, and all of them are given up
    bool changed;   // the unit differs from what it was, and is to be committed
};

// Ends holds whose time has come, gives up who has expired, counts the marks that have passed, and
// says who is to be tried. Sets due_ms, for the case that nobody is tried.
struct err schedule_look(
        const struct schedule_job *job, struct unit *u, struct schedule_look *out) MUST_USE;

// --- After an attempt (queue.md 2.5) -------------------------------------------------------------

enum verdict {
    VERDICT_NONE,      // was not tried, or the attempt was broken off: unchanged
    VERDICT_GOOD,      // delivered
    VERDICT_PERMANENT, // failed for good
    VERDICT_TEMPORARY, // counts as an attempt
    VERDICT_LIMITED,   // by a limiter of ours, until a moment: does not count
    VERDICT_SUSPENDED, // destination suspended or cooling down, until a moment: does not count
    VERDICT_LATER,     // for another transaction of the same job (452 4.5.3): at once
};

struct schedule_verdict {
    enum verdict verdict;
    struct outcome outcome;
    int64_t until_ms; // of LIMITED and SUSPENDED; of TEMPORARY: a rule's retry-after, 0: scheduled
};

// One verdict for each recipient of the unit. Those that are final already are left alone. Who
// failed temporarily gets its schedule anew: the unit takes the name and the virtual queue that the
// first of them has now, times are each recipient's own.
struct err schedule_after(struct schedule_job *job, struct unit *u,
        const struct schedule_verdict *verdicts) suspends MUST_USE;

// "try again in 300 seconds", "retry in 5 minutes": milliseconds; 0: no such hint.
int64_t retry_hint_ms(struct str text);

// --- DELIVERBY at the next hop (queue.md 9.2) ----------------------------------------------------

enum by_relay {
    BY_RELAY_PLAIN,       // not asked for: say nothing
    BY_RELAY_PASS,        // say BY=seconds;mode
    BY_RELAY_REPORT,      // relay without it, and a "relayed" DSN is owed
    BY_RELAY_LATE,        // do not relay: 5.4.7
    BY_RELAY_UNSUPPORTED, // do not relay: 5.3.3
};
struct by_relay_wish {
    enum by_relay relay;
    int64_t seconds;   // left, of PASS; may be negative with mode N
    char mode;         // 'R', 'N'; 0: none
    bool trace;        // T is to be passed on
    bool owes_relayed; // a DSN when it is relayed (unless NOTIFY=NEVER)
};
// `offered`: by the next hop; `least_s`: the minimum it announced, 0: none.
struct by_relay_wish schedule_by_relay(const struct message *m, const struct recipient *r,
        int64_t wall_now_ms, bool offered, int64_t least_s);
// LATE and UNSUPPORTED as an outcome.
struct outcome by_relay_outcome(
        struct arena *a, enum by_relay relay, const struct recipient *r, int64_t wall_now_ms);

// MT-PRIORITY for dispatch (queue.md 9.3).
enum priority_band { PRIORITY_LOW, PRIORITY_NORMAL, PRIORITY_HIGH };
enum priority_band priority_band(int priority);
