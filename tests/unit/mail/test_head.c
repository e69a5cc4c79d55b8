// SPDX-License-Identifier: Apache-2.0
// tests/unit/mail/test_head.c: headers as they arrive, the odd ones first; what is counted in them,
// and what is cut out.
#include "../base/check.h"
#include "mail/head.h"

#define RECEIVED "Received: a\r\n"

static struct mail_head read_head(struct arena *a, const char *text, bool message_ends)
{
    struct mail_head head;
    struct mail_head_options options = {.fields_max = 4, .message_ends = message_ends};
    struct err e = mail_head_read(a, str_from_c(text), &options, &head);
    check_true(text, !failed(e));
    return head;
}

// --- Counts --------------------------------------------------------------------------------------

static const struct {
    const char *name, *text;
    size_t block, body_at, count, named;
    bool ended, known, has_8bit;
} counts[] = {
        {"nothing", "", 0, 0, 0, 0, false, false, false},
        {"an empty line first", "\r\nTo: a\r\n", 0, 2, 0, 0, true, false, false},
        {"a bare LF first", "\nTo: a\r\n", 0, 1, 0, 0, true, false, false},
        {"no line end", "To: a", 5, 5, 1, 1, false, true, false},
        {"no empty line", "To: a\r\n", 7, 7, 1, 1, false, true, false},
        {"CR alone is no line end", "To: a\r\rb: c\r\n\r\n", 13, 15, 1, 1, true, true, false},
        {"LF alone is one", "To: a\nb: c\n\nd", 11, 12, 2, 2, true, true, false},
        {"a line of CR is no empty line", "To: a\r\n\r\r\n\r\n", 10, 12, 2, 1, true, true, false},
        {"no field at all", "hello\r\nworld\r\n\r\n", 14, 16, 2, 0, true, false, false},
        {"no known field", "A: b\r\nX-c: d\r\n\r\n", 14, 16, 2, 2, true, false, false},
        {"a known name in the value", "A: To: b\r\n\r\n", 10, 12, 1, 1, true, false, false},
        {"a known name in a fold", "A: b\r\n To: b\r\n\r\n", 14, 16, 1, 1, true, false, false},
        {"a known name in the body", "A: b\r\n\r\nTo: c\r\n", 6, 8, 1, 1, true, false, false},
        {"names in any case", "suBJect: a\r\n\r\n", 12, 14, 1, 1, true, true, false},
        {"blanks before the colon", "To \t: a\r\n\r\n", 9, 11, 1, 1, true, true, false},
        {"a blank in the name", "To you: a\r\n\r\n", 11, 13, 1, 0, true, false, false},
        {"no name", ": a\r\n\r\n", 5, 7, 1, 0, true, false, false},
        {"a name beyond ASCII", "T\303\266: a\r\n\r\n", 8, 10, 1, 0, true, false, true},
        {"8 bit in the body alone", "To: a\r\n\r\n\303\266", 7, 9, 1, 1, true, true, false},
        {"a blank first", " To: a\r\nCc: b\r\n\r\n", 15, 17, 2, 1, true, true, false},
        {"a fold of blanks alone", "To: a\r\n \r\n\t\r\n\r\n", 13, 15, 1, 1, true, true, false},
        {"a fold at the end", "To: a\r\n b", 9, 9, 1, 1, false, true, false},
        {"a mailbox's From line", "From a@b 1 Jan\r\nTo: a\r\n\r\n", 23, 25, 2, 1, true, true,
                false},
        {"more than are kept", RECEIVED RECEIVED RECEIVED RECEIVED RECEIVED "\r\n", 65, 67, 5, 5,
                true, true, false},
};

static void counted(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct arena a AUTO(arena_done);
        const char *name = counts[i].name;
        arena_init(&a, MIB);
        struct mail_head head = read_head(&a, counts[i].text, false);
        check_u64(name, head.block.len, counts[i].block);
        check_u64(name, head.body_at, counts[i].body_at);
        check_u64(name, head.count, counts[i].count);
        check_u64(name, head.named, counts[i].named);
        check_true(name, head.ended == counts[i].ended);
        check_true(name, head.any_known == counts[i].known);
        check_true(name, head.has_8bit == counts[i].has_8bit);
        check_true(name, read_head(&a, counts[i].text, true).ended);
    }
}

