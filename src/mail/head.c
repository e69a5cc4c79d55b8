// SPDX-License-Identifier: Apache-2.0
// mail/head.c: one pass over a header. All that is decided here is decided by names; bodies are
// only passed over.
#include "mail/head.h"

#include "mail/field.h"

#define NAME_BYTES_MIN 2 // of the names in the table
#define NAME_BYTES_MAX 27

enum { // the first row of each length: behind a HEAD_LENGTH the numbers go on where they were
    ROW_NONE = HEAD_OTHER,
#define HEAD_LENGTH(length) ROW_OF_##length, ROW_BEFORE_##length = ROW_OF_##length - 1,
#define HEAD_NAME(name, text) ROW_##name,
#include "mail/head_names.def"
    ROW_END
};

static const uint8_t rows_of_length[] = {
#define HEAD_LENGTH(length) ROW_OF_##length,
#include "mail/head_names.def"
        ROW_END};
_Static_assert(COUNT_OF(rows_of_length) == NAME_BYTES_MAX - NAME_BYTES_MIN + 2,
        "each length from the shortest name to the longest has a row");

static const struct str names[HEAD_NAME_COUNT] = {
        S_INIT(""),
#define HEAD_NAME(name, text) S_INIT(text),
#include "mail/head_names.def"
};

struct head_reading {
    struct mail_head *head;
    VEC(struct head_field) fields;
    size_t fields_max;
};

static struct err note_field(
        struct arena *a, struct head_reading *r, size_t at, const struct mail_field *field);
static bool is_orphan(struct str first);

struct err mail_head_read(struct arena *a, struct str bytes,
        const struct mail_head_options *options, struct mail_head *out)
{
    struct scan in = scan_over(bytes);
    struct mail_field field;
    struct head_reading r = {
            .head = out, .fields_max = options->fields_max > 0 ? options->fields_max : SIZE_MAX};
    *out = (struct mail_head){0};
    if (bytes.len > HEAD_BYTES_MAX)
        return fail(ERR_LIMIT, "the header is longer than 64 MiB");
    size_t end = 0;
    while (mail_field_next(&in, MAIL_LF, &field)) {
        size_t at = scan_offset(&in) - field.all.len;
        TRY(note_field(a, &r, at, &field));
        end = scan_offset(&in);
    }
    out->block = str_upto(bytes, end);
    out->body_at = scan_offset(&in);
    out->ended = out->body_at > end || options->message_ends;
    out->has_8bit = !str_is_ascii(out->block);
    out->fields = r.fields.at;
    out->field_count = r.fields.count;
    return OK;
}

static struct err note_field(
        struct arena *a, struct head_reading *r, size_t at, const struct mail_field *field)
{
    struct mail_head *head = r->head;
    enum head_name name = head_name_of(field->name);
    head->count++;
    head->named += !str_is_null(field->name);
    head->any_known = head->any_known || name != HEAD_OTHER;
    head->times[name]++;
    if (at == 0 && is_orphan(field->all))
        head->orphan_bytes = field->all.len;
    if (r->fields.count >= r->fields_max)
        return OK;
    struct head_field *kept = vec_add(a, &r->fields);
    if (kept == NULL)
        return fail(ERR_LIMIT, "no memory for the fields of a header");
    *kept = (struct head_field){.at = (uint32_t)at,
            .bytes = (uint32_t)field->all.len,
            .name_bytes = (uint32_t)field->name.len,
            .body_at = (uint32_t)(at + (size_t)(field->body.ptr - field->all.ptr)),
            .name = name};
    if (head->first[name] == 0)
        head->first[name] = (uint32_t)r->fields.count;
    return OK;
}

static bool is_orphan(struct str first)
{
    return byte_is_blank((uint8_t)first.ptr[0]) || str_starts(first, S("From "));
}

struct str head_name_text(enum head_name name)
{
    assert(name < HEAD_NAME_COUNT);
    return names[name];
}

enum head_name head_name_of(struct str text)
{
    if (text.len < NAME_BYTES_MIN || text.len > NAME_BYTES_MAX)
        return HEAD_OTHER;
    size_t length = text.len - NAME_BYTES_MIN;
    uint8_t last = byte_to_lower((uint8_t)text.ptr[text.len - 1]); // tells most of them apart
    for (size_t row = rows_of_length[length]; row < rows_of_length[length + 1]; row++)
        if (byte_to_lower((uint8_t)names[row].ptr[text.len - 1]) == last &&
                str_eq_nocase(text, names[row]))
            return (enum head_name)row;
    return HEAD_OTHER;
}

struct str mail_head_body(const struct mail_head *head, enum head_name name)
{
    size_t place = head->first[name];
    return place == 0 ? STR_NULL : head_field_body(head, &head->fields[place - 1]);
}

struct str head_field_name(const struct mail_head *head, const struct head_field *field)
{
    return field->name_bytes == 0 ? STR_NULL : str_part(head->block, field->at, field->name_bytes);
}

struct str head_field_body(const struct mail_head *head, const struct head_field *field)
{
    struct str all = str_part(head->block, field->at, field->bytes);
    return mail_line_trim(str_from(all, field->body_at - field->at), MAIL_LF);
}
