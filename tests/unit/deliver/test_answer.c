// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_answer.c: which of two answers tells a person more (outbound.md 1.6).
#include "../base/check.h"

#include "deliver/answer.h"

static void the_better_answer(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum failure_kind earlier, later;
        bool earlier_wins;
    } cases[] = {
            {"of equals the later", FAILURE_DNS, FAILURE_DNS, false},
            {"a reply beats silence that came later", FAILURE_UNEXPECTED_REPLY, FAILURE_CONNECTION,
                    true},
            {"TLS beats a connection", FAILURE_TLS, FAILURE_CONNECTION, true},
            {"DNS does not beat a connection", FAILURE_DNS, FAILURE_CONNECTION, false},
            {"DANE and MTA-STS are equals", FAILURE_DANE, FAILURE_MTA_STS, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct client_answer earlier =
                answer_temporary(CLIENT_CONNECT, cases[i].earlier, S("a"), S("4.4.1"), S("x"));
        struct client_answer later =
                answer_temporary(CLIENT_CONNECT, cases[i].later, S("b"), S("4.4.1"), S("x"));
        check_u64(
                cases[i].name, answer_better(&earlier, &later) == &earlier, cases[i].earlier_wins);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_better_answer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
