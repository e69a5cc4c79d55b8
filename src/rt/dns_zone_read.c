// SPDX-License-Identifier: Apache-2.0
// rt/dns_zone_read.c: the JSON form of the fake DNS, as the README of the conformance data defines
// it: { "zone": 1, "default": WORD, "ad": BOOL, "names": { NAME: WORD or { TYPE: ... } } }. It is
// read strictly: a test that misspells a key must not pass because the name was not there.
#include "rt/dns_zone.h"

#include "base/encode.h"
#include "base/json.h"

#define ZONE_VERSION 1
#define STRING_BYTES_MAX 255 // of a character-string, RFC 1035 3.3
#define RDATA_BYTES_MAX 65535

struct reader {
    struct arena *a; // of the error
    struct dns_zone *zone;
};

static struct err read_document(struct reader *r, const struct json *doc);
static struct err read_name(struct reader *r, const struct json *v);
static struct err read_member(struct reader *r, struct zone_name *name, const struct json *v);
static struct err read_type(struct reader *r, struct zone_name *name, uint16_t type, bool by_number,
        const struct json *v);
static struct err read_word(struct reader *r, const struct json *v, enum dns_outcome *out);
static struct err read_trust(struct reader *r, const struct json *v, enum zone_trust *out);
static struct err read_record(
        struct reader *r, uint16_t type, bool by_number, const struct json *v, struct buf *rdata);
static struct err read_ip(struct reader *r, uint16_t type, const struct json *v, struct buf *rdata);
static struct err read_txt(struct reader *r, const struct json *v, struct buf *rdata);
static struct err read_row(struct reader *r, const struct json *v, const uint32_t *number_max,
        size_t number_count, struct buf *rdata, const struct json **out_last);
static struct err read_host(struct reader *r, const struct json *v, struct buf *rdata);
static struct err read_hex(struct reader *r, const struct json *v, struct buf *out);
static struct err read_hex_object(struct reader *r, const struct json *v, struct buf *out);
static void add_strings(struct buf *rdata, struct str text);
static struct err wrong(struct reader *r, const struct json *v, const char *what);
static struct err wrong_key(struct reader *r, const struct json *v, const char *what);

struct err dns_zone_read(struct arena *a, struct str json, struct dns_zone **out)
{
    struct arena tree AUTO(arena_done);
    struct json_error bad;
    arena_init(&tree, ZONE_MEMORY_MAX);
    struct json *doc = json_parse(&tree, json, &bad);
    if (doc == NULL)
        return fail_fmt(a, ERR_SYNTAX, "%u:%u: %.*s", bad.line, bad.column, ARG(bad.message));
    struct reader r = {.a = a, .zone = dns_zone_new()};
    if (r.zone == NULL)
        return fail(ERR_LIMIT, "no memory for a zone");
    struct err e = read_document(&r, doc);
    if (failed(e))
        dns_zone_free(r.zone);
    else
        *out = r.zone;
    return e;
}

static struct err read_document(struct reader *r, const struct json *doc)
{
    int64_t version;
    if (doc->type != JSON_OBJECT)
        return wrong(r, doc, "a zone is an object");
    const struct json *zone = json_member(doc, S("zone"));
    if (zone == NULL)
        return wrong(r, doc, "\"zone\": 1 is missing");
    if (!json_to_i64(zone, &version) || version != ZONE_VERSION)
        return wrong(r, zone, "this form of a zone is not known; it must be 1");
    for (const struct json *v = doc->first; v != NULL; v = v->next) {
        if (str_eq(v->key, S("default"))) {
            TRY(read_word(r, v, &r->zone->unlisted));
        } else if (str_eq(v->key, S("ad"))) {
            TRY(read_trust(r, v, &r->zone->trust));
        } else if (str_eq(v->key, S("names"))) {
            if (v->type != JSON_OBJECT)
                return wrong(r, v, "\"names\" is an object");
            for (const struct json *name = v->first; name != NULL; name = name->next)
                TRY(read_name(r, name));
        } else if (!str_eq(v->key, S("zone"))) {
            return wrong_key(r, v, "unknown; there are zone, default, ad and names");
        }
    }
    return OK;
}

