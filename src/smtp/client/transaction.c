// SPDX-License-Identifier: Apache-2.0
// smtp/client/transaction.c: one mail transaction (RFC 5321 3.3, RFC 2033; outbound.md 8 to 12).
// Its commands are numbered: RSET if the one before was given up, MAIL, each RCPT, and DATA unless
// the message goes by BDAT. With PIPELINING they leave together as far as the bound on what is
// unanswered allows, else one by one; replies come in the same order either way. What a reply means
// for whom is decided when all have been heard.
#include "smtp/client/parts.h"

#define COMMAND_BYTES_MAX (8 * KIB) // address, ENVID and ORCPT with every octet escaped

struct dialogue {
    struct smtp_client *c;
    struct arena *a;
    struct client_transaction *t;
    struct buf line;
    uint32_t *sent_bytes; // of each command
    size_t rcpt_count;    // those to be said
    size_t count, said, heard;
    size_t outstanding_bytes;
    bool has_rset, has_data;
    bool is_filling;                // until the bound is met; then again when half is answered
    bool stop;                      // nothing more is to be said
    bool mail_has_optional;         // parameters that might be left out
    bool parameters_refused;        // because of them something was refused
    struct client_answer data, end; // the reply to DATA; what ended the connection
};

static struct err attempt(struct dialogue *d, bool *out_again) suspends MUST_USE;
static struct err begin(struct dialogue *d) MUST_USE;
static struct err converse(struct dialogue *d) suspends MUST_USE;
static bool may_say(struct dialogue *d);
static struct err say_next(struct dialogue *d) suspends MUST_USE;
static void add_mail(struct dialogue *d);
static void add_rcpt(struct dialogue *d, const struct client_rcpt *rcpt);
static struct err hear_next(struct dialogue *d) suspends MUST_USE;
static void heard_rcpt(
        struct dialogue *d, struct client_rcpt *rcpt, const struct client_answer *said);
static void say_no_more_rcpts(struct dialogue *d);
static bool is_too_many(const struct outcome *o);
static bool is_used_up(const struct outcome *o);
static bool says(struct str text, struct str words);
static bool is_parameter_refusal(const struct outcome *o);
static bool rcpt_has_optional(const struct dialogue *d, const struct client_rcpt *rcpt);
static struct err settle(struct dialogue *d, bool *out_again) suspends MUST_USE;
static struct err settle_refused(
        struct dialogue *d, const struct client_answer *why, bool *out_again) suspends MUST_USE;
static struct err end_empty_data(struct dialogue *d) suspends MUST_USE;
static struct err send_message(struct dialogue *d) suspends MUST_USE;
static struct err hear_each(struct dialogue *d, struct client_answer *first) suspends MUST_USE;
static void answer_accepted(struct dialogue *d, const struct client_answer *answer);
static void answer_rest(struct dialogue *d, const struct client_answer *answer);
static bool is_accepted(const struct client_rcpt *rcpt);
static bool exceeds_size(const struct smtp_client *c, const struct client_transaction *t);
static struct err refuse_size(
        struct smtp_client *c, struct arena *a, struct client_transaction *t) MUST_USE;
static void look_at_surplus(struct smtp_client *c, struct client_transaction *t);

struct err client_send(struct smtp_client *c, struct arena *a, struct client_transaction *t)
{
    bool again = true, were_refused = c->parameters_are_refused;
    struct err e = OK;
    if (exceeds_size(c, t))
        return refuse_size(c, a, t);
    for (int tries = 0; !failed(e) && again && tries < 2; tries++) {
        struct dialogue d = {.c = c, .a = a, .t = t};
        buf_init(&d.line, COMMAND_BYTES_MAX);
        e = attempt(&d, &again);
        buf_done(&d.line);
        // Without parameters it is no better: they were not what was wrong.
        if (tries > 0 && t->rcpts_accepted == 0)
            c->parameters_are_refused = were_refused;
    }
    c->gone = c->gone || failed(e);
    look_at_surplus(c, t);
    return e;
}

