// SPDX-License-Identifier: Apache-2.0
// deliver/probe.h: an attempt that sends nothing (outbound.md 25): the way that a delivery goes, by
// the code that deliveries go by, up to EHLO, or up to the reply to RCPT. What happens on the way
// is told by the events of the attempt, to the log of the inputs. It goes by no limiter (those that
// would count are told), no host's cool-down, no open connection and no policy kept on disk, and
// leaves nothing of that kind behind.
#pragma once

#include "deliver/deliver.h"
#include "smtp/client/client.h"

struct probe {
    struct str sender;
    struct str rcpt; // an address; without asks_rcpt only its domain matters
    bool asks_rcpt;
};

enum probe_end {
    PROBE_TAKEN,
    PROBE_DEFERRED, // it would be tried again
    PROBE_REFUSED,  // it would go back to its sender
    PROBE_UNKNOWN,  // nobody has decided anything
};

struct probe_result {
    enum probe_end end;
    struct outcome outcome; // what the recipient would have come to; texts are in the arena
};

// Needs of the inputs: settings, schedules, dsn, listen, resolver, directories, tls, sts, log.
struct err deliver_probe(struct arena *a, const struct deliver_inputs *in,
        const struct probe *probe, struct probe_result *out) suspends MUST_USE;

// For job.c and approach.c.
struct carried;
struct connection;
struct job;
struct remote;
struct err probe_local(struct job *j, const struct carried *rcpts, size_t count) MUST_USE;
