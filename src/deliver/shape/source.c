// SPDX-License-Identifier: Apache-2.0
// deliver/shape/source.c: see deliver/shape/source.h.
//
// An address that could not be bound is out for a minute, one that is suspended until that ends,
// one that is being warmed up when it has had its part of the day. Another one of the family takes
// its place, of the same pool while there is one, else of the pool behind it; when all are out,
// mail waits. It never leaves from an address that nobody chose.
#include "deliver/shape/source.h"

#include "base/hash.h"
#include "deliver/answer.h"
#include "deliver/shape/source_pick.h"
#include "mail/address.h"
#include "rt/clock.h"

// One choice: what was learned of those that were passed over.
struct choosing {
    struct sources *s;
    const struct source_inputs *in;
    struct arena *a;
    int64_t now_ms;
    size_t of_family;           // in all pools
    const struct ip *not_there; // the first that could not be bound
    int64_t until_ms;           // the first that is fit again; 0: none of them waits for a moment
    struct str waits_for;
};

static bool choose_of(struct choosing *c, const struct source_pool *pool,
        const struct source_address *sources, size_t count, struct source *out);
static size_t leave_out(const struct source_address **fit, size_t count, const struct ip *ip);
static bool is_fit(struct choosing *c, const struct source_address *one);
static bool is_suspended(struct choosing *c, const struct source_address *one);
static void note_wait(struct choosing *c, int64_t until_ms, struct str for_what);
static size_t pick(const struct choosing *c, const struct source_address *const *fit, size_t count);
static uint64_t hash_of(struct arena *a, struct str text);
static struct str sender_domain(struct str sender);
static bool take(struct choosing *c, const struct source_pool *pool,
        const struct source_address *one, struct source *out);
static void refuse(struct choosing *c, struct source_refusal *out);
static struct str name_of(const struct source_inputs *in, const struct source_address *one);
static void note_bad(struct sources *s, const struct ip *ip, int64_t now_ms);
static bool tell_once(struct sources *s, enum ip_family family);

bool source_choose(struct sources *s, const struct source_inputs *in, struct arena *a,
        int64_t now_ms, struct source *out, struct source_refusal *out_why)
{
    struct choosing c = {.s = s, .in = in, .a = a, .now_ms = now_ms};
    const struct source_pool *pool = in->strategy->pool;
    bool found = choose_of(&c, pool, in->strategy->sources, in->strategy->source_count, out);
    while (!found && pool != NULL && pool->fallback != NULL) {
        pool = pool->fallback; // not in a circle: that is refused at load
        found = choose_of(&c, pool, pool->sources, pool->source_count, out);
    }
    if (!found && c.of_family == 0) {
        *out = (struct source){.ehlo_name = name_of(in, NULL)};
        out->warn_no_family = in->strategy->source_count > 0 && tell_once(s, in->family);
        return true;
    }
    if (!found)
        refuse(&c, out_why);
    return found;
}

static bool choose_of(struct choosing *c, const struct source_pool *pool,
        const struct source_address *sources, size_t count, struct source *out)
{
    const struct source_address **fit = arena_array(c->a, count + 1, const struct source_address *);
    size_t fit_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (sources[i].ip.family != c->in->family || c->in->family == IP_NONE)
            continue;
        c->of_family++;
        if (fit != NULL && is_fit(c, &sources[i]))
            fit[fit_count++] = &sources[i];
    }
    if (fit_count > 1)
        fit_count = leave_out(fit, fit_count, &c->in->before);
    while (fit_count > 0) {
        size_t i = pick(c, fit, fit_count);
        if (take(c, pool, fit[i], out))
            return true;
        fit[i] = fit[--fit_count]; // another worker had the last place of its day
    }
    return false;
}

static size_t leave_out(const struct source_address **fit, size_t count, const struct ip *ip)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        if (!ip_eq(&fit[i]->ip, ip))
            fit[left++] = fit[i];
    return left;
}

static bool is_fit(struct choosing *c, const struct source_address *one)
{
    const struct source_inputs *in = c->in;
    if (source_is_bad(c->s, &one->ip, c->now_ms)) {
        c->not_there = c->not_there != NULL ? c->not_there : &one->ip;
        return false;
    }
    if (is_suspended(c, one))
        return false;
    if (in->shared == NULL || warmup_has_room(in->shared, one, in->provider, in->wall_now_ms))
        return true;
    note_wait(
            c, daily_end_ms(in->wall_now_ms), S("have sent today what they may while warming up"));
    return false;
}

