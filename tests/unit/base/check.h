// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/check.h: what the tests of base/ share: cmocka behind our headers (its own
// includes would not survive the poisoned names), and slices compared with a message that shows
// both and the name of the case.
#pragma once

#ifndef POSTHASTE_BASE_ROOM
#define POSTHASTE_BASE_ROOM
#endif
#include "base/base.h"

#include <setjmp.h>

#pragma push_macro("fail") // cmocka has one, too
#undef fail
#include <cmocka.h>
#undef fail
#pragma pop_macro("fail")

// cmocka's fail_msg would need its own fail.
#define check_failed(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

#define TEST(function) cmocka_unit_test(function)

static inline void check_str(const char *name, struct str got, struct str want)
{
    if (!str_eq(got, want))
        check_failed("%s: got \"%.*s\" (%zu bytes), want \"%.*s\" (%zu bytes)", name, ARG(got),
                got.len, ARG(want), want.len);
}

static inline void check_u64(const char *name, uint64_t got, uint64_t want)
{
    if (got != want)
        check_failed(
                "%s: got %llu, want %llu", name, (unsigned long long)got, (unsigned long long)want);
}

static inline void check_true(const char *name, bool got)
{
    if (!got)
        check_failed("%s: does not hold", name);
}
