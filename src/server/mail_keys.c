// SPDX-License-Identifier: Apache-2.0
// server/mail_keys.c: keys of DKIM that the server has made itself, in a worker: they are there
// before anything is signed, every worker sees within seconds that they are others, and the first
// one is who changes them.
#include "server/mail.h"

#include "queue/signing/key_file.h"
#include "rt/rt.h"

#define LOOK_MS (2 * SECOND_MS)
#define TROUBLE_BYTES_MAX (64 * KIB)

static struct err watch(void *mail_worker) suspends MUST_USE;

// Where the server makes none, and has made none, there is nothing to look for.
struct err mail_keys_begin(struct mail_worker *m)
{
    struct str path = key_file_path(&m->arena, m->plan->conf);
    arena_init(&m->rotating.trouble, TROUBLE_BYTES_MAX);
    if (str_is_null(path))
        return fail(ERR_LIMIT, "no memory for the name of a file");
    if (!rotation_is_on(&m->plan->rotation) && !file_exists(path))
        return OK;
    signing_desk_watch(&m->signing, path, m->log);
    m->rotating.settings = &m->plan->rotation;
    m->rotating.path = path;
    m->rotating.desk = &m->signing;
    m->rotating.resolver = m->service.resolver;
    m->rotating.directories = m->service.directories;
    m->rotating.log = m->log;
    TRY(group_spawn(&m->tending, watch, m));
    return m->is_first ? group_spawn(&m->tending, rotating_main, &m->rotating) : OK;
}

static struct err watch(void *arg)
{
    struct mail_worker *m = arg;
    task_describe("stored keys", m);
    for (;;) {
        TRY(task_sleep_ms(LOOK_MS));
        signing_desk_look(&m->signing, m->log);
    }
}

void mail_keys_end(struct mail_worker *m)
{
    signing_desk_done(&m->signing);
    arena_done(&m->rotating.trouble);
}
