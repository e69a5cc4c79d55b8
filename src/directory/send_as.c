// SPDX-License-Identifier: Apache-2.0
// directory/send_as.c: may this account send as this address? inbound.md 4.6.1.
#include "directory/directory.h"

#include "directory/backend.h"

#define OWNERS_STEPS_MAX 1000 // groups of groups that are looked at

struct asking {
    struct directories *d;
    struct arena *arena;
    const struct resolve_rules *rules;
    const struct account *account;
};

static struct err owns(struct asking *q, struct str sender, bool *out) suspends;
static struct err shares(struct asking *q, const struct account *owner, bool *out) suspends;
static bool is_on(const struct account *account, const struct account *owner);

// Who would get mail to that address? If that is the account, or a group or list that it is on, the
// address is one of its own: so sub-addresses, alias domains and "@domain" are what they are for
// recipients, and nothing is decided twice in two ways.
struct err directories_may_send_as(struct directories *d, struct arena *a,
        const struct resolve_rules *rules, const struct account *account, struct str sender,
        bool *out_may)
{
    struct resolve_rules own = *rules;
    struct asking q = {.d = d, .arena = a, .rules = &own, .account = account};
    *out_may = str_eq(sender, account->name) || strs_have(&account->emails, sender);
    if (*out_may)
        return OK;
    own.directory = account->directory;
    own.catch_all = NULL; // that is: whoever has "@domain"
    return owns(&q, sender, out_may);
}

static struct err owns(struct asking *q, struct str sender, bool *out)
{
    struct resolved r;
    TRY(directories_resolve(q->d, q->arena, q->rules, sender, &r));
    if (r.account == NULL)
        return OK; // not ours, nobody's, or only report.postmaster's
    if (r.account->id == q->account->id && str_eq(r.account->directory, q->account->directory)) {
        *out = true;
        return OK;
    }
    return shares(q, r.account, out);
}

// Groups of groups count: whoever is in "berlin", which is in "sales", may write as sales.
static struct err shares(struct asking *q, const struct account *owner, bool *out)
{
    const struct directory *dir = NULL;
    VEC(const struct account *) all = {0};
    TRY(directory_of(q->d, q->account->directory, &dir));
    const struct account **first = vec_add(q->arena, &all);
    if (first == NULL)
        return fail(ERR_LIMIT, "no memory for an account's groups");
    *first = q->account;
    if (str_eq(owner->owner, account_email(q->account)) && !str_is_empty(owner->owner)) {
        *out = true;
        return OK;
    }
    for (size_t i = 0; i < all.count && !*out; i++) {
        *out = is_on(all.at[i], owner);
        for (size_t g = 0; g < all.at[i]->groups.count && !*out; g++) {
            const struct account *group = NULL;
            bool seen = false;
            for (size_t s = 0; s < all.count; s++)
                seen = seen || str_eq(all.at[s]->name, all.at[i]->groups.at[g]);
            if (seen || all.count == OWNERS_STEPS_MAX)
                continue;
            TRY(backend_by_name(q->d, q->arena, dir, all.at[i]->groups.at[g], &group));
            const struct account **added = group != NULL ? vec_add(q->arena, &all) : NULL;
            if (group != NULL && added == NULL)
                return fail(ERR_LIMIT, "no memory for an account's groups");
            if (added != NULL)
                *added = group;
        }
    }
    return OK;
}

static bool is_on(const struct account *account, const struct account *owner)
{
    if (!str_eq(account->directory, owner->directory))
        return false;
    return strs_have(owner->type == ACCOUNT_LIST ? &account->lists : &account->groups, owner->name);
}
