// SPDX-License-Identifier: Apache-2.0
// server/sockets.h: the listening sockets, which belong to the supervisor and outlive generations,
// and, at a hand-over, the supervisor itself.
//
// A place is one address of one listener. With reuse-port it has a socket for each worker slot, so
// that the kernel spreads connections; else one, from which all workers accept. Sockets of a place
// that is still wanted are never closed, not even when there are fewer workers than before: what
// the kernel has queued on a closed socket is reset. Some worker serves them instead
// (server/generation_serve.c).
//
// A place that cannot be bound now may wait (listeners.md 3.5) while the server runs degraded.
//
// Change of generations in three steps: sockets_want binds what the new one needs and has not yet
// (a failure leaves all as it was), the workers start, sockets_settle closes what nobody wants.
#pragma once

#include "events/event.h"
#include "server/plan.h"
#include "server/worker.h"

#define SOCKET_SLOTS_MAX 64 // of one place; worker slots are as many at most

struct sockets;

// Descriptors that listen already: from the service manager, or from a former supervisor, whose
// sockets may be joined by further ones of the same place.
enum inherited_from { FROM_SERVICE_MANAGER, FROM_PREDECESSOR };
struct inherited_socket {
    int fd;
    struct str name; // of LISTEN_FDNAMES, may be empty
};

struct sockets *sockets_new(void);
// The descriptors become the set's, also on failure. An error names what cannot be used.
struct err sockets_inherit(struct sockets *set, struct arena *a, enum inherited_from from,
        const struct inherited_socket *inherited, size_t count) MUST_USE;
// Those inherited ones that no listener wanted are closed; their names, for a warning.
struct str sockets_drop_unclaimed(struct sockets *set, struct arena *a);
// Closes all. At a clean end the files of UNIX sockets go too.
enum sockets_end { SOCKETS_KEEP_FILES, SOCKETS_REMOVE_FILES };
void sockets_close(struct sockets *set, enum sockets_end how);
void sockets_free(struct sockets *set); // closes all and keeps files; NULL is fine

struct sockets_wish {
    const struct plan *plan;
    struct findings *findings; // gets warnings
    struct event_log *log;
    bool at_start; // only then may a place wait: at a reload every failure is one
};
// Texts live in the arena.
struct err sockets_want(
        struct sockets *set, const struct sockets_wish *wish, struct arena *a) MUST_USE;
// All that is bound listens from now on.
struct err sockets_activate(struct sockets *set, struct arena *a) MUST_USE;
void sockets_undo(struct sockets *set); // closes what was bound since the last settling
void sockets_settle(struct sockets *set, const struct plan *plan);

// Tries those that wait; how many can be used now.
size_t sockets_retry(struct sockets *set, const struct sockets_wish *wish, struct arena *a);
// "listener smtp 10.0.0.21:25, ..." of those that wait; empty: none does.
struct str sockets_waiting(const struct sockets *set, struct arena *a);
size_t sockets_slots(const struct sockets *set); // of the place that has most

// All of them, for a worker: which it serves is said by slot.
struct err sockets_of(struct sockets *set, const struct plan *plan, struct arena *a,
        struct worker_socket **out, size_t *out_count) MUST_USE;
// All of them, for a successor: each with its listener's id.
struct err sockets_list(const struct sockets *set, struct arena *a, struct inherited_socket **out,
        size_t *out_count) MUST_USE;
int sockets_errno(const struct sockets *set); // of the failure told last, for the service manager
