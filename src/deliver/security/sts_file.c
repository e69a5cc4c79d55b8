// SPDX-License-Identifier: Apache-2.0
// deliver/security/sts_file.c: policies on disk: one file a domain, in the form of all records
// (base/fields.h). All of it blocks, and runs on helper threads with an arena of its own, because
// the caller's may serve other tasks meanwhile.
#include "deliver/security/sts_cache.h"

#include "base/encode.h"
#include "base/fields.h"
#include "rt/blobfile.h"
#include "rt/clock.h"
#include "rt/file.h"
#include "rt/lockfile.h"
#include "rt/offload.h"

#include <openssl/evp.h>

#define JOB_BYTES_MAX (4 * STS_KNOWN_BYTES_MAX)
#define ENDING ".policy"
#define PART ".part"
#define LOCK ".lock"

enum { TAG_DOMAIN = 1, TAG_ID = 2, TAG_TEXT = 3, TAG_FETCHED = 4, TAG_USED = 5 };

struct job {
    struct arena arena; // of the thread
    struct str folder, path, part;
    struct str bytes; // to be written
    struct sts_saved saved;
    struct err result;
};

struct turn_job {
    struct arena arena;
    struct sts_turn turn;
    struct err result;
};

struct list_job {
    struct arena *arena; // of the task, which has no other use for it meanwhile
    struct str folder;
    int64_t wall_now_ms;
    VEC(struct sts_listed) all;
    struct err result;
};

static void job_done(struct job *job);
static struct str path_of(const struct sts_cache *cache, struct arena *a, struct str domain);
static void read_job(void *arg);
static struct err read_file(struct arena *a, struct str path, struct sts_saved *out);
static struct err read_fields(struct str bytes, struct sts_saved *out);
static void write_job(void *arg);
static struct err write_part(struct job *job);
static void take_job(void *arg);
static void give_job(void *arg);
static void list_files(void *arg);
static struct err list_one(
        struct list_job *job, struct arena *scratch, const struct blob_entry *entry);
static struct err list_add(struct list_job *job, const struct sts_saved *saved);

struct err sts_file_read(
        const struct sts_cache *cache, struct arena *a, struct str domain, struct sts_saved *out)
{
    struct job job AUTO(job_done) = {0};
    arena_init(&job.arena, JOB_BYTES_MAX);
    if (str_is_null(cache->options.folder))
        return fail(ERR_NOT_FOUND, "nothing is kept");
    job.path = path_of(cache, a, domain);
    if (str_is_null(job.path))
        return fail(ERR_LIMIT, "no memory for the name of a file");
    TRY(offload(read_job, &job));
    if (failed(job.result) || !str_eq(job.saved.known.domain, domain))
        return fail(ERR_NOT_FOUND, "there is no policy on disk");
    out->used_ms = job.saved.used_ms;
    return sts_known_make(a, &job.saved.known, &out->known);
}

static void job_done(struct job *job)
{
    arena_done(&job->arena);
}

// Domains are no file names: they may be longer, and theirs is the choice.
static struct str path_of(const struct sts_cache *cache, struct arena *a, struct str domain)
{
    unsigned char digest[32];
    struct buf hex AUTO(buf_done);
    buf_init(&hex, 2 * sizeof(digest));
    if (EVP_Digest(domain.ptr, domain.len, digest, NULL, EVP_sha256(), NULL) != 1)
        return STR_NULL;
    encode_hex(&hex, str_of((const char *)digest, sizeof(digest)));
    return arena_fmt(a, "%.*s/%.*s" ENDING, ARG(cache->options.folder), ARG(buf_str(&hex)));
}

static void read_job(void *arg)
{
    struct job *job = arg;
    job->result = read_file(&job->arena, job->path, &job->saved);
}

static struct err read_file(struct arena *a, struct str path, struct sts_saved *out)
{
    struct str bytes;
    struct sts_saved raw;
    TRY(file_read(a, path, STS_RECORD_BYTES_MAX, &bytes, NULL));
    TRY(read_fields(bytes, &raw));
    out->used_ms = raw.used_ms;
    return sts_known_make(a, &raw.known, &out->known);
}

