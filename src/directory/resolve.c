// SPDX-License-Identifier: Apache-2.0
// directory/resolve.c: from the address of RCPT to whoever gets the mail, inbound.md 8, step by
// step.
#include "directory/directory.h"

#include "directory/backend.h"
#include "mail/address.h"

#define WILDCARD_BYTES_MAX 64 // of the local part: RFC 5321 4.5.3.1.1

// What is known while one address is resolved.
struct resolving {
    struct directories *d;
    struct arena *arena;
    const struct resolve_rules *rules;
    struct str asked;   // as it was given
    struct str address; // in the domain that accounts have
    struct local_domain domain;
    struct resolved *out;
    bool done;
};

// The surroundings of the session, and one address more.
struct address_env {
    struct str address;
};

static struct err look_up(struct resolving *r, struct str address, bool moved) suspends;
static struct err try_exact(struct resolving *r) suspends;
static struct err try_sub_address(struct resolving *r) suspends;
static struct err cut_detail(struct resolving *r, struct str delimiters) suspends;
static struct err try_catch_all(struct resolving *r) suspends;
static struct err try_wildcard(struct resolving *r) suspends;
static struct err try_owner(struct resolving *r, struct str entry) suspends;
static struct err try_role(struct resolving *r) suspends;
static void finish_unknown(struct resolving *r);
static void done(struct resolving *r, enum resolution kind, struct str address, bool moved);
static struct err evaluate_session(struct resolving *r, const struct expr_setting *expr,
        struct str key, struct expr_value *out) suspends;
static struct err evaluate(struct resolving *r, const struct expr_setting *expr, struct str input,
        struct expr_value *out) suspends;
static struct expr_result ask(
        struct resolving *r, const struct expr_setting *expr, struct str input) suspends;
static struct err domain_begin(struct resolving *r, bool *out_local) suspends;

struct err directories_resolve(struct directories *d, struct arena *a,
        const struct resolve_rules *rules, struct str address, struct resolved *out)
{
    struct resolving r = {.d = d, .arena = a, .rules = rules, .asked = address, .out = out};
    bool local = false;
    *out = (struct resolved){.kind = RESOLVED_NOT_LOCAL, .address = address};
    TRY(domain_begin(&r, &local));
    if (!local)
        return OK;
    TRY(try_exact(&r));
    if (!r.done)
        TRY(try_sub_address(&r));
    if (!r.done)
        TRY(try_wildcard(&r));
    if (!r.done)
        TRY(try_role(&r)); // before the catch-all: postmaster's mail is for whoever is responsible
    if (!r.done)
        TRY(try_catch_all(&r));
    if (!r.done)
        finish_unknown(&r);
    return OK;
}

// Step 1, and the mapping of alias domains.
static struct err domain_begin(struct resolving *r, bool *out_local)
{
    struct str domain = address_domain(r->asked);
    if (str_is_null(r->rules->directory) || str_is_null(domain) || str_starts(r->asked, S("@")))
        return OK; // a pure relay, or no address
    TRY(directories_domain(r->d, r->arena, r->rules->directory, domain, out_local, &r->domain));
    r->address = r->asked;
    if (*out_local && !str_eq(r->domain.name, domain))
        r->address = address_join(r->arena, address_local(r->asked), r->domain.name);
    return str_is_null(r->address) ? fail(ERR_LIMIT, "no memory for a recipient") : OK;
}

// One look-up of one address, in the directory of the domain.
static struct err look_up(struct resolving *r, struct str address, bool moved)
{
    struct rcpt_answer answer;
    TRY(directories_rcpt(r->d, r->arena, r->domain.directory, address, &answer));
    switch (answer.kind) {
    case RCPT_UNKNOWN:
        return OK;
    case RCPT_MAILBOX:
    case RCPT_GROUP:
        done(r, RESOLVED_MAILBOX, address, moved);
        break;
    case RCPT_LIST:
        done(r, RESOLVED_LIST, address, moved);
        break;
    case RCPT_DISABLED:
        done(r, RESOLVED_DISABLED, address, moved);
        break;
    }
    r->out->account = answer.account;
    return OK;
}

// Step 2. Another domain of the same users is no other recipient: ORCPT is not touched for it.
static struct err try_exact(struct resolving *r)
{
    return look_up(r, r->address, false);
}

