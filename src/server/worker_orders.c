// SPDX-License-Identifier: Apache-2.0
// server/worker_orders.c: a worker does what the supervisor says, line by line (server/server.h),
// and keeps the set of sockets that it accepts from. Orders are heard in a task of their own, so
// that a ping is answered whatever the worker is doing, unless it hangs.
#include "server/worker_state.h"

#include "rt/process.h"
#include "server/names.h"

#define WIRE_LINE_BYTES_MAX NAMES_LINE_BYTES_MAX
#define QUEUE_LOOK_MS 20 // enough for the loop to look outside
#define FINISH_LOOK_MS SECOND_MS
#define SETTLE_BYTES_MAX (64 * KIB) // of what an error says

static struct err hear_orders(void *worker) suspends;
static void obey(struct worker *w, struct str line) suspends;
static void settle(struct worker *w, uint64_t number) suspends;
static struct err settle_and_tell(void *worker) suspends;
static void tell_carried(struct worker *w, uint64_t number, struct arena *a) suspends;
static void tell_settled(struct worker *w, uint64_t number, struct err e) suspends;
static void end_as(struct worker *w, enum worker_ending how);
static struct err serve_slots(struct worker *w, uint64_t slots);
static struct err start_accepting(struct worker *w, size_t socket);
static struct err acceptor_of(const struct worker_socket *s, struct acceptor **out);
static struct err accept_and_free(void *acceptor_task) suspends;
static void stop_accepting(struct worker *w) suspends;
static void finish(struct worker *w) suspends;
static void say(struct worker *w, struct str line) suspends;

struct err worker_obey(struct worker *w)
{
    group_begin(&w->hearing);
    group_begin(&w->acceptors);
    waitq_init(&w->ordered);
    w->accepting = mem_bytes((w->start->socket_count + 1) * sizeof(struct acceptor_task *));
    struct err e = w->accepting == NULL ? fail(ERR_LIMIT, "no memory to start a worker")
                                        : serve_slots(w, w->start->serves);
    if (!failed(e))
        e = group_spawn(&w->hearing, hear_orders, w);
    if (!failed(e)) {
        w->health.ready = str_is_empty(w->start->waiting);
        w->health.detail = w->start->waiting;
        say(w, S("ready\n"));
    }
    while (!failed(e) && w->ending == WORKER_GOES_ON)
        e = waitq_wait(&w->ordered, "orders");
    if (!failed(e))
        e = task_sleep_ms(QUEUE_LOOK_MS); // what the kernel has queued for us is accepted first
    stop_accepting(w);
    if (!failed(e))
        finish(w);
    mem_free(w->accepting);
    group_end(&w->hearing);
    return e;
}

// The supervisor's end of the wire closing means that it is gone.
static struct err hear_orders(void *arg)
{
    struct worker *w = arg;
    struct str line;
    task_describe("orders", w);
    while (!failed(stream_until(w->wire, S("\n"), WIRE_LINE_BYTES_MAX, &line)))
        obey(w, line);
    end_as(w, WORKER_STOPS);
    return OK;
}

static void obey(struct worker *w, struct str line)
{
    struct scan in = scan_over(line);
    uint64_t slots, number;
    if (scan_lit(&in, S("ping\n")))
        say(w, S("pong\n"));
    else if (scan_lit(&in, S("serve ")) && scan_hex_u64(&in, 16, &slots) &&
             w->ending == WORKER_GOES_ON && failed(serve_slots(w, slots)))
        say(w, S("failed no descriptor or memory for another socket\n"));
    else if (scan_lit(&in, S("look\n")))
        mail_worker_look(&w->mail);
    else if (scan_lit(&in, S("settle ")) && scan_u64(&in, UINT64_MAX, &number))
        settle(w, number);
    else if (scan_lit(&in, S("names ")))
        names_change(&w->mail, str_trim(scan_rest(&in)));
    else if (scan_lit(&in, S("unready\n")))
        w->health.draining = true;
    else if (scan_lit(&in, S("retire\n")))
        end_as(w, WORKER_RETIRES);
    else if (scan_lit(&in, S("stop\n")))
        end_as(w, WORKER_STOPS);
}

// In a task of its own: the disk may be slow, and pings come. One at a time: what is asked
// meanwhile has its turn behind it.
static void settle(struct worker *w, uint64_t number)
{
    w->settle_wanted = number;
    if (w->settling)
        return;
    w->settling = !failed(group_spawn(&w->hearing, settle_and_tell, w));
    if (!w->settling)
        tell_settled(w, number, fail(ERR_LIMIT, "no memory"));
}

static struct err settle_and_tell(void *arg)
{
    struct worker *w = arg;
    task_describe("settling the queue", w);
    while (w->settled != w->settle_wanted) {
        struct arena a AUTO(arena_done);
        uint64_t number = w->settle_wanted;
        arena_init(&a, SETTLE_BYTES_MAX);
        struct err e = mail_worker_settle(&w->mail, &a);
        tell_carried(w, number, &a);
        w->settled = number;
        tell_settled(w, number, e);
    }
    w->settling = false;
    return OK;
}

