// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_toml.c: the TOML reader in all its forms, the printing of its findings, and the
// formatter: what it writes is strict TOML 1.0.0 with the tree that was read, and formatting it
// again changes nothing.
#include "base/json.h"
#include "conf/toml.h"

#define MEMORY_BYTES_MAX (256 * MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    struct arena arena;
    struct findings findings;
    struct toml *doc;
};

static void reading_done(struct reading *r)
{
    arena_done(&r->arena);
}

static void read_it(struct reading *r, struct str text, enum toml_version version,
        enum toml_tolerance tolerance)
{
    struct toml_options options = {
            .file = S("fuzz.toml"), .version = version, .tolerance = tolerance};
    struct buf out AUTO(buf_done);
    buf_init(&out, MEMORY_BYTES_MAX);
    arena_init(&r->arena, MEMORY_BYTES_MAX);
    r->findings = findings_make(&r->arena);
    r->doc = toml_parse(&r->arena, text, &options, &r->findings);
    findings_print(&out, &r->findings, FINDINGS_COLOUR);
    findings_lines(&out, &r->findings);
    struct json_out o = json_begin(&out, JSON_COMPACT);
    findings_json(&o, &r->findings, true);
    if (r->doc == NULL)
        return;
    for (const struct toml *n = r->doc; n != NULL; n = toml_next(n, r->doc))
        assert(n->parent == NULL || (n->line > 0 && n->column > 0));
    struct json_out json = json_begin(&out, JSON_COMPACT);
    toml_tagged_json(&json, r->doc);
}

// Members may be in another order: a table that was opened twice is put together.
static void assert_same(const struct toml *a, const struct toml *b)
{
    const struct toml *element = b->first;
    assert(a->type == b->type && a->count == b->count);
    if (a->type == TOML_STRING)
        assert(str_eq(a->text, b->text));
    assert(a->integer == b->integer && a->boolean == b->boolean);
    assert(a->real == b->real || a->real != a->real);
    for (const struct toml *child = a->first; child != NULL; child = child->next) {
        const struct toml *other = a->type == TOML_TABLE ? toml_member(b, child->key) : element;
        assert(other != NULL);
        assert_same(child, other);
        element = element->next;
    }
}

static void format_it(struct str text, struct buf *out)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, MEMORY_BYTES_MAX);
    struct findings findings = findings_make(&a);
    bool formatted = toml_format(out, &a, text, S("fuzz.toml"), &findings);
    assert(formatted && !findings_failed(&findings));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    struct reading strict AUTO(reading_done), strict_1_1 AUTO(reading_done);
    struct reading tolerant AUTO(reading_done), again AUTO(reading_done);
    struct buf once AUTO(buf_done), twice AUTO(buf_done);
    read_it(&strict, text, TOML_1_0, TOML_STRICT);
    read_it(&strict_1_1, text, TOML_1_1, TOML_STRICT);
    read_it(&tolerant, text, TOML_1_0, TOML_TOLERANT);
    arena_init(&again.arena, 0);
    buf_init(&once, MEMORY_BYTES_MAX);
    buf_init(&twice, MEMORY_BYTES_MAX);
    assert(findings_failed(&strict.findings) || !findings_failed(&strict_1_1.findings));
    if (tolerant.doc == NULL || findings_failed(&tolerant.findings))
        return 0;
    format_it(text, &once);
    read_it(&again, buf_str(&once), TOML_1_0, TOML_STRICT);
    assert(!findings_failed(&again.findings));
    assert_same(tolerant.doc, again.doc);
    format_it(buf_str(&once), &twice);
    assert(str_eq(buf_str(&once), buf_str(&twice)));
    return 0;
}
