// SPDX-License-Identifier: Apache-2.0
// conf/reference_page.c: docs/settings.md, made of the tables: settings by section, then what
// expressions may use. Every row of conf/settings.def has its place here, also those that are only
// there to be refused; a unit test compares the page with the file.
#include "conf/snapshot.h"

#include "conf/expr.h"

static void page_begin(struct buf *out);
static bool is_listed(const struct setting *s);
static bool is_twin(const struct setting *s);
static bool is_first_of_section(size_t row);
static struct str section_of(const struct setting *s);
static void section_add(struct buf *out, struct str section);
static void row_add(struct buf *out, const struct setting *s);
static void row_key(struct buf *out, const struct setting *s);
static void row_notes(struct buf *out, const struct setting *s);
static void expressions_add(struct buf *out);
static void contexts_add(struct buf *out);
static void variables_add(struct buf *out);
static void functions_add(struct buf *out);
static void arguments_add(struct buf *out, struct str arguments);
static void old_names_add(struct buf *out);
static void not_built_add(struct buf *out);
static void anchor_add(struct buf *out, struct str key);
static void anchor_name(struct buf *out, struct str key);
static void cell_add(struct buf *out, struct str text);

#define LISTENER "server.listener.<id>."

void settings_markdown(struct buf *out)
{
    page_begin(out);
    for (size_t i = 0; i < settings_count; i++)
        if (is_listed(&settings_table[i]) && is_first_of_section(i))
            section_add(out, section_of(&settings_table[i]));
    expressions_add(out);
    old_names_add(out);
    not_built_add(out);
}

static void page_begin(struct buf *out)
{
    buf_add(out,
            S("# Settings\n\n"
              "Every setting that this server has. The page is made by `script/docs` from the "
              "table "
              "of the source;\n`posthaste config keys` prints the same, `posthaste config explain "
              "KEY` what is in force on a machine, and\n[configuration.md](configuration.md) "
              "explains how to think about it.\n\n"
              "`<id>` stands for a name that you choose, `#` for the position in a list of tables, "
              "from 0. In names `-` and `_`\nare the same. A setting of `server.tls`, "
              "`server.socket` or `server.proxy` holds for all listeners; where the table\nnames "
              "a second key, a listener may say otherwise.\n\n"
              "Sections:\n\n"));
    for (size_t i = 0; i < settings_count; i++) {
        struct str section = section_of(&settings_table[i]);
        if (!is_listed(&settings_table[i]) || !is_first_of_section(i))
            continue;
        buf_fmt(out, "- [`%.*s`](#", ARG(section));
        anchor_name(out, section);
        buf_add(out, S(")\n"));
    }
    buf_add(out, S("- [Expressions](#expressions): contexts, variables, functions\n"
                   "- [Old and wrong names](#old-and-wrong-names)\n"
                   "- [Not in this build](#not-in-this-build)\n"));
}

static bool is_listed(const struct setting *s)
{
    return s->kind == SETTING_OURS && s->renamed == NULL && s->mapped == NULL && s->ignored == NULL;
}

// A listener's own form of a server-wide key is told in the row of that.
static bool is_twin(const struct setting *s)
{
    struct str key = str_from_c(s->key), above = str_from_c(s->inherits);
    if (!str_starts(key, S(LISTENER)) || !str_starts(above, S("server.")))
        return false;
    struct str rest = str_from(key, sizeof(LISTENER) - 1);
    return str_eq(rest, str_from(above, sizeof("server.") - 1)) &&
           str_find_byte(rest, '.') != STR_NOT_FOUND;
}

static bool is_first_of_section(size_t row)
{
    if (is_twin(&settings_table[row]))
        return false;
    struct str section = section_of(&settings_table[row]);
    for (size_t i = 0; i < row; i++)
        if (is_listed(&settings_table[i]) && !is_twin(&settings_table[i]) &&
                str_eq(section_of(&settings_table[i]), section))
            return false;
    return true;
}

