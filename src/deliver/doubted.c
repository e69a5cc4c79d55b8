// SPDX-License-Identifier: Apache-2.0
// deliver/doubted.c: where an attempt meets the doubts of its worker (outbound.md 27.3). What the
// DNS says for good is taken for good only as long as it can be believed: besides the counts of
// deliver/doubt.h the root is asked for, which exists for everybody but in a captive portal.
#include "deliver/remote.h"

static struct err ask_root(struct remote *r, bool *out_is_absent) suspends MUST_USE;
static bool is_for_good(const struct client_answer *trouble);
static struct str reason_of(struct remote *r, bool root_is_absent);

void doubted_domain(struct remote *r)
{
    const struct client_answer *trouble = &r->list.trouble;
    bool is_absent = r->list.count == 0 && is_for_good(trouble) &&
                     str_eq(trouble->outcome.enhanced, S("5.1.2"));
    bool is_known = r->list.count > 0 || is_for_good(trouble); // else nobody has answered
    if (is_known && r->j->probe == NULL)
        doubt_note_domain(&r->j->d->doubts, r->j->u->domain,
                is_absent ? DOUBT_ABSENT : DOUBT_EXISTS, now_ms());
}

void doubted_connect(struct remote *r, struct approach *p, struct err connected)
{
    struct doubts *doubts = &r->j->d->doubts;
    if (connected.kind == ERR_CANCELLED || !str_is_null(p->address->at.unix_path))
        return;
    doubt_note_connect(doubts, connected, now_ms());
    if (!failed(connected) || !doubt_network(doubts, now_ms()))
        return;
    p->is_our_trouble = true; // no host is to blame
    if (doubt_may_tell(doubts, now_ms()))
        event_in(&r->j->span, EV_DELIVERY_DOUBTED, F_STR(domain, r->j->u->domain),
                F_STR(reason, S("this machine has no way to nearly all hosts")));
}

// Bounces nobody because of answers that cannot be believed.
struct err doubted_answer(struct remote *r, struct client_answer *io)
{
    struct job *j = r->j;
    bool root_is_absent = false;
    if (!is_for_good(io))
        return OK;
    TRY(ask_root(r, &root_is_absent));
    struct str reason = reason_of(r, root_is_absent);
    if (str_is_null(reason))
        return OK;
    if (doubt_may_tell(&j->d->doubts, now_ms()))
        event_in(&j->span, EV_DELIVERY_DOUBTED, F_STR(domain, j->u->domain), F_STR(reason, reason),
                F_STR(details, io->outcome.text));
    struct str text = arena_fmt(&j->arena, "%.*s; but %.*s", ARG(io->outcome.text), ARG(reason));
    if (str_is_null(text))
        return fail(ERR_LIMIT, "no memory for an attempt");
    *io = answer_temporary(io->stage, FAILURE_DNS, io->outcome.entity, S("4.4.3"), text);
    return OK;
}

// A null MX is something that a domain says: who invents answers does not invent that.
static bool is_for_good(const struct client_answer *trouble)
{
    return trouble->verdict == CLIENT_PERMANENT && trouble->outcome.kind == FAILURE_DNS &&
           !str_eq(trouble->outcome.enhanced, S("5.1.10"));
}

static struct err ask_root(struct remote *r, bool *out_is_absent)
{
    struct dns_names_answer root;
    struct err e = dns_ns(r->j->d->in.resolver, &r->j->arena, S("."), &root);
    *out_is_absent = !failed(e) && root.answer.outcome == DNS_NXDOMAIN;
    return e.kind == ERR_CANCELLED ? e : OK;
}

static struct str reason_of(struct remote *r, bool root_is_absent)
{
    const struct doubts *doubts = &r->j->d->doubts;
    if (root_is_absent)
        return S("the resolver says that there is no root of the DNS");
    if (doubt_dns(doubts, now_ms()))
        return S("the resolver says so of nearly all domains");
    if (doubt_network(doubts, now_ms()))
        return S("this machine has no way to nearly all hosts");
    return STR_NULL;
}
