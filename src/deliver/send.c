// SPDX-License-Identifier: Apache-2.0
// deliver/send.c: the message over a connection, in as many transactions as its recipients need,
// and what each answer means for whom. The dialogue itself is in smtp/client/.
#include "deliver/fit.h"
#include "deliver/told.h"
#include "deliver/verp.h"
#include "mail/trace.h"

#define TRANSACTIONS_MAX 50 // of a message and a connection, outbound.md 27.2
#define PREFIX_BYTES_MAX (64 * KIB)

static struct err send_some(struct remote *r, struct approach *p, struct connection *c,
        struct client_transaction *t, bool *out_was_stale) suspends MUST_USE;
static bool is_stale(const struct connection *c, const struct client_transaction *t);
static void put_away(struct remote *r, struct approach *p, struct connection *c,
        const struct client_transaction *t) suspends;
static struct err send_in_time(struct remote *r, struct approach *p, struct connection *c,
        struct client_transaction *t) suspends MUST_USE;
static struct err give_up(struct remote *r, struct connection *c) MUST_USE;
static struct str prefix_for(const struct remote *r);
static bool wants_no_report(const struct remote *r, const struct connection *c,
        const struct client_rcpt *rcpts, size_t count);
static size_t how_many(struct remote *r, struct approach *p, struct connection *c);
static void take_answers(struct remote *r, struct connection *c, struct client_transaction *t,
        struct carried *sent, size_t count);
static const struct passage *passage_over(struct arena *a, const struct connection *c);
static struct client_answer as_told(struct remote *r, const struct connection *c,
        const struct client_answer *answer, const struct passage *over);
static void take_answer(struct remote *r, const struct connection *c, const struct carried *one,
        const struct client_answer *answer);
static void learn(struct remote *r, struct approach *p, struct connection *c,
        const struct client_transaction *t);
static bool may_fail_over(const struct remote *r, const struct client_answer *answer,
        const struct response_effect *effect);

// As many as it takes, until everybody has an answer or the connection is of no more use. With
// `out_was_stale` a connection that dies before it has said anything is nobody's fault.
struct err send_all(struct remote *r, struct approach *p, struct connection *c, bool *out_was_stale,
        enum reach *reach)
{
    struct job *j = r->j;
    struct err e = OK;
    bool goes_on = true;
    size_t at_first = r->count;
    *reach = REACH_NEXT_HOST;
    r->needs_connection = false;
    while (goes_on && remote_left_here(r) > 0 && !failed(e) &&
            r->transactions++ < TRANSACTIONS_MAX + r->alone) {
        struct client_transaction t = {0};
        size_t before = r->count;
        bool was_stale = false, has_carried = before < at_first;
        e = send_some(r, p, c, &t, has_carried || out_was_stale != NULL ? &was_stale : NULL);
        if (was_stale) {
            put_away(r, p, c, &t);
            r->needs_connection = has_carried;
            if (!has_carried)
                *out_was_stale = true;
            return OK;
        }
        bool gone = t.mail.gone || t.end.gone;
        c->messages++;
        c->idle_since_ms = now_ms();
        if (t.mails_were_too_many && t.end.verdict == CLIENT_GOOD)
            health_learn(j->d->health, p->name, LESSON_MESSAGES_MAX, c->messages, now_ms());
        c->is_spent |= gone || failed(e);
        goes_on = !c->is_spent && r->count < before && connection_may_go_on(c);
    }
    if (r->count == 0)
        *reach = REACH_DONE;
    r->needs_connection = remote_left_here(r) > 0 && r->count < at_first && !c->is_spent &&
                          !connection_may_go_on(c) && r->transactions < TRANSACTIONS_MAX + r->alone;
    if (failed(e) || c->is_spent)
        connection_break(c);
    else
        j->courier->connection = c;
    return e;
}

// outbound.md 21: before anything was said of this message, or because of those before it.
static bool is_stale(const struct connection *c, const struct client_transaction *t)
{
    if (c->messages == 0 || t->mail.stage != CLIENT_MAIL)
        return false;
    return (t->mail.verdict == CLIENT_LOST && t->mail.gone) || t->mails_were_too_many;
}

// What a host allows is remembered; one that had been idle for some time may have hung up for that.
static void put_away(struct remote *r, struct approach *p, struct connection *c,
        const struct client_transaction *t)
{
    bool was_idle = now_ms() - c->idle_since_ms >= SECOND_MS;
    bool is_about_idling = was_idle && t->mail.outcome.code == 421;
    if (t->mails_were_too_many && !is_about_idling)
        health_learn(r->j->d->health, p->name, LESSON_MESSAGES_MAX, c->messages, now_ms());
    r->transactions--; // it takes no token
    pool_dismiss(&r->j->d->pool, c);
}

