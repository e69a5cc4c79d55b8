// SPDX-License-Identifier: Apache-2.0
// tests/unit/cli/test_options.c: command lines against a table of options, and its help.
#define POSTHASTE_BASE_ROOM
#include "cli/options.h"

#include "../base/check.h"

static const struct cli_option OPTIONS[] = {
        {.name = S_INIT("verbose"), .letter = 'v', .help = "say more"},
        {.name = S_INIT("quiet"), .letter = 'q', .help = "say less"},
        {.name = S_INIT("file"),
                .letter = 'f',
                .takes = OPTION_TEXT,
                .value = S_INIT("FILE"),
                .help = "read FILE"},
        {.name = S_INIT("set"),
                .takes = OPTION_TEXT,
                .value = S_INIT("VAR=VALUE"),
                .many = true,
                .help = "set a variable"},
        {.name = S_INIT("count"),
                .letter = 'n',
                .takes = OPTION_NUMBER,
                .value = S_INIT("N"),
                .min = 2,
                .max = 10,
                .help = "how often"},
        {.name = S_INIT("org"),
                .takes = OPTION_CHOICE,
                .value = S_INIT("tree-walk|psl"),
                .help = "where organizational domains come from"},
        {.name = S_INIT("check"),
                .letter = 't',
                .takes = OPTION_OPTIONAL,
                .value = S_INIT("full|json"),
                .help = "only check"},
};

#define WORDS_MAX 6

struct options_case {
    const char *name;
    const char *words[WORDS_MAX];
    const char *error; // NULL: good; then, in order, what was given and the operands
    const char *given;
};

static const struct options_case CASES[] = {
        {"nothing", {NULL}, NULL, ""},
        {"a dash is an operand", {"-"}, NULL, "[-]"},
        {"an empty operand", {""}, NULL, "[]"},
        {"an empty value", {"--file", ""}, NULL, "file="},
        {"an empty value joined", {"--file="}, NULL, "file="},
        {"value with an equals sign", {"--set=a=b"}, NULL, "set=a=b"},
        {"value like an option", {"--file", "--quiet"}, NULL, "file=--quiet"},
        {"value of two dashes", {"--file", "--", "-q"}, NULL, "file=-- quiet"},
        {"end of options", {"-q", "--", "-v", "--"}, NULL, "quiet [-v] [--]"},
        {"operands between", {"a", "-q", "b", "-v"}, NULL, "quiet verbose [a] [b]"},
        {"bundle", {"-vq"}, NULL, "verbose quiet"},
        {"bundle with a value", {"-vfname", "x"}, NULL, "verbose file=name [x]"},
        {"bundle, value behind", {"-vf", "name"}, NULL, "verbose file=name"},
        {"short value keeps its equals sign", {"-f=x"}, NULL, "file==x"},
        {"many", {"--set", "a", "--set=b"}, NULL, "set=a set=b"},
        {"number at its least", {"--count", "2"}, NULL, "count=2"},
        {"number at its most", {"-n10"}, NULL, "count=10"},
        {"choice", {"--org=psl"}, NULL, "org=psl"},
        {"optional without", {"--check", "full"}, NULL, "check [full]"},
        {"optional with", {"--check=full"}, NULL, "check=full"},
        {"optional by letter", {"-tv"}, NULL, "check verbose"},
        {"number too small", {"--count=1"}, "--count takes a number from 2 to 10", ""},
        {"number too large", {"--count=11"}, "--count takes a number from 2 to 10", ""},
        {"no number", {"-n", "2x"}, "--count takes a number from 2 to 10", ""},
        {"no choice", {"--org", "tree"}, "--org takes one of tree-walk|psl", ""},
        {"both choices", {"--org", "tree-walk|psl"}, "--org takes one of", ""},
        {"twice", {"-q", "--quiet"}, "--quiet is given twice", ""},
        {"twice in a bundle", {"-vv"}, "--verbose is given twice", ""},
        {"flag with a value", {"--quiet=1"}, "--quiet takes no value", ""},
        {"flag with an empty value", {"--quiet="}, "--quiet takes no value", ""},
        {"value missing", {"--file"}, "--file needs a value, FILE", ""},
        {"value missing in a bundle", {"-vf"}, "--file needs a value, FILE", ""},
        {"unknown", {"--colour"}, "unknown option --colour", ""},
        {"misspelt", {"--flie", "x"}, "unknown option --flie; did you mean --file?", ""},
        {"abbreviated", {"--verb"}, "unknown option --verb", ""},
        {"unknown letter", {"-x"}, "unknown option -x", ""},
        {"unknown letter in a bundle", {"-vx"}, "unknown option -x", ""},
        {"no name", {"--=x"}, "unknown option --", ""},
        {"controls", {"--\x1b[31m"}, "unknown option --\\u{1b}[31m", ""},
};

