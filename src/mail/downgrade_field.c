// SPDX-License-Identifier: Apache-2.0
// mail/downgrade_field.c: each kind of field in its own way. What a field says is read as
// mail/header.h reads it, and written anew; only free text and what has no grammar here is walked
// word by word.
#include "mail/downgrade_field.h"

#include "base/encode.h"
#include "base/idna.h"
#include "base/unicode.h"

#include "mail/address.h"
#include "mail/field.h"
#include "mail/fold.h"
#include "mail/head.h"
#include "mail/header.h"
#include "mail/token.h"

#define MEMORY_MAX (16 * MIB) // to read a field of the size allowed
#define SECTION_BYTES 48      // of a parameter in sections, as written
#define PLAIN_VALUE_BYTES 200 // a longer one is written in sections
#define SECTIONS_MAX 1000     // RFC 2231 3; who reads takes no more

enum kind { KIND_TEXT, KIND_ADDRESSES, KIND_TYPE, KIND_DISPOSITION, KIND_TOKENS, KIND_LINKS };

struct writing {
    struct arena a;
    struct fold f;
    struct str body;
    bool in_group, wants_comma; // of addresses
    bool is_apart;              // of tokens: white space stands before the next one
};

static enum kind kind_of(struct str name);
static bool add_body(struct writing *w, enum kind kind);
static bool add_addresses(struct writing *w);
static void open_group(struct writing *w, struct str name);
static void close_group(struct writing *w);
static void separate(struct writing *w);
static void add_name(struct writing *w, struct str name);
static void add_mailbox(struct writing *w, const struct mail_mailbox *box);
static struct str ascii_address(struct arena *a, struct str address);
static bool is_clean(struct str text);
static bool add_type(struct writing *w, enum kind kind);
static bool add_param(struct writing *w, const struct mail_param *param);
static void add_quoted(struct writing *w, struct str text);
static bool add_sections(struct writing *w, const struct mail_param *param);
static void add_percent(struct writing *w, struct str text, byte_class *stays);
static bool byte_is_attribute(uint8_t c);
static bool add_tokens(struct writing *w);
static void begin_word(struct writing *w);
static void add_quote(struct writing *w, struct scan *in);
static void add_comment(struct writing *w, struct str text);
static void add_run(struct writing *w, struct str run);
static void add_label_run(struct writing *w, struct str run);
static bool byte_is_run(uint8_t c);
static bool byte_is_name(uint8_t c);
static bool add_links(struct writing *w);
static bool byte_is_ascii(uint8_t c);
static bool add_text(struct writing *w);
static void add_words(struct writing *w, struct str run, bool after_encoded, bool before_encoded);
static bool looks_encoded(struct str word);
static bool take_word(struct scan *in, struct str *out);
static bool byte_is_no_word(uint8_t c);
static bool byte_is_word(uint8_t c);
static void add_encoded(struct writing *w, struct str text);
static void clean(struct buf *out, struct str text);

bool downgrade_field_add(struct buf *out, struct str all)
{
    struct scan in = scan_over(all);
    struct mail_field field;
    if (all.len > DOWNGRADE_FIELD_BYTES_MAX || !mail_field_next(&in, MAIL_LF, &field) ||
            str_is_null(field.name) || !str_is_ascii(field.name) || !scan_end(&in))
        return false;
    struct writing w = {.body = field.body, .is_apart = true};
    arena_init(&w.a, MEMORY_MAX);
    fold_begin(&w.f, out, field.name);
    enum kind kind = kind_of(field.name);
    w.f.keeps_blank = kind == KIND_TEXT || kind == KIND_ADDRESSES;
    bool good = add_body(&w, kind);
    fold_end(&w.f);
    arena_done(&w.a);
    return good && !out->overflow;
}

