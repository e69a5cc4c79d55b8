// SPDX-License-Identifier: Apache-2.0
// listen/certificate.c: from PEM texts to a certificate that is fit for service (listeners.md 9.2):
// all its blocks decode, its key is of a kind and size that we use and belongs to the leaf, its
// chain is in order. What is doubtful but usable is reported as a warning.
#include "listen/certificate.h"

#include "base/date.h"
#include "listen/pem.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>

static struct err leaf_and_chain_load(struct arena *a, const struct certificate_source *source,
        struct certificate_notes *notes, struct certificate *c);
static struct err certificates_read(
        struct arena *a, struct str text, X509 **found, size_t *out_count);
static struct err key_load(
        struct arena *a, const struct certificate_source *source, struct certificate *c);
static bool is_key_label(struct str label);
static EVP_PKEY *key_decode(struct str der, struct str label, struct str password);
static EVP_PKEY *key_decrypt(struct str der, struct str password);
static struct err key_judge(struct arena *a, struct certificate *c);
static struct err curve_judge(struct arena *a, const struct certificate *c);
static void dates_judge(struct certificate_notes *notes, struct certificate *c);
static void signatures_judge(struct certificate_notes *notes, const struct certificate *c);
static bool signature_is_weak(const X509 *x);
static int64_t time_ms(const ASN1_TIME *time);
static struct err undecodable(struct arena *a, const struct pem_block *block);

struct err certificate_load(struct arena *a, const struct certificate_source *source,
        struct certificate_notes *notes, struct certificate *out, struct str *out_member)
{
    *out = (struct certificate){.id = arena_str(a, source->id), .is_default = source->is_default};
    *out_member = S("private-key");
    struct err no_key = key_load(a, source, out);
    ERR_clear_error();
    *out_member = S("cert");
    TRY(leaf_and_chain_load(a, source, notes, out)); // the first fault of the two is told
    *out_member = S("private-key");
    TRY(no_key);
    if (X509_check_private_key(out->leaf, out->key) != 1) {
        ERR_clear_error();
        return fail(ERR_CONFIG, "the private key does not belong to the certificate");
    }
    TRY(key_judge(a, out));
    *out_member = S("cert");
    dates_judge(notes, out);
    signatures_judge(notes, out);
    return certificate_names(a, source, notes, out);
}

void certificate_drop(struct certificate *c)
{
    X509_free(c->leaf);
    sk_X509_pop_free(c->chain, X509_free);
    EVP_PKEY_free(c->key);
    c->leaf = NULL;
    c->chain = NULL;
    c->key = NULL;
}

void certificate_warn(
        struct certificate_notes *notes, struct str member, struct str code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str message = arena_vfmt(notes->reports->arena, fmt, args);
    va_end(args);
    struct certificate_report *r = vec_add(notes->reports->arena, &notes->reports->all);
    if (r != NULL)
        *r = (struct certificate_report){.kind = REPORT_WARNING,
                .id = notes->id,
                .member = member,
                .code = code,
                .message = message};
}

bool certificate_is_valid_at(const struct certificate *c, int64_t wall_now_ms)
{
    return c->not_before_ms <= wall_now_ms && wall_now_ms < c->not_after_ms;
}

static struct err leaf_and_chain_load(struct arena *a, const struct certificate_source *source,
        struct certificate_notes *notes, struct certificate *c)
{
    X509 *found[CERTIFICATE_CHAIN_MAX] = {NULL};
    size_t count = 0;
    struct err e = certificates_read(a, source->cert, found, &count);
    ERR_clear_error();
    if (!failed(e))
        e = certificate_chain_order(notes, found, count, c);
    for (size_t i = 0; i < count; i++)
        X509_free(found[i]);
    if (failed(e))
        return e;
    c->not_before_ms = time_ms(X509_get0_notBefore(c->leaf));
    c->not_after_ms = time_ms(X509_get0_notAfter(c->leaf));
    return OK;
}

