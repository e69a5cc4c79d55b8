// SPDX-License-Identifier: Apache-2.0
// tests/unit/mail/test_downgrade_field.c: fields beyond ASCII in, fields that any host takes out;
// and messages with such fields in the headers of parts.
#include "../base/check.h"

#include "../../fuzz/downgrade_oracle.h"

#define UE "\xc3\xbc" // a letter

struct rewriting {
    const char *name, *field;
    const char *wanted; // NULL: cannot be rewritten
};

static const struct rewriting rewritings[] = {
        {"a subject", "Subject: gr" UE "n is a colour\r\n",
                "Subject: =?utf-8?B?Z3LDvG4=?= is a colour\r\n"},
        {"words side by side, over a fold", "Subject: " UE "\r\n " UE " b\r\n",
                "Subject: =?utf-8?B?w7wgIMO8?= b\r\n"},
        {"beside a word that was encoded", "Subject: =?utf-8?Q?a?= " UE " =?utf-8?Q?b?=\r\n",
                "Subject: =?utf-8?Q?a?= =?utf-8?B?IMO8IA==?= =?utf-8?Q?b?=\r\n"},
        {"ill-formed", "X-Odd: \xff\r\n", "X-Odd: =?utf-8?B?Pw==?=\r\n"},
        {"a name and a domain", "From: J" UE "rgen <j@b" UE "cher.example>\r\n",
                "From: =?utf-8?B?SsO8cmdlbg==?= <j@xn--bcher-kva.example>\r\n"},
        {"several, one without a name", "To: a@b.example,\"" UE ", K\" <c@d.example>\r\n",
                "To: a@b.example, =?utf-8?B?w7wsIEs=?= <c@d.example>\r\n"},
        {"a local part", "Cc: " UE "@b.example, c@d.example\r\n",
                "Cc: =?utf-8?B?PMO8QGIuZXhhbXBsZT4=?=:;, c@d.example\r\n"},
        {"a local part in a group", "To: T" UE ": " UE "@b.example, c@d.example;, e@f.example\r\n",
                "To: =?utf-8?B?VMO8?=: c@d.example;, e@f.example\r\n"},
        {"groups without members", "To: a:;," UE ":;\r\n", "To: a:;, =?utf-8?B?w7w=?=:;\r\n"},
        {"a literal", "To: " UE " <a@[192.0.2.1]>\r\n", "To: =?utf-8?B?w7w=?= <a@[192.0.2.1]>\r\n"},
        {"a domain that cannot be", "To: a@\xc2\xad.example\r\n",
                "To: =?utf-8?B?PGFAwq0uZXhhbXBsZT4=?=:;\r\n"},
        {"a file name", "Content-Disposition: attachment; filename=\"" UE ".txt\"\r\n",
                "Content-Disposition: attachment; filename*=utf-8''%C3%BC.txt\r\n"},
        {"a long file name",
                "Content-Type: image/png; name=\"" UE UE UE UE UE UE UE UE UE "\"; x=y\r\n",
                "Content-Type: image/png;\r\n"
                "\tname*0*=utf-8''%C3%BC%C3%BC%C3%BC%C3%BC%C3%BC%C3%BC%C3%BC%C3%BC;\r\n"
                "\tname*1*=%C3%BC; x=\"y\"\r\n"},
        {"a boundary", "Content-Type: multipart/mixed; boundary=" UE "\r\n", NULL},
        {"a type that is none", "Content-Type: " UE "\r\n", "Content-Type: =?utf-8?B?w7w=?=\r\n"},
        {"a hop",
                "Received: from b" UE ".example (" UE " [192.0.2.1])\r\n\tby a.example for "
                "<a@b" UE ".example>; Thu, 1 Jan\r\n",
                "Received: from xn--b-eha.example ( =?utf-8?B?w7wgWzE5Mi4wLjIuMV0=?=) by\r\n"
                "\ta.example for <a@xn--b-eha.example>; Thu, 1 Jan\r\n"},
        {"ids", "References: <1@a.example> <" UE "@b" UE ".example>\r\n",
                "References: <1@a.example> <xn--tda@xn--b-eha.example>\r\n"},
        {"a link", "List-Post: <https://a.example/" UE "?b>\r\n",
                "List-Post: <https://a.example/%C3%BC?b>\r\n"},
        {"a line that is no field", UE "\r\n", NULL},
        {"a name beyond ASCII", UE ": a\r\n", NULL},
        {"a fold of text keeps its blank",
                "Subject: " UE " and then so many words that they need a second line, which begins "
                "blank\r\n",
                "Subject: =?utf-8?B?w7w=?= and then so many words that they need a second line,\r\n"
                " which begins blank\r\n"},
        {"a LF alone at its end", "Subject: " UE "\n", "Subject: =?utf-8?B?w7w=?=\r\n"},
};

