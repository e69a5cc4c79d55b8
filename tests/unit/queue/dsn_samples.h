// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/dsn_samples.h: reports to be composed: for the tests here, and for a program
// that writes them out, so that a reader that is none of ours can compare what it finds.
#pragma once

#include "../base/check.h"

#include "mail/mime.h"
#include "queue/dsn/dsn.h"

#define ARENA_BYTES (64 * MIB)

#define SAMPLE_RCPTS_MAX 4
#define SAMPLE_NOW_MS INT64_C(1772529327000)     // Tue, 03 Mar 2026 09:15:27 +0000
#define SAMPLE_CREATED_MS INT64_C(1772529325000) // two seconds before
#define SAMPLE_ID UINT64_C(0x0b55250b1000400a)
#define SAMPLE_HEADER                                                                              \
    "Received: from anna-pc by mx1.firm.example; Tue, 03 Mar 2026 09:15:25 +0000\r\n"              \
    "Message-ID: <4711@anna-pc.firm.example>\r\n"                                                  \
    "Date: Tue, 03 Mar 2026 09:15:00 +0000\r\n"                                                    \
    "Subject: offer\r\n"
#define SAMPLE_BODY "\r\nHello Ben,\r\n.\r\nAnna\r\n"
#define SAMPLE_UTF8_HEADER                                                                         \
    "Message-ID: <4712@anna-pc.firm.example>\r\nSubject: gr\xC3\xBC\xC3\x9F dich\r\n"

struct dsn_sample {
    const char *name;
    struct message about;
    struct recipient rcpts[SAMPLE_RCPTS_MAX];
    enum dsn_action actions[SAMPLE_RCPTS_MAX];
    size_t rcpt_count;
    const char *original; // NULL: it cannot be read
    struct dsn_settings settings;
    const char *from_name; // NULL: the default
    const char *to;        // NULL: the sender
    const char *part3;     // type; NULL: there is none
};

#define FROM_ANNA                                                                                  \
    .sender = S_INIT("anna@firm.example"), .id = SAMPLE_ID, .created_ms = SAMPLE_CREATED_MS
#define REPLY(the_host, the_command, the_code, the_enhanced, the_text)                             \
    {                                                                                              \
        .kind = FAILURE_UNEXPECTED_REPLY, .entity = S_INIT(the_host), .host = S_INIT(the_host),    \
        .command = S_INIT(the_command), .code = (the_code), .enhanced = S_INIT(the_enhanced),      \
        .text = S_INIT(the_text), .at_ms = SAMPLE_NOW_MS                                           \
    }
#define TROUBLE(the_kind, the_entity, the_enhanced, the_text)                                      \
    {                                                                                              \
        .kind = (the_kind), .entity = S_INIT(the_entity), .enhanced = S_INIT(the_enhanced),        \
        .text = S_INIT(the_text), .at_ms = SAMPLE_NOW_MS                                           \
    }
#define GHOST                                                                                      \
    {                                                                                              \
        .address = S_INIT("ghost@far.example"), .orcpt_type = S_INIT("rfc822"),                    \
        .orcpt = S_INIT("ghost@far.example"), .status = RCPT_PERM_FAILED,                          \
        .last = REPLY("mx.far.example", "RCPT TO:<ghost@far.example>", 550, "5.1.1",               \
                "no mailbox of that name")                                                         \
    }
#define BOB                                                                                        \
    {                                                                                              \
        .address = S_INIT("bob@slow.example"), .status = RCPT_TEMP_FAILED, .retry_count = 9,       \
        .expiry_ms = 5 * (int64_t)DAY_MS,                                                          \
        .last = TROUBLE(FAILURE_CONNECTION, "mx.slow.example", "4.4.1", "connect timed out")       \
    }
#define EVE                                                                                        \
    {                                                                                              \
        .address = S_INIT("eve@old.example"), .status = RCPT_COMPLETED, .last = {                  \
            .host = S_INIT("mail.old.example"),                                                    \
            .code = 250,                                                                           \
            .enhanced = S_INIT("2.0.0"),                                                           \
            .text = S_INIT("queued as 9AF3"),                                                      \
            .at_ms = SAMPLE_NOW_MS                                                                 \
        }                                                                                          \
    }
