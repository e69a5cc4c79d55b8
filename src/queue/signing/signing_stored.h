// SPDX-License-Identifier: Apache-2.0
// queue/signing/signing_stored.h: who signs with the keys that the server has made itself. They
// change while a worker lives, so each is counted: by the table, and by every choice that names it.
// Private to those who sign.
#pragma once

#include "proof/rotation.h"

struct event_log;

struct stored_signer {
    struct signer_entry entry; // its id is DOMAIN-SELECTOR
    struct arena arena;
    size_t users;
};
struct stored_signers {
    struct stored_signer **at;
    size_t count;
};
// From now on the active ones among `keys` sign, each in the manner of the signature of the
// configuration that is for the same domain and kind of key. One that cannot be used is told; those
// that signed before are kept as they are when there is no memory for others.
void stored_signers_take(struct stored_signers *s, const struct rotation_keys *keys,
        const struct signers *configured, bool self_test, struct event_log *log);
void stored_signers_done(struct stored_signers *s);
void stored_signer_release(struct stored_signer *one); // given back by one user
// NULL: none.
struct stored_signer *stored_signers_find(const struct stored_signers *s, struct str id);
struct stored_signer *stored_signers_of(
        const struct stored_signers *s, struct str domain, enum dkim_key_type type);
