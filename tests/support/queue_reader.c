// SPDX-License-Identifier: Apache-2.0
// queue_reader FOLDER BLOBS: all messages of a queue, for tests that ask whether each of some ten
// thousand is there: one process instead of one `posthaste queue show` a message. For each a line
// `id bytes sender`, then its bytes as they came, then a line end. The store is not changed, nor
// are journals read: what a server that was killed has left there, the next start moves.
#include "base/base.h"
#include "base/id.h"
#include "queue/message_reader.h"
#include "queue/store/store.h"
#include "rt/loop.h"

#include <stdio.h>

#define PAGE_MESSAGES 256
#define PAGE_BYTES_MAX (64 * MIB)
#define OPEN_BYTES_MAX MIB
#define LINE_BYTES_MAX (4 * KIB)
#define MAP_BYTES_MAX ((uint64_t)1024 * 1024 * MIB)

struct reading {
    struct store_options options;
    struct arena arena;
};

static struct err read_all(void *reading) suspends;
static struct err read_pages(struct store *store) suspends;
static struct err print_page(
        struct store *store, struct arena *a, const struct store_page *page) suspends;
static struct err print_message(struct store *store, struct arena *a, uint64_t id) suspends;

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: queue_reader FOLDER BLOBS\n", stderr);
        return 2;
    }
    struct reading r = {.options = {.folder = str_from_c(argv[1]),
                                .blob_folder = str_from_c(argv[2]),
                                .map_bytes_max = MAP_BYTES_MAX,
                                .read_only = true}};
    arena_init(&r.arena, OPEN_BYTES_MAX);
    struct loop *loop = loop_new_real();
    struct err e = loop != NULL ? loop_run(loop, read_all, &r) : fail(ERR_LIMIT, "no memory");
    loop_free(loop);
    if (failed(e))
        fprintf(stderr, "%.*s\n", ARG(err_text(e)));
    arena_done(&r.arena);
    return failed(e) || fflush(stdout) != 0 ? 1 : 0;
}

static struct err read_all(void *reading)
{
    struct reading *r = reading;
    struct store *store;
    TRY(store_open(&r->arena, &r->options, &store));
    struct err e = read_pages(store);
    if (failed(e))
        e = fail_fmt(&r->arena, e.kind, "%.*s", ARG(err_text(e)));
    store_close(store);
    return e;
}

static struct err read_pages(struct store *store)
{
    struct store_query query = {.limit = PAGE_MESSAGES};
    bool end = false;
    while (!end) {
        struct arena a;
        struct store_page page;
        arena_init(&a, PAGE_BYTES_MAX);
        struct err e = store_list(store, &a, &query, &page);
        if (!failed(e))
            e = print_page(store, &a, &page);
        if (!failed(e) && page.damaged > 0)
            e = fail(ERR_IO, "the queue has damaged messages");
        query.after = page.next;
        end = page.end;
        arena_done(&a);
        TRY(e);
    }
    return OK;
}

static struct err print_page(struct store *store, struct arena *a, const struct store_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        struct arena one;
        arena_init(&one, PAGE_BYTES_MAX);
        struct err e = print_message(store, &one, page->messages[i].id);
        if (failed(e))
            e = fail_fmt(a, e.kind, "%.*s", ARG(err_text(e)));
        arena_done(&one);
        TRY(e);
    }
    return OK;
}

static struct err print_message(struct store *store, struct arena *a, uint64_t id)
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    struct buf line AUTO(buf_done);
    const struct message_reading how = {.as_received = true};
    struct message m;
    buf_init(&line, LINE_BYTES_MAX);
    TRY(store_read(store, a, id, STORE_WITH_BODY, &m));
    TRY(message_open(store, a, &m, &how, &reader));
    id_add(&line, m.id);
    printf("%.*s %llu %.*s\n", ARG(buf_str(&line)), (unsigned long long)m.body.bytes,
            ARG(m.sender));
    for (;;) {
        struct str piece;
        TRY(message_next(reader, a, &piece));
        if (str_is_null(piece))
            break;
        fwrite(piece.ptr, 1, piece.len, stdout);
    }
    putchar('\n');
    return OK;
}
