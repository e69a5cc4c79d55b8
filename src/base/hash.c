// SPDX-License-Identifier: Apache-2.0
// base/hash.c: SipHash-2-4 and the generator xoshiro256**. CRC-32C is in crc32c.c.
#define POSTHASTE_BASE_ROOM
#include "base/hash.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static void sip_rounds(struct sip *h, int count);
static uint64_t little64_whole(const uint8_t *at);
static uint64_t little64(const char *at, size_t len);
static uint64_t rotate(uint64_t x, unsigned bits);
static uint64_t splitmix(uint64_t *state);

// Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, section 2.
uint64_t hash_sip24(uint64_t key0, uint64_t key1, struct str s)
{
    struct sip h = {
            key0 ^ 0x736f6d6570736575, // "somepseudorandomlygeneratedbytes"
            key1 ^ 0x646f72616e646f6d,
            key0 ^ 0x6c7967656e657261,
            key1 ^ 0x7465646279746573,
    };
    size_t at = 0;
    for (; s.len - at >= 8; at += 8) {
        uint64_t word = little64_whole((const uint8_t *)s.ptr + at);
        h.v3 ^= word;
        sip_rounds(&h, 2);
        h.v0 ^= word;
    }
    uint64_t last = (uint64_t)s.len << 56;
    if (at < s.len)
        last |= little64(s.ptr + at, s.len - at); // fewer than eight bytes
    h.v3 ^= last;
    sip_rounds(&h, 2);
    h.v0 ^= last;
    h.v2 ^= 0xff;
    sip_rounds(&h, 4);
    return h.v0 ^ h.v1 ^ h.v2 ^ h.v3;
}

static void sip_rounds(struct sip *h, int count)
{
    for (int i = 0; i < count; i++) {
        h->v0 += h->v1;
        h->v2 += h->v3;
        h->v1 = rotate(h->v1, 13) ^ h->v0;
        h->v3 = rotate(h->v3, 16) ^ h->v2;
        h->v0 = rotate(h->v0, 32);
        h->v2 += h->v1;
        h->v0 += h->v3;
        h->v1 = rotate(h->v1, 17) ^ h->v2;
        h->v3 = rotate(h->v3, 21) ^ h->v0;
        h->v2 = rotate(h->v2, 32);
    }
}

// Spelled out, as compilers know this as one load.
static uint64_t little64_whole(const uint8_t *at)
{
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 |
           (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 |
           (uint64_t)at[7] << 56;
}

static uint64_t little64(const char *at, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)(uint8_t)at[i] << (8 * i);
    return word;
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

// Any seed will do, 0 too: splitmix64 spreads it so that the four words are never all zero.
void prng_seed(struct prng *p, uint64_t seed)
{
    for (size_t i = 0; i < COUNT_OF(p->s); i++)
        p->s[i] = splitmix(&seed);
}

static uint64_t splitmix(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15;
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

// Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018.
uint64_t prng_u64(struct prng *p)
{
    uint64_t result = rotate(p->s[1] * 5, 7) * 9;
    uint64_t shifted = p->s[1] << 17;
    p->s[2] ^= p->s[0];
    p->s[3] ^= p->s[1];
    p->s[1] ^= p->s[2];
    p->s[0] ^= p->s[3];
    p->s[2] ^= shifted;
    p->s[3] = rotate(p->s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *p, uint64_t bound)
{
    assert(bound >= 1);
    uint64_t unfair = (0 - bound) % bound; // so many numbers, at the low end, would be one too many
    uint64_t drawn = prng_u64(p);
    while (drawn < unfair)
        drawn = prng_u64(p);
    return drawn % bound;
}
