// SPDX-License-Identifier: Apache-2.0
// tests/unit/events/test_record.c: records as bytes: limits on the writing side, distrust on the
// reading side.
#include "made.h"

static struct field_value first_field(const struct record *r)
{
    struct str fields = r->fields;
    struct field_value v = {0};
    check_true("a field", record_next_field(&fields, &v));
    return v;
}

static void a_text_is_cut_at_its_limit(void **unused UNUSED)
{
    struct bytes *b AUTO(bytes_free) = bytes_new();
    struct buf text;
    buf_init(&text, 4 * KIB);
    buf_add_repeat(&text, 'x', EVENT_TEXT_BYTES_MAX);
    struct record r = RECORD(b, EV_SMTP_EHLO, 0, F_STR(domain, buf_str(&text)));
    check_str("at the limit: whole", first_field(&r).text, buf_str(&text));
    buf_add_byte(&text, 'y');
    r = RECORD(b, EV_SMTP_EHLO, 0, F_STR(domain, buf_str(&text)));
    check_u64("a byte beyond", first_field(&r).text.len, EVENT_TEXT_BYTES_MAX + 3);
    check_true("with an ellipsis", str_ends(first_field(&r).text, S("x\xe2\x80\xa6")));
    text.len = EVENT_TEXT_BYTES_MAX - 1;
    buf_add(&text, S("\xc3\xbc z"));
    r = RECORD(b, EV_SMTP_EHLO, 0, F_STR(domain, buf_str(&text)));
    check_true("not through a letter", str_ends(first_field(&r).text, S("x\xe2\x80\xa6")));
    check_u64("the letter goes as a whole", first_field(&r).text.len, EVENT_TEXT_BYTES_MAX + 2);
    buf_done(&text);
}

static void what_does_not_fit_is_left_out(void **unused UNUSED)
{
    struct bytes *b AUTO(bytes_free) = bytes_new();
    struct buf text;
    buf_init(&text, 4 * KIB);
    buf_add_repeat(&text, 'x', EVENT_TEXT_BYTES_MAX);
    struct str t = buf_str(&text);
    struct record r = RECORD(b, EV_SMTP_EHLO, 0, F_STR(domain, t), F_STR(from, t), F_STR(to, t),
            F_STR(path, t), F_STR(url, t), F_STR(key, t), F_STR(value, t), F_STR(reason, t),
            F_U64(size, 77));
    struct str fields = r.fields;
    struct field_value v;
    size_t count = 0;
    while (record_next_field(&fields, &v))
        count++;
    check_u64("seven texts and the number behind them", count, 8);
    check_u64("the short one still fits", v.is.number, 77);
    buf_done(&text);
}

static void a_list_keeps_what_fits(void **unused UNUSED)
{
    struct bytes *b AUTO(bytes_free) = bytes_new();
    struct str many[70];
    struct field_value item, last = {0};
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = S("x");
    struct record r = RECORD(b, EV_SMTP_EHLO, 0, F_LIST(to, many, 64));
    struct str items = first_field(&r).text;
    size_t count = 0;
    while (record_next_item(&items, &item))
        count++;
    check_u64("64 items: all", count, 64);
    r = RECORD(b, EV_SMTP_EHLO, 0, F_LIST(to, many, 65));
    items = first_field(&r).text;
    for (count = 0; record_next_item(&items, &item); count++)
        last = item;
    check_u64("65: 64 and an ellipsis", count, 65);
    check_str("the last one", last.text, S("\xe2\x80\xa6"));
}

