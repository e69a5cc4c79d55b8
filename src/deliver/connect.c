// SPDX-License-Identifier: Apache-2.0
// deliver/connect.c: from an address to a connection that is ready for MAIL: TCP, greeting, EHLO,
// TLS as planned, AUTH (outbound.md 8.1). Whatever goes wrong on the way is about this address or
// this host, and somebody else may be tried.
#include "deliver/egress/egress.h"
#include "deliver/race.h"
#include "deliver/told.h"

#include "rt/tls.h"

#define IDLE_MX_MS (5 * SECOND_MS) // outbound.md 21
#define IDLE_RELAY_MS (30 * SECOND_MS)

static void leave(struct connection *c, bool is_lost) suspends;
static void give_permits(struct outbound_permits **from, struct outbound_permits **to);
static struct err connect_to(struct remote *r, struct approach *p, struct connection *c,
        struct client_answer *why) suspends MUST_USE;
static struct err talk(struct remote *r, struct approach *p, struct connection *c,
        struct client_answer *why, enum reach *reach) suspends MUST_USE;
static struct err greet(struct remote *r, struct approach *p, struct connection *c,
        struct client_answer *why, enum reach *reach) suspends MUST_USE;
static struct err secure(struct remote *r, struct approach *p, struct connection *c,
        struct client_answer *why, enum reach *reach) suspends MUST_USE;
static struct err start_tls(struct remote *r, struct approach *p, struct connection *c,
        struct tls_step *step) suspends MUST_USE;
static struct err shake_hands(struct remote *r, struct approach *p, struct connection *c,
        struct tls_step *step) suspends MUST_USE;
static struct err log_in(struct remote *r, struct approach *p, struct connection *c,
        struct client_answer *why, enum reach *reach) suspends MUST_USE;
static bool note_login(struct remote *r, const struct client_answer *why);
static bool follow(struct remote *r, struct approach *p, const struct tls_step *step,
        struct client_answer *why, enum reach *reach);
static bool is_echo(const struct remote *r, const struct connection *c, struct str own_name);

struct err approach_open(struct remote *r, struct approach *p, struct connection **out,
        struct client_answer *why, enum reach *reach)
{
    struct connection *c = NULL;
    bool again = true;
    *out = NULL;
    // The second time round without TLS, where that is allowed and the first handshake failed.
    for (int tries = 0; again && tries < 2; tries++) {
        bool was_plain = p->stays_plain;
        c = connection_new();
        if (c == NULL)
            return fail(ERR_LIMIT, "no memory for another connection");
        *why = (struct client_answer){0};
        *reach = REACH_NEXT_ADDRESS;
        struct err e = connect_to(r, p, c, why);
        if (!failed(e) && why->verdict == CLIENT_GOOD)
            e = talk(r, p, c, why, reach);
        if (failed(e) || why->verdict != CLIENT_GOOD) {
            give_permits(&c->permits, &p->permits); // for another one, or until the approach ends
            leave(c, failed(e) || why->verdict == CLIENT_LOST);
            c = NULL;
            TRY(e);
        }
        again = c == NULL && p->stays_plain && !was_plain;
    }
    *out = c;
    return OK;
}

// RFC 5321 4.1.1.10: who refuses, or cannot what is demanded of him, hears QUIT all the same. After
// a handshake that failed there is nobody to say it to.
static void leave(struct connection *c, bool is_lost)
{
    if (is_lost)
        connection_break(c);
    else
        connection_end(c);
}

static void give_permits(struct outbound_permits **from, struct outbound_permits **to)
{
    if (*from == NULL)
        return;
    *to = *from;
    *from = NULL;
}

