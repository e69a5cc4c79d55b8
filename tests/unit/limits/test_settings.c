// SPDX-License-Identifier: Apache-2.0
// tests/unit/limits/test_settings.c: limiters and greylisting as they are written (inbound.md 10.4,
// 10.5, 19): forms, classes, order, what is wrong and where.
#include "fixture.h"

#define ONE "[[queue.limiter.inbound]]\n"

static const struct {
    const char *name, *config;
    const char *limiters; // "id class keys rate/period concurrency match\n" each
    const char *found;
} throttle_cases[] = {
        {"none: the defaults", "",
                "default-connections remote 1 5/1000 0 always\n"
                "default-recipients rcpt 384 25/3600000 0 always\n",
                ""},
        {"one that is off: no defaults", ONE "enable = false\nrate = '5/1s'\n", "", ""},
        {"one that is off may be wrong", ONE "enable = false\nkey = 'rcpt'\n", "", ""},
        {"no key: one counter", ONE "rate = '5 / 1m'\n", "0 remote 0 5/60000 0 always\n", ""},
        {"named, in the order of the file",
                "[queue.limiter.inbound.z]\nconcurrency = 1000000\nkey = 'listener'\n"
                "[queue.limiter.inbound.a]\nrate = '1000000/1s'\nkey = ['remoteNet', 'localIp']\n",
                "z remote 8 0/0 1000000 always\na remote 6 1000000/1000 0 always\n", ""},
        {"ten and more in the order of the file",
                ONE "rate='1/1s'\n" ONE "rate='2/1s'\n" ONE "rate='3/1s'\n" ONE "rate='4/1s'\n" ONE
                    "rate='5/1s'\n" ONE "rate='6/1s'\n" ONE "rate='7/1s'\n" ONE "rate='8/1s'\n" ONE
                    "rate='9/1s'\n" ONE "rate='10/1s'\n" ONE "rate='11/1s'\n",
                "0 remote 0 1/1000 0 always\n1 remote 0 2/1000 0 always\n"
                "2 remote 0 3/1000 0 always\n3 remote 0 4/1000 0 always\n"
                "4 remote 0 5/1000 0 always\n5 remote 0 6/1000 0 always\n"
                "6 remote 0 7/1000 0 always\n7 remote 0 8/1000 0 always\n"
                "8 remote 0 9/1000 0 always\n9 remote 0 10/1000 0 always\n"
                "10 remote 0 11/1000 0 always\n",
                ""},
        {"class by the key",
                ONE "rate='1/1s'\nkey=['remote_ip', 'helo_domain']\n" ONE
                    "rate='1/1s'\nkey=['sender', 'rcpt_domain']\n" ONE
                    "rate='1/1s'\nkey='authenticatedAs'\n",
                "0 sender 17 1/1000 0 always\n1 rcpt 576 1/1000 0 always\n"
                "2 sender 32 1/1000 0 always\n",
                ""},
        {"class by the match",
                ONE "rate='1/1s'\nmatch='local_port == 25 && !is_tls'\n" ONE
                    "rate='1/1s'\nmatch='priority > 3'\n" ONE
                    "rate='1/1s'\nkey='sender'\nmatch='count(recipients) > 3'\n",
                "0 remote 0 1/1000 0 sometimes\n1 sender 0 1/1000 0 sometimes\n"
                "2 rcpt 64 1/1000 0 sometimes\n",
                ""},
        {"class by a condition of the match",
                ONE "rate='1/1s'\nmatch=[{if='helo_domain == \"x\"', then=false}, {else=true}]\n",
                "0 sender 0 1/1000 0 sometimes\n", ""},
        {"constant matches", ONE "rate='1/1s'\nmatch=true\n" ONE "rate='1/1s'\nmatch=false\n",
                "0 remote 0 1/1000 0 always\n1 remote 0 1/1000 0 sometimes\n", ""},
        {"the older name", "[[session.throttle]]\nrate='1/1s'\nkey='rcpt'\n",
                "0 rcpt 256 1/1000 0 always\n",
                "/c.toml:3:11: warning: session.throttle: an old name, taken for "
                "queue.limiter.inbound\n"},
        {"those of the guide",
                ONE "key = [\"remote_ip\"]\nrate = \"20/1m\"\nconcurrency = 10\n" ONE
                    "key = [\"authenticated_as\"]\nmatch = \"!is_empty(authenticated_as)\"\n"
                    "rate = \"200/1h\"\ndescription = \"accounts\"\n",
                "0 remote 1 20/60000 10 always\n1 sender 32 200/3600000 0 sometimes\n", ""},
        // what is wrong
        {"neither rate nor concurrency", ONE "key = 'rcpt'\n", "0 rcpt 256 0/0 0 always\n",
                "/c.toml:3:17: error: queue.limiter.inbound.0.rate: a limiter needs a rate such as "
                "\"5/1h\", or a concurrency\n"},
        {"switched off is neither", "[queue.limiter.inbound.a]\nrate = false\n",
                "a remote 0 0/0 0 always\n",
                "/c.toml:4:8: error: queue.limiter.inbound.a.rate: a limiter needs a rate such as "
                "\"5/1h\", or a concurrency\n"},
        {"rate 0", ONE "rate = '0/1s'\n", "0 remote 0 0/0 0 always\n",
                "/c.toml:4:8: error: queue.limiter.inbound.0.rate: invalid rate \"0/1s\" (expected "
                "COUNT/DURATION such as 5/1h, the count from 1 to 1000000)\n"},
        {"period 0", ONE "rate = '5/0s'\n", "0 remote 0 0/0 0 always\n",
                "/c.toml:4:8: error: queue.limiter.inbound.0.rate: invalid rate \"5/0s\" (expected "
                "COUNT/DURATION such as 5/1h, the count from 1 to 1000000)\n"},
        {"words", ONE "rate = '5 per second'\n", "0 remote 0 0/0 0 always\n",
                "/c.toml:4:8: error: queue.limiter.inbound.0.rate: invalid rate \"5 per second\" "
                "(expected COUNT/DURATION such as 5/1h, the count from 1 to 1000000)\n"},
        {"too many",
                ONE "rate = '1000001/1s'\n" ONE "concurrency = 1000001\n" ONE "concurrency = 0\n",
                "0 remote 0 0/0 0 always\n1 remote 0 0/0 0 always\n2 remote 0 0/0 0 always\n",
                "/c.toml:4:8: error: queue.limiter.inbound.0.rate: invalid rate \"1000001/1s\" "
                "(expected COUNT/DURATION such as 5/1h, the count from 1 to 1000000)\n"
                "/c.toml:6:15: error: queue.limiter.inbound.1.concurrency: \"1000001\" is out of "
                "range: 1 to 1000000\n"
                "/c.toml:8:15: error: queue.limiter.inbound.2.concurrency: \"0\" is out of range: "
                "1 "
                "to 1000000\n"},
};

