// SPDX-License-Identifier: Apache-2.0
// rt/context_ucontext.c: the switch for platforms without one of their own. Slower: swapcontext
// makes a system call for the signal mask.
#include "rt/context.h"

#include <ucontext.h>

#define FRAME_BYTES (4 * KIB) // what the frames of context_switch and swapcontext surely fit in
#define CALL_BYTES MIB        // of stack for context_call_on

struct start_args {
    context_main *main;
    void *arg;
    ucontext_t *back; // where to go when main returns; NULL: it never does
};

static void prepare(ucontext_t *u, char *bottom, char *top, struct start_args args);
static void start(unsigned high, unsigned low);
static ucontext_t *of(struct context *c);

bool context_make(struct context *c, char *bottom, char *top, context_main *main, void *arg)
{
    ucontext_t *u = of(c);
    if (u == NULL || getcontext(u) != 0)
        return false;
    prepare(u, bottom, top, (struct start_args){main, arg, NULL});
    return true;
}

// makecontext takes only ints: the arguments travel at the top of the new stack.
static void prepare(ucontext_t *u, char *bottom, char *top, struct start_args args)
{
    struct start_args *copy =
            (struct start_args *)(void *)(((uintptr_t)top - sizeof(struct start_args)) &
                                          ~(uintptr_t)15);
    *copy = args;
    u->uc_stack.ss_sp = bottom;
    u->uc_stack.ss_size = (size_t)((char *)copy - bottom);
    u->uc_link = args.back;
    uintptr_t at = (uintptr_t)copy;
    makecontext(u, (void (*)(void))start, 2, (unsigned)((uint64_t)at >> 32), (unsigned)at);
}

static void start(unsigned high, unsigned low)
{
    struct start_args *args = (struct start_args *)(uintptr_t)((uint64_t)high << 32 | low);
    args->main(args->arg);
    if (args->back == NULL)
        __builtin_trap();
}

void context_release(struct context *c)
{
    mem_free(c->portable);
    c->portable = NULL;
}

void context_switch(struct context *from, struct context *to)
{
    ucontext_t *save = of(from);
    assert(save != NULL);
    from->sp = (char *)__builtin_frame_address(0) - FRAME_BYTES;
    swapcontext(save, to->portable);
}

// Both contexts lie on the other stack, where there is room.
void context_call_on(const struct context *at, context_main *fn, void *arg)
{
    char *top = (char *)(((uintptr_t)at->sp - 2 * sizeof(ucontext_t)) & ~(uintptr_t)63);
    ucontext_t *here = (ucontext_t *)(void *)top, *there = here + 1;
    int got = getcontext(there);
    assert(got == 0);
    prepare(there, top - CALL_BYTES, top, (struct start_args){fn, arg, here});
    int came_back = swapcontext(here, there);
    assert(came_back == 0);
}

static ucontext_t *of(struct context *c)
{
    if (c->portable == NULL)
        c->portable = mem_new(ucontext_t);
    return c->portable;
}
