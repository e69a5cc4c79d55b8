// SPDX-License-Identifier: Apache-2.0
// rt/dns_zone.c: the fake DNS: names and records in memory that stand for all there is. It answers
// as a validating resolver would: CNAMEs are followed, names above others exist, and every answer
// is secure, insecure or bogus as the zone says. It needs nothing but the loop's clock, so it works
// in the simulator; trouble (struct dns_fault) comes from a list that may change at any time.
#include "rt/dns_zone.h"

#include "rt/clock.h"
#include "rt/dns_resolver.h"

#define ANSWER_MEMORY_MAX (64 * KIB) // the chain of an answer; its records are the zone's

struct zone_state {
    const struct dns_zone *zone;
    const struct list *faults;
};

static struct err zone_start(struct resolver *r, struct dns_ask *ask);
static void zone_finish(struct resolver *r, struct dns_ask *ask);
static void zone_free(struct resolver *r);
static const struct dns_fault *fault_for(const struct zone_state *z, const struct dns_ask *ask);
static bool same_name(struct str written, struct str name);
static void answer_one(const struct zone_name *entry, uint16_t type, const struct dns_zone *zone,
        struct dns_answer *io);
static void say_word(struct dns_answer *io, enum dns_outcome word);
static bool alias_target(
        struct arena *a, const struct zone_name *entry, uint16_t type, struct str *out);
static enum zone_trust trust_of(const struct dns_zone *zone, struct str name);
static void note_trust(struct dns_answer *io, enum zone_trust trust);
static bool parent_of(struct str *name);

static const struct resolver_backend zone_backend = {
        .start = zone_start, .finish = zone_finish, .free = zone_free};

struct err resolver_new_zone(
        struct dns_zone *zone, const struct dns_zone_options *options, struct resolver **out)
{
    struct dns_settings settings = dns_settings_default();
    struct zone_state *z = mem_new(struct zone_state);
    if (z == NULL)
        return fail(ERR_LIMIT, "no memory for a resolver");
    *z = (struct zone_state){.zone = zone, .faults = options == NULL ? NULL : options->faults};
    if (options != NULL && options->settings != NULL)
        settings = *options->settings;
    else
        for (size_t i = 0; i < DNS_KEPT_COUNT; i++)
            settings.kept_bytes[i] = 0;
    struct err e = resolver_make(&zone_backend, z, &settings, out);
    if (failed(e)) {
        mem_free(z);
        return e;
    }
    (*out)->figures.validating = settings.validation != DNS_VALIDATE_OFF;
    return OK;
}

static struct err zone_start(struct resolver *r, struct dns_ask *ask)
{
    const struct dns_fault *fault = fault_for(r->state, ask);
    if (fault != NULL && fault->delay_ms > 0)
        ask->finish_at_ms = now_ms() + fault->delay_ms;
    else
        zone_finish(r, ask);
    return OK;
}

static void zone_finish(struct resolver *r, struct dns_ask *ask)
{
    const struct zone_state *z = r->state;
    const struct dns_fault *fault = fault_for(z, ask);
    struct arena a AUTO(arena_done);
    arena_init(&a, ANSWER_MEMORY_MAX);
    struct dns_answer answer = {.name = ask->name, .type = ask->type};
    struct err e = zone_answer(z->zone, &a, &answer);
    if (failed(e)) {
        answer = (struct dns_answer){0};
        say_word(&answer, DNS_SERVFAIL);
        answer.why = err_text(e);
    }
    switch (fault == NULL ? DNS_FAULT_DELAY_ONLY : fault->kind) {
    case DNS_FAULT_DELAY_ONLY:
        break;
    case DNS_FAULT_SERVFAIL:
        say_word(&answer, DNS_SERVFAIL);
        break;
    case DNS_FAULT_TIMEOUT:
        say_word(&answer, DNS_TIMEOUT);
        break;
    case DNS_FAULT_BOGUS:
        say_word(&answer, DNS_BOGUS);
        break;
    }
    dns_ask_answer(ask, &answer);
}

// A question that waits for its delay has somebody waiting for it, and resolver_free wants nobody
// to ask any more; so there is nothing to release but our own.
static void zone_free(struct resolver *r)
{
    mem_free(r->state);
}

