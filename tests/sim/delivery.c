// SPDX-License-Identifier: Apache-2.0
// tests/sim/delivery.c: mail that was accepted is not lost, whatever happens on its way out. Hosts
// lie at any stage in any way; connections break, addresses cannot be reached for a while; the
// server is killed in the midst of deliveries, its disk fails, generations take over from each
// other. Then all is well again, and each recipient must have got the message, or its sender a
// report with a reason; a message that a host has, and that the host saw us know of, never comes
// again (queue.md 1.4).
//
// usage: sim-delivery [--seeds N] [--seed FIRST] [--jobs N] [--tell]
//
// A seed has either nothing but lying hosts, or trouble of the server and the network as well.
#define POSTHASTE_BASE_ROOM // it prints
#include "delivery.h"

#include "events/record.h"
#include "queue/unit.h"
#include "seeds.h"

#define SEEDS 60
#define MAILS 30
#define DOMAINS 6
#define HOSTS 7 // the first is the senders'
#define TROUBLE_MS (3 * HOUR_MS)
#define PAUSE_MOST_MS (10 * MINUTE_MS)
#define DOWN_MOST_MS (5 * MINUTE_MS)
#define REST_DAYS 6
#define LOOK_BYTES_MAX (16 * MIB)
#define OVERDUE_MS (3 * HOUR_MS) // an attempt may take two hours: queue.connection.<id>.timeout
#define ATTEMPTS_AN_HOUR 60      // of a recipient; the schedule wants 5 in the first
#define KINDS_MOST 4             // of trouble in one seed

enum trouble {
    TROUBLE_KILL,
    TROUBLE_MACHINE, // it dies, and nobody hears of it
    TROUBLE_DISK,
    TROUBLE_DISK_BROKEN,
    TROUBLE_DISK_FULL,
    TROUBLE_CUT,
    TROUBLE_RELOAD,
    TROUBLE_STOP,
    TROUBLES,
};

static bool run_one(uint64_t seed, bool tells, struct seed_figures *totals);
static struct err make_world(struct world *w);
static struct err direct(void *world) suspends;
static struct err make_trouble(
        struct world *w, const enum trouble *kinds, size_t kind_count) suspends MUST_USE;
static struct err trouble(struct world *w, enum trouble what) suspends MUST_USE;
static struct err break_disk(struct world *w, enum sim_disk how, int64_t most_ms) suspends MUST_USE;
static struct err come_up(struct world *w) suspends MUST_USE;
static struct err stop(struct world *w) suspends MUST_USE;
static void tell_events(struct world *w);
static void check_half_time(struct world *w) suspends;
static void check_queue(struct world *w, struct store *store, struct arena *a) suspends;
static struct err rest(struct world *w) suspends MUST_USE;
static uint64_t waiting(struct world *w) suspends;
static void check_mail(struct world *w, const struct mail *m);
static void check_rcpt(struct world *w, const struct rcpt *r);
static bool was_refused(const struct world *w, const struct rcpt *r);
static void check_attempts(struct world *w);

static uint64_t below(struct world *w, uint64_t bound)
{
    return prng_below(&w->chance, bound);
}

int main(int argc, char **argv)
{
    static const char *const words[FIGURES] = {"recipients reached", "given back",
            "reached once more", "attempts", "lies", "crashes", "reloads", "failures of the disk",
            "cuts"};
    const struct seeds seeds = {.name = "sim delivery",
            .main = run_one,
            .count = SEEDS,
            .figures = words,
            .figure_count = FIGURES};
    return seeds_run(&seeds, argc, argv);
}

static bool run_one(uint64_t seed, bool tells, struct seed_figures *totals)
{
    struct world *w = mem_new(struct world);
    assert(w != NULL);
    w->seed = seed;
    w->says = tells;
    const struct world_plan plan = {.config = S(""), .direct = direct};
    struct err e = make_world(w);
    if (!failed(e))
        e = world_tell(w, &plan);
    for (size_t i = 0; i < w->mail_count && !failed(e); i++)
        check_mail(w, &w->mails[i]);
    for (size_t i = 0; i < FIGURES; i++)
        totals->of[i] += w->figures[i];
    bool well = !failed(e) && w->wrong == 0;
    world_done(w);
    mem_free(w);
    return well;
}

