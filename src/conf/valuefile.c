// SPDX-License-Identifier: Apache-2.0
// conf/valuefile.c: files whose content is a value, and where a relative path begins.
#include "conf/snapshot.h"

static bool complain(
        struct loader *l, struct conf_value *v, const struct conf_element *e, struct str message);
static void warn_of_readers(struct loader *l, struct conf_value *v, struct str path, uint32_t mode);
static void remember(struct loader *l, struct str path, const struct conf_file *file);

// Content without trailing CR and LF (a secret file ends in a newline, a secret does not).
bool conf_read_value_file(struct loader *l, struct conf_value *v, struct conf_element *e,
        struct str path, struct str *out_text, struct str *out_path)
{
    struct conf_file file;
    struct str full = conf_path_beside(&l->conf->arena, v->origin.file, path);
    if (str_is_null(full)) {
        conf_no_memory(l);
        return false;
    }
    struct err bad =
            l->files.read(l->files.self, &l->conf->arena, full, CONF_VALUE_FILE_BYTES_MAX, &file);
    if (failed(bad))
        return complain(l, v, e, err_text(bad));
    if (!str_is_utf8(file.text))
        return complain(l, v, e, arena_fmt(&l->scratch, "%.*s is not UTF-8", ARG(full)));
    if (v->setting->type == TYPE_SECRET)
        warn_of_readers(l, v, full, file.mode);
    remember(l, full, &file);
    struct str text = file.text;
    while (str_ends(text, S("\n")) || str_ends(text, S("\r")))
        text = str_upto(text, text.len - 1);
    *out_text = text;
    *out_path = full;
    return true;
}

struct str conf_path_beside(struct arena *a, struct str file, struct str path)
{
    size_t slash = str_rfind_byte(file, '/');
    if (str_starts(path, S("/")) || slash == STR_NOT_FOUND)
        return arena_str(a, path);
    return arena_join(a, str_upto(file, slash + 1), path);
}

static bool complain(
        struct loader *l, struct conf_value *v, const struct conf_element *e, struct str message)
{
    bool direct = e >= v->elements && e < v->elements + v->count;
    conf_complain(l, v, direct ? (int)(e - v->elements) : -1, FINDING_MACRO, S("unreadable"),
            "%.*s", ARG(message));
    return false;
}

static void warn_of_readers(struct loader *l, struct conf_value *v, struct str path, uint32_t mode)
{
    if ((mode & 04) != 0)
        conf_warn(l, v, -1, S("readable-secret"),
                "every user can read %.*s (mode %04o), which holds a secret", ARG(path), mode);
}

static void remember(struct loader *l, struct str path, const struct conf_file *file)
{
    conf_fingerprint_add(l->conf, path);
    conf_fingerprint_add(l->conf, file->text);
    each_in_vec (t, &l->conf->texts)
        if (str_eq(t->used.path, path))
            return;
    struct conf_text *t = vec_add(&l->conf->arena, &l->conf->texts);
    if (t == NULL) {
        conf_no_memory(l);
        return;
    }
    *t = (struct conf_text){.used = {
                                    .path = path,
                                    .role = CONF_FILE_VALUE,
                                    .device = file->device,
                                    .inode = file->inode,
                                    .modified_ms = file->modified_ms,
                                    .mode = file->mode,
                            }};
}
