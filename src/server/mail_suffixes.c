// SPDX-License-Identifier: Apache-2.0
// server/mail_suffixes.c: the list of public suffixes in a file of the administrator's
// (auth.dmarc.psl-file, authentication.md 9.3), in a worker. Such files are fetched anew every few
// weeks, by somebody who does not know that a server reads them.
#include "server/mail.h"

#include "mail/suffix.h"
#include "rt/file.h"
#include "rt/rt.h"

#define LOOK_MS (30 * SECOND_MS)
#define LOOK_BYTES_MAX (16 * KIB)

static struct err watch(void *mail_worker) suspends MUST_USE;

struct err mail_suffixes_begin(struct mail_worker *m)
{
    if (m->plan->proof.suffixes == NULL ||
            str_is_null(conf_str(m->plan->conf, S("auth.dmarc.psl-file"))))
        return OK;
    return group_spawn(&m->tending, watch, m);
}

// Nobody asks the list over a call that suspends, so it may be another one after each. The first
// look reads it in any case: it may have changed since the settings were read. What cannot be read
// is told once, and read again when it has changed.
static struct err watch(void *arg)
{
    struct mail_worker *m = arg;
    struct str path = conf_str(m->plan->conf, S("auth.dmarc.psl-file"));
    struct file_info taken = {0};
    struct arena scratch AUTO(arena_done);
    task_describe("list of public suffixes", m);
    arena_init(&scratch, LOOK_BYTES_MAX);
    for (;;) {
        TRY(task_sleep_ms(LOOK_MS));
        arena_reset(&scratch);
        struct file_info now = {.bytes = UINT64_MAX}; // it is gone
        (void)failed(file_stat(&scratch, path, &now));
        if (file_is_same(&now, &taken))
            continue;
        taken = now;
        struct err e = suffix_list_reload(m->plan->proof.suffixes, &scratch);
        if (failed(e))
            event(m->log, EV_CONFIG_FETCH_ERROR, F_STR(path, path), F_ERR(reason, e));
    }
}
