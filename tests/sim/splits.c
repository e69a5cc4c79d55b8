// SPDX-License-Identifier: Apache-2.0
// tests/sim/splits.c: sessions, cut in two at every octet, and into pieces of every size. What the
// server answers, and what then lies in its queue, must not depend on how the network cuts what it
// is sent (RFC 2920 3.1).
#include "../unit/base/check.h"
#include "queue/message_reader.h"
#include "server.h"

#define ANSWER_BYTES_MAX (64 * KIB)
#define LOOK_BYTES_MAX (64 * MIB)
#define ID_BYTES 16 // in hex

static const struct ip server_ip = {IP_V4, {198, 51, 100, 25}};
// Behind DATA nothing may come at once where rules are strict: then the cut would make the
// difference, and is meant to.
static const struct str config = S_INIT("[server]\n"
                                        "hostname = \"mx.example.org\"\n"
                                        "[server.listener.smtp]\n"
                                        "bind = [\"[::]:25\"]\n"
                                        "protocol = \"smtp\"\n"
                                        "[session]\n"
                                        "strict-pipelining = false\n"
                                        "[queue.limiter.inbound.none]\n"
                                        "enable = false\n"
                                        "rate = \"1/1s\"\n"
                                        "[directory.local]\n"
                                        "type = \"memory\"\n"
                                        "[[directory.local.principals]]\n"
                                        "name = \"ann\"\n"
                                        "email = [\"ann@example.org\"]\n");
static const struct str commands = S_INIT("EHLO client.example\r\n"
                                          "NOOP\r\n"
                                          "WHAT\r\n"
                                          "\r\n"
                                          "RSET\n"
                                          "NO\rOP\r\n"
                                          "HELP me\r\n"
                                          "QUIT\r\n");
static const struct str data = S_INIT("EHLO client.example\r\n"
                                      "MAIL FROM:<a@b.example>\r\n"
                                      "RCPT TO:<nobody@example.org>\r\n"
                                      "RCPT TO:<ann@example.org>\r\n"
                                      "DATA\r\n"
                                      "Subject: x\r\n"
                                      "\r\n"
                                      "..\r\n.a\r\n\n.\r\nMAIL FROM:<e@x>\r\n\r\r\n.\r\r\n"
                                      "\r.\r\n \r\n.\r"
                                      "b\r\n..\r\n"
                                      ".\r\n"
                                      "MAIL FROM:<c@d.example>\r\n"
                                      "RCPT TO:<ann@example.org>\r\n"
                                      "DATA\r\n"
                                      ".\r\n"
                                      "NOOP\r\n"
                                      "QUIT\r\n");
static const struct str chunks = S_INIT("EHLO client.example\r\n"
                                        "BDAT 6\r\nQUIT\r\n"
                                        "MAIL FROM:<a@b.example>\r\n"
                                        "RCPT TO:<ann@example.org>\r\n"
                                        "BDAT 5\r\nSubje"
                                        "BDAT 7\r\nct: x\r\n"
                                        "BDAT 0\r\n"
                                        "BDAT 15 LAST\r\n\r\n.\r\n..\r\na\nb\rc\r"
                                        "MAIL FROM:<c@d.example> BODY=BINARYMIME\r\n"
                                        "RCPT TO:<ann@example.org>\r\n"
                                        "BDAT 18 LAST\r\nSubject: x\r\n\r\n\0\n\r."
                                        "QUIT\r\n");

struct splits {
    struct sim *sim;
    struct sim_server *server;
    struct str session;
    size_t messages; // that it brings
    struct buf whole, cut;
    struct buf whole_queue, cut_queue;
    uint64_t newest; // message that was looked at
    size_t tried;
};

static struct err converse(struct splits *s, size_t at, size_t piece, struct buf *out) suspends;
static struct err look(struct splits *s, struct buf *out) suspends;
static struct err add_message(struct arena *a, struct store *store, const struct message *listed,
        struct buf *out) suspends;
static void hide_ids(struct buf *said);

// Everything that the server says to the session, cut at `at`, or into pieces.
static struct err converse(struct splits *s, size_t at, size_t piece, struct buf *out)
{
    struct stream *stream AUTO(stream_close_auto) = NULL;
    struct endpoint to = {.ip = server_ip, .port = 25};
    buf_clear(out);
    // Another client each time: one who sends so many wrong commands is banned.
    struct ip client = {IP_V4, {10, 0, (uint8_t)(s->tried >> 8), (uint8_t)s->tried}};
    TRY(net_connect(&to, &(struct connect_options){.from = client}, &stream));
    sim_stream_segment(stream, piece);
    TRY(stream_write(stream, str_upto(s->session, at)));
    TRY(stream_flush(stream));
    TRY(sim_settle(s->sim));
    TRY(stream_write(stream, str_from(s->session, at)));
    TRY(stream_flush(stream));
    within_ms(MINUTE_MS);
    for (;;) {
        struct str got;
        struct err e = stream_read(stream, ANSWER_BYTES_MAX, &got);
        if (e.kind == ERR_CLOSED)
            break;
        TRY(e);
        buf_add(out, got);
    }
    hide_ids(out);
    return OK;
}

