// SPDX-License-Identifier: Apache-2.0
// queue/settings.c: which stores play which role. Values by themselves, unknown keys and ids that
// nobody defined are told by conf/ already.
#include "queue/settings.h"

#include "queue/quota/settings_quota.h"
#include "rt/file.h"

// Of the store that has no section: the same as the table of settings says for one that has.
#define MAP_BYTES_MAX (UINT64_C(1) << 40)
#define FREE_BYTES_MIN (512 * (uint64_t)MIB)
#define FREE_PERCENT_MIN 2
#define FREE_INODES_MIN 1000
#define OTHERS_MAY_WRITE 02

static void read_role(struct reading *r, struct str role, const char *fit, struct str *out_id);
static struct str item(const struct reading *r, struct str id, struct str member);
static bool store_is(const struct reading *r, struct str id, struct str type);
static struct err read_records(struct reading *r, struct str id);
static struct err read_bodies(struct reading *r, struct str id, struct str records_id);
static struct err folder_of(struct reading *r, struct str id, struct str below_state,
        struct str below_path, struct str *out) MUST_USE;
static struct space_limits read_space(const struct reading *r, struct str id);
static void check_folder(struct reading *r, const struct queue_folder *folder);
static void check_stores(struct reading *r, struct str records_id, struct str bodies_id);

struct err queue_settings_make(struct arena *a, const struct conf *conf, struct findings *findings,
        struct queue_settings *out)
{
    struct reading r = {.arena = a, .conf = conf, .findings = findings, .out = out};
    struct str records_id, bodies_id;
    *out = (struct queue_settings){0};
    read_role(&r, S("storage.data"), "embedded", &records_id);
    read_role(&r, S("storage.blob"), "embedded fs", &bodies_id);
    TRY(read_records(&r, records_id));
    TRY(read_bodies(&r, bodies_id, records_id));
    check_folder(&r, &out->records);
    check_folder(&r, &out->bodies);
    check_stores(&r, records_id, bodies_id);
    return settings_read_quotas(&r);
}

struct store_options queue_store_options(const struct queue_settings *settings)
{
    return (struct store_options){.folder = settings->records.path,
            .blob_folder = settings->bodies.path,
            .map_bytes_max = settings->map_bytes_max,
            .batch_max = settings->batch_max};
}

// An id that is not defined was told already, and reads as none.
static void read_role(struct reading *r, struct str role, const char *fit, struct str *out_id)
{
    struct str id = conf_str(r->conf, role), types = str_from_c(fit), type;
    *out_id = STR_NULL;
    if (str_is_empty(id) || !conf_has_id(r->conf, S("store"), id))
        return;
    *out_id = id;
    while (str_split(&types, ' ', &type))
        if (store_is(r, id, type))
            return;
    conf_error(r->conf, r->findings, role, -1, S("store-type"),
            "a store of this type cannot play this role; fit are: %s", fit);
}

static struct str item(const struct reading *r, struct str id, struct str member)
{
    return conf_item(r->conf, S("store"), id, member);
}

static bool store_is(const struct reading *r, struct str id, struct str type)
{
    return str_eq(conf_str(r->conf, item(r, id, S("type"))), type);
}

static struct err read_records(struct reading *r, struct str id)
{
    struct queue_settings *s = r->out;
    bool defined = !str_is_null(id);
    s->records.store_id = id;
    s->records.space = read_space(r, id);
    s->map_bytes_max = defined ? conf_u64(r->conf, item(r, id, S("map-max"))) : MAP_BYTES_MAX;
    s->batch_max = defined ? (size_t)conf_u64(r->conf, item(r, id, S("group-commit.max-batch")))
                           : BATCH_CHANGES_MAX;
    return folder_of(r, id, S("/data"), S(""), &s->records.path);
}

// Bodies that have no store of their own lie inside the folder of their store; by default beside
// the records, because then both are folders of ours.
static struct err read_bodies(struct reading *r, struct str id, struct str records_id)
{
    struct queue_folder *bodies = &r->out->bodies;
    bodies->store_id = str_is_null(id) ? records_id : id;
    bodies->space = read_space(r, bodies->store_id);
    bool files = !str_is_null(bodies->store_id) && store_is(r, bodies->store_id, S("fs"));
    return folder_of(r, bodies->store_id, S("/blobs"), files ? S("") : S("/blobs"), &bodies->path);
}

// A path that is missing was told already.
static struct err folder_of(struct reading *r, struct str id, struct str below_state,
        struct str below_path, struct str *out)
{
    if (str_is_null(id))
        *out = arena_join(r->arena, conf_str(r->conf, S("global.state-dir")), below_state);
    else
        *out = arena_join(r->arena, conf_str(r->conf, item(r, id, S("path"))), below_path);
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for the stores") : OK;
}

static struct space_limits read_space(const struct reading *r, struct str id)
{
    if (str_is_null(id))
        return (struct space_limits){FREE_BYTES_MIN, FREE_PERCENT_MIN, FREE_INODES_MIN};
    return (struct space_limits){
            .free_bytes_min = conf_u64(r->conf, item(r, id, S("min-free"))),
            .free_percent_min = (uint32_t)conf_u64(r->conf, item(r, id, S("min-free-percent"))),
            .free_inodes_min = conf_u64(r->conf, item(r, id, S("min-free-inodes"))),
    };
}

// Whoever can write there can read and forge mail. A folder that is not there yet will be made.
static void check_folder(struct reading *r, const struct queue_folder *folder)
{
    struct file_info info;
    bool stands = !failed(file_stat(r->arena, folder->path, &info));
    if (!stands || (info.mode & OTHERS_MAY_WRITE) == 0)
        return;
    struct str key = str_is_null(folder->store_id) ? S("global.state-dir")
                                                   : item(r, folder->store_id, S("path"));
    conf_error(r->conf, r->findings, key, -1, S("open-folder"),
            "anybody may write to %.*s; take that right away (chmod o-w)", ARG(folder->path));
}

static void check_stores(struct reading *r, struct str records_id, struct str bodies_id)
{
    struct conf_ids ids = conf_ids(r->conf, S("store"));
    for (size_t i = 0; i < ids.count; i++) {
        struct str type = item(r, ids.at[i], S("type"));
        struct conf_list written = conf_list(r->conf, type);
        if (written.count == 1 && str_eq(str_trim(written.at[0].written), S("rocksdb")))
            conf_warning(r->conf, r->findings, type, -1, S("store-type"),
                    "taken for \"embedded\"; the files of a RocksDB store are not read");
        if (!str_eq(ids.at[i], records_id) && !str_eq(ids.at[i], bodies_id))
            conf_warning(r->conf, r->findings, type, -1, S("unused"),
                    "neither storage.data nor storage.blob names this store: no mail is kept in "
                    "it");
    }
    if (!str_eq(r->out->records.store_id, r->out->bodies.store_id) &&
            str_eq(r->out->records.path, r->out->bodies.path))
        conf_error(r->conf, r->findings, S("storage.blob"), -1, S("same-folder"),
                "records and bodies cannot lie in the same folder");
}
