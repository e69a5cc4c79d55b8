// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_suspend.c: orders at run time (queue.md 13.3): what the file may say,
// which order fits when, and how the file is changed.
#include "settings_fixture.h"

#include "../../support/state.h"
#include "deliver/shape/suspend.h"

#define NOW_MS (1763768100000)
#define SINCE "\"since\":1763768100000"
#define ORDER(text) "{\"order\":\"suspend\"," text "," SINCE "}\n"

static const struct {
    const char *name, *text, *error; // error NULL: it is fine
    size_t count;
} texts[] = {
        {"nothing", "", NULL, 0},
        {"an empty line", "\n \n", NULL, 0},
        {"one", ORDER("\"domain\":\"b.example\""), NULL, 1},
        {"two, the last without a line end",
                ORDER("\"mx\":\"mx.b.example\"") "{\"order\":\"backoff\",\"mx-site\":\"x\"," SINCE
                                                 "}",
                NULL, 2},
        {"about nothing", "{\"order\":\"suspend\"," SINCE "}\n", "this is no order", 0},
        {"about an empty name", ORDER("\"domain\":\"\""), "this is no order", 0},
        {"about a number", ORDER("\"domain\":7"), "this is no order", 0},
        {"of no kind", "{\"order\":\"stop\",\"domain\":\"a\"," SINCE "}", "this is no order", 0},
        {"without a moment", "{\"order\":\"suspend\",\"domain\":\"a\"}", "this is no order", 0},
        {"no JSON", "suspend b.example\n", "line 1: ", 0},
        {"a list", "[1]\n", "it is no object", 0},
        {"a throttle that does nothing", "{\"order\":\"throttle\",\"domain\":\"a\"," SINCE "}",
                "this is no order", 0},
        {"a throttle",
                "{\"order\":\"throttle\",\"domain\":\"a\",\"rate\":\"5/"
                "1h\",\"concurrency\":2," SINCE "}",
                NULL, 1},
        {"a rate that is none",
                "{\"order\":\"throttle\",\"domain\":\"a\",\"rate\":\"5\"," SINCE "}",
                "this is no order", 0},
        {"what is suspended has no rate", ORDER("\"domain\":\"a\",\"rate\":\"5/1h\""),
                "this is no order", 0},
};

static void files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct arena a AUTO(arena_done);
        struct suspensions all = {0};
        arena_init(&a, MIB);
        struct err e = suspensions_parse(&a, str_from_c(texts[i].text), &all);
        if (texts[i].error == NULL)
            check_str(texts[i].name, err_text(e), S(""));
        else if (!str_contains(err_text(e), str_from_c(texts[i].error)))
            check_str(texts[i].name, err_text(e), str_from_c(texts[i].error));
        check_u64(texts[i].name, all.all.count, texts[i].count);
    }
}

static const struct message_tag tags[] = {{S_INIT("tenant"), S_INIT("acme")}};
static const struct suspend_values attempt = {
        .scope = {[SUSPEND_RCPT_DOMAIN] = S_INIT("b.example"),
                [SUSPEND_SENDER] = S_INIT("ann@a.example"),
                [SUSPEND_SENDER_DOMAIN] = S_INIT("a.example"),
                [SUSPEND_QUEUE] = S_INIT("remote"),
                [SUSPEND_ROUTE] = S_INIT("mx"),
                [SUSPEND_MX_SITE] = S_INIT("gmail"),
                [SUSPEND_MX] = S_INIT("mx1.b.example"),
                [SUSPEND_SOURCE_IP] = S_INIT("192.0.2.1")},
        .tags = tags,
        .tag_count = 1,
};

static const struct {
    const char *name, *about;
    enum suspend_stage stage;
    bool fits;
} finds[] = {
        {"a domain", "\"domain\":\"B.example\"", SUSPEND_AT_UNIT, true},
        {"another domain", "\"domain\":\"c.example\"", SUSPEND_AT_UNIT, false},
        {"a domain is not its parent", "\"domain\":\"example\"", SUSPEND_AT_UNIT, false},
        {"at another stage nobody asks for it", "\"domain\":\"b.example\"", SUSPEND_AT_SITE, false},
        {"a tag", "\"tag\":\"tenant=acme\"", SUSPEND_AT_UNIT, true},
        {"a tag of another value", "\"tag\":\"tenant=other\"", SUSPEND_AT_UNIT, false},
        {"a tag, whatever it says", "\"tag\":\"tenant\"", SUSPEND_AT_UNIT, true},
        {"a route", "\"route\":\"mx\"", SUSPEND_AT_ROUTE, true},
        {"a route is an id, and has a case", "\"route\":\"MX\"", SUSPEND_AT_ROUTE, false},
        {"two things are known when the later is",
                "\"mx-site\":\"gmail\",\"source-ip\":\"192.0.2.1\"", SUSPEND_AT_SOURCE, true},
        {"and both must fit", "\"mx-site\":\"yahoo\",\"source-ip\":\"192.0.2.1\"",
                SUSPEND_AT_SOURCE, false},
        {"it has run out", "\"domain\":\"b.example\",\"until\":1763768100000", SUSPEND_AT_UNIT,
                false},
        {"it has not run out yet", "\"domain\":\"b.example\",\"until\":1763768100001",
                SUSPEND_AT_UNIT, true},
};

