// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_expr_errors.c: what does not compile, with the column and the message
// (configuration.md 9.2), and the limits of 9.10: each met, and gone beyond by one.
#include "expr_fixture.h"

static const struct expr_case CASES[] = {
        {"nothing", "", .problem = "1: the expression is empty"},
        {"blanks", " \t\r\n", .problem = "5: the expression is empty"},
        {"operand missing at the end", "rcpt =", .problem = "7: missing operand after '='"},
        {"operand missing inside", "a && && b", .problem = "1: unknown variable or function 'a'"},
        {"two operators", "rcpt && && sender", .problem = "9: missing operand after '&&'"},
        {"operator first", "* 5", .problem = "1: missing operand before '*'"},
        {"operand missing before )", "(rcpt ==)", .problem = "9: missing operand after '=='"},
        {"two operands", "rcpt sender", .problem = "6: missing operator before 'sender'"},
        {"two numbers", "1 2", .problem = "3: missing operator before '2'"},
        {"string behind a name", "rcpt 'x'", .problem = "6: missing operator before 'x'"},
        {"( behind a number", "5 (1)", .problem = "3: missing operator before '('"},
        {"! behind an operand", "rcpt ! sender", .problem = "6: missing operator before '!'"},
        {"( not closed", "(rcpt", .problem = "1: unbalanced '('"},
        {"( not closed, nothing in it", "1 + (", .problem = "5: unbalanced '('"},
        {"( open in a call", "len(rcpt", .problem = "1: unbalanced '('"},
        {") alone", "rcpt)", .problem = "5: unbalanced ')'"},
        {") first", ")", .problem = "1: unbalanced ')'"},
        {"] alone", "rcpt]", .problem = "5: unbalanced ']'"},
        {"[ not closed", "[1, 2", .problem = "1: unbalanced '['"},
        {"index not closed", "rcpt[0", .problem = "5: unbalanced '['"},
        {"crossed", "(rcpt]", .problem = "6: unbalanced ']'"},
        {"crossed the other way", "[rcpt)", .problem = "6: unbalanced ')'"},
        {"()", "()", .problem = "2: missing operand before ')'"},
        {"empty index", "rcpt[]", .problem = "6: missing operand before ']'"},
        {", alone", "1, 2", .problem = "2: unexpected ','"},
        {", in parentheses", "(1, 2)", .problem = "3: unexpected ','"},
        {", at the end of a list", "[1, ]", .problem = "5: missing operand before ']'"},
        {", at the end of a call", "len(1,)", .problem = "7: missing operand before ')'"},
        {"unterminated string", "rcpt == 'x", .problem = "9: unterminated string"},
        {"escaped delimiter does not close", "'x\\'", .problem = "1: unterminated string"},
        {"lone quote", "'", .problem = "1: unterminated string"},
        {"invalid character", "rcpt # x", .problem = "6: invalid character '#'"},
        {"invalid character of two bytes", "rcpt ä", .problem = "6: invalid character 'ä'"},
        {"columns count code points", "'äöü' #", .problem = "7: invalid character '#'"},
        {"invalid byte", "rcpt \x01", .problem = "6: invalid byte 0x01"},
        {"ill-formed UTF-8", "rcpt \xff", .problem = "6: invalid byte 0xff"},
        {"$ alone", "$", .problem = "1: invalid character '$'"},
        {"capture too large", "$99999", .problem = "1: invalid character '$'"},
        {"unknown name", "recpt == 'x'",
                .problem = "1: unknown variable or function 'recpt' (did you mean 'rcpt'?)"},
        {"unknown name, nothing near", "wibble",
                .problem = "1: unknown variable or function 'wibble'"},
        {"unknown function", "contans(rcpt, 'x')",
                .problem = "1: unknown variable or function 'contans' (did you mean 'contains'?)"},
        {"names are case-sensitive", "Rcpt",
                .problem = "1: unknown variable or function 'Rcpt' (did you mean 'rcpt'?)"},
        {"dash in a name", "local-port == 25",
                .problem = "1: unknown variable or function 'local-port' (did you mean "
                           "'local_port'?"},
        {"dash behind a known name", "rcpt-domain",
                .problem = "6: unknown variable or function 'rcpt-domain' (did you mean "
                           "'rcpt_domain'?"},
        {"variable of another context", "mx",
                .problem = "1: variable 'mx' is not available here (context: RCPT)"},
        {"variable of a later stage", "rcpt", EXPR_MAIL,
                .problem = "1: variable 'rcpt' is not available here (context: MAIL)"},
        {"tag elsewhere", "tag.x",
                .problem = "1: variable 'tag.x' is not available here (context: RCPT)"},
        {"global elsewhere", "$name", .problem = "1: '$name': names with '$' belong to filter"},
        {"function without arguments", "len", .problem = "1: 'len' is a function: write len(...)"},
        {"variable called", "rcpt('x')",
                .problem = "1: 'rcpt' is a variable: it takes no arguments"},
        {"too few arguments", "contains(rcpt)",
                .problem = "1: function 'contains' takes 2 arguments, got 1"},
        {"none", "contains()", .problem = "1: function 'contains' takes 2 arguments, got 0"},
        {"too many", "len(1, 2)", .problem = "1: function 'len' takes 1 argument, got 2"},
        {"matches with one", "matches('x')",
                .problem = "1: function 'matches' takes 2 arguments, got 1"},
        {"matches with three", "matches('x', 'x', 'x')",
                .problem = "1: function 'matches' takes 2 arguments, got 3"},
        {"literal second", "matches(rcpt, 'x')",
                .problem = "9: the first argument of 'matches' must be a text in quotes"},
        {"computed pattern", "matches('a' + 'b', 'x')",
                .problem = "13: the first argument of 'matches' must be a text in quotes"},
        {"bad regex", "matches('a(', rcpt)",
                .problem =
                        "9: invalid regular expression: missing closing parenthesis at offset 2"},
        {"back-reference", "matches('(a)\\1', rcpt)",
                .problem = "9: invalid regular expression: back"},
        {"config_get of a variable", "config_get(rcpt)", .problem = "12: the first argument of"},
        {"config_get of a secret", "config_get('store.x.password')",
                .problem = "12: 'store.x.password' is secret"},
        {"config_get with two", "config_get('a', 'b')",
                .problem = "15: 'config_get' takes one text in quotes"},
        {"system of something else", "system('uname')", .problem = "8: 'system' knows hostname"},
        {"unknown metric", "metric('x')", .problem = "8: unknown metric 'x'"},
        {"store that is not defined", "key_get('partner', 'x')",
                .problem = "1: store 'partner' is not defined (defined: partners)"},
        {"default store", "key_get('', 'x')", .problem = "1: 'key_get' with '' needs a default"},
        {"type of DNS record", "dns_query('x', 'srv')",
                .problem = "1: 'dns_query' knows the types"},
        {"later: key_set", "key_set('partners', 'a', 1)",
                .problem = "1: function 'key_set' needs a key-value store, which this build does "
                           "not have yet"},
        {"later: directory_get", "directory_get('*', 'ann', 'quota')",
                .problem = "1: function 'directory_get' needs fields of accounts, which"},
        {"number with a tail", "5mb", .problem = "1: invalid number '5mb'"},
        {"float with a unit", "1.5s", .problem = "1: invalid number '1.5s'"},
        {"float without digits", "1.", .problem = "1: invalid number '1.'"},
        {"float without digits before", ".5", .problem = "1: invalid character '.'"},
        {"integer too large", "9223372036854775808", .problem = "1: invalid number"},
        {"duration too large", "99999999999999w", .problem = "1: invalid number"},
        {"durations are milliseconds", "[1ms, 2s, 3m, 4h, 5d, 6w]",
                .gives = "[1, 2000, 180000, 14400000, 432000000, 3628800000]"},
        {"escapes", "'\\\\ \\n \\r \\t \\' \\\" \\q'",
                .gives = "'\\\\ \\n \\r \\t \\' \\\\\" \\\\q'"},
        {"a backslash at the end", "'\\\\'", .gives = "'\\\\'"},
        {"-- twice", "1--1", .gives = "2"},
        {"constant too long is told", "[1][0] / (2 - 1 - 1)", .problem = "8: division by zero"},
};

