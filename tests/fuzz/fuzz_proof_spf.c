// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_proof_spf.c: records of SPF and the macros in them over any bytes. A record that
// is read has terms that lie in it, and every name of it can be expanded; the cost of that is
// bounded by the buffer. The first byte chooses how much memory there is.
#include "proof/spf.h"
#include "proof/spf_macro.h"

#define NAME_BYTES_MAX (4 * KIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(struct str text, const struct spf_record *record);
static void check_spec(struct str spec);
static void check_explanation(struct str text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct spf_record record;
    if (size == 0)
        return 0;
    struct str text = str_of((const char *)data + 1, size - 1);
    arena_init(&a, (size_t)data[0] << 12);
    struct err e = spf_record_parse(&a, text, &record);
    assert(!failed(e) || e.kind == ERR_SYNTAX || e.kind == ERR_LIMIT);
    if (!failed(e))
        check_record(text, &record);
    check_explanation(text);
    arena_done(&a);
    return 0;
}

static void check_record(struct str text, const struct spf_record *record)
{
    assert(spf_record_begins(text) && text.len <= SPF_RECORD_BYTES_MAX);
    for (size_t i = 0; i < record->term_count; i++) {
        const struct spf_term *t = &record->terms[i];
        assert(t->text.ptr >= text.ptr && t->text.ptr + t->text.len <= text.ptr + text.len);
        assert(t->prefix4 <= 32 && t->prefix6 <= 128);
        assert(t->net.prefix <= (t->mechanism == SPF_IP4 ? 32 : 128));
        check_spec(t->domain);
    }
    check_spec(record->redirect);
    check_spec(record->exp);
}

static void check_spec(struct str spec)
{
    size_t offset;
    if (str_is_null(spec))
        return;
    assert(spf_domain_spec_check(spec, &offset));
    assert(!spf_macro_uses(spec, 'c') && !spf_macro_uses(spec, 't'));
    check_explanation(spec);
}

static void check_explanation(struct str text)
{
    struct spf_macro_values values = {.sender = S("a.b-c+d@mail.example.com"),
            .local = S("a.b-c+d"),
            .sender_domain = S("mail.example.com"),
            .domain = S("d.example"),
            .helo = S("..h.."),
            .ip = {.family = IP_V6}};
    struct buf out AUTO(buf_done);
    size_t offset = 0;
    buf_init(&out, NAME_BYTES_MAX);
    if (!spf_macro_check(text, SPF_MACRO_IN_EXPLANATION, &offset)) {
        assert(offset < text.len);
        return;
    }
    spf_macro_expand(&out, &values, text);
    assert(out.len <= NAME_BYTES_MAX);
    bool plain = str_find_byte(text, '%') == STR_NOT_FOUND;
    assert(!plain || out.overflow || str_eq(buf_str(&out), text));
}
