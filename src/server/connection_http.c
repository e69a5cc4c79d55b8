// SPDX-License-Identifier: Apache-2.0
// server/connection_http.c: an HTTP connection: which paths there are (management.md 1.3), what a
// request passes on its way to them, and what is told and counted of it.
#include "server/worker_state.h"

#include "http/server.h"
#include "manage/gate.h"
#include "manage/metrics_page.h"
#include "rt/shared.h"

#define ROUTES_MAX 8
#define HTTP_MALFORMED 400

struct pages { // of one connection
    struct http_route routes[ROUTES_MAX];
    size_t count;
    struct metrics_page metrics;
    struct gate gate;
};

static struct gate gate_of(struct connection *c);
static void add_pages(struct pages *p, struct worker *w);
static void add(struct pages *p, struct str path, http_handler *handler, void *arg);
static struct err serve(struct connection *c, const struct pages *pages) suspends;

struct err connection_http(struct connection *c)
{
    struct pages *pages = mem_new(struct pages);
    if (pages == NULL)
        return fail(ERR_LIMIT, "no memory for an HTTP connection");
    pages->gate = gate_of(c);
    add_pages(pages, c->worker);
    struct err e = serve(c, pages);
    mem_free(pages);
    return e;
}

static struct gate gate_of(struct connection *c)
{
    const struct worker_start *start = c->worker->start;
    return (struct gate){.settings = &start->plan->http,
            .visit = &c->visit,
            .shared = start->shared == NULL ? NULL : &start->shared->listen,
            .exempt = start->plan->listen.allowed,
            .ipv6_prefix = start->plan->listen.ban_ipv6_prefix,
            .log = c->worker->log,
            .node = start->logging.node};
}

static void add_pages(struct pages *p, struct worker *w)
{
    const struct plan *plan = w->start->plan;
    const struct telemetry *telemetry = plan->telemetry;
    struct metrics *metrics = w->start->logging.metrics;
    add(p, S("/healthz/live"), health_live, NULL);
    add(p, S("/healthz/ready"), health_ready, &w->health);
    add(p, S("/robots.txt"), robots_txt, NULL);
    if (plan->http.redirect_root.len > 0)
        add(p, S("/"), gate_redirect_root, &p->gate);
    if (!telemetry->prometheus || metrics == NULL)
        return;
    p->metrics = (struct metrics_page){.metrics = metrics,
            .form = {.prefix = telemetry->metrics_prefix,
                    .compatible_names = telemetry->metrics_compatible_names,
                    .wants = w->start->logging.wants},
            .name = telemetry->prometheus_user,
            .secret = telemetry->prometheus_secret};
    add(p, S("/metrics"), metrics_page, &p->metrics);
    add(p, S("/metrics/prometheus"), metrics_page, &p->metrics);
}

static void add(struct pages *p, struct str path, http_handler *handler, void *arg)
{
    assert(p->count < COUNT_OF(p->routes));
    p->routes[p->count++] =
            (struct http_route){.method = HTTP_GET, .path = path, .handler = handler, .arg = arg};
}

static struct err serve(struct connection *c, const struct pages *pages)
{
    const struct worker *w = c->worker;
    const struct http_settings *settings = &w->start->plan->http;
    const struct visit *v = &c->visit;
    struct http_server server = {.routes = pages->routes,
            .route_count = pages->count,
            .gate = gate_check,
            .gate_arg = (void *)(uintptr_t)&pages->gate,
            .missing = gate_missing,
            .limits = settings->limits,
            .fields = settings->fields,
            .field_count = settings->field_count,
            .hsts = settings->hsts,
            .gzip = true,
            .cors = settings->cors,
            .forwarded = settings->forwarded};
    if (server.forwarded.from == FORWARDED_FROM_ANYBODY)
        server.forwarded.trusted = v->listener->proxy_nets; // listeners.md 13.3
    struct http_outcome outcome;
    struct span span;
    int64_t began_ms = now_ms();
    span_begin(&span, w->log, EV_HTTP_CONNECTION_START, F_STR(listenerId, v->listener->id),
            F_U64(localPort, v->local.port), F_IP(remoteIp, &v->client.ip),
            F_U64(remotePort, v->client.port));
    task_session(span.id, &v->client);
    struct http_connection connection = {.stream = c->stream,
            .tls = v->tls_on || v->tls_by_proxy,
            .client = v->client.ip,
            .span = &span,
            .metrics = w->metrics};
    metric_gauge_add(w->metrics, METRIC_HTTP_ACTIVE_CONNECTIONS, NO_LABELS, 1);
    struct err e = http_serve(&server, &connection, &outcome);
    metric_gauge_add(w->metrics, METRIC_HTTP_ACTIVE_CONNECTIONS, NO_LABELS, -1);
    if (!failed(e) && outcome.problem.status == HTTP_MALFORMED) // listeners.md 12.4
        listen_offence(&c->visit, OFFENCE_SCAN, STR_NULL);
    struct stream_figures figures = stream_figures(c->stream);
    struct str reason = failed(e) ? err_text(e) : outcome.problem.text;
    event_in(&span, EV_HTTP_CONNECTION_END, F_MS(elapsed, now_ms() - began_ms),
            F_U64(sizeIn, figures.bytes_in), F_U64(sizeOut, figures.bytes_out),
            F_U64(total, outcome.requests), F_STR(reason, reason));
    return e;
}
