// SPDX-License-Identifier: Apache-2.0
// base/date.c: days are counted in eras of 400 years, after which the Gregorian calendar repeats,
// and in years that begin in March, so that the leap day is the last one.
#define POSTHASTE_BASE_ROOM
#include "base/date.h"

#define ERA_DAYS 146097       // of 400 years
#define EPOCH_ERA_DAYS 719468 // from 0000-03-01 to 1970-01-01
#define DAY_S 86400
#define RFC3339_BYTES_MAX 64

static int64_t days_of(int32_t year, uint8_t month, uint8_t day);
static int64_t floor_div(int64_t a, int64_t b);
static bool take_digits(struct scan *in, size_t digits, uint64_t *out);
static bool take_day(struct scan *in, struct civil *c);
static bool take_time(struct scan *in, struct civil *c);
static bool take_fraction(struct scan *in, uint16_t *out_ms);
static bool take_offset(struct scan *in, int16_t *out_min);
static bool is_last_minute_utc(const struct civil *c);
static void add_day_and_time(struct buf *out, int64_t at_ms);
static void add_two_digits(struct buf *out, int value);

void civil_from_ms(int64_t at_ms, struct civil *out)
{
    int64_t days = floor_div(at_ms, DAY_MS);
    int32_t in_day = (int32_t)((at_ms % DAY_MS + DAY_MS) % DAY_MS);
    int64_t since = days + EPOCH_ERA_DAYS;
    int64_t era = floor_div(since, ERA_DAYS);
    int64_t day = since - era * ERA_DAYS; // 0 .. 146096
    // Take off the leap days that have passed (each 4 years, not each 100, but at the end of 400).
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t in_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * in_year + 2) / 153; // 0 = March; five months always have 153 days
    *out = (struct civil){
            .year = (int32_t)(era * 400 + year + (month >= 10)),
            .month = (uint8_t)(month < 10 ? month + 3 : month - 9),
            .day = (uint8_t)(in_year - (153 * month + 2) / 5 + 1),
            .hour = (uint8_t)(in_day / HOUR_MS),
            .minute = (uint8_t)(in_day / MINUTE_MS % 60),
            .second = (uint8_t)(in_day / SECOND_MS % 60),
            .ms = (uint16_t)(in_day % SECOND_MS),
            .weekday = (uint8_t)(days + 4 - floor_div(days + 4, 7) * 7), // day 0 was a Thursday
    };
}

int64_t civil_to_ms(const struct civil *c)
{
    assert(civil_is_valid(c));
    int64_t seconds = days_of(c->year, c->month, c->day) * DAY_S + c->hour * 3600 +
                      (c->minute - c->offset_min) * 60 + c->second;
    return seconds * SECOND_MS + c->ms;
}

static int64_t days_of(int32_t year, uint8_t month, uint8_t day)
{
    int64_t march_year = month > 2 ? year : (int64_t)year - 1;
    int64_t march_month = month > 2 ? month - 3 : month + 9;
    int64_t era = floor_div(march_year, 400);
    int64_t in_era = march_year - era * 400;
    int64_t in_year = (153 * march_month + 2) / 5 + day - 1;
    return era * ERA_DAYS + in_era * 365 + in_era / 4 - in_era / 100 + in_year - EPOCH_ERA_DAYS;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

bool civil_is_valid(const struct civil *c)
{
    return c->year >= 0 && c->year <= 9999 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= civil_month_days(c->year, c->month) && c->hour <= 23 && c->minute <= 59 &&
           c->second <= 60 && c->ms <= 999 && c->offset_min > -1440 && c->offset_min < 1440;
}

uint8_t civil_month_days(int32_t year, uint8_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    assert(month >= 1 && month <= 12);
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

void date_add_rfc3339(struct buf *out, int64_t at_ms, enum date_precision precision)
{
    struct civil c;
    civil_from_ms(at_ms, &c);
    buf_fmt(out, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute,
            c.second);
    if (precision == DATE_MS)
        buf_fmt(out, ".%03d", c.ms);
    buf_add_byte(out, 'Z');
}

struct str date_rfc3339(struct arena *a, int64_t at_ms)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, RFC3339_BYTES_MAX);
    date_add_rfc3339(&text, at_ms, DATE_SECONDS);
    return arena_str(a, buf_str(&text));
}

// date-time = full-date "T" full-time      RFC 3339 5.6; letters in either case
bool date_parse_rfc3339(struct str text, int64_t *out_at_ms)
{
    struct scan in = scan_over(text);
    struct civil c = {0};
    if (!take_day(&in, &c) || !scan_lit_nocase(&in, S("T")) || !take_time(&in, &c) ||
            !take_offset(&in, &c.offset_min) || !scan_end(&in) || !civil_is_valid(&c))
        return false;
    if (c.second == 60 && !is_last_minute_utc(&c))
        return false;
    *out_at_ms = civil_to_ms(&c);
    return true;
}

