// SPDX-License-Identifier: Apache-2.0
// conf/flatten_leaf.c: what somebody wrote at one key, as elements in the form that its row wants:
// one scalar, a list in its several spellings (configuration.md 4, last rows of the table), the
// members of a flat map, a list of tables, an expression.
#include "conf/snapshot.h"

struct expression_place { // of a leaf in a list of { if, then }
    const struct toml *entry, *array;
    size_t outer, inner;
};

static struct arena *arena_of(struct loader *l, const struct conf_value *v);
static struct conf_value *value_make(struct loader *l, const struct leaf *leaf);
static struct conf_value *value_again(
        struct loader *l, struct conf_slot *slot, const struct leaf *leaf, bool merge);
static void fill_one(struct loader *l, struct conf_value *v, const struct toml *node);
static void fill_many(struct loader *l, struct conf_value *v, const struct leaf *leaf);
static void fill_array(struct loader *l, struct conf_value *v, const struct leaf *leaf);
static void fill_members(struct loader *l, struct conf_value *v, const struct toml *table);
static void fill_flat(struct loader *l, struct conf_value *v, const struct toml *table);
static void fill_expression(struct loader *l, struct conf_value *v, struct toml *node);
static void positions_to_array(struct loader *l, struct toml *table);
static void place_advance(
        struct expression_place *at, const struct toml *n, const struct toml *top);
static struct str place_name(struct loader *l, const struct expression_place *at,
        const struct toml *n, const struct toml *top);
static bool fill_secret_source(struct loader *l, struct conf_value *v, const struct toml *table);
static bool is_positions(const struct toml *table);
static bool element_of(struct loader *l, struct conf_value *v, const struct toml *node,
        const struct setting_node *members, struct conf_element *out);
static bool members_of(struct loader *l, struct conf_value *v, const struct toml *table,
        const struct setting_node *rows, struct conf_element *out);
static const struct toml *first_of(const struct toml *list);
static const struct toml *next_of(const struct toml *list, const struct toml *element);
static size_t member_elements(const struct toml *table);
static void member_of(struct loader *l, struct conf_value *v, const struct toml *node,
        const struct setting_node *row, struct conf_element *all, size_t *count);
static struct str scalar_text(struct loader *l, const struct toml *node);
static void wrong_form(
        struct loader *l, struct conf_value *v, const struct toml *node, struct str message);
static void member_twice(struct loader *l, struct conf_value *v);

void conf_flatten_leaf(struct loader *l, const struct leaf *leaf)
{
    const struct setting *s = leaf->row->setting;
    struct conf_value *v = value_make(l, leaf);
    if (v == NULL)
        return;
    if (s->type == TYPE_EXPRESSION)
        fill_expression(l, v, leaf->node);
    else if (s->many == MANY_NOT)
        fill_one(l, v, leaf->node);
    else
        fill_many(l, v, leaf);
    if ((s->many == MANY_FLAT || s->many == MANY_MEMBERS) && v->count > 1)
        member_twice(l, v);
}

struct conf_origin conf_origin_of_toml(const struct toml *node)
{
    return (struct conf_origin){
            .kind = CONF_FROM_FILE,
            .file = node->file,
            .line = node->line,
            .column = node->column,
            .key_line = node->key_line,
            .key_column = node->key_column,
    };
}

struct conf_origin conf_origin_of_key(struct conf_origin at)
{
    if (at.key_line > 0) {
        at.line = at.key_line;
        at.column = at.key_column;
    }
    return at;
}

bool conf_is_lookup(const struct setting *s)
{
    return s->many == MANY_FLAT && str_eq(str_from_c(s->key), S("lookup.<id>"));
}

// Where the elements of a value live.
static struct arena *arena_of(struct loader *l, const struct conf_value *v)
{
    return conf_is_lookup(v->setting) ? &l->conf->lists : &l->conf->arena;
}

