// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_toml_limits.c: each limit of configuration.md 2.1 met, and gone beyond by
// one; and sizes that must not cost more than their share.
#include "toml_fixture.h"

// A document made of a piece repeated between two texts.
static const struct {
    const char *name, *before, *piece, *after;
    size_t count;
    const char *said;
} limits[] = {
        {"key of 255 bytes", "", "k", " = 1", TOML_KEY_BYTES_MAX, ""},
        {"key of 256 bytes", "", "k", " = 1", TOML_KEY_BYTES_MAX + 1,
                "1:1 a key component has at most 255 bytes\n"},
        {"quoted key of 256 bytes", "'", "k", "' = 1", TOML_KEY_BYTES_MAX + 1,
                "1:1 a key component has at most 255 bytes\n"},
        {"header of 256 bytes", "[", "k", "]", TOML_KEY_BYTES_MAX + 1,
                "1:2 a key component has at most 255 bytes\n"},
        {"flat key of 1024 bytes", "[kk", ".k", "]\nk.k.k = 1", 508, ""}, // 2 + 508 * 2 + 3 * 2
        {"flat key of 1025 bytes", "[kk", ".k", "]\nk.k.kk = 1", 508,
                "2:5 the key is longer than 1024 bytes with that of its table\n"},
        {"header of a hundred thousand tables", "[a", ".a", "]\n", 100000,
                "1:1026 the key is longer than 1024 bytes with that of its table\n"},
        {"empty components count, too", "a", ".''", " = 1", 1024,
                "1:1026 the key is longer than 1024 bytes with that of its table\n"},
        {"string of 4 MiB", "a = '", "k", "'", TOML_STRING_BYTES_MAX, ""},
        {"string of a byte more", "a = '", "k", "'", TOML_STRING_BYTES_MAX + 1,
                "1:5 the string is longer than 4194304 bytes\n"},
        {"string of lines beyond", "\na = '''", "k\n", "'''", TOML_STRING_BYTES_MAX / 2 + 1,
                "2:5 the string is longer than 4194304 bytes\n"},
        {"array of 100000", "a = [", "1,", "]", TOML_ARRAY_COUNT_MAX, ""},
        {"array of one more", "a = [", "1,\n", "\n]", TOML_ARRAY_COUNT_MAX + 1,
                "100001:2 an array has at most 100000 elements\n"},
        {"tables in an array", "", "[[a]]\n", "", TOML_ARRAY_COUNT_MAX, ""},
        {"one table more", "", "[[a]]\n", "", TOML_ARRAY_COUNT_MAX + 1,
                "100001:3 an array has at most 100000 elements\n"},
        {"depth 10", "a = ", "[", "]]]]]]]]]]", TOML_DEPTH_MAX, ""},
        {"depth 100000", "a = ", "[", "", 100000, "1:15 Too many nested structures\n"},
        {"depth 100000 of inline tables", "a = ", "{a=", "", 100000,
                "1:35 Too many nested structures\n"},
        {"100000 brackets", "", "[", "", 100000,
                "1:3 expected a key, found '['; other than A-Z a-z 0-9 _ - needs quotes\n"},
        {"file of 16 MiB", "#", "k", "", TOML_FILE_BYTES_MAX - 1, ""},
        {"file of a byte more", "#", "k", "", TOML_FILE_BYTES_MAX,
                "1:1 the file is larger than 16 MiB\n"},
};

static void limits_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        struct fixture f;
        struct buf text;
        buf_init(&text, 64 * MIB);
        buf_add(&text, str_from_c(limits[i].before));
        repeat(&text, str_from_c(limits[i].piece), limits[i].count);
        buf_add(&text, str_from_c(limits[i].after));
        fixture_read(&f, buf_str(&text), STRICT);
        check_str(limits[i].name, buf_str(&f.said), str_from_c(limits[i].said));
        fixture_done(&f);
        buf_done(&text);
    }
}