static void what_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(finds); i++) {
        struct arena a AUTO(arena_done);
        struct suspensions all;
        arena_init(&a, MIB);
        struct str text = arena_fmt(&a, "{\"order\":\"suspend\",%s," SINCE "}", finds[i].about);
        assert_false(failed(suspensions_parse(&a, text, &all)));
        const struct suspension *s =
                suspensions_find(&all, SUSPEND_STOP, finds[i].stage, &attempt, NOW_MS);
        check_u64(finds[i].name, s != NULL, finds[i].fits);
        assert_null(suspensions_find(&all, SUSPEND_BACKOFF, finds[i].stage, &attempt, NOW_MS));
        assert_null(suspensions_find(&all, SUSPEND_TLS, finds[i].stage, &attempt, NOW_MS));
    }
}

static struct suspension order_for(const char *domain, const char *site, const char *by)
{
    return (struct suspension){.scope = {[SUSPEND_RCPT_DOMAIN] = str_from_c(domain),
                                       [SUSPEND_MX_SITE] = str_from_c(site)},
            .since_ms = NOW_MS,
            .until_ms = NOW_MS + HOUR_MS,
            .by = str_from_c(by),
            .reason = S("a \"reason\"\nin two lines"),
            .is_automatic = str_eq(str_from_c(by), S("rule"))};
}

static struct str all_text(struct arena *a, struct str path)
{
    struct suspensions all;
    struct str text = S("");
    assert_false(failed(suspensions_read(a, path, &all)));
    each_in_vec (s, &all.all)
        text = arena_fmt(a, "%.*s%.*s,%.*s,%.*s;", ARG(text), ARG(s->scope[SUSPEND_RCPT_DOMAIN]),
                ARG(s->scope[SUSPEND_MX_SITE]), ARG(s->by));
    return text;
}

static void add(struct arena *a, struct str path, const char *domain, const char *site,
        const char *by, int64_t at_ms)
{
    const struct suspension order = order_for(domain, site, by);
    assert_false(failed(suspensions_add(a, path, &order, at_ms)));
}

static size_t lift(
        struct arena *a, struct str path, const char *domain, const char *site, int64_t at_ms)
{
    const struct suspension like = order_for(domain, site, "");
    size_t count = 99;
    assert_false(failed(suspensions_lift(a, path, &like, at_ms, &count)));
    return count;
}

static void changes(void **state)
{
    struct state_folder folder;
    struct arena a AUTO(arena_done);
    struct suspensions all;
    (void)state;
    assert_false(failed(state_folder_make(&folder)));
    arena_init(&a, 8 * MIB);
    struct str path = arena_fmt(&a, "%s/suspended", folder.path);
    check_str("no file", all_text(&a, path), S(""));
    add(&a, path, "b.example", NULL, "ann", NOW_MS);
    add(&a, path, "b.example", "gmail", "ann", NOW_MS);
    add(&a, path, NULL, "gmail", "rule", NOW_MS);
    check_str("three", all_text(&a, path), S("b.example,,ann;b.example,gmail,ann;,gmail,rule;"));
    add(&a, path, "b.example", NULL, "rule", NOW_MS);
    check_str("a rule does not undo what a person said", all_text(&a, path),
            S("b.example,,ann;b.example,gmail,ann;,gmail,rule;"));
    add(&a, path, NULL, "gmail", "eve", NOW_MS);
    check_str("a person may", all_text(&a, path),
            S("b.example,,ann;b.example,gmail,ann;,gmail,eve;"));
    assert_false(failed(suspensions_read(&a, path, &all)));
    check_str("any text is a reason", all.all.at[0].reason, S("a \"reason\"\nin two lines"));
    check_u64("those that name it", lift(&a, path, NULL, "gmail", NOW_MS), 2);
    check_str("the others stay", all_text(&a, path), S("b.example,,ann;"));
    check_u64("what has run out was not lifted",
            lift(&a, path, "b.example", NULL, NOW_MS + HOUR_MS), 0);
    add(&a, path, "c.example", NULL, "ann", NOW_MS);
    add(&a, path, "d.example", NULL, "ann", NOW_MS + HOUR_MS);
    check_str("what has run out goes with the next change", all_text(&a, path), S(""));
    state_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(files), TEST(what_fits), TEST(changes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
