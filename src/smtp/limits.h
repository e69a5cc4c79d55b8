// SPDX-License-Identifier: Apache-2.0
// smtp/limits.h: the bounds of this room, with their reasons.
#pragma once

#include "base/base.h"

#define COMMAND_BYTES_MAX 4096          // 512 in RFC 5321 4.5.3.1.4; extensions and AUTH need more
#define COMMAND_WAIT_MS (5 * MINUTE_MS) // RFC 5321 4.5.3.2.7 wants no less
#define SESSION_MS (10 * MINUTE_MS)     // one conversation; longer ones hold a slot for nothing
#define GOODBYE_WAIT_MS (5 * SECOND_MS) // for a last reply that nobody may be reading
#define ERRORS_MAX 20                   // replies of class 5 for bad commands in one session
#define DOMAIN_BYTES_MAX 255            // argument of EHLO, RFC 5321 4.5.3.1.2
