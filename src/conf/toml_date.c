// SPDX-License-Identifier: Apache-2.0
// conf/toml_date.c: dates and times of TOML: RFC 3339 5.6, and its parts on their own. Only those
// that exist in the calendar.
#include "conf/toml_read.h"

static bool date_scan(struct scan *in);
static bool time_scan(struct scan *in, enum toml_version version);
static bool offset_scan(struct scan *in);
static bool two_digits(struct scan *in, uint64_t most, uint64_t *out);
static bool fixed_digits(struct scan *in, size_t count, uint64_t *out);

// Two digits and a colon, or four and a dash: "10:30am" is a bad time, "192.0.2.1" is none.
bool toml_word_is_date(struct str word)
{
    size_t digits = 0;
    while (digits < word.len && byte_is_digit((uint8_t)word.ptr[digits]))
        digits++;
    struct str rest = str_from(word, digits);
    return (digits == 2 && str_starts(rest, S(":"))) || (digits == 4 && str_starts(rest, S("-")));
}

bool toml_date(struct str word, enum toml_version version, enum toml_type *out)
{
    struct scan in = scan_over(word);
    if (toml_word_is_date(word) && scan_peek_at(&in, 2) == ':') {
        *out = TOML_TIME_LOCAL;
        return time_scan(&in, version) && scan_end(&in);
    }
    if (!date_scan(&in))
        return false;
    *out = TOML_DATE_LOCAL;
    if (scan_end(&in))
        return true;
    if (!scan_lit_nocase(&in, S("T")) && !scan_byte(&in, ' '))
        return false;
    if (!time_scan(&in, version))
        return false;
    *out = TOML_DATETIME_LOCAL;
    if (scan_end(&in))
        return true;
    *out = TOML_DATETIME;
    return offset_scan(&in) && scan_end(&in);
}

// full-date = 4DIGIT "-" 2DIGIT "-" 2DIGIT
static bool date_scan(struct scan *in)
{
    uint64_t year, month, day;
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (!fixed_digits(in, 4, &year) || !scan_byte(in, '-') || !two_digits(in, 12, &month) ||
            !scan_byte(in, '-') || !two_digits(in, 31, &day) || month == 0 || day == 0)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

// partial-time = 2DIGIT ":" 2DIGIT ":" 2DIGIT [ "." 1*DIGIT ]; a second 60 for leap seconds
// (RFC 3339 5.7). TOML 1.1.0 lets the seconds be left out.
static bool time_scan(struct scan *in, enum toml_version version)
{
    uint64_t hour, minute, second;
    struct str fraction;
    if (!two_digits(in, 23, &hour) || !scan_byte(in, ':') || !two_digits(in, 59, &minute))
        return false;
    if (!scan_byte(in, ':'))
        return version == TOML_1_1;
    if (!two_digits(in, 60, &second))
        return false;
    return !scan_byte(in, '.') || scan_while(in, byte_is_digit, &fraction);
}

// time-offset = "Z" / ( "+" / "-" ) 2DIGIT ":" 2DIGIT
static bool offset_scan(struct scan *in)
{
    uint64_t hour, minute;
    if (scan_lit_nocase(in, S("Z")))
        return true;
    return (scan_byte(in, '+') || scan_byte(in, '-')) && two_digits(in, 23, &hour) &&
           scan_byte(in, ':') && two_digits(in, 59, &minute);
}

static bool two_digits(struct scan *in, uint64_t most, uint64_t *out)
{
    return fixed_digits(in, 2, out) && *out <= most;
}

static bool fixed_digits(struct scan *in, size_t count, uint64_t *out)
{
    struct str digits;
    return scan_take(in, count, &digits) && str_to_u64(digits, 9999, out);
}
