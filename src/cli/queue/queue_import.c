// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_import.c: `posthaste queue import` (queue.md 13.11): what `queue export` has
// written, or a person, into this queue.
#include "cli/commands.h"

#include "base/id.h"
#include "cli/queue/queue_progress.h"
#include "cli/queue/queue_server.h"
#include "cli/queue/queue_store.h"
#include "queue/envelope/envelope_files.h"
#include "rt/blobfile.h"
#include "rt/file.h"

#define NAMES_BYTES_MAX (512 * (size_t)MIB)

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
};

struct importing {
    struct queue_work *w;
    struct progress progress;
    struct json_out json;
    struct arena names; // of files
    VEC(struct str) files;
    uint64_t imported, already, failed, leaving;
};

static struct err import_main(void *work) suspends;
static struct err collect(struct importing *x);
static struct err add_folder(struct importing *x, struct str folder,
        const struct blob_entry *entries, size_t count) MUST_USE;
static struct err add_file(struct importing *x, struct str file) MUST_USE;
static int by_name(const void *a, const void *b);
static struct err import_all(struct importing *x) suspends;
static struct err import_one(struct importing *x, struct str file) suspends;
static void note(
        struct importing *x, struct str file, const struct envelope_taken *t, struct err e);
static bool is_of_one(struct err e);
static int say(struct importing *x);

static int run(struct cli *c)
{
    return queue_work_run(c, QUEUE_TO_FILL, import_main, NULL);
}

static struct err import_main(void *work)
{
    struct importing x = {.w = work};
    arena_init(&x.names, NAMES_BYTES_MAX);
    x.json = cli_json_begin(x.w->c);
    json_object_begin(&x.json);
    json_key(&x.json, S("messages"));
    json_array_begin(&x.json);
    struct err e = collect(&x);
    if (!failed(e))
        e = import_all(&x);
    if (failed(e))
        e = fail_fmt(&x.w->c->arena, e.kind, "%.*s", ARG(err_text(e)));
    else
        x.w->status = say(&x);
    arena_done(&x.names);
    return e;
}

static struct err collect(struct importing *x)
{
    struct cli *c = x->w->c;
    for (size_t i = 0; i < c->operand_count; i++) {
        struct str name = c->operands[i];
        struct blob_entry *entries = NULL;
        size_t count = 0;
        bool is_folder = !failed(folder_list(&x->names, name, &entries, &count));
        TRY(is_folder ? add_folder(x, name, entries, count) : add_file(x, name));
    }
    return OK;
}

// In the order of their names, which is that of their age.
static struct err add_folder(
        struct importing *x, struct str folder, const struct blob_entry *entries, size_t count)
{
    size_t first = x->files.count;
    for (size_t i = 0; i < count; i++) {
        x->leaving += entries[i].is_file && str_ends(entries[i].name, ENVELOPE_LEAVING_SUFFIX);
        if (!entries[i].is_file || !str_ends(entries[i].name, ENVELOPE_SUFFIX))
            continue;
        struct str *file = vec_add(&x->names, &x->files);
        if (file == NULL)
            return fail(ERR_LIMIT, "too many files at once");
        *file = arena_fmt(&x->names, "%.*s/%.*s", ARG(folder), ARG(entries[i].name));
        if (str_is_null(*file))
            return fail(ERR_LIMIT, "too many files at once");
    }
    if (x->files.count > first)
        qsort(x->files.at + first, x->files.count - first, sizeof(*x->files.at), by_name);
    return OK;
}

static struct err add_file(struct importing *x, struct str name)
{
    struct str *file = vec_add(&x->names, &x->files);
    if (file == NULL)
        return fail(ERR_LIMIT, "too many files at once");
    *file = name;
    if (str_ends(name, S(".eml"))) // which one means is clear
        *file = arena_join(&x->names, str_upto(name, name.len - 4), ENVELOPE_SUFFIX);
    return str_is_null(*file) ? fail(ERR_LIMIT, "too many files at once") : OK;
}