static void problems(void **state)
{
    (void)state;
    fixture_cases(CASES, COUNT_OF(CASES));
}

// before, so many times `unit`, after.
static struct str repeated(
        struct arena *a, struct str before, struct str unit, size_t count, struct str after)
{
    struct buf b AUTO(buf_done);
    buf_init(&b, 4 * MIB);
    buf_add(&b, before);
    for (size_t i = 0; i < count; i++)
        buf_add(&b, unit);
    buf_add(&b, after);
    assert_false(b.overflow);
    return arena_str(a, buf_str(&b));
}

struct limit_case {
    const char *name;
    struct str before, unit, after;
    size_t most;
    const char *problem;
};

static const struct limit_case LIMITS[] = {
        {"text of 8 KiB", S_INIT("'"), S_INIT("x"), S_INIT("'"), 8190, "longer than 8 KiB"},
        {"256 tokens", S_INIT("1+"), S_INIT("-"), S_INIT("1"), 253, "longer than 256 tokens"},
        {"nesting of 32", S_INIT(""), S_INIT("("), S_INIT("1"), 32, "nested deeper than 32"},
        {"nesting of arrays", S_INIT(""), S_INIT("["), S_INIT("1"), 32, "nested deeper than 32"},
        {"nesting of calls", S_INIT(""), S_INIT("trim("), S_INIT("1"), 32, "nested deeper than 32"},
};

