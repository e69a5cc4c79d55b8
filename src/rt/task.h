// SPDX-License-Identifier: Apache-2.0
// rt/task.h: tasks, groups, deadlines, waiting. See rt/rt.h for the story.
#pragma once

#include "base/base.h"
#include "base/list.h"

struct endpoint;
struct loop;
struct task;

typedef struct err task_main(void *arg);

// --- Running -------------------------------------------------------------------------------------

// A loop over the real machine. NULL without memory or descriptors.
struct loop *loop_new_real(void);
void loop_free(struct loop *loop);
// Runs `first` as a task, and whatever it spawns, until it has returned. Its result is returned.
struct err loop_run(struct loop *loop, task_main *first, void *arg) MUST_USE;

struct loop_figures {
    uint64_t switches, spawned, polls, trimmed;
    size_t tasks, tasks_most;
    size_t stack_bytes_mapped;
};
struct loop_figures loop_figures(void);
// Counts the switches of this loop where others see them, from now on: whoever shares the memory
// can tell a process that goes on from one that stands still.
struct task_beats {
    _Atomic uint64_t count;
    uint64_t apart[7]; // in an array each has a line of the cache
};
void loop_beat(struct task_beats *beats);

// --- Groups --------------------------------------------------------------------------------------

struct waitq {
    struct list tasks;
};

struct group {
    struct list tasks;
    size_t count;
    struct err first_error; // of the first task that failed (its text: static or longer-lived)
    struct waitq changed;
    bool cancelled;
};

void group_begin(struct group *g);
// The task starts when the spawner suspends next. ERR_LIMIT when there is no memory for a stack.
struct err group_spawn(struct group *g, task_main *main, void *arg) MUST_USE;
struct err group_wait_all(struct group *g) suspends MUST_USE; // until none is left; the first error
struct err group_wait_below(
        struct group *g, size_t count) suspends MUST_USE; // until fewer than count run
void group_cancel(struct group *g);       // every wait of its tasks fails from now on
void group_nudge(struct group *g);        // see nudgeable()
void group_end(struct group *g) suspends; // cancels what is left and waits for it: AUTO(group_end)

// --- Deadlines, cancellation, nudges -------------------------------------------------------------

#define NO_DEADLINE INT64_MAX

struct deadline_scope {
    int64_t before_ns;
};
struct deadline_scope deadline_enter(int64_t ms);
void deadline_leave(struct deadline_scope *scope);
#define RT_PASTE_(a, b) a##b
#define RT_PASTE(a, b) RT_PASTE_(a, b)
// Narrows this task's deadline until the end of the enclosing block; never widens it.
#define within_ms(ms)                                                                              \
    UNUSED struct deadline_scope RT_PASTE(deadline_scope_, __LINE__) AUTO(deadline_leave) =        \
            deadline_enter(ms)
int64_t deadline_left_ms(void); // until the deadline; INT64_MAX without one

// A nudge is a polite word: it does nothing until the task waits inside a nudgeable scope, and
// there every wait, this one and later ones, fails with ERR_CANCELLED. So a server that drains
// interrupts sessions where they may be interrupted, and nowhere else.
struct nudge_scope {
    bool before;
};
struct nudge_scope nudge_enter(void);
void nudge_leave(struct nudge_scope *scope);
#define nudgeable()                                                                                \
    UNUSED struct nudge_scope RT_PASTE(nudge_scope_, __LINE__) AUTO(nudge_leave) = nudge_enter()
bool task_nudged(void);
bool task_cancelled(void);

// --- Waiting -------------------------------------------------------------------------------------

void waitq_init(struct waitq *q);
// `what` is a static text for whoever asks what a task waits for.
struct err waitq_wait(struct waitq *q, const char *what) suspends MUST_USE;
// Whatever the deadline or a cancellation says, which are felt at the next wait: for a task whose
// memory somebody else works on meanwhile. May wake for nothing: ask again what was waited for.
void waitq_wait_firmly(struct waitq *q, const char *what) suspends;
void waitq_wake_one(struct waitq *q);
void waitq_wake_all(struct waitq *q);

struct err task_sleep_ms(int64_t ms) suspends MUST_USE;
void task_yield(void) suspends; // lets all others that are ready run first

// Runs fn on the worker's large stack: for calls into libraries that need more of it than a task
// has. fn must not suspend (asserted).
typedef void deep_fn(void *arg);
void deep_call(deep_fn *fn, void *arg);

// What each task is doing, for `posthaste sessions`, crash reports and the debugger.
void task_describe(const char *static_name, const void *about);
// For whom: the id of its span, and a peer that lives as long as the task (or the next call).
void task_session(uint64_t id, const struct endpoint *peer);
bool in_task(void); // false on the loop's own stack and outside a loop
