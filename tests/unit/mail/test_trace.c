// SPDX-License-Identifier: Apache-2.0
// tests/unit/mail/test_trace.c: the fields that are added, with what peers may say about themselves
// to get into them.
#include "../base/check.h"
#include "mail/header.h"
#include "mail/trace.h"

#define AT_MS INT64_C(1925546400000) // Tue, 07 Jan 2031 10:00:00 UTC
#define DATE "Tue, 07 Jan 2031 10:00:00 +0000\r\n"
#define ID UINT64_C(0x143d46dc7e804185)
#define BY "\tby mail.example.org (Posthaste) with "
#define WITH_ID(keyword) BY keyword " id 143d46dc7e804185"

#define LOCAL .by = S_INIT("mail.example.org"), .id = ID, .at_ms = AT_MS
#define COMMON LOCAL, .peer = {IP_V4, {192, 0, 2, 7}}

static const struct {
    const char *name;
    struct trace_received received;
    const char *expected;
} received[] = {
        {"nothing is known", {COMMON},
                "Received: from unknown (unknown [192.0.2.7])\r\n" WITH_ID("SMTP") ";\r\n\t" DATE},
        {"all is known",
                {COMMON, .helo = S_INIT("mx.example.net"), .ptr = S_INIT("ptr.example.net"),
                        .asn = 64500, .as_name = S_INIT("Example Net"), .country = S_INIT("NL"),
                        .tls_version = S_INIT("TLSv1.3"),
                        .tls_cipher = S_INIT("TLS_AES_256_GCM_SHA384"), .tls_bits = 256,
                        .hello = TRACE_EHLO, .rcpt = S_INIT("bob@example.org")},
                "Received: from mx.example.net (ptr.example.net [192.0.2.7] (AS64500 "
                "Example\r\n\tNet, NL))\r\n"
                "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256 bits))\r\n" WITH_ID(
                        "ESMTPS") "\r\n\tfor <bob@example.org>; " DATE},
        {"IPv6",
                {LOCAL, .helo = S_INIT("[IPv6:2001:db8::7]"),
                        .peer = {IP_V6, {0x20, 1, 0x0d, 0xb8, [15] = 7}}, .hello = TRACE_EHLO},
                "Received: from [IPv6:2001:db8::7] (unknown [IPv6:2001:db8::7])\r\n" WITH_ID(
                        "ESMTP") ";\r\n\t" DATE},
        {"a socket of this machine",
                {LOCAL, .helo = S_INIT("localhost"), .hello = TRACE_LHLO,
                        .rcpt = S_INIT("b@c.example")},
                "Received: from localhost (local)\r\n" WITH_ID(
                        "LMTP") "\r\n\tfor <b@c.example>; " DATE},
        {"sent on by ourselves", {LOCAL, .rcpt = S_INIT("b@c.example"), .is_forwarded = true},
                "Received: by mail.example.org (Posthaste) id 143d46dc7e804185\r\n"
                "\tfor <b@c.example>; " DATE},
        {"a submission hides its client",
                {COMMON, .helo = S_INIT("laptop"), .ptr = S_INIT("home.example.net"), .asn = 1,
                        .tls_version = S_INIT("TLSv1.3"), .tls_cipher = S_INIT("X"),
                        .hello = TRACE_EHLO, .authenticated = true, .hide_client = true},
                "Received: from [authenticated]\r\n" WITH_ID("ESMTPSA") ";\r\n\t" DATE},
        {"a priority", {COMMON, .hello = TRACE_EHLO, .rcpt = S_INIT("b@c"), .priority = -3},
                "Received: from unknown (unknown [192.0.2.7])\r\n" WITH_ID(
                        "ESMTP") "\r\n\tfor <b@c> PRIORITY -3; " DATE},
        {"a priority and no recipient", {COMMON, .hello = TRACE_EHLO, .priority = 6},
                "Received: from unknown (unknown [192.0.2.7])\r\n" WITH_ID(
                        "ESMTP") " PRIORITY 6;\r\n\t" DATE},
        {"solicitation", {COMMON, .hello = TRACE_EHLO, .solicit = S_INIT("net.example:ADV")},
                "Received: from unknown (unknown [192.0.2.7])\r\n" BY
                "ESMTP (NO-SOLICITING=net.example:ADV)\r\n\tid 143d46dc7e804185; " DATE},
        {"solicitations in lines",
                {COMMON, .hello = TRACE_EHLO,
                        .solicit = S_INIT("net.example:ADV,org.example:ADV:ADLT,com.example:x(y")},
                "Received: from unknown (unknown [192.0.2.7])\r\n" BY
                "ESMTP (NO-SOLICITING=net.example:ADV,\r\n"
                "\torg.example:ADV:ADLT,com.example:x\\(y) id 143d46dc7e804185;\r\n\t" DATE},
        {"line ends and controls in the helo",
                {COMMON, .helo = S_INIT("a\r\nX: y\x01\x7f\xc2\x85z"), .smtputf8 = true,
                        .hello = TRACE_EHLO},
                "Received: from aX:?yz (unknown [192.0.2.7])\r\n" WITH_ID(
                        "UTF8SMTP") ";\r\n\t" DATE},
        {"brackets and quotes in the helo", {COMMON, .helo = S_INIT("a(b)\";<c>\\,@ d")},
                "Received: from a?b????c?????d (unknown [192.0.2.7])\r\n" WITH_ID(
                        "SMTP") ";\r\n\t" DATE},
        {"brackets in the name of the network",
                {COMMON, .asn = 7, .as_name = S_INIT("a) (b\\\r\nc")},
                "Received: from unknown (unknown [192.0.2.7] (AS7 a\\) \\(b\\\\c))\r\n" WITH_ID(
                        "SMTP") ";\r\n\t" DATE},
        {"a country alone", {COMMON, .country = S_INIT("NL")},
                "Received: from unknown (unknown [192.0.2.7] (NL))\r\n" WITH_ID(
                        "SMTP") ";\r\n\t" DATE},
        {"a U-label without SMTPUTF8", {COMMON, .helo = S_INIT("b\303\274.example")},
                "Received: from xn--b-eha.example (unknown [192.0.2.7])\r\n" WITH_ID(
                        "SMTP") ";\r\n\t" DATE},
        {"a U-label with it",
                {COMMON, .helo = S_INIT("b\303\274.example"), .hello = TRACE_EHLO, .smtputf8 = true,
                        .authenticated = true},
                "Received: from b\303\274.example (unknown [192.0.2.7])\r\n" WITH_ID(
                        "UTF8SMTPA") ";\r\n\t" DATE},
        {"what is no U-label", {COMMON, .helo = S_INIT("-\303\274(\377"), .hello = TRACE_EHLO},
                "Received: from -??? (unknown [192.0.2.7])\r\n" WITH_ID("ESMTP") ";\r\n\t" DATE},
        {"bytes that are no UTF-8, with SMTPUTF8",
                {COMMON, .helo = S_INIT("a\377\303"), .hello = TRACE_LHLO, .smtputf8 = true},
                "Received: from a?? (unknown [192.0.2.7])\r\n" WITH_ID("UTF8LMTP") ";\r\n\t" DATE},
        {"a recipient beyond ASCII without SMTPUTF8",
                {COMMON, .rcpt = S_INIT("j\303\266rg@b\303\274.example")},
                "Received: from unknown (unknown [192.0.2.7])\r\n" WITH_ID(
                        "SMTP") "\r\n\tfor <j?rg@xn--b-eha.example>; " DATE},
};