static enum kind kind_of(struct str name)
{
    static const enum head_name addresses[] = {HEAD_FROM, HEAD_SENDER, HEAD_REPLY_TO, HEAD_TO,
            HEAD_CC, HEAD_BCC, HEAD_RESENT_FROM, HEAD_RESENT_SENDER, HEAD_RESENT_REPLY_TO,
            HEAD_RESENT_TO, HEAD_RESENT_CC, HEAD_RESENT_BCC, HEAD_RETURN_PATH, HEAD_DELIVERED_TO,
            HEAD_X_ORIGINAL_TO, HEAD_ERRORS_TO, HEAD_MAIL_FOLLOWUP_TO, HEAD_RETURN_RECEIPT_TO,
            HEAD_DISPOSITION_NOTIFICATION_TO};
    static const enum head_name tokens[] = {HEAD_RECEIVED, HEAD_RECEIVED_SPF, HEAD_MESSAGE_ID,
            HEAD_RESENT_MESSAGE_ID, HEAD_IN_REPLY_TO, HEAD_REFERENCES, HEAD_CONTENT_ID,
            HEAD_LIST_ID, HEAD_DATE, HEAD_RESENT_DATE, HEAD_MIME_VERSION, HEAD_ORIGINAL_RECIPIENT,
            HEAD_CONTENT_TRANSFER_ENCODING, HEAD_AUTO_SUBMITTED, HEAD_DKIM_SIGNATURE,
            HEAD_DOMAINKEY_SIGNATURE, HEAD_AUTHENTICATION_RESULTS, HEAD_ARC_SEAL,
            HEAD_ARC_MESSAGE_SIGNATURE, HEAD_ARC_AUTHENTICATION_RESULTS};
    enum head_name known = head_name_of(name);
    if (known == HEAD_CONTENT_TYPE)
        return KIND_TYPE;
    if (known == HEAD_CONTENT_DISPOSITION)
        return KIND_DISPOSITION;
    for (size_t i = 0; i < COUNT_OF(addresses); i++)
        if (known == addresses[i])
            return KIND_ADDRESSES;
    for (size_t i = 0; i < COUNT_OF(tokens); i++)
        if (known == tokens[i])
            return KIND_TOKENS;
    return str_starts_nocase(name, S("List-")) ? KIND_LINKS : KIND_TEXT;
}

// What makes no sense as what it should be is text.
static bool add_body(struct writing *w, enum kind kind)
{
    switch (kind) {
    case KIND_ADDRESSES:
        return add_addresses(w);
    case KIND_TYPE:
    case KIND_DISPOSITION:
        return add_type(w, kind);
    case KIND_TOKENS:
        return add_tokens(w);
    case KIND_LINKS:
        return add_links(w);
    case KIND_TEXT:
        break;
    }
    return add_text(w);
}

// --- Addresses -----------------------------------------------------------------------------------

// Groups without members are known by their names only: they come before the next one that has
// some.
static bool add_addresses(struct writing *w)
{
    struct mail_mailboxes list;
    size_t opened = 0;
    if (!mail_mailboxes_read(&w->a, w->body, &list))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        if (list.at[i].group != opened)
            close_group(w);
        while (opened < list.at[i].group)
            open_group(w, list.groups[opened++]);
        add_mailbox(w, &list.at[i]);
    }
    while (opened < list.group_count)
        open_group(w, list.groups[opened++]);
    close_group(w);
    return true;
}

static void open_group(struct writing *w, struct str name)
{
    close_group(w);
    separate(w);
    add_name(w, name);
    fold_add(&w->f, S(":"));
    w->in_group = true;
    w->wants_comma = false;
}

static void close_group(struct writing *w)
{
    if (!w->in_group)
        return;
    fold_add(&w->f, S(";"));
    w->in_group = false;
    w->wants_comma = true;
}

static void separate(struct writing *w)
{
    if (w->wants_comma)
        fold_add(&w->f, S(","));
    w->wants_comma = true;
}

static void add_name(struct writing *w, struct str name)
{
    struct str shown = str_trim(name);
    if (str_is_empty(shown))
        fold_word(&w->f, S("\"\""));
    else
        fold_phrase(&w->f, shown);
}

static void add_mailbox(struct writing *w, const struct mail_mailbox *box)
{
    struct str name = str_trim(box->name), address = ascii_address(&w->a, box->address);
    bool cannot_be = str_is_null(address);
    if (cannot_be && w->in_group)
        return;
    separate(w);
    if (cannot_be) {
        add_name(w, arena_fmt(&w->a, "%.*s <%.*s>", ARG(name), ARG(box->address)));
        fold_add(&w->f, S(":;"));
        return;
    }
    bool has_name = !str_is_empty(name);
    if (has_name)
        add_name(w, name);
    if (!has_name && !str_is_empty(address))
        fold_word(&w->f, address);
    else if (!has_name || !str_is_empty(address) || !str_is_null(box->address))
        fold_word(&w->f, arena_fmt(&w->a, "<%.*s>", ARG(address)));
}

// Null: it cannot be written. One that is not there is empty.
static struct str ascii_address(struct arena *a, struct str address)
{
    struct str ascii = STR_NULL;
    if (str_is_empty(address))
        return S("");
    if (!is_clean(address) || failed(mail_address_ascii(a, address, &ascii)))
        return STR_NULL;
    return ascii;
}

