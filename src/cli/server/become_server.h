// SPDX-License-Identifier: Apache-2.0
// cli/server/become_server.h: commands that write into the state folder do so as the server's user,
// so that the server can read it.
#pragma once

#include "cli/cli.h"
#include "conf/conf.h"
#include "rt/task.h"

// The server's user is whoever has the state folder, and before there is one whoever
// server.run-as names. `folder`, in it or the same, is made when it is missing. Does nothing for
// who is not root.
struct err become_server(struct arena *a, const struct conf *conf, struct str folder) MUST_USE;
// The whole of such a command: becomes it, and runs `main` on a large stack in the one task of a
// loop. CLI_OK when that has run, what it came to is its own business; else the reason was told.
int as_server_run(
        struct cli *c, const struct conf *conf, struct str folder, deep_fn *main, void *arg);
