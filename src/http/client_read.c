// SPDX-License-Identifier: Apache-2.0
// http/client_read.c: the head of an answer, line by line: the same lines, fields and rules about
// bodies as in requests (http/field.h, http/meaning.h), under a status line. The status that a
// problem carries is for peers that ask; here only its text counts.
#include "http/client_read.h"

#include "http/limits.h"
#include "http/meaning.h"

static struct http_problem line_apply(struct http_reply_reader *r, struct str text, bool *out_last);
static struct http_problem status_line(struct http_reply_reader *r, struct str line);
static struct http_problem field_line(struct http_reply_reader *r, struct str line);
static struct http_problem head_end(struct http_reply_reader *r, bool *out_last);
static bool has_no_body(const struct http_reply_reader *r);

void http_reply_reader_begin(struct http_reply_reader *r, struct arena *a, enum http_method method,
        size_t head_bytes_max)
{
    *r = (struct http_reply_reader){.arena = a, .method = method, .head_bytes_max = head_bytes_max};
}

enum http_read http_reply_reader_feed(
        struct http_reply_reader *r, struct str buffered, size_t *out_taken)
{
    *out_taken = 0;
    for (bool last = false; !last;) {
        size_t left = r->head_bytes_max - r->head_bytes;
        enum http_read got = http_line_read(&r->line, str_from(buffered, *out_taken),
                left < HTTP_LINE_BYTES_MAX ? left : HTTP_LINE_BYTES_MAX,
                http_problem(431, "the header fields are too large"));
        if (got == HTTP_MORE)
            return HTTP_MORE;
        struct http_line line = r->line;
        r->line = (struct http_line){0};
        r->head_bytes += line.bytes;
        *out_taken += line.bytes;
        r->problem = got == HTTP_BAD ? line.problem : line_apply(r, line.text, &last);
        if (!http_is_fine(r->problem))
            return HTTP_BAD;
    }
    return HTTP_DONE;
}

static struct http_problem line_apply(struct http_reply_reader *r, struct str text, bool *out_last)
{
    if (text.len == 0 && r->status != 0)
        return head_end(r, out_last);
    struct str line = arena_str(r->arena, text);
    if (str_is_null(line))
        return http_problem(431, "the header fields need too much memory");
    return r->status == 0 ? status_line(r, line) : field_line(r, line);
}

// status-line = HTTP-version SP status-code SP [ reason-phrase ]       RFC 9112 4
// The blank behind the code is left out by some servers that give no reason: nothing depends on it.
static struct http_problem status_line(struct http_reply_reader *r, struct str line)
{
    struct scan in = scan_over(str_from(line, S("HTTP/1.1").len));
    struct str code;
    uint64_t status;
    if (!http_is_fine(http_version_parse(str_upto(line, S("HTTP/1.1").len), &r->head.minor)) ||
            !scan_byte(&in, ' ') || !scan_take(&in, 3, &code) || !str_to_u64(code, 599, &status) ||
            status < 100 || !(scan_end(&in) || scan_byte(&in, ' ')))
        return http_problem(502, "this is no answer of HTTP/1.1");
    r->status = (uint16_t)status;
    return HTTP_FINE;
}

static struct http_problem field_line(struct http_reply_reader *r, struct str line)
{
    const struct http_field *field;
    TRY_HTTP(http_head_add(&r->head, r->arena, line, &field));
    // These two mean something in requests alone, and nothing is taken from them here.
    if (str_eq_nocase(field->name, S("Host")) || str_eq_nocase(field->name, S("Expect")))
        return HTTP_FINE;
    return http_field_understand(&r->head, field);
}

// RFC 9110 15.2: any number of answers on the way may come first. 101 would follow a wish of ours
// for another protocol, and we have none.
static struct http_problem head_end(struct http_reply_reader *r, bool *out_last)
{
    if (r->status == 101)
        return http_problem(502, "another protocol than was asked for");
    if (r->status < 200) {
        if (++r->interim_count > HTTP_INTERIM_MAX)
            return http_problem(502, "too many answers on the way");
        r->status = 0;
        r->head = (struct http_head){0};
        return HTTP_FINE;
    }
    TRY_HTTP(http_head_understand(&r->head, HTTP_HOST_OPTIONAL));
    if (has_no_body(r)) // whatever the fields say, RFC 9112 6.3
        r->head.framing = HTTP_BODY_NONE;
    else if (r->head.framing == HTTP_BODY_NONE)
        r->head.framing = HTTP_BODY_TO_CLOSE;
    *out_last = true;
    return HTTP_FINE;
}

static bool has_no_body(const struct http_reply_reader *r)
{
    return r->method == HTTP_HEAD || r->status == 204 || r->status == 304;
}
