// SPDX-License-Identifier: Apache-2.0
// http/answer.c: answers, whole or in pieces. What of a message must agree with itself (length,
// coding, connection) is decided here and cannot be set by handlers or configuration.
#include "http/exchange.h"

#include "base/date.h"
#include "base/json.h"
#include "http/gzip.h"
#include "http/limits.h"

#define PROBLEM_BYTES_MAX (16 * KIB)

enum content { CONTENT_WHOLE, CONTENT_IN_PIECES };

static struct err begin(struct http_exchange *x, uint16_t status, struct str type,
        enum content content, size_t content_bytes) suspends;
static bool may_have_content(uint16_t status);
static void own_fields(struct http_exchange *x, struct str type);
static void cors_fields(struct http_exchange *x);
static void write_framing(
        struct http_exchange *x, struct buf *head, enum content content, size_t content_bytes);
static void write_field(struct buf *head, struct str name, struct str value);

struct err http_send(struct http_exchange *x, struct str bytes)
{
    within_ms(x->server->limits.write_ms);
    return stream_write(x->connection->stream, bytes);
}

struct err http_send_queued(const struct http_server *server, struct stream *s)
{
    within_ms(server->limits.write_ms);
    return stream_flush(s);
}

struct err http_answer(
        struct http_exchange *x, uint16_t status, struct str type, struct str content)
{
    struct buf packed AUTO(buf_done) = {0};
    struct str out = content;
    if (x->server->gzip && content.len >= GZIP_BYTES_MIN && http_type_shrinks(type)) {
        http_add(x, S("Vary"), S("Accept-Encoding"));
        if (http_accepts_gzip(x->head) && http_gzip(content, &packed)) {
            http_put(x, S("Content-Encoding"), S("gzip"));
            out = buf_str(&packed);
        }
    }
    TRY(begin(x, status, type, CONTENT_WHOLE, out.len));
    x->state = HTTP_ANSWERED;
    if (x->head->method == HTTP_HEAD || !may_have_content(status))
        return OK;
    x->answered_bytes = out.len;
    return http_send(x, out);
}

struct err http_answer_problem(struct http_exchange *x, uint16_t status, struct str detail)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, PROBLEM_BYTES_MAX);
    struct json_out o = json_begin(&text, JSON_COMPACT);
    json_object_begin(&o);
    json_put_str(&o, S("type"), S("about:blank"));
    json_put_str(&o, S("title"), http_reason(status));
    json_put_u64(&o, S("status"), status);
    json_put_str(&o, S("detail"), detail);
    json_object_end(&o);
    return http_answer(x, status, S("application/problem+json"), buf_str(&text));
}

struct err http_answer_begin(struct http_exchange *x, uint16_t status, struct str type)
{
    TRY(begin(x, status, type, CONTENT_IN_PIECES, 0));
    x->state = HTTP_IN_PIECES;
    return OK;
}

// chunk = chunk-size CRLF chunk-data CRLF               RFC 9112 7.1
struct err http_answer_piece(struct http_exchange *x, struct str content)
{
    assert(x->state == HTTP_IN_PIECES);
    if (content.len == 0 || x->head->method == HTTP_HEAD)
        return OK; // an empty chunk would be the last
    x->answered_bytes += content.len;
    if (!x->chunked)
        return http_send(x, content);
    struct buf size AUTO(buf_done);
    buf_init(&size, 32);
    buf_fmt(&size, "%zx\r\n", content.len);
    TRY(http_send(x, buf_str(&size)));
    TRY(http_send(x, content));
    return http_send(x, S("\r\n"));
}

struct err http_answer_flush(struct http_exchange *x)
{
    return http_send_queued(x->server, x->connection->stream);
}

struct err http_answer_end(struct http_exchange *x)
{
    assert(x->state == HTTP_IN_PIECES);
    x->state = HTTP_ANSWERED;
    if (!x->chunked || x->head->method == HTTP_HEAD)
        return OK;
    return http_send(x, S("0\r\n\r\n"));
}

void http_put(struct http_exchange *x, struct str name, struct str value)
{
    size_t kept = 0;
    for (size_t i = 0; i < x->fields.count; i++)
        if (!str_eq_nocase(x->fields.at[i].name, name))
            x->fields.at[kept++] = x->fields.at[i];
    x->fields.count = kept;
    http_add(x, name, value);
}

// Without memory, for the field or for its value, the answer fails.
void http_add(struct http_exchange *x, struct str name, struct str value)
{
    struct http_field *field = vec_add(x->arena, &x->fields);
    if (field == NULL || str_is_null(value))
        x->fields_lost = true;
    else
        *field = (struct http_field){name, value};
}

// status-line *( field-line CRLF ) CRLF                 RFC 9112 4
static struct err begin(struct http_exchange *x, uint16_t status, struct str type,
        enum content content, size_t content_bytes)
{
    struct buf head AUTO(buf_done);
    assert(x->state == HTTP_UNANSWERED && status >= 200 && status <= 599);
    buf_init(&head, HTTP_ANSWER_HEAD_BYTES_MAX);
    x->close = http_will_close(x);
    x->status = status;
    own_fields(x, type);
    buf_fmt(&head, "HTTP/1.1 %d %.*s\r\n", status, ARG(http_reason(status)));
    each_in_vec (field, &x->fields)
        write_field(&head, field->name, field->value);
    write_framing(x, &head, content, content_bytes);
    buf_add(&head, S("\r\n"));
    if (head.overflow || x->fields_lost) {
        x->status = 0; // nothing has gone out: another answer may still be given
        return fail(ERR_LIMIT, "the head of an answer is too large");
    }
    return http_send(x, buf_str(&head));
}

