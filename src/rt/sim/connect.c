// SPDX-License-Identifier: Apache-2.0
// rt/sim/connect.c: listening, connecting and accepting in memory. A listening socket may have
// several handles, as it has when processes inherit it; it closes with the last one. Addresses
// belong to nodes: a wildcard listener hears what is sent to its own node's addresses.
#include "rt/sim/world.h"

#define BACKLOG_DEFAULT 1024
#define PORT_FIRST 40000
#define PORT_LAST 60000

struct sim_acceptor {
    struct acceptor a;
    struct listener *listener;
    bool closed;
};

static struct err acceptor_over(struct listener *l, struct acceptor **out);
static struct err sim_accept(struct acceptor *a, struct stream **out) suspends;
static void sim_acceptor_close(struct acceptor *a);
static void sim_acceptor_free(struct acceptor *a);
static void listener_close(struct listener *l);
static void listener_unref(struct listener *l);
static struct listener *listener_for(struct sim *sim, const struct endpoint *to, struct node *from);
static struct node *node_of_ip(struct sim *sim, const struct ip *ip);
static struct endpoint source_for(
        struct sim *sim, const struct node *n, const struct endpoint *to, const struct ip *wanted);
static struct err connect_wait(struct conn *c) suspends;
static void syn_arrives(struct sim *sim, struct conn *c);
static void answer_arrives(struct sim *sim, struct conn *c);

static const struct acceptor_ops sim_acceptor_ops = {
        .accept = sim_accept, .close = sim_acceptor_close, .free = sim_acceptor_free};

// --- Listening -----------------------------------------------------------------------------------

struct err sim_backend_listen(
        const struct endpoint *at, const struct listen_options *options, struct acceptor **out)
{
    struct loop *loop = loop_running();
    struct node *n = loop->current == NULL ? NULL : loop->current->node;
    return sim_listen_on(sim_of_loop(loop), n, at, options, out);
}

struct err sim_listen_on(struct sim *sim, struct node *n, const struct endpoint *at,
        const struct listen_options *options, struct acceptor **out)
{
    each_in_list (l, &sim->listeners, struct listener, in_sim)
        if (l->node == n && endpoint_eq(&l->at, at) && !options->reuse_port)
            return fail(ERR_EXISTS, "the address is in use; is another server running there?");
    struct listener *l = mem_new(struct listener);
    if (l == NULL)
        return fail(ERR_LIMIT, "no memory for a listener");
    l->sim = sim;
    l->node = n;
    l->at = *at;
    buf_init(&l->path, UNIX_PATH_BYTES_MAX);
    if (!str_is_null(at->unix_path)) {
        buf_add(&l->path, at->unix_path);
        l->at.unix_path = buf_str(&l->path);
    } else if (at->port == 0) {
        l->at.port = sim->next_port++;
    }
    l->v6only = options->v6only;
    l->is_open = true;
    l->backlog = options->backlog > 0 ? (size_t)options->backlog : BACKLOG_DEFAULT;
    list_init(&l->queue);
    waitq_init(&l->arrived);
    list_append(&sim->listeners, &l->in_sim);
    return acceptor_over(l, out);
}

struct err sim_acceptor_share(struct acceptor *a, struct acceptor **out)
{
    assert(a->ops == &sim_acceptor_ops);
    return acceptor_over(CONTAINER_OF(a, struct sim_acceptor, a)->listener, out);
}

size_t sim_acceptor_handles(const struct acceptor *a)
{
    assert(a->ops == &sim_acceptor_ops);
    return CONTAINER_OF((struct acceptor *)(uintptr_t)a, struct sim_acceptor, a)->listener->refs;
}

static struct err acceptor_over(struct listener *l, struct acceptor **out)
{
    struct sim_acceptor *a = mem_new(struct sim_acceptor);
    l->refs++;
    if (a == NULL) {
        listener_unref(l);
        return fail(ERR_LIMIT, "no memory for a listener");
    }
    *a = (struct sim_acceptor){.a = {.ops = &sim_acceptor_ops, .local = l->at}, .listener = l};
    *out = &a->a;
    return OK;
}

static struct err sim_accept(struct acceptor *acceptor, struct stream **out)
{
    struct sim_acceptor *a = CONTAINER_OF(acceptor, struct sim_acceptor, a);
    for (;;) {
        if (a->closed || !a->listener->is_open)
            return fail(ERR_CLOSED, "the listener was closed");
        struct link *k = list_take_first(&a->listener->queue);
        if (k == NULL) {
            TRY(waitq_wait(&a->listener->arrived, "a connection"));
            continue;
        }
        a->listener->waiting--;
        struct conn *c = CONTAINER_OF(k, struct conn, in_queue);
        journal_add(c->sim, NOTE_ACCEPT, &c->ends[1], S(""));
        struct err e = conn_stream(&c->ends[1], out);
        conn_unref(c); // of the queue
        return e;
    }
}

