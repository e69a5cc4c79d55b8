// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/template.h: the text of a line with its holes: {} anything, {name} binds
// once and is equal later, {name:regex}, {{ a brace, {x*998} so many x.
#pragma once

#include "base/base.h"
#include "conf/regex.h"

#define TEMPLATE_PARTS_MAX 64
#define TEMPLATE_BYTES_MAX MIB // with its repetitions

enum part_kind { PART_TEXT, PART_HOLE };

struct part {
    enum part_kind kind;
    struct str text;     // of PART_TEXT
    struct str name;     // of a hole; empty: it has none
    struct regex *regex; // of a hole; NULL: anything
};

struct template
{
    VEC(struct part) parts;
};

struct hole {
    struct str name, value;
};
struct holes {
    VEC(struct hole) all;
};

// A line is as it stands; bytes know the escapes \r \n \t \0 \\ and \x00.
enum template_form { TEMPLATE_LINE, TEMPLATE_BYTES };

// "column N: what is wrong", N from 1.
struct err template_parse(
        struct arena *a, struct str text, enum template_form form, struct template *out) MUST_USE;
// The text with the values of its names. ERR_NOT_FOUND: one has no value, or a hole has no name.
struct err template_fill(struct arena *a, const struct template *t, const struct holes *holes,
        struct str *out) MUST_USE;
// The whole subject. New names are bound on success; else *out_furthest is where it first differs.
bool template_match(const struct template *t, struct arena *a, struct str subject,
        struct holes *holes, size_t *out_furthest);

struct str holes_get(const struct holes *holes, struct str name); // null: not bound
