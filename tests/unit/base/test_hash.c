// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_hash.c: hashes and the generator against published values.
#include "check.h"

#include "base/hash.h"

static void siphash(void **unused UNUSED)
{
    // The paper's appendix A: key 00 01 .. 0f, input 00 01 .. 0e; the others of its test vectors.
    static const struct {
        size_t len;
        uint64_t hash;
    } cases[] = {
            {0, 0x726fdb47dd0e0e31},
            {1, 0x74f839c593dc67fd},
            {7, 0xab0200f58b01d137},
            {8, 0x93f5f5799a932462},
            {15, 0xa129ca6149be45e5},
            {63, 0x958a324ceb064572},
    };
    char input[64];
    for (size_t i = 0; i < sizeof(input); i++)
        input[i] = (char)i;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_u64("siphash",
                hash_sip24(0x0706050403020100, 0x0f0e0d0c0b0a0908, str_of(input, cases[i].len)),
                cases[i].hash);
    assert_true(hash_sip24(1, 2, STR_NULL) == hash_sip24(1, 2, S("")));
    assert_true(hash_sip24(1, 2, S("a")) != hash_sip24(2, 1, S("a")));
}

static void crc32c(void **unused UNUSED)
{
    char rising[32], falling[32], ones[32];
    static const char zeros[32];
    for (size_t i = 0; i < 32; i++) {
        rising[i] = (char)i;
        falling[i] = (char)(31 - i);
        ones[i] = (char)0xff;
    }
    const struct {
        struct str input;
        uint32_t crc;
    } cases[] = {
            {S("123456789"), 0xe3069283},
            {str_of(zeros, 32), 0x8a9136aa}, // RFC 3720 B.4 from here on
            {str_of(ones, 32), 0x62a8ab43},
            {str_of(rising, 32), 0x46dd794e},
            {str_of(falling, 32), 0x113fdb5c},
            {STR_NULL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_u64("crc32c", hash_crc32c(0, cases[i].input), cases[i].crc);
        check_u64("portable", hash_crc32c_portable(0, cases[i].input), cases[i].crc);
    }
}

static void crc32c_continued(void **unused UNUSED)
{
    char bytes[300];
    struct prng random;
    prng_seed(&random, 1);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)prng_u64(&random);
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        struct str all = str_of(bytes, len);
        size_t cut = prng_below(&random, len + 1);
        uint32_t whole = hash_crc32c(0, all);
        assert_true(hash_crc32c_portable(0, all) == whole);
        assert_true(hash_crc32c(hash_crc32c(0, str_upto(all, cut)), str_from(all, cut)) == whole);
    }
}

static void generator(void **unused UNUSED)
{
    struct prng a, b;
    a = (struct prng){.s = {1, 2, 3, 4}}; // the reference implementation's first numbers for these
    assert_true(prng_u64(&a) == 11520);
    assert_true(prng_u64(&a) == 0);
    assert_true(prng_u64(&a) == 1509978240);
    assert_true(prng_u64(&a) == 1215971899390074240);
    prng_seed(&a, 0); // splitmix64 from 0
    assert_true(a.s[0] == 0xe220a8397b1dcdaf);
    assert_true(a.s[1] == 0x6e789e6aa1b965f4);
    prng_seed(&a, 7);
    prng_seed(&b, 7);
    for (int i = 0; i < 100; i++)
        assert_true(prng_u64(&a) == prng_u64(&b));
}

static void generator_below(void **unused UNUSED)
{
    struct prng p;
    size_t counts[7] = {0};
    prng_seed(&p, 3);
    for (int i = 0; i < 70000; i++) {
        uint64_t drawn = prng_below(&p, 7);
        assert_true(drawn < 7);
        counts[drawn]++;
    }
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        assert_in_range(counts[i], 9500, 10500);
    for (int i = 0; i < 100; i++) {
        assert_true(prng_below(&p, 1) == 0);
        assert_true(prng_below(&p, UINT64_MAX) < UINT64_MAX);
        assert_true(prng_below(&p, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(siphash),
            TEST(crc32c),
            TEST(crc32c_continued),
            TEST(generator),
            TEST(generator_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
