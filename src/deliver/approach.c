// SPDX-License-Identifier: Apache-2.0
// deliver/approach.c: one address of a host (outbound.md 1.5): which strategies hold for it, from
// where we come, whether it is fit to be tried now, what TLS has to prove, and over which
// connection, old or new, it is done.
#include "deliver/egress/egress.h"
#include "deliver/probe.h"
#include "deliver/told.h"

static struct err choose_ways(
        struct remote *r, struct approach *p, struct str *out_tls_name) suspends MUST_USE;
static struct err try_from_there(
        struct remote *r, struct approach *p, enum reach *out) suspends MUST_USE;
static struct err ask_dane(struct remote *r, struct approach *p) suspends MUST_USE;
static struct err plan_tls(struct remote *r, struct approach *p) MUST_USE;
static struct err go_there(struct remote *r, struct approach *p, enum reach *out) suspends MUST_USE;
static struct err get_connection(struct remote *r, struct approach *p, struct connection **out,
        bool *out_is_old, struct client_answer *why, enum reach *reach) suspends MUST_USE;
static struct connection *held_or_idle(struct remote *r, struct approach *p) suspends;
static struct err open_if_fit(struct remote *r, struct approach *p, struct connection **out,
        struct client_answer *why, enum reach *reach) suspends MUST_USE;
static void recall(struct remote *r, struct approach *p);
static const struct passage *way_of(struct arena *a, const struct approach *p);
static bool is_for_next_host(
        const struct remote *r, const struct approach *p, const struct client_answer *why);
static bool counts_against(const struct approach *p, const struct client_answer *why);
static void note_health(struct remote *r, struct approach *p, const struct client_answer *why);
static struct err make_identity(struct remote *r, struct approach *p) MUST_USE;

struct err approach_try(struct remote *r, struct approach *p, enum reach *out)
{
    struct job *j = r->j;
    struct str tls_name;
    *out = REACH_NEXT_ADDRESS;
    r->ends_here = false;
    if (r->route->socks == NULL &&
            !source_has_family(&j->d->sources, &p->address->at.ip, now_ms())) {
        struct client_answer why = answer_temporary(CLIENT_CONNECT, FAILURE_CONNECTION, p->name,
                S("4.4.1"), S("this machine has no way to addresses of this family"));
        remote_note(r, arena_answer(&j->arena, &why));
        return OK;
    }
    TRY(choose_ways(r, p, &tls_name));
    if (p->tls.strategy == NULL) {
        remote_settle_unnamed(r, tls_name);
        *out = REACH_DONE;
        return OK;
    }
    if (remote_left_ms(r, p) == 0) {
        const struct client_answer why = remote_took_too_long(p->name);
        remote_note(r, arena_answer(&j->arena, &why));
        r->ends_here = true;
        *out = REACH_NEXT_HOST;
        return OK;
    }
    if (!sourced_choose(r, p))
        return OK;
    size_t before = r->transactions;
    struct err e = try_from_there(r, p, out);
    sourced_end(r, p, r->transactions > before);
    limit_remote_end(r, p);
    return e;
}

static struct err try_from_there(struct remote *r, struct approach *p, enum reach *out)
{
    struct job *j = r->j;
    bool is_refused;
    *out = REACH_NEXT_HOST;
    TRY(egress_policy(r, p, &is_refused));
    r->ends_here = is_refused && (r->route->failover & 1U << CLIENT_TLS) == 0;
    if (is_refused)
        return OK;
    if (p->dane->state == DANE_OFF && p->tls.strategy->dane != TLS_DISABLE &&
            r->protocol == CLIENT_SMTP && !str_is_empty(p->host->name))
        TRY(ask_dane(r, p));
    TRY(plan_tls(r, p));
    tell_plan(r, p);
    if (!p->tls.refused)
        return go_there(r, p, out);
    r->ends_here = !is_for_next_host(r, p, &p->tls.answer);
    remote_note(r, arena_answer(&j->arena, &p->tls.answer));
    return OK;
}

