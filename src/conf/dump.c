// SPDX-License-Identifier: Apache-2.0
// conf/dump.c: a loaded configuration as text: what is in force, and where each value comes from.
#include "conf/snapshot.h"

#include "base/json.h"

#define NEAR_MAX 3

struct dump { // where lines go: to one of these
    struct buf *text;
    struct json_out *json;
};

static struct conf_slot **slots_sorted(struct arena *a, const struct conf *conf, struct str prefix,
        enum conf_dump_what what, size_t *out_count);
static bool is_pattern(struct str key);
static int slot_compare(const void *a, const void *b);
static void dump_all(
        const struct dump *d, const struct conf *conf, struct str prefix, enum conf_dump_what what);
static void dump_slot(const struct dump *d, const struct conf_slot *slot);
static void dump_scalar(const struct dump *d, const struct conf_slot *slot);
static void dump_element(const struct dump *d, const struct conf_slot *slot, size_t place);
static void dump_line(const struct dump *d, const struct conf_slot *slot, struct str suffix,
        const struct conf_element *e);
static void line_text(struct buf *out, const struct conf_slot *slot, struct str suffix,
        const struct conf_element *e);
static bool is_secret(const struct setting *s, const struct conf_element *e);
static void text_origin(struct buf *out, const struct conf_origin *at);
static void line_json(struct json_out *o, const struct conf_slot *slot, struct str suffix,
        const struct conf_element *e);
static void json_empty_list(struct json_out *o);
static void json_origin(struct json_out *o, const struct conf_origin *at);
static const struct conf_origin *line_origin(
        const struct conf_slot *slot, const struct conf_element *e);
static bool is_bare(const struct setting *s, const struct conf_element *e);
static const struct setting *later_part(const struct conf *conf, struct str key);
static void explain_row(struct buf *out, const struct setting *s);
static void explain_answer(struct buf *out, const struct conf_slot *slot);
static struct str nearest_key(const struct conf *conf, struct str key);

void conf_dump(
        struct buf *out, const struct conf *conf, struct str prefix, enum conf_dump_what what)
{
    dump_all(&(struct dump){.text = out}, conf, prefix, what);
}

void conf_dump_json(
        struct json_out *o, const struct conf *conf, struct str prefix, enum conf_dump_what what)
{
    json_array_begin(o);
    dump_all(&(struct dump){.json = o}, conf, prefix, what);
    json_array_end(o);
}

bool conf_explain(struct buf *out, const struct conf *conf, struct str key, struct str *out_near)
{
    const struct conf_slot *slot = conf_slot_find(conf, key);
    const struct setting *s = slot != NULL ? slot->setting : setting_of_key(conf->tree, key);
    if (s == NULL)
        s = later_part(conf, key);
    if (s == NULL) {
        *out_near = nearest_key(conf, key);
        return false;
    }
    buf_fmt(out, "%.*s\n", ARG(key));
    explain_row(out, s);
    if (slot != NULL && slot->answer != NULL)
        explain_answer(out, slot);
    return true;
}

// session.timeout: the table knows only that `session` is still to come.
static const struct setting *later_part(const struct conf *conf, struct str key)
{
    for (size_t at = key.len; at > 0; at--) {
        if (at < key.len && key.ptr[at] != '.')
            continue;
        const struct setting *s = setting_of_key(conf->tree, str_upto(key, at));
        if (s != NULL)
            return s->kind == SETTING_OURS ? NULL : s;
    }
    return NULL;
}

static void dump_all(
        const struct dump *d, const struct conf *conf, struct str prefix, enum conf_dump_what what)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, 256 * MIB);
    size_t count = 0;
    struct conf_slot **slots = slots_sorted(&scratch, conf, prefix, what, &count);
    for (size_t i = 0; slots != NULL && i < count; i++)
        dump_slot(d, slots[i]);
}

static struct conf_slot **slots_sorted(struct arena *a, const struct conf *conf, struct str prefix,
        enum conf_dump_what what, size_t *out_count)
{
    struct conf_slot **all = arena_array(a, map_count(&conf->slots) + 1, struct conf_slot *);
    size_t count = 0;
    struct str key;
    void *value;
    if (all == NULL)
        return NULL;
    for (size_t i = 0; map_next(&conf->slots, &i, &key, &value);) {
        struct conf_slot *slot = value;
        bool wanted = slot->answer != NULL && str_starts(key, prefix) && !is_pattern(key);
        if (wanted && (what == CONF_DUMP_ALL || slot->answer == slot->own))
            all[count++] = slot;
    }
    qsort(all, count, sizeof(struct conf_slot *), slot_compare);
    *out_count = count;
    return all;
}

