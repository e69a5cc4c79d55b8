// SPDX-License-Identifier: Apache-2.0
// smtp/envelope.h: the arguments of MAIL and RCPT as values (RFC 5321 4.1.1.2, 4.1.1.3; inbound.md
// 5 and 6.1). Grammar only: whether a value is welcome is the stages' business. Nothing suspends.
//
//     struct mail_command mail;
//     struct envelope_fault fault;
//     TRY(mail_command_parse(&s->scratch, args, &rules, &mail, &fault)); // memory is an error
//     if (fault.kind != FAULT_NONE) ... answer by kind, about fault.parameter ...
#pragma once

#include "mail/address.h"

enum smtp_extension { // those that bring parameters
    EXT_SIZE = 1 << 0,
    EXT_8BITMIME = 1 << 1,
    EXT_BINARYMIME = 1 << 2,
    EXT_SMTPUTF8 = 1 << 3,
    EXT_DSN = 1 << 4,
    EXT_AUTH = 1 << 5,
    EXT_DELIVERBY = 1 << 6,
    EXT_FUTURERELEASE = 1 << 7,
    EXT_MT_PRIORITY = 1 << 8,
    EXT_REQUIRETLS = 1 << 9,
    EXT_NO_SOLICITING = 1 << 10,
};

struct envelope_rules {
    uint32_t offered; // of enum smtp_extension, to this session
    bool strict;      // session.strict-envelope: no blanks and no missing brackets are forgiven
    bool is_utf8;     // of RCPT: MAIL had SMTPUTF8
};

enum envelope_fault_kind {
    FAULT_NONE,
    FAULT_SYNTAX,      // no FROM: or TO:, or something where nothing belongs
    FAULT_ADDRESS,     // what stands between the brackets
    FAULT_PARAMETER,   // a value that its grammar does not have
    FAULT_DUPLICATE,   // twice
    FAULT_UNSUPPORTED, // unknown, or not offered
    FAULT_TWO_HOLDS,   // HOLDFOR and HOLDUNTIL
};

struct envelope_fault {
    enum envelope_fault_kind kind;
    struct str parameter; // its keyword; null: it is about the path
    struct str why;       // for the log
};

enum smtp_body { BODY_UNSAID, BODY_7BIT, BODY_8BITMIME, BODY_BINARYMIME };
enum smtp_ret { RET_UNSAID, RET_FULL, RET_HDRS };
enum by_mode { BY_NONE, BY_RETURN, BY_NOTIFY };

struct mail_command {
    struct mail_address sender; // of the null sender all is empty
    bool is_null;
    uint64_t size_bytes; // 0: unsaid
    enum smtp_body body;
    bool smtputf8, requiretls;
    enum smtp_ret ret;
    struct str env_id; // decoded; null: none
    struct str auth;   // decoded; empty for <>, null: none
    enum by_mode by;
    int64_t by_s;
    bool by_trace;
    int64_t hold_for_s;    // 0: none
    int64_t hold_until_ms; // 0: none
    int priority;
    bool has_priority;
    struct str solicit; // the keywords, with their commas; null: none
};

enum notify_flag {
    NOTIFY_UNSAID = 0,
    NOTIFY_NEVER = 1,
    NOTIFY_SUCCESS = 2,
    NOTIFY_FAILURE = 4,
    NOTIFY_DELAY = 8
};

struct rcpt_command {
    struct mail_address rcpt;
    bool is_postmaster;           // without domain; rcpt is then empty
    uint32_t notify;              // of enum notify_flag
    struct str orcpt_type, orcpt; // decoded; null: none
};

// `args` is what follows the verb and one blank. ERR_LIMIT only; all else is told in *fault.
struct err mail_command_parse(struct arena *a, struct str args, const struct envelope_rules *rules,
        struct mail_command *out, struct envelope_fault *fault) MUST_USE;
struct err rcpt_command_parse(struct arena *a, struct str args, const struct envelope_rules *rules,
        struct rcpt_command *out, struct envelope_fault *fault) MUST_USE;

// RFC 3461 4. ERR_SYNTAX: not xtext, or what it encodes is longer than bytes_max.
struct err xtext_decode(
        struct arena *a, struct str text, size_t bytes_max, struct str *out) MUST_USE;
