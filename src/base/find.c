// SPDX-License-Identifier: Apache-2.0
// base/find.c: the bytes of a message body pass here once each, so this is a hot place.
#define POSTHASTE_BASE_ROOM
#include "base/find.h"

#include "base/base.h"

static bool is_line_byte(char c)
{
    return c == '\r' || c == '\n' || c == '\0';
}

size_t find_line_byte_portable(struct str s, bool *has_8bit)
{
    size_t i = 0;
    uint8_t all = 0;
    for (; i < s.len && !is_line_byte(s.ptr[i]); i++)
        all |= (uint8_t)s.ptr[i];
    *has_8bit |= all >= 0x80;
    return i;
}

#if defined(__SSE2__)
#include <emmintrin.h>

size_t find_line_byte(struct str s, bool *has_8bit)
{
    const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n'), nul = _mm_setzero_si128();
    unsigned high = 0;
    size_t i = 0;
    for (; i + 16 <= s.len; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(s.ptr + i));
        __m128i hits = _mm_or_si128(_mm_cmpeq_epi8(bytes, cr), _mm_cmpeq_epi8(bytes, lf));
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(hits, _mm_cmpeq_epi8(bytes, nul)));
        unsigned tops = (unsigned)_mm_movemask_epi8(bytes);
        if (mask != 0) {
            unsigned at = (unsigned)__builtin_ctz(mask);
            *has_8bit |= (high | (tops & ((1u << at) - 1))) != 0;
            return i + at;
        }
        high |= tops;
    }
    *has_8bit |= high != 0;
    return i + find_line_byte_portable(str_from(s, i), has_8bit);
}
#else
size_t find_line_byte(struct str s, bool *has_8bit)
{
    return find_line_byte_portable(s, has_8bit);
}
#endif
