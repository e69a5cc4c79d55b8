// SPDX-License-Identifier: Apache-2.0
// tests/unit/cli/test_frame.c: whole command lines against a table of commands of its own: exit
// status, and what is said on stdout and stderr.
#define POSTHASTE_BASE_ROOM
#include "cli/cli.h"

#include "../base/check.h"

#define WORDS_MAX 6

static int run_show(struct cli *c);
static int run_copy(struct cli *c);
static int run_ask(struct cli *c);

static const struct cli_option ASK_OPTIONS[] = {
        {.name = S_INIT("ip"),
                .takes = OPTION_TEXT,
                .value = S_INIT("ADDR"),
                .required = true,
                .help = "the client"},
        {.name = S_INIT("max"),
                .takes = OPTION_NUMBER,
                .value = S_INIT("N"),
                .max = 9,
                .help = "at most"},
};
static const struct cli_option SHOW_OPTIONS[] = {
        CLI_OPTION_JSON,
        {.name = S_INIT("config"),
                .letter = 'c',
                .takes = OPTION_TEXT,
                .value = S_INIT("FILE"),
                .help = "read FILE"},
};
static const struct command SHOW = {.run = run_show,
        .operands = "[NAME...]",
        .operand_max = 2,
        .about = "Shows its operands.",
        .examples = "  posthaste show a b",
        .options = SHOW_OPTIONS,
        .option_count = COUNT_OF(SHOW_OPTIONS)};
static const struct command COPY = {.run = run_copy,
        .operands = "FILE",
        .operand_min = 1,
        .operand_max = 1,
        .about = "Copies."};
static const struct command ASK = {.run = run_ask,
        .operands = "< FILE",
        .about = "Asks.",
        .options = ASK_OPTIONS,
        .option_count = COUNT_OF(ASK_OPTIONS)};

static const struct cli_option TELL_OPTIONS[] = {
        {.name = S_INIT("tell"),
                .takes = OPTION_TEXT,
                .value = S_INIT("KEY"),
                .required = true,
                .help = "tell"},
};
static const struct command TELL = {.run = run_show,
        .about = "Tells.",
        .options = TELL_OPTIONS,
        .option_count = COUNT_OF(TELL_OPTIONS)};

static const struct command_row ROWS[] = {
        {GROUP_SERVER, S_INIT("serve"), "show things", &SHOW},
        {GROUP_CONFIG, S_INIT("config"), "show things as well", &SHOW},
        {GROUP_CONFIG, S_INIT("config copy"), "copy a file", &COPY},
        {GROUP_CONFIG, S_INIT("list"), "with --tell KEY: tell", &TELL},
        {GROUP_CONFIG, S_INIT("list copy"), "copy a list", &COPY},
        {GROUP_TEST, S_INIT("test ask"), "ask something", &ASK},
};

static int run_show(struct cli *c)
{
    if (c->json) {
        struct json_out o = cli_json_begin(c);
        json_array_begin(&o);
        for (size_t i = 0; i < c->operand_count; i++)
            json_str(&o, c->operands[i]);
        json_array_end(&o);
        return cli_json_end(c, CLI_PARTLY);
    }
    cli_print(c, c->row->path);
    if (c->row->command == &TELL)
        return CLI_OK;
    cli_print(c, cli_text(c, S("config"), S(" -")));
    return CLI_OK;
}

static int run_copy(struct cli *c)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 8);
    struct err e = cli_read_file(c, c->operands[0], &text);
    if (failed(e))
        return cli_fail(c, cli_status_of_file(e), e);
    cli_print(c, buf_str(&text));
    return CLI_OK;
}

static int run_ask(struct cli *c)
{
    struct json_out o = cli_json_begin(c);
    json_object_begin(&o);
    json_key(&o, S("ip"));
    json_str(&o, cli_text(c, S("ip"), STR_NULL));
    json_key(&o, S("max"));
    json_u64(&o, cli_number(c, S("max"), 5));
    json_object_end(&o);
    return cli_json_end(c, CLI_OK);
}

struct frame_case {
    const char *name;
    const char *words[WORDS_MAX];
    const char *input;
    int status;
    const char *out; // whole; what begins with "~" is a part; NULL: nothing
    const char *err; // a part; NULL: nothing
};

