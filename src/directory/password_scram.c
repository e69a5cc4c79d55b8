// SPDX-License-Identifier: Apache-2.0
// directory/password_scram.c: the keys that SCRAM needs (RFC 5802 3, RFC 7677), of which a server
// may keep no more than it must: salt, iterations, StoredKey, ServerKey.
#include "directory/password_forms.h"

#include "base/encode.h"
#include "directory/scram.h"

static bool decode(struct arena *a, struct str text, size_t bytes, struct str *out);

bool password_scram_parse(struct arena *a, struct str stored, struct password_scram *out)
{
    struct scan in = scan_over(stored);
    struct str iterations, salt, stored_key, server_key;
    uint64_t count;
    struct password_scram keys = {0};
    if (scan_lit_nocase(&in, S("{SCRAM-SHA-256}")))
        keys.is_sha256 = true;
    else if (!scan_lit_nocase(&in, S("{SCRAM-SHA-1}")))
        return false;
    size_t bytes = keys.is_sha256 ? 32 : 20;
    if (!scan_until_past(&in, ',', &iterations) || !scan_until_past(&in, ',', &salt) ||
            !scan_until_past(&in, ',', &stored_key))
        return false;
    server_key = scan_rest(&in);
    if (!str_to_u64(iterations, PBKDF2_ROUNDS_MAX, &count) || count == 0 ||
            !decode(a, salt, 0, &keys.salt) || !decode(a, stored_key, bytes, &keys.stored_key) ||
            !decode(a, server_key, bytes, &keys.server_key))
        return false;
    keys.iterations = (uint32_t)count;
    *out = keys;
    return true;
}

static bool decode(struct arena *a, struct str text, size_t bytes, struct str *out)
{
    struct buf decoded AUTO(buf_done);
    buf_init(&decoded, PASSWORD_STORED_BYTES_MAX);
    if (!decode_base64(&decoded, text) || decoded.len == 0 || (bytes > 0 && decoded.len != bytes))
        return false;
    *out = arena_str(a, buf_str(&decoded));
    return !str_is_null(*out);
}

struct err scram_check(struct arena *a, struct str stored, struct str typed, bool *out)
{
    struct password_scram keys;
    struct scram_derived made;
    if (!password_scram_parse(a, stored, &keys))
        return fail(ERR_SYNTAX, "the SCRAM keys are malformed, ask for too many iterations, or are "
                                "of another hash than SHA-256 and SHA-1");
    enum scram_hash hash = keys.is_sha256 ? SCRAM_SHA_256 : SCRAM_SHA_1;
    if (!scram_derive(hash, typed, keys.salt, keys.iterations, &made))
        return fail(ERR_LIMIT, "no memory to check a password");
    *out = same_bytes(
            str_of((const char *)made.stored_key, scram_digest_bytes(hash)), keys.stored_key);
    mem_wipe(&made, sizeof(made));
    return OK;
}

struct err password_scram_make_now(
        struct arena *a, struct str typed, const uint8_t salt[PASSWORD_SALT_BYTES], struct str *out)
{
    struct scram_derived made;
    size_t bytes = scram_digest_bytes(SCRAM_SHA_256);
    struct str salt_str = str_of((const char *)salt, PASSWORD_SALT_BYTES);
    struct buf text AUTO(buf_done);
    buf_init(&text, PASSWORD_STORED_BYTES_MAX);
    if (typed.len == 0 || typed.len > PASSWORD_BYTES_MAX)
        return fail(ERR_SYNTAX, "a password has 1 to 1024 bytes");
    if (!scram_derive(SCRAM_SHA_256, typed, salt_str, SCRAM_ITERATIONS, &made))
        return fail(ERR_LIMIT, "no memory to hash a password");
    buf_fmt(&text, "{SCRAM-SHA-256}%d,", SCRAM_ITERATIONS);
    encode_base64(&text, salt_str);
    buf_add_byte(&text, ',');
    encode_base64(&text, str_of((const char *)made.stored_key, bytes));
    buf_add_byte(&text, ',');
    encode_base64(&text, str_of((const char *)made.server_key, bytes));
    *out = arena_str(a, buf_str(&text));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory to hash a password") : OK;
}
