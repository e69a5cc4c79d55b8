// SPDX-License-Identifier: Apache-2.0
// conf/findings.c: keeping findings, and their three forms: for a person at a terminal, one line
// each for grep and editors, JSON for programs. What a finding quotes was written by somebody:
// control bytes never reach the terminal as such.
#include "conf/findings.h"

#include "base/encode.h"
#include "base/json.h"

static void finding_keep(struct findings *all, struct finding f);
static bool texts_copy(struct arena *a, struct finding *f);
static bool text_copy(struct arena *a, struct str *text, size_t bytes_max);
static bool source_copy(struct arena *a, struct finding *f);
static void finding_print(struct buf *out, const struct finding *f, enum findings_form form);
static void place_print(struct buf *out, const struct finding *f);
static void message_print(struct buf *out, const struct finding *f);
static bool message_names_key(const struct finding *f);
static void source_print(struct buf *out, const struct finding *f, enum findings_form form);
static size_t source_next(struct str rest);
static bool source_is_safe(struct str rest);
static void dropped_print(struct buf *out, const struct findings *all);
static void severity_json(
        struct json_out *o, const struct findings *all, enum finding_severity severity);
static void finding_json(struct json_out *o, const struct finding *f);
static void text_add(struct buf *out, struct str text);

static const struct {
    struct str word, colour;
} severities[] = {
        [FINDING_ERROR] = {S_INIT("error"), S_INIT("\033[1;31m")},
        [FINDING_WARNING] = {S_INIT("warning"), S_INIT("\033[1;35m")},
        [FINDING_INFO] = {S_INIT("info"), S_INIT("\033[1;36m")},
};
#define COLOUR_PLACE S("\033[1m")
#define COLOUR_CARET S("\033[1;32m")
#define COLOUR_OFF S("\033[0m")
#define ELLIPSIS S("\xE2\x80\xA6")

struct findings findings_make(struct arena *a)
{
    return (struct findings){.arena = a};
}

void finding_add(struct findings *all, struct finding f)
{
    if (!str_is_null(f.message) && !text_copy(all->arena, &f.message, FINDING_TEXT_BYTES_MAX))
        f.message = S("(no memory left for the message)");
    finding_keep(all, f);
}

void finding_add_fmt(struct findings *all, struct finding f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    f.message = arena_vfmt(all->arena, fmt, args);
    va_end(args);
    if (str_is_null(f.message))
        f.message = S("(no memory left for the message)");
    f.message = str_upto(f.message, FINDING_TEXT_BYTES_MAX);
    finding_keep(all, f);
}

bool findings_tell(const struct findings *all, struct str key)
{
    each_in_vec (finding, &all->all)
        if (finding->severity == FINDING_ERROR && str_eq(finding->key, key))
            return true;
    return false;
}

void findings_harden(struct findings *all)
{
    each_in_vec (f, &all->all)
        if (f->severity == FINDING_WARNING)
            f->severity = FINDING_ERROR;
    all->error_count += all->warning_count; // those dropped, too
    all->warning_count = 0;
}

// Counted always: a program that ran out of memory for findings must not look as if it had none.
static void finding_keep(struct findings *all, struct finding f)
{
    all->error_count += f.severity == FINDING_ERROR;
    all->warning_count += f.severity == FINDING_WARNING;
    if (all->all.count >= FINDINGS_MAX || !texts_copy(all->arena, &f)) {
        all->dropped_count++;
        return;
    }
    struct finding *kept = vec_add(all->arena, &all->all);
    if (kept == NULL)
        all->dropped_count++;
    else
        *kept = f;
}

static bool texts_copy(struct arena *a, struct finding *f)
{
    return text_copy(a, &f->file, SIZE_MAX) && text_copy(a, &f->key, SIZE_MAX) &&
           text_copy(a, &f->value, FINDING_TEXT_BYTES_MAX) &&
           text_copy(a, &f->hint, FINDING_TEXT_BYTES_MAX) && source_copy(a, f);
}

