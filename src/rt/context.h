// SPDX-License-Identifier: Apache-2.0
// rt/context.h: saving and changing what a processor knows of a running function. One file a
// platform: context_x86_64.c, context_aarch64.c, and context_ucontext.c for all others.
#pragma once

#include "base/base.h"

struct context {
    void *sp;       // where its registers are saved; below it the stack is free
    void *portable; // ucontext_t of the fallback
};

typedef void context_main(void *arg);

// Prepares a context that calls main(arg) on a stack that ends below `top`. main never returns.
bool context_make(struct context *c, char *bottom, char *top, context_main *main, void *arg);
void context_release(struct context *c);
// Calls fn(arg) on the stack of `at`, which is saved, below what it holds, and comes back.
void context_call_on(const struct context *at, context_main *fn, void *arg);
// Saves the caller in `from` and goes on where `to` was saved.
void context_switch(struct context *from, struct context *to);
