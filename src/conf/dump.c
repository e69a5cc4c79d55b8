// SPDX-License-Identifier: Apache-2.0
// conf/dump.c: a loaded configuration as text: what is in force, and where each value comes from.
#include "conf/snapshot.h"

#define NEAR_MAX 3

static int slot_compare(const void *a, const void *b);
static struct conf_slot **slots_sorted(
        struct arena *a, const struct conf *conf, struct str prefix, size_t *out_count);
static void dump_slot(struct buf *out, const struct conf_slot *slot);
static void dump_line(struct buf *out, const struct conf_slot *slot, struct str suffix,
        const struct conf_element *e);
static void dump_text(struct buf *out, const struct setting *s, const struct conf_element *e);
static void dump_origin(struct buf *out, const struct conf_value *v, const struct conf_element *e);
static void explain_row(struct buf *out, const struct setting *s);
static void explain_answer(struct buf *out, const struct conf_slot *slot);
static struct str nearest_key(const struct conf *conf, struct str key);

void conf_dump(struct buf *out, const struct conf *conf, struct str prefix)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, 256 * MIB);
    size_t count = 0;
    struct conf_slot **slots = slots_sorted(&scratch, conf, prefix, &count);
    for (size_t i = 0; slots != NULL && i < count; i++)
        dump_slot(out, slots[i]);
}

bool conf_explain(struct buf *out, const struct conf *conf, struct str key, struct str *out_near)
{
    const struct conf_slot *slot = conf_slot_find(conf, key);
    const struct setting *s = slot != NULL ? slot->setting : setting_of_key(conf->tree, key);
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

static struct conf_slot **slots_sorted(
        struct arena *a, const struct conf *conf, struct str prefix, size_t *out_count)
{
    struct conf_slot **all = arena_array(a, map_count(&conf->slots) + 1, struct conf_slot *);
    size_t count = 0;
    struct str key;
    void *value;
    if (all == NULL)
        return NULL;
    for (size_t i = 0; map_next(&conf->slots, &i, &key, &value);) {
        struct conf_slot *slot = value;
        if (slot->answer != NULL && str_starts(key, prefix))
            all[count++] = slot;
    }
    qsort(all, count, sizeof(struct conf_slot *), slot_compare);
    *out_count = count;
    return all;
}

static int slot_compare(const void *a, const void *b)
{
    const struct conf_slot *const *x = a, *const *y = b;
    return str_compare((*x)->key, (*y)->key);
}

static void dump_slot(struct buf *out, const struct conf_slot *slot)
{
    const struct conf_value *v = slot->answer;
    const struct setting *s = slot->setting;
    struct buf suffix AUTO(buf_done);
    buf_init(&suffix, 4 * KIB);
    if (s->type == TYPE_EXPRESSION) {
        dump_line(out, slot, S(""), v->count == 1 && !v->list ? v->elements : NULL);
        return;
    }
    if (s->many == MANY_NOT) {
        if (v->count == 1 && !v->none)
            dump_line(out, slot, S(""), v->elements);
        else if (v->none && v->origin.kind != CONF_FROM_DEFAULT)
            dump_line(out, slot, S(""), NULL);
        return;
    }
    if (v->count == 0 && (v->list || v->none) && v->origin.kind != CONF_FROM_DEFAULT)
        dump_line(out, slot, S(""), NULL);
    for (size_t i = 0; i < v->count; i++) {
        const struct conf_element *e = &v->elements[i];
        for (size_t m = 0; m < e->member_count; m++) {
            buf_clear(&suffix);
            buf_fmt(&suffix, ".%zu.%.*s", i, ARG(e->members[m].name));
            dump_line(out, slot, buf_str(&suffix), &e->members[m]);
        }
        if (e->member_count > 0)
            continue;
        buf_clear(&suffix);
        buf_fmt(&suffix, ".%zu", i);
        if (s->many == MANY_FLAT) {
            buf_clear(&suffix);
            buf_add_byte(&suffix, '.');
            struct buf name AUTO(buf_done);
            buf_init(&name, 2 * KEY_BYTES_MAX);
            key_add(&name, e->name);
            buf_add(&suffix, buf_str(&name));
        }
        dump_line(out, slot, buf_str(&suffix), e);
    }
}

static void dump_line(struct buf *out, const struct conf_slot *slot, struct str suffix,
        const struct conf_element *e)
{
    const struct conf_value *v = slot->answer;
    buf_fmt(out, "%.*s%.*s = ", ARG(slot->key), ARG(suffix));
    if (e != NULL)
        dump_text(out, slot->setting, e);
    else if (slot->setting->type == TYPE_EXPRESSION && v->origin.kind == CONF_FROM_DEFAULT)
        toml_add_string(out, str_from_c(slot->setting->preset));
    else if (slot->setting->type == TYPE_EXPRESSION)
        buf_add(out, S("\"(conditions)\""));
    else
        buf_add(out, slot->setting->many == MANY_NOT ? S("false") : S("[]"));
    dump_origin(out, v, e);
    buf_add_byte(out, '\n');
}

static void dump_text(struct buf *out, const struct setting *s, const struct conf_element *e)
{
    int64_t number;
    if (s->type == TYPE_SECRET)
        buf_add(out, S("\"***\""));
    else if (s->type == TYPE_BOOLEAN || (s->type == TYPE_INTEGER && str_to_i64(e->text, &number)))
        buf_add(out, e->text);
    else
        toml_add_string(out, e->text);
}

static void dump_origin(struct buf *out, const struct conf_value *v, const struct conf_element *e)
{
    const struct conf_origin *at =
            e != NULL && e->origin.kind == CONF_FROM_FILE ? &e->origin : &v->origin;
    switch (at->kind) {
    case CONF_FROM_DEFAULT:
        buf_add(out, S("  # default"));
        break;
    case CONF_FROM_FILE:
        buf_fmt(out, "  # %.*s:%u", ARG(at->file), at->line);
        break;
    case CONF_FROM_ENV:
        buf_add(out, S("  # env"));
        break;
    case CONF_FROM_DATABASE:
        buf_add(out, S("  # database"));
        break;
    }
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
    dump_slot(out, slot);
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
        if (d < best_distance) {
            best = name;
            best_distance = d;
        }
    }
    return best;
}
