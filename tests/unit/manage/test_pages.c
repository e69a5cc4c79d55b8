// SPDX-License-Identifier: Apache-2.0
// tests/unit/manage/test_pages.c: health, robots, metrics and who may see them.
#include "../base/check.h"
#include "../http/serving.h"

#include "manage/basic_auth.h"
#include "manage/health.h"
#include "manage/metrics_page.h"

#define GET(path, fields) "GET " path " HTTP/1.0\r\n" fields "\r\n"

struct auth_case {
    const char *name;
    const char *fields;
    bool matches;
};

// ada:s3cret is YWRhOnMzY3JldA==
static const struct auth_case AUTHS[] = {
        {"none", "", false},
        {"empty", "Authorization:\r\n", false},
        {"no credentials", "Authorization: Basic\r\n", false},
        {"another scheme", "Authorization: Bearer YWRhOnMzY3JldA==\r\n", false},
        {"a wrong secret", "Authorization: Basic YWRhOnMzY3JlZA==\r\n", false},
        {"a wrong name", "Authorization: Basic YWRlOnMzY3JldA==\r\n", false},
        {"a part of the secret", "Authorization: Basic YWRhOnMzY3Jl\r\n", false},
        {"the secret twice", "Authorization: Basic YWRhOnMzY3JldHMzY3JldA==\r\n", false},
        {"an empty secret", "Authorization: Basic YWRhOg==\r\n", false},
        {"no colon", "Authorization: Basic YWRhczNjcmV0\r\n", false},
        {"not base64", "Authorization: Basic ada:s3cret\r\n", false},
        {"base64 without padding", "Authorization: Basic YWRhOnMzY3JldA\r\n", false},
        {"something behind it", "Authorization: Basic YWRhOnMzY3JldA== x\r\n", false},
        {"twice",
                "Authorization: Basic YWRhOnMzY3JldA==\r\n"
                "Authorization: Basic YWRhOnMzY3JldA==\r\n",
                false},
        {"right", "Authorization: Basic YWRhOnMzY3JldA==\r\n", true},
        {"right, in another case and with blanks", "authorization:  bASIC   YWRhOnMzY3JldA==\r\n",
                true},
};

static const struct health_case {
    const char *name;
    struct health health;
    const char *status, *detail;
} HEALTHS[] = {
        {"ready", {.ready = true}, "200 OK", "\"detail\":\"OK\""},
        {"draining wins", {.ready = true, .draining = true}, "503 S", "\"detail\":\"draining\""},
        {"not ready and no word why", {0}, "503 S", "\"detail\":\"not ready\""},
        {"not ready", {.detail = S_INIT("listener smtp \"10.0.0.21:25\"")}, "503 S",
                "\"detail\":\"listener smtp \\\"10.0.0.21:25\\\"\""},
};

// One request to one route; what came is in `got` without its Date.
static void ask(struct http_route route, const char *request, struct buf *got)
{
    struct http_server server = {.routes = &route, .route_count = 1, .limits = HTTP_LIMITS_DEFAULT};
    struct serving s = {.server = &server, .sent = str_from_c(request)};
    serving_run(&s);
    *got = s.got;
}

static void live_and_robots(void **state UNUSED)
{
    struct buf got;
    ask((struct http_route){.path = S("/healthz/live"), .handler = health_live},
            GET("/healthz/live", ""), &got);
    assert_true(str_eq(buf_str(&got),
            S("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n"
              "Content-Type: application/problem+json\r\nContent-Length: 62\r\n"
              "Connection: close\r\n\r\n"
              "{\"type\":\"about:blank\",\"title\":\"OK\",\"status\":200,\"detail\":\"OK\"}")));
    buf_done(&got);
    ask((struct http_route){.path = S("/robots.txt"), .handler = robots_txt},
            GET("/robots.txt", ""), &got);
    assert_true(str_ends(buf_str(&got), S("\r\n\r\nUser-agent: *\nDisallow: /\n")));
    buf_done(&got);
}

