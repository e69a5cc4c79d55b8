// SPDX-License-Identifier: Apache-2.0
// conf/expr_dns.h: what dns_query of expressions brings (configuration.md 9.9), for whoever offers
// the op of struct expr_env_ops and has a resolver.
#pragma once

#include "conf/expr.h"

struct resolver;

// An array of texts; of TXT one text. Nothing there is an empty one; what could not be found out is
// an error. At most timeout_ms, 0: no limit but the scope's.
struct err expr_dns_ask(struct resolver *r, struct arena *scratch, struct str name,
        enum expr_dns type, int64_t timeout_ms, struct expr_value *out) suspends MUST_USE;
