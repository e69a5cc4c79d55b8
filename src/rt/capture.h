// SPDX-License-Identifier: Apache-2.0
// rt/capture.h: what a child says on its standard error when it is past speaking otherwise: the
// text of a failed assertion, of the C library, of a sanitizer. The parent makes a wire (wire_make
// of rt/process.h), the child puts its end in the place of descriptor 2. On the real machine only.
#pragma once

#include "base/base.h"

void capture_errors(int fd); // closes `fd`; standard error goes there from now on
// What lists of processes show for this one, at most 15 letters.
void process_show_as(const char *name);
// Straight to this process's own standard error, whether it is taken or not.
void capture_pass_on(struct str text);
