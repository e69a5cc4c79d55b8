// SPDX-License-Identifier: Apache-2.0
// base/buf.h: a growing run of bytes with a limit. Adding beyond the limit, or without memory,
// drops the addition and sets `overflow`, which stays set: add freely, ask once at the end.
#pragma once

#include "base/str.h"

struct buf {
    char *ptr;
    size_t len, cap;
    size_t limit_bytes;
    bool overflow;
};

void buf_init(struct buf *b, size_t limit_bytes);
void buf_done(struct buf *b);  // frees the block; the buf may be used again
void buf_clear(struct buf *b); // empties, keeps the block, forgets the overflow
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->ptr != NULL ? b->ptr : "", b->len};
}
void buf_add(struct buf *b, struct str s);
void buf_add_repeat(struct buf *b, char c, size_t count);
void buf_fmt(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vfmt(struct buf *b, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
void buf_add_i64(struct buf *b, int64_t value);
void buf_add_u64(struct buf *b, uint64_t value);
void buf_add_double(struct buf *b, double value); // shortest form that reads back the same
void buf_add_utf8(struct buf *b, uint32_t code);
bool buf_reserve(struct buf *b, size_t more); // room for so many bytes behind len

// Here, because records and header lines are written byte by byte and there is room nearly always.
static inline void buf_add_byte(struct buf *b, char c)
{
    if (b->len < b->cap || buf_reserve(b, 1))
        b->ptr[b->len++] = c;
}

// Puts it before the byte at `at`, which is at most len.
void buf_insert(struct buf *b, size_t at, struct str s);
void buf_take_front(struct buf *b, size_t count); // removes bytes at the front
