// SPDX-License-Identifier: Apache-2.0
// rt/overflow.c: the guard below a task's stack turns an overflow into SIGSEGV. On a stack of its
// own, a handler says whose stack it was and returns; it is not called twice, so that the process
// then dies of the same fault, in the same place, with a core dump that shows it.
#include "rt/overflow.h"

#include "rt/loop.h"

#include <signal.h>
#include <unistd.h>

#define HANDLER_STACK_BYTES (32 * KIB) // the kernel alone saves 11 KiB with the widest registers
#define NAME_BYTES_MAX 64

static void on_fault(int signal, siginfo_t *info, void *context);
static void tell(struct str text);

void *overflow_watch_begin(void)
{
    if (RT_ASAN)
        return NULL; // which has a handler, and says more
    stack_t stack = {.ss_sp = mem_bytes(HANDLER_STACK_BYTES), .ss_size = HANDLER_STACK_BYTES};
    struct sigaction action = {
            .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};
    if (stack.ss_sp == NULL)
        return NULL;
    sigemptyset(&action.sa_mask);
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    return stack.ss_sp;
}

void overflow_watch_end(void *memory)
{
    stack_t none = {.ss_flags = SS_DISABLE}, now;
    if (memory != NULL && sigaltstack(NULL, &now) == 0 && now.ss_sp == memory) {
        signal(SIGSEGV, SIG_DFL);
        sigaltstack(&none, NULL);
    }
    mem_free(memory);
}

// Only what may be called in a signal handler: the task's record is read, and three words written.
static void on_fault(int signal UNUSED, siginfo_t *info, void *context UNUSED)
{
    if (!in_task())
        return;
    struct task *t = task_running();
    char *guard = t->stack_top - STACK_BYTES, *at = info->si_addr;
    if (at < guard || at >= guard + STACK_GUARD_BYTES)
        return;
    size_t length = 0;
    while (length < NAME_BYTES_MAX && t->name[length] != '\0')
        length++;
    tell(S("posthaste: the task \""));
    tell(str_of(t->name, length));
    tell(S("\" overflowed its stack\n"));
}

static void tell(struct str text)
{
    ssize_t ignored UNUSED = write(STDERR_FILENO, text.ptr, text.len);
}
