// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_store.c: see queue_store.h.
#include "cli/queue/queue_store.h"

#include "base/id.h"
#include "cli/one_task.h"
#include "cli/server/become_server.h"
#include "rt/clock.h"
#include "rt/file.h"

#define PAGE_BYTES_MAX (256 * (size_t)MIB)

static int settings_read(struct queue_work *w);
static int store_run(struct queue_work *w, enum queue_open how);
static struct err work(void *arg) suspends;

int queue_work_run(struct cli *c, enum queue_open how, task_main *main, void *arg)
{
    struct queue_work w = {.c = c, .main = main, .arg = arg, .status = CLI_OK};
    int status = settings_read(&w);
    if (status == CLI_OK)
        status = store_run(&w, how);
    conf_free(w.conf);
    return status;
}

static int settings_read(struct queue_work *w)
{
    static const struct str ours[] = {S_INIT("store."), S_INIT("storage."), S_INIT("global.state")};
    struct cli *c = w->c;
    struct findings findings = findings_make(&c->arena);
    int status;
    w->conf = config_read(c, &findings, &status);
    if (w->conf == NULL)
        return status;
    struct err made = queue_settings_make(&c->arena, w->conf, &findings, &w->settings);
    return config_judge(c, made, &findings, ours, COUNT_OF(ours));
}

// A queue that is not there is not made: it would belong to whoever runs the command.
static int store_run(struct queue_work *w, enum queue_open how)
{
    struct cli *c = w->c;
    struct store_options options = queue_store_options(&w->settings);
    options.read_only = how == QUEUE_TO_READ;
    struct str data = arena_join(&c->arena, options.folder, S("/data.mdb"));
    struct file_info info;
    struct err e = file_stat(&c->arena, data, &info);
    if (failed(e) && e.kind == ERR_NOT_FOUND)
        return cli_fail_text(c, CLI_FAILED,
                "there is no queue in %.*s; it is made when the server starts",
                ARG(options.folder));
    w->how = options;
    if (!failed(e) && how == QUEUE_TO_FILL)
        e = become_server(&c->arena, w->conf, conf_str(w->conf, S("global.state-dir")));
    if (!failed(e))
        e = one_task_run(work, w);
    if (failed(e))
        return cli_fail(c, e.kind == ERR_CONFIG ? CLI_RIGHTS : CLI_FAILED, e);
    return w->status;
}

static struct err work(void *arg)
{
    struct queue_work *w = arg;
    w->wall_now_ms = wall_ms();
    TRY(store_open(&w->c->arena, &w->how, &w->store));
    struct err e = w->main(w);
    store_close(w->store);
    return e;
}

struct err queue_pages_next(struct queue_work *w, struct queue_pages *p)
{
    queue_pages_end(p);
    arena_init(&p->arena, PAGE_BYTES_MAX);
    if (p->query.limit == 0)
        p->query.limit = QUEUE_PAGE_MESSAGES;
    struct err e = store_list(w->store, &p->arena, &p->query, &p->page);
    if (failed(e)) // what it says is in the arena of the page
        return fail_fmt(&w->c->arena, e.kind, "%.*s", ARG(err_text(e)));
    p->query.after = p->page.next;
    return OK;
}

void queue_pages_end(struct queue_pages *p)
{
    arena_done(&p->arena);
}

bool queue_id_parse(struct str text, uint64_t *out)
{
    return text.len == ID_DIGITS ? id_parse(text, out) : str_to_u64(text, UINT64_MAX, out);
}
