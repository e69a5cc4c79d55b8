// SPDX-License-Identifier: Apache-2.0
// smtp/client/login.h: what the files of AUTH share: one try with one mechanism. All that is secret
// lies in the arena of the try, which is wiped.
#pragma once

#include "smtp/client/parts.h"

#include "directory/scram.h"
#include "rt/tls.h"

struct login {
    struct smtp_client *c;
    const struct client_credentials *credentials;
    enum sasl_mechanism mechanism;
    struct arena *arena;
    size_t heard; // challenges
    // SCRAM, RFC 5802 5
    struct str gs2_header, binding, first_bare, nonce, server_signature;
    bool server_has_proved;
};

// The next message, not in base64 yet. ERR_REFUSED: the peer's challenge makes no sense, and the
// try is given up.
struct err scram_first(struct login *l, struct str *out) MUST_USE;
struct err scram_respond(struct login *l, struct str challenge, struct str *out) suspends MUST_USE;
// user as GS2 and SCRAM write it: no ',' and no '=' (RFC 5802 5.1); null without memory
struct str login_saslname(struct arena *a, struct str name);
