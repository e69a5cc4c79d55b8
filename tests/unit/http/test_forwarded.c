// SPDX-License-Identifier: Apache-2.0
// tests/unit/http/test_forwarded.c: who asks behind proxies, and who only pretends to; what is
// packed for whom.
#include "../base/check.h"

#include "http/forwarded.h"
#include "http/gzip.h"

#include <zlib.h>

struct who_case {
    const char *name;
    enum forwarded_from from;
    const char *peer;
    const char *fields;
    const char *client;
    bool tls, missing;
};

#define LISTED FORWARDED_FROM_LISTED
#define ANYBODY FORWARDED_FROM_ANYBODY
#define XFF "X-Forwarded-For: "

// 10.0.0.0/8 and 2001:db8:9::/48 are the trusted list.
static const struct who_case WHOS[] = {
        {"nobody is trusted", FORWARDED_FROM_NOBODY, "10.0.0.1", XFF "192.0.2.1\r\n", "10.0.0.1",
                false, false},
        {"a peer that is not on the list", LISTED, "203.0.113.5",
                XFF "192.0.2.1\r\nX-Forwarded-Proto: https\r\n", "203.0.113.5", false, false},
        {"missing", LISTED, "10.0.0.1", "", "10.0.0.1", false, true},
        {"missing, but untrusted", LISTED, "203.0.113.5", "", "203.0.113.5", false, false},
        {"one address", LISTED, "10.0.0.1", XFF "192.0.2.1\r\n", "192.0.2.1", false, false},
        {"what the client wrote itself is to the left", LISTED, "10.0.0.1",
                XFF "127.0.0.1, 192.0.2.66, 192.0.2.1\r\n", "192.0.2.1", false, false},
        {"trusted proxies are skipped", LISTED, "10.0.0.1",
                XFF "6.6.6.6, 192.0.2.1, 10.0.0.3, 10.0.0.2\r\n", "192.0.2.1", false, false},
        {"nothing but trusted ones", LISTED, "10.0.0.1", XFF "10.0.0.9, 10.0.0.2\r\n", "10.0.0.9",
                false, false},
        {"several lines are one list", LISTED, "10.0.0.1", XFF "192.0.2.1\r\n" XFF "10.0.0.2\r\n",
                "192.0.2.1", false, false},
        {"unknown ends the walk", LISTED, "10.0.0.1", XFF "192.0.2.1, unknown, 10.0.0.2\r\n",
                "10.0.0.2", false, false},
        {"unknown at once", LISTED, "10.0.0.1", XFF "192.0.2.1, unknown\r\n", "10.0.0.1", false,
                false},
        {"IPv6 without brackets", LISTED, "10.0.0.1", XFF "2001:db8::7\r\n", "2001:db8::7", false,
                false},
        {"an IPv4 port", LISTED, "10.0.0.1", XFF "192.0.2.1:4711\r\n", "192.0.2.1", false, false},
        {"mapped", LISTED, "10.0.0.1", XFF "::ffff:192.0.2.1\r\n", "192.0.2.1", false, false},
        {"an IPv6 proxy", LISTED, "2001:db8:9::1", XFF "2001:db8::7\r\n", "2001:db8::7", false,
                false},
        {"the scheme", LISTED, "10.0.0.1", XFF "192.0.2.1\r\nX-Forwarded-Proto: HTTPS\r\n",
                "192.0.2.1", true, false},
        {"the last scheme counts", LISTED, "10.0.0.1",
                XFF "192.0.2.1\r\nX-Forwarded-Proto: https, http\r\n", "192.0.2.1", false, false},
        {"Forwarded", LISTED, "10.0.0.1", "Forwarded: for=192.0.2.1;proto=https;by=10.0.0.1\r\n",
                "192.0.2.1", true, false},
        {"Forwarded beats X-Forwarded-For", LISTED, "10.0.0.1",
                XFF "192.0.2.9\r\nForwarded: For=192.0.2.1\r\n", "192.0.2.1", false, false},
        {"quoted, with brackets and port", LISTED, "10.0.0.1",
                "Forwarded: for=\"[2001:db8::7]:4711\"\r\n", "2001:db8::7", false, false},
        {"a quoted comma", LISTED, "10.0.0.1",
                "Forwarded: for=192.0.2.1;ext=\"a, for=6.6.6.6\", for=10.0.0.2\r\n", "192.0.2.1",
                false, false},
        {"obfuscated", LISTED, "10.0.0.1", "Forwarded: for=192.0.2.1, for=_hidden\r\n", "10.0.0.1",
                false, false},
        {"an element without for", LISTED, "10.0.0.1", "Forwarded: for=192.0.2.1, proto=https\r\n",
                "10.0.0.1", false, false},
        {"broken", LISTED, "10.0.0.1", "Forwarded: for=192.0.2.1, for=\"10.0.0.2\r\n", "10.0.0.1",
                false, false},
        {"broken in front", LISTED, "10.0.0.1", "Forwarded: for=\r\nForwarded: for=192.0.2.1\r\n",
                "192.0.2.1", false, false},
        {"https of an earlier client is not ours", LISTED, "10.0.0.1",
                "Forwarded: for=6.6.6.6;proto=https, for=192.0.2.1;proto=http\r\n", "192.0.2.1",
                false, false},
        {"anybody", ANYBODY, "203.0.113.5", XFF "192.0.2.1, 192.168.1.1, 127.0.0.1\r\n",
                "192.0.2.1", false, false},
        {"an empty field", LISTED, "10.0.0.1", XFF "\r\n", "10.0.0.1", false, true},
        {"empty elements", LISTED, "10.0.0.1", XFF ", ,192.0.2.1, ,\r\n", "192.0.2.1", false,
                false},
};

