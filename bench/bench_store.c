// SPDX-License-Identifier: Apache-2.0
// bench/bench_store.c: accepting messages into the store, with every sync: so many sessions at
// once, each with one message after the other, then removing them again. Figures: messages a
// second, CPU time of this process per message; for one session the median wait beside the median
// of a bare write and fdatasync of the same bytes into a file that has its blocks already, done by
// turns with the messages; for several, what the disk takes when as many messages as there are
// sessions are appended to a file and synced at once.
//
// usage: bench-store [BYTES] [SESSIONS] [MESSAGES] [FOLDER]
//
// Without FOLDER, in one of its own beside this program, which is removed afterwards.
#define POSTHASTE_BASE_ROOM
#include "queue/store/body.h"
#include "queue/store/store.h"
#include "rt/rt.h"

#include <fcntl.h>
#include <ftw.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES_MOST 1000000
#define BARE_FILE_BYTES (64 * MIB)
#define GROUPS 40

struct bench {
    struct arena a;
    struct store *store;
    struct str body;
    size_t sessions, messages;
    uint64_t next_id;
    int64_t *waits_ns;
    size_t wait_count;
    int bare_fd; // of a lone session
    int64_t *bare_waits_ns;
    size_t bare_count;
    int64_t bare_wall_ns, bare_cpu_ns; // not the messages'
};

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double median_us(int64_t *all, size_t count)
{
    qsort(all, count, sizeof(*all), by_size);
    return count == 0 ? 0 : (double)all[count / 2] / 1000;
}

static struct err accept_one(struct bench *b, struct arena *a, uint64_t id)
{
    struct body *body AUTO(body_auto_free) = body_new(b->store, id);
    struct recipient rcpt = {.address = S("bob@b.example"), .notify_at_ms = NEVER_MS};
    struct unit unit = {.message_id = id,
            .due_ms = (int64_t)id,
            .domain = S("b.example"),
            .queue = S("default"),
            .rcpts = &rcpt,
            .rcpt_count = 1};
    struct message m = {.id = id,
            .created_ms = (int64_t)id,
            .sender = S("ann@a.example"),
            .helo = S("mx.a.example"),
            .top = S("Received: from mx.a.example by mx.b.example\r\n"),
            .units = &unit,
            .unit_count = 1};
    TRY(body_add(body, a, b->body));
    TRY(body_finish(body, a, &m.body));
    struct store_change change = {.kind = STORE_ACCEPT, .message = &m};
    return store_commit(b->store, a, &change, 1);
}

static struct err bare_one(struct bench *b);

static struct err session(void *arg)
{
    struct bench *b = arg;
    struct arena a;
    arena_init(&a, MIB);
    struct err e = OK;
    while (!failed(e) && b->next_id <= b->messages) {
        int64_t began_ns = wall_ns();
        e = accept_one(b, &a, b->next_id++);
        b->waits_ns[b->wait_count++] = wall_ns() - began_ns;
        if (b->sessions == 1 && !failed(e))
            e = bare_one(b);
        arena_reset(&a);
    }
    arena_done(&a);
    return e;
}

// With the store's own task beside it, as in a worker; all that is accepted is in LMDB at the end.
static struct err tended(struct bench *b, struct err (*work)(struct bench *b))
{
    struct group g AUTO(group_end);
    group_begin(&g);
    TRY(group_spawn(&g, store_tend, b->store));
    task_yield();
    TRY(work(b));
    return store_settle(b->store, &b->a);
}

static struct err run_sessions(struct bench *b)
{
    struct group g AUTO(group_end);
    group_begin(&g);
    b->next_id = 1;
    b->wait_count = 0;
    for (size_t i = 0; i < b->sessions; i++)
        TRY(group_spawn(&g, session, b));
    return group_wait_all(&g);
}

static struct err accept_all(void *arg)
{
    return tended(arg, run_sessions);
}

static struct err remove_each(struct bench *b)
{
    struct arena a;
    arena_init(&a, MIB);
    for (uint64_t id = 1; id <= b->messages;) {
        struct store_change changes[16];
        size_t count = 0;
        while (count < COUNT_OF(changes) && id <= b->messages)
            changes[count++] = (struct store_change){.kind = STORE_REMOVE, .id = id++};
        TRY(store_commit(b->store, &a, changes, count));
        arena_reset(&a);
    }
    arena_done(&a);
    return OK;
}

static struct err remove_all(void *arg)
{
    return tended(arg, remove_each);
}

static void measure(struct bench *b, const char *what, task_main *main)
{
    struct loop *loop = loop_new_real();
    int64_t wall = wall_ns(), cpu = cpu_ns();
    struct err e = loop_run(loop, main, b);
    wall = wall_ns() - wall - b->bare_wall_ns;
    cpu = cpu_ns() - cpu - b->bare_cpu_ns;
    b->bare_wall_ns = b->bare_cpu_ns = 0;
    loop_free(loop);
    if (failed(e)) {
        printf("%s: %.*s\n", what, ARG(err_text(e)));
        exit(1);
    }
    printf("%-8s %9.0f messages/s  %7.2f us of CPU each\n", what,
            (double)b->messages * 1e9 / (double)wall, (double)cpu / 1000 / (double)b->messages);
}

