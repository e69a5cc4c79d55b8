// SPDX-License-Identifier: Apache-2.0
// tests/unit/smtp/client_play.h: the client in a play. A script tells what the peer hears and says,
// a line each:
//
//   C: LINE      the client says this line              C| BYTES    these, with \r \n \0 \xHH
//   W: A|B|C     these lines, in one write
//   S: LINE      the peer says this line                S| BYTES    these
//   S* N LINE    so many times
//   B: TEXT      the client says TEXT in base64         A: NAME TEXT   AUTH NAME and that
//   D: TEXT      the peer says 334 and TEXT in base64
//   close        the peer closes its side; abort: all of it
//   sleep N      so many seconds
//   answer N     so many commands are answered, one at a time, when the client says nothing more
//   body N       so many octets of the client's are read and not looked at
//
// The peer's neighbouring lines leave together, or byte by byte if the play is played so. When the
// script is over the client must say nothing more.
#pragma once

#include "../base/check.h"

#include "base/encode.h"
#include "rt/loop.h"
#include "rt/rt.h"
#include "rt/sim/sim.h"
#include "smtp/client/client.h"

#define PLAY_RCPTS_MAX 300
#define PLAY_ARENA_BYTES (32 * MIB)
#define PLAY_OUTPUT_BYTES (8 * MIB)

enum play_act {
    PLAY_HELLO,
    PLAY_SEND,
    PLAY_SEND_TWICE,
    PLAY_STARTTLS,
    PLAY_AUTH,
    PLAY_XCLIENT,
    PLAY_IDLE, // for ten seconds, and is it still of use?
};

struct play {
    const char *name, *script;
    enum play_act act;
    const char *want; // the answers, a line each
    // All below may stay zero.
    const char *rcpts; // separated by blanks; "a@x.example"
    const char *text;  // of the message; with escapes
    bool is_lmtp, helo_only, tls_required, in_octets, claims_less, claims_more;
    uint32_t off;
    uint64_t chunk;
    struct client_transaction with; // flags of it
    struct message message;         // envelope only
    struct recipient rcpt;          // of all
    struct client_credentials credentials;
    struct client_origin origin;
    int64_t outer_s;     // the caller's deadline
    enum err_kind fails; // client_send, client_auth, ... end with it
    bool in_one_piece;   // must not be played byte by byte
};

struct playing {
    const struct play *play;
    bool by_octets;
    struct stream *near, *far;
    struct arena arena;
    struct buf answers;
    struct buf wrong; // what the peer had to complain of
    struct err failure;
};

static const struct client_timeouts play_times = {.greeting_ms = 300 * SECOND_MS,
        .ehlo_ms = 301 * SECOND_MS,
        .mail_ms = 302 * SECOND_MS,
        .rcpt_ms = 303 * SECOND_MS,
        .data_ms = 600 * SECOND_MS,
        .data_init_ms = 120 * SECOND_MS,
        .data_block_ms = 180 * SECOND_MS,
        .auth_ms = 121 * SECOND_MS,
        .rset_ms = 20 * SECOND_MS,
        .quit_ms = 10 * SECOND_MS,
        .tls_ms = 181 * SECOND_MS};

// --- The peer ------------------------------------------------------------------------------------

UNUSED static struct str play_bytes(struct arena *a, struct str text)
{
    struct buf out AUTO(buf_done);
    buf_init(&out, 2 * MIB);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], next = i + 1 < text.len ? text.ptr[i + 1] : ' ';
        if (c != '\\') {
            buf_add_byte(&out, c);
            continue;
        }
        i++;
        if (next == 'x') {
            buf_add_byte(&out, (char)(byte_hex_value((uint8_t)text.ptr[i + 1]) << 4 |
                                       byte_hex_value((uint8_t)text.ptr[i + 2])));
            i += 2;
        } else {
            const char *const from = "rn0\\", *const to = "\r\n\0\\";
            for (int k = 0; k < 4; k++)
                if (next == from[k])
                    buf_add_byte(&out, to[k]);
        }
    }
    return arena_str(a, buf_str(&out));
}

static struct err play_flush(struct playing *p, struct buf *said)
{
    struct str rest = buf_str(said);
    while (rest.len > 0) {
        size_t now = p->by_octets ? 1 : rest.len;
        TRY(stream_write(p->far, str_upto(rest, now)));
        TRY(stream_flush(p->far));
        rest = str_from(rest, now);
        if (p->by_octets)
            task_yield();
    }
    buf_clear(said);
    return OK;
}

