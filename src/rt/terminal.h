// SPDX-License-Identifier: Apache-2.0
// rt/terminal.h: asking a person for a secret: what is typed does not show, and keys that would
// kill the program arrive as bytes, so that the terminal is never left the way it was for that.
#pragma once

#include "base/base.h"

bool terminal_is(int fd);

// One line of at most bytes_max, without its end, from a terminal. The prompt goes to out_fd.
// ERR_CANCELLED: the person would rather not. ERR_LIMIT: more than bytes_max.
struct err terminal_ask_secret(struct arena *a, int in_fd, int out_fd, struct str prompt,
        size_t bytes_max, struct str *out) MUST_USE;
