// SPDX-License-Identifier: Apache-2.0
// events/text.c: the text and logfmt forms of a log line. People and ban tools read them, so what a
// client sends must not be able to look like a line of ours: texts stand in quotes, escaped.
#include "events/text.h"

#include "events/line.h"

#define RESET "\x1b[0m"
#define DIM "\x1b[2m"

static void text_line(struct buf *out, const struct record *r, const struct text_style *style);
static void text_head(struct line *line, const struct record *r, const struct text_style *style);
static void text_fields(struct line *line, struct str fields, const struct text_style *style);
static void text_value(struct line *line, const struct field_value *v);
static void text_list(struct line *line, struct str items);
static void text_event(struct line *line, const struct field_value *v);
static struct str level_colour(enum event_level level);
static struct str level_upper(enum event_level level);
static void logfmt_line(struct buf *out, const struct record *r, const struct text_style *style);
static void logfmt_fields(struct line *line, struct str fields);
static bool logfmt_value(struct line *line, const struct field_value *v);
static void end_line(struct line *line);

void text_add_line(struct buf *out, const struct record *r, const struct text_style *style)
{
    switch (style->form) {
    case FORM_TEXT:
        text_line(out, r, style);
        return;
    case FORM_JSON:
        json_add_event(out, r, style->precision);
        buf_add(out, S("\n"));
        return;
    case FORM_LOGFMT:
        logfmt_line(out, r, style);
        return;
    }
}

void text_add_message(struct buf *out, const struct record *r)
{
    struct text_style plain = {.form = FORM_TEXT};
    struct line line = line_begin(out);
    line_add(&line, event_row(r->head.id)->text);
    line_add(&line, S(" ("));
    line_add(&line, event_row(r->head.id)->name);
    line_add(&line, S(")"));
    if (r->head.span_id != 0 || r->fields.len > 0)
        line_add(&line, S(" "));
    if (r->head.span_id != 0) {
        line_add(&line, S("spanId = "));
        line_add_id(&line, r->head.span_id);
        line_add(&line, r->fields.len > 0 ? S(", ") : S(""));
    }
    text_fields(&line, r->fields, &plain);
    if (line.cut)
        line_close(&line, S(" \xe2\x80\xa6"));
}

void text_add_value(struct buf *out, const struct field_value *v)
{
    struct line line = line_begin(out);
    text_value(&line, v);
}

static void text_line(struct buf *out, const struct record *r, const struct text_style *style)
{
    struct line line = line_begin(out);
    struct str between = style->multiline ? S("\n    ") : S(" ");
    text_head(&line, r, style);
    if (r->head.span_id != 0) {
        line_add(&line, between);
        line_add(&line, S("spanId = "));
        line_add_id(&line, r->head.span_id);
        between = style->multiline ? between : S(", ");
    }
    if (r->fields.len > 0) {
        line_add(&line, between);
        text_fields(&line, r->fields, style);
    }
    end_line(&line);
}

static void end_line(struct line *line)
{
    if (line->cut)
        line_close(line, S(" \xe2\x80\xa6"));
    line_close(line, S("\n"));
}

static void text_head(struct line *line, const struct record *r, const struct text_style *style)
{
    const struct event_row *row = event_row(r->head.id);
    line_add_time(line, r->head.at_ms, style->precision);
    line_add(line, S(" "));
    if (style->colour)
        line_add(line, level_colour(r->head.level));
    line_add(line, level_upper(r->head.level));
    if (style->colour)
        line_add(line, S(RESET));
    line_add(line, S(" "));
    line_add(line, row->text);
    line_add(line, style->colour ? S(" " DIM "(") : S(" ("));
    line_add(line, row->name);
    line_add(line, style->colour ? S(")" RESET) : S(")"));
}

static void text_fields(struct line *line, struct str fields, const struct text_style *style)
{
    struct field_value v;
    struct str between = S("");
    while (record_next_field(&fields, &v)) {
        line_add(line, between);
        line_add(line, field_row(v.field)->name);
        line_add(line, S(" = "));
        text_value(line, &v);
        between = style->multiline ? S("\n    ") : S(", ");
    }
}

