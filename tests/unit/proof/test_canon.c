// SPDX-License-Identifier: Apache-2.0
// Canonicalization: vectors of RFC 6376 3.4.5 and authentication.md 17, and a plain second
// implementation over the whole body that every cut of every body has to agree with.
#include "../base/check.h"
#include "proof/canon.h"

#include "base/encode.h"
#include "base/find.h"
#include "base/hash.h"

#include <openssl/evp.h>

#define TEXT_BYTES_MAX ((size_t)256 * KIB)

static void plain_body(struct buf *out, enum canon canon, struct str body);
static struct str digest_of(struct arena *a, struct str text, uint64_t bytes_max);
static void check_cuts(struct str body, struct prng *dice);
static struct str any_body(struct arena *a, struct prng *dice);

static const struct body_case {
    const char *name;
    struct str body;
    const char *relaxed, *simple; // base64 of SHA-256
} bodies[] = {
        {"nothing", S_INIT(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="},
        {"a line end", S_INIT("\r\n"), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="},
        {"two line ends", S_INIT("\r\n\r\n"), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="},
        {"blanks only", S_INIT("  \r\n"), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                "kiExZrYGcSsjjbKRQOqqyHvid7aTsCAia9W8eEeIONU="},
        {"a last line of blanks", S_INIT("a\r\n  \r\n"),
                "jkYhN5eG70Kk/sFVzVJcKR3X2zwf3jR4Ui9PYcA/0b0=",
                "g+67rtdnD6ohZGXzz+RHI0cDcAcreAU7jbPNkQFSubY="},
        {"no line end", S_INIT("a"), "jkYhN5eG70Kk/sFVzVJcKR3X2zwf3jR4Ui9PYcA/0b0=",
                "jkYhN5eG70Kk/sFVzVJcKR3X2zwf3jR4Ui9PYcA/0b0="},
        {"blanks inside and at the end", S_INIT("a \t b \r\n\r\n\r\n"),
                "SuEZjyiTjUp1XHpGpmLw9XKayjy3FMrk431guExO6cw=",
                "jP8BYkMs3yZpKEjKueIE0uAdUd2fbroCxnPSaI/nGfg="},
        {"RFC 6376 3.4.5", S_INIT(" C \r\nD \t E\r\n\r\n\r\n"),
                "unak6JHq0wL+Q1HP7dW1tjBx9FLA6DffoZ0qrLwbbpo=",
                "NOeivbQlDH9TmNKJUw7D53wZfsk8YMZ/hTuVVwTgi8s="},
};

static const struct field_case {
    const char *name;
    struct str field, relaxed;
} fields[] = {
        {"no value", S_INIT("A:\r\n"), S_INIT("a:\r\n")},
        {"a value of blanks and folds", S_INIT("A: \t\r\n \r\n\t\r\n"), S_INIT("a:\r\n")},
        {"RFC 6376 3.4.5, A", S_INIT("A: X\r\n"), S_INIT("a:X\r\n")},
        {"RFC 6376 3.4.5, B", S_INIT("B : Y\t\r\n\tZ  \r\n"), S_INIT("b:Y Z\r\n")},
        {"a CR alone is text", S_INIT("Subject: a \r b\r\n"), S_INIT("subject:a \r b\r\n")},
        {"a LF alone is text", S_INIT("Subject: a\n b \n\r\n"), S_INIT("subject:a\n b \n\r\n")},
        {"8-bit", S_INIT("X-\xc3\x84:\xc3\x84  \xff\r\n"), S_INIT("x-\xc3\x84:\xc3\x84 \xff\r\n")},
        {"no line end", S_INIT("To:  b"), S_INIT("to:b\r\n")},
        {"other white space is text", S_INIT("To: a\v\f b\r\n"), S_INIT("to:a\v\f b\r\n")},
        {"colons in the value", S_INIT("To: a : b\r\n"), S_INIT("to:a : b\r\n")},
        {"single blanks inside stay", S_INIT("To: a b  c \t d\r\n e\r\n"),
                S_INIT("to:a b c d e\r\n")},
};

static void test_vectors(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        const struct body_case *t = &bodies[i];
        struct buf text AUTO(buf_done);
        struct body_hashes *b AUTO(body_hashes_free_auto) = body_hashes_new();
        size_t at[2];
        buf_init(&text, KIB);
        for (int c = 0; c < 2; c++) {
            struct body_hash_kind kind = {.canon = (enum canon)c, .bytes_max = CANON_WHOLE};
            assert_false(failed(body_hashes_want(b, &kind, &at[c])));
        }
        body_hashes_add(b, t->body);
        assert_false(failed(body_hashes_end(b)));
        for (int c = 0; c < 2; c++) {
            buf_clear(&text);
            encode_base64(&text, body_hashes_digest(b, at[c]));
            if (!str_eq(buf_str(&text), str_from_c(c == CANON_RELAXED ? t->relaxed : t->simple)))
                check_failed("%s, %.*s: %.*s", t->name, ARG(canon_name((enum canon)c)),
                        ARG(buf_str(&text)));
        }
    }
}

static void test_fields(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        struct buf out AUTO(buf_done);
        buf_init(&out, KIB);
        canon_field_add(&out, CANON_RELAXED, fields[i].field);
        if (!str_eq(buf_str(&out), fields[i].relaxed))
            check_failed("%s: %.*s", fields[i].name, ARG(buf_str(&out)));
        buf_clear(&out);
        canon_field_add(&out, CANON_SIMPLE, fields[i].field);
        assert_true(str_starts(buf_str(&out), fields[i].field));
        assert_true(str_ends(buf_str(&out), S("\r\n")));
    }
}

static void test_hole(void **state UNUSED)
{
    struct str field = S("X:  a=1; b = \r\n q\r\n z ; c=2 \r\n");
    struct str hole = str_part(field, 12, 10); // all of " \r\n q\r\n z "
    struct buf out AUTO(buf_done);
    buf_init(&out, KIB);
    canon_signature_add(&out, CANON_SIMPLE, field, hole);
    assert_true(str_eq(buf_str(&out), S("X:  a=1; b =; c=2 ")));
    buf_clear(&out);
    canon_signature_add(&out, CANON_RELAXED, field, hole);
    assert_true(str_eq(buf_str(&out), S("x:a=1; b =; c=2")));
}

static void test_lengths(void **state UNUSED)
{
    struct str body = S("a  b\r\n\r\n\r\nc\r\n\r\n"); // relaxed: "a b\r\n\r\n\r\nc\r\n", 12 bytes
    const struct {
        uint64_t bytes_max;
        bool is_short;
    } t[] = {{0, false}, {1, false}, {11, false}, {12, false}, {13, true}, {1u << 31, true},
            {CANON_WHOLE - 1, true}, {CANON_WHOLE, false}};
    struct body_hashes *b AUTO(body_hashes_free_auto) = body_hashes_new();
    struct arena a AUTO(arena_done);
    size_t at[COUNT_OF(t)];
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct body_hash_kind kind = {.canon = CANON_RELAXED, .bytes_max = t[i].bytes_max};
        assert_false(failed(body_hashes_want(b, &kind, &at[i])));
    }
    body_hashes_add(b, body);
    assert_false(failed(body_hashes_end(b)));
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct str want = digest_of(&a, S("a b\r\n\r\n\r\nc\r\n"), t[i].bytes_max);
        assert_true(str_eq(body_hashes_digest(b, at[i]), want));
        assert_int_equal(body_hashes_short(b, at[i]), t[i].is_short);
        assert_int_equal(body_hashes_bytes(b, at[i]), 12);
    }
}

