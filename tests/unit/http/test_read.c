// SPDX-License-Identifier: Apache-2.0
// tests/unit/http/test_read.c: heads of requests. First what has been used to smuggle, then the
// limits, then what must work. Each case is read whole, octet by octet, and in random pieces.
#include "../base/check.h"
#include "reading.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

struct read_case {
    const char *name;
    struct str octets;
    const char *reads;
};

#define CASE(what, text, result)                                                                   \
    {                                                                                              \
        .name = (what), .octets = S_INIT(text), .reads = (result)                                  \
    }

static const struct read_case SMUGGLING[] = {
        CASE("length and chunked",
                POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "400 Transfer-Encoding together with Content-Length"),
        CASE("chunked and length",
                POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
                "400 Content-Length together with Transfer-Encoding"),
        CASE("length and identity", POST "Content-Length: 5\r\nTransfer-Encoding: identity\r\n\r\n",
                "400 Transfer-Encoding together with Content-Length"),
        CASE("two lengths that differ", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
                "400 a second Content-Length field"),
        CASE("two lengths that agree", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
                "400 a second Content-Length field"),
        CASE("a list of lengths", POST "Content-Length: 5, 5\r\n\r\n",
                "400 the Content-Length is not a number"),
        CASE("a signed length", POST "Content-Length: +5\r\n\r\n",
                "400 the Content-Length is not a number"),
        CASE("a negative length", POST "Content-Length: -5\r\n\r\n",
                "400 the Content-Length is not a number"),
        CASE("a hexadecimal length", POST "Content-Length: 0x5\r\n\r\n",
                "400 the Content-Length is not a number"),
        CASE("a length with a blank inside", POST "Content-Length: 4 2\r\n\r\n",
                "400 the Content-Length is not a number"),
        CASE("an empty length", POST "Content-Length: \r\n\r\n",
                "400 the Content-Length is not a number"),
        CASE("a length that would wrap around", POST "Content-Length: 18446744073709551621\r\n\r\n",
                "413 the Content-Length is beyond all bounds"),
        CASE("chunked twice in one field", POST "Transfer-Encoding: chunked, chunked\r\n\r\n",
                "400 chunked is not the last transfer coding"),
        CASE("chunked twice",
                POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
                "400 chunked is not the last transfer coding"),
        CASE("chunked is not last", POST "Transfer-Encoding: chunked, identity\r\n\r\n",
                "400 chunked is not the last transfer coding"),
        CASE("chunked behind identity", POST "Transfer-Encoding: identity, chunked\r\n\r\n",
                "400 an unknown transfer coding"),
        CASE("chunked behind gzip", POST "Transfer-Encoding: gzip, chunked\r\n\r\n",
                "501 no transfer coding but chunked is done here"),
        CASE("something like chunked", POST "Transfer-Encoding: xchunked\r\n\r\n",
                "400 an unknown transfer coding"),
        CASE("chunked with a vertical tab", POST "Transfer-Encoding: \vchunked\r\n\r\n",
                "400 a control octet in a line"),
        CASE("chunked in quotes", POST "Transfer-Encoding: \"chunked\"\r\n\r\n",
                "400 an unknown transfer coding"),
        CASE("chunked with a parameter", POST "Transfer-Encoding: chunked;x=1\r\n\r\n",
                "400 an unknown transfer coding"),
        CASE("an empty transfer coding", POST "Transfer-Encoding: ,\r\n\r\n",
                "400 an empty Transfer-Encoding field"),
        CASE("chunked on 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "400 Transfer-Encoding in an HTTP/1.0 request"),
        CASE("a blank before the colon", POST "Transfer-Encoding : chunked\r\n\r\n",
                "400 a blank before the colon of a header field"),
        CASE("a tab before the colon", POST "Content-Length\t: 5\r\n\r\n",
                "400 a blank before the colon of a header field"),
        CASE("a folded field", GET "X: a\r\n b\r\n\r\n", "400 a folded header field"),
        CASE("a blank in front of the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
                "400 a folded header field"),
        CASE("a line that ends in LF", GET "X: a\nY: b\r\n\r\n",
                "400 a line ends in LF without CR"),
        CASE("a head that ends in LF", GET "\n", "400 a line ends in LF without CR"),
        CASE("a request line that ends in LF", "GET / HTTP/1.1\nHost: a\r\n\r\n",
                "400 a line ends in LF without CR"),
        CASE("a CR inside a value", GET "X: a\rY: b\r\n\r\n", "400 a CR without LF"),
        CASE("two CRs", GET "X: a\r\r\n\r\n", "400 a CR without LF"),
        CASE("a NUL inside a value", GET "X: a\0b\r\n\r\n", "400 a control octet in a line"),
        CASE("DEL inside a value", GET "X: a\x7f\r\n\r\n", "400 a control octet in a line"),
        CASE("a NUL inside a name", GET "X\0: a\r\n\r\n", "400 a control octet in a line"),
        CASE("no name", GET ": a\r\n\r\n", "400 a header field without a name"),
        CASE("no colon", GET "X\r\n\r\n", "400 a header field whose name is no token"),
        CASE("a name with a slash", GET "X/Y: a\r\n\r\n",
                "400 a header field whose name is no token"),
        CASE("a name beyond ASCII", GET "X\xc3\xa9: a\r\n\r\n",
                "400 a header field whose name is no token"),
        CASE("no Host", "GET / HTTP/1.1\r\n\r\n", "400 the Host field is missing"),
        CASE("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                "400 a second Host field"),
        CASE("a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
                "400 the Host field is malformed"),
        CASE("a Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
                "400 the Host field is malformed"),
        CASE("a list of Hosts", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
                "400 the Host field is malformed"),
        CASE("a port of letters", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
                "400 the Host field is malformed"),
        CASE("a port too large", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
                "400 the Host field is malformed"),
        CASE("half an address", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
                "400 the Host field is malformed"),
        CASE("a bad escape in the Host", "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n",
                "400 the Host field is malformed"),
        CASE("a malformed Connection", GET "Connection: close;\r\n\r\n",
                "400 the Connection field is malformed"),
        CASE("an unknown expectation", POST "Expect: 200-ok\r\n\r\n",
                "417 no expectation but 100-continue is known here"),
        CASE("two blanks in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
                "400 the request line is not METHOD TARGET HTTP/1.1"),
        CASE("a blank at the end of the request line", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
                "400 the request line does not end in HTTP/1.1"),
        CASE("a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
                "400 this is no HTTP request"),
        CASE("a blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
                "400 the request line does not end in HTTP/1.1"),
        CASE("HTTP/0.9", "GET /\r\n", "400 the request line is not METHOD TARGET HTTP/1.1"),
        CASE("HTTP/2 in words", "GET / HTTP/2.0\r\n", "505 HTTP/1.1 and HTTP/1.0 are spoken here"),
        CASE("HTTP/1.2", "GET / HTTP/1.2\r\n", "505 HTTP/1.1 and HTTP/1.0 are spoken here"),
        CASE("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                "505 HTTP/1.1 and HTTP/1.0 are spoken here"),
        CASE("HTTP/1.01", "GET / HTTP/1.01\r\n", "400 the request line does not end in HTTP/1.1"),
        CASE("http/1.1", "GET / http/1.1\r\n", "400 the request line does not end in HTTP/1.1"),
        CASE("HTTP/1,1", "GET / HTTP/1,1\r\n", "400 the request line does not end in HTTP/1.1"),
        CASE("another protocol", "OPTIONS / RTSP/1.0\r\n",
                "400 the request line does not end in HTTP/1.1"),
        CASE("a mail client", "EHLO mx.example.org\r\n",
                "400 the request line is not METHOD TARGET HTTP/1.1"),
        CASE("a TLS ClientHello", "\x16\x03\x01\x02\0\1\0\1\xfc\3\3",
                "400 a control octet in a line"),
        CASE("SSH", "SSH-2.0-OpenSSH_9.2\r\n", "400 this is no HTTP request"),
        CASE("a method with a colon", "GET: / HTTP/1.1\r\n", "400 this is no HTTP request"),
        CASE("a target without slash", "GET a HTTP/1.1\r\n",
                "400 the request target is neither a path nor an http URI"),
        CASE("another scheme", "GET ftp://a/ HTTP/1.1\r\n",
                "400 the request target is neither a path nor an http URI"),
        CASE("a GET of the server as a whole", "GET * HTTP/1.1\r\n",
                "400 the target * goes with OPTIONS only"),
        CASE("a fragment", "GET /a#b HTTP/1.1\r\n", "400 a fragment in the request target"),
        CASE("a bad escape", "GET /a%2 HTTP/1.1\r\n",
                "400 a % without two hexadecimal digits in the request target"),
        CASE("a bad escape in the query", "GET /?a=%zz HTTP/1.1\r\n",
                "400 a % without two hexadecimal digits in the request target"),
        CASE("a quote in the target", "GET /\" HTTP/1.1\r\n",
                "400 an octet that must be percent-encoded in the request target"),
        CASE("UTF-8 in the target", "GET /\xc3\xa9 HTTP/1.1\r\n",
                "400 an octet that must be percent-encoded in the request target"),
        CASE("a user in the target", "GET http://u:p@a/ HTTP/1.1\r\n",
                "400 user information in the request target"),
        CASE("no host in the target", "GET http:///x HTTP/1.1\r\n",
                "400 the host in the request target is malformed"),
        CASE("CONNECT without a port", "CONNECT a HTTP/1.1\r\n", "400 CONNECT needs host:port"),
        CASE("CONNECT with an empty port", "CONNECT a: HTTP/1.1\r\n",
                "400 CONNECT needs host:port"),
        CASE("CONNECT with a path", "CONNECT /a HTTP/1.1\r\n", "400 CONNECT needs host:port"),
        CASE("five empty lines", "\r\n\r\n\r\n\r\n\r\n", "400 empty lines instead of a request"),
};

static const struct read_case GOOD[] = {
        CASE("nothing", "", ""),
        CASE("half a line", "GET / HT", ""),
        CASE("half a line end", GET "\r", ""),
        CASE("a plain GET", GET "\r\n", "GET / 1.1 host=a body=0 keep; "),
        CASE("lower case names", "GET / HTTP/1.1\r\nhost:a\r\n\r\n",
                "GET / 1.1 host=a body=0 keep; "),
        CASE("blanks around a value", "GET / HTTP/1.1\r\nHost: \t a \t\r\n\r\n",
                "GET / 1.1 host=a body=0 keep; "),
        CASE("an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / 1.1 host= body=0 keep; "),
        CASE("an empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n",
                "GET / 1.1 host=a: body=0 keep; "),
        CASE("an IPv6 Host", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:65535\r\n\r\n",
                "GET / 1.1 host=[2001:db8::1]:65535 body=0 keep; "),
        CASE("octets beyond ASCII in a value", GET "X: \xc3\xa9\xff\r\n\r\n",
                "GET / 1.1 host=a body=0 keep; "),
        CASE("four empty lines in front", "\r\n\r\n\r\n\r\n" GET "\r\n",
                "GET / 1.1 host=a body=0 keep; "),
        CASE("1.0 without Host", "GET / HTTP/1.0\r\n\r\n", "GET / 1.0 body=0; "),
        CASE("1.0 that stays", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
                "GET / 1.0 body=0 keep; "),
        CASE("1.0 that cannot decide", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
                "GET / 1.0 body=0; "),
        CASE("1.0 expects nothing",
                "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
                "POST / 1.0 body=1; "),
        CASE("close in a list, in a second field",
                GET "Connection: te\r\nConnection: , x, CLOSE\r\n\r\n",
                "GET / 1.1 host=a body=0; "),
        CASE("nothing is read after close", GET "Connection: close\r\n\r\n\0\0\0",
                "GET / 1.1 host=a body=0; "),
        CASE("two requests in one piece", POST "Content-Length: 3\r\n\r\nabc" GET "\r\n",
                "POST / 1.1 host=a body=3 keep; GET / 1.1 host=a body=0 keep; "),
        CASE("a body with an end of line too many",
                POST "Content-Length: 1\r\n\r\nx\r\n" GET "\r\n",
                "POST / 1.1 host=a body=1 keep; GET / 1.1 host=a body=0 keep; "),
        CASE("zeros in front of a length", POST "Content-Length: 0003\r\n\r\nabc",
                "POST / 1.1 host=a body=3 keep; "),
        CASE("a length of nothing", POST "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n",
                "POST / 1.1 host=a body=0 keep; "),
        CASE("an expectation", POST "Content-Length: 2\r\nExpect: 100-Continue\r\n\r\nab",
                "POST / 1.1 host=a body=2 keep expect; "),
        CASE("chunked", POST "Transfer-Encoding: , Chunked ,\r\n\r\n2\r\nab\r\n0\r\n\r\n",
                "POST / 1.1 host=a body=2 keep; "),
        CASE("the target's host wins", "GET http://b:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET http://b:80/x?y 1.1 host=b:80 body=0 keep; "),
        CASE("an absolute target without path", "GET HTTPS://b?q HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET HTTPS://b?q 1.1 host=b body=0 keep; "),
        CASE("OPTIONS of the server as a whole", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
                "OPTIONS * 1.1 host=a body=0 keep; "),
        CASE("another method has its own *", "M-SEARCH * HTTP/1.1\r\nHost: a\r\n\r\n",
                "M-SEARCH * 1.1 host=a body=0 keep; "),
        CASE("methods keep their case", "get / HTTP/1.1\r\nHost: a\r\n\r\n",
                "get / 1.1 host=a body=0 keep; "),
        CASE("CONNECT", "CONNECT [::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n",
                "CONNECT [::1]:443 1.1 host=[::1]:443 body=0 keep; "),
        CASE("what browsers do not encode", "GET /[a]|^?b={c}`|[]?/ HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /[a]|^?b={c}`|[]?/ 1.1 host=a body=0 keep; "),
};

static const struct http_read_options STRICT = {.head_bytes_max = 16 * KIB};

static void check(const char *name, struct str octets, const struct http_read_options *options,
        const char *reads)
{
    static const size_t PIECES[] = {0, 1, 2, 7, 50};
    struct buf got AUTO(buf_done);
    buf_init(&got, 64 * KIB);
    for (size_t i = 0; i < 20; i++) {
        buf_clear(&got);
        reading_all(octets, PIECES[i % COUNT_OF(PIECES)], i, options, &got);
        if (!str_eq(buf_str(&got), str_from_c(reads)))
            check_failed("%s: wanted \"%s\", got \"%.*s\"", name, reads, ARG(buf_str(&got)));
    }
}

static void smuggling_is_refused(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(SMUGGLING); i++)
        check(SMUGGLING[i].name, SMUGGLING[i].octets, &STRICT, SMUGGLING[i].reads);
}

static void good_requests_are_read(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(GOOD); i++)
        check(GOOD[i].name, GOOD[i].octets, &STRICT, GOOD[i].reads);
}

// The limits: each met, and one beyond.
static void limits(void **state UNUSED)
{
    struct buf b AUTO(buf_done);
    buf_init(&b, 64 * KIB);
    struct http_read_options small = {.head_bytes_max = sizeof(GET) - 1 + 2};
    check("a head as long as allowed", S(GET "\r\n"), &small, "GET / 1.1 host=a body=0 keep; ");
    small.head_bytes_max--;
    check("one octet less", S(GET "\r\n"), &small, "431 the header fields are too large");
    check("and it is known before the LF", S(GET "\r"), &small,
            "431 the header fields are too large");
    check("empty lines count", S("\r\n" GET "\r\n"), &small, "431 the header fields are too large");
    small.head_bytes_max = 16;
    check("a request line as long as allowed leaves no room for fields", S("GET / HTTP/1.0\r\n"),
            &small, "431 the header fields are too large");
    small.head_bytes_max = 15;
    check("one octet less", S("GET / HTTP/1.0\r\n"), &small, "414 the request line is too long");

    buf_add(&b, S(GET));
    for (int i = 0; i < 99; i++)
        buf_add(&b, S("X: y\r\n"));
    struct str most = buf_str(&b);
    buf_add(&b, S("\r\n"));
    check("a hundred fields", buf_str(&b), &STRICT, "GET / 1.1 host=a body=0 keep; ");
    b.len = most.len;
    buf_add(&b, S("X: y\r\n\r\n"));
    check("a hundred and one", buf_str(&b), &STRICT, "431 too many header fields");

    buf_clear(&b);
    buf_add_repeat(&b, 'M', 32);
    buf_add(&b, S(" / HTTP/1.0\r\n\r\n"));
    check("a method of 32 octets", buf_str(&b), &STRICT,
            "MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM / 1.0 body=0; ");
    buf_clear(&b);
    buf_add_repeat(&b, 'M', 33);
    buf_add(&b, S(" / HTTP/1.0\r\n\r\n"));
    check("a method of 33", buf_str(&b), &STRICT, "501 the method is unknown");
}

// Whatever the setting says, a line must fit the buffer of a connection.
static void lines_fit_the_buffer(void **state UNUSED)
{
    struct http_read_options large = {.head_bytes_max = 1 * MIB, .host = HTTP_HOST_OPTIONAL};
    struct http_trial t;
    struct buf b AUTO(buf_done);
    struct arena a AUTO(arena_done);
    size_t taken;
    buf_init(&b, 64 * KIB);
    arena_init(&a, 1 * MIB);
    buf_add(&b, S("GET / HTTP/1.1\r\nX: "));
    buf_add_repeat(&b, 'y', 16 * KIB - 5);
    buf_add(&b, S("\r\n\r\n"));
    http_trial_begin(&t, &a, &large);
    assert_int_equal(http_trial_feed(&t, buf_str(&b), &taken), HTTP_DONE);
    assert_int_equal(taken, b.len);
    assert_int_equal(http_head_field(&t.reader.head, S("x")).len, 16 * KIB - 5);
    b.len -= 4;
    buf_add(&b, S("y\r\n\r\n"));
    http_trial_begin(&t, &a, &large);
    assert_int_equal(http_trial_feed(&t, buf_str(&b), &taken), HTTP_BAD);
    assert_int_equal(t.problem.status, 431);
}

static void memory_is_a_limit(void **state UNUSED)
{
    struct http_trial t;
    struct arena a AUTO(arena_done);
    size_t taken;
    arena_init(&a, 10);
    http_trial_begin(&t, &a, &STRICT);
    assert_int_equal(http_trial_feed(&t, S(GET "\r\n"), &taken), HTTP_BAD);
    assert_int_equal(t.problem.status, 431);
}

static void fields_and_parts(void **state UNUSED)
{
    struct http_trial t;
    struct arena a AUTO(arena_done);
    size_t taken;
    arena_init(&a, 64 * KIB);
    http_trial_begin(&t, &a, &STRICT);
    assert_int_equal(
            http_trial_feed(&t,
                    S("DELETE http://b/x/y?q=1 HTTP/1.1\r\nHost: a\r\nAccept: x\r\nX-Empty:\r\n"
                      "accept: y\r\n\r\nrest"),
                    &taken),
            HTTP_DONE);
    const struct http_head *h = &t.reader.head;
    assert_true(str_eq(http_head_field(h, S("ACCEPT")), S("x")));
    assert_int_equal(http_head_count(h, S("Accept")), 2);
    assert_false(str_is_null(http_head_field(h, S("X-Empty"))));
    assert_true(str_is_null(http_head_field(h, S("X"))));
    assert_int_equal(h->method, HTTP_DELETE);
    assert_int_equal(h->parts.form, HTTP_ABSOLUTE);
    assert_true(str_eq(h->parts.path, S("/x/y")));
    assert_true(str_eq(h->parts.query, S("q=1")));
    assert_int_equal(h->fields.count, 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(smuggling_is_refused),
            cmocka_unit_test(good_requests_are_read),
            cmocka_unit_test(limits),
            cmocka_unit_test(lines_fit_the_buffer),
            cmocka_unit_test(memory_is_a_limit),
            cmocka_unit_test(fields_and_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
