// SPDX-License-Identifier: Apache-2.0
// proof/dkim_reporting.h: what a domain asks of those who find its signatures bad, RFC 6651 3.2: a
// record at _report._domainkey.DOMAIN, which counts only for signatures that have r=y.
#pragma once

#include "base/base.h"

struct dkim_answer;
struct resolver;

#define DKIM_REPORTING_TEXT_MAX 200 // of rs=, authentication.md 5.9
#define DKIM_REPORTING_ASKED_MAX 3  // domains of one message

enum dkim_reporting_class {         // rr=, RFC 6651 3.3
    DKIM_REPORT_SIGNATURE = 1 << 0, // v: body hash, signature, AUID
    DKIM_REPORT_SYNTAX = 1 << 1,    // s
    DKIM_REPORT_EXPIRED = 1 << 2,   // x
    DKIM_REPORT_DNS = 1 << 3,       // d: no key, or none that holds any more
    DKIM_REPORT_POLICY = 1 << 4,    // p
    DKIM_REPORT_UNKNOWN = 1 << 5,   // u: unknown tags
    DKIM_REPORT_OTHER = 1 << 6,     // o
    DKIM_REPORT_ALL = (1 << 7) - 1,
};

struct dkim_reporting {
    struct str address; // ra= at the domain; null: no reports are wanted
    uint32_t percent;   // rp=, 100 unless given
    unsigned classes;   // rr=, of enum dkim_reporting_class
    struct str text;    // rs=: for the reply; null: none
};

// ERR_SYNTAX: the text is no such record. What is malformed in one is as if it were not there.
struct err dkim_reporting_parse(
        struct arena *a, struct str domain, struct str text, struct dkim_reporting *out) MUST_USE;

// A signer's own words for a refusal, as a line for the peer; null: nobody has any. The first
// domain that asks for reports, whose signature is no pass and that has published something is
// taken; trouble with the DNS means that there are no words.
struct err dkim_reporting_words(struct resolver *r, struct arena *a,
        const struct dkim_answer *answer, struct str *out) suspends MUST_USE;