static void test_limit(void **state UNUSED)
{
    struct body_hashes *b AUTO(body_hashes_free_auto) = body_hashes_new();
    size_t at, again;
    for (uint64_t i = 0; i < BODY_HASHES_MAX; i++) {
        struct body_hash_kind kind = {.bytes_max = i};
        assert_false(failed(body_hashes_want(b, &kind, &at)));
        assert_false(failed(body_hashes_want(b, &kind, &again)));
        assert_int_equal(at, again);
    }
    struct body_hash_kind one_more = {.bytes_max = BODY_HASHES_MAX};
    assert_int_equal(body_hashes_want(b, &one_more, &at).kind, ERR_LIMIT);
}

static void test_cuts(void **state UNUSED)
{
    struct prng dice;
    prng_seed(&dice, 6376);
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        check_cuts(bodies[i].body, &dice);
    for (int i = 0; i < 3000; i++) {
        struct arena a AUTO(arena_done);
        arena_init(&a, MIB);
        check_cuts(any_body(&a, &dice), &dice);
    }
}

static void test_find(void **state UNUSED)
{
    struct prng dice;
    prng_seed(&dice, 4);
    for (int i = 0; i < 3000; i++) {
        struct arena a AUTO(arena_done);
        arena_init(&a, MIB);
        struct str s = any_body(&a, &dice);
        for (size_t from = 0; from <= s.len && from < 40; from++)
            assert_int_equal(find_loose_blank(str_from(s, from)),
                    find_loose_blank_portable(str_from(s, from)));
    }
}

