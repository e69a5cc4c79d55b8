// SPDX-License-Identifier: Apache-2.0
// directory/surroundings.h: what expressions may ask that is no variable of their context: the
// host's name, config_get, whether a domain or an address is ours, the DNS (configuration.md 9.3).
// Contexts put their variables before it (expr_env_inside).
#pragma once

#include "conf/conf.h"
#include "directory/directory.h"
#include "rt/dns.h"

struct surroundings {
    const struct conf *conf;         // NULL: config_get and lookups know nothing
    struct directories *directories; // NULL: not open
    struct resolver *resolver;       // NULL: none
    struct str host;
    uint8_t node;
};

// Good as long as `self`; without variables.
struct expr_env surroundings_env(struct surroundings *self, int64_t timeout_ms);
