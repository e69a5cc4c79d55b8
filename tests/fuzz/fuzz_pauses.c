// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_pauses.c: the file of what is paused. Of each virtual queue there is one line,
// and it is found.
#define POSTHASTE_BASE_ROOM
#include "queue/control/pauses.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a AUTO(arena_done);
    struct pauses all;
    arena_init(&a, 4 * MIB);
    if (failed(pauses_parse(&a, str_of((const char *)data, size), &all)))
        return 0;
    each_in_vec (p, &all.all) {
        assert(!str_is_empty(p->queue) && p->since_ms >= 0);
        assert(pauses_find(&all, p->queue) == p);
        const struct virtual_queue q = {.id = p->queue};
        const struct pause *everything = pauses_find(&all, PAUSES_ALL);
        bool all_stop = everything != NULL && !everything->runs;
        assert(pauses_stop(&all, &q) == (all_stop || !p->runs));
    }
    return 0;
}
