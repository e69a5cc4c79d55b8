// SPDX-License-Identifier: Apache-2.0
// rt/process.c: forking, signals, wires.
#include "rt/process.h"

#include "rt/epoll.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP_MAX 8192
#define FIRST_PASSED 3 // SD_LISTEN_FDS_START
#define ARGUMENT_BYTES_MAX MIB

struct signals {
    struct watch watch;
};

struct fork_call {
    process_main *main;
    void *arg;
    const int *keep;
    size_t keep_count;
    pid_t pid;
    int errno_value;
};

static void fork_now(void *arg);
static void close_others(const int *keep, size_t count);
static struct err place_descriptors(struct arena *a, const int *fds, size_t count);

struct err process_fork(
        process_main *main, void *arg, const int *keep, size_t keep_count, pid_t *out_pid)
{
    struct fork_call call = {.main = main, .arg = arg, .keep = keep, .keep_count = keep_count};
    if (keep_count > KEEP_MAX)
        return fail(ERR_LIMIT, "too many descriptors for a child");
    loop_running()->has_forked = true;
    deep_call(fork_now, &call);
    if (call.pid < 0)
        return fail(err_kind_of_errno(call.errno_value), "no process could be started");
    *out_pid = call.pid;
    return OK;
}

// On the process's main stack, which the child may use as its own.
static void fork_now(void *arg)
{
    struct fork_call *c = arg;
    c->pid = fork();
    c->errno_value = errno;
    if (c->pid != 0)
        return;
    loop_enter(NULL);
    close_others(c->keep, c->keep_count);
    _exit(c->main(c->arg));
}

// All but 0, 1, 2 and the kept ones, in runs between them.
static void close_others(const int *keep, size_t count)
{
    int from = 3;
    for (;;) {
        int next = -1;
        for (size_t i = 0; i < count; i++)
            if (keep[i] >= from && (next < 0 || keep[i] < next))
                next = keep[i];
        if (next < 0)
            break;
        if (next > from)
            close_range((unsigned)from, (unsigned)next - 1, 0);
        from = next + 1;
    }
    close_range((unsigned)from, ~0u, 0);
}

pid_t process_reap(int *out_status)
{
    pid_t pid = waitpid(-1, out_status, WNOHANG);
    return pid < 0 ? 0 : pid;
}

bool process_signal(pid_t pid, int signo)
{
    return kill(pid, signo) == 0;
}

pid_t process_id(void)
{
    return getpid();
}

struct err process_exec(struct arena *a, const char *const *argv, const char *const *env,
        const int *fds, size_t count)
{
    TRY(place_descriptors(a, fds, count));
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    union { // execve changes neither, whatever its prototype says
        const char *const *in;
        char *const *out;
    } arguments = {.in = argv}, environment = {.in = env};
    execvpe(argv[0], arguments.out, environment.out);
    return fail_errno(a, errno, "starting %s", argv[0]);
}

// In two steps, for the places may be taken by descriptors that are still to be placed.
static struct err place_descriptors(struct arena *a, const int *fds, size_t count)
{
    int *high = arena_array(a, count + 1, int);
    if (high == NULL)
        return fail(ERR_LIMIT, "no memory to hand over descriptors");
    for (size_t i = 0; i < count; i++) {
        high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_PASSED + (int)count);
        if (high[i] < 0)
            return fail_errno(a, errno, "handing over descriptor %d", fds[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (dup2(high[i], FIRST_PASSED + (int)i) < 0) // which clears close-on-exec
            return fail_errno(a, errno, "handing over descriptor %d", fds[i]);
    return OK;
}

const char *const *process_arguments(struct arena *a)
{
    struct buf text AUTO(buf_done);
    VEC(const char *) all = {0};
    buf_init(&text, ARGUMENT_BYTES_MAX);
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : 1;
    while (got > 0 && buf_reserve(&text, 4 * KIB)) {
        got = read(fd, text.ptr + text.len, 4 * KIB);
        text.len += got > 0 ? (size_t)got : 0;
    }
    descriptor_close(fd);
    struct scan in = scan_over(buf_str(&text));
    struct str one;
    while (scan_until_past(&in, '\0', &one)) {
        const char **argument = vec_add(a, &all);
        if (argument == NULL)
            return NULL;
        *argument = arena_c_str(a, one);
    }
    return all.count > 0 && vec_add(a, &all) != NULL ? all.at : NULL; // the one added is NULL
}

struct err signals_begin(const int *signos, size_t count, struct signals **out)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        sigaddset(&set, signos[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    struct signals *s = mem_new(struct signals);
    int fd = s == NULL ? -1 : signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    struct err e =
            fd < 0 ? fail(ERR_LIMIT, "no descriptor for signals") : watch_begin(&s->watch, fd);
    if (failed(e)) {
        if (fd >= 0)
            close(fd);
        mem_free(s);
        return e;
    }
    *out = s;
    return OK;
}

struct err signals_wait(struct signals *s, int *out_signo)
{
    for (;;) {
        struct signalfd_siginfo info;
        ssize_t got = read(s->watch.fd, &info, sizeof(info));
        if (got == (ssize_t)sizeof(info)) {
            *out_signo = (int)info.ssi_signo;
            return OK;
        }
        s->watch.readable = false;
        TRY(watch_wait_readable(&s->watch, "a signal"));
    }
}

void signals_end(struct signals *s)
{
    if (s == NULL)
        return;
    watch_end(&s->watch);
    close(s->watch.fd);
    mem_free(s);
}

struct err wire_make(int out_fds[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, out_fds) != 0)
        return fail(err_kind_of_errno(errno), "no wire to a worker could be made");
    return OK;
}

struct err wire_adopt(int fd, struct stream **out)
{
    struct endpoint end = {.unix_path = S("wire")};
    return fd_stream(fd, &end, &end, out);
}

void descriptor_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

int descriptor_duplicate(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, FIRST_PASSED);
}

void descriptor_keep_private(int fd)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void descriptor_never_block(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void environment_forget(const char *name)
{
    unsetenv(name);
}

void service_notify(struct str path, struct str text)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (str_is_empty(path) || path.len >= sizeof(to.sun_path))
        return;
    memcpy(to.sun_path, path.ptr, path.len);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len);
    // A manager that does not listen must not stop us: it will notice by its own time-out.
    sendto(fd, text.ptr, text.len, MSG_NOSIGNAL, (struct sockaddr *)&to, length);
    close(fd);
}

uint64_t descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_max;
}

size_t processors_online(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : (size_t)count;
}

void process_die_with_parent(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}
