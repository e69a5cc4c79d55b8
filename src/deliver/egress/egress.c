// SPDX-License-Identifier: Apache-2.0
// deliver/egress/egress.c: see deliver/egress/egress.h.
#include "deliver/egress/egress.h"

#include "listen/proxy.h"
#include "proof/iprev.h"

#define PROXY_ADDRESSES_MAX 4 // of a SOCKS proxy with a name
#define NAME_WAIT_MS (10 * SECOND_MS)
#define NAMES_MAX 2

static struct err go_straight(
        struct remote *r, struct approach *p, struct stream **out) suspends MUST_USE;
static struct err go_by_proxy(
        struct remote *r, struct approach *p, struct stream **out) suspends MUST_USE;
static struct err reach_proxy(
        struct remote *r, const struct socks_proxy *proxy, struct stream **out) suspends MUST_USE;
static struct err find_proxy(struct remote *r, const struct socks_proxy *proxy,
        struct endpoint *out_at, size_t *out_count) suspends MUST_USE;
static struct err say_header(
        struct remote *r, struct approach *p, struct stream *s) suspends MUST_USE;

struct err egress_connect(struct remote *r, struct approach *p, struct stream **out)
{
    struct stream *s AUTO(stream_close_auto) = NULL;
    within_ms(p->how->connect_ms);
    TRY(r->route->socks == NULL ? go_straight(r, p, &s) : go_by_proxy(r, p, &s));
    TRY(say_header(r, p, s));
    *out = s;
    s = NULL;
    return OK;
}

static struct err go_straight(struct remote *r, struct approach *p, struct stream **out)
{
    const struct endpoint *to = &p->address->at;
    const struct connect_options options = sourced_options(p);
    struct err e = net_connect(to, &options, out);
    p->is_our_trouble = source_note(&r->j->d->sources, &p->from, &to->ip, e, now_ms());
    return e.kind == ERR_TIMEOUT ? fail(ERR_TIMEOUT, "Timeout while connecting") : e;
}

static struct err go_by_proxy(struct remote *r, struct approach *p, struct stream **out)
{
    struct arena *a = &r->j->arena;
    struct stream *s AUTO(stream_close_auto) = NULL;
    p->is_our_trouble = true;
    struct err e = reach_proxy(r, r->route->socks, &s);
    if (!failed(e))
        e = socks_connect(s, r->route->socks, &p->address->at, a);
    if (e.kind == ERR_CANCELLED)
        return e;
    if (e.kind == ERR_TIMEOUT)
        return fail(ERR_TIMEOUT, "Timeout while connecting through the SOCKS proxy");
    if (failed(e))
        return fail_fmt(a, e.kind, "the SOCKS proxy: %.*s", ARG(err_text(e)));
    p->is_our_trouble = false;
    *out = s;
    s = NULL;
    return OK;
}

static struct err reach_proxy(
        struct remote *r, const struct socks_proxy *proxy, struct stream **out)
{
    struct endpoint at[PROXY_ADDRESSES_MAX];
    size_t count = 0;
    TRY(find_proxy(r, proxy, at, &count));
    struct err e = fail(ERR_NOT_FOUND, "its name has no address");
    for (size_t i = 0; i < count && failed(e) && e.kind != ERR_CANCELLED; i++) {
        const struct source any = {0}; // source-ips are addresses that hosts are to see
        e = net_connect(&at[i], &(struct connect_options){.leaves_reserve = true}, out);
        source_note(&r->j->d->sources, &any, &at[i].ip, e, now_ms());
    }
    return e;
}

static struct err find_proxy(struct remote *r, const struct socks_proxy *proxy,
        struct endpoint *out_at, size_t *out_count)
{
    struct dns_addresses found;
    *out_count = 1;
    out_at[0] = proxy->at;
    if (str_is_null(proxy->name))
        return OK;
    TRY(dns_addresses_here(r->j->d->in.resolver, &r->j->arena, proxy->name, DNS_BOTH, &found));
    *out_count = 0;
    const struct dns_ip_answer *const families[] = {&found.ipv4, &found.ipv6};
    for (size_t f = 0; f < COUNT_OF(families); f++)
        for (size_t i = 0; i < families[f]->count && *out_count < PROXY_ADDRESSES_MAX; i++)
            out_at[(*out_count)++] =
                    (struct endpoint){.ip = families[f]->at[i], .port = proxy->at.port};
    return OK;
}

// --- Whose mail it is ----------------------------------------------------------------------------

// Nobody's, if we have made it ourselves: then the header names the connection's own ends.
static struct err say_header(struct remote *r, struct approach *p, struct stream *s)
{
    struct buf header AUTO(buf_done);
    const struct endpoint client = {.ip = r->j->m.from_ip};
    buf_init(&header, PROXY_BYTES_MAX);
    if (r->route->proxy_version == 0)
        return OK;
    proxy_write(&header, r->route->proxy_version, &client, &p->address->at);
    if (header.overflow)
        return fail(ERR_LIMIT, "no memory for a PROXY header");
    TRY(stream_write(s, buf_str(&header)));
    return stream_flush(s);
}

struct err egress_introduce(
        struct remote *r, struct approach *p, struct connection *c, struct client_answer *why)
{
    struct job *j = r->j;
    const struct iprev_settings settings = {.wait_ms = NAME_WAIT_MS, .names_max = NAMES_MAX};
    struct iprev_answer iprev;
    if (!r->route->xclient || j->m.from_ip.family == IP_NONE ||
            !client_offers(c->client, CLIENT_EXT_XCLIENT))
        return OK;
    TRY(iprev_check(j->d->in.resolver, &j->arena, &settings, &j->m.from_ip, &iprev));
    const struct client_origin origin = {.ip = ip_unmap(j->m.from_ip),
            .name = iprev.name,
            .name_may_come = iprev.result == IPREV_TEMPERROR,
            .helo = j->m.helo,
            .login = j->m.account};
    TRY(client_xclient(c->client, &j->arena, &origin, why));
    why->outcome.entity = p->name;
    if (why->verdict != CLIENT_GOOD)
        event_in(&j->span, EV_DELIVERY_EHLO_REJECTED, F_STR(domain, j->u->domain),
                F_STR(hostname, p->name), F_U64(code, why->outcome.code),
                F_STR(details, why->outcome.text));
    return OK;
}

struct str egress_client(const struct remote *r)
{
    struct arena *a = &r->j->arena;
    const struct message *m = &r->j->m;
    if (r->route->proxy_version == 0 && !r->route->xclient)
        return S("");
    return arena_fmt(a, " client=%.*s %zu:%.*s %zu:%.*s", ARG(ip_text(a, &m->from_ip)), m->helo.len,
            ARG(m->helo), m->account.len, ARG(m->account));
}

bool egress_is_local(const struct route *route, const struct endpoint *at)
{
    return route->socks == NULL && (!str_is_null(at->unix_path) || ip_is_loopback(&at->ip));
}
