// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_show.c: `posthaste queue show ID`: the message itself.
#include "cli/commands.h"

#include "base/encode.h"
#include "cli/queue/queue_store.h"
#include "queue/message_reader.h"

#define MESSAGE_BYTES_MAX (64 * MIB)
#define PIECE_BYTES_MAX ((size_t)2 * MIB) // of text made harmless for a terminal

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        {.name = S_INIT("headers"), .help = "only the header"},
        {.name = S_INIT("raw"), .help = "the bytes as they will be sent, on a terminal as well"},
        {.name = S_INIT("original"),
                .help = "the bytes as they came: without our lines, with those that are left out"},
};

enum terminal { TERMINAL_HARMLESS, TERMINAL_NOT };

static struct err show_main(void *work) suspends;
static struct err show(struct queue_work *w, struct arena *a, const struct message *m) suspends;
static bool header_ends(struct str piece, size_t *matched, size_t *out_upto);
static void print(struct cli *c, struct str piece, enum terminal terminal);

static int run(struct cli *c)
{
    return queue_work_run(c, QUEUE_TO_READ, show_main, NULL);
}

static struct err show_main(void *work)
{
    struct queue_work *w = work;
    struct cli *c = w->c;
    struct message m;
    uint64_t id;
    if (!queue_id_parse(c->operands[0], &id)) {
        w->status = cli_usage_error(c, fail(ERR_SYNTAX, "that is no id of a message"));
        return OK;
    }
    struct arena a;
    arena_init(&a, MESSAGE_BYTES_MAX);
    struct err e = store_read(w->store, &a, id, STORE_WITH_BODY, &m);
    if (!failed(e))
        e = show(w, &a, &m);
    if (failed(e))
        w->status = cli_fail(c, e.kind == ERR_NOT_FOUND ? CLI_NOT_FOUND : CLI_FAILED, e);
    arena_done(&a);
    return OK;
}

static struct err show(struct queue_work *w, struct arena *a, const struct message *m)
{
    struct cli *c = w->c;
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    const struct message_reading how = {.as_received = cli_has(c, S("original"))};
    bool raw = cli_has(c, S("raw")) || how.as_received || !c->terminal;
    bool headers = cli_has(c, S("headers"));
    size_t matched = 2; // a message that begins with an empty line has no header
    TRY(message_open(w->store, a, m, &how, &reader));
    for (;;) {
        struct str piece;
        size_t upto = 0;
        TRY(message_next(reader, a, &piece));
        if (str_is_null(piece))
            return OK;
        bool last = headers && header_ends(piece, &matched, &upto);
        print(c, last ? str_upto(piece, upto) : piece, raw ? TERMINAL_NOT : TERMINAL_HARMLESS);
        if (last)
            return OK;
    }
}

// Behind CRLF CRLF, wherever the pieces end.
static bool header_ends(struct str piece, size_t *matched, size_t *out_upto)
{
    static const char end[] = "\r\n\r\n";
    for (size_t i = 0; i < piece.len; i++) {
        if (piece.ptr[i] == end[*matched])
            (*matched)++;
        else
            *matched = piece.ptr[i] == '\r' ? 1 : 0;
        *out_upto = i + 1;
        if (*matched == 4)
            return true;
    }
    return false;
}

// Line by line, so that line ends stay what they are.
static void print(struct cli *c, struct str piece, enum terminal terminal)
{
    struct buf text AUTO(buf_done);
    struct str rest = piece, line;
    buf_init(&text, PIECE_BYTES_MAX);
    if (terminal == TERMINAL_NOT) {
        cli_print(c, piece);
        return;
    }
    for (bool first = true; str_split(&rest, '\n', &line); first = false) {
        if (!first)
            buf_add_byte(&text, '\n');
        struct str shown = str_ends(line, S("\r")) ? str_upto(line, line.len - 1) : line;
        escape_text(&text, shown, PIECE_BYTES_MAX, ESCAPE_PLAIN);
    }
    cli_print(c, buf_str(&text));
}

const struct command command_queue_show = {
        .run = run,
        CLI_ONE_OPERAND("ID"),
        .about = "Prints a message as it will be sent: with the lines that this server puts on\n"
                 "top, without those that it leaves out. On a terminal control characters are\n"
                 "shown harmlessly; into a file or pipe go the bytes as they are.",
        .examples = "  posthaste queue show 0b55250b1000400a --headers\n"
                    "  posthaste queue show 0b55250b1000400a --raw > message.eml",
        CLI_OPTIONS(options),
};
