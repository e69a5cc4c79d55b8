// SPDX-License-Identifier: Apache-2.0
// rt/panic.h: the last words of a process that is past saving: a failed assertion, an address that
// is not ours, a stack that is full. Standard error gets, after what the assertion itself said:
// which task ran and for which session, what it had last waited for, addresses from its stack
// (for addr2line), and what the other tasks wait for. Whoever keeps standard error (the supervisor,
// rt/capture.h) puts it into the crash report, next to the last events.
// Every loop over the real machine watches its thread.
#pragma once

#include "base/base.h"

// For the calling thread, with memory for the handler's stack (NULL: without memory, and without
// words). The process still dies of the signal, with a core dump that shows it.
void *panic_watch_begin(void);
void panic_watch_end(void *memory);
