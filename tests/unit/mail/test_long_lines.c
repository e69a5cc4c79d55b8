// SPDX-License-Identifier: Apache-2.0
// tests/unit/mail/test_long_lines.c: where folds come, in pieces of several sizes.
#include "../base/check.h"

#include "mail/long_lines.h"

static const struct {
    const char *name, *text, *wanted;
} cases[] = {
        {"nothing", "", ""},
        {"a line of just that length", "12345678\r\nab", "12345678\r\nab"},
        {"one octet more", "123456789\r\n", "12345678\r\n 9\r\n"},
        {"what is folded is folded again, and its blank counts", "12345678123456712345671\n",
                "12345678\r\n 1234567\r\n 1234567\r\n 1\n"},
        {"a CR or a LF alone ends a line", "1234567\r1234567\n12345678",
                "1234567\r1234567\n12345678"},
        {"a letter is not cut",
                "1234567\xc3\xbc"
                "8",
                "1234567\r\n \xc3\xbc"
                "8"},
        {"a letter that just fits",
                "123456\xc3\xbc"
                "8",
                "123456\xc3\xbc\r\n 8"},
        {"a letter of four octets", "12345\xf0\x9f\x98\x80", "12345\r\n \xf0\x9f\x98\x80"},
        {"octets that are no letters", "1234567\x80\x80\x80", "1234567\x80\r\n \x80\x80"},
};

static void folds(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str text = str_from_c(cases[i].text);
        for (size_t size = 1; size < 30; size++) {
            struct long_lines lines = {.bytes_max = 8};
            struct buf out AUTO(buf_done);
            buf_init(&out, KIB);
            for (size_t at = 0; at < text.len; at += size) {
                struct str piece = str_part(text, at, size);
                for (;;) {
                    size_t now = long_lines_pass(&lines, piece);
                    buf_add(&out, str_upto(piece, now));
                    piece = str_from(piece, now);
                    if (piece.len == 0)
                        break;
                    buf_add(&out, LONG_LINES_FOLD);
                }
            }
            check_str(cases[i].name, buf_str(&out), str_from_c(cases[i].wanted));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(folds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
