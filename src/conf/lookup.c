// SPDX-License-Identifier: Apache-2.0
// conf/lookup.c: lists in memory and the set of all of them. Keys and values stand in an arena of
// the list; the commonest values (what lists without values have) are shared, so that an entry
// costs its key, 48 bytes of hash table and, if it has one, its value.
#include "conf/lookup.h"

#include "base/map.h"
#include "conf/glob.h"

struct pattern {
    struct glob glob;
    struct expr_value value;
};

struct lookup {
    struct arena arena;
    struct map exact;
    VEC(struct pattern) patterns; // by pattern once closed
    struct expr_value empty, zero, one;
    struct str capital;
};

struct lookups {
    struct arena arena; // ids
    struct map lists;
};

#define IDS_BYTES_MAX (16 * MIB)

static const struct lookup nothing; // what a well-known list is when nobody configured it

static const struct str well_known[] = {S_INIT("blocked-domains"), S_INIT("spam-block"),
        S_INIT("trusted-domains"), S_INIT("spam-traps"), S_INIT("url-redirectors"),
        S_INIT("freemail-providers"), S_INIT("disposable-providers")};

static struct err pattern_put(struct lookup *l, struct str key, struct expr_value value);
static struct str literal_of(struct arena *a, struct str key);
static struct expr_value *value_keep(struct lookup *l, struct expr_value value);
static void capital_note(struct lookup *l, struct str key);
static bool is_float_text(struct str s);
static void patterns_merge(
        const struct pattern *from, struct pattern *to, size_t begin, size_t middle, size_t end);

struct lookup *lookup_new(void)
{
    struct lookup *l = mem_new(struct lookup);
    if (l == NULL)
        return NULL;
    arena_init(&l->arena, LOOKUP_MEMORY_BYTES_MAX);
    map_init(&l->exact, 0, 0);
    l->empty = expr_text(S(""));
    l->zero = expr_integer(0);
    l->one = expr_integer(1);
    return l;
}

void lookup_free(struct lookup *l)
{
    if (l == NULL)
        return;
    map_done(&l->exact);
    arena_done(&l->arena);
    mem_free(l);
}

struct err lookup_put(struct arena *a, struct lookup *l, struct str key, struct str value)
{
    struct expr_value typed = lookup_type_value(value);
    if (glob_has_wildcard(key))
        return pattern_put(l, key, typed);
    struct str literal = literal_of(a, key);
    if (str_is_null(literal))
        return fail(ERR_SYNTAX, "the key ends with a lone '\\'");
    return lookup_put_literal(l, literal, typed);
}

struct err lookup_put_literal(struct lookup *l, struct str key, struct expr_value value)
{
    if (key.len > LOOKUP_KEY_BYTES_MAX)
        return fail(ERR_LIMIT, "a key is longer than 1 KiB");
    struct expr_value *kept = value_keep(l, value);
    struct str copy = kept == NULL ? STR_NULL : arena_str(&l->arena, key);
    if (str_is_null(copy) || !map_put(&l->exact, copy, kept))
        return fail(ERR_LIMIT, "no memory for a list");
    capital_note(l, copy);
    return OK;
}

// Byte order of the patterns; the sort is stable, so of two equal ones the first stays first.
void lookup_close(struct lookup *l)
{
    size_t count = l->patterns.count;
    struct pattern *from = l->patterns.at;
    if (count < 2)
        return;
    struct pattern *to = arena_array(&l->arena, count, struct pattern);
    for (size_t width = 1; to != NULL && width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t middle = begin + width < count ? begin + width : count;
            size_t end = middle + width < count ? middle + width : count;
            patterns_merge(from, to, begin, middle, end);
        }
        struct pattern *swap = from;
        from = to;
        to = swap;
    }
    l->patterns.at = from;
}

struct expr_value lookup_type_value(struct str text)
{
    int64_t integer;
    double real;
    if (text.len == 0)
        return expr_text(S(""));
    if (str_eq(text, S("true")) || str_eq(text, S("false")))
        return expr_bool(str_eq(text, S("true")));
    if (str_to_i64(text, &integer))
        return expr_integer(integer);
    if (is_float_text(text) && str_to_double(text, &real))
        return expr_float(real);
    return expr_text(text);
}

bool lookup_get(const struct lookup *l, struct str key, struct expr_value *out)
{
    const struct expr_value *exact = map_get(&l->exact, key);
    if (exact != NULL) {
        *out = *exact;
        return true;
    }
    for (size_t i = 0; i < l->patterns.count; i++) {
        if (glob_match(&l->patterns.at[i].glob, key)) {
            *out = l->patterns.at[i].value;
            return true;
        }
    }
    return false;
}

size_t lookup_count(const struct lookup *l)
{
    return map_count(&l->exact) + l->patterns.count;
}

struct str lookup_capital_key(const struct lookup *l)
{
    return l->capital;
}