static const struct frame_case CASES[] = {
        {"no words", {NULL}, "", 2, NULL, "config copy  copy a file\n"},
        {"an empty word", {""}, "", 2, NULL, "error: unknown command ''"},
        {"unknown", {"frobnicate"}, "", 2, NULL, "error: unknown command 'frobnicate'\n'post"},
        {"misspelt", {"srve"}, "", 2, NULL, "did you mean 'serve'?"},
        {"misspelt second", {"test", "aks"}, "", 64, NULL, "did you mean 'test ask'?"},
        {"unknown adapter", {"test", "nonsense"}, "", 64, NULL, "unknown command 'test nonsense'"},
        {"prefix alone", {"test"}, "", 64, NULL, "test ask     ask something\n"},
        {"prefix with help", {"test", "--help"}, "", 0, "~posthaste test COMMAND", NULL},
        {"controls", {"\x1b[2J"}, "", 2, NULL, "unknown command '\\u{1b}[2J'"},
        {"a command", {"serve"}, "", 0, "serve -", NULL},
        {"its option", {"serve", "-cx"}, "", 0, "servex", NULL},
        {"option twice", {"serve", "-cx", "--config=y"}, "", 2, NULL, "--config is given twice"},
        {"a prefix with an option of its own", {"list", "--tell", "x"}, "", 0, "list", NULL},
        {"the prefix alone", {"list"}, "", 2, NULL, "list copy    copy a list\n"},
        {"help about the prefix", {"help", "list"}, "", 0, "~list copy", NULL},
        {"misspelt behind the prefix", {"list", "coppy"}, "", 2, NULL, "did you mean 'list copy'?"},
        {"too many operands", {"serve", "a", "b", "c"}, "", 2, NULL, "unexpected argument 'c'"},
        {"too few", {"config", "copy"}, "", 2, NULL, "error: expected FILE\n"},
        {"the longer path wins", {"config", "copy", "-"}, "12345678", 0, "12345678", NULL},
        {"the shorter one", {"config", "cop"}, "", 0, "config -", NULL},
        {"a byte too much", {"config", "copy", "-"}, "123456789", 70, NULL,
                "error: standard input is longer than 8 bytes\n"},
        {"no such file", {"config", "copy", "/nonexistent"}, "", 66, NULL,
                "error: opening /nonexistent: No such file"},
        {"a folder", {"config", "copy", "/"}, "", 66, NULL, "error: reading /: Is a directory"},
        {"json", {"serve", "--json", "a", "\xff"}, "", 6, "[\"a\",\"\xef\xbf\xbd\"]\n", NULL},
        {"adapter", {"test", "ask", "--ip", "x"}, "", 0, "{\"ip\":\"x\",\"max\":5}\n", NULL},
        {"pretty", {"test", "ask", "--ip=x", "--max=0", "--pretty"}, "", 0,
                "{\n  \"ip\": \"x\",\n  \"max\": 0\n}\n", NULL},
        {"pretty is for adapters", {"serve", "--pretty"}, "", 2, NULL, "unknown option --pretty"},
        {"missing option", {"test", "ask"}, "", 64, NULL, "option --ip is missing"},
        {"wrong option", {"test", "ask", "--op", "x"}, "", 64, NULL, "did you mean --ip?"},
        {"operand of none", {"test", "ask", "--ip=x", "y"}, "", 64, NULL, "argument 'y'"},
        {"help", {"test", "ask", "--help"}, "", 0, "~      --ip ADDR", NULL},
        {"help beats mistakes", {"test", "ask", "--nope", "-h"}, "", 0, "~test ask: ask", NULL},
        {"help behind --", {"serve", "--", "--help"}, "", 0, "serve -", NULL},
        {"help command", {"help", "serve"}, "", 0, "~\nExamples\n  posthaste show a b\n", NULL},
        {"help prefix", {"help", "test"}, "", 0, "~  test ask", NULL},
        {"help alone", {"help"}, "", 0, "~Usage\n  posthaste COMMAND", NULL},
        {"help of nothing", {"help", "tset"}, "", 2, NULL, "did you mean 'test'?"},
        {"--help", {"--help"}, "", 0, "~The server\n  serve        show things\n", NULL},
        {"version", {"-V"}, "", 0, "posthaste " POSTHASTE_VERSION "\n", NULL},
        {"versions", {"--version", "--verbose"}, "", 0, "~OpenSSL", NULL},
        {"version and more", {"--version", "serve"}, "", 2, NULL, "stands alone"},
        {"option without a command", {"--config=x"}, "", 2, NULL,
                "did you mean posthaste serve --config=x?"},
        {"unknown option", {"--nope"}, "", 2, NULL, "unknown option --nope"},
        {"option before the command", {"--no-color", "serve"}, "", 2, NULL, "comes first"},
};

