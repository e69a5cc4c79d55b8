// SPDX-License-Identifier: Apache-2.0
// queue/store/store_view.c: LMDB and the overlays above it, read as one. Of a key the uppermost
// layer that knows it has the word. A step takes the smallest key of all layers (downwards: the
// largest), and moves those that stand on it.
#include "queue/store/store_lmdb.h"

#include "rt/lmdb_env.h"

// Entries, before their pages are given back. A fault maps up to 16 pages: at worst, when each
// entry lies elsewhere, these are 128 MiB.
#define TOUCHED_MOST 2048

static int below_step(struct view_cursor *c, MDB_cursor_op op);
static int below_seek(struct view_cursor *c, struct str key);
static int settle(struct view_cursor *c);
static bool comes_first(const struct view_cursor *c, struct str a, struct str b);
static void leave(struct view_cursor *c, struct str key);
static void touch(const struct view *view, const MDB_val *value);
static void give_pages_back(struct store *store);

struct err view_begin(struct store *store, struct arena *a, struct view *out)
{
    *out = (struct view){.store = store, .is_of_map = true};
    if (store->broken)
        return fail(store->broken_by, "the queue cannot be read until it could be written again");
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &out->txn);
    if (rc != 0)
        return store_trouble(a, rc, "reading the queue");
    if (store->journal != NULL)
        out->layers[out->layer_count++] = &store->committed->overlay;
    if (store->moving != NULL)
        out->layers[out->layer_count++] = &store->moving->overlay;
    return OK;
}

void view_add_pending(struct view *view)
{
    for (size_t i = view->layer_count; i > 0; i--)
        view->layers[i] = view->layers[i - 1];
    view->layers[0] = &view->store->pending;
    view->layer_count++;
}

struct view view_of(struct store *store, MDB_txn *txn)
{
    return (struct view){.store = store, .txn = txn, .layers = {&store->pending}, .layer_count = 1};
}

void view_end(struct view *view)
{
    if (view->txn != NULL)
        mdb_txn_abort(view->txn);
    view->txn = NULL;
    if (view->store->touched.entries >= TOUCHED_MOST)
        give_pages_back(view->store);
}

static void touch(const struct view *view, const MDB_val *value)
{
    struct store *store = view->store;
    const char *from = value->mv_data;
    if (!view->is_of_map)
        return;
    store->touched.entries++;
    if (store->touched.from == NULL || from < store->touched.from)
        store->touched.from = from;
    if (from + value->mv_size > store->touched.to)
        store->touched.to = from + value->mv_size;
}

// Every page of LMDB's map that somebody looked at counts as ours, and a long queue would fill the
// memory. They stay in the system's cache, and whoever reads next has them again.
static void give_pages_back(struct store *store)
{
    store->touched.entries = 0;
    lmdb_give_back(store->touched.from, store->touched.to);
}

MDB_val val_of(struct str s)
{
    return (MDB_val){.mv_size = s.len, .mv_data = (void *)(uintptr_t)s.ptr};
}

struct str val_str(const MDB_val *val)
{
    return str_of(val->mv_data, val->mv_size);
}

int view_get(const struct view *view, enum store_db db, struct str key, struct str *out)
{
    for (size_t i = 0; i < view->layer_count; i++) {
        const struct overlay_node *node = overlay_find(view->layers[i], db, key);
        if (node == NULL)
            continue;
        *out = node->value;
        return node->gone ? MDB_NOTFOUND : 0;
    }
    MDB_val at = val_of(key), value;
    int rc = mdb_get(view->txn, view->store->db[db], &at, &value);
    if (rc != 0)
        return rc;
    *out = val_str(&value);
    touch(view, &value);
    return rc;
}

int view_imported(const struct view *view, const struct store_origin *origin, uint64_t *out_id)
{
    struct str found;
    struct key key = key_imported(origin), own = key_message(origin->id);
    *out_id = origin->id;
    if (origin->store == view->store->identity &&
            view_get(view, DB_MESSAGE, key_str(&own), &found) == 0)
        return 0;
    int rc = view->store->has_imported ? view_get(view, DB_IMPORTED, key_str(&key), &found)
                                       : MDB_NOTFOUND;
    if (rc != 0)
        return rc;
    if (found.len != own.len)
        return MDB_CORRUPTED;
    *out_id = key_u64(found.ptr);
    return 0;
}

