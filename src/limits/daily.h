// SPDX-License-Identifier: Apache-2.0
// limits/daily.h: how many of something an owner has had on a day (UTC), counted for the node. An
// owner is a number made by limits_hash and its like. Yesterday's counts are as good as free; when
// none of an owner's places is, the one with the least today makes room: what is lost is small.
#pragma once

#include "limits/shared.h"

// The day of a moment, and the moment at which the next one begins.
int64_t daily_of_ms(int64_t wall_ms);
int64_t daily_end_ms(int64_t wall_ms);

// False: the owner has had `most` of them on that day.
bool daily_take(struct limits_shared *s, uint64_t owner, int64_t day, uint32_t most) MUST_USE;
// One that was taken, and came to nothing.
void daily_give(struct limits_shared *s, uint64_t owner, int64_t day);
// At least so many of that day, from now on.
void daily_raise(struct limits_shared *s, uint64_t owner, int64_t day, uint32_t least);
uint32_t daily_count(struct limits_shared *s, uint64_t owner, int64_t day);
