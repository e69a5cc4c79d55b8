// SPDX-License-Identifier: Apache-2.0
// deliver/shape/suspend.h: what a person, or a rule about replies, has ordered at run time about
// mail on its way out: nothing leaves (queue.md 13.3), less leaves (a throttle, 13.10), the
// back-off values of queue.shaping hold (outbound.md 28.2), or TLS is not even tried (19.3:
// disable-tls), where nothing demands it. Each order names what it is about: all that it names must
// fit. Mail that is suspended is put off, not held: it is looked at again within 15 minutes, it
// ages, expires, and its senders are told of delays.
//
// Orders are kept in a file of the state folder, `suspended`, as pauses are
// (queue/control/pauses.h): they survive restarts, the command line and all workers change it under
// a lock, and workers read it when it has changed. A line is a JSON object, as `queue suspend
// --list --json` gives it:
//
//     {"order":"suspend","domain":"example.net","since":1763768100000,"until":1763775300000,
//      "by":"ann","automatic":false,"reason":"their maintenance"}
//
// Who looks for an order gives what is known at that moment and the stage: an order is looked for
// at the stage at which the last thing that it names becomes known.
//
//     const struct suspend_values values = {.rcpt_domain = u->domain, .queue = u->queue, ...};
//     const struct suspension *s = suspensions_find(all, SUSPEND_STOP, SUSPEND_AT_UNIT, &values,
//             wall_ms());
#pragma once

#include "base/ip.h"
#include "conf/types.h"
#include "queue/message.h"

#define SUSPENSIONS_MAX 2000
#define SUSPEND_RECHECK_MS (15 * MINUTE_MS) // queue.md 13.3
#define SUSPEND_PERMITS_MAX 1000000

enum suspend_kind { SUSPEND_STOP, SUSPEND_THROTTLE, SUSPEND_BACKOFF, SUSPEND_TLS };

enum suspend_scope {
    SUSPEND_RCPT_DOMAIN,
    SUSPEND_SENDER,
    SUSPEND_SENDER_DOMAIN,
    SUSPEND_QUEUE, // virtual queue
    SUSPEND_TAG,   // name=value
    SUSPEND_ROUTE, // the next hop: a route's id
    SUSPEND_MX_SITE,
    SUSPEND_MX,        // a host's name
    SUSPEND_SOURCE_IP, // one of our addresses
    SUSPEND_SCOPES
};

// When it can be told whether an order fits: of a unit, of its recipients of a route, of hosts, of
// one host, of a connection from one of our addresses.
enum suspend_stage {
    SUSPEND_AT_UNIT,
    SUSPEND_AT_ROUTE,
    SUSPEND_AT_SITE,
    SUSPEND_AT_HOST,
    SUSPEND_AT_SOURCE,
};

struct suspension {
    enum suspend_kind kind;
    struct str scope[SUSPEND_SCOPES]; // null: whatever it is; not all are null
    struct rate rate;                 // of SUSPEND_THROTTLE; count 0: none
    uint32_t concurrency;             // the same; 0: none
    int64_t since_ms, until_ms;       // until NEVER_MS: until somebody lifts it
    struct str reason, by;            // by: a person, or the rule
    bool is_automatic;                // by a rule
};

struct suspensions {
    VEC(struct suspension) all;
};

// What is known of an attempt; null: not yet. Domains are in lower case.
struct suspend_values {
    struct str scope[SUSPEND_SCOPES]; // SUSPEND_TAG is not among them
    const struct message_tag *tags;
    size_t tag_count;
};

struct conf;
struct json_out;

struct str suspensions_path(struct arena *a, const struct conf *conf);
// Blocking calls. No file: there is none. ERR_SYNTAX: the line is told.
struct err suspensions_read(struct arena *a, struct str path, struct suspensions *out) MUST_USE;
// For tests and the fuzzer: the text of such a file.
struct err suspensions_parse(struct arena *a, struct str text, struct suspensions *out) MUST_USE;

// Reads, changes and replaces the file under its lock; what has run out is left out. An order about
// the same things of the same kind is replaced; an automatic one never replaces a person's.
// Blocking calls: in a worker from an offloaded function.
struct err suspensions_add(struct arena *a, struct str path, const struct suspension *order,
        int64_t wall_now_ms) MUST_USE;
// All orders that name what `like` names, and perhaps more; its kind counts, and of automatic ones
// alone, if it is that. *out_count: how many.
struct err suspensions_lift(struct arena *a, struct str path, const struct suspension *like,
        int64_t wall_now_ms, size_t *out_count) MUST_USE;

// As it stands in the file.
void suspension_show(struct json_out *o, const struct suspension *s);

// The first that holds now and fits; NULL: none.
const struct suspension *suspensions_find(const struct suspensions *all, enum suspend_kind kind,
        enum suspend_stage stage, const struct suspend_values *values, int64_t wall_now_ms);
// The next one from *at on, which moves behind it.
const struct suspension *suspensions_next(const struct suspensions *all, enum suspend_kind kind,
        enum suspend_stage stage, const struct suspend_values *values, int64_t wall_now_ms,
        size_t *at);
// The stage at which everything that it names is known.
enum suspend_stage suspension_stage(const struct suspension *s);
bool suspension_holds(const struct suspension *s, int64_t wall_now_ms);

// "domain", "sender", "sender-domain", "queue", "tag", "route", "mx-site", "mx", "source-ip".
struct str suspend_scope_name(enum suspend_scope scope);
bool suspend_scope_named(struct str name, enum suspend_scope *out);
// "suspend", "throttle", "backoff", "disable-tls".
struct str suspend_kind_name(enum suspend_kind kind);
bool suspend_kind_named(struct str name, enum suspend_kind *out);
