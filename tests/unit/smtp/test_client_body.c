// SPDX-License-Identifier: Apache-2.0
// tests/unit/smtp/test_client_body.c: messages of awkward shapes, octet for octet as they leave by
// DATA and by BDAT, in one piece and in pieces of one octet; and what goes wrong on their way.
#include "client_play.h"

#define ENVELOPE "C: MAIL FROM:<s@y.example>\nS: 250 ok\nC: RCPT TO:<a@x.example>\nS: 250 ok\n"
#define HELLO "S: 220 x\nC: EHLO me.example\nS: 250 x\n" ENVELOPE
#define CHUNKING "S: 220 x\nC: EHLO me.example\nS: 250-x\nS: 250 CHUNKING\n" ENVELOPE
#define END "S: 250 2.0.0 queued\nC: QUIT\nS: 221 bye\n"
#define GOOD "mail: good mail 250 ok\na@x.example: good eod 250 2.0.0 queued\n"
#define GONE "mail: good mail gone 250 ok\n"

static const struct {
    const char *name, *text, *dotted;
} shapes[] = {
        {"nothing", "", ".\\r\\n"},
        {"a line", "a\\r\\n", "a\\r\\n.\\r\\n"},
        {"no line end", "a", "a\\r\\n.\\r\\n"},
        {"a dot", ".", "..\\r\\n.\\r\\n"},
        {"a line of a dot", "a\\r\\n.\\r\\n", "a\\r\\n..\\r\\n.\\r\\n"},
        {"dots", "..\\r\\n.\\r\\n...\\r\\n", "...\\r\\n..\\r\\n....\\r\\n.\\r\\n"},
        {"a dot in a line", "a.b\\r\\n", "a.b\\r\\n.\\r\\n"},
        {"an empty line", "\\r\\n", "\\r\\n.\\r\\n"},
        {"empty lines", "\\r\\n\\r\\n.a\\r\\n\\r\\n", "\\r\\n\\r\\n..a\\r\\n\\r\\n.\\r\\n"},
        {"a bare LF", "a\\nb\\r\\n", "a\\r\\nb\\r\\n.\\r\\n"},
        {"a dot behind a bare LF", "a\\n.\\r\\nb", "a\\r\\n..\\r\\nb\\r\\n.\\r\\n"},
        {"a dot between bare LFs", "a\\n.\\nb\\n", "a\\r\\n..\\r\\nb\\r\\n.\\r\\n"},
        {"a bare CR", "a\\rb\\r\\n", "a\\r\\nb\\r\\n.\\r\\n"},
        {"a dot behind a bare CR", "a\\r.\\rb", "a\\r\\n..\\r\\nb\\r\\n.\\r\\n"},
        {"two CRs", "a\\r\\r\\n.", "a\\r\\n\\r\\n..\\r\\n.\\r\\n"},
        {"LF CR", "a\\n\\r.", "a\\r\\n\\r\\n..\\r\\n.\\r\\n"},
        {"LFs first", "\\n\\na", "\\r\\n\\r\\na\\r\\n.\\r\\n"},
        {"a CR last", "a\\r", "a\\r\\n.\\r\\n"},
        {"a LF last", "a\\n", "a\\r\\n.\\r\\n"},
        {"CR LF, LF", "a\\r\\n\\n.", "a\\r\\n\\r\\n..\\r\\n.\\r\\n"},
        {"NULs and 8 bits", "\\0\\xff.\\0\\r\\n\\0", "\\0\\xff.\\0\\r\\n\\0\\r\\n.\\r\\n"},
};

static void check_one(size_t i, const char *script, bool in_octets)
{
    const struct play play = {.name = shapes[i].name,
            script,
            PLAY_SEND,
            GOOD,
            .text = shapes[i].text,
            .in_octets = in_octets};
    play_all(&play, 1);
}

static void check_shape(size_t i, bool in_octets)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, MIB);
    size_t bytes = play_bytes(&a, str_from_c(shapes[i].text)).len;
    struct str by_data = arena_fmt(&a, HELLO "C: DATA\nS: 354 go\nC| %s\n" END, shapes[i].dotted);
    struct str by_bdat =
            arena_fmt(&a, CHUNKING "C: BDAT %zu LAST\nC| %s\n" END, bytes, shapes[i].text);
    check_one(i, arena_c_str(&a, by_data), in_octets);
    check_one(i, arena_c_str(&a, by_bdat), in_octets);
}

static void all_shapes(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        check_shape(i, false);
        check_shape(i, true);
    }
}

