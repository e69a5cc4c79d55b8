// SPDX-License-Identifier: Apache-2.0
// deliver/settings/settings_route.c: queue.route.<id>.* (outbound.md 3, 24): the type, what all
// types have, and that no route has keys of another type; then hosts by the DNS. Hosts that are
// named, and mailboxes, have files of their own.
#include "deliver/settings/settings_read.h"

static struct err read_route(struct reading *r, const struct object *o, struct route *out);
static bool read_type(struct reading *r, const struct object *o, enum route_type *out);
static void check_members(struct reading *r, const struct object *o, const struct route *route);
static uint32_t failover_of(struct reading *r, const struct object *o);
static uint32_t extensions_of(struct reading *r, const struct object *o);
static void read_addresses_wanted(struct reading *r, const struct object *o, struct route *out);
static struct err read_mx(struct reading *r, const struct object *o, struct route *out);

static const struct str mx = S_INIT("mx"), local = S_INIT("local");

struct err settings_read_routes(struct reading *r)
{
    const struct str built_in[] = {mx, local};
    struct objects all;
    TRY(read_objects(r, S("queue.route"), built_in, COUNT_OF(built_in), &all));
    struct route *routes = arena_array(r->arena, all.count + 1, struct route);
    if (routes == NULL)
        return fail(ERR_LIMIT, "no memory for the routes");
    r->out->routes = routes;
    for (size_t i = 0; i < all.count; i++) {
        r->out->route_count++; // from here on it is given back with the others
        TRY(read_route(r, &all.at[i], &routes[i]));
    }
    return OK;
}

static struct err read_route(struct reading *r, const struct object *o, struct route *out)
{
    *out = (struct route){
            .id = o->id,
            .rcpts_max = object_u32(r, o, S("max-rcpt")),
            .failover = failover_of(r, o),
            .extensions_off = extensions_of(r, o),
            .helo_only = object_bool(r, o, S("helo-only")),
            .hide_local = object_bool(r, o, S("hide-local")),
    };
    if (!read_type(r, o, &out->type))
        return OK;
    if (out->type == ROUTE_LOCAL)
        TRY(settings_read_local(r, o, out));
    check_members(r, o, out);
    bool has_hosts = out->type != ROUTE_LOCAL || out->store == LOCAL_LMTP;
    if (!has_hosts)
        return OK;
    read_addresses_wanted(r, o, out);
    TRY(out->type == ROUTE_MX ? read_mx(r, o, out) : settings_read_hosts_of(r, o, out));
    return settings_read_egress(r, o, out);
}

// The two built-in routes need not say it again when they get other values.
static bool read_type(struct reading *r, const struct object *o, enum route_type *out)
{
    static const enum route_type types[] = {ROUTE_RELAY, ROUTE_LOCAL, ROUTE_MX}; // as in the row
    if (object_is_set(r, o, S("type"))) {
        *out = types[object_word(r, o, S("type"))];
        return true;
    }
    if (!str_eq(o->id, mx) && !str_eq(o->id, local)) {
        object_error(r, o, S("type"), -1, S("missing"),
                "Invalid route type: \"\". Expected 'relay', 'local', or 'mx'.");
        return false;
    }
    *out = str_eq(o->id, mx) ? ROUTE_MX : ROUTE_LOCAL;
    return true;
}

#define OF_MX 1U
#define OF_NAMED 2U // relay, and local with store = "lmtp"
#define OF_MAILBOXES 4U
#define OF_LOCAL 8U // whatever its store

