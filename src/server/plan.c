// SPDX-License-Identifier: Apache-2.0
// server/plan.c: from the configuration to what workers need. What is wrong is added to the
// findings with its place in the file, so that `config check` and the server say the same.
#include "server/plan.h"

#include "listen/bind.h"
#include "rt/process.h"
#include "server/worker.h"

#define PLAN_BYTES_MAX (256 * MIB)
#define GREETING_LINES_MAX 10 // listeners.md 2.1
#define GREETING_LINE_BYTES_MAX 500

static bool listener_make(
        struct plan *plan, struct findings *f, struct str id, struct plan_listener *out);
static bool addresses_make(struct plan *plan, struct findings *f, struct str id,
        enum listen_protocol protocol, struct plan_listener *out);
static bool greeting_make(
        struct plan *plan, struct findings *f, struct str id, struct plan_listener *l);
static void check_clashes(struct plan *plan, struct findings *f);
static void http_make(struct plan *plan, struct findings *f);
static struct str item(struct plan *plan, struct str id, struct str member);

struct plan *plan_make(const struct conf_options *options, const uint8_t ticket_secret[32],
        struct findings *findings)
{
    struct plan *plan = mem_new(struct plan);
    if (plan == NULL)
        return NULL;
    arena_init(&plan->arena, PLAN_BYTES_MAX);
    plan->conf = conf_load(options, findings);
    if (plan->conf == NULL) {
        plan_free(plan);
        return NULL;
    }
    struct conf_ids ids = conf_ids(plan->conf, S("server.listener"));
    struct plan_listener *all = arena_array(&plan->arena, ids.count + 1, struct plan_listener);
    plan->listeners = all;
    for (size_t i = 0; all != NULL && i < ids.count; i++) {
        struct plan_listener *l = &all[plan->listener_count];
        if (!conf_bool(plan->conf, item(plan, ids.at[i], S("enable"))))
            continue;
        if (plan->listener_count == LISTENERS_MAX) {
            conf_error(plan->conf, findings, item(plan, ids.at[i], S("bind")), -1,
                    S("too-many-listeners"), "more than %d listeners", LISTENERS_MAX);
            break;
        }
        if (listener_make(plan, findings, ids.at[i], l) &&
                plan_tls_make(plan, findings, ticket_secret, l))
            l->count_slot = plan->listener_count++;
    }
    check_clashes(plan, findings);
    http_make(plan, findings);
    plan->host = conf_str(plan->conf, S("server.hostname"));
    plan->connections_max = conf_u64(plan->conf, S("server.max-connections"));
    plan->grace_ms = conf_duration_ms(plan->conf, S("server.shutdown.grace"));
    plan->worker_count = conf_u64(plan->conf, S("global.io-threads"));
    if (plan->worker_count == 0)
        plan->worker_count = processors_online();
    if (plan->worker_count > WORKERS_MAX)
        plan->worker_count = WORKERS_MAX;
    if (conf_may_start(plan->conf, findings))
        return plan;
    plan_free(plan);
    return NULL;
}

void plan_free(struct plan *plan)
{
    if (plan == NULL)
        return;
    for (size_t i = 0; i < plan->listener_count; i++)
        SSL_CTX_free(plan->listeners[i].tls);
    conf_free(plan->conf);
    arena_done(&plan->arena);
    mem_free(plan);
}

static struct str item(struct plan *plan, struct str id, struct str member)
{
    return conf_item(plan->conf, S("server.listener"), id, member);
}

static bool listener_make(
        struct plan *plan, struct findings *f, struct str id, struct plan_listener *out)
{
    static const struct {
        struct str word;
        enum listen_protocol listens;
        enum plan_protocol speaks;
    } protocols[] = {
            {S_INIT("smtp"), LISTEN_SMTP, PLAN_SMTP},
            {S_INIT("lmtp"), LISTEN_LMTP, PLAN_LMTP},
            {S_INIT("http"), LISTEN_HTTP, PLAN_HTTP},
    };
    struct str word = conf_str(plan->conf, item(plan, id, S("protocol")));
    size_t row = 0;
    while (row < COUNT_OF(protocols) && !str_eq(protocols[row].word, word))
        row++;
    if (row == COUNT_OF(protocols))
        return false; // the word was refused where it was read
    *out = (struct plan_listener){
            .id = id,
            .protocol = protocols[row].speaks,
            .host = conf_str(plan->conf, item(plan, id, S("hostname"))),
            .connections_max = conf_u64(plan->conf, item(plan, id, S("max-connections"))),
            .tls_implicit = conf_bool(plan->conf, item(plan, id, S("tls.implicit"))),
            .tls_required = conf_bool(plan->conf, item(plan, id, S("tls.require"))),
            .tls_wait_ms = conf_duration_ms(plan->conf, item(plan, id, S("tls.timeout"))),
    };
    return greeting_make(plan, f, id, out) &&
           addresses_make(plan, f, id, protocols[row].listens, out);
}

