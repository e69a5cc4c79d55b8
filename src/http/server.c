// SPDX-License-Identifier: Apache-2.0
// http/server.c: a connection: wait, read a head, find who serves it, answer, and again. Answers
// wait in the stream's buffer while there are more requests to read, so a client that pipelines
// gets them together.
#include "http/server.h"

#include "http/exchange.h"
#include "http/limits.h"

struct session {
    const struct http_server *server;
    const struct http_connection *connection;
    struct stream *stream;
    struct arena arena; // of one request
    struct http_reader reader;
    struct http_exchange exchange;
    struct http_outcome *outcome;
};

static struct err serve_one(struct session *n, bool *out_more) suspends;
static struct err await_request(struct session *n) suspends;
static struct err read_head(struct session *n) suspends;
static bool nothing_came(const struct session *n);
static struct err refuse(struct session *n, struct http_problem problem) suspends;
static struct err exchange(struct session *n) suspends;
static void exchange_begin(struct session *n);
static void find_client(struct session *n);
static struct err dispatch(struct http_exchange *x) suspends;
static struct err dispatch_path(struct http_exchange *x) suspends;
static struct err method_not_allowed(struct http_exchange *x) suspends;
static struct err answer_options(struct http_exchange *x) suspends;
static struct err answer_trouble(struct http_exchange *x, struct err trouble) suspends;
static uint16_t status_of_trouble(struct err trouble);
static void note_answer(struct session *n, int64_t since_ns);
static struct str url_to_show(const struct http_head *head, struct arena *a);
static void linger(struct session *n) suspends;

struct err http_serve(const struct http_server *server, const struct http_connection *connection,
        struct http_outcome *out)
{
    struct session n = {.server = server,
            .connection = connection,
            .stream = connection->stream,
            .outcome = out};
    bool more = true;
    struct err e = OK;
    *out = (struct http_outcome){0};
    arena_init(&n.arena, 2 * server->limits.head_bytes_max + HTTP_HANDLER_BYTES_MAX);
    task_describe("http", connection);
    while (more && !failed(e)) {
        e = serve_one(&n, &more);
        arena_reset(&n.arena); // a connection that waits for its next request holds nothing
    }
    if (failed(e)) // answers to earlier requests are the client's all the same
        stream_flush_now(n.stream);
    return e;
}

static struct err serve_one(struct session *n, bool *out_more)
{
    *out_more = false;
    http_reader_begin(&n->reader, &n->arena,
            &(struct http_read_options){.head_bytes_max = n->server->limits.head_bytes_max});
    struct err e = await_request(n);
    if (e.kind == ERR_TIMEOUT || e.kind == ERR_CLOSED || e.kind == ERR_CANCELLED)
        return OK; // between requests anybody may leave
    TRY(e);
    e = read_head(n);
    if (nothing_came(n) && (e.kind == ERR_TIMEOUT || e.kind == ERR_CLOSED))
        return OK;
    if (e.kind == ERR_TIMEOUT)
        return refuse(n, http_problem(408, "the request came too slowly"));
    TRY(e);
    if (!http_is_fine(n->reader.problem))
        return refuse(n, n->reader.problem);
    TRY(exchange(n));
    *out_more = !n->exchange.close;
    if (n->exchange.close)
        linger(n);
    return OK;
}

// Here a connection rests, and a server that drains may end it (listeners.md 15.5). A connection
// that never says anything gets the shorter time.
static struct err await_request(struct session *n)
{
    const struct http_limits *limits = &n->server->limits;
    struct str bytes;
    if (stream_buffered(n->stream).len > 0)
        return OK;
    TRY(http_send_queued(n->server, n->stream));
    within_ms(n->outcome->requests == 0 ? limits->header_ms : limits->idle_ms);
    nudgeable();
    return stream_peek(n->stream, 1, &bytes);
}

