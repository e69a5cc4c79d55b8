// SPDX-License-Identifier: Apache-2.0
// cli/moment.c: one unit is enough for a person who looks; whoever wants it exact asks for JSON.
#include "cli/moment.h"

#include "base/date.h"

#define SPAN_COUNT_MAX 100000 // weeks: a span fits into ms by far

static bool span_parse(struct scan *in, int64_t *out_ms);

static const struct {
    char letter;
    int64_t ms;
} units[] = {{'w', 7 * (int64_t)DAY_MS}, {'d', DAY_MS}, {'h', HOUR_MS}, {'m', MINUTE_MS},
        {'s', SECOND_MS}};

bool moment_parse(struct str text, int64_t now_ms, int64_t *out_at_ms)
{
    struct scan in = scan_over(text);
    int64_t span_ms;
    int sign = scan_byte(&in, '-') ? -1 : 1;
    if (sign == -1 || scan_byte(&in, '+')) {
        if (!span_parse(&in, &span_ms))
            return false;
        *out_at_ms = now_ms + sign * span_ms;
        return true;
    }
    struct buf whole AUTO(buf_done);
    buf_init(&whole, 64);
    buf_add(&whole, text);
    if (text.len == 10)
        buf_add(&whole, S("T00:00:00Z"));
    return !whole.overflow && date_parse_rfc3339(buf_str(&whole), out_at_ms);
}

static bool span_parse(struct scan *in, int64_t *out_ms)
{
    uint64_t count;
    if (!scan_u64(in, SPAN_COUNT_MAX, &count))
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (scan_byte(in, units[i].letter)) {
            *out_ms = (int64_t)count * units[i].ms;
            return scan_end(in);
        }
    return false;
}

void moment_add(struct buf *out, int64_t at_ms, int64_t now_ms)
{
    if (at_ms == INT64_MAX) {
        buf_add(out, S("never"));
    } else if (at_ms > now_ms - SECOND_MS && at_ms < now_ms + SECOND_MS) {
        buf_add(out, S("now"));
    } else if (at_ms > now_ms) {
        buf_add(out, S("in "));
        span_add(out, at_ms - now_ms);
    } else {
        span_add(out, now_ms - at_ms);
        buf_add(out, S(" ago"));
    }
}

// In the largest unit of which there are two; minutes from 90 seconds on, as one says it.
void span_add(struct buf *out, int64_t span_ms)
{
    size_t i = 1; // no weeks
    while (i + 1 < COUNT_OF(units) && span_ms < units[i].ms + units[i].ms / 2)
        i++;
    buf_fmt(out, "%lld%c", (long long)(span_ms / units[i].ms), units[i].letter);
}

void size_add(struct buf *out, uint64_t bytes)
{
    static const char *const names[] = {"KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes / KIB;
    size_t i = 0;
    if (bytes < KIB) {
        buf_fmt(out, "%llu B", (unsigned long long)bytes);
        return;
    }
    for (; size >= KIB && i + 1 < COUNT_OF(names); i++)
        size /= KIB;
    buf_fmt(out, "%.1f %s", size, names[i]);
}
