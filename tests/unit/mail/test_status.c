// SPDX-License-Identifier: Apache-2.0
// tests/unit/mail/test_status.c: codes of replies and enhanced codes, and what only looks like one.
#include "../base/check.h"
#include "mail/mail.h"

struct code_case {
    const char *text;
    uint16_t code; // 0: it is none
    const char *rest;
};

static const struct code_case codes[] = {
        {"", 0, ""}, {"25", 0, "25"}, {"199", 0, "199"}, {"600", 0, "600"}, {"+50", 0, "+50"},
        {" 250", 0, " 250"}, {"2 50", 0, "2 50"}, {"200", 200, ""}, {"599", 599, ""},
        {"250-more", 250, "-more"}, {"2500", 250, "0"}, // the caller's to judge
};

struct status_case {
    const char *text;
    uint8_t class; // 0: it is none
    uint16_t subject, detail;
    const char *rest;
};

static const struct status_case statuses[] = {
        {"", 0, 0, 0, ""},
        {"5", 0, 0, 0, "5"},
        {"5.1", 0, 0, 0, "5.1"},
        {"5.1.", 0, 0, 0, "5.1."},
        {"5..1", 0, 0, 0, "5..1"},
        {"3.1.1", 0, 0, 0, "3.1.1"},
        {"0.0.0", 0, 0, 0, "0.0.0"},
        {"6.1.1", 0, 0, 0, "6.1.1"},
        {"05.1.1", 0, 0, 0, "05.1.1"},
        {"55.1.1", 0, 0, 0, "55.1.1"},
        {"5.1.1.1", 0, 0, 0, "5.1.1.1"}, // an address, or a version
        {"5.1.1.", 0, 0, 0, "5.1.1."},
        {"5.1.1000", 0, 0, 0, "5.1.1000"},
        {"5.1000.1", 0, 0, 0, "5.1000.1"},
        {"5.0001.1", 0, 0, 0, "5.0001.1"},
        {"5.-1.1", 0, 0, 0, "5.-1.1"},
        {"2.0.0", 2, 0, 0, ""},
        {"4.999.999", 4, 999, 999, ""},
        {"5.1.1 no such user", 5, 1, 1, " no such user"},
        {"5.7.26: refused", 5, 7, 26, ": refused"},
};

static void codes_are_three_digits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        const struct code_case *c = &codes[i];
        struct scan in = scan_over(str_from_c(c->text));
        uint16_t code = 0;
        check_true(c->text, mail_code_scan(&in, &code) == (c->code != 0));
        check_u64(c->text, code, c->code);
        check_str(c->text, scan_rest(&in), str_from_c(c->rest));
    }
}

static void statuses_are_three_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        const struct status_case *c = &statuses[i];
        struct scan in = scan_over(str_from_c(c->text));
        struct mail_status status = {0};
        check_true(c->text, mail_status_scan(&in, &status) == (c->class != 0));
        check_u64(c->text, status.class, c->class);
        check_u64(c->text, status.subject, c->subject);
        check_u64(c->text, status.detail, c->detail);
        check_str(c->text, scan_rest(&in), str_from_c(c->rest));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(codes_are_three_digits),
            TEST(statuses_are_three_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
