// SPDX-License-Identifier: Apache-2.0
// conf/conf.c: the getters. Everything was decided while loading: here a key is looked up, its type
// asserted, and its answer handed out.
#include "conf/conf.h"
#include "conf/snapshot.h"

#include "conf/expr.h"
#include "conf/glob.h"

static const struct conf_value *answer(const struct conf *conf, struct str key);
static const struct conf_element *scalar(const struct conf *conf, struct str key);
static bool has_type(const struct conf_value *v, enum value_type a, enum value_type b);
static bool value_eq(const struct conf_value *a, const struct conf_value *b);
static bool pattern_matches(struct str pattern, struct str key);

static const struct str local_defaults[] = {
        S_INIT("store.*"),
        S_INIT("directory.*"),
        S_INIT("tracer.*"),
        S_INIT("!server.blocked-ip.*"),
        S_INIT("!server.allowed-ip.*"),
        S_INIT("server.*"),
        S_INIT("certificate.*"),
        S_INIT("config.*"),
        S_INIT("authentication.fallback-admin.*"),
        S_INIT("cluster.*"),
        S_INIT("storage.data"),
        S_INIT("storage.blob"),
        S_INIT("storage.lookup"),
        S_INIT("storage.fts"),
        S_INIT("storage.directory"),
};

struct conf_ids conf_ids(const struct conf *conf, struct str map)
{
    const struct conf_map *m = conf_map_find(conf, map);
    return m != NULL ? (struct conf_ids){m->ids, m->objects.count} : (struct conf_ids){0};
}

struct conf_ids conf_ids_as_written(struct arena *a, const struct conf *conf, struct str map)
{
    const struct conf_map *m = conf_map_find(conf, map);
    struct str *ids = m != NULL ? arena_array(a, m->objects.count, struct str) : NULL;
    if (ids == NULL)
        return (struct conf_ids){0};
    each_in_vec (o, &m->objects)
        ids[(*o)->position] = (*o)->id;
    return (struct conf_ids){ids, m->objects.count};
}

bool conf_has_id(const struct conf *conf, struct str map, struct str id)
{
    const struct conf_map *m = conf_map_find(conf, map);
    for (size_t i = 0; m != NULL && i < m->objects.count; i++)
        if (str_eq(m->objects.at[i]->id, id))
            return true;
    return false;
}

struct str conf_item(const struct conf *conf, struct str map, struct str id, struct str member)
{
    struct buf key AUTO(buf_done);
    buf_init(&key, 2 * KEY_BYTES_MAX);
    buf_add(&key, map);
    key_add(&key, id);
    if (member.len > 0) {
        buf_add_byte(&key, '.');
        buf_add(&key, member);
    }
    const struct conf_slot *slot = conf_slot_find(conf, buf_str(&key));
    assert(slot != NULL); // the id exists and the table has this member
    return slot->key;
}

struct str conf_item_preset(const struct conf *conf, struct str map, struct str member)
{
    struct buf key AUTO(buf_done);
    buf_init(&key, 2 * KEY_BYTES_MAX);
    buf_fmt(&key, "%.*s.<id>%s%.*s", ARG(map), member.len > 0 ? "." : "", ARG(member));
    const struct conf_slot *slot = conf_slot_find(conf, buf_str(&key));
    assert(slot != NULL); // the table has this member
    return slot->key;
}

bool conf_bool(const struct conf *conf, struct str key)
{
    const struct conf_value *v = answer(conf, key);
    assert(has_type(v, TYPE_BOOLEAN, TYPE_BOOLEAN));
    return v->count == 1 && v->elements[0].value.boolean;
}

enum conf_tristate conf_tristate(const struct conf *conf, struct str key)
{
    if (conf_is_none(conf, key))
        return CONF_UNSET;
    return conf_bool(conf, key) ? CONF_YES : CONF_NO;
}

uint64_t conf_u64(const struct conf *conf, struct str key)
{
    int64_t number = conf_i64(conf, key);
    assert(number >= 0);
    return (uint64_t)number;
}

int64_t conf_i64(const struct conf *conf, struct str key)
{
    assert(has_type(answer(conf, key), TYPE_INTEGER, TYPE_SIZE));
    const struct conf_element *e = scalar(conf, key);
    return e != NULL ? e->value.integer : 0;
}

int64_t conf_duration_ms(const struct conf *conf, struct str key)
{
    assert(has_type(answer(conf, key), TYPE_DURATION, TYPE_DURATION));
    const struct conf_element *e = scalar(conf, key);
    return e != NULL ? e->value.integer : 0;
}

struct rate conf_rate(const struct conf *conf, struct str key)
{
    assert(has_type(answer(conf, key), TYPE_RATE, TYPE_RATE));
    const struct conf_element *e = scalar(conf, key);
    return e != NULL ? e->value.rate : (struct rate){0};
}

struct str conf_str(const struct conf *conf, struct str key)
{
    const struct conf_element *e = scalar(conf, key);
    return e != NULL ? e->text : STR_NULL;
}

int conf_enum(const struct conf *conf, struct str key)
{
    assert(has_type(answer(conf, key), TYPE_ENUM, TYPE_ENUM));
    const struct conf_element *e = scalar(conf, key);
    return e != NULL ? (int)e->value.integer : -1;
}