static void ready(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(HEALTHS); i++) {
        struct buf got;
        struct health health = HEALTHS[i].health;
        ask((struct http_route){.path = S("/r"), .handler = health_ready, .arg = &health},
                GET("/r", ""), &got);
        if (!str_starts(str_from(buf_str(&got), 9), str_from_c(HEALTHS[i].status)) ||
                !str_contains(buf_str(&got), str_from_c(HEALTHS[i].detail)))
            check_failed("%s: %.*s", HEALTHS[i].name, ARG(buf_str(&got)));
        buf_done(&got);
    }
}

static void who_may_see(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(AUTHS); i++) {
        struct arena a AUTO(arena_done);
        struct buf text AUTO(buf_done);
        struct http_reader r;
        size_t taken;
        arena_init(&a, 64 * KIB);
        buf_init(&text, 4 * KIB);
        buf_fmt(&text, "GET / HTTP/1.0\r\n%s\r\n", AUTHS[i].fields);
        http_reader_begin(&r, &a, &(struct http_read_options){.head_bytes_max = 4 * KIB});
        assert_int_equal(http_reader_feed(&r, buf_str(&text), &taken), HTTP_DONE);
        if (basic_auth_matches(&r.head, S("ada"), S("s3cret")) != AUTHS[i].matches)
            check_failed("%s", AUTHS[i].name);
    }
}

// A name or secret of nothing is matched by nothing only.
static void empty_credentials(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct http_reader r;
    size_t taken;
    arena_init(&a, 64 * KIB);
    http_reader_begin(&r, &a, &(struct http_read_options){.head_bytes_max = 4 * KIB});
    assert_int_equal(http_reader_feed(&r,
                             S("GET / HTTP/1.0\r\nAuthorization: Basic YWRhOg==\r\n\r\n"), &taken),
            HTTP_DONE);
    assert_true(basic_auth_matches(&r.head, S("ada"), S("")));
    assert_false(basic_auth_matches(&r.head, S("ada"), S("x")));
    assert_false(basic_auth_matches(&r.head, S(""), S("")));
}

static void metrics(void **state UNUSED)
{
    void *memory = aligned_alloc(4096, (metrics_bytes_needed(2) + 4095) / 4096 * 4096);
    memset(memory, 0, metrics_bytes_needed(2));
    struct metrics *all = metrics_at(memory, 2);
    struct metrics_column column = metrics_column_begin(all, 1);
    metric_add(&column, METRIC_HTTP_REPLIES, LABELS(CODE_CLASS_4XX), 42);
    struct metrics_page page = {.metrics = all, .name = S("ada"), .secret = S("s3cret")};
    struct http_route route = {.path = S("/metrics"), .handler = metrics_page, .arg = &page};
    struct buf got;
    ask(route, GET("/metrics", ""), &got);
    assert_true(str_starts(buf_str(&got),
            S("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"metrics\"\r\n")));
    assert_false(str_contains(buf_str(&got), S("http_replies")));
    buf_done(&got);
    ask(route, GET("/metrics", "Authorization: Basic YWRhOnMzY3JldA==\r\n"), &got);
    assert_true(str_contains(buf_str(&got), S("\r\nContent-Type: text/plain; version=0.0.4")));
    assert_true(str_contains(buf_str(&got), S("http_replies_total{code_class=\"4xx\"} 42\n")));
    buf_done(&got);
    page.name = STR_NULL;
    ask(route, GET("/metrics", "Accept: application/openmetrics-text\r\n"), &got);
    assert_true(str_contains(buf_str(&got), S("Content-Type: application/openmetrics-text")));
    assert_true(str_ends(buf_str(&got), S("# EOF\n")));
    buf_done(&got);
    free(memory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(live_and_robots),
            cmocka_unit_test(ready),
            cmocka_unit_test(who_may_see),
            cmocka_unit_test(empty_credentials),
            cmocka_unit_test(metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