// *out_again: the peer refused what it need not be told, and will not be told any more.
static struct err attempt(struct dialogue *d, bool *out_again)
{
    *out_again = false;
    TRY(begin(d));
    TRY(converse(d));
    return settle(d, out_again);
}

static struct err begin(struct dialogue *d)
{
    struct client_transaction *t = d->t;
    t->mail = t->end = (struct client_answer){.stage = CLIENT_MAIL, .verdict = CLIENT_LOST};
    // What everybody hears over a connection that was of no use before anything was said.
    d->end = t->mail;
    d->end.gone = true;
    d->end.outcome = (struct outcome){.kind = FAILURE_CONNECTION,
            .enhanced = S("4.4.2"),
            .text = S("the connection cannot be used any more")};
    t->rcpts_were_too_many = t->mails_were_too_many = false;
    t->rcpts_accepted = 0;
    for (size_t i = 0; i < t->rcpt_count; i++)
        t->rcpts[i].was_tried = false;
    d->has_rset = d->c->owes_rset;
    d->has_data = !t->only_asks && !client_offers(d->c, CLIENT_EXT_CHUNKING);
    d->rcpt_count = t->rcpt_count;
    d->count = (d->has_rset ? 1 : 0) + 1 + t->rcpt_count + (d->has_data ? 1 : 0);
    d->sent_bytes = arena_array(d->a, d->count, uint32_t);
    d->is_filling = true;
    d->c->owes_rset = false;
    return d->sent_bytes == NULL ? client_no_room() : OK;
}

// --- The commands --------------------------------------------------------------------------------

static struct err converse(struct dialogue *d)
{
    while (!d->c->gone) {
        while (may_say(d))
            TRY(say_next(d));
        if (d->heard == d->said)
            break;
        TRY(hear_next(d));
    }
    return OK;
}

static bool may_say(struct dialogue *d)
{
    size_t waiting = d->said - d->heard;
    if (d->stop || d->said == d->count)
        return false;
    bool is_data = d->has_data && d->said == d->count - 1;
    if (waiting == 0)
        return !is_data || d->t->rcpts_accepted > 0;
    if (!client_offers(d->c, CLIENT_EXT_PIPELINING))
        return false;
    if (d->outstanding_bytes >= OUTSTANDING_BYTES_MAX || waiting >= OUTSTANDING_MAX)
        d->is_filling = false;
    else if (d->outstanding_bytes <= OUTSTANDING_BYTES_MAX / 2 && waiting <= OUTSTANDING_MAX / 2)
        d->is_filling = true;
    return d->is_filling;
}

static struct err say_next(struct dialogue *d)
{
    size_t number = d->said - (d->has_rset ? 1 : 0);
    buf_clear(&d->line);
    if (d->has_rset && d->said == 0)
        buf_add(&d->line, S("RSET"));
    else if (number == 0)
        add_mail(d);
    else if (number <= d->rcpt_count)
        add_rcpt(d, &d->t->rcpts[number - 1]);
    else
        buf_add(&d->line, S("DATA"));
    if (d->line.overflow)
        return fail(ERR_LIMIT, "a command of a transaction is too long");
    TRY(client_say(d->c, buf_str(&d->line)));
    d->sent_bytes[d->said++] = (uint32_t)d->line.len + 2;
    d->outstanding_bytes += d->line.len + 2;
    return OK;
}

static void add_mail(struct dialogue *d)
{
    buf_fmt(&d->line, "MAIL FROM:<%.*s>", ARG(d->t->sender));
    client_mail_parameters(&d->line, d->c, d->t, &d->mail_has_optional);
}

