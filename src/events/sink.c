// SPDX-License-Identifier: Apache-2.0
// events/sink.c: the sink over a channel to the log writer.
#include "events/sink.h"
#include "rt/packet.h"

static bool channel_write(void *self, struct str records);
static bool channel_wait(void *self, int64_t most_ms);

struct event_sink sink_over_channel(struct sink_channel *channel)
{
    return (struct event_sink){channel, channel_write, channel_wait};
}

// When the log writer is gone there is nobody to tell: the events are dropped here, or the ring
// would stay full for ever. The supervisor restarts what died.
static bool channel_write(void *self, struct str records)
{
    struct sink_channel *channel = self;
    return packet_send(channel->fd, records) != PACKET_FULL;
}

static bool channel_wait(void *self, int64_t most_ms)
{
    struct sink_channel *channel = self;
    return packet_wait_room(channel->fd, most_ms);
}
