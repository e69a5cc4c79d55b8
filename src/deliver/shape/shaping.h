// SPDX-License-Identifier: Apache-2.0
// deliver/shape/shaping.h: what a provider takes (queue.shaping, outbound.md 28.1). What holds for
// a destination is put together key by key: from the entry that names its domain, else from the one
// that fits its hosts, else from the entry `default`. In back-off (28.2; an order at run time, see
// deliver/shape/suspend.h) values of `backoff.` come before those that they stand for.
//
//     struct shaped shaped;
//     TRY(shaping_find(settings, a, domain, &list.names, &shaped));
//     ... shaped.site is mx_site; shaped_recipients(&shaped) of a transaction, 0: as the route says
#pragma once

#include "deliver/settings/settings.h"

struct shaped {
    const struct shaping *by[SHAPING_KEYS]; // whose value it is; NULL: nobody says anything
    struct str site;                        // the entry's name, or that of deliver/hosts/site.h
    bool backs_off;
};

// `hosts` none: not known. ERR_LIMIT: no memory.
struct err shaping_find(const struct deliver_settings *s, struct arena *a, struct str domain,
        const struct strs *hosts, struct shaped *out) MUST_USE;

// Those that hold now; at most SHAPING_LIMITS.
size_t shaped_limiters(
        const struct shaped *shaped, const struct outbound_limiter *out[SHAPING_LIMITS]);
uint32_t shaped_recipients(const struct shaped *shaped);             // 0: it does not say
uint32_t shaped_messages(const struct shaped *shaped);               // of a connection; the same
struct str shaped_tls(const struct shaped *shaped);                  // null: it does not say
struct str shaped_connection(const struct shaped *shaped);           // the same
int64_t shaped_retry_ms(const struct shaped *shaped, uint32_t turn); // from 0; 0: the same
int64_t shaped_backoff_ms(const struct shaped *shaped);              // how long one lasts
uint32_t shaped_backoff_percent(const struct shaped *shaped);        // 0: it ends by time alone
uint32_t shaped_ready(const struct shaped *shaped); // that wait; 0: it does not say

// For people: "message-rate"; the key of the value that holds, null when none does.
struct str shaping_key_name(enum shaping_key key);
struct str shaped_origin(
        const struct deliver_settings *s, const struct shaped *shaped, enum shaping_key key);