static bool text_copy(struct arena *a, struct str *text, size_t bytes_max)
{
    if (str_is_null(*text))
        return true;
    *text = arena_str(a, str_upto(*text, bytes_max));
    return !str_is_null(*text);
}

// Of a long line (a whole script or certificate may stand in one) the part around the caret.
static bool source_copy(struct arena *a, struct finding *f)
{
    struct str source = f->source;
    uint32_t first = 1;
    if (str_is_null(source) || f->line == 0 || f->column == 0) {
        f->source = STR_NULL;
        return true;
    }
    if (f->column > FINDING_SOURCE_COLUMNS / 2)
        first = f->column - FINDING_SOURCE_COLUMNS / 2;
    if (source.len <= FINDING_SOURCE_COLUMNS)
        first = 1;
    for (uint32_t i = 1; i < first && source.len > 0; i++)
        source = str_from(source, source_next(source));
    struct str rest = source;
    for (uint32_t i = 0; i < FINDING_SOURCE_COLUMNS && rest.len > 0; i++)
        rest = str_from(rest, source_next(rest));
    struct str part = str_upto(source, source.len - rest.len);
    f->source = arena_fmt(a, "%.*s%.*s%.*s", ARG(first > 1 ? ELLIPSIS : S("")), ARG(part),
            ARG(rest.len > 0 ? ELLIPSIS : S("")));
    f->caret = f->column - (first - 1) + (first > 1);
    return !str_is_null(f->source);
}

// -- The form for people ------------------------------------------------------------------------

void findings_print(struct buf *out, const struct findings *all, enum findings_form form)
{
    each_in_vec (f, &all->all)
        finding_print(out, f, form);
    dropped_print(out, all);
}

static void finding_print(struct buf *out, const struct finding *f, enum findings_form form)
{
    bool colour = form == FINDINGS_COLOUR;
    buf_add(out, colour ? COLOUR_PLACE : S(""));
    place_print(out, f);
    buf_add(out, colour ? severities[f->severity].colour : S(""));
    buf_fmt(out, "%.*s:", ARG(severities[f->severity].word));
    buf_add(out, colour ? COLOUR_OFF : S(""));
    buf_add_byte(out, ' ');
    message_print(out, f);
    buf_add_byte(out, '\n');
    if (!str_is_null(f->source))
        source_print(out, f, form);
    if (!str_is_null(f->hint)) {
        buf_add(out, S("  hint: "));
        text_add(out, f->hint);
        buf_add_byte(out, '\n');
    }
}

static void place_print(struct buf *out, const struct finding *f)
{
    if (str_is_null(f->file))
        return;
    text_add(out, f->file);
    if (f->line > 0)
        buf_fmt(out, ":%u", f->line);
    if (f->line > 0 && f->column > 0)
        buf_fmt(out, ":%u", f->column);
    buf_add(out, S(": "));
}

// A conversion error begins with its key (configuration.md 4.3), a syntax error ends with it (2.3).
static void message_print(struct buf *out, const struct finding *f)
{
    bool add_key = !str_is_empty(f->key) && !message_names_key(f);
    if (add_key && f->class != FINDING_SYNTAX) {
        buf_add_byte(out, '\'');
        text_add(out, f->key);
        buf_add(out, S("': "));
    }
    text_add(out, f->message);
    if (add_key && f->class == FINDING_SYNTAX) {
        buf_add(out, S(" (key '"));
        text_add(out, f->key);
        buf_add_byte(out, '\'');
        if (f->element > 0)
            buf_fmt(out, ", element %u", f->element);
        buf_add_byte(out, ')');
    }
}

static bool message_names_key(const struct finding *f)
{
    struct str rest = f->message;
    for (size_t at = str_find(rest, f->key); at != STR_NOT_FOUND; at = str_find(rest, f->key)) {
        bool opened = at > 0 && rest.ptr[at - 1] == '\'';
        rest = str_from(rest, at + f->key.len);
        if (opened && str_starts(rest, S("'")))
            return true;
    }
    return false;
}

