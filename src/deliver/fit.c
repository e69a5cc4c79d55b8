// SPDX-License-Identifier: Apache-2.0
// deliver/fit.c: see deliver/fit.h.
#include "deliver/fit.h"

#include "deliver/fit_header.h"
#include "deliver/sign.h"
#include "mail/mail.h"

static bool has_utf8_address(const struct job *j, const struct client_transaction *t);
static struct err write_ascii(struct remote *r, struct client_transaction *t) MUST_USE;
static struct err choose_message(struct remote *r, const struct connection *c,
        struct client_transaction *t, const struct message_reading *how) suspends MUST_USE;
static struct err choose_wishes(struct remote *r, const struct client_transaction *t,
        const struct message_reading *how, struct client_answer *why,
        uint32_t *out_wishes) suspends MUST_USE;
static bool must_change_body(const struct job *j, const struct client_transaction *t);
static struct err convert(struct remote *r, struct client_transaction *t,
        struct message_reading *how, uint32_t wishes) suspends MUST_USE;
static struct err fold_lines(struct remote *r, const struct approach *p,
        struct client_transaction *t, struct message_reading *how) suspends MUST_USE;
static struct err plan_for(struct remote *r, const struct message *m,
        const struct message_reading *how, uint32_t wishes,
        const struct mime_downgrade_plan **out) suspends MUST_USE;
static void ask_size(struct remote *r, struct connection *c, const struct client_transaction *t,
        struct client_answer *why);
static void ask_deliver_by(struct remote *r, struct connection *c, struct client_transaction *t,
        struct client_answer *why);
static struct client_answer refusal(struct str enhanced, struct str text);
static void settle_all(struct remote *r, const struct connection *c, struct client_answer *why);

// --- Addresses -----------------------------------------------------------------------------------

struct err fit_addresses(struct remote *r, const struct connection *c)
{
    struct job *j = r->j;
    struct client_answer why =
            refusal(S("5.6.7"), S("the host does not take internationalized addresses (SMTPUTF8)"));
    if (client_offers(c->client, CLIENT_EXT_SMTPUTF8))
        return OK;
    struct str ascii;
    TRY(mail_address_ascii(&j->arena, j->m.sender, &ascii));
    if (str_is_null(ascii)) {
        settle_all(r, c, &why);
        return OK;
    }
    size_t left = 0, here = remote_left_here(r);
    why.outcome.entity = arena_str(&j->arena, c->host);
    for (size_t i = 0; i < r->count; i++) {
        TRY(mail_address_ascii(&j->arena, r->rcpts[i].address, &ascii));
        if (str_is_null(ascii) && i < here)
            job_settle(j, r->rcpts[i].place, &why);
        else
            r->rcpts[left++] = r->rcpts[i];
    }
    r->count = left;
    return OK;
}

static bool has_utf8_address(const struct job *j, const struct client_transaction *t)
{
    bool found = !str_is_ascii(j->m.sender);
    for (size_t i = 0; i < t->rcpt_count; i++)
        found |= !str_is_ascii(t->rcpts[i].address);
    return found;
}

// Of all addresses only domains are beyond ASCII.
static struct err write_ascii(struct remote *r, struct client_transaction *t)
{
    struct arena *a = &r->j->arena;
    TRY(mail_address_ascii(a, t->sender, &t->sender));
    for (size_t i = 0; i < t->rcpt_count; i++)
        TRY(mail_address_ascii(a, t->rcpts[i].address, &t->rcpts[i].address));
    return OK;
}

// --- The message ---------------------------------------------------------------------------------

