// SPDX-License-Identifier: Apache-2.0
// base/assert.c: what happens when an invariant is broken: say which, and abort. The supervisor
// starts the worker again; rt/ installs a reporter that adds the coroutine and its last events.
#define POSTHASTE_BASE_ROOM
#include "base/base.h"

#include <unistd.h>

_Noreturn void base_assert_failed(const char *expr, const char *file, int line, const char *func)
{
    char text[512];
    int len = snprintf(text, sizeof(text),
            "posthaste: assertion failed: %s (%s:%d, %s); this is a bug, please report it\n", expr,
            file, line, func);
    size_t bytes = len < 0 ? 0 : (size_t)len;
    if (bytes >= sizeof(text))
        bytes = sizeof(text) - 1;
    ssize_t ignored UNUSED = write(STDERR_FILENO, text, bytes);
    abort();
}
