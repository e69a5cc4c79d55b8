// SPDX-License-Identifier: Apache-2.0
// server/sockets_bind.c: making the sockets of a place, and what becomes of one that cannot be
// bound (listeners.md 3.5): the start ends, or the place waits and is tried again.
#include "server/sockets_state.h"

#include "rt/listening.h"
#include "rt/process.h"
#include "rt/sockaddr.h"

#include <errno.h>

enum bind_policy { POLICY_AUTO, POLICY_FATAL, POLICY_RETRY }; // server.bind-failure, in its order

static struct str keep(struct place *p, struct str text);
static struct err fill(
        struct place *p, const struct wanted *w, const struct sockets_wish *wish, struct arena *a);
static void warn(const struct sockets_wish *wish, const struct place *p, struct net_notes *notes);
static bool may_wait(const struct sockets_wish *wish, struct err e);
static struct err explain(struct place *p, struct err e, struct arena *a);
static int errno_of(enum err_kind kind);

struct err place_new(struct sockets *set, const struct wanted *w, struct place **out)
{
    struct place *p = mem_new(struct place);
    if (p == NULL)
        return fail(ERR_LIMIT, "no memory for a listening socket");
    arena_init(&p->arena, PLACE_BYTES_MAX);
    p->listener = arena_str(&p->arena, w->listener->id);
    p->at = w->at;
    p->at.unix_path = keep(p, w->at.unix_path);
    p->passed_as = keep(p, w->passed_as);
    p->options = *w->options;
    p->options.bind_device = keep(p, w->options->bind_device);
    p->options.user = keep(p, w->options->user);
    p->options.group = keep(p, w->options->group);
    list_append(&set->places, &p->in_set);
    *out = p;
    return OK;
}

// Absent stays absent.
static struct str keep(struct place *p, struct str text)
{
    return str_is_null(text) ? STR_NULL : arena_str(&p->arena, text);
}

void place_free(struct place *p)
{
    link_remove(&p->in_set);
    place_close(p, 0);
    arena_done(&p->arena);
    mem_free(p);
}

struct err place_fill(struct sockets *set, struct place *p, const struct wanted *w,
        const struct sockets_wish *wish, struct arena *a)
{
    size_t before = p->count;
    struct err e = fill(p, w, wish, a);
    if (!failed(e))
        return OK;
    place_close(p, before);
    if (before > 0 && wish->at_start)
        return OK; // a successor goes on with the sockets that it was given
    e = explain(p, e, a);
    set->last_errno = errno_of(e.kind);
    place_tell_trouble(p, wish->log, e);
    if (before > 0 || !may_wait(wish, e))
        return e;
    p->waiting = true;
    return OK;
}

// Port 0 is the kernel's choice, once: the further sockets of the place take what it chose.
static struct err fill(
        struct place *p, const struct wanted *w, const struct sockets_wish *wish, struct arena *a)
{
    size_t most = w->slots < SOCKET_SLOTS_MAX ? w->slots : SOCKET_SLOTS_MAX;
    struct endpoint at = p->at;
    while (p->count < most) {
        struct net_notes notes = {0};
        if (p->count > 0 && at.port == 0 && str_is_null(at.unix_path))
            sockaddr_local(p->fds[0], &at);
        TRY(net_open(a, &at, w->options, &notes, &p->fds[p->count]));
        if (p->count++ == 0)
            warn(wish, p, &notes);
    }
    return OK;
}

static void warn(const struct sockets_wish *wish, const struct place *p, struct net_notes *notes)
{
    const struct conf *conf = wish->plan->conf;
    for (size_t i = 0; wish->findings != NULL && i < notes->count; i++)
        conf_warning(conf, wish->findings,
                conf_item(conf, S("server.listener"), p->listener, S("bind")), -1, S("socket"),
                "%.*s", ARG(notes->text[i]));
}

static bool may_wait(const struct sockets_wish *wish, struct err e)
{
    if (!wish->at_start)
        return false;
    switch ((enum bind_policy)conf_enum(wish->plan->conf, S("server.bind-failure"))) {
    case POLICY_AUTO:
        return e.kind == ERR_UNREACHABLE;
    case POLICY_FATAL:
        return false;
    case POLICY_RETRY:
        return true;
    }
    return false;
}

static struct err explain(struct place *p, struct err e, struct arena *a)
{
    pid_t holder = e.kind == ERR_EXISTS ? listening_holder(&p->at) : 0;
    if (holder != 0)
        return fail_fmt(a, e.kind, "listener %.*s: %.*s is in use: process %d listens there",
                ARG(p->listener), ARG(endpoint_text(a, &p->at)), (int)holder);
    return fail_fmt(a, e.kind, "listener %.*s: %.*s", ARG(p->listener), ARG(err_text(e)));
}

// For ERRNO= of the service manager: the kinds that binding ends with.
static int errno_of(enum err_kind kind)
{
    if (kind == ERR_EXISTS)
        return EADDRINUSE;
    if (kind == ERR_UNREACHABLE)
        return EADDRNOTAVAIL;
    return kind == ERR_REFUSED ? EACCES : EINVAL;
}

void place_tell_trouble(const struct place *p, struct event_log *log, struct err e)
{
    event(log, EV_NETWORK_BIND_ERROR, F_STR(listenerId, p->listener), F_IP(localIp, &p->at.ip),
            F_U64(localPort, p->at.port), F_STR(path, p->at.unix_path), F_ERR(reason, e));
}

struct err sockets_activate(struct sockets *set, struct arena *a)
{
    each_in_list (p, &set->places, struct place, in_set)
        for (; p->listening_count < p->count; p->listening_count++) {
            struct err e = net_activate(p->fds[p->listening_count], p->options.backlog);
            if (!failed(e))
                continue;
            set->last_errno = errno_of(e.kind);
            e = explain(p, e, a);
            return fail_fmt(
                    a, e.kind, "%.*s, at %.*s", ARG(err_text(e)), ARG(endpoint_text(a, &p->at)));
        }
    return OK;
}

size_t sockets_retry(struct sockets *set, const struct sockets_wish *wish, struct arena *a)
{
    size_t up = 0;
    struct wanted w;
    for (size_t i = 0; i < wish->plan->listener_count; i++)
        for (size_t j = 0; wanted_nth(wish->plan, i, j, &w); j++) {
            struct place *p = place_find(set, &w);
            if (p == NULL || !p->waiting)
                continue;
            struct err e = fill(p, &w, wish, a);
            for (; !failed(e) && p->listening_count < p->count; p->listening_count++)
                e = net_activate(p->fds[p->listening_count], p->options.backlog);
            if (failed(e)) {
                place_close(p, 0);
                continue;
            }
            p->waiting = false;
            up++;
            event(wish->log, EV_NETWORK_LISTEN_START, F_STR(listenerId, p->listener),
                    F_IP(localIp, &p->at.ip), F_U64(localPort, p->at.port),
                    F_STR(path, p->at.unix_path));
        }
    return up;
}
