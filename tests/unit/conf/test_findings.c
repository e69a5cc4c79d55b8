// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_findings.c: the three forms of findings.
#include "../base/check.h"

#include "base/json.h"
#include "conf/findings.h"

#define E_ACUTE "\xC3\xA9"

static const struct {
    const char *name;
    struct finding finding;
    const char *printed, *line;
} forms[] = {
        {"tabs before the caret are repeated",
                {.class = FINDING_SYNTAX,
                        .file = S_INIT("a.toml"),
                        .line = 2,
                        .column = 5,
                        .source = S_INIT("\ta\t= yes"),
                        .message = S_INIT("bare word"),
                        .key = S_INIT("x.a")},
                "a.toml:2:5: error: bare word (key 'x.a')\n\ta\t= yes\n\t \t ^\n",
                "a.toml:2:5: error: x.a: bare word\n"},
        {"columns are code points",
                {.file = S_INIT("a"),
                        .line = 1,
                        .column = 4,
                        .source = S_INIT(E_ACUTE E_ACUTE "=x"),
                        .message = S_INIT("m")},
                "a:1:4: error: m\n" E_ACUTE E_ACUTE "=x\n   ^\n", "a:1:4: error: m\n"},
        {"controls and broken UTF-8 do not reach the terminal",
                {.file = S_INIT("a"),
                        .line = 1,
                        .column = 6,
                        .source = S_INIT("\033[2\xFF\xC2\x9Bx"),
                        .message = S_INIT("a\033b")},
                "a:1:6: error: a\\u{1b}b\n?[2??x\n     ^\n", "a:1:6: error: a\\u{1b}b\n"},
        {"the key stands before a conversion error",
                {.file = S_INIT("a"),
                        .line = 3,
                        .column = 1,
                        .key = S_INIT("session.timeout"),
                        .value = S_INIT("5 minutes"),
                        .message = S_INIT("invalid duration")},
                "a:3:1: error: 'session.timeout': invalid duration\n",
                "a:3:1: error: session.timeout: invalid duration\n"},
        {"a message that names the key is left alone",
                {.class = FINDING_SYNTAX,
                        .file = S_INIT("a"),
                        .line = 3,
                        .column = 1,
                        .key = S_INIT("a.b"),
                        .message = S_INIT("key 'a.b' is already set at a:1")},
                "a:3:1: error: key 'a.b' is already set at a:1\n",
                "a:3:1: error: a.b: key 'a.b' is already set at a:1\n"},
        {"part of a longer key is not its name",
                {.file = S_INIT("a"),
                        .line = 3,
                        .column = 1,
                        .key = S_INIT("b"),
                        .message = S_INIT("'a.b' is near 'b c'")},
                "a:3:1: error: 'b': 'a.b' is near 'b c'\n",
                "a:3:1: error: b: 'a.b' is near 'b c'\n"},
        {"element",
                {.class = FINDING_SYNTAX,
                        .file = S_INIT("a"),
                        .line = 1,
                        .column = 2,
                        .key = S_INIT("k"),
                        .element = 2,
                        .message = S_INIT("m")},
                "a:1:2: error: m (key 'k', element 2)\n", "a:1:2: error: k: m\n"},
        {"no file", {.severity = FINDING_WARNING, .key = S_INIT("k"), .message = S_INIT("m")},
                "warning: 'k': m\n", "warning: k: m\n"},
        {"hint",
                {.severity = FINDING_INFO,
                        .file = S_INIT("a"),
                        .message = S_INIT("m"),
                        .hint = S_INIT("do this")},
                "a: info: m\n  hint: do this\n", "a: info: m; do this\n"},
        {"caret behind the end of the line",
                {.file = S_INIT("a"),
                        .line = 1,
                        .column = 4,
                        .source = S_INIT("a ="),
                        .message = S_INIT("m")},
                "a:1:4: error: m\na =\n   ^\n", "a:1:4: error: m\n"},
};

static void printed_and_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct arena a;
        struct buf out;
        arena_init(&a, MIB);
        buf_init(&out, MIB);
        struct findings all = findings_make(&a);
        finding_add(&all, forms[i].finding);
        findings_print(&out, &all, FINDINGS_PLAIN);
        check_str(forms[i].name, buf_str(&out), str_from_c(forms[i].printed));
        buf_clear(&out);
        findings_lines(&out, &all);
        check_str(forms[i].name, buf_str(&out), str_from_c(forms[i].line));
        buf_done(&out);
        arena_done(&a);
    }
}

static void colours(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    arena_init(&a, MIB);
    buf_init(&out, MIB);
    struct findings all = findings_make(&a);
    finding_add(&all,
            (struct finding){
                    .file = S("a"), .line = 1, .column = 1, .source = S("x"), .message = S("m")});
    findings_print(&out, &all, FINDINGS_COLOUR);
    check_str("colour", buf_str(&out),
            S("\033[1ma:1:1: \033[1;31merror:\033[0m m\nx\n\033[1;32m^\033[0m\n"));
    buf_done(&out);
    arena_done(&a);
}

