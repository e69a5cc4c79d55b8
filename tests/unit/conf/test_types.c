// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_types.c: what texts are as sizes, durations, rates, booleans, words, names
// and time tables (configuration.md 4, 4.1, 4.2 and 15).
#include "../base/check.h"

#include "base/date.h"
#include "conf/types.h"

static void same(const char *name, int64_t got, int64_t want)
{
    if (got != want)
        check_failed("%s: got %lld, want %lld", name, (long long)got, (long long)want);
}

// -- Numbers with units -------------------------------------------------------------------------

#define NOT INT64_MIN // this text is refused

static const struct {
    const char *name, *text;
    int64_t size, duration;
} numbers[] = {
        {"empty", "", NOT, NOT},
        {"blank", " ", NOT, NOT},
        {"zero", "0", 0, 0},
        {"sign", "-5s", NOT, NOT},
        {"plus", "+5", NOT, NOT},
        {"two units", "1h30m", NOT, NOT},
        {"words", "5 minutes", NOT, NOT},
        {"fraction", "0.5h", NOT, NOT},
        {"hex", "0x10", NOT, NOT},
        {"unit only", "k", NOT, NOT},
        {"largest size", "9223372036854775807", INT64_MAX, NOT},
        {"longest duration", "9007199254740991", 9007199254740991, 9007199254740991},
        {"a millisecond more", "9007199254740992", 9007199254740992, NOT},
        {"one beyond", "9223372036854775808", NOT, NOT},
        {"product beyond", "99999999999d", NOT, NOT},
        {"terabytes beyond", "9999999999t", NOT, NOT},
        {"plain", "250", 250, 250},
        {"bytes", "7b", 7, NOT},
        {"ms", "7ms", NOT, 7},
        {"seconds", "30s", NOT, 30000},
        {"blank before the unit", "5  m", INT64_C(5) << 20, 300000},
        {"tab before the unit", "5\tm", INT64_C(5) << 20, 300000},
        {"capital unit", "5M", INT64_C(5) << 20, NOT},
        {"hours", "2h", NOT, 7200000},
        {"days", "5d", NOT, 432000000},
        {"weeks", "1w", NOT, 604800000},
        {"kib", "16 KiB", 16384, NOT},
        {"kb is a power of two", "1kb", 1024, NOT},
        {"gib", "1GiB", INT64_C(1) << 30, NOT},
        {"tb", "2Tb", INT64_C(2) << 40, NOT},
        {"trailing", "5m ", NOT, NOT},
        {"years", "1y", NOT, NOT},
};

static void sizes_and_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct str text = str_from_c(numbers[i].text);
        int64_t got = NOT;
        bool good = value_size(text, &got);
        same(numbers[i].name, good ? got : NOT, numbers[i].size);
        got = NOT;
        good = value_duration(text, &got);
        same(numbers[i].name, good ? got : NOT, numbers[i].duration);
    }
}

static const struct {
    const char *name, *text;
    uint32_t count; // 0: refused
    int64_t period_ms;
} rates[] = {
        {"no events", "0/1h", 0, 0},
        {"no period", "5/0s", 0, 0},
        {"no slash", "5", 0, 0},
        {"two slashes", "5/1h/2", 0, 0},
        {"empty count", "/1h", 0, 0},
        {"empty period", "5/", 0, 0},
        {"negative", "-5/1h", 0, 0},
        {"too many", "1000001/1h", 0, 0},
        {"most", "1000000/1h", 1000000, HOUR_MS},
        {"blanks", " 5 / 1 h ", 5, HOUR_MS},
        {"no unit is ms", "5/2500", 5, 2500},
        {"raised to a second", "5/10ms", 5, SECOND_MS},
        {"a day", "100/1d", 100, DAY_MS},
};

static void rates_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        struct rate got = {0};
        bool good = value_rate(str_from_c(rates[i].text), &got);
        same(rates[i].name, good, rates[i].count > 0);
        same(rates[i].name, got.count, rates[i].count);
        same(rates[i].name, got.period_ms, rates[i].period_ms);
    }
}

