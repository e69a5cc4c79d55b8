// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_dsn.c: what reports say: the whole of one, the groups of others, how they
// are labelled, and how much there may be of it.
#include "dsn_samples.h"

static const char whole[] =
        "Date: Tue, 03 Mar 2026 09:15:27 +0000\r\n"
        "From: Mail Delivery Subsystem <MAILER-DAEMON@firm.example>\r\n"
        "To: <anna@firm.example>\r\n"
        "Subject: Undelivered mail returned to sender\r\n"
        "Message-ID: <0000007f3a90c2d1.19cb2fb1b98@mx1.firm.example>\r\n"
        "In-Reply-To: <4711@anna-pc.firm.example>\r\n"
        "Auto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status;\r\n"
        "\tboundary=\"=_dsn.0000007f3a90c2d10000000000000001\"\r\n"
        "\r\n"
        "--=_dsn.0000007f3a90c2d10000000000000001\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "The message below could not be delivered. The server has stopped trying.\r\n"
        "\r\n"
        "  <ghost@far.example>\r\n"
        "    mx.far.example answered \"RCPT TO\" with:\r\n"
        "    550 5.1.1 no mailbox of that name\r\n"
        "\r\n"
        "Please check the address for typing errors.\r\n"
        "\r\n"
        "Reference: 0b55250b1000400a   Server: mx1.firm.example\r\n"
        "Questions: postmaster@firm.example\r\n"
        "\r\n"
        "--=_dsn.0000007f3a90c2d10000000000000001\r\n"
        "Content-Type: message/delivery-status\r\n"
        "\r\n"
        "Original-Envelope-Id: order+42\r\n"
        "Reporting-MTA: dns; mx1.firm.example\r\n"
        "Arrival-Date: Tue, 03 Mar 2026 09:15:25 +0000\r\n"
        "\r\n"
        "Original-Recipient: rfc822; ghost@far.example\r\n"
        "Final-Recipient: rfc822; ghost@far.example\r\n"
        "Action: failed\r\n"
        "Status: 5.1.1\r\n"
        "Remote-MTA: dns; mx.far.example\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no mailbox of that name\r\n"
        "Last-Attempt-Date: Tue, 03 Mar 2026 09:15:27 +0000\r\n"
        "Final-Log-ID: 0b55250b1000400a\r\n"
        "\r\n"
        "--=_dsn.0000007f3a90c2d10000000000000001\r\n"
        "Content-Type: text/rfc822-headers\r\n"
        "\r\n" SAMPLE_HEADER "\r\n"
        "--=_dsn.0000007f3a90c2d10000000000000001--\r\n";

static void a_whole_report(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    struct message m = sample_compose(&a, sample_named("failed"));
    check_str("text", m.body.inline_bytes, str_from_c(whole));
    check_u64("bytes", m.body.bytes, sizeof(whole) - 1);
    check_true("inline", m.body.place == BODY_INLINE);
    check_u64("id", m.id, SAMPLE_ID + 1);
    check_u64("flags", m.flags, MESSAGE_DSN);
    check_true("no sender", !str_is_null(m.sender) && str_is_empty(m.sender));
    check_u64("port", m.via_port, 0);
    check_str("from", ip_text(&a, &m.from_ip), S("127.0.0.1"));
    check_u64("units", m.unit_count, 1);
    check_u64("recipients", m.units[0].rcpt_count, 1);
    check_str("domain", m.units[0].domain, S("firm.example"));
    check_u64("of", m.units[0].message_id, m.id);
    check_str("recipient", m.units[0].rcpts[0].address, S("anna@firm.example"));
    check_u64("never", m.units[0].rcpts[0].flags, RCPT_NOTIFY_NEVER);
    arena_done(&a);
}

#define HEAD_FIELDS                                                                                \
    "Reporting-MTA: dns; mx1.firm.example\r\nArrival-Date: Tue, 03 Mar 2026 09:15:25 +0000\r\n"
#define LAST                                                                                       \
    "Last-Attempt-Date: Tue, 03 Mar 2026 09:15:27 +0000\r\nFinal-Log-ID: 0b55250b1000400a\r\n"
#define GHOST_GROUP                                                                                \
    "\r\nOriginal-Recipient: rfc822; ghost@far.example\r\n"                                        \
    "Final-Recipient: rfc822; ghost@far.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"            \
    "Remote-MTA: dns; mx.far.example\r\n"                                                          \
    "Diagnostic-Code: smtp; 550 5.1.1 no mailbox of that name\r\n" LAST
