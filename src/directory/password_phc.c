// SPDX-License-Identifier: Apache-2.0
// directory/password_phc.c: the strings of the password hashing competition and their relatives:
// argon2, scrypt, PBKDF2.
#include "directory/password_forms.h"

#include "base/encode.h"

#include <argon2.h>
#include <openssl/evp.h>

#define MAKE_ARGON2_MEMORY_KIB 19456 // directory.md 5.2
#define MAKE_ARGON2_TIME 2
#define MAKE_SCRYPT_LOG 15 // 32 MiB
#define MAKE_PBKDF2_ROUNDS 600000
#define MADE_BYTES 32

static struct err argon2_costs(struct arena *a, struct str stored);
static bool pbkdf2_digest(struct str name, const EVP_MD **out);
static struct err pbkdf2_compare(const EVP_MD *digest, uint64_t rounds, struct str salt,
        struct str hash, struct str typed, bool *out);
static struct err scrypt_run(uint64_t log_n, uint64_t r, uint64_t p, struct str salt,
        struct str typed, unsigned char *out, size_t out_bytes);

// --- Argon2 --------------------------------------------------------------------------------------

struct err argon2_check(struct arena *a, struct str stored, struct str typed, bool *out)
{
    static const struct {
        struct str begin;
        argon2_type type;
    } types[] = {
            {S_INIT("$argon2id$"), Argon2_id},
            {S_INIT("$argon2i$"), Argon2_i},
            {S_INIT("$argon2d$"), Argon2_d},
    };
    TRY(argon2_costs(a, stored));
    const char *text = arena_c_str(a, stored);
    if (text == NULL)
        return fail(ERR_LIMIT, "no memory to check a password");
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (!str_starts(stored, types[i].begin))
            continue;
        int rc = argon2_verify(text, typed.ptr, typed.len, types[i].type);
        *out = rc == ARGON2_OK;
        if (rc == ARGON2_MEMORY_ALLOCATION_ERROR)
            return fail(ERR_LIMIT, "no memory to check a password");
        return rc == ARGON2_OK || rc == ARGON2_VERIFY_MISMATCH
                       ? OK
                       : fail_fmt(a, ERR_SYNTAX, "the argon2 hash is malformed: %s",
                                 argon2_error_message(rc));
    }
    return fail(ERR_SYNTAX, "the argon2 hash is malformed");
}

static struct err argon2_costs(struct arena *a, struct str stored)
{
    struct phc p;
    uint64_t memory, time, lanes;
    if (!phc_parse(a, stored, &p) || !phc_number(&p, S("m"), UINT32_MAX, &memory) ||
            !phc_number(&p, S("t"), UINT32_MAX, &time) ||
            !phc_number(&p, S("p"), UINT32_MAX, &lanes))
        return fail(ERR_SYNTAX, "the argon2 hash is malformed");
    if (memory > ARGON2_MEMORY_KIB_MAX || time > ARGON2_TIME_MAX || lanes > ARGON2_LANES_MAX)
        return fail(ERR_LIMIT, "the argon2 hash asks for more than 1 GiB, 10 rounds or 64 lanes");
    return OK;
}

struct err argon2_make(
        struct arena *a, struct str typed, const uint8_t salt[PASSWORD_SALT_BYTES], struct str *out)
{
    char text[256];
    int rc = argon2id_hash_encoded(MAKE_ARGON2_TIME, MAKE_ARGON2_MEMORY_KIB, 1, typed.ptr,
            typed.len, salt, PASSWORD_SALT_BYTES, MADE_BYTES, text, sizeof(text));
    if (rc != ARGON2_OK)
        return fail_fmt(a, ERR_LIMIT, "hashing a password: %s", argon2_error_message(rc));
    *out = arena_str(a, str_from_c(text));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory to hash a password") : OK;
}

// --- scrypt --------------------------------------------------------------------------------------

