// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_expr_eval.c: results by target (configuration.md 9.5), and the bounds of an
// evaluation (9.4, 9.10, 15).
#include "expr_fixture.h"

enum outcome { VALUE, NONE, FAILED, LOAD_ERROR };

struct target_case {
    const char *name, *text;
    enum expr_kind kind;
    bool optional;
    const char *words;
    enum outcome outcome;
    const char *gives; // the target, or a part of the message
};

static const struct target_case TARGETS[] = {
        {"boolean of a word", "'false'", EXPR_TO_BOOL, .gives = "true"},
        {"boolean of nothing, though optional", "''", EXPR_TO_BOOL, true, .gives = "false"},
        {"boolean of an array", "recipients", EXPR_TO_BOOL, .gives = "true"},
        {"string", "sender", EXPR_TO_STRING, .gives = "ann@client.example"},
        {"string, empty", "''", EXPR_TO_STRING, .gives = ""},
        {"string, empty and optional", "''", EXPR_TO_STRING, true, .outcome = NONE},
        {"string, false and optional", "false", EXPR_TO_STRING, true, .outcome = NONE},
        {"string, word for none", "disable", EXPR_TO_STRING, true, .outcome = NONE},
        {"word for none, not optional", "disable", EXPR_TO_STRING, .outcome = LOAD_ERROR,
                .gives = "unknown variable or function 'disable'"},
        {"string, false", "false", EXPR_TO_STRING, .outcome = LOAD_ERROR,
                .gives = "0 is no string"},
        {"string of a number", "5", EXPR_TO_STRING, true, .outcome = LOAD_ERROR,
                .gives = "5 is no string (expected a text; '' + n makes one of a number)"},
        {"string of a number at run time", "local_port", EXPR_TO_STRING, .outcome = FAILED,
                .gives = "25 is no string"},
        {"string of '' + n", "'' + local_port", EXPR_TO_STRING, .gives = "25"},
        {"strings", "recipients", EXPR_TO_STRINGS, .gives = "bob@example.net,carl@example.org"},
        {"strings of one", "sender", EXPR_TO_STRINGS, .gives = "ann@client.example"},
        {"strings, empty", "''", EXPR_TO_STRINGS, .outcome = LOAD_ERROR, .gives = "'' is no list"},
        {"strings, [] and optional", "[]", EXPR_TO_STRINGS, true, .outcome = NONE},
        {"strings, a number among them", "['a', 1]", EXPR_TO_STRINGS, .outcome = LOAD_ERROR,
                .gives = "['a', 1] is no list of strings"},
        {"mechanisms", "[plain, login]", EXPR_TO_STRINGS, true, "mechanism",
                .gives = "plain,login"},
        {"mechanisms as text", "['plain']", EXPR_TO_STRINGS, true, "mechanism", .gives = "plain"},
        {"no such mechanism", "['plane']", EXPR_TO_STRINGS, true, "mechanism", LOAD_ERROR,
                "is no list of strings (expected a list of plain, login"},
        {"no such mechanism as name", "[plane]", EXPR_TO_STRINGS, true, "mechanism", LOAD_ERROR,
                "unknown variable or function 'plane' (did you mean 'plain'?)"},
        {"no mechanisms", "false", EXPR_TO_STRINGS, true, "mechanism", NONE, NULL},
        {"integer", "5", EXPR_TO_INTEGER, .gives = "5"},
        {"integer of a float", "-5.9", EXPR_TO_INTEGER, .gives = "-5"},
        {"integer of text", "'-7'", EXPR_TO_INTEGER, .gives = "-7"},
        {"integer of a word", "'seven'", EXPR_TO_INTEGER, .outcome = LOAD_ERROR,
                .gives = "'seven' is no integer"},
        {"integer 0", "0", EXPR_TO_INTEGER, .gives = "0"},
        {"integer 0, optional", "0", EXPR_TO_INTEGER, true, .outcome = NONE},
        {"unsigned below zero", "-1", EXPR_TO_UNSIGNED, .outcome = LOAD_ERROR,
                .gives = "-1 is no unsigned"},
        {"duration", "5m", EXPR_TO_DURATION, .gives = "300000"},
        {"duration computed", "2 * 1.5", EXPR_TO_DURATION, .gives = "3"},
        {"duration as text", "'5 m'", EXPR_TO_DURATION, .gives = "300000"},
        {"duration of a word", "'abc'", EXPR_TO_DURATION, .outcome = LOAD_ERROR,
                .gives = "'abc' is no duration (expected a number and one of ms, s, m, h, d, w"},
        {"duration 0", "0", EXPR_TO_DURATION, .outcome = LOAD_ERROR, .gives = "0 is no duration"},
        {"duration 0, optional", "0", EXPR_TO_DURATION, true, .outcome = NONE},
        {"duration below zero", "-5", EXPR_TO_DURATION, true, .outcome = LOAD_ERROR,
                .gives = "-5 is no duration"},
        {"duration false, optional", "false", EXPR_TO_DURATION, true, .outcome = NONE},
        {"duration never", "never", EXPR_TO_DURATION, true, .outcome = NONE},
        {"rate", "'5/1h'", EXPR_TO_RATE, .gives = "5/3600000"},
        {"rate as array", "[5, 1h]", EXPR_TO_RATE, .gives = "5/3600000"},
        {"rate, short period", "[5, 10]", EXPR_TO_RATE, .gives = "5/1000"},
        {"rate without quotes is a division", "5/1h", EXPR_TO_RATE, .outcome = LOAD_ERROR,
                .gives = "is no rate (expected 'COUNT/DURATION'"},
        {"rate of nothing", "[0, 1h]", EXPR_TO_RATE, .outcome = LOAD_ERROR, .gives = "is no rate"},
        {"rate of three", "[1, 2, 3]", EXPR_TO_RATE, .outcome = LOAD_ERROR, .gives = "is no rate"},
        {"rate unlimited", "unlimited", EXPR_TO_RATE, true, .outcome = NONE},
        {"ip", "'2001:DB8::1'", EXPR_TO_IP, .gives = "2001:db8::1"},
        {"ip that is none", "'x'", EXPR_TO_IP, true, .outcome = LOAD_ERROR,
                .gives = "'x' is no IP"},
        {"enum", "relaxed", EXPR_TO_ENUM, .words = "verification", .gives = "relaxed 1"},
        {"enum as text", "'strict'", EXPR_TO_ENUM, .words = "verification", .gives = "strict 2"},
        {"enum false", "false", EXPR_TO_ENUM, .words = "verification", .gives = "disable 0"},
        {"enum alias", "required", EXPR_TO_ENUM, .words = "requirement", .gives = "require 2"},
        {"enum alias of off", "none", EXPR_TO_ENUM, .words = "requirement", .gives = "disable 0"},
        {"enum computed", "if_then(is_tls, 'strict', 'relaxed')", EXPR_TO_ENUM,
                .words = "verification", .gives = "strict 2"},
        {"enum without off", "false", EXPR_TO_ENUM, .words = "priority", .outcome = LOAD_ERROR,
                .gives = "0 is no word (expected mixer, stanag4406, nsep)"},
        {"enum without off, optional", "false", EXPR_TO_ENUM, true, "priority", NONE, NULL},
        {"enum of another list", "hourly", EXPR_TO_ENUM, .words = "family", .outcome = LOAD_ERROR,
                .gives = "unknown variable"},
        {"status", "200", EXPR_TO_HTTP_STATUS, .gives = "200"},
        {"status as text", "'404'", EXPR_TO_HTTP_STATUS, .gives = "404"},
        {"status too small", "99", EXPR_TO_HTTP_STATUS, .outcome = LOAD_ERROR,
                .gives = "99 is no HTTP"},
        {"status too large", "1000", EXPR_TO_HTTP_STATUS, .outcome = LOAD_ERROR,
                .gives = "1000 is no HTTP"},
};

