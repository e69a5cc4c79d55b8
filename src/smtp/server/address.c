// SPDX-License-Identifier: Apache-2.0
// smtp/server/address.c: who gets an accepted message: lists become their members, recipients are
// put into units by the domain they go to and the schedule they have, and what a list sends on has
// its owner as sender.
#include "smtp/server/client.h"
#include "smtp/server/finish.h"

#include "base/map.h"
#include "queue/schedule/schedule.h"
#include "queue/store/body.h"
#include "queue/unit.h"
#include "rt/rt.h"
#include "smtp/limits.h"
#include "smtp/proof.h"

#define CHOICE_BYTES_MAX (1 * MIB) // of one evaluation of queue.strategy.schedule

struct goer {                            // somebody who gets it
    const struct transaction_rcpt *rcpt; // whose flags count
    struct envelope_address address;
    struct str sender;   // of the message that he gets
    bool has_own_sender; // that of a list, not the client's
    bool is_expanded;    // nobody: the list itself, of which the client's sender is told
    struct str orcpt_type, orcpt;
    const struct schedule *schedule;
    size_t place; // among all, so that sorting keeps the order
};

struct addressing {
    struct finishing *f;
    struct arena *arena;
    VEC(struct goer) goers;
    bool is_single;  // one recipient: nobody to be the same as
    struct map seen; // normal addresses: one delivery each
};

static struct err add_rcpt(struct addressing *a, struct transaction_rcpt *rcpt) suspends MUST_USE;
static struct err add_members(
        struct addressing *a, struct transaction_rcpt *rcpt) suspends MUST_USE;
static bool owes_expanded(const struct addressing *a, const struct transaction_rcpt *rcpt);
static void refuse(struct addressing *a, struct transaction_rcpt *rcpt, enum reply_id why);
static struct err add_goer(struct addressing *a, const struct goer *goer) MUST_USE;
static struct err make_messages(struct addressing *a) suspends MUST_USE;
static struct err make_units(struct addressing *a, struct goer *from, struct goer *end,
        struct message *m) suspends MUST_USE;
static bool choose_schedules(
        struct addressing *a, struct goer *from, size_t count, struct message *m) suspends;
static void tell_choice(struct smtp_session *s, const struct schedule_job *job);
static void fill_unit(const struct goer *from, struct recipient *rcpts, const struct message *m,
        struct unit *out);
static void hold_suspect(const struct finishing *f, const struct message *m, struct unit *unit);
static void fill_recipient(const struct goer *g, struct recipient *out);
static struct message message_for(const struct finishing *f, struct str sender);
static uint32_t message_flags(const struct finishing *f);
static uint32_t rcpt_flags(const struct transaction_rcpt *rcpt);
static size_t run_of_sender(const struct goer *at, const struct goer *end);
static size_t run_of_unit(const struct goer *at, const struct goer *end);
static int compare_goers(const void *left, const void *right);
static int compare_in_message(const void *left, const void *right);

struct err finish_address(struct finishing *f)
{
    struct addressing a = {.f = f, .arena = &f->arena};
    struct err e = OK;
    a.is_single = f->t->rcpts.count == 1 && !f->t->rcpts.at[0].is_list;
    if (!a.is_single)
        map_init(&a.seen, random_u64(), random_u64());
    for (size_t i = 0; !failed(e) && f->refusal == REPLY_OK && i < f->t->rcpts.count; i++)
        e = f->t->rcpts.at[i].is_refused ? OK : add_rcpt(&a, &f->t->rcpts.at[i]);
    if (!a.is_single)
        map_done(&a.seen);
    if (failed(e) || f->refusal != REPLY_OK || a.goers.count == 0)
        return e;
    if (a.goers.count > 1)
        qsort(a.goers.at, a.goers.count, sizeof(*a.goers.at), compare_goers);
    return make_messages(&a);
}

static struct err add_rcpt(struct addressing *a, struct transaction_rcpt *rcpt)
{
    if (rcpt->is_list)
        return add_members(a, rcpt);
    struct goer goer = {.rcpt = rcpt,
            .address = rcpt->address,
            .sender = a->f->t->sender.text,
            .orcpt_type = rcpt->orcpt_type,
            .orcpt = rcpt->orcpt};
    return add_goer(a, &goer);
}