static bool is_clean(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return false;
    return true;
}

// --- Types with parameters -----------------------------------------------------------------------

static bool add_type(struct writing *w, enum kind kind)
{
    struct mail_type type;
    bool is_read = kind == KIND_TYPE ? mail_content_type_read(&w->a, w->body, &type)
                                     : mail_disposition_read(&w->a, w->body, &type);
    if (!is_read || !str_is_ascii(type.type))
        return add_text(w);
    fold_word(&w->f, type.type);
    for (size_t i = 0; i < type.param_count; i++)
        if (!add_param(w, &type.params[i]))
            return false;
    return true;
}

// The boundary stands in the body, too, where it cannot be changed.
static bool add_param(struct writing *w, const struct mail_param *param)
{
    bool is_plain = str_is_ascii(param->value) && is_clean(param->value) &&
                    param->value.len <= PLAIN_VALUE_BYTES;
    if (!str_is_ascii(param->name))
        return true;
    if (str_eq(param->name, S("boundary")) && !is_plain)
        return false;
    fold_add(&w->f, S(";"));
    if (!is_plain)
        return add_sections(w, param);
    fold_word(&w->f, param->name);
    fold_add(&w->f, S("="));
    add_quoted(w, param->value);
    return true;
}

static void add_quoted(struct writing *w, struct str text)
{
    fold_add(&w->f, S("\""));
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            fold_add(&w->f, S("\\"));
        fold_add(&w->f, str_part(text, i, 1));
    }
    fold_add(&w->f, S("\""));
}

// name*0*=utf-8''...; name*1*=...      RFC 2231 3 and 4
static bool add_sections(struct writing *w, const struct mail_param *param)
{
    struct str rest = param->value;
    bool is_alone = 3 * rest.len <= SECTION_BYTES;
    for (size_t i = 0; i == 0 || !str_is_empty(rest); i++) {
        if (i == SECTIONS_MAX)
            return false;
        if (i > 0)
            fold_add(&w->f, S(";"));
        fold_word(&w->f, param->name);
        if (is_alone)
            fold_add(&w->f, S("*="));
        else
            buf_fmt(w->f.out, "*%zu*=", i);
        if (i == 0)
            fold_add(&w->f, S("utf-8''"));
        struct str now = str_upto(rest, SECTION_BYTES / 3);
        add_percent(w, now, byte_is_attribute);
        rest = str_from(rest, now.len);
    }
    return true;
}

static void add_percent(struct writing *w, struct str text, byte_class *stays)
{
    for (size_t i = 0; i < text.len; i++) {
        if (stays((uint8_t)text.ptr[i]))
            fold_add(&w->f, str_part(text, i, 1));
        else
            buf_fmt(w->f.out, "%%%02X", (uint8_t)text.ptr[i]);
    }
    fold_add(&w->f, S(""));
}

static bool byte_is_attribute(uint8_t c) // RFC 2231 7
{
    return byte_is_alnum(c) || c == '-' || c == '.' || c == '_';
}

// --- Other structure -----------------------------------------------------------------------------

// Words, comments and quoted strings, with blanks where blanks were.
static bool add_tokens(struct writing *w)
{
    struct scan in = scan_over(w->body);
    struct str run, comment;
    while (!scan_end(&in)) {
        uint8_t c = (uint8_t)scan_peek(&in);
        if (c == '(' && token_comment(&in, &comment)) {
            add_comment(w, comment);
        } else if (c == '"') {
            add_quote(w, &in);
        } else if (scan_while(&in, byte_is_run, &run)) {
            begin_word(w);
            add_run(w, run);
        } else { // white space, or a control, which is left out
            w->is_apart = w->is_apart || byte_is_space(c);
            scan_skip(&in, 1);
        }
    }
    return true;
}

static void begin_word(struct writing *w)
{
    if (w->is_apart)
        fold_word(&w->f, S(""));
    w->is_apart = false;
}

static void add_quote(struct writing *w, struct scan *in)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, DOWNGRADE_FIELD_BYTES_MAX);
    token_quoted(in, &text);
    if (str_is_ascii(buf_str(&text)) && is_clean(buf_str(&text))) {
        begin_word(w);
        add_quoted(w, buf_str(&text));
    } else {
        add_encoded(w, buf_str(&text));
        w->is_apart = true;
    }
}

