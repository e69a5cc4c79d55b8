// SPDX-License-Identifier: Apache-2.0
// rt/context_aarch64.c: the switch on arm64 (AAPCS64): x19-x30, d8-d15 and the stack pointer.
#include "rt/context.h"

void rt_context_exchange(void **save_sp, void *new_sp);
void rt_context_start(void);
void rt_context_call_on(void *sp, context_main *fn, void *arg);

#define SAVED_WORDS 20 // x19..x30 and d8..d15

__asm__(".text\n"
        ".globl rt_context_exchange\n"
        ".hidden rt_context_exchange\n"
        ".type rt_context_exchange,%function\n"
        ".align 4\n"
        "rt_context_exchange:\n"
        "  hint #34\n" // bti c
        "  sub sp, sp, #160\n"
        "  stp x19, x20, [sp, #0]\n"
        "  stp x21, x22, [sp, #16]\n"
        "  stp x23, x24, [sp, #32]\n"
        "  stp x25, x26, [sp, #48]\n"
        "  stp x27, x28, [sp, #64]\n"
        "  stp x29, x30, [sp, #80]\n"
        "  stp d8, d9, [sp, #96]\n"
        "  stp d10, d11, [sp, #112]\n"
        "  stp d12, d13, [sp, #128]\n"
        "  stp d14, d15, [sp, #144]\n"
        "  mov x9, sp\n"
        "  str x9, [x0]\n"
        "  mov sp, x1\n"
        "  ldp x19, x20, [sp, #0]\n"
        "  ldp x21, x22, [sp, #16]\n"
        "  ldp x23, x24, [sp, #32]\n"
        "  ldp x25, x26, [sp, #48]\n"
        "  ldp x27, x28, [sp, #64]\n"
        "  ldp x29, x30, [sp, #80]\n"
        "  ldp d8, d9, [sp, #96]\n"
        "  ldp d10, d11, [sp, #112]\n"
        "  ldp d12, d13, [sp, #128]\n"
        "  ldp d14, d15, [sp, #144]\n"
        "  add sp, sp, #160\n"
        "  ret\n"
        ".size rt_context_exchange,.-rt_context_exchange\n"
        ".globl rt_context_start\n"
        ".hidden rt_context_start\n"
        ".type rt_context_start,%function\n"
        ".align 4\n"
        "rt_context_start:\n"
        "  mov x0, x20\n"
        "  mov x29, xzr\n"
        "  blr x19\n"
        "  brk #1\n"
        ".size rt_context_start,.-rt_context_start\n"
        // The frame pointer keeps the old stack, so that backtraces go through to the caller.
        ".globl rt_context_call_on\n"
        ".hidden rt_context_call_on\n"
        ".type rt_context_call_on,%function\n"
        ".align 4\n"
        "rt_context_call_on:\n"
        "  .cfi_startproc\n"
        "  hint #34\n" // bti c
        "  stp x29, x30, [sp, #-16]!\n"
        "  .cfi_def_cfa_offset 16\n"
        "  .cfi_offset x29, -16\n"
        "  .cfi_offset x30, -8\n"
        "  mov x29, sp\n"
        "  .cfi_def_cfa_register x29\n"
        "  mov sp, x0\n"
        "  mov x0, x2\n"
        "  blr x1\n"
        "  mov sp, x29\n"
        "  ldp x29, x30, [sp], #16\n"
        "  .cfi_def_cfa sp, 0\n"
        "  ret\n"
        "  .cfi_endproc\n"
        ".size rt_context_call_on,.-rt_context_call_on\n");

bool context_make(struct context *c, char *bottom UNUSED, char *top, context_main *main, void *arg)
{
    void **sp = (void **)(void *)((uintptr_t)top & ~(uintptr_t)15);
    sp -= SAVED_WORDS;
    for (size_t i = 0; i < SAVED_WORDS; i++)
        sp[i] = NULL;
    sp[0] = (void *)main;              // x19
    sp[1] = arg;                       // x20
    sp[11] = (void *)rt_context_start; // x30, where the first return goes
    c->sp = sp;
    return true;
}

void context_release(struct context *c UNUSED)
{
}

void context_switch(struct context *from, struct context *to)
{
    rt_context_exchange(&from->sp, to->sp);
}

void context_call_on(const struct context *at, context_main *fn, void *arg)
{
    rt_context_call_on(at->sp, fn, arg);
}
