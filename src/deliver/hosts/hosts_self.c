// SPDX-License-Identifier: Apache-2.0
// deliver/hosts/hosts_self.c: who we are, and lists of hosts without us (RFC 5321 5.1; outbound.md
// 6.1).
//
// Of the hosts of a domain those that are not better than ourselves go: they would send mail back
// to us. Whether a host is us its name tells, or its addresses; so those of all hosts that might be
// tried are asked for at once, within a time, before the first one is tried. A host whose addresses
// came too late is found out when its turn comes (hosts_address.c).
#include "deliver/hosts/hosts_parts.h"

#include "deliver/answer.h"
#include "listen/settings.h"
#include "rt/rt.h"

#define LOOK_UP_WAIT_MS (5 * SECOND_MS) // longer than a server takes that answers at all
#define LOOK_UPS_AT_ONCE 8
#define NO_PREFERENCE UINT32_MAX // none is that bad: they have 16 bits

struct self_parts { // being made
    struct arena *arena;
    VEC(struct str) names;
    VEC(struct endpoint) at;
    const struct ip *own; // of the interfaces, when a listener wants them
    size_t own_count;
};

struct look_up {
    const struct hosts_inputs *in;
    struct arena *arena;
    struct host *host;
    int64_t left_ms;
};

static struct err add_name(struct self_parts *p, struct str name);
static struct err add_listener(struct self_parts *p, const struct listener *l);
static struct err add_wildcard(struct self_parts *p, const struct listen_address *address);
static struct err add_endpoint(struct self_parts *p, const struct ip *ip, uint16_t port);
static struct err strategies_add(struct self_parts *p, const struct deliver_settings *settings);
static size_t tried_count(const struct hosts_inputs *in, const struct host_list *list);
static bool listens_on(const struct self *self, uint16_t port);
static struct err look_up_all(
        const struct hosts_inputs *in, struct arena *a, struct host *hosts, size_t count) suspends;
static struct err look_up_main(void *arg) suspends;
static bool is_us_by_address(const struct self *self, const struct host *host);
static void keep_better(struct host_list *list, uint32_t preference);

struct err self_make(struct arena *a, const struct listen_settings *listen,
        const struct deliver_settings *settings, struct self *out)
{
    struct self_parts p = {.arena = a};
    TRY(add_name(&p, settings->host));
    TRY(add_name(&p, listen->host));
    for (size_t i = 0; i < listen->listener_count; i++)
        TRY(add_listener(&p, &listen->listeners[i]));
    TRY(strategies_add(&p, settings));
    for (size_t i = 0; i < settings->self_names.count; i++)
        TRY(add_name(&p, settings->self_names.at[i]));
    for (size_t i = 0; i < settings->self_ip_count; i++)
        TRY(add_endpoint(&p, &settings->self_ips[i], 0));
    *out = (struct self){.names = {p.names.at, p.names.count}, .at = p.at.at, .count = p.at.count};
    return OK;
}

static struct err add_name(struct self_parts *p, struct str name)
{
    struct strs known = {p->names.at, p->names.count};
    struct str read;
    if (str_is_empty(name))
        return OK;
    TRY(hosts_name_read(p->arena, name, &read));
    if (str_is_null(read) || strs_have(&known, read))
        return OK;
    struct str *one = vec_add(p->arena, &p->names);
    if (one == NULL)
        return fail(ERR_LIMIT, "no memory for our own names");
    *one = read;
    return OK;
}

// Sockets of the service manager come without an address; they have names like the others.
static struct err add_listener(struct self_parts *p, const struct listener *l)
{
    TRY(add_name(p, l->host));
    for (size_t i = 0; i < l->address_count; i++) {
        const struct listen_address *address = &l->addresses[i];
        if (address->bind.form != BIND_IP)
            continue;
        if (ip_is_unspecified(&address->bind.at.ip))
            TRY(add_wildcard(p, address));
        else
            TRY(add_endpoint(p, &address->bind.at.ip, address->bind.at.port));
    }
    return OK;
}

static struct err add_wildcard(struct self_parts *p, const struct listen_address *address)
{
    bool hears4 = bind_is_wildcard4(&address->bind) || !address->v6only;
    bool hears6 = bind_is_wildcard6(&address->bind);
    if (p->own == NULL)
        TRY(net_own_ips(p->arena, &p->own, &p->own_count));
    for (size_t i = 0; i < p->own_count; i++)
        if (p->own[i].family == IP_V4 ? hears4 : hears6)
            TRY(add_endpoint(p, &p->own[i], address->bind.at.port));
    return OK;
}

static struct err add_endpoint(struct self_parts *p, const struct ip *ip, uint16_t port)
{
    struct endpoint *e = vec_add(p->arena, &p->at);
    if (e == NULL)
        return fail(ERR_LIMIT, "no memory for our own addresses");
    *e = (struct endpoint){.ip = ip_unmap(*ip), .port = port};
    return OK;
}

