// SPDX-License-Identifier: Apache-2.0
// deliver/tlsrpt/tlsrpt.c: counting in memory, and bringing the counts of those who want to hear of
// them to disk. See deliver/tlsrpt/tlsrpt.h.
#include "deliver/tlsrpt/tlsrpt.h"

#include "base/list.h"
#include "base/map.h"
#include "deliver/tlsrpt/tlsrpt_row.h"
#include "deliver/tlsrpt/tlsrpt_store.h"
#include "events/event.h"
#include "proof/transport.h"
#include "rt/dns.h"
#include "rt/rt.h"

#define WRITE_BYTES_MAX (64 * MIB) // of one write: rows, names, what LMDB gives back
#define ASK_BYTES_MAX (512 * KIB)  // of one look-up
#define ASKERS_MAX 16              // at the same time
#define EXPIRE_MS HOUR_MS

struct tally { // an observation of a domain in a window
    struct str key;
    int64_t begin_ms, end_ms;
    struct str domain, row;
    uint64_t count;
};

struct tallies {
    struct arena arena;
    struct map by_key;
};

struct tlsrpt {
    struct tlsrpt_options options;
    struct tallies now;
    struct waitq full;
    uint64_t lost; // that found no room, since the last write
    bool is_writing;
    int64_t expired_at_ms; // of now_ms: when old reports were last looked for
};

struct interest { // of one domain
    struct str domain;
    struct str record; // null: nobody wants to hear
};

struct writing {
    struct tlsrpt *t;
    struct arena *a;
    int64_t ask_ms;
    struct tallies *from;
    struct map domains; // -> struct interest
    struct interest **asked;
    size_t asked_count, next;
    struct report_addition *additions;
    size_t count;
};

struct storing { // on a helper thread
    struct str folder;
    struct report_limits limits;
    const struct report_addition *additions;
    size_t count;
    int64_t expire_before_ms; // 0: not now
    uint64_t dropped;
    struct arena arena;
    struct err result;
};

static void tallies_init(struct tallies *all);
static void tallies_done(struct tallies *all);
static bool tallies_add(struct tallies *all, const struct tally *one);
static struct err write_down(struct writing *w) suspends MUST_USE;
static struct err find_domains(struct writing *w) MUST_USE;
static struct err ask_all(struct writing *w) suspends MUST_USE;
static struct err ask_main(void *writing) suspends MUST_USE;
static struct err ask(struct writing *w, struct interest *one) suspends MUST_USE;
static struct str record_of(
        struct writing *w, const struct dns_txt_answer *txt, struct str *out_why);
static struct err gather(struct writing *w) MUST_USE;
static struct err store(struct writing *w) suspends MUST_USE;
static void store_job(void *storing);
static void take_back(struct writing *w);
static void tell_lost(struct tlsrpt *t, uint64_t count, struct str reason);

struct err tlsrpt_new(const struct tlsrpt_options *options, struct tlsrpt **out)
{
    struct tlsrpt *t = mem_new(struct tlsrpt);
    if (t == NULL)
        return fail(ERR_LIMIT, "no memory for the counts of TLS reports");
    t->options = *options;
    tallies_init(&t->now);
    waitq_init(&t->full);
    *out = t;
    return OK;
}

void tlsrpt_free(struct tlsrpt *t)
{
    if (t == NULL)
        return;
    tallies_done(&t->now);
    mem_free(t);
}

const struct tlsrpt_settings *tlsrpt_settings(const struct tlsrpt *t)
{
    return t->options.settings;
}

// --- Counting ------------------------------------------------------------------------------------

void tlsrpt_note(struct tlsrpt *t, enum tlsrpt_interval interval, const struct tlsrpt_seen *seen)
{
    const struct strs *excluded = &t->options.settings->excluded;
    struct buf row AUTO(buf_done) = {0}, key AUTO(buf_done) = {0};
    struct tally one = {.domain = seen->domain, .count = 1};
    if (interval == TLSRPT_NEVER || strs_have(excluded, seen->domain))
        return;
    buf_init(&row, TLSRPT_ROW_BYTES_MAX);
    buf_init(&key, TLSRPT_ROW_BYTES_MAX + KIB);
    tlsrpt_window(interval, wall_ms(), &one.begin_ms, &one.end_ms);
    tlsrpt_row_add(&row, seen);
    one.row = buf_str(&row);
    buf_fmt(&key, "%lld %lld %.*s ", (long long)one.begin_ms, (long long)one.end_ms,
            ARG(one.domain));
    buf_add(&key, one.row);
    one.key = buf_str(&key);
    if (row.overflow || key.overflow || !tallies_add(&t->now, &one))
        t->lost++;
    if (map_count(&t->now.by_key) >= TLSRPT_ROWS_MAX / 2)
        waitq_wake_all(&t->full);
}

static void tallies_init(struct tallies *all)
{
    arena_init(&all->arena, TLSRPT_BYTES_MAX);
    map_init(&all->by_key, random_u64(), random_u64());
}

