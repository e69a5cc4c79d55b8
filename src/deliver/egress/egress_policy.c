// SPDX-License-Identifier: Apache-2.0
// deliver/egress/egress_policy.c: the MTA-STS policy of a relay (outbound.md 16.1; RFC 8461 3.4).
// What a configured host publishes is asked for only where the TLS strategy requires a policy: its
// name did not come from the DNS, so nobody could have changed it on the way.
#include "deliver/egress/egress.h"

static struct str domain_of(const struct remote *r, const struct host *host);

struct err egress_policy(struct remote *r, struct approach *p, bool *out_refused)
{
    struct job *j = r->j;
    const struct tls_strategy *tls = p->tls.strategy;
    *out_refused = false;
    if (r->route->type == ROUTE_MX)
        return OK; // remote.c has asked for that of the recipients' domain
    r->sts = (struct sts_result){0};
    if (tls->mta_sts != TLS_REQUIRE || r->protocol != CLIENT_SMTP || j->d->in.sts == NULL ||
            str_is_empty(p->host->name))
        return OK;
    const struct sts_inputs in = {.resolver = j->d->in.resolver,
            .cache = j->d->in.sts,
            .prohibited = j->d->in.settings->sts_prohibited,
            .timeout_ms = tls->mta_sts_ms,
            .wish = tls->mta_sts,
            .span = &j->span};
    TRY(sts_find(&in, &j->arena, domain_of(r, p->host), &r->sts));
    *out_refused = r->sts.is_refused;
    if (r->sts.is_refused)
        remote_note(r, arena_answer(&j->arena, &r->sts.answer));
    return OK;
}

// The name that was configured: of a relay `mx:DOMAIN` the domain, not the host that the DNS gave.
static struct str domain_of(const struct remote *r, const struct host *host)
{
    struct str domain = host->name;
    for (size_t i = 0; i < r->route->target_count; i++) {
        const struct relay_target *target = &r->route->targets[i];
        if (!target->is_mx && str_eq_nocase(target->name, host->name))
            return host->name;
        if (target->is_mx)
            domain = target->name;
    }
    return domain;
}
