// SPDX-License-Identifier: Apache-2.0
// events/expose.c: the metrics as Prometheus and OpenMetrics read them (operations.md 6.4). Each
// family has its HELP and TYPE once, then its samples. Histograms are cumulative, and +Inf equals
// the count. The forms differ in three things: OpenMetrics names a counter's family without _total,
// wants bounds written as floats, and ends with # EOF.
#include "events/cells.h"

struct writer_of { // what all steps need
    const struct metrics *m;
    const struct metrics_form *form;
    struct buf *out;
};

struct label_value {
    enum metric_label label;
    unsigned value;
    struct str text;
};
static const struct label_value fixed_values[] = {
#define VALUE(label, id, text) {LABEL_##label, label##_##id, S_INIT(text)},
#include "events/labels.def"
};

static void expose_events(struct writer_of *w);
static void expose_metric(struct writer_of *w, enum metric_id id);
static void expose_counter_twice(struct writer_of *w, enum metric_id id);
static void expose_samples(struct writer_of *w, enum metric_id id, struct str suffix);
static void expose_one(
        struct writer_of *w, enum metric_id id, struct metric_labels labels, struct str suffix);
static void expose_histogram(struct writer_of *w, enum metric_id id, struct metric_labels labels);
static void expose_build_info(struct writer_of *w);
static void add_family(
        struct writer_of *w, struct str name, struct str suffix, struct str type, struct str help);
static void add_name(struct writer_of *w, struct str name);
static void add_labels(
        struct writer_of *w, enum metric_id id, struct metric_labels labels, struct str further);
static void add_label_text(struct buf *out, struct str text);
static void add_bound(struct writer_of *w, struct buf *out, double bound);
static void add_scaled(struct buf *out, int64_t value, uint32_t scale);
static struct metric_labels labels_at(enum metric_id id, size_t index);
static struct str label_text(const struct metrics *m, enum metric_label label, unsigned value);
static bool is_shown(struct writer_of *w, enum metric_id id, struct metric_labels labels);

void metrics_expose(const struct metrics *m, const struct metrics_form *form, struct buf *out)
{
    struct writer_of w = {m, form, out};
    expose_events(&w);
    for (size_t id = 0; id < METRIC_COUNT; id++)
        expose_metric(&w, (enum metric_id)id);
    if (form->format == METRICS_OPENMETRICS)
        buf_add(out, S("# EOF\n"));
}

static void expose_events(struct writer_of *w)
{
    bool open = w->form->format == METRICS_OPENMETRICS;
    for (size_t id = 0; id < EVENT_COUNT; id++) {
        const struct event_row *row = event_row((enum event_id)id);
        const struct event_wants *wants = w->form->wants;
        if (!row->counted || (wants != NULL && (wants->of[id] & WANT_COUNT) == 0))
            continue;
        uint64_t value = metric_event_value(w->m, (enum event_id)id);
        add_family(w, row->name, open ? S("") : S("_total"), S("counter"), row->text);
        add_name(w, row->name);
        buf_fmt(w->out, "_total %llu\n", (unsigned long long)value);
        if (open || !w->form->compatible_names)
            continue;
        add_family(w, row->name, S(""), S("counter"), row->text);
        add_name(w, row->name);
        buf_fmt(w->out, " %llu\n", (unsigned long long)value);
    }
}

static void expose_metric(struct writer_of *w, enum metric_id id)
{
    const struct metric_row *row = metric_row(id);
    if (id == METRIC_BUILD_INFO) {
        expose_build_info(w);
        return;
    }
    switch (row->kind) {
    case METRIC_KIND_COUNTER:
        expose_counter_twice(w, id);
        return;
    case METRIC_KIND_GAUGE:
    case METRIC_KIND_GAUGE_ONE:
        add_family(w, row->name, S(""), S("gauge"), row->help);
        expose_samples(w, id, S(""));
        return;
    case METRIC_KIND_SHORT:
    case METRIC_KIND_MEDIUM:
    case METRIC_KIND_LONG:
    case METRIC_KIND_SIZE:
        add_family(w, row->name, S(""), S("histogram"), row->help);
        expose_samples(w, id, S(""));
        return;
    }
}