static bool is_suspended(struct choosing *c, const struct source_address *one)
{
    const struct source_inputs *in = c->in;
    if (in->suspended == NULL || in->suspended->all.count == 0 || in->known == NULL)
        return false;
    struct suspend_values values = *in->known;
    values.scope[SUSPEND_SOURCE_IP] = ip_text(c->a, &one->ip);
    const struct suspension *by = suspensions_find(
            in->suspended, SUSPEND_STOP, SUSPEND_AT_SOURCE, &values, in->wall_now_ms);
    int64_t again_ms = in->wall_now_ms + SUSPEND_RECHECK_MS;
    if (by != NULL)
        note_wait(c, by->until_ms < again_ms ? by->until_ms : again_ms, S("are suspended"));
    return by != NULL;
}

static void note_wait(struct choosing *c, int64_t until_ms, struct str for_what)
{
    if (c->until_ms != 0 && c->until_ms <= until_ms)
        return;
    c->until_ms = until_ms;
    c->waits_for = for_what;
}

// Hashes are the same in every worker and after every start: a sender keeps his address. Mail
// without the tag is spread by the sender's domain.
static size_t pick(const struct choosing *c, const struct source_address *const *fit, size_t count)
{
    const struct source_inputs *in = c->in;
    struct str sticky = sender_domain(in->sender);
    switch (in->strategy->select) {
    case SOURCE_RANDOM:
        return pick_by_chance(fit, count, random_u64());
    case SOURCE_ROUND_ROBIN:
        return pick_by_turn(fit, count, in->turn);
    case SOURCE_HASH_SENDER:
        sticky = in->sender;
        break;
    case SOURCE_HASH_SENDER_DOMAIN:
        break;
    case SOURCE_HASH_RCPT_DOMAIN:
        sticky = in->rcpt_domain;
        break;
    case SOURCE_HASH_TENANT:
        sticky = str_is_empty(in->tenant) ? sticky : in->tenant;
        break;
    case SOURCE_HASH_CAMPAIGN:
        sticky = str_is_empty(in->campaign) ? sticky : in->campaign;
        break;
    }
    return pick_by_hash(fit, count, hash_of(c->a, sticky));
}

static uint64_t hash_of(struct arena *a, struct str text)
{
    return hash_sip24(0, 0, arena_str_lower(a, text));
}

static struct str sender_domain(struct str sender)
{
    struct str local, domain;
    return str_rcut(sender, '@', &local, &domain) ? domain : S("");
}

static bool take(struct choosing *c, const struct source_pool *pool,
        const struct source_address *one, struct source *out)
{
    const struct source_inputs *in = c->in;
    struct warmup_place place = {0};
    if (in->shared != NULL && !warmup_take(in->shared, one, in->provider, in->wall_now_ms, &place))
        return false;
    *out = (struct source){.ip = one->ip,
            .ehlo_name = name_of(in, one),
            .pool = pool != NULL ? pool->id : STR_NULL,
            .warmup = place};
    return true;
}

void source_unused(struct limits_shared *shared, struct source *source)
{
    if (shared != NULL)
        warmup_give(shared, &source->warmup);
}

// What will pass by itself is no attempt, and is said rather than what may not.
static void refuse(struct choosing *c, struct source_refusal *out)
{
    struct str host = c->in->host;
    *out = (struct source_refusal){.until_ms = c->until_ms};
    if (c->until_ms != 0) {
        int64_t tried_again_ms = c->in->wall_now_ms + SOURCE_BAD_MS;
        if (c->not_there != NULL && tried_again_ms < out->until_ms)
            out->until_ms = tried_again_ms;
        out->answer = answer_temporary(CLIENT_CONNECT, FAILURE_RATE, host, S("4.4.5"),
                arena_fmt(c->a, "our source addresses %.*s", ARG(c->waits_for)));
        return;
    }
    struct str ip = c->not_there != NULL ? ip_text(c->a, c->not_there) : S("");
    out->answer = answer_temporary(CLIENT_CONNECT, FAILURE_IO, ip, S("4.3.5"),
            arena_fmt(c->a, "source address %.*s not available", ARG(ip)));
}

// A bare name, or the one that a machine has before anybody has named it, says nothing to anybody.
static struct str name_of(const struct source_inputs *in, const struct source_address *one)
{
    if (one != NULL && !str_is_empty(one->ehlo_name))
        return one->ehlo_name;
    if (!str_is_empty(in->strategy->ehlo_name))
        return in->strategy->ehlo_name;
    return mail_host_is_qualified(in->host) ? in->host : STR_NULL;
}

