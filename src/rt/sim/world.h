// SPDX-License-Identifier: Apache-2.0
// rt/sim/world.h: what the files of the simulator share; private to rt/sim/.
#pragma once

#include "base/hash.h"
#include "rt/loop.h"
#include "rt/sim/sim.h"
#include "rt/transport.h"

#define BUFFER_BYTES_DEFAULT (64 * KIB)
#define GIVE_UP_NS INT64_C(924600000000)         // tcp(7), tcp_retries2 = 15
#define CONNECT_GIVE_UP_NS INT64_C(127000000000) // tcp(7), tcp_syn_retries = 6
#define LOG_RING_COUNT 64
#define LOG_TEXT_BYTES 56

// --- The agenda: what is due when (agenda.c) -----------------------------------------------------

struct conn;

enum due_kind {
    DUE_SEGMENT, // the first segment on its way to that end arrives
    DUE_SYN,     // a request for a connection arrives
    DUE_ANSWER,  // the answer to it arrives
    DUE_GIVE_UP, // the end has tried long enough
    DUE_CONNECT_GIVE_UP,
};

struct due {
    int64_t at_ns;
    uint64_t order; // among those of one moment
    struct conn *conn;
    uint64_t number; // of the segment or of the hold
    uint8_t kind, side;
};

struct agenda {
    struct due *heap;
    size_t count, cap;
    uint64_t order;
};

// Holds a reference to the connection. Without memory the test cannot go on: an assertion.
void agenda_add(struct sim *sim, int64_t at_ns, enum due_kind kind, struct conn *c, uint8_t side,
        uint64_t number);
bool agenda_first(const struct agenda *a, struct due *out);
void agenda_take_first(struct agenda *a);
void agenda_free(struct agenda *a);

// --- Connections (conn.c, connect.c) -------------------------------------------------------------

enum segment_kind { SEGMENT_BYTES, SEGMENT_END, SEGMENT_RESET };

struct segment {
    struct link link;
    uint64_t number;
    int64_t at_ns;
    enum segment_kind kind;
    uint32_t len, given; // bytes, and how many of them were read
    char bytes[];
};

struct end {
    struct transport t;
    struct waitq readable, writable;
    struct conn *conn;
    struct node *node;
    uint8_t side;
    bool is_open; // a stream stands on it
    bool is_dead; // its node crashed
    bool end_sent, end_came;
    bool is_broken, was_reset;
    bool is_held; // what is on its way to it cannot arrive now
    uint64_t hold_number;
    struct list coming;  // segments on their way to it, in order
    struct list come;    // arrived, not read
    size_t unread_bytes; // of both
    int64_t last_at_ns;  // when the last of the coming arrives
    int64_t wire_free_ns;
    uint64_t next_number;
    size_t segment_bytes; // of what it sends
};

enum connecting { CONNECT_ASKED, CONNECT_REFUSED, CONNECT_DONE, CONNECT_LOST };

struct conn {
    struct sim *sim;
    uint64_t id;
    size_t refs;
    struct link in_sim, in_queue;
    struct sim_wire wire;
    enum connecting connecting;
    bool syn_held;
    bool is_secret; // TLS is spoken: its bytes stay out of the log
    struct endpoint to;
    struct end ends[2]; // who connected; who accepted
};

struct conn *conn_new(
        struct sim *sim, const struct endpoint *client, const struct endpoint *server);
void conn_unref(struct conn *c);
struct err conn_stream(struct end *e, struct stream **out) MUST_USE; // also takes it on failure
void conn_due(struct sim *sim, const struct due *due);
void conn_reset_peer(struct end *e); // says RST to the other end
void end_break(struct end *e, struct err why, bool by_reset);
void end_release(struct end *e, int64_t now_ns); // held segments go on their way again
void network_release(struct sim *sim);           // everything that was held tries again (faults.c)
bool path_is_cut(const struct sim *sim, const struct end *a, const struct end *b);
struct end *end_of_stream(const struct stream *s);
static inline struct end *end_peer(struct end *e)
{
    return &e->conn->ends[1 - e->side];
}

// --- Listeners (connect.c) -----------------------------------------------------------------------

struct listener {
    struct sim *sim;
    struct link in_sim;
    size_t refs;
    struct node *node;
    struct endpoint at;
    struct buf path; // of a Unix socket
    bool v6only, is_open;
    size_t backlog, waiting;
    struct list queue;
    struct waitq arrived;
};

struct err sim_backend_listen(const struct endpoint *at, const struct listen_options *options,
        struct acceptor **out) MUST_USE;
struct err sim_backend_connect(const struct endpoint *to, const struct connect_options *options,
        struct stream **out) suspends MUST_USE;
struct err sim_backend_pair(struct stream *out[2]) MUST_USE;
struct err sim_backend_own_ips(struct arena *a, const struct ip **out, size_t *out_count) MUST_USE;
struct err sim_backend_resolver(struct arena *a, const struct dns_settings *settings,
        struct resolver **out) MUST_USE; // names.c
void connect_due(struct sim *sim, const struct due *due);
void listeners_of_node_close(struct node *n);

// --- Nodes (node.c), the log (journal.c), the whole ----------------------------------------------

struct node {
    struct sim *sim;
    struct link in_sim;
    struct sim_node is;
    struct group group;
    bool is_up, is_down_by_fault, silent;
    struct err result;
    uint64_t starts;
};

void node_end(struct node *n) suspends; // its tasks

enum note_kind {
    NOTE_CONNECT,
    NOTE_REFUSE,
    NOTE_ACCEPT,
    NOTE_BYTES,
    NOTE_END,
    NOTE_RESET,
    NOTE_CLOSE,
    NOTE_LOST,
    NOTE_START,
    NOTE_CRASH,
    NOTE_CUT,
    NOTE_HEAL,
    NOTE_TEXT,
};
struct note {
    int64_t at_ns;
    uint64_t conn;
    uint32_t len;
    uint8_t kind, side, text_len;
    char text[LOG_TEXT_BYTES];
};
struct journal {
    uint64_t hash, count;
    struct note ring[LOG_RING_COUNT];
};
void journal_add(struct sim *sim, enum note_kind kind, const struct end *e, struct str text);

struct sim {
    struct loop *loop;
    uint64_t seed;
    struct prng chance, bytes; // of the world; of random_bytes
    int64_t now_ns, wall_shift_ms;
    struct agenda agenda;
    struct list listeners, conns, nodes;
    VEC(struct ip) cuts;
    struct arena arena;
    struct sim_wire wire;
    struct faults faults;
    struct group tasks, fault_tasks;
    struct waitq settled;
    struct task *director;
    bool was_stuck;
    uint64_t next_conn;
    uint16_t next_port;
    struct journal journal;
    struct dns_zone *dns; // NULL until somebody asks for it
    struct list dns_faults;
};

bool sim_happens(struct sim *sim, uint32_t permille);
struct sim *sim_of_loop(struct loop *loop);
