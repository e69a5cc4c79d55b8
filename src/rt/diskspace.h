// SPDX-License-Identifier: Apache-2.0
// rt/diskspace.h: what is free on the file system of a folder. A blocking call, for helper threads:
// network file systems take their time.
#pragma once

#include "base/base.h"

struct disk_space {
    uint64_t free_bytes, total_bytes;   // free: for us, without what is kept for root
    uint64_t free_inodes, total_inodes; // total 0: this file system does not count them
};

struct err disk_space(struct arena *a, struct str folder, struct disk_space *out) MUST_USE;
