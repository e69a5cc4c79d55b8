// SPDX-License-Identifier: Apache-2.0
// rt/timers.c: who wants to be woken when. A heap with four children a node: shallower than a
// binary one, and its children share a cache line. A task is in it at most once.
#include "rt/loop.h"

#define CHILDREN 4
#define HEAP_FIRST_COUNT 256

static void place(struct loop *loop, size_t slot, struct task *t);
static void sift_up(struct loop *loop, size_t slot, struct task *t);
static void sift_down(struct loop *loop, size_t slot, struct task *t);

// The heap has room for every task: loop_spawn_on saw to that.
void timers_add(struct loop *loop, struct task *t, int64_t at_ns)
{
    bool is_new = t->timer_slot == NOT_IN_HEAP;
    if (!is_new && t->timer_ns <= at_ns)
        return; // it will look at the deadline again when the earlier time has come
    t->timer_ns = at_ns;
    if (is_new) {
        assert(loop->timer_count < loop->timer_cap);
        sift_up(loop, loop->timer_count++, t);
    } else {
        sift_up(loop, t->timer_slot, t);
    }
}

void timers_remove(struct loop *loop, struct task *t)
{
    size_t slot = t->timer_slot;
    if (slot == NOT_IN_HEAP)
        return;
    t->timer_slot = NOT_IN_HEAP;
    struct task *last = loop->timers[--loop->timer_count];
    if (last == t)
        return;
    if (slot > 0 && last->timer_ns < loop->timers[(slot - 1) / CHILDREN]->timer_ns)
        sift_up(loop, slot, last);
    else
        sift_down(loop, slot, last);
}

void timers_fire(struct loop *loop)
{
    while (loop->timer_count > 0 && loop->timers[0]->timer_ns <= loop->now_ns) {
        struct task *t = loop->timers[0];
        timers_remove(loop, t);
        if (t->waiting_for == NULL || t->deadline_ns == NO_DEADLINE)
            continue; // it arms itself again when it next waits
        if (t->deadline_ns > loop->now_ns)
            timers_add(loop, t, t->deadline_ns);
        else
            task_make_ready(t, WAKE_TIMEOUT);
    }
}

static void place(struct loop *loop, size_t slot, struct task *t)
{
    loop->timers[slot] = t;
    t->timer_slot = slot;
}

static void sift_up(struct loop *loop, size_t slot, struct task *t)
{
    while (slot > 0) {
        size_t parent = (slot - 1) / CHILDREN;
        if (loop->timers[parent]->timer_ns <= t->timer_ns)
            break;
        place(loop, slot, loop->timers[parent]);
        slot = parent;
    }
    place(loop, slot, t);
}

static void sift_down(struct loop *loop, size_t slot, struct task *t)
{
    for (;;) {
        size_t first = slot * CHILDREN + 1, least = first;
        if (first >= loop->timer_count)
            break;
        for (size_t c = first + 1; c < first + CHILDREN && c < loop->timer_count; c++)
            if (loop->timers[c]->timer_ns < loop->timers[least]->timer_ns)
                least = c;
        if (loop->timers[least]->timer_ns >= t->timer_ns)
            break;
        place(loop, slot, loop->timers[least]);
        slot = least;
    }
    place(loop, slot, t);
}
