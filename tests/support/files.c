// SPDX-License-Identifier: Apache-2.0
// tests/support/files.c: files in memory.
#include "files.h"

#include "authority.h"
#include "conf/glob.h"

#define FILES_BYTES_MAX (16 * MIB)

static struct err read_one(
        void *self, struct arena *a, struct str path, size_t bytes_max, struct conf_file *out);
static struct err glob_all(
        void *self, struct arena *a, struct str pattern, struct str **out_paths, size_t *out_count);

void memory_files_init(struct memory_files *files, struct authority *authority)
{
    *files = (struct memory_files){.authority = authority};
    arena_init(&files->arena, FILES_BYTES_MAX);
}

void memory_files_done(struct memory_files *files)
{
    arena_done(&files->arena);
}

struct err memory_files_put(struct memory_files *files, struct str path, struct str text)
{
    struct memory_file *file = NULL;
    each_in_vec (f, &files->all) {
        if (str_eq(f->path, path))
            file = f;
    }
    if (file == NULL) {
        file = vec_add(&files->arena, &files->all);
        if (file == NULL)
            return fail(ERR_LIMIT, "no memory for a file");
        file->path = arena_str(&files->arena, path);
    }
    file->text = arena_str(&files->arena, text);
    return str_is_null(file->path) || str_is_null(file->text)
                   ? fail(ERR_LIMIT, "no memory for a file")
                   : OK;
}

struct conf_files memory_files_conf(struct memory_files *files)
{
    return (struct conf_files){.self = files, .read = read_one, .glob = glob_all};
}

static struct err read_one(
        void *self, struct arena *a, struct str path, size_t bytes_max, struct conf_file *out)
{
    struct memory_files *files = self;
    uint64_t inode = 1;
    struct str text = STR_NULL;
    each_in_vec (f, &files->all) {
        if (str_eq(f->path, path)) {
            text = f->text;
            break;
        }
        inode++;
    }
    if (str_is_null(text) && files->authority != NULL) {
        text = authority_file(files->authority, path);
        inode = UINT64_MAX - path.len;
    }
    if (str_is_null(text))
        return fail_fmt(a, ERR_NOT_FOUND, "cannot read %.*s: No such file or directory", ARG(path));
    if (text.len > bytes_max)
        return fail_fmt(
                a, ERR_LIMIT, "cannot read %.*s: larger than %zu bytes", ARG(path), bytes_max);
    *out = (struct conf_file){
            .text = arena_str(a, text), .device = 1, .inode = inode, .mode = 0600};
    return str_is_null(out->text) ? fail(ERR_LIMIT, "no memory for a file") : OK;
}

static struct err glob_all(
        void *self, struct arena *a, struct str pattern, struct str **out_paths, size_t *out_count)
{
    struct memory_files *files = self;
    struct str *paths = arena_array(a, files->all.count + 1, struct str);
    struct glob glob;
    size_t count = 0;
    if (paths == NULL)
        return fail(ERR_LIMIT, "no memory for a list of files");
    TRY(glob_compile(a, pattern, GLOB_EXACT, &glob));
    each_in_vec (f, &files->all) {
        if (!glob_match(&glob, f->path))
            continue;
        size_t at = count++;
        for (; at > 0 && str_compare(f->path, paths[at - 1]) < 0; at--)
            paths[at] = paths[at - 1];
        paths[at] = f->path;
    }
    *out_paths = paths;
    *out_count = count;
    return OK;
}
