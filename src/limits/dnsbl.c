// SPDX-License-Identifier: Apache-2.0
// limits/dnsbl.c: questions to block lists, and what follows from their answers.
//
// What a session asks about is a subject: its address, its EHLO name, its sender, ... A subject has
// a group of tasks, one for each zone, and an arena for what they hear; another name in its place
// gives both up and begins anew, so a session of many messages needs no more than one of them.
#include "limits/dnsbl.h"

#include "base/idna.h"
#include "mail/address.h"
#include "rt/clock.h"
#include "rt/dns.h"

#define SUBJECT_BYTES_MAX (1 * MIB) // of answers; 32 zones with all that fits into their packets
#define LOOPBACK_NET 0x7f000000u    // 127.0.0.0/8: where answers lie, RFC 5782 2.1
#define LOOPBACK_MASK 0xff000000u
#define LOOPBACK_SELF 0x7f000001u // 127.0.0.1: not listed, says the whole world of itself
#define ERRORS_NET 0x7fffff00u    // 127.255.255.0/24: will not answer us
#define ERRORS_MASK 0xffffff00u
#define NEVER_TOLD INT64_MIN

struct dnsbl_service {
    const struct dnsbl_settings *settings;
    struct resolver *resolver;
    int64_t *told_at_ms; // by zone: when trouble was last handed out
};

struct dnsbl_query { // one zone about one subject
    struct dnsbl_service *service;
    struct dnsbl_subject *subject;
    const struct dnsbl_zone *zone;
    struct str name; // in the DNS
    enum { QUERY_OPEN, QUERY_CLEAN, QUERY_LISTED, QUERY_TROUBLE } state;
    struct ip answer; // of a listing
    struct str text;
    struct str why; // of trouble
};

struct verdict { // being made
    struct dnsbl *d;
    struct arena *arena;
    VEC(struct dnsbl_hit) hits;
    VEC(struct dnsbl_trouble) troubles;
    int64_t weight;
};

static void subject_begin(struct dnsbl *d, enum dnsbl_what what, struct str shown,
        struct str prefix, bool is_name) suspends;
static void query_begin(
        struct dnsbl *d, struct dnsbl_subject *s, const struct dnsbl_zone *zone, struct str prefix);
static struct err query_main(void *arg) suspends;
static void query_run(struct dnsbl_query *q) suspends;
static void query_fail(struct dnsbl_query *q, struct err e);
static void query_read(struct dnsbl_query *q, const struct dns_ip_answer *answer);
static bool counts(const struct dnsbl_zone *zone, uint32_t address);
static void query_ask_text(struct dnsbl_query *q) suspends;
static struct str printable(struct arena *a, struct str text);
static struct str reversed(struct arena *a, const struct ip *ip);
static struct str queried_name(struct arena *a, struct str domain);
static struct err take_query(
        struct verdict *v, enum dnsbl_what what, const struct dnsbl_query *q) MUST_USE;
static struct err take_trouble(struct verdict *v, const struct dnsbl_query *q) MUST_USE;
static struct err finish(struct verdict *v, struct dnsbl_verdict *out) MUST_USE;
static struct str reply(struct arena *a, const struct dnsbl_hit *hit);

static const struct str what_names[DNSBL_WHAT_COUNT] = {
        [DNSBL_IP] = S_INIT("ip"),
        [DNSBL_IPREV] = S_INIT("iprev"),
        [DNSBL_EHLO] = S_INIT("ehlo"),
        [DNSBL_RETURN_PATH] = S_INIT("return-path"),
        [DNSBL_FROM] = S_INIT("from"),
};

struct str dnsbl_what_name(enum dnsbl_what what)
{
    assert(what < DNSBL_WHAT_COUNT);
    return what_names[what];
}

struct err dnsbl_service_make(struct arena *a, const struct dnsbl_settings *settings,
        struct resolver *resolver, struct dnsbl_service **out)
{
    struct dnsbl_service *service = arena_make(a, struct dnsbl_service);
    int64_t *told = arena_array(a, settings->zone_count + 1, int64_t);
    if (service == NULL || told == NULL)
        return fail(ERR_LIMIT, "no memory for block lists");
    for (size_t i = 0; i < settings->zone_count; i++)
        told[i] = NEVER_TOLD;
    *service = (struct dnsbl_service){settings, resolver, told};
    *out = service;
    return OK;
}

