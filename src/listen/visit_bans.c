// SPDX-License-Identifier: Apache-2.0
// listen/visit_bans.c: who may not come in (listeners.md 12): the lists of the configuration and
// the bans that the server itself has spoken. Allowed wins over both, and the allowed are not
// counted.
#include "listen/visit_state.h"

#include "rt/clock.h"

static bool is_allowed(const struct listen_process *p, const struct ip *ip);
static bool is_listed_or_banned(const struct listen_process *p, const struct ip *ip);
static const struct ban_settings *settings_of(const struct listen_process *p, enum offence what);
static bool is_one_too_many(const struct listen_process *p, enum offence what,
        const struct ip_net *client, struct str about);
static void tell(struct visit *v, enum offence what, struct str about, const struct ban *b);
static enum ban_reason reason_of(enum offence what);
static enum ban_label label_of(enum offence what);
static void tell_block_expired(void *process, const struct ip_net *net);
static void tell_allow_expired(void *process, const struct ip_net *net);

bool visit_is_blocked(struct visit *v)
{
    v->is_allowed = is_allowed(v->process, &v->client.ip);
    return !v->is_allowed && is_listed_or_banned(v->process, &v->client.ip);
}

bool listen_client_is(struct visit *v, const struct endpoint *client)
{
    v->client = *client;
    v->is_banned = false;
    if (!visit_is_blocked(v))
        return true;
    event(v->process->log, EV_SECURITY_IP_BLOCKED, F_STR(listenerId, v->listener->id),
            F_U64(localPort, v->local.port), F_IP(remoteIp, &client->ip), F_U64(total, 1));
    return false;
}

bool listen_lets_in(const struct visit *v, const struct ip *client)
{
    if (is_allowed(v->process, client) || !is_listed_or_banned(v->process, client))
        return true;
    event(v->process->log, EV_SECURITY_IP_BLOCKED, F_STR(listenerId, v->listener->id),
            F_U64(localPort, v->local.port), F_IP(remoteIp, client), F_U64(total, 1));
    return false;
}

bool listen_is_banned(const struct visit *v)
{
    struct ban found;
    struct ip_net net = client_net(&v->client.ip, v->process->settings->ban_ipv6_prefix);
    if (v->is_allowed)
        return false;
    return v->is_banned ||
           bans_find(&v->process->shared->bans, &net, wall_ms() / SECOND_MS, &found);
}

bool listen_offence(struct visit *v, enum offence what, struct str about)
{
    struct listen_process *p = v->process;
    const struct ban_settings *s = settings_of(p, what);
    struct ip_net net = client_net(&v->client.ip, p->settings->ban_ipv6_prefix);
    if (s->rate.count == 0 || is_allowed(p, &v->client.ip) ||
            !is_one_too_many(p, what, &net, about))
        return false;
    visit_ban(v, what, about, s->rate.count + 1);
    return true;
}

void listen_ban_now(struct visit *v, enum offence what, struct str about)
{
    if (!is_allowed(v->process, &v->client.ip))
        visit_ban(v, what, about, 1);
}

void visit_ban(struct visit *v, enum offence what, struct str about, uint64_t total)
{
    struct listen_process *p = v->process;
    int64_t now_s = wall_ms() / SECOND_MS, period_ms = settings_of(p, what)->period_ms;
    struct ban b = {
            .net = client_net(&v->client.ip, p->settings->ban_ipv6_prefix),
            .reason = reason_of(what),
            .listener_slot = v->listener->slot,
            .count = total,
            .created_s = now_s,
            .expires_s =
                    period_ms > 0 ? now_s + (period_ms + SECOND_MS - 1) / SECOND_MS : BAN_FOREVER,
    };
    v->is_banned = true;
    if (!bans_add(&p->shared->bans, &b, now_s))
        return; // another process was quicker, and has told it
    metric_add(p->metrics, METRIC_SECURITY_BANS, LABELS(label_of(what)), 1);
    tell(v, what, about, &b);
}

bool visit_is_allowed(const struct visit *v)
{
    return is_allowed(v->process, &v->client.ip);
}

bool listen_bans_next(struct listen_shared *s, size_t *at, int64_t wall_now_ms, struct ban *out)
{
    return bans_next(&s->bans, at, wall_now_ms / SECOND_MS, out);
}

bool listen_unban(struct listen_shared *s, const struct ip_net *net)
{
    for (size_t what = OFFENCE_AUTH; what <= OFFENCE_SCAN; what++)
        shared_buckets_reset(&s->buckets, listen_client_hash(s, COUNTED_OFFENCES, what, net));
    return bans_lift(&s->bans, net);
}

