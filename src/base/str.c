// SPDX-License-Identifier: Apache-2.0
// base/str.c: comparing, searching, cutting and reading slices.
#define POSTHASTE_BASE_ROOM
#include "base/base.h"

#define DISTANCE_BYTES_MAX 64 // longer words are no typing errors
#define NUMBER_BYTES_MAX 384  // of a float; the largest double written out has 309 digits

static size_t least(size_t a, size_t b);

int byte_hex_value(uint8_t c)
{
    if (byte_is_digit(c))
        return c - '0';
    c = byte_to_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct str str_from_c(const char *text)
{
    return text == NULL ? STR_NULL : str_of(text, strlen(text));
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_nocase(struct str a, struct str b)
{
    return a.len == b.len && str_starts_nocase(a, b);
}

int str_compare(struct str a, struct str b)
{
    size_t common = least(a.len, b.len);
    int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

int str_compare_nocase(struct str a, struct str b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        int order = byte_to_lower((uint8_t)a.ptr[i]) - byte_to_lower((uint8_t)b.ptr[i]);
        if (order != 0)
            return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
    if (s.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++)
        if (byte_to_lower((uint8_t)s.ptr[i]) != byte_to_lower((uint8_t)prefix.ptr[i]))
            return false;
    return true;
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_from(s, s.len - suffix.len), suffix);
}

bool str_ends_nocase(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq_nocase(str_from(s, s.len - suffix.len), suffix);
}

size_t str_find(struct str s, struct str needle)
{
    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return STR_NOT_FOUND;
    const char *at = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return at == NULL ? STR_NOT_FOUND : (size_t)(at - s.ptr);
}

size_t str_find_byte(struct str s, char c)
{
    const char *at = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);
    return at == NULL ? STR_NOT_FOUND : (size_t)(at - s.ptr);
}

size_t str_rfind_byte(struct str s, char c)
{
    const char *at = s.len == 0 ? NULL : memrchr(s.ptr, c, s.len);
    return at == NULL ? STR_NOT_FOUND : (size_t)(at - s.ptr);
}

bool str_contains(struct str s, struct str needle)
{
    return str_find(s, needle) != STR_NOT_FOUND;
}

struct str str_from(struct str s, size_t start)
{
    start = least(start, s.len);
    return start == 0 ? s : str_of(s.ptr + start, s.len - start); // not even 0 is added to NULL
}

struct str str_upto(struct str s, size_t len)
{
    return str_of(s.ptr, least(len, s.len));
}

struct str str_part(struct str s, size_t start, size_t len)
{
    return str_upto(str_from(s, start), len);
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && byte_is_space((uint8_t)s.ptr[0]))
        s = str_from(s, 1);
    while (s.len > 0 && byte_is_space((uint8_t)s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct str str_trim_blanks(struct str s)
{
    while (s.len > 0 && byte_is_blank((uint8_t)s.ptr[0]))
        s = str_from(s, 1);
    while (s.len > 0 && byte_is_blank((uint8_t)s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_split(struct str *rest, char sep, struct str *out_piece)
{
    if (str_is_null(*rest))
        return false;
    struct str all = *rest;
    if (!str_cut(all, sep, out_piece, rest)) {
        *out_piece = all;
        *rest = STR_NULL;
    }
    return true;
}

bool str_cut(struct str s, char sep, struct str *out_before, struct str *out_after)
{
    size_t at = str_find_byte(s, sep);
    if (at == STR_NOT_FOUND)
        return false;
    *out_before = str_upto(s, at);
    *out_after = str_from(s, at + 1);
    return true;
}

bool str_rcut(struct str s, char sep, struct str *out_before, struct str *out_after)
{
    size_t at = str_rfind_byte(s, sep);
    if (at == STR_NOT_FOUND)
        return false;
    *out_before = str_upto(s, at);
    *out_after = str_from(s, at + 1);
    return true;
}

bool str_to_u64(struct str s, uint64_t max, uint64_t *out)
{
    struct scan in = scan_over(s);
    uint64_t value;
    if (!scan_u64(&in, max, &value) || !scan_end(&in))
        return false;
    *out = value;
    return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
    bool negative = str_starts(s, S("-"));
    uint64_t value;
    uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    if (!str_to_u64(str_from(s, negative), most, &value))
        return false;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

bool str_to_double(struct str s, double *out)
{
    char text[NUMBER_BYTES_MAX + 1];
    if (s.len == 0 || s.len > NUMBER_BYTES_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        if (!byte_is_digit(c) && c != '.' && c != 'e' && c != 'E' && c != '+' && c != '-')
            return false;
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    char *end;
    double value = strtod(text, &end);
    if (end != text + s.len || !__builtin_isfinite(value))
        return false;
    *out = value;
    return true;
}

// Whole words first: headers and bodies are asked.
bool str_is_ascii(struct str s)
{
    uint64_t high = 0, word;
    size_t i = 0;
    for (; i + sizeof(word) <= s.len; i += sizeof(word)) {
        memcpy(&word, s.ptr + i, sizeof(word));
        high |= word;
    }
    for (; i < s.len; i++)
        high |= (uint8_t)s.ptr[i];
    return (high & UINT64_C(0x8080808080808080)) == 0;
}

bool str_is_utf8(struct str s)
{
    while (s.len > 0) {
        uint32_t code;
        size_t len = str_utf8_next(s, &code);
        if (len == 0)
            return false;
        s = str_from(s, len);
    }
    return true;
}

size_t str_utf8_count(struct str s)
{
    size_t count = 0;
    while (s.len > 0) {
        uint32_t code;
        size_t len = str_utf8_next(s, &code);
        s = str_from(s, len == 0 ? 1 : len);
        count++;
    }
    return count;
}

// RFC 3629 4: the lead byte gives the length, and the smallest code that needs it.
size_t str_utf8_next(struct str s, uint32_t *out_code)
{
    if (s.len == 0)
        return 0;
    uint8_t lead = (uint8_t)s.ptr[0];
    if (lead < 0x80) {
        *out_code = lead;
        return 1;
    }
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = 2 + (lead >= 0xE0) + (lead >= 0xF0);
    uint32_t code = lead & (0x7Fu >> len);
    if (lead < 0xC2 || lead > 0xF4 || s.len < len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (((uint8_t)s.ptr[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | ((uint8_t)s.ptr[i] & 0x3F);
    }
    if (code < smallest[len] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    *out_code = code;
    return len;
}

size_t utf8_put(uint32_t code, char out[4])
{
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t len = 2 + (size_t)(code >= 0x800) + (code >= 0x10000);
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (char)(lead[len] | code);
    return len;
}

size_t str_distance(struct str a, struct str b, size_t most)
{
    if (a.len > DISTANCE_BYTES_MAX || b.len > DISTANCE_BYTES_MAX)
        return most + 1;
    uint8_t rows[3][DISTANCE_BYTES_MAX + 1]; // the row before last, the last, this one
    for (size_t j = 0; j <= b.len; j++)
        rows[1][j] = (uint8_t)j;
    for (size_t i = 1; i <= a.len; i++) {
        uint8_t *before = rows[(i + 2) % 3], *last = rows[i % 3], *now = rows[(i + 1) % 3];
        now[0] = (uint8_t)i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = a.ptr[i - 1] == b.ptr[j - 1];
            size_t cost = least(last[j - 1] + (same ? 0u : 1u), least(last[j], now[j - 1]) + 1u);
            bool swapped =
                    i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1];
            if (swapped)
                cost = least(cost, before[j - 2] + 1u);
            now[j] = (uint8_t)cost;
        }
    }
    size_t distance = rows[(a.len + 1) % 3][b.len];
    return distance > most ? most + 1 : distance;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

bool strs_have(const struct strs *all, struct str one)
{
    for (size_t i = 0; i < all->count; i++)
        if (str_eq(all->at[i], one))
            return true;
    return false;
}
