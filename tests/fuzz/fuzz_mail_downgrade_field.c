// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_mail_downgrade_field.c: a field that is written anew in ASCII is one field of the
// same name, in lines that SMTP allows, and says what it said: text the same words, a type the same
// parameters. A message of such fields comes out the same in one piece and in many.
#include "downgrade_oracle.h"

#define LINE_BYTES_MAX 998
#define WORD_BYTES_MAX 300 // a longer one may be cut where a line ends
#define BYTES_MAX (16 * (size_t)MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_field(struct arena *a, struct str before, struct str after);
static void check_type(struct arena *a, bool is_type, struct str was, struct str is);
static void check_text(struct arena *a, struct str was, struct str is);
static void add_words(struct buf *out, struct str text);
static bool has_long_words(struct str text);
static void check_message(uint8_t piece_bytes, struct str text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a AUTO(arena_done);
    struct buf out AUTO(buf_done);
    arena_init(&a, 4 * BYTES_MAX);
    buf_init(&out, BYTES_MAX);
    if (size == 0)
        return 0;
    struct str all = str_of((const char *)data + 1, size - 1);
    struct scan in = scan_over(all);
    struct mail_field field;
    while (mail_field_next(&in, MAIL_LF, &field)) {
        buf_clear(&out);
        if (!str_is_ascii(field.all) && downgrade_field_add(&out, field.all))
            check_field(&a, field.all, buf_str(&out));
    }
    check_message(data[0], all);
    return 0;
}

static void check_field(struct arena *a, struct str before, struct str after)
{
    struct scan was_in = scan_over(before), is_in = scan_over(after), lines = scan_over(after);
    struct mail_field was, is;
    struct str line;
    assert(str_is_ascii(after) && str_ends(after, S("\r\n")));
    assert(mail_field_next(&was_in, MAIL_LF, &was) && mail_field_next(&is_in, MAIL_LF, &is));
    assert(scan_end(&is_in) && str_eq(was.name, is.name));
    while (scan_line(&lines, &line))
        assert(line.len <= LINE_BYTES_MAX && !str_contains(line, S("\n")));
    enum head_name name = head_name_of(was.name);
    if (has_long_words(was.body))
        return;
    if (name == HEAD_CONTENT_TYPE || name == HEAD_CONTENT_DISPOSITION)
        check_type(a, name == HEAD_CONTENT_TYPE, was.body, is.body);
    else if (name == HEAD_SUBJECT)
        check_text(a, was.body, is.body);
}

static void check_type(struct arena *a, bool is_type, struct str was, struct str is)
{
    struct mail_type before, after;
    bool good = is_type ? mail_content_type_read(a, was, &before)
                        : mail_disposition_read(a, was, &before);
    if (!good || !str_is_ascii(before.type))
        return;
    assert(is_type ? mail_content_type_read(a, is, &after) : mail_disposition_read(a, is, &after));
    assert(str_eq(before.type, after.type));
    for (size_t i = 0; i < before.param_count; i++) {
        struct str name = before.params[i].name;
        if (!str_is_ascii(name) || str_is_null(mail_type_param(&after, name)))
            continue;
        assert(str_eq(mail_type_param(&before, name), mail_type_param(&after, name)));
    }
}

// Blanks are not counted, and what is ill-formed is "?" or what stands for it in Unicode.
static void check_text(struct arena *a, struct str was, struct str is)
{
    struct buf before AUTO(buf_done), after AUTO(buf_done);
    buf_init(&before, BYTES_MAX);
    buf_init(&after, BYTES_MAX);
    if (!str_is_utf8(was) || str_contains(was, S("=?")))
        return;
    for (size_t i = 0; i < was.len; i++)
        if ((uint8_t)was.ptr[i] < ' ' || (uint8_t)was.ptr[i] == 0x7f || (uint8_t)was.ptr[i] == 0xc2)
            return; // controls go
    add_words(&before, mail_text_read(a, was));
    add_words(&after, mail_text_read(a, is));
    assert(str_eq(buf_str(&before), buf_str(&after)));
}

static void add_words(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!byte_is_space((uint8_t)text.ptr[i]))
            buf_add_byte(out, text.ptr[i]);
}

static bool has_long_words(struct str text)
{
    size_t run = 0, longest = 0;
    for (size_t i = 0; i < text.len; i++) {
        run = byte_is_space((uint8_t)text.ptr[i]) ? 0 : run + 1;
        longest = run > longest ? run : longest;
    }
    return longest > WORD_BYTES_MAX;
}

static void check_message(uint8_t piece_bytes, struct str text)
{
    struct buf whole AUTO(buf_done), cut AUTO(buf_done);
    uint32_t wishes = MIME_WISH_ASCII_HEADS;
    if ((piece_bytes & 0x80) != 0)
        wishes |= MIME_WISH_7BIT;
    buf_init(&whole, DOWNGRADE_BYTES_MAX);
    buf_init(&cut, DOWNGRADE_BYTES_MAX);
    struct mime_downgrade_plan plan = downgrade_run_as(wishes, text, SIZE_MAX / 2, &whole);
    struct mime_downgrade_plan same = downgrade_run_as(wishes, text, 1 + piece_bytes % 64, &cut);
    assert(plan.is_possible == same.is_possible && plan.is_needed == same.is_needed);
    assert(str_eq(buf_str(&whole), buf_str(&cut)));
    if (!plan.is_possible)
        return;
    buf_clear(&cut);
    same = downgrade_run_as(MIME_WISH_ASCII_HEADS, buf_str(&whole), SIZE_MAX / 2, &cut);
    assert(!same.heads_have_8bit && !same.is_needed);
}
