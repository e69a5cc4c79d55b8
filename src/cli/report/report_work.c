// SPDX-License-Identifier: Apache-2.0
// cli/report/report_work.c: see report_work.h. Root becomes the user that the server runs as before
// anything is opened, so that all files belong to it whoever came first.
#include "cli/report/report_work.h"

#include "cli/server/become_server.h"
#include "rt/task.h"

struct work_call {
    struct report_work *w;
    struct str folder;
    enum report_use use;
    report_main *main;
    int status;
};

static void work(void *arg);

int report_work_run(struct cli *c, enum report_use use, report_main *main)
{
    static const struct str ours[] = {
            S_INIT("report."), S_INIT("global.state-dir"), S_INIT("server.run-as")};
    struct findings findings = findings_make(&c->arena);
    struct report_work w = {.c = c};
    struct work_call call = {.w = &w, .use = use, .main = main};
    int status;
    w.conf = config_read(c, &findings, &status);
    if (w.conf == NULL)
        return status;
    status = config_judge(c, OK, &findings, ours, COUNT_OF(ours));
    if (status == CLI_OK) {
        call.folder = report_folder(&c->arena, conf_str(w.conf, S("global.state-dir")));
        status = as_server_run(c, w.conf, call.folder, work, &call);
        status = status == CLI_OK ? call.status : status;
    }
    conf_free(w.conf);
    return status;
}

static void work(void *arg)
{
    struct work_call *call = arg;
    struct report_work *w = call->w;
    struct err e = report_store_open(&w->c->arena, call->folder, REPORT_LOOK, &w->store);
    if (!failed(e) && call->use == REPORT_SERVE) { // it is there: now for writing
        report_store_close(w->store);
        e = report_store_open(&w->c->arena, call->folder, REPORT_SERVE, &w->store);
    }
    if (failed(e) && e.kind != ERR_NOT_FOUND) {
        call->status = cli_fail(w->c, CLI_FAILED, e);
        return;
    }
    if (failed(e))
        w->store = NULL;
    call->status = call->main(w);
    report_store_close(w->store);
}

int report_work_find(struct report_work *w, struct str id, struct report_object *out)
{
    struct err e = w->store == NULL ? fail(ERR_NOT_FOUND, "there is no such report")
                                    : report_store_find(w->store, &w->c->arena, id, out);
    if (!failed(e))
        return CLI_OK;
    if (e.kind != ERR_NOT_FOUND)
        return cli_fail(w->c, CLI_FAILED, e);
    return cli_fail_text(w->c, CLI_NOT_FOUND,
            "%.*s: %.*s; posthaste report list shows those that are", ARG(id), ARG(err_text(e)));
}
