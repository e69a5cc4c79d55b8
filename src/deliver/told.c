// SPDX-License-Identifier: Apache-2.0
// deliver/told.c: see deliver/told.h.
#include "deliver/told.h"

static bool is_null_mx(const struct client_answer *trouble);
static void tell_strategies(struct remote *r, const struct approach *p);
static struct str way_text(
        struct remote *r, struct str key, enum shaping_key shaping, struct str id);
static struct str limiter_text(
        struct job *j, const struct remote *r, const struct outbound_limiter *l);
static struct str limiter_key(
        struct job *j, const struct remote *r, const struct outbound_limiter *l);
static struct str setting_text(struct job *j, struct str key, struct str id);
static void tell_policy(struct remote *r, const struct approach *p);
static enum event_id dane_event(const struct dane *dane);
static void tell_rcpt(struct remote *r, const struct connection *c, const struct client_rcpt *rcpt);
static void tell_broken_signature(
        struct remote *r, const struct connection *c, const struct client_transaction *t);
static void tell_message(
        struct remote *r, const struct connection *c, const struct client_transaction *t);

// --- The DNS -------------------------------------------------------------------------------------

void tell_hosts(struct remote *r, int64_t elapsed_ms)
{
    struct job *j = r->j;
    const struct host_list *list = &r->list;
    const struct client_answer *trouble = &list->trouble;
    if (list->null_mx_ignored || list->was_cut) // outbound.md 4
        event_in(&j->span, EV_DELIVERY_MX_UNCLEAR, F_STR(domain, j->u->domain),
                F_STR(reason, list->was_cut ? S("more MX records than are looked at")
                                            : S("a null MX beside others is left out")));
    if (list->dnssec == DNSSEC_BOGUS)
        tlsrpt_see_bogus(r, STR_NULL, S("Bogus MX records were found."));
    if (list->count > 0)
        event_in(&j->span, EV_DELIVERY_MX_LOOKUP, F_STR(domain, j->u->domain),
                F_LIST(details, list->names.at, list->names.count), F_MS(elapsed, elapsed_ms));
    else if (is_null_mx(trouble))
        event_in(&j->span, EV_DELIVERY_NULL_MX, F_STR(domain, j->u->domain),
                F_STR(details, trouble->outcome.text), F_MS(elapsed, elapsed_ms));
    else
        event_in(&j->span, EV_DELIVERY_MX_LOOKUP_FAILED, F_STR(domain, j->u->domain),
                F_STR(reason, trouble->outcome.text), F_MS(elapsed, elapsed_ms));
}

static bool is_null_mx(const struct client_answer *trouble)
{
    return str_eq(trouble->outcome.enhanced, S("5.1.10")); // RFC 7505 4
}

void tell_addresses(struct remote *r, const struct host *host, const struct host_addresses *found,
        int64_t elapsed_ms)
{
    struct job *j = r->j;
    struct str *texts = arena_array(&j->arena, found->count, struct str);
    if (found->count == 0 && found->dnssec == DNSSEC_BOGUS)
        tlsrpt_see_bogus(r, host->name, S("Bogus address records were found."));
    if (found->count == 0)
        event_in(&j->span, EV_DELIVERY_IP_LOOKUP_FAILED, F_STR(domain, j->u->domain),
                F_STR(hostname, host->name), F_STR(reason, found->trouble.outcome.text),
                F_MS(elapsed, elapsed_ms));
    if (found->count == 0 || texts == NULL || !event_is_wanted(j->d->in.log, EV_DELIVERY_IP_LOOKUP))
        return;
    for (size_t i = 0; i < found->count; i++)
        texts[i] = endpoint_text(&j->arena, &found->at[i].at);
    event_in(&j->span, EV_DELIVERY_IP_LOOKUP, F_STR(domain, j->u->domain),
            F_STR(hostname, host->name), F_LIST(details, texts, found->count),
            F_MS(elapsed, elapsed_ms));
}

// --- What TLS must be ----------------------------------------------------------------------------