static struct err read_name(struct reader *r, const struct json *v)
{
    struct str normal;
    struct err bad = dns_name_read(&r->zone->arena, v->key, &normal);
    if (failed(bad))
        return fail_fmt(
                r->a, bad.kind, "%u:%u: %.*s", v->key_line, v->key_column, ARG(err_text(bad)));
    struct zone_name *name = zone_name_make(r->zone, normal);
    if (name == NULL)
        return fail(ERR_LIMIT, "no memory for a zone");
    if (name->listed)
        return wrong_key(r, v, "this name is there already");
    name->listed = true;
    if (v->type == JSON_STRING)
        return read_word(r, v, &name->word);
    if (v->type != JSON_OBJECT)
        return wrong(r, v, "a name has an object of types, or a word");
    for (const struct json *member = v->first; member != NULL; member = member->next)
        TRY(read_member(r, name, member));
    return OK;
}

static struct err read_member(struct reader *r, struct zone_name *name, const struct json *v)
{
    uint16_t type;
    bool by_number = str_starts_nocase(v->key, S("TYPE"));
    if (str_eq(v->key, S("@ad"))) {
        if (name->trust != ZONE_TRUST_UNSAID)
            return wrong_key(r, v, "said twice");
        return read_trust(r, v, &name->trust);
    }
    if (str_eq(v->key, S("*"))) {
        if (name->others != DNS_NODATA)
            return wrong_key(r, v, "said twice");
        return read_word(r, v, &name->others);
    }
    if (!dns_type_parse(v->key, &type))
        return wrong_key(r, v, "no type of record; all have a number, as TYPE65");
    return read_type(r, name, type, by_number, v);
}

static struct err read_type(struct reader *r, struct zone_name *name, uint16_t type, bool by_number,
        const struct json *v)
{
    if (zone_records_of(name, type) != NULL)
        return wrong_key(r, v, "this type is there already");
    struct zone_records *set = zone_records_make(r->zone, name, type);
    if (set == NULL)
        return fail(ERR_LIMIT, "no memory for a zone");
    if (v->type == JSON_STRING)
        return read_word(r, v, &set->word);
    if (v->type != JSON_ARRAY)
        return wrong(r, v, "a type has a list of records, or a word");
    for (const struct json *item = v->first; item != NULL; item = item->next) {
        struct buf rdata AUTO(buf_done);
        buf_init(&rdata, RDATA_BYTES_MAX);
        TRY(read_record(r, type, by_number, item, &rdata));
        if (rdata.overflow)
            return wrong(r, item, "a record of more than 65535 octets");
        struct dns_record *record = vec_add(&r->zone->arena, &set->records);
        if (record == NULL)
            return fail(ERR_LIMIT, "no memory for a zone");
        record->rdata = arena_str(&r->zone->arena, buf_str(&rdata));
        record->ttl_s = ZONE_TTL_S;
        if (str_is_null(record->rdata))
            return fail(ERR_LIMIT, "no memory for a zone");
    }
    return OK;
}

static struct err read_word(struct reader *r, const struct json *v, enum dns_outcome *out)
{
    static const enum dns_outcome words[] = {DNS_NXDOMAIN, DNS_SERVFAIL, DNS_TIMEOUT, DNS_NODATA};
    for (size_t i = 0; v->type == JSON_STRING && i < COUNT_OF(words); i++) {
        if (str_eq(v->text, dns_outcome_name(words[i]))) {
            *out = words[i];
            return OK;
        }
    }
    return wrong(r, v, "a word here is NXDOMAIN, SERVFAIL, TIMEOUT or NODATA");
}

static struct err read_trust(struct reader *r, const struct json *v, enum zone_trust *out)
{
    if (!json_is_bool(v))
        return wrong(r, v, "true or false: do answers count as authenticated?");
    *out = v->type == JSON_TRUE ? ZONE_TRUST_SECURE : ZONE_TRUST_INSECURE;
    return OK;
}

static struct err read_record(
        struct reader *r, uint16_t type, bool by_number, const struct json *v, struct buf *rdata)
{
    static const uint32_t preference[] = {UINT16_MAX};
    static const uint32_t service[] = {UINT16_MAX, UINT16_MAX, UINT16_MAX};
    static const uint32_t association[] = {UINT8_MAX, UINT8_MAX, UINT8_MAX};
    const struct json *last;
    if (by_number)
        return read_hex_object(r, v, rdata);
    switch (type) {
    case DNS_A:
    case DNS_AAAA:
        return read_ip(r, type, v, rdata);
    case DNS_TXT:
        return read_txt(r, v, rdata);
    case DNS_CNAME:
    case DNS_NS:
    case DNS_PTR:
        return read_host(r, v, rdata);
    case DNS_MX:
        TRY(read_row(r, v, preference, COUNT_OF(preference), rdata, &last));
        return read_host(r, last, rdata);
    case DNS_SRV:
        TRY(read_row(r, v, service, COUNT_OF(service), rdata, &last));
        return read_host(r, last, rdata);
    case DNS_TLSA:
        TRY(read_row(r, v, association, COUNT_OF(association), rdata, &last));
        return read_hex(r, last, rdata);
    default: // has a name, but no form of its own here
        return wrong(r, v, "this type is written by its number, as TYPE65");
    }
}

