// SPDX-License-Identifier: Apache-2.0
// listen/visit.c: admitting a connection (listeners.md 1, steps 2 to 9), in order, and letting it
// go.
#include "listen/visit_state.h"

#include "rt/clock.h"
#include "rt/net.h"
#include "rt/task.h"

#define GOODBYE_WAIT_MS SECOND_MS // for what is still to be sent when a connection ends
#define LINGER_BYTES_MAX (64 * MIB)
#define OPTION_TOLD_MS MINUTE_MS
#define SWEEP_MS MINUTE_MS
#define CLIENT_PREFIX 64 // of an IPv6 client, for the limits by address

static void begin(
        struct visit *v, struct listen_process *p, const struct listener *l, struct stream *s);
static bool may_send_header(const struct visit *v);
static bool take_slots(struct visit *v) suspends;
static bool take_client(struct visit *v) suspends;
static void tell_peer(struct visit *v);
static void set_options(struct visit *v);
static bool secure(struct visit *v) suspends;
static bool look_before_http(struct visit *v) suspends;

struct listen_process *listen_process_new(const struct listen_process_options *options)
{
    struct listen_process *p = mem_new(struct listen_process);
    size_t count = options->settings->listener_count;
    if (p == NULL)
        return NULL;
    *p = (struct listen_process){
            .settings = options->settings,
            .shared = options->shared,
            .column = options->column,
            .log = options->log,
            .metrics = options->metrics,
            .is_first = options->is_first,
            .states = mem_bytes((count + 1) * sizeof(struct listener_state)),
            .told = mem_bytes(TOLD_ADDRESSES * sizeof(struct told_address)),
    };
    if (options->conf != NULL)
        p->renewal = renewal_new(&(struct renewal_options){.conf = options->conf,
                .settings = options->settings,
                .log = options->is_first ? options->log : NULL});
    if (p->states == NULL || p->told == NULL || (options->conf != NULL && p->renewal == NULL)) {
        listen_process_free(p);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const struct listener *l = &options->settings->listeners[i];
        if (p->metrics != NULL)
            p->states[i].label = metrics_label_find(p->metrics->all, LABEL_LISTENER, l->id);
        if (l->tls_context != NULL)
            tls_context_log(l->tls_context, p->log);
    }
    return p;
}

void listen_process_free(struct listen_process *p)
{
    if (p == NULL)
        return;
    mem_free(p->states);
    mem_free(p->told);
    renewal_free(p->renewal);
    mem_free(p);
}

struct err listen_tend(void *process)
{
    struct listen_process *p = process;
    bool renews = p->renewal != NULL && renewal_watched(p->renewal) > 0;
    int64_t sweep_at_ms = now_ms() + SWEEP_MS, ends_at_ms = now_ms() + DAY_MS;
    task_describe("listeners", p);
    while (renews || p->is_first) {
        TRY(task_sleep_ms(renews ? RENEWAL_LOOK_MS : SWEEP_MS));
        if (renews)
            renewal_look(p->renewal, now_ms(), wall_ms());
        if (p->is_first && now_ms() >= sweep_at_ms) {
            listen_sweep(p);
            sweep_at_ms = now_ms() + SWEEP_MS;
        }
        if (p->renewal != NULL && p->is_first && now_ms() >= ends_at_ms) {
            renewal_tell_ends(p->renewal, wall_ms());
            ends_at_ms = now_ms() + DAY_MS;
        }
    }
    return OK;
}

bool listen_admit(
        struct listen_process *p, const struct listener *l, struct stream *s, struct visit *v)
{
    begin(v, p, l, s);
    bool trusted = v->by_trusted_proxy = may_send_header(v);
    metric_add(p->metrics, METRIC_LISTENER_ACCEPTED, LABELS(visit_state(v)->label), 1);
    if (!trusted && visit_is_blocked(v)) {
        visit_refuse(v, REFUSED_BLOCKED, 0);
        return false;
    }
    if (!trusted && l->proxy_mode == PROXY_MODE_REQUIRED) {
        visit_proxy_error(v, S("the peer is no trusted proxy"));
        return false;
    }
    if (!take_slots(v) || (trusted && !visit_read_header(v)))
        return false;
    if (trusted && visit_is_blocked(v)) {
        visit_refuse(v, REFUSED_BLOCKED, 0);
        return false;
    }
    if (!take_client(v))
        return false;
    tell_peer(v);
    set_options(v);
    return secure(v);
}

