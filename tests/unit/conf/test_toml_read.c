// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_toml_read.c: documents: keys, tables, arrays, what may be added to what,
// tolerances, and what is said of the rest.
#include "toml_fixture.h"

static const struct {
    const char *name, *text;
    enum dialect dialect;
    const char *said; // all findings
    const char *json; // NULL: not looked at. 1 stands for {"type":"integer","value":"1"}
} documents[] = {
        // The examples of configuration.md 2.3
        {"quote missing", "[server.tls]\nprotocols = [ \"TLSv1.2\", TLSv1.3\" ]\n", TOLERANT,
                "2:26 expected a value, found bare word 'TLSv1.3'; is the opening quote missing?\n",
                "{'server':{'tls':{}}}"},
        {"header not closed", "[server.listener.\"smtp\"\na = 1", STRICT,
                "1:24 expected ']' to close the table header\n",
                "{'server':{'listener':{'smtp':{'a':1}}}}"},
        {"empty header", "[]\na = 1", STRICT, "1:2 empty key component\n", "{}"},
        {"empty component", "key..x = 1\na = 1", STRICT, "1:5 empty key component\n", NULL},
        {"empty key", "= 1", STRICT, "1:1 empty key component\n", "{}"},
        {"dot first", ".a = 1", STRICT, "1:1 empty key component\n", "{}"},
        {"dot last", "a. = 1", STRICT, "1:4 empty key component\n", NULL},
        {"dot last in header", "[a.]", STRICT, "1:4 empty key component\n", NULL},
        {"leaf twice", "[a]\nb = 1\nb = 2", STRICT, "3:1 key 'a.b' is already set at f:2\n",
                "{'a':{'b':1}}"},
        {"value as table", "a.b = 1\na.b.c = 1", STRICT,
                "2:3 'a.b' is a value at f:1, cannot be used as a table\n", "{'a':{'b':1}}"},
        {"value as header", "a = 1\n[a]", STRICT,
                "2:2 'a' is a value at f:1, cannot be used as a table\n", NULL},
        {"value above header", "a = 1\n[a.b]", STRICT,
                "2:2 'a' is a value at f:1, cannot be used as a table\n", NULL},
        {"array of tables behind table", "[a]\n[[a]]", STRICT,
                "2:3 'a' is a table at f:1, not an array of tables\n", NULL},
        {"text behind header", "[a] b = 1", STRICT, "1:5 unexpected text after the table header\n",
                NULL},
        // Keys
        {"quoted", "'a.b' = 1\n\"\" = 1\n\"\\u0061\" = 1", STRICT, "", "{'a.b':1,'':1,'a':1}"},
        {"blanks around dots", " a \t. b.'c' =1", STRICT, "", "{'a':{'b':{'c':1}}}"},
        {"digits", "1.2 = 1", STRICT, "", "{'1':{'2':1}}"},
        {"words of values", "true.inf = 1", STRICT, "", "{'true':{'inf':1}}"},
        {"key of several lines", "\"\"\"a\"\"\" = 1", STRICT,
                "1:1 a key cannot be a string of several lines\n", NULL},
        {"no equals sign", "a\nb = 1", STRICT, "1:2 expected '=' after the key 'a'\n", "{'b':1}"},
        {"comment for equals sign", "a # = 1", STRICT, "1:3 expected '=' after the key 'a'\n",
                NULL},
        {"odd character", "a@b = 1", STRICT,
                "1:2 expected '=' after the key 'a', found '@'; a key with other characters than "
                "A-Z a-z 0-9 _ - needs quotes\n",
                NULL},
        {"odd first character", "\xC3\xA9 = 1", STRICT,
                "1:1 expected a key, found '\xC3\xA9'; other than A-Z a-z 0-9 _ - needs quotes\n",
                NULL},
        {"line end before equals sign", "a\n= 1", STRICT, "1:2 expected '=' after the key 'a'\n",
                NULL},
        {"same key, other quotes", "a = 1\n'a' = 1", STRICT, "2:1 key 'a' is already set at f:1\n",
                NULL},
        {"two pairs on a line", "a = 1 b = 1", STRICT, "1:7 unexpected text after the value\n",
                "{'a':1}"},
        // The text
        {"empty", "", STRICT, "", "{}"},
        {"byte order mark",
                "\xEF\xBB\xBF"
                "a = 1\nb = x",
                STRICT, "2:5 expected a value, found bare word 'x'; strings need quotes\n",
                "{'a':1}"},
        {"columns behind the mark",
                "\xEF\xBB\xBF"
                "a = x",
                STRICT, "1:5 expected a value, found bare word 'x'; strings need quotes\n", NULL},
        {"mark on a later line",
                "a = 1\n\xEF\xBB\xBF"
                "b = 1",
                STRICT,
                "2:1 expected a key, found '\xEF\xBB\xBF'; other than A-Z a-z 0-9 _ - needs "
                "quotes\n",
                NULL},
        {"UTF-16",
                "\xFF\xFE"
                "a",
                STRICT,
                "1:1 invalid byte 0xFF at offset 0 of the file, which must be text in UTF-8\n",
                NULL},
        {"CR LF", "a = 1\r\n[b] # x\r\nc = [\r\n1]\r\n", STRICT, "", "{'a':1,'b':{'c':[1]}}"},
        {"bare CR", "a = 1\rb = 1", STRICT,
                "1:6 invalid byte 0x0D at offset 5 of the file, which must be text in UTF-8\n",
                NULL},
        {"CR in a comment", "# a\rb\nc = 1", STRICT,
                "1:4 invalid byte 0x0D at offset 3 of the file, which must be text in UTF-8\n",
                "{'c':1}"},
        {"controls in a comment", "#\t\x01\x02\nc = 1 #\x7F", STRICT,
                "1:3 invalid byte 0x01 at offset 2 of the file, which must be text in UTF-8\n"
                "2:8 invalid byte 0x7F at offset 12 of the file, which must be text in UTF-8\n",
                "{'c':1}"},
        // Arrays
        {"free arrays", "a = [ # x\n1, [ ], \n\n 1 # y\n , # z\n]", STRICT, "", "{'a':[1,[],1]}"},
        {"mixed", "a = [1, {b = 1}]", STRICT, "", "{'a':[1,{'b':1}]}"},
        {"only a comma", "a = [,]", STRICT, "1:6 expected a value, found ','\n", NULL},
        {"two commas", "a = [1,,1]", STRICT, "1:8 expected a value, found ','\n", NULL},
        {"no comma", "a = [1 1]", STRICT, "1:8 expected ',' or ']'\n", NULL},
        {"array not closed", "a = [1,", STRICT, "1:8 expected ']'\n", NULL},
        {"forgotten bracket", "a = [\n 1\nb = 1", STRICT,
                "3:1 expected ',' or ']' to go on with what was opened on line 1\n", "{'b':1}"},
        {"wrong bracket", "a = [1}", STRICT, "1:7 expected ',' or ']'\n", NULL},
        {"ten deep", "a = [[[[[[[[[[1]]]]]]]]]]", STRICT, "", "{'a':[[[[[[[[[[1]]]]]]]]]]}"},
        {"eleven deep", "a = [[[[[[[[[[[1]]]]]]]]]]]\nb = 1", STRICT,
                "1:15 Too many nested structures\n", "{'b':1}"},
        {"eleven deep, mixed", "a = [{b=[{b=[{b=[{b=[{b=[]}]}]}]}]}]", STRICT,
                "1:25 Too many nested structures\n", NULL},
        // Inline tables
        {"inline", "a = { b = 1, c.d = 1 , 'e' = {} }", STRICT, "",
                "{'a':{'b':1,'c':{'d':1},'e':{}}}"},
        {"comma behind the last pair", "a = { b = 1, }", STRICT,
                "1:14 expected a key: no comma may stand before the '}' of an inline table\n",
                NULL},
        {"line end in it", "a = { b = 1\n}\nc = 1", STRICT,
                "1:12 an inline table must end on the line it began\n", "{'c':1}"},
        {"line end in an array in it", "a = { b = [\n1] }", STRICT, "", "{'a':{'b':[1]}}"},
        {"comment in it", "a = { # x\n}", STRICT,
                "1:7 an inline table must end on the line it began\n", NULL},
        {"1.1.0: free", "a = { # x\n b = 1 # y\n , # z\n}", NEW, "", "{'a':{'b':1}}"},
        {"1.1.0: only a comma", "a = {,}", NEW,
                "1:6 expected a key, found ','; other than A-Z a-z 0-9 _ - needs quotes\n", NULL},
        {"inline, no comma", "a = { b = 1 c = 1 }", STRICT, "1:13 expected ',' or '}'\n", NULL},
        {"inline key twice", "a = { b = 1, b = 1 }", STRICT,
                "1:14 key 'a.b' is already set at f:1\n", NULL},
        {"inline, value as table", "a = { b = 1, b.c = 1 }", STRICT,
                "1:14 'a.b' is a value at f:1, cannot be used as a table\n", NULL},
        {"inline table grown inside", "a = { b = {}, b.c = 1 }", STRICT,
                "1:15 'a.b' is an inline table at f:1, cannot be used as a table\n", NULL},
        {"inline table grown by dots", "a = {}\na.b = 1", STRICT,
                "2:1 'a' is an inline table at f:1, cannot be used as a table\n", NULL},
        {"inline table grown by a header", "a = {}\n[a.b]", STRICT,
                "2:2 'a' is an inline table at f:1, cannot be used as a table\n", NULL},
        {"inline table as header", "a = {}\n[a]", STRICT,
                "2:2 'a' is an inline table at f:1, cannot be used as a table\n", NULL},
        {"dotted inside, grown by a header", "a = { b.c = 1 }\n[a.b.d]", STRICT,
                "2:2 'a' is an inline table at f:1, cannot be used as a table\n", NULL},
        // Tables
        {"header twice", "[a]\n[b]\n[a]\nc = 1", STRICT,
                "3:2 'a' is a table at f:1, and is complete\n", "{'a':{},'b':{}}"},
        {"header behind its child", "[a.b]\n[a]\nc = 1", STRICT, "", "{'a':{'b':{},'c':1}}"},
        {"header behind its child, twice", "[a.b]\n[a]\n[a]", STRICT,
                "3:2 'a' is a table at f:2, and is complete\n", NULL},
        {"dotted, then header", "a.b = 1\n[a]", STRICT,
                "2:2 'a' is a table at f:1, and is complete\n", NULL},
        {"dotted, then deeper header", "[a]\nb.c = 1\n[a.b.d]\ne = 1", STRICT, "",
                "{'a':{'b':{'c':1,'d':{'e':1}}}}"},
        {"dotted, then its header", "[a]\nb.c = 1\n[a.b]", STRICT,
                "3:4 'a.b' is a table at f:2, and is complete\n", NULL},
        {"header, then dotted", "[a.b]\n[a]\nb.c = 1", STRICT,
                "3:1 'a.b' is a table at f:1, dotted keys cannot add to it\n", NULL},
        {"implicit, then dotted", "[a.b.c]\n[a]\nb.d = 1", STRICT, "",
                "{'a':{'b':{'c':{},'d':1}}}"},
        {"implicit, dotted, then header", "[a.b.c]\n[a]\nb.d = 1\n[a.b]", STRICT,
                "4:4 'a.b' is a table at f:1, and is complete\n", NULL},
        {"dotted in turns", "a.x = 1\nb.x = 1\na.y = 1", STRICT, "",
                "{'a':{'x':1,'y':1},'b':{'x':1}}"},
        {"value over a table", "[a.b]\n[a]\nb = 1", STRICT,
                "3:1 'a.b' is a table at f:1, cannot be given a value\n", NULL},
        {"value over a dotted table", "a.b = 1\na = 1", STRICT,
                "2:1 'a' is a table at f:1, cannot be given a value\n", NULL},
        // Arrays of tables
        {"array of tables", "[[a]]\nb = 1\n[[a]]\n[a.c]\nd = 1", STRICT, "",
                "{'a':[{'b':1},{'c':{'d':1}}]}"},
        {"arrays in arrays", "[[a]]\n[[a.b]]\n[[a.b]]\n[[a]]\n[[a.b]]", STRICT, "",
                "{'a':[{'b':[{},{}]},{'b':[{}]}]}"},
        {"table of each element", "[[a]]\n[a.b]\n[[a]]\n[a.b]", STRICT, "",
                "{'a':[{'b':{}},{'b':{}}]}"},
        {"table of one element twice", "[[a]]\n[a.b]\n[a.b]", STRICT,
                "3:4 'a.0.b' is a table at f:2, and is complete\n", NULL},
        {"table behind array of tables", "[[a]]\n[a]", STRICT,
                "2:2 'a' is an array of tables at f:1, write [[ ]] to add to it\n", NULL},
        {"array of tables behind implicit", "[a.b]\n[[a]]", STRICT,
                "2:3 'a' is a table at f:1, not an array of tables\n", NULL},
        {"array of tables behind array", "a = []\n[[a]]", STRICT,
                "2:3 'a' is a value at f:1, not an array of tables\n", NULL},
        {"table in an array of values", "a = [{}]\n[a.b]", STRICT,
                "2:2 'a' is a value at f:1, cannot be used as a table\n", NULL},
        {"dotted into an array of tables", "[[a.b]]\n[a]\nb.c = 1", STRICT,
                "3:1 'a.b' is an array of tables at f:1, cannot be used as a table\n", NULL},
        {"value over an array of tables", "[[a.b]]\n[a]\nb = 1", STRICT,
                "3:1 'a.b' is an array of tables at f:1, cannot be given a value\n", NULL},
        {"blank between brackets", "[ [a]]", STRICT,
                "1:3 expected a key, found '['; other than A-Z a-z 0-9 _ - needs quotes\n", NULL},
        {"blank between closing brackets", "[[a] ]", STRICT,
                "1:4 expected ']]' to close the table header\n", NULL},
        {"one closing bracket", "[[a]", STRICT, "1:4 expected ']]' to close the table header\n",
                NULL},
        {"header over two lines", "[a\n]", STRICT, "1:3 expected ']' to close the table header\n",
                NULL},
        // Tolerances of configuration.md 2.2
        {"T1", "a = { # x\n b = 1,\n}", TOLERANT, "", "{'a':{'b':1}}"},
        {"T2", "a = { \"x\", 'y', z.w:1/8, 7, # c\n}\nb = {x}", TOLERANT,
                "~1:5 a set in braces is no TOML; use an array: [ ]\n",
                "{'a':{'x':s,'y':s,'z.w:1/8':s,'7':s},'b':{'x':s}}"},
        {"T2 twice", "a = {x, x}", TOLERANT,
                "~1:5 a set in braces is no TOML; use an array: [ ]\n"
                "1:9 key 'a.x' is already set at f:1\n",
                NULL},
        {"T2 strictly", "a = {\"x\"}", STRICT,
                "1:9 expected '=' after the key 'x', found '}'; a key"
                " with other characters than A-Z a-z 0-9 _ - needs"
                " quotes\n",
                NULL},
        {"T3", "a = \"^a\\.b\\d$\"", TOLERANT,
                "~1:8 unknown escape '\\.' is kept as it stands; write '^a\\.b\\d$'\n",
                "{'a':'^a\\\\.b\\\\d$'}"},
        {"T3 among known ones", "a = \"\\.'\\n\\t\"", TOLERANT,
                "~1:6 unknown escape '\\.' is kept as it stands; write it as a literal string, "
                "'...' or '''...'''\n",
                NULL},
        {"T3 in a key", "\"a\\.\" = 1", TOLERANT,
                "~1:3 unknown escape '\\.' is kept as it stands; write 'a\\.'\n", "{'a\\\\.':1}"},
        {"T3 does not cover bad code points", "a = \"\\ud800\"", TOLERANT,
                "1:6 '\\ud800' is no Unicode character\n", NULL},
        {"T7 header twice", "[a]\nb = 1\n[c]\n[a]\nd = 1", TOLERANT, "",
                "{'a':{'b':1,'d':1},'c':{}}"},
        {"T7 behind dotted", "a.b = 1\n[a]\nc = 1", TOLERANT, "", "{'a':{'b':1,'c':1}}"},
        {"T7 leaf repeated", "[a]\nb = 1\n[a]\nb = 1", TOLERANT,
                "4:1 key 'a.b' is already set at f:2\n", NULL},
        {"T7 not for inline tables", "a = {}\n[a]", TOLERANT,
                "2:2 'a' is an inline table at f:1, cannot be used as a table\n", NULL},
        {"headers in lower case", "[Server.TLS.\"Id\"]\nKey = 1", TOLERANT, "",
                "{'server':{'tls':{'Id':{'Key':1}}}}"},
        {"headers as they are", "[Server]", STRICT, "", "{'Server':{}}"},
        // Going on after errors
        {"stray quote", "[a]\nb = [ \"x\", y\", \"z\" ]\nc = 1\nd = 2\n", STRICT,
                "2:12 expected a value, found bare word 'y'; is the opening quote missing?\n",
                NULL},
        {"not at the first column", "a = yes\n b = no\nc = no", STRICT,
                "1:5 expected a value, found bare word 'yes'; strings need quotes\n"
                "3:5 expected a value, found bare word 'no'; strings need quotes\n",
                NULL},
        {"rows of an array are no headers", "a = [ x,\n[1],\n[2, 3],\n]\nb = 1", STRICT,
                "1:7 expected a value, found bare word 'x'; strings need quotes\n", "{'b':1}"},
        {"in a table of several lines", "a = {\nb = 1,\nc = yes,\n}\n[d]", TOLERANT,
                "3:5 expected a value, found bare word 'yes'; strings need quotes\n", NULL},
        {"keys behind a bad header are not of the table before", "[a]\nb = 1\n[c d]\nb = 1", STRICT,
                "3:4 expected ']' to close the table header\n", NULL},
        {"keys behind a header refused", "b = 1\n[b]\nb = 1\n[c]\nd = 1", STRICT,
                "2:2 'b' is a value at f:1, cannot be used as a table\n", NULL},
        {"wrong numbers do not stop a line", "a = [01, 02]\nb = 1", STRICT,
                "1:6 invalid number '01'\n1:10 invalid number '02'\n", NULL},
        {"string of several lines not closed", "a = '''x\nb = 1", STRICT,
                "1:5 string started here is not closed before the end of the file (it began on line"
                " 1)\n",
                "{'b':1}"},
};