static void hops(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, MIB);
    struct mail_head head = read_head(&a,
            RECEIVED " b\r\n\tReceived: no\r\n" RECEIVED
                     "X-Received: no\r\nreceived :x\r\n" RECEIVED "\r\n" RECEIVED,
            false);
    check_u64("folded ones are one, and those not kept count", head.times[HEAD_RECEIVED], 4);
    check_u64("kept", head.field_count, 4);
    check_str("the first", mail_head_body(&head, HEAD_RECEIVED), S(" a\r\n b\r\n\tReceived: no"));
}

// --- Values --------------------------------------------------------------------------------------

static void values(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, MIB);
    struct mail_head head =
            read_head(&a, "From: a\r\nfrom:b\r\nDate:\r\nSender: c\r\n d\r\nTo: e\r\n\r\n", false);
    check_str("the first of two", mail_head_body(&head, HEAD_FROM), S(" a"));
    check_u64("there are two", head.times[HEAD_FROM], 2);
    check_true("empty", !str_is_null(mail_head_body(&head, HEAD_DATE)));
    check_str("empty", mail_head_body(&head, HEAD_DATE), S(""));
    check_str("with its fold", mail_head_body(&head, HEAD_SENDER), S(" c\r\n d"));
    check_true("not kept", str_is_null(mail_head_body(&head, HEAD_TO)));
    check_true("but there", mail_head_has(&head, HEAD_TO) && !mail_head_has(&head, HEAD_CC));
    check_str("name", head_field_name(&head, &head.fields[1]), S("from"));
}

static void names(void **state UNUSED)
{
    for (unsigned name = HEAD_OTHER + 1; name < HEAD_NAME_COUNT; name++) {
        struct str text = head_name_text((enum head_name)name);
        check_u64("found by its text", head_name_of(text), name);
    }
    check_u64("none", head_name_of(STR_NULL), HEAD_OTHER);
    check_u64("a part of one", head_name_of(S("Fro")), HEAD_OTHER);
    check_u64("the longest and one more", head_name_of(S("Disposition-Notification-Too")),
            HEAD_OTHER);
    check_u64("one letter", head_name_of(S("T")), HEAD_OTHER);
}

// --- Cuts ----------------------------------------------------------------------------------------

static const struct str stripped[] = {S_INIT("X-Spam-Status"), S_INIT("return-path")};

static const struct {
    const char *name, *text, *left;
    bool submission;
    size_t cuts;
} cuts[] = {
        {"nothing to cut", "To: a\r\n\r\nX-Spam-Status: b\r\n", "To: a\r\n\r\nX-Spam-Status: b\r\n",
                false, 0},
        {"in any case, folded, with blanks before the colon",
                "To: a\r\nx-spam-STATUS: b\r\n c\r\nReturn-Path : d\r\nCc: e\r\n\r\n",
                "To: a\r\nCc: e\r\n\r\n", false, 1},
        {"apart", "Return-Path: d\r\nTo: a\r\nReturn-Path: e\r\n\r\nb", "To: a\r\n\r\nb", false, 2},
        {"behind a bare LF", "To: a\nReturn-Path: b\nCc: c\r\n\r\n", "To: a\nCc: c\r\n\r\n", false,
                1},
        {"the last, without a line end", "To: a\r\nReturn-Path: b", "To: a\r\n", false, 1},
        {"longer and shorter names stay", "X-Spam-Statu: a\r\nX-Spam-Status2: b\r\n\r\n",
                "X-Spam-Statu: a\r\nX-Spam-Status2: b\r\n\r\n", false, 0},
        {"a continuation of nothing", " x: y\r\n\tz\r\nTo: a\r\n\r\n", "To: a\r\n\r\n", false, 1},
        {"a mailbox's From line", "From a@b\r\nTo: a\r\n\r\n", "To: a\r\n\r\n", false, 1},
        {"a From line further down", "To: a\r\nFrom a@b\r\n\r\n", "To: a\r\nFrom a@b\r\n\r\n",
                false, 0},
        {"our results", "Authentication-Results: mx.example; spf=pass\r\nTo: a\r\n\r\n",
                "To: a\r\n\r\n", false, 1},
        {"with a version", "Authentication-Results: MX.Example 1; spf=pass\r\n\r\n", "\r\n", false,
                1},
        {"none", "Authentication-Results: mx.example;none\r\n\r\n", "\r\n", false, 1},
        {"nothing behind the name", "Authentication-Results:mx.example\r\n\r\n", "\r\n", false, 1},
        {"in quotes", "Authentication-Results: \"mx\\.example\"; none\r\n\r\n", "\r\n", false, 1},
        {"with a dot", "Authentication-Results: mx.example.; none\r\n\r\n", "\r\n", false, 1},
        {"behind a comment and a fold",
                "Authentication-Results: (a (b)) \r\n\t mx.example(c); none\r\n\r\n", "\r\n", false,
                1},
        {"with its letters beyond ASCII",
                "Authentication-Results: mx.ex\302\255ample; none\r\n\r\n", "\r\n", false, 1},
        {"somebody's", "Authentication-Results: xmx.example; spf=pass\r\n\r\n",
                "Authentication-Results: xmx.example; spf=pass\r\n\r\n", false, 0},
        {"ours further on", "Authentication-Results: a (mx.example); mx.example\r\n\r\n",
                "Authentication-Results: a (mx.example); mx.example\r\n\r\n", false, 0},
        {"nothing in it", "Authentication-Results: \r\n\r\n", "Authentication-Results: \r\n\r\n",
                false, 0},
        {"Bcc of a peer stays", "To: a\r\nBcc: b\r\n\r\n", "To: a\r\nBcc: b\r\n\r\n", false, 0},
        {"Bcc of a submission", "Bcc: b\r\nTo: a\r\nBCC: c\r\n\r\n", "To: a\r\n\r\n", true, 2},
        {"Bcc with Cc", "Cc: a\r\nBcc: b\r\n\r\n", "Cc: a\r\n\r\n", true, 1},
        {"Bcc alone stays", "Bcc: b\r\nX-To: a\r\n\r\n", "Bcc: b\r\nX-To: a\r\n\r\n", true, 0},
};

