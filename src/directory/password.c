// SPDX-License-Identifier: Apache-2.0
// directory/password.c: which form it is, by how it begins. {SCHEME} names are read without regard
// to case; what begins with none of $ { _ is the secret itself, unless it looks like the thirteen
// characters of the oldest crypt(3).
#include "directory/password.h"

#include "directory/password_forms.h"
#include "rt/offload.h"

typedef struct err form_check(struct arena *a, struct str stored, struct str typed, bool *out);

struct form {
    struct str begin;
    struct str name;
    form_check *check;
};

static const struct form dollar_forms[] = {
        {S_INIT("$argon2id$"), S_INIT("argon2id"), argon2_check},
        {S_INIT("$argon2i$"), S_INIT("argon2i"), argon2_check},
        {S_INIT("$argon2d$"), S_INIT("argon2d"), argon2_check},
        {S_INIT("$scrypt$"), S_INIT("scrypt"), scrypt_check},
        {S_INIT("$pbkdf2"), S_INIT("pbkdf2"), pbkdf2_check},
        {S_INIT("$2a$"), S_INIT("bcrypt"), crypt_check},
        {S_INIT("$2b$"), S_INIT("bcrypt"), crypt_check},
        {S_INIT("$2y$"), S_INIT("bcrypt"), crypt_check},
        {S_INIT("$2x$"), S_INIT("bcrypt"), crypt_check},
        {S_INIT("$y$"), S_INIT("yescrypt"), crypt_check},
        {S_INIT("$gy$"), S_INIT("gost-yescrypt"), crypt_check},
        {S_INIT("$7$"), S_INIT("scrypt"), crypt_check},
        {S_INIT("$6$"), S_INIT("sha512-crypt"), crypt_check},
        {S_INIT("$5$"), S_INIT("sha256-crypt"), crypt_check},
        {S_INIT("$sha1$"), S_INIT("sha1-crypt"), crypt_check},
        {S_INIT("$1$"), S_INIT("md5-crypt"), crypt_check},
        {S_INIT("_"), S_INIT("bsdi-crypt"), crypt_check},
};

static const struct str crypt_words[] = {S_INIT("CRYPT"), S_INIT("BLF-CRYPT"),
        S_INIT("SHA512-CRYPT"), S_INIT("SHA256-CRYPT"), S_INIT("MD5-CRYPT")};
static const struct str clear_words[] = {S_INIT("PLAIN"), S_INIT("CLEAR"), S_INIT("CLEARTEXT")};
static const struct str argon2_words[] = {
        S_INIT("ARGON2"), S_INIT("ARGON2ID"), S_INIT("ARGON2I"), S_INIT("ARGON2D")};

struct check_work {
    struct arena *arena;
    struct str stored, typed;
    bool right;
    struct err result;
};

static void work(void *arg);
static struct err check_braced(
        struct arena *a, struct str scheme, struct str stored, struct str typed, bool *out);
static bool one_of(struct str word, const struct str *words, size_t count);
static const struct form *dollar_form(struct str stored);
static bool braced(struct str stored, struct str *out_scheme, struct str *out_rest);
static bool looks_like_des(struct str stored);

struct err password_check(struct arena *a, struct str stored, struct str typed, bool *out_right)
{
    struct check_work w = {.arena = a, .stored = stored, .typed = typed};
    TRY(offload(work, &w));
    *out_right = w.right;
    return w.result;
}

static void work(void *arg)
{
    struct check_work *w = arg;
    w->result = password_check_now(w->arena, w->stored, w->typed, &w->right);
}

struct err password_check_now(struct arena *a, struct str stored, struct str typed, bool *out_right)
{
    struct str scheme, rest;
    *out_right = false;
    if (typed.len == 0 || typed.len > PASSWORD_BYTES_MAX || str_find_byte(typed, '\0') < typed.len)
        return OK; // wrong, whatever is stored
    if (stored.len > PASSWORD_STORED_BYTES_MAX)
        return fail(ERR_LIMIT, "the stored secret is longer than any known form");
    if (braced(stored, &scheme, &rest))
        return check_braced(a, scheme, rest, typed, out_right);
    const struct form *form = dollar_form(stored);
    if (form != NULL)
        return form->check(a, stored, typed, out_right);
    if (str_starts(stored, S("$")))
        return fail_fmt(a, ERR_UNSUPPORTED, "unsupported hash scheme %.*s",
                ARG(str_upto(stored, str_find_byte(str_from(stored, 1), '$') < stored.len
                                             ? str_find_byte(str_from(stored, 1), '$') + 2
                                             : 1)));
    if (looks_like_des(stored)) {
        TRY(crypt_check(a, stored, typed, out_right));
        if (*out_right)
            return OK;
    }
    *out_right = stored.len > 0 && same_bytes(stored, typed);
    return OK;
}

