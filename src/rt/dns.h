// SPDX-License-Identifier: Apache-2.0
// rt/dns.h: one question, one answer. A resolver belongs to a worker and asks libunbound, which
// validates DNSSEC, or a zone file that stands for the whole DNS (tests, the simulator, and
// `--zone` of the command line). Identical questions at the same time are asked once, and answers
// are kept for their TTL within bounds.
//
//     struct dns_mx_answer mx;
//     TRY(dns_mx(worker->resolver, &attempt->arena, domain, &mx));
//     if (dns_is_temporary(mx.answer.outcome))
//         return dns_trouble(&attempt->arena, &mx.answer); // ERR_DNS: what was asked and heard
//     for (size_t i = 0; i < mx.count; i++)
//         ...mx.at[i].host...
//
// What the DNS says, bad news too, is an outcome; an error is our own trouble: the name cannot be a
// name (ERR_SYNTAX), no memory or too many questions (ERR_LIMIT), the caller's deadline or
// cancellation. The resolver's own patience with a question (dns_settings) ends in DNS_TIMEOUT.
//
// Answers, and all that they point to, live in the caller's arena. Names are in one spelling: lower
// case, no dot at the end ("." is the root), every octet that is not printable ASCII, and dots and
// backslashes inside a label, as \DDD (RFC 4343 2.1). Names given may be in any spelling of that
// kind; IDNA is not done here.
#pragma once

#include "base/base.h"
#include "base/ip.h"
#include "base/list.h"

#define DNS_NAME_BYTES_MAX 255  // on the wire, RFC 1035 2.3.4
#define DNS_LABEL_BYTES_MAX 63  // RFC 1035 2.3.4
#define DNS_NAME_TEXT_MAX 1004  // 250 octets of labels as \DDD, and dots
#define DNS_CHAIN_MAX 16        // CNAMEs in a row, outbound.md 22.3
#define DNS_RECORDS_MAX 1024    // of one answer; what is beyond is dropped
#define DNS_ADDRESSES_MAX 64    // of one family, outbound.md 22.3
#define DNS_TXT_BYTES_MAX 65535 // of one record, joined

enum dns_type {
#define DNS_TYPE(name, number, about) DNS_##name = (number),
#include "rt/dns_types.def"
};

enum dns_outcome {
    DNS_ANSWER,   // there are records
    DNS_NODATA,   // the name exists, and has none of this type
    DNS_NXDOMAIN, // the name does not exist
    DNS_SERVFAIL, // the servers failed, or answered nonsense
    DNS_TIMEOUT,  // no answer came
    DNS_BOGUS,    // an answer came and failed validation: nothing in it can be believed
};

enum dnssec {
    DNSSEC_INSECURE, // nobody signed it, or validation is off
    DNSSEC_SECURE,   // every record of the answer, or the proof of absence, is signed and valid
    DNSSEC_BOGUS,
};

struct dns_record {
    struct str rdata; // as on the wire, but names in it are whole and lower case
    uint32_t ttl_s;
};

struct dns_answer {
    struct str name; // asked for
    uint16_t type;
    enum dns_outcome outcome;
    enum dnssec dnssec;
    uint32_t ttl_s;          // how long all of this holds
    const struct str *chain; // the targets of the CNAMEs that were followed, in order
    size_t chain_count;
    const struct dns_record *records; // in the order of the server or file
    size_t count;
    struct str why; // of a temporary outcome: what went wrong, for a person
    bool cached;
    bool stale; // kept beyond its time, since nobody answers now (dns_settings)
};

// SERVFAIL, TIMEOUT and BOGUS: asking again later may help. NXDOMAIN and NODATA are facts.
static inline bool dns_is_temporary(enum dns_outcome outcome)
{
    return outcome == DNS_SERVFAIL || outcome == DNS_TIMEOUT || outcome == DNS_BOGUS;
}
// The look-ups that RFC 7208 4.6.4 calls void.
static inline bool dns_is_void(enum dns_outcome outcome)
{
    return outcome == DNS_NODATA || outcome == DNS_NXDOMAIN;
}
struct str dns_outcome_name(enum dns_outcome outcome); // "NXDOMAIN"; of DNS_ANSWER "NOERROR"
struct str dnssec_name(enum dnssec status);            // "secure"
// The name that the records belong to: the end of the CNAMEs.
struct str dns_owner(const struct dns_answer *answer);
// A bad outcome as an error: ERR_DNS for temporary ones, ERR_NOT_FOUND for void ones, else OK.
struct err dns_trouble(struct arena *a, const struct dns_answer *answer) MUST_USE;

// --- Resolvers -----------------------------------------------------------------------------------

struct resolver;

enum dns_protocol { DNS_UDP, DNS_TCP, DNS_TLS };

struct dns_server {
    struct ip ip;
    uint16_t port;
    enum dns_protocol protocol;
    struct str auth_name; // of TLS: the name in its certificate; null: any
};