static struct err send_some(struct remote *r, struct approach *p, struct connection *c,
        struct client_transaction *t, bool *out_was_stale)
{
    struct job *j = r->j;
    TRY(fit_addresses(r, c));
    size_t count = how_many(r, p, c);
    struct str sender;
    if (count == 0)
        return OK;
    TRY(verp_choose(r, r->rcpts, &count, &sender));
    struct carried *sent = arena_array(&j->arena, count, struct carried);
    struct client_rcpt *rcpts = arena_array(&j->arena, count, struct client_rcpt);
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    struct message_reading how = {.prefix = prefix_for(r)};
    if (sent == NULL || rcpts == NULL || str_is_null(how.prefix))
        return fail(ERR_LIMIT, "no memory for an attempt");
    memcpy(sent, r->rcpts, count * sizeof(*sent));
    for (size_t i = 0; i < count; i++)
        rcpts[i] = (struct client_rcpt){
                .rcpt = &j->u->rcpts[sent[i].place], .address = sent[i].address};
    *t = (struct client_transaction){.message = &j->m,
            .sender = wants_no_report(r, c, rcpts, count) ? S("") : sender,
            .rcpts = rcpts,
            .rcpt_count = count,
            .requiretls = (j->m.flags & MESSAGE_REQUIRETLS) != 0};
    bool goes_on = true;
    struct err e = fit_message(r, p, c, t, &how, &goes_on);
    if (!failed(e) && !goes_on)
        return OK;
    if (!failed(e))
        e = message_open(j->d->in.store, &j->arena, t->message, &how, &reader);
    if (failed(e)) {
        struct client_answer why = answer_no_body();
        event_in(&j->span, EV_QUEUE_BLOB_NOT_FOUND, F_ERR(reason, e));
        job_settle_all(j, r->rcpts, r->count, &why);
        r->count = 0;
        return OK;
    }
    t->body = reader;
    j->was_sent = true;
    j->sent_at_ms = now_ms();
    client_tell_to(c->client, &j->span);
    e = send_in_time(r, p, c, t);
    if (e.kind == ERR_TIMEOUT && deadline_left_ms() > 0)
        return give_up(r, c);
    TRY(e);
    if (out_was_stale != NULL && is_stale(c, t)) {
        *out_was_stale = true;
        return OK;
    }
    learn(r, p, c, t);
    tell_transaction(r, c, t);
    TRY(remote_judge_rcpts(r, p, c, t, sent));
    take_answers(r, c, t, sent, count);
    return OK;
}

// outbound.md 1: a unit has so long, not counting the wait for the last reply.
static struct err send_in_time(
        struct remote *r, struct approach *p, struct connection *c, struct client_transaction *t)
{
    within_ms(remote_left_ms(r, p) + p->how->timeouts.data_ms);
    return client_send(c->client, &r->j->arena, t);
}

static struct err give_up(struct remote *r, struct connection *c)
{
    // The name of the connection, which ends before this is written down, is kept.
    const struct client_answer why = remote_took_too_long(arena_str(&r->j->arena, c->host));
    job_settle_all(r->j, r->rcpts, r->count, &why);
    r->j->met_trouble = true;
    r->count = 0;
    c->is_spent = true;
    return OK;
}

// Whoever takes it by LMTP delivers it for good (RFC 5321 4.4, inbound.md 11.2).
static struct str prefix_for(const struct remote *r)
{
    const struct job *j = r->j;
    struct buf lines AUTO(buf_done);
    bool smtputf8 = (j->m.flags & MESSAGE_SMTPUTF8) != 0;
    buf_init(&lines, PREFIX_BYTES_MAX);
    if (r->protocol == CLIENT_LMTP && (j->m.flags & MESSAGE_RETURN_PATH) != 0)
        trace_return_path_add(&lines, j->m.sender, smtputf8);
    buf_add(&lines, j->u->prefix_headers);
    return lines.overflow ? STR_NULL : arena_str(&r->j->arena, buf_str(&lines));
}

// queue.md 12.10: a host that cannot be told NOTIFY=NEVER cannot report to nobody. Nor can one that
// refuses the parameters that it offers.
static bool wants_no_report(const struct remote *r, const struct connection *c,
        const struct client_rcpt *rcpts, size_t count)
{
    bool can_be_told =
            client_offers(c->client, CLIENT_EXT_DSN) && !client_refuses_parameters(c->client);
    if (!r->j->d->in.settings->never_is_null_sender || can_be_told)
        return false;
    for (size_t i = 0; i < count; i++)
        if ((rcpts[i].rcpt->flags & RCPT_NOTIFY_NEVER) == 0)
            return false;
    return true;
}

static size_t how_many(struct remote *r, struct approach *p, struct connection *c)
{
    struct host_facts facts = health_facts(r->j->d->health, p->name, now_ms());
    size_t most = r->route->rcpts_max, offered = client_rcpts_max(c->client);
    if (offered > 0 && offered < most)
        most = offered;
    uint32_t shaped = shaped_recipients(&r->shaped);
    if (shaped > 0 && shaped < most)
        most = shaped;
    if (facts.rcpts_max > 0 && facts.rcpts_max < most)
        most = facts.rcpts_max;
    size_t left = remote_left_here(r);
    return left < most ? left : most;
}

