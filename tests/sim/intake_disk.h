// SPDX-License-Identifier: Apache-2.0
// tests/sim/intake_disk.h: a disk that can fail and die. Whoever links intake_calls.c makes his
// calls for files below one folder (those of LMDB, too) through this: they are counted, can be
// made to fail, and at the call of a given number the machine may end:
//
//   killed     what was written is what is found; it can still be lost when the power is cut later
//   power cut  what was not synced is lost, or torn, or there, as the seed has it: writes by
//              sectors, names (made, gone, moved) in their order by folder
//
// What would be found is copied aside at that moment, within the call. The caller's tasks unwind
// afterwards as they like; disk_exchange() then puts the copy where the folder was.
//
// There is one such disk in a process, because the calls of libc have no place for a second.
#pragma once

#include "base/base.h"

struct waitq;

enum disk_end { DISK_KILLED, DISK_POWER_CUT };
enum disk_failing { FAILING_NOTHING_DONE, FAILING_HALF_DONE, FAILING_ALL_DONE };

struct disk_faults {
    uint64_t from, until; // calls of these numbers fail; 0, 0: none
    int error;
    enum disk_failing how;
};

void disk_begin(struct str folder, uint64_t seed, bool tells); // tells: each call is printed
void disk_done(void);
uint64_t disk_calls(void); // so far
void disk_fail(const struct disk_faults *faults);
// At the call of that number, or now; wakes who waits there. Nothing fails any more from then on.
void disk_end_at(uint64_t call, enum disk_end how, struct waitq *wake);
void disk_end_now(enum disk_end how);
bool disk_has_ended(void);
void disk_exchange(void);

// --- For the calls -------------------------------------------------------------------------------

enum disk_fate { FATE_GOOD, FATE_FAILS, FATE_HALF, FATE_DONE };
// What is called is for people. errno is set, unless it is good.
enum disk_fate disk_call_begin(const char *what, const char *path);
const char *disk_file_path(int fd);
void disk_call_end(void); // done, but nobody was told yet

bool disk_watches(const char *path);
void disk_file_opened(int fd, const char *path, int flags);
void disk_file_closed(int fd);
bool disk_file_is_watched(int fd);
void disk_write_begin(int fd, size_t count, int64_t at);
void disk_write_end(int fd, size_t count, int64_t at); // of a file that syncs each write
void disk_synced(int fd);
void disk_sync_failed(int fd);

enum disk_naming { NAME_MADE, NAME_GONE, NAME_MOVED };
void disk_name_forget(const char *path);                                 // made, and gone again
void disk_name(enum disk_naming what, const char *path, const char *to); // to: NAME_MOVED
