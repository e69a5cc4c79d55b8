// SPDX-License-Identifier: Apache-2.0
// limits/early.h: clients that have shown that they wait for the greeting need not show it again
// for a day (inbound.md 10.9).
#pragma once

#include "limits/shared.h"

#define EARLY_KNOWN_MS DAY_MS

bool early_knows(const struct limits *l, const struct ip *client, int64_t wall_now_ms);
void early_remember(const struct limits *l, const struct ip *client, int64_t wall_now_ms);
