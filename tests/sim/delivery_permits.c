// SPDX-License-Identifier: Apache-2.0
// tests/sim/delivery_permits.c: connections that a limiter allows (outbound.md 20). There are never
// more of them, idle ones counted; nobody waits for one that is idle; and who waits for one that is
// busy stays in memory: nothing is written of him for a minute.
//
// A slow host, whose answers take a second, has a backlog; now and then comes mail for others under
// the same limiter, and is there soon: turns end, and connections are given on.
#define POSTHASTE_BASE_ROOM // it prints
#include "delivery.h"

#include "events/record.h"

#define SLOW_MAILS 40
#define ROUNDS 5      // of mail for the others,
#define ROUND_MAILS 2 // so many each time,
#define ROUND_MS (5 * SECOND_MS)
#define DOMAINS 3 // the first is the slow one
#define END_MS (5 * MINUTE_MS)

struct kind {
    const char *name, *config;
    size_t slow_mails, open_most;
    int64_t late_ms; // mail for the others, at most
};

#define LIMITER "[[queue.limiter.outbound]]\n"

static const struct kind kinds[] = {
        {.name = "nobody waits for a connection that is idle",
                .config = LIMITER "concurrency = 1\n",
                .open_most = 1,
                .late_ms = 100},
        {.name = "one for all, and a backlog",
                .config = LIMITER "concurrency = 1\n",
                .slow_mails = SLOW_MAILS,
                .open_most = 1,
                .late_ms = 4 * SECOND_MS},
        {.name = "two for all, and a backlog",
                .config = LIMITER "concurrency = 2\n",
                .slow_mails = SLOW_MAILS,
                .open_most = 2,
                .late_ms = 4 * SECOND_MS},
        {.name = "one for what a domain sends, while it is sent",
                .config = LIMITER "concurrency = 1\nkey = 'sender_domain'\n",
                .slow_mails = SLOW_MAILS,
                .open_most = 3,
                .late_ms = 4 * SECOND_MS},
        {.name = "one for each host",
                .config = LIMITER "concurrency = 1\nkey = 'remote_ip'\n",
                .slow_mails = SLOW_MAILS,
                .open_most = 3,
                .late_ms = 200},
};

struct story {
    struct world world; // the first, because it is what its director gets
    struct kind kind;
    size_t mails;
    int64_t late_most_ms;
};

static bool tell(const struct kind *kind);
static struct err make_world(struct story *s);
static struct err direct(void *story) suspends;
static void check(struct story *s);
static void check_events(struct story *s);

int main(void)
{
    bool well = true;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        well &= tell(&kinds[i]);
    return !well;
}

static bool tell(const struct kind *kind)
{
    struct story *s = mem_new(struct story);
    assert(s != NULL);
    s->kind = *kind;
    struct world *w = &s->world;
    const struct world_plan plan = {.config = str_from_c(kind->config), .direct = direct};
    struct err e = make_world(s);
    if (!failed(e))
        e = world_tell(w, &plan);
    check(s);
    printf("%s: others have their mail after %lld ms at most, over %zu connections at once%s\n",
            kind->name, (long long)s->late_most_ms, w->open_most, w->wrong > 0 ? ": FAILED" : "");
    bool well = !failed(e) && w->wrong == 0;
    world_done(w);
    mem_free(s);
    return well;
}

static struct err make_world(struct story *s)
{
    struct world *w = &s->world;
    world_begin(w, 1, s->kind.slow_mails + ROUNDS * ROUND_MAILS, DOMAINS);
    for (size_t i = 0; i < w->mail_count; i++) {
        world_mail(w, i, 1);
        w->mails[i].rcpts[0].domain = i < s->kind.slow_mails ? 0 : 1 + i % (DOMAINS - 1);
    }
    w->host_count = DOMAINS;
    for (size_t i = 0; i < w->host_count; i++) {
        struct arena a AUTO(arena_done);
        arena_init(&a, KIB);
        w->hosts[i] = (struct host){.world = w,
                .ip = {IP_V4, {203, 0, 113, (uint8_t)(i + 1)}},
                .manner = i == 0 ? HOST_SLOW : HOST_WELL};
        TRY(world_zone_line(
                w, arena_fmt(&a, "d%zu.example", i), arena_fmt(&a, "@ A 203.0.113.%zu", i + 1)));
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
    if (s->kind.slow_mails > 0)
        TRY(post_mails(w, 0, s->kind.slow_mails, 8));
    for (size_t i = 0; i < ROUNDS; i++) {
        TRY(sim_run_ms(w->sim, ROUND_MS));
        for (size_t k = 0; k < ROUND_MAILS; k++)
            TRY(post_mails(w, s->kind.slow_mails + i * ROUND_MAILS + k, 1, 1));
    }
    TRY(sim_run_ms(w->sim, END_MS));
    check_events(s);
    return OK;
}

static void check(struct story *s)
{
    struct world *w = &s->world;
    for (size_t at = 0; at < w->attempts.len; at += sizeof(struct attempt)) {
        struct attempt seen;
        memcpy(&seen, w->attempts.ptr + at, sizeof(seen));
        int64_t late_ms = seen.at_ms - seen.rcpt->mail->accepted_at_ms;
        if (seen.rcpt->domain == 0)
            continue;
        if (late_ms > s->late_most_ms)
            s->late_most_ms = late_ms;
        if (late_ms > s->kind.late_ms)
            finding(w, "mail %u is there after %lld ms only", seen.rcpt->mail->number,
                    (long long)late_ms);
    }
    for (size_t i = 0; i < w->mail_count; i++)
        if (w->mails[i].rcpts[0].arrivals != 1)
            finding(w, "mail %zu has arrived %u times", i, w->mails[i].rcpts[0].arrivals);
    if (w->open_most > s->kind.open_most)
        finding(w, "%zu connections at once", w->open_most);
}

// Of nobody who waits is anything written.
static void check_events(struct story *s)
{
    struct str bytes;
    while (sim_server_next_event(s->world.server, &bytes)) {
        struct record r;
        if (record_take(&bytes, &r) && r.head.id == EV_QUEUE_RESCHEDULED)
            finding(&s->world, "somebody was put off");
    }
}
