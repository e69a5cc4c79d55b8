// SPDX-License-Identifier: Apache-2.0
// cli/dkim/dkim_stored.h: the keys that the server has made itself (queue/signing/key_file.h), for
// commands that show them, and the forced change of one. Private to the commands of `posthaste
// dkim` and `dns`.
#pragma once

#include "cli/cli.h"

#include "proof/rotation.h"

struct plan;

// In the command's arena. What cannot be read is told as a warning, and left out.
struct rotation_keys dkim_stored_read(struct cli *c, const struct plan *plan);
// `dkim show [DOMAIN]`: all keys with their stages and moments; the exit status.
int dkim_stored_show(struct cli *c);
// `dkim rotate` of keys that the server changes itself. False: no such keys are meant, and nothing
// was done.
bool dkim_stored_rotate(struct cli *c, const struct plan *plan, int *out_status);