static void expose_counter_twice(struct writer_of *w, enum metric_id id)
{
    const struct metric_row *row = metric_row(id);
    bool open = w->form->format == METRICS_OPENMETRICS;
    add_family(w, row->name, open ? S("") : S("_total"), S("counter"), row->help);
    expose_samples(w, id, S("_total"));
    if (open || !w->form->compatible_names)
        return;
    add_family(w, row->name, S(""), S("counter"), row->help);
    expose_samples(w, id, S(""));
}

static void expose_samples(struct writer_of *w, enum metric_id id, struct str suffix)
{
    size_t count = metric_combinations(id);
    for (size_t i = 0; i < count; i++) {
        struct metric_labels labels = labels_at(id, i);
        if (!is_shown(w, id, labels))
            continue;
        if (metric_row(id)->kind >= METRIC_KIND_SHORT)
            expose_histogram(w, id, labels);
        else
            expose_one(w, id, labels, suffix);
    }
}

static void expose_one(
        struct writer_of *w, enum metric_id id, struct metric_labels labels, struct str suffix)
{
    const struct metric_row *row = metric_row(id);
    uint64_t value = metric_value(w->m, id, labels);
    add_name(w, row->name);
    buf_add(w->out, suffix);
    add_labels(w, id, labels, S(""));
    if (row->kind == METRIC_KIND_COUNTER)
        buf_fmt(w->out, " %llu", (unsigned long long)value);
    else
        add_scaled(w->out, (int64_t)value, row->scale);
    buf_add(w->out, S("\n"));
}

static void expose_histogram(struct writer_of *w, enum metric_id id, struct metric_labels labels)
{
    struct str name = metric_row(id)->name;
    struct metric_histogram h = metric_histogram(w->m, id, labels);
    uint64_t upto = 0;
    for (size_t i = 0; i <= h.bound_count; i++) {
        struct buf further;
        buf_init(&further, 64);
        buf_add(&further, S("le=\""));
        if (i < h.bound_count)
            add_bound(w, &further, h.bounds[i]);
        else
            buf_add(&further, S("+Inf"));
        buf_add(&further, S("\""));
        upto += h.buckets[i];
        add_name(w, name);
        buf_add(w->out, S("_bucket"));
        add_labels(w, id, labels, buf_str(&further));
        buf_fmt(w->out, " %llu\n", (unsigned long long)upto);
        buf_done(&further);
    }
    add_name(w, name);
    buf_add(w->out, S("_sum"));
    add_labels(w, id, labels, S(""));
    buf_fmt(w->out, " %llu\n", (unsigned long long)h.sum);
    add_name(w, name);
    buf_add(w->out, S("_count"));
    add_labels(w, id, labels, S(""));
    buf_fmt(w->out, " %llu\n", (unsigned long long)h.count);
}

static void expose_build_info(struct writer_of *w)
{
    const struct metric_row *row = metric_row(METRIC_BUILD_INFO);
    add_family(w, row->name, S(""), S("gauge"), row->help);
    add_name(w, row->name);
    buf_add(w->out, S("{version=\""));
    add_label_text(w->out, S(POSTHASTE_VERSION));
    buf_add(w->out, S("\"} 1\n"));
}

static void add_family(
        struct writer_of *w, struct str name, struct str suffix, struct str type, struct str help)
{
    buf_add(w->out, S("# HELP "));
    add_name(w, name);
    buf_add(w->out, suffix);
    buf_fmt(w->out, " %.*s\n# TYPE ", ARG(help));
    add_name(w, name);
    buf_add(w->out, suffix);
    buf_fmt(w->out, " %.*s\n", ARG(type));
}

static void add_name(struct writer_of *w, struct str name)
{
    buf_add(w->out, w->form->prefix);
    for (size_t i = 0; i < name.len; i++)
        buf_add_byte(w->out, byte_is_alnum((uint8_t)name.ptr[i]) ? name.ptr[i] : '_');
}

