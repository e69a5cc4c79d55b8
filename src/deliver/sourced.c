// SPDX-License-Identifier: Apache-2.0
// deliver/sourced.c: where an attempt meets our own addresses (outbound.md 7.3, 28.3): one of them
// is chosen for each address of a host; one that this machine has not got is followed by another;
// and from one that is being warmed up counts what was sent, and not what was only tried.
#include "deliver/remote.h"

#define TELL_PAUSE_MS MINUTE_MS
#define SPREAD_MS MINUTE_MS // a new day, or the end of a suspension, is not everybody's at once

static struct ip last_source(const struct remote *r, const struct approach *p);
static void tell(const struct remote *r, const struct approach *p);

bool sourced_choose(struct remote *r, struct approach *p)
{
    struct job *j = r->j;
    const struct deliver_settings *s = j->d->in.settings;
    struct source_refusal why;
    const struct suspend_values known = suspend_values_of(j, r->rcpts[0].place, r, p->host, NULL);
    const struct source_inputs in = {.strategy = p->how,
            .host = s->host,
            // A SOCKS proxy is what the host sees, and source-ips are not its addresses.
            .family = r->route->socks != NULL ? IP_NONE : p->address->at.ip.family,
            .sender = j->m.sender,
            .rcpt_domain = j->u->domain,
            .tenant = message_tag(&j->m, S("tenant")),
            .campaign = message_tag(&j->m, S("campaign")),
            .provider = r->site,
            .turn = source_turn(&j->d->sources, s, p->how, &r->source_turn),
            .before = last_source(r, p),
            .wall_now_ms = wall_ms(),
            .shared = j->d->in.limits,
            .suspended = &j->d->suspended.now,
            .known = &known};
    if (source_choose(&j->d->sources, &in, &j->arena, now_ms(), &p->from, &why)) {
        tell(r, p);
        if (p->from.warmup.is_counted && j->probe == NULL)
            warmed_note(&j->d->warmed, &p->from.ip, r->site, p->from.warmup.day);
        return true;
    }
    int64_t rests_ms = why.until_ms - in.wall_now_ms;
    if (why.until_ms != 0 && (r->rests_ms == 0 || rests_ms < r->rests_ms))
        r->rests_ms =
                (rests_ms > 0 ? rests_ms : 0) + SECOND_MS + (int64_t)(random_u64() % SPREAD_MS);
    remote_note(r, arena_answer(&j->arena, &why.answer));
    return false;
}

// outbound.md 7.3: where addresses take turns a retry comes from another one than the last attempt.
static struct ip last_source(const struct remote *r, const struct approach *p)
{
    const struct recipient *rcpt = &r->j->u->rcpts[r->rcpts[0].place];
    const struct passage *last = rcpt->last.passage;
    struct ip ip;
    bool counts = p->how->select == SOURCE_ROUND_ROBIN && rcpt->retry_count > 0 && last != NULL;
    return counts && ip_parse(last->source_ip, &ip) ? ip : (struct ip){0};
}

bool sourced_again(struct remote *r, struct approach *p)
{
    struct sources *sources = &r->j->d->sources;
    if (!p->is_our_trouble || !source_is_bad(sources, &p->from.ip, now_ms()))
        return false;
    p->is_our_trouble = false;
    source_unused(r->j->d->in.limits, &p->from);
    return sourced_choose(r, p);
}

bool sourced_is_paused(struct remote *r, const struct approach *p, struct client_answer *out_why)
{
    struct deliverer *d = r->j->d;
    int64_t pause_ms = source_pause_ms(&d->sources, now_ms());
    if (pause_ms == 0)
        return false;
    pause_ms += (int64_t)(random_u64() % SECOND_MS);
    if (r->rests_ms == 0 || pause_ms < r->rests_ms)
        r->rests_ms = pause_ms;
    *out_why = answer_temporary(CLIENT_CONNECT, FAILURE_IO, d->in.settings->host, S("4.3.2"),
            S("this machine has no descriptors or ports for more connections"));
    if (now_ms() < d->sources.told_pause_until_ms)
        return true;
    d->sources.told_pause_until_ms = now_ms() + TELL_PAUSE_MS;
    event_in(&r->j->span, EV_DELIVERY_PAUSED, F_STR(domain, r->j->u->domain),
            F_STR(hostname, p->name), F_STR(reason, out_why->outcome.text));
    return true;
}

struct connect_options sourced_options(const struct approach *p)
{
    return (struct connect_options){.from = p->from.ip,
            .freebind = p->how->freebind,
            .bind_device = p->how->bind_device,
            .fwmark = p->how->fwmark,
            .mss = p->how->mss,
            .stream = &p->how->stream,
            .leaves_reserve = true}; // outbound.md 20
}

void sourced_end(struct remote *r, struct approach *p, bool was_sent)
{
    if (!was_sent)
        source_unused(r->j->d->in.limits, &p->from);
}

static void tell(const struct remote *r, const struct approach *p)
{
    if (p->from.ip.family != IP_NONE)
        event_in(&r->j->span, EV_DELIVERY_SOURCE, F_STR(id, p->from.pool),
                F_IP(localIp, &p->from.ip), F_STR(hostname, p->from.ehlo_name));
    if (p->from.warn_no_family)
        event_in(&r->j->span, EV_DELIVERY_NO_SOURCE, F_STR(id, p->how->id),
                F_STR(details, p->address->at.ip.family == IP_V6 ? S("no IPv6 source configured")
                                                                 : S("no IPv4 source configured")));
}
