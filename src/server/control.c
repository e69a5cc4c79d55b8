// SPDX-License-Identifier: Apache-2.0
// server/control.c: requests on the control socket, each connection in a task of its own.
#include "server/control.h"

#include "rt/listening.h"
#include "server/supervisor.h"

#define REQUEST_BYTES_MAX 256
#define REQUEST_WAIT_MS (5 * SECOND_MS)
#define ANSWER_WAIT_MS (10 * SECOND_MS)
#define CONNECTIONS_MAX 32
#define ANSWER_BYTES_MAX (8 * MIB)

struct control {
    struct supervisor *sup;
    struct acceptor *acceptor;
    int fd; // a second descriptor of the listening socket, to hand over
    struct group tasks;
    struct arena arena;
    struct str path;
};

struct exchange {
    struct control *control;
    struct stream *stream;
    struct buf answer;
};

static struct err listen_at(struct control *c, int inherited_fd);
static struct err accept_requests(void *control) suspends;
static struct err serve_request(void *exchange) suspends;
static int obey(struct exchange *x, struct str request) suspends;
static int reload(struct exchange *x) suspends;
static int restart(struct exchange *x) suspends;
static int confirm_clock(struct exchange *x) suspends;
static int stop(struct exchange *x) suspends;
static struct err answer(struct exchange *x, int status) suspends;

struct str control_path(struct arena *a, const struct conf *conf)
{
    return arena_fmt(a, "%.*s/" CONTROL_SOCKET, ARG(conf_str(conf, S("global.state-dir"))));
}

struct err control_begin(
        struct supervisor *sup, struct str path, int inherited_fd, struct control **out)
{
    struct control *c = mem_new(struct control);
    if (c == NULL)
        return fail(ERR_LIMIT, "no memory for the control socket");
    c->sup = sup;
    c->fd = -1;
    arena_init(&c->arena, 64 * KIB);
    c->path = arena_str(&c->arena, path);
    group_begin(&c->tasks);
    struct err e = listen_at(c, inherited_fd);
    if (!failed(e))
        e = group_spawn(&c->tasks, accept_requests, c);
    if (failed(e)) {
        control_free(c);
        return e;
    }
    *out = c;
    return OK;
}

static struct err listen_at(struct control *c, int inherited_fd)
{
    struct endpoint at = {.unix_path = c->path};
    struct listen_options options = {.mode = 0600, .backlog = CONNECTIONS_MAX};
    int fd = inherited_fd;
    if (c->path.len > UNIX_PATH_BYTES_MAX)
        return fail(ERR_LIMIT, "the path of the control socket is too long for a socket");
    if (fd < 0)
        TRY(net_bind(&c->arena, &at, &options, &fd));
    c->fd = descriptor_duplicate(fd);
    return acceptor_adopt(fd, &c->acceptor);
}

int control_fd(const struct control *c)
{
    return c == NULL ? -1 : c->fd;
}

void control_close(struct control *c, enum control_ending how)
{
    if (c == NULL || c->fd < 0)
        return;
    if (how == CONTROL_REMOVE_FILE)
        unix_socket_remove(c->path);
    acceptor_close(c->acceptor);
    descriptor_close(c->fd);
    c->fd = -1;
}

void control_free(struct control *c)
{
    if (c == NULL)
        return;
    group_end(&c->tasks);
    acceptor_free(c->acceptor);
    descriptor_close(c->fd);
    arena_done(&c->arena);
    mem_free(c);
}

static struct err accept_requests(void *arg)
{
    struct control *c = arg;
    task_describe("control", c);
    for (;;) {
        struct stream *s = NULL;
        struct err e = net_accept(c->acceptor, &s);
        if (e.kind == ERR_CLOSED || e.kind == ERR_CANCELLED)
            return OK;
        if (failed(e)) {
            TRY(task_sleep_ms(SECOND_MS));
            continue;
        }
        struct exchange *x = c->tasks.count > CONNECTIONS_MAX ? NULL : mem_new(struct exchange);
        if (x != NULL)
            *x = (struct exchange){.control = c, .stream = s};
        if (x == NULL || failed(group_spawn(&c->tasks, serve_request, x))) {
            stream_close(s);
            mem_free(x);
        }
    }
}

