// SPDX-License-Identifier: Apache-2.0
// bench/bench_queue.c: looking at a large queue: the first page of 20 messages, the last one, a
// page for which all must be looked at, and one pass over everything, as `posthaste queue list`
// and `queue summary` do. The store is filled first, in groups of 500.
//
// usage: bench-queue [MESSAGES]
#define POSTHASTE_BASE_ROOM
#include "base/id.h"
#include "queue/store/store.h"
#include "rt/rt.h"

#include <ftw.h>
#include <time.h>
#include <unistd.h>

#define GROUP 500
#define BODY_BYTES 4096

struct bench {
    struct arena a;
    struct store *store;
    uint64_t messages, last;
    struct str body;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct message make(struct bench *b, struct arena *a, uint64_t n)
{
    uint64_t id = n << 22 | 1 << 14;
    struct message m = {.id = id,
            .created_ms = 1000,
            .sender = arena_fmt(a, "sender%llu@a.example", (unsigned long long)(n % 1000)),
            .flags = MESSAGE_UNAUTHENTICATED,
            .helo = S("mx.a.example"),
            .top = S(
                    "Received: from mx.a.example by b.example; Thu, 1 Jan 1970 00:00:00 +0000\r\n"),
            .body = {.bytes = b->body.len, .inline_bytes = b->body},
            .units = arena_make(a, struct unit),
            .unit_count = 1};
    m.units[0] = (struct unit){.message_id = id,
            .due_ms = (int64_t)n,
            .domain = S("d.example"),
            .queue = S("default"),
            .schedule = S("default"),
            .rcpts = arena_make(a, struct recipient),
            .rcpt_count = 1};
    m.units[0].rcpts[0] =
            (struct recipient){.address = arena_fmt(a, "r%llu@d%llu.example", (unsigned long long)n,
                                       (unsigned long long)(n % 300)),
                    .notify_at_ms = NEVER_MS,
                    .expiry_ms = DAY_MS};
    b->last = id;
    return m;
}

static struct err fill(struct bench *b)
{
    for (uint64_t n = 1; n <= b->messages;) {
        struct arena a;
        arena_init(&a, 64 * MIB);
        struct store_change *changes = arena_array(&a, GROUP, struct store_change);
        struct message *m = arena_array(&a, GROUP, struct message);
        for (size_t i = 0; i < GROUP; i++, n++) {
            m[i] = make(b, &a, n);
            changes[i] = (struct store_change){.kind = STORE_ACCEPT, .message = &m[i]};
        }
        struct err e = store_commit(b->store, &b->a, changes, GROUP);
        arena_done(&a);
        TRY(e);
    }
    return OK;
}

static bool none(const void *filter, const struct message *m)
{
    return str_contains(m->units[0].rcpts[0].address, *(const struct str *)filter);
}

static struct err page(struct bench *b, const char *name, struct store_query query)
{
    struct arena a;
    struct store_page got;
    double start = now_s();
    size_t count = 0;
    do {
        arena_init(&a, 64 * MIB);
        struct err e = store_list(b->store, &a, &query, &got);
        arena_done(&a);
        TRY(e);
        count += got.count;
        query.after = got.next;
    } while (query.limit == 1000 && !got.end);
    printf("%-24s %8zu messages %10.2f ms\n", name, count, (now_s() - start) * 1000);
    return OK;
}

static struct err look(struct bench *b)
{
    static const struct str nobody = S_INIT("nobody@");
    TRY(page(b, "first page", (struct store_query){.limit = 20}));
    TRY(page(b, "newest page", (struct store_query){.limit = 20, .downwards = true}));
    TRY(page(b, "a page in the middle", (struct store_query){.limit = 20, .after = b->last / 2}));
    TRY(page(b, "a filter that none fits",
            (struct store_query){.limit = 20, .wanted = none, .filter = &nobody}));
    return page(b, "all", (struct store_query){.limit = 1000});
}

static struct err run(void *arg)
{
    struct bench *b = arg;
    double start = now_s();
    TRY(fill(b));
    printf("filled with %llu messages in %.1f s\n", (unsigned long long)b->messages,
            now_s() - start);
    return look(b);
}

static int unlink_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static struct err in_store(void *arg)
{
    struct bench *b = arg;
    char folder[] = "bench-queue-XXXXXX";
    if (mkdtemp(folder) == NULL)
        return fail(ERR_IO, "no folder");
    const struct store_options options = {.folder = arena_fmt(&b->a, "%s/data", folder),
            .blob_folder = arena_fmt(&b->a, "%s/blobs", folder),
            .map_bytes_max = UINT64_C(1) << 40};
    struct err e = store_open(&b->a, &options, &b->store);
    if (!failed(e))
        e = run(b);
    store_close(b->store);
    nftw(folder, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
    return e;
}

int main(int argc, char **argv)
{
    struct bench b = {.messages = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000};
    arena_init(&b.a, 256 * MIB);
    b.messages += (GROUP - b.messages % GROUP) % GROUP;
    char *bytes = arena_bytes(&b.a, BODY_BYTES);
    memset(bytes, 'x', BODY_BYTES);
    b.body = str_of(bytes, BODY_BYTES);
    struct loop *loop = loop_new_real();
    struct err e = loop_run(loop, in_store, &b);
    loop_free(loop);
    if (failed(e))
        printf("error: %.*s\n", ARG(err_text(e)));
    arena_done(&b.a);
    return failed(e) ? 1 : 0;
}
