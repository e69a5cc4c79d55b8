// SPDX-License-Identifier: Apache-2.0
// server/service.c: the lines of sd_notify(3).
#include "server/service.h"

#include "rt/process.h"
#include "rt/rt.h"

#define DATAGRAM_BYTES_MAX (4 * KIB)

void service_begin(struct service *service, const struct conf_env *env)
{
    uint64_t watchdog_us, watched_pid;
    struct str watchdog = conf_env_exact(env, S("WATCHDOG_USEC"));
    struct str pid = conf_env_exact(env, S("WATCHDOG_PID"));
    *service = (struct service){.socket = conf_env_exact(env, S("NOTIFY_SOCKET"))};
    if (!str_to_u64(watchdog, INT64_MAX, &watchdog_us))
        return;
    if (!str_is_empty(pid) &&
            (!str_to_u64(pid, INT32_MAX, &watched_pid) || watched_pid != (uint64_t)process_id()))
        return; // it watches somebody else
    service->watchdog_ms = (int64_t)(watchdog_us / 1000);
}

void service_tell(const struct service *service, const char *fmt, ...)
{
    if (str_is_empty(service->socket) || service->silent)
        return;
    struct buf text AUTO(buf_done);
    buf_init(&text, DATAGRAM_BYTES_MAX);
    va_list args;
    va_start(args, fmt);
    buf_vfmt(&text, fmt, args);
    va_end(args);
    service_notify(service->socket, buf_str(&text));
}

// The manager wants to know since when, so that it can tell this reload's READY=1 from another's.
void service_tell_reloading(const struct service *service)
{
    service_tell(service, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading",
            (long long)(now_ns() / 1000));
}
