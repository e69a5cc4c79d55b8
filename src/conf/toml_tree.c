// SPDX-License-Identifier: Apache-2.0
// conf/toml_tree.c: the tree, and the rules of what may be added to which table. A table is defined
// once: by a header, by dotted keys, or inline (TOML 1.0.0 "Table", "Keys"). One that only lies on
// the way to another is implicit until something defines it. With the tolerances a header may open
// a table again (T7); its keys must still differ.
//
// A list of keys may be long (lookup lists of a million entries), so large tables have an index: a
// hash table in the arena of the tree, which lasts as long and needs no release.
#include "conf/toml_read.h"

#include "base/hash.h"

#define INDEX_FROM_COUNT 16 // below it, comparing is as fast

struct toml_index {
    size_t slot_count;    // a power of two, more than twice the children
    struct toml *slots[]; // open addressing; NULL = free
};

static bool index_add(struct arena *a, struct toml *table, struct toml *child);
static bool index_grow(struct arena *a, struct toml *table);
static void index_take(struct toml_index *index, struct toml *child);
static size_t index_slot(const struct toml_index *index, struct str key);
static struct toml *member_make(struct toml_reader *r, struct toml *table,
        const struct toml_key *key, enum toml_type type, enum toml_made_by made_by);
static struct toml *table_add(struct toml_reader *r, struct toml *table, const struct toml_key *key,
        enum toml_made_by made_by);
static struct toml *element_add(struct toml_reader *r, struct toml *tables, size_t at);
static struct toml *refuse(struct toml_reader *r, const struct toml_key *key,
        const struct toml *old, const char *rule);
static const char *kind_of(const struct toml *node);
static size_t position_of(const struct toml *node);

// -- The tree -----------------------------------------------------------------------------------

struct toml *toml_node(struct toml_reader *r, struct toml *parent, enum toml_type type, size_t at)
{
    struct toml *node = arena_make(r->arena, struct toml);
    if (node == NULL) {
        toml_no_memory(r);
        return NULL;
    }
    struct toml_node_place place = toml_place(r, at);
    node->type = type;
    node->file = r->options.file;
    node->line = place.line;
    node->column = place.column;
    node->source = r->line_text;
    node->parent = parent;
    node->path_bytes = parent != NULL ? parent->path_bytes + 2 : 0; // of an element: ".0"
    return node;
}

void toml_link(struct toml_reader *r, struct toml *node)
{
    struct toml *parent = node->parent;
    if (parent->type == TOML_TABLE && !index_add(r->arena, parent, node)) {
        toml_no_memory(r);
        return;
    }
    if (parent->last == NULL)
        parent->first = node;
    else
        parent->last->next = node;
    parent->last = node;
    parent->count++;
}

struct toml *toml_member(const struct toml *table, struct str key)
{
    if (table->type != TOML_TABLE)
        return NULL;
    if (table->index != NULL)
        return table->index->slots[index_slot(table->index, key)];
    struct toml *child = table->first;
    while (child != NULL && !str_eq(child->key, key))
        child = child->next;
    return child;
}

struct toml *toml_next(const struct toml *node, const struct toml *top)
{
    if (node->first != NULL)
        return node->first;
    while (node != top && node->next == NULL)
        node = node->parent;
    return node == top ? NULL : node->next;
}

static bool index_add(struct arena *a, struct toml *table, struct toml *child)
{
    if (table->index == NULL && table->count + 1 < INDEX_FROM_COUNT)
        return true;
    bool full = table->index == NULL || (table->count + 1) * 2 > table->index->slot_count;
    if (full && !index_grow(a, table))
        return false;
    index_take(table->index, child);
    return true;
}

