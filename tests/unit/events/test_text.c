// SPDX-License-Identifier: Apache-2.0
// tests/unit/events/test_text.c: log lines in all forms, and what a client cannot do with them.
#include "made.h"

#include "base/json.h"
#include "events/line.h"

#define HEAD "2025-03-01T10:00:00.123Z INFO SMTP EHLO command (smtp.ehlo)"
#define JSON_HEAD                                                                                  \
    "{\"id\":\"01955126017b010200000007\",\"createdAt\":\"2025-03-01T10:00:00.123Z\","             \
    "\"level\":\"info\",\"type\":\"smtp.ehlo\",\"text\":\"SMTP EHLO command\",\"data\":{"

static void check_line(
        const char *name, const struct record *r, struct text_style style, struct str want)
{
    struct buf line;
    buf_init(&line, 64 * KIB);
    text_add_line(&line, r, &style);
    check_str(name, buf_str(&line), want);
    buf_done(&line);
}

// What comes from a peer in the field `domain`, and how the three forms show it.
static const struct {
    const char *name;
    struct str peer, text, json;
} escapes[] = {
        {"a whole forged line", S_INIT("x\"\n2025-03-01T10:00:00Z INFO ok (auth.success)"),
                S_INIT("x\\\"\\n2025-03-01T10:00:00Z INFO ok (auth.success)"),
                S_INIT("x\\\"\\n2025-03-01T10:00:00Z INFO ok (auth.success)")},
        {"a field of its own", S_INIT("x\", remoteIp = 192.0.2.1, y = \""),
                S_INIT("x\\\", remoteIp = 192.0.2.1, y = \\\""),
                S_INIT("x\\\", remoteIp = 192.0.2.1, y = \\\"")},
        {"a backslash before the quote", S_INIT("\\\""), S_INIT("\\\\\\\""), S_INIT("\\\\\\\"")},
        {"clear the screen", S_INIT("\x1b[2J"), S_INIT("\\u{1b}[2J"), S_INIT("\\u001b[2J")},
        {"NUL", S_INIT("a\0b"), S_INIT("a\\u{00}b"), S_INIT("a\\u0000b")},
        {"CR and TAB", S_INIT("\r\t"), S_INIT("\\r\\t"), S_INIT("\\r\\t")},
        {"DEL", S_INIT("\x7f"), S_INIT("\\u{7f}"), S_INIT("\\u007f")},
        {"C1: CSI", S_INIT("\xc2\x9b"), S_INIT("\\u{9b}"), S_INIT("\\u009b")},
        {"right to left override", S_INIT("\xe2\x80\xae"), S_INIT("\\u{202e}"), S_INIT("\\u202e")},
        {"isolate", S_INIT("\xe2\x81\xa6"), S_INIT("\\u{2066}"), S_INIT("\\u2066")},
        {"line separator", S_INIT("\xe2\x80\xa8"), S_INIT("\\u{2028}"), S_INIT("\\u2028")},
        {"a C1 byte that is no UTF-8", S_INIT("\x9b"), S_INIT("\\x9b"), S_INIT("\xef\xbf\xbd")},
        {"overlong newline", S_INIT("\xc0\x8a"), S_INIT("\\xc0\\x8a"),
                S_INIT("\xef\xbf\xbd\xef\xbf\xbd")},
        {"a cut sequence", S_INIT("\xe2\x82"), S_INIT("\\xe2\\x82"),
                S_INIT("\xef\xbf\xbd\xef\xbf\xbd")},
        {"tag characters", S_INIT("\xf3\xa0\x81\x81"), S_INIT("\\u{e0041}"),
                S_INIT("\xef\xbf\xbd")},
        {"letters stay", S_INIT("m\xc3\xbcller.example"), S_INIT("m\xc3\xbcller.example"),
                S_INIT("m\xc3\xbcller.example")},
        {"empty", S_INIT(""), S_INIT(""), S_INIT("")},
};

