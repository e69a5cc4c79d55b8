// SPDX-License-Identifier: Apache-2.0
// events/json.c: the JSON form of an event, for logs, webhooks and live tracing (operations.md
// 6.5). The room's own writer instead of base/json.h: a line has a limit and must stay well-formed
// when it is met, and control bytes beyond what RFC 8259 asks for are escaped, since consoles show
// them.
#include "events/line.h"
#include "events/text.h"

#define NUMBER_MAX (INT64_C(1) << 53) // larger ones are not exact in every reader

static void add_event_id(struct line *line, const struct record_head *head);
static void add_fields(struct line *line, struct str fields, struct str between, int depth);
static bool add_field(struct line *line, const struct field_value *v, int depth);
static bool add_value(struct line *line, const struct field_value *v, int depth);
static bool add_string(struct line *line, struct str text);
static bool add_list(struct line *line, struct str items);
static bool add_note(struct line *line, const struct field_value *v, int depth);
static bool add_hex_twin(struct line *line, struct str name, uint64_t value);
static bool add_time(struct line *line, int64_t at_ms, enum date_precision precision);

void json_add_event(struct buf *out, const struct record *r, enum date_precision precision)
{
    struct line line = line_begin(out);
    line_add(&line, S("{\"id\":\""));
    add_event_id(&line, &r->head);
    line_add(&line, S("\",\"createdAt\":"));
    add_time(&line, r->head.at_ms, precision);
    line_add(&line, S(",\"level\":\""));
    line_add(&line, event_level_name(r->head.level));
    line_add(&line, S("\",\"type\":\""));
    line_add(&line, event_row(r->head.id)->name);
    line_add(&line, S("\",\"text\":\""));
    line_add_json(&line, event_row(r->head.id)->text);
    line_add(&line, S("\",\"data\":{"));
    struct str between = S("");
    if (r->head.span_id != 0) {
        line_add(&line, S("\"spanId\":"));
        line_add_u64(&line, r->head.span_id);
        add_hex_twin(&line, S("spanId"), r->head.span_id);
        between = S(",");
    }
    add_fields(&line, r->fields, between, 0);
    line_close(&line, line.cut ? S("},\"truncated\":true}") : S("}}"));
}

// Time, node, slot and sequence: distinct for all events of a cluster.
static void add_event_id(struct line *line, const struct record_head *head)
{
    struct buf small;
    buf_init(&small, 64);
    buf_fmt(&small, "%012llx%02x%02x%08x", (unsigned long long)head->at_ms & 0xffffffffffffULL,
            head->node, head->slot, head->sequence);
    line_add(line, buf_str(&small));
    buf_done(&small);
}

// A field that does not fit is taken back as a whole.
static void add_fields(struct line *line, struct str fields, struct str between, int depth)
{
    struct field_value v;
    while (!line->cut && record_next_field(&fields, &v)) {
        size_t mark = line_mark(line);
        line_add(line, between);
        if (!add_field(line, &v, depth))
            line_back(line, mark);
        between = S(",");
    }
}

static bool add_field(struct line *line, const struct field_value *v, int depth)
{
    struct str name = field_row(v->field)->name;
    bool twin = v->kind == KIND_ID || (v->kind == KIND_U64 && v->is.number > (uint64_t)NUMBER_MAX);
    bool fits = line_add(line, S("\"")) && line_add(line, name) && line_add(line, S("\":")) &&
                add_value(line, v, depth);
    return fits && (!twin || add_hex_twin(line, name, v->is.number));
}

static bool add_hex_twin(struct line *line, struct str name, uint64_t value)
{
    return line_add(line, S(",\"")) && line_add(line, name) && line_add(line, S("Hex\":\"")) &&
           line_add_id(line, value) && line_add(line, S("\""));
}

static bool add_value(struct line *line, const struct field_value *v, int depth)
{
    switch (v->kind) {
    case KIND_NULL:
        return line_add(line, S("null"));
    case KIND_TEXT:
        return add_string(line, v->text);
    case KIND_BYTES:
        return line_add(line, S("\"")) && line_add_base64(line, v->text) && line_add(line, S("\""));
    case KIND_U64:
    case KIND_ID:
        return line_add_u64(line, v->is.number);
    case KIND_I64:
    case KIND_DURATION:
        return line_add_i64(line, v->is.signed_number);
    case KIND_DOUBLE:
        return line_add_double(line, v->is.real);
    case KIND_BOOL:
        return line_add(line, v->is.boolean ? S("true") : S("false"));
    case KIND_IP:
        return line_add(line, S("\"")) && line_add_ip(line, &v->ip) && line_add(line, S("\""));
    case KIND_TIME:
        return add_time(line, v->is.signed_number, DATE_MS);
    case KIND_LIST:
        return add_list(line, v->text);
    case KIND_EVENT:
        return add_note(line, v, depth);
    }
    return false;
}

static bool add_string(struct line *line, struct str text)
{
    return line_add(line, S("\"")) && line_add_json(line, text) && line_add(line, S("\""));
}

// Keeps the items that fit.
static bool add_list(struct line *line, struct str items)
{
    struct field_value item;
    struct str between = S("");
    if (!line_add(line, S("[")))
        return false;
    while (!line->cut && record_next_item(&items, &item)) {
        size_t mark = line_mark(line);
        line_add(line, between);
        if (!add_value(line, &item, EVENT_NESTING_MAX))
            line_back(line, mark);
        between = S(",");
    }
    line_close(line, S("]"));
    return true;
}

static bool add_note(struct line *line, const struct field_value *v, int depth)
{
    if (depth >= EVENT_NESTING_MAX || !line_add(line, S("{\"type\":\"")) ||
            !line_add(line, event_row(v->event)->name) || !line_add(line, S("\",\"data\":{")))
        return false;
    add_fields(line, v->text, S(""), depth + 1);
    line_close(line, S("}}"));
    return true;
}

static bool add_time(struct line *line, int64_t at_ms, enum date_precision precision)
{
    return line_add(line, S("\"")) && line_add_time(line, at_ms, precision) &&
           line_add(line, S("\""));
}
