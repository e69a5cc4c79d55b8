// SPDX-License-Identifier: Apache-2.0
// cli/config/config_format.c: `posthaste config format`. Only the form is looked at: macros,
// includes and values stay as they are, so a file can be formatted that this machine could not
// load.
#include "cli/commands.h"

#include "conf/conf.h"
#include "conf/toml.h"

#define TREE_BYTES_MAX ((size_t)1024 * MIB)
#define TEXT_BYTES_MAX (4 * TOML_FILE_BYTES_MAX) // indents make it longer

static struct str path_choose(struct cli *c);
static int format(struct cli *c, struct str path, struct str text);
static void findings_show(struct cli *c, const struct findings *findings);

static int run(struct cli *c)
{
    struct str path = path_choose(c);
    if (str_is_null(path))
        return cli_usage_error(c, fail(ERR_NOT_FOUND, "name a file; there is no configuration"));
    struct buf text AUTO(buf_done);
    buf_init(&text, TOML_FILE_BYTES_MAX);
    struct err e = cli_read_file(c, path, &text);
    if (failed(e))
        return cli_fail(c, CLI_FAILED, e);
    return format(c, str_eq(path, S("-")) ? S("standard input") : path, buf_str(&text));
}

static struct str path_choose(struct cli *c)
{
    if (c->operand_count > 0)
        return c->operands[0];
    struct conf_env env = conf_env_process(&c->arena);
    return conf_locate(&env, STR_NULL);
}

// A file with errors gives no output at all: half a configuration must not replace a whole one.
static int format(struct cli *c, struct str path, struct str text)
{
    struct arena tree AUTO(arena_done);
    struct buf out AUTO(buf_done);
    arena_init(&tree, TREE_BYTES_MAX);
    buf_init(&out, TEXT_BYTES_MAX);
    struct findings findings = findings_make(&c->arena);
    bool formatted = toml_format(&out, &tree, text, path, &findings);
    findings_show(c, &findings);
    if (!formatted)
        return CLI_FAILED;
    cli_print(c, buf_str(&out));
    return CLI_OK;
}

static void findings_show(struct cli *c, const struct findings *findings)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    findings_print(&text, findings, c->colour_err ? FINDINGS_COLOUR : FINDINGS_PLAIN);
    fwrite(buf_str(&text).ptr, 1, text.len, c->err);
}

const struct command command_config_format = {
        .run = run,
        .operands = "[FILE]",
        .operand_max = 1,
        .about = "Rewrites a configuration file in its canonical form and prints it. FILE may be\n"
                 "\"-\" for standard input; without it the main configuration file is taken. The\n"
                 "file itself is not changed, and files that it includes are not looked at.\n"
                 "\n"
                 "Comments and the order of settings stay. What the server tolerates beyond TOML\n"
                 "1.0.0 is put right: inline tables over several lines, sets in braces, unknown\n"
                 "escapes in strings, capitals in table headers, and tables opened twice, whose\n"
                 "parts are put together.\n"
                 "\n"
                 "A file with syntax errors gives nothing but the errors, and exit status 1.",
        .examples = "  posthaste config format /etc/posthaste/config.toml > new.toml\n"
                    "  posthaste config format - < draft.toml",
};
