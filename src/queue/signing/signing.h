// SPDX-License-Identifier: Apache-2.0
// queue/signing/signing.h: our own signatures on a message, and our seal on a chain of ARC, made
// when it is queued (authentication.md 6, 8.4). They are lines on top of the message, above all
// others of ours; what they sign is what will be sent: the message with those other lines, without
// what is cut out, converted where it is converted.
//
// Who signs has been said by expressions of others, as ids of signatures; from there on this room
// knows what to do:
//
//     struct signing_choice by AUTO(signing_choice_done) = {0};
//     signing_choose(desk, span, ids, id_count, SIGNING_NAMED, &by);
//     struct signing_work work = {.by = &by, .span = span};
//     TRY(message_sign(desk, store, a, &m, &work, &fields));
//     m.top = arena_join(a, fields, m.top);
//
// Where keys are rotated (proof/rotation.h), the key that the server has made itself signs in place
// of a signature of the configuration for the same domain and kind of key, and in its manner. It is
// found by the same id, or as rsa-DOMAIN and ed25519-DOMAIN where there is no such signature.
//
// A key that does not work, or one that is not there, never loses a message: the others sign, and
// the event says who did not. Only auth.dkim.on-failure = "tempfail" makes an error of it.
#pragma once

#include "conf/conf.h"
#include "proof/arc.h"
#include "proof/signers.h"
#include "queue/control/statewatch.h"
#include "queue/message_reader.h"
#include "queue/signing/signing_stored.h"
#include "rt/task.h"

struct event_log;
struct span;

#define SIGNATURES_MAX 8                 // of a message, authentication.md 6.1
#define SIGNING_WAIT_MS (30 * SECOND_MS) // for a place among those who sign, 6.5

struct signing_settings {
    const struct signers *signers;
    const struct rotation_settings *rotation; // NULL: nothing is rotated
    bool self_test;                           // of stored keys, as auth.dkim.self-test says of all
    bool must_sign;                           // on-failure = "tempfail"
    size_t threads;                           // of a worker: so many signatures of RSA at once
    const struct expr_setting *dsn;           // report.dsn.sign: ids
    bool dsn_is_default;                      // nobody wrote it, so the ids need not exist
};
// auth.dkim.on-failure, .threads; report.dsn.sign; ids that settings name must exist. The error is
// a lack of memory.
struct err signing_settings_make(struct arena *a, const struct conf *conf,
        const struct rotation_settings *rotation, size_t workers, struct findings *f,
        struct signing_settings *out) MUST_USE;

// Of a worker: counts who is signing.
struct signing_desk {
    const struct signing_settings *settings;
    size_t busy;
    struct waitq waiting;
    bool dsn_was_chosen;     // what is missing of report.dsn.sign was told (queue.md 12.3: once)
    struct statewatch watch; // of the file of stored keys
    struct stored_signers stored; // its active ones
    uint64_t readings;            // of that file
    struct waitq changed;         // one more
};
void signing_desk_init(struct signing_desk *desk, const struct signing_settings *settings);
void signing_desk_done(struct signing_desk *desk);
// The stored keys of this file (queue/signing/key_file.h) sign from now on; and a look whether they
// are others now, which whoever tends the desk takes often. Not for a moment in which nobody signs:
// a file that cannot be read changes nothing.
void signing_desk_watch(struct signing_desk *desk, struct str path, struct event_log *log);
void signing_desk_look(struct signing_desk *desk, struct event_log *log);

// --- Who signs -----------------------------------------------------------------------------------

enum signing_kind {
    SIGNING_NAMED,      // somebody wrote these ids: one that does not exist is told
    SIGNING_BY_DEFAULT, // of a default: no wonder if there is none
};
struct signing_choice {
    const struct signer_entry *signers[SIGNATURES_MAX];
    size_t count;
    const struct signer_entry *sealer;              // NULL: no seal
    bool is_lost;                                   // ids were named, and not one of them exists
    struct stored_signer *held[SIGNATURES_MAX + 1]; // those of them that may be replaced meanwhile
    size_t held_count;
};
void signing_choice_done(struct signing_choice *by); // also of one that was never made
// Each adds to the choice, every selector of a domain once; what is not active is left out.
void signing_choose(const struct signing_desk *desk, struct span *span, const struct str *ids,
        size_t id_count, enum signing_kind kind, struct signing_choice *out);
void signing_choose_domain( // all that are active for it
        const struct signing_desk *desk, struct span *span, struct str domain,
        struct signing_choice *out);
void signing_choose_sealer(const struct signing_desk *desk, struct span *span, struct str id,
        struct signing_choice *out);
// Those who signed the message when it was queued, as far as they still sign; by the fields on top.
void signing_choose_again(const struct signing_desk *desk, struct arena *a, const struct message *m,
        struct signing_choice *out);

// --- Signing -------------------------------------------------------------------------------------

struct signing_work {
    const struct signing_choice *by;
    struct message_reading how;     // what is signed is the message as it will be read
    struct str body_hash[2];        // by enum canon, SHA-256, where it is known; else it is read
    const struct arc_answer *chain; // of a sealer: what was found,
    struct str results;             // and what Authentication-Results says of the message
    struct span *span;
};
// The fields to go on top, those of DKIM above the seal; empty: there are none. ERR_REFUSED: one
// that was chosen could not sign, and on-failure is "tempfail"; the fields of the others are there.
// Else there is only ERR_CANCELLED, and ERR_LIMIT when the arena is full.
struct err message_sign(struct signing_desk *desk, struct store *store, struct arena *a,
        const struct message *m, const struct signing_work *work,
        struct str *out_fields) suspends MUST_USE;
// The message's own lines on top without signatures and seals of ours.
struct err signing_top_without(struct arena *a, const struct message *m, struct str *out) MUST_USE;
