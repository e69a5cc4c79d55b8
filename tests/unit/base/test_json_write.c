// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_json_write.c: JSON as it is written.
#include "check.h"

#include "base/json.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_one_of_each(struct json_out *o)
{
    json_object_begin(o);
    json_key(o, S("list"));
    json_array_begin(o);
    json_i64(o, INT64_MIN);
    json_u64(o, UINT64_MAX);
    json_object_begin(o);
    json_object_end(o);
    json_array_begin(o);
    json_array_end(o);
    json_array_end(o);
    json_key(o, S("yes"));
    json_bool(o, true);
    json_key(o, S(""));
    json_null(o);
    json_object_end(o);
}

static void styles(void **unused UNUSED)
{
    struct buf b;
    buf_init(&b, 1 * KIB);
    struct json_out o = json_begin(&b, JSON_COMPACT);
    write_one_of_each(&o);
    check_str("compact", buf_str(&b),
            S("{\"list\":[-9223372036854775808,18446744073709551615,{},[]],\"yes\":true,"
              "\"\":null}"));
    buf_clear(&b);
    o = json_begin(&b, JSON_PRETTY);
    write_one_of_each(&o);
    check_str("pretty", buf_str(&b),
            S("{\n"
              "  \"list\": [\n"
              "    -9223372036854775808,\n"
              "    18446744073709551615,\n"
              "    {},\n"
              "    []\n"
              "  ],\n"
              "  \"yes\": true,\n"
              "  \"\": null\n"
              "}"));
    buf_done(&b);
}

static void members(void **unused UNUSED)
{
    const struct str two[] = {S_INIT("a"), S_INIT("b")};
    struct buf b;
    buf_init(&b, 1 * KIB);
    struct json_out o = json_begin(&b, JSON_COMPACT);
    json_object_begin(&o);
    json_put_str(&o, S("s"), S("x\"y"));
    json_put_str(&o, S("none"), STR_NULL);
    json_put_strs(&o, S("two"), two, COUNT_OF(two));
    json_put_strs(&o, S("empty"), two, 0);
    json_put_i64(&o, S("i"), -1);
    json_put_u64(&o, S("u"), UINT64_MAX);
    json_put_bool(&o, S("b"), false);
    json_put_time(&o, S("at"), 1740823200999);
    json_object_end(&o);
    check_str("members", buf_str(&b),
            S("{\"s\":\"x\\\"y\",\"none\":null,\"two\":[\"a\",\"b\"],\"empty\":[],\"i\":-1,"
              "\"u\":18446744073709551615,\"b\":false,\"at\":\"2025-03-01T10:00:00Z\"}"));
    buf_done(&b);
}

static void strings(void **unused UNUSED)
{
    static const struct {
        const char *name;
        struct str text;
        const char *written;
    } cases[] = {
            {"null", {0}, "null"},
            {"empty", S_INIT(""), "\"\""},
            {"quotes", S_INIT("\"\\/"), "\"\\\"\\\\/\""},
            {"known controls", S_INIT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
            {"other controls", S_INIT("\0\x1f\x7f"), "\"\\u0000\\u001f\\u007f\""},
            {"letters", S_INIT("\xc3\xa4\xf0\x9f\x98\x80"), "\"\xc3\xa4\xf0\x9f\x98\x80\""},
            {"ill-formed", S_INIT("a\xff\xe2\x82z"), "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\""},
            {"surrogate", S_INIT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    struct buf b;
    buf_init(&b, 1 * KIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&b);
        struct json_out o = json_begin(&b, JSON_COMPACT);
        json_str(&o, cases[i].text);
        check_str(cases[i].name, buf_str(&b), str_from_c(cases[i].written));
    }
    buf_done(&b);
}

static void doubles(void **unused UNUSED)
{
    static const struct {
        double value;
        const char *written;
    } cases[] = {
            {0, "0"},
            {-0.0, "-0"},
            {100, "100"},
            {-123456789012345, "-123456789012345"},
            {0.1, "0.1"},
            {1e15, "1e+15"},
            {1e300, "1e+300"},
            {(double)INFINITY, "null"},
            {(double)-INFINITY, "null"},
            {(double)NAN, "null"},
    };
    struct buf b;
    struct arena a;
    struct json_error bad;
    buf_init(&b, 1 * KIB);
    arena_init(&a, 64 * KIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&b);
        struct json_out o = json_begin(&b, JSON_COMPACT);
        json_double(&o, cases[i].value);
        check_str(cases[i].written, buf_str(&b), str_from_c(cases[i].written));
        assert_non_null(json_parse(&a, buf_str(&b), &bad));
    }
    arena_done(&a);
    buf_done(&b);
}

static void trees_come_back(void **unused UNUSED)
{
    static const char *texts[] = {
            "0",
            "\"a\\nb\"",
            "[]",
            "{}",
            "[[],{},[[]],[{}],{\"a\":[]}]",
            "{\"a\":{\"b\":{\"c\":[1,2.50e+3,-0]}},\"a\":null,\"z\":[true,false]}",
            "[[[1],2],3]",
    };
    struct arena a;
    struct buf b;
    struct json_error bad;
    arena_init(&a, 64 * KIB);
    buf_init(&b, 1 * KIB);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        buf_clear(&b);
        struct json_out o = json_begin(&b, JSON_COMPACT);
        json_tree(&o, json_parse(&a, str_from_c(texts[i]), &bad));
        check_str("tree", buf_str(&b), str_from_c(texts[i]));
    }
    buf_clear(&b);
    struct json_out o = json_begin(&b, JSON_COMPACT);
    json_object_begin(&o);
    json_key(&o, S("mine")); // the key that was written counts, not the tree's own
    json_tree(&o, json_member(json_parse(&a, S("{\"k\":[1,{\"x\":2}]}"), &bad), S("k")));
    json_key(&o, S("after"));
    json_bool(&o, false);
    json_object_end(&o);
    check_str("part", buf_str(&b), S("{\"mine\":[1,{\"x\":2}],\"after\":false}"));
    buf_done(&b);
    arena_done(&a);
}