// conf_item_preset's: of no object. An id that looks like it stands in quotes.
static bool is_pattern(struct str key)
{
    return str_contains(key, S(".<id>"));
}

static int slot_compare(const void *a, const void *b)
{
    const struct conf_slot *const *x = a, *const *y = b;
    return str_compare((*x)->key, (*y)->key);
}

static void dump_slot(const struct dump *d, const struct conf_slot *slot)
{
    const struct conf_value *v = slot->answer;
    if (slot->setting->many == MANY_NOT && slot->setting->type != TYPE_EXPRESSION) {
        dump_scalar(d, slot);
        return;
    }
    if (slot->setting->type == TYPE_EXPRESSION && v->origin.kind == CONF_FROM_DEFAULT)
        dump_line(d, slot, S(""), NULL);
    else if (v->count == 0 && (v->list || v->none) && v->origin.kind != CONF_FROM_DEFAULT)
        dump_line(d, slot, S(""), NULL);
    for (size_t i = 0; i < v->count; i++)
        dump_element(d, slot, i);
}

static void dump_scalar(const struct dump *d, const struct conf_slot *slot)
{
    const struct conf_value *v = slot->answer;
    if (v->count == 1 && !v->none)
        dump_line(d, slot, S(""), v->elements);
    else if (v->none && v->origin.kind != CONF_FROM_DEFAULT)
        dump_line(d, slot, S(""), NULL);
}

// One of a list by its place, of a flat map by its name; a table of a list is a line a member.
static void dump_element(const struct dump *d, const struct conf_slot *slot, size_t place)
{
    const struct conf_element *e = &slot->answer->elements[place];
    struct buf suffix AUTO(buf_done), name AUTO(buf_done);
    buf_init(&suffix, 4 * KIB);
    buf_init(&name, 2 * KEY_BYTES_MAX);
    for (size_t m = 0, nth = 0; m < e->member_count; m++) {
        struct str member = e->members[m].name;
        nth = m > 0 && str_eq(e->members[m - 1].name, member) ? nth + 1 : 0;
        bool one =
                nth == 0 && (m + 1 == e->member_count || !str_eq(e->members[m + 1].name, member));
        buf_clear(&suffix);
        buf_fmt(&suffix, ".%zu.%.*s", place, ARG(member));
        if (!one)
            buf_fmt(&suffix, ".%zu", nth);
        dump_line(d, slot, buf_str(&suffix), &e->members[m]);
    }
    if (e->member_count > 0)
        return;
    if (slot->setting->many == MANY_FLAT) {
        key_add(&name, e->name);
        buf_fmt(&suffix, ".%.*s", ARG(buf_str(&name)));
    } else if (slot->setting->type == TYPE_EXPRESSION) {
        buf_fmt(&suffix, "%s%.*s", str_is_null(e->name) ? "" : ".", ARG(e->name));
    } else {
        buf_fmt(&suffix, ".%zu", place);
    }
    dump_line(d, slot, buf_str(&suffix), e);
}

static void dump_line(const struct dump *d, const struct conf_slot *slot, struct str suffix,
        const struct conf_element *e)
{
    if (d->json != NULL)
        line_json(d->json, slot, suffix, e);
    else
        line_text(d->text, slot, suffix, e);
}

static void line_text(struct buf *out, const struct conf_slot *slot, struct str suffix,
        const struct conf_element *e)
{
    buf_fmt(out, "%.*s%.*s = ", ARG(slot->key), ARG(suffix));
    if (e != NULL && is_secret(slot->setting, e))
        buf_add(out, S("\"***\""));
    else if (e != NULL && is_bare(slot->setting, e))
        buf_add(out, e->text);
    else if (e != NULL)
        toml_add_line(out, e->text);
    else if (slot->setting->type == TYPE_EXPRESSION)
        toml_add_line(out, str_from_c(slot->setting->preset));
    else
        buf_add(out, slot->setting->many == MANY_NOT ? S("false") : S("[]"));
    text_origin(out, line_origin(slot, e));
    buf_add_byte(out, '\n');
}

static bool is_secret(const struct setting *s, const struct conf_element *e)
{
    return s->type == TYPE_SECRET || e->secret;
}

