// SPDX-License-Identifier: Apache-2.0
// queue/signing/rotating.h: the task that changes keys of DKIM by itself (authentication.md 7.4),
// one on a node: the first worker runs it. It makes keys, asks the DNS for their records, and says
// as events what somebody has to publish; what is to be done when is said by proof/rotation.h.
//
// Two of them do no harm (while a server is reloaded there are two generations): what is slow,
// making a key and asking the DNS, is done without the lock of the file, and its result is only
// taken where the file, read again under the lock, still asks for that step. So a key is lost at
// the worst, one that nobody has heard of.
//
//     struct rotating in = {.settings = &plan->rotation, .desk = &desk, ...};
//     TRY(group_spawn(&tending, rotating_main, &in));
#pragma once

#include "directory/directory.h"
#include "queue/signing/signing.h"
#include "rt/dns.h"

struct rotating {
    const struct rotation_settings *settings;
    struct str path; // queue/signing/key_file.h
    struct signing_desk *desk;
    struct resolver *resolver;
    struct directories *directories; // for the local domains; NULL: there are none
    struct event_log *log;
    bool was_told;        // that the file cannot be read or written,
    struct arena trouble; // and why
};
struct err rotating_main(void *rotating) suspends MUST_USE; // until it is cancelled
// All that is due now; when to look again. An error: the file could not be read or written, and
// nothing was changed that is not in it.
struct err rotating_round(struct rotating *r, int64_t *out_next_ms) suspends MUST_USE;
