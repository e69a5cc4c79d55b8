// SPDX-License-Identifier: Apache-2.0
// mail/idna.c: to A-labels and back. The library maps and checks; the checks of lengths, ASCII
// letters and hyphens are made again on the result, since it leaves them out for labels that were
// ASCII from the start.
#include "mail/idna.h"

#include "base/unicode.h"

#include <idn2.h>

#define INPUT_BYTES_MAX 4096 // mapping shrinks little: what is longer cannot become 253 octets
#define NAME_BYTES_MAX 253   // UTS #46 4.2, without the root's dot
#define LABEL_BYTES_MAX 63

static enum idna_fault convert(
        struct arena *a, struct str domain, enum idna_fault *fault, struct str *out_ascii);
static enum idna_fault fault_of(int code);
static enum idna_fault check_ascii(struct str ascii);
static enum idna_fault check_label(struct str label);
static enum idna_fault check_round_trip(struct arena *a, struct str ascii);
static enum idna_fault check_bidi(struct str unicode);
static bool is_bidi(struct str domain);
static bool is_right_to_left(uint32_t code);
static struct str from_ascii(struct arena *a, struct str ascii, enum idna_fault *out_fault);

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
    case IDNA_OTHER:
        return S("other");
    }
    return S("");
}

struct err idna_to_ascii(struct arena *a, struct str domain, struct idna_result *out)
{
    struct idna_result r = {.fault = IDNA_FINE};
    r.fault = convert(a, domain, &r.fault, &r.text);
    if (r.fault == IDNA_FINE && str_is_null(r.text))
        return fail(ERR_LIMIT, "no memory for a name");
    if (r.fault == IDNA_FINE)
        r.fault = check_ascii(r.text);
    if (r.fault == IDNA_FINE)
        r.fault = check_round_trip(a, r.text);
    *out = r;
    return OK;
}