static void sim_acceptor_close(struct acceptor *acceptor)
{
    struct sim_acceptor *a = CONTAINER_OF(acceptor, struct sim_acceptor, a);
    if (a->closed)
        return;
    a->closed = true;
    waitq_wake_all(&a->listener->arrived);
    if (a->listener->refs == 1)
        listener_close(a->listener);
}

// Several handles may be closed and not yet freed: the last one to be freed closes for sure.
static void sim_acceptor_free(struct acceptor *acceptor)
{
    struct sim_acceptor *a = CONTAINER_OF(acceptor, struct sim_acceptor, a);
    sim_acceptor_close(acceptor);
    listener_unref(a->listener);
    mem_free(a);
}

static void listener_unref(struct listener *l)
{
    if (--l->refs > 0)
        return;
    listener_close(l);
    buf_done(&l->path);
    mem_free(l);
}

// Connections that nobody has accepted are reset, as the system does it.
static void listener_close(struct listener *l)
{
    if (!l->is_open)
        return;
    l->is_open = false;
    link_remove(&l->in_sim);
    for (struct link *k; (k = list_take_first(&l->queue)) != NULL;) {
        struct conn *c = CONTAINER_OF(k, struct conn, in_queue);
        if (!c->ends[1].is_dead)
            conn_reset_peer(&c->ends[1]);
        conn_unref(c);
    }
    waitq_wake_all(&l->arrived);
}

void listeners_of_node_close(struct node *n)
{
    each_safe_in_list (l, &n->sim->listeners, struct listener, in_sim)
        if (l->node == n)
            listener_close(l);
}

// --- Connecting ----------------------------------------------------------------------------------

struct err sim_backend_connect(
        const struct endpoint *to, const struct connect_options *options, struct stream **out)
{
    struct loop *loop = loop_running();
    struct sim *sim = sim_of_loop(loop);
    struct node *n = loop->current->node;
    if (n != NULL && n->is.ip_count > 0 && options->from.family != IP_NONE && !options->freebind &&
            node_of_ip(sim, &options->from) != n)
        return fail(ERR_NOT_FOUND, "the source address cannot be used");
    struct endpoint from = source_for(sim, n, to, &options->from);
    struct conn *c = conn_new(sim, &from, to);
    if (c == NULL)
        return fail(ERR_LIMIT, "no memory for a connection");
    c->ends[0].node = n;
    c->refs++; // of this call
    struct stream *s;
    struct err e = conn_stream(&c->ends[0], &s);
    if (!failed(e)) {
        journal_add(sim, NOTE_CONNECT, &c->ends[0], S(""));
        agenda_add(sim, sim->now_ns + c->wire.latency_us * 1000, DUE_SYN, c, 1, 0);
        agenda_add(sim, sim->now_ns + CONNECT_GIVE_UP_NS, DUE_CONNECT_GIVE_UP, c, 0, 0);
        e = connect_wait(c);
        if (failed(e))
            stream_close(s);
        else
            *out = s;
    }
    conn_unref(c);
    return e;
}

static struct err connect_wait(struct conn *c)
{
    while (c->connecting == CONNECT_ASKED && !c->ends[0].is_broken)
        TRY(waitq_wait(&c->ends[0].writable, "a connection to be made"));
    switch (c->connecting) {
    case CONNECT_ASKED:
    case CONNECT_DONE:
        return OK; // if it broke meanwhile, the first read tells
    case CONNECT_REFUSED:
        return fail(ERR_UNREACHABLE, "connection refused");
    case CONNECT_LOST:
        return fail(ERR_TIMEOUT, "the host does not answer");
    }
    return OK;
}

static struct endpoint source_for(
        struct sim *sim, const struct node *n, const struct endpoint *to, const struct ip *wanted)
{
    if (!str_is_null(to->unix_path))
        return (struct endpoint){.unix_path = S("")};
    struct endpoint from = {.ip = *wanted, .port = sim->next_port};
    sim->next_port = sim->next_port >= PORT_LAST ? PORT_FIRST : (uint16_t)(sim->next_port + 1);
    for (size_t i = 0; from.ip.family == IP_NONE && n != NULL && i < n->is.ip_count; i++)
        if (n->is.ips[i].family == to->ip.family)
            from.ip = n->is.ips[i];
    if (from.ip.family == IP_NONE)
        from.ip = to->ip.family == IP_V6 ? (struct ip){IP_V6, {0x20, 1, 0xd, 0xb8, [15] = 1}}
                                         : (struct ip){IP_V4, {192, 0, 2, 1}};
    return from;
}

