// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_store.h: the queue as the commands of `posthaste queue` have it: the store of the
// configuration, opened in this process, whether the server runs or not. Private to them.
//
// Reading sees what is in LMDB: what a running server has accepted in the last moments comes there
// within a second (queue/store/store.h). Changes are transactions of LMDB, made only if the unit is
// still the one that was read.
#pragma once

#include "cli/config/config_read.h"

#include "queue/settings.h"
#include "rt/task.h"

struct queue_work {
    struct cli *c;
    struct conf *conf;
    struct queue_settings settings;
    struct store_options how;
    struct store *store;
    int64_t wall_now_ms;
    task_main *main;                     // in a task, with the store open; its argument is this
    void *arg;                           // of the command
    int status;                          // exit status, of `main`
    bool without_server, told_unsettled; // see queue_server.h
    struct str carried;                  // the server's last word on it, ids in lines
};

// To fill it means as the server's user, whose files the bodies have to be.
enum queue_open { QUEUE_TO_READ, QUEUE_TO_CHANGE, QUEUE_TO_FILL };
// Opens, runs, closes; the exit status. Errors were told.
int queue_work_run(struct cli *c, enum queue_open how, task_main *main, void *arg);

// The queue page by page; a page lives until the next one.
//
//     struct queue_pages p AUTO(queue_pages_end) = {0};
//     while (!p.page.end) {
//         TRY(queue_pages_next(w, &p));
//         ... p.page.messages ...
//     }
#define QUEUE_PAGE_MESSAGES 200
struct queue_pages {
    struct store_query query; // `limit` 0: QUEUE_PAGE_MESSAGES
    struct store_page page;
    struct arena arena;
};
struct err queue_pages_next(struct queue_work *w, struct queue_pages *p) MUST_USE;
void queue_pages_end(struct queue_pages *p);

// 16 hex digits or a decimal number (management.md 15.2).
bool queue_id_parse(struct str text, uint64_t *out);
