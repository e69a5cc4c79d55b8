// SPDX-License-Identifier: Apache-2.0
// tests/sim/seeds.c: see seeds.h.
#define POSTHASTE_BASE_ROOM // it prints, and starts processes
#include "seeds.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64
#define SEED_SECONDS_MAX 300
#define TOLD_EACH 500 // seeds

struct options {
    uint64_t first, count, jobs;
    bool tells;
};

struct running {
    const struct seeds *seeds;
    struct options options;
    struct seed_figures *totals;
    pid_t pids[JOBS_MAX]; // 0: free
    uint64_t of[JOBS_MAX];
    uint64_t begun, ended, wrong;
};

static bool read_options(struct options *o, int argc, char **argv);
static int run_all(struct running *r);
static void begin(struct running *r, size_t job);
static void end(struct running *r, size_t job, int status);
static void print_figures(const struct running *r);

int seeds_run(const struct seeds *seeds, int argc, char **argv)
{
    struct running r = {.seeds = seeds, .options = {.first = 1, .count = seeds->count, .jobs = 1}};
    assert(seeds->figure_count <= SEEDS_FIGURES_MAX);
    if (!read_options(&r.options, argc, argv))
        return 64;
    r.totals = mmap(NULL, sizeof(struct seed_figures), PROT_READ | PROT_WRITE,
            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert(r.totals != MAP_FAILED);
    return run_all(&r);
}

static bool read_options(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct str word = str_from_c(argv[i]);
        uint64_t *number = NULL;
        if (str_eq(word, S("--seeds")))
            number = &o->count;
        else if (str_eq(word, S("--seed")))
            number = &o->first;
        else if (str_eq(word, S("--jobs")))
            number = &o->jobs;
        else if (str_eq(word, S("--tell")))
            o->tells = true;
        else
            return false;
        if (number != NULL && (++i == argc || !str_to_u64(str_from_c(argv[i]), UINT32_MAX, number)))
            return false;
    }
    return o->jobs > 0 && o->jobs <= JOBS_MAX;
}

static int run_all(struct running *r)
{
    while (r->ended < r->options.count) {
        for (size_t i = 0; i < r->options.jobs && r->begun < r->options.count; i++)
            if (r->pids[i] == 0)
                begin(r, i);
        int status = 0;
        pid_t pid = wait(&status);
        for (size_t i = 0; i < r->options.jobs; i++)
            if (r->pids[i] == pid)
                end(r, i, status);
    }
    print_figures(r);
    printf("%llu passed, %llu failed\n", (unsigned long long)(r->options.count - r->wrong),
            (unsigned long long)r->wrong);
    return r->wrong > 0;
}

static void begin(struct running *r, size_t job)
{
    r->of[job] = r->options.first + r->begun++;
    fflush(stdout);
    r->pids[job] = fork();
    assert(r->pids[job] >= 0);
    if (r->pids[job] > 0)
        return;
    alarm(SEED_SECONDS_MAX); // of a seed that never comes to its end
    bool well = r->seeds->main(r->of[job], r->options.tells, r->totals);
    fflush(stdout);
    _exit(well ? 0 : 1);
}

static void end(struct running *r, size_t job, int status)
{
    unsigned long long seed = r->of[job];
    r->pids[job] = 0;
    r->wrong += status != 0;
    if (++r->ended % TOLD_EACH == 0)
        printf("%llu done, %llu failed\n", (unsigned long long)r->ended,
                (unsigned long long)r->wrong);
    if (status != 0)
        printf("FAILED: seed %llu%s\n  to see it again: script/test '%s' -- --seeds 1 --seed %llu "
               "--tell\n",
                seed, WIFSIGNALED(status) ? " (it crashed)" : "", r->seeds->name, seed);
}

static void print_figures(const struct running *r)
{
    for (size_t i = 0; i < r->seeds->figure_count; i++)
        printf("%s%llu %s", i == 0 ? "" : ", ", (unsigned long long)r->totals->of[i],
                r->seeds->figures[i]);
    printf("\n");
}
