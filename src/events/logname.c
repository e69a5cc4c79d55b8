// SPDX-License-Identifier: Apache-2.0
// events/logname.c: the names of log files.
#include "events/logname.h"

#include "base/date.h"

static bool take_date(struct scan *in, struct str *out);
static bool take_digits(struct scan *in, size_t count);

int64_t logname_period_ms(enum tracer_rotate rotate)
{
    switch (rotate) {
    case ROTATE_DAILY:
        return DAY_MS;
    case ROTATE_HOURLY:
        return HOUR_MS;
    case ROTATE_MINUTELY:
        return MINUTE_MS;
    case ROTATE_NEVER:
        return 0;
    }
    return 0;
}

void logname_add(struct buf *out, struct str prefix, enum tracer_rotate rotate, int64_t now_ms)
{
    struct civil c;
    civil_from_ms(now_ms, &c);
    buf_add(out, prefix);
    if (rotate == ROTATE_NEVER)
        return;
    buf_fmt(out, ".%04d-%02u-%02u", c.year, c.month, c.day);
    if (rotate != ROTATE_DAILY)
        buf_fmt(out, "T%02u", c.hour);
    if (rotate == ROTATE_MINUTELY)
        buf_fmt(out, ":%02u", c.minute);
}

// name = prefix [ "." date ] [ "." number ] [ ".gz" [ ".part" ] ]     at least one of the first two
// date = 4DIGIT "-" 2DIGIT "-" 2DIGIT [ "T" 2DIGIT [ ":" 2DIGIT ] ]
bool logname_parse(struct str name, struct str prefix, struct logname *out)
{
    struct logname n = {.name = name, .date = S("")};
    struct scan in = scan_over(name);
    if (!scan_lit(&in, prefix))
        return false;
    bool dated = take_date(&in, &n.date);
    struct scan before = in;
    n.numbered = scan_byte(&in, '.') && scan_u64(&in, UINT32_MAX, &n.number);
    if (!n.numbered)
        in = before;
    n.packed = scan_lit(&in, S(".gz"));
    n.half_packed = n.packed && scan_lit(&in, S(".part"));
    if (!scan_end(&in) || (!dated && !n.numbered))
        return false;
    *out = n;
    return true;
}

static bool take_date(struct scan *in, struct str *out)
{
    struct scan s = *in;
    size_t from = scan_offset(&s) + 1;
    if (!scan_byte(&s, '.') || !take_digits(&s, 4) || !scan_byte(&s, '-') || !take_digits(&s, 2) ||
            !scan_byte(&s, '-') || !take_digits(&s, 2))
        return false;
    if (scan_byte(&s, 'T') && (!take_digits(&s, 2) || (scan_byte(&s, ':') && !take_digits(&s, 2))))
        return false;
    *out = scan_since(&s, from);
    *in = s;
    return true;
}

static bool take_digits(struct scan *in, size_t count)
{
    struct str digits;
    if (!scan_take(in, count, &digits))
        return false;
    for (size_t i = 0; i < digits.len; i++)
        if (!byte_is_digit((uint8_t)digits.ptr[i]))
            return false;
    return true;
}

// By date; those full by size came before the one that was open last, in order of their numbers.
int logname_compare(const struct logname *a, const struct logname *b)
{
    int by_date = str_compare(a->date, b->date);
    if (by_date != 0)
        return by_date;
    if (a->numbered != b->numbered)
        return a->numbered ? -1 : 1;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return 0;
}