#define BOB_GROUP                                                                                  \
    "\r\nFinal-Recipient: rfc822; bob@slow.example\r\nAction: delayed\r\nStatus: 4.4.1\r\n"        \
    "Remote-MTA: dns; mx.slow.example\r\nDiagnostic-Code: X-local; connect timed out\r\n" LAST     \
    "Will-Retry-Until: Sun, 08 Mar 2026 09:15:25 +0000\r\n"
#define EVE_GROUP                                                                                  \
    "\r\nFinal-Recipient: rfc822; eve@old.example\r\nAction: relayed\r\nStatus: 2.0.0\r\n"         \
    "Remote-MTA: dns; mail.old.example\r\n"                                                        \
    "Diagnostic-Code: smtp; 250 2.0.0 queued as 9AF3\r\n" LAST
#define KIM_GROUP                                                                                  \
    "\r\nFinal-Recipient: rfc822; kim@firm.example\r\nAction: delivered\r\nStatus: 2.1.5\r\n"      \
    "Remote-MTA: dns; lmtp.firm.example\r\nDiagnostic-Code: smtp; 250 2.1.5 stored\r\n" LAST
#define NA_GROUP(original, final)                                                                  \
    "\r\nOriginal-Recipient: utf-8; " original "\r\nFinal-Recipient: utf-8; " final                \
    "\r\nAction: failed\r\nStatus: 5.6.7\r\n"                                                      \
    "Diagnostic-Code: X-local; next host does not support SMTPUTF8\r\n" LAST

static const struct {
    const char *name;
    const char *type;
    const char *fields;
    const char *subject;
    const char *part3; // its octets; NULL: any
} report_cases[] = {
        {"failed, all of it back", "message/delivery-status",
                "Reporting-MTA: dns; mx1.firm.example\r\n"
                "Received-From-MTA: dns; mail.firm.example (192.0.2.7)\r\n"
                "Arrival-Date: Tue, 03 Mar 2026 09:15:25 +0000\r\n" GHOST_GROUP,
                "Undelivered mail returned to sender", SAMPLE_HEADER SAMPLE_BODY},
        {"delayed", "message/delivery-status", HEAD_FIELDS BOB_GROUP,
                "Delivery delayed, still trying", SAMPLE_HEADER},
        {"relayed", "message/delivery-status", HEAD_FIELDS EVE_GROUP,
                "Delivery report: message handed on", SAMPLE_HEADER},
        {"delivered", "message/delivery-status", HEAD_FIELDS KIM_GROUP,
                "Delivery report: message delivered", SAMPLE_HEADER},
        {"of all kinds", "message/delivery-status",
                HEAD_FIELDS GHOST_GROUP BOB_GROUP EVE_GROUP KIM_GROUP,
                "Delivery report: mixed results", SAMPLE_HEADER},
        {"beyond ASCII, to who reads it", "message/global-delivery-status",
                HEAD_FIELDS NA_GROUP(CHINESE, CHINESE), "Undelivered mail returned to sender",
                SAMPLE_UTF8_HEADER},
        {"beyond ASCII, to who may not", "message/delivery-status",
                HEAD_FIELDS NA_GROUP("\\x{5A1C}@\\x{4F8B}.example", "\\x{5A1C}@\\x{4F8B}.example"),
                NULL, NULL},
        {"a header beyond ASCII, all of it", NULL, NULL, NULL, SAMPLE_UTF8_HEADER SAMPLE_BODY},
        {"a long reply", "message/delivery-status",
                HEAD_FIELDS
                "\r\nFinal-Recipient: rfc822; ben@far.example\r\nAction: failed\r\n"
                "Status: 5.7.1\r\nRemote-MTA: dns; mx.far.example\r\n"
                "Diagnostic-Code: smtp; 554 5.7.1 the message was refused because it is\r\n"
                "\tneither expected nor welcome here, see the page\r\n"
                "\thttps://postmaster.far.example/refusals/unexpected-and-unwelcome/"
                "0123456789012345678901234567890123456789\r\n"
                "\tfor all that can be done\r\n" LAST,
                NULL, NULL},
        {"a reply beyond ASCII", "message/delivery-status",
                HEAD_FIELDS "\r\nFinal-Recipient: rfc822; ben@far.example\r\nAction: failed\r\n"
                            "Status: 5.7.1\r\nRemote-MTA: dns; mx.far.example\r\n"
                            "Diagnostic-Code: smtp; 554 5.7.1 unerw\\x{FC}nscht ? here\r\n" LAST,
                NULL, NULL},
        {"forwarded elsewhere", "message/delivery-status",
                "Original-Envelope-Id: a b=+\r\n" HEAD_FIELDS
                "\r\nOriginal-Recipient: rfc822; ben+x=y@far.example\r\n"
                "Final-Recipient: rfc822; secret@home.example\r\nAction: failed\r\n"
                "Status: 5.1.1\r\nRemote-MTA: dns; mx.home.example\r\n"
                "Diagnostic-Code: smtp; 550 <Secret@home.example>: user unknown\r\n" LAST,
                NULL, NULL},
        {"over TLS only", NULL, NULL, NULL,
                "Message-ID: <4711@anna-pc.firm.example>\r\n"
                "Date: Tue, 03 Mar 2026 09:15:00 +0000\r\nSubject: offer\r\n"},
        {"nothing back", NULL, NULL, NULL, ""},
        {"cannot be read", NULL, NULL, NULL, ""},
};

