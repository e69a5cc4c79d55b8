// SPDX-License-Identifier: Apache-2.0
// tests/unit/server/test_plan_clock.c: a clock that is older than the program switches DNSSEC off,
// and says so (outbound.md 22.4, 27.3).
#include "../base/check.h"

#include "../conf/memfs.h"
#include "deliver/doubt.h"
#include "server/plan.h"

#define CONFIG                                                                                     \
    "[server]\nhostname = \"mx.example.org\"\n"                                                    \
    "[global]\nstate-dir = \"/nowhere\"\n"                                                         \
    "[server.listener.smtp]\nprotocol = \"smtp\"\nbind = [\"127.0.0.1:2525\"]\n"

static const struct {
    const char *name;
    int64_t wall_ms;
    bool is_wrong;
} cases[] = {
        {"1970", 1, true},
        {"a millisecond before", DOUBT_CLOCK_BEFORE_MS - 1, true},
        {"since then", DOUBT_CLOCK_BEFORE_MS, false},
        {"nobody has looked", 0, false},
};

struct asking {
    const struct plan_inputs *in;
    const struct conf_options *options;
    struct findings *findings;
    struct plan *plan;
};

static void make(void *arg)
{
    struct asking *asking = arg;
    asking->plan = plan_make(asking->options, asking->in, asking->findings);
}

static struct err make_in_task(void *arg)
{
    deep_call(make, arg);
    return OK;
}

static void old_clocks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a AUTO(arena_done);
        struct buf text AUTO(buf_done);
        struct memfile file = {.path = "/c.toml", .text = CONFIG};
        struct memfs fs = {.files = &file, .count = 1};
        struct conf_files files = memfs_files(&fs);
        const struct conf_env env = {.os_hostname = S("mx.example.org"), .cpu_count = 2};
        const struct conf_options options = {.path = S("/c.toml"), .env = &env, .files = &files};
        const struct plan_inputs in = {
                .kept = mem_new(struct listen_kept), .wall_now_ms = cases[i].wall_ms};
        arena_init(&a, MIB);
        buf_init(&text, 64 * KIB);
        struct findings findings = findings_make(&a);
        struct asking asking = {.in = &in, .options = &options, .findings = &findings};
        struct loop *loop = loop_new_real();
        assert_true(in.kept != NULL && loop != NULL);
        assert_false(failed(loop_run(loop, make_in_task, &asking)));
        findings_lines(&text, &findings);
        if (asking.plan == NULL)
            check_failed("%s: %.*s", cases[i].name, ARG(buf_str(&text)));
        check_u64(cases[i].name, asking.plan->clock_is_wrong, cases[i].is_wrong);
        check_u64(
                cases[i].name, asking.plan->dns.validation == DNS_VALIDATE_OFF, cases[i].is_wrong);
        check_u64(cases[i].name, str_contains(buf_str(&text), S("the clock shows a moment")),
                cases[i].is_wrong);
        plan_free(asking.plan);
        loop_free(loop);
        listen_kept_done(in.kept);
        mem_free(in.kept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(old_clocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
