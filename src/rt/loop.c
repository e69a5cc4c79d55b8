// SPDX-License-Identifier: Apache-2.0
// rt/loop.c: the scheduler. It switches between tasks, and knows nothing of what they wait for.
//
// Tasks that are ready run in the order in which they became so; those that become ready meanwhile
// run in the next round, and after some switches there is a look at the outside world, so that none
// can starve the network. Within a round each task hands over to the next one itself: one switch,
// and the processor, which sees every task come back to the same place, predicts it. Only when the
// round is over, or a task has finished, the loop's own stack (the process's main stack) goes on.
// Below what it holds there is room for deep_call.
#include "rt/loop.h"

#include "rt/blocks.h"
#include "rt/clock.h"
#include "rt/sanitize.h"

#include <stdatomic.h>

#define PAGE_BYTES 4096
#define COLOURS 8
#define COLOUR_BYTES 128
#define SWITCHES_PER_POLL 128 // a look outside is a system call: not for every few ready tasks

static int64_t next_moment(struct loop *loop);
static void run_round(struct loop *loop);
static struct task *round_next(struct loop *loop);
static void switch_begin(struct loop *loop, void **save, struct task *to);
static void task_leave(struct task *t) suspends;
static void task_leave_for_good(struct task *t);
static void deep_main(void *arg);
static void task_start(void *arg);
static void task_free(struct task *t);
static struct task *task_place(char *top);
static bool timers_reserve(struct loop *loop);

struct deep { // one deep_call
    struct loop *loop;
    struct task *task;
    deep_fn *fn;
    void *arg;
    void *fake_stack; // AddressSanitizer's, of the task
};

// The one exception to "no globals": a task must find its loop without carrying it through every
// call (within_ms, now_ms). Set while loop_run runs, and only read by this room.
static _Thread_local struct loop *running;

struct loop *loop_running(void)
{
    assert(running != NULL);
    return running;
}

struct loop *loop_if_running(void)
{
    return running;
}

void loop_enter(struct loop *loop)
{
    assert(loop == NULL || running == NULL);
    running = loop;
}

bool in_task(void)
{
    return running != NULL && running->current != NULL && !running->in_deep;
}

struct task *task_running(void)
{
    assert(in_task());
    return running->current;
}

struct loop *loop_new(const struct backend *backend, void *backend_state)
{
    struct loop *loop = mem_new(struct loop);
    struct block_pool *blocks = block_pool_new();
    if (loop == NULL || blocks == NULL) {
        mem_free(loop);
        block_pool_free(blocks);
        return NULL;
    }
    loop->backend = backend;
    loop->backend_state = backend_state;
    loop->blocks = blocks;
    list_init(&loop->ready);
    list_init(&loop->all);
    stack_pool_init(&loop->stacks);
    loop->trim.at_ns = NO_DEADLINE;
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    assert(list_is_empty(&loop->all));
    loop->backend->free(loop);
    block_pool_free(loop->blocks);
    stack_pool_done(&loop->stacks);
    context_release(&loop->main_context);
    mem_free(loop->timers);
    mem_free(loop);
}

struct err loop_run(struct loop *loop, task_main *first, void *arg)
{
    struct group top;
    loop_enter(loop);
    loop->main_stack_bottom = NULL;
    loop->now_ns = loop->backend->now_ns(loop);
    group_begin(&top);
    struct err e = loop_spawn_on(loop, NULL, &top, first, arg);
    uint64_t polled_at = loop->figures.switches;
    while (!failed(e) && top.count > 0) {
        if (!list_is_empty(&loop->ready))
            trim_note_activity(loop);
        run_round(loop);
        if (top.count == 0)
            break;
        // A round may take long (a worker starts, say): the next one's deadlines count from now.
        loop->now_ns = loop->backend->now_ns(loop);
        if (!list_is_empty(&loop->ready) && loop->figures.switches - polled_at < SWITCHES_PER_POLL)
            continue;
        loop->figures.polls++;
        polled_at = loop->figures.switches;
        loop->backend->poll(loop, next_moment(loop));
        loop->now_ns = loop->backend->now_ns(loop);
        timers_fire(loop);
        trim_some(loop);
    }
    loop_enter(NULL);
    return failed(e) ? e : top.first_error;
}

