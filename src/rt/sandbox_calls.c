// SPDX-License-Identifier: Apache-2.0
// rt/sandbox_calls.c: the filter of system calls. The table is sandbox_calls.def; here are the
// calls that depend on their arguments. A filter sees numbers only, never what a pointer points at:
// that is why clone3, whose flags are in memory, is refused, and glibc then takes clone.
#include "rt/sandbox_parts.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REFUSED SCMP_ACT_ERRNO(ENOSYS)
#define SOCKET_TYPE_BITS 0xf // the others are flags

enum what { ALLOW, KILL, KILL_EVERYWHERE, REFUSE_EVERYWHERE };

static const struct {
    enum what what;
    struct str names;
} calls[] = {
#define CALLS(what, names, why) {what, S_INIT(names)},
#include "rt/sandbox_calls.def"
};

static int refuse_clone3(void);
static int enter_table(enum calls_of whose);
static void filter_release(scmp_filter_ctx *filter);
static int attributes(scmp_filter_ctx filter);
static int add_table(scmp_filter_ctx filter, enum calls_of whose);
static int add_names(scmp_filter_ctx filter, uint32_t action, struct str names);
static int add_sockets(scmp_filter_ctx filter);
static int add_memory(scmp_filter_ctx filter);
static int add_processes(scmp_filter_ctx filter);
static int add_small_questions(scmp_filter_ctx filter);
static struct scmp_arg_cmp equal(unsigned arg, uint64_t value);
static struct scmp_arg_cmp masked(unsigned arg, uint64_t mask, uint64_t value);
static struct scmp_arg_cmp above(unsigned arg, uint64_t value);
static uint32_t action_of(enum what what, enum calls_of whose, bool *out_add);

bool seccomp_works(void)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

struct err calls_enter(struct arena *a, enum calls_of whose)
{
    int rc = whose == CALLS_OF_WORKER ? refuse_clone3() : 0;
    if (rc == 0)
        rc = enter_table(whose);
    return rc == 0 ? OK : fail_errno(a, -rc, "restricting system calls (seccomp)");
}

// glibc asks for it each time it makes a thread. A filter of its own, which the other one then need
// not know: it says nothing, for else the kernel's log would hold a line for each thread.
static int refuse_clone3(void)
{
    scmp_filter_ctx filter AUTO(filter_release) = seccomp_init(SCMP_ACT_ALLOW);
    int rc = filter == NULL ? -ENOMEM : seccomp_rule_add(filter, REFUSED, SCMP_SYS(clone3), 0);
    return rc == 0 ? seccomp_load(filter) : rc;
}

static int enter_table(enum calls_of whose)
{
    scmp_filter_ctx filter AUTO(filter_release) =
            seccomp_init(whose == CALLS_OF_WORKER ? REFUSED : SCMP_ACT_ALLOW);
    if (filter == NULL)
        return -ENOMEM;
    int rc = attributes(filter);
    if (rc == 0)
        rc = add_table(filter, whose);
    if (rc == 0 && whose == CALLS_OF_WORKER)
        rc = add_sockets(filter);
    if (rc == 0 && whose == CALLS_OF_WORKER)
        rc = add_memory(filter);
    if (rc == 0 && whose == CALLS_OF_WORKER)
        rc = add_processes(filter);
    if (rc == 0 && whose == CALLS_OF_WORKER)
        rc = add_small_questions(filter);
    return rc == 0 ? seccomp_load(filter) : rc;
}

static void filter_release(scmp_filter_ctx *filter)
{
    if (*filter != NULL)
        seccomp_release(*filter);
}

// What is refused is told in the kernel's log; calls by another architecture's numbers would get
// around the table. A tree instead of a list keeps the price of a call the same for all.
static int attributes(scmp_filter_ctx filter)
{
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    // Before Linux 4.14 nothing can be told; the filter is as good without.
    if (rc == 0)
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
    return rc;
}

static int add_table(scmp_filter_ctx filter, enum calls_of whose)
{
    int rc = 0;
    for (size_t i = 0; i < COUNT_OF(calls) && rc == 0; i++) {
        bool add = false;
        uint32_t action = action_of(calls[i].what, whose, &add);
        if (add)
            rc = add_names(filter, action, calls[i].names);
    }
    return rc;
}

