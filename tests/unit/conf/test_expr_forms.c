// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_expr_forms.c: expressions in TOML (configuration.md 9.1): their forms,
// what is wrong with them and where.
#include "expr_fixture.h"

#include "conf/toml.h"

struct form_case {
    const char *name, *toml; // the value of x
    enum expr_kind kind;
    bool optional;
    const char *gives; // the value; NULL with no error: not set
    const char *error; // "LINE:COLUMN: message", the first one
    size_t errors;     // how many, if more than one
};

static const struct form_case CASES[] = {
        {"boolean", "true", .gives = "1"},
        {"integer", "1_000", .gives = "1000"},
        {"negative integer", "-5", .gives = "-5"},
        {"float", "0.50", .gives = "0.5"},
        {"duration", "\"5m\"", .gives = "300000"},
        {"expression", "\"rcpt_domain == 'example.net'\"", .gives = "1"},
        {"text", "\"'text'\"", .gives = "'text'"},
        {"empty text is not set", "\"\"", .gives = NULL},
        {"empty list is not set", "[]", .gives = NULL},
        {"list of scalars is literal", "[\"plain\", \"rcpt\", 5, 0.5, true]",
                .gives = "['plain', 'rcpt', 5, 0.5, 1]"},
        {"first that is true",
                "[{ if = \"is_tls\", then = \"'tls'\" }, { if = \"true\", then = 1 }, { else = 2 "
                "}]",
                .gives = "'tls'"},
        {"second", "[{ if = \"asn\", then = 1 }, { if = \"sender\", then = 2 }, { else = 3 }]",
                .gives = "2"},
        {"else", "[{ if = \"asn\", then = 1 }, { if = false, then = 2 }, { else = 3 }]",
                .gives = "3"},
        {"else alone", "[{ else = \"sender\" }]", .gives = "'ann@client.example'"},
        {"else first in its table, later in the list", "[{ then = 1, if = 0 }, { else = 3 }]",
                .gives = "3"},
        {"lists as values", "[{ if = \"is_tls\", then = [\"a\", 1] }, { else = [] }]",
                .gives = "['a', 1]"},
        {"captures live on",
                "[{ if = \"matches('^([^@]+)@(.+)$', rcpt) && $2 == 'example.net'\", then = \"$1\" "
                "}, { else = 0 }]",
                .gives = "'bob'"},
        {"captures of the last match",
                "[{ if = \"matches('(b)', 'b') && asn\", then = 1 }, { if = \"matches('(x)', "
                "'a')\", then = 2 }, { else = \"$1\" }]",
                .gives = "''"},
        {"captures of a condition that failed",
                "[{ if = \"matches('(b)', 'b') && asn\", then = 1 }, { else = \"$1\" }]",
                .gives = "'b'"},
        // what is wrong
        {"missing then", "[{ if = \"asn\" }, { else = 1 }]",
                .error = "1:6: Missing 'then' in condition 1"},
        {"missing then, the second",
                "[\n{ if = \"asn\", then = 1 },\n{ if = \"asn\" }, { else = 1 }]",
                .error = "3:1: Missing 'then' in condition 2"},
        {"missing else", "[{ if = \"asn\", then = 1 }]", .error = "1:5: Missing 'else'"},
        {"two else", "[{ if = \"asn\", then = 1 }, { else = 1 }, { else = 2 }]",
                .error = "1:46: Multiple 'else'"},
        {"else before if", "[{ else = 1 }, { if = \"asn\", then = 1 }]",
                .error = "1:6: 'else' before 'if'", .errors = 2},
        {"entry after else", "[{ if = 0, then = 1 }, { else = 1 }, { if = \"asn\", then = 1 }]",
                .error = "1:42: entry after 'else'"},
        {"then without if", "[{ then = 1 }, { else = 1 }]", .error = "1:6: 'then' without 'if'"},
        {"then in else", "[{ if = 0, then = 1 }, { then = 2, else = 1 }]",
                .error = "1:28: 'then' in the 'else' block"},
        {"if in else", "[{ if = 0, else = 1 }]", .error = "1:6: 'if' in the 'else' block"},
        {"nothing", "[{ }, { else = 1 }]", .error = "1:6: an entry needs"},
        {"empty if", "[{ if = \"\", then = 1 }, { else = 1 }]",
                .error = "1:14: condition 1, 'if', column 1: the expression is empty"},
        {"empty then", "[{ if = 1, then = \" \" }, { else = 1 }]",
                .error = "1:25: condition 1, 'then', column 2: the expression is empty"},
        {"unknown member", "[{ if = 1, than = 1, then = 1 }, { else = 1 }]",
                .error = "1:23: unknown member 'than'"},
        {"eq", "[{ if = \"listener\", eq = \"smtp\", then = 1 }, { else = 1 }]",
                .error = "1:30: 'eq' is no longer a member; write: if = \"listener == 'smtp'\""},
        {"ne of a dashed name", "[{ if = \"local-port\", ne = 25, then = 1 }, { else = 1 }]",
                .error = "1:32: 'ne' is no longer a member; write: if = \"local_port != 25\""},
        {"in", "[{ if = \"rcpt-domain\", in = [\"a\", \"b\"], then = 1 }, { else = 1 }]",
                .error = "1:33: 'in' is no longer a member; write: if = \"contains(['a', 'b'], "
                         "rcpt_domain)\""},
        {"not-in", "[{ if = \"rcpt\", not-in = [\"a\"], then = 1 }, { else = 1 }]",
                .error = "1:30: 'not-in' is no longer a member; write: if = \"!contains(['a'], "
                         "rcpt)\""},
        {"starts-with", "[{ if = \"rcpt\", starts-with = \"a\", then = 1 }, { else = 1 }]",
                .error = "1:35: 'starts-with' is no longer a member; write: if = "
                         "\"starts_with(rcpt, 'a')\""},
        {"ends-with", "[{ if = \"rcpt\", ends-with = \"a\", then = 1 }, { else = 1 }]",
                .error = "1:33: 'ends-with' is no longer a member; write: if = \"ends_with(rcpt, "
                         "'a')\""},
        {"matches", "[{ if = \"rcpt\", matches = \"a\", then = 1 }, { else = 1 }]",
                .error = "1:31: 'matches' is no longer a member; write: if = \"matches('a', "
                         "rcpt)\""},
        {"tables and scalars", "[{ else = 1 }, 1]",
                .error = "1:5: a list of tables and scalars together"},
        {"list as condition", "[{ if = [1], then = 1 }, { else = 1 }]",
                .error = "1:13: condition 1, 'if': a list is no condition"},
        {"a table", "{ if = 1, then = 1 }", .error = "1:5: an expression, or a list of"},
        {"a date", "2026-01-31", .error = "1:5: an expression, or a list of"},
        {"a date in a list", "[2026-01-31]", .error = "1:6: a list may hold"},
        {"list in a list", "[[1]]", .error = "1:6: a list may hold"},
        {"column in the text", "\"sender ==\"",
                .error = "1:15: column 10: missing operand after '=='"},
        {"column in a literal string", "'rcpt = #'",
                .error = "1:13: column 8: invalid character '#'"},
        {"column behind an escape is that of the text", "\"'\\u00e4' #\"",
                .error = "1:5: column 5: invalid character '#'"},
        {"column in a value", "[{ if = \"asn\", then = \"x\" }, { else = 1 }]",
                .error = "1:28: condition 1, 'then', column 1: unknown variable or function 'x'"},
        {"column in else", "[{ if = \"asn\", then = 1 }, { else = \"1 +\" }]",
                .error = "1:45: 'else', column 4: missing operand"},
        {"a constant that does not fit", "\"'abc'\"", EXPR_TO_DURATION,
                .error = "1:5: 'abc' is no duration"},
        {"one among the values", "[{ if = \"asn\", then = \"'abc'\" }, { else = \"5m\" }]",
                EXPR_TO_DURATION, .error = "1:27: condition 1, 'then': 'abc' is no duration"},
        {"all are told", "[{ if = \"x\", then = \"y\" }, { if = \"z\" }, { else = \"1+\" }]",
                .error = "1:14: condition 1, 'if', column 1:", .errors = 4},
};

