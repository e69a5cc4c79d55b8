// SPDX-License-Identifier: Apache-2.0
// rt/loop.h: inside the scheduler; private to rt/. A loop runs the tasks that are ready, then asks
// its backend for what happened outside until the next timer is due. Everything that differs
// between the real machine and the simulator is in struct backend.
#pragma once

#include "rt/context.h"
#include "rt/net.h"
#include "rt/offload.h"
#include "rt/stack.h"
#include "rt/task.h"

struct dns_settings;
struct resolver;
struct node; // a machine of the simulator; the real loop has none

struct backend {
    int64_t (*now_ns)(struct loop *loop);
    int64_t (*wall_ms)(struct loop *loop);
    int16_t (*offset_min)(struct loop *loop, int64_t at_ms);
    void (*random)(struct loop *loop, void *out, size_t count);
    // Collects what happened outside and wakes those who wait for it; waits for it until `until_ns`
    // at most (NO_DEADLINE: for ever; 0: only looks).
    void (*poll)(struct loop *loop, int64_t until_ns);
    struct err (*listen)(
            const struct endpoint *at, const struct listen_options *options, struct acceptor **out);
    struct err (*connect)(const struct endpoint *to, const struct connect_options *options,
            struct stream **out) suspends;
    struct err (*pair)(struct stream *out[2]);
    struct err (*own_ips)(struct arena *a, const struct ip **out, size_t *out_count);
    struct err (*resolver)(
            struct arena *a, const struct dns_settings *settings, struct resolver **out);
    struct err (*offload)(struct loop *loop, offload_fn *fn, void *arg) suspends;
    void (*free)(struct loop *loop);
};

enum wake_reason { WAKE_EVENT, WAKE_TIMEOUT, WAKE_CANCELLED };

struct task {
    struct link ready_link; // in loop->ready
    struct link wait_link;  // in the waitq it waits on
    struct link group_link;
    struct link all_link;
    struct context context;
    char *stack_top;
    struct loop *loop;
    struct node *node;
    struct group *group;
    task_main *main;
    void *arg;
    int64_t deadline_ns;
    // The timer may be earlier than the deadline: it then looks again. So a wait seldom touches
    // the heap.
    int64_t timer_ns;
    size_t timer_slot; // in loop->timers, NOT_IN_HEAP when not there
    int64_t waiting_since_ns;
    const char *waiting_for; // NULL while it runs or is ready
    const char *waited_for;  // last, for a crash report
    uint64_t session;        // task_session
    const struct endpoint *peer;
    const char *name;
    const void *about;
    struct stream *flushes; // before it waits; NULL: none
    enum wake_reason woken_by;
    bool cancelled, nudged, may_be_nudged, finished;
    bool is_trimmed; // since it waits, it has given back what it needs not
};

#define NOT_IN_HEAP SIZE_MAX

struct trim { // rt/trim.c
    bool enabled;
    bool saw_young;    // tasks that had not waited for long enough
    int64_t at_ns;     // when the next tasks are to be examined; NO_DEADLINE: nothing to do
    size_t tasks_left; // of this sweep
    size_t tasks_before;
};

struct loop {
    const struct backend *backend;
    void *backend_state;
    struct context main_context;
    const void *main_stack_bottom; // as AddressSanitizer knows it; NULL without it
    size_t main_stack_bytes;
    struct task *current;
    struct list ready;
    struct link *round_last; // the last of this round in `ready`; NULL when it was taken
    struct list all;
    struct task **timers; // a heap of four children a node, by timer_ns
    size_t timer_count, timer_cap;
    int64_t now_ns; // of this round
    bool in_deep;
    bool has_forked; // other processes may hold our descriptors
    struct stack_pool stacks;
    struct trim trim;
    struct block_pool *blocks; // buffers of streams
    struct loop_figures figures;
    struct task_beats *beats; // NULL: nobody looks
};

struct loop *loop_running(void);
struct loop *loop_if_running(void); // NULL when none runs
struct task *task_running(void);
// Sets the loop that this thread runs; NULL afterwards. The one thread-local of the house.
void loop_enter(struct loop *loop);
struct loop *loop_new(const struct backend *backend, void *backend_state);
struct err loop_spawn_on(struct loop *loop, struct node *node, struct group *group, task_main *main,
        void *arg) MUST_USE;

// To be called when tasks have run, and before the loop waits.
void trim_note_activity(struct loop *loop);
void trim_some(struct loop *loop);

void timers_add(struct loop *loop, struct task *t, int64_t at_ns);
void timers_remove(struct loop *loop, struct task *t);
void timers_fire(struct loop *loop);
void task_make_ready(struct task *t, enum wake_reason why);

// rt/stream.c: what a task does before it waits, see flushing().
void stream_flush_some(struct stream *s);
