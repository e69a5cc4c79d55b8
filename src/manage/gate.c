// SPDX-License-Identifier: Apache-2.0
// manage/gate.c: see manage/gate.h. What an expression needs to know of a request: http_env.c.
#include "manage/gate.h"

#include "conf/glob.h"
#include "manage/http_env.h"
#include "rt/rt.h"

#define STATUS_ON 200 // of http.allowed-endpoint: go on
#define RETRY_AFTER_S "60"

static bool is_probe(struct str path);
static bool is_near(const struct gate *g, const struct ip *client);
static struct err check_allowed(const struct gate *g, struct http_exchange *x) suspends;
static struct err check_rate(const struct gate *g, struct http_exchange *x) suspends;
static bool is_exempt(const struct gate *g, const struct ip *client);
static bool is_scan(const struct http_settings *s, const struct http_exchange *x);

struct err gate_check(struct http_exchange *x)
{
    struct gate *g = x->arg;
    if (!listen_lets_in(g->visit, &x->client)) {
        x->close = true;
        return http_answer_problem(x, 403, S("This address is not let in."));
    }
    if (is_probe(x->path))
        return OK;
    if (!is_near(g, &x->client)) {
        TRY(check_allowed(g, x));
        if (x->state != HTTP_UNANSWERED)
            return OK;
    }
    return check_rate(g, x);
}

static bool is_probe(struct str path)
{
    return str_starts(path, S("/healthz/")) || str_eq(path, S("/robots.txt")) ||
           str_starts(path, S("/.well-known/acme-challenge/"));
}

// http.allowed-endpoint is not for loopback: whoever is on the machine must be able to repair it.
// A proxy on the machine is not its clients.
static bool is_near(const struct gate *g, const struct ip *client)
{
    return !str_is_null(g->visit->peer.unix_path) || ip_is_loopback(client);
}

static struct err check_allowed(const struct gate *g, struct http_exchange *x)
{
    struct expr_result r = http_env_eval(g, x, g->settings->allowed);
    if (r.outcome == EXPR_FAILED) {
        event(g->log, EV_EVAL_ERROR, F_STR(key, S("http.allowed-endpoint")),
                F_STR(reason, r.fault.cause));
        return http_answer_problem(x, 503, S("This cannot be decided now."));
    }
    if (r.number == STATUS_ON)
        return OK;
    bool an_error = r.number >= 400 && r.number <= 599;
    return http_answer_problem(x, an_error ? (uint16_t)r.number : 404, S("Not for this client."));
}

static struct err check_rate(const struct gate *g, struct http_exchange *x)
{
    const struct rate *rate = &g->settings->requests_anonymous;
    if (rate->count == 0 || g->shared == NULL || is_exempt(g, &x->client))
        return OK;
    struct ip_net net = client_net(&x->client, g->ipv6_prefix);
    uint64_t owner = listen_client_hash(g->shared, COUNTED_REQUESTS, 0, &net);
    if (shared_buckets_take(&g->shared->buckets, owner, rate, wall_ms()))
        return OK;
    event(g->log, EV_LIMIT_TOO_MANY_REQUESTS, F_IP(remoteIp, &x->client),
            F_U64(limit, rate->count));
    http_put(x, S("Retry-After"), S(RETRY_AFTER_S));
    return http_answer_problem(x, 429, S("Too many requests; try again in a minute."));
}

static bool is_exempt(const struct gate *g, const struct ip *client)
{
    return ip_is_loopback(client) ||
           (g->exempt != NULL && nets_contains(g->exempt, client, wall_ms()));
}

// listeners.md 12.4: one request for what only a scanner looks for is enough.
struct err gate_missing(struct http_exchange *x)
{
    struct gate *g = x->arg;
    bool own = ip_eq(&x->client, &g->visit->client.ip);
    if (!own || !is_scan(g->settings, x))
        return http_answer_problem(x, 404, S("There is nothing at this path."));
    listen_ban_now(g->visit, OFFENCE_SCAN, x->path);
    if (!listen_is_banned(g->visit))
        return http_answer_problem(x, 404, S("There is nothing at this path."));
    return fail(ERR_CANCELLED, "the client was banned");
}

static bool is_scan(const struct http_settings *s, const struct http_exchange *x)
{
    for (size_t i = 0; i < s->scan_path_count; i++)
        if (glob_match(&s->scan_paths[i], x->path) ||
                glob_match(&s->scan_paths[i], x->head->parts.path))
            return true;
    return false;
}

// With http.url set, the whole address, because whoever sets it knows better than the Host field.
struct err gate_redirect_root(struct http_exchange *x)
{
    const struct gate *g = x->arg;
    struct str to = g->settings->redirect_root, base = S("");
    if (g->settings->url != NULL) {
        struct expr_result r = http_env_eval(g, x, g->settings->url);
        base = r.outcome == EXPR_VALUE ? r.text : S("");
        if (str_ends(base, S("/")))
            base = str_upto(base, base.len - 1);
    }
    http_put(x, S("Location"), arena_join(x->arena, base, to));
    return http_answer(x, 302, S(""), S(""));
}
