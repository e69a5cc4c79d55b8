// SPDX-License-Identifier: Apache-2.0
// proof/dns_records.h: what a domain whose mail comes and goes here should publish (management.md
// 10, authentication.md 7.2), and whether it does. Records are values; only the check asks anybody.
//
//     TRY(dns_records_make(a, &inputs, &records));
//     TRY(dns_records_check(resolver, a, &records));  // fills status and found of each
#pragma once

#include "base/base.h"
#include "base/list.h"

#include "listen/settings.h"
#include "proof/rotation.h"
#include "proof/signers.h"

struct resolver;

enum dns_record_status {
    DNS_RECORD_UNASKED,
    DNS_RECORD_OK,
    DNS_RECORD_MISSING,
    DNS_RECORD_DIFFERS,
    DNS_RECORD_UNKNOWN
};                                                                // nobody answered
struct str dns_record_status_name(enum dns_record_status status); // "ok"

struct dns_wanted {
    uint16_t type;
    struct str name;    // with its last dot
    struct str content; // as in a zone file; of TXT the text itself
    struct str about;   // a line for a person; null: none
    bool is_choice;     // one of several that would do, and not the one to prefer: TLSA
    enum dns_record_status status;
    struct str found; // of DIFFERS and UNKNOWN
};
struct dns_records {
    VEC(struct dns_wanted) all;
    struct str sts_policy; // to be served at https://mta-sts.DOMAIN/.well-known/mta-sts.txt
};

struct dns_records_inputs {
    struct str domain, host; // A-labels, lower case
    struct str report_to;    // a URI; null: mailto:postmaster@DOMAIN
    const struct signers *signers;
    const struct rotation_settings *rotation; // and the keys that the server has made itself;
    const struct rotation_keys *keys;         // NULL: none are known
    const struct listen_settings *listen;     // for services and certificates
};
// The error is a lack of memory.
struct err dns_records_make(
        struct arena *a, const struct dns_records_inputs *in, struct dns_records *out) MUST_USE;
struct err dns_records_check(
        struct resolver *r, struct arena *a, struct dns_records *records) suspends MUST_USE;
// All that are not there as they should be; of choices it is enough that one is there.
size_t dns_records_wrong(const struct dns_records *records);
// A line of a zone file, with the TXT in strings of 255 octets.
void dns_wanted_add(struct buf *out, const struct dns_wanted *w);
// Do two records of a key publish the same one? Blanks, notes and the order of tags do not matter;
// verifiers have to be able to use `found`.
bool dns_key_is_same(struct arena *a, struct str wanted, struct str found);

// --- Private to the room: TLSA (RFC 7672) --------------------------------------------------------

// One for each way in which the certificates of a host can be named; none without a certificate of
// a file.
struct err dns_records_tlsa(struct arena *a, struct str host, const struct listen_settings *listen,
        struct dns_records *out) MUST_USE;
struct err dns_records_put(
        struct arena *a, struct dns_records *records, const struct dns_wanted *w) MUST_USE;