static struct err make_world(struct world *w)
{
    world_begin(w, w->seed, MAILS, DOMAINS);
    w->is_calm = w->seed % 2 == 0;
    sim_wire_set(w->sim, &(struct sim_wire){.latency_us = 5000, .jitter_us = 20000});
    for (size_t i = 0; i < MAILS; i++) {
        struct mail *m = &w->mails[i];
        world_mail(w, i, 1 + below(w, MAIL_RCPTS_MAX));
        m->has_no_sender = below(w, 8) == 0;
        for (size_t j = 0; j < m->rcpt_count && below(w, 2) == 0; j++)
            m->rcpts[j].domain = m->rcpts[0].domain; // one unit of several
    }
    w->host_count = HOSTS;
    for (size_t i = 0; i < HOSTS; i++)
        w->hosts[i] = (struct host){.world = w,
                .ip = {IP_V4, {203, 0, 113, (uint8_t)(i + 1)}},
                .manner = HOST_LYING,
                .is_home = i == 0};
    TRY(world_zone_line(w, S("home.example"), S("@ A 203.0.113.1")));
    for (size_t i = 0; i < DOMAINS; i++) {
        struct arena a AUTO(arena_done);
        arena_init(&a, 4 * KIB);
        struct str domain = arena_fmt(&a, "d%zu.example", i);
        TRY(world_zone_line(w, domain, S("@ MX 10 mx1")));
        TRY(world_zone_line(w, domain, arena_fmt(&a, "mx1 A 203.0.113.%zu", i + 2)));
        if (i % 2 == 0)
            continue;
        TRY(world_zone_line(w, domain, S("@ MX 20 mx2")));
        TRY(world_zone_line(
                w, domain, arena_fmt(&a, "mx2 A 203.0.113.%zu", (i + 1) % DOMAINS + 2)));
    }
    return OK;
}

static struct err direct(void *arg)
{
    struct world *w = arg;
    enum trouble kinds[KINDS_MOST];
    TRY(sim_server_start(w->server));
    TRY(world_open_hosts(w));
    TRY(sim_run_ms(w->sim, SECOND_MS));
    TRY(post_mails(w, 0, w->mail_count, 4));
    if (!w->is_calm && below(w, 2) == 0)
        sim_faults(w->sim, (struct faults){.reset_permille = 5, .refuse_permille = 50});
    size_t kind_count = 1 + below(w, KINDS_MOST);
    for (size_t i = 0; i < kind_count; i++)
        kinds[i] = (enum trouble)below(w, TROUBLES);
    while (now_ms() < TROUBLE_MS) {
        tell_events(w);
        TRY(sim_run_ms(w->sim, (int64_t)below(w, PAUSE_MOST_MS)));
        if (!w->is_calm)
            TRY(make_trouble(w, kinds, kind_count));
    }
    sim_heal(w->sim);
    sim_server_disk(w->server, SIM_DISK_WELL);
    TRY(come_up(w));
    note(w, "all is well");
    check_half_time(w);
    for (size_t i = 0; i < w->host_count; i++)
        w->hosts[i].manner = HOST_WELL;
    return rest(w);
}

// --- Trouble -------------------------------------------------------------------------------------

static struct err make_trouble(struct world *w, const enum trouble *kinds, size_t kind_count)
{
    if (!sim_server_is_up(w->server)) {
        TRY(sim_run_ms(w->sim, (int64_t)below(w, DOWN_MOST_MS)));
        return come_up(w);
    }
    return trouble(w, kinds[below(w, kind_count)]);
}

