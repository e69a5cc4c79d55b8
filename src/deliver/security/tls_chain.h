// SPDX-License-Identifier: Apache-2.0
// deliver/security/tls_chain.h: is there a way from a certificate to somebody trusted, and whose
// name is in it? What DANE and the level PKIX have in common (outbound.md 14.2, 15.5). All of it
// runs on the large stack; OpenSSL's queue of errors is emptied by whoever called.
#pragma once

#include "base/base.h"
#include "base/ip.h"

#include <openssl/x509.h>

#define TLS_CHAIN_MAX 16                // certificates of a peer, outbound.md 27.2
#define TLS_CHAIN_BYTES_MAX (128 * KIB) // of all of them
#define TLS_PKIX_STRENGTH 2             // OpenSSL's level of 112 bits: RSA 2048, nothing of SHA-1

struct tls_chain {
    STACK_OF(X509) * sent;  // leaf first, at least one
    STACK_OF(X509) * known; // what the way may lead over; NULL: what was sent
    X509_STORE *store;
    bool ends_anywhere; // what is in the store is trusted though it is not self-signed
    int strength;
    int64_t now_ms;
};
// X509_V_OK, or why not. The chain that was found, *out_built, is the caller's to free; it is NULL
// unless all is well, and out_built itself may be.
int tls_chain_verify(const struct tls_chain *chain, STACK_OF(X509) * *out_built);
const char *tls_chain_result_type(int error); // RFC 8460 4.3
struct str tls_chain_text(int error);

enum tls_subject { TLS_SUBJECT_NEVER, TLS_SUBJECT_WITHOUT_SAN }; // may the CN stand for a name?
// The first reference name that the certificate has; NULL: none. With an address (family not
// IP_NONE) that counts instead, and names are not looked at; `ip` may be NULL.
struct tls_reference {
    const struct str *names;
    size_t count;
    const struct ip *ip;
    enum tls_subject subject;
};
bool tls_chain_names(X509 *leaf, const struct tls_reference *reference, struct str *out_name);

// All certificates of a PEM text, in its order; other blocks are passed over. ERR_SYNTAX says which
// block is wrong, or that there is none; ERR_LIMIT without memory. The caller frees the stack.
struct err tls_chain_read(struct arena *a, struct str pem, STACK_OF(X509) * *out) MUST_USE;
void tls_chain_free(STACK_OF(X509) * chain);           // with what is in it; NULL is fine
X509_STORE *tls_chain_store(STACK_OF(X509) * trusted); // of its own; NULL without memory
