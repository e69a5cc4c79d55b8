// SPDX-License-Identifier: Apache-2.0
// base/scan.h: the one way to read input. A scan cannot leave its slice: each scan_... takes what
// it names and moves on, or returns false and stays where it was.
#pragma once

#include "base/str.h"

struct scan {
    const char *start, *at, *end;
};

static inline struct scan scan_over(struct str s)
{
    const char *start = s.ptr != NULL ? s.ptr : "";
    return (struct scan){start, start, start + s.len};
}
static inline bool scan_end(const struct scan *in)
{
    return in->at == in->end;
}
static inline size_t scan_column(const struct scan *in) // of the next byte, from 1
{
    return (size_t)(in->at - in->start) + 1;
}
static inline size_t scan_offset(const struct scan *in)
{
    return (size_t)(in->at - in->start);
}
static inline struct str scan_rest(const struct scan *in)
{
    return (struct str){in->at, (size_t)(in->end - in->at)};
}
static inline int scan_peek(const struct scan *in) // next byte, or -1 at the end
{
    return in->at < in->end ? (uint8_t)*in->at : -1;
}
static inline int scan_peek_at(const struct scan *in, size_t ahead)
{
    return (size_t)(in->end - in->at) > ahead ? (uint8_t)in->at[ahead] : -1;
}
static inline struct str scan_since(const struct scan *in, size_t offset) // text taken since then
{
    return (struct str){in->start + offset, (size_t)(in->at - in->start) - offset};
}

bool scan_any(struct scan *in, uint8_t *out);
bool scan_byte(struct scan *in, char c);
bool scan_lit(struct scan *in, struct str lit);
bool scan_lit_nocase(struct scan *in, struct str lit);
bool scan_skip(struct scan *in, size_t count);
bool scan_take(struct scan *in, size_t count, struct str *out);
size_t scan_blanks(struct scan *in); // skips SP and HTAB, tells how many

typedef bool byte_class(uint8_t c);
bool scan_while(struct scan *in, byte_class *is, struct str *out);  // one or more
bool scan_while0(struct scan *in, byte_class *is, struct str *out); // none or more: always true
// Up to, not including, the byte (which must come); the second form takes it off as well.
bool scan_until(struct scan *in, char c, struct str *out);
bool scan_until_past(struct scan *in, char c, struct str *out);
// A line without its end: CRLF or LF; the last line may lack one. False at the end.
bool scan_line(struct scan *in, struct str *out);

// 1*DIGIT of at most `max`; more digits than fit, or a larger number: false.
bool scan_u64(struct scan *in, uint64_t max, uint64_t *out);
bool scan_hex_u64(struct scan *in, size_t digits_max, uint64_t *out);

// Big-endian numbers of wire and disk.
bool scan_be16(struct scan *in, uint16_t *out);
bool scan_be32(struct scan *in, uint32_t *out);
bool scan_be64(struct scan *in, uint64_t *out);