// inbound.md 8, step 6. ORCPT of a member is the list, NOTIFY the list's.
static struct err add_members(struct addressing *a, struct transaction_rcpt *rcpt)
{
    struct smtp_session *s = a->f->s;
    struct client_rules rules;
    struct expansion all;
    struct err e = client_resolve_rules(s, &rules);
    if (!failed(e)) {
        within_ms(DIRECTORY_WAIT_MS);
        e = directories_expand(
                s->service->directories, a->arena, &rules.rules, rcpt->account, &all);
    }
    if (e.kind == ERR_CANCELLED)
        return e;
    if (failed(e) || all.too_many) {
        refuse(a, rcpt, failed(e) ? REPLY_NOT_ACCEPTED : REPLY_LIST_TOO_LARGE);
        return OK;
    }
    bool sends_on = false;
    for (size_t i = 0; i < all.count; i++) {
        const struct expanded_member *m = &all.at[i];
        sends_on |= !str_is_null(m->sender);
        struct goer goer = {.rcpt = rcpt,
                .sender = str_is_null(m->sender) ? a->f->t->sender.text : m->sender,
                .has_own_sender = !str_is_null(m->sender),
                .orcpt_type = orcpt_type_of(rcpt->address.text),
                .orcpt = rcpt->address.text};
        if (!failed(envelope_address_read(a->arena, m->address, &goer.address)))
            TRY(add_goer(a, &goer));
    }
    struct goer list = {.rcpt = rcpt,
            .address = rcpt->address,
            .sender = a->f->t->sender.text,
            .orcpt_type = rcpt->orcpt_type,
            .orcpt = rcpt->orcpt,
            .is_expanded = true};
    return sends_on && owes_expanded(a, rcpt) ? add_goer(a, &list) : OK;
}

// queue.md 12.1, RFC 3461 5.2.7.3: with what a list sends on under a sender of its own the client's
// sender has nothing to do any more, and is told so. Who may have forged him must not make us write
// to him.
static bool owes_expanded(const struct addressing *a, const struct transaction_rcpt *rcpt)
{
    const struct message_proof *proof = a->f->t->proof;
    return (rcpt_flags(rcpt) & RCPT_NOTIFY_SUCCESS) != 0 && a->f->t->sender.text.len > 0 &&
           (proof == NULL || !proof->quarantined);
}

// The message; in LMTP, where each recipient has a reply of its own, that one alone.
static void refuse(struct addressing *a, struct transaction_rcpt *rcpt, enum reply_id why)
{
    if (session_is_lmtp(a->f->s)) {
        rcpt->is_refused = true;
        rcpt->refusal = why;
        rcpt->words = S("");
    } else {
        a->f->refusal = why;
    }
}

static struct err add_goer(struct addressing *a, const struct goer *goer)
{
    if (!a->is_single && map_has(&a->seen, goer->address.normal))
        return OK;
    struct goer *added = vec_add(a->arena, &a->goers);
    if (added == NULL || (!a->is_single && !map_put(&a->seen, goer->address.normal, NULL)))
        return fail(ERR_LIMIT, "no memory for the recipients");
    *added = *goer;
    added->place = a->goers.count;
    if (a->goers.count > a->f->s->service->schedules->rcpts_max)
        a->f->refusal = REPLY_LIST_TOO_LARGE;
    return OK;
}

static struct err make_messages(struct addressing *a)
{
    struct goer *at = a->goers.at, *end = at + a->goers.count;
    size_t senders = 0;
    for (const struct goer *g = at; g < end; g += run_of_sender(g, end))
        senders++;
    struct message *all = arena_array(a->arena, senders + 1, struct message);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for a message");
    for (size_t i = 0; i < senders; i++) {
        size_t run = run_of_sender(at, end);
        all[i] = message_for(a->f, at->sender);
        all[i].id = i == 0 ? a->f->t->id : store_new_id(a->f->s->service->store);
        TRY(make_units(a, at, at + run, &all[i]));
        at += run;
    }
    a->f->messages = all;
    a->f->message_count = senders;
    return OK;
}

