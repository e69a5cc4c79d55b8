// SPDX-License-Identifier: Apache-2.0
// rt/sandbox.c: building the fences in order. Files: sandbox_files.c, calls: sandbox_calls.c.
#include "rt/sandbox.h"

#include "rt/identity.h"
#include "rt/sandbox_parts.h"
#include "rt/sanitize.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifdef HAVE_VALGRIND
#define UNDER_VALGRIND RUNNING_ON_VALGRIND
#else
#define UNDER_VALGRIND 0
#endif

static struct err no_new_rights(struct arena *a);
static bool is_too_much(struct str folder);
static struct str folder_of(struct str file);

struct sandbox_support sandbox_probe(void)
{
    if (RT_ASAN)
        return (struct sandbox_support){
                .missing = S("no sandbox: this build has a sanitizer, which needs more")};
    if (UNDER_VALGRIND)
        return (struct sandbox_support){.missing = S("no sandbox: valgrind needs more")};
    struct sandbox_support s = {.landlock = landlock_version(), .seccomp = seccomp_works()};
    if (s.landlock == 0 && !s.seccomp)
        s.missing = S("the kernel has neither landlock nor seccomp filters: workers can open every "
                      "file of their user and make every system call");
    else if (s.landlock == 0)
        s.missing = S("the kernel has no landlock (5.13 and later have it, unless it is left out "
                      "of lsm= at boot): workers can open every file of their user");
    else if (!s.seccomp)
        s.missing = S("the kernel has no seccomp filters: workers can make every system call");
    else if (!identity_can_drop_capabilities())
        s.missing = S("the service manager or container refuses capset(2): workers keep the "
                      "capabilities that the server was started with");
    return s;
}

struct err sandbox_enter(struct arena *a, const struct sandbox_wish *wish)
{
    if (wish->mode == SANDBOX_OFF)
        return OK;
    struct sandbox_support there = sandbox_probe();
    if (wish->mode == SANDBOX_ON && !str_is_null(there.missing))
        return fail_fmt(
                a, ERR_UNSUPPORTED, "server.sandbox.mode is on, but %.*s", ARG(there.missing));
    if (identity_can_drop_capabilities())
        TRY(identity_drop_capabilities(a));
    TRY(no_new_rights(a));
    if (there.landlock > 0)
        TRY(landlock_enter(a, there.landlock, wish));
    if (there.seccomp)
        TRY(calls_enter(a, CALLS_OF_WORKER));
    return OK;
}

struct err sandbox_enter_lightly(struct arena *a, enum sandbox_mode mode)
{
    if (mode == SANDBOX_OFF || !sandbox_probe().seccomp)
        return OK;
    TRY(no_new_rights(a));
    return calls_enter(a, CALLS_OF_SUPERVISOR);
}

// Both fences ask for it, or else for the right to administrate the machine.
static struct err no_new_rights(struct arena *a)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail_errno(a, errno, "giving up the gain of rights (no_new_privs)");
    return OK;
}

size_t sandbox_paths_of(struct arena *a, struct str file, struct str out[2])
{
    size_t count = 0;
    const char *text = arena_c_str(a, file);
    char *room = arena_bytes(a, PATH_MAX);
    struct str real = text == NULL || room == NULL ? STR_NULL : str_from_c(realpath(text, room));
    struct str named = folder_of(file), linked = folder_of(real);
    if (!str_is_null(named))
        out[count++] = is_too_much(named) ? file : named;
    if (!str_is_null(linked) && !str_eq(linked, named))
        out[count++] = is_too_much(linked) ? real : linked;
    return count;
}

static struct str folder_of(struct str file)
{
    size_t slash = str_rfind_byte(file, '/');
    if (str_is_null(file) || slash == STR_NOT_FOUND || file.ptr[0] != '/')
        return STR_NULL;
    return str_upto(file, slash == 0 ? 1 : slash);
}

static bool is_too_much(struct str folder)
{
    static const struct str whole[] = {S_INIT("/"), S_INIT("/etc"), S_INIT("/home"), S_INIT("/opt"),
            S_INIT("/root"), S_INIT("/run"), S_INIT("/srv"), S_INIT("/tmp"), S_INIT("/usr"),
            S_INIT("/var"), S_INIT("/var/lib"), S_INIT("/var/tmp"), S_INIT("/proc"), S_INIT("/sys"),
            S_INIT("/dev"), S_INIT("/etc/posthaste")};
    for (size_t i = 0; i < COUNT_OF(whole); i++)
        if (str_eq(folder, whole[i]))
            return true;
    return false;
}

struct str sandbox_explain_signal(int signo)
{
    if (signo != SIGSYS)
        return STR_NULL;
    return S("the sandbox ended it because of a forbidden system call; the kernel's log names the "
             "call: journalctl -k --grep type=1326 (docs/operations.md, What a worker may do)");
}
