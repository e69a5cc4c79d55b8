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

static bool is_loose_blank(struct str s, size_t i)
{
    if (s.ptr[i] != ' ')
        return s.ptr[i] == '\t';
    return i + 1 == s.len || byte_is_blank((uint8_t)s.ptr[i + 1]) || s.ptr[i + 1] == '\r';
}

size_t find_loose_blank_portable(struct str s)
{
    size_t i = 0;
    while (i < s.len && !is_loose_blank(s, i))
        i++;
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

size_t find_loose_blank(struct str s)
{
    const __m128i sp = _mm_set1_epi8(' '), tab = _mm_set1_epi8('\t'), cr = _mm_set1_epi8('\r');
    size_t i = 0;
    for (; i + 17 <= s.len; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(s.ptr + i));
        __m128i next = _mm_loadu_si128((const __m128i *)(const void *)(s.ptr + i + 1));
        __m128i loose = _mm_or_si128(_mm_cmpeq_epi8(next, sp), _mm_cmpeq_epi8(next, tab));
        loose = _mm_or_si128(loose, _mm_cmpeq_epi8(next, cr));
        loose = _mm_and_si128(loose, _mm_cmpeq_epi8(bytes, sp));
        loose = _mm_or_si128(loose, _mm_cmpeq_epi8(bytes, tab));
        unsigned mask = (unsigned)_mm_movemask_epi8(loose);
        if (mask != 0)
            return i + (unsigned)__builtin_ctz(mask);
    }
    return i + find_loose_blank_portable(str_from(s, i));
}
#else
size_t find_line_byte(struct str s, bool *has_8bit)
{
    return find_line_byte_portable(s, has_8bit);
}

size_t find_loose_blank(struct str s)
{
    return find_loose_blank_portable(s);
}
#endif