static struct err read_head(struct session *n)
{
    within_ms(n->server->limits.header_ms);
    for (;;) {
        struct str have = stream_buffered(n->stream);
        size_t taken;
        enum http_read got = http_reader_feed(&n->reader, have, &taken);
        stream_consume(n->stream, taken);
        if (got != HTTP_MORE)
            return OK; // reader.problem tells HTTP_BAD
        TRY(http_send_queued(n->server, n->stream));
        TRY(stream_peek(n->stream, have.len - taken + 1, &have));
    }
}

// An empty line behind the last request is not the beginning of another.
static bool nothing_came(const struct session *n)
{
    return !http_reader_has_begun(&n->reader) && stream_buffered(n->stream).len == 0;
}

// The request cannot be trusted, so neither can what follows it: answer and close.
static struct err refuse(struct session *n, struct http_problem problem)
{
    int64_t since_ns = now_ns();
    exchange_begin(n);
    n->exchange.close = true;
    n->outcome->problem = problem;
    if (n->connection->span != NULL)
        event_in(n->connection->span, EV_HTTP_ERROR, F_STR(reason, problem.text),
                F_U64(code, problem.status));
    TRY(http_answer_problem(&n->exchange, problem.status, problem.text));
    note_answer(n, since_ns);
    linger(n);
    return OK;
}

static void exchange_begin(struct session *n)
{
    n->exchange = (struct http_exchange){.server = n->server,
            .connection = n->connection,
            .head = &n->reader.head,
            .arena = &n->arena};
    n->exchange.continue_due = n->reader.head.expect_continue;
    http_body_begin(&n->exchange.body, &n->reader.head, n->server->limits.body_bytes_max);
    n->exchange.client = n->connection->client;
    n->exchange.tls = n->connection->tls;
}

// listeners.md 13.3. A request that was refused is nobody's: its fields are not believed.
static void find_client(struct session *n)
{
    struct http_exchange *x = &n->exchange;
    struct forwarded who =
            http_forwarded(x->head, &n->connection->client, &n->server->forwarded, x->arena);
    x->client = who.client;
    x->tls |= who.tls;
    if (who.missing && n->connection->span != NULL)
        event_in(n->connection->span, EV_HTTP_X_FORWARDED_MISSING,
                F_IP(remoteIp, &n->connection->client));
}

static struct err exchange(struct session *n)
{
    struct http_exchange *x = &n->exchange;
    int64_t since_ns = now_ns();
    exchange_begin(n);
    find_client(n);
    struct err e = dispatch(x);
    if (!failed(e) && x->state == HTTP_IN_PIECES)
        e = http_answer_end(x);
    if (!failed(e) && x->state == HTTP_UNANSWERED)
        e = fail(ERR_INTERNAL, "the handler did not answer");
    if (failed(e)) {
        n->outcome->problem = x->problem;
        if (n->connection->span != NULL && e.kind != ERR_CANCELLED) // that was told elsewhere
            event_in(n->connection->span, EV_HTTP_ERROR, F_ERR(reason, e),
                    F_U64(code, status_of_trouble(e)));
        TRY(answer_trouble(x, e));
    }
    note_answer(n, since_ns);
    if (!x->close && !failed(http_skip_body(x)))
        return OK;
    x->close = true; // a body that cannot be skipped hides the next request
    return OK;
}

static struct err dispatch(struct http_exchange *x)
{
    x->problem = http_path_decode(x->arena, x->head->parts.path, &x->path);
    if (!http_is_fine(x->problem))
        return fail(ERR_SYNTAX, "the path is malformed");
    if (x->server->gate != NULL) {
        x->arg = x->server->gate_arg;
        TRY(x->server->gate(x));
    }
    return x->state == HTTP_UNANSWERED ? dispatch_path(x) : OK;
}

