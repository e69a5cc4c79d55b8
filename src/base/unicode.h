// SPDX-License-Identifier: Apache-2.0
// base/unicode.h: letters beyond ASCII: their classes and their case. Locale-free: what Unicode
// calls the default mappings, with those where one letter becomes several (the German sharp s) and
// the final sigma. Ill-formed bytes belong to no class and are copied as they are. The tables are
// base/unicode.def, which names its version of Unicode.
#pragma once

#include "base/base.h"

bool unicode_is_alphabetic(uint32_t code);
bool unicode_is_numeric(uint32_t code); // decimal digits, letter numbers, fractions
bool unicode_is_upper(uint32_t code);
bool unicode_is_lower(uint32_t code);
bool unicode_is_space(uint32_t code); // the property White_Space

// One code point to one. Others stay.
uint32_t unicode_lower(uint32_t code);
uint32_t unicode_fold(uint32_t code); // simple case folding: for comparing

void unicode_add_lower(struct buf *out, struct str s);
void unicode_add_upper(struct buf *out, struct str s);

// Without white space at the ends.
struct str unicode_trim_start(struct str s);
struct str unicode_trim_end(struct str s);

// Takes the next code point off *rest, an ill-formed byte b as UNICODE_BAD_BYTE + b, which equals
// no code point. False at the end.
#define UNICODE_BAD_BYTE 0x110000u
bool unicode_next(struct str *rest, uint32_t *out_code);

// --- Canonical equivalence, base/normalize.c -----------------------------------------------------

uint8_t unicode_combining_class(uint32_t code);
#define UNICODE_CLASS_VIRAMA 9
// In Normalization Form C, where letters that look the same are the same bytes.
void unicode_add_nfc(struct buf *out, struct str s);
