// SPDX-License-Identifier: Apache-2.0
// tests/sim/splits.c: one session, cut in two at every octet, and into pieces of every size. What
// the server answers must not depend on how the network cuts what it is sent (RFC 2920 3.1).
#define POSTHASTE_BASE_ROOM
#include "files.h"
#include "server.h"

#include <setjmp.h>

#undef fail // cmocka has one of its own
#include <cmocka.h>

#undef fail
#define fail(err_kind, literal)                                                                    \
    ((struct err){.text = "" literal, .text_len = sizeof(literal) - 1, .kind = (err_kind)})

#define ANSWER_BYTES_MAX (64 * KIB)

static const struct ip server_ip = {IP_V4, {198, 51, 100, 25}};
static const struct str config = S_INIT("[server]\n"
                                        "hostname = \"mx.example.org\"\n"
                                        "[server.listener.smtp]\n"
                                        "bind = [\"[::]:25\"]\n"
                                        "protocol = \"smtp\"\n");
static const struct str session = S_INIT("EHLO client.example\r\n"
                                         "NOOP\r\n"
                                         "WHAT\r\n"
                                         "\r\n"
                                         "RSET\n"
                                         "NO\rOP\r\n"
                                         "HELP me\r\n"
                                         "QUIT\r\n");

struct splits {
    struct sim *sim;
    struct sim_server *server;
    struct buf whole, cut;
    size_t tried;
};

static struct err converse(struct splits *s, size_t at, size_t piece, struct buf *out) suspends;

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
    TRY(stream_write(stream, str_upto(session, at)));
    TRY(stream_flush(stream));
    TRY(sim_settle(s->sim));
    TRY(stream_write(stream, str_from(session, at)));
    TRY(stream_flush(stream));
    within_ms(MINUTE_MS);
    for (;;) {
        struct str got;
        struct err e = stream_read(stream, ANSWER_BYTES_MAX, &got);
        if (e.kind == ERR_CLOSED)
            return OK;
        TRY(e);
        buf_add(out, got);
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
    s->tried++;
    if (str_eq(behind_hello(&s->cut), behind_hello(&s->whole)))
        return OK;
    print_error("cut at %zu, in pieces of %zu:\n%.*s", at, piece, ARG(buf_str(&s->cut)));
    return fail(ERR_INTERNAL, "the replies depend on how the session is cut");
}

static struct err at_every_octet(void *arg)
{
    struct splits *s = arg;
    TRY(sim_server_start(s->server));
    TRY(converse(s, session.len, 0, &s->whole));
    assert_true(str_contains(buf_str(&s->whole), S("\r\n221 2.0.0 Bye.\r\n")));
    for (size_t at = 0; at < session.len; at++)
        TRY(compare(s, at, 0));
    for (size_t piece = 1; piece < session.len; piece++)
        TRY(compare(s, session.len, piece));
    return OK;
}

static void replies_do_not_depend_on_segments(void **state UNUSED)
{
    struct splits s = {.sim = sim_new(1)};
    struct memory_files files;
    memory_files_init(&files, NULL);
    struct conf_files conf_files = memory_files_conf(&files);
    struct sim_server_options options = {.name = S("mx.example.org"),
            .ips = {server_ip},
            .ip_count = 1,
            .files = &conf_files,
            .path = S("/etc/posthaste/config.toml")};
    buf_init(&s.whole, ANSWER_BYTES_MAX);
    buf_init(&s.cut, ANSWER_BYTES_MAX);
    assert_false(failed(memory_files_put(&files, options.path, config)));
    assert_false(failed(sim_server_add(s.sim, &options, &s.server)));
    struct err e = sim_run(s.sim, at_every_octet, &s);
    if (failed(e))
        print_error("%.*s\n%.*s", ARG(err_text(e)), ARG(sim_server_trouble(s.server)));
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(s.tried, 2 * session.len - 1);
    sim_server_free(s.server);
    sim_free(s.sim);
    buf_done(&s.whole);
    buf_done(&s.cut);
    memory_files_done(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(replies_do_not_depend_on_segments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