static void reports_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(report_cases); i++) {
        const char *name = report_cases[i].name;
        const struct dsn_sample *sample = sample_named(name);
        struct arena a;
        arena_init(&a, ARENA_BYTES);
        struct str text = sample_compose(&a, sample).body.inline_bytes;
        struct mime_part fields = sample_part(&a, name, text, 2),
                         back = sample_part(&a, name, text, 3);
        if (report_cases[i].fields != NULL) {
            check_str(name, fields.type.type, str_from_c(report_cases[i].type));
            check_str(name, fields.body, str_from_c(report_cases[i].fields));
        }
        if (report_cases[i].subject != NULL)
            check_true(name, str_contains(text, arena_fmt(&a, "\r\nSubject: %s\r\n",
                                                        report_cases[i].subject)));
        if (sample->part3 != NULL)
            check_str(name, back.type.type, str_from_c(sample->part3));
        if (report_cases[i].part3 != NULL)
            check_str(name, back.body, str_from_c(report_cases[i].part3));
        arena_done(&a);
    }
}

static void how_they_are_sent(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t flags;
        bool says_8bit;
    } cases[] = {{"failed", MESSAGE_DSN, false},
            {"beyond ASCII, to who reads it", MESSAGE_DSN | MESSAGE_SMTPUTF8 | MESSAGE_BODY_8BIT,
                    true},
            {"beyond ASCII, to who may not", MESSAGE_DSN, false},
            {"a header beyond ASCII, all of it", MESSAGE_DSN | MESSAGE_BODY_8BIT, true},
            {"a reply beyond ASCII", MESSAGE_DSN, false},
            {"over TLS only", MESSAGE_DSN | MESSAGE_REQUIRETLS, false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        arena_init(&a, ARENA_BYTES);
        struct message m = sample_compose(&a, sample_named(cases[i].name));
        check_u64(cases[i].name, m.flags, cases[i].flags);
        struct str head, rest;
        check_true(cases[i].name, str_find(m.body.inline_bytes, S("\r\n\r\n")) != STR_NOT_FOUND);
        head = str_upto(m.body.inline_bytes, str_find(m.body.inline_bytes, S("\r\n\r\n")));
        rest = str_from(m.body.inline_bytes, head.len);
        check_true(cases[i].name, str_is_ascii(head) && rest.len > 4);
        check_u64(cases[i].name, str_contains(head, S("Content-Transfer-Encoding: 8bit")),
                cases[i].says_8bit);
        arena_done(&a);
    }
}

// Who did not write an address is not told it by the part for people; nor does he lose the reply.
static void forwarding_stays_private(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    struct message m = sample_compose(&a, sample_named("forwarded elsewhere"));
    struct str text = sample_part(&a, "text", m.body.inline_bytes, 1).body;
    check_true("not the target", !str_contains(text, S("ecret@home.example")));
    check_true("the one written", str_contains(text, S("  <ben+x=y@far.example>\r\n")));
    check_true("in the reply", str_contains(text, S("550 <ben+x=y@far.example>: user unknown")));
    arena_done(&a);
}

