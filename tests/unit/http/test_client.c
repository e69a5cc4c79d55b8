// SPDX-License-Identifier: Apache-2.0
// tests/unit/http/test_client.c: what is asked, and what is made of all kinds of answers, whole and
// octet by octet. The server is a text. TLS is tested where there is a certificate: with MTA-STS.
#include "../base/check.h"
#include "http/client.h"

#include "rt/rt.h"

#define HEAD_MAX 1024
#define BODY_MAX 16

static const struct reply_case {
    const char *name;
    enum http_method method;
    struct str text;    // what the server says before it ends its side
    struct str error;   // in the error's text; null: there is a reply
    enum err_kind kind; // of the error
    uint16_t status;    // and what the reply is
    struct str body;
    bool is_cut, keeps;
} cases[] = {
        {.name = "nothing at all", .text = S_INIT(""), .error = S_INIT(""), .kind = ERR_CLOSED},
        {.name = "HTTP/0.9", .text = S_INIT("hello\r\n"), .error = S_INIT("no answer of HTTP/1.1")},
        {.name = "HTTP/2 in words",
                .text = S_INIT("HTTP/2.0 200 OK\r\n\r\n"),
                .error = S_INIT("no answer of HTTP/1.1")},
        {.name = "two digits",
                .text = S_INIT("HTTP/1.1 20 OK\r\n\r\n"),
                .error = S_INIT("no answer")},
        {.name = "four digits",
                .text = S_INIT("HTTP/1.1 2000 OK\r\n\r\n"),
                .error = S_INIT("no answer")},
        {.name = "a status below all",
                .text = S_INIT("HTTP/1.1 099 OK\r\n\r\n"),
                .error = S_INIT("no answer")},
        {.name = "a status above all",
                .text = S_INIT("HTTP/1.1 600 OK\r\n\r\n"),
                .error = S_INIT("no answer")},
        {.name = "a sign", .text = S_INIT("HTTP/1.1 +20 OK\r\n\r\n"), .error = S_INIT("no answer")},
        {.name = "LF alone",
                .text = S_INIT("HTTP/1.1 200 OK\n\n"),
                .error = S_INIT("LF without CR")},
        {.name = "no reason, no blank",
                .text = S_INIT("HTTP/1.1 204\r\n\r\n"),
                .status = 204,
                .keeps = true},
        {.name = "a folded field",
                .text = S_INIT("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"),
                .error = S_INIT("folded")},
        {.name = "a blank before the colon",
                .text = S_INIT("HTTP/1.1 200 OK\r\nA : b\r\n\r\n"),
                .error = S_INIT("blank before the colon")},
        {.name = "the end within the head",
                .text = S_INIT("HTTP/1.1 200 OK\r\nA: b\r\n"),
                .error = S_INIT(""),
                .kind = ERR_CLOSED},
        {.name = "a length",
                .text = S_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
                .status = 200,
                .body = S_INIT("hello"),
                .keeps = true},
        {.name = "a length and more behind it",
                .text = S_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP"),
                .status = 200,
                .body = S_INIT("hello"),
                .keeps = true},
        {.name = "a length, and the server leaves",
                .text = S_INIT("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
                .status = 200},
        {.name = "HTTP/1.0 leaves by itself",
                .text = S_INIT("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n1"),
                .status = 200,
                .body = S_INIT("1")},
        {.name = "less than its length",
                .text = S_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"),
                .error = S_INIT(""),
                .kind = ERR_CLOSED},
        {.name = "two lengths that agree",
                .text = S_INIT(
                        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n1"),
                .error = S_INIT("second Content-Length")},
        {.name = "a length with chunks",
                .text = S_INIT("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                .error = S_INIT("together with")},
        {.name = "a length of all that is allowed",
                .text = S_INIT("HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n0123456789abcdef"),
                .status = 200,
                .body = S_INIT("0123456789abcdef"),
                .keeps = true},
        {.name = "an octet more than is allowed",
                .text = S_INIT("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n0123456789abcdefg"),
                .status = 200,
                .is_cut = true},
        {.name = "a length beyond all numbers",
                .text = S_INIT("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
                .error = S_INIT("beyond all bounds")},
        {.name = "chunks",
                .text = S_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\nT: x\r\n\r\n"),
                .status = 200,
                .body = S_INIT("hello"),
                .keeps = true},
        {.name = "chunks without an end",
                .text = S_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"),
                .error = S_INIT(""),
                .kind = ERR_CLOSED},
        {.name = "too many chunks",
                .text = S_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "10\r\n0123456789abcdef\r\n1\r\ng\r\n0\r\n\r\n"),
                .status = 200,
                .body = S_INIT("0123456789abcdef"),
                .is_cut = true},
        {.name = "another coding",
                .text = S_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
                .error = S_INIT("no transfer coding but chunked")},
        {.name = "until the end",
                .text = S_INIT("HTTP/1.1 200 OK\r\n\r\nhello"),
                .status = 200,
                .body = S_INIT("hello")},
        {.name = "nothing until the end", .text = S_INIT("HTTP/1.1 200 OK\r\n\r\n"), .status = 200},
        {.name = "too much until the end",
                .text = S_INIT("HTTP/1.1 200 OK\r\n\r\n0123456789abcdefg"),
                .status = 200,
                .is_cut = true},
        {.name = "a status that has no body",
                .text = S_INIT("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
                .status = 304,
                .keeps = true},
        {.name = "HEAD has none",
                .method = HTTP_HEAD,
                .text = S_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
                .status = 200,
                .keeps = true},
        {.name = "answers on the way",
                .text = S_INIT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
                               "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"),
                .status = 404,
                .body = S_INIT("no"),
                .keeps = true},
        {.name = "nothing but answers on the way",
                .text = S_INIT("HTTP/1.1 100 \r\n\r\nHTTP/1.1 100 \r\n\r\nHTTP/1.1 100 \r\n\r\n"
                               "HTTP/1.1 100 \r\n\r\nHTTP/1.1 100 \r\n\r\nHTTP/1.1 100 \r\n\r\n"
                               "HTTP/1.1 100 \r\n\r\nHTTP/1.1 100 \r\n\r\nHTTP/1.1 100 \r\n\r\n"),
                .error = S_INIT("too many answers on the way")},
        {.name = "another protocol",
                .text = S_INIT("HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n"),
                .error = S_INIT("another protocol")},
        {.name = "a redirect is an answer",
                .text = S_INIT("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"),
                .status = 302,
                .keeps = true},
        {.name = "fields of requests mean nothing",
                .text = S_INIT("HTTP/1.1 200 OK\r\nHost: a\r\nHost: b\r\nExpect: all\r\n"
                               "Content-Length: 0\r\n\r\n"),
                .status = 200,
                .keeps = true},
};

struct trial {
    struct str text;
    bool one_by_one;
    struct http_request request;
    struct arena arena;
    struct buf asked;
    struct http_reply reply;
    struct err result;
    struct stream *ends[2];
};

static struct err serve(void *arg)
{
    struct trial *t = arg;
    struct stream *s AUTO(stream_close_auto) = t->ends[0];
    struct str piece;
    while (!str_contains(buf_str(&t->asked), S("\r\n\r\n")) &&
            !failed(stream_read(s, 4096, &piece)))
        buf_add(&t->asked, piece);
    size_t step = t->one_by_one ? 1 : t->text.len;
    for (size_t at = 0; at < t->text.len; at += step) {
        TRY(stream_write(s, str_part(t->text, at, step)));
        TRY(stream_flush(s));
        task_yield();
    }
    TRY(stream_end(s));
    while (!failed(stream_read(s, 4096, &piece)))
        buf_add(&t->asked, piece);
    return OK;
}

static struct err both(void *arg)
{
    struct trial *t = arg;
    struct group server AUTO(group_end);
    group_begin(&server);
    TRY(stream_pair(t->ends));
    TRY(group_spawn(&server, serve, t));
    t->result = http_ask(t->ends[1], &t->arena, &t->request, &t->reply);
    stream_close(t->ends[1]);
    struct err cut_off = group_wait_all(&server);
    (void)cut_off; // a server whose client has left
    return OK;
}

static void trial_run(struct trial *t)
{
    struct loop *loop = loop_new_real();
    arena_init(&t->arena, 64 * KIB);
    buf_init(&t->asked, 64 * KIB);
    assert_non_null(loop);
    assert_false(failed(loop_run(loop, both, t)));
    loop_free(loop);
}

static void trial_done(struct trial *t)
{
    arena_done(&t->arena);
    buf_done(&t->asked);
}

static void check(const struct reply_case *c, bool one_by_one)
{
    struct trial t = {.text = c->text,
            .one_by_one = one_by_one,
            .request = {.method = c->method,
                    .host = S("x.example"),
                    .target = S("/"),
                    .keeps = true,
                    .head_bytes_max = HEAD_MAX,
                    .body_bytes_max = BODY_MAX}};
    trial_run(&t);
    enum err_kind kind = str_is_null(c->error) || c->kind != ERR_NONE ? c->kind : ERR_SYNTAX;
    bool fine = t.result.kind == kind && str_contains(err_text(t.result), c->error);
    // How much of a body is read before it is known to be too large depends on the pieces.
    if (fine && !failed(t.result))
        fine = t.reply.status == c->status && t.reply.body_is_cut == c->is_cut &&
               t.reply.keeps == c->keeps && (c->is_cut || str_eq(t.reply.body, c->body));
    if (!fine)
        check_failed("%s: %.*s; %u \"%.*s\" cut %d keeps %d", c->name, ARG(err_text(t.result)),
                t.reply.status, ARG(t.reply.body), t.reply.body_is_cut, t.reply.keeps);
    trial_done(&t);
}

static void answers_are_read(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check(&cases[i], false);
        check(&cases[i], true);
    }
}

static void heads_have_a_bound(void **state UNUSED)
{
    for (size_t beyond = 0; beyond < 2; beyond++) {
        struct buf text AUTO(buf_done);
        buf_init(&text, 4096);
        buf_add(&text, S("HTTP/1.1 204 None\r\nA: "));
        buf_add_repeat(&text, 'a', HEAD_MAX - text.len - 4 + beyond);
        buf_add(&text, S("\r\n\r\n"));
        struct trial t = {.text = buf_str(&text),
                .request = {.host = S("x"), .target = S("/"), .head_bytes_max = HEAD_MAX}};
        trial_run(&t);
        assert_int_equal(t.result.kind, beyond > 0 ? ERR_SYNTAX : ERR_NONE);
        trial_done(&t);
    }
}

static void requests_are_written(void **state UNUSED)
{
    static const struct http_field fields[] = {{S_INIT("Accept"), S_INIT("text/plain")}};
    struct trial t = {.text = S("HTTP/1.1 204 None\r\n\r\n"),
            .request = {.method = HTTP_POST,
                    .host = S("x.example:8443"),
                    .target = S("/a?b"),
                    .fields = fields,
                    .field_count = 1,
                    .body = S("abc"),
                    .head_bytes_max = HEAD_MAX}};
    trial_run(&t);
    assert_false(failed(t.result));
    assert_false(t.reply.keeps); // it was not asked for
    assert_true(str_eq(buf_str(&t.asked),
            S("POST /a?b HTTP/1.1\r\nHost: x.example:8443\r\nUser-Agent: "
              "Posthaste/" POSTHASTE_VERSION
              "\r\nConnection: close\r\nAccept: text/plain\r\nContent-Length: 3\r\n\r\nabc")));
    trial_done(&t);
}

static void requests_keep_to_their_lines(void **state UNUSED)
{
    static const struct http_field bad_name = {S_INIT("A b"), S_INIT("")};
    static const struct http_field bad_value = {S_INIT("A"), S_INIT("b\r\nC: d")};
    const struct http_request requests[] = {
            {.host = S("x"), .target = S("/a b")},
            {.host = S("x"), .target = S("/a\r\nB: c")},
            {.host = S("x\r\nB: c"), .target = S("/")},
            {.host = S("x"), .target = S("/"), .fields = &bad_name, .field_count = 1},
            {.host = S("x"), .target = S("/"), .fields = &bad_value, .field_count = 1},
    };
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        struct trial t = {.text = S("HTTP/1.1 204 None\r\n\r\n"), .request = requests[i]};
        t.request.head_bytes_max = HEAD_MAX;
        trial_run(&t);
        assert_int_equal(t.result.kind, ERR_SYNTAX);
        assert_int_equal(t.asked.len, 0);
        trial_done(&t);
    }
}

static void trust_is_made_of_certificates(void **state UNUSED)
{
    struct http_trust *trust = NULL;
    assert_int_equal(http_trust_pem(S("no certificate"), &trust).kind, ERR_SYNTAX);
    assert_int_equal(http_trust_pem(S(""), &trust).kind, ERR_SYNTAX);
    http_trust_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(answers_are_read),
            cmocka_unit_test(heads_have_a_bound),
            cmocka_unit_test(requests_are_written),
            cmocka_unit_test(requests_keep_to_their_lines),
            cmocka_unit_test(trust_is_made_of_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
