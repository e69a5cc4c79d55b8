// SPDX-License-Identifier: Apache-2.0
// tests/unit/cli/test_manual.c: the manual page of the program names every command, so that who
// adds a row to commands.def writes its line there. Of the adapters of `test` the page says only
// that --help lists them.
#include "../base/check.h"

#include "rt/file.h"

#define PAGE_BYTES_MAX (1 * MIB)

static const struct str paths[] = {
#define COMMAND(group, path, name, help) S_INIT(path),
#include "cli/commands.def"
};

static void every_command_is_in_the_manual(void **state)
{
    struct arena a;
    struct str page;
    struct file_info info;
    (void)state;
    arena_init(&a, PAGE_BYTES_MAX);
    struct err e = file_read(&a, S(DOCS "/man/posthaste.1"), PAGE_BYTES_MAX, &page, &info);
    check_true("docs/man/posthaste.1 can be read", !failed(e));
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct str line = arena_fmt(&a, "\n.It Cm %.*s", ARG(paths[i]));
        if (!str_starts(paths[i], S("test ")) && !str_contains(page, line))
            check_failed("docs/man/posthaste.1 has no line \".It Cm %.*s\"", ARG(paths[i]));
    }
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_command_is_in_the_manual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
