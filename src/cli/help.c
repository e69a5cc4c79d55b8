// SPDX-License-Identifier: Apache-2.0
// cli/help.c: help is made of the tables: groups.def, commands.def, and each command's options.
// Only the sentences about the program as a whole stand here.
#include "cli/help.h"

static const struct {
    struct str heading;
    int usage_status;
} groups[] = {
#define GROUP(name, status, text) {.heading = S_INIT(text), .usage_status = (status)},
#include "cli/groups.def"
};

static const struct cli_option overview_options[] = {
        {.name = S_INIT("help"),
                .letter = 'h',
                .help = "show this, or with a command what there is to know about it"},
        {.name = S_INIT("version"),
                .letter = 'V',
                .help = "show the version; with --verbose those of the libraries too"},
        {.name = S_INIT("no-color"), .help = "no colours (as the variable NO_COLOR does)"},
};

static void heading(struct buf *out, struct str text, bool colour);
static void rows_list(
        struct buf *out, const struct cli *c, enum command_group group, struct str words);
static size_t path_column(const struct cli *c);
static bool group_has(const struct cli *c, enum command_group group, struct str words);

void help_overview(struct buf *out, const struct cli *c, bool colour)
{
    struct option_set options = {overview_options, COUNT_OF(overview_options)};
    buf_add(out, S("Posthaste, a mail server: receives, checks, queues and delivers mail.\n\n"));
    heading(out, S("Usage"), colour);
    buf_add(out, S("  posthaste COMMAND [OPTION...] [ARGUMENT...]\n"));
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        if (!group_has(c, (enum command_group)i, S("")))
            continue;
        buf_add_byte(out, '\n');
        heading(out, groups[i].heading, colour);
        rows_list(out, c, (enum command_group)i, S(""));
    }
    buf_add_byte(out, '\n');
    heading(out, S("Options"), colour);
    options_help(out, &options, 1);
    buf_add(out, S("\n'posthaste help COMMAND' tells all about a command, with examples;\n"
                   "'posthaste help test' lists the commands that begin with that word.\n"));
}

void help_prefix(struct buf *out, const struct cli *c, struct str words, bool colour)
{
    heading(out, S("Usage"), colour);
    buf_fmt(out, "  posthaste %.*s COMMAND [OPTION...] [ARGUMENT...]\n", ARG(words));
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        if (!group_has(c, (enum command_group)i, words))
            continue;
        buf_add_byte(out, '\n');
        heading(out, groups[i].heading, colour);
        rows_list(out, c, (enum command_group)i, words);
    }
    buf_fmt(out, "\n'posthaste help %.*s COMMAND' tells all about one of them.\n", ARG(words));
}

static void heading(struct buf *out, struct str text, bool colour)
{
    buf_fmt(out, "%s%.*s%s\n", cli_paint(colour, PAINT_BOLD), ARG(text),
            cli_paint(colour, PAINT_END));
}

static void rows_list(
        struct buf *out, const struct cli *c, enum command_group group, struct str words)
{
    size_t column = path_column(c);
    for (size_t i = 0; i < c->row_count; i++) {
        const struct command_row *row = &c->rows[i];
        if (row->group != group || !path_begins(row->path, words))
            continue;
        buf_fmt(out, "  %-*.*s", (int)column - 2, ARG(row->path));
        help_wrap(out, str_from_c(row->help), column);
    }
}

static size_t path_column(const struct cli *c)
{
    size_t longest = 0;
    for (size_t i = 0; i < c->row_count; i++)
        if (c->rows[i].path.len > longest)
            longest = c->rows[i].path.len;
    return longest + 4;
}

static bool group_has(const struct cli *c, enum command_group group, struct str words)
{
    for (size_t i = 0; i < c->row_count; i++)
        if (c->rows[i].group == group && path_begins(c->rows[i].path, words))
            return true;
    return false;
}

void help_command(struct buf *out, const struct command_row *row, const struct option_set *sets,
        size_t set_count, bool colour)
{
    const struct command *command = row->command;
    buf_fmt(out, "posthaste %.*s: %s\n\n", ARG(row->path), row->help);
    heading(out, S("Usage"), colour);
    buf_fmt(out, "  posthaste %.*s [OPTION...]%s%s\n", ARG(row->path),
            command->operands != NULL ? " " : "",
            command->operands != NULL ? command->operands : "");
    buf_fmt(out, "\n%s\n\n", command->about);
    heading(out, S("Options"), colour);
    options_help(out, sets, set_count);
    if (command->examples == NULL)
        return;
    buf_add_byte(out, '\n');
    heading(out, S("Examples"), colour);
    buf_fmt(out, "%s\n", command->examples);
}

int group_usage_status(enum command_group group)
{
    return groups[group].usage_status;
}

bool path_begins(struct str path, struct str words)
{
    if (words.len == 0 || str_eq(path, words))
        return true;
    return str_starts(path, words) && path.ptr[words.len] == ' ';
}