// A key that a route of this type does not look at would be a promise that nobody keeps.
static void check_members(struct reading *r, const struct object *o, const struct route *route)
{
    static const struct {
        uint32_t types;
        struct str member;
    } members[] = {
            {OF_MX | OF_NAMED, S_INIT("failover")},
            {OF_MX | OF_NAMED, S_INIT("disable-extensions")},
            {OF_MX | OF_NAMED, S_INIT("helo-only")},
            {OF_MX | OF_NAMED, S_INIT("hide-local")},
            {OF_MX | OF_NAMED, S_INIT("socks5")},
            {OF_MX | OF_NAMED, S_INIT("limits.multihomed")},
            {OF_MX | OF_NAMED, S_INIT("ip-lookup")},
            {OF_MX | OF_NAMED, S_INIT("port")},
            {OF_MX, S_INIT("limits.mx")},
            {OF_MX, S_INIT("domain")},
            {OF_MX, S_INIT("prohibited-ips")},
            {OF_MX, S_INIT("implicit-mx")},
            {OF_MX, S_INIT("allow-literals")},
            {OF_MX, S_INIT("accept-mx-ip")},
            {OF_NAMED, S_INIT("address")},
            {OF_NAMED, S_INIT("protocol")},
            {OF_NAMED, S_INIT("tls.implicit")},
            {OF_NAMED, S_INIT("tls.allow-invalid-certs")},
            {OF_NAMED, S_INIT("tls.starttls")},
            {OF_NAMED, S_INIT("tls.name")},
            {OF_NAMED, S_INIT("tls.ca-file")},
            {OF_NAMED, S_INIT("tls.certificate")},
            {OF_NAMED, S_INIT("auth.username")},
            {OF_NAMED, S_INIT("auth.secret")},
            {OF_NAMED, S_INIT("auth.token")},
            {OF_NAMED, S_INIT("auth.mechanisms")},
            {OF_NAMED, S_INIT("auth.allow-plaintext")},
            {OF_NAMED, S_INIT("balance")},
            {OF_NAMED, S_INIT("proxy-protocol")},
            {OF_NAMED, S_INIT("xclient")},
            {OF_LOCAL, S_INIT("store")},
            {OF_MAILBOXES, S_INIT("path")},
            {OF_MAILBOXES, S_INIT("create")},
            {OF_MAILBOXES, S_INIT("uid")},
            {OF_MAILBOXES, S_INIT("gid")},
            {OF_MAILBOXES, S_INIT("mode")},
            {OF_MAILBOXES, S_INIT("quota")},
            {OF_MAILBOXES, S_INIT("over-quota")},
            {OF_MAILBOXES, S_INIT("headers")},
    };
    uint32_t is = route->type == ROUTE_LOCAL ? OF_LOCAL : 0;
    is |= route->type == ROUTE_MX ? OF_MX : 0;
    is |= route->type == ROUTE_RELAY || (is == OF_LOCAL && route->store == LOCAL_LMTP) ? OF_NAMED
                                                                                       : 0;
    is |= route->type == ROUTE_LOCAL && route->store == LOCAL_MAILDIR ? OF_MAILBOXES : 0;
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        uint32_t of = members[i].types;
        if ((of & is) != 0 || !object_is_set(r, o, members[i].member))
            continue;
        struct str who = S("a route of type 'mx' or 'relay', or 'local' with store = \"lmtp\",");
        if (of == OF_MX)
            who = S("a route of type 'mx'");
        else if (of == OF_NAMED)
            who = S("a route of type 'relay', or 'local' with store = \"lmtp\",");
        else if (of == OF_LOCAL)
            who = S("a route of type 'local'");
        else if (of == OF_MAILBOXES)
            who = S("a route of type 'local' with store = \"maildir\"");
        object_error(r, o, members[i].member, -1, S("wrong-type"), "only %.*s has this", ARG(who));
    }
}

static uint32_t failover_of(struct reading *r, const struct object *o)
{
    static const uint32_t stages[] = {1U << CLIENT_CONNECT, 1U << CLIENT_GREETING,
            1U << CLIENT_EHLO, 1U << CLIENT_TLS, 1U << CLIENT_AUTH, 1U << CLIENT_MAIL,
            1U << CLIENT_DATA | 1U << CLIENT_EOD, 1U << CLIENT_RCPT}; // as in the row
    struct conf_list list = conf_list(r->conf, object_key(r, o, S("failover")));
    uint32_t failover = 0;
    for (size_t i = 0; i < list.count; i++)
        failover |= stages[list.at[i].value.integer];
    return failover;
}

static uint32_t extensions_of(struct reading *r, const struct object *o)
{
    static const enum client_extension extensions[] = {CLIENT_EXT_PIPELINING, CLIENT_EXT_SIZE,
            CLIENT_EXT_8BITMIME, CLIENT_EXT_SMTPUTF8, CLIENT_EXT_CHUNKING, CLIENT_EXT_BINARYMIME,
            CLIENT_EXT_DSN, CLIENT_EXT_STARTTLS, CLIENT_EXT_AUTH, CLIENT_EXT_REQUIRETLS,
            CLIENT_EXT_DELIVERBY, CLIENT_EXT_MT_PRIORITY, CLIENT_EXT_ENHANCEDSTATUSCODES,
            CLIENT_EXT_LIMITS}; // as in the row
    struct conf_list list = conf_list(r->conf, object_key(r, o, S("disable-extensions")));
    uint32_t off = 0;
    for (size_t i = 0; i < list.count; i++)
        off |= (uint32_t)extensions[list.at[i].value.integer];
    return off;
}

static void read_addresses_wanted(struct reading *r, const struct object *o, struct route *out)
{
    static const enum ip_order orders[] = {
            IP4_THEN_IP6, IP6_THEN_IP4, IP4_ONLY, IP6_ONLY, IP_ALTERNATE}; // as in the row
    out->ip_order = orders[object_word(r, o, S("ip-lookup"))];
    out->addresses_max = object_u32(r, o, S("limits.multihomed"));
    if (out->addresses_max == 0)
        out->addresses_max = out->type == ROUTE_MX ? 2 : 10;
    out->port = (uint16_t)object_u32(r, o, S("port")); // 0: not set
}

static struct err read_mx(struct reading *r, const struct object *o, struct route *out)
{
    out->hosts_max = object_u32(r, o, S("limits.mx"));
    out->port = out->port != 0 ? out->port : 25;
    out->mx_domain = object_str(r, o, S("domain"));
    out->implicit_mx = object_bool(r, o, S("implicit-mx"));
    out->allow_literals = object_bool(r, o, S("allow-literals"));
    out->accept_mx_ip = object_bool(r, o, S("accept-mx-ip"));
    return read_nets(r, object_key(r, o, S("prohibited-ips")), &out->prohibited);
}
