// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/tlsa_made.h: TLSA records of certificates that a test has made.
#pragma once

#include "../base/check.h"
#include "../listen/made.h"
#include "rt/dns.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

static inline struct dns_tlsa tlsa_of(
        struct arena *a, uint8_t usage, uint8_t selector, uint8_t matching, X509 *x)
{
    unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
    unsigned digest_bytes = 0;
    int len = selector == 0 ? i2d_X509(x, &der) : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
    assert_true(len > 0);
    struct str data = str_of((const char *)der, (size_t)len);
    if (matching != 0) {
        const EVP_MD *md = matching == 2 ? EVP_sha512() : EVP_sha256();
        assert_int_equal(EVP_Digest(der, (size_t)len, digest, &digest_bytes, md, NULL), 1);
        data = str_of((const char *)digest, digest_bytes);
    }
    struct dns_tlsa r = {
            .usage = usage, .selector = selector, .matching = matching, .data = arena_str(a, data)};
    OPENSSL_free(der);
    return r;
}

// Every byte of a digest that is nobody's.
static inline struct dns_tlsa tlsa_of_nobody(
        struct arena *a, uint8_t usage, uint8_t selector, uint8_t matching, size_t bytes)
{
    char *data = arena_bytes(a, bytes + 1);
    assert_non_null(data);
    memset(data, 0x5a, bytes);
    return (struct dns_tlsa){.usage = usage,
            .selector = selector,
            .matching = matching,
            .data = str_of(data, bytes)};
}