static void no_peer_can_forge_a_line(void **unused UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(escapes); i++) {
        struct arena a;
        struct bytes *b AUTO(bytes_free) = bytes_new();
        arena_init(&a, 64 * KIB);
        struct record r = RECORD(b, EV_SMTP_EHLO, 0, F_STR(domain, escapes[i].peer));
        struct str text = escapes[i].text, json = escapes[i].json;
        check_line(escapes[i].name, &r, (struct text_style){.precision = DATE_MS},
                arena_fmt(&a, HEAD " domain = \"%.*s\"\n", ARG(text)));
        check_line(escapes[i].name, &r,
                (struct text_style){.form = FORM_JSON, .precision = DATE_MS},
                arena_fmt(&a, JSON_HEAD "\"domain\":\"%.*s\"}}\n", ARG(json)));
        check_line(escapes[i].name, &r,
                (struct text_style){.form = FORM_LOGFMT, .precision = DATE_MS},
                arena_fmt(&a,
                        "time=2025-03-01T10:00:00.123Z level=info event=smtp.ehlo "
                        "text=\"SMTP EHLO command\" domain=\"%.*s\"\n",
                        ARG(text)));
        arena_done(&a);
    }
}

static const struct ip v4 = {.family = IP_V4, .bytes = {192, 0, 2, 7}};
static const struct ip v6 = {.family = IP_V6, .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 2}};

static void every_kind_of_value(void **unused UNUSED)
{
    struct bytes *b AUTO(bytes_free) = bytes_new();
    struct str two[] = {S("b@y.example"), S("c\"@y.example")};
    struct field inner[] = {F_STR(reason, S("no")), F_U64(code, 5)};
    struct event_note note = {EV_TLS_HANDSHAKE_ERROR, inner, COUNT_OF(inner)};
    struct record r = RECORD(b, EV_SMTP_EHLO, SPAN_ID, F_ID(queueId, 0x097cafc65ec04184),
            F_STR(from, S("a@x.example")), F_LIST(to, two, 2), F_LIST(source, two, 0),
            F_U64(size, UINT64_MAX), F_I64(total, -3), F_DOUBLE(limit, 0.5), F_BOOL(tls, true),
            F_BOOL(strict, false), F_IP(remoteIp, &v4), F_IP(localIp, &v6), F_MS(elapsed, 12),
            F_TIME(due, NOON + 1000), F_NULL(details), F_STR(path, STR_NULL),
            F_BYTES(contents, S("\r\n\xff")), F_EVENT(causedBy, &note));
    check_line("text", &r, (struct text_style){.precision = DATE_MS},
            S(HEAD " spanId = 097cafc65e804183, queueId = 097cafc65ec04184, "
                   "from = \"a@x.example\", to = [\"b@y.example\", \"c\\\"@y.example\"], "
                   "source = [], size = 18446744073709551615, total = -3, limit = 0.5, "
                   "tls = true, strict = false, remoteIp = 192.0.2.7, localIp = 2001:db8::2, "
                   "elapsed = 12ms, due = 2025-03-01T10:00:01.123Z, details = null, path = null, "
                   "contents = base64:DQr/, "
                   "causedBy = TLS handshake error (tls.handshake-error) { "
                   "reason = \"no\", code = 5 }\n"));
    check_line("json", &r, (struct text_style){.form = FORM_JSON, .precision = DATE_MS},
            S(JSON_HEAD
                    "\"spanId\":683614509977321859,\"spanIdHex\":\"097cafc65e804183\","
                    "\"queueId\":683614509981516164,\"queueIdHex\":\"097cafc65ec04184\","
                    "\"from\":\"a@x.example\",\"to\":[\"b@y.example\",\"c\\\"@y.example\"],"
                    "\"source\":[],\"size\":18446744073709551615,\"sizeHex\":\"ffffffffffffffff\","
                    "\"total\":-3,\"limit\":0.5,\"tls\":true,\"strict\":false,"
                    "\"remoteIp\":\"192.0.2.7\",\"localIp\":\"2001:db8::2\",\"elapsed\":12,"
                    "\"due\":\"2025-03-01T10:00:01.123Z\",\"details\":null,\"path\":null,"
                    "\"contents\":\"DQr/\",\"causedBy\":{\"type\":\"tls.handshake-error\","
                    "\"data\":{\"reason\":\"no\",\"code\":5}}}}\n"));
}

