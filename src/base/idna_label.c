// SPDX-License-Identifier: Apache-2.0
// base/idna_label.c: what a label must be like.
#define POSTHASTE_BASE_ROOM
#include "base/idna_parts.h"
#include "base/unicode.h"

#define CODE_NON_JOINER 0x200C
#define CODE_JOINER 0x200D
#define BIT(cls) (1u << IDNA_BIDI_##cls)
#define NEUTRAL (BIT(ES) | BIT(CS) | BIT(ET) | BIT(ON) | BIT(BN) | BIT(NSM))

static bool joiner_is_right(const struct idna_label *label, size_t at);
static bool joins(const struct idna_label *label, size_t at, bool forward);

enum idna_fault idna_label_check(const struct idna_label *label)
{
    const uint32_t *codes = label->codes;
    size_t count = label->count;
    if (count == 0)
        return IDNA_EMPTY;
    bool hyphens = count >= 4 && codes[2] == '-' && codes[3] == '-';
    if (hyphens || codes[0] == '-' || codes[count - 1] == '-')
        return IDNA_HYPHEN;
    if (idna_is_mark(codes[0]))
        return IDNA_DISALLOWED;
    for (size_t i = 0; i < count; i++) {
        if (!idna_is_valid(codes[i]))
            return IDNA_DISALLOWED;
        bool joiner = codes[i] == CODE_JOINER || codes[i] == CODE_NON_JOINER;
        if (joiner && !joiner_is_right(label, i))
            return IDNA_JOINER;
    }
    return IDNA_FINE;
}

// RFC 5892 A.1 and A.2: behind a virama; the one that keeps letters apart also where they would
// join.
static bool joiner_is_right(const struct idna_label *label, size_t at)
{
    if (at > 0 && unicode_combining_class(label->codes[at - 1]) == UNICODE_CLASS_VIRAMA)
        return true;
    return label->codes[at] == CODE_NON_JOINER && joins(label, at, false) && joins(label, at, true);
}

// Does the next letter in that direction, past the transparent ones, reach out to this place?
static bool joins(const struct idna_label *label, size_t at, bool forward)
{
    enum idna_joining type;
    do {
        if (forward ? at + 1 == label->count : at == 0)
            return false;
        at = forward ? at + 1 : at - 1;
        type = idna_joining_of(label->codes[at]);
    } while (type == IDNA_JOINING_T);
    return type == IDNA_JOINING_D || type == (forward ? IDNA_JOINING_R : IDNA_JOINING_L);
}

bool idna_label_is_bidi(const struct idna_label *label)
{
    for (size_t i = 0; i < label->count; i++) {
        enum idna_bidi cls = idna_bidi_of(label->codes[i]);
        if (cls == IDNA_BIDI_R || cls == IDNA_BIDI_AL || cls == IDNA_BIDI_AN)
            return true;
    }
    return false;
}

// RFC 5893 2, rules 1 to 6.
bool idna_label_keeps_bidi_rule(const struct idna_label *label)
{
    uint32_t seen = 0, last = 0; // bits of classes; last: of the last one that is no mark
    for (size_t i = 0; i < label->count; i++) {
        uint32_t bit = 1u << idna_bidi_of(label->codes[i]);
        seen |= bit;
        last = bit == BIT(NSM) ? last : bit;
    }
    uint32_t first = 1u << idna_bidi_of(label->codes[0]);
    if (first == BIT(L))
        return (seen & ~(BIT(L) | BIT(EN) | NEUTRAL)) == 0 && (last & (BIT(L) | BIT(EN))) != 0;
    uint32_t letters = BIT(R) | BIT(AL), numbers = BIT(EN) | BIT(AN);
    return (first & letters) != 0 && (seen & ~(letters | numbers | NEUTRAL)) == 0 &&
           (last & (letters | numbers)) != 0 && (seen & numbers) != numbers;
}
