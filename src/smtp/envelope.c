// SPDX-License-Identifier: Apache-2.0
// smtp/envelope.c: paths, and the frame around parameters. The parameters are in
// envelope_params.c.
#include "smtp/envelope.h"

#include "smtp/envelope_params.h"

static struct err path_parse(struct reading *r, struct scan *in, struct path *out);
static struct err path_inside(struct reading *r, struct str inside, struct path *out);
static struct str without_route(struct str inside);
static struct err parameters_parse(struct reading *r, struct scan *in);
static bool take_keyword(struct scan *in, struct str *out);
static bool byte_is_keyword(uint8_t c);
static bool byte_is_value(uint8_t c);

// "MAIL FROM:" Reverse-path *( SP esmtp-param )      RFC 5321 4.1.1.2
struct err mail_command_parse(struct arena *a, struct str args, const struct envelope_rules *rules,
        struct mail_command *out, struct envelope_fault *fault)
{
    struct scan in = scan_over(args);
    struct path path = {.may_be_null = true};
    struct mail_command mail = {0};
    struct reading r = {.arena = a, .rules = rules, .mail = &mail, .fault = fault};
    *fault = (struct envelope_fault){0};
    if (!scan_lit_nocase(&in, S("FROM:")))
        return reading_fault(&r, FAULT_SYNTAX, STR_NULL, S("expected FROM:<address>"));
    TRY(path_parse(&r, &in, &path));
    if (fault->kind != FAULT_NONE)
        return OK;
    mail.sender = path.address;
    mail.is_null = path.is_null;
    TRY(parameters_parse(&r, &in));
    if (fault->kind == FAULT_NONE)
        *out = mail;
    return OK;
}

// "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) *( SP esmtp-param )
// RFC 5321 4.1.1.3
struct err rcpt_command_parse(struct arena *a, struct str args, const struct envelope_rules *rules,
        struct rcpt_command *out, struct envelope_fault *fault)
{
    struct scan in = scan_over(args);
    struct path path = {.may_be_postmaster = true};
    struct rcpt_command rcpt = {0};
    struct reading r = {.arena = a, .rules = rules, .rcpt = &rcpt, .fault = fault};
    *fault = (struct envelope_fault){0};
    if (!scan_lit_nocase(&in, S("TO:")))
        return reading_fault(&r, FAULT_SYNTAX, STR_NULL, S("expected TO:<address>"));
    TRY(path_parse(&r, &in, &path));
    if (fault->kind != FAULT_NONE)
        return OK;
    rcpt.rcpt = path.address;
    rcpt.is_postmaster = path.is_postmaster;
    TRY(parameters_parse(&r, &in));
    if (fault->kind == FAULT_NONE)
        *out = rcpt;
    return OK;
}

struct err reading_fault(
        struct reading *r, enum envelope_fault_kind kind, struct str parameter, struct str why)
{
    *r->fault = (struct envelope_fault){kind, parameter, why};
    return OK;
}

// Brackets are found with their quoting, so that "<" and ">" in a quoted local part are its own.
static struct err path_parse(struct reading *r, struct scan *in, struct path *out)
{
    bool quoted = false;
    size_t blanks = scan_blanks(in);
    if (blanks > 0 && r->rules->strict)
        return reading_fault(r, FAULT_SYNTAX, STR_NULL, S("a blank before the path"));
    if (!scan_byte(in, '<')) {
        struct str bare;
        size_t start = scan_offset(in);
        while (!scan_end(in) && scan_peek(in) != ' ')
            scan_skip(in, 1);
        bare = scan_since(in, start);
        if (r->rules->strict || bare.len == 0 || str_find_byte(bare, '>') < bare.len)
            return reading_fault(r, FAULT_SYNTAX, STR_NULL, S("expected <address>"));
        return path_inside(r, bare, out);
    }
    size_t start = scan_offset(in);
    for (; !scan_end(in) && (quoted || scan_peek(in) != '>'); scan_skip(in, 1)) {
        if (scan_peek(in) == '"')
            quoted = !quoted;
        else if (quoted && scan_peek(in) == '\\')
            scan_skip(in, 1);
    }
    struct str inside = scan_since(in, start);
    if (!scan_byte(in, '>') || (!scan_end(in) && scan_peek(in) != ' '))
        return reading_fault(r, FAULT_SYNTAX, STR_NULL, S("the brackets do not close"));
    struct str trimmed = r->rules->strict ? inside : str_trim_blanks(inside);
    return path_inside(r, trimmed, out);
}

