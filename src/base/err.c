// SPDX-License-Identifier: Apache-2.0
// base/err.c: making errors. The table of kinds is errors.def.
#define POSTHASTE_BASE_ROOM
#include "base/base.h"

#include <errno.h>

static const struct {
    struct str name;
    bool temporary;
} kinds[] = {
#define ERR(kind, is_temporary, about) {S_INIT(#kind), is_temporary},
#include "base/errors.def"
};

struct err fail_fmt(struct arena *a, enum err_kind kind, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str text = arena_vfmt(a, fmt, args);
    va_end(args);
    if (str_is_null(text))
        text = S("out of memory while writing down another error");
    return (struct err){.text = text.ptr, .text_len = (uint32_t)text.len, .kind = kind};
}

struct err fail_errno(struct arena *a, int errno_value, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str tried = arena_vfmt(a, fmt, args);
    va_end(args);
    char reason[128];
    const char *why = strerror_r(errno_value, reason, sizeof(reason)); // GNU form
    return fail_fmt(a, err_kind_of_errno(errno_value), "%.*s: %s", ARG(tried), why);
}

enum err_kind err_kind_of_errno(int errno_value)
{
    switch (errno_value) {
    case ENOENT:
    case ENODEV:
        return ERR_NOT_FOUND;
    case EEXIST:
    case EADDRINUSE:
        return ERR_EXISTS;
    case EACCES:
    case EPERM:
        return ERR_REFUSED;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
        return ERR_LIMIT;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
        return ERR_RESET;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
        return ERR_UNREACHABLE;
    case ENOSPC:
    case EDQUOT:
        return ERR_NO_SPACE;
    default:
        return ERR_IO;
    }
}

bool err_is_temporary(enum err_kind kind)
{
    assert((size_t)kind < COUNT_OF(kinds));
    return kinds[kind].temporary;
}

struct str err_kind_name(enum err_kind kind)
{
    assert((size_t)kind < COUNT_OF(kinds));
    return kinds[kind].name;
}
