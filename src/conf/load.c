// SPDX-License-Identifier: Apache-2.0
// conf/load.c: from a path to a snapshot. Phases 1 to 3 of configuration.md 1: find the main file,
// read it, what it includes (section 6) and <main>.d/*.toml, each into the same flat map; then the
// checks. Reading goes on after errors, so that one run tells everything.
#include "conf/snapshot.h"

#include "base/hash.h"
#include "conf/lookup.h"
#include "rt/file.h"

#define DEFAULT_PATH "/etc/posthaste/config.toml"

struct source {
    struct str path;
    enum conf_file_role role;
    struct str object_type; // of CONF_FILE_OBJECTS; null: as the document says
    size_t depth;
    const struct conf_value *by; // the include that names it; NULL: the main file, or <main>.d
    int by_element;
};

static bool conf_init(struct conf *conf, const struct conf_options *options);
static void drop_lists(struct conf *conf);
static void load_source(struct loader *l, const struct source *s);
static bool read_source(struct loader *l, const struct source *s, struct conf_text *out);
static bool is_twice(struct loader *l, const struct conf_file *file, struct str path);
static struct toml *tree_of(struct loader *l, const struct source *s, const struct conf_text *text);
static void load_includes(struct loader *l, const struct source *from);
static void include_pattern(
        struct loader *l, const struct source *from, struct conf_value *v, size_t element);
static void include_objects(
        struct loader *l, const struct source *from, struct conf_value *v, size_t element);
static void load_overrides(struct loader *l, struct str main);
static struct conf_value *value_of_file(struct loader *l, struct str key, struct str file);
static bool finding_before(
        const struct conf *conf, const struct finding *a, const struct finding *b);
static size_t file_place(const struct conf *conf, struct str file);
static void say_unreadable(struct loader *l, const struct source *s, struct str message);
static struct err real_read(
        void *self, struct arena *a, struct str path, size_t bytes_max, struct conf_file *out);
static struct err real_glob(
        void *self, struct arena *a, struct str pattern, struct str **out_paths, size_t *out_count);

struct str conf_locate(const struct conf_env *env, struct str argument)
{
    struct str path = conf_env_get(env, S("CONFIG_PATH"));
    if (path.len > 0)
        return path;
    if (argument.len > 0)
        return argument;
    return file_exists(S(DEFAULT_PATH)) ? S(DEFAULT_PATH) : STR_NULL;
}

struct conf *conf_load(const struct conf_options *options, struct findings *findings)
{
    struct conf *conf = mem_new(struct conf);
    if (conf == NULL || !conf_init(conf, options)) {
        finding_add(findings, (struct finding){.severity = FINDING_ERROR,
                                      .class = FINDING_BUILD,
                                      .code = S("memory"),
                                      .message = S("no memory for the configuration")});
        conf_free(conf);
        return NULL;
    }
    struct loader l = {.conf = conf, .findings = findings};
    size_t first = findings->all.count;
    l.files = options->files != NULL ? *options->files
                                     : (struct conf_files){.read = real_read, .glob = real_glob};
    arena_init(&l.scratch,
            options->memory_bytes_max > 0 ? options->memory_bytes_max : CONF_MEMORY_BYTES_MAX);
    struct source main = {.path = arena_str(&conf->arena, options->path), .role = CONF_FILE_MAIN};
    load_source(&l, &main);
    if (!conf->refused)
        load_overrides(&l, main.path);
    conf_check(&l);
    conf_sort_findings(conf, findings, first);
    arena_done(&l.scratch);
    if (options->drop_lists) {
        drop_lists(conf);
        mem_trim(); // what loading took was larger than what is left
    }
    if (!l.no_memory)
        return conf;
    conf_free(conf);
    return NULL;
}

static void drop_lists(struct conf *conf)
{
    each_in_vec (p, &conf->values) {
        if (!conf_is_lookup((*p)->setting))
            continue;
        (*p)->elements = NULL;
        (*p)->count = 0;
    }
    arena_done(&conf->lists);
}

void conf_free(struct conf *conf)
{
    if (conf == NULL)
        return;
    lookups_free(conf->lookups);
    map_done(&conf->slots);
    map_done(&conf->objects);
    arena_done(&conf->lists);
    arena_done(&conf->arena);
    mem_free(conf);
}

// Errors of syntax, of reading and of memory are never let pass, nor is a server without listener.
bool conf_may_start(const struct conf *conf, const struct findings *findings)
{
    return !conf->refused && (!findings_failed(findings) || conf->lenient);
}

void conf_fingerprint_add(struct conf *conf, struct str text)
{
    conf->fingerprint = hash_sip24(conf->fingerprint, text.len, text);
}

