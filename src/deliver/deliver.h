// SPDX-License-Identifier: Apache-2.0
// deliver/deliver.h: mail leaves. A worker's deliverer hears of what its sessions accept, and looks
// through the store for what has become due; it gives each destination couriers, tasks that carry
// one unit after another over a connection, and settles with the store what they come back with.
//
// The way of a unit: dispatch.c finds that it is due and puts it with its destination; courier.c
// carries it; job.c does what is to be done about it now (expire, notify, attempt); remote.c finds
// hosts and connections (connect.c, pool.c) for those that go away, local.c takes those that stay;
// settle.c writes down what came of it, in one commit with the notices that are owed.
//
//     TRY(deliverer_new(a, &inputs, &d));
//     TRY(group_spawn(&worker->tending, deliverer_run, d)); // until it is cancelled or has stopped
//     ...
//     deliverer_stop(d);      // nothing new is begun; what runs may end
//     deliverer_free(d);      // when deliverer_run has returned
#pragma once

#include "deliver/hosts/hosts.h"
#include "deliver/security/sts.h"
#include "deliver/settings/settings.h"
#include "deliver/tlsrpt/tlsrpt.h"
#include "queue/control/pauses.h"
#include "queue/dsn/dsn.h"
#include "queue/quota/quota.h"
#include "queue/schedule/schedule.h"
#include "queue/store/store.h"

struct deliverer;
struct directories;
struct signing_desk;
struct suppress_service;

struct deliver_inputs {
    const struct deliver_settings *settings;
    const struct schedule_settings *schedules;
    const struct dsn_settings *dsn;
    const struct listen_settings *listen; // whose addresses are ours
    struct store *store;                  // with a journal
    struct resolver *resolver;
    struct directories *directories;   // NULL: nobody is local
    const struct resolve_rules *rules; // of recipients: see deliver/local/local.h
    struct tls_clients *tls;
    struct limits_shared *limits; // counters of the node
    struct clock_shared *clock;   // of the node, too; NULL: nobody else looks at it
    size_t column;
    uint8_t node;
    struct quota_meter *quota;           // NULL: nothing is counted
    struct signing_desk *signing;        // NULL: nothing is signed
    struct sts_cache *sts;               // NULL: MTA-STS is not asked for
    struct tlsrpt *tlsrpt;               // NULL: no results of TLS are counted
    struct suppress_service *suppressed; // NULL: nobody is
    struct event_log *log;
    struct metrics_column *metrics; // NULL: nothing is counted
    struct str pauses_path;         // null: nobody pauses anything
    struct str standing_path;       // null: there are no standing rules
    struct str suspensions_path;    // null: nothing is suspended
    struct str warmed_path;         // null: warm-ups begin their day anew at each start
    uint32_t workers;               // that share the slots of the virtual queues
    bool adopts; // takes over the mail of workers that are gone: one of the node's does
};

struct err deliverer_new(struct arena *a, const struct deliver_inputs *in,
        struct deliverer **out) MUST_USE;                    // the inputs must outlive it
void deliverer_free(struct deliverer *d);                    // NULL is fine
struct err deliverer_run(void *deliverer) suspends MUST_USE; // a task_main
void deliverer_stop(struct deliverer *d);
// Somebody else has changed what waits: look now.
void deliverer_look(struct deliverer *d);

// Messages that are on their way at this moment, once for each unit; as many as the arena holds.
size_t deliverer_carries(const struct deliverer *d, struct arena *a, uint64_t **out_ids);

struct deliver_figures {
    uint64_t attempts, delivered, deferred, failed;
    size_t couriers, ready, idle_connections;
};
struct deliver_figures deliverer_figures(const struct deliverer *d);
// The gauges of the worker, now and then; of the whole store by one of the workers.
void deliverer_measure(const struct deliverer *d, bool is_first);
