// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_needed.c: which texts a pattern need not be asked about. Each case is asked
// of the pattern itself as well: what matches must never be passed over.
#include "../base/check.h"

#include "conf/needed.h"
#include "conf/regex.h"

static const struct {
    const char *pattern, *text;
    bool asked;
} cases[] = {
        {"", "x", true},
        {"ab", "xyz", true}, // too short to be looked for
        {"spamhaus", "listed by SPAMHAUS", true},
        {"spamhaus", "spam haus", false},
        {"spamhaus|rbl", "an RBL", true},
        {"spamhaus|rbl", "no list", false},
        {"spamhaus|.", "no list", true},
        {"(user|mailbox) .{0,12}unknown", "user is unknown", true},
        {"(user|mailbox) .{0,12}unknown", "the host is unknown", false},
        {"(user|mailbox) .{0,12}unknown", "user is full", false},
        {"(user|)unknown", "unknown", true},
        {"(user)?unknown", "unknown", true},
        {"(user){0}unknown", "unknown", true},
        {"(user){0,2}unknown", "unknown", true},
        {"(user)*?unknown", "unknown", true},
        {"(user)+unknown", "unknown", false},
        {"(user){1,}+unknown", "useruserunknown", true},
        {"mailboxe?s", "mailboxs", true},
        {"mailboxe?s", "maildirs", false},
        {"mailboxe*", "mailbox", true},
        {"mailbo+x", "mailbooox", true},
        {"mailbo{2}x", "mailboox", true},
        {"mailbo{0}x", "mailbx", true},
        {"\\[GL01\\]", "[gl01]", true},
        {"\\[GL01\\]", "GL01", false},
        {"\\bspam\\b", "spam", true},
        {"^spam\\.x$", "spam.x", true},
        {"gr[ae]y", "gray", true},
        {"list[]x]y", "list]y", true},
        {"list[\\]x]y", "listxy", true},
        {"list[^]x]y", "listay", true},
        {"list[[:alpha:]]]", "lista]", true}, // not looked into
        {"list[\\Qx]\\E]y", "list]y", true},
        {"list\\x41", "lista", true},
        {"list\\dxyz", "list7xyz", true},
        {"list\\dxyz", "list7xy", false},
        {"\\Qlist\\E", "list", true},
        {"(?i)list", "LIST", true},
        {"(?=list)l", "list", true},
        {"list{", "list{", true},
        {"(?:list|rbl)s", "RBLs", true},
        {"((((((((((list))))))))))", "list", true},
        {"a word that is longer than what is kept as one",
                "a word that is longer than what is kept as one", true},
        {"a word that is longer than what is kept as one",
                "a word that is longer than what is kept", false},
        {"skip",
                "\xe2\x84\xaa"
                "skip",
                true},
};

static void what_must_be_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        struct letters_of_three letters;
        struct regex *regex;
        struct str text = str_from_c(cases[i].text);
        arena_init(&a, MIB);
        const struct needed *needed = needed_read(&a, str_from_c(cases[i].pattern));
        bool asked = !letters_of_three(text, &letters) || needed_is_there(needed, &letters);
        struct str any_case = arena_fmt(&a, "(?i)%s", cases[i].pattern);
        check_true(cases[i].pattern, asked == cases[i].asked);
        if (!failed(regex_compile(&a, any_case, &regex)) && !asked)
            check_true(cases[i].pattern, regex_match(regex, &a, text, NULL) == REGEX_NO_MATCH);
        arena_done(&a);
    }
}

static void letters_of_other_alphabets(void **state)
{
    (void)state;
    struct letters_of_three letters;
    assert_false(letters_of_three(S("\xe2\x84\xaa"), &letters)); // the sign of Kelvin matches k
    assert_true(letters_of_three(S(""), &letters));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_must_be_there),
            cmocka_unit_test(letters_of_other_alphabets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
