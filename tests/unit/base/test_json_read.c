// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_json_read.c: what JSON is, where it is wrong, and where its values stand.
#include "check.h"

#include "base/json.h"

struct bad_case {
    const char *name;
    struct str text;
    uint32_t line, column;
    const char *message; // a part of it
};

static const struct bad_case BAD[] = {
        {"nothing", S_INIT(""), 1, 1, "expected a value, found the end"},
        {"null slice", {0}, 1, 1, "found the end"},
        {"blanks", S_INIT(" \n\t "), 2, 3, "found the end"},
        {"byte order mark", S_INIT("\xef\xbb\xbf{}"), 1, 1, "byte order mark"},
        {"UTF-16", S_INIT("{\0}\0"), 1, 2, "byte 0x00"},
        {"form feed is no space", S_INIT("\f1"), 1, 1, "byte 0x0c"},
        {"no-break space", S_INIT("\xc2\xa0"), 1, 1, "byte 0xc2"},
        {"two values", S_INIT("1 2"), 1, 3, "expected the end after the value, found '2'"},
        {"NUL behind", S_INIT("1\0"), 1, 2, "byte 0x00"},
        {"comment", S_INIT("1 // x"), 1, 3, "found '/'"},
        {"word cut", S_INIT("tru"), 1, 1, "expected a value, found 't'"},
        {"word too long", S_INIT("nullx"), 1, 5, "found 'x'"},
        {"wrong case", S_INIT("True"), 1, 1, "found 'T'"},
        {"NaN", S_INIT("[NaN]"), 1, 2, "found 'N'"},
        {"plus", S_INIT("+1"), 1, 1, "found '+'"},
        {"minus alone", S_INIT("-"), 1, 2, "expected a digit, found the end"},
        {"minus infinity", S_INIT("-Infinity"), 1, 2, "expected a digit, found 'I'"},
        {"leading zero", S_INIT("[01]"), 1, 2, "no leading zeros"},
        {"leading zero behind minus", S_INIT("-012"), 1, 1, "no leading zeros"},
        {"two zeros", S_INIT("00"), 1, 1, "no leading zeros"},
        {"point first", S_INIT(".5"), 1, 1, "found '.'"},
        {"point last", S_INIT("[5.]"), 1, 4, "expected a digit, found ']'"},
        {"no exponent", S_INIT("5e"), 1, 3, "expected a digit"},
        {"sign of none", S_INIT("5E+"), 1, 4, "expected a digit"},
        {"two signs", S_INIT("5e+-1"), 1, 4, "expected a digit, found '-'"},
        {"hex", S_INIT("0x1"), 1, 2, "found 'x'"},
        {"open array", S_INIT("[1"), 1, 3, "expected ',' or ']', found the end"},
        {"comma last", S_INIT("[1,]"), 1, 4, "expected a value, found ']'"},
        {"comma first", S_INIT("[,1]"), 1, 2, "expected a value, found ','"},
        {"no comma", S_INIT("[1\n 2]"), 2, 2, "expected ',' or ']', found '2'"},
        {"wrong closer", S_INIT("[1}"), 1, 3, "expected ',' or ']', found '}'"},
        {"closer alone", S_INIT("]"), 1, 1, "expected a value, found ']'"},
        {"closer too many", S_INIT("[]]"), 1, 3, "expected the end"},
        {"key without quotes", S_INIT("{a:1}"), 1, 2, "member name in quotes, found 'a'"},
        {"key only", S_INIT("{\"a\"}"), 1, 5, "expected ':', found '}'"},
        {"no value", S_INIT("{\"a\":}"), 1, 6, "expected a value, found '}'"},
        {"comma last in object", S_INIT("{\"a\":1,}"), 1, 8, "member name in quotes, found '}'"},
        {"value without key", S_INIT("{1}"), 1, 2, "member name"},
        {"open object", S_INIT("{\"a\":1"), 1, 7, "expected ',' or '}', found the end"},
        {"semicolon", S_INIT("{\"a\";1}"), 1, 5, "expected ':', found ';'"},
        {"open string", S_INIT("\"abc"), 1, 5, "ends inside a string"},
        {"open escape", S_INIT("\"\\"), 1, 3, "ends inside a string"},
        {"line end in a string", S_INIT("\"a\nb\""), 1, 3, "must be escaped"},
        {"NUL in a string", S_INIT("\"a\0b\""), 1, 3, "must be escaped"},
        {"unit separator in a string", S_INIT("\"\x1f\""), 1, 2, "must be escaped"},
        {"unknown escape", S_INIT("\"\\x41\""), 1, 2, "unknown escape"},
        {"escaped NUL byte", S_INIT("\"\\\0\""), 1, 2, "unknown escape"},
        {"upper case U", S_INIT("\"\\U0041\""), 1, 2, "unknown escape"},
        {"three digits", S_INIT("\"\\u004\""), 1, 2, "four hex digits"},
        {"no hex", S_INIT("\"\\u004g\""), 1, 2, "four hex digits"},
        {"digits cut", S_INIT("\"\\u00"), 1, 2, "four hex digits"},
        {"high surrogate alone", S_INIT("\"\\ud800\""), 1, 2, "surrogate"},
        {"low surrogate alone", S_INIT("\"\\udc00\""), 1, 2, "surrogate"},
        {"two high ones", S_INIT("\"\\ud800\\ud800\""), 1, 2, "surrogate"},
        {"high and a letter", S_INIT("\"\\ud800abcdef\""), 1, 2, "surrogate"},
        {"high and half a low", S_INIT("\"\\ud800\\udc0\""), 1, 2, "surrogate"},
        {"ill-formed UTF-8", S_INIT("[\"\xc3\xa4\xff\"]"), 1, 4, "not UTF-8"},
        {"surrogate as UTF-8", S_INIT("\"\xed\xa0\x80\""), 1, 2, "not UTF-8"},
        {"overlong slash", S_INIT("\"\xc0\xaf\""), 1, 2, "not UTF-8"},
        {"single quotes", S_INIT("'a'"), 1, 1, "found '''"},
        {"columns are code points", S_INIT("[\"\xc3\xa4\xf0\x9f\x98\x80\" x]"), 1, 7, "found 'x'"},
        {"CR LF is one line end", S_INIT("[\r\n1\r\n  x]"), 3, 3, "found 'x'"},
};

