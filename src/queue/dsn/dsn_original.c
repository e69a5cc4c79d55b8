// SPDX-License-Identifier: Apache-2.0
// queue/dsn/dsn_original.c: the third part of a report, what comes back of the message it is about
// (queue.md 12.4, 12.8; RFC 3461 6.2, RFC 3462 2). No more is read than may come back. Of a header
// there are whole fields only; what no line of mail may look like stays away.
#include "queue/dsn/dsn_parts.h"

#include "mail/field.h"
#include "mail/fold.h"
#include "mail/header.h"

static bool wants_full(const struct dsn_writing *w);
static struct err read_upto(struct dsn_original *o, const struct dsn_writing *w,
        struct message_reader *reader, size_t bytes_max) suspends MUST_USE;
static void find_head(struct dsn_original *o, size_t bytes_max);
static bool is_sendable(struct str bytes);
static void add_fields(struct buf *out, const struct dsn_original *o, size_t room_bytes, bool few);
static bool is_of_few(struct str name);
static bool byte_is_idtext(uint8_t c);

void dsn_original_init(struct dsn_original *o)
{
    *o = (struct dsn_original){0};
    buf_init(&o->bytes, DSN_BYTES_MAX);
}

void dsn_original_done(struct dsn_original *o)
{
    buf_done(&o->bytes);
}

// The header is looked at even if nothing is to come back: In-Reply-To tells of it.
struct err dsn_original_read(
        struct dsn_original *o, const struct dsn_writing *w, struct message_reader *reader)
{
    const struct dsn_settings *s = w->settings;
    bool more = wants_full(w) && s->full_bytes_max > s->head_bytes_max;
    TRY(read_upto(o, w, reader, more ? s->full_bytes_max : s->head_bytes_max));
    find_head(o, s->head_bytes_max);
    return OK;
}

// RET=FULL is about failures (RFC 3461 4.3); secrets that wanted TLS do not come back without it.
static bool wants_full(const struct dsn_writing *w)
{
    const struct message *m = w->report->about;
    if (!dsn_any_failed(w->report->rcpts, w->report->rcpt_count) ||
            (m->flags & (MESSAGE_REQUIRETLS | MESSAGE_BODY_BINARY)) != 0 ||
            message_bytes(m) > w->settings->full_bytes_max)
        return false;
    switch (w->settings->returns) {
    case DSN_RETURN_AS_REQUESTED:
        return (m->flags & MESSAGE_RET_FULL) != 0;
    case DSN_RETURN_FULL:
        return true;
    case DSN_RETURN_HEADERS:
    case DSN_RETURN_NONE:
        break;
    }
    return false;
}

static struct err read_upto(struct dsn_original *o, const struct dsn_writing *w,
        struct message_reader *reader, size_t bytes_max)
{
    struct str piece;
    while (!o->ended && o->bytes.len < bytes_max) {
        TRY(message_next(reader, w->arena, &piece));
        o->ended = str_is_null(piece);
        size_t room = bytes_max - o->bytes.len;
        buf_add(&o->bytes, str_upto(piece, room));
        if (piece.len > room)
            return OK;
    }
    if (o->ended)
        return OK;
    TRY(message_next(reader, w->arena, &piece));
    o->ended = str_is_null(piece);
    return OK;
}

// Whole fields at the start of the message: one that goes on beyond what was read is none.
static void find_head(struct dsn_original *o, size_t bytes_max)
{
    struct str all = buf_str(&o->bytes);
    struct scan in = scan_over(all);
    struct mail_field field;
    size_t end = 0;
    while (mail_field_next(&in, MAIL_LF, &field)) {
        bool is_whole = str_ends(field.all, S("\n")) && (!scan_end(&in) || o->ended);
        if (!is_whole || scan_offset(&in) > bytes_max)
            break;
        end = scan_offset(&in);
    }
    o->head = str_upto(all, end);
}

// With its brackets, and nothing else in it: id-left "@" id-right, RFC 5322 3.6.4.
struct str dsn_original_id(const struct dsn_original *o)
{
    struct scan in = scan_over(o->head);
    struct mail_field field;
    while (mail_field_next(&in, MAIL_LF, &field)) {
        struct str left, right, text = str_trim(field.body);
        if (!str_eq_nocase(field.name, S("Message-ID")))
            continue;
        struct scan id = scan_over(text);
        bool is_one = text.len <= 900 && scan_byte(&id, '<') &&
                      scan_while(&id, byte_is_idtext, &left) && scan_byte(&id, '@') &&
                      scan_while(&id, byte_is_idtext, &right) && scan_byte(&id, '>') &&
                      scan_end(&id);
        return is_one ? text : STR_NULL;
    }
    return STR_NULL;
}

// atext, dots, and what domain literals consist of
static bool byte_is_idtext(uint8_t c)
{
    return c > ' ' && c < 0x7F && str_find_byte(S("<>()@,;\\\""), (char)c) == STR_NOT_FOUND;
}

enum dsn_part3 dsn_original_add(struct buf *out, const struct dsn_original *o,
        const struct dsn_writing *w, size_t room_bytes)
{
    bool few = (w->report->about->flags & MESSAGE_REQUIRETLS) != 0;
    if (w->settings->returns == DSN_RETURN_NONE)
        return DSN_PART3_NONE;
    if (wants_full(w) && o->ended && o->bytes.len <= room_bytes &&
            is_sendable(buf_str(&o->bytes))) {
        buf_add(out, buf_str(&o->bytes));
        return DSN_PART3_FULL;
    }
    size_t before = out->len;
    add_fields(out, o, room_bytes, few);
    return out->len > before ? DSN_PART3_HEADERS : DSN_PART3_NONE;
}

// Lines of at most 998 octets, no NUL, no line end but CRLF (RFC 5322 2.1.1, RFC 2045 2.7 and 2.8).
static bool is_sendable(struct str bytes)
{
    size_t line = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bool after_cr = i > 0 && bytes.ptr[i - 1] == '\r';
        char c = bytes.ptr[i];
        if (c == '\0' || (c == '\n') != after_cr || line > FOLD_LINE_BYTES_MAX + 1)
            return false;
        line = c == '\n' ? 0 : line + 1;
    }
    return line <= FOLD_LINE_BYTES_MAX && !str_ends(bytes, S("\r"));
}

static void add_fields(struct buf *out, const struct dsn_original *o, size_t room_bytes, bool few)
{
    struct scan in = scan_over(o->head);
    struct mail_field field;
    size_t used = 0;
    while (mail_field_next(&in, MAIL_LF, &field)) {
        if (!is_sendable(field.all) || str_is_null(field.name) || (few && !is_of_few(field.name)))
            continue;
        if (used + field.all.len > room_bytes)
            return;
        used += field.all.len;
        buf_add(out, field.all);
    }
}

static bool is_of_few(struct str name) // queue.md 12.8
{
    return str_eq_nocase(name, S("Message-ID")) || str_eq_nocase(name, S("Date")) ||
           str_eq_nocase(name, S("Subject"));
}
