// SPDX-License-Identifier: Apache-2.0
// cli/io.c: what commands read and write: whole files, JSON, messages and colours.
#include "cli/cli.h"

#include "base/encode.h"

#include <errno.h>

#define READ_BYTES ((size_t)64 * KIB)
#define JSON_BYTES_MAX ((size_t)256 * MIB)
#define MESSAGE_BYTES_MAX (4 * KIB) // of one error

static struct err read_all(struct cli *c, FILE *from, struct str name, struct buf *out);
static void file_close(FILE **f);

struct err cli_read_input(struct cli *c, struct buf *out)
{
    return read_all(c, c->in, S("standard input"), out);
}

struct err cli_read_file(struct cli *c, struct str path, struct buf *out)
{
    if (str_eq(path, S("-")))
        return cli_read_input(c, out);
    const char *name = arena_c_str(&c->arena, path);
    if (name == NULL)
        return fail(ERR_LIMIT, "no memory for the name of a file");
    FILE *f AUTO(file_close) = fopen(name, "rbe");
    if (f == NULL)
        return fail_errno(&c->arena, errno, "opening %s", name);
    return read_all(c, f, path, out);
}

static void file_close(FILE **f)
{
    if (*f != NULL)
        fclose(*f);
}

static struct err read_all(struct cli *c, FILE *from, struct str name, struct buf *out)
{
    size_t got = 1;
    while (got > 0 && out->len < out->limit_bytes) {
        size_t room = out->limit_bytes - out->len;
        size_t ask = room < READ_BYTES ? room : READ_BYTES;
        if (!buf_reserve(out, ask))
            return fail(ERR_LIMIT, "out of memory while reading");
        got = fread(out->ptr + out->len, 1, ask, from);
        out->len += got;
    }
    bool more = got > 0 && fgetc(from) != EOF;
    if (ferror(from))
        return fail_errno(&c->arena, errno, "reading %.*s", ARG(name));
    if (more)
        return fail_fmt(
                &c->arena, ERR_LIMIT, "%.*s is longer than %zu bytes", ARG(name), out->limit_bytes);
    return OK;
}

// The conformance data's README: 66 for a file that cannot be opened; the rest is our trouble.
enum cli_status cli_status_of_file(struct err e)
{
    return e.kind == ERR_NOT_FOUND || e.kind == ERR_REFUSED || e.kind == ERR_IO ? CLI_NO_INPUT
                                                                                : CLI_INTERNAL;
}

int cli_fail(struct cli *c, int status, struct err e)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 2 * MESSAGE_BYTES_MAX);
    buf_fmt(&text, "%serror:%s ", cli_paint(c->colour_err, PAINT_RED),
            cli_paint(c->colour_err, PAINT_END));
    escape_text(&text, err_text(e), MESSAGE_BYTES_MAX, ESCAPE_PLAIN); // may quote a file or a peer
    buf_add_byte(&text, '\n');
    fflush(c->out); // so that a terminal shows both in order
    fwrite(text.ptr, 1, text.len, c->err);
    return status;
}

int cli_fail_text(struct cli *c, int status, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str text = arena_vfmt(&c->arena, fmt, args);
    va_end(args);
    if (str_is_null(text))
        text = S("out of memory");
    return cli_fail(c, status,
            (struct err){.text = text.ptr, .text_len = (uint32_t)text.len, .kind = ERR_INTERNAL});
}

struct json_out cli_json_begin(struct cli *c)
{
    buf_done(&c->json_text);
    buf_init(&c->json_text, JSON_BYTES_MAX);
    return json_begin(&c->json_text, c->pretty ? JSON_PRETTY : JSON_COMPACT);
}

int cli_json_end(struct cli *c, int status)
{
    buf_add_byte(&c->json_text, '\n');
    if (c->json_text.overflow)
        return cli_fail(c, CLI_INTERNAL, fail(ERR_LIMIT, "the answer is longer than 256 MiB"));
    cli_print(c, buf_str(&c->json_text));
    buf_clear(&c->json_text);
    return status;
}

void cli_print(struct cli *c, struct str text)
{
    fwrite(text.ptr, 1, text.len, c->out);
}

const char *cli_paint(bool colour, enum cli_paint paint)
{
    if (!colour)
        return "";
    switch (paint) {
    case PAINT_BOLD:
        return "\x1b[1m";
    case PAINT_RED:
        return "\x1b[1;31m";
    case PAINT_YELLOW:
        return "\x1b[1;33m";
    case PAINT_GREEN:
        return "\x1b[1;32m";
    case PAINT_END:
        return "\x1b[0m";
    }
    return "";
}
