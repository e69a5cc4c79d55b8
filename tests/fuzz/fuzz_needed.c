// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_needed.c: a pattern in the first line, and a text: what the pattern matches, in
// whatever case, is never passed over for want of a word.
#include "conf/needed.h"
#include "conf/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct str rest = str_of((const char *)data, size), pattern = S("");
    struct letters_of_three letters;
    struct regex *regex;
    (void)str_split(&rest, '\n', &pattern);
    struct str text = str_upto(rest, 500);
    arena_init(&a, 16 * MIB);
    const struct needed *needed = needed_read(&a, pattern);
    struct str any_case = arena_join(&a, S("(?i)"), pattern);
    if (letters_of_three(text, &letters) && !needed_is_there(needed, &letters) &&
            !str_is_null(any_case) && !failed(regex_compile(&a, any_case, &regex)))
        assert(regex_match(regex, &a, text, NULL) != REGEX_MATCH);
    arena_done(&a);
    return 0;
}
