// SPDX-License-Identifier: Apache-2.0
// limits/shared.c: see limits/shared.h.
#include "limits/shared.h"

#include "base/hash.h"

#define NET4_PREFIX 24
#define NET6_PREFIX 64

void limits_shared_init(struct limits_shared *s, uint64_t seed)
{
    struct prng random;
    prng_seed(&random, seed);
    for (size_t i = 0; i < COUNT_OF(s->seed); i++)
        s->seed[i] = prng_u64(&random);
}

// Only what is held can be given back; what is remembered belongs to nobody.
void limits_shared_forget(struct limits_shared *s, size_t column)
{
    shared_clients_forget(&s->slots, column);
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        shared_count_forget(&s->tarpitted[i], column);
}

uint64_t limits_hash(const struct limits_shared *s, enum limits_purpose purpose, uint64_t number)
{
    uint64_t parts[2] = {(uint64_t)purpose, number};
    return hash_sip24(s->seed[0], s->seed[1], str_of((const char *)parts, sizeof(parts)));
}

// What came before is half of the next key: two parts never run into each other.
uint64_t limits_hash_text(const struct limits_shared *s, uint64_t so_far, struct str text)
{
    return hash_sip24(s->seed[0] ^ so_far, s->seed[1], text);
}

uint64_t limits_hash_ip(const struct limits_shared *s, uint64_t so_far, const struct ip *ip)
{
    struct ip plain = ip_unmap(*ip);
    size_t bytes = plain.family == IP_V4 ? 4 : 16;
    return limits_hash_text(s, so_far, str_of((const char *)plain.bytes, bytes));
}

struct ip limits_net_of(const struct ip *client)
{
    struct ip plain = ip_unmap(*client);
    return ip_network_of(plain, plain.family == IP_V4 ? NET4_PREFIX : NET6_PREFIX);
}
