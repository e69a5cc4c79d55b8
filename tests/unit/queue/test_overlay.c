// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_overlay.c: ordered maps against a plain array that does the same, with
// thousands of random puts, deletes and merges; and what an overlay forgets.
#include "../base/check.h"

#include "base/hash.h"
#include "queue/store/store_overlay.h"

#define KEYS 200

struct model {
    bool known[KEYS], gone[KEYS], fresh[KEYS];
    char value[KEYS];
};

static void model_apply(struct model *m, size_t i, bool gone, bool fresh, char value)
{
    if (gone && m->known[i] && m->fresh[i] && !m->gone[i]) {
        m->known[i] = false;
        return;
    }
    m->fresh[i] = m->known[i] ? m->fresh[i] && !m->gone[i] : fresh;
    m->known[i] = true;
    m->gone[i] = gone;
    m->value[i] = value;
}

static void model_merge(struct model *to, struct model *from)
{
    for (size_t i = 0; i < KEYS; i++)
        if (from->known[i])
            model_apply(to, i, from->gone[i], from->fresh[i], from->value[i]);
    *from = (struct model){0};
}

static void check_same(const struct overlay *o, const struct model *m)
{
    size_t known = 0;
    const struct overlay_node *up = overlay_seek(o, DB_UNIT, STR_NULL, false);
    for (size_t i = 0; i < KEYS; i++) {
        struct key key = key_message(i);
        const struct overlay_node *node = overlay_find(o, DB_UNIT, key_str(&key));
        check_u64("known", node != NULL, m->known[i]);
        if (node == NULL)
            continue;
        known++;
        assert_ptr_equal(up, node);
        assert_ptr_equal(overlay_seek(o, DB_UNIT, key_str(&key), true), node);
        up = overlay_after(up, false);
        check_u64("gone", node->gone, m->gone[i]);
        check_u64("fresh", node->fresh, m->fresh[i]);
        check_u64("value", (uint8_t)node->value.ptr[0], (uint8_t)m->value[i]);
    }
    check_u64("all are counted", o->nodes, known);
    assert_null(up);
    size_t down = 0;
    for (const struct overlay_node *at = overlay_seek(o, DB_UNIT, STR_NULL, true); at != NULL;
            at = overlay_after(at, true))
        down++;
    check_u64("downwards", down, known);
}

static void check_gaps(const struct overlay *o, const struct model *m)
{
    for (size_t i = 0; i < KEYS; i++) {
        struct key key = key_message(i);
        size_t above = i, below = i + 1;
        while (above < KEYS && !m->known[above])
            above++;
        while (below > 0 && !m->known[below - 1])
            below--;
        const struct overlay_node *up = overlay_seek(o, DB_UNIT, key_str(&key), false);
        const struct overlay_node *down = overlay_seek(o, DB_UNIT, key_str(&key), true);
        check_u64("at or behind", up != NULL ? key_u64(up->key) : KEYS, above);
        check_u64("at or before", down != NULL ? key_u64(down->key) + 1 : 0, below);
    }
}

static void like_an_array(void **state)
{
    (void)state;
    static const char values[] = "abcdefghijklmnopqrstuvwxyz";
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct arena a;
        struct overlay upper, lower;
        struct prng prng;
        prng_seed(&prng, seed);
        arena_init(&a, 64 * MIB);
        struct model *above = arena_make(&a, struct model), *below = arena_make(&a, struct model);
        overlay_init(&upper, &a);
        overlay_init(&lower, &a);
        for (size_t step = 0; step < 2000; step++) {
            size_t i = prng_below(&prng, seed % 2 == 0 ? KEYS : 20);
            struct key key = key_message(i);
            bool lower_has = below->known[i] && !below->gone[i];
            struct overlay_change change = {.db = DB_UNIT,
                    .key = key_str(&key),
                    .value = str_of(&values[prng_below(&prng, 26)], 1),
                    .gone = prng_below(&prng, 3) == 0,
                    .fresh = !below->known[i] && !lower_has};
            assert_true(overlay_put(&upper, &change));
            model_apply(above, i, change.gone, change.fresh, change.value.ptr[0]);
            if (prng_below(&prng, 30) != 0)
                continue;
            check_same(&upper, above);
            overlay_merge(&lower, &upper);
            model_merge(below, above);
            check_same(&lower, below);
            check_gaps(&lower, below);
        }
        arena_done(&a);
    }
}

static void came_and_went(void **state)
{
    (void)state;
    struct arena a;
    struct overlay o;
    struct key key = key_message(7);
    arena_init(&a, MIB);
    overlay_init(&o, &a);
    struct overlay_change change = {
            .db = DB_MESSAGE, .key = key_str(&key), .value = S("x"), .fresh = true};
    assert_true(overlay_put(&o, &change));
    change.gone = true;
    assert_true(overlay_put(&o, &change));
    check_u64("no trace is left of what was never below", o.nodes, 0);
    change.fresh = false;
    assert_true(overlay_put(&o, &change));
    check_u64("what may be below is remembered as gone", o.nodes, 1);
    overlay_forget(&o);
    assert_null(overlay_seek(&o, DB_MESSAGE, STR_NULL, false));
    arena_done(&a);
}

static void values_move(void **state)
{
    (void)state;
    struct arena a;
    struct overlay o;
    static const char from[] = "0123456789", to[] = "0123456789";
    arena_init(&a, MIB);
    overlay_init(&o, &a);
    for (uint64_t i = 0; i < 10; i++) {
        struct key key = key_message(i);
        struct overlay_change change = {.db = DB_DUE,
                .key = key_str(&key),
                .value = i == 9 ? S("elsewhere") : str_of(from + i, 1)};
        assert_true(overlay_put(&o, &change));
    }
    overlay_rebase(&o, str_of(from, 10), to);
    for (uint64_t i = 0; i < 9; i++) {
        struct key key = key_message(i);
        assert_ptr_equal(overlay_find(&o, DB_DUE, key_str(&key))->value.ptr, to + i);
    }
    struct key last = key_message(9);
    check_str("stays", overlay_find(&o, DB_DUE, key_str(&last))->value, S("elsewhere"));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(like_an_array),
            TEST(came_and_went),
            TEST(values_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
