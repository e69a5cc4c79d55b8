// SPDX-License-Identifier: Apache-2.0
// rt/context_ucontext.c: the switch for platforms without one of their own. Slower: swapcontext
// makes a system call for the signal mask.
#include "rt/context.h"

#include <ucontext.h>

static void start(unsigned high, unsigned low);
static ucontext_t *of(struct context *c);

struct start_args {
    context_main *main;
    void *arg;
};

bool context_make(struct context *c, char *bottom, char *top, context_main *main, void *arg)
{
    ucontext_t *u = of(c);
    if (u == NULL || getcontext(u) != 0)
        return false;
    // makecontext takes only ints: the arguments travel at the top of the new stack.
    struct start_args *args =
            (struct start_args *)(void *)(((uintptr_t)top - sizeof(struct start_args)) &
                                          ~(uintptr_t)15);
    *args = (struct start_args){main, arg};
    u->uc_stack.ss_sp = bottom;
    u->uc_stack.ss_size = (size_t)((char *)args - bottom);
    u->uc_link = NULL;
    uintptr_t at = (uintptr_t)args;
    makecontext(u, (void (*)(void))start, 2, (unsigned)((uint64_t)at >> 32), (unsigned)at);
    return true;
}

static void start(unsigned high, unsigned low)
{
    struct start_args *args = (struct start_args *)(uintptr_t)((uint64_t)high << 32 | low);
    args->main(args->arg);
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
    swapcontext(save, to->portable);
}

static ucontext_t *of(struct context *c)
{
    if (c->portable == NULL)
        c->portable = mem_new(ucontext_t);
    return c->portable;
}
