// SPDX-License-Identifier: Apache-2.0
// events/settings.h: what the configuration says about logs and metrics (operations.md 6.3, 6.4).
// Everything lives in the arena given.
//
//     struct telemetry *t = telemetry_load(a, conf, &findings);   // NULL only without memory
//     struct writer *w = writer_new(t, outside_real(), &column, wall_ms());
//     shared->wants = t->wants;                                    // workers see it at once
#pragma once

#include "conf/conf.h"
#include "events/event.h"
#include "events/text.h"

#define TRACERS_MAX 16

enum tracer_type { TRACER_LOG, TRACER_CONSOLE, TRACER_JOURNAL };
enum tracer_rotate { ROTATE_DAILY, ROTATE_HOURLY, ROTATE_MINUTELY, ROTATE_NEVER };
enum tracer_compress { COMPRESS_NONE, COMPRESS_GZIP };
enum tracer_target { TARGET_STDERR, TARGET_STDOUT };

struct tracer {
    struct str id;
    enum tracer_type type;
    bool lossy;
    bool takes[EVENT_COUNT];      // by level, events and disabled-events
    uint32_t sample[EVENT_COUNT]; // one of so many is written; 0 and 1: all
    struct text_style style;
    // log
    struct str path, prefix; // folder, start of the file's name
    enum tracer_rotate rotate;
    uint64_t rotate_bytes; // 0: not by size
    uint64_t keep_count;   // 0: all
    uint64_t keep_days;    // 0: for ever
    enum tracer_compress compress;
    // console
    enum tracer_target target;
    bool buffered;
};

struct telemetry {
    struct tracer *tracers;
    size_t tracer_count; // enabled ones
    struct event_wants wants;
    bool lossless; // some tracer is not lossy
    // metrics
    bool prometheus;
    struct str prometheus_user, prometheus_secret; // null: no login is asked for
    struct str metrics_prefix;
    bool metrics_compatible_names;
};

// Findings: unknown event ids (warning, with the nearest one), second console or journal (error).
// Without an enabled tracer there is a console tracer at info.
struct telemetry *telemetry_load(
        struct arena *a, const struct conf *conf, struct findings *findings);
// Fills `wants` and `lossless` from the tracers; `globs` are events whose counters are off.
void telemetry_want(struct telemetry *t, const enum event_level *levels, const struct glob *globs,
        size_t glob_count);
