// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_dsn_due.c: who is owed a report, with which status, and whether it leaves.
#include "../base/check.h"

#include "limits/shared.h"
#include "queue/dsn/dsn.h"

#define NOW_MS INT64_C(1772529327000)

// --- The table of queue.md 12.1 ------------------------------------------------------------------

enum became {
    LOCAL,
    TO_DSN_HOP,
    TO_PLAIN_HOP,
    BY_TO_PLAIN_HOP,
    BY_TO_DSN_HOP,
    FAILED,
    MARKED,
    OPEN,
    EXPANDED
};

static const struct {
    const char *name;
    enum became became;
    uint32_t notify;
    enum dsn_action action;
    bool sent; // RCPT_DSN_SENT afterwards
} due_cases[] = {
        {"mailbox, success", LOCAL, RCPT_NOTIFY_SUCCESS, DSN_DELIVERED, true},
        {"mailbox, failure", LOCAL, RCPT_NOTIFY_FAILURE, DSN_NONE, true},
        {"mailbox, never", LOCAL, RCPT_NOTIFY_NEVER, DSN_NONE, true},
        {"mailbox, nothing said", LOCAL,
                RCPT_NOTIFY_FAILURE | RCPT_NOTIFY_DELAY | RCPT_NOTIFY_IMPLICIT, DSN_NONE, true},
        {"a hop with DSN, success", TO_DSN_HOP, RCPT_NOTIFY_SUCCESS, DSN_NONE, true},
        {"a hop with DSN, never", TO_DSN_HOP, RCPT_NOTIFY_NEVER, DSN_NONE, true},
        {"a hop without, success", TO_PLAIN_HOP, RCPT_NOTIFY_SUCCESS, DSN_RELAYED, true},
        {"a hop without, failure", TO_PLAIN_HOP, RCPT_NOTIFY_FAILURE, DSN_NONE, true},
        {"a hop without, never", TO_PLAIN_HOP, RCPT_NOTIFY_NEVER, DSN_NONE, true},
        {"a deadline, to a hop without", BY_TO_PLAIN_HOP, RCPT_NOTIFY_FAILURE, DSN_RELAYED, true},
        {"a deadline, to a hop without, never", BY_TO_PLAIN_HOP, RCPT_NOTIFY_NEVER, DSN_NONE, true},
        {"a trace, to a hop with DSN", BY_TO_DSN_HOP, RCPT_NOTIFY_FAILURE, DSN_RELAYED, true},
        {"failed, failure", FAILED, RCPT_NOTIFY_FAILURE, DSN_FAILED, true},
        {"failed, success", FAILED, RCPT_NOTIFY_SUCCESS, DSN_NONE, true},
        {"failed, delay", FAILED, RCPT_NOTIFY_DELAY, DSN_NONE, true},
        {"failed, never", FAILED, RCPT_NOTIFY_NEVER, DSN_NONE, true},
        {"a mark, delay", MARKED, RCPT_NOTIFY_DELAY | RCPT_NOTIFY_FAILURE, DSN_DELAYED, false},
        {"a mark, failure", MARKED, RCPT_NOTIFY_FAILURE, DSN_NONE, false},
        {"a mark, never", MARKED, RCPT_NOTIFY_NEVER, DSN_NONE, false},
        {"no mark, delay", OPEN, RCPT_NOTIFY_DELAY, DSN_NONE, false},
        {"a list, success", EXPANDED, RCPT_NOTIFY_SUCCESS, DSN_EXPANDED, true},
        {"a list, never", EXPANDED, RCPT_NOTIFY_NEVER, DSN_NONE, true},
};

static void become(struct recipient *r, enum became became)
{
    r->status = RCPT_COMPLETED;
    switch (became) {
    case LOCAL:
        dsn_completed(r, DSN_HOP_FINAL, false);
        return;
    case TO_DSN_HOP:
        dsn_completed(r, DSN_HOP_TAKES_OVER, false);
        return;
    case TO_PLAIN_HOP:
        dsn_completed(r, DSN_HOP_PLAIN, false);
        return;
    case BY_TO_PLAIN_HOP:
        dsn_completed(r, DSN_HOP_PLAIN, true);
        return;
    case BY_TO_DSN_HOP:
        dsn_completed(r, DSN_HOP_TAKES_OVER, true);
        return;
    case FAILED:
        r->status = RCPT_PERM_FAILED;
        return;
    case EXPANDED:
        r->flags |= RCPT_EXPANDED_DSN_OWED;
        return;
    case MARKED:
    case OPEN:
        r->status = RCPT_TEMP_FAILED;
        return;
    }
}