static void bad_texts(void **unused UNUSED)
{
    struct arena a;
    arena_init(&a, 64 * KIB);
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        struct json_error bad = {0};
        arena_reset(&a);
        check_true(BAD[i].name, json_parse(&a, BAD[i].text, &bad) == NULL);
        if (!str_contains(bad.message, str_from_c(BAD[i].message)))
            check_failed("%s: message \"%.*s\"", BAD[i].name, ARG(bad.message));
        check_u64(BAD[i].name, bad.line, BAD[i].line);
        check_u64(BAD[i].name, bad.column, BAD[i].column);
    }
    arena_done(&a);
}

// Every beginning of a good text is a bad one, and none is read beyond its end (ASan watches: each
// is a block of its own).
static void every_cut_is_bad(void **unused UNUSED)
{
    struct str whole = S("{\"a\\u00e9\":[1.5e3,\"\\ud83d\\ude00\",true,{\"b\":{}}],\"c\":null}");
    struct arena a;
    struct json_error bad;
    arena_init(&a, 64 * KIB);
    assert_non_null(json_parse(&a, whole, &bad));
    for (size_t len = 0; len < whole.len; len++) {
        char *cut = mem_bytes(len);
        memcpy(cut, whole.ptr, len);
        assert_null(json_parse(&a, str_of(cut, len), &bad));
        mem_free(cut);
    }
    arena_done(&a);
}

