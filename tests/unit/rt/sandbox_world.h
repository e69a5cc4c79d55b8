// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/sandbox_world.h: the folder in which the trials of the sandbox find what they may
// read, what they may change, and what is out of bounds; and how they enter the sandbox.
#pragma once

#include "in_child.h"

#include "rt/sandbox.h"

#include <sys/stat.h>

// What the trials find: top/data is theirs, top/read may be read, top/other is out of bounds.
static char top[] = "/tmp/posthaste-sandbox-XXXXXX";
static struct arena memory;

static inline struct str under_top(const char *name)
{
    return arena_fmt(&memory, "%s/%s", top, name);
}

static inline void write_file(const char *name)
{
    FILE *f = fopen(under_top(name).ptr, "we");
    assert_non_null(f);
    fputs("text\n", f);
    fclose(f);
}

static inline int make_world(void **state UNUSED)
{
    arena_init(&memory, 4 * MIB);
    assert_non_null(mkdtemp(top));
    static const char *const folders[] = {"data", "read", "other", "live", "archive"};
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        assert_int_equal(mkdir(under_top(folders[i]).ptr, 0700), 0);
    write_file("data/old");
    write_file("read/file");
    write_file("other/file");
    write_file("archive/cert1.pem");
    assert_int_equal(symlink("../archive/cert1.pem", under_top("live/cert.pem").ptr), 0);
    return 0;
}

static inline int drop_world(void **state UNUSED)
{
    int rc = system(arena_fmt(&memory, "rm -r %s", top).ptr);
    arena_done(&memory);
    return rc;
}

static inline const char *enter(void)
{
    struct str read[] = {under_top("read"), under_top("not-there")}, write[] = {under_top("data")};
    struct sandbox_wish wish = {.read = read,
            .read_count = COUNT_OF(read),
            .write = write,
            .write_count = COUNT_OF(write)};
    struct err e = sandbox_enter(&memory, &wish);
    return failed(e) ? arena_c_str(&memory, err_text(e)) : NULL;
}

static inline const char *in_sandbox(const void *arg)
{
    trial *const *t = arg;
    const char *bad = enter();
    return bad != NULL ? bad : (*t)(NULL);
}

enum fence { FILES, CALLS };

// Skips where this machine or this build lacks the fence that the test is about.
static inline void needs(enum fence fence)
{
    struct sandbox_support there = sandbox_probe();
    if (fence == FILES ? there.landlock > 0 : there.seccomp)
        return;
    print_message("skipped: %.*s\n", ARG(there.missing));
    skip();
}

struct trial_case {
    const char *name;
    trial *trial;
};

static inline void run_all(const struct trial_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_message("  %s\n", cases[i].name);
        passes_in_child(in_sandbox, &cases[i].trial);
    }
}
