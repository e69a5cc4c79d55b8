// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/test_proxy.c: PROXY headers, byte by byte (listeners.md 11.2, 11.3, 18).
#include "../base/check.h"
#include "listen/proxy.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define INET4 "\xc0\0\2\1\xc0\0\2\2\x10\xe1\0\x19" // 192.0.2.1:4321 to 192.0.2.2:25
#define A10 "aaaaaaaaaa"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10

struct proxy_case {
    const char *name;
    struct str bytes;
    enum proxy_state state;
    const char *reason; // a part of it
    size_t consumed;
    const char *source, *destination; // NULL: the header gives none
    enum proxy_family family;
};

static const struct proxy_case CASES[] = {
        {.name = "nothing yet", .bytes = S_INIT(""), .state = PROXY_NEED_MORE},
        {.name = "one byte of both beginnings", .bytes = S_INIT("P"), .state = PROXY_NEED_MORE},
        {.name = "CR of version 2", .bytes = S_INIT("\r"), .state = PROXY_NEED_MORE},
        {.name = "eleven bytes of the signature",
                .bytes = S_INIT("\r\n\r\n\0\r\nQUIT"),
                .state = PROXY_NEED_MORE},
        {.name = "signature without its NUL",
                .bytes = S_INIT("\r\n\r\nX"),
                .state = PROXY_ABSENT,
                .reason = "not a PROXY header"},
        {.name = "an SMTP command",
                .bytes = S_INIT("EHLO x\r\n"),
                .state = PROXY_ABSENT,
                .reason = "not a"},
        {.name = "POST", .bytes = S_INIT("PO"), .state = PROXY_ABSENT, .reason = "not a"},
        {.name = "lower case",
                .bytes = S_INIT("proxy TCP4"),
                .state = PROXY_ABSENT,
                .reason = "not a"},
        {.name = "v1 TCP4",
                .bytes = S_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 4321 25\r\nEHLO"),
                .state = PROXY_OK,
                .consumed = 40,
                .source = "192.0.2.1:4321",
                .destination = "192.0.2.2:25",
                .family = PROXY_TCP4},
        {.name = "v1 TCP6",
                .bytes = S_INIT("PROXY TCP6 2001:db8::1 ::1 65535 0\r\n"),
                .state = PROXY_OK,
                .consumed = 36,
                .source = "[2001:db8::1]:65535",
                .destination = "[::1]:0",
                .family = PROXY_TCP6},
        {.name = "v1 TCP6 with a v4-mapped source",
                .bytes = S_INIT("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"),
                .state = PROXY_OK,
                .consumed = 37,
                .source = "192.0.2.1:1",
                .destination = "[::1]:2",
                .family = PROXY_TCP6},
        {.name = "v1 source 0.0.0.0 port 0 is taken as given",
                .bytes = S_INIT("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"),
                .state = PROXY_OK,
                .consumed = 32,
                .source = "0.0.0.0:0",
                .destination = "0.0.0.0:0",
                .family = PROXY_TCP4},
        {.name = "v1 UNKNOWN alone",
                .bytes = S_INIT("PROXY UNKNOWN\r\n"),
                .state = PROXY_OK,
                .consumed = 15},
        {.name = "v1 UNKNOWN with something",
                .bytes = S_INIT("PROXY UNKNOWN ffff::1 x y\r\nPROXY"),
                .state = PROXY_OK,
                .consumed = 27},
        {.name = "v1 of 107 bytes",
                .bytes = S_INIT("PROXY UNKNOWN " A10 A10 A10 A10 A10 A10 A10 A10 A10 "a\r\n"),
                .state = PROXY_OK,
                .consumed = 107},
        {.name = "v1 of 108 bytes",
                .bytes = S_INIT("PROXY UNKNOWN " A10 A10 A10 A10 A10 A10 A10 A10 A10 "aa\r\n"),
                .state = PROXY_MALFORMED,
                .reason = "107"},
        {.name = "v1 of 106 bytes that wait for LF",
                .bytes = S_INIT("PROXY UNKNOWN " A10 A10 A10 A10 A10 A10 A10 A10 A10 "a\r"),
                .state = PROXY_NEED_MORE},
        {.name = "v1 ended by LF alone",
                .bytes = S_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n" A100),
                .state = PROXY_MALFORMED,
                .reason = "107"},
        {.name = "v1 UNKNOWNS",
                .bytes = S_INIT("PROXY UNKNOWNS\r\n"),
                .state = PROXY_MALFORMED,
                .reason = "family"},
        {.name = "v1 without family",
                .bytes = S_INIT("PROXY \r\n"),
                .state = PROXY_MALFORMED,
                .reason = "family"},
        {.name = "v1 TCP5",
                .bytes = S_INIT("PROXY TCP5 a b 1 2\r\n"),
                .state = PROXY_MALFORMED,
                .reason = "family"},
        {.name = "v1 two blanks",
                .bytes = S_INIT("PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
                .state = PROXY_MALFORMED,
                .reason = "family"},
        {.name = "v1 two blanks between the addresses",
                .bytes = S_INIT("PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n"),
                .state = PROXY_MALFORMED,
                .reason = "destination address"},
        {.name = "v1 TCP4 with an IPv6 address",
                .bytes = S_INIT("PROXY TCP4 ::1 192.0.2.2 1 2\r\n"),
                .state = PROXY_MALFORMED,
                .reason = "source address"},
        {.name = "v1 TCP6 with an IPv4 address",
                .bytes = S_INIT("PROXY TCP6 192.0.2.1 ::1 1 2\r\n"),
                .state = PROXY_MALFORMED,
                .reason = "source address"},
        {.name = "v1 leading zero in an address",
                .bytes = S_INIT("PROXY TCP4 192.0.02.1 192.0.2.2 1 2\r\n"),
                .state = PROXY_MALFORMED,
                .reason = "source address"},
        {.name = "v1 leading zero in a port",
                .bytes = S_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n"),
                .state = PROXY_MALFORMED,
                .reason = "source port"},
        {.name = "v1 port 65536",
                .bytes = S_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"),
                .state = PROXY_MALFORMED,
                .reason = "destination port"},
        {.name = "v1 signed port",
                .bytes = S_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n"),
                .state = PROXY_MALFORMED,
                .reason = "source port"},
        {.name = "v1 without ports",
                .bytes = S_INIT("PROXY TCP4 192.0.2.1 192.0.2.2\r\n"),
                .state = PROXY_MALFORMED,
                .reason = "destination address"},
        {.name = "v1 with a blank at the end",
                .bytes = S_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n"),
                .state = PROXY_MALFORMED,
                .reason = "destination port"},
        {.name = "v1 with a NUL",
                .bytes = S_INIT("PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n"),
                .state = PROXY_MALFORMED,
                .reason = "ASCII"},
        {.name = "v2 TCP4",
                .bytes = S_INIT(SIG "\x21\x11\0\x0c" INET4 "EHLO"),
                .state = PROXY_OK,
                .consumed = 28,
                .source = "192.0.2.1:4321",
                .destination = "192.0.2.2:25",
                .family = PROXY_TCP4},
        {.name = "v2 TCP6, v4-mapped on both ends",
                .bytes = S_INIT(SIG "\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1"
                                    "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\2\0\1\0\2"),
                .state = PROXY_OK,
                .consumed = 52,
                .source = "192.0.2.1:1",
                .destination = "192.0.2.2:2",
                .family = PROXY_TCP6},
        {.name = "v2 LOCAL without data",
                .bytes = S_INIT(SIG "\x20\0\0\0"),
                .state = PROXY_OK,
                .consumed = 16},
        {.name = "v2 LOCAL with data and addresses",
                .bytes = S_INIT(SIG "\x20\x11\0\x0e" INET4 "zz"),
                .state = PROXY_OK,
                .consumed = 30,
                .family = PROXY_TCP4},
        {.name = "v2 LOCAL of an unassigned family",
                .bytes = S_INIT(SIG "\x20\xff\0\1z"),
                .state = PROXY_OK,
                .consumed = 17,
                .family = PROXY_OTHER},
        {.name = "v2 UNSPEC is skipped by length",
                .bytes = S_INIT(SIG "\x21\0\0\3abcrest"),
                .state = PROXY_OK,
                .consumed = 19},
        {.name = "v2 UDP4 gives no addresses",
                .bytes = S_INIT(SIG "\x21\x12\0\x0c" INET4),
                .state = PROXY_OK,
                .consumed = 28,
                .family = PROXY_UDP4},
        {.name = "v2 INET of no transport gives no addresses",
                .bytes = S_INIT(SIG "\x21\x10\0\x0c" INET4),
                .state = PROXY_OK,
                .consumed = 28},
        {.name = "v2 UNIX is skipped, however short",
                .bytes = S_INIT(SIG "\x21\x31\0\2ab"),
                .state = PROXY_OK,
                .consumed = 18,
                .family = PROXY_UNIX_STREAM},
        {.name = "v2 version 1 in binary",
                .bytes = S_INIT(SIG "\x11"),
                .state = PROXY_MALFORMED,
                .reason = "version"},
        {.name = "v2 command 2",
                .bytes = S_INIT(SIG "\x22"),
                .state = PROXY_MALFORMED,
                .reason = "command"},
        {.name = "v2 family 4",
                .bytes = S_INIT(SIG "\x21\x41"),
                .state = PROXY_MALFORMED,
                .reason = "family"},
        {.name = "v2 transport 3",
                .bytes = S_INIT(SIG "\x21\x13"),
                .state = PROXY_MALFORMED,
                .reason = "transport"},
        {.name = "v2 length 65535",
                .bytes = S_INIT(SIG "\x21\x11\xff\xff"),
                .state = PROXY_MALFORMED,
                .reason = "4096"},
        {.name = "v2 length 4097",
                .bytes = S_INIT(SIG "\x21\x11\x10\x01"),
                .state = PROXY_MALFORMED,
                .reason = "4096"},
        {.name = "v2 length 4096 is waited for",
                .bytes = S_INIT(SIG "\x21\x11\x10\0" INET4),
                .state = PROXY_NEED_MORE},
        {.name = "v2 INET a byte short",
                .bytes = S_INIT(SIG "\x21\x11\0\x0b" INET4),
                .state = PROXY_MALFORMED,
                .reason = "shorter"},
        {.name = "v2 INET6 with the room of INET",
                .bytes = S_INIT(SIG "\x21\x21\0\x0c" INET4),
                .state = PROXY_MALFORMED,
                .reason = "shorter"},
        {.name = "v2 TLV beyond the end",
                .bytes = S_INIT(SIG "\x21\x11\0\x10" INET4 "\4\0\2a"),
                .state = PROXY_MALFORMED,
                .reason = "beyond"},
        {.name = "v2 two bytes are no TLV",
                .bytes = S_INIT(SIG "\x21\x11\0\x0e" INET4 "\4\0"),
                .state = PROXY_MALFORMED,
                .reason = "beyond"},
        {.name = "v2 wrong CRC",
                .bytes = S_INIT(SIG "\x21\x11\0\x13" INET4 "\3\0\4\1\2\3\4"),
                .state = PROXY_MALFORMED,
                .reason = "CRC32C"},
        {.name = "v2 CRC of three bytes",
                .bytes = S_INIT(SIG "\x21\x11\0\x12" INET4 "\3\0\3\1\2\3"),
                .state = PROXY_MALFORMED,
                .reason = "CRC32C"},
        {.name = "v2 two names",
                .bytes = S_INIT(SIG "\x21\x11\0\x14" INET4 "\2\0\1a\2\0\1b"),
                .state = PROXY_MALFORMED,
                .reason = "twice"},
        {.name = "v2 two no-ops and two senders' own",
                .bytes = S_INIT(SIG "\x21\x11\0\x18" INET4 "\4\0\0\4\0\0\xea\0\0\xea\0\0"),
                .state = PROXY_OK,
                .consumed = 40,
                .source = "192.0.2.1:4321",
                .destination = "192.0.2.2:25",
                .family = PROXY_TCP4},
        {.name = "v2 SSL of four bytes",
                .bytes = S_INIT(SIG "\x21\x11\0\x13" INET4 "\x20\0\4\1\0\0\0"),
                .state = PROXY_MALFORMED,
                .reason = "SSL"},
        {.name = "v2 SSL with a part beyond its end",
                .bytes = S_INIT(SIG "\x21\x11\0\x17" INET4 "\x20\0\x08\1\0\0\0\0\x21\0\1"),
                .state = PROXY_MALFORMED,
                .reason = "SSL"},
};

static void expect_endpoint(const struct endpoint *e, const char *text)
{
    struct buf b;
    buf_init(&b, 256);
    endpoint_add(&b, e);
    assert_true(str_eq(buf_str(&b), str_from_c(text)));
    buf_done(&b);
}

static void headers_are_judged(void **unused UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        const struct proxy_case *c = &CASES[i];
        struct proxy_header h = {0};
        struct str reason = STR_NULL;
        print_message("%s\n", c->name);
        assert_int_equal(proxy_parse(c->bytes, &h, &reason), c->state);
        if (c->reason != NULL)
            assert_true(str_contains(reason, str_from_c(c->reason)));
        if (c->state != PROXY_OK)
            continue;
        assert_int_equal(h.consumed, c->consumed);
        assert_int_equal(h.family, c->family);
        assert_int_equal(h.has_addresses, c->source != NULL);
        if (c->source != NULL) {
            expect_endpoint(&h.source, c->source);
            expect_endpoint(&h.destination, c->destination);
        }
    }
}

