// SPDX-License-Identifier: Apache-2.0
// rt/group.c: groups of tasks. A group's record lies in the function that began it, so it must
// outlive its tasks: group_end sees to that, and cannot fail.
#include "rt/loop.h"

void group_begin(struct group *g)
{
    *g = (struct group){0};
    list_init(&g->tasks);
    waitq_init(&g->changed);
}

struct err group_spawn(struct group *g, task_main *main, void *arg)
{
    struct loop *loop = loop_running();
    struct node *node = loop->current == NULL ? NULL : loop->current->node;
    return loop_spawn_on(loop, node, g, main, arg);
}

struct err group_wait_all(struct group *g)
{
    TRY(group_wait_below(g, 1));
    return g->first_error;
}

struct err group_wait_below(struct group *g, size_t count)
{
    while (g->count >= count)
        TRY(waitq_wait(&g->changed, "tasks of a group"));
    return OK;
}

void group_cancel(struct group *g)
{
    g->cancelled = true;
    each_in_list (t, &g->tasks, struct task, group_link) {
        t->cancelled = true;
        task_make_ready(t, WAKE_CANCELLED);
    }
}

void group_nudge(struct group *g)
{
    each_in_list (t, &g->tasks, struct task, group_link) {
        t->nudged = true;
        if (t->may_be_nudged)
            task_make_ready(t, WAKE_CANCELLED);
    }
}

// Whoever ends a group may itself be cancelled or late; its children are inside its frame all the
// same, so this one wait listens to neither.
void group_end(struct group *g)
{
    if (g->count == 0)
        return;
    group_cancel(g);
    struct task *t = task_running();
    struct task saved = {.cancelled = t->cancelled,
            .may_be_nudged = t->may_be_nudged,
            .deadline_ns = t->deadline_ns};
    while (g->count > 0) {
        t->cancelled = t->may_be_nudged = false;
        t->deadline_ns = NO_DEADLINE;
        struct err ignored = waitq_wait(&g->changed, "the end of a group");
        (void)ignored;
        saved.cancelled |= t->cancelled;
    }
    t->cancelled = saved.cancelled;
    t->may_be_nudged = saved.may_be_nudged;
    t->deadline_ns = saved.deadline_ns;
}
