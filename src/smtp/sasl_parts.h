// SPDX-License-Identifier: Apache-2.0
// smtp/sasl_parts.h: what the files of the SASL machine share.
#pragma once

#include "smtp/sasl.h"

#include "directory/scram.h"

enum sasl_stage {
    SASL_STAGE_FIRST,   // the client's first message is awaited
    SASL_STAGE_SECOND,  // LOGIN: the password; SCRAM: client-final
    SASL_STAGE_RIGHT,   // SCRAM: all is well, and an empty line is to come
    SASL_STAGE_REFUSED, // bearer tokens: refused, and any line is to come
};

struct sasl_state {
    enum sasl_stage stage;
    bool full; // a name was refused for lack of memory only
    // CRAM-MD5
    struct str challenge;
    struct str digest; // the client's, 16 octets
    // SCRAM, RFC 5802 5
    struct str gs2_header, first_bare, server_first, nonce;
    struct str binding; // octets behind the header in c=; null without
    bool known;         // there is somebody of that name with usable secrets
    struct str salt;
    struct str stored_key, server_key; // null: to be derived from `clear`
    struct str clear;
    struct str auth_message, proof;
    struct scram_derived derived; // by sasl_compute
    bool computed;
};

// The next step; each is the last thing that a function of a mechanism does.
struct sasl_step sasl_challenge(struct sasl *s, struct str message);
struct sasl_step sasl_ask(struct sasl *s, enum sasl_question_kind kind);
struct sasl_step sasl_succeed(struct sasl *s);
struct sasl_step sasl_fail(struct sasl *s, enum sasl_failure failure, struct str why);
struct sasl_step sasl_no_room(struct sasl *s);
// YES and NO are the end: what most mechanisms do with an answer.
struct sasl_step sasl_end(struct sasl *s, const struct sasl_answer *answer);

// Mechanisms: a message of the client's, decoded and in the arena; an answer to their question.
struct sasl_step plain_heard(struct sasl *s, struct str message);
struct sasl_step login_start(struct sasl *s);
struct sasl_step login_heard(struct sasl *s, struct str message);
struct sasl_step cram_start(struct sasl *s);
struct sasl_step cram_heard(struct sasl *s, struct str message);
struct sasl_step cram_answered(struct sasl *s, const struct sasl_answer *answer);
struct sasl_step external_heard(struct sasl *s, struct str message);
struct sasl_step oauthbearer_heard(struct sasl *s, struct str message);
struct sasl_step xoauth2_heard(struct sasl *s, struct str message);
struct sasl_step bearer_answered(struct sasl *s, const struct sasl_answer *answer);
struct sasl_step scram_heard(struct sasl *s, struct str message);
struct sasl_step scram_answered(struct sasl *s, const struct sasl_answer *answer);
struct sasl_step scram_computed(struct sasl *s);
enum scram_hash scram_hash_of(const struct sasl *s);

// Names and secrets in their one spelling (RFC 4013, as far as this goes: see sasl_prep.c).
enum sasl_prepared { SASL_PREPARED, SASL_FORBIDDEN, SASL_NO_ROOM };
enum sasl_prepared sasl_prepare(struct arena *a, struct str text, struct str *out);
// A login or an identity to act for, from bytes that may be anything. The second is of GS2 and
// SCRAM, where =2C and =3D stand for ',' and '=' (RFC 5802 5.1). False: return sasl_bad_name.
bool sasl_take_name(struct sasl *s, struct str text, struct str *out);
bool sasl_take_saslname(struct sasl *s, struct str text, struct str *out);
struct sasl_step sasl_bad_name(struct sasl *s);
