// SPDX-License-Identifier: Apache-2.0
// proof/rotation.h: keys of DKIM that are changed by themselves (authentication.md 7.3, 7.4): what
// the configuration says of it, how selectors are made, which keys there are, and what is to be
// done next. All of it values: files, the DNS and the clock are the business of others
// (queue/signing/key_file.h, queue/signing/rotating.h), so that a year of rotation is a test of
// milliseconds.
//
// A line is a domain with a kind of key. Its keys go one way, and each has a moment at which it is
// due:
//
//     pending    in a file, not known to be in the DNS: looked for again when it is due
//     active     signs; when it is due a successor is made, and it signs until that one is seen
//     retiring   signs no more, but mail that it signed is on its way: its record stays until due
//     retired    its record goes; the key itself is deleted when it is due
//
// Invariants: a key becomes active only by an answer of the DNS that has its very p=; whoever makes
// one active makes the others of the line retiring in the same change, so that a line which once
// had an active key has exactly one at every moment. A key whose secret is empty stands for a
// signature of the configuration: it is followed, and never written anywhere.
//
//     while ((step = rotation_next(&keys, &line, now_ms)).kind != ROTATION_WAIT)
//         ...make a key, ask the DNS, or nothing...
//         TRY(rotation_create / rotation_answer / rotation_retire / rotation_delete);
//     ...nothing to do until step.at_ms...
#pragma once

#include "base/base.h"

#include "proof/signers.h"

struct conf;
struct findings;

#define ROTATION_KEYS_MAX 50000           // of a node
#define ROTATION_POLL_MS (10 * MINUTE_MS) // for a record that somebody publishes by hand
// What a signature that is rotated by itself does not say, and lines that are rotated no more.
#define ROTATION_TEMPLATE S("v{version}-{algorithm}-{date-%Y%m%d}")
#define ROTATION_ROTATE_MS (90 * (int64_t)DAY_MS)
#define ROTATION_RETIRE_MS (7 * (int64_t)DAY_MS)
#define ROTATION_DELETE_MS (30 * (int64_t)DAY_MS)

// --- Selectors -----------------------------------------------------------------------------------

#define ROTATION_RANDOM_BYTES 8
struct rotation_selector_inputs {
    enum dkim_key_type type;
    int64_t now_ms;
    char random[ROTATION_RANDOM_BYTES + 1]; // lower-case letters and digits
};
// ERR_SYNTAX says what is wrong with the template, and at which of its columns.
struct err rotation_selector(struct arena *a, struct str template,
        const struct rotation_selector_inputs *in, struct str *out) MUST_USE;

// --- Settings ------------------------------------------------------------------------------------

struct rotation_rule {
    struct str id;       // of auth.dkim.rotation; null: of a signature alone
    struct strs domains; // A-labels, lower case
    bool all_local;      // "*"
    bool of_type[2];     // by enum dkim_key_type
    struct str template;
    int64_t rotate_after_ms, retire_after_ms, delete_after_ms;
};
// domain.<name>.dkim: this one, or none, whatever the rotations say themselves.
struct rotation_domain {
    struct str domain;
    const struct rotation_rule *rule; // NULL: by hand
};
struct rotation_settings {
    const struct rotation_rule *rules; // by id
    size_t rule_count;
    const struct rotation_domain *domains;
    size_t domain_count;
    const struct signers *signers; // of the configuration
};
// auth.dkim.rotation, domain.<name>.dkim, and what signatures say of it. The error is a lack of
// memory. The signers must outlive it.
struct err rotation_settings_make(struct arena *a, const struct conf *conf,
        const struct signers *signers, struct findings *f, struct rotation_settings *out) MUST_USE;
bool rotation_is_on(const struct rotation_settings *s); // for anything at all
// The rule of a line, with what a signature of it says else; false: it is not rotated. That a
// domain is one of ours, which "*" asks for, is known to the caller.
bool rotation_rule_of(const struct rotation_settings *s, struct str domain, enum dkim_key_type type,
        struct rotation_rule *out);

// --- Keys ----------------------------------------------------------------------------------------