// An action that is the default already must not be added.
static uint32_t action_of(enum what what, enum calls_of whose, bool *out_add)
{
    switch (what) {
    case ALLOW:
        *out_add = whose == CALLS_OF_WORKER;
        return SCMP_ACT_ALLOW;
    case KILL:
        *out_add = whose == CALLS_OF_WORKER;
        return SCMP_ACT_KILL_PROCESS;
    case KILL_EVERYWHERE:
        *out_add = true;
        return SCMP_ACT_KILL_PROCESS;
    case REFUSE_EVERYWHERE:
        *out_add = whose == CALLS_OF_SUPERVISOR;
        return REFUSED;
    }
    return SCMP_ACT_KILL_PROCESS;
}

static int add_names(scmp_filter_ctx filter, uint32_t action, struct str names)
{
    struct str name;
    int rc = 0;
    while (rc == 0 && str_split(&names, ' ', &name)) {
        char text[32];
        assert(name.len < sizeof(text));
        memcpy(text, name.ptr, name.len);
        text[name.len] = '\0';
        int number = seccomp_syscall_resolve_name(text);
        if (number >= 0) // negative: not of this architecture, or newer than the library
            rc = seccomp_rule_add(filter, action, number, 0);
    }
    return rc;
}

// Streams and datagrams of three families, and netlink, by which glibc learns the interfaces.
static int add_sockets(scmp_filter_ctx filter)
{
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
    int rc = 0, call = SCMP_SYS(socket);
    for (size_t i = 0; i < COUNT_OF(families); i++)
        for (size_t j = 0; j < COUNT_OF(types) && rc == 0; j++)
            rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 2, equal(0, (uint64_t)families[i]),
                    masked(1, SOCKET_TYPE_BITS, (uint64_t)types[j]));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 2, equal(0, AF_NETLINK),
                equal(2, 0)); // NETLINK_ROUTE
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), call, 1, above(0, AF_NETLINK));
    return rc;
}

// Nothing here makes code: memory that is or was to be written does not become executable.
// Libraries loaded late are mapped to be read and run.
static int add_memory(scmp_filter_ctx filter)
{
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, masked(2, PROT_EXEC, 0));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                masked(2, PROT_EXEC | PROT_WRITE, PROT_EXEC));
    if (rc == 0)
        rc = seccomp_rule_add(
                filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, masked(2, PROT_EXEC, 0));
    return rc;
}

// Threads, but no processes; signals to ourselves (abort), but to nobody else.
static int add_processes(scmp_filter_ctx filter)
{
    int rc = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, masked(0, CLONE_THREAD, CLONE_THREAD));
    if (rc == 0)
        rc = seccomp_rule_add(
                filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, equal(0, (uint64_t)getpid()));
    if (rc == 0) // to get to the filter that refuses it
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone3), 0);
    // Asking for limits, not setting them: the third argument would be the new ones.
    if (rc == 0)
        rc = seccomp_rule_add(
                filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, equal(0, 0), equal(2, 0));
    return rc;
}

// The two calls that are a hundred calls: what libraries ask of them.
static int add_small_questions(scmp_filter_ctx filter)
{
    static const int controls[] = {
            FIONREAD, FIONBIO, TCGETS, TIOCGWINSZ, SIOCGIFINDEX, SIOCGIFNAME};
    static const int options[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_SET_VMA};
    int rc = 0;
    for (size_t i = 0; i < COUNT_OF(controls) && rc == 0; i++)
        rc = seccomp_rule_add(
                filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, equal(1, (uint64_t)controls[i]));
    for (size_t i = 0; i < COUNT_OF(options) && rc == 0; i++)
        rc = seccomp_rule_add(
                filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, equal(0, (uint64_t)options[i]));
    return rc;
}

static struct scmp_arg_cmp equal(unsigned arg, uint64_t value)
{
    return (struct scmp_arg_cmp){.arg = arg, .op = SCMP_CMP_EQ, .datum_a = value};
}

static struct scmp_arg_cmp masked(unsigned arg, uint64_t mask, uint64_t value)
{
    return (struct scmp_arg_cmp){
            .arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

static struct scmp_arg_cmp above(unsigned arg, uint64_t value)
{
    return (struct scmp_arg_cmp){.arg = arg, .op = SCMP_CMP_GT, .datum_a = value};
}