#define KIM                                                                                        \
    {                                                                                              \
        .address = S_INIT("kim@firm.example"), .status = RCPT_COMPLETED, .last = {                 \
            .host = S_INIT("lmtp.firm.example"),                                                   \
            .code = 250,                                                                           \
            .enhanced = S_INIT("2.1.5"),                                                           \
            .text = S_INIT("stored"),                                                              \
            .at_ms = SAMPLE_NOW_MS                                                                 \
        }                                                                                          \
    }
#define CHINESE "\xE5\xA8\x9C@\xE4\xBE\x8B.example"
#define NA                                                                                         \
    {                                                                                              \
        .address = S_INIT(CHINESE), .orcpt_type = S_INIT("utf-8"),                                 \
        .orcpt = S_INIT("\\x{5A1C}@\\x{4F8B}.example"), .status = RCPT_PERM_FAILED,                \
        .last = TROUBLE(FAILURE_UNEXPECTED_REPLY, "mx.example", "5.6.7",                           \
                "next host does not support SMTPUTF8")                                             \
    }
#define LONG_WORDS                                                                                 \
    "the message was refused because it is neither expected nor welcome here, see the page "       \
    "https://postmaster.far.example/refusals/unexpected-and-unwelcome/"                            \
    "0123456789012345678901234567890123456789 for all that can be done"

