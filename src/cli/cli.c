// SPDX-License-Identifier: Apache-2.0
// cli/cli.c: from argv to a command and its exit status. What is wrong with a command line is said
// on stderr with a word of help; help that was asked for goes to stdout.
#include "cli/cli.h"

#include "base/encode.h"
#include "cli/help.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define ARENA_BYTES_MAX ((size_t)1 * 1024 * MIB) // a 16 MiB text of tiny values becomes 700 MB
#define TEXT_BYTES_MAX (1 * MIB)                 // of help and messages
#define TYPING_ERRORS_MAX 2

static const struct cli_option common_options[] = {
        {.name = S_INIT("no-color"), .help = "no colours (as the variable NO_COLOR does)"},
        {.name = S_INIT("help"), .letter = 'h', .help = "show this"},
};
static const struct cli_option test_options[] = {
        {.name = S_INIT("pretty"), .help = "indent the JSON"},
};
static const struct cli_option program_options[] = {
        {.name = S_INIT("help"), .letter = 'h', .help = ""},
        {.name = S_INIT("version"), .letter = 'V', .help = ""},
        {.name = S_INIT("verbose"), .letter = 'v', .help = ""},
        {.name = S_INIT("no-color"), .help = ""},
};

struct words {
    const struct str *at;
    size_t count;
};

static bool words_of(struct cli *c, const struct cli_call *call, struct words *out);
static void colours_choose(struct cli *c, struct words words);
static int dispatch(struct cli *c, struct words words);
static int program_run(struct cli *c, struct words words);
static int program_option_unknown(struct cli *c, struct words words, struct err e);
static int help_run(struct cli *c, struct words words);
static const struct command_row *row_find(const struct cli *c, struct words words, size_t *used);
static bool is_prefix_only(const struct cli *c, const struct command_row *row, struct words rest);
static int row_run(struct cli *c, const struct command_row *row, struct words words);
static size_t sets_of(const struct command_row *row, struct option_set out[OPTION_SETS_MAX]);
static struct err operands_check(struct cli *c);
static bool wants_help(struct words words);
static int row_help(struct cli *c, const struct command_row *row);
static int prefix_run(struct cli *c, struct words words, bool *out_known);
static int command_unknown(struct cli *c, struct words words);
static struct str words_join(struct cli *c, struct words words, size_t count);
static struct str nearest_path(struct cli *c, struct words words);
static struct str path_upto(struct str path, size_t count);
static size_t words_in(struct str path);
static int usage_status(const struct cli *c, struct words words);
static void write_text(FILE *to, struct buf *text);
static int finish(struct cli *c, int status);

int cli_main(const struct cli_call *call)
{
    struct cli c = {.rows = call->rows,
            .row_count = call->row_count,
            .in = call->in,
            .out = call->out,
            .err = call->err};
    struct words words;
    arena_init(&c.arena, ARENA_BYTES_MAX);
    signal(SIGPIPE, SIG_IGN); // a reader that leaves is an error of a write, seen by finish()
    int status = CLI_INTERNAL;
    if (words_of(&c, call, &words)) {
        colours_choose(&c, words);
        status = finish(&c, dispatch(&c, words));
    }
    buf_done(&c.json_text);
    arena_done(&c.arena);
    return status;
}

static bool words_of(struct cli *c, const struct cli_call *call, struct words *out)
{
    size_t count = call->argc > 1 ? (size_t)call->argc - 1 : 0;
    struct str *at = arena_array(&c->arena, count + 1, struct str);
    if (at == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        at[i] = str_from_c(call->argv[i + 1]);
    *out = (struct words){at, count};
    return true;
}

// Known before the options are read, since a mistake in them is told in colour too. NO_COLOR counts
// when it is not empty (no-color.org).
static void colours_choose(struct cli *c, struct words words)
{
    struct str forbidden = str_from_c(getenv("NO_COLOR"));
    bool may = forbidden.len == 0 && !str_eq(str_from_c(getenv("TERM")), S("dumb"));
    for (size_t i = 0; i < words.count && !str_eq(words.at[i], S("--")); i++)
        if (str_eq(words.at[i], S("--no-color")))
            may = false;
    c->colour = may && isatty(fileno(c->out)) == 1;
    c->colour_err = may && isatty(fileno(c->err)) == 1;
}

static int dispatch(struct cli *c, struct words words)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    if (words.count == 0) {
        help_overview(&text, c, c->colour_err);
        write_text(c->err, &text);
        return CLI_USAGE;
    }
    if (str_starts(words.at[0], S("-")))
        return program_run(c, words);
    if (str_eq(words.at[0], S("help")))
        return help_run(c, (struct words){words.at + 1, words.count - 1});
    size_t used;
    const struct command_row *row = row_find(c, words, &used);
    struct words rest = {words.at + used, words.count - used};
    if (row != NULL && !is_prefix_only(c, row, rest))
        return row_run(c, row, rest);
    bool known;
    int status = prefix_run(c, words, &known);
    return known ? status : command_unknown(c, words);
}