// What people are told of each kind of trouble.
static const struct {
    const char *name;
    enum rcpt_status status;
    enum dsn_action action;
    uint32_t flags; // of the message
    struct outcome last;
    const char *said; // below the address
} word_cases[] = {
        {"a reply to nothing", RCPT_PERM_FAILED, DSN_FAILED, 0,
                REPLY("mx.far.example", "", 554, "", "go away"),
                "    mx.far.example answered:\r\n    554 go away\r\n\r\nReference"},
        {"a reply that begins with its status", RCPT_PERM_FAILED, DSN_FAILED, 0,
                REPLY("mx.far.example", "DATA", 550, "5.7.1", "5.7.1 spam"),
                "    mx.far.example answered \"DATA\" with:\r\n    550 5.7.1 spam\r\n\r\n"
                "The receiving side refuses"},
        {"time is up", RCPT_PERM_FAILED, DSN_FAILED, 0,
                REPLY("mx.far.example", "DATA", 451, "4.3.0", "later"),
                "    The time for delivery is over. The last attempt ended like this:\r\n"
                "    mx.far.example answered \"DATA\" with:\r\n    451 4.3.0 later\r\n"},
        {"time is up, unreached", RCPT_PERM_FAILED, DSN_FAILED, 0,
                TROUBLE(FAILURE_CONNECTION, "mx.far.example", "4.4.1", "timed out"),
                "    The time for delivery is over. The last attempt ended like this:\r\n"
                "    Talking to mx.far.example did not work:\r\n    timed out\r\n"},
        {"time is up, untried", RCPT_PERM_FAILED, DSN_FAILED, 0,
                TROUBLE(FAILURE_IO, "far.example", "4.4.7",
                        "expired before a delivery attempt could be made"),
                "    The time for delivery was over before the server could make an attempt."
                "\r\n\r\nThe problem may pass."},
        {"a deadline", RCPT_PERM_FAILED, DSN_FAILED, MESSAGE_BY_RETURN,
                TROUBLE(FAILURE_IO, "far.example", "5.4.7",
                        "the time that the sender has set for delivery is over"),
                "    The message asked for delivery by a certain time:\r\n"
                "    the time that the sender has set for delivery is over\r\n\r\n"},
        {"no such domain", RCPT_PERM_FAILED, DSN_FAILED, 0,
                TROUBLE(FAILURE_DNS, "far.example", "5.1.2", "no such domain"),
                "    The servers for mail to far.example could not be found in the DNS:\r\n"
                "    no such domain\r\n\r\nPlease check the address"},
        {"DANE", RCPT_PERM_FAILED, DSN_FAILED, 0,
                TROUBLE(FAILURE_DANE, "mx.far.example", "5.7.5", "no TLSA record matches"),
                "    mx.far.example could not prove to be the server that its domain names:\r\n"},
        {"cancelled", RCPT_PERM_FAILED, DSN_FAILED, 0,
                TROUBLE(FAILURE_IO, "localhost", "5.7.0", "Delivery canceled."),
                "    The reason lies with this server:\r\n    Delivery canceled.\r\n"},
        {"delayed untried", RCPT_SCHEDULED, DSN_DELAYED, 0, {.kind = FAILURE_NONE},
                "    The server could not make an attempt yet.\r\n\r\nReference"},
        {"handed to nobody known", RCPT_COMPLETED, DSN_RELAYED, 0, {.at_ms = 1},
                "    was handed to a mail server that sends no receipts of its own.\r\n"},
        {"a list", RCPT_COMPLETED, DSN_EXPANDED, 0, {.at_ms = 1},
                "    is a list; the message was handed to its members.\r\n"},
};

static void what_people_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(word_cases); i++) {
        const char *name = word_cases[i].name;
        struct arena a;
        arena_init(&a, ARENA_BYTES);
        struct dsn_sample sample = {.name = name,
                .about = {FROM_ANNA, .flags = word_cases[i].flags},
                .rcpts = {{.address = S("ben@far.example"),
                        .status = word_cases[i].status,
                        .last = word_cases[i].last}},
                .actions = {word_cases[i].action},
                .rcpt_count = 1};
        struct message m = sample_compose(&a, &sample);
        struct str text = sample_part(&a, name, m.body.inline_bytes, 1).body;
        struct str lead = S("  <ben@far.example>\r\n"), want = str_from_c(word_cases[i].said);
        size_t at = str_find(text, lead);
        check_true(name, at != STR_NOT_FOUND);
        check_str(name, str_part(text, at + lead.len, want.len), want);
        arena_done(&a);
    }
}

