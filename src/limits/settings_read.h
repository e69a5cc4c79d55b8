// SPDX-License-Identifier: Apache-2.0
// limits/settings_read.h: what the files that read the settings share. Private to the room.
#pragma once

#include "limits/settings.h"

struct err throttle_settings_read(struct arena *a, const struct conf *conf, struct findings *f,
        struct throttle_settings *out) MUST_USE;