static const struct dsn_sample dsn_samples[] UNUSED = {
        {.name = "failed",
                .about = {FROM_ANNA, .flags = MESSAGE_AUTHENTICATED | MESSAGE_RET_HDRS,
                        .env_id = S_INIT("order+42"), .helo = S_INIT("anna-pc")},
                .rcpts = {GHOST},
                .actions = {DSN_FAILED},
                .rcpt_count = 1,
                .original = SAMPLE_HEADER SAMPLE_BODY,
                .part3 = "text/rfc822-headers"},
        {.name = "failed, all of it back",
                .about = {FROM_ANNA, .flags = MESSAGE_UNAUTHENTICATED | MESSAGE_RET_FULL,
                        .helo = S_INIT("mail.firm.example"),
                        .from_ip = {.family = IP_V4, .bytes = {192, 0, 2, 7}}},
                .rcpts = {GHOST},
                .actions = {DSN_FAILED},
                .rcpt_count = 1,
                .original = SAMPLE_HEADER SAMPLE_BODY,
                .part3 = "message/rfc822"},
        {.name = "delayed",
                .about = {FROM_ANNA, .flags = MESSAGE_AUTHENTICATED | MESSAGE_RET_FULL},
                .rcpts = {BOB},
                .actions = {DSN_DELAYED},
                .rcpt_count = 1,
                .original = SAMPLE_HEADER SAMPLE_BODY,
                .part3 = "text/rfc822-headers"},
        {.name = "relayed",
                .about = {FROM_ANNA, .flags = MESSAGE_AUTHENTICATED},
                .rcpts = {EVE},
                .actions = {DSN_RELAYED},
                .rcpt_count = 1,
                .original = SAMPLE_HEADER SAMPLE_BODY,
                .part3 = "text/rfc822-headers"},
        {.name = "delivered",
                .about = {FROM_ANNA, .flags = MESSAGE_AUTHENTICATED},
                .rcpts = {KIM},
                .actions = {DSN_DELIVERED},
                .rcpt_count = 1,
                .original = SAMPLE_HEADER SAMPLE_BODY,
                .part3 = "text/rfc822-headers"},
        {.name = "of all kinds",
                .about = {FROM_ANNA, .flags = MESSAGE_AUTHENTICATED},
                .rcpts = {KIM, EVE, BOB, GHOST},
                .actions = {DSN_DELIVERED, DSN_RELAYED, DSN_DELAYED, DSN_FAILED},
                .rcpt_count = 4,
                .original = SAMPLE_HEADER SAMPLE_BODY,
                .part3 = "text/rfc822-headers"},
        {.name = "beyond ASCII, to who reads it",
                .about = {FROM_ANNA, .flags = MESSAGE_AUTHENTICATED | MESSAGE_SMTPUTF8},
                .rcpts = {NA},
                .actions = {DSN_FAILED},
                .rcpt_count = 1,
                .original = SAMPLE_UTF8_HEADER SAMPLE_BODY,
                .part3 = "message/global-headers"},
        {.name = "beyond ASCII, to who may not",
                .about = {FROM_ANNA, .flags = MESSAGE_AUTHENTICATED},
                .rcpts = {NA},
                .actions = {DSN_FAILED},
                .rcpt_count = 1,
                .original = SAMPLE_HEADER SAMPLE_BODY,
                .part3 = "text/rfc822-headers"},
        {.name = "a header beyond ASCII, all of it",
                .about = {FROM_ANNA, .flags = MESSAGE_AUTHENTICATED | MESSAGE_RET_FULL},
                .rcpts = {GHOST},
                .actions = {DSN_FAILED},
                .rcpt_count = 1,
                .original = SAMPLE_UTF8_HEADER SAMPLE_BODY,
                .part3 = "message/global"},
        {.name = "a long reply",
                .about = {FROM_ANNA, .flags = MESSAGE_AUTHENTICATED},
                .rcpts = {{.address = S_INIT("ben@far.example"),
                        .status = RCPT_PERM_FAILED,
                        .last = REPLY("mx.far.example", "DATA", 554, "5.7.1", LONG_WORDS)}},
                .actions = {DSN_FAILED},
                .rcpt_count = 1,
                .original = SAMPLE_HEADER SAMPLE_BODY,
                .part3 = "text/rfc822-headers"},
        {.name = "a reply beyond ASCII",
                .about = {FROM_ANNA, .flags = MESSAGE_AUTHENTICATED},
                .rcpts = {{.address = S_INIT("ben@far.example"),
                        .status = RCPT_PERM_FAILED,
                        .last = REPLY("mx.far.example", "DATA", 554, "5.7.1",
                                "unerw\xC3\xBCnscht \xFF here")}},
                .actions = {DSN_FAILED},
                .rcpt_count = 1,
                .original = SAMPLE_HEADER SAMPLE_BODY,
                .part3 = "text/rfc822-headers"},
        {.name = "forwarded elsewhere",
                .about = {FROM_ANNA, .flags = MESSAGE_AUTHENTICATED, .env_id = S_INIT("a b=+")},
                .rcpts = {{.address = S_INIT("secret@home.example"),
                        .orcpt_type = S_INIT("rfc822"),
                        .orcpt = S_INIT("ben+x=y@far.example"),
                        .status = RCPT_PERM_FAILED,
                        .last = REPLY("mx.home.example", "RCPT TO", 550, "",
                                "<Secret@home.example>: user unknown")}},
                .actions = {DSN_FAILED},
                .rcpt_count = 1,
                .original = SAMPLE_HEADER SAMPLE_BODY,
                .part3 = "text/rfc822-headers"},
        {.name = "over TLS only",
                .about = {FROM_ANNA,
                        .flags = MESSAGE_AUTHENTICATED | MESSAGE_REQUIRETLS | MESSAGE_RET_FULL},
                .rcpts = {GHOST},
                .actions = {DSN_FAILED},
                .rcpt_count = 1,
                .original = SAMPLE_HEADER SAMPLE_BODY,
                .part3 = "text/rfc822-headers"},
        {.name = "nothing back",
                .about = {FROM_ANNA, .flags = MESSAGE_AUTHENTICATED},
                .rcpts = {GHOST},
                .actions = {DSN_FAILED},
                .rcpt_count = 1,
                .original = SAMPLE_HEADER SAMPLE_BODY,
                .settings = {.returns = DSN_RETURN_NONE}},
        {.name = "cannot be read",
                .about = {FROM_ANNA, .flags = MESSAGE_AUTHENTICATED},
                .rcpts = {GHOST},
                .actions = {DSN_FAILED},
                .rcpt_count = 1},
        {.name = "a double bounce",
                .about = {.sender = S_INIT(""),
                        .id = SAMPLE_ID,
                        .created_ms = SAMPLE_CREATED_MS,
                        .flags = MESSAGE_DSN},
                .rcpts = {GHOST},
                .actions = {DSN_FAILED},
                .rcpt_count = 1,
                .original = SAMPLE_HEADER SAMPLE_BODY,
                .to = "postmaster@firm.example",
                .from_name = "Gr\xC3\xBC\xC3\x9F Gott (of the gate, and its \"keepers\")",
                .part3 = "text/rfc822-headers"},
};