static void strings(void **unused UNUSED)
{
    static const struct {
        struct str text, content;
    } cases[] = {
            {S_INIT("\"\""), S_INIT("")},
            {S_INIT("\"\\u0000\""), S_INIT("\0")},
            {S_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), S_INIT("\"\\/\b\f\n\r\t")},
            {S_INIT("\"\\u00E4\\u00e4\\u20aC\""), S_INIT("\xc3\xa4\xc3\xa4\xe2\x82\xac")},
            {S_INIT("\"\\uD83D\\uDE00\""), S_INIT("\xf0\x9f\x98\x80")},
            {S_INIT("\"\\ud800\\udc00\\udbff\\udfff\""),
                    S_INIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
            {S_INIT("\"\\ud7ff\\ue000\\uffff\""), S_INIT("\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf")},
            {S_INIT("\"\x7f\xe2\x80\xa8\""), S_INIT("\x7f\xe2\x80\xa8")},
            {S_INIT("\"\xef\xbb\xbf\""), S_INIT("\xef\xbb\xbf")},
    };
    struct arena a;
    struct json_error bad;
    arena_init(&a, 64 * KIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct json *v = json_parse(&a, cases[i].text, &bad);
        assert_non_null(v);
        assert_int_equal(v->type, JSON_STRING);
        check_str(cases[i].text.ptr, v->text, cases[i].content);
    }
    arena_done(&a);
}

static void trees_and_positions(void **unused UNUSED)
{
    struct arena a;
    struct json_error bad;
    arena_init(&a, 64 * KIB);
    struct json *doc = json_parse(&a,
            S("{ \"\xc3\xa4\": [1,\n\t-0.5e-7 , []],\r\n  \"b\"\n:\n  {},\"b\":\"2\" }\n"), &bad);
    assert_non_null(doc);
    assert_true(doc->line == 1 && doc->column == 1 && doc->count == 3);
    const struct json *list = doc->first;
    check_str("key", list->key, S("\xc3\xa4"));
    assert_true(list->key_line == 1 && list->key_column == 3);
    assert_true(list->line == 1 && list->column == 8 && list->count == 3);
    assert_true(list->first->line == 1 && list->first->column == 9);
    const struct json *second = list->first->next;
    check_str("number as written", second->text, S("-0.5e-7"));
    assert_true(second->line == 2 && second->column == 2);
    assert_true(second->next->type == JSON_ARRAY && second->next->count == 0);
    assert_true(second->next->column == 12 && second->next->next == NULL);
    const struct json *twin = list->next;
    assert_true(twin->key_line == 3 && twin->key_column == 3);
    assert_true(twin->line == 5 && twin->column == 3 && twin->type == JSON_OBJECT);
    assert_true(json_member(doc, S("b")) == twin->next); // the last of two
    check_str("string", json_string(twin->next, S("no")), S("2"));
    assert_null(json_member(doc, S("c")));
    assert_null(json_member(list, S("b")));
    assert_null(json_member(NULL, S("b")));
    arena_done(&a);
}

static void depth_has_its_limit(void **unused UNUSED)
{
    static const char *const opens[] = {"[", "{\"a\":"}, *const closes[] = {"]", "}"};
    struct arena a;
    struct buf b;
    struct json_error bad;
    arena_init(&a, 64 * KIB);
    buf_init(&b, 4 * KIB);
    for (size_t kind = 0; kind < 2; kind++) {
        for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
            buf_clear(&b);
            for (size_t i = 0; i < depth; i++)
                buf_add(&b, str_from_c(opens[kind]));
            buf_add(&b, S("1"));
            for (size_t i = 0; i < depth; i++)
                buf_add(&b, str_from_c(closes[kind]));
            bool good = json_parse(&a, buf_str(&b), &bad) != NULL;
            assert_true(good == (depth == JSON_DEPTH_MAX));
        }
        check_str("too deep", bad.message, S("nested too deeply"));
        assert_int_equal(bad.column, JSON_DEPTH_MAX * strlen(opens[kind]) + 1);
    }
    buf_clear(&b);
    buf_add_repeat(&b, '[', JSON_DEPTH_MAX + 1); // an empty one is as deep as a full one
    buf_add_repeat(&b, ']', JSON_DEPTH_MAX + 1);
    assert_null(json_parse(&a, buf_str(&b), &bad));
    assert_non_null(json_parse(&a, str_part(buf_str(&b), 1, 2 * JSON_DEPTH_MAX), &bad));
    buf_done(&b);
    arena_done(&a);
}

