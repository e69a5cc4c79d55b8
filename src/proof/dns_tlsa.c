// SPDX-License-Identifier: Apache-2.0
// proof/dns_tlsa.c: TLSA records for the certificates of a host that takes mail (RFC 6698, RFC
// 7672): the server's own (usage 3) or that of who issued it (usage 2), whole or its key alone,
// as a digest. 3 1 1 is the one to publish (RFC 7672 3.1): it outlives certificates whose key
// stays.
#include "proof/dns_records.h"

#include "base/encode.h"
#include "listen/certificates.h"
#include "rt/dns.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#define MX_PORT 25
#define USAGE_ISSUER 2
#define USAGE_LEAF 3

static struct err put_certificate(struct arena *a, struct str host, const X509 *x509,
        unsigned usage, struct dns_records *out) MUST_USE;
static struct err put_one(struct arena *a, struct str host, unsigned usage, unsigned selector,
        unsigned matching, struct str der, struct dns_records *out) MUST_USE;
static bool takes_mail(const struct listen_settings *listen);

struct err dns_records_tlsa(struct arena *a, struct str host, const struct listen_settings *listen,
        struct dns_records *out)
{
    if (listen->certificates == NULL || !takes_mail(listen))
        return OK;
    for (size_t i = 0; i < certificates_count(listen->certificates); i++) {
        const struct certificate *c = certificates_at(listen->certificates, i);
        if (!certificate_covers(c, host))
            continue;
        TRY(put_certificate(a, host, c->leaf, USAGE_LEAF, out));
        if (sk_X509_num(c->chain) > 0)
            TRY(put_certificate(a, host, sk_X509_value(c->chain, 0), USAGE_ISSUER, out));
    }
    return OK;
}

static bool takes_mail(const struct listen_settings *listen)
{
    for (size_t i = 0; i < listen->listener_count; i++)
        if (listener_has_port(&listen->listeners[i], MX_PORT))
            return true;
    return false;
}

static struct err put_certificate(
        struct arena *a, struct str host, const X509 *x509, unsigned usage, struct dns_records *out)
{
    for (unsigned selector = 2; selector-- > 0;) {
        unsigned char *der = NULL;
        int len = selector == 1 ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der)
                                : i2d_X509(x509, &der);
        struct str bytes = str_of((const char *)der, len > 0 ? (size_t)len : 0);
        struct err e = len > 0 ? put_one(a, host, usage, selector, 1, bytes, out)
                               : fail(ERR_INTERNAL, "the library could not write a certificate");
        if (!failed(e))
            e = put_one(a, host, usage, selector, 2, bytes, out);
        OPENSSL_free(der);
        TRY(e);
    }
    return OK;
}

static struct err put_one(struct arena *a, struct str host, unsigned usage, unsigned selector,
        unsigned matching, struct str der, struct dns_records *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct buf hex AUTO(buf_done);
    buf_init(&hex, 2 * sizeof(digest) + 1);
    if (EVP_Digest(der.ptr, der.len, digest, &len, matching == 1 ? EVP_sha256() : EVP_sha512(),
                NULL) != 1)
        return fail(ERR_INTERNAL, "the library could not hash a certificate");
    encode_hex(&hex, str_of((const char *)digest, len));
    bool best = usage == USAGE_LEAF && selector == 1 && matching == 1;
    const struct dns_wanted w = {.type = DNS_TLSA,
            .name = arena_fmt(a, "_25._tcp.%.*s.", ARG(host)),
            .content = arena_fmt(a, "%u %u %u %.*s", usage, selector, matching, ARG(buf_str(&hex))),
            .about = usage == USAGE_LEAF ? S("the server's certificate, where the zone is signed")
                                         : S("that of its issuer, instead"),
            .is_choice = !best};
    return dns_records_put(a, out, &w);
}
