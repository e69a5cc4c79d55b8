// SPDX-License-Identifier: Apache-2.0
// server/handover.c: replacing the running program by another (listeners.md 15.7). The same command
// is started again, its path looked up anew; it gets our listening sockets, so that no connection
// is refused, and what birth.h lists. Only when its workers serve do ours stop accepting: they
// serve the sessions that they have. Counters of connections begin at zero in the successor: for as
// long as old sessions last, limits hold for each of the two alone.
#include "server/supervisor.h"

#include "base/encode.h"
#include "rt/host.h"
#include "rt/pid1.h"

#define START_BYTES_MAX (4 * MIB)
#define READY_WAIT_MS MINUTE_MS
#define LINE_BYTES_MAX 256
#define ESTATE_BYTES_MAX (4 * KIB)
#define EXEC_FAILED 127

// Of the child, before it becomes the successor.
struct succession {
    struct arena *arena;
    const char *const *argv;
    const struct inherited_socket *sockets;
    size_t socket_count;
    const int *fds; // the sockets, and behind them the wire and the others
    size_t fd_count;
};

static struct err start_successor(struct supervisor *sup, struct arena *a, int wire[2]) suspends;
static struct err gather(struct supervisor *sup, struct arena *a, int wire, struct succession *out);
static int become_successor(void *succession);
static const char *const *environment_for(const struct succession *s);
static bool is_replaced(struct str variable);
static void write_estate(struct supervisor *sup, size_t socket_count, struct buf *out);
static struct err wait_until_it_serves(struct stream *wire) suspends;

bool handover(struct supervisor *sup)
{
    struct arena a AUTO(arena_done);
    struct stream *wire AUTO(stream_close_auto) = NULL;
    int ends[2];
    arena_init(&a, START_BYTES_MAX);
    service_tell(&sup->service, "STATUS=handing over to a successor");
    struct err e = wire_make(ends);
    if (!failed(e))
        e = start_successor(sup, &a, ends);
    if (!failed(e))
        e = wire_adopt(ends[0], &wire);
    if (!failed(e)) {
        struct buf estate AUTO(buf_done);
        buf_init(&estate, ESTATE_BYTES_MAX);
        write_estate(sup, sup->handed_count, &estate);
        e = stream_write(wire, buf_str(&estate));
    }
    if (!failed(e))
        e = wait_until_it_serves(wire);
    if (failed(e)) {
        if (sup->successor > 0)
            process_signal(sup->successor, SIGKILL);
        sup->successor = 0;
        event(sup->log, EV_SERVER_HANDOVER_ERROR, F_ERR(reason, e));
        return false;
    }
    service_tell(&sup->service, "MAINPID=%d\nREADY=1", (int)sup->successor);
    pid1_follow(sup->follow_fd, sup->successor);
    event(sup->log, EV_SERVER_HANDOVER, F_STR(version, S(POSTHASTE_VERSION)),
            F_STR(details, arena_fmt(&a, "process %d is the server now", (int)sup->successor)));
    if (failed(stream_write(wire, S("main\n"))) || failed(stream_flush(wire)))
        return true; // it serves, whatever it thinks of us
    return true;
}

static struct err start_successor(struct supervisor *sup, struct arena *a, int wire[2])
{
    struct succession s = {.arena = a, .argv = process_arguments(a)};
    struct err e = s.argv == NULL
                           ? fail(ERR_IO, "the system does not tell how this server was started")
                           : gather(sup, a, wire[1], &s);
    if (!failed(e))
        e = process_fork(become_successor, &s, s.fds, s.fd_count, &sup->successor);
    sup->handed_count = s.socket_count;
    descriptor_close(wire[1]);
    if (failed(e))
        descriptor_close(wire[0]);
    return e;
}

