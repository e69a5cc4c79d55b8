// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_pauses.c: see queue_pauses.h. The file is replaced as a whole, and a running
// server is told to look.
#include "cli/queue/queue_pauses.h"

#include "base/date.h"
#include "cli/one_task.h"
#include "cli/server/become_server.h"
#include "queue/control/statefile.h"
#include "rt/clock.h"
#include "server/control.h"

#define LOOK_WAIT_MS (2 * SECOND_MS)
#define TEXT_BYTES_MAX MIB

struct work {
    struct cli *c;
    enum pauses_use use;
    struct conf *conf;
    struct schedule_settings schedules;
    struct str path;
    struct pauses pauses;
    const struct virtual_queue *queue; // NULL: all
};

static int settings_read(struct work *w);
static struct err work(void *arg) suspends;
static struct err stop(struct work *w) MUST_USE;
static struct err go_on(struct work *w) MUST_USE;
static struct err let_run(struct work *w, const struct virtual_queue *q) MUST_USE;
static int say(struct work *w);
static void say_json(struct work *w);
static void say_queue(struct work *w, const struct virtual_queue *q, struct buf *text);

int queue_pauses_run(struct cli *c, enum pauses_use use)
{
    struct work w = {.c = c, .use = use};
    int status = settings_read(&w);
    if (status == CLI_OK)
        status = one_task_do(c, work, &w);
    if (status == CLI_OK)
        status = say(&w);
    conf_free(w.conf);
    return status;
}

static struct err work(void *arg)
{
    struct work *w = arg;
    struct arena *a = &w->c->arena;
    int lock AUTO(statefile_unlock) = -1;
    if (w->use != PAUSES_LOOK) {
        TRY(become_server(a, w->conf, conf_str(w->conf, S("global.state-dir"))));
        TRY(statefile_lock(a, w->path, &lock));
    }
    TRY(pauses_read(a, w->path, &w->pauses));
    if (w->use == PAUSES_LOOK)
        return OK;
    TRY(w->use == PAUSES_STOP ? stop(w) : go_on(w));
    TRY(pauses_write(a, w->path, &w->pauses));
    queue_tell_look(w->conf);
    return OK;
}

static int settings_read(struct work *w)
{
    static const struct str ours[] = {
            S_INIT("queue.virtual."), S_INIT("global.state-dir"), S_INIT("server.run-as")};
    struct cli *c = w->c;
    struct findings findings = findings_make(&c->arena);
    int status;
    w->conf = config_read(c, &findings, &status);
    if (w->conf == NULL)
        return status;
    struct err made = schedule_settings_make(&c->arena, w->conf, &findings, &w->schedules);
    status = config_judge(c, made, &findings, ours, COUNT_OF(ours));
    if (status != CLI_OK)
        return status;
    w->path = pauses_path(&c->arena, w->conf);
    if (c->operand_count == 0)
        return CLI_OK;
    w->queue = virtual_queue_named(&w->schedules, c->operands[0]);
    if (w->queue == NULL)
        return cli_fail_text(
                c, CLI_NOT_FOUND, "there is no virtual queue '%.*s'", ARG(c->operands[0]));
    return CLI_OK;
}

// One that is paused already stays so since then, unless there is a new reason.
static struct err stop(struct work *w)
{
    const struct pause pause = {.queue = w->queue == NULL ? PAUSES_ALL : w->queue->id,
            .since_ms = wall_ms(),
            .reason = cli_text(w->c, S("reason"), S(""))};
    const struct pause *before = pauses_find(&w->pauses, pause.queue);
    if (before != NULL && !before->runs && str_is_empty(pause.reason))
        return OK;
    for (size_t i = 0; i < pause.reason.len; i++)
        if ((uint8_t)pause.reason.ptr[i] < ' ')
            return fail(ERR_SYNTAX, "a reason is one line of text");
    return pauses_set(&w->c->arena, &w->pauses, &pause);
}

static struct err go_on(struct work *w)
{
    if (w->queue != NULL)
        return let_run(w, w->queue);
    pauses_forget(&w->pauses, PAUSES_ALL);
    for (size_t i = 0; i < w->schedules.queue_count; i++)
        TRY(let_run(w, &w->schedules.queues[i]));
    return OK;
}

static struct err let_run(struct work *w, const struct virtual_queue *q)
{
    const struct pause runs = {.queue = q->id, .runs = true, .since_ms = wall_ms()};
    pauses_forget(&w->pauses, q->id);
    return q->paused ? pauses_set(&w->c->arena, &w->pauses, &runs) : OK;
}

void queue_tell_look(const struct conf *conf)
{
    struct buf text AUTO(buf_done);
    struct arena a AUTO(arena_done);
    int status;
    buf_init(&text, TEXT_BYTES_MAX);
    arena_init(&a, TEXT_BYTES_MAX);
    struct err ignored =
            control_ask_here(&a, control_path(&a, conf), S("look"), LOOK_WAIT_MS, &text, &status);
    (void)ignored;
}

static int say(struct work *w)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    if (w->c->json) {
        say_json(w);
        return CLI_OK;
    }
    const struct pause *all = pauses_find(&w->pauses, PAUSES_ALL);
    if (all != NULL) {
        buf_add(&text, S("all deliveries are paused since "));
        date_add_rfc3339(&text, all->since_ms, DATE_SECONDS);
        buf_fmt(&text, "%s%.*s\n", str_is_empty(all->reason) ? "" : ": ", ARG(all->reason));
    }
    for (size_t i = 0; i < w->schedules.queue_count; i++)
        say_queue(w, &w->schedules.queues[i], &text);
    if (text.len == 0)
        buf_add(&text, S("all deliveries go on\n"));
    cli_print(w->c, buf_str(&text));
    return CLI_OK;
}

// What is said only of those that stop for a reason of their own.
static void say_queue(struct work *w, const struct virtual_queue *q, struct buf *text)
{
    const struct pause *own = pauses_find(&w->pauses, q->id);
    if (own == NULL && q->paused)
        buf_fmt(text, "virtual queue '%.*s' is paused by the configuration\n", ARG(q->id));
    if (own == NULL || own->runs)
        return;
    buf_fmt(text, "virtual queue '%.*s' is paused since ", ARG(q->id));
    date_add_rfc3339(text, own->since_ms, DATE_SECONDS);
    buf_fmt(text, "%s%.*s\n", str_is_empty(own->reason) ? "" : ": ", ARG(own->reason));
}

static void say_json(struct work *w)
{
    const struct pause *all = pauses_find(&w->pauses, PAUSES_ALL);
    struct json_out o = cli_json_begin(w->c);
    json_object_begin(&o);
    json_put_bool(&o, S("paused"), all != NULL);
    json_put_str(&o, S("reason"), all == NULL ? STR_NULL : all->reason);
    json_key(&o, S("queues"));
    json_object_begin(&o);
    for (size_t i = 0; i < w->schedules.queue_count; i++) {
        const struct virtual_queue *q = &w->schedules.queues[i];
        json_put_str(&o, q->id, pauses_stop(&w->pauses, q) ? S("paused") : S("running"));
    }
    json_object_end(&o);
    json_object_end(&o);
    (void)cli_json_end(w->c, CLI_OK);
}
