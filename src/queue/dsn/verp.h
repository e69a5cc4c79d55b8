// SPDX-License-Identifier: Apache-2.0
// queue/dsn/verp.h: a sender of its own for each recipient of a message (VERP, outbound.md 28.6).
// What comes back to such an address tells by it alone which mail to whom it is about, whatever the
// other side writes into its report, and whichever address the mail was sent on to.
//
//     bounces+0b55250b1000400a.4ab06bcd01f2a7b08c11-bob=far.example@news.example.org
//             \--- queue id -/ \---- signature ---/ \-- recipient -/
//
// queue.verp has the rest as "bounces+{id}-{rcpt-encoded}@news.example.org". Anybody can write such
// an address. The signature, by queue.verp-secret, proves that this server has sent that message to
// that recipient: who learned of it is the recipient, or whoever had his mail, so that what it is
// used for can be about nobody else. It holds for VERP_AGE_MAX_MS.
//
// An address is made of octets that all hosts leave alone, and read without regard to case.
#pragma once

#include "conf/conf.h"
#include "conf/expr.h"

#define VERP_AGE_MAX_MS (INT64_C(30) * DAY_MS) // bounces come within a week
#define VERP_SECRET_BYTES_MIN 32
#define VERP_SECRETS_MAX 4

enum verp_reports { VERP_DELIVER, VERP_DISCARD }; // what becomes of a report that was understood

struct verp_settings {
    bool is_on;
    const struct expr_setting *sender; // the template, or none
    struct strs secrets;               // the first one signs; all of them prove
    enum verp_reports reports;
};
// Adds what is wrong to the findings; the error is for lack of memory only.
struct err verp_settings_make(struct arena *a, const struct conf *conf, struct findings *findings,
        struct verp_settings *out) MUST_USE;

struct verp_mail {
    uint64_t id;     // of the message
    struct str rcpt; // in the spelling of mail_address_normal()
    bool is_watched; // a bounce of it counts for the suppression list (queue.suppress.match)
};
// ERR_SYNTAX: the template is none, or the address would be none, or too long for one.
struct err verp_make(struct arena *a, const struct verp_settings *s, struct str template,
        const struct verp_mail *mail, struct str *out) MUST_USE;
// False: the address proves nothing. In the arena.
bool verp_read(struct arena *a, const struct verp_settings *s, struct str address,
        int64_t wall_now_ms, struct verp_mail *out);
