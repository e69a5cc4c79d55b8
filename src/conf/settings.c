// SPDX-License-Identifier: Apache-2.0
// conf/settings.c: the table of settings, and the way from a key to its row.
#include "conf/settings.h"

static struct setting_node *node_child(struct setting_node *node, struct str name);
static struct setting_node *node_new_child(
        struct arena *a, struct setting_node *node, struct str name);
static bool tree_add(struct arena *a, struct setting_node *root, const struct setting *row);
static bool component_eq(struct str pattern, struct str component);
static bool byte_is_bare(uint8_t c);

#define NONE NULL
#define PLAIN .many = MANY_NOT
#define OPTIONS(...) __VA_ARGS__
#define SETTING(k, t, d, options, j, text)                                                         \
    {.key = k, .type = TYPE_##t, .preset = d, .json = j, .about = text, options},
#define OVERRIDABLE(k, t, d, options, server_json, listener_json, text)                            \
    SETTING("server." k, t, d, OPTIONS(options), server_json, text){                               \
            .key = "server.listener.<id>." k,                                                      \
            .type = TYPE_##t,                                                                      \
            .inherits = "server." k,                                                               \
            .json = listener_json,                                                                 \
            .about = text,                                                                         \
            options},
#define LATER(k, what) {.key = k, .kind = SETTING_LATER, .about = what},
#define FOREIGN(k) {.key = k, .kind = SETTING_FOREIGN, .about = "not of this server"},

const struct setting settings_table[] = {
#include "conf/settings.def"
};
const size_t settings_count = COUNT_OF(settings_table);

// The pattern's components become nodes; the last one carries the row. A table that stands for
// something later ("metrics.history") may lie beside or above rows that exist.
struct setting_node *settings_tree(struct arena *a)
{
    struct setting_node *root = arena_make(a, struct setting_node);
    for (size_t i = 0; root != NULL && i < settings_count; i++)
        if (!tree_add(a, root, &settings_table[i]))
            return NULL;
    return root;
}

const struct setting_node *setting_child(const struct setting_node *node, struct str component)
{
    const struct setting_node *any = NULL;
    for (const struct setting_node *n = node->first; n != NULL; n = n->next) {
        if (str_eq(n->name, S("<id>")))
            any = n;
        else if (component_eq(n->name, component))
            return n;
    }
    return any;
}

const struct setting_node *setting_members(
        const struct setting_node *root, const struct setting *tables)
{
    const struct setting_node *node = root;
    struct str rest = str_from_c(tables->key), part;
    while (str_split(&rest, '.', &part))
        node = setting_child(node, part);
    assert(node != NULL && node->first != NULL);
    return node->first; // "#"
}

const struct setting *setting_of_key(const struct setting_node *root, struct str key)
{
    struct scan in = scan_over(key);
    const struct setting_node *node = root;
    while (node != NULL && !scan_end(&in)) {
        struct str part = STR_NULL;
        if (scan_peek(&in) == '"') {
            size_t from = scan_offset(&in);
            scan_skip(&in, 1);
            while (!scan_end(&in) && scan_peek(&in) != '"')
                scan_skip(&in, scan_peek(&in) == '\\' && scan_peek_at(&in, 1) >= 0 ? 2 : 1);
            if (!scan_byte(&in, '"'))
                return NULL;
            part = scan_since(&in, from);
        } else if (!scan_until(&in, '.', &part)) {
            part = scan_rest(&in);
            scan_skip(&in, part.len);
        }
        node = setting_child(node, part);
        if (node != NULL && node->setting != NULL && node->setting->many == MANY_FLAT)
            return node->setting;
        if (!scan_end(&in) && !scan_byte(&in, '.'))
            return NULL;
    }
    return node != NULL ? node->setting : NULL;
}

void key_add(struct buf *out, struct str component)
{
    if (out->len > 0)
        buf_add_byte(out, '.');
    struct scan in = scan_over(component);
    struct str bare;
    if (scan_while(&in, byte_is_bare, &bare) && scan_end(&in)) {
        buf_add(out, component);
        return;
    }
    buf_add_byte(out, '"');
    for (size_t i = 0; i < component.len; i++) {
        if (component.ptr[i] == '"' || component.ptr[i] == '\\')
            buf_add_byte(out, '\\');
        buf_add_byte(out, component.ptr[i]);
    }
    buf_add_byte(out, '"');
}

static bool tree_add(struct arena *a, struct setting_node *root, const struct setting *row)
{
    struct str rest = str_from_c(row->key), part;
    struct setting_node *node = root;
    while (str_split(&rest, '.', &part)) {
        struct setting_node *child = node_child(node, part);
        node = child != NULL ? child : node_new_child(a, node, part);
        if (node == NULL)
            return false;
    }
    assert(node->setting == NULL);
    node->setting = row;
    return true;
}

static struct setting_node *node_child(struct setting_node *node, struct str name)
{
    for (struct setting_node *n = node->first; n != NULL; n = n->next)
        if (str_eq(n->name, name))
            return n;
    return NULL;
}

// Children stay in the order of the table: the reference and suggestions follow it.
static struct setting_node *node_new_child(
        struct arena *a, struct setting_node *node, struct str name)
{
    struct setting_node *child = arena_make(a, struct setting_node);
    if (child == NULL)
        return NULL;
    child->name = name;
    struct setting_node **end = &node->first;
    while (*end != NULL)
        end = &(*end)->next;
    *end = child;
    return child;
}

// configuration.md 3.3: `-` and `_` are one in names of the table.
static bool component_eq(struct str pattern, struct str component)
{
    if (pattern.len != component.len)
        return false;
    for (size_t i = 0; i < pattern.len; i++)
        if (pattern.ptr[i] != (component.ptr[i] == '_' ? '-' : component.ptr[i]))
            return false;
    return true;
}

static bool byte_is_bare(uint8_t c)
{
    return byte_is_alnum(c) || c == '-' || c == '_';
}