static struct err dispatch_path(struct http_exchange *x)
{
    bool known = false;
    enum http_method method = x->head->method;
    const struct http_route *route = http_route_find(x->server, x->path, method, &known);
    if (method == HTTP_TRACE || method == HTTP_CONNECT || (known && route == NULL))
        return method == HTTP_OPTIONS ? answer_options(x) : method_not_allowed(x);
    if (route == NULL && x->head->parts.form == HTTP_ASTERISK)
        return http_answer(x, method == HTTP_OPTIONS ? 204 : 404, S(""), S(""));
    if (route == NULL && x->server->missing != NULL) {
        x->arg = x->server->gate_arg;
        return x->server->missing(x);
    }
    if (route == NULL)
        return http_answer_problem(x, 404, S("There is nothing at this path."));
    x->arg = route->arg;
    if (route->body_bytes_max != 0)
        http_body_begin(&x->body, x->head, route->body_bytes_max);
    return route->handler(x);
}

static struct err method_not_allowed(struct http_exchange *x)
{
    struct str methods = http_route_methods(x->server, x->path, x->arena);
    http_put(x, S("Allow"), methods); // RFC 9110 15.5.6: must be there, and may be empty
    return http_answer_problem(x, 405, S("This path does not serve that method."));
}

static struct err answer_options(struct http_exchange *x)
{
    http_put(x, S("Allow"), http_route_methods(x->server, x->path, x->arena));
    return http_answer(x, 204, S(""), S(""));
}

// Before an answer has begun the client can be told; after that, only the end of the connection
// shows that it is not whole. A connection that broke needs no answer.
static struct err answer_trouble(struct http_exchange *x, struct err trouble)
{
    if (x->state != HTTP_UNANSWERED || x->status != 0 || trouble.kind == ERR_CLOSED ||
            trouble.kind == ERR_RESET || trouble.kind == ERR_CANCELLED)
        return trouble;
    x->close = true;
    x->fields.count = 0;
    x->fields_lost = false;
    if (!http_is_fine(x->problem))
        return http_answer_problem(x, x->problem.status, x->problem.text);
    uint16_t status = status_of_trouble(trouble);
    return http_answer_problem(x, status,
            status == 503 ? S("This did not work; try again later.") : S("This did not work."));
}

static uint16_t status_of_trouble(struct err trouble)
{
    return err_is_temporary(trouble.kind) && trouble.kind != ERR_INTERNAL ? 503 : 500;
}

static void note_answer(struct session *n, int64_t since_ns)
{
    const struct http_exchange *x = &n->exchange;
    const struct http_head *head = &n->reader.head;
    int64_t elapsed_ms = (now_ns() - since_ns) / 1000000;
    n->outcome->requests++;
    metric_add(n->connection->metrics, METRIC_HTTP_REPLIES, LABELS(code_class_of(x->status)), 1);
    metric_observe(
            n->connection->metrics, METRIC_HTTP_REQUEST_TIME, NO_LABELS, (uint64_t)elapsed_ms);
    if (n->connection->span != NULL && http_reader_has_begun(&n->reader))
        event_in(n->connection->span, EV_HTTP_REQUEST_URL, F_IP(remoteIp, &x->client),
                F_STR(method, head->method_name), F_STR(url, url_to_show(head, &n->arena)),
                F_U64(code, x->status), F_U64(size, x->answered_bytes), F_MS(elapsed, elapsed_ms));
}

// A query may carry a token (management.md 2.1, ?token=), which no log should keep.
static struct str url_to_show(const struct http_head *head, struct arena *a)
{
    struct http_query query;
    if (http_is_fine(http_query_parse(a, head->parts.query, &query)) &&
            str_is_null(http_query_get(&query, S("token"))))
        return head->target;
    return arena_fmt(a, "%.*s?***", ARG(head->parts.path));
}

// RFC 9112 9.6: close our side first and let the client finish, or the reset that answers its next
// bytes would destroy our answer on its way.
static void linger(struct session *n)
{
    if (failed(http_send_queued(n->server, n->stream)))
        return;
    within_ms(HTTP_LINGER_MS);
    if (failed(stream_end(n->stream)))
        return;
    stream_drain(n->stream, HTTP_LINGER_BYTES_MAX);
}
