// SPDX-License-Identifier: Apache-2.0
// deliver/shape/suspend_parts.h: what suspend.c and suspend_file.c share.
#pragma once

#include "deliver/shape/suspend.h"

// Of the same kind, and naming what `like` names; `alike`: and nothing else.
bool suspension_is_about(const struct suspension *s, const struct suspension *like, bool alike);