// --- A session's ---------------------------------------------------------------------------------

void dnsbl_begin(struct dnsbl *d, struct dnsbl_service *service)
{
    *d = (struct dnsbl){.service = service};
    for (size_t i = 0; i < DNSBL_WHAT_COUNT; i++) {
        group_begin(&d->subjects[i].group);
        arena_init(&d->subjects[i].arena, SUBJECT_BYTES_MAX);
    }
}

void dnsbl_want(struct dnsbl *d, const struct expr_result *verify)
{
    d->wanted = 0;
    for (size_t i = 0; verify->outcome == EXPR_VALUE && i < verify->list_count; i++)
        for (size_t what = 0; what < DNSBL_WHAT_COUNT; what++)
            if (str_eq(verify->list[i], what_names[what]))
                d->wanted |= 1U << what;
}

void dnsbl_end(struct dnsbl *d)
{
    for (size_t i = 0; d->service != NULL && i < DNSBL_WHAT_COUNT; i++) {
        group_end(&d->subjects[i].group);
        arena_done(&d->subjects[i].arena);
    }
    d->service = NULL;
}

void dnsbl_ask_ip(struct dnsbl *d, const struct ip *client)
{
    struct arena a AUTO(arena_done);
    struct ip ip = ip_unmap(*client);
    arena_init(&a, 4 * KIB);
    struct str shown = ip_text(&a, &ip), prefix = reversed(&a, &ip);
    if (ip.family != IP_NONE && !str_is_null(shown) && !str_is_null(prefix))
        subject_begin(d, DNSBL_IP, shown, prefix, false);
}

void dnsbl_ask_name(struct dnsbl *d, enum dnsbl_what what, struct str domain)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 16 * KIB);
    assert(what != DNSBL_IP && what < DNSBL_WHAT_COUNT);
    struct str name = queried_name(&a, domain);
    subject_begin(d, what, name, name, true);
}

// A null name leaves the subject with nothing asked: what was said before is not so any more.
static void subject_begin(
        struct dnsbl *d, enum dnsbl_what what, struct str shown, struct str prefix, bool is_name)
{
    const struct dnsbl_settings *settings = d->service->settings;
    struct dnsbl_subject *s = &d->subjects[what];
    bool wanted = (d->wanted >> what & 1) != 0 && !str_is_null(shown);
    if (wanted && !str_is_null(s->name) && str_eq(s->name, shown))
        return;
    group_end(&s->group);
    arena_done(&s->arena);
    *s = (struct dnsbl_subject){0};
    group_begin(&s->group);
    arena_init(&s->arena, SUBJECT_BYTES_MAX);
    if (!wanted)
        return;
    s->name = arena_str(&s->arena, shown);
    s->queries = arena_array(&s->arena, settings->zone_count + 1, struct dnsbl_query);
    for (size_t i = 0; s->queries != NULL && i < settings->zone_count; i++)
        if (settings->zones[i].of_names == is_name)
            query_begin(d, s, &settings->zones[i], prefix);
}

static void query_begin(
        struct dnsbl *d, struct dnsbl_subject *s, const struct dnsbl_zone *zone, struct str prefix)
{
    struct dnsbl_query *q = &s->queries[s->query_count++];
    *q = (struct dnsbl_query){.service = d->service, .subject = s, .zone = zone};
    q->name = arena_fmt(&s->arena, "%.*s.%.*s", ARG(prefix), ARG(zone->name));
    if (q->name.len > DNS_NAME_BYTES_MAX - 2) { // longer than a name can be: nobody lists it
        q->state = QUERY_CLEAN;
        return;
    }
    struct err e = str_is_null(q->name) ? fail(ERR_LIMIT, "no memory for a question")
                                        : group_spawn(&s->group, query_main, q);
    if (failed(e))
        query_fail(q, e);
}

// --- One question --------------------------------------------------------------------------------

