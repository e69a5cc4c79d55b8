// SPDX-License-Identifier: Apache-2.0
// events/record.c: writing and reading records. Writing is what an enabled event costs, so it is
// straight copying into memory that is there already; reading is done once by the log writer.
#include "events/record.h"

#define VALUE_HEAD_BYTES 2 // field and kind
#define ITEMS_MAX 64       // of a list; further ones are left out

static const char ellipsis[] = "\xe2\x80\xa6";

struct pen { // writes into a fixed run of bytes; what does not fit is noted, not written
    char *at, *end;
    bool full;
};

static void write_head(struct pen *pen, const struct record_head *head);
static void write_span(
        struct pen *pen, const struct span *span, const struct field *own, size_t own_count);
static void write_fields(struct pen *pen, const struct field *fields, size_t count, int depth);
static void write_value(struct pen *pen, const struct field *f, int depth);
static void write_text(struct pen *pen, struct str text);
static void write_list(struct pen *pen, const struct str *items, size_t count);
static void write_note(struct pen *pen, const struct event_note *note, int depth);
static void write_ip(struct pen *pen, const struct ip *ip);
static void put(struct pen *pen, const void *bytes, size_t count);
static void put_u8(struct pen *pen, uint8_t value);
static void put_u16(struct pen *pen, uint16_t value);
static void put_u64(struct pen *pen, uint64_t value);
static bool read_head(struct str bytes, struct record_head *out);
static bool fields_are_good(struct str fields, int depth);
static bool value_is_good(const struct field_value *v, int depth);
static bool read_value(struct str *from, struct field_value *out);
static bool read_sized(struct str *from, struct field_value *out);
static bool read_ip(struct str *from, struct ip *out);
static bool take(struct str *from, void *out, size_t count);
static bool take_part(struct str *from, size_t count, struct str *out);

size_t record_write(char *out, size_t room, const struct record_head *head, const struct span *span,
        const struct field *fields, size_t count)
{
    assert(room > RECORD_HEAD_BYTES);
    size_t most = room < EVENT_RECORD_BYTES_MAX ? room : EVENT_RECORD_BYTES_MAX;
    struct pen pen = {out, out + most, false};
    write_head(&pen, head);
    if (span != NULL)
        write_span(&pen, span, fields, count);
    write_fields(&pen, fields, count, 0);
    size_t len = (size_t)(pen.at - out);
    uint32_t behind = (uint32_t)(len - sizeof(behind));
    memcpy(out, &behind, sizeof(behind));
    return len;
}

size_t record_write_fields(char *out, size_t room, const struct field *fields, size_t count)
{
    struct pen pen = {out, out + room, false};
    write_fields(&pen, fields, count, 0);
    return (size_t)(pen.at - out);
}

static void write_head(struct pen *pen, const struct record_head *head)
{
    uint32_t none = 0;
    put(pen, &none, sizeof(none)); // the length: known at the end
    put_u8(pen, RECORD_VERSION);
    put_u8(pen, (uint8_t)head->level);
    put_u16(pen, (uint16_t)head->id);
    put_u8(pen, head->node);
    put_u8(pen, head->slot);
    put_u16(pen, 0);
    put(pen, &head->sequence, sizeof(head->sequence));
    put(pen, &head->at_ms, sizeof(head->at_ms));
    put_u64(pen, head->span_id);
}

static void write_span(
        struct pen *pen, const struct span *span, const struct field *own, size_t own_count)
{
    struct str rest = {(const char *)span->start, span->start_bytes};
    while (rest.len > 0) {
        const char *start = rest.ptr;
        struct field_value v;
        if (!record_next_field(&rest, &v))
            return;
        bool repeated = false;
        for (size_t i = 0; i < own_count; i++)
            repeated = repeated || own[i].id == v.field;
        if (!repeated)
            put(pen, start, (size_t)(rest.ptr - start));
    }
}

// A field that does not fit is taken back as a whole, and shorter ones behind it may still fit.
static void write_fields(struct pen *pen, const struct field *fields, size_t count, int depth)
{
    for (size_t i = 0; i < count; i++) {
        char *before = pen->at;
        put_u8(pen, fields[i].id);
        write_value(pen, &fields[i], depth);
        if (pen->full)
            pen->at = before;
        pen->full = false;
    }
}

