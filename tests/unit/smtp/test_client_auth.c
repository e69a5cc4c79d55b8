// SPDX-License-Identifier: Apache-2.0
// tests/unit/smtp/test_client_auth.c: logging in at a relay. The examples of the RFCs are played as
// printed there.
#include "client_play.h"

#define HELLO(mechanisms) "S: 220 x\nC: EHLO me.example\nS: 250-x\nS: 250 AUTH " mechanisms "\n"
#define TIM                                                                                        \
    {                                                                                              \
        .username = S_INIT("tim"), .secret = S_INIT("tanstaaftanstaaf"), .channel_is_safe = true   \
    }
#define USER                                                                                       \
    {                                                                                              \
        .username = S_INIT("user"), .secret = S_INIT("pencil"), .channel_is_safe = true,           \
        .nonce = S_INIT("rOprNGfwEbeRWgbNEkqO")                                                    \
    }
#define TOKEN                                                                                      \
    {                                                                                              \
        .username = S_INIT("a,b=c"), .token = S_INIT("tok"), .channel_is_safe = true               \
    }
#define IN "S: 235 2.7.0 in\n"
#define LOGGED_IN "auth: good auth 235 2.7.0 in\n"
#define NO(why) "auth: temporary auth connection 4.7.8 " why "\n"

#define SCRAM_FIRST "A: SCRAM-SHA-256 n,,n=user,r=rOprNGfwEbeRWgbNEkqO\n"
#define SCRAM_NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SCRAM_CHALLENGE "D: r=" SCRAM_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096\n"
#define SCRAM_FINAL "B: c=biws,r=" SCRAM_NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=\n"
#define SCRAM_PROVED "D: v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=\n"
#define GIVEN_UP "C: *\nS: 501 5.7.0 well\n"

static const struct str sha_1[] = {S_INIT("SCRAM-SHA-1")}, login[] = {S_INIT("login")},
                        external[] = {S_INIT("EXTERNAL"), S_INIT("nonsense")};

