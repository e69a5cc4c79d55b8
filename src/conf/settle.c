// SPDX-License-Identifier: Apache-2.0
// conf/settle.c: every key that can be asked for finds its answer: what was written there, else
// what it inherits (listeners.md 2.3), else the default of its row, constant or computed. Keys of
// objects get a slot for every member, so that a getter never has to think.
#include "conf/snapshot.h"

#include <libpsl.h>

#define IO_THREADS_MAX 127 // queue.md 2.1: seven bits of every queue id

static void settle_row(struct loader *l, const struct setting *s);
static void settle_slot(struct loader *l, struct str key, const struct setting *s,
        const struct conf_value *preset, const struct conf_object *object);
static void advise_default(struct loader *l, const struct conf_value *preset);
static const struct conf_value *switched_off(struct loader *l, const struct conf_slot *slot);
static bool is_usable(const struct conf_value *v);
static const struct conf_value *preset_of(struct loader *l, const struct setting *s);
static void fill_preset(struct loader *l, struct conf_value *v, struct str text);
static void preset_element(struct conf_value *v, struct str text);
static struct str computed_text(struct loader *l, const struct setting *s);
static struct str hostname(struct loader *l);
static struct str report_domain(struct loader *l);
static struct str legacy_default(struct loader *l, struct str name, struct str instead);

// Rows without <id> come before those with one, because these inherit from them.
void conf_settle(struct loader *l)
{
    for (int objects = 0; objects < 2; objects++) {
        for (size_t i = 0; i < settings_count && !l->no_memory; i++) {
            const struct setting *s = &settings_table[i];
            struct str key = str_from_c(s->key);
            bool legacy = s->renamed != NULL || s->ignored != NULL || s->mapped != NULL;
            if (s->kind != SETTING_OURS || legacy || str_contains(key, S(".#.")))
                continue;
            if (str_contains(key, S("<id>")) == (objects == 1))
                settle_row(l, s);
        }
    }
}

static void settle_row(struct loader *l, const struct setting *s)
{
    struct str key = str_from_c(s->key), map, member;
    const struct conf_value *preset = preset_of(l, s);
    size_t at = str_find(key, S(".<id>"));
    if (preset == NULL)
        return;
    if (at == STR_NOT_FOUND) {
        settle_slot(l, key, s, preset, NULL);
        return;
    }
    map = str_upto(key, at);
    member = str_from(key, at + 6); // behind ".<id>.", empty when nothing is
    settle_slot(l, key, s, preset, NULL);
    const struct conf_map *m = conf_map_find(l->conf, map);
    struct buf full AUTO(buf_done);
    buf_init(&full, 2 * KEY_BYTES_MAX);
    for (size_t i = 0; m != NULL && i < m->objects.count; i++) {
        buf_clear(&full);
        buf_add(&full, map);
        key_add(&full, m->objects.at[i]->id);
        if (member.len > 0) {
            buf_add_byte(&full, '.');
            buf_add(&full, member);
        }
        settle_slot(l, buf_str(&full), s, preset, m->objects.at[i]);
    }
}

static void settle_slot(struct loader *l, struct str key, const struct setting *s,
        const struct conf_value *preset, const struct conf_object *object)
{
    struct conf_slot *slot = conf_slot_make(l, key, s);
    if (slot == NULL)
        return;
    bool is_enable = object != NULL && str_ends(str_from_c(s->key), S("<id>.enable"));
    if (slot->own != NULL && is_usable(slot->own)) {
        slot->answer = slot->own;
    } else if (s->inherits != NULL) {
        const struct conf_slot *above = conf_slot_find(l->conf, str_from_c(s->inherits));
        assert(above != NULL && above->answer != NULL);
        slot->answer = above->answer;
    } else {
        slot->answer = preset;
        if (slot->own == NULL)
            advise_default(l, preset);
    }
    if (is_enable && object->disabled)
        slot->answer = switched_off(l, slot);
}

// The name of the machine may be a short one, which no file could be told about.
static void advise_default(struct loader *l, const struct conf_value *preset)
{
    bool sure = l->conf->stage == CONF_FULL && !l->conf->refused; // nothing is left unread
    if (preset->setting->advice != ADVICE_FULL_NAME || !sure)
        return;
    assert(preset->count == 1); // hostname() always finds one
    struct str name = preset->elements[0].text;
    if (str_find_byte(name, '.') == STR_NOT_FOUND)
        conf_warn(l, preset, -1, S("short-name"),
                "not set, and this machine's own name '%.*s' is not fully qualified; other servers "
                "will not accept it",
                ARG(name));
}

// An object that was found wrong, or that its administrator switched off, says enable = false.
static const struct conf_value *switched_off(struct loader *l, const struct conf_slot *slot)
{
    struct conf_value *v = arena_make(&l->conf->arena, struct conf_value);
    if (v == NULL) {
        conf_no_memory(l);
        return slot->answer;
    }
    *v = (struct conf_value){
            .key = slot->key, .setting = slot->setting, .origin = slot->answer->origin};
    fill_preset(l, v, S("false"));
    return v;
}

static bool is_usable(const struct conf_value *v)
{
    if (v->bad || v->pending)
        return false;
    if (v->setting->type == TYPE_EXPRESSION)
        return v->expr != NULL; // written as "not set" otherwise
    return v->count > 0 || v->list || v->none;
}

