// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_encode.c: hex, base64, escaping.
#include "check.h"

#include "base/encode.h"

typedef bool decoder(struct buf *out, struct str text);

struct decode_case {
    const char *name;
    struct str text;
    bool good;
    struct str bytes;
};

static void check_decode(decoder *decode, const struct decode_case *cases, size_t count)
{
    struct buf b;
    buf_init(&b, 1 * KIB);
    for (size_t i = 0; i < count; i++) {
        buf_clear(&b);
        buf_add(&b, S("x"));
        check_true(cases[i].name, decode(&b, cases[i].text) == cases[i].good);
        check_str(cases[i].name, str_upto(buf_str(&b), 1), S("x"));
        check_str(cases[i].name, str_from(buf_str(&b), 1), cases[i].bytes); // nothing if it is bad
    }
    buf_done(&b);
}

static void hex(void **unused UNUSED)
{
    static const struct decode_case cases[] = {
            {"nothing", S_INIT(""), true, S_INIT("")},
            {"odd", S_INIT("a"), false, S_INIT("")},
            {"late", S_INIT("00ag"), false, S_INIT("")},
            {"blank", S_INIT("00 0"), false, S_INIT("")},
            {"both cases", S_INIT("00fFAb"), true, S_INIT("\0\xff\xab")},
    };
    check_decode(decode_hex, cases, COUNT_OF(cases));
    struct buf b;
    buf_init(&b, 6);
    encode_hex(&b, S("\0\xff\xab"));
    check_str("lower case", buf_str(&b), S("00ffab"));
    encode_hex(&b, S("a"));
    assert_true(b.overflow);
    buf_done(&b);
}

static void base64(void **unused UNUSED)
{
    static const struct decode_case cases[] = {
            {"nothing", S_INIT(""), true, S_INIT("")},
            {"only padding", S_INIT("===="), false, S_INIT("")},
            {"two pads alone", S_INIT("=="), false, S_INIT("")},
            {"no padding", S_INIT("Zg"), false, S_INIT("")},
            {"too little padding", S_INIT("Zg="), false, S_INIT("")},
            {"too much padding", S_INIT("Zm9v===="), false, S_INIT("")},
            {"three pads", S_INIT("Z==="), false, S_INIT("")},
            {"padding inside", S_INIT("Zg==Zg=="), false, S_INIT("")},
            {"bits left over, 1 byte", S_INIT("Zh=="), false, S_INIT("")},
            {"bits left over, 2 bytes", S_INIT("Zm9="), false, S_INIT("")},
            {"white space", S_INIT("Zm9v\n"), false, S_INIT("")},
            {"url alphabet", S_INIT("_-__"), false, S_INIT("")},
            {"high byte", S_INIT("Zm9\xff"), false, S_INIT("")},
            {"f", S_INIT("Zg=="), true, S_INIT("f")},
            {"fo", S_INIT("Zm8="), true, S_INIT("fo")},
            {"foobar", S_INIT("Zm9vYmFy"), true, S_INIT("foobar")},
            {"all ones", S_INIT("////"), true, S_INIT("\xff\xff\xff")},
            {"plus", S_INIT("++++"), true, S_INIT("\xfb\xef\xbe")},
    };
    check_decode(decode_base64, cases, COUNT_OF(cases));
}

static void base64url(void **unused UNUSED)
{
    static const struct decode_case cases[] = {
            {"nothing", S_INIT(""), true, S_INIT("")},
            {"without padding", S_INIT("Zg"), true, S_INIT("f")},
            {"with padding", S_INIT("Zg=="), true, S_INIT("f")},
            {"half a padding", S_INIT("Zg="), false, S_INIT("")},
            {"one digit", S_INIT("Z"), false, S_INIT("")},
            {"one digit more", S_INIT("Zm9vY"), false, S_INIT("")},
            {"bits left over", S_INIT("Zh"), false, S_INIT("")},
            {"std alphabet", S_INIT("////"), false, S_INIT("")},
            {"its own alphabet", S_INIT("-_8"), true, S_INIT("\xfb\xff")},
    };
    check_decode(decode_base64url, cases, COUNT_OF(cases));
}

static void there_and_back(void **unused UNUSED)
{
    struct buf text, bytes, again;
    buf_init(&text, 2 * KIB);
    buf_init(&bytes, 1 * KIB);
    buf_init(&again, 1 * KIB);
    for (int c = 0; c < 256; c++) {
        buf_clear(&text);
        buf_clear(&again);
        buf_add_byte(&bytes, (char)(c * 37));
        encode_base64(&text, buf_str(&bytes));
        assert_int_equal(text.len, (bytes.len + 2) / 3 * 4);
        assert_true(decode_base64(&again, buf_str(&text)));
        assert_true(str_eq(buf_str(&again), buf_str(&bytes)));
        buf_clear(&text);
        buf_clear(&again);
        encode_base64url(&text, buf_str(&bytes));
        assert_true(decode_base64url(&again, buf_str(&text)));
        assert_true(str_eq(buf_str(&again), buf_str(&bytes)));
    }
    buf_done(&text);
    buf_done(&bytes);
    buf_done(&again);
}

