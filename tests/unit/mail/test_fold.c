// SPDX-License-Identifier: Apache-2.0
// tests/unit/mail/test_fold.c: fields in lines, at and around 78 and 998 octets.
#include "../base/check.h"
#include "mail/fold.h"

#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10

enum how { WORDS, TEXT, BYTES, JOINTS, LINES };

static const struct {
    const char *name;
    enum how how;
    const char *text, *expected; // words are divided by '|', for JOINTS and LINES as well
} cases[] = {
        {"no word", WORDS, NULL, "N:\r\n"},
        {"one word", WORDS, "a", "N: a\r\n"},
        {"78 octets with the name", WORDS, X60 "|" X10 "|yyy", "N: " X60 " " X10 " yyy\r\n"},
        {"79 octets", WORDS, X60 "|" X10 "|yyyy", "N: " X60 " " X10 "\r\n\tyyyy\r\n"},
        {"a blank inside a word", WORDS, X60 "|" X10 " y y y", "N: " X60 "\r\n\t" X10 " y y y\r\n"},
        {"a long first word stays with the name", WORDS, X60 X60 "|y", "N: " X60 X60 "\r\n\ty\r\n"},
        {"a long word has a line alone", WORDS, "a|" X60 X60 "|y",
                "N: a\r\n\t" X60 X60 "\r\n\ty\r\n"},
        {"text: blanks and line ends in a row", TEXT, " a \t\r\n b\tc ", "N: a b c\r\n"},
        {"text: nothing but blanks", TEXT, "  ", "N:\r\n"},
        {"joints take no blank", JOINTS, X60 ":|" X10 ":|yyyyyyy",
                "N: " X60 ":" X10 ":\r\n\tyyyyyyy\r\n"},
        {"joints, and all fits", JOINTS, X60 ":|" X10 ":|yyy", "N: " X60 ":" X10 ":yyy\r\n"},
        {"bytes fill the lines", BYTES, X60 X60,
                "N: b=" X60 X10 "xxx\r\n\t" X10 X10 X10 X10 "xxxxxxx\r\n"},
        {"lines begin without a blank", LINES, "a|b", "N: a\r\n\tb\r\n"},
};

static void write_case(struct fold *f, enum how how, struct str text)
{
    struct str word;
    if (how == TEXT)
        fold_text(f, text);
    if (how == BYTES) {
        fold_word(f, S("b="));
        fold_bytes(f, text);
    }
    if (how == TEXT || how == BYTES)
        return;
    for (bool first = true; str_split(&text, '|', &word); first = false) {
        if (how == LINES && !first) {
            fold_line(f);
            fold_line(f); // the second one finds nothing on the line
        }
        if (how == JOINTS && !first) {
            fold_joint(f);
            fold_add(f, word);
        } else {
            fold_word(f, word);
        }
    }
}

static void lines(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out AUTO(buf_done);
        struct fold f;
        buf_init(&out, 4 * KIB);
        fold_begin(&f, &out, S("N"));
        write_case(&f, cases[i].how, str_from_c(cases[i].text));
        fold_end(&f);
        check_str(cases[i].name, buf_str(&out), str_from_c(cases[i].expected));
    }
}

// A word put together from pieces moves as a whole; so does one that was written past the folder.
static void words_in_pieces(void **state UNUSED)
{
    struct buf out AUTO(buf_done);
    struct fold f;
    buf_init(&out, 4 * KIB);
    fold_begin(&f, &out, S("N"));
    fold_word(&f, S(X60));
    fold_word(&f, S("("));
    fold_add(&f, S(X10));
    fold_add(&f, S("yy"));
    fold_add(&f, S("z)"));
    fold_word(&f, S(""));
    buf_add(&out, S(X60 "yyy"));
    fold_end(&f);
    check_str("moved", buf_str(&out), S("N: " X60 "\r\n\t(" X10 "yyz)\r\n\t" X60 "yyy\r\n"));
}

// 998 octets may stand in a line, the name among them; what is more of a word is cut.
static void hard_limit(void **state UNUSED)
{
    for (size_t more = 0; more < 4; more++) {
        struct buf out AUTO(buf_done), word AUTO(buf_done);
        struct fold f;
        buf_init(&out, 4 * KIB);
        buf_init(&word, 4 * KIB);
        buf_add_repeat(&word, 'x', FOLD_LINE_BYTES_MAX - 3 - 2); // "N: ", and two octets
        buf_add(&word, str_upto(S("\303\274\303\274"), 1 + more));
        fold_begin(&f, &out, S("N"));
        fold_word(&f, buf_str(&word));
        fold_end(&f);
        // 997 and 998 octets stay; the letter that begins behind them goes, whole.
        check_u64(
                "length", out.len, (more == 0 ? FOLD_LINE_BYTES_MAX - 1 : FOLD_LINE_BYTES_MAX) + 2);
        check_true("end", str_ends(buf_str(&out), more == 0 ? S("x\303\r\n") : S("\303\274\r\n")));
    }
}

static void no_letter_is_cut(void **state UNUSED)
{
    struct buf out AUTO(buf_done);
    struct fold f;
    buf_init(&out, 4 * KIB);
    fold_begin(&f, &out, S("N"));
    fold_word(&f, S("a"));
    fold_word(&f, S(""));
    buf_add_repeat(&out, 'x', FOLD_LINE_BYTES_MAX - 2); // behind the tab
    fold_add(&f, S("\360\237\220\204"));                // of four octets, one too many
    fold_word(&f, S("y"));
    fold_end(&f);
    check_true("without it", str_ends(buf_str(&out), S("xx\r\n\ty\r\n")));
    check_u64("length", out.len, 4 + 2 + FOLD_LINE_BYTES_MAX - 1 + 2 + 2 + 2);
}

static size_t write_within(size_t limit, bool *out_overflow)
{
    struct buf out AUTO(buf_done);
    struct fold f;
    buf_init(&out, limit);
    fold_begin(&f, &out, S("Name"));
    fold_word(&f, S("b="));
    fold_bytes(&f, S(X60 X10));
    fold_text(&f, S(X60 " " X10));
    fold_line(&f);
    fold_word(&f, S("y"));
    fold_end(&f);
    *out_overflow = out.overflow;
    return out.len;
}

static void no_room(void **state UNUSED)
{
    bool overflow;
    size_t whole = write_within(KIB, &overflow);
    for (size_t limit = 0; limit <= whole; limit++) {
        check_true("within it", write_within(limit, &overflow) <= limit);
        check_true("told", overflow == (limit < whole));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(lines), TEST(words_in_pieces), TEST(hard_limit),
            TEST(no_letter_is_cut), TEST(no_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
