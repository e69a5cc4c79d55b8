// SPDX-License-Identifier: Apache-2.0
// limits/greylist.c: see limits/greylist.h.
//
// Two tables: when an entry was first seen, and until when one passes. Whoever sends a million
// mails once fills the first and cannot push anybody out of the second. Both lives count from the
// last use, so that those who write regularly wait once only. A network that may pass stands in the
// second table, too, under a number of its own; how many entries have passed from it is counted in
// a third one, in the lower bits of a moment, so that the network seen last stays longest.
#include "limits/greylist.h"

#include <stdatomic.h>

#define TABLE_SHIFT 62 // the topmost bits choose the table, the lowest the place in it
#define COUNT_BITS 20  // of a network's moment: seconds above, passes below
#define COUNT_MASK ((1 << COUNT_BITS) - 1)

static bool is_exempt(struct greylist_ask *ask);
static bool is_role(struct str rcpt);
static bool skips(const struct limits *l, struct greylist_ask *ask) suspends;
static uint64_t entry_of(const struct limits *l, const struct greylist_ask *ask);
static uint64_t net_of(const struct limits *l, const struct greylist_ask *ask);
static bool passes(const struct limits *l, uint64_t owner, int64_t now_ms);
static bool comes_back(const struct limits *l, uint64_t entry, int64_t now_ms);
static void let_pass(const struct limits *l, uint64_t owner, int64_t now_ms);
static void count_pass(const struct limits *l, uint64_t net, int64_t now_ms);

_Static_assert(GREYLIST_TABLES == 1 << (64 - TABLE_SHIFT), "a table for each value");

bool greylist_is_on(const struct limits *l)
{
    return l->settings->greylist.duration_ms > 0;
}

enum greylist_answer greylist_ask(const struct limits *l, struct greylist_ask *ask)
{
    int64_t now_ms = ask->wall_now_ms;
    if (!greylist_is_on(l) || is_exempt(ask) || skips(l, ask))
        return GREYLIST_PASS;
    uint64_t entry = entry_of(l, ask), net = net_of(l, ask);
    bool counts_nets = l->settings->greylist.auto_allow > 0;
    if ((counts_nets && passes(l, net, now_ms)) || passes(l, entry, now_ms))
        return GREYLIST_PASS;
    if (!comes_back(l, entry, now_ms))
        return GREYLIST_WAIT;
    let_pass(l, entry, now_ms);
    if (counts_nets)
        count_pass(l, net, now_ms);
    return GREYLIST_PASS;
}

static bool is_exempt(struct greylist_ask *ask)
{
    return ask->is_authenticated || ask->is_allowed || ask->is_trusted || ask->sender.len == 0 ||
           is_role(ask->rcpt);
}

// Those that must be reachable when everything else is not (RFC 5321 4.5.1, RFC 2142 4).
static bool is_role(struct str rcpt)
{
    struct str local = rcpt, domain;
    str_cut(rcpt, '@', &local, &domain);
    return str_eq_nocase(local, S("postmaster")) || str_eq_nocase(local, S("abuse"));
}

// What cannot be decided does not skip: waiting does no harm.
static bool skips(const struct limits *l, struct greylist_ask *ask)
{
    struct expr_result r = expr_eval(l->settings->greylist.skip, ask->env, ask->scratch);
    if (r.outcome != EXPR_FAILED)
        return r.boolean;
    ask->fault = (struct limits_fault){.key = S("spam-filter.grey-list.skip"), .fault = r.fault};
    return false;
}

static uint64_t entry_of(const struct limits *l, const struct greylist_ask *ask)
{
    const struct limits_shared *s = l->shared;
    uint32_t keys = l->settings->greylist.keys;
    struct ip net = limits_net_of(&ask->remote_ip);
    uint64_t h = limits_hash(s, LIMITS_GREYLIST, keys);
    if ((keys >> GREYLIST_SENDER & 1) != 0)
        h = limits_hash_text(s, h, ask->sender);
    if ((keys >> GREYLIST_RCPT & 1) != 0)
        h = limits_hash_text(s, h, ask->rcpt);
    if ((keys >> GREYLIST_REMOTE_IP & 1) != 0)
        h = limits_hash_ip(s, h, &ask->remote_ip);
    if ((keys >> GREYLIST_REMOTE_NET & 1) != 0)
        h = limits_hash_ip(s, h, &net);
    if ((keys >> GREYLIST_HELO_DOMAIN & 1) != 0)
        h = limits_hash_text(s, h, ask->helo_domain);
    return h;
}

static uint64_t net_of(const struct limits *l, const struct greylist_ask *ask)
{
    struct ip net = limits_net_of(&ask->remote_ip);
    return limits_hash_ip(l->shared, limits_hash(l->shared, LIMITS_GREYLIST_NET, 0), &net);
}

static bool passes(const struct limits *l, uint64_t owner, int64_t now_ms)
{
    bool known = moments_get(&l->shared->passed[owner >> TABLE_SHIFT], owner) > now_ms;
    if (known)
        let_pass(l, owner, now_ms);
    return known;
}

// After the delay and within the window. If not, this attempt is the first one, or too early.
static bool comes_back(const struct limits *l, uint64_t entry, int64_t now_ms)
{
    const struct greylist_settings *s = &l->settings->greylist;
    struct shared_moments *table = &l->shared->waiting[entry >> TABLE_SHIFT];
    int64_t forgotten_ms = now_ms - s->window_ms;
    _Atomic int64_t *first = moments_claim(table, entry, forgotten_ms);
    int64_t first_ms = atomic_load(first);
    bool is_back = first_ms > forgotten_ms && first_ms > 0;
    if (!is_back || first_ms > now_ms)
        first_ms = now_ms; // a clock that was put back makes nobody wait longer than the delay
    bool in_time = is_back && now_ms - first_ms >= s->delay_ms;
    atomic_store(first, in_time ? 0 : first_ms); // who passes begins anew when the pass has ended
    return in_time;
}

static void let_pass(const struct limits *l, uint64_t owner, int64_t now_ms)
{
    int64_t until_ms = now_ms + l->settings->greylist.duration_ms;
    moments_set(&l->shared->passed[owner >> TABLE_SHIFT], owner, now_ms, until_ms);
}

static void count_pass(const struct limits *l, uint64_t net, int64_t now_ms)
{
    int64_t now_s = now_ms / SECOND_MS;
    int64_t past_s = (now_ms - l->settings->greylist.duration_ms) / SECOND_MS;
    int64_t past = past_s > 0 ? past_s << COUNT_BITS : 0;
    _Atomic int64_t *mine = moments_claim(&l->shared->nets, net, past);
    int64_t before = atomic_load(mine), count;
    do
        count = (before > past ? before & COUNT_MASK : 0) + 1;
    while (!atomic_compare_exchange_weak(mine, &before, now_s << COUNT_BITS | count));
    if ((uint64_t)count >= l->settings->greylist.auto_allow)
        let_pass(l, net, now_ms);
}
