// SPDX-License-Identifier: Apache-2.0
// directory/directory.c: a worker's directories, and the short questions. An internal directory
// that cannot be opened does not keep the worker from starting (directory.md 6.5): whoever asks
// it gets the error, and nobody is unknown.
#include "directory/directory.h"

#include "base/map.h"
#include "directory/backend.h"
#include "directory/login_cache.h"
#include "rt/clock.h"

#define ERROR_BYTES_MAX (16 * KIB)
#define DECOY_BYTES 24

struct opening { // deep_call takes one argument
    struct arena *arena;
    const struct directories_options *options;
    struct directories *made;
    struct err result;
};

static void open_all(void *arg);
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
    struct opening o = {.arena = a, .options = options};
    o.made = mem_new(struct directories);
    if (o.made == NULL)
        return fail(ERR_LIMIT, "no memory for the directories");
    o.made->settings = options->settings;
    arena_init(&o.made->arena, ERROR_BYTES_MAX);
    waitq_init(&o.made->hashing_moved);
    deep_call(open_all, &o);
    if (failed(o.result))
        directories_close(o.made);
    else
        *out = o.made;
    return o.result;
}

// Hashing and opening a store want a large stack.
static void open_all(void *arg)
{
    struct opening *o = arg;
    struct directories *d = o->made;
    const struct directory *internal = directory_internal(d->settings);
    o->result = decoy_make(d);
    if (!failed(o->result))
        o->result = login_cache_new(d->settings, &d->cache);
    if (failed(o->result) || internal == NULL || str_is_null(o->options->folder))
        return;
    struct err bad =
            internal_open(o->arena, o->options->folder, INTERNAL_SERVE, internal->id, &d->internal);
    if (failed(bad))
        d->internal_error = fail_fmt(&d->arena, bad.kind, "%.*s", ARG(err_text(bad)));
}

void directories_close(struct directories *d)
{
    if (d == NULL)
        return;
    internal_close(d->internal);
    login_cache_free(d->cache);
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
    TRY(directory_of(d, directory, &dir));
    return account_of_login(d, a, dir, name, out);
}
