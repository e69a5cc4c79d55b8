// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_sim.c: the simulated world: its clock and chance, its names, its faults, and
// the log that is the same for the same seed.
#include "sim_world.h"

// --- Time and chance -----------------------------------------------------------------------------

static struct err five_days(void *arg)
{
    struct world *w = arg;
    assert_int_equal(now_ms(), 0);
    assert_true(wall_ms() == SIM_WALL_MS);
    TRY(task_sleep_ms(5 * (int64_t)DAY_MS));
    assert_true(now_ms() == 5 * (int64_t)DAY_MS);
    assert_true(wall_ms() == SIM_WALL_MS + 5 * (int64_t)DAY_MS);
    sim_wall_set(w->sim, 1000);
    TRY(task_sleep_ms(17));
    assert_true(wall_ms() == 1017);
    within_ms(10);
    return task_sleep_ms(20).kind == ERR_TIMEOUT ? OK : fail(ERR_INTERNAL, "no deadline");
}

static void time_jumps(void **state UNUSED)
{
    struct world w = {0};
    tell(&w, five_days);
}

static struct err draw(void *arg)
{
    random_bytes(arg, 21);
    return OK;
}

static void chance_comes_from_the_seed(void **state UNUSED)
{
    char drawn[3][21] = {{0}};
    static const uint64_t seeds[] = {1, 1, 2};
    for (size_t i = 0; i < 3; i++) {
        struct sim *sim = sim_new(seeds[i]);
        assert_false(failed(sim_run(sim, draw, drawn[i])));
        sim_free(sim);
    }
    assert_memory_equal(drawn[0], drawn[1], 21);
    assert_memory_not_equal(drawn[0], drawn[2], 21);
}

static void note_stack(void *arg)
{
    *(bool *)arg = !in_task();
}

static struct err offload_at_once(void *arg UNUSED)
{
    bool on_large_stack = false;
    int64_t before_ms = now_ms();
    TRY(offload(note_stack, &on_large_stack));
    assert_true(on_large_stack);
    assert_true(now_ms() == before_ms);
    return OK;
}

static void helpers_work_at_once(void **state UNUSED)
{
    struct world w = {0};
    tell(&w, offload_at_once);
}

static struct err wait_for_nothing(void *arg UNUSED)
{
    struct waitq never;
    waitq_init(&never);
    return waitq_wait(&never, "nothing");
}

static void endless_waits_are_found(void **state UNUSED)
{
    struct sim *sim = sim_new(1);
    assert_int_equal(sim_run(sim, wait_for_nothing, NULL).kind, ERR_INTERNAL);
    sim_free(sim);
}

// --- Names ---------------------------------------------------------------------------------------

static struct err ask_names(void *arg)
{
    struct world *w = arg;
    struct arena a AUTO(arena_done);
    struct resolver *r;
    struct dns_ip_answer answer;
    arena_init(&a, MIB);
    TRY(dns_zone_add(sim_dns(w->sim), S("mx.example"), DNS_A, S("\xc0\x00\x02\x01")));
    TRY(resolver_new(&a, NULL, &r));
    TRY(dns_a(r, &a, S("mx.example"), &answer));
    assert_int_equal(answer.count, 1);
    assert_int_equal(now_ms(), 0);
    struct dns_fault slow = {.name = S("mx.example"), .delay_ms = 3000};
    TRY(sim_dns_fault(w->sim, &slow));
    TRY(dns_a(r, &a, S("mx.example"), &answer));
    assert_int_equal(answer.answer.outcome, DNS_ANSWER);
    assert_int_equal(now_ms(), 3000);
    struct dns_fault broken = {.name = S("mx.example"), .kind = DNS_FAULT_SERVFAIL};
    TRY(sim_dns_fault(w->sim, &broken)); // the last one counts
    TRY(dns_a(r, &a, S("mx.example"), &answer));
    assert_int_equal(answer.answer.outcome, DNS_SERVFAIL);
    TRY(dns_a(r, &a, S("other.example"), &answer));
    assert_int_equal(answer.answer.outcome, DNS_NXDOMAIN);
    resolver_free(r);
    return OK;
}