// When the loop has something to do without any news from outside; 0: at once.
static int64_t next_moment(struct loop *loop)
{
    if (!list_is_empty(&loop->ready))
        return 0;
    int64_t until_ns = loop->timer_count > 0 ? loop->timers[0]->timer_ns : NO_DEADLINE;
    return until_ns < loop->trim.at_ns ? until_ns : loop->trim.at_ns;
}

static void run_round(struct loop *loop)
{
    loop->round_last = list_is_empty(&loop->ready) ? NULL : loop->ready.head.prev;
    for (struct task *t; (t = round_next(loop)) != NULL;) {
        // It comes back from the last task of the round, or from one that finished.
        void *fake_stack = NULL;
        switch_begin(loop, &fake_stack, t);
        context_switch(&loop->main_context, &t->context);
        sanitize_switch_end(fake_stack, NULL, NULL);
        t = loop->current;
        loop->current = NULL;
        if (t->finished)
            task_free(t);
    }
}

// The next task of this round; NULL when the one that was the last has been taken.
static struct task *round_next(struct loop *loop)
{
    if (loop->round_last == NULL)
        return NULL;
    struct link *k = list_take_first(&loop->ready);
    if (k == loop->round_last)
        loop->round_last = NULL;
    return CONTAINER_OF(k, struct task, ready_link);
}

static void switch_begin(struct loop *loop, void **save, struct task *to)
{
    loop->current = to;
    loop->figures.switches++;
    if (loop->beats != NULL)
        atomic_store_explicit(&loop->beats->count, loop->figures.switches, memory_order_relaxed);
    sanitize_switch_begin(
            save, to->stack_top - STACK_BYTES + STACK_GUARD_BYTES, STACK_BYTES - STACK_GUARD_BYTES);
}

// Suspends a task that waits or yields. All tasks are suspended at this one place.
static __attribute__((noinline)) void task_leave(struct task *t)
{
    struct loop *loop = t->loop;
    void *fake_stack = NULL;
    struct task *next = round_next(loop);
    if (next != NULL)
        switch_begin(loop, &fake_stack, next);
    else
        sanitize_switch_begin(&fake_stack, loop->main_stack_bottom, loop->main_stack_bytes);
    context_switch(&t->context, next != NULL ? &next->context : &loop->main_context);
    sanitize_switch_end(fake_stack, NULL, NULL);
}

// The loop frees what the task has left: nobody may free the stack on which he stands.
static void task_leave_for_good(struct task *t)
{
    struct loop *loop = t->loop;
    sanitize_switch_begin(NULL, loop->main_stack_bottom, loop->main_stack_bytes);
    context_switch(&t->context, &loop->main_context);
    assert(false); // a finished task was entered again
}

void deep_call(deep_fn *fn, void *arg)
{
    struct loop *loop = running;
    if (loop == NULL || loop->current == NULL || loop->in_deep) {
        fn(arg); // already on a large stack
        return;
    }
    struct task *t = loop->current;
    struct deep d = {.loop = loop, .task = t, .fn = fn, .arg = arg};
    loop->in_deep = true;
    sanitize_switch_begin(&d.fake_stack, loop->main_stack_bottom, loop->main_stack_bytes);
    context_call_on(&loop->main_context, deep_main, &d);
    sanitize_switch_end(d.fake_stack, NULL, NULL);
    loop->in_deep = false;
}

static void deep_main(void *arg)
{
    struct deep *d = arg;
    void *fake_stack = NULL;
    sanitize_switch_end(NULL, NULL, NULL);
    d->fn(d->arg);
    sanitize_switch_begin(&fake_stack, d->task->stack_top - STACK_BYTES + STACK_GUARD_BYTES,
            STACK_BYTES - STACK_GUARD_BYTES);
}

