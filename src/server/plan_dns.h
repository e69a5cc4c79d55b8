// SPDX-License-Identifier: Apache-2.0
// server/plan_dns.h: what the configuration says about the DNS (outbound.md 22), for rt/dns.h. What
// is made lives in the arena.
#pragma once

#include "base/base.h"
#include "conf/conf.h"
#include "rt/dns.h"

#define PORT_DNS 53

// False: there are errors among the findings. Reads /etc/resolv.conf where that is asked for.
bool plan_dns_make(const struct conf *conf, struct findings *findings, struct arena *a,
        struct dns_settings *out);
// With resolver.type = "system": resolv.conf once more, into the settings in use. On an error these
// stay as they are.
struct err plan_dns_again(const struct conf *conf, struct arena *a, struct dns_settings *io,
        bool *out_changed) MUST_USE;
// Without a configuration: defaults, and the servers of the system.
struct err plan_dns_default(struct arena *a, struct dns_settings *out) MUST_USE;

// The text of a resolv.conf(5): its servers, and timeout: and attempts: of its options. What mail
// has no use for (search, ndots) is left alone.
struct err plan_dns_resolv_conf(struct arena *a, struct str text, struct dns_settings *io) MUST_USE;
// [udp://|tcp://|tls://]IP[:PORT][#NAME]
struct err plan_dns_server(struct str text, struct dns_server *out) MUST_USE;
