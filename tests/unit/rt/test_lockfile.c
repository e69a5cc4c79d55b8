// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_lockfile.c: one holder at a time, and the lock goes with the last descriptor.
#include "in_child.h"

#include "rt/lockfile.h"
#include "rt/process.h"

#include <sys/stat.h>

struct world {
    struct arena arena;
    char folder[64];
    struct str path;
};

static int begin(void **state)
{
    struct world *w = mem_new(struct world);
    arena_init(&w->arena, MIB);
    memcpy(w->folder, "/tmp/lockfile-XXXXXX", sizeof("/tmp/lockfile-XXXXXX"));
    assert_non_null(mkdtemp(w->folder));
    w->path = arena_fmt(&w->arena, "%s/state/lock", w->folder); // the folder `state` is made
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    unlink(w->path.ptr);
    rmdir(arena_fmt(&w->arena, "%s/state", w->folder).ptr);
    rmdir(w->folder);
    arena_done(&w->arena);
    mem_free(w);
    return 0;
}

static void the_second_one_learns_who_was_first(void **state)
{
    struct world *w = *state;
    int first, second = -1;
    pid_t holder = 0;
    assert_false(failed(lockfile_take(&w->arena, w->path, &first, &holder)));
    lockfile_write_pid(first, 4711);
    struct err e = lockfile_take(&w->arena, w->path, &second, &holder);
    assert_int_equal(e.kind, ERR_EXISTS);
    assert_int_equal(holder, 4711);
    assert_int_equal(second, -1);
    descriptor_close(first);
    assert_false(failed(lockfile_take(&w->arena, w->path, &second, &holder)));
    descriptor_close(second);
}

static void a_copy_of_the_descriptor_holds_it_on(void **state)
{
    struct world *w = *state;
    int first, second;
    pid_t holder = 0;
    assert_false(failed(lockfile_take(&w->arena, w->path, &first, &holder)));
    int copy = descriptor_duplicate(first);
    descriptor_close(first);
    assert_int_equal(lockfile_take(&w->arena, w->path, &second, &holder).kind, ERR_EXISTS);
    assert_int_equal(holder, 0); // nobody has signed
    descriptor_close(copy);
    assert_false(failed(lockfile_take(&w->arena, w->path, &second, &holder)));
    descriptor_close(second);
}

static void a_shorter_pid_leaves_no_digits_behind(void **state)
{
    struct world *w = *state;
    int first, second;
    pid_t holder = 0;
    assert_false(failed(lockfile_take(&w->arena, w->path, &first, &holder)));
    lockfile_write_pid(first, 123456);
    lockfile_write_pid(first, 7);
    (void)lockfile_take(&w->arena, w->path, &second, &holder).kind;
    assert_int_equal(holder, 7);
    lockfile_write_pid(first, 0);
    (void)lockfile_take(&w->arena, w->path, &second, &holder).kind;
    assert_int_equal(holder, 0);
    descriptor_close(first);
}

static void a_link_is_not_followed(void **state)
{
    struct world *w = *state;
    int fd = -1;
    pid_t holder;
    assert_int_equal(mkdir(arena_fmt(&w->arena, "%s/state", w->folder).ptr, 0700), 0);
    assert_int_equal(symlink("/tmp/elsewhere", w->path.ptr), 0);
    assert_true(failed(lockfile_take(&w->arena, w->path, &fd, &holder)));
    assert_int_equal(fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(the_second_one_learns_who_was_first, begin, end),
            cmocka_unit_test_setup_teardown(a_copy_of_the_descriptor_holds_it_on, begin, end),
            cmocka_unit_test_setup_teardown(a_shorter_pid_leaves_no_digits_behind, begin, end),
            cmocka_unit_test_setup_teardown(a_link_is_not_followed, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
