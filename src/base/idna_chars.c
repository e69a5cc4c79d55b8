// SPDX-License-Identifier: Apache-2.0
// base/idna_chars.c: what characters are in names, by binary search in the tables of idna.def.
#define POSTHASTE_BASE_ROOM
#include "base/idna_parts.h"
#include "base/unicode.h"
#include "base/unicode_runs.h"

static const struct unicode_run valid[] = {
#define VALID(first, last) {first, last, 1, 0},
#include "base/idna.def"
};
static const struct unicode_run ignored[] = {
#define IGNORED(first, last) {first, last, 1, 0},
#include "base/idna.def"
};
static const struct unicode_run refused[] = {
#define REFUSED(first, last) {first, last, 1, 0},
#include "base/idna.def"
};
static const struct unicode_run moved[] = {
#define MOVED(first, last, step, delta) {first, last, step, delta},
#include "base/idna.def"
};
static const struct unicode_text mapped[] = {
#define MAPPED(code, text) {code, S_INIT(text)},
#include "base/idna.def"
};
static const struct unicode_run bidi[] = {
#define BIDI(first, last, cls) {first, last, 1, IDNA_BIDI_##cls},
#include "base/idna.def"
};
static const struct unicode_run joining[] = {
#define JOINING(first, last, type) {first, last, 1, IDNA_JOINING_##type},
#include "base/idna.def"
};
static const struct unicode_run marks[] = {
#define MARK(first, last) {first, last, 1, 0},
#include "base/idna.def"
};

enum idna_fault idna_map(struct buf *out, uint32_t code)
{
    if (code < 0x80) {
        buf_add_byte(out, (char)byte_to_lower((uint8_t)code));
        return IDNA_FINE;
    }
    if (idna_is_valid(code)) {
        buf_add_utf8(out, code);
        return IDNA_FINE;
    }
    const struct unicode_run *run = unicode_run_of(moved, COUNT_OF(moved), code);
    if (run != NULL) {
        buf_add_utf8(out, (uint32_t)((int32_t)code + run->value));
        return IDNA_FINE;
    }
    const struct unicode_text *m = UNICODE_ROW_OF(mapped, code);
    if (m != NULL) {
        buf_add(out, m->text);
        return IDNA_FINE;
    }
    if (unicode_run_of(ignored, COUNT_OF(ignored), code) != NULL)
        return IDNA_FINE;
    bool known = unicode_run_of(refused, COUNT_OF(refused), code) != NULL;
    return known || code >= UNICODE_BAD_BYTE ? IDNA_DISALLOWED : IDNA_UNASSIGNED;
}

// Of ASCII what STD 3 allows: letters, in lower case by now, digits and hyphens.
bool idna_is_valid(uint32_t code)
{
    if (code < 0x80)
        return byte_is_lower((uint8_t)code) || byte_is_digit((uint8_t)code) || code == '-';
    return unicode_run_of(valid, COUNT_OF(valid), code) != NULL;
}

bool idna_is_mark(uint32_t code)
{
    return unicode_run_of(marks, COUNT_OF(marks), code) != NULL;
}

enum idna_bidi idna_bidi_of(uint32_t code)
{
    const struct unicode_run *run = unicode_run_of(bidi, COUNT_OF(bidi), code);
    return run == NULL ? IDNA_BIDI_L : (enum idna_bidi)run->value;
}

enum idna_joining idna_joining_of(uint32_t code)
{
    const struct unicode_run *run = unicode_run_of(joining, COUNT_OF(joining), code);
    return run == NULL ? IDNA_JOINING_U : (enum idna_joining)run->value;
}