static void escaping(void **unused UNUSED)
{
    static const struct {
        const char *name;
        struct str bytes;
        enum escape_for how;
        const char *text;
    } cases[] = {
            {"a false log line", S_INIT("a\r\nb\t"), ESCAPE_PLAIN, "a\\r\\nb\\t"},
            {"colours", S_INIT("\x1b[31m\x7f"), ESCAPE_PLAIN, "\\u{1b}[31m\\u{7f}"},
            {"NUL", S_INIT("\0"), ESCAPE_PLAIN, "\\u{00}"},
            {"C1", S_INIT("\xc2\x9b"), ESCAPE_PLAIN, "\\u{9b}"},
            {"no-break space stays", S_INIT("\xc2\xa0"), ESCAPE_PLAIN, "\xc2\xa0"},
            {"override", S_INIT("\xe2\x80\xae"), ESCAPE_PLAIN, "\\u{202e}"},
            {"isolate", S_INIT("\xe2\x81\xa6"), ESCAPE_PLAIN, "\\u{2066}"},
            {"line separator", S_INIT("\xe2\x80\xa8"), ESCAPE_PLAIN, "\\u{2028}"},
            {"ill-formed", S_INIT("\xff\xe2\x82"), ESCAPE_PLAIN, "\\xff\\xe2\\x82"},
            {"letters stay", S_INIT("\xc3\xa4\xf0\x9f\x98\x80"), ESCAPE_PLAIN,
                    "\xc3\xa4\xf0\x9f\x98\x80"},
            {"quotes, plain", S_INIT("\"\\"), ESCAPE_PLAIN, "\"\\"},
            {"quotes, quoted", S_INIT("\"\\"), ESCAPE_QUOTED, "\\\"\\\\"},
            {"null", {0}, ESCAPE_PLAIN, ""},
    };
    struct buf b;
    buf_init(&b, 1 * KIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&b);
        escape_text(&b, cases[i].bytes, 100, cases[i].how);
        check_str(cases[i].name, buf_str(&b), str_from_c(cases[i].text));
    }
    buf_done(&b);
}

static void cutting(void **unused UNUSED)
{
    static const struct {
        const char *name;
        struct str bytes;
        size_t max;
        const char *text;
    } cases[] = {
            {"just fits", S_INIT("abcd"), 4, "abcd"},
            {"one too many", S_INIT("abcde"), 4, "abcd\xe2\x80\xa6"},
            {"no half escape", S_INIT("abc\n"), 4, "abc\xe2\x80\xa6"},
            {"no half letter", S_INIT("abc\xc3\xa4"), 4, "abc\xe2\x80\xa6"},
            {"nothing allowed", S_INIT("a"), 0, "\xe2\x80\xa6"},
            {"nothing there", S_INIT(""), 0, ""},
    };
    struct buf b;
    buf_init(&b, 1 * KIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&b);
        escape_text(&b, cases[i].bytes, cases[i].max, ESCAPE_PLAIN);
        check_str(cases[i].name, buf_str(&b), str_from_c(cases[i].text));
    }
    buf_done(&b);
}

#define X70 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void quoted_printable(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *encoded;
    } cases[] = {
            {"nothing", "", ""},
            {"plain", "a b\r\nc\r\n", "a b\r\nc\r\n"},
            {"a line that does not end", "a", "a\r\n"},
            {"an equals sign", "a=b\r\n", "a=3Db\r\n"},
            {"blanks at the end", "a \r\n\t\r\n", "a=20\r\n=09\r\n"},
            {"a letter beyond ASCII", "\xC3\xBC\r\n", "=C3=BC\r\n"},
            {"76 octets", X70 "123456\r\n", X70 "123456\r\n"},
            {"77 octets", X70 "1234567\r\n", X70 "12345=\r\n67\r\n"},
            {"an escape at column 74", X70 "123=\r\n", X70 "123=3D\r\n"},
            {"an escape at column 75", X70 "1234=\r\n", X70 "1234=\r\n=3D\r\n"},
            {"an escape that more follows", X70 "123=4\r\n", X70 "123=\r\n=3D4\r\n"},
            {"what a boundary begins with", "--\r\n-\r\na--\r\n- -\r\n",
                    "=2D-\r\n-\r\na--\r\n- -\r\n"},
            {"the same behind a soft break", X70 "12345--\r\n", X70 "12345=\r\n=2D-\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out AUTO(buf_done);
        buf_init(&out, KIB);
        encode_quoted_printable(&out, str_from_c(cases[i].text));
        check_str(cases[i].name, buf_str(&out), str_from_c(cases[i].encoded));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(hex),
            TEST(base64),
            TEST(base64url),
            TEST(there_and_back),
            TEST(escaping),
            TEST(cutting),
            TEST(quoted_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
