// SPDX-License-Identifier: Apache-2.0
// base/punycode.c: the letters beyond ASCII are told by how far one has to go from each to the
// next, through the places of the text and then the code points, as numbers of a changing base
// (RFC 3492 3).
#define POSTHASTE_BASE_ROOM
#include "base/punycode.h"

#define BASE 36 // RFC 3492 5
#define DIGIT_LEAST 1
#define DIGIT_MOST 26
#define SKEW 38
#define DAMP 700
#define BIAS_FIRST 72
#define CODE_FIRST 0x80
#define CODE_LAST 0x10FFFF

static void add_number(struct buf *out, uint64_t number, uint32_t bias);
static bool take_number(struct scan *in, uint32_t bias, uint64_t *out);
static uint32_t digit_limit(uint32_t weight, uint32_t bias);
static int digit_value(uint8_t c);
static uint32_t adapt(uint64_t delta, size_t count, bool first);
static uint32_t next_code(const uint32_t *codes, size_t count, uint32_t least);

void punycode_add(struct buf *out, const uint32_t *codes, size_t count)
{
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        if (codes[i] < CODE_FIRST) {
            buf_add_byte(out, (char)codes[i]);
            done++;
        }
    }
    if (done > 0)
        buf_add_byte(out, '-');
    uint32_t code = CODE_FIRST, bias = BIAS_FIRST;
    uint64_t delta = 0; // cannot overflow: 2^21 code points times the letters of a text in memory
    for (size_t ascii = done; done < count;) {
        uint32_t next = next_code(codes, count, code);
        delta += (uint64_t)(next - code) * (done + 1);
        code = next;
        for (size_t i = 0; i < count; i++) {
            if (codes[i] < code)
                delta++;
            if (codes[i] != code)
                continue;
            add_number(out, delta, bias);
            bias = adapt(delta, done + 1, done == ascii);
            delta = 0;
            done++;
        }
        delta++;
        code++;
    }
}

// The smallest one that is not below `least`; there is one.
static uint32_t next_code(const uint32_t *codes, size_t count, uint32_t least)
{
    uint32_t next = UINT32_MAX;
    for (size_t i = 0; i < count; i++)
        if (codes[i] >= least && codes[i] < next)
            next = codes[i];
    return next;
}

static void add_number(struct buf *out, uint64_t number, uint32_t bias)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (uint32_t weight = BASE;; weight += BASE) {
        uint32_t limit = digit_limit(weight, bias);
        if (number < limit)
            break;
        buf_add_byte(out, digits[limit + (number - limit) % (BASE - limit)]);
        number = (number - limit) / (BASE - limit);
    }
    buf_add_byte(out, digits[number]);
}

static uint32_t digit_limit(uint32_t weight, uint32_t bias)
{
    if (weight <= bias + DIGIT_LEAST)
        return DIGIT_LEAST;
    return weight >= bias + DIGIT_MOST ? DIGIT_MOST : weight - bias;
}

static uint32_t adapt(uint64_t delta, size_t count, bool first)
{
    uint32_t weight = 0;
    delta = first ? delta / DAMP : delta / 2;
    delta += delta / count;
    for (; delta > (BASE - DIGIT_LEAST) * DIGIT_MOST / 2; weight += BASE)
        delta /= BASE - DIGIT_LEAST;
    return weight + (uint32_t)((BASE - DIGIT_LEAST + 1) * delta / (delta + SKEW));
}

bool punycode_read(struct str text, uint32_t *out_codes, size_t max, size_t *out_count)
{
    struct str ascii = STR_NULL, numbers = text;
    size_t count = 0;
    (void)str_rcut(text, '-', &ascii, &numbers);
    if (!str_is_ascii(text) || ascii.len > max)
        return false;
    for (; count < ascii.len; count++)
        out_codes[count] = (uint8_t)ascii.ptr[count];
    struct scan in = scan_over(numbers);
    uint64_t place = 0;
    uint32_t code = CODE_FIRST, bias = BIAS_FIRST;
    for (bool first = true; !scan_end(&in); first = false) {
        uint64_t delta;
        if (count == max || !take_number(&in, bias, &delta))
            return false;
        bias = adapt(delta, count + 1, first);
        place += delta;
        code += (uint32_t)(place / (count + 1));
        place %= count + 1;
        if (code > CODE_LAST)
            return false;
        memmove(&out_codes[place + 1], &out_codes[place], (count - place) * sizeof(*out_codes));
        out_codes[place++] = code;
        count++;
    }
    *out_count = count;
    return true;
}

static bool take_number(struct scan *in, uint32_t bias, uint64_t *out)
{
    uint64_t number = 0, factor = 1;
    uint8_t c;
    for (uint32_t weight = BASE; scan_any(in, &c); weight += BASE) {
        int digit = digit_value(c);
        uint32_t limit = digit_limit(weight, bias);
        if (digit < 0)
            return false;
        number += (uint64_t)digit * factor;
        if (number > UINT32_MAX) // far beyond the last code point, and factor stays small
            return false;
        if ((uint32_t)digit < limit) {
            *out = number;
            return true;
        }
        factor *= BASE - limit;
        if (factor > UINT32_MAX)
            return false;
    }
    return false;
}

static int digit_value(uint8_t c)
{
    if (byte_is_digit(c))
        return c - '0' + 26;
    return byte_is_alpha(c) ? byte_to_lower(c) - 'a' : -1;
}