static void read_head(struct arena *a, const char *fields, struct http_head *out)
{
    struct http_reader r;
    size_t taken;
    struct str text = arena_fmt(a, "GET / HTTP/1.0\r\n%s\r\n", fields);
    http_reader_begin(&r, a, &(struct http_read_options){.head_bytes_max = 64 * KIB});
    assert_int_equal(http_reader_feed(&r, text, &taken), HTTP_DONE);
    *out = r.head;
}

static struct ip ip_from(const char *text)
{
    struct ip ip;
    assert_true(ip_parse(str_from_c(text), &ip));
    return ip;
}

static void who_asks(void **unused UNUSED)
{
    struct nets *trusted AUTO(nets_free_auto) = nets_new(7);
    static const char *const list[] = {"10.0.0.0/8", "2001:db8:9::/48"};
    for (size_t i = 0; i < COUNT_OF(list); i++) {
        struct ip_net net;
        bool cleared;
        assert_true(ip_net_parse(str_from_c(list[i]), &net, &cleared));
        assert_true(nets_add(trusted, &net, NETS_FOREVER));
    }
    for (size_t i = 0; i < COUNT_OF(WHOS); i++) {
        const struct who_case *c = &WHOS[i];
        struct forwarded_rules rules = {
                .from = c->from, .trusted = c->from == FORWARDED_FROM_LISTED ? trusted : NULL};
        struct http_head head;
        struct arena a;
        struct ip peer = ip_from(c->peer);
        arena_init(&a, MIB);
        read_head(&a, c->fields, &head);
        struct forwarded who = http_forwarded(&head, &peer, &rules, &a);
        check_str(c->name, ip_text(&a, &who.client), str_from_c(c->client));
        check_u64(c->name, who.tls, c->tls);
        check_u64(c->name, who.missing, c->missing);
        arena_done(&a);
    }
}

static void a_row_without_end_is_cut_at_its_left(void **unused UNUSED)
{
    struct arena a;
    struct buf fields;
    struct http_head head;
    struct forwarded_rules rules = {.from = FORWARDED_FROM_ANYBODY};
    struct ip peer = ip_from("10.0.0.1");
    arena_init(&a, MIB);
    buf_init(&fields, MIB);
    buf_add(&fields, S(XFF "192.0.2.1"));
    for (int i = 0; i < FORWARDED_ELEMENTS_MAX - 1; i++)
        buf_add(&fields, S(",10.0.0.2"));
    buf_add(&fields, S("\r\n"));
    buf_add_byte(&fields, '\0');
    read_head(&a, fields.ptr, &head);
    struct forwarded who = http_forwarded(&head, &peer, &rules, &a);
    check_str("as many as there may be", ip_text(&a, &who.client), S("192.0.2.1"));
    fields.len -= 3;
    buf_add(&fields, S(",10.0.0.3\r\n"));
    buf_add_byte(&fields, '\0');
    read_head(&a, fields.ptr, &head);
    who = http_forwarded(&head, &peer, &rules, &a);
    check_str("one more", ip_text(&a, &who.client), S("10.0.0.2"));
    buf_done(&fields);
    arena_done(&a);
}

static const struct {
    const char *fields;
    bool accepts;
} ACCEPTS[] = {
        {"", false},
        {"Accept-Encoding:\r\n", false},
        {"Accept-Encoding: gzip\r\n", true},
        {"Accept-Encoding: br, GZip;q=0.2\r\n", true},
        {"Accept-Encoding: deflate\r\nAccept-Encoding: x-gzip\r\n", true},
        {"Accept-Encoding: gzip;q=0\r\n", false},
        {"Accept-Encoding: gzip; Q=0.000\r\n", false},
        {"Accept-Encoding: gzip;q=0.001\r\n", true},
        {"Accept-Encoding: *\r\n", true},
        {"Accept-Encoding: *;q=0\r\n", false},
        {"Accept-Encoding: *, gzip;q=0\r\n", false},
        {"Accept-Encoding: gzip, *;q=0\r\n", true},
        {"Accept-Encoding: gzipped\r\n", false},
};

static void who_takes_gzip(void **unused UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(ACCEPTS); i++) {
        struct http_head head;
        struct arena a;
        arena_init(&a, MIB);
        read_head(&a, ACCEPTS[i].fields, &head);
        check_u64(ACCEPTS[i].fields, http_accepts_gzip(&head), ACCEPTS[i].accepts);
        arena_done(&a);
    }
}

static void what_is_packed_comes_out_again(void **unused UNUSED)
{
    struct buf text, packed;
    char back[1000];
    buf_init(&text, MIB);
    buf_add_repeat(&text, 'x', sizeof(back));
    check_true("shorter", http_gzip(buf_str(&text), &packed));
    z_stream z = {.next_in = (Bytef *)packed.ptr,
            .avail_in = (uInt)packed.len,
            .next_out = (Bytef *)back,
            .avail_out = sizeof(back)};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    check_str("the same", str_of(back, z.total_out), buf_str(&text));
    inflateEnd(&z);
    buf_done(&packed);
    check_true("noise does not shrink", !http_gzip(S("q8#Lz!0p"), &packed));
    buf_done(&packed);
    buf_done(&text);
    check_true("json", http_type_shrinks(S("application/json; charset=utf-8")));
    check_true("a picture", !http_type_shrinks(S("image/png")));
    check_true("a stream of events", !http_type_shrinks(S("text/event-stream")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(who_asks),
            TEST(a_row_without_end_is_cut_at_its_left),
            TEST(who_takes_gzip),
            TEST(what_is_packed_comes_out_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
