// SPDX-License-Identifier: Apache-2.0
// http/route.c: which handler serves a path? The table is small and searched in order, so that of
// two routes that match the first one counts.
#include "http/exchange.h"

#define METHODS_BYTES_MAX 128

static bool path_matches(struct str pattern, struct str path);
static bool method_matches(enum http_method served, enum http_method asked);

const struct http_route *http_route_find(
        const struct http_server *server, struct str path, enum http_method method, bool *out_known)
{
    *out_known = false;
    for (size_t i = 0; i < server->route_count; i++) {
        const struct http_route *route = &server->routes[i];
        if (!path_matches(route->path, path))
            continue;
        *out_known = true;
        if (method_matches(route->method, method))
            return route;
    }
    return NULL;
}

static bool path_matches(struct str pattern, struct str path)
{
    if (!str_ends(pattern, S("/*")))
        return str_eq(pattern, path);
    return str_starts(path, str_upto(pattern, pattern.len - 1));
}

static bool method_matches(enum http_method served, enum http_method asked)
{
    return served == asked || (served == HTTP_GET && asked == HTTP_HEAD);
}

struct str http_route_methods(const struct http_server *server, struct str path, struct arena *a)
{
    struct buf list AUTO(buf_done);
    bool any = false;
    buf_init(&list, METHODS_BYTES_MAX);
    for (enum http_method m = HTTP_GET; m < HTTP_OTHER; m++) {
        bool known;
        if (http_route_find(server, path, m, &known) == NULL && !(known && m == HTTP_OPTIONS))
            continue;
        buf_fmt(&list, "%s%.*s", any ? ", " : "", ARG(http_method_name(m)));
        any = true;
    }
    return arena_str(a, buf_str(&list));
}
