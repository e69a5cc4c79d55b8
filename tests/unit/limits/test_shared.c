// SPDX-License-Identifier: Apache-2.0
// tests/unit/limits/test_shared.c: what all processes know together: who waited for the greeting,
// how many wait, and that a death gives back what was held, shown with processes that are killed in
// the middle of it.
#include "fixture.h"

#include "base/hash.h"
#include "limits/early.h"
#include "limits/tarpit.h"
#include "limits/throttle.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void early_talkers(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, "");
    struct ip four = ip_of("192.0.2.1"), mapped = ip_of("::ffff:192.0.2.1"),
              next = ip_of("192.0.2.2"), six = ip_of("2001:db8::1"), near = ip_of("2001:db8::2");
    assert_false(early_knows(&f.limits, &four, NOW_MS));
    early_remember(&f.limits, &four, NOW_MS);
    early_remember(&f.limits, &six, NOW_MS);
    assert_true(early_knows(&f.limits, &four, NOW_MS + DAY_MS - 1));
    assert_true(early_knows(&f.limits, &mapped, NOW_MS));
    assert_true(early_knows(&f.limits, &six, NOW_MS));
    assert_false(early_knows(&f.limits, &next, NOW_MS));
    assert_false(early_knows(&f.limits, &near, NOW_MS));
    assert_false(early_knows(&f.limits, &four, NOW_MS + DAY_MS));
    early_remember(&f.limits, &four, NOW_MS + DAY_MS);
    assert_true(early_knows(&f.limits, &four, NOW_MS + DAY_MS));
    fixture_done(&f);
}

static void a_tenth_may_wait(void **state)
{
    (void)state;
    static const struct {
        uint64_t slots, may_wait;
    } rows[] = {{9, 0}, {10, 1}, {19, 1}, {8192, 819}};
    struct fixture f;
    fixture_init(&f, "");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct listener l = {.slot = i, .connections_max = rows[i].slots};
        for (uint64_t n = 0; n < rows[i].may_wait; n++)
            assert_true(tarpit_begin(&f.limits, &l));
        assert_false(tarpit_begin(&f.limits, &l));
        if (rows[i].may_wait == 0)
            continue;
        tarpit_end(&f.limits, &l);
        assert_true(tarpit_begin(&f.limits, &l));
        assert_false(tarpit_begin(&f.limits, &l));
    }
    struct listener other = {.slot = LISTENERS_MAX - 1, .connections_max = 10};
    assert_true(tarpit_begin(&f.limits, &other));
    limits_shared_forget(f.shared, f.limits.column);
    assert_true(tarpit_begin(&f.limits, &other));
    fixture_done(&f);
}

static void purposes_do_not_meet(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, "");
    const struct limits_shared *s = f.shared;
    uint64_t a = limits_hash(s, LIMITS_GREYLIST, 1);
    assert_true(a != limits_hash(s, LIMITS_GREYLIST, 2));
    assert_true(a != limits_hash(s, LIMITS_EARLY, 1));
    assert_true(limits_hash_text(s, limits_hash_text(s, a, S("ab")), S("c")) !=
                limits_hash_text(s, limits_hash_text(s, a, S("a")), S("bc")));
    assert_true(limits_hash_text(s, limits_hash_text(s, a, S("x")), S("y")) !=
                limits_hash_text(s, limits_hash_text(s, a, S("y")), S("x")));
    fixture_done(&f);
}

// --- Processes that are killed -------------------------------------------------------------------

#define PROCESSES 4
#define ROUNDS 6
#define LIMITERS                                                                                   \
    "[[queue.limiter.inbound]]\nconcurrency = 10\nkey = 'remote_ip'\n"                             \
    "[[queue.limiter.inbound]]\nconcurrency = 30\n"

struct stress {
    _Atomic uint64_t taken, most_inside;
};

// Takes and gives at random until it is killed.
static void work(struct fixture *f, size_t column, uint64_t seed, struct stress *seen)
{
    struct limits_held held[16] = {0};
    struct listener listener = {.slot = 5, .connections_max = 200};
    bool waits[16] = {0};
    struct prng random;
    prng_seed(&random, seed);
    f->limits.column = column;
    for (;;) {
        size_t i = prng_below(&random, COUNT_OF(held));
        held[i].arena = &f->arena;
        if (held[i].all.count > 0) {
            throttle_release(&f->limits, &held[i]);
        } else {
            struct throttle_values v = {.remote_ip = {.family = IP_V4, .bytes = {10, 0, 0, i % 4}}};
            struct throttle_check c = {
                    .values = &v, .held = &held[i], .scratch = &f->scratch, .wall_now_ms = NOW_MS};
            if (throttles_take(&f->limits, &c) == NULL)
                atomic_fetch_add(&seen->taken, 1);
        }
        if (waits[i])
            tarpit_end(&f->limits, &listener);
        waits[i] = !waits[i] && tarpit_begin(&f->limits, &listener);
    }
}

static void check_bounds(const struct fixture *f)
{
    uint64_t inside = shared_count_total(&f->shared->tarpitted[5]);
    assert_in_range(inside, 0, 20);
    for (size_t i = 0; i < CLIENTS_SLOTS; i++)
        assert_in_range(f->shared->slots.at[i] & 0xFFFFF, 0, 30);
}

static void counts_come_back_after_a_kill(void **state)
{
    (void)state;
    struct fixture f;
    struct stress *seen = shared_bytes(sizeof(*seen));
    pid_t children[PROCESSES];
    fixture_init(&f, LIMITERS);
    struct limits_shared *own = f.shared;
    f.limits.shared = f.shared = shared_bytes(sizeof(*f.shared));
    assert_non_null(f.shared);
    limits_shared_init(f.shared, 7);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t p = 0; p < PROCESSES; p++) {
            children[p] = fork();
            if (children[p] == 0)
                work(&f, p, (uint64_t)round * PROCESSES + p, seen);
        }
        // Every one has been at it for a while, however slow this machine is.
        uint64_t enough = atomic_load(&seen->taken) + 5000;
        while (atomic_load(&seen->taken) < enough)
            sched_yield();
        for (size_t p = 0; p < PROCESSES; p++)
            kill(children[p], SIGKILL);
        for (size_t p = 0; p < PROCESSES; p++) {
            int status = 0;
            assert_int_equal(waitpid(children[p], &status, 0), children[p]);
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        }
        check_bounds(&f);
        for (size_t p = 0; p < PROCESSES; p++)
            limits_shared_forget(f.shared, p);
        assert_int_equal(shared_count_total(&f.shared->tarpitted[5]), 0);
        for (size_t i = 0; i < CLIENTS_SLOTS; i++)
            assert_int_equal(f.shared->slots.at[i], 0);
    }
    f.shared = own;
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(early_talkers), TEST(a_tenth_may_wait),
            TEST(purposes_do_not_meet), TEST(counts_come_back_after_a_kill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