static void text_origin(struct buf *out, const struct conf_origin *at)
{
    buf_add(out, S("  # "));
    conf_origin_add(out, at);
}

static void line_json(struct json_out *o, const struct conf_slot *slot, struct str suffix,
        const struct conf_element *e)
{
    struct buf key AUTO(buf_done);
    buf_init(&key, 8 * KIB);
    buf_fmt(&key, "%.*s%.*s", ARG(slot->key), ARG(suffix));
    json_object_begin(o);
    json_put_str(o, S("key"), buf_str(&key));
    json_key(o, S("value"));
    if (e != NULL && is_secret(slot->setting, e))
        json_str(o, S("***"));
    else if (e != NULL && slot->setting->type == TYPE_BOOLEAN)
        json_bool(o, e->value.boolean);
    else if (e != NULL && is_bare(slot->setting, e))
        json_i64(o, e->value.integer);
    else if (e != NULL)
        json_str(o, e->text);
    else if (slot->setting->type == TYPE_EXPRESSION)
        json_str(o, str_from_c(slot->setting->preset));
    else if (slot->setting->many == MANY_NOT)
        json_bool(o, false);
    else
        json_empty_list(o);
    json_origin(o, line_origin(slot, e));
    json_object_end(o);
}

static void json_empty_list(struct json_out *o)
{
    json_array_begin(o);
    json_array_end(o);
}

static void json_origin(struct json_out *o, const struct conf_origin *at)
{
    json_put_str(o, S("origin"), conf_origin_word(at->kind));
    if (at->kind != CONF_FROM_FILE)
        return;
    json_put_str(o, S("file"), at->file);
    json_put_u64(o, S("line"), at->line);
    json_put_u64(o, S("column"), at->column);
}

// Where a long list or a flat map has each of its elements.
static const struct conf_origin *line_origin(
        const struct conf_slot *slot, const struct conf_element *e)
{
    bool own = e != NULL && e->origin.kind == CONF_FROM_FILE;
    return own ? &e->origin : &slot->answer->origin;
}

// Shown without quotes, as one would write it.
static bool is_bare(const struct setting *s, const struct conf_element *e)
{
    int64_t number;
    return s->type == TYPE_BOOLEAN || (s->type == TYPE_INTEGER && str_to_i64(e->text, &number));
}

static void explain_row(struct buf *out, const struct setting *s)
{
    if (s->kind == SETTING_LATER) {
        buf_fmt(out, "  this build does not have %s yet\n", s->about);
        return;
    }
    if (s->kind == SETTING_FOREIGN) {
        buf_add(out, S("  a section of larger products, not used by this server\n"));
        return;
    }
    buf_fmt(out, "  %s\n\n", s->about);
    if (s->idle)
        buf_add(out, S("  (no effect yet in this build)\n"));
    setting_print_type(out, s);
    setting_print_default(out, s);
    if (s->inherits != NULL)
        buf_fmt(out, "  else:     the value of %s\n", s->inherits);
    if (s->context != NULL)
        buf_fmt(out, "  context:  an expression of context %s, giving a %s\n", s->context,
                s->result);
    if (s->json != NULL)
        buf_fmt(out, "  JSON:     %s\n", s->json);
    if (s->env != NULL)
        buf_fmt(out, "  env:      %s wins\n", s->env);
    if (s->restart)
        buf_add(out, S("  reload:   a change needs a restart\n"));
}

static void explain_answer(struct buf *out, const struct conf_slot *slot)
{
    buf_add(out, S("\nIn force:\n"));
    size_t before = out->len;
    dump_slot(&(struct dump){.text = out}, slot);
    if (out->len == before)
        buf_add(out, S("(nothing)\n"));
    if (slot->answer != slot->own && slot->answer->setting != slot->setting)
        buf_fmt(out, "inherited from %.*s\n", ARG(slot->answer->key));
    if (slot->answer != slot->own && slot->own != NULL)
        buf_add(out, S("what is written here is wrong and not used: see config check\n"));
}

static struct str nearest_key(const struct conf *conf, struct str key)
{
    struct str best = STR_NULL, name;
    size_t best_distance = NEAR_MAX + 1;
    void *value;
    for (size_t i = 0; map_next(&conf->slots, &i, &name, &value);) {
        size_t d = str_distance(name, key, NEAR_MAX);
        if (d < best_distance && !is_pattern(name)) {
            best = name;
            best_distance = d;
        }
    }
    return best;
}