// Slices of the file live as long as the snapshot; what the TOML reader had to unescape does not.
struct str conf_keep(struct loader *l, struct str s)
{
    const char *start = l->file_text.ptr, *end = start + l->file_text.len;
    if (start != NULL && s.ptr >= start && s.ptr + s.len <= end)
        return s;
    struct str copy = arena_str(&l->conf->arena, s);
    if (str_is_null(copy))
        conf_no_memory(l);
    return copy;
}

// The value to fill; NULL when the key is taken: an error that names both places, except that files
// in <main>.d/ replace what others say, and that flat maps and lists of tables grow together.
static struct conf_value *value_make(struct loader *l, const struct leaf *leaf)
{
    const struct setting *s = leaf->row->setting;
    struct conf_slot *slot = conf_slot_make(l, leaf->key, s);
    if (slot == NULL)
        return NULL;
    bool map = (s->many == MANY_FLAT || s->many == MANY_MEMBERS) && leaf->node->type == TOML_TABLE;
    bool tables = s->type == TYPE_TABLES && leaf->node->type == TOML_ARRAY && !l->overriding;
    bool merge = (map || tables) && slot->own != NULL && slot->own->list;
    if (slot->own != NULL)
        return value_again(l, slot, leaf, merge);
    struct conf_value **place = vec_add(&l->conf->arena, &l->conf->values);
    struct conf_value *v = arena_make(&l->conf->arena, struct conf_value);
    if (place == NULL || v == NULL) {
        conf_no_memory(l);
        return NULL;
    }
    *v = (struct conf_value){
            .key = slot->key,
            .setting = s,
            .origin = conf_origin_of_toml(leaf->node),
            .object = leaf->object,
    };
    *place = slot->own = v;
    return v;
}

static struct conf_value *value_again(
        struct loader *l, struct conf_slot *slot, const struct leaf *leaf, bool merge)
{
    struct conf_value *v = slot->own;
    struct conf_origin at = conf_origin_of_toml(leaf->node);
    bool include = str_starts(slot->key, S("include.")); // each file has its own
    if (merge)
        return v;
    if ((l->overriding || include) && !str_eq(v->origin.file, at.file)) {
        *v = (struct conf_value){
                .key = v->key, .setting = v->setting, .origin = at, .object = v->object};
        return v;
    }
    at = conf_origin_of_key(at);
    conf_say(l, &at,
            (struct finding){.severity = FINDING_ERROR,
                    .code = S("duplicate-key"),
                    .key = slot->key,
                    .message = arena_fmt(&l->scratch, "key '%.*s' is already set at %.*s:%u",
                            ARG(slot->key), ARG(v->origin.file), v->origin.line)});
    return NULL;
}

static void fill_one(struct loader *l, struct conf_value *v, const struct toml *node)
{
    bool has_sources = v->setting->type == TYPE_SECRET || v->setting->type == TYPE_TEXT;
    if (node->type == TOML_TABLE && has_sources && fill_secret_source(l, v, node))
        return;
    if (node->type == TOML_TABLE || node->type == TOML_ARRAY) {
        wrong_form(l, v, node,
                node->type == TOML_ARRAY ? S("one value is expected here, not a list")
                                         : S("a value is expected here, not a table"));
        return;
    }
    v->elements = arena_make(&l->conf->arena, struct conf_element);
    if (v->elements == NULL)
        conf_no_memory(l);
    else if (element_of(l, v, node, NULL, v->elements))
        v->count = 1;
}

static void fill_many(struct loader *l, struct conf_value *v, const struct leaf *leaf)
{
    const struct toml *node = leaf->node;
    enum many many = v->setting->many;
    v->list = true;
    if (node->type != TOML_TABLE && node->type != TOML_ARRAY) {
        fill_one(l, v, node); // a scalar counts as a list of one
        v->list = false;
        if (many == MANY_FLAT && v->count == 1)
            v->elements->name = v->elements->text;
    } else if (node->type == TOML_ARRAY) {
        fill_array(l, v, leaf);
    } else if (many == MANY_FLAT) {
        fill_flat(l, v, node);
    } else if (v->setting->type == TYPE_TABLES && !is_positions(node)) {
        v->elements = arena_make(&l->conf->arena, struct conf_element);
        if (v->elements == NULL)
            conf_no_memory(l);
        else if (element_of(l, v, node, leaf->row->first, v->elements))
            v->count = 1;
    } else if (!node->set_literal && is_positions(node) && many != MANY_MEMBERS) {
        fill_array(l, v, leaf);
    } else {
        fill_members(l, v, node);
    }
}

