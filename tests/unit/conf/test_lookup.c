// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_lookup.c: lists (configuration.md 10.1-10.3, 10.6, 15).
#include "../base/check.h"
#include "conf/lookup.h"

struct world {
    struct arena arena;
    struct lookup *list;
};

static void world_init(struct world *w)
{
    arena_init(&w->arena, 4 * MIB);
    w->list = lookup_new();
    assert_non_null(w->list);
}

static void world_done(struct world *w)
{
    lookup_free(w->list);
    arena_done(&w->arena);
}

static struct str shown(struct world *w, struct str key)
{
    struct expr_value v;
    struct buf b AUTO(buf_done);
    buf_init(&b, 4 * KIB);
    if (!lookup_get(w->list, key, &v))
        return S("nothing");
    expr_value_show(&b, &v, 1000);
    return arena_str(&w->arena, buf_str(&b));
}

static void expect(struct world *w, const char *key, const char *want)
{
    struct str got = shown(w, str_from_c(key));
    if (!str_eq(got, str_from_c(want)))
        print_error("%s gives %.*s\n", key, ARG(got));
    assert_true(str_eq(got, str_from_c(want)));
}

static void put(struct world *w, const char *key, const char *value)
{
    struct err bad = lookup_put(&w->arena, w->list, str_from_c(key), str_from_c(value));
    assert_false(failed(bad));
}

static void values_are_typed(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", "''"}, {"true", "1"}, {"false", "0"}, {"5", "5"},
            {"-5", "-5"}, {"007", "7"}, {"0.50", "0.5"}, {"-0.5", "-0.5"}, {"1e3", "'1e3'"},
            {".5", "'.5'"}, {"5.", "'5.'"}, {"True", "'True'"}, {"gold", "'gold'"},
            {"99999999999999999999", "'99999999999999999999'"}, {" 5", "' 5'"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        world_init(&w);
        put(&w, "k", cases[i][0]);
        lookup_close(w.list);
        expect(&w, "k", cases[i][1]);
        world_done(&w);
    }
}

static void exact_before_patterns_in_byte_order(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    put(&w, "mx?.example.net", "third");
    put(&w, "*.example.org", "true");
    put(&w, "*.net", "second");
    put(&w, "mx1.example.net", "exact");
    put(&w, "*.example.net", "first");
    put(&w, "a\\*b", "literal");
    lookup_close(w.list);
    assert_int_equal(lookup_count(w.list), 6);
    expect(&w, "mx1.example.net", "'exact'");
    expect(&w, "mx2.example.net", "'first'"); // "*.e" before "*.n" before "mx"
    expect(&w, "other.net", "'second'");
    expect(&w, "x.example.org", "1");
    expect(&w, "example.org", "nothing");
    expect(&w, "X.EXAMPLE.ORG", "nothing");
    expect(&w, "a*b", "'literal'");
    expect(&w, "axb", "nothing");
    expect(&w, "", "nothing");
    world_done(&w);
}

static void refusals(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    static char key[LOOKUP_KEY_BYTES_MAX + 1];
    memset(key, 'k', sizeof(key));
    assert_true(failed(lookup_put(&w.arena, w.list, S("a\\"), S(""))));
    assert_true(failed(lookup_put(&w.arena, w.list, S("*\\"), S(""))));
    assert_false(failed(lookup_put(&w.arena, w.list, str_of(key, LOOKUP_KEY_BYTES_MAX), S(""))));
    assert_true(failed(lookup_put(&w.arena, w.list, str_of(key, sizeof(key)), S(""))));
    key[0] = '*';
    assert_true(failed(lookup_put(&w.arena, w.list, str_of(key, sizeof(key)), S(""))));
    world_done(&w);
}

static void capital_letters_are_found(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    put(&w, "a", "X");
    assert_true(str_is_null(lookup_capital_key(w.list)));
    put(&w, "bC", "");
    assert_true(str_eq(lookup_capital_key(w.list), S("bC")));
    world_done(&w);
}

struct read_case {
    const char *name;
    struct lookup_text how;
    const char *text;
    const char *pairs[6][2];
    size_t entries, skipped;
    bool truncated;
};