struct outcome {
    int status;
    char *out, *err;
    size_t out_len, err_len;
};

static void run(const struct frame_case *t, struct outcome *o)
{
    char name[] = "posthaste", *argv[WORDS_MAX + 2] = {name};
    int argc = 1;
    for (size_t i = 0; i < WORDS_MAX && t->words[i] != NULL; i++)
        argv[argc++] = strdup(t->words[i]);
    *o = (struct outcome){0};
    struct cli_call call = {.argc = argc, .argv = argv, .rows = ROWS, .row_count = COUNT_OF(ROWS)};
    char *input = strdup(t->input);
    call.in = strlen(input) > 0 ? fmemopen(input, strlen(input), "r") : fopen("/dev/null", "r");
    call.out = open_memstream(&o->out, &o->out_len);
    call.err = open_memstream(&o->err, &o->err_len);
    assert_true(call.in != NULL && call.out != NULL && call.err != NULL);
    o->status = cli_main(&call);
    fclose(call.in);
    fclose(call.out);
    fclose(call.err);
    free(input);
    for (int i = 1; i < argc; i++)
        free(argv[i]);
}

static void command_lines(void **unused UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct outcome o;
        run(&CASES[i], &o);
        struct str out = str_of(o.out, o.out_len), err = str_of(o.err, o.err_len);
        struct str want = str_from_c(CASES[i].out);
        bool good = o.status == CASES[i].status;
        if (str_starts(want, S("~")))
            good = good && str_contains(out, str_from(want, 1));
        else
            good = good && str_eq(out, want);
        good = good &&
               (CASES[i].err == NULL ? err.len == 0 : str_contains(err, str_from_c(CASES[i].err)));
        if (!good)
            check_failed("%s: status %d\nstdout: %.*s\nstderr: %.*s", CASES[i].name, o.status,
                    ARG(out), ARG(err));
        free(o.out);
        free(o.err);
    }
}

// What a person reads is at most 80 columns wide, and no stream of a test is a terminal.
static void help_is_plain_and_narrow(void **unused UNUSED)
{
    static const struct frame_case all[] = {
            {.words = {"--help"}, .input = ""},
            {.words = {"help", "serve"}, .input = ""},
            {.words = {"test", "ask", "-h"}, .input = ""},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        struct outcome o;
        struct str line;
        run(&all[i], &o);
        struct scan in = scan_over(str_of(o.out, o.out_len));
        assert_int_equal(o.status, 0);
        assert_int_equal(str_find_byte(scan_rest(&in), '\x1b'), STR_NOT_FOUND);
        while (scan_line(&in, &line))
            assert_true(str_utf8_count(line) <= 80);
        free(o.out);
        free(o.err);
    }
}

static void a_full_disk_is_said(void **unused UNUSED)
{
    char name[] = "posthaste", word[] = "serve";
    char *argv[] = {name, word, NULL}, *text = NULL;
    size_t len = 0;
    FILE *full = fopen("/dev/full", "w"), *err = open_memstream(&text, &len);
    assert_true(full != NULL && err != NULL);
    struct cli_call call = {.argc = 2,
            .argv = argv,
            .in = stdin,
            .out = full,
            .err = err,
            .rows = ROWS,
            .row_count = COUNT_OF(ROWS)};
    assert_int_equal(cli_main(&call), CLI_FAILED);
    fclose(full);
    fclose(err);
    check_str("said", str_of(text, len),
            S("error: writing to standard output: No space left on device\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(command_lines),
            TEST(help_is_plain_and_narrow),
            TEST(a_full_disk_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
