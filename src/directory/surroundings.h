// SPDX-License-Identifier: Apache-2.0
// directory/surroundings.h: what expressions may ask that is no variable of their context: the
// host's name, config_get, whether a domain or an address is ours, the DNS (configuration.md 9.3).
// Contexts put their variables before it.
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

// Its steps one by one, for environments that have variables of their own.
struct expr_value surroundings_system(const struct surroundings *s, enum expr_system what);
struct str surroundings_config(const struct surroundings *s, struct arena *scratch, struct str key);
struct err surroundings_dns(const struct surroundings *s, struct arena *scratch, struct str name,
        enum expr_dns type, int64_t timeout_ms, struct expr_value *out) suspends MUST_USE;
struct err surroundings_is_local(const struct surroundings *s, struct arena *scratch,
        enum expr_local what, struct str directory, struct str name, int64_t timeout_ms,
        bool *out) suspends MUST_USE;
