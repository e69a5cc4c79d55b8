// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_message.c: a message with cuts and quotas as a record and back, records
// that lie about them, and what of it is sent.
#include "place.h"

#include "base/fields.h"
#include "queue/message_reader.h"
#include "queue/store/record.h"

#define DIGITS S("0123456789")

static const struct {
    const char *name;
    struct cut cuts[3];
    size_t count;
    bool fit;
    const char *sent; // of the ten digits
} cut_cases[] = {
        {"none", {{0}}, 0, true, "0123456789"},
        {"all of it", {{0, 10}}, 1, true, ""},
        {"the first byte", {{0, 1}}, 1, true, "123456789"},
        {"the last byte", {{9, 1}}, 1, true, "012345678"},
        {"two that touch", {{2, 2}, {4, 3}}, 2, true, "01789"},
        {"three", {{0, 1}, {2, 1}, {8, 2}}, 3, true, "134567"},
        {"an empty one", {{3, 0}}, 1, false, NULL},
        {"beyond the end", {{9, 2}}, 1, false, NULL},
        {"behind the end", {{10, 1}}, 1, false, NULL},
        {"out of order", {{5, 1}, {2, 1}}, 2, false, NULL},
        {"overlapping", {{2, 3}, {4, 3}}, 2, false, NULL},
        {"so large that the sum wraps", {{4294967295u, 4294967295u}}, 1, false, NULL},
};

static void cuts_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cut_cases); i++)
        check_u64(cut_cases[i].name, cuts_fit(cut_cases[i].cuts, cut_cases[i].count, 10),
                cut_cases[i].fit);
    static struct cut many[MESSAGE_CUTS_MAX + 1];
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = (struct cut){.at = (uint32_t)(2 * i), .bytes = 1};
    check_true("as many as may be", cuts_fit(many, MESSAGE_CUTS_MAX, 10000));
    check_true("one more", !cuts_fit(many, MESSAGE_CUTS_MAX + 1, 10000));
}

static void records_keep_cuts_and_quotas(void **state)
{
    (void)state;
    struct arena a;
    struct buf record;
    static const struct cut cuts[] = {{0, 2}, {5, 1}};
    static const struct quota_ref refs[] = {{.key = 7, .scope = QUOTA_OF_MESSAGE},
            {.key = UINT64_MAX, .scope = QUOTA_OF_RCPT, .subject = S_INIT("r@d.example")}};
    struct message back, m = {.id = 5,
                                 .sender = S(""),
                                 .cuts = cuts,
                                 .cut_count = COUNT_OF(cuts),
                                 .quota_refs = refs,
                                 .quota_ref_count = COUNT_OF(refs),
                                 .quota_bytes = 99,
                                 .top = S("abc"),
                                 .body = {.bytes = 10}};
    arena_init(&a, MIB);
    buf_init(&record, MIB);
    message_encode_head(&m, &record);
    struct err e = message_decode_head(&a, 5, buf_str(&record), &back);
    check_str("decoded", err_text(e), S(""));
    check_u64("cuts", back.cut_count, 2);
    check_u64("where", back.cuts[1].at, 5);
    check_u64("how many", back.cuts[0].bytes, 2);
    check_u64("size as sent", message_bytes(&back), 3 + 10 - 3);
    check_u64("quotas", back.quota_ref_count, 2);
    check_true("largest key", back.quota_refs[1].key == UINT64_MAX);
    check_u64("scope", back.quota_refs[1].scope, QUOTA_OF_RCPT);
    check_str("subject", back.quota_refs[1].subject, S("r@d.example"));
    check_true("no subject", str_is_null(back.quota_refs[0].subject));
    check_u64("charged", back.quota_bytes, 99);
    buf_done(&record);
    arena_done(&a);
}

// A tag's number under a text, and the other way round.
static void fields_of_the_wrong_form(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t tag;
        bool number;
        enum err_kind kind;
    } cases[] = {{"a sender that is a number", 2, true, ERR_SYNTAX},
            {"flags that are a text", 3, false, ERR_SYNTAX},
            {"a tag of later", 999, true, ERR_NONE}, {"another one", 60, false, ERR_NONE},
            {"and one beyond the mask", 70, false, ERR_NONE}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        struct buf record;
        struct message m;
        arena_init(&a, MIB);
        buf_init(&record, MIB);
        buf_add_repeat(&record, '\0', 4);
        struct fields_out out = fields_begin(&record);
        if (cases[i].number)
            field_u64(&out, cases[i].tag, 5);
        else
            field_str(&out, cases[i].tag, S("text"));
        fields_end(&out);
        record.ptr[0] = (char)(record.len - 4);
        struct err e = message_decode_head(&a, 1, buf_str(&record), &m);
        check_u64(cases[i].name, e.kind, cases[i].kind);
        buf_done(&record);
        arena_done(&a);
    }
}

