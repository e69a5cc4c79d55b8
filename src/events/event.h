// SPDX-License-Identifier: Apache-2.0
// events/event.h: saying what happened. The room stands below listen/, http/ and smtp/, so that
// each of them can; nothing is said by printf. Everything is an event: logs, live tracing, webhooks
// and counters are views of the same stream.
//
//     event(log, EV_NETWORK_LISTEN_START, F_STR(listenerId, id), F_IP(localIp, &ip),
//             F_U64(localPort, port), F_BOOL(tls, true));
//
// A disabled event costs one branch, and its arguments are not evaluated. Producing never blocks
// and never fails: events go to the worker's ring (events/log.h); when the log writer cannot keep
// up, the least important are lost first, and counted.
//
// What belongs together is a span: a session, an attempt, a request. It has an id, and all its
// events carry the fields that it began with:
//
//     struct span span;
//     span_begin(&span, log, EV_SMTP_CONNECTION_START, F_STR(listenerId, id), F_IP(remoteIp, &ip));
//     event_in(&span, EV_SMTP_EHLO, F_STR(domain, name));
//     event_in(&span, EV_SMTP_CONNECTION_END, F_MS(elapsed, ms));
//
// Ids and levels: events.def; fields: fields.def. A field given with a value of the wrong kind does
// not compile. Texts are bytes as they came from the peer: whoever shows them escapes them, so
// producers must not; they are cut at 1024 bytes. Passwords, tokens, SASL responses and keys never
// go into an event, at no level.
#pragma once

#include "base/base.h"
#include "base/ip.h"
#include "conf/glob.h"

#define EVENT_TEXT_BYTES_MAX 1024        // of one text; then an ellipsis
#define EVENT_RECORD_BYTES_MAX (8 * KIB) // of one event in all; further fields are left out
#define EVENT_NAME_BYTES_MAX 64          // "tls.multiple-certificates-available"
#define EVENT_NESTING_MAX 3              // events within events
#define SPAN_START_BYTES_MAX 192         // of the fields that a span hands down

enum event_level {
    LEVEL_DISABLE, // not produced
    LEVEL_ERROR,
    LEVEL_WARN,
    LEVEL_INFO,
    LEVEL_DEBUG,
    LEVEL_TRACE,
};

enum event_id {
#define EVENT(id, name, level, counted, fields, text, about) EV_##id,
#include "events/events.def"
    EVENT_COUNT
};

enum field_id {
#define FIELD(name, type, about) FIELD_##name,
#include "events/fields.def"
    FIELD_COUNT
};

enum field_kind {
    KIND_NULL,
    KIND_TEXT,
    KIND_BYTES,
    KIND_U64,
    KIND_I64,
    KIND_DOUBLE,
    KIND_BOOL,
    KIND_IP,
    KIND_TIME,     // ms since 1970
    KIND_DURATION, // ms
    KIND_ID,       // 16 hex digits
    KIND_LIST,     // of texts
    KIND_EVENT,
};

struct event_note { // an event within an event
    enum event_id id;
    const struct field *fields;
    size_t count;
};

struct field {
    uint8_t id;   // enum field_id
    uint8_t kind; // enum field_kind
    bool fits;    // made by the compiler's check
    union {
        struct str text;
        uint64_t number;
        int64_t signed_number;
        double real;
        bool boolean;
        const struct ip *ip;
        struct {
            const struct str *at;
            size_t count;
        } list;
        const struct event_note *event;
    } is;
};

// Which kinds of values a field of each type takes; null is a value of every type.
enum field_takes {
    TAKES_TEXT = 1 << KIND_TEXT | 1 << KIND_LIST,
    TAKES_BYTES = 1 << KIND_BYTES,
    TAKES_NUMBER = 1 << KIND_U64 | 1 << KIND_I64 | 1 << KIND_DOUBLE,
    TAKES_BOOL = 1 << KIND_BOOL,
    TAKES_IP = 1 << KIND_IP,
    TAKES_TIME = 1 << KIND_TIME,
    TAKES_DURATION = 1 << KIND_DURATION,
    TAKES_ID = 1 << KIND_ID,
    TAKES_EVENT = 1 << KIND_EVENT,
};
enum {
#define FIELD(name, type, about) FIELD_TAKES_##name = TAKES_##type | 1 << KIND_NULL,
#include "events/fields.def"
};
#define FIELD_FITS(name, kind) (sizeof(char[(FIELD_TAKES_##name & 1 << (kind)) != 0 ? 1 : -1]) == 1)
#define FIELD_OF(name, k, member, ...)                                                             \
    {                                                                                              \
        .id = FIELD_##name, .kind = (k), .fits = FIELD_FITS(name, k), .is.member = __VA_ARGS__     \
    }

