// SPDX-License-Identifier: Apache-2.0
// base/idna.c: the processing of UTS #46 4: characters are mapped, the whole is normalized, and
// then it is taken apart into labels, each of which must be one in Unicode and in ASCII.
#define POSTHASTE_BASE_ROOM
#include "base/idna.h"

#include "base/idna_parts.h"
#include "base/punycode.h"
#include "base/unicode.h"

#define INPUT_BYTES_MAX 4096        // mapping shrinks little: longer ones cannot become 253 octets
#define MAPPED_BYTES_MAX (64 * KIB) // more than sixteen times that
#define NAME_BYTES_MAX 253          // UTS #46 4.2, without the root's dot
#define LABEL_BYTES_MAX 63          // RFC 1035 2.3.4
#define PREFIX "xn--"               // of A-labels, RFC 5890 2.3.2.1

enum form { FORM_ASCII, FORM_UNICODE };

struct conversion {
    struct buf mapped, normal; // the domain, and then its normalization
    struct buf ascii, unicode; // label by label
    bool is_bidi;
    bool no_memory;
};

static struct err convert(
        struct arena *a, struct str domain, enum form form, struct idna_result *out);
static void conversion_init(struct conversion *c);
static void conversion_done(struct conversion *c);
static enum idna_fault convert_domain(struct conversion *c, struct str domain);
static enum idna_fault map_domain(struct conversion *c, struct str domain);
static enum idna_fault convert_label(struct conversion *c, struct str text);
static enum idna_fault read_label(struct str text, struct idna_label *out);
static enum idna_fault read_ascii_label(struct str text, struct idna_label *out);
static bool label_is_normal(const struct idna_label *label);
static bool label_is_ascii(const struct idna_label *label);
static void add_label(struct buf *out, const struct idna_label *label);
static enum idna_fault check_bidi(struct str unicode);

struct str idna_fault_name(enum idna_fault fault)
{
    switch (fault) {
    case IDNA_FINE:
        return S("");
    case IDNA_DISALLOWED:
        return S("disallowed");
    case IDNA_HYPHEN:
        return S("hyphen");
    case IDNA_JOINER:
        return S("joiner");
    case IDNA_BIDI_RULE:
        return S("bidi");
    case IDNA_LENGTH:
        return S("length");
    case IDNA_PUNYCODE:
        return S("punycode");
    case IDNA_UNASSIGNED:
        return S("unassigned");
    case IDNA_EMPTY:
        return S("empty");
    }
    return S("");
}

struct err idna_to_ascii(struct arena *a, struct str domain, struct idna_result *out)
{
    return convert(a, domain, FORM_ASCII, out);
}

struct err idna_to_unicode(struct arena *a, struct str domain, struct idna_result *out)
{
    return convert(a, domain, FORM_UNICODE, out);
}

static struct err convert(
        struct arena *a, struct str domain, enum form form, struct idna_result *out)
{
    struct conversion c AUTO(conversion_done);
    struct idna_result r = {0};
    conversion_init(&c);
    r.fault = convert_domain(&c, domain);
    if (c.no_memory)
        return fail(ERR_LIMIT, "no memory for a name");
    if (r.fault == IDNA_FINE) {
        r.text = arena_str(a, buf_str(form == FORM_ASCII ? &c.ascii : &c.unicode));
        if (str_is_null(r.text))
            return fail(ERR_LIMIT, "no memory for a name");
    }
    *out = r;
    return OK;
}

static void conversion_init(struct conversion *c)
{
    *c = (struct conversion){0};
    buf_init(&c->mapped, MAPPED_BYTES_MAX);
    buf_init(&c->normal, MAPPED_BYTES_MAX);
    buf_init(&c->ascii, MAPPED_BYTES_MAX);
    buf_init(&c->unicode, MAPPED_BYTES_MAX);
}

static void conversion_done(struct conversion *c)
{
    buf_done(&c->mapped);
    buf_done(&c->normal);
    buf_done(&c->ascii);
    buf_done(&c->unicode);
}

