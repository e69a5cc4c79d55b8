// SPDX-License-Identifier: Apache-2.0
// conf/flatten.c: from the tree of one file to flat keys. Walks the tree and the table of settings
// side by side: each component finds its place in the table (configuration.md 3.2, greedy by
// schema), ids become objects, and what stands at a row is handed to flatten_leaf.c. What finds no
// place is kept for later, because how bad that is depends on config.unknown-keys.
#include "conf/snapshot.h"

struct walk {
    struct loader *l;
    struct buf *path;
    size_t depth;
};

static void walk_table(struct walk *w, const struct toml *table, const struct setting_node *node,
        struct conf_object *object);
static void walk_child(struct walk *w, struct toml *child, const struct setting_node *node,
        struct conf_object *object);
static void walk_known(struct walk *w, struct toml *child, const struct setting_node *found,
        struct conf_object *object);
static void walk_list(struct walk *w, struct toml *list, const struct setting_node *map);
static bool may_be_list(const struct setting_node *map);
static struct str free_position(struct walk *w);
static bool walk_legacy(struct walk *w, struct toml *child, const struct setting *s);
static void walk_mapped(struct walk *w, struct toml *child, const struct setting *s);
static const struct setting_node *child_of(
        struct walk *w, struct toml *child, const struct setting_node *node);
static enum unknown_kind unknown_kind_of(const struct setting *s);
static bool id_is_valid(struct str id);
static struct conf_object *object_of(
        struct walk *w, struct str map, struct toml *child, struct str id);
static struct conf_object *refuse_id(struct loader *l, const struct conf_origin *at, struct str map,
        struct str id, struct str why);
static void unknown(struct walk *w, struct toml *child, const struct setting_node *node,
        enum unknown_kind kind, const struct setting *setting);

void conf_flatten(struct loader *l, const struct toml *root)
{
    struct buf path AUTO(buf_done);
    buf_init(&path, KEY_BYTES_MAX);
    struct walk w = {.l = l, .path = &path};
    walk_table(&w, root, l->conf->tree, NULL);
}

struct conf_slot *conf_slot_find(const struct conf *conf, struct str key)
{
    return map_get(&conf->slots, key);
}

struct conf_slot *conf_slot_make(struct loader *l, struct str key, const struct setting *setting)
{
    struct conf_slot *slot = conf_slot_find(l->conf, key);
    if (slot != NULL)
        return slot;
    slot = arena_make(&l->conf->arena, struct conf_slot);
    if (slot == NULL) {
        conf_no_memory(l);
        return NULL;
    }
    *slot = (struct conf_slot){.key = arena_str(&l->conf->arena, key), .setting = setting};
    if (str_is_null(slot->key) || !map_put(&l->conf->slots, slot->key, slot)) {
        conf_no_memory(l);
        return NULL;
    }
    return slot;
}

struct conf_map *conf_map_find(const struct conf *conf, struct str map)
{
    return map_get(&conf->objects, map);
}

static void walk_table(struct walk *w, const struct toml *table, const struct setting_node *node,
        struct conf_object *object)
{
    w->depth++;
    for (struct toml *child = table->first; child != NULL; child = child->next)
        walk_child(w, child, node, object);
    w->depth--;
}

static void walk_child(struct walk *w, struct toml *child, const struct setting_node *node,
        struct conf_object *object)
{
    struct str path = arena_str(&w->l->scratch, buf_str(w->path));
    const struct setting_node *found = child_of(w, child, node);
    if (found == NULL) {
        const struct setting *s = node->setting;
        bool foreign = s != NULL && s->kind == SETTING_FOREIGN;
        unknown(w, child, foreign ? NULL : node, unknown_kind_of(s), s);
    } else if (str_eq(found->name, S("<id>"))) {
        object = object_of(w, path, child, child->key);
        key_add(w->path, child->key);
        if (object != NULL)
            walk_known(w, child, found, object);
    } else {
        key_add(w->path, found->name);
        walk_known(w, child, found, object);
    }
    buf_clear(w->path);
    buf_add(w->path, path);
}

