// SPDX-License-Identifier: Apache-2.0
// deliver/shape/source_pick.h: which of several addresses, by their weights. All three ways give
// each the part of the mail that its weight is of the sum; they differ in who gets which.
#pragma once

#include "deliver/settings/settings.h"

// Of `count` that are fit to be used, at least one; the answer is a place among them.

// In turn: in as many turns as the weights add up to, each has as many as its weight says, spread
// over them; equal weights go round in order.
size_t pick_by_turn(const struct source_address *const *fit, size_t count, uint64_t turn);
// The same one for the same number, in every worker and after every start. Where one drops out,
// those who had it are spread over the others, and nobody else moves.
size_t pick_by_hash(const struct source_address *const *fit, size_t count, uint64_t number);
size_t pick_by_chance(const struct source_address *const *fit, size_t count, uint64_t random);

uint32_t source_weight(const struct source_address *one);
