// SPDX-License-Identifier: Apache-2.0
// directory/login.c: who is it, is the secret right, and may they come in (directory.md 6). Whoever
// is unknown costs as much as whoever is known: a hash of nobody's is compared instead. Of what is
// computed at once there is a bound, so that a flood of wrong passwords leaves the helper threads
// to the others (directory.md 12).
#include "directory/directory.h"

#include "base/map.h"
#include "base/unicode.h"
#include "directory/backend.h"
#include "directory/login_cache.h"
#include "directory/totp.h"
#include "rt/clock.h"

#define LOGIN_NAME_BYTES_MAX 512
#define HASHING_MAX 1 // of a worker: the other helper thread is for commits
#define HASHING_WAITING_MAX 1000

struct trying {
    struct directories *d;
    struct arena *arena;
    const struct login *login;
    const struct directory *dir;
    struct login_answer *out;
};

static bool plausible(const struct login *login);
static bool for_directory(const struct directory *dir, struct str typed);
static struct err try_password(struct trying *t) suspends;
static struct err check_secrets(
        struct trying *t, const struct account *account, struct str secret, bool *out) suspends;
static struct err check_one(
        struct trying *t, struct str stored, struct str typed, bool *out) suspends;
static struct err check_factors(struct trying *t, const struct account *account) suspends;
static struct err try_fallback(struct trying *t, bool *out_known) suspends;
static const struct account *fallback_account(struct trying *t);
static enum login_outcome admission(const struct account *account, const struct login *login);
static bool has_clear_form(struct str secret);
static struct err no_memory(void);

struct err directories_login(
        struct directories *d, struct arena *a, const struct login *login, struct login_answer *out)
{
    struct trying t = {.d = d, .arena = a, .login = login, .out = out};
    bool known = false;
    *out = (struct login_answer){.outcome = LOGIN_UNKNOWN};
    if (!plausible(login) || str_is_empty(login->secret))
        return OK;
    TRY(directory_of_login(d, a, login->directory, login->name, &t.dir));
    struct err e = try_password(&t);
    if (!failed(e) && out->outcome != LOGIN_UNKNOWN)
        return OK;
    // directory.md 6.1: whether nobody of that name is there, or nobody could be asked.
    struct err bad = try_fallback(&t, &known);
    return known ? bad : e;
}

// directory.md 1.3: "*" is the directory that the name's domain is bound to, else the default one.
struct err directory_of_login(struct directories *d, struct arena *a, struct str id,
        struct str typed, const struct directory **out)
{
    struct str name, why;
    TRY(directory_of(d, id, out));
    bool named = !str_is_empty(id) && !str_eq(id, S("*"));
    if (named || !account_name_normal(a, typed, &name, &why) ||
            str_find_byte(name, '@') == STR_NOT_FOUND)
        return OK;
    const struct domain_setting *domain = map_get(d->settings->domains, address_domain(name));
    if (domain != NULL && domain->directory != NULL)
        *out = domain->directory;
    return OK;
}

// What cannot be a login name never reaches a directory (directory.md 12).
static bool plausible(const struct login *login)
{
    struct str rest = login->name;
    if (rest.len == 0 || rest.len > LOGIN_NAME_BYTES_MAX || !str_is_utf8(rest))
        return false;
    for (uint32_t code; unicode_next(&rest, &code);)
        if (code < 0x20 || (code >= 0x7f && code < 0xa0))
            return false;
    return login->secret.len <= PASSWORD_BYTES_MAX;
}

static struct err try_password(struct trying *t)
{
    const struct account *account = NULL;
    struct login_answer *out = t->out;
    bool right = false;
    TRY(account_of_login(t->d, t->arena, t->dir, t->login->name, &account));
    struct login_key key = login_cache_key(
            t->d->cache, t->dir != NULL ? t->dir->id : S(""), t->login->name, t->login->secret);
    enum cached cached = login_cache_get(t->d->cache, &key, account);
    if (cached == CACHED_NOTHING)
        TRY(check_secrets(t, account, t->login->secret, &right));
    else
        right = cached == CACHED_RIGHT;
    out->account = account;
    out->repeated = cached == CACHED_WRONG;
    if (account != NULL && !right) { // a code may stand behind the password
        out->outcome = LOGIN_WRONG;
        if (cached == CACHED_NOTHING)
            TRY(check_factors(t, account));
        if (out->outcome == LOGIN_OK) // each code is good once, so this is not remembered
            return OK;
    }
    if (cached == CACHED_NOTHING)
        login_cache_put(t->d->cache, &key, account, right ? CACHED_RIGHT : CACHED_WRONG);
    if (account == NULL || !right)
        return OK;
    out->outcome =
            account_totp(account).len > 0 ? LOGIN_SECOND_FACTOR : admission(account, t->login);
    return OK;
}