static void tallies_done(struct tallies *all)
{
    map_done(&all->by_key);
    arena_done(&all->arena);
}

// False: there is no room.
static bool tallies_add(struct tallies *all, const struct tally *one)
{
    struct tally *kept = map_get(&all->by_key, one->key);
    if (kept != NULL) {
        kept->count += one->count;
        return true;
    }
    if (map_count(&all->by_key) >= TLSRPT_ROWS_MAX)
        return false;
    kept = arena_make(&all->arena, struct tally);
    if (kept == NULL)
        return false;
    *kept = *one;
    kept->key = arena_str(&all->arena, one->key);
    kept->domain = arena_str(&all->arena, one->domain);
    kept->row = str_from(kept->key, one->key.len - one->row.len);
    return !str_is_null(kept->key) && !str_is_null(kept->domain) &&
           map_put(&all->by_key, kept->key, kept);
}

// --- Writing -------------------------------------------------------------------------------------

struct err tlsrpt_main(void *tlsrpt)
{
    struct tlsrpt *t = tlsrpt;
    task_describe("TLS results", t);
    while (!task_cancelled()) {
        struct err e;
        {
            within_ms(TLSRPT_WRITE_MS);
            e = waitq_wait(&t->full, "results of TLS");
        }
        if (e.kind == ERR_CANCELLED)
            return e;
        tlsrpt_write(t, TLSRPT_ASK_MS);
    }
    return OK;
}

void tlsrpt_write(struct tlsrpt *t, int64_t ask_ms)
{
    struct arena a AUTO(arena_done) = {0};
    struct tallies batch = t->now;
    struct writing w = {.t = t, .a = &a, .ask_ms = ask_ms, .from = &batch};
    if (t->is_writing || (map_count(&batch.by_key) == 0 && t->lost == 0))
        return;
    t->is_writing = true;
    tallies_init(&t->now);
    arena_init(&a, WRITE_BYTES_MAX);
    map_init(&w.domains, random_u64(), random_u64());
    struct err e = write_down(&w);
    if (failed(e))
        take_back(&w);
    if (failed(e) && e.kind != ERR_CANCELLED)
        event(t->options.log, EV_STORE_ERROR, F_STR(path, t->options.settings->folder),
                F_ERR(reason, e));
    if (t->lost > 0)
        tell_lost(t, t->lost, S("there was no room for them in memory"));
    t->lost = 0;
    map_done(&w.domains);
    tallies_done(&batch);
    t->is_writing = false;
}

static struct err write_down(struct writing *w)
{
    TRY(find_domains(w));
    TRY(ask_all(w));
    TRY(gather(w));
    return w->count == 0 ? OK : store(w);
}

static struct err find_domains(struct writing *w)
{
    const struct map *rows = &w->from->by_key;
    struct str key;
    void *value;
    w->asked = arena_array(w->a, map_count(rows) + 1, struct interest *);
    if (w->asked == NULL)
        return fail(ERR_LIMIT, "no memory to write the counts of TLS reports");
    for (size_t at = 0; map_next(rows, &at, &key, &value);) {
        const struct tally *one = value;
        if (map_get(&w->domains, one->domain) != NULL)
            continue;
        struct interest *interest = arena_make(w->a, struct interest);
        if (interest == NULL || !map_put(&w->domains, one->domain, interest))
            return fail(ERR_LIMIT, "no memory to write the counts of TLS reports");
        interest->domain = one->domain;
        w->asked[w->asked_count++] = interest;
    }
    return OK;
}

// Who wants to hear is asked by a few tasks at once, each of which takes the next domain.
static struct err ask_all(struct writing *w)
{
    struct group askers AUTO(group_end);
    group_begin(&askers);
    for (size_t i = 0; i < ASKERS_MAX && i < w->asked_count; i++)
        TRY(group_spawn(&askers, ask_main, w));
    within_ms(w->ask_ms);
    struct err e = group_wait_all(&askers);
    return e.kind == ERR_TIMEOUT ? OK : e; // who has not answered has no record
}

static struct err ask_main(void *writing)
{
    struct writing *w = writing;
    while (w->next < w->asked_count) {
        struct interest *one = w->asked[w->next];
        w->next++;
        TRY(ask(w, one));
    }
    return OK;
}

