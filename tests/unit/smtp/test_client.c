// SPDX-License-Identifier: Apache-2.0
// tests/unit/smtp/test_client.c: greetings, EHLO and transactions: what the client says, in how
// many writes, and what it makes of the replies.
#include "client_play.h"

#define HELLO "S: 220 mx.example\nC: EHLO me.example\nS: 250 mx.example\n"
#define HELLO_WITH(extension)                                                                      \
    "S: 220 mx.example\nC: EHLO me.example\nS: 250-mx.example\nS: 250 " extension "\n"
#define PIPELINING HELLO_WITH("PIPELINING")
#define MAIL "C: MAIL FROM:<s@y.example>\n"
#define RCPT "C: RCPT TO:<a@x.example>\n"
#define QUIT "C: QUIT\nS: 221 bye\n"
#define ENVELOPE MAIL "S: 250 ok\n" RCPT "S: 250 ok\n"
#define BODY "C: DATA\nS: 354 go\nC| hello\\r\\n.\\r\\n\n"
#define BATCH "W: MAIL FROM:<s@y.example>|RCPT TO:<a@x.example>|DATA\n"
#define BATCH_2 "W: MAIL FROM:<s@y.example>|RCPT TO:<a@x.example>|RCPT TO:<b@x.example>|DATA\n"

#define MAIL_OK "mail: good mail 250 ok\n"
#define MAIL_GONE "mail: good mail gone 250 ok\n"
#define A_OK "a@x.example: good eod 250 2.0.0 queued\n"

