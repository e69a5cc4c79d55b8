// SPDX-License-Identifier: Apache-2.0
// base/normalize.c: canonical decomposition, ordering and composition (Unicode 3.11), by the tables
// of idna.def. Texts are as long as names and addresses are: sorting is by insertion.
#define POSTHASTE_BASE_ROOM
#include "base/unicode.h"

#include "base/unicode_runs.h"

#define FIRST_UNSTABLE_BYTE 0xCC // of U+0300: all that stands below is in the form already
#define LETTERS_PER_BYTE 2       // what is two bytes long has three letters at most
#define HANGUL_FIRST 0xAC00      // syllables are not in the tables: Unicode 3.12 counts them
#define HANGUL_LEAD 0x1100
#define HANGUL_VOWEL 0x1161
#define HANGUL_TAIL 0x11A7 // one before the first: no tail is a tail, too
#define HANGUL_VOWEL_COUNT 21
#define HANGUL_LEAD_COUNT 19
#define HANGUL_TAIL_COUNT 28
#define HANGUL_COUNT (HANGUL_LEAD_COUNT * HANGUL_VOWEL_COUNT * HANGUL_TAIL_COUNT)

struct letter {
    uint32_t code;
    uint32_t cls;
};

struct decomposition {
    uint32_t code, first, second; // second 0: none
};

static const struct decomposition decompositions[] = {
// by code
#define DECOMPOSED(code, first, second) {code, first, second},
#include "base/idna.def"
};
static const struct decomposition compositions[] = {
// by first and second
#define COMPOSED(first, second, code) {code, first, second},
#include "base/idna.def"
};
static const struct unicode_run classes[] = {
#define COMBINING(first, last, cls) {first, last, 1, cls},
#include "base/idna.def"
};
static const struct unicode_run folds[] = {
#define FOLD(first, last, step, delta) {first, last, step, delta},
#include "base/idna.def"
};

static bool is_normal_for_sure(struct str s);
static void add_decomposed(struct buf *letters, uint32_t code);
static void add_letter(struct buf *letters, uint32_t code);
static void order(struct letter *letters, size_t count);
static size_t compose(struct letter *letters, size_t count);
static uint32_t composition_of(uint32_t first, uint32_t second);
static uint32_t hangul_of(uint32_t first, uint32_t second);

uint32_t unicode_fold(uint32_t code)
{
    if (code < 0x80)
        return byte_to_lower((uint8_t)code);
    const struct unicode_run *r = unicode_run_of(folds, COUNT_OF(folds), code);
    return r == NULL ? code : (uint32_t)((int32_t)code + r->value);
}

uint8_t unicode_combining_class(uint32_t code)
{
    if (code < 0x300)
        return 0;
    const struct unicode_run *r = unicode_run_of(classes, COUNT_OF(classes), code);
    return r == NULL ? 0 : (uint8_t)r->value;
}

void unicode_add_nfc(struct buf *out, struct str s)
{
    struct buf letters AUTO(buf_done);
    buf_init(&letters, s.len * LETTERS_PER_BYTE * sizeof(struct letter));
    if (is_normal_for_sure(s)) {
        buf_add(out, s);
        return;
    }
    for (uint32_t code; unicode_next(&s, &code);)
        add_decomposed(&letters, code);
    struct letter *at = (struct letter *)(void *)letters.ptr;
    size_t count = letters.len / sizeof(struct letter);
    order(at, count);
    count = compose(at, count);
    for (size_t i = 0; i < count; i++) {
        if (at[i].code < UNICODE_BAD_BYTE)
            buf_add_utf8(out, at[i].code);
        else
            buf_add_byte(out, (char)(at[i].code - UNICODE_BAD_BYTE));
    }
    out->overflow = out->overflow || letters.overflow; // no memory
}

static bool is_normal_for_sure(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((uint8_t)s.ptr[i] >= FIRST_UNSTABLE_BYTE)
            return false;
    return true;
}

// Calls itself as deep as decompositions have parts that can be decomposed: three times.
static void add_decomposed(struct buf *letters, uint32_t code)
{
    if (code >= HANGUL_FIRST && code < HANGUL_FIRST + HANGUL_COUNT) {
        uint32_t place = code - HANGUL_FIRST, tail = place % HANGUL_TAIL_COUNT;
        add_letter(letters, HANGUL_LEAD + place / (HANGUL_VOWEL_COUNT * HANGUL_TAIL_COUNT));
        add_letter(letters, HANGUL_VOWEL + place / HANGUL_TAIL_COUNT % HANGUL_VOWEL_COUNT);
        if (tail > 0)
            add_letter(letters, HANGUL_TAIL + tail);
        return;
    }
    const struct decomposition *d = UNICODE_ROW_OF(decompositions, code);
    if (d == NULL) {
        add_letter(letters, code);
        return;
    }
    add_decomposed(letters, d->first);
    if (d->second != 0)
        add_decomposed(letters, d->second);
}

static void add_letter(struct buf *letters, uint32_t code)
{
    struct letter letter = {.code = code, .cls = unicode_combining_class(code)};
    buf_add(letters, str_of((const char *)&letter, sizeof(letter)));
}

// Marks of different classes do not touch each other: they stand in the order of their classes.
static void order(struct letter *letters, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct letter moving = letters[i];
        size_t at = i;
        for (; moving.cls > 0 && at > 0 && letters[at - 1].cls > moving.cls; at--)
            letters[at] = letters[at - 1];
        letters[at] = moving;
    }
}

// Each letter goes into the last base before it, unless one of its class or above stands between.
static size_t compose(struct letter *letters, size_t count)
{
    size_t kept = 0, base = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        struct letter letter = letters[i];
        bool blocked =
                base == SIZE_MAX || (kept - 1 != base && letters[kept - 1].cls >= letter.cls);
        uint32_t whole = blocked ? 0 : composition_of(letters[base].code, letter.code);
        if (whole != 0) {
            letters[base].code = whole;
            continue;
        }
        if (letter.cls == 0)
            base = kept;
        letters[kept++] = letter;
    }
    return kept;
}

static uint32_t composition_of(uint32_t first, uint32_t second)
{
    size_t low = 0, high = COUNT_OF(compositions);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct decomposition *d = &compositions[middle];
        if (d->first < first || (d->first == first && d->second < second))
            low = middle + 1;
        else
            high = middle;
    }
    if (low < COUNT_OF(compositions) && compositions[low].first == first &&
            compositions[low].second == second)
        return compositions[low].code;
    return hangul_of(first, second);
}

static uint32_t hangul_of(uint32_t first, uint32_t second)
{
    uint32_t lead = first - HANGUL_LEAD, vowel = second - HANGUL_VOWEL;
    uint32_t syllable = first - HANGUL_FIRST, tail = second - HANGUL_TAIL;
    if (lead < HANGUL_LEAD_COUNT && vowel < HANGUL_VOWEL_COUNT)
        return HANGUL_FIRST + (lead * HANGUL_VOWEL_COUNT + vowel) * HANGUL_TAIL_COUNT;
    if (syllable < HANGUL_COUNT && syllable % HANGUL_TAIL_COUNT == 0 && tail > 0 &&
            tail < HANGUL_TAIL_COUNT)
        return first + tail;
    return 0;
}
