// SPDX-License-Identifier: Apache-2.0
// rt/dns_stub.h: a resolver that believes what another one on this machine says of DNSSEC, for
// DNS_TRUST_AD; private to rt/. Its servers are of UDP or TCP.
#pragma once

#include "rt/dns.h"

struct err dns_stub_new(const struct dns_settings *settings, struct resolver **out) MUST_USE;