static void fifty_errors_are_enough(void **state)
{
    (void)state;
    struct fixture f;
    struct buf text;
    buf_init(&text, MIB);
    repeat(&text, S("= 1\na.b = 1\n"), TOML_ERRORS_MAX);
    fixture_read(&f, buf_str(&text), STRICT);
    assert_int_equal(f.findings.error_count, TOML_ERRORS_MAX);
    assert_int_equal(f.findings.all.count, TOML_ERRORS_MAX + 1);
    check_str("the last word", f.findings.all.at[TOML_ERRORS_MAX].message,
            S("too many errors, the rest was not read"));
    fixture_done(&f);
    buf_done(&text);
}

// Quadratic work on any of these would take minutes, and the test runner gives up before that.
static const struct {
    const char *name, *before, *piece, *after;
    size_t count;
} costs[] = {
        {"values on one line", "a = [", "[[],[]],", "]", TOML_ARRAY_COUNT_MAX},
        {"lines without end", "a = '''", "\n", "'''", 4000000},
        {"comments", "", "# x\n", "", 3000000},
        {"inline tables behind comments", "a = [", "{ # x\n },", "]", TOML_ARRAY_COUNT_MAX},
        {"quotes", "a = '''", "''x", "'''", 1000000},
        {"unknown escapes", "a = [", "\"\\.\",", "]", TOML_ARRAY_COUNT_MAX},
};

static void costs_are_linear(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(costs); i++) {
        struct fixture f;
        struct buf text;
        buf_init(&text, 64 * MIB);
        buf_add(&text, str_from_c(costs[i].before));
        repeat(&text, str_from_c(costs[i].piece), costs[i].count);
        buf_add(&text, str_from_c(costs[i].after));
        fixture_read(&f, buf_str(&text), TOLERANT);
        check_u64(costs[i].name, f.findings.error_count, 0);
        fixture_done(&f);
        buf_done(&text);
    }
}

static void many_keys_in_one_table(void **state)
{
    (void)state;
    const size_t count = 200000;
    struct fixture f;
    struct buf text;
    buf_init(&text, 64 * MIB);
    buf_add(&text, S("[lookup.x]\n"));
    for (size_t i = 0; i < count; i++)
        buf_fmt(&text, "\"key %zu\" = \"\"\n", i);
    fixture_read(&f, buf_str(&text), STRICT);
    check_str("no finding", buf_str(&f.said), S(""));
    struct toml *table = toml_member(toml_member(f.doc, S("lookup")), S("x"));
    assert_int_equal(table->count, count);
    for (size_t i = 0; i < count; i += 997) {
        struct str key = arena_fmt(&f.arena, "key %zu", i);
        struct toml *member = toml_member(table, key);
        assert_non_null(member);
        assert_int_equal(member->line, i + 2);
    }
    assert_null(toml_member(table, S("key")));
    fixture_done(&f);
    buf_add(&text, S("'key 12345' = 1"));
    fixture_read(&f, buf_str(&text), STRICT);
    check_str("one twice", buf_str(&f.said),
            S("200002:1 key 'lookup.x.\"key 12345\"' is already set at f:12347\n"));
    fixture_done(&f);
    buf_done(&text);
}

// Whatever the arena's limit, the answer is a finding and no crash.
static void memory_ends_anywhere(void **state)
{
    (void)state;
    struct str text =
            S("[a.b]\nc = [1, {d = \"x\\ty\"}]\n[[e]]\nf.g = 1\n'h' = \"\"\"\\\n\"\"\"\n");
    bool read = false;
    for (size_t limit = 0; !read && limit < 64 * KIB; limit += 64) {
        struct arena tree, said;
        arena_init(&tree, limit);
        arena_init(&said, MIB);
        struct findings findings = findings_make(&said);
        struct toml_options options = {.file = S("f")};
        struct toml *doc = toml_parse(&tree, text, &options, &findings);
        read = doc != NULL && !findings_failed(&findings);
        assert_true(doc == NULL || read || findings.error_count == 1);
        arena_done(&said);
        arena_done(&tree);
    }
    assert_true(read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(limits_hold),
            TEST(fifty_errors_are_enough),
            TEST(costs_are_linear),
            TEST(many_keys_in_one_table),
            TEST(memory_ends_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