static struct err path_inside(struct reading *r, struct str inside, struct path *out)
{
    if (inside.len == 0) {
        out->is_null = true;
        return out->may_be_null ? OK
                                : reading_fault(r, FAULT_ADDRESS, STR_NULL,
                                          S("the null path is no recipient"));
    }
    if (out->may_be_postmaster && str_eq_nocase(inside, S("postmaster"))) {
        out->is_postmaster = true;
        return OK;
    }
    struct err e = mail_address_parse(r->arena, without_route(inside), &out->address);
    if (e.kind == ERR_SYNTAX)
        return reading_fault(r, FAULT_ADDRESS, STR_NULL, err_text(e));
    return e;
}

// @a,@b:mailbox is read as mailbox: RFC 5321 appendix C.
static struct str without_route(struct str inside)
{
    struct str route, rest;
    if (!str_starts(inside, S("@")) || !str_cut(inside, ':', &route, &rest))
        return inside;
    for (struct str hop; str_split(&route, ',', &hop);)
        if (hop.len < 2 || hop.ptr[0] != '@' || str_find_byte(str_from(hop, 1), '@') < hop.len - 1)
            return inside; // no route; the address parser says what is wrong
    return rest;
}

// esmtp-param = esmtp-keyword [ "=" esmtp-value ]      RFC 5321 4.1.2
static struct err parameters_parse(struct reading *r, struct scan *in)
{
    while (r->fault->kind == FAULT_NONE && !scan_end(in)) {
        struct parameter p = {0};
        size_t blanks = scan_blanks(in);
        if (scan_end(in))
            return OK; // blanks at the end of a line mean nothing: inbound.md 3.1
        if (blanks == 0 || (blanks > 1 && r->rules->strict) || !take_keyword(in, &p.keyword))
            return reading_fault(r, FAULT_SYNTAX, STR_NULL, S("expected a parameter"));
        if (scan_byte(in, '=') && !scan_while(in, byte_is_value, &p.value))
            return reading_fault(r, FAULT_PARAMETER, p.keyword, S("a value is missing"));
        if (!scan_end(in) && scan_peek(in) != ' ' && scan_peek(in) != '\t')
            return reading_fault(r, FAULT_PARAMETER, p.keyword, S("a value has a wrong octet"));
        TRY(parameter_take(r, &p));
    }
    return OK;
}

// esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
static bool take_keyword(struct scan *in, struct str *out)
{
    return scan_peek(in) != '-' && scan_while(in, byte_is_keyword, out);
}

static bool byte_is_keyword(uint8_t c)
{
    return byte_is_alnum(c) || c == '-';
}

// Any octets but "=", SP and controls; those beyond ASCII are of RFC 6531.
static bool byte_is_value(uint8_t c)
{
    return c > ' ' && c != '=' && c != 0x7f;
}

struct err xtext_decode(struct arena *a, struct str text, size_t bytes_max, struct str *out)
{
    struct buf bytes AUTO(buf_done);
    buf_init(&bytes, bytes_max);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        if (c < 33 || c > 126 || c == '=')
            return fail(ERR_SYNTAX, "an octet that xtext encodes");
        if (c == '+') {
            int high = i + 2 < text.len ? byte_hex_value((uint8_t)text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? byte_hex_value((uint8_t)text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return fail(ERR_SYNTAX, "a plus without its two digits");
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        buf_add_byte(&bytes, (char)c);
    }
    if (bytes.overflow)
        return fail(ERR_SYNTAX, "longer than it may be");
    *out = arena_str(a, buf_str(&bytes));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for a parameter") : OK;
}