// A record whose checksum is right and whose cuts are not: written by a defect or a person.
static void records_that_lie(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct str cuts;
        uint64_t body_bytes, refs;
    } cases[] = {
            {"beyond the body", S_INIT("\0\0\0\x05\0\0\0\x06"), 10, 0},
            {"half a cut", S_INIT("\0\0\0\x05\0\0"), 10, 0},
            {"out of order", S_INIT("\0\0\0\x05\0\0\0\x01\0\0\0\x01\0\0\0\x01"), 10, 0},
            {"quotas that do not follow", S_INIT(""), 10, 3},
            {"more quotas than can be", S_INIT(""), 10, MESSAGE_QUOTA_REFS_MAX + 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        struct buf record;
        struct message m;
        arena_init(&a, 16 * MIB);
        buf_init(&record, MIB);
        buf_add_repeat(&record, '\0', 4);
        struct fields_out out = fields_begin(&record);
        field_u64(&out, 15, cases[i].body_bytes);
        if (cases[i].cuts.len > 0)
            field_str(&out, 18, cases[i].cuts);
        field_u64(&out, 19, cases[i].refs);
        fields_end(&out);
        record.ptr[0] = (char)(record.len - 4);
        struct err e = message_decode_head(&a, 1, buf_str(&record), &m);
        check_u64(cases[i].name, e.kind, ERR_SYNTAX);
        buf_done(&record);
        arena_done(&a);
    }
}

static struct err read_all(struct place *p, const struct message *m,
        const struct message_reading *how, struct buf *out)
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    TRY(message_open(p->store, &p->a, m, how, &reader));
    for (;;) {
        struct str piece;
        TRY(message_next(reader, &p->a, &piece));
        if (str_is_null(piece))
            return OK;
        check_true("no empty piece", piece.len > 0);
        buf_add(out, piece);
    }
}

static struct err inline_bodies(void *arg)
{
    struct place *p = arg;
    struct buf got AUTO(buf_done);
    buf_init(&got, MIB);
    for (size_t i = 0; i < COUNT_OF(cut_cases); i++) {
        if (!cut_cases[i].fit)
            continue;
        struct message back, m = made_message(p, 1 + i, DIGITS, 1);
        m.cuts = cut_cases[i].cuts;
        m.cut_count = cut_cases[i].count;
        TRY(accept_message(p, &m));
        TRY(store_read(p->store, &p->a, m.id, STORE_WITH_BODY, &back));
        buf_clear(&got);
        TRY(read_all(p, &back, &(struct message_reading){.prefix = S("X: y\r\n")}, &got));
        struct str want = arena_fmt(&p->a, "X: y\r\n%.*s%s", ARG(m.top), cut_cases[i].sent);
        check_str(cut_cases[i].name, buf_str(&got), want);
        check_u64(cut_cases[i].name, message_bytes(&back), want.len - 6);
        buf_clear(&got);
        TRY(read_all(p, &back, &(struct message_reading){.as_received = true}, &got));
        check_str(cut_cases[i].name, buf_str(&got), DIGITS);
    }
    struct message empty = made_message(p, 100, S(""), 1);
    empty.top = S("");
    buf_clear(&got);
    TRY(read_all(p, &empty, &(struct message_reading){0}, &got));
    check_u64("nothing at all", got.len, 0);
    return OK;
}

// The cut field said another type; what is on top, and for this unit alone, are fields as well.
static struct err converted(void *arg)
{
    struct place *p = arg;
    static const struct cut cuts[] = {{0, 19}};
    struct mime_downgrade_plan plan;
    struct buf got AUTO(buf_done);
    buf_init(&got, MIB);
    struct str text = S("Content-Type: a/b\r\nSubject: \xff\r\n\r\n\xc3\xa4\r\n");
    struct message back, m = made_message(p, 1, text, 1);
    m.cuts = cuts;
    m.cut_count = 1;
    TRY(accept_message(p, &m));
    TRY(store_read(p->store, &p->a, m.id, STORE_WITH_BODY, &back));
    struct message_reading how = {.prefix = S("MIME-Version: 1.0\r\n")};
    TRY(message_downgrade_plan(p->store, &p->a, &back, &how, MIME_WISH_7BIT, &plan));
    check_true("needed and possible", plan.is_needed && plan.is_possible);
    how.downgrade = &plan;
    TRY(read_all(p, &back, &how, &got));
    struct str want = arena_fmt(&p->a,
            "MIME-Version: 1.0\r\n%.*sSubject: \xff\r\nContent-Transfer-Encoding: "
            "quoted-printable\r\n\r\n=C3=A4\r\n",
            ARG(m.top));
    check_str("converted", buf_str(&got), want);
    check_u64("as long as was said", plan.bytes, want.len);
    return OK;
}

