// SPDX-License-Identifier: Apache-2.0
// events/settings.c: from `tracer.<id>`, `tracing.level` and `metrics` to tables that the writer
// and the workers can look things up in, without asking the configuration again.
#include "events/settings.h"

#include "events/metrics.h"
#include "rt/appendfile.h"

#define MAP_TRACER S("tracer")
#define MEMBER(t, name) conf_item((t)->conf, MAP_TRACER, (t)->id, S(name))

struct reader { // of one tracer
    struct arena *arena;
    const struct conf *conf;
    struct findings *findings;
    struct str id;
    const enum event_level *levels; // of all events
};

static void read_levels(struct arena *a, const struct conf *conf, struct findings *findings,
        enum event_level levels[EVENT_COUNT]);
static void read_tracer(const struct reader *in, struct tracer *out);
static void read_style(const struct reader *in, struct tracer *out);
static void read_files(const struct reader *in, struct tracer *out);
static void choose_events(const struct reader *in, struct tracer *out);
static void choose_samples(const struct reader *in, struct tracer *out);
static bool compile(
        const struct reader *in, struct str key, int element, struct str pattern, struct glob *out);
static bool check_only_one(const struct reader *in, struct telemetry *t, struct tracer *one);
static void add_default_console(struct telemetry *t, const enum event_level *levels);
static void read_metrics(struct arena *a, const struct conf *conf, struct findings *findings,
        struct telemetry *t, const enum event_level *levels);
static bool not_counted(const struct glob *globs, size_t count, enum event_id id);

struct telemetry *telemetry_load(
        struct arena *a, const struct conf *conf, struct findings *findings)
{
    struct telemetry *t = arena_make(a, struct telemetry);
    struct conf_ids ids = conf_ids(conf, MAP_TRACER);
    enum event_level *levels = arena_array(a, EVENT_COUNT, enum event_level);
    struct tracer *tracers = arena_array(a, TRACERS_MAX + 1, struct tracer);
    if (t == NULL || levels == NULL || tracers == NULL)
        return NULL;
    t->tracers = tracers;
    read_levels(a, conf, findings, levels);
    for (size_t i = 0; i < ids.count; i++) {
        struct reader in = {a, conf, findings, ids.at[i], levels};
        if (!conf_bool(conf, MEMBER(&in, "enable")) || conf_is_none(conf, MEMBER(&in, "type")))
            continue; // a missing type is an error of its own already
        if (t->tracer_count == TRACERS_MAX) {
            conf_error(conf, findings, MEMBER(&in, "type"), -1, S("too-many"),
                    "there can be at most %d tracers", TRACERS_MAX);
            break;
        }
        struct tracer *one = &tracers[t->tracer_count];
        read_tracer(&in, one);
        t->tracer_count += check_only_one(&in, t, one);
    }
    if (t->tracer_count == 0)
        add_default_console(t, levels);
    read_metrics(a, conf, findings, t, levels);
    return t;
}

// tracing.level."<id or glob>" = "debug". An exact id beats a pattern, a longer pattern a shorter
// one.
static void read_levels(struct arena *a, const struct conf *conf, struct findings *findings,
        enum event_level levels[EVENT_COUNT])
{
    struct reader in = {a, conf, findings, STR_NULL, levels};
    struct str key = S("tracing.level");
    struct conf_list list = conf_list(conf, key);
    uint16_t exact[EVENT_COUNT] = {0}; // of what decided so far
    for (size_t id = 0; id < EVENT_COUNT; id++)
        levels[id] = event_row((enum event_id)id)->level;
    for (size_t i = 0; i < list.count; i++) {
        struct glob glob;
        enum event_level level;
        struct str pattern = list.at[i].name;
        if (!event_level_by_name(list.at[i].text, &level) ||
                !compile(&in, key, (int)i, pattern, &glob))
            continue;
        size_t how = pattern.len + (glob_has_wildcard(pattern) ? 1 : GLOB_BYTES_MAX);
        for (size_t id = 0; id < EVENT_COUNT; id++) {
            if (how < exact[id] || !event_matches((enum event_id)id, &glob))
                continue;
            levels[id] = level;
            exact[id] = (uint16_t)how;
        }
    }
}

static void read_tracer(const struct reader *in, struct tracer *out)
{
    *out = (struct tracer){.id = in->id};
    struct str type = conf_str(in->conf, MEMBER(in, "type"));
    if (str_eq(type, S("log")))
        out->type = TRACER_LOG;
    else
        out->type = str_eq(type, S("journal")) ? TRACER_JOURNAL : TRACER_CONSOLE;
    out->lossy = conf_bool(in->conf, MEMBER(in, "lossy"));
    read_style(in, out);
    if (out->type == TRACER_LOG)
        read_files(in, out);
    choose_events(in, out);
    choose_samples(in, out);
}

