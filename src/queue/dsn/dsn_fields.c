// SPDX-License-Identifier: Apache-2.0
// queue/dsn/dsn_fields.c: the second part of a report, which programs read (queue.md 12.4, RFC 3464
// 2, RFC 6533 3): a group of fields about the message, and one about each recipient. Values come
// from peers: what could break a field is taken out here.
#include "queue/dsn/dsn_parts.h"

#include "base/date.h"
#include "base/id.h"
#include "base/unicode.h"
#include "mail/fold.h"
#include "mail/status.h"
#include "mail/trace.h"

#define ADDRESS_BYTES_MAX 1000 // as written; an ORCPT that needs more is left out
#define HOST_BYTES_MAX 255

static void add_message_group(struct buf *out, const struct dsn_writing *w);
static void add_rcpt_group(struct buf *out, const struct dsn_writing *w, const struct dsn_rcpt *d);
static void add_original_rcpt(
        struct buf *out, const struct dsn_writing *w, const struct recipient *r);
static void add_final_rcpt(struct buf *out, const struct dsn_writing *w, struct str address);
static void add_remote(struct buf *out, const struct outcome *o);
static void add_diagnostic(struct buf *out, const struct dsn_writing *w, const struct outcome *o);
static void add_date(struct buf *out, const struct dsn_writing *w, struct str name, int64_t at_ms);
static void add_field(struct buf *out, struct str name, struct str value);
static bool remote_spoke(const struct outcome *o);
static bool was_attempted(const struct outcome *o);
static void add_raw_address(struct buf *out, struct str address, bool utf8);
static bool embedded_take(struct str *rest, uint32_t *out);
static void add_code(struct buf *out, uint32_t code, bool utf8);

void dsn_fields_add(struct buf *out, const struct dsn_writing *w)
{
    static const enum dsn_action order[] = {
            DSN_FAILED, DSN_DELAYED, DSN_RELAYED, DSN_EXPANDED, DSN_DELIVERED};
    const struct dsn_report *r = w->report;
    add_message_group(out, w);
    for (size_t i = 0; i < COUNT_OF(order); i++)
        for (size_t j = 0; j < r->rcpt_count; j++)
            if (r->rcpts[j].action == order[i])
                add_rcpt_group(out, w, &r->rcpts[j]);
}

// RFC 3464 2.2
static void add_message_group(struct buf *out, const struct dsn_writing *w)
{
    const struct message *m = w->report->about;
    struct fold f;
    if (!str_is_empty(m->env_id)) {
        dsn_field_begin(&f, out, S("Original-Envelope-Id"));
        fold_word(&f, S(""));
        dsn_clean_add(out, m->env_id, SIZE_MAX, w->utf8);
        fold_end(&f);
    }
    dsn_field_begin(&f, out, S("Reporting-MTA"));
    fold_word(&f, S("dns;"));
    fold_word(&f, S(""));
    trace_name_add(out, w->words->reporting_mta, false);
    fold_end(&f);
    if (!str_is_empty(m->helo) && (m->flags & MESSAGE_AUTHENTICATED) == 0) {
        dsn_field_begin(&f, out, S("Received-From-MTA"));
        fold_word(&f, S("dns;"));
        fold_word(&f, S(""));
        trace_name_add(out, str_upto(m->helo, HOST_BYTES_MAX), false);
        fold_word(&f, S("("));
        ip_add(out, &m->from_ip);
        fold_add(&f, S(")"));
        fold_end(&f);
    }
    add_date(out, w, S("Arrival-Date"), m->created_ms);
}

