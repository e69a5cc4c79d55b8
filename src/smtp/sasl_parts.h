// SPDX-License-Identifier: Apache-2.0
// smtp/sasl_parts.h: what the files of the SASL machine share.
#pragma once

#include "smtp/sasl.h"

#define SASL_MD5_BYTES 16
#define SASL_SALT_BYTES 16
#define SASL_ITERATIONS 4096 // RFC 7677 4: at least; what we derive is never stored

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
    struct str salt, clear;
    struct str stored_key, server_key; // null: to be derived from `clear`
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

// Names and secrets in their one spelling (RFC 4013, as far as this goes: see sasl_prep.c).
enum sasl_prepared { SASL_PREPARED, SASL_FORBIDDEN, SASL_NO_ROOM };
enum sasl_prepared sasl_prepare(struct arena *a, struct str text, struct str *out);
// A login or an identity to act for, from bytes that may be anything. The second is of GS2 and
// SCRAM, where =2C and =3D stand for ',' and '=' (RFC 5802 5.1). False: return sasl_bad_name.
bool sasl_take_name(struct sasl *s, struct str text, struct str *out);
bool sasl_take_saslname(struct sasl *s, struct str text, struct str *out);
struct sasl_step sasl_bad_name(struct sasl *s);

// Digests, on the worker's large stack. False: this machine's OpenSSL refuses, or no memory.
bool sasl_hmac_md5(struct str key, struct str text, uint8_t out[SASL_MD5_BYTES]);
// The salt of somebody who has none stored, the same for ever.
bool sasl_salt(
        const uint8_t pepper[SASL_PEPPER_BYTES], struct str name, uint8_t out[SASL_SALT_BYTES]);

struct sasl_scram_proof { // RFC 5802 3
    enum sasl_hash hash;
    struct str clear, salt;            // what keys are derived from, with SASL_ITERATIONS
    struct str stored_key, server_key; // null: the derived ones
    struct str auth_message, proof;    // the proof as long as the hash
    // Out:
    bool done, right;
    uint8_t signature[SASL_DIGEST_BYTES_MAX]; // of the server
};
bool sasl_scram_check(struct sasl_scram_proof *p);
size_t sasl_hash_bytes(enum sasl_hash hash);
bool sasl_same(struct str a, struct str b); // in a time that does not tell where they differ