static struct err trouble(struct world *w, enum trouble what)
{
    const struct ip *ip = &w->hosts[below(w, w->host_count)].ip;
    switch (what) {
    case TROUBLE_KILL:
    case TROUBLE_MACHINE:
        note(w, "the server dies");
        w->figures[FIGURE_CRASHES]++;
        sim_server_crash(w->server, what == TROUBLE_KILL ? SIM_CRASH_RESET : SIM_CRASH_SILENT);
        return OK;
    case TROUBLE_DISK:
        w->figures[FIGURE_FAILURES]++;
        sim_server_disk(w->server, SIM_DISK_FAILS);
        return OK;
    case TROUBLE_DISK_BROKEN:
        return break_disk(w, SIM_DISK_BROKEN, 20 * SECOND_MS);
    case TROUBLE_DISK_FULL:
        return break_disk(w, SIM_DISK_FULL, 10 * MINUTE_MS);
    case TROUBLE_CUT:
        note(w, "host %u cannot be reached", ip->bytes[3]);
        w->figures[FIGURE_CUTS]++;
        sim_cut(w->sim, ip);
        TRY(sim_run_ms(w->sim, (int64_t)below(w, 20 * MINUTE_MS)));
        sim_cut_heal(w->sim, ip);
        return OK;
    case TROUBLE_RELOAD:
        note(w, "reload");
        w->figures[FIGURE_RELOADS]++;
        (void)!failed(sim_server_reload(w->server));
        return OK;
    case TROUBLE_STOP:
        note(w, "stop");
        return stop(w);
    case TROUBLES:
        break;
    }
    return OK;
}

static struct err break_disk(struct world *w, enum sim_disk how, int64_t most_ms)
{
    note(w, "the disk fails");
    w->figures[FIGURE_FAILURES]++;
    sim_server_disk(w->server, how);
    TRY(sim_run_ms(w->sim, (int64_t)below(w, (uint64_t)most_ms)));
    sim_server_disk(w->server, SIM_DISK_WELL);
    return OK;
}

static struct err come_up(struct world *w)
{
    while (!sim_server_is_up(w->server)) {
        note(w, "start");
        struct err e = sim_server_start(w->server);
        if (e.kind == ERR_CONFIG)
            return e;
        if (failed(e))
            TRY(sim_run_ms(w->sim, SECOND_MS));
    }
    return OK;
}

static struct err stop(struct world *w)
{
    sim_server_drain(w->server);
    while (sim_server_is_up(w->server))
        TRY(sim_run_ms(w->sim, SECOND_MS));
    return OK;
}

// What the server says of it all, late.
static void tell_events(struct world *w)
{
    struct str bytes;
    struct record record;
    while (w->says && sim_server_next_event(w->server, &bytes)) {
        if (!record_take(&bytes, &record))
            continue;
        printf("%13.3f   %.*s", (double)(record.head.at_ms - SIM_WALL_MS) / 1e3,
                ARG(event_row(record.head.id)->name));
        for (struct field_value v; record_next_field(&record.fields, &v);)
            if (!str_is_empty(v.text))
                printf(" %.*s", ARG(str_upto(v.text, 60)));
            else if (v.field == FIELD_queueId)
                printf(" %016llx", (unsigned long long)v.is.number);
        printf("\n");
    }
}

// --- In the middle -------------------------------------------------------------------------------

// Whoever has neither got the message nor been refused waits in the queue, and not for ever.
static void check_half_time(struct world *w)
{
    struct arena a AUTO(arena_done);
    struct sim_queue look;
    arena_init(&a, LOOK_BYTES_MAX);
    check_attempts(w);
    struct err e = sim_server_queue(w->server, &a, &look);
    if (failed(e)) {
        finding(w, "the queue cannot be read: %.*s", ARG(err_text(e)));
        return;
    }
    check_queue(w, look.store, &a);
    sim_server_queue_end(&look);
}