void listen_leave(struct visit *v)
{
    struct listen_process *p = v->process;
    {
        // With linger the peer is given time to read: closing while its bytes are unread would
        // reset the connection, and what we said last with it.
        int64_t linger_ms = v->listener->socket.linger_ms;
        within_ms(linger_ms > 0 ? linger_ms : GOODBYE_WAIT_MS);
        if (!failed(stream_end(v->stream)) && linger_ms > 0)
            stream_drain(v->stream, LINGER_BYTES_MAX);
    }
    if (v->holds_slots) {
        shared_count_give(&p->shared->by_listener[v->listener->slot], p->column);
        shared_count_give(&p->shared->connections, p->column);
        metric_gauge_add(p->metrics, METRIC_LISTENER_ACTIVE, LABELS(visit_state(v)->label), -1);
    }
    shared_clients_give(&p->shared->clients, p->column, v->client_slot);
    mem_free(v->proxied);
    v->holds_slots = false;
    v->client_slot = CLIENTS_NOWHERE;
    v->proxied = NULL;
}

struct listener_state *visit_state(const struct visit *v)
{
    return &v->process->states[v->listener->index];
}

static void begin(
        struct visit *v, struct listen_process *p, const struct listener *l, struct stream *s)
{
    *v = (struct visit){
            .process = p,
            .listener = l,
            .stream = s,
            .peer = *stream_peer(s),
            .local = *stream_local(s),
            .client = *stream_peer(s),
            .client_slot = CLIENTS_NOWHERE,
    };
    v->peer.ip = ip_unmap(v->peer.ip);
    v->local.ip = ip_unmap(v->local.ip);
    v->client.ip = v->peer.ip;
    if (!str_is_null(v->peer.unix_path)) // listeners.md 3.6
        v->client = (struct endpoint){.ip = {.family = IP_V4, .bytes = {127, 0, 0, 1}}};
}

// On a Unix socket its permissions are the trust.
static bool may_send_header(const struct visit *v)
{
    const struct listener *l = v->listener;
    if (l->proxy_mode == PROXY_MODE_OFF)
        return false;
    if (!str_is_null(v->peer.unix_path))
        return true;
    return l->proxy_nets != NULL && nets_contains(l->proxy_nets, &v->peer.ip, wall_ms());
}

// The reserve is for management: those who are allowed reach HTTP when all else is taken. Whether a
// proxy's client is among them is not known yet; the proxy is.
static bool take_slots(struct visit *v)
{
    struct listen_process *p = v->process;
    const struct listen_settings *s = p->settings;
    const struct listener *l = v->listener;
    bool allowed = nets_admit(s->allowed, s->blocked, &v->client.ip, wall_ms()) == ADMIT_ALLOWED;
    uint64_t reserve = allowed && l->protocol == LISTEN_HTTP ? s->connections_reserved : 0;
    if (!shared_count_take(&p->shared->connections, p->column, s->connections_max + reserve)) {
        visit_refuse(v, REFUSED_GLOBAL, s->connections_max);
        return false;
    }
    if (!shared_count_take(
                &p->shared->by_listener[l->slot], p->column, l->connections_max + reserve)) {
        shared_count_give(&p->shared->connections, p->column);
        visit_refuse(v, REFUSED_LISTENER, l->connections_max);
        return false;
    }
    v->holds_slots = true;
    metric_gauge_add(p->metrics, METRIC_LISTENER_ACTIVE, LABELS(visit_state(v)->label), 1);
    return true;
}

