// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_proof_dkim.c: signature fields of DKIM and ARC, key records, and records of
// what signers want to be told, of any bytes.
// The first byte chooses how much memory there is.
#include "proof/dkim.h"
#include "proof/dkim_reporting.h"
#include "proof/tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_signature(struct arena *a, enum dkim_form form, struct str text);
static void check_domain(struct str domain);
static void check_key(struct arena *a, struct str text);
static void check_reporting(struct arena *a, struct str text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    if (size == 0)
        return 0;
    struct str text = str_of((const char *)data + 1, size - 1);
    arena_init(&a, (size_t)data[0] << 10);
    check_signature(&a, DKIM_FIELD, text);
    arena_reset(&a);
    check_signature(&a, DKIM_OF_ARC, text);
    arena_reset(&a);
    check_key(&a, text);
    arena_reset(&a);
    check_reporting(&a, text);
    arena_done(&a);
    return 0;
}

static void check_signature(struct arena *a, enum dkim_form form, struct str text)
{
    struct dkim_signature s;
    struct err e = dkim_signature_parse(a, form, text, &s);
    if (failed(e)) {
        assert(e.kind == ERR_LIMIT);
        return;
    }
    check_domain(s.domain);
    check_domain(s.selector);
    if (s.reason != DKIM_FINE)
        return;
    assert(!str_is_empty(s.domain) && !str_is_empty(s.selector) && !str_is_empty(s.bytes));
    assert(s.name_count <= DKIM_NAMES_MAX && (s.name_count > 0 || form == DKIM_OF_ARC));
    assert(s.hole.ptr >= text.ptr && s.hole.ptr + s.hole.len <= text.ptr + text.len);
    assert(s.instance <= ARC_INSTANCE_MAX && (s.instance > 0) == (form == DKIM_OF_ARC));
    assert(s.limited == (s.body_bytes_max != CANON_WHOLE));
}

// Nothing that a header or a question to the DNS could trip over.
static void check_domain(struct str domain)
{
    for (size_t i = 0; i < domain.len; i++) {
        uint8_t c = (uint8_t)domain.ptr[i];
        assert(byte_is_digit(c) || byte_is_lower(c) || c == '-' || c == '_' || c == '.');
    }
}

static void check_key(struct arena *a, struct str text)
{
    struct dkim_key key;
    enum dkim_reason reason;
    struct err e = dkim_key_parse(a, text, &key, &reason);
    assert(!failed(e) || e.kind == ERR_LIMIT);
    if (failed(e) || reason != DKIM_FINE)
        return;
    assert(key.bits > 0 && key.bits <= DKIM_RSA_BITS_MAX);
    assert(key.type == DKIM_KEY_RSA || key.public_key.len == 32);
    assert(key.type == DKIM_KEY_ED25519 || (key.modulus.len > 0 && key.exponent.len > 0));
}

static void check_reporting(struct arena *a, struct str text)
{
    struct dkim_reporting r;
    struct err e = dkim_reporting_parse(a, S("d.example"), text, &r);
    if (failed(e)) {
        assert(e.kind == ERR_LIMIT || e.kind == ERR_SYNTAX);
        return;
    }
    assert(r.percent <= 100 && r.classes != 0 && (r.classes & ~(unsigned)DKIM_REPORT_ALL) == 0);
    for (size_t i = 0; i < r.text.len; i++)
        assert(r.text.ptr[i] >= ' ' && r.text.ptr[i] <= '~');
}