// The strategies for this address, by the expressions of queue.strategy. That of TLS may be NULL:
// there is none of that name.
static struct err choose_ways(struct remote *r, struct approach *p, struct str *out_tls_name)
{
    struct job *j = r->j;
    const struct deliver_settings *s = j->d->in.settings;
    struct queue_host host = {.mx = p->host->name,
            .mx_site = r->site,
            .route = r->route->id,
            .remote_ip = p->address->at.ip};
    struct str name;
    size_t first = r->rcpts[0].place;
    name = shaped_connection(&r->shaped);
    if (str_is_null(name))
        TRY(job_strategy(j, S("queue.strategy.connection"), s->connection_of, first, &host, &name));
    p->how = connection_named(s, name);
    if (p->how == NULL) {
        event_in(&j->span, EV_SMTP_ID_NOT_FOUND, F_STR(id, name),
                F_STR(details, S("queue.connection")));
        p->how = connection_named(s, S("default"));
    }
    name = shaped_tls(&r->shaped);
    if (str_is_null(name))
        TRY(job_strategy(j, S("queue.strategy.tls"), s->tls_of, first, &host, &name));
    p->tls.strategy = tls_named(s, name);
    *out_tls_name = name;
    return OK;
}

static struct err ask_dane(struct remote *r, struct approach *p)
{
    struct resolver *resolver = r->j->d->in.resolver;
    const struct host *host = p->host;
    const struct host_addresses *found = p->found;
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
    TRY(dane_lookup(resolver, &r->j->arena, &asked, p->dane));
    tell_dane(r, p);
    return OK;
}

static struct err plan_tls(struct remote *r, struct approach *p)
{
    struct job *j = r->j;
    bool has_policy = r->sts.known != NULL;
    enum tls_sts sts = r->sts.enforced ? TLS_STS_ENFORCE : TLS_STS_TESTING;
    if (!has_policy)
        sts = TLS_STS_NONE;
    const struct tls_wishes wishes = {.strategy = p->tls.strategy,
            .route = r->route,
            .host = p->host->name,
            .ip = str_is_empty(p->host->name) ? p->address->at.ip : (struct ip){0},
            .is_local = egress_is_local(r->route, &p->address->at),
            .next_hop = r->route->type == ROUTE_MX ? j->u->domain : STR_NULL,
            .aliases = r->list.aliases,
            .alias_count = r->list.alias_count,
            .mx_is_secure = p->host->mx_dnssec == DNSSEC_SECURE,
            .requiretls = (j->m.flags & MESSAGE_REQUIRETLS) != 0,
            .tls_is_optional = (j->m.flags & MESSAGE_TLS_OPTIONAL) != 0,
            .sts = sts,
            .sts_matches = has_policy && sts_matches(r->sts.known, p->host->name),
            .sts_id = has_policy ? r->sts.known->id : STR_NULL,
            .dane = p->dane->state == DANE_OFF ? NULL : p->dane,
            .is_switched_off = suspended_tls(r, p->host, &p->from.ip)};
    return tls_plan_make(&j->arena, &wishes, &p->tls);
}

static struct err go_there(struct remote *r, struct approach *p, enum reach *out)
{
    struct connection *c;
    struct client_answer why = {0};
    bool is_old, again = true;
    // A connection that had been idle may turn out to be dead: a fresh one has one try more. One
    // that has carried all that it may is followed by another.
    for (int stale = 0; again && stale < 2;) {
        bool was_stale = false;
        do
            TRY(get_connection(r, p, &c, &is_old, &why, out));
        while (c == NULL && sourced_again(r, p));
        if (c == NULL && (r->count == 0 || r->ends_here)) // a limit
            return OK;
        if (c == NULL) {
            why.outcome.passage = way_of(&r->j->arena, p);
            r->ends_here = !is_for_next_host(r, p, &why);
            TRY(remote_judge_host(r, p, &why, out));
            remote_note(r, arena_answer(&r->j->arena, &why));
            return OK;
        }
        if (r->j->probe != NULL)
            return probe_ask(r, c, out);
        TRY(send_all(r, p, c, is_old && stale == 0 ? &was_stale : NULL, out));
        stale += was_stale;
        again = was_stale || r->needs_connection;
    }
    return OK;
}