// Trouble stays in the query: one list's is not that of the others.
static struct err query_main(void *arg)
{
    struct dnsbl_query *q = arg;
    within_ms(q->service->settings->wait_ms);
    task_describe("block list", NULL);
    query_run(q);
    return OK;
}

static void query_run(struct dnsbl_query *q)
{
    struct dns_ip_answer answer;
    struct err e = dns_blocklist_a(q->service->resolver, &q->subject->arena, q->name, &answer);
    if (failed(e)) {
        query_fail(q, e);
    } else if (dns_is_temporary(answer.answer.outcome)) {
        q->state = QUERY_TROUBLE;
        q->why = dns_outcome_name(answer.answer.outcome);
    } else {
        query_read(q, &answer);
        if (q->state == QUERY_LISTED && q->zone->weight > 0 && str_is_null(q->zone->reply))
            query_ask_text(q);
    }
}

static void query_fail(struct dnsbl_query *q, struct err e)
{
    q->state = QUERY_TROUBLE;
    q->why = e.kind == ERR_TIMEOUT ? S("no answer in time") : err_text(e);
}

// An error code makes the whole answer worthless; otherwise one address that counts is enough.
static void query_read(struct dnsbl_query *q, const struct dns_ip_answer *answer)
{
    q->state = QUERY_CLEAN;
    for (size_t i = 0; i < answer->count; i++) {
        struct scan in = scan_over(str_of((const char *)answer->at[i].bytes, 4));
        uint32_t address = 0;
        (void)scan_be32(&in, &address);
        bool error = (address & ERRORS_MASK) == ERRORS_NET;
        bool alien = q->zone->range_count == 0 && (address & LOOPBACK_MASK) != LOOPBACK_NET;
        if (error || alien) {
            struct str text = ip_text(&q->subject->arena, &answer->at[i]);
            q->state = QUERY_TROUBLE;
            q->why = arena_fmt(&q->subject->arena, "answers %.*s, %s", ARG(text),
                    error ? "a code of error" : "as no list does");
            return;
        }
        if (q->state == QUERY_CLEAN && counts(q->zone, address)) {
            q->state = QUERY_LISTED;
            q->answer = answer->at[i];
        }
    }
}

static bool counts(const struct dnsbl_zone *zone, uint32_t address)
{
    for (size_t i = 0; i < zone->range_count; i++)
        if (address >= zone->ranges[i].first && address <= zone->ranges[i].last)
            return true;
    return zone->range_count == 0 && address != LOOPBACK_SELF;
}

// Without a text it is a listing all the same.
static void query_ask_text(struct dnsbl_query *q)
{
    struct dns_txt_answer txt;
    struct arena *a = &q->subject->arena;
    struct err e = dns_blocklist_txt(q->service->resolver, a, q->name, &txt);
    if (!failed(e) && txt.count > 0)
        q->text = printable(a, txt.at[0].joined);
}

static struct str printable(struct arena *a, struct str text)
{
    struct str cut = arena_str(a, str_upto(text, DNSBL_TEXT_BYTES_MAX));
    char *bytes = (char *)(uintptr_t)cut.ptr;
    for (size_t i = 0; i < cut.len; i++)
        if (bytes[i] < ' ' || bytes[i] > '~')
            bytes[i] = '?';
    return str_is_empty(str_trim(cut)) ? STR_NULL : str_trim(cut);
}

// --- Names ---------------------------------------------------------------------------------------

// 2.0.0.127 and the 32 nibbles of IPv6: RFC 5782 2.1 and 2.4, which are those of reverse names.
static struct str reversed(struct arena *a, const struct ip *ip)
{
    struct str name = dns_reverse_name(a, ip);
    struct str end = ip->family == IP_V4 ? S(".in-addr.arpa") : S(".ip6.arpa");
    return str_ends(name, end) ? str_upto(name, name.len - end.len) : STR_NULL;
}