struct err loop_spawn_on(
        struct loop *loop, struct node *node, struct group *group, task_main *main, void *arg)
{
    if (!timers_reserve(loop))
        return fail(ERR_LIMIT, "no memory for another task");
    char *top = stack_take(&loop->stacks);
    if (top == NULL)
        return fail(ERR_LIMIT, "no memory for the stack of another task");
    struct task *t = task_place(top);
    *t = (struct task){
            .stack_top = top,
            .loop = loop,
            .node = node,
            .group = group,
            .main = main,
            .arg = arg,
            .deadline_ns = NO_DEADLINE,
            .timer_slot = NOT_IN_HEAP,
            .name = "task",
            .cancelled = group->cancelled,
    };
    if (!context_make(
                &t->context, top - STACK_BYTES + STACK_GUARD_BYTES, (char *)t, task_start, t)) {
        stack_give(&loop->stacks, top);
        return fail(ERR_LIMIT, "no memory for another task");
    }
    list_append(&group->tasks, &t->group_link);
    group->count++;
    list_append(&loop->all, &t->all_link);
    list_append(&loop->ready, &t->ready_link);
    loop->figures.spawned++;
    loop->figures.tasks++;
    if (loop->figures.tasks > loop->figures.tasks_most)
        loop->figures.tasks_most = loop->figures.tasks;
    return OK;
}

// The task's own record lies at the top of its stack: an idle task touches one page. Neighbours
// have theirs at different places within the page, because the first level of cache looks at no
// more of an address than that.
static struct task *task_place(char *top)
{
    size_t colour = (uintptr_t)top / PAGE_BYTES % COLOURS * COLOUR_BYTES;
    return (struct task *)(void *)(((uintptr_t)top - sizeof(struct task) - colour) &
                                   ~(uintptr_t)63);
}

static bool timers_reserve(struct loop *loop)
{
    if (loop->figures.tasks < loop->timer_cap)
        return true;
    size_t cap = loop->timer_cap == 0 ? 64 : loop->timer_cap * 2;
    struct task **grown = mem_resize(loop->timers, cap * sizeof(struct task *));
    if (grown == NULL)
        return false;
    loop->timers = grown;
    loop->timer_cap = cap;
    return true;
}

static void task_start(void *arg)
{
    struct task *t = arg;
    // The first task of all comes from the main stack, later ones from anywhere.
    bool is_first = t->loop->main_stack_bottom == NULL;
    sanitize_switch_end(NULL, is_first ? &t->loop->main_stack_bottom : NULL,
            is_first ? &t->loop->main_stack_bytes : NULL);
    struct err e = t->main(t->arg);
    struct group *g = t->group;
    if (failed(e) && !failed(g->first_error))
        g->first_error = e;
    t->finished = true;
    link_remove(&t->group_link);
    g->count--;
    waitq_wake_all(&g->changed);
    task_leave_for_good(t);
}

static void task_free(struct task *t)
{
    struct loop *loop = t->loop;
    timers_remove(loop, t);
    link_remove(&t->all_link);
    loop->figures.tasks--;
    context_release(&t->context);
    stack_give(&loop->stacks, t->stack_top);
}

void task_make_ready(struct task *t, enum wake_reason why)
{
    if (link_is_in(&t->ready_link) || t->waiting_for == NULL)
        return; // woken already in this round: the first reason holds
    link_remove(&t->wait_link);
    t->waiting_for = NULL;
    t->woken_by = why;
    list_append(&t->loop->ready, &t->ready_link);
}

// --- Waiting -------------------------------------------------------------------------------------

void waitq_init(struct waitq *q)
{
    list_init(&q->tasks);
}

struct err waitq_wait(struct waitq *q, const char *what)
{
    struct task *t = task_running();
    if (t->cancelled)
        return fail(ERR_CANCELLED, "given up");
    if (t->nudged && t->may_be_nudged)
        return fail(ERR_CANCELLED, "interrupted");
    if (t->deadline_ns <= t->loop->now_ns)
        return fail(ERR_TIMEOUT, "the deadline passed");
    if (t->flushes != NULL)
        stream_flush_some(t->flushes);
    list_append(&q->tasks, &t->wait_link);
    if (t->deadline_ns != NO_DEADLINE)
        timers_add(t->loop, t, t->deadline_ns);
    t->waiting_for = t->waited_for = what;
    t->waiting_since_ns = t->loop->now_ns;
    t->is_trimmed = false;
    task_leave(t);
    switch (t->woken_by) {
    case WAKE_EVENT:
        return OK;
    case WAKE_TIMEOUT:
        return fail(ERR_TIMEOUT, "the deadline passed");
    case WAKE_CANCELLED:
        return fail(ERR_CANCELLED, "given up");
    }
    return OK;
}

