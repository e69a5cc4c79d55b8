// SPDX-License-Identifier: Apache-2.0
// limits/dnsbl.h: what block lists in the DNS say about a client (RFC 5782; inbound.md 10.7). Each
// zone is a list; it is asked about the client's address or about a name (EHLO, sender, ...) and
// brings its weight if it lists it. Where the sum reaches the threshold, mail is refused.
//
// Questions are asked as soon as what they are about is known, all at the same time, by tasks that
// go on while the session does; only the verdict waits for them, and no longer than the time-out.
// A list that fails, or says by a code of its own that it will not answer us, counts nothing: that
// is trouble, of which the verdict tells once an hour for each zone, so that somebody writes it to
// the log.
//
//     struct dnsbl d AUTO(dnsbl_end) = {0};                 // in the session's own function
//     dnsbl_begin(&d, service);
//     dnsbl_want(&d, &result);                              // what settings.verify came to
//     dnsbl_ask_ip(&d, &client);                            // at connect
//     dnsbl_ask_name(&d, DNSBL_EHLO, helo);                 // and again when it changes
//     TRY(dnsbl_judge(&d, &scratch, &verdict));             // at RCPT (or connect: settings.stage)
//     if (verdict.refused)
//         ...550 5.7.1 verdict.reply...
//
// Whom not to judge (authenticated clients, allowed addresses, postmaster) is the caller's.
#pragma once

#include "base/base.h"
#include "base/ip.h"
#include "conf/conf.h"
#include "rt/task.h"

struct resolver;

#define DNSBL_ZONES_MAX 32       // each asked zone is a task for the time of its question
#define DNSBL_RANGES_MAX 64      // of one zone's `match`
#define DNSBL_TEXT_BYTES_MAX 200 // of a list's TXT in a reply, inbound.md 10.7
#define DNSBL_QUIET_MS HOUR_MS   // between two reports of one zone's trouble

enum dnsbl_what { // in the order of the words of auth.dnsbl.verify
    DNSBL_IP,
    DNSBL_IPREV,
    DNSBL_EHLO,
    DNSBL_RETURN_PATH,
    DNSBL_FROM,
    DNSBL_WHAT_COUNT,
};
struct str dnsbl_what_name(enum dnsbl_what what); // "return-path"

// --- Settings ------------------------------------------------------------------------------------

struct dnsbl_range { // of answers that count; IPv4 as numbers
    uint32_t first, last;
};
struct dnsbl_zone {
    struct str id;   // of the configuration; of a shorthand: the zone's name
    struct str name; // lower case
    bool of_names;   // scope "domain"
    int64_t weight;  // negative: an allow list
    const struct dnsbl_range *ranges;
    size_t range_count; // 0: 127.0.0.0/8 but 127.0.0.1
    struct str reply;   // null: that of inbound.md 10.7
};
enum dnsbl_stage { DNSBL_AT_RCPT, DNSBL_AT_CONNECT };
struct dnsbl_settings {
    const struct expr_setting *verify; // auth.dnsbl.verify, for dnsbl_begin
    const struct dnsbl_zone *zones;
    size_t zone_count;
    int64_t threshold;
    int64_t wait_ms;
    enum dnsbl_stage stage;
};
// Adds what is wrong to the findings and goes on; the error is for lack of memory only. Lives in
// the arena, with slices of the conf.
struct err dnsbl_settings_make(struct arena *a, const struct conf *conf, struct findings *f,
        struct dnsbl_settings *out) MUST_USE;

// --- Asking --------------------------------------------------------------------------------------

struct dnsbl_service; // of a worker: remembers whose trouble was told
struct err dnsbl_service_make(struct arena *a, const struct dnsbl_settings *settings,
        struct resolver *resolver, struct dnsbl_service **out) MUST_USE;

struct dnsbl_query;
struct dnsbl_subject { // what is asked about, and the questions about it
    struct group group;
    struct arena arena;
    struct str name; // as written in a reply; null: not asked about
    struct dnsbl_query *queries;
    size_t query_count;
};
struct dnsbl { // of a session
    struct dnsbl_service *service;
    uint32_t wanted; // bit n: enum dnsbl_what n
    struct dnsbl_subject subjects[DNSBL_WHAT_COUNT];
};

void dnsbl_begin(struct dnsbl *d, struct dnsbl_service *service);
// What settings.verify came to; when that failed or is "none" nothing is asked from now on. May be
// said again (STARTTLS, XCLIENT); what was asked before stays known.
void dnsbl_want(struct dnsbl *d, const struct expr_result *verify);
void dnsbl_ask_ip(struct dnsbl *d, const struct ip *client) suspends;
// A name that is none (an address literal, "") is not asked about. Another name than before takes
// its place; the same changes nothing.
void dnsbl_ask_name(struct dnsbl *d, enum dnsbl_what what, struct str domain) suspends;
void dnsbl_end(struct dnsbl *d) suspends; // gives up what is still being asked

// --- Verdict -------------------------------------------------------------------------------------

struct dnsbl_hit {
    const struct dnsbl_zone *zone;
    enum dnsbl_what what;
    struct str name;  // or address
    struct ip answer; // the first that counted
    struct str text;  // TXT, sanitised; null: none
};
struct dnsbl_trouble {
    const struct dnsbl_zone *zone;
    struct str why; // "answers 127.255.255.254, an error code", "SERVFAIL", "timeout", ...
};
struct dnsbl_verdict {
    bool refused;
    int64_t weight;              // each zone once
    struct str reply;            // of a refusal: one line without code and status
    const struct dnsbl_hit *why; // of a refusal: the heaviest
    const struct dnsbl_hit *hits;
    size_t hit_count;
    const struct dnsbl_trouble *troubles; // that nobody was told of in the last hour
    size_t trouble_count;
};
// Waits for what is being asked. An error is about this task: cancelled, its deadline, no memory.
struct err dnsbl_judge(
        struct dnsbl *d, struct arena *a, struct dnsbl_verdict *out) suspends MUST_USE;
