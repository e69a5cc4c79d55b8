// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_queue_dsn.c: reports about whatever peers said and called themselves, and about
// whatever message. Each is mail: no line is too long, only CRLF ends one, its parts are three (or
// two) and their types what they should be; each recipient has a group, and no value has made a
// field of its own. The first bytes hold flags, the values follow, divided by 0xFE (which is in no
// UTF-8); the last one is the original.
#include "mail/mail.h"
#include "queue/dsn/dsn.h"

#define ARENA_BYTES ((size_t)64 * MIB)
#define RCPTS_MAX 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str next_value(struct str *rest);
static size_t take_rcpts(
        struct arena *a, struct str *rest, const uint8_t flags[4], struct dsn_rcpt *out);
static void check_lines(struct str text);
static void check_parts(struct arena *a, const struct message *m, size_t rcpts);
static void check_groups(struct str fields, size_t rcpts);
static size_t groups_of(struct str fields);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct dsn_rcpt rcpts[RCPTS_MAX];
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    const struct message_reading how = {0};
    if (size < 4)
        return 0;
    struct str rest = str_of((const char *)data + 4, size - 4);
    arena_init(&a, ARENA_BYTES);
    struct message about = {.id = 1,
            .flags = (uint32_t)data[0] << 6 | (uint32_t)(data[1] & 3),
            .sender = next_value(&rest),
            .env_id = next_value(&rest),
            .helo = next_value(&rest)};
    struct dsn_words words = {.from_name = next_value(&rest),
            .from_address = S("MAILER-DAEMON@firm.example"),
            .reporting_mta = next_value(&rest)};
    struct dsn_settings settings = {.returns = (enum dsn_return)(data[1] >> 6),
            .full_bytes_max = 4096,
            .head_bytes_max = 1024,
            .postmaster = S("postmaster@firm.example")};
    struct dsn_report report = {.about = &about, .rcpts = rcpts, .to = about.sender};
    report.rcpt_count = take_rcpts(&a, &rest, data, rcpts);
    about.body.inline_bytes = str_is_null(rest) ? S("") : rest;
    about.body.bytes = about.body.inline_bytes.len;
    struct message m;
    struct err e = message_open(NULL, &a, &about, &how, &reader);
    assert(!failed(e));
    e = dsn_compose(&a, &settings, &words, &report, reader, &m);
    assert(!failed(e));
    check_lines(m.body.inline_bytes);
    check_parts(&a, &m, report.rcpt_count);
    arena_done(&a);
    return 0;
}

static struct str next_value(struct str *rest)
{
    struct str value = S("");
    (void)str_split(rest, (char)0xFE, &value);
    return value;
}

static size_t take_rcpts(
        struct arena *a, struct str *rest, const uint8_t flags[4], struct dsn_rcpt *out)
{
    size_t count = 1 + flags[1] / 8 % RCPTS_MAX;
    for (size_t i = 0; i < count; i++) {
        struct recipient *r = arena_make(a, struct recipient);
        assert(r != NULL);
        *r = (struct recipient){.address = next_value(rest),
                .orcpt_type = (flags[2] & 1) != 0 ? S("utf-8") : S("rfc822"),
                .orcpt = next_value(rest),
                .status = (enum rcpt_status)(flags[2] / 2 % 4),
                .expiry_ms = (int64_t)flags[2] * DAY_MS,
                .last = {.kind = (enum failure_kind)(flags[3] % (FAILURE_IO + 1)),
                        .code = (flags[3] & 0x80) != 0 ? (uint16_t)(200 + flags[2]) : 0,
                        .at_ms = flags[3] >> 6 & 1,
                        .host = next_value(rest),
                        .command = next_value(rest),
                        .enhanced = next_value(rest),
                        .text = next_value(rest)}};
        out[i] = (struct dsn_rcpt){r, (enum dsn_action)(1 + (flags[0] + i) % DSN_DELIVERED)};
    }
    return count;
}

static void check_lines(struct str text)
{
    size_t line = 0;
    assert(str_ends(text, S("\r\n")));
    for (size_t i = 0; i < text.len; i++) {
        assert(text.ptr[i] != '\0' && (text.ptr[i] == '\n') == (i > 0 && text.ptr[i - 1] == '\r'));
        line = text.ptr[i] == '\n' ? 0 : line + 1;
        assert(line <= FOLD_LINE_BYTES_MAX + 1); // with its CR
    }
}

static void check_parts(struct arena *a, const struct message *m, size_t rcpts)
{
    struct mime_tree tree;
    struct str text = m->body.inline_bytes;
    struct err e = mime_read(a, text, &tree);
    assert(!failed(e) && tree.count >= 3);
    const struct mime_part *parts = tree.parts;
    assert(str_eq(parts[0].type.type, S("multipart/report")));
    assert(!tree.defects[MIME_NO_END_BOUNDARY] && !tree.defects[MIME_BOUNDARY_UNSEEN]);
    assert(str_eq(parts[1].type.type, S("text/plain")) && str_is_ascii(parts[1].body));
    bool global = str_eq(parts[2].type.type, S("message/global-delivery-status"));
    assert(global || str_eq(parts[2].type.type, S("message/delivery-status")));
    assert(global == !str_is_ascii(parts[2].body) && str_is_utf8(parts[2].body));
    assert(!global || (m->flags & MESSAGE_SMTPUTF8) != 0);
    assert(str_is_ascii(text) == ((m->flags & MESSAGE_BODY_8BIT) == 0));
    check_groups(parts[2].body, rcpts);
    size_t at = str_find(text, S("\r\n\r\n"));
    struct str head = str_upto(text, at + 2);
    assert(str_is_utf8(head) && (str_is_ascii(head) || (m->flags & MESSAGE_SMTPUTF8) != 0));
    struct mail_head read;
    e = mail_head_read(a, head, &(struct mail_head_options){.message_ends = true}, &read);
    assert(!failed(e) && read.count == read.named && read.times[HEAD_FROM] == 1);
    size_t most = 8 + mail_head_has(&read, HEAD_IN_REPLY_TO);
    assert(read.count == most || (read.count == most + 1 && !str_is_ascii(text)));
}

// Each group has one Action and one Status, and nothing but fields.
static void check_groups(struct str fields, size_t rcpts)
{
    struct scan in = scan_over(fields);
    struct mail_field field;
    size_t actions = 0, statuses = 0, finals = 0;
    assert(groups_of(fields) == rcpts + 1);
    for (size_t group = 0; group <= rcpts; group++)
        while (mail_field_next(&in, MAIL_CRLF, &field)) {
            assert(!str_is_null(field.name));
            actions += str_eq(field.name, S("Action"));
            statuses += str_eq(field.name, S("Status"));
            finals += str_eq(field.name, S("Final-Recipient"));
        }
    assert(scan_end(&in) && actions == rcpts && statuses == rcpts && finals == rcpts);
}

static size_t groups_of(struct str fields)
{
    size_t count = 1;
    for (size_t i = 0; i + 4 <= fields.len; i++)
        count += str_eq(str_part(fields, i, 4), S("\r\n\r\n"));
    return count;
}
