// SPDX-License-Identifier: Apache-2.0
// events/outside.h: what the log writer asks of the outside world, so that tests can be it: a disk
// that is full, a folder that goes away, a journal that is restarted. The real one is
// rt/appendfile.h, whose comments hold here as well.
#pragma once

#include "rt/appendfile.h"

struct outside {
    void *self;
    struct err (*open)(void *self, struct arena *a, struct str path, struct append_file *out);
    struct err (*write)(void *self, struct arena *a, int fd, struct str bytes, size_t *out_written);
    void (*close)(void *self, int fd);
    bool (*is_at)(void *self, const struct append_file *file, struct str path);
    struct err (*link)(void *self, struct arena *a, struct str link, struct str file_name);
    struct err (*read_open)(void *self, struct arena *a, struct str path, int *out_fd);
    struct err (*read)(
            void *self, struct arena *a, int fd, char *out, size_t room, size_t *out_got);
    struct err (*rename)(void *self, struct arena *a, struct str from, struct str to);
    struct err (*remove)(void *self, struct arena *a, struct str path);
    struct err (*list)(void *self, struct arena *a, struct str folder, struct str prefix,
            struct log_entry **out_entries, size_t *out_count);
    struct err (*console)(
            void *self, struct arena *a, int fd, struct str bytes, size_t *out_written);
    struct err (*journal_connect)(void *self, struct arena *a, struct str path, int *out_fd);
    struct err (*journal_send)(void *self, struct arena *a, int fd, struct str entry);
};

struct outside outside_real(void);
