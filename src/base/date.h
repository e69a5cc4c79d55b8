// SPDX-License-Identifier: Apache-2.0
// base/date.h: the civil calendar and its texts. Moments are milliseconds since 1970 UTC.
#pragma once

#include "base/base.h"

struct civil { // proleptic Gregorian, UTC unless offset_min says otherwise
    int32_t year;
    uint8_t month, day, hour, minute, second; // month and day from 1; second up to 60
    uint16_t ms;
    uint8_t weekday;    // 0 Sunday .. 6
    int16_t offset_min; // how far ahead of UTC, east positive
};

void civil_from_ms(int64_t at_ms, struct civil *out); // in UTC; any moment
// `c` must be valid; the weekday is not looked at. Second 60 is the first one of the next minute.
int64_t civil_to_ms(const struct civil *c);
// Years 0 to 9999, days that the month has, second up to 60, offsets of less than a day. The
// weekday is not looked at.
bool civil_is_valid(const struct civil *c);
uint8_t civil_month_days(int32_t year, uint8_t month); // month 1 to 12

// RFC 3339: 2025-03-01T10:00:00.123Z, with ms when asked for.
enum date_precision { DATE_SECONDS, DATE_MS };
void date_add_rfc3339(struct buf *out, int64_t at_ms, enum date_precision precision);
struct str date_rfc3339(struct arena *a, int64_t at_ms); // to the second; null: no memory
// With any offset and fraction (what is finer than ms is cut off); a leap second only as the last
// of a day of UTC.
bool date_parse_rfc3339(struct str text, int64_t *out_at_ms);
// RFC 9110 5.6.7: Sun, 06 Nov 1994 08:49:37 GMT
void date_add_http(struct buf *out, int64_t at_ms);
// RFC 5322 3.3 in local time: Tue, 07 Jan 2031 11:00:00 +0100. The year has four digits at least.
void date_add_rfc5322(struct buf *out, int64_t at_ms, int16_t offset_min);
