// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/outcome.c: what came of it: events, metrics, subcommands.
#include "events/text.h"
#include "runner.h"

#define METRICS_BYTES_MAX (16 * MIB)
#define EVENT_TEXT_BYTES_MAX_ (64 * KIB)

static struct err gather_events(struct runner *r) suspends;
static struct err check_event_lines(struct runner *r, const struct step *step);
static struct err event_missing(struct runner *r, uint32_t line, struct str wanted, bool forbidden);
static bool event_fits(struct runner *r, struct str record, struct str wanted);
static bool field_fits(
        struct runner *r, const struct record *event, struct str key, struct str wanted);
static void add_event(struct buf *out, struct str record);
static struct err check_metric(
        struct runner *r, uint32_t line, struct str row, struct str before, struct str now);
static bool sample(struct str page, struct str name, double *out);

// --- Events --------------------------------------------------------------------------------------

struct err play_events(struct runner *r, const struct step *step)
{
    TRY(gather_events(r));
    TRY(check_event_lines(r, step));
    r->events.count = 0;
    return OK;
}

static struct err gather_events(struct runner *r)
{
    TRY(sim_settle(r->sim));
    for (struct str record; sim_server_next_event(r->server, &record);) {
        struct heard_event *e = vec_add(&r->arena, &r->events);
        if (e == NULL)
            return fail(ERR_LIMIT, "too many events");
        e->record = arena_str(&r->arena, record);
    }
    return OK;
}

// In this order; others between them are allowed. `! name` must not have come at all.
static struct err check_event_lines(struct runner *r, const struct step *step)
{
    size_t from = 0;
    for (size_t i = 0; i < step->line_count; i++) {
        struct str wanted = str_trim(step->lines[i]);
        uint32_t line = step->block_line + (uint32_t)i;
        bool forbidden = str_starts(wanted, S("!"));
        if (wanted.len == 0)
            continue;
        if (forbidden)
            wanted = str_trim(str_from(wanted, 1));
        size_t at = forbidden ? 0 : from;
        struct str name = wanted, rest;
        enum event_id id;
        str_cut(wanted, ' ', &name, &rest);
        if (!event_by_name(name, &id))
            return wrong(r, line, "there is no event %.*s", ARG(name));
        while (at < r->events.count && !event_fits(r, r->events.at[at].record, wanted))
            at++;
        if ((at < r->events.count) == forbidden)
            return event_missing(r, line, wanted, forbidden);
        if (!forbidden)
            from = at + 1;
    }
    return OK;
}

static struct err event_missing(struct runner *r, uint32_t line, struct str wanted, bool forbidden)
{
    struct buf all AUTO(buf_done);
    buf_init(&all, MIB);
    each_in_vec (e, &r->events) {
        buf_add(&all, S("\n              "));
        add_event(&all, e->record);
    }
    return wrong(r, line, "expected  %s %.*s\n    got       since the last look:%.*s",
            forbidden ? "no" : "in this place", ARG(wanted),
            ARG(all.len > 0 ? buf_str(&all) : S(" nothing")));
}

// wanted = name *( SP key "=" ( template / <"> template <"> ) )
static bool event_fits(struct runner *r, struct str record, struct str wanted)
{
    struct record event;
    struct str name = wanted, rest = S(""), key, value;
    str_cut(wanted, ' ', &name, &rest);
    if (!record_take(&record, &event) || !str_eq(event_row(event.head.id)->name, name))
        return false;
    size_t bound = r->holes.all.count;
    while (next_wanted(&rest, &key, &value))
        if (!field_fits(r, &event, key, value)) {
            r->holes.all.count = bound;
            return false;
        }
    return true;
}

bool next_wanted(struct str *rest, struct str *key, struct str *value)
{
    *rest = str_trim(*rest);
    struct str after, tail = S("");
    if (rest->len == 0)
        return false;
    if (!str_cut(*rest, '=', key, &after)) {
        *key = *rest; // it will fit no field
        *value = S("");
        *rest = S("");
        return true;
    }
    if (str_starts(after, S("\""))) {
        after = str_from(after, 1);
        if (!str_cut(after, '"', value, &tail))
            *value = after;
    } else if (!str_cut(after, ' ', value, &tail)) {
        *value = after;
    }
    *rest = tail;
    return true;
}