// The caret points at the same character, however much of the line is cut off before it.
static void long_lines(void **state)
{
    (void)state;
    static const uint32_t columns[] = {1, 79, 80, 81, 82, 83, 500, 4990, 5000};
    struct arena a;
    struct buf line;
    arena_init(&a, MIB);
    buf_init(&line, MIB);
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        buf_clear(&line);
        buf_add_repeat(&line, '.', 5000);
        line.ptr[columns[i] - 1] = '!';
        struct findings all = findings_make(&a);
        finding_add(&all, (struct finding){.file = S("a"),
                                  .line = 1,
                                  .column = columns[i],
                                  .source = buf_str(&line),
                                  .message = S("m")});
        struct finding *f = &all.all.at[0];
        assert_true(f->source.len <= FINDING_SOURCE_COLUMNS + 6);
        struct str rest = f->source;
        for (uint32_t column = 1; column < f->caret; column++) {
            uint32_t code;
            rest = str_from(rest, str_utf8_next(rest, &code));
        }
        assert_true(str_starts(rest, S("!")));
    }
    buf_done(&line);
    arena_done(&a);
}

static void json_form(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    arena_init(&a, MIB);
    buf_init(&out, MIB);
    struct findings all = findings_make(&a);
    struct json_out o = json_begin(&out, JSON_COMPACT);
    findings_json(&o, &all, true);
    check_str("nothing", buf_str(&out),
            S("{\"ok\":true,\"errors\":[],\"warnings\":[],\"infos\":[],\"dropped\":0}"));
    finding_add(&all, (struct finding){.severity = FINDING_WARNING,
                              .code = S("unknown-key"),
                              .file = S("a.toml"),
                              .line = 40,
                              .column = 1,
                              .key = S("queu.limit"),
                              .message = S("unknown key"),
                              .hint = S("did you mean queue.limit?"),
                              .value = S("\"x\"")});
    finding_add_fmt(&all, (struct finding){.code = S("bad-address"), .element = 3},
            "\"%s\" is no address", "[::1");
    buf_clear(&out);
    o = json_begin(&out, JSON_COMPACT);
    findings_json(&o, &all, false);
    check_str("both", buf_str(&out),
            S("{\"ok\":false,\"errors\":[{\"file\":null,\"line\":0,\"column\":0,\"key\":null,"
              "\"code\":\"bad-address\",\"message\":\"\\\"[::1\\\" is no address\",\"element\":3}],"
              "\"warnings\":[{\"file\":\"a.toml\",\"line\":40,\"column\":1,\"key\":\"queu.limit\","
              "\"code\":\"unknown-key\",\"message\":\"unknown key\",\"value\":\"\\\"x\\\"\","
              "\"hint\":\"did you mean queue.limit?\"}],\"infos\":[],\"dropped\":0}"));
    buf_done(&out);
    arena_done(&a);
}

static void texts_are_copied(void **state)
{
    (void)state;
    struct arena a;
    char text[] = "here";
    arena_init(&a, MIB);
    struct findings all = findings_make(&a);
    struct str s = str_of(text, 4);
    finding_add(&all, (struct finding){.file = s,
                              .line = 1,
                              .column = 1,
                              .key = s,
                              .value = s,
                              .message = s,
                              .hint = s,
                              .source = s});
    memset(text, '?', 4);
    struct finding *f = &all.all.at[0];
    struct str kept[] = {f->file, f->key, f->value, f->message, f->hint, f->source};
    for (size_t i = 0; i < COUNT_OF(kept); i++)
        check_str("kept", kept[i], S("here"));
    arena_done(&a);
}

static void too_many_are_counted(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    arena_init(&a, MIB);
    buf_init(&out, MIB);
    struct findings all = findings_make(&a);
    for (size_t i = 0; i < FINDINGS_MAX + 2; i++)
        finding_add(&all, (struct finding){.message = S("m")});
    assert_int_equal(all.error_count, FINDINGS_MAX + 2);
    assert_int_equal(all.all.count, FINDINGS_MAX);
    assert_int_equal(all.dropped_count, 2);
    findings_lines(&out, &all);
    assert_true(str_ends(buf_str(&out), S("error: m\nand 2 more\n")));
    buf_done(&out);
    arena_done(&a);
}

// A program without memory for its findings must still know that there were some.
static void no_memory_is_no_success(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    struct findings all = findings_make(&a);
    finding_add(&all, (struct finding){.message = S("m")});
    finding_add_fmt(&all, (struct finding){.severity = FINDING_WARNING}, "%d", 1);
    assert_true(findings_failed(&all));
    assert_int_equal(all.warning_count, 1);
    assert_int_equal(all.dropped_count, 2);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(printed_and_lines),
            TEST(colours),
            TEST(long_lines),
            TEST(json_form),
            TEST(texts_are_copied),
            TEST(too_many_are_counted),
            TEST(no_memory_is_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
