// SPDX-License-Identifier: Apache-2.0
// deliver/egress/egress_settings.c: what lies between us and the hosts of a route (outbound.md
// 3.3): a SOCKS5 proxy, a PROXY header, XCLIENT.
#include "deliver/settings/settings_read.h"

static struct err read_socks(struct reading *r, const struct object *o, struct route *out);
static void check_sockets(struct reading *r, const struct object *o, const struct route *route);

struct err settings_read_egress(struct reading *r, const struct object *o, struct route *out)
{
    out->proxy_version = (uint8_t)object_word(r, o, S("proxy-protocol")); // off, v1, v2
    out->xclient = object_bool(r, o, S("xclient"));
    if (out->xclient && out->helo_only)
        object_error(r, o, S("xclient"), -1, S("conflict"),
                "with helo-only no host can say that it takes XCLIENT");
    TRY(read_socks(r, o, out));
    check_sockets(r, o, out);
    return OK;
}

// The value may hold a password: what is wrong is told without it.
static struct err read_socks(struct reading *r, const struct object *o, struct route *out)
{
    struct str text = object_str(r, o, S("socks5")), why;
    if (str_is_empty(text))
        return OK;
    struct socks_proxy *proxy = arena_make(r->arena, struct socks_proxy);
    if (proxy == NULL)
        return fail(ERR_LIMIT, "no memory for the proxy of a route");
    out->socks = proxy;
    if (!socks_proxy_parse(r->arena, text, proxy, &why))
        object_error(r, o, S("socks5"), -1, S("bad-proxy"), "%.*s", ARG(why));
    return OK;
}

static void check_sockets(struct reading *r, const struct object *o, const struct route *route)
{
    bool has_socket = false;
    for (size_t i = 0; i < route->target_count; i++)
        has_socket |= !str_is_null(route->targets[i].at.unix_path);
    if (has_socket && route->proxy_version != 0)
        object_error(r, o, S("proxy-protocol"), -1, S("conflict"),
                "a PROXY header has no words for a Unix socket");
    if (has_socket && route->socks != NULL)
        object_error(r, o, S("socks5"), -1, S("conflict"), "no proxy leads to a Unix socket");
}