// An array, or its positions as numbered keys (tolerance T6), which count by number.
static void fill_array(struct loader *l, struct conf_value *v, const struct leaf *leaf)
{
    const struct toml *node = leaf->node;
    const struct setting_node *members = v->setting->type == TYPE_TABLES ? leaf->row->first : NULL;
    const struct conf_element *before = v->elements;
    size_t most = v->count + node->count + 1;
    uint64_t *order = arena_array(&l->scratch, most, uint64_t);
    v->elements = arena_array(arena_of(l, v), most, struct conf_element);
    if (v->elements == NULL || order == NULL) {
        conf_no_memory(l);
        return;
    }
    uint64_t position = v->count;
    for (size_t i = 0; i < v->count; i++) { // of another file
        v->elements[i] = before[i];
        order[i] = i;
    }
    for (const struct toml *child = node->first; child != NULL; child = child->next) {
        struct conf_element e;
        if (node->type == TOML_TABLE && !str_to_u64(child->key, UINT32_MAX, &position))
            continue;
        if (!element_of(l, v, child, members, &e))
            continue;
        size_t at = v->count;
        for (; at > 0 && order[at - 1] > position; at--) {
            v->elements[at] = v->elements[at - 1];
            order[at] = order[at - 1];
        }
        v->elements[at] = e;
        if (v->setting->many == MANY_FLAT)
            v->elements[at] = (struct conf_element){.name = e.text,
                    .origin = e.origin,
                    .written = e.written,
                    .text = S(""),
                    .form = TOML_STRING};
        order[at] = position;
        v->count++;
        position++;
    }
    if (v->count > 0)
        v->origin = v->elements[0].origin;
}

// A set as a table: its keys are the members, with dots in them or not. Of JSON and of the brace
// form their values are true or empty; server.blocked-ip has something to say about each.
static void fill_members(struct loader *l, struct conf_value *v, const struct toml *table)
{
    size_t from = v->count;
    fill_flat(l, v, table);
    size_t kept = from;
    for (size_t i = from; i < v->count; i++) {
        struct conf_element e = v->elements[i];
        struct str note = e.text;
        bool absent = e.form == TOML_BOOL && str_eq(note, S("false"));
        bool says = note.len > 0 && !(e.form == TOML_BOOL && str_eq(note, S("true")));
        if (absent)
            continue;
        if (says && v->setting->many != MANY_MEMBERS) {
            conf_say(l, &e.origin,
                    (struct finding){.severity = FINDING_ERROR,
                            .code = S("not-a-list"),
                            .key = v->key,
                            .value = note,
                            .message = S("a list is expected here: [\"...\", \"...\"]")});
            v->bad = true;
            continue;
        }
        e.text = e.written = e.name;
        e.name = says ? note : S("");
        v->elements[kept++] = e;
    }
    v->count = kept;
}

