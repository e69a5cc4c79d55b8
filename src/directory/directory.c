// SPDX-License-Identifier: Apache-2.0
// directory/directory.c: a worker's directories, and the short questions. An internal directory
// that cannot be opened does not keep the worker from starting (directory.md 6.5): whoever asks
// it gets the error, and nobody is unknown.
#include "directory/directory.h"

#include "base/map.h"
#include "directory/backend.h"
#include "directory/login_cache.h"
#include "mail/address.h"
#include "rt/clock.h"

#define NAMES_BYTES_MAX (16 * KIB)
#define DECOY_BYTES 24

struct opening { // deep_call takes one argument
    const struct directories_options *options;
    struct directories *made;
    struct err result;
};

static void open_all(void *arg);
static void try_internal(void *arg);
static struct err decoy_make(struct directories *d);
static void domain_of_file(const struct domain_setting *d, struct local_domain *out);
static void domain_of_directory(const struct internal_domain *d, struct local_domain *out);

struct str directory_folder(struct arena *a, struct str state_folder)
{
    return arena_fmt(a, "%.*s/directory", ARG(state_folder));
}

struct err directories_open(
        struct arena *a, const struct directories_options *options, struct directories **out)
{
    struct opening o = {.options = options};
    o.made = mem_new(struct directories);
    if (o.made == NULL)
        return fail(ERR_LIMIT, "no memory for the directories");
    o.made->settings = options->settings;
    arena_init(&o.made->arena, NAMES_BYTES_MAX);
    arena_init(&o.made->trouble, NAMES_BYTES_MAX);
    waitq_init(&o.made->hashing_moved);
    deep_call(open_all, &o);
    if (!failed(o.result)) {
        *out = o.made;
        return OK;
    }
    struct err e = fail_fmt(a, o.result.kind, "%.*s", ARG(err_text(o.result)));
    directories_close(o.made);
    return e;
}

// Hashing and opening a store want a large stack.
static void open_all(void *arg)
{
    struct opening *o = arg;
    struct directories *d = o->made;
    o->result = decoy_make(d);
    if (!failed(o->result))
        o->result = login_cache_new(d->settings, &d->cache);
    if (failed(o->result) || directory_internal(d->settings) == NULL ||
            str_is_null(o->options->folder))
        return;
    d->folder = arena_str(&d->arena, o->options->folder);
    if (str_is_null(d->folder))
        o->result = fail(ERR_LIMIT, "no memory for the directories");
    else
        try_internal(d); // directories_trouble tells what came of it
}

struct err directories_internal(struct directories *d, struct arena *a, struct internal **out)
{
    if (d->internal == NULL && !str_is_null(d->folder) && now_ms() >= d->internal_again_ms)
        deep_call(try_internal, d);
    *out = d->internal;
    if (d->internal != NULL)
        return OK;
    return failed(d->internal_error)
                   ? fail_fmt(a, d->internal_error.kind, "%.*s", ARG(err_text(d->internal_error)))
                   : fail(ERR_IO, "the internal directory is not open");
}

static void try_internal(void *arg)
{
    struct directories *d = arg;
    arena_reset(&d->trouble);
    d->internal_again_ms = now_ms() + INTERNAL_AGAIN_MS;
    d->internal_error = internal_open(&d->trouble, d->folder, INTERNAL_SERVE,
            directory_internal(d->settings)->id, &d->internal);
}

void directories_close(struct directories *d)
{
    if (d == NULL)
        return;
    internal_close(d->internal);
    login_cache_free(d->cache);
    arena_done(&d->trouble);
    arena_done(&d->arena);
    mem_free(d);
}

struct err directories_trouble(const struct directories *d)
{
    return d->internal_error;
}

// Who is unknown is compared with this, so that it takes as long as it takes for others.
static struct err decoy_make(struct directories *d)
{
    uint8_t salt[PASSWORD_SALT_BYTES];
    char password[DECOY_BYTES];
    random_bytes(salt, sizeof(salt));
    random_bytes(password, sizeof(password));
    for (size_t i = 0; i < sizeof(password); i++)
        password[i] = (char)(password[i] | 1); // no NUL
    return password_make_now(
            &d->arena, d->settings->hash, str_of(password, sizeof(password)), salt, &d->decoy);
}