// Step 3. The domain's setting wins over the session's.
static struct err try_sub_address(struct resolving *r)
{
    struct str delimiters = str_is_empty(r->rules->delimiters) ? S("+") : r->rules->delimiters;
    struct expr_value value = expr_bool(true);
    switch (r->domain.sub_addressing) {
    case DOMAIN_SUB_ON:
        return cut_detail(r, delimiters);
    case DOMAIN_SUB_OFF:
        return OK;
    case DOMAIN_SUB_CUSTOM:
        TRY(evaluate(r, r->domain.sub_addressing_expr, address_local(r->address), &value));
        if (value.type == EXPR_STRING && value.text.len > 0)
            value.text = address_join(r->arena, value.text, r->domain.name);
        break;
    case DOMAIN_SUB_UNSET:
        TRY(evaluate_session(
                r, r->rules->sub_addressing, S("session.rcpt.sub-addressing"), &value));
        break;
    }
    if (value.type != EXPR_STRING)
        return expr_truth(&value) ? cut_detail(r, delimiters) : OK;
    struct str target, why;
    if (str_find_byte(value.text, '@') == STR_NOT_FOUND)
        return OK; // no change
    if (!account_address_normal(r->arena, value.text, ADDRESS_PLAIN, &target, &why))
        return fail_fmt(r->arena, ERR_CONFIG, "sub-addressing made no address of %.*s: %.*s",
                ARG(r->address), ARG(why));
    return str_eq(target, r->address) ? OK : look_up(r, target, true);
}

// Any of the delimiters cuts, the first one that comes; in front of it there must be something.
static struct err cut_detail(struct resolving *r, struct str delimiters)
{
    struct buf base AUTO(buf_done);
    struct mail_address parts;
    size_t at = 1;
    buf_init(&base, KIB);
    TRY(mail_address_parse(r->arena, r->address, &parts));
    struct str local = parts.local; // without quotes
    while (at < local.len && str_find_byte(delimiters, local.ptr[at]) == STR_NOT_FOUND)
        at++;
    if (at >= local.len)
        return OK;
    mail_local_add(&base, str_upto(local, at));
    buf_fmt(&base, "@%.*s", ARG(r->domain.name));
    struct str address = arena_str(r->arena, buf_str(&base));
    if (base.overflow || str_is_null(address))
        return fail(ERR_LIMIT, "no memory for a recipient");
    TRY(look_up(r, address, true));
    if (r->done)
        r->out->detail = str_from(local, at + 1);
    return OK;
}

// Step 4. The target is looked up as it is: no sub-address of it, and no further catch-all.
static struct err try_catch_all(struct resolving *r)
{
    struct expr_value value = expr_bool(false);
    struct str target = r->domain.catch_all, why;
    if (str_is_null(target) && r->rules->catch_all == NULL)
        value = expr_bool(true);
    else if (str_is_null(target))
        TRY(evaluate_session(r, r->rules->catch_all, S("session.rcpt.catch-all"), &value));
    if (str_is_null(target) && value.type == EXPR_STRING) {
        if (str_is_empty(value.text))
            return OK;
        if (!account_address_normal(r->arena, value.text, ADDRESS_PLAIN, &target, &why))
            return fail_fmt(r->arena, ERR_CONFIG, "catch-all made no address of %.*s: %.*s",
                    ARG(r->address), ARG(why));
    }
    if (!str_is_null(target)) {
        struct resolving at_target = *r;
        bool local = false;
        at_target.asked = target; // it may be in another of our domains
        TRY(domain_begin(&at_target, &local));
        if (local)
            TRY(look_up(&at_target, at_target.address, true));
        r->done = at_target.done;
        return OK;
    }
    return expr_truth(&value) ? try_owner(r, arena_join(r->arena, S("@"), r->domain.name)) : OK;
}

// directory.md 4: "info-*@a.example" has all addresses that begin so; the longest one wins.
static struct err try_wildcard(struct resolving *r)
{
    struct buf entry AUTO(buf_done);
    struct str local = str_upto(address_local(r->address), WILDCARD_BYTES_MAX);
    buf_init(&entry, KIB); // one for all: whoever guesses at names uses up no arena
    for (size_t cut = 0; cut <= local.len && !r->done; cut++) {
        buf_clear(&entry);
        buf_fmt(&entry, "%.*s*@%.*s", ARG(str_upto(local, local.len - cut)), ARG(r->domain.name));
        if (entry.overflow)
            return fail(ERR_LIMIT, "no memory for a recipient");
        TRY(try_owner(r, buf_str(&entry)));
    }
    return OK;
}

