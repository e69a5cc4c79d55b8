// SPDX-License-Identifier: Apache-2.0
// mail/trace.c: what a server writes on the mail that passes.
#include "mail/trace.h"

#include "base/date.h"
#include "base/id.h"
#include "base/idna.h"
#include "base/unicode.h"
#include "mail/fold.h"

#define PRODUCT "(Posthaste)"
#define KEYWORD_BYTES_MAX 255       // of a solicitation's; names of domains, mostly
#define IDNA_ARENA_BYTES (64 * KIB) // for one name

static void add_from(struct fold *f, const struct trace_received *r);
static void add_autonomous_system(struct fold *f, const struct trace_received *r);
static void add_tls(struct fold *f, const struct trace_received *r);
static void add_by(struct fold *f, const struct trace_received *r);
static void add_solicitation(struct fold *f, struct str keywords);
static void add_for(struct fold *f, const struct trace_received *r);
static void add_comment_words(struct fold *f, struct str text, bool smtputf8);
static void add_address_field(
        struct buf *out, struct str field_name, struct str address, bool smtputf8, bool brackets);
static void add_ascii_domain(struct buf *out, struct str domain);
static void add_plain(struct buf *out, struct str *rest, byte_class *is);
static bool byte_is_plain_name(uint8_t c);
static bool byte_is_plain(uint8_t c);
static void add_name_code(struct buf *out, uint32_t code, bool smtputf8);
static void add_code(struct buf *out, uint32_t code, bool smtputf8);
static bool is_control(uint32_t code);

// Received: by HOST (...) id ID for <RCPT>; DATE          of what is sent on
// Received: from HELO (PTR [IP] (AS...)) (using TLS...) by HOST (...) with KEYWORD id ID
//           for <RCPT> PRIORITY N; DATE
// RFC 5321 4.4, RFC 6710 4.1 for PRIORITY.
void trace_received_add(struct buf *out, const struct trace_received *r)
{
    struct fold f;
    fold_begin(&f, out, S("Received"));
    if (!r->is_forwarded)
        add_from(&f, r);
    if (!r->hide_client)
        add_tls(&f, r);
    add_by(&f, r);
    add_for(&f, r);
    fold_add(&f, S(";"));
    fold_word(&f, S(""));
    date_add_rfc5322(out, r->at_ms, r->offset_min);
    fold_end(&f);
}

// from-domain with its TCP-info, which says what is known and not what was claimed.
static void add_from(struct fold *f, const struct trace_received *r)
{
    fold_word(f, S("from"));
    if (r->hide_client) {
        fold_word(f, S("[authenticated]"));
        return;
    }
    fold_word(f, S(""));
    trace_name_add(f->out, str_is_empty(r->helo) ? S("unknown") : r->helo, r->smtputf8);
    fold_word(f, S("("));
    if (r->peer.family == IP_NONE) {
        fold_add(f, S("local)"));
        return;
    }
    trace_name_add(f->out, str_is_empty(r->ptr) ? S("unknown") : r->ptr, r->smtputf8);
    fold_word(f, r->peer.family == IP_V6 ? S("[IPv6:") : S("["));
    ip_add(f->out, &r->peer);
    fold_add(f, S("]"));
    add_autonomous_system(f, r);
    fold_add(f, S(")"));
}

static void add_autonomous_system(struct fold *f, const struct trace_received *r)
{
    if (r->asn == 0 && str_is_empty(r->country))
        return;
    fold_word(f, S("("));
    if (r->asn != 0) {
        buf_fmt(f->out, "AS%u", (unsigned)r->asn);
        add_comment_words(f, r->as_name, r->smtputf8);
    }
    if (r->asn != 0 && !str_is_empty(r->country)) {
        fold_add(f, S(","));
        fold_word(f, S(""));
    }
    trace_comment_add(f->out, r->country, r->smtputf8);
    fold_add(f, S(")"));
}

static void add_comment_words(struct fold *f, struct str text, bool smtputf8)
{
    struct str piece;
    while (str_split(&text, ' ', &piece)) {
        if (str_is_empty(piece))
            continue;
        fold_word(f, S(""));
        trace_comment_add(f->out, piece, smtputf8);
    }
}

