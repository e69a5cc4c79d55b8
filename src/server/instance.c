// SPDX-License-Identifier: Apache-2.0
// server/instance.c: one server for each state folder (listeners.md 6, reuse-port: two of them
// would silently share their ports, and the store). The lock file there holds the pid of the
// server; a successor inherits the lock itself.
#include "server/supervisor.h"

#include "rt/lockfile.h"

struct err instance_claim(struct supervisor *sup, const struct conf *conf, struct arena *a)
{
    struct str folder = conf_str(conf, S("global.state-dir"));
    if (sup->lock_fd >= 0)
        return OK; // since the start, or since our predecessor's
    struct str path = arena_fmt(a, "%.*s/lock", ARG(folder));
    pid_t holder = 0;
    struct err e = lockfile_take(a, path, &sup->lock_fd, &holder);
    if (e.kind == ERR_EXISTS && holder != 0)
        return fail_fmt(a, ERR_EXISTS, "already running (pid %d) with the state folder %.*s",
                (int)holder, ARG(folder));
    if (!failed(e))
        instance_sign(sup);
    if (e.kind == ERR_EXISTS)
        return fail_fmt(a, ERR_EXISTS, "already running with the state folder %.*s", ARG(folder));
    return e;
}

void instance_sign(struct supervisor *sup)
{
    lockfile_write_pid(sup->lock_fd, process_id());
    sup->lock_signed = true;
}

// A successor has the lock too, and must be able to let it go while we still finish sessions.
void instance_leave(struct supervisor *sup, enum instance_end how)
{
    if (sup->lock_signed && how == INSTANCE_ENDS) // a successor that fails leaves ours alone
        lockfile_write_pid(sup->lock_fd, 0);
    sup->lock_signed = false;
    descriptor_close(sup->lock_fd);
    sup->lock_fd = -1;
}