static void booleans_and_none(void **state)
{
    (void)state;
    static const char *const no_booleans[] = {"", "yes", "no", "1", "0", "on", "True", "TRUE"};
    static const char *const nones[] = {"", "0", "false", "disable", "disabled", "never", "none"};
    static const char *const values[] = {"00", "False", "unlimited", "true", "off", "null"};
    bool value = false;
    for (size_t i = 0; i < COUNT_OF(no_booleans); i++)
        assert_false(value_boolean(str_from_c(no_booleans[i]), &value));
    assert_true(value_boolean(S("true"), &value) && value);
    assert_true(value_boolean(S("false"), &value) && !value);
    for (size_t i = 0; i < COUNT_OF(nones); i++)
        assert_true(value_is_none(str_from_c(nones[i])));
    for (size_t i = 0; i < COUNT_OF(values); i++)
        assert_false(value_is_none(str_from_c(values[i])));
    assert_true(value_rate_is_none(S("unlimited")));
}

// -- Words --------------------------------------------------------------------------------------

static void words(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64 * KIB);
    struct str list = S("log console stdout=console journal !syslog");
    static const struct {
        const char *text;
        enum word_case fold;
        enum word_found found;
        int place;
        const char *word;
    } cases[] = {
            {"", WORD_EXACT, WORD_UNKNOWN, -1, ""},
            {"log", WORD_EXACT, WORD_FOUND, 0, "log"},
            {"LOG", WORD_EXACT, WORD_UNKNOWN, -1, ""},
            {"LOG", WORD_NOCASE, WORD_FOUND, 0, "log"},
            {"stdout", WORD_EXACT, WORD_FOUND, 1, "console"},
            {"journal", WORD_EXACT, WORD_FOUND, 2, "journal"},
            {"syslog", WORD_EXACT, WORD_NOT_BUILT, -1, ""},
            {"!syslog", WORD_EXACT, WORD_UNKNOWN, -1, ""},
            {"stdout=console", WORD_EXACT, WORD_UNKNOWN, -1, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int place = -1;
        struct str word = S("");
        enum word_found found =
                value_word(list, str_from_c(cases[i].text), cases[i].fold, &place, &word);
        same(cases[i].text, found, cases[i].found);
        same(cases[i].text, place, cases[i].place);
        check_str(cases[i].text, word, str_from_c(cases[i].word));
    }
    check_str("list", value_word_list(&a, list), S("log, console or journal"));
    check_str("one", value_word_list(&a, S("only")), S("only"));
    check_str("near", value_word_nearest(list, S("jounral")), S("journal"));
    check_str("alias is near", value_word_nearest(list, S("stdou")), S("console"));
    check_str("letter case", value_word_nearest(list, S("JOURNAL")), S("journal"));
    assert_true(str_is_null(value_word_nearest(list, S("syslo"))));
    assert_true(str_is_null(value_word_nearest(list, S("whatever"))));
    arena_done(&a);
}

// -- Names --------------------------------------------------------------------------------------

#define L63 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc"

static const struct {
    const char *name, *text, *host; // NULL: refused
} hosts[] = {
        {"empty", "", NULL},
        {"the root", ".", NULL},
        {"empty label", "a..b", NULL},
        {"leading dot", ".a", NULL},
        {"blank", "a b", NULL},
        {"hyphen first", "-a.example", NULL},
        {"hyphen last", "a-.example", NULL},
        {"IPv4", "192.0.2.1", NULL},
        {"IPv6", "2001:db8::1", NULL},
        {"port", "mx.example:25", NULL},
        {"wildcard", "*.example", NULL},
        {"label of 64", "x" L63 ".example", NULL},
        {"label of 63", L63 ".example", L63 ".example"},
        {"254 bytes",
                L63 "." L63 "." L63 "."
                    "x" L63,
                NULL},
        {"trailing dot", "mx.example.org.", "mx.example.org"},
        {"capitals", "MX.Example.ORG", "mx.example.org"},
        {"single label", "localhost", "localhost"},
        {"underscore", "_dmarc.example", "_dmarc.example"},
        {"U-label",
                "b\xc3\xbc"
                "cher.example",
                "xn--bcher-kva.example"},
        {"capital U-label",
                "B\xc3\x9c"
                "CHER.example",
                "xn--bcher-kva.example"},
        {"sharp s stays",
                "stra\xc3\x9f"
                "e.example",
                "xn--strae-oqa.example"},
        {"broken UTF-8", "b\xc3.example", NULL},
};

