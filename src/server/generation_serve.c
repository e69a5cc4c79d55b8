// SPDX-License-Identifier: Apache-2.0
// server/generation_serve.c: which worker accepts from which sockets. With reuse-port the kernel
// spreads connections over sockets without knowing whether anybody accepts from them. Each slot of
// sockets therefore always has a worker: its own, as long as that is ready, else the next one that
// is. A slot beyond the number of workers (there were more of them before a reload) is served by
// the worker of its number modulo theirs.
#include "server/supervisor.h"

#define SERVE_LINE_BYTES_MAX 32

static size_t server_of(const struct generation *g, size_t socket_slot);
static void tell(struct slot *s, uint64_t slots) suspends;

uint64_t generation_own_slots(
        const struct supervisor *sup, const struct generation *g, size_t number)
{
    uint64_t own = 0;
    for (size_t i = number; i < sockets_slots(sup->sockets); i += g->worker_count)
        own |= UINT64_C(1) << i;
    return own;
}

// Those that gain are told before those that lose: for a moment two accept from a socket, but never
// nobody.
void generation_spread(struct supervisor *sup, struct generation *g)
{
    uint64_t wanted[WORKERS_MAX] = {0};
    for (size_t i = 0; i < sockets_slots(sup->sockets); i++)
        wanted[server_of(g, i)] |= UINT64_C(1) << i;
    for (size_t i = 0; i < g->worker_count; i++)
        if (g->slots[i].ready && (wanted[i] & ~g->slots[i].serves) != 0)
            tell(&g->slots[i], wanted[i]);
    for (size_t i = 0; i < g->worker_count; i++)
        if (g->slots[i].ready && wanted[i] != g->slots[i].serves)
            tell(&g->slots[i], wanted[i]);
}

static size_t server_of(const struct generation *g, size_t socket_slot)
{
    size_t own = socket_slot % g->worker_count;
    for (size_t i = 0; i < g->worker_count; i++) {
        size_t candidate = (own + i) % g->worker_count;
        if (g->slots[candidate].ready)
            return candidate;
    }
    return own;
}

static void tell(struct slot *s, uint64_t slots)
{
    struct buf line AUTO(buf_done);
    buf_init(&line, SERVE_LINE_BYTES_MAX);
    buf_fmt(&line, "serve %llx\n", (unsigned long long)slots);
    slot_tell(s, buf_str(&line));
    s->serves = slots;
}
