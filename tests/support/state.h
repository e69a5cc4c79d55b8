// SPDX-License-Identifier: Apache-2.0
// tests/support/state.h: a folder of the real disk (in memory, where the system has such a one) for
// what a server of a simulation keeps: its store and directory. It is gone when the test is over.
#pragma once

#include "base/base.h"

#define STATE_PATH_BYTES 256

struct state_folder {
    char path[STATE_PATH_BYTES]; // empty: none
};
struct err state_folder_make(struct state_folder *folder) MUST_USE;
void state_folder_remove(struct state_folder *folder); // and all that is in it
