// SPDX-License-Identifier: Apache-2.0
// rt/socket_options.h: options of a bare descriptor (listeners.md 6; outbound.md 7.1), which
// sockets that listen, that were accepted, and that connect share. Private to the room.
#pragma once

#include "rt/net.h"

// The first option that could not be set; name NULL: none. The others are set all the same.
struct option_trouble {
    const char *name;
    int64_t value;
    int errno_value;
};

void socket_set_stream_options(
        int fd, bool has6, const struct stream_options *options, struct option_trouble *first);
bool socket_bind_device(int fd, struct str name); // false: errno says why
// Before it connects; errors are ERR_CONFIG, with a text that needs no arena.
struct err socket_set_connect_options(
        int fd, bool has6, const struct connect_options *options) MUST_USE;