static void read_style(const struct reader *in, struct tracer *out)
{
    struct str format = conf_str(in->conf, MEMBER(in, "format"));
    bool to_stdout = str_eq(conf_str(in->conf, MEMBER(in, "target")), S("stdout"));
    bool terminal = out->type == TRACER_CONSOLE && console_is_terminal(to_stdout ? 1 : 2);
    if (str_eq(format, S("json")))
        out->style.form = FORM_JSON;
    if (str_eq(format, S("logfmt")))
        out->style.form = FORM_LOGFMT;
    out->style.precision =
            str_eq(conf_str(in->conf, MEMBER(in, "precision")), S("s")) ? DATE_SECONDS : DATE_MS;
    out->style.colour = conf_is_set(in->conf, MEMBER(in, "ansi"))
                                ? conf_bool(in->conf, MEMBER(in, "ansi"))
                                : terminal;
    out->style.multiline = conf_bool(in->conf, MEMBER(in, "multiline"));
    out->target = to_stdout ? TARGET_STDOUT : TARGET_STDERR;
    out->buffered = conf_bool(in->conf, MEMBER(in, "buffered"));
}

static void read_files(const struct reader *in, struct tracer *out)
{
    static const struct str rotates[] = {[ROTATE_DAILY] = S_INIT("daily"),
            [ROTATE_HOURLY] = S_INIT("hourly"),
            [ROTATE_MINUTELY] = S_INIT("minutely"),
            [ROTATE_NEVER] = S_INIT("never")};
    struct str rotate = conf_str(in->conf, MEMBER(in, "rotate"));
    out->path = conf_str(in->conf, MEMBER(in, "path"));
    out->prefix = conf_str(in->conf, MEMBER(in, "prefix"));
    for (size_t i = 0; i < COUNT_OF(rotates); i++)
        if (str_eq(rotate, rotates[i]))
            out->rotate = (enum tracer_rotate)i;
    out->rotate_bytes = conf_u64(in->conf, MEMBER(in, "rotate-size"));
    out->keep_count = conf_u64(in->conf, MEMBER(in, "keep"));
    out->keep_days = conf_u64(in->conf, MEMBER(in, "keep-days"));
    if (str_eq(conf_str(in->conf, MEMBER(in, "compress")), S("gzip")))
        out->compress = COMPRESS_GZIP;
    if (str_is_empty(out->path))
        conf_error(in->conf, in->findings, MEMBER(in, "path"), -1, S("missing"),
                "a log tracer needs a path: the folder for its files");
    if (str_is_empty(out->prefix) || str_contains(out->prefix, S("/")))
        conf_error(in->conf, in->findings, MEMBER(in, "prefix"), -1, S("bad-prefix"),
                "expected the beginning of a file name, without a slash");
}

static void choose_events(const struct reader *in, struct tracer *out)
{
    struct str level_name = conf_str(in->conf, MEMBER(in, "level"));
    enum event_level most = LEVEL_INFO;
    (void)event_level_by_name(level_name, &most); // the table of settings has checked it
    struct str keys[] = {MEMBER(in, "events"), MEMBER(in, "disabled-events")};
    bool include = str_eq(conf_str(in->conf, MEMBER(in, "events-policy")), S("include"));
    bool only_some = include && conf_list(in->conf, keys[0]).count > 0;
    for (size_t id = 0; id < EVENT_COUNT; id++)
        out->takes[id] = !only_some && in->levels[id] != LEVEL_DISABLE && in->levels[id] <= most;
    for (size_t k = 0; k < COUNT_OF(keys); k++) {
        struct conf_list list = conf_list(in->conf, keys[k]);
        bool takes = k == 0 && include;
        for (size_t i = 0; i < list.count; i++) {
            struct glob glob;
            if (!compile(in, keys[k], (int)i, list.at[i].text, &glob))
                continue;
            for (size_t id = 0; id < EVENT_COUNT; id++)
                if (event_matches((enum event_id)id, &glob))
                    out->takes[id] =
                            takes && in->levels[id] != LEVEL_DISABLE && in->levels[id] <= most;
        }
    }
}

static void choose_samples(const struct reader *in, struct tracer *out)
{
    struct str key = MEMBER(in, "sample");
    struct conf_list list = conf_list(in->conf, key);
    for (size_t i = 0; i < list.count; i++) {
        struct glob glob;
        if (!compile(in, key, (int)i, list.at[i].name, &glob))
            continue;
        for (size_t id = 0; id < EVENT_COUNT; id++)
            if (event_matches((enum event_id)id, &glob))
                out->sample[id] = (uint32_t)list.at[i].value.integer;
    }
}