static const struct play logins[] = {
        {.name = "without TLS",
                HELLO("PLAIN"),
                PLAY_AUTH,
                "auth: temporary auth tls 4.7.4 refusing to send credentials without TLS\n",
                .credentials = {.username = S_INIT("a"), .secret = S_INIT("b")}},
        {.name = "nothing in common",
                HELLO("GSSAPI EXTERNAL XOAUTH2"),
                PLAY_AUTH,
                NO("the host offers no mechanism of authentication that we have"),
                .credentials = TIM},
        {.name = "not even AUTH",
                "S: 220 x\nC: EHLO me.example\nS: 250 x\n",
                PLAY_AUTH,
                NO("the host offers no mechanism of authentication that we have"),
                .credentials = TIM},
        {.name = "PLAIN before LOGIN, RFC 4616",
                HELLO("LOGIN PLAIN") "A: PLAIN \\0tim\\0tanstaaftanstaaf\n" IN,
                PLAY_AUTH,
                LOGGED_IN,
                .credentials = TIM},
        {.name = "AUTH= of old servers",
                "S: 220 x\nC: EHLO me.example\nS: 250-x\nS: 250 AUTH=LOGIN"
                " PLAIN\nA: PLAIN \\0tim\\0tanstaaftanstaaf\n" IN,
                PLAY_AUTH,
                LOGGED_IN,
                .credentials = TIM},
        {.name = "a wrong password is nobody's fault, and tried once",
                HELLO("PLAIN LOGIN") "A: PLAIN \\0tim\\0tanstaaftanstaaf\nS: 535 5.7.8 no\n",
                PLAY_AUTH,
                "auth: temporary auth connection 535 4.7.8 no\n",
                .credentials = TIM},
        {.name = "another mechanism behind 504, but no third",
                HELLO("PLAIN LOGIN CRAM-MD5") "A: PLAIN \\0tim\\0tanstaaftanstaaf\nS: 504 5.5.4 "
                                              "not that\n"
                                              "C: AUTH LOGIN\nS: 454 4.7.0 later\n",
                PLAY_AUTH,
                "auth: temporary auth connection 454 4.7.8 later\n",
                .credentials = TIM},
        {.name = "421",
                HELLO("PLAIN LOGIN") "A: PLAIN \\0tim\\0tanstaaftanstaaf\nS: 421 bye\n",
                PLAY_AUTH,
                "auth: temporary auth connection gone 421 4.7.8 bye\n",
                .credentials = TIM},
        {.name = "no answer",
                HELLO("PLAIN") "A: PLAIN \\0tim\\0tanstaaftanstaaf\nsleep 122\n",
                PLAY_AUTH,
                "auth: lost auth connection gone 4.4.2 Timeout while waiting for the reply to"
                " AUTH\n",
                .credentials = TIM},
        {.name = "PLAIN is asked for more",
                HELLO("PLAIN") "A: PLAIN \\0tim\\0tanstaaftanstaaf\n"
                               "D: more\n" GIVEN_UP,
                PLAY_AUTH,
                NO("the host asks what its mechanism has no answer to"),
                .credentials = TIM},
        {.name = "LOGIN",
                HELLO("LOGIN") "C: AUTH LOGIN\nD: Username:\nB: tim\nD: Password:\n"
                               "B: tanstaaftanstaaf\n" IN,
                PLAY_AUTH,
                LOGGED_IN,
                .credentials = TIM},
        {.name = "LOGIN the other way round",
                HELLO("LOGIN") "C: AUTH LOGIN\nD: PASSWORD please\n"
                               "B: tanstaaftanstaaf\nD: user name\nB: tim\n" IN,
                PLAY_AUTH,
                LOGGED_IN,
                .credentials = TIM},
        {.name = "LOGIN without a word",
                HELLO("LOGIN") "C: AUTH LOGIN\nS: 334 \nB: tim\n"
                               "S: 334 ???\nB: tanstaaftanstaaf\n" IN,
                PLAY_AUTH,
                LOGGED_IN,
                .credentials = TIM},
        {.name = "LOGIN without end",
                HELLO("LOGIN") "C: AUTH LOGIN\nS: 334 \nB: tim\nS: 334 \n"
                               "B: tanstaaftanstaaf\nS: 334 \n" GIVEN_UP,
                PLAY_AUTH,
                NO("the host asks more than twice"),
                .credentials = TIM},
        {.name = "LOGIN by order, not offered",
                HELLO("PLAIN") "C: AUTH LOGIN\nD: Username:\n"
                               "B: tim\nD: Password:\nB: tanstaaftanstaaf\n" IN,
                PLAY_AUTH,
                LOGGED_IN,
                .credentials = {.username = S_INIT("tim"),
                        .secret = S_INIT("tanstaaftanstaaf"),
                        .channel_is_safe = true,
                        .mechanisms = {login, 1}}},
        {.name = "what nobody has",
                HELLO("EXTERNAL"),
                PLAY_AUTH,
                NO("the host offers no mechanism of authentication that we have"),
                .credentials = {.username = S_INIT("tim"),
                        .secret = S_INIT("x"),
                        .channel_is_safe = true,
                        .mechanisms = {external, 2}}},
        {.name = "CRAM-MD5, RFC 2195",
                HELLO("CRAM-MD5") "C: AUTH CRAM-MD5\n"
                                  "D: <1896.697170952@postoffice.reston.mci.net>\n"
                                  "B: tim b913a602c7eda7a495b4e6e7334d3890\n" IN,
                PLAY_AUTH,
                LOGGED_IN,
                .credentials = TIM},
        {.name = "CRAM-MD5 without a challenge",
                HELLO("CRAM-MD5") "C: AUTH CRAM-MD5\nS: 334 \n" GIVEN_UP,
                PLAY_AUTH,
                NO("a challenge that CRAM-MD5 does not have"),
                .credentials = TIM},

        {.name = "SCRAM-SHA-256, RFC 7677",
                HELLO("PLAIN SCRAM-SHA-256") SCRAM_FIRST SCRAM_CHALLENGE SCRAM_FINAL SCRAM_PROVED
                "C: \n" IN,
                PLAY_AUTH,
                LOGGED_IN,
                .credentials = USER},
        {.name = "-PLUS without TLS is not tried",
                HELLO("SCRAM-SHA-256-PLUS SCRAM-SHA-256")
                        SCRAM_FIRST SCRAM_CHALLENGE SCRAM_FINAL SCRAM_PROVED "C: \n" IN,
                PLAY_AUTH,
                LOGGED_IN,
                .credentials = USER},
        {.name = "SCRAM-SHA-1, RFC 5802",
                HELLO("SCRAM-SHA-1") "A: SCRAM-SHA-1 n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL\n"
                                     "D: "
                                     "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+"
                                     "Q6sek8bf92,i=4096\n"
                                     "B: c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
                                     "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=\n"
                                     "D: v=rmF9pqV8S7suAoZWja4dJRkFsKQ=\nC: \n" IN,
                PLAY_AUTH,
                LOGGED_IN,
                .credentials = {.username = S_INIT("user"),
                        .secret = S_INIT("pencil"),
                        .channel_is_safe = true,
                        .nonce = S_INIT("fyko+d2lbbFgONRv9qkxdawL"),
                        .mechanisms = {sha_1, 1}}},
        {.name = "SCRAM, and no proof",
                HELLO("SCRAM-SHA-256") SCRAM_FIRST SCRAM_CHALLENGE SCRAM_FINAL IN,
                PLAY_AUTH,
                "auth: temporary auth connection gone 4.7.8 the host has not proved that it knows"
                " the password\n",
                .credentials = USER},
        {.name = "SCRAM, and no proof at all",
                HELLO("SCRAM-SHA-256") SCRAM_FIRST IN,
                PLAY_AUTH,
                "auth: temporary auth connection gone 4.7.8 the host has not proved that it knows"
                " the password\n",
                .credentials = USER},
        {.name = "SCRAM, and another proof",
                HELLO("SCRAM-SHA-256") SCRAM_FIRST SCRAM_CHALLENGE SCRAM_FINAL
                "D: v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=\n" GIVEN_UP,
                PLAY_AUTH,
                NO("the host has not proved that it knows the password"),
                .credentials = USER},
        {.name = "SCRAM with few iterations",
                HELLO("SCRAM-SHA-256") SCRAM_FIRST "D: r=" SCRAM_NONCE
                                                   ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1\n" GIVEN_UP,
                PLAY_AUTH,
                NO("a challenge that SCRAM does not have"),
                .credentials = USER},
        {.name = "SCRAM with very many",
                HELLO("SCRAM-SHA-256") SCRAM_FIRST
                "D: r=" SCRAM_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4294967295\n" GIVEN_UP,
                PLAY_AUTH,
                NO("a challenge that SCRAM does not have"),
                .credentials = USER},
        {.name = "SCRAM with another's nonce",
                HELLO("SCRAM-SHA-256") SCRAM_FIRST
                "D: r=xOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096\n" GIVEN_UP,
                PLAY_AUTH,
                NO("the host answers to somebody else's SCRAM"),
                .credentials = USER},
        {.name = "SCRAM with our nonce alone",
                HELLO("SCRAM-SHA-256") SCRAM_FIRST
                "D: r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096\n" GIVEN_UP,
                PLAY_AUTH,
                NO("the host answers to somebody else's SCRAM"),
                .credentials = USER},
        {.name = "SCRAM, not base64",
                HELLO("SCRAM-SHA-256") SCRAM_FIRST "S: 334 !\n" GIVEN_UP,
                PLAY_AUTH,
                NO("a challenge that SCRAM does not have"),
                .credentials = USER},
        {.name = "SCRAM, unknown user",
                HELLO("SCRAM-SHA-256 PLAIN") SCRAM_FIRST "S: 535 no\n",
                PLAY_AUTH,
                "auth: temporary auth connection 535 4.7.8 no\n",
                .credentials = USER},

        {.name = "OAUTHBEARER, RFC 7628",
                HELLO("XOAUTH2 OAUTHBEARER") "A: OAUTHBEARER n,a=a=2Cb=3Dc,\\x01auth=Bearer "
                                             "tok\\x01\\x01\n" IN,
                PLAY_AUTH,
                LOGGED_IN,
                .credentials = TOKEN},
        {.name = "OAUTHBEARER, refused",
                HELLO("OAUTHBEARER") "A: OAUTHBEARER n,a=a=2Cb=3Dc,\\x01auth=Bearer tok\\x01\\x01\n"
                                     "D: {\"status\":\"invalid_token\"}\nC: AQ==\nS: 535 5.7.8 "
                                     "no\n",
                PLAY_AUTH,
                "auth: temporary auth connection 535 4.7.8 no\n",
                .credentials = TOKEN},
        {.name = "XOAUTH2",
                HELLO("XOAUTH2 PLAIN") "A: XOAUTH2 user=a,b=c\\x01auth=Bearer tok\\x01\\x01\n" IN,
                PLAY_AUTH,
                LOGGED_IN,
                .credentials = TOKEN},
        {.name = "XOAUTH2, refused",
                HELLO("XOAUTH2") "A: XOAUTH2 user=a,b=c\\x01auth=Bearer tok\\x01\\x01\n"
                                 "D: {\"status\":\"400\"}\nC: \nS: 535 5.7.8 no\n",
                PLAY_AUTH,
                "auth: temporary auth connection 535 4.7.8 no\n",
                .credentials = TOKEN},
        {.name = "asked without end",
                HELLO("XOAUTH2") "A: XOAUTH2 user=a,b=c\\x01auth=Bearer tok\\x01\\x01\n"
                                 "S: 334 \nC: \nS: 334 \nC: \nS: 334 \nC: \nS: 334 \nC: \nS: 334 "
                                 "\nC: \nS: 334 \n"
                                 "C: \n" GIVEN_UP,
                PLAY_AUTH,
                NO("the host asks without end"),
                .credentials = TOKEN},
};

static void all_logins(void **state UNUSED)
{
    play_all(logins, COUNT_OF(logins));
}

// What does not fit a command of 512 octets waits to be asked for (RFC 4954 4).
static void long_token(void **state UNUSED)
{
    struct buf token AUTO(buf_done), script AUTO(buf_done);
    buf_init(&token, 4 * KIB);
    buf_init(&script, 16 * KIB);
    buf_add_repeat(&token, 't', 2000);
    buf_fmt(&script, "%sC: AUTH XOAUTH2\nS: 334 \nB: user=u\\x01auth=Bearer %.*s\\x01\\x01\n%s",
            HELLO("XOAUTH2"), ARG(buf_str(&token)), IN);
    buf_add_byte(&script, '\0');
    const struct play play = {.name = "a long token",
            script.ptr,
            PLAY_AUTH,
            LOGGED_IN,
            .credentials = {.username = S("u"), .token = buf_str(&token), .channel_is_safe = true}};
    play_all(&play, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(all_logins), TEST(long_token)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
