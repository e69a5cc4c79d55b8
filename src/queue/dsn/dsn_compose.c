// SPDX-License-Identifier: Apache-2.0
// queue/dsn/dsn_compose.c: a report as a message (queue.md 12.2, 12.4; RFC 6522): its header, a
// part for people, a part for programs, and what comes back of the message it is about. The parts
// are made one by one; how the report is labelled and sent follows from what is in them.
#include "queue/dsn/dsn_parts.h"

#include "base/encode.h"
#include "mail/address.h"
#include "mail/fold.h"
#include "mail/trace.h"

struct composing {
    struct dsn_writing w;
    struct str boundary;
    struct buf text, fields, returned; // the parts
    bool quoted;                       // the first one is quoted-printable
    enum dsn_part3 part3;
    struct dsn_original original;
    struct buf all;
};

static void composing_init(struct composing *c);
static void composing_done(struct composing *c);
static bool needs_utf8(const struct dsn_writing *w);
static struct str told(const struct dsn_report *r);
static bool local_is_ascii(struct str address);
static struct err read_original(
        struct composing *c, struct message_reader *original) suspends MUST_USE;
static void make_parts(struct composing *c);
static void add_header(struct composing *c);
static void add_mailbox(struct composing *c, struct str field, struct str name, struct str address);
static void add_message_id(struct composing *c);
static void add_content_type(struct composing *c);
static void add_text_part(struct composing *c);
static void add_fields_part(struct composing *c);
static void add_returned_part(struct composing *c);
static void open_part(struct composing *c, struct str type, bool is_8bit);
static bool has_long_line(struct str text);
static struct err make_message(struct composing *c, struct message *out) MUST_USE;
static struct err make_unit(struct composing *c, struct unit *out) MUST_USE;

#define SPARE_BYTES (4 * KIB) // for the header and what stands between the parts

struct err dsn_compose(struct arena *a, const struct dsn_settings *s, const struct dsn_words *words,
        const struct dsn_report *report, struct message_reader *original, struct message *out)
{
    struct composing c AUTO(composing_done);
    assert(report->rcpt_count > 0 && report->rcpt_count <= DSN_RCPTS_MAX);
    composing_init(&c);
    c.w = (struct dsn_writing){.arena = a, .settings = s, .words = words, .report = report};
    c.w.utf8 = needs_utf8(&c.w);
    c.boundary = arena_fmt(a, "=_dsn.%016llx%016llx", (unsigned long long)report->random[0],
            (unsigned long long)report->random[1]);
    TRY(read_original(&c, original));
    make_parts(&c);
    add_header(&c);
    add_text_part(&c);
    add_fields_part(&c);
    add_returned_part(&c);
    buf_fmt(&c.all, "\r\n--%.*s--\r\n", ARG(c.boundary));
    return make_message(&c, out);
}

static void composing_init(struct composing *c)
{
    *c = (struct composing){0};
    dsn_original_init(&c->original);
    buf_init(&c->text, DSN_BYTES_MAX);
    buf_init(&c->fields, DSN_BYTES_MAX);
    buf_init(&c->returned, DSN_BYTES_MAX);
    buf_init(&c->all, DSN_BYTES_MAX);
}

static void composing_done(struct composing *c)
{
    dsn_original_done(&c->original);
    buf_done(&c->text);
    buf_done(&c->fields);
    buf_done(&c->returned);
    buf_done(&c->all);
}

// RFC 6533 4: whoever sends with SMTPUTF8, or is written so, can read it. To others addresses are
// told in ASCII.
static bool needs_utf8(const struct dsn_writing *w)
{
    const struct dsn_report *r = w->report;
    bool utf8 = !local_is_ascii(r->to) || !local_is_ascii(told(r)) ||
                !local_is_ascii(w->words->from_address);
    if ((r->about->flags & MESSAGE_SMTPUTF8) == 0)
        return utf8;
    for (size_t i = 0; i < r->rcpt_count; i++)
        utf8 |= !str_is_ascii(r->rcpts[i].rcpt->address) || !str_is_ascii(r->rcpts[i].rcpt->orcpt);
    return utf8;
}

// Whom it is written to. A copy is that of a report to the sender (queue.md 12.3), and says so.
static struct str told(const struct dsn_report *r)
{
    return str_is_empty(r->about->sender) ? r->to : r->about->sender;
}

