// SPDX-License-Identifier: Apache-2.0
// limits/limits.h: how much of everything a client may have (inbound.md 10). The room counts and
// remembers; what is refused, with which words, and how long somebody waits is the session's.
//
//     throttle.h  rates and concurrency that the administrator sets (10.4)
//     greylist.h  the first attempt of an unknown sender waits (10.5)
//     early.h     clients that have waited for the greeting (10.9)
//     tarpit.h    how many sessions of a listener may be made to wait (10.2)
//
// What is counted lies in shared memory (struct limits_shared), which the supervisor makes once and
// all workers of all generations use: a limit counts for the node, and outlives reloads. It has no
// locks, and what a process holds is counted in its column as well, so that a death gives it back
// (limits_shared_forget).
//
// The process that loads the configuration makes the settings, which never change; each worker puts
// together a struct limits, whose parts must outlive it:
//
//     struct limits_settings settings;
//     TRY(limits_settings_make(arena, conf, &findings, &settings));
//     ...
//     struct limits limits = {.settings = &settings, .shared = shared, .column = column};
//
// Moments are given by the caller (wall_ms()), so that one command sees one clock.
#pragma once

#include "limits/early.h"
#include "limits/greylist.h"
#include "limits/settings.h"
#include "limits/shared.h"
#include "limits/tarpit.h"
#include "limits/throttle.h"
