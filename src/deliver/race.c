// SPDX-License-Identifier: Apache-2.0
// deliver/race.c: see deliver/race.h. Only what comes before the greeting is raced: from there on a
// host would see that we speak to it twice.
#include "deliver/race.h"

#include "deliver/egress/egress.h"

#define RUNNERS_MAX 8

struct runner {
    struct remote *r;
    struct approach *p;
    struct outbound_check *check; // what limits took; of the first one the remote has it
    int64_t began_ms;
    struct stream *stream;
    struct err e;
    bool is_over;
};

struct race {
    struct remote *r;
    struct runner *runners;
    size_t count;
};

static bool may_race(const struct remote *r, const struct approach *p);
static struct err run(struct race *race) suspends MUST_USE;
static struct err wait_for_one(struct group *g, int64_t at_most_ms) suspends MUST_USE;
static struct err runner_main(void *arg) suspends;
static struct runner *winner_of(const struct race *race);
static struct err add_runner(struct race *race, bool *out_added) suspends MUST_USE;
static void dismiss(struct runner *x, bool is_first);
static void hand_over(struct race *race, const struct runner *winner);

struct err race_connect(struct remote *r, struct approach *p, struct stream **out)
{
    if (!may_race(r, p))
        return egress_connect(r, p, out);
    struct race race = {.r = r, .count = 1};
    race.runners = arena_array(&r->j->arena, RUNNERS_MAX, struct runner);
    if (race.runners == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    race.runners[0] = (struct runner){.r = r, .p = p, .began_ms = now_ms()};
    struct err e = run(&race);
    p->raced = race.count - 1;
    struct runner *first = &race.runners[0], *winner = failed(e) ? NULL : winner_of(&race);
    struct err of_first = first->e;
    for (size_t i = 0; i < race.count; i++)
        if (&race.runners[i] != winner && (i > 0 || winner != NULL))
            dismiss(&race.runners[i], i == 0);
    if (failed(e) && first->stream != NULL)
        stream_close(first->stream);
    if (failed(e) || winner == NULL)
        return failed(e) ? e : of_first;
    *out = winner->stream;
    if (winner != first)
        hand_over(&race, winner);
    return OK;
}

// The second connection to an address, without TLS, is no race any more.
static bool may_race(const struct remote *r, const struct approach *p)
{
    size_t next = (size_t)(p->address - p->found->at) + 1;
    return r->j->d->in.settings->race_delay_ms > 0 && r->route->socks == NULL && !p->has_raced &&
           next < p->found->count;
}

// When it returns, none of them runs any more.
static struct err run(struct race *race)
{
    struct remote *r = race->r;
    struct group g AUTO(group_end);
    bool may_add = true;
    race->runners[0].p->has_raced = true;
    group_begin(&g);
    TRY(group_spawn(&g, runner_main, &race->runners[0]));
    while (g.count > 0 && winner_of(race) == NULL) {
        struct err e = may_add ? wait_for_one(&g, r->j->d->in.settings->race_delay_ms)
                               : group_wait_below(&g, g.count);
        if (failed(e) && (e.kind != ERR_TIMEOUT || deadline_left_ms() <= 0))
            return e;
        if (!failed(e) || !may_add)
            continue;
        TRY(add_runner(race, &may_add));
        if (may_add)
            TRY(group_spawn(&g, runner_main, &race->runners[race->count - 1]));
    }
    return OK;
}

static struct err wait_for_one(struct group *g, int64_t at_most_ms)
{
    within_ms(at_most_ms);
    return group_wait_below(g, g->count);
}

static struct err runner_main(void *arg)
{
    struct runner *x = arg;
    x->e = egress_connect(x->r, x->p, &x->stream);
    x->is_over = true;
    return OK;
}

static struct runner *winner_of(const struct race *race)
{
    for (size_t i = 0; i < race->count; i++)
        if (race->runners[i].is_over && !failed(race->runners[i].e))
            return &race->runners[i];
    return NULL;
}

// The next address, if it is fit to be tried now; else there are no others beside those that run.
static struct err add_runner(struct race *race, bool *out_added)
{
    struct remote *r = race->r;
    const struct approach *first = race->runners[0].p;
    size_t next = (size_t)(first->address - first->found->at) + race->count;
    *out_added = false;
    if (next >= first->found->count || race->count == RUNNERS_MAX)
        return OK;
    struct approach *p = arena_make(&r->j->arena, struct approach);
    if (p == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    *p = (struct approach){.host = first->host,
            .found = first->found,
            .address = &first->found->at[next],
            .dane = first->dane,
            .has_raced = true};
    p->name = remote_name_of(&r->j->arena, p->host, &p->address->at);
    struct outbound_check *check = NULL;
    TRY(approach_beside(r, p, &check));
    if (check == NULL)
        return OK;
    race->runners[race->count++] =
            (struct runner){.r = r, .p = p, .check = check, .began_ms = now_ms()};
    *out_added = true;
    return OK;
}

// One that was slower, or has failed: what it came to is told and remembered as if it had been
// alone, and all it holds goes back.
static void dismiss(struct runner *x, bool is_first)
{
    struct client_answer why;
    struct remote *r = x->r;
    bool has_failed = x->is_over && failed(x->e) && x->e.kind != ERR_CANCELLED;
    if (x->stream != NULL)
        stream_close(x->stream);
    x->stream = NULL;
    if (has_failed) {
        connect_failed(r, x->p, x->e, x->began_ms, &why);
        remote_note(r, arena_answer(&r->j->arena, &why));
    }
    approach_dismiss(r, x->p, has_failed ? &why : NULL);
    if (is_first)
        limit_remote_end(r, x->p);
    else
        limit_beside_end(r, x->p, &x->check);
}

static void hand_over(struct race *race, const struct runner *winner)
{
    struct approach *p = race->runners[0].p;
    size_t raced = p->raced;
    *p = *winner->p;
    p->raced = raced;
    limit_beside_won(race->r, winner->check);
}