static struct str target_text(
        struct arena *a, const struct target_case *c, const struct expr_result *r)
{
    struct buf b AUTO(buf_done);
    buf_init(&b, 4 * KIB);
    switch (c->kind) {
    case EXPR_TO_BOOL:
        buf_add(&b, r->boolean ? S("true") : S("false"));
        break;
    case EXPR_TO_STRINGS:
        for (size_t i = 0; i < r->list_count; i++)
            buf_fmt(&b, "%s%.*s", i > 0 ? "," : "", ARG(r->list[i]));
        break;
    case EXPR_TO_RATE:
        buf_fmt(&b, "%u/%lld", r->rate.count, (long long)r->rate.period_ms);
        break;
    case EXPR_TO_IP:
        ip_add(&b, &r->ip);
        break;
    case EXPR_TO_ENUM:
        buf_fmt(&b, "%.*s %lld", ARG(r->text), (long long)r->number);
        break;
    case EXPR_TO_INTEGER:
    case EXPR_TO_UNSIGNED:
    case EXPR_TO_DURATION:
    case EXPR_TO_HTTP_STATUS:
        buf_add_i64(&b, r->number);
        break;
    case EXPR_TO_STRING:
    case EXPR_TO_ANY:
        buf_add(&b, r->text);
        break;
    }
    return arena_str(a, buf_str(&b));
}