// -- Domains --------------------------------------------------------------------------------------

struct str directories_first_domain(const struct directories *d)
{
    return directory_settings_first_domain(d->settings);
}

struct err directories_domain(struct directories *d, struct arena *a, struct str directory,
        struct str domain, bool *out_local, struct local_domain *out)
{
    const struct domain_setting *of_file = map_get(d->settings->domains, domain);
    const struct directory *dir = NULL;
    struct backend_domain known = {0};
    *out_local = false;
    TRY(directory_of(d, directory, &dir));
    bool named = !str_is_empty(directory) && !str_eq(directory, S("*"));
    *out = (struct local_domain){.name = domain};
    if (of_file != NULL && of_file->directory != NULL && !named)
        dir = of_file->directory;
    out->directory = dir != NULL ? dir->id : STR_NULL;
    if (of_file != NULL) { // the file wins
        domain_of_file(of_file, out);
        *out_local = !of_file->disabled && dir != NULL;
        return OK;
    }
    TRY(backend_domain(d, a, dir, domain, &known));
    if (known.settings != NULL)
        domain_of_directory(known.settings, out);
    *out_local = known.known && !(known.settings != NULL && known.settings->disabled);
    return OK;
}

static void domain_of_file(const struct domain_setting *d, struct local_domain *out)
{
    out->name = d->name;
    out->catch_all = d->catch_all;
    out->sub_addressing = d->sub_addressing;
    out->sub_addressing_expr = d->sub_addressing_expr;
    out->allow_relaying = d->allow_relaying;
    out->role_addresses = d->role_addresses;
}

static void domain_of_directory(const struct internal_domain *d, struct local_domain *out)
{
    out->name = d->name;
    out->catch_all = d->catch_all;
    out->sub_addressing = d->no_sub_addressing ? DOMAIN_SUB_OFF : DOMAIN_SUB_UNSET;
    out->allow_relaying = d->allow_relaying;
}

// -- Addresses and names --------------------------------------------------------------------------

struct err directories_rcpt(struct directories *d, struct arena *a, struct str directory,
        struct str address, struct rcpt_answer *out)
{
    const struct directory *dir = NULL;
    const struct account *account = NULL;
    TRY(directory_of(d, directory, &dir));
    TRY(backend_by_address(d, a, dir, address, &account));
    *out = (struct rcpt_answer){.account = account};
    if (account == NULL)
        return OK;
    if (account->disabled && account->disabled_refuses)
        out->kind = RCPT_DISABLED;
    else if (account->type == ACCOUNT_LIST)
        out->kind = RCPT_LIST;
    else
        out->kind = account->type == ACCOUNT_GROUP ? RCPT_GROUP : RCPT_MAILBOX;
    return OK;
}

struct err directories_account(struct directories *d, struct arena *a, struct str directory,
        struct str name, const struct account **out)
{
    const struct directory *dir = NULL;
    TRY(directory_of_login(d, a, directory, name, &dir));
    return account_of_login(d, a, dir, name, out);
}

struct err directories_is_local(struct directories *d, struct arena *a, enum expr_local what,
        struct str directory, struct str name, bool *out)
{
    struct local_domain domain;
    struct rcpt_answer answer;
    struct str address = STR_NULL, ascii = STR_NULL, why;
    bool is_domain = what == EXPR_LOCAL_DOMAIN;
    *out = false;
    if (is_domain ? failed(mail_domain_read(a, name, &ascii))
                  : !account_address_normal(a, name, ADDRESS_PLAIN, &address, &why))
        return OK;
    TRY(directories_domain(
            d, a, directory, is_domain ? ascii : address_domain(address), out, &domain));
    if (is_domain || !*out)
        return OK;
    address = address_join(a, address_local(address), domain.name); // of an alias domain
    TRY(directories_rcpt(d, a, domain.directory, address, &answer));
    *out = answer.kind != RCPT_UNKNOWN;
    return OK;
}
