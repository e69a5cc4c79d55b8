// SPDX-License-Identifier: Apache-2.0
// listen/moments.c: see listen/moments.h.
//
// Nothing here is exact when two processes claim a place at the same moment: two for one owner, of
// which the next search finds the first only, or one for two owners, of whom the later has it. What
// is lost then is a token or an attempt, once.
#include "listen/moments.h"

#include <stdatomic.h>

static struct shared_moment *place(struct shared_moments *m, uint64_t owner, uint32_t step);

_Atomic int64_t *moments_find(struct shared_moments *m, uint64_t owner)
{
    for (uint32_t i = 0; i < MOMENTS_WINDOW; i++)
        if (atomic_load(&place(m, owner, i)->owner) == owner)
            return &place(m, owner, i)->moment;
    return NULL;
}

_Atomic int64_t *moments_claim(struct shared_moments *m, uint64_t owner, int64_t past)
{
    _Atomic int64_t *mine = moments_find(m, owner);
    if (mine != NULL)
        return mine;
    struct shared_moment *best = place(m, owner, 0);
    for (uint32_t i = 1; i < MOMENTS_WINDOW && atomic_load(&best->moment) > past; i++)
        if (atomic_load(&place(m, owner, i)->moment) < atomic_load(&best->moment))
            best = place(m, owner, i);
    atomic_store(&best->moment, 0); // nobody inherits what is another's
    atomic_store(&best->owner, owner);
    return &best->moment;
}

int64_t moments_get(struct shared_moments *m, uint64_t owner)
{
    const _Atomic int64_t *mine = moments_find(m, owner);
    return mine == NULL ? 0 : atomic_load(mine);
}

void moments_set(struct shared_moments *m, uint64_t owner, int64_t past, int64_t moment)
{
    atomic_store(moments_claim(m, owner, past), moment);
}

static struct shared_moment *place(struct shared_moments *m, uint64_t owner, uint32_t step)
{
    return &m->at[((uint32_t)owner + step) % MOMENTS_SLOTS];
}
