// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_toml_values.c: scalars of TOML 1.0.0 and 1.1.0, what they are read as, and
// what is refused where. The document is `v = ` and the text of the case.
#include "toml_fixture.h"

#define BAD_NUMBER "1:5 invalid number"
#define BAD_DATE "1:5 invalid date or time"
#define BARE "1:5 expected a value, found bare word"
#define RANGE "1:5 integer out of range"
#define OPEN "1:5 string started here is not closed before the end of the line"

static const struct {
    const char *name, *text;
    const char *value;     // "type text", or how the finding begins
    const char *value_new; // by 1.1.0; NULL: the same
} values[] = {
        // Integers
        {"zero", "0", "integer 0", NULL},
        {"minus zero", "-0", "integer 0", NULL},
        {"plus zero", "+0", "integer 0", NULL},
        {"underscores", "1_2_3", "integer 123", NULL},
        {"largest", "9223372036854775807", "integer 9223372036854775807", NULL},
        {"one more", "9223372036854775808", RANGE, NULL},
        {"smallest", "-9223372036854775808", "integer -9223372036854775808", NULL},
        {"one less", "-9223372036854775809", RANGE, NULL},
        {"digits without end", "99999999999999999999999999999", RANGE, NULL},
        {"hex", "0xDEAD_beef", "integer 3735928559", NULL},
        {"hex zeros", "0x00000000000000000001", "integer 1", NULL},
        {"hex largest", "0x7fffffffffffffff", "integer 9223372036854775807", NULL},
        {"hex beyond", "0x8000000000000000", RANGE, NULL},
        {"octal", "0o755", "integer 493", NULL},
        {"octal digit 8", "0o8", BAD_NUMBER, NULL},
        {"binary", "0b1101", "integer 13", NULL},
        {"binary digit 2", "0b2", BAD_NUMBER, NULL},
        {"capital prefix", "0X1", BAD_NUMBER, NULL},
        {"signed hex", "+0x1", BAD_NUMBER, NULL},
        {"empty hex", "0x", BAD_NUMBER, NULL},
        {"underscore behind prefix", "0x_1", BAD_NUMBER, NULL},
        {"leading zeros", "007", "1:5 invalid number '007'", NULL},
        {"signed leading zero", "-01", BAD_NUMBER, NULL},
        {"zero underscore", "0_1", BAD_NUMBER, NULL},
        {"trailing underscore", "1_", BAD_NUMBER, NULL},
        {"double underscore", "1__2", BAD_NUMBER, NULL},
        {"leading underscore", "_1", BAD_NUMBER, NULL},
        {"only a sign", "+", BAD_NUMBER, NULL},
        {"two signs", "+-1", BAD_NUMBER, NULL},
        {"word with a sign", "-one", BARE, NULL},
        // Floats
        {"pi", "3.1415", "float 3.1415", NULL},
        {"minus zero point zero", "-0.0", "float -0", NULL},
        {"exponent", "5e+22", "float 5e+22", NULL},
        {"exponent with zeros", "1e006", "float 1e+06", NULL},
        {"capital exponent", "-2E-2", "float -0.02", NULL},
        {"underscores in all parts", "1_0.2_5e1_0", "float 1.025e+11", NULL},
        {"zero exponent", "0e0", "float 0", NULL},
        {"inf", "inf", "float inf", NULL},
        {"signed inf", "-inf", "float -inf", NULL},
        {"nan", "+nan", "float nan", NULL},
        {"capital inf", "Inf", BARE, NULL},
        {"infinity", "infinity", BARE, NULL},
        {"no digit before", ".5", BAD_NUMBER, NULL},
        {"no digit behind", "5.", BAD_NUMBER, NULL},
        {"exponent behind point", "5.e1", BAD_NUMBER, NULL},
        {"no exponent", "5e", BAD_NUMBER, NULL},
        {"fraction of exponent", "1e2.3", BAD_NUMBER, NULL},
        {"leading zero of float", "03.1", BAD_NUMBER, NULL},
        {"two points", "1.2.3", BAD_NUMBER, NULL},
        {"underscore before point", "1_.2", BAD_NUMBER, NULL},
        {"underscore behind point", "1._2", BAD_NUMBER, NULL},
        {"underscore before e", "1_e2", BAD_NUMBER, NULL},
        {"beyond a double", "1e999", "1:5 float out of range", NULL},
        // Booleans and words
        {"true", "true", "bool true", NULL},
        {"false", "false", "bool false", NULL},
        {"capital true", "True", BARE, NULL},
        {"true and more", "trues", BARE, NULL},
        {"yes", "yes", "1:5 expected a value, found bare word 'yes'; strings need quotes", NULL},
        {"duration", "5m", "1:5 expected a value, found bare word '5m'; strings need quotes", NULL},
        {"size", "10kb", BARE, NULL},
        {"address", "192.0.2.1", BAD_NUMBER, NULL},
        {"address and port", "[::]:25", "1:6 expected a value, found bare word '::'", NULL},
        {"path", "/etc/x", BARE, NULL},
        {"no opening quote", "x\"",
                "1:5 expected a value, found bare word 'x'; is the opening quote missing?", NULL},
        {"number without opening quote", "192.0.2.1:25'",
                "1:5 expected a value, found bare word '192.0.2.1:25'; is the opening quote "
                "missing?",
                NULL},
        {"environment variable", "!HOME",
                "1:5 expected a value, found '!HOME'; write \"%{env:HOME}%\"", NULL},
        {"nothing", "", "1:5 expected a value", NULL},
        {"comment", "# x", "1:5 expected a value", NULL},
        {"second equals sign", "= 1", "1:5 expected a value, found '='", NULL},
        {"two values", "1 2", "1:7 unexpected text after the value", NULL},
        {"two strings", "\"a\"\"b\"", "1:8 unexpected text after the value", NULL},
        {"vertical tab", "1\v", "1:6 invalid byte 0x0B", NULL},
        {"bare CR", "1\r", "1:6 invalid byte 0x0D", NULL},
        {"ideographic space",
                "\xE3\x80\x80"
                "1",
                BARE, NULL},
        // Dates
        {"offset date-time", "1979-05-27T07:32:00Z", "datetime 1979-05-27T07:32:00Z", NULL},
        {"lower case", "1979-05-27t07:32:00z", "datetime 1979-05-27T07:32:00Z", NULL},
        {"blank", "1979-05-27 07:32:00-07:00", "datetime 1979-05-27T07:32:00-07:00", NULL},
        {"two blanks", "1979-05-27  07:32:00", "1:17 unexpected text after the value", NULL},
        {"fraction", "1979-05-27T00:32:00.999999+23:59",
                "datetime 1979-05-27T00:32:00.999999+23:59", NULL},
        {"local date-time", "1979-05-27T07:32:00", "datetime-local 1979-05-27T07:32:00", NULL},
        {"date", "0000-01-01", "date-local 0000-01-01", NULL},
        {"date and comment", "1979-05-27 #", "date-local 1979-05-27", NULL},
        {"time", "23:59:59.5", "time-local 23:59:59.5", NULL},
        {"leap second", "23:59:60", "time-local 23:59:60", NULL},
        {"second 61", "23:59:61", BAD_DATE, NULL},
        {"minute 60", "23:60:00", BAD_DATE, NULL},
        {"hour 24", "24:00:00", BAD_DATE, NULL},
        {"no seconds", "07:32", BAD_DATE, "time-local 07:32:00"},
        {"date-time without seconds", "1979-05-27 07:32Z", BAD_DATE,
                "datetime 1979-05-27T07:32:00Z"},
        {"fraction of a minute", "07:32.5", BAD_DATE, NULL},
        {"empty fraction", "07:32:00.", BAD_DATE, NULL},
        {"one digit", "7:32:00", BARE, NULL},
        {"leap day", "2024-02-29", "date-local 2024-02-29", NULL},
        {"leap day of 2000", "2000-02-29", "date-local 2000-02-29", NULL},
        {"leap day of 1900", "1900-02-29", BAD_DATE, NULL},
        {"leap day of 2023", "2023-02-29", BAD_DATE, NULL},
        {"31 April", "2023-04-31", BAD_DATE, NULL},
        {"day 0", "2023-04-00", BAD_DATE, NULL},
        {"month 13", "2023-13-01", BAD_DATE, NULL},
        {"month 0", "2023-00-01", BAD_DATE, NULL},
        {"date and T", "2023-01-01T", BAD_DATE, NULL},
        {"offset 24", "2023-01-01T00:00:00+24:00", BAD_DATE, NULL},
        {"offset minute 60", "2023-01-01T00:00:00+00:60", BAD_DATE, NULL},
        {"offset without colon", "2023-01-01T00:00:00+0000", BAD_DATE, NULL},
        {"time with offset", "07:32:00Z", BAD_DATE, NULL},
        {"year of five digits", "10000-01-01", BAD_NUMBER, NULL},
        // Basic strings
        {"empty string", "\"\"", "string ", NULL},
        {"escapes", "\"\\b\\t\\n\\f\\r\\\"\\\\\"", "string \b\t\n\f\r\"\\", NULL},
        {"code points", "\"\\u00e9\\U0001F600\"", "string \xC3\xA9\xF0\x9F\x98\x80", NULL},
        {"surrogate", "\"\\ud800\"", "1:6 '\\ud800' is no Unicode character", NULL},
        {"beyond Unicode", "\"\\U00110000\"", "1:6 '\\U00110000' is no Unicode character", NULL},
        {"too few digits", "\"\\u12\"", "1:6 '\\u' needs 4 hexadecimal digits", NULL},
        {"signed digits", "\"\\u+123\"", "1:6 '\\u' needs 4", NULL},
        {"escape character", "\"\\e\"", "1:6 unknown escape '\\e'", "string \x1B"},
        {"hex escape", "\"\\xe9\"", "1:6 unknown escape '\\x'", "string \xC3\xA9"},
        {"short hex escape", "\"\\x1\"", "1:6 unknown escape", "1:6 '\\x' needs 2"},
        {"unknown escape", "\"a\\.b\"", "1:7 unknown escape '\\.'", NULL},
        {"escaped blank", "\"a\\ b\"", "1:7 unknown escape '\\ '", NULL},
        {"tab", "\"\t\"", "string \t", NULL},
        {"control", "\"\x01\"", "1:6 invalid byte 0x01 at offset 5", NULL},
        {"DEL", "\"\x7F\"", "1:6 invalid byte 0x7F", NULL},
        {"bare CR in it", "\"\r\"", "1:6 invalid byte 0x0D", NULL},
        {"broken UTF-8", "\"\xC3\"", "1:6 invalid byte 0xC3", NULL},
        {"surrogate in UTF-8", "\"\xED\xA0\x80\"", "1:6 invalid byte 0xED", NULL},
        {"overlong UTF-8", "\"\xC0\x80\"", "1:6 invalid byte 0xC0", NULL},
        {"columns count characters", "\"\xC3\xA9\" x", "1:9 unexpected text", NULL},
        {"not closed", "\"abc", OPEN, NULL},
        {"closed on the next line", "\"abc\n\"", OPEN, NULL},
        {"closed by an escape", "\"abc\\\"", OPEN, NULL},
        {"backslash at the end", "\"abc\\\n\"", OPEN, NULL},
        {"backslash at the end of the file", "\"abc\\", OPEN, NULL},
        // Literal strings
        {"literal", "'a\\b\"'", "string a\\b\"", NULL},
        {"literal not closed", "'abc\\'x", "1:11 unexpected text after the value", NULL},
        {"literal with control", "'\x1F'", "1:6 invalid byte 0x1F", NULL},
        // Strings of several lines
        {"first line end", "\"\"\"\nx\"\"\"", "string x", NULL},
        {"first CR LF", "'''\r\nx\r\ny'''", "string x\ny", NULL},
        {"line ends are LF", "\"\"\"x\r\ny\\n\"\"\"", "string x\ny\n", NULL},
        {"line joined", "\"\"\"x \\  \n \n\t y\"\"\"", "string x y", NULL},
        {"line joined at the end", "\"\"\"x\\\n  \"\"\"", "string x", NULL},
        {"CR LF joined", "\"\"\"x\\\r\n\r\n y\"\"\"", "string xy", NULL},
        {"escape and blanks, but no line end", "\"\"\"x\\  y\"\"\"", "1:9 unknown escape", NULL},
        {"quotes inside", "\"\"\"a\"b\"\"c\"\"\"", "string a\"b\"\"c", NULL},
        {"quote before the end", "\"\"\"a\"\"\"\"", "string a\"", NULL},
        {"two quotes before the end", "'''a'''''", "string a''", NULL},
        {"three quotes before the end", "\"\"\"a\"\"\"\"\"\"", "1:14 unexpected text", NULL},
        {"only quotes", "\"\"\"\"\"\"\"\"", "string \"\"", NULL},
        {"escaped quote before the end", "\"\"\"a\\\"\"\"\"", "string a\"", NULL},
        {"bad escape on a later line", "\"\"\"\na\n \\q\"\"\"", "3:2 unknown escape '\\q'", NULL},
        {"control on a later line", "'''\n\n \x02'''", "3:2 invalid byte 0x02", NULL},
        {"bare CR on a later line", "'''\n\rx'''", "2:1 invalid byte 0x0D", NULL},
        {"several lines not closed", "\n\"\"\"\nx", "1:5 expected a value", NULL},
        {"end of file in it", "\"\"\"\nx\n",
                "1:5 string started here is not closed before the end of the file (it began on line"
                " 1)",
                NULL},
};

