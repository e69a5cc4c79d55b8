// SPDX-License-Identifier: Apache-2.0
// bench/bench_limits.c: what a client costs that is let through: one check of two limiters, with
// one client and with a million of them; and one question to the greylist.
#define POSTHASTE_BASE_ROOM
#include "limits/greylist.h"
#include "limits/throttle.h"

#include <time.h>

#define CHECKS 2000000
#define NOW_MS (1700000000 * (int64_t)SECOND_MS)

static const struct rate fast = {.count = 1000000, .period_ms = SECOND_MS};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct ip client_of(size_t number)
{
    struct ip ip = {.family = IP_V4, .bytes = {10}};
    for (size_t i = 1; i < 4; i++)
        ip.bytes[i] = (uint8_t)(number >> (8 * (3 - i)));
    return ip;
}

static void measure(const char *name, struct limits_shared *shared, const struct throttle *two,
        size_t clients, int64_t start_ms)
{
    struct limits_settings settings = {.throttles = {.all = two, .count = 2}};
    struct limits l = {.settings = &settings, .shared = shared};
    struct arena arena;
    size_t refused = 0;
    arena_init(&arena, MIB);
    struct limits_held held = {.arena = &arena};
    double start = now_s();
    for (size_t i = 0; i < CHECKS; i++) {
        struct throttle_values values = {.remote_ip = client_of(i % clients),
                .sender_domain = S("client.example"),
                .rcpt = S("somebody.or.other@example.org")};
        struct throttle_check check = {.class = two->class,
                .values = &values,
                .held = &held,
                .scratch = &arena,
                .wall_now_ms = start_ms + (int64_t)i / 100};
        refused += throttles_take(&l, &check) != NULL;
        throttle_release(&l, &held);
    }
    printf("%-26s %7zu clients: %.0f ns a check (%zu refused)\n", name, clients,
            (now_s() - start) / CHECKS * 1e9, refused);
    arena_done(&arena);
}

static void measure_greylist(struct limits_shared *shared)
{
    struct limits_settings settings = {
            .greylist = {.duration_ms = DAY_MS,
                    .window_ms = DAY_MS,
                    .keys = 1U << GREYLIST_SENDER | 1U << GREYLIST_RCPT}};
    struct limits l = {.settings = &settings, .shared = shared};
    struct expr_spec spec = {.context = EXPR_RCPT, .target = {.kind = EXPR_TO_BOOL}};
    struct expr_world world = {0};
    struct expr_problem problem;
    struct expr_env env = {0};
    struct arena arena;
    size_t passed = 0;
    arena_init(&arena, 64 * MIB);
    settings.greylist.skip = expr_from_text(&arena, S("false"), &spec, &world, &problem);
    double start = now_s();
    for (size_t i = 0; i < CHECKS; i++) {
        struct greylist_ask ask = {.remote_ip = client_of(i),
                .sender = str_of((const char *)&i, 2),
                .rcpt = S("somebody.or.other@example.org"),
                .env = &env,
                .scratch = &arena,
                .wall_now_ms = NOW_MS};
        passed += greylist_ask(&l, &ask) == GREYLIST_PASS;
    }
    printf("%-26s %7d senders: %.0f ns a question (%zu passed)\n", "greylist", 1 << 16,
            (now_s() - start) / CHECKS * 1e9, passed);
    arena_done(&arena);
}

int main(void)
{
    static const struct throttle rates[] = {
            {.id = S_INIT("a"), .keys = 1U << THROTTLE_REMOTE_IP, .rate = fast},
            {.id = S_INIT("b"), .keys = 1U << THROTTLE_REMOTE_NET, .rate = fast}};
    static const struct throttle both[] = {
            {.id = S_INIT("c"), .keys = 1U << THROTTLE_REMOTE_IP, .rate = fast},
            {.id = S_INIT("d"), .keys = 1U << THROTTLE_REMOTE_IP, .concurrency = 10}};
    static const struct throttle rcpt[] = {
            {.id = S_INIT("e"),
                    .class = THROTTLES_RCPT,
                    .keys = 1U << THROTTLE_SENDER_DOMAIN | 1U << THROTTLE_RCPT,
                    .rate = fast},
            {.id = S_INIT("f"),
                    .class = THROTTLES_RCPT,
                    .keys = 1U << THROTTLE_RCPT | 1U << THROTTLE_REMOTE_IP,
                    .rate = fast}};
    struct limits_shared *shared = shared_bytes(sizeof(*shared));
    if (shared == NULL)
        abort();
    limits_shared_init(shared, 42);
    int64_t at_ms = NOW_MS;
    for (size_t clients = 1; clients <= 1000000; clients *= 1000, at_ms += DAY_MS) {
        measure("two rates", shared, rates, clients, at_ms);
        measure("a rate and concurrency", shared, both, clients, at_ms);
        measure("two rates of recipients", shared, rcpt, clients, at_ms);
    }
    measure_greylist(shared);
    return 0;
}