// Each message has an id of its own.
static void hide_ids(struct buf *said)
{
    struct str words = S("queued with id ");
    size_t from = 0, at = str_find(buf_str(said), words);
    while (at != STR_NOT_FOUND) {
        from += at + words.len;
        for (size_t i = 0; i < ID_BYTES && from + i < said->len; i++)
            said->ptr[from + i] = '#';
        at = str_find(str_from(buf_str(said), from), words);
    }
}

// What has come into the queue since the last look.
static struct err look(struct splits *s, struct buf *out)
{
    struct sim_queue queue;
    struct store_page page = {0};
    struct arena a AUTO(arena_done);
    struct store_query query = {.after = s->newest, .limit = 16};
    arena_init(&a, LOOK_BYTES_MAX);
    buf_clear(out);
    TRY(sim_settle(s->sim));
    TRY(sim_server_queue(s->server, &a, &queue));
    TRY(store_list(queue.store, &a, &query, &page));
    for (size_t i = 0; i < page.count; i++) {
        TRY(add_message(&a, queue.store, &page.messages[i], out));
        s->newest = page.messages[i].id;
    }
    sim_server_queue_end(&queue);
    return page.count == s->messages ? OK : fail(ERR_INTERNAL, "not so many messages");
}

static struct err add_message(
        struct arena *a, struct store *store, const struct message *listed, struct buf *out)
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    struct message_reading how = {.as_received = true};
    struct message m;
    TRY(store_read(store, a, listed->id, STORE_WITH_BODY, &m));
    buf_fmt(out, "from %.*s flags %x\n", ARG(m.sender), m.flags);
    for (size_t i = 0; i < m.unit_count; i++)
        for (size_t k = 0; k < m.units[i].rcpt_count; k++)
            buf_fmt(out, "to %.*s\n", ARG(m.units[i].rcpts[k].address));
    TRY(message_open(store, a, &m, &how, &reader));
    for (;;) {
        struct str piece;
        TRY(message_next(reader, a, &piece));
        if (str_is_null(piece))
            return OK;
        buf_add(out, piece);
    }
}

// The reply to EHLO names the client, who is another one each time.
static struct str behind_hello(const struct buf *said)
{
    size_t at = str_find(buf_str(said), S("250-PIPELINING"));
    return at == STR_NOT_FOUND ? S("") : str_from(buf_str(said), at);
}

static struct err compare(struct splits *s, size_t at, size_t piece)
{
    TRY(converse(s, at, piece, &s->cut));
    TRY(look(s, &s->cut_queue));
    s->tried++;
    if (str_eq(behind_hello(&s->cut), behind_hello(&s->whole)) &&
            str_eq(buf_str(&s->cut_queue), buf_str(&s->whole_queue)))
        return OK;
    print_error("cut at %zu, in pieces of %zu:\n%.*s%.*s", at, piece, ARG(buf_str(&s->cut)),
            ARG(buf_str(&s->cut_queue)));
    return fail(ERR_INTERNAL, "what comes of it depends on how the session is cut");
}

static struct err at_every_octet(void *arg)
{
    struct splits *s = arg;
    TRY(sim_server_start(s->server));
    TRY(sim_run_ms(s->sim, SECOND_MS)); // until its store is open
    TRY(converse(s, s->session.len, 0, &s->whole));
    TRY(look(s, &s->whole_queue));
    assert_true(str_contains(buf_str(&s->whole), S("\r\n221 2.0.0 Bye.\r\n")));
    for (size_t at = 0; at < s->session.len; at++)
        TRY(compare(s, at, 0));
    for (size_t piece = 1; piece < s->session.len; piece++)
        TRY(compare(s, s->session.len, piece));
    return OK;
}

static void cut_everywhere(struct str session, size_t messages)
{
    struct splits s = {.sim = sim_new(1), .session = session, .messages = messages};
    struct sim_server_options options = {
            .name = S("mx.example.org"), .ips = {server_ip}, .ip_count = 1, .config = config};
    struct buf *bufs[] = {&s.whole, &s.cut, &s.whole_queue, &s.cut_queue};
    for (size_t i = 0; i < COUNT_OF(bufs); i++)
        buf_init(bufs[i], ANSWER_BYTES_MAX);
    assert_false(failed(sim_server_add(s.sim, &options, &s.server)));
    struct err e = sim_run(s.sim, at_every_octet, &s);
    if (failed(e))
        print_error("%.*s\n%.*s", ARG(err_text(e)), ARG(sim_server_trouble(s.server)));
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(s.tried, 2 * session.len - 1);
    sim_server_free(s.server);
    sim_free(s.sim);
    for (size_t i = 0; i < COUNT_OF(bufs); i++)
        buf_done(bufs[i]);
}

static void replies_do_not_depend_on_segments(void **state UNUSED)
{
    cut_everywhere(commands, 0);
}

// One message with all that might be its end; another one is refused.
static void messages_do_not_depend_on_segments(void **state UNUSED)
{
    cut_everywhere(data, 1);
}

static void chunks_do_not_depend_on_segments(void **state UNUSED)
{
    cut_everywhere(chunks, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(replies_do_not_depend_on_segments),
            cmocka_unit_test(messages_do_not_depend_on_segments),
            cmocka_unit_test(chunks_do_not_depend_on_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