static void add_rcpt(struct dialogue *d, const struct client_rcpt *rcpt)
{
    bool has_optional = false;
    buf_fmt(&d->line, "RCPT TO:<%.*s>", ARG(rcpt->address));
    client_rcpt_parameters(&d->line, d->c, d->t, rcpt, &has_optional);
}

// --- The replies ---------------------------------------------------------------------------------

static struct err hear_next(struct dialogue *d)
{
    const struct client_timeouts *times = d->c->options.timeouts;
    size_t number = d->heard - (d->has_rset ? 1 : 0);
    bool is_rset = d->has_rset && d->heard == 0;
    struct client_answer said;
    struct client_question q = {
            .stage = CLIENT_RCPT, .command = S("RCPT TO"), .wait_ms = times->rcpt_ms};
    if (is_rset)
        q = (struct client_question){.stage = CLIENT_MAIL,
                .command = S("RSET"),
                .wait_ms = times->rset_ms,
                .doing = S("waiting for the reply to RSET")};
    else if (number == 0)
        q = (struct client_question){
                .stage = CLIENT_MAIL, .command = S("MAIL FROM"), .wait_ms = times->mail_ms};
    else if (number > d->rcpt_count)
        q = (struct client_question){.stage = CLIENT_DATA,
                .expects = EXPECTS_354,
                .command = S("DATA"),
                .wait_ms = times->data_init_ms};
    TRY(client_hear(d->c, d->a, &q, &said));
    d->outstanding_bytes -= d->sent_bytes[d->heard++];
    if (d->c->gone)
        d->end = said;
    if (is_rset)
        return OK; // refused or not: if a transaction is still open, MAIL will hear of it
    if (number == 0) {
        d->t->mail = said;
        d->t->mails_were_too_many = said.verdict != CLIENT_GOOD && is_used_up(&said.outcome);
        d->stop = d->stop || said.verdict != CLIENT_GOOD;
    } else if (number > d->rcpt_count) {
        d->data = said;
    } else if (d->t->mail.verdict == CLIENT_GOOD && said.verdict != CLIENT_LOST) {
        heard_rcpt(d, &d->t->rcpts[number - 1], &said);
    }
    return OK;
}

static void heard_rcpt(
        struct dialogue *d, struct client_rcpt *rcpt, const struct client_answer *said)
{
    struct client_transaction *t = d->t;
    rcpt->answer = *said;
    rcpt->was_tried = true;
    if (said->verdict == CLIENT_GOOD) {
        t->rcpts_accepted++;
    } else if (t->rcpts_accepted > 0 && is_too_many(&said->outcome)) {
        t->rcpts_were_too_many = true;
        rcpt->was_tried = false;
        say_no_more_rcpts(d);
    } else if (is_parameter_refusal(&said->outcome) && rcpt_has_optional(d, rcpt)) {
        d->parameters_refused = true;
        rcpt->was_tried = false;
    }
}

// Those behind one that was too many would hear the same: they wait with it.
static void say_no_more_rcpts(struct dialogue *d)
{
    size_t said = d->said - (d->has_rset ? 1 : 0) - 1;
    if (said >= d->rcpt_count)
        return;
    d->count -= d->rcpt_count - said;
    d->rcpt_count = said;
}

// outbound.md 10; RFC 5321 4.5.3.1.10
static bool is_too_many(const struct outcome *o)
{
    if (o->code == 452 && str_eq(o->enhanced, S("4.5.3")))
        return true;
    return (o->code == 452 || o->code == 552) && says(o->text, S("too many recipients"));
}

// outbound.md 21
static bool is_used_up(const struct outcome *o)
{
    return o->code == 421 || says(o->text, S("too many messages")) ||
           says(o->text, S("too many mails")) || says(o->text, S("too many transactions"));
}

static bool says(struct str text, struct str words)
{
    for (size_t i = 0; i < text.len; i++)
        if (str_starts_nocase(str_from(text, i), words))
            return true;
    return false;
}

