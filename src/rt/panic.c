// SPDX-License-Identifier: Apache-2.0
// rt/panic.c: telling what a process was doing when it broke. All of it runs in a handler, on a
// stack of its own, because a task's may be the one that is full; memory may be in any state, so
// nothing is allocated, and what is surest to be readable is told first. A fault while telling
// ends the process at once. Texts are made by buf over a fixed array, which then never allocates.
#include "rt/panic.h"

#include "base/id.h"
#include "rt/loop.h"

#include <errno.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#define PANIC_STACK_BYTES (64 * KIB)
#define LINE_BYTES_MAX 512
#define SCANNED_BYTES_MAX 8192  // of a task's stack
#define SCANNED_DEEP_BYTES 2048 // of the large one, whose end is not known here
#define ADDRESSES_MAX 16
#define KINDS_MAX 24      // of waiting: tasks by the hundred wait for one thing
#define TASKS_MAX 1000000 // a list that is longer is broken

// An assertion aborts. The others a sanitizer tells better.
static const int signos[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
#define SIGNO_COUNT (RT_ASAN ? 1 : COUNT_OF(signos))

extern const char __executable_start[], etext[]; // of the linker

struct line {
    char text[LINE_BYTES_MAX];
    struct buf buf;
};

struct kind { // tasks of one name that wait for the same
    const char *name, *waiting_for;
    size_t count;
    int64_t longest_ms;
};

static void handle(int signo, siginfo_t *info, void *context);
static void tell_task(const struct loop *loop, int signo, const siginfo_t *info);
static bool is_in_guard(const struct task *t, const void *address);
static void tell_session(const struct task *t);
static void tell_addresses(const struct loop *loop, const void *context);
static uintptr_t word_at(uintptr_t address);
static size_t scanned_until(const struct loop *loop, uintptr_t *sp);
static void tell_others(const struct loop *loop);
static struct kind *kind_of(struct kind *kinds, size_t *count, const struct task *t);
static void line_begin(struct line *l);
static void line_end(struct line *l);
static uintptr_t stack_pointer(const void *context);

void *panic_watch_begin(void)
{
    void *memory = mem_bytes(PANIC_STACK_BYTES);
    stack_t stack = {.ss_sp = memory, .ss_size = PANIC_STACK_BYTES};
    if (memory == NULL || (!RT_ASAN && sigaltstack(&stack, NULL) != 0)) {
        mem_free(memory);
        return NULL;
    }
    // The first one is told; a second one, and coming back from this one, is the end.
    struct sigaction act = {.sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND};
    act.sa_sigaction = handle;
    sigfillset(&act.sa_mask);
    for (size_t i = 0; i < SIGNO_COUNT; i++)
        sigaction(signos[i], &act, NULL);
    return memory;
}

// Another loop of this thread may watch by now: then it is left alone.
void panic_watch_end(void *memory)
{
    stack_t none = {.ss_flags = SS_DISABLE}, now;
    if (memory != NULL && !RT_ASAN && sigaltstack(NULL, &now) == 0 && now.ss_sp == memory) {
        for (size_t i = 0; i < SIGNO_COUNT; i++)
            signal(signos[i], SIG_DFL);
        sigaltstack(&none, NULL);
    }
    mem_free(memory);
}

static void handle(int signo, siginfo_t *info, void *context)
{
    int saved = errno;
    const struct loop *loop = loop_if_running();
    tell_task(loop, signo, info);
    tell_addresses(loop, context);
    if (loop != NULL)
        tell_others(loop);
    errno = saved;
    raise(signo); // waits until we are back, for a signal that somebody sent is over then
}

static void tell_task(const struct loop *loop, int signo, const siginfo_t *info)
{
    struct line l;
    const struct task *t = loop == NULL ? NULL : loop->current;
    if (t != NULL && signo == SIGSEGV && info != NULL && is_in_guard(t, info->si_addr)) {
        line_begin(&l);
        buf_fmt(&l.buf, "posthaste: the task \"%s\" overflowed its stack", t->name);
        line_end(&l);
    }
    line_begin(&l);
    buf_fmt(&l.buf, "posthaste: crashed by signal %d", signo);
    if (info != NULL && signo != SIGABRT)
        buf_fmt(&l.buf, " at address %p", info->si_addr);
    if (t == NULL) {
        buf_add(&l.buf, S(", outside of every task"));
        line_end(&l);
        return;
    }
    buf_fmt(&l.buf, " in task \"%s\"", t->name);
    if (loop->in_deep)
        buf_add(&l.buf, S(", in a call on the large stack"));
    line_end(&l);
    tell_session(t);
    line_begin(&l);
    if (t->waited_for != NULL)
        buf_fmt(&l.buf, "  it last waited for %s", t->waited_for);
    else
        buf_add(&l.buf, S("  it has not waited yet"));
    if (t->deadline_ns != NO_DEADLINE)
        buf_fmt(&l.buf, "; its deadline is in %lld ms",
                (long long)((t->deadline_ns - loop->now_ns) / 1000000));
    if (t->cancelled)
        buf_add(&l.buf, S("; it was given up"));
    line_end(&l);
}

static bool is_in_guard(const struct task *t, const void *address)
{
    const char *guard = t->stack_top - STACK_BYTES, *at = address;
    return at >= guard && at < guard + STACK_GUARD_BYTES;
}

static void tell_session(const struct task *t)
{
    struct line l;
    if (t->session == 0 && t->peer == NULL)
        return;
    line_begin(&l);
    buf_add(&l.buf, S("  session "));
    id_add(&l.buf, t->session);
    if (t->peer != NULL) {
        buf_add(&l.buf, S(" with "));
        endpoint_add(&l.buf, t->peer);
    }
    line_end(&l);
}

// Words of the stack that lie in our code: places that were returned to or will be. To be read
// with addr2line -f -e posthaste. Frames of the C library in between keep no chain that one could
// follow.
static void tell_addresses(const struct loop *loop, const void *context)
{
    uintptr_t sp = stack_pointer(context);
    size_t end = loop == NULL || sp == 0 ? 0 : scanned_until(loop, &sp);
    uintptr_t low = (uintptr_t)__executable_start, high = (uintptr_t)etext;
    struct line l;
    size_t found = 0;
    line_begin(&l);
    buf_add(&l.buf, S("  addresses on the stack:"));
    for (uintptr_t at = sp & ~(uintptr_t)7; at + sizeof(uintptr_t) <= end;
            at += sizeof(uintptr_t)) {
        uintptr_t word = word_at(at);
        if (word < low || word >= high || found == ADDRESSES_MAX)
            continue;
        buf_fmt(&l.buf, " 0x%zx", (size_t)(word - low));
        found++;
    }
    if (found > 0)
        line_end(&l);
}

// Between the variables of a stack, too, where a sanitizer lets nobody read.
__attribute__((noinline, no_sanitize("address"))) static uintptr_t word_at(uintptr_t address)
{
    return *(const uintptr_t *)address;
}

// Where to stop; moves a stack pointer that has run into the guard back to what can be read.
static size_t scanned_until(const struct loop *loop, uintptr_t *sp)
{
    const struct task *t = loop->current;
    uintptr_t top = t == NULL ? 0 : (uintptr_t)t->stack_top;
    uintptr_t bottom = top - STACK_BYTES + STACK_GUARD_BYTES;
    if (t == NULL || *sp >= top || *sp < bottom - STACK_GUARD_BYTES)
        return *sp + SCANNED_DEEP_BYTES;
    if (*sp < bottom)
        *sp = bottom;
    return top - *sp < SCANNED_BYTES_MAX ? top : *sp + SCANNED_BYTES_MAX;
}

static void tell_others(const struct loop *loop)
{
    struct kind kinds[KINDS_MAX];
    size_t kind_count = 0, tasks = 0, left_out = 0;
    struct line l;
    each_in_list (t, &loop->all, struct task, all_link) {
        if (++tasks > TASKS_MAX)
            break;
        struct kind *k = t == loop->current ? NULL : kind_of(kinds, &kind_count, t);
        if (k == NULL) {
            left_out += t != loop->current;
            continue;
        }
        int64_t ms = t->waiting_for == NULL ? 0 : (loop->now_ns - t->waiting_since_ns) / 1000000;
        k->count++;
        if (ms > k->longest_ms)
            k->longest_ms = ms;
    }
    for (size_t i = 0; i < kind_count; i++) {
        line_begin(&l);
        buf_fmt(&l.buf, "  %zu x \"%s\" ", kinds[i].count, kinds[i].name);
        if (kinds[i].waiting_for == NULL)
            buf_add(&l.buf, S("ready to run"));
        else
            buf_fmt(&l.buf, "waiting for %s, for up to %lld ms", kinds[i].waiting_for,
                    (long long)kinds[i].longest_ms);
        line_end(&l);
    }
    line_begin(&l);
    buf_fmt(&l.buf, "  %zu tasks in all, %zu of them not shown", tasks, left_out);
    line_end(&l);
}

// NULL: of another kind than there is room for.
static struct kind *kind_of(struct kind *kinds, size_t *count, const struct task *t)
{
    for (size_t i = 0; i < *count; i++)
        if (kinds[i].name == t->name && kinds[i].waiting_for == t->waiting_for)
            return &kinds[i];
    if (*count == KINDS_MAX)
        return NULL;
    kinds[*count] = (struct kind){.name = t->name, .waiting_for = t->waiting_for};
    return &kinds[(*count)++];
}

static void line_begin(struct line *l)
{
    // Full at once, so that it never asks for more; room for the end of the line stays.
    l->buf = (struct buf){
            .ptr = l->text, .cap = LINE_BYTES_MAX - 1, .limit_bytes = LINE_BYTES_MAX - 1};
}

static void line_end(struct line *l)
{
    l->text[l->buf.len] = '\n';
    ssize_t ignored UNUSED = write(STDERR_FILENO, l->text, l->buf.len + 1);
}

#if defined(__x86_64__)
static uintptr_t stack_pointer(const void *context)
{
    const ucontext_t *u = context;
    return (uintptr_t)u->uc_mcontext.gregs[REG_RSP];
}
#elif defined(__aarch64__)
static uintptr_t stack_pointer(const void *context)
{
    const ucontext_t *u = context;
    return (uintptr_t)u->uc_mcontext.sp;
}
#else
static uintptr_t stack_pointer(const void *context UNUSED)
{
    return 0; // no addresses, then
}
#endif