static void the_span_hands_its_fields_down(void **unused UNUSED)
{
    struct bytes *b AUTO(bytes_free) = bytes_new();
    struct span span = {.id = SPAN_ID};
    struct field start[] = {F_STR(listenerId, S("smtp")), F_U64(remotePort, 4711)};
    struct field own[] = {F_U64(remotePort, 99), F_STR(domain, S("d"))};
    struct record_head head = {.id = EV_SMTP_EHLO, .level = LEVEL_INFO, .span_id = SPAN_ID};
    span.start_bytes = (uint16_t)record_write_fields(
            (char *)span.start, sizeof(span.start), start, COUNT_OF(start));
    struct str bytes = str_of(b->at, record_write(b->at, sizeof(b->at), &head, &span, own, 2));
    struct record r;
    check_true("reads back", record_take(&bytes, &r));
    struct buf line;
    buf_init(&line, 1 * KIB);
    text_add_message(&line, &r);
    check_str("the event's own value wins", buf_str(&line),
            S("SMTP EHLO command (smtp.ehlo) spanId = 097cafc65e804183, listenerId = \"smtp\", "
              "remotePort = 99, domain = \"d\""));
    buf_done(&line);
}

static void a_span_start_that_is_too_long(void **unused UNUSED)
{
    struct span span;
    struct buf text;
    buf_init(&text, 1 * KIB);
    buf_add_repeat(&text, 'x', SPAN_START_BYTES_MAX - 4); // field, kind and length before it
    struct field fits[] = {F_STR(listenerId, buf_str(&text))};
    size_t len = record_write_fields((char *)span.start, sizeof(span.start), fits, 1);
    check_u64("at the limit", len, SPAN_START_BYTES_MAX);
    buf_add_byte(&text, 'x');
    struct field beyond[] = {F_STR(listenerId, buf_str(&text)), F_U64(size, 1)};
    len = record_write_fields((char *)span.start, sizeof(span.start), beyond, 2);
    check_u64("a byte beyond: only the number", len, 10);
    buf_done(&text);
}

// Bytes 4.. of a good record: version, level, event.
static const struct {
    const char *name;
    size_t at;
    uint8_t to;
} damages[] = {
        {"another version", 4, RECORD_VERSION + 1},
        {"no level", 5, 0},
        {"a level beyond", 5, LEVEL_TRACE + 1},
        {"an event beyond", 7, 0xff},
        {"shorter than a head", 0, RECORD_HEAD_BYTES - 5},
        {"longer than the bytes", 1, 1},
        {"longer than any", 3, 1},
        {"a field beyond", RECORD_HEAD_BYTES, FIELD_COUNT},
        {"a kind beyond", RECORD_HEAD_BYTES + 1, KIND_EVENT + 1},
        {"a text longer than the record", RECORD_HEAD_BYTES + 2, 0xff},
};

static void damaged_records_are_refused(void **unused UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(damages); i++) {
        struct bytes *b AUTO(bytes_free) = bytes_new();
        struct field fields[] = {F_STR(domain, S("d.example"))};
        struct str bytes = record_bytes(b, EV_SMTP_EHLO, 0, fields, 1);
        struct record r;
        b->at[damages[i].at] = (char)damages[i].to;
        struct str before = bytes;
        check_true(damages[i].name, !record_take(&bytes, &r));
        check_u64("nothing was taken", bytes.len, before.len);
    }
}

static void nesting_has_a_bound(void **unused UNUSED)
{
    struct bytes *b AUTO(bytes_free) = bytes_new();
    struct field fields[5][1];
    struct event_note notes[5];
    fields[0][0] = (struct field)F_U64(code, 1);
    for (int i = 0; i < 5; i++) {
        notes[i] = (struct event_note){EV_SMTP_NOOP, fields[i], 1};
        if (i < 4)
            fields[i + 1][0] = (struct field)F_EVENT(causedBy, &notes[i]);
    }
    struct record r = record_made(b, EV_SMTP_EHLO, 0, fields[4], 1);
    struct field_value v = first_field(&r);
    int depth = 0;
    for (struct str inside = v.text; v.kind == KIND_EVENT; inside = v.text, depth++)
        check_true("inside", record_next_field(&inside, &v) || depth > 0);
    check_u64("events within events", (uint64_t)depth, EVENT_NESTING_MAX);
    check_u64("the one below is null", v.kind, KIND_NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(a_text_is_cut_at_its_limit),
            TEST(what_does_not_fit_is_left_out),
            TEST(a_list_keeps_what_fits),
            TEST(the_span_hands_its_fields_down),
            TEST(a_span_start_that_is_too_long),
            TEST(damaged_records_are_refused),
            TEST(nesting_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
