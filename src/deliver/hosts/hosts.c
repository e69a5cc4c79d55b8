// SPDX-License-Identifier: Apache-2.0
// deliver/hosts/hosts.c: the hosts of a route: those of the domain, or the targets of a relay in
// the order that `balance` gives them for this attempt.
#include "deliver/hosts/hosts_parts.h"

#include "base/hash.h"
#include "deliver/answer.h"
#include "rt/clock.h"

struct found { // being made
    VEC(struct host) hosts;
};

static struct err of_relay(
        const struct hosts_inputs *in, struct arena *a, struct host_list *out) suspends;
static struct err in_order(
        const struct hosts_inputs *in, struct arena *a, const struct relay_target ***out);
static size_t first_target(const struct hosts_inputs *in, struct arena *a);
static struct err add_target(const struct hosts_inputs *in, struct arena *a,
        const struct relay_target *target, struct found *found, struct host_list *list) suspends;
static struct err add_domain(const struct hosts_inputs *in, struct arena *a,
        const struct relay_target *target, struct found *found, struct host_list *list) suspends;
static struct err add_host(struct arena *a, const struct host *host, struct found *found);

struct err hosts_find(const struct hosts_inputs *in, struct arena *a, struct host_list *out)
{
    const struct route *route = in->route;
    struct str domain = str_is_null(route->mx_domain) ? in->domain : route->mx_domain;
    switch (route->type) {
    case ROUTE_MX:
        return hosts_of_domain(in, a, domain, &(struct host){.port = route->port}, out);
    case ROUTE_RELAY:
    case ROUTE_LOCAL:
        return of_relay(in, a, out);
    }
    return fail(ERR_INTERNAL, "a route of no type");
}

void hosts_note_unusable(struct client_answer *so_far, const struct client_answer *trouble)
{
    if (so_far->verdict != CLIENT_TEMPORARY || trouble->verdict == CLIENT_TEMPORARY)
        *so_far = *trouble;
}

void hosts_shuffle(void *at, size_t count, size_t size)
{
    char kept[SHUFFLED_BYTES_MAX], *items = at;
    assert(size <= sizeof(kept));
    for (size_t left = count; left > 1; left--) {
        char *last = items + (left - 1) * size, *chosen = items + random_u64() % left * size;
        memcpy(kept, last, size);
        memmove(last, chosen, size);
        memcpy(chosen, kept, size);
    }
}

struct err hosts_note_names(struct arena *a, struct host_list *list)
{
    struct str *names = arena_array(a, list->count + 1, struct str);
    if (names == NULL)
        return fail(ERR_LIMIT, "no memory for the names of hosts");
    for (size_t i = 0; i < list->count; i++) {
        const struct host *host = &list->at[i];
        names[i] = str_is_empty(host->name) ? endpoint_text(a, &host->at) : host->name;
    }
    list->names = (struct strs){names, list->count};
    return OK;
}

// --- Relays --------------------------------------------------------------------------------------

static struct err of_relay(const struct hosts_inputs *in, struct arena *a, struct host_list *out)
{
    struct host_list list = {.dnssec = DNSSEC_SECURE}; // who configures a name vouches for it
    struct found found = {0};
    const struct relay_target **targets;
    TRY(in_order(in, a, &targets));
    for (size_t i = 0; i < in->route->target_count; i++)
        TRY(add_target(in, a, targets[i], &found, &list));
    list.at = found.hosts.at;
    list.count = found.hosts.count;
    TRY(hosts_note_names(a, &list));
    if (list.count == 0 && list.trouble.outcome.kind == FAILURE_NONE)
        list.trouble = answer_temporary(CLIENT_CONNECT, FAILURE_IO, in->route->id, S("4.3.5"),
                S("the route has no usable address"));
    *out = list;
    return OK;
}

static struct err in_order(
        const struct hosts_inputs *in, struct arena *a, const struct relay_target ***out)
{
    size_t count = in->route->target_count;
    const struct relay_target **targets = arena_array(a, count + 1, const struct relay_target *);
    if (targets == NULL)
        return fail(ERR_LIMIT, "no memory for the addresses of a relay");
    size_t first = count > 1 ? first_target(in, a) : 0;
    for (size_t i = 0; i < count; i++)
        targets[i] = &in->route->targets[(first + i) % count];
    if (in->route->balance == BALANCE_RANDOM)
        hosts_shuffle(targets, count, sizeof(*targets));
    *out = targets;
    return OK;
}

// The others follow in their order: when one is down, its share goes to the next. Hashes are the
// same in every worker and after every start.
static size_t first_target(const struct hosts_inputs *in, struct arena *a)
{
    size_t count = in->route->target_count;
    switch (in->route->balance) {
    case BALANCE_FAILOVER:
    case BALANCE_RANDOM:
        return 0;
    case BALANCE_ROUND_ROBIN:
        return in->turn % count;
    case BALANCE_HASH_SENDER:
        return hash_sip24(0, 0, arena_str_lower(a, in->sender)) % count;
    case BALANCE_HASH_RCPT_DOMAIN:
        return hash_sip24(0, 0, arena_str_lower(a, in->domain)) % count;
    }
    return 0;
}

static struct err add_target(const struct hosts_inputs *in, struct arena *a,
        const struct relay_target *target, struct found *found, struct host_list *list)
{
    struct host host = {.port = target->at.port,
            .preference = (uint16_t)found->hosts.count,
            .mx_dnssec = DNSSEC_SECURE,
            .is_exempt = true};
    if (target->is_mx)
        return add_domain(in, a, target, found, list);
    if (str_is_null(target->name)) {
        host.at = target->at;
        return add_host(a, &host, found);
    }
    TRY(hosts_name_read(a, target->name, &host.name));
    if (!str_is_null(host.name))
        return add_host(a, &host, found);
    struct client_answer trouble = answer_temporary(CLIENT_CONNECT, FAILURE_IO, target->name,
            S("4.3.5"), S("the relay's name cannot be one"));
    hosts_note_unusable(&list->trouble, &trouble);
    return OK;
}

// A gateway that is published as an MX. That it has none is the administrator's trouble, not the
// sender's: mail waits.
static struct err add_domain(const struct hosts_inputs *in, struct arena *a,
        const struct relay_target *target, struct found *found, struct host_list *list)
{
    struct host_list of_domain;
    struct host like = {.port = target->at.port, .is_exempt = true};
    TRY(hosts_of_domain(in, a, target->name, &like, &of_domain));
    if (of_domain.dnssec != DNSSEC_SECURE && list->dnssec != DNSSEC_BOGUS)
        list->dnssec = of_domain.dnssec;
    list->null_mx_ignored |= of_domain.null_mx_ignored;
    list->was_cut |= of_domain.was_cut;
    for (size_t i = 0; i < of_domain.count; i++) {
        struct host host = of_domain.at[i];
        host.preference = (uint16_t)found->hosts.count;
        TRY(add_host(a, &host, found));
    }
    if (of_domain.count > 0)
        return OK;
    of_domain.trouble.verdict = CLIENT_TEMPORARY;
    of_domain.trouble.outcome.enhanced = S("4.4.3");
    hosts_note_unusable(&list->trouble, &of_domain.trouble);
    return OK;
}

static struct err add_host(struct arena *a, const struct host *host, struct found *found)
{
    struct host *h = vec_add(a, &found->hosts);
    if (h == NULL)
        return fail(ERR_LIMIT, "no memory for the hosts of a relay");
    *h = *host;
    return OK;
}