static enum outcome target_outcome(struct fixture *f, const struct target_case *c, struct str *out)
{
    struct expr_spec spec = {.key = S("test.key"),
            .context = EXPR_RCPT,
            .target = {.kind = c->kind, .optional = c->optional}};
    if (c->words != NULL)
        spec.target.words = expr_words_named(str_from_c(c->words));
    struct expr_problem problem;
    const struct expr_setting *s =
            expr_from_text(&f->arena, str_from_c(c->text), &spec, &f->world, &problem);
    *out = problem.message;
    if (s == NULL)
        return LOAD_ERROR;
    struct expr_result r = fixture_eval(f, s);
    *out = r.fault.cause;
    if (r.outcome == EXPR_FAILED)
        return FAILED;
    *out = target_text(&f->arena, c, &r);
    return r.outcome == EXPR_NONE ? NONE : VALUE;
}

static void targets(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < COUNT_OF(TARGETS); i++) {
        const struct target_case *c = &TARGETS[i];
        struct fixture f;
        struct str text, want = str_from_c(c->gives);
        fixture_init(&f);
        enum outcome got = target_outcome(&f, c, &text);
        bool right =
                got == c->outcome &&
                (got == NONE || (got == VALUE ? str_eq(text, want) : str_contains(text, want)));
        if (!right) {
            print_error("%s: %s gives %d %.*s\n", c->name, c->text, (int)got, ARG(text));
            wrong++;
        }
        fixture_done(&f);
    }
    assert_int_equal(wrong, 0);
}

// -- bounds ---------------------------------------------------------------------------------------

static struct expr_result eval_text(struct fixture *f, struct str text)
{
    struct expr_spec spec = {.key = S("test.key"), .context = EXPR_RCPT};
    struct expr_problem problem = {0};
    const struct expr_setting *s = expr_from_text(&f->arena, text, &spec, &f->world, &problem);
    if (s == NULL)
        print_error("%.*s\n", ARG(problem.message));
    assert_non_null(s);
    return fixture_eval(f, s);
}

static struct str letters(struct arena *a, size_t count)
{
    char *text = arena_bytes(a, count + 1);
    assert_non_null(text);
    memset(text, 'a', count);
    return str_of(text, count);
}

struct bound_case {
    const char *name, *text;
    size_t most; // letters of `sender` that are right; one more is not
    const char *cause;
};

static const struct bound_case BOUNDS[] = {
        {"text of 64 KiB", "sender + 'a'", EXPR_STRING_BYTES_MAX - 1, "longer than 64 KiB"},
        {"text of a function", "to_uppercase(sender)", EXPR_STRING_BYTES_MAX, "longer than 64 KiB"},
        {"part of a text", "trim(sender)", EXPR_STRING_BYTES_MAX, "longer than 64 KiB"},
        {"array of 10000", "split(sender, '')", EXPR_ARRAY_COUNT_MAX, "more than 10000"},
        {"array joined", "split(sender, '') + 'a'", EXPR_ARRAY_COUNT_MAX - 1, "more than 10000"},
        {"text of an array", "count_chars(split(sender, ''))", 9999, NULL},
};

static void bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(BOUNDS); i++) {
        for (size_t more = 0; more <= 1; more++) {
            struct fixture f;
            fixture_init(&f);
            f.long_text = letters(&f.arena, BOUNDS[i].most + more);
            struct expr_result r = eval_text(&f, str_from_c(BOUNDS[i].text));
            bool fails = more == 1 && BOUNDS[i].cause != NULL;
            if ((r.outcome == EXPR_FAILED) != fails)
                print_error("%s + %zu\n", BOUNDS[i].name, more);
            assert_true((r.outcome == EXPR_FAILED) == fails);
            if (fails)
                assert_true(str_contains(r.fault.cause, str_from_c(BOUNDS[i].cause)));
            fixture_done(&f);
        }
    }
}

// A variable may be longer than what can be computed: it is only looked at.
static void variables_may_be_long(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.long_text = letters(&f.arena, MIB);
    struct expr_result r = eval_text(&f, S("matches('^a+$', sender) && len(sender) == 1048576"));
    assert_int_equal(r.outcome, EXPR_VALUE);
    assert_int_equal(r.value.integer, 1);
    fixture_done(&f);
}

// configuration.md 15: the match limit ends it, and the session goes on.
static void a_regex_that_explodes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct expr_spec spec = {.key = S("test.key"), .context = EXPR_RCPT};
    struct expr_problem problem;
    const struct expr_setting *s = expr_from_text(
            &f.arena, S("1 + 1 == 2 && matches('(a+)+$', sender + '')"), &spec, &f.world, &problem);
    assert_non_null(s);
    assert_non_null(expr_setting_warning(s, 0));
    assert_int_equal(expr_setting_warning(s, 0)->column, 23);
    f.long_text = letters(&f.arena, 60000);
    ((char *)(uintptr_t)f.long_text.ptr)[59999] = 'b';
    struct expr_result r = fixture_eval(&f, s);
    assert_int_equal(r.outcome, EXPR_FAILED);
    assert_true(str_eq(r.fault.cause, S("regex limit")));
    assert_int_equal(r.fault.column, 15);
    fixture_done(&f);
}

