// SPDX-License-Identifier: Apache-2.0
// listen/certificate_chain.c: putting a chain in the order in which TLS sends it. The leaf is the
// one that the key belongs to, which nearly always is the first; behind each certificate comes the
// one that issued it. RFC 8446 4.4.2 no longer insists on the order, but old clients do.
#include "listen/certificate.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static size_t leaf_place(X509 **found, size_t count, EVP_PKEY *key);
static size_t issuer_place(X509 **found, size_t count, X509 *of);

struct err certificate_chain_order(
        struct certificate_notes *notes, X509 **found, size_t count, struct certificate *c)
{
    size_t place = leaf_place(found, count, c->key), expected = 0, taken = 0;
    bool moved = false;
    c->chain = sk_X509_new_null();
    if (c->chain == NULL)
        return fail(ERR_LIMIT, "no memory for a certificate chain");
    while (place < count) {
        X509 *x = found[place];
        found[place] = NULL; // ours from here on
        moved = moved || place != expected++;
        taken++;
        if (c->leaf == NULL)
            c->leaf = x;
        else if (sk_X509_push(c->chain, x) == 0) {
            X509_free(x);
            return fail(ERR_LIMIT, "no memory for a certificate chain");
        }
        place = issuer_place(found, count, x);
    }
    if (moved)
        certificate_warn(notes, S("cert"), S("chain-order"),
                "the chain is not in order (leaf first, then each one's issuer); it was put in "
                "order");
    if (taken < count)
        certificate_warn(notes, S("cert"), S("chain-extra"),
                "%zu of %zu certificates do not belong to the chain and are left out",
                count - taken, count);
    return OK;
}

// Without a key (its fault is told later) the first one.
static size_t leaf_place(X509 **found, size_t count, EVP_PKEY *key)
{
    for (size_t i = 0; key != NULL && i < count; i++)
        if (X509_check_private_key(found[i], key) == 1)
            return i;
    ERR_clear_error();
    return 0;
}

// `count` when none issued it, or it issued itself.
static size_t issuer_place(X509 **found, size_t count, X509 *of)
{
    if (X509_check_issued(of, of) == X509_V_OK)
        return count;
    for (size_t i = 0; i < count; i++)
        if (found[i] != NULL && X509_check_issued(found[i], of) == X509_V_OK)
            return i;
    return count;
}