static struct err gather(struct supervisor *sup, struct arena *a, int wire, struct succession *out)
{
    struct inherited_socket *sockets;
    TRY(sockets_list(sup->sockets, a, &sockets, &out->socket_count));
    out->sockets = sockets;
    VEC(int) fds = {0};
    int others[] = {wire, sup->lock_fd, control_fd(sup->control), sup->follow_fd};
    for (size_t i = 0; i < out->socket_count + COUNT_OF(others); i++) {
        int fd = i < out->socket_count ? sockets[i].fd : others[i - out->socket_count];
        int *place = fd < 0 ? NULL : vec_add(a, &fds);
        if (fd >= 0 && place == NULL)
            return fail(ERR_LIMIT, "no memory to hand over descriptors");
        if (fd >= 0)
            *place = fd;
    }
    out->fds = fds.at;
    out->fd_count = fds.count;
    return OK;
}

static int become_successor(void *arg)
{
    struct succession *s = arg;
    const char *const *environment = environment_for(s);
    if (environment != NULL) {
        struct err ignored = process_exec(s->arena, s->argv, environment, s->fds, s->fd_count);
        (void)ignored; // the exit status says it
    }
    return EXEC_FAILED;
}

static const char *const *environment_for(const struct succession *s)
{
    VEC(const char *) all = {0};
    struct str variable;
    struct buf names AUTO(buf_done);
    buf_init(&names, ESTATE_BYTES_MAX * 16);
    for (size_t i = 0; i < s->socket_count; i++) {
        buf_add(&names, i > 0 ? S(":") : S(""));
        buf_add(&names, str_contains(s->sockets[i].name, S(":")) ? S("") : s->sockets[i].name);
    }
    int pid = (int)process_id();
    struct str ours[] = {
            arena_fmt(s->arena, "LISTEN_PID=%d", pid),
            arena_fmt(s->arena, "LISTEN_FDS=%zu", s->socket_count),
            arena_fmt(s->arena, "LISTEN_FDNAMES=%.*s", ARG(buf_str(&names))),
            arena_fmt(s->arena, HANDOVER_VARIABLE "=%zu", s->socket_count + 3),
            arena_fmt(s->arena, "WATCHDOG_PID=%d", pid),
    };
    for (size_t i = 0; host_variable(i, &variable); i++) {
        const char **place = is_replaced(variable) ? NULL : vec_add(s->arena, &all);
        if (place != NULL)
            *place = arena_c_str(s->arena, variable);
    }
    for (size_t i = 0; i < COUNT_OF(ours); i++) {
        const char **place = vec_add(s->arena, &all);
        if (place == NULL || str_is_null(ours[i]))
            return NULL;
        *place = ours[i].ptr;
    }
    return vec_add(s->arena, &all) != NULL ? all.at : NULL; // the one added is NULL
}

static bool is_replaced(struct str variable)
{
    return str_starts(variable, S("LISTEN_")) || str_starts(variable, S("WATCHDOG_PID=")) ||
           str_starts(variable, S(HANDOVER_VARIABLE));
}

// The numbers are those that the descriptors have in the successor.
static void write_estate(struct supervisor *sup, size_t socket_count, struct buf *out)
{
    size_t next = socket_count + 4; // behind 0 to 2, the sockets, and the wire
    buf_add(out, S("secret "));
    encode_hex(out, str_of((const char *)sup->kept.ticket_secret, sizeof(sup->kept.ticket_secret)));
    buf_fmt(out, "\ngeneration %llu\n", (unsigned long long)sup->generation_number);
    if (sup->lock_fd >= 0)
        buf_fmt(out, "lock %zu\n", next++);
    if (control_fd(sup->control) >= 0)
        buf_fmt(out, "control %zu\n", next++);
    if (sup->follow_fd >= 0)
        buf_fmt(out, "follow %zu\n", next++);
    buf_add(out, S("begin\n"));
}

static struct err wait_until_it_serves(struct stream *wire)
{
    struct str line;
    within_ms(READY_WAIT_MS);
    TRY(stream_flush(wire));
    struct err e = stream_until(wire, S("\n"), LINE_BYTES_MAX, &line);
    if (e.kind == ERR_TIMEOUT)
        return fail(ERR_TIMEOUT, "the successor did not become ready in time");
    if (failed(e))
        return fail(ERR_REFUSED, "the successor ended before it was ready; it told why");
    return str_eq(line, S("ready\n")) ? OK : fail(ERR_SYNTAX, "the successor speaks otherwise");
}