static struct err connect_to(
        struct remote *r, struct approach *p, struct connection *c, struct client_answer *why)
{
    struct job *j = r->j;
    int64_t began = now_ms();
    struct err e = race_connect(r, p, &c->stream);
    if (e.kind == ERR_CANCELLED)
        return e;
    if (failed(e)) {
        connect_failed(r, p, e, began, why);
        return OK;
    }
    doubted_connect(r, p, e);
    give_permits(&p->permits, &c->permits);
    const struct endpoint *to = &p->address->at;
    const struct connection_strategy *how = p->how;
    bool is_mx = r->route->type == ROUTE_MX;
    c->identity = arena_str(&c->arena, p->identity);
    c->host = arena_str(&c->arena, p->name);
    c->age_ms = how->reuse_age_ms;
    c->messages_max = how->reuse ? how->reuse_messages_max : 1;
    c->idle_ms = how->idle_ms;
    if (c->idle_ms == 0)
        c->idle_ms = is_mx ? IDLE_MX_MS : IDLE_RELAY_MS;
    c->idle_max = how->idle_max;
    c->counted = &j->d->connections;
    j->d->connections++;
    event_in(&j->span, EV_DELIVERY_CONNECT, F_STR(domain, j->u->domain), F_STR(hostname, p->name),
            F_IP(localIp, &stream_local(c->stream)->ip), F_IP(remoteIp, &to->ip),
            F_U64(remotePort, to->port), F_MS(elapsed, now_ms() - began));
    return OK;
}

void connect_failed(struct remote *r, struct approach *p, struct err e, int64_t began_ms,
        struct client_answer *why)
{
    struct job *j = r->j;
    const struct endpoint *to = &p->address->at;
    struct str text = arena_str(&j->arena, err_text(e));
    if (!str_is_null(to->unix_path)) // whose path no other word of it has
        text = arena_fmt(&j->arena, "%.*s: %.*s", ARG(to->unix_path), ARG(err_text(e)));
    doubted_connect(r, p, e);
    *why = answer_temporary(CLIENT_CONNECT, FAILURE_CONNECTION, p->name, S("4.4.1"), text);
    event_in(&j->span, EV_DELIVERY_CONNECT_ERROR, F_STR(domain, j->u->domain),
            F_STR(hostname, p->name), F_IP(remoteIp, &to->ip), F_U64(remotePort, to->port),
            F_STR(reason, text), F_MS(elapsed, now_ms() - began_ms));
    if (e.kind == ERR_NOT_FOUND || e.kind == ERR_CONFIG) // outbound.md 27.1
        tell_impossible(r, S("connections cannot be made as the settings say"), text);
}

static struct err talk(struct remote *r, struct approach *p, struct connection *c,
        struct client_answer *why, enum reach *reach)
{
    struct job *j = r->j;
    struct client_timeouts *timeouts = arena_make(&c->arena, struct client_timeouts);
    if (timeouts == NULL)
        return fail(ERR_LIMIT, "no memory for another connection");
    *timeouts = p->how->timeouts;
    timeouts->tls_ms = p->tls.strategy->tls_ms;
    const struct client_options options = {.protocol = r->protocol,
            .ehlo_name = arena_str(
                    &c->arena, source_ehlo_name(&j->arena, &p->from, &stream_local(c->stream)->ip)),
            .timeouts = timeouts,
            .extensions_off = r->route->extensions_off,
            .helo_only = r->route->helo_only || p->says_helo,
            .tls_is_required = p->tls.mandatory,
            .parameters_are_refused = p->parameters_are_refused,
            .bdat_chunk_bytes = j->d->in.settings->bdat_chunk_bytes};
    struct tls_step step = {0};
    *reach = REACH_NEXT_HOST;
    if (p->tls.use == TLS_USE_IMPLICIT) {
        TRY(shake_hands(r, p, c, &step));
        if (!follow(r, p, &step, why, reach))
            return OK;
    }
    TRY(client_new(&c->arena, c->stream, &options, &c->client));
    client_tell_to(c->client, &j->span);
    TRY(greet(r, p, c, why, reach));
    if (why->verdict == CLIENT_GOOD && p->tls.use == TLS_USE_STARTTLS && !p->stays_plain)
        TRY(secure(r, p, c, why, reach));
    egress_keep_session(r, p, c);
    if (why->verdict == CLIENT_GOOD)
        TRY(egress_introduce(r, p, c, why));
    if (why->verdict == CLIENT_GOOD && p->tls.needs_requiretls &&
            !client_offers(c->client, CLIENT_EXT_REQUIRETLS)) {
        TRY(tls_after(&p->tls, TLS_NO_REQUIRETLS, &j->arena, S(""), &step));
        follow(r, p, &step, why, reach);
    }
    if (why->verdict == CLIENT_GOOD && !str_is_empty(r->route->username))
        TRY(log_in(r, p, c, why, reach));
    const uint32_t mails_max[] = {
            client_mails_max(c->client), shaped_messages(&r->shaped), p->messages_max};
    for (size_t i = 0; i < COUNT_OF(mails_max); i++)
        if (mails_max[i] > 0 && (c->messages_max == 0 || mails_max[i] < c->messages_max))
            c->messages_max = mails_max[i];
    return OK;
}