// posthaste --version, posthaste --help: no command, only options.
static int program_run(struct cli *c, struct words words)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    c->options.sets[0] = (struct option_set){program_options, COUNT_OF(program_options)};
    struct err e = options_parse(&c->arena, &c->options, words.at, words.count);
    if (failed(e))
        return program_option_unknown(c, words, e);
    if (cli_has(c, S("help"))) {
        help_overview(&text, c, c->colour);
        write_text(c->out, &text);
        return CLI_OK;
    }
    if (!cli_has(c, S("version")))
        return cli_usage_error(c, fail(ERR_SYNTAX, "the command comes first: posthaste COMMAND"));
    if (c->options.operands.count > 0)
        return cli_usage_error(c, fail(ERR_SYNTAX, "--version stands alone, or with --verbose"));
    version_text(&text, cli_has(c, S("verbose")) ? VERSION_VERBOSE : VERSION_SHORT);
    write_text(c->out, &text);
    return CLI_OK;
}

// Other servers take their options without a command; ours are the ones of `serve`.
static int program_option_unknown(struct cli *c, struct words words, struct err e)
{
    struct options serve = {0};
    for (size_t i = 0; i < c->row_count; i++)
        if (str_eq(c->rows[i].path, S("serve")))
            sets_of(&c->rows[i], serve.sets);
    if (options_know(&serve, words.at[0]))
        return cli_usage_error(
                c, fail_fmt(&c->arena, ERR_SYNTAX,
                           "%.*s is an option of a command; did you mean posthaste serve %.*s?",
                           ARG(words.at[0]), ARG(words.at[0])));
    return cli_usage_error(c, e);
}

// posthaste help [WORD...]
static int help_run(struct cli *c, struct words words)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    while (words.count > 0 && str_starts(words.at[words.count - 1], S("--")))
        words.count--; // --no-color; --help, for `posthaste help --help`
    size_t used;
    const struct command_row *row = row_find(c, words, &used);
    if (row != NULL && used == words.count && !is_prefix_only(c, row, (struct words){0}))
        return row_help(c, row);
    struct str all = words_join(c, words, words.count);
    if (words.count == 0) {
        help_overview(&text, c, c->colour);
        write_text(c->out, &text);
        return CLI_OK;
    }
    for (size_t i = 0; i < c->row_count; i++) {
        if (path_begins(c->rows[i].path, all)) {
            help_prefix(&text, c, all, c->colour);
            write_text(c->out, &text);
            return CLI_OK;
        }
    }
    return command_unknown(c, words);
}

// The command whose words stand first; the longest, so that a command may be the prefix of others.
static const struct command_row *row_find(const struct cli *c, struct words words, size_t *used)
{
    const struct command_row *found = NULL;
    *used = 0;
    for (size_t i = 0; i < c->row_count; i++) {
        struct str rest = c->rows[i].path, word;
        size_t matched = 0;
        bool same = true;
        while (same && str_split(&rest, ' ', &word)) {
            same = matched < words.count && str_eq(words.at[matched], word);
            matched++;
        }
        if (same && matched > *used) {
            found = &c->rows[i];
            *used = matched;
        }
    }
    return found;
}

