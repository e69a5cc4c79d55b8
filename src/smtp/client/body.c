// SPDX-License-Identifier: Apache-2.0
// smtp/client/body.c: the octets of a message on their way (outbound.md 11), by DATA or by BDAT.
// They are streamed: memory is bounded whatever the size. What is larger than the buffers on the
// way is sent by a task, while another one looks out for a reply that comes too early. A message
// that cannot be read to its end is never ended: the peer hears neither the dot nor LAST.
#include "smtp/client/parts.h"

#include "base/find.h"

struct sending {
    struct smtp_client *c;
    struct arena *a;
    struct message_reader *body;
    struct str piece; // of the body, not sent yet
    bool by_chunks;
    bool at_line, cr_is_held; // DATA: behind a line end; a CR may be half of one
    uint64_t left;            // BDAT: of this chunk
    bool is_last;             // BDAT: it is the last one
    bool is_sent;             // and flushed
    bool peer_spoke;
    bool has_mended;     // DATA: a CR or a LF that stood alone
    bool reading_failed; // of the message, not of the stream
    struct err failure;
};

static struct err transmit(struct sending *s, uint64_t bytes) suspends MUST_USE;
static struct err send_main(void *arg) suspends;
static struct err watch_main(void *arg) suspends;
static struct err send_dotted(struct sending *s) suspends MUST_USE;
static struct err put_dotted(struct sending *s, struct str piece) suspends MUST_USE;
static size_t run_length(struct sending *s, struct str rest);
static struct err send_chunk(struct sending *s) suspends MUST_USE;
static struct err put_last_octet(struct sending *s) suspends MUST_USE;
static struct err next_piece(struct sending *s) suspends MUST_USE;
static struct err put(struct sending *s, struct str bytes) suspends MUST_USE;
static struct err flush(struct sending *s) suspends MUST_USE;
static struct err conclude(struct sending *s, struct client_answer *out) suspends MUST_USE;
static struct err reading_failed(struct sending *s, struct client_answer *out);

struct err client_body_dotted(struct smtp_client *c, struct arena *a, struct client_transaction *t,
        struct client_answer *out, bool *out_whole)
{
    struct sending s = {.c = c, .a = a, .body = t->body, .at_line = true};
    const struct client_question q = {.stage = CLIENT_EOD,
            .command = S("DATA"),
            .wait_ms = c->options.timeouts->data_ms,
            .all_was_sent = true};
    *out_whole = false;
    client_tell_content(c, t->bytes);
    TRY(transmit(&s, t->bytes));
    t->line_ends_mended = s.has_mended;
    if (!s.is_sent)
        return conclude(&s, out);
    *out_whole = true;
    return client_hear(c, a, &q, out);
}

// RFC 3030 2. The reply to each chunk is awaited, so that no more than one is ever on its way when
// the peer has had enough.
struct err client_body_chunked(struct smtp_client *c, struct arena *a, struct client_transaction *t,
        struct client_answer *out, bool *out_whole)
{
    struct sending s = {.c = c, .a = a, .body = t->body, .by_chunks = true};
    struct client_question q = {
            .stage = CLIENT_EOD, .command = S("BDAT"), .wait_ms = c->options.timeouts->data_ms};
    uint64_t left = t->bytes;
    *out_whole = false;
    do {
        s.left = left < c->options.bdat_chunk_bytes ? left : c->options.bdat_chunk_bytes;
        s.is_last = s.left == left;
        s.is_sent = false;
        left -= s.left;
        struct str line =
                arena_fmt(a, "BDAT %llu%s", (unsigned long long)s.left, s.is_last ? " LAST" : "");
        if (str_is_null(line))
            return client_no_room();
        TRY(client_say(c, line));
        client_tell_content(c, s.left);
        TRY(transmit(&s, s.left));
        if (!s.is_sent)
            return conclude(&s, out);
        q.all_was_sent = s.is_last;
        TRY(client_hear(c, a, &q, out));
    } while (out->verdict == CLIENT_GOOD && !s.is_last);
    *out_whole = s.is_last;
    return OK;
}

// --- Sending and looking out ---------------------------------------------------------------------

static struct err transmit(struct sending *s, uint64_t bytes)
{
    struct group g AUTO(group_end);
    group_begin(&g);
    s->failure = s->c->write_failure;
    if (failed(s->failure))
        return OK;
    if (bytes <= UNWATCHED_BYTES_MAX)
        return send_main(s);
    TRY(group_spawn(&g, send_main, s));
    TRY(group_spawn(&g, watch_main, s));
    return group_wait_below(&g, 2);
}

static struct err send_main(void *arg)
{
    struct sending *s = arg;
    s->failure = s->by_chunks ? send_chunk(s) : send_dotted(s);
    s->is_sent = !failed(s->failure);
    return OK;
}

static struct err watch_main(void *arg)
{
    struct sending *s = arg;
    struct str said;
    struct err e = stream_peek(s->c->stream, 1, &said);
    s->peer_spoke = e.kind != ERR_CANCELLED; // or hung up, which whoever reads will see
    return OK;
}

// --- DATA ----------------------------------------------------------------------------------------

// RFC 5321 4.5.2 and 2.3.8: each line end is CRLF, a dot at the beginning of a line is doubled, and
// the message ends with a line end that is there once.
static struct err send_dotted(struct sending *s)
{
    TRY(next_piece(s));
    while (!str_is_null(s->piece)) {
        TRY(put_dotted(s, s->piece));
        TRY(next_piece(s));
    }
    if (s->cr_is_held || !s->at_line)
        TRY(put(s, S("\r\n")));
    TRY(put(s, S(".\r\n")));
    return flush(s);
}