static void host_names(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64 * KIB);
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct str got = STR_NULL, why = STR_NULL;
        bool good = value_host(&a, str_from_c(hosts[i].text), &got, &why);
        same(hosts[i].name, good, hosts[i].host != NULL);
        if (good)
            check_str(hosts[i].name, got, str_from_c(hosts[i].host));
        else
            assert_true(why.len > 0);
    }
    arena_done(&a);
}

static void other_names(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64 * KIB);
    struct str got, why;
    assert_true(value_host_pattern(&a, S("*.Example.org"), &got, &why));
    check_str("wildcard", got, S("*.example.org"));
    assert_true(value_host_pattern(&a, S("2001:DB8::0"), &got, &why));
    check_str("address", got, S("2001:db8::"));
    assert_false(value_host_pattern(&a, S("a.*.example.org"), &got, &why));
    assert_false(value_host_pattern(&a, S("*."), &got, &why));
    assert_true(value_email(&a, S("Ann.Smith@Example.ORG"), &got));
    check_str("domain only is lowered", got, S("Ann.Smith@example.org"));
    assert_false(value_email(&a, S("ann"), &got));
    assert_false(value_email(&a, S("@example.org"), &got));
    assert_false(value_email(&a, S("a..b@example.org"), &got));
    assert_false(value_email(&a, S("ann@"), &got));
    assert_true(value_uri(S("https://example.org/x?y#z"), S("http https")));
    assert_true(value_uri(S("mailto:a@example.org"), S("")));
    assert_false(value_uri(S("ftp://example.org/"), S("http https")));
    assert_false(value_uri(S("https:///path"), S("")));
    assert_false(value_uri(S("https://"), S("")));
    assert_false(value_uri(S("//example.org"), S("")));
    assert_false(value_uri(S("https://exa mple.org"), S("")));
    arena_done(&a);
}

// -- Time tables --------------------------------------------------------------------------------

static const struct {
    const char *name, *text;
    bool good;
} tables[] = {
        {"empty", "", false},
        {"two fields", "0 3", false},
        {"four fields", "0 3 * *", false},
        {"minute 60", "60 3 *", false},
        {"hour 24", "0 24 *", false},
        {"weekday 8", "0 3 8", false},
        {"negative", "-1 3 *", false},
        {"a word", "0 3 mon", false},
        {"empty item", "0,,5 3 *", false},
        {"range the wrong way", "20-10 3 *", false},
        {"step 0", "*/0 3 *", false},
        {"step of one number", "5/2 3 *", false},
        {"daily", "0 3 *", true},
        {"many blanks", "  45   5  2 ", true},
        {"lists, ranges, steps", "0,30,40-45,50-59/3 */2 1-5", true},
        {"Sunday as 0", "0 3 0", true},
        {"Sunday as 7", "0 3 7", true},
};

static void cron_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        struct cron cron;
        struct str why = STR_NULL;
        same(tables[i].name, cron_parse(str_from_c(tables[i].text), &cron, &why), tables[i].good);
        same(tables[i].name, why.len > 0, !tables[i].good);
    }
}

