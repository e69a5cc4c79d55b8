// SPDX-License-Identifier: Apache-2.0
// server/mail.h: what a worker needs to take mail and to deliver it: the store, the directories,
// limits, the DNS, the deliverer. It is made of the plan once the worker runs, and given back when
// its last session has ended.
//
// A store that cannot be opened (its disk is full, another server has it) does not keep a worker
// from serving: mail is refused for the moment (451), and opening is tried again.
#pragma once

#include "deliver/deliver.h"
#include "directory/surroundings.h"
#include "limits/shared.h"
#include "queue/gauges.h"
#include "queue/quota/quota.h"
#include "queue/signing/rotating.h"
#include "rt/task.h"
#include "server/plan.h"
#include "smtp/smtp.h"

struct server_shared;
struct worker_test;

struct mail_worker {
    struct arena arena;
    const struct plan *plan;
    struct server_shared *shared;
    struct dns_settings names; // the plan's, with the servers of now
    struct smtp_service service;
    struct limits limits;
    struct surroundings around; // what expressions outside of sessions may ask:
    struct expr_env around_env; // of quotas, deliveries
    struct quota_meter quota;
    struct signing_desk signing;
    struct rotating rotating; // of the one worker that changes keys
    bool counts_quotas;       // the one worker that does
    bool is_first;
    struct event_log *log;
    struct group tending;
    struct deliverer *deliverer; // NULL: not (yet)
    struct sts_cache *sts;
    struct sts_inputs sts_refreshing;
    struct queue_gauges gauges;
    struct tlsrpt *tlsrpt;
    struct suppress_service *suppressed; // NULL: there is no list
    struct resolve_rules rcpt_rules;     // of those that deliveries look up again
    struct group delivering;
    bool store_was_told;      // that it cannot be opened
    struct worker_test *test; // NULL: this is none
};

struct mail_worker_inputs {
    const struct plan *plan;
    struct server_shared *shared;
    size_t column;
    bool is_first; // does what one worker should do alone
    struct event_log *log;
    struct metrics_column *metrics;
    struct worker_test *test; // of server/worker.h; may be NULL
};
// The error is a lack of memory.
struct err mail_worker_begin(
        struct mail_worker *m, const struct mail_worker_inputs *in) suspends MUST_USE;
// No delivery is begun any more; what runs may end. Before mail_worker_end.
void mail_worker_stop(struct mail_worker *m);
void mail_worker_end(struct mail_worker *m) suspends;
// Somebody else has changed the queue.
void mail_worker_look(struct mail_worker *m);
// Other processes see what this one has committed.
struct err mail_worker_settle(struct mail_worker *m, struct arena *a) suspends MUST_USE;
// Messages that it is delivering at this moment; what the arena has no room for is left out.
size_t mail_worker_carries(const struct mail_worker *m, struct arena *a, uint64_t **out_ids);

// --- Private: keys that the server changes by itself ---------------------------------------------

struct err mail_keys_begin(struct mail_worker *m) MUST_USE;
void mail_keys_end(struct mail_worker *m); // when nobody signs any more

// --- Private: a list of public suffixes that changes ---------------------------------------------

struct err mail_suffixes_begin(struct mail_worker *m) MUST_USE;
