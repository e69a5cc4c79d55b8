// SPDX-License-Identifier: Apache-2.0
// rt/sim/names.c: the DNS of a simulation: one zone for the whole world (rt/dns.h), with faults. It
// asks nobody but the clock.
#include "rt/sim/world.h"

struct dns_zone *sim_dns(struct sim *sim)
{
    if (sim->dns == NULL)
        sim->dns = dns_zone_new();
    return sim->dns;
}

struct err sim_backend_resolver(
        struct arena *a UNUSED, const struct dns_settings *settings, struct resolver **out)
{
    struct sim *sim = sim_of_loop(loop_running());
    if (sim_dns(sim) == NULL)
        return fail(ERR_LIMIT, "no memory for names");
    struct dns_zone_options options = {.faults = &sim->dns_faults, .settings = settings};
    return resolver_new_zone(sim->dns, &options, out);
}

struct err sim_dns_fault(struct sim *sim, const struct dns_fault *fault)
{
    struct dns_fault *kept = arena_make(&sim->arena, struct dns_fault);
    if (kept == NULL)
        return fail(ERR_LIMIT, "no memory for a fault of DNS");
    *kept = *fault;
    kept->link = (struct link){0};
    if (!str_is_null(fault->name)) {
        kept->name = arena_str(&sim->arena, fault->name);
        if (str_is_null(kept->name))
            return fail(ERR_LIMIT, "no memory for a fault of DNS");
    }
    list_prepend(&sim->dns_faults, &kept->link);
    return OK;
}