static bool index_grow(struct arena *a, struct toml *table)
{
    size_t slot_count = table->index == NULL ? INDEX_FROM_COUNT * 4 : table->index->slot_count * 4;
    struct toml_index *grown = arena_bytes(a, sizeof(*grown) + slot_count * sizeof(struct toml *));
    if (grown == NULL)
        return false;
    grown->slot_count = slot_count;
    for (struct toml *child = table->first; child != NULL; child = child->next)
        index_take(grown, child);
    table->index = grown;
    return true;
}

static void index_take(struct toml_index *index, struct toml *child)
{
    index->slots[index_slot(index, child->key)] = child;
}

// The slot of the key, or the free one where it would go.
static size_t index_slot(const struct toml_index *index, struct str key)
{
    size_t mask = index->slot_count - 1;
    size_t slot = hash_sip24(0, 0, key) & mask;
    while (index->slots[slot] != NULL && !str_eq(index->slots[slot]->key, key))
        slot = (slot + 1) & mask;
    return slot;
}

// -- The rules ----------------------------------------------------------------------------------

// A component of [a.b.c] before the last one.
struct toml *toml_header_step(struct toml_reader *r, struct toml *table, const struct toml_key *key)
{
    struct toml *old = toml_member(table, key->text);
    if (old == NULL)
        return table_add(r, table, key, MADE_IMPLICIT);
    if (old->made_by == MADE_TABLES)
        return old->last;
    if (old->type != TOML_TABLE || old->made_by == MADE_INLINE)
        return refuse(r, key, old, "cannot be used as a table");
    return old;
}

// The last component of [a.b.c].
struct toml *toml_header_table(
        struct toml_reader *r, struct toml *table, const struct toml_key *key)
{
    struct toml *old = toml_member(table, key->text);
    if (old == NULL)
        return table_add(r, table, key, MADE_HEADER);
    if (old->made_by == MADE_TABLES)
        return refuse(r, key, old, "write [[ ]] to add to it");
    if (old->type != TOML_TABLE || old->made_by == MADE_INLINE)
        return refuse(r, key, old, "cannot be used as a table");
    if (old->made_by != MADE_IMPLICIT && r->options.tolerance == TOML_STRICT)
        return refuse(r, key, old, "and is complete");
    if (old->made_by == MADE_IMPLICIT) {
        struct toml_node_place place = toml_place(r, key->at);
        old->made_by = MADE_HEADER;
        old->line = old->key_line = place.line;
        old->column = old->key_column = place.column;
        old->key_quoted = key->quoted;
        old->source = r->line_text;
    }
    return old;
}

// The last component of [[a.b.c]].
struct toml *toml_header_tables(
        struct toml_reader *r, struct toml *table, const struct toml_key *key)
{
    struct toml *tables = toml_member(table, key->text);
    if (tables == NULL) {
        tables = member_make(r, table, key, TOML_ARRAY, MADE_TABLES);
        if (tables == NULL)
            return NULL;
        toml_link(r, tables);
    }
    if (tables->made_by != MADE_TABLES)
        return refuse(r, key, tables, "not an array of tables");
    return element_add(r, tables, key->at);
}

// A component of a.b.c = 1 before the last one.
struct toml *toml_dotted_step(struct toml_reader *r, struct toml *table, const struct toml_key *key)
{
    struct toml *old = toml_member(table, key->text);
    if (old == NULL)
        return table_add(r, table, key, MADE_DOTTED);
    if (old->made_by == MADE_IMPLICIT)
        old->made_by = MADE_DOTTED;
    if (old->made_by == MADE_DOTTED)
        return old;
    return refuse(r, key, old,
            old->made_by == MADE_HEADER ? "dotted keys cannot add to it"
                                        : "cannot be used as a table");
}

struct toml *toml_leaf(struct toml_reader *r, struct toml *table, const struct toml_key *key)
{
    struct toml *old = toml_member(table, key->text);
    if (old == NULL)
        return member_make(r, table, key, TOML_BOOL, MADE_VALUE);
    if (old->made_by != MADE_VALUE && old->made_by != MADE_INLINE)
        return refuse(r, key, old, "cannot be given a value");
    struct str where = toml_where(r, old);
    struct str path = toml_path(r->arena, old);
    r->reading = old; // for the key of the finding
    toml_error(r, key->at, "key '%.*s' is already set at %.*s", ARG(path), ARG(where));
    return NULL;
}