static void who_is_owed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(due_cases); i++) {
        const char *name = due_cases[i].name;
        bool marked = due_cases[i].became == MARKED;
        struct recipient r = {.flags = due_cases[i].notify};
        become(&r, due_cases[i].became);
        enum dsn_action action = dsn_due(&r, marked);
        check_u64(name, action, due_cases[i].action);
        check_u64(name, dsn_due(&r, marked), action); // it is owed until it is marked
        dsn_mark(&r, action);
        check_u64(name, (r.flags & RCPT_DSN_SENT) != 0, due_cases[i].sent);
        if (due_cases[i].sent)
            check_u64(name, dsn_due(&r, marked), DSN_NONE);
    }
}

static void a_failure_after_a_delay(void **state)
{
    (void)state;
    struct recipient r = {
            .status = RCPT_TEMP_FAILED, .flags = RCPT_NOTIFY_DELAY | RCPT_NOTIFY_FAILURE};
    check_u64("first", dsn_due(&r, true), DSN_DELAYED);
    dsn_mark(&r, DSN_DELAYED);
    check_u64("second mark", dsn_due(&r, true), DSN_DELAYED);
    r.status = RCPT_PERM_FAILED;
    check_u64("then", dsn_due(&r, true), DSN_FAILED);
}

// --- Status, queue.md 12.6 -----------------------------------------------------------------------

#define SAID(the_code, the_enhanced, the_command, the_text)                                        \
    {                                                                                              \
        .kind = FAILURE_UNEXPECTED_REPLY, .code = (the_code), .enhanced = S_INIT(the_enhanced),    \
        .command = S_INIT(the_command), .text = S_INIT(the_text), .at_ms = 1                       \
    }
#define HERE(the_kind, the_enhanced)                                                               \
    {                                                                                              \
        .kind = (the_kind), .enhanced = S_INIT(the_enhanced), .at_ms = 1                           \
    }

