// SPDX-License-Identifier: Apache-2.0
// tests/support/state.c: see state.h.
#include "state.h"

#include "rt/blobfile.h"

#include <errno.h>
#include <unistd.h>

#define DEPTH_MAX 4 // of folders within folders
#define SCRATCH_BYTES_MAX MIB

static struct err make_in(struct state_folder *folder, const char *place);
static void remove_below(struct str path, size_t depth);

struct err state_folder_make(struct state_folder *folder)
{
    char here[STATE_PATH_BYTES / 2];
    if (!failed(make_in(folder, "/dev/shm")))
        return OK;
    if (getcwd(here, sizeof(here)) == NULL)
        return fail(ERR_IO, "no folder for the state of a server");
    return make_in(folder, here);
}

static struct err make_in(struct state_folder *folder, const char *place)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, SCRATCH_BYTES_MAX);
    struct str path = arena_fmt(&a, "%s/posthaste-state.XXXXXX", place);
    if (str_is_null(path) || path.len >= sizeof(folder->path))
        return fail(ERR_LIMIT, "no memory for a path");
    memcpy(folder->path, path.ptr, path.len + 1);
    if (mkdtemp(folder->path) != NULL)
        return OK;
    folder->path[0] = '\0';
    return fail(ERR_IO, "no folder for the state of a server");
}

void state_folder_remove(struct state_folder *folder)
{
    if (folder->path[0] == '\0')
        return;
    remove_below(str_from_c(folder->path), 0);
    folder->path[0] = '\0';
}

static void remove_below(struct str path, size_t depth)
{
    struct arena a AUTO(arena_done);
    struct blob_entry *entries = NULL;
    size_t count = 0;
    arena_init(&a, SCRATCH_BYTES_MAX);
    if (depth > DEPTH_MAX || failed(folder_list(&a, path, &entries, &count)))
        return;
    for (size_t i = 0; i < count; i++) {
        struct str one = arena_fmt(&a, "%.*s/%.*s", ARG(path), ARG(entries[i].name));
        if (entries[i].is_folder)
            remove_below(one, depth + 1);
        else
            (void)unlink(one.ptr);
    }
    (void)rmdir(arena_c_str(&a, path));
}
