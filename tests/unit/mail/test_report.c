// SPDX-License-Identifier: Apache-2.0
// tests/unit/mail/test_report.c: reports of delivery as they come: those of well-known programs,
// and those that nobody should act on.
#include "../base/check.h"
#include "mail/report.h"

#define ARENA_BYTES (16 * MIB)
#define TOP(type) "From: x@y.example\r\nContent-Type: " type "; boundary=\"b\"\r\n\r\n"
#define HEAD TOP("multipart/report; report-type=delivery-status")
#define TEXT "--b\r\n\r\nIt did not work.\r\n"
#define PART "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
#define MESSAGE "Reporting-MTA: dns; mx.far.example (Postfix)\r\n"
#define RCPT "Final-Recipient: rfc822; bob@far.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
#define RETURNED                                                                                   \
    "--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <4711@anna>\r\nSubject: x\r\n"
#define END "--b--\r\n"
#define FINE HEAD TEXT PART MESSAGE "\r\n" RCPT "\r\n" RETURNED END

// What a reader makes of it, in one line: id mta message-id | original final action status code
// remote text.
static const struct {
    const char *name;
    const char *text;
    enum mail_report_extent extent;
    const char *got; // or why it is not read
} cases[] = {
        {"a plain one", FINE, MAIL_REPORT_WHOLE,
                "- mx.far.example 4711@anna | - bob@far.example failed 5.1.1 0 - -"},
        {"everything that may be said",
                HEAD TEXT PART
                "Original-Envelope-Id: order 42\r\n" MESSAGE
                "Arrival-Date: Tue, 03 Mar 2026 09:15:25 +0000\r\nX-Queue: 7\r\n\r\n"
                "Original-Recipient: RFC822;Bob@far.example\r\n"
                "Final-Recipient: rfc822;bob@in.far.example\r\nAction: Failed (permanent)\r\n"
                "Status: 5.1.1 (bad destination mailbox address)\r\n"
                "Remote-MTA: dns; in.far.example (192.0.2.1)\r\n"
                "Diagnostic-Code: smtp; 550 5.1.1 <bob@in.far.example>:\r\n"
                "    no such user\r\n\r\n" END,
                MAIL_REPORT_WHOLE,
                "order 42 mx.far.example - | Bob@far.example bob@in.far.example failed 5.1.1 550 "
                "in.far.example <bob@in.far.example>: no such user"},
        {"several recipients, and empty lines between",
                HEAD PART MESSAGE "\r\n\r\n" RCPT
                                  "\r\n\r\n\r\nFinal-Recipient: rfc822; <eve@far.example>\r\n"
                                  "Action: delayed\r\nStatus: 4.4.1\r\n"
                                  "Diagnostic-Code: X-local; time out; really\r\n" END,
                MAIL_REPORT_WHOLE,
                "- mx.far.example - | - bob@far.example failed 5.1.1 0 - - | - eve@far.example "
                "delayed 4.4.1 0 - time out; really"},
        {"an address without its type",
                HEAD PART MESSAGE "\r\nFinal-Recipient: bob@far.example\r\nAction: failed\r\n"
                                  "Status: 5.0.0\r\nDiagnostic-Code: smtp;550-no\r\n" END,
                MAIL_REPORT_WHOLE, "- mx.far.example - | - bob@far.example failed 5.0.0 550 - no"},
        {"lines that end in LF",
                "Content-Type: multipart/report; report-type=Delivery-Status; boundary=b\n\n--b\n"
                "Content-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\n"
                "Final-Recipient: rfc822; bob@far.example\nAction: failed\nStatus: 5.2.1\n--b--\n",
                MAIL_REPORT_WHOLE, "- a - | - bob@far.example failed 5.2.1 0 - -"},
        {"in base64",
                HEAD
                "--b\r\nContent-Type: message/global-delivery-status\r\n"
                "Content-Transfer-Encoding: base64\r\n\r\n"
                "UmVwb3J0aW5nLU1UQTogZG5zOyBhCgpGaW5hbC1SZWNpcGllbnQ6IHJmYzgyMjsgYkBjCkFjdGlv\r\n"
                "bjogZmFpbGVkClN0YXR1czogNS4xLjEK\r\n" END,
                MAIL_REPORT_WHOLE, "- a - | - b@c failed 5.1.1 0 - -"},
        {"the whole message comes back",
                HEAD PART MESSAGE "\r\n" RCPT "--b\r\nContent-Type: message/rfc822\r\n\r\n"
                                  "Message-ID: <1@a>\r\n\r\nMessage-ID: <2@a>\r\n" END,
                MAIL_REPORT_WHOLE, "- mx.far.example 1@a | - bob@far.example failed 5.1.1 0 - -"},
        {"cut off behind the part that counts", HEAD PART MESSAGE "\r\n" RCPT RETURNED,
                MAIL_REPORT_CUT,
                "- mx.far.example 4711@anna | - bob@far.example failed 5.1.1 0 - -"},
        {"cut off in it", HEAD TEXT PART MESSAGE "\r\n" RCPT, MAIL_REPORT_CUT, "it is too long"},
        {"an ordinary message", "Subject: x\r\n\r\nReporting-MTA: dns; a\r\n", MAIL_REPORT_WHOLE,
                "it is no report of delivery"},
        {"a report of another kind",
                TOP("multipart/report; report-type=feedback-report") PART MESSAGE "\r\n" RCPT END,
                MAIL_REPORT_WHOLE, "it is no report of delivery"},
        {"of no kind", TOP("multipart/report") PART MESSAGE "\r\n" RCPT END, MAIL_REPORT_WHOLE,
                "it is no report of delivery"},
        {"a mixed message with a report in it", TOP("multipart/mixed") PART MESSAGE "\r\n" RCPT END,
                MAIL_REPORT_WHOLE, "it is no report of delivery"},
        {"no part of it", HEAD TEXT END, MAIL_REPORT_WHOLE, "it has no part about the delivery"},
        {"two parts of it", HEAD PART MESSAGE "\r\n" RCPT PART MESSAGE "\r\n" RCPT END,
                MAIL_REPORT_WHOLE, "it has two parts about the delivery"},
        {"the part lies deeper",
                HEAD "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n"
                     "Content-Type: message/delivery-status\r\n\r\n" MESSAGE "\r\n" RCPT
                     "--c--\r\n" END,
                MAIL_REPORT_WHOLE, "it has no part about the delivery"},
        {"nobody in it", HEAD PART MESSAGE END, MAIL_REPORT_WHOLE, "it tells of no recipient"},
        {"an empty part", HEAD PART END, MAIL_REPORT_WHOLE, "it tells of no recipient"},
        {"no fields about the message", HEAD PART RCPT END, MAIL_REPORT_WHOLE,
                "its first fields are not about the message"},
        {"for nobody", HEAD PART MESSAGE "\r\nAction: failed\r\nStatus: 5.1.1\r\n" END,
                MAIL_REPORT_WHOLE, "it does not say for whom the message was"},
        {"no action", HEAD PART MESSAGE "\r\nFinal-Recipient: rfc822; a@b\r\nStatus: 5.1.1\r\n" END,
                MAIL_REPORT_WHOLE, "it does not say what became of the message"},
        {"an action of its own",
                HEAD PART MESSAGE
                "\r\nFinal-Recipient: rfc822; a@b\r\nAction: eaten\r\nStatus: 5.1.1\r\n" END,
                MAIL_REPORT_WHOLE, "it does not say what became of the message"},
        {"no status",
                HEAD PART MESSAGE "\r\nFinal-Recipient: rfc822; a@b\r\nAction: failed\r\n" END,
                MAIL_REPORT_WHOLE, "its status is none"},
        {"a status of four numbers",
                HEAD PART MESSAGE
                "\r\nFinal-Recipient: rfc822; a@b\r\nAction: failed\r\nStatus: 5.1.1.1\r\n" END,
                MAIL_REPORT_WHOLE, "its status is none"},
        {"a status of class 3",
                HEAD PART MESSAGE
                "\r\nFinal-Recipient: rfc822; a@b\r\nAction: failed\r\nStatus: 3.1.1\r\n" END,
                MAIL_REPORT_WHOLE, "its status is none"},
        {"two recipients in one group",
                HEAD PART MESSAGE "\r\n" RCPT "Final-Recipient: rfc822; eve@far.example\r\n" END,
                MAIL_REPORT_WHOLE, "it has a field twice"},
        {"a line that is no field", HEAD PART MESSAGE "\r\nnonsense\r\n" RCPT END,
                MAIL_REPORT_WHOLE, "a line of it is no field"},
};

