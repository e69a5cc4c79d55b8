// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_change.c: first the ids are collected, then messages are changed in groups that
// share a commit. When a group does not fit because a unit was changed meanwhile, its messages are
// read and tried again one by one.
#include "cli/queue/queue_change.h"

#include "cli/moment.h"
#include "cli/queue/queue_edit.h"
#include "cli/queue/queue_rule.h"
#include "cli/queue/queue_server.h"
#include "queue/dsn/dsn.h"
#include "queue/schedule/schedule.h"

#define CHANGES_BYTES_MAX (256 * MIB)
#define IDS_BYTES_MAX (512 * MIB)
#define GROUP_MESSAGES 50
#define TRIES 8 // queue.md 3.3

struct changing {
    struct queue_work *w;
    enum queue_change kind;
    bool by_ids; // that are the operands
    struct queue_filter filter;
    bool whole; // the filter is not about recipients
    enum cancel_way way;
    struct hold hold;
    int64_t at_ms; // of a retry
    struct rerouting {
        bool is_meant; // a route is given; empty: as the strategy says
        struct str route;
        const struct schedule *schedule;   // NULL: stays
        const struct virtual_queue *queue; // NULL: stays, or that of the schedule
        bool now;                          // and a retry
    } to;
    struct message_edit edit;
    struct standing_rule rule;
    struct arena ids_arena;
    VEC(uint64_t) ids;
    size_t changed, unchanged, gone;
    size_t in_progress; // of those that are changed
};

struct changes {
    VEC(struct store_change) all;
    size_t messages; // that they are of
    size_t in_progress;
};

static struct err change_main(void *work) suspends;
static struct err change_begin(struct changing *x);
static struct err read_rerouting(struct changing *x);
static bool route_is_there(const struct conf *conf, struct str id);
static struct err read_ids(struct changing *x);
static struct err collect_ids(struct changing *x);
static bool ask(struct changing *x);
static struct err change_all(struct changing *x) suspends;
static struct err change_group(struct changing *x, size_t first, size_t count) suspends;
static struct err change_one(struct changing *x, uint64_t id) suspends;
static struct err add_changes(
        struct changing *x, struct arena *a, uint64_t id, struct changes *out);
static bool change_unit(const struct changing *x, const struct message *m, struct unit *u);
static bool reroute_unit(const struct changing *x, const struct message *m, struct unit *u);
static bool cancel_rcpts(const struct changing *x, struct unit *u, int64_t created_ms);
static bool unit_is_meant(const struct changing *x, const struct unit *u);
static int say(struct changing *x);

static const struct {
    const char *question, *done;
} words[] = {
        [CHANGE_CANCEL] = {"Cancel the delivery of", "Cancelled delivery of"},
        [CHANGE_HOLD] = {"Hold", "Held"},
        [CHANGE_RELEASE] = {"Release", "Released"},
        [CHANGE_RETRY] = {"Reschedule", "Successfully rescheduled"},
        [CHANGE_REROUTE] = {"Reroute", "Rerouted"},
        [CHANGE_EDIT] = {"Change", "Changed"},
        [CHANGE_RULE] = {"Apply the rule to", "Applied to"},
};

int queue_change_run(struct cli *c, enum queue_change kind)
{
    return queue_work_run(c, QUEUE_TO_CHANGE, change_main, &kind);
}

static struct err change_main(void *work)
{
    struct queue_work *w = work;
    struct changing x = {.w = w, .kind = *(const enum queue_change *)w->arg};
    x.by_ids = w->c->operand_count > 0 && x.kind != CHANGE_RULE;
    arena_init(&x.ids_arena, IDS_BYTES_MAX);
    struct err e = change_begin(&x);
    if (failed(e)) {
        w->status = cli_usage_error(w->c, e);
        arena_done(&x.ids_arena);
        return OK;
    }
    e = x.by_ids ? read_ids(&x) : collect_ids(&x);
    if (!failed(e) && cli_has(w->c, S("dry-run")))
        fprintf(w->c->out, "%zu message(s) are meant.\n", x.ids.count);
    else if (!failed(e) && (x.by_ids || x.ids.count == 0 || ask(&x)))
        e = change_all(&x);
    if (x.changed > 0)
        queue_server_look(w);
    if (!failed(e))
        w->status = say(&x);
    arena_done(&x.ids_arena);
    return e;
}

