// SPDX-License-Identifier: Apache-2.0
// tests/sim/hour.c: an hour in the life of a server with a thousand clients, in a second or so.
// They connect, greet, chat, think for a while and leave, from a thousand addresses; connections
// are refused and reset under them, and in the second story the server itself crashes now and then.
//
// usage: sim-hour [--seed N]
//
// Each story is told twice with one seed and once with another: the same seed must give the same
// log, to the byte, and another one another log. At the end nobody is connected any more, and the
// server has counted as many sessions ended as begun.
#define POSTHASTE_BASE_ROOM // it prints, and looks at the real clock to print what it took
#include "server.h"

#include <time.h>

#define CLIENTS 1000
#define TALK_WAIT_MS (10 * MINUTE_MS)
#define PAUSE_MOST_MS (3 * MINUTE_MS)
#define REPLY_BYTES_MAX 1024

static const struct ip server_ip = {IP_V4, {198, 51, 100, 25}};
static const struct str config = S_INIT("[server]\n"
                                        "hostname = \"mx.example.org\"\n"
                                        "[server.listener.smtp]\n"
                                        "bind = [\"[::]:25\"]\n"
                                        "protocol = \"smtp\"\n");

struct story {
    const char *name;
    struct faults faults;
    uint64_t seed;
    struct sim *sim;
    struct sim_server *server;
    struct client {
        struct story *story;
        struct ip ip;
    } clients[CLIENTS];
    size_t tries, sessions, broken, commands; // what the clients saw
    uint64_t begun, ended, starts;            // what the server saw
    uint64_t hash, lines;
};

static struct err direct(void *arg) suspends;
static struct err live(void *arg) suspends;
static struct err talk(struct client *c) suspends;
static struct err command(
        struct client *c, struct stream *s, struct str line, struct str code) suspends;
static struct err reply(struct client *c, struct stream *s, struct str code) suspends;
static struct err think(struct client *c) suspends;

static struct err direct(void *arg)
{
    struct story *story = arg;
    TRY(sim_server_start(story->server));
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *c = &story->clients[i];
        *c = (struct client){story, {IP_V4, {10, 0, (uint8_t)(i / 250), (uint8_t)(i % 250 + 1)}}};
        TRY(sim_spawn(story->sim, live, c));
    }
    sim_faults(story->sim, story->faults);
    TRY(sim_run_ms(story->sim, HOUR_MS));
    sim_heal(story->sim);
    TRY(sim_run_ms(story->sim, MINUTE_MS));
    return OK;
}

// One client: it begins at some moment, and stops beginning when the hour is nearly over.
static struct err live(void *arg)
{
    struct client *c = arg;
    TRY(think(c));
    while (now_ms() < HOUR_MS - TALK_WAIT_MS - PAUSE_MOST_MS) {
        c->story->tries++;
        struct err e = talk(c);
        if (e.kind == ERR_CANCELLED)
            return e;
        if (failed(e))
            c->story->broken++;
        else
            c->story->sessions++;
        TRY(think(c));
    }
    return OK;
}

static struct err talk(struct client *c)
{
    struct stream *s AUTO(stream_close_auto) = NULL;
    struct endpoint to = {.ip = server_ip, .port = 25};
    size_t noops = sim_below(c->story->sim, 4);
    within_ms(TALK_WAIT_MS);
    TRY(net_connect(&to, &(struct connect_options){.from = c->ip}, &s));
    TRY(reply(c, s, S("220")));
    TRY(command(c, s, S("EHLO client.example\r\n"), S("250")));
    for (size_t i = 0; i < noops; i++) {
        TRY(think(c));
        TRY(command(c, s, S("NOOP\r\n"), S("250")));
    }
    TRY(command(c, s, S("RSET\r\n"), S("250")));
    return command(c, s, S("QUIT\r\n"), S("221"));
}

static struct err think(struct client *c)
{
    return task_sleep_ms((int64_t)sim_below(c->story->sim, PAUSE_MOST_MS));
}

static struct err command(struct client *c, struct stream *s, struct str line, struct str code)
{
    TRY(stream_write(s, line));
    TRY(stream_flush(s));
    c->story->commands++;
    return reply(c, s, code);
}

