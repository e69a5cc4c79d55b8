// SPDX-License-Identifier: Apache-2.0
// deliver/tlsrpt/tlsrpt.h: what TLS came to with the hosts of a domain, counted for the report that
// the domain asks for (RFC 8460; outbound.md 18, reports.md 8.1). An attempt notes what it saw and
// goes on at once. Equal observations become one count in the worker's memory; now and then a task
// of its own asks who wants to hear (`_smtp._tls`), and writes the counts of those into the store
// of reports (deliver/tlsrpt/tlsrpt_store.h) by one transaction: no delivery waits for a look-up or
// a disk. A process that is killed loses the counts of its last TLSRPT_WRITE_MS.
//
//     struct tlsrpt *tally;
//     TRY(tlsrpt_new(&options, &tally));
//     TRY(group_spawn(&worker->tending, tlsrpt_main, tally));
//     ...
//     tlsrpt_note(tally, TLSRPT_DAILY, &(struct tlsrpt_seen){.domain = domain, ...});
//     ...
//     tlsrpt_write(tally, 3 * SECOND_MS); // what is left, before the worker ends
//     tlsrpt_free(tally);
#pragma once

#include "base/base.h"
#include "base/ip.h"

struct conf;
struct event_log;
struct expr_setting;
struct findings;
struct resolver;

#define TLSRPT_WRITE_MS (10 * SECOND_MS)
#define TLSRPT_ASK_MS (30 * SECOND_MS) // for all who may want to hear
#define TLSRPT_ROWS_MAX 8192           // different observations in memory, until they are written
#define TLSRPT_BYTES_MAX (8 * MIB)     // of them
#define TLSRPT_REASON_BYTES_MAX 256

// --- Settings ------------------------------------------------------------------------------------

struct tlsrpt_settings {
    const struct expr_setting *send; // report.tls.aggregate.send: an interval, context QHOST
    struct str domain;               // report.domain: who we are, and where to ask
    size_t domains_max;              // report.max-domains: of one window
    struct strs excluded;            // report.exclude.domains
    struct str folder;               // where the counts are kept
};
// The error is a lack of memory.
struct err tlsrpt_settings_make(struct arena *a, const struct conf *conf, struct findings *findings,
        struct tlsrpt_settings *out) MUST_USE;

// Words of `interval` in conf/expr_constants.def.
enum tlsrpt_interval { TLSRPT_NEVER, TLSRPT_HOURLY, TLSRPT_DAILY, TLSRPT_WEEKLY };
// reports.md 7.2: the window that a moment falls into; `out_end_ms` is the first one behind it.
void tlsrpt_window(
        enum tlsrpt_interval interval, int64_t wall_ms, int64_t *out_begin_ms, int64_t *out_end_ms);

// --- Observing -----------------------------------------------------------------------------------

enum tlsrpt_policy { TLSRPT_NO_POLICY, TLSRPT_STS, TLSRPT_TLSA };
struct str tlsrpt_policy_name(enum tlsrpt_policy policy); // as in a report: "no-policy-found"

struct tlsrpt_seen {
    struct str domain; // of the recipients, A-labels in lower case: who is told
    enum tlsrpt_policy policy;
    struct str policy_domain;
    struct strs policy_lines; // policy-string
    struct strs mx_patterns;  // mx-host
    const char *result_type;  // RFC 8460 4.3; NULL: success, and nothing below counts
    struct ip sending_ip, receiving_ip;
    struct str mx_host, mx_helo, reason; // null: not known
};

struct tlsrpt; // of a worker

struct tlsrpt_options {
    const struct tlsrpt_settings *settings;
    struct resolver *resolver;
    struct event_log *log;
};
// The options are copied; what they point to must outlive it. The store is opened with the first
// counts that are to be kept.
struct err tlsrpt_new(const struct tlsrpt_options *options, struct tlsrpt **out) MUST_USE;
void tlsrpt_free(struct tlsrpt *t); // NULL is fine
const struct tlsrpt_settings *tlsrpt_settings(const struct tlsrpt *t);

// What cannot be kept is counted, and told as an event by the next write.
void tlsrpt_note(struct tlsrpt *t, enum tlsrpt_interval interval, const struct tlsrpt_seen *seen);

struct err tlsrpt_main(void *tlsrpt) suspends MUST_USE; // a task_main: writes until it is cancelled
// All there is, now. Who wants to hear is asked for so long at most; of those who do not answer
// until then nothing is kept. What could not be written because of the store stays for later.
void tlsrpt_write(struct tlsrpt *t, int64_t ask_ms) suspends;

// Of a row (deliver/tlsrpt/tlsrpt_store.h), as tlsrpt_note has written it: slices of the bytes,
// lists in the arena. ERR_SYNTAX: this is none.
struct err tlsrpt_row_read(struct arena *a, struct str row, struct tlsrpt_seen *out) MUST_USE;