static const struct read_case READS[] = {
        {"list", {.format = LOOKUP_LIST}, " a \r\n\n# no\n#no\nb\n*.c\nlast",
                {{"a", "1"}, {"b", "1"}, {"*.c", "1"}, {"x.c", "nothing"}, {"last", "1"}}, 4, 0,
                false},
        {"list without patterns", {.format = LOOKUP_LIST}, "a\\*b", {{"a\\*b", "1"}}, 1, 0, false},
        {"nothing", {.format = LOOKUP_LIST}, "", {{"", "nothing"}}, 0, 0, false},
        {"csv", {LOOKUP_CSV, .value_column = 1}, "a,1,x\r\nb, two ,y\nc\n,5\n",
                {{"a", "1"}, {"b", "'two'"}, {"c", "''"}}, 3, 1, false},
        {"csv without values", {LOOKUP_CSV, .key_column = 1, .value_column = -1}, "x,a\ny\nz,b",
                {{"a", "1"}, {"b", "1"}, {"y", "nothing"}}, 2, 1, false},
        {"csv quoted", {LOOKUP_CSV, .value_column = 1},
                "\"a,b\",\"say \"\"hi\"\"\"\n\"two\nlines\",2\n",
                {{"a,b", "'say \"hi\"'"}, {"two\nlines", "2"}}, 2, 0, false},
        {"csv separator", {LOOKUP_CSV, .separator = ';', .value_column = 1}, "a;1\nb;0.5",
                {{"a", "1"}, {"b", "0.5"}}, 2, 0, false},
        {"csv header", {LOOKUP_CSV, .value_column = -1, .skip_first = true}, "domain\na\n",
                {{"a", "1"}, {"domain", "nothing"}}, 1, 0, false},
        {"csv # is data", {LOOKUP_CSV, .value_column = -1}, "#a\n", {{"#a", "1"}}, 1, 0, false},
        {"csv stray quote", {LOOKUP_CSV, .value_column = -1, .entry_bytes_max = 8},
                "\"open\nb\nccccccccccccc\nd\n", {{"open", "1"}, {"b", "1"}, {"d", "1"}}, 3, 1,
                false},
        {"csv mark of the byte order", {LOOKUP_CSV, .value_column = -1},
                "\xef\xbb\xbf"
                "a\n",
                {{"a", "1"}}, 1, 0, false},
        {"csv key is value", {LOOKUP_CSV, .value_column = 0}, "5,x\n", {{"5", "5"}}, 1, 0, false},
        {"keyval", {.format = LOOKUP_KEYVAL}, "a 1\nb = two words\nc=3\nd\n# x\n=5\n\te\tf \n",
                {{"a", "1"}, {"b", "'two words'"}, {"c", "3"}, {"d", "''"}, {"e", "'f'"}}, 5, 1,
                false},
        {"too long", {LOOKUP_LIST, .entry_bytes_max = 3}, "abc\nabcd\nx",
                {{"abc", "1"}, {"abcd", "nothing"}, {"x", "1"}}, 2, 1, false},
        {"too many", {LOOKUP_LIST, .entries_max = 2}, "a\nb\nc\n", {{"b", "1"}, {"c", "nothing"}},
                2, 0, true},
        {"as many as may be", {LOOKUP_LIST, .entries_max = 2}, "a\nb\n", {{"b", "1"}}, 2, 0, false},
};

static void reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(READS); i++) {
        const struct read_case *c = &READS[i];
        struct world w;
        struct lookup_read_report report;
        world_init(&w);
        assert_false(failed(lookup_read(w.list, str_from_c(c->text), &c->how, &report)));
        lookup_close(w.list);
        if (report.entries != c->entries || report.skipped != c->skipped ||
                report.truncated != c->truncated)
            print_error("%s: %zu entries, %zu skipped\n", c->name, report.entries, report.skipped);
        for (size_t p = 0; p < 6 && c->pairs[p][0] != NULL; p++)
            expect(&w, c->pairs[p][0], c->pairs[p][1]);
        assert_int_equal(report.entries, c->entries);
        assert_int_equal(report.skipped, c->skipped);
        assert_int_equal(report.truncated, c->truncated);
        world_done(&w);
    }
}

// configuration.md 15: at most 200 bytes and its key for an entry, the worst kind: own values.
static void a_million_entries(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct buf text AUTO(buf_done);
    size_t key_bytes = 0, count = 1000000;
    buf_init(&text, 64 * MIB);
    for (size_t i = 0; i < count; i++) {
        size_t before = text.len;
        buf_fmt(&text, "host-%zu.example.net", i);
        key_bytes += text.len - before;
        buf_fmt(&text, ",%zu\n", i + 2);
    }
    assert_false(text.overflow);
    struct lookup_text how = {LOOKUP_CSV, .value_column = 1, .entries_max = LOOKUP_ENTRIES_MAX};
    struct lookup_read_report report;
    assert_false(failed(lookup_read(w.list, buf_str(&text), &how, &report)));
    lookup_close(w.list);
    assert_int_equal(report.entries, count);
    expect(&w, "host-999999.example.net", "1000001");
    expect(&w, "host-1000000.example.net", "nothing");
    print_message("%zu bytes an entry and its key\n", (lookup_bytes(w.list) - key_bytes) / count);
    assert_true(lookup_bytes(w.list) <= key_bytes + 200 * count);
    world_done(&w);
}

static void sets_of_lists(void **state)
{
    (void)state;
    struct arena a;
    struct expr_value v;
    arena_init(&a, MIB);
    struct lookups *all = lookups_new();
    assert_non_null(all);
    assert_true(str_eq(lookups_ids(all, &a), S("none")));
    assert_null(lookups_get(all, S("a")));
    assert_null(lookups_get(NULL, S("a")));
    assert_non_null(lookups_get(NULL, S("blocked-domains")));
    assert_non_null(lookups_get(all, S("spam-block")));
    assert_false(lookup_get(lookups_get(all, S("spam-traps")), S("x"), &v));
    for (int round = 0; round < 2; round++) { // the second replaces the first
        struct lookup *l = lookup_new(), *m = lookup_new();
        assert_false(failed(lookup_put_literal(l, S("k"), expr_integer(round))));
        assert_true(lookups_put(all, S("a"), l));
        assert_true(lookups_put(all, S("spam-traps"), m));
        assert_true(lookup_get(lookups_get(all, S("a")), S("k"), &v));
        assert_int_equal(v.integer, round);
        assert_ptr_equal(lookups_get(all, S("spam-traps")), m);
    }
    assert_true(str_eq(lookups_ids(all, &a), S("a, spam-traps")));
    lookups_free(all);
    lookups_free(NULL);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values_are_typed),
            cmocka_unit_test(exact_before_patterns_in_byte_order), cmocka_unit_test(refusals),
            cmocka_unit_test(capital_letters_are_found), cmocka_unit_test(reading),
            cmocka_unit_test(a_million_entries), cmocka_unit_test(sets_of_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
