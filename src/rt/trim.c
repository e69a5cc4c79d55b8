// SPDX-License-Identifier: Apache-2.0
// rt/trim.c: giving back what nobody needs for now. A task that formats a reply or writes an event
// touches pages of its stack that it does not need while it waits for its peer, perhaps for
// minutes; and when many tasks have gone, their free stacks and the allocator keep what they used.
//
// So some seconds after something happened, between two looks at the outside world, a few tasks at
// a time are examined: those that have waited for a while give back what lies below their frames.
// A worker where nothing happens is not woken for it.
#include "rt/loop.h"

#define TRIM_EVERY_NS (3000000000)
#define WAITED_NS (2000000000) // shorter waits are conversations
#define TASKS_AT_ONCE 512      // 0.3 ms, when each has something to give
#define STACKS_AT_ONCE 256
#define LEFT_MANY 1000 // tasks that ended since the last time: the allocator is asked, too

static void sweep_begin(struct loop *loop);
static void sweep_end(struct loop *loop);
static void task_trim(struct loop *loop, struct task *t);

void trim_note_activity(struct loop *loop)
{
    if (loop->trim.enabled && loop->trim.at_ns == NO_DEADLINE)
        loop->trim.at_ns = loop->now_ns + TRIM_EVERY_NS;
}

void trim_some(struct loop *loop)
{
    struct trim *trim = &loop->trim;
    if (loop->now_ns < trim->at_ns)
        return;
    if (trim->tasks_left == 0)
        sweep_begin(loop);
    // Whoever was examined goes to the end of the list: the first is the one next in turn.
    for (size_t i = 0; i < TASKS_AT_ONCE && trim->tasks_left > 0; i++, trim->tasks_left--) {
        struct link *k = list_take_first(&loop->all);
        if (k == NULL)
            break;
        list_append(&loop->all, k);
        task_trim(loop, CONTAINER_OF(k, struct task, all_link));
    }
    bool stacks_left = stack_pool_trim(&loop->stacks, STACKS_AT_ONCE);
    if (list_is_empty(&loop->all))
        trim->tasks_left = 0;
    if (trim->tasks_left == 0 && !stacks_left)
        sweep_end(loop);
}

static void sweep_begin(struct loop *loop)
{
    loop->trim.tasks_left = loop->figures.tasks;
    loop->trim.saw_young = false;
}

static void sweep_end(struct loop *loop)
{
    struct trim *trim = &loop->trim;
    if (loop->figures.tasks + LEFT_MANY < trim->tasks_before) {
        mem_trim();
        trim->tasks_before = loop->figures.tasks;
    }
    if (loop->figures.tasks > trim->tasks_before)
        trim->tasks_before = loop->figures.tasks;
    trim->at_ns = trim->saw_young ? loop->now_ns + TRIM_EVERY_NS : NO_DEADLINE;
}

static void task_trim(struct loop *loop, struct task *t)
{
    if (t->waiting_for == NULL || t->is_trimmed)
        return;
    if (loop->now_ns - t->waiting_since_ns < WAITED_NS) {
        loop->trim.saw_young = true;
        return;
    }
    stack_trim(t->stack_top, t->context.sp);
    t->is_trimmed = true;
    loop->figures.trimmed++;
}
