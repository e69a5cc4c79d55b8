// SPDX-License-Identifier: Apache-2.0
// proof/head.h: the header of a message as signatures see it: fields in order, and the question
// "the lowest field of that name which was not taken yet" (RFC 6376 5.4.2), answered without
// looking at all fields each time, for both fields and names are the sender's choice.
#pragma once

#include "base/base.h"

#include "mail/mail.h"

#include "proof/canon.h"

struct proof_head {
    const struct mail_field *fields; // those without a name are no fields
    size_t count;
    uint32_t *taken;       // by field: the round in which it was
    uint32_t *next_higher; // by field: place + 1 of the next one in the same bucket, further up
    uint32_t *buckets;     // by hash of the name: place + 1 of the lowest field
    size_t bucket_count;
    uint32_t round;
    uint64_t step_count; // fields looked at so far
};

// What looking for names may cost in all. Names and fields are the sender's choice, and he can make
// them meet in a bucket; honest mail takes some hundreds.
#define PROOF_HEAD_STEPS_MAX 4000000

// The bytes up to and with the empty line, or all there are; lines end in CRLF. The slices of the
// result are theirs.
struct err proof_head_read(struct arena *a, struct str head, struct proof_head *out) MUST_USE;
// Nothing is taken any more.
void proof_head_begin(struct proof_head *h);
// NULL: there is none left, or the steps are used up.
const struct mail_field *proof_head_take(struct proof_head *h, struct str name);
// Counts as taken without having been asked for: the signature itself.
void proof_head_leave_out(struct proof_head *h, const struct mail_field *field);
// Adds the fields of these names in canonical form, each the next that is left (RFC 6376 5.4.2).
void proof_head_add(struct proof_head *h, struct buf *out, enum canon canon,
        const struct str *names, size_t count);
// The steps are used up: what was taken since is not what was asked for.
bool proof_head_is_spent(const struct proof_head *h);
size_t proof_head_count(const struct proof_head *h, struct str name);
// Where the header of a message ends: behind the empty line. The length when there is none.
size_t proof_head_bytes(struct str message);
// The domain of the first address of the only From field, lower case; null: there is no such thing.
struct str proof_head_author_domain(struct arena *a, struct proof_head *h);
// Is this (lower case, A-labels) the domain of any of its addresses?
bool proof_head_has_author_domain(struct arena *a, struct proof_head *h, struct str domain);