static void write_value(struct pen *pen, const struct field *f, int depth)
{
    enum field_kind kind = (enum field_kind)f->kind;
    bool absent = (kind == KIND_TEXT || kind == KIND_BYTES) && str_is_null(f->is.text);
    absent = absent || (kind == KIND_IP && (f->is.ip == NULL || f->is.ip->family == IP_NONE));
    absent = absent || (kind == KIND_EVENT && (f->is.event == NULL || depth >= EVENT_NESTING_MAX));
    put_u8(pen, (uint8_t)(absent ? KIND_NULL : kind));
    if (absent)
        return;
    switch (kind) {
    case KIND_NULL:
        break;
    case KIND_TEXT:
    case KIND_BYTES:
        write_text(pen, f->is.text);
        break;
    case KIND_BOOL:
        put_u8(pen, f->is.boolean);
        break;
    case KIND_IP:
        write_ip(pen, f->is.ip);
        break;
    case KIND_LIST:
        write_list(pen, f->is.list.at, f->is.list.count);
        break;
    case KIND_EVENT:
        write_note(pen, f->is.event, depth + 1);
        break;
    case KIND_U64:
    case KIND_I64:
    case KIND_DOUBLE:
    case KIND_TIME:
    case KIND_DURATION:
    case KIND_ID:
        put(pen, &f->is, sizeof(uint64_t));
        break;
    }
}

// operations.md 6.1: a peer's text is cut at 1024 bytes, and shows that it was. The cut does not
// go through a UTF-8 sequence.
static void write_text(struct pen *pen, struct str text)
{
    if (text.len <= EVENT_TEXT_BYTES_MAX) {
        put_u16(pen, (uint16_t)text.len);
        put(pen, text.ptr, text.len);
        return;
    }
    size_t keep = EVENT_TEXT_BYTES_MAX;
    while (keep > EVENT_TEXT_BYTES_MAX - 4 && ((uint8_t)text.ptr[keep] & 0xc0) == 0x80)
        keep--;
    put_u16(pen, (uint16_t)(keep + sizeof(ellipsis) - 1));
    put(pen, text.ptr, keep);
    put(pen, ellipsis, sizeof(ellipsis) - 1);
}

// A list keeps as many of its texts as fit, and ends with an ellipsis when some did not.
static void write_list(struct pen *pen, const struct str *items, size_t count)
{
    char *len_at = pen->at;
    put_u16(pen, 0);
    if (pen->full)
        return;
    struct pen inner = {pen->at, pen->end, false};
    struct str dots = S("\xe2\x80\xa6");
    const char *last_room = pen->end - (dots.len + 3);
    for (size_t i = 0; i < count; i++) {
        char *before = inner.at;
        put_u8(&inner, KIND_TEXT);
        write_text(&inner, items[i]);
        if (i < ITEMS_MAX && !inner.full && inner.at <= last_room)
            continue;
        inner = (struct pen){before, pen->end, false};
        put_u8(&inner, KIND_TEXT);
        write_text(&inner, dots);
        break;
    }
    uint16_t len = (uint16_t)(inner.at - len_at - 2);
    memcpy(len_at, &len, sizeof(len));
    pen->at = inner.at;
    pen->full = inner.full;
}

static void write_note(struct pen *pen, const struct event_note *note, int depth)
{
    char *len_at = pen->at;
    put_u16(pen, 0);
    put_u16(pen, (uint16_t)note->id);
    if (pen->full)
        return;
    write_fields(pen, note->fields, note->count, depth);
    uint16_t len = (uint16_t)(pen->at - len_at - 2);
    memcpy(len_at, &len, sizeof(len));
}

static void write_ip(struct pen *pen, const struct ip *ip)
{
    put_u8(pen, ip->family);
    put(pen, ip->bytes, ip->family == IP_V4 ? 4 : 16);
}

static void put(struct pen *pen, const void *bytes, size_t count)
{
    if ((size_t)(pen->end - pen->at) < count)
        pen->full = true;
    if (pen->full || count == 0)
        return;
    memcpy(pen->at, bytes, count);
    pen->at += count;
}

static void put_u8(struct pen *pen, uint8_t value)
{
    put(pen, &value, sizeof(value));
}

static void put_u16(struct pen *pen, uint16_t value)
{
    put(pen, &value, sizeof(value));
}

static void put_u64(struct pen *pen, uint64_t value)
{
    put(pen, &value, sizeof(value));
}