static const struct play hellos[] = {
        {.name = "names and numbers",
                "S: 220 MX.Example ESMTP\nC: EHLO me.example\nS: 250-Mx1.Example hello\n"
                "S: 250-size 1000\nS: 250-LIMITS RCPTMAX=10 X=Y MAILMAX=3 RCPTDOMAINMAX=1\n"
                "S: 250 DELIVERBY 240\n",
                PLAY_HELLO,
                "hello: good ehlo 250 Mx1.Example hello size 1000 LIMITS RCPTMAX=10 X=Y MAILMAX=3"
                " RCPTDOMAINMAX=1 DELIVERBY 240\n"
                "mx1.example offers SIZE 1, size 1000 by 240 limits 10 3 1\n"},
        {.name = "sizes that are none",
                "S: 220 x\nC: EHLO me.example\nS: 250-\nS: 250-SIZE 1208925819614629174706176\n"
                "S: 250-LIMITS RCPTMAX=-1 MAILMAX\nS: 250-SIZE x\nS: 250 SIZE 0\n",
                PLAY_HELLO,
                "hello: good ehlo 250 SIZE 1208925819614629174706176 LIMITS RCPTMAX=-1 MAILMAX"
                " SIZE x SIZE 0\nx offers SIZE 1, size 0 by 0 limits 0 0 0\n"},
        {.name = "no greeting in time",
                "sleep 301\n",
                PLAY_HELLO,
                "hello: lost greeting connection gone 4.4.2 Timeout while waiting for the"
                " greeting\n"},
        {.name = "a greeting that drips",
                "S| 220\nsleep 200\nS| -x\nsleep 200\n",
                PLAY_HELLO,
                "hello: lost greeting connection gone 4.4.2 Timeout while waiting for the"
                " greeting\n"},
        {.name = "another 2xx",
                "S: 250 hello\n",
                PLAY_HELLO,
                "hello: lost greeting connection gone 4.5.0 unparseable reply\n"},
        {.name = "busy",
                "S: 421 4.3.2 too busy\n",
                PLAY_HELLO,
                "hello: temporary greeting reply gone 421 4.3.2 too busy\n"},
        {.name = "no mail here",
                "S: 521 never\n",
                PLAY_HELLO,
                "hello: permanent greeting reply 521 never\n"},
        {.name = "hangs up",
                "close\n",
                PLAY_HELLO,
                "hello: lost greeting connection gone 4.4.2 the peer closed the connection while"
                " waiting for the greeting\n"},
        {.name = "hangs up in a line",
                "S| 220-a\\r\\n220\nclose\n",
                PLAY_HELLO,
                "hello: lost greeting connection gone 4.4.2 the peer closed the connection while"
                " waiting for the greeting\n"},
        {.name = "not SMTP",
                "S: HTTP/1.1 400 Bad Request\n",
                PLAY_HELLO,
                "hello: lost greeting connection gone 4.5.0 unparseable reply\n"},
        {.name = "NULs",
                "S| \\0\\0\\0\\n\n",
                PLAY_HELLO,
                "hello: lost greeting connection gone 4.5.0 unparseable reply\n"},
        {.name = "3xx",
                "S: 354 go\n",
                PLAY_HELLO,
                "hello: lost greeting connection gone 4.5.0 unparseable reply\n"},
        {.name = "128 lines",
                "S* 127 220-x\nS: 220 x\nC: EHLO me.example\nS: 550 5.7.1 no\n"
                "C: HELO me.example\nS: 550 5.7.1 no\n",
                PLAY_HELLO,
                "hello: temporary ehlo reply 550 5.7.1 no\n"},
        {.name = "129 lines",
                "S* 129 220-x\n",
                PLAY_HELLO,
                "hello: lost greeting connection gone 4.5.0 unparseable reply\n"},
        {.name = "10,000 lines",
                "S* 10000 220-x\n",
                PLAY_HELLO,
                "hello: lost greeting connection gone 4.5.0 unparseable reply\n"},
        {.name = "HELO",
                "S: 220 x\nC: EHLO me.example\nS: 502 what\nC: HELO me.example\nS: 250-SIZE\n"
                "S: 250 PIPELINING\n",
                PLAY_HELLO,
                "hello: good ehlo 250 SIZE PIPELINING\n"
                "size offers SIZE 0, size 0 by 0 limits 0 0 0\n"},
        {.name = "HELO at once",
                "S: 220 x\nC: HELO me.example\nS: 250 \n",
                PLAY_HELLO,
                "hello: good ehlo 250 \nx offers SIZE 0, size 0 by 0 limits 0 0 0\n",
                .helo_only = true},
        {.name = "no HELO where TLS must be",
                "S: 220 x\nC: EHLO me.example\nS: 500 what\n",
                PLAY_HELLO,
                "hello: temporary ehlo reply 500 what\n",
                .tls_required = true},
        {.name = "no HELO in LMTP",
                "S: 220 x\nC: LHLO me.example\nS: 500 what\n",
                PLAY_HELLO,
                "hello: temporary ehlo reply 500 what\n",
                .is_lmtp = true},
        {.name = "no HELO behind 421",
                "S: 220 x\nC: EHLO me.example\nS: 421 4.7.0 later\n",
                PLAY_HELLO,
                "hello: temporary ehlo reply gone 421 4.7.0 later\n"},
        {.name = "EHLO in no time",
                "S: 220 x\nC: EHLO me.example\nsleep 302\n",
                PLAY_HELLO,
                "hello: lost ehlo connection gone 4.4.2 Timeout while waiting for the reply to"
                " EHLO\n"},
        {.name = "the caller's deadline",
                "S: 220 x\nC: EHLO me.example\nsleep 302\n",
                PLAY_HELLO,
                "",
                .outer_s = 100,
                .fails = ERR_TIMEOUT},
        {.name = "STARTTLS",
                HELLO "C: STARTTLS\nS: 220 2.0.0 go\n",
                PLAY_STARTTLS,
                "starttls: good tls 220 2.0.0 go\n"},
        {.name = "STARTTLS, with more behind it",
                HELLO "C: STARTTLS\nS: 220 go\nS: 250 injected\n",
                PLAY_STARTTLS,
                "starttls: lost tls tls gone 4.7.5 unencrypted bytes behind the reply to"
                " STARTTLS\n",
                .in_one_piece = true},
        {.name = "STARTTLS, refused",
                HELLO "C: STARTTLS\nS: 554 5.7.3 no\n",
                PLAY_STARTTLS,
                "starttls: temporary tls tls 554 4.7.4 no\n"},
        {.name = "STARTTLS, not now",
                HELLO "C: STARTTLS\nS: 454 4.3.0 later\n",
                PLAY_STARTTLS,
                "starttls: temporary tls tls 454 4.3.0 later\n"},
        {.name = "STARTTLS, nothing",
                HELLO "C: STARTTLS\nclose\n",
                PLAY_STARTTLS,
                "starttls: lost tls tls gone 4.4.2 the peer closed the connection while waiting"
                " for the reply to STARTTLS\n"},
};

