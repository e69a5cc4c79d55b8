// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_fields.c: fields there and back, and what damage does to them.
#include "check.h"

#include "base/fields.h"
#include "base/hash.h"

static void numbers_come_back(void **state)
{
    (void)state;
    static const int64_t numbers[] = {
            0, 1, -1, 63, 64, -64, -65, 127, 128, 1000000007, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct buf buf;
        buf_init(&buf, KIB);
        struct fields_out out = fields_begin(&buf);
        field_i64(&out, 7, numbers[i]);
        fields_end(&out);
        struct fields_in in;
        struct field f = {0};
        check_str("opens", err_text(fields_open(buf_str(&buf), &in)), S(""));
        bool any = field_next(&in, &f);
        check_u64("present", any, numbers[i] != 0);
        if (any)
            check_u64("value", (uint64_t)field_signed(&f), (uint64_t)numbers[i]);
        check_u64("whole", in.broken, false);
        buf_done(&buf);
    }
}

static void texts_absent_empty_and_full(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, KIB);
    struct fields_out out = fields_begin(&buf);
    field_str(&out, 1, STR_NULL);
    field_str(&out, 2, S(""));
    field_str(&out, 300, S("with a \0 inside"));
    fields_end(&out);
    struct fields_in in;
    struct field f;
    assert_false(failed(fields_open(buf_str(&buf), &in)));
    assert_true(field_next(&in, &f));
    check_u64("tag", f.tag, 2);
    check_true("empty is not absent", !str_is_null(f.bytes) && f.bytes.len == 0);
    assert_true(field_next(&in, &f));
    check_u64("tag of two bytes", f.tag, 300);
    check_str("text", f.bytes, S("with a \0 inside"));
    assert_false(field_next(&in, &f));
    assert_false(in.broken);
    buf_done(&buf);
}

static void records_nest(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, KIB);
    struct fields_out out = fields_begin(&buf);
    struct fields_out inner = field_nested_begin(&out, 5);
    field_u64(&inner, 1, 42);
    field_nested_end(&inner);
    field_u64(&out, 6, 43);
    fields_end(&out);
    struct fields_in in, nested;
    struct field f;
    assert_false(failed(fields_open(buf_str(&buf), &in)));
    assert_true(field_next(&in, &f));
    assert_false(failed(fields_open(f.bytes, &nested)));
    assert_true(field_next(&nested, &f));
    check_u64("inside", f.number, 42);
    assert_false(field_next(&nested, &f));
    assert_true(field_next(&in, &f));
    check_u64("behind", f.number, 43);
    buf_done(&buf);
}

// Each single bit that flips is seen, each cut as well.
static void damage_is_seen(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, KIB);
    struct fields_out out = fields_begin(&buf);
    field_str(&out, 1, S("ann@a.example"));
    field_u64(&out, 2, 1000);
    fields_end(&out);
    struct fields_in in;
    for (size_t i = 0; i < buf.len * 8; i++) {
        buf.ptr[i / 8] = (char)(buf.ptr[i / 8] ^ 1 << i % 8);
        check_true("a bit", failed(fields_open(buf_str(&buf), &in)));
        buf.ptr[i / 8] = (char)(buf.ptr[i / 8] ^ 1 << i % 8);
    }
    for (size_t len = 0; len < buf.len; len++)
        check_true("a cut", failed(fields_open(str_upto(buf_str(&buf), len), &in)));
    assert_false(failed(fields_open(buf_str(&buf), &in)));
    buf_done(&buf);
}

// With a right checksum, but written by no one of ours.
static const struct {
    const char *name;
    struct str fields;
} nonsense[] = {
        {"tag without value", S_INIT("\x02")},
        {"number without end", S_INIT("\x02\x80")},
        {"number of eleven bytes", S_INIT("\x02\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")},
        {"number beyond 64 bits", S_INIT("\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")},
        {"bytes beyond the end", S_INIT("\x03\x05"
                                        "abcd")},
        {"bytes far beyond the end", S_INIT("\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        {"tag beyond all", S_INIT("\xff\xff\xff\x7f\x01")},
};

static void nonsense_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(nonsense); i++) {
        struct buf buf;
        buf_init(&buf, KIB);
        struct fields_out out = fields_begin(&buf);
        buf_add(&buf, nonsense[i].fields);
        fields_end(&out);
        struct fields_in in;
        struct field f;
        check_str(nonsense[i].name, err_text(fields_open(buf_str(&buf), &in)), S(""));
        check_true(nonsense[i].name, !field_next(&in, &f) && in.broken);
        buf_done(&buf);
    }
}

static void newer_formats_are_left_alone(void **state)
{
    (void)state;
    struct fields_in in;
    check_u64("kind", fields_open(S("\x02\x00\x00\x00\x00\x00"), &in).kind, ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(numbers_come_back),
            TEST(texts_absent_empty_and_full),
            TEST(records_nest),
            TEST(damage_is_seen),
            TEST(nonsense_is_refused),
            TEST(newer_formats_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
