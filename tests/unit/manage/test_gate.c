// SPDX-License-Identifier: Apache-2.0
// tests/unit/manage/test_gate.c: what a request passes: configurations as an administrator writes
// them, requests through a real connection, and the statuses that come back. Clients are told apart
// by X-Forwarded-For, which is believed here.
#include "../base/check.h"
#include "../http/serving.h"

#include "../conf/conf_of.h"
#include "conf/conf.h"
#include "manage/gate.h"
#include "rt/shared.h"

#define CONFIG                                                                                     \
    "[server.listener.web]\nbind = '127.0.0.1:8080'\nprotocol = 'http'\ntls.enable = false\n"      \
    "[http]\nuse-x-forwarded = true\n"
#define FROM(client, path)                                                                         \
    "GET " path " HTTP/1.1\r\nHost: mx.example.org\r\nX-Forwarded-For: " client "\r\n\r\n"
#define ANY "192.0.2.7"

struct gate_case {
    const char *name;
    const char *http; // further keys of [http], and tables behind it
    const char *requests;
    const char *statuses;
    const char *has; // in what came; NULL: nothing special
};

static const struct gate_case CASES[] = {
        {"as it comes", "", FROM(ANY, "/page") FROM(ANY, "/nothing"), "200 404 ", NULL},
        {"a constant", "allowed-endpoint = 403\n", FROM(ANY, "/page") FROM(ANY, "/robots.txt"),
                "403 200 ", NULL},
        {"loopback is never asked", "allowed-endpoint = 403\n", FROM("127.0.0.1", "/page"), "200 ",
                NULL},
        {"what is no error status is 404", "allowed-endpoint = 302\n", FROM(ANY, "/page"), "404 ",
                NULL},
        {"by client",
                "allowed-endpoint = [{if = \"remote_ip == '192.0.2.7'\", then = 451}, "
                "{else = 200}]\n",
                FROM(ANY, "/page") FROM("192.0.2.8", "/page"), "451 200 ", NULL},
        {"by path, decoded",
                "allowed-endpoint = [{if = \"url_path == '/page'\", then = 401}, "
                "{else = 200}]\n",
                FROM(ANY, "/p%61ge") FROM(ANY, "/nothing"), "401 404 ", NULL},
        {"by listener, method and scheme",
                "allowed-endpoint = [{if = \"listener == 'web' && method == 'GET' && "
                "protocol == 'http' && !is_tls && local_port == 8080\", then = 418}, {else = "
                "200}]\n",
                FROM(ANY, "/page"), "418 ", NULL},
        {"by a field",
                "allowed-endpoint = [{if = \"headers['hOsT'] == 'mx.example.org'\", "
                "then = 402}, {else = 200}]\n",
                FROM(ANY, "/page"), "402 ", NULL},
        {"by what the configuration says",
                "allowed-endpoint = [{if = \"config_get('server.hostname') == 'mx.example.org'\", "
                "then = 409}, {else = 200}]\n",
                FROM(ANY, "/page"), "409 ", NULL},
        {"what cannot be decided is denied", "allowed-endpoint = \"200 / (remote_port * 0)\"\n",
                FROM(ANY, "/page"), "503 ", NULL},
        {"a rate", "rate-limit.anonymous = '2/1m'\n",
                FROM(ANY, "/page") FROM(ANY, "/x") FROM(ANY, "/page") FROM("192.0.2.8", "/page"),
                "200 404 429 200 ", "\r\nRetry-After: 60\r\n"},
        {"a rate of a network", "rate-limit.anonymous = '1/1m'\n",
                FROM("2001:db8::1", "/page") FROM("2001:db8::2", "/page")
                        FROM("2001:db8:0:1::1", "/page"),
                "200 429 200 ", NULL},
        {"no rate for probes, loopback and friends",
                "rate-limit.anonymous = '1/1m'\n[server]\nallowed-ip = ['192.0.2.9']\n",
                FROM(ANY, "/robots.txt") FROM(ANY, "/robots.txt") FROM("127.0.0.1", "/page") FROM(
                        "127.0.0.1", "/page") FROM("192.0.2.9", "/page") FROM("192.0.2.9", "/page"),
                "200 200 200 200 200 200 ", NULL},
        {"no rate", "rate-limit.anonymous = false\n", FROM(ANY, "/page") FROM(ANY, "/page"),
                "200 200 ", NULL},
        {"who is blocked is closed", "[server]\nblocked-ip = ['192.0.2.0/24']\n",
                FROM("198.51.100.1", "/page") FROM(ANY, "/robots.txt") FROM(ANY, "/page"),
                "200 403 ", "\r\nConnection: close\r\n"},
        {"the root leads on", "", FROM(ANY, "/"), "302 ", "\r\nLocation: /admin\r\n"},
        {"with an address", "url = \"'https://' + config_get('server.hostname') + '/'\"\n",
                FROM(ANY, "/"), "302 ", "\r\nLocation: https://mx.example.org/admin\r\n"},
        {"who asks through a proxy like a scanner is not the proxy", "",
                FROM(ANY, "/wp-login.php") FROM(ANY, "/page"), "404 200 ", NULL},
};