static void styles(void **unused UNUSED)
{
    struct bytes *b AUTO(bytes_free) = bytes_new();
    struct record r = RECORD(b, EV_SMTP_QUIT, SPAN_ID, F_U64(size, 1), F_U64(total, 2));
    check_line("seconds", &r, (struct text_style){.precision = DATE_SECONDS},
            S("2025-03-01T10:00:00Z DEBUG SMTP QUIT command (smtp.quit) "
              "spanId = 097cafc65e804183, size = 1, total = 2\n"));
    check_line("multiline", &r, (struct text_style){.precision = DATE_MS, .multiline = true},
            S("2025-03-01T10:00:00.123Z DEBUG SMTP QUIT command (smtp.quit)\n"
              "    spanId = 097cafc65e804183\n    size = 1\n    total = 2\n"));
    check_line("colour", &r, (struct text_style){.precision = DATE_SECONDS, .colour = true},
            S("2025-03-01T10:00:00Z \x1b[34mDEBUG\x1b[0m SMTP QUIT command "
              "\x1b[2m(smtp.quit)\x1b[0m spanId = 097cafc65e804183, size = 1, total = 2\n"));
    struct record bare = RECORD(b, EV_SMTP_QUIT, 0);
    check_line("nothing to add", &bare, (struct text_style){.precision = DATE_SECONDS},
            S("2025-03-01T10:00:00Z DEBUG SMTP QUIT command (smtp.quit)\n"));
    struct str items[] = {S("a\"b")};
    struct record list = RECORD(b, EV_SMTP_QUIT, 0, F_LIST(to, items, 1));
    check_line("a list in logfmt", &list,
            (struct text_style){.form = FORM_LOGFMT, .precision = DATE_SECONDS},
            S("time=2025-03-01T10:00:00Z level=debug event=smtp.quit "
              "text=\"SMTP QUIT command\" to=\"[\\\"a\\\\\\\"b\\\"]\"\n"));
}

// The longest records that can be, of bytes that grow most when they are escaped.
static void one_line_of_at_most_16_kib(void **unused UNUSED)
{
    struct bytes *b AUTO(bytes_free) = bytes_new();
    struct buf line, long_text;
    struct str many[60];
    buf_init(&line, 64 * KIB);
    buf_init(&long_text, 4 * KIB);
    buf_add_repeat(&long_text, '\x01', EVENT_TEXT_BYTES_MAX);
    struct str t = buf_str(&long_text);
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = str_upto(t, 100);
    struct record texts = RECORD(b, EV_SMTP_EHLO, SPAN_ID, F_STR(domain, t), F_STR(from, t),
            F_STR(to, t), F_STR(reason, t), F_STR(details, t), F_STR(path, t), F_U64(size, 1));
    struct bytes *b2 AUTO(bytes_free) = bytes_new();
    struct record list = RECORD(b2, EV_SMTP_EHLO, 0, F_LIST(to, many, COUNT_OF(many)));
    const struct record *records[] = {&texts, &list};
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        for (int form = FORM_TEXT; form <= FORM_LOGFMT; form++) {
            buf_clear(&line);
            text_add_line(&line, records[i],
                    &(struct text_style){.form = (enum text_form)form, .precision = DATE_MS});
            struct str got = buf_str(&line);
            check_true("at most 16 KiB", got.len <= LINE_BYTES_MAX);
            check_true("most of it is used", got.len > LINE_BYTES_MAX - 8 * KIB);
            check_u64("one line", str_find_byte(got, '\n'), got.len - 1);
            check_true("tells that it is cut",
                    str_contains(str_from(got, got.len - 40),
                            form == FORM_JSON ? S("\"truncated\":true}") : S("\xe2\x80\xa6\n")));
            struct arena a;
            struct json_error bad;
            arena_init(&a, MIB);
            if (form == FORM_JSON)
                check_true("still JSON", json_parse(&a, str_trim(got), &bad) != NULL);
            arena_done(&a);
        }
    }
    buf_done(&line);
    buf_done(&long_text);
}

static void the_journals_message(void **unused UNUSED)
{
    struct bytes *b AUTO(bytes_free) = bytes_new();
    struct buf out;
    buf_init(&out, 64 * KIB);
    struct record r = RECORD(b, EV_SMTP_EHLO, SPAN_ID, F_STR(domain, S("a\nb")));
    text_add_message(&out, &r);
    check_str("message", buf_str(&out),
            S("SMTP EHLO command (smtp.ehlo) spanId = 097cafc65e804183, domain = \"a\\nb\""));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(no_peer_can_forge_a_line),
            TEST(every_kind_of_value),
            TEST(styles),
            TEST(one_line_of_at_most_16_kib),
            TEST(the_journals_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