static void rewriting(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(rewritings); i++) {
        const struct rewriting *r = &rewritings[i];
        struct buf out AUTO(buf_done);
        buf_init(&out, MIB);
        bool can = downgrade_field_add(&out, str_from_c(r->field));
        check_u64(r->name, can, r->wanted != NULL);
        if (can)
            check_str(r->name, buf_str(&out), str_from_c(r->wanted));
    }
}

static void length(void **state UNUSED)
{
    for (size_t bytes = DOWNGRADE_FIELD_BYTES_MAX; bytes <= DOWNGRADE_FIELD_BYTES_MAX + 1;
            bytes++) {
        struct buf field AUTO(buf_done), out AUTO(buf_done), result AUTO(buf_done);
        buf_init(&field, MIB);
        buf_init(&out, MIB);
        buf_init(&result, MIB);
        buf_add(&field, S("Subject:"));
        while (field.len + 5 < bytes)
            buf_add(&field, S(" " UE));
        while (field.len + 2 < bytes)
            buf_add_byte(&field, 'x');
        buf_add(&field, S("\r\n"));
        bool fits = bytes == DOWNGRADE_FIELD_BYTES_MAX;
        check_u64("a field", downgrade_field_add(&out, buf_str(&field)), fits);
        struct mime_downgrade_plan plan =
                downgrade_run_as(MIME_WISH_ASCII_HEADS, buf_str(&field), 1000, &result);
        check_u64("a message", plan.is_possible, fits);
    }
}

struct message {
    const char *name, *text;
    uint32_t wishes;
    const char *wanted; // NULL: the same
};

static const struct message messages[] = {
        {"nothing to be done", "Subject: a\r\n\r\n" UE "\r\n", MIME_WISH_ASCII_HEADS, NULL},
        {"the header alone", "Subject: " UE "\r\nX: y\r\n\r\n" UE "\r\n", MIME_WISH_ASCII_HEADS,
                "Subject: =?utf-8?B?w7w=?=\r\nX: y\r\n\r\n" UE "\r\n"},
        {"header and body", "Subject: " UE "\r\nMIME-Version: 1.0\r\n\r\n" UE "\r\n",
                MIME_WISH_ASCII_HEADS | MIME_WISH_7BIT,
                "Subject: =?utf-8?B?w7w=?=\r\nMIME-Version: 1.0\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BC\r\n"},
        {"parts, and a message inside",
                "Content-Type: multipart/mixed; boundary=x\r\n\r\n" UE "\r\n--x\r\n"
                "Content-Description: " UE "\r\n\r\n" UE "\r\n--x\r\n"
                "Content-Type: message/rfc822\r\n\r\nSubject: " UE "\r\n\r\n" UE "\r\n--x--\r\n",
                MIME_WISH_ASCII_HEADS,
                "Content-Type: multipart/mixed; boundary=x\r\n\r\n" UE "\r\n--x\r\n"
                "Content-Description: =?utf-8?B?w7w=?=\r\n\r\n" UE "\r\n--x\r\n"
                "Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?B?w7w=?=\r\n\r\n" UE
                "\r\n--x--\r\n"},
        {"a header that ends at a boundary",
                "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nX: " UE "\r\n--x--\r\n",
                MIME_WISH_ASCII_HEADS,
                "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nX: =?utf-8?B?w7w=?=\r\n"
                "--x--\r\n"},
        {"an encoding with a comment goes, however long it has become",
                "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit (" UE ")\r\n\r\n" UE "\r\n",
                MIME_WISH_ASCII_HEADS | MIME_WISH_7BIT,
                "MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
                "=C3=BC\r\n"},
};

static void in_messages(void **state UNUSED)
{
    static const size_t piece_sizes[] = {1, 2, 7, 100000000};
    for (size_t i = 0; i < COUNT_OF(messages) * COUNT_OF(piece_sizes); i++) {
        const struct message *m = &messages[i / COUNT_OF(piece_sizes)];
        struct buf out AUTO(buf_done);
        struct str text = str_from_c(m->text);
        buf_init(&out, MIB);
        struct mime_downgrade_plan plan =
                downgrade_run_as(m->wishes, text, piece_sizes[i % COUNT_OF(piece_sizes)], &out);
        check_true(m->name, plan.is_possible);
        check_u64(m->name, plan.is_needed, m->wanted != NULL);
        check_str(m->name, buf_str(&out), m->wanted == NULL ? text : str_from_c(m->wanted));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(rewriting), TEST(length), TEST(in_messages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
