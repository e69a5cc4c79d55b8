// SPDX-License-Identifier: Apache-2.0
// mail/status.c: see mail/status.h.
#include "mail/status.h"

#define PART_DIGITS_MAX 3

static bool scan_part(struct scan *in, uint16_t *out);

bool mail_code_scan(struct scan *in, uint16_t *out)
{
    struct scan ahead = *in;
    struct str digits;
    uint64_t code;
    if (!scan_take(&ahead, 3, &digits) || !str_to_u64(digits, 599, &code) || code < 200)
        return false;
    *in = ahead;
    *out = (uint16_t)code;
    return true;
}

// status-code = class "." subject "." detail; class = "2" / "4" / "5", the others 1*3DIGIT
bool mail_status_scan(struct scan *in, struct mail_status *out)
{
    struct scan ahead = *in;
    struct mail_status status;
    uint8_t class;
    if (!scan_any(&ahead, &class) || (class != '2' && class != '4' && class != '5') ||
            !scan_byte(&ahead, '.') || !scan_part(&ahead, &status.subject) ||
            !scan_byte(&ahead, '.') || !scan_part(&ahead, &status.detail))
        return false;
    int next = scan_peek(&ahead);
    if (next == '.' || (next >= 0 && byte_is_digit((uint8_t)next)))
        return false;
    status.class = (uint8_t)(class - '0');
    *in = ahead;
    *out = status;
    return true;
}

static bool scan_part(struct scan *in, uint16_t *out)
{
    struct str digits;
    uint64_t number;
    if (!scan_while(in, byte_is_digit, &digits) || digits.len > PART_DIGITS_MAX ||
            !str_to_u64(digits, UINT16_MAX, &number))
        return false;
    *out = (uint16_t)number;
    return true;
}
