// SPDX-License-Identifier: Apache-2.0
// events/reference.c: writing the tables down.
#include "events/reference.h"

static void add_event_row(struct buf *out, const struct event_row *row);
static void add_code_list(struct buf *out, struct str names);
static void add_metric_row(struct buf *out, enum metric_id id);
static struct str family_of(struct str name);

void events_markdown(struct buf *out)
{
    struct str family = S("");
    buf_add(out,
            S("# Events\n\n"
              "Everything that the server says. This page is made from `src/events/events.def` "
              "by `script/docs`;\nthe same table is shown by `posthaste events`. Which of them "
              "are written where is decided by\n`tracer.<id>` and `tracing.level`; an event "
              "marked with # has a counter of its name (`.` and `-`\nbecome `_`, and `_total` "
              "is added). Events of a session, attempt or request carry `spanId` and the\n"
              "fields that it began with besides their own.\n"));
    for (size_t id = 0; id < EVENT_COUNT; id++) {
        const struct event_row *row = event_row((enum event_id)id);
        if (!str_eq(family_of(row->name), family)) {
            family = family_of(row->name);
            buf_fmt(out,
                    "\n## %.*s\n\n| Event | Level | | Fields | Meaning |\n|---|---|---|---|---|\n",
                    ARG(family));
        }
        add_event_row(out, row);
    }
    buf_add(out, S("\n## Fields\n\n| Field | Type | What it holds |\n|---|---|---|\n"));
    for (size_t id = 0; id < FIELD_COUNT; id++) {
        const struct field_row *row = field_row((enum field_id)id);
        buf_fmt(out, "| `%.*s` | ", ARG(row->name));
        for (size_t i = 0; i < row->type.len; i++)
            buf_add_byte(out, (char)byte_to_lower((uint8_t)row->type.ptr[i]));
        buf_fmt(out, " | %.*s |\n", ARG(row->about));
    }
}

static void add_event_row(struct buf *out, const struct event_row *row)
{
    struct str level = event_level_name(row->level);
    buf_fmt(out, "| `%.*s` | %.*s | %s | ", ARG(row->name), ARG(level), row->counted ? "#" : "");
    add_code_list(out, row->fields);
    buf_fmt(out, " | %.*s: %.*s |\n", ARG(row->text), ARG(row->about));
}

static void add_code_list(struct buf *out, struct str names)
{
    struct str rest = names, name;
    bool first = true;
    while (names.len > 0 && str_split(&rest, ' ', &name)) {
        buf_fmt(out, "%s`%.*s`", first ? "" : " ", ARG(name));
        first = false;
    }
}

static struct str family_of(struct str name)
{
    return str_upto(name, str_find_byte(name, '.'));
}

void metrics_markdown(struct buf *out)
{
    buf_add(out, S("# Metrics\n\n"
                   "What `GET /metrics/prometheus` shows when `metrics.prometheus.enable` is true. "
                   "This page is made from\n`src/events/metrics.def` by `script/docs`. Besides "
                   "these, each event marked with # in [events.md](events.md)\nhas a counter. "
                   "Counters are also shown without `_total` unless `metrics.compatible-names` is "
                   "false;\n`metrics.prefix` goes before all names.\n\n"
                   "| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n"));
    for (size_t id = 0; id < METRIC_COUNT; id++)
        add_metric_row(out, (enum metric_id)id);
}

static void add_metric_row(struct buf *out, enum metric_id id)
{
    const struct metric_row *row = metric_row(id);
    struct str kind = metric_kind_name(row->kind);
    buf_add(out, S("| `"));
    metric_add_name(out, id);
    buf_fmt(out, "` | %.*s |", ARG(kind));
    for (size_t i = 0; i < COUNT_OF(row->labels) && row->labels[i] != LABEL_NONE; i++) {
        struct str label = metric_label_name(row->labels[i]);
        buf_fmt(out, " `%.*s`", ARG(label));
    }
    buf_fmt(out, " | %.*s |\n", ARG(row->help));
}

void event_json(struct json_out *o, enum event_id id)
{
    const struct event_row *row = event_row(id);
    struct str rest = row->fields, name;
    json_object_begin(o);
    json_put_str(o, S("id"), row->name);
    json_put_str(o, S("level"), event_level_name(row->level));
    json_put_bool(o, S("counted"), row->counted);
    json_key(o, S("fields"));
    json_array_begin(o);
    while (row->fields.len > 0 && str_split(&rest, ' ', &name))
        json_str(o, name);
    json_array_end(o);
    json_put_str(o, S("text"), row->text);
    json_put_str(o, S("about"), row->about);
    json_object_end(o);
}

void metric_json(struct json_out *o, enum metric_id id)
{
    const struct metric_row *row = metric_row(id);
    struct buf name;
    buf_init(&name, 256);
    metric_add_name(&name, id);
    json_object_begin(o);
    json_put_str(o, S("name"), buf_str(&name));
    json_put_str(o, S("type"), metric_kind_name(row->kind));
    json_key(o, S("labels"));
    json_array_begin(o);
    for (size_t i = 0; i < COUNT_OF(row->labels) && row->labels[i] != LABEL_NONE; i++)
        json_str(o, metric_label_name(row->labels[i]));
    json_array_end(o);
    json_put_str(o, S("about"), row->help);
    json_object_end(o);
    buf_done(&name);
}

struct str metric_kind_name(enum metric_kind kind)
{
    switch (kind) {
    case METRIC_KIND_COUNTER:
        return S("counter");
    case METRIC_KIND_GAUGE:
    case METRIC_KIND_GAUGE_ONE:
        return S("gauge");
    case METRIC_KIND_SHORT:
    case METRIC_KIND_MEDIUM:
    case METRIC_KIND_LONG:
    case METRIC_KIND_SIZE:
        break;
    }
    return S("histogram");
}

void metric_add_name(struct buf *out, enum metric_id id)
{
    const struct metric_row *row = metric_row(id);
    for (size_t i = 0; i < row->name.len; i++)
        buf_add_byte(out, byte_is_alnum((uint8_t)row->name.ptr[i]) ? row->name.ptr[i] : '_');
    if (row->kind == METRIC_KIND_COUNTER)
        buf_add(out, S("_total"));
}
