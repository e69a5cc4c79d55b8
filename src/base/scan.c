// SPDX-License-Identifier: Apache-2.0
// base/scan.c: the scanner's steps.
#define POSTHASTE_BASE_ROOM
#include "base/base.h"

static bool be_number(struct scan *in, size_t bytes, uint64_t *out);

bool scan_any(struct scan *in, uint8_t *out)
{
    if (scan_end(in))
        return false;
    *out = (uint8_t)*in->at++;
    return true;
}

bool scan_byte(struct scan *in, char c)
{
    if (scan_end(in) || *in->at != c)
        return false;
    in->at++;
    return true;
}

bool scan_lit(struct scan *in, struct str lit)
{
    if (!str_starts(scan_rest(in), lit))
        return false;
    in->at += lit.len;
    return true;
}

bool scan_lit_nocase(struct scan *in, struct str lit)
{
    if (!str_starts_nocase(scan_rest(in), lit))
        return false;
    in->at += lit.len;
    return true;
}

bool scan_skip(struct scan *in, size_t count)
{
    if ((size_t)(in->end - in->at) < count)
        return false;
    in->at += count;
    return true;
}

bool scan_take(struct scan *in, size_t count, struct str *out)
{
    if ((size_t)(in->end - in->at) < count)
        return false;
    *out = str_of(in->at, count);
    in->at += count;
    return true;
}

size_t scan_blanks(struct scan *in)
{
    size_t count = 0;
    while (in->at < in->end && byte_is_blank((uint8_t)*in->at)) {
        in->at++;
        count++;
    }
    return count;
}

bool scan_while0(struct scan *in, byte_class *is, struct str *out)
{
    const char *from = in->at;
    while (in->at < in->end && is((uint8_t)*in->at))
        in->at++;
    *out = str_of(from, (size_t)(in->at - from));
    return true;
}

bool scan_while(struct scan *in, byte_class *is, struct str *out)
{
    struct str taken;
    scan_while0(in, is, &taken);
    if (taken.len == 0)
        return false;
    *out = taken;
    return true;
}

bool scan_until(struct scan *in, char c, struct str *out)
{
    size_t at = str_find_byte(scan_rest(in), c);
    if (at == STR_NOT_FOUND)
        return false;
    *out = str_of(in->at, at);
    in->at += at;
    return true;
}

bool scan_until_past(struct scan *in, char c, struct str *out)
{
    if (!scan_until(in, c, out))
        return false;
    in->at++;
    return true;
}

bool scan_line(struct scan *in, struct str *out)
{
    if (scan_end(in))
        return false;
    if (!scan_until_past(in, '\n', out)) {
        *out = scan_rest(in);
        in->at = in->end;
        return true;
    }
    if (out->len > 0 && out->ptr[out->len - 1] == '\r')
        out->len--;
    return true;
}

bool scan_u64(struct scan *in, uint64_t max, uint64_t *out)
{
    struct scan ahead = *in;
    uint64_t value = 0;
    while (ahead.at < ahead.end && byte_is_digit((uint8_t)*ahead.at)) {
        uint64_t digit = (uint64_t)(*ahead.at - '0');
        if (value > (max - digit) / 10 || digit > max)
            return false;
        value = value * 10 + digit;
        ahead.at++;
    }
    if (ahead.at == in->at)
        return false;
    *in = ahead;
    *out = value;
    return true;
}

bool scan_hex_u64(struct scan *in, size_t digits_max, uint64_t *out)
{
    struct scan ahead = *in;
    uint64_t value = 0;
    while (ahead.at < ahead.end && byte_is_hex((uint8_t)*ahead.at)) {
        if ((size_t)(ahead.at - in->at) == digits_max)
            return false;
        value = value << 4 | (uint64_t)byte_hex_value((uint8_t)*ahead.at);
        ahead.at++;
    }
    if (ahead.at == in->at)
        return false;
    *in = ahead;
    *out = value;
    return true;
}

bool scan_be16(struct scan *in, uint16_t *out)
{
    uint64_t value;
    if (!be_number(in, 2, &value))
        return false;
    *out = (uint16_t)value;
    return true;
}

bool scan_be32(struct scan *in, uint32_t *out)
{
    uint64_t value;
    if (!be_number(in, 4, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

bool scan_be64(struct scan *in, uint64_t *out)
{
    return be_number(in, 8, out);
}

static bool be_number(struct scan *in, size_t bytes, uint64_t *out)
{
    struct str taken;
    if (!scan_take(in, bytes, &taken))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | (uint8_t)taken.ptr[i];
    *out = value;
    return true;
}
