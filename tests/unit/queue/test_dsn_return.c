// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_dsn_return.c: what comes back of a message with a report: how much of it,
// and in which type, of bodies in memory and in files.
#include "dsn_samples.h"

#include "place.h"

#define LINE_998 "X-Long: " A90 A90 A90 A90 A90 A90 A90 A90 A90 A90 A90
#define A90                                                                                        \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *name;
    const char *original;
    enum dsn_return returns;
    uint32_t flags;
    enum dsn_action action;
    size_t full_max, head_max; // 0: the defaults
    const char *type;          // NULL: there is no third part
    const char *back;
} return_cases[] = {
        {"by default the header", "A: 1\r\n\r\nx\r\n", DSN_RETURN_AS_REQUESTED, 0, DSN_FAILED, 0, 0,
                "text/rfc822-headers", "A: 1\r\n"},
        {"RET=HDRS", "A: 1\r\n\r\nx\r\n", DSN_RETURN_AS_REQUESTED, MESSAGE_RET_HDRS, DSN_FAILED, 0,
                0, "text/rfc822-headers", "A: 1\r\n"},
        {"RET=FULL", "A: 1\r\n\r\nx\r\n", DSN_RETURN_AS_REQUESTED, MESSAGE_RET_FULL, DSN_FAILED, 0,
                0, "message/rfc822", "A: 1\r\n\r\nx\r\n"},
        {"RET=FULL of a success", "A: 1\r\n\r\nx\r\n", DSN_RETURN_AS_REQUESTED, MESSAGE_RET_FULL,
                DSN_DELIVERED, 0, 0, "text/rfc822-headers", "A: 1\r\n"},
        {"RET=FULL of a delay", "A: 1\r\n\r\nx\r\n", DSN_RETURN_FULL, MESSAGE_RET_FULL, DSN_DELAYED,
                0, 0, "text/rfc822-headers", "A: 1\r\n"},
        {"RET=FULL, binary", "A: 1\r\n\r\nx\r\n", DSN_RETURN_FULL, MESSAGE_BODY_BINARY, DSN_FAILED,
                0, 0, "text/rfc822-headers", "A: 1\r\n"},
        {"RET=FULL, over TLS", "A: 1\r\nDate: x\r\n\r\nx\r\n", DSN_RETURN_FULL, MESSAGE_REQUIRETLS,
                DSN_FAILED, 0, 0, "text/rfc822-headers", "Date: x\r\n"},
        {"always full", "A: 1\r\n\r\nx\r\n", DSN_RETURN_FULL, MESSAGE_RET_HDRS, DSN_FAILED, 0, 0,
                "message/rfc822", "A: 1\r\n\r\nx\r\n"},
        {"never full", "A: 1\r\n\r\nx\r\n", DSN_RETURN_HEADERS, MESSAGE_RET_FULL, DSN_FAILED, 0, 0,
                "text/rfc822-headers", "A: 1\r\n"},
        {"nothing", "A: 1\r\n\r\nx\r\n", DSN_RETURN_NONE, MESSAGE_RET_FULL, DSN_FAILED, 0, 0, NULL,
                ""},
        {"as large as may be", "A: 1\r\n\r\nx\r\n", DSN_RETURN_FULL, 0, DSN_FAILED, 11, 0,
                "message/rfc822", "A: 1\r\n\r\nx\r\n"},
        {"a byte larger", "A: 1\r\n\r\nxy\r\n", DSN_RETURN_FULL, 0, DSN_FAILED, 11, 0,
                "text/rfc822-headers", "A: 1\r\n"},
        {"fields that fit to the byte", "A: 1\r\nB: 2\r\n 3\r\nC: 4\r\n\r\nx\r\n",
                DSN_RETURN_HEADERS, 0, DSN_FAILED, 0, 17, "text/rfc822-headers",
                "A: 1\r\nB: 2\r\n 3\r\n"},
        {"a field that may go on", "A: 1\r\nB: 2\r\n 3\r\nC: 4\r\n\r\nx\r\n", DSN_RETURN_HEADERS, 0,
                DSN_FAILED, 0, 16, "text/rfc822-headers", "A: 1\r\n"},
        {"in the middle of a field", "A: 1\r\nB: 2\r\n 3\r\nC: 4\r\n\r\nx\r\n", DSN_RETURN_HEADERS,
                0, DSN_FAILED, 0, 13, "text/rfc822-headers", "A: 1\r\n"},
        {"a header alone", "A: 1\r\nB: 2\r\n", DSN_RETURN_HEADERS, 0, DSN_FAILED, 0, 0,
                "text/rfc822-headers", "A: 1\r\nB: 2\r\n"},
        {"a field that does not end", "A: 1\r\nB: 2", DSN_RETURN_HEADERS, 0, DSN_FAILED, 0, 0,
                "text/rfc822-headers", "A: 1\r\n"},
        {"no header", "\r\nx\r\n", DSN_RETURN_HEADERS, 0, DSN_FAILED, 0, 0, NULL, ""},
        {"no field", "no field\r\nA: 1\r\n\r\nx\r\n", DSN_RETURN_HEADERS, 0, DSN_FAILED, 0, 0,
                "text/rfc822-headers", "A: 1\r\n"},
        {"a line of 998", LINE_998 "\r\nA: 1\r\n\r\nx\r\n", DSN_RETURN_FULL, 0, DSN_FAILED, 0, 0,
                "message/rfc822", LINE_998 "\r\nA: 1\r\n\r\nx\r\n"},
        {"a line of 999", LINE_998 "a\r\nA: 1\r\n\r\nx\r\n", DSN_RETURN_FULL, 0, DSN_FAILED, 0, 0,
                "text/rfc822-headers", "A: 1\r\n"},
        {"a body with a line of 999", "A: 1\r\n\r\n" LINE_998 "a\r\n", DSN_RETURN_FULL, 0,
                DSN_FAILED, 0, 0, "text/rfc822-headers", "A: 1\r\n"},
        {"a bare CR", "A: 1\r\n\r\nx\ry\r\n", DSN_RETURN_FULL, 0, DSN_FAILED, 0, 0,
                "text/rfc822-headers", "A: 1\r\n"},
        {"a bare LF", "A: 1\nB: 2\r\n\r\nx\r\n", DSN_RETURN_FULL, 0, DSN_FAILED, 0, 0,
                "text/rfc822-headers", "B: 2\r\n"},
        {"a boundary in it", "A: 1\r\n\r\n--=_dsn.\r\n--=_dsn.--\r\n", DSN_RETURN_FULL, 0,
                DSN_FAILED, 0, 0, "message/rfc822", "A: 1\r\n\r\n--=_dsn.\r\n--=_dsn.--\r\n"},
        {"no line end at its end", "A: 1\r\n\r\nx", DSN_RETURN_FULL, 0, DSN_FAILED, 0, 0,
                "message/rfc822", "A: 1\r\n\r\nx"},
        {"8 bits that are no UTF-8", "A: \xFC\r\n\r\nx\r\n", DSN_RETURN_FULL, 0, DSN_FAILED, 0, 0,
                "message/rfc822", "A: \xFC\r\n\r\nx\r\n"},
};