static void add_labels(
        struct writer_of *w, enum metric_id id, struct metric_labels labels, struct str further)
{
    const struct metric_row *row = metric_row(id);
    struct str before = S("{");
    for (size_t i = 0; i < COUNT_OF(row->labels) && row->labels[i] != LABEL_NONE; i++) {
        buf_add(w->out, before);
        buf_add(w->out, metric_label_name(row->labels[i]));
        buf_add(w->out, S("=\""));
        add_label_text(w->out, label_text(w->m, row->labels[i], labels.at[i]));
        buf_add(w->out, S("\""));
        before = S(",");
    }
    if (further.len > 0) {
        buf_add(w->out, before);
        buf_add(w->out, further);
        before = S(",");
    }
    if (before.ptr[0] == ',')
        buf_add(w->out, S("}"));
}

static void add_label_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\\' || c == '"')
            buf_add_byte(out, '\\');
        if (c == '\n')
            buf_add(out, S("\\n"));
        else
            buf_add_byte(out, c);
    }
}

static void add_bound(struct writer_of *w, struct buf *out, double bound)
{
    buf_fmt(out, w->form->format == METRICS_OPENMETRICS ? "%.1f" : "%.0f", bound);
}

static void add_scaled(struct buf *out, int64_t value, uint32_t scale)
{
    if (scale == 1)
        buf_fmt(out, " %lld", (long long)value);
    else
        buf_fmt(out, " %.3f", (double)value / scale);
}

static struct metric_labels labels_at(enum metric_id id, size_t index)
{
    const struct metric_row *row = metric_row(id);
    struct metric_labels labels = NO_LABELS;
    for (size_t i = COUNT_OF(row->labels); i-- > 0;) {
        size_t bound = metric_label_bound(row->labels[i]);
        labels.at[i] = (unsigned)(index % bound);
        index /= bound;
    }
    return labels;
}

// Null for a value that nobody has named.
static struct str label_text(const struct metrics *m, enum metric_label label, unsigned value)
{
    const struct label_names *names = label_names_of_const(m, label);
    uint32_t used = names != NULL ? __atomic_load_n(&names->count, __ATOMIC_ACQUIRE) : 0;
    if (value >= 1 && value <= used)
        return str_of(names->at[value - 1].text, names->at[value - 1].len);
    return metric_label_word(label, value);
}

struct str metric_label_word(enum metric_label label, unsigned value)
{
    for (size_t i = 0; i < COUNT_OF(fixed_values); i++)
        if (fixed_values[i].label == label && fixed_values[i].value == value)
            return fixed_values[i].text;
    return STR_NULL;
}

// Zeros are shown too, so that a rate is known from the start; but not for names that do not exist,
// nor for the place of those that found no room, unless something was counted there.
static bool is_shown(struct writer_of *w, enum metric_id id, struct metric_labels labels)
{
    const struct metric_row *row = metric_row(id);
    bool counted = row->kind < METRIC_KIND_SHORT && metric_value(w->m, id, labels) != 0;
    for (size_t i = 0; i < COUNT_OF(row->labels) && row->labels[i] != LABEL_NONE; i++) {
        bool named = label_names_of_const(w->m, row->labels[i]) != NULL;
        if (str_is_null(label_text(w->m, row->labels[i], labels.at[i])))
            return false;
        if (named && labels.at[i] == 0 && row->labels[i] != LABEL_TRACER && !counted)
            return false;
    }
    return true;
}

struct str metrics_content_type(enum metrics_format format)
{
    return format == METRICS_OPENMETRICS
                   ? S("application/openmetrics-text; version=1.0.0; charset=utf-8")
                   : S("text/plain; version=0.0.4; charset=utf-8");
}

// OpenMetrics for those who name it, unless they say q=0. RFC 9110 12.5.1.
enum metrics_format metrics_format_for(struct str accept)
{
    struct str rest = accept, range;
    while (!str_is_null(rest) && str_split(&rest, ',', &range)) {
        struct str type = range, parameters = S("");
        if (str_cut(range, ';', &type, &parameters) && str_contains(parameters, S("q=0")) &&
                !str_contains(parameters, S("q=0.")))
            continue;
        if (str_eq_nocase(str_trim(type), S("application/openmetrics-text")))
            return METRICS_OPENMETRICS;
    }
    return METRICS_PROMETHEUS;
}