void listen_sweep(struct listen_process *p)
{
    struct ban over;
    int64_t now = wall_ms();
    for (size_t at = 0; bans_sweep(&p->shared->bans, &at, now / SECOND_MS, &over);)
        tell_block_expired(p, &over.net);
    nets_sweep(p->settings->blocked, now, tell_block_expired, p);
    nets_sweep(p->settings->allowed, now, tell_allow_expired, p);
}

static bool is_allowed(const struct listen_process *p, const struct ip *ip)
{
    return nets_admit(p->settings->allowed, p->settings->blocked, ip, wall_ms()) == ADMIT_ALLOWED;
}

static bool is_listed_or_banned(const struct listen_process *p, const struct ip *ip)
{
    struct ban found;
    struct ip_net net = client_net(ip, p->settings->ban_ipv6_prefix);
    return nets_contains(p->settings->blocked, ip, wall_ms()) ||
           bans_find(&p->shared->bans, &net, wall_ms() / SECOND_MS, &found);
}

// The bucket holds as many as are tolerated; whoever finds it empty is banned. Somebody who tries
// one recipient from many addresses never empties theirs: so the recipient may have one as well.
static bool is_one_too_many(const struct listen_process *p, enum offence what,
        const struct ip_net *client, struct str about)
{
    const struct rate *rate = &settings_of(p, what)->rate;
    uint64_t owner = listen_client_hash(p->shared, COUNTED_OFFENCES, what, client);
    bool by_rcpt = what == OFFENCE_ABUSE && p->settings->ban_abuse_per_recipient && about.len > 0;
    if (!shared_buckets_take(&p->shared->buckets, owner, rate, wall_ms()))
        return true;
    owner = listen_text_hash(p->shared, COUNTED_RCPT, 0, about);
    return by_rcpt && !shared_buckets_take(&p->shared->buckets, owner, rate, wall_ms());
}

static const struct ban_settings *settings_of(const struct listen_process *p, enum offence what)
{
    switch (what) {
    case OFFENCE_AUTH:
        return &p->settings->ban_auth;
    case OFFENCE_ABUSE:
        return &p->settings->ban_abuse;
    case OFFENCE_LOITER:
        return &p->settings->ban_loiter;
    case OFFENCE_SCAN:
        break;
    }
    return &p->settings->ban_scan;
}

static void tell(struct visit *v, enum offence what, struct str about, const struct ban *b)
{
    static const struct {
        enum event_id id;
        enum field_id about;
    } rows[] = {
            [OFFENCE_AUTH] = {EV_SECURITY_AUTHENTICATION_BAN, FIELD_accountName},
            [OFFENCE_ABUSE] = {EV_SECURITY_ABUSE_BAN, FIELD_to},
            [OFFENCE_LOITER] = {EV_SECURITY_LOITER_BAN, FIELD_COUNT},
            [OFFENCE_SCAN] = {EV_SECURITY_SCAN_BAN, FIELD_path},
    };
    struct field fields[4] = {F_IP(remoteIp, &v->client.ip), F_U64(total, b->count)};
    size_t count = 2;
    if (b->expires_s != BAN_FOREVER)
        fields[count++] = (struct field)F_TIME(expires, b->expires_s * SECOND_MS);
    if (!str_is_null(about) && rows[what].about != FIELD_COUNT) {
        fields[count] = (struct field)F_STR(path, about); // all of them are texts
        fields[count++].id = (uint8_t)rows[what].about;
    }
    if (v->process->log != NULL && event_is_wanted(v->process->log, rows[what].id))
        event_produce(v->process->log, NULL, rows[what].id, fields, count);
}

static enum ban_reason reason_of(enum offence what)
{
    switch (what) {
    case OFFENCE_AUTH:
        return BANNED_AUTH;
    case OFFENCE_ABUSE:
        return BANNED_ABUSE;
    case OFFENCE_LOITER:
        return BANNED_LOITER;
    case OFFENCE_SCAN:
        break;
    }
    return BANNED_SCAN;
}

static enum ban_label label_of(enum offence what)
{
    switch (what) {
    case OFFENCE_AUTH:
        return BAN_AUTH;
    case OFFENCE_ABUSE:
        return BAN_ABUSE;
    case OFFENCE_LOITER:
        return BAN_LOITER;
    case OFFENCE_SCAN:
        break;
    }
    return BAN_SCAN;
}

static void tell_block_expired(void *process, const struct ip_net *net)
{
    const struct listen_process *p = process;
    event(p->log, EV_SECURITY_IP_BLOCK_EXPIRED, F_IP(remoteIp, &net->ip));
}

static void tell_allow_expired(void *process, const struct ip_net *net)
{
    const struct listen_process *p = process;
    event(p->log, EV_SECURITY_IP_ALLOW_EXPIRED, F_IP(remoteIp, &net->ip));
}