static void check_queue(struct world *w, struct store *store, struct arena *a)
{
    for (size_t i = 0; i < w->mail_count; i++) {
        const struct mail *m = &w->mails[i];
        struct message found;
        struct err e = store_read(store, a, m->id, STORE_WITHOUT_BODY, &found);
        for (size_t j = 0; j < m->rcpt_count && failed(e); j++)
            if (m->rcpts[j].arrivals == 0 && !was_refused(w, &m->rcpts[j]))
                finding(w, "mail %u: recipient %zu has nothing, and the queue neither", m->number,
                        j);
        for (size_t j = 0; !failed(e) && j < found.unit_count; j++)
            if (!unit_is_final(&found.units[j]) && found.units[j].due_ms < wall_ms() - OVERDUE_MS)
                finding(w, "mail %u: unit %zu is overdue by %lld s", m->number, j,
                        (long long)(wall_ms() - found.units[j].due_ms) / SECOND_MS);
    }
}

// No busy loop.
static void check_attempts(struct world *w)
{
    int64_t hours = now_ms() / HOUR_MS + 1;
    uint64_t most = ATTEMPTS_AN_HOUR * (uint64_t)hours;
    for (size_t at = 0; at < w->attempts.len; at += sizeof(struct attempt)) {
        struct attempt seen;
        memcpy(&seen, w->attempts.ptr + at, sizeof(seen));
        seen.rcpt->mail->attempts++;
        w->figures[FIGURE_ATTEMPTS]++;
    }
    for (size_t i = 0; i < w->mail_count; i++)
        if (w->mails[i].attempts > most * w->mails[i].rcpt_count)
            finding(w, "mail %zu was tried %u times", i, w->mails[i].attempts);
}

// --- In the end ----------------------------------------------------------------------------------

static struct err rest(struct world *w)
{
    uint64_t left = 1;
    for (int64_t end_ms = now_ms() + REST_DAYS * (int64_t)DAY_MS; now_ms() < end_ms && left > 0;) {
        TRY(sim_run_ms(w->sim, HOUR_MS));
        left = waiting(w);
        tell_events(w);
    }
    if (left > 0)
        finding(w, "%llu messages are still in the queue", (unsigned long long)left);
    return OK;
}

static uint64_t waiting(struct world *w)
{
    struct arena a AUTO(arena_done);
    struct sim_queue look;
    struct store_figures figures = {.messages = UINT64_MAX};
    arena_init(&a, MIB);
    struct err e = sim_server_queue(w->server, &a, &look);
    if (failed(e))
        return UINT64_MAX;
    (void)!failed(store_figures(look.store, &figures));
    sim_server_queue_end(&look);
    return figures.messages;
}

static void check_mail(struct world *w, const struct mail *m)
{
    for (size_t i = 0; i < m->rcpt_count; i++)
        check_rcpt(w, &m->rcpts[i]);
}

static void check_rcpt(struct world *w, const struct rcpt *r)
{
    size_t place = (size_t)(r - r->mail->rcpts);
    w->figures[FIGURE_ARRIVED] += r->arrivals > 0;
    w->figures[FIGURE_BOUNCED] += r->failures > 0;
    if (r->failures > 0 && !was_refused(w, r))
        finding(w, "r%u.%zu is given back for no reason", r->mail->number, place);
    if (r->failures > 0 && r->arrivals > 0 && r->was_honest && w->is_calm)
        finding(w, "r%u.%zu has arrived, and is given back", r->mail->number, place);
    if (r->failures > 1 && w->is_calm && r->mail->has_no_sender)
        finding(w, "r%u.%zu has no sender, who is told", r->mail->number, place);
    if (r->arrivals > 0 || r->failures > 0)
        return;
    // Nobody is told of a message without sender.
    if (!was_refused(w, r) || !r->mail->has_no_sender)
        finding(w, "r%u.%zu is lost", r->mail->number, place);
}

static bool was_refused(const struct world *w, const struct rcpt *r)
{
    size_t host = r->domain + 1, other = r->domain % 2 == 0 ? host : (r->domain + 1) % DOMAINS + 1;
    return r->refused || w->hosts[host].has_refused_all || w->hosts[other].has_refused_all;
}