void waitq_wait_firmly(struct waitq *q, const char *what)
{
    struct task *t = task_running();
    bool cancelled = t->cancelled, nudged = t->nudged;
    int64_t deadline_ns = t->deadline_ns;
    t->cancelled = t->nudged = false;
    t->deadline_ns = NO_DEADLINE;
    struct err ignored = waitq_wait(q, what);
    (void)ignored; // a cancellation that came meanwhile stands in the task
    t->cancelled |= cancelled;
    t->nudged |= nudged;
    t->deadline_ns = deadline_ns;
}

void waitq_wake_one(struct waitq *q)
{
    struct link *k = list_first(&q->tasks);
    if (k != NULL)
        task_make_ready(CONTAINER_OF(k, struct task, wait_link), WAKE_EVENT);
}

void waitq_wake_all(struct waitq *q)
{
    for (struct link *k; (k = list_first(&q->tasks)) != NULL;)
        task_make_ready(CONTAINER_OF(k, struct task, wait_link), WAKE_EVENT);
}

struct err task_sleep_ms(int64_t ms)
{
    struct waitq nobody;
    waitq_init(&nobody);
    struct task *t = task_running();
    int64_t outer_ns = t->deadline_ns;
    int64_t until_ns = t->loop->now_ns + ms * 1000000;
    within_ms(ms);
    struct err e = waitq_wait(&nobody, "sleep");
    // Our own narrowed deadline is the sleep's end; only an outer one that came first is trouble.
    return e.kind == ERR_TIMEOUT && until_ns <= outer_ns ? OK : e;
}

void task_yield(void)
{
    struct task *t = task_running();
    list_append(&t->loop->ready, &t->ready_link);
    task_leave(t);
}

// --- Deadlines and nudges ------------------------------------------------------------------------

struct deadline_scope deadline_enter(int64_t ms)
{
    struct task *t = task_running();
    struct deadline_scope scope = {t->deadline_ns};
    int64_t at_ns;
    if (__builtin_mul_overflow(ms, 1000000, &at_ns) ||
            __builtin_add_overflow(at_ns, t->loop->now_ns, &at_ns))
        return scope;
    if (at_ns < t->deadline_ns)
        t->deadline_ns = at_ns;
    return scope;
}

void deadline_leave(struct deadline_scope *scope)
{
    task_running()->deadline_ns = scope->before_ns;
}

int64_t deadline_left_ms(void)
{
    struct task *t = task_running();
    if (t->deadline_ns == NO_DEADLINE)
        return NO_DEADLINE;
    return t->deadline_ns > t->loop->now_ns ? (t->deadline_ns - t->loop->now_ns) / 1000000 : 0;
}

struct nudge_scope nudge_enter(void)
{
    struct task *t = task_running();
    struct nudge_scope scope = {t->may_be_nudged};
    t->may_be_nudged = true;
    return scope;
}

void nudge_leave(struct nudge_scope *scope)
{
    task_running()->may_be_nudged = scope->before;
}

bool task_nudged(void)
{
    return task_running()->nudged;
}

bool task_cancelled(void)
{
    return task_running()->cancelled;
}

// --- Time, chance, and who does what -------------------------------------------------------------

int64_t now_ms(void)
{
    return loop_running()->now_ns / 1000000;
}

int64_t now_ns(void)
{
    struct loop *loop = loop_running();
    return loop->backend->now_ns(loop);
}

int64_t wall_ms(void)
{
    struct loop *loop = loop_running();
    return loop->backend->wall_ms(loop);
}

int16_t local_offset_min(int64_t at_ms)
{
    struct loop *loop = loop_running();
    return loop->backend->offset_min(loop, at_ms);
}

void random_bytes(void *out, size_t count)
{
    struct loop *loop = loop_running();
    loop->backend->random(loop, out, count);
}

uint64_t random_u64(void)
{
    uint64_t value;
    random_bytes(&value, sizeof(value));
    return value;
}

void loop_beat(struct task_beats *beats)
{
    loop_running()->beats = beats;
}

struct loop_figures loop_figures(void)
{
    struct loop_figures f = loop_running()->figures;
    f.stack_bytes_mapped = loop_running()->stacks.mapped_bytes;
    return f;
}

void task_describe(const char *static_name, const void *about)
{
    struct task *t = task_running();
    t->name = static_name;
    t->about = about;
}

void task_session(uint64_t id, const struct endpoint *peer)
{
    struct task *t = task_running();
    t->session = id;
    t->peer = peer;
}
