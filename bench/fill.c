// SPDX-License-Identifier: Apache-2.0
// bench/fill.c: puts messages into the queue of a server that does not run, as its first worker
// would: through a journal, committed in groups, each synced. The messages have one recipient
// each; their domains go round.
//
// usage: queue-fill FOLDER BLOBS MESSAGES DOMAINS BYTES DUE-IN-SECONDS [PREFIX]
//
// FOLDER and BLOBS are those of the store (`data` and `blobs` of global.state-dir). Recipients are
// at PREFIX0.example, PREFIX1.example, and so on (PREFIX: d).
#define POSTHASTE_BASE_ROOM
#include "base/id.h"
#include "queue/store/store.h"
#include "rt/rt.h"

#define GROUP 500
#define MESSAGES_MOST 10000000
#define EXPIRE_MS (5 * (int64_t)DAY_MS)

struct fill {
    struct arena a;
    struct store_options options;
    struct store *store;
    uint64_t messages, domains, due_in_s;
    struct str body, prefix;
};

static struct err fill_main(void *fill) suspends;
static struct err fill_all(struct fill *f) suspends MUST_USE;
static struct err fill_group(
        struct fill *f, struct arena *a, uint64_t first, size_t count) suspends MUST_USE;
static bool make(struct fill *f, struct arena *a, uint64_t number, struct message *out);

int main(int argc, char **argv)
{
    struct fill f = {.prefix = argc > 7 ? str_from_c(argv[7]) : S("d")};
    uint64_t bytes;
    if (argc < 7 || !str_to_u64(str_from_c(argv[3]), MESSAGES_MOST, &f.messages) ||
            !str_to_u64(str_from_c(argv[4]), MESSAGES_MOST, &f.domains) || f.domains == 0 ||
            !str_to_u64(str_from_c(argv[5]), 100 * KIB, &bytes) ||
            !str_to_u64(str_from_c(argv[6]), UINT32_MAX, &f.due_in_s)) {
        printf("usage: queue-fill FOLDER BLOBS MESSAGES DOMAINS BYTES DUE-IN-SECONDS [PREFIX]\n");
        return 64;
    }
    arena_init(&f.a, MIB);
    f.options = (struct store_options){.folder = str_from_c(argv[1]),
            .blob_folder = str_from_c(argv[2]),
            .map_bytes_max = UINT64_C(1) << 40,
            .journal = true};
    char *text = arena_bytes(&f.a, bytes + 1);
    for (size_t i = 0; i < bytes; i++) // lines of 64
        text[i] = "\r\n"[i % 64 == 63];
    for (size_t i = 0; i < bytes; i++)
        text[i] = i % 64 < 62 ? 'x' : text[i];
    f.body = arena_fmt(&f.a, "Subject: of many\r\n\r\n%.*s\r\n", (int)bytes, text);
    struct loop *loop = loop_new_real();
    struct err e = loop_run(loop, fill_main, &f);
    loop_free(loop);
    if (failed(e))
        printf("%.*s\n", ARG(err_text(e)));
    arena_done(&f.a);
    return failed(e);
}

static struct err fill_main(void *arg)
{
    struct fill *f = arg;
    struct group g AUTO(group_end);
    TRY(store_open(&f->a, &f->options, &f->store));
    group_begin(&g);
    TRY(group_spawn(&g, store_tend, f->store));
    struct err e = fill_all(f);
    if (!failed(e))
        e = store_settle(f->store, &f->a);
    group_cancel(&g);
    struct err ended = group_wait_all(&g);
    (void)ended; // by our own word
    store_close(f->store);
    return e;
}

static struct err fill_all(struct fill *f)
{
    for (uint64_t n = 0; n < f->messages; n += GROUP) {
        struct arena a AUTO(arena_done);
        arena_init(&a, 64 * MIB);
        uint64_t left = f->messages - n;
        TRY(fill_group(f, &a, n, left < GROUP ? (size_t)left : GROUP));
    }
    return OK;
}

static struct err fill_group(struct fill *f, struct arena *a, uint64_t first, size_t count)
{
    struct store_change *changes = arena_array(a, count, struct store_change);
    struct message *m = arena_array(a, count, struct message);
    if (changes == NULL || m == NULL)
        return fail(ERR_LIMIT, "no memory for a group of messages");
    for (size_t i = 0; i < count; i++) {
        if (!make(f, a, first + i, &m[i]))
            return fail(ERR_LIMIT, "no memory for a message");
        changes[i] = (struct store_change){.kind = STORE_ACCEPT, .message = &m[i]};
    }
    return store_commit(f->store, a, changes, count);
}

static bool make(struct fill *f, struct arena *a, uint64_t number, struct message *out)
{
    uint64_t id = store_new_id(f->store);
    int64_t now = wall_ms(), due_ms = now + (int64_t)f->due_in_s * SECOND_MS;
    struct unit *u = arena_make(a, struct unit);
    struct recipient *r = arena_make(a, struct recipient);
    struct str domain = arena_fmt(
            a, "%.*s%llu.example", ARG(f->prefix), (unsigned long long)(number % f->domains));
    if (u == NULL || r == NULL || str_is_null(domain))
        return false;
    *r = (struct recipient){
            .address = arena_fmt(a, "r%llu@%.*s", (unsigned long long)number, ARG(domain)),
            .flags = RCPT_NOTIFY_FAILURE | RCPT_NOTIFY_DELAY | RCPT_NOTIFY_IMPLICIT,
            .retry_at_ms = due_ms,
            .notify_at_ms = NEVER_MS,
            .expiry_ms = EXPIRE_MS};
    *u = (struct unit){.message_id = id,
            .due_ms = due_ms,
            .domain = domain,
            .queue = S("remote"),
            .schedule = S("remote"),
            .rcpts = r,
            .rcpt_count = 1};
    *out = (struct message){.id = id,
            .created_ms = now,
            .sender = arena_fmt(a, "sender%llu@home.example", (unsigned long long)(number % 1000)),
            .flags = MESSAGE_UNAUTHENTICATED,
            .helo = S("client.home.example"),
            .top = S("Received: from client.home.example by mail.bench.test; "
                     "Thu, 1 Jan 2026 00:00:00 +0000\r\n"),
            .body = {.bytes = f->body.len, .inline_bytes = f->body},
            .units = u,
            .unit_count = 1};
    return !str_is_null(r->address) && !str_is_null(out->sender);
}
