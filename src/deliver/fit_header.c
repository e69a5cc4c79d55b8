// SPDX-License-Identifier: Apache-2.0
// deliver/fit_header.c: see deliver/fit_header.h.
#include "deliver/fit_header.h"

#include "mail/mail.h"
#include "queue/message_reader.h"

#define HEADER_BYTES_MAX MIB // what stands further down stays
#define FIELD_BYTES_MAX (64 * KIB)
#define TOP_BYTES_MAX MIB

struct editing {
    struct remote *r;
    bool says_priority;
    VEC(struct cut) cuts;
};

static struct err edit_top(struct editing *e, struct str *out) MUST_USE;
static struct err edit_header(struct editing *e, struct message *m) suspends MUST_USE;
static struct err read_header(struct editing *e, struct buf *out) suspends MUST_USE;
static struct err add_cut(struct editing *e, size_t at, size_t bytes) MUST_USE;
static bool goes(struct editing *e, struct str name, struct str body);
static bool is_inside_hop(struct editing *e, struct str body);
static bool is_our_name(const struct remote *r, struct str name);

struct err fit_header(struct remote *r, bool says_priority, struct message *out)
{
    struct editing e = {.r = r, .says_priority = says_priority};
    *out = r->j->m;
    TRY(edit_top(&e, &out->top));
    return edit_header(&e, out);
}

static struct err edit_top(struct editing *e, struct str *out)
{
    const struct message *m = &e->r->j->m;
    struct buf top AUTO(buf_done);
    struct scan in = scan_over(m->top);
    struct mail_field field;
    buf_init(&top, TOP_BYTES_MAX);
    if (e->says_priority)
        buf_fmt(&top, "MT-Priority: %d\r\n", m->priority);
    while (mail_field_next(&in, MAIL_CRLF, &field))
        if (!goes(e, field.name, field.body))
            buf_add(&top, field.all);
    *out = arena_str(&e->r->j->arena, buf_str(&top));
    bool full = top.overflow || str_is_null(*out);
    return full ? fail(ERR_LIMIT, "no memory for the lines on top of a message") : OK;
}

// The cuts that the message has stay, and come first where two would meet.
static struct err edit_header(struct editing *e, struct message *m)
{
    struct buf header AUTO(buf_done);
    struct mail_head head;
    size_t next = 0, end = 0;
    buf_init(&header, HEADER_BYTES_MAX);
    TRY(read_header(e, &header));
    TRY(mail_head_read(&e->r->j->arena, buf_str(&header), &(struct mail_head_options){0}, &head));
    for (size_t i = 0; i < head.field_count; i++) {
        const struct head_field *field = &head.fields[i];
        while (next < m->cut_count && m->cuts[next].at < field->at + field->bytes) {
            end = (size_t)m->cuts[next].at + m->cuts[next].bytes;
            TRY(add_cut(e, m->cuts[next].at, m->cuts[next].bytes));
            next++;
        }
        bool is_whole = field->at + field->bytes < header.len;
        if (is_whole && field->at >= end &&
                goes(e, head_field_name(&head, field), head_field_body(&head, field)))
            TRY(add_cut(e, field->at, field->bytes));
    }
    for (; next < m->cut_count; next++)
        TRY(add_cut(e, m->cuts[next].at, m->cuts[next].bytes));
    m->cuts = e->cuts.at;
    m->cut_count = e->cuts.count;
    return OK;
}

static struct err read_header(struct editing *e, struct buf *out)
{
    struct job *j = e->r->j;
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    const struct message_reading how = {.as_received = true};
    struct str piece = S("");
    TRY(message_open(j->d->in.store, &j->arena, &j->m, &how, &reader));
    while (!str_is_null(piece) && out->len < HEADER_BYTES_MAX &&
            !str_contains(buf_str(out), S("\r\n\r\n"))) {
        TRY(message_next(reader, &j->arena, &piece));
        buf_add(out, str_upto(piece, HEADER_BYTES_MAX - out->len));
    }
    return out->overflow ? fail(ERR_LIMIT, "no memory for the header of a message") : OK;
}

// One more than a message may have is not made.
static struct err add_cut(struct editing *e, size_t at, size_t bytes)
{
    if (e->cuts.count == MESSAGE_CUTS_MAX)
        return fail(ERR_LIMIT, "too many fields are left out of a message");
    struct cut *cut = vec_add(&e->r->j->arena, &e->cuts);
    if (cut == NULL)
        return fail(ERR_LIMIT, "no memory for the fields that are left out of a message");
    *cut = (struct cut){.at = (uint32_t)at, .bytes = (uint32_t)bytes};
    return OK;
}

static bool goes(struct editing *e, struct str name, struct str body)
{
    if (e->says_priority && str_eq_nocase(name, S("MT-Priority")))
        return true;
    return e->r->route->hide_local && str_eq_nocase(name, S("Received")) && is_inside_hop(e, body);
}

// "with ESMTPSA": the A is for AUTH (RFC 3848, RFC 6531 4.3).
static bool is_inside_hop(struct editing *e, struct str body)
{
    struct arena a AUTO(arena_done);
    struct mail_received hop;
    arena_init(&a, 4 * FIELD_BYTES_MAX);
    if (!mail_received_read(&a, str_upto(body, FIELD_BYTES_MAX), &hop) ||
            !is_our_name(e->r, hop.by))
        return false;
    bool is_from_nowhere = str_is_null(hop.from) && hop.from_ip.family == IP_NONE;
    bool logged_in =
            hop.with.len > 0 && (str_eq_nocase(str_from(hop.with, hop.with.len - 1), S("A")));
    return is_from_nowhere || logged_in ||
           (hop.from_ip.family != IP_NONE && ip_is_private(&hop.from_ip));
}

static bool is_our_name(const struct remote *r, struct str name)
{
    const struct self *self = &r->j->d->self;
    bool found = str_eq_nocase(name, r->j->d->in.settings->host);
    for (size_t i = 0; i < self->names.count; i++)
        found |= str_eq_nocase(name, self->names.at[i]);
    return found;
}