enum dns_validation {
    DNS_VALIDATE_AUTO, // unless the servers strip signatures
    DNS_VALIDATE,
    DNS_VALIDATE_OFF,
    DNS_TRUST_AD, // do not, and believe those that the servers say they have validated
};

// What is kept is counted by kind, so that one kind cannot push out the others.
enum dns_kept {
    DNS_KEPT_TXT,
    DNS_KEPT_MX,
    DNS_KEPT_IPV4,
    DNS_KEPT_IPV6,
    DNS_KEPT_PTR,
    DNS_KEPT_TLSA,
    DNS_KEPT_BLOCKLIST, // answers of block lists, of any type
    DNS_KEPT_OTHER,
    DNS_KEPT_COUNT,
};

struct dns_hosts;
struct dns_settings {
    const struct dns_server *servers; // all of one protocol
    size_t server_count;
    enum dns_validation validation;
    struct str trust_anchor; // file of DS or DNSKEY records; null: the root's key
    int64_t try_ms;          // libunbound paces its tries by itself: a question as a whole has
    uint32_t retry_count;    // try_ms * (retry_count + 1)
    uint32_t ttl_min_s, ttl_max_s, ttl_negative_max_s;
    // RFC 8767: while nobody answers, MX, A and AAAA records are believed so much longer. What does
    // not exist is not, nor what a block list said: both could refuse mail for good. 0: never.
    uint32_t stale_max_s;
    const struct dns_hosts *hosts; // of dns_hosts.h; NULL: no hosts file is looked at
    size_t inflight_max;
    size_t kept_bytes[DNS_KEPT_COUNT]; // 0: nothing is kept
};
struct dns_settings dns_settings_default(void); // outbound.md 22; without servers

// With DNS_TRUST_AD the servers are asked without libunbound, by UDP or TCP.
// Settings, and what they point to, must outlive the resolver. Call both inside a task. The thread
// of libunbound is only made with the first question. ERR_CONFIG: libunbound refused a setting.
struct err resolver_new_unbound(
        struct arena *a, const struct dns_settings *settings, struct resolver **out) MUST_USE;
// That of the world in which the loop runs: the one above, or in the simulator one over its zones.
struct err resolver_new(
        struct arena *a, const struct dns_settings *settings, struct resolver **out) MUST_USE;
// Other servers, and another patience with them; all else of the settings must be as it was. What
// is under way is asked again there, and what was heard from the others is forgotten. On an error
// all stays as it was.
struct err resolver_renew(
        struct resolver *r, struct arena *a, const struct dns_settings *settings) suspends MUST_USE;
void resolver_free(struct resolver *r) suspends; // nobody may be asking; NULL is fine

struct dns_figures {
    uint64_t asked, from_cache, shared, sent; // questions; how they were answered
    uint64_t evicted;
    size_t inflight, kept_count, kept_bytes;
    bool validating;
};
struct dns_figures resolver_figures(const struct resolver *r);
// Forgets what is kept about a name (null: about all), and tells how many answers that were.
size_t resolver_flush(struct resolver *r, struct str name);

// --- The zone file -------------------------------------------------------------------------------
// The fake DNS of tests: a JSON document, or names added one by one. It may be shared by several
// resolvers and changed while they live, between their questions.

struct dns_zone;

// "LINE:COLUMN: MESSAGE" on error, with ERR_SYNTAX.
struct err dns_zone_read(struct arena *a, struct str json, struct dns_zone **out) MUST_USE;
struct dns_zone *dns_zone_new(void); // empty: everything is NXDOMAIN, nothing is signed
void dns_zone_free(struct dns_zone *zone);
// One more record of a name; rdata as on the wire.
struct err dns_zone_add(
        struct dns_zone *zone, struct str name, uint16_t type, struct str rdata) MUST_USE;
// Answers at and below this name count as this from now on, where no name in between says else.
struct err dns_zone_sign(struct dns_zone *zone, struct str name, enum dnssec status) MUST_USE;
// Takes a name out with all its records (its place in the tree stays: NODATA).
void dns_zone_remove(struct dns_zone *zone, struct str name);

// Trouble for questions about a name. The list is the caller's and may change at any time; the
// first that fits a question holds.
enum dns_fault_kind {
    DNS_FAULT_DELAY_ONLY,
    DNS_FAULT_SERVFAIL,
    DNS_FAULT_TIMEOUT,
    DNS_FAULT_BOGUS
};
struct dns_fault {
    struct link link;
    struct str name; // compared without case or last dot; null: every name
    uint16_t type;   // 0: every type
    enum dns_fault_kind kind;
    int64_t delay_ms; // slept before the answer, or before the trouble
};

struct dns_zone_options {
    struct list *faults;                 // of struct dns_fault; NULL: none
    const struct dns_settings *settings; // NULL: nothing is kept, and the default patience
};
// Needs no outside world, only the clock of the loop. The zone stays the caller's.
struct err resolver_new_zone(struct dns_zone *zone, const struct dns_zone_options *options,
        struct resolver **out) MUST_USE;

// --- Asking --------------------------------------------------------------------------------------