static const struct dns_fault *fault_for(const struct zone_state *z, const struct dns_ask *ask)
{
    if (z->faults == NULL)
        return NULL;
    each_in_list (f, z->faults, struct dns_fault, link) {
        if ((f->type == 0 || f->type == ask->type) &&
                (str_is_null(f->name) || same_name(f->name, ask->name)))
            return f;
    }
    return NULL;
}

static bool same_name(struct str written, struct str name)
{
    if (written.len > 1 && str_ends(written, S(".")))
        written.len--;
    return str_eq_nocase(written, name);
}

struct err zone_answer(const struct dns_zone *zone, struct arena *a, struct dns_answer *io)
{
    VEC(struct str) chain = {0};
    struct str name = io->name;
    io->dnssec = DNSSEC_SECURE;
    for (;;) {
        struct str target = STR_NULL;
        const struct zone_name *entry = map_get(&zone->names, name);
        note_trust(io, trust_of(zone, name));
        if (!alias_target(a, entry, io->type, &target)) {
            answer_one(entry, io->type, zone, io);
            break;
        }
        if (chain.count == DNS_CHAIN_MAX)
            return fail(ERR_DNS, "a loop of CNAMEs, or more than 16 in a row");
        struct str *link = vec_add(a, &chain);
        if (link == NULL || str_is_null(target))
            return fail(ERR_LIMIT, "no memory for an answer");
        *link = name = target;
    }
    io->chain = chain.at;
    io->chain_count = chain.count;
    if (io->dnssec == DNSSEC_BOGUS)
        say_word(io, DNS_BOGUS);
    return OK;
}

static bool alias_target(
        struct arena *a, const struct zone_name *entry, uint16_t type, struct str *out)
{
    if (entry == NULL || entry->word != DNS_ANSWER || type == DNS_CNAME)
        return false;
    each_in_vec (set, &entry->types) {
        if (set->type == DNS_CNAME && set->records.count > 0)
            return dns_rdata_name(a, set->records.at[0].rdata, out);
    }
    return false;
}

static void answer_one(const struct zone_name *entry, uint16_t type, const struct dns_zone *zone,
        struct dns_answer *io)
{
    io->ttl_s = ZONE_TTL_S;
    if (entry == NULL) { // the root is there in every DNS, written down or not
        bool is_root = str_eq(io->name, S(".")) && zone->unlisted == DNS_NXDOMAIN;
        say_word(io, is_root ? DNS_NODATA : zone->unlisted);
        return;
    }
    if (entry->word != DNS_ANSWER) {
        say_word(io, entry->word);
        return;
    }
    each_in_vec (set, &entry->types) {
        if (set->type != type)
            continue;
        if (set->word != DNS_ANSWER || set->records.count == 0) {
            say_word(io, set->word == DNS_ANSWER ? DNS_NODATA : set->word);
            return;
        }
        io->outcome = DNS_ANSWER;
        io->records = set->records.at;
        io->count = set->records.count;
        return;
    }
    say_word(io, entry->others);
}

static void say_word(struct dns_answer *io, enum dns_outcome word)
{
    io->outcome = word;
    io->records = NULL;
    io->count = 0;
    if (!dns_is_temporary(word))
        return;
    io->ttl_s = 0;
    io->dnssec = word == DNS_BOGUS ? DNSSEC_BOGUS : DNSSEC_INSECURE;
    io->why = S("the fake DNS says so");
}

static enum zone_trust trust_of(const struct dns_zone *zone, struct str name)
{
    const struct zone_name *entry = map_get(&zone->names, name);
    if (entry != NULL && entry->trust != ZONE_TRUST_UNSAID)
        return entry->trust;
    do {
        entry = map_get(&zone->names, name);
        if (entry != NULL && entry->trust_below != ZONE_TRUST_UNSAID)
            return entry->trust_below;
    } while (parent_of(&name));
    return zone->trust;
}

// An answer is only as good as the worst name on its way.
static void note_trust(struct dns_answer *io, enum zone_trust trust)
{
    if (trust == ZONE_TRUST_BOGUS)
        io->dnssec = DNSSEC_BOGUS;
    else if (trust != ZONE_TRUST_SECURE && io->dnssec == DNSSEC_SECURE)
        io->dnssec = DNSSEC_INSECURE;
}

