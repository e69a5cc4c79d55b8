// SPDX-License-Identifier: Apache-2.0
// mail/field_type.c: Content-Type and Content-Disposition, RFC 2045 5.1 and RFC 2183, with
// parameters that are continued, of a charset and a language (RFC 2231), or written as encoded
// words, which no RFC allows and many programs do.
#include "mail/header.h"
#include "mail/token.h"

#define VALUE_BYTES_MAX ((size_t)64 * KIB)
#define SECTIONS_MAX 1000 // of one parameter, RFC 2231 3

struct piece {       // one parameter as written
    struct str name; // without its stars
    struct str value;
    uint32_t section;
    bool continued; // has a number
    bool extended;  // percent-encoded
    bool taken;
};

struct type_reading {
    struct arena *a;
    struct scan in;
    VEC(struct piece) pieces;
    bool full;
};

static bool take_token(struct scan *in, struct str *out);
static bool read_params(struct type_reading *r, struct mail_type *out);
static bool read_piece(struct type_reading *r);
static void split_name(struct str written, struct piece *out);
static struct str read_value(struct type_reading *r);
static struct str join(struct type_reading *r, struct piece *first);
static void add_piece(struct buf *out, const struct piece *p, struct str *charset);
static void add_percent(struct buf *out, struct str text);
static bool byte_is_token(uint8_t c);
static bool byte_is_value(uint8_t c);

bool mail_content_type_read(struct arena *a, struct str body, struct mail_type *out)
{
    struct type_reading r = {.a = a, .in = scan_over(body)};
    struct str type, subtype;
    if (!take_token(&r.in, &type))
        return false;
    token_skip(&r.in);
    if (!scan_byte(&r.in, '/') || !take_token(&r.in, &subtype))
        return false;
    struct str both = arena_fmt(a, "%.*s/%.*s", ARG(type), ARG(subtype));
    *out = (struct mail_type){.type = arena_str_lower(a, both)};
    return !str_is_null(both) && !str_is_null(out->type) && read_params(&r, out);
}

bool mail_disposition_read(struct arena *a, struct str body, struct mail_type *out)
{
    struct type_reading r = {.a = a, .in = scan_over(body)};
    struct str type;
    if (!take_token(&r.in, &type))
        return false;
    *out = (struct mail_type){.type = arena_str_lower(a, type)};
    return !str_is_null(out->type) && read_params(&r, out);
}

struct str mail_type_param(const struct mail_type *type, struct str name)
{
    for (size_t i = 0; i < type->param_count; i++) {
        if (str_eq(type->params[i].name, name))
            return type->params[i].value;
    }
    return STR_NULL;
}

static bool take_token(struct scan *in, struct str *out)
{
    token_skip(in);
    return scan_while(in, byte_is_token, out);
}

static bool read_params(struct type_reading *r, struct mail_type *out)
{
    while (!scan_end(&r->in) && r->pieces.count < MAIL_PARAMS_MAX) {
        token_skip(&r->in);
        if (!scan_byte(&r->in, ';') && !read_piece(r))
            scan_skip(&r->in, 1); // junk
    }
    VEC(struct mail_param) params = {0};
    each_in_vec (p, &r->pieces) {
        bool repeated = p->taken || (p->continued && p->section != 0);
        for (size_t i = 0; i < params.count; i++)
            repeated = repeated || str_eq_nocase(params.at[i].name, p->name);
        if (repeated)
            continue; // the first of its name counts
        struct mail_param *param = vec_add(r->a, &params);
        if (param == NULL)
            return false;
        param->name = arena_str_lower(r->a, p->name);
        param->value = join(r, p);
        r->full = r->full || str_is_null(param->name) || str_is_null(param->value);
    }
    out->params = params.at;
    out->param_count = params.count;
    return !r->full;
}

