// SPDX-License-Identifier: Apache-2.0
// cli/test/test_toml.c: `posthaste test toml`. The reader is the one of the configuration, without
// the tolerances that it has for existing files.
#include "cli/commands.h"

#include "conf/toml.h"

#define TREE_BYTES_MAX ((size_t)1024 * MIB) // a file of one-letter keys needs fifty times its size

static int answer(struct cli *c, struct str text);
static int error_answer(struct cli *c, const struct finding *first);

static const struct cli_option options[] = {
        {.name = S_INIT("toml"),
                .takes = OPTION_CHOICE,
                .value = S_INIT("1.0|1.1"),
                .help = "the version of TOML to read by (default 1.0)"},
};

static int run(struct cli *c)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TOML_FILE_BYTES_MAX);
    struct err e = cli_read_input(c, &text);
    if (failed(e) && e.kind == ERR_LIMIT)
        return error_answer(c, &(struct finding){.line = 1, .column = 1, .message = err_text(e)});
    if (failed(e))
        return cli_fail(c, CLI_INTERNAL, e);
    return answer(c, buf_str(&text));
}

static int answer(struct cli *c, struct str text)
{
    struct arena tree AUTO(arena_done);
    arena_init(&tree, TREE_BYTES_MAX);
    bool is_new = str_eq(cli_text(c, S("toml"), S("1.0")), S("1.1"));
    struct toml_options how = {.version = is_new ? TOML_1_1 : TOML_1_0};
    struct findings findings = findings_make(&c->arena);
    struct toml *doc = toml_parse(&tree, text, &how, &findings);
    if (doc == NULL)
        return cli_fail_text(c, CLI_INTERNAL, "no memory for the document");
    each_in_vec (f, &findings.all)
        if (f->severity == FINDING_ERROR)
            return error_answer(c, f);
    struct json_out o = cli_json_begin(c);
    toml_tagged_json(&o, doc);
    return cli_json_end(c, CLI_OK);
}

static int error_answer(struct cli *c, const struct finding *first)
{
    struct json_out o = cli_json_begin(c);
    json_object_begin(&o);
    json_key(&o, S("error"));
    json_object_begin(&o);
    json_put_u64(&o, S("line"), first->line);
    json_put_u64(&o, S("column"), first->column);
    json_put_str(&o, S("message"), first->message);
    json_object_end(&o);
    json_object_end(&o);
    return cli_json_end(c, CLI_FAILED);
}

const struct command command_test_toml = {
        .run = run,
        .operands = "< FILE",
        CLI_OPTIONS(options),
        .about =
                "Reads a TOML document from standard input by the letter of TOML 1.0.0 (or\n"
                "1.1.0), without what the configuration tolerates beyond it, and prints it as\n"
                "one JSON object: tables are objects, arrays are arrays, and each other value is\n"
                "{\"type\": T, \"value\": \"text\"} with T one of string, integer, float, bool,\n"
                "datetime, datetime-local, date-local, time-local.\n"
                "\n"
                "A document that is not TOML gives {\"error\":{\"line\":L,\"column\":C,\n"
                "\"message\":\"...\"}} and exit status 1. Lines and columns count from 1, columns\n"
                "in characters. `posthaste config check` shows all errors of a configuration.",
        .examples = "  posthaste test toml < config.toml\n"
                    "  printf 'at = 07:32' | posthaste test toml --toml 1.1",
};