static const struct conf_value *preset_of(struct loader *l, const struct setting *s)
{
    struct conf_value *v = arena_make(&l->conf->arena, struct conf_value);
    if (v == NULL) {
        conf_no_memory(l);
        return NULL;
    }
    *v = (struct conf_value){.key = str_from_c(s->key), .setting = s};
    struct str text = computed_text(l, s);
    if (s->type == TYPE_EXPRESSION)
        v->expr = conf_compile_preset(l, v);
    else if (!str_is_null(text))
        fill_preset(l, v, text);
    if (v->count == 0 && s->many == MANY_NOT)
        v->none = true;
    return v;
}

// The default goes the way of every value. A wrong one is a mistake in the table.
static void fill_preset(struct loader *l, struct conf_value *v, struct str text)
{
    size_t errors = l->findings->error_count, words = 1;
    bool one = v->setting->many == MANY_NOT;
    for (size_t i = 0; i < text.len; i++)
        words += text.ptr[i] == ' ';
    v->elements = arena_array(&l->conf->arena, one ? 1 : words, struct conf_element);
    if (v->elements == NULL) {
        conf_no_memory(l);
        return;
    }
    struct str rest = text, word;
    v->list = !one;
    if (one)
        preset_element(v, text);
    while (!one && str_split(&rest, ' ', &word))
        preset_element(v, word);
    conf_convert(l, v);
    assert(l->findings->error_count == errors);
}

static void preset_element(struct conf_value *v, struct str text)
{
    v->elements[v->count++] =
            (struct conf_element){.text = text, .written = text, .form = TOML_STRING};
}

// Defaults that the machine or other keys decide; null for those the rooms work out themselves.
static struct str computed_text(struct loader *l, const struct setting *s)
{
    struct str key = str_from_c(s->key);
    uint32_t cpus = l->conf->env.cpu_count > 0 ? l->conf->env.cpu_count : 1;
    if (str_eq(key, S("server.hostname")))
        return hostname(l);
    if (str_eq(key, S("report.domain")))
        return report_domain(l);
    if (str_eq(key, S("global.thread-pool")))
        return arena_fmt(&l->conf->arena, "%u", cpus);
    if (str_eq(key, S("global.io-threads")))
        return arena_fmt(&l->conf->arena, "%u", cpus < IO_THREADS_MAX ? cpus : IO_THREADS_MAX);
    return str_from_c(s->preset);
}

// configuration.md 8: what is no host name is passed over, the last resort always is one.
static struct str hostname(struct loader *l)
{
    struct str why, out;
    const struct str candidates[] = {
            legacy_default(l, S("hostname"), S("server.hostname")),
            conf_env_get(&l->conf->env, S("NODE_HOSTNAME")),
            l->conf->env.os_hostname,
    };
    for (size_t i = 0; i < COUNT_OF(candidates); i++)
        if (value_host(&l->conf->arena, str_trim(candidates[i]), &out, &why))
            return out;
    return S("localhost");
}

static struct str report_domain(struct loader *l)
{
    struct str out, why;
    const struct conf_slot *slot = conf_slot_find(l->conf, S("server.hostname"));
    struct str legacy = legacy_default(l, S("domain"), S("report.domain"));
    if (value_host(&l->conf->arena, str_trim(legacy), &out, &why))
        return out;
    assert(slot != NULL && slot->answer != NULL); // the row of server.hostname comes first
    struct str host = slot->answer->elements[0].text;
    if (str_find_byte(host, '.') == STR_NOT_FOUND)
        return host;
    const char *name = arena_c_str(&l->scratch, host);
    psl_ctx_t *list = psl_latest(NULL);
    const char *domain = list != NULL && name != NULL ? psl_registrable_domain(list, name) : NULL;
    struct str found = domain != NULL ? arena_str(&l->conf->arena, str_from_c(domain)) : host;
    psl_free(list);
    return found;
}

// lookup.default.hostname and .domain are older names (configuration.md 13.2).
static struct str legacy_default(struct loader *l, struct str name, struct str instead)
{
    const struct conf_slot *slot = conf_slot_find(l->conf, S("lookup.default"));
    const struct conf_slot *right = conf_slot_find(l->conf, instead);
    if (slot == NULL || slot->own == NULL)
        return STR_NULL;
    for (size_t i = 0; i < slot->own->count; i++) {
        struct conf_element *e = &slot->own->elements[i];
        if (!str_eq(e->name, name))
            continue;
        if (right == NULL || right->own == NULL)
            conf_warn(l, slot->own, (int)i, S("legacy"), "'%.*s' is an old name, taken for %.*s",
                    ARG(name), ARG(instead));
        return e->text;
    }
    return STR_NULL;
}

void conf_sort_objects(struct loader *l)
{
    struct str name;
    void *value;
    for (size_t i = 0; map_next(&l->conf->objects, &i, &name, &value);) {
        struct conf_map *m = value;
        m->ids = arena_array(&l->conf->arena, m->objects.count + 1, struct str);
        if (m->ids == NULL) {
            conf_no_memory(l);
            return;
        }
        for (size_t o = 0; o < m->objects.count; o++) { // few, and mostly in order already
            struct conf_object *object = m->objects.at[o];
            size_t at = o;
            for (; at > 0 && str_compare(object->id, m->objects.at[at - 1]->id) < 0; at--)
                m->objects.at[at] = m->objects.at[at - 1];
            m->objects.at[at] = object;
        }
        for (size_t o = 0; o < m->objects.count; o++)
            m->ids[o] = m->objects.at[o]->id;
    }
}
