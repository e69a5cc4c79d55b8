// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/memfs.h: files in memory for the loader. Each has a path, a text and a mode; its
// place in the table is its inode, so that two names of one text are two files, unless `twin` says
// otherwise.
#pragma once

#include "base/base.h"

#include "conf/conf.h"
#include "conf/glob.h"

struct memfile {
    const char *path;
    const char *text;
    size_t text_len;   // 0: up to the NUL
    uint32_t mode;     // 0: 0600
    const char *error; // instead of a text: "Permission denied"
    uint32_t twin;     // inode, 0: its own
};

struct memfs {
    const struct memfile *files;
    size_t count;
    size_t reads;
};

static inline struct str memfile_text(const struct memfile *f)
{
    return f->text_len > 0 ? str_of(f->text, f->text_len) : str_from_c(f->text);
}

static inline struct err memfs_read(
        void *self, struct arena *a, struct str path, size_t bytes_max, struct conf_file *out)
{
    struct memfs *fs = self;
    fs->reads++;
    for (size_t i = 0; i < fs->count; i++) {
        const struct memfile *f = &fs->files[i];
        if (f->path == NULL || !str_eq(str_from_c(f->path), path))
            continue;
        if (f->error != NULL)
            return fail_fmt(a, ERR_REFUSED, "cannot read %.*s: %s", ARG(path), f->error);
        if (memfile_text(f).len > bytes_max)
            return fail_fmt(
                    a, ERR_LIMIT, "cannot read %.*s: larger than %zu bytes", ARG(path), bytes_max);
        *out = (struct conf_file){
                .text = arena_str(a, memfile_text(f)),
                .device = 1,
                .inode = f->twin > 0 ? f->twin : i + 1,
                .mode = f->mode > 0 ? f->mode : 0600,
        };
        return str_is_null(out->text) ? fail(ERR_LIMIT, "no memory") : OK;
    }
    return fail_fmt(a, ERR_NOT_FOUND, "cannot read %.*s: No such file or directory", ARG(path));
}

static inline struct err memfs_glob(
        void *self, struct arena *a, struct str pattern, struct str **out_paths, size_t *out_count)
{
    struct memfs *fs = self;
    struct str *paths = arena_array(a, fs->count + 1, struct str);
    struct glob glob;
    size_t count = 0;
    if (paths == NULL)
        return fail(ERR_LIMIT, "no memory");
    TRY(glob_compile(a, pattern, GLOB_EXACT, &glob));
    for (size_t i = 0; i < fs->count; i++) {
        if (fs->files[i].path == NULL || !glob_match(&glob, str_from_c(fs->files[i].path)))
            continue;
        size_t at = count++;
        struct str path = str_from_c(fs->files[i].path);
        for (; at > 0 && str_compare(path, paths[at - 1]) < 0; at--)
            paths[at] = paths[at - 1];
        paths[at] = path;
    }
    *out_paths = paths;
    *out_count = count;
    return OK;
}

static inline struct conf_files memfs_files(struct memfs *fs)
{
    return (struct conf_files){.self = fs, .read = memfs_read, .glob = memfs_glob};
}