static struct toml *table_add(struct toml_reader *r, struct toml *table, const struct toml_key *key,
        enum toml_made_by made_by)
{
    struct toml *added = member_make(r, table, key, TOML_TABLE, made_by);
    if (added != NULL)
        toml_link(r, added);
    return added;
}

static struct toml *element_add(struct toml_reader *r, struct toml *tables, size_t at)
{
    if (tables->count >= TOML_ARRAY_COUNT_MAX) {
        toml_error(r, at, "an array has at most %d elements", TOML_ARRAY_COUNT_MAX);
        return NULL;
    }
    struct toml *element = toml_node(r, tables, TOML_TABLE, at);
    if (element == NULL)
        return NULL;
    element->made_by = MADE_HEADER;
    toml_link(r, element);
    return element;
}

static struct toml *member_make(struct toml_reader *r, struct toml *table,
        const struct toml_key *key, enum toml_type type, enum toml_made_by made_by)
{
    size_t name_bytes = key->text.len > 0 ? key->text.len : 2; // "", so that each level counts
    size_t path_bytes = table->path_bytes + (table->parent != NULL) + name_bytes;
    if (key->text.len > TOML_KEY_BYTES_MAX) {
        toml_error(r, key->at, "a key component has at most %d bytes", TOML_KEY_BYTES_MAX);
        return NULL;
    }
    if (path_bytes > TOML_PATH_BYTES_MAX) {
        toml_error(r, key->at, "the key is longer than %d bytes with that of its table",
                TOML_PATH_BYTES_MAX);
        return NULL;
    }
    struct toml *made = toml_node(r, table, type, key->at);
    if (made == NULL)
        return NULL;
    made->made_by = (uint8_t)made_by;
    made->path_bytes = (uint32_t)path_bytes;
    made->key = key->text;
    made->key_line = made->line;
    made->key_column = made->column;
    made->key_quoted = key->quoted;
    return made;
}

// 'a.b' is a value at FILE:LINE, cannot be used as a table
static struct toml *refuse(
        struct toml_reader *r, const struct toml_key *key, const struct toml *old, const char *rule)
{
    struct str path = toml_path(r->arena, old);
    struct str where = toml_where(r, old);
    r->reading = old;
    toml_error(r, key->at, "'%.*s' is %s at %.*s, %s", ARG(path), kind_of(old), ARG(where), rule);
    return NULL;
}

static const char *kind_of(const struct toml *node)
{
    if (node->made_by == MADE_TABLES)
        return "an array of tables";
    if (node->made_by == MADE_INLINE)
        return "an inline table";
    return node->type == TOML_TABLE ? "a table" : "a value";
}

// -- Flat keys ----------------------------------------------------------------------------------

// From the leaf to the root, so the text is put together from its end.
struct str toml_path(struct arena *a, const struct toml *node)
{
    struct str path = S("");
    for (; node->parent != NULL; node = node->parent) {
        struct buf name;
        buf_init(&name, TOML_PATH_BYTES_MAX * 4);
        if (node->parent->type == TOML_ARRAY)
            buf_fmt(&name, "%zu", position_of(node));
        else
            toml_add_key(&name, node->key);
        if (path.len > 0)
            buf_add_byte(&name, '.');
        path = arena_join(a, buf_str(&name), path);
        buf_done(&name);
    }
    return path;
}

// An element that is still being read is not in its array yet.
static size_t position_of(const struct toml *node)
{
    size_t position = 0;
    for (const struct toml *e = node->parent->first; e != NULL && e != node; e = e->next)
        position++;
    return position;
}
