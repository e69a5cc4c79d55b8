// SPDX-License-Identifier: Apache-2.0
// queue/control/standing.h: standing rules: what a person has ordered about mail that waits and
// mail that is still to come (queue.md 13.2, 13.9; management.md 4.5). What fits is held, or fails
// with status 5.7.1. Each rule names what it is about, all of which must fit, and ends at its time.
//
// They are kept in a file of the state folder, `rules`, as pauses are (queue/control/pauses.h):
// commands change it under its lock, workers read it when it has changed. A line is a JSON object,
// as `queue rule list --json` gives it:
//
//     {"id":"5f0c21aa","action":"bounce","rcpt-domain":"example.net","since":1763768100000,
//      "until":1763854500000,"by":"ann","reason":"sent by mistake","text":"","dsn":true}
//
// A unit is held and given up as a whole, so what a rule may name is what all its recipients share.
#pragma once

#include "base/json.h"
#include "queue/message.h"

#define STANDING_RULES_MAX 1000
#define STANDING_TEXT_BYTES_MAX 500
#define STANDING_LONGEST_MS (30LL * DAY_MS) // management.md 4.5
#define STANDING_PRESET_MS (24LL * HOUR_MS)

enum standing_action { STANDING_HOLD, STANDING_BOUNCE };

enum standing_scope {
    STANDING_RCPT_DOMAIN,
    STANDING_SENDER, // empty: the null sender
    STANDING_SENDER_DOMAIN,
    STANDING_QUEUE, // virtual queue
    STANDING_TAG,   // name=value
    STANDING_ACCOUNT,
    STANDING_SCOPES
};

struct standing_rule {
    struct str id;
    enum standing_action action;
    struct str scope[STANDING_SCOPES]; // null: whatever it is; not all are null
    struct str text;                   // of STANDING_BOUNCE: what senders are told; empty: ours
    bool no_dsn;                       // of STANDING_BOUNCE: nobody is told
    int64_t since_ms, until_ms;
    struct str by, reason;
};

struct standing_rules {
    VEC(struct standing_rule) all;
};

struct conf;
struct str standing_path(struct arena *a, const struct conf *conf);

// Blocking calls. No file: there are none. ERR_SYNTAX: the line is told.
struct err standing_read(struct arena *a, struct str path, struct standing_rules *out) MUST_USE;
// For tests and the fuzzer: the text of such a file.
struct err standing_parse(struct arena *a, struct str text, struct standing_rules *out) MUST_USE;
// These read, change and replace the file under its lock; what has run out is left out. A rule of
// the same action about the same is replaced, and keeps its id. ERR_NOT_FOUND: no such id.
struct err standing_add(
        struct arena *a, struct str path, struct standing_rule *rule, int64_t wall_now_ms) MUST_USE;
struct err standing_remove(
        struct arena *a, struct str path, struct str id, int64_t wall_now_ms) MUST_USE;

bool standing_holds(const struct standing_rule *rule, int64_t wall_now_ms); // is it in force?
bool standing_fits(const struct standing_rule *rule, const struct message *m, const struct unit *u);
// The one to go by: of those in force that fit the first that gives up, else the first; NULL: none.
const struct standing_rule *standing_find(const struct standing_rules *all, const struct message *m,
        const struct unit *u, int64_t wall_now_ms);

// Of STANDING_HOLD. False: it is held for as strong a reason, or nobody is pending.
bool standing_hold(const struct standing_rule *rule, const struct message *m, struct unit *u,
        int64_t wall_now_ms, int64_t hold_max_ms);
// Of STANDING_BOUNCE, as it stands with the recipients.
struct outcome standing_outcome(const struct standing_rule *rule, int64_t wall_now_ms);

void standing_show(
        struct json_out *o, const struct standing_rule *rule); // as it stands in the file
struct str standing_scope_name(enum standing_scope scope);     // "rcpt-domain", ...
struct str standing_action_name(enum standing_action action);  // "hold", "bounce"
bool standing_action_named(struct str name, enum standing_action *out);
