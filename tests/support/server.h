// SPDX-License-Identifier: Apache-2.0
// tests/support/server.h: a whole Posthaste as a node of a simulation: a plan made from
// configuration text, its listening sockets, one worker. What the supervisor does with processes
// is done here with tasks: start, drain, reload (a second generation takes over the sockets), and
// a crash, which takes everything but what is on disk: a folder of its own.
//
//     struct sim_server *mx;
//     TRY(sim_server_add(sim, &(struct sim_server_options){.name = S("mx"), .ips = {ip},
//             .ip_count = 1, .config = S("[server]\n...")}, &mx));
//     TRY(sim_server_start(mx));       // ERR_CONFIG: sim_server_trouble says what is wrong
//     ...net_connect to ip...
//     sim_server_free(mx);             // after sim_run
#pragma once

#include "conf/conf.h"
#include "events/metrics.h"
#include "queue/store/store.h"
#include "rt/sim/sim.h"

struct authority;
struct sim_server;

struct sim_server_options {
    struct str name; // static or longer-lived, as all that follows
    struct ip ips[SIM_IPS_MAX];
    size_t ip_count;
    struct str config;           // as it is written; null: at `path` of `files`
    struct authority *authority; // of certificates below /test-ca/ (files.h); NULL: none
    const struct conf_files *files;
    struct str path;
    size_t segment_bytes; // of the store's journal; 0: as it is
    bool delivers;        // else what is accepted stays in the queue
};

struct err sim_server_add(struct sim *sim, const struct sim_server_options *options,
        struct sim_server **out) MUST_USE;
void sim_server_free(struct sim_server *s); // before the sim; NULL is fine

// Until it listens or has failed; no time passes.
struct err sim_server_start(struct sim_server *s) suspends MUST_USE;
void sim_server_drain(struct sim_server *s); // as SIGTERM does
// Until the new generation serves, or the old one goes on because of an error.
struct err sim_server_reload(struct sim_server *s) suspends MUST_USE;
void sim_server_crash(struct sim_server *s, enum sim_crash how) suspends;
bool sim_server_is_up(const struct sim_server *s);
struct node *sim_server_node(const struct sim_server *s);
struct str sim_server_folder(const struct sim_server *s);  // what is on its disk
struct str sim_server_trouble(const struct sim_server *s); // findings, a line each

// The next event that was not taken yet, as a record (events/record.h); until the next call.
bool sim_server_next_event(struct sim_server *s, struct str *out_record);
const struct metrics *sim_server_metrics(const struct sim_server *s);

// --- Its queue -----------------------------------------------------------------------------------

// The store as its worker sees it, or, while none runs, as it lies on disk.
struct sim_queue {
    struct store *store; // NULL: nothing was ever stored
    bool is_opened;      // for this look
};
struct err sim_server_queue(
        struct sim_server *s, struct arena *a, struct sim_queue *out) suspends MUST_USE;
void sim_server_queue_end(struct sim_queue *look);

enum sim_disk { // of the store; said again at any time
    SIM_DISK_WELL,
    SIM_DISK_FAILS,  // the next time that something is written
    SIM_DISK_FULL,   // the same, and the space guard sees it from now on
    SIM_DISK_BROKEN, // whenever something is written from now on
};
void sim_server_disk(struct sim_server *s, enum sim_disk how);
