// SPDX-License-Identifier: Apache-2.0
// rt/context_x86_64.c: the switch on x86-64 (System V ABI): the callee-saved registers go on the
// stack, the stack pointers are exchanged, and a return goes on in the other context. MXCSR and
// the x87 control word belong to the ABI's saved state too; nothing here ever changes them.
#include "rt/context.h"

void rt_context_exchange(void **save_sp, void *new_sp);
void rt_context_start(void);
void rt_context_call_on(void *sp, context_main *fn, void *arg);

__asm__(".text\n"
        ".globl rt_context_exchange\n"
        ".hidden rt_context_exchange\n"
        ".type rt_context_exchange,@function\n"
        ".align 16\n"
        "rt_context_exchange:\n"
        "  .cfi_startproc\n"
        "  endbr64\n"
        "  pushq %rbp\n"
        "  pushq %rbx\n"
        "  pushq %r12\n"
        "  pushq %r13\n"
        "  pushq %r14\n"
        "  pushq %r15\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  popq %r15\n"
        "  popq %r14\n"
        "  popq %r13\n"
        "  popq %r12\n"
        "  popq %rbx\n"
        "  popq %rbp\n"
        "  ret\n"
        "  .cfi_endproc\n"
        ".size rt_context_exchange,.-rt_context_exchange\n"
        // The first return of a new context lands here: main is in %r12, its argument in %r13.
        ".globl rt_context_start\n"
        ".hidden rt_context_start\n"
        ".type rt_context_start,@function\n"
        ".align 16\n"
        "rt_context_start:\n"
        "  .cfi_startproc\n"
        "  .cfi_undefined rip\n" // the debugger's backtrace ends here
        "  movq %r13, %rdi\n"
        "  xorl %ebp, %ebp\n"
        "  call *%r12\n"
        "  ud2\n"
        "  .cfi_endproc\n"
        ".size rt_context_start,.-rt_context_start\n"
        // The frame pointer keeps the old stack, so that backtraces go through to the caller.
        ".globl rt_context_call_on\n"
        ".hidden rt_context_call_on\n"
        ".type rt_context_call_on,@function\n"
        ".align 16\n"
        "rt_context_call_on:\n"
        "  .cfi_startproc\n"
        "  endbr64\n"
        "  pushq %rbp\n"
        "  .cfi_def_cfa_offset 16\n"
        "  .cfi_offset %rbp, -16\n"
        "  movq %rsp, %rbp\n"
        "  .cfi_def_cfa_register %rbp\n"
        "  movq %rdi, %rsp\n"
        "  andq $-16, %rsp\n"
        "  movq %rdx, %rdi\n"
        "  call *%rsi\n"
        "  movq %rbp, %rsp\n"
        "  popq %rbp\n"
        "  .cfi_def_cfa %rsp, 8\n"
        "  ret\n"
        "  .cfi_endproc\n"
        ".size rt_context_call_on,.-rt_context_call_on\n");

bool context_make(struct context *c, char *bottom UNUSED, char *top, context_main *main, void *arg)
{
    void **sp = (void **)(void *)((uintptr_t)top & ~(uintptr_t)15);
    *--sp = NULL; // two words, so that the stack is aligned to 16 where rt_context_start calls
    *--sp = NULL;
    *--sp = (void *)rt_context_start;
    *--sp = NULL;         // rbp
    *--sp = NULL;         // rbx
    *--sp = (void *)main; // r12
    *--sp = arg;          // r13
    *--sp = NULL;         // r14
    *--sp = NULL;         // r15
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
