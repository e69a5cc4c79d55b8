// SPDX-License-Identifier: Apache-2.0
// directory/password_crypt.c: the family of crypt(3), by libxcrypt. Its state is 32 KiB, so it is
// never on a stack; costs are read from the setting before it is asked.
#include "directory/password_forms.h"

#include <crypt.h>
#include <errno.h>

#define BCRYPT_COST_MADE 12

static struct err costs(struct str stored);
static struct err rounds_cost(struct str setting, struct str word, uint64_t max);
static struct err bcrypt_cost(struct str setting);
static struct err yescrypt_cost(struct str setting);
static struct err scrypt7_cost(struct str setting);
static struct err memory_cost(unsigned log_n, uint64_t r, uint64_t p);
static int crypt64_value(char c);
static struct err run(struct arena *a, struct str typed, struct str setting, struct str *out);

struct err crypt_check(struct arena *a, struct str stored, struct str typed, bool *out)
{
    struct str made;
    TRY(costs(stored));
    TRY(run(a, typed, stored, &made));
    *out = same_bytes(made, stored);
    return OK;
}

static struct err costs(struct str stored)
{
    if (str_starts(stored, S("$2")))
        return bcrypt_cost(str_from(stored, 4));
    if (str_starts(stored, S("$5$")) || str_starts(stored, S("$6$")))
        return rounds_cost(str_from(stored, 3), S("rounds="), SHACRYPT_ROUNDS_MAX);
    if (str_starts(stored, S("$sha1$")))
        return rounds_cost(str_from(stored, 6), S(""), PBKDF2_ROUNDS_MAX);
    if (str_starts(stored, S("$y$")))
        return yescrypt_cost(str_from(stored, 3));
    if (str_starts(stored, S("$gy$")))
        return yescrypt_cost(str_from(stored, 4));
    if (str_starts(stored, S("$7$")))
        return scrypt7_cost(str_from(stored, 3));
    return OK; // the old ones cost what they cost
}

// Behind the word, if it is there: N$
static struct err rounds_cost(struct str setting, struct str word, uint64_t max)
{
    struct scan in = scan_over(setting);
    uint64_t rounds;
    if (!scan_lit(&in, word) || scan_u64(&in, max, &rounds))
        return OK; // without the word it is a salt, and the default costs little
    return byte_is_digit((uint8_t)scan_peek(&in))
                   ? fail(ERR_LIMIT, "the hash asks for more than 10000000 rounds")
                   : fail(ERR_SYNTAX, "the hash is malformed");
}

static struct err bcrypt_cost(struct str setting)
{
    struct scan in = scan_over(setting);
    uint64_t cost;
    if (!scan_u64(&in, 99, &cost) || !scan_byte(&in, '$'))
        return fail(ERR_SYNTAX, "the bcrypt hash is malformed");
    return cost <= BCRYPT_COST_MAX ? OK
                                   : fail(ERR_LIMIT, "the bcrypt hash asks for more than cost 15");
}

// A letter for the flavour, one for log2 of N less 1, one for r less 1; what needs more letters
// than one is beyond our bounds anyway.
static struct err yescrypt_cost(struct str setting)
{
    int log_n = setting.len > 3 ? crypt64_value(setting.ptr[1]) : -1;
    int r = setting.len > 3 ? crypt64_value(setting.ptr[2]) : -1;
    if (log_n < 0 || r < 0)
        return fail(ERR_SYNTAX, "the yescrypt hash is malformed");
    return memory_cost((unsigned)log_n + 1, (unsigned)r + 1, 1);
}

// A letter for log2 of N, five for r, five for p, the lowest six bits first.
static struct err scrypt7_cost(struct str setting)
{
    uint64_t numbers[2] = {0};
    int log_n = setting.len > 11 ? crypt64_value(setting.ptr[0]) : -1;
    for (size_t i = 0; log_n >= 0 && i < 10; i++) {
        int value = crypt64_value(setting.ptr[1 + i]);
        if (value < 0)
            log_n = -1;
        else
            numbers[i / 5] |= (uint64_t)value << (6 * (i % 5));
    }
    if (log_n < 0)
        return fail(ERR_SYNTAX, "the scrypt hash is malformed");
    return memory_cost((unsigned)log_n, numbers[0], numbers[1]);
}

static struct err memory_cost(unsigned log_n, uint64_t r, uint64_t p)
{
    uint64_t blocks = SCRYPT_BYTES_MAX / 128;
    return log_n < 30 && r > 0 && p > 0 && r <= blocks >> log_n && p <= blocks / r
                   ? OK
                   : fail(ERR_LIMIT, "the hash asks for more than 1 GiB");
}

static int crypt64_value(char c)
{
    static const char alphabet[] =
            "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t at = str_find_byte(str_of(alphabet, 64), c);
    return at < 64 ? (int)at : -1;
}

static struct err run(struct arena *a, struct str typed, struct str setting, struct str *out)
{
    const char *typed_text = arena_c_str(a, typed), *setting_text = arena_c_str(a, setting);
    struct crypt_data *state = mem_new(struct crypt_data);
    if (typed_text == NULL || setting_text == NULL || state == NULL) {
        mem_free(state);
        return fail(ERR_LIMIT, "no memory to check a password");
    }
    errno = 0;
    const char *made = crypt_rn(typed_text, setting_text, state, sizeof(*state));
    int failure = errno;
    struct err e = OK;
    if (made == NULL && (failure == ENOMEM || failure == ERANGE))
        e = fail(ERR_LIMIT, "no memory to check a password");
    else if (made == NULL)
        e = fail(ERR_SYNTAX, "the hash is malformed, or of a kind that this system cannot check");
    else {
        *out = arena_str(a, str_from_c(made));
        if (str_is_null(*out))
            e = fail(ERR_LIMIT, "no memory to check a password");
    }
    memset(state, 0, sizeof(*state));
    mem_free(state);
    return e;
}

struct err bcrypt_make(
        struct arena *a, struct str typed, const uint8_t salt[PASSWORD_SALT_BYTES], struct str *out)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (crypt_gensalt_rn("$2b$", BCRYPT_COST_MADE, (const char *)salt, PASSWORD_SALT_BYTES, setting,
                sizeof(setting)) == NULL)
        return fail(ERR_UNSUPPORTED, "this system's crypt library has no bcrypt");
    return run(a, typed, str_from_c(setting), out);
}