void tell_plan(struct remote *r, const struct approach *p)
{
    tell_strategies(r, p);
    tell_policy(r, p);
    if (p->tls.refused)
        tlsrpt_see_refusal(r, p);
    else if (p->tls.use == TLS_USE_NONE && r->protocol == CLIENT_SMTP)
        event_in(&r->j->span, EV_DELIVERY_START_TLS_DISABLED, F_STR(hostname, p->name),
                F_STR(id, p->tls.strategy->id));
}

// Which of them, and where it is written that it is they.
static void tell_strategies(struct remote *r, const struct approach *p)
{
    struct job *j = r->j;
    if (!event_is_wanted(j->d->in.log, EV_DELIVERY_STRATEGY))
        return;
    const struct str all[] = {
            setting_text(j, S("queue.strategy.route"), r->route->id),
            way_text(r, S("queue.strategy.connection"), SHAPING_CONNECTION, p->how->id),
            way_text(r, S("queue.strategy.tls"), SHAPING_TLS, p->tls.strategy->id),
    };
    event_in(&j->span, EV_DELIVERY_STRATEGY, F_STR(domain, j->u->domain), F_STR(hostname, p->name),
            F_IP(localIp, &p->from.ip), F_IP(remoteIp, &p->address->at.ip),
            F_LIST(details, all, COUNT_OF(all)));
}

// What is said of a provider comes before the strategies (outbound.md 28.1).
static struct str way_text(
        struct remote *r, struct str key, enum shaping_key shaping, struct str id)
{
    struct str of_provider = shaped_origin(r->j->d->in.settings, &r->shaped, shaping);
    return setting_text(r->j, str_is_null(of_provider) ? key : of_provider, id);
}

