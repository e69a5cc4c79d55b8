// SPDX-License-Identifier: Apache-2.0
// queue/control/suppress.c: the suppression list as a worker has it. Questions go to the map at
// once, on the loop: they touch memory. What comes back is noted, and written by one task on a
// helper thread, because a commit waits for the disk. A worker that is killed loses the notes of
// that moment; the next message to the address brings them again.
#include "queue/control/suppress.h"

#include "conf/expr.h"
#include "events/event.h"
#include "queue/env.h"
#include "rt/rt.h"

#define NOTES_BYTES_MAX (16 * MIB)
#define WORK_BYTES_MAX (32 * MIB) // of a commit: what it reads and writes of each address
#define OPEN_BYTES_MAX (64 * KIB)
#define LOOK_AT_NOTES_MS MINUTE_MS
#define AGAIN_MS (5 * SECOND_MS) // after a disk that could not be written
#define SWEEP_MS HOUR_MS
#define SWEEP_PAUSE_MS 100 // between two parts of a sweep

struct notes {
    struct arena arena;
    VEC(struct suppress_bounce) all;
};

struct suppress_service {
    struct suppress_options options;
    struct suppress_list *list; // NULL: it cannot be opened
    struct notes now;
    uint64_t lost;
    struct waitq noted;
    bool is_writing, trouble_was_told;
    int64_t sweep_at_ms;
};

struct writing { // for the helper thread
    struct suppress_service *s;
    struct notes *notes;
    bool *news;
    struct arena arena;
    struct err result;
};

struct sweeping {
    struct suppress_list *list;
    int64_t wall_now_ms;
    struct str from;
    struct arena *arena;
    size_t removed;
    struct err result;
};

static void open_list(struct suppress_service *s);
static void tell_trouble(struct suppress_service *s, struct err why);
static void write_job(void *writing);
static void tell_news(struct suppress_service *s, const struct writing *w);
static void take_back(struct suppress_service *s, const struct notes *notes);
static bool keep(struct notes *notes, const struct suppress_bounce *b);
static struct err sweep(struct suppress_service *s) suspends MUST_USE;
static void sweep_job(void *sweeping);

struct err suppress_service_new(
        const struct suppress_options *options, struct suppress_service **out)
{
    *out = NULL;
    if (!options->settings->is_on)
        return OK;
    struct suppress_service *s = mem_new(struct suppress_service);
    if (s == NULL)
        return fail(ERR_LIMIT, "no memory for the suppression list");
    s->options = *options;
    arena_init(&s->now.arena, NOTES_BYTES_MAX);
    waitq_init(&s->noted);
    open_list(s);
    *out = s;
    return OK;
}

void suppress_service_free(struct suppress_service *s)
{
    if (s == NULL)
        return;
    suppress_close(s->list);
    arena_done(&s->now.arena);
    mem_free(s);
}

static void open_list(struct suppress_service *s)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, OPEN_BYTES_MAX);
    struct err e = suppress_open(&a, s->options.settings->folder, SUPPRESS_SERVE, &s->list);
    if (failed(e))
        tell_trouble(s, e);
}

// Once, until something has succeeded again.
static void tell_trouble(struct suppress_service *s, struct err why)
{
    if (!s->trouble_was_told)
        event(s->options.log, EV_STORE_ERROR, F_STR(path, s->options.settings->folder),
                F_ERR(reason, why));
    s->trouble_was_told = true;
}

const struct suppress_settings *suppress_service_settings(const struct suppress_service *s)
{
    return s->options.settings;
}

// --- Questions -----------------------------------------------------------------------------------

bool suppress_applies(struct suppress_service *s, struct queue_env *env, struct arena *scratch)
{
    if (s == NULL)
        return false;
    struct expr_env inside = queue_expr_env(env);
    struct expr_result r = expr_eval(s->options.settings->match, &inside, scratch);
    if (r.outcome == EXPR_FAILED)
        event(s->options.log, EV_EVAL_ERROR, F_STR(key, S("queue.suppress.match")),
                F_STR(reason, r.fault.cause));
    return r.outcome == EXPR_VALUE && r.boolean;
}

bool suppress_has(
        struct suppress_service *s, struct arena *a, struct str address, struct suppress_entry *out)
{
    *out = (struct suppress_entry){0};
    if (s == NULL || s->list == NULL)
        return false;
    struct err e = suppress_find(s->list, a, address, out);
    if (failed(e) && e.kind != ERR_NOT_FOUND)
        tell_trouble(s, e);
    return !failed(e) && suppress_holds(out, wall_ms());
}

// --- What came back ------------------------------------------------------------------------------

void suppress_note(struct suppress_service *s, const struct suppress_bounce *bounce)
{
    if (s == NULL)
        return;
    if (!keep(&s->now, bounce))
        s->lost++;
    waitq_wake_all(&s->noted);
}