static void limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(LIMITS); i++) {
        const struct limit_case *c = &LIMITS[i];
        for (size_t more = 0; more <= 1; more++) {
            struct fixture f;
            fixture_init(&f);
            struct str text = repeated(&f.arena, c->before, c->unit, c->most + more, c->after);
            if (!str_eq(c->unit, S("x")) && !str_eq(c->unit, S("-")))
                text = repeated(&f.arena, text, str_eq(c->unit, S("[")) ? S("]") : S(")"),
                        c->most + more, S(""));
            struct expr_spec spec = {.key = S("test.key"), .context = EXPR_RCPT};
            struct expr_problem problem;
            const struct expr_setting *s =
                    expr_from_text(&f.arena, text, &spec, &f.world, &problem);
            if (more == 0 && s == NULL)
                print_error("%s: %.*s\n", c->name, ARG(problem.message));
            assert_true((s != NULL) == (more == 0));
            if (more == 1)
                assert_true(str_starts(problem.message, str_from_c(c->problem)));
            fixture_done(&f);
        }
    }
}

static void ten_thousand_deep(void **state)
{
    (void)state;
    static const struct str units[] = {S_INIT("("), S_INIT("["), S_INIT("!"), S_INIT("-"),
            S_INIT("len("), S_INIT("a["), S_INIT("1+(")};
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        struct fixture f;
        fixture_init(&f);
        struct expr_spec spec = {.key = S("test.key"), .context = EXPR_RCPT};
        struct expr_problem problem;
        struct str text = repeated(&f.arena, S(""), units[i], 10000, S(""));
        assert_null(expr_from_text(&f.arena, text, &spec, &f.world, &problem));
        text = str_upto(text, EXPR_TEXT_BYTES_MAX);
        assert_null(expr_from_text(&f.arena, text, &spec, &f.world, &problem));
        assert_true(problem.message.len > 0 && problem.column > 0);
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(problems), cmocka_unit_test(limits),
            cmocka_unit_test(ten_thousand_deep)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
