// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_err.c: errors as values.
#include "check.h"

#include <errno.h>

static struct err pass_on(struct err e, bool *out_came_back)
{
    TRY(e);
    *out_came_back = true;
    return OK;
}

static void kinds(void **unused UNUSED)
{
    assert_false(failed(OK));
    assert_int_equal(OK.kind, ERR_NONE);
    assert_int_equal(sizeof(struct err), 16);
    check_str("name", err_kind_name(ERR_NO_SPACE), S("NO_SPACE"));
    check_str("name", err_kind_name(ERR_NONE), S("NONE"));
    check_str("last", err_kind_name(ERR_INTERNAL), S("INTERNAL"));
    assert_true(err_is_temporary(ERR_LIMIT));
    assert_false(err_is_temporary(ERR_SYNTAX));
}

static void texts(void **unused UNUSED)
{
    struct arena a;
    arena_init(&a, 1 * KIB);
    struct err e = fail(ERR_SYNTAX, "expected ':'");
    assert_true(failed(e));
    check_str("literal", err_text(e), S("expected ':'"));
    e = fail_fmt(&a, ERR_LIMIT, "%d bytes", 7);
    assert_int_equal(e.kind, ERR_LIMIT);
    check_str("formatted", err_text(e), S("7 bytes"));
    e = fail_errno(&a, ENOENT, "opening %s", "/x");
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    check_str("errno", err_text(e), S("opening /x: No such file or directory"));
    arena_done(&a);
    arena_init(&a, 0);
    e = fail_fmt(&a, ERR_TIMEOUT, "%d bytes", 7);
    assert_int_equal(e.kind, ERR_TIMEOUT); // without memory the kind is still right
    assert_true(err_text(e).len > 0);
    e = fail_errno(&a, EPIPE, "writing");
    assert_int_equal(e.kind, ERR_RESET);
    assert_true(err_text(e).len > 0);
    arena_done(&a);
}

static void handing_up(void **unused UNUSED)
{
    bool came_back = false;
    struct err e = pass_on(fail(ERR_DNS, "no such name"), &came_back);
    assert_int_equal(e.kind, ERR_DNS);
    assert_false(came_back);
    assert_false(failed(pass_on(OK, &came_back)));
    assert_true(came_back);
}

static void kinds_of_errno(void **unused UNUSED)
{
    static const struct {
        int value;
        enum err_kind kind;
    } cases[] = {
            {0, ERR_IO},
            {EACCES, ERR_REFUSED},
            {EADDRINUSE, ERR_EXISTS},
            {EMFILE, ERR_LIMIT},
            {ETIMEDOUT, ERR_TIMEOUT},
            {ECONNRESET, ERR_RESET},
            {ECONNREFUSED, ERR_UNREACHABLE},
            {ENOSPC, ERR_NO_SPACE},
            {EISDIR, ERR_IO},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(err_kind_of_errno(cases[i].value), cases[i].kind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(kinds),
            TEST(texts),
            TEST(handing_up),
            TEST(kinds_of_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
