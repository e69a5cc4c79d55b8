// SPDX-License-Identifier: Apache-2.0
// tests/sim/delivery_schedule.c: five days in which nobody wants our mail (queue.md 8.5). Attempts
// come when the schedule says, reports of delay after one day and after three, and after five days
// the report of failure; then the queue is empty.
//
// usage: sim-schedule [--mails N]
//
// First one message for each way of failing, whose times must be exact; then many messages to a
// hundred domains, of which each time is exact as well, but for the while in which a message waits
// for one of the slots.
#define POSTHASTE_BASE_ROOM // it prints, and looks at the real clock to print what it took
#include "delivery.h"

#include "events/record.h"

#include <time.h>

#define MAILS 200
#define DOMAINS 100
#define MAILS_MAX 100000
#define DAYS 5
#define ATTEMPTS 65                    // in so many, where an attempt takes no time
#define EACH_MS MINUTE_MS              // events are taken so often
#define LATE_MS (2 * MINUTE_MS)        // behind its time at most, where many wait
#define HEARD_AFTER_MS (5 * MINUTE_MS) // queue.connection.<id>.timeout.greeting

struct kind {
    const char *name;
    enum manner manner; // of all hosts but the first, which is the senders'
    bool is_closed;     // or nobody listens
    int64_t attempt_ms; // what an attempt takes
    int64_t late_ms;    // what is allowed
    // Of many messages more happens in a moment than is told as events; then hosts tell.
    enum seen { BY_EVENTS, BY_HOSTS, BY_NOBODY } seen;
};

static const struct kind alone[] = {
        {.name = "a host that refuses", .is_closed = true},
        {.name = "a host that says 4xx", .manner = HOST_TEMPORARY},
        {.name = "a silent host", .manner = HOST_SILENT, .attempt_ms = HEARD_AFTER_MS},
};
static const struct kind many[] = {
        {.name = "many, refused", .is_closed = true, .late_ms = LATE_MS, .seen = BY_NOBODY},
        {.name = "many, 4xx", .manner = HOST_TEMPORARY, .late_ms = LATE_MS, .seen = BY_HOSTS},
};

struct story {
    struct world world; // the first, because it is what its director gets
    struct kind kind;
    int64_t late_most_ms; // that was seen
    uint64_t attempts;
};

static bool tell(const struct kind *kind, size_t mails, size_t domains);
static struct err make_world(struct world *w, size_t mails, size_t domains);
static struct err direct(void *story) suspends;
static void take_events(struct story *s);
static void take_event(struct story *s, const struct record *record);
static void take_from_hosts(struct story *s);
static void take_attempt(struct story *s, struct mail *m, int64_t at_ms);
static void check_count(struct story *s);
static void check(struct story *s);
static void check_mail(struct story *s, const struct mail *m);
static void check_moment(struct story *s, const struct mail *m, const char *what, int64_t at_ms,
        int64_t due_ms, int64_t late_ms);
static void check_empty(struct world *w) suspends;
static double cpu_s(void);

int main(int argc, char **argv)
{
    uint64_t mails = MAILS;
    bool well = true;
    if (argc == 3 && str_eq(str_from_c(argv[1]), S("--mails"))) {
        if (!str_to_u64(str_from_c(argv[2]), MAILS_MAX, &mails) || mails < DOMAINS)
            return 64;
    } else if (argc > 1) {
        return 64;
    }
    for (size_t i = 0; i < COUNT_OF(alone); i++)
        well &= tell(&alone[i], 1, 1);
    for (size_t i = 0; i < COUNT_OF(many); i++)
        well &= tell(&many[i], (size_t)mails, DOMAINS);
    return !well;
}

static bool tell(const struct kind *kind, size_t mails, size_t domains)
{
    struct story *s = mem_new(struct story);
    assert(s != NULL);
    s->kind = *kind;
    struct world *w = &s->world;
    struct timespec began, ended;
    double cpu = cpu_s();
    clock_gettime(CLOCK_MONOTONIC, &began);
    // Attempts are to be seen one by one, not the rest that a host is given.
    const struct world_plan plan = {.config = S("[queue.host]\nfailures = 0\n"), .direct = direct};
    struct err e = make_world(w, mails, domains);
    if (!failed(e))
        e = world_tell(w, &plan);
    check(s);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%s: %zu messages, %zu accepted, %llu attempts, %lld ms late at most, %.1f s, %.1f s of "
           "CPU%s\n",
            s->kind.name, mails, w->mails_posted, (unsigned long long)s->attempts,
            (long long)s->late_most_ms,
            (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9,
            cpu_s() - cpu, w->wrong > 0 ? ": FAILED" : "");
    bool well = !failed(e) && w->wrong == 0;
    world_done(w);
    mem_free(s);
    return well;
}

static struct err make_world(struct world *w, size_t mails, size_t domains)
{
    const struct story *s = (const struct story *)w;
    world_begin(w, 1, mails, domains);
    for (size_t i = 0; i < mails; i++)
        world_mail(w, i, 1);
    w->hosts[w->host_count++] = (struct host){
            .world = w, .ip = {IP_V4, {203, 0, 113, 1}}, .manner = HOST_WELL, .is_home = true};
    if (!s->kind.is_closed)
        w->hosts[w->host_count++] = (struct host){
                .world = w, .ip = {IP_V4, {203, 0, 113, 2}}, .manner = s->kind.manner};
    TRY(world_zone_line(w, S("home.example"), S("@ A 203.0.113.1")));
    for (size_t i = 0; i < domains; i++) {
        struct arena a AUTO(arena_done);
        arena_init(&a, KIB);
        TRY(world_zone_line(w, arena_fmt(&a, "d%zu.example", i), S("@ A 203.0.113.2")));
    }
    return OK;
}

