// SPDX-License-Identifier: Apache-2.0
// conf/report.c: findings that point at a place: file, line, column, and the line itself for the
// caret, which is cut out of the text that the snapshot keeps.
#include "conf/snapshot.h"

#define MESSAGE_BYTES_MAX (16 * KIB)

static void say_of(struct loader *l, const struct conf_value *v, int element, struct finding *f,
        const char *fmt, va_list args) PRINTF_LIKE(5, 0);
static void say(const struct conf *conf, struct findings *findings, struct str key, int element,
        struct finding *what, const char *fmt, va_list args) PRINTF_LIKE(6, 0);
static bool is_hearsay(
        const struct conf *conf, const struct conf_slot *slot, enum finding_severity severity);
static struct str source_line(const struct conf *conf, struct str file, uint32_t line);
static void fill_place(const struct conf *conf, const struct conf_origin *at, struct finding *f);
static void fill_value(const struct conf_value *v, int element, struct finding *f);
static void hide_secret(const struct conf_value *v, struct finding *f);

void conf_say(struct loader *l, const struct conf_origin *at, struct finding what)
{
    fill_place(l->conf, at, &what);
    finding_add(l->findings, what);
}

void conf_complain(struct loader *l, const struct conf_value *v, int element, enum finding_class c,
        struct str code, const char *fmt, ...)
{
    struct finding f = {.severity = FINDING_ERROR, .class = c, .code = code};
    va_list args;
    va_start(args, fmt);
    say_of(l, v, element, &f, fmt, args);
    va_end(args);
}

void conf_warn(struct loader *l, const struct conf_value *v, int element, struct str code,
        const char *fmt, ...)
{
    struct finding f = {.severity = FINDING_WARNING, .code = code};
    va_list args;
    va_start(args, fmt);
    say_of(l, v, element, &f, fmt, args);
    va_end(args);
}

static void say_of(struct loader *l, const struct conf_value *v, int element, struct finding *f,
        const char *fmt, va_list args)
{
    bool of_one = element >= 0 && (size_t)element < v->count;
    f->message = arena_vfmt(&l->scratch, fmt, args);
    fill_value(v, element, f);
    fill_place(l->conf, of_one ? &v->elements[element].origin : &v->origin, f);
    hide_secret(v, f);
    finding_add(l->findings, *f);
}

void conf_no_memory(struct loader *l)
{
    if (!l->no_memory)
        finding_add(l->findings,
                (struct finding){.severity = FINDING_ERROR,
                        .class = FINDING_BUILD,
                        .code = S("memory"),
                        .message = S("the configuration needs more memory than it may have")});
    l->no_memory = true;
    l->conf->refused = true;
}

struct conf_origin conf_origin(const struct conf *conf, struct str key)
{
    const struct conf_slot *slot = conf_slot_find(conf, key);
    if (slot == NULL)
        return (struct conf_origin){.kind = CONF_FROM_DEFAULT};
    return slot->answer != NULL ? slot->answer->origin : (struct conf_origin){0};
}

void conf_origin_add(struct buf *out, const struct conf_origin *at)
{
    if (at->kind == CONF_FROM_FILE)
        buf_fmt(out, "%.*s:%u", ARG(at->file), at->line);
    else
        buf_add(out, conf_origin_word(at->kind));
}

struct str conf_origin_text(struct arena *a, const struct conf *conf, struct str key)
{
    struct conf_origin at = conf_origin(conf, key);
    struct buf text AUTO(buf_done);
    buf_init(&text, 8 * KIB);
    conf_origin_add(&text, &at);
    return arena_str(a, buf_str(&text));
}

struct str conf_origin_word(enum conf_origin_kind kind)
{
    static const struct str words[] = {
            [CONF_FROM_DEFAULT] = S_INIT("default"),
            [CONF_FROM_FILE] = S_INIT("file"),
            [CONF_FROM_ENV] = S_INIT("env"),
            [CONF_FROM_DATABASE] = S_INIT("database"),
    };
    return words[kind];
}

