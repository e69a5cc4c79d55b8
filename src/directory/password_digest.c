// SPDX-License-Identifier: Apache-2.0
// directory/password_digest.c: {SSHA} and its family, which LDAP servers keep (RFC 2307 5.3): the
// base64 of a digest, and of the salted ones of the salt behind it. Weak, and accepted because
// people bring their accounts with them; a login with one is the moment to store a better form.
#include "directory/password_forms.h"

#include "base/encode.h"

#include <openssl/evp.h>

bool digest_scheme(struct str scheme, const char **out_digest, bool *out_salted)
{
    static const struct {
        struct str scheme;
        const char *digest;
        bool salted;
    } rows[] = {
            {S_INIT("SHA"), "SHA1", false},
            {S_INIT("SSHA"), "SHA1", true},
            {S_INIT("SHA256"), "SHA256", false},
            {S_INIT("SSHA256"), "SHA256", true},
            {S_INIT("SHA512"), "SHA512", false},
            {S_INIT("SSHA512"), "SHA512", true},
            {S_INIT("MD5"), "MD5", false},
            {S_INIT("SMD5"), "MD5", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_eq_nocase(scheme, rows[i].scheme)) {
            *out_digest = rows[i].digest;
            *out_salted = rows[i].salted;
            return true;
        }
    return false;
}

struct err digest_check(struct arena *a, const char *digest, bool salted, struct str stored,
        struct str typed, bool *out)
{
    unsigned char made[EVP_MAX_MD_SIZE];
    unsigned made_bytes = 0;
    struct buf bytes AUTO(buf_done), input AUTO(buf_done);
    buf_init(&bytes, PASSWORD_STORED_BYTES_MAX);
    buf_init(&input, PASSWORD_BYTES_MAX + PASSWORD_STORED_BYTES_MAX);
    const EVP_MD *md = EVP_get_digestbyname(digest);
    if (md == NULL)
        return fail_fmt(a, ERR_UNSUPPORTED, "this machine's OpenSSL has no %s", digest);
    size_t digest_bytes = (size_t)EVP_MD_get_size(md);
    if (!decode_base64(&bytes, stored) || bytes.len < digest_bytes ||
            (!salted && bytes.len != digest_bytes))
        return fail(ERR_SYNTAX, "the digest is malformed");
    struct str kept = str_upto(buf_str(&bytes), digest_bytes);
    buf_add(&input, typed);
    buf_add(&input, str_from(buf_str(&bytes), digest_bytes));
    if (EVP_Digest(input.ptr, input.len, made, &made_bytes, md, NULL) != 1)
        return fail_fmt(a, ERR_UNSUPPORTED, "this machine's OpenSSL refuses %s", digest);
    *out = same_bytes(kept, str_of((const char *)made, made_bytes));
    return OK;
}
