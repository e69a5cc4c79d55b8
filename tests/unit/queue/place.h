// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/place.h: a store in a folder of its own, opened by tasks of a real loop, and
// messages to put into it.
#pragma once

#include "../base/check.h"

#include "queue/store/body.h"
#include "queue/store/store.h"
#include "rt/rt.h"

#include <ftw.h>
#include <unistd.h>

struct place {
    struct arena a;
    char folder[64];
    struct store_options options;
    struct store *store;
    struct store_faults faults;
};

static inline int place_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void place_open(struct place *p)
{
    struct err e = store_open(&p->a, &p->options, &p->store);
    check_str("opened", err_text(e), S(""));
}

// In the two ways in which a store is opened: with a journal, and as a tool does.
enum place_kind { PLACE_OF_TOOL, PLACE_OF_WORKER, PLACE_KINDS };

static inline void place_begin_as(struct place *p, enum place_kind kind)
{
    static const char template[] = "/tmp/posthaste-test-XXXXXX";
    *p = (struct place){0};
    arena_init(&p->a, 256 * MIB);
    memcpy(p->folder, template, sizeof(template));
    assert_non_null(mkdtemp(p->folder));
    p->options = (struct store_options){
            .folder = arena_fmt(&p->a, "%s/data", p->folder),
            .blob_folder = arena_fmt(&p->a, "%s/blobs", p->folder),
            .map_bytes_max = 1024 * (uint64_t)MIB,
            .journal = kind == PLACE_OF_WORKER,
            .fail = &p->faults,
    };
    place_open(p);
}

static inline void place_begin(struct place *p)
{
    place_begin_as(p, PLACE_OF_TOOL);
}

static inline void place_end(struct place *p)
{
    store_close(p->store);
    nftw(p->folder, place_remove, 16, FTW_DEPTH | FTW_PHYS);
    arena_done(&p->a);
}

// Runs a test's body as a task.
static inline void in_loop(task_main *main, void *arg)
{
    struct loop *loop = loop_new_real();
    assert_non_null(loop);
    struct err e = loop_run(loop, main, arg);
    check_str("the task", err_text(e), S(""));
    loop_free(loop);
}

// A test's body as a task, in a place of each kind.
static inline void in_each_place(task_main *main)
{
    for (int kind = 0; kind < PLACE_KINDS; kind++) {
        struct place p;
        place_begin_as(&p, (enum place_kind)kind);
        in_loop(main, &p);
        place_end(&p);
    }
}

// A message of so many units of two recipients each, all due at 1000 + the unit's number.
static inline struct message made_message(
        struct place *p, uint64_t id, struct str body, size_t units)
{
    struct message m = {.id = id,
            .created_ms = 1000,
            .sender = S("ann@a.example"),
            .flags = MESSAGE_UNAUTHENTICATED | MESSAGE_BODY_8BIT,
            .priority = -3,
            .env_id = S("env id"),
            .via_port = 25,
            .helo = S("mx.a.example"),
            .submitter = S("ann+x@a.example"),
            .top = S("Received: from mx.a.example\r\n"),
            .body = {.place = BODY_INLINE, .bytes = body.len, .inline_bytes = body},
            .unit_count = units};
    ip_parse(S("192.0.2.1"), &m.from_ip);
    m.units = arena_array(&p->a, units + 1, struct unit);
    for (size_t i = 0; i < units; i++) {
        struct unit *u = &m.units[i];
        *u = (struct unit){.message_id = id,
                .number = (uint16_t)i,
                .due_ms = 1000 + (int64_t)i,
                .domain = arena_fmt(&p->a, "d%zu.example", i),
                .queue = S("default"),
                .schedule = S("remote"),
                .rcpts = arena_array(&p->a, 2, struct recipient),
                .rcpt_count = 2};
        for (size_t j = 0; j < 2; j++)
            u->rcpts[j] = (struct recipient){.address = arena_fmt(&p->a, "r%zu@d%zu.example", j, i),
                    .flags = RCPT_NOTIFY_FAILURE | RCPT_NOTIFY_IMPLICIT,
                    .retry_at_ms = 1000,
                    .notify_at_ms = j == 0 ? NEVER_MS : 5000,
                    .expiry_ms = 5 * (int64_t)DAY_MS};
    }
    return m;
}

static inline struct err accept_message(struct place *p, const struct message *m)
{
    struct store_change change = {.kind = STORE_ACCEPT, .message = m};
    return store_commit(p->store, &p->a, &change, 1);
}