static void tell_carried(struct worker *w, uint64_t number, struct arena *a)
{
    struct buf lines AUTO(buf_done);
    uint64_t *ids = NULL;
    size_t count = mail_worker_carries(&w->mail, a, &ids);
    buf_init(&lines, SETTLE_BYTES_MAX);
    for (size_t i = 0; i < count; i++)
        buf_fmt(&lines, "carries %llu %016llx\n", (unsigned long long)number,
                (unsigned long long)ids[i]);
    if (count > 0)
        say(w, buf_str(&lines));
}

static void tell_settled(struct worker *w, uint64_t number, struct err e)
{
    struct buf line AUTO(buf_done);
    buf_init(&line, WIRE_LINE_BYTES_MAX);
    buf_fmt(&line, "%s %llu\n", failed(e) ? "unsettled" : "settled", (unsigned long long)number);
    say(w, buf_str(&line));
}

static void end_as(struct worker *w, enum worker_ending how)
{
    if (how <= w->ending)
        return; // who stops does not retire any more
    if (w->ending == WORKER_RETIRES)
        group_nudge(&w->sessions);
    w->ending = how;
    w->retiring = true;
    // A probe on a connection from before a reload asks about the server, and that is ready.
    w->health.draining |= how == WORKER_STOPS;
    if (how == WORKER_STOPS)
        mail_worker_stop(&w->mail);
    waitq_wake_all(&w->ordered);
}

// Of sockets that all workers accept from, and of those of these slots.
static struct err serve_slots(struct worker *w, uint64_t slots)
{
    for (size_t i = 0; i < w->start->socket_count; i++) {
        size_t slot = w->start->sockets[i].slot;
        bool wanted = slot == SOCKET_OF_ALL || (slots >> slot & 1) != 0;
        if (wanted && w->accepting[i] == NULL)
            TRY(start_accepting(w, i));
        if (!wanted && w->accepting[i] != NULL) {
            acceptor_close(w->accepting[i]->acceptor); // its task frees it
            w->accepting[i] = NULL;
        }
    }
    return OK;
}

static struct err start_accepting(struct worker *w, size_t socket)
{
    struct acceptor_task *t = mem_new(struct acceptor_task);
    struct err e = t == NULL ? fail(ERR_LIMIT, "no memory for a listening socket")
                             : acceptor_of(&w->start->sockets[socket], &t->acceptor);
    if (!failed(e)) {
        t->worker = w;
        t->listener = w->start->sockets[socket].listener;
        e = group_spawn(&w->acceptors, accept_and_free, t);
        if (failed(e))
            acceptor_free(t->acceptor);
    }
    if (failed(e))
        mem_free(t);
    else
        w->accepting[socket] = t;
    return e;
}

// On a descriptor of its own: the inherited one stays, for the next time.
static struct err acceptor_of(const struct worker_socket *s, struct acceptor **out)
{
    if (s->acceptor != NULL) {
        *out = s->acceptor;
        return OK;
    }
    int fd = descriptor_duplicate(s->fd);
    return fd < 0 ? fail(ERR_LIMIT, "no descriptor for a listening socket")
                  : acceptor_adopt(fd, out);
}

static struct err accept_and_free(void *arg)
{
    struct acceptor_task *t = arg;
    struct err e = worker_accept_loop(t);
    for (size_t i = 0; i < t->worker->start->socket_count; i++)
        if (t->worker->accepting[i] == t)
            t->worker->accepting[i] = NULL; // it was cancelled, not closed
    acceptor_free(t->acceptor);
    mem_free(t);
    return e;
}

static void stop_accepting(struct worker *w)
{
    for (size_t i = 0; i < w->start->socket_count; i++) {
        if (w->accepting != NULL && w->accepting[i] != NULL)
            acceptor_close(w->accepting[i]->acceptor);
        if (w->start->sockets[i].acceptor == NULL)
            descriptor_close(w->start->sockets[i].fd);
    }
    group_end(&w->acceptors);
}

// Retiring, sessions end by themselves, unless the supervisor then says stop.
static void finish(struct worker *w)
{
    while (w->ending == WORKER_RETIRES && w->sessions.count > 0) {
        within_ms(FINISH_LOOK_MS);
        struct err again = group_wait_below(&w->sessions, 1);
        (void)again; // either all have gone, or it is time to look at the orders
    }
    group_nudge(&w->sessions);
    within_ms(w->start->plan->grace_ms);
    struct err ignored = group_wait_below(&w->sessions, 1);
    (void)ignored; // those left after the grace are cancelled with their group
}

static void say(struct worker *w, struct str line)
{
    if (!failed(stream_write(w->wire, line)))
        stream_flush_now(w->wire);
}
