// SPDX-License-Identifier: Apache-2.0
// tests/sim/intake.c: nothing acknowledged is lost. A server takes mail while everything goes wrong
// that the seed can think of: the process is killed and the power cut, between any two calls to the
// disk and within them; writes, syncs and names fail, once or for a while; the disk is full;
// connections break, clients leave in the midst of a message; generations take over from each
// other. Then all is well again, and the queue is compared with what the clients were told.
//
// usage: sim-intake [--seeds N] [--seed FIRST] [--jobs N] [--tell]
//
// How seeds are run: seeds.h.
#define POSTHASTE_BASE_ROOM // it prints
#include "intake.h"

#include "intake_disk.h"
#include "seeds.h"

#include <errno.h>

#define SEEDS 250
#define TROUBLE_MS (25 * SECOND_MS)
#define PAUSE_MOST_MS 1500
#define KINDS_MOST 4 // of trouble in one seed
#define DOWN_MOST_MS 3000
#define SEGMENT_BYTES_SMALL (256 * KIB)
#define LAST_WAIT_MS (20 * MINUTE_MS)

const struct ip intake_ip = {IP_V4, {198, 51, 100, 25}};
static const struct str config = S_INIT("[server]\n"
                                        "hostname = \"mx.example.org\"\n"
                                        "[server.listener.smtp]\n"
                                        "bind = [\"[::]:25\"]\n"
                                        "protocol = \"smtp\"\n"
                                        "[server.listener.lmtp]\n"
                                        "bind = [\"[::]:24\"]\n"
                                        "protocol = \"lmtp\"\n"
                                        "[session.auth]\n"
                                        "require = false\n"
                                        "[session.rcpt]\n"
                                        "relay = true\n"
                                        "allow-open-relay = true\n");

enum trouble {
    TROUBLE_KILL,
    TROUBLE_POWER,
    TROUBLE_KILL_IN_CALL,
    TROUBLE_POWER_IN_CALL,
    TROUBLE_ONE_FAILURE,
    TROUBLE_FAILURES,
    TROUBLE_BROKEN,
    TROUBLE_FULL,
    TROUBLE_RELOAD,
    TROUBLE_STOP,
    TROUBLES,
};

static bool run_one(uint64_t seed, bool tells, struct seed_figures *totals);
static struct err tell(struct intake *in);
static struct err direct(void *intake) suspends;
static struct err make_trouble(
        struct intake *in, const enum trouble *kinds, size_t kind_count) suspends;
static struct err trouble(struct intake *in, enum trouble what) suspends;
static void fail_some(struct intake *in, uint64_t most_calls);
static struct err stop(struct intake *in) suspends;
static struct err come_up(struct intake *in) suspends;
static struct err execute(void *intake) suspends;

static bool run_one(uint64_t seed, bool tells, struct seed_figures *totals)
{
    struct intake *in = mem_new(struct intake);
    assert(in != NULL);
    in->seed = seed;
    in->says = tells;
    prng_seed(&in->chance, seed);
    for (size_t i = 0; i < MAILS; i++) {
        in->mails[i].number = (uint32_t)i;
        mail_plan(in, &in->mails[i]);
    }
    for (size_t i = 0; i < CLIENTS; i++)
        in->clients[i] = (struct client){in, i, {IP_V4, {10, 0, 0, (uint8_t)(i + 1)}}};
    struct err e = tell(in);
    if (failed(e))
        intake_finding(in, "%.*s", ARG(err_text(e)));
    for (size_t i = 0; i < FIGURES; i++)
        totals->of[i] += in->figures.of[i];
    bool well = in->wrong == 0;
    mem_free(in);
    return well;
}

static struct err tell(struct intake *in)
{
    struct sim_server_options options = {.name = S("mx.example.org"),
            .ips = {intake_ip},
            .ip_count = 1,
            .config = config,
            .segment_bytes = SEGMENT_BYTES_SMALL};
    in->sim = sim_new(in->seed);
    assert(in->sim != NULL);
    sim_wire_set(in->sim, &(struct sim_wire){.latency_us = 5000, .jitter_us = 20000});
    struct err e = sim_server_add(in->sim, &options, &in->server);
    if (!failed(e)) {
        disk_begin(sim_server_folder(in->server), in->seed, in->says);
        e = sim_run(in->sim, direct, in);
        in->figures.of[FIGURE_CALLS] = disk_calls();
        disk_done();
    }
    if (failed(e))
        printf("%.*s", ARG(sim_server_trouble(in->server)));
    sim_server_free(in->server);
    sim_free(in->sim);
    return e;
}

static struct err direct(void *arg)
{
    struct intake *in = arg;
    struct group sending AUTO(group_end), ending AUTO(group_end);
    group_begin(&sending);
    group_begin(&ending);
    waitq_init(&in->disk_ended);
    TRY(group_spawn(&ending, execute, in));
    TRY(sim_server_start(in->server));
    for (size_t i = 0; i < CLIENTS; i++)
        TRY(group_spawn(&sending, client_main, &in->clients[i]));
    if (prng_below(&in->chance, 2) == 0)
        sim_faults(in->sim, (struct faults){.reset_permille = 3, .refuse_permille = 50});
    enum trouble kinds[KINDS_MOST];
    size_t kind_count = 1 + prng_below(&in->chance, KINDS_MOST);
    for (size_t i = 0; i < kind_count; i++)
        kinds[i] = (enum trouble)prng_below(&in->chance, TROUBLES);
    while (now_ms() < TROUBLE_MS && sending.count > 0) {
        TRY(task_sleep_ms((int64_t)prng_below(&in->chance, PAUSE_MOST_MS)));
        TRY(make_trouble(in, kinds, kind_count));
    }
    sim_heal(in->sim);
    disk_fail(&(struct disk_faults){0});
    disk_end_at(0, DISK_KILLED, NULL);
    sim_server_disk(in->server, SIM_DISK_WELL);
    intake_note(in, "all is well");
    TRY(come_up(in));
    within_ms(LAST_WAIT_MS);
    TRY(group_wait_all(&sending));
    TRY(task_sleep_ms(3 * SECOND_MS));
    TRY(stop(in));
    return intake_check(in);
}