// What was read before a fault is counted in *out_count too: the caller frees it.
static struct err certificates_read(
        struct arena *a, struct str text, X509 **found, size_t *out_count)
{
    struct pem_reader r = pem_begin(text);
    struct pem_block block;
    while (r.number < CERTIFICATE_PEM_BLOCKS_MAX && pem_next(&r, &block)) {
        struct str der;
        if (!str_eq(block.label, S("CERTIFICATE")))
            continue;
        if (!pem_decode(a, &block, &der))
            return undecodable(a, &block);
        if (*out_count == CERTIFICATE_CHAIN_MAX)
            return fail_fmt(
                    a, ERR_CONFIG, "more than %d certificates in the chain", CERTIFICATE_CHAIN_MAX);
        const unsigned char *at = (const unsigned char *)der.ptr;
        X509 *x = d2i_X509(NULL, &at, (long)der.len);
        if (x == NULL)
            return undecodable(a, &block);
        found[(*out_count)++] = x;
        if ((const char *)at != der.ptr + der.len) // bytes behind the certificate
            return undecodable(a, &block);
    }
    return *out_count > 0 ? OK : fail(ERR_CONFIG, "no certificate found");
}

static struct err undecodable(struct arena *a, const struct pem_block *block)
{
    return fail_fmt(a, ERR_CONFIG,
            "cannot decode PEM block %zu, which begins in line %zu of the value", block->number,
            block->line);
}

// The first block that is a key, from private-key or, without that, from cert.
static struct err key_load(
        struct arena *a, const struct certificate_source *source, struct certificate *c)
{
    struct pem_reader r = pem_begin(str_is_null(source->key) ? source->cert : source->key);
    struct pem_block block;
    struct str der;
    while (r.number < CERTIFICATE_PEM_BLOCKS_MAX && pem_next(&r, &block)) {
        if (!is_key_label(block.label))
            continue;
        if (str_contains(block.body, S("Proc-Type:")))
            return fail(ERR_UNSUPPORTED,
                    "the key is encrypted in an outdated form; rewrite it with "
                    "'openssl pkcs8 -topk8'");
        bool encrypted = str_starts(block.label, S("ENCRYPTED"));
        if (encrypted && str_is_empty(source->password))
            return fail(ERR_CONFIG, "the key is encrypted; set private-key-password");
        if (!pem_decode(a, &block, &der))
            return undecodable(a, &block);
        c->key = key_decode(der, block.label, source->password);
        OPENSSL_cleanse((char *)(uintptr_t)der.ptr, der.len);
        if (c->key == NULL && encrypted)
            return fail(ERR_CONFIG, "the key cannot be decrypted with private-key-password");
        return c->key != NULL ? OK : undecodable(a, &block);
    }
    return fail(ERR_CONFIG, "no private key found");
}

static bool is_key_label(struct str label)
{
    return str_eq(label, S("PRIVATE KEY")) || str_eq(label, S("RSA PRIVATE KEY")) ||
           str_eq(label, S("EC PRIVATE KEY")) || str_eq(label, S("ENCRYPTED PRIVATE KEY"));
}

static EVP_PKEY *key_decode(struct str der, struct str label, struct str password)
{
    const unsigned char *at = (const unsigned char *)der.ptr;
    if (str_starts(label, S("ENCRYPTED")))
        return key_decrypt(der, password);
    return d2i_AutoPrivateKey(NULL, &at, (long)der.len);
}

static EVP_PKEY *key_decrypt(struct str der, struct str password)
{
    const unsigned char *at = (const unsigned char *)der.ptr;
    X509_SIG *sealed = d2i_X509_SIG(NULL, &at, (long)der.len);
    PKCS8_PRIV_KEY_INFO *open =
            sealed == NULL ? NULL : PKCS8_decrypt(sealed, password.ptr, (int)password.len);
    EVP_PKEY *key = open == NULL ? NULL : EVP_PKCS82PKEY(open);
    PKCS8_PRIV_KEY_INFO_free(open);
    X509_SIG_free(sealed);
    return key;
}

