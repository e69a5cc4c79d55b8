// SPDX-License-Identifier: Apache-2.0
// deliver/ruled.c: see deliver/ruled.h.
#include "deliver/job.h"

static bool hold(struct job *j, const struct standing_rule *rule);
static bool give_up(struct job *j, const struct standing_rule *rule);

void ruled_init(struct ruled *r, struct str path)
{
    statewatch_init(&r->watch, path, STATEWATCH_BYTES_MAX);
}

void ruled_done(struct ruled *r)
{
    statewatch_done(&r->watch);
}

void dispatch_read_rules(struct deliverer *d)
{
    struct ruled *r = &d->ruled;
    struct standing_rules now;
    struct arena *a = statewatch_changed(&r->watch);
    if (a == NULL)
        return;
    struct err e = standing_read(a, d->in.standing_path, &now);
    if (statewatch_take(&r->watch, d->in.log, e))
        r->now = now;
}

bool ruled_unit(struct job *j)
{
    const struct standing_rule *rule = standing_find(&j->d->ruled.now, &j->m, j->u, j->wall_now_ms);
    if (rule == NULL || j->probe != NULL)
        return false;
    return rule->action == STANDING_HOLD ? hold(j, rule) : give_up(j, rule);
}

// What a rule says is copied: rules are read again while this job waits for the disk.
static bool hold(struct job *j, const struct standing_rule *rule)
{
    int64_t most_ms = conf_duration_ms(j->d->in.settings->conf, S("queue.hold.max"));
    if (!standing_hold(rule, &j->m, j->u, j->wall_now_ms, most_ms))
        return false; // it is held already
    j->u->hold.text = arena_str(&j->arena, j->u->hold.text);
    j->u->hold.by = arena_str(&j->arena, j->u->hold.by);
    j->hold = j->u->hold;
    event_in(&j->span, EV_QUEUE_HELD, F_ID(queueId, j->m.id), F_STR(domain, j->u->domain),
            F_STR(id, rule->id), F_STR(reason, j->hold.text));
    return true;
}

static bool give_up(struct job *j, const struct standing_rule *rule)
{
    const struct outcome o = standing_outcome(rule, j->wall_now_ms);
    struct str text = arena_str(&j->arena, o.text);
    if (str_is_null(text))
        return true; // later, with more memory
    const struct client_answer why =
            answer_permanent(CLIENT_CONNECT, o.kind, o.entity, o.enhanced, text);
    for (size_t i = 0; i < j->u->rcpt_count; i++) {
        if (rcpt_is_final(&j->u->rcpts[i]))
            continue;
        j->tried[i].is_silent = rule->no_dsn;
        job_settle(j, i, &why);
    }
    return true;
}
