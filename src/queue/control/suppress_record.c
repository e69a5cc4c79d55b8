// SPDX-License-Identifier: Apache-2.0
// queue/control/suppress_record.c: entries of the suppression list by themselves: addresses as the
// list knows them, the record that is kept of each, and a line of a file that brings some.
#include "queue/control/suppress_parts.h"

#include "base/fields.h"
#include "mail/address.h"

enum {
    TAG_ADDRESS = 1,
    TAG_REASON = 2,
    TAG_CLASS = 3,
    TAG_TEXT = 4,
    TAG_BY = 5,
    TAG_BOUNCES = 6,
    TAG_SINCE = 7,
    TAG_UNTIL = 8,
};

static const struct str words[SUPPRESS_REASONS] = {
        [SUPPRESS_BOUNCE] = S_INIT("bounce"),
        [SUPPRESS_COMPLAINT] = S_INIT("complaint"),
        [SUPPRESS_MANUAL] = S_INIT("manual"),
};

static void read_field(struct arena *a, const struct field *f, struct suppress_entry *e);
static bool is_separator(uint8_t c);

bool suppress_holds(const struct suppress_entry *entry, int64_t wall_now_ms)
{
    return entry->since_ms != 0 && !suppress_is_over(entry, wall_now_ms);
}

bool suppress_is_over(const struct suppress_entry *entry, int64_t wall_now_ms)
{
    return entry->until_ms != 0 && entry->until_ms <= wall_now_ms;
}

struct str suppress_reason_word(enum suppress_reason reason)
{
    return words[reason];
}

bool suppress_reason_named(struct str word, enum suppress_reason *out)
{
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq(words[i], word)) {
            *out = (enum suppress_reason)i;
            return true;
        }
    return false;
}

struct err suppress_address(struct arena *a, struct str text, struct str *out)
{
    struct mail_address address;
    TRY(mail_address_parse(a, text, &address));
    *out = mail_address_normal(a, &address);
    if (str_is_null(*out))
        return fail(ERR_LIMIT, "no memory for an address");
    return out->len <= SUPPRESS_ADDRESS_BYTES_MAX ? OK
                                                  : fail(ERR_SYNTAX, "the address is too long");
}

// --- Records -------------------------------------------------------------------------------------

void suppress_record_add(struct buf *out, const struct suppress_entry *e)
{
    struct fields_out fields = fields_begin(out);
    field_str(&fields, TAG_ADDRESS, e->address);
    field_u64(&fields, TAG_REASON, (uint64_t)e->reason);
    if (!str_is_empty(e->bounce_class))
        field_str(&fields, TAG_CLASS, e->bounce_class);
    if (!str_is_empty(e->text))
        field_str(&fields, TAG_TEXT, str_upto(e->text, SUPPRESS_TEXT_BYTES_MAX));
    if (!str_is_empty(e->by))
        field_str(&fields, TAG_BY, str_upto(e->by, SUPPRESS_TEXT_BYTES_MAX));
    field_u64(&fields, TAG_BOUNCES, e->bounces);
    field_i64(&fields, TAG_SINCE, e->since_ms);
    field_i64(&fields, TAG_UNTIL, e->until_ms);
    fields_end(&fields);
}

struct err suppress_record_read(struct arena *a, struct str record, struct suppress_entry *out)
{
    struct suppress_entry e = {0};
    struct fields_in in;
    TRY(fields_open(record, &in));
    for (struct field f; field_next(&in, &f);)
        read_field(a, &f, &e);
    if (in.broken || str_is_empty(e.address))
        return fail(ERR_SYNTAX, "an entry of the suppression list is damaged");
    *out = e;
    return OK;
}

// A reason that a newer version knows reads as a person's.
static void read_field(struct arena *a, const struct field *f, struct suppress_entry *e)
{
    switch (f->tag) {
    case TAG_ADDRESS:
        e->address = arena_str(a, f->bytes);
        break;
    case TAG_REASON:
        e->reason =
                f->number < SUPPRESS_REASONS ? (enum suppress_reason)f->number : SUPPRESS_MANUAL;
        break;
    case TAG_CLASS:
        e->bounce_class = arena_str(a, f->bytes);
        break;
    case TAG_TEXT:
        e->text = arena_str(a, f->bytes);
        break;
    case TAG_BY:
        e->by = arena_str(a, f->bytes);
        break;
    case TAG_BOUNCES:
        e->bounces = f->number > UINT32_MAX ? UINT32_MAX : (uint32_t)f->number;
        break;
    case TAG_SINCE:
        e->since_ms = field_signed(f);
        break;
    case TAG_UNTIL:
        e->until_ms = field_signed(f);
        break;
    }
}

// --- Lines of files ------------------------------------------------------------------------------

// line = [ blanks ] [ Mailbox [ ( "," / blank ) text ] / "#" text ]
struct err suppress_line_read(
        struct arena *a, struct str line, struct suppress_entry *out, bool *out_is_entry)
{
    struct suppress_entry e = {.reason = SUPPRESS_MANUAL};
    struct mail_address address;
    struct scan in = scan_over(str_trim(line));
    *out_is_entry = false;
    if (scan_end(&in) || scan_peek(&in) == '#')
        return OK;
    TRY(mail_address_scan(a, &in, &address));
    if (!scan_end(&in) && !is_separator((uint8_t)scan_peek(&in)))
        return fail_fmt(a, ERR_SYNTAX, "unexpected text at column %zu", scan_column(&in));
    TRY(suppress_address(a, address.text, &e.address));
    if (!scan_end(&in))
        e.text = str_upto(str_trim(str_from(scan_rest(&in), 1)), SUPPRESS_TEXT_BYTES_MAX);
    if (!str_is_utf8(e.text))
        return fail(ERR_SYNTAX, "the text behind the address is no UTF-8");
    *out = e;
    *out_is_entry = true;
    return OK;
}

static bool is_separator(uint8_t c)
{
    return c == ',' || byte_is_blank(c);
}
