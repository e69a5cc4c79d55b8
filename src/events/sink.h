// SPDX-License-Identifier: Apache-2.0
// events/sink.h: where a worker's events go. Files are never written by two processes, so workers
// hand their records to the one log writer (events/writer.h), over a channel that keeps the limits
// of what was written together: a Unix socket pair of type SOCK_SEQPACKET (sink_channel), or a
// sink of a test or of the simulator.
#pragma once

#include "base/base.h"

#define SINK_BATCH_BYTES_MAX (32 * KIB) // one write: one or more whole records

struct event_sink {
    void *self;
    // True: taken as a whole. False: no room now; the same bytes, and more, will come again.
    bool (*write)(void *self, struct str records);
    // Waits for room, at most so long. NULL: nothing to wait for.
    bool (*wait)(void *self, int64_t most_ms);
};

// Over a descriptor of a socket pair made by packet_pair (rt/packet.h). Keep `fd` alive.
struct sink_channel {
    int fd;
};
struct event_sink sink_over_channel(struct sink_channel *channel);
