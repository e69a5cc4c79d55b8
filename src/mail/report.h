// SPDX-License-Identifier: Apache-2.0
// mail/report.h: reports of delivery that others send us (RFC 3464 in RFC 6522, RFC 6533), read. A
// report is what anybody may have written: this says what stands in it, and nothing about whether
// it is true. What does not keep to the form is refused as a whole, for whoever reads a report acts
// on it; only slips that are well known are understood (comments, angle brackets, an address
// without its type).
//
//     struct mail_report report;
//     struct err e = mail_report_read(a, message, MAIL_REPORT_WHOLE, &report);
//     if (e.kind == ERR_NOT_FOUND)
//         ...it is an ordinary message...
#pragma once

#include "base/base.h"

#define MAIL_REPORT_RCPTS_MAX 1000
#define MAIL_REPORT_FIELDS_MAX 100        // of one group
#define MAIL_REPORT_STATUS_BYTES MIB      // of the part that is read
#define MAIL_REPORT_DIAGNOSTIC_BYTES 1000 // of a reply; more is cut off

enum mail_report_action {
    MAIL_REPORT_FAILED,
    MAIL_REPORT_DELAYED,
    MAIL_REPORT_DELIVERED,
    MAIL_REPORT_RELAYED,
    MAIL_REPORT_EXPANDED,
    MAIL_REPORT_ACTIONS
};
struct str mail_report_action_word(enum mail_report_action action); // "failed"

struct mail_report_rcpt {
    struct str original, final; // addresses without their type; original null: not said
    enum mail_report_action action;
    struct str status;     // "5.1.1"
    uint16_t code;         // of a Diagnostic-Code of SMTP; 0: there is none
    struct str diagnostic; // its text, behind the codes; null: none
    struct str remote;     // who said it; null: not said
};

struct mail_report {
    struct str envelope_id, reporting_mta; // null: not said
    const struct mail_report_rcpt *rcpts;  // one at least
    size_t rcpt_count;
    struct str message_id; // of what came back, without its brackets; null: unknown
};

enum mail_report_extent { MAIL_REPORT_WHOLE, MAIL_REPORT_CUT }; // CUT: only its beginning is there

// ERR_NOT_FOUND: it is no report of delivery. ERR_SYNTAX: it is one that cannot be relied on, and
// the text says why. ERR_LIMIT: the arena is full. Results live in the arena or in the message.
struct err mail_report_read(struct arena *a, struct str message, enum mail_report_extent extent,
        struct mail_report *out) MUST_USE;
