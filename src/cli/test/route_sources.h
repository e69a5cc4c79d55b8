// SPDX-License-Identifier: Apache-2.0
// cli/test/route_sources.h: our addresses from which a host would be connected to, for `posthaste
// test route` (outbound.md 7.3, 28.3).
#pragma once

#include "base/json.h"
#include "deliver/settings/settings.h"

// The array of the addresses of that family, of the strategy's pool and of those behind it, in the
// order of the file: {"pool", "ip", "ehlo", "weight", "today"}. `today` is what may go from there
// to one provider on the day of that moment; null: as much as there is.
void route_show_sources(struct json_out *o, struct arena *a,
        const struct connection_strategy *strategy, enum ip_family family, int64_t wall_now_ms);