static struct err strategies_add(struct self_parts *p, const struct deliver_settings *settings)
{
    for (size_t i = 0; i < settings->connection_count; i++) {
        const struct connection_strategy *c = &settings->connections[i];
        TRY(add_name(p, c->ehlo_name));
        for (size_t k = 0; k < c->source_count; k++)
            TRY(add_name(p, c->sources[k].ehlo_name));
    }
    for (size_t i = 0; i < settings->pool_count; i++)
        for (size_t k = 0; k < settings->pools[i].source_count; k++)
            TRY(add_name(p, settings->pools[i].sources[k].ehlo_name));
    return OK;
}

bool self_has_address(const struct self *self, const struct ip *ip, uint16_t port)
{
    struct ip plain = ip_unmap(*ip);
    for (size_t i = 0; i < self->count; i++)
        if ((self->at[i].port == port || self->at[i].port == 0) && ip_eq(&self->at[i].ip, &plain))
            return true;
    return false;
}

// --- Lists ---------------------------------------------------------------------------------------

struct err hosts_leave_out_self(
        const struct hosts_inputs *in, struct arena *a, struct host_list *list)
{
    uint32_t ours = NO_PREFERENCE;
    if (!in->settings->detect_self || list->count == 0)
        return OK;
    for (size_t i = list->count; i > 0; i--)
        if (strs_have(&in->self->names, list->at[i - 1].name))
            ours = list->at[i - 1].preference;
    keep_better(list, ours);
    size_t count = tried_count(in, list);
    if (count > 0 && listens_on(in->self, list->at[0].port))
        TRY(look_up_all(in, a, list->at, count));
    for (size_t i = count; i > 0; i--)
        if (is_us_by_address(in->self, &list->at[i - 1]))
            ours = list->at[i - 1].preference;
    keep_better(list, ours);
    if (list->count == 0)
        list->trouble =
                answer_permanent(CLIENT_CONNECT, FAILURE_CONNECTION, list->domain, S("5.4.6"),
                        arena_fmt(a, "mail for %.*s loops back to this server", ARG(list->domain)));
    return OK;
}

// Those that the limit of the route leaves, and their equals: one of these may be us.
static size_t tried_count(const struct hosts_inputs *in, const struct host_list *list)
{
    size_t count = in->route->hosts_max;
    if (count == 0 || count >= list->count)
        return list->count;
    while (count < list->count && list->at[count].preference == list->at[count - 1].preference)
        count++;
    return count;
}

static bool listens_on(const struct self *self, uint16_t port)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->at[i].port == port || self->at[i].port == 0)
            return true;
    return false;
}

static struct err look_up_all(
        const struct hosts_inputs *in, struct arena *a, struct host *hosts, size_t count)
{
    struct look_up *all = arena_array(a, count, struct look_up);
    struct group g AUTO(group_end);
    struct err e = OK;
    group_begin(&g);
    within_ms(LOOK_UP_WAIT_MS);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for questions");
    for (size_t i = 0; i < count && !failed(e); i++) {
        all[i] = (struct look_up){in, a, &hosts[i], deadline_left_ms()};
        if (str_is_null(hosts[i].name))
            continue;
        e = group_wait_below(&g, LOOK_UPS_AT_ONCE);
        if (!failed(e))
            e = group_spawn(&g, look_up_main, &all[i]);
    }
    if (!failed(e))
        e = group_wait_all(&g);
    return e.kind == ERR_TIMEOUT ? OK : e; // the caller's own time is looked at in his next wait
}

// Trouble is that of this host only, and comes up again when its turn comes.
static struct err look_up_main(void *arg)
{
    struct look_up *l = arg;
    within_ms(l->left_ms);
    task_describe("addresses of a host", NULL);
    struct err e = host_look_up(l->in, l->arena, l->host);
    return e.kind == ERR_CANCELLED ? e : OK;
}

static bool is_us_by_address(const struct self *self, const struct host *host)
{
    const struct dns_addresses *found = host->looked_up;
    if (str_is_null(host->name))
        return self_has_address(self, &host->at.ip, host->port);
    for (size_t i = 0; found != NULL && i < found->ipv4.count; i++)
        if (self_has_address(self, &found->ipv4.at[i], host->port))
            return true;
    for (size_t i = 0; found != NULL && i < found->ipv6.count; i++)
        if (self_has_address(self, &found->ipv6.at[i], host->port))
            return true;
    return false;
}

static void keep_better(struct host_list *list, uint32_t preference)
{
    while (list->count > 0 && list->at[list->count - 1].preference >= preference)
        list->count--;
}
