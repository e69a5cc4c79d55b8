// SPDX-License-Identifier: Apache-2.0
// tests/unit/smtp/test_data.c: what DATA makes of octets, whole and in every split, and the ends
// that are none.
#include "../base/check.h"

#include "base/find.h"
#include "smtp/data.h"

struct result {
    struct buf message;
    struct data_reader d;
    bool ended;
    size_t left; // octets behind the end
};

static void feed(struct result *r, struct str bytes)
{
    struct scan in = scan_over(bytes);
    struct str piece;
    enum data_progress progress = data_next(&r->d, &in, &piece);
    for (; progress == DATA_PIECE; progress = data_next(&r->d, &in, &piece))
        buf_add(&r->message, piece);
    if (progress == DATA_END && !r->ended) {
        r->ended = true;
        r->left = 0;
    }
    if (r->ended)
        r->left += scan_rest(&in).len;
}

static void begin(struct result *r, enum newline_policy policy, enum data_framing framing)
{
    *r = (struct result){.d = {.policy = policy}};
    buf_init(&r->message, MIB);
    data_begin(&r->d, framing);
}

static void finish(struct result *r)
{
    struct str piece;
    while (data_finish(&r->d, &piece) == DATA_PIECE)
        buf_add(&r->message, piece);
}

#define N NEWLINES_NORMALIZE
#define A NEWLINES_ACCEPT
#define R NEWLINES_REJECT

static const struct {
    const char *name;
    struct str in;
    enum newline_policy policy;
    struct str message;
    bool ended;
    size_t left;
    bool refused;
} dotted[] = {
        {"empty", S_INIT(".\r\n"), N, S_INIT(""), true, 0, false},
        {"a line", S_INIT("a\r\n.\r\n"), N, S_INIT("a\r\n"), true, 0, false},
        {"two lines and a command", S_INIT("a\r\nb\r\n.\r\nQUIT\r\n"), N, S_INIT("a\r\nb\r\n"),
                true, 6, false},
        {"a stuffed dot", S_INIT("..\r\n.\r\n"), N, S_INIT(".\r\n"), true, 0, false},
        {"a dot before text", S_INIT(".a\r\n..b\r\n.\r\n"), N, S_INIT("a\r\n.b\r\n"), true, 0,
                false},
        {"a dot within", S_INIT("a.\r\nb.b\r\n.\r\n"), N, S_INIT("a.\r\nb.b\r\n"), true, 0, false},
        {"LF . LF", S_INIT("a\n.\nb\r\n.\r\n"), N, S_INIT("a\r\n.\r\nb\r\n"), true, 0, false},
        {"LF . CRLF", S_INIT("a\n.\r\nb\r\n.\r\n"), N, S_INIT("a\r\n.\r\nb\r\n"), true, 0, false},
        {"CRLF . LF", S_INIT("a\r\n.\nb\r\n.\r\n"), N, S_INIT("a\r\n\r\nb\r\n"), true, 0, false},
        {"CR . CR", S_INIT("a\r.\rb\r\n.\r\n"), N, S_INIT("a . b\r\n"), true, 0, false},
        {"CR . CRLF", S_INIT("a\r.\r\nb\r\n.\r\n"), N, S_INIT("a .\r\nb\r\n"), true, 0, false},
        {"CRLF . CR", S_INIT("a\r\n.\rb\r\n.\r\n"), N, S_INIT("a\r\n b\r\n"), true, 0, false},
        {"CRCRLF . CRLF", S_INIT("a\r\r\n.\r\nb\r\n.\r\n"), N, S_INIT("a\r\n.\r\nb\r\n"), true, 0,
                false},
        {"CRCRLF . CRLF, accepted", S_INIT("a\r\r\n.\r\nb\r\n.\r\n"), A,
                S_INIT("a\r\r\n.\r\nb\r\n"), true, 0, false},
        {"CRLF . CRCRLF", S_INIT("a\r\n.\r\r\nb\r\n.\r\n"), N, S_INIT("a\r\n\r\nb\r\n"), true, 0,
                false},
        {"CRLF .. CRLF", S_INIT("a\r\n..\r\n.\r\n"), N, S_INIT("a\r\n.\r\n"), true, 0, false},
        {"CRLF NUL . CRLF", S_INIT("\r\n\0.\r\n.\r\n"), N, S_INIT("\r\n.\r\n"), true, 0, false},
        {"CRLF . NUL CRLF", S_INIT("\r\n.\0\r\n.\r\n"), N, S_INIT("\r\n\r\n"), true, 0, false},
        {"LF alone", S_INIT("a\nb\r\n.\r\n"), N, S_INIT("a\r\nb\r\n"), true, 0, false},
        {"LF alone, accepted", S_INIT("a\nb\r\n.\r\n"), A, S_INIT("a\nb\r\n"), true, 0, false},
        {"LF alone, refused", S_INIT("a\nb\r\n.\r\n"), R, S_INIT("a\nb\r\n"), true, 0, true},
        {"CR alone", S_INIT("a\rb\r\n.\r\n"), N, S_INIT("a b\r\n"), true, 0, false},
        {"CR alone, accepted", S_INIT("a\rb\r\n.\r\n"), A, S_INIT("a\rb\r\n"), true, 0, false},
        {"CR alone, refused", S_INIT("a\rb\r\n.\r\n"), R, S_INIT("a\rb\r\n"), true, 0, true},
        {"CRs before LF", S_INIT("a\r\r\r\nb\r\n.\r\n"), N, S_INIT("a\r\nb\r\n"), true, 0, false},
        {"CRs before LF, accepted", S_INIT("a\r\r\r\nb\r\n.\r\n"), A, S_INIT("a\r\r\r\nb\r\n"),
                true, 0, false},
        {"CRs before text", S_INIT("a\r\r\rb\r\n.\r\n"), N, S_INIT("a   b\r\n"), true, 0, false},
        {"NUL dropped", S_INIT("\r\na\0b\r\n.\r\n"), N, S_INIT("\r\nab\r\n"), true, 0, false},
        {"NUL accepted", S_INIT("\r\na\0b\r\n.\r\n"), A, S_INIT("\r\na\0b\r\n"), true, 0, false},
        {"NUL refused", S_INIT("\r\na\0b\r\n.\r\n"), R, S_INIT("\r\na\0b\r\n"), true, 0, true},
        {"no end yet", S_INIT("a\r\n."), N, S_INIT("a\r\n"), false, 0, false},
        {"no end yet, a CR further", S_INIT("a\r\n.\r"), N, S_INIT("a\r\n"), false, 0, false},
        {"nothing", S_INIT(""), N, S_INIT(""), false, 0, false},
};

