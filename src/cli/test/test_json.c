// SPDX-License-Identifier: Apache-2.0
// cli/test/test_json.c: `posthaste test json`. The reader is the one of the configuration and the
// API.
#include "cli/commands.h"

#define DOCUMENT_BYTES_MAX (16 * MIB) // as for configuration files, configuration.md 2.1

static int run(struct cli *c)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, DOCUMENT_BYTES_MAX);
    struct err e = cli_read_input(c, &text);
    struct json_error bad = {.line = 1, .column = 1, .message = err_text(e)};
    bool good = !failed(e) && json_parse(&c->arena, buf_str(&text), &bad) != NULL;
    if (failed(e) && e.kind != ERR_LIMIT)
        return cli_fail(c, CLI_INTERNAL, e);
    struct json_out o = cli_json_begin(c);
    json_object_begin(&o);
    json_put_bool(&o, S("ok"), good);
    if (!good) {
        json_put_u64(&o, S("line"), bad.line);
        json_put_u64(&o, S("column"), bad.column);
        json_put_str(&o, S("message"), bad.message);
    }
    json_object_end(&o);
    return cli_json_end(c, good ? CLI_OK : CLI_FAILED);
}

const struct command command_test_json = {
        .run = run,
        .operands = "< FILE",
        .about =
                "Reads a JSON text (RFC 8259) from standard input as strictly as this server\n"
                "reads its own: UTF-8 without a byte order mark, one value and nothing behind\n"
                "it, arrays and objects at most 64 deep, at most 16 MiB.\n"
                "\n"
                "Prints {\"ok\":true} and exits with 0, or {\"ok\":false,\"line\":L,\"column\":C,\n"
                "\"message\":\"...\"} and exits with 1. Lines and columns count from 1, columns\n"
                "in characters.",
        .examples = "  posthaste test json < config.json\n"
                    "  printf '[1, 2' | posthaste test json --pretty",
};
