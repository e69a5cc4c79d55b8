// SPDX-License-Identifier: Apache-2.0
// base/buf.c: growing bytes.
#define POSTHASTE_BASE_ROOM
#include "base/base.h"

void buf_init(struct buf *b, size_t limit_bytes)
{
    *b = (struct buf){.limit_bytes = limit_bytes};
}

void buf_done(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){.limit_bytes = b->limit_bytes};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->overflow = false;
}

bool buf_reserve(struct buf *b, size_t more)
{
    if (more <= b->cap - b->len)
        return true;
    if (b->len > b->limit_bytes || more > b->limit_bytes - b->len) {
        b->overflow = true;
        return false;
    }
    size_t cap = b->cap < 32 ? 64 : b->cap * 2;
    if (cap < b->len + more)
        cap = b->len + more;
    if (cap > b->limit_bytes)
        cap = b->limit_bytes;
    char *grown = realloc(b->ptr, cap);
    if (grown == NULL) {
        b->overflow = true;
        return false;
    }
    b->ptr = grown;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, struct str s)
{
    if (s.len == 0 || !buf_reserve(b, s.len))
        return;
    memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
}

void buf_insert(struct buf *b, size_t at, struct str s)
{
    assert(at <= b->len);
    if (s.len == 0 || !buf_reserve(b, s.len))
        return;
    memmove(b->ptr + at + s.len, b->ptr + at, b->len - at);
    memcpy(b->ptr + at, s.ptr, s.len);
    b->len += s.len;
}

void buf_add_repeat(struct buf *b, char c, size_t count)
{
    if (count == 0 || !buf_reserve(b, count))
        return;
    memset(b->ptr + b->len, c, count);
    b->len += count;
}

void buf_vfmt(struct buf *b, const char *fmt, va_list args)
{
    char small[256];
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(small, sizeof(small), fmt, args);
    if (len >= 0 && (size_t)len < sizeof(small)) {
        buf_add(b, str_of(small, (size_t)len));
    } else if (len >= 0) {
        char *large = malloc((size_t)len + 1); // vsnprintf wants room for a NUL that we do not keep
        if (large == NULL) {
            b->overflow = true;
        } else {
            vsnprintf(large, (size_t)len + 1, fmt, again);
            buf_add(b, str_of(large, (size_t)len));
        }
        free(large);
    }
    va_end(again);
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    buf_vfmt(b, fmt, args);
    va_end(args);
}

void buf_add_i64(struct buf *b, int64_t value)
{
    if (value < 0)
        buf_add_byte(b, '-');
    buf_add_u64(b, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buf_add_u64(struct buf *b, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buf_add(b, str_of(digits + at, sizeof(digits) - at));
}

void buf_add_double(struct buf *b, double value)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buf_add(b, str_from_c(text));
}

void buf_add_utf8(struct buf *b, uint32_t code)
{
    char bytes[4];
    buf_add(b, str_of(bytes, utf8_put(code, bytes)));
}

void buf_take_front(struct buf *b, size_t count)
{
    assert(count <= b->len);
    if (count > 0 && count < b->len)
        memmove(b->ptr, b->ptr + count, b->len - count);
    b->len -= count;
}
