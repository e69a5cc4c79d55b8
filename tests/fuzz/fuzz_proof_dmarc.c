// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_proof_dmarc.c: records of DMARC, TLS reporting, MTA-STS and BIMI, policies of
// MTA-STS, and From fields, over any bytes. The first byte chooses how much memory there is.
#include "proof/bimi.h"
#include "proof/dmarc.h"
#include "proof/transport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_dmarc(struct arena *a, struct str text);
static void check_authors(struct arena *a, struct str text);
static void check_transport(struct arena *a, struct str text);
static void check_kind(struct err e);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    if (size == 0)
        return 0;
    struct str text = str_of((const char *)data + 1, size - 1);
    arena_init(&a, (size_t)data[0] << 12);
    check_dmarc(&a, text);
    check_authors(&a, text);
    check_transport(&a, text);
    arena_done(&a);
    return 0;
}

static void check_dmarc(struct arena *a, struct str text)
{
    struct dmarc_record r;
    struct err e = dmarc_record_parse(a, text, &r);
    check_kind(e);
    if (failed(e))
        return;
    assert(dmarc_record_begins(text) && r.percent <= 100 && r.rua.count <= URIS_MAX);
    bool unspecified = r.p == DMARC_UNSPECIFIED;
    assert(unspecified == (r.sp == DMARC_UNSPECIFIED) && unspecified == r.no_policy);
    for (size_t i = 0; i < r.rua.count; i++) {
        struct str uri = r.rua.at[i];
        assert(uri.ptr > text.ptr && uri.ptr + uri.len <= text.ptr + text.len);
        assert(str_find_byte(uri, ':') != STR_NOT_FOUND &&
                str_find_byte(uri, ',') == STR_NOT_FOUND);
    }
}

static void check_authors(struct arena *a, struct str text)
{
    struct dmarc_authors authors;
    struct err e = dmarc_authors_read(a, &text, 1, &authors);
    check_kind(e);
    for (size_t i = 0; !failed(e) && i < authors.count; i++) {
        assert(str_find_byte(authors.domains[i], '.') != STR_NOT_FOUND);
        assert(str_is_ascii(authors.domains[i]) && authors.domains[i].len <= 253);
    }
}

static void check_transport(struct arena *a, struct str text)
{
    struct sts_record record;
    struct sts_policy policy;
    struct tlsrpt_record tlsrpt;
    struct bimi_record bimi;
    struct err e = bimi_record_parse(a, text, &bimi);
    check_kind(e);
    assert(failed(e) || str_is_null(bimi.location) || bimi.location.len > 8);
    e = sts_record_parse(a, text, &record);
    check_kind(e);
    assert(failed(e) || (record.id.len > 0 && record.id.len <= 32));
    e = tlsrpt_record_parse(a, text, &tlsrpt);
    check_kind(e);
    assert(failed(e) || tlsrpt.rua.count > 0);
    e = sts_policy_parse(a, text, &policy);
    check_kind(e);
    assert(failed(e) || policy.mode == STS_NONE || policy.exchange_count > 0);
    if (!failed(e) && policy.exchange_count > 0 && !str_starts(policy.exchanges[0], S("*.")))
        assert(sts_policy_lists(&policy, policy.exchanges[0]));
}

static void check_kind(struct err e)
{
    assert(!failed(e) || e.kind == ERR_SYNTAX || e.kind == ERR_LIMIT);
}