static struct err change_begin(struct changing *x)
{
    struct cli *c = x->w->c;
    struct conf_env env = conf_env_process(&c->arena);
    if (x->kind == CHANGE_EDIT) // always of ids, so it has no filter
        return queue_edit_read(c, x->w->wall_now_ms, &x->edit);
    if (x->kind == CHANGE_RULE)
        return queue_rule_read(c, x->w->wall_now_ms, &x->rule);
    TRY(queue_filter_read(c, x->w->wall_now_ms, &x->filter));
    bool chosen = c->operand_count > 0 || !x->filter.is_empty || cli_has(c, S("all"));
    if (!chosen)
        return fail(ERR_SYNTAX, "which messages? Give ids, a filter, or --all");
    if (c->operand_count > 0 && (!x->filter.is_empty || cli_has(c, S("all"))))
        return fail(ERR_SYNTAX, "give either ids or a filter");
    x->whole = !queue_filter_names_rcpts(&x->filter);
    x->at_ms = x->w->wall_now_ms;
    x->way = x->kind == CHANGE_CANCEL && cli_has(c, S("dsn")) ? CANCEL_AND_TELL : CANCEL_SILENTLY;
    if (x->kind == CHANGE_RETRY) {
        struct str time = cli_text(c, S("time"), S("+0s"));
        if (!moment_parse(time, x->w->wall_now_ms, &x->at_ms))
            return fail(ERR_SYNTAX, "--time takes 2026-01-31T10:00:00Z, +2h or +1d");
    }
    if (x->kind == CHANGE_REROUTE)
        TRY(read_rerouting(x));
    if (x->kind == CHANGE_HOLD)
        x->hold = (struct hold){.reason = HOLD_ADMIN,
                .text = cli_text(c, S("reason"), S("")),
                .by = arena_fmt(
                        &c->arena, "command line %.*s", ARG(conf_env_exact(&env, S("USER")))),
                .since_ms = x->w->wall_now_ms,
                .clocks_at_ms =
                        x->w->wall_now_ms + conf_duration_ms(x->w->conf, S("queue.hold.max"))};
    return OK;
}

// queue.md 13.5. Names must be configured: what is not would be looked for at each attempt.
static struct err read_rerouting(struct changing *x)
{
    struct cli *c = x->w->c;
    struct findings findings = findings_make(&c->arena);
    struct schedule_settings *s = arena_make(&c->arena, struct schedule_settings);
    struct str route = cli_text(c, S("to-route"), STR_NULL);
    struct str schedule = cli_text(c, S("to-schedule"), STR_NULL);
    struct str queue = cli_text(c, S("to-queue"), STR_NULL);
    if (s == NULL)
        return fail(ERR_LIMIT, "no memory for the schedules");
    TRY(schedule_settings_make(&c->arena, x->w->conf, &findings, s));
    if (str_is_null(route) && str_is_null(schedule) && str_is_null(queue))
        return fail(ERR_SYNTAX, "where to? Give --to-route, --to-queue or --to-schedule");
    x->to = (struct rerouting){.is_meant = !str_is_null(route),
            .route = route,
            .schedule = str_is_null(schedule) ? NULL : schedule_named(s, schedule),
            .queue = str_is_null(queue) ? NULL : virtual_queue_named(s, queue),
            .now = cli_has(c, S("now"))};
    if (route.len > 0 && !route_is_there(x->w->conf, route))
        return fail_fmt(&c->arena, ERR_SYNTAX, "there is no route '%.*s'", ARG(route));
    if (!str_is_null(schedule) && x->to.schedule == NULL)
        return fail_fmt(&c->arena, ERR_SYNTAX, "there is no schedule '%.*s'", ARG(schedule));
    if (!str_is_null(queue) && x->to.queue == NULL)
        return fail_fmt(&c->arena, ERR_SYNTAX, "there is no virtual queue '%.*s'", ARG(queue));
    return OK;
}

static bool route_is_there(const struct conf *conf, struct str id)
{
    return conf_has_id(conf, S("queue.route"), id) || str_eq(id, S("mx")) || str_eq(id, S("local"));
}

static struct err read_ids(struct changing *x)
{
    struct cli *c = x->w->c;
    for (size_t i = 0; i < c->operand_count; i++) {
        uint64_t *id = vec_add(&x->ids_arena, &x->ids);
        if (id == NULL)
            return fail(ERR_LIMIT, "too many messages at once");
        if (!queue_id_parse(c->operands[i], id))
            return fail_fmt(
                    &c->arena, ERR_SYNTAX, "\"%.*s\" is no id of a message", ARG(c->operands[i]));
    }
    return OK;
}

