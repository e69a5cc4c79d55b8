// SPDX-License-Identifier: Apache-2.0
// queue/schedule/schedule_by.c: DELIVERBY at the next hop (RFC 2852 4.1.4 and 4.1.5, queue.md 9.2):
// what is said to it, and whether the message may be given to it at all.
#include "queue/schedule/schedule_parts.h"

static int64_t seconds_until(int64_t at_ms, int64_t now_ms);

struct by_relay_wish schedule_by_relay(const struct message *m, const struct recipient *r,
        int64_t wall_now_ms, bool offered, int64_t least_s)
{
    struct by_relay_wish wish = {.relay = BY_RELAY_PLAIN};
    bool returns = (m->flags & MESSAGE_BY_RETURN) != 0;
    if (m->by_ms == 0 || (!returns && (m->flags & MESSAGE_BY_NOTIFY) == 0))
        return wish;
    wish.seconds = seconds_until(schedule_by_at_ms(m, r), wall_now_ms);
    wish.mode = returns ? 'R' : 'N';
    wish.trace = (m->flags & MESSAGE_BY_TRACE) != 0;
    if (returns && wish.seconds <= 0) {
        wish.relay = BY_RELAY_LATE;
    } else if (!offered) {
        wish.relay = returns ? BY_RELAY_UNSUPPORTED : BY_RELAY_REPORT;
        wish.owes_relayed = !returns;
    } else if (returns && wish.seconds < least_s) {
        wish.relay = BY_RELAY_LATE;
    } else {
        wish.relay = BY_RELAY_PASS;
        wish.owes_relayed = wish.trace;
    }
    return wish;
}

// Rounded down, so that the next hop never believes to have more time than there is.
static int64_t seconds_until(int64_t at_ms, int64_t now_ms)
{
    int64_t left_ms = at_ms - now_ms;
    return left_ms >= 0 ? left_ms / SECOND_MS : -((-left_ms + SECOND_MS - 1) / SECOND_MS);
}

struct outcome by_relay_outcome(
        struct arena *a, enum by_relay relay, const struct recipient *r, int64_t wall_now_ms)
{
    bool late = relay == BY_RELAY_LATE;
    struct str domain = arena_str(a, address_domain(r->address));
    return (struct outcome){.kind = FAILURE_IO,
            .entity = domain,
            .enhanced = late ? S("5.4.7") : S("5.3.3"),
            .text = late ? S("too little of the time that the sender has set for delivery is left")
                         : S("the next host does not know DELIVERBY, which the sender has asked "
                             "for"),
            .at_ms = wall_now_ms};
}