static struct err check_braced(
        struct arena *a, struct str scheme, struct str stored, struct str typed, bool *out)
{
    const char *digest;
    bool salted;
    if (one_of(scheme, clear_words, COUNT_OF(clear_words))) {
        *out = stored.len > 0 && same_bytes(stored, typed);
        return OK;
    }
    if (one_of(scheme, crypt_words, COUNT_OF(crypt_words)))
        return crypt_check(a, stored, typed, out);
    if (one_of(scheme, argon2_words, COUNT_OF(argon2_words)))
        return argon2_check(a, stored, typed, out);
    if (str_starts_nocase(scheme, S("PBKDF2")))
        return pbkdf2_check_braced(a, scheme, stored, typed, out);
    if (str_starts_nocase(scheme, S("SCRAM-")))
        return scram_check(a, arena_fmt(a, "{%.*s}%.*s", ARG(scheme), ARG(stored)), typed, out);
    if (digest_scheme(scheme, &digest, &salted))
        return digest_check(a, digest, salted, stored, typed, out);
    return fail_fmt(a, ERR_UNSUPPORTED, "unsupported hash scheme {%.*s}", ARG(scheme));
}

static bool one_of(struct str word, const struct str *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq_nocase(word, words[i]))
            return true;
    return false;
}

static const struct form *dollar_form(struct str stored)
{
    for (size_t i = 0; i < COUNT_OF(dollar_forms); i++)
        if (str_starts(stored, dollar_forms[i].begin))
            return &dollar_forms[i];
    return NULL;
}

static bool braced(struct str stored, struct str *out_scheme, struct str *out_rest)
{
    struct scan in = scan_over(stored);
    if (!scan_byte(&in, '{') || !scan_until_past(&in, '}', out_scheme))
        return false;
    *out_rest = scan_rest(&in);
    return out_scheme->len > 0;
}

// Two characters of salt and eleven of hash, of ./0-9A-Za-z. A clear secret may look the same; so
// one that does not match is compared as such, too.
static bool looks_like_des(struct str stored)
{
    if (stored.len != 13)
        return false;
    for (size_t i = 0; i < stored.len; i++)
        if (!byte_is_alnum((uint8_t)stored.ptr[i]) && stored.ptr[i] != '.' && stored.ptr[i] != '/')
            return false;
    return true;
}

struct err password_make_now(struct arena *a, enum password_hash how, struct str typed,
        const uint8_t salt[PASSWORD_SALT_BYTES], struct str *out)
{
    if (typed.len == 0 || typed.len > PASSWORD_BYTES_MAX || str_find_byte(typed, '\0') < typed.len)
        return fail(ERR_SYNTAX, "a password has 1 to 1024 bytes, and no NUL among them");
    switch (how) {
    case PASSWORD_ARGON2ID:
        return argon2_make(a, typed, salt, out);
    case PASSWORD_BCRYPT:
        return bcrypt_make(a, typed, salt, out);
    case PASSWORD_SCRYPT:
        return scrypt_make(a, typed, salt, out);
    case PASSWORD_PBKDF2:
        return pbkdf2_make(a, typed, salt, out);
    }
    return fail(ERR_INTERNAL, "no such hash");
}

bool password_hash_named(struct str name, enum password_hash *out)
{
    static const struct {
        struct str name;
        enum password_hash hash;
    } names[] = {
            {S_INIT("argon2id"), PASSWORD_ARGON2ID},
            {S_INIT("bcrypt"), PASSWORD_BCRYPT},
            {S_INIT("scrypt"), PASSWORD_SCRYPT},
            {S_INIT("pbkdf2"), PASSWORD_PBKDF2},
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_eq_nocase(names[i].name, name)) {
            *out = names[i].hash;
            return true;
        }
    return false;
}

struct str password_form(struct str stored)
{
    struct str scheme, rest;
    const char *digest;
    bool salted;
    if (braced(stored, &scheme, &rest)) {
        if (one_of(scheme, clear_words, COUNT_OF(clear_words)))
            return S("clear text");
        if (one_of(scheme, crypt_words, COUNT_OF(crypt_words)) ||
                one_of(scheme, argon2_words, COUNT_OF(argon2_words)))
            return password_form(rest);
        if (str_starts_nocase(scheme, S("PBKDF2")))
            return S("pbkdf2");
        if (str_starts_nocase(scheme, S("SCRAM-")))
            return S("scram");
        if (digest_scheme(scheme, &digest, &salted))
            return salted ? S("salted digest") : S("digest without salt");
        return S("unknown");
    }
    const struct form *form = dollar_form(stored);
    if (form != NULL)
        return form->name;
    return str_starts(stored, S("$")) ? S("unknown") : S("clear text");
}

bool password_is_clear(struct str stored)
{
    return str_eq(password_form(stored), S("clear text")) && !looks_like_des(stored);
}

struct str password_clear_text(struct str stored)
{
    struct str scheme, rest;
    return braced(stored, &scheme, &rest) ? rest : stored;
}
