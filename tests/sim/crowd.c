// SPDX-License-Identifier: Apache-2.0
// tests/sim/crowd.c: thirty thousand clients are connected to one worker at the same time, say
// nothing for minutes, and are then all still there. On the simulated network no descriptors are
// needed, which real systems may not give to one process; tasks, stacks, timers and counters are
// those of a real worker.
#define POSTHASTE_BASE_ROOM // it prints
#include "server.h"

#include <time.h>

#define CROWD 30000
#define IDLE_MS (4 * MINUTE_MS) // a little less than a server waits for a command
#define TALK_WAIT_MS (10 * MINUTE_MS)
#define REPLY_BYTES_MAX 1024

static const struct ip server_ip = {IP_V4, {198, 51, 100, 25}};
static const struct str config = S_INIT("[global]\n"
                                        "io-threads = 1\n"
                                        "[server]\n"
                                        "hostname = \"mx.example.org\"\n"
                                        "max-connections = 31000\n"
                                        "[server.listener.smtp]\n"
                                        "bind = [\"[::]:25\"]\n"
                                        "protocol = \"smtp\"\n");

struct crowd {
    struct sim *sim;
    struct sim_server *server;
    struct stream *streams[CROWD];
    size_t greeted, answered, left;
    uint64_t active, begun, ended;
};

static struct err direct(void *arg) suspends;
static struct err all_come(struct crowd *c) suspends;
static struct err all_answer(struct crowd *c) suspends;
static struct err say(struct stream *s, struct str line, struct str code) suspends;
static struct err hear(struct stream *s, struct str code) suspends;

static struct err direct(void *arg)
{
    struct crowd *c = arg;
    const struct metrics *m = sim_server_metrics(c->server);
    TRY(sim_server_start(c->server));
    within_ms(TALK_WAIT_MS);
    TRY(all_come(c));
    TRY(task_sleep_ms(IDLE_MS));
    c->begun = metric_event_value(m, EV_SMTP_CONNECTION_START);
    c->active = c->begun - metric_event_value(m, EV_SMTP_CONNECTION_END);
    TRY(all_answer(c));
    TRY(task_sleep_ms(SECOND_MS));
    c->ended = metric_event_value(m, EV_SMTP_CONNECTION_END);
    return OK;
}

static struct err all_come(struct crowd *c)
{
    struct endpoint to = {.ip = server_ip, .port = 25};
    for (size_t i = 0; i < CROWD; i++) {
        struct ip from = {IP_V4, {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
        TRY(net_connect(&to, &(struct connect_options){.from = from}, &c->streams[i]));
        TRY(hear(c->streams[i], S("220")));
        c->greeted++;
    }
    return OK;
}

static struct err all_answer(struct crowd *c)
{
    for (size_t i = 0; i < CROWD; i++) {
        TRY(say(c->streams[i], S("NOOP\r\n"), S("250")));
        c->answered++;
        TRY(say(c->streams[i], S("QUIT\r\n"), S("221")));
        c->left++;
        stream_close(c->streams[i]);
        c->streams[i] = NULL;
    }
    return OK;
}

static struct err say(struct stream *s, struct str line, struct str code)
{
    TRY(stream_write(s, line));
    TRY(stream_flush(s));
    return hear(s, code);
}

static struct err hear(struct stream *s, struct str code)
{
    struct str line;
    TRY(stream_until(s, S("\r\n"), REPLY_BYTES_MAX, &line));
    return str_starts(line, code) ? OK : fail(ERR_REFUSED, "another reply than the one expected");
}

static struct err tell(struct crowd *c)
{
    struct sim_server_options options = {
            .name = S("mx.example.org"), .ips = {server_ip}, .ip_count = 1, .config = config};
    c->sim = sim_new(1);
    assert(c->sim != NULL);
    sim_wire_set(c->sim, &(struct sim_wire){.latency_us = 50});
    struct err e = sim_server_add(c->sim, &options, &c->server);
    if (!failed(e))
        e = sim_run(c->sim, direct, c);
    sim_server_free(c->server);
    sim_free(c->sim);
    return e;
}

static size_t check(const char *what, uint64_t got)
{
    if (got == CROWD)
        return 0;
    printf("FAILED: %s: %llu of %d\n", what, (unsigned long long)got, CROWD);
    return 1;
}

int main(void)
{
    struct crowd *c = mem_new(struct crowd);
    assert(c != NULL);
    struct err e = tell(c);
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    if (failed(e))
        printf("%.*s\n", ARG(err_text(e)));
    size_t failures = failed(e);
    failures += check("greeted", c->greeted);
    failures += check("begun, as the server counts", c->begun);
    failures += check("connected at the same time", c->active);
    failures += check("answered after minutes of silence", c->answered);
    failures += check("left", c->left);
    failures += check("ended, as the server counts", c->ended);
    printf("%d sessions at once on one worker, %lld ms of CPU for all of it\n", CROWD,
            (long long)cpu.tv_sec * 1000 + cpu.tv_nsec / 1000000);
    printf("%d passed, %d failed\n", failures == 0, failures > 0);
    mem_free(c);
    return failures > 0;
}