// Lines of words, or of what canonicalization stumbles over, up to some that pass the stage.
static struct str any_body(struct arena *a, struct prng *dice)
{
    static const struct str parts[] = {S_INIT(" "), S_INIT("\t"), S_INIT("\r"), S_INIT("\n"),
            S_INIT("\r\n"), S_INIT("a"), S_INIT("word "), S_INIT("\xff"), S_INIT("\0"),
            S_INIT("a long word and another one ")};
    size_t count = prng_below(dice, prng_below(dice, 20) == 0 ? 2000 : 24);
    bool evil = prng_below(dice, 2) == 0;
    struct buf out AUTO(buf_done);
    buf_init(&out, TEXT_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t part = prng_below(dice, evil ? 6 : COUNT_OF(parts));
        buf_add(&out, parts[part]);
        if (prng_below(dice, 200) == 0)
            for (int k = 0; k < 300; k++)
                buf_add(&out, parts[part]);
    }
    return arena_str(a, buf_str(&out));
}

static void check_cuts(struct str body, struct prng *dice)
{
    struct body_hashes *b AUTO(body_hashes_free_auto) = body_hashes_new();
    struct arena a AUTO(arena_done);
    struct body_hash_kind kinds[4];
    size_t at[4];
    arena_init(&a, 4 * MIB);
    for (size_t i = 0; i < 4; i++) {
        kinds[i] = (struct body_hash_kind){.canon = (enum canon)(i % 2), .bytes_max = CANON_WHOLE};
        if (i >= 2)
            kinds[i].bytes_max = prng_below(dice, body.len + 2);
        assert_false(failed(body_hashes_want(b, &kinds[i], &at[i])));
    }
    size_t most = 1 + prng_below(dice, prng_below(dice, 2) == 0 ? 3 : 6000);
    for (struct str rest = body; !str_is_empty(rest);) {
        struct str piece = str_upto(rest, prng_below(dice, most + 1));
        body_hashes_add(b, piece);
        rest = str_from(rest, piece.len);
    }
    assert_false(failed(body_hashes_end(b)));
    for (size_t i = 0; i < 4; i++) {
        struct buf plain AUTO(buf_done);
        buf_init(&plain, 2 * TEXT_BYTES_MAX);
        plain_body(&plain, kinds[i].canon, body);
        struct str want = digest_of(&a, buf_str(&plain), kinds[i].bytes_max);
        assert_true(str_eq(body_hashes_digest(b, at[i]), want));
        assert_int_equal(body_hashes_bytes(b, at[i]), plain.len);
    }
}

// Line by line, as RFC 6376 3.4.3 and 3.4.4 say it.
static void plain_body(struct buf *out, enum canon canon, struct str body)
{
    size_t used = 0; // up to the last line that is not empty
    while (!str_is_empty(body)) {
        size_t end = str_find(body, S("\r\n"));
        struct str line = str_upto(body, end == STR_NOT_FOUND ? body.len : end);
        bool blank = false;
        for (size_t i = 0; i < line.len; i++) {
            bool is_blank = byte_is_blank((uint8_t)line.ptr[i]);
            if (canon == CANON_SIMPLE || !is_blank) {
                if (blank)
                    buf_add_byte(out, ' ');
                buf_add_byte(out, line.ptr[i]);
            }
            blank = canon == CANON_RELAXED && is_blank;
        }
        struct str rest = canon == CANON_RELAXED ? str_trim_blanks(line) : line;
        buf_add(out, S("\r\n"));
        used = str_is_empty(rest) ? used : out->len;
        body = str_from(body, end == STR_NOT_FOUND ? body.len : end + 2);
    }
    out->len = used;
    if (canon == CANON_SIMPLE && used == 0)
        buf_add(out, S("\r\n"));
}

static struct str digest_of(struct arena *a, struct str text, uint64_t bytes_max)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned count = 0;
    text = str_upto(text, bytes_max < text.len ? (size_t)bytes_max : text.len);
    assert_int_equal(EVP_Digest(text.ptr, text.len, digest, &count, EVP_sha256(), NULL), 1);
    return arena_str(a, str_of((const char *)digest, count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_vectors),
            cmocka_unit_test(test_fields),
            cmocka_unit_test(test_hole),
            cmocka_unit_test(test_lengths),
            cmocka_unit_test(test_limit),
            cmocka_unit_test(test_cuts),
            cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
