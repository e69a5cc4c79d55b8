// SPDX-License-Identifier: Apache-2.0
// rt/offload.c: helper threads of the real machine. A list of work under a lock, and an eventfd on
// which the threads tell the loop that something is done.
#include "rt/offload.h"

#include "rt/epoll.h"
#include "rt/real.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS 4 // one may be long at moving the queue, one at a sync, and others hash

struct job {
    offload_fn *fn;
    void *arg;
    struct job *next;
    struct waitq finished;
    bool done;
};

struct offload_state {
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    pthread_t threads[THREADS];
    size_t thread_count;
    struct job *first, *last; // waiting for a thread
    struct job *done;         // waiting for the loop
    bool stop;
    struct watch watch; // of the eventfd
};

static struct err state_make(struct loop *loop);
static void *thread_main(void *arg);
static void collect(struct offload_state *o);

struct err offload(offload_fn *fn, void *arg)
{
    struct loop *loop = loop_running();
    return loop->backend->offload(loop, fn, arg);
}

struct err real_offload(struct loop *loop, offload_fn *fn, void *arg)
{
    if (real_state(loop)->offload == NULL)
        TRY(state_make(loop));
    struct offload_state *o = real_state(loop)->offload;
    struct job job = {.fn = fn, .arg = arg};
    pthread_mutex_lock(&o->lock);
    if (o->last != NULL)
        o->last->next = &job;
    else
        o->first = &job;
    o->last = &job;
    pthread_cond_signal(&o->wanted);
    pthread_mutex_unlock(&o->lock);
    while (!job.done) { // the thread works on this task's memory
        waitq_wait_firmly(&o->watch.on_readable, "a helper thread");
        collect(o);
    }
    return OK;
}

static struct err state_make(struct loop *loop)
{
    struct offload_state *o = mem_new(struct offload_state);
    if (o == NULL)
        return fail(ERR_LIMIT, "no memory for helper threads");
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct err e = fd < 0 ? fail(ERR_LIMIT, "no descriptor for helper threads")
                          : watch_begin(&o->watch, fd);
    if (failed(e)) {
        if (fd >= 0)
            close(fd);
        mem_free(o);
        return e;
    }
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->wanted, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); // signals are the loop's
    while (o->thread_count < THREADS &&
            pthread_create(&o->threads[o->thread_count], NULL, thread_main, o) == 0)
        o->thread_count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    real_state(loop)->offload = o;
    if (o->thread_count == 0)
        return fail(ERR_LIMIT, "no helper thread could be started");
    return OK;
}

static void *thread_main(void *arg)
{
    struct offload_state *o = arg;
    pthread_mutex_lock(&o->lock);
    while (!o->stop) {
        struct job *job = o->first;
        if (job == NULL) {
            pthread_cond_wait(&o->wanted, &o->lock);
            continue;
        }
        o->first = job->next;
        if (o->first == NULL)
            o->last = NULL;
        pthread_mutex_unlock(&o->lock);
        job->fn(job->arg);
        pthread_mutex_lock(&o->lock);
        job->next = o->done;
        o->done = job;
        uint64_t one = 1;
        ssize_t ignored UNUSED = write(o->watch.fd, &one, sizeof(one));
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

static void collect(struct offload_state *o)
{
    uint64_t count;
    ssize_t ignored UNUSED = read(o->watch.fd, &count, sizeof(count));
    pthread_mutex_lock(&o->lock);
    while (o->done != NULL) {
        o->done->done = true;
        o->done = o->done->next;
    }
    pthread_mutex_unlock(&o->lock);
    // Several tasks wait on the one eventfd: the first to run has emptied it for all.
    waitq_wake_all(&o->watch.on_readable);
}

void offload_state_free(struct offload_state *o)
{
    if (o == NULL)
        return;
    pthread_mutex_lock(&o->lock);
    o->stop = true;
    pthread_cond_broadcast(&o->wanted);
    pthread_mutex_unlock(&o->lock);
    for (size_t i = 0; i < o->thread_count; i++)
        pthread_join(o->threads[i], NULL);
    close(o->watch.fd);
    pthread_cond_destroy(&o->wanted);
    pthread_mutex_destroy(&o->lock);
    mem_free(o);
}
