// SPDX-License-Identifier: Apache-2.0
// base/str.h: slices of bytes and what one asks of them. A slice borrows: it says nothing about
// how long its bytes live and never assumes a NUL behind them. A null slice (ptr == NULL) is
// "absent"; an empty one is "present, empty"; both have len 0 and compare equal.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *ptr;
    size_t len;
};

#define S(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define S_INIT(literal)                                                                            \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    } // for static tables
#define STR_NULL ((struct str){0})
#define ARG(s) (int)(s).len, (s).ptr != NULL ? (s).ptr : "" // for "%.*s"

// Bytes by class, ASCII only, never by locale.
static inline bool byte_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}
static inline bool byte_is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}
static inline bool byte_is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}
static inline bool byte_is_alpha(uint8_t c)
{
    return byte_is_upper(c) || byte_is_lower(c);
}
static inline bool byte_is_alnum(uint8_t c)
{
    return byte_is_alpha(c) || byte_is_digit(c);
}
static inline bool byte_is_hex(uint8_t c)
{
    return byte_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
static inline bool byte_is_blank(uint8_t c) // SP and HTAB
{
    return c == ' ' || c == '\t';
}
static inline bool byte_is_space(uint8_t c) // blanks and line ends
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
static inline uint8_t byte_to_lower(uint8_t c)
{
    return byte_is_upper(c) ? (uint8_t)(c | 0x20) : c;
}
static inline uint8_t byte_to_upper(uint8_t c)
{
    return byte_is_lower(c) ? (uint8_t)(c & ~0x20) : c;
}
int byte_hex_value(uint8_t c); // 0..15, or -1

static inline struct str str_of(const char *ptr, size_t len)
{
    return (struct str){ptr, len};
}
struct str str_from_c(const char *text); // of a NUL-terminated text of the system; NULL gives null
static inline bool str_is_null(struct str s)
{
    return s.ptr == NULL;
}
static inline bool str_is_empty(struct str s)
{
    return s.len == 0;
}
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b);
int str_compare(struct str a, struct str b); // bytewise, shorter first: < 0, 0, > 0
int str_compare_nocase(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_ends_nocase(struct str s, struct str suffix);

#define STR_NOT_FOUND SIZE_MAX
size_t str_find(struct str s, struct str needle); // offset, or STR_NOT_FOUND
size_t str_find_byte(struct str s, char c);
size_t str_rfind_byte(struct str s, char c);
bool str_contains(struct str s, struct str needle);

// Parts. Offsets beyond the end are cut to it, so a part is always inside.
struct str str_from(struct str s, size_t start);
struct str str_upto(struct str s, size_t len);
struct str str_part(struct str s, size_t start, size_t len);
struct str str_trim(struct str s);        // without blanks and line ends at both ends
struct str str_trim_blanks(struct str s); // without SP and HTAB at both ends
// Takes the text before the first `sep` off *rest; false when *rest was null, that is, at the end.
bool str_split(struct str *rest, char sep, struct str *out_piece);
// Splits at the first (last) sep; false, and nothing written, when there is none.
bool str_cut(struct str s, char sep, struct str *out_before, struct str *out_after);
bool str_rcut(struct str s, char sep, struct str *out_before, struct str *out_after);

// Whole-slice numbers: decimal digits only, no sign but '-' for i64, no blanks, no overflow.
bool str_to_u64(struct str s, uint64_t max, uint64_t *out);
bool str_to_i64(struct str s, int64_t *out);
bool str_to_double(struct str s, double *out); // digits, '.', exponent; finite only

bool str_is_utf8(struct str s); // well-formed UTF-8 (RFC 3629), no surrogates, no overlongs
bool str_is_ascii(struct str s);
size_t str_utf8_count(struct str s); // code points; each ill-formed byte counts as one
// Length of the well-formed sequence at the start of s and its code point; 0 when ill-formed.
size_t str_utf8_next(struct str s, uint32_t *out_code);
size_t utf8_put(uint32_t code, char out[4]); // bytes written, 0 for what is no scalar value

// Edit distance (insert, delete, replace, swap of neighbours), for "did you mean"; stops counting
// at `most` + 1. Slices longer than 64 bytes are `most` + 1 apart from all others.
size_t str_distance(struct str a, struct str b, size_t most);

// Several, as one value.
struct strs {
    const struct str *at;
    size_t count;
};
bool strs_have(const struct strs *all, struct str one);