void conf_finding(const struct conf *conf, struct findings *findings, struct str key, int element,
        struct finding what)
{
    const struct conf_slot *slot = conf_slot_find(conf, key);
    const struct conf_value *v = slot != NULL ? slot->answer : NULL;
    struct conf_origin at = v != NULL ? v->origin : (struct conf_origin){0};
    what.key = key;
    if (slot != NULL && is_hearsay(conf, slot, what.severity))
        return;
    if (v != NULL && at.kind == CONF_FROM_FILE) {
        fill_value(v, element, &what);
        what.key = key;
        if (element >= 0 && (size_t)element < v->count)
            at = v->elements[element].origin;
    } else {
        // Not written: the header of its object is where it would have to stand.
        struct conf_origin header = conf_object_origin(conf, key);
        at = header.line > 0 ? header : at;
    }
    fill_place(conf, &at, &what);
    if (v != NULL)
        hide_secret(v, &what);
    finding_add(findings, what);
}

// A value that could not be read has its error already: that its default is no certificate, say,
// is no news. "Not set" and the like may also be wrong about a file that was not read whole:
// whoever mends the error would look for the warning in vain.
static bool is_hearsay(
        const struct conf *conf, const struct conf_slot *slot, enum finding_severity severity)
{
    bool written = slot->own != NULL && slot->answer == slot->own;
    if (severity == FINDING_ERROR)
        return slot->own != NULL && slot->own->bad;
    return !written && (conf->refused || slot->own != NULL);
}

void conf_error(const struct conf *conf, struct findings *findings, struct str key, int element,
        struct str code, const char *fmt, ...)
{
    struct finding what = {.severity = FINDING_ERROR, .class = FINDING_BUILD, .code = code};
    va_list args;
    va_start(args, fmt);
    say(conf, findings, key, element, &what, fmt, args);
    va_end(args);
}

void conf_warning(const struct conf *conf, struct findings *findings, struct str key, int element,
        struct str code, const char *fmt, ...)
{
    struct finding what = {.severity = FINDING_WARNING, .class = FINDING_BUILD, .code = code};
    va_list args;
    va_start(args, fmt);
    say(conf, findings, key, element, &what, fmt, args);
    va_end(args);
}

static void say(const struct conf *conf, struct findings *findings, struct str key, int element,
        struct finding *what, const char *fmt, va_list args)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, MESSAGE_BYTES_MAX);
    what->message = arena_vfmt(&scratch, fmt, args);
    conf_finding(conf, findings, key, element, *what);
}

static void fill_place(const struct conf *conf, const struct conf_origin *at, struct finding *f)
{
    if (at->kind != CONF_FROM_FILE)
        return;
    f->file = at->file;
    f->line = at->line;
    f->column = at->column;
    f->source = source_line(conf, at->file, at->line);
}

static void fill_value(const struct conf_value *v, int element, struct finding *f)
{
    f->key = v->key;
    if (element >= 0 && v->list)
        f->element = (uint32_t)element + 1;
    size_t at = element >= 0 ? (size_t)element : 0;
    bool one = element >= 0 || (v->count == 1 && !v->list);
    if (one && at < v->count && v->setting->type != TYPE_SECRET &&
            !str_is_null(v->elements[at].written))
        f->value = v->elements[at].written;
}

// Of the line that is shown, what stands behind the key.
static void hide_secret(const struct conf_value *v, struct finding *f)
{
    struct str key, value;
    if (v->setting->type == TYPE_SECRET && !str_is_null(f->source) &&
            str_cut(f->source, '=', &key, &value))
        f->source = str_upto(f->source, key.len + 1);
}

static struct str source_line(const struct conf *conf, struct str file, uint32_t line)
{
    each_in_vec (t, &conf->texts) {
        if (!str_eq(t->used.path, file) || str_is_null(t->text))
            continue;
        struct scan in = scan_over(t->text);
        struct str found;
        for (uint32_t i = 1; scan_line(&in, &found); i++)
            if (i == line)
                return found;
    }
    return STR_NULL;
}