static int by_name(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static struct err import_all(struct importing *x)
{
    struct err e = OK;
    x->progress = progress_begin(x->w->c, "imported");
    for (size_t i = 0; i < x->files.count && !failed(e); i++) {
        e = import_one(x, x->files.at[i]);
        progress_step(&x->progress, x->imported, x->files.count);
    }
    progress_end(&x->progress);
    if (x->imported > 0)
        queue_server_look(x->w);
    return e;
}

// What is wrong with one message keeps no other; a full disk does.
static struct err import_one(struct importing *x, struct str file)
{
    struct envelope_taken taken = {0};
    struct arena a;
    arena_init(&a, ENVELOPE_ARENA_BYTES_MAX);
    struct err e = envelope_import(x->w->store, &a, file, x->w->wall_now_ms, &taken);
    bool goes_on = !failed(e) || is_of_one(e);
    x->imported += !failed(e) && !taken.is_here_before;
    x->already += !failed(e) && taken.is_here_before;
    x->failed += failed(e);
    if (failed(e) && goes_on && !x->w->c->json) {
        progress_end(&x->progress);
        (void)cli_fail(x->w->c, CLI_FAILED, e);
    }
    note(x, file, &taken, e);
    if (!goes_on)
        e = fail_fmt(&x->w->c->arena, e.kind, "%.*s", ARG(err_text(e)));
    arena_done(&a);
    return goes_on ? OK : e;
}

static bool is_of_one(struct err e)
{
    return e.kind == ERR_NOT_FOUND || e.kind == ERR_SYNTAX || e.kind == ERR_UNSUPPORTED ||
           e.kind == ERR_REFUSED || e.kind == ERR_LIMIT || e.kind == ERR_EXISTS;
}

static void note(struct importing *x, struct str file, const struct envelope_taken *t, struct err e)
{
    struct buf id AUTO(buf_done);
    struct json_out *o = &x->json;
    buf_init(&id, ID_DIGITS);
    if (!x->w->c->json)
        return;
    json_object_begin(o);
    json_put_str(o, S("file"), file);
    if (failed(e)) {
        json_put_str(o, S("error"), err_text(e));
    } else {
        id_add(&id, t->id);
        json_put_str(o, S("id"), buf_str(&id));
        json_put_bool(o, S("already"), t->is_here_before);
    }
    json_object_end(o);
}

static int say(struct importing *x)
{
    struct cli *c = x->w->c;
    json_array_end(&x->json);
    json_put_u64(&x->json, S("imported"), x->imported);
    json_put_u64(&x->json, S("already"), x->already);
    json_put_u64(&x->json, S("failed"), x->failed);
    json_put_u64(&x->json, S("leaving"), x->leaving);
    json_object_end(&x->json);
    if (c->json)
        (void)cli_json_end(c, CLI_OK);
    else
        fprintf(c->out, "Imported %llu message(s); %llu had been imported before.\n",
                (unsigned long long)x->imported, (unsigned long long)x->already);
    if (x->leaving > 0)
        (void)cli_fail_text(c, CLI_FAILED,
                "%llu message(s) have not quite left their queue: export again with --remove, then "
                "import again",
                (unsigned long long)x->leaving);
    bool some = x->imported + x->already > 0;
    if (x->failed + x->leaving > 0)
        return some ? CLI_PARTLY : CLI_FAILED;
    return some ? CLI_OK : cli_fail_text(c, CLI_NOT_FOUND, "there are no envelopes");
}

const struct command command_queue_import = {
        .run = run,
        .operands = "FOLDER|FILE...",
        .operand_min = 1,
        .operand_max = SIZE_MAX,
        .about = "Puts messages into this queue: those that 'queue export' has written into a\n"
                 "folder, or single ones, by their envelopes (ID.json, beside ID.eml). They get "
                 "new\n"
                 "ids, and keep all else: when they were accepted, attempts, times, holds. Each\n"
                 "message is taken once; one that this queue took before is left out, even if it\n"
                 "was delivered since, so an import that was interrupted is just started again.\n"
                 "The files are not changed. They must be readable by the server's user.",
        .examples = "  posthaste queue import /tmp/moving\n"
                    "  posthaste queue import 0b55250b1000400a.json",
        CLI_OPTIONS(options),
};
