// SPDX-License-Identifier: Apache-2.0
// server/sockets.c: which places there are, and which of them the configuration wants.
#include "server/sockets_state.h"

#include "rt/listening.h"
#include "rt/process.h"

static struct err want_one(struct sockets *set, const struct wanted *w,
        const struct sockets_wish *wish, struct arena *a);
static struct err want_again(struct sockets *set, struct place *p, const struct wanted *w,
        const struct sockets_wish *wish, struct arena *a);
static void warn_of_changes(
        const struct place *p, const struct wanted *w, const struct sockets_wish *wish);
static bool needs_new_socket(const struct listen_options *a, const struct listen_options *b);
static bool any_open(const struct sockets *set);
static bool is_wanted(const struct place *p, const struct plan *plan);
static void retire_place(struct place *p);

struct sockets *sockets_new(void)
{
    struct sockets *set = mem_new(struct sockets);
    if (set != NULL) {
        list_init(&set->places);
        arena_init(&set->arena, MIB);
    }
    return set;
}

void sockets_free(struct sockets *set)
{
    if (set == NULL)
        return;
    sockets_close(set, SOCKETS_KEEP_FILES);
    each_in_vec (c, &set->candidates)
        descriptor_close(c->fd);
    arena_done(&set->arena);
    mem_free(set);
}

void sockets_close(struct sockets *set, enum sockets_end how)
{
    each_safe_in_list (p, &set->places, struct place, in_set) {
        if (how == SOCKETS_REMOVE_FILES && !p->foreign && p->count > 0)
            unix_socket_remove(p->at.unix_path);
        place_free(p);
    }
}

struct err sockets_want(struct sockets *set, const struct sockets_wish *wish, struct arena *a)
{
    struct err e = OK;
    struct wanted w;
    for (size_t i = 0; i < wish->plan->listener_count && !failed(e); i++)
        for (size_t j = 0; !failed(e) && wanted_nth(wish->plan, i, j, &w); j++)
            e = want_one(set, &w, wish, a);
    if (!failed(e) && !any_open(set))
        e = fail(ERR_CONFIG, "not one listening socket could be bound");
    if (failed(e))
        sockets_undo(set);
    return e;
}

// The one place where the form of the configuration matters.
bool wanted_nth(const struct plan *plan, size_t listener, size_t address, struct wanted *out)
{
    const struct plan_listener *l = &plan->listeners[listener];
    if (address >= l->address_count)
        return false;
    const struct plan_address *at = &l->addresses[address];
    bool passed = at->bind.form == BIND_SYSTEMD;
    bool spread = !passed && at->options.reuse_port && str_is_null(at->at.unix_path);
    *out = (struct wanted){.listener = l,
            .at = at->at,
            .passed_as = passed ? at->bind.name : STR_NULL,
            .options = &at->options,
            .slots = spread ? plan->worker_count : 1};
    return true;
}

static struct err want_one(struct sockets *set, const struct wanted *w,
        const struct sockets_wish *wish, struct arena *a)
{
    struct place *p = place_find(set, w);
    if (p != NULL)
        return want_again(set, p, w, wish, a);
    TRY(place_new(set, w, &p));
    struct err e = OK;
    bool claimed = place_claim(set, p, wish->plan);
    if (!str_is_null(w->passed_as)) {
        if (!claimed)
            e = fail_fmt(a, ERR_CONFIG,
                    "listener %.*s: the service manager has passed no socket named '%.*s'",
                    ARG(p->listener), ARG(w->passed_as));
    } else if (!claimed || set->from == FROM_PREDECESSOR) {
        e = place_fill(set, p, w, wish, a);
    }
    if (failed(e))
        place_free(p);
    return e;
}

struct place *place_find(struct sockets *set, const struct wanted *w)
{
    each_in_list (p, &set->places, struct place, in_set)
        if (place_is(p, w))
            return p;
    return NULL;
}

// A port that the kernel chooses is another one for each listener.
bool place_is(const struct place *p, const struct wanted *w)
{
    if (!str_is_null(p->passed_as) || !str_is_null(w->passed_as))
        return !str_is_null(p->passed_as) && str_eq(p->passed_as, w->passed_as);
    bool by_kernel = w->at.port == 0 && str_is_null(w->at.unix_path);
    return endpoint_eq(&p->at, &w->at) && (!by_kernel || str_eq(p->listener, w->listener->id));
}

// A place that is there already: perhaps more workers than before, perhaps other options.
static struct err want_again(struct sockets *set, struct place *p, const struct wanted *w,
        const struct sockets_wish *wish, struct arena *a)
{
    if (p->waiting || !str_is_null(p->passed_as))
        return OK;
    warn_of_changes(p, w, wish);
    if (p->options.backlog != w->options->backlog) {
        for (size_t i = 0; i < p->listening_count; i++)
            TRY(net_activate(p->fds[i], w->options->backlog));
        p->options.backlog = w->options->backlog;
    }
    return p->options.reuse_port ? place_fill(set, p, w, wish, a) : OK;
}

