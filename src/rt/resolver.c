// SPDX-License-Identifier: Apache-2.0
// rt/resolver.c: the resolver of the world in which the loop runs: libunbound's on the real
// machine, one over the simulation's own zones in the simulator.
#include "rt/dns.h"
#include "rt/loop.h"

struct err resolver_new(struct arena *a, const struct dns_settings *settings, struct resolver **out)
{
    return loop_running()->backend->resolver(a, settings, out);
}