static const struct play sends[] = {
        {.name = "one by one",
                HELLO ENVELOPE BODY "S: 250 2.0.0 queued\n" QUIT,
                PLAY_SEND,
                MAIL_OK A_OK},
        {.name = "in one write",
                PIPELINING BATCH "S: 250 ok\nS: 250 ok\nS: 354 go\n"
                                 "C| hello\\r\\n.\\r\\n\nS: 250 2.0.0 queued\n" QUIT,
                PLAY_SEND,
                MAIL_OK A_OK},
        {.name = "pipelining switched off",
                PIPELINING ENVELOPE BODY "S: 250 2.0.0 queued\n" QUIT,
                PLAY_SEND,
                MAIL_OK A_OK,
                .off = CLIENT_EXT_PIPELINING},
        {.name = "BDAT",
                HELLO_WITH("CHUNKING") ENVELOPE "W: BDAT 7 LAST|hello\nS: 250 2.0.0 queued\n" QUIT,
                PLAY_SEND,
                MAIL_OK A_OK},
        {.name = "any 2xx is good",
                HELLO MAIL "S: 299 ok\n" RCPT "S: 252 ok\n" BODY "S: 251 2.0.0 queued\n" QUIT,
                PLAY_SEND,
                "mail: good mail 299 ok\na@x.example: good eod 251 2.0.0 queued\n"},
        {.name = "MAIL is refused",
                HELLO MAIL "S: 550 5.7.1 not you\n" QUIT,
                PLAY_SEND,
                "mail: permanent mail reply 550 5.7.1 not you\n"
                "a@x.example: permanent mail reply 550 5.7.1 not you\n"},
        {.name = "MAIL wants a login",
                HELLO MAIL "S: 530 5.7.0 who are you\n" QUIT,
                PLAY_SEND,
                "mail: temporary mail reply 530 5.7.0 who are you\n"
                "a@x.example: temporary mail reply 530 5.7.0 who are you\n"},
        {.name = "MAIL is refused, pipelined",
                PIPELINING BATCH_2 "S: 450 later\nS: 503 a\nS: 503 b\nS: 503 c\n" QUIT,
                PLAY_SEND,
                "mail: temporary mail reply 450 later\na@x.example: temporary mail reply 450 "
                "later\n"
                "b@x.example: temporary mail reply 450 later\n",
                .rcpts = "a@x.example b@x.example"},
        {.name = "some are refused",
                PIPELINING BATCH_2 "S: 250 ok\nS: 550 5.1.1 who\nS: 250 ok\nS: 354 go\n"
                                   "C| hello\\r\\n.\\r\\n\nS: 250 2.0.0 queued\n" QUIT,
                PLAY_SEND,
                MAIL_OK "a@x.example: permanent rcpt reply 550 5.1.1 who\n"
                        "b@x.example: good eod 250 2.0.0 queued\n",
                .rcpts = "a@x.example b@x.example"},
        {.name = "all are refused",
                PIPELINING BATCH_2 "S: 250 ok\nS: 550 5.1.1 who\nS: 450 later\nS: 554 none\n" QUIT,
                PLAY_SEND,
                MAIL_OK "a@x.example: permanent rcpt reply 550 5.1.1 who\n"
                        "b@x.example: temporary rcpt reply 450 later\n",
                .rcpts = "a@x.example b@x.example"},
        {.name = "all are refused, and 354",
                PIPELINING BATCH "S: 250 ok\nS: 550 5.1.1 who\nS: 354 go\nC: .\nS: 554 none\n" QUIT,
                PLAY_SEND,
                MAIL_OK "a@x.example: permanent rcpt reply 550 5.1.1 who\n"},
        {.name = "all are refused, and 354 in LMTP",
                "S: 220 x\nC: LHLO me.example\nS: 250-x\nS: 250 PIPELINING\n" BATCH
                "S: 250 ok\nS: 550 5.1.1 who\nS: 354 go\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: permanent rcpt reply gone 550 5.1.1 who\n",
                .is_lmtp = true},
        {.name = "all are refused one by one, and RSET before the next",
                HELLO MAIL "S: 250 ok\n" RCPT "S: 450 no\nC: RSET\nS: 250 ok\n" MAIL
                           "S: 250 ok\n" RCPT "S: 450 no\n" QUIT,
                PLAY_SEND_TWICE,
                MAIL_OK "a@x.example: temporary rcpt reply 450 no\n" MAIL_OK
                        "a@x.example: temporary rcpt reply 450 no\n"},
        {.name = "RSET leaves with the rest",
                PIPELINING BATCH "S: 250 ok\nS: 450 no\nS: 503 no\n"
                                 "W: RSET|MAIL FROM:<s@y.example>|RCPT TO:<a@x.example>|DATA\n"
                                 "S: 502 what\nS: 250 ok\nS: 250 ok\nS: 354 go\n"
                                 "C| hello\\r\\n.\\r\\n\nS: 250 2.0.0 queued\n" QUIT,
                PLAY_SEND_TWICE,
                MAIL_OK "a@x.example: temporary rcpt reply 450 no\n" MAIL_OK A_OK},
        {.name = "BDAT only behind a recipient",
                HELLO_WITH("CHUNKING") MAIL "S: 250 ok\n" RCPT "S: 450 no\n" QUIT,
                PLAY_SEND,
                MAIL_OK "a@x.example: temporary rcpt reply 450 no\n"},
        {.name = "421 in the middle",
                PIPELINING BATCH_2 "S: 250 ok\nS: 550 5.1.1 who\nS: 421 4.3.2 bye\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: permanent rcpt reply gone 550 5.1.1 who\n"
                          "b@x.example: temporary rcpt reply gone 421 4.3.2 bye\n",
                .rcpts = "a@x.example b@x.example"},
        {.name = "421 takes along who was accepted",
                HELLO ENVELOPE "C: RCPT TO:<b@x.example>\nS: 421 4.3.2 bye\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: temporary rcpt reply gone 421 4.3.2 bye\n"
                          "b@x.example: temporary rcpt reply gone 421 4.3.2 bye\n",
                .rcpts = "a@x.example b@x.example"},
        {.name = "lost in the middle",
                HELLO MAIL "S: 250 ok\n" RCPT "S: 550 5.1.1 who\nC: RCPT TO:<b@x.example>\nclose\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: permanent rcpt reply gone 550 5.1.1 who\n"
                          "b@x.example: lost rcpt connection gone 4.4.2 the peer closed the"
                          " connection while waiting for the reply to RCPT TO\n",
                .rcpts = "a@x.example b@x.example"},
        {.name = "RCPT in no time, each its own",
                HELLO MAIL "sleep 301\nS: 250 ok\n" RCPT "sleep 302\nS: 250 ok\n"
                           "C: RCPT TO:<b@x.example>\nsleep 304\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: lost rcpt connection gone 4.4.2 Timeout while waiting for"
                          " the reply to RCPT TO\n"
                          "b@x.example: lost rcpt connection gone 4.4.2 Timeout while waiting for"
                          " the reply to RCPT TO\n",
                .rcpts = "a@x.example b@x.example"},
        {.name = "too many",
                PIPELINING "W: MAIL FROM:<s@y.example>|RCPT TO:<a@x.example>|RCPT TO:<b@x.example>|"
                           "RCPT TO:<c@x.example>|DATA\n"
                           "S: 250 ok\nS: 250 ok\nS: 452 4.5.3 enough\nS: 452 Too many recipients\n"
                           "S: 354 go\nC| hello\\r\\n.\\r\\n\nS: 250 2.0.0 queued\n" QUIT,
                PLAY_SEND,
                MAIL_OK A_OK "b@x.example: later\nc@x.example: later\ntoo many behind 1\n",
                .rcpts = "a@x.example b@x.example c@x.example"},
        {.name = "too many, and the rest is not said",
                HELLO ENVELOPE "C: RCPT TO:<b@x.example>\nS: 552 too many recipients\n" BODY
                               "S: 250 2.0.0 queued\n" QUIT,
                PLAY_SEND,
                MAIL_OK A_OK "b@x.example: later\nc@x.example: later\ntoo many behind 1\n",
                .rcpts = "a@x.example b@x.example c@x.example"},
        {.name = "too many as the first",
                HELLO MAIL "S: 250 ok\n" RCPT "S: 452 4.5.3 enough\n" QUIT,
                PLAY_SEND,
                MAIL_OK "a@x.example: temporary rcpt reply 452 4.5.3 enough\n"},
        {.name = "DATA is refused",
                HELLO ENVELOPE "C: DATA\nS: 554 5.7.1 no\nC: RSET\nS: 250 ok\n" ENVELOPE
                               "C: DATA\nS: 451 4.3.0 no\n" QUIT,
                PLAY_SEND_TWICE,
                MAIL_OK "a@x.example: permanent data reply 554 5.7.1 no\n" MAIL_OK
                        "a@x.example: temporary data reply 451 4.3.0 no\n"},
        {.name = "DATA out of order",
                HELLO ENVELOPE "C: DATA\nS: 503 5.5.1 what\n" QUIT,
                PLAY_SEND,
                MAIL_OK "a@x.example: temporary data reply 503 5.5.1 what\n"},
        {.name = "250 to DATA",
                HELLO ENVELOPE "C: DATA\nS: 250 ok\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: lost data connection gone 4.5.0 unparseable reply\n"},
        {.name = "354, then nothing",
                HELLO ENVELOPE "C: DATA\nS: 354 go\nabort\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: lost eod connection gone ambiguous 4.4.2 the peer closed"
                          " the connection while waiting for the reply to the message\n",
                .in_one_piece = true},
        {.name = "the message is refused, and the next one is not",
                HELLO ENVELOPE BODY "S: 550-5.7.1 we do not\nS: 550 5.7.1 like it\n" ENVELOPE BODY
                                    "S: 250 2.0.0 queued\n" QUIT,
                PLAY_SEND_TWICE,
                MAIL_OK
                "a@x.example: permanent eod reply 550 5.7.1 we do not like it\n" MAIL_OK A_OK},
        {.name = "no reply to the message",
                HELLO ENVELOPE BODY "close\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: lost eod connection gone ambiguous 4.4.2 the peer closed"
                          " the connection while waiting for the reply to the message\n"},
        {.name = "no reply to the message in time",
                HELLO ENVELOPE BODY "sleep 601\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: lost eod connection gone ambiguous 4.4.2 Timeout while"
                          " waiting for the reply to the message\n"},
        {.name = "a late reply counts",
                HELLO ENVELOPE BODY "sleep 599\nS: 250 2.0.0 queued\nabort\n",
                PLAY_SEND,
                MAIL_OK A_OK,
                .in_one_piece = true},
        {.name = "more than was asked for",
                HELLO ENVELOPE BODY "S: 250 2.0.0 queued\nS: 421 bye\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: good eod gone 250 2.0.0 queued\n",
                .in_one_piece = true},
        {.name = "too large",
                HELLO_WITH("SIZE 6") QUIT,
                PLAY_SEND,
                "mail: permanent mail reply 5.3.4 message exceeds the size limit of mx.example "
                "(6)\n"
                "a@x.example: permanent mail reply 5.3.4 message exceeds the size limit of"
                " mx.example (6)\n"},
        {.name = "an address with a line end",
                HELLO MAIL "S: 250 ok\n",
                PLAY_SEND,
                "",
                .rcpts = "a@x\n.example",
                .fails = ERR_SYNTAX},
};

