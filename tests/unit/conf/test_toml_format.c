// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_toml_format.c: the canonical form. Each case is also formatted again, and
// must stay, and be TOML 1.0.0 by the letter.
#include "toml_fixture.h"

static const struct {
    const char *name, *text, *formatted;
} cases[] = {
        {"empty", "", ""},
        {"only empty lines", "\n\n \n", ""},
        {"only a comment", "  # x  ", "# x\n"},
        {"no line end at the end", "a = 1", "a = 1\n"},
        {"blanks", "\t a . 'b' =  1   # c  \n", "a.'b' = 1 # c\n"},
        {"empty lines", "\n\n# a\n\n\n# b\na = 1\n\n\nb = 1\n\n", "# a\n\n# b\na = 1\n\nb = 1\n"},
        {"headers", "a=1\n[ b . \"c\" ]# x\n\nd=1\n[[ e ]]\n[f]\n",
                "a = 1\n\n[b.\"c\"] # x\nd = 1\n\n[[e]]\n\n[f]\n"},
        {"comment above a header", "a = 1\n# b\n[b]\n# c\n\n[c]\n",
                "a = 1\n\n# b\n[b]\n# c\n\n[c]\n"},
        {"CR LF and a byte order mark", "\xEF\xBB\xBF# a\r\na = '''\r\nx\r\n'''\r\n",
                "# a\na = '''\nx\n'''\n"},
        {"numbers stay", "a = [0x1F, 1_000, +1e3, 1979-05-27 07:32:00, 07:32:00]\n",
                "a = [0x1F, 1_000, +1e3, 1979-05-27 07:32:00, 07:32:00]\n"},
        {"strings stay", "a = [\"\\u00e9\", '\\d', \"\"\"a\n \"b\" \\\n  c\"\"\"]\n",
                "a = [\"\\u00e9\", '\\d', \"\"\"a\n \"b\" \\\n  c\"\"\"]\n"},
        {"brackets in strings", "a = [\"]\", ']', '''#''', \"\\\"]\" , '}' ]",
                "a = [\"]\", ']', '''#''', \"\\\"]\", '}']\n"},
        {"array on a line", "a = [ 1,2 , [ ] ,3, ]", "a = [1, 2, [], 3]\n"},
        {"empty array over lines", "a = [\n\n]", "a = []\n"},
        {"array over lines", "a = [1,2,\n  3 # c\n  , # d\n\n\n  4\n  # e\n]\n",
                "a = [\n    1, 2,\n    3, # c\n    # d\n\n    4,\n    # e\n]\n"},
        {"arrays in arrays", "a = [\n[1,\n2], [3]]",
                "a = [\n    [\n        1,\n        2,\n    ], [3],\n]\n"},
        {"only a comment in it", "a = [ # x\n]", "a = [\n    # x\n]\n"},
        {"inline tables", "a={b=1,c.d={ },'e'=[{f=1}]}",
                "a = { b = 1, c.d = {}, 'e' = [{ f = 1 }] }\n"},
        {"T1", "x = 1\na = { # b\n b = 1, # c\n # d\n c = [ # e\n 1 ],\n} # f\n",
                "x = 1\n# b\n# c\n# d\na = { b = 1, c = [\n    # e\n    1,\n] } # f\n"},
        {"T2", "a = { \"x\", 'y' , z.1/8 , plain, # c\n}",
                "# c\na = { \"x\" = \"\", 'y' = \"\", \"z.1/8\" = \"\", plain = \"\" }\n"},
        {"T3 as a literal", "a = \"^\\d+\\\\.\\\"\"", "a = '^\\d+\\.\"'\n"},
        {"T3 with an apostrophe", "a = \"\\d'\"", "a = \"\\\\d'\"\n"},
        {"T3 with other escapes", "a = \"\\d\\n\\\\\"", "a = \"\\\\d\\n\\\\\"\n"},
        {"T3 over lines", "a = \"\"\"\n\\d\\\r\n x\\e\"\"\"",
                "a = \"\"\"\n\\\\d\\\n x\\\\e\"\"\"\n"},
        {"T3 in keys", "\"\\d\".a = 1\n[\"\\.\"]", "'\\d'.a = 1\n\n['\\.']\n"},
        {"headers in lower case", "[Server.\"TLS\"]\nKey = 1", "[server.\"TLS\"]\nKey = 1\n"},
        {"T7 header twice", "[a]\nb = 1\n\n[c]\nd = 1\n\n# more\n[A] # again\ne = 1 # x\n\n[f]\n",
                "[a]\nb = 1\n\n# more\n# again\ne = 1 # x\n\n[c]\nd = 1\n\n[f]\n"},
        {"T7 behind dotted keys", "a.b.c = 1\n[d]\nx = 1\n[a.b]\ny = 1\n[a]\nz = 1\n",
                "a.b.c = 1\na.b.y = 1\na.z = 1\n\n[d]\nx = 1\n"},
        {"T7 in a table", "[s]\n'a b'.c = 1\n[s.\"a b\"]\nd.e = 1\n[s.\"a b\".f]\n",
                "[s]\n'a b'.c = 1\n\"a b\".d.e = 1\n\n[s.\"a b\".f]\n"},
        {"T7 in elements", "[[a]]\n[a.b]\nc = 1\n[[a]]\n[a.b]\nc = 2\n[a.b]\nd = 1\n",
                "[[a]]\n\n[a.b]\nc = 1\n\n[[a]]\n\n[a.b]\nc = 2\nd = 1\n"},
        {"T7 with nothing but a comment", "[a]\nx = 1\n[b]\n# y\n[a]\n[c]\n",
                "[a]\nx = 1\n# y\n\n[b]\n\n[c]\n"},
};

