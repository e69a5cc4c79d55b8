// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/toml_fixture.h: a document read, its tagged JSON in a short form, and its
// findings as "LINE:COLUMN MESSAGE" lines, warnings with a '~' before them.
#pragma once

#include "../base/check.h"

#include "conf/toml.h"

#define FIXTURE_BYTES_MAX (512 * MIB)

enum dialect { STRICT, NEW, TOLERANT }; // 1.0.0, 1.1.0, 1.0.0 with the tolerances

struct fixture {
    struct arena arena;
    struct findings findings;
    struct toml *doc;
    struct buf json, said;
};

static inline void fixture_read(struct fixture *f, struct str text, enum dialect dialect)
{
    struct toml_options options = {.file = S("f"),
            .version = dialect == NEW ? TOML_1_1 : TOML_1_0,
            .tolerance = dialect == TOLERANT ? TOML_TOLERANT : TOML_STRICT};
    arena_init(&f->arena, FIXTURE_BYTES_MAX);
    buf_init(&f->json, FIXTURE_BYTES_MAX);
    buf_init(&f->said, FIXTURE_BYTES_MAX);
    f->findings = findings_make(&f->arena);
    f->doc = toml_parse(&f->arena, text, &options, &f->findings);
    assert_non_null(f->doc);
    each_in_vec (found, &f->findings.all)
        buf_fmt(&f->said, "%s%u:%u %.*s\n", found->severity == FINDING_WARNING ? "~" : "",
                found->line, found->column, ARG(found->message));
    struct json_out o = json_begin(&f->json, JSON_COMPACT);
    toml_tagged_json(&o, f->doc);
}

static inline void fixture_done(struct fixture *f)
{
    buf_done(&f->json);
    buf_done(&f->said);
    arena_done(&f->arena);
}

// Text, or a piece of it over and over.
static inline void repeat(struct buf *out, struct str piece, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_add(out, piece);
}