void connect_due(struct sim *sim, const struct due *due)
{
    struct conn *c = due->conn;
    switch ((enum due_kind)due->kind) {
    case DUE_SYN:
        syn_arrives(sim, c);
        break;
    case DUE_ANSWER:
        answer_arrives(sim, c);
        break;
    case DUE_CONNECT_GIVE_UP:
        if (c->connecting == CONNECT_ASKED) {
            c->connecting = CONNECT_LOST;
            waitq_wake_all(&c->ends[0].writable);
        }
        break;
    case DUE_SEGMENT:
    case DUE_GIVE_UP:
        break;
    }
}

static void syn_arrives(struct sim *sim, struct conn *c)
{
    struct node *n = node_of_ip(sim, &c->to.ip);
    c->syn_held = false;
    if (!c->ends[0].is_open || c->connecting != CONNECT_ASKED)
        return; // given up meanwhile
    if (path_is_cut(sim, &c->ends[0], &c->ends[1]) || (n != NULL && !n->is_up && n->silent)) {
        c->syn_held = true;
        return;
    }
    struct listener *l = listener_for(sim, &c->to, c->ends[0].node);
    if (l == NULL || l->waiting >= l->backlog || sim_happens(sim, sim->faults.refuse_permille)) {
        c->connecting = CONNECT_REFUSED;
    } else {
        c->connecting = CONNECT_DONE;
        c->ends[1].node = l->node;
        c->refs++; // of the queue
        l->waiting++;
        list_append(&l->queue, &c->in_queue);
        waitq_wake_all(&l->arrived);
    }
    agenda_add(sim, sim->now_ns + c->wire.latency_us * 1000, DUE_ANSWER, c, 0, 0);
}

static void answer_arrives(struct sim *sim, struct conn *c)
{
    if (c->connecting == CONNECT_REFUSED)
        journal_add(sim, NOTE_REFUSE, &c->ends[0], S(""));
    waitq_wake_all(&c->ends[0].writable);
}

// The listener of that very address first; then a wildcard one of the node that has the address.
static struct listener *listener_for(struct sim *sim, const struct endpoint *to, struct node *from)
{
    struct node *owner = node_of_ip(sim, &to->ip);
    struct listener *found = NULL;
    each_in_list (l, &sim->listeners, struct listener, in_sim) {
        if (!str_is_null(to->unix_path) || !str_is_null(l->at.unix_path)) {
            if (l->node == from && endpoint_eq(&l->at, to))
                return l;
            continue;
        }
        if (l->at.port != to->port)
            continue;
        bool is_local = ip_is_loopback(&to->ip); // everybody has one of those
        if (ip_eq(&l->at.ip, &to->ip) && (!is_local || l->node == from || from == NULL))
            return l;
        bool hears_family =
                l->at.ip.family == to->ip.family || (l->at.ip.family == IP_V6 && !l->v6only);
        if (ip_is_unspecified(&l->at.ip) && hears_family && owner != NULL && l->node == owner)
            found = l;
    }
    return found;
}

static struct node *node_of_ip(struct sim *sim, const struct ip *ip)
{
    each_in_list (n, &sim->nodes, struct node, in_sim)
        for (size_t i = 0; i < n->is.ip_count; i++)
            if (ip_eq(&n->is.ips[i], ip))
                return n;
    return NULL;
}

// Outside of all nodes there is no machine, and so no address.
struct err sim_backend_own_ips(struct arena *a, const struct ip **out, size_t *out_count)
{
    const struct task *t = loop_running()->current;
    size_t count = t == NULL || t->node == NULL ? 0 : t->node->is.ip_count;
    struct ip *ips = arena_array(a, count + 1, struct ip);
    if (ips == NULL)
        return fail(ERR_LIMIT, "no memory for addresses");
    for (size_t i = 0; i < count; i++)
        ips[i] = t->node->is.ips[i];
    *out = ips;
    *out_count = count;
    return OK;
}

struct err sim_backend_pair(struct stream *out[2])
{
    struct loop *loop = loop_running();
    struct endpoint nowhere = {.unix_path = S("pair")};
    struct conn *c = conn_new(sim_of_loop(loop), &nowhere, &nowhere);
    if (c == NULL)
        return fail(ERR_LIMIT, "no memory for a connection");
    c->wire = (struct sim_wire){0};
    c->connecting = CONNECT_DONE;
    c->refs++;
    struct err e = OK;
    for (int side = 0; side < 2 && !failed(e); side++) {
        c->ends[side].segment_bytes = 0;
        c->ends[side].node = loop->current == NULL ? NULL : loop->current->node;
        e = conn_stream(&c->ends[side], &out[side]);
        if (failed(e) && side == 1)
            stream_close(out[0]);
    }
    conn_unref(c);
    return e;
}