static void add(struct buf *out, struct str text)
{
    buf_add(out, S(" "));
    buf_add(out, str_is_null(text) || text.len == 0 ? S("-") : text);
}

static struct str shown(struct arena *a, const struct mail_report *r)
{
    struct buf out;
    buf_init(&out, 64 * KIB);
    add(&out, r->envelope_id);
    add(&out, r->reporting_mta);
    add(&out, r->message_id);
    for (size_t i = 0; i < r->rcpt_count; i++) {
        const struct mail_report_rcpt *rcpt = &r->rcpts[i];
        add(&out, S("|"));
        add(&out, rcpt->original);
        add(&out, rcpt->final);
        add(&out, mail_report_action_word(rcpt->action));
        add(&out, rcpt->status);
        buf_fmt(&out, " %u", rcpt->code);
        add(&out, rcpt->remote);
        add(&out, rcpt->diagnostic);
    }
    struct str text = arena_str(a, str_from(buf_str(&out), 1));
    buf_done(&out);
    return text;
}

static void reports_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        struct mail_report report;
        arena_init(&a, ARENA_BYTES);
        struct err e = mail_report_read(&a, str_from_c(cases[i].text), cases[i].extent, &report);
        check_str(cases[i].name, failed(e) ? err_text(e) : shown(&a, &report),
                str_from_c(cases[i].got));
        arena_done(&a);
    }
}