static struct err parse(struct arena *a, struct options *o, const char *const words[WORDS_MAX])
{
    struct str slices[WORDS_MAX];
    size_t count = 0;
    while (count < WORDS_MAX && words[count] != NULL) {
        slices[count] = str_from_c(words[count]);
        count++;
    }
    o->sets[1] = (struct option_set){OPTIONS, COUNT_OF(OPTIONS)}; // the others stay empty
    return options_parse(a, o, slices, count);
}

static void add_given(struct buf *out, const struct options *o)
{
    each_in_vec (given, &o->given) {
        buf_fmt(out, "%.*s", ARG(given->option->name));
        if (given->option->takes == OPTION_NUMBER)
            buf_fmt(out, "=%llu", (unsigned long long)given->number);
        else if (!str_is_null(given->value))
            buf_fmt(out, "=%.*s", ARG(given->value));
        buf_add_byte(out, ' ');
    }
    each_in_vec (operand, &o->operands)
        buf_fmt(out, "[%.*s] ", ARG(*operand));
}

static void command_lines(void **unused UNUSED)
{
    struct arena a;
    struct buf got;
    arena_init(&a, 64 * KIB);
    buf_init(&got, 4 * KIB);
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct options o = {0};
        struct err e = parse(&a, &o, CASES[i].words);
        buf_clear(&got);
        check_true(CASES[i].name, failed(e) == (CASES[i].error != NULL));
        if (failed(e)) {
            if (!str_contains(err_text(e), str_from_c(CASES[i].error)))
                check_failed("%s: \"%.*s\"", CASES[i].name, ARG(err_text(e)));
            continue;
        }
        add_given(&got, &o);
        check_str(CASES[i].name, str_trim(buf_str(&got)), str_from_c(CASES[i].given));
    }
    buf_done(&got);
    arena_done(&a);
}

static void looking_up(void **unused UNUSED)
{
    struct arena a;
    struct options o = {0};
    const char *const words[WORDS_MAX] = {"--set", "a", "-q", "--set", "b"};
    arena_init(&a, 64 * KIB);
    assert_false(failed(parse(&a, &o, words)));
    check_str("first", options_given(&o, S("set"), 0)->value, S("a"));
    check_str("second", options_given(&o, S("set"), 1)->value, S("b"));
    assert_null(options_given(&o, S("set"), 2));
    assert_null(options_given(&o, S("file"), 0));
    assert_true(options_know(&o, S("--file=x")));
    assert_true(options_know(&o, S("-q")));
    assert_false(options_know(&o, S("-x")));
    assert_false(options_know(&o, S("-qv")));
    assert_false(options_know(&o, S("file")));
    arena_done(&a);
}

static void required_ones(void **unused UNUSED)
{
    static const struct cli_option required[] = {
            {.name = S_INIT("ip"), .takes = OPTION_TEXT, .value = S_INIT("ADDR"), .required = true},
    };
    struct arena a;
    struct str word = S("--ip=");
    struct options o = {.sets[0] = {required, 1}};
    arena_init(&a, 64 * KIB);
    check_str("missing", err_text(options_check_required(&a, &o)), S("option --ip is missing"));
    assert_false(failed(options_parse(&a, &o, &word, 1)));
    assert_false(failed(options_check_required(&a, &o)));
    arena_done(&a);
}

static void memory_has_its_limit(void **unused UNUSED)
{
    struct arena a;
    struct options o = {0};
    const char *const words[WORDS_MAX] = {"a", "--set", "b"};
    arena_init(&a, 0);
    assert_int_equal(parse(&a, &o, words).kind, ERR_LIMIT);
    arena_done(&a);
}

static void help(void **unused UNUSED)
{
    static const struct cli_option options[] = {
            {.name = S_INIT("verbose"), .letter = 'v', .help = "say more"},
            {.name = S_INIT("org"),
                    .takes = OPTION_CHOICE,
                    .value = S_INIT("tree-walk|psl"),
                    .help = "where organizational domains come from: the tree walk of RFC 9989, or "
                            "the list"},
            {.name = S_INIT("a-name-that-is-much-too-long"),
                    .takes = OPTION_OPTIONAL,
                    .value = S_INIT("X"),
                    .help = "below"},
    };
    struct option_set set = {options, COUNT_OF(options)};
    struct buf out;
    buf_init(&out, 4 * KIB);
    options_help(&out, &set, 1);
    check_str("help", buf_str(&out),
            S("  -v, --verbose            say more\n"
              "      --org tree-walk|psl  where organizational domains come from: the tree walk\n"
              "                           of RFC 9989, or the list\n"
              "      --a-name-that-is-much-too-long[=X]\n"
              "                           below\n"));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(command_lines),
            TEST(looking_up),
            TEST(required_ones),
            TEST(memory_has_its_limit),
            TEST(help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