struct world {
    const struct gate_case *about;
    struct arena a;
    struct conf *conf;
    struct listen_kept kept;
    struct listen_settings listen;
    struct http_settings http;
    struct listen_shared *shared;
    struct listen_process *process;
    struct visit visit;
    struct gate gate;
};

static struct err page(struct http_exchange *x)
{
    return http_answer(x, 200, S("text/plain"), S("page\n"));
}

static struct err make_world(void *arg)
{
    struct world *w = arg;
    struct findings findings = findings_make(&w->a);
    struct str text = arena_fmt(&w->a, CONFIG "%s", w->about->http);
    w->conf = conf_of(text, &findings);
    struct listen_inputs in = {.conf = w->conf, .kept = &w->kept, .wall_now_ms = wall_ms()};
    TRY(listen_settings_make(&w->a, &in, &findings, &w->listen));
    TRY(http_settings_make(&w->a, w->conf, &findings, &w->http));
    if (findings.error_count > 0)
        print_error("%s: %.*s\n", w->about->name, ARG(findings.all.at[0].message));
    assert_int_equal(findings.error_count, 0);
    w->shared = shared_bytes(sizeof(struct listen_shared));
    assert_non_null(w->shared);
    listen_shared_init(w->shared, 7);
    w->process = listen_process_new(
            &(struct listen_process_options){.settings = &w->listen, .shared = w->shared});
    assert_non_null(w->process);
    return OK;
}

static void begin(struct world *w, const struct gate_case *c)
{
    *w = (struct world){.about = c};
    struct ip proxy = {.family = IP_V4, .bytes = {10, 0, 0, 1}};
    struct loop *loop = loop_new_real();
    assert_non_null(loop);
    arena_init(&w->a, 64 * MIB);
    struct err e = loop_run(loop, make_world, w);
    assert_false(failed(e));
    loop_free(loop);
    w->visit = (struct visit){.process = w->process,
            .listener = &w->listen.listeners[0],
            .peer.ip = proxy,
            .client.ip = proxy,
            .local = {.ip = proxy, .port = 8080}};
    w->gate = (struct gate){.settings = &w->http,
            .visit = &w->visit,
            .shared = w->shared,
            .exempt = w->listen.allowed,
            .ipv6_prefix = w->listen.ban_ipv6_prefix,
            .node = 1};
}

static void end(struct world *w)
{
    listen_process_free(w->process);
    http_settings_done(&w->http);
    listen_settings_done(&w->listen);
    listen_kept_done(&w->kept);
    conf_free(w->conf);
    arena_done(&w->a);
}

static struct str statuses(struct arena *a, struct str got)
{
    struct buf out AUTO(buf_done);
    struct str mark = S("HTTP/1.1 ");
    buf_init(&out, KIB);
    for (size_t at; (at = str_find(got, mark)) != STR_NOT_FOUND;) {
        got = str_from(got, at + mark.len);
        buf_add(&out, str_upto(got, 4));
    }
    return arena_str(a, buf_str(&out));
}

static bool check_case(const struct gate_case *c)
{
    struct world *w = mem_new(struct world);
    assert_non_null(w);
    begin(w, c);
    const struct http_route routes[] = {
            {.method = HTTP_GET, .path = S_INIT("/page"), .handler = page},
            {.method = HTTP_GET, .path = S_INIT("/robots.txt"), .handler = page},
            {.method = HTTP_GET,
                    .path = S_INIT("/"),
                    .handler = gate_redirect_root,
                    .arg = &w->gate},
    };
    struct http_server server = {.routes = routes,
            .route_count = COUNT_OF(routes),
            .gate = gate_check,
            .gate_arg = &w->gate,
            .missing = gate_missing,
            .limits = w->http.limits,
            .forwarded = w->http.forwarded};
    struct serving s = {.server = &server, .sent = str_from_c(c->requests)};
    serving_run(&s);
    struct str got = statuses(&w->a, buf_str(&s.got));
    bool good = str_eq(got, str_from_c(c->statuses)) &&
                (c->has == NULL || str_contains(buf_str(&s.got), str_from_c(c->has)));
    if (!good)
        print_error("%s: %.*s\n%.*s\n", c->name, ARG(got), ARG(buf_str(&s.got)));
    buf_done(&s.got);
    end(w);
    mem_free(w);
    return good;
}

static void what_a_request_passes(void **state UNUSED)
{
    size_t bad = 0;
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        bad += !check_case(&CASES[i]);
    assert_int_equal(bad, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_a_request_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
