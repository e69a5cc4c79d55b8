// SPDX-License-Identifier: Apache-2.0
// server/sockets_state.h: what the files about listening sockets share.
#pragma once

#include "base/list.h"
#include "server/sockets.h"

#define PLACE_BYTES_MAX (16 * KIB)

struct place {
    struct link in_set;
    struct arena arena; // of the texts below
    struct str listener;
    struct endpoint at;   // as configured
    struct str passed_as; // "systemd:NAME" asks for this one; null: an ordinary address
    struct listen_options options;
    int fds[SOCKET_SLOTS_MAX];
    size_t count, settled_count; // the latter are used by a generation that runs
    size_t listening_count;
    bool foreign; // made by the service manager: its files are not ours to remove
    bool waiting; // cannot be bound now, and is tried again
};

struct candidate { // inherited, and claimed by no place yet
    int fd;
    struct str name;
    struct endpoint at;
};

struct sockets {
    struct list places;
    struct arena arena; // of what was inherited
    VEC(struct candidate) candidates;
    enum inherited_from from;
    int last_errno;
};

// One address of one listener, as the configuration wants it.
struct wanted {
    const struct plan_listener *listener;
    struct endpoint at;
    struct str passed_as;
    const struct listen_options *options;
    size_t slots;
};
bool wanted_nth(const struct plan *plan, size_t listener, size_t address, struct wanted *out);
struct place *place_find(struct sockets *set, const struct wanted *w);
bool place_is(const struct place *p, const struct wanted *w);
void place_close(struct place *p, size_t from); // those from this slot on

// server/sockets_inherited.c: takes over the candidates that belong to a new place; false: none.
bool place_claim(struct sockets *set, struct place *p, const struct plan *plan);
// server/sockets_bind.c
struct err place_new(struct sockets *set, const struct wanted *w, struct place **out) MUST_USE;
void place_free(struct place *p);
// Binds what the place lacks for its slots.
struct err place_fill(struct sockets *set, struct place *p, const struct wanted *w,
        const struct sockets_wish *wish, struct arena *a) MUST_USE;
void place_tell_trouble(const struct place *p, struct event_log *log, struct err e);
