// SPDX-License-Identifier: Apache-2.0
// tests/unit/smtp/test_client_xclient.c: whose mail it is, told to hosts that believe us.
#include "client_play.h"

#define OFFER(words) "S: 220 x\nC: EHLO me.example\nS: 250-x\nS: 250 XCLIENT " words "\n"
#define ALL "NAME ADDR PROTO HELO PORT LOGIN DESTADDR DESTPORT"
#define AGAIN "S: 220 y\nC: EHLO me.example\nS: 250-y\nS: 250 SIZE\n"
#define KNOWN "xclient: good ehlo 250 y SIZE\ny offers SIZE 1\n"
#define UNTOLD "xclient: good ehlo \nx offers SIZE 0\n"
#define ANN                                                                                        \
    {                                                                                              \
        .ip = {IP_V4, {192, 0, 2, 7}}, .name = S_INIT("c.example"), .helo = S_INIT("c"),           \
        .login = S_INIT("ann@x.example")                                                           \
    }

static const struct play plays[] = {
        {.name = "not offered",
                "S: 220 x\nC: EHLO me.example\nS: 250 x\n",
                PLAY_XCLIENT,
                UNTOLD,
                .origin = ANN},
        {.name = "offered without the address, so the name would be said of ours",
                OFFER("NAME HELO"),
                PLAY_XCLIENT,
                UNTOLD,
                .origin = ANN},
        {.name = "attributes that nobody knows",
                OFFER("ADDRESS addr=x"),
                PLAY_XCLIENT,
                UNTOLD,
                .origin = ANN},
        {.name = "all of it",
                OFFER(ALL) "C: XCLIENT NAME=c.example ADDR=192.0.2.7 PORT=[UNAVAILABLE] HELO=c"
                           " LOGIN=ann@x.example\n" AGAIN,
                PLAY_XCLIENT,
                KNOWN,
                .origin = ANN},
        {.name = "only what is offered, whatever its case",
                OFFER("addr helo") "C: XCLIENT ADDR=192.0.2.7 HELO=c\n" AGAIN,
                PLAY_XCLIENT,
                KNOWN,
                .origin = ANN},
        {.name = "what is not known is said to be",
                OFFER(ALL) "C: XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::1 PORT=[UNAVAILABLE]"
                           " HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE]\n" AGAIN,
                PLAY_XCLIENT,
                KNOWN,
                .origin = {.ip = {IP_V6, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}}}},
        {.name = "the DNS was silent",
                OFFER("NAME ADDR") "C: XCLIENT NAME=[TEMPUNAVAIL] ADDR=192.0.2.7\n" AGAIN,
                PLAY_XCLIENT,
                KNOWN,
                .origin = {.ip = {IP_V4, {192, 0, 2, 7}}, .name_may_come = true}},
        {.name = "a hello that would be another command",
                OFFER("ADDR HELO") "C: XCLIENT ADDR=192.0.2.7 "
                                   "HELO=a+20LOGIN+3Droot+0D+0A+C3\n" AGAIN,
                PLAY_XCLIENT,
                KNOWN,
                .origin = {.ip = {IP_V4, {192, 0, 2, 7}}, .helo = S_INIT("a LOGIN=root\r\n\xc3")}},
        {.name = "refused",
                OFFER("ADDR") "C: XCLIENT ADDR=192.0.2.7\nS: 550 5.7.0 who are you?\n",
                PLAY_XCLIENT,
                "xclient: temporary ehlo reply 550 5.7.0 who are you?\nx offers SIZE 0\n",
                .origin = {.ip = {IP_V4, {192, 0, 2, 7}}}},
        {.name = "250 is no greeting",
                OFFER("ADDR") "C: XCLIENT ADDR=192.0.2.7\nS: 250 fine\n",
                PLAY_XCLIENT,
                "xclient: lost ehlo connection gone 4.5.0 unparseable reply\nx offers SIZE 0\n",
                .origin = {.ip = {IP_V4, {192, 0, 2, 7}}}},
        {.name = "taken, and then not",
                OFFER("ADDR") "C: XCLIENT ADDR=192.0.2.7\nS: 220 y\nC: EHLO me.example\n"
                              "S: 421 4.7.0 not you\n",
                PLAY_XCLIENT,
                "xclient: temporary ehlo reply gone 421 4.7.0 not you\nx offers SIZE 0\n",
                .origin = {.ip = {IP_V4, {192, 0, 2, 7}}}},
        {.name = "silence",
                OFFER("ADDR") "C: XCLIENT ADDR=192.0.2.7\nsleep 302\n",
                PLAY_XCLIENT,
                "xclient: lost ehlo connection gone 4.4.2 Timeout while waiting for the reply to"
                " XCLIENT\nx offers SIZE 0\n",
                .origin = {.ip = {IP_V4, {192, 0, 2, 7}}}},
        {.name = "LMTP",
                "S: 220 x\nC: LHLO me.example\nS: 250-x\nS: 250 XCLIENT ADDR\n"
                "C: XCLIENT ADDR=192.0.2.7\nS: 220 y\nC: LHLO me.example\nS: 250-y\nS: 250 SIZE\n",
                PLAY_XCLIENT,
                KNOWN,
                .is_lmtp = true,
                .origin = {.ip = {IP_V4, {192, 0, 2, 7}}}},
};

static void all_plays(void **state UNUSED)
{
    play_all(plays, COUNT_OF(plays));
}

// Longer than what others take as a value: it is as if we did not know it.
static void long_values(void **state UNUSED)
{
    struct buf helo AUTO(buf_done);
    buf_init(&helo, KIB);
    buf_add_repeat(&helo, '+', 256);
    const struct play play = {.name = "a long hello",
            OFFER("ADDR HELO") "C: XCLIENT ADDR=192.0.2.7 HELO=[UNAVAILABLE]\n" AGAIN,
            PLAY_XCLIENT,
            KNOWN,
            .origin = {.ip = {IP_V4, {192, 0, 2, 7}}, .helo = buf_str(&helo)}};
    play_all(&play, 1);
}

// Three values that are as long as they may be, each octet of them three in xtext.
static void longest_values(void **state UNUSED)
{
    struct buf value AUTO(buf_done), text AUTO(buf_done), script AUTO(buf_done);
    buf_init(&value, KIB);
    buf_init(&text, KIB);
    buf_init(&script, 16 * KIB);
    buf_add_repeat(&value, '+', 255);
    for (size_t i = 0; i < 255; i++)
        buf_add(&text, S("+2B"));
    buf_fmt(&script, "%sC: XCLIENT NAME=%.*s ADDR=192.0.2.7 HELO=%.*s LOGIN=%.*s\n%s",
            OFFER("NAME ADDR HELO LOGIN"), ARG(buf_str(&text)), ARG(buf_str(&text)),
            ARG(buf_str(&text)), AGAIN);
    buf_add_byte(&script, '\0');
    const struct play play = {.name = "long values",
            script.ptr,
            PLAY_XCLIENT,
            KNOWN,
            .origin = {.ip = {IP_V4, {192, 0, 2, 7}},
                    .name = buf_str(&value),
                    .helo = buf_str(&value),
                    .login = buf_str(&value)}};
    play_all(&play, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(all_plays), TEST(long_values), TEST(longest_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