// "http" for all of http.*, "tracer.<id>" for a map, "server.tls" for the large tables of a server.
static struct str section_of(const struct setting *s)
{
    struct str key = str_from_c(s->key);
    size_t id = str_find(key, S(".<id>")), first = str_find_byte(key, '.');
    if (id != STR_NOT_FOUND)
        return str_upto(key, id + 5);
    if (first == STR_NOT_FOUND)
        return key;
    size_t second = str_find_byte(str_from(key, first + 1), '.');
    if (str_starts(key, S("server.")) && second != STR_NOT_FOUND)
        return str_upto(key, first + 1 + second);
    return str_upto(key, first);
}

static void section_add(struct buf *out, struct str section)
{
    buf_add_byte(out, '\n');
    anchor_add(out, section);
    buf_fmt(out, "\n\n## `%.*s`\n\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n",
            ARG(section));
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings_table[i];
        if (is_listed(s) && !is_twin(s) && str_eq(section_of(s), section))
            row_add(out, s);
    }
}

static void row_add(struct buf *out, const struct setting *s)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 16 * KIB);
    row_key(out, s);
    setting_add_type(&text, s);
    cell_add(out, buf_str(&text));
    buf_add(out, S(" | "));
    buf_clear(&text);
    setting_add_default(&text, s);
    cell_add(out, buf_str(&text));
    buf_add(out, S(" | "));
    cell_add(out, str_from_c(s->about));
    row_notes(out, s);
    buf_add(out, S(" |\n"));
}

static void row_key(struct buf *out, const struct setting *s)
{
    buf_add(out, S("| "));
    anchor_add(out, str_from_c(s->key));
    buf_fmt(out, "`%s`", s->key);
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *twin = &settings_table[i];
        if (twin->inherits == NULL || !is_twin(twin) ||
                !str_eq(str_from_c(twin->inherits), str_from_c(s->key)))
            continue;
        buf_add(out, S("<br>"));
        anchor_add(out, str_from_c(twin->key));
        buf_fmt(out, "`%s`", twin->key);
    }
    buf_add(out, S(" | "));
}

static void row_notes(struct buf *out, const struct setting *s)
{
    if (s->context != NULL)
        buf_fmt(out, ". An expression with the variables of [%s](#contexts) that gives a %s",
                s->context, s->result);
    if (s->refers != NULL)
        buf_fmt(out, ". The id of a `%s`", s->refers);
    if (s->env != NULL)
        buf_fmt(out, ". The variable `%s` wins", s->env);
    if (s->restart)
        buf_add(out, S(". A change needs a restart"));
    if (s->idle)
        buf_add(out, S(". **No effect yet in this build**"));
}

static void expressions_add(struct buf *out)
{
    buf_add(out, S("\n## Expressions\n\n"
                   "A setting of type expression takes a text, or a list of `{ if = ..., then = "
                   "... }` and `{ else = ... }`.\n`posthaste config eval` tries one.\n"));
    contexts_add(out);
    variables_add(out);
    functions_add(out);
}

static void contexts_add(struct buf *out)
{
    buf_add(out, S("\n### Contexts\n\n| Context | Evaluated |\n|---|---|\n"));
    for (int i = 0; i < EXPR_CONTEXT_COUNT; i++) {
        struct str name = expr_context_name((enum expr_context)i);
        buf_fmt(out, "| %.*s | ", ARG(name));
        cell_add(out, expr_context_about((enum expr_context)i));
        buf_add(out, S(" |\n"));
    }
}