// listeners.md 15.6. A socket that is in service keeps what it was made with.
static void warn_of_changes(
        const struct place *p, const struct wanted *w, const struct sockets_wish *wish)
{
    if (p->foreign || !needs_new_socket(&p->options, w->options))
        return;
    const struct conf *conf = wish->plan->conf;
    conf_warning(conf, wish->findings,
            conf_item(conf, S("server.listener"), w->listener->id, S("bind")), -1,
            S("needs-restart"),
            "other socket options for %.*s need a restart; it goes on with the former ones",
            ARG(endpoint_text(wish->findings->arena, &w->at)));
}

static bool needs_new_socket(const struct listen_options *a, const struct listen_options *b)
{
    return a->no_reuse_addr != b->no_reuse_addr || a->reuse_port != b->reuse_port ||
           a->v6only != b->v6only || a->freebind != b->freebind || a->ttl != b->ttl ||
           a->tos4 != b->tos4 || a->tos6 != b->tos6 ||
           a->send_buffer_bytes != b->send_buffer_bytes ||
           a->recv_buffer_bytes != b->recv_buffer_bytes ||
           a->defer_accept_ms != b->defer_accept_ms || !str_eq(a->bind_device, b->bind_device) ||
           a->mode != b->mode || !str_eq(a->user, b->user) || !str_eq(a->group, b->group);
}

static bool any_open(const struct sockets *set)
{
    each_in_list (p, &set->places, struct place, in_set)
        if (p->count > 0)
            return true;
    return false;
}

void sockets_undo(struct sockets *set)
{
    each_safe_in_list (p, &set->places, struct place, in_set) {
        place_close(p, p->settled_count);
        if (p->settled_count == 0 && !p->waiting)
            place_free(p);
    }
}

void place_close(struct place *p, size_t from)
{
    for (size_t i = from; i < p->count; i++)
        descriptor_close(p->fds[i]);
    if (from < p->count)
        p->count = from;
    if (p->listening_count > p->count)
        p->listening_count = p->count;
}

void sockets_settle(struct sockets *set, const struct plan *plan)
{
    each_safe_in_list (p, &set->places, struct place, in_set) {
        p->settled_count = p->count;
        if (!is_wanted(p, plan))
            retire_place(p);
    }
}

static bool is_wanted(const struct place *p, const struct plan *plan)
{
    struct wanted w;
    for (size_t i = 0; i < plan->listener_count; i++)
        for (size_t j = 0; wanted_nth(plan, i, j, &w); j++)
            if (place_is(p, &w))
                return true;
    return false;
}

// The workers of the former generation close theirs when they have accepted what is queued.
static void retire_place(struct place *p)
{
    if (!p->foreign && p->count > 0)
        unix_socket_remove(p->at.unix_path);
    place_free(p);
}

struct str sockets_waiting(const struct sockets *set, struct arena *a)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * KIB);
    each_in_list (p, &set->places, struct place, in_set) {
        if (!p->waiting)
            continue;
        buf_add(&text, text.len > 0 ? S(", listener ") : S("listener "));
        buf_add(&text, p->listener);
        buf_add_byte(&text, ' ');
        endpoint_add(&text, &p->at);
    }
    return arena_str(a, buf_str(&text));
}

size_t sockets_slots(const struct sockets *set)
{
    size_t most = 1;
    each_in_list (p, &set->places, struct place, in_set)
        if (p->count > most)
            most = p->count;
    return most;
}

struct err sockets_of(struct sockets *set, const struct plan *plan, struct arena *a,
        struct worker_socket **out, size_t *out_count)
{
    VEC(struct worker_socket) found = {0};
    struct wanted w;
    for (size_t i = 0; i < plan->listener_count; i++)
        for (size_t j = 0; wanted_nth(plan, i, j, &w); j++) {
            const struct place *p = place_find(set, &w);
            assert(p != NULL); // sockets_want has seen to it
            for (size_t slot = 0; slot < p->count; slot++) {
                struct worker_socket *s = vec_add(a, &found);
                if (s == NULL)
                    return fail(ERR_LIMIT, "no memory for a worker's sockets");
                *s = (struct worker_socket){.fd = p->fds[slot],
                        .slot = p->count > 1 ? slot : SOCKET_OF_ALL,
                        .listener = w.listener};
            }
        }
    *out = found.at;
    *out_count = found.count;
    return OK;
}

struct err sockets_list(const struct sockets *set, struct arena *a, struct inherited_socket **out,
        size_t *out_count)
{
    VEC(struct inherited_socket) all = {0};
    each_in_list (p, &set->places, struct place, in_set)
        for (size_t i = 0; i < p->settled_count; i++) {
            struct inherited_socket *s = vec_add(a, &all);
            if (s == NULL)
                return fail(ERR_LIMIT, "no memory to list the listening sockets");
            struct str name = str_is_null(p->passed_as) ? p->listener : p->passed_as;
            *s = (struct inherited_socket){.fd = p->fds[i], .name = name};
        }
    *out = all.at;
    *out_count = all.count;
    return OK;
}

int sockets_errno(const struct sockets *set)
{
    return set->last_errno;
}