struct str source_ehlo_name(struct arena *a, const struct source *source, const struct ip *local)
{
    struct str text = STR_NULL;
    struct ip ip = ip_unmap(*local);
    if (!str_is_null(source->ehlo_name))
        return source->ehlo_name;
    if (ip.family == IP_NONE)
        return S("localhost"); // behind a Unix socket, where it is true
    text = ip_text(a, &ip);
    if (str_is_null(text))
        return text;
    return arena_fmt(a, "[%s%.*s]", ip.family == IP_V6 ? "IPv6:" : "", ARG(text));
}

// --- Turns ---------------------------------------------------------------------------------------

void sources_init(struct sources *s, struct arena *a, const struct deliver_settings *settings)
{
    *s = (struct sources){.turns = arena_array(a, settings->connection_count + 1, uint64_t)};
    s->turn_count = s->turns != NULL ? settings->connection_count : 0;
}

uint64_t source_turn(struct sources *s, const struct deliver_settings *settings,
        const struct connection_strategy *strategy, struct source_turn *attempt)
{
    size_t place = (size_t)(strategy - settings->connections);
    if (attempt->of == strategy)
        return attempt->turn;
    attempt->of = strategy;
    attempt->turn = place < s->turn_count ? s->turns[place]++ : random_u64();
    return attempt->turn;
}

// --- What is remembered --------------------------------------------------------------------------

bool source_note(struct sources *s, const struct source *source, const struct ip *target,
        struct err connected, int64_t now_ms)
{
    switch (connected.kind) {
    case ERR_NOT_FOUND:
        if (source->ip.family != IP_NONE) // else there is no other to take its place
            note_bad(s, &source->ip, now_ms);
        return true;
    case ERR_CONFIG: // an option that the system does not let us set
        return true;
    case ERR_UNSUPPORTED:
        if (target->family == IP_V6)
            s->no_ip6_until_ms = now_ms + SOURCE_BAD_MS;
        return true;
    case ERR_LIMIT:
        s->paused_until_ms = now_ms + SOURCE_PAUSE_MS;
        return true;
    case ERR_NONE:
        if (target->family == IP_V6)
            s->no_ip6_until_ms = 0;
        return false;
    case ERR_SYNTAX:
    case ERR_REFUSED:
    case ERR_EXISTS:
    case ERR_TIMEOUT:
    case ERR_CANCELLED:
    case ERR_CLOSED:
    case ERR_RESET:
    case ERR_UNREACHABLE:
    case ERR_DNS:
    case ERR_TLS:
    case ERR_IO:
    case ERR_NO_SPACE:
    case ERR_INTERNAL:
        return false;
    }
    return false;
}

bool source_has_family(const struct sources *s, const struct ip *target, int64_t now_ms)
{
    return target->family != IP_V6 || s->no_ip6_until_ms <= now_ms;
}

bool source_is_bad(const struct sources *s, const struct ip *ip, int64_t now_ms)
{
    for (size_t i = 0; i < s->bad_count; i++)
        if (ip_eq(&s->bad[i].ip, ip))
            return s->bad[i].until_ms > now_ms;
    return false;
}

int64_t source_pause_ms(const struct sources *s, int64_t now_ms)
{
    return s->paused_until_ms > now_ms ? s->paused_until_ms - now_ms : 0;
}

// When there is no room for another one, the one that will be good again first makes it.
static void note_bad(struct sources *s, const struct ip *ip, int64_t now_ms)
{
    size_t at = 0;
    for (size_t i = 0; i < s->bad_count; i++)
        if (s->bad[i].until_ms < s->bad[at].until_ms)
            at = i;
    if (s->bad_count < SOURCES_BAD_MAX)
        at = s->bad_count;
    for (size_t i = 0; i < s->bad_count; i++)
        if (ip_eq(&s->bad[i].ip, ip))
            at = i;
    s->bad_count += at == s->bad_count;
    s->bad[at].ip = *ip;
    s->bad[at].until_ms = now_ms + SOURCE_BAD_MS;
}

static bool tell_once(struct sources *s, enum ip_family family)
{
    bool *told = family == IP_V6 ? &s->told_no_ip6 : &s->told_no_ip4;
    bool first = !*told && family != IP_NONE;
    *told |= first;
    return first;
}
