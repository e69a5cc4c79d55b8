// SPDX-License-Identifier: Apache-2.0
// smtp/server/data.c: DATA and BDAT: the octets of a message into its body (inbound.md 3.2, 4.8,
// 4.9). Whatever goes wrong on the way, the stream stays in step: what belongs to the message is
// read to its end before the refusal is told.
#include "smtp/server/stages.h"

#include "rt/rt.h"
#include "smtp/limits.h"
#include "smtp/server/transaction.h"
#include "smtp/server/verify.h"

struct receiving {
    struct smtp_session *s;
    struct transaction *t; // NULL: octets that belong to no message
    enum reply_id trouble; // REPLY_OK: none yet
};

static enum reply_id why_not_now(struct smtp_session *s);
static void tell_missing(struct smtp_session *s, enum reply_id why, struct str verb);
static struct err begin(struct smtp_session *s, enum data_framing framing) suspends MUST_USE;
static struct err receive_dotted(struct receiving *r) suspends MUST_USE;
static struct err next_octets(struct receiving *r, struct str *out) suspends MUST_USE;
static struct err take(struct receiving *r, struct scan *in, bool *out_ended) suspends MUST_USE;
static struct err keep(struct receiving *r, struct str piece) suspends MUST_USE;
static bool is_of_the_disk(struct err e);
static struct err look_at(struct receiving *r, struct str piece) suspends MUST_USE;
static void give_up(struct receiving *r, enum reply_id why) suspends;
static struct err transfer_failed(struct receiving *r, struct err e) suspends MUST_USE;
static bool chunk_parse(struct str args, uint64_t *out_bytes, bool *out_last);
static enum reply_id why_no_chunk(struct smtp_session *s) suspends;
static struct err receive_chunk(struct receiving *r, uint64_t bytes) suspends MUST_USE;
static struct err end_chunks(struct receiving *r) suspends MUST_USE;
static struct err end_message(struct receiving *r) suspends MUST_USE;

// "DATA" CRLF      RFC 5321 4.1.1.4
struct err stage_data(struct smtp_session *s, struct str args)
{
    struct receiving r = {.s = s, .t = s->transaction, .trouble = REPLY_OK};
    s->stage = STAGE_DATA;
    if (!str_is_empty(args))
        return reply(s, REPLY_NO_PARAMETERS);
    enum reply_id why = why_not_now(s);
    if (why == REPLY_OK && s->pace.strict_pipelining && stream_buffered(s->stream).len > 0) {
        event_in(s->options->span, EV_SMTP_PIPELINING_ABUSE, F_STR(details, S("DATA")));
        reply_and_leave(s, REPLY_PIPELINED_DATA, SMTP_END_PIPELINING);
        return OK;
    }
    if (why == REPLY_NEED_BDAT)
        session_drop_transaction(s);
    tell_missing(s, why, S("DATA"));
    if (why != REPLY_OK)
        return reply(s, why);
    struct err e = begin(s, DATA_DOTTED);
    if (failed(e))
        return reply(s, REPLY_NOT_ACCEPTED);
    TRY(reply(s, REPLY_START_DATA));
    TRY(receive_dotted(&r));
    return s->over ? OK : end_message(&r);
}

static enum reply_id why_not_now(struct smtp_session *s)
{
    const struct transaction *t = s->transaction;
    if (t == NULL)
        return REPLY_NEED_MAIL;
    if (t->answers.count == 0 && session_is_lmtp(s))
        return REPLY_NO_VALID_RCPT_LMTP;
    if (t->answers.count == 0)
        return t->tried == 0 ? REPLY_NEED_RCPT : REPLY_NO_VALID_RCPT;
    if (t->mail.body == BODY_BINARYMIME)
        return REPLY_NEED_BDAT;
    return t->in_bdat ? REPLY_IN_BDAT : REPLY_OK;
}

static void tell_missing(struct smtp_session *s, enum reply_id why, struct str verb)
{
    if (why == REPLY_NEED_MAIL)
        event_in(s->options->span, EV_SMTP_MAIL_FROM_MISSING, F_STR(details, verb));
    else if (why == REPLY_NEED_RCPT || why == REPLY_NO_VALID_RCPT ||
             why == REPLY_NO_VALID_RCPT_LMTP)
        event_in(s->options->span, EV_SMTP_RCPT_TO_MISSING, F_STR(details, verb));
}

