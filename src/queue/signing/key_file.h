// SPDX-License-Identifier: Apache-2.0
// queue/signing/key_file.h: the file of the state folder in which the keys stand that the server
// has made itself, `dkim-keys`, with their stages (proof/rotation.h). Only its user can read it. It
// is replaced as a whole (queue/control/statefile.h), so that one key becomes active and another
// one retires in the same moment, whenever the machine stops. Blocking calls.
#pragma once

#include "conf/conf.h"
#include "proof/rotation.h"

#define KEY_FILE_BYTES_MAX ((size_t)192 * MIB)

struct str key_file_path(struct arena *a, const struct conf *conf);
// No file: no keys.
struct err key_file_read(struct arena *a, struct str path, struct rotation_keys *out) MUST_USE;
// Only under the lock (statefile_lock), by who has read what it replaces under the same lock.
struct err key_file_write(
        struct arena *a, struct str path, const struct rotation_keys *keys) MUST_USE;