static void add_tls(struct fold *f, const struct trace_received *r)
{
    if (str_is_empty(r->tls_version))
        return;
    fold_line(f);
    fold_word(f, S("(using"));
    add_comment_words(f, r->tls_version, false);
    fold_text(f, S("with cipher"));
    add_comment_words(f, r->tls_cipher, false);
    fold_word(f, S("("));
    buf_fmt(f->out, "%u", (unsigned)r->tls_bits);
    fold_word(f, S("bits))"));
}

static void add_by(struct fold *f, const struct trace_received *r)
{
    if (!r->is_forwarded)
        fold_line(f);
    fold_word(f, S("by"));
    fold_word(f, S(""));
    trace_name_add(f->out, r->by, r->smtputf8);
    fold_text(f, S(PRODUCT));
    if (!r->is_forwarded) {
        fold_word(f, S("with"));
        fold_word(f,
                trace_with(r->hello, r->smtputf8, !str_is_empty(r->tls_version), r->authenticated));
    }
    if (!str_is_empty(r->solicit))
        add_solicitation(f, r->solicit);
    fold_word(f, S("id ")); // one word: people look for it
    id_add(f->out, r->id);
}

// (NO-SOLICITING=keyword,keyword), RFC 3865 2.6. The client chose them, and a comment must end.
static void add_solicitation(struct fold *f, struct str keywords)
{
    struct str keyword;
    fold_word(f, S("(NO-SOLICITING="));
    for (bool first = true; str_split(&keywords, ',', &keyword); first = false) {
        if (!first) {
            fold_add(f, S(","));
            fold_joint(f);
        }
        trace_comment_add(f->out, str_upto(keyword, KEYWORD_BYTES_MAX), false);
    }
    fold_add(f, S(")"));
}

static void add_for(struct fold *f, const struct trace_received *r)
{
    if (!str_is_empty(r->rcpt)) {
        fold_line(f);
        fold_word(f, S("for"));
        fold_word(f, S("<"));
        trace_address_add(f->out, r->rcpt, r->smtputf8);
        fold_add(f, S(">"));
    }
    if (r->priority != 0) {
        fold_word(f, S("PRIORITY "));
        buf_add_i64(f->out, r->priority);
    }
}

struct str trace_with(enum trace_hello hello, bool smtputf8, bool tls, bool authenticated)
{
    static const struct str keywords[2][2][4] = {// EHLO or LHLO, SMTPUTF8, A and S
            {{S_INIT("ESMTP"), S_INIT("ESMTPS"), S_INIT("ESMTPA"), S_INIT("ESMTPSA")},
                    {S_INIT("UTF8SMTP"), S_INIT("UTF8SMTPS"), S_INIT("UTF8SMTPA"),
                            S_INIT("UTF8SMTPSA")}},
            {{S_INIT("LMTP"), S_INIT("LMTPS"), S_INIT("LMTPA"), S_INIT("LMTPSA")},
                    {S_INIT("UTF8LMTP"), S_INIT("UTF8LMTPS"), S_INIT("UTF8LMTPA"),
                            S_INIT("UTF8LMTPSA")}}};
    if (hello == TRACE_HELO)
        return S("SMTP"); // RFC 3848 has no keyword for what came without extensions
    return keywords[hello == TRACE_LHLO][smtputf8][(tls ? 1 : 0) + (authenticated ? 2 : 0)];
}

void trace_date_add(struct buf *out, int64_t at_ms, int16_t offset_min)
{
    buf_add(out, S("Date: "));
    date_add_rfc5322(out, at_ms, offset_min);
    buf_add(out, S("\r\n"));
}

void trace_message_id_add(struct buf *out, int64_t at_ms, uint64_t random, struct str host)
{
    struct fold f;
    fold_begin(&f, out, S("Message-ID"));
    fold_word(&f, S("<"));
    buf_fmt(out, "%llx.%016llx@", (unsigned long long)at_ms, (unsigned long long)random);
    trace_name_add(out, host, false);
    fold_add(&f, S(">"));
    fold_end(&f);
}