struct err fit_message(struct remote *r, const struct approach *p, struct connection *c,
        struct client_transaction *t, struct message_reading *how, bool *out_goes_on)
{
    struct job *j = r->j;
    const struct smtp_client *client = c->client;
    struct client_answer why = {0};
    uint32_t wishes = 0;
    t->wants_binary =
            (j->m.flags & MESSAGE_BODY_BINARY) != 0 && client_offers(client, CLIENT_EXT_BINARYMIME);
    t->wants_8bit = (j->m.flags & (MESSAGE_BODY_8BIT | MESSAGE_SMTPUTF8)) != 0 &&
                    client_offers(client, CLIENT_EXT_8BITMIME);
    t->wants_smtputf8 = client_offers(client, CLIENT_EXT_SMTPUTF8) &&
                        ((j->m.flags & MESSAGE_SMTPUTF8) != 0 || has_utf8_address(j, t));
    if (!client_offers(client, CLIENT_EXT_SMTPUTF8))
        TRY(write_ascii(r, t));
    TRY(choose_message(r, c, t, how));
    TRY(choose_wishes(r, t, how, &why, &wishes));
    if (why.verdict == CLIENT_GOOD && wishes != 0)
        TRY(convert(r, t, how, wishes));
    if (why.verdict == CLIENT_GOOD && !t->wants_binary)
        TRY(fold_lines(r, p, t, how));
    ask_size(r, c, t, &why);
    ask_deliver_by(r, c, t, &why);
    *out_goes_on = why.verdict == CLIENT_GOOD;
    if (!*out_goes_on)
        settle_all(r, c, &why);
    return OK;
}

// With the header that this route and this host are to see.
static struct err choose_message(struct remote *r, const struct connection *c,
        struct client_transaction *t, const struct message_reading *how)
{
    struct job *j = r->j;
    bool says_priority = j->d->in.settings->priority_header && j->m.priority != 0 &&
                         !client_offers(c->client, CLIENT_EXT_MT_PRIORITY);
    t->message = &j->m;
    t->bytes = message_bytes(&j->m) + how->prefix.len;
    if (!says_priority && !r->route->hide_local)
        return OK;
    if (r->edited[says_priority] == NULL) {
        struct message *m = arena_make(&j->arena, struct message);
        if (m == NULL)
            return fail(ERR_LIMIT, "no memory for an attempt");
        TRY(fit_header(r, says_priority, m));
        r->edited[says_priority] = m;
    }
    t->message = r->edited[says_priority];
    t->bytes = message_bytes(t->message) + how->prefix.len;
    return OK;
}

// The message is looked at, for what was announced need not be there; and what is may be converted,
// if it may.
static struct err choose_wishes(struct remote *r, const struct client_transaction *t,
        const struct message_reading *how, struct client_answer *why, uint32_t *out_wishes)
{
    struct job *j = r->j;
    const struct deliver_settings *s = j->d->in.settings;
    const struct mime_downgrade_plan *plan;
    bool is_binary = (j->m.flags & MESSAGE_BODY_BINARY) != 0;
    if ((j->m.flags & MESSAGE_SMTPUTF8) != 0 && !t->wants_smtputf8) {
        TRY(plan_for(r, t->message, how, MIME_WISH_ASCII_HEADS, &plan));
        bool may = s->downgrade_utf8 == DOWNGRADE_UTF8_ENCODE && plan->is_possible;
        if (plan->heads_have_8bit && !may)
            *why = refusal(
                    S("5.6.9"), S("the host does not take internationalized headers (SMTPUTF8)"));
        if (plan->heads_have_8bit)
            *out_wishes |= MIME_WISH_ASCII_HEADS;
    }
    if (why->verdict != CLIENT_GOOD || !must_change_body(j, t))
        return OK;
    uint32_t wishes = is_binary ? MIME_WISH_7BIT | MIME_WISH_LINES : MIME_WISH_7BIT;
    TRY(plan_for(r, t->message, how, wishes, &plan));
    bool may = s->downgrade_8bit == DOWNGRADE_8BIT_CONVERT && plan->is_possible;
    if (plan->is_needed && !may && is_binary)
        *why = refusal(S("5.6.1"), S("the host does not take binary mail (BINARYMIME)"));
    else if (plan->is_needed && !may)
        *why = refusal(S("5.6.3"), S("the host does not take 8-bit mail (8BITMIME)"));
    if (plan->is_needed)
        *out_wishes |= wishes;
    return OK;
}

// Binary mail for a host that does not take it has no lines and no way of being sent as it is.
static bool must_change_body(const struct job *j, const struct client_transaction *t)
{
    if ((j->m.flags & MESSAGE_BODY_BINARY) != 0)
        return !t->wants_binary;
    return (j->m.flags & MESSAGE_BODY_8BIT) != 0 && !t->wants_8bit &&
           j->d->in.settings->downgrade_8bit != DOWNGRADE_8BIT_SEND;
}

