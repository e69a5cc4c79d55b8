// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_punycode.c: RFC 3492 7.1 and what is no punycode.
#include "check.h"

#include "base/punycode.h"

#define CODES_MAX 64

static const struct {
    const char *name, *text;
    uint32_t codes[CODES_MAX];
    size_t count;
} samples[] = {
        {"nothing", "", {0}, 0},
        {"ASCII alone", "-> $1.00 <--", {'-', '>', ' ', '$', '1', '.', '0', '0', ' ', '<', '-'},
                11},
        {"one letter", "tda", {0xFC}, 1},
        {"Arabic (Egyptian)", "egbpdaj6bu4bxfgehfvwxn",
                {0x0644, 0x064A, 0x0647, 0x0645, 0x0627, 0x0628, 0x062A, 0x0643, 0x0644, 0x0645,
                        0x0648, 0x0634, 0x0639, 0x0631, 0x0628, 0x064A, 0x061F},
                17},
        {"Chinese (simplified)", "ihqwcrb4cv8a8dqg056pqjye",
                {0x4ED6, 0x4EEC, 0x4E3A, 0x4EC0, 0x4E48, 0x4E0D, 0x8BF4, 0x4E2D, 0x6587}, 9},
        {"Japanese with digits", "3B-ww4c5e180e575a65lsy2b",
                {'3', 0x5E74, 'B', 0x7D44, 0x91D1, 0x516B, 0x5148, 0x751F}, 8},
        {"the last code point", "dn32g", {0x10FFFF}, 1},
};

static void there_and_back(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        struct buf text AUTO(buf_done);
        uint32_t codes[CODES_MAX];
        size_t count = 0;
        buf_init(&text, KIB);
        punycode_add(&text, samples[i].codes, samples[i].count);
        check_str(samples[i].name, buf_str(&text), str_from_c(samples[i].text));
        check_true(samples[i].name, punycode_read(buf_str(&text), codes, CODES_MAX, &count));
        check_u64(samples[i].name, count, samples[i].count);
        check_true(samples[i].name, memcmp(codes, samples[i].codes, count * sizeof(codes[0])) == 0);
        if (count > 0)
            check_true("and no more", !punycode_read(buf_str(&text), codes, count - 1, &count));
    }
}

static void refused(void **state UNUSED)
{
    static const char *const texts[] = {"a\303\274", "a-!", "tdb0", "9", "99", "999999999999999",
            "99999999999999999999999999999999999999999999999999", "dn32h", "a-b-\x7f"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        uint32_t codes[CODES_MAX];
        size_t count;
        check_true(texts[i], !punycode_read(str_from_c(texts[i]), codes, CODES_MAX, &count));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(there_and_back), TEST(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
