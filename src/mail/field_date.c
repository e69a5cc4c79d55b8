// SPDX-License-Identifier: Apache-2.0
// mail/field_date.c: RFC 5322 3.3 with the obsolete forms of 4.3.
#include "mail/header.h"
#include "mail/token.h"

static bool take_number(struct scan *in, uint64_t max, uint64_t *out);
static bool take_month(struct scan *in, uint8_t *out);
static bool take_year(struct scan *in, int32_t *out);
static bool take_time(struct scan *in, struct civil *out);
static int16_t take_zone(struct scan *in);
static int16_t named_zone(struct str name);

// date-time = [ day-of-week "," ] day month year hour ":" minute [ ":" second ] zone
bool mail_date_read(struct str body, struct civil *out)
{
    struct scan in = scan_over(body);
    struct civil c = {0};
    struct str weekday;
    uint64_t day;
    token_skip(&in);
    if (scan_while(&in, byte_is_alpha, &weekday)) {
        token_skip(&in);
        scan_byte(&in, ',');
    }
    if (!take_number(&in, 31, &day) || !take_month(&in, &c.month) || !take_year(&in, &c.year) ||
            !take_time(&in, &c))
        return false;
    c.day = (uint8_t)day;
    c.offset_min = take_zone(&in);
    if (!civil_is_valid(&c))
        return false;
    *out = c;
    return true;
}

static bool take_number(struct scan *in, uint64_t max, uint64_t *out)
{
    token_skip(in);
    return scan_u64(in, max, out);
}

static bool take_month(struct scan *in, uint8_t *out)
{
    static const struct str names[] = {S_INIT("jan"), S_INIT("feb"), S_INIT("mar"), S_INIT("apr"),
            S_INIT("may"), S_INIT("jun"), S_INIT("jul"), S_INIT("aug"), S_INIT("sep"),
            S_INIT("oct"), S_INIT("nov"), S_INIT("dec")};
    struct str word;
    token_skip(in);
    scan_byte(in, '-'); // 1-Jan-2021
    if (!scan_while(in, byte_is_alpha, &word))
        return false;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_starts_nocase(word, names[i])) {
            *out = (uint8_t)(i + 1);
            return true;
        }
    }
    return false;
}

// RFC 5322 4.3: two digits are 1950 to 2049, three count from 1900.
static bool take_year(struct scan *in, int32_t *out)
{
    uint64_t year;
    token_skip(in);
    scan_byte(in, '-');
    size_t start = scan_offset(in);
    if (!scan_u64(in, 9999, &year))
        return false;
    size_t digits = scan_since(in, start).len;
    if (digits <= 2)
        year += year < 50 ? 2000 : 1900;
    else if (digits == 3)
        year += 1900;
    *out = (int32_t)year;
    return true;
}

static bool take_time(struct scan *in, struct civil *out)
{
    uint64_t hour, minute, second = 0;
    if (!take_number(in, 23, &hour))
        return false;
    token_skip(in);
    if (!scan_byte(in, ':') || !take_number(in, 59, &minute))
        return false;
    token_skip(in);
    if (scan_byte(in, ':') && !take_number(in, 60, &second))
        return false;
    out->hour = (uint8_t)hour;
    out->minute = (uint8_t)minute;
    out->second = (uint8_t)second;
    return true;
}

// zone = ( "+" / "-" ) 4DIGIT / name; what is not known is UTC (RFC 5322 4.3).
static int16_t take_zone(struct scan *in)
{
    struct str name, digits;
    uint64_t hour, minute;
    token_skip(in);
    bool west = scan_peek(in) == '-';
    if (scan_byte(in, '+') || scan_byte(in, '-')) {
        if (!scan_take(in, 4, &digits) || !str_to_u64(str_upto(digits, 2), 23, &hour) ||
                !str_to_u64(str_from(digits, 2), 59, &minute))
            return 0;
        int16_t offset = (int16_t)(hour * 60 + minute);
        return west ? (int16_t)-offset : offset;
    }
    return scan_while(in, byte_is_alpha, &name) ? named_zone(name) : 0;
}

static int16_t named_zone(struct str name)
{
    static const struct {
        struct str name;
        int16_t hours;
    } zones[] = {{S_INIT("EDT"), -4}, {S_INIT("EST"), -5}, {S_INIT("CDT"), -5}, {S_INIT("CST"), -6},
            {S_INIT("MDT"), -6}, {S_INIT("MST"), -7}, {S_INIT("PDT"), -7}, {S_INIT("PST"), -8}};
    for (size_t i = 0; i < COUNT_OF(zones); i++) {
        if (str_eq_nocase(zones[i].name, name))
            return (int16_t)(zones[i].hours * 60);
    }
    return 0;
}
