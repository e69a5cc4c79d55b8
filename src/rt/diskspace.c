// SPDX-License-Identifier: Apache-2.0
// rt/diskspace.c: statvfs.
#include "rt/diskspace.h"

#include <errno.h>
#include <sys/statvfs.h>

struct err disk_space(struct arena *a, struct str folder, struct disk_space *out)
{
    struct statvfs st;
    const char *path = arena_c_str(a, folder);
    if (path == NULL)
        return fail(ERR_LIMIT, "no memory for a path");
    if (statvfs(path, &st) != 0)
        return fail_errno(a, errno, "asking for the free space of %s", path);
    uint64_t block = st.f_frsize != 0 ? st.f_frsize : st.f_bsize;
    *out = (struct disk_space){.free_bytes = st.f_bavail * block,
            .total_bytes = st.f_blocks * block,
            .free_inodes = st.f_favail,
            .total_inodes = st.f_files};
    return OK;
}