static void add_comment(struct writing *w, struct str text)
{
    begin_word(w);
    fold_add(&w->f, S("("));
    if (str_is_ascii(text)) {
        fold_text(&w->f, text);
    } else {
        add_encoded(w, text);
    }
    fold_add(&w->f, S(")"));
}

// What could be a name of a host, and what stands between such.
static void add_run(struct writing *w, struct str run)
{
    struct scan in = scan_over(run);
    struct str part;
    while (!scan_end(&in)) {
        if (!scan_while(&in, byte_is_name, &part)) {
            fold_add(&w->f, str_upto(scan_rest(&in), 1));
            scan_skip(&in, 1);
        } else if (str_is_ascii(part)) {
            fold_add(&w->f, part);
        } else {
            add_label_run(w, part);
        }
    }
}

static void add_label_run(struct writing *w, struct str run)
{
    struct idna_result ascii;
    if (!failed(idna_to_ascii(&w->a, run, &ascii)) && ascii.fault == IDNA_FINE) {
        fold_add(&w->f, ascii.text);
        return;
    }
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * DOWNGRADE_FIELD_BYTES_MAX);
    clean(&text, run);
    fold_add(&w->f, S("=?utf-8?B?"));
    encode_base64(w->f.out, buf_str(&text));
    fold_add(&w->f, S("?="));
}

static bool byte_is_run(uint8_t c)
{
    return c > ' ' && c != 0x7f && c != '(' && c != '"';
}

static bool byte_is_name(uint8_t c)
{
    return byte_is_alnum(c) || c == '-' || c == '.' || c == '_' || c >= 0x80;
}

static bool add_links(struct writing *w)
{
    struct scan in = scan_over(w->body);
    struct str word;
    while (take_word(&in, &word)) {
        fold_word(&w->f, S(""));
        add_percent(w, word, byte_is_ascii);
    }
    return true;
}

static bool byte_is_ascii(uint8_t c)
{
    return c > ' ' && c < 0x7f;
}

// --- Text ----------------------------------------------------------------------------------------

// Words beyond ASCII that stand side by side are encoded with the blanks between them, for blanks
// between encoded words are nothing (RFC 2047 6.2). So is one that touches a word that was encoded
// before.
static bool add_text(struct writing *w)
{
    struct scan in = scan_over(w->body);
    struct str word, run = STR_NULL;
    bool after_encoded = false;
    while (take_word(&in, &word)) {
        if (!str_is_ascii(word)) {
            const char *begin = str_is_null(run) ? word.ptr : run.ptr;
            run = str_of(begin, (size_t)(word.ptr + word.len - begin));
            continue;
        }
        bool is_encoded = looks_encoded(word);
        add_words(w, run, after_encoded, is_encoded);
        run = STR_NULL;
        after_encoded = is_encoded;
        fold_word(&w->f, word);
    }
    add_words(w, run, after_encoded, false);
    return true;
}

static void add_words(struct writing *w, struct str run, bool after_encoded, bool before_encoded)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * DOWNGRADE_FIELD_BYTES_MAX);
    if (str_is_null(run))
        return;
    if (after_encoded)
        buf_add_byte(&text, ' ');
    buf_add(&text, run);
    if (before_encoded)
        buf_add_byte(&text, ' ');
    add_encoded(w, buf_str(&text));
}

static bool looks_encoded(struct str word)
{
    return str_starts(word, S("=?")) && str_ends(word, S("?="));
}

static bool take_word(struct scan *in, struct str *out)
{
    struct str blanks;
    (void)scan_while0(in, byte_is_no_word, &blanks);
    return scan_while(in, byte_is_word, out);
}

static bool byte_is_no_word(uint8_t c)
{
    return !byte_is_word(c);
}

static bool byte_is_word(uint8_t c)
{
    return c > ' ' && c != 0x7f;
}

static void add_encoded(struct writing *w, struct str text)
{
    struct buf shown AUTO(buf_done);
    buf_init(&shown, 4 * DOWNGRADE_FIELD_BYTES_MAX);
    clean(&shown, text);
    fold_encoded(&w->f, buf_str(&shown));
}

// Well-formed; folds and controls are blanks, of which several are one.
static void clean(struct buf *out, struct str text)
{
    for (uint32_t code; unicode_next(&text, &code);) {
        bool is_control = code < ' ' || (code >= 0x7f && code < 0xa0);
        if (code >= UNICODE_BAD_BYTE)
            buf_add_byte(out, '?');
        else if (!is_control)
            buf_add_utf8(out, code);
        else if (!str_ends(buf_str(out), S(" ")))
            buf_add_byte(out, ' ');
    }
}
