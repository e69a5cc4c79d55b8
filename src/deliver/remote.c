// SPDX-License-Identifier: Apache-2.0
// deliver/remote.c: recipients that go to another host (outbound.md 1): whose hosts, in which order,
// over which connection, and what each answer means for whom. Connections are made in connect.c, the
// dialogue itself is in smtp/client/.
#include "deliver/remote.h"

#define TRANSACTIONS_MAX 50 // of a message and a connection, outbound.md 27.2

static struct err find_hosts(struct remote *r) suspends MUST_USE;
static struct err find_policy(struct remote *r, bool *out_goes_on) suspends MUST_USE;
static struct err try_host(struct remote *r, const struct host *host) suspends MUST_USE;
static struct err ask_dane(struct remote *r, const struct host *host,
        const struct host_addresses *found, struct dane *out) suspends MUST_USE;
static struct err plan_tls(struct remote *r, struct approach *p, const struct dane *dane) MUST_USE;
static struct err try_address(
        struct remote *r, struct approach *p, enum reach *out) suspends MUST_USE;
static struct err choose_ways(struct remote *r, struct approach *p) suspends MUST_USE;
static void choose_source(struct remote *r, struct approach *p);
static struct err make_identity(struct remote *r, struct approach *p) MUST_USE;
static struct err get_connection(struct remote *r, struct approach *p, struct connection **out,
        bool *out_is_old, struct client_answer *why, enum reach *reach) suspends MUST_USE;
static struct err send_all(struct remote *r, struct approach *p, struct connection *c,
        bool *out_was_stale, enum reach *reach) suspends MUST_USE;
static struct err send_some(struct remote *r, struct approach *p, struct connection *c,
        struct client_transaction *t) suspends MUST_USE;
static bool fits(struct remote *r, struct connection *c, struct client_transaction *t);
static void take_answers(struct remote *r, struct connection *c, struct client_transaction *t,
        struct carried *sent, size_t count);
static void take_answer(struct remote *r, struct connection *c, struct carried *one,
        const struct client_answer *answer);
static bool may_fail_over(const struct remote *r, const struct client_answer *answer,
        const struct response_effect *effect);
static void note(struct remote *r, const struct client_answer *why);
static void tell_refusal(struct remote *r, const struct client_answer *answer, size_t place);
static void close_up(struct remote *r);
static struct err put_off_all(struct remote *r, struct err why) MUST_USE;

