// SPDX-License-Identifier: Apache-2.0
// server/service.h: what the service manager hears (listeners.md 15.4): datagrams to NOTIFY_SOCKET.
// Without a service manager nothing is said.
#pragma once

#include "conf/conf.h"

struct service {
    struct str socket;   // of NOTIFY_SOCKET, null without
    int64_t watchdog_ms; // it ends us when it hears nothing for so long; 0: it does not
    bool silent;         // another process speaks for the service
};

void service_begin(struct service *service, const struct conf_env *env);
// Lines of KEY=value; the last one needs no end.
void service_tell(const struct service *service, const char *fmt, ...) PRINTF_LIKE(2, 3);
void service_tell_reloading(const struct service *service);
