// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_panic.c: what a process says when it breaks. Each breaks in a child, whose
// standard error is read.
#include "in_child.h"

#include "base/ip.h"
#include "rt/panic.h"
#include "rt/rt.h"
#include "rt/stack.h"

#include <signal.h>

#define SAID_BYTES_MAX 6000
#define SESSION UINT64_C(0x0123456789abcdef)

struct world {
    task_main *breaks;
    struct waitq nobody;
};

struct death {
    char *said;
    struct str text;
    int signo;
};

static struct err wait_for_nothing(void *arg)
{
    struct world *w = arg;
    task_describe("bystander", w);
    return waitq_wait(&w->nobody, "something that never comes");
}

static struct err first(void *arg)
{
    struct world *w = arg;
    struct group g AUTO(group_end);
    group_begin(&g);
    waitq_init(&w->nobody);
    TRY(group_spawn(&g, wait_for_nothing, w));
    TRY(group_spawn(&g, wait_for_nothing, w));
    TRY(group_spawn(&g, w->breaks, w));
    return group_wait_all(&g);
}

static const char *break_in_task(const void *arg)
{
    struct world w = *(const struct world *)arg;
    struct loop *loop = loop_new_real();
    SHOULD(loop != NULL);
    SHOULD(!failed(loop_run(loop, first, &w)));
    return "it lives";
}

static const char *break_outside(const void *arg)
{
    SHOULD(panic_watch_begin() != NULL);
    assert(arg != NULL && *(const char *)arg == '\0');
    return "it lives";
}

// As in_child.h's, but what goes to standard error is what counts.
static void die(struct death *d, trial *t, const void *arg)
{
    int ends[2];
    size_t len = 0;
    d->said = mem_bytes(SAID_BYTES_MAX);
    assert_non_null(d->said);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        const char *bad = t(arg);
        _exit(bad == NULL ? 0 : 1);
    }
    close(ends[1]);
    ssize_t got = 1;
    while (got > 0 && len < SAID_BYTES_MAX) {
        got = read(ends[0], d->said + len, SAID_BYTES_MAX - len);
        len += got > 0 ? (size_t)got : 0;
    }
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    d->text = str_of(d->said, len);
    d->signo = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    print_message("%.*s", ARG(d->text));
}

static void says(const struct death *d, const char *what)
{
    if (!str_contains(d->text, str_from_c(what)))
        print_error("missing: %s\n", what);
    assert_true(str_contains(d->text, str_from_c(what)));
}

static struct err assert_wrongly(void *arg)
{
    struct world *w = arg;
    struct endpoint peer = {.ip = {.family = IP_V4}, .port = 41234};
    assert_true(ip_parse(S("192.0.2.7"), &peer.ip));
    task_describe("unlucky", w);
    task_session(SESSION, &peer);
    TRY(task_sleep_ms(1));
    within_ms(5000);
    assert(w->breaks == NULL);
    return OK;
}

static void a_failed_assertion(void **state UNUSED)
{
    struct death d;
    struct world w = {.breaks = assert_wrongly};
    die(&d, break_in_task, &w);
    assert_int_equal(d.signo, SIGABRT);
    says(&d, "assertion failed: w->breaks == NULL (");
    says(&d, "crashed by signal 6 in task \"unlucky\"");
    says(&d, "session 0123456789abcdef with 192.0.2.7:41234");
    says(&d, "it last waited for sleep");
    says(&d, "; its deadline is in ");
    says(&d, "2 x \"bystander\" waiting for something that never comes");
    says(&d, "4 tasks in all, 0 of them not shown");
    mem_free(d.said);
}

static void fail_in_deep(void *arg UNUSED)
{
    raise(SIGABRT);
}

static struct err go_deep(void *arg)
{
    deep_call(fail_in_deep, arg);
    return OK;
}

static void a_call_on_the_large_stack(void **state UNUSED)
{
    struct death d;
    struct world w = {.breaks = go_deep};
    die(&d, break_in_task, &w);
    assert_int_equal(d.signo, SIGABRT);
    says(&d, "in task \"task\", in a call on the large stack");
    says(&d, "it has not waited yet");
    mem_free(d.said);
}

static void outside_of_a_task(void **state UNUSED)
{
    struct death d;
    die(&d, break_outside, NULL);
    assert_int_equal(d.signo, SIGABRT);
    says(&d, "assertion failed: arg != NULL && ");
    says(&d, "crashed by signal 6, outside of every task");
    mem_free(d.said);
}

static __attribute__((noinline)) int use_it_up(volatile char *below)
{
    volatile char page[500];
    page[0] = 1;
    if (below[0] == 2)
        return 0; // never
    return below[0] + use_it_up(page) + page[0];
}

static struct err overflow(void *arg UNUSED)
{
    volatile char start = 0;
    task_describe("deep thinker", NULL);
    return use_it_up(&start) > 0 ? OK : fail(ERR_INTERNAL, "never");
}

static struct err wild_pointer(void *arg)
{
    char *volatile nowhere = (char *)(uintptr_t)0x1234;
    struct world *w = arg;
    *nowhere = (char)(w != NULL);
    return OK;
}

static void faults(void **state UNUSED)
{
    struct death d;
    struct world full = {.breaks = overflow}, wild = {.breaks = wild_pointer};
    if (RT_ASAN)
        skip(); // it tells them itself
    die(&d, break_in_task, &full);
    assert_int_equal(d.signo, SIGSEGV);
    says(&d, "posthaste: the task \"deep thinker\" overflowed its stack\n");
    says(&d, "crashed by signal 11 at address 0x");
    says(&d, "in task \"deep thinker\"");
    says(&d, "addresses on the stack: 0x");
    mem_free(d.said);
    die(&d, break_in_task, &wild);
    assert_int_equal(d.signo, SIGSEGV);
    says(&d, "crashed by signal 11 at address 0x1234 in task \"task\"");
    mem_free(d.said);
}

static struct err many_wait(void *arg)
{
    struct world *w = arg;
    struct group g AUTO(group_end);
    group_begin(&g);
    for (size_t i = 0; i < 26; i++) {
        TRY(group_spawn(&g, wait_for_nothing, w));
        task_yield();
    }
    raise(SIGABRT);
    return OK;
}

static void of_many_a_summary(void **state UNUSED)
{
    struct death d;
    struct world w = {.breaks = many_wait};
    die(&d, break_in_task, &w);
    says(&d, "28 x \"bystander\"");
    says(&d, "30 tasks in all");
    mem_free(d.said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_failed_assertion),
            cmocka_unit_test(a_call_on_the_large_stack),
            cmocka_unit_test(outside_of_a_task),
            cmocka_unit_test(faults),
            cmocka_unit_test(of_many_a_summary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