static bool take_client(struct visit *v)
{
    struct listen_process *p = v->process;
    const struct listener *l = v->listener;
    struct ip_net net = client_net(&v->client.ip, CLIENT_PREFIX);
    if (v->is_allowed)
        return true;
    if (l->connections_per_client_max > 0 &&
            !shared_clients_take(&p->shared->clients, p->column,
                    listen_client_hash(p->shared, COUNTED_CONNECTIONS, l->slot, &net),
                    l->connections_per_client_max, &v->client_slot)) {
        visit_refuse(v, REFUSED_ADDRESS, l->connections_per_client_max);
        return false;
    }
    if (l->connection_rate.count > 0 &&
            !shared_buckets_take(&p->shared->buckets,
                    listen_client_hash(p->shared, COUNTED_RATE, l->slot, &net), &l->connection_rate,
                    wall_ms())) {
        visit_refuse(v, REFUSED_RATE, l->connection_rate.count);
        return false;
    }
    return true;
}

// What logs should know of a client that does not stand at the other end itself.
static void tell_peer(struct visit *v)
{
    struct arena a AUTO(arena_done);
    const struct proxied *p = v->proxied;
    struct peer_credentials who;
    struct str details = STR_NULL;
    arena_init(&a, SCRATCH_BYTES_MAX);
    if (p != NULL)
        details = arena_fmt(&a, "by proxy %.*s%s%.*s%s%.*s%s%.*s%s%.*s",
                ARG(ip_text(&a, &v->peer.ip)), p->unique_id.len > 0 ? ", id " : "",
                ARG(p->unique_id), p->sni.len > 0 ? ", name " : "", ARG(p->sni),
                p->tls_version.len > 0 ? ", " : "", ARG(p->tls_version),
                p->tls_cipher.len > 0 ? " " : "", ARG(p->tls_cipher));
    else if (stream_credentials(v->stream, &who))
        details = arena_fmt(&a, "process %d of user %u, group %u", who.pid, who.uid, who.gid);
    if (!str_is_null(details))
        event(v->process->log, EV_NETWORK_PEER, F_STR(listenerId, v->listener->id),
                F_U64(localPort, v->local.port), F_IP(remoteIp, &v->client.ip),
                F_U64(remotePort, v->client.port), F_STR(details, details));
}

static void set_options(struct visit *v)
{
    const struct socket_settings *s = &v->listener->socket;
    struct stream_options options = {
            .ttl = s->ttl,
            .tos4 = s->tos4,
            .tos6 = s->tos6,
            .nodelay = s->nodelay,
            .keepalive_ms = s->keepalive_ms,
            .user_timeout_ms = s->user_timeout_ms,
    };
    struct listener_state *state = visit_state(v);
    struct arena a AUTO(arena_done);
    arena_init(&a, SCRATCH_BYTES_MAX);
    struct err e = stream_set_options(v->stream, &a, &options);
    bool tell =
            state->option_told_at_ms == 0 || wall_ms() - state->option_told_at_ms >= OPTION_TOLD_MS;
    if (!failed(e) || !tell)
        return;
    state->option_told_at_ms = wall_ms();
    event(v->process->log, EV_NETWORK_SET_OPT_ERROR, F_STR(listenerId, v->listener->id),
            F_IP(localIp, &v->local.ip), F_U64(localPort, v->local.port), F_ERR(reason, e));
}

static bool secure(struct visit *v)
{
    if (!v->listener->tls.implicit)
        return v->listener->protocol != LISTEN_HTTP || look_before_http(v);
    struct arena a AUTO(arena_done);
    arena_init(&a, SCRATCH_BYTES_MAX);
    return !failed(listen_handshake(v, &a));
}

// HTTP's clients speak first, so a header from one that must not send it is seen here. Those who
// say nothing are the HTTP server's, which has a time limit for them.
static bool look_before_http(struct visit *v)
{
    enum first_bytes first = FIRST_PLAIN;
    if (v->listener->proxy_mode == PROXY_MODE_OFF || v->by_trusted_proxy)
        return true;
    within_ms(v->listener->proxy_timeout_ms);
    struct err e = listen_first_bytes(v, &first);
    return (!failed(e) || e.kind == ERR_TIMEOUT) && first == FIRST_PLAIN;
}
