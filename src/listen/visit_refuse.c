// SPDX-License-Identifier: Apache-2.0
// listen/visit_refuse.c: turning a client away: the event, the metric, and a last word in its
// protocol where one is wanted (listeners.md 7.3, 12.5). One write that cannot wait, never TLS,
// then a short drain, so that the word is not lost to a reset. A flood of refusals costs neither
// memory nor events: beyond a bound clients are closed without a word and without a line in the
// log.
#include "listen/visit_state.h"

#include "conf/bucket.h"
#include "rt/clock.h"
#include "rt/task.h"

#define DRAIN_BYTES_MAX 4096
#define DRAIN_WAIT_MS SECOND_MS
#define LIMIT_EVENTS_A_SECOND 10 // of each listener and process
#define BLOCKED_TOLD_MS MINUTE_MS

static void tell(struct visit *v, enum refusal why, uint64_t limit);
static void tell_limit(struct visit *v, enum refusal why, uint64_t limit);
static void tell_blocked(struct visit *v);
static enum refusal_label label_of(enum refusal why);
static bool wants_word(const struct visit *v, enum refusal why);
static struct str word_of(const struct listener *l, enum refusal why, struct arena *a);
static struct str smtp_word(struct str host, enum refusal why, struct arena *a);
static struct str http_word(enum refusal why);

void visit_refuse(struct visit *v, enum refusal why, uint64_t limit)
{
    struct listen_process *p = v->process;
    visit_count_refusal(v, label_of(why));
    tell(v, why, limit);
    if (!wants_word(v, why) || p->refusing >= REFUSALS_MAX)
        return;
    struct arena a AUTO(arena_done);
    arena_init(&a, SCRATCH_BYTES_MAX);
    p->refusing++;
    {
        within_ms(DRAIN_WAIT_MS);
        struct err e = stream_write(v->stream, word_of(v->listener, why, &a));
        if (!failed(e) && !failed(stream_end(v->stream)))
            stream_drain(v->stream, DRAIN_BYTES_MAX);
    }
    p->refusing--;
}

struct str listen_shed_word(const struct listener *l, struct arena *a)
{
    return l->tls.implicit ? S("") : word_of(l, REFUSED_GLOBAL, a);
}

void visit_count_refusal(struct visit *v, enum refusal_label label)
{
    metric_add(
            v->process->metrics, METRIC_LISTENER_REFUSED, LABELS(visit_state(v)->label, label), 1);
}

static void tell(struct visit *v, enum refusal why, uint64_t limit)
{
    switch (why) {
    case REFUSED_BLOCKED:
        tell_blocked(v);
        break;
    case REFUSED_GLOBAL:
    case REFUSED_LISTENER:
    case REFUSED_ADDRESS:
    case REFUSED_RATE:
        tell_limit(v, why, limit);
        break;
    }
}

static void tell_limit(struct visit *v, enum refusal why, uint64_t limit)
{
    static const struct bucket_rate rate = {.count = LIMIT_EVENTS_A_SECOND, .period_ms = SECOND_MS};
    static const struct str which[] = {
            [REFUSED_BLOCKED] = S_INIT("blocked"),
            [REFUSED_GLOBAL] = S_INIT("all listeners"),
            [REFUSED_LISTENER] = S_INIT("listener"),
            [REFUSED_ADDRESS] = S_INIT("address"),
            [REFUSED_RATE] = S_INIT("rate"),
    };
    int64_t *full_at_ns = &visit_state(v)->limits_told_full_at_ns;
    if (!bucket_take(full_at_ns, wall_ms() * BUCKET_MS_NS, &rate, 1))
        return;
    event(v->process->log, EV_LIMIT_CONCURRENT_CONNECTION, F_STR(listenerId, v->listener->id),
            F_U64(localPort, v->local.port), F_IP(remoteIp, &v->client.ip),
            F_U64(remotePort, v->client.port), F_U64(limit, limit), F_STR(reason, which[why]));
}

