// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_dialogue.c: dialogue files. Whatever is in one, it is read or refused with its
// place; what was read lies within the file; and what a script would say is what it expects to
// hear.
#include "dialogue.h"

#define ARENA_BYTES_MAX (256 * MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_case(struct arena *a, const struct dialogue *d, const struct dialogue_case *c);
static void check_step(struct arena *a, const struct dialogue *d, const struct step *step);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, ARENA_BYTES_MAX);
    struct dialogue d = {0};
    struct err e = dialogue_read(&a, S("file"), str_of((const char *)data, size), &d);
    if (failed(e)) {
        assert(e.kind == ERR_LIMIT ||
                (e.kind == ERR_SYNTAX && str_starts(err_text(e), S("file:"))));
        return 0;
    }
    assert(d.cases.count > 0);
    check_case(&a, &d, &d.shared);
    each_in_vec (c, &d.cases) {
        assert(c->name.len > 0);
        check_case(&a, &d, c);
    }
    return 0;
}

static void check_case(struct arena *a, const struct dialogue *d, const struct dialogue_case *c)
{
    uint32_t before = c->line;
    each_in_vec (step, &c->steps) {
        assert(step->line > before && step->line <= d->lines.count);
        assert(step->line_count == 0 || step->block_line == step->line + 1);
        assert(step->line + step->line_count <= d->lines.count);
        before = step->line + (uint32_t)step->line_count;
        check_step(a, d, step);
    }
}

static void check_step(struct arena *a, const struct dialogue *d, const struct step *step)
{
    struct holes holes = {0};
    struct str text;
    size_t furthest;
    assert(step->when.ms >= 0 && step->number >= 0);
    assert(step->written.len <= d->lines.at[step->line - 1].len);
    if (step->regex == NULL && !failed(template_fill(a, &step->text, &holes, &text)))
        assert(template_match(&step->text, a, text, &holes, &furthest));
}
