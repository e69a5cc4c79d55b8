// SPDX-License-Identifier: Apache-2.0
// tests/unit/http/test_target.c: paths and queries, decoded once.
#include "../base/check.h"
#include "http/target.h"

#include "http/limits.h"

struct path_case {
    const char *name;
    struct str raw;
    const char *path; // NULL: refused with 400
};

static const struct path_case PATHS[] = {
        {"two dots", S_INIT("/a/../b"), NULL},
        {"two dots at the end", S_INIT("/a/.."), NULL},
        {"two dots, encoded", S_INIT("/%2e%2E/b"), NULL},
        {"one of them encoded", S_INIT("/.%2e/b"), NULL},
        {"two dots behind an encoded slash", S_INIT("/a%2f../b"), NULL},
        {"an encoded NUL", S_INIT("/a%00"), NULL},
        {"half an escape", S_INIT("/a%2"), NULL},
        {"no escape", S_INIT("/a%"), NULL},
        {"letters that are not hexadecimal", S_INIT("/a%g0"), NULL},
        {"an overlong slash", S_INIT("/%c0%af"), NULL},
        {"a lone continuation", S_INIT("/%80"), NULL},
        {"three dots", S_INIT("/.../b"), "/.../b"},
        {"dots in a name", S_INIT("/a..b/..c/d.."), "/a..b/..c/d.."},
        {"decoded once", S_INIT("/%252e%252e/%2561"), "/%2e%2e/%61"},
        {"a plus is a plus", S_INIT("/a+b"), "/a+b"},
        {"UTF-8", S_INIT("/%C3%A9%e2%82%ac"), "/\xc3\xa9\xe2\x82\xac"},
        {"root", S_INIT("/"), "/"},
        {"empty", S_INIT(""), ""},
};

static void paths(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    for (size_t i = 0; i < COUNT_OF(PATHS); i++) {
        const struct path_case *c = &PATHS[i];
        struct str got = S("untouched");
        struct http_problem p = http_path_decode(&a, c->raw, &got);
        if (c->path == NULL && (p.status != 400 || !str_eq(got, S("untouched"))))
            check_failed("%s: not refused: \"%.*s\"", c->name, ARG(got));
        if (c->path != NULL && (!http_is_fine(p) || !str_eq(got, str_from_c(c->path))))
            check_failed("%s: wanted %s, got %d \"%.*s\"", c->name, c->path, p.status, ARG(got));
    }
}

static void segments(void **state UNUSED)
{
    struct str rest = S("/a//%2Fb/"), segment;
    static const char *const WANTED[] = {"a", "", "%2Fb", ""};
    for (size_t i = 0; i < COUNT_OF(WANTED); i++) {
        assert_true(http_path_next(&rest, &segment));
        assert_true(str_eq(segment, str_from_c(WANTED[i])));
    }
    assert_false(http_path_next(&rest, &segment));
    rest = S("*");
    assert_false(http_path_next(&rest, &segment));
}

struct query_case {
    const char *name;
    struct str raw;
    const char *shown; // name=value; for each, NULL: refused with 400
};

static const struct query_case QUERIES[] = {
        {"half an escape", S_INIT("a=%4"), NULL},
        {"half an escape in a name", S_INIT("%=a"), NULL},
        {"an encoded NUL", S_INIT("a=b%00"), NULL},
        {"a malformed repetition", S_INIT("a=1&a=%"), NULL},
        {"null", {NULL, 0}, ""},
        {"empty", S_INIT(""), ""},
        {"nothing but separators", S_INIT("&&&"), ""},
        {"the first of a name wins", S_INIT("a=1&b=2&a=3"), "a=1;b=2;"},
        {"also when it is written otherwise", S_INIT("a=1&%61=3"), "a=1;"},
        {"names keep their case", S_INIT("a=1&A=2"), "a=1;A=2;"},
        {"no value", S_INIT("a&b="), "a=;b=;"},
        {"no name", S_INIT("=1"), "=1;"},
        {"a second =", S_INIT("a=b=c"), "a=b=c;"},
        {"plus and escapes", S_INIT("a+b=c%2Bd+e%26f"), "a b=c+d e&f;"},
        {"not UTF-8", S_INIT("a=%ff"), "a=\xff;"},
        {"a semicolon does not separate", S_INIT("a=1;b=2"), "a=1;b=2;"},
};

static void queries(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct buf shown AUTO(buf_done);
    arena_init(&a, 64 * KIB);
    buf_init(&shown, 1 * KIB);
    for (size_t i = 0; i < COUNT_OF(QUERIES); i++) {
        const struct query_case *c = &QUERIES[i];
        struct http_query q = {0};
        struct http_problem p = http_query_parse(&a, c->raw, &q);
        buf_clear(&shown);
        each_in_vec (parameter, &q.parameters)
            buf_fmt(&shown, "%.*s=%.*s;", ARG(parameter->name), ARG(parameter->value));
        if (c->shown == NULL ? p.status != 400 : !str_eq(buf_str(&shown), str_from_c(c->shown)))
            check_failed("%s: %d \"%.*s\"", c->name, p.status, ARG(buf_str(&shown)));
    }
    struct http_query q;
    assert_true(http_is_fine(http_query_parse(&a, S("dry-run"), &q)));
    assert_false(str_is_null(http_query_get(&q, S("dry-run"))));
    assert_true(str_is_null(http_query_get(&q, S("dry"))));
}

static void parameters_are_limited(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct buf text AUTO(buf_done);
    struct http_query q;
    arena_init(&a, 1 * MIB);
    buf_init(&text, 64 * KIB);
    for (int i = 0; i < HTTP_QUERY_PARAMETERS_MAX; i++)
        buf_fmt(&text, "%d&", i);
    assert_true(http_is_fine(http_query_parse(&a, buf_str(&text), &q)));
    assert_int_equal(q.parameters.count, HTTP_QUERY_PARAMETERS_MAX);
    buf_add(&text, S("x"));
    assert_int_equal(http_query_parse(&a, buf_str(&text), &q).status, 400);
    arena_reset(&a);
    a.limit_bytes = 100;
    assert_int_equal(http_query_parse(&a, buf_str(&text), &q).status, 414);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
            cmocka_unit_test(paths),
            cmocka_unit_test(segments),
            cmocka_unit_test(queries),
            cmocka_unit_test(parameters_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