static struct err collect_ids(struct changing *x)
{
    struct queue_pages p AUTO(queue_pages_end) = {
            .query = {.wanted = queue_filter_wants, .filter = &x->filter}};
    if (x->kind == CHANGE_RULE)
        p.query = (struct store_query){.wanted = queue_rule_wants, .filter = &x->rule};
    while (!p.page.end) {
        TRY(queue_pages_next(x->w, &p));
        for (size_t i = 0; i < p.page.count; i++) {
            uint64_t *id = vec_add(&x->ids_arena, &x->ids);
            if (id == NULL)
                return fail(ERR_LIMIT, "too many messages at once");
            *id = p.page.messages[i].id;
        }
    }
    return OK;
}

// A rule was asked about before it was written down.
static bool ask(struct changing *x)
{
    struct cli *c = x->w->c;
    if (x->kind == CHANGE_RULE)
        return true;
    struct str question =
            arena_fmt(&c->arena, "%s %zu message(s)?", words[x->kind].question, x->ids.count);
    if (str_is_null(question) || cli_sure(c, question.ptr))
        return !str_is_null(question);
    x->w->status = cli_fail_text(c, CLI_FAILED,
            "nothing was changed, and %zu message(s) are meant; --yes changes them without asking",
            x->ids.count);
    return false;
}

static struct err change_all(struct changing *x)
{
    for (size_t first = 0; first < x->ids.count; first += GROUP_MESSAGES) {
        size_t left = x->ids.count - first;
        queue_server_settle(x->w);
        TRY(change_group(x, first, left < GROUP_MESSAGES ? left : GROUP_MESSAGES));
    }
    return OK;
}

static struct err change_group(struct changing *x, size_t first, size_t count)
{
    struct arena a;
    struct changes changes = {0};
    struct err e = OK;
    arena_init(&a, CHANGES_BYTES_MAX);
    for (size_t i = 0; i < count && !failed(e); i++)
        e = add_changes(x, &a, x->ids.at[first + i], &changes);
    if (!failed(e) && changes.all.count > 0)
        e = store_commit(x->w->store, &a, changes.all.at, changes.all.count);
    bool one_by_one = e.kind == ERR_NOT_FOUND || e.kind == ERR_EXISTS || e.kind == ERR_LIMIT;
    if (!failed(e)) {
        x->changed += changes.messages;
        x->in_progress += changes.in_progress;
        x->unchanged += count - changes.messages;
    } else if (!one_by_one) {
        e = fail_fmt(&x->w->c->arena, e.kind, "%.*s", ARG(err_text(e)));
    }
    arena_done(&a);
    if (!one_by_one)
        return e;
    for (size_t i = 0; i < count; i++)
        TRY(change_one(x, x->ids.at[first + i]));
    return OK;
}

static struct err change_one(struct changing *x, uint64_t id)
{
    struct err e = OK;
    for (size_t i = 0; i < TRIES; i++) {
        struct arena a;
        struct changes changes = {0};
        arena_init(&a, CHANGES_BYTES_MAX);
        e = add_changes(x, &a, id, &changes);
        bool gone = failed(e) && e.kind == ERR_NOT_FOUND;
        if (!failed(e) && changes.all.count > 0)
            e = store_commit(x->w->store, &a, changes.all.at, changes.all.count);
        if (failed(e))
            e = fail_fmt(&x->w->c->arena, e.kind, "%.*s", ARG(err_text(e)));
        arena_done(&a);
        x->gone += gone;
        x->changed += !failed(e) && changes.messages > 0;
        x->in_progress += failed(e) ? 0 : changes.in_progress;
        x->unchanged += !failed(e) && changes.messages == 0;
        if (!failed(e) || gone)
            return OK;
        if (e.kind != ERR_NOT_FOUND && e.kind != ERR_EXISTS)
            return e;
    }
    return e;
}

static struct err add_changes(struct changing *x, struct arena *a, uint64_t id, struct changes *out)
{
    struct message m;
    bool all_final = true, any = false;
    TRY(store_read(x->w->store, a, id, STORE_WITHOUT_BODY, &m));
    size_t before = out->all.count;
    // Whose sender is told stays until that is written: the worker who does it removes the message.
    bool may_go = (x->kind == CHANGE_CANCEL && x->way == CANCEL_SILENTLY) || x->edit.rcpts.drops;
    bool goes = may_go && x->kind == CHANGE_CANCEL && x->whole;
    if (x->kind == CHANGE_EDIT)
        TRY(message_edit_check(a, &x->edit, &m));
    for (size_t i = 0; i < m.unit_count && !goes; i++) {
        struct unit *u = &m.units[i];
        bool changed;
        if (x->kind == CHANGE_EDIT)
            TRY(message_edit_unit(a, &x->edit, &m, u, &changed));
        else
            changed = change_unit(x, &m, u);
        if (changed && dsn_is_owed(u))
            u->due_ms = x->w->wall_now_ms;
        all_final &= unit_is_final(u) && !dsn_is_owed(u);
        any |= changed;
        struct store_change *c = changed ? vec_add(a, &out->all) : NULL;
        if (changed && c == NULL)
            return fail(ERR_LIMIT, "no memory for a change of the queue");
        if (changed)
            *c = (struct store_change){.kind = STORE_UPDATE, .unit = u};
    }
    if (goes || (may_go && any && all_final)) {
        out->all.count = before; // nobody is pending any more: it goes as a whole
        struct store_change *c = vec_add(a, &out->all);
        if (c == NULL)
            return fail(ERR_LIMIT, "no memory for a change of the queue");
        *c = (struct store_change){.kind = STORE_REMOVE, .id = id};
        any = true;
    }
    out->messages += any;
    out->in_progress += any && queue_server_carries(x->w, id);
    return OK;
}

