// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_standing.c: standing rules (queue.md 13.2, 13.9): which mail one is about,
// what it makes of it, and how the file of them is read and changed.
#include "place.h"

#include "queue/control/standing.h"
#include "queue/unit.h"

#define NOW_MS 5000000
#define ENDS ",\"since\":1,\"until\":9000000}"

static void what_a_rule_is_about(void **state)
{
    (void)state;
    static const struct {
        const char *name, *rule;
        bool fits;
    } cases[] = {
            {"another tag of that name", "\"tag\":\"campaign=8\"", false},
            {"a tag without a value is another one", "\"tag\":\"campaign\"", false},
            {"all of it", "\"tag\":\"campaign=7\",\"rcpt-domain\":\"B.example\",\"queue\":\"bulk\"",
                    true},
            {"not all of it", "\"tag\":\"campaign=7\",\"rcpt-domain\":\"c.example\"", false},
            {"no part of a domain", "\"rcpt-domain\":\"example\"", false},
            {"a sender", "\"sender\":\"Ann@a.example\"", true},
            {"the null sender", "\"sender\":\"\"", false},
            {"a sender's domain", "\"sender-domain\":\"A.EXAMPLE\"", true},
            {"another queue", "\"queue\":\"Bulk\"", false},
            {"an account", "\"account\":\"ann\"", true},
            {"another one", "\"account\":\"bob\"", false},
    };
    static const struct message_tag tags[] = {{S_INIT("campaign"), S_INIT("7")}};
    const struct message m = {.sender = S("ann@a.example"),
            .account = S("ann"),
            .tags = tags,
            .tag_count = COUNT_OF(tags)};
    const struct unit u = {.domain = S("b.example"), .queue = S("bulk")};
    struct arena a;
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct standing_rules rules;
        struct str text =
                arena_fmt(&a, "{\"id\":\"x\",\"action\":\"hold\",%s" ENDS "\n", cases[i].rule);
        check_str(cases[i].name, err_text(standing_parse(&a, text, &rules)), S(""));
        bool found = standing_find(&rules, &m, &u, NOW_MS) != NULL;
        check_true(cases[i].name, found == cases[i].fits);
    }
    arena_done(&a);
}

static void which_of_several(void **state)
{
    (void)state;
    static const char text[] =
            "{\"id\":\"old\",\"action\":\"bounce\",\"queue\":\"bulk\",\"since\":1,\"until\":"
            "5000000}\n"
            "{\"id\":\"hold\",\"action\":\"hold\",\"queue\":\"bulk\"" ENDS "\n\n"
            "{\"id\":\"out\",\"action\":\"bounce\",\"rcpt-domain\":\"b.example\",\"text\":\"no\","
            "\"dsn\":false" ENDS;
    const struct message m = {0};
    struct unit u = {.domain = S("b.example"), .queue = S("bulk")};
    struct standing_rules rules;
    struct arena a;
    arena_init(&a, MIB);
    check_str("read", err_text(standing_parse(&a, str_from_c(text), &rules)), S(""));
    const struct standing_rule *rule = standing_find(&rules, &m, &u, NOW_MS);
    check_str("who gives up wins", rule->id, S("out"));
    check_true("nobody is told", rule->no_dsn);
    check_str("its text", standing_outcome(rule, NOW_MS).text, S("no"));
    check_str("its status", standing_outcome(rule, NOW_MS).enhanced, S("5.7.1"));
    u.domain = S("c.example");
    check_str("what has run out is over", standing_find(&rules, &m, &u, NOW_MS)->id, S("hold"));
    u.queue = S("remote");
    check_true("none", standing_find(&rules, &m, &u, NOW_MS) == NULL);
    arena_done(&a);
}