static bool local_is_ascii(struct str address)
{
    struct str local = address, domain;
    (void)str_rcut(address, '@', &local, &domain);
    return str_is_ascii(local);
}

// The report matters more than what comes back with it.
static struct err read_original(struct composing *c, struct message_reader *original)
{
    if (original == NULL)
        return OK;
    struct err e = dsn_original_read(&c->original, &c->w, original);
    if (e.kind != ERR_IO)
        return e;
    dsn_original_done(&c->original);
    dsn_original_init(&c->original);
    return OK;
}

static void make_parts(struct composing *c)
{
    struct buf plain AUTO(buf_done);
    buf_init(&plain, DSN_BYTES_MAX);
    dsn_text_add(&plain, &c->w);
    bool encode = !str_is_ascii(buf_str(&plain)) || has_long_line(buf_str(&plain));
    if (encode)
        encode_quoted_printable(&c->text, buf_str(&plain));
    else
        buf_add(&c->text, buf_str(&plain));
    c->text.overflow |= plain.overflow;
    c->quoted = encode;
    dsn_fields_add(&c->fields, &c->w);
    size_t used = c->text.len + c->fields.len + SPARE_BYTES;
    size_t room = used < BODY_INLINE_BYTES_MAX ? BODY_INLINE_BYTES_MAX - used : 0;
    c->part3 = dsn_original_add(&c->returned, &c->original, &c->w, room);
}

static bool has_long_line(struct str text)
{
    struct scan in = scan_over(text);
    struct str line;
    while (scan_line(&in, &line))
        if (line.len > FOLD_LINE_BYTES_MAX)
            return true;
    return false;
}

// queue.md 12.4, in its order.
static void add_header(struct composing *c)
{
    const struct dsn_report *r = c->w.report;
    struct str about = dsn_original_id(&c->original);
    struct fold f;
    trace_date_add(&c->all, r->wall_now_ms, r->offset_min);
    add_mailbox(c, S("From"), c->w.words->from_name, c->w.words->from_address);
    add_mailbox(c, S("To"), S(""), told(r));
    dsn_field_begin(&f, &c->all, S("Subject"));
    f.keeps_blank = true;
    fold_text(&f, dsn_subject(r));
    fold_end(&f);
    add_message_id(c);
    if (!str_is_null(about)) {
        dsn_field_begin(&f, &c->all, S("In-Reply-To"));
        fold_word(&f, about);
        fold_end(&f);
    }
    buf_add(&c->all, S("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"));
    add_content_type(c);
    buf_add(&c->all, S("\r\n"));
}

static void add_mailbox(struct composing *c, struct str field, struct str name, struct str address)
{
    struct fold f;
    dsn_field_begin(&f, &c->all, field);
    if (!str_is_empty(name))
        fold_phrase(&f, name);
    fold_word(&f, S("<"));
    trace_address_add(&c->all, address, c->w.utf8);
    fold_add(&f, S(">"));
    fold_end(&f);
}

static void add_message_id(struct composing *c)
{
    const struct dsn_report *r = c->w.report;
    struct fold f;
    dsn_field_begin(&f, &c->all, S("Message-ID"));
    fold_word(&f, S("<"));
    buf_fmt(&c->all, "%016llx.%llx@", (unsigned long long)r->random[0],
            (unsigned long long)r->wall_now_ms);
    trace_name_add(&c->all, c->w.words->reporting_mta, false);
    fold_add(&f, S(">"));
    fold_end(&f);
}

// What holds parts of 8 bits says so itself: RFC 2045 6.4.
static void add_content_type(struct composing *c)
{
    struct fold f;
    dsn_field_begin(&f, &c->all, S("Content-Type"));
    fold_text(&f, S("multipart/report; report-type=delivery-status;"));
    fold_word(&f, S("boundary=\""));
    fold_add(&f, c->boundary);
    fold_add(&f, S("\""));
    fold_end(&f);
    if (!str_is_ascii(buf_str(&c->fields)) || !str_is_ascii(buf_str(&c->returned)))
        buf_add(&c->all, S("Content-Transfer-Encoding: 8bit\r\n"));
}