// The configured ones come last and replace what the server has set itself.
static void own_fields(struct http_exchange *x, struct str type)
{
    struct buf date AUTO(buf_done);
    buf_init(&date, 64);
    date_add_http(&date, wall_ms());
    http_put(x, S("Date"), arena_str(x->arena, buf_str(&date)));
    if (type.len > 0)
        http_put(x, S("Content-Type"), type);
    if (x->server->cors)
        cors_fields(x);
    if (x->server->hsts && x->tls)
        http_put(x, S("Strict-Transport-Security"), S("max-age=31536000; includeSubDomains"));
    for (size_t i = 0; i < x->server->field_count; i++)
        http_put(x, x->server->fields[i].name, x->server->fields[i].value);
}

// management.md 1.1, http.permissive-cors.
static void cors_fields(struct http_exchange *x)
{
    http_put(x, S("Access-Control-Allow-Origin"), S("*"));
    http_put(x, S("Access-Control-Allow-Methods"),
            S("POST, GET, PATCH, PUT, DELETE, HEAD, OPTIONS"));
    http_put(x, S("Access-Control-Allow-Headers"),
            S("Authorization, Content-Type, Accept, X-Requested-With"));
}

static void write_framing(
        struct http_exchange *x, struct buf *head, enum content content, size_t content_bytes)
{
    // HTTP/1.0 knows no chunks: there the end of the connection is the end of the answer.
    x->chunked = content == CONTENT_IN_PIECES && x->head->minor == 1;
    x->close |= content == CONTENT_IN_PIECES && x->head->minor == 0;
    if (x->chunked)
        write_field(head, S("Transfer-Encoding"), S("chunked"));
    else if (content == CONTENT_WHOLE && may_have_content(x->status))
        buf_fmt(head, "Content-Length: %zu\r\n", content_bytes);
    if (x->close)
        write_field(head, S("Connection"), S("close"));
    else if (x->head->minor == 0)
        write_field(head, S("Connection"), S("keep-alive"));
}

static bool may_have_content(uint16_t status) // RFC 9110 6.4.1
{
    return status != 204 && status != 304;
}

// A value may hold what a client has sent: it cannot begin a line of its own.
static void write_field(struct buf *head, struct str name, struct str value)
{
    buf_add(head, name);
    buf_add(head, S(": "));
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = (uint8_t)value.ptr[i];
        buf_add_byte(head, c < ' ' || c == 0x7f ? ' ' : (char)c);
    }
    buf_add(head, S("\r\n"));
}

struct reason {
    uint16_t status;
    struct str text;
};

static const struct reason REASONS[] = {
        // RFC 9110 15, RFC 6585
        {200, S_INIT("OK")},
        {201, S_INIT("Created")},
        {202, S_INIT("Accepted")},
        {204, S_INIT("No Content")},
        {206, S_INIT("Partial Content")},
        {301, S_INIT("Moved Permanently")},
        {302, S_INIT("Found")},
        {303, S_INIT("See Other")},
        {304, S_INIT("Not Modified")},
        {307, S_INIT("Temporary Redirect")},
        {308, S_INIT("Permanent Redirect")},
        {400, S_INIT("Bad Request")},
        {401, S_INIT("Unauthorized")},
        {402, S_INIT("Payment Required")},
        {403, S_INIT("Forbidden")},
        {404, S_INIT("Not Found")},
        {405, S_INIT("Method Not Allowed")},
        {406, S_INIT("Not Acceptable")},
        {408, S_INIT("Request Timeout")},
        {409, S_INIT("Conflict")},
        {410, S_INIT("Gone")},
        {411, S_INIT("Length Required")},
        {412, S_INIT("Precondition Failed")},
        {413, S_INIT("Content Too Large")},
        {414, S_INIT("URI Too Long")},
        {415, S_INIT("Unsupported Media Type")},
        {416, S_INIT("Range Not Satisfiable")},
        {417, S_INIT("Expectation Failed")},
        {421, S_INIT("Misdirected Request")},
        {422, S_INIT("Unprocessable Content")},
        {425, S_INIT("Too Early")},
        {426, S_INIT("Upgrade Required")},
        {428, S_INIT("Precondition Required")},
        {429, S_INIT("Too Many Requests")},
        {431, S_INIT("Request Header Fields Too Large")},
        {451, S_INIT("Unavailable For Legal Reasons")}, // RFC 7725
        {500, S_INIT("Internal Server Error")},
        {501, S_INIT("Not Implemented")},
        {502, S_INIT("Bad Gateway")},
        {503, S_INIT("Service Unavailable")},
        {504, S_INIT("Gateway Timeout")},
        {505, S_INIT("HTTP Version Not Supported")},
        {507, S_INIT("Insufficient Storage")},
};

struct str http_reason(uint16_t status)
{
    for (size_t i = 0; i < COUNT_OF(REASONS); i++)
        if (REASONS[i].status == status)
            return REASONS[i].text;
    return S("Unknown"); // the code says it; the phrase is for people
}