static void what_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(return_cases); i++) {
        const char *name = return_cases[i].name;
        struct arena a;
        arena_init(&a, ARENA_BYTES);
        struct dsn_sample sample = {.name = name,
                .about = {FROM_ANNA, .flags = return_cases[i].flags},
                .rcpts = {GHOST},
                .actions = {return_cases[i].action},
                .rcpt_count = 1,
                .original = return_cases[i].original,
                .settings = {.returns = return_cases[i].returns,
                        .full_bytes_max = return_cases[i].full_max,
                        .head_bytes_max = return_cases[i].head_max}};
        struct message m = sample_compose(&a, &sample);
        struct mime_part back = sample_part(&a, name, m.body.inline_bytes, 3);
        check_str(name, back.type.type, str_from_c(return_cases[i].type));
        check_str(name, back.body, str_from_c(return_cases[i].back));
        arena_done(&a);
    }
}

// In-Reply-To names the message, if its Message-ID is one.
static void reply_to_what(void **state)
{
    (void)state;
    static const struct {
        const char *name, *field, *said;
    } cases[] = {{"an id", "Message-ID: <a.b@c>\r\n", "<a.b@c>"},
            {"in another case, folded", "message-id:\r\n <a@[192.0.2.1]> \r\n", "<a@[192.0.2.1]>"},
            {"no brackets", "Message-ID: a@b\r\n", NULL},
            {"two", "Message-ID: <a@b> <c@d>\r\n", NULL}, {"none", "Date: x\r\n", NULL},
            {"no at", "Message-ID: <a>\r\n", NULL}, {"a quote", "Message-ID: <\"a\"@b>\r\n", NULL},
            {"empty", "Message-ID:\r\n", NULL}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        arena_init(&a, ARENA_BYTES);
        struct dsn_sample sample = *sample_named("nothing back");
        sample.original = arena_c_str(&a, arena_fmt(&a, "%s\r\nx", cases[i].field));
        struct str text = sample_compose(&a, &sample).body.inline_bytes;
        struct str want = cases[i].said == NULL
                                  ? S("\r\nIn-Reply-To:")
                                  : arena_fmt(&a, "\r\nIn-Reply-To: %s\r\n", cases[i].said);
        check_u64(cases[i].name, str_contains(text, want), cases[i].said != NULL);
        arena_done(&a);
    }
}