static struct err read_fields(struct str bytes, struct sts_saved *out)
{
    struct sts_saved saved = {0};
    struct fields_in in;
    TRY(fields_open(bytes, &in));
    for (struct field f; field_next(&in, &f);) {
        if (f.tag == TAG_DOMAIN)
            saved.known.domain = f.bytes;
        else if (f.tag == TAG_ID)
            saved.known.id = f.bytes;
        else if (f.tag == TAG_TEXT)
            saved.known.text = f.bytes;
        else if (f.tag == TAG_FETCHED)
            saved.known.fetched_ms = field_signed(&f);
        else if (f.tag == TAG_USED)
            saved.used_ms = field_signed(&f);
    }
    if (in.broken || str_is_empty(saved.known.domain) || str_is_empty(saved.known.id))
        return fail(ERR_SYNTAX, "this is no policy of MTA-STS");
    *out = saved;
    return OK;
}

// Under a name that nobody else has until the bytes are on disk.
struct err sts_file_write(
        const struct sts_cache *cache, struct arena *a, const struct sts_saved *saved)
{
    struct job job AUTO(job_done) = {.folder = cache->options.folder};
    struct buf bytes AUTO(buf_done);
    buf_init(&bytes, STS_RECORD_BYTES_MAX);
    arena_init(&job.arena, JOB_BYTES_MAX);
    if (str_is_null(job.folder))
        return OK;
    struct fields_out out = fields_begin(&bytes);
    field_str(&out, TAG_DOMAIN, saved->known.domain);
    field_str(&out, TAG_ID, saved->known.id);
    field_str(&out, TAG_TEXT, saved->known.text);
    field_i64(&out, TAG_FETCHED, saved->known.fetched_ms);
    field_i64(&out, TAG_USED, saved->used_ms);
    fields_end(&out);
    job.bytes = buf_str(&bytes);
    job.path = path_of(cache, a, saved->known.domain);
    job.part = arena_fmt(a, "%.*s.%016llx" PART, ARG(job.path), (unsigned long long)random_u64());
    if (bytes.overflow || str_is_null(job.path) || str_is_null(job.part))
        return fail(ERR_LIMIT, "no memory for a policy of MTA-STS");
    TRY(offload(write_job, &job));
    if (!failed(job.result))
        return OK;
    return fail_fmt(a, job.result.kind, "%.*s", ARG(err_text(job.result)));
}

static void write_job(void *arg)
{
    struct job *job = arg;
    job->result = write_part(job);
    if (failed(job->result)) {
        struct err left = blob_remove(&job->arena, job->part);
        (void)left; // the first trouble is the one to tell
    }
}

static struct err write_part(struct job *job)
{
    int fd;
    TRY(folder_make(&job->arena, job->folder));
    TRY(blob_create(&job->arena, job->part, &fd));
    struct err e = blob_write_at(&job->arena, fd, job->bytes, 0);
    if (!failed(e))
        e = blob_sync(&job->arena, fd);
    blob_close(fd);
    if (!failed(e))
        e = blob_rename(&job->arena, job->part, job->path);
    return failed(e) ? e : folder_sync(&job->arena, job->folder);
}

struct err sts_turn_take(const struct sts_cache *cache, struct arena *a, struct str domain,
        struct sts_turn *out, bool *out_taken)
{
    struct turn_job job = {0};
    *out = (struct sts_turn){0};
    *out_taken = true;
    if (str_is_null(cache->options.folder))
        return OK;
    struct str path = path_of(cache, a, domain);
    job.turn.path = str_is_null(path) ? STR_NULL : arena_join(a, path, S(LOCK));
    if (str_is_null(job.turn.path))
        return fail(ERR_LIMIT, "no memory for the name of a file");
    arena_init(&job.arena, JOB_BYTES_MAX);
    struct err e = offload(take_job, &job);
    arena_done(&job.arena);
    TRY(e);
    *out_taken = job.result.kind != ERR_EXISTS;
    if (!failed(job.result))
        *out = job.turn;
    return OK;
}