static bool take_digits(struct scan *in, size_t digits, uint64_t *out)
{
    struct str taken;
    return scan_take(in, digits, &taken) && str_to_u64(taken, 9999, out);
}

// full-date = 4DIGIT "-" 2DIGIT "-" 2DIGIT
static bool take_day(struct scan *in, struct civil *c)
{
    uint64_t year, month, day;
    if (!take_digits(in, 4, &year) || !scan_byte(in, '-') || !take_digits(in, 2, &month) ||
            !scan_byte(in, '-') || !take_digits(in, 2, &day))
        return false;
    c->year = (int32_t)year;
    c->month = (uint8_t)month;
    c->day = (uint8_t)day;
    return true;
}

// partial-time = 2DIGIT ":" 2DIGIT ":" 2DIGIT [ "." 1*DIGIT ]
static bool take_time(struct scan *in, struct civil *c)
{
    uint64_t hour, minute, second;
    if (!take_digits(in, 2, &hour) || !scan_byte(in, ':') || !take_digits(in, 2, &minute) ||
            !scan_byte(in, ':') || !take_digits(in, 2, &second))
        return false;
    c->hour = (uint8_t)hour;
    c->minute = (uint8_t)minute;
    c->second = (uint8_t)second;
    return !scan_byte(in, '.') || take_fraction(in, &c->ms);
}

static bool take_fraction(struct scan *in, uint16_t *out_ms)
{
    struct str digits;
    if (!scan_while(in, byte_is_digit, &digits))
        return false;
    uint32_t ms = 0;
    for (size_t i = 0; i < 3; i++)
        ms = ms * 10 + (i < digits.len ? (uint32_t)(digits.ptr[i] - '0') : 0);
    *out_ms = (uint16_t)ms;
    return true;
}

// time-offset = "Z" / ( "+" / "-" ) 2DIGIT ":" 2DIGIT
static bool take_offset(struct scan *in, int16_t *out_min)
{
    if (scan_lit_nocase(in, S("Z"))) {
        *out_min = 0;
        return true;
    }
    bool west = scan_byte(in, '-');
    uint64_t hour, minute;
    if ((!west && !scan_byte(in, '+')) || !take_digits(in, 2, &hour) || !scan_byte(in, ':') ||
            !take_digits(in, 2, &minute) || hour > 23 || minute > 59)
        return false;
    int16_t total = (int16_t)(hour * 60 + minute);
    *out_min = west ? (int16_t)-total : total;
    return true;
}

// RFC 3339 5.7: leap seconds come at the end of a day of UTC, whatever the local time is then.
static bool is_last_minute_utc(const struct civil *c)
{
    int utc = c->hour * 60 + c->minute - c->offset_min;
    return (utc + 1440 * 2) % 1440 == 1439;
}

void date_add_http(struct buf *out, int64_t at_ms)
{
    add_day_and_time(out, at_ms);
    buf_add(out, S(" GMT"));
}

void date_add_rfc5322(struct buf *out, int64_t at_ms, int16_t offset_min)
{
    int minutes = offset_min < 0 ? -offset_min : offset_min;
    add_day_and_time(out, at_ms + (int64_t)offset_min * MINUTE_MS);
    buf_add(out, offset_min < 0 ? S(" -") : S(" +"));
    add_two_digits(out, minutes / 60);
    add_two_digits(out, minutes % 60);
}

// "Sun, 06 Nov 1994 08:49:37", which HTTP and mail have in common.
static void add_day_and_time(struct buf *out, int64_t at_ms)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct civil c;
    civil_from_ms(at_ms, &c);
    buf_add(out, str_of(days + 3 * c.weekday, 3));
    buf_add(out, S(", "));
    add_two_digits(out, c.day);
    buf_add_byte(out, ' ');
    buf_add(out, str_of(months + 3 * (c.month - 1), 3));
    if (c.year >= 0 && c.year <= 9999) {
        buf_add_byte(out, ' ');
        add_two_digits(out, c.year / 100);
        add_two_digits(out, c.year);
        buf_add_byte(out, ' ');
    } else {
        buf_fmt(out, " %04d ", c.year);
    }
    add_two_digits(out, c.hour);
    buf_add_byte(out, ':');
    add_two_digits(out, c.minute);
    buf_add_byte(out, ':');
    add_two_digits(out, c.second);
}

static void add_two_digits(struct buf *out, int value)
{
    const char digits[] = {(char)('0' + value / 10 % 10), (char)('0' + value % 10)};
    buf_add(out, str_of(digits, sizeof(digits)));
}
