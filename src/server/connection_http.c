// SPDX-License-Identifier: Apache-2.0
// server/connection_http.c: which paths an HTTP listener has.
#include "server/worker_state.h"

#include "http/server.h"

struct err connection_http(struct connection *c)
{
    struct worker *w = c->worker;
    const struct plan *plan = w->start->plan;
    const struct http_route routes[] = {
            {.method = HTTP_GET, .path = S_INIT("/healthz/live"), .handler = health_live},
            {.method = HTTP_GET,
                    .path = S_INIT("/healthz/ready"),
                    .handler = health_ready,
                    .arg = &w->health},
            {.method = HTTP_GET, .path = S_INIT("/robots.txt"), .handler = robots_txt},
    };
    struct http_server server = {
            .routes = routes,
            .route_count = COUNT_OF(routes),
            .limits = plan->http_limits,
            .fields = plan->http_fields,
            .field_count = plan->http_field_count,
            .hsts = plan->http_hsts,
    };
    struct http_connection connection = {
            .stream = c->stream,
            .tls = c->visit.tls_on || c->visit.tls_by_proxy,
            .client = c->visit.client.ip,
    };
    struct http_outcome outcome;
    return http_serve(&server, &connection, &outcome);
}