// Whoever has that entry gets the mail at the primary address.
static struct err try_owner(struct resolving *r, struct str entry)
{
    struct rcpt_answer answer;
    if (str_is_null(entry))
        return fail(ERR_LIMIT, "no memory for a recipient");
    TRY(directories_rcpt(r->d, r->arena, r->domain.directory, entry, &answer));
    if (answer.kind == RCPT_UNKNOWN)
        return OK;
    struct str primary = account_email(answer.account);
    if (str_is_null(primary))
        primary = r->address; // who has nothing but such entries has all these addresses
    done(r, RESOLVED_MAILBOX, primary, !str_eq(primary, r->asked));
    r->out->account = answer.account;
    if (answer.kind == RCPT_LIST)
        r->out->kind = RESOLVED_LIST;
    if (answer.kind == RCPT_DISABLED)
        r->out->kind = RESOLVED_DISABLED;
    return OK;
}

// directory.md 4: postmaster always arrives (RFC 5321 4.5.1), and abuse where it is wished: at the
// first administrator, else at report.postmaster, wherever that is.
static struct err try_role(struct resolving *r)
{
    const struct directory *dir = NULL;
    const struct account *admin = NULL;
    struct str local = address_local(r->address), postmaster = r->d->settings->postmaster, why;
    bool role = str_eq(local, S("postmaster")) ||
                (str_eq(local, S("abuse")) && r->domain.role_addresses);
    if (!role)
        return OK;
    TRY(directory_of(r->d, r->domain.directory, &dir));
    TRY(backend_first_admin(r->d, r->arena, dir, &admin));
    if (admin != NULL) {
        done(r, RESOLVED_MAILBOX, account_email(admin), true);
        r->out->account = admin;
        return OK;
    }
    if (str_is_empty(postmaster) ||
            !account_address_normal(r->arena, postmaster, ADDRESS_PLAIN, &postmaster, &why) ||
            str_eq(postmaster, r->address))
        return OK;
    struct resolving there = *r;
    bool local_there = false;
    there.asked = postmaster;
    TRY(domain_begin(&there, &local_there));
    if (local_there)
        TRY(look_up(&there, there.address, true));
    else
        done(&there, RESOLVED_ONWARD, postmaster, true);
    r->done = there.done;
    return OK;
}

// Step 5.
static void finish_unknown(struct resolving *r)
{
    enum resolution kind = r->domain.allow_relaying ? RESOLVED_ONWARD : RESOLVED_UNKNOWN;
    done(r, kind, r->asked, false);
}

static void done(struct resolving *r, enum resolution kind, struct str address, bool moved)
{
    *r->out = (struct resolved){.kind = kind, .address = address, .moved = moved};
    r->done = true;
}

// -- Expressions ----------------------------------------------------------------------------------

static bool env_variable(void *self, struct arena *scratch UNUSED, enum expr_variable id,
        struct str rest UNUSED, struct expr_value *out)
{
    const struct address_env *env = self;
    if (id == EXPR_VAR_ADDRESS || id == EXPR_VAR_RCPT) {
        *out = expr_text(env->address);
        return true;
    }
    return false;
}

// A setting of the session, about the address as it stands. *out, its fail-safe value, stays when
// it cannot be evaluated.
static struct err evaluate_session(struct resolving *r, const struct expr_setting *expr,
        struct str key, struct expr_value *out)
{
    struct resolve_faults *faults = r->rules->faults;
    if (expr == NULL)
        return OK;
    if (faults == NULL)
        return evaluate(r, expr, r->address, out);
    struct expr_result result = ask(r, expr, r->address);
    if (result.outcome != EXPR_FAILED)
        *out = result.outcome == EXPR_NONE ? expr_bool(false) : result.value;
    else if (faults->count < COUNT_OF(faults->at))
        faults->at[faults->count++] = (struct resolve_fault){key, result.fault};
    return OK;
}

static struct err evaluate(struct resolving *r, const struct expr_setting *expr, struct str input,
        struct expr_value *out)
{
    struct expr_result result = ask(r, expr, input);
    if (result.outcome == EXPR_FAILED)
        return fail_fmt(r->arena, ERR_CONFIG, "an expression about %.*s: %.*s", ARG(input),
                ARG(result.fault.cause));
    *out = result.outcome == EXPR_NONE ? expr_bool(false) : result.value;
    return OK;
}

static struct expr_result ask(
        struct resolving *r, const struct expr_setting *expr, struct str input)
{
    static const struct expr_env_ops ops = {.variable = env_variable};
    struct address_env self = {.address = input};
    struct expr_env env = expr_env_inside(r->rules->env, &ops, &self);
    return expr_eval(expr, &env, r->arena);
}