static void every_world_has_its_names(void **state UNUSED)
{
    struct world w = {0};
    tell(&w, ask_names);
}

// --- Faults and the log --------------------------------------------------------------------------

static struct err talk(void)
{
    struct stream *s AUTO(stream_close_auto) = NULL;
    struct str got;
    within_ms(10 * SECOND_MS);
    TRY(net_connect(&server_at, &from_client, &s));
    for (int i = 0; i < 20; i++) {
        TRY(say(s, S("ping")));
        TRY(stream_read(s, 4, &got));
    }
    return OK;
}

static struct err talk_again_and_again(void *arg)
{
    struct world *w = arg;
    for (;;) {
        struct err e = talk();
        if (e.kind == ERR_CANCELLED)
            return e;
        TRY(task_sleep_ms((int64_t)sim_below(w->sim, 1000)));
    }
}

static struct err trouble(void *arg)
{
    struct world *w = arg;
    sim_wire_set(w->sim, &(struct sim_wire){.latency_us = 2000, .jitter_us = 3000});
    TRY(sim_node_start(w->node));
    for (int i = 0; i < 5; i++)
        TRY(sim_spawn(w->sim, talk_again_and_again, w));
    sim_faults(w->sim, (struct faults){.crash_mean_ms = 5000,
                               .down_mean_ms = 1000,
                               .silent_permille = 500,
                               .reset_permille = 20,
                               .refuse_permille = 50,
                               .cut_mean_ms = 7000,
                               .cut_for_ms = 3000});
    TRY(sim_run_ms(w->sim, 10 * MINUTE_MS));
    sim_heal(w->sim);
    assert_true(sim_node_is_up(w->node));
    assert_true(sim_node_starts(w->node) > 20);
    size_t before = w->served;
    TRY(sim_run_ms(w->sim, MINUTE_MS));
    assert_true(w->served > before);
    return OK;
}

static uint64_t hash_of_run(uint64_t seed)
{
    struct world w = {.serve = echo};
    w.sim = sim_new(seed);
    buf_init(&w.server_got, MIB);
    struct sim_node node = {
            .name = S("server"), .ips = {server_ip}, .ip_count = 1, .main = server_main, .arg = &w};
    assert_false(failed(sim_node_add(w.sim, &node, &w.node)));
    assert_int_equal(sim_run(w.sim, trouble, &w).kind, ERR_NONE);
    uint64_t hash = sim_log_hash(w.sim);
    assert_true(sim_log_count(w.sim) > 1000);
    buf_done(&w.server_got);
    sim_free(w.sim);
    return hash;
}

static void one_seed_one_run(void **state UNUSED)
{
    uint64_t first = hash_of_run(42);
    assert_true(first == hash_of_run(42));
    assert_true(first != hash_of_run(43));
}

static struct err log_lines(void *arg)
{
    struct world *w = arg;
    TRY(task_sleep_ms(61 * MINUTE_MS + 1234));
    sim_note(w->sim, S("a line\r\n"));
    struct buf text AUTO(buf_done);
    buf_init(&text, 4096);
    sim_log_tail(w->sim, 1, &text);
    assert_true(str_eq(buf_str(&text), S("1:01:01.234 note 8: a line\\r\\n\n")));
    return OK;
}

static void the_log_is_readable(void **state UNUSED)
{
    struct world w = {0};
    tell(&w, log_lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(time_jumps),
            cmocka_unit_test(chance_comes_from_the_seed),
            cmocka_unit_test(helpers_work_at_once),
            cmocka_unit_test(endless_waits_are_found),
            cmocka_unit_test(every_world_has_its_names),
            cmocka_unit_test(one_seed_one_run),
            cmocka_unit_test(the_log_is_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