// A flat map: what stands below it is one literal key each, dots included.
static void fill_flat(struct loader *l, struct conf_value *v, const struct toml *table)
{
    size_t leaves = 0;
    for (const struct toml *n = toml_next(table, table); n != NULL; n = toml_next(n, table))
        leaves += n->type != TOML_TABLE;
    struct conf_element *all =
            arena_array(arena_of(l, v), v->count + leaves + 1, struct conf_element);
    struct buf name AUTO(buf_done);
    buf_init(&name, KEY_BYTES_MAX);
    if (all == NULL) {
        conf_no_memory(l);
        return;
    }
    for (size_t i = 0; i < v->count; i++)
        all[i] = v->elements[i];
    v->elements = all;
    for (const struct toml *n = toml_next(table, table); n != NULL; n = toml_next(n, table)) {
        if (n->type == TOML_TABLE)
            continue;
        if (n->type == TOML_ARRAY || str_is_null(n->key)) {
            if (n->type == TOML_ARRAY)
                wrong_form(l, v, n, S("one value is expected here, not a list"));
            continue;
        }
        struct conf_element *e = &all[v->count];
        if (!element_of(l, v, n, NULL, e))
            continue;
        struct str key = n->key;
        for (const struct toml *up = n->parent; up != table; up = up->parent)
            key = arena_fmt(&l->scratch, "%.*s.%.*s", ARG(up->key), ARG(key));
        e->name = conf_keep(l, key);
        v->count++;
    }
}

// configuration.md 9.1: a scalar, a list of { if, then } and { else }, or a list of scalars. The
// compiler reads the tree itself (conf/expr.h); elements are its strings, for macros.
static void fill_expression(struct loader *l, struct conf_value *v, struct toml *node)
{
    size_t strings = 0;
    struct expression_place at = {0};
    for (struct toml *n = node; n != NULL; n = toml_next(n, node))
        if (n->type == TOML_TABLE && is_positions(n))
            positions_to_array(l, n);
    if (node->type == TOML_TABLE) {
        wrong_form(l, v, node, S("an expression or a list of { if, then } is expected here"));
        return;
    }
    v->list = node->type == TOML_ARRAY;
    v->tree = node;
    for (const struct toml *n = node; n != NULL; n = toml_next(n, node))
        strings += n->type != TOML_TABLE && n->type != TOML_ARRAY;
    v->elements = arena_array(&l->conf->arena, strings + 1, struct conf_element);
    v->nodes = arena_array(&l->scratch, strings + 1, struct toml *);
    if (v->elements == NULL || v->nodes == NULL) {
        conf_no_memory(l);
        return;
    }
    for (struct toml *n = node; n != NULL; n = toml_next(n, node)) {
        if (n->type == TOML_TABLE || n->type == TOML_ARRAY)
            continue;
        v->nodes[v->count] = n;
        place_advance(&at, n, node);
        if (!element_of(l, v, n, NULL, &v->elements[v->count]))
            continue;
        v->elements[v->count++].name = place_name(l, &at, n, node);
    }
}

// key.0.if = ..., as flat files and dumps have it, becomes what the compiler reads.
static void positions_to_array(struct loader *l, struct toml *table)
{
    struct toml **all = arena_array(&l->scratch, table->count + 1, struct toml *);
    uint64_t *order = arena_array(&l->scratch, table->count + 1, uint64_t);
    size_t count = 0;
    if (all == NULL || order == NULL) {
        conf_no_memory(l);
        return;
    }
    for (struct toml *n = table->first; n != NULL; n = n->next) {
        uint64_t position;
        bool number = str_to_u64(n->key, UINT32_MAX, &position);
        assert(number); // is_positions
        size_t at = count++;
        for (; at > 0 && order[at - 1] > position; at--) {
            all[at] = all[at - 1];
            order[at] = order[at - 1];
        }
        all[at] = n;
        order[at] = position;
    }
    for (size_t i = 0; i < count; i++) {
        all[i]->key = STR_NULL;
        all[i]->next = i + 1 < count ? all[i + 1] : NULL;
    }
    table->type = TOML_ARRAY;
    table->first = all[0];
    table->last = all[count - 1];
}

// Leaves come in order, so that two counters know where in the list each of them stands.
static void place_advance(struct expression_place *at, const struct toml *n, const struct toml *top)
{
    const struct toml *entry = n;
    while (entry != top && entry->parent != top)
        entry = entry->parent;
    at->outer += at->entry != NULL && entry != at->entry;
    at->inner = n->parent == at->array ? at->inner + 1 : 0;
    at->entry = entry;
    at->array = n->parent->type == TOML_ARRAY ? n->parent : NULL;
}

