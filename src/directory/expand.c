// SPDX-License-Identifier: Apache-2.0
// directory/expand.c: a list becomes its members, inbound.md 8 step 6. Lists among the members are
// kept for the next round, so depth is rounds and not recursion; each list and each address comes
// once, whatever circles somebody has drawn.
#include "directory/directory.h"

#include "base/map.h"
#include "directory/backend.h"

struct list_due {
    const struct account *list;
    struct str sender; // owner of it, or of the list that it stands in
};

struct expanding {
    struct directories *d;
    struct arena *arena;
    struct resolve_rules rules; // without catch-all: inbound.md 8.6
    struct map seen;            // addresses and names of lists
    VEC(struct expanded_member) members;
    VEC(struct list_due) due; // rounds stand one behind the other
    struct expansion out;
};

static struct err expand_all(struct expanding *x, const struct account *list) suspends;
static struct err expand_list(struct expanding *x, const struct list_due *due) suspends;
static struct err add_named(struct expanding *x, struct str member, struct str sender) suspends;
static struct err add_address(struct expanding *x, struct str address, struct str sender) suspends;
static struct err add_list(struct expanding *x, const struct account *list, struct str sender);
static struct err add_member(struct expanding *x, struct expanded_member member);
static bool first_time(struct expanding *x, struct str what, struct err *out_bad);
static void dead(struct expanding *x, struct str member);
static const struct expr_setting *never(struct arena *a);

struct err directories_expand(struct directories *d, struct arena *a,
        const struct resolve_rules *rules, const struct account *list, struct expansion *out)
{
    struct expanding x = {.d = d, .arena = a, .rules = *rules};
    x.rules.catch_all = never(a);
    if (x.rules.catch_all == NULL)
        return fail(ERR_LIMIT, "no memory to expand a list");
    map_init(&x.seen, 0, 0); // bounded by EXPAND_MEMBERS_MAX
    struct err e = expand_all(&x, list);
    map_done(&x.seen);
    TRY(e);
    x.out.at = x.members.at;
    x.out.count = x.members.count;
    *out = x.out;
    return OK;
}

static struct err expand_all(struct expanding *x, const struct account *list)
{
    size_t at = 0;
    TRY(add_list(x, list, STR_NULL));
    for (size_t depth = 0; depth < EXPAND_DEPTH_MAX && at < x->due.count; depth++) {
        for (size_t round_end = x->due.count; at < round_end && !x->out.too_many; at++) {
            struct list_due due = x->due.at[at];
            TRY(expand_list(x, &due));
        }
    }
    for (; at < x->due.count; at++)
        dead(x, x->due.at[at].list->name); // lists in lists in lists: nobody reads down there
    return OK;
}

static struct err expand_list(struct expanding *x, const struct list_due *due)
{
    struct strs names;
    const struct strs *outside = &due->list->external_members;
    TRY(backend_members(x->d, x->arena, due->list, &names));
    for (size_t i = 0; i < names.count && !x->out.too_many; i++)
        TRY(add_named(x, names.at[i], due->sender));
    for (size_t i = 0; i < outside->count && !x->out.too_many; i++)
        TRY(add_address(x, outside->at[i], due->sender));
    return OK;
}

// A name of the directory, or an address. Of an account it is the primary address that counts.
static struct err add_named(struct expanding *x, struct str member, struct str sender)
{
    const struct account *account = NULL;
    const struct directory *dir = NULL;
    TRY(directory_of(x->d, x->due.at[0].list->directory, &dir));
    TRY(backend_by_name(x->d, x->arena, dir, member, &account));
    if (account == NULL && str_find_byte(member, '@') != STR_NOT_FOUND)
        return add_address(x, member, sender);
    if (account != NULL && account->type == ACCOUNT_LIST)
        return add_list(x, account, sender);
    if (account == NULL || str_is_null(account_email(account))) {
        dead(x, member);
        return OK;
    }
    return add_address(x, account_email(account), sender);
}

static struct err add_address(struct expanding *x, struct str address, struct str sender)
{
    struct resolved r;
    struct err bad = OK;
    if (!first_time(x, address, &bad))
        return bad;
    TRY(directories_resolve(x->d, x->arena, &x->rules, address, &r));
    struct expanded_member member = {.address = r.address,
            .detail = r.detail,
            .sender = sender,
            .account = r.account,
            .local = r.kind != RESOLVED_NOT_LOCAL};
    switch (r.kind) {
    case RESOLVED_LIST:
        return add_list(x, r.account, sender);
    case RESOLVED_UNKNOWN:
    case RESOLVED_DISABLED:
        dead(x, address);
        return OK;
    case RESOLVED_NOT_LOCAL:
    case RESOLVED_MAILBOX:
    case RESOLVED_ONWARD:
        break;
    }
    if (!str_eq(r.address, address) && !first_time(x, r.address, &bad))
        return bad;
    return add_member(x, member);
}

static struct err add_list(struct expanding *x, const struct account *list, struct str sender)
{
    struct err bad = OK;
    if (!first_time(x, arena_join(x->arena, S("list "), list->name), &bad))
        return bad;
    struct list_due *due = vec_add(x->arena, &x->due);
    if (due == NULL)
        return fail(ERR_LIMIT, "no memory to expand a list");
    *due = (struct list_due){list, str_is_null(list->owner) ? sender : list->owner};
    return OK;
}

static struct err add_member(struct expanding *x, struct expanded_member member)
{
    if (x->members.count == EXPAND_MEMBERS_MAX) {
        x->out.too_many = true;
        return OK;
    }
    struct expanded_member *added = vec_add(x->arena, &x->members);
    if (added == NULL)
        return fail(ERR_LIMIT, "no memory to expand a list");
    *added = member;
    return OK;
}

static bool first_time(struct expanding *x, struct str what, struct err *out_bad)
{
    if (map_has(&x->seen, what))
        return false;
    if (!str_is_null(what) && map_put(&x->seen, what, NULL))
        return true;
    *out_bad = fail(ERR_LIMIT, "no memory to expand a list");
    return false;
}

static void dead(struct expanding *x, struct str member)
{
    x->out.dead_count++;
    x->out.a_dead = member;
}

static const struct expr_setting *never(struct arena *a)
{
    struct expr_problem problem;
    struct expr_spec spec = {.key = S("session.rcpt.catch-all"),
            .context = EXPR_ADDR,
            .target = {.kind = EXPR_TO_ANY}};
    struct expr_world world = {0};
    return expr_from_text(a, S("false"), &spec, &world, &problem);
}