static void format_once(struct buf *out, const char *name, struct str text)
{
    struct arena a;
    arena_init(&a, 16 * MIB);
    buf_init(out, MIB);
    struct findings findings = findings_make(&a);
    check_true(name, toml_format(out, &a, text, S("f"), &findings));
    arena_done(&a);
}

static void formatted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf once, twice;
        struct fixture f;
        format_once(&once, cases[i].name, str_from_c(cases[i].text));
        check_str(cases[i].name, buf_str(&once), str_from_c(cases[i].formatted));
        format_once(&twice, cases[i].name, buf_str(&once));
        check_str(cases[i].name, buf_str(&twice), buf_str(&once));
        fixture_read(&f, buf_str(&once), STRICT);
        check_str(cases[i].name, buf_str(&f.said), S(""));
        fixture_done(&f);
        buf_done(&once);
        buf_done(&twice);
    }
}

static void errors_give_nothing(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    arena_init(&a, MIB);
    buf_init(&out, MIB);
    struct findings findings = findings_make(&a);
    assert_false(toml_format(&out, &a, S("a = 1\nb = yes\n"), S("f"), &findings));
    assert_int_equal(findings.error_count, 1);
    assert_int_equal(out.len, 0);
    buf_done(&out);
    arena_done(&a);
}

static void memory_ends_anywhere(void **state)
{
    (void)state;
    struct str text = S("a.b = 1\n[c]\nd = { e = 'x' }\n[a]\nf = [1]\n");
    bool made = false;
    for (size_t limit = 0; !made && limit < 16 * KIB; limit += 32) {
        struct arena a;
        struct buf out;
        arena_init(&a, limit);
        buf_init(&out, MIB);
        struct findings findings = findings_make(&a);
        made = toml_format(&out, &a, text, S("f"), &findings);
        assert_true(made == !findings_failed(&findings));
        buf_done(&out);
        arena_done(&a);
    }
    assert_true(made);
}

static const struct {
    const char *name, *text, *string, *key;
} texts[] = {
        {"empty", "", "\"\"", "\"\""},
        {"plain", "a-B_9", "\"a-B_9\"", "a-B_9"},
        {"dot", "a.b", "\"a.b\"", "\"a.b\""},
        {"backslash", "a\\.", "'a\\.'", "\"a\\\\.\""},
        {"quote", "say \"x\"", "'say \"x\"'", "\"say \\\"x\\\"\""},
        {"both", "\"it's\"", "'''\"it's\"'''", "\"\\\"it's\\\"\""},
        {"apostrophe last", "\\'", "\"\\\\'\"", "\"\\\\'\""},
        {"three apostrophes", "\\'''x", "\"\\\\'''x\"", "\"\\\\'''x\""},
        {"line end", "a\nb", "\"a\\nb\"", "\"a\\nb\""},
        {"lines with quotes", "\"a\"\nb", "'''\n\"a\"\nb'''", "\"\\\"a\\\"\\nb\""},
        {"controls", "\b\t\n\v\f\r\x1F\x7F", "\"\\b\\t\\n\\u000B\\f\\r\\u001F\\u007F\"",
                "\"\\b\\t\\n\\u000B\\f\\r\\u001F\\u007F\""},
        {"UTF-8", "\xC3\xA9", "\"\xC3\xA9\"", "\"\xC3\xA9\""},
};

static void texts_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct buf out;
        struct fixture f;
        buf_init(&out, MIB);
        toml_add_string(&out, str_from_c(texts[i].text));
        check_str(texts[i].name, buf_str(&out), str_from_c(texts[i].string));
        buf_clear(&out);
        toml_add_key(&out, str_from_c(texts[i].text));
        check_str(texts[i].name, buf_str(&out), str_from_c(texts[i].key));
        buf_add(&out, S(" = "));
        toml_add_string(&out, str_from_c(texts[i].text));
        fixture_read(&f, buf_str(&out), STRICT);
        assert_non_null(f.doc->first);
        check_str(texts[i].name, f.doc->first->key, str_from_c(texts[i].text));
        check_str(texts[i].name, f.doc->first->text, str_from_c(texts[i].text));
        fixture_done(&f);
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(formatted), TEST(errors_give_nothing),
            TEST(memory_ends_anywhere), TEST(texts_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