// A header split into single bytes works (listeners.md 18); so does one with a tail.
static void cuts_change_nothing(void **unused UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        const struct proxy_case *c = &CASES[i];
        for (size_t len = 0; c->state == PROXY_OK && len <= c->bytes.len; len++) {
            struct proxy_header h = {0};
            struct str reason;
            enum proxy_state state = proxy_parse(str_upto(c->bytes, len), &h, &reason);
            assert_int_equal(state, len < c->consumed ? PROXY_NEED_MORE : PROXY_OK);
        }
    }
}

// Ours: as the receiver must see them, and as our own reader does.
static const struct {
    const char *name;
    uint8_t version;
    const char *source, *destination; // endpoints; NULL: unknown
    struct str bytes;
} WRITTEN[] = {
        {"v1, nobody knows whose", 1, NULL, "192.0.2.2:25", S_INIT("PROXY UNKNOWN\r\n")},
        {"v2, nobody knows whose", 2, NULL, "192.0.2.2:25", S_INIT(SIG "\x20\0\0\0")},
        {"v1 towards a Unix socket", 1, "192.0.2.1:0", "unix:/lmtp", S_INIT("PROXY UNKNOWN\r\n")},
        {"v2 towards a Unix socket", 2, "192.0.2.1:0", "unix:/lmtp", S_INIT(SIG "\x20\0\0\0")},
        {"v1 TCP4", 1, "192.0.2.1:4321", "192.0.2.2:25",
                S_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 4321 25\r\n")},
        {"v2 TCP4", 2, "192.0.2.1:4321", "192.0.2.2:25", S_INIT(SIG "\x21\x11\0\x0c" INET4)},
        {"v1 from IPv6 to IPv4", 1, "[2001:db8::1]:0", "192.0.2.2:25",
                S_INIT("PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 0 25\r\n")},
        {"v2 from IPv4 to IPv6", 2, "192.0.2.1:7", "[2001:db8::1]:65535",
                S_INIT(SIG "\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1"
                           "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\7\xff\xff")},
};

static void ours_are_written(void **unused UNUSED)
{
    struct buf b;
    buf_init(&b, PROXY_BYTES_MAX);
    for (size_t i = 0; i < COUNT_OF(WRITTEN); i++) {
        struct endpoint source = {0}, destination = {0};
        struct proxy_header h = {0};
        struct str reason;
        print_message("%s\n", WRITTEN[i].name);
        if (WRITTEN[i].source != NULL)
            assert_true(endpoint_parse(str_from_c(WRITTEN[i].source), &source));
        assert_true(endpoint_parse(str_from_c(WRITTEN[i].destination), &destination));
        buf_clear(&b);
        proxy_write(&b, WRITTEN[i].version, &source, &destination);
        assert_true(str_eq(buf_str(&b), WRITTEN[i].bytes));
        assert_int_equal(proxy_parse(buf_str(&b), &h, &reason), PROXY_OK);
        assert_int_equal(h.consumed, b.len);
        if (h.has_addresses) {
            expect_endpoint(&h.source, WRITTEN[i].source);
            expect_endpoint(&h.destination, WRITTEN[i].destination);
        }
    }
    buf_done(&b);
}

// Its checksum was computed with an independent bitwise implementation.
static void tlvs_are_read(void **unused UNUSED)
{
    struct str bytes = S(SIG "\x21\x11\0\x44" INET4 "\3\0\4\xCC\xCC\xCC\xCC"
                             "\2\0\4mx.a"
                             "\5\0\3uid"
                             "\1\0\2h2"
                             "\x20\0\x1c\3\0\0\0\0\x21\0\7TLSv1.3\x22\0\2me\x23\0\5AES-1");
    struct buf b;
    buf_init(&b, 256);
    buf_add(&b, bytes);
    memcpy(b.ptr + 31, "\0\0\0\0", 4);
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < b.len; i++) {
        crc ^= (uint8_t)b.ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    }
    crc = ~crc;
    for (int i = 0; i < 4; i++)
        b.ptr[31 + i] = (char)(crc >> (24 - 8 * i));
    struct proxy_header h = {0};
    struct str reason = STR_NULL;
    assert_int_equal(proxy_parse(buf_str(&b), &h, &reason), PROXY_OK);
    assert_int_equal(h.consumed, b.len);
    assert_true(str_eq(h.authority, S("mx.a")));
    assert_true(str_eq(h.unique_id, S("uid")));
    assert_true(str_eq(h.alpn, S("h2")));
    assert_true(h.ssl.given);
    assert_int_equal(h.ssl.client, PROXY_SSL_TLS | PROXY_SSL_CERT_CONNECTION);
    assert_int_equal(h.ssl.verify, 0);
    assert_true(str_eq(h.ssl.version, S("TLSv1.3")));
    assert_true(str_eq(h.ssl.common_name, S("me")));
    assert_true(str_eq(h.ssl.cipher, S("AES-1")));
    assert_true(str_is_null(h.ssl.key));
    b.ptr[b.len - 1] ^= 1;
    assert_int_equal(proxy_parse(buf_str(&b), &h, &reason), PROXY_MALFORMED);
    assert_true(str_contains(reason, S("CRC32C")));
    buf_done(&b);
}

