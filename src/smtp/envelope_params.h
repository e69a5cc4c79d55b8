// SPDX-License-Identifier: Apache-2.0
// smtp/envelope_params.h: what the two files of the envelope's grammar share.
#pragma once

#include "smtp/envelope.h"

struct path {
    bool may_be_null, may_be_postmaster; // asked
    bool is_null, is_postmaster;         // answered
    struct mail_address address;
};

struct reading {
    struct arena *arena;
    const struct envelope_rules *rules;
    struct mail_command *mail; // one of these two
    struct rcpt_command *rcpt;
    struct envelope_fault *fault;
    uint32_t seen; // rows of the table
    bool no_memory;
};

struct parameter {
    struct str keyword, value; // value null: there is none
};

// Notes it, and says OK: a fault is an answer, not an error.
struct err reading_fault(struct reading *r, enum envelope_fault_kind kind, struct str parameter,
        struct str why) MUST_USE;
struct err parameter_take(struct reading *r, const struct parameter *p) MUST_USE;
