// SPDX-License-Identifier: Apache-2.0
// deliver/local/local_resolve.c: whose mail is it now? Between RCPT and delivery lie hours at
// times, and directories change (outbound.md 24). The queue holds the base of a sub-address; what
// stood behind the delimiter is found again in ORCPT, which keeps the address that was asked for. A
// sender may write an ORCPT of his own: it counts only if it leads to the same account.
#include "deliver/local/local.h"

#include "deliver/answer.h"
#include "deliver/local/local_answer.h"
#include "mail/address.h"
#include "smtp/limits.h"

struct resolving {
    const struct local_inputs *in;
    struct arena *arena;
    struct resolve_rules rules;
    struct local_result *out;
};

static struct err normal_of(struct arena *a, struct str text, struct str *out) MUST_USE;
static struct err take(struct resolving *r, const struct recipient *rcpt, struct str address,
        const struct resolved *found) suspends MUST_USE;
static struct err take_mailbox(struct resolving *r, const struct recipient *rcpt,
        const struct resolved *found) suspends MUST_USE;
static bool is_printable(struct str text);
static struct err find_detail(struct resolving *r) suspends MUST_USE;
static struct err join_detail(struct resolving *r) MUST_USE;
static struct err expand(struct resolving *r, const struct account *list) suspends MUST_USE;
static struct err forward_one(struct resolving *r, struct str address) MUST_USE;
static struct err directory_trouble(struct resolving *r, struct err e) MUST_USE;

struct err local_resolve(const struct local_inputs *in, struct arena *a,
        const struct recipient *rcpt, struct local_result *out)
{
    struct resolving r = {.in = in, .arena = a, .out = out};
    struct str address;
    struct resolved found;
    *out = (struct local_result){.fate = LOCAL_FATE_ANSWERED};
    r.rules = in->rules != NULL ? *in->rules : (struct resolve_rules){.directory = S("*")};
    if (str_is_empty(r.rules.delimiters))
        r.rules.delimiters = S("+");
    struct err e = normal_of(a, rcpt->address, &address);
    if (e.kind == ERR_SYNTAX) {
        out->answer = local_answer_permanent(CLIENT_RCPT, S("5.1.3"), err_text(e));
        return OK;
    }
    TRY(e);
    if (in->directories == NULL)
        return directory_trouble(&r, fail(ERR_CONFIG, "there is none"));
    within_ms(DIRECTORY_WAIT_MS);
    e = directories_resolve(in->directories, a, &r.rules, address, &found);
    return failed(e) ? directory_trouble(&r, e) : take(&r, rcpt, address, &found);
}

static struct err normal_of(struct arena *a, struct str text, struct str *out)
{
    struct mail_address parsed;
    TRY(mail_address_parse(a, text, &parsed));
    *out = mail_address_normal(a, &parsed);
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for an address") : OK;
}

static struct err take(struct resolving *r, const struct recipient *rcpt, struct str address,
        const struct resolved *found)
{
    switch (found->kind) {
    case RESOLVED_MAILBOX:
        return take_mailbox(r, rcpt, found);
    case RESOLVED_LIST:
        return expand(r, found->account);
    case RESOLVED_ONWARD:
        if (!str_eq(found->address, address))
            return forward_one(r, found->address);
        break; // a domain that relays what it does not know, and its mail is to be local
    case RESOLVED_DISABLED:
        r->out->answer = local_answer_permanent(CLIENT_RCPT, S("5.2.1"), S("mailbox is disabled"));
        return OK;
    case RESOLVED_NOT_LOCAL:
    case RESOLVED_UNKNOWN:
        break;
    }
    r->out->answer = local_answer_permanent(CLIENT_RCPT, S("5.1.1"), S("mailbox no longer exists"));
    return OK;
}

