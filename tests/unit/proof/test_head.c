// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_head.c: fields by name from the bottom up, and who the author is.
#include "../base/check.h"
#include "proof/head.h"

static void test_take(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct proof_head h;
    arena_init(&a, MIB);
    assert_false(failed(proof_head_read(&a,
            S("A: 1\r\nB: 2\r\na : 3\r\nno field\r\nA: 4\r\n\tfolded\r\n\r\nA: body\r\n"), &h)));
    check_u64("fields and lines", h.count, 5);
    check_u64("of one name", proof_head_count(&h, S("A")), 3);
    proof_head_begin(&h);
    proof_head_leave_out(&h, &h.fields[0]);
    check_str("the lowest", proof_head_take(&h, S("a"))->body, S(" 4\r\n\tfolded"));
    check_str("the next", proof_head_take(&h, S("A"))->body, S(" 3"));
    check_true("one was left out", proof_head_take(&h, S("A")) == NULL);
    check_true("no such name", proof_head_take(&h, S("C")) == NULL);
    check_true("a line is none", proof_head_take(&h, S("no field")) == NULL);
    proof_head_begin(&h);
    check_str("again from below", proof_head_take(&h, S("A"))->body, S(" 4\r\n\tfolded"));
}

static void test_many(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct buf text AUTO(buf_done);
    struct proof_head h;
    arena_init(&a, 64 * MIB);
    buf_init(&text, MIB);
    for (int i = 0; i < 5000; i++)
        buf_fmt(&text, "X%d: %d\r\n", i % 50, i);
    assert_false(failed(proof_head_read(&a, buf_str(&text), &h)));
    proof_head_begin(&h);
    for (int i = 4999; i >= 0; i--) {
        const struct mail_field *f =
                proof_head_take(&h, arena_fmt(&a, "x%d", i % 50)); // in their order, from below
        assert_non_null(f);
        check_str("body", f->body, arena_fmt(&a, " %d", i));
    }
    check_true("all are taken", proof_head_take(&h, S("X7")) == NULL);
    struct arena small AUTO(arena_done);
    arena_init(&small, KIB);
    check_u64("too little memory", proof_head_read(&small, buf_str(&text), &h).kind, ERR_LIMIT);
}

// Each field taken is looked at again for the next one: as many steps as half its square.
static void test_spent(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct buf text AUTO(buf_done);
    struct proof_head h;
    size_t taken = 0;
    arena_init(&a, 64 * MIB);
    buf_init(&text, MIB);
    for (int i = 0; i < 5000; i++)
        buf_add(&text, S("Y:\r\n"));
    assert_false(failed(proof_head_read(&a, buf_str(&text), &h)));
    proof_head_begin(&h);
    while (proof_head_take(&h, S("y")) != NULL)
        taken++;
    check_true("spent", proof_head_is_spent(&h));
    check_u64("steps", h.step_count, PROOF_HEAD_STEPS_MAX);
    check_true("fields", taken > 2800 && taken < 2900);
    proof_head_begin(&h);
    check_true("for good", proof_head_take(&h, S("y")) == NULL);
}

static void test_bytes(void **state UNUSED)
{
    check_u64("nothing", proof_head_bytes(S("")), 0);
    check_u64("no header", proof_head_bytes(S("\r\nx")), 2);
    check_u64("no body", proof_head_bytes(S("A: b\r\n")), 6);
    check_u64("both", proof_head_bytes(S("A: b\r\n\r\nx\r\n\r\n")), 8);
    check_u64("a line end alone is none", proof_head_bytes(S("A: b\n\nx\r\n")), 9);
}

static void test_author(void **state UNUSED)
{
    static const struct {
        const char *name, *head, *domain; // NULL: none
    } t[] = {
            {"one", "From: Ann <ann@A.example>\r\n", "a.example"},
            {"none", "To: ann@a.example\r\n", NULL},
            {"two fields", "From: a@a.example\r\nfrom: a@a.example\r\n", NULL},
            {"two addresses", "From: a@a.example, b@b.example\r\n", "a.example"},
            {"no address", "From: nobody\r\n", NULL},
            {"a U-label", "From: a@m\xc3\xb6x.example\r\n", "xn--mx-fka.example"},
            {"as a mailbox file begins", "From : a@a.example\r\nTo: b\r\n", "a.example"},
            {"with another behind it", "From : a@a.example\r\nFrom: b@b.example\r\n", NULL},
            {"a mailbox file", "From a@b.example Mon Jan  1 12:00:00 2024\r\nFrom: a@a.example\r\n",
                    "a.example"},
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct arena a AUTO(arena_done);
        struct proof_head h;
        arena_init(&a, MIB);
        assert_false(failed(proof_head_read(&a, str_from_c(t[i].head), &h)));
        struct str got = proof_head_author_domain(&a, &h);
        check_str(t[i].name, got, t[i].domain != NULL ? str_from_c(t[i].domain) : STR_NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(test_take),
            TEST(test_many),
            TEST(test_spent),
            TEST(test_bytes),
            TEST(test_author),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
