// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_mail_head.c: any bytes are a header of some kind. Its fields lie one behind the
// other; cuts take exactly the fields named, and what is left is read as the fields that stayed.
#include "mail/mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fields(const struct mail_head *head, struct str text);
static void check_cuts(struct arena *a, const struct mail_head *head, struct str text,
        const struct head_cutting *cutting);
static void check_left(struct arena *a, const struct mail_head *head, struct str left,
        const struct head_cutting *cutting);
static struct mail_head read_head(struct arena *a, struct str text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str names[] = {S_INIT("to"), S_INIT("X"), S_INIT("Return-Path")};
    const struct head_cutting cuttings[] = {{0}, {.names = names, .name_count = COUNT_OF(names)},
            {.names = names, .name_count = 1, .authserv_ids = {(const struct str[]){S("a.b")}, 1}},
            {.authserv_ids = {(const struct str[]){S("a")}, 1}, .submission = true}};
    struct arena a;
    struct str text = str_of((const char *)data, size);
    arena_init(&a, 64 * MIB);
    struct mail_head head = read_head(&a, text);
    check_fields(&head, text);
    for (size_t i = 0; i < COUNT_OF(cuttings); i++)
        check_cuts(&a, &head, text, &cuttings[i]);
    arena_done(&a);
    return 0;
}

static struct mail_head read_head(struct arena *a, struct str text)
{
    struct mail_head head;
    struct err e = mail_head_read(a, text, &(struct mail_head_options){0}, &head);
    assert(!failed(e));
    return head;
}

static void check_fields(const struct mail_head *head, struct str text)
{
    size_t total = 0, end = 0;
    assert(head->block.len <= head->body_at && head->body_at <= text.len);
    assert(head->body_at - head->block.len <= 2 && head->named <= head->count);
    for (size_t i = 0; i < head->field_count; i++) {
        const struct head_field *field = &head->fields[i];
        struct str name = head_field_name(head, field);
        assert(field->at == end);
        assert(field->bytes > 0 && field->body_at >= field->at + name.len);
        assert(head_name_of(name) == field->name);
        end = field->at + field->bytes;
        assert(field->body_at <= end);
    }
    assert(end == head->block.len || head->field_count < head->count);
    for (size_t i = 0; i < HEAD_NAME_COUNT; i++) {
        total += head->times[i];
        assert(head->first[i] <= head->field_count && (head->first[i] > 0) <= head->times[i]);
    }
    assert(total == head->count);
}

static void check_cuts(struct arena *a, const struct mail_head *head, struct str text,
        const struct head_cutting *cutting)
{
    struct head_cuts cuts;
    struct buf left;
    size_t at = 0;
    struct err e = mail_head_cuts(a, head, cutting, &cuts);
    assert(!failed(e));
    buf_init(&left, text.len);
    for (size_t i = 0; i < cuts.count; i++) {
        assert(cuts.at[i].bytes > 0 && (cuts.at[i].at > at || i == 0));
        buf_add(&left, str_part(text, at, cuts.at[i].at - at));
        at = cuts.at[i].at + cuts.at[i].bytes;
    }
    assert(at <= head->block.len);
    buf_add(&left, str_from(text, at));
    assert(left.len + cuts.bytes == text.len);
    check_left(a, head, buf_str(&left), cutting);
    buf_done(&left);
}

// The fields that stay are the fields of what is left, one for one.
static void check_left(struct arena *a, const struct mail_head *head, struct str left,
        const struct head_cutting *cutting)
{
    struct mail_head again = read_head(a, left);
    size_t place = 0;
    for (size_t i = 0; i < head->field_count; i++) {
        const struct head_field *was = &head->fields[i];
        bool orphan = head->orphan_bytes > 0 && i == 0;
        if (orphan || mail_head_cuts_field(head, cutting, was))
            continue;
        assert(place < again.field_count);
        const struct head_field *is = &again.fields[place++];
        assert(str_eq(str_part(head->block, was->at, was->bytes),
                str_part(again.block, is->at, is->bytes)));
        assert(is->name_bytes == was->name_bytes && is->name == was->name);
    }
    assert(place == again.field_count || head->field_count < head->count);
}
