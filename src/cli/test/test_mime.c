// SPDX-License-Identifier: Apache-2.0
// cli/test/test_mime.c: `posthaste test mime`. The reader is that of filters and reports.
#include "cli/commands.h"

#include "base/encode.h"
#include "mail/mail.h"

#define MESSAGE_BYTES_MAX ((size_t)256 * MIB)
#define MEMORY_BYTES_MAX ((size_t)1024 * MIB)

static const struct cli_option options[] = {
        {.name = S_INIT("content"), .help = "print what leaves hold, in base64 and as text"}};

static int answer(struct cli *c, const struct mime_tree *tree);
static void put_part(struct cli *c, struct json_out *o, const struct mime_part *part);
static void put_content(struct json_out *o, const struct mime_part *part, struct str content);

static int run(struct cli *c)
{
    struct buf message AUTO(buf_done);
    struct arena a AUTO(arena_done);
    struct mime_tree tree;
    buf_init(&message, MESSAGE_BYTES_MAX);
    arena_init(&a, MEMORY_BYTES_MAX);
    struct err e = cli_read_input(c, &message);
    if (!failed(e))
        e = mime_read(&a, buf_str(&message), &tree);
    return failed(e) ? cli_fail(c, CLI_INTERNAL, e) : answer(c, &tree);
}

static int answer(struct cli *c, const struct mime_tree *tree)
{
    struct json_out o = cli_json_begin(c);
    json_object_begin(&o);
    json_key(&o, S("parts"));
    json_array_begin(&o);
    for (size_t i = 0; i < tree->count; i++)
        put_part(c, &o, &tree->parts[i]);
    json_array_end(&o);
    json_key(&o, S("defects"));
    json_array_begin(&o);
    for (size_t i = 0; i < MIME_DEFECT_COUNT; i++) {
        if (tree->defects[i])
            json_str(&o, mime_defect_name((enum mime_defect)i));
    }
    json_array_end(&o);
    json_put_bool(&o, S("truncated"), tree->truncated);
    json_object_end(&o);
    return cli_json_end(c, CLI_OK);
}

static void put_part(struct cli *c, struct json_out *o, const struct mime_part *part)
{
    json_object_begin(o);
    json_put_u64(o, S("depth"), part->depth);
    json_put_str(o, S("path"), part->path);
    json_put_str(o, S("type"), part->type.type);
    json_key(o, S("params"));
    json_object_begin(o);
    for (size_t i = 0; i < part->type.param_count; i++)
        json_put_str(o, part->type.params[i].name, part->type.params[i].value);
    json_object_end(o);
    json_put_str(o, S("encoding"), part->encoding_name);
    json_put_str(o, S("disposition"), part->disposition);
    json_put_str(o, S("filename"), part->filename);
    if (part->is_leaf) {
        struct buf content AUTO(buf_done);
        buf_init(&content, MESSAGE_BYTES_MAX);
        mime_content_add(&content, part);
        json_put_u64(o, S("size"), content.len);
        if (cli_has(c, S("content")))
            put_content(o, part, buf_str(&content));
    }
    json_object_end(o);
}

static void put_content(struct json_out *o, const struct mime_part *part, struct str content)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 3 * MESSAGE_BYTES_MAX);
    json_put_str(o, S("text"), mime_text_add(&text, part, content) ? buf_str(&text) : STR_NULL);
    buf_clear(&text);
    encode_base64(&text, content);
    json_put_str(o, S("content"), buf_str(&text));
}

const struct command command_test_mime = {
        .run = run,
        .operands = "< MESSAGE",
        .about = "Prints the parts of a message (MIME) in the order in which they stand, those\n"
                 "inside of others one deeper: type, encoding, disposition, file name, size, and\n"
                 "with --content what is in them. Lines end in CRLF, or in LF where the message\n"
                 "has no CRLF at all.",
        .examples = "  posthaste test mime --pretty < message.eml",
        CLI_OPTIONS(options),
};
