// SPDX-License-Identifier: Apache-2.0
// server/log_writer.h: the process that writes the logs. Orders come as packets on the control
// channel: a channel of a new worker (with its descriptor), `reopen`, `end`. It ends in order when
// it is told to or the supervisor is gone, having written all that had been sent by then.
#pragma once

#include "events/settings.h"
#include "rt/packet.h"

#define LOG_CHANNELS_MAX (PACKET_WAIT_MAX - 1)
#define LOG_WRITER_COLUMN 1 // of the metrics

#define ORDER_CHANNEL S("channel")
#define ORDER_REOPEN S("reopen")
#define ORDER_END S("end")

struct log_writer_start {
    const struct telemetry *telemetry;
    struct metrics *metrics;
    int control;
    int channels[LOG_CHANNELS_MAX]; // those that exist already
    size_t channel_count;
};

int log_writer_main(void *start); // a process_main
