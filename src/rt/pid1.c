// SPDX-License-Identifier: Apache-2.0
// rt/pid1.c: handing signals down, reaping, following the server to its successors.
#include "rt/pid1.h"

#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const int handed_down[] = {
        SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

struct pid1 {
    pid_t server;
    int signal_fd, follow_fd;
    bool ended;
    int status;
};

static struct pid1 begin(sigset_t *set);
static int watch_over(struct pid1 *p);
static void hear(struct pid1 *p);
static void follow(struct pid1 *p);
static void reap(struct pid1 *p);

int pid1_run(process_main *main, void *arg, int *tell_fd)
{
    int ends[2];
    sigset_t set, before;
    struct pid1 p = begin(&set);
    sigprocmask(SIG_BLOCK, &set, &before);
    if (p.signal_fd < 0 || pipe(ends) != 0)
        return 1;
    descriptor_keep_private(ends[0]);
    descriptor_keep_private(ends[1]);
    p.follow_fd = ends[0];
    p.server = fork();
    if (p.server < 0)
        return 1;
    if (p.server > 0) {
        close(ends[1]);
        return watch_over(&p);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[0]);
    close(p.signal_fd);
    *tell_fd = ends[1];
    _exit(main(arg));
}

static struct pid1 begin(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    for (size_t i = 0; i < COUNT_OF(handed_down); i++)
        sigaddset(set, handed_down[i]);
    return (struct pid1){.signal_fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC)};
}

static int watch_over(struct pid1 *p)
{
    while (!p->ended) {
        struct pollfd on[] = {
                {.fd = p->signal_fd, .events = POLLIN}, {.fd = p->follow_fd, .events = POLLIN}};
        if (poll(on, COUNT_OF(on), -1) < 0 && errno != EINTR)
            return 1;
        if (on[1].revents != 0)
            follow(p);
        if (on[0].revents != 0)
            hear(p);
    }
    return WIFEXITED(p->status) ? WEXITSTATUS(p->status) : 128 + WTERMSIG(p->status);
}

static void hear(struct pid1 *p)
{
    struct signalfd_siginfo info;
    while (read(p->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            reap(p);
        else
            kill(p->server, (int)info.ssi_signo);
    }
}

// The server tells before it ends, so what it told is read before its end is believed.
static void reap(struct pid1 *p)
{
    struct pollfd told = {.fd = p->follow_fd, .events = POLLIN};
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (poll(&told, 1, 0) > 0)
            follow(p);
        if (pid == p->server) {
            p->ended = true;
            p->status = status;
        }
    }
}

static void follow(struct pid1 *p)
{
    pid_t successor;
    ssize_t got = read(p->follow_fd, &successor, sizeof(successor));
    if (got == (ssize_t)sizeof(successor))
        p->server = successor;
    else if (got == 0)
        p->follow_fd = -1; // the server is about to end; poll passes over it
}

void pid1_follow(int tell_fd, pid_t successor)
{
    if (tell_fd >= 0 && write(tell_fd, &successor, sizeof(successor)) < 0)
        errno = 0; // process 1 is gone, and we shall be at once
}