bool record_take(struct str *bytes, struct record *out)
{
    uint32_t len = 0;
    struct str rest = *bytes, whole;
    struct record r;
    if (!take(&rest, &len, sizeof(len)) || len < RECORD_HEAD_BYTES - sizeof(len) ||
            len > EVENT_RECORD_BYTES_MAX - sizeof(len) || !take_part(&rest, len, &whole))
        return false;
    if (!read_head(whole, &r.head))
        return false;
    r.fields = str_from(whole, RECORD_HEAD_BYTES - sizeof(len));
    if (!fields_are_good(r.fields, 0))
        return false;
    *bytes = rest;
    *out = r;
    return true;
}

static bool read_head(struct str bytes, struct record_head *out)
{
    uint8_t version = 0, level = 0;
    uint16_t id = 0, zero = 0;
    bool got = take(&bytes, &version, 1) && take(&bytes, &level, 1) && take(&bytes, &id, 2) &&
               take(&bytes, &out->node, 1) && take(&bytes, &out->slot, 1) &&
               take(&bytes, &zero, 2) && take(&bytes, &out->sequence, 4) &&
               take(&bytes, &out->at_ms, 8) && take(&bytes, &out->span_id, 8);
    if (!got || version != RECORD_VERSION || level == LEVEL_DISABLE || level > LEVEL_TRACE ||
            id >= EVENT_COUNT)
        return false;
    out->id = (enum event_id)id;
    out->level = (enum event_level)level;
    return true;
}

static bool fields_are_good(struct str fields, int depth)
{
    while (fields.len > 0) {
        struct field_value v;
        if (!record_next_field(&fields, &v) || !value_is_good(&v, depth))
            return false;
    }
    return true;
}

static bool value_is_good(const struct field_value *v, int depth)
{
    struct str items = v->text;
    struct field_value item;
    if (v->kind == KIND_EVENT)
        return depth < EVENT_NESTING_MAX && fields_are_good(v->text, depth + 1);
    if (v->kind != KIND_LIST)
        return true;
    while (items.len > 0)
        if (!record_next_item(&items, &item) || item.kind == KIND_LIST || item.kind == KIND_EVENT)
            return false;
    return true;
}

bool record_next_field(struct str *fields, struct field_value *out)
{
    uint8_t id = 0;
    struct str rest = *fields;
    if (!take(&rest, &id, 1) || id >= FIELD_COUNT || !read_value(&rest, out))
        return false;
    out->field = (enum field_id)id;
    *fields = rest;
    return true;
}

bool record_next_item(struct str *items, struct field_value *out)
{
    struct str rest = *items;
    if (!read_value(&rest, out))
        return false;
    *items = rest;
    return true;
}

static bool read_value(struct str *from, struct field_value *out)
{
    uint8_t kind = 0, truth = 0;
    *out = (struct field_value){0};
    if (!take(from, &kind, 1) || kind > KIND_EVENT)
        return false;
    out->kind = (enum field_kind)kind;
    switch (out->kind) {
    case KIND_NULL:
        return true;
    case KIND_TEXT:
    case KIND_BYTES:
    case KIND_LIST:
    case KIND_EVENT:
        return read_sized(from, out);
    case KIND_BOOL:
        if (!take(from, &truth, 1) || truth > 1)
            return false;
        out->is.boolean = truth == 1;
        return true;
    case KIND_IP:
        return read_ip(from, &out->ip);
    case KIND_U64:
    case KIND_I64:
    case KIND_DOUBLE:
    case KIND_TIME:
    case KIND_DURATION:
    case KIND_ID:
        return take(from, &out->is, sizeof(uint64_t));
    }
    return false;
}

static bool read_sized(struct str *from, struct field_value *out)
{
    uint16_t len = 0, event = 0;
    if (!take(from, &len, sizeof(len)) || !take_part(from, len, &out->text))
        return false;
    if (out->kind != KIND_EVENT)
        return true;
    if (!take(&out->text, &event, sizeof(event)) || event >= EVENT_COUNT)
        return false;
    out->event = (enum event_id)event;
    return true;
}

static bool read_ip(struct str *from, struct ip *out)
{
    uint8_t family = 0;
    if (!take(from, &family, 1) || (family != IP_V4 && family != IP_V6))
        return false;
    out->family = family;
    return take(from, out->bytes, family == IP_V4 ? 4 : 16);
}

static bool take(struct str *from, void *out, size_t count)
{
    struct str part;
    if (!take_part(from, count, &part))
        return false;
    memcpy(out, part.ptr, count);
    return true;
}

static bool take_part(struct str *from, size_t count, struct str *out)
{
    if (from->len < count)
        return false;
    *out = str_upto(*from, count);
    *from = str_from(*from, count);
    return true;
}