static struct err serve_request(void *arg)
{
    struct exchange *x = arg;
    struct str line;
    struct err e;
    buf_init(&x->answer, ANSWER_BYTES_MAX);
    task_describe("control request", x);
    {
        within_ms(REQUEST_WAIT_MS);
        e = stream_until(x->stream, S("\n"), REQUEST_BYTES_MAX, &line);
    }
    if (!failed(e)) {
        int status = obey(x, str_trim(line));
        if (status >= 0)
            e = answer(x, status);
    }
    stream_close(x->stream);
    buf_done(&x->answer);
    mem_free(x);
    return OK;
}

// The exit status; negative: all was said.
static int obey(struct exchange *x, struct str request)
{
    struct supervisor *sup = x->control->sup;
    if (str_eq(request, S("reload")))
        return reload(x);
    if (str_eq(request, S("reload dry-run")))
        return supervisor_check(sup, &x->answer) ? 0 : 1;
    if (str_eq(request, S("restart")))
        return restart(x);
    if (str_eq(request, S("stop")))
        return stop(x);
    if (str_eq(request, S("reopen"))) {
        logs_reopen(sup->logs);
        return 0;
    }
    if (str_eq(request, S("look"))) {
        queue_look(sup);
        return 0;
    }
    if (str_eq(request, S("clock")))
        return confirm_clock(x);
    if (str_eq(request, S("settle")))
        return queue_settle(sup, &x->answer) ? 0 : 1;
    if (str_eq(request, S("live")))
        return 0;
    if (str_eq(request, S("ready")))
        return status_ready(sup, &x->answer) ? 0 : 1;
    if (str_eq(request, S("status")) || str_eq(request, S("status json"))) {
        status_write(sup, str_eq(request, S("status")) ? STATUS_TEXT : STATUS_JSON, &x->answer);
        return 0;
    }
    buf_fmt(&x->answer, "this server does not know the request '%.*s'\n", ARG(request));
    return 2;
}

// A reload that is under way has read the configuration already: ours is the next one.
static int reload(struct exchange *x)
{
    struct supervisor *sup = x->control->sup;
    uint64_t mine = sup->reloads_begun + 1;
    sup->reload_wanted = true;
    waitq_wake_all(&sup->changed);
    while (sup->reloads_done < mine && sup->stop_count == 0 && !sup->replaced)
        if (failed(waitq_wait(&sup->reloaded, "a reload")))
            return 1;
    if (sup->reloads_done < mine) {
        buf_add(&x->answer, S("posthaste: the server is stopping\n"));
        return 1;
    }
    buf_add(&x->answer, buf_str(&sup->report));
    if (!sup->reload_failed)
        buf_fmt(&x->answer, "reloaded: generation %llu\n",
                (unsigned long long)sup->generation_number);
    return sup->reload_failed ? 1 : 0;
}

static int restart(struct exchange *x)
{
    struct supervisor *sup = x->control->sup;
    uint64_t before = sup->handovers_done;
    sup->replace_wanted = true;
    waitq_wake_all(&sup->changed);
    while (sup->handovers_done == before && sup->stop_count == 0)
        if (failed(waitq_wait(&sup->reloaded, "a successor")))
            return 1;
    if (!sup->replaced) {
        buf_add(&x->answer, S("posthaste: the successor did not come up; the server goes on\n"));
        return 1;
    }
    buf_fmt(&x->answer, "handed over to process %d\n", (int)sup->successor);
    return 0;
}

// The connection is left to the end of the process.
// queue.md 17.3: who was not given up because of the clock may be now.
static int confirm_clock(struct exchange *x)
{
    struct supervisor *sup = x->control->sup;
    if (!clock_confirm(&sup->shared->clock)) {
        buf_add(&x->answer, S("nobody doubts the clock\n"));
        return 0;
    }
    queue_look(sup);
    buf_add(&x->answer, S("the clock is right; what has expired by it is given up\n"));
    return 0;
}

static int stop(struct exchange *x)
{
    struct supervisor *sup = x->control->sup;
    struct str nothing;
    if (failed(answer(x, 0)))
        return -1;
    sup->stop_count++;
    waitq_wake_all(&sup->changed);
    struct err end = stream_read(x->stream, 1, &nothing);
    (void)end; // the client has gone, or we end
    return -1;
}

static struct err answer(struct exchange *x, int status)
{
    char first[] = {(char)('0' + status), '\n'};
    within_ms(ANSWER_WAIT_MS);
    TRY(stream_write(x->stream, str_of(first, sizeof(first))));
    TRY(stream_write(x->stream, buf_str(&x->answer)));
    return stream_flush(x->stream);
}