// The path now ends in this child. A row may have rows below it (tls.sni and tls.sni.#.subject,
// or report, which is for later, and report.domain, which is not): the row's kind decides.
static void walk_known(struct walk *w, struct toml *child, const struct setting_node *found,
        struct conf_object *object)
{
    const struct setting *s = found->setting;
    if (w->path->overflow || w->depth > KEY_COMPONENTS_MAX) {
        struct conf_origin at = conf_origin_of_toml(child);
        conf_say(w->l, &at,
                (struct finding){.severity = FINDING_ERROR,
                        .code = S("long-key"),
                        .message = S("a flat key has at most 64 components and 1024 bytes")});
        return;
    }
    if (s != NULL && s->kind == SETTING_OURS && walk_legacy(w, child, s))
        return;
    if (s != NULL && s->kind == SETTING_OURS) {
        struct leaf leaf = {.node = child, .row = found, .key = buf_str(w->path), .object = object};
        conf_flatten_leaf(w->l, &leaf);
    } else if (child->type == TOML_TABLE && found->first != NULL) {
        walk_table(w, child, found, object);
    } else if (child->type == TOML_ARRAY && may_be_list(found)) {
        walk_list(w, child, found);
    } else if (s != NULL) {
        unknown(w, child, NULL, unknown_kind_of(s), s);
    } else {
        struct conf_origin at = conf_origin_of_toml(child);
        conf_say(w->l, &at,
                (struct finding){.severity = FINDING_ERROR,
                        .code = S("not-a-value"),
                        .key = buf_str(w->path),
                        .message = S("this is a table, not a value")});
    }
}

// [[map]] instead of [map.ID]: the position is the id, as in flat keys (configuration.md 3.1).
static void walk_list(struct walk *w, struct toml *list, const struct setting_node *map)
{
    for (struct toml *e = list->first; e != NULL; e = e->next) {
        e->key = free_position(w);
        e->key_line = e->line;
        e->key_column = e->column;
        walk_child(w, e, map, NULL);
    }
}

static bool may_be_list(const struct setting_node *map)
{
    const struct setting_node *member = map->first;
    while (member != NULL && !str_eq(member->name, S("<id>")))
        member = member->next;
    for (member = member != NULL ? member->first : NULL; member != NULL; member = member->next)
        if (member->setting != NULL && member->setting->in_list)
            return true;
    return false;
}

// Behind the objects that are there already: several files may add to one list.
static struct str free_position(struct walk *w)
{
    const struct conf_map *m = conf_map_find(w->l->conf, buf_str(w->path));
    size_t position = m != NULL ? m->objects.count : 0;
    struct str id = arena_fmt(&w->l->scratch, "%zu", position);
    while (conf_has_id(w->l->conf, buf_str(w->path), id))
        id = arena_fmt(&w->l->scratch, "%zu", ++position);
    return id;
}

// Keys of configuration.md 13.2 that are not what they seem: true when nothing is left to do.
static bool walk_legacy(struct walk *w, struct toml *child, const struct setting *s)
{
    struct finding f = {.severity = FINDING_WARNING, .code = S("legacy"), .key = buf_str(w->path)};
    if (s->renamed == NULL && s->ignored == NULL && s->mapped == NULL)
        return false;
    if (s->renamed != NULL) {
        f.severity = FINDING_ERROR;
        f.class = FINDING_UNKNOWN;
        f.code = S("unknown-key");
        f.message = arena_fmt(&w->l->scratch, "the name of this setting is %s", s->renamed);
    } else if (s->ignored != NULL) {
        f.message = arena_fmt(&w->l->scratch, "this key is not used: %s", s->ignored);
    } else {
        f.message = arena_fmt(&w->l->scratch, "an old name, taken for %s", s->mapped);
    }
    struct conf_origin at = conf_origin_of_key(conf_origin_of_toml(child));
    conf_say(w->l, &at, f);
    if (s->mapped != NULL)
        walk_mapped(w, child, s);
    return true;
}

// As if it had been written at the key that it stands for.
static void walk_mapped(struct walk *w, struct toml *child, const struct setting *s)
{
    const struct setting_node *target = w->l->conf->tree;
    struct str rest = str_from_c(s->mapped), part;
    buf_clear(w->path);
    while (str_split(&rest, '.', &part)) {
        target = setting_child(target, part);
        assert(target != NULL);
        key_add(w->path, part);
    }
    if (target->setting == NULL) {
        walk_known(w, child, target, NULL);
        return;
    }
    struct toml *leaf = child;
    while (leaf != NULL && leaf->type == TOML_TABLE)
        leaf = leaf->first;
    if (leaf != NULL)
        walk_known(w, leaf, target, NULL);
}