struct err tell_limiters(struct job *j, const struct remote *r, const struct approach *p,
        struct outbound_check *check)
{
    const struct outbound_limiter *const *all;
    size_t count;
    TRY(outbound_list(j->d->limits, check, &all, &count));
    struct str *texts = arena_array(&j->arena, count + 1, struct str);
    if (texts == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    for (size_t i = 0; i < count; i++)
        texts[i] = limiter_text(j, r, all[i]);
    if (count > 0)
        event_in(&j->span, EV_DELIVERY_LIMITERS, F_STR(domain, j->u->domain),
                F_STR(hostname, p == NULL ? STR_NULL : p->name), F_LIST(details, texts, count));
    return OK;
}

// Those that were ordered stand in no file.
static struct str limiter_text(
        struct job *j, const struct remote *r, const struct outbound_limiter *l)
{
    struct str key = limiter_key(j, r, l);
    if (str_is_null(key))
        return l->id;
    struct str origin = conf_origin_text(&j->arena, j->d->in.settings->conf, key);
    return arena_fmt(&j->arena, "%.*s (%.*s)", ARG(key), ARG(origin));
}

static struct str limiter_key(
        struct job *j, const struct remote *r, const struct outbound_limiter *l)
{
    const struct deliver_settings *s = j->d->in.settings;
    bool by_rate = l->rate.count > 0;
    if (l >= s->limiters && l < s->limiters + s->limiter_count)
        return conf_item(s->conf, S("queue.limiter.outbound"), l->id,
                by_rate ? S("rate") : S("concurrency"));
    for (enum shaping_key key = 0; r != NULL && key < SHAPING_LIMITS; key++)
        if (r->shaped.by[key] != NULL && l == &r->shaped.by[key]->limits[key])
            return shaped_origin(s, &r->shaped, key);
    return STR_NULL;
}

// "queue.strategy.tls 'strict' (/etc/posthaste/config.toml:12)"
static struct str setting_text(struct job *j, struct str key, struct str id)
{
    struct arena *a = &j->arena;
    struct str origin = conf_origin_text(a, j->d->in.settings->conf, key);
    return arena_fmt(a, "%.*s '%.*s' (%.*s)", ARG(key), ARG(id), ARG(origin));
}

// As often as other doubts, for it is the same for every message.
void tell_impossible(struct remote *r, struct str reason, struct str details)
{
    if (doubt_may_tell(&r->j->d->doubts, now_ms()))
        event_in(&r->j->span, EV_DELIVERY_DOUBTED, F_STR(domain, r->j->u->domain),
                F_STR(reason, reason), F_STR(details, details));
}

// Once for each host, whatever the number of its addresses.
static void tell_policy(struct remote *r, const struct approach *p)
{
    const struct sts_known *known = r->sts.known;
    if (known == NULL || p->address != p->found->at)
        return;
    enum event_id id = p->tls.sts_matches ? EV_MTA_STS_AUTHORIZED : EV_MTA_STS_NOT_AUTHORIZED;
    event_in(&r->j->span, id, F_STR(domain, r->j->u->domain), F_STR(hostname, p->host->name),
            F_STR(details, sts_mode_name(known->policy.mode)), F_BOOL(strict, r->sts.enforced));
}

void tell_dane(struct remote *r, const struct approach *p)
{
    const struct dane *dane = p->dane;
    struct str details = dane->why;
    bool strict = p->tls.strategy->dane == TLS_REQUIRE || dane->state == DANE_USABLE;
    if (dane->state == DANE_OFF)
        return;
    if (dane->state == DANE_NO_DNSSEC && p->tls.strategy->dane == TLS_REQUIRE)
        tell_impossible(r, dane->why, S("dane = \"require\": mail waits"));
    if (dane->state == DANE_USABLE)
        details = arena_fmt(&r->j->arena, "%.*s: %zu usable", ARG(dane->owner), dane->usable_count);
    event_in(&r->j->span, dane_event(dane), F_STR(domain, r->j->u->domain),
            F_STR(hostname, p->host->name), F_STR(details, details), F_BOOL(strict, strict));
}

static enum event_id dane_event(const struct dane *dane)
{
    switch (dane->state) {
    case DANE_USABLE:
        return EV_DANE_TLSA_RECORD_FETCH;
    case DANE_UNUSABLE:
        return EV_DANE_TLSA_RECORD_INVALID;
    case DANE_AVOID_BOGUS:
        return EV_DANE_BOGUS_DNSSEC_RECORD;
    case DANE_AVOID_MUTE:
        return EV_DANE_TLSA_RECORD_FETCH_ERROR;
    case DANE_NO_DNSSEC:
        return EV_DANE_TLSA_RECORD_NOT_DNSSEC_SIGNED;
    case DANE_OFF:
    case DANE_ABSENT:
        break;
    }
    return dane->is_unsigned ? EV_DANE_TLSA_RECORD_NOT_DNSSEC_SIGNED
                             : EV_DANE_TLSA_RECORD_NOT_FOUND;
}

struct err tell_proof(struct remote *r, struct approach *p, const struct tls_proof *proof)
{
    struct span *span = &r->j->span;
    const struct dane_match *match = &proof->match;
    struct tls_proof *kept = arena_make(&r->j->arena, struct tls_proof);
    if (kept == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    *kept = *proof;
    p->proof = kept;
    if (p->tls.level != TLS_LEVEL_DANE)
        return OK;
    if (match->no_certificate)
        event_in(span, EV_DANE_NO_CERTIFICATES_FOUND, F_STR(domain, r->j->u->domain),
                F_STR(hostname, p->host->name));
    if (match->matched)
        event_in(span, EV_DANE_TLSA_RECORD_MATCH, F_STR(domain, r->j->u->domain),
                F_STR(hostname, p->host->name),
                F_STR(details,
                        arena_fmt(&r->j->arena, "%u %u %u, certificate %zu", match->record.usage,
                                match->record.selector, match->record.matching, match->depth)));
    event_in(span,
            proof->result_type == NULL ? EV_DANE_AUTHENTICATION_SUCCESS
                                       : EV_DANE_AUTHENTICATION_FAILURE,
            F_STR(domain, r->j->u->domain), F_STR(hostname, p->host->name),
            F_STR(details, proof->why), F_BOOL(strict, !p->tls.forgives));
    return OK;
}

// For each unit, as often as it comes round, which is every half minute at most.
void tell_rest(struct remote *r)
{
    event_in(&r->j->span, EV_DELIVERY_HOST_COOLDOWN, F_STR(domain, r->j->u->domain),
            F_STR(hostname, r->best->outcome.entity),
            F_TIME(nextRetry, r->j->wall_now_ms + r->rests_ms),
            F_STR(reason, r->best->outcome.text));
}

// --- The dialogue --------------------------------------------------------------------------------

void tell_hello(struct remote *r, const struct approach *p, const struct connection *c)
{
    event_in(&r->j->span, EV_DELIVERY_EHLO, F_STR(domain, r->j->u->domain),
            F_STR(hostname, p->name), F_STR(details, client_peer_name(c->client)));
    if (str_is_null(p->from.ehlo_name))
        event_in(&r->j->span, EV_DELIVERY_MISSING_OUTBOUND_HOSTNAME, F_STR(id, p->how->id),
                F_STR(hostname, p->name), F_IP(localIp, &stream_local(c->stream)->ip));
}

// As the host has answered, before a rule of ours has its say.
void tell_transaction(
        struct remote *r, const struct connection *c, const struct client_transaction *t)
{
    struct str sender = str_is_empty(t->sender) ? S("<>") : t->sender;
    enum event_id id =
            t->mail.verdict == CLIENT_GOOD ? EV_DELIVERY_MAIL_FROM : EV_DELIVERY_MAIL_FROM_REJECTED;
    event_in(&r->j->span, id, F_STR(hostname, c->host), F_STR(from, sender),
            F_U64(code, t->mail.outcome.code), F_STR(details, t->mail.outcome.text));
    tell_broken_signature(r, c, t);
    if (t->mail.verdict != CLIENT_GOOD)
        return;
    for (size_t i = 0; i < t->rcpt_count; i++)
        if (t->rcpts[i].was_tried)
            tell_rcpt(r, c, &t->rcpts[i]);
    tell_message(r, c, t);
}

// outbound.md 11. Ours stand at the top; whatever they were made over was not this.
static void tell_broken_signature(
        struct remote *r, const struct connection *c, const struct client_transaction *t)
{
    if (t->line_ends_mended && !r->told_broken && str_contains(r->j->m.top, S("DKIM-Signature:"))) {
        r->told_broken = true;
        event_in(&r->j->span, EV_DELIVERY_SIGNATURE_BROKEN, F_STR(hostname, c->host));
    }
}

// What came after RCPT means that RCPT was taken.
static void tell_rcpt(struct remote *r, const struct connection *c, const struct client_rcpt *rcpt)
{
    const struct client_answer *said = &rcpt->answer;
    enum event_id id = EV_DELIVERY_RCPT_TO;
    if (said->verdict != CLIENT_GOOD && said->stage == CLIENT_RCPT)
        id = said->outcome.code != 0 ? EV_DELIVERY_RCPT_TO_REJECTED : EV_DELIVERY_RCPT_TO_FAILED;
    if (id == EV_DELIVERY_RCPT_TO)
        event_in(&r->j->span, id, F_STR(hostname, c->host), F_STR(to, rcpt->address));
    else
        event_in(&r->j->span, id, F_STR(hostname, c->host), F_STR(to, rcpt->address),
                F_U64(code, said->outcome.code), F_STR(details, said->outcome.text));
}

// Of SMTP one answer for all; of LMTP one for each.
static void tell_message(
        struct remote *r, const struct connection *c, const struct client_transaction *t)
{
    for (size_t i = 0; i < t->rcpt_count; i++) {
        const struct client_answer *said = &t->rcpts[i].answer;
        bool is_late = said->stage == CLIENT_DATA || said->stage == CLIENT_EOD;
        if (!t->rcpts[i].was_tried || !is_late || said->verdict == CLIENT_GOOD)
            continue;
        event_in(&r->j->span, EV_DELIVERY_MESSAGE_REJECTED, F_STR(hostname, c->host),
                F_STR(to, t->rcpts[i].address), F_U64(code, said->outcome.code),
                F_STR(details, said->outcome.text));
        if (r->protocol != CLIENT_LMTP)
            return;
    }
}
