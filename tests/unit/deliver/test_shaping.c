// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_shaping.c: what holds for a destination (outbound.md 28.1): of several
// entries each value is that of the one that says most about it.
#include "settings_fixture.h"

#include "deliver/shape/shaping.h"

#define ENTRIES                                                                                    \
    "[queue.response.a]\nmatch='code == 421'\naction='log'\n"                                      \
    "[queue.tls.strict]\nstarttls='require'\n"                                                     \
    "[queue.shaping.default]\nconnections=2\nrecipients-per-message=10\nretry='1m'\n"              \
    "[queue.shaping.big]\nmx-suffix=['big.example','alt.example']\nconnections=20\n"               \
    "message-rate='60/1m'\nbytes-rate='10 MiB/1m'\nconnections-per-ip=5\nautomation='a'\n"         \
    "backoff.message-rate='6/1m'\nbackoff.retry=['30m','1h']\n"                                    \
    "[queue.shaping.customer]\ndomains='b.example'\nmessage-rate='30/1m'\ntls='strict'\n"          \
    "per='pool'\nmessages-per-connection=7\n"                                                      \
    "[queue.shaping.site]\nmx-site='mx1.c.example|mx2.c.example'\nconnections=9\n"                 \
    "backoff-to-normal-after='3h'\n"

static const struct {
    const char *name, *domain;
    const char *hosts[3];
    bool backs_off;
    const char *site, *values, *limits;
} cases[] = {
        {"nobody in particular", "x.example", {"mx.x.example"}, false, "mx.x.example",
                "rcpts 10 msgs 0 tls - retry 60000 60000 back 3600000", "default connections 2"},
        {"no hosts are known", "x.example", {NULL}, false, "",
                "rcpts 10 msgs 0 tls - retry 60000 60000 back 3600000", "default connections 2"},
        {"by its hosts", "x.example", {"mx.big.example", "mx.alt.example"}, false, "big",
                "rcpts 10 msgs 0 tls - retry 60000 60000 back 3600000",
                "big connections 20;big connections-per-ip 5;big message-rate 60;"
                "big bytes-rate 10485760"},
        {"one host is another's", "x.example", {"mx.big.example", "mx.x.example"}, false,
                "mx.big.example|mx.x.example",
                "rcpts 10 msgs 0 tls - retry 60000 60000 back 3600000", "default connections 2"},
        {"by its domain, and its hosts for the rest", "B.example", {"mx.big.example"}, false,
                "customer", "rcpts 10 msgs 7 tls strict retry 60000 60000 back 3600000",
                "big connections 20;big connections-per-ip 5;customer message-rate 30;"
                "big bytes-rate 10485760"},
        {"in back-off", "b.example", {"mx.big.example"}, true, "customer",
                "rcpts 10 msgs 7 tls strict retry 1800000 3600000 back 3600000",
                "big connections 20;big connections-per-ip 5;big backoff.message-rate 6;"
                "big bytes-rate 10485760"},
        {"by its set of hosts", "x.example", {"mx2.c.example", "mx1.c.example"}, false, "site",
                "rcpts 10 msgs 0 tls - retry 60000 60000 back 10800000", "site connections 9"},
        {"a part of the set is another set", "x.example", {"mx1.c.example"}, false, "mx1.c.example",
                "rcpts 10 msgs 0 tls - retry 60000 60000 back 3600000", "default connections 2"},
};

static struct str limits_text(struct arena *a, const struct shaped *shaped)
{
    const struct outbound_limiter *limits[SHAPING_LIMITS];
    size_t count = shaped_limiters(shaped, limits);
    struct str text = S("");
    for (size_t i = 0; i < count; i++) {
        struct str id = limits[i]->id;
        assert_true(str_starts(id, S("shaping ")));
        text = arena_fmt(a, "%.*s%s%.*s %u", ARG(text), i == 0 ? "" : ";", ARG(str_from(id, 8)),
                limits[i]->concurrency > 0 ? limits[i]->concurrency : limits[i]->rate.count);
    }
    return text;
}

