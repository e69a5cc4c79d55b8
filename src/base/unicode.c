// SPDX-License-Identifier: Apache-2.0
// base/unicode.c: classes and case of letters, by binary search in the tables of unicode.def.
// ASCII, nearly all there is, is answered without them.
#define POSTHASTE_BASE_ROOM
#include "base/unicode.h"

#include "base/unicode_runs.h"

#define CODE_CAPITAL_SIGMA 0x03A3
#define CODE_SMALL_SIGMA 0x03C3
#define CODE_FINAL_SIGMA 0x03C2
#define CODE_BYTES_MAX 4

static const struct unicode_run alphabetic[] = {
#define ALPHABETIC(first, last, step) {first, last, step, 0},
#include "base/unicode.def"
};
static const struct unicode_run numeric[] = {
#define NUMERIC(first, last, step) {first, last, step, 0},
#include "base/unicode.def"
};
static const struct unicode_run upper[] = {
#define UPPER(first, last, step) {first, last, step, 0},
#include "base/unicode.def"
};
static const struct unicode_run lower[] = {
#define LOWER(first, last, step) {first, last, step, 0},
#include "base/unicode.def"
};
static const struct unicode_run cased[] = {
#define CASED(first, last, step) {first, last, step, 0},
#include "base/unicode.def"
};
static const struct unicode_run ignorable[] = {
#define IGNORABLE(first, last, step) {first, last, step, 0},
#include "base/unicode.def"
};
static const struct unicode_run to_lower[] = {
#define TO_LOWER(first, last, step, delta) {first, last, step, delta},
#include "base/unicode.def"
};
static const struct unicode_run to_upper[] = {
#define TO_UPPER(first, last, step, delta) {first, last, step, delta},
#include "base/unicode.def"
};
static const struct unicode_text full_lower[] = {
#define FULL_LOWER(code, text) {code, S_INIT(text)},
#include "base/unicode.def"
};
static const struct unicode_text full_upper[] = {
#define FULL_UPPER(code, text) {code, S_INIT(text)},
#include "base/unicode.def"
};

static bool is_in(const struct unicode_run *runs, size_t count, uint32_t code);
static int by_code(const void *key, const void *row);
static uint32_t sigma_at(struct str before, struct str after);
static bool is_cased(uint32_t code);
static bool is_ignorable(uint32_t code);
static bool cased_before(struct str text);
static bool cased_after(struct str text);
static size_t last_code(struct str s, uint32_t *out_code);

bool unicode_is_alphabetic(uint32_t code)
{
    if (code < 0x80)
        return byte_is_alpha((uint8_t)code);
    return is_in(alphabetic, COUNT_OF(alphabetic), code);
}

bool unicode_is_numeric(uint32_t code)
{
    if (code < 0x80)
        return byte_is_digit((uint8_t)code);
    return is_in(numeric, COUNT_OF(numeric), code);
}

bool unicode_is_upper(uint32_t code)
{
    if (code < 0x80)
        return byte_is_upper((uint8_t)code);
    return is_in(upper, COUNT_OF(upper), code);
}

bool unicode_is_lower(uint32_t code)
{
    if (code < 0x80)
        return byte_is_lower((uint8_t)code);
    return is_in(lower, COUNT_OF(lower), code);
}

bool unicode_is_space(uint32_t code)
{
    if (code < 0x80)
        return byte_is_space((uint8_t)code);
    return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) ||
           code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

uint32_t unicode_lower(uint32_t code)
{
    if (code < 0x80)
        return byte_to_lower((uint8_t)code);
    const struct unicode_run *r = unicode_run_of(to_lower, COUNT_OF(to_lower), code);
    return r == NULL ? code : (uint32_t)((int32_t)code + r->value);
}

void unicode_add_lower(struct buf *out, struct str s)
{
    struct str rest = s;
    uint32_t code;
    while (unicode_next(&rest, &code)) {
        const struct unicode_text *full = UNICODE_ROW_OF(full_lower, code);
        if (full != NULL)
            buf_add(out, full->text);
        else if (code >= UNICODE_BAD_BYTE)
            buf_add_byte(out, (char)(code - UNICODE_BAD_BYTE));
        else if (code == CODE_CAPITAL_SIGMA)
            buf_add_utf8(out, sigma_at(str_upto(s, s.len - rest.len - 2), rest));
        else
            buf_add_utf8(out, unicode_lower(code));
    }
}

