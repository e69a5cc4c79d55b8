// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/main.c: plays dialogue files.
//
// usage: dialogue [--accept] [--seed N] [--case NAME] [--posthaste PATH] FILE...
//
//   --accept     rewrite in the files what differs from what came
//   --seed N     another seed than the file's
//   --case NAME  only the cases whose name contains NAME
//   --posthaste  the program that `run` runs
//   --read       only read the files
//
// Exit status: 0 all passed, 1 some failed, 2 a file is wrong. Last line: N passed, N failed.
#define POSTHASTE_BASE_ROOM // files and output are the program's own
#include "authority.h"
#include "rt/file.h"
#include "runner.h"

#include <unistd.h>

#define READ_BYTES_MAX (64 * MIB)

struct run {
    struct options options;
    struct str only;
    bool read_only;
    struct authority *authority;
    size_t passed, failed;
    bool wrong_file;
};

static bool take_option(struct run *run, struct str option, const char *value, int *at);
static void play_file(struct run *run, struct str path);
static void play_one(struct run *run, const struct dialogue *d, const struct dialogue_case *c,
        struct edits *edits);
static void rewrite(struct str path, const struct dialogue *d, const struct edits *edits);
static void print(struct str text);

int main(int argc, char **argv)
{
    struct run run = {.authority = authority_new()};
    int at = 1;
    while (at < argc && str_starts(str_from_c(argv[at]), S("--")))
        if (!take_option(&run, str_from_c(argv[at]), argv[at + 1], &at)) {
            print(S("usage: dialogue [--accept] [--seed N] [--case NAME] [--posthaste PATH] "
                    "[--read] FILE...\n"));
            return 64;
        }
    for (; at < argc; at++)
        play_file(&run, str_from_c(argv[at]));
    authority_free(run.authority);
    printf("%zu passed, %zu failed\n", run.passed, run.failed);
    if (run.wrong_file)
        return 2;
    return run.failed > 0 ? 1 : 0;
}

static bool take_option(struct run *run, struct str option, const char *value, int *at)
{
    struct str text = str_from_c(value);
    *at += 1;
    if (str_eq(option, S("--accept")) || str_eq(option, S("--read"))) {
        run->options.accept |= str_eq(option, S("--accept"));
        run->read_only |= str_eq(option, S("--read"));
        return true;
    }
    *at += 1;
    if (value == NULL)
        return false;
    if (str_eq(option, S("--seed"))) {
        run->options.has_seed = true;
        return str_to_u64(text, UINT64_MAX, &run->options.seed);
    }
    if (str_eq(option, S("--case")))
        run->only = text;
    else if (str_eq(option, S("--posthaste")))
        run->options.posthaste = text;
    return str_eq(option, S("--case")) || str_eq(option, S("--posthaste"));
}

static void play_file(struct run *run, struct str path)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, READ_BYTES_MAX);
    struct dialogue d;
    struct str text;
    struct edits edits = {.arena = &a};
    struct err e = file_read(&a, path, DIALOGUE_BYTES_MAX, &text, NULL);
    if (!failed(e))
        e = dialogue_read(&a, path, text, &d);
    if (failed(e)) {
        print(err_text(e));
        print(S("\n"));
        run->failed++;
        run->wrong_file = true;
        return;
    }
    each_in_vec (c, &d.cases) {
        if (!run->read_only && (run->only.len == 0 || str_contains(c->name, run->only)))
            play_one(run, &d, c, &edits);
    }
    if (edits.all.count > 0)
        rewrite(path, &d, &edits);
}

static void play_one(struct run *run, const struct dialogue *d, const struct dialogue_case *c,
        struct edits *edits)
{
    struct runner *r = mem_new(struct runner);
    struct transcript *transcript = mem_new(struct transcript);
    assert(r != NULL && transcript != NULL);
    r->options = &run->options;
    r->dialogue = d;
    r->now = c;
    r->authority = run->authority;
    r->transcript = transcript;
    r->edits = edits;
    struct err e = play_case(r);
    if (failed(e)) {
        struct buf text;
        buf_init(&text, 4 * MIB);
        report_case(&text, r, "failed");
        print(buf_str(&text));
        buf_done(&text);
        run->failed++;
    } else {
        run->passed++;
    }
    sim_free(r->sim);
    memory_files_done(&r->files);
    buf_done(&r->saying);
    buf_done(&r->metrics_before);
    buf_done(&r->trouble.text);
    arena_done(&r->arena);
    mem_free(transcript);
    mem_free(r);
}

static void rewrite(struct str path, const struct dialogue *d, const struct edits *edits)
{
    struct buf text;
    buf_init(&text, 4 * DIALOGUE_BYTES_MAX);
    edits_apply(d, edits, &text);
    FILE *f = text.overflow ? NULL : fopen(path.ptr, "w");
    bool done = f != NULL && fwrite(text.ptr, 1, text.len, f) == text.len;
    done = f != NULL && fclose(f) == 0 && done;
    printf("%.*s: %s\n", ARG(path), done ? "rewritten" : "could not be rewritten");
    buf_done(&text);
}

static void print(struct str text)
{
    fwrite(text.ptr, 1, text.len, stdout);
}