// report.dsn.language: what people read, and nothing else.
static void in_another_language(void **state)
{
    (void)state;
    struct arena a;
    struct buf text;
    arena_init(&a, ARENA_BYTES);
    buf_init(&text, MIB);
    struct dsn_sample *german = arena_make(&a, struct dsn_sample);
    memcpy(german, sample_named("failed"), sizeof(*german));
    german->settings.language = DSN_GERMAN;
    struct str english = sample_compose(&a, sample_named("failed")).body.inline_bytes;
    struct str message = sample_compose(&a, german).body.inline_bytes;
    const struct mime_part part = sample_part(&a, "german", message, 1);
    mime_content_add(&text, &part);
    check_str("for people", buf_str(&text),
            S("Die Nachricht unten konnte nicht zugestellt werden. Der Server versucht es\r\n"
              "nicht weiter.\r\n\r\n  <ghost@far.example>\r\n"
              "    mx.far.example antwortete auf \"RCPT TO\":\r\n"
              "    550 5.1.1 no mailbox of that name\r\n\r\n"
              "Bitte pr\xC3\xBC"
              "fen Sie die Adresse auf Tippfehler.\r\n\r\n"
              "Kennung: 0b55250b1000400a   Server: mx1.firm.example\r\n"
              "Fragen an: postmaster@firm.example\r\n"));
    check_true("the same subject", str_contains(message, S("\r\nSubject: Undelivered mail ")));
    check_str("for programs", sample_part(&a, "german", message, 2).body,
            sample_part(&a, "english", english, 2).body);
    buf_done(&text);
    arena_done(&a);
}

static const struct {
    const char *name;
    struct str in[DSN_LANGUAGES];
} languages[] = {
#define TEXT(id, en, de) {#id, {S_INIT(en), S_INIT(de)}},
#include "queue/dsn/dsn_texts.def"
};

// The names in braces, in their order.
static struct str fillings(struct arena *a, struct str text)
{
    struct str all = S(""), plain, name;
    struct scan in = scan_over(text);
    while (scan_until_past(&in, '{', &plain) && scan_until_past(&in, '}', &name))
        all = arena_fmt(a, "%.*s{%.*s}", ARG(all), ARG(name));
    return all;
}

static void languages_fill_in_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(languages); i++) {
        struct arena a;
        arena_init(&a, ARENA_BYTES);
        struct str english = languages[i].in[DSN_ENGLISH], german = languages[i].in[DSN_GERMAN];
        bool is_subject = str_starts(str_from_c(languages[i].name), S("SUBJECT"));
        check_str(languages[i].name, fillings(&a, german), fillings(&a, english));
        check_true(languages[i].name, str_is_ascii(english) && str_is_utf8(german));
        check_true(languages[i].name, str_is_empty(german) == is_subject);
        arena_done(&a);
    }
}

static void names_are_encoded(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    struct message m = sample_compose(&a, sample_named("a double bounce"));
    struct str text = m.body.inline_bytes;
    check_true("encoded",
            str_contains(
                    text, S("\r\nFrom: "
                            "=?utf-8?B?R3LDvMOfIEdvdHQgKG9mIHRoZSBnYXRlLCBhbmQgaXRzICJrZWVw?=\r\n"
                            "\t=?utf-8?B?ZXJzIik=?= <MAILER-DAEMON@firm.example>\r\n")));
    check_true("to", str_contains(text, S("\r\nTo: <postmaster@firm.example>\r\n")));
    arena_done(&a);
}

// --- Many, and long ------------------------------------------------------------------------------

static struct message compose_many(struct arena *a, size_t count, struct str text, struct str orcpt)
{
    struct recipient *rcpts = arena_array(a, count, struct recipient);
    struct dsn_rcpt *of = arena_array(a, count, struct dsn_rcpt);
    struct message about = {FROM_ANNA, .flags = MESSAGE_RET_FULL}, out = {0};
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    struct buf body AUTO(buf_done);
    buf_init(&body, MIB);
    while (body.len < 60 * KIB)
        buf_add(&body, S("X-Field: 0123456789012345678901234567890123456789\r\n"));
    buf_add(&body, S("\r\nbody\r\n"));
    about.body.inline_bytes = buf_str(&body);
    about.body.bytes = body.len;
    for (size_t i = 0; i < count; i++) {
        rcpts[i] = (struct recipient)GHOST;
        rcpts[i].address = arena_fmt(a, "r%zu@far.example", i);
        rcpts[i].orcpt = orcpt;
        rcpts[i].last.text = text;
        of[i] = (struct dsn_rcpt){&rcpts[i], DSN_FAILED};
    }
    struct dsn_sample sample = {.settings = {.full_bytes_max = 98304}};
    struct dsn_settings settings = sample_settings(&sample);
    struct dsn_words words = {.from_address = S("MAILER-DAEMON@firm.example"),
            .reporting_mta = S("mx1.firm.example")};
    struct dsn_report report = {.about = &about,
            .rcpts = of,
            .rcpt_count = count,
            .to = about.sender,
            .wall_now_ms = SAMPLE_NOW_MS};
    const struct message_reading how = {0};
    check_str("open", err_text(message_open(NULL, a, &about, &how, &reader)), S(""));
    check_str("compose", err_text(dsn_compose(a, &settings, &words, &report, reader, &out)), S(""));
    return out;
}