static void take_job(void *arg)
{
    struct turn_job *job = arg;
    pid_t holder;
    job->result = lockfile_take(&job->arena, job->turn.path, &job->turn.fd, &holder);
}

// Whoever has opened the file before it goes, and locks it then, fetches beside the next one: that
// costs a fetch, and nothing else.
void sts_turn_give(struct sts_turn *turn)
{
    struct turn_job job = {.turn = *turn};
    if (str_is_null(turn->path))
        return;
    arena_init(&job.arena, JOB_BYTES_MAX);
    struct err e = offload(give_job, &job);
    if (failed(e)) // no thread: then here
        give_job(&job);
    arena_done(&job.arena);
    *turn = (struct sts_turn){0};
}

static void give_job(void *arg)
{
    struct turn_job *job = arg;
    struct err left = blob_remove(&job->arena, job->turn.path);
    (void)left; // swept up later
    blob_close(job->turn.fd);
}

struct err sts_file_list(const struct sts_cache *cache, struct arena *a, int64_t wall_now_ms,
        struct sts_listed **out, size_t *out_count)
{
    struct list_job job = {.arena = a, .folder = cache->options.folder, .wall_now_ms = wall_now_ms};
    *out_count = 0;
    if (str_is_null(job.folder))
        return OK;
    TRY(offload(list_files, &job));
    TRY(job.result);
    *out = job.all.at;
    *out_count = job.all.count;
    return OK;
}

static void list_files(void *arg)
{
    struct list_job *job = arg;
    struct blob_entry *entries;
    size_t count;
    struct arena scratch;
    job->result = folder_list(job->arena, job->folder, &entries, &count);
    if (job->result.kind == ERR_NOT_FOUND) {
        job->result = OK; // nobody has written one yet
        return;
    }
    arena_init(&scratch, JOB_BYTES_MAX);
    for (size_t i = 0; !failed(job->result) && i < count; i++) {
        arena_reset(&scratch);
        job->result = list_one(job, &scratch, &entries[i]);
    }
    arena_done(&scratch);
}

// Should another worker replace a file just between our look and its removal, that policy is
// fetched once more. A file of a format that we do not know stays for those who do.
static struct err list_one(
        struct list_job *job, struct arena *scratch, const struct blob_entry *entry)
{
    struct sts_saved saved;
    struct str path = arena_fmt(scratch, "%.*s/%.*s", ARG(job->folder), ARG(entry->name));
    if (str_is_null(path))
        return fail(ERR_LIMIT, "no memory for the name of a file");
    if (str_ends(entry->name, S(PART)) || str_ends(entry->name, S(LOCK)))
        return entry->modified_ms < job->wall_now_ms - HOUR_MS ? blob_remove(scratch, path) : OK;
    if (!str_ends(entry->name, S(ENDING)))
        return OK;
    struct err e = read_file(scratch, path, &saved);
    if (e.kind == ERR_SYNTAX || (!failed(e) && saved.known.expires_ms <= job->wall_now_ms))
        return blob_remove(scratch, path);
    return failed(e) ? OK : list_add(job, &saved);
}

static struct err list_add(struct list_job *job, const struct sts_saved *saved)
{
    struct sts_listed *one = vec_add(job->arena, &job->all);
    if (one == NULL)
        return fail(ERR_LIMIT, "no memory for a list of policies");
    *one = (struct sts_listed){.domain = arena_str(job->arena, saved->known.domain),
            .id = arena_str(job->arena, saved->known.id),
            .fetched_ms = saved->known.fetched_ms,
            .used_ms = saved->used_ms};
    return str_is_null(one->domain) || str_is_null(one->id)
                   ? fail(ERR_LIMIT, "no memory for a list of policies")
                   : OK;
}