// What this host has shown for the next messages to it (outbound.md 9, 10).
static void learn(struct remote *r, struct approach *p, struct connection *c,
        const struct client_transaction *t)
{
    struct health *h = r->j->d->health;
    if (!r->j->d->in.settings->hosts.learn)
        return;
    if (t->rcpts_were_too_many && t->rcpts_accepted > 0)
        health_learn(h, p->name, LESSON_RCPTS_MAX, (uint32_t)t->rcpts_accepted, now_ms());
    if (client_refuses_parameters(c->client))
        health_learn(h, p->name, LESSON_EXTENSIONS, CLIENT_EXT_SIZE, now_ms());
}

// Those whom this host puts off, and whom another one may take, stand behind all others: this one
// does not hear of them again. Who has not been asked for yet comes first.
static void take_answers(struct remote *r, struct connection *c, struct client_transaction *t,
        struct carried *sent, size_t count)
{
    size_t rest = r->count - count, again = 0, passed_on = 0;
    const struct passage *over = passage_over(&r->j->arena, c);
    for (size_t i = 0; i < count; i++) {
        const struct client_answer answer = as_told(r, c, &t->rcpts[i].answer, over);
        if (!t->rcpts[i].was_tried) {
            r->rcpts[again++] = sent[i];
        } else if (may_fail_over(r, &answer, &sent[i].effect)) {
            sent[i].said = arena_answer(&r->j->arena, &answer);
            remote_note_rcpt(r);
            sent[passed_on++] = sent[i];
        } else {
            take_answer(r, c, &sent[i], &answer);
        }
    }
    memmove(r->rcpts + again, r->rcpts + count, rest * sizeof(*sent));
    memcpy(r->rcpts + again + rest, sent, passed_on * sizeof(*sent));
    r->count = again + rest + passed_on;
    r->passed_on += passed_on;
    bool is_goodbye = t->mails_were_too_many && t->end.verdict == CLIENT_GOOD;
    if ((t->mail.gone || t->end.gone) && !is_goodbye)
        r->j->met_trouble = true;
    if (t->end.ambiguous)
        event_in(&r->j->span, EV_DELIVERY_AMBIGUOUS, F_STR(hostname, c->host),
                F_STR(reason, t->end.outcome.text));
    if (job_is_to_end(r->j))
        r->count = 0; // the others are due again as soon as this is written down
}

// The connection may have ended before the answers are written down. NULL: no memory for it.
static const struct passage *passage_over(struct arena *a, const struct connection *c)
{
    struct passage *over = arena_make(a, struct passage);
    if (over != NULL)
        *over = (struct passage){.remote_ip = ip_text(a, &stream_peer(c->stream)->ip),
                .source_ip = ip_text(a, &stream_local(c->stream)->ip),
                .tls = arena_str(a, c->tls)};
    return over;
}

// With the host that has said it, and how we came there.
static struct client_answer as_told(struct remote *r, const struct connection *c,
        const struct client_answer *answer, const struct passage *over)
{
    struct client_answer told = *answer;
    told.outcome.entity = arena_str(&r->j->arena, c->host);
    if (told.outcome.code != 0)
        told.outcome.host = told.outcome.entity;
    told.outcome.passage = over;
    return told;
}

static void take_answer(struct remote *r, const struct connection *c, const struct carried *one,
        const struct client_answer *answer)
{
    struct job *j = r->j;
    job_settle_after(j, one->place, answer, one->effect.retry_after_ms);
    if (answer->verdict != CLIENT_GOOD)
        return;
    if (answer->outcome.passage != NULL)
        j->tried[one->place].tls = answer->outcome.passage->tls;
    if (r->protocol == CLIENT_LMTP)
        j->tried[one->place].hop = DSN_HOP_FINAL;
    else if (client_offers(c->client, CLIENT_EXT_DSN) && !client_refuses_parameters(c->client))
        j->tried[one->place].hop = DSN_HOP_TAKES_OVER;
    else
        j->tried[one->place].hop = DSN_HOP_PLAIN;
}

// Is it worth asking another host (outbound.md 19.2)? Not when the message may have arrived.
static bool may_fail_over(const struct remote *r, const struct client_answer *answer,
        const struct response_effect *effect)
{
    if (answer->verdict == CLIENT_GOOD || answer->verdict == CLIENT_PERMANENT)
        return false;
    if (effect->stays_here || effect->asks_next_host)
        return effect->asks_next_host;
    enum client_stage stage = answer->stage == CLIENT_EOD ? CLIENT_DATA : answer->stage;
    if (answer->gone &&
            stage == CLIENT_RCPT) // 421, or the connection is lost: not about the recipient
        stage = CLIENT_MAIL;
    return !answer->ambiguous && (r->route->failover & (1U << stage)) != 0;
}