// Zones as pairs of moment and offset; the last one that has begun holds.
struct zone {
    int64_t begin_s;
    int32_t offset_s;
};
static int32_t zone_offset(const void *zone, int64_t utc_s)
{
    const struct zone *z = zone;
    int32_t offset = z->offset_s;
    for (z++; z->begin_s != 0; z++)
        if (utc_s >= z->begin_s)
            offset = z->offset_s;
    return offset;
}
static const struct zone utc[] = {{0, 0}, {0, 0}};
// Central Europe 2026: forward at 2026-03-29 01:00 UTC, back at 2026-10-25 01:00 UTC.
static const struct zone berlin[] = {{0, 3600}, {1774746000, 7200}, {1792890000, 3600}, {0, 0}};
// Lord Howe Island: half an hour, back at 2026-04-04 15:00 UTC.
static const struct zone lord_howe[] = {{0, 39600}, {1775314800, 37800}, {0, 0}};
// Samoa skipped the whole of 2011-12-30: from UTC-10 to UTC+14 at 2011-12-30 10:00 UTC.
static const struct zone apia[] = {{0, -36000}, {1325239200, 50400}, {0, 0}};

static const struct {
    const char *name, *table;
    const struct zone *zone;
    const char *now, *next;
} dues[] = {
        {"later today", "0 3 *", utc, "2026-01-15T02:59:59Z", "2026-01-15T03:00:00Z"},
        {"at the very minute: the next day", "0 3 *", utc, "2026-01-15T03:00:00Z",
                "2026-01-16T03:00:00Z"},
        {"within the minute", "0 3 *", utc, "2026-01-15T03:00:30Z", "2026-01-16T03:00:00Z"},
        {"right weekday, too late", "45 5 2", utc, "2026-01-13T06:00:00Z", "2026-01-20T05:45:00Z"},
        {"right weekday, before the minute", "45 5 2", utc, "2026-01-13T05:44:00Z",
                "2026-01-13T05:45:00Z"},
        {"hourly", "15 * *", utc, "2026-01-13T05:15:00Z", "2026-01-13T06:15:00Z"},
        {"end of the year", "0 0 *", utc, "2026-12-31T23:59:00Z", "2027-01-01T00:00:00Z"},
        {"Sunday as 7", "0 12 7", utc, "2026-01-17T12:00:00Z", "2026-01-18T12:00:00Z"},
        {"before 1970", "0 12 *", utc, "1969-12-31T13:00:00Z", "1970-01-01T12:00:00Z"},
        {"local time", "0 3 *", berlin, "2026-01-15T01:59:00Z", "2026-01-15T02:00:00Z"},
        {"skipped: first minute after the gap", "30 2 *", berlin, "2026-03-29T00:30:00Z",
                "2026-03-29T01:00:00Z"},
        {"skipped: and then the next day", "30 2 *", berlin, "2026-03-29T01:00:00Z",
                "2026-03-30T00:30:00Z"},
        {"several in the gap run once", "*/10 2 *", berlin, "2026-03-29T01:00:00Z",
                "2026-03-30T00:00:00Z"},
        {"twice: the first time", "30 2 *", berlin, "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"},
        {"twice: not again", "30 2 *", berlin, "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
        {"after the second one", "30 3 *", berlin, "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"},
        {"half an hour twice: not again", "45 1 *", lord_howe, "2026-04-04T14:50:00Z",
                "2026-04-05T15:15:00Z"},
        {"a day that never was", "0 12 *", apia, "2011-12-30T08:00:00Z", "2011-12-30T10:00:00Z"},
};

static void cron_dues(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(dues); i++) {
        struct cron cron;
        struct str why;
        int64_t now, next, got = 0;
        assert_true(cron_parse(str_from_c(dues[i].table), &cron, &why));
        assert_true(date_parse_rfc3339(str_from_c(dues[i].now), &now));
        assert_true(date_parse_rfc3339(str_from_c(dues[i].next), &next));
        assert_true(cron_next(&cron, zone_offset, dues[i].zone, now, &got));
        same(dues[i].name, got, next);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(sizes_and_durations),
            cmocka_unit_test(rates_read),
            cmocka_unit_test(booleans_and_none),
            cmocka_unit_test(words),
            cmocka_unit_test(host_names),
            cmocka_unit_test(other_names),
            cmocka_unit_test(cron_texts),
            cmocka_unit_test(cron_dues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