static struct err begin(struct smtp_session *s, enum data_framing framing)
{
    struct transaction *t = s->transaction;
    if (s->service->store == NULL)
        return fail(ERR_IO, "no store is open");
    t->id = store_new_id(s->service->store);
    t->body = body_new(s->service->store, t->id);
    if (t->body == NULL)
        return fail(ERR_LIMIT, "no memory for a message");
    t->data.policy = (enum newline_policy)rule_word(s, RULE_BARE_NEWLINE);
    data_begin(&t->data, framing);
    int64_t head_max = rule_number(s, RULE_HEADER_SIZE);
    t->head_bytes_max = head_max > 0 ? (uint64_t)head_max : HEAD_BYTES_MAX - 1;
    buf_init(&t->head, t->head_bytes_max + 1);
    t->collects_head = true;
    t->began_ms = now_ms();
    t->transfer_until_ms = t->began_ms + rule_number(s, RULE_DATA_TIMEOUT);
    return verify_begin(s);
}

static struct err receive_dotted(struct receiving *r)
{
    bool ended = false;
    struct err e = stream_flush(r->s->stream);
    while (!failed(e) && !ended && !r->s->over) {
        struct str have;
        e = next_octets(r, &have);
        if (failed(e))
            break;
        struct scan in = scan_over(have);
        e = take(r, &in, &ended);
        stream_consume(r->s->stream, scan_offset(&in));
        if (!session_take_bytes(r->s, scan_offset(&in)))
            break;
    }
    return failed(e) ? transfer_failed(r, e) : OK;
}

// What has come; all of it stays in the stream.
static struct err next_octets(struct receiving *r, struct str *out)
{
    int64_t left_ms = r->t != NULL ? r->t->transfer_until_ms - now_ms() : r->s->pace.timeout_ms;
    if (left_ms <= 0)
        return fail(ERR_TIMEOUT, "the transfer takes too long");
    within_ms(left_ms < r->s->pace.timeout_ms ? left_ms : r->s->pace.timeout_ms);
    return stream_peek(r->s->stream, 1, out);
}

// Feeds octets to the reader, and what it gives to the body.
static struct err take(struct receiving *r, struct scan *in, bool *out_ended)
{
    struct str piece;
    enum data_progress progress = data_next(&r->t->data, in, &piece);
    for (; progress == DATA_PIECE; progress = data_next(&r->t->data, in, &piece))
        TRY(keep(r, piece));
    *out_ended = progress == DATA_END;
    return OK;
}

static struct err keep(struct receiving *r, struct str piece)
{
    struct transaction *t = r->t;
    if (r->trouble != REPLY_OK)
        return OK;
    uint64_t bytes = body_bytes(t->body) + piece.len;
    if (t->bytes_max > 0 && bytes > t->bytes_max) {
        event_in(r->s->options->span, EV_SMTP_MESSAGE_TOO_LARGE, F_U64(size, bytes),
                F_U64(limit, t->bytes_max));
        give_up(r, REPLY_TOO_BIG);
        return OK;
    }
    struct err e = look_at(r, piece);
    if (e.kind == ERR_CANCELLED)
        return e;
    if (failed(e)) {
        give_up(r, REPLY_NOT_ACCEPTED);
        return OK;
    }
    e = body_add(t->body, &r->s->scratch, piece);
    if (e.kind == ERR_CANCELLED)
        return e;
    if (failed(e))
        give_up(r, is_of_the_disk(e) ? REPLY_NO_STORAGE : REPLY_NOT_ACCEPTED);
    return OK;
}

// inbound.md 4.8: a file that cannot be written is want of storage to the client, whatever it is to
// us; want of memory is not.
static bool is_of_the_disk(struct err e)
{
    return e.kind == ERR_NO_SPACE || e.kind == ERR_IO;
}

// The header is kept in memory; what is behind it is only looked at as it passes.
static struct err look_at(struct receiving *r, struct str piece)
{
    struct transaction *t = r->t;
    if (!t->collects_head) {
        verify_body(t, piece);
        return OK;
    }
    size_t room = t->head.limit_bytes - t->head.len;
    buf_add(&t->head, str_upto(piece, room));
    // A line end that was mended comes as the next piece, and may be what ends the header.
    bool goes_on = t->data.in_header || t->data.owed.len > 0;
    t->collects_head = goes_on && t->head.len < t->head.limit_bytes;
    if (t->collects_head)
        return OK;
    TRY(verify_head(r->s));
    verify_body(t, str_from(piece, piece.len < room ? piece.len : room));
    return OK;
}

// The rest is read and dropped; what was kept needs its room no more.
static void give_up(struct receiving *r, enum reply_id why)
{
    struct transaction *t = r->t;
    r->trouble = why;
    body_free(t->body);
    t->body = NULL;
    message_check_free(t->check); // which points into the header
    t->check = NULL;
    buf_done(&t->head);
}