static enum idna_fault convert(
        struct arena *a, struct str domain, enum idna_fault *fault, struct str *out_ascii)
{
    char *ascii = NULL;
    *fault = IDNA_FINE;
    *out_ascii = STR_NULL;
    if (str_is_empty(domain))
        return IDNA_EMPTY;
    if (domain.len > INPUT_BYTES_MAX)
        return IDNA_LENGTH;
    if (str_find_byte(domain, '\0') != STR_NOT_FOUND || !str_is_utf8(domain))
        return IDNA_DISALLOWED;
    const char *name = arena_c_str(a, domain);
    if (name == NULL)
        return IDNA_FINE; // without a text: the caller sees it
    // Not IDN2_USE_STD3_ASCII_RULES: with it U+2260 and its like are dropped in silence.
    int code = idn2_to_ascii_8z(name, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
    if (code != IDN2_OK)
        return fault_of(code);
    *out_ascii = arena_str(a, str_from_c(ascii));
    idn2_free(ascii);
    return IDNA_FINE;
}

static enum idna_fault fault_of(int code)
{
    switch (code) {
    case IDN2_PUNYCODE_BAD_INPUT:
    case IDN2_PUNYCODE_BIG_OUTPUT:
    case IDN2_PUNYCODE_OVERFLOW:
    case IDN2_INVALID_ALABEL:
    case IDN2_UALABEL_MISMATCH:
    case IDN2_ALABEL_ROUNDTRIP_FAILED:
        return IDNA_PUNYCODE;
    case IDN2_TOO_BIG_DOMAIN:
    case IDN2_TOO_BIG_LABEL:
        return IDNA_LENGTH;
    case IDN2_2HYPHEN:
    case IDN2_HYPHEN_STARTEND:
        return IDNA_HYPHEN;
    case IDN2_CONTEXTJ:
    case IDN2_CONTEXTJ_NO_RULE:
        return IDNA_JOINER;
    case IDN2_BIDI:
        return IDNA_BIDI_RULE;
    case IDN2_UNASSIGNED:
        return IDNA_UNASSIGNED;
    case IDN2_LEADING_COMBINING:
    case IDN2_DISALLOWED:
    case IDN2_CONTEXTO:
    case IDN2_CONTEXTO_NO_RULE:
    case IDN2_DOT_IN_LABEL:
    case IDN2_NOT_NFC:
    case IDN2_INVALID_NONTRANSITIONAL:
        return IDNA_DISALLOWED;
    default: // the library may learn further codes
        return IDNA_OTHER;
    }
}

static enum idna_fault check_ascii(struct str ascii)
{
    struct str rest = ascii, label;
    if (ascii.len > NAME_BYTES_MAX)
        return IDNA_LENGTH;
    while (str_split(&rest, '.', &label)) {
        enum idna_fault fault = check_label(label);
        if (fault != IDNA_FINE)
            return fault;
    }
    return IDNA_FINE;
}

static enum idna_fault check_label(struct str label)
{
    struct scan in = scan_over(label);
    if (str_is_empty(label))
        return IDNA_EMPTY;
    if (label.len > LABEL_BYTES_MAX)
        return IDNA_LENGTH;
    for (uint8_t c; scan_any(&in, &c);) {
        if (!byte_is_lower(c) && !byte_is_digit(c) && c != '-')
            return IDNA_DISALLOWED;
    }
    bool hyphens = label.len >= 4 && label.ptr[2] == '-' && label.ptr[3] == '-';
    if (str_starts(label, S("-")) || str_ends(label, S("-")) ||
            (hyphens && !str_starts(label, S("xn--"))))
        return IDNA_HYPHEN;
    return IDNA_FINE;
}

// A label that came as an A-label must be what its U-label is turned into (UTS #46 4, step 4).
static enum idna_fault check_round_trip(struct arena *a, struct str ascii)
{
    enum idna_fault fault;
    struct str again;
    if (str_find(ascii, S("xn--")) == STR_NOT_FOUND)
        return IDNA_FINE;
    struct str unicode = from_ascii(a, ascii, &fault);
    if (fault != IDNA_FINE || str_is_null(unicode))
        return fault;
    fault = check_bidi(unicode);
    if (fault != IDNA_FINE)
        return fault;
    fault = convert(a, unicode, &fault, &again);
    if (fault != IDNA_FINE)
        return fault;
    return str_eq(again, ascii) || str_is_null(again) ? IDNA_FINE : IDNA_PUNYCODE;
}

// RFC 5893 2: in a domain with letters of right-to-left scripts every label begins with a letter
// (rule 1), and none of them mixes European and Arabic digits (rule 4). The library looks at labels
// one by one, and so misses both.
static enum idna_fault check_bidi(struct str unicode)
{
    struct str rest = unicode, label;
    if (!is_bidi(unicode))
        return IDNA_FINE;
    while (str_split(&rest, '.', &label)) {
        struct str left = label;
        uint32_t code;
        bool european = false, arabic = false, first = true;
        for (; unicode_next(&left, &code); first = false) {
            if (first && !unicode_is_alphabetic(code))
                return IDNA_BIDI_RULE;
            european = european || (code >= '0' && code <= '9') || (code >= 0x6f0 && code <= 0x6f9);
            arabic = arabic || (code >= 0x660 && code <= 0x669);
        }
        if (european && arabic)
            return IDNA_BIDI_RULE;
    }
    return IDNA_FINE;
}

static bool is_bidi(struct str domain)
{
    for (uint32_t code; unicode_next(&domain, &code);) {
        if (is_right_to_left(code))
            return true;
    }
    return false;
}

// The blocks of scripts written from right to left, as far as their characters are letters, and
// Arabic digits (bidirectional classes R, AL and AN).
static bool is_right_to_left(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } blocks[] = {{0x590, 0x8ff}, {0xfb1d, 0xfdff}, {0xfe70, 0xfeff}, {0x10800, 0x10fff},
            {0x1e800, 0x1efff}};
    if (code >= 0x660 && code <= 0x669)
        return true;
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        if (code >= blocks[i].first && code <= blocks[i].last)
            return unicode_is_alphabetic(code);
    }
    return false;
}

static struct str from_ascii(struct arena *a, struct str ascii, enum idna_fault *out_fault)
{
    char *unicode = NULL;
    const char *name = arena_c_str(a, ascii);
    *out_fault = IDNA_FINE;
    if (name == NULL)
        return STR_NULL;
    int code = idn2_to_unicode_8z8z(name, &unicode, IDN2_NONTRANSITIONAL);
    if (code != IDN2_OK) {
        *out_fault = fault_of(code);
        return STR_NULL;
    }
    struct str text = arena_str(a, str_from_c(unicode));
    idn2_free(unicode);
    return text;
}

struct err idna_to_unicode(struct arena *a, struct str domain, struct idna_result *out)
{
    struct idna_result ascii;
    TRY(idna_to_ascii(a, domain, &ascii));
    if (ascii.fault == IDNA_FINE)
        ascii.text = from_ascii(a, ascii.text, &ascii.fault);
    if (ascii.fault == IDNA_FINE && str_is_null(ascii.text))
        return fail(ERR_LIMIT, "no memory for a name");
    *out = ascii;
    return OK;
}