static size_t count_of(struct str text, struct str what)
{
    size_t count = 0;
    for (size_t at = str_find(text, what); at != STR_NOT_FOUND; at = str_find(text, what)) {
        text = str_from(text, at + what.len);
        count++;
    }
    return count;
}

// Part 2 has all of them, part 1 the first fifty and how many more there are.
static void a_hundred_recipients(void **state)
{
    (void)state;
    struct arena a;
    struct buf long_text AUTO(buf_done);
    arena_init(&a, ARENA_BYTES);
    buf_init(&long_text, 4 * KIB);
    while (long_text.len < 1000)
        buf_add(&long_text, S("sorry, "));
    struct message m = compose_many(&a, 100, buf_str(&long_text), STR_NULL);
    struct str text = m.body.inline_bytes;
    struct str words = sample_part(&a, "text", text, 1).body;
    struct mime_part back = sample_part(&a, "back", text, 3);
    check_u64("groups",
            count_of(sample_part(&a, "fields", text, 2).body, S("\r\nAction: failed\r\n")), 100);
    check_u64("entries", count_of(words, S("  <r")), 50);
    check_true("the others", str_contains(words, S("... and 50 more addresses")));
    check_true("stays inline", text.len <= BODY_INLINE_BYTES_MAX);
    check_str("its header", back.type.type, S("text/rfc822-headers"));
    check_true("of which much came back", back.body.len > 10 * KIB);
    check_true("in whole fields", str_ends(back.body, S("0123456789\r\n")));
    arena_done(&a);
}

static void one_recipient_leaves_room(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    struct str text = compose_many(&a, 1, S("no"), STR_NULL).body.inline_bytes;
    check_str("all of it", sample_part(&a, "back", text, 3).type.type, S("message/rfc822"));
    arena_done(&a);
}

// A diagnostic has so many octets and no more, and is not cut in a letter.
static void the_longest_reply(void **state)
{
    (void)state;
    struct arena a;
    struct buf words AUTO(buf_done);
    arena_init(&a, ARENA_BYTES);
    buf_init(&words, 4 * KIB);
    for (size_t i = 0; i < 500; i++)
        buf_add(&words, S("ab "));
    struct str text = compose_many(&a, 1, buf_str(&words), STR_NULL).body.inline_bytes;
    struct str fields = sample_part(&a, "fields", text, 2).body;
    size_t at = str_find(fields, S("Diagnostic-Code: "));
    size_t end = str_find(fields, S("\r\nLast-Attempt"));
    struct str value = str_part(fields, at, end - at);
    check_u64("words", count_of(value, S("ab")), (1000 - 10 + 1) / 3);
    struct scan in = scan_over(value);
    struct str line;
    while (scan_line(&in, &line))
        check_true("line", line.len <= 76);
    arena_done(&a);
}

// An ORCPT whose escapes would fill the report is left out; one that has controls loses them.
static void odd_orcpts(void **state)
{
    (void)state;
    struct arena a;
    struct buf letters AUTO(buf_done);
    arena_init(&a, ARENA_BYTES);
    buf_init(&letters, KIB);
    for (size_t i = 0; i < 160; i++)
        buf_add(&letters, S("\xE5\xA8\x9C"));
    struct str text = compose_many(&a, 1, S("no"), buf_str(&letters)).body.inline_bytes;
    check_true("left out", !str_contains(text, S("Original-Recipient")));
    text = compose_many(&a, 1, S("no"), S("a\r\nAction: delivered\r\n@b\x01")).body.inline_bytes;
    check_true(
            "clean", str_contains(text, S("Original-Recipient: rfc822; aAction: delivered@b\r\n")));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(a_whole_report),
            TEST(reports_say),
            TEST(how_they_are_sent),
            TEST(forwarding_stays_private),
            TEST(what_people_read),
            TEST(in_another_language),
            TEST(languages_fill_in_the_same),
            TEST(names_are_encoded),
            TEST(a_hundred_recipients),
            TEST(one_recipient_leaves_room),
            TEST(the_longest_reply),
            TEST(odd_orcpts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
