// SPDX-License-Identifier: Apache-2.0
// conf/types.c: numbers with units, rates, booleans and the words for "no value".
// configuration.md 4. Names and addresses are in names.c, time tables in cron.c, words in words.c.
#include "conf/types.h"

struct unit {
    struct str name;
    int64_t factor;
};

static bool unit_factor(const struct unit *units, size_t count, struct str name, int64_t *out);
static bool number_with_unit(struct str text, const struct unit *units, size_t count, int64_t *out);

#define RATE_COUNT_MAX 1000000
// 285,000 years: exact in every JSON reader (RFC 8259 6), and a sum with any moment does not
// overflow. configuration.md 15 wants "99999999999d" refused, which 63 bits would still hold.
#define DURATION_MS_MAX ((INT64_C(1) << 53) - 1)

// size = 1*DIGIT *BLANK [ unit ], ignoring case; powers of 1024
bool value_size(struct str text, int64_t *out)
{
    static const struct unit units[] = {
            {S_INIT(""), 1},
            {S_INIT("b"), 1},
            {S_INIT("k"), KIB},
            {S_INIT("kb"), KIB},
            {S_INIT("kib"), KIB},
            {S_INIT("m"), MIB},
            {S_INIT("mb"), MIB},
            {S_INIT("mib"), MIB},
            {S_INIT("g"), INT64_C(1) << 30},
            {S_INIT("gb"), INT64_C(1) << 30},
            {S_INIT("gib"), INT64_C(1) << 30},
            {S_INIT("t"), INT64_C(1) << 40},
            {S_INIT("tb"), INT64_C(1) << 40},
            {S_INIT("tib"), INT64_C(1) << 40},
    };
    return number_with_unit(text, units, COUNT_OF(units), out);
}

// duration = 1*DIGIT *BLANK [ "ms" / "s" / "m" / "h" / "d" / "w" ]
bool value_duration(struct str text, int64_t *out_ms)
{
    static const struct unit units[] = {
            {S_INIT(""), 1},
            {S_INIT("ms"), 1},
            {S_INIT("s"), SECOND_MS},
            {S_INIT("m"), MINUTE_MS},
            {S_INIT("h"), HOUR_MS},
            {S_INIT("d"), DAY_MS},
            {S_INIT("w"), INT64_C(7) * DAY_MS},
    };
    if (text.len > 0 && byte_is_upper((uint8_t)text.ptr[text.len - 1]))
        return false; // units of time are lower case: 5M could be months
    int64_t ms;
    if (!number_with_unit(text, units, COUNT_OF(units), &ms) || ms > DURATION_MS_MAX)
        return false;
    *out_ms = ms;
    return true;
}

// rate = 1*DIGIT *BLANK "/" *BLANK duration
bool value_rate(struct str text, struct rate *out)
{
    struct str count_text, period_text;
    uint64_t count;
    int64_t period_ms;
    if (!str_cut(text, '/', &count_text, &period_text))
        return false;
    if (!str_to_u64(str_trim_blanks(count_text), RATE_COUNT_MAX, &count) || count == 0)
        return false;
    if (!value_duration(str_trim_blanks(period_text), &period_ms) || period_ms == 0)
        return false;
    *out = (struct rate){
            .count = (uint32_t)count,
            .period_ms = period_ms < SECOND_MS ? SECOND_MS : period_ms,
    };
    return true;
}

bool value_boolean(struct str text, bool *out)
{
    bool is_true = str_eq(text, S("true"));
    if (!is_true && !str_eq(text, S("false")))
        return false;
    *out = is_true;
    return true;
}

bool value_mode(struct str text, uint32_t *out)
{
    uint32_t mode = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '7')
            return false;
        mode = mode * 8 + (uint32_t)(text.ptr[i] - '0');
    }
    if (text.len == 0 || text.len > 4 || mode > 0777)
        return false;
    *out = mode;
    return true;
}

bool value_is_none(struct str text)
{
    static const struct str words[] = {
            S_INIT(""),
            S_INIT("0"),
            S_INIT("false"),
            S_INIT("disable"),
            S_INIT("disabled"),
            S_INIT("never"),
            S_INIT("none"),
    };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq(text, words[i]))
            return true;
    return false;
}

bool value_rate_is_none(struct str text)
{
    return value_is_none(text) || str_eq(text, S("unlimited"));
}

struct str value_type_name(enum value_type type)
{
    static const struct str names[] = {
#define TYPE(name, word, code, expected) S_INIT(word),
#include "conf/types.def"
    };
    return names[type];
}

struct str value_type_code(enum value_type type)
{
    static const struct str codes[] = {
#define TYPE(name, word, code, expected) S_INIT(code),
#include "conf/types.def"
    };
    return codes[type];
}

struct str value_type_expected(enum value_type type)
{
    static const struct str texts[] = {
#define TYPE(name, word, code, expected) S_INIT(expected),
#include "conf/types.def"
    };
    return texts[type];
}

static bool number_with_unit(struct str text, const struct unit *units, size_t count, int64_t *out)
{
    struct scan in = scan_over(text);
    uint64_t number;
    int64_t factor;
    if (!scan_u64(&in, INT64_MAX, &number))
        return false;
    scan_blanks(&in);
    if (!unit_factor(units, count, scan_rest(&in), &factor))
        return false;
    return !__builtin_mul_overflow((int64_t)number, factor, out);
}

static bool unit_factor(const struct unit *units, size_t count, struct str name, int64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(units[i].name, name)) {
            *out = units[i].factor;
            return true;
        }
    }
    return false;
}