static enum idna_fault convert_domain(struct conversion *c, struct str domain)
{
    struct str label;
    if (str_is_empty(domain))
        return IDNA_EMPTY;
    if (domain.len > INPUT_BYTES_MAX)
        return IDNA_LENGTH;
    enum idna_fault fault = map_domain(c, domain);
    if (fault != IDNA_FINE)
        return fault;
    struct str rest = buf_str(&c->normal);
    for (bool first = true; str_split(&rest, '.', &label); first = false) {
        if (!first) {
            buf_add_byte(&c->ascii, '.');
            buf_add_byte(&c->unicode, '.');
        }
        fault = convert_label(c, label);
        if (fault != IDNA_FINE)
            return fault;
    }
    if (c->ascii.len > NAME_BYTES_MAX)
        return IDNA_LENGTH;
    c->no_memory = c->ascii.overflow || c->unicode.overflow;
    return c->is_bidi ? check_bidi(buf_str(&c->unicode)) : IDNA_FINE;
}

static enum idna_fault map_domain(struct conversion *c, struct str domain)
{
    for (uint32_t code; unicode_next(&domain, &code);) {
        enum idna_fault fault = idna_map(&c->mapped, code);
        if (fault != IDNA_FINE)
            return fault;
    }
    unicode_add_nfc(&c->normal, buf_str(&c->mapped));
    c->no_memory = c->mapped.overflow || c->normal.overflow;
    return c->no_memory ? IDNA_LENGTH : IDNA_FINE;
}

static enum idna_fault convert_label(struct conversion *c, struct str text)
{
    struct idna_label label;
    size_t start = c->ascii.len;
    bool encoded = str_starts(text, S(PREFIX));
    enum idna_fault fault = encoded ? read_ascii_label(text, &label) : read_label(text, &label);
    if (fault == IDNA_FINE)
        fault = idna_label_check(&label);
    if (fault != IDNA_FINE)
        return fault;
    if (label_is_ascii(&label)) {
        buf_add(&c->ascii, text);
    } else {
        buf_add(&c->ascii, S(PREFIX));
        punycode_add(&c->ascii, label.codes, label.count);
    }
    add_label(&c->unicode, &label);
    c->is_bidi = c->is_bidi || idna_label_is_bidi(&label);
    struct str ascii = str_from(buf_str(&c->ascii), start);
    if (encoded && !str_eq(ascii, text))
        return IDNA_PUNYCODE; // another spelling of it
    return ascii.len > LABEL_BYTES_MAX ? IDNA_LENGTH : IDNA_FINE;
}

static enum idna_fault read_label(struct str text, struct idna_label *out)
{
    out->count = 0;
    for (uint32_t code; unicode_next(&text, &code);) {
        if (out->count == IDNA_LABEL_CODES_MAX)
            return IDNA_LENGTH;
        out->codes[out->count++] = code;
    }
    return IDNA_FINE;
}

// What it stands for must need it, and be what mapping would have made of it (UTS #46 4, step 4).
static enum idna_fault read_ascii_label(struct str text, struct idna_label *out)
{
    struct str rest = str_from(text, S(PREFIX).len);
    if (!punycode_read(rest, out->codes, IDNA_LABEL_CODES_MAX, &out->count))
        return IDNA_PUNYCODE;
    if (label_is_ascii(out))
        return IDNA_PUNYCODE;
    return label_is_normal(out) ? IDNA_FINE : IDNA_DISALLOWED;
}

static bool label_is_ascii(const struct idna_label *label)
{
    for (size_t i = 0; i < label->count; i++)
        if (label->codes[i] >= 0x80)
            return false;
    return true;
}

static bool label_is_normal(const struct idna_label *label)
{
    struct buf text AUTO(buf_done), normal AUTO(buf_done);
    buf_init(&text, MAPPED_BYTES_MAX);
    buf_init(&normal, MAPPED_BYTES_MAX);
    add_label(&text, label);
    unicode_add_nfc(&normal, buf_str(&text));
    return !normal.overflow && str_eq(buf_str(&text), buf_str(&normal));
}

static void add_label(struct buf *out, const struct idna_label *label)
{
    for (size_t i = 0; i < label->count; i++)
        buf_add_utf8(out, label->codes[i]);
}

// RFC 5893 2: where one letter of the domain is written from right to left, all labels count.
static enum idna_fault check_bidi(struct str unicode)
{
    struct idna_label label;
    struct str text;
    while (str_split(&unicode, '.', &text)) {
        enum idna_fault fault = read_label(text, &label);
        if (fault != IDNA_FINE)
            return fault;
        if (!idna_label_keeps_bidi_rule(&label))
            return IDNA_BIDI_RULE;
    }
    return IDNA_FINE;
}
