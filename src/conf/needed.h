// SPDX-License-Identifier: Apache-2.0
// conf/needed.h: words that must stand in a subject, or a pattern (conf/regex.h) cannot match. Who
// asks many patterns about the same subject looks for their words first, all at once by groups of
// three letters, and asks only the patterns whose words may be there.
//
//     const struct needed *needed = needed_read(a, pattern); // at load
//     ...
//     struct letters_of_three letters;
//     bool is_plain = letters_of_three(subject, &letters);
//     if (!is_plain || needed_is_there(needed, &letters))
//         ... regex_match(...)
#pragma once

#include "base/base.h"

struct needed;

// Good for patterns that match in any case, too. NULL: nothing has to be there, or the pattern has
// forms that are not looked into.
const struct needed *needed_read(struct arena *a, struct str pattern);

struct letters_of_three {
    uint64_t seen[64]; // a bit each by hash
};
// False: the text is not all ASCII, where letters of other alphabets match ours in any case.
bool letters_of_three(struct str text, struct letters_of_three *out);
// False: the pattern does not match that text. True: perhaps; always so of NULL.
bool needed_is_there(const struct needed *needed, const struct letters_of_three *letters);
