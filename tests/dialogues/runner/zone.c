// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/zone.c: records as text.
#include "zone.h"

#include "base/encode.h"

#define LABEL_BYTES_MAX 63
#define STRING_BYTES_MAX 255
#define RDATA_BYTES_MAX 65535

struct row {
    struct arena *arena;
    struct str origin;
    struct scan in;
    struct buf rdata;
};

static struct err add(struct row *row, struct dns_zone *zone);
static struct err add_data(struct row *row, uint16_t type);
static struct err add_numbers(struct row *row, size_t count, const size_t *bytes);
static struct err add_host(struct row *row);
static struct err add_ip(struct row *row, enum ip_family family);
static struct err add_strings(struct row *row);
static struct err add_string(struct row *row, struct str text);
static bool next_word(struct row *row, struct str *out);
static struct str absolute(struct row *row, struct str name);
static bool is_filler(struct str word);

struct err zone_add_line(struct arena *a, struct dns_zone *zone, struct str origin, struct str line)
{
    struct row row = {.arena = a, .origin = origin, .in = scan_over(line)};
    if (str_trim(line).len == 0 || str_starts(str_trim(line), S(";")))
        return OK;
    buf_init(&row.rdata, RDATA_BYTES_MAX);
    struct err e = add(&row, zone);
    buf_done(&row.rdata);
    return e;
}

static struct err add(struct row *row, struct dns_zone *zone)
{
    struct str owner, word;
    uint16_t type;
    if (!next_word(row, &owner) || !next_word(row, &word))
        return fail(ERR_SYNTAX, "a record is OWNER TYPE DATA");
    while (is_filler(word))
        if (!next_word(row, &word))
            return fail(ERR_SYNTAX, "a record is OWNER TYPE DATA");
    if (!dns_type_parse(word, &type))
        return fail_fmt(row->arena, ERR_SYNTAX, "no type of record: %.*s", ARG(word));
    TRY(add_data(row, type));
    if (next_word(row, &word))
        return fail_fmt(row->arena, ERR_SYNTAX, "behind the record: %.*s", ARG(word));
    if (row->rdata.overflow)
        return fail(ERR_SYNTAX, "a record that is too long");
    return dns_zone_add(zone, absolute(row, owner), type, buf_str(&row->rdata));
}

// A time to live, or the class: both are the same for every record here.
static bool is_filler(struct str word)
{
    uint64_t number;
    return str_eq_nocase(word, S("IN")) || str_to_u64(word, UINT32_MAX, &number);
}

static struct err add_data(struct row *row, uint16_t type)
{
    static const size_t mx[] = {2}, srv[] = {2, 2, 2}, tlsa[] = {1, 1, 1};
    struct str word;
    switch (type) {
    case DNS_A:
        return add_ip(row, IP_V4);
    case DNS_AAAA:
        return add_ip(row, IP_V6);
    case DNS_MX:
        TRY(add_numbers(row, COUNT_OF(mx), mx));
        return add_host(row);
    case DNS_NS:
    case DNS_CNAME:
    case DNS_PTR:
        return add_host(row);
    case DNS_SRV:
        TRY(add_numbers(row, COUNT_OF(srv), srv));
        return add_host(row);
    case DNS_TLSA:
        TRY(add_numbers(row, COUNT_OF(tlsa), tlsa));
        return next_word(row, &word) && decode_hex(&row->rdata, word)
                       ? OK
                       : fail(ERR_SYNTAX, "TLSA ends with hex digits");
    case DNS_TXT:
        return add_strings(row);
    default:
        return fail(ERR_SYNTAX, "this type of record cannot be written here");
    }
}

static struct err add_numbers(struct row *row, size_t count, const size_t *bytes)
{
    for (size_t i = 0; i < count; i++) {
        struct str word;
        uint64_t number, most = bytes[i] == 1 ? UINT8_MAX : UINT16_MAX;
        if (!next_word(row, &word) || !str_to_u64(word, most, &number))
            return fail(ERR_SYNTAX, "a number belongs here");
        if (bytes[i] == 2)
            buf_add_byte(&row->rdata, (char)(number >> 8));
        buf_add_byte(&row->rdata, (char)(number & 0xff));
    }
    return OK;
}

static struct err add_host(struct row *row)
{
    struct str word, name, label;
    if (!next_word(row, &word))
        return fail(ERR_SYNTAX, "a name belongs here");
    name = absolute(row, word);
    if (str_ends(name, S(".")))
        name = str_upto(name, name.len - 1);
    while (name.len > 0 && str_split(&name, '.', &label)) {
        if (label.len < 1 || label.len > LABEL_BYTES_MAX)
            return fail_fmt(row->arena, ERR_SYNTAX, "no name: %.*s", ARG(word));
        buf_add_byte(&row->rdata, (char)label.len);
        buf_add(&row->rdata, label);
    }
    buf_add_byte(&row->rdata, 0);
    return OK;
}

static struct err add_ip(struct row *row, enum ip_family family)
{
    struct str word;
    struct ip ip;
    if (!next_word(row, &word) || !ip_parse(word, &ip) || ip.family != family)
        return fail(ERR_SYNTAX, "an address of that family belongs here");
    buf_add(&row->rdata, str_of((const char *)ip.bytes, family == IP_V4 ? 4 : 16));
    return OK;
}

// TXT "one" "two", or words without quotes.
static struct err add_strings(struct row *row)
{
    struct str text;
    size_t count = 0;
    for (scan_blanks(&row->in); !scan_end(&row->in); scan_blanks(&row->in), count++) {
        if (!scan_byte(&row->in, '"'))
            next_word(row, &text);
        else if (!scan_until_past(&row->in, '"', &text))
            return fail(ERR_SYNTAX, "a text without its closing quote");
        TRY(add_string(row, text));
    }
    return count > 0 ? OK : fail(ERR_SYNTAX, "a text belongs here");
}

static struct err add_string(struct row *row, struct str text)
{
    if (text.len > STRING_BYTES_MAX)
        return fail(ERR_SYNTAX, "a text has at most 255 octets: write several");
    buf_add_byte(&row->rdata, (char)text.len);
    buf_add(&row->rdata, text);
    return OK;
}

static bool next_word(struct row *row, struct str *out)
{
    scan_blanks(&row->in);
    if (scan_end(&row->in))
        return false;
    struct str rest = scan_rest(&row->in);
    size_t len = 0;
    while (len < rest.len && !byte_is_blank((uint8_t)rest.ptr[len]))
        len++;
    *out = str_upto(rest, len);
    return scan_skip(&row->in, len);
}

static struct str absolute(struct row *row, struct str name)
{
    if (str_eq(name, S("@")))
        return row->origin;
    if (str_ends(name, S(".")))
        return name;
    return arena_fmt(row->arena, "%.*s.%.*s", ARG(name), ARG(row->origin));
}
