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
// The same with a descriptor handed over: the receiver gets a copy of it (-1: none came along).
enum packet_result packet_send_with(int fd, struct str bytes, int handed_fd);
enum packet_result packet_receive_with(
        int fd, char *out, size_t room, size_t *out_len, int *out_fd);

bool packet_wait_room(int fd, int64_t most_ms);
bool packet_wait_bytes(int fd, int64_t most_ms);
// Until one of them has something, or is closed at its other end.
#define PACKET_WAIT_MAX 160
void packet_wait_any(const int *fds, size_t count, int64_t most_ms);