static void received_fields(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(received); i++) {
        struct buf out AUTO(buf_done);
        buf_init(&out, 4 * KIB);
        trace_received_add(&out, &received[i].received);
        check_str(received[i].name, buf_str(&out), str_from_c(received[i].expected));
    }
}

// However long the values: lines of 998 octets at most, and each but the first begins with a tab.
static void long_values(void **state UNUSED)
{
    struct buf out AUTO(buf_done), value AUTO(buf_done);
    buf_init(&out, 64 * KIB);
    buf_init(&value, 64 * KIB);
    buf_add_repeat(&value, '(', 3000);
    buf_add(&value, S(" b c"));
    struct str text = buf_str(&value);
    struct trace_received r = {COMMON, .helo = text, .ptr = text, .asn = 1, .as_name = text,
            .country = text, .tls_version = text, .tls_cipher = text, .solicit = text,
            .rcpt = text};
    trace_received_add(&out, &r);
    struct scan in = scan_over(buf_str(&out));
    struct str line;
    for (bool first = true; scan_line(&in, &line); first = false) {
        check_true("998", line.len <= 998 && line.len > 1);
        check_true("folded", first || str_starts(line, S("\t")));
        check_true("no other line end", str_find_byte(line, '\r') == STR_NOT_FOUND);
    }
}

