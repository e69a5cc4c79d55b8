// SPDX-License-Identifier: Apache-2.0
// smtp/client/reply.c: one reply of a peer, read with the limits of outbound.md 8.2. Whoever
// exceeds them, or says something else, has ended the conversation: nothing behind it can be
// understood any more. What is kept as text may be shown and stored as it is.
#include "smtp/client/parts.h"

#include "mail/status.h"

struct reading {
    struct arena *arena;
    struct client_reply reply;
    VEC(struct str) lines;
    size_t bytes;
};

static struct err line_read(struct reading *r, struct stream *s, struct str *out) suspends MUST_USE;
static struct err line_take(struct reading *r, struct str line, bool *out_more) MUST_USE;
static struct str enhanced_of(struct str text, uint16_t code);
static struct err text_make(struct reading *r) MUST_USE;
static void text_add(struct buf *out, struct str line);
static struct err unparseable(void);

struct err client_reply_read(struct stream *s, struct arena *a, struct client_reply *out)
{
    struct reading r = {.arena = a};
    struct str line;
    bool more = true;
    while (more) {
        TRY(line_read(&r, s, &line));
        TRY(line_take(&r, line, &more));
    }
    r.reply.lines = r.lines.at;
    r.reply.line_count = r.lines.count;
    TRY(text_make(&r));
    *out = r.reply;
    return OK;
}

// A line without its end, CRLF or LF.
static struct err line_read(struct reading *r, struct stream *s, struct str *out)
{
    struct str line;
    struct err e = stream_until(s, S("\n"), REPLY_LINE_READ_MAX, &line);
    if (e.kind == ERR_LIMIT && stream_buffered(s).len >= REPLY_LINE_READ_MAX)
        return unparseable();
    TRY(e);
    r->bytes += line.len;
    if (r->bytes > REPLY_BYTES_MAX || r->lines.count == REPLY_LINES_MAX)
        return unparseable();
    line.len--;
    if (str_ends(line, S("\r")))
        line.len--;
    *out = line;
    return OK;
}

// Reply-line = code [ SP text ], and with "-" where more lines follow      RFC 5321 4.2
static struct err line_take(struct reading *r, struct str line, bool *out_more)
{
    struct scan in = scan_over(line);
    uint16_t code = 0;
    if (!mail_code_scan(&in, &code))
        return unparseable();
    *out_more = scan_byte(&in, '-');
    if (!*out_more && !scan_byte(&in, ' ') && !scan_end(&in))
        return unparseable();
    struct str *kept = vec_add(r->arena, &r->lines);
    if (kept == NULL)
        return client_no_room();
    *kept = arena_str(r->arena, scan_rest(&in));
    if (str_is_null(*kept))
        return client_no_room();
    r->reply.codes_differ = r->lines.count > 1 && (r->reply.codes_differ || r->reply.code != code);
    r->reply.code = code;
    return OK;
}

// The enhanced code that the text begins with (RFC 2034 4); null when it belongs to another class.
static struct str enhanced_of(struct str text, uint16_t code)
{
    struct scan in = scan_over(text);
    struct mail_status status;
    if (!mail_status_scan(&in, &status) || status.class != code / 100)
        return STR_NULL;
    return scan_since(&in, 0);
}

// All lines as one text. The enhanced code, which careful servers repeat on each, stands apart.
static struct err text_make(struct reading *r)
{
    struct client_reply *reply = &r->reply;
    struct buf text AUTO(buf_done);
    buf_init(&text, REPLY_TEXT_BYTES_MAX);
    reply->enhanced = enhanced_of(reply->lines[0], reply->code);
    for (size_t i = 0; i < reply->line_count; i++) {
        struct str line = reply->lines[i];
        struct str enhanced = enhanced_of(line, reply->code);
        if (!str_is_null(enhanced) && str_eq(enhanced, reply->enhanced))
            line = str_from(line, enhanced.len);
        line = str_trim(line);
        if (text.len > 0 && line.len > 0)
            buf_add_byte(&text, ' ');
        text_add(&text, line);
    }
    reply->text = arena_str(r->arena, str_trim(buf_str(&text)));
    return str_is_null(reply->text) ? client_no_room() : OK;
}

// Controls go, bytes that are not UTF-8 become U+FFFD (queue.md 2.3). What follows the first letter
// that has no room is dropped, even if it had some.
static void text_add(struct buf *out, struct str line)
{
    while (line.len > 0 && !out->overflow) {
        uint32_t code = 0;
        size_t len = str_utf8_next(line, &code);
        if (len == 0)
            buf_add_utf8(out, 0xfffd);
        else if (code == '\t')
            buf_add_byte(out, ' ');
        else if (code >= ' ' && (code < 0x7f || code > 0x9f))
            buf_add(out, str_upto(line, len));
        line = str_from(line, len == 0 ? 1 : len);
    }
}

static struct err unparseable(void)
{
    return fail(ERR_SYNTAX, "unparseable reply");
}
