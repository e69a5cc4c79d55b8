// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_arena.c: arenas up to their limits, growing arrays.
#include "check.h"

#define HEAD_BYTES 16 // what a chunk needs for itself

static void limit_is_met_and_not_passed(void **unused UNUSED)
{
    struct arena a;
    arena_init(&a, HEAD_BYTES + 64);
    assert_null(arena_bytes(&a, 65));
    assert_int_equal(a.used_bytes, 0);
    assert_non_null(arena_bytes(&a, 64));
    assert_int_equal(a.used_bytes, HEAD_BYTES + 64);
    assert_null(arena_bytes(&a, 1));
    assert_non_null(arena_bytes(&a, 0));
    arena_reset(&a);
    assert_int_equal(a.used_bytes, 0);
    assert_non_null(arena_bytes(&a, 64));
    arena_done(&a);
    arena_init(&a, 0);
    assert_null(arena_bytes(&a, 1));
    arena_done(&a);
}

static void sizes_that_overflow(void **unused UNUSED)
{
    struct arena a;
    arena_init(&a, SIZE_MAX);
    assert_null(arena_bytes(&a, SIZE_MAX));
    assert_null(arena_bytes(&a, SIZE_MAX / 2 + 1));
    assert_null(arena_array_bytes(&a, SIZE_MAX / 2, 4));
    assert_null(arena_array(&a, SIZE_MAX / 8 + 1, uint64_t));
    assert_int_equal(a.used_bytes, 0);
    arena_done(&a);
}

static void nothing_is_not_null(void **unused UNUSED)
{
    struct arena a;
    arena_init(&a, 1000);
    assert_non_null(arena_bytes(&a, 0)); // of an arena without a chunk
    assert_non_null(arena_array(&a, 0, uint64_t));
    arena_done(&a);
}

static void many_small_ones(void **unused UNUSED)
{
    struct arena a;
    arena_init(&a, 1 * MIB);
    size_t made = 0;
    for (uint64_t *at; (at = arena_make(&a, uint64_t)) != NULL; made++) {
        assert_int_equal((uintptr_t)at % 16, 0);
        assert_true(*at == 0);
        *at = UINT64_MAX;
    }
    assert_true(a.used_bytes <= 1 * MIB);
    assert_true(made * 16 > 1 * MIB - 64 * KIB); // the heads and the ends of chunks are small
    arena_done(&a);
}

// The allocator hands out again what it got back, and what stood there stands there still.
static void used_memory_comes_back_zeroed(void **unused UNUSED)
{
    struct arena a;
    arena_init(&a, 1 * MIB);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 1000; i++) {
            size_t bytes = i % 97;
            uint8_t *at = arena_bytes(&a, bytes);
            assert_non_null(at);
            for (size_t k = 0; k < bytes; k++)
                assert_int_equal(at[k], 0);
            memset(at, 0xff, bytes);
            check_str("a text between", arena_fmt(&a, "%zu", i % 10),
                    str_of(&"0123456789"[i % 10], 1));
        }
        uint8_t *large = arena_bytes(&a, 200 * KIB);
        for (size_t k = 0; k < 200 * KIB; k++)
            assert_int_equal(large[k], 0);
        memset(large, 0xff, 200 * KIB);
        arena_reset(&a);
    }
    arena_done(&a);
}

