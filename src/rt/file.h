// SPDX-License-Identifier: Apache-2.0
// rt/file.h: files read whole, by blocking calls, before a worker serves: the configuration, its
// certificates, and what command line tools are given. Only regular files are read: a FIFO, a
// device or a folder is refused before a byte is asked for, so that no path can hang or flood us.
#pragma once

#include "base/base.h"

struct file_info {
    uint64_t device, inode;
    uint64_t bytes;
    int64_t modified_ms;
    int64_t changed_ns; // its bytes or anything else about it: no program can set this back
    uint32_t mode;      // permission bits
    uint32_t owner, group;
};

// Text and error live in the arena. Larger than bytes_max: ERR_LIMIT. Errors read like
// "cannot read /x: Permission denied". `out_info` may be NULL.
MUST_USE struct err file_read(struct arena *a, struct str path, size_t bytes_max,
        struct str *out_text, struct file_info *out_info);
MUST_USE struct err file_stat(struct arena *a, struct str path, struct file_info *out);
bool file_exists(struct str path);
// The same file, unchanged. One that was put in its place is another; its number may have been used
// before, but hardly with this length within the same tick of the clock.
bool file_is_same(const struct file_info *a, const struct file_info *b);

// Paths that match a pattern with * and ? (in any component), in byte order; names that begin with
// a dot only match a pattern that does. None: count 0, no error.
MUST_USE struct err file_glob(
        struct arena *a, struct str pattern, struct str **out_paths, size_t *out_count);
