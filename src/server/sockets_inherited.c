// SPDX-License-Identifier: Apache-2.0
// server/sockets_inherited.c: sockets that listen already when we start (listeners.md 15.3), and
// which place each of them belongs to: by the name that the configuration asks for, by the id of
// its listener, by its address.
#include "server/sockets_state.h"

#include "rt/listening.h"
#include "rt/process.h"

enum fit { FIT_NONE, FIT_ADDRESS, FIT_NAME, FIT_BOTH }; // better ones are greater

static enum fit fit_of(const struct candidate *c, const struct place *p, const struct plan *plan);
static bool is_address_of_listener(
        const struct candidate *c, const struct place *p, const struct plan *plan);
static bool is_other_listener(struct str name, const struct place *p, const struct plan *plan);
static bool same_address(const struct endpoint *a, const struct endpoint *b);
static void take(struct sockets *set, struct place *p, struct candidate *c);

struct err sockets_inherit(struct sockets *set, struct arena *a, enum inherited_from from,
        const struct inherited_socket *inherited, size_t count)
{
    struct err first = OK;
    set->from = from;
    for (size_t i = 0; i < count; i++) {
        struct err e = listening_check(a, inherited[i].fd);
        struct candidate *c = failed(e) ? NULL : vec_add(&set->arena, &set->candidates);
        if (c == NULL) {
            if (!failed(e))
                e = fail(ERR_LIMIT, "too many sockets were passed to this server");
            if (!failed(first))
                first = e;
            descriptor_close(inherited[i].fd);
            continue;
        }
        descriptor_keep_private(inherited[i].fd);
        descriptor_never_block(inherited[i].fd);
        c->fd = inherited[i].fd;
        c->name = arena_str(&set->arena, inherited[i].name);
        listening_address(&set->arena, c->fd, &c->at);
    }
    return first;
}

// One socket, or, when several share name and address, all of these: they are the slots.
bool place_claim(struct sockets *set, struct place *p, const struct plan *plan)
{
    enum fit best = FIT_NONE;
    const struct candidate *first = NULL;
    each_in_vec (c, &set->candidates) {
        enum fit f = c->fd < 0 ? FIT_NONE : fit_of(c, p, plan);
        if (f > best) {
            best = f;
            first = c;
        }
    }
    if (first == NULL)
        return false;
    struct endpoint at = first->at;
    each_in_vec (c, &set->candidates)
        if (c->fd >= 0 && fit_of(c, p, plan) == best && endpoint_eq(&c->at, &at))
            take(set, p, c);
    return true;
}

static enum fit fit_of(const struct candidate *c, const struct place *p, const struct plan *plan)
{
    if (!str_is_null(p->passed_as))
        return str_eq(c->name, p->passed_as) ? FIT_NAME : FIT_NONE;
    bool address = same_address(&c->at, &p->at);
    bool name = str_eq(c->name, p->listener);
    if (name && address)
        return FIT_BOTH;
    // A name alone fits when the socket is not meant for another address of the same listener.
    if (name && !is_address_of_listener(c, p, plan))
        return FIT_NAME;
    return address && !is_other_listener(c->name, p, plan) ? FIT_ADDRESS : FIT_NONE;
}

static bool is_address_of_listener(
        const struct candidate *c, const struct place *p, const struct plan *plan)
{
    struct wanted w;
    for (size_t i = 0; i < plan->listener_count; i++)
        for (size_t j = 0; wanted_nth(plan, i, j, &w); j++)
            if (str_eq(w.listener->id, p->listener) && same_address(&c->at, &w.at))
                return true;
    return false;
}

static bool is_other_listener(struct str name, const struct place *p, const struct plan *plan)
{
    for (size_t i = 0; i < plan->listener_count; i++)
        if (str_eq(plan->listeners[i].id, name))
            return !str_eq(name, p->listener);
    return false;
}

// Wildcards of both families are one address: which family it is, the socket's maker has decided.
static bool same_address(const struct endpoint *a, const struct endpoint *b)
{
    if (endpoint_eq(a, b))
        return true;
    return str_is_null(a->unix_path) && str_is_null(b->unix_path) && a->port == b->port &&
           ip_is_unspecified(&a->ip) && ip_is_unspecified(&b->ip);
}

static void take(struct sockets *set, struct place *p, struct candidate *c)
{
    if (p->count == SOCKET_SLOTS_MAX)
        return;
    p->fds[p->count++] = c->fd;
    p->listening_count = p->count;
    p->foreign = set->from == FROM_SERVICE_MANAGER;
    c->fd = -1;
}

struct str sockets_drop_unclaimed(struct sockets *set, struct arena *a)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * KIB);
    each_in_vec (c, &set->candidates) {
        if (c->fd < 0)
            continue;
        buf_add(&text, text.len > 0 ? S(", ") : S(""));
        if (!str_is_empty(c->name))
            buf_fmt(&text, "'%.*s' ", ARG(c->name));
        endpoint_add(&text, &c->at);
        descriptor_close(c->fd);
        c->fd = -1;
    }
    return arena_str(a, buf_str(&text));
}