static const struct {
    const char *name;
    enum rcpt_status status;
    enum dsn_action action;
    uint32_t flags; // of the message
    struct outcome last;
    const char *want;
} status_cases[] = {
        {"its own", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(550, "5.7.26", "DATA", ""), "5.7.26"},
        {"of another class", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(550, "4.7.1", "DATA", ""),
                "5.0.0"},
        {"no status", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(554, "5.1", "DATA", ""), "5.0.0"},
        {"of class 3", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(554, "3.1.1", "DATA", ""), "5.0.0"},
        {"with a tail", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(554, "5.1.1x", "DATA", ""), "5.0.0"},
        {"421", RCPT_TEMP_FAILED, DSN_DELAYED, 0, SAID(421, "", "", ""), "4.4.2"},
        {"450 to RCPT", RCPT_TEMP_FAILED, DSN_DELAYED, 0, SAID(450, "", "RCPT TO", ""), "4.2.0"},
        {"450 to DATA", RCPT_TEMP_FAILED, DSN_DELAYED, 0, SAID(450, "", "DATA", ""), "4.0.0"},
        {"451", RCPT_TEMP_FAILED, DSN_DELAYED, 0, SAID(451, "", "DATA", ""), "4.3.0"},
        {"452", RCPT_TEMP_FAILED, DSN_DELAYED, 0, SAID(452, "", "MAIL FROM", ""), "4.3.1"},
        {"452 to RCPT", RCPT_TEMP_FAILED, DSN_DELAYED, 0, SAID(452, "", "RCPT TO:<a@b>", ""),
                "4.5.3"},
        {"455", RCPT_TEMP_FAILED, DSN_DELAYED, 0, SAID(455, "", "MAIL FROM", ""), "4.5.4"},
        {"499", RCPT_TEMP_FAILED, DSN_DELAYED, 0, SAID(499, "", "MAIL FROM", ""), "4.0.0"},
        {"500", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(500, "", "MAIL FROM", ""), "5.5.2"},
        {"501", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(501, "", "MAIL FROM", ""), "5.5.4"},
        {"502", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(502, "", "MAIL FROM", ""), "5.5.1"},
        {"503", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(503, "", "MAIL FROM", ""), "5.5.1"},
        {"504", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(504, "", "MAIL FROM", ""), "5.5.4"},
        {"521", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(521, "", "", ""), "5.3.2"},
        {"530", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(530, "", "MAIL FROM", ""), "5.7.0"},
        {"535", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(535, "", "AUTH", ""), "5.7.8"},
        {"550 to RCPT, nobody", RCPT_PERM_FAILED, DSN_FAILED, 0,
                SAID(550, "", "RCPT TO", "<a@b>: User Unknown"), "5.1.1"},
        {"550 to RCPT, not found", RCPT_PERM_FAILED, DSN_FAILED, 0,
                SAID(550, "", "RCPT TO", "Mailbox not found."), "5.1.1"},
        {"550 to RCPT, unknown what", RCPT_PERM_FAILED, DSN_FAILED, 0,
                SAID(550, "", "RCPT TO", "unknown"), "5.2.0"},
        {"550 to DATA, nobody", RCPT_PERM_FAILED, DSN_FAILED, 0,
                SAID(550, "", "DATA", "user unknown"), "5.0.0"},
        {"552 to RCPT", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(552, "", "RCPT TO", ""), "5.2.2"},
        {"552 to DATA", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(552, "", "DATA", ""), "5.3.4"},
        {"553", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(553, "", "RCPT TO", ""), "5.1.3"},
        {"554", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(554, "", "DATA", ""), "5.0.0"},
        {"555", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(555, "", "MAIL FROM", ""), "5.5.4"},
        {"556", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(556, "", "RCPT TO", ""), "5.1.10"},
        {"no such domain", RCPT_PERM_FAILED, DSN_FAILED, 0, HERE(FAILURE_DNS, ""), "5.1.2"},
        {"null MX", RCPT_PERM_FAILED, DSN_FAILED, 0, HERE(FAILURE_DNS, "5.1.10"), "5.1.10"},
        {"no DNS", RCPT_TEMP_FAILED, DSN_DELAYED, 0, HERE(FAILURE_DNS, ""), "4.4.3"},
        {"no connection", RCPT_TEMP_FAILED, DSN_DELAYED, 0, HERE(FAILURE_CONNECTION, ""), "4.4.1"},
        {"no host at all", RCPT_PERM_FAILED, DSN_FAILED, 0, HERE(FAILURE_CONNECTION, ""), "5.4.4"},
        {"no TLS", RCPT_PERM_FAILED, DSN_FAILED, 0, HERE(FAILURE_TLS, "5.7.30"), "5.7.30"},
        {"no DANE", RCPT_TEMP_FAILED, DSN_DELAYED, 0, HERE(FAILURE_DANE, ""), "4.7.5"},
        {"a limit", RCPT_TEMP_FAILED, DSN_DELAYED, 0, HERE(FAILURE_RATE, ""), "4.4.5"},
        {"here", RCPT_PERM_FAILED, DSN_FAILED, 0, HERE(FAILURE_IO, ""), "5.3.0"},
        {"cancelled", RCPT_PERM_FAILED, DSN_FAILED, 0, HERE(FAILURE_IO, "5.7.0"), "5.7.0"},
        {"time is up", RCPT_PERM_FAILED, DSN_FAILED, 0, SAID(451, "4.7.1", "DATA", ""), "4.7.1"},
        {"time is up, unreached", RCPT_PERM_FAILED, DSN_FAILED, 0,
                HERE(FAILURE_CONNECTION, "4.4.1"), "4.4.1"},
        {"time is up, untried", RCPT_PERM_FAILED, DSN_FAILED, 0, {0}, "4.4.7"},
        {"a deadline is over", RCPT_PERM_FAILED, DSN_FAILED, MESSAGE_BY_RETURN,
                SAID(451, "4.7.1", "DATA", ""), "5.4.7"},
        {"time is up, and nobody could protect it", RCPT_PERM_FAILED, DSN_FAILED,
                MESSAGE_REQUIRETLS, HERE(FAILURE_MTA_STS, "4.7.5"), "5.7.30"},
        {"time is up, for another reason", RCPT_PERM_FAILED, DSN_FAILED, MESSAGE_REQUIRETLS,
                HERE(FAILURE_CONNECTION, "4.4.1"), "4.4.1"},
        {"nobody can protect it yet", RCPT_TEMP_FAILED, DSN_DELAYED, MESSAGE_REQUIRETLS,
                HERE(FAILURE_TLS, "4.7.5"), "4.7.5"},
        {"refused before its deadline", RCPT_PERM_FAILED, DSN_FAILED, MESSAGE_BY_RETURN,
                SAID(550, "5.7.1", "DATA", ""), "5.7.1"},
        {"a wish is over", RCPT_TEMP_FAILED, DSN_DELAYED, MESSAGE_BY_NOTIFY,
                SAID(451, "4.7.1", "DATA", ""), "4.4.7"},
        {"delayed untried", RCPT_SCHEDULED, DSN_DELAYED, 0, {0}, "4.4.7"},
        {"relayed", RCPT_COMPLETED, DSN_RELAYED, 0, {.code = 250, .at_ms = 1}, "2.0.0"},
        {"delivered", RCPT_COMPLETED, DSN_DELIVERED, 0,
                {.code = 250, .enhanced = S_INIT("2.1.5"), .at_ms = 1}, "2.1.5"},
        {"delivered here", RCPT_COMPLETED, DSN_DELIVERED, 0, {.at_ms = 1}, "2.0.0"},
        {"expanded", RCPT_COMPLETED, DSN_EXPANDED, 0, {.at_ms = 1}, "2.0.0"},
};

