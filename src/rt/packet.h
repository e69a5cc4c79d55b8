// SPDX-License-Identifier: Apache-2.0
// rt/packet.h: a pair of sockets that keep the limits of what was sent at once (SOCK_SEQPACKET),
// between a worker and the log writer. Neither end ever blocks. On the real machine only.
#pragma once

#include "base/base.h"

#define PACKET_BYTES_MAX (64 * KIB)

enum packet_result {
    PACKET_DONE,
    PACKET_FULL, // sending: no room; receiving: nothing there
    PACKET_GONE, // the other end is closed
};

struct err packet_pair(int out_fds[2]) MUST_USE; // close-on-exec, non-blocking
enum packet_result packet_send(int fd, struct str bytes);
// At most `room` bytes of one packet; what is longer loses its end, so give PACKET_BYTES_MAX.
enum packet_result packet_receive(int fd, char *out, size_t room, size_t *out_len);
bool packet_wait_room(int fd, int64_t most_ms);
bool packet_wait_bytes(int fd, int64_t most_ms);
