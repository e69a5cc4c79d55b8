// SPDX-License-Identifier: Apache-2.0
// cli/batch.c: requests in, answers out, a line each.
#include "cli/batch.h"

#define REQUEST_BYTES_MAX ((size_t)16 * MIB)
#define REQUEST_MEMORY_MAX ((size_t)128 * MIB)

static bool read_line(struct batch *b);
static bool read_whole(struct batch *b);

void batch_begin(struct batch *b, struct cli *c)
{
    *b = (struct batch){.c = c, .many = cli_has(c, S("batch"))};
    arena_init(&b->arena, REQUEST_MEMORY_MAX);
    buf_init(&b->line, REQUEST_BYTES_MAX);
}

bool batch_next(struct batch *b)
{
    struct json_error bad;
    for (;;) {
        arena_reset(&b->arena);
        buf_clear(&b->line);
        if (b->many ? !read_line(b) : !read_whole(b))
            return false;
        if (b->line.overflow) {
            batch_refuse(b, S("the request is longer than 16 MiB"));
            continue;
        }
        b->request = json_parse(&b->arena, buf_str(&b->line), &bad);
        if (b->request != NULL && b->request->type == JSON_OBJECT)
            return true;
        batch_refuse(b, b->request != NULL ? S("a request is an object") : bad.message);
    }
}

static bool read_line(struct batch *b)
{
    int c = fgetc(b->c->in);
    if (c == EOF)
        return false;
    for (; c != EOF && c != '\n'; c = fgetc(b->c->in))
        buf_add_byte(&b->line, (char)c);
    return true;
}

static bool read_whole(struct batch *b)
{
    if (b->over)
        return false;
    b->over = true;
    struct err e = cli_read_input(b->c, &b->line);
    if (failed(e)) {
        b->status = cli_fail(b->c, CLI_INTERNAL, e);
        return false;
    }
    return true;
}

bool batch_text(struct batch *b, struct str key, struct str *out)
{
    const struct json *member = json_member(b->request, key);
    if (member == NULL || member->type != JSON_STRING) {
        struct str why = arena_fmt(&b->arena, "\"%.*s\" must be a string", ARG(key));
        batch_refuse(b, why);
        return false;
    }
    *out = member->text;
    return true;
}

void batch_refuse(struct batch *b, struct str why)
{
    struct json_out o = batch_answer(b);
    json_put_str(&o, S("error"), why);
    batch_answer_end(b, &o);
    if (!b->many)
        b->status = CLI_TEST_USAGE;
}

struct json_out batch_answer(struct batch *b)
{
    struct json_out o = cli_json_begin(b->c);
    json_object_begin(&o);
    return o;
}

void batch_answer_end(struct batch *b, struct json_out *o)
{
    json_object_end(o);
    int status = cli_json_end(b->c, CLI_OK);
    if (status != CLI_OK)
        b->status = status;
    fflush(b->c->out);
}

int batch_end(struct batch *b)
{
    arena_done(&b->arena);
    buf_done(&b->line);
    return b->status;
}