#define LMTP "S: 220 x\nC: LHLO me.example\nS: 250-x\nS: 250 PIPELINING\n"
#define LMTP_BATCH                                                                                 \
    "W: MAIL FROM:<s@y.example>|RCPT TO:<a@x.example>|RCPT TO:<b@x.example>|RCPT TO:<c@x.example>" \
    "|DATA\nS: 250 ok\nS: 250 ok\nS: 550 5.1.1 who\nS: 250 ok\nS: 354 go\nC| hello\\r\\n.\\r\\n\n"
#define THREE "a@x.example b@x.example c@x.example"

static const struct play lmtps[] = {
        {.name = "a reply for each",
                LMTP LMTP_BATCH "S: 250 2.1.5 stored\nS: 452 4.2.2 full\n" QUIT,
                PLAY_SEND,
                MAIL_OK "a@x.example: good eod 250 2.1.5 stored\n"
                        "b@x.example: permanent rcpt reply 550 5.1.1 who\n"
                        "c@x.example: temporary eod reply 452 4.2.2 full\n",
                .rcpts = THREE,
                .is_lmtp = true},
        {.name = "too few",
                LMTP LMTP_BATCH "S: 250 2.1.5 stored\nclose\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: good eod gone 250 2.1.5 stored\n"
                          "b@x.example: permanent rcpt reply gone 550 5.1.1 who\n"
                          "c@x.example: lost eod connection gone ambiguous 4.4.2 the peer closed"
                          " the connection while waiting for the reply to the message\n",
                .rcpts = THREE,
                .is_lmtp = true},
        {.name = "too few in time",
                LMTP LMTP_BATCH "S: 250 2.1.5 stored\nsleep 601\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: good eod gone 250 2.1.5 stored\n"
                          "b@x.example: permanent rcpt reply gone 550 5.1.1 who\n"
                          "c@x.example: lost eod connection gone ambiguous 4.4.2 Timeout while"
                          " waiting for the reply to the message\n",
                .rcpts = THREE,
                .is_lmtp = true},
        {.name = "too many",
                LMTP LMTP_BATCH "S: 250 2.1.5 a\nS: 250 2.1.5 c\nS: 250 2.1.5 d\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: good eod gone 250 2.1.5 a\n"
                          "b@x.example: permanent rcpt reply gone 550 5.1.1 who\n"
                          "c@x.example: good eod gone 250 2.1.5 c\n",
                .rcpts = THREE,
                .is_lmtp = true,
                .in_one_piece = true},
        {.name = "goodbye to all",
                LMTP LMTP_BATCH "S: 421 4.3.2 bye\n",
                PLAY_SEND,
                MAIL_GONE "a@x.example: temporary eod reply gone 421 4.3.2 bye\n"
                          "b@x.example: permanent rcpt reply gone 550 5.1.1 who\n"
                          "c@x.example: lost eod connection gone ambiguous 4.4.2 the peer closed"
                          " the connection while waiting for the reply to the message\n",
                .rcpts = THREE,
                .is_lmtp = true},
        {.name = "by BDAT",
                "S: 220 x\nC: LHLO me.example\nS: 250-x\nS: 250 CHUNKING\n" ENVELOPE
                "C: RCPT TO:<b@x.example>\nS: 250 ok\nC: BDAT 7 LAST\nC: hello\n"
                "S: 250 2.1.5 a\nS: 550 5.2.1 b\n" QUIT,
                PLAY_SEND,
                MAIL_OK "a@x.example: good eod 250 2.1.5 a\n"
                        "b@x.example: permanent eod reply 550 5.2.1 b\n",
                .rcpts = "a@x.example b@x.example",
                .is_lmtp = true},
};

