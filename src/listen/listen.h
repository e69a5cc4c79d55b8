// SPDX-License-Identifier: Apache-2.0
// listen/listen.h: everything between `bind` and the first byte of a protocol (listeners.md): the
// listeners as configured, their sockets, TLS and certificates, PROXY headers, limits, block lists
// and bans.
//
// The supervisor calls listen_settings_make for each configuration, opens the sockets, and forks.
// A worker sets its log in each tls_context and serves each connection that it accepts. Nothing of
// the settings changes while a generation lives; what is counted and what is banned stands in
// memory that all processes share.
//
//     struct listen_settings settings;
//     struct listen_inputs in = {.conf = conf, .kept = &kept, .wall_now_ms = wall_ms()};
//     TRY(listen_settings_make(&arena, &in, &findings, &settings));
//     if (conf_may_start(conf, &findings)) ... settings.listeners[i].addresses[j] ...
//     listen_settings_done(&settings);
#pragma once

#include "listen/bind.h"

#include "listen/proxy.h"

#include "listen/nets.h"

#include "listen/certificates.h"

#include "listen/tls_context.h"

#include "listen/settings.h"
