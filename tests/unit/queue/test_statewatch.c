// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_statewatch.c: when a state file is read again, and what is kept when that
// cannot be.
#include "../base/check.h"

#include "queue/control/pauses.h"
#include "queue/control/statefile.h"
#include "queue/control/statewatch.h"
#include "rt/blobfile.h"

#include <unistd.h>

#define PAUSED(queue) "{\"queue\":\"" queue "\",\"paused\":true,\"since\":1}\n"

struct watched {
    struct arena a;
    char folder[64];
    struct str path;
    struct statewatch w;
    struct pauses now;
};

// True: it was read, for good or bad.
static bool looks(struct watched *t)
{
    struct pauses now;
    struct arena *a = statewatch_changed(&t->w);
    if (a == NULL)
        return false;
    struct err e = pauses_read(a, t->w.path, &now);
    if (statewatch_take(&t->w, NULL, e))
        t->now = now;
    return true;
}

static void put(struct watched *t, const char *text)
{
    struct buf b AUTO(buf_done);
    buf_init(&b, STATEFILE_BYTES_MAX);
    buf_add(&b, str_from_c(text));
    assert_false(failed(statefile_write(&t->a, t->path, &b)));
}

static void check_first(const struct watched *t, const char *name, const char *queue)
{
    check_u64(name, t->now.all.count, 1);
    check_str(name, t->now.all.at[0].queue, str_from_c(queue));
}

static void a_file_is_read_when_it_changes(void **state)
{
    (void)state;
    struct watched t = {.folder = "/tmp/posthaste-test-XXXXXX"};
    arena_init(&t.a, MIB);
    assert_non_null(mkdtemp(t.folder));
    t.path = arena_fmt(&t.a, "%s/paused", t.folder);
    statewatch_init(&t.w, t.path, STATEWATCH_BYTES_MAX);
    check_true("no file, as before", !looks(&t));
    put(&t, PAUSED("one"));
    check_true("there is one", looks(&t));
    check_first(&t, "there is one", "one");
    check_true("the same", !looks(&t));
    put(&t, PAUSED("two"));
    check_true("another of the same length", looks(&t));
    check_first(&t, "another of the same length", "two");
    put(&t, "nonsense\n");
    check_true("a bad one", looks(&t));
    check_true("is looked at again", looks(&t));
    check_first(&t, "and changes nothing", "two");
    put(&t, PAUSED("six"));
    check_true("a good one", looks(&t));
    check_first(&t, "a good one", "six");
    assert_false(failed(blob_remove(&t.a, t.path)));
    check_true("gone", looks(&t));
    check_u64("gone", t.now.all.count, 0);
    check_true("as before", !looks(&t));
    statewatch_done(&t.w);
    (void)rmdir(t.folder);
    arena_done(&t.a);
}

static void without_a_path_there_is_nothing(void **state)
{
    (void)state;
    struct statewatch w;
    statewatch_init(&w, STR_NULL, STATEWATCH_BYTES_MAX);
    assert_null(statewatch_changed(&w));
    statewatch_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_file_is_read_when_it_changes),
            cmocka_unit_test(without_a_path_there_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
