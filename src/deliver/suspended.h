// SPDX-License-Identifier: Apache-2.0
// deliver/suspended.h: what is suspended (deliver/shape/suspend.h) as a worker goes by it: the file
// as it was last read, the places of an attempt at which it is asked, and orders that rules give.
#pragma once

#include "deliver/settings/settings.h"
#include "deliver/shape/suspend.h"
#include "queue/control/statewatch.h"

struct deliverer;
struct job;
struct remote;
struct carried;
struct host;
struct ip;
struct route;

// Limiters of one attempt, see struct outbound_check.
struct limiters {
    VEC(const struct outbound_limiter *) all;
};

// Slices of `now` are good until the next look: nobody keeps them over a call that suspends.
struct suspended { // of a worker
    struct suspensions now;
    struct statewatch watch;
    int64_t *told_at_ms; // of each: when it was last told, of the loop; NULL: no memory
};
void suspended_init(struct suspended *s, struct str path);
void suspended_done(struct suspended *s);
void dispatch_read_suspensions(struct deliverer *d);

// Each true: it is suspended, and everybody it is about has been put off.
bool suspended_unit(struct job *j);
bool suspended_route(
        struct job *j, const struct route *route, const struct carried *rcpts, size_t count);
bool suspended_site(struct remote *r); // nobody is left then
// The host rests like one that cools down: others may be tried.
bool suspended_host(struct remote *r, const struct host *host);

bool suspended_backs_off(struct remote *r); // is its site in back-off?
// Is TLS switched off on the way there? Who plans it says whether that may be followed.
bool suspended_tls(struct remote *r, const struct host *host, const struct ip *from);
// Adds limiters of throttles of this stage that fit; false: no memory.
bool suspended_throttles(struct job *j, enum suspend_stage stage,
        const struct suspend_values *values, struct limiters *out) MUST_USE;

// What is known of a recipient's attempt. `r`, `host` and `from` NULL: not yet.
struct suspend_values suspend_values_of(struct job *j, size_t place, const struct remote *r,
        const struct host *host, const struct ip *from);

// An order of a rule, from now on and for all workers. Trouble is told as an event.
struct err suspended_order(struct deliverer *d, const struct suspension *order) suspends MUST_USE;
// And the end of such orders.
struct err suspended_lift(struct deliverer *d, const struct suspension *like) suspends MUST_USE;