// How far it came; NULL: no memory for it, which is nobody's loss.
static const struct passage *way_of(struct arena *a, const struct approach *p)
{
    struct passage *way = arena_make(a, struct passage);
    if (way != NULL)
        *way = (struct passage){
                .remote_ip = ip_text(a, &p->address->at.ip), .source_ip = ip_text(a, &p->from.ip)};
    return way;
}

// outbound.md 19.2. What is no host's fault is no reason to stay with this one.
static bool is_for_next_host(
        const struct remote *r, const struct approach *p, const struct client_answer *why)
{
    switch (why->outcome.kind) {
    case FAILURE_CONNECTION:
    case FAILURE_UNEXPECTED_REPLY:
    case FAILURE_TLS:
    case FAILURE_DANE:
    case FAILURE_MTA_STS:
        return p->is_our_trouble || (r->route->failover & 1U << why->stage) != 0;
    case FAILURE_NONE:
    case FAILURE_IO:
    case FAILURE_DNS:
    case FAILURE_RATE:
    case FAILURE_CONCURRENCY:
        break;
    }
    return true;
}

static struct err get_connection(struct remote *r, struct approach *p, struct connection **out,
        bool *out_is_old, struct client_answer *why, enum reach *reach)
{
    bool goes_on;
    TRY(make_identity(r, p));
    *out = held_or_idle(r, p);
    *out_is_old = *out != NULL;
    struct err e = limit_remote(r, p, *out, &goes_on);
    if (failed(e) && *out != NULL)
        connection_break(*out);
    TRY(e);
    if (!goes_on) {
        if (*out != NULL)
            pool_park(&r->j->d->pool, *out);
        *out = NULL;
        *reach = REACH_DONE;
        return OK;
    }
    if (*out == NULL)
        return open_if_fit(r, p, out, why, reach);
    event_in(&r->j->span, EV_DELIVERY_CONNECTION_REUSED, F_STR(hostname, p->name),
            F_U64(total, (*out)->messages));
    return OK;
}

static struct connection *held_or_idle(struct remote *r, struct approach *p)
{
    struct courier *courier = r->j->courier;
    struct connection *held = courier->connection;
    courier->connection = NULL;
    if (held != NULL && connection_may_go_on(held) && str_eq(held->identity, p->identity))
        return held;
    if (held != NULL)
        pool_park(&r->j->d->pool, held);
    return pool_take(&r->j->d->pool, p->identity);
}

// outbound.md 19.4: not while it cools down, and then one at a time.
static struct err open_if_fit(struct remote *r, struct approach *p, struct connection **out,
        struct client_answer *why, enum reach *reach)
{
    struct deliverer *d = r->j->d;
    struct health_trouble trouble;
    const struct endpoint *at = &p->address->at;
    if (sourced_is_paused(r, p, why)) {
        *reach = REACH_NEXT_ADDRESS;
        return OK;
    }
    enum health_word word = health_ask(d->health, at, &p->from.ip, now_ms(), &trouble);
    if (word != HEALTH_WAIT && !str_is_empty(r->route->username)) {
        word = health_ask_login(d->health, r->route->id, now_ms(), &trouble);
        if (word == HEALTH_WAIT)
            health_unknown(d->health, at, &p->from.ip);
    }
    if (word == HEALTH_WAIT) {
        int64_t rests_ms = health_delay_ms(&trouble, now_ms());
        if (r->rests_ms == 0 || rests_ms < r->rests_ms)
            r->rests_ms = rests_ms;
        *why = trouble.why;
        *reach = REACH_NEXT_ADDRESS;
        return OK;
    }
    recall(r, p);
    struct err e = approach_open(r, p, out, why, reach); // maybe of another address: see race.h
    if (!str_is_empty(r->route->username))
        health_unknown_login(d->health, r->route->id); // unless it was told of
    if (failed(e))
        health_unknown(d->health, &p->address->at, &p->from.ip);
    else
        note_health(r, p, *out != NULL ? NULL : why);
    if (!failed(e) && *out == NULL && sourced_is_paused(r, p, why))
        r->tries--; // nobody was asked: the unit is put back (outbound.md 7.3)
    return e;
}

