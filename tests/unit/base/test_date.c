// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_date.c: the calendar and its texts.
#include "check.h"

#include "base/date.h"

static void every_day_has_its_date(void **unused UNUSED)
{
    // Counted forward day by day from 0000-01-01, a Saturday, over more than two eras of 400 years.
    struct civil want = {.month = 1, .day = 1, .weekday = 6};
    int64_t at_ms = civil_to_ms(&want);
    assert_true(at_ms == -62167219200000);
    for (int i = 0; i < 366 * 1000; i++, at_ms += DAY_MS) {
        struct civil got;
        civil_from_ms(at_ms + DAY_MS - 1, &got);
        assert_true(got.year == want.year && got.month == want.month && got.day == want.day);
        assert_true(got.weekday == want.weekday);
        assert_true(got.hour == 23 && got.minute == 59 && got.second == 59 && got.ms == 999);
        assert_true(civil_to_ms(&got) == at_ms + DAY_MS - 1);
        want.weekday = (uint8_t)((want.weekday + 1) % 7);
        if (want.day++ < civil_month_days(want.year, want.month))
            continue;
        want.day = 1;
        want.month = (uint8_t)(want.month % 12 + 1);
        want.year += want.month == 1;
    }
    assert_int_equal(want.year, 1002);
}

static void far_away(void **unused UNUSED)
{
    struct civil c;
    civil_from_ms(-1, &c);
    assert_true(c.year == 1969 && c.month == 12 && c.day == 31 && c.ms == 999 && c.weekday == 3);
    civil_from_ms(INT64_MAX, &c);
    assert_int_equal(c.year, 292278994);
    civil_from_ms(INT64_MIN, &c);
    assert_int_equal(c.year, -292275055);
    assert_int_equal(c.month, 5);
}

static void month_lengths(void **unused UNUSED)
{
    assert_int_equal(civil_month_days(1900, 2), 28);
    assert_int_equal(civil_month_days(2000, 2), 29);
    assert_int_equal(civil_month_days(2023, 2), 28);
    assert_int_equal(civil_month_days(2024, 2), 29);
    assert_int_equal(civil_month_days(2024, 12), 31);
    assert_int_equal(civil_month_days(2024, 4), 30);
}

static void reading_rfc3339(void **unused UNUSED)
{
    static const struct {
        struct str text;
        bool good;
        int64_t at_ms;
    } cases[] = {
            {S_INIT(""), false, 0},
            {S_INIT("1970-01-01T00:00:00Z"), true, 0},
            {S_INIT("1970-01-01t00:00:00z"), true, 0},
            {S_INIT("1970-01-01T00:00:00"), false, 0},
            {S_INIT("1970-01-01 00:00:00Z"), false, 0},
            {S_INIT("1970-01-01T00:00Z"), false, 0},
            {S_INIT("1970-1-01T00:00:00Z"), false, 0},
            {S_INIT("+970-01-01T00:00:00Z"), false, 0},
            {S_INIT("1970-01-01T00:00:00Z "), false, 0},
            {S_INIT("1970-01-01T00:00:00.Z"), false, 0},
            {S_INIT("1970-01-01T00:00:00,5Z"), false, 0},
            {S_INIT("1970-01-01T00:00:00.5Z"), true, 500},
            {S_INIT("1970-01-01T00:00:00.0019999999999999999999Z"), true, 1},
            {S_INIT("1970-01-01T24:00:00Z"), false, 0},
            {S_INIT("1970-01-01T23:60:00Z"), false, 0},
            {S_INIT("1970-01-00T00:00:00Z"), false, 0},
            {S_INIT("1970-13-01T00:00:00Z"), false, 0},
            {S_INIT("2023-02-29T00:00:00Z"), false, 0},
            {S_INIT("2024-02-29T00:00:00Z"), true, 1709164800000},
            {S_INIT("1970-01-01T01:30:00+01:30"), true, 0},
            {S_INIT("1969-12-31T19:00:00-05:00"), true, 0},
            {S_INIT("1970-01-01T00:00:00-00:00"), true, 0},
            {S_INIT("1970-01-01T00:00:00+24:00"), false, 0},
            {S_INIT("1970-01-01T00:00:00+0100"), false, 0},
            {S_INIT("1970-01-01T00:00:00+23:59"), true, -86340000},
            {S_INIT("0000-01-01T00:00:00Z"), true, -62167219200000},
            {S_INIT("9999-12-31T23:59:59.999Z"), true, 253402300799999},
            {S_INIT("1990-12-31T23:59:60Z"), true, 662688000000}, // RFC 3339 5.8
            {S_INIT("1990-12-31T15:59:60-08:00"), true, 662688000000},
            {S_INIT("1991-01-01T00:59:60+01:00"), true, 662688000000},
            {S_INIT("1990-12-31T15:59:60Z"), false, 0},
            {S_INIT("1990-12-31T23:59:61Z"), false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t at_ms = 0;
        check_true(cases[i].text.ptr, date_parse_rfc3339(cases[i].text, &at_ms) == cases[i].good);
        check_u64(cases[i].text.ptr, (uint64_t)at_ms, (uint64_t)cases[i].at_ms);
    }
}

static void writing(void **unused UNUSED)
{
    struct buf b;
    buf_init(&b, 200);
    date_add_rfc3339(&b, 1740823200123, DATE_MS);
    date_add_rfc3339(&b, 1740823200999, DATE_SECONDS);
    date_add_rfc3339(&b, -62167219200000, DATE_MS);
    check_str("rfc3339", buf_str(&b),
            S("2025-03-01T10:00:00.123Z2025-03-01T10:00:00Z0000-01-01T00:00:00.000Z"));
    buf_clear(&b);
    date_add_http(&b, 784111777000);
    check_str("RFC 9110 5.6.7", buf_str(&b), S("Sun, 06 Nov 1994 08:49:37 GMT"));
    buf_clear(&b);
    date_add_http(&b, 1735603200000);
    check_str("last day", buf_str(&b), S("Tue, 31 Dec 2024 00:00:00 GMT"));
    buf_clear(&b);
    date_add_rfc5322(&b, 1735603200000, 0);
    check_str("RFC 5322 3.3", buf_str(&b), S("Tue, 31 Dec 2024 00:00:00 +0000"));
    buf_clear(&b);
    date_add_rfc5322(&b, 1735603200000, -30);
    check_str("west, by half an hour", buf_str(&b), S("Mon, 30 Dec 2024 23:30:00 -0030"));
    buf_clear(&b);
    date_add_rfc5322(&b, 1735687800999, 14 * 60);
    check_str("far east", buf_str(&b), S("Wed, 01 Jan 2025 13:30:00 +1400"));
    buf_done(&b);
}

static void validity(void **unused UNUSED)
{
    const struct civil good = {.year = 2024, .month = 2, .day = 29, .second = 60, .ms = 999};
    assert_true(civil_is_valid(&good));
    struct civil bad[] = {good, good, good, good, good, good, good, good, good, good, good};
    bad[0].year = -1;
    bad[1].year = 10000;
    bad[2].month = 0;
    bad[3].month = 13;
    bad[4].day = 30;
    bad[5].hour = 24;
    bad[6].minute = 60;
    bad[7].second = 61;
    bad[8].ms = 1000;
    bad[9].offset_min = 1440;
    bad[10].offset_min = -1440;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(civil_is_valid(&bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(every_day_has_its_date),
            TEST(far_away),
            TEST(month_lengths),
            TEST(reading_rfc3339),
            TEST(writing),
            TEST(validity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
