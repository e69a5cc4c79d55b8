// SPDX-License-Identifier: Apache-2.0
// listen/self_signed.c: the certificate of last resort (listeners.md 9.5): P-256, SHA-256, 397
// days, in memory only. Mail servers that encrypt opportunistically (RFC 7435) are content with it.
#include "listen/certificate.h"

#include "base/ip.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define COMMON_NAME_BYTES_MAX 64 // ub-common-name of RFC 5280
#define SERIAL_BYTES 16
#define CLOCK_SLACK_MS HOUR_MS // peers whose clock is behind ours

struct self_signed {
    struct certificate certificate; // first: the caller only sees this
    struct arena arena;
    size_t references;
};

static bool make(struct self_signed *s, const struct str *names, size_t count, int64_t now_ms);
static X509 *signed_by(EVP_PKEY *key, const struct certificate *c);
static bool name_it(X509 *x, const struct certificate *c);
static bool date_it(X509 *x, const struct certificate *c);
static bool extend_it(X509 *x, const struct certificate *c);
static bool add_alternative_name(GENERAL_NAMES *all, struct str name);
static bool add_text_extension(X509 *x, int nid, const char *value);

struct certificate *self_signed_make(const struct str *names, size_t count, int64_t wall_now_ms)
{
    struct self_signed *s = mem_new(struct self_signed);
    if (s == NULL)
        return NULL;
    arena_init(&s->arena, MIB);
    s->references = 1;
    if (make(s, names, count, wall_now_ms))
        return &s->certificate;
    ERR_clear_error();
    self_signed_free(&s->certificate);
    return NULL;
}

struct certificate *self_signed_ref(struct certificate *c)
{
    CONTAINER_OF(c, struct self_signed, certificate)->references++;
    return c;
}

void self_signed_free(struct certificate *c)
{
    if (c == NULL)
        return;
    struct self_signed *s = CONTAINER_OF(c, struct self_signed, certificate);
    if (--s->references > 0)
        return;
    certificate_drop(c);
    arena_done(&s->arena);
    mem_free(s);
}

static bool make(struct self_signed *s, const struct str *names, size_t count, int64_t now_ms)
{
    struct certificate *c = &s->certificate;
    struct str *copies = arena_array(&s->arena, count + 1, struct str);
    if (copies == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        copies[i] = arena_str_lower(&s->arena, names[i]);
    *c = (struct certificate){.id = S("self-signed"),
            .type = KEY_EC,
            .not_before_ms = now_ms - CLOCK_SLACK_MS,
            .not_after_ms = now_ms - CLOCK_SLACK_MS + (int64_t)SELF_SIGNED_DAYS * DAY_MS,
            .names = {copies, count}};
    c->key = EVP_EC_gen("P-256");
    c->chain = sk_X509_new_null();
    c->leaf = c->key == NULL ? NULL : signed_by(c->key, c);
    return c->leaf != NULL && c->chain != NULL;
}

static X509 *signed_by(EVP_PKEY *key, const struct certificate *c)
{
    X509 *x = X509_new();
    if (x != NULL && X509_set_version(x, X509_VERSION_3) == 1 && X509_set_pubkey(x, key) == 1 &&
            name_it(x, c) && date_it(x, c) && extend_it(x, c) &&
            X509_sign(x, key, EVP_sha256()) != 0)
        return x;
    X509_free(x);
    return NULL;
}

// A random serial number, and the first name, if it fits, as subject and issuer.
static bool name_it(X509 *x, const struct certificate *c)
{
    unsigned char serial[SERIAL_BYTES];
    if (RAND_bytes(serial, sizeof(serial)) != 1)
        return false;
    serial[0] &= 0x7f; // positive, RFC 5280 4.1.2.2
    BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);
    bool numbered = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
    BN_free(number);
    X509_NAME *subject = X509_get_subject_name(x);
    struct str name = c->names.count > 0 ? c->names.at[0] : S("localhost");
    if (name.len > COMMON_NAME_BYTES_MAX)
        name = S("posthaste");
    return numbered &&
           X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                   (const unsigned char *)name.ptr, (int)name.len, -1, 0) == 1 &&
           X509_set_issuer_name(x, subject) == 1;
}

static bool date_it(X509 *x, const struct certificate *c)
{
    return ASN1_TIME_set(X509_getm_notBefore(x), c->not_before_ms / SECOND_MS) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(x), c->not_after_ms / SECOND_MS) != NULL;
}

static bool extend_it(X509 *x, const struct certificate *c)
{
    GENERAL_NAMES *all = sk_GENERAL_NAME_new_null();
    bool added = all != NULL;
    for (size_t i = 0; added && i < c->names.count; i++)
        added = add_alternative_name(all, c->names.at[i]);
    if (added && c->names.count > 0)
        added = X509_add1_ext_i2d(x, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(all);
    return added && add_text_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
           add_text_extension(x, NID_key_usage, "critical,digitalSignature") &&
           add_text_extension(x, NID_ext_key_usage, "serverAuth");
}

static bool add_alternative_name(GENERAL_NAMES *all, struct str name)
{
    struct ip ip;
    bool is_ip = ip_parse(name, &ip);
    size_t bytes = is_ip && ip.family == IP_V4 ? 4 : 16;
    struct str value = is_ip ? str_of((const char *)ip.bytes, bytes) : name;
    GENERAL_NAME *general = GENERAL_NAME_new();
    ASN1_STRING *text = ASN1_STRING_type_new(is_ip ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    if (general == NULL || text == NULL || ASN1_STRING_set(text, value.ptr, (int)value.len) != 1) {
        GENERAL_NAME_free(general);
        ASN1_STRING_free(text);
        return false;
    }
    GENERAL_NAME_set0_value(general, is_ip ? GEN_IPADD : GEN_DNS, text);
    if (sk_GENERAL_NAME_push(all, general) > 0)
        return true;
    GENERAL_NAME_free(general);
    return false;
}

static bool add_text_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool added = extension != NULL && X509_add_ext(x, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}
