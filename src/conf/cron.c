// SPDX-License-Identifier: Apache-2.0
// conf/cron.c: time tables, `<minute> <hour> <weekday>` in local time (configuration.md 4.2).
// Times are found by going through local days and their minutes, and asking for each due minute at
// which moment the local clock first shows it or has passed it. So a time that a change of the
// clock leaves out runs at the first minute after the gap, and one that comes twice runs the first
// time.
#include "conf/types.h"

#define DAY_S 86400
#define MINUTE_S 60
#define DAYS_AHEAD 15              // every table is due within a week; a week more is harmless
#define CLOCK_CHANGE_S (26 * 3600) // no zone is further from UTC, or moves by more

struct field {
    struct str name;
    uint32_t low, high;
};

static bool field_parse(struct str text, const struct field *field, uint64_t *out_bits);
static bool item_parse(struct str text, const struct field *field, uint64_t *out_bits);
static int64_t moment_of_local(int64_t local_s, cron_offset *offset, const void *zone);
static int64_t floor_day(int64_t at_s);
static bool day_next(const struct cron *cron, cron_offset *offset, const void *zone, int64_t day_s,
        int64_t now_s, int64_t *out_s);

bool cron_parse(struct str text, struct cron *out, struct str *out_why)
{
    static const struct field fields[] = {
            {S_INIT("the minute must be 0 to 59, *, a list, range or step"), 0, 59},
            {S_INIT("the hour must be 0 to 23, *, a list, range or step"), 0, 23},
            {S_INIT("the weekday must be 1 (Monday) to 7, *, a list or range"), 0, 7},
    };
    uint64_t bits[3] = {0};
    struct str rest = str_trim_blanks(text), piece;
    size_t count = 0;
    while (str_split(&rest, ' ', &piece)) {
        if (piece.len == 0)
            continue;
        if (count == COUNT_OF(fields) || !field_parse(piece, &fields[count], &bits[count])) {
            *out_why = count == COUNT_OF(fields) ? S("there are more than three fields")
                                                 : fields[count].name;
            return false;
        }
        count++;
    }
    if (count < COUNT_OF(fields)) {
        *out_why = S("there are fewer than three fields: minute hour weekday");
        return false;
    }
    *out = (struct cron){
            .minutes = bits[0],
            .hours = (uint32_t)bits[1],
            .weekdays = (uint8_t)((bits[2] & 0x7f) | (bits[2] >> 7 & 1)), // 7 is Sunday too
    };
    return true;
}

bool cron_next(const struct cron *cron, cron_offset *offset, const void *zone, int64_t now_ms,
        int64_t *out_ms)
{
    int64_t now_s = now_ms / SECOND_MS;
    // A day earlier: where the clock was turned back over midnight, yesterday's minutes come again.
    int64_t day_s = floor_day(now_s + offset(zone, now_s)) - DAY_S;
    for (int i = 0; i < DAYS_AHEAD; i++, day_s += DAY_S) {
        int64_t at_s;
        if (day_next(cron, offset, zone, day_s, now_s, &at_s)) {
            *out_ms = at_s * SECOND_MS;
            return true;
        }
    }
    return false;
}

// The first due minute of one local day (given by its midnight as if local time were UTC) whose
// moment lies after now.
static bool day_next(const struct cron *cron, cron_offset *offset, const void *zone, int64_t day_s,
        int64_t now_s, int64_t *out_s)
{
    int64_t weekday = (day_s / DAY_S + 4) % 7; // 1970-01-01 was a Thursday
    if ((cron->weekdays >> weekday & 1) == 0)
        return false;
    for (int64_t minute = 0; minute < 24 * 60; minute++) {
        if ((cron->hours >> minute / 60 & 1) == 0 || (cron->minutes >> minute % 60 & 1) == 0)
            continue;
        int64_t local_s = day_s + minute * MINUTE_S;
        int64_t at_s = moment_of_local(local_s, offset, zone);
        if (at_s > now_s) {
            *out_s = at_s;
            return true;
        }
    }
    return false;
}

// The first moment whose local time is local_s or later. The offset changes at most once in the
// two days around it, so one step of bisection by minutes finds it: start well before, and if the
// clock there and after the change disagree, look for the minute of the change.
static int64_t moment_of_local(int64_t local_s, cron_offset *offset, const void *zone)
{
    int64_t low = local_s - CLOCK_CHANGE_S, high = local_s + CLOCK_CHANGE_S;
    int64_t early = local_s - offset(zone, low), late = local_s - offset(zone, high);
    if (early == late)
        return early;
    // Where the clock goes back, both are moments that show local_s, the first one is `early`.
    // Where it goes forward and local_s lies in the gap, neither does.
    if (early + offset(zone, early) == local_s)
        return early;
    if (late + offset(zone, late) == local_s)
        return late;
    low = early < late ? early : late;
    high = early < late ? late : early;
    low -= low % MINUTE_S;
    while (high - low > MINUTE_S) { // in the gap: the minute of the change lies between
        int64_t middle = low + (high - low) / 2 / MINUTE_S * MINUTE_S;
        if (middle + offset(zone, middle) >= local_s)
            high = middle;
        else
            low = middle;
    }
    return high;
}

static int64_t floor_day(int64_t at_s)
{
    int64_t over = at_s % DAY_S;
    return at_s - (over < 0 ? over + DAY_S : over);
}

// field = item *( "," item )
static bool field_parse(struct str text, const struct field *field, uint64_t *out_bits)
{
    struct str rest = text, item;
    uint64_t bits = 0, more;
    while (str_split(&rest, ',', &item)) {
        if (!item_parse(item, field, &more))
            return false;
        bits |= more;
    }
    *out_bits = bits;
    return true;
}

// item = ( "*" / number [ "-" number ] ) [ "/" step ]
static bool item_parse(struct str text, const struct field *field, uint64_t *out_bits)
{
    struct scan in = scan_over(text);
    uint64_t low = field->low, high = field->high, step = 1;
    bool all = scan_byte(&in, '*'), range = false;
    if (!all) {
        if (!scan_u64(&in, field->high, &low))
            return false;
        high = low;
        range = scan_byte(&in, '-');
        if (range && !scan_u64(&in, field->high, &high))
            return false;
    }
    if (scan_byte(&in, '/')) {
        if ((!all && !range) || !scan_u64(&in, field->high, &step))
            return false;
    }
    if (!scan_end(&in) || low < field->low || low > high || step == 0)
        return false;
    uint64_t bits = 0;
    for (uint64_t i = low; i <= high; i += step)
        bits |= UINT64_C(1) << i;
    *out_bits = bits;
    return true;
}