// RFC 3464 2.3; each group has an empty line before it.
static void add_rcpt_group(struct buf *out, const struct dsn_writing *w, const struct dsn_rcpt *d)
{
    const struct recipient *r = d->rcpt;
    struct str id = id_text(w->arena, w->report->about->id);
    buf_add(out, S("\r\n"));
    if (!str_is_empty(r->orcpt))
        add_original_rcpt(out, w, r);
    add_final_rcpt(out, w, r->address);
    add_field(out, S("Action"), dsn_action_word(d->action));
    add_field(out, S("Status"), dsn_status(w->arena, w->report->about, r, d->action));
    if (remote_spoke(&r->last))
        add_remote(out, &r->last);
    add_diagnostic(out, w, &r->last);
    if (was_attempted(&r->last))
        add_date(out, w, S("Last-Attempt-Date"), r->last.at_ms);
    add_field(out, S("Final-Log-ID"), id);
    if (d->action == DSN_DELAYED && dsn_retry_until(w->report, r) != 0)
        add_date(out, w, S("Will-Retry-Until"), dsn_retry_until(w->report, r));
}

static void add_original_rcpt(
        struct buf *out, const struct dsn_writing *w, const struct recipient *r)
{
    size_t before = out->len;
    struct str type = str_is_empty(r->orcpt_type) ? S("rfc822") : r->orcpt_type;
    bool ascii = str_is_ascii(r->orcpt), is_utf8 = !ascii || str_eq_nocase(type, S("utf-8"));
    struct fold f;
    dsn_field_begin(&f, out, S("Original-Recipient"));
    fold_word(&f, S(""));
    dsn_clean_add(out, is_utf8 ? S("utf-8") : type, SIZE_MAX, false);
    fold_add(&f, S(";"));
    fold_word(&f, S(""));
    if (is_utf8 && w->utf8)
        dsn_unitext_add(out, r->orcpt);
    else if (ascii) // escaped already, if it has to be
        dsn_clean_add(out, r->orcpt, SIZE_MAX, false);
    else
        add_raw_address(out, r->orcpt, false);
    fold_end(&f);
    if (out->len - before > ADDRESS_BYTES_MAX)
        out->len = before;
}

static void add_final_rcpt(struct buf *out, const struct dsn_writing *w, struct str address)
{
    struct fold f;
    dsn_field_begin(&f, out, S("Final-Recipient"));
    fold_word(&f, str_is_ascii(address) ? S("rfc822;") : S("utf-8;"));
    fold_word(&f, S(""));
    add_raw_address(out, address, w->utf8);
    fold_end(&f);
}

// A domain, or an address literal (RFC 3464 2.1.2).
static void add_remote(struct buf *out, const struct outcome *o)
{
    struct str host = str_is_empty(o->host) ? o->entity : o->host;
    struct ip ip;
    struct fold f;
    dsn_field_begin(&f, out, S("Remote-MTA"));
    fold_word(&f, S("dns;"));
    fold_word(&f, S(""));
    bool literal = ip_parse(host, &ip);
    if (literal)
        fold_add(&f, ip.family == IP_V6 ? S("[IPv6:") : S("["));
    if (literal)
        ip_add(out, &ip);
    else
        trace_name_add(out, str_upto(host, HOST_BYTES_MAX), false);
    if (literal)
        fold_add(&f, S("]"));
    fold_end(&f);
}

static bool remote_spoke(const struct outcome *o)
{
    if (str_is_empty(o->host) && str_is_empty(o->entity))
        return false;
    switch (o->kind) {
    case FAILURE_NONE:
    case FAILURE_UNEXPECTED_REPLY:
        return o->code != 0;
    case FAILURE_CONNECTION:
    case FAILURE_TLS:
    case FAILURE_DANE:
    case FAILURE_MTA_STS:
        return true;
    case FAILURE_DNS:
    case FAILURE_RATE:
    case FAILURE_CONCURRENCY:
    case FAILURE_IO:
        break;
    }
    return false;
}

// What went wrong here before anybody was called, or a person's decision, is no attempt.
static bool was_attempted(const struct outcome *o)
{
    return o->at_ms != 0 && (o->kind != FAILURE_IO || o->code != 0);
}

