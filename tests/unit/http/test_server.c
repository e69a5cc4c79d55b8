// SPDX-License-Identifier: Apache-2.0
// tests/unit/http/test_server.c: connections, as the client sees them. Deadlines are met here only
// by clients that stay silent for ever, so that nothing depends on how fast the test runs.
#include "../base/check.h"
#include "serving.h"

#include "http/limits.h"

static struct err hello(struct http_exchange *x)
{
    return http_answer(x, 200, S("text/plain"), S("hello\n"));
}

static struct err echo(struct http_exchange *x)
{
    struct buf text AUTO(buf_done) = {0};
    TRY(http_receive_all(x, &text));
    return http_answer(x, 201, S("text/plain"), buf_str(&text));
}

static struct err pieces(struct http_exchange *x)
{
    TRY(http_answer_begin(x, 200, S("text/plain")));
    TRY(http_answer_piece(x, S("one ")));
    TRY(http_answer_piece(x, S("")));
    TRY(http_answer_flush(x));
    return http_answer_piece(x, S("twenty letters ...."));
}

static struct err half(struct http_exchange *x)
{
    TRY(http_answer_begin(x, 200, S("text/plain")));
    TRY(http_answer_piece(x, S("half")));
    TRY(http_answer_flush(x));
    return fail(ERR_IO, "the other half cannot be read");
}

static struct err busy(struct http_exchange *x UNUSED)
{
    return fail(ERR_NO_SPACE, "the disk is full");
}

static struct err broken(struct http_exchange *x UNUSED)
{
    return OK; // forgets to answer
}

static struct err path(struct http_exchange *x)
{
    http_put(x, S("X-Path"), x->path);
    http_put(x, S("x-path"), x->path);
    http_add(x, S("X-Other"), S("1"));
    http_add(x, S("X-Other"), S("2\r\nX-Evil: 3"));
    http_put(x, S("Server"), S("mine"));
    return http_answer(x, 204, S(""), S(""));
}

static struct err gate(struct http_exchange *x)
{
    return str_starts(x->path, S("/secret")) ? http_answer(x, 403, S(""), S("")) : OK;
}

static const struct http_route ROUTES[] = {
        {.method = HTTP_GET, .path = S_INIT("/hello"), .handler = hello},
        {.method = HTTP_POST, .path = S_INIT("/echo"), .handler = echo},
        {.method = HTTP_GET, .path = S_INIT("/echo"), .handler = hello},
        {.method = HTTP_PUT, .path = S_INIT("/large"), .handler = echo, .body_bytes_max = 20},
        {.method = HTTP_GET, .path = S_INIT("/pieces"), .handler = pieces},
        {.method = HTTP_GET, .path = S_INIT("/half"), .handler = half},
        {.method = HTTP_GET, .path = S_INIT("/busy"), .handler = busy},
        {.method = HTTP_GET, .path = S_INIT("/broken"), .handler = broken},
        {.method = HTTP_GET, .path = S_INIT("/path/*"), .handler = path},
};

static const struct http_field FIELDS[] = {
        {S_INIT("Server"), S_INIT("configured")},
};

static const struct http_server SERVER = {.routes = ROUTES,
        .route_count = COUNT_OF(ROUTES),
        .gate = gate,
        .limits = {.head_bytes_max = 300,
                .body_bytes_max = 10,
                .header_ms = 60 * SECOND_MS,
                .body_ms = 60 * SECOND_MS,
                .idle_ms = 60 * SECOND_MS,
                .write_ms = 60 * SECOND_MS}};

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
#define HELLO OK_HEAD "Content-Length: 6\r\n\r\nhello\n"
#define HELLO_CLOSE OK_HEAD "Content-Length: 6\r\nConnection: close\r\n\r\nhello\n"
#define PROBLEM "Content-Type: application/problem+json\r\nContent-Length: "
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path, fields) "POST " path " HTTP/1.1\r\nHost: a\r\n" fields "\r\n"

struct server_case {
    const char *name;
    struct str sent;
    const char *got;
};