// listeners.md 5: what a greeting says, line by line; the host name always comes first.
static bool greeting_make(
        struct plan *plan, struct findings *f, struct str id, struct plan_listener *l)
{
    struct str key = item(plan, id, S("greeting"));
    struct str text = conf_str(plan->conf, key), rest, line;
    if (str_is_empty(text))
        text = l->protocol == PLAN_LMTP ? S("LMTP at your service") : S("ESMTP at your service");
    if (!str_is_ascii(text) && l->protocol != PLAN_HTTP) {
        conf_error(plan->conf, f, key, -1, S("bad-greeting"),
                "a greeting may hold only ASCII characters");
        return false;
    }
    VEC(struct str) lines = {0};
    rest = text;
    while (str_split(&rest, '\n', &line)) {
        bool has_host = str_starts_nocase(line, l->host) &&
                        (line.len == l->host.len || line.ptr[l->host.len] == ' ');
        struct str *out = vec_add(&plan->arena, &lines);
        if (out == NULL)
            return false;
        *out = has_host || lines.count > 1
                       ? line
                       : arena_fmt(&plan->arena, "%.*s %.*s", ARG(l->host), ARG(line));
        if (lines.count > GREETING_LINES_MAX || out->len > GREETING_LINE_BYTES_MAX) {
            conf_error(plan->conf, f, key, -1, S("bad-greeting"),
                    "a greeting has at most %d lines of %d octets", GREETING_LINES_MAX,
                    GREETING_LINE_BYTES_MAX);
            return false;
        }
    }
    l->greeting = lines.at;
    l->greeting_count = lines.count;
    return true;
}

static bool addresses_make(struct plan *plan, struct findings *f, struct str id,
        enum listen_protocol protocol, struct plan_listener *out)
{
    struct str key = item(plan, id, S("bind"));
    struct conf_list list = conf_list(plan->conf, key);
    uint16_t port = listen_default_port(protocol, out->tls_implicit);
    VEC(struct plan_address) addresses = {0};
    for (size_t i = 0; i < list.count; i++) {
        struct bind bind;
        struct bind_advice advice = {0};
        struct err e = bind_parse(&plan->arena, list.at[i].written, port, &bind, &advice);
        if (failed(e) || bind.form == BIND_SYSTEMD) {
            conf_finding(plan->conf, f, key, (int)i,
                    (struct finding){.severity = FINDING_ERROR,
                            .code = failed(e) ? S("bad-address") : S("not-built"),
                            .message = failed(e) ? err_text(e)
                                                 : S("sockets from the service manager are not "
                                                     "built yet"),
                            .hint = advice.hint});
            continue;
        }
        if (!str_is_null(advice.warning))
            conf_finding(plan->conf, f, key, (int)i,
                    (struct finding){.severity = FINDING_WARNING,
                            .code = S("bind"),
                            .message = advice.warning});
        struct plan_address *address = vec_add(&plan->arena, &addresses);
        if (address == NULL)
            return false;
        *address = (struct plan_address){
                .at = bind.at,
                .options = {.backlog =
                                    (int)conf_u64(plan->conf, item(plan, id, S("socket.backlog"))),
                        .no_reuse_addr =
                                !conf_bool(plan->conf, item(plan, id, S("socket.reuse-addr"))),
                        .reuse_port = conf_bool(plan->conf, item(plan, id, S("socket.reuse-port"))),
                        .v6only = bind.at.ip.family == IP_V6 && !bind_is_wildcard6(&bind)},
        };
    }
    out->addresses = addresses.at;
    out->address_count = addresses.count;
    return addresses.count > 0;
}

// Two listeners on one address: the second is told about the first (listeners.md 3.3).
static void check_clashes(struct plan *plan, struct findings *f)
{
    for (size_t i = 0; i < plan->listener_count; i++)
        for (size_t j = 0; j < i; j++)
            for (size_t x = 0; x < plan->listeners[i].address_count; x++)
                for (size_t y = 0; y < plan->listeners[j].address_count; y++) {
                    const struct endpoint *at = &plan->listeners[i].addresses[x].at;
                    if (at->port != 0 && endpoint_eq(at, &plan->listeners[j].addresses[y].at))
                        conf_error(plan->conf, f, item(plan, plan->listeners[i].id, S("bind")), -1,
                                S("address-twice"), "listener '%.*s' listens on %.*s already",
                                ARG(plan->listeners[j].id), ARG(endpoint_text(&plan->arena, at)));
                }
}

static void http_make(struct plan *plan, struct findings *f)
{
    const struct conf *conf = plan->conf;
    plan->http_limits = (struct http_limits){
            .head_bytes_max = conf_u64(conf, S("http.max-header")),
            .body_bytes_max = conf_u64(conf, S("http.max-body")),
            .header_ms = conf_duration_ms(conf, S("http.timeout.header")),
            .body_ms = conf_duration_ms(conf, S("http.timeout.body")),
            .idle_ms = conf_duration_ms(conf, S("http.timeout.idle")),
            .write_ms = conf_duration_ms(conf, S("http.timeout.write")),
    };
    plan->http_hsts = conf_bool(conf, S("http.hsts"));
    struct conf_list headers = conf_list(conf, S("http.headers"));
    VEC(struct http_field) fields = {0};
    for (size_t i = 0; i < headers.count; i++) {
        struct http_field field;
        struct err e = http_setting_field(headers.at[i].text, &field);
        struct http_field *out = failed(e) ? NULL : vec_add(&plan->arena, &fields);
        if (out != NULL)
            *out = field;
        else if (failed(e))
            conf_finding(conf, f, S("http.headers"), (int)i,
                    (struct finding){.severity = FINDING_ERROR,
                            .code = S("bad-header"),
                            .message = err_text(e)});
    }
    plan->http_fields = fields.at;
    plan->http_field_count = fields.count;
}