static void text_value(struct line *line, const struct field_value *v)
{
    switch (v->kind) {
    case KIND_NULL:
        line_add(line, S("null"));
        return;
    case KIND_TEXT:
        if (line_add(line, S("\""))) {
            line_add_escaped(line, v->text);
            line_close(line, S("\""));
        }
        return;
    case KIND_BYTES:
        line_add(line, S("base64:"));
        line_add_base64(line, v->text);
        return;
    case KIND_U64:
        line_add_u64(line, v->is.number);
        return;
    case KIND_I64:
        line_add_i64(line, v->is.signed_number);
        return;
    case KIND_DOUBLE:
        line_add_double(line, v->is.real);
        return;
    case KIND_BOOL:
        line_add(line, v->is.boolean ? S("true") : S("false"));
        return;
    case KIND_IP:
        line_add_ip(line, &v->ip);
        return;
    case KIND_TIME:
        line_add_time(line, v->is.signed_number, DATE_MS);
        return;
    case KIND_DURATION:
        line_add_i64(line, v->is.signed_number);
        line_add(line, S("ms"));
        return;
    case KIND_ID:
        line_add_id(line, v->is.number);
        return;
    case KIND_LIST:
        text_list(line, v->text);
        return;
    case KIND_EVENT:
        text_event(line, v);
        return;
    }
}

static void text_list(struct line *line, struct str items)
{
    struct field_value item;
    struct str between = S("");
    if (!line_add(line, S("[")))
        return;
    while (!line->cut && record_next_item(&items, &item)) {
        line_add(line, between);
        text_value(line, &item);
        between = S(", ");
    }
    line_close(line, S("]"));
}

static void text_event(struct line *line, const struct field_value *v)
{
    struct text_style plain = {.form = FORM_TEXT};
    line_add(line, event_row(v->event)->text);
    line_add(line, S(" ("));
    line_add(line, event_row(v->event)->name);
    if (!line_add(line, S(") { ")))
        return;
    text_fields(line, v->text, &plain);
    line_close(line, S(" }"));
}

static struct str level_colour(enum event_level level)
{
    switch (level) {
    case LEVEL_ERROR:
        return S("\x1b[31m");
    case LEVEL_WARN:
        return S("\x1b[33m");
    case LEVEL_INFO:
        return S("\x1b[32m");
    case LEVEL_DEBUG:
        return S("\x1b[34m");
    case LEVEL_TRACE:
        return S("\x1b[35m");
    case LEVEL_DISABLE:
        return S("");
    }
    return S("");
}

static struct str level_upper(enum event_level level)
{
    switch (level) {
    case LEVEL_ERROR:
        return S("ERROR");
    case LEVEL_WARN:
        return S("WARN");
    case LEVEL_INFO:
        return S("INFO");
    case LEVEL_DEBUG:
        return S("DEBUG");
    case LEVEL_TRACE:
        return S("TRACE");
    case LEVEL_DISABLE:
        return S("DISABLED");
    }
    return S("");
}

// key=value with blanks between; texts in quotes with the escapes of the text form. Lists and
// events, which logfmt does not know, stand as the text form in quotes.
static void logfmt_line(struct buf *out, const struct record *r, const struct text_style *style)
{
    struct line line = line_begin(out);
    line_add(&line, S("time="));
    line_add_time(&line, r->head.at_ms, style->precision);
    line_add(&line, S(" level="));
    line_add(&line, event_level_name(r->head.level));
    line_add(&line, S(" event="));
    line_add(&line, event_row(r->head.id)->name);
    line_add(&line, S(" text=\""));
    line_add(&line, event_row(r->head.id)->text);
    line_add(&line, S("\""));
    if (r->head.span_id != 0) {
        line_add(&line, S(" spanId="));
        line_add_id(&line, r->head.span_id);
    }
    logfmt_fields(&line, r->fields);
    end_line(&line);
}

static void logfmt_fields(struct line *line, struct str fields)
{
    struct field_value v;
    while (!line->cut && record_next_field(&fields, &v)) {
        size_t mark = line_mark(line);
        line_add(line, S(" "));
        line_add(line, field_row(v.field)->name);
        line_add(line, S("="));
        if (!logfmt_value(line, &v))
            line_back(line, mark);
    }
}

static bool logfmt_value(struct line *line, const struct field_value *v)
{
    if (v->kind != KIND_LIST && v->kind != KIND_EVENT) {
        text_value(line, v);
        return !line->cut || v->kind == KIND_TEXT;
    }
    struct buf inner;
    buf_init(&inner, LINE_BYTES_MAX);
    struct line plain = line_begin(&inner);
    text_value(&plain, v);
    bool begun = line_add(line, S("\""));
    if (begun) {
        line_add_escaped(line, buf_str(&inner));
        line_close(line, S("\""));
    }
    buf_done(&inner);
    return begun;
}