struct rotation_key {
    struct str domain, selector;
    enum dkim_key_type type;
    enum signer_stage stage;
    int64_t since_ms, due_ms; // of the stage
    uint32_t tries;           // of a pending one: answers of the DNS that failed, in a row
    bool revoked;             // its record is to say so: an empty p=
    struct str record;        // that publishes it
    struct str secret;        // PEM; empty: a signature of the configuration has it
};
struct rotation_keys {
    VEC(struct rotation_key) all;
};
// As text: an object of JSON a line, see rotation_keys.c.
struct err rotation_keys_parse(
        struct arena *a, struct str text, struct rotation_keys *out) MUST_USE;
void rotation_keys_add(struct buf *out, const struct rotation_keys *keys);
struct rotation_key *rotation_key_find( // NULL: none
        const struct rotation_keys *keys, struct str domain, struct str selector);
struct str rotation_type_name(enum dkim_key_type type); // "rsa"
bool rotation_type_parse(struct str word, enum dkim_key_type *out);
struct str rotation_stage_name(enum signer_stage stage);                       // "pending"
struct str rotation_key_id(struct arena *a, const struct rotation_key *key);   // DOMAIN-SELECTOR
struct str rotation_key_name(struct arena *a, const struct rotation_key *key); // of its record
// The record that is to be in the DNS now; null: none is.
struct str rotation_key_record(struct arena *a, const struct rotation_key *key);

// --- What is to be done --------------------------------------------------------------------------

struct rotation_line {
    struct str domain;
    enum dkim_key_type type;
    const struct rotation_rule *rule; // NULL: rotated no more; what was begun is brought to its end
};
enum rotation_step_kind {
    ROTATION_WAIT,   // nothing, until at_ms
    ROTATION_MAKE,   // a successor: rotation_create
    ROTATION_LOOK,   // ask the DNS for the key: rotation_answer
    ROTATION_RETIRE, // rotation_retire
    ROTATION_DELETE  // rotation_delete
};
struct rotation_step {
    enum rotation_step_kind kind;
    struct rotation_key *key; // of all but WAIT and MAKE
    int64_t at_ms;            // of WAIT; INT64_MAX: never
};
// Pure: the same keys at the same moment have the same next step.
struct rotation_step rotation_next(
        const struct rotation_keys *keys, const struct rotation_line *line, int64_t now_ms);

enum rotation_found {
    ROTATION_PUBLISHED, // the very key is in the DNS
    ROTATION_ABSENT,    // nothing, or another one
    ROTATION_TROUBLE    // the DNS could not say
};
// Each changes what `keys` says, and nothing else. `key` is one of `keys`.
struct err rotation_create(struct arena *a, struct rotation_keys *keys,
        const struct rotation_line *line, const struct rotation_key *made, int64_t now_ms) MUST_USE;
void rotation_answer(struct rotation_keys *keys, const struct rotation_line *line,
        struct rotation_key *key, enum rotation_found found, int64_t now_ms);
void rotation_retire(struct rotation_key *key, const struct rotation_line *line, int64_t now_ms);
void rotation_delete(struct rotation_keys *keys, struct rotation_key *key);
// Signatures of the configuration that sign for the line, as long as no key of ours does: those
// that are new are followed from now on, and those that are gone retire. True: something changed.
struct err rotation_follow(struct arena *a, struct rotation_keys *keys,
        const struct rotation_line *line, const struct signers *signers, int64_t now_ms,
        bool *out_changed) MUST_USE;
// The active key of a line is due now, and a pending one is looked for now; revoked: what it has
// signed is not to be believed once its successor signs. False: the line has neither.
bool rotation_force(struct rotation_keys *keys, struct str domain, enum dkim_key_type type,
        bool revoke, int64_t now_ms);
// One that no key of the domain has, and no signature of the configuration: the first, or that with
// -2, -3, ... ERR_LIMIT: none is free.
struct err rotation_free_selector(struct arena *a, const struct rotation_keys *keys,
        const struct signers *signers, struct str domain, struct str first,
        struct str *out) MUST_USE;