// $scrypt$ln=15,r=8,p=1$salt$hash
struct err scrypt_check(struct arena *a, struct str stored, struct str typed, bool *out)
{
    struct phc phc;
    uint64_t log_n, r, p;
    unsigned char made[CHECKED_BYTES_MAX];
    if (!phc_parse(a, stored, &phc) || !phc_number(&phc, S("ln"), 63, &log_n) ||
            !phc_number(&phc, S("r"), UINT32_MAX, &r) ||
            !phc_number(&phc, S("p"), UINT32_MAX, &p) || phc.hash.len == 0 ||
            phc.hash.len > sizeof(made) || log_n == 0 || r == 0 || p == 0)
        return fail(ERR_SYNTAX, "the scrypt hash is malformed");
    TRY(scrypt_run(log_n, r, p, phc.salt, typed, made, phc.hash.len));
    *out = same_bytes(phc.hash, str_of((const char *)made, phc.hash.len));
    return OK;
}

static struct err scrypt_run(uint64_t log_n, uint64_t r, uint64_t p, struct str salt,
        struct str typed, unsigned char *out, size_t out_bytes)
{
    uint64_t blocks = SCRYPT_BYTES_MAX / 128;
    if (log_n > 30 || r > blocks >> log_n || p > blocks / r)
        return fail(ERR_LIMIT, "the scrypt hash asks for more than 1 GiB");
    if (EVP_PBE_scrypt(typed.ptr, typed.len, (const unsigned char *)salt.ptr, salt.len,
                UINT64_C(1) << log_n, r, p, 2 * SCRYPT_BYTES_MAX, out, out_bytes) != 1)
        return fail(ERR_LIMIT, "no memory to check a password");
    return OK;
}

struct err scrypt_make(
        struct arena *a, struct str typed, const uint8_t salt[PASSWORD_SALT_BYTES], struct str *out)
{
    unsigned char made[MADE_BYTES];
    struct str salt_bytes = str_of((const char *)salt, PASSWORD_SALT_BYTES);
    TRY(scrypt_run(MAKE_SCRYPT_LOG, 8, 1, salt_bytes, typed, made, sizeof(made)));
    *out = arena_fmt(a, "$scrypt$ln=%d,r=8,p=1$%.*s$%.*s", MAKE_SCRYPT_LOG,
            ARG(encode_unpadded64(a, salt_bytes)),
            ARG(encode_unpadded64(a, str_of((const char *)made, sizeof(made)))));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory to hash a password") : OK;
}

// --- PBKDF2 --------------------------------------------------------------------------------------

// $pbkdf2-sha256$i=600000,l=32$salt$hash, or the older $pbkdf2-sha256$29000$salt$hash.
struct err pbkdf2_check(struct arena *a, struct str stored, struct str typed, bool *out)
{
    struct phc p;
    const EVP_MD *digest;
    uint64_t rounds;
    if (!phc_parse(a, stored, &p) || !pbkdf2_digest(str_from(p.id, S("pbkdf2").len), &digest) ||
            (!phc_number(&p, S("i"), UINT32_MAX, &rounds) &&
                    !str_to_u64(p.parameters, UINT32_MAX, &rounds)))
        return fail(ERR_SYNTAX, "the PBKDF2 hash is malformed");
    return pbkdf2_compare(digest, rounds, p.salt, p.hash, typed, out);
}

// {PBKDF2-SHA256}10000$salt$hash
struct err pbkdf2_check_braced(
        struct arena *a, struct str scheme, struct str stored, struct str typed, bool *out)
{
    struct str rest = stored, rounds_text, salt_text, hash_text, salt, hash;
    const EVP_MD *digest;
    uint64_t rounds;
    if (!pbkdf2_digest(str_from(scheme, S("PBKDF2").len), &digest) ||
            !str_split(&rest, '$', &rounds_text) || !str_split(&rest, '$', &salt_text) ||
            !str_split(&rest, '$', &hash_text) || !str_is_null(rest) ||
            !str_to_u64(rounds_text, UINT32_MAX, &rounds) ||
            !decode_adapted64(a, salt_text, &salt) || !decode_adapted64(a, hash_text, &hash))
        return fail(ERR_SYNTAX, "the PBKDF2 hash is malformed");
    return pbkdf2_compare(digest, rounds, salt, hash, typed, out);
}

static bool pbkdf2_digest(struct str name, const EVP_MD **out)
{
    if (str_is_empty(name) || str_eq_nocase(name, S("-sha1")))
        *out = EVP_sha1();
    else if (str_eq_nocase(name, S("-sha256")))
        *out = EVP_sha256();
    else if (str_eq_nocase(name, S("-sha512")))
        *out = EVP_sha512();
    else
        return false;
    return true;
}

