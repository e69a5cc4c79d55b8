// SPDX-License-Identifier: Apache-2.0
// rt/lmdb_env.h: an LMDB environment, opened: its named databases, the format it was written in,
// and what LMDB says in words for a person. Several processes may have the same one open; none
// twice in itself. Blocking calls, of microseconds but for commits, which wait for the disk.
//
// The map is as large as the data may ever grow: it costs addresses and nothing else, because the
// file grows only as it is written, and a map that never changes its size needs no agreement
// between processes while they run.
#pragma once

#include "base/base.h"

#include <lmdb.h>

struct lmdb_options {
    struct str folder;        // made when it is missing, unless read_only
    const char *what;         // "the accounts", in error texts
    const char *advice;       // ": restore a backup", behind what speaks of damage
    const char *const *names; // of the databases; one of them is "meta"
    size_t count;
    uint64_t map_bytes_max;
    unsigned readers_max;
    int format_major, format_minor; // operations.md 2.3: a newer major version is left alone
    bool read_only;                 // ERR_NOT_FOUND when it is not there
};

// out_dbs[i] is names[i].
struct err lmdb_open(struct arena *a, const struct lmdb_options *options, MDB_env **out_env,
        MDB_dbi *out_dbs) MUST_USE;
void lmdb_close(MDB_env *env); // NULL is fine
// The environment alone, of `path`, for those who see to its databases themselves: 0 or what LMDB
// gave back. Of the options it takes count, map_bytes_max, readers_max and read_only.
int lmdb_env_open(const char *path, const struct lmdb_options *options, MDB_env **out) MUST_USE;

// The pages of LMDB's map from one value that a reader was given to the end of another are let go
// of. They stay in the system's cache, and whoever reads next has them again.
void lmdb_give_back(const char *from, const char *to);

// What a call gave back, with the kind that fits; 0 is OK.
struct err lmdb_trouble(
        struct arena *a, const struct lmdb_options *options, int rc, const char *doing) MUST_USE;

static inline MDB_val lmdb_val(struct str s)
{
    return (MDB_val){.mv_size = s.len, .mv_data = (void *)(uintptr_t)s.ptr};
}
static inline struct str lmdb_str(const MDB_val *val)
{
    return (struct str){val->mv_data, val->mv_size};
}
