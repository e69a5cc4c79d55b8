// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_map.c: the hash map, against a table that is slow and plain.
#include "check.h"

#include "base/hash.h"
#include "base/map.h"

#define KEYS 400

// "0", "1", "2" ...
static struct str *make_names(struct arena *a, size_t count)
{
    struct str *names = arena_array(a, count, struct str);
    assert_non_null(names);
    for (size_t i = 0; i < count; i++)
        names[i] = arena_fmt(a, "%zu", i);
    return names;
}

static void empty(void **unused UNUSED)
{
    struct map m;
    struct str key;
    void *value;
    size_t at = 0;
    map_init(&m, 1, 2);
    assert_null(map_get(&m, S("a")));
    assert_false(map_has(&m, S("a")));
    assert_false(map_remove(&m, S("a")));
    assert_false(map_next(&m, &at, &key, &value));
    assert_int_equal(map_count(&m), 0);
    map_done(&m);
    map_done(&m);
}

static void odd_keys(void **unused UNUSED)
{
    struct map m;
    int a, b, c;
    map_init(&m, 0, 0);
    assert_true(map_put(&m, STR_NULL, &a));
    assert_true(map_get(&m, S("")) == &a);
    assert_true(map_put(&m, S(""), &b));
    assert_int_equal(map_count(&m), 1);
    assert_true(map_get(&m, STR_NULL) == &b);
    assert_true(map_put(&m, S("\0"), &c));
    assert_true(map_get(&m, S("")) == &b);
    assert_true(map_get(&m, S("\0")) == &c);
    assert_true(map_put(&m, S("x"), NULL));
    assert_null(map_get(&m, S("x")));
    assert_true(map_has(&m, S("x")));
    assert_false(map_has(&m, S("X")));
    assert_true(map_remove(&m, STR_NULL));
    assert_false(map_has(&m, S("")));
    assert_int_equal(map_count(&m), 2);
    map_done(&m);
}

static void order_of_insertion(void **unused UNUSED)
{
    static const char *letters[] = {"d", "a", "c", "b", "e"};
    struct map m;
    struct buf got;
    struct str key;
    void *value;
    buf_init(&got, 100);
    map_init(&m, 3, 4);
    for (size_t i = 0; i < COUNT_OF(letters); i++)
        assert_true(map_put(&m, str_from_c(letters[i]), &m));
    assert_true(map_put(&m, S("a"), &got)); // replaced where it stood
    assert_true(map_remove(&m, S("d")));
    assert_true(map_put(&m, S("d"), &m)); // came back as the newest
    for (size_t i = 0; map_next(&m, &i, &key, &value);)
        buf_add(&got, key);
    check_str("order", buf_str(&got), S("acbed"));
    for (size_t i = 0; map_next(&m, &i, &key, &value);)
        if (!str_eq(key, S("b")))
            assert_true(map_remove(&m, key)); // removing on the way
    assert_int_equal(map_count(&m), 1);
    assert_true(map_has(&m, S("b")));
    map_done(&m);
    buf_done(&got);
}

// Puts, removes and looks up at random; the plain table says what must come out.
static void against_a_plain_table(void **unused UNUSED)
{
    struct arena a;
    arena_init(&a, 64 * KIB);
    struct str *names = make_names(&a, KEYS);
    int **plain = arena_array(&a, KEYS, int *), *values = arena_array(&a, KEYS, int);
    assert_true(plain != NULL && values != NULL);
    size_t live = 0;
    struct map m;
    struct prng random;
    prng_seed(&random, 42);
    map_init(&m, 5, 6);
    for (int step = 0; step < 200000; step++) {
        size_t i = prng_below(&random, KEYS);
        struct str key = names[i];
        bool mostly_removing = step / 20000 % 2 == 1;
        if (prng_below(&random, 4) > (mostly_removing ? 2 : 0)) {
            live += plain[i] == NULL;
            plain[i] = &values[prng_below(&random, KEYS)];
            assert_true(map_put(&m, key, plain[i]));
        } else {
            assert_true(map_remove(&m, key) == (plain[i] != NULL));
            live -= plain[i] != NULL;
            plain[i] = NULL;
        }
        size_t k = prng_below(&random, KEYS);
        assert_true(map_get(&m, names[k]) == plain[k]);
        assert_int_equal(map_count(&m), live);
    }
    struct str key;
    void *value;
    size_t count = 0;
    for (size_t i = 0; map_next(&m, &i, &key, &value); count++) {
        uint64_t number;
        assert_true(str_to_u64(key, KEYS - 1, &number));
        assert_true(plain[number] == value);
    }
    assert_int_equal(count, live);
    map_done(&m);
    arena_done(&a);
}

// A queue: the oldest goes, a new one comes. Neither the array nor the search for the oldest may
// grow with the number of steps.
static void oldest_out_newest_in(void **unused UNUSED)
{
    struct arena a;
    struct map m;
    struct str key;
    void *value;
    arena_init(&a, 256 * KIB);
    map_init(&m, 7, 8);
    struct str *names = make_names(&a, 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_true(map_put(&m, names[i], &names[i]));
    size_t cap = m.entry_cap;
    for (size_t step = 0; step < 300000; step++) {
        size_t at = 0;
        assert_true(map_next(&m, &at, &key, &value));
        assert_true(value == &names[step % 1000]);
        assert_true(map_remove(&m, key));
        assert_true(map_put(&m, key, value));
    }
    assert_true(m.entry_cap <= 2 * cap);
    for (size_t i = 1; i < 1000; i++)
        assert_true(map_remove(&m, names[i]));
    for (size_t i = 0; i < 4000; i++) { // what was large once becomes small again
        assert_true(map_put(&m, S("x"), names));
        assert_true(map_remove(&m, S("x")));
    }
    assert_true(m.entry_cap <= 16);
    map_done(&m);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(empty),
            TEST(odd_keys),
            TEST(order_of_insertion),
            TEST(against_a_plain_table),
            TEST(oldest_out_newest_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
