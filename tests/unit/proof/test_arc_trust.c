// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_arc_trust.c: what is taken from a chain, and what is not.
#include "../base/check.h"
#include "proof/arc_trust.h"

struct witness_case {
    const char *name;
    enum arc_result result;
    uint64_t oldest_pass;
    struct str first, second; // bodies of the sets' results
    bool read;
    size_t sealers, dkim;
    struct str author, spf; // null: none
};

#define GOOD                                                                                       \
    S(" i=1; a.example; dmarc=pass header.from=A.example; dkim=pass header.d=a.example; "          \
      "dkim=fail header.d=b.example; spf=pass smtp.mailfrom=x@c.example")
#define OTHER S(" i=2; b.example; dmarc=fail header.from=a.example; spf=pass smtp.helo=c.example")

static const struct witness_case cases[] = {
        {"a chain that fails", ARC_FAIL, 0, GOOD, OTHER, false, 0, 0, STR_NULL, STR_NULL},
        {"all seals, from the first", ARC_PASS, 0, GOOD, OTHER, true, 2, 1, S("a.example"),
                S("c.example")},
        {"changed by the second", ARC_PASS, 2, GOOD, OTHER, true, 1, 0, STR_NULL, STR_NULL},
        {"beyond the chain", ARC_PASS, 3, GOOD, OTHER, false, 0, 0, STR_NULL, STR_NULL},
        {"no field at all", ARC_PASS, 0, S(" i=1; ;;"), OTHER, false, 0, 0, STR_NULL, STR_NULL},
        {"nobody's name in it", ARC_PASS, 0, S(" i=1; "), OTHER, false, 0, 0, STR_NULL, STR_NULL},
        {"a domain that is none", ARC_PASS, 0, S(" i=1; a.example; dmarc=pass header.from=\"a b\""),
                OTHER, true, 2, 0, STR_NULL, STR_NULL},
};

static bool same(struct str got, struct str want)
{
    return str_is_null(want) ? str_is_null(got) : !str_is_null(got) && str_eq(got, want);
}

static void check(const struct witness_case *c)
{
    struct arena a AUTO(arena_done);
    struct mail_field fields[] = {{.body = c->first}, {.body = c->second}};
    struct arc_set sets[] = {{.results = &fields[0], .domain = S("one.example")},
            {.results = &fields[1], .domain = S("two.example")}};
    struct arc_answer chain = {.result = c->result,
            .sets = sets,
            .count = COUNT_OF(sets),
            .oldest_pass = c->oldest_pass};
    struct arc_witness got;
    arena_init(&a, 64 * KIB);
    bool read = arc_witness_read(&a, &chain, &got);
    bool good = read == c->read;
    if (good && read)
        good = got.sealer_count == c->sealers && got.dkim_count == c->dkim &&
               same(got.author_passed, c->author) &&
               same(got.has_spf ? got.spf.domain : STR_NULL, c->spf);
    if (!good)
        check_failed("%s", c->name);
}

static void witnesses(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check(&cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(witnesses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
