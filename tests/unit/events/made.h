// SPDX-License-Identifier: Apache-2.0
// tests/unit/events/made.h: records made by hand, for tests of those that read them.
#pragma once

#include "../base/check.h"

#include "events/record.h"
#include "events/text.h"

#define NOON INT64_C(1740823200123) // 2025-03-01T10:00:00.123Z
#define SPAN_ID UINT64_C(0x097cafc65e804183)

#define RECORD(b, event_id, in_span, ...)                                                          \
    record_made((b), (event_id), (in_span), (const struct field[]){__VA_ARGS__},                   \
            sizeof((const struct field[]){__VA_ARGS__}) / sizeof(struct field))

struct bytes {
    char at[EVENT_RECORD_BYTES_MAX];
};

static inline struct bytes *bytes_new(void)
{
    struct bytes *b = mem_new(struct bytes);
    assert_non_null(b);
    return b;
}

static inline void bytes_free(struct bytes **b)
{
    mem_free(*b);
}

static inline struct str record_bytes(struct bytes *b, enum event_id id, uint64_t span_id,
        const struct field *fields, size_t count)
{
    struct record_head head = {.id = id,
            .level = event_row(id)->level,
            .node = 1,
            .slot = 2,
            .sequence = 7,
            .at_ms = NOON,
            .span_id = span_id};
    return str_of(b->at, record_write(b->at, sizeof(b->at), &head, NULL, fields, count));
}

static inline struct record record_made(struct bytes *b, enum event_id id, uint64_t span_id,
        const struct field *fields, size_t count)
{
    struct record r = {0};
    struct str bytes = record_bytes(b, id, span_id, fields, count);
    check_true("a record reads back", record_take(&bytes, &r) && bytes.len == 0);
    return r;
}