#define ALL_OFFERED                                                                                \
    "S: 220 x\nC: EHLO me.example\nS: 250-mx.example\nS: 250-SIZE\nS: 250-DSN\nS: 250-8BITMIME\n"  \
    "S: 250-DELIVERBY\nS: 250-MT-PRIORITY\nS: 250-REQUIRETLS\nS: 250 SMTPUTF8\n"
#define FULL                                                                                       \
    "C: MAIL FROM:<s@y.example> BODY=8BITMIME SMTPUTF8 REQUIRETLS SIZE=7 RET=HDRS ENVID=a+20b+2Bc" \
    " BY=60;NT MT-PRIORITY=-3\n"
#define FULL_RCPT "C: RCPT TO:<a@x.example> NOTIFY=SUCCESS,DELAY ORCPT=utf-8;\xc3\xa9+2Bx\n"
#define FULL_FLAGS                                                                                 \
    .with = {.wants_8bit = true,                                                                   \
            .wants_smtputf8 = true,                                                                \
            .requiretls = true,                                                                    \
            .by_s = 60,                                                                            \
            .by_mode = 'N',                                                                        \
            .by_trace = true},                                                                     \
    .message = {.flags = MESSAGE_RET_HDRS, .env_id = S_INIT("a b+c"), .priority = -3},             \
    .rcpt = {.flags = RCPT_NOTIFY_SUCCESS | RCPT_NOTIFY_DELAY,                                     \
            .orcpt_type = S_INIT("utf-8"),                                                         \
            .orcpt = S_INIT("\xc3\xa9+x")}