static const struct play chunks[] = {
        {.name = "in chunks of 3",
                CHUNKING "C: BDAT 3\nC| hel\nS: 250 ok\nC: BDAT 3\nC| lo\\r\nS: 250 ok\n"
                         "C: BDAT 1 LAST\nC| \\n\n" END,
                PLAY_SEND,
                GOOD,
                .chunk = 3},
        {.name = "in whole chunks",
                CHUNKING "C: BDAT 7 LAST\nC| hello\\r\\n\n" END,
                PLAY_SEND,
                GOOD,
                .chunk = 7},
        {.name = "in chunks, octet by octet",
                CHUNKING "C: BDAT 4\nC| hell\nS: 250 ok\nC: BDAT 3 LAST\nC| o\\r\\n\n" END,
                PLAY_SEND,
                GOOD,
                .chunk = 4,
                .in_octets = true},
        {.name = "a chunk is refused",
                CHUNKING "C: BDAT 3\nC| hel\nS: 552 5.3.4 large\nC: RSET\nS: 250 ok\n" ENVELOPE
                         "C: BDAT 3\nC| hel\nS: 452 4.3.1 full\nC: QUIT\nS: 221 bye\n",
                PLAY_SEND_TWICE,
                "mail: good mail 250 ok\na@x.example: permanent eod reply 552 5.3.4 large\n"
                "mail: good mail 250 ok\na@x.example: temporary eod reply 452 4.3.1 full\n",
                .chunk = 3},
        {.name = "the last chunk is refused",
                CHUNKING
                "C: BDAT 7 LAST\nC| hello\\r\\n\nS: 552 5.3.4 large\nC: RSET\nS: 250 ok\n" ENVELOPE
                "C: BDAT 7 LAST\nC| hello\\r\\n\n" END,
                PLAY_SEND_TWICE,
                "mail: good mail 250 ok\na@x.example: permanent eod reply 552 5.3.4 large\n" GOOD},
        {.name = "no reply to a chunk",
                CHUNKING "C: BDAT 3\nC| hel\nclose\n",
                PLAY_SEND,
                GONE "a@x.example: lost eod connection gone 4.4.2 the peer closed the connection"
                     " while waiting for the reply to the message\n",
                .chunk = 3},
        {.name = "no reply to the last chunk",
                CHUNKING "C: BDAT 7 LAST\nC: hello\nclose\n",
                PLAY_SEND,
                GONE "a@x.example: lost eod connection gone ambiguous 4.4.2 the peer closed the"
                     " connection while waiting for the reply to the message\n"},
        // What was said of the length is wrong: the last octet never leaves.
        {.name = "longer than it says",
                CHUNKING "\n",
                PLAY_SEND,
                GONE "a@x.example: temporary data io gone 4.3.0 the message is not as long as its"
                     " record says\n",
                .claims_less = true},
        {.name = "longer than it says, octet by octet",
                CHUNKING "\n",
                PLAY_SEND,
                GONE "a@x.example: temporary data io gone 4.3.0 the message is not as long as its"
                     " record says\n",
                .claims_less = true,
                .in_octets = true},
        {.name = "shorter than it says",
                CHUNKING "\n",
                PLAY_SEND,
                GONE "a@x.example: temporary data io gone 4.3.0 the message is not as long as its"
                     " record says\n",
                .claims_more = true},
};

static void in_chunks(void **state UNUSED)
{
    play_all(chunks, COUNT_OF(chunks));
}

// --- Large messages ------------------------------------------------------------------------------

#define LARGE_BYTES (1 * MIB)

static const struct play larges[] = {
        {.name = "all of it", HELLO "C: DATA\nS: 354 go\nbody 1048581\n" END, PLAY_SEND, GOOD},
        {.name = "refused on the way",
                HELLO "C: DATA\nS: 354 go\nbody 50000\nS: 552 5.3.4 large\nsleep 1000\nabort\n",
                PLAY_SEND,
                GONE "a@x.example: permanent eod reply gone 552 5.3.4 large\n"},
        {.name = "refused on the way, slowly, and closed",
                HELLO "C: DATA\nS: 354 go\nbody 50000\nS: 452-4.3.1 x\nsleep 20\nS: 452 4.3.1 y\n"
                      "close\nsleep 1000\nabort\n",
                PLAY_SEND,
                GONE "a@x.example: temporary eod reply gone 452 4.3.1 x y\n"},
        {.name = "praised on the way",
                HELLO "C: DATA\nS: 354 go\nbody 50000\nS: 250 thanks\nsleep 1000\nabort\n",
                PLAY_SEND,
                GONE "a@x.example: lost data connection gone 4.5.0 unparseable reply\n"},
        {.name = "a peer that stops reading",
                HELLO "C: DATA\nS: 354 go\nbody 50000\nsleep 181\nabort\n",
                PLAY_SEND,
                GONE "a@x.example: lost data connection gone 4.4.2 Timeout while sending the"
                     " message\n"},
        {.name = "a peer that hangs up",
                HELLO "C: DATA\nS: 354 go\nbody 50000\nclose\nsleep 1000\nabort\n",
                PLAY_SEND,
                GONE "a@x.example: lost data connection gone 4.4.2 the peer closed the connection"
                     " while sending the message\n"},
        {.name = "a slow peer",
                HELLO "C: DATA\nS: 354 go\nbody 300000\nsleep 170\nbody 300000\nsleep 170\n"
                      "body 448581\n" END,
                PLAY_SEND,
                GOOD},
        {.name = "the caller's deadline",
                HELLO "C: DATA\nS: 354 go\nbody 50000\nsleep 1000\nabort\n",
                PLAY_SEND,
                "",
                .outer_s = 100,
                .fails = ERR_TIMEOUT},
        {.name = "a chunk refused on the way",
                CHUNKING "C: BDAT 500000\nbody 50000\nS: 552 5.3.4 large\nsleep 1000\nabort\n",
                PLAY_SEND,
                GONE "a@x.example: permanent eod reply gone 552 5.3.4 large\n",
                .chunk = 500000},
        {.name = "in large chunks",
                CHUNKING "C: BDAT 500000\nbody 500000\nS: 250 ok\nC: BDAT 500000\nbody 500000\n"
                         "S: 250 ok\nC: BDAT 48576 LAST\nbody 48576\n" END,
                PLAY_SEND,
                GOOD,
                .chunk = 500000},
};

static void large_ones(void **state UNUSED)
{
    char *text = mem_bytes(LARGE_BYTES + 1);
    for (size_t i = 0; i < LARGE_BYTES; i++)
        text[i] = (char)('a' + i % 26);
    text[LARGE_BYTES] = '\0';
    for (size_t i = 0; i < COUNT_OF(larges); i++) {
        struct play play = larges[i];
        play.text = text;
        play_all(&play, 1);
    }
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(all_shapes), TEST(in_chunks), TEST(large_ones)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
