// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_bounce_rules.c: rules about bounces, and a reply: what stands above the first
// empty line are rules, the line below it an enhanced code, and the rest a text. What is read twice
// is the same, and the built-in rules answer whatever the text.
#include "deliver/reply/classify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct str all = str_of((const char *)data, size), enhanced = STR_NULL;
    struct bounce_rules *rules;
    size_t end = str_find(all, S("\n\n"));
    struct str rest = end == STR_NOT_FOUND ? S("") : str_from(all, end + 2);
    arena_init(&a, 16 * MIB);
    (void)str_split(&rest, '\n', &enhanced);
    const struct outcome o = {.kind = FAILURE_UNEXPECTED_REPLY,
            .host = S("mx.example.net"),
            .command = S("RCPT TO"),
            .code = 550,
            .enhanced = enhanced,
            .text = str_upto(rest, 2000)};
    if (!failed(bounce_rules_read(&a, str_upto(all, end), &rules))) {
        struct bounce_answer first = bounce_classify(rules, &a, &o);
        struct bounce_answer again = bounce_classify(rules, &a, &o);
        assert(first.class == again.class && first.line == again.line);
        assert(!str_is_empty(bounce_class_word(first.class)));
    }
    arena_done(&a);
    return 0;
}
