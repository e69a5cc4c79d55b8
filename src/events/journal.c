// SPDX-License-Identifier: Apache-2.0
// events/journal.c: entries in the journal's native protocol: fields as NAME=value lines, or, for a
// value that may hold anything, NAME, newline, its length in 64 bits little-endian, the value,
// newline. All values are written the second way: a client can then not add fields of its own.
#include "events/outlet.h"

#define ENTRY_HEAD_BYTES 4 // length before each entry in `pending`

static void add_field(struct buf *out, struct str name, struct str value);
static void add_number(struct buf *out, struct str name, uint64_t value);
static void add_event_fields(struct buf *out, struct str fields);
static void add_name(struct buf *out, struct str name);
static struct str value_text(struct buf *small, const struct field_value *v);
static uint64_t priority_of(enum event_level level);

void journal_add_entry(struct buf *out, const struct record *r)
{
    struct buf small;
    buf_init(&small, 32 * KIB);
    text_add_message(&small, r);
    add_field(out, S("MESSAGE"), buf_str(&small));
    add_number(out, S("PRIORITY"), priority_of(r->head.level));
    add_field(out, S("SYSLOG_IDENTIFIER"), S("posthaste"));
    add_field(out, S("EVENT"), event_row(r->head.id)->name);
    if (r->head.span_id != 0) {
        buf_clear(&small);
        buf_fmt(&small, "%016llx", (unsigned long long)r->head.span_id);
        add_field(out, S("SPAN_ID"), buf_str(&small));
    }
    add_event_fields(out, r->fields);
    buf_done(&small);
}

static void add_event_fields(struct buf *out, struct str fields)
{
    struct field_value v;
    struct buf small, name;
    buf_init(&small, 64 * KIB);
    buf_init(&name, 128);
    while (record_next_field(&fields, &v)) {
        buf_clear(&name);
        buf_clear(&small);
        add_name(&name, field_row(v.field)->name);
        add_field(out, buf_str(&name), value_text(&small, &v));
    }
    buf_done(&small);
    buf_done(&name);
}

// "remoteIp" becomes REMOTE_IP.
static void add_name(struct buf *out, struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = (uint8_t)name.ptr[i];
        if (byte_is_upper(c))
            buf_add_byte(out, '_');
        buf_add_byte(out, (char)byte_to_upper(c));
    }
}

// A text stands as it is, without quotes; a list has a text a line; all else is as in a log line.
static struct str value_text(struct buf *small, const struct field_value *v)
{
    struct field_value item;
    struct str items = v->text;
    if (v->kind == KIND_TEXT || v->kind == KIND_BYTES)
        return v->text;
    if (v->kind != KIND_LIST) {
        text_add_value(small, v);
        return buf_str(small);
    }
    while (record_next_item(&items, &item)) {
        if (small->len > 0)
            buf_add(small, S("\n"));
        buf_add(small, item.text);
    }
    return buf_str(small);
}

static void add_number(struct buf *out, struct str name, uint64_t value)
{
    char digit = (char)('0' + value);
    assert(value < 10);
    add_field(out, name, str_of(&digit, 1));
}

static void add_field(struct buf *out, struct str name, struct str value)
{
    buf_add(out, name);
    buf_add(out, S("\n"));
    for (unsigned shift = 0; shift < 64; shift += 8)
        buf_add_byte(out, (char)((uint64_t)value.len >> shift & 0xff));
    buf_add(out, value);
    buf_add(out, S("\n"));
}

// operations.md 6.3: syslog's numbers.
static uint64_t priority_of(enum event_level level)
{
    switch (level) {
    case LEVEL_ERROR:
        return 3;
    case LEVEL_WARN:
        return 4;
    case LEVEL_INFO:
        return 6;
    case LEVEL_DEBUG:
    case LEVEL_TRACE:
    case LEVEL_DISABLE:
        return 7;
    }
    return 7;
}

// A journal that was restarted has a new socket behind the same path: connect again once.
struct err journal_write(struct outlet *o)
{
    const struct outside *out = o->outside;
    while (outlet_waiting(o).len > 0) {
        struct str waiting = outlet_waiting(o);
        size_t whole = journald_entry_bytes(waiting);
        struct str entry = str_part(waiting, ENTRY_HEAD_BYTES, whole - ENTRY_HEAD_BYTES);
        if (o->journal_fd < 0)
            TRY(out->journal_connect(out->self, &o->scratch, S(JOURNAL_PATH), &o->journal_fd));
        struct err e = out->journal_send(out->self, &o->scratch, o->journal_fd, entry);
        if (failed(e) && e.kind != ERR_LIMIT) {
            out->close(out->self, o->journal_fd);
            o->journal_fd = -1;
            TRY(out->journal_connect(out->self, &o->scratch, S(JOURNAL_PATH), &o->journal_fd));
            e = out->journal_send(out->self, &o->scratch, o->journal_fd, entry);
        }
        TRY(e);
        outlet_advance(o, whole);
    }
    return OK;
}

size_t journald_entry_bytes(struct str waiting)
{
    uint32_t len = 0;
    assert(waiting.len >= ENTRY_HEAD_BYTES);
    memcpy(&len, waiting.ptr, sizeof(len));
    assert(waiting.len - ENTRY_HEAD_BYTES >= len);
    return len + (size_t)ENTRY_HEAD_BYTES;
}