// A unit for each domain and schedule, and another one beyond UNIT_RCPTS_MAX. Until the schedules
// are known all stand in one, so that the expression that chooses them sees the whole message.
static struct err make_units(
        struct addressing *a, struct goer *from, struct goer *end, struct message *m)
{
    size_t count = (size_t)(end - from), units = 0, done = 0;
    struct recipient *rcpts = arena_array(a->arena, count, struct recipient);
    if (rcpts == NULL)
        return fail(ERR_LIMIT, "no memory for the recipients");
    struct unit all = {.message_id = m->id, .rcpts = rcpts, .rcpt_count = count};
    for (size_t i = 0; i < count; i++)
        fill_recipient(&from[i], &rcpts[i]);
    m->units = &all;
    m->unit_count = 1;
    m->body.bytes = a->f->t->body != NULL ? body_bytes(a->f->t->body) : 0;
    if (choose_schedules(a, from, count, m))
        qsort(from, count, sizeof(*from), compare_in_message);
    for (const struct goer *g = from; g < end; g += run_of_unit(g, end))
        units++;
    m->unit_count = units;
    m->units = arena_array(a->arena, units, struct unit);
    if (m->units == NULL)
        return fail(ERR_LIMIT, "no memory for a message");
    for (size_t i = 0; i < units; i++) {
        size_t run = run_of_unit(&from[done], end);
        m->units[i] = (struct unit){.message_id = m->id, .number = (uint16_t)i, .rcpt_count = run};
        fill_unit(&from[done], &rcpts[done], m, &m->units[i]);
        hold_suspect(a->f, m, &m->units[i]);
        done += run;
    }
    return OK;
}

// auth.dmarc.quarantine = "hold"
static void hold_suspect(const struct finishing *f, const struct message *m, struct unit *unit)
{
    const struct message_proof *proof = f->t->proof;
    if (proof == NULL || !proof->quarantined || f->s->service->proof->quarantine != QUARANTINE_HOLD)
        return;
    struct hold hold = {.reason = HOLD_QUARANTINE,
            .text = S("DMARC: the author's domain asks for it"),
            .by = S("auth.dmarc.quarantine"),
            .since_ms = m->created_ms,
            .until_ms = m->created_ms + f->s->service->schedules->quarantine_ms};
    (void)unit_hold(unit, &hold, m->created_ms);
}

// Are there recipients of one domain with several schedules? An expression that does not ask for
// the address is asked once for each domain.
static bool choose_schedules(
        struct addressing *a, struct goer *from, size_t count, struct message *m)
{
    struct smtp_session *s = a->f->s;
    const struct schedule_settings *settings = s->service->schedules;
    struct session_env around;
    struct expr_env outside = session_env(s, &around);
    bool asks_address = expr_uses(settings->schedule_of, EXPR_VAR_RCPT), mixed = false;
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, CHOICE_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct schedule_job job = {.settings = settings,
                .message = m,
                .wall_now_ms = a->f->wall_now_ms,
                .outside = &outside,
                .arena = &scratch};
        bool same = i > 0 && str_eq(from[i].address.domain, from[i - 1].address.domain);
        if (same && !asks_address) {
            from[i].schedule = from[i - 1].schedule;
            continue;
        }
        from[i].schedule = schedule_choose(&job, NULL, &m->units[0].rcpts[i], NULL);
        mixed |= same && from[i].schedule != from[i - 1].schedule;
        tell_choice(s, &job);
        arena_reset(&scratch);
    }
    return mixed;
}

static void tell_choice(struct smtp_session *s, const struct schedule_job *job)
{
    if (job->fault.cause.len > 0)
        session_tell_fault(s, S("queue.strategy.schedule"), &job->fault);
    if (!str_is_null(job->unknown))
        event_in(s->options->span, EV_SMTP_ID_NOT_FOUND, F_STR(id, job->unknown),
                F_STR(details, S("queue.schedule")));
}

static void fill_unit(
        const struct goer *from, struct recipient *rcpts, const struct message *m, struct unit *out)
{
    out->domain = from->address.domain;
    out->rcpts = rcpts;
    for (size_t i = 0; i < out->rcpt_count; i++) {
        fill_recipient(&from[i], &rcpts[i]);
        schedule_begin(from->schedule, m, &rcpts[i]);
        if (from[i].is_expanded)
            rcpts[i].status = RCPT_COMPLETED;
    }
    schedule_begin_unit(from->schedule, m, out);
    if (unit_is_final(out)) { // a report is all that there is to do
        out->hold = (struct hold){0};
        out->due_ms = m->created_ms;
    }
}

static void fill_recipient(const struct goer *g, struct recipient *out)
{
    *out = (struct recipient){.address = g->address.text,
            .orcpt_type = g->orcpt_type,
            .orcpt = g->orcpt,
            .flags = rcpt_flags(g->rcpt) | (g->is_expanded ? RCPT_EXPANDED_DSN_OWED : 0u)};
}