// --- Bodies in files -----------------------------------------------------------------------------

#define LINE S("0123456789012345678901234567890123456789012345678901234567890\r\n")

static struct err stored(struct place *p, struct body **out_body, struct message *out)
{
    *out = made_message(p, 7, S(""), 1);
    *out_body = body_new(p->store, 7);
    assert_non_null(*out_body);
    TRY(body_add(*out_body, &p->a, S("Message-ID: <1@a>\r\nSubject: large\r\n\r\n")));
    while (body_bytes(*out_body) < 3 * BODY_INLINE_BYTES_MAX)
        TRY(body_add(*out_body, &p->a, LINE));
    TRY(body_finish(*out_body, &p->a, &out->body));
    return accept_message(p, out);
}

static struct str report_of(struct place *p, struct message *about)
{
    struct dsn_sample sample = {.settings = {.returns = DSN_RETURN_FULL}};
    struct dsn_settings settings = sample_settings(&sample);
    struct dsn_words words = {.from_address = S("MAILER-DAEMON@firm.example"),
            .reporting_mta = S("mx1.firm.example")};
    struct recipient ghost = GHOST;
    struct dsn_rcpt rcpt = {&ghost, DSN_FAILED};
    struct dsn_report report = {
            .about = about, .rcpts = &rcpt, .rcpt_count = 1, .to = about->sender};
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    const struct message_reading how = {0};
    struct message out = {0};
    struct err e = message_open(p->store, &p->a, about, &how, &reader);
    check_str("opened", err_text(e), S(""));
    e = dsn_compose(&p->a, &settings, &words, &report, reader, &out);
    check_str("composed", err_text(e), S(""));
    return out.body.inline_bytes;
}

static struct err bodies_in_files_task(void *arg)
{
    struct place *p = arg;
    struct body *body AUTO(body_auto_free) = NULL;
    struct message about;
    TRY(stored(p, &body, &about));
    check_true("is in a file", about.body.place == BODY_FILE);
    struct str text = report_of(p, &about);
    check_str("its header", sample_part(&p->a, "header", text, 3).body,
            S("Received: from mx.a.example\r\nMessage-ID: <1@a>\r\nSubject: large\r\n"));
    check_true("named", str_contains(text, S("\r\nIn-Reply-To: <1@a>\r\n")));
    return OK;
}

static void bodies_in_files(void **state)
{
    (void)state;
    struct place p;
    place_begin(&p);
    in_loop(bodies_in_files_task, &p);
    place_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(what_comes_back),
            TEST(reply_to_what),
            TEST(bodies_in_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