// A CR alone and a LF alone would let two servers see two different ends: they become CRLF.
static struct err put_dotted(struct sending *s, struct str piece)
{
    while (piece.len > 0) {
        if (s->cr_is_held) {
            s->cr_is_held = false;
            s->at_line = true;
            s->has_mended |= piece.ptr[0] != '\n';
            TRY(put(s, S("\r\n")));
            piece = str_from(piece, piece.ptr[0] == '\n' ? 1 : 0);
            continue;
        }
        if (s->at_line && piece.ptr[0] == '.')
            TRY(put(s, S(".")));
        size_t run = run_length(s, piece);
        TRY(put(s, str_upto(piece, run)));
        piece = str_from(piece, run);
        if (piece.len == 0 || s->at_line)
            continue; // the run's end is a line's, and a dot comes next
        s->cr_is_held = piece.ptr[0] == '\r';
        if (!s->cr_is_held) { // a LF alone
            TRY(put(s, S("\r\n")));
            s->at_line = s->has_mended = true;
        }
        piece = str_from(piece, 1);
    }
    return OK;
}

// So many octets leave as they are: up to a CR or LF that is alone or at the piece's end, or up to
// a dot at the beginning of a line other than the first. Tells whether a line begins behind them.
static size_t run_length(struct sending *s, struct str rest)
{
    size_t at = 0;
    bool has_8bit = false;
    s->at_line = false;
    while (at < rest.len) {
        size_t to = at + find_line_byte(str_from(rest, at), &has_8bit);
        s->at_line = false;
        if (to == rest.len)
            return to;
        if (rest.ptr[to] == '\0') {
            at = to + 1;
            continue;
        }
        if (rest.ptr[to] == '\n' || to + 1 == rest.len || rest.ptr[to + 1] != '\n')
            return to;
        at = to + 2;
        s->at_line = true;
        if (at < rest.len && rest.ptr[at] == '.')
            return at;
    }
    return at;
}

// --- BDAT ----------------------------------------------------------------------------------------

// Octets as they are. The very last one leaves when the message has really ended behind it: a count
// that does not fit would otherwise make half a message of it that the peer takes for whole.
static struct err send_chunk(struct sending *s)
{
    while (s->left > (s->is_last ? 1 : 0)) {
        uint64_t most = s->left - (s->is_last ? 1 : 0);
        if (s->piece.len == 0)
            TRY(next_piece(s));
        if (str_is_null(s->piece)) {
            s->reading_failed = true;
            return fail(ERR_IO, "the message is not as long as its record says");
        }
        struct str now = str_upto(s->piece, most < s->piece.len ? (size_t)most : s->piece.len);
        TRY(put(s, now));
        s->piece = str_from(s->piece, now.len);
        s->left -= now.len;
    }
    if (s->is_last)
        TRY(put_last_octet(s));
    return flush(s);
}

static struct err put_last_octet(struct sending *s)
{
    char octet = 0;
    if (s->piece.len == 0)
        TRY(next_piece(s));
    bool fits = s->left == 0 || s->piece.len == 1;
    if (s->left > 0 && fits) {
        octet = s->piece.ptr[0];
        TRY(next_piece(s));
    }
    if (!fits || !str_is_null(s->piece)) {
        s->reading_failed = true;
        return fail(ERR_IO, "the message is not as long as its record says");
    }
    TRY(put(s, str_of(&octet, (size_t)s->left)));
    s->left = 0;
    return OK;
}

// --- Both ----------------------------------------------------------------------------------------

static struct err next_piece(struct sending *s)
{
    struct err e = message_next(s->body, s->a, &s->piece);
    s->reading_failed = failed(e);
    return e;
}

static struct err put(struct sending *s, struct str bytes)
{
    while (bytes.len > 0) {
        within_ms(s->c->options.timeouts->data_block_ms);
        struct str now = str_upto(bytes, WRITE_BYTES_MAX);
        TRY(stream_write(s->c->stream, now));
        bytes = str_from(bytes, now.len);
    }
    return OK;
}

static struct err flush(struct sending *s)
{
    within_ms(s->c->options.timeouts->data_block_ms);
    return stream_flush(s->c->stream);
}

// Not all was sent. The connection is of no use then; but a peer may have said why it is so.
static struct err conclude(struct sending *s, struct client_answer *out)
{
    struct smtp_client *c = s->c;
    struct client_question q = {.stage = CLIENT_EOD,
            .expects = EXPECTS_REFUSAL,
            .command = s->by_chunks ? S("BDAT") : S("DATA"),
            .wait_ms = c->options.timeouts->data_block_ms,
            .doing = S("sending the message")};
    c->gone = true;
    bool given_up = s->peer_spoke && s->failure.kind == ERR_CANCELLED;
    if (s->reading_failed && !given_up)
        return reading_failed(s, out);
    if (!s->peer_spoke) {
        if (!client_is_peers_failure(s->failure))
            return s->failure;
        c->write_failure = s->failure;
    }
    TRY(client_hear(c, s->a, &q, out));
    if (out->verdict == CLIENT_LOST)
        out->stage = CLIENT_DATA;
    out->gone = true;
    return OK;
}

// outbound.md 27.3
static struct err reading_failed(struct sending *s, struct client_answer *out)
{
    enum err_kind kind = s->failure.kind;
    if (kind == ERR_CANCELLED || kind == ERR_LIMIT || kind == ERR_TIMEOUT)
        return s->failure;
    *out = (struct client_answer){.stage = CLIENT_DATA,
            .verdict = CLIENT_TEMPORARY,
            .gone = true,
            .outcome = {.kind = FAILURE_IO,
                    .enhanced = S("4.3.0"),
                    .text = err_text(s->failure),
                    .at_ms = wall_ms()}};
    return OK;
}