static void statuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(status_cases); i++) {
        struct arena a;
        arena_init(&a, 64 * KIB);
        struct message m = {.flags = status_cases[i].flags};
        struct recipient r = {.status = status_cases[i].status, .last = status_cases[i].last};
        check_str(status_cases[i].name, dsn_status(&a, &m, &r, status_cases[i].action),
                str_from_c(status_cases[i].want));
        arena_done(&a);
    }
}

// --- Whether -------------------------------------------------------------------------------------

static const struct {
    const char *name, *sender;
    uint32_t flags;
    bool send;
    enum dsn_fate fate;
} fate_cases[] = {
        {"somebody", "ann@a.example", MESSAGE_UNAUTHENTICATED, true, DSN_FATE_SEND},
        {"nobody", "", MESSAGE_UNAUTHENTICATED, true, DSN_FATE_DOUBLE_BOUNCE},
        {"nobody, switched off", "", MESSAGE_UNAUTHENTICATED, false, DSN_FATE_DOUBLE_BOUNCE},
        {"a report", "ann@a.example", MESSAGE_REPORT, true, DSN_FATE_NEVER},
        {"a report of nobody", "", MESSAGE_REPORT, true, DSN_FATE_NEVER},
        {"a notification", "ann@a.example", MESSAGE_DSN, true, DSN_FATE_NEVER},
        {"a notification of nobody", "", MESSAGE_DSN, true, DSN_FATE_DOUBLE_BOUNCE},
        {"the sender of them", "Mailer-Daemon@a.example", MESSAGE_AUTHENTICATED, true,
                DSN_FATE_NEVER},
        {"switched off", "ann@a.example", MESSAGE_AUTHENTICATED, false, DSN_FATE_OFF},
};

static void whether_it_leaves(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fate_cases); i++) {
        struct dsn_settings s = {.rate = {.count = 100, .period_ms = HOUR_MS}};
        struct dsn_words words = {
                .from_address = S("MAILER-DAEMON@a.example"), .send = fate_cases[i].send};
        struct message m = {
                .sender = str_from_c(fate_cases[i].sender), .flags = fate_cases[i].flags};
        check_u64(
                fate_cases[i].name, dsn_fate_of(&s, NULL, &m, &words, NOW_MS), fate_cases[i].fate);
    }
}

static enum dsn_fate fate_at(
        struct dsn_rates *rates, uint32_t count, const char *sender, int64_t now_ms)
{
    struct dsn_settings s = {.rate = {.count = count, .period_ms = HOUR_MS}};
    struct dsn_words words = {.send = true};
    struct message m = {.sender = str_from_c(sender)};
    return dsn_fate_of(&s, rates, &m, &words, now_ms);
}

static void so_many_in_an_hour(void **state)
{
    (void)state;
    struct limits_shared *shared = mem_new(struct limits_shared);
    assert_non_null(shared);
    limits_shared_init(shared, 7);
    struct dsn_rates *rates = dsn_rates_new(shared), *other = dsn_rates_new(shared);
    assert_true(rates != NULL && other != NULL);
    for (int i = 0; i < 3; i++)
        check_u64("below", fate_at(rates, 3, "ann@a.example", NOW_MS), DSN_FATE_SEND);
    check_u64("none suppressed", dsn_rates_suppressed(rates, NOW_MS), 0);
    check_u64("beyond", fate_at(rates, 3, "ann@a.example", NOW_MS), DSN_FATE_RATE);
    check_u64("in capitals", fate_at(rates, 3, "ANN@a.example", NOW_MS), DSN_FATE_RATE);
    check_u64("by another worker", fate_at(other, 3, "ann@a.example", NOW_MS), DSN_FATE_RATE);
    check_u64("which tells of its own", dsn_rates_suppressed(other, NOW_MS), 1);
    check_u64("another", fate_at(rates, 3, "bob@a.example", NOW_MS), DSN_FATE_SEND);
    check_u64("told", dsn_rates_suppressed(rates, NOW_MS), 2);
    check_u64("beyond", fate_at(rates, 3, "ann@a.example", NOW_MS), DSN_FATE_RATE);
    check_u64("not yet", dsn_rates_suppressed(rates, NOW_MS + MINUTE_MS - 1), 0);
    check_u64("a minute later", dsn_rates_suppressed(rates, NOW_MS + MINUTE_MS), 1);
    check_u64("a token later", fate_at(rates, 3, "ann@a.example", NOW_MS + HOUR_MS / 3),
            DSN_FATE_SEND);
    check_u64("no rate", fate_at(rates, 0, "ann@a.example", NOW_MS), DSN_FATE_SEND);
    dsn_rates_free(rates);
    dsn_rates_free(other);
    mem_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(who_is_owed),
            TEST(a_failure_after_a_delay),
            TEST(statuses),
            TEST(whether_it_leaves),
            TEST(so_many_in_an_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
