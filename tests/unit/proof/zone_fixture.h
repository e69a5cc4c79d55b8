// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/zone_fixture.h: a task with a resolver over a zone, on the simulator's clock.
#pragma once

#include "../base/check.h"
#include "rt/dns.h"
#include "rt/sim/sim.h"

typedef struct err zone_test(struct resolver *r, void *arg);

struct zone_run {
    struct dns_zone *zone;
    struct list *faults;
    zone_test *test;
    void *arg;
};

static inline struct err zone_run_main(void *run)
{
    struct zone_run *z = run;
    struct resolver *r;
    TRY(resolver_new_zone(z->zone, &(struct dns_zone_options){.faults = z->faults}, &r));
    struct err e = z->test(r, z->arg);
    resolver_free(r);
    return e;
}

// The zone is JSON with ' for ".
static inline void with_zone(const char *json, struct list *faults, zone_test *test, void *arg)
{
    struct arena a AUTO(arena_done);
    struct buf text AUTO(buf_done);
    struct zone_run run = {.faults = faults, .test = test, .arg = arg};
    arena_init(&a, 16 * MIB);
    buf_init(&text, 4 * MIB);
    struct scan in = scan_over(str_from_c(json));
    for (uint8_t c; scan_any(&in, &c);)
        buf_add_byte(&text, c == '\'' ? '"' : (char)c);
    struct err e = dns_zone_read(&a, buf_str(&text), &run.zone);
    if (failed(e))
        check_failed("zone: %.*s", ARG(err_text(e)));
    struct sim *sim = sim_new(1);
    assert_non_null(sim);
    e = sim_run(sim, zone_run_main, &run);
    if (failed(e))
        check_failed("%.*s", ARG(err_text(e)));
    sim_free(sim);
    dns_zone_free(run.zone);
}