static void memory_has_its_limit(void **unused UNUSED)
{
    struct buf b;
    buf_init(&b, 64 * KIB);
    buf_add_byte(&b, '[');
    for (int i = 0; i < 100; i++)
        buf_add(&b, S("\"\\n\",{\"\\t\":0},"));
    buf_add(&b, S("0]"));
    bool once_good = false;
    for (size_t limit = 0; limit < 64 * KIB; limit += 97) {
        struct arena a;
        struct json_error bad = {0};
        arena_init(&a, limit);
        bool good = json_parse(&a, buf_str(&b), &bad) != NULL;
        assert_true(good || str_contains(bad.message, S("memory")));
        assert_true(good || !once_good);
        once_good = once_good || good;
        arena_done(&a);
    }
    assert_true(once_good);
    buf_done(&b);
}

static void numbers(void **unused UNUSED)
{
    static const struct {
        struct str text;
        bool whole;
        int64_t i64;
    } cases[] = {
            {S_INIT("0"), true, 0},
            {S_INIT("-0"), true, 0},
            {S_INIT("9223372036854775807"), true, INT64_MAX},
            {S_INIT("-9223372036854775808"), true, INT64_MIN},
            {S_INIT("9223372036854775808"), false, 0},
            {S_INIT("1e3"), true, 1000},
            {S_INIT("-2.50e1"), true, -25},
            {S_INIT("9007199254740992.0"), true, INT64_C(1) << 53},
            {S_INIT("9007199254740994.0"), false, 0}, // beyond what a double counts one by one
            {S_INIT("1.5"), false, 0},
            {S_INIT("1e-1"), false, 0},
            {S_INIT("1e400"), false, 0},
            {S_INIT("\"1\""), false, 0},
            {S_INIT("true"), false, 0},
            {S_INIT("[1]"), false, 0},
    };
    struct arena a;
    struct json_error bad;
    double d;
    arena_init(&a, 64 * KIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t got = 0;
        struct json *v = json_parse(&a, cases[i].text, &bad);
        assert_non_null(v);
        check_true(cases[i].text.ptr, json_to_i64(v, &got) == cases[i].whole);
        check_u64(cases[i].text.ptr, (uint64_t)got, (uint64_t)cases[i].i64);
    }
    assert_true(json_to_double(json_parse(&a, S("-0.25"), &bad), &d) && d == -0.25);
    assert_false(json_to_double(json_parse(&a, S("1e999"), &bad), &d));
    assert_false(json_to_double(json_parse(&a, S("\"1\""), &bad), &d));
    assert_true(json_is_bool(json_parse(&a, S("false"), &bad)));
    assert_false(json_is_bool(json_parse(&a, S("null"), &bad)));
    assert_false(json_is_bool(NULL) || json_to_double(NULL, &d) || json_to_i64(NULL, NULL));
    check_str("no string", json_string(NULL, S("no")), S("no"));
    check_str("no string", json_string(json_parse(&a, S("1"), &bad), STR_NULL), S(""));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(bad_texts),
            TEST(every_cut_is_bad),
            TEST(strings),
            TEST(trees_and_positions),
            TEST(depth_has_its_limit),
            TEST(memory_has_its_limit),
            TEST(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
