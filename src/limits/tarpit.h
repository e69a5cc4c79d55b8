// SPDX-License-Identifier: Apache-2.0
// limits/tarpit.h: sessions that are made to wait hold their slots meanwhile, so only a tenth of a
// listener's may wait at once; the others are answered at once (inbound.md 10.2).
#pragma once

#include "limits/shared.h"

// False: enough of them wait already; answer without waiting, and do not call tarpit_end.
bool tarpit_begin(const struct limits *l, const struct listener *listener) MUST_USE;
void tarpit_end(const struct limits *l, const struct listener *listener);