static struct message message_for(const struct finishing *f, struct str sender)
{
    const struct smtp_session *s = f->s;
    const struct transaction *t = f->t;
    return (struct message){
            .created_ms = f->wall_now_ms,
            .sender = sender,
            .flags = message_flags(f),
            .priority = t->priority,
            .env_id = t->mail.env_id,
            .from_ip = s->client.ip,
            .via_port = s->local.port,
            .account = s->account != NULL ? s->account_name : STR_NULL,
            .submitter = t->submitter,
            .by_ms = t->by_ms,
            .hold_until_ms = t->hold_until_ms,
            .helo = session_helo(s),
    };
}

static uint32_t message_flags(const struct finishing *f)
{
    const struct mail_command *mail = &f->t->mail;
    const struct message_proof *proof = f->t->proof;
    uint32_t flags = f->s->account != NULL ? MESSAGE_AUTHENTICATED : MESSAGE_UNAUTHENTICATED;
    if (f->s->account == NULL && proof != NULL && proof->dmarc.result == DMARC_PASS)
        flags = MESSAGE_UNAUTHENTICATED_DMARC;
    if (mail->ret == RET_FULL)
        flags |= MESSAGE_RET_FULL;
    if (mail->ret == RET_HDRS)
        flags |= MESSAGE_RET_HDRS;
    if (mail->body == BODY_BINARYMIME)
        flags |= MESSAGE_BODY_BINARY;
    else if (mail->body == BODY_8BITMIME || f->t->data.has_8bit)
        flags |= MESSAGE_BODY_8BIT;
    if (mail->smtputf8)
        flags |= MESSAGE_SMTPUTF8;
    if (mail->requiretls)
        flags |= MESSAGE_REQUIRETLS;
    else if (str_eq_nocase(str_trim(mail_head_body(&f->head, HEAD_TLS_REQUIRED)), S("No")))
        flags |= MESSAGE_TLS_OPTIONAL; // RFC 8689 5
    if (mail->by == BY_NOTIFY)
        flags |= MESSAGE_BY_NOTIFY;
    if (mail->by == BY_RETURN)
        flags |= MESSAGE_BY_RETURN;
    if (mail->by_trace)
        flags |= MESSAGE_BY_TRACE;
    return flags;
}

static uint32_t rcpt_flags(const struct transaction_rcpt *rcpt)
{
    uint32_t flags = 0;
    if (rcpt->notify == NOTIFY_UNSAID)
        return RCPT_NOTIFY_FAILURE | RCPT_NOTIFY_DELAY | RCPT_NOTIFY_IMPLICIT;
    if ((rcpt->notify & NOTIFY_NEVER) != 0)
        flags |= RCPT_NOTIFY_NEVER;
    if ((rcpt->notify & NOTIFY_SUCCESS) != 0)
        flags |= RCPT_NOTIFY_SUCCESS;
    if ((rcpt->notify & NOTIFY_FAILURE) != 0)
        flags |= RCPT_NOTIFY_FAILURE;
    if ((rcpt->notify & NOTIFY_DELAY) != 0)
        flags |= RCPT_NOTIFY_DELAY;
    return flags;
}

static size_t run_of_sender(const struct goer *at, const struct goer *end)
{
    size_t count = 1;
    while (at + count < end && str_eq(at[count].sender, at->sender))
        count++;
    return count;
}

static size_t run_of_unit(const struct goer *at, const struct goer *end)
{
    size_t count = 1;
    while (count < UNIT_RCPTS_MAX && at + count < end && at[count].schedule == at->schedule &&
            str_eq(at[count].address.domain, at->address.domain))
        count++;
    return count;
}

// Those with the client's own sender come first: theirs is the id that the client is told.
static int compare_goers(const void *left, const void *right)
{
    const struct goer *l = left, *r = right;
    if (l->has_own_sender != r->has_own_sender)
        return l->has_own_sender ? 1 : -1;
    int order = str_compare(l->sender, r->sender);
    if (order == 0)
        order = str_compare(l->address.domain, r->address.domain);
    if (order == 0)
        order = l->place < r->place ? -1 : 1;
    return order;
}

// Of one sender, and so of one message.
static int compare_in_message(const void *left, const void *right)
{
    const struct goer *l = left, *r = right;
    int order = str_compare(l->address.domain, r->address.domain);
    if (order == 0)
        order = str_compare(l->schedule->id, r->schedule->id);
    if (order == 0)
        order = l->place < r->place ? -1 : 1;
    return order;
}
