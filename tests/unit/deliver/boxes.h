// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/boxes.h: looking into Maildirs: what is in their folders, and what is written
// in it.
#pragma once

#include "../base/check.h"

#include "rt/blobfile.h"
#include "rt/file.h"
#include "rt/mailfile.h"

// "tmp/", "new/" and so on of a mailbox: how many files. A folder that is not there has none.
static inline size_t box_count(struct arena *a, struct str box, const char *part)
{
    struct folder_reader *reader AUTO(folder_reader_auto_close) = NULL;
    struct str name;
    size_t count = 0;
    if (failed(folder_reader_open(a, arena_fmt(a, "%.*s/%s", ARG(box), part), &reader)))
        return 0;
    while (folder_reader_next(reader, &name))
        count++;
    return count;
}

// The name of the only file there.
static inline struct str box_only(struct arena *a, struct str box, const char *part)
{
    struct folder_reader *reader AUTO(folder_reader_auto_close) = NULL;
    struct str name, only = S("");
    struct err e = folder_reader_open(a, arena_fmt(a, "%.*s/%s", ARG(box), part), &reader);
    check_str("the folder", err_text(e), S(""));
    while (folder_reader_next(reader, &name)) {
        check_str("the only one", only, S(""));
        only = arena_str(a, name);
    }
    return only;
}

static inline struct str box_path(
        struct arena *a, struct str box, const char *part, struct str name)
{
    return name.len > 0 ? arena_fmt(a, "%.*s/%s/%.*s", ARG(box), part, ARG(name))
                        : arena_fmt(a, "%.*s/%s", ARG(box), part);
}

static inline struct str box_read(struct arena *a, struct str path)
{
    struct str text = S("");
    struct err e = file_read(a, path, 64 * MIB, &text, NULL);
    check_str("the file", err_text(e), S(""));
    return text;
}

static inline struct str box_text(
        struct arena *a, struct str box, const char *part, struct str name)
{
    return box_read(a, box_path(a, box, part, name));
}

static inline void box_write(struct arena *a, struct str path, struct str text)
{
    int fd = -1;
    struct err e = blob_remove(a, path);
    if (!failed(e))
        e = blob_create(a, path, &fd);
    if (!failed(e))
        e = blob_write_at(a, fd, text, 0);
    blob_close(fd);
    check_str("writing", err_text(e), S(""));
}