static void a_full_scratch_is_an_error(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.long_text = letters(&f.arena, 40000);
    arena_done(&f.scratch);
    for (size_t room = 0; room < 100 * KIB; room += 997) {
        arena_init(&f.scratch, room);
        struct expr_result r = eval_text(&f, S("to_uppercase(sender + 'x')"));
        assert_true(
                (r.outcome == EXPR_FAILED) == (room < 80000) || (room >= 80000 && room < 90000));
        arena_done(&f.scratch);
    }
    fixture_done(&f);
}

static void sixteen_questions(void **state)
{
    (void)state;
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * KIB);
    for (size_t count = 1; count <= 17; count++) {
        struct fixture f;
        fixture_init(&f);
        buf_fmt(&text, "%scount(dns_query('x', 'ip'))", count > 1 ? " + " : "");
        struct expr_result r = eval_text(&f, buf_str(&text));
        assert_int_equal(f.dns_calls, count <= 16 ? count : 16);
        assert_int_equal(r.outcome, count <= 16 ? EXPR_VALUE : EXPR_FAILED);
        fixture_done(&f);
    }
}

static void a_slow_resolver(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.dns_takes_ms = 11 * SECOND_MS; // the third does not fit into 30 s any more
    struct expr_result r =
            eval_text(&f, S("[dns_query('x', 'mx'), dns_query('x', 'mx'), dns_query('x', 'mx')]"));
    assert_int_equal(r.outcome, EXPR_FAILED);
    assert_true(str_contains(r.fault.cause, S("in time")));
    assert_int_equal(f.now_ms, 30 * SECOND_MS);
    fixture_done(&f);
}

static void without_surroundings(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct expr_spec spec = {.key = S("test.key"), .context = EXPR_RCPT};
    struct expr_problem problem;
    struct expr_env env = {0};
    const struct expr_setting *s = expr_from_text(&f.arena,
            S("[sender, asn, count(recipients), system('domain'), config_get('server.greeting'), "
              "metric('load')]"),
            &spec, &f.world, &problem);
    assert_non_null(s);
    struct expr_result r = expr_eval(s, &env, &f.scratch);
    expr_value_show(&f.trace, &r.value, 100);
    assert_true(str_eq(buf_str(&f.trace), S("['', 0, 0, '', '', '']")));
    s = expr_from_text(&f.arena, S("dns_query('x', 'mx')"), &spec, &f.world, &problem);
    assert_int_equal(expr_eval(s, &env, &f.scratch).outcome, EXPR_FAILED);
    fixture_done(&f);
}

static void constants_are_known(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct expr_spec spec = {
            .key = S("test.key"), .context = EXPR_RCPT, .target = {.kind = EXPR_TO_BOOL}};
    struct expr_problem problem;
    const struct expr_setting *s = expr_from_text(
            &f.arena, S("len('ab' + 'c') == 3 || sender"), &spec, &f.world, &problem);
    assert_non_null(s);
    assert_non_null(expr_constant(s));
    assert_true(expr_constant(s)->boolean);
    s = expr_from_text(&f.arena, S("sender || true"), &spec, &f.world, &problem);
    assert_null(expr_constant(s)); // it is, but that takes more than folding
    fixture_done(&f);
}

static void the_trace_tells(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    eval_text(&f, S("matches('^(\\w+)@', rcpt) && $1 == 'bob' || is_tls"));
    struct str want = S("column 20: rcpt = 'bob@example.net'\n"
                        "column 1: matches = 1\n"
                        "column 29: $1 = 'bob'\n"
                        "column 32: == = 1\n"
                        "column 26: truth = 1\n"
                        "column 41: || = 1\n");
    if (!str_eq(buf_str(&f.trace), want))
        print_error("%.*s", ARG(buf_str(&f.trace)));
    assert_true(str_eq(buf_str(&f.trace), want));
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(targets), cmocka_unit_test(bounds),
            cmocka_unit_test(variables_may_be_long), cmocka_unit_test(a_regex_that_explodes),
            cmocka_unit_test(a_full_scratch_is_an_error), cmocka_unit_test(sixteen_questions),
            cmocka_unit_test(a_slow_resolver), cmocka_unit_test(without_surroundings),
            cmocka_unit_test(constants_are_known), cmocka_unit_test(the_trace_tells)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