struct dns_question {
    struct str name;
    uint16_t type;
    bool blocklist; // kept among DNS_KEPT_BLOCKLIST
};
struct err dns_ask(struct resolver *r, struct arena *a, const struct dns_question *question,
        struct dns_answer *out) suspends MUST_USE;

// The same with the records read. A record that is malformed is left out; when all are, the outcome
// is DNS_SERVFAIL. `count` is 0 unless the outcome is DNS_ANSWER.
struct dns_mx {
    uint16_t preference;
    struct str host; // empty: a null MX, RFC 7505
};
struct dns_mx_answer {
    struct dns_answer answer;
    const struct dns_mx *at;
    size_t count;
};
struct err dns_mx(struct resolver *r, struct arena *a, struct str domain,
        struct dns_mx_answer *out) suspends MUST_USE;

struct dns_ip_answer {
    struct dns_answer answer;
    const struct ip *at;
    size_t count; // DNS_ADDRESSES_MAX at most
};
struct err dns_a(struct resolver *r, struct arena *a, struct str host,
        struct dns_ip_answer *out) suspends MUST_USE;
struct err dns_aaaa(struct resolver *r, struct arena *a, struct str host,
        struct dns_ip_answer *out) suspends MUST_USE;
// Both at the same time. Addresses of one family are good news even if the other family's question
// failed; without any, a temporary outcome counts more than a void one.
enum dns_families { DNS_IPV4_ONLY = 1, DNS_IPV6_ONLY = 2, DNS_BOTH = 3 };
struct dns_addresses {
    struct dns_ip_answer ipv4, ipv6;
    const struct dns_answer *worst; // the one that explains a bad outcome
    enum dns_outcome outcome;
    enum dnssec dnssec; // secure only if all that was asked is
    uint32_t ttl_s;
};
struct err dns_addresses(struct resolver *r, struct arena *a, struct str host,
        enum dns_families families, struct dns_addresses *out) suspends MUST_USE;

// The same for a name that a person has written into the settings: the hosts file, if it is looked
// at, comes before the DNS. What others have written must not find names of this network.
struct err dns_addresses_here(struct resolver *r, struct arena *a, struct str host,
        enum dns_families families, struct dns_addresses *out) suspends MUST_USE;

struct dns_txt {
    const struct str *strings; // the character-strings
    size_t string_count;
    struct str joined; // without anything between them, as RFC 7208 3.3 and RFC 6376 3.6.2.2 want
};
struct dns_txt_answer {
    struct dns_answer answer;
    const struct dns_txt *at;
    size_t count;
};
struct err dns_txt(struct resolver *r, struct arena *a, struct str name,
        struct dns_txt_answer *out) suspends MUST_USE;

// What a block list says about a name, and why (RFC 5782 2.1). Kept apart from other answers.
struct err dns_blocklist_a(struct resolver *r, struct arena *a, struct str name,
        struct dns_ip_answer *out) suspends MUST_USE;
struct err dns_blocklist_txt(struct resolver *r, struct arena *a, struct str name,
        struct dns_txt_answer *out) suspends MUST_USE;

struct dns_names_answer {
    struct dns_answer answer;
    const struct str *at;
    size_t count;
};
struct err dns_ptr(struct resolver *r, struct arena *a, const struct ip *address,
        struct dns_names_answer *out) suspends MUST_USE;
struct err dns_cname(struct resolver *r, struct arena *a, struct str name,
        struct dns_names_answer *out) suspends MUST_USE;
struct err dns_ns(struct resolver *r, struct arena *a, struct str name,
        struct dns_names_answer *out) suspends MUST_USE;

struct dns_srv {
    uint16_t priority, weight, port;
    struct str host; // empty: the service is not offered here, RFC 2782
};
struct dns_srv_answer {
    struct dns_answer answer;
    const struct dns_srv *at;
    size_t count;
};
struct err dns_srv(struct resolver *r, struct arena *a, struct str name,
        struct dns_srv_answer *out) suspends MUST_USE;

struct dns_tlsa {
    uint8_t usage, selector, matching;
    struct str data;
};
struct dns_tlsa_answer {
    struct dns_answer answer;
    const struct dns_tlsa *at;
    size_t count;
};
struct err dns_tlsa(struct resolver *r, struct arena *a, struct str name,
        struct dns_tlsa_answer *out) suspends MUST_USE;

// --- Names, types, records -----------------------------------------------------------------------

// Into the one spelling; ERR_SYNTAX for what cannot be a name.
struct err dns_name_read(struct arena *a, struct str text, struct str *out) MUST_USE;
// "1.2.0.192.in-addr.arpa", RFC 1035 3.5 and RFC 3596 2.5
struct str dns_reverse_name(struct arena *a, const struct ip *ip);
// "MX", or "TYPE65" (RFC 3597 5)
void dns_type_add(struct buf *out, uint16_t type);
bool dns_type_parse(struct str text, uint16_t *out); // case does not matter
// A record for a person, in the form of a zone file, \# LENGTH HEX for what has no other.
void dns_record_add(struct buf *out, uint16_t type, struct str rdata);
