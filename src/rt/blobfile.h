// SPDX-License-Identifier: Apache-2.0
// rt/blobfile.h: files written once and then only read: the bodies of large messages. Blocking
// calls, for helper threads (offload). A file grows under a name of its own in a folder for
// unfinished ones; published, it stands under its final name, and not before its bytes and the
// folder's entry are on disk.
#pragma once

#include "base/base.h"

struct err blob_create(struct arena *a, struct str path, int *out_fd) MUST_USE; // 0600, must be new
struct err blob_write_at(struct arena *a, int fd, struct str bytes, uint64_t at) MUST_USE;
struct err blob_sync(struct arena *a, int fd) MUST_USE;
// A second name for the file; that it exists already is no error. Missing folders of the final
// name, below `root`, are made.
struct err blob_publish(
        struct arena *a, struct str part, struct str root, struct str final) MUST_USE;
bool blob_exists(struct arena *a, struct str path);
struct err blob_remove(struct arena *a, struct str path) MUST_USE; // missing: OK
// To a name that is free, or whose file goes. Until the folder is synced a crash may undo it.
struct err blob_rename(struct arena *a, struct str from, struct str to) MUST_USE;
struct err blob_open(struct arena *a, struct str path, int *out_fd, uint64_t *out_bytes) MUST_USE;
// Exactly so many bytes; fewer there are is ERR_IO.
struct err blob_read_at(struct arena *a, int fd, char *out, size_t count, uint64_t at) MUST_USE;
void blob_close(int fd);

// Makes a folder and those above it, 0700.
struct err folder_make(struct arena *a, struct str path) MUST_USE;
// The entries of a folder are on disk when it returns; of the folder that a file stands in.
struct err folder_sync(struct arena *a, struct str path) MUST_USE;
struct err folder_sync_of(struct arena *a, struct str file) MUST_USE;

struct blob_entry {
    struct str name;
    int64_t modified_ms;
    bool is_folder, is_file; // neither: a link, a socket
};
struct err folder_list(
        struct arena *a, struct str path, struct blob_entry **out, size_t *out_count) MUST_USE;