static struct err greet(struct remote *r, struct approach *p, struct connection *c,
        struct client_answer *why, enum reach *reach)
{
    struct job *j = r->j;
    TRY(client_greet(c->client, &j->arena, why));
    why->outcome.entity = p->name;
    if (why->outcome.code != 0)
        why->outcome.host = p->name;
    if (why->verdict == CLIENT_LOST && why->stage == CLIENT_GREETING)
        *reach = REACH_NEXT_ADDRESS;
    if (why->verdict != CLIENT_GOOD) {
        enum event_id id = why->stage == CLIENT_GREETING ? EV_DELIVERY_GREETING_FAILED
                                                         : EV_DELIVERY_EHLO_REJECTED;
        event_in(&j->span, id, F_STR(domain, j->u->domain), F_STR(hostname, p->name),
                F_U64(code, why->outcome.code), F_STR(details, why->outcome.text));
    } else if (is_echo(r, c, p->from.ehlo_name)) {
        *why = answer_temporary(CLIENT_EHLO, FAILURE_CONNECTION, p->name, S("4.4.6"),
                S("the host calls itself by our name: mail would go in a circle"));
    } else {
        if (client_fell_back(c->client))
            health_learn(j->d->health, p->name, LESSON_NO_EHLO, 1, now_ms());
        tell_hello(r, p, c);
    }
    return OK;
}

// outbound.md 6.4
static bool is_echo(const struct remote *r, const struct connection *c, struct str own_name)
{
    return r->route->type == ROUTE_MX && r->j->d->in.settings->detect_self && own_name.len > 0 &&
           str_eq_nocase(client_peer_name(c->client), own_name);
}

static struct err secure(struct remote *r, struct approach *p, struct connection *c,
        struct client_answer *why, enum reach *reach)
{
    struct job *j = r->j;
    struct tls_step step = {0};
    if (client_offers(c->client, CLIENT_EXT_STARTTLS)) {
        TRY(start_tls(r, p, c, &step));
    } else {
        event_in(&j->span, EV_DELIVERY_START_TLS_UNAVAILABLE, F_STR(hostname, p->name));
        TRY(tls_after(&p->tls, TLS_NOT_OFFERED, &j->arena, S(""), &step));
    }
    tlsrpt_see_connection(r, p, c, &step);
    if (!follow(r, p, &step, why, reach) || stream_ssl(c->stream) == NULL)
        return OK;
    TRY(client_hello(c->client, &j->arena, why));
    why->outcome.entity = p->name;
    return OK;
}

static struct err start_tls(
        struct remote *r, struct approach *p, struct connection *c, struct tls_step *step)
{
    struct job *j = r->j;
    struct client_answer said;
    TRY(client_starttls(c->client, &j->arena, &said));
    if (said.verdict == CLIENT_GOOD)
        return shake_hands(r, p, c, step);
    bool is_lost = said.verdict == CLIENT_LOST || said.gone; // 421 is no refusal of TLS alone
    p->tls_broke = said.verdict == CLIENT_LOST;
    enum tls_event what = is_lost ? TLS_CONNECTION_LOST : TLS_REFUSED;
    event_in(&j->span, EV_DELIVERY_START_TLS_ERROR, F_STR(hostname, p->name),
            F_STR(reason, said.outcome.text));
    return tls_after(&p->tls, what, &j->arena, said.outcome.text, step);
}

