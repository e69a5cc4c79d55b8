// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_standing.c: the file of standing rules. What is read and written comes back.
#include "queue/control/standing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct standing_rules rules, again;
    struct arena a;
    struct buf text;
    arena_init(&a, 8 * MIB);
    buf_init(&text, 4 * MIB);
    if (!failed(standing_parse(&a, str_of((const char *)data, size), &rules))) {
        each_in_vec (rule, &rules.all) {
            struct json_out o = json_begin(&text, JSON_COMPACT);
            standing_show(&o, rule);
            buf_add_byte(&text, '\n');
        }
        struct err e = standing_parse(&a, buf_str(&text), &again);
        assert(e.kind == ERR_LIMIT || (!failed(e) && again.all.count == rules.all.count));
    }
    buf_done(&text);
    arena_done(&a);
    return 0;
}
