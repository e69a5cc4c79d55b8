// SPDX-License-Identifier: Apache-2.0
// conf/reference.c: the table of settings as text, as JSON, and as docs/settings.md.
#include "conf/snapshot.h"

#include "base/json.h"
#include "conf/glob.h"

static bool row_matches(const struct setting *s, const struct glob *pattern);
static bool row_is_shown(const struct setting *s);
static bool pattern_of(struct arena *a, struct str text, struct glob *out);
static void row_text(struct buf *out, const struct setting *s);
static void row_json(struct json_out *o, const struct setting *s);
static void row_markdown(struct buf *out, const struct setting *s);
static struct str section_of(const struct setting *s);
static void default_text(struct buf *out, const struct setting *s);
static void markdown_cell(struct buf *out, struct str text);

size_t settings_text(struct buf *out, struct str pattern)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, 64 * KIB);
    struct glob glob;
    size_t count = 0;
    if (!pattern_of(&scratch, pattern, &glob))
        return 0;
    for (size_t i = 0; i < settings_count; i++) {
        if (!row_matches(&settings_table[i], &glob))
            continue;
        row_text(out, &settings_table[i]);
        count++;
    }
    return count;
}

size_t settings_json(struct json_out *o, struct str pattern)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, 64 * KIB);
    struct glob glob;
    size_t count = 0;
    json_array_begin(o);
    bool good = pattern_of(&scratch, pattern, &glob);
    for (size_t i = 0; good && i < settings_count; i++) {
        if (!row_matches(&settings_table[i], &glob))
            continue;
        row_json(o, &settings_table[i]);
        count++;
    }
    json_array_end(o);
    return count;
}

void settings_markdown(struct buf *out)
{
    struct str section = STR_NULL;
    buf_add(out, S("# Settings\n\nEvery setting that this server has. This page is made by "
                   "`posthaste config keys --markdown`; what is\nin force on a machine, and where "
                   "it was written, shows `posthaste config dump`.\n"));
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings_table[i];
        if (!row_is_shown(s) || s->kind != SETTING_OURS)
            continue;
        if (!str_eq(section_of(s), section)) {
            section = section_of(s);
            buf_fmt(out, "\n## `%.*s`\n\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n",
                    ARG(section));
        }
        row_markdown(out, s);
    }
    buf_add(out, S("\n## Not in this build\n\nUsing one of these is an error, never ignored:\n\n"));
    for (size_t i = 0; i < settings_count; i++)
        if (settings_table[i].kind == SETTING_LATER)
            buf_fmt(out, "- `%s`: %s\n", settings_table[i].key, settings_table[i].about);
}

void setting_print_type(struct buf *out, const struct setting *s)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, 64 * KIB);
    static const char *const many[] = {
            [MANY_NOT] = "",
            [MANY_LIST] = "list of: ",
            [MANY_SET] = "set of: ",
            [MANY_MEMBERS] = "set of: ",
            [MANY_FLAT] = "table of: ",
    };
    buf_fmt(out, "  type:     %s%.*s", many[s->many], ARG(value_type_name(s->type)));
    if (s->words != NULL)
        buf_fmt(out, ": %.*s", ARG(value_word_list(&scratch, str_from_c(s->words))));
    if (s->max != 0)
        buf_fmt(out, ", %lld to %lld", (long long)s->min, (long long)s->max);
    else if (s->min != 0)
        buf_fmt(out, ", %lld or more", (long long)s->min);
    if (s->optional)
        buf_add(out, S("; false switches it off"));
    buf_add_byte(out, '\n');
}

void setting_print_default(struct buf *out, const struct setting *s)
{
    buf_add(out, S("  default:  "));
    default_text(out, s);
    buf_add_byte(out, '\n');
}

static bool pattern_of(struct arena *a, struct str text, struct glob *out)
{
    struct str pattern = text.len > 0 ? text : S("*");
    // A prefix is what most people type: "server.tls" means everything below it.
    if (!glob_has_wildcard(pattern))
        pattern = arena_join(a, pattern, S("*"));
    return !failed(glob_compile(a, pattern, GLOB_NOCASE, out));
}

