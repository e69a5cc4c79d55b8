// SPDX-License-Identifier: Apache-2.0
// deliver/source.c: see deliver/source.h.
//
// An address that could not be bound is out for a minute: another one of the family takes its
// place, and when all are out, mail waits. It never leaves from an address that nobody chose.
#include "deliver/source.h"

#include "base/hash.h"
#include "deliver/answer.h"
#include "mail/address.h"
#include "rt/clock.h"

static size_t family_count(const struct source_inputs *in);
static const struct source_address *nth_of_family(const struct source_inputs *in, size_t nth);
static size_t first_choice(const struct source_inputs *in, struct arena *a, size_t count);
static uint64_t hash_of(struct arena *a, struct str text);
static struct str sender_domain(struct str sender);
static struct str name_of(const struct source_inputs *in, const struct source_address *one);
static bool is_bad(const struct sources *s, const struct ip *ip, int64_t now_ms);
static void note_bad(struct sources *s, const struct ip *ip, int64_t now_ms);
static bool tell_once(struct sources *s, enum ip_family family);

bool source_choose(struct sources *s, const struct source_inputs *in, struct arena *a,
        int64_t now_ms, struct source *out, struct client_answer *out_why)
{
    size_t count = family_count(in);
    if (count == 0) {
        *out = (struct source){.ehlo_name = name_of(in, NULL), .is_only = true};
        out->warn_no_family = in->strategy->source_count > 0 && tell_once(s, in->family);
        return true;
    }
    size_t first = first_choice(in, a, count);
    for (size_t i = 0; i < count; i++) {
        const struct source_address *one = nth_of_family(in, (first + i) % count);
        if (is_bad(s, &one->ip, now_ms))
            continue;
        *out = (struct source){.ip = one->ip, .ehlo_name = name_of(in, one), .is_only = count == 1};
        return true;
    }
    struct str ip = ip_text(a, &nth_of_family(in, first)->ip);
    *out_why = answer_temporary(CLIENT_CONNECT, FAILURE_IO, ip, S("4.3.5"),
            arena_fmt(a, "source address %.*s not available", ARG(ip)));
    return false;
}

static size_t family_count(const struct source_inputs *in)
{
    size_t count = 0;
    for (size_t i = 0; i < in->strategy->source_count; i++)
        count += in->strategy->sources[i].ip.family == in->family;
    return in->family == IP_NONE ? 0 : count;
}

static const struct source_address *nth_of_family(const struct source_inputs *in, size_t nth)
{
    const struct source_address *one = in->strategy->sources;
    for (size_t left = nth;; one++) {
        assert(one < in->strategy->sources + in->strategy->source_count);
        if (one->ip.family != in->family)
            continue;
        if (left-- == 0)
            return one;
    }
}

// Hashes are the same in every worker and after every start: a sender keeps his address.
static size_t first_choice(const struct source_inputs *in, struct arena *a, size_t count)
{
    switch (in->strategy->select) {
    case SOURCE_RANDOM:
        return random_u64() % count;
    case SOURCE_ROUND_ROBIN:
        return in->turn % count;
    case SOURCE_HASH_SENDER:
        return hash_of(a, in->sender) % count;
    case SOURCE_HASH_SENDER_DOMAIN:
        return hash_of(a, sender_domain(in->sender)) % count;
    case SOURCE_HASH_RCPT_DOMAIN:
        return hash_of(a, in->rcpt_domain) % count;
    }
    return 0;
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

// --- What is remembered --------------------------------------------------------------------------

bool source_note(struct sources *s, const struct source *source, const struct ip *target,
        struct err connected, int64_t now_ms)
{
    switch (connected.kind) {
    case ERR_NOT_FOUND:
        note_bad(s, &source->ip, now_ms);
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
    case ERR_CONFIG:
    case ERR_INTERNAL:
        return false;
    }
    return false;
}

bool source_has_family(const struct sources *s, const struct ip *target, int64_t now_ms)
{
    return target->family != IP_V6 || s->no_ip6_until_ms <= now_ms;
}

static bool is_bad(const struct sources *s, const struct ip *ip, int64_t now_ms)
{
    for (size_t i = 0; i < s->bad_count; i++)
        if (ip_eq(&s->bad[i].ip, ip))
            return s->bad[i].until_ms > now_ms;
    return false;
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