// RSA of at least 2048 bits, the three NIST curves, Ed25519.
static struct err key_judge(struct arena *a, struct certificate *c)
{
    int bits = EVP_PKEY_get_bits(c->key);
    switch (EVP_PKEY_get_base_id(c->key)) {
    case EVP_PKEY_RSA:
        c->type = KEY_RSA;
        if (bits < CERTIFICATE_RSA_BITS_MIN)
            return fail_fmt(a, ERR_CONFIG, "an RSA key of %d bits is too short: at least %d", bits,
                    CERTIFICATE_RSA_BITS_MIN);
        return OK;
    case EVP_PKEY_EC:
        c->type = KEY_EC;
        return curve_judge(a, c);
    case EVP_PKEY_ED25519:
        c->type = KEY_ED25519;
        return OK;
    default:
        return fail(ERR_CONFIG, "keys of this type are not supported (RSA, EC with P-256, P-384 or "
                                "P-521, Ed25519)");
    }
}

static struct err curve_judge(struct arena *a, const struct certificate *c)
{
    char name[64] = "";
    size_t len = 0;
    EVP_PKEY_get_utf8_string_param(c->key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof(name), &len);
    struct str curve = str_of(name, len);
    if (str_eq(curve, S("prime256v1")) || str_eq(curve, S("P-256")) ||
            str_eq(curve, S("secp384r1")) || str_eq(curve, S("P-384")) ||
            str_eq(curve, S("secp521r1")) || str_eq(curve, S("P-521")))
        return OK;
    return fail_fmt(
            a, ERR_CONFIG, "the curve %.*s is not supported (P-256, P-384, P-521)", ARG(curve));
}

static void dates_judge(struct certificate_notes *notes, struct certificate *c)
{
    int64_t now = notes->wall_now_ms;
    struct str until = date_rfc3339(notes->reports->arena, c->not_after_ms);
    struct str from = date_rfc3339(notes->reports->arena, c->not_before_ms);
    if (c->not_after_ms <= c->not_before_ms)
        certificate_warn(notes, S("cert"), S("certificate-dates"),
                "ends (%.*s) before it begins (%.*s)", ARG(until), ARG(from));
    else if (c->not_after_ms <= now)
        certificate_warn(
                notes, S("cert"), S("certificate-expired"), "has expired on %.*s", ARG(until));
    else if (c->not_before_ms > now)
        certificate_warn(notes, S("cert"), S("certificate-not-yet-valid"),
                "is not valid before %.*s; is the clock right?", ARG(from));
    else if (c->not_after_ms - now < CERTIFICATE_EXPIRY_WARNING_MS)
        certificate_warn(notes, S("cert"), S("certificate-expires"), "expires on %.*s", ARG(until));
}

// A root signs itself, which nobody checks.
static void signatures_judge(struct certificate_notes *notes, const struct certificate *c)
{
    bool weak = signature_is_weak(c->leaf);
    for (int i = 0; i < sk_X509_num(c->chain); i++)
        weak = weak || signature_is_weak(sk_X509_value(c->chain, i));
    if (weak)
        certificate_warn(notes, S("cert"), S("weak-signature"),
                "the chain has a signature by SHA-1 or MD5, which clients refuse");
}

static bool signature_is_weak(const X509 *x)
{
    int digest = NID_undef;
    if (X509_get_signature_info((X509 *)(uintptr_t)x, &digest, NULL, NULL, NULL) != 1)
        return false;
    bool self_signed = X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
    return (digest == NID_sha1 || digest == NID_md5) && !self_signed;
}

static int64_t time_ms(const ASN1_TIME *time)
{
    struct tm tm = {0};
    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return 0;
    struct civil c = {.year = tm.tm_year + 1900,
            .month = (uint8_t)(tm.tm_mon + 1),
            .day = (uint8_t)tm.tm_mday,
            .hour = (uint8_t)tm.tm_hour,
            .minute = (uint8_t)tm.tm_min,
            .second = (uint8_t)tm.tm_sec};
    return civil_to_ms(&c);
}
