// SPDX-License-Identifier: Apache-2.0
// conf/reference.c: the table of settings as text and as JSON. docs/settings.md is made of it in
// reference_page.c.
#include "conf/snapshot.h"

#include "base/json.h"
#include "conf/glob.h"

static bool row_matches(const struct setting *s, const struct glob *pattern);
static bool row_is_shown(const struct setting *s);
static bool pattern_of(struct arena *a, struct str text, struct glob *out);
static void row_text(struct buf *out, const struct setting *s);
static void row_json(struct json_out *o, const struct setting *s);

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

void setting_print_type(struct buf *out, const struct setting *s)
{
    buf_add(out, S("  type:     "));
    setting_add_type(out, s);
    buf_add_byte(out, '\n');
}

void setting_add_type(struct buf *out, const struct setting *s)
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
    bool tables = s->type == TYPE_TABLES; // these are a list already
    buf_fmt(out, "%s%.*s", tables ? "" : many[s->many], ARG(value_type_name(s->type)));
    if (s->words != NULL)
        buf_fmt(out, ": %.*s", ARG(value_word_list(&scratch, str_from_c(s->words))));
    if (s->max != 0)
        buf_fmt(out, ", %lld to %lld", (long long)s->min, (long long)s->max);
    else if (s->min != 0)
        buf_fmt(out, ", %lld or more", (long long)s->min);
    if (s->optional)
        buf_add(out, S("; false switches it off"));
}

void setting_print_default(struct buf *out, const struct setting *s)
{
    buf_add(out, S("  default:  "));
    setting_add_default(out, s);
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
    if (s->idle)
        buf_add(out, S("  (no effect yet in this build)\n"));
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
    setting_add_default(&text, s);
    json_object_begin(o);
    json_put_str(o, S("key"), str_from_c(s->key));
    json_put_str(o, S("type"), s->kind == SETTING_LATER ? STR_NULL : value_type_name(s->type));
    json_put_bool(o, S("many"), s->many != MANY_NOT);
    json_put_bool(o, S("optional"), s->optional);
    json_put_str(o, S("default"), buf_str(&text));
    json_put_str(o, S("context"), str_from_c(s->context));
    json_put_str(o, S("json"), str_from_c(s->json));
    json_put_bool(o, S("restart"), s->restart);
    json_put_bool(o, S("built"), s->kind == SETTING_OURS && !s->idle);
    json_put_str(o, S("description"), str_from_c(s->about));
    json_object_end(o);
}

void setting_add_default(struct buf *out, const struct setting *s)
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