static void describe(struct buf *out, const struct throttle_settings *s)
{
    static const char *const classes[] = {[THROTTLES_REMOTE] = "remote",
            [THROTTLES_SENDER] = "sender",
            [THROTTLES_RCPT] = "rcpt"};
    for (size_t i = 0; i < s->count; i++) {
        const struct throttle *t = &s->all[i];
        buf_fmt(out, "%.*s %s %u %u/%lld %llu %s\n", ARG(t->id), classes[t->class], t->keys,
                t->rate.count, (long long)t->rate.period_ms, (unsigned long long)t->concurrency,
                t->match == NULL ? "always" : "sometimes");
        assert_true(s->by_class[t->class]);
    }
}

static void throttles(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(throttle_cases); i++) {
        struct fixture f;
        struct buf text AUTO(buf_done);
        buf_init(&text, 64 * KIB);
        fixture_init(&f, throttle_cases[i].config);
        describe(&text, &f.settings.throttles);
        check_str(throttle_cases[i].name, buf_str(&text), str_from_c(throttle_cases[i].limiters));
        buf_clear(&text);
        findings_lines(&text, &f.findings);
        check_str(throttle_cases[i].name, buf_str(&text), str_from_c(throttle_cases[i].found));
        fixture_done(&f);
    }
}

// As many as there are bits for, and one more.
static void a_limit_of_limiters(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct fixture f;
        struct buf text AUTO(buf_done);
        buf_init(&text, 64 * KIB);
        for (int i = 0; i < THROTTLES_MAX + more; i++)
            buf_fmt(&text, ONE "concurrency = %d\n", i + 1);
        buf_add_byte(&text, '\0');
        fixture_init(&f, buf_str(&text).ptr);
        assert_int_equal(f.settings.throttles.count, THROTTLES_MAX);
        assert_int_equal(f.findings.error_count, more);
        if (more > 0)
            check_u64("line", f.findings.all.at[0].line, 3 + 2 * THROTTLES_MAX);
        fixture_done(&f);
    }
}

static const struct {
    const char *name, *config;
    struct greylist_settings want;
    const char *found;
} greylist_cases[] = {
        {"off", "", {.window_ms = 2 * (int64_t)DAY_MS, .keys = 3}, ""},
        {"everything",
                "[spam-filter.grey-list]\nduration='30d'\ndelay='5m'\nretry-window='1h'\n"
                "key=['remote_net','helo_domain']\nauto-allow=5\n",
                {.duration_ms = 30 * (int64_t)DAY_MS,
                        .delay_ms = 300000,
                        .window_ms = HOUR_MS,
                        .keys = 24,
                        .auto_allow = 5},
                ""},
        {"zeros", "[spam-filter.grey-list]\nduration=false\ndelay='0s'\nauto-allow=0\n",
                {.window_ms = 2 * (int64_t)DAY_MS, .keys = 3}, ""},
        {"no key", "[spam-filter.grey-list]\nkey=[]\n", {.window_ms = 2 * (int64_t)DAY_MS},
                "/c.toml:4:5: error: spam-filter.grey-list.key: name at least one, such as "
                "\"sender\"\n"},
        {"a delay that is never over", "[spam-filter.grey-list]\ndelay='1h'\nretry-window='1h'\n",
                {.window_ms = HOUR_MS, .delay_ms = HOUR_MS, .keys = 3},
                "/c.toml:4:7: error: spam-filter.grey-list.delay: must be shorter than "
                "retry-window, or no mail would ever pass\n"},
};

static void greylists(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(greylist_cases); i++) {
        const struct greylist_settings *want = &greylist_cases[i].want;
        struct fixture f;
        struct buf text AUTO(buf_done);
        buf_init(&text, 64 * KIB);
        fixture_init(&f, greylist_cases[i].config);
        const struct greylist_settings *got = &f.settings.greylist;
        if (got->duration_ms != want->duration_ms || got->delay_ms != want->delay_ms ||
                got->window_ms != want->window_ms || got->keys != want->keys ||
                got->auto_allow != want->auto_allow || got->skip == NULL)
            check_failed("%s", greylist_cases[i].name);
        findings_lines(&text, &f.findings);
        check_str(greylist_cases[i].name, buf_str(&text), str_from_c(greylist_cases[i].found));
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(throttles), TEST(a_limit_of_limiters), TEST(greylists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