// Until all of it is heard, or something else.
static struct err play_expect(struct playing *p, struct str bytes, bool in_one)
{
    struct str rest = bytes, piece;
    while (rest.len > 0) {
        struct err e = stream_read(p->far, rest.len, &piece);
        if (failed(e)) {
            buf_fmt(&p->wrong, "the client ended before \"%.*s\"", ARG(rest));
            return e;
        }
        if (!str_eq(piece, str_upto(rest, piece.len)) || (in_one && piece.len < rest.len)) {
            buf_fmt(&p->wrong, "expected \"%.*s\", got \"%.*s\"", ARG(rest), ARG(piece));
            return fail(ERR_REFUSED, "another line");
        }
        rest = str_from(rest, piece.len);
    }
    return OK;
}

static struct err play_skip(struct playing *p, uint64_t count)
{
    while (count > 0) {
        struct str piece;
        TRY(stream_read(p->far, count < 4096 ? (size_t)count : 4096, &piece));
        count -= piece.len;
    }
    return OK;
}

// MAIL is taken, recipients and DATA are not. What is unanswered stays within outbound.md 8.4, and
// is much when the client may pipeline.
static struct err play_answers(struct playing *p, size_t count)
{
    static const struct {
        struct str command, reply;
    } replies[] = {{S_INIT("MAIL"), S_INIT("250 ok\r\n")}, {S_INIT("RCPT"), S_INIT("450 no\r\n")},
            {S_INIT("DATA"), S_INIT("554 none\r\n")}};
    size_t *sizes = arena_array(&p->arena, count, size_t);
    const struct str **owed = arena_array(&p->arena, count, const struct str *);
    size_t heard = 0, bytes = 0, most = 0;
    for (size_t answered = 0; answered < count; answered++) {
        struct str line;
        while (heard < count) {
            within_ms(heard > answered ? 1 : MINUTE_MS);
            if (failed(stream_until(p->far, S("\n"), 4096, &line)))
                break;
            for (size_t k = 0; k < COUNT_OF(replies); k++)
                if (str_starts(line, replies[k].command))
                    owed[heard] = &replies[k].reply;
            bytes += line.len;
            sizes[heard++] = line.len;
        }
        if (heard == answered || owed[answered] == NULL)
            return fail(ERR_REFUSED, "not a command");
        most = heard - answered > most ? heard - answered : most;
        if (heard - answered > 100 || bytes - sizes[heard - 1] >= 4096)
            buf_fmt(&p->wrong, "%zu commands of %zu octets ahead\n", heard - answered, bytes);
        TRY(stream_write(p->far, *owed[answered]));
        TRY(stream_flush(p->far));
        bytes -= sizes[answered];
    }
    if (most < 40)
        buf_fmt(&p->wrong, "only %zu commands at once", most);
    return OK;
}

static struct str play_base64(struct arena *a, struct str text)
{
    struct buf out AUTO(buf_done);
    buf_init(&out, MIB);
    encode_base64(&out, play_bytes(a, text));
    return arena_str(a, buf_str(&out));
}

static struct err play_line(struct playing *p, struct buf *said, struct str line)
{
    struct str rest = str_from(line, 3);
    uint64_t count = 0;
    if (str_starts(line, S("S: "))) {
        buf_add(said, rest);
        buf_add(said, S("\r\n"));
        return OK;
    }
    if (str_starts(line, S("D: "))) {
        buf_fmt(said, "334 %.*s\r\n", ARG(play_base64(&p->arena, rest)));
        return OK;
    }
    if (str_starts(line, S("S| "))) {
        buf_add(said, play_bytes(&p->arena, rest));
        return OK;
    }
    if (str_starts(line, S("S* "))) {
        struct scan in = scan_over(rest);
        assert(scan_u64(&in, 1000000, &count) && scan_byte(&in, ' '));
        for (uint64_t i = 0; i < count; i++)
            buf_fmt(said, "%.*s\r\n", ARG(scan_rest(&in)));
        return OK;
    }
    TRY(play_flush(p, said));
    if (str_starts(line, S("C: ")))
        return play_expect(p, arena_fmt(&p->arena, "%.*s\r\n", ARG(rest)), false);
    if (str_starts(line, S("C| ")))
        return play_expect(p, play_bytes(&p->arena, rest), false);
    if (str_starts(line, S("B: ")))
        return play_expect(
                p, arena_fmt(&p->arena, "%.*s\r\n", ARG(play_base64(&p->arena, rest))), false);
    if (str_starts(line, S("A: "))) {
        struct str name, text;
        assert(str_cut(rest, ' ', &name, &text));
        return play_expect(p,
                arena_fmt(&p->arena, "AUTH %.*s %.*s\r\n", ARG(name),
                        ARG(play_base64(&p->arena, text))),
                false);
    }
    if (str_starts(line, S("W: "))) {
        struct buf all AUTO(buf_done);
        struct str one;
        buf_init(&all, MIB);
        while (str_split(&rest, '|', &one))
            buf_fmt(&all, "%.*s\r\n", ARG(one));
        return play_expect(p, buf_str(&all), true);
    }
    if (str_starts(line, S("body "))) {
        assert(str_to_u64(str_from(line, 5), 2 * MIB, &count));
        return play_skip(p, count);
    }
    if (str_starts(line, S("answer "))) {
        assert(str_to_u64(str_from(line, 7), 10000, &count));
        return play_answers(p, (size_t)count);
    }
    if (str_starts(line, S("sleep "))) {
        assert(str_to_u64(str_from(line, 6), 1000000, &count));
        return task_sleep_ms((int64_t)count * SECOND_MS);
    }
    assert(str_eq(line, S("close")));
    return stream_end(p->far);
}

