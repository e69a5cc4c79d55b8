// SPDX-License-Identifier: Apache-2.0
// tests/unit/smtp/test_client_times.c: how long a peer may think about each command, just in time
// and just too late (outbound.md 7.2). Those of the greeting, EHLO, RCPT and the message are beside
// what else is said there, in test_client.c and test_client_body.c.
#include "client_play.h"

#define HELLO "S: 220 mx.example\nC: EHLO me.example\nS: 250 mx.example\n"
#define MAIL "C: MAIL FROM:<s@y.example>\n"
#define RCPT "C: RCPT TO:<a@x.example>\n"
#define QUIT "C: QUIT\nS: 221 bye\n"
#define ENVELOPE MAIL "S: 250 ok\n" RCPT "S: 250 ok\n"
#define BODY "C: DATA\nS: 354 go\nC| hello\\r\\n.\\r\\n\n"
#define MAIL_OK "mail: good mail 250 ok\n"
#define MAIL_GONE "mail: good mail gone 250 ok\n"
#define A_OK "a@x.example: good eod 250 2.0.0 queued\n"

static const struct play times[] = {
        {.name = "MAIL in no time",
                HELLO ENVELOPE BODY "S: 250 2.0.0 queued\n" MAIL "sleep 303\n",
                PLAY_SEND_TWICE,
                MAIL_OK A_OK "mail: lost mail connection gone 4.4.2 Timeout while waiting for the"
                             " reply to MAIL FROM\na@x.example: lost mail connection gone 4.4.2"
                             " Timeout while waiting for the reply to MAIL FROM\n"},
        {.name = "MAIL just in time",
                HELLO MAIL "sleep 301\nS: 250 ok\n" RCPT "S: 250 ok\n" BODY
                           "S: 250 2.0.0 queued\n" QUIT,
                PLAY_SEND,
                MAIL_OK A_OK},
        {.name = "DATA in no time",
                HELLO ENVELOPE "C: DATA\nsleep 121\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: lost data connection gone 4.4.2 Timeout while waiting for"
                          " the reply to DATA\n"},
        {.name = "DATA just in time",
                HELLO ENVELOPE "C: DATA\nsleep 119\nS: 354 go\nC| hello\\r\\n.\\r\\n\n"
                               "S: 250 2.0.0 queued\n" QUIT,
                PLAY_SEND,
                MAIL_OK A_OK},
        {.name = "RSET in no time",
                HELLO ENVELOPE "C: DATA\nS: 554 5.7.1 no\nC: RSET\nsleep 21\n",
                PLAY_SEND_TWICE,
                MAIL_OK "a@x.example: permanent data reply 554 5.7.1 no\n"
                        "mail: lost mail connection gone 4.4.2 Timeout while waiting for the reply"
                        " to RSET\na@x.example: lost mail connection gone 4.4.2 Timeout while"
                        " waiting for the reply to RSET\n"},
        {.name = "STARTTLS in no time",
                HELLO "C: STARTTLS\nsleep 182\n",
                PLAY_STARTTLS,
                "starttls: lost tls tls gone 4.4.2 Timeout while waiting for the reply to "
                "STARTTLS\n"},
};

static void in_time(void **state UNUSED)
{
    play_all(times, COUNT_OF(times));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(in_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