// 'a' for "a", and 1, s, 'x' for tagged values.
static void json_unfold(struct buf *out, struct str shorthand)
{
    struct scan in = scan_over(shorthand);
    uint8_t c = 0, before = 0;
    while (scan_any(&in, &c)) {
        struct str text;
        bool is_value = before == ':' || ((before == '[' || before == ',') && c == '1');
        before = c;
        if (c == '\'' && scan_until_past(&in, '\'', &text)) {
            buf_fmt(out, is_value ? "{\"type\":\"string\",\"value\":\"%.*s\"}" : "\"%.*s\"",
                    ARG(text));
        } else if (c == '1') {
            buf_add(out, S("{\"type\":\"integer\",\"value\":\"1\"}"));
        } else if (c == 's') {
            buf_add(out, S("{\"type\":\"string\",\"value\":\"\"}"));
        } else {
            buf_add_byte(out, (char)c);
        }
    }
}

static void documents_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        struct fixture f;
        struct buf want;
        buf_init(&want, MIB);
        fixture_read(&f, str_from_c(documents[i].text), documents[i].dialect);
        check_str(documents[i].name, buf_str(&f.said), str_from_c(documents[i].said));
        if (documents[i].json != NULL) {
            json_unfold(&want, str_from_c(documents[i].json));
            check_str(documents[i].name, buf_str(&f.json), buf_str(&want));
        }
        buf_done(&want);
        fixture_done(&f);
    }
}