static void check_dotted(size_t i, struct result *r)
{
    check_str(dotted[i].name, buf_str(&r->message), dotted[i].message);
    check_u64(dotted[i].name, r->ended, dotted[i].ended);
    check_u64(dotted[i].name, r->left, dotted[i].left);
    check_u64(dotted[i].name, data_has_refused_newline(&r->d) || data_has_refused_nul(&r->d),
            dotted[i].refused);
    buf_done(&r->message);
}

static void data_in_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(dotted); i++) {
        struct str in = dotted[i].in;
        struct result r;
        for (size_t first = 0; first <= in.len; first++)
            for (size_t second = first; second <= in.len; second++) {
                begin(&r, dotted[i].policy, DATA_DOTTED);
                feed(&r, str_upto(in, first));
                feed(&r, str_part(in, first, second - first));
                feed(&r, str_from(in, second));
                check_dotted(i, &r);
            }
        begin(&r, dotted[i].policy, DATA_DOTTED);
        for (size_t at = 0; at < in.len; at++)
            feed(&r, str_part(in, at, 1));
        check_dotted(i, &r);
    }
}

static const struct {
    const char *name;
    struct str in;
    enum data_framing framing;
    enum newline_policy policy;
    struct str message;
} counted[] = {
        {"dots stay", S_INIT(".a\r\n..\r\n.\r\n"), DATA_COUNTED, N, S_INIT(".a\r\n..\r\n.\r\n")},
        {"LF alone", S_INIT("a\nb"), DATA_COUNTED, N, S_INIT("a\r\nb")},
        {"CR at the end", S_INIT("a\r"), DATA_COUNTED, N, S_INIT("a ")},
        {"CRs at the end", S_INIT("a\r\r\r"), DATA_COUNTED, A, S_INIT("a\r\r\r")},
        {"binary", S_INIT("a\r\0\n\n\r\r.\r\n"), DATA_BINARY, N, S_INIT("a\r\0\n\n\r\r.\r\n")},
};

