// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_suspend.c: the file of orders at run time. What is read names something, and what
// is written of it reads the same.
#define POSTHASTE_BASE_ROOM
#include "deliver/shape/suspend.h"

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct suspension *is, const struct suspension *was)
{
    assert(is->kind == was->kind && is->since_ms == was->since_ms);
    assert(is->until_ms == was->until_ms && is->concurrency == was->concurrency);
    assert(is->rate.count == was->rate.count && is->rate.period_ms == was->rate.period_ms);
    for (size_t i = 0; i < SUSPEND_SCOPES; i++)
        assert(str_eq(is->scope[i], was->scope[i]));
    assert(str_eq(is->reason, was->reason) && is->is_automatic == was->is_automatic);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a AUTO(arena_done);
    struct buf text AUTO(buf_done);
    struct suspensions all, again;
    arena_init(&a, 16 * MIB);
    buf_init(&text, 8 * MIB);
    if (failed(suspensions_parse(&a, str_of((const char *)data, size), &all)))
        return 0;
    assert(all.all.count <= SUSPENSIONS_MAX);
    each_in_vec (s, &all.all) {
        struct suspend_values values = {0};
        for (size_t i = 0; i < SUSPEND_SCOPES; i++)
            values.scope[i] = s->scope[i];
        const struct message_tag tag = {.name = s->scope[SUSPEND_TAG]};
        values.tags = &tag;
        values.tag_count = 1;
        (void)suspensions_find(&all, s->kind, suspension_stage(s), &values, s->since_ms);
        struct json_out o = json_begin(&text, JSON_COMPACT);
        suspension_show(&o, s);
        buf_add_byte(&text, '\n');
    }
    if (text.overflow || failed(suspensions_parse(&a, buf_str(&text), &again)))
        return 0; // no room for both
    assert(again.all.count == all.all.count);
    for (size_t i = 0; i < all.all.count; i++)
        check_same(&again.all.at[i], &all.all.at[i]);
    return 0;
}
