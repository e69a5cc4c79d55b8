// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_dane.c: TLSA records and certificates of strangers. What can be used stays so
// when it is asked again, and what is met is one of the records, by a leaf or by a way that exists.
//
// The input: a byte (profile, whether names count with usage 3), records (usage, selector,
// matching, a length of two octets, data) until a usage of 255, then certificates in DER, each
// behind a length of two octets.
#include "deliver/security/dane.h"

#include <openssl/err.h>

#define RECORDS_MAX 8
#define CERTIFICATES_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t read_records(struct scan *in, struct dns_tlsa *out);
static void read_chain(struct scan *in, STACK_OF(X509) * out);
static void check_usable(struct arena *a, const struct dane_question *q);
static void check_match(const struct dane_question *q, const struct dane_match *m);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str names[] = {S_INIT("mx.example.net"), S_INIT("example.net")};
    struct scan in = scan_over(str_of((const char *)data, size));
    struct dns_tlsa records[RECORDS_MAX];
    struct arena a;
    uint8_t how;
    if (!scan_any(&in, &how))
        return 0;
    arena_init(&a, MIB);
    size_t count = read_records(&in, records);
    STACK_OF(X509) *chain = sk_X509_new_null();
    read_chain(&in, chain);
    struct dane_question q = {.profile = (how & 1) != 0 ? DANE_GENERIC : DANE_SMTP,
            .chain = chain,
            .names = names,
            .name_count = COUNT_OF(names),
            .names_for_ee = (how & 2) != 0,
            .now_ms = INT64_C(1795000000000)};
    struct err e = dane_usable(&a, q.profile, records, count, &q.records, &q.record_count);
    assert(!failed(e) && q.record_count <= count);
    check_usable(&a, &q);
    struct dane_match match;
    dane_verify(&q, &match);
    check_match(&q, &match);
    assert(ERR_peek_error() == 0); // else the next TLS connection would hear of it
    sk_X509_pop_free(chain, X509_free);
    arena_done(&a);
    return 0;
}

static size_t read_records(struct scan *in, struct dns_tlsa *out)
{
    size_t count = 0;
    uint8_t usage;
    while (count < RECORDS_MAX && scan_any(in, &usage) && usage != UINT8_MAX) {
        struct dns_tlsa r = {.usage = usage};
        uint16_t length;
        if (!scan_any(in, &r.selector) || !scan_any(in, &r.matching) || !scan_be16(in, &length) ||
                !scan_take(in, length, &r.data))
            break;
        out[count++] = r;
    }
    return count;
}

static void read_chain(struct scan *in, STACK_OF(X509) * out)
{
    uint16_t length;
    struct str der;
    while (sk_X509_num(out) < CERTIFICATES_MAX && scan_be16(in, &length) &&
            scan_take(in, length, &der)) {
        const unsigned char *at = (const unsigned char *)der.ptr;
        X509 *x = d2i_X509(NULL, &at, (long)der.len);
        if (x != NULL)
            sk_X509_push(out, x);
    }
    ERR_clear_error();
}

// Asking again changes nothing, and nobody is left whom the profile does not know.
static void check_usable(struct arena *a, const struct dane_question *q)
{
    const struct dns_tlsa *again;
    size_t count;
    struct err e = dane_usable(a, q->profile, q->records, q->record_count, &again, &count);
    assert(!failed(e) && count == q->record_count);
    for (size_t i = 0; i < count; i++) {
        assert(again[i].usage <= 3 && again[i].selector <= 1 && again[i].matching <= 2);
        assert(q->profile == DANE_GENERIC || again[i].usage >= 2);
        assert(str_eq(again[i].data, q->records[i].data));
    }
}

static void check_match(const struct dane_question *q, const struct dane_match *m)
{
    bool is_there = false;
    assert(m->matched == (m->result_type == NULL) && m->matched == str_is_null(m->why));
    if (!m->matched)
        return;
    for (size_t i = 0; i < q->record_count; i++)
        is_there = is_there || (q->records[i].usage == m->record.usage &&
                                       str_eq(q->records[i].data, m->record.data));
    assert(is_there && sk_X509_num(q->chain) > 0);
    assert(m->record.usage >= 2); // nobody public is trusted here
    assert(m->record.usage != 3 || m->depth == 0);
    assert(str_is_null(m->name) == (m->record.usage == 3 && !q->names_for_ee));
}
