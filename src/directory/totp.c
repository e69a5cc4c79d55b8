// SPDX-License-Identifier: Apache-2.0
// directory/totp.c: see directory/totp.h. What of the URL makes no sense makes every code wrong.
#include "directory/totp.h"

#include "directory/password_forms.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define KEY_BYTES_MAX 128
#define STEPS_EACH_WAY 1

struct totp {
    uint8_t key[KEY_BYTES_MAX];
    size_t key_len;
    const EVP_MD *digest;
    uint64_t digits, period_s;
};

static bool totp_parse(struct str url, struct totp *out);
static bool totp_member(struct totp *t, struct str name, struct str value);
static bool base32_decode(struct str text, struct totp *out);
static bool code_at(const struct totp *t, uint64_t step, struct str code);

bool secret_is_totp(struct str secret)
{
    return str_starts_nocase(secret, S("otpauth://"));
}

struct str account_totp(const struct account *account)
{
    for (size_t i = 0; i < account->secrets.count; i++)
        if (secret_is_totp(account->secrets.at[i]))
            return account->secrets.at[i];
    return STR_NULL;
}

bool totp_looks_like_code(struct str text)
{
    uint64_t number;
    return text.len >= 6 && text.len <= 8 && str_to_u64(text, UINT64_MAX, &number);
}

bool totp_check(struct str url, struct str code, int64_t wall_ms)
{
    struct totp t = {0};
    bool right = false;
    if (!totp_parse(url, &t) || code.len != t.digits)
        return false;
    uint64_t now = (uint64_t)wall_ms / 1000 / t.period_s;
    for (uint64_t step = now - STEPS_EACH_WAY; step <= now + STEPS_EACH_WAY; step++)
        right = code_at(&t, step, code) || right;
    mem_wipe(&t, sizeof(t));
    return right;
}

static bool totp_parse(struct str url, struct totp *out)
{
    struct str path, query, rest, pair, name, value;
    *out = (struct totp){.digest = EVP_sha1(), .digits = 6, .period_s = 30};
    if (!str_starts_nocase(url, S("otpauth://totp/")) || !str_cut(url, '?', &path, &query))
        return false;
    rest = query;
    while (str_split(&rest, '&', &pair))
        if (str_cut(pair, '=', &name, &value) && !totp_member(out, name, value))
            return false;
    return out->key_len > 0;
}

static bool totp_member(struct totp *t, struct str name, struct str value)
{
    if (str_eq_nocase(name, S("secret")))
        return base32_decode(value, t);
    if (str_eq_nocase(name, S("digits")))
        return str_to_u64(value, 8, &t->digits) && t->digits >= 6;
    if (str_eq_nocase(name, S("period")))
        return str_to_u64(value, 3600, &t->period_s) && t->period_s > 0;
    if (!str_eq_nocase(name, S("algorithm")))
        return true; // issuer and the like
    if (str_eq_nocase(value, S("SHA256")))
        t->digest = EVP_sha256();
    else if (str_eq_nocase(value, S("SHA512")))
        t->digest = EVP_sha512();
    else
        return str_eq_nocase(value, S("SHA1"));
    return true;
}

// RFC 4648 6, in either case, padding or none.
static bool base32_decode(struct str text, struct totp *out)
{
    struct scan in = scan_over(text);
    uint32_t bits = 0;
    unsigned count = 0;
    out->key_len = 0;
    for (uint8_t c; scan_any(&in, &c);) {
        uint8_t upper = byte_to_upper(c);
        if (c == '=')
            continue;
        if (!byte_is_upper(upper) && (c < '2' || c > '7'))
            return false;
        bits = bits << 5 | (uint32_t)(byte_is_upper(upper) ? upper - 'A' : c - '2' + 26);
        count += 5;
        if (count < 8)
            continue;
        count -= 8;
        if (out->key_len == KEY_BYTES_MAX)
            return false;
        out->key[out->key_len++] = (uint8_t)(bits >> count);
    }
    return true;
}

// RFC 4226 5.3: four bytes of the MAC, from where its last half byte says.
static bool code_at(const struct totp *t, uint64_t step, struct str code)
{
    uint8_t counter[8], mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    uint64_t modulus = 1, number = 0;
    for (unsigned i = 0; i < sizeof(counter); i++)
        counter[i] = (uint8_t)(step >> (56 - 8 * i));
    if (HMAC(t->digest, t->key, (int)t->key_len, counter, sizeof(counter), mac, &len) == NULL)
        return false;
    unsigned at = mac[len - 1] & 0xf;
    for (unsigned i = 0; i < 4; i++)
        number = number << 8 | mac[at + i];
    for (uint64_t i = 0; i < t->digits; i++)
        modulus *= 10;
    number = (number & 0x7fffffff) % modulus;
    char digits[8];
    for (size_t i = t->digits; i > 0; i--, number /= 10)
        digits[i - 1] = (char)('0' + number % 10);
    return same_bytes(str_of(digits, t->digits), code);
}
