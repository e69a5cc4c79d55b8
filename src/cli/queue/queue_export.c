// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_export.c: `posthaste queue export` (queue.md 13.11). What is there is copied, and
// with --remove it leaves: only while deliveries are paused, or no server runs, for else a message
// could be tried here between its export and its removal, and be delivered twice.
#include "cli/commands.h"

#include "cli/queue/queue_filter.h"
#include "cli/queue/queue_progress.h"
#include "cli/queue/queue_server.h"
#include "cli/sure.h"
#include "queue/control/pauses.h"
#include "queue/envelope/envelope_files.h"
#include "rt/blobfile.h"

#define MESSAGE_BYTES_MAX (512 * (size_t)MIB)
#define TRIES 8 // queue.md 3.3

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        QUEUE_FILTER_OPTIONS,
        {.name = S_INIT("remove"),
                .help = "take out of the queue what is exported; deliveries must be paused"},
        {.name = S_INIT("dry-run"), .help = "only say how many are meant"},
        CLI_OPTION_YES,
        CLI_OPTION_JSON,
};

struct exporting {
    struct queue_work *w;
    struct str folder;
    struct queue_filter filter;
    bool removes;
    uint64_t expected; // 0: nobody knows
    struct progress progress;
    uint64_t exported, settled, in_progress, failed, damaged, meant;
};

static struct err export_main(void *work) suspends;
static struct err export_begin(struct exporting *x) suspends;
static struct err check_paused(struct exporting *x) MUST_USE;
static bool ask(struct exporting *x);
static struct err export_all(struct exporting *x) suspends;
static struct err export_named(struct exporting *x) suspends;
static struct err export_id(struct exporting *x, uint64_t id) suspends;
static struct err export_once(struct exporting *x, struct arena *a, uint64_t id) suspends;
static struct err remove_it(struct exporting *x, struct arena *a, const struct message *m) suspends;
static bool is_of_one(struct err e);
static int say(struct exporting *x);
static void say_text(struct exporting *x);

static int run(struct cli *c)
{
    enum queue_open how = cli_has(c, S("remove")) ? QUEUE_TO_CHANGE : QUEUE_TO_READ;
    return queue_work_run(c, how, export_main, NULL);
}

static struct err export_main(void *work)
{
    struct exporting x = {.w = work};
    struct cli *c = x.w->c;
    TRY(export_begin(&x));
    if (x.w->status != CLI_OK || !ask(&x))
        return OK;
    x.progress = progress_begin(c, "exported");
    struct err e = c->operand_count > 1 ? export_named(&x) : export_all(&x);
    progress_end(&x.progress);
    TRY(e);
    x.w->status = say(&x);
    return OK;
}

static struct err export_begin(struct exporting *x)
{
    struct cli *c = x->w->c;
    struct store_figures figures;
    struct err e = queue_filter_read(c, x->w->wall_now_ms, &x->filter);
    if (!failed(e) && c->operand_count > 1 && !x->filter.is_empty)
        e = fail(ERR_SYNTAX, "give either ids or a filter");
    if (failed(e)) {
        x->w->status = cli_usage_error(c, e);
        return OK;
    }
    x->folder = c->operands[0];
    x->removes = cli_has(c, S("remove"));
    x->w->told_unsettled = !x->removes; // who only looks need not hear of it
    queue_server_settle(x->w);
    if (cli_has(c, S("dry-run")))
        return OK;
    if (x->removes)
        TRY(check_paused(x));
    if (c->operand_count == 1 && x->filter.is_empty &&
            !failed(store_figures(x->w->store, &figures)))
        x->expected = figures.messages;
    TRY(folder_make(&c->arena, x->folder));
    return envelope_settle(x->w->store, &c->arena, x->folder, &x->settled);
}

static struct err check_paused(struct exporting *x)
{
    struct arena *a = &x->w->c->arena;
    struct pauses pauses = {0};
    if (x->w->without_server)
        return OK;
    TRY(pauses_read(a, pauses_path(a, x->w->conf), &pauses));
    const struct pause *all = pauses_find(&pauses, PAUSES_ALL);
    if (all != NULL && !all->runs)
        return OK;
    return fail(ERR_REFUSED, "--remove needs deliveries to be paused, for what is just being tried "
                             "would be delivered here and there: posthaste queue pause");
}

static bool ask(struct exporting *x)
{
    struct cli *c = x->w->c;
    if (!x->removes || cli_has(c, S("dry-run")) || c->operand_count > 1 ||
            cli_sure(c, "Export these messages and take them out of the queue?"))
        return true;
    x->w->status = cli_fail_text(
            c, CLI_FAILED, "nothing was changed; --yes takes them out without asking");
    return false;
}

// Their ids first: those that leave must not move the pages of those that follow.
static struct err export_all(struct exporting *x)
{
    struct queue_pages p AUTO(queue_pages_end) = {
            .query = {.wanted = queue_filter_wants, .filter = &x->filter}};
    while (!p.page.end) {
        TRY(queue_pages_next(x->w, &p));
        x->damaged += p.page.damaged;
        for (size_t i = 0; i < p.page.count; i++)
            TRY(export_id(x, p.page.messages[i].id));
    }
    return OK;
}

static struct err export_named(struct exporting *x)
{
    struct cli *c = x->w->c;
    for (size_t i = 1; i < c->operand_count; i++) {
        uint64_t id;
        if (!queue_id_parse(c->operands[i], &id))
            return fail_fmt(
                    &c->arena, ERR_SYNTAX, "\"%.*s\" is no id of a message", ARG(c->operands[i]));
        TRY(export_id(x, id));
    }
    return OK;
}

