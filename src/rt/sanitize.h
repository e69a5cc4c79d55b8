// SPDX-License-Identifier: Apache-2.0
// rt/sanitize.h: tells AddressSanitizer and valgrind of the stacks that we enter and leave, so
// that they understand our switches. Nothing of it is left in a build without them.
#pragma once

#include "rt/stack.h"

#if RT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
static inline void sanitize_unpoison(void *memory, size_t bytes)
{
    __asan_unpoison_memory_region(memory, bytes);
}
static inline void sanitize_switch_begin(void **save, const void *bottom, size_t bytes)
{
    __sanitizer_start_switch_fiber(save, bottom, bytes);
}
static inline void sanitize_switch_end(void *save, const void **bottom, size_t *bytes)
{
    __sanitizer_finish_switch_fiber(save, bottom, bytes);
}
#else
static inline void sanitize_unpoison(void *memory UNUSED, size_t bytes UNUSED)
{
}
static inline void sanitize_switch_begin(
        void **save UNUSED, const void *bottom UNUSED, size_t bytes UNUSED)
{
}
static inline void sanitize_switch_end(
        void *save UNUSED, const void **bottom UNUSED, size_t *bytes UNUSED)
{
}
#endif

#ifdef HAVE_VALGRIND
#include <valgrind/valgrind.h>
static inline void sanitize_stack_register(char *bottom, char *top)
{
    unsigned id UNUSED = VALGRIND_STACK_REGISTER(bottom, top);
}
#else
static inline void sanitize_stack_register(char *bottom UNUSED, char *top UNUSED)
{
}
#endif