static struct err play_peer(void *arg)
{
    struct playing *p = arg;
    struct str rest = str_from_c(p->play->script), line, piece;
    struct buf said AUTO(buf_done);
    struct err e = OK;
    buf_init(&said, PLAY_OUTPUT_BYTES);
    while (!failed(e) && str_split(&rest, '\n', &line))
        if (str_eq(line, S("abort"))) {
            e = play_flush(p, &said);
            stream_close(p->far);
            p->far = NULL;
            return OK;
        } else if (line.len > 0) {
            e = play_line(p, &said, line);
        }
    if (!failed(e))
        e = play_flush(p, &said);
    if (!failed(e) && !failed(stream_read(p->far, 1000, &piece)))
        buf_fmt(&p->wrong, "more than the script: \"%.*s\"", ARG(piece));
    stream_close(p->far);
    p->far = NULL;
    return OK;
}

// --- The client ----------------------------------------------------------------------------------

static void play_answer(struct playing *p, const char *name, const struct client_answer *answer)
{
    static const char *const verdicts[] = {"good", "temporary", "permanent", "lost"};
    static const char *const stages[] = {
            "connect", "greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "eod"};
    static const char *const kinds[] = {"none", "dns", "reply", "connection", "tls", "dane", "sts",
            "rate", "concurrency", "io"};
    const struct outcome *o = &answer->outcome;
    buf_fmt(&p->answers, "%s: %s %s", name, verdicts[answer->verdict], stages[answer->stage]);
    if (o->kind != FAILURE_NONE)
        buf_fmt(&p->answers, " %s", kinds[o->kind]);
    if (answer->gone)
        buf_add(&p->answers, S(" gone"));
    if (answer->ambiguous)
        buf_add(&p->answers, S(" ambiguous"));
    if (o->code != 0)
        buf_fmt(&p->answers, " %u", o->code);
    if (!str_is_null(o->enhanced))
        buf_fmt(&p->answers, " %.*s", ARG(o->enhanced));
    buf_fmt(&p->answers, " %.*s\n", ARG(o->text));
}

// A message of which each octet is a piece: cuts take out what stands between them.
static struct err play_message(struct playing *p, struct message *out)
{
    const struct play *play = p->play;
    struct str text =
            play_bytes(&p->arena, play->text != NULL ? str_from_c(play->text) : S("hello\\r\\n"));
    *out = play->message;
    if (play->in_octets) {
        struct cut *cuts = arena_array(&p->arena, text.len, struct cut);
        char *spread = arena_bytes(&p->arena, 2 * text.len);
        for (size_t i = 0; i < text.len; i++) {
            spread[2 * i] = text.ptr[i];
            spread[2 * i + 1] = '#';
            cuts[i] = (struct cut){.at = (uint32_t)(2 * i + 1), .bytes = 1};
        }
        text = str_of(spread, 2 * text.len);
        out->cuts = cuts;
        out->cut_count = text.len / 2;
    }
    out->body = (struct body_ref){.place = BODY_INLINE, .bytes = text.len, .inline_bytes = text};
    return OK;
}

static struct err play_send(struct playing *p, struct smtp_client *c)
{
    const struct play *play = p->play;
    struct message m;
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    const struct message_reading how = {0};
    struct client_transaction t = play->with;
    struct str rest = str_from_c(play->rcpts != NULL ? play->rcpts : "a@x.example"), word;
    t.rcpts = arena_array(&p->arena, PLAY_RCPTS_MAX, struct client_rcpt);
    struct recipient *rcpts = arena_array(&p->arena, PLAY_RCPTS_MAX, struct recipient);
    while (str_split(&rest, ' ', &word)) {
        rcpts[t.rcpt_count] = play->rcpt;
        rcpts[t.rcpt_count].address = word;
        t.rcpts[t.rcpt_count] = (struct client_rcpt){.rcpt = &rcpts[t.rcpt_count], .address = word};
        t.rcpt_count++;
    }
    TRY(play_message(p, &m));
    TRY(message_open(NULL, &p->arena, &m, &how, &reader));
    t.message = &m;
    t.sender = S("s@y.example");
    t.bytes = message_bytes(&m) - (play->claims_less ? 1 : 0) + (play->claims_more ? 1 : 0);
    t.body = reader;
    TRY(client_send(c, &p->arena, &t));
    play_answer(p, "mail", &t.mail);
    for (size_t i = 0; i < t.rcpt_count; i++) {
        const char *name = arena_c_str(&p->arena, t.rcpts[i].address);
        if (t.rcpts[i].was_tried)
            play_answer(p, name, &t.rcpts[i].answer);
        else
            buf_fmt(&p->answers, "%s: later\n", name);
    }
    if (t.rcpts_were_too_many)
        buf_fmt(&p->answers, "too many behind %zu\n", t.rcpts_accepted);
    return OK;
}

static struct err play_client(struct playing *p)
{
    const struct play *play = p->play;
    struct smtp_client *c;
    struct client_answer said = {0};
    const struct client_options options = {.protocol = play->is_lmtp ? CLIENT_LMTP : CLIENT_SMTP,
            .ehlo_name = S("me.example"),
            .timeouts = &play_times,
            .extensions_off = play->off,
            .helo_only = play->helo_only,
            .tls_is_required = play->tls_required,
            .bdat_chunk_bytes = play->chunk};
    within_ms(play->outer_s > 0 ? play->outer_s * SECOND_MS : 100 * HOUR_MS);
    TRY(client_new(&p->arena, p->near, &options, &c));
    TRY(client_greet(c, &p->arena, &said));
    if (play->act == PLAY_HELLO || said.verdict != CLIENT_GOOD)
        play_answer(p, "hello", &said);
    if (play->act == PLAY_HELLO && said.verdict == CLIENT_GOOD)
        buf_fmt(&p->answers, "%.*s offers SIZE %d, size %llu by %lld limits %u %u %u\n",
                ARG(client_peer_name(c)), client_offers(c, CLIENT_EXT_SIZE),
                (unsigned long long)client_size_max(c), (long long)client_by_min_s(c),
                client_rcpts_max(c), client_mails_max(c), client_rcpt_domains_max(c));
    if (said.verdict != CLIENT_GOOD)
        return OK;
    if (play->act == PLAY_STARTTLS) {
        TRY(client_starttls(c, &p->arena, &said));
        play_answer(p, "starttls", &said);
    } else if (play->act == PLAY_AUTH) {
        TRY(client_auth(c, &p->arena, &play->credentials, &said));
        play_answer(p, "auth", &said);
    } else if (play->act == PLAY_XCLIENT) {
        TRY(client_xclient(c, &p->arena, &play->origin, &said));
        play_answer(p, "xclient", &said);
        buf_fmt(&p->answers, "%.*s offers SIZE %d\n", ARG(client_peer_name(c)),
                client_offers(c, CLIENT_EXT_SIZE));
    } else if (play->act == PLAY_IDLE) {
        TRY(task_sleep_ms(10 * SECOND_MS));
        buf_add(&p->answers, client_is_alive(c) ? S("alive\n") : S("dead\n"));
    } else if (play->act != PLAY_HELLO) {
        TRY(play_send(p, c));
        if (play->act == PLAY_SEND_TWICE)
            TRY(play_send(p, c));
        if (play->act == PLAY_SEND_TWICE && client_refuses_parameters(c))
            buf_add(&p->answers, S("parameters refused\n"));
        client_quit(c);
    }
    return OK;
}

static struct err play_main(void *arg)
{
    struct playing *p = arg;
    struct stream *pair[2];
    struct group g AUTO(group_end);
    group_begin(&g);
    TRY(stream_pair(pair));
    p->near = pair[0];
    p->far = pair[1];
    TRY(group_spawn(&g, play_peer, p));
    p->failure = play_client(p);
    stream_close(p->near);
    struct err e = group_wait_all(&g);
    (void)e;
    return OK;
}

static void play_once(const struct play *play, bool by_octets)
{
    struct playing p = {.play = play, .by_octets = by_octets};
    struct sim *sim = sim_new(1);
    const char *name = play->name;
    arena_init(&p.arena, PLAY_ARENA_BYTES);
    buf_init(&p.answers, MIB);
    buf_init(&p.wrong, MIB);
    struct err e = sim_run(sim, play_main, &p);
    if (failed(e) || p.failure.kind != play->fails)
        check_failed("%s: the client failed: %.*s", name,
                ARG(failed(e) ? err_text(e) : err_text(p.failure)));
    if (p.wrong.len > 0)
        check_failed("%s: %.*s", name, ARG(buf_str(&p.wrong)));
    check_str(name, buf_str(&p.answers), str_from_c(play->want));
    buf_done(&p.answers);
    buf_done(&p.wrong);
    arena_done(&p.arena);
    sim_free(sim);
}

UNUSED static void play_all(const struct play *plays, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        play_once(&plays[i], false);
        if (!plays[i].in_one_piece)
            play_once(&plays[i], true);
    }
}
