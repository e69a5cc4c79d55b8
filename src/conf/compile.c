// SPDX-License-Identifier: Apache-2.0
// conf/compile.c: settings that are expressions, compiled when macros are expanded and lists are
// there. A setting that is written as "not set" (configuration.md 9.1) has its default.
#include "conf/snapshot.h"

#include "conf/expr.h"
#include "conf/lookup.h"

static struct expr_spec spec_of(const struct conf_value *v);
static struct expr_target target_of(struct str result);
static enum expr_key_kind key_kind(const void *self, struct str key);
static void fill_lookup(struct loader *l, const struct conf_value *v, struct lookup *list);

void conf_compile(struct loader *l, struct conf_value *v)
{
    struct expr_spec spec = spec_of(v);
    struct expr_world world = {.lookups = l->conf->lookups, .key_kind = key_kind, .self = l->conf};
    for (size_t i = 0; i < v->count; i++) // what macros made of its texts
        v->nodes[i]->text = v->elements[i].text;
    const struct expr_setting *made = NULL;
    if (!expr_from_toml(&l->conf->arena, v->tree, &spec, &world, l->findings, &made))
        v->bad = true;
    v->expr = made;
    v->tree = NULL;
    v->nodes = NULL;
}

// The default of a row is text, and right: a unit test loads them all.
const struct expr_setting *conf_compile_preset(struct loader *l, const struct conf_value *v)
{
    struct expr_spec spec = spec_of(v);
    struct expr_world world = {.lookups = l->conf->lookups, .key_kind = key_kind, .self = l->conf};
    struct expr_problem problem = {0};
    const struct expr_setting *made = expr_from_text(
            &l->conf->arena, str_from_c(v->setting->preset), &spec, &world, &problem);
    if (made == NULL)
        conf_no_memory(l);
    return made;
}

enum expr_key_kind conf_key_kind(const struct conf *conf, struct str key)
{
    const struct setting *s = setting_of_key(conf->tree, key);
    if (s == NULL || s->kind != SETTING_OURS)
        return EXPR_KEY_UNKNOWN;
    return s->type == TYPE_SECRET ? EXPR_KEY_SECRET : EXPR_KEY_PLAIN;
}

struct str conf_key_text(const struct conf *conf, struct arena *a, struct str key)
{
    const struct conf_slot *slot = conf_slot_find(conf, key);
    struct buf text AUTO(buf_done) = {0};
    if (slot == NULL || slot->answer == NULL || slot->setting->type == TYPE_SECRET)
        return S("");
    buf_init(&text, EXPR_STRING_BYTES_MAX);
    for (size_t i = 0; i < slot->answer->count; i++)
        buf_fmt(&text, "%s%.*s", i > 0 ? "\r\n" : "", ARG(slot->answer->elements[i].text));
    return text.len > 0 ? arena_str(a, buf_str(&text)) : S("");
}

// lookup.<id> becomes lists before anything that may name them is compiled.
void conf_make_lookups(struct loader *l)
{
    l->conf->lookups = lookups_new();
    if (l->conf->lookups == NULL) {
        conf_no_memory(l);
        return;
    }
    struct conf_map *m = conf_map_find(l->conf, S("lookup"));
    for (size_t i = 0; m != NULL && i < m->objects.count; i++) {
        struct str key = conf_item(l->conf, S("lookup"), m->objects.at[i]->id, S(""));
        const struct conf_slot *slot = conf_slot_find(l->conf, key);
        struct lookup *list = lookup_new();
        if (list != NULL && slot != NULL && slot->own != NULL)
            fill_lookup(l, slot->own, list);
        if (list == NULL || !lookups_put(l->conf->lookups, m->objects.at[i]->id, list))
            conf_no_memory(l);
    }
}

static void fill_lookup(struct loader *l, const struct conf_value *v, struct lookup *list)
{
    for (size_t i = 0; i < v->count; i++) {
        const struct conf_element *e = &v->elements[i];
        struct err bad = lookup_put(&l->scratch, list, e->name, e->text);
        if (failed(bad))
            conf_complain(l, v, (int)i, FINDING_PARSE, S("bad-entry"), "'%.*s': %.*s", ARG(e->name),
                    ARG(err_text(bad)));
    }
    lookup_close(list);
    struct str capital = lookup_capital_key(list);
    if (!str_is_null(capital))
        conf_warn(l, v, -1, S("capital-key"),
                "the key '%.*s' has a capital letter; addresses and domains are compared in "
                "lower case",
                ARG(capital));
}

static struct expr_spec spec_of(const struct conf_value *v)
{
    struct expr_spec spec = {.key = v->key};
    bool known = expr_context_find(str_from_c(v->setting->context), &spec.context);
    assert(known);
    spec.target = target_of(str_from_c(v->setting->result));
    spec.target.optional = v->setting->optional;
    return spec;
}

// result = kind [ ":" list of conf/expr_constants.def ]
static struct expr_target target_of(struct str result)
{
    static const struct {
        struct str name;
        enum expr_kind kind;
    } kinds[] = {{S_INIT("any"), EXPR_TO_ANY}, {S_INIT("bool"), EXPR_TO_BOOL},
            {S_INIT("string"), EXPR_TO_STRING}, {S_INIT("strings"), EXPR_TO_STRINGS},
            {S_INIT("integer"), EXPR_TO_INTEGER}, {S_INIT("unsigned"), EXPR_TO_UNSIGNED},
            {S_INIT("duration"), EXPR_TO_DURATION}, {S_INIT("word"), EXPR_TO_ENUM},
            {S_INIT("status"), EXPR_TO_HTTP_STATUS}};
    struct str name = result, list = STR_NULL;
    str_cut(result, ':', &name, &list);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_eq(kinds[i].name, name))
            return (struct expr_target){.kind = kinds[i].kind,
                    .words = str_is_null(list) ? NULL : expr_words_named(list)};
    assert(false); // a result that no row of settings.def may have
    return (struct expr_target){0};
}

static enum expr_key_kind key_kind(const void *self, struct str key)
{
    return conf_key_kind(self, key);
}
