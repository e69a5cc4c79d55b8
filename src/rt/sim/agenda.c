// SPDX-License-Identifier: Apache-2.0
// rt/sim/agenda.c: what the network has still to do, in order of time; what is due at one moment
// happens in the order in which it was written down. A binary heap.
#include "rt/sim/world.h"

static bool comes_before(const struct due *a, const struct due *b);
static void sink(struct agenda *a, size_t at);

void agenda_add(struct sim *sim, int64_t at_ns, enum due_kind kind, struct conn *c, uint8_t side,
        uint64_t number)
{
    struct agenda *a = &sim->agenda;
    if (a->count == a->cap) {
        a->cap = a->cap == 0 ? 64 : a->cap * 2;
        a->heap = mem_resize(a->heap, a->cap * sizeof(struct due));
        assert(a->heap != NULL);
    }
    struct due due = {at_ns, a->order++, c, number, (uint8_t)kind, side};
    c->refs++;
    size_t at = a->count++;
    while (at > 0 && comes_before(&due, &a->heap[(at - 1) / 2])) {
        a->heap[at] = a->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    a->heap[at] = due;
}

bool agenda_first(const struct agenda *a, struct due *out)
{
    if (a->count == 0)
        return false;
    *out = a->heap[0];
    return true;
}

void agenda_take_first(struct agenda *a)
{
    assert(a->count > 0);
    a->heap[0] = a->heap[--a->count];
    if (a->count > 1)
        sink(a, 0);
}

void agenda_free(struct agenda *a)
{
    for (size_t i = 0; i < a->count; i++)
        conn_unref(a->heap[i].conn);
    mem_free(a->heap);
    *a = (struct agenda){0};
}

static bool comes_before(const struct due *a, const struct due *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void sink(struct agenda *a, size_t at)
{
    struct due due = a->heap[at];
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= a->count)
            break;
        if (child + 1 < a->count && comes_before(&a->heap[child + 1], &a->heap[child]))
            child++;
        if (comes_before(&due, &a->heap[child]))
            break;
        a->heap[at] = a->heap[child];
        at = child;
    }
    a->heap[at] = due;
}