// The disk's own, by turns with the messages of a lone session.
static struct err bare_begin(struct bench *b, struct str folder)
{
    struct str path = arena_fmt(&b->a, "%.*s/bare", ARG(folder));
    b->bare_waits_ns = arena_array(&b->a, b->messages + 1, int64_t);
    b->bare_fd = open(path.ptr, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    for (size_t at = 0; at < BARE_FILE_BYTES; at += b->body.len + 1)
        if (pwrite(b->bare_fd, b->body.ptr, b->body.len, (off_t)at) < 0)
            return fail(ERR_IO, "the disk is full");
    return fsync(b->bare_fd) == 0 ? OK : fail(ERR_IO, "the disk fails");
}

static struct err bare_one(struct bench *b)
{
    int64_t cpu = cpu_ns(), began_ns = wall_ns();
    off_t at = (off_t)(b->bare_count * b->body.len % (BARE_FILE_BYTES - b->body.len));
    if (pwrite(b->bare_fd, b->body.ptr, b->body.len, at) < 0 || fdatasync(b->bare_fd) != 0)
        return fail(ERR_IO, "the disk fails");
    b->bare_waits_ns[b->bare_count++] = wall_ns() - began_ns;
    b->bare_wall_ns += wall_ns() - began_ns;
    b->bare_cpu_ns += cpu_ns() - cpu;
    return OK;
}

// As many messages as there are sessions, appended and synced at once: messages a second.
static double group_rate(struct bench *b, struct str folder)
{
    struct str path = arena_fmt(&b->a, "%.*s/group", ARG(folder));
    int fd = open(path.ptr, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    int64_t began_ns = wall_ns();
    for (size_t group = 0; group < GROUPS; group++) {
        for (size_t i = 0; i < b->sessions; i++)
            if (write(fd, b->body.ptr, b->body.len) < 0)
                return 0;
        if (fdatasync(fd) != 0)
            return 0;
    }
    int64_t took_ns = wall_ns() - began_ns;
    close(fd);
    unlink(path.ptr);
    return (double)(GROUPS * b->sessions) * 1e9 / (double)took_ns;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static struct str folder_beside(struct arena *a, struct str program)
{
    struct str before, name;
    bool has_folder = str_rcut(program, '/', &before, &name);
    return arena_fmt(a, "%.*s/bench-store.tmp", ARG(has_folder ? before : S(".")));
}

static int bench_in(struct bench *b, struct str folder)
{
    struct store_options options = {
            .folder = arena_fmt(&b->a, "%.*s/data", ARG(folder)),
            .blob_folder = arena_fmt(&b->a, "%.*s/blobs", ARG(folder)),
            .map_bytes_max = 64 * (uint64_t)1024 * MIB,
            .journal = true,
    };
    struct err e = store_open(&b->a, &options, &b->store);
    if (failed(e)) {
        printf("%.*s\n", ARG(err_text(e)));
        return 1;
    }
    printf("%zu bytes, %zu sessions, %zu messages\n", b->body.len, b->sessions, b->messages);
    double before = b->sessions > 1 ? group_rate(b, folder) : 0;
    if (b->sessions == 1 && failed(bare_begin(b, folder)))
        return 1;
    measure(b, "accept", accept_all);
    double wait_us = median_us(b->waits_ns, b->wait_count);
    if (b->sessions == 1) {
        double bare_us = median_us(b->bare_waits_ns, b->bare_count);
        printf("%-8s %9.1f us median wait; write and fdatasync alone: %.1f us; %.2f times\n", "",
                wait_us, bare_us, wait_us / bare_us);
    } else {
        printf("%-8s %9.1f us median wait; the disk takes %.0f and %.0f messages/s in groups\n", "",
                wait_us, before, group_rate(b, folder));
    }
    measure(b, "remove", remove_all);
    store_close(b->store);
    return 0;
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    uint64_t bytes = 4096, sessions = 100, messages = 20000;
    if ((argc > 1 && !str_to_u64(str_from_c(argv[1]), 100 * MIB, &bytes)) ||
            (argc > 2 && !str_to_u64(str_from_c(argv[2]), 10000, &sessions)) ||
            (argc > 3 && !str_to_u64(str_from_c(argv[3]), MESSAGES_MOST, &messages))) {
        printf("usage: bench-store [BYTES] [SESSIONS] [MESSAGES] [FOLDER]\n");
        return 64;
    }
    arena_init(&b.a, 512 * MIB);
    b.sessions = sessions;
    b.messages = messages;
    char *text = arena_bytes(&b.a, bytes + 1);
    memset(text, 'x', bytes);
    b.body = str_of(text, bytes);
    b.waits_ns = arena_array(&b.a, messages + sessions, int64_t);
    struct str own = folder_beside(&b.a, str_from_c(argv[0]));
    int status = bench_in(&b, argc > 4 ? str_from_c(argv[4]) : own);
    if (argc <= 4)
        nftw(own.ptr, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    arena_done(&b.a);
    return status;
}