// Under the line a caret. Tabs of the line are repeated before it, so that it stands right however
// wide they are shown; all else is one column, as positions count code points.
static void source_print(struct buf *out, const struct finding *f, enum findings_form form)
{
    struct str rest = f->source;
    while (rest.len > 0) {
        size_t len = source_next(rest);
        buf_add(out, source_is_safe(rest) ? str_upto(rest, len) : S("?"));
        rest = str_from(rest, len);
    }
    buf_add_byte(out, '\n');
    rest = f->source;
    for (uint32_t i = 1; i < f->caret; i++) {
        buf_add_byte(out, str_starts(rest, S("\t")) ? '\t' : ' ');
        rest = rest.len > 0 ? str_from(rest, source_next(rest)) : rest;
    }
    buf_add(out, form == FINDINGS_COLOUR ? COLOUR_CARET : S(""));
    buf_add_byte(out, '^');
    buf_add(out, form == FINDINGS_COLOUR ? COLOUR_OFF : S(""));
    buf_add_byte(out, '\n');
}

// Bytes of the first code point, a byte that is none being one of its own.
static size_t source_next(struct str rest)
{
    uint32_t code;
    size_t len = str_utf8_next(rest, &code);
    return len > 0 ? len : 1;
}

// Neither a control nor one that turns the direction of writing, nor broken UTF-8.
static bool source_is_safe(struct str rest)
{
    uint32_t code;
    if (str_utf8_next(rest, &code) == 0)
        return false;
    bool turns = (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    return code == '\t' || (code >= ' ' && !(code >= 0x7F && code < 0xA0) && !turns);
}

static void dropped_print(struct buf *out, const struct findings *all)
{
    if (all->dropped_count > 0)
        buf_fmt(out, "and %zu more\n", all->dropped_count);
}

// -- The forms for programs ---------------------------------------------------------------------

void findings_lines(struct buf *out, const struct findings *all)
{
    each_in_vec (f, &all->all) {
        place_print(out, f);
        buf_fmt(out, "%.*s: ", ARG(severities[f->severity].word));
        if (!str_is_empty(f->key)) {
            text_add(out, f->key);
            buf_add(out, S(": "));
        }
        text_add(out, f->message);
        if (!str_is_null(f->hint)) {
            buf_add(out, S("; "));
            text_add(out, f->hint);
        }
        buf_add_byte(out, '\n');
    }
    dropped_print(out, all);
}

void findings_json(struct json_out *o, const struct findings *all, bool ok)
{
    json_object_begin(o);
    json_put_bool(o, S("ok"), ok);
    json_key(o, S("errors"));
    severity_json(o, all, FINDING_ERROR);
    json_key(o, S("warnings"));
    severity_json(o, all, FINDING_WARNING);
    json_key(o, S("infos"));
    severity_json(o, all, FINDING_INFO);
    json_put_u64(o, S("dropped"), all->dropped_count);
    json_object_end(o);
}

static void severity_json(
        struct json_out *o, const struct findings *all, enum finding_severity severity)
{
    json_array_begin(o);
    each_in_vec (f, &all->all)
        if (f->severity == severity)
            finding_json(o, f);
    json_array_end(o);
}

static void finding_json(struct json_out *o, const struct finding *f)
{
    json_object_begin(o);
    json_put_str(o, S("file"), f->file);
    json_put_u64(o, S("line"), f->line);
    json_put_u64(o, S("column"), f->column);
    json_put_str(o, S("key"), f->key);
    json_put_str(o, S("code"), f->code);
    json_put_str(o, S("message"), f->message);
    if (f->element > 0)
        json_put_u64(o, S("element"), f->element);
    if (!str_is_null(f->value))
        json_put_str(o, S("value"), f->value);
    if (!str_is_null(f->hint))
        json_put_str(o, S("hint"), f->hint);
    json_object_end(o);
}

static void text_add(struct buf *out, struct str text)
{
    escape_text(out, text, FINDING_TEXT_BYTES_MAX, ESCAPE_PLAIN);
}