// The rest of the flat key: "0", "0.if", "1.else", "0.then.2"; null for a single expression.
static struct str place_name(struct loader *l, const struct expression_place *at,
        const struct toml *n, const struct toml *top)
{
    if (n == top)
        return STR_NULL;
    if (n->parent == top)
        return arena_fmt(&l->conf->arena, "%zu", at->outer);
    if (n->parent->type == TOML_ARRAY)
        return arena_fmt(
                &l->conf->arena, "%zu.%.*s.%zu", at->outer, ARG(n->parent->key), at->inner);
    return arena_fmt(&l->conf->arena, "%zu.%.*s", at->outer, ARG(n->key));
}

// secret.env = "NAME", secret.file = "/path" (configuration.md 5.3)
static bool fill_secret_source(struct loader *l, struct conf_value *v, const struct toml *table)
{
    const struct toml *only = table->first;
    if (only == NULL || only->type != TOML_STRING)
        return false;
    bool env = str_eq(only->key, S("env")), file = str_eq(only->key, S("file"));
    if (!env && !file)
        return false;
    if (only->next != NULL) {
        wrong_form(l, v, only->next, S("give one of a value, .env and .file"));
        return true;
    }
    v->elements = arena_make(&l->conf->arena, struct conf_element);
    if (v->elements == NULL) {
        conf_no_memory(l);
    } else if (element_of(l, v, only, NULL, v->elements)) {
        v->count = 1;
        v->source = env ? VALUE_ENV : VALUE_FILE;
    }
    return true;
}

static bool is_positions(const struct toml *table)
{
    uint64_t number;
    for (const struct toml *n = table->first; n != NULL; n = n->next)
        if (!str_to_u64(n->key, UINT32_MAX, &number) ||
                (n->type == TOML_STRING && n->text.len == 0))
            return false;
    return table->first != NULL;
}

static bool element_of(struct loader *l, struct conf_value *v, const struct toml *node,
        const struct setting_node *members, struct conf_element *out)
{
    bool table = node->type == TOML_TABLE;
    if (members != NULL && table)
        return members_of(l, v, node, members, out);
    if (members != NULL || table || node->type == TOML_ARRAY) {
        wrong_form(l, v, node,
                members != NULL ? S("a list of tables is expected here: [ { ... }, { ... } ]")
                                : S("a value is expected here"));
        return false;
    }
    struct str text = scalar_text(l, node);
    *out = (struct conf_element){
            .text = text,
            .written = text,
            .origin = conf_origin_of_toml(node),
            .form = (uint8_t)node->type,
    };
    return !str_is_null(text);
}

// The members of one table of a list; `rows` is its "#" node. A member that may be a list is as
// many elements of the same name.
static bool members_of(struct loader *l, struct conf_value *v, const struct toml *table,
        const struct setting_node *rows, struct conf_element *out)
{
    struct conf_element *all =
            arena_array(&l->conf->arena, member_elements(table) + 1, struct conf_element);
    size_t count = 0;
    if (all == NULL) {
        conf_no_memory(l);
        return false;
    }
    for (const struct toml *n = table->first; n != NULL; n = n->next) {
        const struct setting_node *row = setting_child(rows, n->key);
        bool many = row != NULL && row->setting->many != MANY_NOT &&
                    (n->type == TOML_ARRAY || (n->type == TOML_TABLE && is_positions(n)));
        if (row == NULL) {
            struct conf_origin at = conf_origin_of_toml(n);
            conf_say(l, &at,
                    (struct finding){.severity = FINDING_ERROR,
                            .class = FINDING_UNKNOWN,
                            .code = S("unknown-key"),
                            .key = v->key,
                            .message =
                                    arena_fmt(&l->scratch, "unknown member '%.*s'", ARG(n->key))});
            continue;
        }
        if (!many)
            member_of(l, v, n, row, all, &count);
        for (const struct toml *c = first_of(n); many && c != NULL; c = next_of(n, c))
            member_of(l, v, c, row, all, &count);
    }
    *out = (struct conf_element){
            .members = all,
            .member_count = count,
            .origin = conf_origin_of_toml(table),
            .form = (uint8_t)table->type,
    };
    return true;
}

