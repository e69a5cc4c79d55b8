// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_edit.c: what people change of messages that wait (queue.md 13.6, 13.7), and
// that it comes back from a record as it went in.
#include "../base/check.h"

#include "queue/control/edit.h"
#include "queue/store/record.h"
#include "queue/unit.h"

#define CREATED_MS 1000000
#define NOW_MS 2000000

struct world {
    struct arena a;
    struct message m;
    struct unit u;
    struct recipient rcpts[2];
};

static void world_begin(struct world *w)
{
    *w = (struct world){0};
    arena_init(&w->a, MIB);
    w->rcpts[0] = (struct recipient){.address = S("ann@a.example"),
            .notify_at_ms = NEVER_MS,
            .retry_at_ms = NOW_MS + 500,
            .expiry_ms = 5 * DAY_MS};
    w->rcpts[1] = w->rcpts[0];
    w->rcpts[1].address = S("bob@a.example");
    w->u = (struct unit){.message_id = 7,
            .domain = S("a.example"),
            .queue = S("bulk"),
            .rcpts = w->rcpts,
            .rcpt_count = 2};
    w->m = (struct message){
            .id = 7, .created_ms = CREATED_MS, .env_id = S("old"), .units = &w->u, .unit_count = 1};
}

static bool apply(struct world *w, const struct message_edit *edit)
{
    bool changed;
    check_str("no error", err_text(message_edit_check(&w->a, edit, &w->m)), S(""));
    check_str("no error", err_text(message_edit_unit(&w->a, edit, &w->m, &w->u, &changed)), S(""));
    return changed;
}

// To the store and back, as who reads the message next has it.
static void read_again(struct world *w)
{
    struct buf record;
    struct unit u;
    buf_init(&record, MIB);
    unit_encode(&w->u, &record);
    struct str kept = arena_str(&w->a, buf_str(&record));
    buf_done(&record);
    check_str("read", err_text(unit_decode(&w->a, 7, 0, kept, &u)), S(""));
    w->u = u;
    message_take_edits(&w->m);
}

static void the_envelope(void **state)
{
    (void)state;
    static const struct message_tag tags[] = {
            {S_INIT("tenant"), S_INIT("t")}, {S_INIT("x"), S_INIT("")}};
    struct world w;
    world_begin(&w);
    struct message_edit edit = {.envelope = {.has_priority = true, .priority = -3}};
    check_true("something was changed", apply(&w, &edit));
    read_again(&w);
    check_true("a priority below 0", w.m.priority == -3);
    check_str("the rest is as it was", w.m.env_id, S("old"));
    check_true("again: nothing to do", !apply(&w, &edit));
    edit = (struct message_edit){.envelope = {.has_env_id = true,
                                         .env_id = S(""),
                                         .has_tags = true,
                                         .tags = tags,
                                         .tag_count = COUNT_OF(tags)}};
    check_true("more is changed", apply(&w, &edit));
    read_again(&w);
    check_true("no envelope id any more", str_is_null(w.m.env_id));
    check_true("what was changed before stays", w.m.priority == -3);
    check_u64("tags", w.m.tag_count, 2);
    check_str("a tag", w.m.tags[0].value, S("t"));
    check_str("one without a value", w.m.tags[1].name, S("x"));
    check_true("again: nothing to do", !apply(&w, &edit));
    edit = (struct message_edit){.envelope = {.has_tags = true}};
    check_true("no tags", apply(&w, &edit));
    read_again(&w);
    check_u64("no tags", w.m.tag_count, 0);
    arena_done(&w.a);
}

