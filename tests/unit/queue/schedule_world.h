// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/schedule_world.h: schedules of a configuration, and a unit with one recipient
// that goes through them on a clock of its own.
#pragma once

#include "../base/check.h"

#include "../conf/conf_of.h"

#include "queue/schedule/schedule.h"

#define CREATED_MS INT64_C(1800000000000)

struct schedules {
    struct arena arena;
    struct findings findings;
    struct conf *conf;
    struct schedule_settings settings;
};

static inline void schedules_load(struct schedules *l, const char *text)
{
    arena_init(&l->arena, 256 * MIB);
    l->findings = findings_make(&l->arena);
    l->conf = conf_of(str_from_c(text), &l->findings);
    struct err e = schedule_settings_make(&l->arena, l->conf, &l->findings, &l->settings);
    check_str("made", err_text(e), S(""));
}

static inline void schedules_unload(struct schedules *l)
{
    conf_free(l->conf);
    arena_done(&l->arena);
}

struct waiting { // a message to one recipient
    struct message message;
    struct unit unit;
    struct recipient rcpt;
};

static inline void waiting_begin(struct waiting *w, const struct schedules *l, const char *schedule)
{
    const struct schedule *s = schedule_named(&l->settings, str_from_c(schedule));
    assert_non_null(s);
    w->message.units = &w->unit;
    w->message.unit_count = 1;
    w->rcpt.address = S("bob@far.example");
    w->unit.rcpts = &w->rcpt;
    w->unit.rcpt_count = 1;
    schedule_begin(s, &w->message, &w->rcpt);
    schedule_begin_unit(s, &w->message, &w->unit);
}

static inline struct waiting waiting_made(void)
{
    return (struct waiting){.message = {.created_ms = CREATED_MS, .sender = S("ann@here.example")},
            .rcpt = {.flags = RCPT_NOTIFY_FAILURE | RCPT_NOTIFY_DELAY | RCPT_NOTIFY_IMPLICIT}};
}

static inline struct schedule_job waiting_job(
        const struct waiting *w, struct schedules *l, int64_t now_ms)
{
    return (struct schedule_job){.settings = &l->settings,
            .message = &w->message,
            .wall_now_ms = now_ms,
            .arena = &l->arena};
}

// The host does not answer.
static inline struct schedule_verdict temporary(void)
{
    return (struct schedule_verdict){.verdict = VERDICT_TEMPORARY,
            .outcome = {.kind = FAILURE_CONNECTION,
                    .entity = S("mx.far.example"),
                    .enhanced = S("4.4.1"),
                    .text = S("no answer")}};
}

static inline void waiting_after(
        struct waiting *w, struct schedules *l, int64_t now_ms, struct schedule_verdict verdict)
{
    struct schedule_job job = waiting_job(w, l, now_ms);
    struct err e = schedule_after(&job, &w->unit, &verdict);
    check_str("after", err_text(e), S(""));
}

static inline uint8_t waiting_look(struct waiting *w, struct schedules *l, int64_t now_ms)
{
    struct schedule_job job = waiting_job(w, l, now_ms);
    struct schedule_look look;
    struct err e = schedule_look(&job, &w->unit, &look);
    check_str("look", err_text(e), S(""));
    return look.of_rcpt[0];
}