// False at the root. A dot inside a label is written \046, so each dot separates.
static bool parent_of(struct str *name)
{
    struct str label, rest;
    if (str_eq(*name, S(".")))
        return false;
    *name = str_cut(*name, '.', &label, &rest) ? rest : S(".");
    return true;
}

// --- Making one ----------------------------------------------------------------------------------

struct dns_zone *dns_zone_new(void)
{
    struct dns_zone *zone = mem_new(struct dns_zone);
    if (zone == NULL)
        return NULL;
    arena_init(&zone->arena, ZONE_MEMORY_MAX);
    map_init(&zone->names, 0, 0);
    zone->unlisted = DNS_NXDOMAIN;
    return zone;
}

void dns_zone_free(struct dns_zone *zone)
{
    if (zone == NULL)
        return;
    map_done(&zone->names);
    arena_done(&zone->arena);
    mem_free(zone);
}

struct zone_name *zone_name_make(struct dns_zone *zone, struct str name)
{
    struct zone_name *made = NULL;
    do {
        struct zone_name *entry = map_get(&zone->names, name);
        if (entry != NULL)
            return made == NULL ? entry : made; // those above it are there too
        entry = arena_make(&zone->arena, struct zone_name);
        struct str copy = arena_str(&zone->arena, name);
        if (entry == NULL || str_is_null(copy) || !map_put(&zone->names, copy, entry))
            return NULL;
        *entry = (struct zone_name){.name = copy, .others = DNS_NODATA};
        made = made == NULL ? entry : made;
    } while (parent_of(&name));
    return made;
}

struct zone_records *zone_records_of(struct zone_name *name, uint16_t type)
{
    each_in_vec (set, &name->types) {
        if (set->type == type)
            return set;
    }
    return NULL;
}

struct zone_records *zone_records_make(struct dns_zone *zone, struct zone_name *name, uint16_t type)
{
    struct zone_records *set = zone_records_of(name, type);
    if (set != NULL)
        return set;
    set = vec_add(&zone->arena, &name->types);
    if (set != NULL)
        set->type = type;
    return set;
}

struct err dns_zone_add(struct dns_zone *zone, struct str name, uint16_t type, struct str rdata)
{
    struct str normal;
    TRY(dns_name_read(&zone->arena, name, &normal));
    struct zone_name *entry = zone_name_make(zone, normal);
    struct zone_records *set = entry == NULL ? NULL : zone_records_make(zone, entry, type);
    struct dns_record *record = set == NULL ? NULL : vec_add(&zone->arena, &set->records);
    if (record == NULL)
        return fail(ERR_LIMIT, "no memory for another record");
    entry->listed = true;
    *record = (struct dns_record){.rdata = arena_str(&zone->arena, rdata), .ttl_s = ZONE_TTL_S};
    return str_is_null(record->rdata) ? fail(ERR_LIMIT, "no memory for another record") : OK;
}

struct err dns_zone_sign(struct dns_zone *zone, struct str name, enum dnssec status)
{
    static const enum zone_trust trusts[] = {
            [DNSSEC_INSECURE] = ZONE_TRUST_INSECURE,
            [DNSSEC_SECURE] = ZONE_TRUST_SECURE,
            [DNSSEC_BOGUS] = ZONE_TRUST_BOGUS,
    };
    struct str normal;
    TRY(dns_name_read(&zone->arena, name, &normal));
    struct zone_name *entry = zone_name_make(zone, normal);
    if (entry == NULL)
        return fail(ERR_LIMIT, "no memory for another name");
    entry->trust_below = trusts[status];
    return OK;
}

void dns_zone_remove(struct dns_zone *zone, struct str name)
{
    struct arena a AUTO(arena_done);
    struct str normal;
    arena_init(&a, 16 * KIB);
    if (failed(dns_name_read(&a, name, &normal)))
        return;
    struct zone_name *entry = map_get(&zone->names, normal);
    if (entry == NULL)
        return;
    *entry = (struct zone_name){
            .name = entry->name, .others = DNS_NODATA, .trust_below = entry->trust_below};
}
