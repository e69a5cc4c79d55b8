// SPDX-License-Identifier: Apache-2.0
// base/err.h: errors are values. The kind says what the program does next, the text what the
// person does next: what was tried, with what, and what came back. An error is acted on or handed
// up, never both. The text lives in static memory (fail) or in the arena given (fail_fmt).
//
//     TRY(store_open(a, path, &store));
//     return fail_fmt(a, ERR_SYNTAX, "expected ':' at column %zu", scan_column(&in));
#pragma once

#include "base/str.h"

enum err_kind {
#define ERR(kind, temporary, about) ERR_##kind,
#include "base/errors.def"
};

struct err {
    const char *text;
    uint32_t text_len;
    enum err_kind kind;
};

struct arena;

#define OK ((struct err){0})
#define fail(err_kind, literal)                                                                    \
    ((struct err){.text = "" literal, .text_len = sizeof(literal) - 1, .kind = (err_kind)})
struct err fail_fmt(struct arena *a, enum err_kind kind, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
// "TRIED: strerror(errno_value)", with the kind that fits the errno.
struct err fail_errno(struct arena *a, int errno_value, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
enum err_kind err_kind_of_errno(int errno_value);

static inline bool failed(struct err e)
{
    return e.kind != ERR_NONE;
}
static inline struct str err_text(struct err e)
{
    return (struct str){e.text, e.text_len};
}
bool err_is_temporary(enum err_kind kind);
struct str err_kind_name(enum err_kind kind);

// Hands an error up unchanged.
#define TRY(call)                                                                                  \
    do {                                                                                           \
        struct err try_err_ = (call);                                                              \
        if (failed(try_err_))                                                                      \
            return try_err_;                                                                       \
    } while (0)
