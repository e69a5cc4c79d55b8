// SPDX-License-Identifier: Apache-2.0
// cli/cli.h: the frame of the command line. It finds the command, reads its options, decides about
// colour, shows help, and hands a `struct cli` to the command's `run`, whose result is the exit
// status. Only this room and the commands in it use stdio.
//
// To add the command `posthaste test toml`:
//
// 1. a row in cli/commands.def, in its group, at the place where --help shall list it:
//        COMMAND(TEST, "test toml", test_toml, "read TOML and print it as tagged JSON")
// 2. a file cli/test/test_toml.c with one variable, which the row has declared:
//        static int run(struct cli *c)
//        {
//            struct buf text AUTO(buf_done);
//            buf_init(&text, TOML_FILE_BYTES_MAX);
//            struct err e = cli_read_input(c, &text);
//            if (failed(e))
//                return cli_fail(c, CLI_INTERNAL, e);
//            struct json_out o = cli_json_begin(c);
//            ...
//            return cli_json_end(c, CLI_OK);
//        }
//        const struct command command_test_toml = {
//                .run = run, .operands = "< FILE", .about = "What it does, in paragraphs.",
//                CLI_OPTIONS(options)};
//    (row and file see each other through #include "cli/commands.h")
// 3. the file's name in cli/meson.build.
//
// -h/--help and --no-color are there for all commands, --pretty for those of the group TEST; their
// usage errors exit with 64, all others' with 2. A command that knows --json puts the row
// CLI_OPTION_JSON into its table and asks c->json.
#pragma once

#include "base/base.h"

#include "base/json.h"

#include "cli/options.h"

// management.md 15.1, configuration.md 1.1, and the README of the conformance data for `test`.
enum cli_status {
    CLI_OK = 0,
    CLI_FAILED = 1,  // configuration, refusal, or the input is not what it claims to be
    CLI_USAGE = 2,   // unless the group says 64
    CLI_CONNECT = 3, // cannot connect, timeout, TLS failure
    CLI_RIGHTS = 4,
    CLI_NOT_FOUND = 5,
    CLI_PARTLY = 6,
    CLI_TEST_USAGE = 64, // unknown adapter or option, missing option
    CLI_DATA = 65,       // a file given by an option is malformed
    CLI_NO_INPUT = 66,   // it cannot be opened
    CLI_INTERNAL = 70,
};

enum command_group {
#define GROUP(name, usage_status, heading) GROUP_##name,
#include "cli/groups.def"
};

struct cli;

struct command {
    int (*run)(struct cli *c); // the result is the exit status
    const char *operands;      // as usage shows them, "FILE..."; "< FILE" for a reader of stdin
    size_t operand_min, operand_max; // SIZE_MAX: any number
    const char *about; // paragraphs and examples, laid out by hand to 80 columns, no last newline
    const char *examples; // lines, each with its two blanks of indent; may be NULL
    const struct cli_option *options;
    size_t option_count;
};

// Members of a `struct command`: its table of options, and that it takes just one operand.
#define CLI_OPTIONS(table) .options = table, .option_count = COUNT_OF(table)
#define CLI_ONE_OPERAND(name) .operands = name, .operand_min = 1, .operand_max = 1

struct command_row {
    enum command_group group;
    struct str path;  // the words of the command: "config check"
    const char *help; // one line
    const struct command *command;
};

struct cli {
    struct arena arena;            // lives as long as the command
    const struct command_row *row; // which command this is
    const struct command_row *rows;
    size_t row_count;
    struct options options;
    const struct str *operands; // what is not an option
    size_t operand_count;
    bool colour, colour_err; // is `out`, is `err` a terminal that should see colours?
    bool json;               // --json, where the command has it
    bool terminal;           // is `out` one?
    bool pretty;             // --pretty, or --json and a terminal
    FILE *in, *out, *err;
    struct buf json_text; // between cli_json_begin and cli_json_end
};

struct cli_call { // what main was given; tests give their own
    int argc;
    char **argv;
    FILE *in, *out, *err;
    const struct command_row *rows;
    size_t row_count;
};

int cli_main(const struct cli_call *call); // the exit status

// Rows for option tables.
#define CLI_OPTION_JSON                                                                            \
    {                                                                                              \
        .name = S_INIT("json"), .letter = 'j', .help = "print one JSON object instead of text"     \
    }

#define CLI_OPTION_LIMIT(text)                                                                     \
    {                                                                                              \
        .name = S_INIT("limit"), .letter = 'l', .takes = OPTION_NUMBER, .value = S_INIT("N"),      \
        .min = 1, .max = UINT32_MAX, .help = text                                                  \
    }

// Options by name, without dashes; the name must be in the command's table.
bool cli_has(const struct cli *c, struct str name);
struct str cli_text(const struct cli *c, struct str name, struct str otherwise);
uint64_t cli_number(const struct cli *c, struct str name, uint64_t otherwise);
struct str cli_text_nth(const struct cli *c, struct str name, size_t nth); // null: not so many

// Input whole, up to the buf's limit (ERR_LIMIT beyond). A file named "-" is stdin.
struct err cli_read_input(struct cli *c, struct buf *out) MUST_USE;
struct err cli_read_file(struct cli *c, struct str path, struct buf *out) MUST_USE;
enum cli_status cli_status_of_file(struct err e); // of a file that an option names: 66, 70

// "error: TEXT" on stderr; they return the status, so: return cli_fail(c, CLI_FAILED, e);
int cli_fail(struct cli *c, int status, struct err e);
int cli_fail_text(struct cli *c, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
// The same with a pointer to --help, and the group's status for wrong usage.
int cli_usage_error(struct cli *c, struct err e);

// One JSON object (or array) on stdout and a newline behind it, indented when c->pretty.
struct json_out cli_json_begin(struct cli *c);
int cli_json_end(struct cli *c, int status);
void cli_print(struct cli *c, struct str text); // to stdout

// For headings and words that should stand out; empty without colour.
enum cli_paint { PAINT_BOLD, PAINT_RED, PAINT_YELLOW, PAINT_GREEN, PAINT_END };
const char *cli_paint(bool colour, enum cli_paint paint);