static const struct play params[] = {
        {.name = "all of them",
                ALL_OFFERED
                "C: MAIL FROM:<s@y.example> BODY=8BITMIME SMTPUTF8 REQUIRETLS SIZE=7 RET=HDRS"
                " ENVID=a+20b+2Bc BY=60;NT MT-PRIORITY=-3\nS: 250 ok\n"
                "C: RCPT TO:<a@x.example> NOTIFY=SUCCESS,DELAY ORCPT=utf-8;\xc3\xa9\\x{2B}x\n"
                "S: 450 no\n" QUIT,
                PLAY_SEND,
                MAIL_OK "a@x.example: temporary rcpt reply 450 no\n",
                FULL_FLAGS},
        {.name = "not offered, not said",
                HELLO MAIL "S: 250 ok\n" RCPT "S: 450 no\n" QUIT,
                PLAY_SEND,
                MAIL_OK "a@x.example: temporary rcpt reply 450 no\n",
                .with = {.by_s = 60, .by_mode = 'R', .requiretls = true},
                .message = {.flags = MESSAGE_RET_FULL, .env_id = S_INIT("x"), .priority = 3},
                .rcpt = {.flags = RCPT_NOTIFY_NEVER}},
        {.name = "NOTIFY with its own ORCPT",
                HELLO_WITH("DSN") "C: MAIL FROM:<s@y.example> RET=FULL\nS: 250 ok\n"
                                  "C: RCPT TO:<a+b@x.example> NOTIFY=NEVER "
                                  "ORCPT=rfc822;a+2Bb@x.example\n"
                                  "S: 450 no\n" QUIT,
                PLAY_SEND,
                MAIL_OK "a+b@x.example: temporary rcpt reply 450 no\n",
                .rcpts = "a+b@x.example",
                .message = {.flags = MESSAGE_RET_FULL},
                .rcpt = {.flags = RCPT_NOTIFY_NEVER}},
        {.name = "nothing was said of NOTIFY",
                HELLO_WITH("DSN") MAIL "S: 250 ok\n" RCPT "S: 450 no\n" QUIT,
                PLAY_SEND,
                MAIL_OK "a@x.example: temporary rcpt reply 450 no\n",
                .rcpt = {.flags = RCPT_NOTIFY_FAILURE | RCPT_NOTIFY_DELAY | RCPT_NOTIFY_IMPLICIT}},
        {.name = "utf-8 for those without SMTPUTF8",
                HELLO_WITH("DSN") MAIL
                "S: 250 ok\n"
                "C: RCPT TO:<a@x.example> ORCPT=utf-8;\\x{5A1C}@x.example\nS: 450 no\n" QUIT,
                PLAY_SEND,
                MAIL_OK "a@x.example: temporary rcpt reply 450 no\n",
                .rcpt = {.flags = RCPT_NOTIFY_IMPLICIT,
                        .orcpt_type = S_INIT("utf-8"),
                        .orcpt = S_INIT("\xe5\xa8\x9c@x.example")}},
        {.name = "BINARYMIME",
                HELLO_WITH(
                        "CHUNKING") "C: MAIL FROM:<s@y.example> BODY=BINARYMIME\nS: 450 no\n" QUIT,
                PLAY_SEND,
                "mail: temporary mail reply 450 no\na@x.example: temporary mail reply 450 no\n",
                .with = {.wants_binary = true, .wants_8bit = true}},
        {.name = "refused at MAIL, and left out from then on",
                HELLO_WITH("SIZE") "C: MAIL FROM:<s@y.example> SIZE=7\nS: 555 5.5.4 what\n"
                                   "C: RSET\nS: 250 ok\n" ENVELOPE BODY
                                   "S: 250 2.0.0 queued\n" ENVELOPE BODY
                                   "S: 250 2.0.0 queued\n" QUIT,
                PLAY_SEND_TWICE,
                MAIL_OK A_OK MAIL_OK A_OK "parameters refused\n"},
        {.name = "refused at MAIL with or without",
                HELLO_WITH("SIZE") "C: MAIL FROM:<s@y.example> SIZE=7\nS: 501 5.5.4 what\n"
                                   "C: RSET\nS: 250 ok\n" MAIL
                                   "S: 501 5.5.2 what\nC: RSET\nS: 250 ok\n"
                                   "C: MAIL FROM:<s@y.example> SIZE=7\nS: 250 ok\n" RCPT
                                   "S: 450 no\n" QUIT,
                PLAY_SEND_TWICE,
                "mail: permanent mail reply 501 5.5.2 what\n"
                "a@x.example: permanent mail reply 501 5.5.2 what\n" MAIL_OK
                "a@x.example: temporary rcpt reply 450 no\n"},
        {.name = "refused at the only RCPT",
                HELLO_WITH("DSN") MAIL
                "S: 250 ok\n"
                "C: RCPT TO:<a@x.example> NOTIFY=NEVER ORCPT=rfc822;a@x.example\nS: 555 what\n"
                "C: RSET\nS: 250 ok\n" ENVELOPE BODY "S: 250 2.0.0 queued\n" QUIT,
                PLAY_SEND,
                MAIL_OK A_OK,
                .rcpt = {.flags = RCPT_NOTIFY_NEVER}},
        {.name = "refused at one of two: it goes later",
                HELLO_WITH("DSN") MAIL
                "S: 250 ok\n"
                "C: RCPT TO:<a@x.example> NOTIFY=NEVER ORCPT=rfc822;a@x.example\nS: 250 ok\n"
                "C: RCPT TO:<b@x.example> NOTIFY=NEVER ORCPT=rfc822;b@x.example\nS: 504 what\n" BODY
                "S: 250 2.0.0 queued\n" QUIT,
                PLAY_SEND,
                MAIL_OK A_OK "b@x.example: later\n",
                .rcpts = "a@x.example b@x.example",
                .rcpt = {.flags = RCPT_NOTIFY_NEVER}},
        {.name = "501 of an address is of the address",
                HELLO_WITH("DSN") MAIL
                "S: 250 ok\n"
                "C: RCPT TO:<a@x.example> NOTIFY=NEVER ORCPT=rfc822;a@x.example\n"
                "S: 501 5.1.3 no address\n" QUIT,
                PLAY_SEND,
                MAIL_OK "a@x.example: permanent rcpt reply 501 5.1.3 no address\n",
                .rcpt = {.flags = RCPT_NOTIFY_NEVER}},
};

