// SPDX-License-Identifier: Apache-2.0
// base/json_lines.h: texts with an object of JSON in each line: what a server keeps in small files.
//
//     struct json_lines lines = json_lines_of(text);
//     const struct json *o;
//     while (json_lines_next(&lines, a, &o))
//         TRY(json_lines_blame(&lines, a, read_one(a, o, ...)));
//     TRY(lines.error);
#pragma once

#include "base/json.h"

struct json_lines {
    struct scan in;
    size_t number;    // of the line that was given last, from 1
    struct err error; // of the line behind which nothing is read any more
};
struct json_lines json_lines_of(struct str text);
// False at the end, or at a line that is no object. Blank lines are passed over.
bool json_lines_next(struct json_lines *lines, struct arena *a, const struct json **out);
// What is wrong with the line that was given last, with its number in front.
struct err json_lines_blame(const struct json_lines *lines, struct arena *a, struct err e) MUST_USE;