static void what_is_held(void **state)
{
    (void)state;
    struct recipient rcpt = {.address = S("a@b.example"),
            .retry_at_ms = NOW_MS,
            .notify_at_ms = NEVER_MS,
            .expiry_ms = 5 * DAY_MS};
    struct unit u = {.domain = S("b.example"), .rcpts = &rcpt, .rcpt_count = 1};
    const struct message m = {.created_ms = 1000};
    const struct standing_rule rule = {.reason = S("why"), .by = S("ann")};
    check_true("held", standing_hold(&rule, &m, &u, NOW_MS, 14LL * DAY_MS));
    check_u64("as by a person", u.hold.reason, HOLD_ADMIN);
    check_str("why", u.hold.text, S("why"));
    check_true("clocks run on one day", u.hold.clocks_at_ms == NOW_MS + 14LL * DAY_MS);
    check_true("not twice", !standing_hold(&rule, &m, &u, NOW_MS + 1, DAY_MS));
    u.hold = (struct hold){0};
    rcpt.status = RCPT_COMPLETED;
    check_true("not who has it", !standing_hold(&rule, &m, &u, NOW_MS, DAY_MS));
}

static void lines_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
            {"x", "line 1: "},
            {"\n[]", "line 2: it is no object"},
            {"{\"id\":\"x\",\"action\":\"drop\",\"queue\":\"q\"" ENDS, "no action \"drop\""},
            {"{\"id\":\"x\",\"action\":\"hold\"" ENDS, "names what it is about"},
            {"{\"action\":\"hold\",\"queue\":\"q\"" ENDS, "has an id"},
            {"{\"id\":\"x\",\"action\":\"hold\",\"queue\":\"q\",\"since\":1}", "\"until\""},
    };
    struct arena a;
    struct standing_rules rules;
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err e = standing_parse(&a, str_from_c(cases[i].text), &rules);
        check_u64(cases[i].text, e.kind, ERR_SYNTAX);
        check_true(cases[i].text, str_contains(err_text(e), str_from_c(cases[i].error)));
    }
    arena_done(&a);
}

static struct err the_file_main(void *arg)
{
    struct place *p = arg;
    struct str path = arena_fmt(&p->a, "%s/rules", p->folder);
    struct standing_rules all;
    struct standing_rule rule = {.id = S("one"),
            .action = STANDING_BOUNCE,
            .scope[STANDING_SENDER] = S(""),
            .since_ms = 1,
            .until_ms = NOW_MS + 10,
            .by = S("ann"),
            .reason = S("\"why\""),
            .text = S("text"),
            .no_dsn = true};
    TRY(standing_read(&p->a, path, &all));
    check_u64("no file", all.all.count, 0);
    TRY(standing_add(&p->a, path, &rule, NOW_MS));
    rule.id = S("two");
    rule.until_ms = NOW_MS + 20;
    TRY(standing_add(&p->a, path, &rule, NOW_MS));
    check_str("the same again keeps its id", rule.id, S("one"));
    TRY(standing_read(&p->a, path, &all));
    check_u64("one", all.all.count, 1);
    const struct standing_rule *read = &all.all.at[0];
    check_true("as it was written", read->until_ms == NOW_MS + 20 && read->no_dsn &&
                                            !str_is_null(read->scope[STANDING_SENDER]) &&
                                            str_is_null(read->scope[STANDING_QUEUE]));
    check_str("its reason", read->reason, S("\"why\""));
    check_u64("no such", standing_remove(&p->a, path, S("two"), NOW_MS).kind, ERR_NOT_FOUND);
    TRY(standing_remove(&p->a, path, S("one"), NOW_MS));
    TRY(standing_read(&p->a, path, &all));
    check_u64("gone", all.all.count, 0);
    return OK;
}

static void the_file(void **state)
{
    (void)state;
    in_each_place(the_file_main);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_a_rule_is_about),
            cmocka_unit_test(which_of_several),
            cmocka_unit_test(what_is_held),
            cmocka_unit_test(lines_that_are_none),
            cmocka_unit_test(the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
