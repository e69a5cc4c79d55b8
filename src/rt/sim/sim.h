// SPDX-License-Identifier: Apache-2.0
// rt/sim/sim.h: a world in memory, for tests. A sim is a loop whose clock, chance and network are
// made up: time passes only when every task waits, and then jumps to what comes next; random bytes
// come from the seed; connections are queues of segments with a latency, which may be cut, reset
// and held back. Many machines (nodes) live in one sim, on one loop. What runs in it makes the same
// calls as on the real machine and cannot tell the difference, and the same seed gives the same
// run, to the byte.
//
//     static struct err one_night(void *arg)              // the director, a task outside all nodes
//     {
//         struct sim *sim = arg;
//         struct node *mx;
//         TRY(sim_node_add(sim, &(struct sim_node){.name = S("mx"), .main = mx_main}, &mx));
//         TRY(sim_node_start(mx));
//         sim_faults(sim, (struct faults){.crash_mean_ms = 3000, .reset_permille = 20});
//         TRY(sim_spawn(sim, client_main, sim));
//         TRY(sim_run_ms(sim, 8 * HOUR_MS));
//         sim_heal(sim);                                  // no more faults; all machines run
//         return sim_run_ms(sim, HOUR_MS);
//     }
//
//     struct sim *sim = sim_new(seed);
//     struct err e = sim_run(sim, one_night, sim);        // a millisecond of real time or so
//     uint64_t hash = sim_log_hash(sim);                  // of all that happened
//     sim_free(sim);
//
// Whose it is: the sim owns its nodes; tasks spawned by sim_spawn and those of nodes end with
// sim_run at the latest. A crash makes a node's sockets vanish first and cancels its tasks then:
// what they do while they unwind can no longer be seen from outside, and no memory is lost.
#pragma once

#include "rt/dns.h"
#include "rt/rt.h"

struct sim;
struct node;

// --- The world -----------------------------------------------------------------------------------

struct sim *sim_new(uint64_t seed); // NULL without memory
void sim_free(struct sim *sim);     // NULL is fine
// Runs the director, then ends every other task; the director's result. Once a sim. When nothing
// will ever happen any more, the director is cancelled.
struct err sim_run(struct sim *sim, task_main *director, void *arg) MUST_USE;
// A task outside all nodes, which lives until the end of sim_run at most.
struct err sim_spawn(struct sim *sim, task_main *main, void *arg) MUST_USE;
struct err sim_run_ms(struct sim *sim, int64_t ms) suspends MUST_USE; // the director sleeps so long
// Until every other task waits and nothing is on its way that arrives now; no time passes.
struct err sim_settle(struct sim *sim) suspends MUST_USE;
uint64_t sim_below(struct sim *sim, uint64_t bound); // chance for tests, from the seed
uint64_t sim_seed(const struct sim *sim);
void sim_wall_set(struct sim *sim, int64_t wall_ms); // the calendar now; else SIM_WALL_MS + now

#define SIM_WALL_MS INT64_C(1795000000000) // 2026-11-18T11:06:40Z, when a sim begins

// --- Nodes ---------------------------------------------------------------------------------------

#define SIM_IPS_MAX 8

struct sim_node {
    struct str name; // static or longer-lived
    struct ip ips[SIM_IPS_MAX];
    size_t ip_count; // 0: none; nobody can connect to its wildcard listeners
    task_main *main; // at every start
    void *arg;
};

enum sim_crash {
    SIM_CRASH_RESET, // the process died: the system resets its connections
    SIM_CRASH_SILENT // the machine died: peers hear nothing until it runs again
};

struct err sim_node_add(struct sim *sim, const struct sim_node *what, struct node **out) MUST_USE;
struct err sim_node_start(struct node *n) MUST_USE; // it must be down, as it is at first
void sim_node_crash(struct node *n, enum sim_crash how) suspends; // nothing when it is down
bool sim_node_is_up(const struct node *n); // started, and neither crashed nor returned from main
uint64_t sim_node_starts(const struct node *n);

// --- Network -------------------------------------------------------------------------------------

struct sim_wire {                  // how connections made from now on behave
    int64_t latency_us, jitter_us; // each way; a segment never overtakes another one
    size_t buffer_bytes;           // on the way and unread; 0: 64 KiB
    size_t segment_bytes;          // cut into such pieces; 0: as written
    uint64_t bytes_per_s;          // each way; 0: no bound
};
void sim_wire_set(struct sim *sim, const struct sim_wire *wire);
// The pieces that this stream sends from now on.
void sim_stream_segment(struct stream *s, size_t segment_bytes);
// Resets the connection now; the stream is still to be closed.
void sim_stream_abort(struct stream *s);
bool sim_stream_was_reset(const struct stream *s);

// Nothing reaches this address any more, and nothing that it sends arrives. Senders try again for
// a quarter of an hour before they give up, as TCP does.
void sim_cut(struct sim *sim, const struct ip *ip);
void sim_cut_heal(struct sim *sim, const struct ip *ip);

// Listens for a node while no task of it runs (a supervisor's sockets); and a second handle of the
// same listening socket, as a process inherits it. NULL as node: outside of all.
struct err sim_listen_on(struct sim *sim, struct node *n, const struct endpoint *at,
        const struct listen_options *options, struct acceptor **out) MUST_USE;
struct err sim_acceptor_share(struct acceptor *a, struct acceptor **out) MUST_USE;
size_t sim_acceptor_handles(const struct acceptor *a); // of its listening socket, this one too

// --- Faults --------------------------------------------------------------------------------------

struct faults {                      // all chosen by the seed; 0: none of that kind
    int64_t crash_mean_ms;           // between crashes, of any node that is up
    int64_t down_mean_ms;            // until it is started again; 0: at once
    uint32_t silent_permille;        // of crashes
    uint32_t reset_permille;         // of segments: the connection breaks instead
    uint32_t refuse_permille;        // of connections
    int64_t cut_mean_ms, cut_for_ms; // addresses of nodes
};
void sim_faults(struct sim *sim, struct faults faults); // from now on, instead of those before
// No faults any more: cuts are healed, nodes that are down by a fault are started.
void sim_heal(struct sim *sim) suspends;

// The whole DNS of the world, empty at first; every resolver_new asks it. Faults: the one added
// last counts; the name is copied.
struct dns_zone *sim_dns(struct sim *sim); // NULL: no memory
struct err sim_dns_fault(struct sim *sim, const struct dns_fault *fault) MUST_USE;

// --- What happened -------------------------------------------------------------------------------

// Every connection, segment, end, reset, crash and note is a line of the log. The hash is over all
// of it: times, connections, bytes. What a TLS connection carries is left out, because OpenSSL's
// randomness is not ours.
uint64_t sim_log_hash(const struct sim *sim);
uint64_t sim_log_count(const struct sim *sim);
void sim_log_tail(const struct sim *sim, size_t count, struct buf *out); // the last lines, of 64
void sim_note(struct sim *sim, struct str text);
// "0.000", "12.345", "1:02:03.004": virtual time as all reports show it
void sim_time_add(struct buf *out, int64_t at_ns);
