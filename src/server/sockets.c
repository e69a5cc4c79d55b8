// SPDX-License-Identifier: Apache-2.0
// server/sockets.c: binding once, handing on for ever. A socket is known by its address and the
// slot it serves; its options are those of the generation that bound it.
#include "server/sockets.h"

#include "base/list.h"
#include "rt/process.h"

struct bound {
    struct link in_set;
    struct endpoint at;
    size_t slot;
    int fd;
    bool settled; // false: bound for a generation that does not run yet
    char path[120];
};

struct sockets {
    struct list all;
};

static size_t slots_of(const struct plan_address *address, const struct plan *plan);
static struct bound *find(struct sockets *set, const struct endpoint *at, size_t slot);
static struct err bind_one(
        struct sockets *set, const struct plan_address *address, size_t slot, struct arena *a);
static bool is_wanted(const struct bound *b, const struct plan *plan);
static void forget(struct bound *b);

struct sockets *sockets_new(void)
{
    struct sockets *set = mem_new(struct sockets);
    if (set != NULL)
        list_init(&set->all);
    return set;
}

void sockets_free(struct sockets *set)
{
    if (set == NULL)
        return;
    each_safe_in_list (b, &set->all, struct bound, in_set)
        forget(b);
    mem_free(set);
}

struct err sockets_want(struct sockets *set, const struct plan *plan, struct arena *a)
{
    struct err e = OK;
    for (size_t i = 0; i < plan->listener_count && !failed(e); i++) {
        const struct plan_listener *l = &plan->listeners[i];
        for (size_t j = 0; j < l->address_count && !failed(e); j++)
            for (size_t slot = 0; slot < slots_of(&l->addresses[j], plan) && !failed(e); slot++)
                e = bind_one(set, &l->addresses[j], slot, a);
    }
    if (!failed(e))
        return OK;
    each_safe_in_list (b, &set->all, struct bound, in_set)
        if (!b->settled)
            forget(b);
    return e;
}

static size_t slots_of(const struct plan_address *address, const struct plan *plan)
{
    return address->options.reuse_port && str_is_null(address->at.unix_path) ? plan->worker_count
                                                                             : 1;
}

static struct err bind_one(
        struct sockets *set, const struct plan_address *address, size_t slot, struct arena *a)
{
    if (find(set, &address->at, slot) != NULL)
        return OK;
    struct bound *b = mem_new(struct bound);
    if (b == NULL)
        return fail(ERR_LIMIT, "no memory for a listening socket");
    struct err e = net_bind(a, &address->at, &address->options, &b->fd);
    if (failed(e)) {
        mem_free(b);
        return e;
    }
    b->at = address->at;
    b->slot = slot;
    if (!str_is_null(b->at.unix_path)) { // the plan that named it goes before the socket does
        size_t len = b->at.unix_path.len < sizeof(b->path) ? b->at.unix_path.len : sizeof(b->path);
        memcpy(b->path, b->at.unix_path.ptr, len);
        b->at.unix_path = str_of(b->path, len);
    }
    list_append(&set->all, &b->in_set);
    return OK;
}

static struct bound *find(struct sockets *set, const struct endpoint *at, size_t slot)
{
    each_in_list (b, &set->all, struct bound, in_set)
        if (b->slot == slot && endpoint_eq(&b->at, at))
            return b;
    return NULL;
}

void sockets_settle(struct sockets *set, const struct plan *plan)
{
    each_safe_in_list (b, &set->all, struct bound, in_set) {
        b->settled = true;
        if (!is_wanted(b, plan))
            forget(b);
    }
}

static bool is_wanted(const struct bound *b, const struct plan *plan)
{
    for (size_t i = 0; i < plan->listener_count; i++) {
        const struct plan_listener *l = &plan->listeners[i];
        for (size_t j = 0; j < l->address_count; j++)
            if (endpoint_eq(&l->addresses[j].at, &b->at))
                return b->slot < slots_of(&l->addresses[j], plan);
    }
    return false;
}

static void forget(struct bound *b)
{
    link_remove(&b->in_set);
    descriptor_close(b->fd);
    mem_free(b);
}

struct err sockets_of(struct sockets *set, const struct plan *plan, size_t slot, struct arena *a,
        struct worker_socket **out, size_t *out_count)
{
    VEC(struct worker_socket) found = {0};
    for (size_t i = 0; i < plan->listener_count; i++) {
        const struct plan_listener *l = &plan->listeners[i];
        for (size_t j = 0; j < l->address_count; j++) {
            size_t of_slot = slots_of(&l->addresses[j], plan) > 1 ? slot : 0;
            struct bound *b = find(set, &l->addresses[j].at, of_slot);
            assert(b != NULL); // sockets_want has seen to it
            struct worker_socket *s = vec_add(a, &found);
            if (s == NULL)
                return fail(ERR_LIMIT, "no memory for a worker's sockets");
            *s = (struct worker_socket){b->fd, l};
        }
    }
    *out = found.at;
    *out_count = found.count;
    return OK;
}