static struct err reply(struct client *c UNUSED, struct stream *s, struct str code)
{
    for (;;) {
        struct str line;
        TRY(stream_until(s, S("\r\n"), REPLY_BYTES_MAX, &line));
        if (!str_starts(line, code))
            return fail(ERR_REFUSED, "another reply than the one expected");
        if (line.ptr[3] == ' ')
            return OK;
    }
}

// --- Telling it ----------------------------------------------------------------------------------

static struct err tell(struct story *story)
{
    struct sim_server_options options = {
            .name = S("mx.example.org"), .ips = {server_ip}, .ip_count = 1, .config = config};
    story->sim = sim_new(story->seed);
    assert(story->sim != NULL);
    sim_wire_set(story->sim, &(struct sim_wire){.latency_us = 20000, .jitter_us = 30000});
    struct err e = sim_server_add(story->sim, &options, &story->server);
    if (!failed(e))
        e = sim_run(story->sim, direct, story);
    if (!failed(e)) {
        const struct metrics *m = sim_server_metrics(story->server);
        story->begun = metric_event_value(m, EV_SMTP_CONNECTION_START);
        story->ended = metric_event_value(m, EV_SMTP_CONNECTION_END);
        story->starts = sim_node_starts(sim_server_node(story->server));
        story->hash = sim_log_hash(story->sim);
        story->lines = sim_log_count(story->sim);
    }
    sim_server_free(story->server);
    sim_free(story->sim);
    return e;
}

static int64_t cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static size_t check(bool fine, const char *what, const struct story *story)
{
    if (fine)
        return 0;
    printf("%s: FAILED: %s\n  to see it again: script/test 'sim hour' -- --seed %llu\n",
            story->name, what, (unsigned long long)story->seed);
    return 1;
}

static size_t check_story(const struct story *s)
{
    bool crashes = s->faults.crash_mean_ms > 0;
    size_t failures = 0;
    failures += check(s->sessions > CLIENTS, "some sessions of every client end well", s);
    failures += check(s->broken > 0, "some connections break", s);
    failures += check(s->sessions + s->broken == s->tries, "every try ends", s);
    failures += check(crashes || s->begun == s->ended, "the server ends what it began", s);
    failures += check(s->begun >= s->sessions, "the server has seen every session", s);
    failures += check(crashes == (s->starts > 1), "the server crashes when it shall", s);
    return failures;
}

static size_t run(const char *name, struct faults faults, uint64_t seed)
{
    struct story *all = mem_bytes(3 * sizeof(struct story));
    size_t failures = 0;
    assert(all != NULL);
    for (size_t i = 0; i < 3; i++) {
        struct story *s = &all[i];
        int64_t began_ms = cpu_ms();
        *s = (struct story){.name = name, .faults = faults, .seed = seed + (i == 2)};
        struct err e = tell(s);
        if (failed(e))
            printf("%s: %.*s\n", name, ARG(err_text(e)));
        failures += check(!failed(e), "the story can be told", s);
        printf("%s: seed %llu: %zu sessions, %zu broken, %zu commands, %llu starts, %llu lines of "
               "log, hash %016llx, %lld ms of CPU\n",
                name, (unsigned long long)s->seed, s->sessions, s->broken, s->commands,
                (unsigned long long)s->starts, (unsigned long long)s->lines,
                (unsigned long long)s->hash, (long long)(cpu_ms() - began_ms));
        failures += check_story(s);
    }
    failures += check(all[0].hash == all[1].hash, "the same seed gives the same log", &all[0]);
    failures += check(all[0].hash != all[2].hash, "another seed gives another log", &all[0]);
    mem_free(all);
    return failures;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1;
    if (argc == 3 && str_eq(str_from_c(argv[1]), S("--seed")) &&
            !str_to_u64(str_from_c(argv[2]), UINT64_MAX - 1, &seed))
        return 64;
    size_t failed_resets =
            run("resets", (struct faults){.reset_permille = 5, .refuse_permille = 20}, seed);
    size_t failed_crashes = run("crashes",
            (struct faults){.reset_permille = 2,
                    .crash_mean_ms = 2 * MINUTE_MS,
                    .down_mean_ms = 10 * SECOND_MS,
                    .silent_permille = 300,
                    .cut_mean_ms = 5 * MINUTE_MS,
                    .cut_for_ms = 20 * SECOND_MS},
            seed);
    int failed_count = (failed_resets > 0) + (failed_crashes > 0);
    printf("%d passed, %d failed\n", 2 - failed_count, failed_count);
    return failed_count > 0;
}