static struct err take_mailbox(
        struct resolving *r, const struct recipient *rcpt, const struct resolved *found)
{
    struct local_result *out = r->out;
    bool is_mail = str_eq_nocase(rcpt->orcpt_type, S("rfc822")) ||
                   str_eq_nocase(rcpt->orcpt_type, S("utf-8"));
    struct str primary = account_email(found->account);
    out->fate = LOCAL_FATE_MAILBOX;
    out->account = found->account;
    out->reached = found->address;
    out->address = str_is_null(primary) ? found->address : primary;
    out->detail = found->detail;
    if (is_mail && rcpt->orcpt.len > 0 && is_printable(rcpt->orcpt))
        out->original = rcpt->orcpt;
    if (str_is_null(out->detail) && !str_is_null(out->original) &&
            !str_eq(out->original, rcpt->address))
        TRY(find_detail(r));
    return out->fate == LOCAL_FATE_MAILBOX ? join_detail(r) : OK;
}

// It goes into a header: no line may end in it.
static bool is_printable(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return false;
    return true;
}

static struct err find_detail(struct resolving *r)
{
    struct local_result *out = r->out;
    struct str address;
    struct resolved found;
    struct err e = normal_of(r->arena, out->original, &address);
    if (e.kind == ERR_SYNTAX)
        return OK; // of somebody who writes addresses in another way
    TRY(e);
    e = directories_resolve(r->in->directories, r->arena, &r->rules, address, &found);
    if (failed(e))
        return directory_trouble(r, e);
    if (found.kind == RESOLVED_MAILBOX && found.account->id == out->account->id &&
            str_eq(found.account->directory, out->account->directory))
        out->detail = found.detail;
    return OK;
}

static struct err join_detail(struct resolving *r)
{
    struct local_result *out = r->out;
    struct mail_address parts;
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * KIB);
    out->lmtp = out->address;
    if (str_is_null(out->detail))
        return OK;
    TRY(mail_address_parse(r->arena, out->address, &parts));
    struct str with_detail = arena_fmt(r->arena, "%.*s%.*s%.*s", ARG(parts.local),
            ARG(str_upto(r->rules.delimiters, 1)), ARG(out->detail));
    mail_local_add(&text, with_detail);
    buf_fmt(&text, "@%.*s", ARG(parts.domain));
    out->lmtp = arena_str(r->arena, buf_str(&text));
    return str_is_null(with_detail) || str_is_null(out->lmtp) || text.overflow
                   ? fail(ERR_LIMIT, "no memory for an address")
                   : OK;
}

// The address has become a list since it was accepted.
static struct err expand(struct resolving *r, const struct account *list)
{
    struct local_result *out = r->out;
    struct expansion all;
    struct err e = directories_expand(r->in->directories, r->arena, &r->rules, list, &all);
    if (failed(e))
        return directory_trouble(r, e);
    if (all.too_many)
        out->answer =
                local_answer_temporary(CLIENT_RCPT, S("4.5.3"), S("the list has too many members"));
    else if (all.count == 0)
        out->answer = local_answer_permanent(CLIENT_RCPT, S("5.1.1"), S("the list has no members"));
    else
        *out = (struct local_result){.fate = LOCAL_FATE_FORWARD,
                .answer = local_answer_good(),
                .account = list,
                .targets = all.at,
                .target_count = all.count};
    return OK;
}

static struct err forward_one(struct resolving *r, struct str address)
{
    struct expanded_member *target = arena_make(r->arena, struct expanded_member);
    if (target == NULL)
        return fail(ERR_LIMIT, "no memory for an address");
    target->address = address;
    *r->out = (struct local_result){.fate = LOCAL_FATE_FORWARD,
            .answer = local_answer_good(),
            .targets = target,
            .target_count = 1};
    return OK;
}

static struct err directory_trouble(struct resolving *r, struct err e)
{
    if (e.kind == ERR_CANCELLED)
        return e;
    struct str text = arena_fmt(r->arena, "the directory cannot be asked: %.*s", ARG(err_text(e)));
    r->out->fate = LOCAL_FATE_ANSWERED;
    r->out->answer = local_answer_temporary(CLIENT_RCPT, S("4.3.0"), text);
    return str_is_null(text) ? fail(ERR_LIMIT, "no memory for an answer") : OK;
}
