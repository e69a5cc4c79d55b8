// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_http_target.c: targets split, decoded and queried: parts lie inside the target,
// a decoded path has neither NUL nor "..", and a name stands once in a query.
#define POSTHASTE_BASE_ROOM
#include "http/target.h"
#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(struct arena *a, struct str raw)
{
    struct str path, rest = raw, segment;
    if (!http_is_fine(http_path_decode(a, raw, &path)))
        return;
    assert(path.len <= raw.len && str_is_utf8(path));
    assert(str_find_byte(path, '\0') == STR_NOT_FOUND);
    assert(!str_contains(path, S("/../")) && !str_ends(path, S("/..")));
    size_t bytes = 0;
    while (http_path_next(&rest, &segment))
        bytes += 1 + segment.len;
    assert(bytes == (str_starts(raw, S("/")) ? raw.len : 0));
}

static void check_query(struct arena *a, struct str raw)
{
    struct http_query q;
    if (!http_is_fine(http_query_parse(a, raw, &q)))
        return;
    each_in_vec (parameter, &q.parameters)
        assert(http_query_get(&q, parameter->name).ptr == parameter->value.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a AUTO(arena_done);
    struct http_target parts;
    struct str text = str_of((const char *)data, size);
    arena_init(&a, 8 * MIB);
    for (enum http_method m = HTTP_GET; m <= HTTP_OTHER; m++) {
        if (!http_is_fine(http_target_split(m, text, &parts)))
            continue;
        assert(parts.authority.len + parts.path.len + parts.query.len <= text.len + 1);
        check_path(&a, parts.path);
        check_query(&a, parts.query);
    }
    check_path(&a, text);
    check_query(&a, text);
    return 0;
}