void trace_return_path_add(struct buf *out, struct str sender, bool smtputf8)
{
    add_address_field(out, S("Return-Path"), sender, smtputf8, true);
}

void trace_delivered_to_add(struct buf *out, struct str rcpt, bool smtputf8)
{
    add_address_field(out, S("Delivered-To"), rcpt, smtputf8, false);
}

void trace_original_to_add(struct buf *out, struct str rcpt, bool smtputf8)
{
    add_address_field(out, S("X-Original-To"), rcpt, smtputf8, false);
}

static void add_address_field(
        struct buf *out, struct str field_name, struct str address, bool smtputf8, bool brackets)
{
    struct fold f;
    fold_begin(&f, out, field_name);
    fold_word(&f, brackets ? S("<") : S(""));
    trace_address_add(out, address, smtputf8);
    fold_add(&f, brackets ? S(">") : S(""));
    fold_end(&f);
}

// The address was read by its grammar when it came; what is taken out here is what somebody's
// rewriting may have brought in since.
void trace_address_add(struct buf *out, struct str address, bool smtputf8)
{
    struct str local = address, domain = STR_NULL;
    bool convert = !smtputf8 && str_rcut(address, '@', &local, &domain) && !str_is_ascii(domain);
    struct str left = convert ? local : address;
    add_plain(out, &left, byte_is_plain);
    for (uint32_t code; unicode_next(&left, &code);)
        add_code(out, code, smtputf8);
    if (convert) {
        buf_add_byte(out, '@');
        add_ascii_domain(out, domain);
    }
}

void trace_name_add(struct buf *out, struct str name, bool smtputf8)
{
    if (!smtputf8 && !str_is_ascii(name)) {
        add_ascii_domain(out, name);
        return;
    }
    add_plain(out, &name, byte_is_plain_name);
    for (uint32_t code; unicode_next(&name, &code);)
        add_name_code(out, code, smtputf8);
}

// Nearly all values are plain from the first octet to the last.
static void add_plain(struct buf *out, struct str *rest, byte_class *is)
{
    size_t len = 0;
    while (len < rest->len && is((uint8_t)rest->ptr[len]))
        len++;
    buf_add(out, str_upto(*rest, len));
    *rest = str_from(*rest, len);
}

static bool byte_is_plain_name(uint8_t c)
{
    return byte_is_alnum(c) || c == '.' || c == '-';
}

static bool byte_is_plain(uint8_t c)
{
    return c >= ' ' && c < 0x7F && c != '(' && c != ')' && c != '\\';
}

static void add_name_code(struct buf *out, uint32_t code, bool smtputf8)
{
    bool special = code < 0x80 && str_find_byte(S("()<>@,;\\\" \t"), (char)code) != STR_NOT_FOUND;
    add_code(out, special ? '?' : code, smtputf8);
}

// As A-labels where that can be; else with "?" for what is beyond ASCII.
static void add_ascii_domain(struct buf *out, struct str domain)
{
    struct arena a AUTO(arena_done);
    struct idna_result ascii = {.fault = IDNA_DISALLOWED};
    arena_init(&a, IDNA_ARENA_BYTES);
    struct err e = idna_to_ascii(&a, domain, &ascii);
    if (!failed(e) && ascii.fault == IDNA_FINE) {
        buf_add(out, ascii.text);
        return;
    }
    for (uint32_t code; unicode_next(&domain, &code);)
        add_name_code(out, code, false);
}

void trace_comment_add(struct buf *out, struct str text, bool smtputf8)
{
    add_plain(out, &text, byte_is_plain);
    for (uint32_t code; unicode_next(&text, &code);) {
        if (code == '(' || code == ')' || code == '\\')
            buf_add_byte(out, '\\');
        add_code(out, code, smtputf8);
    }
}

static void add_code(struct buf *out, uint32_t code, bool smtputf8)
{
    if (is_control(code))
        return;
    if (code >= UNICODE_BAD_BYTE || (code >= 0x80 && !smtputf8))
        buf_add_byte(out, '?');
    else
        buf_add_utf8(out, code);
}

static bool is_control(uint32_t code)
{
    return code < ' ' || (code >= 0x7F && code < 0xA0);
}