static void check_cuts(size_t i)
{
    struct arena a AUTO(arena_done);
    struct buf left AUTO(buf_done);
    struct mail_head head;
    struct head_cuts out;
    struct str text = str_from_c(cuts[i].text);
    struct head_cutting cutting = {.names = stripped,
            .name_count = COUNT_OF(stripped),
            .authserv_ids = {(const struct str[]){S("mx.example")}, 1},
            .submission = cuts[i].submission};
    arena_init(&a, MIB);
    buf_init(&left, KIB);
    struct err e = mail_head_read(&a, text, &(struct mail_head_options){0}, &head);
    if (!failed(e))
        e = mail_head_cuts(&a, &head, &cutting, &out);
    check_true(cuts[i].name, !failed(e));
    size_t at = 0;
    for (size_t j = 0; j < out.count; j++) {
        buf_add(&left, str_part(text, at, out.at[j].at - at));
        at = out.at[j].at + out.at[j].bytes;
    }
    buf_add(&left, str_from(text, at));
    check_str(cuts[i].name, buf_str(&left), str_from_c(cuts[i].left));
    check_u64(cuts[i].name, out.count, cuts[i].cuts);
    check_u64(cuts[i].name, out.bytes, text.len - left.len);
}

static void cut(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(cuts); i++)
        check_cuts(i);
}

// --- Limits --------------------------------------------------------------------------------------

static void a_million_fields(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct buf text AUTO(buf_done);
    struct mail_head head;
    arena_init(&a, 64 * KIB);
    buf_init(&text, 8 * MIB);
    for (size_t i = 0; i < 1000000; i++)
        buf_add(&text, S("to:a\r\n"));
    struct mail_head_options options = {.fields_max = 1000};
    struct err e = mail_head_read(&a, buf_str(&text), &options, &head);
    check_true("within 64 KiB", !failed(e));
    check_u64("all are counted", head.times[HEAD_TO], 1000000);
    check_u64("some are kept", head.field_count, 1000);
    e = mail_head_read(&a, buf_str(&text), &(struct mail_head_options){0}, &head);
    check_true("no memory is told", e.kind == ERR_LIMIT);
}

static void one_large_field(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct buf text AUTO(buf_done);
    struct mail_head head;
    arena_init(&a, KIB);
    buf_init(&text, 8 * MIB);
    buf_add(&text, S("To: a"));
    while (text.len < MIB)
        buf_add(&text, S("\r\n b"));
    struct err e = mail_head_read(&a, buf_str(&text), &(struct mail_head_options){0}, &head);
    check_true("read", !failed(e));
    check_u64("one", head.count, 1);
    check_u64("all of it", mail_head_body(&head, HEAD_TO).len, text.len - 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(counted), TEST(hops), TEST(values), TEST(names),
            TEST(cut), TEST(a_million_fields), TEST(one_large_field)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
