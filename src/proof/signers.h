// SPDX-License-Identifier: Apache-2.0
// proof/signers.h: the signatures of the configuration, signature.<id>.* (authentication.md 6.2),
// each with its key, read, tried and cross-checked at load: a broken key is told at start, not by
// an unsigned message at noon. Slices are of the conf or in the arena: both must outlive it.
#pragma once

#include "base/base.h"

#include "proof/dkim_sign.h"

struct conf;
struct findings;

enum signer_stage { SIGNER_PENDING, SIGNER_ACTIVE, SIGNER_RETIRING, SIGNER_RETIRED };

// How its key is changed (proof/rotation.h), as far as it says else than its domain's rotation.
struct signer_rotation {
    int64_t rotate_after_ms, retire_after_ms, delete_after_ms; // 0: as there
    struct str template;                                       // null: as there
    int64_t next_transition_at_ms;                             // 0: not said
};

struct signer_entry {
    struct str id;
    struct dkim_signer signer;
    enum signer_stage stage;
    bool signs; // enabled, active, and all of it is right
    struct private_key *key;
    struct str record; // that publishes it
    struct signer_rotation rotation;
};
struct signers {
    struct signer_entry *at; // by id
    size_t count;
};

// What is wrong is among the findings; an error is a lack of memory. Call signers_done in any case.
struct err signers_make(
        struct arena *a, const struct conf *conf, struct findings *f, struct signers *out) MUST_USE;
void signers_done(struct signers *s);
const struct signer_entry *signers_find(const struct signers *s, struct str id); // NULL: none
bool signer_has_rotation(const struct signer_entry *e); // says anything of it but next_transition
// Who made this DKIM-Signature (its body, without the name), or would make it now: the signature
// of that domain and selector, else one for the domain with a key of the same kind, for keys are
// changed while mail waits. NULL: none that signs.
const struct signer_entry *signers_find_maker(
        const struct signers *s, struct arena *a, struct str field_body);