static struct err shake_hands(
        struct remote *r, struct approach *p, struct connection *c, struct tls_step *step)
{
    struct job *j = r->j;
    SSL_CTX *context;
    struct tls_proof proof;
    int64_t began = now_ms();
    enum event_id went_wrong = p->tls.use == TLS_USE_IMPLICIT ? EV_DELIVERY_IMPLICIT_TLS_ERROR
                                                              : EV_DELIVERY_START_TLS_ERROR;
    struct err e = tls_client_context(j->d->in.tls, &p->tls, &j->arena, &context);
    if (failed(e)) {
        tell_impossible(r, S("TLS cannot be set up as the settings say"), err_text(e));
        return tls_after(&p->tls, TLS_LOCAL_TROUBLE, &j->arena, err_text(e), step);
    }
    e = egress_shake_hands(r, p, c->stream, context);
    if (e.kind == ERR_CANCELLED)
        return e;
    p->tls_broke = failed(e) && e.kind != ERR_TLS;
    c->is_spent = failed(e);
    if (failed(e)) {
        event_in(&j->span, went_wrong, F_STR(domain, j->u->domain), F_STR(hostname, p->name),
                F_ERR(reason, e), F_MS(elapsed, now_ms() - began));
        return tls_after(&p->tls, tls_event_of(e), &j->arena, err_text(e), step);
    }
    TRY(tls_verify(j->d->in.tls, &p->tls, stream_ssl(c->stream), wall_ms(), &j->arena, &proof));
    *step = proof.step;
    c->is_spent = step->course != TLS_GO_ON;
    egress_note_proof(r, p, &proof);
    TRY(tell_proof(r, p, &proof));
    c->tls = arena_fmt(&c->arena, "%.*s %.*s %.*s", ARG(proof.version), ARG(proof.cipher),
            ARG(tls_level_name(proof.reached)));
    if (step->course == TLS_GO_ON)
        event_in(&j->span, EV_DELIVERY_START_TLS, F_STR(domain, j->u->domain),
                F_STR(hostname, p->name), F_STR(version, proof.version),
                F_STR(details, egress_cipher(&j->arena, &proof)),
                F_STR(policy, tls_level_name(proof.reached)), F_MS(elapsed, now_ms() - began));
    else
        event_in(&j->span, went_wrong, F_STR(domain, j->u->domain), F_STR(hostname, p->name),
                F_STR(reason, proof.why), F_MS(elapsed, now_ms() - began));
    return OK;
}

// True: the connection may be used.
static bool follow(struct remote *r, struct approach *p, const struct tls_step *step,
        struct client_answer *why, enum reach *reach)
{
    switch (step->course) {
    case TLS_GO_ON:
    case TLS_GO_ON_PLAIN:
        return true;
    case TLS_RECONNECT_PLAIN:
        p->stays_plain = true;
        health_learn(r->j->d->health, p->name, LESSON_NO_TLS, 1, now_ms());
        *reach = REACH_NEXT_ADDRESS;
        break;
    case TLS_NEXT_ADDRESS:
        *reach = REACH_NEXT_ADDRESS;
        break;
    case TLS_NEXT_HOST:
        *reach = REACH_NEXT_HOST;
        break;
    }
    *why = step->answer;
    if (why->verdict == CLIENT_GOOD) // it is to be made anew, and says nothing of its own
        why->verdict = CLIENT_LOST;
    return false;
}

static struct err log_in(struct remote *r, struct approach *p, struct connection *c,
        struct client_answer *why, enum reach *reach)
{
    struct job *j = r->j;
    const struct route *route = r->route;
    const struct client_credentials credentials = {.username = route->username,
            .secret = route->secret,
            .token = route->token,
            .mechanisms = route->mechanisms,
            .channel_is_safe = stream_ssl(c->stream) != NULL || route->allow_plaintext ||
                               egress_is_local(route, &p->address->at)};
    TRY(client_auth(c->client, &j->arena, &credentials, why));
    why->outcome.entity = p->name;
    *reach = REACH_NEXT_HOST;
    if (note_login(r, why)) {
        enum event_id id = why->verdict == CLIENT_GOOD ? EV_DELIVERY_AUTH : EV_DELIVERY_AUTH_FAILED;
        event_in(&j->span, id, F_STR(id, route->id), F_STR(hostname, p->name),
                F_U64(code, why->outcome.code), F_STR(details, why->outcome.text));
    }
    return OK;
}

// False: nothing is to be told. A connection that is lost says nothing about the login.
static bool note_login(struct remote *r, const struct client_answer *why)
{
    struct health *h = r->j->d->health;
    if (why->verdict == CLIENT_GOOD)
        health_good_login(h, r->route->id);
    else if (why->verdict != CLIENT_LOST && r->j->probe == NULL)
        return health_bad_login(h, r->route->id, why, now_ms());
    return true;
}
