// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_unit.c: when a unit is due, and what people may do to it.
#include "../base/check.h"

#include "queue/unit.h"

#define CREATED 1000
#define NOW 50000

// One recipient who is done, one who waits for 2000, a notice at 9000 and the end at 11000.
struct made {
    struct recipient rcpts[2];
    struct unit unit;
};

static struct unit *make(struct made *m)
{
    *m = (struct made){
            .rcpts = {{.status = RCPT_COMPLETED, .retry_at_ms = 1}, {.status = RCPT_TEMP_FAILED,
                                                                            .retry_count = 3,
                                                                            .retry_at_ms = 2000,
                                                                            .notify_at_ms = 9000,
                                                                            .expiry_ms = 10000}}};
    m->unit = (struct unit){.rcpts = m->rcpts, .rcpt_count = 2, .due_ms = 2000};
    return &m->unit;
}

static void dues(void **state)
{
    (void)state;
    struct made m;
    struct unit *u = make(&m);
    struct recipient *r = &u->rcpts[1];
    check_u64("the attempt", (uint64_t)unit_next_due(u, CREATED), 2000);
    r->retry_at_ms = 20000;
    check_u64("the notice", (uint64_t)unit_next_due(u, CREATED), 9000);
    r->notify_at_ms = NEVER_MS;
    check_u64("the end", (uint64_t)unit_next_due(u, CREATED), 11000);
    r->expiry = EXPIRY_ATTEMPTS;
    r->expiry_ms = 0;
    check_u64("no end by time", (uint64_t)unit_next_due(u, CREATED), 20000);
    u->hold.reason = HOLD_FUTURE_RELEASE;
    u->hold.until_ms = 77;
    check_u64("until", (uint64_t)unit_next_due(u, CREATED), 77);
    u->hold.until_ms = 0;
    check_true("open", unit_next_due(u, CREATED) == NEVER_MS);
    u->hold.reason = HOLD_NONE;
    r->status = RCPT_PERM_FAILED;
    check_true("final", unit_is_final(u) && unit_next_due(u, CREATED) == NEVER_MS);
}

static void holds(void **state)
{
    (void)state;
    struct made m;
    struct unit *u = make(&m);
    const struct hold admin = {.reason = HOLD_ADMIN, .text = S("why"), .since_ms = 1500},
                      quarantine = {.reason = HOLD_QUARANTINE, .since_ms = 1600};
    check_true("not held", !unit_release(u, CREATED, NOW));
    check_true("held", unit_hold(u, &admin, CREATED));
    check_true("never looked at", u->due_ms == NEVER_MS);
    check_true("twice", !unit_hold(u, &admin, CREATED));
    check_true("no attempt meanwhile", !unit_retry(u, CREATED, NOW));
    check_true("released", unit_release(u, CREATED, 4500));
    check_u64("the attempt is due", (uint64_t)u->due_ms, 2000);
    check_u64("the notice comes later", (uint64_t)u->rcpts[1].notify_at_ms, 12000);
    check_u64("and the end", (uint64_t)u->rcpts[1].expiry_ms, 13000);
    check_u64("who is done is left alone", (uint64_t)u->rcpts[0].expiry_ms, 0);
    u = make(&m);
    check_true("quarantined", unit_hold(u, &quarantine, CREATED));
    check_true("the stronger reason stays", !unit_hold(u, &admin, CREATED));
    check_true("released", unit_release(u, CREATED, 5000));
    check_u64("all of the time", (uint64_t)u->rcpts[1].expiry_ms, 14000);
    u = make(&m);
    u->hold = (struct hold){.reason = HOLD_FUTURE_RELEASE, .until_ms = 90000};
    check_true("its release is not ours", !unit_release(u, CREATED, NOW));
    check_true("but an attempt may be", unit_retry(u, CREATED, 60000));
    check_u64("not held", u->hold.reason, HOLD_NONE);
    u = make(&m);
    u->rcpts[1].status = RCPT_COMPLETED;
    check_true("nothing to hold", !unit_hold(u, &admin, CREATED));
}

static void retries(void **state)
{
    (void)state;
    struct made m;
    struct unit *u = make(&m);
    check_true("earlier", unit_retry(u, CREATED, 1500));
    check_u64("due", (uint64_t)u->due_ms, 1500);
    check_u64("the end stays", u->rcpts[1].expiry, EXPIRY_TTL);
    check_u64("the count stays", u->rcpts[1].retry_count, 3);
    check_true("beyond the end", unit_retry(u, CREATED, 11000));
    check_u64("one attempt more", u->rcpts[1].expiry_attempts, 4);
    check_true("which no schedule moves", (u->rcpts[1].flags & RCPT_EXPIRY_FIXED) != 0);
    check_u64("the notice comes first", (uint64_t)u->due_ms, 9000);
    rcpt_cancel(&u->rcpts[1], CANCEL_SILENTLY, NOW);
    check_true("cancelled", unit_is_final(u));
    check_true("nobody is told", (u->rcpts[1].flags & RCPT_SILENT) != 0);
    rcpt_cancel(&u->rcpts[0], CANCEL_AND_TELL, NOW);
    check_true("somebody is", (u->rcpts[0].flags & RCPT_SILENT) == 0);
    check_str("and says so", u->rcpts[1].last.text, S("Delivery canceled."));
    check_true("nobody is pending", !unit_retry(u, CREATED, NOW));
}

static void words(void **state)
{
    (void)state;
    enum hold_reason reason = HOLD_NONE;
    for (size_t i = HOLD_FUTURE_RELEASE; i <= HOLD_QUARANTINE; i++) {
        check_true("known", hold_reason_find(hold_reason_word((enum hold_reason)i), &reason));
        check_u64("the same", reason, i);
    }
    check_true("no reason", !hold_reason_find(S(""), &reason));
    check_str("status", rcpt_status_word(RCPT_PERM_FAILED), S("permfail"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {TEST(dues), TEST(holds), TEST(retries), TEST(words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
