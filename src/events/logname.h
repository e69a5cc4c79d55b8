// SPDX-License-Identifier: Apache-2.0
// events/logname.h: names of log files: made from the time, and read back strictly, so that nothing
// is ever removed that a log tracer did not make.
#pragma once

#include "events/settings.h"

struct logname {
    struct str name; // whole
    struct str date; // "2026-11-21T14", empty when the tracer never rotates by time
    bool numbered;   // full by size
    uint64_t number;
    bool packed;      // ends with .gz
    bool half_packed; // ends with .gz.part: a compression that was interrupted
    bool gone;
    int64_t modified_ms;
};

int64_t logname_period_ms(enum tracer_rotate rotate); // 0: never
void logname_add(struct buf *out, struct str prefix, enum tracer_rotate rotate, int64_t now_ms);
// False for the file of a tracer that never rotates, "<prefix>", and for all others' files.
bool logname_parse(struct str name, struct str prefix, struct logname *out);
int logname_compare(const struct logname *a, const struct logname *b); // < 0: a is older
