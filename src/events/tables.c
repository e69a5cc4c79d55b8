// SPDX-License-Identifier: Apache-2.0
// events/tables.c: the tables of events, fields, families and metrics as data, and finding one's
// way in them by name.
#include "events/event.h"
#include "events/metrics.h"

#define NEAR_MOST 4 // slips between an unknown id and the one that is proposed

enum { COUNTED_PLAIN, COUNTED_COUNT };
enum family_state { FAMILY_WHOLE, FAMILY_LATER };
struct family {
    struct str name, older_name;
    enum family_state state;
};

static const struct event_row event_rows[] = {
#define EVENT(id, name, level, counted, fields, text, about)                                       \
    [EV_##id] = {S_INIT(name), LEVEL_##level, COUNTED_##counted, S_INIT(fields), S_INIT(text),     \
            S_INIT(about)},
#include "events/events.def"
};

static const struct field_row field_rows[] = {
#define FIELD(name, type, about) [FIELD_##name] = {S_INIT(#name), S_INIT(#type), S_INIT(about)},
#include "events/fields.def"
};

static const struct family families[] = {
#define FAMILY(name, older, state) {S_INIT(name), S_INIT(older), FAMILY_##state},
#include "events/families.def"
};

static const struct metric_row metric_rows[] = {
#define METRIC(id, name, kind, label1, label2, label3, scale, help)                                \
    [METRIC_##id] = {S_INIT(name), METRIC_KIND_##kind,                                             \
            {LABEL_##label1, LABEL_##label2, LABEL_##label3}, scale, S_INIT(help)},
#include "events/metrics.def"
};

static const struct str label_names[] = {
#define LABEL(id, name, values) [LABEL_##id] = S_INIT(name),
#include "events/labels.def"
};

static const struct str level_names[] = {
        [LEVEL_DISABLE] = S_INIT("disable"),
        [LEVEL_ERROR] = S_INIT("error"),
        [LEVEL_WARN] = S_INIT("warn"),
        [LEVEL_INFO] = S_INIT("info"),
        [LEVEL_DEBUG] = S_INIT("debug"),
        [LEVEL_TRACE] = S_INIT("trace"),
};

static struct str older_name(enum event_id id, char out[EVENT_NAME_BYTES_MAX]);
static bool later_family_matches(const struct glob *glob);

const struct event_row *event_row(enum event_id id)
{
    assert(id < COUNT_OF(event_rows));
    return &event_rows[id];
}

const struct field_row *field_row(enum field_id id)
{
    assert(id < COUNT_OF(field_rows));
    return &field_rows[id];
}

const struct metric_row *metric_row(enum metric_id id)
{
    assert(id < COUNT_OF(metric_rows));
    return &metric_rows[id];
}

struct str metric_label_name(enum metric_label label)
{
    assert(label < COUNT_OF(label_names));
    return label_names[label];
}

bool field_by_name(struct str name, enum field_id *out)
{
    for (size_t i = 0; i < COUNT_OF(field_rows); i++) {
        if (str_eq(field_rows[i].name, name)) {
            *out = (enum field_id)i;
            return true;
        }
    }
    return false;
}

bool event_by_name(struct str name, enum event_id *out)
{
    char older[EVENT_NAME_BYTES_MAX];
    for (size_t i = 0; i < COUNT_OF(event_rows); i++) {
        enum event_id id = (enum event_id)i;
        if (str_eq(event_rows[i].name, name) || str_eq(older_name(id, older), name)) {
            *out = id;
            return true;
        }
    }
    return false;
}

struct str event_level_name(enum event_level level)
{
    assert(level < COUNT_OF(level_names));
    return level_names[level];
}

bool event_level_by_name(struct str name, enum event_level *out)
{
    for (size_t i = 0; i < COUNT_OF(level_names); i++) {
        if (str_eq(level_names[i], name)) {
            *out = (enum event_level)i;
            return true;
        }
    }
    return false;
}

bool event_matches(enum event_id id, const struct glob *glob)
{
    char older[EVENT_NAME_BYTES_MAX];
    struct str old_name = older_name(id, older);
    return glob_match(glob, event_row(id)->name) ||
           (old_name.len > 0 && glob_match(glob, old_name));
}

// "registry.parse-error" for "config.parse-error"; empty for most.
static struct str older_name(enum event_id id, char out[EVENT_NAME_BYTES_MAX])
{
    struct str name = event_row(id)->name;
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        const struct family *family = &families[i];
        struct str rest = str_from(name, family->name.len);
        size_t len = family->older_name.len + rest.len;
        if (family->older_name.len == 0 || !str_starts(name, family->name) ||
                !str_starts(rest, S(".")) || len > EVENT_NAME_BYTES_MAX)
            continue;
        memcpy(out, family->older_name.ptr, family->older_name.len);
        memcpy(out + family->older_name.len, rest.ptr, rest.len);
        return str_of(out, len);
    }
    return S("");
}

enum event_known event_pattern_known(const struct glob *glob)
{
    for (size_t i = 0; i < COUNT_OF(event_rows); i++)
        if (event_matches((enum event_id)i, glob))
            return EVENT_KNOWN;
    return later_family_matches(glob) ? EVENT_LATER : EVENT_UNKNOWN;
}

// A pattern whose part before the dot is, written out, a family that has more events to come.
static bool later_family_matches(const struct glob *glob)
{
    struct str name, rest;
    if (!str_cut(glob->pattern, '.', &name, &rest))
        return false;
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        const struct family *family = &families[i];
        bool same = str_eq(family->name, name) ||
                    (family->older_name.len > 0 && str_eq(family->older_name, name));
        if (same && family->state == FAMILY_LATER)
            return true;
    }
    return false;
}

struct str event_nearest(struct str name)
{
    struct str nearest = STR_NULL;
    size_t best = NEAR_MOST + 1;
    for (size_t i = 0; i < COUNT_OF(event_rows); i++) {
        size_t distance = str_distance(event_rows[i].name, name, NEAR_MOST);
        if (distance < best) {
            best = distance;
            nearest = event_rows[i].name;
        }
    }
    return nearest;
}