// outbound.md 9. 501 is also said of addresses; their enhanced codes are those of class x.1.
static bool is_parameter_refusal(const struct outcome *o)
{
    return o->code == 555 || o->code == 504 ||
           (o->code == 501 && !str_starts(o->enhanced, S("5.1.")));
}

static bool rcpt_has_optional(const struct dialogue *d, const struct client_rcpt *rcpt)
{
    struct buf unused AUTO(buf_done);
    bool has_optional = false;
    buf_init(&unused, COMMAND_BYTES_MAX);
    client_rcpt_parameters(&unused, d->c, d->t, rcpt, &has_optional);
    return has_optional;
}

// --- What came of it -----------------------------------------------------------------------------

static struct err settle(struct dialogue *d, bool *out_again)
{
    struct client_transaction *t = d->t;
    if (d->c->gone) {
        t->end = d->end;
        if (t->mail.verdict == CLIENT_LOST)
            t->mail = d->end;
        answer_accepted(d, &d->end);
        answer_rest(d, t->mail.verdict == CLIENT_GOOD ? &d->end : &t->mail);
        return OK;
    }
    if (t->mail.verdict != CLIENT_GOOD)
        return settle_refused(d, &t->mail, out_again);
    if (t->rcpts_accepted == 0)
        return settle_refused(d, NULL, out_again);
    d->c->parameters_are_refused = d->c->parameters_are_refused || d->parameters_refused;
    if (t->only_asks) {
        d->c->owes_rset = true;
        return OK;
    }
    if (d->has_data && d->data.verdict != CLIENT_GOOD) {
        t->end = d->data;
        d->c->owes_rset = true;
        answer_accepted(d, &d->data);
        return OK;
    }
    return send_message(d);
}

// MAIL was refused, or every RCPT (then `why` is NULL).
static struct err settle_refused(
        struct dialogue *d, const struct client_answer *why, bool *out_again)
{
    struct client_transaction *t = d->t;
    d->c->owes_rset = true;
    TRY(end_empty_data(d));
    bool refused = d->parameters_refused;
    if (why != NULL)
        refused = d->mail_has_optional && is_parameter_refusal(&why->outcome);
    if (refused && !d->c->gone) {
        d->c->parameters_are_refused = true;
        *out_again = true;
    }
    if (why == NULL && t->rcpt_count > 0)
        why = &t->rcpts[t->rcpt_count - 1].answer;
    if (why != NULL)
        t->end = *why;
    if (*out_again)
        return OK;
    if (t->mail.verdict != CLIENT_GOOD)
        answer_rest(d, &t->mail);
    for (size_t i = 0; i < t->rcpt_count; i++) // each has a refusal, with parameters or without
        t->rcpts[i].was_tried = true;
    return OK;
}

// RFC 2920 3.1: a server that says 354 although it has taken no recipient gets an empty message.
// In LMTP nobody can say how many replies would follow.
static struct err end_empty_data(struct dialogue *d)
{
    struct client_answer unused;
    const struct client_question q = {
            .stage = CLIENT_EOD, .command = S("DATA"), .wait_ms = d->c->options.timeouts->data_ms};
    if (!d->has_data || d->said < d->count || d->data.verdict != CLIENT_GOOD)
        return OK;
    if (d->c->options.protocol == CLIENT_LMTP) {
        d->c->gone = true;
        return OK;
    }
    TRY(client_say(d->c, S(".")));
    return client_hear(d->c, d->a, &q, &unused);
}

static struct err send_message(struct dialogue *d)
{
    struct client_answer said;
    bool whole = false;
    TRY(d->has_data ? client_body_dotted(d->c, d->a, d->t, &said, &whole)
                    : client_body_chunked(d->c, d->a, d->t, &said, &whole));
    if (d->c->options.protocol == CLIENT_LMTP && whole)
        return hear_each(d, &said);
    d->t->end = said;
    // RFC 3030 2: what a chunk that was refused leaves open is closed by RSET.
    d->c->owes_rset = !whole || (!d->has_data && said.verdict != CLIENT_GOOD);
    answer_accepted(d, &said);
    return OK;
}

