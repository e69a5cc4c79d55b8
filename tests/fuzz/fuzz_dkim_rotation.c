// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_dkim_rotation.c: templates of selectors, and the file of keys. What a template
// makes is made of labels; keys that are read are written the same, and whatever they are, a line
// comes to rest after a few steps, with one key that signs if there was one.
#define POSTHASTE_BASE_ROOM
#include "proof/rotation.h"
#include "proof/tags.h"

#define NOW_MS 1000000000000
#define STEPS_MAX 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_template(struct arena *a, struct str text)
{
    const struct rotation_selector_inputs in = {
            .type = DKIM_KEY_ED25519, .now_ms = NOW_MS, .random = "abcd0123"};
    struct str selector, again;
    if (failed(rotation_selector(a, text, &in, &selector)))
        return;
    assert(selector.len > 0 && tag_domain(a, selector, 1, &again) && str_eq(again, selector));
}

static void check_text(struct arena *a, const struct rotation_keys *keys)
{
    struct rotation_keys again;
    struct buf text, same;
    buf_init(&text, 8 * MIB);
    buf_init(&same, 8 * MIB);
    rotation_keys_add(&text, keys);
    assert(!failed(rotation_keys_parse(a, buf_str(&text), &again)));
    rotation_keys_add(&same, &again);
    assert(str_eq(buf_str(&text), buf_str(&same)));
    buf_done(&text);
    buf_done(&same);
}

static size_t count_active(const struct rotation_keys *keys, const struct rotation_line *line)
{
    size_t count = 0;
    each_in_vec (k, &keys->all)
        count += k->stage == SIGNER_ACTIVE && k->type == line->type &&
                 str_eq(k->domain, line->domain);
    return count;
}

static void run_line(struct arena *a, struct rotation_keys *keys, const struct rotation_line *line)
{
    const struct rotation_key made = {
            .selector = S("new"), .record = S("v=DKIM1; p=x"), .secret = S("x")};
    size_t before = count_active(keys, line), n = 0;
    for (; n < STEPS_MAX; n++) {
        struct rotation_step step = rotation_next(keys, line, NOW_MS);
        if (step.kind == ROTATION_WAIT)
            break;
        if (step.kind == ROTATION_MAKE && failed(rotation_create(a, keys, line, &made, NOW_MS)))
            break;
        if (step.kind == ROTATION_LOOK)
            rotation_answer(keys, line, step.key, (enum rotation_found)(n % 3), NOW_MS);
        if (step.kind == ROTATION_RETIRE)
            rotation_retire(step.key, line, NOW_MS);
        if (step.kind == ROTATION_DELETE)
            rotation_delete(keys, step.key);
    }
    assert(n < STEPS_MAX);
    assert(before == 0 || count_active(keys, line) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rotation_rule rule = {.of_type = {true, true},
            .rotate_after_ms = ROTATION_ROTATE_MS,
            .retire_after_ms = ROTATION_RETIRE_MS,
            .delete_after_ms = ROTATION_DELETE_MS};
    struct arena a AUTO(arena_done);
    struct rotation_keys keys;
    struct str text = str_of((const char *)data, size);
    arena_init(&a, 64 * MIB);
    try_template(&a, text);
    if (failed(rotation_keys_parse(&a, text, &keys)))
        return 0;
    check_text(&a, &keys);
    for (size_t i = 0; i < keys.all.count && i < 8; i++) {
        const struct rotation_line line = {
                .domain = keys.all.at[i].domain, .type = keys.all.at[i].type, .rule = &rule};
        run_line(&a, &keys, &line);
    }
    return 0;
}
