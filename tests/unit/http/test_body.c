// SPDX-License-Identifier: Apache-2.0
// tests/unit/http/test_body.c: bodies in chunks: what does not end where it says, what is too
// large, and what two servers might read differently.
#include "../base/check.h"
#include "reading.h"

#include "http/limits.h"

#define CHUNKED "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define END "0\r\n\r\n"

struct body_case {
    const char *name;
    struct str chunks;
    int body_bytes;      // when it is whole
    const char *problem; // otherwise; "" when there is not enough
};

#define GOOD(what, text, size)                                                                     \
    {                                                                                              \
        .name = (what), .chunks = S_INIT(text), .body_bytes = (size)                               \
    }
#define BAD(what, text, why)                                                                       \
    {                                                                                              \
        .name = (what), .chunks = S_INIT(text), .problem = (why)                                   \
    }

static const struct body_case CASES[] = {
        BAD("no size", "\r\n" END, "400 the size of a chunk is malformed"),
        BAD("a size that is no number", "g\r\n" END, "400 the size of a chunk is malformed"),
        BAD("a sign", "+1\r\na\r\n" END, "400 the size of a chunk is malformed"),
        BAD("a negative size", "-1\r\na\r\n" END, "400 the size of a chunk is malformed"),
        BAD("0x", "0x1\r\na\r\n" END, "400 the size of a chunk is malformed"),
        BAD("a blank in front", " 1\r\na\r\n" END, "400 the size of a chunk is malformed"),
        BAD("a blank behind", "1 \r\na\r\n" END, "400 the size of a chunk is malformed"),
        BAD("two numbers", "1 1\r\na\r\n" END, "400 the size of a chunk is malformed"),
        BAD("an underscore", "1_0\r\na\r\n" END, "400 the size of a chunk is malformed"),
        BAD("a size of 17 digits", "00000000000000001\r\na\r\n" END,
                "400 the size of a chunk is malformed"),
        BAD("a size that would wrap around", "ffffffffffffffff\r\na\r\n" END,
                "413 the body is too large"),
        BAD("two that would wrap around", "1\r\na\r\n7fffffffffffffff\r\n",
                "413 the body is too large"),
        BAD("a size line that ends in LF", "1\na\r\n" END, "400 a line ends in LF without CR"),
        BAD("a size line that ends in CR", "1\ra\r\n" END, "400 a CR without LF"),
        BAD("an extension with LF", "1;a\nb\r\na\r\n" END, "400 a line ends in LF without CR"),
        BAD("content longer than its size", "1\r\nab\r\n" END,
                "400 a chunk does not end where it said"),
        BAD("content shorter than its size", "3\r\nab\r\n" END,
                "400 a chunk does not end where it said"),
        BAD("content that ends in LF", "1\r\na\n" END, "400 a chunk does not end where it said"),
        BAD("content that ends in CR", "1\r\na\r" END, "400 a chunk does not end where it said"),
        BAD("an extension without name", "1;\r\na\r\n" END, "400 a chunk extension is malformed"),
        BAD("an extension without value", "1;a=\r\na\r\n" END,
                "400 a chunk extension is malformed"),
        BAD("a quote that does not end", "1;a=\"b\r\na\r\n" END,
                "400 a chunk extension is malformed"),
        BAD("a quote that ends in a backslash", "1;a=\"b\\\r\na\r\n" END,
                "400 a chunk extension is malformed"),
        BAD("text behind a quote", "1;a=\"b\"c\r\na\r\n" END,
                "400 the size of a chunk is malformed"),
        BAD("blanks at the end of an extension", "1;a \r\na\r\n" END,
                "400 the size of a chunk is malformed"),
        BAD("a length as trailer", "0\r\nContent-Length: 1\r\n\r\n",
                "400 a field that may not be a trailer"),
        BAD("a coding as trailer", "0\r\ntransfer-encoding: chunked\r\n\r\n",
                "400 a field that may not be a trailer"),
        BAD("a trailer without colon", "0\r\nX\r\n\r\n",
                "400 a header field whose name is no token"),
        BAD("a folded trailer", "0\r\nX: a\r\n b\r\n\r\n", "400 a folded header field"),
        BAD("a trailer that ends in LF", "0\r\nX: a\n\r\n", "400 a line ends in LF without CR"),
        BAD("no end of the trailers", "0\r\n", ""),
        BAD("half an end of the trailers", "0\r\n\r", ""),
        BAD("a chunk that goes on", "5\r\nabc", ""),
        BAD("nothing", "", ""),
        GOOD("nothing but an end", END, 0),
        GOOD("an end of many zeros", "0000000000000000\r\n\r\n", 0),
        GOOD("letters of both cases", "a\r\n0123456789\r\nB\r\n01234567890\r\n" END, 21),
        GOOD("zeros in front", "0001\r\na\r\n" END, 1),
        GOOD("line ends inside content", "4\r\n\r\n\r\n\r\n" END, 4),
        GOOD("extensions", "1;a;b=c;d=\"e \\\" ;\"\r\na\r\n0;z\r\n\r\n", 1),
        GOOD("blanks around ; and =", "1 ; a\t=  b ;c\r\na\r\n" END, 1),
        GOOD("trailers", "1\r\na\r\n0\r\nX: y\r\nVary: *\r\n\r\n", 1),
};