static const struct server_case CASES[] = {
        {"nothing at all", S_INIT(""), ""},
        {"half a request", S_INIT("GET /hel"), ""},
        {"one request", S_INIT(GET("/hello")), HELLO},
        {"three in one piece", S_INIT(GET("/hello") GET("/hello") GET("/hello")),
                HELLO HELLO HELLO},
        {"nothing behind close",
                S_INIT("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/hello")),
                HELLO_CLOSE},
        {"HTTP/1.0 closes", S_INIT("GET /hello HTTP/1.0\r\n\r\n" GET("/hello")), HELLO_CLOSE},
        {"HTTP/1.0 stays when it asks",
                S_INIT("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
                OK_HEAD "Content-Length: 6\r\nConnection: keep-alive\r\n\r\nhello\n"},
        {"HEAD has the length and no content",
                S_INIT("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" GET("/hello")),
                OK_HEAD "Content-Length: 6\r\n\r\n" HELLO},
        {"an absolute target", S_INIT("GET http://b/hello?x HTTP/1.1\r\nHost: a\r\n\r\n"), HELLO},
        {"an escaped path", S_INIT(GET("/h%65llo")), HELLO},
        {"a path that does not exist", S_INIT(GET("/hell") GET("/hello")),
                "HTTP/1.1 404 Not Found\r\n" PROBLEM "97\r\n\r\n"
                "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                "\"detail\":\"There is nothing at this path.\"}" HELLO},
        {"a path that goes up", S_INIT(GET("/x/%2e%2e/hello") GET("/hello")),
                "HTTP/1.1 400 Bad Request\r\n" PROBLEM "85\r\nConnection: close\r\n\r\n"
                "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
                "\"detail\":\"a .. in the path\"}"},
        {"a method that is not served", S_INIT("DELETE /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
                "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, POST, OPTIONS\r\n" PROBLEM
                "113\r\n\r\n{\"type\":\"about:blank\",\"title\":\"Method Not Allowed\","
                "\"status\":405,\"detail\":\"This path does not serve that method.\"}"},
        {"a method nobody knows, HEAD-like", S_INIT("BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
                "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, OPTIONS\r\n" PROBLEM
                "113\r\n\r\n{\"type\":\"about:blank\",\"title\":\"Method Not Allowed\","
                "\"status\":405,\"detail\":\"This path does not serve that method.\"}"},
        {"TRACE of what does not exist", S_INIT("TRACE /x HTTP/1.1\r\nHost: a\r\n\r\n"),
                "HTTP/1.1 405 Method Not Allowed\r\nAllow: \r\n" PROBLEM
                "113\r\n\r\n{\"type\":\"about:blank\",\"title\":\"Method Not Allowed\","
                "\"status\":405,\"detail\":\"This path does not serve that method.\"}"},
        {"CONNECT", S_INIT("CONNECT a:25 HTTP/1.1\r\nHost: a\r\n\r\n"),
                "HTTP/1.1 405 Method Not Allowed\r\nAllow: \r\n" PROBLEM
                "113\r\n\r\n{\"type\":\"about:blank\",\"title\":\"Method Not Allowed\","
                "\"status\":405,\"detail\":\"This path does not serve that method.\"}"},
        {"OPTIONS", S_INIT("OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
                "HTTP/1.1 204 No Content\r\nAllow: GET, HEAD, POST, OPTIONS\r\n\r\n"},
        {"OPTIONS of the server", S_INIT("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" GET("/hello")),
                "HTTP/1.1 204 No Content\r\n\r\n" HELLO},
        {"the gate answers first", S_INIT(GET("/secret/hello")),
                "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"},
        {"fields are replaced, added, and hold no lines", S_INIT(GET("/path/%c3%a9")),
                "HTTP/1.1 204 No Content\r\nx-path: /path/\xc3\xa9\r\nX-Other: 1\r\n"
                "X-Other: 2  X-Evil: 3\r\nServer: mine\r\n\r\n"},
        {"a prefix wants its slash", S_INIT("HEAD /path HTTP/1.1\r\nHost: a\r\n\r\n"),
                "HTTP/1.1 404 Not Found\r\n" PROBLEM "97\r\n\r\n"},

        {"a body by length", S_INIT(POST("/echo", "Content-Length: 3\r\n") "abc" GET("/hello")),
                "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nContent-Length: "
                "3\r\n\r\nabc" HELLO},
        {"a body in chunks",
                S_INIT(POST("/echo", "Transfer-Encoding: chunked\r\n") "2\r\nab\r\n1\r\nc\r\n0\r\n"
                                                                       "X: y\r\n\r\n" GET(
                                                                               "/hello")),
                "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nContent-Length: "
                "3\r\n\r\nabc" HELLO},
        {"a body of the largest size", S_INIT(POST("/echo", "Content-Length: 10\r\n") "abcdefghij"),
                "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nContent-Length: "
                "10\r\n\r\nabcdefghij"},
        {"a body one octet larger",
                S_INIT(POST("/echo", "Content-Length: 11\r\n") "abcdefghijk" GET("/hello")),
                "HTTP/1.1 413 Content Too Large\r\n" PROBLEM "96\r\nConnection: close\r\n\r\n"
                "{\"type\":\"about:blank\",\"title\":\"Content Too Large\",\"status\":413,"
                "\"detail\":\"the body is too large\"}"},
        {"the same in chunks, larger with the second",
                S_INIT(POST(
                        "/echo", "Transfer-Encoding: chunked\r\n") "9\r\nabcdefghi\r\n2\r\njk\r\n"
                                                                   "0\r\n\r\n"),
                "HTTP/1.1 413 Content Too Large\r\n" PROBLEM "96\r\nConnection: close\r\n\r\n"
                "{\"type\":\"about:blank\",\"title\":\"Content Too Large\",\"status\":413,"
                "\"detail\":\"the body is too large\"}"},
        {"a route with a limit of its own",
                S_INIT("PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nabcdefghijk"),
                "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nContent-Length: "
                "11\r\n\r\nabcdefghijk"},
        {"a chunk that does not end where it said",
                S_INIT(POST("/echo", "Transfer-Encoding: chunked\r\n") "2\r\nabc\r\n0\r\n\r\n" GET(
                        "/hello")),
                "HTTP/1.1 400 Bad Request\r\n" PROBLEM "103\r\nConnection: close\r\n\r\n"
                "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
                "\"detail\":\"a chunk does not end where it said\"}"},
        {"a client that leaves within its body",
                S_INIT(POST("/echo", "Content-Length: 5\r\n") "abc"), ""},
        {"a body that nobody wanted is skipped",
                S_INIT("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET " GET(
                        "/hello")),
                HELLO HELLO},
        {"one in chunks ends the connection",
                S_INIT("GET /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "1\r\na\r\n0\r\n\r\n" GET("/hello")),
                HELLO_CLOSE},
        {"one that is too large ends it too",
                S_INIT("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\nx" GET(
                        "/hello")),
                HELLO_CLOSE},
        {"and one that would be refused",
                S_INIT("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: "
                       "11\r\n\r\nabcdefghijk" GET("/hello")),
                HELLO_CLOSE},
        {"what follows a refused request is not read",
                S_INIT(POST("/echo", "Content-Length: 3\r\nContent-Length: 3\r\n") "abc" GET(
                        "/hello")),
                "HTTP/1.1 400 Bad Request\r\n" PROBLEM "98\r\nConnection: close\r\n\r\n"
                "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
                "\"detail\":\"a second Content-Length field\"}"},
        {"an expectation whose body is there already",
                S_INIT(POST("/echo", "Content-Length: 3\r\nExpect: 100-continue\r\n") "abc"),
                "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc"},
        {"an expectation that nobody meets",
                S_INIT("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                       "Expect: 100-continue\r\n\r\n"),
                HELLO_CLOSE},
        {"pieces", S_INIT(GET("/pieces") GET("/hello")),
                OK_HEAD
                "Transfer-Encoding: chunked\r\n\r\n4\r\none \r\n13\r\ntwenty letters ....\r\n"
                "0\r\n\r\n" HELLO},
        {"pieces for HTTP/1.0",
                S_INIT("GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET("/hello")),
                OK_HEAD "Connection: close\r\n\r\none twenty letters ...."},
        {"pieces for HEAD", S_INIT("HEAD /pieces HTTP/1.1\r\nHost: a\r\n\r\n" GET("/hello")),
                OK_HEAD "Transfer-Encoding: chunked\r\n\r\n" HELLO},
        {"an answer that breaks off has no last chunk", S_INIT(GET("/half") GET("/hello")),
                OK_HEAD "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"},
        {"trouble that may pass", S_INIT(GET("/busy") GET("/hello")),
                "HTTP/1.1 503 Service Unavailable\r\n" PROBLEM "112\r\nConnection: close\r\n\r\n"
                "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
                "\"detail\":\"This did not work; try again later.\"}"},
        {"trouble of ours", S_INIT(GET("/broken")),
                "HTTP/1.1 500 Internal Server Error\r\n" PROBLEM "97\r\nConnection: close\r\n\r\n"
                "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500,"
                "\"detail\":\"This did not work.\"}"},
        {"TLS on a plain port", S_INIT("\x16\x03\x01\x02\0\1\0\1\xfc\3\3"),
                "HTTP/1.1 400 Bad Request\r\n" PROBLEM "94\r\nConnection: close\r\n\r\n"
                "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
                "\"detail\":\"a control octet in a line\"}"},
};

static void check_case(const struct server_case *c, bool one_by_one)
{
    struct serving s = {.server = &SERVER, .sent = c->sent, .one_by_one = one_by_one};
    serving_run(&s);
    if (!str_eq(buf_str(&s.got), str_from_c(c->got)))
        check_failed("%s%s: wanted\n%s\ngot\n%.*s", c->name, one_by_one ? ", octet by octet" : "",
                c->got, ARG(buf_str(&s.got)));
    buf_done(&s.got);
}

static void dialogues(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        check_case(&CASES[i], false);
}

// Octet by octet a client that waits for "100 Continue" gets it, and one whose connection is closed
// early may lose what it was sent to a reset; all others see the same.
static void dialogues_octet_by_octet(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        if (!str_contains(CASES[i].sent, S("Expect")) && !str_contains(CASES[i].sent, S("/half")) &&
                !str_contains(str_from_c(CASES[i].got), S("Connection: close")))
            check_case(&CASES[i], true);
}

static void expectation_is_met(void **state UNUSED)
{
    struct serving s = {.server = &SERVER,
            .sent = S(POST("/echo", "Content-Length: 3\r\nExpect: 100-continue\r\n")),
            .then = S("abc")};
    serving_run(&s);
    assert_true(
            str_eq(buf_str(&s.got), S("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n"
                                      "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc")));
    assert_int_equal(s.outcome.requests, 1);
    buf_done(&s.got);
}

static void deadlines(void **state UNUSED)
{
    struct http_server hasty = SERVER;
    hasty.limits.header_ms = hasty.limits.body_ms = hasty.limits.idle_ms = 1;
    struct serving s = {.server = &hasty, .stays = true};
    serving_run(&s); // a client that never speaks is not spoken to
    assert_int_equal(s.got.len, 0);
    assert_false(failed(s.ended));
    buf_done(&s.got);

    s.sent = S("\r\n\r\n"); // nor one that sends empty lines
    serving_run(&s);
    assert_int_equal(s.got.len, 0);
    buf_done(&s.got);

    s.sent = S("GET /hello HT");
    serving_run(&s);
    assert_true(str_starts(buf_str(&s.got), S("HTTP/1.1 408 Request Timeout\r\n")));
    assert_int_equal(s.outcome.problem.status, 408);
    buf_done(&s.got);

    s.sent = S(GET("/hello")); // idle: closed without a word
    serving_run(&s);
    assert_true(str_eq(buf_str(&s.got), S(HELLO)));
    assert_false(failed(s.ended));
    buf_done(&s.got);

    hasty.limits.header_ms = 60 * SECOND_MS;
    s.sent = S(POST("/echo", "Content-Length: 5\r\n") "abc");
    serving_run(&s);
    assert_true(str_starts(buf_str(&s.got), S("HTTP/1.1 408 Request Timeout\r\n")));
    assert_int_equal(s.outcome.problem.status, 408);
    buf_done(&s.got);
}

static void limits_of_the_head(void **state UNUSED)
{
    struct buf sent AUTO(buf_done);
    buf_init(&sent, 1 * KIB);
    buf_add(&sent, S("GET /hello HTTP/1.1\r\nHost: a\r\nX: "));
    buf_add_repeat(&sent, 'x', 300 - sent.len - 4);
    buf_add(&sent, S("\r\n\r\n"));
    struct serving s = {.server = &SERVER, .sent = buf_str(&sent)};
    serving_run(&s);
    assert_true(str_eq(buf_str(&s.got), S(HELLO)));
    buf_done(&s.got);
    sent.len -= 4;
    buf_add(&sent, S("x\r\n\r\n"));
    s.sent = buf_str(&sent);
    serving_run(&s);
    assert_true(str_starts(buf_str(&s.got), S("HTTP/1.1 431 Request Header Fields Too Large\r\n")));
    assert_true(str_contains(buf_str(&s.got), S("\r\nConnection: close\r\n")));
    buf_done(&s.got);
}

static struct err drain_now(struct http_exchange *x)
{
    struct serving *s = x->arg;
    group_nudge(s->group);
    return OK;
}

static void draining(void **state UNUSED)
{
    struct http_server server = SERVER;
    struct serving s = {.server = &SERVER, .nudged = true, .stays = true};
    serving_run(&s); // at rest: closed
    assert_int_equal(s.got.len, 0);
    assert_false(failed(s.ended));
    buf_done(&s.got);

    // Within a request: it is finished, and the answer says that it was the last one.
    struct serving busy_one = {.server = &server, .sent = S(GET("/hello") GET("/hello"))};
    server.gate = drain_now;
    server.gate_arg = &busy_one;
    serving_run(&busy_one);
    assert_true(str_eq(buf_str(&busy_one.got), S(HELLO_CLOSE)));
    assert_int_equal(busy_one.outcome.requests, 1);
    buf_done(&busy_one.got);
}

static void configured_fields(void **state UNUSED)
{
    struct http_server server = SERVER;
    server.fields = FIELDS;
    server.field_count = COUNT_OF(FIELDS);
    server.hsts = true;
    struct serving s = {.server = &server, .sent = S(GET("/path/x"))};
    serving_run(&s);
    assert_true(str_contains(buf_str(&s.got), S("\r\nServer: configured\r\n")));
    assert_false(str_contains(buf_str(&s.got), S("mine")));
    assert_false(str_contains(buf_str(&s.got), S("Strict-Transport-Security")));
    buf_done(&s.got);
    s.tls = true;
    serving_run(&s);
    assert_true(str_contains(buf_str(&s.got),
            S("\r\nStrict-Transport-Security: max-age=31536000; includeSubDomains\r\n")));
    buf_done(&s.got);
}

static struct err tell_client(struct http_exchange *x)
{
    struct str who = ip_text(x->arena, &x->client);
    http_put(x, S("X-Client"), arena_join(x->arena, who, x->tls ? S(" https") : S(" http")));
    return x->state == HTTP_UNANSWERED ? OK : fail(ERR_INTERNAL, "too early");
}

static struct err nothing_here(struct http_exchange *x)
{
    if (str_eq(x->path, S("/scan")))
        return fail(ERR_CANCELLED, "banned");
    return http_answer(x, 410, S("text/plain"), S("gone\n"));
}

static void the_client_behind_a_proxy(void **state UNUSED)
{
    struct http_server server = SERVER;
    server.gate = tell_client;
    server.forwarded.from = FORWARDED_FROM_ANYBODY;
    struct serving s = {.server = &server,
            .sent = S("GET /hello HTTP/1.1\r\nHost: a\r\n"
                      "Forwarded: for=192.0.2.9;proto=https\r\n\r\n")};
    serving_run(&s);
    assert_true(str_contains(buf_str(&s.got), S("\r\nX-Client: 192.0.2.9 https\r\n")));
    buf_done(&s.got);
    server.forwarded.from = FORWARDED_FROM_NOBODY;
    serving_run(&s);
    assert_false(str_contains(buf_str(&s.got), S("192.0.2.9")));
    buf_done(&s.got);
}

static void what_no_route_serves(void **state UNUSED)
{
    struct http_server server = SERVER;
    server.missing = nothing_here;
    struct serving s = {.server = &server, .sent = S(GET("/nowhere") GET("/hello"))};
    serving_run(&s);
    assert_true(str_starts(buf_str(&s.got), S("HTTP/1.1 410 Gone\r\n")));
    assert_true(str_ends(buf_str(&s.got), S(HELLO)));
    buf_done(&s.got);
    s.sent = S(GET("/hello") GET("/scan") GET("/hello")); // cut off without a word
    serving_run(&s);
    assert_true(str_eq(buf_str(&s.got), S(HELLO)));
    assert_true(s.ended.kind == ERR_CANCELLED);
    buf_done(&s.got);
}

static struct err long_text(struct http_exchange *x)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * KIB);
    buf_add_repeat(&text, 'x', str_ends(x->path, S("/short")) ? 1023 : 1024);
    struct str type = str_ends(x->path, S("/picture")) ? S("image/png") : S("text/plain");
    return http_answer(x, 200, type, buf_str(&text));
}

// What is large enough, of a kind that shrinks, and asked for so, goes out packed.
static void packed_answers(void **state UNUSED)
{
    static const struct http_route routes[] = {
            {.method = HTTP_GET, .path = S_INIT("/*"), .handler = long_text}};
    static const struct {
        struct str request;
        bool packed, varies;
    } cases[] = {
            {S_INIT("GET /long HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"), true, true},
            {S_INIT("HEAD /long HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"), true, true},
            {S_INIT("GET /long HTTP/1.1\r\nHost: a\r\n\r\n"), false, true},
            {S_INIT("GET /short HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"), false,
                    false},
            {S_INIT("GET /picture HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"), false,
                    false},
    };
    struct http_server server = SERVER;
    server.routes = routes;
    server.route_count = COUNT_OF(routes);
    server.gzip = true;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct serving s = {.server = &server, .sent = cases[i].request};
        serving_run(&s);
        struct str got = buf_str(&s.got);
        assert_int_equal(str_contains(got, S("\r\nContent-Encoding: gzip\r\n")), cases[i].packed);
        assert_int_equal(str_contains(got, S("\r\nVary: Accept-Encoding\r\n")), cases[i].varies);
        assert_int_equal(got.len < 400, cases[i].packed);
        buf_done(&s.got);
    }
}

static void scripts_of_other_sites(void **state UNUSED)
{
    struct http_server server = SERVER;
    server.cors = true;
    struct serving s = {.server = &server,
            .sent = S("OPTIONS /echo HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n")};
    serving_run(&s);
    assert_true(str_starts(buf_str(&s.got), S("HTTP/1.1 204 No Content\r\n")));
    assert_true(str_contains(buf_str(&s.got), S("\r\nAccess-Control-Allow-Origin: *\r\n")));
    buf_done(&s.got);
}

static void settings(void **state UNUSED)
{
    static const struct str BAD[] = {S_INIT(""), S_INIT("X"), S_INIT("X y: z"), S_INIT(": z"),
            S_INIT("X: a\nY: b"), S_INIT("X: a\rb"), S_INIT("X: \0"), S_INIT("content-length: 1"),
            S_INIT("Transfer-Encoding: chunked"), S_INIT("Connection: close")};
    struct http_field f;
    for (size_t i = 0; i < COUNT_OF(BAD); i++)
        assert_true(failed(http_setting_field(BAD[i], &f)));
    assert_false(failed(http_setting_field(S("X-Frame-Options:  DENY "), &f)));
    assert_true(str_eq(f.name, S("X-Frame-Options")));
    assert_true(str_eq(f.value, S("DENY")));
    assert_false(failed(http_setting_field(S("Server:"), &f)));
    assert_int_equal(f.value.len, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(dialogues),
            cmocka_unit_test(dialogues_octet_by_octet),
            cmocka_unit_test(expectation_is_met),
            cmocka_unit_test(deadlines),
            cmocka_unit_test(limits_of_the_head),
            cmocka_unit_test(draining),
            cmocka_unit_test(configured_fields),
            cmocka_unit_test(the_client_behind_a_proxy),
            cmocka_unit_test(what_no_route_serves),
            cmocka_unit_test(packed_answers),
            cmocka_unit_test(scripts_of_other_sites),
            cmocka_unit_test(settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