static void check_value(const char *name, const char *value, struct str text, enum dialect dialect)
{
    struct fixture f;
    struct buf got;
    buf_init(&got, MIB);
    fixture_read(&f, text, dialect);
    struct toml *v = toml_member(f.doc, S("v"));
    if (findings_failed(&f.findings)) {
        check_str(name, str_upto(buf_str(&f.said), str_from_c(value).len), str_from_c(value));
    } else {
        struct arena *a = &f.arena;
        struct json_error bad;
        struct json *doc = json_parse(a, buf_str(&f.json), &bad);
        struct json *tagged = json_member(doc, S("v"));
        assert_non_null(v);
        buf_fmt(&got, "%.*s ", ARG(json_string(json_member(tagged, S("type")), S("?"))));
        buf_add(&got, json_string(json_member(tagged, S("value")), S("?")));
        check_str(name, buf_str(&got), str_from_c(value));
    }
    buf_done(&got);
    fixture_done(&f);
}

static void scalars(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct buf text;
        buf_init(&text, MIB);
        buf_fmt(&text, "v = %s", values[i].text);
        const char *value_new = values[i].value_new;
        check_value(values[i].name, values[i].value, buf_str(&text), STRICT);
        check_value(values[i].name, value_new != NULL ? value_new : values[i].value, buf_str(&text),
                NEW);
        buf_done(&text);
    }
}

static void escape_of_nul(void **state)
{
    (void)state;
    struct fixture f;
    fixture_read(&f, S("v = \"a\\u0000b\""), STRICT);
    check_str("NUL", toml_member(f.doc, S("v"))->text, S("a\0b"));
    fixture_done(&f);
}

static void long_floats(void **state)
{
    (void)state;
    struct fixture f;
    struct buf text;
    buf_init(&text, MIB);
    buf_add(&text, S("v = 0."));
    buf_add_repeat(&text, '3', 300);
    fixture_read(&f, buf_str(&text), STRICT);
    check_str("no finding", buf_str(&f.said), S(""));
    assert_true(toml_member(f.doc, S("v"))->real == 1.0 / 3);
    fixture_done(&f);
    buf_add_repeat(&text, '3', 300);
    fixture_read(&f, buf_str(&text), STRICT);
    check_str("too long", buf_str(&f.said), S("1:5 float out of range\n"));
    fixture_done(&f);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(scalars), TEST(escape_of_nul), TEST(long_floats)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