static void times_of_one(void **state)
{
    (void)state;
    static const struct str bob = S_INIT("bob@a.example");
    struct world w;
    world_begin(&w);
    const struct message_edit edit = {.wall_now_ms = NOW_MS,
            .rcpts = {.only = &bob,
                    .only_count = 1,
                    .sets_retry = true,
                    .retry_at_ms = NOW_MS + 100,
                    .sets_notify = true,
                    .notify_at_ms = NOW_MS + 50,
                    .sets_expiry = true,
                    .expires_at_ms = NOW_MS + 9000,
                    .sets_orcpt = true,
                    .orcpt_type = S("rfc822"),
                    .orcpt = S("rob@b.example")}};
    check_true("changed", apply(&w, &edit));
    read_again(&w);
    const struct recipient *ann = &w.u.rcpts[0], *changed = &w.u.rcpts[1];
    check_true("the other one is as she was",
            ann->retry_at_ms == NOW_MS + 500 && str_is_null(ann->orcpt) && ann->flags == 0);
    check_true("attempt", changed->retry_at_ms == NOW_MS + 100);
    check_true("end", rcpt_expires_at_ms(changed, CREATED_MS) == NOW_MS + 9000);
    check_true("which stays", (changed->flags & RCPT_EXPIRY_FIXED) != 0);
    check_str("original recipient", changed->orcpt, S("rob@b.example"));
    check_u64("the unit is looked at for the earliest of it", (uint64_t)w.u.due_ms, NOW_MS + 50);
    check_true("again: nothing to do", !apply(&w, &edit));
    const struct message_edit back = {.rcpts = {.sets_orcpt = true, .orcpt = S("")}};
    check_true("no original recipient", apply(&w, &back));
    check_true("no original recipient", str_is_null(w.u.rcpts[1].orcpt));
    arena_done(&w.a);
}

static void nobody_of_that_name(void **state)
{
    (void)state;
    static const struct str names[] = {S_INIT("ann@a.example"), S_INIT("Ann@a.example")};
    struct world w;
    world_begin(&w);
    const struct message_edit edit = {.rcpts = {.only = names, .only_count = 2, .drops = true}};
    struct err e = message_edit_check(&w.a, &edit, &w.m);
    check_u64("refused", e.kind, ERR_REFUSED);
    check_str("text", err_text(e), S("Recipient '<Ann@a.example>' does not exist"));
    arena_done(&w.a);
}

static void dropped_and_tried_anew(void **state)
{
    (void)state;
    static const struct str ann = S_INIT("ann@a.example");
    struct world w;
    world_begin(&w);
    struct message_edit edit = {
            .wall_now_ms = NOW_MS, .rcpts = {.only = &ann, .only_count = 1, .drops = true}};
    check_true("dropped", apply(&w, &edit));
    check_u64("dropped", w.rcpts[0].status, RCPT_PERM_FAILED);
    check_str("by a person", w.rcpts[0].last.enhanced, S("5.7.0"));
    check_true("again: nothing to do", !apply(&w, &edit));
    w.rcpts[0].flags |= RCPT_DSN_SENT;
    edit.rcpts.drops = false;
    edit.rcpts.requeues = true;
    check_true("anew", apply(&w, &edit));
    check_u64("anew", w.rcpts[0].status, RCPT_SCHEDULED);
    check_true("now", w.u.due_ms == NOW_MS && w.rcpts[0].retry_at_ms == NOW_MS);
    check_true("with the end that it had", w.rcpts[0].expiry_ms == 5 * DAY_MS);
    check_true("the report has left", (w.rcpts[0].flags & RCPT_DSN_SENT) != 0);
    check_true("who waits is not asked", !apply(&w, &edit));
    w.rcpts[0].status = RCPT_PERM_FAILED;
    w.rcpts[0].expiry_ms = 10;
    w.rcpts[0].retry_count = 4;
    check_true("too late", apply(&w, &edit));
    check_true(
            "one attempt", w.rcpts[0].expiry == EXPIRY_ATTEMPTS && w.rcpts[0].expiry_attempts == 5);
    w.rcpts[0].status = RCPT_COMPLETED;
    check_true("what is delivered stays so", !apply(&w, &edit));
    arena_done(&w.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_envelope),
            cmocka_unit_test(times_of_one),
            cmocka_unit_test(nobody_of_that_name),
            cmocka_unit_test(dropped_and_tried_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
