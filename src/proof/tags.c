// SPDX-License-Identifier: Apache-2.0
// proof/tags.c: reading lists of tags and what their values are made of. White space is SP, HTAB,
// CR and LF wherever RFC 6376 2.8 has FWS: how a field was folded is no concern here, and records
// of the DNS have been seen with line ends in them.
#include "proof/tags.h"

#include "base/encode.h"
#include "mail/mail.h"

#define DOMAIN_BYTES_MAX 253
#define LABEL_BYTES_MAX 63

static bool tag_next(struct scan *in, struct tag *out);
static void skip_space(struct scan *in);
static bool is_space(uint8_t c);
static bool is_name_rest(uint8_t c);
static bool is_value(struct str value);
static bool is_ascii_domain(struct str domain, size_t label_min);

// tag-list = tag-spec *( ";" tag-spec ) [ ";" ]        RFC 6376 3.2
struct err tags_parse(
        struct arena *a, struct str text, struct tags *out, enum tags_fault *out_fault)
{
    struct scan in = scan_over(text);
    struct tags tags = {0};
    enum tags_fault fault = TAGS_SYNTAX;
    bool twice = false;
    struct tag tag;
    while (tags.all.count < TAGS_MAX && tag_next(&in, &tag)) {
        twice = twice || tags_find(&tags, tag.name) != NULL;
        struct tag *slot = vec_add(a, &tags.all);
        if (slot == NULL)
            return fail(ERR_LIMIT, "no memory for a list of tags");
        *slot = tag;
        bool more = scan_byte(&in, ';');
        skip_space(&in);
        if (scan_end(&in)) {
            fault = twice ? TAGS_DUPLICATE : TAGS_FINE;
            break;
        }
        if (!more)
            break;
    }
    *out = tags;
    *out_fault = fault;
    return OK;
}

// tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
static bool tag_next(struct scan *in, struct tag *out)
{
    skip_space(in);
    size_t start = scan_offset(in);
    struct str rest, room = S("");
    if (!byte_is_alpha((uint8_t)scan_peek(in)))
        return false;
    scan_while0(in, is_name_rest, &rest);
    struct str name = scan_since(in, start);
    skip_space(in);
    if (!scan_byte(in, '='))
        return false;
    if (!scan_until(in, ';', &room))
        (void)scan_take(in, scan_rest(in).len, &room);
    *out = (struct tag){.name = name, .value = str_trim(room), .room = room};
    return is_value(out->value);
}

static void skip_space(struct scan *in)
{
    struct str ignored;
    scan_while0(in, is_space, &ignored);
}

static bool is_space(uint8_t c)
{
    return byte_is_blank(c) || c == '\r' || c == '\n';
}

static bool is_name_rest(uint8_t c)
{
    return byte_is_alnum(c) || c == '_';
}

// tval = 1*VALCHAR, with FWS between. What is beyond ASCII (RFC 8616) is for the tags to judge.
static bool is_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = (uint8_t)value.ptr[i];
        if ((c < 0x20 && !is_space(c)) || c == 0x7f)
            return false;
    }
    return true;
}

const struct tag *tags_find(const struct tags *tags, struct str name)
{
    each_in_vec (tag, &tags->all) {
        if (str_eq(tag->name, name))
            return tag;
    }
    return NULL;
}

bool tag_item_next(struct str *rest, struct str *out_item)
{
    struct str item;
    if (!str_split(rest, ':', &item))
        return false;
    *out_item = str_trim(item);
    return true;
}

bool tag_has_item(struct str list, struct str item)
{
    struct str one;
    while (tag_item_next(&list, &one)) {
        if (str_eq_nocase(one, item))
            return true;
    }
    return false;
}

bool tag_base64(struct arena *a, struct str value, struct str *out)
{
    struct buf text AUTO(buf_done), bytes AUTO(buf_done);
    buf_init(&text, value.len + 3);
    buf_init(&bytes, value.len);
    while (!str_is_empty(value)) {
        size_t solid = 0;
        while (solid < value.len && !is_space((uint8_t)value.ptr[solid]))
            solid++;
        buf_add(&text, str_upto(value, solid));
        value = str_from(value, solid + 1);
    }
    if (text.len % 4 != 0) // the grammar of RFC 6376 2.10 lets padding go
        buf_add_repeat(&text, '=', 4 - text.len % 4);
    if (text.len == 0 || text.overflow || !decode_base64(&bytes, buf_str(&text)))
        return false;
    *out = bytes.overflow ? STR_NULL : arena_str(a, buf_str(&bytes));
    return true;
}

bool tag_quoted(struct arena *a, struct str value, struct str *out)
{
    struct buf bytes AUTO(buf_done);
    struct scan in = scan_over(value);
    uint8_t c;
    buf_init(&bytes, value.len);
    while (scan_any(&in, &c)) {
        if (c == '=') {
            int high = byte_hex_value((uint8_t)scan_peek(&in));
            int low = byte_hex_value((uint8_t)scan_peek_at(&in, 1));
            if (high < 0 || low < 0 || !scan_skip(&in, 2))
                return false;
            buf_add_byte(&bytes, (char)(high << 4 | low));
        } else if (!is_space(c)) {
            buf_add_byte(&bytes, (char)c);
        }
    }
    *out = bytes.overflow ? STR_NULL : arena_str(a, buf_str(&bytes));
    return !str_is_null(*out);
}

bool tag_number(struct str value, size_t digits_max, uint64_t *out)
{
    if (str_is_empty(value) || value.len > digits_max)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (!byte_is_digit((uint8_t)value.ptr[i]))
            return false;
    }
    if (!str_to_u64(value, UINT64_MAX, out))
        *out = UINT64_MAX;
    return true;
}

bool tag_domain(struct arena *a, struct str value, size_t label_min, struct str *out)
{
    struct idna_result ascii = {.text = value};
    if (!str_is_ascii(value) &&
            (failed(idna_to_ascii(a, value, &ascii)) || ascii.fault != IDNA_FINE))
        return false;
    if (!is_ascii_domain(ascii.text, label_min))
        return false;
    *out = arena_str_lower(a, ascii.text);
    return true;
}

static bool is_ascii_domain(struct str domain, size_t label_min)
{
    struct str label;
    size_t labels = 0;
    if (str_is_empty(domain) || domain.len > DOMAIN_BYTES_MAX)
        return false;
    while (str_split(&domain, '.', &label)) {
        if (str_is_empty(label) || label.len > LABEL_BYTES_MAX)
            return false;
        for (size_t i = 0; i < label.len; i++) {
            uint8_t c = (uint8_t)label.ptr[i];
            if (!byte_is_alnum(c) && c != '-' && c != '_')
                return false;
        }
        labels++;
    }
    return labels >= label_min;
}

bool domain_is_within(struct str domain, struct str parent)
{
    if (str_eq(domain, parent))
        return true;
    return domain.len > parent.len && str_ends(domain, parent) &&
           domain.ptr[domain.len - parent.len - 1] == '.';
}