static void check(const char *name, struct str octets, const char *reads)
{
    static const size_t PIECES[] = {0, 1, 2, 5};
    const struct http_read_options options = {.head_bytes_max = 16 * KIB};
    struct buf got AUTO(buf_done);
    buf_init(&got, 64 * KIB);
    for (size_t i = 0; i < 16; i++) {
        buf_clear(&got);
        reading_all(octets, PIECES[i % COUNT_OF(PIECES)], i, &options, &got);
        if (!str_eq(buf_str(&got), str_from_c(reads)))
            check_failed("%s: wanted \"%s\", got \"%.*s\"", name, reads, ARG(buf_str(&got)));
    }
}

static void chunks(void **state UNUSED)
{
    struct buf octets AUTO(buf_done), reads AUTO(buf_done);
    buf_init(&octets, 4 * KIB);
    buf_init(&reads, 4 * KIB);
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        buf_clear(&octets);
        buf_clear(&reads);
        buf_add(&octets, S(CHUNKED));
        buf_add(&octets, CASES[i].chunks);
        if (CASES[i].problem == NULL)
            buf_fmt(&reads, "POST / 1.1 host=a body=%d keep; ", CASES[i].body_bytes);
        else
            buf_fmt(&reads, "%s", CASES[i].problem);
        buf_add_byte(&reads, 0);
        check(CASES[i].name, buf_str(&octets), reads.ptr);
    }
}

static void limits_of_lines(void **state UNUSED)
{
    struct buf b AUTO(buf_done);
    buf_init(&b, 64 * KIB);
    buf_add(&b, S(CHUNKED "1;"));
    buf_add_repeat(&b, 'x', HTTP_CHUNK_LINE_BYTES_MAX - 4);
    size_t line_end = b.len;
    buf_add(&b, S("\r\na\r\n" END));
    check("a chunk line as long as allowed", buf_str(&b), "POST / 1.1 host=a body=1 keep; ");
    b.len = line_end;
    buf_add(&b, S("x\r\na\r\n" END));
    check("one octet more", buf_str(&b), "400 the line of a chunk is too long");

    buf_clear(&b);
    buf_add(&b, S(CHUNKED));
    for (size_t i = 0; i < HTTP_CHUNK_EXTENSION_BYTES_MAX / 16; i++)
        buf_add(&b, S("1;x=7890123456789\r\na\r\n")); // 16 octets of extension
    size_t most = b.len;
    buf_add(&b, S(END));
    check("as many extensions as allowed", buf_str(&b), "POST / 1.1 host=a body=1024 keep; ");
    b.len = most;
    buf_add(&b, S("0;x\r\n\r\n"));
    check("one more", buf_str(&b), "400 too many chunk extensions");

    buf_clear(&b);
    buf_add(&b, S(CHUNKED "0\r\n"));
    for (int i = 0; i < HTTP_TRAILERS_MAX; i++)
        buf_add(&b, S("X: y\r\n"));
    most = b.len;
    buf_add(&b, S("\r\n"));
    check("as many trailers as allowed", buf_str(&b), "POST / 1.1 host=a body=0 keep; ");
    b.len = most;
    buf_add(&b, S("X: y\r\n\r\n"));
    check("one more", buf_str(&b), "431 too many trailer fields");

    buf_clear(&b);
    buf_add(&b, S(CHUNKED "0\r\nX: "));
    buf_add_repeat(&b, 'y', HTTP_TRAILER_BYTES_MAX - 7);
    most = b.len;
    buf_add(&b, S("\r\n\r\n"));
    check("trailers as large as allowed", buf_str(&b), "POST / 1.1 host=a body=0 keep; ");
    b.len = most;
    buf_add(&b, S("y\r\n\r\n"));
    check("one octet more", buf_str(&b), "431 the trailer fields are too large");
}

static void limit_of_content(void **state UNUSED)
{
    struct http_head chunked = {.framing = HTTP_BODY_CHUNKED};
    struct http_head length = {.framing = HTTP_BODY_LENGTH, .body_bytes = 5};
    struct http_body b;
    struct str data;
    size_t taken;
    http_body_begin(&b, &length, 5);
    assert_int_equal(http_body_feed(&b, S("abcdefgh"), &taken, &data), HTTP_DATA);
    assert_true(str_eq(data, S("abcde")));
    assert_int_equal(taken, 5);
    assert_int_equal(http_body_feed(&b, S("fgh"), &taken, &data), HTTP_DONE);
    assert_int_equal(taken, 0);
    http_body_begin(&b, &length, 4);
    assert_int_equal(http_body_feed(&b, S("abcde"), &taken, &data), HTTP_BAD);
    assert_int_equal(b.problem.status, 413);
    http_body_begin(&b, &chunked, 5);
    assert_int_equal(http_body_feed(&b, S("3\r\nabc\r\n2\r\n"), &taken, &data), HTTP_DATA);
    assert_int_equal(http_body_feed(&b, S("\r\n2\r\nde\r\n"), &taken, &data), HTTP_DATA);
    http_body_begin(&b, &chunked, 4);
    assert_int_equal(http_body_feed(&b, S("3\r\nabc\r\n2\r\n"), &taken, &data), HTTP_DATA);
    assert_int_equal(http_body_feed(&b, S("\r\n2\r\nde\r\n"), &taken, &data), HTTP_BAD);
    assert_int_equal(b.problem.status, 413);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(chunks),
            cmocka_unit_test(limits_of_lines),
            cmocka_unit_test(limit_of_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