// `posthaste config` has an option of its own, and else is the beginning of other commands.
static bool is_prefix_only(const struct cli *c, const struct command_row *row, struct words rest)
{
    struct options own = {0};
    bool begins_others = false;
    for (size_t i = 0; i < c->row_count; i++)
        begins_others = begins_others || (path_begins(c->rows[i].path, row->path) &&
                                                 !str_eq(c->rows[i].path, row->path));
    if (!begins_others || row->command->operand_max > 0)
        return false;
    own.sets[0] = (struct option_set){row->command->options, row->command->option_count};
    return rest.count == 0 || !options_know(&own, rest.at[0]);
}

static int row_run(struct cli *c, const struct command_row *row, struct words words)
{
    c->row = row;
    sets_of(row, c->options.sets);
    struct err e = options_parse(&c->arena, &c->options, words.at, words.count);
    if (failed(e) ? wants_help(words) : cli_has(c, S("help")))
        return row_help(c, row);
    if (!failed(e))
        e = options_check_required(&c->arena, &c->options);
    c->operands = c->options.operands.at;
    c->operand_count = c->options.operands.count;
    if (!failed(e))
        e = operands_check(c);
    if (failed(e))
        return cli_usage_error(c, e);
    for (size_t i = 0; i < row->command->option_count; i++)
        if (str_eq(row->command->options[i].name, S("json")))
            c->json = cli_has(c, S("json"));
    c->terminal = isatty(fileno(c->out)) == 1;
    c->pretty = row->group == GROUP_TEST ? cli_has(c, S("pretty")) : c->json && c->terminal;
    return row->command->run(c);
}

// The command's own options, then those of its group, then those of all.
static size_t sets_of(const struct command_row *row, struct option_set out[OPTION_SETS_MAX])
{
    size_t count = 0;
    out[count++] = (struct option_set){row->command->options, row->command->option_count};
    if (row->group == GROUP_TEST)
        out[count++] = (struct option_set){test_options, COUNT_OF(test_options)};
    out[count++] = (struct option_set){common_options, COUNT_OF(common_options)};
    return count;
}

static struct err operands_check(struct cli *c)
{
    const struct command *command = c->row->command;
    if (c->operand_count < command->operand_min)
        return fail_fmt(&c->arena, ERR_SYNTAX, "expected %s", command->operands);
    if (c->operand_count <= command->operand_max)
        return OK;
    struct buf shown AUTO(buf_done);
    buf_init(&shown, KIB);
    escape_text(&shown, c->operands[command->operand_max], 200, ESCAPE_PLAIN);
    return fail_fmt(&c->arena, ERR_SYNTAX, "unexpected argument '%.*s'", ARG(buf_str(&shown)));
}

// Asked when the options could not be read: then a wrong one must not hide the help.
static bool wants_help(struct words words)
{
    for (size_t i = 0; i < words.count && !str_eq(words.at[i], S("--")); i++)
        if (str_eq(words.at[i], S("--help")) || str_eq(words.at[i], S("-h")))
            return true;
    return false;
}

static int row_help(struct cli *c, const struct command_row *row)
{
    struct buf text AUTO(buf_done);
    struct option_set sets[OPTION_SETS_MAX] = {0};
    size_t count = sets_of(row, sets);
    buf_init(&text, TEXT_BYTES_MAX);
    help_command(&text, row, sets, count, c->colour);
    write_text(c->out, &text);
    return CLI_OK;
}

// posthaste config, posthaste config --help: words that begin several commands and are none.
static int prefix_run(struct cli *c, struct words words, bool *out_known)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    size_t count = 0;
    while (count < words.count && !str_starts(words.at[count], S("-")))
        count++;
    struct str prefix = words_join(c, words, count);
    *out_known = false;
    for (size_t i = 0; i < c->row_count && prefix.len > 0 && !*out_known; i++)
        *out_known = path_begins(c->rows[i].path, prefix);
    if (!*out_known)
        return CLI_USAGE;
    bool asked = wants_help(words);
    help_prefix(&text, c, prefix, asked ? c->colour : c->colour_err);
    write_text(asked ? c->out : c->err, &text);
    return asked ? CLI_OK : usage_status(c, words);
}

