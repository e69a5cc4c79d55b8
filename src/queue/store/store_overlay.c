// SPDX-License-Identifier: Apache-2.0
// queue/store/store_overlay.c: a treap for each database: a tree ordered by key, and a heap by a
// priority that is thrown like dice, which keeps it flat without any book-keeping (Seidel and
// Aragon, "Randomized search trees", 1996). Ids come in order, which is what plain trees are worst
// at.
#include "queue/store/store_overlay.h"

static uint32_t dice(struct overlay *o);
static struct overlay_node *node_make(struct overlay *o, const struct overlay_change *change);
static void node_add(struct overlay *o, enum store_db db, struct overlay_node *node);
static void node_cover(struct overlay_node *old, const struct overlay_node *fresh);
static void node_link(struct overlay *o, enum store_db db, struct overlay_node *parent,
        struct overlay_node *node);
static void node_unlink(struct overlay *o, enum store_db db, struct overlay_node *node);
static void rise(struct overlay *o, enum store_db db, struct overlay_node *node);
static struct overlay_node *outermost(struct overlay_node *node, bool right);

void overlay_init(struct overlay *o, struct arena *arena)
{
    *o = (struct overlay){.arena = arena, .chance = 0x9e3779b97f4a7c15};
    list_init(&o->blocks);
}

bool overlay_put(struct overlay *o, const struct overlay_change *change)
{
    struct overlay_node *node = node_make(o, change);
    if (node == NULL)
        return false;
    node_add(o, change->db, node);
    return true;
}

static struct overlay_node *node_make(struct overlay *o, const struct overlay_change *change)
{
    assert(change->key.len > 0 && change->key.len <= KEY_BYTES_MAX);
    struct overlay_node *node =
            arena_bytes(o->arena, sizeof(struct overlay_node) + change->key.len);
    if (node == NULL)
        return NULL;
    node->value = change->value;
    node->gone = change->gone;
    node->fresh = change->fresh;
    node->changed = change->changed;
    node->priority = dice(o);
    node->key_len = (uint8_t)change->key.len;
    memcpy(node->key, change->key.ptr, change->key.len);
    return node;
}

static uint32_t dice(struct overlay *o) // xorshift64*
{
    o->chance ^= o->chance >> 12;
    o->chance ^= o->chance << 25;
    o->chance ^= o->chance >> 27;
    return (uint32_t)(o->chance * 0x2545f4914f6cdd1d >> 32);
}

// The node takes its place, or what it says is taken over by the one that has it.
static void node_add(struct overlay *o, enum store_db db, struct overlay_node *node)
{
    struct overlay_node *parent = NULL, *at = o->root[db];
    while (at != NULL) {
        int order = str_compare(node_key(node), node_key(at));
        if (order == 0) {
            if (node->gone && at->fresh && !at->gone)
                node_unlink(o, db, at); // it came and went: nobody below needs to know
            else
                node_cover(at, node);
            return;
        }
        parent = at;
        at = order < 0 ? at->left : at->right;
    }
    node_link(o, db, parent, node);
}

static void node_cover(struct overlay_node *old, const struct overlay_node *fresh)
{
    old->fresh = old->fresh && !old->gone;
    old->changed = fresh->changed && !old->fresh;
    old->gone = fresh->gone;
    old->value = fresh->value;
}

static void node_link(
        struct overlay *o, enum store_db db, struct overlay_node *parent, struct overlay_node *node)
{
    node->left = node->right = NULL;
    node->parent = parent;
    if (parent == NULL)
        o->root[db] = node;
    else if (str_compare(node_key(node), node_key(parent)) < 0)
        parent->left = node;
    else
        parent->right = node;
    while (node->parent != NULL && node->parent->priority < node->priority)
        rise(o, db, node);
    o->nodes++;
}

static void node_unlink(struct overlay *o, enum store_db db, struct overlay_node *node)
{
    while (node->left != NULL || node->right != NULL) {
        struct overlay_node *heir = node->left;
        if (heir == NULL || (node->right != NULL && node->right->priority > heir->priority))
            heir = node->right;
        rise(o, db, heir);
    }
    if (node->parent == NULL)
        o->root[db] = NULL;
    else if (node->parent->left == node)
        node->parent->left = NULL;
    else
        node->parent->right = NULL;
    o->nodes--;
}

// The node and its parent change places; the order of keys stays.
static void rise(struct overlay *o, enum store_db db, struct overlay_node *node)
{
    struct overlay_node *parent = node->parent, *above = parent->parent;
    bool was_left = parent->left == node;
    struct overlay_node *handed = was_left ? node->right : node->left;
    if (was_left) {
        parent->left = handed;
        node->right = parent;
    } else {
        parent->right = handed;
        node->left = parent;
    }
    if (handed != NULL)
        handed->parent = parent;
    parent->parent = node;
    node->parent = above;
    if (above == NULL)
        o->root[db] = node;
    else if (above->left == parent)
        above->left = node;
    else
        above->right = node;
}

void overlay_merge(struct overlay *to, struct overlay *from)
{
    assert(to->arena == from->arena);
    for (size_t db = 0; db < DB_COUNT; db++) {
        for (struct overlay_node *node; (node = outermost(from->root[db], false)) != NULL;) {
            node_unlink(from, (enum store_db)db, node);
            node_add(to, (enum store_db)db, node);
        }
        to->more[db] += from->more[db];
        from->more[db] = 0;
    }
}

void overlay_forget(struct overlay *o)
{
    memset(o->root, 0, sizeof(o->root));
    memset(o->more, 0, sizeof(o->more));
    o->nodes = 0;
}

// --- Looking -------------------------------------------------------------------------------------

const struct overlay_node *overlay_find(const struct overlay *o, enum store_db db, struct str key)
{
    const struct overlay_node *at = o->root[db];
    while (at != NULL) {
        int order = str_compare(key, node_key(at));
        if (order == 0)
            return at;
        at = order < 0 ? at->left : at->right;
    }
    return NULL;
}

const struct overlay_node *overlay_seek(
        const struct overlay *o, enum store_db db, struct str key, bool downwards)
{
    const struct overlay_node *best = NULL, *at = o->root[db];
    if (str_is_null(key))
        return outermost(o->root[db], downwards);
    while (at != NULL) {
        int order = str_compare(key, node_key(at));
        if (order == 0)
            return at;
        if ((order < 0) != downwards)
            best = at;
        at = order < 0 ? at->left : at->right;
    }
    return best;
}

const struct overlay_node *overlay_after(const struct overlay_node *node, bool downwards)
{
    struct overlay_node *below = downwards ? node->left : node->right;
    if (below != NULL)
        return outermost(below, downwards);
    const struct overlay_node *above = node->parent;
    while (above != NULL && node == (downwards ? above->left : above->right)) {
        node = above;
        above = above->parent;
    }
    return above;
}

static struct overlay_node *outermost(struct overlay_node *node, bool right)
{
    while (node != NULL && (right ? node->right : node->left) != NULL)
        node = right ? node->right : node->left;
    return node;
}

void overlay_rebase(struct overlay *o, struct str from, const char *to)
{
    for (size_t db = 0; db < DB_COUNT; db++) {
        const struct overlay_node *at = outermost(o->root[db], false);
        for (; at != NULL; at = overlay_after(at, false)) {
            struct str *value = (struct str *)(uintptr_t)&at->value;
            if (value->ptr >= from.ptr && value->ptr < from.ptr + from.len)
                value->ptr = to + (value->ptr - from.ptr);
        }
    }
}