static struct str many(struct arena *a, const char *group, size_t count)
{
    struct buf out;
    buf_init(&out, 4 * MIB);
    buf_add(&out, S(HEAD PART MESSAGE));
    for (size_t i = 0; i < count; i++)
        buf_add(&out, str_from_c(group));
    buf_add(&out, S("\r\n" END));
    struct str text = arena_str(a, buf_str(&out));
    buf_done(&out);
    return text;
}

static void limits(void **state)
{
    static const struct {
        const char *name;
        const char *group;
        size_t count;
        const char *refused;
    } all[] = {
            {"as many recipients as may be", "\r\n" RCPT, MAIL_REPORT_RCPTS_MAX, NULL},
            {"one more", "\r\n" RCPT, MAIL_REPORT_RCPTS_MAX + 1, "it tells of too many recipients"},
            {"too many fields", "X: y\r\n", MAIL_REPORT_FIELDS_MAX, "it has too many fields"},
            {"too long a part", "\r\n" RCPT, MAIL_REPORT_STATUS_BYTES / (sizeof(RCPT) + 1) + 1,
                    "its part about the delivery is too long"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        struct arena a;
        struct mail_report report;
        arena_init(&a, ARENA_BYTES);
        struct str text = many(&a, all[i].group, all[i].count);
        struct err e = mail_report_read(&a, text, MAIL_REPORT_WHOLE, &report);
        check_str(all[i].name, failed(e) ? err_text(e) : S(""),
                all[i].refused != NULL ? str_from_c(all[i].refused) : S(""));
        arena_done(&a);
    }
}

static void without_memory(void **state)
{
    struct arena a;
    struct mail_report report;
    (void)state;
    arena_init(&a, 1);
    struct err e = mail_report_read(&a, S(FINE), MAIL_REPORT_WHOLE, &report);
    check_true("no memory", e.kind == ERR_LIMIT);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(reports_are_read), TEST(limits), TEST(without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