// Any of the passwords. One that cannot be checked is its administrator's fault, not the user's:
// unless another one is right the answer is "not now", with the account named.
static struct err check_secrets(
        struct trying *t, const struct account *account, struct str secret, bool *out)
{
    struct err bad = OK;
    size_t checked = 0;
    *out = false;
    for (size_t i = 0; account != NULL && i < account->secrets.count && !*out; i++) {
        struct str stored = account->secrets.at[i];
        if (secret_is_totp(stored))
            continue;
        checked++;
        struct err e = check_one(t, stored, secret, out);
        if (failed(e) && !err_is_temporary(e.kind))
            bad = e;
        else if (failed(e))
            return e;
    }
    if (checked == 0) {
        bool nobody = false;
        TRY(check_one(t, t->d->decoy, secret, &nobody));
    }
    if (*out || !failed(bad))
        return OK;
    return fail_fmt(
            t->arena, ERR_IO, "%.*s of account %.*s", ARG(err_text(bad)), ARG(account->name));
}

static struct err check_one(struct trying *t, struct str stored, struct str typed, bool *out)
{
    struct directories *d = t->d;
    if (d->hashing_waiting >= HASHING_WAITING_MAX)
        return fail(ERR_LIMIT, "too many logins at once");
    while (d->hashing_count >= HASHING_MAX) {
        d->hashing_waiting++;
        struct err e = waitq_wait(&d->hashing_moved, "its turn to check a password");
        d->hashing_waiting--;
        TRY(e);
    }
    d->hashing_count++;
    struct err e = password_check(t->arena, stored, typed, out);
    d->hashing_count--;
    waitq_wake_one(&d->hashing_moved);
    return e;
}

// directory.md 7: with TOTP the code stands behind the last '$' of the password.
static struct err check_factors(struct trying *t, const struct account *account)
{
    struct str totp = account_totp(account), password, code;
    bool right = false;
    if (totp.len == 0 || !str_rcut(t->login->secret, '$', &password, &code) ||
            !totp_looks_like_code(code) || password.len == 0)
        return OK;
    TRY(check_secrets(t, account, password, &right));
    if (right && totp_check(totp, code, wall_ms()) &&
            login_cache_code_is_new(t->d->cache, account, code))
        t->out->outcome = admission(account, t->login);
    return OK;
}

struct err account_of_login(struct directories *d, struct arena *a, const struct directory *dir,
        struct str typed, const struct account **out)
{
    struct str name, why;
    *out = NULL;
    if (dir == NULL || typed.len > LOGIN_NAME_BYTES_MAX ||
            !account_name_normal(a, typed, &name, &why) || !for_directory(dir, name))
        return OK;
    TRY(backend_by_name(d, a, dir, name, out));
    if (*out != NULL)
        return OK;
    if (str_find_byte(name, '@') != STR_NOT_FOUND)
        return backend_by_address(d, a, dir, name, out);
    struct str at_domain = address_join(a, name, dir->default_domain);
    if (str_is_null(at_domain))
        return no_memory();
    TRY(backend_by_name(d, a, dir, at_domain, out));
    return *out != NULL ? OK : backend_by_address(d, a, dir, at_domain, out);
}

// directory.md 1.3, login.domains.
static bool for_directory(const struct directory *dir, struct str typed)
{
    struct str domain = address_domain(typed);
    return dir->login_domains.count == 0 ||
           strs_have(&dir->login_domains, str_is_null(domain) ? dir->default_domain : domain);
}

// -- The fallback administrator -------------------------------------------------------------------