static int command_unknown(struct cli *c, struct words words)
{
    size_t count = 1; // as many words as a command has at most
    while (count < words.count && count < 2 && !str_starts(words.at[count], S("-")))
        count++;
    struct str typed = words_join(c, words, count), nearest = nearest_path(c, words);
    struct err e = fail_fmt(&c->arena, ERR_SYNTAX, "unknown command '%.*s'", ARG(typed));
    if (!str_is_null(nearest))
        e = fail_fmt(&c->arena, ERR_SYNTAX, "unknown command '%.*s'; did you mean '%.*s'?",
                ARG(typed), ARG(nearest));
    cli_usage_error(c, e);
    return usage_status(c, words);
}

static struct str words_join(struct cli *c, struct words words, size_t count)
{
    struct buf joined AUTO(buf_done);
    buf_init(&joined, TEXT_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_byte(&joined, ' ');
        buf_add(&joined, words.at[i]);
    }
    return arena_str(&c->arena, buf_str(&joined));
}

// Each path is compared with as many words as it has, so arguments behind them do not matter; and
// if fewer were typed, with as many of its own.
static struct str nearest_path(struct cli *c, struct words words)
{
    struct str nearest = STR_NULL;
    size_t least = TYPING_ERRORS_MAX + 1;
    for (size_t i = 0; i < c->row_count; i++) {
        size_t count = words_in(c->rows[i].path);
        if (count > words.count)
            count = words.count;
        struct str typed = words_join(c, words, count), path = path_upto(c->rows[i].path, count);
        size_t distance = str_distance(typed, path, TYPING_ERRORS_MAX);
        if (distance > 0 && distance < least) { // 0: `config`, whose second word is unknown
            least = distance;
            nearest = path;
        }
    }
    return nearest;
}

static struct str path_upto(struct str path, size_t count)
{
    struct str rest = path, word = STR_NULL;
    for (size_t i = 0; i < count; i++)
        str_split(&rest, ' ', &word);
    return str_upto(path, (size_t)(word.ptr + word.len - path.ptr));
}

static size_t words_in(struct str path)
{
    struct str word;
    size_t count = 0;
    while (str_split(&path, ' ', &word))
        count++;
    return count;
}

// An unknown `posthaste test ...` is the usage error of its group.
static int usage_status(const struct cli *c, struct words words)
{
    for (size_t i = 0; i < c->row_count; i++)
        if (words.at[0].len > 0 && path_begins(c->rows[i].path, words.at[0]))
            return group_usage_status(c->rows[i].group);
    return CLI_USAGE;
}

bool cli_has(const struct cli *c, struct str name)
{
    return options_given(&c->options, name, 0) != NULL;
}

struct str cli_text(const struct cli *c, struct str name, struct str otherwise)
{
    const struct option_given *given = options_given(&c->options, name, 0);
    return given != NULL ? given->value : otherwise;
}

uint64_t cli_number(const struct cli *c, struct str name, uint64_t otherwise)
{
    const struct option_given *given = options_given(&c->options, name, 0);
    return given != NULL ? given->number : otherwise;
}

struct str cli_text_nth(const struct cli *c, struct str name, size_t nth)
{
    const struct option_given *given = options_given(&c->options, name, nth);
    return given != NULL ? given->value : STR_NULL;
}

int cli_usage_error(struct cli *c, struct err e)
{
    cli_fail(c, CLI_USAGE, e);
    if (c->row == NULL) {
        fputs("'posthaste --help' lists the commands.\n", c->err);
        return CLI_USAGE;
    }
    fprintf(c->err, "'posthaste %.*s --help' tells more.\n", ARG(c->row->path));
    return group_usage_status(c->row->group);
}

static void write_text(FILE *to, struct buf *text)
{
    struct str all = buf_str(text);
    fwrite(all.ptr, 1, all.len, to);
}

// What could not be written makes a command fail, except into a pipe that nobody reads any more.
static int finish(struct cli *c, int status)
{
    errno = 0;
    bool written = fflush(c->out) == 0 && ferror(c->out) == 0;
    int why = errno;
    fflush(c->err);
    if (written)
        return status;
    if (why == EPIPE)
        return CLI_OK;
    bool test = c->row != NULL && c->row->group == GROUP_TEST;
    struct err e = fail_errno(&c->arena, why, "writing to standard output");
    return cli_fail(c, test ? CLI_INTERNAL : CLI_FAILED, e);
}