// RFC 2033 4.2: a reply for each recipient that was accepted, in their order. Those whose reply
// does not come may have been delivered to.
static struct err hear_each(struct dialogue *d, struct client_answer *first)
{
    const struct client_question q = {.stage = CLIENT_EOD,
            .command = first->outcome.command,
            .wait_ms = d->c->options.timeouts->data_ms,
            .all_was_sent = true};
    struct client_answer said = *first;
    bool is_first = true;
    for (size_t i = 0; i < d->t->rcpt_count; i++) {
        struct client_rcpt *rcpt = &d->t->rcpts[i];
        if (!is_accepted(rcpt))
            continue;
        if (!is_first && !d->c->gone)
            TRY(client_hear(d->c, d->a, &q, &said));
        else if (!is_first && said.verdict != CLIENT_LOST)
            TRY(client_lost(
                    d->c, d->a, &q, fail(ERR_CLOSED, "the peer closed the connection"), &said));
        rcpt->answer = said;
        is_first = false;
    }
    d->t->end = said;
    return OK;
}

static void answer_accepted(struct dialogue *d, const struct client_answer *answer)
{
    for (size_t i = 0; i < d->t->rcpt_count; i++)
        if (is_accepted(&d->t->rcpts[i]))
            d->t->rcpts[i].answer = *answer;
}

// Those who heard nothing of their own.
static void answer_rest(struct dialogue *d, const struct client_answer *answer)
{
    for (size_t i = 0; i < d->t->rcpt_count; i++) {
        struct client_rcpt *rcpt = &d->t->rcpts[i];
        if (rcpt->was_tried)
            continue;
        rcpt->answer = *answer;
        rcpt->was_tried = true;
    }
}

static bool is_accepted(const struct client_rcpt *rcpt)
{
    return rcpt->was_tried && rcpt->answer.stage == CLIENT_RCPT &&
           rcpt->answer.verdict == CLIENT_GOOD;
}

// --- Around it -----------------------------------------------------------------------------------

static bool exceeds_size(const struct smtp_client *c, const struct client_transaction *t)
{
    return client_size_max(c) > 0 && t->bytes > client_size_max(c);
}

static struct err refuse_size(struct smtp_client *c, struct arena *a, struct client_transaction *t)
{
    struct str text = arena_fmt(a, "message exceeds the size limit of %.*s (%llu)",
            ARG(client_peer_name(c)), (unsigned long long)client_size_max(c));
    if (str_is_null(text))
        return client_no_room();
    t->mail = (struct client_answer){.stage = CLIENT_MAIL,
            .verdict = CLIENT_PERMANENT,
            .outcome = {.kind = FAILURE_UNEXPECTED_REPLY,
                    .command = S("MAIL FROM"),
                    .enhanced = S("5.3.4"),
                    .text = text,
                    .at_ms = wall_ms()}};
    t->end = t->mail;
    t->rcpts_were_too_many = t->mails_were_too_many = false;
    t->rcpts_accepted = 0;
    for (size_t i = 0; i < t->rcpt_count; i++) {
        t->rcpts[i].was_tried = true;
        t->rcpts[i].answer = t->mail;
    }
    return OK;
}

// More was said than was asked for: nobody knows any more which reply belongs to what.
static void look_at_surplus(struct smtp_client *c, struct client_transaction *t)
{
    struct str surplus = stream_buffered(c->stream);
    if (!c->gone && surplus.len > 0) {
        t->mails_were_too_many |= str_starts(surplus, S("421"));
        c->gone = true;
    }
    if (!c->gone)
        return;
    t->mail.gone = t->end.gone = true;
    for (size_t i = 0; i < t->rcpt_count; i++)
        t->rcpts[i].answer.gone = true;
}