static void add_text_part(struct composing *c)
{
    buf_fmt(&c->all, "--%.*s\r\nContent-Type: text/plain; charset=utf-8\r\n", ARG(c->boundary));
    buf_fmt(&c->all, "Content-Transfer-Encoding: %s\r\n\r\n",
            c->quoted ? "quoted-printable" : "7bit");
    buf_add(&c->all, buf_str(&c->text));
}

// RFC 6533 3: the type follows from what is in it.
static void add_fields_part(struct composing *c)
{
    bool global = !str_is_ascii(buf_str(&c->fields));
    open_part(
            c, global ? S("message/global-delivery-status") : S("message/delivery-status"), global);
    buf_add(&c->all, buf_str(&c->fields));
}

// A header beyond ASCII is one of RFC 6532 if it is UTF-8, else whatever it always was.
static void add_returned_part(struct composing *c)
{
    struct str bytes = buf_str(&c->returned), head = c->original.head;
    bool global = !str_is_ascii(head) && str_is_utf8(head);
    switch (c->part3) {
    case DSN_PART3_NONE:
        return;
    case DSN_PART3_HEADERS:
        open_part(c, global ? S("message/global-headers") : S("text/rfc822-headers"),
                !str_is_ascii(bytes));
        break;
    case DSN_PART3_FULL:
        open_part(c, global ? S("message/global") : S("message/rfc822"), !str_is_ascii(bytes));
        break;
    }
    buf_add(&c->all, bytes);
}

static void open_part(struct composing *c, struct str type, bool is_8bit)
{
    buf_fmt(&c->all, "\r\n--%.*s\r\nContent-Type: %.*s\r\n", ARG(c->boundary), ARG(type));
    if (is_8bit)
        buf_add(&c->all, S("Content-Transfer-Encoding: 8bit\r\n"));
    buf_add(&c->all, S("\r\n"));
}

static struct err make_message(struct composing *c, struct message *out)
{
    const struct dsn_report *r = c->w.report;
    const struct message *about = r->about;
    bool overflow = c->text.overflow || c->fields.overflow || c->returned.overflow;
    struct str body = arena_str(c->w.arena, buf_str(&c->all));
    struct str sender = arena_str(c->w.arena, S(""));
    if (c->all.overflow || overflow || str_is_null(body) || str_is_null(c->boundary))
        return fail(ERR_LIMIT, "no memory for a delivery report");
    struct message m = {.id = r->id,
            .created_ms = r->wall_now_ms,
            .sender = sender,
            .flags = MESSAGE_DSN | (about->flags & MESSAGE_REQUIRETLS),
            .priority = about->priority,
            .from_ip = {.family = IP_V4, .bytes = {127, 0, 0, 1}},
            .body = {.place = BODY_INLINE, .bytes = body.len, .inline_bytes = body},
            .units = arena_make(c->w.arena, struct unit),
            .unit_count = 1};
    if (!str_is_ascii(body))
        m.flags |= MESSAGE_BODY_8BIT;
    if (c->w.utf8)
        m.flags |= MESSAGE_SMTPUTF8;
    if (r->last_resort)
        m.flags |= MESSAGE_LAST_RESORT;
    if (m.units == NULL)
        return fail(ERR_LIMIT, "no memory for a delivery report");
    TRY(make_unit(c, m.units));
    *out = m;
    return OK;
}

static struct err make_unit(struct composing *c, struct unit *out)
{
    struct arena *a = c->w.arena;
    struct recipient *rcpt = arena_make(a, struct recipient);
    struct mail_address address;
    struct err e = mail_address_parse(a, c->w.report->to, &address);
    struct str before, domain = S("");
    if (failed(e))
        (void)str_rcut(c->w.report->to, '@', &before, &domain); // it gets nowhere, and is told so
    else
        domain = address.ascii;
    *out = (struct unit){.message_id = c->w.report->id,
            .domain = arena_str_lower(a, domain),
            .rcpts = rcpt,
            .rcpt_count = 1};
    if (rcpt == NULL || str_is_null(out->domain))
        return fail(ERR_LIMIT, "no memory for a delivery report");
    *rcpt = (struct recipient){
            .address = arena_str(a, c->w.report->to), .flags = RCPT_NOTIFY_NEVER};
    return str_is_null(rcpt->address) ? fail(ERR_LIMIT, "no memory for a delivery report") : OK;
}
