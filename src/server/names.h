// SPDX-License-Identifier: Apache-2.0
// server/names.h: whom the workers ask for names. The supervisor reads resolv.conf again every few
// seconds (a worker may not see the file that has taken its place: landlock knows files, not
// names), and tells the workers, old and new, of other servers, by an order on their wire:
//
//     names = "names " try-ms SP retries 1*( SP address ) LF
//
// What became of it the first worker notes in the shared memory, for `posthaste server status`.
#pragma once

#include "base/base.h"
#include "rt/dns.h"
#include "rt/task.h"

// Are answers validated, so that there can be DANE?
enum names_state { NAMES_UNKNOWN, NAMES_VALIDATED, NAMES_UNVALIDATED };

#define NAMES_LINE_BYTES_MAX 1024 // of an order: 16 addresses are the most

struct mail_worker;

// The order, and what it says; all that it leaves out is as before.
void names_order_add(struct buf *out, const struct dns_settings *settings);
bool names_order_read(struct arena *a, struct str words, struct dns_settings *io);

// A task of the supervisor's.
struct err watch_names(void *supervisor) suspends MUST_USE;

// --- In a worker ---------------------------------------------------------------------------------

// Can the servers do what resolver.dnssec wants? An error says why not, and then the worker must
// not serve. Servers that do not answer may be able to: a machine that starts has no network yet.
struct err names_check(struct mail_worker *m) suspends MUST_USE;
// The words of the order.
void names_change(struct mail_worker *m, struct str words) suspends;