struct form {
    struct fixture fixture;
    struct findings findings;
    const struct expr_setting *setting;
    bool good;
};

static void form_read(struct form *f, struct str value, struct expr_target target)
{
    fixture_init(&f->fixture);
    struct arena *a = &f->fixture.arena;
    f->findings = findings_make(a);
    struct toml_options options = {.file = S("a.toml"), .version = TOML_1_1};
    struct str text = arena_fmt(a, "x = %.*s", ARG(value));
    struct toml *doc = toml_parse(a, text, &options, &f->findings);
    assert_non_null(doc);
    assert_int_equal(f->findings.error_count, 0);
    struct expr_spec spec = {.key = S("test.key"), .context = EXPR_RCPT, .target = target};
    f->good = expr_from_toml(
            a, toml_member(doc, S("x")), &spec, &f->fixture.world, &f->findings, &f->setting);
}

static struct str first_error(struct form *f)
{
    if (f->findings.all.count == 0)
        return S("none");
    const struct finding *e = &f->findings.all.at[0];
    assert_true(str_eq(e->key, S("test.key")));
    assert_true(str_eq(e->file, S("a.toml")));
    return arena_fmt(&f->fixture.arena, "%u:%u: %.*s", e->line, e->column, ARG(e->message));
}

static void forms(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        const struct form_case *c = &CASES[i];
        struct form f;
        form_read(&f, str_from_c(c->toml),
                (struct expr_target){.kind = c->kind, .optional = c->optional});
        struct str got = first_error(&f), want = str_from_c(c->error);
        bool right = c->error != NULL && !f.good && str_starts(got, want) &&
                     f.findings.error_count == (c->errors == 0 ? 1 : c->errors);
        if (c->error == NULL) {
            struct buf shown AUTO(buf_done);
            buf_init(&shown, KIB);
            if (f.setting != NULL) {
                struct expr_result r = fixture_eval(&f.fixture, f.setting);
                expr_value_show(&shown, &r.value, 100);
            }
            got = f.setting == NULL && f.good ? S("not set")
                                              : arena_str(&f.fixture.arena, buf_str(&shown));
            want = c->gives == NULL ? S("not set") : str_from_c(c->gives);
            right = f.good && str_eq(got, want);
        }
        if (!right) {
            wrong++;
            print_error("%s: x = %s\n    gives %.*s (%zu errors)\n    wants %.*s\n", c->name,
                    c->toml, ARG(got), f.findings.error_count, ARG(want));
        }
        fixture_done(&f.fixture);
    }
    assert_int_equal(wrong, 0);
}

