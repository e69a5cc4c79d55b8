// SPDX-License-Identifier: Apache-2.0
// tests/unit/events/test_tables.c: the tables are in order, and ids are found as people write them.
#include "../base/check.h"

#include "events/event.h"
#include "events/metrics.h"

static void events_are_in_order(void **unused UNUSED)
{
    for (size_t i = 0; i < EVENT_COUNT; i++) {
        const struct event_row *row = event_row((enum event_id)i);
        struct str rest = row->fields, name;
        enum field_id field;
        enum event_id again = EVENT_COUNT;
        check_true(row->name.ptr, row->name.len < EVENT_NAME_BYTES_MAX - 16);
        check_true(row->name.ptr, event_by_name(row->name, &again) && again == (enum event_id)i);
        while (rest.len > 0 && str_split(&rest, ' ', &name))
            check_true(name.ptr, field_by_name(name, &field));
        check_true("text and meaning", row->text.len > 0 && row->about.len > 0);
        check_true("printable", str_is_ascii(row->text) && !str_contains(row->text, S("\"")));
    }
}

// A metric of an explicit row must not have the name of an event's counter.
static void metric_names_are_distinct(void **unused UNUSED)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        struct str name = metric_row((enum metric_id)i)->name;
        enum event_id event;
        if (event_by_name(name, &event))
            check_true(name.ptr, !event_row(event)->counted);
        for (size_t j = 0; j < i; j++)
            check_true(name.ptr, !str_eq(name, metric_row((enum metric_id)j)->name));
    }
}

static const struct {
    struct str pattern;
    enum event_known known;
    struct str nearest;
} patterns[] = {
        {S_INIT("smtp.ehlo"), EVENT_KNOWN, S_INIT("smtp.ehlo")},
        {S_INIT("network.*"), EVENT_KNOWN, {NULL, 0}},
        {S_INIT("*"), EVENT_KNOWN, {NULL, 0}},
        {S_INIT("*.connection-start"), EVENT_KNOWN, {NULL, 0}},
        {S_INIT("registry.parse-error"), EVENT_KNOWN, {NULL, 0}}, // a newer name of config.
        {S_INIT("registry.*-error"), EVENT_KNOWN, {NULL, 0}},
        {S_INIT("queue.lease-lost"), EVENT_LATER, {NULL, 0}},
        {S_INIT("queue.rescheduled"), EVENT_KNOWN, {NULL, 0}},
        {S_INIT("delivery.*"), EVENT_KNOWN, {NULL, 0}},
        {S_INIT("imap.connection-start"), EVENT_LATER, {NULL, 0}},
        {S_INIT("task-manager.task-queued"), EVENT_LATER, {NULL, 0}},
        {S_INIT("smtp.not-built-yet"), EVENT_LATER, {NULL, 0}}, // the rest of the family is to come
        {S_INIT("network.bind-eror"), EVENT_UNKNOWN, S_INIT("network.bind-error")},
        {S_INIT("tls.handshakes"), EVENT_UNKNOWN, S_INIT("tls.handshake")},
        {S_INIT("nonsense"), EVENT_UNKNOWN, {NULL, 0}},
        {S_INIT(""), EVENT_UNKNOWN, {NULL, 0}},
        {S_INIT("networks.*"), EVENT_UNKNOWN, {NULL, 0}},
};

static void patterns_are_judged(void **unused UNUSED)
{
    struct arena a;
    arena_init(&a, 64 * KIB);
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        struct glob glob;
        assert_false(failed(glob_compile(&a, patterns[i].pattern, GLOB_EXACT, &glob)));
        check_u64(patterns[i].pattern.ptr, event_pattern_known(&glob), patterns[i].known);
        if (patterns[i].nearest.ptr != NULL)
            check_str("nearest", event_nearest(patterns[i].pattern), patterns[i].nearest);
    }
    check_true("nothing is near", str_is_null(event_nearest(S("nonsense"))));
    arena_done(&a);
}

static void levels_by_name(void **unused UNUSED)
{
    for (int level = LEVEL_DISABLE; level <= LEVEL_TRACE; level++) {
        enum event_level again;
        check_true(
                "known", event_level_by_name(event_level_name((enum event_level)level), &again) &&
                                 again == (enum event_level)level);
    }
    enum event_level none;
    check_true("unknown", !event_level_by_name(S("loud"), &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(events_are_in_order),
            TEST(metric_names_are_distinct),
            TEST(patterns_are_judged),
            TEST(levels_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
