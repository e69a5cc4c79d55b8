// SPDX-License-Identifier: Apache-2.0
// listen/certificates_table.h: the inside of struct certificates. Private to the room.
#pragma once

#include "base/map.h"
#include "listen/certificates.h"

#define CERTIFICATES_BYTES_MAX (64 * MIB) // names and texts of some ten thousand certificates

struct name_entry { // those that serve one name
    struct name_entry *next;
    const struct certificate *certificate;
};

struct certificates {
    size_t references;
    struct arena arena;
    struct certificate *at; // in the order of the sources; never moves
    size_t count;
    struct map by_name; // exact names and "*.domain" -> struct name_entry
};
