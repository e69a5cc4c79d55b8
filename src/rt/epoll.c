// SPDX-License-Identifier: Apache-2.0
// rt/epoll.c: the real machine behind the loop: clock, randomness, and descriptors by epoll.
#include "rt/epoll.h"

#include "rt/dns.h"
#include "rt/panic.h"
#include "rt/real.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 64

static int64_t real_now_ns(struct loop *loop);
static int64_t real_wall_ms(struct loop *loop);
static int16_t real_offset_min(struct loop *loop, int64_t at_ms);
static void real_random(struct loop *loop, void *out, size_t count);
static void real_poll(struct loop *loop, int64_t until_ns);
static void real_free(struct loop *loop);
static int poll_wait_ms(struct loop *loop, int64_t until_ns);

const struct backend backend_real = {
        .now_ns = real_now_ns,
        .wall_ms = real_wall_ms,
        .offset_min = real_offset_min,
        .random = real_random,
        .poll = real_poll,
        .listen = real_listen,
        .connect = real_connect,
        .pair = real_pair,
        .own_ips = real_own_ips,
        .resolver = resolver_new_unbound,
        .offload = real_offload,
        .free = real_free,
};

struct loop *loop_new_real(void)
{
    struct real_state *state = mem_new(struct real_state);
    if (state == NULL)
        return NULL;
    state->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct loop *loop = state->epoll_fd < 0 ? NULL : loop_new(&backend_real, state);
    if (loop == NULL) {
        if (state->epoll_fd >= 0)
            close(state->epoll_fd);
        mem_free(state);
        return NULL;
    }
    loop->trim.enabled = true;
    state->panic = panic_watch_begin();
    return loop;
}

static void real_free(struct loop *loop)
{
    struct real_state *state = real_state(loop);
    offload_state_free(state->offload);
    close(state->epoll_fd);
    panic_watch_end(state->panic);
    mem_free(state);
}

struct real_state *real_state(struct loop *loop)
{
    assert(loop->backend == &backend_real);
    return loop->backend_state;
}

static int64_t real_now_ns(struct loop *loop UNUSED)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t real_wall_ms(struct loop *loop UNUSED)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int16_t real_offset_min(struct loop *loop UNUSED, int64_t at_ms)
{
    time_t at = (time_t)(at_ms / SECOND_MS);
    struct tm local;
    return localtime_r(&at, &local) == NULL ? 0 : (int16_t)(local.tm_gmtoff / 60);
}

static void real_random(struct loop *loop UNUSED, void *out, size_t count)
{
    char *at = out;
    while (count > 0) {
        ssize_t got = getrandom(at, count, 0);
        if (got < 0) {
            assert(errno == EINTR);
            continue;
        }
        at += got;
        count -= (size_t)got;
    }
}

static void real_poll(struct loop *loop, int64_t until_ns)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_wait(
            real_state(loop)->epoll_fd, events, EVENTS_AT_ONCE, poll_wait_ms(loop, until_ns));
    for (int i = 0; i < count; i++) {
        struct watch *w = events[i].data.ptr;
        if (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
            w->hung_up = true;
        if (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
            w->readable = true;
            waitq_wake_all(&w->on_readable);
        }
        if (events[i].events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
            w->writable = true;
            waitq_wake_all(&w->on_writable);
        }
    }
}

static int poll_wait_ms(struct loop *loop, int64_t until_ns)
{
    if (until_ns == NO_DEADLINE)
        return -1;
    int64_t left_ns = until_ns - real_now_ns(loop);
    if (until_ns == 0 || left_ns <= 0)
        return 0;
    int64_t ms = (left_ns + 999999) / 1000000; // never wakes just before the moment
    return ms > DAY_MS ? DAY_MS : (int)ms;
}

struct err watch_begin(struct watch *w, int fd)
{
    *w = (struct watch){.fd = fd, .readable = true, .writable = true};
    waitq_init(&w->on_readable);
    waitq_init(&w->on_writable);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = w};
    if (epoll_ctl(real_state(loop_running())->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return fail(err_kind_of_errno(errno), "the descriptor could not be watched");
    return OK;
}

void watch_end(struct watch *w)
{
    epoll_ctl(real_state(loop_running())->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    waitq_wake_all(&w->on_readable);
    waitq_wake_all(&w->on_writable);
}

// Closing takes a descriptor out of epoll, and saves a call for every connection; but not when it
// lives on in another process, whose events would then come for a watch that is gone.
void watch_close(struct watch *w)
{
    if (loop_running()->has_forked)
        watch_end(w);
    close(w->fd);
    waitq_wake_all(&w->on_readable);
    waitq_wake_all(&w->on_writable);
}

struct err watch_wait_readable(struct watch *w, const char *what)
{
    while (!w->readable)
        TRY(waitq_wait(&w->on_readable, what));
    return OK;
}
