// SPDX-License-Identifier: Apache-2.0
// cli/server/become_server.c: see become_server.h.
#include "cli/server/become_server.h"

#include "cli/one_task.h"
#include "rt/file.h"
#include "rt/identity.h"

struct deep_work {
    deep_fn *main;
    void *arg;
};

static struct err run_deep(void *work);

int as_server_run(
        struct cli *c, const struct conf *conf, struct str folder, deep_fn *main, void *arg)
{
    struct deep_work work = {main, arg};
    struct err e = become_server(&c->arena, conf, folder);
    if (failed(e))
        return cli_fail(c, e.kind == ERR_CONFIG ? CLI_RIGHTS : CLI_FAILED, e);
    return one_task_do(c, run_deep, &work);
}

static struct err run_deep(void *work)
{
    const struct deep_work *w = work;
    deep_call(w->main, w->arg);
    return OK;
}

struct err become_server(struct arena *a, const struct conf *conf, struct str folder)
{
    struct str state_folder = conf_str(conf, S("global.state-dir"));
    struct identity who;
    struct file_info info;
    if (!identity_is_root())
        return OK;
    struct identity_wish wish = {.user = conf_str(conf, S("server.run-as.user")),
            .group = conf_str(conf, S("server.run-as.group"))};
    if (!failed(file_stat(a, state_folder, &info)) && info.owner != 0) {
        wish.user = arena_fmt(a, "%u", info.owner);
        wish.group = arena_fmt(a, "%u", info.group);
    }
    TRY(identity_find(a, &wish, &who));
    TRY(identity_make_folder(a, &who, state_folder, 0700));
    TRY(identity_make_folder(a, &who, folder, 0700));
    return who.change == IDENTITY_CHANGES ? identity_take(a, &who) : OK;
}
