// SPDX-License-Identifier: Apache-2.0
// deliver/verp.h: see verp.c. The sender for the first of these recipients; *count becomes how many
// of them it is right for.
#pragma once

#include "deliver/remote.h"

struct err verp_choose(struct remote *r, const struct carried *rcpts, size_t *count,
        struct str *out_sender) suspends MUST_USE;
