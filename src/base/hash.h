// SPDX-License-Identifier: Apache-2.0
// base/hash.h: hashes and checksums that need no library, and a small seeded generator for tests
// and jitter (never for secrets: those come from rt/).
#pragma once

#include "base/base.h"

uint64_t hash_sip24(uint64_t key0, uint64_t key1, struct str s);
uint32_t hash_crc32c(uint32_t crc, struct str s); // start with 0; may be continued
// The same without the processor's instruction; public so that tests compare the two.
uint32_t hash_crc32c_portable(uint32_t crc, struct str s);

struct prng { // xoshiro256**
    uint64_t s[4];
};
void prng_seed(struct prng *p, uint64_t seed);
uint64_t prng_u64(struct prng *p);
uint64_t prng_below(struct prng *p, uint64_t bound); // 0 .. bound - 1, unbiased; bound >= 1