static struct err read_ip(struct reader *r, uint16_t type, const struct json *v, struct buf *rdata)
{
    struct ip ip;
    struct str text = json_string(v, S(""));
    if (type == DNS_A ? !ip4_parse(text, &ip) : !ip6_parse(text, &ip))
        return wrong(r, v, type == DNS_A ? "no IPv4 address" : "no IPv6 address");
    buf_add(rdata, str_of((const char *)ip.bytes, type == DNS_A ? 4 : 16));
    return OK;
}

// A string, a list of strings, or { "hex": ... }, which is the octets of a string.
static struct err read_txt(struct reader *r, const struct json *v, struct buf *rdata)
{
    if (v->type == JSON_STRING) {
        add_strings(rdata, v->text);
        return OK;
    }
    if (v->type == JSON_OBJECT) {
        struct buf octets AUTO(buf_done);
        buf_init(&octets, RDATA_BYTES_MAX);
        TRY(read_hex_object(r, v, &octets));
        add_strings(rdata, buf_str(&octets));
        return OK;
    }
    if (v->type != JSON_ARRAY)
        return wrong(r, v, "a TXT record is a string, a list of strings, or {\"hex\": ...}");
    for (const struct json *part = v->first; part != NULL; part = part->next) {
        if (part->type != JSON_STRING)
            return wrong(r, part, "a part of a TXT record is a string");
        add_strings(rdata, part->text);
    }
    if (v->count == 0)
        add_strings(rdata, S("")); // a record cannot be without any: RFC 1035 3.3.14
    return OK;
}

static void add_strings(struct buf *rdata, struct str text)
{
    do {
        struct str piece = str_upto(text, STRING_BYTES_MAX);
        buf_add_byte(rdata, (char)piece.len);
        buf_add(rdata, piece);
        text = str_from(text, piece.len);
    } while (!str_is_empty(text));
}

// Numbers, and one more thing behind them.
static struct err read_row(struct reader *r, const struct json *v, const uint32_t *number_max,
        size_t number_count, struct buf *rdata, const struct json **out_last)
{
    if (v->type != JSON_ARRAY || v->count != number_count + 1)
        return wrong(r, v, "MX is [n, name], SRV [n, n, n, name], TLSA [n, n, n, hex]");
    const struct json *item = v->first;
    for (size_t i = 0; i < number_count; i++, item = item->next) {
        int64_t number;
        if (!json_to_i64(item, &number) || number < 0 || number > number_max[i])
            return wrong(r, item, "a whole number that fits is expected");
        if (number_max[i] > UINT8_MAX)
            buf_add_byte(rdata, (char)(number >> 8));
        buf_add_byte(rdata, (char)number);
    }
    *out_last = item;
    return OK;
}

static struct err read_host(struct reader *r, const struct json *v, struct buf *rdata)
{
    struct dns_wire_name name;
    if (v->type != JSON_STRING)
        return wrong(r, v, "a name is a string");
    struct err bad = dns_wire_from_text(str_is_empty(v->text) ? S(".") : v->text, &name);
    if (failed(bad))
        return fail_fmt(r->a, bad.kind, "%u:%u: %.*s", v->line, v->column, ARG(err_text(bad)));
    buf_add(rdata, dns_wire_str(&name));
    return OK;
}

static struct err read_hex_object(struct reader *r, const struct json *v, struct buf *out)
{
    const struct json *hex = json_member(v, S("hex"));
    if (hex == NULL || v->count != 1)
        return wrong(r, v, "{\"hex\": \"...\"} is expected");
    return read_hex(r, hex, out);
}

static struct err read_hex(struct reader *r, const struct json *v, struct buf *out)
{
    if (v->type != JSON_STRING || !decode_hex(out, v->text))
        return wrong(r, v, "pairs of hex digits are expected");
    return OK;
}

static struct err wrong(struct reader *r, const struct json *v, const char *what)
{
    return fail_fmt(r->a, ERR_SYNTAX, "%u:%u: %s", v->line, v->column, what);
}

static struct err wrong_key(struct reader *r, const struct json *v, const char *what)
{
    return fail_fmt(r->a, ERR_SYNTAX, "%u:%u: %.*s: %s", v->key_line, v->key_column,
            ARG(str_upto(v->key, DNS_NAME_BYTES_MAX)), what);
}