static void chunks_in_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(counted); i++)
        for (size_t first = 0; first <= counted[i].in.len; first++) {
            struct result r;
            begin(&r, counted[i].policy, counted[i].framing);
            feed(&r, str_upto(counted[i].in, first));
            feed(&r, str_from(counted[i].in, first));
            finish(&r);
            check_str(counted[i].name, buf_str(&r.message), counted[i].message);
            buf_done(&r.message);
        }
}

static void figures(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct str in;
        uint64_t nuls, lfs, crs, longest;
        bool nul_in_header, has_8bit;
    } cases[] = {
            {"plain", S_INIT("A: b\r\n\r\nlonger line\r\n.\r\n"), 0, 0, 0, 11, false, false},
            {"8 bit", S_INIT("A: b\r\n\r\n\xc3\xbc\r\n.\r\n"), 0, 0, 0, 4, false, true},
            {"8 bit far in", S_INIT("0123456789abcdef\xc3\xbc\r\n.\r\n"), 0, 0, 0, 18, false, true},
            {"NUL in the header", S_INIT("A: \0b\r\n\r\nc\r\n.\r\n"), 1, 0, 0, 4, true, false},
            {"NUL in the body", S_INIT("A: b\r\n\r\n\0\0c\r\n.\r\n"), 2, 0, 0, 4, false, false},
            {"bare ones", S_INIT("a\nb\rc\r\r\nd\r\n.\r\n"), 0, 1, 2, 3, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct result r;
        begin(&r, N, DATA_DOTTED);
        feed(&r, cases[i].in);
        check_u64(cases[i].name, r.d.nul_count, cases[i].nuls);
        check_u64(cases[i].name, r.d.bare_lf_count, cases[i].lfs);
        check_u64(cases[i].name, r.d.bare_cr_count, cases[i].crs);
        check_u64(cases[i].name, r.d.longest_line_bytes, cases[i].longest);
        check_u64(cases[i].name, r.d.nul_in_header, cases[i].nul_in_header);
        check_u64(cases[i].name, r.d.has_8bit, cases[i].has_8bit);
        buf_done(&r.message);
    }
}

// More CRs than go out at once, with and without an LF behind them.
static void many_crs(void **state)
{
    (void)state;
    for (size_t count = 60; count < 200; count++)
        for (int with_lf = 0; with_lf < 2; with_lf++) {
            struct buf in;
            struct result r;
            buf_init(&in, KIB);
            buf_add_repeat(&in, '\r', count);
            buf_add(&in, with_lf ? S("\n") : S("x"));
            begin(&r, A, DATA_DOTTED);
            feed(&r, buf_str(&in));
            check_str("as it came", buf_str(&r.message), buf_str(&in));
            check_u64("counted", r.d.bare_cr_count, count - (size_t)with_lf);
            buf_done(&in);
            buf_done(&r.message);
        }
}

static void both_ways_to_look(void **state)
{
    (void)state;
    char text[80];
    for (size_t at = 0; at < sizeof(text); at++)
        for (size_t high = 0; high < sizeof(text); high += 3)
            for (size_t which = 0; which < 4; which++) {
                bool here = false, there = false;
                memset(text, 'x', sizeof(text));
                text[high] = '\x80';
                text[at] = "\r\n\0y"[which];
                struct str s = str_of(text, sizeof(text));
                check_u64("offset", find_line_byte(s, &here), find_line_byte_portable(s, &there));
                check_u64("8 bit", here, there);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(data_in_every_split),
            TEST(chunks_in_every_split),
            TEST(figures),
            TEST(many_crs),
            TEST(both_ways_to_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