#define F_STR(name, value) FIELD_OF(name, KIND_TEXT, text, (value))
#define F_BYTES(name, value) FIELD_OF(name, KIND_BYTES, text, (value))
#define F_U64(name, value) FIELD_OF(name, KIND_U64, number, (value))
#define F_I64(name, value) FIELD_OF(name, KIND_I64, signed_number, (value))
#define F_DOUBLE(name, value) FIELD_OF(name, KIND_DOUBLE, real, (value))
#define F_BOOL(name, value) FIELD_OF(name, KIND_BOOL, boolean, (value))
#define F_IP(name, pointer) FIELD_OF(name, KIND_IP, ip, (pointer)) // NULL or IP_NONE: null
#define F_TIME(name, at_ms) FIELD_OF(name, KIND_TIME, signed_number, (at_ms))
#define F_MS(name, span_ms) FIELD_OF(name, KIND_DURATION, signed_number, (span_ms))
#define F_ID(name, value) FIELD_OF(name, KIND_ID, number, (value))
#define F_LIST(name, array, length) FIELD_OF(name, KIND_LIST, list, {(array), (length)})
#define F_EVENT(name, note) FIELD_OF(name, KIND_EVENT, event, (note))
#define F_NULL(name) FIELD_OF(name, KIND_NULL, number, 0)
// The text of an error, for `reason`.
#define F_ERR(name, error) F_STR(name, err_text(error))

struct event_log; // events/log.h; one a worker

// One entry an event: 0 means that nobody wants it. It may lie in shared memory and change under
// us: log levels act at once.
struct event_wants {
    uint8_t of[EVENT_COUNT]; // WANT_... | level
};
#define WANT_LEVEL_MASK 7 // enum event_level
#define WANT_RECORD 8     // a tracer takes it
#define WANT_COUNT 16     // its counter is kept

struct span {
    struct event_log *log; // NULL: a span that says nothing
    uint64_t id;
    uint16_t start_bytes;
    uint8_t start[SPAN_START_BYTES_MAX]; // fields in the form of a record
};

// The log may be NULL: nothing is said.
#define event(log, id, ...) event_say_((log), NULL, (id), __VA_ARGS__)
#define event_in(span, id, ...) event_say_((span)->log, (span), (id), __VA_ARGS__)
// Takes a new id. The fields are kept even when the event itself is disabled.
#define span_begin(span, log, id, ...)                                                             \
    span_begin_with((span), (log), (id), (const struct field[]){__VA_ARGS__},                      \
            sizeof((const struct field[]){__VA_ARGS__}) / sizeof(struct field))

bool event_is_wanted(const struct event_log *log, enum event_id id);

// What the macros stand for; for those who make their fields one by one.
void event_produce(struct event_log *log, const struct span *span, enum event_id id,
        const struct field *fields, size_t count);
void span_begin_with(struct span *span, struct event_log *log, enum event_id id,
        const struct field *fields, size_t count);

#define event_say_(to_log, in_span, event_id, ...)                                                 \
    do {                                                                                           \
        struct event_log *say_log_ = (to_log);                                                     \
        if (event_wants_fast_(say_log_, (event_id)))                                               \
            event_produce(say_log_, (in_span), (event_id), (const struct field[]){__VA_ARGS__},    \
                    sizeof((const struct field[]){__VA_ARGS__}) / sizeof(struct field));           \
    } while (0)

struct event_log_head { // the part of an event_log that the branch above looks at
    const struct event_wants *wants;
};
static inline bool event_wants_fast_(const struct event_log *log, enum event_id id)
{
    const struct event_log_head *head = (const struct event_log_head *)(const void *)log;
    return log != NULL && __atomic_load_n(&head->wants->of[id], __ATOMIC_RELAXED) != 0;
}

// -- The tables ---------------------------------------------------------------------------------

struct event_row {
    struct str name; // "network.bind-error"
    enum event_level level;
    bool counted;
    struct str fields; // names, blank separated
    struct str text;   // "Network bind error"
    struct str about;
};
const struct event_row *event_row(enum event_id id);

struct field_row {
    struct str name;
    struct str type; // "text", "number", ...
    struct str about;
};
const struct field_row *field_row(enum field_id id);
bool field_by_name(struct str name, enum field_id *out);

// Also by the names of the compatible software's newer versions ("registry.parse-error").
bool event_by_name(struct str name, enum event_id *out);
struct str event_level_name(enum event_level level); // "info"
bool event_level_by_name(struct str name, enum event_level *out);

// What an id or glob in the configuration speaks of.
enum event_known {
    EVENT_KNOWN,   // at least one event of the table
    EVENT_LATER,   // of a family whose events come with a later part of the server
    EVENT_UNKNOWN, // nothing: a slip
};
enum event_known event_pattern_known(const struct glob *glob);
bool event_matches(enum event_id id, const struct glob *glob);
struct str event_nearest(struct str name); // for "did you mean"; null: none is near
