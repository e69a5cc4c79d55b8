// SPDX-License-Identifier: Apache-2.0
// mail/address.h: the Mailbox of SMTP, RFC 5321 4.1.2 with the octets of RFC 6531 3.3: what may
// stand between "<" and ">". It is stricter than what header fields may hold (RFC 5322): no
// comments, no folding, no blanks around the dots.
#pragma once

#include "base/base.h"
#include "base/ip.h"

#define MAIL_ADDRESS_BYTES_MAX 254 // path without its brackets, RFC 5321 4.5.3.1.3
#define MAIL_DOMAIN_BYTES_MAX 255  // RFC 5321 4.5.3.1.2
#define MAIL_LABEL_BYTES_MAX 63    // RFC 1035 2.3.4
#define MAIL_LOCAL_BYTES_MAX 64    // RFC 5321 4.5.3.1.1, quotes included

struct mail_address {
    struct str text;     // as written; a slice of the input
    struct str local;    // without quotes and backslashes
    struct str domain;   // as written; of a literal with its brackets
    struct str ascii;    // the domain as A-labels in lower case; of a literal as written
    struct ip literal;   // IP_NONE: the domain is a name
    bool quoted;         // the local part was a quoted-string
    bool beyond_ascii;   // needs SMTPUTF8
    bool local_too_long; // more than MAIL_LOCAL_BYTES_MAX; senders of VERP do that, so it is told,
                         // not refused
};

// The whole text is one Mailbox. ERR_SYNTAX says what is wrong with it.
struct err mail_address_parse(struct arena *a, struct str text, struct mail_address *out) MUST_USE;
// Takes a Mailbox and leaves what cannot belong to it.
struct err mail_address_scan(struct arena *a, struct scan *in, struct mail_address *out) MUST_USE;

// Adds a local part, quoted where it is no dot-atom.
void mail_local_add(struct buf *out, struct str local);
// In the spelling in which equal addresses are equal (inbound.md 6.3): local part in simple case
// folding and Normalization Form C, quoted only where it must be, domain as A-labels. Null: the
// arena is full.
struct str mail_address_normal(struct arena *a, const struct mail_address *address);

// The text with its domain as A-labels, for hosts that take no other; null: that is not enough.
// ERR_LIMIT: the arena is full.
struct err mail_address_ascii(struct arena *a, struct str text, struct str *out) MUST_USE;

// Domain = label *( "." label ), labels of letters, digits and inner hyphens, or beyond ASCII; to
// A-labels in lower case. ERR_SYNTAX says what is wrong.
struct err mail_domain_read(struct arena *a, struct str text, struct str *out_ascii) MUST_USE;

// Splits a local part at the first octet that is one of the delimiters: base and what stands behind
// it. False: none is there, or nothing stands before it. (inbound.md 8, step 3)
bool mail_local_split(
        struct str local, struct str delimiters, struct str *out_base, struct str *out_detail);

// Is this what a host may call itself (inbound.md 4.3, step 1): an address literal, or a name of
// two labels or more, the last no number? Underscores are tolerated, labels beyond ASCII are taken
// as they are.
bool mail_host_is_qualified(struct str name);
// "[192.0.2.1]", "[IPv6:2001:db8::1]"
bool mail_literal_parse(struct str text, struct ip *out);