int view_open(const struct view *view, enum store_db db, struct view_cursor *out)
{
    *out = (struct view_cursor){.view = view, .db = db};
    return mdb_cursor_open(view->txn, view->store->db[db], &out->cursor);
}

void view_close(struct view_cursor *c)
{
    if (c->cursor != NULL)
        mdb_cursor_close(c->cursor);
    c->cursor = NULL;
}

int view_seek(struct view_cursor *c, struct str key, bool downwards)
{
    c->downwards = downwards;
    c->below = below_seek(c, key);
    for (size_t i = 0; i < c->view->layer_count; i++)
        c->nodes[i] = overlay_seek(c->view->layers[i], c->db, key, downwards);
    return settle(c);
}

static int below_seek(struct view_cursor *c, struct str key)
{
    if (str_is_null(key))
        return below_step(c, c->downwards ? MDB_LAST : MDB_FIRST);
    c->below_key = val_of(key);
    int rc = below_step(c, MDB_SET_RANGE);
    if (!c->downwards)
        return rc;
    if (rc == MDB_NOTFOUND)
        return below_step(c, MDB_LAST);
    if (rc == 0 && str_compare(val_str(&c->below_key), key) > 0)
        return below_step(c, MDB_PREV);
    return rc;
}

static int below_step(struct view_cursor *c, MDB_cursor_op op)
{
    int rc = mdb_cursor_get(c->cursor, &c->below_key, &c->below_value, op);
    if (rc == 0)
        touch(c->view, &c->below_key);
    return rc;
}

int view_next(struct view_cursor *c)
{
    leave(c, c->key);
    return settle(c);
}

// Stands on the first key of all that is not gone.
static int settle(struct view_cursor *c)
{
    for (;;) {
        struct str first = STR_NULL;
        const struct overlay_node *node = NULL;
        if (c->below != 0 && c->below != MDB_NOTFOUND)
            return c->below;
        for (size_t i = 0; i < c->view->layer_count; i++)
            if (c->nodes[i] != NULL &&
                    (node == NULL || comes_first(c, node_key(c->nodes[i]), first))) {
                node = c->nodes[i];
                first = node_key(node);
            }
        if (c->below == 0 && (node == NULL || comes_first(c, val_str(&c->below_key), first))) {
            c->key = val_str(&c->below_key);
            c->value = val_str(&c->below_value);
            return 0;
        }
        if (node == NULL)
            return MDB_NOTFOUND;
        c->key = first;
        c->value = node->value;
        if (!node->gone)
            return 0;
        leave(c, first);
    }
}

static bool comes_first(const struct view_cursor *c, struct str a, struct str b)
{
    int order = str_compare(a, b);
    return c->downwards ? order > 0 : order < 0;
}

static void leave(struct view_cursor *c, struct str key)
{
    for (size_t i = 0; i < c->view->layer_count; i++)
        if (c->nodes[i] != NULL && str_eq(node_key(c->nodes[i]), key))
            c->nodes[i] = overlay_after(c->nodes[i], c->downwards);
    if (c->below == 0 && str_eq(val_str(&c->below_key), key))
        c->below = below_step(c, c->downwards ? MDB_PREV : MDB_NEXT);
}

bool view_claim(const struct view *view, const uint8_t digest[BODY_DIGEST_BYTES], uint64_t *out)
{
    struct key from = key_link(digest, 0);
    struct str prefix = str_of((const char *)digest, BODY_DIGEST_BYTES);
    for (size_t i = 0; i < view->layer_count; i++) {
        const struct overlay_node *node =
                overlay_seek(view->layers[i], DB_LINK, key_str(&from), false);
        for (; node != NULL && str_starts(node_key(node), prefix);
                node = overlay_after(node, false))
            if (!node->gone && node->value.len == 8) {
                *out = key_u64(node->value.ptr);
                return true;
            }
    }
    return false;
}