// Two addresses that share a place in the table are told more often than they should; no harm.
static void tell_blocked(struct visit *v)
{
    struct ip_net net = {.ip = v->client.ip, .prefix = 0};
    uint64_t hash = listen_client_hash(v->process->shared, COUNTED_OFFENCES, 0, &net);
    struct told_address *t = &v->process->told[hash % TOLD_ADDRESSES];
    bool same = ip_eq(&t->ip, &v->client.ip);
    t->untold = same ? t->untold + 1 : 1;
    if (same && wall_ms() - t->told_at_ms < BLOCKED_TOLD_MS)
        return;
    event(v->process->log, EV_SECURITY_IP_BLOCKED, F_STR(listenerId, v->listener->id),
            F_U64(localPort, v->local.port), F_IP(remoteIp, &v->client.ip),
            F_U64(remotePort, v->client.port), F_U64(total, t->untold));
    *t = (struct told_address){.ip = v->client.ip, .told_at_ms = wall_ms()};
}

static enum refusal_label label_of(enum refusal why)
{
    switch (why) {
    case REFUSED_BLOCKED:
        return REFUSAL_BLOCKED;
    case REFUSED_GLOBAL:
        return REFUSAL_GLOBAL;
    case REFUSED_LISTENER:
        return REFUSAL_LISTENER;
    case REFUSED_ADDRESS:
        return REFUSAL_ADDRESS;
    case REFUSED_RATE:
        break;
    }
    return REFUSAL_RATE;
}

static bool wants_word(const struct visit *v, enum refusal why)
{
    const struct listen_settings *s = v->process->settings;
    if (v->listener->tls.implicit)
        return false;
    return why == REFUSED_BLOCKED ? s->block_action == BLOCK_REPLY : s->limit_action == LIMIT_REPLY;
}

static struct str word_of(const struct listener *l, enum refusal why, struct arena *a)
{
    bool blocked = why == REFUSED_BLOCKED;
    switch (l->protocol) {
    case LISTEN_SMTP:
    case LISTEN_LMTP:
        return smtp_word(l->host, why, a);
    case LISTEN_HTTP:
        return http_word(why);
    case LISTEN_IMAP:
        return blocked ? S("* BYE Access denied\r\n")
                       : S("* BYE [UNAVAILABLE] Too many connections\r\n");
    case LISTEN_POP3:
        return blocked ? S("-ERR Access denied\r\n")
                       : S("-ERR [SYS/TEMP] Too many connections\r\n");
    case LISTEN_MANAGESIEVE:
        return blocked ? S("BYE \"Access denied\"\r\n")
                       : S("BYE (TRYLATER) \"Too many connections\"\r\n");
    }
    return S("");
}

static struct str smtp_word(struct str host, enum refusal why, struct arena *a)
{
    switch (why) {
    case REFUSED_BLOCKED:
        return arena_fmt(a, "554 5.7.1 %.*s Access denied.\r\n", ARG(host));
    case REFUSED_GLOBAL:
    case REFUSED_LISTENER:
        return arena_fmt(a, "421 4.3.2 %.*s Too many connections.\r\n", ARG(host));
    case REFUSED_ADDRESS:
    case REFUSED_RATE:
        break;
    }
    return arena_fmt(a, "421 4.7.0 %.*s Too many connections.\r\n", ARG(host));
}

#define HTTP_END "Content-Length: 0\r\nConnection: close\r\n\r\n"
static struct str http_word(enum refusal why)
{
    switch (why) {
    case REFUSED_BLOCKED:
        return S("HTTP/1.1 403 Forbidden\r\n" HTTP_END);
    case REFUSED_GLOBAL:
    case REFUSED_LISTENER:
        return S("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n" HTTP_END);
    case REFUSED_ADDRESS:
    case REFUSED_RATE:
        break;
    }
    return S("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\n" HTTP_END);
}