void unicode_add_upper(struct buf *out, struct str s)
{
    uint32_t code;
    while (unicode_next(&s, &code)) {
        const struct unicode_text *full = UNICODE_ROW_OF(full_upper, code);
        const struct unicode_run *r = unicode_run_of(to_upper, COUNT_OF(to_upper), code);
        if (full != NULL)
            buf_add(out, full->text);
        else if (code >= UNICODE_BAD_BYTE)
            buf_add_byte(out, (char)(code - UNICODE_BAD_BYTE));
        else if (code < 0x80)
            buf_add_byte(out, (char)byte_to_upper((uint8_t)code));
        else
            buf_add_utf8(out, r == NULL ? code : (uint32_t)((int32_t)code + r->value));
    }
}

struct str unicode_trim_start(struct str s)
{
    struct str rest = s;
    uint32_t code;
    while (unicode_next(&rest, &code) && unicode_is_space(code))
        s = rest;
    return s;
}

struct str unicode_trim_end(struct str s)
{
    uint32_t code;
    for (size_t len; (len = last_code(s, &code)) > 0 && unicode_is_space(code);)
        s.len -= len;
    return s;
}

bool unicode_next(struct str *rest, uint32_t *out_code)
{
    if (rest->len == 0)
        return false;
    size_t len = str_utf8_next(*rest, out_code);
    if (len == 0) {
        *out_code = UNICODE_BAD_BYTE + (uint8_t)rest->ptr[0];
        len = 1;
    }
    *rest = str_from(*rest, len);
    return true;
}

static bool is_in(const struct unicode_run *runs, size_t count, uint32_t code)
{
    return unicode_run_of(runs, count, code) != NULL;
}

const struct unicode_run *unicode_run_of(
        const struct unicode_run *runs, size_t count, uint32_t code)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (runs[middle].last < code)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == count || code < runs[low].first || (code - runs[low].first) % runs[low].step != 0)
        return NULL;
    return &runs[low];
}

const void *unicode_row_of(const void *rows, size_t count, size_t row_bytes, uint32_t code)
{
    return bsearch(&code, rows, count, row_bytes, by_code);
}

static int by_code(const void *key, const void *row)
{
    uint32_t code = *(const uint32_t *)key, other = *(const uint32_t *)row;
    return (code > other) - (code < other);
}

// Unicode 3.13, Final_Sigma: a cased letter stands before it and none behind, each time looking
// past what is case-ignorable.
static uint32_t sigma_at(struct str before, struct str after)
{
    return cased_before(before) && !cased_after(after) ? CODE_FINAL_SIGMA : CODE_SMALL_SIGMA;
}

// Letters that are ignorable as well do not count here: the rule skips them first.
static bool is_cased(uint32_t code)
{
    if (code < 0x80)
        return byte_is_alpha((uint8_t)code);
    return is_in(cased, COUNT_OF(cased), code);
}

static bool is_ignorable(uint32_t code)
{
    if (code < 0x80)
        return code == '\'' || code == '.' || code == ':' || code == '^' || code == '`';
    return is_in(ignorable, COUNT_OF(ignorable), code);
}

static bool cased_before(struct str text)
{
    uint32_t code = 0;
    for (size_t len; (len = last_code(text, &code)) > 0; text.len -= len)
        if (!is_ignorable(code))
            return is_cased(code);
    return false;
}

static bool cased_after(struct str text)
{
    uint32_t code = 0;
    while (unicode_next(&text, &code))
        if (!is_ignorable(code))
            return is_cased(code);
    return false;
}

// Length of the last code point, or of one ill-formed byte; 0 when there is none.
static size_t last_code(struct str s, uint32_t *out_code)
{
    for (size_t len = 1; len <= CODE_BYTES_MAX && len <= s.len; len++)
        if (str_utf8_next(str_from(s, s.len - len), out_code) == len)
            return len;
    if (s.len == 0)
        return 0;
    *out_code = UNICODE_BAD_BYTE + (uint8_t)s.ptr[s.len - 1];
    return 1;
}