// RFC 3464 2.3.6. The text is folded at its blanks, so several of them become one.
static void add_diagnostic(struct buf *out, const struct dsn_writing *w, const struct outcome *o)
{
    struct buf raw AUTO(buf_done), clean AUTO(buf_done);
    size_t bytes_max = dsn_diagnostic_bytes(w->report->rcpt_count);
    struct fold f;
    buf_init(&raw, 4 * KIB);
    buf_init(&clean, 4 * DSN_DIAGNOSTIC_BYTES);
    if (o->code == 0 && str_is_empty(o->text))
        return;
    dsn_reply_add(&raw, o, bytes_max);
    dsn_clean_add(&clean, buf_str(&raw), bytes_max, w->utf8);
    struct str value = str_upto(buf_str(&clean), bytes_max);
    while (!str_is_utf8(value))
        value = str_upto(value, value.len - 1);
    dsn_field_begin(&f, out, S("Diagnostic-Code"));
    fold_word(&f, o->code != 0 ? S("smtp;") : S("X-local;"));
    fold_text(&f, value);
    fold_end(&f);
}

// The text of some programs begins with the enhanced code.
void dsn_reply_add(struct buf *out, const struct outcome *o, size_t bytes_max)
{
    if (o->code != 0)
        buf_fmt(out, "%u ", o->code);
    if (o->code != 0 && !str_is_empty(o->enhanced) && !str_starts(o->text, o->enhanced))
        buf_fmt(out, "%.*s ", ARG(str_upto(o->enhanced, MAIL_STATUS_BYTES_MAX)));
    buf_add(out, str_upto(o->text, bytes_max));
}

static void add_date(struct buf *out, const struct dsn_writing *w, struct str name, int64_t at_ms)
{
    buf_fmt(out, "%.*s: ", ARG(name));
    date_add_rfc5322(out, at_ms, w->report->offset_min);
    buf_add(out, S("\r\n"));
}

static void add_field(struct buf *out, struct str name, struct str value)
{
    buf_fmt(out, "%.*s: %.*s\r\n", ARG(name), ARG(value));
}

int64_t dsn_retry_until(const struct dsn_report *report, const struct recipient *r)
{
    int64_t until_ms = report->about->created_ms + r->expiry_ms;
    bool is_moment = r->expiry == EXPIRY_TTL && r->expiry_ms > 0;
    return is_moment && until_ms > report->wall_now_ms ? until_ms : 0;
}

// An address that was never encoded. utf-8-addr-xtext escapes these four, too: RFC 6533 3.
static void add_raw_address(struct buf *out, struct str address, bool utf8)
{
    bool escape = !utf8 && !str_is_ascii(address);
    for (uint32_t code; unicode_next(&address, &code);) {
        bool special = code == '+' || code == '=' || code == '\\' || code == ' ';
        if (escape && special)
            buf_fmt(out, "\\x{%X}", (unsigned)code);
        else
            add_code(out, code, utf8);
    }
}

// What was escaped for SMTP as it was before: utf-8-addr-unitext, RFC 6533 3.
void dsn_unitext_add(struct buf *out, struct str text)
{
    for (uint32_t code; !str_is_empty(text);)
        if (embedded_take(&text, &code) || unicode_next(&text, &code))
            add_code(out, code, true);
}

// EmbeddedUnicodeChar = "\x{" HEXPOINT "}"
static bool embedded_take(struct str *rest, uint32_t *out)
{
    struct scan in = scan_over(*rest);
    uint64_t code;
    char bytes[4];
    if (!scan_lit(&in, S("\\x{")) || !scan_hex_u64(&in, 6, &code) || !scan_byte(&in, '}') ||
            code > UINT32_MAX || utf8_put((uint32_t)code, bytes) == 0)
        return false;
    *out = (uint32_t)code;
    *rest = scan_rest(&in);
    return true;
}

void dsn_clean_add(struct buf *out, struct str text, size_t bytes_max, bool utf8)
{
    text = str_upto(text, bytes_max);
    for (uint32_t code; unicode_next(&text, &code);)
        add_code(out, code, utf8);
}

static void add_code(struct buf *out, uint32_t code, bool utf8)
{
    if (code < ' ' || (code >= 0x7F && code < 0xA0))
        return;
    if (code >= UNICODE_BAD_BYTE)
        buf_add_byte(out, '?');
    else if (code >= 0x80 && !utf8)
        buf_fmt(out, "\\x{%X}", (unsigned)code);
    else
        buf_add_utf8(out, code);
}
