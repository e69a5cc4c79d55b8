// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/main.c: plays dialogue files.
//
// usage: dialogue [--accept [--show]] [--seed N] [--case NAME] [--posthaste PATH] [--read]
//                 [--expect OUTPUT] FILE...
//
//   --accept     rewrite in the files what differs from what came
//   --show       print the rewritten files instead
//   --expect     the runner's own test: pass if this file has what would be printed (with holes)
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
#define PRINTED_BYTES_MAX (4 * MIB)

struct run {
    struct options options;
    struct str only, expect;
    bool read_only, show;
    struct buf printed; // with --expect
    struct authority *authority;
    size_t passed, failed;
    bool wrong_file;
};

static bool take_option(struct run *run, struct str option, const char *value, int *at);
static int finish(struct run *run);
static int compare(struct run *run);
static void play_file(struct run *run, struct str path);
static void play_one(struct run *run, const struct dialogue *d, const struct dialogue_case *c,
        struct edits *edits);
static void rewrite(
        struct run *run, struct str path, const struct dialogue *d, const struct edits *edits);
static void print(struct run *run, struct str text);

int main(int argc, char **argv)
{
    struct run run = {.authority = authority_new()};
    int at = 1;
    buf_init(&run.printed, PRINTED_BYTES_MAX);
    while (at < argc && str_starts(str_from_c(argv[at]), S("--")))
        if (!take_option(&run, str_from_c(argv[at]), argv[at + 1], &at)) {
            print(&run, S("usage: dialogue [--accept [--show]] [--seed N] [--case NAME] "
                          "[--posthaste PATH] [--read] [--expect OUTPUT] FILE...\n"));
            return 64;
        }
    for (; at < argc; at++)
        play_file(&run, str_from_c(argv[at]));
    authority_free(run.authority);
    int status = finish(&run);
    buf_done(&run.printed);
    return status;
}

static bool take_option(struct run *run, struct str option, const char *value, int *at)
{
    const struct {
        struct str name;
        bool *flag;
    } flags[] = {{S("--accept"), &run->options.accept}, {S("--read"), &run->read_only},
            {S("--show"), &run->show}};
    struct str text = str_from_c(value);
    *at += 1;
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (str_eq(option, flags[i].name)) {
            *flags[i].flag = true;
            return true;
        }
    *at += 1;
    if (value == NULL)
        return false;
    if (str_eq(option, S("--seed"))) {
        run->options.has_seed = true;
        return str_to_u64(text, UINT64_MAX, &run->options.seed);
    }
    const struct {
        struct str name;
        struct str *text;
    } texts[] = {{S("--case"), &run->only}, {S("--posthaste"), &run->options.posthaste},
            {S("--expect"), &run->expect}};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (str_eq(option, texts[i].name)) {
            *texts[i].text = text;
            return true;
        }
    return false;
}

static int finish(struct run *run)
{
    struct buf last;
    buf_init(&last, KIB);
    buf_fmt(&last, "%zu passed, %zu failed\n", run->passed, run->failed);
    print(run, buf_str(&last));
    buf_done(&last);
    if (run->expect.len > 0)
        return compare(run);
    if (run->wrong_file)
        return 2;
    return run->failed > 0 ? 1 : 0;
}

// Line by line, each line of the file with its holes.
static int compare(struct run *run)
{
    struct arena a AUTO(arena_done);
    struct str text, wanted, got;
    struct holes holes = {0};
    size_t line = 0, furthest;
    arena_init(&a, READ_BYTES_MAX);
    struct err e = file_read(&a, run->expect, PRINTED_BYTES_MAX, &text, NULL);
    struct scan expected = scan_over(text), printed = scan_over(buf_str(&run->printed));
    bool fits = !failed(e);
    while (fits && !scan_end(&printed) && scan_line(&expected, &wanted)) {
        struct template t;
        line++;
        fits = scan_line(&printed, &got) &&
               !failed(template_parse(&a, wanted, TEMPLATE_LINE, &t)) &&
               template_match(&t, &a, got, &holes, &furthest);
    }
    fits = fits && scan_end(&printed) && scan_end(&expected);
    if (!fits)
        printf("%.*sthis is not what %.*s has in line %zu and below\n", ARG(buf_str(&run->printed)),
                ARG(run->expect), line);
    printf("%d passed, %d failed\n", fits, !fits);
    return fits ? 0 : 1;
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
        print(run, err_text(e));
        print(run, S("\n"));
        run->failed++;
        run->wrong_file = true;
        return;
    }
    each_in_vec (c, &d.cases) {
        if (!run->read_only && (run->only.len == 0 || str_contains(c->name, run->only)))
            play_one(run, &d, c, &edits);
    }
    if (edits.all.count > 0)
        rewrite(run, path, &d, &edits);
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
        print(run, buf_str(&text));
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

static void rewrite(
        struct run *run, struct str path, const struct dialogue *d, const struct edits *edits)
{
    struct buf text;
    buf_init(&text, 4 * DIALOGUE_BYTES_MAX);
    edits_apply(d, edits, &text);
    if (run->show) {
        print(run, buf_str(&text));
        buf_done(&text);
        return;
    }
    FILE *f = text.overflow ? NULL : fopen(path.ptr, "w");
    bool done = f != NULL && fwrite(text.ptr, 1, text.len, f) == text.len;
    done = f != NULL && fclose(f) == 0 && done;
    printf("%.*s: %s\n", ARG(path), done ? "rewritten" : "could not be rewritten");
    buf_done(&text);
}

static void print(struct run *run, struct str text)
{
    if (run->expect.len > 0)
        buf_add(&run->printed, text);
    else
        fwrite(text.ptr, 1, text.len, stdout);
}