// What is written can be read.
static void read_back(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct buf out AUTO(buf_done);
    struct mail_received read;
    arena_init(&a, MIB);
    buf_init(&out, 4 * KIB);
    trace_received_add(&out, &received[1].received);
    check_true("read", mail_received_read(&a, str_from(buf_str(&out), S("Received:").len), &read));
    check_str("from", read.from, S("mx.example.net"));
    check_str("by", read.by, S("mail.example.org"));
    check_str("with", read.with, S("ESMTPS"));
    check_str("id", read.id, S("143d46dc7e804185"));
    check_str("for", read.for_, S("<bob@example.org>"));
    check_true("ip", ip_eq(&read.from_ip, &received[1].received.peer));
    check_true("date", read.has_date && civil_to_ms(&read.date) == AT_MS);
}

static void keywords(void **state UNUSED)
{
    static const struct {
        enum trace_hello hello;
        bool smtputf8, tls, authenticated;
        const char *expected;
    } rows[] = {
            {TRACE_HELO, false, false, false, "SMTP"},
            {TRACE_HELO, false, true, true, "SMTP"},
            {TRACE_EHLO, false, false, false, "ESMTP"},
            {TRACE_EHLO, false, true, false, "ESMTPS"},
            {TRACE_EHLO, false, false, true, "ESMTPA"},
            {TRACE_EHLO, false, true, true, "ESMTPSA"},
            {TRACE_EHLO, true, true, true, "UTF8SMTPSA"},
            {TRACE_LHLO, false, true, false, "LMTPS"},
            {TRACE_LHLO, false, false, true, "LMTPA"},
            {TRACE_LHLO, true, false, false, "UTF8LMTP"},
            {TRACE_LHLO, true, true, true, "UTF8LMTPSA"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_str(rows[i].expected,
                trace_with(rows[i].hello, rows[i].smtputf8, rows[i].tls, rows[i].authenticated),
                str_from_c(rows[i].expected));
}

static void other_fields(void **state UNUSED)
{
    struct buf out AUTO(buf_done);
    buf_init(&out, 4 * KIB);
    trace_date_add(&out, AT_MS, -210);
    trace_date_add(&out, AT_MS, 14 * 60);
    trace_message_id_add(&out, 0x1c0ffee, 0x2a, S("mail.example.org"));
    trace_message_id_add(&out, 1, UINT64_MAX, S("b\303\274<.example"));
    trace_return_path_add(&out, S(""), false);
    trace_return_path_add(&out, S("\"a b\"@c.example"), false);
    trace_delivered_to_add(&out, S("j\303\266rg@\303\266.example"), true);
    trace_original_to_add(&out, S("j\303\266rg@\303\266.example\r\nX: y"), false);
    check_str("all", buf_str(&out),
            S("Date: Tue, 07 Jan 2031 06:30:00 -0330\r\n"
              "Date: Wed, 08 Jan 2031 00:00:00 +1400\r\n"
              "Message-ID: <1c0ffee.000000000000002a@mail.example.org>\r\n"
              "Message-ID: <1.ffffffffffffffff@b??.example>\r\n"
              "Return-Path: <>\r\n"
              "Return-Path: <\"a b\"@c.example>\r\n"
              "Delivered-To: j\303\266rg@\303\266.example\r\n"
              "X-Original-To: j?rg@?.exampleX:?y\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(received_fields), TEST(long_values), TEST(read_back),
            TEST(keywords), TEST(other_fields)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