// Warns of what names no event at all; the warning proposes the nearest id.
static bool compile(
        const struct reader *in, struct str key, int element, struct str pattern, struct glob *out)
{
    struct err e = glob_compile(in->arena, pattern, GLOB_EXACT, out);
    if (failed(e)) {
        conf_error(in->conf, in->findings, key, element, S("bad-glob"), "%.*s", ARG(err_text(e)));
        return false;
    }
    if (event_pattern_known(out) != EVENT_UNKNOWN)
        return true;
    struct str nearest = event_nearest(pattern);
    if (nearest.len > 0)
        conf_warning(in->conf, in->findings, key, element, S("unknown-event"),
                "there is no event \"%.*s\"; did you mean \"%.*s\"?", ARG(pattern), ARG(nearest));
    else
        conf_warning(in->conf, in->findings, key, element, S("unknown-event"),
                "there is no event \"%.*s\"; `posthaste events` lists them", ARG(pattern));
    return true;
}

static bool check_only_one(const struct reader *in, struct telemetry *t, struct tracer *one)
{
    if (one->type == TRACER_LOG)
        return true;
    for (size_t i = 0; i < t->tracer_count; i++) {
        if (t->tracers[i].type != one->type)
            continue;
        conf_error(in->conf, in->findings, MEMBER(in, "type"), -1, S("second-tracer"),
                "there is a %s tracer already: \"%.*s\"; there can be one",
                one->type == TRACER_CONSOLE ? "console" : "journal", ARG(t->tracers[i].id));
        return false;
    }
    return true;
}

static void add_default_console(struct telemetry *t, const enum event_level *levels)
{
    struct tracer *one = &t->tracers[t->tracer_count++];
    *one = (struct tracer){.id = S("console"), .type = TRACER_CONSOLE, .buffered = true};
    one->style = (struct text_style){.precision = DATE_MS, .colour = console_is_terminal(2)};
    for (size_t id = 0; id < EVENT_COUNT; id++)
        one->takes[id] = levels[id] != LEVEL_DISABLE && levels[id] <= LEVEL_INFO;
}

static void read_metrics(struct arena *a, const struct conf *conf, struct findings *findings,
        struct telemetry *t, const enum event_level *levels)
{
    struct reader in = {a, conf, findings, STR_NULL, levels};
    struct conf_list list = conf_list(conf, S("metrics.disabled-events"));
    struct glob *globs = arena_array(a, list.count + 1, struct glob);
    size_t count = 0;
    for (size_t i = 0; i < list.count && globs != NULL; i++)
        count += compile(&in, S("metrics.disabled-events"), (int)i, list.at[i].text, &globs[count]);
    telemetry_want(t, levels, globs, count);
    t->prometheus = conf_bool(conf, S("metrics.prometheus.enable"));
    t->prometheus_user = conf_str(conf, S("metrics.prometheus.auth.username"));
    t->prometheus_secret = conf_str(conf, S("metrics.prometheus.auth.secret"));
    t->metrics_prefix = conf_str(conf, S("metrics.prefix"));
    for (size_t i = 0; i < t->metrics_prefix.len; i++) {
        uint8_t c = (uint8_t)t->metrics_prefix.ptr[i];
        if (byte_is_alpha(c) || c == '_' || (i > 0 && byte_is_digit(c)))
            continue;
        conf_error(conf, findings, S("metrics.prefix"), -1, S("bad-prefix"),
                "expected letters, digits and '_', not beginning with a digit");
        break;
    }
    t->metrics_compatible_names = conf_bool(conf, S("metrics.compatible-names"));
}

// What workers look at: an event that no tracer takes and nobody counts is not produced.
void telemetry_want(struct telemetry *t, const enum event_level *levels,
        const struct glob *not_counted_globs, size_t glob_count)
{
    t->lossless = false;
    for (size_t i = 0; i < t->tracer_count; i++)
        t->lossless = t->lossless || !t->tracers[i].lossy;
    for (size_t id = 0; id < EVENT_COUNT; id++) {
        enum event_id event = (enum event_id)id;
        bool taken = false;
        for (size_t i = 0; i < t->tracer_count; i++)
            taken = taken || t->tracers[i].takes[id];
        bool counted = event_row(event)->counted && levels[id] != LEVEL_DISABLE &&
                       !not_counted(not_counted_globs, glob_count, event);
        unsigned want = taken ? (unsigned)levels[id] | WANT_RECORD : 0;
        t->wants.of[id] = (uint8_t)(want | (counted ? WANT_COUNT : 0));
    }
}

static bool not_counted(const struct glob *globs, size_t count, enum event_id id)
{
    for (size_t i = 0; i < count; i++)
        if (event_matches(id, &globs[i]))
            return true;
    return false;
}