// Large bodies are converted in pieces; their lines cross the borders of these.
static struct err converted_file(void *arg)
{
    struct place *p = arg;
    struct mime_downgrade_plan plan;
    struct buf text AUTO(buf_done), got AUTO(buf_done);
    buf_init(&text, 4 * MIB);
    buf_init(&got, 16 * MIB);
    buf_add(&text, S("MIME-Version: 1.0\r\n\r\n"));
    for (size_t i = 0; text.len < MIB; i++) {
        buf_add_repeat(&text, '\xe4', i % 120);
        buf_add(&text, S("\r\n"));
    }
    struct body *body AUTO(body_auto_free) = body_new(p->store, 1);
    struct message back, m = made_message(p, 1, S(""), 1);
    TRY(body_add(body, &p->a, buf_str(&text)));
    TRY(body_finish(body, &p->a, &m.body));
    TRY(accept_message(p, &m));
    TRY(store_read(p->store, &p->a, m.id, STORE_WITH_BODY, &back));
    struct message_reading how = {.as_received = true};
    TRY(message_downgrade_plan(p->store, &p->a, &back, &how, MIME_WISH_7BIT, &plan));
    how.downgrade = &plan;
    TRY(read_all(p, &back, &how, &got));
    check_u64("as long as was said", plan.bytes, got.len);
    check_true("7 bits", str_is_ascii(buf_str(&got)));
    return OK;
}

// Cuts within a piece of the file, across two of them, and over a whole one.
static struct err files(void *arg)
{
    struct place *p = arg;
    static const size_t size = 3 * BODY_INLINE_BYTES_MAX + 17;
    static const struct cut cuts[] = {{3, 5}, {BODY_INLINE_BYTES_MAX - 2, 4},
            {BODY_INLINE_BYTES_MAX + 9, 2 * BODY_INLINE_BYTES_MAX}};
    struct body *body AUTO(body_auto_free) = body_new(p->store, 1);
    struct message back, m = made_message(p, 1, S(""), 1);
    struct buf all AUTO(buf_done), got AUTO(buf_done);
    buf_init(&all, size);
    buf_init(&got, 2 * size);
    for (size_t i = 0; i < size; i++)
        buf_add_byte(&all, (char)(i * 2654435761u >> 13));
    TRY(body_add(body, &p->a, buf_str(&all)));
    TRY(body_finish(body, &p->a, &m.body));
    m.cuts = cuts;
    m.cut_count = COUNT_OF(cuts);
    TRY(accept_message(p, &m));
    TRY(store_read(p->store, &p->a, 1, STORE_WITH_BODY, &back));
    TRY(read_all(p, &back, &(struct message_reading){0}, &got));
    check_u64("size", got.len, message_bytes(&back));
    size_t at = m.top.len, from = 0;
    check_str("top", str_upto(buf_str(&got), at), m.top);
    for (size_t i = 0; i <= COUNT_OF(cuts); i++) {
        size_t until = i < COUNT_OF(cuts) ? cuts[i].at : size;
        struct str want = str_part(buf_str(&all), from, until - from);
        check_true("between two cuts", str_eq(str_part(buf_str(&got), at, want.len), want));
        at += want.len;
        from = i < COUNT_OF(cuts) ? until + cuts[i].bytes : size;
    }
    check_u64("nothing else", at, got.len);
    return OK;
}

static void run_in_place(task_main *test)
{
    struct place p;
    place_begin(&p);
    in_loop(test, &p);
    place_end(&p);
}

static void inline_bodies_are_read(void **state)
{
    (void)state;
    run_in_place(inline_bodies);
}

static void files_are_read(void **state)
{
    (void)state;
    run_in_place(files);
}

static void messages_are_converted(void **state)
{
    (void)state;
    run_in_place(converted);
    run_in_place(converted_file);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {TEST(cuts_are_checked),
            TEST(records_keep_cuts_and_quotas), TEST(records_that_lie),
            TEST(fields_of_the_wrong_form), TEST(inline_bodies_are_read), TEST(files_are_read),
            TEST(messages_are_converted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