// reports.md 8.1. A look-up that fails means that nothing is recorded; only our own end, a
// cancellation, leaves what was counted for another try.
static struct err ask(struct writing *w, struct interest *one)
{
    struct arena a AUTO(arena_done);
    struct dns_txt_answer txt = {0};
    struct str why = S("");
    int64_t began = now_ms();
    arena_init(&a, ASK_BYTES_MAX);
    struct str name = arena_join(&a, S("_smtp._tls."), one->domain);
    struct err e = str_is_null(name) ? fail(ERR_LIMIT, "no memory for a name")
                                     : dns_txt(w->t->options.resolver, &a, name, &txt);
    if (e.kind == ERR_CANCELLED)
        return e;
    bool is_unknown = (failed(e) && e.kind != ERR_SYNTAX) || dns_is_temporary(txt.answer.outcome);
    if (!failed(e) && !is_unknown)
        one->record = record_of(w, &txt, &why);
    if (is_unknown)
        why = failed(e) ? err_text(e) : txt.answer.why;
    if (!failed(e) && txt.answer.cached) // told when it was looked up
        return OK;
    if (is_unknown)
        event(w->t->options.log, EV_TLS_RPT_RECORD_FETCH_ERROR, F_STR(domain, one->domain),
                F_STR(details, why), F_MS(elapsed, now_ms() - began));
    else if (str_is_null(one->record))
        event(w->t->options.log, EV_TLS_RPT_RECORD_NOT_FOUND, F_STR(domain, one->domain),
                F_STR(details, why), F_MS(elapsed, now_ms() - began));
    else
        event(w->t->options.log, EV_TLS_RPT_RECORD_FETCH, F_STR(domain, one->domain),
                F_STR(details, one->record), F_MS(elapsed, now_ms() - began));
    return OK;
}

// RFC 8460 3: of several records none counts. Null: `why` tells.
static struct str record_of(
        struct writing *w, const struct dns_txt_answer *txt, struct str *out_why)
{
    const struct dns_txt *one = NULL;
    struct tlsrpt_record read;
    size_t count = 0;
    for (size_t i = 0; i < txt->count; i++) {
        if (tlsrpt_record_begins(txt->at[i].joined)) {
            one = &txt->at[i];
            count++;
        }
    }
    *out_why = count == 0 ? S("no TXT record begins with v=TLSRPTv1")
                          : S("there is more than one record of TLS reporting");
    if (count != 1)
        return STR_NULL;
    struct err e = tlsrpt_record_parse(w->a, one->joined, &read);
    *out_why = err_text(e);
    return failed(e) ? STR_NULL : arena_str(w->a, one->joined);
}

static struct err gather(struct writing *w)
{
    const struct map *rows = &w->from->by_key;
    struct str key;
    void *value;
    w->additions = arena_array(w->a, map_count(rows) + 1, struct report_addition);
    if (w->additions == NULL)
        return fail(ERR_LIMIT, "no memory to write the counts of TLS reports");
    for (size_t at = 0; map_next(rows, &at, &key, &value);) {
        const struct tally *one = value;
        const struct interest *interest = map_get(&w->domains, one->domain);
        if (str_is_null(interest->record))
            continue;
        w->additions[w->count++] = (struct report_addition){.window = {.domain = one->domain,
                                                                    .record = interest->record,
                                                                    .begin_ms = one->begin_ms,
                                                                    .end_ms = one->end_ms},
                .row = one->row,
                .count = one->count};
    }
    return OK;
}

static struct err store(struct writing *w)
{
    struct tlsrpt *t = w->t;
    struct storing job = {.folder = t->options.settings->folder,
            .limits = {.domains_max = t->options.settings->domains_max},
            .additions = w->additions,
            .count = w->count};
    bool expires = t->expired_at_ms == 0 || now_ms() - t->expired_at_ms >= EXPIRE_MS;
    job.expire_before_ms = expires ? wall_ms() : 0;
    arena_init(&job.arena, WRITE_BYTES_MAX);
    struct err e = offload(store_job, &job);
    if (!failed(e) && failed(job.result))
        e = fail_fmt(w->a, job.result.kind, "%.*s", ARG(err_text(job.result)));
    arena_done(&job.arena);
    if (!failed(e) && expires)
        t->expired_at_ms = now_ms();
    if (!failed(e) && job.dropped > 0)
        tell_lost(t, job.dropped,
                S("there are too many domains in a window, or too many "
                  "different results of one"));
    return e;
}

// Open for as long as it takes: nobody else in this process may have it open at the same time, and
// every now and then is rarely.
static void store_job(void *storing)
{
    struct storing *job = storing;
    struct report_store *s = NULL;
    size_t removed;
    job->result = report_store_open(&job->arena, job->folder, REPORT_SERVE, &s);
    if (!failed(job->result) && job->expire_before_ms != 0)
        job->result = report_store_expire(s, &job->arena, job->expire_before_ms, &removed);
    if (!failed(job->result))
        job->result = report_store_add(
                s, &job->arena, &job->limits, job->additions, job->count, &job->dropped);
    report_store_close(s);
}

// What could not be written waits for the next time, beside what was counted meanwhile.
static void take_back(struct writing *w)
{
    struct str key;
    void *value;
    for (size_t at = 0; map_next(&w->from->by_key, &at, &key, &value);)
        if (!tallies_add(&w->t->now, value))
            w->t->lost += ((const struct tally *)value)->count;
}

static void tell_lost(struct tlsrpt *t, uint64_t count, struct str reason)
{
    event(t->options.log, EV_OUTGOING_REPORT_MAX_DOMAINS, F_U64(total, count),
            F_STR(reason, reason));
}