static void variables_add(struct buf *out)
{
    struct expr_variable_info v;
    buf_add(out, S("\n### Variables\n\n| Name | Type | Contexts | Meaning |\n|---|---|---|---|\n"));
    for (size_t i = 0; expr_variable_at(i, &v); i++) {
        bool more = str_eq(v.name, S("$")) || str_ends(v.name, S("."));
        if (v.name.len == 0)
            continue; // fields of events, metrics: other pages list them
        buf_fmt(out, "| `%.*s%s` | %.*s |", ARG(v.name), more ? "NAME" : "",
                ARG(expr_type_name(v.type)));
        for (int c = 0; c < EXPR_CONTEXT_COUNT; c++) {
            struct str name = expr_context_name((enum expr_context)c);
            if ((v.contexts & 1u << c) != 0)
                buf_fmt(out, " %.*s", ARG(name));
        }
        buf_add(out, S(" | "));
        cell_add(out, v.about);
        buf_add(out, S(" |\n"));
    }
}

static void functions_add(struct buf *out)
{
    struct expr_function_info f;
    buf_add(out, S("\n### Functions\n\nTexts, numbers and arrays are turned into what a function "
                   "takes; where it says \"each\", an array is taken\nelement by element.\n\n"
                   "| Function | Gives |\n|---|---|\n"));
    for (size_t i = 0; expr_function_at(i, &f); i++) {
        buf_fmt(out, "| `%.*s(", ARG(f.name));
        arguments_add(out, f.arguments);
        buf_add(out, S(")` | "));
        cell_add(out, f.about);
        if (f.needs.len > 0)
            buf_fmt(out, ". Not in this build: it needs %.*s", ARG(f.needs));
        buf_add(out, S(" |\n"));
    }
}

static void arguments_add(struct buf *out, struct str arguments)
{
    for (size_t i = 0; i < arguments.len; i++) {
        const char *word = "value";
        if (arguments.ptr[i] == 'S')
            word = "text";
        else if (arguments.ptr[i] == 'M')
            word = "each text";
        else if (arguments.ptr[i] == 'N')
            word = "number";
        else if (arguments.ptr[i] == 'L')
            word = "array";
        buf_fmt(out, "%s%s", i > 0 ? ", " : "", word);
    }
}

static void old_names_add(struct buf *out)
{
    buf_add(out, S("\n## Old and wrong names\n\n| Key | What becomes of it |\n|---|---|\n"));
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings_table[i];
        if (s->kind != SETTING_OURS || is_listed(s))
            continue;
        buf_fmt(out, "| `%s` | ", s->key);
        if (s->renamed != NULL)
            buf_fmt(out, "an error: the name is `%s`", s->renamed);
        else if (s->mapped != NULL)
            buf_fmt(out, "taken for `%s`, with a warning", s->mapped);
        else
            buf_fmt(out, "a warning: %s", s->ignored);
        buf_add(out, S(" |\n"));
    }
    buf_add(out, S("\nSections of larger mail servers are named once and not used:"));
    for (size_t i = 0; i < settings_count; i++)
        if (settings_table[i].kind == SETTING_FOREIGN)
            buf_fmt(out, " `%s`", settings_table[i].key);
    buf_add(out, S(".\n"));
}

static void not_built_add(struct buf *out)
{
    buf_add(out, S("\n## Not in this build\n\nThese are known and refused with an error that says "
                   "so; nothing is ignored in silence.\n\n"));
    for (size_t i = 0; i < settings_count; i++)
        if (settings_table[i].kind == SETTING_LATER)
            buf_fmt(out, "- `%s`: %s\n", settings_table[i].key, settings_table[i].about);
}

// What a link is to: the key, without brackets, which neither HTML nor Markdown would take there.
static void anchor_add(struct buf *out, struct str key)
{
    buf_add(out, S("<a id=\""));
    anchor_name(out, key);
    buf_add(out, S("\"></a>"));
}

static void anchor_name(struct buf *out, struct str key)
{
    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] != '<' && key.ptr[i] != '>' && key.ptr[i] != '#')
            buf_add_byte(out, key.ptr[i]);
}

static void cell_add(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '|' || c == '<' || c == '*' || c == '_' || c == '[' || c == '\\')
            buf_add_byte(out, '\\');
        buf_add_byte(out, c);
    }
}
