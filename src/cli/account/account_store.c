// SPDX-License-Identifier: Apache-2.0
// cli/account/account_store.c: see account_store.h.
#include "cli/account/account_store.h"

#include "cli/server/become_server.h"
#include "rt/clock.h"
#include "rt/task.h"

struct work_call {
    struct account_work *w;
    struct str folder;
    enum internal_use use;
    account_main *main;
    int status;
};

static int settings_read(struct account_work *w);
static void work(void *arg);

int account_work_run(struct cli *c, enum internal_use use, account_main *main)
{
    struct account_work w = {.c = c};
    struct work_call call = {.w = &w, .use = use, .main = main};
    int status = settings_read(&w);
    if (status == CLI_OK) {
        struct str state_folder = conf_str(w.conf, S("global.state-dir"));
        call.folder = directory_folder(&c->arena, state_folder);
        status = as_server_run(c, w.conf, call.folder, work, &call);
        status = status == CLI_OK ? call.status : status;
    }
    directory_settings_free(w.settings);
    conf_free(w.conf);
    return status;
}

static int settings_read(struct account_work *w)
{
    static const struct str ours[] = {S_INIT("directory."), S_INIT("domain."),
            S_INIT("storage.directory"), S_INIT("global.state-dir"),
            S_INIT("authentication.password"), S_INIT("server.run-as")};
    struct cli *c = w->c;
    struct findings findings = findings_make(&c->arena);
    int status;
    w->conf = config_read(c, &findings, &status);
    if (w->conf == NULL)
        return status;
    struct err made = directory_settings_make(&c->arena, w->conf, &findings, &w->settings);
    status = config_judge(c, made, &findings, ours, COUNT_OF(ours));
    if (status != CLI_OK)
        return status;
    if (directory_internal(w->settings) == NULL)
        return cli_fail_text(c, CLI_FAILED,
                "this configuration has no internal directory; add [directory.\"internal\"] with "
                "type = \"internal\" to it");
    return CLI_OK;
}

static void work(void *arg)
{
    struct work_call *call = arg;
    struct account_work *w = call->w;
    w->wall_now_ms = wall_ms();
    struct err e = internal_open(&w->c->arena, call->folder, call->use,
            directory_internal(w->settings)->id, &w->internal);
    if (failed(e) && !(e.kind == ERR_NOT_FOUND && call->use == INTERNAL_LOOK)) {
        call->status = cli_fail(w->c, CLI_FAILED, e);
        return;
    }
    call->status = call->main(w);
    internal_close(w->internal);
}

int account_fail(struct cli *c, struct err e)
{
    return cli_fail(c, e.kind == ERR_NOT_FOUND ? CLI_NOT_FOUND : CLI_FAILED, e);
}
