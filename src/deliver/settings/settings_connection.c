// SPDX-License-Identifier: Apache-2.0
// deliver/settings/settings_connection.c: queue.connection.<id>.* and the names of queue.source-ip
// (outbound.md 7.1, 7.3, 7.4).
#include "deliver/settings/settings_read.h"
#include "rt/net.h"

#define LINE_LIMIT_LEAST 78            // RFC 5322 2.1.1; encoded text has lines of 76
#define DATA_LEAST_MS (10 * MINUTE_MS) // RFC 5321 4.5.3.2.6

static struct err read_strategy(
        struct reading *r, const struct object *o, struct connection_strategy *out);
static void check_line_limit(
        struct reading *r, const struct object *o, const struct connection_strategy *read);
static void read_timeouts(
        struct reading *r, const struct object *o, struct connection_strategy *out);
static void read_reuse(struct reading *r, const struct object *o, struct connection_strategy *out);
static void read_socket(struct reading *r, const struct object *o, struct connection_strategy *out);
static struct err take_pool(
        struct reading *r, const struct object *o, struct connection_strategy *out) MUST_USE;
static struct err read_sources(
        struct reading *r, const struct object *o, struct connection_strategy *out);
static void check_source(struct reading *r, const struct object *o, int element,
        const struct source_address *sources, size_t count);
static void check_source_names(struct reading *r);
static bool is_used(const struct reading *r, const struct ip *ip);
static struct err check_interfaces(struct reading *r, const struct objects *all);

static const struct str names_map = S_INIT("queue.source-ip");

struct err settings_read_connections(struct reading *r)
{
    const struct str built_in = S("default");
    struct objects all;
    TRY(read_objects(r, S("queue.connection"), &built_in, 1, &all));
    struct connection_strategy *at =
            arena_array(r->arena, all.count + 1, struct connection_strategy);
    if (at == NULL)
        return fail(ERR_LIMIT, "no memory for the connection strategies");
    for (size_t i = 0; i < all.count; i++)
        TRY(read_strategy(r, &all.at[i], &at[i]));
    r->out->connections = at;
    r->out->connection_count = all.count;
    check_source_names(r);
    return check_interfaces(r, &all);
}

static struct err read_strategy(
        struct reading *r, const struct object *o, struct connection_strategy *out)
{
    static const enum source_select selects[] = {SOURCE_RANDOM, SOURCE_ROUND_ROBIN,
            SOURCE_HASH_SENDER, SOURCE_HASH_SENDER_DOMAIN, SOURCE_HASH_RCPT_DOMAIN,
            SOURCE_HASH_TENANT, SOURCE_HASH_CAMPAIGN}; // as the row
    *out = (struct connection_strategy){
            .id = o->id,
            .select = selects[object_word(r, o, S("select"))],
            .freebind = object_bool(r, o, S("freebind")),
            .line_bytes_max = object_u32(r, o, S("line-length-limit")),
    };
    check_line_limit(r, o, out);
    if (object_is_set(r, o, S("ehlo-hostname")))
        out->ehlo_name = object_str(r, o, S("ehlo-hostname"));
    read_timeouts(r, o, out);
    read_reuse(r, o, out);
    read_socket(r, o, out);
    return object_is_set(r, o, S("pool")) ? take_pool(r, o, out) : read_sources(r, o, out);
}

static void read_timeouts(
        struct reading *r, const struct object *o, struct connection_strategy *out)
{
    out->connect_ms = object_ms(r, o, S("timeout.connect"));
    out->session_ms = object_ms(r, o, S("timeout.session"));
    out->timeouts = (struct client_timeouts){
            .greeting_ms = object_ms(r, o, S("timeout.greeting")),
            .ehlo_ms = object_ms(r, o, S("timeout.ehlo")),
            .mail_ms = object_ms(r, o, S("timeout.mail-from")),
            .rcpt_ms = object_ms(r, o, S("timeout.rcpt-to")),
            .data_ms = object_ms(r, o, S("timeout.data")),
            .data_init_ms = object_ms(r, o, S("timeout.data-init")),
            .data_block_ms = object_ms(r, o, S("timeout.data-block")),
            .auth_ms = object_ms(r, o, S("timeout.auth")),
            .rset_ms = object_ms(r, o, S("timeout.rset")),
            .quit_ms = object_ms(r, o, S("timeout.quit")),
    };
    if (out->timeouts.data_ms < DATA_LEAST_MS)
        object_warning(r, o, S("timeout.data"), -1, S("short-timeout"),
                "shorter than the 10m of RFC 5321 4.5.3.2.6: a slow host that has taken the "
                "message gets it again");
}

static void read_reuse(struct reading *r, const struct object *o, struct connection_strategy *out)
{
    out->reuse = object_bool(r, o, S("reuse.enable"));
    out->reuse_messages_max = object_u32(r, o, S("reuse.max-messages"));
    out->reuse_age_ms = object_ms(r, o, S("reuse.max-age"));
    out->idle_ms = object_ms(r, o, S("reuse.idle-timeout"));
    out->idle_max = object_u32(r, o, S("reuse.max-idle"));
}