static void a_hundred_conditions(void **state)
{
    (void)state;
    for (size_t count = 100; count <= 101; count++) {
        struct buf b AUTO(buf_done);
        buf_init(&b, 64 * KIB);
        buf_add(&b, S("[\n"));
        for (size_t i = 0; i < count; i++)
            buf_fmt(&b, "{ if = \"local_port == %zu\", then = %zu },\n", i, i);
        buf_add(&b, S("{ else = -1 }]"));
        struct form f;
        form_read(&f, buf_str(&b), (struct expr_target){.kind = EXPR_TO_INTEGER});
        assert_true(f.good == (count == 100));
        if (f.good)
            assert_int_equal(fixture_eval(&f.fixture, f.setting).number, 25);
        else
            assert_true(str_starts(first_error(&f), S("102:1: more than 100 conditions")));
        fixture_done(&f.fixture);
    }
}

static void constant_rules_settle(void **state)
{
    (void)state;
    struct form f;
    form_read(&f,
            S("[{ if = \"1 == 2\", then = \"sender\" }, { if = true, then = \"5m\" }, { else = "
              "\"1h\" }]"),
            (struct expr_target){.kind = EXPR_TO_DURATION});
    assert_true(f.good);
    assert_non_null(expr_constant(f.setting));
    assert_int_equal(expr_constant(f.setting)->number, 300000);
    fixture_done(&f.fixture);
}

static void faults_name_their_entry(void **state)
{
    (void)state;
    struct form f;
    form_read(&f,
            S("[{ if = \"asn\", then = 1 }, { if = \"rcpt && 1 / asn\", then = 2 }, { else = 3 }]"),
            (struct expr_target){.kind = EXPR_TO_INTEGER});
    assert_true(f.good);
    struct expr_result r = fixture_eval(&f.fixture, f.setting);
    assert_int_equal(r.outcome, EXPR_FAILED);
    assert_true(str_eq(r.fault.entry, S("condition 2, 'if'")));
    assert_int_equal(r.fault.column, 11);
    fixture_done(&f.fixture);
}

static void warnings_are_findings(void **state)
{
    (void)state;
    struct form f;
    form_read(&f, S("\"matches('(a+)+', rcpt) && config_get('no.such')\""),
            (struct expr_target){.kind = EXPR_TO_BOOL});
    assert_true(f.good);
    assert_int_equal(f.findings.warning_count, 2);
    assert_true(str_starts(first_error(&f), S("1:14: column 9: an unbounded repetition inside")));
    assert_true(str_contains(f.findings.all.at[1].message, S("no setting is called 'no.such'")));
    fixture_done(&f.fixture);
}

static void variables_that_are_read(void **state)
{
    (void)state;
    struct form f;
    form_read(&f,
            S("[{ if = \"sender == 'a'\", then = \"rcpt_domain\" }, { if = \"asn\", then = "
              "\"listener\" }, { else = \"remote_ip\" }]"),
            (struct expr_target){.kind = EXPR_TO_STRING});
    assert_true(f.good);
    assert_true(expr_uses(f.setting, EXPR_VAR_SENDER));
    assert_true(expr_uses(f.setting, EXPR_VAR_RCPT_DOMAIN));
    assert_true(expr_uses(f.setting, EXPR_VAR_LISTENER));
    assert_true(expr_uses(f.setting, EXPR_VAR_REMOTE_IP));
    assert_false(expr_uses(f.setting, EXPR_VAR_RCPT));
    assert_false(expr_uses(f.setting, EXPR_VAR_SENDER_DOMAIN));
    fixture_done(&f.fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forms),
            cmocka_unit_test(a_hundred_conditions), cmocka_unit_test(constant_rules_settle),
            cmocka_unit_test(faults_name_their_entry), cmocka_unit_test(warnings_are_findings),
            cmocka_unit_test(variables_that_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