static const struct play idles[] = {
        {.name = "silent", HELLO "sleep 100\nabort\n", PLAY_IDLE, "alive\n"},
        {.name = "a goodbye", HELLO "sleep 1\nS: 421 4.4.2 idle\n", PLAY_IDLE, "dead\n"},
        {.name = "an octet", HELLO "sleep 1\nS| 4\nsleep 100\n", PLAY_IDLE, "dead\n"},
        {.name = "an end", HELLO "sleep 1\nclose\nsleep 100\n", PLAY_IDLE, "dead\n"},
        {.name = "all over", HELLO "sleep 1\nabort\n", PLAY_IDLE, "dead\n"},
};

static void greetings(void **state UNUSED)
{
    play_all(hellos, COUNT_OF(hellos));
}

static void transactions(void **state UNUSED)
{
    play_all(sends, COUNT_OF(sends));
}

static void idle(void **state UNUSED)
{
    play_all(idles, COUNT_OF(idles));
}

static void in_lmtp(void **state UNUSED)
{
    play_all(lmtps, COUNT_OF(lmtps));
}

static void parameters(void **state UNUSED)
{
    play_all(params, COUNT_OF(params));
}

// 300 recipients, with short addresses and with long ones: never more than 4 KiB or 100 commands
// unanswered, and still many at once.
static void check_many(size_t address_bytes)
{
    struct buf want AUTO(buf_done), rcpts AUTO(buf_done);
    buf_init(&want, MIB);
    buf_init(&rcpts, MIB);
    buf_add(&want, S(MAIL_OK));
    for (size_t i = 0; i < PLAY_RCPTS_MAX; i++) {
        size_t at = rcpts.len + (i == 0 ? 0 : 1);
        buf_fmt(&rcpts, "%s%03zu", i == 0 ? "" : " ", i);
        buf_add_repeat(&rcpts, 'x', address_bytes - 3);
        buf_fmt(&want, "%.*s: temporary rcpt reply 450 no\n", ARG(str_from(buf_str(&rcpts), at)));
    }
    buf_add_byte(&want, '\0');
    buf_add_byte(&rcpts, '\0');
    const struct play play = {.name = "300 recipients",
            PIPELINING "answer 302\n" QUIT,
            PLAY_SEND,
            want.ptr,
            .rcpts = rcpts.ptr};
    play_all(&play, 1);
}

static void many_recipients(void **state UNUSED)
{
    check_many(10);
    check_many(70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(greetings), TEST(transactions), TEST(idle),
            TEST(in_lmtp), TEST(parameters), TEST(many_recipients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
