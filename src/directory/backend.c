// SPDX-License-Identifier: Apache-2.0
// directory/backend.c: which directory, and of which kind.
#include "directory/backend.h"

#include "directory/memory.h"

enum question { BY_NAME, BY_ADDRESS, FIRST_ADMIN };

static struct err account_one(struct directories *d, struct arena *a, const struct directory *dir,
        enum question question, struct str what, const struct account **out) suspends;
static struct err account_internal(struct directories *d, struct arena *a, enum question question,
        struct str what, const struct account **out);
static const struct account *account_memory(
        const struct memory *m, enum question question, struct str what);
static struct err account_any(struct directories *d, struct arena *a, const struct directory *dir,
        enum question question, struct str what, const struct account **out) suspends;
static struct err domain_one(struct directories *d, struct arena *a, const struct directory *dir,
        struct str domain, struct backend_domain *out) suspends;

struct err directory_of(struct directories *d, struct str id, const struct directory **out)
{
    const struct directory_settings *s = d->settings;
    *out = str_is_empty(id) || str_eq(id, S("*")) ? s->preset : directory_named(s, id);
    if (*out == NULL && !str_is_empty(id) && !str_eq(id, S("*")))
        return fail(ERR_CONFIG, "there is no directory of that name");
    return OK;
}

struct err backend_by_name(struct directories *d, struct arena *a, const struct directory *dir,
        struct str name, const struct account **out)
{
    return account_any(d, a, dir, BY_NAME, name, out);
}

struct err backend_by_address(struct directories *d, struct arena *a, const struct directory *dir,
        struct str address, const struct account **out)
{
    return account_any(d, a, dir, BY_ADDRESS, address, out);
}

struct err backend_first_admin(struct directories *d, struct arena *a, const struct directory *dir,
        const struct account **out)
{
    return account_any(d, a, dir, FIRST_ADMIN, S(""), out);
}

static struct err account_any(struct directories *d, struct arena *a, const struct directory *dir,
        enum question question, struct str what, const struct account **out)
{
    *out = NULL;
    if (dir == NULL)
        return OK;
    if (dir->type != DIRECTORY_CHAIN)
        return account_one(d, a, dir, question, what, out);
    for (size_t i = 0; i < dir->chain_count && *out == NULL; i++)
        TRY(account_one(d, a, dir->chain[i], question, what, out));
    return OK;
}

static struct err account_one(struct directories *d, struct arena *a, const struct directory *dir,
        enum question question, struct str what, const struct account **out)
{
    switch (dir->type) {
    case DIRECTORY_INTERNAL:
        return account_internal(d, a, question, what, out);
    case DIRECTORY_MEMORY:
        *out = account_memory(dir->memory, question, what);
        return OK;
    case DIRECTORY_CHAIN:
        break;
    }
    return fail(ERR_INTERNAL, "a chain within a chain");
}

static struct err account_internal(struct directories *d, struct arena *a, enum question question,
        struct str what, const struct account **out)
{
    struct internal *in;
    TRY(directories_internal(d, a, &in));
    switch (question) {
    case BY_NAME:
        return internal_by_name(in, a, what, out);
    case BY_ADDRESS:
        return internal_by_address(in, a, what, out);
    case FIRST_ADMIN:
        break;
    }
    return internal_first_admin(in, a, out);
}

static const struct account *account_memory(
        const struct memory *m, enum question question, struct str what)
{
    switch (question) {
    case BY_NAME:
        return memory_by_name(m, what);
    case BY_ADDRESS:
        return memory_by_address(m, what);
    case FIRST_ADMIN:
        break;
    }
    return m->admin;
}

struct err backend_members(
        struct directories *d, struct arena *a, const struct account *list, struct strs *out)
{
    const struct directory *dir = NULL;
    TRY(directory_of(d, list->directory, &dir));
    if (dir->type == DIRECTORY_MEMORY) {
        *out = memory_members(dir->memory, list->name);
        return OK;
    }
    struct internal *in;
    TRY(directories_internal(d, a, &in));
    return internal_members(in, a, list->name, out);
}

struct err backend_domain(struct directories *d, struct arena *a, const struct directory *dir,
        struct str domain, struct backend_domain *out)
{
    *out = (struct backend_domain){0};
    if (dir == NULL)
        return OK;
    if (dir->type != DIRECTORY_CHAIN)
        return domain_one(d, a, dir, domain, out);
    for (size_t i = 0; i < dir->chain_count && !out->known; i++)
        TRY(domain_one(d, a, dir->chain[i], domain, out));
    return OK;
}

static struct err domain_one(struct directories *d, struct arena *a, const struct directory *dir,
        struct str domain, struct backend_domain *out)
{
    if (dir->type == DIRECTORY_MEMORY) {
        out->known = memory_has_domain(dir->memory, domain);
        return OK;
    }
    struct internal *in;
    TRY(directories_internal(d, a, &in));
    TRY(internal_domain(in, a, domain, &out->settings));
    out->known = out->settings != NULL;
    return OK;
}