// parameter = attribute [ "*" section ] [ "*" ] "=" value
static bool read_piece(struct type_reading *r)
{
    struct scan before = r->in;
    struct str name;
    struct piece p = {0};
    if (!scan_while(&r->in, byte_is_token, &name))
        return false;
    token_skip(&r->in);
    if (!scan_byte(&r->in, '=')) {
        r->in = before;
        return false;
    }
    split_name(name, &p);
    p.value = read_value(r);
    struct piece *kept = str_is_empty(p.name) ? NULL : vec_add(r->a, &r->pieces);
    if (kept != NULL)
        *kept = p;
    return true;
}

static void split_name(struct str written, struct piece *out)
{
    struct str head, number;
    uint64_t section;
    out->name = written;
    if (str_ends(written, S("*"))) {
        out->extended = true;
        out->name = str_upto(written, written.len - 1);
    }
    if (str_rcut(out->name, '*', &head, &number) && str_to_u64(number, SECTIONS_MAX, &section)) {
        out->name = head;
        out->continued = true;
        out->section = (uint32_t)section;
    }
}

static struct str read_value(struct type_reading *r)
{
    struct buf value AUTO(buf_done);
    struct str text = S("");
    buf_init(&value, VALUE_BYTES_MAX);
    token_skip(&r->in);
    if (scan_peek(&r->in) == '"')
        token_quoted(&r->in, &value);
    else if (scan_while(&r->in, byte_is_value, &text))
        buf_add(&value, text);
    struct str kept = arena_str(r->a, buf_str(&value));
    r->full = r->full || str_is_null(kept);
    return kept;
}

// The sections in their numbers' order, whatever order they came in.
static struct str join(struct type_reading *r, struct piece *first)
{
    struct buf octets AUTO(buf_done), text AUTO(buf_done);
    struct str charset = STR_NULL;
    buf_init(&octets, VALUE_BYTES_MAX * 4);
    buf_init(&text, VALUE_BYTES_MAX * 8);
    add_piece(&octets, first, &charset);
    for (uint32_t wanted = 1, found = 1; first->continued && found == 1; wanted++) {
        found = 0;
        each_in_vec (p, &r->pieces) {
            if (!p->continued || p->section != wanted || !str_eq_nocase(p->name, first->name))
                continue;
            if (found++ == 0)
                add_piece(&octets, p, &charset);
            p->taken = true;
        }
    }
    if (str_is_empty(charset))
        encoded_text(&text, buf_str(&octets));
    else if (!mail_charset_add(&text, charset, buf_str(&octets)))
        (void)mail_charset_add(&text, S("utf-8"), buf_str(&octets));
    return arena_str(r->a, buf_str(&text));
}

// The first extended section begins with charset'language'.
static void add_piece(struct buf *out, const struct piece *p, struct str *charset)
{
    struct str rest = p->value, name, language;
    bool first = !p->continued || p->section == 0;
    if (p->extended && first && str_cut(rest, '\'', &name, &rest) &&
            str_cut(rest, '\'', &language, &rest))
        *charset = name;
    else
        rest = p->value;
    if (p->extended)
        add_percent(out, rest);
    else
        buf_add(out, rest);
}

static void add_percent(struct buf *out, struct str text)
{
    struct scan in = scan_over(text);
    for (uint8_t c; scan_any(&in, &c);) {
        struct scan digits = in;
        struct str pair = S("");
        uint64_t value;
        bool coded = c == '%' && scan_take(&digits, 2, &pair) && byte_is_hex((uint8_t)pair.ptr[0]);
        struct scan hex = scan_over(coded ? pair : S(""));
        if (coded && scan_hex_u64(&hex, 2, &value) && scan_end(&hex)) {
            buf_add_byte(out, (char)value);
            in = digits;
        } else {
            buf_add_byte(out, (char)c);
        }
    }
}

static bool byte_is_token(uint8_t c) // RFC 2045 5.1; bytes beyond ASCII are no reason to stop
{
    return c > ' ' && c != 0x7f && str_find_byte(S("()<>@,;:\\\"/[]?="), (char)c) == STR_NOT_FOUND;
}

static bool byte_is_value(uint8_t c) // boundaries come without quotes, whatever is in them
{
    return c > ' ' && c != 0x7f && c != ';' && c != '"' && c != '(';
}
