// SPDX-License-Identifier: Apache-2.0
// base/idna_parts.h: characters and labels of names; private to base/idna*.c.
#pragma once

#include "base/idna.h"

#define IDNA_LABEL_CODES_MAX 63 // each needs an octet at least, RFC 1035 2.3.4

struct idna_label {
    uint32_t codes[IDNA_LABEL_CODES_MAX];
    size_t count;
};

enum idna_bidi {
    IDNA_BIDI_L, // what is in no table
    IDNA_BIDI_R,
    IDNA_BIDI_AL,
    IDNA_BIDI_AN,
    IDNA_BIDI_EN,
    IDNA_BIDI_ES,
    IDNA_BIDI_CS,
    IDNA_BIDI_ET,
    IDNA_BIDI_ON,
    IDNA_BIDI_BN,
    IDNA_BIDI_NSM,
    IDNA_BIDI_OTHER,
};
enum idna_joining {
    IDNA_JOINING_U,
    IDNA_JOINING_D,
    IDNA_JOINING_L,
    IDNA_JOINING_R,
    IDNA_JOINING_T
};

// Adds what a character becomes: itself, another, several, or nothing.
enum idna_fault idna_map(struct buf *out, uint32_t code);
bool idna_is_valid(uint32_t code); // stays as it is
bool idna_is_mark(uint32_t code);
enum idna_bidi idna_bidi_of(uint32_t code);
enum idna_joining idna_joining_of(uint32_t code);

// UTS #46 4.1: may it be a label, looked at alone?
enum idna_fault idna_label_check(const struct idna_label *label);
// Is there a letter written from right to left? Then all labels have to keep to RFC 5893 2.
bool idna_label_is_bidi(const struct idna_label *label);
bool idna_label_keeps_bidi_rule(const struct idna_label *label);