// What is wrong with one message keeps no other. One that was changed while it was written is
// written again; one that has gone was delivered meanwhile.
static struct err export_id(struct exporting *x, uint64_t id)
{
    struct cli *c = x->w->c;
    struct err e = OK;
    x->meant++;
    if (cli_has(c, S("dry-run")))
        return OK;
    if (x->removes && queue_server_carries(x->w, id)) {
        x->in_progress++;
        return OK;
    }
    for (size_t i = 0; i < TRIES; i++) {
        struct arena a;
        arena_init(&a, MESSAGE_BYTES_MAX);
        e = export_once(x, &a, id);
        if (failed(e))
            e = fail_fmt(
                    &c->arena, e.kind, "%016llx: %.*s", (unsigned long long)id, ARG(err_text(e)));
        arena_done(&a);
        if (e.kind != ERR_EXISTS)
            break;
    }
    progress_step(&x->progress, x->exported, x->expected);
    if (!failed(e) || !is_of_one(e))
        return e;
    x->failed++;
    progress_end(&x->progress);
    (void)cli_fail(c, CLI_FAILED, e);
    return OK;
}

static bool is_of_one(struct err e)
{
    return e.kind == ERR_NOT_FOUND || e.kind == ERR_EXISTS || e.kind == ERR_SYNTAX ||
           e.kind == ERR_IO || e.kind == ERR_LIMIT;
}

static struct err export_once(struct exporting *x, struct arena *a, uint64_t id)
{
    struct message m;
    struct store *store = x->w->store;
    TRY(store_read(store, a, id, STORE_WITH_BODY, &m));
    TRY(envelope_export(store, a, &m, x->folder, x->removes ? ENVELOPE_LEAVES : ENVELOPE_STAYS));
    if (x->removes)
        TRY(remove_it(x, a, &m));
    x->exported++;
    return OK;
}

// Only if all of its units are as they were read: each is updated, to nothing new, before it goes.
static struct err remove_it(struct exporting *x, struct arena *a, const struct message *m)
{
    struct store_change *changes = arena_array(a, m->unit_count + 1, struct store_change);
    if (changes == NULL)
        return fail(ERR_LIMIT, "no memory to take a message out of the queue");
    for (size_t i = 0; i < m->unit_count; i++)
        changes[i] = (struct store_change){.kind = STORE_UPDATE, .unit = &m->units[i]};
    changes[m->unit_count] = (struct store_change){.kind = STORE_REMOVE, .id = m->id};
    TRY(store_commit(x->w->store, a, changes, m->unit_count + 1));
    return envelope_leave(a, x->folder, m->id);
}

static int say(struct exporting *x)
{
    struct cli *c = x->w->c;
    if (c->json) {
        struct json_out o = cli_json_begin(c);
        json_object_begin(&o);
        json_put_u64(&o, S("meant"), x->meant);
        json_put_u64(&o, S("exported"), x->exported + x->settled);
        json_put_u64(&o, S("removed"), x->removes ? x->exported + x->settled : 0);
        json_put_u64(&o, S("in_progress"), x->in_progress);
        json_put_u64(&o, S("failed"), x->failed);
        json_put_u64(&o, S("damaged"), x->damaged);
        json_object_end(&o);
        (void)cli_json_end(c, CLI_OK);
    } else {
        say_text(x);
    }
    bool some = x->exported + x->settled > 0;
    if (x->failed + x->damaged + x->in_progress > 0)
        return some ? CLI_PARTLY : CLI_FAILED;
    return some || x->meant > 0 ? CLI_OK : CLI_NOT_FOUND;
}

static void say_text(struct exporting *x)
{
    FILE *out = x->w->c->out;
    if (cli_has(x->w->c, S("dry-run"))) {
        fprintf(out, "%llu message(s) are meant.\n", (unsigned long long)x->meant);
        return;
    }
    fprintf(out, "Exported %llu message(s)%s.\n", (unsigned long long)(x->exported + x->settled),
            x->removes ? ", which have left the queue" : "");
    if (x->in_progress > 0)
        fprintf(out, "%llu more are being delivered at this moment, and stay: export again.\n",
                (unsigned long long)x->in_progress);
    if (x->damaged > 0)
        fprintf(out, "%llu records cannot be read; 'posthaste queue check' says which.\n",
                (unsigned long long)x->damaged);
}

const struct command command_queue_export = {
        .run = run,
        .operands = "FOLDER [ID]...",
        .operand_min = 1,
        .operand_max = SIZE_MAX,
        .about =
                "Writes messages into a folder, two files each: ID.eml, the message as it will be\n"
                "sent, and ID.json, its envelope with all that is known of its delivery. 'queue\n"
                "import' puts them into another queue. All of them, or those with the ids given,\n"
                "or those that fit all filters. What was exported before is written again.\n\n"
                "To move a queue: 'queue pause', then 'queue export --remove', which leaves out\n"
                "what is just being delivered; then the import. Whatever is interrupted on the\n"
                "way is done again with the same command, and no message comes to be there\n"
                "twice.",
        .examples = "  posthaste queue export /var/backups/queue\n"
                    "  posthaste queue export /tmp/moving --remove --yes",
        CLI_OPTIONS(options),
};
