// SPDX-License-Identifier: Apache-2.0
// http/body.c: where a body ends. Chunk extensions and trailers are checked, counted and dropped:
// nothing here acts on them, and RFC 9112 7.1.1 and 7.1.2 let them go.
#include "http/body.h"

#include "http/limits.h"

static enum http_read step(
        struct http_body *b, struct str buffered, size_t *out_taken, struct str *out_data);
static enum http_read take_content(struct http_body *b, enum http_body_at then, struct str buffered,
        size_t *out_taken, struct str *out_data);
static enum http_read take_rest(
        struct http_body *b, struct str buffered, size_t *out_taken, struct str *out_data);
static enum http_read chunk_size(struct http_body *b, struct str buffered, size_t *out_taken);
static struct http_problem size_line(struct http_body *b, struct str line, uint64_t *out_size);
static struct http_problem extension(struct scan *in);
static bool scan_quoted(struct scan *in);
static bool is_quoted_byte(uint8_t c);
static enum http_read chunk_end(struct http_body *b, struct str buffered, size_t *out_taken);
static enum http_read trailers(struct http_body *b, struct str buffered, size_t *out_taken);
static struct http_problem trailer(struct http_body *b, struct str line);
static enum http_read bad(struct http_body *b, struct http_problem problem);
static enum http_read go_on(struct http_body *b, enum http_body_at at);

void http_body_begin(struct http_body *b, const struct http_head *head, uint64_t bytes_max)
{
    *b = (struct http_body){.bytes_max = bytes_max, .at = HTTP_AT_END};
    switch (head->framing) {
    case HTTP_BODY_NONE:
        break;
    case HTTP_BODY_LENGTH:
        b->left = b->content_bytes = head->body_bytes;
        b->at = b->left > 0 ? HTTP_AT_CONTENT : HTTP_AT_END;
        if (b->left > bytes_max)
            b->problem = http_problem(413, "the body is too large");
        break;
    case HTTP_BODY_CHUNKED:
        b->at = HTTP_AT_CHUNK_SIZE;
        break;
    case HTTP_BODY_TO_CLOSE:
        b->at = HTTP_AT_REST;
        break;
    }
}

enum http_read http_body_feed(
        struct http_body *b, struct str buffered, size_t *out_taken, struct str *out_data)
{
    size_t taken = 0;
    *out_taken = 0;
    if (!http_is_fine(b->problem))
        return HTTP_BAD;
    while (b->at != HTTP_AT_END) {
        enum http_body_at before = b->at;
        size_t more = 0;
        enum http_read got = step(b, str_from(buffered, taken), &more, out_data);
        taken += more;
        *out_taken = taken;
        if (got == HTTP_DATA || got == HTTP_BAD)
            return got;
        if (got == HTTP_MORE && b->at == before && more == 0)
            return HTTP_MORE;
    }
    return HTTP_DONE;
}

bool http_body_close(struct http_body *b)
{
    if (b->at == HTTP_AT_REST)
        b->at = HTTP_AT_END;
    return http_body_is_done(b);
}

// HTTP_MORE with something taken or a new place: go on; with nothing: wait.
static enum http_read step(
        struct http_body *b, struct str buffered, size_t *out_taken, struct str *out_data)
{
    switch (b->at) {
    case HTTP_AT_CONTENT:
        return take_content(b, HTTP_AT_END, buffered, out_taken, out_data);
    case HTTP_AT_CHUNK_SIZE:
        return chunk_size(b, buffered, out_taken);
    case HTTP_AT_CHUNK:
        return take_content(b, HTTP_AT_CHUNK_END, buffered, out_taken, out_data);
    case HTTP_AT_CHUNK_END:
        return chunk_end(b, buffered, out_taken);
    case HTTP_AT_TRAILERS:
        return trailers(b, buffered, out_taken);
    case HTTP_AT_REST:
        return take_rest(b, buffered, out_taken, out_data);
    case HTTP_AT_END:
        break;
    }
    return HTTP_DONE;
}

static enum http_read take_content(struct http_body *b, enum http_body_at then, struct str buffered,
        size_t *out_taken, struct str *out_data)
{
    if (buffered.len == 0)
        return HTTP_MORE;
    *out_data = str_upto(buffered, b->left < buffered.len ? (size_t)b->left : buffered.len);
    *out_taken = out_data->len;
    b->left -= out_data->len;
    if (b->left == 0)
        b->at = then;
    return HTTP_DATA;
}

static enum http_read take_rest(
        struct http_body *b, struct str buffered, size_t *out_taken, struct str *out_data)
{
    if (buffered.len == 0)
        return HTTP_MORE;
    if (buffered.len > b->bytes_max - b->content_bytes)
        return bad(b, http_problem(413, "the body is too large"));
    *out_data = buffered;
    *out_taken = buffered.len;
    b->content_bytes += buffered.len;
    return HTTP_DATA;
}

// chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF            RFC 9112 7.1
static enum http_read chunk_size(struct http_body *b, struct str buffered, size_t *out_taken)
{
    uint64_t size;
    enum http_read got = http_line_read(&b->line, buffered, HTTP_CHUNK_LINE_BYTES_MAX,
            http_problem(400, "the line of a chunk is too long"));
    if (got != HTTP_DONE)
        return got == HTTP_BAD ? bad(b, b->line.problem) : HTTP_MORE;
    struct http_problem problem = size_line(b, b->line.text, &size);
    *out_taken = b->line.bytes;
    if (!http_is_fine(problem))
        return bad(b, problem);
    if (size > b->bytes_max - b->content_bytes)
        return bad(b, http_problem(413, "the body is too large"));
    b->content_bytes += size;
    b->left = size;
    return go_on(b, size > 0 ? HTTP_AT_CHUNK : HTTP_AT_TRAILERS);
}

static enum http_read go_on(struct http_body *b, enum http_body_at at)
{
    b->line = (struct http_line){0};
    b->at = at;
    return HTTP_MORE;
}

static enum http_read bad(struct http_body *b, struct http_problem problem)
{
    b->problem = problem;
    return HTTP_BAD;
}

// chunk-size = 1*HEXDIG
// chunk-ext  = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
static struct http_problem size_line(struct http_body *b, struct str line, uint64_t *out_size)
{
    struct scan in = scan_over(line);
    if (!scan_hex_u64(&in, HTTP_CHUNK_SIZE_DIGITS_MAX, out_size))
        return http_problem(400, "the size of a chunk is malformed");
    b->extension_bytes += scan_rest(&in).len;
    if (b->extension_bytes > HTTP_CHUNK_EXTENSION_BYTES_MAX)
        return http_problem(400, "too many chunk extensions");
    while (!scan_end(&in))
        TRY_HTTP(extension(&in));
    return HTTP_FINE;
}

static struct http_problem extension(struct scan *in)
{
    struct str text;
    scan_blanks(in);
    if (!scan_byte(in, ';'))
        return http_problem(400, "the size of a chunk is malformed");
    scan_blanks(in);
    if (!scan_while(in, http_is_token_byte, &text))
        return http_problem(400, "a chunk extension is malformed");
    struct scan after = *in; // blanks belong here only if "=" or ";" follows
    scan_blanks(&after);
    if (!scan_byte(&after, '='))
        return HTTP_FINE;
    scan_blanks(&after);
    if (!scan_while(&after, http_is_token_byte, &text) && !scan_quoted(&after))
        return http_problem(400, "a chunk extension is malformed");
    *in = after;
    return HTTP_FINE;
}

// quoted-string                                         RFC 9110 5.6.4
static bool scan_quoted(struct scan *in)
{
    struct str text;
    if (!scan_byte(in, '"'))
        return false;
    do
        scan_while0(in, is_quoted_byte, &text);
    while (scan_byte(in, '\\') && scan_skip(in, 1));
    return scan_byte(in, '"');
}

static bool is_quoted_byte(uint8_t c) // controls were refused with the line
{
    return c != '"' && c != '\\';
}

static enum http_read chunk_end(struct http_body *b, struct str buffered, size_t *out_taken)
{
    if (!str_starts(S("\r\n"), str_upto(buffered, 2)))
        return bad(b, http_problem(400, "a chunk does not end where it said"));
    if (buffered.len < 2)
        return HTTP_MORE;
    *out_taken = 2;
    return go_on(b, HTTP_AT_CHUNK_SIZE);
}

// trailer-section = *( field-line CRLF ), then an empty line       RFC 9112 7.1.2
static enum http_read trailers(struct http_body *b, struct str buffered, size_t *out_taken)
{
    enum http_read got =
            http_line_read(&b->line, buffered, HTTP_TRAILER_BYTES_MAX - b->trailer_bytes,
                    http_problem(431, "the trailer fields are too large"));
    if (got != HTTP_DONE)
        return got == HTTP_BAD ? bad(b, b->line.problem) : HTTP_MORE;
    *out_taken = b->line.bytes;
    b->trailer_bytes += b->line.bytes;
    if (b->line.text.len == 0)
        return go_on(b, HTTP_AT_END);
    struct http_problem problem = trailer(b, b->line.text);
    if (!http_is_fine(problem))
        return bad(b, problem);
    return go_on(b, HTTP_AT_TRAILERS);
}

// RFC 9110 6.5.1: fields of framing and routing may not come late. We would drop them; others
// might not, so a client that sends them means no good.
static struct http_problem trailer(struct http_body *b, struct str line)
{
    struct http_field field;
    if (++b->trailer_count > HTTP_TRAILERS_MAX)
        return http_problem(431, "too many trailer fields");
    TRY_HTTP(http_field_parse(line, &field));
    if (str_eq_nocase(field.name, S("Content-Length")) || str_eq_nocase(field.name, S("Host")) ||
            str_eq_nocase(field.name, S("Transfer-Encoding")))
        return http_problem(400, "a field that may not be a trailer");
    return HTTP_FINE;
}
