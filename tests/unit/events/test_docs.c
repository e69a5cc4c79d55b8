// SPDX-License-Identifier: Apache-2.0
// tests/unit/events/test_docs.c: docs/events.md and docs/metrics.md say what the tables say.
#include "../base/check.h"

#include "events/reference.h"
#include "rt/file.h"

static void check_page(const char *path, void (*page)(struct buf *))
{
    struct arena a;
    struct buf want;
    struct str got;
    arena_init(&a, 4 * MIB);
    buf_init(&want, MIB);
    page(&want);
    struct err e = file_read(&a, str_from_c(path), MIB, &got, NULL);
    if (failed(e) || !str_eq(got, buf_str(&want)))
        check_failed("%s is not what the table says: run script/docs", path);
    buf_done(&want);
    arena_done(&a);
}

static void pages_are_current(void **unused UNUSED)
{
    check_page(DOCS "/events.md", events_markdown);
    check_page(DOCS "/metrics.md", metrics_markdown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(pages_are_current)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