static struct err pbkdf2_compare(const EVP_MD *digest, uint64_t rounds, struct str salt,
        struct str hash, struct str typed, bool *out)
{
    unsigned char made[CHECKED_BYTES_MAX];
    if (hash.len == 0 || hash.len > sizeof(made) || rounds == 0)
        return fail(ERR_SYNTAX, "the PBKDF2 hash is malformed");
    if (rounds > PBKDF2_ROUNDS_MAX)
        return fail(ERR_LIMIT, "the PBKDF2 hash asks for more than 10000000 rounds");
    if (PKCS5_PBKDF2_HMAC(typed.ptr, (int)typed.len, (const unsigned char *)salt.ptr, (int)salt.len,
                (int)rounds, digest, (int)hash.len, made) != 1)
        return fail(ERR_LIMIT, "no memory to check a password");
    *out = same_bytes(hash, str_of((const char *)made, hash.len));
    return OK;
}

struct err pbkdf2_make(
        struct arena *a, struct str typed, const uint8_t salt[PASSWORD_SALT_BYTES], struct str *out)
{
    unsigned char made[MADE_BYTES];
    if (PKCS5_PBKDF2_HMAC(typed.ptr, (int)typed.len, salt, PASSWORD_SALT_BYTES, MAKE_PBKDF2_ROUNDS,
                EVP_sha256(), sizeof(made), made) != 1)
        return fail(ERR_LIMIT, "no memory to hash a password");
    *out = arena_fmt(a, "$pbkdf2-sha256$i=%d,l=%d$%.*s$%.*s", MAKE_PBKDF2_ROUNDS, MADE_BYTES,
            ARG(encode_unpadded64(a, str_of((const char *)salt, PASSWORD_SALT_BYTES))),
            ARG(encode_unpadded64(a, str_of((const char *)made, sizeof(made)))));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory to hash a password") : OK;
}

// --- The strings ---------------------------------------------------------------------------------

bool phc_parse(struct arena *a, struct str stored, struct phc *out)
{
    struct str rest = stored, part, last = STR_NULL, before = STR_NULL;
    size_t parts = 0;
    *out = (struct phc){0};
    while (str_split(&rest, '$', &part)) {
        if (parts == 1)
            out->id = part;
        if (parts >= 2 && !str_is_null(rest) && !str_starts(part, S("v=")) &&
                str_is_null(out->parameters))
            out->parameters = part;
        before = last;
        last = part;
        parts++;
    }
    return parts >= 5 && stored.ptr[0] == '$' && decode_adapted64(a, before, &out->salt) &&
           decode_adapted64(a, last, &out->hash);
}

bool phc_number(const struct phc *p, struct str name, uint64_t max, uint64_t *out)
{
    struct str rest = p->parameters, part, key, value;
    while (str_split(&rest, ',', &part))
        if (str_cut(part, '=', &key, &value) && str_eq(key, name))
            return str_to_u64(value, max, out);
    return false;
}

bool decode_adapted64(struct arena *a, struct str text, struct str *out)
{
    struct buf plain AUTO(buf_done), bytes AUTO(buf_done);
    buf_init(&plain, PASSWORD_STORED_BYTES_MAX + 4);
    buf_init(&bytes, PASSWORD_STORED_BYTES_MAX);
    for (size_t i = 0; i < text.len && text.ptr[i] != '='; i++)
        buf_add_byte(&plain, text.ptr[i] == '.' ? '+' : text.ptr[i]);
    while (plain.len % 4 != 0 && !plain.overflow)
        buf_add_byte(&plain, '=');
    if (plain.overflow || !decode_base64(&bytes, buf_str(&plain)))
        return false;
    *out = arena_str(a, buf_str(&bytes));
    return !str_is_null(*out);
}

struct str encode_unpadded64(struct arena *a, struct str bytes)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, PASSWORD_STORED_BYTES_MAX);
    encode_base64(&text, bytes);
    struct str out = buf_str(&text);
    while (str_ends(out, S("=")))
        out = str_upto(out, out.len - 1);
    return arena_str(a, out);
}