bool conf_is_set(const struct conf *conf, struct str key)
{
    return answer(conf, key)->origin.kind != CONF_FROM_DEFAULT;
}

bool conf_is_own(const struct conf *conf, struct str key)
{
    const struct conf_slot *slot = conf_slot_find(conf, key);
    assert(slot != NULL);
    return slot->own != NULL && slot->answer == slot->own;
}

bool conf_is_none(const struct conf *conf, struct str key)
{
    return answer(conf, key)->none;
}

struct conf_list conf_list(const struct conf *conf, struct str key)
{
    const struct conf_value *v = answer(conf, key);
    return (struct conf_list){v->elements, v->count};
}

struct err conf_strs(struct arena *a, const struct conf *conf, struct str key, struct strs *out)
{
    struct conf_list list = conf_list(conf, key);
    struct str *at = arena_array(a, list.count + 1, struct str);
    if (at == NULL)
        return fail(ERR_LIMIT, "no memory for a list of settings");
    for (size_t i = 0; i < list.count; i++)
        at[i] = list.at[i].text;
    *out = (struct strs){at, list.count};
    return OK;
}

const struct conf_element *conf_member(const struct conf_element *table, struct str name)
{
    for (size_t i = 0; i < table->member_count; i++)
        if (str_eq(table->members[i].name, name))
            return &table->members[i];
    return NULL;
}

struct str conf_value_file(const struct conf *conf, struct str key)
{
    return answer(conf, key)->file;
}

const struct expr_setting *conf_expr(const struct conf *conf, struct str key)
{
    const struct conf_value *v = answer(conf, key);
    assert(v->expr != NULL);
    return v->expr;
}

const struct lookups *conf_lookups(const struct conf *conf)
{
    return conf->lookups;
}

const struct conf_file_used *conf_files_used(const struct conf *conf, size_t *out_count)
{
    *out_count = conf->texts.count;
    return conf->used;
}

uint64_t conf_fingerprint(const struct conf *conf)
{
    return conf->fingerprint;
}

struct conf_ids conf_restart_keys(
        struct arena *a, const struct conf *before, const struct conf *now)
{
    VEC(struct str) keys = {0};
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings_table[i];
        struct str key = str_from_c(s->key);
        if (!s->restart || value_eq(answer(before, key), answer(now, key)))
            continue;
        struct str *place = vec_add(a, &keys);
        if (place != NULL)
            *place = key;
    }
    return (struct conf_ids){keys.at, keys.count};
}

// configuration.md 7.1: a matching exclusion wins, wherever it stands.
bool conf_key_is_local(const struct conf *conf, struct str key)
{
    struct conf_list given = conf_list(conf, S("config.local-keys"));
    const struct conf_value *v = answer(conf, S("config.local-keys"));
    bool own = v->origin.kind != CONF_FROM_DEFAULT;
    size_t count = own ? given.count : COUNT_OF(local_defaults);
    bool local = own && pattern_matches(S("config.*"), key);
    for (size_t i = 0; i < count; i++) {
        struct str pattern = own ? given.at[i].text : local_defaults[i];
        if (str_starts(pattern, S("!")) && pattern_matches(str_from(pattern, 1), key))
            return false;
        local = local || pattern_matches(pattern, key);
    }
    return local;
}

// For conf_finding: where an object begins, when a member of it is not there.
struct conf_origin conf_object_origin(const struct conf *conf, struct str key)
{
    struct str name;
    void *value;
    for (size_t i = 0; map_next(&conf->objects, &i, &name, &value);) {
        const struct conf_map *m = value;
        if (!str_starts(key, m->name))
            continue;
        for (size_t o = 0; o < m->objects.count; o++) {
            struct buf prefix AUTO(buf_done);
            buf_init(&prefix, 2 * KEY_BYTES_MAX);
            buf_add(&prefix, m->name);
            key_add(&prefix, m->objects.at[o]->id);
            bool same = str_eq(key, buf_str(&prefix));
            buf_add_byte(&prefix, '.');
            if (same || str_starts(key, buf_str(&prefix)))
                return m->objects.at[o]->origin;
        }
    }
    return (struct conf_origin){0};
}

static const struct conf_value *answer(const struct conf *conf, struct str key)
{
    const struct conf_slot *slot = conf_slot_find(conf, key);
    assert(slot != NULL && slot->answer != NULL); // else settings.def has no such key
    return slot->answer;
}

static const struct conf_element *scalar(const struct conf *conf, struct str key)
{
    const struct conf_value *v = answer(conf, key);
    assert(v->setting->many == MANY_NOT);
    return v->count == 1 && !v->none ? &v->elements[0] : NULL;
}

static bool has_type(const struct conf_value *v, enum value_type a, enum value_type b)
{
    return v->setting->type == a || v->setting->type == b;
}

static bool value_eq(const struct conf_value *a, const struct conf_value *b)
{
    if (a->none != b->none || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!str_eq(a->elements[i].text, b->elements[i].text))
            return false;
    return true;
}

static bool pattern_matches(struct str pattern, struct str key)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, 64 * KIB);
    struct glob g;
    return !failed(glob_compile(&scratch, pattern, GLOB_NOCASE, &g)) && glob_match(&g, key);
}