static bool row_matches(const struct setting *s, const struct glob *pattern)
{
    return row_is_shown(s) && glob_match(pattern, str_from_c(s->key));
}

static bool row_is_shown(const struct setting *s)
{
    return s->kind != SETTING_FOREIGN && s->renamed == NULL && s->mapped == NULL;
}

static void row_text(struct buf *out, const struct setting *s)
{
    buf_fmt(out, "%s\n", s->key);
    if (s->kind == SETTING_LATER) {
        buf_fmt(out, "  this build does not have %s yet\n", s->about);
        return;
    }
    buf_fmt(out, "  %s\n", s->about);
    setting_print_type(out, s);
    setting_print_default(out, s);
    if (s->context != NULL)
        buf_fmt(out, "  context:  %s\n", s->context);
    if (s->json != NULL)
        buf_fmt(out, "  JSON:     %s\n", s->json);
}

static void row_json(struct json_out *o, const struct setting *s)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * KIB);
    default_text(&text, s);
    json_object_begin(o);
    json_key(o, S("key"));
    json_str(o, str_from_c(s->key));
    json_key(o, S("type"));
    json_str(o, s->kind == SETTING_LATER ? STR_NULL : value_type_name(s->type));
    json_key(o, S("many"));
    json_bool(o, s->many != MANY_NOT);
    json_key(o, S("optional"));
    json_bool(o, s->optional);
    json_key(o, S("default"));
    json_str(o, buf_str(&text));
    json_key(o, S("context"));
    json_str(o, str_from_c(s->context));
    json_key(o, S("json"));
    json_str(o, str_from_c(s->json));
    json_key(o, S("restart"));
    json_bool(o, s->restart);
    json_key(o, S("built"));
    json_bool(o, s->kind == SETTING_OURS);
    json_key(o, S("description"));
    json_str(o, str_from_c(s->about));
    json_object_end(o);
}

static void row_markdown(struct buf *out, const struct setting *s)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, 64 * KIB);
    struct buf text AUTO(buf_done);
    buf_init(&text, 16 * KIB);
    buf_fmt(out, "| `%s` | ", s->key);
    setting_print_type(&text, s);
    struct str type = str_trim(buf_str(&text));
    markdown_cell(out, str_trim(str_from(type, sizeof("type:") - 1)));
    buf_add(out, S(" | "));
    buf_clear(&text);
    default_text(&text, s);
    markdown_cell(out, buf_str(&text));
    buf_add(out, S(" | "));
    markdown_cell(out, str_from_c(s->about));
    if (s->context != NULL)
        buf_fmt(out, " (expression, context %s)", s->context);
    if (s->restart)
        buf_add(out, S(" (restart)"));
    buf_add(out, S(" |\n"));
}

// The first component, and "listener.<id>" and its like with it: "server", "server.tls", ...
static struct str section_of(const struct setting *s)
{
    struct str key = str_from_c(s->key);
    size_t id = str_find(key, S(".<id>"));
    if (id != STR_NOT_FOUND)
        return str_upto(key, id + 5);
    size_t last = str_find_byte(key, '.');
    return last == STR_NOT_FOUND ? key : str_upto(key, last);
}

static void default_text(struct buf *out, const struct setting *s)
{
    if (s->inherits != NULL)
        buf_fmt(out, "that of %s", s->inherits);
    else if (s->computed != NULL)
        buf_add(out, str_from_c(s->computed));
    else if (s->preset != NULL && s->preset[0] == '\0')
        buf_add(out, S("empty"));
    else if (s->preset != NULL)
        buf_add(out, str_from_c(s->preset));
    else
        buf_add(out, s->required ? S("must be set") : S("none"));
}

static void markdown_cell(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '|' || text.ptr[i] == '<' || text.ptr[i] == '*')
            buf_add_byte(out, '\\');
        buf_add_byte(out, text.ptr[i]);
    }
}