static void nul_is_no_text(void **state)
{
    (void)state;
    struct fixture f;
    fixture_read(&f, S("a = \"x\0\"\n\0"), STRICT);
    check_str("NUL", buf_str(&f.said),
            S("1:7 invalid byte 0x00 at offset 6 of the file, which must be text in UTF-8\n"
              "2:1 invalid byte 0x00 at offset 9 of the file, which must be text in UTF-8\n"));
    fixture_done(&f);
}

// configuration.md 2.3, word for word.
static void worked_example(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    arena_init(&a, MIB);
    buf_init(&out, MIB);
    struct findings findings = findings_make(&a);
    struct toml_options options = {.file = S("/etc/mail/config.toml"), .tolerance = TOML_TOLERANT};
    assert_non_null(toml_parse(
            &a, S("[server.tls]\nprotocols = [ \"TLSv1.2\", TLSv1.3\" ]\n"), &options, &findings));
    findings_print(&out, &findings, FINDINGS_PLAIN);
    check_str("printed", buf_str(&out),
            S("/etc/mail/config.toml:2:26: error: expected a value, found bare word 'TLSv1.3'; is "
              "the opening quote missing? (key 'server.tls.protocols', element 2)\n"
              "protocols = [ \"TLSv1.2\", TLSv1.3\" ]\n"
              "                         ^\n"));
    buf_done(&out);
    arena_done(&a);
}

