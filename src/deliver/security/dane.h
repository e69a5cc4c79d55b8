// SPDX-License-Identifier: Apache-2.0
// deliver/security/dane.h: DANE for SMTP (RFC 7672, RFC 7671, RFC 6698; outbound.md 15): may TLSA
// records be asked for, what did the DNS say, and is this certificate chain the one that they name?
//
//     TRY(dane_lookup(resolver, a, &(struct dane_host){.name = mx, .port = 25, ...}, &dane));
//     ... deliver/security/tls.h makes a plan of it, and looks at the peer's certificates after the
//         handshake ...
//
// A lookup's results live in the arena. What the DNS says is a state, never an error.
#pragma once

#include "base/base.h"
#include "rt/dns.h"

#include <openssl/x509.h>

#define DANE_RECORDS_MAX 64 // of an RRset, outbound.md 15.4; what is beyond is not looked at

enum dane_state {
    DANE_OFF,         // not asked: the strategy or the protocol does not want it
    DANE_NO_DNSSEC,   // this resolver cannot validate: nothing is known
    DANE_ABSENT,      // the DNS says for certain that there is none, or it is not signed
    DANE_USABLE,      // TLS and one of the records must be met
    DANE_UNUSABLE,    // records that nobody can use: TLS must be there, with any certificate
    DANE_AVOID_BOGUS, // somebody's signatures are wrong: the host must not be used now
    DANE_AVOID_MUTE,  // the DNS failed to answer: the host must not be used now
};

struct dane_host {   // as hosts.h has it
    struct str name; // of the MX host or relay: lower case, A-labels; null: only an address
    uint16_t port;
    enum dnssec mx;        // of the MX records; a relay's name, which was configured, is secure
    enum dnssec addresses; // of A and AAAA: secure when one family is
    struct str canonical;  // where the name's CNAMEs end; the name itself, or null, without any
    enum dnssec canonical_dnssec;
    enum dnssec alias_dnssec; // of the name's own CNAME
};

struct dane {
    enum dane_state state;
    bool is_unsigned; // DANE_ABSENT because names, addresses or records are not signed
    struct str base;  // the TLSA base domain: SNI and first reference name. Null unless *USABLE
    struct str owner; // the name asked for: "_25._tcp.mx.example"
    const struct dns_tlsa *found; // as published, for reports
    size_t found_count;
    const struct dns_tlsa *usable; // those that count (15.4)
    size_t usable_count;
    uint32_t ttl_s;
    struct str why; // for a person: what makes it absent, unusable or to be avoided
};

// outbound.md 15.2 to 15.4. The caller has looked whether DANE is wanted at all.
struct err dane_lookup(struct resolver *r, struct arena *a, const struct dane_host *host,
        struct dane *out) suspends MUST_USE;

enum dane_profile {
    DANE_SMTP,    // RFC 7672: usages 0 and 1 cannot be used, no names nor dates with usage 3
    DANE_GENERIC, // RFC 6698 and 7671, for comparing with others
};

// Those that this profile can use: known numbers, lengths that fit, and per usage and selector only
// the strongest digest (RFC 7671 9). ERR_LIMIT without memory.
struct err dane_usable(struct arena *a, enum dane_profile profile, const struct dns_tlsa *all,
        size_t count, const struct dns_tlsa **out, size_t *out_count) MUST_USE;

// Why this profile cannot use a record; null: it can.
struct str dane_trouble(enum dane_profile profile, const struct dns_tlsa *record);

struct dane_question {
    enum dane_profile profile;
    const struct dns_tlsa *records; // usable ones
    size_t record_count;
    STACK_OF(X509) * chain;  // as the peer sent it, leaf first
    const struct str *names; // reference names: one of them must be in the leaf
    size_t name_count;
    bool names_for_ee;   // with usage 3, too (DANE_GENERIC only)
    X509_STORE *anchors; // of usages 0 and 1; NULL: nobody is trusted
    int64_t now_ms;
};

struct dane_match {
    bool matched;
    bool no_certificate;     // the peer showed none
    struct dns_tlsa record;  // which one
    size_t depth;            // place in the chain; what only the record carries lies behind it
    struct str name;         // the reference name that was in the leaf; null: none was needed
    const char *result_type; // of a failure, RFC 8460 4.3: "validation-failure"
    struct str why;          // of a failure, for a person
};

// Inside a task: OpenSSL runs on the large stack. `out` points to the records and names given.
void dane_verify(const struct dane_question *question, struct dane_match *out);
