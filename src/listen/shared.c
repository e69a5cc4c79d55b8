// SPDX-License-Identifier: Apache-2.0
// listen/shared.c: see listen/shared.h.
#include "listen/shared.h"

#include "base/hash.h"

#define CLIENT_BYTES 32

void listen_shared_init(struct listen_shared *s, uint64_t seed)
{
    struct prng random;
    prng_seed(&random, seed);
    for (size_t i = 0; i < 2; i++) {
        s->seed[i] = prng_u64(&random);
        s->bans.seed[i] = prng_u64(&random);
    }
}

void listen_shared_forget(struct listen_shared *s, size_t column)
{
    shared_count_forget(&s->connections, column);
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        shared_count_forget(&s->by_listener[i], column);
    shared_clients_forget(&s->clients, column);
}

uint64_t listen_client_hash(const struct listen_shared *s, enum counted what, size_t number,
        const struct ip_net *client)
{
    uint8_t bytes[CLIENT_BYTES] = {(uint8_t)what, (uint8_t)number, (uint8_t)(number >> 8),
            client->ip.family, client->prefix};
    memcpy(bytes + 8, client->ip.bytes, sizeof(client->ip.bytes));
    return hash_sip24(s->seed[0], s->seed[1], str_of((const char *)bytes, sizeof(bytes)));
}

uint64_t listen_text_hash(
        const struct listen_shared *s, enum counted what, size_t number, struct str text)
{
    uint64_t inner = hash_sip24(s->seed[1], s->seed[0], text);
    uint8_t bytes[CLIENT_BYTES] = {(uint8_t)what, (uint8_t)number, (uint8_t)(number >> 8)};
    memcpy(bytes + 8, &inner, sizeof(inner));
    return hash_sip24(s->seed[0], s->seed[1], str_of((const char *)bytes, sizeof(bytes)));
}