static const struct {
    const char *name, *text, *key;
    uint32_t element;
} keys[] = {
        {"of a value", "[a.\"b.c\"]\nd = x", "a.\"b.c\".d", 0},
        {"of an element", "a = [1, x]", "a", 2},
        {"of an element of an element", "a = [[1], [x]]", "a.1", 1},
        {"of a pair in an element", "[[b]]\n[[b]]\na = [{}, {c = x}]", "b.1.a.1.c", 0},
        {"of the table, before the key", "[a.b]\n= 1", "a.b", 0},
        {"of an element of a list of tables", "[[a]]\n[[a]]\n= 1", "a.1", 0},
        {"of a leaf that is there", "[a]\nb.c = 1\nb.c = 2", "a.b.c", 0},
        {"of a table that is there", "[a.b]\n[a.b]", "a.b", 0},
        {"of the header", "[a.b", "a.b", 0},
        {"none at the top", "= 1", NULL, 0},
};

static void keys_of_findings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct fixture f;
        fixture_read(&f, str_from_c(keys[i].text), STRICT);
        assert_int_equal(f.findings.all.count, 1);
        check_str(keys[i].name, f.findings.all.at[0].key, str_from_c(keys[i].key));
        check_u64(keys[i].name, f.findings.all.at[0].element, keys[i].element);
        fixture_done(&f);
    }
}