// Where lines were folded our own signatures are made anew; those of others cannot be.
static void check_line_limit(
        struct reading *r, const struct object *o, const struct connection_strategy *read)
{
    size_t limit = read->line_bytes_max;
    if (limit > 0 && limit < LINE_LIMIT_LEAST)
        object_error(r, o, S("line-length-limit"), -1, S("out-of-range"),
                "lines are folded at %d octets at least; 0: they are not", LINE_LIMIT_LEAST);
    else if (limit > 0)
        object_warning(r, o, S("line-length-limit"), -1, S("breaks-signatures"),
                "where a line is folded, signatures that others have made before do not verify");
}

// tos is for both families, as with listeners.
static void read_socket(struct reading *r, const struct object *o, struct connection_strategy *out)
{
    int tos = (int)object_u32(r, o, S("tos"));
    out->stream = (struct stream_options){.tos4 = tos,
            .tos6 = tos,
            .nodelay = object_bool(r, o, S("nodelay")),
            .keepalive_ms = object_ms(r, o, S("keepalive"))};
    out->fwmark = object_u32(r, o, S("fwmark"));
    out->mss = (int)object_u32(r, o, S("mss"));
    out->bind_device = object_str(r, o, S("bind-device"));
    if (out->bind_device.len > 0 && net_zone_index(out->bind_device) == 0)
        object_warning(r, o, S("bind-device"), -1, S("no-interface"),
                "this machine has no interface \"%.*s\"", ARG(out->bind_device));
}

// --- Our own addresses ---------------------------------------------------------------------------

static struct err read_sources(
        struct reading *r, const struct object *o, struct connection_strategy *out)
{
    struct conf_list list = conf_list(r->conf, object_key(r, o, S("source-ips")));
    struct source_address *at = arena_array(r->arena, list.count + 1, struct source_address);
    if (at == NULL)
        return fail(ERR_LIMIT, "no memory for the addresses of a connection strategy");
    for (size_t i = 0; i < list.count; i++) {
        at[i].ip = ip_unmap(list.at[i].value.net.ip);
        at[i].ehlo_name = settings_source_name(r, &at[i].ip);
        check_source(r, o, (int)i, at, i);
    }
    out->sources = at;
    out->source_count = list.count;
    return OK;
}

static struct err take_pool(
        struct reading *r, const struct object *o, struct connection_strategy *out)
{
    struct str id = object_str(r, o, S("pool"));
    if (object_is_set(r, o, S("source-ips")))
        object_error(r, o, S("source-ips"), -1, S("conflict"),
                "its addresses are those of the pool '%.*s': one of the two is too much", ARG(id));
    out->pool = settings_pool_named(r, id); // a reference to nothing has its finding
    if (out->pool != NULL) {
        out->sources = out->pool->sources;
        out->source_count = out->pool->source_count;
    }
    return OK;
}

static void check_source(struct reading *r, const struct object *o, int element,
        const struct source_address *sources, size_t count)
{
    const struct ip *ip = &sources[count].ip;
    if (ip_is_unspecified(ip))
        object_error(r, o, S("source-ips"), element, S("bad-address"),
                "%.*s is not usable as a source", ARG(ip_text(r->arena, ip)));
    for (size_t i = 0; i < count; i++)
        if (ip_eq(&sources[i].ip, ip))
            object_error(r, o, S("source-ips"), element, S("duplicate"), "duplicate: %.*s",
                    ARG(ip_text(r->arena, ip)));
}

struct str settings_source_name(struct reading *r, const struct ip *ip)
{
    struct conf_ids ids = conf_ids(r->conf, names_map);
    struct ip of;
    for (size_t i = 0; i < ids.count; i++) {
        struct str key = conf_item(r->conf, names_map, ids.at[i], S("ehlo-hostname"));
        if (ip_parse(ids.at[i], &of) && ip_eq(&of, ip) && conf_is_own(r->conf, key))
            return conf_str(r->conf, key);
    }
    return STR_NULL;
}

static void check_source_names(struct reading *r)
{
    struct conf_ids ids = conf_ids(r->conf, names_map);
    for (size_t i = 0; i < ids.count; i++) {
        struct str key = conf_item(r->conf, names_map, ids.at[i], S("ehlo-hostname"));
        struct ip ip;
        if (!ip_parse(ids.at[i], &ip))
            conf_error(r->conf, r->findings, key, -1, S("bad-address"),
                    "\"%.*s\" is not an IP address", ARG(ids.at[i]));
        else if (!is_used(r, &ip))
            conf_warning(r->conf, r->findings, key, -1, S("no-effect"),
                    "no connection strategy and no pool has %.*s among its addresses",
                    ARG(ids.at[i]));
    }
}

static bool is_used(const struct reading *r, const struct ip *ip)
{
    for (size_t i = 0; i < r->out->connection_count; i++)
        for (size_t k = 0; k < r->out->connections[i].source_count; k++)
            if (ip_eq(&r->out->connections[i].sources[k].ip, ip))
                return true;
    for (size_t i = 0; i < r->out->pool_count; i++)
        for (size_t k = 0; k < r->out->pools[i].source_count; k++)
            if (ip_eq(&r->out->pools[i].sources[k].ip, ip))
                return true;
    return false;
}

static struct err check_interfaces(struct reading *r, const struct objects *all)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct connection_strategy *c = &r->out->connections[i];
        for (size_t k = 0; c->pool == NULL && !c->freebind && k < c->source_count; k++)
            TRY(settings_check_interface(
                    r, &all->at[i], S("source-ips"), (int)k, &c->sources[k].ip));
    }
    return OK;
}
