// SPDX-License-Identifier: Apache-2.0
// deliver/bounced.h: the classes that a worker has found a moment ago. To ask the rules costs as
// much as a quick attempt does, and a host that refuses much says the same again and again.
#pragma once

#include "base/base.h"

#define BOUNCES_KNOWN 256

struct bounces_known {
    uint64_t seed; // peers choose the texts; 0: none yet
    struct {
        uint64_t key;  // hash of what the rules look at; 0: nothing is known here
        uint8_t class; // enum bounce_class
    } at[BOUNCES_KNOWN];
};