static bool field_fits(
        struct runner *r, const struct record *event, struct str key, struct str wanted)
{
    struct str fields = event->fields;
    struct field_value v;
    struct template t;
    size_t furthest;
    struct buf text AUTO(buf_done);
    buf_init(&text, EVENT_TEXT_BYTES_MAX_);
    while (record_next_field(&fields, &v)) {
        if (!str_eq(field_row(v.field)->name, key))
            continue;
        if (v.kind == KIND_TEXT)
            buf_add(&text, v.text);
        else
            text_add_value(&text, &v);
        return !failed(template_parse(&r->arena, wanted, TEMPLATE_LINE, &t)) &&
               template_match(&t, &r->arena, buf_str(&text), &r->holes, &furthest);
    }
    return false;
}

static void add_event(struct buf *out, struct str record)
{
    struct record event;
    struct field_value v;
    if (!record_take(&record, &event))
        return;
    buf_add(out, event_row(event.head.id)->name);
    struct str fields = event.fields;
    while (record_next_field(&fields, &v)) {
        buf_fmt(out, " %.*s=", ARG(field_row(v.field)->name));
        text_add_value(out, &v);
    }
}

// --- Metrics -------------------------------------------------------------------------------------

// Rows are NAME DIFFERENCE, the name with its labels as a scrape shows it; since the last look.
struct err play_metrics(struct runner *r, const struct step *step)
{
    struct buf now;
    buf_init(&now, METRICS_BYTES_MAX);
    TRY(sim_settle(r->sim));
    metrics_expose(sim_server_metrics(r->server),
            &(struct metrics_form){.format = METRICS_PROMETHEUS}, &now);
    struct err e = OK;
    for (size_t i = 0; i < step->line_count && !failed(e); i++)
        if (str_trim(step->lines[i]).len > 0)
            e = check_metric(r, step->block_line + (uint32_t)i, str_trim(step->lines[i]),
                    buf_str(&r->metrics_before), buf_str(&now));
    buf_done(&r->metrics_before);
    r->metrics_before = now;
    return e;
}

static struct err check_metric(
        struct runner *r, uint32_t line, struct str row, struct str before, struct str now)
{
    struct str name, number;
    double wanted = 0, was = 0, is = 0;
    bool parsed = str_rcut(row, ' ', &name, &number);
    if (parsed && str_starts(number, S("+")))
        number = str_from(number, 1);
    bool negative = parsed && str_starts(number, S("-"));
    if (negative)
        number = str_from(number, 1);
    if (!parsed || !str_to_double(number, &wanted))
        return wrong(r, line, "a row is NAME DIFFERENCE");
    if (negative)
        wanted = -wanted;
    name = str_trim(name);
    sample(before, name, &was);
    bool known = sample(now, name, &is);
    if (!known && wanted != 0)
        return wrong(r, line, "there is no metric %.*s", ARG(name));
    if (is - was != wanted)
        return wrong(r, line, "expected  %+g\n    got       %+g", wanted, is - was);
    return OK;
}

static bool sample(struct str page, struct str name, double *out)
{
    struct scan in = scan_over(page);
    struct str line, key, value;
    while (scan_line(&in, &line))
        if (str_rcut(line, ' ', &key, &value) && str_eq(key, name))
            return str_to_double(value, out);
    return false;
}

// --- Subcommands ---------------------------------------------------------------------------------

struct err play_run(struct runner *r, const struct step *step)
{
    if (step->kind == STEP_EXIT) {
        if (r->exit_line == 0)
            return wrong(r, step->line, "nothing was run");
        r->exit_line = 0;
        return r->exit_status == step->number
                       ? OK
                       : wrong(r, step->line, "expected  exit %lld\n    got       exit %lld",
                                 (long long)step->number, (long long)r->exit_status);
    }
    struct str output, got;
    int status;
    struct err e = process_output(r, step->name, &output, &status);
    if (failed(e))
        return wrong(r, step->line, "%.*s", ARG(err_text(e)));
    r->exit_status = status;
    r->exit_line = step->line;
    struct scan in = scan_over(output);
    for (size_t i = 0; i < step->line_count || !scan_end(&in); i++) {
        struct template t;
        size_t furthest = 0;
        uint32_t line = step->block_line + (uint32_t)i;
        if (i >= step->line_count)
            return scan_line(&in, &got) ? differs(r, step->line, S("nothing more"), got, 0) : OK;
        e = template_parse(&r->arena, step->lines[i], TEMPLATE_LINE, &t);
        if (failed(e))
            return wrong(r, line, "%.*s", ARG(err_text(e)));
        if (!scan_line(&in, &got))
            return differs(r, line, step->lines[i], S("(the end of the output)"), 0);
        if (!template_match(&t, &r->arena, got, &r->holes, &furthest))
            return differs(r, line, step->lines[i], got, furthest);
    }
    return OK;
}
