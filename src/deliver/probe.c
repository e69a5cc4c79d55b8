// SPDX-License-Identifier: Apache-2.0
// deliver/probe.c: see deliver/probe.h. A deliverer of its own, with a unit of one recipient that
// is in no store, and a courier with nothing but that.
#include "deliver/probe.h"

#include "deliver/told.h"

#define UNKNOWN_RCPT "the recipient was not tried: see the events"

struct probing {
    struct message message;
    struct unit unit;
    struct recipient rcpt;
    struct tried tried;
    struct courier courier;
    struct job job;
};

static struct err attempt(struct probing *p, struct arena *a, struct deliverer *d,
        const struct probe *probe) suspends MUST_USE;
static enum probe_end end_of(const struct tried *tried);

struct err deliver_probe(struct arena *a, const struct deliver_inputs *in,
        const struct probe *probe, struct probe_result *out)
{
    struct probing *p = arena_make(a, struct probing);
    struct deliverer *d = NULL;
    if (p == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    *p = (struct probing){.rcpt = {.address = probe->rcpt}};
    TRY(deliverer_new(a, in, &d));
    struct err e = attempt(p, a, d, probe);
    if (p->courier.connection != NULL)
        connection_break(p->courier.connection);
    deliverer_free(d);
    TRY(e);
    *out = (struct probe_result){.end = end_of(&p->tried), .outcome = p->tried.verdict.outcome};
    if (out->end == PROBE_UNKNOWN)
        out->outcome.text = S(UNKNOWN_RCPT);
    return OK;
}

static enum probe_end end_of(const struct tried *tried)
{
    if (!tried->is_settled)
        return PROBE_UNKNOWN;
    switch (tried->verdict.verdict) {
    case VERDICT_GOOD:
        return PROBE_TAKEN;
    case VERDICT_PERMANENT:
        return PROBE_REFUSED;
    case VERDICT_TEMPORARY:
    case VERDICT_LIMITED:
    case VERDICT_SUSPENDED:
    case VERDICT_LATER:
        return PROBE_DEFERRED;
    case VERDICT_NONE:
        break;
    }
    return PROBE_UNKNOWN;
}

static struct err attempt(
        struct probing *p, struct arena *a, struct deliverer *d, const struct probe *probe)
{
    struct job *j = &p->job;
    p->message = (struct message){.sender = probe->sender, .created_ms = wall_ms()};
    p->unit = (struct unit){.domain = address_domain(probe->rcpt),
            .queue = S("default"),
            .schedule = S("default"),
            .rcpts = &p->rcpt,
            .rcpt_count = 1};
    p->message.units = &p->unit;
    p->message.unit_count = 1;
    p->tried.is_due = true;
    p->courier.deliverer = d;
    *j = (struct job){.courier = &p->courier,
            .d = d,
            .began_ms = now_ms(),
            .wall_now_ms = p->message.created_ms,
            .m = p->message,
            .u = &p->unit,
            .look = {.try_count = 1},
            .tried = &p->tried,
            .probe = probe};
    j->arena = *a; // given back below: texts of the answer stay in it
    job_look_around(j);
    struct err e = job_attempt(j);
    *a = j->arena;
    return e;
}

// Nobody's mailbox is looked at: it stays on this machine, and that is the answer.
struct err probe_local(struct job *j, const struct carried *rcpts, size_t count)
{
    const struct client_answer good = {.verdict = CLIENT_GOOD,
            .outcome = {.entity = j->d->in.settings->host,
                    .text = S("mail for it stays on this server: its route is local")}};
    job_settle_all(j, rcpts, count, &good);
    return OK;
}

struct err probe_ask(struct remote *r, struct connection *c, enum reach *reach)
{
    struct job *j = r->j;
    struct client_rcpt rcpt = {.rcpt = &j->u->rcpts[0], .address = r->rcpts[0].address};
    struct client_transaction t = {.message = &j->m,
            .sender = j->m.sender,
            .rcpts = &rcpt,
            .rcpt_count = 1,
            .only_asks = true};
    struct client_answer answer = {.stage = CLIENT_EHLO,
            .verdict = CLIENT_GOOD,
            .outcome = {.text = S("the host would take mail")}};
    struct err e = j->probe->asks_rcpt ? client_send(c->client, &j->arena, &t) : OK;
    if (!failed(e) && j->probe->asks_rcpt)
        tell_transaction(r, c, &t);
    if (!failed(e) && j->probe->asks_rcpt)
        answer = t.mail.verdict != CLIENT_GOOD ? t.mail : rcpt.answer;
    answer.outcome.entity = arena_str(&j->arena, c->host);
    connection_end(c);
    TRY(e);
    *reach = REACH_NEXT_HOST;
    if (answer.verdict == CLIENT_GOOD || answer.verdict == CLIENT_PERMANENT) {
        job_settle_all(j, r->rcpts, r->count, &answer);
        r->count = 0;
        *reach = REACH_DONE;
    } else {
        remote_note(r, arena_answer(&j->arena, &answer));
    }
    return OK;
}