struct err remote_carry(
        struct job *j, const struct route *route, const struct carried *rcpts, size_t count)
{
    struct remote *r = arena_make(&j->arena, struct remote);
    if (r != NULL)
        r->rcpts = arena_array(&j->arena, count, struct carried);
    if (r == NULL || r->rcpts == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    memcpy(r->rcpts, rcpts, count * sizeof(*rcpts));
    r->j = j;
    r->route = route;
    r->count = count;
    r->protocol = route->type == ROUTE_MX ? CLIENT_SMTP : route->protocol;
    event_in(&j->span, EV_DELIVERY_DOMAIN_DELIVERY_START, F_STR(domain, j->u->domain),
            F_STR(id, route->id));
    bool goes_on;
    TRY(find_policy(r, &goes_on));
    if (goes_on)
        TRY(find_hosts(r));
    struct err e = OK;
    for (size_t i = 0; i < r->list.count && r->count > 0 && !failed(e); i++)
        e = try_host(r, &r->list.at[i]);
    if (e.kind == ERR_CONFIG) // an expression that cannot be evaluated now
        return put_off_all(r, e);
    close_up(r);
    return e;
}

// MTA-STS is a matter of the recipients' domain; the strategy is asked without a host for it.
static struct err find_policy(struct remote *r, bool *out_goes_on)
{
    struct job *j = r->j;
    const struct deliver_settings *s = j->d->in.settings;
    struct str name;
    *out_goes_on = true;
    if (r->route->type != ROUTE_MX || j->d->in.sts == NULL || str_starts(j->u->domain, S("[")))
        return OK;
    struct queue_host host = {.route = r->route->id};
    TRY(job_strategy(j, S("queue.strategy.tls"), s->tls_of, r->rcpts[0].place, &host, &name));
    const struct tls_strategy *tls = tls_named(s, name);
    if (tls == NULL || tls->mta_sts == TLS_DISABLE)
        return OK;
    struct sts_inputs in = {.resolver = j->d->in.resolver,
            .cache = j->d->in.sts,
            .prohibited = s->sts_prohibited,
            .timeout_ms = tls->mta_sts_ms,
            .wish = tls->mta_sts,
            .span = &j->span};
    TRY(sts_find(&in, &j->arena, j->u->domain, &r->sts));
    r->asks_sts = true;
    if (r->sts.is_refused) {
        job_settle_all(j, r->rcpts, r->count, &r->sts.answer);
        r->count = 0;
        *out_goes_on = false;
    }
    return OK;
}

static struct err find_hosts(struct remote *r)
{
    struct job *j = r->j;
    int64_t began = now_ms();
    r->hosts = (struct hosts_inputs){.resolver = j->d->in.resolver,
            .settings = j->d->in.settings,
            .self = &j->d->self,
            .route = r->route,
            .domain = j->u->domain,
            .sender = j->m.sender,
            .turn = j->d->turn++};
    TRY(hosts_find(&r->hosts, &j->arena, &r->list));
    if (r->list.count > 0)
        return OK;
    event_in(&j->span, EV_DELIVERY_MX_LOOKUP_FAILED, F_STR(domain, j->u->domain),
            F_STR(reason, r->list.trouble.outcome.text), F_MS(elapsed, now_ms() - began));
    job_settle_all(j, r->rcpts, r->count, &r->list.trouble);
    r->count = 0;
    return OK;
}

static struct err try_host(struct remote *r, const struct host *host)
{
    struct job *j = r->j;
    struct host_addresses found;
    struct dane dane = {.state = DANE_OFF};
    TRY(host_addresses_find(&r->hosts, host, &j->arena, &found));
    if (found.count == 0) {
        event_in(&j->span, EV_DELIVERY_IP_LOOKUP_FAILED, F_STR(domain, j->u->domain),
                F_STR(hostname, host->name), F_STR(reason, found.trouble.outcome.text));
        struct client_answer *trouble = arena_make(&j->arena, struct client_answer);
        if (trouble == NULL)
            return fail(ERR_LIMIT, "no memory for an attempt");
        if (r->best != NULL && r->best->outcome.kind == FAILURE_DNS)
            *trouble = *r->best;
        hosts_note_unusable(trouble, &found.trouble);
        note(r, trouble);
        return OK;
    }
    enum reach reach = REACH_NEXT_ADDRESS;
    for (size_t i = 0; i < found.count && r->count > 0 && reach == REACH_NEXT_ADDRESS; i++) {
        struct approach p = {.host = host, .address = &found.at[i]};
        p.name = str_is_empty(host->name) ? endpoint_text(&j->arena, &found.at[i].at) : host->name;
        TRY(choose_ways(r, &p));
        if (i == 0 && p.tls.strategy->dane != TLS_DISABLE && r->protocol == CLIENT_SMTP &&
                !str_is_empty(host->name))
            TRY(ask_dane(r, host, &found, &dane));
        TRY(plan_tls(r, &p, &dane));
        if (p.tls.refused) {
            note(r, arena_answer(&j->arena, &p.tls.answer));
            reach = REACH_NEXT_HOST;
        } else {
            TRY(try_address(r, &p, &reach));
        }
    }
    return OK;
}

static struct err ask_dane(struct remote *r, const struct host *host,
        const struct host_addresses *found, struct dane *out)
{
    struct resolver *resolver = r->j->d->in.resolver;
    struct dane_host asked = {.name = host->name,
            .port = found->at[0].at.port,
            .mx = host->mx_dnssec,
            .addresses = found->dnssec,
            .canonical = host->name,
            .canonical_dnssec = found->dnssec};
    if (found->chain_count > 0) {
        struct dns_names_answer alias;
        asked.canonical = found->chain[found->chain_count - 1];
        TRY(dns_cname(resolver, &r->j->arena, host->name, &alias));
        asked.alias_dnssec = alias.answer.dnssec;
    }
    return dane_lookup(resolver, &r->j->arena, &asked, out);
}

static struct err plan_tls(struct remote *r, struct approach *p, const struct dane *dane)
{
    struct job *j = r->j;
    bool has_policy = r->sts.known != NULL;
    const struct tls_wishes wishes = {.strategy = p->tls.strategy,
            .route = r->route,
            .host = p->host->name,
            .ip = str_is_empty(p->host->name) ? p->address->at.ip : (struct ip){0},
            .is_local =
                    !str_is_null(p->address->at.unix_path) || ip_is_loopback(&p->address->at.ip),
            .next_hop = r->route->type == ROUTE_MX ? j->u->domain : STR_NULL,
            .aliases = r->list.aliases,
            .alias_count = r->list.alias_count,
            .mx_is_secure = p->host->mx_dnssec == DNSSEC_SECURE,
            .requiretls = (j->m.flags & MESSAGE_REQUIRETLS) != 0,
            .tls_is_optional = (j->m.flags & MESSAGE_TLS_OPTIONAL) != 0,
            .sts = !has_policy       ? TLS_STS_NONE
                   : r->sts.enforced ? TLS_STS_ENFORCE
                                     : TLS_STS_TESTING,
            .sts_matches = has_policy && sts_matches(r->sts.known, p->host->name),
            .sts_id = has_policy ? r->sts.known->id : STR_NULL,
            .dane = dane->state == DANE_OFF ? NULL : dane};
    return tls_plan_make(&j->arena, &wishes, &p->tls);
}

// The strategies for this address, by the expressions of queue.strategy.
static struct err choose_ways(struct remote *r, struct approach *p)
{
    struct job *j = r->j;
    const struct deliver_settings *s = j->d->in.settings;
    struct queue_host host = {.mx = p->host->name,
            .mx_site = p->host->name,
            .route = r->route->id,
            .remote_ip = p->address->at.ip};
    struct str name;
    size_t first = r->rcpts[0].place;
    TRY(job_strategy(j, S("queue.strategy.connection"), s->connection_of, first, &host, &name));
    p->how = connection_named(s, name);
    if (p->how == NULL) {
        event_in(&j->span, EV_SMTP_ID_NOT_FOUND, F_STR(id, name),
                F_STR(details, S("queue.connection")));
        p->how = connection_named(s, S("default"));
    }
    TRY(job_strategy(j, S("queue.strategy.tls"), s->tls_of, first, &host, &name));
    p->tls.strategy = tls_named(s, name);
    if (p->tls.strategy == NULL)
        return fail_fmt(&j->arena, ERR_CONFIG, "TLS strategy '%.*s' is not configured", ARG(name));
    choose_source(r, p);
    return OK;
}

// --- One address ---------------------------------------------------------------------------------

static struct err try_address(struct remote *r, struct approach *p, enum reach *out)
{
    struct connection *c;
    struct client_answer why = {0};
    bool is_old, was_stale = true;
    // A connection that had been idle may turn out to be dead: a fresh one has one try more.
    for (int tries = 0; was_stale && tries < 2; tries++) {
        was_stale = false;
        TRY(get_connection(r, p, &c, &is_old, &why, out));
        if (c == NULL) {
            TRY(remote_judge_host(r, p, &why, out));
            note(r, arena_answer(&r->j->arena, &why));
            return OK;
        }
        TRY(send_all(r, p, c, is_old && tries == 0 ? &was_stale : NULL, out));
    }
    return OK;
}

static struct err get_connection(struct remote *r, struct approach *p, struct connection **out,
        bool *out_is_old, struct client_answer *why, enum reach *reach)
{
    struct job *j = r->j;
    struct courier *courier = j->courier;
    struct connection *held = courier->connection;
    TRY(make_identity(r, p));
    courier->connection = NULL;
    if (held != NULL && (!connection_may_go_on(held) || !str_eq(held->identity, p->identity))) {
        pool_park(&j->d->pool, held);
        held = NULL;
    }
    if (held == NULL)
        held = pool_take(&j->d->pool, p->identity);
    *out_is_old = held != NULL;
    *out = held;
    if (held == NULL)
        TRY(approach_open(r, p, out, why, reach));
    else
        event_in(&j->span, EV_DELIVERY_CONNECTION_REUSED, F_STR(hostname, p->name),
                F_U64(total, held->messages));
    return OK;
}

static struct err make_identity(struct remote *r, struct approach *p)
{
    struct arena *a = &r->j->arena;
    p->identity = arena_fmt(a, "%.*s %.*s %.*s %.*s %.*s%s %.*s", ARG(r->route->id), ARG(p->name),
            ARG(endpoint_text(a, &p->address->at)),
            ARG(p->source.family == IP_NONE ? S("*") : ip_text(a, &p->source)), ARG(p->ehlo_name),
            p->stays_plain ? " plain" : "", ARG(p->tls.identity));
    return str_is_null(p->identity) ? fail(ERR_LIMIT, "no memory for an attempt") : OK;
}

// The first of the family's addresses that the strategy's way of choosing finds.
static void choose_source(struct remote *r, struct approach *p)
{
    const struct connection_strategy *how = p->how;
    struct job *j = r->j;
    uint64_t turn = random_u64();
    size_t fitting = 0;
    if (how->select == SOURCE_ROUND_ROBIN)
        turn = j->d->turn;
    for (size_t i = 0; i < how->source_count; i++)
        fitting += how->sources[i].ip.family == p->address->at.ip.family;
    p->ehlo_name = str_is_empty(how->ehlo_name) ? j->d->in.settings->host : how->ehlo_name;
    if (fitting == 0)
        return;
    size_t nth = turn % fitting;
    for (size_t i = 0; i < how->source_count; i++) {
        const struct source_address *one = &how->sources[i];
        if (one->ip.family != p->address->at.ip.family || nth-- > 0)
            continue;
        p->source = one->ip;
        if (!str_is_empty(one->ehlo_name))
            p->ehlo_name = one->ehlo_name;
        return;
    }
}

// --- Transactions --------------------------------------------------------------------------------

// As many as it takes, until everybody has an answer or the connection is of no more use. With
// `out_was_stale` a connection that dies before it has said anything is nobody's fault.
static struct err send_all(struct remote *r, struct approach *p, struct connection *c,
        bool *out_was_stale, enum reach *reach)
{
    struct job *j = r->j;
    struct err e = OK;
    bool goes_on = true;
    *reach = REACH_NEXT_HOST;
    while (goes_on && r->count > 0 && !failed(e) && r->transactions++ < TRANSACTIONS_MAX) {
        struct client_transaction t = {0};
        size_t before = r->count;
        e = send_some(r, p, c, &t);
        bool gone = t.mail.gone || t.end.gone;
        if (!failed(e) && gone && out_was_stale != NULL && t.mail.stage == CLIENT_MAIL &&
                t.mail.verdict == CLIENT_LOST && c->messages > 0) {
            *out_was_stale = true;
            connection_break(c);
            return OK;
        }
        c->messages++;
        c->is_spent |= gone || failed(e);
        goes_on = !c->is_spent && r->count < before && connection_may_go_on(c);
    }
    if (r->count == 0)
        *reach = REACH_DONE;
    if (failed(e) || c->is_spent)
        connection_break(c);
    else
        j->courier->connection = c;
    return e;
}

static struct err send_some(
        struct remote *r, struct approach *p, struct connection *c, struct client_transaction *t)
{
    struct job *j = r->j;
    size_t most = r->route->rcpts_max, offered = client_rcpts_max(c->client);
    if (offered > 0 && offered < most)
        most = offered;
    size_t count = r->count < most ? r->count : most;
    struct carried *sent = arena_array(&j->arena, count, struct carried);
    struct client_rcpt *rcpts = arena_array(&j->arena, count, struct client_rcpt);
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    const struct message_reading how = {.prefix = j->u->prefix_headers};
    if (sent == NULL || rcpts == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    memcpy(sent, r->rcpts, count * sizeof(*sent));
    for (size_t i = 0; i < count; i++)
        rcpts[i] = (struct client_rcpt){
                .rcpt = &j->u->rcpts[sent[i].place], .address = sent[i].address};
    *t = (struct client_transaction){.message = &j->m,
            .sender = j->m.sender,
            .bytes = message_bytes(&j->m) + how.prefix.len,
            .rcpts = rcpts,
            .rcpt_count = count,
            .requiretls = (j->m.flags & MESSAGE_REQUIRETLS) != 0};
    if (!fits(r, c, t))
        return OK;
    struct err e = message_open(j->d->in.store, &j->arena, &j->m, &how, &reader);
    if (failed(e)) {
        struct client_answer why = answer_temporary(
                CLIENT_DATA, FAILURE_IO, S("localhost"), S("4.3.0"), S("message body unavailable"));
        event_in(&j->span, EV_QUEUE_BLOB_NOT_FOUND, F_ERR(reason, e));
        job_settle_all(j, r->rcpts, r->count, &why);
        r->count = 0;
        return OK;
    }
    t->body = reader;
    within_ms(p->how->session_ms);
    TRY(client_send(c->client, &j->arena, t));
    TRY(remote_judge_rcpts(r, p, c, t, sent));
    take_answers(r, c, t, sent, count);
    return OK;
}

// What the message needs and the host must offer (outbound.md 9; queue.md 9.2). False: it does not,
// and everybody has the answer.
static bool fits(struct remote *r, struct connection *c, struct client_transaction *t)
{
    struct job *j = r->j;
    const struct smtp_client *client = c->client;
    uint64_t size_max = client_size_max(client);
    struct client_answer why = {0};
    t->wants_8bit = (j->m.flags & (MESSAGE_BODY_8BIT | MESSAGE_SMTPUTF8)) != 0 &&
                    client_offers(client, CLIENT_EXT_8BITMIME);
    t->wants_smtputf8 = (j->m.flags & MESSAGE_SMTPUTF8) != 0;
    t->wants_binary = (j->m.flags & MESSAGE_BODY_BINARY) != 0;
    struct by_relay_wish by = schedule_by_relay(&j->m, t->rcpts[0].rcpt, j->wall_now_ms,
            client_offers(client, CLIENT_EXT_DELIVERBY), client_by_min_s(client));
    if (size_max > 0 && t->bytes > size_max)
        why = answer_permanent(CLIENT_MAIL, FAILURE_UNEXPECTED_REPLY, c->host, S("5.3.4"),
                arena_fmt(&j->arena, "message exceeds the size limit of %.*s (%llu)", ARG(c->host),
                        (unsigned long long)size_max));
    else if ((j->m.flags & MESSAGE_BODY_8BIT) != 0 && !t->wants_8bit &&
             j->d->in.settings->downgrade_8bit == DOWNGRADE_8BIT_BOUNCE)
        why = answer_permanent(CLIENT_MAIL, FAILURE_UNEXPECTED_REPLY, c->host, S("5.6.3"),
                S("the host does not take 8-bit mail (8BITMIME)"));
    else if (t->wants_smtputf8 && !client_offers(client, CLIENT_EXT_SMTPUTF8))
        why = answer_permanent(CLIENT_MAIL, FAILURE_UNEXPECTED_REPLY, c->host, S("5.6.7"),
                S("the host does not take internationalized mail (SMTPUTF8)"));
    else if (t->wants_binary && !client_offers(client, CLIENT_EXT_BINARYMIME))
        why = answer_permanent(CLIENT_MAIL, FAILURE_UNEXPECTED_REPLY, c->host, S("5.6.1"),
                S("the host does not take binary mail (BINARYMIME)"));
    if (by.relay == BY_RELAY_LATE || by.relay == BY_RELAY_UNSUPPORTED) {
        why = answer_permanent(CLIENT_MAIL, FAILURE_UNEXPECTED_REPLY, c->host, S("5.3.3"), S(""));
        why.outcome = by_relay_outcome(&j->arena, by.relay, t->rcpts[0].rcpt, j->wall_now_ms);
    }
    if (by.relay == BY_RELAY_PASS) {
        t->by_s = by.seconds;
        t->by_mode = by.mode;
        t->by_trace = by.trace;
    }
    for (size_t i = 0; i < r->count; i++)
        j->tried[r->rcpts[i].place].by_owed = by.owes_relayed;
    if (why.verdict == CLIENT_GOOD)
        return true;
    job_settle_all(j, r->rcpts, r->count, &why);
    r->count = 0;
    return false;
}

static void take_answers(struct remote *r, struct connection *c, struct client_transaction *t,
        struct carried *sent, size_t count)
{
    size_t rest = r->count - count;
    // Those who come back stand before those who have not been sent.
    struct carried *waiting = r->rcpts + count;
    r->count = 0;
    struct carried *left = r->rcpts;
    for (size_t i = 0; i < count; i++) {
        const struct client_answer *answer = &t->rcpts[i].answer;
        if (!t->rcpts[i].was_tried ||
                (answer->verdict != CLIENT_GOOD && answer->verdict != CLIENT_PERMANENT &&
                        may_fail_over(r, answer, &sent[i].effect))) {
            if (t->rcpts[i].was_tried) {
                note(r, arena_answer(&r->j->arena, answer));
                r->somebody_deferred = true;
            }
            left[r->count++] = sent[i];
        } else {
            take_answer(r, c, &sent[i], answer);
        }
    }
    memmove(left + r->count, waiting, rest * sizeof(*waiting));
    r->count += rest;
    if (t->mail.gone || t->end.gone)
        r->j->met_trouble = true;
    if (t->end.ambiguous)
        event_in(&r->j->span, EV_DELIVERY_AMBIGUOUS, F_STR(hostname, c->host),
                F_STR(reason, t->end.outcome.text));
}

static void take_answer(struct remote *r, struct connection *c, struct carried *one,
        const struct client_answer *answer)
{
    struct job *j = r->j;
    struct client_answer told = *answer;
    told.outcome.entity = c->host;
    if (told.outcome.code != 0)
        told.outcome.host = c->host;
    job_settle_after(j, one->place, &told, one->effect.retry_after_ms);
    if (answer->verdict != CLIENT_GOOD)
        tell_refusal(r, &told, one->place);
    else if (r->protocol == CLIENT_LMTP)
        j->tried[one->place].hop = DSN_HOP_FINAL;
    else
        j->tried[one->place].hop =
                client_offers(c->client, CLIENT_EXT_DSN) ? DSN_HOP_TAKES_OVER : DSN_HOP_PLAIN;
}

// Is it worth asking another host (outbound.md 19.2)? Not when the message may have arrived.
static bool may_fail_over(const struct remote *r, const struct client_answer *answer,
        const struct response_effect *effect)
{
    if (effect->stays_here || effect->asks_next_host)
        return effect->asks_next_host;
    enum client_stage stage = answer->stage == CLIENT_EOD ? CLIENT_DATA : answer->stage;
    return !answer->ambiguous && (r->route->failover & (1U << stage)) != 0;
}

static void tell_refusal(struct remote *r, const struct client_answer *answer, size_t place)
{
    const struct outcome *o = &answer->outcome;
    struct span *span = &r->j->span;
    if (answer->stage == CLIENT_MAIL)
        event_in(span, EV_DELIVERY_MAIL_FROM_REJECTED, F_STR(hostname, o->entity),
                F_U64(code, o->code), F_STR(details, o->text));
    else if (answer->stage == CLIENT_RCPT)
        event_in(span, EV_DELIVERY_RCPT_TO_REJECTED, F_STR(hostname, o->entity),
                F_STR(to, r->j->u->rcpts[place].address), F_U64(code, o->code),
                F_STR(details, o->text));
    else
        event_in(span, EV_DELIVERY_MESSAGE_REJECTED, F_STR(hostname, o->entity),
                F_U64(code, o->code), F_STR(details, o->text));
}

// --- The worst and the best ----------------------------------------------------------------------

// Trouble with a host as a whole: who has no other host gets the most telling one.
static void note(struct remote *r, const struct client_answer *why)
{
    if (why == NULL)
        return;
    r->best = r->best == NULL ? why : answer_better(r->best, why);
    r->somebody_deferred |= why->verdict != CLIENT_PERMANENT;
    r->j->met_trouble = true;
}

// A host's refusal is final only if all of them refuse (outbound.md 19.1).
static void close_up(struct remote *r)
{
    struct client_answer none = answer_temporary(CLIENT_CONNECT, FAILURE_CONNECTION,
            r->j->u->domain, S("4.4.1"), S("no host could be tried"));
    struct client_answer why = r->best != NULL ? *r->best : none;
    if (r->somebody_deferred && why.verdict == CLIENT_PERMANENT)
        why.verdict = CLIENT_TEMPORARY;
    job_settle_all(r->j, r->rcpts, r->count, &why);
}

static struct err put_off_all(struct remote *r, struct err why)
{
    struct job *j = r->j;
    struct client_answer told = answer_temporary(CLIENT_CONNECT, FAILURE_IO,
            j->d->in.settings->host, S("4.3.5"), arena_str(&j->arena, err_text(why)));
    for (size_t i = 0; i < r->count; i++)
        job_put_off(j, r->rcpts[i].place, &told, j->wall_now_ms + JOB_LATER_MS);
    return OK;
}