static void texts(void **unused UNUSED)
{
    struct arena a;
    arena_init(&a, 4 * KIB);
    struct str copy = arena_str(&a, S("a\0b"));
    check_str("copy", copy, S("a\0b"));
    assert_int_equal(copy.ptr[copy.len], '\0');
    assert_false(str_is_null(arena_str(&a, STR_NULL)));
    check_str("lower", arena_str_lower(&a, S("AbZ\xc3\x84[")), S("abz\xc3\x84["));
    check_str("join", arena_join(&a, S("ab"), S("c")), S("abc"));
    check_str("join of none", arena_join_all(&a, NULL, 0), S(""));
    const struct str parts[] = {S("a"), STR_NULL, S("bc"), S("")};
    struct str joined = arena_join_all(&a, parts, COUNT_OF(parts));
    check_str("join of some", joined, S("abc"));
    assert_int_equal(joined.ptr[joined.len], '\0');
    check_str("join null", arena_join(&a, STR_NULL, S("c")), S("c"));
    check_str("fmt", arena_fmt(&a, "%d-%.*s", 7, ARG(S("xyz"))), S("7-xyz"));
    assert_string_equal(arena_c_str(&a, S("path")), "path");
    arena_reset(&a);
    char *large = mem_bytes(5 * KIB);
    memset(large, 'x', 5 * KIB);
    struct str too_much = str_of(large, 5 * KIB);
    assert_true(str_is_null(arena_str(&a, too_much)));
    assert_true(str_is_null(arena_str_lower(&a, too_much)));
    assert_true(str_is_null(arena_join(&a, S("a"), too_much)));
    assert_true(str_is_null(arena_fmt(&a, "%.*s", ARG(too_much))));
    assert_null(arena_c_str(&a, too_much));
    assert_non_null(arena_bytes(&a, 16));
    mem_free(large);
    arena_done(&a);
}

static void arrays_grow(void **unused UNUSED)
{
    struct arena a;
    VEC(uint32_t) numbers = {0};
    uint32_t next = 0;
    arena_init(&a, 1 * MIB);
    for (uint32_t i = 0; i < 10000; i++) {
        uint32_t *at = vec_add(&a, &numbers);
        assert_non_null(at);
        assert_int_equal(*at, 0);
        *at = i;
    }
    assert_int_equal(numbers.count, 10000);
    each_in_vec (at, &numbers)
        assert_int_equal(*at, next++);
    assert_int_equal(next, 10000);
    arena_done(&a);
}

static void arrays_meet_the_limit(void **unused UNUSED)
{
    struct arena a;
    VEC(uint64_t) numbers = {0};
    arena_init(&a, HEAD_BYTES + 8 * sizeof(uint64_t));
    for (size_t i = 0; i < 8; i++)
        assert_non_null(vec_add(&a, &numbers));
    assert_null(vec_add(&a, &numbers));
    assert_int_equal(numbers.count, 8);
    assert_int_equal(numbers.cap, 8);
    arena_done(&a);
    size_t none = 0;
    VEC(uint64_t) empty = {0};
    each_in_vec (at, &empty)
        none += *at + 1;
    assert_int_equal(none, 0);
}

static void long_lived(void **unused UNUSED)
{
    uint64_t *one = mem_new(uint64_t);
    assert_non_null(one);
    assert_true(*one == 0);
    *one = 7;
    one = mem_resize(one, 64);
    assert_true(*one == 7);
    mem_free(one);
    mem_free(NULL);
    void *nothing = mem_bytes(0);
    assert_non_null(nothing);
    mem_free(nothing);
}

static void secrets(void **unused UNUSED)
{
    char secret[8] = "hunter2";
    mem_wipe(secret, sizeof(secret));
    mem_wipe(NULL, 0);
    for (size_t i = 0; i < sizeof(secret); i++)
        assert_int_equal(secret[i], 0);
    struct arena a;
    arena_init(&a, 16 * KIB);
    for (int i = 0; i < 10; i++)
        assert_non_null(arena_bytes(&a, 1000)); // several chunks
    arena_wipe(&a);
    assert_int_equal(a.used_bytes, 0);
    arena_wipe(&a);
    assert_non_null(arena_bytes(&a, 8000));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(limit_is_met_and_not_passed),
            TEST(sizes_that_overflow),
            TEST(nothing_is_not_null),
            TEST(many_small_ones),
            TEST(used_memory_comes_back_zeroed),
            TEST(texts),
            TEST(arrays_grow),
            TEST(arrays_meet_the_limit),
            TEST(long_lived),
            TEST(secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
