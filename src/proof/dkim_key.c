// SPDX-License-Identifier: Apache-2.0
// proof/dkim_key.c: key records, RFC 6376 3.6.1 and RFC 8463 4. The key itself is taken out of its
// DER here, by forty lines that know two shapes, so that sizes are judged before a library sees it.
#include "proof/dkim.h"

#include "proof/tags.h"

#define ED25519_BYTES 32
#define EXPONENT_BYTES_MAX 8 // a verification costs as much as its exponent is long

#define DER_INTEGER 0x02
#define DER_BIT_STRING 0x03
#define DER_SEQUENCE 0x30

static enum dkim_reason key_type(const struct tags *tags, struct dkim_key *key);
static void read_flags(const struct tags *tags, struct dkim_key *key);
static bool has_item(const struct tags *tags, struct str name, struct str item, bool otherwise);
static bool ed25519_read(struct dkim_key *key);
static bool rsa_read(struct dkim_key *key);
static bool der_take(struct scan *in, uint8_t type, struct scan *out_content);
static bool der_unsigned(struct scan *in, struct str *out);
static uint32_t bits_of(struct str number);

struct err dkim_key_parse(
        struct arena *a, struct str text, struct dkim_key *out, enum dkim_reason *out_reason)
{
    struct dkim_key key = {0};
    struct tags tags;
    enum tags_fault fault;
    TRY(tags_parse(a, text, &tags, &fault));
    const struct tag *v = tags_find(&tags, S("v")), *p = tags_find(&tags, S("p"));
    *out = key;
    *out_reason = DKIM_KEY_SYNTAX;
    // What follows v= is only a version of DKIM if it comes first, and is this one.
    if (fault != TAGS_FINE || p == NULL ||
            (v != NULL && (v != tags.all.at || !str_eq(v->value, S("DKIM1")))))
        return OK;
    read_flags(&tags, &key);
    enum dkim_reason reason = key_type(&tags, &key);
    if (reason == DKIM_FINE && str_is_empty(p->value))
        reason = DKIM_KEY_REVOKED;
    if (reason == DKIM_FINE) {
        bool good = tag_base64(a, p->value, &key.public_key);
        if (good && str_is_null(key.public_key))
            return fail(ERR_LIMIT, "no memory for a key");
        if (!good || !(key.type == DKIM_KEY_RSA ? rsa_read(&key) : ed25519_read(&key)))
            reason = DKIM_KEY_SYNTAX;
    }
    *out = key;
    *out_reason = reason;
    return OK;
}

static enum dkim_reason key_type(const struct tags *tags, struct dkim_key *key)
{
    const struct tag *k = tags_find(tags, S("k"));
    key->type = k != NULL && str_eq(k->value, S("ed25519")) ? DKIM_KEY_ED25519 : DKIM_KEY_RSA;
    bool known = k == NULL || key->type == DKIM_KEY_ED25519 || str_eq(k->value, S("rsa"));
    return known ? DKIM_FINE : DKIM_KEY_UNKNOWN;
}

static void read_flags(const struct tags *tags, struct dkim_key *key)
{
    key->sha256 = has_item(tags, S("h"), S("sha256"), true);
    key->sha1 = has_item(tags, S("h"), S("sha1"), true);
    key->email = has_item(tags, S("s"), S("*"), true) || has_item(tags, S("s"), S("email"), true);
    key->testing = has_item(tags, S("t"), S("y"), false);
    key->exact_domain = has_item(tags, S("t"), S("s"), false);
}

static bool has_item(const struct tags *tags, struct str name, struct str item, bool otherwise)
{
    const struct tag *tag = tags_find(tags, name);
    return tag == NULL ? otherwise : tag_has_item(tag->value, item);
}

// RFC 8463 4.2 has the bare octets; some tools publish what they have, which is RFC 8410 4.
static bool ed25519_read(struct dkim_key *key)
{
    struct str info = S("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00");
    if (str_starts(key->public_key, info))
        key->public_key = str_from(key->public_key, info.len);
    key->bits = ED25519_BYTES * 8;
    return key->public_key.len == ED25519_BYTES;
}

// RSAPublicKey of RFC 8017 A.1.1, or that in a SubjectPublicKeyInfo (RFC 5280 4.1), as RFC 6376
// 3.6.1 says and as its examples have it.
static bool rsa_read(struct dkim_key *key)
{
    struct str algorithm = S("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01");
    struct scan all = scan_over(key->public_key), outer, inner, bits;
    if (!der_take(&all, DER_SEQUENCE, &outer) || !scan_end(&all))
        return false;
    struct scan numbers = outer;
    if (der_take(&outer, DER_SEQUENCE, &inner)) {
        if (!scan_lit(&inner, algorithm) || !der_take(&outer, DER_BIT_STRING, &bits) ||
                !scan_end(&outer) || !scan_byte(&bits, '\0') ||
                !der_take(&bits, DER_SEQUENCE, &numbers) || !scan_end(&bits))
            return false;
    }
    if (!der_unsigned(&numbers, &key->modulus) || !der_unsigned(&numbers, &key->exponent) ||
            !scan_end(&numbers))
        return false;
    key->bits = bits_of(key->modulus);
    uint8_t last = (uint8_t)key->exponent.ptr[key->exponent.len - 1];
    uint8_t low = (uint8_t)key->modulus.ptr[key->modulus.len - 1];
    return key->bits <= DKIM_RSA_BITS_MAX && key->exponent.len <= EXPONENT_BYTES_MAX &&
           last % 2 == 1 && low % 2 == 1 && bits_of(key->exponent) > 1;
}

// Takes a value with its type and definite length.
static bool der_take(struct scan *in, uint8_t type, struct scan *out_content)
{
    struct scan at = *in;
    struct str content;
    uint8_t got, first, more;
    if (!scan_any(&at, &got) || got != type || !scan_any(&at, &first))
        return false;
    size_t len = first;
    if (first >= 0x80) {
        size_t octets = first & 0x7f;
        if (octets == 0 || octets > 4)
            return false;
        for (len = 0; octets > 0 && scan_any(&at, &more); octets--)
            len = len << 8 | more;
        if (octets > 0)
            return false;
    }
    if (!scan_take(&at, len, &content))
        return false;
    *out_content = scan_over(content);
    *in = at;
    return true;
}

static bool der_unsigned(struct scan *in, struct str *out)
{
    struct scan content;
    if (!der_take(in, DER_INTEGER, &content) || scan_end(&content) || scan_peek(&content) >= 0x80)
        return false;
    while (scan_byte(&content, '\0'))
        continue;
    *out = scan_rest(&content);
    return out->len > 0;
}

static uint32_t bits_of(struct str number)
{
    uint32_t bits = (uint32_t)(number.len - 1) * 8;
    for (uint8_t top = (uint8_t)number.ptr[0]; top != 0; top >>= 1)
        bits++;
    return bits;
}
