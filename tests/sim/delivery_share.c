// SPDX-License-Identifier: Apache-2.0
// tests/sim/delivery_share.c: a host that is slow keeps nobody else waiting (queue.md 6.2). There is
// a backlog for hosts that take a second for each message, minutes of it for the slots that there
// are; now and then comes mail for hosts that answer well, and is there soon.
//
// One slow destination never has all slots (GREED in deliver/dispatch.c), so others go at once. Where
// several of them together have all, their couriers end their turns (TURN_MS there).
#define POSTHASTE_BASE_ROOM // it prints
#include "delivery.h"

#define CONFIG "[queue.virtual.remote]\nthreads-per-node = 5\n"
#define SLOW_MAILS 600 // two minutes for all slots, and more
#define ROUNDS 5       // of mail for the others,
#define ROUND_MAILS 4  // so many each time,
#define ROUND_MS (7 * SECOND_MS)
#define MAILS (SLOW_MAILS + ROUNDS * ROUND_MAILS)
#define WELL_DOMAINS 2
#define BACKLOG_MS (60 * SECOND_MS) // that must be left when the others have theirs
#define END_MS (20 * MINUTE_MS)

struct kind {
    const char *name;
    size_t slow_domains;
    int64_t late_ms; // mail for the others, at most
};

// Seven: a turn of each in five slots, and that of another for each of the well.
static const struct kind kinds[] = {
        {.name = "one slow destination", .slow_domains = 1, .late_ms = 100},
        {.name = "more of them than slots", .slow_domains = 7, .late_ms = 4 * SECOND_MS},
};

struct story {
    struct world world; // the first, because it is what its director gets
    struct kind kind;
    int64_t late_most_ms, slow_end_ms, well_end_ms;
};

static bool tell(const struct kind *kind);
static struct err make_world(struct story *s);
static struct err direct(void *story) suspends;
static bool is_slow(const struct story *s, const struct rcpt *r);
static void check(struct story *s);
static void check_attempt(struct story *s, const struct attempt *seen);

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
    const struct world_plan plan = {.config = S(CONFIG), .direct = direct};
    struct err e = make_world(s);
    if (!failed(e))
        e = world_tell(w, &plan);
    check(s);
    printf("%s: others have their mail after %lld ms at most, and the backlog lasts for another "
           "%lld s%s\n",
            kind->name, (long long)s->late_most_ms,
            (long long)(s->slow_end_ms - s->well_end_ms) / SECOND_MS,
            w->wrong > 0 ? ": FAILED" : "");
    bool well = !failed(e) && w->wrong == 0;
    world_done(w);
    mem_free(s);
    return well;
}

static struct err make_world(struct story *s)
{
    struct world *w = &s->world;
    world_begin(w, 1, MAILS, s->kind.slow_domains + WELL_DOMAINS);
    for (size_t i = 0; i < MAILS; i++) {
        world_mail(w, i, 1);
        w->mails[i].rcpts[0].domain =
                i < SLOW_MAILS ? i % s->kind.slow_domains : s->kind.slow_domains + i % WELL_DOMAINS;
    }
    w->host_count = 2;
    for (size_t i = 0; i < w->host_count; i++)
        w->hosts[i] = (struct host){.world = w,
                .ip = {IP_V4, {203, 0, 113, (uint8_t)(i + 1)}},
                .manner = i == 0 ? HOST_WELL : HOST_SLOW};
    for (size_t i = 0; i < w->domain_count; i++) {
        struct arena a AUTO(arena_done);
        arena_init(&a, KIB);
        TRY(world_zone_line(w, arena_fmt(&a, "d%zu.example", i),
                i < s->kind.slow_domains ? S("@ A 203.0.113.2") : S("@ A 203.0.113.1")));
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
    TRY(post_mails(w, 0, SLOW_MAILS, 8));
    for (size_t i = 0; i < ROUNDS; i++) {
        TRY(sim_run_ms(w->sim, ROUND_MS));
        TRY(post_mails(w, SLOW_MAILS + i * ROUND_MAILS, ROUND_MAILS, 1));
    }
    return sim_run_ms(w->sim, END_MS);
}

static bool is_slow(const struct story *s, const struct rcpt *r)
{
    return r->domain < s->kind.slow_domains;
}

static void check(struct story *s)
{
    struct world *w = &s->world;
    for (size_t at = 0; at < w->attempts.len; at += sizeof(struct attempt)) {
        struct attempt seen;
        memcpy(&seen, w->attempts.ptr + at, sizeof(seen));
        check_attempt(s, &seen);
    }
    for (size_t i = 0; i < w->mail_count; i++)
        if (w->mails[i].rcpts[0].arrivals != 1)
            finding(w, "mail %zu has arrived %u times", i, w->mails[i].rcpts[0].arrivals);
    if (s->slow_end_ms - s->well_end_ms < BACKLOG_MS)
        finding(w, "the backlog was no backlog");
}

static void check_attempt(struct story *s, const struct attempt *seen)
{
    const struct mail *m = seen->rcpt->mail;
    int64_t late_ms = seen->at_ms - m->accepted_at_ms;
    if (is_slow(s, seen->rcpt)) {
        s->slow_end_ms = seen->at_ms;
        return;
    }
    s->well_end_ms = seen->at_ms;
    if (late_ms > s->late_most_ms)
        s->late_most_ms = late_ms;
    if (late_ms > s->kind.late_ms)
        finding(&s->world, "mail %u is there after %lld ms only", m->number, (long long)late_ms);
}