// What is known of the host.
static void recall(struct remote *r, struct approach *p)
{
    struct host_facts facts = health_facts(r->j->d->health, p->name, now_ms());
    r->tries++;
    p->stays_plain = facts.no_tls && p->tls.plaintext_after && !p->tls.mandatory;
    p->parameters_are_refused = facts.extensions_off != 0;
    p->says_helo = facts.no_ehlo && !p->tls.mandatory;
    p->messages_max = facts.messages_max;
}

static void note_health(struct remote *r, struct approach *p, const struct client_answer *why)
{
    struct deliverer *d = r->j->d;
    const struct endpoint *at = &p->address->at;
    if (why == NULL || why->stage == CLIENT_AUTH) {
        health_good(d->health, at, &p->from.ip);
        health_learn(d->health, p->name, LESSON_FAMILY, at->ip.family, now_ms());
    } else if (counts_against(p, why)) {
        health_bad(d->health, at, &p->from.ip, why, now_ms());
    } else {
        health_unknown(d->health, at, &p->from.ip);
    }
}

// outbound.md 19.4. Who refuses for good is asked again, so that this is heard of each message.
static bool counts_against(const struct approach *p, const struct client_answer *why)
{
    bool is_of_host = why->stage == CLIENT_GREETING || why->stage == CLIENT_EHLO;
    if (p->is_our_trouble || why->verdict == CLIENT_PERMANENT)
        return false;
    return why->outcome.kind == FAILURE_CONNECTION || p->tls_broke ||
           (is_of_host && why->outcome.kind == FAILURE_UNEXPECTED_REPLY);
}

static struct err make_identity(struct remote *r, struct approach *p)
{
    struct arena *a = &r->j->arena;
    struct str from = p->from.ip.family == IP_NONE ? S("*") : ip_text(a, &p->from.ip);
    p->identity = arena_fmt(a, "%.*s %.*s %.*s %.*s %.*s %.*s%.*s", ARG(r->route->id), ARG(p->name),
            ARG(endpoint_text(a, &p->address->at)), ARG(from), ARG(p->from.ehlo_name),
            ARG(p->tls.identity), ARG(egress_client(r)));
    return str_is_null(p->identity) ? fail(ERR_LIMIT, "no memory for an attempt") : OK;
}

// --- Several addresses at once -------------------------------------------------------------------

struct err approach_beside(struct remote *r, struct approach *p, struct outbound_check **out)
{
    struct deliverer *d = r->j->d;
    struct health_trouble trouble;
    struct str tls_name;
    const struct endpoint *at = &p->address->at;
    *out = NULL;
    if (!source_has_family(&d->sources, &at->ip, now_ms()))
        return OK;
    TRY(choose_ways(r, p, &tls_name));
    if (p->tls.strategy == NULL || !sourced_choose(r, p))
        return OK;
    TRY(plan_tls(r, p));
    TRY(make_identity(r, p));
    // Keys of the host are asked for before anybody connects; its strategy is another one here.
    bool knows_keys = p->dane->state != DANE_OFF || p->tls.strategy->dane == TLS_DISABLE;
    bool can_be = !p->tls.refused && (knows_keys || r->protocol != CLIENT_SMTP);
    if (can_be)
        TRY(limit_beside(r, p, out));
    if (*out != NULL && health_ask(d->health, at, &p->from.ip, now_ms(), &trouble) == HEALTH_WAIT)
        limit_beside_end(r, p, out);
    if (*out == NULL)
        sourced_end(r, p, false);
    else
        recall(r, p);
    return OK;
}

void approach_dismiss(struct remote *r, struct approach *p, const struct client_answer *why)
{
    if (why != NULL)
        note_health(r, p, why);
    else
        health_unknown(r->j->d->health, &p->address->at, &p->from.ip);
    sourced_end(r, p, false);
}