// configuration.md 2.2: names of the table are lower case. Written otherwise, one error with the
// right spelling, and on as if it were right.
static const struct setting_node *child_of(
        struct walk *w, struct toml *child, const struct setting_node *node)
{
    const struct setting_node *found = setting_child(node, child->key);
    if (found != NULL && !str_eq(found->name, S("<id>")))
        return found;
    struct str lower = arena_str_lower(&w->l->scratch, child->key);
    const struct setting_node *meant =
            str_is_null(lower) || str_eq(lower, child->key) ? NULL : setting_child(node, lower);
    if (found != NULL || meant == NULL || str_eq(meant->name, S("<id>")))
        return found;
    struct conf_origin at = conf_origin_of_key(conf_origin_of_toml(child));
    conf_say(w->l, &at,
            (struct finding){.severity = FINDING_ERROR,
                    .class = FINDING_UNKNOWN,
                    .code = S("letter-case"),
                    .key = child->key,
                    .message = arena_fmt(&w->l->scratch,
                            "the names of settings are lower case, write '%.*s'",
                            ARG(meant->name))});
    return meant;
}

static enum unknown_kind unknown_kind_of(const struct setting *s)
{
    if (s == NULL)
        return UNKNOWN_KEY;
    return s->kind == SETTING_FOREIGN ? UNKNOWN_FOREIGN : UNKNOWN_LATER;
}

// configuration.md 3.3
static bool id_is_valid(struct str id)
{
    struct ip ip;
    if (ip_parse(id, &ip)) // queue.source-ip."2001:db8::1"
        return true;
    if (id.len == 0 || id.len > ID_BYTES_MAX || !byte_is_alnum((uint8_t)id.ptr[0]))
        return false;
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = (uint8_t)id.ptr[i];
        if (!byte_is_alnum(c) && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

// The object of this id, made at its first child; NULL after a finding.
static struct conf_object *object_of(
        struct walk *w, struct str map, struct toml *child, struct str id)
{
    struct loader *l = w->l;
    struct conf_origin at = conf_origin_of_toml(child);
    struct conf_map *m = conf_map_find(l->conf, map);
    if (!id_is_valid(id))
        return refuse_id(l, &at, map, id,
                arena_fmt(&l->scratch,
                        "invalid id \"%.*s\" (1 to 64 letters, digits, '.', '_' and '-', the "
                        "first one a letter or digit)",
                        ARG(id)));
    if (m == NULL) {
        m = arena_make(&l->conf->arena, struct conf_map);
        struct str name = arena_str(&l->conf->arena, map);
        if (m == NULL || str_is_null(name) || !map_put(&l->conf->objects, name, m)) {
            conf_no_memory(l);
            return NULL;
        }
        m->name = name;
    }
    each_in_vec (o, &m->objects) {
        if (str_eq((*o)->id, id))
            return *o;
        if (str_eq_nocase((*o)->id, id))
            return refuse_id(l, &at, map, id,
                    arena_fmt(&l->scratch,
                            "the ids '%.*s' and '%.*s' (%.*s:%u) differ in letter case only",
                            ARG(id), ARG((*o)->id), ARG((*o)->origin.file), (*o)->origin.line));
    }
    struct conf_object *made = arena_make(&l->conf->arena, struct conf_object);
    struct conf_object **place = vec_add(&l->conf->arena, &m->objects);
    if (made == NULL || place == NULL) {
        conf_no_memory(l);
        return NULL;
    }
    *made = (struct conf_object){
            .map = m->name, .id = conf_keep(l, id), .origin = at, .position = m->objects.count - 1};
    *place = made;
    return made;
}

static struct conf_object *refuse_id(struct loader *l, const struct conf_origin *at, struct str map,
        struct str id, struct str why)
{
    conf_say(l, at,
            (struct finding){.severity = FINDING_ERROR,
                    .code = S("bad-id"),
                    .key = map,
                    .value = id,
                    .message = why});
    return NULL;
}

static void unknown(struct walk *w, struct toml *child, const struct setting_node *node,
        enum unknown_kind kind, const struct setting *setting)
{
    size_t before = w->path->len;
    if (node != NULL)
        key_add(w->path, child->key);
    struct unknown_key *u = vec_add(&w->l->scratch, &w->l->unknown);
    if (u == NULL) {
        conf_no_memory(w->l);
    } else {
        *u = (struct unknown_key){
                .key = arena_str(&w->l->scratch, buf_str(w->path)),
                .part = child->key,
                .where = node,
                .origin = conf_origin_of_toml(child),
                .kind = kind,
                .setting = setting,
        };
    }
    w->path->len = before;
}
