// SPDX-License-Identifier: Apache-2.0
// base/date.h: the civil calendar and its texts. Moments are milliseconds since 1970 UTC.
#pragma once

#include "base/base.h"

struct civil { // proleptic Gregorian, UTC unless offset_min says otherwise
    int32_t year;
    uint8_t month, day, hour, minute, second; // month and day from 1; second up to 60
    uint16_t ms;
    uint8_t weekday; // 0 Sunday .. 6
    int16_t offset_min;
};

void civil_from_ms(int64_t at_ms, struct civil *out);
int64_t civil_to_ms(const struct civil *c);
bool civil_is_valid(const struct civil *c);

// RFC 3339: 2025-03-01T10:00:00.123Z, with ms when asked for.
enum date_precision { DATE_SECONDS, DATE_MS };
void date_add_rfc3339(struct buf *out, int64_t at_ms, enum date_precision precision);
bool date_parse_rfc3339(struct str text, int64_t *out_at_ms);
// RFC 9110 5.6.7: Sun, 06 Nov 1994 08:49:37 GMT
void date_add_http(struct buf *out, int64_t at_ms);