// Null for what is no full host name. Addresses in the place of names would be listed by lists of
// names, which want them left out.
static struct str queried_name(struct arena *a, struct str domain)
{
    struct idna_result idna = {.fault = IDNA_FINE, .text = domain};
    if (str_starts(domain, S("[")) || !mail_host_is_qualified(domain))
        return STR_NULL;
    if (!str_is_ascii(domain) && failed(idna_to_ascii(a, domain, &idna)))
        return STR_NULL;
    if (str_ends(idna.text, S(".")))
        idna.text.len--;
    return idna.fault == IDNA_FINE ? arena_str_lower(a, idna.text) : STR_NULL;
}

// --- Verdict -------------------------------------------------------------------------------------

struct err dnsbl_judge(struct dnsbl *d, struct arena *a, struct dnsbl_verdict *out)
{
    struct verdict v = {.d = d, .arena = a};
    for (size_t i = 0; i < DNSBL_WHAT_COUNT; i++)
        TRY(group_wait_all(&d->subjects[i].group));
    for (size_t i = 0; i < DNSBL_WHAT_COUNT; i++)
        for (size_t q = 0; q < d->subjects[i].query_count; q++)
            TRY(take_query(&v, (enum dnsbl_what)i, &d->subjects[i].queries[q]));
    return finish(&v, out);
}

// A zone counts once, however much it lists of one session.
static struct err take_query(struct verdict *v, enum dnsbl_what what, const struct dnsbl_query *q)
{
    if (q->state == QUERY_TROUBLE)
        return take_trouble(v, q);
    if (q->state != QUERY_LISTED)
        return OK;
    bool again = false;
    each_in_vec (hit, &v->hits)
        again = again || hit->zone == q->zone;
    struct dnsbl_hit *hit = vec_add(v->arena, &v->hits);
    if (hit == NULL)
        return fail(ERR_LIMIT, "no memory for the verdict of block lists");
    *hit = (struct dnsbl_hit){.zone = q->zone, .what = what, .answer = q->answer};
    hit->name = arena_str(v->arena, q->subject->name);
    hit->text = str_is_null(q->text) ? STR_NULL : arena_str(v->arena, q->text);
    if (!again)
        v->weight += q->zone->weight;
    return str_is_null(hit->name) ? fail(ERR_LIMIT, "no memory for the verdict of block lists")
                                  : OK;
}

static struct err take_trouble(struct verdict *v, const struct dnsbl_query *q)
{
    const struct dnsbl_service *service = v->d->service;
    int64_t *told_at_ms = &service->told_at_ms[q->zone - service->settings->zones];
    if (*told_at_ms != NEVER_TOLD && now_ms() - *told_at_ms < DNSBL_QUIET_MS)
        return OK;
    struct dnsbl_trouble *trouble = vec_add(v->arena, &v->troubles);
    if (trouble == NULL)
        return fail(ERR_LIMIT, "no memory for the verdict of block lists");
    *trouble = (struct dnsbl_trouble){q->zone, arena_str(v->arena, q->why)};
    *told_at_ms = now_ms();
    return OK;
}

static struct err finish(struct verdict *v, struct dnsbl_verdict *out)
{
    struct dnsbl_verdict made = {.weight = v->weight,
            .hits = v->hits.at,
            .hit_count = v->hits.count,
            .troubles = v->troubles.at,
            .trouble_count = v->troubles.count,
            .refused = v->weight >= v->d->service->settings->threshold};
    for (size_t i = 0; made.refused && i < made.hit_count; i++)
        if (made.why == NULL || made.hits[i].zone->weight > made.why->zone->weight)
            made.why = &made.hits[i];
    if (made.refused) { // the threshold is at least 1, so somebody listed it
        made.reply = reply(v->arena, made.why);
        if (str_is_null(made.reply))
            return fail(ERR_LIMIT, "no memory for the verdict of block lists");
    }
    *out = made;
    return OK;
}

static struct str reply(struct arena *a, const struct dnsbl_hit *hit)
{
    if (!str_is_null(hit->zone->reply))
        return hit->zone->reply;
    if (str_is_null(hit->text))
        return arena_fmt(a, "Service unavailable; %.*s listed by %.*s", ARG(hit->name),
                ARG(hit->zone->name));
    return arena_fmt(a, "Service unavailable; %.*s listed by %.*s: %.*s", ARG(hit->name),
            ARG(hit->zone->name), ARG(hit->text));
}