static struct err try_fallback(struct trying *t, bool *out_known)
{
    const struct fallback_admin *admin = &t->d->settings->fallback;
    struct str name, why, user;
    bool right = false;
    if (str_is_empty(admin->user) || !account_name_normal(t->arena, t->login->name, &name, &why) ||
            !account_name_normal(t->arena, admin->user, &user, &why) || !str_eq(name, user))
        return OK;
    *out_known = true;
    t->out->outcome = LOGIN_WRONG;
    TRY(check_one(t, admin->secret, t->login->secret, &right));
    if (!right)
        return OK;
    t->out->account = fallback_account(t);
    if (t->out->account == NULL)
        return no_memory();
    t->out->outcome =
            admin->local_only && !ip_is_loopback(&t->login->from) ? LOGIN_FROM_ELSEWHERE : LOGIN_OK;
    return OK;
}

static const struct account *fallback_account(struct trying *t)
{
    static const struct str admin[] = {S_INIT("admin")};
    struct account *account = arena_make(t->arena, struct account);
    if (account != NULL)
        *account = (struct account){
                .directory = S(""), .name = t->d->settings->fallback.user, .roles = {admin, 1}};
    return account;
}

// -- Beyond the password --------------------------------------------------------------------------

struct err directories_admit(
        struct directories *d, struct arena *a, const struct login *login, struct login_answer *out)
{
    const struct directory *dir = NULL;
    *out = (struct login_answer){.outcome = LOGIN_UNKNOWN};
    if (!plausible(login))
        return OK;
    TRY(directory_of_login(d, a, login->directory, login->name, &dir));
    TRY(account_of_login(d, a, dir, login->name, &out->account));
    if (out->account == NULL)
        return OK;
    out->outcome = account_totp(out->account).len > 0 ? LOGIN_SECOND_FACTOR
                                                      : admission(out->account, login);
    return OK;
}

// directory.md 6.1: what every success is checked for.
static enum login_outcome admission(const struct account *account, const struct login *login)
{
    if (account->disabled)
        return LOGIN_DISABLED;
    if (account_expired(account, wall_ms()))
        return LOGIN_EXPIRED;
    if (!account_comes_from(account, &login->from))
        return LOGIN_FROM_ELSEWHERE;
    return account->type == ACCOUNT_INDIVIDUAL ? LOGIN_OK : LOGIN_FORBIDDEN;
}

struct err directories_secrets(struct directories *d, struct arena *a, const struct login *login,
        struct login_secrets *out)
{
    const struct directory *dir = NULL;
    *out = (struct login_secrets){0};
    if (!plausible(login))
        return OK;
    TRY(directory_of_login(d, a, login->directory, login->name, &dir));
    TRY(account_of_login(d, a, dir, login->name, &out->account));
    for (size_t i = 0; out->account != NULL && i < out->account->secrets.count; i++) {
        struct str stored = out->account->secrets.at[i];
        struct password_scram keys;
        if (str_is_null(out->clear) && has_clear_form(stored))
            out->clear = password_clear_text(stored);
        if (!password_scram_parse(a, stored, &keys))
            continue;
        struct scram_keys *to = keys.is_sha256 ? &out->sha256 : &out->sha1;
        *to = (struct scram_keys){.salt = keys.salt,
                .stored_key = keys.stored_key,
                .server_key = keys.server_key,
                .iterations = keys.iterations};
    }
    return OK;
}

static bool has_clear_form(struct str secret)
{
    return password_is_clear(secret) && !secret_is_totp(secret);
}

struct str login_outcome_reason(enum login_outcome outcome)
{
    switch (outcome) {
    case LOGIN_UNKNOWN:
        return S("unknown-user");
    case LOGIN_WRONG:
        return S("bad-secret");
    case LOGIN_DISABLED:
        return S("disabled");
    case LOGIN_EXPIRED:
        return S("expired");
    case LOGIN_FROM_ELSEWHERE:
        return S("ip-not-allowed");
    case LOGIN_SECOND_FACTOR:
        return S("second-factor");
    case LOGIN_FORBIDDEN:
        return S("not-allowed");
    case LOGIN_OK:
        break;
    }
    return S("ok");
}

static struct err no_memory(void)
{
    return fail(ERR_LIMIT, "no memory for a login");
}