static void unique_id_has_its_limit(void **unused UNUSED)
{
    for (size_t extra = 0; extra <= 1; extra++) {
        struct buf b;
        struct proxy_header h;
        struct str reason;
        size_t len = PROXY_UNIQUE_ID_BYTES_MAX + extra;
        buf_init(&b, 1024);
        buf_add(&b, S(SIG "\x21\x11\0"));
        buf_add_byte(&b, (char)(12 + 3 + len));
        buf_add(&b, S(INET4 "\5\0"));
        buf_add_byte(&b, (char)len);
        buf_add_repeat(&b, 'u', len);
        assert_int_equal(
                proxy_parse(buf_str(&b), &h, &reason), extra == 0 ? PROXY_OK : PROXY_MALFORMED);
        buf_done(&b);
    }
}

static void untrusted_headers_are_seen(void **unused UNUSED)
{
    assert_true(proxy_signature_is_there(S(SIG)));
    assert_true(proxy_signature_is_there(S("PROXY TCP6 nonsense")));
    assert_true(proxy_signature_is_there(S("PROXY UNKNOWN\r\n")));
    assert_false(proxy_signature_is_there(S("PROXY UDP")));
    assert_false(proxy_signature_is_there(S("PROXY TC")));
    assert_false(proxy_signature_is_there(S("\r\n\r\n\0\r\nQUIT")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(headers_are_judged),
            cmocka_unit_test(cuts_change_nothing),
            cmocka_unit_test(ours_are_written),
            cmocka_unit_test(tlvs_are_read),
            cmocka_unit_test(unique_id_has_its_limit),
            cmocka_unit_test(untrusted_headers_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