static struct err make_trouble(struct intake *in, const enum trouble *kinds, size_t kind_count)
{
    if (!sim_server_is_up(in->server)) {
        TRY(task_sleep_ms((int64_t)prng_below(&in->chance, DOWN_MOST_MS)));
        return come_up(in);
    }
    return trouble(in, kinds[prng_below(&in->chance, kind_count)]);
}

static struct err trouble(struct intake *in, enum trouble what)
{
    uint64_t soon = disk_calls() + 1 + prng_below(&in->chance, 60);
    switch (what) {
    case TROUBLE_KILL:
        disk_end_at(0, DISK_KILLED, &in->disk_ended);
        disk_end_now(DISK_KILLED);
        return OK;
    case TROUBLE_POWER:
        disk_end_at(0, DISK_POWER_CUT, &in->disk_ended);
        disk_end_now(DISK_POWER_CUT);
        return OK;
    case TROUBLE_KILL_IN_CALL:
        disk_end_at(soon, DISK_KILLED, &in->disk_ended);
        return OK;
    case TROUBLE_POWER_IN_CALL:
        disk_end_at(soon, DISK_POWER_CUT, &in->disk_ended);
        return OK;
    case TROUBLE_ONE_FAILURE:
        fail_some(in, 1);
        return OK;
    case TROUBLE_FAILURES:
        fail_some(in, 30);
        return OK;
    case TROUBLE_BROKEN:
        fail_some(in, UINT32_MAX);
        TRY(task_sleep_ms((int64_t)prng_below(&in->chance, 4 * SECOND_MS)));
        disk_fail(&(struct disk_faults){0});
        return OK;
    case TROUBLE_FULL:
        intake_note(in, "no space");
        sim_server_disk(in->server, SIM_DISK_FULL);
        TRY(task_sleep_ms((int64_t)prng_below(&in->chance, 3 * SECOND_MS)));
        sim_server_disk(in->server, SIM_DISK_WELL);
        return OK;
    case TROUBLE_RELOAD:
        intake_note(in, "reload");
        in->figures.of[FIGURE_RELOADS]++;
        (void)!failed(sim_server_reload(in->server));
        return OK;
    case TROUBLE_STOP:
        intake_note(in, "stop");
        return stop(in);
    case TROUBLES:
        break;
    }
    return OK;
}

static void fail_some(struct intake *in, uint64_t most_calls)
{
    uint64_t from = disk_calls() + 1 + prng_below(&in->chance, 40);
    struct disk_faults faults = {.from = from,
            .until = from + 1 + prng_below(&in->chance, most_calls),
            .error = prng_below(&in->chance, 2) == 0 ? EIO : ENOSPC,
            .how = (enum disk_failing)prng_below(&in->chance, 3)};
    if (most_calls == UINT32_MAX)
        faults.until = UINT64_MAX;
    in->figures.of[FIGURE_FAILURES]++;
    intake_note(in, "calls %llu to %llu fail with %s, %s", (unsigned long long)faults.from,
            (unsigned long long)faults.until, faults.error == EIO ? "EIO" : "ENOSPC",
            faults.how == FAILING_NOTHING_DONE ? "nothing done" : "something done");
    disk_fail(&faults);
}

static struct err stop(struct intake *in)
{
    sim_server_drain(in->server);
    while (sim_server_is_up(in->server))
        TRY(task_sleep_ms(50));
    return OK;
}

static struct err come_up(struct intake *in)
{
    while (disk_has_ended())
        TRY(task_sleep_ms(10));
    if (sim_server_is_up(in->server))
        return OK;
    intake_note(in, "start");
    struct err e = sim_server_start(in->server);
    return e.kind == ERR_CONFIG ? e : OK; // it may be killed while it starts
}

// As soon as the disk has come to its end, nothing of the server is left to speak to anybody.
static struct err execute(void *arg)
{
    struct intake *in = arg;
    for (;;) {
        TRY(waitq_wait(&in->disk_ended, "the end"));
        intake_note(in, "ends at call %llu", (unsigned long long)disk_calls());
        bool silent = prng_below(&in->chance, 3) == 0;
        sim_server_crash(in->server, silent ? SIM_CRASH_SILENT : SIM_CRASH_RESET);
        disk_exchange();
        in->figures.of[FIGURE_CRASHES]++;
    }
}

void intake_finding(struct intake *in, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    printf("seed %llu: ", (unsigned long long)in->seed);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
    in->wrong++;
}

void intake_note(const struct intake *in, const char *fmt, ...)
{
    va_list args;
    if (!in->says)
        return;
    va_start(args, fmt);
    printf("%8.3f ", in_task() ? (double)now_ns() / 1e9 : 0);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
}

int main(int argc, char **argv)
{
    static const char *const words[FIGURES] = {"recipients acknowledged", "refused", "left open",
            "not sent", "crashes", "calls to the disk", "failures ordered", "reloads"};
    const struct seeds seeds = {.name = "sim intake",
            .main = run_one,
            .count = SEEDS,
            .figures = words,
            .figure_count = FIGURES};
    return seeds_run(&seeds, argc, argv);
}