static void deep_trees(void **unused UNUSED)
{
    struct arena a;
    struct buf text, b;
    struct json_error bad;
    arena_init(&a, 64 * KIB);
    buf_init(&text, 1 * KIB);
    buf_init(&b, 4 * KIB);
    buf_add_repeat(&text, '[', JSON_DEPTH_MAX);
    buf_add_repeat(&text, ']', JSON_DEPTH_MAX);
    struct json_out o = json_begin(&b, JSON_COMPACT);
    json_tree(&o, json_parse(&a, buf_str(&text), &bad));
    check_str("deepest", buf_str(&b), buf_str(&text));
    buf_clear(&b);
    o = json_begin(&b, JSON_COMPACT);
    for (size_t i = 0; i < JSON_OUT_DEPTH_MAX; i++) { // mixed, so that each level is remembered
        if (i % 3 == 0)
            json_array_begin(&o);
        else
            json_object_begin(&o);
        if (i % 3 != 0)
            json_key(&o, S("k"));
    }
    json_null(&o);
    for (size_t i = JSON_OUT_DEPTH_MAX; i-- > 0;) {
        if (i % 3 == 0)
            json_array_end(&o);
        else
            json_object_end(&o);
    }
    assert_false(b.overflow);
    assert_int_equal(o.depth, 0);
    buf_done(&text);
    buf_done(&b);
    arena_done(&a);
}

// Whoever breaks the grammar meets an assertion. In a child, with its message thrown away.
enum mistake { KEY_IN_ARRAY, VALUE_WITHOUT_KEY, WRONG_END, END_BEHIND_KEY, TWO_VALUES, TOO_DEEP };

static void make_mistake(enum mistake mistake)
{
    struct buf b;
    buf_init(&b, 4 * KIB);
    struct json_out o = json_begin(&b, JSON_COMPACT);
    switch (mistake) {
    case KEY_IN_ARRAY:
        json_array_begin(&o);
        json_key(&o, S("k"));
        return;
    case VALUE_WITHOUT_KEY:
        json_object_begin(&o);
        json_null(&o);
        return;
    case WRONG_END:
        json_object_begin(&o);
        json_array_end(&o);
        return;
    case END_BEHIND_KEY:
        json_object_begin(&o);
        json_key(&o, S("k"));
        json_object_end(&o);
        return;
    case TWO_VALUES:
        json_null(&o);
        json_null(&o);
        return;
    case TOO_DEEP:
        for (size_t i = 0; i <= JSON_OUT_DEPTH_MAX; i++)
            json_array_begin(&o);
        return;
    }
}

static void mistakes_abort(void **unused UNUSED)
{
    for (int mistake = KEY_IN_ARRAY; mistake <= TOO_DEEP; mistake++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            signal(SIGABRT, SIG_DFL); // cmocka catches it otherwise
            close(STDERR_FILENO);
            make_mistake((enum mistake)mistake);
            _exit(0);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(styles),
            TEST(members),
            TEST(strings),
            TEST(doubles),
            TEST(trees_come_back),
            TEST(deep_trees),
            TEST(mistakes_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