static bool conf_init(struct conf *conf, const struct conf_options *options)
{
    arena_init(&conf->lists,
            options->memory_bytes_max > 0 ? options->memory_bytes_max : CONF_MEMORY_BYTES_MAX);
    arena_init(&conf->arena,
            options->memory_bytes_max > 0 ? options->memory_bytes_max : CONF_MEMORY_BYTES_MAX);
    map_init(&conf->slots, 0, 0); // whoever writes the configuration needs no collisions to hurt us
    map_init(&conf->objects, 0, 0);
    conf->stage = options->stage;
    conf->tree = settings_tree(&conf->arena);
    return conf->tree != NULL && conf_env_copy(conf, options->env);
}

static void load_source(struct loader *l, const struct source *s)
{
    struct conf_text text;
    if (!read_source(l, s, &text))
        return;
    struct conf_text *kept = vec_add(&l->conf->arena, &l->conf->texts);
    if (kept == NULL) {
        conf_no_memory(l);
        return;
    }
    *kept = text;
    conf_fingerprint_add(l->conf, text.used.path);
    conf_fingerprint_add(l->conf, text.text);
    struct toml *root = tree_of(l, s, &text);
    if (root == NULL)
        return;
    l->file_text = text.text;
    conf_flatten(l, root);
    l->file_text = STR_NULL;
    load_includes(l, s);
}

static bool read_source(struct loader *l, const struct source *s, struct conf_text *out)
{
    struct conf_file file = {0};
    if (l->conf->texts.count >= CONF_FILES_MAX || s->depth > CONF_INCLUDE_DEPTH_MAX) {
        say_unreadable(l, s,
                arena_fmt(&l->scratch,
                        "cannot read %.*s: includes go deeper than 8 files or are "
                        "more than 256",
                        ARG(s->path)));
        return false;
    }
    struct err bad =
            l->files.read(l->files.self, &l->conf->arena, s->path, TOML_FILE_BYTES_MAX, &file);
    l->files_bytes += file.text.len;
    if (!failed(bad) && l->files_bytes > CONF_FILES_BYTES_MAX)
        bad = fail(ERR_LIMIT, "all configuration files together are larger than 64 MiB");
    if (failed(bad)) {
        say_unreadable(l, s, arena_str(&l->scratch, err_text(bad)));
        return false;
    }
    if (is_twice(l, &file, s->path))
        return false;
    *out = (struct conf_text){
            .used = {.path = s->path,
                    .role = s->role,
                    .device = file.device,
                    .inode = file.inode,
                    .modified_ms = file.modified_ms,
                    .mode = file.mode},
            .text = file.text,
    };
    return true;
}

// configuration.md 6: the same file twice is read once, whatever it is called; circles end here.
static bool is_twice(struct loader *l, const struct conf_file *file, struct str path)
{
    each_in_vec (t, &l->conf->texts) {
        bool same =
                file->inode != 0 && t->used.inode == file->inode && t->used.device == file->device;
        if (!same && !str_eq(t->used.path, path))
            continue;
        finding_add(l->findings,
                (struct finding){.severity = FINDING_WARNING,
                        .code = S("included-twice"),
                        .file = path,
                        .message = arena_fmt(&l->scratch, "this file was read already (as %.*s)",
                                ARG(t->used.path))});
        return true;
    }
    return false;
}

static struct toml *tree_of(struct loader *l, const struct source *s, const struct conf_text *text)
{
    size_t errors_before = l->findings->error_count;
    struct toml *root;
    if (s->role == CONF_FILE_OBJECTS || str_ends(s->path, S(".json"))) {
        root = conf_objects_tree(l, s->path, text->text, s->object_type);
    } else {
        struct toml_options options = {.file = s->path.len > 0 ? s->path : STR_NULL,
                .version = TOML_1_1,
                .tolerance = TOML_TOLERANT};
        root = toml_parse(&l->scratch, text->text, &options, l->findings);
        if (root == NULL)
            conf_no_memory(l);
    }
    if (l->findings->error_count > errors_before)
        l->conf->refused = true;
    return root;
}

static void load_includes(struct loader *l, const struct source *from)
{
    struct conf_value *files = value_of_file(l, S("include.files"), from->path);
    struct conf_value *objects = value_of_file(l, S("include.objects"), from->path);
    // Copies: the files that these name may bring values of the same keys, which take their place.
    struct conf_value own_files = files != NULL ? *files : (struct conf_value){0};
    struct conf_value own_objects = objects != NULL ? *objects : (struct conf_value){0};
    if (files != NULL)
        files->macros = own_files.macros = MACROS_DONE;
    for (size_t i = 0; i < own_files.count; i++)
        include_pattern(l, from, &own_files, i);
    for (size_t i = 0; i < own_objects.count; i++)
        include_objects(l, from, &own_objects, i);
}