static void what_holds(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, ENTRIES);
    assert_int_equal(f.findings.all.count, 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a AUTO(arena_done);
        struct str names[COUNT_OF(cases[i].hosts)];
        struct strs hosts = {names, 0};
        struct shaped shaped;
        arena_init(&a, MIB);
        while (hosts.count < COUNT_OF(names) && cases[i].hosts[hosts.count] != NULL) {
            names[hosts.count] = str_from_c(cases[i].hosts[hosts.count]);
            hosts.count++;
        }
        struct err e = shaping_find(&f.settings, &a, str_from_c(cases[i].domain), &hosts, &shaped);
        check_str(cases[i].name, err_text(e), S(""));
        shaped.backs_off = cases[i].backs_off;
        struct str tls = shaped_tls(&shaped);
        struct str values = arena_fmt(&a, "rcpts %u msgs %u tls %.*s retry %lld %lld back %lld",
                shaped_recipients(&shaped), shaped_messages(&shaped),
                ARG(str_is_null(tls) ? S("-") : tls), (long long)shaped_retry_ms(&shaped, 0),
                (long long)shaped_retry_ms(&shaped, 9), (long long)shaped_backoff_ms(&shaped));
        check_str(cases[i].name, shaped.site, str_from_c(cases[i].site));
        check_str(cases[i].name, values, str_from_c(cases[i].values));
        check_str(cases[i].name, limits_text(&a, &shaped), str_from_c(cases[i].limits));
    }
    fixture_done(&f);
}

static void whose_counters(void **state)
{
    struct fixture f;
    uint32_t by_source = 1U << OUTBOUND_KEY_LOCAL_IP;
    (void)state;
    fixture_init(&f, ENTRIES);
    const struct shaping *all = f.settings.shapings;
    assert_int_equal(f.settings.shaping_count, 4);
    check_u64("default: each site has its own", all[0].limits[SHAPING_CONNECTIONS].keys,
            by_source | 1U << OUTBOUND_KEY_MX_SITE);
    check_u64("an entry is one", all[1].limits[SHAPING_CONNECTIONS].keys, by_source);
    check_u64("each address", all[1].limits[SHAPING_CONNECTIONS_PER_IP].keys,
            by_source | 1U << OUTBOUND_KEY_REMOTE_IP);
    check_u64("each pool", all[2].limits[SHAPING_MESSAGE_RATE].keys, 1U << OUTBOUND_KEY_POOL);
    check_u64("bytes", all[1].limits[SHAPING_BYTES_RATE].unit, OUTBOUND_BYTES);
    assert_true(f.settings.responses[0].is_of_shaping);
    fixture_done(&f);
}

static const struct {
    const char *name, *config, *error;
} mistakes[] = {
        {"about nobody", "[queue.shaping.x]\nconnections=1\n", "about nobody"},
        {"default about somebody", "[queue.shaping.default]\ndomains='b.example'\n",
                "`default` is about all"},
        {"a rate of bytes without a time",
                "[queue.shaping.x]\ndomains='b.example'\n"
                "bytes-rate='10 MiB'\n",
                "expected a size and a time"},
        {"a strategy that is not there", "[queue.shaping.x]\ndomains='b.example'\ntls='none'\n",
                "no queue.tls.none"},
        {"a rule that is not there", "[queue.shaping.x]\ndomains='b.example'\nautomation='none'\n",
                "none"},
        {"a throttle without a limit", "[queue.response.x]\nmatch='true'\naction='throttle'\n",
                "needs a rate"},
        {"a scope of nothing", "[queue.response.x]\nmatch='true'\naction='defer'\nscope='mx'\n",
                "is about something"},
        {"a back-off of a host", "[queue.response.x]\nmatch='true'\naction='backoff'\nscope='mx'\n",
                "one of an mx-site"},
        {"a route that is not there",
                "[queue.response.x]\nmatch='true'\naction='route'\nroute='none'\n",
                "no queue.route.none"},
};

static void what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        struct fixture f;
        fixture_init(&f, mistakes[i].config);
        assert_true(f.findings.error_count > 0);
        struct str text = f.findings.all.at[0].message;
        if (!str_contains(text, str_from_c(mistakes[i].error)))
            check_str(mistakes[i].name, text, str_from_c(mistakes[i].error));
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(what_holds), TEST(whose_counters), TEST(what_is_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
