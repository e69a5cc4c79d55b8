// SPDX-License-Identifier: Apache-2.0
// deliver/hosts/health.h: what a worker remembers of hosts (outbound.md 19.4): addresses that do
// not answer are left alone for a while, then one attempt probes them; and what a host cannot do is
// not tried again for a day. In memory only; of more than HEALTH_ENTRIES_MAX the ones that nobody
// asked about for the longest time are forgotten.
//
//     struct health_trouble trouble;
//     switch (health_ask(h, &address, &source, now_ms(), &trouble)) {
//     case HEALTH_WAIT:  ... trouble.until_ms, trouble.why; the next address
//     case HEALTH_PROBE: // one attempt at a time; it must come to one of the three below
//     case HEALTH_GO:    ... connect ...
//     }
//     health_good(h, &address, &source);             // greeting and EHLO were answered
//     health_bad(h, &address, &source, &why, now_ms()); // no connection, greeting, EHLO, TLS
//     health_unknown(h, &address, &source);          // our own trouble: nothing was learned
//
// Moments are those of now_ms(), given by the caller. What is handed out lives until the next call.
#pragma once

#include "deliver/settings/settings.h"

#define HEALTH_ENTRIES_MAX 100000
#define HEALTH_TEXT_BYTES_MAX 512        // of the error that is kept
#define HEALTH_LEARNED_MS (24 * HOUR_MS) // outbound.md 19.4
#define HEALTH_DEFER_MIN_MS                                                                        \
    (30 * SECOND_MS) // units of a host that cools down wait so long at least

struct health;

struct err health_new(const struct host_settings *settings, struct health **out) MUST_USE;
void health_free(struct health *h); // NULL is fine
size_t health_count(const struct health *h);

enum health_word { HEALTH_GO, HEALTH_PROBE, HEALTH_WAIT };

struct health_trouble {
    int64_t until_ms;         // end of the cool-down, or soon, when somebody else probes
    struct client_answer why; // the last real error: kind connection
};

enum health_word health_ask(struct health *h, const struct endpoint *address,
        const struct ip *source, int64_t now_ms, struct health_trouble *out);
// How long a unit waits when all its addresses cool down: HEALTH_DEFER_MIN_MS at least, and some
// more by chance, so that they do not all come at once.
int64_t health_delay_ms(const struct health_trouble *trouble, int64_t now_ms);
void health_good(struct health *h, const struct endpoint *address, const struct ip *source);
void health_bad(struct health *h, const struct endpoint *address, const struct ip *source,
        const struct client_answer *why, int64_t now_ms);
void health_unknown(struct health *h, const struct endpoint *address, const struct ip *source);

// --- Logins at relays ----------------------------------------------------------------------------
// outbound.md 13: after one that was refused nobody tries those of the route again for a minute,
// and for up to a quarter of an hour after more of them: a wrong password must not lock an account.
// In the same way as with addresses one attempt probes.

enum health_word health_ask_login(
        struct health *h, struct str route, int64_t now_ms, struct health_trouble *out);
void health_good_login(struct health *h, struct str route);
// True: the news of it; false: of an attempt that began before, and that somebody has told of.
bool health_bad_login(
        struct health *h, struct str route, const struct client_answer *why, int64_t now_ms);
void health_unknown_login(struct health *h, struct str route);

// --- What hosts cannot do ------------------------------------------------------------------------
// By the host's name, or its address where it has none. Without queue.host.learn nothing is, but
// LESSON_NO_TLS, which has a time of its own (remember-tls), and LESSON_FAMILY.

enum lesson {
    LESSON_RCPTS_MAX,    // value: so many in a transaction
    LESSON_MESSAGES_MAX, // value: so many in a connection
    LESSON_EXTENSIONS,   // value: enum client_extension, whose parameters were refused; they add up
    LESSON_NO_EHLO,      // value: 1
    LESSON_NO_TLS,       // value: 1: STARTTLS is broken
    LESSON_FAMILY,       // value: enum ip_family that worked last
};
#define LESSON_COUNT 6

struct host_facts { // 0: nothing is known
    uint32_t rcpts_max, messages_max, extensions_off;
    bool no_ehlo, no_tls;
    enum ip_family worked_last;
};

void health_learn(
        struct health *h, struct str host, enum lesson lesson, uint32_t value, int64_t now_ms);
struct host_facts health_facts(struct health *h, struct str host, int64_t now_ms);