static struct err convert(struct remote *r, struct client_transaction *t,
        struct message_reading *how, uint32_t wishes)
{
    const struct mime_downgrade_plan *plan;
    TRY(plan_for(r, t->message, how, wishes, &plan));
    how->downgrade = plan;
    t->bytes = plan->bytes;
    return job_sign_converted(r->j, t->message, how, &t->bytes);
}

// What was folded is not what we signed.
static struct err fold_lines(struct remote *r, const struct approach *p,
        struct client_transaction *t, struct message_reading *how)
{
    struct job *j = r->j;
    struct store *store = j->d->in.store;
    uint64_t bytes = 0;
    how->line_bytes_max = p->how->line_bytes_max;
    if (how->line_bytes_max == 0)
        return OK;
    TRY(message_measure(store, &j->arena, t->message, how, &bytes));
    if (bytes == t->bytes)
        return OK;
    TRY(job_sign_converted(j, t->message, how, &t->bytes));
    return message_measure(store, &j->arena, t->message, how, &t->bytes);
}

// Each is made once, for all hosts.
static struct err plan_for(struct remote *r, const struct message *m,
        const struct message_reading *how, uint32_t wishes, const struct mime_downgrade_plan **out)
{
    struct job *j = r->j;
    bool says_priority = m == r->edited[true];
    const struct mime_downgrade_plan **known = &r->plans[says_priority][wishes];
    assert(wishes < COUNT_OF(r->plans[0]));
    if (*known == NULL) {
        struct mime_downgrade_plan *plan = arena_make(&j->arena, struct mime_downgrade_plan);
        if (plan == NULL)
            return fail(ERR_LIMIT, "no memory for an attempt");
        TRY(message_downgrade_plan(j->d->in.store, &j->arena, m, how, wishes, plan));
        *known = plan;
    }
    *out = *known;
    return OK;
}

static void ask_size(struct remote *r, struct connection *c, const struct client_transaction *t,
        struct client_answer *why)
{
    uint64_t size_max = client_size_max(c->client);
    if (why->verdict != CLIENT_GOOD || size_max == 0 || t->bytes <= size_max)
        return;
    *why = refusal(
            S("5.3.4"), arena_fmt(&r->j->arena, "message exceeds the size limit of %.*s (%llu)",
                                ARG(c->host), (unsigned long long)size_max));
}

static void ask_deliver_by(struct remote *r, struct connection *c, struct client_transaction *t,
        struct client_answer *why)
{
    struct job *j = r->j;
    const struct recipient *rcpt = t->rcpts[0].rcpt;
    struct by_relay_wish by = schedule_by_relay(&j->m, rcpt, j->wall_now_ms,
            client_offers(c->client, CLIENT_EXT_DELIVERBY), client_by_min_s(c->client));
    if (by.relay == BY_RELAY_LATE || by.relay == BY_RELAY_UNSUPPORTED) {
        *why = refusal(S("5.3.3"), S(""));
        why->outcome = by_relay_outcome(&j->arena, by.relay, rcpt, j->wall_now_ms);
    }
    if (by.relay == BY_RELAY_PASS) {
        t->by_s = by.seconds;
        t->by_mode = by.mode;
        t->by_trace = by.trace;
    }
    for (size_t i = 0; i < r->count; i++)
        j->tried[r->rcpts[i].place].by_owed = by.owes_relayed;
}

static struct client_answer refusal(struct str enhanced, struct str text)
{
    return answer_permanent(CLIENT_MAIL, FAILURE_UNEXPECTED_REPLY, S(""), enhanced, text);
}

static void settle_all(struct remote *r, const struct connection *c, struct client_answer *why)
{
    if (str_is_empty(why->outcome.entity)) // the connection may end before this is written down
        why->outcome.entity = arena_str(&r->j->arena, c->host);
    job_settle_all(r->j, r->rcpts, r->count, why);
    r->count = 0;
}