static void include_pattern(
        struct loader *l, const struct source *from, struct conf_value *v, size_t element)
{
    struct str *paths = NULL;
    size_t count = 0;
    if (!conf_expand_env(l, v, &v->elements[element])) {
        l->conf->refused = true;
        return;
    }
    struct str path = conf_path_beside(&l->conf->arena, from->path, v->elements[element].text);
    struct source next = {.path = path,
            .role = CONF_FILE_INCLUDE,
            .depth = from->depth + 1,
            .by = v,
            .by_element = (int)element};
    if (str_find_byte(path, '*') == STR_NOT_FOUND && str_find_byte(path, '?') == STR_NOT_FOUND) {
        load_source(l, &next);
        return;
    }
    struct err bad = l->files.glob(l->files.self, &l->conf->arena, path, &paths, &count);
    if (failed(bad))
        conf_complain(
                l, v, (int)element, FINDING_BUILD, S("unreadable"), "%.*s", ARG(err_text(bad)));
    else if (count == 0)
        conf_warn(l, v, (int)element, S("no-match"), "no file matches %.*s", ARG(path));
    for (size_t i = 0; i < count; i++) {
        next.path = paths[i];
        load_source(l, &next);
    }
}

static void include_objects(
        struct loader *l, const struct source *from, struct conf_value *v, size_t element)
{
    struct conf_element *table = &v->elements[element];
    const struct conf_element *type = conf_member(table, S("type"));
    const struct conf_element *file = conf_member(table, S("file"));
    if (type == NULL || file == NULL)
        return; // the check of the value says what is missing
    struct conf_element name = *file;
    if (!conf_expand_env(l, v, &name))
        return;
    struct source next = {
            .path = conf_path_beside(&l->conf->arena, from->path, name.text),
            .role = CONF_FILE_OBJECTS,
            .object_type = type->text,
            .depth = from->depth + 1,
            .by = v,
            .by_element = (int)element,
    };
    load_source(l, &next);
}

// <main>.d/*.toml comes last and overrides silently: configuration.md 6.
static void load_overrides(struct loader *l, struct str main)
{
    struct str *paths = NULL;
    size_t count = 0;
    struct str pattern = arena_fmt(&l->conf->arena, "%.*s.d/*.toml", ARG(main));
    struct err bad = l->files.glob(l->files.self, &l->conf->arena, pattern, &paths, &count);
    if (failed(bad)) {
        struct source s = {.path = pattern};
        say_unreadable(l, &s, arena_str(&l->scratch, err_text(bad)));
        return;
    }
    l->overriding = true;
    for (size_t i = 0; i < count; i++) {
        struct source s = {.path = paths[i], .role = CONF_FILE_INCLUDE, .depth = 1};
        load_source(l, &s);
    }
    l->overriding = false;
}

static struct conf_value *value_of_file(struct loader *l, struct str key, struct str file)
{
    struct conf_slot *slot = conf_slot_find(l->conf, key);
    if (slot == NULL || slot->own == NULL || !str_eq(slot->own->origin.file, file))
        return NULL;
    return slot->own;
}

// By place: files in the order of reading, then lines, so that one walks through a file once,
// whichever step found what. At most FINDINGS_MAX, mostly in order.
void conf_sort_findings(const struct conf *conf, struct findings *findings, size_t first)
{
    struct finding *all = findings->all.at;
    for (size_t i = first + 1; i < findings->all.count; i++) {
        struct finding f = all[i];
        size_t at = i;
        for (; at > first && finding_before(conf, &f, &all[at - 1]); at--)
            all[at] = all[at - 1];
        all[at] = f;
    }
}

static bool finding_before(
        const struct conf *conf, const struct finding *a, const struct finding *b)
{
    size_t file_a = file_place(conf, a->file), file_b = file_place(conf, b->file);
    if (file_a != file_b)
        return file_a < file_b;
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

static size_t file_place(const struct conf *conf, struct str file)
{
    size_t at = 0;
    while (at < conf->texts.count && !str_eq(conf->texts.at[at].used.path, file))
        at++;
    return at;
}

// At the include that names the file, if one does.
static void say_unreadable(struct loader *l, const struct source *s, struct str message)
{
    l->conf->refused = true;
    if (s->by != NULL) {
        conf_complain(
                l, s->by, s->by_element, FINDING_BUILD, S("unreadable"), "%.*s", ARG(message));
        return;
    }
    finding_add(l->findings, (struct finding){.severity = FINDING_ERROR,
                                     .class = FINDING_BUILD,
                                     .code = S("unreadable"),
                                     .file = s->path.len > 0 ? s->path : STR_NULL,
                                     .message = message});
}

static struct err real_read(
        void *self, struct arena *a, struct str path, size_t bytes_max, struct conf_file *out)
{
    struct file_info info;
    (void)self;
    TRY(file_read(a, path, bytes_max, &out->text, &info));
    out->device = info.device;
    out->inode = info.inode;
    out->modified_ms = info.modified_ms;
    out->mode = info.mode;
    return OK;
}

static struct err real_glob(
        void *self, struct arena *a, struct str pattern, struct str **out_paths, size_t *out_count)
{
    (void)self;
    return file_glob(a, pattern, out_paths, out_count);
}