static inline struct dsn_settings sample_settings(const struct dsn_sample *sample)
{
    struct dsn_settings s = sample->settings;
    if (s.full_bytes_max == 0)
        s.full_bytes_max = 51200;
    if (s.head_bytes_max == 0)
        s.head_bytes_max = 65536;
    s.host = S("mx1.firm.example");
    s.postmaster = S("postmaster@firm.example");
    return s;
}

// The message that comes of it; its text is in body.inline_bytes.
static inline struct message sample_compose(struct arena *a, const struct dsn_sample *sample)
{
    struct dsn_settings settings = sample_settings(sample);
    struct dsn_words words = {
            .from_name = str_from_c(
                    sample->from_name != NULL ? sample->from_name : "Mail Delivery Subsystem"),
            .from_address = S("MAILER-DAEMON@firm.example"),
            .reporting_mta = S("mx1.firm.example"),
            .send = true};
    struct message about = sample->about, out = {0};
    struct dsn_rcpt rcpts[SAMPLE_RCPTS_MAX];
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    struct dsn_report report = {.about = &about,
            .rcpts = rcpts,
            .rcpt_count = sample->rcpt_count,
            .to = sample->to != NULL ? str_from_c(sample->to) : about.sender,
            .id = SAMPLE_ID + 1,
            .random = {UINT64_C(0x7f3a90c2d1), 1},
            .wall_now_ms = SAMPLE_NOW_MS};
    for (size_t i = 0; i < sample->rcpt_count; i++)
        rcpts[i] = (struct dsn_rcpt){&sample->rcpts[i], sample->actions[i]};
    if (sample->original != NULL) {
        about.body.inline_bytes = str_from_c(sample->original);
        about.body.bytes = about.body.inline_bytes.len;
        const struct message_reading how = {0};
        struct err e = message_open(NULL, a, &about, &how, &reader);
        check_str(sample->name, err_text(e), S(""));
    }
    struct err e = dsn_compose(a, &settings, &words, &report, reader, &out);
    check_str(sample->name, err_text(e), S(""));
    return out;
}

static inline const struct dsn_sample *sample_named(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(dsn_samples); i++)
        if (str_eq(str_from_c(dsn_samples[i].name), str_from_c(name)))
            return &dsn_samples[i];
    check_failed("no sample \"%s\"", name);
    return NULL;
}

// The parts of a report, the first one being the whole of it; a missing one is empty.
static inline struct mime_part sample_part(
        struct arena *a, const char *name, struct str text, size_t number)
{
    struct mime_tree tree;
    struct err e = mime_read(a, text, &tree);
    check_str(name, err_text(e), S(""));
    check_true(name, tree.count > 0 && !tree.truncated);
    for (size_t i = 0; i < MIME_DEFECT_COUNT; i++)
        if (tree.defects[i])
            check_failed("%s: %.*s", name, ARG(mime_defect_name((enum mime_defect)i)));
    for (size_t i = 0; i < tree.count; i++)
        if (str_eq(tree.parts[i].path, arena_fmt(a, "%zu", number)))
            return tree.parts[i];
    return (struct mime_part){.body = S("")};
}
