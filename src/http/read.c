// SPDX-License-Identifier: Apache-2.0
// http/read.c: the head of a request, line by line. See http/read.h; what the fields mean together
// (where the body ends, who is asked, whether the connection stays) is in http/meaning.c.
#include "http/read.h"

#include "http/limits.h"
#include "http/meaning.h"

static const struct str METHOD_NAMES[] = {
        [HTTP_GET] = S_INIT("GET"),
        [HTTP_HEAD] = S_INIT("HEAD"),
        [HTTP_POST] = S_INIT("POST"),
        [HTTP_PUT] = S_INIT("PUT"),
        [HTTP_PATCH] = S_INIT("PATCH"),
        [HTTP_DELETE] = S_INIT("DELETE"),
        [HTTP_OPTIONS] = S_INIT("OPTIONS"),
        [HTTP_TRACE] = S_INIT("TRACE"),
        [HTTP_CONNECT] = S_INIT("CONNECT"),
        [HTTP_OTHER] = S_INIT(""),
};

static size_t line_bytes_left(const struct http_reader *r);
static struct http_problem too_long(const struct http_reader *r);
static struct http_problem line_apply(struct http_reader *r, struct str text, bool *out_last);
static struct http_problem request_line(struct http_reader *r, struct str line);
static struct http_problem field_line(struct http_reader *r, struct str line);
static enum http_read bad(struct http_reader *r, struct http_problem problem);

void http_reader_begin(
        struct http_reader *r, struct arena *a, const struct http_read_options *options)
{
    *r = (struct http_reader){.arena = a, .options = *options};
}

enum http_read http_reader_feed(struct http_reader *r, struct str buffered, size_t *out_taken)
{
    assert(http_is_fine(r->problem));
    *out_taken = 0;
    for (;;) {
        struct str rest = str_from(buffered, *out_taken);
        enum http_read got = http_line_read(&r->line, rest, line_bytes_left(r), too_long(r));
        if (got == HTTP_BAD)
            return bad(r, r->line.problem);
        if (got == HTTP_MORE)
            return HTTP_MORE;
        struct http_line line = r->line;
        bool last = false;
        r->line = (struct http_line){0};
        r->head_bytes += line.bytes;
        *out_taken += line.bytes;
        struct http_problem problem = line_apply(r, line.text, &last);
        if (!http_is_fine(problem))
            return bad(r, problem);
        if (last)
            return HTTP_DONE;
    }
}

static enum http_read bad(struct http_reader *r, struct http_problem problem)
{
    r->problem = problem;
    return HTTP_BAD;
}

static size_t line_bytes_left(const struct http_reader *r)
{
    size_t left = r->options.head_bytes_max - r->head_bytes;
    return left < HTTP_LINE_BYTES_MAX ? left : HTTP_LINE_BYTES_MAX;
}

// RFC 9112 3: a target that is too long is not the same as too many fields, RFC 6585 5.
static struct http_problem too_long(const struct http_reader *r)
{
    if (!http_reader_has_begun(r))
        return http_problem(414, "the request line is too long");
    return http_problem(431, "the header fields are too large");
}

bool http_reader_has_begun(const struct http_reader *r)
{
    return r->head.method_name.ptr != NULL;
}

static struct http_problem line_apply(struct http_reader *r, struct str text, bool *out_last)
{
    if (text.len == 0 && http_reader_has_begun(r)) {
        *out_last = true;
        return http_head_understand(&r->head, r->options.host);
    }
    if (text.len == 0)
        return ++r->empty_lines <= HTTP_EMPTY_LINES_MAX
                       ? HTTP_FINE
                       : http_problem(400, "empty lines instead of a request");
    struct str line = arena_str(r->arena, text);
    if (str_is_null(line))
        return http_problem(431, "the header fields need too much memory");
    return http_reader_has_begun(r) ? field_line(r, line) : request_line(r, line);
}

// request-line = method SP request-target SP HTTP-version          RFC 9112 3
static struct http_problem request_line(struct http_reader *r, struct str line)
{
    struct http_head *h = &r->head;
    struct scan in = scan_over(line);
    struct str method;
    if (!scan_while(&in, http_is_token_byte, &method) || !scan_byte(&in, ' '))
        return http_problem(400, "this is no HTTP request");
    if (!scan_until_past(&in, ' ', &h->target) || h->target.len == 0)
        return http_problem(400, "the request line is not METHOD TARGET HTTP/1.1");
    TRY_HTTP(http_version_parse(scan_rest(&in), &h->minor));
    if (method.len > HTTP_METHOD_BYTES_MAX)
        return http_problem(501, "the method is unknown");
    h->method_name = method;
    h->method = http_method_of(method);
    return http_target_split(h->method, h->target, &h->parts);
}

struct http_problem http_version_parse(struct str text, uint8_t *out_minor)
{
    if (text.len != S("HTTP/1.1").len || !str_starts(text, S("HTTP/")) || text.ptr[6] != '.' ||
            !byte_is_digit((uint8_t)text.ptr[5]) || !byte_is_digit((uint8_t)text.ptr[7]))
        return http_problem(400, "the request line does not end in HTTP/1.1");
    if (text.ptr[5] != '1' || text.ptr[7] > '1')
        return http_problem(505, "HTTP/1.1 and HTTP/1.0 are spoken here");
    *out_minor = text.ptr[7] == '1';
    return HTTP_FINE;
}

static struct http_problem field_line(struct http_reader *r, struct str line)
{
    const struct http_field *field;
    TRY_HTTP(http_head_add(&r->head, r->arena, line, &field));
    return http_field_understand(&r->head, field);
}

struct str http_head_field(const struct http_head *head, struct str name)
{
    each_in_vec (field, &head->fields)
        if (str_eq_nocase(field->name, name))
            return field->value;
    return STR_NULL;
}

size_t http_head_count(const struct http_head *head, struct str name)
{
    size_t count = 0;
    each_in_vec (field, &head->fields)
        count += str_eq_nocase(field->name, name);
    return count;
}

enum http_method http_method_of(struct str name)
{
    for (enum http_method m = HTTP_GET; m < HTTP_OTHER; m++)
        if (str_eq(name, METHOD_NAMES[m]))
            return m;
    return HTTP_OTHER; // RFC 9110 9.1: methods compare with their letter case
}

struct str http_method_name(enum http_method method)
{
    return METHOD_NAMES[method];
}
