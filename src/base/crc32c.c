// SPDX-License-Identifier: Apache-2.0
// base/crc32c.c: CRC-32C (Castagnoli; RFC 3720 12.1, there called CRC32C), which guards records on
// disk. By the processor's instruction where there is one (x86-64 with SSE 4.2), else by eight
// tables that take eight bytes at a time. Both give the same, and a test holds them to it.
#define POSTHASTE_BASE_ROOM
#include "base/hash.h"

static bool crc32c_by_instruction(uint32_t crc, struct str s, uint32_t *out);

// A CRC is linear: the entry of a byte is the XOR of the entries of its bits. So each table is
// spelled by its eight entries 0x01, 0x02, 0x04 ... 0x80, and the compiler makes the other 248.
#define BITS1(x, a) (x), (x) ^ (a)
#define BITS2(x, a, b) BITS1(x, a), BITS1((x) ^ (b), a)
#define BITS3(x, a, b, c) BITS2(x, a, b), BITS2((x) ^ (c), a, b)
#define BITS4(x, a, b, c, d) BITS3(x, a, b, c), BITS3((x) ^ (d), a, b, c)
#define BITS5(x, a, b, c, d, e) BITS4(x, a, b, c, d), BITS4((x) ^ (e), a, b, c, d)
#define BITS6(x, a, b, c, d, e, f) BITS5(x, a, b, c, d, e), BITS5((x) ^ (f), a, b, c, d, e)
#define BITS7(x, a, b, c, d, e, f, g) BITS6(x, a, b, c, d, e, f), BITS6((x) ^ (g), a, b, c, d, e, f)
#define BITS8(x, a, b, c, d, e, f, g, h)                                                           \
    BITS7(x, a, b, c, d, e, f, g), BITS7((x) ^ (h), a, b, c, d, e, f, g)

// tables[k][byte]: what a byte does to the CRC after k more zero bytes.
static const uint32_t tables[8][256] = {
        {BITS8(0u, 0xf26b8303u, 0xe13b70f7u, 0xc79a971fu, 0x8ad958cfu, 0x105ec76fu, 0x20bd8edeu,
                0x417b1dbcu, 0x82f63b78u)},
        {BITS8(0u, 0x13a29877u, 0x274530eeu, 0x4e8a61dcu, 0x9d14c3b8u, 0x3fc5f181u, 0x7f8be302u,
                0xff17c604u, 0xfbc3faf9u)},
        {BITS8(0u, 0xa541927eu, 0x4f6f520du, 0x9edea41au, 0x38513ec5u, 0x70a27d8au, 0xe144fb14u,
                0xc76580d9u, 0x8b277743u)},
        {BITS8(0u, 0xdd45aab8u, 0xbf672381u, 0x7b2231f3u, 0xf64463e6u, 0xe964b13du, 0xd725148bu,
                0xaba65fe7u, 0x52a0c93fu)},
        {BITS8(0u, 0x38116facu, 0x7022df58u, 0xe045beb0u, 0xc5670b91u, 0x8f2261d3u, 0x1ba8b557u,
                0x37516aaeu, 0x6ea2d55cu)},
        {BITS8(0u, 0xef306b19u, 0xdb8ca0c3u, 0xb2f53777u, 0x6006181fu, 0xc00c303eu, 0x85f4168du,
                0x0e045bebu, 0x1c08b7d6u)},
        {BITS8(0u, 0x68032cc8u, 0xd0065990u, 0xa5e0c5d1u, 0x4e2dfd53u, 0x9c5bfaa6u, 0x3d5b83bdu,
                0x7ab7077au, 0xf56e0ef4u)},
        {BITS8(0u, 0x493c7d27u, 0x9278fa4eu, 0x211d826du, 0x423b04dau, 0x847609b4u, 0x0d006599u,
                0x1a00cb32u, 0x34019664u)},
};

uint32_t hash_crc32c(uint32_t crc, struct str s)
{
    uint32_t result;
    return crc32c_by_instruction(crc, s, &result) ? result : hash_crc32c_portable(crc, s);
}

uint32_t hash_crc32c_portable(uint32_t crc, struct str s)
{
    const uint8_t *at = (const uint8_t *)s.ptr;
    size_t left = s.len;
    crc = ~crc;
    for (; left >= 8; left -= 8, at += 8) {
        crc = tables[7][at[0] ^ (crc & 0xff)] ^ tables[6][at[1] ^ (crc >> 8 & 0xff)] ^
              tables[5][at[2] ^ (crc >> 16 & 0xff)] ^ tables[4][at[3] ^ crc >> 24] ^
              tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^ tables[0][at[7]];
    }
    for (; left > 0; left--, at++)
        crc = crc >> 8 ^ tables[0][*at ^ (crc & 0xff)];
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, struct str s)
{
    uint64_t state = (uint32_t)~crc;
    const char *at = s.ptr;
    size_t left = s.len;
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        state = __builtin_ia32_crc32di(state, word);
    }
    uint32_t narrow = (uint32_t)state;
    for (; left > 0; left--, at++)
        narrow = __builtin_ia32_crc32qi(narrow, (uint8_t)*at);
    return ~narrow;
}

static bool crc32c_by_instruction(uint32_t crc, struct str s, uint32_t *out)
{
    if (!__builtin_cpu_supports("sse4.2"))
        return false;
    *out = crc32c_sse42(crc, s);
    return true;
}
#else
static bool crc32c_by_instruction(uint32_t crc UNUSED, struct str s UNUSED, uint32_t *out UNUSED)
{
    return false;
}
#endif
