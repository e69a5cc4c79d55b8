// SPDX-License-Identifier: Apache-2.0
// listen/visit_logins.c: failed logins counted by name (listeners.md 12.4). Guesses at one account
// from a thousand addresses stay below what each address may do, so the name has a bucket of its
// own. When it is empty, strangers must wait for a token; whoever has logged in to the name from
// where he is now goes on as if nothing had happened.
#include "listen/visit_state.h"

#include "rt/clock.h"

#define KNOWN_MS (30 * (int64_t)DAY_MS)

static bool counts(const struct visit *v, struct str login);
static uint64_t bucket_of(const struct visit *v, struct str login);
static bool is_known(const struct visit *v, struct str login);
static uint64_t pair_of(const struct visit *v, struct str login);

bool listen_login_may_try(const struct visit *v, struct str login)
{
    const struct listen_process *p = v->process;
    if (p->settings->login_action != LOGIN_LOCK || !counts(v, login))
        return true;
    uint64_t left = shared_buckets_level(
            &p->shared->buckets, bucket_of(v, login), &p->settings->ban_auth.rate, wall_ms());
    return left > 0 || is_known(v, login);
}

// Under the action "ban" the address of the attempt too many is banned, but never that of the
// rightful user (inbound.md 10.8).
bool listen_login_failed(struct visit *v, struct str login)
{
    struct listen_process *p = v->process;
    const struct rate *rate = &p->settings->ban_auth.rate;
    bool banned = listen_offence(v, OFFENCE_AUTH, login);
    if (!counts(v, login) ||
            shared_buckets_take(&p->shared->buckets, bucket_of(v, login), rate, wall_ms()))
        return banned;
    if (banned || p->settings->login_action != LOGIN_BAN || is_known(v, login))
        return banned;
    visit_ban(v, OFFENCE_AUTH, login, rate->count + 1);
    return true;
}

void listen_login_succeeded(const struct visit *v, struct str login)
{
    int64_t now = wall_ms();
    moments_set(&v->process->shared->logins, pair_of(v, login), now, now + KNOWN_MS);
}

// Allowed clients are never counted (12.3).
static bool counts(const struct visit *v, struct str login)
{
    const struct listen_settings *s = v->process->settings;
    return s->login_action != LOGIN_OFF && s->ban_auth.rate.count > 0 && login.len > 0 &&
           !visit_is_allowed(v);
}

static uint64_t bucket_of(const struct visit *v, struct str login)
{
    return listen_text_hash(v->process->shared, COUNTED_LOGIN, 0, login);
}

static bool is_known(const struct visit *v, struct str login)
{
    return moments_get(&v->process->shared->logins, pair_of(v, login)) > wall_ms();
}

static uint64_t pair_of(const struct visit *v, struct str login)
{
    const struct listen_shared *s = v->process->shared;
    struct ip_net net = client_net(&v->client.ip, v->process->settings->ban_ipv6_prefix);
    uint64_t both[2] = {listen_client_hash(s, COUNTED_LOGIN_FROM, 0, &net),
            listen_text_hash(s, COUNTED_LOGIN_FROM, 0, login)};
    return listen_text_hash(s, COUNTED_LOGIN_FROM, 1, str_of((const char *)both, sizeof(both)));
}
