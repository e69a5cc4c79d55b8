// SPDX-License-Identifier: Apache-2.0
// rt/appendfile.h: files that grow at their end: logs. Blocking calls for the log writer, which has
// nothing else to do; on the real machine only. Files are made 0640, folders 0750. When the
// process is still root, a new file gets the owner of its folder, so that the server can read its
// logs after it has dropped its rights. A symbolic link in the file's place is refused: the folder
// may belong to somebody with fewer rights than ours.
#pragma once

#include "base/base.h"

struct append_file {
    int fd;
    uint64_t device, inode, size;
};

// Makes the folder (its parents must exist) and the file when they are missing.
struct err append_open(struct arena *a, struct str path, struct append_file *out) MUST_USE;
struct err append_write(
        struct arena *a, int fd, struct str bytes, size_t *out_written) MUST_USE; // maybe fewer
void append_close(int fd);
// Is what stands at this path still the file that was opened?
bool append_is_at(const struct append_file *file, struct str path);
// A link that names the file within its folder, replaced in one step.
struct err append_link(struct arena *a, struct str link, struct str file_name) MUST_USE;

struct err log_read_open(struct arena *a, struct str path, int *out_fd) MUST_USE;
struct err log_read(struct arena *a, int fd, char *out, size_t room, size_t *out_got) MUST_USE;
struct err log_rename(struct arena *a, struct str from, struct str to) MUST_USE;
struct err log_remove(struct arena *a, struct str path) MUST_USE;

struct log_entry {
    struct str name;
    int64_t modified_ms;
};
// Regular files of the folder whose names begin so.
struct err log_list(struct arena *a, struct str folder, struct str prefix,
        struct log_entry **out_entries, size_t *out_count) MUST_USE;

// Standard output and error may be pipes that nobody reads: writes what goes without waiting.
struct err console_write(struct arena *a, int fd, struct str bytes, size_t *out_written) MUST_USE;
bool console_is_terminal(int fd);

// A datagram socket connected to a path, for the journal. What is too long for a datagram goes as
// a sealed memory file.
struct err journal_connect(struct arena *a, struct str path, int *out_fd) MUST_USE;
// ERR_LIMIT: no room now.
struct err journal_send(struct arena *a, int fd, struct str entry) MUST_USE;