// An array as it stands; positions by number, wherever they stand.
static const struct toml *first_of(const struct toml *list)
{
    return list->type == TOML_TABLE ? next_of(list, NULL) : list->first;
}

static const struct toml *next_of(const struct toml *list, const struct toml *element)
{
    const struct toml *next = NULL;
    uint64_t before = 0, after = 0, at = 0;
    if (list->type != TOML_TABLE)
        return element->next;
    bool any = element == NULL || !str_to_u64(element->key, UINT32_MAX, &before);
    for (const struct toml *n = list->first; n != NULL; n = n->next)
        if (str_to_u64(n->key, UINT32_MAX, &at) && (any || at > before) &&
                (next == NULL || at < after)) {
            next = n;
            after = at;
        }
    return next;
}

static size_t member_elements(const struct toml *table)
{
    size_t count = 0;
    for (const struct toml *n = table->first; n != NULL; n = n->next)
        count += n->type == TOML_ARRAY || n->type == TOML_TABLE ? n->count : 1;
    return count;
}

static void member_of(struct loader *l, struct conf_value *v, const struct toml *node,
        const struct setting_node *row, struct conf_element *all, size_t *count)
{
    struct conf_element *e = &all[*count];
    if (!element_of(l, v, node, NULL, e))
        return;
    e->name = row->name;
    e->secret = row->setting->type == TYPE_SECRET;
    ++*count;
}

// configuration.md 3.1: booleans, integers in decimal, floats in the shortest form, strings.
static struct str scalar_text(struct loader *l, const struct toml *node)
{
    struct buf number AUTO(buf_done) = {0};
    switch (node->type) {
    case TOML_STRING:
    case TOML_DATETIME:
    case TOML_DATETIME_LOCAL:
    case TOML_DATE_LOCAL:
    case TOML_TIME_LOCAL:
        return conf_keep(l, node->text);
    case TOML_BOOL:
        return node->boolean ? S("true") : S("false");
    case TOML_INTEGER:
        return conf_keep(l, arena_fmt(&l->conf->arena, "%lld", (long long)node->integer));
    case TOML_FLOAT:
        buf_init(&number, 64);
        buf_add_double(&number, node->real);
        return conf_keep(l, buf_str(&number));
    case TOML_TABLE:
    case TOML_ARRAY:
        break;
    }
    return STR_NULL;
}

static void wrong_form(
        struct loader *l, struct conf_value *v, const struct toml *node, struct str message)
{
    struct conf_origin at = conf_origin_of_toml(node);
    conf_say(l, &at,
            (struct finding){.severity = FINDING_ERROR,
                    .code = value_type_code(v->setting->type),
                    .key = v->key,
                    .message = message});
    v->bad = true;
}

// Two files may both give a flat map, but not the same member of it.
static void member_twice(struct loader *l, struct conf_value *v)
{
    struct map seen AUTO(map_done);
    map_init(&seen, 0, 0);
    for (size_t i = 0; i < v->count; i++) {
        struct conf_element *e = &v->elements[i];
        struct str name = v->setting->many == MANY_FLAT ? e->name : e->text;
        struct conf_element *first = map_get(&seen, name);
        if (first != NULL && v->setting->many == MANY_FLAT) {
            conf_say(l, &e->origin,
                    (struct finding){.severity = FINDING_ERROR,
                            .code = S("duplicate-key"),
                            .key = v->key,
                            .message = arena_fmt(&l->scratch, "'%.*s' is already set at %.*s:%u",
                                    ARG(name), ARG(first->origin.file), first->origin.line)});
        } else if (!map_put(&seen, name, e)) {
            conf_no_memory(l);
            return;
        }
    }
}