static struct err direct(void *arg)
{
    struct story *s = arg;
    struct world *w = &s->world;
    TRY(sim_server_start(w->server));
    TRY(world_open_hosts(w));
    TRY(sim_run_ms(w->sim, SECOND_MS));
    TRY(post_mails(w, 0, w->mail_count, w->mail_count < 8 ? 1 : 8));
    for (int64_t end_ms = now_ms() + DAYS * (int64_t)DAY_MS + HOUR_MS; now_ms() < end_ms;) {
        TRY(sim_run_ms(w->sim, EACH_MS));
        if (s->kind.seen == BY_EVENTS)
            take_events(s);
        else if (s->kind.seen == BY_HOSTS)
            take_from_hosts(s);
        buf_clear(&w->attempts);
    }
    check_empty(w);
    check_count(s);
    return OK;
}

static void check_empty(struct world *w)
{
    struct arena a AUTO(arena_done);
    struct sim_queue look;
    struct store_figures figures = {.messages = UINT64_MAX};
    arena_init(&a, MIB);
    struct err e = sim_server_queue(w->server, &a, &look);
    if (!failed(e))
        e = store_figures(look.store, &figures);
    if (failed(e) || figures.messages > 0)
        finding(w, "%llu messages are still in the queue", (unsigned long long)figures.messages);
    if (!failed(e))
        sim_server_queue_end(&look);
}

// --- Attempts ------------------------------------------------------------------------------------

static void take_events(struct story *s)
{
    struct str bytes;
    struct record record;
    while (sim_server_next_event(s->world.server, &bytes))
        if (record_take(&bytes, &record) && record.head.id == EV_DELIVERY_ATTEMPT_START)
            take_event(s, &record);
}

static void take_event(struct story *s, const struct record *record)
{
    struct str fields = record->fields;
    struct mail *m = NULL;
    for (struct field_value v; record_next_field(&fields, &v);)
        if (v.field == FIELD_queueId)
            m = map_get(&s->world.by_id, str_of((const char *)&v.is.number, sizeof(v.is.number)));
    if (m != NULL) // else a report
        take_attempt(s, m, record->head.at_ms);
}

static void take_from_hosts(struct story *s)
{
    const struct buf *b = &s->world.attempts;
    assert(!b->overflow);
    for (size_t at = 0; at < b->len; at += sizeof(struct attempt)) {
        struct attempt seen;
        memcpy(&seen, b->ptr + at, sizeof(seen));
        take_attempt(s, seen.rcpt->mail, seen.at_ms);
    }
}

static void take_attempt(struct story *s, struct mail *m, int64_t at_ms)
{
    static const int64_t waits_ms[] = {2 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS, 15 * MINUTE_MS,
            30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS};
    size_t place = m->attempts == 0 ? 0 : m->attempts - 1;
    int64_t due_ms = m->accepted_at_ms;
    if (place >= COUNT_OF(waits_ms))
        place = COUNT_OF(waits_ms) - 1;
    if (m->attempts > 0)
        due_ms = m->attempt_at_ms + s->kind.attempt_ms + waits_ms[place];
    check_moment(s, m, "an attempt", at_ms, due_ms, s->kind.late_ms);
    m->attempts++;
    m->attempt_at_ms = at_ms;
}

// Reports are delivered at once.
static void check_count(struct story *s)
{
    const struct world *w = &s->world;
    uint64_t reports = w->mail_count * (DELAYS_MAX + 1);
    s->attempts = metric_event_value(sim_server_metrics(w->server), EV_DELIVERY_ATTEMPT_START);
    s->attempts -= reports < s->attempts ? reports : s->attempts;
    if (s->kind.attempt_ms == 0 && s->attempts != w->mail_count * ATTEMPTS)
        finding(&s->world, "%llu attempts, and there should be %llu",
                (unsigned long long)s->attempts, (unsigned long long)w->mail_count * ATTEMPTS);
}

static void check_moment(struct story *s, const struct mail *m, const char *what, int64_t at_ms,
        int64_t due_ms, int64_t late_ms)
{
    int64_t late = at_ms - due_ms;
    if (late > s->late_most_ms)
        s->late_most_ms = late;
    if (late < 0 || late > late_ms)
        finding(&s->world, "mail %u: %s (%u before) at +%lld ms, and should be at +%lld ms",
                m->number, what, m->attempts, (long long)(at_ms - m->accepted_at_ms),
                (long long)(due_ms - m->accepted_at_ms));
}

// --- In the end ----------------------------------------------------------------------------------

static void check(struct story *s)
{
    for (size_t i = 0; i < s->world.mail_count; i++)
        check_mail(s, &s->world.mails[i]);
}

static void check_mail(struct story *s, const struct mail *m)
{
    const struct rcpt *r = &m->rcpts[0];
    static const int64_t marks_ms[DELAYS_MAX] = {DAY_MS, 3 * DAY_MS};
    if (r->delays != DELAYS_MAX || r->failures != 1) {
        finding(&s->world, "mail %u: %u reports of delay, %u of failure", m->number, r->delays,
                r->failures);
        return;
    }
    // A mark that passes during an attempt is looked at when that ends.
    for (size_t i = 0; i < DELAYS_MAX; i++)
        check_moment(s, m, "a report of delay", r->delay_at_ms[i], m->accepted_at_ms + marks_ms[i],
                s->kind.late_ms + s->kind.attempt_ms);
    check_moment(s, m, "the report of failure", r->failure_at_ms,
            m->accepted_at_ms + DAYS * (int64_t)DAY_MS, s->kind.late_ms + s->kind.attempt_ms);
}

static double cpu_s(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}