size_t lookup_bytes(const struct lookup *l)
{
    return sizeof(*l) + l->arena.used_bytes + l->exact.entry_cap * sizeof(struct map_entry) +
           l->exact.slot_count * sizeof(uint32_t);
}

struct lookups *lookups_new(void)
{
    struct lookups *all = mem_new(struct lookups);
    if (all == NULL)
        return NULL;
    arena_init(&all->arena, IDS_BYTES_MAX);
    map_init(&all->lists, 0, 0);
    return all;
}

void lookups_free(struct lookups *all)
{
    struct str id;
    void *list;
    if (all == NULL)
        return;
    for (size_t i = 0; map_next(&all->lists, &i, &id, &list);)
        lookup_free(list);
    arena_done(&all->arena);
    map_done(&all->lists);
    mem_free(all);
}

bool lookups_put(struct lookups *all, struct str id, struct lookup *l)
{
    struct lookup *old = map_get(&all->lists, id);
    struct str key = arena_str(&all->arena, id);
    if (str_is_null(key) || !map_put(&all->lists, key, l)) {
        lookup_free(l);
        return false;
    }
    lookup_free(old);
    return true;
}

const struct lookup *lookups_get(const struct lookups *all, struct str id)
{
    const struct lookup *list = all == NULL ? NULL : map_get(&all->lists, id);
    if (list == NULL && lookup_is_well_known(id))
        return &nothing;
    return list;
}

bool lookup_is_well_known(struct str id)
{
    for (size_t i = 0; i < COUNT_OF(well_known); i++)
        if (str_eq(id, well_known[i]))
            return true;
    return false;
}

struct str lookups_ids(const struct lookups *all, struct arena *a)
{
    struct str ids = S(""), id;
    void *unused;
    for (size_t i = 0; all != NULL && map_next(&all->lists, &i, &id, &unused);) {
        if (ids.len > 0)
            ids = arena_join(a, ids, S(", "));
        ids = arena_join(a, ids, id);
    }
    return ids.len == 0 ? S("none") : ids;
}

static struct err pattern_put(struct lookup *l, struct str key, struct expr_value value)
{
    struct glob glob;
    if (key.len > LOOKUP_KEY_BYTES_MAX)
        return fail(ERR_LIMIT, "a key is longer than 1 KiB");
    TRY(glob_compile(&l->arena, key, GLOB_EXACT, &glob));
    struct expr_value *kept = value_keep(l, value);
    struct pattern *p = kept == NULL ? NULL : vec_add(&l->arena, &l->patterns);
    if (p == NULL)
        return fail(ERR_LIMIT, "no memory for a list");
    *p = (struct pattern){glob, *kept};
    return OK;
}

// An exact key may escape what would make it a pattern. Null: a lone backslash ends it.
static struct str literal_of(struct arena *a, struct str key)
{
    if (str_find_byte(key, '\\') == STR_NOT_FOUND)
        return str_is_null(key) ? S("") : key;
    char *text = arena_bytes(a, key.len + 1);
    size_t len = 0;
    for (size_t i = 0; text != NULL && i < key.len; i++) {
        if (key.ptr[i] == '\\' && ++i == key.len)
            return STR_NULL;
        text[len++] = key.ptr[i];
    }
    return str_of(text, len);
}

static struct expr_value *value_keep(struct lookup *l, struct expr_value value)
{
    if (value.type == EXPR_STRING && value.text.len == 0)
        return &l->empty;
    if (value.type == EXPR_INTEGER && (value.integer == 0 || value.integer == 1))
        return value.integer == 0 ? &l->zero : &l->one;
    struct expr_value *kept = arena_make(&l->arena, struct expr_value);
    if (kept == NULL)
        return NULL;
    *kept = value;
    if (value.type != EXPR_STRING)
        return kept;
    kept->text = arena_str(&l->arena, value.text);
    return str_is_null(kept->text) ? NULL : kept;
}

static void capital_note(struct lookup *l, struct str key)
{
    for (size_t i = 0; i < key.len && str_is_null(l->capital); i++)
        if (byte_is_upper((uint8_t)key.ptr[i]))
            l->capital = key;
}

// -?digits.digits: what str_to_double takes beyond that (exponents, ".5") stays text.
static bool is_float_text(struct str s)
{
    struct scan in = scan_over(s);
    struct str digits;
    scan_byte(&in, '-');
    return scan_while(&in, byte_is_digit, &digits) && scan_byte(&in, '.') &&
           scan_while(&in, byte_is_digit, &digits) && scan_end(&in);
}

static void patterns_merge(
        const struct pattern *from, struct pattern *to, size_t begin, size_t middle, size_t end)
{
    size_t left = begin, right = middle;
    for (size_t i = begin; i < end; i++) {
        bool take_left = right == end || (left < middle && str_compare(from[left].glob.pattern,
                                                                   from[right].glob.pattern) <= 0);
        to[i] = from[take_left ? left++ : right++];
    }
}
