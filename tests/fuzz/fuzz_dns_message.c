// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_dns_message.c: whatever a server sends is read or refused within bounds; what was
// read can be shown; names have one spelling, which reads back as itself. The first two bytes of
// the input choose the type that was asked for, the next two how much memory there is.
#include "rt/dns_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(struct arena *a, const struct dns_answer *answer);
static void check_records(struct arena *a, const struct dns_answer *answer);
static void check_name(struct arena *a, struct str name);
static void check_any_text(struct str text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scan in = scan_over(str_of((const char *)data, size));
    uint16_t type, memory;
    if (!scan_be16(&in, &type) || !scan_be16(&in, &memory))
        return 0;
    struct arena a, big;
    arena_init(&a, 64 * (size_t)memory);
    arena_init(&big, 16 * MIB);
    struct dns_answer answer = {.name = S("a.example"), .type = type};
    struct err e = dns_message_read(&a, scan_rest(&in), &answer);
    if (failed(e))
        assert(e.kind == ERR_SYNTAX || e.kind == ERR_LIMIT);
    else
        check_answer(&big, &answer);
    check_any_text(scan_rest(&in));
    arena_done(&a);
    arena_done(&big);
    return 0;
}

static void check_answer(struct arena *a, const struct dns_answer *answer)
{
    assert(answer->chain_count <= DNS_CHAIN_MAX);
    assert(answer->count <= DNS_RECORDS_MAX);
    assert((answer->outcome == DNS_ANSWER) == (answer->count > 0));
    for (size_t i = 0; i < answer->chain_count; i++)
        check_name(a, answer->chain[i]);
    for (size_t i = 0; i < answer->count; i++) {
        struct buf text;
        buf_init(&text, 8 * MIB);
        dns_record_add(&text, answer->type, answer->records[i].rdata);
        assert(text.len > 0 && !text.overflow);
        buf_done(&text);
    }
    check_records(a, answer);
}

static void check_records(struct arena *a, const struct dns_answer *answer)
{
    for (size_t i = 0; i < answer->count && i < 16; i++) {
        struct str rdata = answer->records[i].rdata;
        struct dns_mx mx;
        struct dns_srv srv;
        struct dns_txt txt;
        struct str name;
        if (dns_rdata_mx(a, rdata, &mx) && !str_is_empty(mx.host))
            check_name(a, mx.host);
        if (dns_rdata_srv(a, rdata, &srv) && !str_is_empty(srv.host))
            check_name(a, srv.host);
        if (dns_rdata_name(a, rdata, &name) && !str_is_null(name))
            check_name(a, name);
        if (dns_rdata_txt(a, rdata, &txt) && txt.strings != NULL)
            assert(txt.joined.len + txt.string_count == rdata.len);
    }
}

static void check_name(struct arena *a, struct str name)
{
    struct str again = STR_NULL;
    assert(name.len >= 1 && name.len <= DNS_NAME_TEXT_MAX);
    struct err e = dns_name_read(a, name, &again);
    assert(failed(e) ? e.kind == ERR_LIMIT : str_eq(again, name));
}

static void check_any_text(struct str text)
{
    struct arena a;
    struct str name;
    arena_init(&a, 64 * KIB);
    if (!failed(dns_name_read(&a, text, &name)))
        check_name(&a, name);
    arena_done(&a);
}
