// SPDX-License-Identifier: Apache-2.0
// rt/mailfile.h: what mailboxes ask of the file system beyond rt/blobfile.h: files that belong to
// somebody, names that must not be taken twice, folders too large to be read at once. Blocking
// calls, for helper threads (offload).
#pragma once

#include "base/base.h"

struct mailfile_owner {
    uint32_t mode;    // of files; folders may be searched by those who may read them
    int64_t uid, gid; // -1: ours
};

// A new file for writing; one that a crash has left under that name goes first.
struct err mailfile_create(
        struct arena *a, struct str path, const struct mailfile_owner *owner, int *out_fd) MUST_USE;
// A second name for the file, unless there is one already: then it is left as it is. On file
// systems without links it is renamed, which is not as safe against two who do it at once.
struct err mailfile_publish(
        struct arena *a, struct str from, struct str to, bool *out_was_there) MUST_USE;
// In one write, to the end of a file that exists; ERR_NOT_FOUND when it does not.
struct err mailfile_append(struct arena *a, struct str path, struct str bytes) MUST_USE;
// Made with those above it; one that exists is left as it is.
struct err mailfolder_make(
        struct arena *a, struct str path, const struct mailfile_owner *owner) MUST_USE;

// A folder name by name, in no order, without "." and "..".
struct folder_reader;
struct err folder_reader_open(
        struct arena *a, struct str path, struct folder_reader **out) MUST_USE;
bool folder_reader_next(struct folder_reader *r, struct str *out_name); // good until the next call
// The size of the file that was named last; 0: it has gone meanwhile.
uint64_t folder_reader_bytes(struct folder_reader *r);
void folder_reader_close(struct folder_reader *r); // NULL is fine
static inline void folder_reader_auto_close(struct folder_reader **r)
{
    folder_reader_close(*r);
}
