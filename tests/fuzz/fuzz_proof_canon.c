// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_proof_canon.c: a body in one piece and cut in many gives the same hashes; a field
// that is canonical already stays as it is. The first byte chooses where to cut.
#include "proof/canon.h"

#include "base/find.h"
#include "base/hash.h"
#include "mail/mail.h"

#define FIELD_BYTES_MAX MIB

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct body_hashes *hashes(const struct body_hash_kind *kinds, size_t count);
static void check_field(struct str text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str body = str_of((const char *)data + 1, size - 1);
    const struct body_hash_kind kinds[] = {{.canon = CANON_SIMPLE, .bytes_max = CANON_WHOLE},
            {.canon = CANON_RELAXED, .bytes_max = CANON_WHOLE},
            {.canon = CANON_SIMPLE, .bytes_max = data[0]},
            {.canon = CANON_RELAXED, .bytes_max = data[0]}};
    struct body_hashes *whole = hashes(kinds, COUNT_OF(kinds));
    struct body_hashes *cut = hashes(kinds, COUNT_OF(kinds));
    struct prng dice;
    prng_seed(&dice, data[0]);
    body_hashes_add(whole, body);
    for (struct str rest = body; !str_is_empty(rest);) {
        struct str piece = str_upto(rest, 1 + prng_below(&dice, 1 + data[0] / 4));
        body_hashes_add(cut, piece);
        rest = str_from(rest, piece.len);
    }
    assert(!failed(body_hashes_end(whole)) && !failed(body_hashes_end(cut)));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        assert(str_eq(body_hashes_digest(whole, i), body_hashes_digest(cut, i)));
        assert(body_hashes_bytes(whole, i) == body_hashes_bytes(cut, i));
        assert(body_hashes_bytes(whole, i) <= body.len + 2);
    }
    body_hashes_free(whole);
    body_hashes_free(cut);
    assert(find_loose_blank(body) == find_loose_blank_portable(body));
    check_field(body);
    return 0;
}

static struct body_hashes *hashes(const struct body_hash_kind *kinds, size_t count)
{
    struct body_hashes *b = body_hashes_new();
    assert(b != NULL);
    for (size_t i = 0; i < count; i++) {
        size_t index;
        assert(!failed(body_hashes_want(b, &kinds[i], &index)));
    }
    return b;
}

static void check_field(struct str text)
{
    struct buf all AUTO(buf_done), once AUTO(buf_done), twice AUTO(buf_done);
    struct mail_field field;
    buf_init(&all, FIELD_BYTES_MAX);
    buf_init(&once, FIELD_BYTES_MAX);
    buf_init(&twice, FIELD_BYTES_MAX);
    buf_add(&all, S("Subject:"));
    buf_add(&all, text);
    struct scan in = scan_over(buf_str(&all));
    if (!mail_field_next(&in, MAIL_CRLF, &field))
        return;
    canon_field_add(&once, CANON_RELAXED, field.all);
    canon_field_add(&twice, CANON_RELAXED, buf_str(&once));
    assert(once.overflow || twice.overflow || str_eq(buf_str(&once), buf_str(&twice)));
}