static bool keep(struct notes *notes, const struct suppress_bounce *b)
{
    struct suppress_bounce copy = {.address = arena_str(&notes->arena, b->address),
            .bounce_class = arena_str(&notes->arena, b->bounce_class),
            .text = arena_str(&notes->arena, str_upto(b->text, SUPPRESS_TEXT_BYTES_MAX)),
            .by = arena_str(&notes->arena, b->by),
            .at_ms = b->at_ms,
            .is_good = b->is_good};
    struct suppress_bounce *added = NULL;
    if (!str_is_null(copy.address) && notes->all.count < SUPPRESS_NOTED_MAX)
        added = vec_add(&notes->arena, &notes->all);
    if (added != NULL)
        *added = copy;
    return added != NULL;
}

struct err suppress_main(void *suppress_service)
{
    struct suppress_service *s = suppress_service;
    task_describe("suppression list", s);
    while (!task_cancelled()) {
        if (s->now.all.count == 0) {
            within_ms(LOOK_AT_NOTES_MS);
            struct err e = waitq_wait(&s->noted, "mail that comes back");
            if (e.kind == ERR_CANCELLED)
                return e;
        }
        suppress_write(s);
        if (s->now.all.count > 0 && s->trouble_was_told)
            TRY(task_sleep_ms(AGAIN_MS));
        if (s->options.sweeps && s->list != NULL && now_ms() >= s->sweep_at_ms)
            TRY(sweep(s));
    }
    return OK;
}

void suppress_write(struct suppress_service *s)
{
    if (s == NULL || s->is_writing)
        return;
    if (s->list == NULL)
        open_list(s);
    if (s->list == NULL || s->now.all.count == 0)
        return;
    struct notes batch = s->now;
    struct writing w = {.s = s, .notes = &batch};
    s->is_writing = true;
    s->now = (struct notes){0};
    arena_init(&s->now.arena, NOTES_BYTES_MAX);
    arena_init(&w.arena, WORK_BYTES_MAX);
    w.news = arena_array(&w.arena, batch.all.count, bool);
    struct err e = w.news == NULL ? fail(ERR_LIMIT, "no memory to write the suppression list")
                                  : offload(write_job, &w);
    if (!failed(e))
        e = w.result;
    if (failed(e)) {
        tell_trouble(s, e);
        take_back(s, &batch);
    } else {
        s->trouble_was_told = false;
        tell_news(s, &w);
    }
    arena_done(&w.arena);
    arena_done(&batch.arena);
    s->is_writing = false;
}

static void write_job(void *writing)
{
    struct writing *w = writing;
    w->result = suppress_count(w->s->list, &w->arena, &w->s->options.settings->counting,
            w->notes->all.at, w->notes->all.count, w->news);
}

static void tell_news(struct suppress_service *s, const struct writing *w)
{
    int64_t keep_ms = s->options.settings->counting.keep_ms;
    for (size_t i = 0; i < w->notes->all.count; i++) {
        const struct suppress_bounce *b = &w->notes->all.at[i];
        if (w->news[i])
            event(s->options.log, EV_QUEUE_SUPPRESSED, F_STR(to, b->address),
                    F_STR(bounceClass, b->bounce_class), F_STR(details, b->text),
                    F_TIME(expires, keep_ms > 0 ? b->at_ms + keep_ms : 0));
    }
    if (s->lost > 0)
        event(s->options.log, EV_QUEUE_SUPPRESSION_LOST, F_U64(total, s->lost),
                F_STR(reason, S("there was no room for them in memory")));
    s->lost = 0;
}

static void take_back(struct suppress_service *s, const struct notes *notes)
{
    for (size_t i = 0; i < notes->all.count; i++)
        if (!keep(&s->now, &notes->all.at[i]))
            s->lost++;
}

// --- What is over --------------------------------------------------------------------------------

static struct err sweep(struct suppress_service *s)
{
    struct arena a AUTO(arena_done);
    struct sweeping job = {.list = s->list, .wall_now_ms = wall_ms(), .arena = &a, .from = S("")};
    arena_init(&a, WORK_BYTES_MAX);
    s->sweep_at_ms = now_ms() + SWEEP_MS;
    do {
        TRY(offload(sweep_job, &job));
        if (failed(job.result)) {
            tell_trouble(s, job.result);
            return OK;
        }
        if (job.from.len > 0)
            TRY(task_sleep_ms(SWEEP_PAUSE_MS));
    } while (job.from.len > 0);
    return OK;
}

static void sweep_job(void *sweeping)
{
    struct sweeping *job = sweeping;
    job->result =
            suppress_sweep(job->list, job->arena, job->wall_now_ms, &job->from, &job->removed);
}