static void places_of_nodes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_read(&f, S("\n[a.'\xC3\xA9']\n  b.c = [ 'x',\n 2 ]\n"), STRICT);
    check_str("clean", buf_str(&f.said), S(""));
    struct toml *e = toml_member(toml_member(f.doc, S("a")), S("\xC3\xA9"));
    struct toml *list = toml_member(toml_member(e, S("b")), S("c"));
    assert_true(e->line == 2 && e->column == 4 && e->key_quoted);
    assert_true(list->key_line == 3 && list->key_column == 5 && !list->key_quoted);
    assert_true(list->line == 3 && list->column == 9 && list->count == 2);
    assert_true(list->first->line == 3 && list->first->column == 11);
    assert_true(list->last->line == 4 && list->last->column == 2);
    check_str("source", list->source, S("  b.c = [ 'x',"));
    check_str("source of the second line", list->last->source, S(" 2 ]"));
    check_str("path", toml_path(&f.arena, list->last), S("a.\"\xC3\xA9\".b.c.1"));
    check_str("file", list->last->file, S("f"));
    assert_null(toml_member(e, S("c")));
    assert_null(toml_member(list, S("c")));
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(documents_read),
            TEST(nul_is_no_text),
            TEST(worked_example),
            TEST(keys_of_findings),
            TEST(places_of_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
