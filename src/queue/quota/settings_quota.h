// SPDX-License-Identifier: Apache-2.0
// queue/quota/settings_quota.h: what the files that read the queue's settings share. Private to
// them.
#pragma once

#include "queue/settings.h"

struct reading {
    struct arena *arena;
    const struct conf *conf;
    struct findings *findings;
    struct queue_settings *out;
};

struct err settings_read_quotas(struct reading *r) MUST_USE;
