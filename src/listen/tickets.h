// SPDX-License-Identifier: Apache-2.0
// listen/tickets.h: session tickets that all processes of a server can read without talking. Their
// keys follow from one secret and the half day in which they are made (HKDF, RFC 5869): each
// process derives the same. A ticket is good in its own half day and the next (listeners.md 8.4).
#pragma once

#include "base/base.h"

#include <openssl/ssl.h>

#define TICKET_SECRET_BYTES 32
#define TICKET_EPOCH_MS (12 * HOUR_MS)
#define TICKET_NAME_BYTES 16
#define TICKET_KEY_BYTES 32

struct ticket_keys {
    uint64_t epoch;                  // half days since 1970; 0: none yet
    uint8_t name[TICKET_NAME_BYTES]; // tells the reader of a ticket which keys it needs
    uint8_t cipher[TICKET_KEY_BYTES], mac[TICKET_KEY_BYTES];
};

struct tickets {
    uint8_t secret[TICKET_SECRET_BYTES];
    EVP_CIPHER *cipher;
    struct ticket_keys current, previous; // derived when first needed in their epoch
};

bool tickets_init(struct tickets *t, const uint8_t *secret); // false: OpenSSL failed
void tickets_done(struct tickets *t);
// The body of OpenSSL's callback for ticket keys, with the same results.
enum ticket_use { TICKET_OPEN, TICKET_SEAL };
int tickets_apply(struct tickets *t, int64_t wall_now_ms, unsigned char *name, unsigned char *iv,
        EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, enum ticket_use use);