// A client that is gone leaves nothing; one that is too slow is told.
static struct err transfer_failed(struct receiving *r, struct err e)
{
    struct smtp_session *s = r->s;
    if (e.kind == ERR_CLOSED || e.kind == ERR_RESET)
        event_in(s->options->span, EV_SMTP_CLIENT_GONE, F_STR(reason, S("within a message")));
    if (e.kind != ERR_TIMEOUT)
        return e;
    // Not as between commands: the session's own end is put off for a message (inbound.md 2.3).
    bool too_slow = r->t != NULL && now_ms() >= r->t->transfer_until_ms;
    if (too_slow)
        event_in(s->options->span, EV_SMTP_TIME_LIMIT_EXCEEDED,
                F_U64(limit, (uint64_t)(r->t->transfer_until_ms - r->t->began_ms)),
                F_MS(elapsed, now_ms() - r->t->began_ms));
    listen_offence(s->visit, OFFENCE_LOITER, STR_NULL);
    reply_and_leave(s, too_slow ? REPLY_TRANSFER_TIMEOUT : REPLY_TIMEOUT, SMTP_END_TIMEOUT);
    return OK;
}

static struct err end_message(struct receiving *r)
{
    struct smtp_session *s = r->s;
    struct err e = r->trouble == REPLY_OK ? message_finish(s) : message_answer(s, r->trouble);
    session_drop_transaction(s);
    return e;
}

// "BDAT" SP chunk-size [ SP "LAST" ]      RFC 3030 2
struct err stage_bdat(struct smtp_session *s, struct str args)
{
    struct receiving r = {.s = s, .trouble = REPLY_OK};
    uint64_t bytes;
    bool last;
    s->stage = STAGE_DATA;
    if (!chunk_parse(args, &bytes, &last)) {
        reply_and_leave(s, REPLY_BAD_CHUNK, SMTP_END_ERRORS);
        return OK;
    }
    enum reply_id why = why_no_chunk(s);
    if (why == REPLY_OK)
        r.t = s->transaction;
    struct err e = receive_chunk(&r, bytes);
    if (failed(e))
        return transfer_failed(&r, e);
    if (s->over)
        return OK;
    if (why == REPLY_NOT_ACCEPTED) { // it has begun and failed: its last chunk ends it all the same
        r = (struct receiving){.s = s, .t = s->transaction, .trouble = why};
        why = REPLY_OK;
    }
    if (why != REPLY_OK && s->transaction != NULL)
        s->transaction->lost_chunk = !last; // RFC 3030 2: what follows is no whole message
    tell_missing(s, why, S("BDAT"));
    if (why != REPLY_OK)
        return reply(s, why);
    if (r.trouble != REPLY_OK && !last) {
        r.t->has_failed = true;
        return reply(s, r.trouble);
    }
    if (!last)
        return reply_number(s, REPLY_CHUNK_OK, (int64_t)bytes);
    if (r.trouble == REPLY_OK)
        TRY(end_chunks(&r));
    return end_message(&r);
}

static bool chunk_parse(struct str args, uint64_t *out_bytes, bool *out_last)
{
    struct scan in = scan_over(args);
    if (!scan_u64(&in, INT64_MAX, out_bytes))
        return false;
    *out_last = scan_blanks(&in) > 0 && scan_lit_nocase(&in, S("LAST"));
    return scan_end(&in);
}

// The first chunk of a message opens its body.
static enum reply_id why_no_chunk(struct smtp_session *s)
{
    struct transaction *t = s->transaction;
    if (!rule_bool(s, RULE_CHUNKING))
        return REPLY_NO_BDAT;
    if (t != NULL && t->has_failed)
        return REPLY_BDAT_FAILED;
    if (t != NULL && t->in_bdat)
        return REPLY_OK;
    enum reply_id why = why_not_now(s);
    if (why != REPLY_OK && why != REPLY_NEED_BDAT)
        return why;
    if (t->lost_chunk)
        return REPLY_BDAT_FAILED;
    bool binary = t->mail.body == BODY_BINARYMIME;
    t->in_bdat = true;
    struct err e = begin(s, binary ? DATA_BINARY : DATA_COUNTED);
    return failed(e) ? REPLY_NOT_ACCEPTED : REPLY_OK;
}

static struct err receive_chunk(struct receiving *r, uint64_t bytes)
{
    struct smtp_session *s = r->s;
    while (bytes > 0 && !s->over) {
        struct str have;
        bool ended;
        TRY(next_octets(r, &have));
        have = str_upto(have, bytes < have.len ? (size_t)bytes : have.len);
        struct scan in = scan_over(have);
        if (r->t != NULL)
            TRY(take(r, &in, &ended));
        bytes -= have.len;
        stream_consume(s->stream, have.len);
        if (!session_take_bytes(s, have.len))
            break;
    }
    return OK;
}

static struct err end_chunks(struct receiving *r)
{
    struct str piece;
    while (data_finish(&r->t->data, &piece) == DATA_PIECE)
        TRY(keep(r, piece));
    return OK;
}
