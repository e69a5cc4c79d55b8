// SPDX-License-Identifier: Apache-2.0
// base/base.h: what every file of the house starts from: slices, errors, arenas, assertions and
// the words of the language (TRY, AUTO, MUST_USE, suspends).
//
// Nothing in base/ does input or output, keeps a global, or suspends. Ownership: a slice never
// owns its bytes; an arena owns what was made in it; a buf owns its one block.
//
//     struct arena a;
//     arena_init(&a, 64 * KIB);
//     struct str name = arena_fmt(&a, "%.*s.example", ARG(host)); // lives as long as a
//     if (str_is_null(name))
//         return fail(ERR_LIMIT, "the session has used up its memory");
//     arena_done(&a);
#pragma once

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KIB 1024
#define MIB (1024 * 1024)
#define SECOND_MS 1000
#define MINUTE_MS 60000
#define HOUR_MS 3600000
#define DAY_MS 86400000

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define AUTO(release) __attribute__((cleanup(release)))
#define UNUSED __attribute__((unused))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

// Marks, behind a prototype, a function that may switch to another coroutine. What the worker
// shares may have changed when it returns. script/lint checks that callers carry it too.
#define suspends

// The assertion of this house stays on in every build: see base/assert.c for what it prints.
#undef assert
#define assert(expr) ((expr) ? (void)0 : base_assert_failed(#expr, __FILE__, __LINE__, __func__))
_Noreturn void base_assert_failed(const char *expr, const char *file, int line, const char *func);

#include "base/str.h"

#include "base/err.h"

#include "base/arena.h"

#include "base/buf.h"

#include "base/scan.h"

#include "base/banned.h"