static bool change_unit(const struct changing *x, const struct message *m, struct unit *u)
{
    int64_t created_ms = m->created_ms;
    if (x->kind == CHANGE_RULE)
        return queue_rule_change(x->w, &x->rule, m, u);
    if (!unit_is_meant(x, u))
        return false;
    switch (x->kind) {
    case CHANGE_CANCEL:
        return cancel_rcpts(x, u, created_ms);
    case CHANGE_HOLD:
        return unit_hold(u, &x->hold, created_ms);
    case CHANGE_RELEASE:
        return unit_release(u, created_ms, x->w->wall_now_ms);
    case CHANGE_RETRY:
        return unit_retry(u, created_ms, x->at_ms);
    case CHANGE_REROUTE:
        return reroute_unit(x, m, u);
    case CHANGE_EDIT: // see add_changes
    case CHANGE_RULE:
        break;
    }
    return false;
}

static bool reroute_unit(const struct changing *x, const struct message *m, struct unit *u)
{
    if (unit_is_final(u))
        return false;
    if (x->to.is_meant)
        u->route_override = x->to.route.len > 0 ? x->to.route : STR_NULL;
    if (x->to.schedule != NULL)
        schedule_rebind_unit(x->to.schedule, m, u);
    if (x->to.queue != NULL)
        u->queue = x->to.queue->id;
    if (x->to.now)
        (void)unit_retry(u, m->created_ms, x->at_ms); // one that is held stays held
    return true;
}

static bool cancel_rcpts(const struct changing *x, struct unit *u, int64_t created_ms)
{
    bool changed = false;
    for (size_t i = 0; i < u->rcpt_count; i++)
        if (!rcpt_is_final(&u->rcpts[i]) && queue_filter_wants_rcpt(&x->filter, &u->rcpts[i])) {
            rcpt_cancel(&u->rcpts[i], x->way, x->w->wall_now_ms);
            changed = true;
        }
    bool is_to_tell = changed && x->way == CANCEL_AND_TELL;
    u->due_ms = is_to_tell ? x->w->wall_now_ms : unit_next_due(u, created_ms);
    return changed;
}

// A unit is held, released and tried as a whole.
static bool unit_is_meant(const struct changing *x, const struct unit *u)
{
    for (size_t i = 0; i < u->rcpt_count; i++)
        if (x->whole || queue_filter_wants_rcpt(&x->filter, &u->rcpts[i]))
            return true;
    return false;
}

static int say(struct changing *x)
{
    struct cli *c = x->w->c;
    if (x->w->status != CLI_OK || cli_has(c, S("dry-run")))
        return x->w->status;
    if (c->json) {
        struct json_out o = cli_json_begin(c);
        json_object_begin(&o);
        json_put_u64(&o, S("changed"), x->changed);
        json_put_u64(&o, S("unchanged"), x->unchanged);
        json_put_u64(&o, S("gone"), x->gone);
        json_put_u64(&o, S("in_progress"), x->in_progress);
        json_object_end(&o);
        (void)cli_json_end(c, CLI_OK);
    } else {
        fprintf(c->out, "%s %zu message(s).\n", words[x->kind].done, x->changed);
    }
    if (x->in_progress > 0 && !c->json) // queue.md 13.8: what comes of that wins
        fprintf(c->out, "%zu of them are being delivered at this moment, which goes on.\n",
                x->in_progress);
    if (x->kind == CHANGE_RULE || (x->kind == CHANGE_EDIT && x->gone == 0))
        return CLI_OK; // nothing to do is as good as done
    if (x->changed == 0)
        return c->json ? CLI_NOT_FOUND : cli_fail_text(c, CLI_NOT_FOUND, "nothing matched");
    return x->gone + x->unchanged > 0 && c->operand_count > 0 ? CLI_PARTLY : CLI_OK;
}
